"""Serving: sockets, TLS, signals, and connections that do not say what they want.

SIGTERM and SIGINT begin a drain: nothing more is taken or begun, what runs is waited for, for a bounded time, and then goes on without
the server, which finds it again when it is back. A second one ends the waiting. SIGHUP loads the certificate again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from jobc.errors import UsageError
from jobc.runner.app import make_app
from jobc.runner.tasks import Tasks
from jobc.runner.tokens import Tokens

log = logging.getLogger("jobc.runner")
#: Connections at once. More are told to come again.
CONNECTIONS = 2048
#: How long a connection stays that asks for nothing, in seconds.
KEEP_ALIVE = 30
#: How long streams and requests get at the very end, in seconds.
FAREWELL = 5


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises UsageError where the address cannot be had."""
    try:
        family, kind, number, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        found = socket.socket(family, kind, number)
        try:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind(address)
            found.listen(1024)
        except OSError:
            found.close()
            raise
    except OSError as error:
        raise UsageError(
            f"cannot listen on {host}:{port}: {error.strerror or error}",
            help="end what listens there, or choose others with --host and --port",
        ) from None
    return found


def tls(certificate: str, key: str | None) -> ssl.SSLContext:
    """Raises UsageError where the files do not give a certificate and its key."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    load_certificate(context, certificate, key)
    return context


def load_certificate(context: ssl.SSLContext, certificate: str, key: str | None) -> None:
    def refuse() -> str:
        raise ssl.SSLError("the key has a passphrase")

    try:
        context.load_cert_chain(certificate, key, password=refuse)
    except OSError as error:  # SSLError is one
        files = certificate if key is None else f"{certificate} and {key}"
        raise UsageError(
            f"{files} cannot be used for TLS: {error.strerror or error}",
            help="--tls-cert names a PEM file with the chain, --tls-key its key, without a passphrase",
        ) from None


def serve(
    tasks: Tasks,
    tokens: Tokens,
    listening: socket.socket,
    context: ssl.SSLContext | None,
    *,
    ready: Callable[[], None],
    reload: Callable[[], None],
) -> int:
    """Serve until a signal ends it; how many tasks go on without the server. `ready` is called when requests are taken."""
    patience = tasks.settings.head_patience

    class Patient(_Patient):
        head_patience = patience

    config = uvicorn.Config(
        make_app(tasks, tokens),
        http=Patient,
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=FAREWELL,
        limit_concurrency=CONNECTIONS,
        h11_max_incomplete_event_size=32 * 1024,
    )
    config.load()
    config.ssl = context
    return asyncio.run(_Server(config, tasks, ready, reload).work(listening))


class _Server(uvicorn.Server):
    def __init__(
        self, config: uvicorn.Config, tasks: Tasks, ready: Callable[[], None], reload: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._tasks = tasks
        self._ready = ready
        self._reload = reload
        self._drain: asyncio.Task[int] | None = None

    async def work(self, listening: socket.socket) -> int:
        await self._tasks.open()
        try:
            await self.serve([listening])
        finally:
            left = len(self._tasks.running)
            await self._tasks.close()
        return left

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._asked)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                loop.remove_signal_handler(number)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._asked()

    def _asked(self) -> None:
        if self._drain is not None:
            self._stop()
            return
        running, most = len(self._tasks.running), self._tasks.settings.drain
        if running:
            log.info("shutting down: %d tasks run; waiting for them, at most %g s", running, most)
        self._drain = asyncio.get_running_loop().create_task(self._tasks.drain())
        self._drain.add_done_callback(lambda task: self._stop())

    def _stop(self) -> None:
        self._tasks.feed.close()
        self.should_exit = True


class _Patient(H11Protocol):
    """A connection that must say what it wants within a while of beginning to, or of being made."""

    head_patience = 15.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._wait_no_more()
        elif self._patience is None:
            self._wait()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.conn.trailing_data[0] and self._patience is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_more()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._patience = self.loop.call_later(self.head_patience, self.transport.abort)

    def _wait_no_more(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
