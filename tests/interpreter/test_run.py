"""What a combination makes of its stages: order, conditions, status, outputs, secrets."""

from __future__ import annotations

import threading
import time
from datetime import date
from typing import Any

import pytest

from jobc.interpreter.api import CombinationResult


def get(path: str) -> list[Any]:
    first, *rest = path.split(".")
    tree: list[Any] = ["name", first]
    for key in rest:
        tree = ["get", tree, key]
    return tree


def call(name: str) -> list[Any]:
    return ["call", name]


def statuses(result: CombinationResult) -> list[str]:
    return [stage.status for stage in result.stages]


def test_stages_see_params_matrix_and_earlier_stages(build: Any, run: Any) -> None:
    result = run(
        build.job(
            build.bash(
                'echo "n=${JOBC_E1}" >> "$JOBC_OUTPUT"', [("JOBC_E1", get("matrix.n"), "word")], id="first"
            ),
            build.empty(
                echo=["text", get("params.who"), " ", get("stages.first.outputs.n"), " ", get("job.status")]
            ),
        ),
        params={"who": "ada"},
        matrix={"n": 3},
    )
    assert result.status == "success"
    assert run.host.lines() == ["ada 3 success"]


def test_a_false_condition_skips_and_says_why(build: Any, run: Any) -> None:
    result = run(
        build.job(build.empty(echo="x"), build.empty(condition=["==", get("params.dry"), False])),
        params={"dry": True},
    )
    assert statuses(result) == ["success", "skip"]
    assert result.stages[1].reason == "condition `params.dry == false` is false: params.dry is true"
    assert result.stages[1].attempts == 0
    assert result.status == "success"


def test_a_job_of_skipped_stages_is_skipped(build: Any, run: Any) -> None:
    result = run(build.job(build.empty(condition=False)))
    assert result.status == "skip"
    assert result.reason == "every stage was skipped: its condition is the constant false"


def test_a_condition_that_is_no_boolean_fails_with_its_value(build: Any, run: Any) -> None:
    result = run(build.job(build.empty(condition=get("params.x"))), params={"x": "yes"})
    assert result.status == "failed"
    assert result.error.type == "expression"
    assert "'yes'" in result.error.message
    assert (result.error.path, result.error.line) == ("flow.job.yml", 10)


def test_after_a_failure_only_stages_that_ask_for_it_run(build: Any, run: Any) -> None:
    result = run(
        build.job(
            build.raising("broken"),
            build.empty(),
            build.empty(condition=call("failure")),
            build.empty(condition=call("always")),
            build.empty(condition=call("success")),
            build.empty(condition=["and", True, True]),
        )
    )
    assert statuses(result) == ["failed", "skip", "success", "success", "skip", "skip"]
    assert result.stages[1].reason == "an earlier stage failed"
    assert result.status == "failed"
    assert (result.error.type, result.error.message) == ("raise", "broken")


def test_the_stages_inside_a_handler_run(build: Any, run: Any) -> None:
    inside = build.foreach(["list", 1, 2], [build.empty(echo=get("job.status"))], condition=call("failure"))
    result = run(build.job(build.raising("broken"), inside))
    assert result.stages[1].status == "success"
    assert run.host.lines() == ["failed", "failed"]


def test_continue_on_error_lets_the_job_go_on(build: Any, run: Any) -> None:
    result = run(
        build.job(
            build.raising("broken", continue_on_error=True, id="a"), build.empty(echo=get("stages.a.result"))
        )
    )
    assert statuses(result) == ["failed", "success"]
    assert result.status == "success"
    assert result.error is None
    assert run.host.lines() == ["failed"]


def test_outputs_are_the_union_and_the_later_stage_wins(build: Any, run: Any) -> None:
    result = run(build.job(build.python("a = 1\nb = 1"), build.python("b = 2")))
    assert result.outputs == {"a": 1, "b": 2}


def test_declared_outputs_are_evaluated_at_the_end(build: Any, run: Any) -> None:
    job = build.job(build.python("a = 1", id="s"), outputs={"x": get("stages.s.outputs.a"), "y": ["+", 1, 2]})
    assert run(job).outputs == {"x": 1, "y": 3}


def test_an_output_that_has_no_value_fails_a_job_that_succeeded(build: Any, run: Any) -> None:
    result = run(build.job(build.empty(), outputs={"x": ["+", 1, "a"]}))
    assert result.status == "failed"
    assert result.error.type == "expression"


def test_an_output_of_a_failed_job_is_null_where_it_cannot_be_had(build: Any, run: Any) -> None:
    result = run(build.job(build.raising("no"), outputs={"x": ["+", 1, "a"], "y": 2}))
    assert result.outputs == {"x": None, "y": 2}
    assert result.error.message == "no"


def test_env_reaches_processes_and_expressions(build: Any, run: Any) -> None:
    stage = build.bash(
        'echo "$A $B $JOBC_JOB $JOBC_STAGE $JOBC_RUN_ID $JOBC_ATTEMPT"',
        env={"B": ["text", get("env.A"), "!"]},
    )
    run(build.job(stage, build.empty(echo=["text", get("env.A"), get("env.B")])), env={"A": "1"})
    assert run.host.lines() == ["1 1! build 0 run-1 1", "1"]


def test_events_tell_a_stage_from_start_to_end(build: Any, run: Any) -> None:
    run(
        build.job(
            build.bash("echo hi; echo v=1 >> $JOBC_OUTPUT", id="s", name=["text", "Step ", get("matrix.n")])
        ),
        matrix={"n": 1},
    )
    started, log, ended = run.host.events
    assert started == {"event": "stage-started", "stage": "s", "id": "s", "name": "Step 1", "attempt": 1}
    assert log.pop("time") == pytest.approx(time.time(), abs=60)
    assert log == {"event": "log", "stage": "s", "stream": "stdout", "text": "hi"}
    assert (ended["event"], ended["status"], ended["outputs"]) == ("stage-ended", "success", {"v": "1"})
    assert ended["error"] is None
    assert ended["duration_s"] >= 0


