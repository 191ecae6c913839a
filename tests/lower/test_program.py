"""Programs from files: what is in them, and that equal files give equal bytes wherever they lie."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from jobc.check.registry import modules
from jobc.diagnostics.diagnostic import ERROR
from jobc.errors import CompileError, UsageError
from jobc.ir.codec import content_hash, dumps, loads
from jobc.ir.program import BashStage, CaseStage, Program, PyStage, TriggerStage
from jobc.ir.text import dump
from jobc.lower.program import lower
from jobc.sema.analyze import analyze
from jobc.source.file import SourceFile

PROGRAMS = Path(__file__).parents[2] / "fixtures" / "programs"
NAMES = sorted(path.name for path in PROGRAMS.glob("*.job.yml"))


def program(text: str, entry: str | None = None, path: str = "flow.job.yml") -> Program:
    return lower(analyze(SourceFile(path, text)), entry)


@pytest.mark.parametrize("name", NAMES)
def test_golden_ir(name: str, golden: Callable[[str, Path], None]) -> None:
    made = program((PROGRAMS / name).read_text(), path=name)
    stem = name.removesuffix(".job.yml")
    golden(json.dumps(json.loads(dumps(made)), indent=1, sort_keys=True) + "\n", PROGRAMS / f"{stem}.ir.json")
    golden(dump(made), PROGRAMS / f"{stem}.dump.txt")
    assert dumps(loads(dumps(made))) == dumps(made)
    assert dump(loads(dumps(made))) == dump(made)


def test_there_are_golden_programs() -> None:
    assert len(NAMES) >= 3


def test_the_bytes_do_not_depend_on_folder_or_hash_seed(tmp_path: Path) -> None:
    seen = set()
    for number, name in enumerate(["a", "deep/er"]):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        for source in PROGRAMS.glob("*.yml"):
            (folder / source.name).write_bytes(source.read_bytes())
        for path, cwd in ((NAMES[0], folder), (os.path.join(name, NAMES[0]), tmp_path)):
            done = subprocess.run(
                [sys.executable, "-m", "jobc", "compile", path],
                cwd=cwd,
                env={**os.environ, "PYTHONHASHSEED": str(number + 1)},
                capture_output=True,
                check=True,
            )
            seen.add(done.stdout)
    assert len(seen) == 1


def test_needs_become_indices_in_topological_order() -> None:
    made = program(
        "last: {needs: [first, mid], stages: [echo: x]}\nmid: {needs: first, stages: [echo: x]}\nfirst: {stages: [echo: x]}\n"
    )
    jobs = made.workflows[0].jobs
    assert [job.id for job in jobs] == ["first", "mid", "last"]
    assert [job.needs for job in jobs] == [[], [0], [0, 1]]


def test_defaults_hold_where_a_job_says_nothing() -> None:
    made = program(
        "defaults: {runs-on: {type: docker, image: x}, timeout: 1h30m, resources: {cpu: 2, memory: 4}, shell: sh}\n"
        "jobs:\n"
        "  a: {stages: [bash: ls]}\n"
        "  b: {runs-on: local, timeout: 5, resources: {cpu: 8}, stages: [{bash: ls, shell: bash}]}\n"
    )
    a, b = made.workflows[0].jobs

    def tree(code: int | None) -> object:
        return None if code is None else made.codes[code].tree

    assert (a.runs_on.type, b.runs_on.type) == ("docker", "local")
    assert (tree(a.timeout), tree(b.timeout)) == (5400, 5)
    assert [(name, tree(code)) for name, code in a.resources] == [("cpu", 2), ("memory", 4)]
    assert [(name, tree(code)) for name, code in b.resources] == [("cpu", 8), ("memory", 4)]
    assert isinstance(a.stages[0], BashStage)
    assert isinstance(b.stages[0], BashStage)
    assert (tree(a.stages[0].shell), tree(b.stages[0].shell)) == ("sh", "bash")


def test_the_default_arm_comes_last() -> None:
    made = program(
        "a: {stages: [{case: $<< 'x' >>, match: [{case: _, stages: [echo: d]}, {case: x, stages: [echo: x]}]}]}\n"
    )
    stage = made.workflows[0].jobs[0].stages[0]
    assert isinstance(stage, CaseStage)
    assert [arm is None for arm, _ in stage.arms] == [False, True]


TWO = "outer: {type: Workflow, jobs: {a: {stages: [trigger: inner]}}}\ninner: {type: Workflow, jobs: {b: {stages: [echo: x]}}}\n"


def test_the_entry_is_the_workflow_that_no_other_triggers() -> None:
    made = program(TWO)
    assert [workflow.name for workflow in made.workflows] == ["outer", "inner"]
    stage = made.workflows[0].jobs[0].stages[0]
    assert isinstance(stage, TriggerStage)
    assert stage.workflow == 1
    assert [workflow.name for workflow in program(TWO, "inner").workflows] == ["inner"]


def test_an_entry_that_cannot_be_told_is_refused_with_the_names() -> None:
    text = TWO.replace("[trigger: inner]", "[echo: x]")
    with pytest.raises(UsageError, match="several workflows: outer, inner"):
        program(text)
    with pytest.raises(UsageError, match="no workflow `x`") as caught:
        program(text, "x")
    assert "outer, inner" in (caught.value.help or "")


def test_a_file_with_errors_is_refused() -> None:
    with pytest.raises(CompileError, match="has an error") as caught:
        program("a: {needs: [], stages: [echo: '${{ 1 + }}']}\n")
    assert len(caught.value.diagnostics) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: {needs: [b], stages: [echo: x]}\n", "a needs b, which does not exist"),
        ("a: {needs: [b], stages: []}\nb: {needs: [a], stages: []}\n", "in turn"),
    ],
)
def test_needs_that_make_no_order_are_refused(text: str, words: str) -> None:
    with pytest.raises(CompileError, match=words):
        program(text)


def test_whatever_a_phase_reports_is_an_error() -> None:
    phases = {
        name: module.RULE
        for name, module in modules().items()
        if not hasattr(module, "check") and not hasattr(module, "check_with_programs")
    }
    del phases["stale-suppression"]  # the runner's own, which no phase reports
    assert [name for name, rule in phases.items() if rule.severity != ERROR] == []


def script_of(text: str) -> tuple[Program, BashStage | PyStage]:
    made = program(text)
    stage = made.workflows[0].jobs[0].stages[0]
    assert isinstance(stage, BashStage | PyStage)
    return made, stage


@pytest.mark.parametrize(
    "yaml",
    [
        "a:\n  stages:\n    - bash: |\n        one\n        two ${{ 'a' +\n          'b' }}\n        three\n",
        "a:\n  stages:\n    - bash: >\n        one\n\n        two ${{ 1 }}\n\n        three\n",
        'a:\n  stages:\n    - bash: "one\\ntwo ${{ 1 }}\\nthree"\n',
        "a:\n  stages:\n    - bash: 'one\n\n        two ${{ 1 }}\n\n        three'\n",
        "a:\n  stages:\n    - bash: |\n\n        # ${{ 1\n          }}\n        one\n        two\n        three",
        "a:\r\n  stages:\r\n    - run: |\r\n        one\r\n        two = '${{ 1 }}'\r\n        three\r\n",
    ],
)
def test_each_script_line_is_known_by_its_yaml_line(yaml: str) -> None:
    _, stage = script_of(yaml)
    lines = yaml.replace("\r", "").split("\n")
    for number, line in enumerate(stage.script.text.split("\n"), start=1):
        for word in ("one", "two", "three"):
            if line.startswith(word):
                assert word in lines[stage.script.yaml_line(number) - 1], (
                    stage.script.text,
                    stage.script.lines,
                )


def test_an_expression_becomes_a_slot_with_its_place() -> None:
    made, stage = script_of(
        "a:\n  stages:\n    - bash: |\n        echo ${{ 'x' }} 'a ${{ [1] }}' # ${{ 2 }}\n"
    )
    assert stage.script.text == "echo \"${JOBC_E1}\" 'a '\"${JOBC_E2}\"'' # ${{ 2 }}\n"
    assert [(slot.name, slot.use) for slot in stage.script.slots] == [
        ("JOBC_E1", "word"),
        ("JOBC_E2", "word"),
    ]
    span = made.spans[made.codes[stage.script.slots[0].code].span]
    assert span[1:3] == (4, 18)


def test_a_list_or_an_unknown_value_becomes_words() -> None:
    _, stage = script_of("jobs:\n  a:\n    stages:\n      - bash: ls ${{ params.x }} ${{ ['a', 'b'] }}\n")
    assert stage.script.text == 'ls "${JOBC_E1[@]}" "${JOBC_E2[@]}"'


def test_names_of_slots_are_not_those_of_the_script() -> None:
    _, stage = script_of("a:\n  stages:\n    - bash: JOBC_E1=3; echo $JOBC_E1_ ${{ 1 }}\n")
    assert [slot.name for slot in stage.script.slots] == ["JOBC_E1__"]
    _, stage = script_of("a:\n  stages:\n    - run: JOBC_E1_ = ${{ 1 }}\n")
    assert [slot.name for slot in stage.script.slots] == ["JOBC_E1__"]


def test_raw_constants_are_text_of_the_script() -> None:
    _, stage = script_of("a:\n  stages:\n    - bash: ls ${{ '-l' + ' -a' | raw }} x\n")
    assert stage.script.text == "ls -l -a x"
    assert stage.script.slots == []


def test_raw_of_known_words_is_split() -> None:
    made, stage = script_of(
        "params: {mode: {type: choice, enum: ['-l -a', '-x']}}\njobs:\n  a:\n    stages:\n      - bash: ls ${{ params.mode | raw }}\n"
    )
    assert stage.script.text == 'ls "${JOBC_E1[@]}"'
    tree = made.codes[stage.script.slots[0].code].tree
    assert tree[-1] == ["call", "split", ["get", ["name", "params"], "mode"], " "]


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        ("bash: ls ${{ params.x | raw }}", "`raw` would put text"),
        ("run: x = ${{ params.x | raw }}", "`raw` would put text"),
        ("bash: ${{ params.x }}", "choose the command"),
        ("{bash: 'ls ${{ [1] }}', shell: sh}", "has no arrays"),
        ("{bash: 'ls ${{ 1 }}', shell: pwsh}", "cannot be passed into a script for pwsh"),
        ("bash: echo $(( ${{ 'a' }} ))", "must be an integer"),
        ("bash: echo $(( ${{ true }} ))", "must be an integer"),
        ("run: ${{ params.x }} = 1", "Python wants a name"),
        ("run: x = (1", "Python cannot read this script"),
    ],
)
def test_what_cannot_be_lifted_is_an_error_of_the_file(stage: str, words: str) -> None:
    model = analyze(
        SourceFile("a.job.yml", f"params: {{x: str}}\njobs:\n  a:\n    stages:\n      - {stage}\n")
    )
    assert any(words in diagnostic.message for diagnostic in model.diagnostics), model.diagnostics
    with pytest.raises(CompileError):
        lower(model)


@pytest.mark.parametrize("shell", ["sh", "dash -e", "/usr/bin/env bash", "bash -x", "zsh"])
def test_other_shells_take_single_words(shell: str) -> None:
    _, stage = script_of(f"a:\n  stages:\n    - bash: echo ${{{{ 'x' }}}}\n      shell: {shell}\n")
    assert stage.script.text == 'echo "${JOBC_E1}"'


def test_a_python_syntax_error_points_at_its_yaml_line_and_column() -> None:
    text = "a:\n  stages:\n    - run: |\n        x = ${{ 1 }}\n        for i in range(3)\n            pass\n"
    (diagnostic,) = analyze(SourceFile("a.job.yml", text)).diagnostics
    assert diagnostic.rule == "python-script"
    assert (diagnostic.span.line, diagnostic.span.column) == (5, 26)


def test_a_hash_names_what_a_program_means() -> None:
    one, two = program(TWO), program(TWO.replace("echo: x", "echo: y"))
    assert content_hash(one) == content_hash(program(TWO))
    assert content_hash(one) != content_hash(two)
    assert re.fullmatch("[0-9a-f]{64}", content_hash(one))
