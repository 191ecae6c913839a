"""From the rows of the journal to the states of a run that goes on.

    a job that has ended      comes back as it ended, with what others see of it
    a job that had begun      its matrix is expanded from what was decided then (`jobs.plan`), not from expressions that may
                              give something else by now. Its combinations: those that ended keep their results;
                              one that waited for its next attempt waits for the rest of its delay, at most; one
                              that ran is taken up where it runs, or begun again with what was done of it (`Replay`)
    a job in the queue of a concurrency group   comes to it in the order of then, and is not judged again
    any other                 is judged when its needs have ended, as ever

A run that a `trigger` stage asked for comes back when that stage asks for it again: by then the combination stands at
the same stage of the same attempt, and its run is found by those.

What was to run again (`engine.reopen`) is marked `stale`: it counts for the numbers of attempts and for nothing else.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

from jobc.backends.api import JobHandle
from jobc.engine.combinations import Combinations
from jobc.engine.combine import conclude, not_run
from jobc.engine.journal.journal import Journal
from jobc.engine.judge import expansion
from jobc.engine.result import JobResult
from jobc.engine.retry import LOST
from jobc.engine.state import ENDED, OPEN, CombinationState, JobState, Restored, RunState
from jobc.interpreter.api import CombinationResult, ErrorInfo, StageResult
from jobc.interpreter.replay import Kept, Replay, results
from jobc.ir.status import CANCEL, FAILED

Row = Mapping[str, Any]


class Restorer:
    """`opened` gives what a sealed column holds."""

    def __init__(self, journal: Journal, opened: Callable[[str], Any]) -> None:
        self._journal = journal
        self._opened = opened

    def jobs(self, run: RunState) -> None:
        """Bring the jobs of a run to where the journal says they were. `run.key` is set, its states are made."""
        key = run.key
        states = {state.position: state for state in run.jobs}
        combinations = self._combinations(key)
        stages = self._stages(key)
        for row in self._journal.rows("SELECT * FROM jobs WHERE run = ?", (key,)):
            state = states.get(row["position"])
            if state is None:
                continue
            own = combinations.get(state.position, {})
            state.attempts = max((each["attempt"] for each in own.values()), default=0)
            if row["plan"] is not None:
                state.plan = self._opened(row["plan"])
            if row["status"] is not None:
                self._ended(state, row, own, stages)
            elif row["started"] is not None:
                self._open(state, row, own, stages)
            else:
                state.bases = {index: each["attempt"] for index, each in own.items()}
                if row["queued"] is not None:
                    state.queued = row["queued"]

    def child(self, parent: RunState, job: int, combination: CombinationState, stage: str) -> Row | None:
        """The run that a stage asked for in this attempt, before the engine died."""
        rows = self._journal.rows(
            "SELECT * FROM runs WHERE parent = ? AND parent_job = ? AND parent_combination = ?"
            " AND parent_attempt = ? AND parent_stage = ? AND stale = 0 ORDER BY run DESC LIMIT 1",
            (parent.key, job, combination.index, combination.attempt, stage),
        )
        return rows[0] if rows else None

    def children(self, run: RunState) -> int:
        """How many runs a run has asked for."""
        (row,) = self._journal.rows("SELECT count(*) AS n FROM runs WHERE parent = ?", (run.key,))
        return int(row["n"])

    def active(self, row: Row) -> float:
        """The seconds that engines have worked on a run."""
        since = row["started"] if row["resumed"] is None else row["resumed"]
        return float(row["active"] + max(0.0, self._last(row["run"]) - since))

    def _last(self, key: int) -> float:
        """When the last thing happened to a run."""
        (row,) = self._journal.rows("SELECT max(time) AS last FROM events WHERE run = ?", (key,))
        return float(row["last"] or 0.0)

    def _combinations(self, key: int) -> dict[int, dict[int, Row]]:
        """Job → combination → its last attempt."""
        found: dict[int, dict[int, Row]] = {}
        query = "SELECT * FROM combinations WHERE run = ? ORDER BY job, combination, attempt"
        for row in self._journal.rows(query, (key,)):
            found.setdefault(row["job"], {})[row["combination"]] = row
        return found

    def _stages(self, key: int) -> dict[tuple[int, int, int], list[Row]]:
        found: dict[tuple[int, int, int], list[Row]] = {}
        for row in self._journal.rows("SELECT * FROM stages WHERE run = ? AND stale = 0", (key,)):
            found.setdefault((row["job"], row["combination"], row["attempt"]), []).append(row)
        return found

    # Jobs

    def _ended(
        self,
        state: JobState,
        row: Row,
        own: dict[int, Row],
        stages: Mapping[tuple[int, int, int], list[Row]],
    ) -> None:
        result = JobResult(row["status"])
        result.reason = row["reason"]
        result.error = _error(row["error"], None)
        result.duration = row["duration"] or 0.0
        result.attempts = row["attempts"]
        result.outputs = json.loads(row["outputs"])
        if row["started"] is not None:
            combinations = Combinations()
            for index, matrix in enumerate(expansion(state.plan)[0]):
                kept = own.get(index)
                if kept is not None and _is_over(kept):
                    combinations.put(index, self._result(state, kept, matrix, stages))
                else:
                    combinations.put(index, not_run(matrix, row["reason"]))
            result.combinations = combinations
        conclude(state, result)
        state.phase = ENDED
        state.run.pending -= 1
        for dependent in state.dependents:
            dependent.waiting -= 1

    def _open(
        self,
        state: JobState,
        row: Row,
        own: dict[int, Row],
        stages: Mapping[tuple[int, int, int], list[Row]],
    ) -> None:
        state.phase = OPEN
        state.started = time.monotonic() - max(0.0, self._last(state.run.key) - row["started"])
        state.matrices, state.total, state.max_parallel, state.fail_fast = expansion(state.plan)
        state.next_index = min(max(own, default=-1) + 1, state.total)
        matrices = list(islice(state.matrices, state.next_index))
        for index, matrix in enumerate(matrices):
            kept = own.get(index)
            if kept is not None and _is_over(kept):
                state.results.put(index, self._result(state, kept, matrix, stages))
            else:
                combination = CombinationState(state, index, matrix)
                state.restored.append(self._restored(combination, kept, stages))

    def _restored(
        self,
        combination: CombinationState,
        row: Row | None,
        stages: Mapping[tuple[int, int, int], list[Row]],
    ) -> Restored:
        if row is None:
            return Restored(combination)
        if row["stale"]:
            combination.attempt = combination.base = row["attempt"]
            return Restored(combination)
        combination.base = row["base"]
        combination.interruptions = self._interruptions(combination)
        if row["ended"] is not None:
            combination.attempt = row["attempt"]
            return Restored(combination, wait=_left(row["retry_at"], row["retry_at"] - row["ended"]))
        combination.attempt = row["attempt"] - 1
        combination.restarts = row["restarts"]
        known = stages.get((combination.job.position, combination.index, row["attempt"]), [])
        combination.replay = Replay(self._kept(known))
        restored = Restored(combination)
        restored.submitted = True
        if known:
            restored.elapsed = max(0.0, time.time() - min(each["started"] for each in known))
        restored.told = row["told"], row["told_stage"]
        restored.told_ends = {each["stage"] for each in known if each["ended"] is not None}
        if row["handle"] is not None:
            restored.handle = JobHandle.of_json(json.loads(row["handle"]))
        return restored

    def _interruptions(self, combination: CombinationState) -> int:
        """How many attempts the environment took away."""
        job = combination.job
        rows = self._journal.rows(
            "SELECT error FROM combinations WHERE run = ? AND job = ? AND combination = ? AND attempt > ?"
            " AND status = ? AND retry_at IS NOT NULL",
            (job.run.key, job.position, combination.index, combination.base, FAILED),
        )
        return sum(json.loads(row["error"])["type"] == LOST for row in rows)

    # Results

    def _result(
        self,
        state: JobState,
        row: Row,
        matrix: dict[str, Any],
        stages: Mapping[tuple[int, int, int], list[Row]],
    ) -> CombinationResult:
        result = CombinationResult(row["status"], matrix)
        result.outputs = json.loads(row["outputs"])
        result.error = _error(row["error"], None)
        result.reason = row["reason"]
        result.duration = row["duration"] or 0.0
        known = stages.get((state.position, row["combination"], row["attempt"]), [])
        kept = {each["stage"]: self._stage(each) for each in known if each["ended"] is not None}
        result.stages = results(state.job.stages, kept)
        return result

    def _kept(self, rows: list[Row]) -> dict[str, Kept]:
        found = {row["stage"]: self._stage(row) for row in rows}
        # A stage that was cancelled together with its run has not been done.
        return {path: kept for path, kept in found.items() if kept.result.status != CANCEL}

    def _stage(self, row: Row) -> Kept:
        memory = self._opened(row["memory"]) if row["memory"] is not None else {}
        result = StageResult(
            row["id"] or row["stage"], row["name"] or row["stage"], row["status"] or "", row["stage"]
        )
        result.attempts = row["attempts"]
        result.duration = row["duration"] or 0.0
        result.reason = row["reason"]
        is_live = not isinstance(memory, dict)
        kept = Kept(result, row["ended"] is not None and not is_live)
        if is_live:
            return kept
        result.outputs = json.loads(row["outputs"]) if row["outputs"] is not None else {}
        result.error = _error(row["error"], memory) if row["status"] is not None else None
        kept.tolerated = memory.get("tolerated", False)
        kept.changes = [(number, changed, deleted) for number, changed, deleted in memory.get("changes", ())]
        kept.failed = row["failed"]
        kept.decided = self._opened(row["decided"]) if row["decided"] is not None else {}
        if row["retry_at"] is not None:
            kept.retry_in = _left(row["retry_at"], row["retry_in"])
        return kept


def _is_over(row: Row) -> bool:
    """Whether a combination has come to its end: the last attempt at it, that is, which is not to be made again."""
    return row["ended"] is not None and row["retry_at"] is None and not row["stale"]


def _left(until: float, whole: float) -> float:
    """What is left of a delay. The clock may have been changed since: never more than the whole of it."""
    return max(0.0, min(whole, until - time.time()))


def _error(text: str | None, memory: Mapping[str, Any] | None) -> ErrorInfo | None:
    if text is None:
        return None
    found = json.loads(text)
    error = ErrorInfo(found["type"], found["message"], found["path"], found["line"], found.get("exit_code"))
    if memory:
        error.exit_code = memory.get("exit_code")
        error.bases = list(memory.get("bases") or ())
    return error
