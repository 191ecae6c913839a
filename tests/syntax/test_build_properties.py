"""Whatever is deleted, doubled or changed in a valid file: the builder gives a document, and findings inside the file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from jobc.source.file import SourceFile
from jobc.syntax.ast import Document, UseStages, child_stages
from jobc.syntax.build import parse

ROOT = Path(__file__).parents[2]
FILES = [*sorted(ROOT.glob("fixtures/workflows/*/*.yml")), *sorted(ROOT.glob("fixtures/rules/*/ok.yml"))]
TEXTS = [path.read_text() for path in FILES]
EVERYTHING = """\
name: all
params: {a: int, b: {type: choice, enum: [x, y], default: x}}
secrets: [TOKEN]
on: {schedule: [{cron: 0 5 * * *, params: {a: 1}}]}
defaults: {runs-on: local, timeout: 5m, retry: 1, shell: bash, resources: {cpu: 1}, continue-on-error: false}
concurrency: {group: g, limit: 1, cancel-in-progress: true}
max-parallel: 3
outputs: {o: "${{ needs.j.outputs.x }}"}
jobs:
  j:
    runs-on: {type: docker, image: i, env: {A: b}}
    condition: params.a > 1
    needs: [k]
    strategy: {matrix: {n: [1, 2]}, include: [{n: 3}], exclude: [{n: 1}], max-parallel: 2, fail-fast: true}
    retry: {attempts: 1, delay: 1s, backoff: fixed, on: [OSError, 3]}
    stages:
      - {id: a, echo: "${{ matrix.n }}", env: {A: $<< params.a >>}}
      - {run: "x = 1", vars: {y: [1, {z: 2}]}, deps: [a]}
      - {uses: "m:f", with: {a: 1}}
      - {uses: "#k", with: {a: 1}}
      - {trigger: w, params: {a: 1}}
      - parallel: {l: [{sleep: 1s}], r: [{raise: no}]}
      - {foreach: [1], stages: [{image: i, command: [a], volume: {/a: /b}}]}
      - {until: item > 1, item: 0, max-loop: 3, stages: [{bash: b, shell: sh}]}
      - {case: params.b, match: [{case: x, stages: []}, {else: []}], skip-not-match: true}
  k: {uses: "a.yml#b", with: {a: 1}}
"""
WORDS: list[Any] = [None, True, 0, -1, 1.5, "", "x", "${{", "${{ a", "${{ params.a }}", "$<< 1 >>", "a &&", [], {}, [[]], ["x"], {"a": None}, {"type": "Workflow"}]  # fmt: skip


def places(node: Any) -> Iterator[tuple[Any, Any]]:
    """(container, key or index) of every node inside."""
    if isinstance(node, dict | list):
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            yield node, key
            yield from places(node[key])


def check(text: str) -> Document:
    file = SourceFile("a.job.yml", text)
    document = parse(file)
    for diagnostic in document.diagnostics:
        for span in (diagnostic.span, *(label.span for label in diagnostic.related)):
            assert span.file is file
            assert 0 <= span.start <= span.end <= len(text)
        assert diagnostic.message
        assert diagnostic.help
        if diagnostic.fix is not None:
            for edit in diagnostic.fix.edits:
                assert 0 <= edit.span.start < edit.span.end <= len(text)
    for workflow in document.workflows:
        for job in workflow.jobs:
            todo = list(job.stages)
            while todo:
                stage = todo.pop()
                assert stage.kind
                assert isinstance(stage, UseStages) or stage.key_span.text
                todo += [inner for body in child_stages(stage) for inner in body]
    return document


def test_the_file_with_everything_is_valid() -> None:
    assert not check(EVERYTHING).diagnostics


@given(st.data())
def test_changed_nodes_never_stop_the_builder(data: st.DataObject) -> None:
    yaml = YAML(typ="safe", pure=False)
    tree = yaml.load(EVERYTHING)
    for _ in range(data.draw(st.integers(1, 4))):
        found = list(places(tree))
        if not found:
            break
        container, key = found[data.draw(st.integers(0, len(found) - 1))]
        action = data.draw(st.sampled_from(["delete", "retype", "rename", "copy"]))
        if action == "delete":
            del container[key]
        elif action == "retype":
            container[key] = deepcopy(WORDS[data.draw(st.integers(0, len(WORDS) - 1))])
        elif action == "copy":
            container[key] = deepcopy(found[data.draw(st.integers(0, len(found) - 1))][0])
        elif isinstance(container, dict):
            container[data.draw(st.text(max_size=8))] = container.pop(key)
    check(_written(tree))


@given(st.sampled_from(TEXTS), st.data())
def test_deleted_and_doubled_text_never_stops_the_builder(text: str, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 60)))
        middle = data.draw(
            st.sampled_from(["", text[start:end] * 2, ": ", "\n", "- ", "${{ ", "\t", "'", "[", "&a ", "*a "])
        )
        text = text[:start] + middle + text[end:]
    check(text)


def _written(tree: Any) -> str:
    """As JSON, which is YAML, whatever the keys and values are."""
    return json.dumps(tree, default=str, ensure_ascii=False)
