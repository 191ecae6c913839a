"""Script analysis: where each expression of a bash or python stage stands, and how its value gets there.

A script is read once, at analysis time. Each expression is replaced by a name of its own, the script
is parsed with those names in it, and the parse says what surrounds each: a word, a string, a
here-document, arithmetic, a comment. From that follow the *lifted* text, which is constant, and the
*use* of each slot, which says how the value reaches it (LANGUAGE §5). Where no safe way exists, a
diagnostic says what to write instead. Lowering only copies what is found here.

`${{ x | raw }}` is text of the script itself, so it must be known before the script is parsed: a
constant. A value from a known set of plain words may stand in a shell script too: splicing it and
splitting it into words give the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from jobc.diagnostics.diagnostic import Diagnostic
from jobc.syntax.ast import BashStage, Const, ExprHole, Job, PyStage, Stage, TemplateValue, child_stages
from jobc.syntax.expr import Filter

if TYPE_CHECKING:
    from jobc.sema.model import WorkflowModel
    from jobc.sema.types import Type
    from jobc.source.file import Span
    from jobc.source.nodes import Scalar
    from jobc.source.templates import OffsetMap

    Report = Callable[[Diagnostic], None]

RULE = "unsafe-splice"
SYNTAX_RULE = "python-script"

_PLAIN_WORDS = re.compile(r"[\w@%+:,./-]+(?: [\w@%+:,./-]+)*", re.ASCII)
_SHELLS_WITH_ARRAYS = frozenset(("bash", "zsh"))
#: In the arithmetic of these a variable can hold a number and nothing else.
_SHELLS_THAT_ONLY_COUNT = frozenset(("dash", "ash", "busybox"))
_SHELLS = frozenset(("bash", "sh", "dash", "ash", "ksh", "mksh", "zsh", "busybox"))


class Placement:
    """A value that a lifted script receives under `name`; `use` as in the IR (`jobc.ir.program.Slot`).

    `split`: the value is a text of plain words, each of which becomes a word of its own. `reader`: the
    language (`sed`, `SQL`…) whose program the value, which may be any text, becomes a part of.
    """

    __slots__ = ("hole", "name", "reader", "split", "use")

    def __init__(
        self, name: str, hole: ExprHole, use: str, *, split: bool = False, reader: str | None = None
    ) -> None:
        self.name = name
        self.hole = hole
        self.use = use
        self.split = split
        self.reader = reader


class Run:
    """A part of a script's text: `start` is its index there, `source_start:source_end` are those in the YAML scalar.

    Where `lifted`, another text stands there than the author wrote.
    """

    __slots__ = ("lifted", "source_end", "source_start", "start")

    def __init__(self, start: int, source_start: int, source_end: int, lifted: bool) -> None:
        self.start = start
        self.source_start = source_start
        self.source_end = source_end
        self.lifted = lifted


class ScriptPlacement:
    """A script after analysis: its constant `text`, its slots, and `lines` (pairs script line, YAML line).

    `runs` lead from places in the text back to `node`, the scalar that it is written in.
    """

    __slots__ = ("_map", "lines", "node", "placements", "runs", "text")

    def __init__(
        self,
        text: str,
        placements: list[Placement],
        lines: list[tuple[int, int]],
        node: Scalar,
        runs: list[Run],
    ) -> None:
        self.text = text
        self.placements = placements
        self.lines = lines
        self.node = node
        self.runs = runs
        self._map: OffsetMap | None = None

    def span(self, start: int, end: int) -> Span:
        """Where `text[start:end]` is written; of lifted text, the whole expression."""
        from jobc.source.templates import offset_map

        if self._map is None:
            self._map = offset_map(self.node)
        to_file = self._map
        first, last = self._run(start), self._run(max(start, end - 1))
        begin = (
            first.source_start
            if first.lifted
            else min(first.source_start + start - first.start, first.source_end)
        )
        if last.lifted:
            stop = last.source_end
        else:
            stop = min(last.source_start + max(end, start + 1) - last.start, last.source_end)
        here = to_file.at(begin)
        return self.node.file.span(here, max(here, to_file.at(stop - 1) + 1 if stop > begin else here))

    def is_lifted(self, start: int, end: int) -> bool:
        """Whether nothing of `text[start:end]` is the author's own."""
        run = self._run(start)
        return run.lifted and run is self._run(max(start, end - 1))

    def _run(self, index: int) -> Run:
        found = self.runs[0]
        for run in self.runs:
            if run.start > index:
                break
            found = run
        return found


def analyze_scripts(model: WorkflowModel, report: Report) -> None:
    """Place the expressions of every bash and python stage; results go to `model.scripts` by id(stage)."""
    for job in model.jobs.values():
        for stage in script_stages(job):
            if id(stage) in model.scripts:
                continue
            placements = (
                _bash(stage, model, report) if isinstance(stage, BashStage) else _python(stage, model, report)
            )
            if placements is not None:
                model.scripts[id(stage)] = placements


