"""Traces of a run: in memory, and over the wire to an OTLP receiver, with real bash and Python stages inside."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from jobc.engine.observers.telemetry import Tracing, wanted
from jobc.errors import UsageError
from jobc.interpreter.trace import span_id, trace_id, traceparent

FLOW = """
name: flow
params: {n: {type: int, default: 2}, key: secret}
jobs:
  first:
    strategy: {matrix: {part: [1, 2]}}
    stages:
      - {id: sh, bash: 'echo $TRACEPARENT > sh-${{ matrix.part }}'}
  second:
    needs: [first]
    stages:
      - id: here
        isolation: inline
        run: seen = env["TRACEPARENT"]
      - id: py
        run: |
          import os
          open("here", "w").write(stages.here.outputs.seen)
          open("py", "w").write(os.environ["TRACEPARENT"])
      - id: flaky
        bash: 'echo $TRACEPARENT >> flaky; test -e again || { touch again; exit 3; }'
        retry: {attempts: 1, delay: 0}
      - id: both
        parallel: {left: [{id: inner, bash: 'echo $TRACEPARENT > inner'}]}
  third:
    needs: [second]
    stages: [{trigger: other}]
  bad:
    retry: {attempts: 1, delay: 0}
    stages: [{id: oops, raise: 'no ${{ params.key }} today'}]
  never:
    needs: [bad]
    stages: [{echo: hello}]
