from __future__ import annotations

from typing import Any

import pytest

from jobc.interpreter.evaluator import Environment
from jobc.interpreter.reasons import calls_status, show, why_false

PARAMS = {"dry": True, "n": 3, "name": "it's", "none": None}


def get(key: str) -> list[Any]:
    return ["get", ["name", "params"], key]


def why(tree: Any) -> str:
    return why_false(tree, Environment({"params": PARAMS}, status={"success": False}))


@pytest.mark.parametrize(
    ("tree", "reason"),
    [
        (["==", get("dry"), False], "condition `params.dry == false` is false: params.dry is true"),
        (
            ["and", ["==", get("n"), 3], ["==", get("name"), "x"]],
            "condition `params.n == 3 && params.name == 'x'` is false: `params.name == 'x'` is false: params.name is 'it''s'",
        ),
        (
            ["or", [">", get("n"), 4], ["!=", get("none"), None]],
            "condition `params.n > 4 || params.none != null` is false: `params.n > 4` is false: params.n is 3; "
            "`params.none != null` is false: params.none is null",
        ),
        (["not", get("dry")], "condition `!params.dry` is false: `params.dry` is true"),
        (
            ["==", get("n"), get("n2")],
            "condition `params.n == params.n2` is false: params.n is 3 and params.n2 is null",
        ),
        (False, "its condition is the constant false"),
        (["call", "success"], "condition `success()` is false: an earlier stage or job did not succeed"),
    ],
)
def test_the_false_part_is_named_with_its_values(tree: Any, reason: str) -> None:
    assert why(tree) == reason


def test_parentheses_stand_where_they_are_needed() -> None:
    assert (
        show(["and", ["or", True, False], ["not", ["and", True, True]]])
        == "(true || false) && !(true && true)"
    )
    assert show(["-", 1, ["-", 2, 3]]) == "1 - (2 - 3)"


def test_status_functions_are_found_at_any_depth() -> None:
    assert calls_status(["and", get("dry"), ["not", ["call", "cancelled"]]])
    assert not calls_status(["==", get("dry"), "always"])