def script_stages(job: Job) -> Iterator[BashStage | PyStage]:
    """The bash and python stages of a job, nested ones too, in file order."""
    pending: list[Stage] = list(reversed(job.stages))
    while pending:
        stage = pending.pop()
        if isinstance(stage, BashStage | PyStage):
            yield stage
        for body in reversed(list(child_stages(stage))):
            pending.extend(reversed(body))


# ---------------------------------------------------------------------- drafts


class Draft:
    """A script with a name in place of each expression, and the way back to the file.

    `names[i]` stands at `starts[i]` in `text` for `holes[i]`, whose type is `types[i]`. Not `sound` where an
    expression did not parse or a `raw` one cannot be spliced; what is wrong is reported already.
    """

    __slots__ = ("_pieces", "holes", "names", "node", "raw", "sound", "starts", "text", "types")

    def __init__(
        self, script: Const | TemplateValue, suffix: str, model: WorkflowModel, report: Report
    ) -> None:
        self.node: Scalar = script.node
        self.holes: list[ExprHole] = []
        self.types: list[Type] = []
        self.names: list[str] = []
        self.starts: list[int] = []
        #: Numbers of the holes that are `raw` splices of plain words.
        self.raw: set[int] = set()
        self.sound = True
        #: (text, or the number of a hole; its start in the scalar; its end there), in order.
        self._pieces: list[tuple[str | int, int, int]] = []
        if isinstance(script, Const):
            self._pieces.append((self.node.text, 0, len(self.node.text)))
        else:
            self._split(script, model, report)
        self._name(suffix)

    def _split(self, script: TemplateValue, model: WorkflowModel, report: Report) -> None:
        assert script.template is not None
        for part, source in zip(script.parts, script.template.parts, strict=True):
            if isinstance(part, str):
                self._pieces.append((part, source.start, source.end))
                continue
            if part.expr is None:
                self.sound = False
                continue
            type = model.type_of(part.expr)
            if isinstance(part.expr, Filter) and part.expr.name == "raw":
                text = self._raw(part, part.expr, type, report)
                if text is not None:
                    self._pieces.append((text, source.start, source.end))
                    continue
                self.raw.add(len(self.holes))
            self._pieces.append((len(self.holes), source.start, source.end))
            self.holes.append(part)
            self.types.append(type)

    def _raw(self, hole: ExprHole, expr: Filter, type: Type, report: Report) -> str | None:
        """The text of a `raw` splice that is constant; None where it is one of a set of plain words."""
        from jobc.sema.fold import NOT_CONSTANT, fold

        value = fold(expr.value)
        if value is not NOT_CONSTANT and (value is None or isinstance(value, bool | int | float | str)):
            if value is None or isinstance(value, bool):
                return "" if value is None else str(value).lower()
            return str(value)
        words = _known_values(type)
        if words is not None and all(_PLAIN_WORDS.fullmatch(word) for word in words):
            return None
        self.sound = False
        report(
            Diagnostic(
                RULE,
                "`raw` would put text into the script that is not known before it runs",
                hole.span,
                help="leave `raw` out: the value is then passed safely; or declare the value's possible words with `enum`",
                label="not a constant",
            )
        )
        return None

    def _name(self, suffix: str) -> None:
        """Name the holes JOBC_E1, JOBC_E2… and write the text with these names; `suffix` grows until they are unique."""
        around = "".join(piece if isinstance(piece, str) else "\n" for piece, _, _ in self._pieces)
        while "JOBC_E" in around and re.search(r"JOBC_E\d+" + suffix, around):
            suffix += "_"
        self.names = [f"JOBC_E{number + 1}{suffix}" for number in range(len(self.holes))]
        self.text, self.starts, _ = self._write(self.names)

    def _write(self, words: list[str]) -> tuple[str, list[int], list[int]]:
        """The text with these words for the holes; where each word starts; where each piece starts."""
        out: list[str] = []
        starts: list[int] = []
        at = 0
        piece_starts: list[int] = []
        for piece, _, _ in self._pieces:
            piece_starts.append(at)
            if isinstance(piece, int):
                starts.append(at)
                piece = words[piece]
            out.append(piece)
            at += len(piece)
        return "".join(out), starts, piece_starts

    def finish(self, words: list[str], placements: list[Placement]) -> ScriptPlacement:
        """The lifted script: these words stand for the holes."""
        text, _, starts = self._write(words)
        runs = [
            Run(at, start, end, isinstance(piece, int) or len(piece) != end - start)
            for at, (piece, start, end) in zip(starts, self._pieces, strict=True)
        ]
        return ScriptPlacement(text, placements, self._lines(words, text), self.node, runs)

    def source_of(self, number: int) -> str:
        """A hole as it is written, on one line."""
        hole = self.holes[number].hole
        return " ".join(self.node.text[hole.start : hole.end].split())

    def offset(self, index: int) -> int:
        """The file offset of an index into `text`."""
        _, _, starts = self._write(self.names)
        at = max(0, max((n for n, start in enumerate(starts) if start <= index), default=0))
        if not self._pieces:
            return self.node.start
        piece, start, end = self._pieces[at]
        inside = index - starts[at] if isinstance(piece, str) else 0
        return self._map().at(min(start + inside, end))

    def _lines(self, words: list[str], text: str) -> list[tuple[int, int]]:
        file, node = self.node.file, self.node
        if "\n" not in text or not node.text:
            first = (
                node.start
                if node.style in ("plain", "single", "double") or not node.text
                else self._map().at(0)
            )
            return [(1, file.position(first)[0])]
        source = node.text
        even = all(
            (words[piece] if isinstance(piece, int) else piece).count("\n") == source.count("\n", start, end)
            for piece, start, end in self._pieces
        )
        to_file = self._map()
        if even and node.style == "literal":
            return [(1, file.position(to_file.at(0))[0])]
        line = 1
        pairs = [(1, file.position(to_file.at(0))[0])]
        for piece, start, end in self._pieces:
            word = words[piece] if isinstance(piece, int) else piece
            at = start
            for _ in range(word.count("\n")):
                line += 1
                found = source.find("\n", at, end) if isinstance(piece, str) else -1
                at = found + 1 if found >= 0 else at
                _pair(pairs, line, file.position(to_file.at(at))[0])
        return pairs

    def _map(self) -> OffsetMap:
        if self.holes:
            return self.holes[0].hole.scalar_map
        from jobc.source.templates import offset_map

        return offset_map(self.node)


