"""The IR: what a jobs file means, with nothing left to resolve.

A `Program` holds every workflow that a run can reach (the entry, and those that `trigger` stages
name). Expressions are `Code`s in one table, referred to by index (`CodeIndex`); places are rows of a
span table, referred to by index (`SpanIndex`). The order of everything is the file's, jobs in
topological order, so the same input gives the same bytes on every machine (see `codec`).

A code is a tree of JSON values:

    null, true, 3, 1.5, "s"         a constant
    ["list", e…]                    a list
    ["map", k, e, k, e…]            a map; keys are codes that give strings
    ["name", "params"]              a context
    ["get", e, "key"]               e.key; of a map without the key, or of null: null
    ["index", e, e]                 e[e]; past the end, a key that is missing, of null: null
    ["call", "f", e…]               a function; keywords already in their places, filters already calls
    ["method", e, "m", e…]          a method of a value (datetimes)
    ["not", e] ["neg", e]
    ["and", e, e] ["or", e, e]      short-circuit; booleans in, boolean out
    ["??", e, e]                    the second where the first is null
    ["?:", test, then, otherwise]
    ["==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not-in", e, e]
    ["+" | "-" | "*" | "/" | "%", e, e]
    ["text", e…]                    texts and values put together (LANGUAGE §4: splicing)

A list that is a constant is written as ["list", …] too: a bare JSON list is always an operation.

This module and its package use the standard library only, and run on Python 3.9.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple, Union

VERSION = 1

CodeIndex = int
SpanIndex = int

#: (file, line, column, end line, end column); lines and columns from 1, the end exclusive; file indexes Program.files.
SpanRow = Tuple[int, int, int, int, int]


class Code:
    """An expression: `tree` as above, `span` where it stands."""

    __slots__ = ("span", "tree")

    def __init__(self, tree: Any, span: SpanIndex) -> None:
        self.tree = tree
        self.span = span


class Slot:
    """A value that a script receives under `name`.

    `use` says how (LANGUAGE §5):
      `word`     bash: one word or part of one; text. The script says "${NAME}".
      `words`    bash, unquoted: a list gives one word an item, null none, else one word. The script says
                 "${NAME[@]}"; the interpreter defines NAME as an array.
      `integer`  bash, where bash itself would evaluate the text as arithmetic: must be an integer, or text of
                 decimal digits with an optional sign (a bash output is text), else the stage fails before the
                 script starts.
      `integers` bash, for a variable that bash computes with later: words of which each is an integer, as above, or
                 empty; null gives none. NAME is an array.
      `value`    python, code position: the value itself is bound to NAME.
      `text`     python, inside a string literal: the value as text. NAME stands inside the literal.
    """

    __slots__ = ("code", "name", "use")

    def __init__(self, name: str, code: CodeIndex, use: str) -> None:
        self.name = name
        self.code = code
        self.use = use


class Script:
    """A script that never changes: values reach it through `slots` alone.

    `language` is `bash` or `python`. `lines` maps script lines to YAML lines: pairs (script line, YAML line),
    both from 1, ascending; between two pairs both count on together. `file` indexes Program.files.
    A python script holds slot names as identifiers, in code position and inside string literals: the interpreter
    binds the first and rewrites the second on the parsed tree; `name` tokens occur nowhere else in it.
    """

    __slots__ = ("file", "language", "lines", "slots", "text")

    def __init__(
        self, language: str, text: str, slots: List[Slot], file: int, lines: List[Tuple[int, int]]
    ) -> None:
        self.language = language
        self.text = text
        self.slots = slots
        self.file = file
        self.lines = lines

    def yaml_line(self, line: int) -> int:
        """The YAML line of a script line."""
        best = self.lines[0]
        for pair in self.lines:
            if pair[0] > line:
                break
            best = pair
        return best[1] + max(0, line - best[0])


NamedCodes = List[Tuple[str, CodeIndex]]


class Param:
    """A declared parameter; `type` as in LANGUAGE §1 (`list`, never `array`)."""

    __slots__ = (
        "default",
        "desc",
        "enum",
        "has_default",
        "max",
        "min",
        "name",
        "pattern",
        "required",
        "type",
    )

    def __init__(self, name: str, type: str) -> None:
        self.name = name
        self.type = type
        self.default: Any = None
        self.has_default = False
        self.required = False
        self.enum: Optional[List[Any]] = None
        self.min: Optional[Union[int, float]] = None
        self.max: Optional[Union[int, float]] = None
        self.pattern: Optional[str] = None
        self.desc: Optional[str] = None


class Retry:
    """Further attempts after the first; seconds; None where the `WORKFLOW_CORE_RETRY_*` defaults hold.

    `preemptions`: how often a job is run again after its environment took it away.
    """

    __slots__ = ("attempts", "backoff", "delay", "jitter", "max_delay", "on", "preemptions")

    def __init__(self) -> None:
        self.attempts: Optional[CodeIndex] = None
        self.delay: Optional[CodeIndex] = None
        self.backoff = "fixed"
        self.max_delay: Optional[CodeIndex] = None
        self.jitter: Optional[CodeIndex] = None
        self.on: List[Union[str, int]] = []
        self.preemptions: Optional[CodeIndex] = None


class RunsOn:
    """`args` are canonical snake_case names."""

    __slots__ = ("args", "type")

    def __init__(self, type: str, args: NamedCodes) -> None:
        self.type = type
        self.args = args


class Strategy:
    """`matrix` is one code (of a map of lists) or a list of (key, code of a list), in key order.

    `include` and `exclude` are codes of lists of maps.
    """

    __slots__ = ("exclude", "fail_fast", "include", "matrix", "max_parallel")

    def __init__(self) -> None:
        self.matrix: Union[CodeIndex, NamedCodes, None] = None
        self.include: Optional[CodeIndex] = None
        self.exclude: Optional[CodeIndex] = None
        self.max_parallel: Optional[CodeIndex] = None
        self.fail_fast: Optional[CodeIndex] = None


class Concurrency:
    __slots__ = ("cancel_in_progress", "group", "limit")

    def __init__(self, group: CodeIndex) -> None:
        self.group = group
        self.cancel_in_progress: Optional[CodeIndex] = None
        self.limit: Optional[CodeIndex] = None


class Cache:
    """`inputs` and `outputs` are codes of paths (a text each, or a list of texts), as `ir.paths` describes them."""

    __slots__ = ("inputs", "key", "outputs")

    def __init__(self) -> None:
        self.key: Optional[CodeIndex] = None
        self.inputs: List[CodeIndex] = []
        self.outputs: List[CodeIndex] = []


class Published:
    """An artifact of a job; `when`: `success failure always`; `if_missing`: `error warn ignore`."""

    __slots__ = ("if_missing", "name", "paths", "when")

    def __init__(self, name: str, paths: List[CodeIndex]) -> None:
        self.name = name
        self.paths = paths
        self.when = "success"
        self.if_missing = "error"


class Placed:
    """Artifacts that a job starts with: `name` of those that the jobs `publishers` (indices of earlier ones) publish,
    all of theirs where it is None. `source` is how the file names them. Without a `path` they go where they came from.
    """

    __slots__ = ("if_missing", "name", "path", "per_combination", "publishers", "source")

    def __init__(self, source: str) -> None:
        self.source = source
        self.publishers: List[int] = []
        self.name: Optional[str] = None
        self.path: Optional[CodeIndex] = None
        self.per_combination: Optional[CodeIndex] = None
        self.if_missing = "error"


class Stage:
    """What every stage has. Durations (`timeout`) are codes of seconds, or of texts like `90s`."""

    __slots__ = (
        "condition",
        "continue_on_error",
        "desc",
        "env",
        "extras",
        "id",
        "name",
        "retry",
        "span",
        "timeout",
    )
    kind = ""

    def __init__(self, span: SpanIndex) -> None:
        self.span = span
        self.id: Optional[str] = None
        self.name: Optional[CodeIndex] = None
        self.desc: Optional[str] = None
        self.condition: Optional[CodeIndex] = None
        self.env: NamedCodes = []
        self.timeout: Optional[CodeIndex] = None
        self.retry: Optional[Retry] = None
        self.continue_on_error: Optional[CodeIndex] = None
        self.extras: Optional[CodeIndex] = None


class EmptyStage(Stage):
    __slots__ = ("echo", "sleep")
    kind = "empty"

    def __init__(self, span: SpanIndex) -> None:
        super().__init__(span)
        self.echo: Optional[CodeIndex] = None
        self.sleep: Optional[CodeIndex] = None


class BashStage(Stage):
    __slots__ = ("script", "shell")
    kind = "bash"

    def __init__(self, span: SpanIndex, script: Script) -> None:
        super().__init__(span)
        self.script = script
        self.shell: Optional[CodeIndex] = None


class PyStage(Stage):
    __slots__ = ("deps", "isolation", "script", "vars")
    kind = "python"

    def __init__(self, span: SpanIndex, script: Script) -> None:
        super().__init__(span)
        self.script = script
        self.vars: NamedCodes = []
        self.deps: List[CodeIndex] = []
        self.isolation = "process"


class CallStage(Stage):
    __slots__ = ("function", "with_")
    kind = "call"

    def __init__(self, span: SpanIndex, function: CodeIndex) -> None:
        super().__init__(span)
        self.function = function
        self.with_: NamedCodes = []


class TriggerStage(Stage):
    """`workflow` indexes Program.workflows."""

    __slots__ = ("params", "workflow")
    kind = "trigger"

    def __init__(self, span: SpanIndex, workflow: int) -> None:
        super().__init__(span)
        self.workflow = workflow
        self.params: NamedCodes = []


class ParallelStage(Stage):
    __slots__ = ("branches", "max_parallel")
    kind = "parallel"

    def __init__(self, span: SpanIndex) -> None:
        super().__init__(span)
        self.branches: List[Tuple[str, List[Stage]]] = []
        self.max_parallel: Optional[CodeIndex] = None


class ForEachStage(Stage):
    __slots__ = ("items", "max_parallel", "stages")
    kind = "foreach"

    def __init__(self, span: SpanIndex, items: CodeIndex) -> None:
        super().__init__(span)
        self.items = items
        self.stages: List[Stage] = []
        self.max_parallel: Optional[CodeIndex] = None


class UntilStage(Stage):
    __slots__ = ("item", "max_loop", "stages", "until")
    kind = "until"

    def __init__(self, span: SpanIndex, until: CodeIndex) -> None:
        super().__init__(span)
        self.until = until
        self.item: Optional[CodeIndex] = None
        self.max_loop: Optional[CodeIndex] = None
        self.stages: List[Stage] = []


class CaseStage(Stage):
    """`arms` are (code or None for the default, stages), in file order; the first equal one runs, the default last."""

    __slots__ = ("arms", "skip_not_match", "value")
    kind = "case"

    def __init__(self, span: SpanIndex, value: CodeIndex) -> None:
        super().__init__(span)
        self.value = value
        self.arms: List[Tuple[Optional[CodeIndex], List[Stage]]] = []
        self.skip_not_match: Optional[CodeIndex] = None


class RaiseStage(Stage):
    __slots__ = ("message",)
    kind = "raise"

    def __init__(self, span: SpanIndex, message: CodeIndex) -> None:
        super().__init__(span)
        self.message = message


class DockerStage(Stage):
    """`command` gives a list of words; `options` are arguments of the docker environment."""

    __slots__ = ("command", "image", "options", "volume")
    kind = "docker"

    def __init__(self, span: SpanIndex, image: CodeIndex) -> None:
        super().__init__(span)
        self.image = image
        self.command: Optional[CodeIndex] = None
        self.volume: NamedCodes = []
        self.options: NamedCodes = []


STAGE_KINDS: Dict[str, type] = {
    cls.kind: cls
    for cls in (
        EmptyStage,
        BashStage,
        PyStage,
        CallStage,
        TriggerStage,
        ParallelStage,
        ForEachStage,
        UntilStage,
        CaseStage,
        RaiseStage,
        DockerStage,
    )
}


class Job:
    """`needs` are indices of earlier jobs of the same workflow; `rule` as in LANGUAGE §2."""

    __slots__ = (
        "artifacts",
        "cache",
        "concurrency",
        "condition",
        "continue_on_error",
        "desc",
        "env",
        "extras",
        "id",
        "needs",
        "outputs",
        "placed",
        "resources",
        "retry",
        "rule",
        "runs_on",
        "span",
        "stages",
        "strategy",
        "timeout",
    )

    def __init__(self, id: str, span: SpanIndex) -> None:
        self.id = id
        self.span = span
        self.desc: Optional[str] = None
        self.needs: List[int] = []
        self.rule = "all_success"
        self.condition: Optional[CodeIndex] = None
        self.runs_on = RunsOn("local", [])
        self.resources: NamedCodes = []
        self.strategy: Optional[Strategy] = None
        self.stages: List[Stage] = []
        self.outputs: Optional[NamedCodes] = None
        self.cache: Optional[Cache] = None
        self.artifacts: List[Published] = []
        self.placed: List[Placed] = []
        self.env: NamedCodes = []
        self.timeout: Optional[CodeIndex] = None
        self.retry: Optional[Retry] = None
        self.continue_on_error: Optional[CodeIndex] = None
        self.concurrency: Optional[Concurrency] = None
        self.extras: Optional[CodeIndex] = None


class Workflow:
    """`params` is None where nothing is declared: any parameter is taken as it is."""

    __slots__ = (
        "concurrency",
        "desc",
        "env",
        "jobs",
        "max_parallel",
        "name",
        "on",
        "outputs",
        "params",
        "secrets",
        "span",
        "timeout",
    )

    def __init__(self, name: str, span: SpanIndex) -> None:
        self.name = name
        self.span = span
        self.desc: Optional[str] = None
        self.params: Optional[List[Param]] = None
        self.secrets: List[str] = []
        self.env: NamedCodes = []
        self.on: Optional[CodeIndex] = None
        self.concurrency: Optional[Concurrency] = None
        self.max_parallel: Optional[CodeIndex] = None
        self.timeout: Optional[CodeIndex] = None
        self.outputs: NamedCodes = []
        self.jobs: List[Job] = []


class Program:
    """`files` are paths relative to the entry file's folder, `/` between parts; `workflows[entry]` is what runs."""

    __slots__ = ("codes", "entry", "files", "spans", "workflows")

    def __init__(self) -> None:
        self.files: List[str] = []
        self.spans: List[SpanRow] = []
        self.codes: List[Code] = []
        self.workflows: List[Workflow] = []
        self.entry = 0

    def place(self, span: SpanIndex) -> Tuple[str, int]:
        """(path, line) of a span."""
        row = self.spans[span]
        return self.files[row[0]], row[1]
