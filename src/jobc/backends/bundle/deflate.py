"""A compressor for the deflate format (RFC 1951) whose output depends on its input alone.

What zlib writes differs between its versions and its replacements (zlib-ng, Apple's), so two machines that compile
the same file would get bundles of different bytes. This one finds matches greedily with one step of lazy evaluation
over chains of equal three-byte prefixes, and codes them in one block with Huffman codes made for it (section 3.2.7).
On Python source it comes within a few hundredths of zlib's best; a megabyte takes one or two seconds, once for each version of jobc.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapify, heappop, heappush

#: The farthest match, and the longest.
WINDOW = 32768
LONGEST = 258
#: Candidates that are looked at for one match, and the length from which no better one is looked for.
CHAIN = 64
GOOD = 64
#: The symbol that ends a block.
_END = 256

# fmt: off
_LENGTH_BASE = (
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31,
    35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
)
_LENGTH_EXTRA = (0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0)
#: In which order a block's head says how long the codes are that code its tables.
_HEAD_ORDER = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15)
# fmt: on

#: (symbol, its further bits, how many): of a length, of a distance.
_Coded = tuple[int, int, int]


def _lengths() -> list[_Coded]:
    found = [(0, 0, 0)] * (LONGEST + 1)
    for number, (base, extra) in enumerate(zip(_LENGTH_BASE, _LENGTH_EXTRA, strict=True)):
        for more in range(1 << extra):
            if base + more < LONGEST or base == LONGEST:
                found[base + more] = (257 + number, more, extra)
    return found


def _distance(distance: int) -> _Coded:
    above = distance - 1
    if above < 4:
        return above, 0, 0
    extra = above.bit_length() - 2
    return 2 * extra + (above >> extra), above & ((1 << extra) - 1), extra


def deflate(data: bytes) -> bytes:
    """`data` as one raw deflate stream, in one block."""
    lengths = _lengths()
    literals, distances = [0] * 286, [0] * 30
    #: A literal is (symbol, None), a match the codes of its length and its distance.
    items: list[tuple[_Coded, _Coded | None]] = []
    for symbol, distance in _matches(data):
        if distance == 0:
            items.append(((symbol, 0, 0), None))
            literals[symbol] += 1
            continue
        pair = lengths[symbol], _distance(distance)
        items.append(pair)
        literals[pair[0][0]] += 1
        distances[pair[1][0]] += 1
    items.append(((_END, 0, 0), None))
    literals[_END] += 1
    bits = _Bits()
    bits.put(0b101, 3)  # the last block, codes of its own
    literal_codes, distance_codes = _write_tables(
        bits, _code_lengths(literals, 15), _code_lengths(distances, 15)
    )
    put = bits.put
    for (symbol, more, extra), distance_code in items:
        put(*literal_codes[symbol])
        if distance_code is not None:
            if extra:
                put(more, extra)
            symbol, more, extra = distance_code
            put(*distance_codes[symbol])
            if extra:
                put(more, extra)
    return bits.whole()


def _matches(data: bytes) -> Iterator[tuple[int, int]]:
    """(byte, 0) or (length, distance), in order."""
    finder = _Finder(data)
    at, size = 0, len(data)
    length, distance = finder.match(0)
    while at < size:
        later, farther = finder.match(at + 1) if 0 < length < GOOD else (0, 0)
        if length == 0 or later > length:
            yield data[at], 0
            at += 1
            length, distance = (later, farther) if later else finder.match(at)
        else:
            yield length, distance
            at += length
            length, distance = finder.match(at)


class _Bits:
    """Bits in the order of the format: the lowest of a number first."""

    __slots__ = ("_count", "_held", "_out")

    def __init__(self) -> None:
        self._out = bytearray()
        self._held = self._count = 0

    def put(self, number: int, count: int) -> None:
        self._held |= number << self._count
        self._count += count
        while self._count >= 64:
            self._out += (self._held & 0xFFFFFFFFFFFFFFFF).to_bytes(8, "little")
            self._held >>= 64
            self._count -= 64

    def whole(self) -> bytes:
        return bytes(self._out + self._held.to_bytes((self._count + 7) // 8, "little"))


def _code_lengths(counts: list[int], longest: int) -> list[int]:
    """How many bits each symbol's code has, 0 where it does not occur. At least two symbols get a code."""
    used = [symbol for symbol, count in enumerate(counts) if count]
    used += [symbol for symbol in range(2) if symbol not in used][: max(0, 2 - len(used))]
    # Huffman's algorithm; equal weights in the order in which they were made.
    heap: list[tuple[int, int, tuple[int, ...]]] = [
        (max(1, counts[symbol]), number, (symbol,)) for number, symbol in enumerate(used)
    ]
    heapify(heap)
    found = [0] * len(counts)
    number = len(heap)
    while len(heap) > 1:
        one, two = heappop(heap), heappop(heap)
        for symbol in one[2] + two[2]:
            found[symbol] += 1
        heappush(heap, (one[0] + two[0], number, one[2] + two[2]))
        number += 1
    # Codes that are too long are cut; what that takes too much of the code space, the next longest give.
    room = 1 << longest
    for symbol in used:
        found[symbol] = min(found[symbol], longest)
    taken = sum(room >> found[symbol] for symbol in used)
    for symbol in sorted(used, key=lambda each: (-found[each], counts[each], each)):
        while taken > room and found[symbol] < longest:
            found[symbol] += 1
            taken -= room >> found[symbol]
    # What is left over, one unit or a few, goes to the most frequent of the longest.
    for symbol in sorted(used, key=lambda each: (-counts[each], each)):
        if taken < room and found[symbol] == longest:
            found[symbol] -= 1
            taken += 1
    return found


def _codes(lengths: list[int]) -> list[tuple[int, int]]:
    """(code with its first bit the lowest, number of bits) of each symbol (section 3.2.2)."""
    code, found = 0, [(0, 0)] * len(lengths)
    for length in range(1, max(lengths) + 1):
        for symbol, own in enumerate(lengths):
            if own == length:
                found[symbol] = int(f"{code:0{length}b}"[::-1], 2), length
                code += 1
        code <<= 1
    return found


def _write_tables(
    bits: _Bits, literals: list[int], distances: list[int]
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Write how long the codes are; the codes."""
    tables = [*literals, *distances]
    runs = list(_runs(tables))
    counts = [0] * 19
    for symbol, _, _ in runs:
        counts[symbol] += 1
    head = _code_lengths(counts, 7)
    codes = _codes(head)
    ordered = [head[symbol] for symbol in _HEAD_ORDER]
    while ordered[-1] == 0:
        ordered.pop()
    bits.put(len(literals) - 257, 5)
    bits.put(len(distances) - 1, 5)
    bits.put(len(ordered) - 4, 4)
    for length in ordered:
        bits.put(length, 3)
    for symbol, more, extra in runs:
        bits.put(*codes[symbol])
        if extra:
            bits.put(more, extra)
    return _codes(literals), _codes(distances)


def _runs(lengths: list[int]) -> Iterator[_Coded]:
    """The lengths of codes, equal ones in a row taken together."""
    at = 0
    while at < len(lengths):
        length, count = lengths[at], 1
        while at + count < len(lengths) and lengths[at + count] == length:
            count += 1
        at += count
        if length:
            yield length, 0, 0
            count -= 1
        while count >= 3:
            if length:
                some = min(count, 6)
                yield 16, some - 3, 2
            elif count < 11:
                some = count
                yield 17, some - 3, 3
            else:
                some = min(count, 138)
                yield 18, some - 11, 7
            count -= some
        for _ in range(count):
            yield length, 0, 0


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
