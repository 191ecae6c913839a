"""The arguments of `runs-on: docker` and of docker stages, as what the daemon is asked for.

By default a container has a read-only root, no capabilities, no way to more privileges, the calling user's identity (so that what it
writes to volumes belongs to that user), and `/tmp` of its own. Each of these can be given back: `read-only`, `capabilities`,
`new-privileges`, `user`. Nothing of a container is kept when it ends.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Mapping
from typing import Any

from jobc.backends.api import BackendError
from jobc.interpreter.values import to_text

PULLS = ("always", "missing", "never")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)
_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


class ContainerSpec:
    """What a container is made of. `auth` is (user, password) of the image's registry."""

    __slots__ = (
        "auth",
        "capabilities",
        "env",
        "image",
        "limits",
        "network",
        "new_privileges",
        "pull",
        "read_only",
        "user",
        "volumes",
        "workdir",
    )

    def __init__(self, image: str) -> None:
        self.image = image
        self.pull = "missing"
        self.auth: tuple[str, str] | None = None
        self.env: dict[str, str] = {}
        #: container path → (host path or volume name, `rw` or `ro`)
        self.volumes: dict[str, tuple[str, str]] = {}
        self.network: str | None = None
        #: As `docker run --user` takes it; None: whoever calls.
        self.user: str | None = None
        self.workdir: str | None = None
        self.read_only = True
        self.capabilities: list[str] = []
        self.new_privileges = False
        #: Arguments of the daemon's host configuration.
        self.limits: dict[str, Any] = {}


def container_spec(arguments: Mapping[str, Any], resources: Mapping[str, Any], workdir: str) -> ContainerSpec:
    """The container that evaluated arguments ask for; host paths are relative to `workdir`. Raises BackendError."""
    spec = ContainerSpec(image_name(arguments.get("image"), arguments.get("tag")))
    pull = arguments.get("pull")
    if pull is not None and pull not in PULLS:
        raise BackendError(f"`pull` cannot be `{pull}`; use {', '.join(PULLS)}")
    spec.pull = pull or "missing"
    spec.auth = _auth(arguments.get("auth"))
    spec.env = environ(arguments.get("env") or {})
    spec.volumes = volumes(arguments.get("volume") or {}, workdir)
    spec.network = _text(arguments.get("network"))
    spec.user = _text(arguments.get("user"))
    spec.workdir = _text(arguments.get("workdir"))
    if spec.workdir is not None and not spec.workdir.startswith("/"):
        raise BackendError(
            f"`workdir` is `{spec.workdir}`, which is no absolute path; write `/{spec.workdir}`"
        )
    spec.read_only = _boolean("read-only", arguments.get("read_only"), True)
    spec.new_privileges = _boolean("new-privileges", arguments.get("new_privileges"), False)
    spec.capabilities = _capabilities(arguments.get("capabilities"))
    spec.limits = limits({**resources, **(arguments.get("resources") or {})})
    return spec


def environ(given: Mapping[str, Any]) -> dict[str, str]:
    """Variables as texts, each with a name that a shell can set."""
    for name in given:
        if _NAME.fullmatch(str(name)) is None:
            raise BackendError(
                f"`env` names `{name}`, which the shell of a container cannot set; use letters, digits and `_`"
            )
    return {str(name): to_text(value) for name, value in given.items()}


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


def image_name(image: Any, tag: Any) -> str:
    """The image with its tag or digest; without either `latest`, as Docker has it."""
    name = _text(image)
    if not name:
        raise BackendError("no image is named; set `image`")
    label = _text(tag)
    last = name.rpartition("/")[2]
    if "@" in name or ":" in last:
        if label and not name.endswith(f":{label}"):
            raise BackendError(f"the image `{name}` has a tag or digest already; remove `tag: {label}`")
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
        raise BackendError("`auth` is no `user:password`; set it to such a secret")
    return str(user), str(password)


def _capabilities(value: Any) -> list[str]:
    if value is None:
        return []
    names = value if isinstance(value, (list, tuple)) else [value]
    return [to_text(name).upper().removeprefix("CAP_") for name in names]


def _boolean(name: str, value: Any, default: bool) -> bool:
    if value is None:
        return default
    if not isinstance(value, bool):
        raise BackendError(f"`{name}` cannot be `{value}`; write true or false")
    return value


def _text(value: Any) -> str | None:
    return None if value is None else to_text(value)


def _number(kind: str, value: Any) -> float:
    try:
        found = float(value)
    except (TypeError, ValueError):
        raise BackendError(f"`{kind}` cannot be `{value}`; give it a number") from None
    if not found > 0:
        raise BackendError(f"`{kind}` cannot be `{value}`; give it a number above 0")
    return found


def _bytes(value: Any) -> int:
    match = _AMOUNT.fullmatch(str(value).strip())
    if match is None or isinstance(value, bool):
        raise BackendError(f"`memory` cannot be `{value}`; write it as `512M` or `2G`")
    return int(float(match[1]) * _UNITS[match[2].lower()])
