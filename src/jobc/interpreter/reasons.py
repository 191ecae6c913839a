"""Why a condition is false: the part that made it so, and the values in it.

`why_false` walks down the code as the evaluator did: into the side of `&&` that is false, into both sides of
`||`, through `!`. What it arrives at is shown with the values of its operands, so a reader need not run anything to
see why a stage or a job did not run.
"""

from __future__ import annotations

from typing import Any

from jobc.interpreter.evaluator import Environment, EvaluationError, evaluate
from jobc.interpreter.values import holds_secret, to_json
from jobc.ir.expression_text import expression

_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=", "in", "not-in")
_STATUS = {
    "success": "an earlier stage or job did not succeed",
    "failure": "nothing has failed",
    "cancelled": "nothing was cancelled",
}
_LONGEST = 80


def why_false(tree: Any, environment: Environment) -> str:
    """ "condition `params.dry == false` is false: params.dry is true". `tree` is known to be false."""
    if tree is False:
        return "its condition is the constant false"
    return "condition `%s` is false: %s" % (show(tree), _detail(tree, environment, True))


def calls_status(tree: Any) -> bool:
    """Whether a condition asks for the status itself: then there is no implicit `success()`."""
    if not isinstance(tree, list) or not tree:
        return False
    if tree[0] == "call" and tree[1] in ("always", "success", "failure", "cancelled"):
        return True
    return any(calls_status(part) for part in tree[1:])


def _detail(tree: Any, environment: Environment, whole: bool) -> str:
    op = tree[0] if isinstance(tree, list) else None
    if op == "and":
        part = tree[1] if _value(tree[1], environment) is False else tree[2]
        return _detail(part, environment, False)
    if op == "or":
        return "; ".join(_detail(part, environment, False) for part in tree[1:])
    lead = "" if whole else "`%s` is false: " % show(tree)
    if op == "not":
        return "%s`%s` is true" % (lead, show(tree[1]))
    if op in _COMPARISONS:
        facts = [_fact(part, environment) for part in tree[1:] if not _constant(part)]
        return lead + (" and ".join(dict.fromkeys(facts)) if facts else "it always is")
    if op == "call" and tree[1] in _STATUS:
        return lead + _STATUS[tree[1]]
    if op == "call":
        facts = [_fact(part, environment) for part in tree[2:] if not _constant(part)]
        return lead + (" and ".join(dict.fromkeys(facts)) if facts else "it gave false")
    if op in ("get", "name", "index"):
        return "%s is false" % show(tree)
    return "%sit gave false" % lead if op is not None else "it is the constant false"


def _fact(tree: Any, environment: Environment) -> str:
    return "%s is %s" % (show(tree), _shown(_value(tree, environment)))


def _value(tree: Any, environment: Environment) -> Any:
    try:
        return evaluate(tree, environment)
    except EvaluationError:
        return None


def _constant(tree: Any) -> bool:
    if not isinstance(tree, list):
        return True
    return tree[0] == "list" and all(_constant(part) for part in tree[1:])


def _shown(value: Any) -> str:
    if holds_secret(value):
        return "a secret"
    if isinstance(value, str):
        text = "'%s'" % value.replace("'", "''")
    else:
        try:
            text = to_json(value)
        except EvaluationError:
            text = "a %s" % type(value).__name__
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def show(tree: Any) -> str:
    """A code as an expression, cut short where it is long."""
    text = expression(tree)
    return text if len(text) <= 2 * _LONGEST else text[: 2 * _LONGEST - 1] + "…"