def test_secrets_are_masked_everywhere(build: Any, run: Any) -> None:
    secret = "s3cr3t-täst"
    result = run(
        build.job(
            build.bash(
                'echo "<$JOBC_E1>"; printf %s "$JOBC_E1" | base64; echo "v=$JOBC_E1" >> "$JOBC_OUTPUT"',
                [("JOBC_E1", get("secrets.KEY"), "word")],
                name=["text", "with ", get("secrets.KEY")],
            ),
            build.bash('echo "$JOBC_E1"', [("JOBC_E1", ["call", "upper", get("secrets.KEY")], "word")]),
            build.python(
                "print(JOBC_E1)\nraise ValueError(JOBC_E1)", [("JOBC_E1", get("secrets.KEY"), "value")]
            ),
        ),
        secrets={"KEY": secret},
    )
    assert run.host.lines()[:3] == ["<***>", "***", "***"]
    assert result.outputs["v"] == "***"
    assert result.stages[0].name == "with ***"
    assert result.error.message == "***"
    everything = repr(run.host.events) + repr(result.to_json())
    assert secret not in everything
    assert "s3cr3t" not in everything.lower()


def test_a_short_secret_is_warned_about(build: Any, run: Any) -> None:
    run(build.job(build.empty()), secrets={"PIN": "12"})
    assert run.host.lines() == ["secret PIN has fewer than 4 characters and is not masked"]


def test_cancelling_ends_the_job_and_runs_its_clean_up(build: Any, run: Any) -> None:
    run.host.on_event = lambda event: (
        run.cancellation.throw("cancel", "stop") if event.get("text") == "go" else None
    )
    result = run(
        build.job(
            build.bash("echo go; sleep 600"),
            build.empty(),
            build.bash("echo cleaned", condition=call("always")),
            build.empty(echo=get("job.status"), condition=call("cancelled")),
            build.empty(condition=call("failure")),
        )
    )
    assert statuses(result) == ["cancel", "cancel", "success", "success", "skip"]
    assert result.status == "cancel"
    assert result.error.type == "cancel"
    assert run.host.lines() == ["go", "cleaned", "cancel"]


def test_a_kill_ends_the_clean_up_too(build: Any, run: Any) -> None:
    def on_event(event: dict[str, Any]) -> None:
        if event.get("text") == "go":
            run.cancellation.throw()
        if event.get("text") == "cleaning":
            run.cancellation.kill()

    run.host.on_event = on_event
    result = run(
        build.job(
            build.bash("echo go; sleep 600"),
            build.bash("trap '' TERM; echo cleaning; sleep 600", condition=call("always")),
            build.bash("echo never", condition=call("always")),
        ),
        grace=60.0,
    )
    assert statuses(result) == ["cancel", "cancel", "cancel"]
    assert "never" not in run.host.lines()


def test_a_job_timeout_fails_it_and_failure_handlers_run(build: Any, run: Any) -> None:
    run.host.on_event = lambda event: (
        run.cancellation.throw("timeout", "the job ran longer than 1 s")
        if event.get("text") == "go"
        else None
    )
    result = run(
        build.job(build.bash("echo go; sleep 600"), build.empty(echo="handled", condition=call("failure")))
    )
    assert statuses(result) == ["failed", "success"]
    assert result.status == "failed"
    assert (result.error.type, result.error.message) == ("timeout", "the job ran longer than 1 s")


def test_a_background_process_lives_until_the_job_ends(build: Any, run: Any) -> None:
    result = run(
        build.job(
            build.bash('sleep 600 >/dev/null 2>&1 & echo "pid=$!" >> "$JOBC_OUTPUT"', id="server"),
            build.bash('kill -0 "$JOBC_E1"', [("JOBC_E1", get("stages.server.outputs.pid"), "word")]),
            build.bash(
                'cat /proc/"$JOBC_E1"/stat >/dev/null',
                [("JOBC_E1", get("stages.server.outputs.pid"), "word")],
            ),
        )
    )
    assert result.status == "success"
    ended = threading.Event()
    for _ in range(400):
        try:
            with open("/proc/{}/stat".format(result.outputs["pid"])) as file:
                if file.read().rpartition(")")[2].split()[0] in "ZX":
                    break
        except OSError:
            break
        ended.wait(0.01)
    else:
        raise AssertionError("the background process outlived its job")


def test_a_defect_is_a_result_not_an_exception(build: Any, run: Any) -> None:
    program = build.job(build.bash("true"))
    program.workflows[0].jobs[0].stages[0].script = None
    result = run(program)
    assert result.status == "failed"
    assert result.error.type == "internal"


def test_env_with_a_nul_is_told_at_its_place(build: Any, run: Any) -> None:
    result = run(build.job(build.bash("true", env={"A": "x\0"})))
    assert result.error.message == "`A` holds a NUL character, which no environment variable can"


def test_a_date_is_an_output_as_text(build: Any, run: Any) -> None:
    assert run(
        build.job(build.empty(), outputs={"d": get("params.d")}), params={"d": date(2024, 1, 2)}
    ).outputs == {"d": "2024-01-02"}


def test_an_output_that_is_no_plain_data_is_named(build: Any, run: Any) -> None:
    result = run(build.job(build.empty(), outputs={"o": get("params.o")}), params={"o": object()})
    assert result.error.message == "the output `o` is of type object"
