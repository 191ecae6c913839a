"""From a file to its model: names, order, triggers, and findings that stand where they belong."""

from __future__ import annotations

import gc
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from jobc.check.runner import check
from jobc.errors import UsageError
from jobc.sema.analyze import analyze, stem
from jobc.sema.model import SemanticModel
from jobc.sema.types import show
from jobc.source.file import SourceFile
from jobc.source.nodes import Scalar
from jobc.syntax.ast import TriggerStage

FIXTURES = Path(__file__).parents[2] / "fixtures"
SOURCES = [path.read_text() for path in sorted(FIXTURES.glob("rules/*/*.yml"))]


def model_of(text: str, files: dict[str, str] | None = None) -> SemanticModel:
    def load(path: str) -> SourceFile:
        if files is None or path not in files:
            raise UsageError(f"{path}: no such file")
        return SourceFile(path, files[path])

    return analyze(SourceFile("flow.job.yml", text), load)


def rules(model: SemanticModel) -> list[str]:
    return [diagnostic.rule for diagnostic in model.diagnostics]


def test_a_workflow_is_named_by_its_key_its_name_or_its_file() -> None:
    assert [w.name for w in model_of("jobs:\n  a:\n    stages: [{echo: hi}]\n").workflows] == ["flow"]
    assert [w.name for w in model_of("name: n\njobs:\n  a:\n    stages: [{echo: hi}]\n").workflows] == ["n"]
    two = "x:\n  type: Workflow\n  jobs: {a: {stages: [{echo: hi}]}}\ny:\n  type: Workflow\n  jobs: {a: {stages: [{echo: hi}]}}\n"
    assert [w.name for w in model_of(two).workflows] == ["x", "y"]


def test_file_names_lose_their_endings() -> None:
    assert stem("jobs/etl.job.yml") == "etl"
    assert stem("etl.yaml") == "etl"
    assert stem("a\\b\\etl.jobs.yml") == "etl"
    assert stem(".yml") == "workflow"


def test_jobs_are_ordered_by_their_needs() -> None:
    model = model_of(
        "jobs:\n  c: {needs: [b, a], stages: [{echo: hi}]}\n"
        "  b: {needs: a, stages: [{echo: hi}]}\n  a: {stages: [{echo: hi}]}\n"
    )
    (workflow,) = model.workflows
    assert [job.id for job in workflow.order] == ["a", "b", "c"]
    assert list(workflow.jobs) == ["c", "b", "a"]
    assert workflow.cycles == []
    assert model.diagnostics == []


def test_a_trigger_finds_its_workflow_here_there_and_in_a_circle() -> None:
    main = (
        "one:\n  type: Workflow\n  jobs:\n    a:\n      stages:\n"
        "        - trigger: two\n        - trigger: sub/other.yml\n        - trigger: 'sub/other.yml#second'\n"
        "two:\n  type: Workflow\n  jobs: {a: {stages: [{echo: hi}]}}\n"
    )
    other = (
        "first:\n  type: Workflow\n  jobs: {a: {stages: [{trigger: '../flow.job.yml#one'}]}}\n"
        "second:\n  type: Workflow\n  jobs: {a: {stages: [{echo: hi}]}}\n"
    )
    model = model_of(main, {"sub/other.yml": other})
    assert model.diagnostics == []
    one, two = model.workflows
    first, second = model.reached
    stages = one.jobs["a"].stages
    assert [one.triggers[id(stage)] for stage in stages] == [two, first, second]
    back = first.jobs["a"].stages[0]
    assert isinstance(back, TriggerStage)
    assert first.triggers[id(back)] is one
    assert [file.path for file in model.files] == ["flow.job.yml", "sub/other.yml"]


def test_a_trigger_of_nothing_proposes_the_nearest_workflow() -> None:
    model = model_of("build:\n  type: Workflow\n  jobs: {a: {stages: [{trigger: biuld}]}}\n")
    (finding,) = model.diagnostics
    assert finding.rule == "call-mismatch"
    assert finding.help == "did you mean `build`?"
    assert finding.span.text == "biuld"


def test_a_trigger_of_a_file_that_is_not_there_is_a_finding() -> None:
    model = model_of("jobs: {a: {stages: [{trigger: gone.yml}]}}\n")
    (finding,) = model.diagnostics
    assert "gone.yml" in finding.message


def test_a_trigger_gives_the_parameters_that_the_workflow_declares() -> None:
    target = "b:\n  type: Workflow\n  params: {day: {type: date, required: true}, dry: {type: bool, default: false}}\n  jobs: {a: {stages: [{echo: hi}]}}\n"
    caller = "a:\n  type: Workflow\n  jobs: {a: {stages: [{trigger: b, params: PARAMS}]}}\n"
    assert rules(model_of(caller.replace("PARAMS", "{day: '2026-01-01'}") + target)) == []
    (missing,) = model_of(caller.replace("PARAMS", "{dry: true}") + target).diagnostics
    assert (missing.rule, missing.span.text) == ("call-mismatch", "b")
    assert missing.related[0].span.text == "day"
    (unknown,) = model_of(caller.replace("PARAMS", "{day: x, dri: true}") + target).diagnostics
    assert (unknown.span.text, unknown.help) == ("dri", "did you mean `dry`?")
    free = target.replace(
        "  params: {day: {type: date, required: true}, dry: {type: bool, default: false}}\n", ""
    )
    assert rules(model_of(caller.replace("PARAMS", "{anything: 1}") + free)) == []


