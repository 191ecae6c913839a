from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobc.interpreter.api import CombinationResult, ErrorInfo, Inputs, StageResult
from jobc.interpreter.taskfile import TaskError, TaskFile, dump_result, dump_task, load_result, load_task

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.dates(),
    st.datetimes(),
    st.decimals(allow_nan=False, allow_infinity=False, places=3),
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5) | st.just("$jobc"), inner, max_size=3)
    ),
    max_leaves=8,
)
maps = st.dictionaries(st.text(max_size=6), values, max_size=4)


@given(maps, maps, st.dictionaries(st.text(min_size=1, max_size=5), st.text(max_size=5), max_size=3))
def test_a_task_comes_back_as_it_was_sent(params: Any, matrix: Any, env: Any) -> None:
    inputs = Inputs(params, matrix=matrix, needs={"a": {"result": "success", "outputs": matrix}}, env=env)
    inputs.secrets = {"TOKEN": "s3cret-value"}
    data = dump_task(TaskFile("r.j.0.1", 1, 2, inputs, timeout=2.5, now="2026-01-31T09:00:00+00:00"))
    assert b"s3cret-value" not in data
    task = load_task(data, secrets={"TOKEN": "other", "MORE": "x"}, environ={"PATH": "/bin"}, workdir="/w")
    assert (task.name, task.workflow, task.job, task.timeout) == ("r.j.0.1", 1, 2, 2.5)
    assert task.inputs.params == params
    assert task.inputs.matrix == matrix
    assert task.inputs.env == env
    assert [type(item) for item in task.inputs.params.values()] == [type(item) for item in params.values()]
    assert task.inputs.needs["a"]["outputs"] == matrix
    assert task.inputs.secrets == {"TOKEN": "other"}
    assert (task.inputs.environ, task.inputs.workdir) == ({"PATH": "/bin"}, "/w")


def nested(alphabet: str) -> st.SearchStrategy[Any]:
    return st.recursive(
        st.text(alphabet, max_size=6) | st.dates(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["k", "$jobc", "map", "hidden"]), inner, max_size=2)
        ),
        max_leaves=6,
    )


@pytest.mark.parametrize("token", ["∑", "a", "hidden"])
@given(data=st.data())
def test_secrets_are_slots_wherever_their_values_stand(token: str, data: Any) -> None:
    secrets = {"TOKEN": token, "LONG": token + "b", "param x": "∂"}
    value = data.draw(nested(token + "b∂$"))
    env = {"AUTH": f"Bearer {token}", "N": "∂"}
    inputs = Inputs({"x": value}, env=env, secrets={"TOKEN": token, "LONG": token + "b"})
    sent = dump_task(TaskFile("t", 0, 0, inputs), {"param x": "∂"})
    assert "∑" not in sent.decode()
    assert "∂" not in sent.decode()
    task = load_task(sent, secrets=secrets, environ={}, workdir=".")
    assert task.inputs.params == {"x": value}
    assert task.inputs.env == env
    assert task.inputs.secrets == secrets, "what is hidden is masked, too"


@given(maps, st.sampled_from(["success", "failed", "skip", "cancel"]), st.text(max_size=10))
def test_a_result_comes_back_exactly(outputs: Any, status: str, message: str) -> None:
    result = CombinationResult(status, {"day": date(2026, 1, 31), "at": datetime(2026, 1, 31, tzinfo=UTC)})
    result.outputs = outputs
    result.reason, result.duration = "because", 1.25
    result.error = ErrorInfo("KeyError", message, "a.job.yml", 7, 3)
    result.error.bases = ["LookupError"]
    stage = StageResult("load", "Load it", status, "2.left.load")
    stage.attempts, stage.duration, stage.outputs, stage.error = 3, 0.5, outputs, result.error
    result.stages = [stage]
    back = load_result(dump_result("t", result), "t")
    assert back.to_json() == result.to_json()
    assert (back.outputs, back.matrix, back.reason, back.duration) == (
        outputs,
        result.matrix,
        "because",
        1.25,
    )
    assert back.error is not None
    assert (back.error.exit_code, back.error.bases) == (3, ["LookupError"])
    assert (back.stages[0].path, back.stages[0].attempts) == ("2.left.load", 3)


def test_decimals_keep_their_digits() -> None:
    result = CombinationResult("success", {})
    result.outputs = {"price": Decimal("1.10")}
    assert str(load_result(dump_result("t", result), "t").outputs["price"]) == "1.10"


WHOLE = dump_result("t", CombinationResult("success", {}))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no JSON"),
        (WHOLE[:-5], "no JSON"),
        (b"[]", "no JSON object"),
        (b'{"version": 99}', "version 99"),
        (dump_result("other", CombinationResult("success", {})), "that of other, not of t"),
        (WHOLE.replace(b'"success"', b'"fine"'), "'fine' is no status"),
        (json.dumps({"version": 1, "name": "t", "result": {"status": "success"}}).encode(), "not whole"),
        (json.dumps({"version": 1, "name": "t", "result": None}).encode(), "not whole"),
    ],
)
def test_a_result_that_is_not_whole_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(TaskError, match=said):
        load_result(data, "t")


def test_a_task_without_its_secret_is_refused() -> None:
    inputs = Inputs({}, secrets={"TOKEN": "x"})
    data = dump_task(TaskFile("t", 0, 0, inputs))
    with pytest.raises(TaskError, match="no value for the secret TOKEN"):
        load_task(data, secrets={}, environ={}, workdir=".")
