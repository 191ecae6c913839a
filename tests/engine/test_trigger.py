"""Runs that a `trigger` stage asks for: on the real backend, since the stage waits inside a worker."""

from __future__ import annotations

from engine_programs import Builder, statuses

from jobc.engine.control import Control
from jobc.engine.journal.history import History
from jobc.engine.journal.journal import Journal, path_in
from jobc.engine.options import MAX_DEPTH, Options
from jobc.engine.run import execute
from jobc.ir.program import EmptyStage, Param, RaiseStage


def start(builder, tmp_path, **options):
    options.setdefault("max_parallel", 1)
    return execute(builder.program, {}, Options(workdir=str(tmp_path), **options))


def nested(builder, stages, *, depth=1):
    """A chain of workflows that trigger one another; the last runs `stages`. The first is the entry."""
    for level in range(depth):
        child = builder.workflow(f"child{level + 1}")
        job = builder.job("call", workflow=child - 1)
        job.stages = [builder.trigger(child)]
        job.stages[0].id = "t"
    builder.job("inner", workflow=depth).stages = stages


def test_a_nested_run_needs_no_slot_of_its_own(tmp_path):
    builder = Builder()
    nested(builder, [EmptyStage(builder.span())], depth=5)
    assert start(builder, tmp_path).status == "success"


def test_many_nested_runs_at_once_do_not_block_one_another(tmp_path):
    builder = Builder()
    child = builder.workflow("child")
    job = builder.job("call", matrix={"x": list(range(12))}, max_parallel=12)
    job.stages = [builder.trigger(child)]
    builder.job("inner", workflow=child, matrix={"y": [1, 2, 3]}, max_parallel=3)
    assert start(builder, tmp_path, max_parallel=2).status == "success"


def test_a_nested_failure_fails_the_stage_with_its_reason(tmp_path):
    builder = Builder()
    nested(builder, [])
    builder.program.workflows[1].jobs[0].stages = [RaiseStage(builder.span(), builder.constant("no luck"))]
    result = start(builder, tmp_path)
    assert statuses(result) == {"call": "failed"}
    assert "no luck" in result.jobs["call"].reason


def test_outputs_of_the_nested_workflow_reach_the_stage(tmp_path):
    builder = Builder()
    nested(builder, [EmptyStage(builder.span())])
    child = builder.program.workflows[1]
    child.params = [Param("n", "int")]
    child.outputs = [("twice", builder.code(["*", ["get", ["name", "params"], "n"], 2]))]
    builder.program.workflows[0].jobs[0].stages = [builder.trigger(1, {"n": 21})]
    builder.program.workflows[0].jobs[0].stages[0].id = "t"
    result = start(builder, tmp_path)
    stage = result.jobs["call"].combinations[0].stages[0]
    assert stage.outputs.get("twice") == 42


def test_wrong_parameters_of_a_nested_run_fail_the_stage(tmp_path):
    builder = Builder()
    nested(builder, [EmptyStage(builder.span())])
    builder.program.workflows[1].params = [Param("n", "int")]
    builder.program.workflows[0].jobs[0].stages = [builder.trigger(1, {"n": "many", "m": 1})]
    result = start(builder, tmp_path)
    assert result.status == "failed"
    assert "an integer" in result.jobs["call"].reason
    assert "`m`" in result.jobs["call"].reason


def test_a_workflow_that_triggers_itself_ends(tmp_path):
    builder = Builder()
    builder.job("again").stages = [builder.trigger(0)]
    result = start(builder, tmp_path)
    assert result.status == "failed"
    assert f"more than {MAX_DEPTH} levels" in result.jobs["again"].reason


def test_the_journal_knows_which_run_triggered_which(tmp_path):
    builder = Builder()
    nested(builder, [EmptyStage(builder.span())])
    state = str(tmp_path / ".jobc")
    journal = Journal.create(path_in(state))
    start(builder, tmp_path, journal=journal, run_id="outer")
    history = History.open(state)
    assert [run["id"] for run in history.runs()] == ["outer"]
    detail = history.detail(history.find("outer"))
    assert [(child["run_id"], child["workflow"]) for child in detail["triggered"]] == [("outer.1", "child1")]
    assert history.detail(history.find("outer.1"))["jobs"]["inner"]["status"] == "success"
    history.close()
    journal.close()


def test_a_nested_run_has_its_own_timeout(tmp_path):
    builder = Builder()
    nested(builder, [EmptyStage(builder.span())])
    child = builder.program.workflows[1]
    child.jobs[0].stages[0].sleep = builder.constant(60)
    child.timeout = builder.constant("50ms")
    result = start(builder, tmp_path)
    assert result.status == "failed"
    assert "0.05 s" in result.jobs["call"].reason


def test_cancelling_a_run_cancels_what_it_triggered(tmp_path):
    control = Control()
    builder = Builder()
    nested(builder, [EmptyStage(builder.span())], depth=2)
    builder.program.workflows[2].jobs[0].stages[0].sleep = builder.constant(60)
    ended = {}

    def listener(event):
        if event["event"] == "stage-started" and event["job"] == "inner":
            control.cancel("enough")
        if event["event"] == "run-ended":
            ended[event["run"]] = event["status"]

    options = Options(workdir=str(tmp_path), control=control, run_id="r", max_parallel=1)
    result = execute(builder.program, {}, options, listener)
    assert result.status == "cancel"
    assert ended == {"r": "cancel", "r.1": "cancel", "r.1.1": "cancel"}
