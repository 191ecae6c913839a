"""What a runner answers and what the HTTP library raises, in the user's words: the one place that knows either.

Whether trying again may help is decided here too: `Trouble.again` for a client that tries at once, `BackendError.transient` for the
engine, which tries later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobc.backends.api import BackendError
from jobc.backends.self_hosted import protocol

if TYPE_CHECKING:
    import httpx


class Trouble(BackendError):
    """A request that did not succeed. `code` is the protocol's, "" where no runner answered; `wait` in seconds, where it said so."""

    def __init__(
        self,
        message: str,
        *,
        transient: bool = False,
        again: bool = False,
        code: str = "",
        wait: float | None = None,
    ) -> None:
        super().__init__(message, transient=transient)
        self.again = again
        self.code = code
        self.wait = wait


#: code → (what the user may do, "" where the runner itself knows best; whether to try at once; whether later)
ANSWERS: dict[str, tuple[str, bool, bool]] = {
    protocol.UNAUTHORIZED: ("give `token` the token that `jobc runner token` printed there", False, False),
    protocol.VERSION: ("use the same version of jobc on both sides", False, False),
    protocol.INVALID: ("use the same version of jobc on both sides", False, False),
    protocol.UNKNOWN: ("see whether `host` is the runner that the task was given to", False, True),
    protocol.NO_FILE: ("see the task's log", False, False),
    protocol.GONE: ("see whether another process fetched it", False, True),
    protocol.NEEDS_BUNDLE: ("it is sent again", False, True),
    protocol.BAD_HASH: ("it was damaged on its way; look at the connection", True, True),
    protocol.OTHER_TASK: ("", False, False),
    protocol.LABELS: ("", False, False),
    protocol.TOO_MUCH: ("", False, False),
    protocol.TOO_LARGE: ("", False, False),
    protocol.TOO_SLOW: ("look at the connection", True, True),
    protocol.FULL: ("", False, True),
    protocol.DRAINING: ("try again when it is back", False, True),
    protocol.DISK_FULL: ("free some space on the runner's machine", False, True),
    protocol.NOT_ENDED: ("", False, False),
    protocol.INTERNAL: ("see the runner's log", True, True),
}


def of_response(url: str, response: httpx.Response) -> Trouble:
    """The error of an answer that is no success."""
    try:
        code, message, help = protocol.told(response.json())
    except ValueError:
        code, message, help = "", "", ""
    wait = _seconds(response.headers.get("retry-after"))
    if code not in ANSWERS or protocol.PROTOCOL_HEADER not in response.headers:
        return _of_stranger(url, response.status_code, wait)
    remedy, again, transient = ANSWERS[code]
    return Trouble(
        f"{message} ({url}); {remedy or help}", transient=transient, again=again, code=code, wait=wait
    )


def _of_stranger(url: str, status: int, wait: float | None) -> Trouble:
    """Something else answered: a proxy in between, or no runner at all."""
    if status in (429, 502, 503, 504):
        return Trouble(
            f"what stands before the runner at {url} cannot reach it (HTTP {status}); see whether the runner runs",
            transient=True,
            again=True,
            wait=wait,
        )
    if status in (401, 403, 407):
        return Trouble(
            f"what stands before the runner at {url} lets nobody through (HTTP {status}); see its settings"
        )
    if status == 413:
        return Trouble(f"what stands before the runner at {url} takes no body so large; raise its limit")
    return Trouble(
        f"what answers at {url} is no jobc runner (HTTP {status}); see whether `host` has its address and port"
    )


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 8 else None


#: Parts of what the libraries say → what it means, whether trying again may help. The first that fits.
_CAUSES: tuple[tuple[str, str, bool], ...] = (
    (
        "CERTIFICATE_VERIFY_FAILED: self",
        "its certificate is signed by nobody that is trusted here; name its authority with `ca-file`",
        False,
    ),
    (
        "unable to get local issuer",
        "its certificate is signed by nobody that is trusted here; name its authority with `ca-file`",
        False,
    ),
    (
        "certificate has expired",
        "its certificate has expired; give the runner a new one, then send it SIGHUP",
        False,
    ),
    (
        "Hostname mismatch",
        "its certificate is for another name; use the name that it has in `host`",
        False,
    ),
    (
        "IP address mismatch",
        "its certificate is not for this address; use the name that it has in `host`",
        False,
    ),
    (
        "CERTIFICATE_VERIFY_FAILED",
        "its certificate cannot be trusted; name its authority with `ca-file`",
        False,
    ),
    (
        "WRONG_VERSION_NUMBER",
        "it speaks plain HTTP there; write `http://` in `host`, or give it a certificate",
        False,
    ),
    (
        "HTTP_REQUEST",
        "it speaks plain HTTP there; write `http://` in `host`, or give it a certificate",
        False,
    ),
    ("Name or service not known", "there is no machine of that name; check `host`", False),
    ("No address associated", "there is no machine of that name; check `host`", False),
    ("nodename nor servname", "there is no machine of that name; check `host`", False),
    (
        "Temporary failure in name",
        "the name cannot be resolved at the moment; check `host` and the network",
        True,
    ),
    ("Connection refused", "nothing listens there; see whether the runner runs", True),
    ("No route to host", "there is no way to that machine; check the network", True),
    ("Network is unreachable", "there is no way to that machine; check the network", True),
)


def of_exception(url: str, error: Exception) -> Trouble:
    """An error of the HTTP library, of TLS or of the system."""
    import httpx

    said = _chain(error)
    for part, meaning, passes in _CAUSES:
        if part in said:
            return Trouble(f"cannot reach the runner at {url}: {meaning}", transient=passes, again=passes)
    if isinstance(error, httpx.TimeoutException):
        return Trouble(
            f"cannot reach the runner at {url}: it took too long to answer; check the network",
            transient=True,
            again=True,
        )
    if isinstance(error, (httpx.InvalidURL, httpx.UnsupportedProtocol)):
        return Trouble(
            f"`host` cannot be {url}; give the runner's URL, such as https://runner.example.com:8460"
        )
    if "without sending a response" in said and url.startswith("http:"):
        return Trouble(
            f"what listens at {url} closed the connection without an answer; if the runner has TLS, write `https://`",
            transient=True,
            again=True,
        )
    if isinstance(error, httpx.RemoteProtocolError) and not _broke_off(said):
        return Trouble(
            f"what answers at {url} does not speak HTTP as a runner does; check `host`, or write `https://`"
        )
    return Trouble(
        f"the connection to the runner at {url} broke: {said.splitlines()[0][:200] if said else type(error).__name__}",
        transient=True,
        again=True,
    )


def _broke_off(said: str) -> bool:
    return "disconnected" in said or "incomplete" in said or "peer closed" in said


def _chain(error: BaseException) -> str:
    said: list[str] = []
    at: BaseException | None = error
    while at is not None and len(said) < 8:
        said.append(str(at))
        at = at.__cause__ or at.__context__
    return "\n".join(said)


def missing_library() -> BackendError:
    return BackendError("the library that speaks with runners is not installed; `pip install 'jobc[runner]'`")
