from __future__ import annotations

from typing import Any

import pytest

from jobc.interpreter.api import TriggerOutcome


def test_parameters_are_evaluated_and_outputs_come_back(build: Any, run: Any) -> None:
    run.host.outcome = TriggerOutcome("success", {"x": 1})
    result = run(build.job(build.trigger({"n": ["+", 1, 2], "who": "ada"}, id="t")))
    assert run.host.triggered == [(0, {"n": 3, "who": "ada"}, "t")]
    assert result.outputs == {"x": 1}


@pytest.mark.parametrize(
    ("status", "expected"), [("failed", "failed"), ("cancel", "failed"), ("skip", "skip")]
)
def test_its_status_is_the_stage_s(build: Any, run: Any, status: str, expected: str) -> None:
    run.host.outcome = TriggerOutcome(status, {"partial": 1}, "job a failed")
    result = run(build.job(build.trigger({})))
    assert result.stages[0].status == expected
    if expected == "failed":
        assert result.error.message == f"workflow `flow` ended as {status}: job a failed"
        assert result.stages[0].outputs == {"partial": 1}
