"""The arguments of `runs-on: docker` and of docker stages, as what the daemon is asked for.

By default a container has a read-only root, no capabilities, no new privileges, the calling user's identity (so that what it
writes to volumes belongs to that user), and `/tmp` of its own. Nothing of it is kept when it ends.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Mapping
from typing import Any

from jobc.backends.api import BackendError
from jobc.interpreter.values import to_text

PULLS = ("always", "missing", "never")
_UNITS = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


class ContainerSpec:
    """What a container is made of. `auth` is (user, password) of the image's registry."""

    __slots__ = ("auth", "env", "image", "limits", "network", "pull", "user", "volumes", "workdir")

    def __init__(self, image: str) -> None:
        self.image = image
        self.pull = "missing"
        self.auth: tuple[str, str] | None = None
        self.env: dict[str, str] = {}
        #: container path → (host path or volume name, `rw` or `ro`)
        self.volumes: dict[str, tuple[str, str]] = {}
        self.network: str | None = None
        self.user: str = _caller()
        self.workdir: str | None = None
        #: Arguments of the daemon's host configuration.
        self.limits: dict[str, Any] = {}


def container_spec(arguments: Mapping[str, Any], resources: Mapping[str, Any], workdir: str) -> ContainerSpec:
    """The container that evaluated arguments ask for; host paths are relative to `workdir`. Raises BackendError."""
    image = _image(arguments.get("image"), arguments.get("tag"))
    spec = ContainerSpec(image)
    pull = arguments.get("pull") or "missing"
    if pull not in PULLS:
        raise BackendError(f"`pull` cannot be `{pull}`; use {', '.join(PULLS)}")
    spec.pull = pull
    spec.auth = _auth(arguments.get("auth"))
    spec.env = {str(name): to_text(value) for name, value in (arguments.get("env") or {}).items()}
    spec.volumes = volumes(arguments.get("volume") or {}, workdir)
    spec.network = _text(arguments.get("network"))
    spec.user = _text(arguments.get("user")) or spec.user
    spec.workdir = _text(arguments.get("workdir"))
    spec.limits = limits({**resources, **(arguments.get("resources") or {})})
    return spec


def volumes(given: Mapping[str, Any], workdir: str) -> dict[str, tuple[str, str]]:
    """Container path → (host path or volume name, mode), of `{host: container}`; `:ro` may end the container's path."""
    found: dict[str, tuple[str, str]] = {}
    for host, inside in given.items():
        path, mode = to_text(inside), "rw"
        for ending in ("ro", "rw"):
            if path.endswith(f":{ending}"):
                path, mode = path[: -len(ending) - 1], ending
        if not path.startswith("/"):
            raise BackendError(
                f"the volume `{host}: {inside}` has no absolute path in the container; write `{host}: /{path}`"
            )
        source = str(host)
        # A bare word is a named volume, as it is for `docker run -v`.
        if "/" in source or source in (".", "..") or source.startswith("~"):
            source = os.path.abspath(os.path.join(workdir, os.path.expanduser(source)))
        path = posixpath.normpath(path)
        if path in found:
            raise BackendError(f"two volumes are mounted on `{path}`; give each a path of its own")
        found[path] = source, mode
    return found


def limits(resources: Mapping[str, Any]) -> dict[str, Any]:
    """`cpu`, `memory` and `gpu` as arguments of the daemon. Raises BackendError."""
    found: dict[str, Any] = {}
    cpu, memory, gpu = (resources.get(kind) for kind in ("cpu", "memory", "gpu"))
    if cpu is not None:
        found["nano_cpus"] = round(_number("cpu", cpu) * 1e9)
    if memory is not None:
        # No swap beyond it: a job that needs more ends at once, and says why.
        found["mem_limit"] = found["memswap_limit"] = _bytes(memory)
    if gpu:
        from docker.types import DeviceRequest

        count = -1 if gpu == "all" else round(_number("gpu", gpu))
        found["device_requests"] = [DeviceRequest(count=count, capabilities=[["gpu"]])]
    return found


def _image(image: Any, tag: Any) -> str:
    name = _text(image)
    if not name:
        raise BackendError("no image is named; set `image`")
    label = _text(tag)
    last = name.rpartition("/")[2]
    if "@" in name or ":" in last:
        if label and not name.endswith(f":{label}"):
            raise BackendError(f"the image `{name}` has a tag or digest already; leave `tag: {label}` away")
        return name
    return f"{name}:{label or 'latest'}"


def _auth(value: Any) -> tuple[str, str] | None:
    if value is None:
        return None
    if isinstance(value, Mapping):
        user, password = value.get("username") or value.get("user"), value.get("password")
    else:
        user, _, password = to_text(value).partition(":")
    if not user or not password:
        raise BackendError("`auth` is no `user:password`; take it from a secret")
    return str(user), str(password)


def _caller() -> str:
    return f"{os.getuid()}:{os.getgid()}"


def _text(value: Any) -> str | None:
    return None if value is None else to_text(value)


def _number(kind: str, value: Any) -> float:
    try:
        found = float(value)
    except (TypeError, ValueError):
        raise BackendError(f"`{kind}` cannot be `{value}`; give it a number") from None
    if found <= 0:
        raise BackendError(f"`{kind}` cannot be `{value}`; give it a number above 0")
    return found


def _bytes(value: Any) -> int:
    text = str(value).strip().lower().removesuffix("b").removesuffix("i")
    unit = text[-1:] if text[-1:] in _UNITS and not text[-1:].isdigit() else ""
    try:
        return int(float(text.removesuffix(unit)) * _UNITS[unit])
    except ValueError:
        raise BackendError(f"`memory` cannot be `{value}`; write it as `512M` or `2G`") from None
