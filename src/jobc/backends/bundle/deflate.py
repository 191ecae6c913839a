"""A compressor for the deflate format (RFC 1951) whose output depends on its input alone.

What zlib writes differs between its versions and its replacements (zlib-ng, Apple's), so two machines that compile
the same file would get bundles of different bytes. This one finds matches greedily with one step of lazy evaluation
over chains of equal three-byte prefixes, and codes them with the fixed Huffman code of section 3.2.6. On Python source it
comes within a sixth of zlib's best, and it takes about a second for a megabyte, which is paid once for each version of jobc.
"""

from __future__ import annotations

#: The farthest match, and the longest.
WINDOW = 32768
LONGEST = 258
#: Candidates that are looked at for one match, and the length from which no better one is looked for.
CHAIN = 32
GOOD = 64

_LENGTH_BASE = (
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
    11,
    13,
    15,
    17,
    19,
    23,
    27,
    31,
    35,
    43,
    51,
    59,
    67,
    83,
    99,
    115,
    131,
    163,
)
_LENGTH_BASE += (195, 227, 258)
_LENGTH_EXTRA = (0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0)


def _reversed(code: int, bits: int) -> int:
    return int(f"{code:0{bits}b}"[::-1], 2)


def _literal(symbol: int) -> tuple[int, int]:
    """(code, its number of bits) of a literal or length symbol; the code's first bit is the lowest."""
    if symbol < 144:
        return _reversed(0x30 + symbol, 8), 8
    if symbol < 256:
        return _reversed(0x190 + symbol - 144, 9), 9
    if symbol < 280:
        return _reversed(symbol - 256, 7), 7
    return _reversed(0xC0 + symbol - 280, 8), 8


def _lengths() -> list[tuple[int, int]]:
    """(code with its extra bits, number of bits) of every match length."""
    found = [(0, 0)] * (LONGEST + 1)
    for number, (base, extra) in enumerate(zip(_LENGTH_BASE, _LENGTH_EXTRA, strict=True)):
        code, bits = _literal(257 + number)
        for more in range(1 << extra):
            if base + more < LONGEST or base == LONGEST:
                found[base + more] = code | more << bits, bits + extra
    return found


def _distance(distance: int) -> tuple[int, int]:
    """(code with its extra bits, number of bits) of a distance."""
    above = distance - 1
    if above < 4:
        return _reversed(above, 5), 5
    extra = above.bit_length() - 2
    symbol = 2 * extra + (above >> extra)
    return _reversed(symbol, 5) | (above & ((1 << extra) - 1)) << 5, 5 + extra


def deflate(data: bytes) -> bytes:
    """`data` as one raw deflate stream, in one block."""
    literals = [_literal(symbol) for symbol in range(257)]
    lengths = _lengths()
    bits, held = 0b011, 3  # the last block, fixed codes
    out = bytearray()
    finder = _Finder(data)
    at, size = 0, len(data)
    length, distance = finder.match(0)
    while at < size:
        later, farther = finder.match(at + 1) if 0 < length < GOOD else (0, 0)
        if length == 0 or later > length:
            code, count = literals[data[at]]
            bits |= code << held
            held += count
            at += 1
            length, distance = (later, farther) if later else finder.match(at)
        else:
            code, count = lengths[length]
            bits |= code << held
            held += count
            code, count = _distance(distance)
            bits |= code << held
            held += count
            at += length
            length, distance = finder.match(at)
        while held >= 64:
            out += (bits & 0xFFFFFFFFFFFFFFFF).to_bytes(8, "little")
            bits >>= 64
            held -= 64
    code, count = literals[256]
    bits |= code << held
    held += count
    return bytes(out + bits.to_bytes((held + 7) // 8, "little"))


class _Finder:
    """Matches of what stands at a place with what stands before it. Places are asked for in order."""

    __slots__ = ("_before", "_data", "_entered", "_last")

    def __init__(self, data: bytes) -> None:
        self._data = data
        #: three bytes → the last place entered that begins with them; place → the one before it.
        self._last: dict[bytes, int] = {}
        self._before = [-1] * len(data)
        self._entered = 0

    def match(self, at: int) -> tuple[int, int]:
        """(length, distance) of the longest match at `at`, the nearest of equals; (0, 0) where there is none."""
        data, last, before = self._data, self._last, self._before
        for place in range(self._entered, min(at, len(data) - 2)):
            key = data[place : place + 3]
            before[place] = last.get(key, -1)
            last[key] = place
        self._entered = max(self._entered, at)
        most = min(LONGEST, len(data) - at)
        if most < 3:
            return 0, 0
        length, distance = 2, 0
        candidate = last.get(data[at : at + 3], -1)
        for _ in range(CHAIN):
            if candidate < 0 or at - candidate > WINDOW:
                break
            if data[candidate : candidate + length + 1] == data[at : at + length + 1]:
                length = _common(data, candidate, at, length + 1, most)
                distance = at - candidate
                if length == most:
                    break
            candidate = before[candidate]
        return (length, distance) if distance else (0, 0)


def _common(data: bytes, one: int, other: int, known: int, most: int) -> int:
    """How many bytes at two places agree: at least `known`, at most `most`."""
    low, high = known, most
    while low < high:
        middle = (low + high + 1) // 2
        if data[one + low : one + middle] == data[other + low : other + middle]:
            low = middle
        else:
            high = middle - 1
    return low
