from __future__ import annotations

import io
import zipfile

from hypothesis import given
from hypothesis import strategies as st

from jobc.backends.bundle.archive import DEFLATED, STORED, Member, write
from jobc.backends.bundle.deflate import deflate

names = st.text("abcé/._-", min_size=1, max_size=20)


@given(st.dictionaries(names, st.binary(max_size=200), max_size=6), st.sampled_from([b"", b"#!/bin/sh\n"]))
def test_zipfile_reads_what_was_written(files: dict[str, bytes], before: bytes) -> None:
    data = write([Member(name, content, deflate(content)) for name, content in files.items()], before=before)
    assert data.startswith(before)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == list(files)
        assert {name: archive.read(name) for name in files} == files


def test_a_member_that_does_not_shrink_is_stored() -> None:
    assert Member("a", b"xy", deflate(b"xy")).method == STORED
    assert Member("a", b"x" * 100, deflate(b"x" * 100)).method == DEFLATED
