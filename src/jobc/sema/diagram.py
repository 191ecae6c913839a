"""Boolean functions of what is free in a run, as reduced ordered decision diagrams with complement edges.

A function is a reference: twice a node's number, plus 1 for its negation, so that negating costs nothing and two
functions are the same exactly if their references are. A node holds a level (the variable it decides on; higher ones
stand nearer the root) and the references for true and false; the one for true is never negated, which makes the form
canonical (Bryant 1986; Brace, Rudell and Bryant 1990).

The order is what makes it fast here. A job's outcome gets its level when the job is met, in topological order, so it
stands above all that the job waits for, and `succeeds and what it needs` is one new node on an old function: a
chain of ten thousand jobs makes ten thousand nodes, one call each. `conjunction` keeps that for joins: it takes the
topmost literal off each operand, so that operands with the same rest meet once.

A solver was measured beside it. On random graphs of 200 jobs with all rules and conditions, asking a SAT solver (CaDiCaL
by way of python-sat) for each job's four ends takes as long as building the diagrams (0.1 s) and four times as long for
1,000 jobs, and its import costs 70 ms more; a diagram package (dd) takes 400 ms to import. Diagrams also answer what a
solver does not: whether two versions do the same, and what the cheapest witness is.

All walks keep their own stacks. `Exhausted` is raised after `limit` steps; what was made before stays good.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

TRUE = 0
FALSE = 1


class Exhausted(Exception):
    """The work limit is reached."""


class Diagram:
    """The nodes of one analysis. `steps` counts work; `limit` bounds it."""

    __slots__ = ("_high", "_level", "_low", "_products", "_unique", "limit", "steps")

    def __init__(self, limit: int) -> None:
        self._level = [-1]
        self._high = [TRUE]
        self._low = [TRUE]
        self._unique: dict[tuple[int, int, int], int] = {}
        self._products: dict[tuple[int, int], int] = {}
        self.steps = 0
        self.limit = limit

    def __len__(self) -> int:
        return len(self._level)

    def node(self, level: int, high: int, low: int) -> int:
        """`high` where the variable of this level is true, else `low`; both below this level."""
        if high == low:
            return high
        if high & 1:
            return self.node(level, high ^ 1, low ^ 1) ^ 1
        key = (level, high, low)
        found = self._unique.get(key)
        if found is None:
            found = self._unique[key] = len(self._level) << 1
            self._level.append(level)
            self._high.append(high)
            self._low.append(low)
        return found

    def literal(self, level: int) -> int:
        return self.node(level, TRUE, FALSE)

    def level(self, ref: int) -> int:
        """The level of the topmost variable, -1 of a constant."""
        return self._level[ref >> 1]

    def parts(self, ref: int) -> tuple[int, int]:
        """(where the topmost variable is true, where it is false)."""
        index, sign = ref >> 1, ref & 1
        return self._high[index] ^ sign, self._low[index] ^ sign

    def both(self, a: int, b: int) -> int:
        """Conjunction."""
        products = self._products
        found = _constant(a, b)
        if found < 0:
            found = products.get((a, b) if a < b else (b, a), -1)
        if found >= 0:
            return found
        levels, highs, lows = self._level, self._high, self._low
        asked = (a, b) if a < b else (b, a)
        stack = [asked]
        while stack:
            pair = stack[-1]
            if pair in products:
                stack.pop()
                continue
            a, b = pair
            index, other = a >> 1, b >> 1
            level, second = levels[index], levels[other]
            a1 = a0 = a
            b1 = b0 = b
            if level >= second:
                sign = a & 1
                a1, a0 = highs[index] ^ sign, lows[index] ^ sign
            if second >= level:
                sign = b & 1
                b1, b0 = highs[other] ^ sign, lows[other] ^ sign
                level = second
            high = _constant(a1, b1)
            if high < 0:
                above = (a1, b1) if a1 < b1 else (b1, a1)
                high = products.get(above, -1)
            low = _constant(a0, b0)
            if low < 0:
                below = (a0, b0) if a0 < b0 else (b0, a0)
                low = products.get(below, -1)
            if high >= 0 and low >= 0:
                products[pair] = self.node(level, high, low)
                stack.pop()
                continue
            self.steps += 1
            if self.steps > self.limit:
                raise Exhausted
            if high < 0:
                stack.append(above)
            if low < 0:
                stack.append(below)
        return products[asked]

    def either(self, a: int, b: int) -> int:
        return self.both(a ^ 1, b ^ 1) ^ 1

    def any(self, refs: Iterable[int]) -> int:
        return self.conjunction([ref ^ 1 for ref in refs]) ^ 1

    def conjunction(self, refs: Iterable[int]) -> int:
        """Of any number of functions. Such that are a literal and a rest are taken apart first."""
        given = list(dict.fromkeys(refs))
        if len(given) < 2:
            return given[0] if given else TRUE
        literals: dict[int, int] = {}
        rests: dict[int, None] = {}
        for ref in given:
            high, low = self.parts(ref)
            if ref > 1 and (low == FALSE or high == FALSE):
                sign = TRUE if low == FALSE else FALSE
                if literals.setdefault(self.level(ref), sign) != sign:
                    return FALSE
                rests[low if high == FALSE else high] = None
            else:
                rests[ref] = None
        result = TRUE
        for ref in sorted(rests, key=self.level):
            result = self.both(ref, result)
        for level in sorted(literals):
            if result == FALSE:
                break
            sign = literals[level]
            if level > self.level(result):
                result = self.node(level, result, FALSE) if sign == TRUE else self.node(level, FALSE, result)
            else:
                result = self.both(result, self.literal(level) ^ sign)
        return result

    def implies(self, a: int, b: int) -> bool:
        return self.both(a, b ^ 1) == FALSE

    def support(self, ref: int) -> set[int]:
        """The levels of the variables that a function depends on."""
        seen: set[int] = set()
        levels: set[int] = set()
        todo = [ref >> 1]
        while todo:
            index = todo.pop()
            if index == 0 or index in seen:
                continue
            seen.add(index)
            levels.add(self._level[index])
            todo += (self._high[index] >> 1, self._low[index] >> 1)
        return levels

    def cheapest(self, ref: int, cost: Callable[[int, bool], int]) -> dict[int, bool] | None:
        """The assignment of least cost that makes a function true, by level; None where nothing does.

        What it leaves out may be either. Of equal costs false is taken, nearest the root first.
        """
        if ref == FALSE:
            return None
        best: dict[int, int | None] = {TRUE: 0, FALSE: None}
        todo = [ref]
        while todo:
            current = todo[-1]
            if current in best:
                todo.pop()
                continue
            high, low = self.parts(current)
            missing = [part for part in (high, low) if part not in best]
            if missing:
                todo += missing
                continue
            level = self.level(current)
            costs = [
                part + cost(level, value)
                for part, value in ((best[low], False), (best[high], True))
                if part is not None
            ]
            best[current] = min(costs, default=None)
            todo.pop()
        assignment: dict[int, bool] = {}
        while ref != TRUE:
            high, low = self.parts(ref)
            level = self.level(ref)
            down, up = best[low], best[high]
            value = down is None or (up is not None and up + cost(level, True) < down + cost(level, False))
            assignment[level] = value
            ref = high if value else low
        return assignment


def _constant(a: int, b: int) -> int:
    """`a` and `b`, where nothing needs to be looked up for it; else -1."""
    if a == b or b == TRUE:
        return a
    if a == TRUE:
        return b
    if a == FALSE or b == FALSE or a == b ^ 1:
        return FALSE
    return -1
