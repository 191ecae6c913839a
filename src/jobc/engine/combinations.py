"""The results of a job's combinations, in their order, small: a run may have a hundred thousand of them.

Results arrive in any order and are kept as they are until a block of neighbours is complete; then the block is packed.
Reading goes through the blocks one after the other and unpacks one at a time. Results of one block share most of
what they say, so that packed each takes some tens of bytes in place of a thousand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

from jobc.interpreter.api import CombinationResult

BLOCK = 256

_Block = dict[int, CombinationResult]


class Combinations(Sequence[CombinationResult]):
    """What has ended so far, by index; as a sequence, those from 0 up once all are there."""

    __slots__ = ("_at", "_count", "_live", "_packed", "_unpacked")

    def __init__(self) -> None:
        self._live: dict[int, _Block] = {}
        self._packed: dict[int, bytes] = {}
        self._count = 0
        #: The block that was read last, and its number.
        self._at = -1
        self._unpacked: _Block = {}

    def put(self, index: int, result: CombinationResult) -> None:
        """Each index once."""
        number = index // BLOCK
        block = self._live.setdefault(number, {})
        block[index] = result
        self._count += 1
        if len(block) < BLOCK:
            return
        import pickle
        import zlib

        try:
            self._packed[number] = zlib.compress(pickle.dumps(block, pickle.HIGHEST_PROTOCOL), 1)
        except Exception:  # noqa: BLE001 - a value that cannot be packed stays as it is
            return
        del self._live[number]

    def get(self, index: int) -> CombinationResult | None:
        return self._block(index // BLOCK).get(index)

    def ended(self) -> Iterator[CombinationResult]:
        """What has ended so far, in no order."""
        for number in {*self._live, *self._packed}:
            yield from self._block(number).values()

    def _block(self, number: int) -> _Block:
        packed = self._packed.get(number)
        if packed is None:
            return self._live.get(number, {})
        if number != self._at:
            import pickle
            import zlib

            self._at, self._unpacked = number, pickle.loads(zlib.decompress(packed))
        return self._unpacked

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> CombinationResult: ...
    @overload
    def __getitem__(self, index: slice) -> list[CombinationResult]: ...
    def __getitem__(self, index: int | slice) -> CombinationResult | list[CombinationResult]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(self._count))]
        position = index + self._count if index < 0 else index
        found = self.get(position) if 0 <= position < self._count else None
        if found is None:
            raise IndexError(f"there is no combination {index}")
        return found

    def __iter__(self) -> Iterator[CombinationResult]:
        for index in range(self._count):
            yield self[index]
        self._at, self._unpacked = -1, {}
