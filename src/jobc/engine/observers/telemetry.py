"""OpenTelemetry traces of a run: a span for the run, each job, each attempt at a combination, each attempt at a stage.

    run ─ job ─ combination, attempt 1 ─ stage, attempt 1 ─ (spans of what the stage starts)
                                       └ stage, attempt 2 ─ stage inside it, attempt 1
                combination, attempt 2 ─ …

A triggered run is a child of the stage that triggered it; a job's span is linked to those of its needs. Spans are made from
the events of the run, so they say what events say, with secrets masked. Their ids follow from what they
stand for (`interpreter.trace`); a stage finds its own in `TRACEPARENT` without asking anybody. The trace is the one that
`TRACEPARENT` leads to where jobc itself was started inside one, else it follows from the run's id.

Nothing here may harm the run: errors of the libraries are kept as `trouble`, and sending is given up after
`FLUSH_SECONDS`. The libraries (extra `otel`) are imported when tracing begins.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from jobc.engine.observers.hooks import Wait
from jobc.engine.recorder import Event
from jobc.errors import UsageError
from jobc.interpreter.trace import span_id, trace_id
from jobc.ir.status import FAILED

#: The longest that the end of a run waits for its spans to be sent.
FLUSH_SECONDS = 5.0

_NEEDS_EXTRA = "pip install 'jobc[otel]', or switch tracing off: otel = false, or JOBC_OTEL=0"


def wanted(setting: bool | None, environ: Mapping[str, str]) -> bool | None:
    """Whether to trace: True where jobc was told to, None where the standard variables ask for it, else False."""
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or setting is False:
        return False
    if setting:
        return True
    exporter = environ.get("OTEL_TRACES_EXPORTER", "")
    names = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    asked = exporter != "none" and (exporter == "otlp" or any(environ.get(name) for name in names))
    return None if asked else False


class Tracing:
    """Takes the events of one run. `trouble` says what kept spans from being made or sent."""

    def __init__(self, environ: Mapping[str, str], version: str, exporter: Any = None) -> None:
        """Raises UsageError where the libraries are missing. `version` is jobc's; `exporter`: OTLP over HTTP where None."""
        try:
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor

            if exporter is None:
                from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

                exporter = OTLPSpanExporter()
        except ImportError as error:
            raise UsageError(
                f"tracing needs a library that is missing: {error.name}", help=_NEEDS_EXTRA
            ) from None
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self.trouble: str | None = None
        self._complaints = _Complaints(self)
        logger = logging.getLogger("opentelemetry")
        logger.addHandler(self._complaints)
        logger.propagate = False
        carrier = {
            name: environ[name.upper()] for name in ("traceparent", "tracestate") if name.upper() in environ
        }
        self._outer = TraceContextTextMapPropagator().extract(carrier)
        self._ids = _ids()
        attributes = {"service.version": version}
        if "OTEL_SERVICE_NAME" not in environ:
            attributes["service.name"] = "jobc"
        self._provider = TracerProvider(
            resource=Resource.create(attributes), id_generator=self._ids, shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("jobc", version)
        #: Open spans of runs, jobs and combinations, by their place.
        self._spans: dict[tuple[Any, ...], Any] = {}
        #: Combinations that run: the number of the attempt, and the open spans of stages by their path.
        self._combinations: dict[tuple[str, str, int], tuple[int, dict[str, Any]]] = {}
        #: Contexts of the spans of jobs that have ended, for links.
        self._jobs: dict[tuple[str, str], Any] = {}
        self._needs: dict[str, Mapping[str, list[str]]] = {}
        self._trace: str | None = None

    def trace(self) -> str | None:
        """`<id>-<flags>` of the trace, for what the run starts (`Options.trace`)."""
        return self._trace

    def take(self, event: Event) -> None:
        try:
            handle = getattr(self, "_" + event["event"].replace("-", "_"), None)
            if handle is not None:
                handle(event)
        except Exception as error:  # noqa: BLE001 - tracing must not end a run
            self.trouble = self.trouble or f"{type(error).__name__}: {error}"

    def close(self, wait: Wait, wake: Callable[[], None]) -> None:
        """End what is open, and send, `FLUSH_SECONDS` at most; `wake` is called when all is sent."""
        for _, stages in self._combinations.values():
            for span in reversed(stages.values()):
                span.end()
        for span in reversed(self._spans.values()):
            span.end()
        sent = threading.Event()

        def send() -> None:
            self._provider.shutdown()
            sent.set()
            wake()

        threading.Thread(target=send, name="jobc-tracing", daemon=True).start()
        began = time.monotonic()
        wait(sent.is_set, FLUSH_SECONDS)
        if not sent.is_set():
            took = time.monotonic() - began
            self.trouble = self.trouble or f"not all spans were sent within {took:.2g} s"
        logging.getLogger("opentelemetry").removeHandler(self._complaints)

    # Spans

    def _open(
        self, place: tuple[Any, ...], name: str, parent: Any, attributes: dict[str, Any], links: Any = ()
    ) -> Any:
        from opentelemetry.trace import set_span_in_context

        context = self._outer if parent is None else set_span_in_context(parent)
        id = parent.get_span_context().trace_id if parent is not None else self._ids.trace
        self._ids.span = int(span_id(f"{id:032x}", *place), 16)
        kept = {key: value for key, value in attributes.items() if value is not None}
        return self._tracer.start_span(name, context=context, attributes=kept, links=list(links))

    def _end(self, span: Any, event: Mapping[str, Any], at: int | None = None) -> None:
        from opentelemetry.trace import Status, StatusCode

        status, error = event.get("status"), event.get("error")
        if status is not None:
            span.set_attribute("jobc.status", status)
        reason = event.get("reason")
        if reason:
            span.set_attribute("jobc.reason", reason)
        if error:
            span.set_attribute("error.type", error["type"])
            if error.get("path"):
                span.set_attribute("code.file.path", error["path"])
                span.set_attribute("code.line.number", error["line"])
            told = {"exception.type": error["type"], "exception.message": error["message"]}
            span.add_event("exception", told, timestamp=at)
        if status == FAILED:
            span.set_status(Status(StatusCode.ERROR, reason or (error["message"] if error else None)))
        span.end(at)

    # Events

    def _run_started(self, event: Event) -> None:
        from opentelemetry.trace import format_trace_id, get_current_span

        run, by = event["run"], event["triggered_by"]
        self._needs[run] = event["needs"]
        parent = None
        if by is not None:
            parent = self._stage_around((event["parent"], by["job"], by["combination"]), by["stage"])
        elif self._trace is None:
            outer = get_current_span(self._outer).get_span_context()
            self._ids.trace = outer.trace_id if outer.is_valid else int(trace_id(run), 16)
        attributes = {
            "cicd.pipeline.name": event["workflow"],
            "cicd.pipeline.run.id": run,
            "jobc.file": event["file"],
            **{f"jobc.params.{name}": _attribute(value) for name, value in event["params"].items()},
        }
        span = self._spans[(run,)] = self._open((run,), event["workflow"], parent, attributes)
        if self._trace is None:
            context = span.get_span_context()
            self._trace = f"{format_trace_id(context.trace_id)}-{int(context.trace_flags):02x}"

    def _run_cancelling(self, event: Event) -> None:
        span = self._spans.get((event["run"],))
        if span is not None:
            span.add_event("run-cancelling", {"jobc.reason": event["reason"]})

    def _run_ended(self, event: Event) -> None:
        span = self._spans.pop((event["run"],))
        result = {"success": "success", "failed": "failure", "cancel": "cancellation", "skip": "skip"}
        span.set_attribute("cicd.pipeline.result", result[event["status"]])
        self._end(span, event)

    def _job_ready(self, event: Event) -> None:
        from opentelemetry.trace import Link

        run, job = event["run"], event["job"]
        ended = [self._jobs.get((run, need)) for need in self._needs.get(run, {}).get(job, [])]
        links = [Link(context, {"jobc.link": "needs"}) for context in ended if context is not None]
        attributes = {"cicd.pipeline.task.name": job, "cicd.pipeline.run.id": run, "jobc.job": job}
        place = (run, job)
        self._spans[place] = self._open(place, job, self._spans.get((run,)), attributes, links)

    def _job_started(self, event: Event) -> None:
        span = self._spans[(event["run"], event["job"])]
        span.add_event("job-started", {"jobc.combinations": event["combinations"]})

    def _job_ended(self, event: Event) -> None:
        place = (event["run"], event["job"])
        if place not in self._spans:  # cancelled before it was ready
            self._job_ready(event)
        span = self._spans.pop(place)
        self._jobs[place] = span.get_span_context()
        self._end(span, event)

    def _combination_started(self, event: Event) -> None:
        run, job, index, number = (event[name] for name in ("run", "job", "combination", "attempt"))
        attributes = {
            "cicd.pipeline.task.name": job,
            "cicd.pipeline.task.run.id": f"{run}.{job}.{index}.{number}",
            "jobc.job": job,
            "jobc.combination": index,
            "jobc.attempt": number,
            **{f"jobc.matrix.{name}": _attribute(value) for name, value in event["matrix"].items()},
        }
        values = ", ".join(f"{name}={value}" for name, value in event["matrix"].items())
        parent = self._spans.get((run, job))
        span = self._open(
            (run, job, index, number), f"{job} [{values}]" if values else job, parent, attributes
        )
        self._spans[(run, job, index)] = span
        self._combinations[(run, job, index)] = (number, {})

    def _combination_ended(self, event: Event) -> None:
        place = (event["run"], event["job"], event["combination"])
        _, stages = self._combinations.pop(place, (0, {}))
        for span in reversed(stages.values()):  # of a task that was left behind
            span.end()
        span = self._spans.pop(place)
        if event["retried_in_s"] is not None:
            span.add_event("retry", {"jobc.retried_in_s": event["retried_in_s"]})
        self._end(span, event)

    def _stage_started(self, event: Event) -> None:
        place = (event["run"], event["job"], event["combination"])
        number, stages = self._combinations[place]
        path, attempt, before = event["stage"], event["attempt"], event.get("before")
        if before is not None and path in stages:
            at = time.time_ns() - int(before["waited_s"] * 1e9)
            self._end(stages.pop(path), {"error": before["error"], "status": FAILED}, at)
        attributes = {
            "jobc.job": event["job"],
            "jobc.combination": event["combination"],
            "jobc.stage": path,
            "jobc.attempt": attempt,
        }
        parent = self._stage_around(place, path)
        name = event["name"] or path
        stages[path] = self._open((*place, number, path, attempt), name, parent, attributes)

    def _stage_ended(self, event: Event) -> None:
        place = (event["run"], event["job"], event["combination"])
        _, stages = self._combinations[place]
        span = stages.pop(event["stage"], None)
        if span is not None:
            self._end(span, event)
            return
        told = {"jobc.stage": event["stage"], "jobc.reason": event["reason"] or ""}
        self._stage_around(place, event["stage"]).add_event(f"stage-{event['status']}", told)

    def _stage_around(self, place: tuple[str, str, int], path: str) -> Any:
        """The open span of the stage at `path`, or of the innermost around it, or else of the combination."""
        _, stages = self._combinations[place]
        at = len(path)
        while at > 0:
            if path[:at] in stages:
                return stages[path[:at]]
            at = max(path.rfind(".", 0, at), path.rfind("[", 0, at))
        return self._spans[place]


def _attribute(value: Any) -> Any:
    """A value as spans may have it: plain, or its JSON."""
    return value if isinstance(value, (bool, int, float, str)) else json.dumps(value, ensure_ascii=False)


def _ids() -> Any:
    """What names spans: the next one is told beforehand."""
    from opentelemetry.sdk.trace.id_generator import IdGenerator

    class Ids(IdGenerator):
        trace = 0
        span = 0

        def generate_trace_id(self) -> int:
            return self.trace

        def generate_span_id(self) -> int:
            return self.span

    return Ids()


class _Complaints(logging.Handler):
    """Keeps the first thing that the libraries complain about."""

    def __init__(self, tracing: Tracing) -> None:
        super().__init__(logging.WARNING)
        self._tracing = tracing

    def emit(self, record: logging.LogRecord) -> None:
        self._tracing.trouble = self._tracing.trouble or record.getMessage()
