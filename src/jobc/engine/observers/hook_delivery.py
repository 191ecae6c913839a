"""One delivery of a hook: a command that gets the payload on its standard input, or a request that carries it.

A request counts as delivered with any 2xx answer. It is tried again after network trouble, 408, 425, 429 and 5xx, with the
same `Idempotency-Key`, so that a receiver can tell a repetition; other answers are final, and redirections are not
followed: a POST that arrives elsewhere as a GET would look delivered. A command is tried again whatever its exit code.

The waits between attempts are 1, 2, 4 … times `backoff`, at most `LONGEST_WAIT`; a `Retry-After` of the answer holds
where it is longer, up to the same bound.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

LONGEST_WAIT = 60.0
#: Bytes of an answer or of a command's output that are read for its message.
ANSWER = 2000
AGAIN = frozenset([408, 425, 429])


class DeliveryFailed(Exception):
    """The text says why. `final`: another attempt would not help. `wait`: seconds the receiver asked for."""

    def __init__(self, message: str, *, final: bool = False, wait: float = 0.0) -> None:
        super().__init__(message)
        self.final = final
        self.wait = wait


class Command:
    """`environ` is the whole environment of the process but for what is said of the event."""

    def __init__(self, argv: Sequence[str], environ: Mapping[str, str], cwd: str) -> None:
        self._argv = list(argv)
        self._environ = environ
        self._cwd = cwd
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def deliver(self, payload: bytes, key: str, facts: Mapping[str, str], timeout: float) -> None:
        """Raises DeliveryFailed. What the command started is killed after `timeout` seconds."""
        try:
            process = self._process = subprocess.Popen(
                self._argv,
                cwd=self._cwd,
                env={**self._environ, **facts, "JOBC_HOOK_KEY": key},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise DeliveryFailed(
                f"`{self._argv[0]}` cannot be started: {error.strerror}", final=True
            ) from None
        if self._stopped:
            _kill(process)
        try:
            out, _ = process.communicate(payload, timeout=timeout)
        except subprocess.TimeoutExpired:
            _kill(process)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1.0)
            raise DeliveryFailed(f"no end after {timeout:g} s") from None
        finally:
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
        if process.returncode != 0:
            lines = out[-ANSWER:].decode("utf-8", "replace").split("\n")
            last = next((line.strip() for line in reversed(lines) if line.strip()), "")
            raise DeliveryFailed(f"exit code {process.returncode}" + (f": {last[:200]}" if last else ""))

    def stop(self) -> None:
        """End a delivery that goes on. Called from another thread."""
        self._stopped = True
        if self._process is not None:
            _kill(self._process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


class Webhook:
    """`headers` are sent beside those of every delivery."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._url = url
        self._headers = dict(headers)
        self._opener = urllib.request.build_opener(_NoRedirect)

    def deliver(self, payload: bytes, key: str, facts: Mapping[str, str], timeout: float) -> None:
        """Raises DeliveryFailed."""
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "jobc",
            "Idempotency-Key": key,
            "X-Jobc-Event": facts["JOBC_EVENT"],
            **self._headers,
        }
        try:
            request = urllib.request.Request(self._url, data=payload, headers=headers, method="POST")
            with self._opener.open(request, timeout=timeout) as answer:
                answer.read(ANSWER)
        except urllib.error.HTTPError as error:
            with error:
                try:
                    said = " ".join(error.read(ANSWER).decode("utf-8", "replace").split())[:200]
                except (OSError, http.client.HTTPException):
                    said = ""
            raise DeliveryFailed(
                f"HTTP {error.code}" + (f": {said}" if said else ""),
                final=error.code < 500 and error.code not in AGAIN,
                wait=_retry_after(error.headers.get("Retry-After")),
            ) from None
        except TimeoutError:
            raise DeliveryFailed(f"no answer after {timeout:g} s") from None
        except urllib.error.URLError as error:
            reason = error.reason
            if isinstance(reason, TimeoutError):
                raise DeliveryFailed(f"no answer after {timeout:g} s") from None
            words = reason.strerror if isinstance(reason, OSError) and reason.strerror else str(reason)
            raise DeliveryFailed(words or type(reason).__name__) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise DeliveryFailed(str(error) or type(error).__name__) from None

    def stop(self) -> None:
        """A request that goes on ends with the process at the latest."""


def _retry_after(text: str | None) -> float:
    return min(float(text), LONGEST_WAIT) if text is not None and text.strip().isdecimal() else 0.0