---
name: other
jobs: {only: {stages: [{echo: inside}]}}
"""


@pytest.fixture
def run(tmp_path: Path) -> Any:
    """Runs FLOW in this process; what it gives are the spans by name, and the folder."""
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from jobc.cli.compiler import load_program
    from jobc.cli.context import Context
    from jobc.engine.options import Options
    from jobc.engine.run import execute

    def runs(**environ: str) -> tuple[dict[str, list[Any]], Path]:
        (tmp_path / "flow.job.yml").write_text(FLOW)
        exporter = InMemorySpanExporter()
        tracing = Tracing(environ, "1.2.3", exporter)
        program = load_program("flow.job.yml", "flow", Context(str(tmp_path)), stdin_name=None)
        options = Options(run_id="one", environ=dict(os.environ), workdir=str(tmp_path), trace=tracing.trace)
        execute(program, {"key": "hush-hush"}, options, tracing.take)
        spans = exporter.get_finished_spans
        sent = threading.Event()
        tracing.close(lambda over, seconds: sent.wait(seconds), sent.set)
        assert tracing.trouble is None
        found: dict[str, list[Any]] = {}
        for span in spans():
            found.setdefault(span.name, []).append(span)
        return found, tmp_path

    return runs


def parent_of(span: Any, spans: dict[str, list[Any]]) -> str | None:
    ids = {each.context.span_id: name for name, named in spans.items() for each in named}
    return ids.get(span.parent.span_id) if span.parent else None


def test_every_part_of_a_run_has_its_span_under_the_part_around_it(run: Any) -> None:
    spans, _ = run()
    assert {name: len(named) for name, named in spans.items()} == {
        "flow": 1, "first": 1, "first [part=1]": 1, "first [part=2]": 1, "sh": 2, "second": 2, "py": 1, "here": 1, "flaky": 2,
        "both": 1, "inner": 1, "third": 2, "0": 2, "other": 1, "only": 2, "bad": 3, "oops": 2, "never": 1,
    }  # fmt: skip
    around = {name: {parent_of(each, spans) for each in named} for name, named in spans.items()}
    assert around["flow"] == {None}
    assert around["first"] == around["never"] == {"flow"}
    assert around["first [part=1]"] == {"first"}
    assert around["sh"] == {"first [part=1]", "first [part=2]"}
    assert around["inner"] == {"both"}
    assert around["both"] == {"second"}
    assert around["other"] == {"0"}, "the stage that triggered it"
    assert len({each.context.trace_id for named in spans.values() for each in named}) == 1
    assert len({each.context.span_id for named in spans.values() for each in named}) == sum(
        map(len, spans.values())
    )


def test_needs_are_links(run: Any) -> None:
    spans, _ = run()
    (second,) = [each for each in spans["second"] if parent_of(each, spans) == "flow"]
    (link,) = second.links
    assert link.context.span_id == spans["first"][0].context.span_id
    assert dict(link.attributes) == {"jobc.link": "needs"}


def test_failures_are_errors_with_their_reason_and_no_secret(run: Any) -> None:
    from opentelemetry.trace import StatusCode

    spans, _ = run()
    first, second = sorted(spans["oops"], key=lambda each: each.start_time)
    for span in (first, second):
        assert span.status.status_code is StatusCode.ERROR
        assert span.attributes["error.type"] == "raise"
        assert span.attributes["code.file.path"] == "flow.job.yml"
        (event,) = span.events
        assert event.attributes["exception.message"] == "***"
    (flow,) = spans["flow"]
    assert flow.attributes["cicd.pipeline.result"] == "failure"
    assert flow.attributes["jobc.params.n"] == 2
    assert flow.attributes["jobc.params.key"] == "***"
    assert "hush" not in str([span.to_json() for named in spans.values() for span in named])
    (never,) = spans["never"]
    assert never.attributes["jobc.status"] == "skip"
    assert "bad: failed" in never.attributes["jobc.reason"]
    attempts = sorted(each.attributes.get("jobc.attempt", 0) for each in spans["bad"])
    assert attempts == [0, 1, 2]


def test_a_further_attempt_is_a_span_of_its_own_and_the_one_before_an_error(run: Any) -> None:
    from opentelemetry.trace import StatusCode

    spans, _ = run()
    first, second = sorted(spans["flaky"], key=lambda each: each.start_time)
    assert (first.attributes["jobc.attempt"], second.attributes["jobc.attempt"]) == (1, 2)
    assert first.status.status_code is StatusCode.ERROR
    assert first.attributes["error.type"] == "exit"
    assert second.status.status_code is StatusCode.UNSET
    assert first.end_time <= second.start_time


def test_what_a_stage_starts_finds_the_stages_own_span(run: Any) -> None:
    spans, folder = run()

    def parents(name: str) -> list[str]:
        return [line.split("-")[2] for line in (folder / name).read_text().split()]

    def ids(name: str) -> list[str]:
        return [
            f"{each.context.span_id:016x}" for each in sorted(spans[name], key=lambda each: each.start_time)
        ]

    assert sorted([*parents("sh-1"), *parents("sh-2")]) == sorted(ids("sh"))
    assert parents("py") == ids("py")
    assert parents("here") == ids("here")
    assert parents("flaky") == ids("flaky")
    assert parents("inner") == ids("inner")
    trace = (folder / "py").read_text().split("-")
    assert trace[1] == f"{spans['flow'][0].context.trace_id:032x}" == trace_id("one")
    assert trace[3] == "01"


def test_a_trace_around_jobc_is_gone_on_with(run: Any) -> None:
    outer = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    spans, folder = run(TRACEPARENT=outer)
    (flow,) = spans["flow"]
    assert f"{flow.context.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
    assert f"{flow.parent.span_id:016x}" == "b7ad6b7169203331"
    assert (folder / "py").read_text().startswith("00-0af7651916cd43dd8448eb211c80319c-")


def test_a_trace_that_is_not_sampled_stays_so(run: Any) -> None:
    spans, folder = run(TRACEPARENT="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")
    assert spans == {}
    assert (folder / "py").read_text().endswith("-00")


def test_names_of_spans_follow_from_what_they_stand_for() -> None:
    assert traceparent("a" * 32 + "-01", "run", "job", 0, 1, "stage", 1) == traceparent(
        "a" * 32 + "-01", "run", "job", 0, 1, "stage", 1
    )
    assert span_id("a" * 32, "x", "y") != span_id("a" * 32, "xy")
    assert len(trace_id("one")) == 32


@pytest.mark.parametrize(
    ("setting", "environ", "answer"),
    [
        (None, {}, False),
        (True, {}, True),
        (False, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, False),
        (None, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, None),
        (None, {"OTEL_TRACES_EXPORTER": "otlp"}, None),
        (None, {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, False),
        (True, {"OTEL_SDK_DISABLED": "true"}, False),
        (None, {"OTEL_SERVICE_NAME": "x"}, False),
    ],
)
def test_when_traces_are_wanted(setting: bool | None, environ: dict[str, str], answer: bool | None) -> None:
    assert wanted(setting, environ) is answer


def test_a_missing_library_is_said_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [each for each in sys.modules if each.startswith("opentelemetry.sdk")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(UsageError, match="tracing needs a library that is missing") as caught:
        Tracing({}, "1")
    assert "pip install 'jobc[otel]'" in (caught.value.help or "")


class Collector:
    """An OTLP receiver over HTTP."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.resources: list[dict[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.status = 200
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                message = ExportTraceServiceRequest.FromString(body)
                collector.headers.append({k.lower(): v for k, v in self.headers.items()})
                for resource in message.resource_spans:
                    attributes = {each.key: each.value.string_value for each in resource.resource.attributes}
                    collector.resources.append(attributes)
                    for scope in resource.scope_spans:
                        collector.spans.extend(scope.spans)
                self.send_response(collector.status)
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def collector() -> Any:
    made = Collector()
    yield made
    made.server.shutdown()
    made.server.server_close()


