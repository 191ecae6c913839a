"""Requests to one runner, tried again where that is safe: all of them are idempotent, a submission by its key."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from jobc.backends.self_hosted import protocol
from jobc.backends.self_hosted.arguments import Endpoint
from jobc.backends.self_hosted.errors import Trouble, missing_library, of_exception, of_response

if TYPE_CHECKING:
    import httpx

#: How often a request is tried, and how long at most for all tries together, in seconds. The engine waits for it.
TRIES = 4
PATIENCE = 12.0
CONNECT_SECONDS = 5.0
#: How long a runner may keep silent before the connection counts as dead; it says something every 15 s.
SILENCE = 45.0
_LEAST_WAIT = 0.1

Body = Callable[[], Iterator[bytes]]


class Connection:
    """One runner. Methods may be called from any thread; they raise Trouble."""

    def __init__(self, endpoint: Endpoint) -> None:
        try:
            import httpx
        except ImportError:
            raise missing_library() from None
        self.url = endpoint.url
        try:
            self._client = httpx.Client(
                verify=_trusted(endpoint),
                headers={
                    "Authorization": f"Bearer {endpoint.token}",
                    protocol.PROTOCOL_HEADER: str(protocol.PROTOCOL),
                },
                timeout=httpx.Timeout(30.0, connect=CONNECT_SECONDS),
                limits=httpx.Limits(max_connections=16, keepalive_expiry=20.0),
                follow_redirects=False,
            )
        except (OSError, ValueError) as error:
            raise Trouble(
                f"`ca-file` {endpoint.ca_file} has no certificates that can be read: {error}; name a PEM file"
            ) from error

    def request(
        self,
        method: str,
        path: str,
        *,
        tries: int = TRIES,
        body: Body | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        allowed: tuple[int, ...] = (),
    ) -> httpx.Response:
        """The answer: a success, or of a status in `allowed`. `body` gives the body anew for each try."""
        until = time.monotonic() + PATIENCE
        for number in range(1, tries + 1):
            try:
                return self._once(method, path, body, json, headers, allowed)
            except Trouble as trouble:
                wait = pause(number, trouble.wait)
                if not trouble.again or number == tries or time.monotonic() + wait > until:
                    raise
                time.sleep(wait)
        raise AssertionError("it was tried at least once")

    def _once(
        self,
        method: str,
        path: str,
        body: Body | None,
        json: Any,
        headers: Mapping[str, str] | None,
        allowed: tuple[int, ...],
    ) -> httpx.Response:
        import httpx

        try:
            response = self._client.request(
                method,
                self.url + path,
                content=None if body is None else body(),
                json=json,
                headers=headers,
            )
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, RuntimeError) as error:
            raise of_exception(self.url, error) from error
        if not response.is_success and response.status_code not in allowed:
            raise of_response(self.url, response)
        if protocol.PROTOCOL_HEADER not in response.headers:
            raise Trouble(
                f"what answers at {self.url} is no jobc runner; see whether `host` has its address and port"
            )
        return response

    def events(self, path: str, opened: Callable[[httpx.Response], None]) -> Iterator[tuple[str, str]]:
        """(event, data) of a stream, until it breaks or ends. `opened` is given the response, to `cut` it."""
        import httpx

        timeout = httpx.Timeout(SILENCE, connect=CONNECT_SECONDS)
        try:
            with self._client.stream("GET", self.url + path, timeout=timeout) as response:
                if not response.is_success:
                    response.read()
                    raise of_response(self.url, response)
                opened(response)
                yield from _parsed(response.iter_lines())
        except (httpx.HTTPError, OSError, RuntimeError) as error:
            raise of_exception(self.url, error) from error

    def close(self) -> None:
        self._client.close()


def pause(number: int, told: float | None) -> float:
    """Seconds before the next try after try `number`: what the runner said, or twice as long each time, scattered."""
    wait = _LEAST_WAIT * 2.0 ** min(number - 1, 8) if told is None else told
    return float(wait * (1 + random.random() / 2))


def cut(response: httpx.Response) -> None:
    """End a stream that another thread reads."""
    import socket

    stream = response.extensions.get("network_stream")
    found = None if stream is None else stream.get_extra_info("socket")
    if found is not None:
        with contextlib.suppress(OSError):  # it may be closed already
            # A TLS socket would say goodbye first, which only its reader may do.
            socket.socket.shutdown(found, socket.SHUT_RDWR)


def _trusted(endpoint: Endpoint) -> Any:
    import ssl

    if not endpoint.url.startswith("https:"):
        return True
    if not endpoint.verify:
        return False
    context = ssl.create_default_context()
    if endpoint.ca_file is not None:
        context.load_verify_locations(endpoint.ca_file)
    return context


def _parsed(lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    event = "message"
    data: list[str] = []
    for line in lines:
        if not line:
            if data:
                yield event, "\n".join(data)
            event, data = "message", []
        elif line.startswith("event:"):
            event = line[6:].strip()
        elif line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
