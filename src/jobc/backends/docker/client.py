"""A connection to a daemon: which one, how, and what it says of itself.

The address is the first of: what the job says (`docker-host`), `DOCKER_HOST`, the current context of the `docker` command, the
daemon of this machine.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from jobc.backends.docker.errors import missing_library, translated

if TYPE_CHECKING:
    from docker import DockerClient

#: Seconds that the daemon has to answer a request; following a log has no limit.
TIMEOUT = 60
#: Requests to one daemon at once.
POOL = 64


class Daemon:
    """A daemon that answered. `caller` is the user whose files in volumes are this user's."""

    __slots__ = ("caller", "client", "host")

    def __init__(self, host: str, client: DockerClient) -> None:
        self.host = host
        self.client = client
        with translated(f"speak with the Docker daemon{_at(host)}"):
            options = client.info().get("SecurityOptions") or []
        # A daemon of this user's own maps the container's root to this user.
        rootless = any("name=rootless" in option for option in options)
        self.caller = "0:0" if rootless else f"{os.getuid()}:{os.getgid()}"


def connect(host: str) -> Daemon:
    """The daemon at `host`, "" the one that this user's environment names. Raises BackendError."""
    try:
        import docker
    except ImportError:
        raise missing_library() from None
    from docker.utils import kwargs_from_env

    with translated(f"reach the Docker daemon{_at(host)}"):
        given: dict[str, Any] = kwargs_from_env()
        if host:
            given["base_url"] = host
        elif "base_url" not in given:
            given.update(_context())
        ssh = str(given.get("base_url", "")).startswith("ssh://")
        client = docker.DockerClient(timeout=TIMEOUT, max_pool_size=POOL, use_ssh_client=ssh, **given)
    return Daemon(host, client)


def _context() -> dict[str, Any]:
    """What the current context of the `docker` command says; nothing where that is the default one."""
    from docker.context import ContextAPI

    context = ContextAPI.get_current_context()
    if context is None or context.name == "default" or not context.Host:
        return {}
    found: dict[str, Any] = {"base_url": context.Host}
    if context.TLSConfig:
        found["tls"] = context.TLSConfig
    return found


def _at(host: str) -> str:
    return f" at {host}" if host else ""
