"""What watches a run beside its display: hooks and traces, as the settings want them.

Everything about a hook that can be wrong is said before anything runs: at 3 a.m. is no time to learn that the variable
with the token has another name.

    [[hooks]]
    on = ["run-ended"]                       events
    when = "status == 'failed'"              an expression over the event's fields
    webhook = "${{ secrets.SLACK_URL }}"     or: command = ["notify", "--team", "data"]
    body = "slack"                           or "json", the default
    headers = {Authorization = "Bearer ${{ env.TOKEN }}"}
    timeout = "10s"
    retries = 3
    backoff = "1s"
    triggered = false                        also events of runs that the run triggers
    name = "slack"                           how it is called in messages
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from jobc.errors import InternalError, UsageError

if TYPE_CHECKING:
    from jobc.cli.context import Context
    from jobc.engine.control import Control
    from jobc.engine.observers.hooks import Hook, Hooks
    from jobc.engine.observers.telemetry import Tracing
    from jobc.engine.options import Options
    from jobc.engine.signals import Interrupts

EVENTS = (
    "run-started",
    "run-waiting",
    "run-cancelling",
    "run-ended",
    "job-ready",
    "job-waiting",
    "job-started",
    "job-ended",
    "combination-started",
    "cache",
    "combination-ended",
    "stage-started",
    "stage-retrying",
    "stage-ended",
    "log",
)
KEYS = (
    "backoff",
    "body",
    "command",
    "headers",
    "name",
    "on",
    "retries",
    "timeout",
    "triggered",
    "webhook",
    "when",
)
#: What a condition may name: fields of events, and of the run.
FIELDS = frozenset(
    [
        "event",
        "time",
        "run",
        "job",
        "combination",
        "stage",
        "status",
        "reason",
        "error",
        "attempt",
        "attempts",
        "duration_s",
        "outputs",
        "workflow",
        "file",
        "parent",
        "params",
        "jobs",
        "needs",
        "triggered_by",
        "combinations",
        "matrix",
        "retried_in_s",
        "id",
        "name",
        "before",
        "stream",
        "text",
        "failures",
    ]
)
_HOLE = re.compile(r"\$\{\{\s*(?:(env|secrets)\.([A-Za-z_][A-Za-z0-9_-]*)|([^}]*))\s*\}\}")


class Observers:
    """Takes a run's events for its hooks and its traces.

    A context manager; leaving it waits for them, as `interrupts` let it, and says what went wrong.
    """

    def __init__(
        self,
        hooks: Hooks | None,
        tracing: Tracing | None,
        context: Context,
        control: Control,
        interrupts: Interrupts,
    ) -> None:
        self._hooks = hooks
        self._tracing = tracing
        self._context = context
        self._control = control
        self._interrupts = interrupts
        self._error: Exception | None = None

    def listener(self, display: Callable[[Any], None] | None) -> Callable[[Any], None] | None:
        """What takes the run's events for hooks, traces and `display`.

        A display that fails (a closed pipe) ends the run; hooks and traces see it to its end. `check` then
        raises what it raised.
        """
        watchers = [each.take for each in (self._tracing, self._hooks) if each is not None]
        if not watchers:
            return display

        def take(event: Any) -> None:
            for each in watchers:
                each(event)
            if display is not None and self._error is None:
                try:
                    display(event)
                except Exception as error:  # noqa: BLE001 - `check` raises it when the run has ended
                    self._error = error
                    self._control.cancel("nothing takes the run's events any more")

        return take

    def check(self) -> None:
        if self._error is not None:
            raise self._error

    def __enter__(self) -> Observers:
        return self

    def __exit__(self, *exception: object) -> None:
        said = self._context.stderr
        self._context.stdout.flush()
        wait = self._interrupts.wait
        if self._hooks is not None:
            self._hooks.close(lambda over, seconds: wait(over, seconds, self._tell_of_hooks))
            for failure in self._hooks.failures[:10]:
                tries = "" if failure.attempts < 2 else f" after {failure.attempts} attempts"
                said.write(
                    f"warning: hook `{failure.hook}` failed on {failure.event}{tries}: {failure.message}\n"
                    "help: the run's result is not changed by it; `jobc runs show` lists it\n"
                )
            if len(self._hooks.failures) > 10:
                said.write(f"warning: {len(self._hooks.failures) - 10} more deliveries of hooks failed\n")
        if self._tracing is not None:
            self._tracing.close(
                lambda over, seconds: wait(over, seconds, self._tell_of_traces), self._control.wake
            )
            if self._tracing.trouble is not None:
                said.write(f"warning: the traces of this run are not complete: {self._tracing.trouble}\n")

    def _tell_of_hooks(self, seconds: float) -> None:
        assert self._hooks is not None
        names = [f"`{name}` ({open} to deliver)" for name, open in self._hooks.waiting]
        what = "hook " + names[0] if len(names) == 1 else "hooks " + ", ".join(names)
        self._tell_of_the_wait(what, seconds)

    def _tell_of_traces(self, seconds: float) -> None:
        self._tell_of_the_wait("the run's traces to be sent", seconds)

    def _tell_of_the_wait(self, what: str, seconds: float) -> None:
        said = self._context.stderr
        said.write(
            f"interrupted: the run has ended; waiting for {what}, {seconds:.0f} s at most\n"
            "help: interrupt again to end at once\n"
        )
        said.flush()


def observers(options: Options, context: Context, interrupts: Interrupts) -> Observers:
    """What the settings ask for; the options are told of the trace. Raises UsageError."""
    hooks = tracing = None
    if context.config.hooks:
        from jobc.engine.observers.hooks import Hooks

        made = [
            _Reader(table, number, options, context).hook()
            for number, table in enumerate(context.config.hooks, start=1)
        ]
        hooks = Hooks(made, options.journal, options.control.wake)
    if context.config.otel or any(name.startswith("OTEL_") for name in options.environ):
        tracing = _tracing(options, context)
    return Observers(hooks, tracing, context, options.control, interrupts)


def _tracing(options: Options, context: Context) -> Tracing | None:
    from jobc import __version__
    from jobc.engine.observers.telemetry import Tracing, wanted

    asked = wanted(context.config.otel, options.environ)
    if asked is False:
        return None
    try:
        tracing = Tracing(options.environ, __version__)
    except UsageError:
        if asked is None:  # the variables are there for others, too
            return None
        raise
    options.trace = tracing.trace
    return tracing


class _Reader:
    """Reads one table of `hooks`."""

    def __init__(self, table: Mapping[str, Any], number: int, options: Options, context: Context) -> None:
        self._table = table
        self._where = f"{context.config.path or 'the settings'}: hook {number}"
        self._environ = options.environ
        self._given = options.secrets
        self._root = context.root
        self._secrets: dict[str, str] = {}

    def hook(self) -> Hook:
        from jobc.cli.nearest import did_you_mean
        from jobc.engine.observers.hooks import Hook, slack
        from jobc.interpreter.masking import Masker

        table = self._table
        for key in table:
            if key not in KEYS:
                raise self._wrong(
                    f"there is no key `{key}`", did_you_mean(key, KEYS, "the keys are: " + ", ".join(KEYS))
                )
        target, name = self._target()
        name = self._text("name", name)
        body = self._text("body", "json")
        if body not in ("json", "slack"):
            raise self._wrong(f"`body` is {body!r}", "it must be json or slack")
        retries = table.get("retries", 3 if "webhook" in table else 0)
        if type(retries) is not int or not 0 <= retries <= 20:
            raise self._wrong(f"`retries` is {retries!r}", "it must be a whole number from 0 to 20")
        triggered = table.get("triggered", False)
        if not isinstance(triggered, bool):
            raise self._wrong(f"`triggered` is {triggered!r}", "it must be true or false")
        return Hook(
            name,
            self._events(),
            target,
            body=slack if body == "slack" else lambda payload: payload,
            when=self._condition(),
            mask=Masker(self._secrets).mask,
            timeout=self._seconds("timeout", 10.0),
            retries=retries,
            backoff=self._seconds("backoff", 1.0),
            triggered=triggered,
        )

    def _wrong(self, message: str, remedy: str) -> UsageError:
        return UsageError(f"{self._where}: {message}", help=remedy)

    def _text(self, key: str, default: str) -> str:
        value = self._table.get(key, default)
        if not isinstance(value, str) or not value:
            raise self._wrong(f"`{key}` is {value!r}", "it must be a text")
        return value

    def _seconds(self, key: str, default: float) -> float:
        from jobc.interpreter.durations import seconds

        try:
            found = seconds(self._table.get(key, default))
        except ValueError as error:
            raise self._wrong(f"`{key}`: {error}", "such as 10s") from None
        if found == 0 and key == "timeout":
            raise self._wrong("`timeout` is 0", "such as 10s")
        return found

    def _events(self) -> frozenset[str]:
        from jobc.cli.nearest import did_you_mean

        on = self._table.get("on", ["run-ended"])
        on = [on] if isinstance(on, str) else on
        if not isinstance(on, list) or not on:
            raise self._wrong(f"`on` is {on!r}", 'it must be a list of events, such as ["run-ended"]')
        for event in on:
            if event not in EVENTS:
                remedy = did_you_mean(str(event), EVENTS, "events are: " + ", ".join(EVENTS))
                raise self._wrong(f"there is no event `{event}`", remedy)
        return frozenset(on)

    def _target(self) -> tuple[Any, str]:
        """The target, and how it is called where it has no name."""
        from urllib.parse import urlsplit

        from jobc.engine.observers.hook_delivery import Command, Webhook
        from jobc.engine.secrets import without_secrets

        command, url = self._table.get("command"), self._table.get("webhook")
        if (command is None) == (url is None):
            raise self._wrong(
                "it needs `command` or `webhook`, one of the two", 'such as command = ["./notify.sh"]'
            )
        if command is not None:
            if (
                not isinstance(command, list)
                or not command
                or not all(isinstance(each, str) for each in command)
            ):
                raise self._wrong(
                    f"`command` is {command!r}", 'it must be a list of texts, such as ["./notify.sh"]'
                )
            if "headers" in self._table:
                raise self._wrong("a command takes no `headers`", "set variables in the environment instead")
            if os.sep in command[0]:
                command = [os.path.join(self._root, command[0]), *command[1:]]
            return Command(command, without_secrets(self._environ), self._root), os.path.basename(command[0])
        url = self._filled("webhook", url)
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise self._wrong(
                "`webhook` is no http or https URL", "such as https://hooks.slack.com/services/…"
            )
        headers = self._table.get("headers", {})
        if not isinstance(headers, dict):
            raise self._wrong(
                f"`headers` is {headers!r}", 'it must be a table, such as {Authorization = "…"}'
            )
        sent = {}
        for name, value in headers.items():
            sent[name] = self._filled(f"headers.{name}", value)
            if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or re.search(r"[\r\n\0]", sent[name]):
                raise self._wrong(f"the header `{name}` cannot be sent", "a header is one line of plain text")
        return Webhook(url, sent), parts.hostname

    def _filled(self, key: str, value: object) -> str:
        """Text with its `${{ env.X }}` and `${{ secrets.X }}` put in."""
        if not isinstance(value, str) or not value:
            raise self._wrong(f"`{key}` is {value!r}", "it must be a text")

        def fill(match: re.Match[str]) -> str:
            context, name, other = match.groups()
            if other is not None:
                raise self._wrong(
                    f"`{key}` holds `{match[0]}`",
                    "only ${{ env.NAME }} and ${{ secrets.NAME }} can stand there",
                )
            if context == "env":
                found, remedy = self._environ.get(name), f"set the environment variable {name}"
            else:
                shouted = name.upper().replace("-", "_")
                found = self._given.get(
                    name,
                    self._environ.get(f"JOBC_SECRET_{name}", self._environ.get(f"JOBC_SECRET_{shouted}")),
                )
                remedy = f"set JOBC_SECRET_{name}, or put {name}=… into a file for --secrets-file"
            if found is None:
                raise self._wrong(f"`{key}` needs `{context}.{name}`, which is not set", remedy)
            self._secrets[f"{key} {name}"] = found
            return found

        return _HOLE.sub(fill, value)

    def _condition(self) -> Callable[[dict[str, Any]], bool]:
        if "when" not in self._table:
            return lambda fields: True
        from jobc.cli.nearest import did_you_mean
        from jobc.interpreter.evaluator import Environment, EvaluationError, evaluate
        from jobc.lower.codes import lower_expr
        from jobc.syntax.expression_errors import ExpressionSyntaxError
        from jobc.syntax.expressions import parse_text

        text = self._text("when", "")
        inner = re.fullmatch(r"\s*\$\{\{(.*)\}\}\s*", text, re.DOTALL)
        try:
            tree = lower_expr(parse_text(inner[1] if inner else text))
        except ExpressionSyntaxError as error:
            raise self._wrong(
                f"`when`: {error.message}", error.help or "such as status == 'failed'"
            ) from None
        except InternalError as error:
            raise self._wrong(f"`when`: {error}", "such as status == 'failed'") from None
        for name in _names(tree):
            if name not in FIELDS:
                remedy = did_you_mean(
                    name, FIELDS, "it sees the fields of its event: " + ", ".join(sorted(FIELDS))
                )
                raise self._wrong(f"`when` names `{name}`, which no event has", remedy)

        def when(fields: dict[str, Any]) -> bool:
            contexts = {name: fields.get(name) for name in FIELDS}
            try:
                value = evaluate(tree, Environment(contexts))
            except EvaluationError as error:
                raise ValueError(str(error)) from None
            if not isinstance(value, bool):
                raise ValueError(f"it is {value!r}, not true or false")
            return value

        return when


def _names(tree: Any) -> list[str]:
    if not isinstance(tree, list):
        return []
    if tree[0] == "name":
        return [tree[1]]
    return [name for part in tree[1:] for name in _names(part)]
