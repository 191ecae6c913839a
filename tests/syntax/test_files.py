"""`cache` and `artifacts` of a job: every form, and what is wrong with the others, said on its place."""

from __future__ import annotations

import pytest

from jobc.sema.analyze import analyze
from jobc.source.file import SourceFile
from jobc.syntax import ast
from jobc.syntax.ast import Const
from jobc.syntax.build import parse


def job(body: str) -> ast.Job:
    document = parse(SourceFile("a.job.yml", f"jobs:\n  j:\n    {body}\n    stages: [{{echo: hi}}]\n"))
    assert not document.diagnostics, [(d.message, d.span) for d in document.diagnostics]
    return document.workflows[0].jobs[0]


def texts(values: list[ast.Value]) -> list[object]:
    return [value.value for value in values if isinstance(value, Const)]


@pytest.mark.parametrize(("written", "enabled"), [("true", True), ("false", False), ("{}", True)])
def test_a_cache_without_files(written: str, enabled: bool) -> None:
    cache = job(f"cache: {written}").cache
    assert cache is not None
    assert (cache.enabled, cache.key, cache.inputs, cache.outputs) == (enabled, None, [], [])


def test_a_cache_with_everything() -> None:
    cache = job("cache: {key: [1, '${{ params.x }}'], inputs: one, outputs: [a/**, '!a/b', 3]}").cache
    assert cache is not None
    assert isinstance(cache.key, ast.ListValue)
    assert texts(cache.inputs) == ["one"]
    assert texts(cache.outputs) == ["a/**", "!a/b", "3"]


@pytest.mark.parametrize(
    ("written", "out"),
    [
        ("dist", {"j": ["dist"]}),
        ("[dist, '*.log']", {"j": ["dist", "*.log"]}),
        ("{a: x, b: [y, z]}", {"a": ["x"], "b": ["y", "z"]}),
        ("{a: {paths: x, when: failure, if-missing: warn}}", {"a": ["x"]}),
        ("{a: {paths: x, if_missing: warn}}", {"a": ["x"]}),
    ],
)
def test_what_a_job_publishes(written: str, out: dict[str, list[str]]) -> None:
    artifacts = job(f"artifacts: {{out: {written}}}").artifacts
    assert artifacts is not None
    assert {one.name: texts(one.paths) for one in artifacts.out} == out


@pytest.mark.parametrize(
    ("written", "given"),
    [
        ("build", {"build": None}),
        ("[build, build/log]", {"build": None, "build/log": None}),
        ("{build: x, log: }", {"build": "x", "log": None}),
        ("{build: {path: x/y, per-combination: true}}", {"build": "x/y"}),
    ],
)
def test_what_a_job_starts_with(written: str, given: dict[str, str | None]) -> None:
    artifacts = job(f"artifacts: {{in: {written}}}").artifacts
    assert artifacts is not None
    found = {one.source: one.path.value if isinstance(one.path, Const) else None for one in artifacts.given}
    assert found == given


@pytest.mark.parametrize(
    ("body", "place", "message", "help"),
    [
        ("cache: yes", "yes", "`cache` is the text `yes`, not a mapping", "write `{inputs:"),
        ("cache: {input: [a]}", "input", "cache has no key `input`", "did you mean `inputs`?"),
        (
            "cache: {inputs: [/etc/x]}",
            "/etc/x",
            "a path in `inputs` is an absolute path",
            "inside the work folder",
        ),
        (
            "cache: {outputs: ../x}",
            "../x",
            "a path in `outputs` leads out of the work folder (`..`)",
            "inside",
        ),
        (
            "cache: {outputs: ['!../x']}",
            "'!../x'",
            "a path in `outputs` leads out of the work folder (`..`)",
            "inside",
        ),
        (
            "cache: {outputs: ['/${{ run.id }}']}",
            "'/${{ run.id }}'",
            "a path in `outputs` is an absolute path",
            "inside",
        ),
        ("cache: {outputs: ['']}", "''", "a path in `outputs` is empty", "write a path or a glob"),
        (
            "cache: {inputs: [[a]]}",
            "[a]",
            "an entry of `inputs` is a list, not a path",
            "write a path or a glob",
        ),
        ("artifacts: [a]", "[a]", "`artifacts` is a list, not a mapping", "write `{out: [dist/**]}`"),
        ("artifacts: {out: {a/b: x}}", "a/b", "an artifact's name cannot be `a/b`", "without `/`"),
        ("artifacts: {out: {a: {when: always}}}", "a", "the artifact `a` needs `paths`", "add `paths:`"),
        ("artifacts: {out: {a: }}", "a", "the artifact `a` has no paths", "write a path or a glob"),
        (
            "artifacts: {out: {a: {paths: x, when: succes}}}",
            "succes",
            "`when` cannot be `succes`",
            "did you mean `success`?",
        ),
        (
            "artifacts: {in: {a: ~/x}}",
            "~/x",
            "a path in `in` begins with `~`, which means nothing here",
            "inside",
        ),
        (
            "artifacts: {in: ['${{ run.id }}']}",
            "${{ run.id }}",
            "an entry of `in` cannot hold an expression",
            "",
        ),
        (
            "artifacts: {in: {a: {pth: x}}}",
            "pth",
            "an entry of `in` has no key `pth`",
            "did you mean `path`?",
        ),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(body: str, place: str, message: str, help: str) -> None:
    file = SourceFile("a.job.yml", f"jobs:\n  j:\n    {body}\n    stages: [{{echo: hi}}]\n")
    (found,) = parse(file).diagnostics
    assert found.message.startswith(message)
    assert help in found.help
    assert found.span.text == place


def test_secrets_and_stages_are_not_there_when_the_key_is_made() -> None:
    text = "secrets: [T]\njobs:\n  j:\n    cache: {key: '${{ CONTEXT }}'}\n    stages: [{id: a, echo: hi}]\n"
    for context in ("secrets.T", "stages.a.result", "item"):
        found = analyze(SourceFile("a.job.yml", text.replace("CONTEXT", context))).diagnostics
        assert [each.rule for each in found] == ["context-unavailable"], context
        assert "`cache` of a job" in found[0].message + found[0].help


def test_extends_takes_cache_and_artifacts_and_false_takes_the_cache_back() -> None:
    text = """
params: {p: {type: str, default: x}}
jobs:
  base: {cache: {outputs: ['${{ params.p }}']}, artifacts: {out: a}, stages: [{echo: hi}]}
  same: {extends: base}
  other: {extends: base, cache: false}
"""
    model = analyze(SourceFile("a.job.yml", text))
    assert not model.diagnostics
    jobs = model.workflows[0].jobs
    for name in ("same", "other"):
        artifacts = jobs[name].artifacts
        assert artifacts is not None
        assert artifacts.out[0].name == "base"
    same, other = jobs["same"].cache, jobs["other"].cache
    assert same is not None
    assert len(same.outputs) == 1
    assert other is not None
    assert not other.enabled
