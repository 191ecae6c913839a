"""Where an expression may stand in Python, and that values get there as they are."""

from __future__ import annotations

import ast
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobc.sema.scripts_python import SyntaxProblem, uses


def place(script: str) -> Any:
    """The uses of `@1`, `@2`… in a script."""
    names, starts, out = [], [], ""
    for part in re.split(r"(@\d)", script):
        if re.fullmatch(r"@\d", part):
            names.append(f"JOBC_E{len(names) + 1}_")
            starts.append(len(out))
            part = names[-1]
        out += part
    return uses(out, names, starts), out, names


class Rewrite(ast.NodeTransformer):
    """What an interpreter does with the lifted script: literals that hold a name get the value's text."""

    def __init__(self, texts: dict[str, str]) -> None:
        self.texts = texts

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        for name, text in self.texts.items():
            if isinstance(node.value, str):
                node.value = node.value.replace(name, text)
            elif isinstance(node.value, bytes):
                node.value = node.value.replace(name.encode(), text.encode())
        return node


def run(script: str, *values: Any) -> dict[str, Any]:
    found, text, names = place(script)
    assert all(use in ("value", "text", "comment") for use in found), found
    scope: dict[str, Any] = {}
    texts = {}
    for name, use, value in zip(names, found, values, strict=True):
        if use == "value":
            scope[name] = value
        elif use == "text":
            texts[name] = value
    tree = ast.fix_missing_locations(Rewrite(texts).visit(ast.parse(text)))
    exec(compile(tree, "script", "exec"), scope)
    return scope


HOSTILE = "'; raise SystemExit #\"\"\"\n\\ {open('x','w')} $(id)"
PLACES = [
    "x = @1",
    "x = '@1'",
    'x = "@1"',
    "x = '''@1'''",
    'x = """@1"""',
    "x = r'@1'",
    "x = f'@1'",
    "x = f'{@1}'",
    "x = f'{@1!s}' # @1",
    "x = rf'@1'",
    "x = b'@1'.decode()",
    "x = ('' '@1'\n  '')",
    "x = str(object=@1)",
    "x = [@1][0]",
    "x = {'k': @1}['k']",
    "x = {@1: 1}.popitem()[0]",
    "x = (lambda v=@1: v)()",
    "x = '%s' % @1",
    "x: str = @1",
    "def f():\n    '''@1'''\nx = f.__doc__",
    "def f(v=@1):\n    return v\nx = f()",
    "if @1:\n    x = @1",
    "match @1:\n    case v:\n        x = v",
    "match @1:\n    case '@1':\n        x = @1",
    "x = @1 # '@1'",
    "x = @1; y = '''\n@1\n'''",
]


@pytest.mark.parametrize("script", PLACES)
def test_a_hostile_value_arrives_unchanged(script: str) -> None:
    assert run(script, *[HOSTILE] * script.count("@1"))["x"] == HOSTILE


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(PLACES[:-7]), st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_text_arrives_unchanged(script: str, value: str) -> None:
    if "JOBC_E" not in value:
        assert run(script, *[value] * script.count("@1"))["x"] == value


@pytest.mark.parametrize("value", [None, 3, [1, 2], {"a": None}, 1.5, True])
def test_code_position_keeps_the_value_itself(value: object) -> None:
    assert run("x = [@1]", value)["x"][0] is value


@pytest.mark.parametrize(
    "script",
    [
        "@1 = 3",
        "x.@1 = 3",
        "x.@1()",
        "f(@1=3)",
        "import @1",
        "from @1 import x",
        "from x import y as @1",
        "def @1(): pass",
        "class @1: pass",
        "def f(@1): pass",
        "for @1 in x: pass",
        "with x as @1: pass",
        "del @1",
        "global @1",
        "try:\n  pass\nexcept E as @1:\n  pass",
        "match x:\n  case @1: pass",
        "(@1 := 3)",
        "@1 += 3",
        "pre@1 = 1",
        "x = pre@1",
        "x = @1post",
        "x = 1@1",
        "x = @1@2",
    ],
)
def test_where_python_wants_a_name_a_finding_says_so(script: str) -> None:
    found, _, _ = place(script)
    assert isinstance(found, list)
    assert isinstance(found[0], tuple)


@pytest.mark.parametrize(
    "script",
    [
        "eval('@1')",
        "eval(f'f(@1)')",
        "exec('x = ' + str(@1))",
        "import os\nos.system('ls @1')",
        "import subprocess\nsubprocess.run('ls @1', shell=True)",
        "import subprocess\nsubprocess.check_output(args=f'ls {@1}', shell=True, text=True)",
        "import subprocess\nsubprocess.getoutput('ls ' + @1)",
    ],
)
def test_text_that_python_or_a_shell_runs_takes_no_value(script: str) -> None:
    (use,), _, _ = place(script)
    assert "run as code" in use[0]


@pytest.mark.parametrize(
    "script",
    [
        "import subprocess\nsubprocess.run(['ls', @1])",
        "import subprocess\nsubprocess.run('ls @1', shell=False)",
        "import os, shlex\nos.system('ls ' + shlex.quote(@1))",
        "eval('x', {'x': @1})",
        "model.eval(@1)",
    ],
)
def test_data_beside_what_runs_is_taken(script: str) -> None:
    (use,), _, _ = place(script)
    assert use in ("value", "text")


def test_a_syntax_error_has_its_place() -> None:
    found, text, _ = place("x = 1\nfor i in range(3)\n    print(@1)\n")
    assert isinstance(found, SyntaxProblem)
    assert text[: found.start].count("\n") == 1
    assert "expected ':'" in found.message


def test_nothing_is_executed_or_warned_about_while_reading(recwarn: pytest.WarningsRecorder) -> None:
    assert place("x = '\\d @1'")[0] == ["text"]
    assert not recwarn.list