def test_an_included_job_with_a_known_id_is_reported_with_both_places() -> None:
    model = model_of(
        "include: b.yml\njobs:\n  a: {stages: [{echo: hi}]}\n",
        {"b.yml": "jobs:\n  a: {stages: [{echo: hi}]}\n"},
    )
    (finding,) = [d for d in model.diagnostics if d.rule == "duplicate-id"]
    assert {finding.span.file.path, finding.related[0].span.file.path} == {"b.yml", "flow.job.yml"}


def test_errors_of_a_triggered_file_are_found_there() -> None:
    model = model_of(
        "jobs: {a: {stages: [{trigger: b.yml}]}}\n",
        {"b.yml": "jobs: {a: {stages: [{echo: '${{ nope }}'}]}}\n"},
    )
    (finding,) = model.diagnostics
    assert finding.span.file.path == "b.yml"


def test_a_need_without_the_job_is_one_finding_however_often_it_is_read() -> None:
    model = model_of(
        "jobs:\n  a:\n    needs: gone\n    condition: needs.gone.result == 'success'\n"
        "    stages: [{echo: '${{ needs.gone.outputs.x.y }}'}]\n"
    )
    assert [f.diagnostic.rule for f in check(model)] == ["unknown-need"]


def test_jobs_on_a_cycle_are_still_checked() -> None:
    model = model_of(
        "jobs:\n  a: {needs: b, stages: [{echo: '${{ nope }}'}]}\n  b: {needs: a, stages: [{echo: hi}]}\n"
    )
    assert sorted(f.diagnostic.rule for f in check(model)) == ["needs-cycle", "undefined-name"]


def test_every_expression_has_a_type_afterwards() -> None:
    model = model_of("jobs:\n  a:\n    stages: [{echo: '${{ 1 + 2 }}', sleep: \"${{ 0.5 }}\"}]\n")
    (workflow,) = model.workflows
    shown = {show(workflow.types[key]) for key in workflow.types}
    assert "a number" in shown or "`0.5`" in shown


def test_the_same_file_gives_the_same_findings_in_the_same_order() -> None:
    for text in SOURCES:
        first = [repr(f.diagnostic) for f in check(model_of(text))]
        assert first == [repr(f.diagnostic) for f in check(model_of(text))]


def test_a_model_is_freed_at_once_when_it_is_let_go() -> None:
    """`lint` runs without the garbage collector, so trees must hold no circles."""
    model_of(SOURCES[0])
    gc.collect()
    gc.disable()
    try:
        for text in SOURCES:
            check(model_of(text))
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        assert not [kept for kept in gc.garbage if isinstance(kept, Scalar | SourceFile)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def spans_inside(model: SemanticModel) -> None:
    for finding in check(model):
        diagnostic = finding.diagnostic
        edits = diagnostic.fix.edits if diagnostic.fix else []
        for span in (diagnostic.span, *(x.span for x in diagnostic.related), *(e.span for e in edits)):
            assert 0 <= span.start <= span.end <= len(span.file.text)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_damaged_file_never_crashes_and_findings_stay_inside(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(SOURCES))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 12)))
        new = data.draw(
            st.sampled_from(
                ["", " ", "\n", ":", "- ", "{", "}", "[", "'", '"', "${{", "}}", "&a ", "*a", "|", "#", "😀"]
            )
            | st.text(max_size=3)
        )
        text = text[:start] + new + text[end:]
    spans_inside(model_of(text))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_lines_in_another_order_never_crash(data: st.DataObject) -> None:
    lines = data.draw(st.sampled_from(SOURCES)).splitlines(keepends=True)
    lines = data.draw(st.lists(st.sampled_from(lines), max_size=len(lines)))
    spans_inside(model_of("".join(lines)))


def test_outputs_that_every_job_wraps_once_more_are_analysed_to_the_end_of_a_long_chain() -> None:
    jobs = ["jobs:\n"]
    for n in range(400):
        read = f"needs.j{n - 1}.outputs.x" if n else "1"
        jobs.append(
            f"  j{n}:\n    needs: [{f'j{n - 1}' if n else ''}]\n    strategy: {{matrix: {{a: [1, 2]}}}}\n"
            f"    stages: [{{echo: a}}]\n    outputs: {{x: '${{{{ {read} }}}}'}}\n"
        )
    model = analyze(SourceFile("chain.job.yml", "".join(jobs)))
    assert model.diagnostics == []
    assert len(model.workflows[0].order) == 400