def _pair(pairs: list[tuple[int, int]], line: int, yaml: int) -> None:
    """Add a pair unless the one before already says it."""
    before_line, before_yaml = pairs[-1]
    if yaml - before_yaml != line - before_line:
        pairs.append((line, yaml))


# ---------------------------------------------------------------------- bash


def _bash(stage: BashStage, model: WorkflowModel, report: Report) -> ScriptPlacement | None:
    draft = Draft(stage.script, "", model, report)
    if not draft.sound:
        return None
    if not draft.holes:
        return draft.finish([], [])
    shell = shell_of(stage, model)
    if shell not in _SHELLS:
        for hole in draft.holes:
            report(
                Diagnostic(
                    RULE,
                    f"expressions cannot be passed into a script for {shell or 'a shell that is not known'}",
                    hole.span,
                    help="give the value a name under `env`, and read that variable in the script",
                )
            )
        return None
    from jobc.sema import scripts_bash, scripts_flow
    from jobc.sema.inert import PLAIN, text_of

    found = scripts_bash.sites(draft.text, draft.names, draft.starts)
    declared = model.workflow.params or ()
    texts = [text_of(hole.expr, declared, model.type_of) for hole in draft.holes]
    free = [_free_text(type) and number not in draft.raw for number, type in enumerate(draft.types)]
    followed = [f and (t is None or not t.chars <= PLAIN) for f, t in zip(free, texts, strict=True)]
    if shell not in _SHELLS_THAT_ONLY_COUNT:
        scripts_flow.follow(draft.text, draft.starts, found, followed)
    words: list[str] = []
    placements: list[Placement] = []
    sound = True
    for number, site in enumerate(found):
        hole, type, name = draft.holes[number], draft.types[number], draft.names[number]
        if number in draft.raw:
            site = scripts_bash.with_plain_words(site)
        problem = site.problem
        if site.harmless is not None and site.harmless.admits(texts[number]):
            problem = site.reader = None
        if problem is None and site.use == "comment":
            words.append(draft.source_of(number))
            continue
        if problem is None:
            problem = _settle(site, type, shell, split=number in draft.raw)
        if problem is not None:
            sound = False
            report(Diagnostic(RULE, problem[0], hole.span, help=problem[1]))
            words.append(name)
            continue
        words.append(site.write(name))
        split = number in draft.raw and site.use == "words"
        reader = site.reader if free[number] else None
        placements.append(Placement(name, hole, site.use, split=split, reader=reader))
    return draft.finish(words, placements) if sound else None


