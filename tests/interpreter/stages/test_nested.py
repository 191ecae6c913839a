"""parallel, foreach, until and case: what runs, in which order it is told, and how failures spread."""

from __future__ import annotations

import threading
from datetime import date
from typing import Any

import pytest

from jobc.interpreter.api import CombinationResult


def name(path: str) -> list[Any]:
    first, *rest = path.split(".")
    tree: list[Any] = ["name", first]
    for key in rest:
        tree = ["get", tree, key]
    return tree


def paths(result: CombinationResult) -> list[tuple[str, str]]:
    return [(stage.path, stage.status) for stage in result.stages]


class Gate:
    """Counts the stages that are between start and end at the same time."""

    def __init__(self) -> None:
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()

    def __call__(self, event: dict[str, Any]) -> None:
        with self._lock:
            if event["event"] == "stage-started" and event["id"] == "leaf":
                self._now += 1
                self.most = max(self.most, self._now)
            elif event["event"] == "stage-ended" and event["id"] == "leaf":
                self._now -= 1


def test_branches_run_at_the_same_time_and_are_told_in_order(build: Any, run: Any) -> None:
    meet = (
        'touch "$JOBC_E1"; until [ -e "$JOBC_E2" ]; do sleep 0.01; done; echo v="$JOBC_E1" >> "$JOBC_OUTPUT"'
    )
    left = build.bash(meet, [("JOBC_E1", "l", "word"), ("JOBC_E2", "r", "word")], id="a")
    right = build.bash(meet, [("JOBC_E1", "r", "word"), ("JOBC_E2", "l", "word")])
    result = run(
        build.job(
            build.parallel({"left": [left], "right": [right]}, id="both"),
            build.empty(echo=["text", name("stages.a.outputs.v"), name("stages.both.outputs.right.v")]),
        )
    )
    assert paths(result) == [
        ("both", "success"),
        ("both.left.a", "success"),
        ("both.right.0", "success"),
        ("1", "success"),
    ]
    assert result.stages[0].outputs == {"left": {"v": "l"}, "right": {"v": "r"}}
    assert [stage.id for stage in result.stages] == ["both", "a", "both.right.0", "1"]
    assert run.host.lines() == ["lr"]


def test_a_failing_branch_lets_the_others_finish(build: Any, run: Any) -> None:
    branches = {"a": [build.raising("broken"), build.empty()], "b": [build.empty()], "c": [build.empty()]}
    result = run(build.job(build.parallel(branches, max_parallel=1)))
    assert paths(result) == [
        ("0", "failed"),
        ("0.a.0", "failed"),
        ("0.a.1", "skip"),
        ("0.b.0", "success"),
        ("0.c.0", "success"),
    ]
    assert result.error.message == "branch `a`: broken"
    assert result.stages[1].error.message == "broken"


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_max_parallel_bounds_the_items(build: Any, run: Any, limit: int) -> None:
    run.host.on_event = gate = Gate()
    items = ["list", *range(6)]
    result = run(build.job(build.foreach(items, [build.empty(sleep=0.02, id="leaf")], max_parallel=limit)))
    assert result.status == "success"
    assert gate.most <= limit


def test_items_have_their_results_in_order(build: Any, run: Any) -> None:
    stages = [build.python("double = item * 2", id="d"), build.empty(echo=name("stages.d.outputs.double"))]
    result = run(build.job(build.foreach(["list", 1, 2, 3], stages, max_parallel=3, id="f")))
    assert result.outputs["items"] == [
        {"item": n, "result": "success", "outputs": {"double": n * 2}} for n in (1, 2, 3)
    ]
    assert [path for path, _ in paths(result)] == [
        "f",
        "f[0].d",
        "f[0].1",
        "f[1].d",
        "f[1].1",
        "f[2].d",
        "f[2].1",
    ]
    assert sorted(run.host.lines()) == ["2", "4", "6"]


def test_after_a_failed_item_no_other_starts(build: Any, run: Any) -> None:
    stages = [build.case(name("item"), [(2, [build.raising("two")]), (..., [build.empty()])])]
    result = run(build.job(build.foreach(["list", 1, 2, 3], stages)))
    assert [item["item"] for item in result.stages[0].outputs["items"]] == [1, 2]
    assert result.error.message == "item 1: two"


