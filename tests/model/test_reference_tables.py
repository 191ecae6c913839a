"""Every attribute, default, method and value of the reference's tables (`fixtures/reference/attributes.txt`)."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import jobc
from jobc import EmptyStage, OnDocker, OnLocal, Rule, Strategy
from jobc.model.base import Model, kebab

TABLES = Path(__file__).parents[2] / "fixtures" / "reference" / "attributes.txt"

#: Of each type: values that are taken, and values that are not.
DOCKER = {"image": "python"}
STORE = dict.fromkeys(
    (
        "batch_account_name",
        "batch_account_key",
        "batch_account_url",
        "storage_account_name",
        "storage_account_key",
    ),
    "x",
)
VALUES: dict[str, tuple[list[Any], list[Any]]] = {
    "str": (["text"], [3, None, ["text"], {}]),
    "str or None": (["text", None], [["text"], {}, object()]),
    "int or None": ([1, 5, None], [2.5, []]),
    "int": ([1, 9, 20, 500], [0, -1, True, 2.5, None, [], {}]),
    "bool": ([True, False], [1, 0, None, []]),
    "dict": ([{}, {"a": "b"}], [None, 3, [1], [("a", 1)]]),
    "list[str]": ([[], ["a"]], [None, 3, [3], {}]),
    "list[dict]": ([[], [{"a": 1}]], [None, 3, [3], {}]),
    "list[Stage]": (
        [[], [EmptyStage(echo="")], [{"echo": ""}]],
        [None, 3, "echo", [3], [{"ecko": ""}], [{"name": "x"}]],
    ),
    "Rule": ([Rule.ALL_DONE, "all_done"], [None, "all", 3, []]),
    "Strategy": ([Strategy(), {"matrix": {"a": [1]}}], [None, 3, [], {"matrix": 3}, {"matrix": {"a": 3}}]),
    "RunsOnModel": (
        [OnLocal(), "local", {"type": "docker", "image": "x"}],
        [None, 3, "moon", {"type": "docker"}, {"image": "x"}],
    ),
    "SelfHostedArgs": ([{"host": "x", "token": "y"}], [None, {}, {"host": "x"}, {"host": 3, "token": "y"}]),
    "DockerArgs": ([DOCKER, OnDocker(args={"image": "x"}).args], [None, {}, "python"]),  # type: ignore[arg-type]
    "AzBatchArgs": ([STORE], [None, {}, {**STORE, "batch_account_key": None}]),
}
#: What else must be given for a model to be made.
REQUIRED: dict[str, dict[str, Any]] = {
    "SelfHostedArgs": {"host": "h", "token": "t"},
    "DockerArgs": DOCKER,
    "AzBatchArgs": STORE,
    "BashStage": {"bash": ":"},
    "PyStage": {"run": "pass"},
}


def section(name: str) -> list[list[str]]:
    body = TABLES.read_text(encoding="utf-8").split(f"[{name}]\n", 1)[1].split("\n[", 1)[0]
    return [[cell.strip() for cell in line.split("|")] for line in body.splitlines() if "|" in line]


ATTRIBUTES = [(*where.split("."), type, default) for where, type, default in section("attributes")]


def model_of(name: str) -> type[Model]:
    found = getattr(jobc, name)
    assert issubclass(found, Model)
    return found


@pytest.mark.parametrize(("model", "name", "type", "default"), ATTRIBUTES)
def test_attribute_and_its_default(model: str, name: str, type: str, default: str) -> None:
    made = model_of(model)
    field = made.model_fields[name]
    assert field.is_required() is (default == "required")
    if default == "required":
        with pytest.raises(ValidationError, match=r"(?i)required"):
            made(**{key: value for key, value in REQUIRED.get(model, {}).items() if key != name})
    else:
        assert getattr(made(**REQUIRED.get(model, {})), name) == eval(default, vars(jobc))


@pytest.mark.parametrize(("model", "name", "type", "default"), ATTRIBUTES)
def test_attribute_takes_its_type_and_refuses_others(model: str, name: str, type: str, default: str) -> None:
    made, rest = model_of(model), REQUIRED.get(model, {})
    rest = {key: value for key, value in rest.items() if key != name}
    good, bad = VALUES[type]
    for value in good:
        snake, alias = (made(**{**rest, key: value}) for key in (name, kebab(name)))
        assert snake == alias
        assert getattr(snake, name) is not None or value is None
    for value in bad:
        with pytest.raises(ValidationError):
            made(**{**rest, name: value})


@pytest.mark.parametrize(("model", "name", "type", "default"), ATTRIBUTES)
def test_a_default_is_never_shared(model: str, name: str, type: str, default: str) -> None:
    if default in ("[]", "{}"):
        made, rest = model_of(model), REQUIRED.get(model, {})
        assert getattr(made(**rest), name) is not getattr(made(**rest), name)


@pytest.mark.parametrize(("where", "parameters", "returns"), section("methods"))
def test_method_and_its_parameters(where: str, parameters: str, returns: str) -> None:
    model, name = where.split(".")
    signature = inspect.signature(getattr(model_of(model), name))
    shown, starred = [], False
    for each in list(signature.parameters.values())[1:]:
        if each.kind is each.KEYWORD_ONLY and not starred:
            shown.append("*")
            starred = True
        shown.append(each.name)
        assert each.name in ("params", "jobs") or each.default is None
    assert ", ".join(shown) == parameters
    assert signature.return_annotation == returns


@pytest.mark.parametrize(("name", "values"), section("values"))
def test_values_of_an_enumeration(name: str, values: str) -> None:
    assert set(values.split()) <= set(getattr(jobc, name).__members__)


@pytest.mark.parametrize("status", ["SUCCESS", "FAILED", "SKIP", "CANCEL", "WAIT"])
def test_the_statuses_are_constants_too(status: str) -> None:
    assert getattr(jobc, status) is jobc.Status[status]
    assert str(jobc.Status[status]) == status


def test_every_name_of_the_package_is_loaded_on_demand() -> None:
    for name in jobc.__all__:
        assert getattr(jobc, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Jobb'"):
        jobc.Jobb  # noqa: B018
