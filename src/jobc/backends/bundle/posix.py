"""One task as a POSIX shell script, for images without Python (busybox will do).

Only jobs of bash, empty and raise stages can be lowered. What is known before the task starts (parameters, matrix, needs,
`env`) is evaluated here; what is known only while it runs stays in the script as a shell word:

    secrets.NAME              a variable that is not exported, with what JOBC_SECRET_NAME held in the environment
    stages.ID.outputs.NAME    jobc_output, which reads what that stage wrote to $JOBC_OUTPUT
    stages.ID.result          a variable
    job.status, success() …   tests of the variables in which the script keeps count

Anything else that depends on them is `Impossible`, with the place in the jobs file: the script never guesses. Scripts of
stages are what they are in any environment, in files of their own, with their values in variables; `bash` runs them where
the image has it, else `sh`. A value that stands unquoted there is an array elsewhere; here, where it is known how many items
it has, it is that many variables, which every shell has.

The script tells what happens as events, a JSON object a line, marked by $JOBC_MARK so that no line of a log can pass for
one; `posix_result` reads the file that it writes at its end. Logs are not masked: whoever reads them does that.
"""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from jobc.backends.bundle.posix_runtime import PREAMBLE
from jobc.interpreter.api import Cancellation, TriggerOutcome
from jobc.interpreter.containers import Containers
from jobc.interpreter.contexts import JobState, Scope, StageFailure
from jobc.interpreter.durations import seconds
from jobc.interpreter.launcher import FreshLauncher
from jobc.interpreter.reasons import calls_status, show
from jobc.interpreter.slots import VALUE_BOUND, Delivery, SlotProblem
from jobc.interpreter.stages.retry import Policy
from jobc.interpreter.taskfile import TaskFile
from jobc.interpreter.values import EvaluationError, to_text
from jobc.ir.program import BashStage, CodeIndex, EmptyStage, NamedCodes, Program, RaiseStage, Script, Stage

#: Where no file can be made: what is too large for a variable is refused.
_NOWHERE = "/dev/null/jobc"
_TOO_LARGE = "a value is too large for a variable, so it needs Python where the task runs"

#: A text of which parts are known only at run time: (whether it is such a part, text or shell word).
Piece = tuple[bool, str]


class Impossible(Exception):
    """The task cannot be a shell script; `path` and `line` say where that stands in the jobs file."""

    def __init__(self, message: str, path: str, line: int) -> None:
        super().__init__(message)
        self.path = path
        self.line = line


def lower_task(program: Program, task: TaskFile) -> str:
    """The script of `task`. Secrets are read from the environment only. Raises Impossible."""
    return _Lowering(program, task).script()


class NoHost:
    """Nothing is run here."""

    def emit(self, event: Mapping[str, Any]) -> None:
        raise AssertionError(event)

    def now(self) -> Any:
        raise EvaluationError("the time is known only where the task runs")

    def trigger(
        self, workflow: int, params: Mapping[str, Any], stage: str, cancellation: Cancellation
    ) -> TriggerOutcome:
        raise AssertionError(stage)

    def containers(self) -> Containers:
        raise AssertionError


