"""Workflow commands of GitHub Actions: one line a finding, nothing in a value can end it or begin another."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from shapes import SHAPES, finding, place

from jobc.diagnostics.render import render
from jobc.source.file import SourceFile


def test_a_finding_is_a_command_with_its_place() -> None:
    file = SourceFile("etl.job.yml", "needs: [extarct]\n")
    found = finding(place(file, "extarct"), help="did you mean `extract`?", message="no such job")
    first, last = render([found], "github", files=1).splitlines()
    assert first == (
        "::error file=etl.job.yml,line=1,endLine=1,col=9,endColumn=15,title=JC999 some-rule"
        "::no such job%0Adid you mean `extract`?"
    )
    assert last == "1 error in 1 file"


def test_values_are_escaped() -> None:
    file = SourceFile("a,b:100%.yml", "x: 1\n")
    found = finding(place(file, "1"), severity="info", message="100%\r\n::error::injected")
    first = render([found], "github", files=1).splitlines()[0]
    assert first.startswith("::notice file=a%2Cb%3A100%25.yml,line=1,")
    assert "100%25" in first.rsplit("::notice", 1)[-1]
    assert len(render([found], "github", files=1).splitlines()) == 2


def test_a_finding_of_several_lines_has_no_columns() -> None:
    first = render(SHAPES["several-lines"], "github", files=1).splitlines()[0]
    assert "col=" not in first
    assert "line=6,endLine=8" in first


def test_clean_files_are_said_to_be() -> None:
    assert render([], "github", files=3) == "no findings in 3 files\n"