def test_no_items_is_success(build: Any, run: Any) -> None:
    assert run(build.job(build.foreach(["list"], [build.empty()]))).outputs == {"items": []}


def test_what_is_no_list_is_refused(build: Any, run: Any) -> None:
    result = run(build.job(build.foreach("abc", [])))
    assert result.error.message == "`foreach` needs a list, but it is the text 'abc'"


def test_cancelling_ends_all_branches(build: Any, run: Any) -> None:
    seen: set[str] = set()

    def on_event(event: dict[str, Any]) -> None:
        if event["event"] == "log":
            seen.add(event["stage"])
            if len(seen) == 2:
                run.cancellation.throw()

    run.host.on_event = on_event
    result = run(
        build.job(
            build.parallel({"a": [build.bash("echo x; sleep 600")], "b": [build.bash("echo x; sleep 600")]})
        )
    )
    assert paths(result) == [("0", "cancel"), ("0.a.0", "cancel"), ("0.b.0", "cancel")]
    assert result.status == "cancel"


def test_a_timeout_of_the_whole_ends_what_is_inside(build: Any, run: Any) -> None:
    result = run(build.job(build.parallel({"a": [build.bash("sleep 600"), build.empty()]}, timeout=0.3)))
    assert result.error.type == "timeout"
    assert paths(result)[0] == ("0", "failed")


def test_until_repeats_with_the_item_of_the_round_before(build: Any, run: Any) -> None:
    stage = build.until(
        [">=", name("stages.n.outputs.item"), 3], [build.python("item = (item or 0) + 1", id="n")]
    )
    result = run(build.job(stage))
    assert result.outputs == {"item": 3}
    assert [path for path, _ in paths(result)] == ["0", "0[0].n", "0[1].n", "0[2].n"]


def test_until_begins_with_its_item(build: Any, run: Any) -> None:
    run(build.job(build.until(True, [build.empty(echo=name("item"))], item="first")))
    assert run.host.lines() == ["first"]


def test_until_gives_up_after_its_rounds_and_says_why(build: Any, run: Any) -> None:
    result = run(
        build.job(build.until(["==", name("params.x"), 1], [build.empty()], max_loop=3)), params={"x": 2}
    )
    assert result.error.type == "until"
    assert (
        "did not hold after 3 rounds; condition `params.x == 1` is false: params.x is 2"
        in result.error.message
    )
    assert len(result.stages) == 4


def test_until_has_ten_rounds_by_itself(build: Any, run: Any) -> None:
    assert len(run(build.job(build.until(False, [build.empty()]))).stages) == 11


@pytest.mark.parametrize(("value", "line"), [(1, "one"), ("1", "text"), (2, "other"), (True, "other")])
def test_case_compares_strictly(build: Any, run: Any, value: Any, line: str) -> None:
    arms = [
        ("1", [build.empty(echo="text")]),
        (1, [build.empty(echo="one")]),
        (..., [build.empty(echo="other")]),
    ]
    run(build.job(build.case(value, arms)))
    assert run.host.lines() == [line]


def test_case_without_a_match(build: Any, run: Any) -> None:
    result = run(build.job(build.case("x", [("y", [])])))
    assert result.error.type == "case"
    assert "no `match` equals the text 'x'" in result.error.message
    skipped = run(build.job(build.case("x", [("y", [])], skip_not_match=True), build.empty()))
    assert skipped.stages[0].status == "skip"
    assert skipped.stages[0].reason == "no `match` equals the text 'x'"


def test_env_of_the_outer_stage_reaches_the_inner_ones(build: Any, run: Any) -> None:
    inner = build.foreach(["list", 1], [build.bash('echo "$A$B"', env={"B": "2"})], env={"A": "1"})
    run(build.job(inner))
    assert run.host.lines() == ["12"]


def test_all_stages_inside_skipped_is_a_skip(build: Any, run: Any) -> None:
    result = run(build.job(build.foreach(["list", 1], [build.empty(condition=False)]), build.empty()))
    assert [status for _, status in paths(result)] == ["skip", "skip", "success"]


def test_items_that_are_dates_are_texts_in_the_outputs(build: Any, run: Any) -> None:
    job = build.job(build.foreach(name("params.days"), [build.empty(echo=name("item.year"))]))
    result = run(job, params={"days": [date(2024, 1, 2)]})
    assert run.host.lines() == ["2024"]
    assert result.outputs["items"][0]["item"] == "2024-01-02"
