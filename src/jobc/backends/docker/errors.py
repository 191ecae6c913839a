"""What the daemon and its client report, in the user's words: the one place that knows the library's exceptions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from jobc.backends.api import BackendError


class Unreachable(BackendError):
    """The daemon did not answer."""


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn every exception of the client into a BackendError; `doing` completes "cannot …"."""
    import requests.exceptions
    import urllib3.exceptions
    from docker.errors import APIError, DockerException

    try:
        yield
    except BackendError:
        raise
    except APIError as error:
        raise answered(doing, said(error), error.status_code) from error
    except (
        DockerException,
        requests.exceptions.RequestException,
        urllib3.exceptions.HTTPError,
        OSError,
    ) as error:
        raise unreachable(doing, str(error)) from error


def answered(doing: str, words: str, status: int | None = None) -> BackendError:
    """The daemon refused; `words` are its own, `status` that of its answer."""
    if is_removed(words):
        return BackendError(f"cannot {doing}: it was removed from outside", transient=True)
    remedy = next((remedy for part, remedy in _REMEDIES if part in words.lower()), "")
    overloaded = status == 429 or "toomanyrequests" in words
    transient = overloaded or (status is not None and status >= 500 and not remedy)
    message = f"cannot {doing}: {words.rstrip('.')}" + (f"; {remedy}" if remedy else "")
    return BackendError(message, transient=transient)


def is_removed(words: str) -> bool:
    """Whether the daemon says that the container is not there any more."""
    return any(part in words.lower() for part in _REMOVED)


def unreachable(doing: str, words: str) -> Unreachable:
    """The daemon does not answer; transient where that may pass by itself."""
    for parts, why, passes in _SILENCES:
        if any(part in words for part in parts):
            return Unreachable(f"cannot {doing}: {why}", transient=passes)
    return Unreachable(f"cannot {doing}: {words}", transient=True)


def missing_library() -> BackendError:
    return BackendError(
        "the Docker library is not installed; `pip install 'jobc[docker]'`, or `pip install docker` where a bundle runs"
    )


def said(error: Exception) -> str:
    """The daemon's own words, in one line."""
    explanation = getattr(error, "explanation", None)
    if isinstance(explanation, bytes):
        explanation = explanation.decode(errors="replace")
    return " ".join(str(explanation or error).split())


#: The container is gone.
_REMOVED = ("no such container", "marked for removal")

#: what a connection's failure contains → what that means, and whether it may pass
_SILENCES = (
    (
        ("FileNotFoundError", "No such file"),
        "no Docker daemon listens there; start it (`systemctl start docker`), or set `docker-host` or DOCKER_HOST",
        False,
    ),
    (
        ("PermissionError", "Permission denied"),
        "this user may not speak with the Docker daemon; add it to the group `docker`, or use rootless Docker",
        False,
    ),
    (
        ("Name or service not known", "Temporary failure in name resolution", "nodename nor servname"),
        "there is no machine of that name; check `docker-host` or DOCKER_HOST",
        False,
    ),
    (
        ("Invalid bind address", "Invalid bind host", "Invalid proto"),
        "that is no address; write `docker-host` as `unix:///run/docker.sock`, `tcp://host:2376` or `ssh://user@host`",
        False,
    ),
    (("timed out", "Timeout"), "the Docker daemon took too long to answer; `docker info` may say why", True),
    (
        ("refused", "Connection aborted", "Connection broken", "closed connection", "reset by peer"),
        "the Docker daemon does not answer; is it running?",
        True,
    ),
)

#: what the daemon's message contains, in lower case → what to do about it. Nothing of this passes by itself.
_REMEDIES = (
    ("pull access denied", "check the image's name, and set `auth` where its registry asks who you are"),
    ("manifest unknown", "check the image's tag"),
    ("manifest for", "check the image's tag"),
    ("no matching manifest", "the image is not made for this machine's processor; choose another tag"),
    ("unauthorized", "set `auth` to the registry's `user:password`, from a secret"),
    ("no basic auth", "set `auth` to the registry's `user:password`, from a secret"),
    ("authentication required", "set `auth` to the registry's `user:password`, from a secret"),
    (
        "server gave http response",
        "name the registry in `insecure-registries` of the daemon, or give it a certificate",
    ),
    ("no such host", "check the registry's name, and the network of the daemon's machine"),
    ("invalid reference format", "write the image as `registry/name:tag`"),
    (
        "bind source path does not exist",
        "make that folder on the daemon's machine, or name another in `volume`",
    ),
    ("not a directory", "a file can be mounted on a file only; check both sides of `volume`"),
    ("invalid mount", "write `volume` as `{/path/here: /path/inside}`"),
    (
        "executable file not found",
        "use an image that has it; a job needs `sh` (of distroless images the tag `debug` has it)",
    ),
    ("no such file or directory: unknown", "use an image that has that program, or check `command`"),
    ("exec format error", "the image is not made for this machine's processor; choose another tag"),
    ("permission denied: unknown", "let `user` be one that may run that program"),
    ("unable to find user", "name a user that the image has, or a number"),
    ("unable to find group", "name a group that the image has, or a number"),
    ("could not select device driver", "the daemon knows no GPU; install the NVIDIA container toolkit"),
    ("range of cpus", "ask for no more `cpu` than the daemon's machine has"),
    ("minimum memory limit", "give the container more `memory`"),
    ("memory limit too low", "give the container more `memory`"),
    ("network", "name a network that `docker network ls` shows"),
    ("no space left on device", "free some space on the daemon's machine: `docker system prune`"),
    ("read-only file system", "write to /tmp or to a volume, or set `read-only: false`"),
)
