"""A combination that was cut off after any event, and goes on: it ends as if it had not been, and does nothing twice."""

from __future__ import annotations

import copy
import threading
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from jobc.interpreter.api import (
    Cancellation,
    CombinationResult,
    ErrorInfo,
    Inputs,
    StageResult,
    TriggerOutcome,
)
from jobc.interpreter.replay import Kept, Replay
from jobc.interpreter.run import run_combination
from jobc.lower.program import lower
from jobc.sema.analyze import analyze
from jobc.source.decode import decode

FLOW = """
params: {n: int, list: list, day: date, price: decimal}
jobs:
  a:
    outputs:
      n: "${{ params.n }}"
      last: "${{ stages.tell.outputs }}"
      got: "${{ stages.got.outputs.v }}"
    stages:
      - id: start
        isolation: inline
        run: |
          params.n += 1
          params.list = params.list + ["z"]
          params.day = params.day.replace(day=2)
      - foreach: "${{ params.list }}"
        condition: params.n == 1
        stages:
          - isolation: inline
            run: |
              params.n += 10
              params.list = []
          - id: got
            isolation: inline
            run: v = item + str(params.n)
      - parallel:
          left:
            - {isolation: inline, run: params.price = params.price * 2}
            - {isolation: inline, run: params.side = 'left'}
          right:
            - {isolation: inline, run: params.side = 'right'}
            - {isolation: inline, run: params.pop('list')}
        max-parallel: 1
      - until: item == 3
        item: 0
        stages:
          - {id: round, isolation: inline, run: item = item + 1}
          - {isolation: inline, run: params.n = item}
      - case: "${{ params.n }}"
        match:
          - case: 2
            stages:
              - {isolation: inline, run: params.n = 4}
              - {isolation: inline, run: params.n = params.n + 1}
        _:
          - {raise: wrong arm}
      - id: flaky
        retry: {attempts: 3, delay: 0}
        isolation: inline
        run: |
          assert context["attempt"] >= 3
          params.tries = context["attempt"]
      - id: tolerated
        continue-on-error: true
        isolation: inline
        run: raise KeyError("no")
      - id: tell
        isolation: inline
        run: |
          seen = [params.n, str(params.day), str(params.price), params.side, params.tries, sorted(params)]
          before = sorted(stages)
"""


class Cut(BaseException):
    """Ends a worker where its engine died."""


class Memory:
    """A host that keeps what a journal would, and dies after so many events."""

    def __init__(self, known: dict[str, Kept] | None = None, dies_after: int | None = None) -> None:
        self.known = known or {}
        self.ran: list[tuple[str, int]] = []
        self.events = 0
        self.dies_after = dies_after
        self.dead = False
        self._lock = threading.Lock()

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    def trigger(self, *_: Any) -> TriggerOutcome:
        raise AssertionError

    def emit(self, event: Mapping[str, Any]) -> None:
        kind = event["event"]
        if kind == "log":
            return
        with self._lock:
            if self.dead:
                raise Cut
            self.keep(kind, event["stage"], copy.deepcopy(dict(event)))
            self.events += 1
            if self.events == self.dies_after:
                self.dead = True
                raise Cut

    def keep(self, kind: str, path: str, event: dict[str, Any]) -> None:
        if kind == "stage-started":
            self.ran.append((path, event["attempt"]))
            if path not in self.known:
                self.known[path] = Kept(StageResult(event["id"] or path, event["name"], "", path), False)
        elif kind == "stage-decided":
            self.known[path].decided.update(event["journal"])
        elif kind == "stage-retrying":
            self.known = {
                own: kept for own, kept in self.known.items() if not own.startswith((path + ".", path + "["))
            }
            kept = self.known[path]
            kept.failed, kept.retry_in, kept.decided = event["attempt"], 0.0, {}
            kept.changes = event["journal"]["changes"]
        elif kind == "stage-ended":
            result = StageResult(event["id"] or path, event["name"], event["status"], path)
            result.attempts, result.outputs, result.reason = (
                event["attempts"],
                event["outputs"],
                event["reason"],
            )
            memory = event.get("journal", {})
            if event["error"] is not None:
                result.error = ErrorInfo(**event["error"])
                result.error.bases = memory["bases"]
            kept = self.known[path] = Kept(result, True)
            kept.tolerated = memory.get("tolerated", False)
            kept.changes = memory.get("changes", [])


def inputs(replay: Replay | None) -> Inputs:
    params = {"n": 0, "list": ["x", "y"], "day": date(2026, 1, 31), "price": Decimal("1.10")}
    return Inputs(params, replay=replay)


def work(program: Any, host: Memory, replay: Replay | None) -> CombinationResult | None:
    try:
        return run_combination(program, 0, 0, inputs(replay), host, Cancellation())
    except Cut:
        return None


def seen(result: CombinationResult) -> Any:
    document = result.to_json()
    for stage in document["stages"]:
        del stage["duration_s"]
    return document


@pytest.fixture(scope="module")
def program() -> Any:
    return lower(analyze(decode(FLOW.encode(), "t.job.yml")))


def test_it_may_be_cut_off_after_any_event_and_goes_on(program: Any) -> None:
    calm = Memory()
    whole = work(program, calm, None)
    assert whole is not None
    assert whole.status == "success", whole.error
    assert whole.outputs["n"] == 5
    assert whole.outputs["got"] == "z31"
    total = calm.events
    assert total > 40
    for number in range(1, total):
        first = Memory(dies_after=number)
        assert work(program, first, None) is None
        ended = {path for path, kept in first.known.items() if kept.ended}
        second = Memory(dict(first.known))
        result = work(program, second, Replay(dict(first.known)))
        assert result is not None
        assert seen(result) == seen(whole), f"cut off after event {number}"
        assert ended.isdisjoint(path for path, _ in second.ran), f"cut off after event {number}"
        assert {*first.ran, *second.ran} == set(calm.ran)


def test_it_may_be_cut_off_again_and_again(program: Any) -> None:
    calm = Memory()
    whole = work(program, calm, None)
    assert whole is not None
    known: dict[str, Kept] = {}
    for _ in range(100):
        host = Memory(known, dies_after=3)
        result = work(program, host, Replay(dict(known)))
        if result is not None:
            assert seen(result) == seen(whole)
            return
        known = host.known
    raise AssertionError("it never came to its end")


def test_of_two_branches_the_one_that_changed_a_parameter_later_has_changed_it(program: Any) -> None:
    """The order of the branches in the file is not the order in which they were at work."""
    known = {}
    for number, (path, side) in enumerate([("2.right.0", "right"), ("2.left.1", "left")], start=6):
        kept = known[path] = Kept(StageResult(path, path, "success", path), True)
        kept.changes = [(number, {"side": side}, [])]
    early = known["0"] = Kept(StageResult("0", "0", "success", "0"), True)
    early.changes = [(1, {"side": "early"}, [])]
    assert [change[0] for change in Replay(known).below("2")] == [6, 7]

    from jobc.interpreter.contexts import JobState
    from jobc.interpreter.launcher import FreshLauncher

    state = JobState(
        program,
        program.workflows[0],
        program.workflows[0].jobs[0],
        inputs(Replay(known)),
        Memory(),
        Cancellation(),
        FreshLauncher(),
    )
    for change in (known["2.left.1"].changes[0], known["2.right.0"].changes[0], early.changes[0]):
        state.restore_params(change)
    assert state.params["side"] == "left"
    state.change_params({"side": "new"}, [])
    assert state.params["side"] == "new"
