"""What is compressed comes back, and one input has one form."""

from __future__ import annotations

import hashlib
import random
import zlib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

import jobc
from jobc.backends.bundle.deflate import LONGEST, WINDOW, _code_lengths, deflate


def unpacked(stream: bytes) -> bytes:
    reader = zlib.decompressobj(-15)
    data = reader.decompress(stream) + reader.flush()
    assert reader.eof
    assert not reader.unused_data
    return data


@given(st.one_of(st.binary(max_size=600), st.text("ab\n", max_size=600).map(str.encode)))
def test_any_bytes_come_back(data: bytes) -> None:
    assert unpacked(deflate(data)) == data


@given(
    st.lists(
        st.sampled_from([b"    return value\n", b"import os\n", b"x" * 300, b"\x00", b"end"]), max_size=60
    )
)
def test_repetitions_come_back(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    assert unpacked(deflate(data)) == data


def test_matches_at_the_edge_of_the_window_and_of_the_longest_length() -> None:
    chance = random.Random(7)
    word = chance.randbytes(LONGEST + 5)
    for gap in (WINDOW - len(word) - 1, WINDOW - len(word), WINDOW - len(word) + 1):
        data = word + chance.randbytes(gap) + word
        assert unpacked(deflate(data)) == data


@given(
    st.lists(st.integers(0, 40).map(lambda power: int(1.6**power)), min_size=2, max_size=60),
    st.sampled_from([7, 15]),
)
def test_codes_of_any_frequencies_fill_the_code_space_exactly(counts: list[int], longest: int) -> None:
    lengths = _code_lengths(counts, longest)
    assert max(lengths) <= longest
    assert sum(2.0**-length for length in lengths if length) == 1.0
    assert all(length for length, count in zip(lengths, counts, strict=True) if count)


def test_source_text_comes_near_to_zlib() -> None:
    data = (Path(jobc.__file__).parent / "engine" / "scheduler.py").read_bytes()
    assert len(deflate(data)) < 1.03 * len(zlib.compress(data, 9))


def test_the_bytes_are_the_same_on_every_machine() -> None:
    # A change here gives every bundle in the world another hash: it must be on purpose.
    data = b"".join(b"line %d of the same text, %d\n" % (number, number % 7) for number in range(500))
    assert hashlib.sha256(deflate(data)).hexdigest() == PINNED


PINNED = "1d5986349cdd4cda70aec444ee07f4de65e630467b1badd45477dc2625071354"
