"""Fixes over all fixtures: what was fixed is clean, fixing again changes nothing, and safe fixes keep the meaning."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from jobc.check.registry import rules
from jobc.check.runner import check
from jobc.cli.lint.checking import Checked, Input, check_one
from jobc.cli.lint.fixing import Fixed, fix
from jobc.diagnostics.diagnostic import ERROR, Finding
from jobc.errors import CompileError
from jobc.interpreter.evaluator import Environment, EvaluationError, evaluate
from jobc.ir import codec
from jobc.lower.program import lower
from jobc.sema.analyze import analyze
from jobc.sema.model import SemanticModel
from jobc.source.compose import compose
from jobc.source.decode import decode, read_file
from jobc.source.file import SourceFile
from jobc.source.nodes import Node, Scalar, Sequence

FIXTURES = Path(__file__).parents[2] / "fixtures"
FILES = sorted([*FIXTURES.glob("rules/*/*.yml"), *FIXTURES.glob("workflows/*/*.yml")])
each = pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")


def checked(path: Path, data: bytes) -> Checked:
    return check_one(Input(path.name, str(path.parent), data))


def everything(findings: list[Finding]) -> list[Finding]:
    return findings


def fixed(path: Path, data: bytes, *, unsafe: bool) -> Fixed:
    return fix(checked(path, data), everything, unsafe=unsafe)


def own_fixes(found: list[Finding], path: Path, *, unsafe: bool) -> list[str]:
    """The rules of what could still be fixed in the file itself."""
    return [
        finding.diagnostic.rule
        for finding in found
        if finding.diagnostic.fix is not None
        and (finding.diagnostic.fix.safe or unsafe)
        and finding.diagnostic.span.file.path == path.name
        and all(edit.span.file.path == path.name for edit in finding.diagnostic.fix.edits)
    ]


@each
@pytest.mark.parametrize("unsafe", [False, True], ids=["safe", "unsafe"])
def test_after_fixing_nothing_is_left_to_fix(path: Path, unsafe: bool) -> None:
    data = path.read_bytes()
    first = fixed(path, data, unsafe=unsafe)
    assert own_fixes(first.checked.findings, path, unsafe=unsafe) == []
    again = fixed(path, first.checked.input.data, unsafe=unsafe)
    assert (again.count, again.after) == (0, first.after)


@each
def test_fixing_never_adds_an_error(path: Path) -> None:
    before = checked(path, path.read_bytes())
    after = fixed(path, path.read_bytes(), unsafe=False).checked
    count = sum(finding.severity == ERROR for finding in before.findings)
    assert sum(finding.severity == ERROR for finding in after.findings) <= count


def model(path: Path, text: str) -> SemanticModel:
    def load(name: str) -> SourceFile:
        return read_file(str(path.parent / name), name)

    return analyze(SourceFile(path.name, text), load)


def meaning(path: Path, text: str) -> dict[str, Any] | None:
    """The IR of each workflow of a file without its places; None where it has errors."""
    analysed = model(path, text)
    if any(finding.severity == ERROR for finding in check(analysed)) or not analysed.workflows:
        return None
    try:
        return {
            workflow.name: placeless(json.loads(codec.dumps(lower(analysed, workflow.name))))
            for workflow in analysed.workflows
        }
    except CompileError:  # an error that a comment of the file allows
        return None


def placeless(body: dict[str, Any]) -> Any:
    body.pop("spans")
    body.pop("hash")
    body["codes"] = [settled(tree) for _, tree in body["codes"]]
    return _placeless(body)


#: Functions whose value is not the same in every run.
OPEN = {
    "datetime.now",
    "datetime.utcnow",
    "date.today",
    "env",
    "hashFiles",
    "always",
    "success",
    "failure",
    "cancelled",
}


def settled(tree: Any) -> Any:
    """A code with what is constant in it worked out: `a && 1 == 1` means `a`."""
    if not isinstance(tree, list):
        return tree
    match [tree[0], *(settled(part) for part in tree[1:])]:
        case ["name", *_] as open_:
            return open_
        case ["and", True, other] | ["and", other, True] | ["or", False, other] | ["or", other, False]:
            return other
        case ["and", False, _] | ["and", _, False]:
            return False
        case ["or", True, _] | ["or", _, True]:
            return True
        case ["?:", bool(test), then, otherwise]:
            return then if test else otherwise
        case ["call", str(function), *_] as open_ if function in OPEN:
            return open_
        case [_, *parts] as whole if not any(isinstance(part, list) for part in parts):
            try:
                value = evaluate(whole, Environment({}))
            except EvaluationError:
                return whole
            return value if value is None or isinstance(value, (bool, int, float, str)) else whole
        case whole:
            return whole


def test_settling_keeps_what_only_a_run_can_know() -> None:
    dry = ["get", ["name", "params"], "dry"]
    assert settled(["and", dry, ["==", 1, 1]]) == dry
    assert settled(["and", dry, ["==", 1, 2]]) is False
    assert settled(["call", "always"]) == ["call", "always"]
    assert settled(["==", dry, True]) == ["==", dry, True]


def _placeless(part: Any) -> Any:
    if isinstance(part, dict):
        return {key: _placeless(value) for key, value in part.items() if key not in ("span", "lines")}
    if isinstance(part, list):
        return [_placeless(value) for value in part]
    return part


@each
def test_safe_fixes_keep_the_meaning(path: Path) -> None:
    text = decode(path.read_bytes(), path.name).text
    before = meaning(path, text)
    if before is None:
        return
    assert meaning(path, fixed(path, path.read_bytes(), unsafe=False).after) == before


def test_the_meaning_is_compared_where_fixes_change_something() -> None:
    changed = {path for path in FILES if fixed(path, path.read_bytes(), unsafe=False).count}
    compared = {
        path for path in changed if meaning(path, decode(path.read_bytes(), path.name).text) is not None
    }
    assert len(compared) >= 5, "else the test above compares nothing"


def test_another_meaning_is_seen() -> None:
    path = FIXTURES / "rules" / "non-canonical-key" / "bad.yml"
    text = decode(path.read_bytes(), path.name).text
    assert meaning(path, text) is not None
    assert meaning(path, text) != meaning(path, text.replace("snake_key: [a]", "snake_key: [b]"))
    assert meaning(path, text) == meaning(path, "# moved\n" + text)


@each
def test_comments_and_quotes_stay(path: Path) -> None:
    """Every comment but those that a fix is about, and every value as it is written, whatever moved."""
    text = decode(path.read_bytes(), path.name).text
    result = fixed(path, path.read_bytes(), unsafe=False)
    if not result.count or path.parent.name == "yaml-syntax":
        return
    moving = {f.diagnostic.rule for f in checked(path, path.read_bytes()).findings if f.diagnostic.fix}
    if moving <= {"key-order", "non-canonical-key", "stale-suppression"}:
        assert sorted(scalars(result.after)) == sorted(scalars(text))
        if "stale-suppression" not in moving:
            assert sorted(comments(result.after)) == sorted(comments(text))


def comments(text: str) -> list[str]:
    return re.findall(r"(?:^|(?<=\s))#.*", text)


def scalars(text: str) -> list[str]:
    """Every value as it stands in the file; keys are not meant."""
    file = SourceFile("a.yml", text)
    found: list[str] = []
    todo: list[Node] = [root for root in compose(file).documents if root is not None]
    while todo:
        node = todo.pop()
        if isinstance(node, Scalar):
            found.append(" ".join(node.span.text.split()))
        elif isinstance(node, Sequence):
            todo.extend(node.items)
        else:
            todo.extend(entry.value for entry in node.entries)
    return found


def test_the_keys_of_the_fixture_move_with_their_comments() -> None:
    path = FIXTURES / "rules" / "key-order" / "bad.yml"
    after = fixed(path, path.read_bytes(), unsafe=False).after
    assert after == (
        "name: report\n"
        "params: {working: bool}\n"
        "jobs:\n"
        "  report:\n"
        "    desc: The report.\n"
        "    # It reads what `load` wrote.\n"
        "    needs: load   # and nothing else\n"
        "    stages:\n"
        "      # Every region has its own file.\n"
        "      - name: Report\n"
        "        # Only on working days.\n"
        "        condition: params.working == true\n"
        "        bash: |\n"
        "          ./collect\n"
        "\n"
        "          ./report   # all of it\n"
        "          ./send\n"
        "\n"
        "      - echo: done\n"
        "\n"
        "  load:   # first\n"
        "    stages: [{bash: ./load}]\n"
    ), after


def test_every_rule_with_safe_fixes_is_met_by_these_fixtures() -> None:
    met = {
        finding.diagnostic.rule
        for path in FILES
        for finding in checked(path, path.read_bytes()).findings
        if finding.diagnostic.fix is not None
    }
    assert {name for name, rule in rules().items() if rule.fixable != "no"} <= met
