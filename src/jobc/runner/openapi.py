"""The OpenAPI document of the runner, as data. Its truth is tested: requests made from it are sent to a runner."""

from __future__ import annotations

from typing import Any

from jobc import __version__
from jobc.backends.self_hosted import protocol

_Data = dict[str, Any]

_TEXT: _Data = {"type": "string"}
_NUMBER: _Data = {"type": "number"}
_WHOLE: _Data = {"type": "integer"}
_HASH: _Data = {"type": "string", "pattern": "^[0-9a-f]{64}$"}


def _maybe(schema: _Data) -> _Data:
    return {**schema, "type": [schema["type"], "null"]}


def _object(**properties: _Data) -> _Data:
    return {"type": "object", "properties": properties, "required": sorted(properties)}


_SCHEMAS: _Data = {
    "Error": _object(code=_TEXT, message=_TEXT, help=_TEXT),
    "Bundle": _object(bundle=_HASH),
    "Followed": _object(tasks=_WHOLE),
    "Forgotten": _object(forgotten=_WHOLE),
    "Task": _object(
        key=_HASH,
        name=_TEXT,
        bundle=_HASH,
        state={
            "type": "string",
            "enum": [protocol.QUEUED, protocol.RUNNING, protocol.ENDED, protocol.LOST],
        },
        position=_maybe(_WHOLE),
        size=_WHOLE,
        submitted=_NUMBER,
        started=_maybe(_NUMBER),
        ended=_maybe(_NUMBER),
        exit_code=_maybe(_WHOLE),
        signal=_maybe(_WHOLE),
        reason=_maybe(_TEXT),
        message=_TEXT,
    ),
    "Runner": _object(
        jobc=_TEXT,
        protocol=_WHOLE,
        machine=_object(system=_TEXT, processor=_TEXT, cpus=_maybe(_WHOLE)),
        labels={"type": "array", "items": _TEXT},
        draining={"type": "boolean"},
        limits=_object(
            cpu=_maybe(_NUMBER),
            memory=_maybe(_WHOLE),
            time=_maybe(_NUMBER),
            disk=_maybe(_WHOLE),
            bundle=_WHOLE,
            task=_WHOLE,
        ),
        capacity=_object(concurrency=_WHOLE, running=_WHOLE, queue=_WHOLE, queued=_WHOLE, room=_WHOLE),
    ),
}

#: status → what it means, for the answers that are no success.
_REFUSALS = {
    "400": "The request is not of this protocol.",
    "401": "There is no token, or it is not the runner's.",
    "404": "There is no such thing here.",
    "408": "The body came in too slowly.",
    "409": "Not in this state: the bundle must be sent first, the name is another task's, or the task has not ended.",
    "410": "The task was forgotten.",
    "413": "The body is too large.",
    "416": "The range begins where there is nothing.",
    "422": "The runner cannot grant it: a label that it lacks, more than its limits, a hash that is not the content's.",
    "429": "The runner is full; `Retry-After` says when to come again.",
    "503": "Not now: it shuts down, or its disk fails; `Retry-After` says when to come again.",
    "507": "The runner's disk is full.",
}


def _json(schema: str, description: str) -> _Data:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": description, "content": content}


def _bytes(description: str, type: str = "application/octet-stream") -> _Data:
    return {"description": description, "content": {type: {"schema": {"type": "string"}}}}


def _plain(description: str) -> _Data:
    return _bytes(description, "text/plain")


def _operation(summary: str, answers: _Data, refusals: str, **more: Any) -> _Data:
    found = {status: _json("Error", _REFUSALS[status]) for status in refusals.split()}
    if "416" in found:
        found["416"] = {"description": _REFUSALS["416"]}
    return {"summary": summary, "responses": {**answers, **found}, **more}


def _path(name: str, schema: _Data) -> _Data:
    return {"name": name, "in": "path", "required": True, "schema": schema}


_RANGE: _Data = {
    "name": "Range",
    "in": "header",
    "description": "One range of bytes, such as `bytes=1000-`.",
    "schema": _TEXT,
}
_BODY: _Data = {"required": True, "content": {"application/octet-stream": {"schema": {"type": "string"}}}}
_FILE: _Data = {
    "200": _bytes("All of it."),
    "206": _bytes("The range of it."),
}
_TASK = _json("Task", "The task.")


