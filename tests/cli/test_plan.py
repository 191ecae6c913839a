"""`jobc plan`: the table, the JSON of CLI, assumptions, bounds, and the difference of two versions."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from jobc.cli.context import Context
from jobc.cli.invocation import invoke
from jobc.cli.main import COMMANDS

FLOW = """\
params:
  quick: {type: bool, default: false}
  target: {type: choice, enum: [dev, prod], required: true}
jobs:
  build: {timeout: 10m, stages: [{echo: a}]}
  test: {needs: build, condition: params.quick == false, timeout: 20m, stages: [{echo: a}]}
  deploy: {needs: [build, test], trigger-rule: all_success, timeout: 5m, stages: [{echo: a}]}
  tidy: {needs: deploy, trigger-rule: all_done, condition: cancelled(), stages: [{echo: a}]}
"""


@pytest.fixture
def plan(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WORKFLOW_CORE_JOB_TIMEOUT", raising=False)

    def call(text: str, *words: str, old: str | None = None) -> tuple[int, str, str]:
        Path("new.job.yml").write_text(text)
        if old is not None:
            Path("old.job.yml").write_text(old)
            words = (*words, "--diff", "old.job.yml")
        code = invoke(["plan", "new.job.yml", *words], COMMANDS)
        out, err = capsys.readouterr()
        return code, out, err

    return call


def document(plan, text, *words):
    code, out, err = plan(text, *words, "--format", "json")
    assert code == 0, err
    return json.loads(out)


def test_the_document_has_exactly_the_keys_that_are_promised(plan):
    found = document(plan, FLOW)
    assert list(found) == ["version", "jobs", "critical_path", "worst_case_s"]
    assert list(found["jobs"]) == ["build", "test", "deploy", "tidy"]
    assert found["jobs"]["test"] == {
        "runs": "maybe",
        "statuses": ["success", "failed", "skip"],
        "reason": "if `build` succeeds and `params.quick == false`",
        "combinations": 1,
        "environment": "local",
        "needs": ["build"],
    }
    assert found["jobs"]["tidy"]["reason"] == "only where the run is cancelled"
    assert found["critical_path"] == ["build", "test", "deploy", "tidy"]
    assert found["worst_case_s"] == 35 * 60 + 3600


def test_a_parameter_that_is_given_decides_and_a_required_one_need_not_be(plan):
    found = document(plan, FLOW, "-p", "quick=true")["jobs"]
    assert (found["test"]["runs"], found["test"]["statuses"]) == ("never", ["skip"])
    assert found["deploy"]["runs"] == "never"
    assert (
        document(plan, FLOW, "-p", "quick=false", "--given", "build=success")["jobs"]["test"]["runs"]
        == "always"
    )


@pytest.mark.parametrize(("word", "said"), [("quick=7", "quick"), ("quik=true", "quik")])
def test_wrong_parameters_are_refused(plan, word, said):
    code, _, err = plan(FLOW, "-p", word)
    assert code == 2
    assert said in err


def test_what_is_given_holds_and_what_cannot_happen_cannot_be_given(plan):
    found = document(plan, FLOW, "--given", "test=skip", "--given", "build=success")["jobs"]
    assert found["build"]["statuses"] == ["success"]
    assert found["deploy"] | {"needs": []} == {
        "runs": "never",
        "statuses": ["skip"],
        "reason": "its rule all_success does not hold: `test` is skipped",
        "combinations": 1,
        "environment": "local",
        "needs": [],
    }
    code, _, err = plan(FLOW, "--given", "build=failed", "--given", "test=success")
    assert code == 2
    assert "cannot happen" in err
    assert "skip" in err


def test_a_cancelled_run_is_planned_where_a_job_is_given_as_cancelled(plan):
    found = document(plan, FLOW, "--given", "build=cancel")["jobs"]
    assert found["test"]["statuses"] == ["cancel"]
    assert "success" in found["tidy"]["statuses"]


@pytest.mark.parametrize("word", ["build", "biuld=failed", "build=broken", "=skip"])
def test_a_malformed_assumption_is_refused_with_a_remedy(plan, word):
    code, _, err = plan(FLOW, "--given", word)
    assert code == 2
    assert "help:" in err


def bound(plan, job, **more):
    text = "jobs:\n  a: {" + job + ", stages: [{echo: a}]}\n"
    return document(plan, text)["worst_case_s"]


def test_the_worst_case_counts_attempts_waits_and_rounds(plan):
    assert bound(plan, "timeout: 100") == 100
    assert bound(plan, "desc: x") == 3600
    assert bound(plan, "timeout: 100, retry: {attempts: 2, delay: 10}") == 320
    assert bound(plan, "timeout: 100, retry: {attempts: 3, delay: 10, backoff: exponential}") == 470
    assert (
        bound(plan, "timeout: 100, retry: {attempts: 3, delay: 10, backoff: exponential, max-delay: 15}")
        == 440
    )
    assert bound(plan, "timeout: 100, strategy: {matrix: {n: [1, 2, 3]}}") == 300
    assert bound(plan, "timeout: 100, strategy: {max-parallel: 2, matrix: {n: [1, 2, 3]}}") == 200
    assert bound(plan, 'timeout: "${{ run.attempt }}"') is None


def test_a_dynamic_matrix_is_not_counted_and_not_bounded(plan):
    text = (
        "jobs:\n  a: {stages: [{uses: 'plans:make'}]}\n"
        '  b: {needs: a, strategy: {matrix: "${{ fromJson(needs.a.outputs.m) }}"}, stages: [{echo: a}]}\n'
    )
    found = document(plan, text)
    assert found["jobs"]["b"]["combinations"] is None
    assert found["worst_case_s"] is None
    assert "its matrix is not empty" in found["jobs"]["b"]["reason"]


def test_a_matrix_of_a_given_parameter_is_counted(plan):
    text = (
        'params: {ns: list}\njobs:\n  a: {strategy: {matrix: {n: "${{ params.ns }}"}}, stages: [{echo: a}]}\n'
    )
    assert document(plan, text)["jobs"]["a"]["combinations"] is None
    assert document(plan, text, "-p", "ns=[1,2,3]")["jobs"]["a"]["combinations"] == 3


def test_the_workflows_own_time_limit_bounds_the_run(plan):
    assert document(plan, "timeout: 60\njobs:\n  a: {stages: [{echo: a}]}\n")["worst_case_s"] == 60


def test_a_rewritten_condition_is_no_difference(plan):
    new = FLOW.replace("params.quick == false", "'!(params.quick)'")
    assert plan(new, old=FLOW)[:2] == (0, "both do the same\n")


def test_a_difference_is_said_with_when_it_shows(plan):
    new = FLOW.replace("trigger-rule: all_success", "trigger-rule: none_failed")
    code, out, _ = plan(new, old=FLOW)
    assert code == 1
    assert out.startswith("`deploy` now also runs when `test` is skipped and `params.quick` is true\n")
    code, out, _ = plan(FLOW, old=new)
    assert out.startswith("`deploy` no longer runs when `test` is skipped and `params.quick` is true\n")


def test_a_value_that_only_the_new_version_takes_is_a_difference(plan):
    text = (
        "params: {t: {type: choice, enum: [%s], default: a}}\n"
        "jobs:\n  x: {condition: \"params.t in ['a', 'c']\", stages: [{echo: a}]}\n"
        "  y: {condition: params.t != 'a', stages: [{echo: a}]}\n"
    )
    code, out, _ = plan(text % "a, b, c", old=text.replace("'a', 'c'", "'a'") % "a, b")
    assert code == 1
    assert out == "`x` now also runs when `params.t` is 'c'\n"


def test_jobs_that_come_go_die_move_and_multiply_are_said(plan):
    new = FLOW.replace("trigger-rule: all_success", "trigger-rule: all_failed").replace(
        "  tidy: {needs: deploy, trigger-rule: all_done, condition: cancelled(), stages: [{echo: a}]}\n",
        "  more: {strategy: {matrix: {n: [1, 2]}}, stages: [{echo: a}]}\n",
    )
    old = FLOW.replace("build: {", "build: {strategy: {matrix: {n: [1, 2]}}, ")
    code, out, _ = plan(new, "--format", "json", old=old)
    assert code == 1
    changes = json.loads(out)["changes"]
    kinds = {(change["job"], change["kind"]) for change in changes}
    assert kinds >= {
        ("build", "combinations"),
        ("deploy", "runs"),
        ("more", "added"),
        ("tidy", "removed"),
        (None, "time"),
    }
    message = next(change["message"] for change in changes if change["job"] == "deploy")
    assert "never runs any more" in message


def test_a_file_with_errors_is_refused(plan):
    code, _, err = plan("jobs:\n  a: {needs: b, stages: [{echo: a}]}\n")
    assert code == 2
    assert "unknown-need" in err


def test_the_older_version_may_come_from_standard_input(tmp_path, monkeypatch):
    (tmp_path / "new.job.yml").write_text(FLOW)
    out = io.StringIO()
    context = Context(str(tmp_path), stdin=io.StringIO(FLOW), stdout=out)
    import argparse

    from jobc.cli.commands import plan as command

    parser = argparse.ArgumentParser()
    command.configure(parser)
    assert command.run(parser.parse_args(["new.job.yml", "--diff", "-"]), context) == 0
    assert out.getvalue() == "both do the same\n"
