"""Values of the file that are known before anything runs, and the combinations of a matrix as far as they are."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeGuard

from jobc.sema.fold import NOT_CONSTANT, NotConstant, fold, numbers
from jobc.syntax.ast import Const, ListValue, MapValue, Strategy, TemplateValue, Value

if TYPE_CHECKING:
    from jobc.ir.matrix import Product


def constant(value: Value | None) -> Any:
    """The value where it depends on nothing, else `NOT_CONSTANT`; `None` (no value at all) gives `NOT_CONSTANT` too."""
    if isinstance(value, Const):
        return value.value
    if isinstance(value, TemplateValue):
        if not value.whole or not value.holes or value.holes[0].expr is None:
            return NOT_CONSTANT
        return fold(value.holes[0].expr)
    if isinstance(value, ListValue):
        items = [constant(item) for item in value.items]
        return NOT_CONSTANT if any(isinstance(item, NotConstant) for item in items) else items
    if isinstance(value, MapValue):
        entries = {item.key: constant(item.value) for item in value.entries}
        return NOT_CONSTANT if any(isinstance(v, NotConstant) for v in entries.values()) else entries
    return NOT_CONSTANT


def text(value: Value | None) -> str | None:
    """The text of a constant scalar, as it is written; None where it is something else or not known."""
    if isinstance(value, Const):
        return value.node.text if not isinstance(value.value, str) else value.value
    found = constant(value)
    return found if isinstance(found, str) else None


def number(value: Value | None) -> int | float | None:
    """A constant number, or the digits of one; None where it is none, or no finite one."""
    found = constant(value)
    if isinstance(found, str):
        try:
            found = float(found)
        except ValueError:
            return None
    return found if _is_finite(found) else None


def duration(value: Value | None) -> float | None:
    """The seconds of a constant duration."""
    from jobc.syntax.durations import seconds

    found = constant(value)
    if isinstance(found, str):
        found = seconds(found)
    return float(found) if _is_finite(found) else None


def _is_finite(value: object) -> TypeGuard[int | float]:
    """Whether a value is a number that can be computed with: `.inf`, `.nan` and a whole number of 400 digits cannot."""
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    except OverflowError:
        return False


#: Combinations that are counted one by one, at most.
STEPS = 200_000


class Grid:
    """The matrix of a job: `keys` with their values (None where they are not known), and the entries of `include` and
    `exclude` (None in place of one that is not known; the whole list None where that is not)."""

    __slots__ = ("_count", "_product", "exclude", "include", "keys")

    def __init__(self, strategy: Strategy) -> None:
        self.keys: dict[str, Sequence[Any] | None] | None = {}
        matrix = strategy.matrix
        if isinstance(matrix, MapValue):
            for item in matrix.entries:
                self.keys[item.key] = _values(item.value)
        elif matrix is not None:
            found = constant(matrix)
            known = isinstance(found, dict) and all(isinstance(values, list) for values in found.values())
            self.keys = found if known else None
        self._count: int | None = -1
        self._product: Product | None = None
        self.include = _entries(strategy.include)
        self.exclude = _entries(strategy.exclude)

    @property
    def known(self) -> bool:
        """Whether every combination is known."""
        return (
            self.keys is not None
            and None not in self.keys.values()
            and self.include is not None
            and None not in self.include
            and self.exclude is not None
            and None not in self.exclude
        )

    def size(self) -> int:
        """How many combinations the keys alone have, nothing included or excluded; 0 where that is not known."""
        total = 1
        for values in (self.keys or {}).values():
            total *= len(values or ())
        return total

    def count(self) -> int | None:
        """How many combinations there are; None where that is not known, or takes more than `STEPS` to find."""
        if self._count == -1:
            uncounted = not self.known or (self.exclude and self.size() > STEPS)
            self._count = None if uncounted else self.product.count()
        return self._count

    @property
    def product(self) -> Product:
        """The combinations, where every one is known."""
        if self._product is None:
            from jobc.ir.matrix import Product

            assert self.known
            self._product = Product(self.keys or {}, self.include or (), self.exclude or ())  # type: ignore[arg-type]
        return self._product


class Grids:
    """The matrices of a workflow's jobs, each found out when first asked for."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: dict[int, Grid] = {}

    def of(self, strategy: Strategy) -> Grid:
        found = self._found.get(id(strategy))
        if found is None:
            found = self._found[id(strategy)] = Grid(strategy)
        return found


def _values(value: Value) -> Sequence[Any] | None:
    """The values of a key; a `range` stays one, as it may be long."""
    if isinstance(value, TemplateValue) and value.whole and value.holes[0].expr is not None:
        counted = numbers(value.holes[0].expr)
        if counted is not None:
            return counted
    found = constant(value)
    return found if isinstance(found, list) else None


def holds(values: Sequence[Any], value: object) -> bool:
    """Whether the values of a key hold one, as combinations are compared."""
    from jobc.ir.matrix import same

    if isinstance(values, range):
        return isinstance(value, int) and not isinstance(value, bool) and value in values
    name = same(value)
    return any(same(each) == name for each in values)


def _entries(value: ListValue | TemplateValue | None) -> list[dict[str, Any] | None] | None:
    if value is None:
        return []
    if isinstance(value, ListValue):
        found = [constant(item) for item in value.items]
    else:
        found = constant(value)
        if not isinstance(found, list):
            return None
    return [entry if isinstance(entry, dict) else None for entry in found]
