"""What a jobs file means once built: document forms, job keys, every kind of stage."""

from __future__ import annotations

import pytest

from jobc.source.file import SourceFile
from jobc.syntax import ast
from jobc.syntax.ast import Const, Document, ListValue, MapValue, TemplateValue
from jobc.syntax.build import parse
from jobc.syntax.expr import Binary, Literal, Member, Name


def built(text: str) -> Document:
    document = parse(SourceFile("a.job.yml", text))
    assert not document.diagnostics, [(d.message, d.span) for d in document.diagnostics]
    return document


def job(body: str) -> ast.Job:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return built(f"jobs:\n  j:\n{lines}").workflows[0].jobs[0]


def stage(body: str) -> ast.Stage:
    lines = body.splitlines()
    text = "- " + "\n  ".join(lines)
    made = job("stages:\n" + "\n".join(f"  {line}" for line in text.splitlines()))
    assert len(made.stages) == 1
    return made.stages[0]


def const(value: object) -> object:
    assert isinstance(value, Const)
    return value.value


def the_expr(value: object) -> object:
    assert isinstance(value, TemplateValue)
    assert value.whole
    return value.holes[0].expr


# Forms


def test_a_workflow_has_its_name_and_its_jobs() -> None:
    document = built("name: etl\njobs:\n  a:\n    stages: [{echo: hi}]\n  b: {needs: a}\n")
    (workflow,) = document.workflows
    assert (workflow.form, workflow.name) == ("workflow", "etl")
    assert [j.id for j in workflow.jobs] == ["a", "b"]


def test_a_mapping_of_jobs_is_a_jobs_file() -> None:
    (workflow,) = built("a:\n  runs-on: local\n  stages: []\nb:\n  stages: [{echo: 1}]\n").workflows
    assert (workflow.form, workflow.name) == ("jobs", None)
    assert [j.id for j in workflow.jobs] == ["a", "b"]


def test_jobs_of_a_jobs_file_may_be_called_like_keys_of_a_workflow() -> None:
    (workflow,) = built("jobs:\n  stages: [{echo: 1}]\nenv:\n  stages: [{echo: 2}]\n").workflows
    assert [j.id for j in workflow.jobs] == ["jobs", "env"]


def test_a_job_may_be_called_like_a_key_of_jobs() -> None:
    (workflow,) = built("jobs:\n  stages:\n    stages: [{echo: 1}]\n").workflows
    assert (workflow.form, [j.id for j in workflow.jobs]) == ("workflow", ["stages"])


def test_named_workflows_take_their_names_from_their_keys() -> None:
    document = built(
        "one: {type: Workflow, jobs: {a: {stages: [{echo: 1}]}}}\n"
        "two: {type: Workflow, params: {x: int}, jobs: {b: {}}}\n"
    )
    assert [(w.form, w.name) for w in document.workflows] == [("named", "one"), ("named", "two")]


def test_a_stream_gives_the_workflows_of_all_its_documents() -> None:
    document = built("---\nname: one\njobs: {a: {}}\n---\n---\nb: {stages: []}\n")
    assert [w.form for w in document.workflows] == ["workflow", "jobs"]


def test_keys_that_begin_with_x_hold_anchors() -> None:
    document = built("x-d: &d {timeout: 5m}\na:\n  <<: *d\n  stages: [{echo: 1}]\n")
    (made,) = document.workflows[0].jobs
    assert const(made.timeout) == "5m"
    assert made.keys["timeout"].text == "timeout"


# Workflow keys


