"""The OpenAPI document is true: requests made from it are answered as it says, by schemathesis and by comparison."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import positive_data_acceptance

from jobc.backends.self_hosted.protocol import key_of
from jobc.runner.openapi import document
from tests.runner.serving import HASH, Client, Server

#: Requests for each operation; `JOBC_FUZZ_EXAMPLES` asks for more.
EXAMPLES = int(os.environ.get("JOBC_FUZZ_EXAMPLES", "25"))
#: They end only with their client.
_ENDLESS = {("GET", "/v1/events")}


def _operations() -> list[tuple[str, str]]:
    methods = ("get", "put", "post", "delete")
    return [
        (method.upper(), path)
        for path, item in document()["paths"].items()
        for method in item
        if method in methods and (method.upper(), path) not in _ENDLESS
    ]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("openapi") / "state", "--concurrency", "1")
    with server.client() as client:
        client.run("known", "echo output; echo '{}' > $RESULT")
        yield server
        assert client.http.get("/healthz").status_code == 200
        assert "Traceback" not in server.log()
    server.close()


@pytest.mark.parametrize(("method", "path"), _operations())
def test_answers_are_those_of_the_document(api: Server, method: str, path: str) -> None:
    schema = schemathesis.openapi.from_dict(document(), config=SchemathesisConfig())
    operation = schema[path][method]
    known = {"key": key_of("known"), "hash": HASH, "name": "result.json"}
    asked = 0

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def each(case: schemathesis.Case) -> None:
        nonlocal asked
        asked += 1
        if asked % 2:  # every other one speaks of what is there
            for name in case.path_parameters or {}:
                if name in known:
                    case.path_parameters[name] = known[name]
        case.call_and_validate(
            base_url=api.url,
            headers={"Authorization": f"Bearer {api.token}"},
            timeout=30,
            # Whether a body is a sound submission, a schema cannot say.
            excluded_checks=[positive_data_acceptance],
        )

    each()
    assert asked >= min(EXAMPLES, 1)


def test_every_route_is_in_the_document() -> None:
    from starlette.applications import Starlette

    from jobc.runner.app import Door, make_app

    class Nothing:
        def __getattr__(self, name: str) -> Nothing:
            return self

    door = make_app(Nothing(), Nothing())  # type: ignore[arg-type]
    assert isinstance(door, Door)
    app = door._app
    assert isinstance(app, Starlette)
    served = {
        (method, route.path)  # type: ignore[attr-defined]
        for route in app.routes
        for method in route.methods - {"HEAD"}  # type: ignore[attr-defined]
    }
    assert served == {*_operations(), *_ENDLESS}


def test_refusals_have_the_form_that_is_told(client: Client) -> None:
    answer = client.get("never")
    assert set(answer.json()) == {"code", "message", "help"}
    assert answer.headers["content-type"] == "application/json"