def _settle(site: object, type: Type, shell: str, *, split: bool) -> tuple[str, str] | None:
    """Fit the site's use to the type; what is wrong where it cannot be."""
    from jobc.sema.script_site import Site
    from jobc.sema.types import show

    assert isinstance(site, Site)
    if site.use == "integer" and not _may_be_integer(type):
        return (
            f"the shell computes here, so the value must be an integer, not {show(type)}",
            "pass a whole number, or take the expression out of the arithmetic",
        )
    if site.use == "integers" and shell not in _SHELLS_WITH_ARRAYS:
        site.use = "integer"
    if site.use == "words" and not split:
        if _one_word(type):
            site.use = "word"
        elif shell not in _SHELLS_WITH_ARRAYS:
            if _is_list(type):
                return (
                    f"{shell} has no arrays, so a list cannot become words here",
                    "use `shell: bash`, or join the list in the expression: ${{ join(items, ',') }}",
                )
            site.use = "word"
    elif site.use == "words" and shell not in _SHELLS_WITH_ARRAYS:
        return (
            f"{shell} has no arrays, so several words cannot be passed here",
            "use `shell: bash`, or leave `raw` out",
        )
    return None


def shell_of(stage: BashStage, model: WorkflowModel) -> str:
    """The base name of the program that runs the script; empty where an expression chooses it."""
    value = stage.shell
    if value is None and model.workflow.defaults is not None:
        value = model.workflow.defaults.shell
    if value is None:
        return "bash"
    if not isinstance(value, Const):
        return ""
    words = [word.rsplit("/", 1)[-1] for word in str(value.value).split()]
    if words and words[0] == "env":
        words = [word for word in words[1:] if "=" not in word and not word.startswith("-")]
    return words[0] if words else "bash"


def _one_word(type: Type) -> bool:
    """Whether every value of the type is one word for sure."""
    from jobc.sema.types import family, members

    return all(family(member) in ("bool", "number", "str", "datetime") for member in members(type))


def _is_list(type: Type) -> bool:
    from jobc.sema.types import ListType, members

    return any(isinstance(member, ListType) for member in members(type))


def _free_text(type: Type) -> bool:
    """Whether a value of the type may be, or hold, any text at all; not so for numbers, dates, and known plain words."""
    from jobc.sema.types import ListType, LiteralType, family, members

    for member in members(type):
        if isinstance(member, LiteralType):
            if isinstance(member.value, str) and not _PLAIN_WORDS.fullmatch(member.value):
                return True
        elif isinstance(member, ListType):
            if _free_text(member.elem):
                return True
        elif family(member) not in ("bool", "number", "datetime", "null"):
            return True
    return False


def _may_be_integer(type: Type) -> bool:
    """Whether some value of the type is an integer, or the digits of one."""
    from jobc.sema.types import ANY, FLOAT, INT, STR, LiteralType, members

    for member in members(type):
        if member in (ANY, INT, STR, FLOAT):
            return True
        if isinstance(member, LiteralType) and not isinstance(member.value, bool):
            value = member.value
            if isinstance(value, int) or (
                isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]+", value.strip())
            ):
                return True
    return False


def _known_values(type: Type) -> list[str] | None:
    """The texts of a type that has only literals (and perhaps null); None for any other."""
    from jobc.sema.types import NULL, LiteralType, members

    values = []
    for member in members(type):
        if member is NULL:
            continue
        if not isinstance(member, LiteralType) or isinstance(member.value, bool | float):
            return None
        values.append(str(member.value))
    return values


# ---------------------------------------------------------------------- python


def _python(stage: PyStage, model: WorkflowModel, report: Report) -> ScriptPlacement | None:
    draft = Draft(stage.script, "_", model, report)
    if not draft.sound:
        return None
    from jobc.sema import scripts_python
    from jobc.sema.inert import text_of

    if draft.raw:
        for number in sorted(draft.raw):
            report(
                Diagnostic(
                    RULE,
                    "`raw` in Python takes a constant only",
                    draft.holes[number].span,
                    help="leave `raw` out: the expression is the value itself there",
                )
            )
        return None
    result = scripts_python.uses(draft.text, draft.names, draft.starts)
    if isinstance(result, scripts_python.SyntaxProblem):
        file = draft.node.file
        start = draft.offset(result.start)
        span = file.span(start, min(max(start + 1, draft.offset(result.end)), len(file.text)))
        report(
            Diagnostic(
                SYNTAX_RULE, f"Python cannot read this script: {result.message}", span, help=result.help
            )
        )
        return None
    words: list[str] = []
    placements: list[Placement] = []
    sound = True
    for number, use in enumerate(result):
        hole, name = draft.holes[number], draft.names[number]
        if isinstance(use, tuple) and use in scripts_python.HARMLESS:
            text = text_of(hole.expr, model.workflow.params or (), model.type_of)
            if scripts_python.HARMLESS[use].admits(text):
                use = scripts_python.placed_in_code(draft.text, name)
        if isinstance(use, tuple):
            sound = False
            report(Diagnostic(RULE, use[0], hole.span, help=use[1]))
            words.append(name)
        elif use == "comment":
            words.append(draft.source_of(number))
        else:
            words.append(name)
            placements.append(Placement(name, hole, use))
    return draft.finish(words, placements) if sound else None