def test_params_have_a_short_and_a_long_form() -> None:
    document = built(
        "params:\n  a: int\n  b:\n  c: {type: array, default: [1, x]}\n  d: {type: decimal, default: 1.50, min: 0}\n"
        "  e: {type: choice, enum: [dev, prod], default: dev, desc: where}\n  f: {type: str, default: 3.10, required: true}\n"
        "  g: {type: datetime, default: '2024-01-31T09:30:00+02:00'}\n  h: {type: float, default: 2}\njobs: {j: {}}\n"
    )
    decls = {p.name: p for p in document.workflows[0].params or []}
    assert [p.type for p in decls.values()] == [
        "int",
        "any",
        "list",
        "decimal",
        "choice",
        "str",
        "datetime",
        "float",
    ]
    assert decls["c"].default == [1, "x"]
    assert decls["d"].default == "1.50"
    assert (decls["e"].enum, decls["e"].default, decls["e"].desc) == (["dev", "prod"], "dev", "where")
    assert (decls["f"].default, decls["f"].required) == ("3.10", True)
    assert isinstance(decls["h"].default, float)
    assert not decls["a"].has_default


def test_a_file_without_params_differs_from_one_that_declares_none() -> None:
    assert built("jobs: {j: {}}").workflows[0].params is None
    assert built("params:\njobs: {j: {}}").workflows[0].params == []


def test_a_schedule_may_be_one_text_or_a_list_of_mappings() -> None:
    for given in ("0 5 * * *", "[0 5 * * *]", "{cron: 0 5 * * *}", "[{cron: 0 5 * * *}]"):
        on = built(f"on: {{schedule: {given}}}\njobs: {{j: {{}}}}").workflows[0].on
        assert isinstance(on, MapValue)
        schedules = on.get("schedule")
        assert isinstance(schedules, ListValue)
        (entry,) = schedules.items
        assert isinstance(entry, MapValue)
        assert const(entry.get("cron")) == "0 5 * * *"


def test_includes_are_paths_with_or_without_arguments() -> None:
    document = built("include: [a.yml, {path: 'b.yml#x', with: {n: 1}}]\n")
    one, two = document.workflows[0].includes
    assert (one.path, one.id, one.with_) == ("a.yml", None, [])
    assert (two.path, two.id, [i.key for i in two.with_]) == ("b.yml", "x", ["n"])


# Job keys


def test_both_spellings_and_if_are_the_same_keys() -> None:
    kebab = job(
        "runs-on: local\ntrigger-rule: all_done\ncontinue-on-error: true\ncondition: params.a\n"
        "strategy: {max-parallel: 2, fail-fast: true}\nretry: {max-delay: 5s}"
    )
    snake = job(
        "runs_on: local\ntrigger_rule: all_done\ncontinue_on_error: true\nif: params.a\n"
        "strategy: {max_parallel: 2, fail_fast: true}\nretry: {max_delay: 5s}"
    )
    for made in (kebab, snake):
        assert made.runs_on is not None
        assert made.trigger_rule == "all_done"
        assert const(made.continue_on_error) is True
        assert the_expr(made.condition) == Member(Name("params"), "a")
        assert made.strategy is not None
        assert const(made.strategy.max_parallel) == 2
        assert made.retry is not None
        assert const(made.retry.max_delay) == "5s"
    assert list(kebab.keys) == list(snake.keys)


@pytest.mark.parametrize(
    ("written", "type"),
    [
        ("local", "local"),
        ("{type: self_hosted, host: h, token: t}", "self-hosted"),
        ("{type: azure-batch, batch_account_name: a, batch-account-key: b, batch_account_url: c,"
         " storage_account_name: d, storage_account_key: e}", "az-batch"),
        ("{type: gcp_batch, args: {project_id: p, region: r, gcs_bucket: b}}", "cloud-batch"),
    ],
)  # fmt: skip
def test_environments_have_one_canonical_type(written: str, type: str) -> None:
    made = job(f"runs-on: {written}").runs_on
    assert made is not None
    assert made.type == type


