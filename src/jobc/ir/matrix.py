"""The combinations of a matrix (LANGUAGE §2, Strategy), made one at a time.

The order is: the cross product in key order, the last key varying fastest, less what `exclude` matches,
each extended by the `include` entries that agree with it and bring new keys; then the `include` entries that
agree with none (or name only some matrix keys and nothing new), each a combination of its own. An entry is told apart by looking for it among the product's
combinations without making them: it agrees with one exactly if each of its matrix keys has that value in
the key's list and not every combination with these values is excluded. Only where `exclude` stands in the
way are combinations tried, and then only those that agree. So memory does not grow with the product.

Two values are the same if they are the same JSON: `1`, `1.0` and `true` are three values.
"""

from __future__ import annotations

import itertools
import json
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Sequence, Tuple

Combination = Dict[str, Any]


def expand(
    matrix: Mapping[str, Iterable[Any]],
    include: Iterable[Mapping[str, Any]] = (),
    exclude: Iterable[Mapping[str, Any]] = (),
) -> Iterator[Combination]:
    """Every combination once, in order; of an unset (empty) matrix without `include`, one empty combination."""
    return Product(matrix, include, exclude).combinations()


def count(
    matrix: Mapping[str, Iterable[Any]],
    include: Iterable[Mapping[str, Any]] = (),
    exclude: Iterable[Mapping[str, Any]] = (),
) -> int:
    """How many combinations there are. Multiplied out where nothing is excluded, else counted one by one."""
    return Product(matrix, include, exclude).count()


class Product:
    """A matrix to be expanded or counted, more than once if need be."""

    def __init__(
        self,
        matrix: Mapping[str, Iterable[Any]],
        include: Iterable[Mapping[str, Any]],
        exclude: Iterable[Mapping[str, Any]],
    ) -> None:
        self.keys: List[str] = list(matrix)
        self.values: List[Sequence[Any]] = [_distinct(values) for values in matrix.values()]
        self.excluded = [_compiled(entry) for entry in exclude]
        self.extending: List[Tuple[Dict[str, str], Combination]] = []
        self.appended: List[Combination] = []
        seen = set()
        for entry in include:
            agree = {key: same(entry[key]) for key in self.keys if key in entry}
            if self.keys and self._some_agrees(agree):
                new = {key: value for key, value in entry.items() if key not in agree}
                if new:
                    self.extending.append((agree, new))
                if new or len(agree) == len(self.keys):
                    continue
            name = same(dict(sorted(entry.items())))
            if name not in seen:
                seen.add(name)
                self.appended.append(dict(entry))

    def combinations(self) -> Iterator[Combination]:
        if not self.keys:
            if not self.appended:
                yield {}
            yield from self.appended
            return
        for combination in self._base(self.values):
            extended = dict(combination)
            names: Dict[str, str] = {}
            for agree, new in self.extending:
                if all(_name(names, combination, key) == value for key, value in agree.items()):
                    extended.update(new)
            yield extended
        yield from self.appended

    def count(self) -> int:
        if self.excluded or not self.keys:
            return sum(1 for _ in self.combinations())
        total = 1
        for values in self.values:
            total *= len(values)
        return total + len(self.appended)

    def _base(self, values: Sequence[Sequence[Any]]) -> Iterator[Combination]:
        """The product less what is excluded."""
        for row in _rows(values):
            combination = dict(zip(self.keys, row))
            if not self.excluded or not self._is_excluded(combination):
                yield combination

    def _is_excluded(self, combination: Combination) -> bool:
        names: Dict[str, str] = {}
        return any(
            all(
                key in combination and _name(names, combination, key) == value for key, value in entry.items()
            )
            for entry in self.excluded
        )

    def _some_agrees(self, agree: Mapping[str, str]) -> bool:
        narrowed = []
        for key, values in zip(self.keys, self.values):
            if key in agree:
                values = _matching(values, agree[key])
            if not len(values):
                return False
            narrowed.append(values)
        if not self.excluded:
            return True
        return next(self._base(narrowed), None) is not None


def _rows(values: Sequence[Sequence[Any]]) -> Iterator[Tuple[Any, ...]]:
    """The cross product, without copying long ranges as `itertools.product` does."""
    if not values:
        yield ()
        return
    head, tail = values[0], values[1:]
    for value in head:
        for row in itertools.product(*tail) if len(tail) == 1 else _rows(tail):
            yield (value,) + row


def _matching(values: Sequence[Any], wanted: str) -> Sequence[Any]:
    if isinstance(values, range):
        found = json.loads(wanted) if wanted.lstrip("-").isdigit() else None
        return [found] if found is not None and found in values else []
    return [value for value in values if same(value) == wanted]


def _distinct(values: Iterable[Any]) -> Sequence[Any]:
    if isinstance(values, range):
        return values
    found: Dict[str, Any] = {}
    for value in values:
        found.setdefault(same(value), value)
    return list(found.values())


def _compiled(entry: Mapping[str, Any]) -> Dict[str, str]:
    return {key: same(value) for key, value in entry.items()}


def _name(names: Dict[str, str], combination: Combination, key: str) -> str:
    name = names.get(key)
    if name is None:
        name = names[key] = same(combination[key])
    return name


def same(value: Any) -> str:
    """A text that two values share exactly if they are the same JSON value (the order of a map's keys apart)."""
    if isinstance(value, str):
        return "s" + value
    if type(value) is int:
        return str(value)
    return _encode(value)


def _other(value: Any) -> str:
    return "%s:%s" % (type(value).__name__, value)


_encode = json.JSONEncoder(sort_keys=True, ensure_ascii=False, default=_other).encode
