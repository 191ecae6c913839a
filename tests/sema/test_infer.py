"""What is said about expressions, and what is not."""

from __future__ import annotations

import pytest

from jobc.diagnostics.diagnostic import Diagnostic
from jobc.sema.infer import check_condition, infer
from jobc.sema.scope import Scope
from jobc.sema.types import (
    ANY,
    BOOL,
    DATETIME,
    INT,
    STR,
    ListType,
    LiteralType,
    MapType,
    ObjectType,
    OptionalType,
    SecretType,
    show,
    union,
)
from jobc.source.file import SourceFile
from jobc.syntax.expressions import parse_text

RESULT = union(LiteralType(status) for status in ("success", "failed", "skip", "cancel"))
OUTPUTS = ObjectType(
    {"parts": ListType(INT), "url": STR}, rule="unknown-output", noun="output of job `split-data`"
)
CONTEXTS = {
    "params": ObjectType(
        {
            "env": union([LiteralType("dev"), LiteralType("prod")]),
            "count": INT,
            "dry": BOOL,
            "name": STR,
            "when": DATETIME,
            "maybe": OptionalType(INT),
        }
    ),
    "needs": ObjectType(
        {"split-data": ObjectType({"result": RESULT, "outputs": OUTPUTS})}, noun="need of this job"
    ),
    "env": MapType(STR),
    "free": ANY,
    "secrets": ObjectType({"KEY": SecretType(STR)}),
}


def check(source: str, condition: bool = False) -> tuple[list[Diagnostic], str]:
    found: list[Diagnostic] = []
    unavailable = {"matrix": "it exists only in jobs with a strategy"}
    scope = Scope(CONTEXTS, unavailable, file=SourceFile("x.yml", source), place="the condition of a job")
    type = (check_condition if condition else infer)(parse_text(source), scope, found.append)
    return found, show(type)


def fixed(source: str, finding: Diagnostic) -> str | None:
    if finding.fix is None:
        return None
    (edit,) = finding.fix.edits
    return source[: edit.span.start] + edit.text + source[edit.span.end :]


@pytest.mark.parametrize(
    ("source", "rule", "place", "message", "mended"),
    [
        (
            "needs.split-data.result == 'failure'",
            "incomparable-types",
            "'failure'",
            "`needs.split-data.result` is never `'failure'`, so this is always false",
            "needs.split-data.result == 'failed'",
        ),
        (
            "needs.split-data.outputs.part",
            "unknown-output",
            "part",
            "`part` is no output of job `split-data`",
            "needs.split-data.outputs.parts",
        ),
        ("needs.split_data.result", "undefined-name", "split_data", "`split_data` is no need of this job", "needs.split-data.result"),
        ("param.env", "undefined-name", "param", "unknown name `param`", "params.env"),
        ("params['naem']", "undefined-name", "'naem'", "`params` has no property `naem`", "params['name']"),
        ("production", "undefined-name", "production", "unknown name `production`", None),
        ("success", "undefined-name", "success", "unknown name `success`", None),
        ("params.name.length > 3", "undefined-name", "length", "`params.name` is text, which has no property `length`", "len(params.name) > 3"),
        ("datetime.now().hours", "undefined-name", "hours", "`datetime.now()` is a date or time, which has no property `hours`", "datetime.now().hour"),
        ("contain('a', 'b')", "undefined-name", "contain", "unknown function `contain`", "contains('a', 'b')"),
        ("params.name | uper", "undefined-name", "uper", "unknown filter `uper`", "params.name | upper"),
        ("params.name.upper()", "undefined-name", "upper", "`params.name` is text, which has no method `upper`", None),
        ("matrix.x", "context-unavailable", "matrix", "`matrix` does not exist in the condition of a job", None),
        ("contains('x')", "call-signature", "contains('x')", "`contains` needs `item`", None),
        ("upper('a', 'b')", "call-signature", "'b'", "`upper` takes at most 1 argument, but 2 are given", None),
        ("split('a', sep='b')", "call-signature", "'b'", "`split` has no argument `sep`", None),
        ("join('abc')", "call-signature", "'abc'", "`items` of `join` must be a list, but `'abc'` is text", None),
        ("quote('a')", "call-signature", "quote", "`quote` is a filter, not a function", None),
        ("params.count == '3'", "incomparable-types", "params.count == '3'", "`params.count` is a whole number and `'3'` is text: they are never equal", "params.count == 3"),
        ("params.dry == 'true'", "incomparable-types", "params.dry == 'true'", "`params.dry` is true or false and `'true'` is text: they are never equal", "params.dry == true"),
        ("params.when < 'x'", "incomparable-types", "params.when < 'x'", "`<` has no meaning between a date or time and text", None),
        ("params.count + 'x'", "incomparable-types", "params.count + 'x'", "`+` cannot add text to a whole number", None),
        ("1 in params.name", "incomparable-types", "1 in params.name", "`1` is a whole number, which is never in text", None),
        ("params.name && params.dry", "condition-not-boolean", "params.name", "the left side of `&&` must be true or false, but `params.name` is text", None),
        ("params.count ? 1 : 2", "condition-not-boolean", "params.count", "the test before `?` must be true or false, but `params.count` is a whole number", None),
    ],
)  # fmt: skip
def test_a_mistake_is_found_where_it_is(
    source: str, rule: str, place: str, message: str, mended: str | None
) -> None:
    found, _ = check(source)
    assert [(f.rule, f.span.text, f.message) for f in found] == [(rule, place, message)]
    assert found[0].help
    assert fixed(source, found[0]) == mended
    assert found[0].fix is None or not found[0].fix.safe


