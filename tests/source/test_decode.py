"""Bytes become text, or a message that says where and how to mend them."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobc.errors import UsageError
from jobc.source.decode import decode, read_file


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_each_accepted_encoding_gives_the_same_text(encoding: str) -> None:
    assert decode("a: 😀\r\nb: é\r\n".encode(encoding), "f").text == "a: 😀\r\nb: é\r\n"


def test_big_endian_utf16_is_read() -> None:
    assert decode(b"\xfe\xff" + "a: é".encode("utf-16-be"), "f").text == "a: é"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a: 1\r\nb: \xc3\xa9\xff\n", "f.yml:2:5: byte 0xff is not valid UTF-8"),
        (b"\xff\xfea\x00b", "f.yml:1:2: byte 0x62 is not valid UTF-16"),
        (b"\xff\xfe\x00\x00a\x00\x00\x00", "f.yml: is encoded as UTF-32"),
        (b"j\x00o\x00", "f.yml: is encoded as UTF-16 without its mark"),
    ],
)
def test_bytes_that_are_no_text_are_shown_with_their_place(data: bytes, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        decode(data, "f.yml")
    assert str(caught.value) == message
    assert caught.value.help == "save the file as UTF-8"


def test_a_file_is_named_as_it_is_to_be_shown(tmp_path: Path) -> None:
    path = tmp_path / "f.yml"
    path.write_bytes(b"a: 1\r\n")
    file = read_file(str(path), "shown.yml")
    assert (file.path, file.text) == ("shown.yml", "a: 1\r\n")


def test_what_cannot_be_read_is_a_usage_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    for path, words in (
        (str(tmp_path / "none.yml"), "no such file"),
        (str(tmp_path), "is a folder"),
        (str(tmp_path / "f" / "g"), "is a file, not a folder"),
        ("a\0b", "not a valid path"),
    ):
        with pytest.raises(UsageError, match=words) as caught:
            read_file(path)
        assert caught.value.help


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_without_permission_is_a_usage_error(tmp_path: Path) -> None:
    path = tmp_path / "f.yml"
    path.write_text("x")
    path.chmod(0)
    with pytest.raises(UsageError, match="no permission"):
        read_file(str(path))


@given(st.binary(max_size=40))
def test_any_bytes_give_a_text_or_a_usage_error(data: bytes) -> None:
    with contextlib.suppress(UsageError):
        assert isinstance(decode(data, "f").text, str)
