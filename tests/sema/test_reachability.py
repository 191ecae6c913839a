"""What can run: features that the truth test does not draw, limits, and the words."""

from __future__ import annotations

import pytest

from jobc.sema.analyze import analyze
from jobc.sema.choices import Choices
from jobc.sema.diagram import FALSE, TRUE
from jobc.sema.reachability import Reachability, reachable
from jobc.sema.reachability_stages import stages_of
from jobc.sema.witness import facts, why_never
from jobc.source.file import SourceFile


def model_of(text):
    model = analyze(SourceFile("a.job.yml", text))
    assert not model.diagnostics, model.diagnostics
    return model.workflows[0]


def reach_of(text, **options):
    return Reachability(model_of(text), **options)


def runs(reach, id):
    found = reach.jobs[id].runs
    return {TRUE: "always", FALSE: "never"}.get(found, "maybe")


def test_shared_ancestors_correlate():
    reach = reach_of(
        "jobs:\n"
        "  build: {stages: [{echo: a}]}\n"
        "  ok: {needs: build, stages: [{echo: a}]}\n"
        "  broken: {needs: build, trigger-rule: all_failed, stages: [{echo: a}]}\n"
        "  both: {needs: [ok, broken], stages: [{echo: a}]}\n"
        "  either: {needs: [ok, broken], trigger-rule: one_success, stages: [{echo: a}]}\n"
    )
    assert runs(reach, "both") == "never"
    assert runs(reach, "either") == "maybe"
    assert "which runs only if `build` fails" in why_never(reach, reach.jobs["both"])


def test_the_same_output_is_the_same_value_in_two_jobs():
    reach = reach_of(
        "jobs:\n"
        "  plan: {stages: [{uses: 'plans:make'}]}\n"
        "  full: {needs: plan, condition: needs.plan.outputs.mode == 'full', stages: [{echo: a}]}\n"
        "  quick: {needs: plan, condition: \"needs.plan.outputs['mode'] == 'quick'\", stages: [{echo: a}]}\n"
        "  none: {needs: plan, condition: \"!(needs.plan.outputs.mode in ['full'])\", stages: [{echo: a}]}\n"
        "  two: {needs: [full, none], stages: [{echo: a}]}\n"
        "  three: {needs: [full, quick], stages: [{echo: a}]}\n"
    )
    assert runs(reach, "full") == runs(reach, "quick") == "maybe"
    assert runs(reach, "two") == runs(reach, "three") == "never"


def test_the_time_is_not_the_same_in_two_jobs():
    reach = reach_of(
        "jobs:\n"
        "  a: {condition: datetime.now().hour < 12, stages: [{echo: a}]}\n"
        "  b: {condition: '!(datetime.now().hour < 12)', stages: [{echo: a}]}\n"
        "  c: {needs: [a, b], stages: [{echo: a}]}\n"
    )
    assert runs(reach, "c") == "maybe"


def test_a_given_parameter_decides():
    workflow = model_of(
        "params: {n: {type: int, default: 1}}\njobs:\n  a: {condition: params.n > 3, stages: [{echo: a}]}\n"
    )
    assert runs(Reachability(workflow), "a") == "maybe"
    assert runs(Reachability(workflow, Choices([workflow], {"n": 5})), "a") == "always"
    assert runs(Reachability(workflow, Choices([workflow], {"n": 3})), "a") == "never"


def test_clean_up_runs_in_a_cancelled_run_only_where_it_asks_for_one():
    text = (
        "jobs:\n"
        "  a: {stages: [{echo: a}]}\n"
        "  tidy: {needs: a, trigger-rule: all_done, condition: cancelled(), stages: [{echo: a}]}\n"
        "  b: {needs: a, condition: cancelled(), stages: [{echo: a}]}\n"
    )
    assert runs(reach_of(text), "tidy") == "never"
    interrupted = reach_of(text, interrupted=True)
    assert runs(interrupted, "tidy") == "maybe"
    assert runs(interrupted, "b") == "never"
    assert set(interrupted.possible("a")) == {"success", "failed", "cancel"}


def test_a_job_may_lose_its_group_to_one_that_cancels_what_is_in_progress():
    reach = reach_of(
        "jobs:\n"
        "  a: {concurrency: {group: g}, stages: [{echo: a}]}\n"
        "  b: {concurrency: {group: g, cancel-in-progress: true}, stages: [{echo: a}]}\n"
        "  c: {stages: [{echo: a}]}\n"
    )
    assert reach.possible("a") == ["success", "failed", "cancel"]
    assert reach.possible("c") == ["success", "failed"]


def test_a_condition_switched_off_by_hand_is_free_for_rules_and_false_for_plans():
    text = "jobs:\n  a: {condition: false, stages: [{echo: a}]}\n  b: {needs: a, stages: [{echo: a}]}\n"
    assert runs(reach_of(text), "b") == "never"
    assert runs(reach_of(text, switches=True), "b") == "maybe"


