"""What the daemon and its client report, in the user's words: the one place that knows the library's exceptions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from jobc.backends.api import BackendError


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn every exception of the client into a BackendError; `doing` completes "cannot …"."""
    import requests.exceptions
    from docker.errors import APIError, DockerException, ImageNotFound

    try:
        yield
    except ImageNotFound as error:
        raise BackendError(f"cannot {doing}: there is no such image here ({_said(error)})") from error
    except APIError as error:
        raise BackendError(*_answer(doing, error), transient=_transient(error)) from error
    except (DockerException, requests.exceptions.RequestException, OSError) as error:
        raise unreachable(doing, error) from error


def unreachable(doing: str, error: Exception) -> BackendError:
    """The daemon does not answer; that may pass."""
    text = str(error)
    if "FileNotFoundError" in text or "No such file" in text:
        why = "no Docker daemon listens here; start it (`systemctl start docker`), or set `docker-host`"
    elif "PermissionError" in text or "Permission denied" in text:
        why = "this user may not speak with the Docker daemon; add it to the group `docker`, or use rootless Docker"
    elif "ConnectionRefused" in text or "refused" in text or "Connection aborted" in text:
        why = "the Docker daemon does not answer; is it running?"
    elif "timed out" in text:
        why = "the Docker daemon took too long to answer"
    else:
        why = text
    return BackendError(f"cannot {doing}: {why}", transient=True)


def missing_library() -> BackendError:
    return BackendError("the Docker library is not installed; `pip install 'jobc[docker]'`")


#: what the daemon's message contains → what to do about it
_REMEDIES = (
    ("pull access denied", "check the image's name, and `auth` where its registry asks who you are"),
    ("manifest unknown", "check the image's tag"),
    ("not found: manifest", "check the image's tag"),
    ("unauthorized", "set `auth` to the registry's `user:password`, from a secret"),
    ("no basic auth", "set `auth` to the registry's `user:password`, from a secret"),
    ("invalid reference format", "write the image as `registry/name:tag`"),
    ("network", "name a network that `docker network ls` shows"),
    ("could not select device driver", "the daemon knows no GPU; install the NVIDIA container toolkit"),
    ("executable file not found", "the image has no shell; use one with `sh`, or with Python"),
    ("unable to find user", "name a user that the image has, or a number"),
    ("Range of CPUs", "ask for no more `cpu` than the machine has"),
    ("Minimum memory limit", "give the container more memory"),
    ("no space left on device", "free some space: `docker system prune`"),
)


def _answer(doing: str, error: Exception) -> tuple[str]:
    said = _said(error)
    remedy = next((remedy for part, remedy in _REMEDIES if part.lower() in said.lower()), "")
    return (f"cannot {doing}: {said}" + (f"; {remedy}" if remedy else ""),)


def _said(error: Exception) -> str:
    explanation = getattr(error, "explanation", None)
    if isinstance(explanation, bytes):
        explanation = explanation.decode(errors="replace")
    return " ".join(str(explanation or error).split())


def _transient(error: Exception) -> bool:
    """Whether the same request may succeed later: the daemon's own trouble, or too many requests."""
    status = getattr(error, "status_code", None)
    return status == 429 or (status is not None and status >= 500 and not _is_final(_said(error)))


def _is_final(said: str) -> bool:
    return any(part.lower() in said.lower() for part, _ in _REMEDIES if part != "no space left on device")
