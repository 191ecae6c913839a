"""The routes of a runner. What they mean is the business of `tasks`; here it is HTTP."""

from __future__ import annotations

import logging
import os
import platform
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jobc import __version__
from jobc.backends.bundle import parcel
from jobc.backends.self_hosted import protocol
from jobc.errors import StateError, UsageError
from jobc.runner import bodies, metrics, ranges
from jobc.runner.folders import KEY
from jobc.runner.openapi import document
from jobc.runner.refusal import Refused
from jobc.runner.tasks import Tasks
from jobc.runner.tokens import Tokens

log = logging.getLogger("jobc.runner")
#: Routes that ask for no token: they tell nothing.
_OPEN = frozenset(["/healthz", "/readyz", "/openapi.json"])
_EVENTS = "text/event-stream"

Endpoint = Callable[[Request], Awaitable[Response]]


class Runner:
    """The end points, over `tasks`."""

    def __init__(self, tasks: Tasks) -> None:
        self.tasks = tasks
        self.settings = tasks.settings
        self.requests = metrics.Requests()

    async def healthz(self, request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(self, request: Request) -> Response:
        """Whether it takes tasks: not while it shuts down, or its disk is full or gone."""
        why = ""
        if self.tasks.draining:
            why = "the runner is shutting down"
        else:
            try:
                self.tasks.check_disk()
                self.tasks.journal.check()
            except (Refused, StateError, OSError) as error:
                why = str(error)
        return PlainTextResponse(why + "\n", 503) if why else PlainTextResponse("ready\n")

    async def metrics(self, request: Request) -> Response:
        return Response(metrics.text(self.tasks, self.requests, __version__), media_type=metrics.TYPE)

    async def openapi(self, request: Request) -> Response:
        return JSONResponse(document())

    async def about(self, request: Request) -> Response:
        limits = self.settings.limits
        return JSONResponse(
            {
                "jobc": __version__,
                "protocol": protocol.PROTOCOL,
                "machine": {
                    "system": platform.system(),
                    "processor": platform.machine(),
                    "cpus": os.cpu_count(),
                },
                "labels": list(self.settings.labels),
                "draining": self.tasks.draining,
                "limits": {
                    "cpu": limits.cpu,
                    "memory": limits.memory,
                    "time": limits.time,
                    "disk": limits.disk,
                    "bundle": self.settings.largest_bundle,
                    "task": self.settings.largest_task,
                    "file": self.settings.largest_file,
                },
                "capacity": self.tasks.capacity(),
            }
        )

    async def has_bundle(self, request: Request) -> Response:
        hash = _hash(request)
        if not self.tasks.folders.has_bundle(hash):
            raise Refused(404, protocol.UNKNOWN, "the runner does not have this bundle")
        return JSONResponse({"bundle": hash})

    async def put_bundle(self, request: Request) -> Response:
        hash = _hash(request)
        if self.tasks.folders.has_bundle(hash):
            return JSONResponse({"bundle": hash}, 200, _CLOSE)
        self.tasks.check_disk()
        path = self.tasks.folders.incoming()
        try:
            await bodies.bundle(request, self.settings, hash, path)
            self.tasks.folders.take_bundle(path, hash)
        finally:
            if os.path.exists(path):
                os.unlink(path)
        return JSONResponse({"bundle": hash}, 201)

    async def put_task(self, request: Request) -> Response:
        key = _key(request)
        submission = bodies.Submission(request, self.settings)
        head = await submission.head()
        if protocol.key_of(head.name) != key:
            raise Refused(400, protocol.INVALID, "the key is not that of the task's name")
        record = self.tasks.admit(key, head)
        created = record is None
        if record is None:
            folder = self.tasks.folders.new_task()
            try:
                await submission.files(head, folder)
                record = self.tasks.accept(key, head, folder)
            finally:
                if os.path.isdir(folder.path):
                    folder.remove()
        self._follow(request, key)
        return JSONResponse(self.tasks.document(record), 201 if created else 200, None if created else _CLOSE)

    def _follow(self, request: Request, key: str) -> None:
        stream = request.headers.get(protocol.STREAM_HEADER)
        if stream is not None and not self.tasks.feed.follows(stream, key):
            self.tasks.feed.follow(stream, {key: 0})

    async def get_task(self, request: Request) -> Response:
        return JSONResponse(self.tasks.document(self.tasks.find(_key(request))))

    async def output(self, request: Request) -> Response:
        record = self.tasks.find(_key(request))
        folder = self.tasks.folders.task(record.key)
        try:
            file = open(folder.output, "rb")  # noqa: SIM115 - the response closes it
        except FileNotFoundError:
            file = open(os.devnull, "rb")  # noqa: SIM115 - a task that has not begun has written nothing
        return ranges.answer(file, request.headers.get("range"))

    async def task_events(self, request: Request) -> Response:
        record = self.tasks.find(_key(request))
        offset = request.headers.get("last-event-id") or request.query_params.get("offset") or "0"
        if not (offset.isascii() and offset.isdigit() and len(offset) <= 18):
            raise Refused(400, protocol.INVALID, "`offset` is no number of bytes")
        return _stream(request, self.tasks.feed.output(record.key, int(offset)))

    async def file(self, request: Request) -> Response:
        record = self.tasks.find(_key(request))
        file = self.tasks.folders.task(record.key).open_left(request.path_params["name"])
        if file is None:
            raise Refused(404, protocol.NO_FILE, "the task left no such file")
        size, most = os.fstat(file.fileno()).st_size, self.settings.largest_file
        if size > most:
            file.close()
            raise Refused(
                413,
                protocol.TOO_LARGE,
                f"the task left {_said(request.path_params['name'])} of {size} bytes, and the runner gives out at most {most}",
                "leave less, or start the runner with a higher --max-download",
            )
        return ranges.answer(file, request.headers.get("range"))

    async def cancel(self, request: Request) -> Response:
        await bodies.document(request, self.settings)
        return JSONResponse(self.tasks.document(self.tasks.end(_key(request), protocol.CANCELLED)))

    async def kill(self, request: Request) -> Response:
        await bodies.document(request, self.settings)
        return JSONResponse(self.tasks.document(self.tasks.end(_key(request), protocol.KILLED)))

    async def delete(self, request: Request) -> Response:
        self.tasks.forget(_key(request))
        return Response(status_code=204)

    async def forget(self, request: Request) -> Response:
        asked = await bodies.document(request, self.settings)
        run, keep = asked.get("run"), asked.get("keep", [])
        if not isinstance(run, str) or not run:
            raise Refused(400, protocol.INVALID, "`run` is no text")
        if not isinstance(keep, list) or not all(isinstance(key, str) for key in keep):
            raise Refused(400, protocol.INVALID, "`keep` is no list of keys")
        return JSONResponse({"forgotten": self.tasks.forget_run(run, set(keep))})

    async def events(self, request: Request) -> Response:
        id = _stream_id(request.query_params.get("stream", ""))
        return _stream(request, self.tasks.feed.events(id))

    async def follow(self, request: Request) -> Response:
        id = _stream_id(request.path_params["id"])
        tasks = (await bodies.document(request, self.settings)).get("tasks")
        if not isinstance(tasks, dict) or not all(_is_offset(key, value) for key, value in tasks.items()):
            raise Refused(400, protocol.INVALID, "`tasks` is no map of keys to offsets")
        if not self.tasks.feed.follow(id, tasks):
            raise Refused(
                404, protocol.UNKNOWN, "there is no such stream", "open it: GET /v1/events?stream=ID"
            )
        return JSONResponse({"tasks": len(tasks)})


_CLOSE = {"Connection": "close"}
_SAID = {parcel.OUT: "artifacts", parcel.RESULT: "a result"}


def _said(name: str) -> str:
    """A file that a task left, in its author's words."""
    return _SAID.get(name, f"a file `{name}`")


def _key(request: Request) -> str:
    key: str = request.path_params["key"]
    if not KEY.fullmatch(key):
        raise Refused(404, protocol.UNKNOWN, "the runner knows no such task")
    return key


def _hash(request: Request) -> str:
    hash: str = request.path_params["hash"]
    if not KEY.fullmatch(hash):
        raise Refused(404, protocol.UNKNOWN, "this is no SHA-256 in hexadecimal")
    return hash


def _stream_id(id: str) -> str:
    if not (8 <= len(id) <= 64 and id.isascii() and id.isalnum()):
        raise Refused(400, protocol.INVALID, "the stream's id is not 8 to 64 letters and digits")
    return id


def _is_offset(key: str, value: Any) -> bool:
    is_number = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**62
    return KEY.fullmatch(key) is not None and is_number


def _stream(request: Request, events: AsyncIterator[bytes]) -> Response:
    # A proxy in between must not hold events back.
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    if request.method == "HEAD":
        return Response(headers=headers, media_type=_EVENTS)
    return StreamingResponse(events, headers=headers, media_type=_EVENTS)


def make_app(tasks: Tasks, tokens: Tokens) -> ASGIApp:
    """The application, behind its door."""
    runner = Runner(tasks)
    task = "/v1/tasks/{key}"
    routes: list[tuple[str, str, Endpoint]] = [
        ("GET", "/healthz", runner.healthz),
        ("GET", "/readyz", runner.readyz),
        ("GET", "/metrics", runner.metrics),
        ("GET", "/openapi.json", runner.openapi),
        ("GET", "/v1/runner", runner.about),
        ("GET", "/v1/bundles/{hash}", runner.has_bundle),
        ("PUT", "/v1/bundles/{hash}", runner.put_bundle),
        ("PUT", task, runner.put_task),
        ("GET", task, runner.get_task),
        ("DELETE", task, runner.delete),
        ("GET", task + "/output", runner.output),
        ("GET", task + "/events", runner.task_events),
        ("GET", task + "/files/{name}", runner.file),
        ("POST", task + "/cancel", runner.cancel),
        ("POST", task + "/kill", runner.kill),
        ("POST", "/v1/forget", runner.forget),
        ("GET", "/v1/events", runner.events),
        ("POST", "/v1/streams/{id}", runner.follow),
    ]
    by_path: dict[str, dict[str, Endpoint]] = {}
    for method, path, endpoint in routes:
        by_path.setdefault(path, {})[method] = endpoint
    app = Starlette(
        routes=[
            Route(path, _dispatch(runner, path, endpoints), methods=list(endpoints))
            for path, endpoints in by_path.items()
        ],
        exception_handlers={HTTPException: _not_found},
    )
    return Door(app, tokens, runner.requests)


def _dispatch(runner: Runner, path: str, endpoints: dict[str, Endpoint]) -> Endpoint:
    """One route's end points, their refusals turned into responses, their answers counted."""

    async def handle(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        try:
            response = await endpoints[method](request)
        except Refused as refusal:
            response = refusal.response(close=request.method not in ("GET", "HEAD"))
        except bodies.Disconnected:
            response = Response(status_code=400, headers=_CLOSE)  # nobody is there to read it
        except StateError as error:
            log.error("%s", error)
            response = Refused(503, protocol.INTERNAL, str(error), error.help or "", retry_after=10).response(
                close=True
            )
        except OSError as error:
            log.error("%s %s: %s", request.method, path, error)
            response = Refused(
                503, protocol.INTERNAL, f"the runner's disk fails: {error.strerror}", retry_after=10
            ).response(close=True)
        runner.requests.count(request.method, path, response.status_code)
        return response

    return handle


async def _not_found(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    refusal = Refused(
        error.status_code, protocol.UNKNOWN, "the runner has no such address", "see /openapi.json"
    )
    response = refusal.response(close=request.method not in ("GET", "HEAD"))
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    return response


class Door:
    """Lets in who has the token and speaks this protocol, before anything of a request's body is read."""

    def __init__(self, app: ASGIApp, tokens: Tokens, requests: metrics.Requests) -> None:
        self._app = app
        self._tokens = tokens
        self._requests = requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        refusal = self._refusal(scope)
        told: bytes = str(protocol.PROTOCOL).encode()

        async def with_protocol(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (protocol.PROTOCOL_HEADER.encode(), told)]
            await send(message)

        if refusal is None:
            await self._app(scope, receive, with_protocol)
        else:
            await refusal.response(close=True)(scope, receive, with_protocol)

    def _refusal(self, scope: Scope) -> Refused | None:
        if scope["path"] in _OPEN:
            return None
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        try:
            self._tokens.look()
        except UsageError as error:
            log.error("%s", error)
            return Refused(503, protocol.INTERNAL, "the runner's token file cannot be used", retry_after=10)
        scheme, _, token = given[0].partition(b" ") if len(given) == 1 else (b"", b"", b"")
        if scheme.lower() != b"bearer" or not self._tokens.accepts(token.strip().decode("latin-1")):
            self._requests.refused_tokens += 1
            return Refused(
                401,
                protocol.UNAUTHORIZED,
                "the runner does not know this token",
                "send Authorization: Bearer TOKEN",
            )
        spoken = [value for name, value in scope["headers"] if name == protocol.PROTOCOL_HEADER.encode()]
        if spoken and spoken[0] != str(protocol.PROTOCOL).encode():
            return Refused(
                400,
                protocol.VERSION,
                f"this runner speaks protocol {protocol.PROTOCOL} (jobc {__version__}), not {spoken[0].decode('latin-1')[:16]}",
                "use the same version of jobc on both sides",
            )
        return None