def document() -> _Data:
    """The document, for `/openapi.json`."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "jobc runner",
            "version": __version__,
            "description": "Runs tasks of jobc engines elsewhere. A task's key is the SHA-256 of its name.",
        },
        "security": [{"token": []}],
        "paths": _paths(),
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": _SCHEMAS,
        },
    }


def _paths() -> _Data:
    events = {"200": _bytes("Events until the client goes.", "text/event-stream")}
    return {
        "/healthz": {
            "get": _operation("Whether the server lives", {"200": _plain("It does.")}, "", security=[])
        },
        "/readyz": {
            "get": _operation(
                "Whether it takes tasks",
                {"200": _plain("It does."), "503": _plain("It does not, and why.")},
                "",
                security=[],
            )
        },
        "/openapi.json": {
            "get": _operation(
                "This document",
                {
                    "200": {
                        "description": "It.",
                        "content": {"application/json": {"schema": {"type": "object"}}},
                    }
                },
                "",
                security=[],
            )
        },
        "/metrics": {"get": _operation("Metrics for Prometheus", {"200": _plain("Metrics.")}, "401 503")},
        "/v1/runner": {
            "get": _operation(
                "What it is, and what it has room for", {"200": _json("Runner", "The runner.")}, "400 401 503"
            )
        },
        "/v1/bundles/{hash}": {
            "parameters": [_path("hash", _HASH)],
            "get": _operation(
                "Whether it has a bundle", {"200": _json("Bundle", "It has.")}, "400 401 404 503"
            ),
            "put": _operation(
                "Send a bundle; its name is the SHA-256 of its content",
                {"200": _json("Bundle", "It had it."), "201": _json("Bundle", "It has it now.")},
                "400 401 404 408 413 422 503 507",
                requestBody=_BODY,
            ),
        },
        "/v1/tasks/{key}": {
            "parameters": [_path("key", _HASH)],
            "get": _operation("The state of a task", {"200": _TASK}, "400 401 404 410 503"),
            "put": _operation(
                "Submit a task: a line of JSON, then its files one after another; the same key again gives the first",
                {"200": _TASK, "201": _TASK},
                "400 401 404 408 409 413 422 429 503 507",
                requestBody=_BODY,
            ),
            "delete": _operation(
                "Forget a task that has ended",
                {"204": {"description": "It is forgotten."}},
                "400 401 404 409 410 503",
            ),
        },
        "/v1/tasks/{key}/output": {
            "parameters": [_path("key", _HASH)],
            "get": _operation(
                "What the task wrote so far", _FILE, "400 401 404 410 416 503", parameters=[_RANGE]
            ),
        },
        "/v1/tasks/{key}/events": {
            "parameters": [_path("key", _HASH)],
            "get": _operation(
                "What the task writes, from an offset on, as events whose ids are offsets; `end` is the last",
                events,
                "400 401 404 410 503",
                parameters=[
                    {
                        "name": "offset",
                        "in": "query",
                        "schema": {"type": "integer", "minimum": 0, "maximum": 10**17},
                    },
                    {
                        "name": "Last-Event-ID",
                        "in": "header",
                        "schema": {"type": "string", "pattern": "^[0-9]{1,17}$"},
                    },
                ],
            ),
        },
        "/v1/tasks/{key}/files/{name}": {
            "parameters": [
                _path("key", _HASH),
                _path("name", {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"}),
            ],
            "get": _operation(
                "A file that the task left", _FILE, "400 401 404 410 413 416 503", parameters=[_RANGE]
            ),
        },
        "/v1/tasks/{key}/cancel": {
            "parameters": [_path("key", _HASH)],
            "post": _operation("Ask a task to end", {"200": _TASK}, "400 401 404 408 410 413 503"),
        },
        "/v1/tasks/{key}/kill": {
            "parameters": [_path("key", _HASH)],
            "post": _operation("End a task at once", {"200": _TASK}, "400 401 404 408 410 413 503"),
        },
        "/v1/forget": {
            "post": _operation(
                "Forget the tasks of a run that have ended, but those in `keep`",
                {"200": _json("Forgotten", "How many.")},
                "400 401 408 413 503",
                requestBody={
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "properties": {
                                    "run": {"type": "string", "minLength": 1},
                                    "keep": {"type": "array", "items": _HASH},
                                },
                                "required": ["run"],
                            }
                        }
                    },
                },
            )
        },
        "/v1/events": {
            "get": _operation(
                "Changes of all tasks that a stream follows",
                events,
                "400 401 503",
                parameters=[
                    {
                        "name": "stream",
                        "in": "query",
                        "required": True,
                        "schema": {"type": "string", "pattern": "^[A-Za-z0-9]{8,64}$"},
                    }
                ],
            )
        },
        "/v1/streams/{id}": {
            "parameters": [_path("id", {"type": "string", "pattern": "^[A-Za-z0-9]{8,64}$"})],
            "post": _operation(
                "Follow tasks, each from an offset on",
                {"200": _json("Followed", "How many.")},
                "400 401 404 408 413 503",
                requestBody={
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "properties": {
                                    "tasks": {
                                        "type": "object",
                                        "propertyNames": _HASH,
                                        "additionalProperties": {"type": "integer", "minimum": 0},
                                    }
                                },
                                "required": ["tasks"],
                            }
                        }
                    },
                },
            ),
        },
    }
