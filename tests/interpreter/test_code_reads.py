"""What a script reads of the contexts that it gets as objects."""

from __future__ import annotations

import pytest

from jobc.interpreter.code_reads import Reads, python_reads, reads_inner


@pytest.mark.parametrize(
    ("script", "reads"),
    [
        ("x = 1", set()),
        ("x = params.day", {("params", ("day",))}),
        ("x = params['day'].upper()", {("params", ("day", "upper"))}),
        ("x = needs.build.outputs['n']", {("needs", ("build", "outputs", "n"))}),
        ("x = needs.get('build').outputs", {("needs", ("build", "outputs"))}),
        ("for key in params.keys(): pass", {("params", ())}),
        ("name = 'day'\nx = params[name]", {("params", ())}),
        ("f(params)", {("params", ())}),
        ("params.day = 3", {("params", ("day",))}),
        ("print(context['run_id'])", {("context", ("run_id",))}),
        ("my.params.day", set()),
        ("def f(:", {("params", ()), ("needs", ()), ("matrix", ()), ("env", ())}),
        ("exec('x')", {("params", ()), ("needs", ()), ("matrix", ()), ("env", ())}),
        (
            "exec('print(context)')",
            {("params", ()), ("needs", ()), ("matrix", ()), ("env", ()), ("context", ())},
        ),
    ],
)
def test_what_a_python_script_reads(script: str, reads: set[object]) -> None:
    assert python_reads(script) == reads


def test_what_codes_read() -> None:
    reads = Reads()
    params = ["name", "params"]
    reads.code(["text", ["get", ["get", params, "a"], "b"], ["index", params, "c"]])
    reads.code(["index", ["get", ["name", "needs"], "j"], ["get", ["name", "item"], "k"]])
    reads.code(["call", "hashFiles", ["get", params, "p"]])
    assert reads.of("params") == [("a", "b"), ("c",), ("p",)]
    assert reads.of("needs") == [("j",)]
    assert list(reads.calls.values()) == [["call", "hashFiles", ["get", params, "p"]]]
    reads.code(params)
    assert reads.of("params") == [()]


@pytest.mark.parametrize(
    ("tree", "inner"),
    [
        (["name", "item"], True),
        (["call", "f", ["get", ["name", "stages"], "a"]], True),
        (["get", ["name", "params"], "item"], False),
        ("item", False),
    ],
)
def test_what_exists_only_while_the_job_runs(tree: object, inner: bool) -> None:
    assert reads_inner(tree) is inner