def test_beyond_the_limit_a_status_is_free_and_the_job_is_named(monkeypatch):
    monkeypatch.setattr("jobc.sema.reachability.SHARE", 3)
    lines = ["jobs:"]
    for index in range(6):
        lines.append(f"  a{index}: {{stages: [{{echo: a}}]}}")
    for index in range(6):
        lines.append(f"  p{index}: {{needs: [a{index}, a{(index + 3) % 6}], stages: [{{echo: a}}]}}")
    lines.append(
        f"  any: {{needs: [{', '.join(f'p{i}' for i in range(6))}], trigger-rule: one_success, stages: [{{echo: a}}]}}"
    )
    lines.append("  after: {needs: any, stages: [{echo: a}]}")
    reach = reach_of("\n".join(lines) + "\n")
    assert "any" in [job.id for job in reach.inexact]
    assert set(reach.possible("any")) >= {"success", "failed", "skip"}
    assert runs(reach, "after") == "maybe"


@pytest.mark.parametrize(
    ("body", "dead"),
    [
        ("[{raise: no}, {echo: a}, {echo: b, condition: always()}]", [1]),
        ("[{raise: no, condition: params.p}, {echo: a}]", []),
        ("[{raise: no, condition: params.p}, {echo: a, condition: params.p}]", [1]),
        ("[{raise: no, continue-on-error: true}, {echo: a}]", []),
        ("[{echo: a, condition: failure()}, {echo: b, condition: failure()}]", [0]),
        ("[{echo: a, condition: cancelled()}]", []),
        ("[{echo: a}, {echo: b, condition: failure() && success()}]", [1]),
    ],
)
def test_stages_that_cannot_run(body, dead):
    reach = reach_of(f"params: {{p: {{type: bool, default: false}}}}\njobs:\n  a:\n    stages: {body}\n")
    found = [stage.runs for stage in stages_of(reach, reach.jobs["a"])]
    assert [index for index, guard in enumerate(found) if guard == FALSE] == dead


def test_a_stage_is_looked_at_in_every_combination_of_a_constant_matrix():
    reach = reach_of(
        "jobs:\n  a:\n    strategy: {matrix: {n: [1, 2]}, include: [{n: 3, big: true}]}\n    stages:\n"
        "      - {echo: a, condition: matrix.n == 2}\n"
        "      - {echo: b, condition: matrix.big == true}\n"
        "      - {echo: c, condition: matrix.n == 2 && matrix.big == true}\n"
    )
    found = [stage.runs == FALSE for stage in stages_of(reach, reach.jobs["a"])]
    assert found == [False, False, True]


def test_a_witness_is_the_least_that_has_to_happen():
    reach = reach_of(
        "params: {dry: {type: bool, default: false}}\n"
        "jobs:\n"
        "  a: {stages: [{echo: a}]}\n"
        "  b: {stages: [{echo: a}]}\n"
        "  c: {needs: [a, b], trigger-rule: one_failed, stages: [{echo: a}]}\n"
        "  d: {needs: [a, b], trigger-rule: all_failed, condition: params.dry, stages: [{echo: a}]}\n"
    )
    assert len(facts(reach, reach.jobs["c"].runs)) == 1
    assert set(facts(reach, reach.jobs["d"].runs)) == {"`a` fails", "`b` fails", "`params.dry` is true"}


def test_nothing_is_said_of_a_graph_that_is_broken():
    model = analyze(SourceFile("a.job.yml", "jobs:\n  a: {needs: b, condition: true, stages: [{echo: a}]}\n"))
    assert reachable(model.workflows[0]) is None


def test_ten_thousand_jobs_in_a_row_take_a_few_nodes_each():
    lines = ["params: {dry: {type: bool, default: false}}", "jobs:"]
    for index in range(10_000):
        needs = f"needs: j{index - 1}, " if index else ""
        condition = "condition: params.dry, " if index % 2 else ""
        lines.append(f"  j{index}: {{{needs}{condition}stages: [{{echo: a}}]}}")
    reach = reach_of("\n".join(lines) + "\n")
    assert not reach.inexact
    assert len(reach.diagram) < 100_000
    assert runs(reach, "j9999") == "maybe"


def test_a_chain_of_jobs_that_share_conditions_takes_steps_that_grow_with_it():
    jobs = 1500
    parts = ["params: {rows: {type: int, default: 5}}\njobs:\n"]
    for n in range(jobs):
        needs = f"needs: j{n - 1}, " if n else ""
        parts.append(f'  j{n}: {{{needs}condition: "params.rows > {n % 200}", stages: [{{echo: a}}]}}\n')
    reach = reach_of("".join(parts))
    assert not reach.inexact
    assert reach.diagram.steps < 5 * jobs
    assert runs(reach, f"j{jobs - 1}") == "maybe"
    assert facts(reach, reach.jobs[f"j{jobs - 1}"].runs)


def test_a_condition_is_held_by_needs_only_where_the_rule_asks_for_their_success():
    reach = reach_of(
        "params: {rows: {type: int, default: 5}}\njobs:\n"
        '  first: {condition: "params.rows > 3", stages: [{echo: a}]}\n'
        '  same: {needs: first, condition: "params.rows > 3", stages: [{echo: a}]}\n'
        '  after: {needs: first, trigger-rule: all_done, condition: "params.rows > 3", stages: [{echo: a}]}\n'
    )
    first, same, after = (reach.jobs[id] for id in ("first", "same", "after"))
    both = reach.diagram.both
    assert same.holds == both(same.rule, same.condition) == first.statuses["success"]
    assert after.holds == after.condition != TRUE
    assert both(after.rule, after.refused) == after.refused != FALSE