@pytest.mark.parametrize(
    "source",
    [
        "needs.split-data.result == 'failed'",
        "free.anything.at.all && true",
        "free == 1 || free == 'x' || free < 2",
        "params.maybe == null",
        "params.maybe > 1",
        "env.FOO == null",
        "env['FOO'] ?? 'x'",
        "datetime.now().hour >= 9 && datetime.now().hour <= 17",
        "fromJson(needs.split-data.outputs.parts)",
        "fromJSON(params.name).x.y",
        "params.name | split(' ') | len",
        "contains(needs.split-data.outputs.parts, 3)",
        "range(start=1, stop=params.count)",
        "params.env in ['dev', 'test']",
        "merge({a: 1}, free).b",
        "{a: null}.a.b",
        "[null][0][1]",
        "null.x",
    ],
)
def test_what_may_be_right_is_silent(source: str) -> None:
    assert not check(source)[0]


@pytest.mark.parametrize(
    ("source", "type"),
    [
        ("needs.split-data.outputs.parts[0]", "a whole number or null"),
        ("params.count / 2", "a number"),
        ("params.count * 2", "a whole number"),
        ("secrets.KEY + 'x'", "a secret"),
        ("upper(secrets.KEY)", "a secret"),
        ("len(secrets.KEY)", "a whole number"),
        ("params.maybe ?? 'x'", "`'x'` or a whole number"),
        ("env.FOO", "text or null"),
        ("{a: 1}.a", "`1`"),
        ("params.dry ? 'a' : 'b'", "`'a' | 'b'`"),
        ("unknown.thing", "anything"),
        ("split('a')", "a list of texts"),
    ],
)
def test_types_follow_from_parts(source: str, type: str) -> None:
    assert check(source)[1] == type


@pytest.mark.parametrize(
    ("source", "help"),
    [
        ("params.name", "compare it, such as `params.name != ''`"),
        ("'true'", "write `true` without quotes"),
        ("params.count", "compare it, such as `params.count != 0`"),
        ("needs.split-data.outputs.parts", "compare its length: `len(needs.split-data.outputs.parts) > 0`"),
    ],
)
def test_a_condition_must_be_a_boolean(source: str, help: str) -> None:
    (finding,) = check(source, condition=True)[0]
    assert (finding.rule, finding.help) == ("condition-not-boolean", help)


def test_a_hyphened_name_that_should_subtract_is_explained() -> None:
    (finding,) = check("params.count-1")[0]
    assert finding.rule == "name-or-subtraction"
    assert finding.help == "to subtract, write `params.count - 1` with blanks around the `-`"
    (finding,) = check("free-params")[0]
    assert finding.help == "to subtract, write `free - params` with blanks around the `-`"


def test_one_cause_is_reported_once() -> None:
    assert len(check("nothing.x.y == 'a' && !nothing2.z", condition=True)[0]) == 2


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("fromJson(\"['a']\")", "`fromJson` needs JSON, but has the text \"['a']\" (at character 2)"),
        ("format('{0} {1}', params.name)", "`format` has no argument for `{1}`: 1 given"),
        ("format('{', params.name)", "`format` has a lone `{` at character 1; write `{{`"),
        ("params.name | split('')", "`split` needs a separator that is not empty"),
        ("replace(params.name, '', params.name)", "`replace` needs a text to look for that is not empty"),
        ("range(0, params.count, 0)", "`range` needs a step that is not 0"),
        ("datetime.parse('noon')", "`datetime.parse` cannot read the text 'noon'"),
        ("min([])", "`min` of an empty list has no value; check its `len` first"),
    ],
)
def test_constant_arguments_with_which_a_call_always_fails(source: str, message: str) -> None:
    found, type = check(source)
    assert [finding.rule for finding in found] == ["call-signature"]
    assert found[0].message.startswith(message)
    assert found[0].help
    assert type == show(ANY)


@pytest.mark.parametrize(
    "source",
    [
        "fromJson(params.name)",
        "fromJson('{\"a\": 1}').a",
        "format('{{}} {0} {}', params.name, params.count)",
        "format(params.name, 1)",
        "split(params.name, params.name)",
        "replace(params.name, ' ', '')",
        "range(params.count)",
        "range(0, params.count, 2)",
        "min([params.count])",
    ],
)
def test_calls_that_may_succeed(source: str) -> None:
    assert check(source)[0] == []
