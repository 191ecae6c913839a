"""`docs/reference/api.md`: every public class and function of the Python API, from the models themselves."""

from __future__ import annotations

import inspect
import types
import typing
from enum import Enum
from typing import Any

import jobc
from jobc.model.base import Model, kebab

#: Headings, and the names of `jobc.__all__` under each, in this order. A test compares them with `__all__`.
SECTIONS = {
    "Workflows and jobs": ("Workflow", "Param", "Job", "Concurrency", "Retry"),
    "Files": ("Cache", "Artifacts", "Published", "Placed"),
    "Strategies and rules": ("Strategy", "Rule"),
    "Results": ("Result", "Status", "SUCCESS", "FAILED", "SKIP", "CANCEL", "WAIT"),
    "Environments": (
        "RunsOn",
        "OnLocal",
        "OnSelfHosted",
        "SelfHostedArgs",
        "OnDocker",
        "DockerArgs",
        "OnAzBatch",
        "AzBatchArgs",
        "OnAwsBatch",
        "AwsBatchArgs",
        "OnCloudBatch",
        "CloudBatchArgs",
        "OnSlurm",
        "SlurmArgs",
    ),
    "Stages": (
        "Stage",
        "EmptyStage",
        "BashStage",
        "PyStage",
        "CallStage",
        "TriggerStage",
        "ParallelStage",
        "ForEachStage",
        "UntilStage",
        "CaseStage",
        "Arm",
        "RaiseStage",
        "DockerStage",
    ),
    "Functions": ("task",),
    "Errors": ("JobcError", "UsageError", "ParamError", "CompileError", "StateError"),
}


def api_page() -> str:
    lines = [
        "# Python API",
        "",
        "Everything here is importable from `jobc`. A field is given in snake_case or in the spelling of a jobs file;",
        "an unknown field is refused with the nearest name. The [guide](../python.md) shows them at work.",
    ]
    for heading, names in SECTIONS.items():
        lines += ["", f"## {heading}"]
        for name in names:
            lines += ["", *_entry(name, getattr(jobc, name))]
    return "\n".join(lines) + "\n"


def _entry(name: str, value: Any) -> list[str]:
    lines = [f"### {name}", ""]
    if isinstance(value, Enum):
        return [*lines, f"`Status.{value.name}`, whose value is `{value.value!r}`."]
    lines += [inspect.getdoc(value) or ""]
    if not isinstance(value, type):
        return [*lines, "", f"```python\n{name}{inspect.signature(value)}\n```"]
    if issubclass(value, Enum):
        return [*lines, "", *(f"- `{name}.{member.name}`: `{member.value}`" for member in value)]
    if issubclass(value, Model):
        lines += _fields(value)
    return lines + _methods(name, value)


def _fields(model: type[Model]) -> list[str]:
    lines = ["", "| field | key | type | default |", "|---|---|---|---|"]
    for name, field in model.model_fields.items():
        default = "required" if field.is_required() else f"`{field.get_default(call_default_factory=True)!r}`"
        shown = _type(field.annotation).replace("|", "\\|")
        lines.append(f"| `{name}` | `{kebab(name)}` | `{shown}` | {default} |")
    return lines


def _methods(name: str, value: type) -> list[str]:
    lines: list[str] = []
    own = {key: part for key, part in vars(value).items() if not key.startswith(("_", "model_"))}
    for key, part in own.items():
        if isinstance(part, classmethod):
            part = part.__func__
        if isinstance(part, types.FunctionType) and inspect.getdoc(part):
            lines += [
                "",
                f"#### {name}.{key}",
                "",
                f"```python\n{key}{_signature(part)}\n```",
                "",
                inspect.getdoc(part) or "",
            ]
    return lines


def _signature(function: Any) -> str:
    signature = inspect.signature(function)
    kept = [part for key, part in signature.parameters.items() if key not in ("self", "cls")]
    return str(signature.replace(parameters=kept)).replace("'", "")


def _type(annotation: Any) -> str:
    """An annotation as people write it: no module names."""
    if annotation is None or annotation is type(None):
        return "None"
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _type(arguments[0])
    if origin is typing.Literal:
        return " | ".join(repr(part.value if isinstance(part, Enum) else part) for part in arguments)
    if origin in (typing.Union, types.UnionType):
        return " | ".join(dict.fromkeys(_type(part) for part in arguments))
    if origin is not None:
        return f"{origin.__name__}[{', '.join(_type(part) for part in arguments)}]"
    return getattr(annotation, "__name__", str(annotation))
