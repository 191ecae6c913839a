"""ShellCheck's findings stand where the author wrote what they are about, and one process says them all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jobc import programs
from jobc.check import shellcheck
from jobc.check.fixes import applicable, apply
from jobc.check.runner import check
from jobc.cli.lint import checking
from jobc.sema.analyze import analyze
from jobc.source.file import SourceFile

HEAD = "params: {x: {type: str, default: a}, n: {type: list, default: [a]}}\njobs:\n  a:\n    stages:\n"


def told(stage: str) -> list[tuple[str, str]]:
    """(ShellCheck's code, the text that is underlined)."""
    findings = check(analyze(SourceFile("a.job.yml", HEAD + stage)))
    shell = [f.diagnostic for f in findings if f.diagnostic.rule == "shell-script"]
    return [(d.help.split(":")[0], d.span.text) for d in shell]


@pytest.mark.parametrize(
    ("stage", "expected"),
    [
        ("      - bash: |\n          echo ${{ params.x }} $(ls)\n", [("SC2046", "$(ls)")]),
        ('      - bash: "echo \'${{ params.x }}\' \\"ä\\" $(ls) | cat"\n', [("SC2046", "$(ls)")]),
        ("      - bash: 'echo ''${{ params.x }}'' $(ls) | cat'\n", [("SC2046", "$(ls)")]),
        (
            "      - bash: >\n          echo ${{ params.x }}\n          and $(ls)\n\n          true\n",
            [("SC2046", "$(ls)")],
        ),
        ("      - bash: echo ${{ params.x }} $(ls)\n", [("SC2046", "$(ls)")]),
        ('      - bash: |\n          for f in ${{ params.x }}; do echo "$f"; done\n', []),
        (
            "      - bash: |\n          cd ${{ params.x }}\n          echo $OTHER ${{ params.n }}\n",
            [("SC2086", "$OTHER")],
        ),
        ('      - bash: |\n          cd ${{ params.x }}\n          echo "$OTHER" ${{ params.n }}\n', []),
        ("      - bash: |\n          if true; then\n            echo ${{ params.x }}\n", [("SC1046", "if")]),
        ("      - bash: |\n          # shellcheck disable=SC2046\n          echo $(ls)\n", []),
        ("      - bash: |\n          source ./lib\n          colour=red\n", []),
    ],
)
def test_findings_are_placed_on_the_author_s_own_text(stage: str, expected: list[tuple[str, str]]) -> None:
    assert told(stage) == expected


def test_findings_of_a_long_script_stand_where_those_of_a_short_one_do() -> None:
    lines = "".join(f"          echo {number}\n" for number in range(300))
    assert told(f"      - bash: |\n          echo $(ls)\n{lines}          echo $(pwd)\n") == [
        ("SC2046", "$(ls)"),
        ("SC2046", "$(pwd)"),
    ]


def test_a_variable_without_quotes_is_advice() -> None:
    text = "jobs:\n  a:\n    stages:\n      - bash: |\n          folder=$(pwd)\n          ls $folder\n"
    found = check(analyze(SourceFile("x.yml", text)))
    assert [(f.code, f.severity) for f in found] == [("JC401", "info")]


def test_a_comment_allows_them(tmp_path: Path) -> None:
    assert told("      - bash: echo $(ls) | cat # jobc: allow[shell-script]\n") == []


def test_one_process_is_started_for_all_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    starts = started(monkeypatch)
    monkeypatch.setattr(shellcheck, "_answers", {})
    texts = [f"jobs:\n  a:\n    stages: [{{bash: 'echo {n} $(ls) | cat'}}]\n" for n in range(5)]
    inputs = [
        checking.Input(f"{n}.job.yml", str(tmp_path), t.encode()) for n, t in enumerate([*texts, texts[0]])
    ]
    found = [len(checked.findings) for checked in checking.check_all(inputs, None, scripts=True)]
    assert found == [1] * 6
    assert starts == [5]


def started(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Of each process that is started from here on, how many scripts it reads."""
    starts: list[int] = []
    real = shellcheck._Run

    def spy(path: str, scripts: list[shellcheck.Script]) -> shellcheck._Run:
        starts.append(len(scripts))
        return real(path, scripts)

    monkeypatch.setattr(shellcheck, "_Run", spy)
    return starts


def test_many_scripts_are_dealt_to_several_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    starts = started(monkeypatch)
    monkeypatch.setattr(shellcheck, "_answers", {})
    monkeypatch.setattr(programs, "cores", lambda: 3)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    scripts = [("bash", f"echo {n} $(ls) | cat") for n in range(50)]
    found = shellcheck.answers(scripts)
    assert starts == [25, 25]
    assert [len(found[script]) for script in scripts] == [1] * 50
    assert os.listdir(tmp_path) == []


def test_one_file_is_read_by_it_while_it_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    starts = started(monkeypatch)
    monkeypatch.setattr(shellcheck, "_answers", {})
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    text = b"jobs:\n  a:\n    stages: [{bash: 'echo $(ls) | cat'}]\n"
    (checked,) = checking.check_all([checking.Input("a.job.yml", str(tmp_path), text)], None, scripts=True)
    assert [finding.code for finding in checked.findings] == ["JC401"]
    assert starts == [1]
    assert os.listdir(tmp_path) == []


def test_what_was_begun_and_is_not_asked_for_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shellcheck, "_answers", {})
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    shellcheck.begin([("bash", "echo $(ls) | cat")])
    shellcheck.abandon()
    assert os.listdir(tmp_path) == []
    assert shellcheck.answers([("bash", "echo $(ls) | cat")])[("bash", "echo $(ls) | cat")]


def test_without_shellcheck_the_rule_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shellcheck, "_answers", {})
    monkeypatch.setattr(programs, "shellcheck", lambda: None)
    assert told("      - bash: echo $(ls) | cat\n") == []


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shellcheck, "_answers", {})
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert told("      - bash: echo $(ls) | cat\n")
    assert os.listdir(tmp_path) == []


def mended(stage: str, only: str = "SC2086") -> list[str | None]:
    """The file after each fix of ShellCheck's, without what stands before the stage; None where there is no fix."""
    file = SourceFile("a.job.yml", HEAD + stage)
    found = [f.diagnostic for f in check(analyze(file)) if f.diagnostic.help.startswith(only)]
    assert all(d.fix is None or not d.fix.safe for d in found)
    return [None if d.fix is None else apply(file.text, [d.fix]).removeprefix(HEAD) for d in found]


@pytest.mark.parametrize(
    ("stage", "after"),
    [
        ("      - bash: |\n          cat $A/x\n", '      - bash: |\n          cat "$A"/x\n'),
        ("      - bash: |2\n            cat ä $A\n", '      - bash: |2\n            cat ä "$A"\n'),
        ("      - bash: cat $A | sort\n", '      - bash: cat "$A" | sort\n'),
        ("      - bash: 'cat ''x'' $A | sort'\n", """      - bash: 'cat ''x'' "$A" | sort'\n"""),
        ('      - bash: "cat \\"x\\" $A | sort"\n', '      - bash: "cat \\"x\\" \\"$A\\" | sort"\n'),
        ('      - bash: "cat\\t$A | sort"\n', '      - bash: "cat\\t\\"$A\\" | sort"\n'),
        (
            "      - bash: >\n          cat $A\n          and more\n",
            '      - bash: >\n          cat "$A"\n          and more\n',
        ),
        (
            "      - bash: |\n          cat ${{ params.x }} $A ${{ params.n }}\n",
            '      - bash: |\n          cat ${{ params.x }} "$A" ${{ params.n }}\n',
        ),
        # A quote at the start of a plain scalar would be YAML's; beside an expression stand quotes already.
        ("      - bash: $A && true\n", None),
        ("      - bash: |\n          cat $A${{ params.x }}\n", None),
        ("      - bash: |\n          cat ${{ params.x }}$A\n", None),
    ],
)
def test_fixes_are_written_as_the_scalar_wants_them(stage: str, after: str | None) -> None:
    assert mended(stage) == [after] or (after is None and mended(stage) == [])


@pytest.mark.parametrize("style", ["|", ">-", "'", '"'])
def test_what_was_fixed_is_clean_and_reads_as_meant(style: str) -> None:
    script = "for f in a b; do cat $f/${A} $B; done"
    stage = f"      - bash: {style}\n          {script}\n" if len(style) < 3 and style not in "'\"" else ""
    stage = stage or f"      - bash: {style}{script}{style}\n"
    text = HEAD + stage
    for _ in range(5):
        file = SourceFile("a.job.yml", text)
        text = apply(text, applicable(check(analyze(file)), file, unsafe=True))
    job = analyze(SourceFile("a.job.yml", text)).workflows[0].jobs["a"]
    assert job.stages[0].script.node.text.rstrip() == 'for f in a b; do cat $f/"${A}" "$B"; done'
    assert told(text.removeprefix(HEAD)) == []


def test_information_about_quotes_fails_no_run() -> None:
    findings = check(analyze(SourceFile("a.job.yml", HEAD + "      - bash: cat $A | sort\n")))
    assert [f.severity for f in findings if f.code == "JC401"] == ["info"]


STALE = "      - bash: make # jobc: allow[JC401]\n"
USED = "      - bash: echo $(ls) | cat # jobc: allow[shell-script]\n"


@pytest.mark.parametrize("stage", [STALE, USED])
def test_without_shellcheck_no_comment_about_it_is_called_stale(
    stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shellcheck, "_answers", {})
    monkeypatch.setattr(programs, "shellcheck", lambda: None)
    assert stale(stage) == []


def test_with_shellcheck_a_comment_is_stale_where_it_says_nothing() -> None:
    assert stale(STALE) == ["there is nothing here that allowing `JC401` silences"]
    assert stale(USED) == []


def stale(stage: str) -> list[str]:
    findings = check(analyze(SourceFile("a.job.yml", HEAD + stage)))
    return [f.diagnostic.message for f in findings if f.code == "JC704"]
