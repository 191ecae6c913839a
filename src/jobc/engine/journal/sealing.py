"""Values as the journal keeps them for a run that goes on later: their exact types, and never a secret.

Types that JSON lacks are tagged, as on the way to a Python stage (`interpreter.wire`). Where a text holds the value of
a secret, the secret's name stands in its place; opening puts in what the secret is then, so that one which
was changed in the meantime has its new value. Encoded forms of a secret that somebody made (base64, for example) are
masked for good, as in every log.
"""

from __future__ import annotations

import json
from typing import Any

from jobc.engine.secrets import Veil
from jobc.interpreter.values import SecretText
from jobc.interpreter.wire import TAG, NotPlain, pack, unpack


class Unsealed(ValueError):
    """What is sealed cannot be opened: `name` is the secret that is missing."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def seal(value: Any, veil: Veil) -> str | None:
    """`value` as text for a column; None where it is no plain data (a live object)."""
    try:
        packed = pack(value)
    except (NotPlain, RecursionError):
        return None
    if not veil.empty:
        packed = _hide(packed, veil)
    return json.dumps(packed, separators=(",", ":"))


def unseal(text: str, veil: Veil) -> Any:
    """The value that was sealed. Raises Unsealed."""
    return _open(json.loads(text), veil)


def _hide(value: Any, veil: Veil) -> Any:
    if isinstance(value, str):
        parts = veil.parts(value)
        if len(parts) == 1:
            return veil.text(value)
        texts = [veil.text(part) if at % 2 == 0 else part for at, part in enumerate(parts)]
        return {TAG: ["secret", texts]}
    if isinstance(value, list):
        return [_hide(item, veil) for item in value]
    if isinstance(value, dict):
        return {veil.text(key): _hide(item, veil) for key, item in value.items()}
    return value


def _open(value: Any, veil: Veil) -> Any:
    if isinstance(value, list):
        return [_open(item, veil) for item in value]
    if not isinstance(value, dict):
        return value
    if TAG not in value or len(value) != 1:
        return {key: _open(item, veil) for key, item in value.items()}
    kind, inner = value[TAG]
    if kind == "secret":
        texts = [part if at % 2 == 0 else _secret(part, veil) for at, part in enumerate(inner)]
        return SecretText("".join(texts))
    if kind == "map":
        return {key: _open(item, veil) for key, item in inner.items()}
    if kind == "tuple":
        return tuple(_open(item, veil) for item in inner)
    return unpack(value)


def _secret(name: str, veil: Veil) -> str:
    value = veil.secret(name)
    if value is None:
        raise Unsealed(name)
    return value