def test_arguments_may_stand_beside_the_type_or_under_args() -> None:
    beside = job("runs-on: {type: docker, image: a, docker-host: h}").runs_on
    under = job("runs-on: {type: docker, args: {image: a, docker_host: h}}").runs_on
    assert beside is not None
    assert under is not None
    assert [(i.key, const(i.value)) for i in beside.args] == [("image", "a"), ("docker_host", "h")]
    assert [(i.key, const(i.value)) for i in under.args] == [("image", "a"), ("docker_host", "h")]


@pytest.mark.parametrize("written", ["a", "[a]", "[a, a]", "\n  - a"])
def test_needs_is_one_id_or_a_list_each_once(written: str) -> None:
    assert [n.id for n in job(f"needs: {written}").needs] == ["a"]


def test_needs_with_nothing_behind_it_is_none() -> None:
    assert job("needs:").needs == []


@pytest.mark.parametrize(
    "written", ["params.a == 'x'", "${{ params.a == 'x' }}", "$<< params.a == 'x' >>", "\"params.a == 'x'\"", "|\n  params.a == 'x'"]
)  # fmt: skip
def test_conditions_need_no_delimiters(written: str) -> None:
    made = job(f"condition: {written}").condition
    assert the_expr(made) == Binary("==", Member(Name("params"), "a"), Literal("x"))
    assert isinstance(made, TemplateValue)
    assert made.holes[0].span.text.strip() == "params.a == 'x'"


def test_a_condition_may_be_a_boolean() -> None:
    assert const(job("condition: false").condition) is False


def test_text_around_an_expression_stays_a_text() -> None:
    made = job("condition: ${{ a }} && b").condition
    assert isinstance(made, TemplateValue)
    assert not made.whole


def test_expressions_work_in_flow_context() -> None:
    made = job("strategy: {matrix: {os: $<< params.os >>, n: [$<< 1 >>, 2]}}").strategy
    assert made is not None
    assert isinstance(made.matrix, MapValue)
    assert the_expr(made.matrix.get("os")) == Member(Name("params"), "os")


def test_retry_is_a_number_a_switch_or_a_mapping() -> None:
    five, switch, off = job("retry: 5").retry, job("retry: true").retry, job("retry: false").retry
    assert five is not None
    assert const(five.attempts) == 5
    assert switch is not None
    assert switch.attempts is None
    assert off is not None
    assert const(off.attempts) == 0
    full = job(
        "retry: {attempts: 2, delay: 1s, backoff: linear, max-delay: 1m, jitter: true, on: [OSError, 3]}"
    ).retry
    assert full is not None
    assert (full.backoff, full.on) == ("linear", ["OSError", 3])


@pytest.mark.parametrize("written", ["90", "'90'", "90s", "15m", "1h30m", "500ms", "1.5", "${{ params.t }}"])
def test_durations(written: str) -> None:
    assert job(f"timeout: {written}").timeout is not None


def test_concurrency_is_a_group_or_a_mapping() -> None:
    short = job("concurrency: deploy-${{ params.env }}").concurrency
    long = job("concurrency: {group: deploy, limit: 2, cancel_in_progress: true}").concurrency
    assert short is not None
    assert isinstance(short.group, TemplateValue)
    assert long is not None
    assert (const(long.group), const(long.limit), const(long.cancel_in_progress)) == ("deploy", 2, True)


def test_scalars_are_text_as_they_are_written_where_text_is_wanted() -> None:
    env = job("env: {A: 1, B: true, C: 0x1F, D: , E: 1.50, F: '$${{ x }}'}").env
    assert {i.key: const(i.value) for i in env} == {
        "A": "1", "B": "true", "C": "0x1F", "D": "", "E": "1.50", "F": "${{ x }}",
    }  # fmt: skip


def test_an_id_of_its_own_names_the_job() -> None:
    assert job("id: other").id == "other"


def test_reuse_names_a_file_a_job_and_arguments() -> None:
    uses, own = job("uses: lib/a.yml#b\nwith: {x: 1}").uses, job("extends: base").extends
    assert uses is not None
    assert (uses.path, uses.id, uses.with_[0].key) == ("lib/a.yml", "b", "x")
    assert own is not None
    assert (own.path, own.id) == (None, "base")


