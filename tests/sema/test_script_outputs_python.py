"""What is said of a Python script's outputs holds for what it really writes."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobc.interpreter.child import execute
from jobc.interpreter.pycode import compile_script
from jobc.ir.program import Script
from jobc.sema.outputs import PYTHON_NAMES
from jobc.sema.script_outputs import Outputs
from jobc.sema.script_outputs_python import python_outputs
from jobc.sema.types import ANY, show
from tests.sema.fitting import fits

NAMES = ["a", "b", "c", "rows", "_x", "item", "result"]
ATOMS = ["1", "2.5", "'t'", "True", "None", "[]", "[1, 2]", "{'k': 1}", "(1, 'x')", "len('abc')", "{1, 2}"]


def found(text: str) -> Outputs:
    return python_outputs(text, {}, dict.fromkeys(PYTHON_NAMES, ANY))


def run(text: str) -> dict[str, Any] | None:
    """The outputs that the interpreter takes from the script; None where it fails."""
    code, imports = compile_script(Script("python", text, [], 0, [(1, 1)]), "x", {})
    request = {
        **{key: {} for key in ("params", "matrix", "needs", "stages", "env", "context", "vars", "slots")},
        "kind": "script",
        "item": 3,
        "imports": imports,
        "bound": 1 << 20,
    }
    reply = execute(request, code, {})
    return None if reply["error"] else reply["outputs"]


def check(text: str) -> None:
    said = found(text)
    outputs = run(text)
    if outputs is None:
        return
    for name, value in outputs.items():
        assert said.open or name in said.types, (text, name)
        if name in said.types:
            assert fits(value, said.types[name]), (text, name, value, show(said.types[name]))
    for name in said.types:
        if name not in said.maybe and not said.open and said.types[name] is not ANY:
            assert name in outputs, (text, name)


name = st.sampled_from(NAMES)
atom = st.sampled_from([*ATOMS, *NAMES])
expr = st.recursive(
    atom,
    lambda e: st.one_of(
        st.tuples(e, st.sampled_from(["+", "*", "%", "-", "/", "//", "or", "and", "==", "<", "in"]), e).map(
            lambda t: f"({t[0]} {t[1]} {t[2]})"
        ),
        st.tuples(
            st.sampled_from(
                ["len", "str", "int", "sorted", "sum", "list", "bool", "abs", "max", "round", "float", "set"]
            ),
            e,
        ).map(lambda t: f"{t[0]}({t[1]})"),
        st.tuples(e, e, e).map(lambda t: f"({t[0]} if {t[1]} else {t[2]})"),
        st.lists(e, max_size=3).map(lambda items: "[" + ", ".join(items) + "]"),
        st.tuples(e, e).map(lambda t: f"{{'k': {t[0]}, 'm': {t[1]}}}"),
        e.map(
            lambda x: (
                f"f'{{{x}!r:.9}}'".replace("'", '"', 1)[:-1] + '"'
                if "'" not in x and '"' not in x
                else "f'x'"
            )
        ),
        st.tuples(e, e).map(lambda t: f"[{t[0]} for q in {t[1]}]"),
        st.tuples(e, e).map(lambda t: f"{{w: {t[0]} for w in {t[1]}}}"),
        st.tuples(name, e).map(lambda t: f"({t[0]} := {t[1]})"),
        st.tuples(
            e, st.sampled_from([".upper()", ".split('t')", "[0]", "[:1]", ".get('k')", "['k']", ".copy()"])
        ).map("".join),
    ),
    max_leaves=5,
)
simple = st.one_of(
    st.tuples(name, expr).map(lambda t: f"{t[0]} = {t[1]}"),
    st.tuples(name, name, expr).map(lambda t: f"{t[0]} = {t[1]} = {t[2]}"),
    st.tuples(name, name, expr, expr).map(lambda t: f"{t[0]}, {t[1]} = {t[2]}, {t[3]}"),
    st.tuples(name, name, expr).map(lambda t: f"{t[0]}, *{t[1]} = {t[2]}"),
    st.tuples(name, st.sampled_from(["+=", "*=", "|="]), expr).map(" ".join),
    st.tuples(name, expr).map(lambda t: f"{t[0]}.append({t[1]})"),
    st.tuples(name, expr).map(lambda t: f"{t[0]}['n'] = {t[1]}"),
    st.tuples(name, expr).map(lambda t: f"{t[0]}[0] = {t[1]}"),
    name.map(lambda n: f"del {n}"),
    name.map(lambda n: f"import json as {n}"),
    st.tuples(name, expr).map(lambda t: f"def {t[0]}(a=1):\n    global b\n    b = {t[1]}\n    return a"),
    name.map(lambda n: f"class {n}: c = 1"),
    name.map(lambda n: f"{n}()"),
    st.tuples(name, expr).map(lambda t: f"result.outputs = {{'{t[0]}': {t[1]}}}"),
    st.tuples(name, expr).map(lambda t: f"result.outputs['{t[0]}'] = {t[1]}"),
    st.tuples(name, expr).map(lambda t: f"result.outputs.update({t[0]}={t[1]})"),
    st.tuples(name, expr).map(lambda t: f"result.outputs['{t[0]}'].append({t[1]})"),
    expr.map(lambda e: f"result.outputs = {e}"),
    expr,
    st.sampled_from(["exit()", "raise SystemExit", "import sys\nsys.exit(0)", "globals()['z'] = 1", "pass"]),
)
statement = st.recursive(
    simple,
    lambda s: st.one_of(
        st.tuples(expr, s, s).map(lambda t: f"if {t[0]}:\n{indent(t[1])}\nelse:\n{indent(t[2])}"),
        st.tuples(name, expr, s).map(lambda t: f"for {t[0]} in {t[1]}:\n{indent(t[2])}"),
        st.tuples(s, name, s).map(
            lambda t: f"try:\n{indent(t[0])}\nexcept Exception as {t[1]}:\n{indent(t[2])}"
        ),
        st.tuples(s, s).map(lambda t: f"try:\n{indent(t[0])}\nfinally:\n{indent(t[1])}"),
        s.map(lambda s: f"from contextlib import suppress\nwith suppress(Exception):\n{indent(s)}"),
        st.tuples(expr, name, s).map(
            lambda t: (
                f"match {t[0]}:\n    case [{t[1]}, *_]:\n{indent(indent(t[2]))}\n    case _:\n        pass"
            )
        ),
        st.tuples(s, s).map("\n".join),
    ),
    max_leaves=4,
)


def indent(text: str) -> str:
    return textwrap.indent(text, "    ")


@settings(max_examples=200, deadline=None)
@given(st.lists(statement, min_size=1, max_size=6).map("\n".join))
def test_what_a_script_writes_is_known_or_open(text: str) -> None:
    try:
        compile(text, "x", "exec")
    except SyntaxError:
        return
    check(text)


@pytest.mark.parametrize(
    "text",
    [
        "x = [1]; y = [2]; z = max(x, y); z.append('s')",
        "x = [1]; z = sum([], x); z.append('s')",
        "x = [1]; z = min(*[x, [2]]); z.append('s')",
        "best = float('inf')",
        "x = {'a': float('nan')}",
    ],
)
def test_scripts_whose_outputs_were_once_mistaken(text: str) -> None:
    check(text)


@pytest.mark.parametrize(
    ("text", "types", "maybe"),
    [
        ("version = '1.2'\n_hidden = 1\nimport os\ndef f(): pass", {"version": "`'1.2'`"}, set()),
        ("if item: x = 1\nelse: x = 'a'", {"x": "`1 | 'a'`"}, set()),
        ("if item: x = 1", {"x": "`1`"}, {"x"}),
        (
            "total = 0\nfor i in range(3): total += i",
            {"total": "a whole number", "i": "a whole number"},
            {"i"},
        ),
        (
            "rows = [n * 2 for n in range(3)]\nn = len(rows)",
            {"rows": "a list of whole numbers", "n": "a whole number"},
            set(),
        ),
        ("result.outputs = {'a': f'{item}', 'b': [1]}", {"a": "text", "b": "a list of whole numbers"}, set()),
        ("result.outputs['a'] = 1\nif item: result.outputs['b'] = 2.5", {"a": "`1`", "b": "`2.5`"}, {"b"}),
        (
            "import json\nj = json.dumps({})\nparts = j.upper().split(',')",
            {"j": "text", "parts": "a list of texts"},
            set(),
        ),
        ("x = 1\ndel x", {"x": "`1`"}, {"x"}),
        ("import sys\nif item: sys.exit(1)\nx = 1", {"x": "`1`"}, set()),
        ("with open('f') as f: data = str(f.read())", {"f": "anything", "data": "text"}, {"f"}),
        ("try:\n    x = int('1')\nexcept ValueError:\n    raise", {"x": "a whole number"}, set()),
        ("mode = 'fast' if item else 'slow'", {"mode": "`'fast' | 'slow'`"}, set()),
    ],
)
def test_outputs_of_a_script(text: str, types: dict[str, str], maybe: set[str]) -> None:
    said = found(text)
    assert not said.open
    assert {name: show(type) for name, type in said.types.items()} == types
    assert said.maybe == maybe


@pytest.mark.parametrize(
    "text",
    [
        "exec('x = 1')",
        "globals()['x'] = 1",
        "from os.path import *",
        "def fill(r): r.outputs['x'] = 1\nfill(result)",
        "result.outputs = make()",
        "result.outputs[item] = 1",
        "import sys\nsys.modules[__name__].x = 1",
        "import __main__\n__main__.x = 1",
        "setattr(result, 'outputs', {'x': 1})",
        "x = (",
    ],
)
def test_what_cannot_be_seen_leaves_the_outputs_open(text: str) -> None:
    assert found(text).open
