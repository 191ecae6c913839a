"""ShellCheck's findings stand where the author wrote what they are about, and one process says them all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jobc import programs
from jobc.check import shellcheck
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


def test_a_variable_without_quotes_is_advice() -> None:
    text = "jobs:\n  a:\n    stages:\n      - bash: |\n          folder=$(pwd)\n          ls $folder\n"
    found = check(analyze(SourceFile("x.yml", text)))
    assert [(f.code, f.severity) for f in found] == [("JC401", "info")]


def test_a_comment_allows_them(tmp_path: Path) -> None:
    assert told("      - bash: echo $(ls) | cat # jobc: allow[shell-script]\n") == []


def test_one_process_is_started_for_all_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    starts: list[int] = []
    real = shellcheck._start

    def spy(path: str, folder: str, names: list[str]) -> bytes:
        starts.append(len(names))
        return real(path, folder, names)

    monkeypatch.setattr(shellcheck, "_start", spy)
    monkeypatch.setattr(shellcheck, "_answers", {})
    texts = [f"jobs:\n  a:\n    stages: [{{bash: 'echo {n} $(ls) | cat'}}]\n" for n in range(5)]
    inputs = [
        checking.Input(f"{n}.job.yml", str(tmp_path), t.encode()) for n, t in enumerate([*texts, texts[0]])
    ]
    found = [len(checked.findings) for checked in checking.check_all(inputs, None, scripts=True)]
    assert found == [1] * 6
    assert starts == [5]


def test_without_shellcheck_the_rule_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shellcheck, "_answers", {})
    monkeypatch.setattr(programs, "shellcheck", lambda: None)
    assert told("      - bash: echo $(ls) | cat\n") == []


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shellcheck, "_answers", {})
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert told("      - bash: echo $(ls) | cat\n")
    assert os.listdir(tmp_path) == []