class _Lowering:
    def __init__(self, program: Program, task: TaskFile) -> None:
        self.program = program
        self.task = task
        self.job = program.workflows[task.workflow].jobs[task.job]
        self.state = JobState(
            program,
            program.workflows[task.workflow],
            self.job,
            task.inputs,
            NoHost(),
            Cancellation(),
            FreshLauncher(),
        )
        self.scope = Scope(self.state, "", dict(task.inputs.env), {}, self.state.cancellation)
        self.secrets = {value: name for name, value in task.inputs.secrets.items() if value}
        #: stage id → its number in the script, for the stages before the one at hand.
        self.earlier: dict[str, int] = {}
        #: Variables of `env` that are known only at run time.
        self.late: set[str] = set()

    def script(self) -> str:
        if self.job.artifacts or self.job.placed:
            raise self._impossible("artifacts need Python where the task runs", self.job.span)
        workflow = self.program.workflows[self.task.workflow].name
        lines = [
            "#!/bin/sh",
            f"# Job `{_comment(self.job.id)}` of workflow `{_comment(workflow)}`, task {_comment(self.task.name)}.",
            PREAMBLE,
            f"jobc_grace={math.ceil(self.task.inputs.grace)}",
            f"jobc_limit={_limit(self.task.timeout)}",
            *self._take_secrets(),
            f"jobc_begin_task {shlex.quote(self.task.name)}",
        ]
        lines += self._env(self.task.inputs.env)
        for number, stage in enumerate(self.job.stages):
            lines += ["", *self._stage(number, stage)]
            if stage.id is not None:
                self.earlier[stage.id] = number
        return "\n".join([*lines, "", "jobc_end_task", ""])

    def _take_secrets(self) -> list[str]:
        """Take the secrets out of the environment, so that they reach only the stages that name them."""
        lines = []
        for name in self.task.inputs.secrets:
            outer = _outer_variable(name)
            lines.append(f'jobc_need {outer} "${{{outer}+set}}" {shlex.quote(name)}')
            lines.append(f"{_secret_variable(name)}=${outer}")
            lines.append(f"unset {outer}")
        return lines

    def _env(self, env: Mapping[str, str]) -> list[str]:
        run = self.task.inputs.run
        fixed = {
            "JOBC_RUN_ID": str(run.get("id") or ""),
            "JOBC_JOB": self.job.id,
            "JOBC_ATTEMPT": str(run.get("attempt") or 1),
        }
        return [f"export {name}={self._known(value)}" for name, value in {**env, **fixed}.items()]

    def _stage(self, number: int, stage: Stage) -> list[str]:
        path = stage.id or str(number)
        place, line = self.program.place(stage.span)
        if not isinstance(stage, (BashStage, EmptyStage, RaiseStage)):
            raise self._impossible(f"a `{stage.kind}` stage needs Python where the task runs", stage.span)
        name = path if stage.name is None else self._text(stage.name) or path
        facts = {"stage": path, "id": stage.id, "name": name}
        test, skipped = self._condition(stage)
        tolerated = stage.continue_on_error is not None and self._static(stage.continue_on_error)
        if not isinstance(tolerated, bool):
            raise self._impossible("`continue-on-error` must be true or false", stage.span)
        if test == "jobc_false" and stage.condition is not None and not skipped:
            skipped = "its condition is false"
        lines = [f"# {_comment(path)} ({_comment(place)}:{line})"]
        lines.append(f"jobc_stage {number} {shlex.quote(path)} {shlex.quote(json.dumps(facts)[1:-1])}")
        lines.append(f"jobc_tolerated={int(tolerated)}")
        lines.append(f"jobc_read={int(self._is_read(stage.id))}")
        lines.append(f"if {test}; then")
        lines += self._attempts(stage, path)
        lines += ["jobc_run", "else", f"jobc_skip {shlex.quote(skipped)}", "fi"]
        return lines

    def _is_read(self, id: str | None) -> bool:
        """Whether a stage's outputs are read while the task runs: then they must be texts."""
        return id is not None and any(_mentions(code.tree, id) for code in self.program.codes)

    def _attempts(self, stage: Stage, path: str) -> list[str]:
        before = self.scope.env, set(self.late)
        env = self._stage_env(stage.env)
        if stage.retry is not None:
            for code in (stage.retry.attempts, stage.retry.delay, stage.retry.max_delay, stage.retry.jitter):
                if code is not None:
                    self._static(code)
            if stage.retry.jitter is not None:
                raise self._impossible("a retry with jitter needs Python where the task runs", stage.span)
        policy = self._policy(stage)
        waits = [
            f"{number}) sleep {math.ceil(policy.wait(number))} ;;" for number in range(1, policy.further + 1)
        ]
        limit = None if stage.timeout is None else seconds(self._static(stage.timeout))
        body = self._body(stage)
        self.scope.env, self.late = before
        return [
            f"jobc_further={policy.further}",
            f"jobc_stage_limit={_limit(limit)}",
            "jobc_wait() { case $1 in " + " ".join([*waits, "*) : ;;"]) + " esac; }",
            "jobc_covers() { " + self._covers(stage) + "; }",
            "jobc_body() {",
            f"export JOBC_STAGE={shlex.quote(path)}",
            *env,
            *body,
            "}",
        ]

    def _policy(self, stage: Stage) -> Policy:
        try:
            return Policy(stage.retry, self.scope)
        except StageFailure as failure:
            raise self._failed(failure) from None

    def _covers(self, stage: Stage) -> str:
        on = stage.retry.on if stage.retry is not None else []
        if not on:
            return ":"
        names = {"exit": "x", "timeout": "t", "signal": "s"}
        for entry in on:
            if not isinstance(entry, int) and entry not in names:
                raise self._impossible(f"a retry on `{entry}` needs Python where the task runs", stage.span)
        patterns = [str(entry) if isinstance(entry, int) else names[str(entry)] for entry in on]
        case = f"{'|'.join(patterns)}) return 0 ;; esac"
        return f"case $1 in {case}; case $2 in {case}; return 1"

    def _stage_env(self, codes: NamedCodes) -> list[str]:
        lines: list[str] = []
        env = dict(self.scope.env)
        self.scope.env = env
        for name, code in codes:
            pieces = self._pieces(self.program.codes[code].tree, code)
            lines += self._assign(name, pieces, export=True)
            if any(late for late, _ in pieces):
                self.late.add(name)
                env.pop(name, None)
            else:
                self.late.discard(name)
                env[name] = "".join(text for _, text in pieces)
        return lines

    def _body(self, stage: Stage) -> list[str]:
        if isinstance(stage, BashStage):
            return self._bash(stage)
        if isinstance(stage, RaiseStage):
            pieces = self._pieces(self.program.codes[stage.message].tree, stage.message)
            raised = 'printf %s "$jobc_text" > "$jobc_dir/$jobc_number.raised"'
            return [*self._assign("jobc_text", pieces), raised, "exit 1"]
        assert isinstance(stage, EmptyStage)
        lines = []
        if stage.echo is not None:
            pieces = self._pieces(self.program.codes[stage.echo].tree, stage.echo)
            lines += [*self._assign("jobc_text", pieces), "printf '%s\\n' \"$jobc_text\""]
        pause = 0 if stage.sleep is None else math.ceil(seconds(self._static(stage.sleep)))
        return [*lines, f"exec sleep {pause}" if pause else "exit 0"]

    def _bash(self, stage: BashStage) -> list[str]:
        try:
            words = ["bash"] if stage.shell is None else shlex.split(to_text(self._static(stage.shell)))
        except ValueError as error:
            raise self._impossible(f"`shell` is no command: {error}", stage.span) from None
        if words not in (["bash"], ["sh"]):
            raise self._impossible(
                f"`shell: {shlex.join(words)}` needs Python where the task runs; `bash` and `sh` do not",
                stage.span,
            )
        lines, text = self._slots(stage.script)
        end = "JOBC_END"
        while end in text.split("\n"):
            end += "_"
        lines.append(f"cat > \"$jobc_dir/$jobc_number.script\" <<'{end}'")
        return [*lines, text, end, f"jobc_script {words[0]}"]

    def _slots(self, script: Script) -> tuple[list[str], str]:
        """(assignments, the script's text without arrays)."""
        lines: list[str] = []
        text = script.text.removesuffix("\n")
        delivery = Delivery(_NOWHERE, "bash")
        for slot in script.slots:
            code = self.program.codes[slot.code]
            is_late = self._is_late(code.tree)
            if slot.use == "word" or (slot.use == "words" and is_late):
                pieces = self._pieces(code.tree, slot.code)
                if sum(len(piece.encode("utf-8", "surrogateescape")) for _, piece in pieces) > VALUE_BOUND:
                    raise self._impossible(_TOO_LARGE, code.span)
                lines += self._assign(slot.name, pieces, export=True)
                # A text known at run time, unquoted: one word.
                text = text.replace(f"${{{slot.name}[@]}}", f"${{{slot.name}}}")
                continue
            if is_late:
                raise self._impossible(
                    "a number known only at run time stands in arithmetic, which needs Python there",
                    code.span,
                )
            try:
                getattr(delivery, slot.use)(slot.name, self._static(slot.code))
            except SlotProblem as problem:
                raise self._impossible(str(problem), code.span) from None
            except OSError:
                raise self._impossible(_TOO_LARGE, code.span) from None
            if slot.use != "integer":
                count = int(delivery.env.pop(f"{slot.name}_N"))
                if count > 1 and "IFS" in text and f"${{{slot.name}[*]}}" in text:
                    raise self._impossible("a list is joined by $IFS, which needs Python there", code.span)
                text = _spread(text, slot.name, count)
        lines += [f"export {name}={self._known(value)}" for name, value in delivery.env.items()]
        return lines, text

    # Expressions

    def _condition(self, stage: Stage) -> tuple[str, str]:
        """(a shell command that succeeds where the stage runs, why it does not run)."""
        tree = True if stage.condition is None else self.program.codes[stage.condition].tree
        test = "jobc_true" if tree is True else self._test(tree, stage.condition)
        if not calls_status(tree):
            test = f"jobc_going && {{ {test}; }}"
        reason = "" if tree is True else f"condition `{show(tree)}` is false"
        return test, reason

    def _test(self, tree: Any, code: CodeIndex | None) -> str:
        assert code is not None
        if not self._is_late(tree):
            value = self._evaluated(tree, code)
            if not isinstance(value, bool):
                raise self._impossible("a condition must be true or false", self.program.codes[code].span)
            return "jobc_true" if value else "jobc_false"
        op = tree[0]
        if op in ("and", "or"):
            joined = "&&" if op == "and" else "||"
            return f"{{ {self._test(tree[1], code)} {joined} {self._test(tree[2], code)}; }}"
        if op == "not":
            return f"! {self._test(tree[1], code)}"
        if op == "call" and tree[1] in ("success", "failure", "cancelled", "always"):
            return f"jobc_{tree[1]}"
        if op in ("==", "!="):
            sides = [self._word(self._comparable(part, code)) for part in tree[1:]]
            return f"[ {sides[0]} {'=' if op == '==' else '!='} {sides[1]} ]"
        raise self._too_late(tree, code)

    def _comparable(self, tree: Any, code: CodeIndex) -> list[Piece]:
        """Where texts alone are compared, shell and language agree; an output that is missing is no empty text."""
        if self._is_late(tree):
            return self._pieces(tree, code)
        value = self._evaluated(tree, code)
        if not isinstance(value, str) or not value:
            raise self._too_late(tree, code)
        return [(False, value)]

    def _pieces(self, tree: Any, code: CodeIndex) -> list[Piece]:
        """A text, cut where it holds what is known only at run time."""
        if not self._is_late(tree):
            try:
                text = to_text(self._evaluated(tree, code))
            except EvaluationError as error:
                raise self._impossible(str(error), self.program.codes[code].span) from None
            if "\0" in text:
                raise self._impossible("the text holds a NUL character", self.program.codes[code].span)
            return [(False, text)]
        if tree[0] == "text":
            return [piece for part in tree[1:] for piece in self._pieces(part, code)]
        return [(True, self._atom(tree, code))]

    def _atom(self, tree: Any, code: CodeIndex) -> str:
        keys: list[str] = []
        inner = tree
        while isinstance(inner, list) and inner[0] == "get":
            keys.insert(0, inner[2])
            inner = inner[1]
        if isinstance(inner, list) and inner[0] == "name":
            keys.insert(0, inner[1])
        if len(keys) == 2 and keys[0] == "secrets":
            return f"jobc_secret {_secret_variable(keys[1])}"
        if len(keys) == 2 and keys[0] == "env":
            return f'printf %s "${{{keys[1]}}}"'
        if keys == ["job", "status"]:
            return "jobc_status"
        if keys[:1] == ["stages"] and len(keys) > 2 and keys[1] in self.earlier:
            number = self.earlier[keys[1]]
            if keys[2:] == ["result"]:
                return f'printf %s "$jobc_status_{number}"'
            if len(keys) == 4 and keys[2] == "outputs":
                return f"jobc_output {number} {shlex.quote(keys[3])}"
        raise self._too_late(tree, code)

    def _is_late(self, tree: Any) -> bool:
        if not isinstance(tree, list) or not tree:
            return False
        if tree[0] == "name":
            return tree[1] in ("stages", "secrets", "job")
        if tree == ["get", ["name", "run"], "started_at"]:
            return "started_at" not in self.task.inputs.run
        if tree[0] == "get" and tree[1] == ["name", "env"]:
            return tree[2] in self.late
        if tree[0] == "name" and tree[1] == "env":
            return bool(self.late)
        if tree[0] == "get" and tree[1] == ["name", "job"] and tree[2] == "id":
            return False
        if tree[0] == "call" and tree[1] in (
            "success",
            "failure",
            "cancelled",
            "datetime.now",
            "hashFiles",
            "env",
        ):
            return True
        return any(self._is_late(part) for part in tree[1:])

    def _static(self, code: CodeIndex) -> Any:
        tree = self.program.codes[code].tree
        if self._is_late(tree):
            raise self._too_late(tree, code)
        return self._evaluated(tree, code)

    def _evaluated(self, tree: Any, code: CodeIndex) -> Any:
        from jobc.interpreter.evaluator import evaluate

        try:
            return evaluate(tree, self.scope.environment())
        except EvaluationError as error:
            raise self._impossible(str(error), self.program.codes[code].span) from None

    def _text(self, code: CodeIndex) -> str:
        return to_text(self._static(code))

    # Shell text

    def _assign(self, name: str, pieces: Iterable[Piece], *, export: bool = False) -> list[str]:
        """`name` becomes the text. A command substitution drops newlines at its end, so an `x` holds them."""
        lines, parts = [], []
        for number, (late, text) in enumerate(pieces):
            if not late:
                parts.append(self._known(text))
                continue
            lines.append(f"jobc_p{number}=$({text} && printf x) || jobc_unknown")
            parts.append(f'"${{jobc_p{number}%x}}"')
        return [*lines, f"{'export ' if export else ''}{name}={''.join(parts) or chr(39) * 2}"]

    def _word(self, pieces: list[Piece]) -> str:
        return "".join(self._known(text) if not late else f'"$({text})"' for late, text in pieces)

    def _known(self, text: str) -> str:
        """A text in the script; where it holds the value of a secret, the variable stands in its place."""
        for value, name in sorted(self.secrets.items(), key=lambda item: -len(item[0])):
            if value in text:
                return f'"${{{_secret_variable(name)}}}"'.join(
                    self._known(part) for part in text.split(value)
                )
        return shlex.quote(text) if text else ""

    def _impossible(self, message: str, span: int) -> Impossible:
        return Impossible(message, *self.program.place(span))

    def _failed(self, failure: StageFailure) -> Impossible:
        error = failure.error
        return Impossible(error.message, error.path or "", error.line or 0)

    def _too_late(self, tree: Any, code: CodeIndex) -> Impossible:
        return self._impossible(
            f"`{show(tree)}` can only be evaluated while the task runs, which needs Python there",
            self.program.codes[code].span,
        )


def _mentions(tree: Any, id: str) -> bool:
    """Whether an expression reads outputs of the stage `id`."""
    if not isinstance(tree, list):
        return False
    if tree[:1] == ["get"] and tree[2:] == ["outputs"] and tree[1] == ["get", ["name", "stages"], id]:
        return True
    return any(_mentions(part, id) for part in tree)


def _spread(text: str, name: str, count: int) -> str:
    """A script in which the array `name`, of `count` items, is written as that many variables."""
    items = [f"${{{name}_{number}}}" for number in range(count)]
    text = text.replace(f'"${{{name}[@]}}"', " ".join(f'"{item}"' for item in items))
    return text.replace(f"${{{name}[*]}}", " ".join(items))


def _outer_variable(name: str) -> str:
    """The variable of the environment that a secret comes in."""
    return "JOBC_SECRET_" + name.upper().replace("-", "_")


def _secret_variable(name: str) -> str:
    """The script's own variable for it."""
    return "jobc_secret_" + name.upper().replace("-", "_")


def _limit(limit: float | None) -> str:
    """Whole seconds, for `sleep`; nothing where there is no limit."""
    return "" if limit is None else str(max(1, math.ceil(limit)))


def _comment(text: str) -> str:
    return " ".join(text.split())
