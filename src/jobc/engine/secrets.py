"""Where the values of secrets come from, and which values of a run must never be seen (LANGUAGE §5)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from jobc.errors import UsageError
from jobc.interpreter.masking import Masker
from jobc.ir.program import Program, Workflow

PREFIX = "JOBC_SECRET_"
MASK = "***"


def declared(workflows: Iterable[Workflow]) -> list[str]:
    return list(dict.fromkeys(name for workflow in workflows for name in workflow.secrets))


def resolve(program: Program, given: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """The value of every secret that the program declares: from `given`, else from `JOBC_SECRET_<NAME>`.

    Raises UsageError with all that are missing.
    """
    values: dict[str, str] = {}
    missing: list[str] = []
    for name in declared(program.workflows):
        variable = PREFIX + name.upper().replace("-", "_")
        value = given.get(name, environ.get(PREFIX + name, environ.get(variable)))
        if value is None:
            missing.append(name)
        else:
            values[name] = value
    if missing:
        raise UsageError(
            "no value for the secret" + ("s " if len(missing) > 1 else " ") + ", ".join(missing),
            help=f"set {PREFIX}{missing[0]}, or put {missing[0]}=… into a file for --secrets-file",
        )
    return values


def without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment that processes inherit: secrets reach only the stages that name them."""
    return {name: value for name, value in environ.items() if not name.startswith(PREFIX)}


class Veil:
    """Masks the secrets of a run, those of nested runs' parameters included."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._secrets = dict(secrets)
        self._masker = Masker(self._secrets)

    def add_params(self, workflow: Workflow, params: Mapping[str, Any], key: str) -> None:
        """Mask the values of a workflow's secret parameters from here on."""
        found = {
            f"{key} {param.name}": params[param.name]
            for param in workflow.params or ()
            if param.type == "secret" and params.get(param.name)
        }
        if found:
            self._secrets.update(found)
            self._masker = Masker(self._secrets)

    @property
    def empty(self) -> bool:
        return not self._secrets

    def secret(self, name: str) -> str | None:
        """The value of a secret by its name, as `parts` gives it."""
        return self._secrets.get(name)

    def parts(self, text: str) -> list[str]:
        """The text cut at secrets: what stands before one, the secret's name, what follows, and so on."""
        values = {value: name for name, value in reversed(self._secrets.items()) if value}
        if not any(value in text for value in values):
            return [text]
        longest = sorted(values, key=len, reverse=True)
        pieces = re.split("(" + "|".join(map(re.escape, longest)) + ")", text)
        return [values[piece] if at % 2 else piece for at, piece in enumerate(pieces)]

    def text(self, text: str) -> str:
        return self._masker.mask(text) if self._secrets else text

    def value(self, value: Any) -> Any:
        """Plain data, every text in it masked."""
        return self._masker.mask_value(value) if self._secrets else value


def shown_params(workflow: Workflow, params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as the journal and people may see them."""
    hidden = {param.name for param in workflow.params or () if param.type == "secret"}
    return {name: MASK if name in hidden and value is not None else value for name, value in params.items()}
