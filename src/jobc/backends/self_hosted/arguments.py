"""The arguments of `runs-on: self-hosted`: which runner, and how to speak with it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from jobc.backends.api import BackendError
from jobc.interpreter.values import to_text

_TRUE = {True: True, False: False, "true": True, "false": False}
_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


class Endpoint(NamedTuple):
    """A runner as its clients see it: all that a connection depends on. The token shows nowhere."""

    url: str
    token: str
    verify: bool
    ca_file: str | None

    def __repr__(self) -> str:
        return f"Endpoint({self.url})"


def endpoint(arguments: Mapping[str, Any], workdir: str) -> Endpoint:
    """The runner that evaluated arguments name; `ca-file` is relative to `workdir`. Raises BackendError."""
    verify = arguments.get("verify_tls")
    if verify is not None and verify not in _TRUE:
        raise BackendError(f"`verify-tls` cannot be `{to_text(verify)}`; use true or false")
    ca_file = arguments.get("ca_file")
    if ca_file is not None:
        ca_file = os.path.join(workdir, os.path.expanduser(to_text(ca_file)))
        if not os.path.isfile(ca_file):
            raise BackendError(
                f"`ca-file`: there is no file {ca_file}; name a PEM file with the certificates to trust"
            )
    return Endpoint(
        _url(to_text(arguments.get("host"))),
        token(arguments),
        True if verify is None else _TRUE[verify],
        ca_file,
    )


def token(arguments: Mapping[str, Any]) -> str:
    found = to_text(arguments.get("token")).strip()
    if not found:
        raise BackendError("`token` is empty; give the secret that it is read from a value")
    if not found.isascii() or not found.isprintable() or " " in found:
        raise BackendError(
            "`token` has characters that no token has; take it as `jobc runner token` printed it"
        )
    return found


def _url(host: str) -> str:
    if not host:
        raise BackendError("`host` is empty; give the runner's URL, such as https://runner.example.com:8460")
    url = host if "://" in host else f"https://{host}"
    try:
        parts = urlsplit(url)
        port_ok = parts.port is None or parts.port > 0
    except ValueError:
        port_ok = False
    if not port_ok or parts.scheme not in ("http", "https") or not parts.hostname:
        raise BackendError(
            f"`host` cannot be `{host}`; give the runner's URL, such as https://runner.example.com:8460"
        )
    if parts.username is not None or parts.query or parts.fragment:
        raise BackendError("`host` has more than an address; the token goes into `token`")
    return url.rstrip("/")


def labels(arguments: Mapping[str, Any]) -> list[str]:
    found = arguments.get("labels") or []
    if isinstance(found, str) or not isinstance(found, (list, tuple)):
        raise BackendError("`labels` is no list; write it as [gpu, linux]")
    return [to_text(label) for label in found]


def limits(resources: Mapping[str, Any]) -> tuple[float | None, int | None]:
    """(processors, bytes of memory) that `resources` ask for. Raises BackendError."""
    cpu, memory, gpu = (resources.get(kind) for kind in ("cpu", "memory", "gpu"))
    if gpu:
        raise BackendError(
            "a runner gives out no `gpu`; mark the machine with `--label gpu` and ask with `labels: [gpu]`"
        )
    return None if cpu is None else _number(cpu), None if memory is None else _bytes(memory)


def _number(value: Any) -> float:
    try:
        found = float(value)
    except (TypeError, ValueError):
        found = 0.0
    if not 0 < found < 1e6:
        raise BackendError(f"`cpu` cannot be `{to_text(value)}`; give it a number above 0")
    return found


def _bytes(value: Any) -> int:
    text = to_text(value).strip().lower().removesuffix("b").removesuffix("i")
    unit = text[-1:] if text[-1:] in _UNITS else ""
    try:
        found = int(float(text.removesuffix(unit) if unit else text) * _UNITS[unit])
    except (ValueError, OverflowError):
        found = 0
    if found <= 0:
        raise BackendError(f"`memory` cannot be `{to_text(value)}`; write it as 512M or 2G")
    return found