def jobc(folder: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JOBC_", "OTEL_"))}
    return subprocess.run(
        [sys.executable, "-m", "jobc", *words],
        cwd=folder, env={**kept, **environ}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_spans_arrive_at_a_collector(tmp_path: Path, collector: Collector) -> None:
    (tmp_path / "flow.job.yml").write_text(
        "name: flow\njobs: {a: {stages: [{id: s, bash: 'echo $TRACEPARENT > t'}]}}"
    )
    done = jobc(
        tmp_path, "run", "flow.job.yml", "--run-id", "one",
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        OTEL_EXPORTER_OTLP_HEADERS="x-tenant=data",
        OTEL_RESOURCE_ATTRIBUTES="deployment.environment=test",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(span.name for span in collector.spans) == ["a", "a", "flow", "s"]
    assert collector.headers[0]["x-tenant"] == "data"
    assert collector.resources[0]["service.name"] == "jobc"
    assert collector.resources[0]["deployment.environment"] == "test"
    (stage,) = [span for span in collector.spans if span.name == "s"]
    assert (tmp_path / "t").read_text().split("-")[2] == stage.span_id.hex()


def test_a_collector_that_refuses_or_is_absent_changes_no_result(
    tmp_path: Path, collector: Collector
) -> None:
    (tmp_path / "flow.job.yml").write_text("jobs: {a: {stages: [{echo: hello}]}}")
    collector.status = 400
    done = jobc(tmp_path, "run", "flow.job.yml", JOBC_OTEL="1", OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    assert done.returncode == 0
    assert "warning: the traces of this run are not complete" in done.stderr
    assert "400" in done.stderr
    done = jobc(
        tmp_path, "run", "flow.job.yml", JOBC_OTEL="1", OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9"
    )
    assert done.returncode == 0
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


def test_without_being_asked_nothing_is_imported(tmp_path: Path) -> None:
    (tmp_path / "flow.job.yml").write_text("jobs: {a: {stages: [{echo: hello}]}}")
    program = (
        "import sys\nfrom jobc.cli.main import main\ncode = main(sys.argv[1:])\n"
        "print([name for name in sys.modules if name.startswith(('opentelemetry', 'jobc.report', 'urllib.request'))])\n"
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JOBC_", "OTEL_"))}
    done = subprocess.run(
        [sys.executable, "-c", program, "run", "flow.job.yml", "-q"],
        cwd=tmp_path, env=kept, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[]", done.stdout + done.stderr
