"""A combination that goes on where a dead engine left it: what is known of its stages, and how they are passed over.

A stage that had ended is not run again. Its result, the results of the stages inside it, what it did to `params` and
the names that it made known stand in for it (`Replay.restore`). A stage that had begun and not ended is run again, but
what was decided about it is not decided again: it entered, so its condition held; the attempts that had failed are
used up, and the delay before the next one goes on with what was left of it; a `foreach` keeps its items, a `case` its
arm, an `until` the answers that let it go on. So the stages inside are met at the same paths, and the rule above
holds for each of them.

Changes of `params` are numbered by their order in the combination. Passing over stages one after the other applies
them in that order; where branches or items ran at the same time, those made inside are applied at once before any of
it goes on (`Replay.below`), and the number decides which of two changes of one parameter was the later.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Tuple

from jobc.interpreter.api import StageResult
from jobc.ir.program import CaseStage, ForEachStage, ParallelStage, Stage, UntilStage

if TYPE_CHECKING:
    from jobc.interpreter.contexts import Scope

#: (number, values set, names deleted)
Change = Tuple[int, Dict[str, Any], List[str]]


class Kept:
    """What is known of a stage. `ended`: `result` is its end; else it had begun, and `failed` of its attempts had failed.

    `retry_in` is what is left of the delay before the next attempt, in seconds, None where none was waited for.
    `decided` holds what an attempt under way had decided.
    """

    __slots__ = ("changes", "decided", "ended", "failed", "result", "retry_in", "tolerated")

    def __init__(self, result: StageResult, ended: bool) -> None:
        self.result = result
        self.ended = ended
        self.tolerated = False
        self.changes: List[Change] = []
        self.failed = 0
        self.retry_in: Optional[float] = None
        self.decided: Dict[str, Any] = {}


class Replay:
    """The stages of one attempt at a combination, by their paths."""

    def __init__(self, stages: Dict[str, Kept]) -> None:
        self.stages = stages
        self._lock = threading.Lock()
        self._prefixes = {prefix for path in stages for prefix in _prefixes(path)}
        self._walk = _Walk(stages)
        numbers = [change[0] for kept in stages.values() for change in kept.changes]
        #: The number of the last change of `params`.
        self.last = max(numbers, default=0)

    def get(self, path: str) -> Optional[Kept]:
        return self.stages.get(path)

    def began(self, prefix: str) -> bool:
        """Whether a stage is known whose path begins so; `prefix` ends with a dot."""
        return prefix in self._prefixes

    def below(self, path: str) -> List[Change]:
        """The changes of `params` by stages inside a stage, in their order."""
        inside = (path + ".", path + "[")
        found = [
            change
            for own, kept in self.stages.items()
            if own.startswith(inside) and kept.ended
            for change in kept.changes
        ]
        return sorted(found, key=lambda change: change[0])

    def forget(self, path: str) -> None:
        """A new attempt at a stage begins: what is known of it and of the stages inside is of the attempt before."""
        inside = (path + ".", path + "[")
        with self._lock:  # others read on: nothing is changed in place
            self.stages = {
                own: kept for own, kept in self.stages.items() if own != path and not own.startswith(inside)
            }
            self._prefixes = {prefix for own in self.stages for prefix in _prefixes(own)}
            self._walk = _Walk(self.stages)

    def restore(self, stage: Stage, path: str, scope: "Scope") -> List[StageResult]:
        """Make known in `scope` what a stage that had ended did; the results of the stages inside it."""
        nested: List[StageResult] = []
        for id, kept in self._walk.inside(stage, path):
            nested.append(kept.result)
            for change in kept.changes:
                scope.state.restore_params(change)
            if id is not None:
                scope.note(id, {"result": kept.result.status, "outputs": kept.result.outputs})
        return nested


def results(stages: List[Stage], known: Dict[str, Kept]) -> List[StageResult]:
    """The results of a combination's stages as `run_combination` orders them: each before those inside it."""
    return [kept.result for _, kept in _Walk(known).sequence(stages, "")]


def _prefixes(path: str) -> Iterator[str]:
    at = path.find(".")
    while at != -1:
        yield path[: at + 1]
        at = path.find(".", at + 1)


class _Walk:
    """The known stages in the order of the program: (id, what is known) of each."""

    def __init__(self, known: Dict[str, Kept]) -> None:
        self._known = known
        #: The numbers of the items and rounds of each stage, ascending.
        self._rounds: Dict[str, List[int]] = {}
        for path in known:
            for at, character in enumerate(path):
                end = path.find("]", at)
                if character == "[" and path[at + 1 : end].isdigit():
                    self._rounds.setdefault(path[:at], []).append(int(path[at + 1 : end]))
        for path, numbers in self._rounds.items():
            self._rounds[path] = sorted(set(numbers))

    def sequence(self, stages: List[Stage], prefix: str) -> Iterator[Tuple[Optional[str], Kept]]:
        for position, stage in enumerate(stages):
            path = prefix + (stage.id or str(position))
            kept = self._known.get(path)
            if kept is not None:
                yield stage.id, kept
                yield from self.inside(stage, path)

    def inside(self, stage: Stage, path: str) -> Iterator[Tuple[Optional[str], Kept]]:
        """Those inside a stage, in the order of its sequences."""
        if isinstance(stage, ParallelStage):
            for name, stages in stage.branches:
                yield from self.sequence(stages, "%s.%s." % (path, name))
        elif isinstance(stage, CaseStage):
            for position, (code, stages) in enumerate(stage.arms):
                yield from self.sequence(stages, "%s.%s." % (path, "else" if code is None else position))
        elif isinstance(stage, (ForEachStage, UntilStage)):
            for number in self._rounds.get(path, ()):
                yield from self.sequence(stage.stages, "%s[%d]." % (path, number))