# Stages


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("echo: hi", "empty"),
        ("sleep: 5s", "empty"),
        ("echo: hi\nsleep: 5s", "empty"),
        ("bash: make\nshell: sh", "bash"),
        ("run: print()\nvars: {a: 1}\ndeps: [requests]\nisolation: inline", "python"),
        ("uses: module:function\nwith: {a: 1}", "call"),
        ("uses: registered-name", "call"),
        ("uses: lib/a.yml#b\nwith: {a: 1}", "use"),
        ("uses: '#b'", "use"),
        ("trigger: other\nparams: {a: 1}", "trigger"),
        ("parallel: {a: [{echo: 1}], b: [{echo: 2}]}\nmax-parallel: 2", "parallel"),
        ("foreach: [1, 2]\nstages: [{echo: 1}]\nmax_parallel: 2", "foreach"),
        ("foreach: ${{ params.list }}\nstages: [{echo: 1}]", "foreach"),
        ("until: item > 3\nitem: 0\nmax-loop: 5\nstages: [{echo: 1}]", "until"),
        ("case: params.env\nmatch: [{case: a, stages: []}]\nskip-not-match: true", "case"),
        ("raise: no", "raise"),
        ("image: a\ncommand: [b, c]\nvolume: {/a: /b}\nenv: {A: 1}", "docker"),
    ],
)
def test_the_key_tells_the_kind_of_a_stage(body: str, kind: str) -> None:
    made = stage(body)
    assert made.kind == kind
    assert made.key_span.text in body


def test_every_stage_takes_the_common_keys() -> None:
    made = stage(
        "bash: make\nid: a\nname: A ${{ params.x }}\ndesc: d\nif: params.x\nenv: {B: 1}\ntimeout: 5\nretry: 1\n"
        "continue_on_error: true\nextras: {any: [thing]}"
    )
    assert made.id == "a"
    assert made.id_span is not None
    assert made.id_span.text == "a"
    for part in (
        made.name,
        made.desc,
        made.condition,
        made.timeout,
        made.retry,
        made.continue_on_error,
        made.extras,
    ):
        assert part is not None


def test_the_value_of_case_is_an_expression_and_its_entries_are_values() -> None:
    made = stage("case: params.env\nmatch:\n- {case: prod, stages: [{echo: 1}]}\n- {case: 3, stages: []}")
    assert isinstance(made, ast.CaseStage)
    assert the_expr(made.value) == Member(Name("params"), "env")
    assert [const(arm.case) for arm in made.arms] == ["prod", 3]


@pytest.mark.parametrize(
    "default",
    ["- {case: _, stages: [{echo: 1}]}", "- {case: else, stages: [{echo: 1}]}", "- else: [{echo: 1}]",
     "- _: [{echo: 1}]", "- else:\n  stages: [{echo: 1}]"],
)  # fmt: skip
def test_the_default_of_case_in_each_spelling(default: str) -> None:
    made = stage(f"case: params.env\nmatch:\n{default}")
    assert isinstance(made, ast.CaseStage)
    (arm,) = made.arms
    assert arm.case is None
    assert len(arm.stages) == 1


def test_the_default_of_case_may_stand_beside_match() -> None:
    made = stage("case: params.env\nmatch: []\nelse: [{echo: 1}]")
    assert isinstance(made, ast.CaseStage)
    assert [arm.case for arm in made.arms] == [None]


def test_scripts_keep_their_text_and_their_expressions() -> None:
    made = stage("run: |\n  print(${{ params.x }})\n  print('$${{')\n")
    assert isinstance(made, ast.PyStage)
    assert isinstance(made.script, TemplateValue)
    assert made.script.parts[0] == "print("
    assert made.script.parts[2] == ")\nprint('${{')\n"
