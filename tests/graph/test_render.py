"""The graph's formats say the same of the same program, and hold for awkward names and shapes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobc.graph import render as graph
from jobc.ir.program import Program
from jobc.lower.program import lower
from jobc.sema.analyze import analyze
from jobc.source.file import SourceFile

TEXT = """\
name: pipeline
params: {dry: {type: bool, default: false}}
jobs:
  build:
    outputs: {version: "${{ stages.v.outputs.version }}"}
    stages: [{id: v, bash: 'echo "version=1" >> "$JOBC_OUTPUT"'}]
  test:
    needs: build
    continue-on-error: true
    strategy:
      matrix: {os: [linux, macos], py: [1, 2, 3]}
      exclude: [{os: macos, py: 1}]
    stages: [{echo: "${{ needs.build.outputs.version }} on ${{ matrix.os }}"}]
  deploy:
    needs: [build, test]
    trigger-rule: none_failed
    condition: params.dry == false
    stages: [{echo: "deploy"}]
  dynamic:
    needs: build
    strategy:
      matrix: {v: "${{ fromJson(needs.build.outputs.version) }}"}
    stages: [{echo: x}]
"""


def program(text: str = TEXT) -> Program:
    return lower(analyze(SourceFile("pipeline.job.yml", text)))


def test_json_has_jobs_with_their_facts_and_edges_of_both_kinds() -> None:
    found = json.loads(graph.render(program(), "json"))
    nodes = {node["id"]: node for node in found["nodes"]}
    assert list(nodes) == ["build", "test", "deploy", "dynamic"]
    assert nodes["test"]["combinations"] == 5
    assert nodes["build"]["combinations"] == 1
    assert nodes["dynamic"]["combinations"] is None
    assert nodes["deploy"]["condition"] == "params.dry == false"
    assert nodes["deploy"]["trigger_rule"] == "none_failed"
    assert nodes["deploy"]["environment"] == "local"
    assert nodes["test"]["line"] == 7
    edges = {(e["from"], e["to"], e["kind"], e["label"]) for e in found["edges"]}
    assert ("build", "test", "needs", "") in edges
    assert ("build", "test", "data", "version") in edges
    assert ("test", "deploy", "needs", "") in edges
    assert not any(e["kind"] == "data" and e["to"] == "deploy" for e in found["edges"])


@pytest.mark.parametrize("format", ["dot", "mermaid", "svg"])
def test_pictures_show_rules_conditions_combinations_and_what_is_read(format: str) -> None:
    text = graph.render(program(), format)
    for words in ("deploy", "when none_failed", "params.dry", "× 5", "× dynamic", "may fail", "version"):
        assert words in text, words


def boxes(svg: str) -> dict[str, tuple[float, float, float, float]]:
    """Job boxes of a picture: id → (left, top, right, bottom)."""
    found = {}
    for group in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}g"):
        rect = next(r for r in reversed(list(group)) if r.get("class") == "box")
        x, y, w, h = (float(rect.attrib[k]) for k in ("x", "y", "width", "height"))
        found[group.attrib["id"].removeprefix("job-")] = (x, y, x + w, y + h)
    return found


def test_svg_is_self_contained_and_flows_from_left_to_right() -> None:
    svg = graph.render(program(), "svg")
    assert not re.search(r"(?:href|src|@import|<script)", svg)
    place = boxes(svg)
    assert place["build"][2] < place["test"][0] < place["deploy"][0]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 14).flatmap(lambda n: st.lists(st.sets(st.integers(0, n)), min_size=n, max_size=n)))
def test_no_box_covers_another_and_all_are_inside_the_picture(needs: list[set[int]]) -> None:
    lines = ["jobs:"]
    for number, before in enumerate(needs):
        given_needs = sorted(b for b in before if b < number)
        lines += [
            f"  j{number}:",
            f"    needs: [{', '.join(f'j{b}' for b in given_needs)}]",
            "    stages: [{echo: x}]",
        ]
    svg = graph.render(program("\n".join(lines)), "svg")
    root = ElementTree.fromstring(svg)
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    placed = list(boxes(svg).values())
    assert len(placed) == len(needs)
    for index, (left, top, right, bottom) in enumerate(placed):
        assert left >= 0
        assert top >= 0
        assert right <= width
        assert bottom <= height
        for other in placed[:index]:
            apart = right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top
            assert apart, (placed[index], other)


def test_awkward_words_do_not_break_a_format() -> None:
    text = (
        'name: "a <b> & \\"c\\""\n'
        "jobs:\n  end:\n    desc: '<script>alert(1)</script> & \"quotes\"'\n"
        '    condition: "params.q != \'<\\"&\'"\n    stages: [{echo: x}]\n'
    )
    compiled = program(text)
    ElementTree.fromstring(graph.render(compiled, "svg"))
    assert "<script>" not in graph.render(compiled, "svg")
    mermaid = graph.render(compiled, "mermaid")
    assert '["' in mermaid
    assert "<b>end</b>" in mermaid
    assert not re.search(r"^\s*end\b", mermaid, re.M), "`end` is a reserved word of Mermaid"


@pytest.mark.services
def test_graphviz_reads_the_dot_form() -> None:
    dot = shutil.which("dot")
    assert dot, "Graphviz is not installed; .ci/services installs it"
    done = subprocess.run(
        [dot, "-Tsvg"], input=graph.render(program(), "dot"), capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert "none_failed" in done.stdout
