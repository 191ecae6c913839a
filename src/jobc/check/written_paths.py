"""The paths in the work folder that jobs say they write and read: `cache.outputs`, `artifacts.out`, `cache.inputs`.

A path that is known only when the job runs is left out, but for one made of parameters and of the run: that is the same
wherever it is written the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from jobc.ir.paths import matches, overlap, split
from jobc.sema import constants
from jobc.sema.model import WorkflowModel
from jobc.sema.walk import chains
from jobc.syntax.ast import Job, TemplateValue, Value
from jobc.syntax.expr import Index, Literal, Member, Name
from jobc.syntax.printer import print_expr

#: Stands around an expression in a path: no file's name holds it.
_MARK = "\x03"
_SAME = frozenset(("params", "run"))


class DeclaredPath:
    """`path` in normal form; `value` where it is written; `without` are the paths that its list takes out again."""

    __slots__ = ("path", "value", "without")

    def __init__(self, path: str, value: Value, without: list[str]) -> None:
        self.path = path
        self.value = value
        self.without = without

    @property
    def shown(self) -> str:
        return self.path.replace(_MARK, "")

    def meets(self, other: DeclaredPath) -> bool:
        """Whether both surely mean a path in common."""
        if _MARK in self.path or _MARK in other.path:
            return self.path == other.path and not self.without and not other.without
        if not overlap(self.path, other.path):
            return False
        without = [*self.without, *other.without]
        return not any(
            matches(out, self.path) or matches(out, other.path) or overlap(out, self.path) for out in without
        )


def written(job: Job) -> list[DeclaredPath]:
    """What a job writes, as far as it is known."""
    found: list[DeclaredPath] = []
    if job.cache is not None:
        found += _declared(job.cache.outputs)
    if job.artifacts is not None:
        for published in job.artifacts.out:
            found += _declared(published.paths)
    return found


def read(job: Job) -> list[DeclaredPath]:
    return [] if job.cache is None else _declared(job.cache.inputs)


def is_local(job: Job, workflow: WorkflowModel) -> bool:
    """Whether a job runs in the work folder that all local jobs share."""
    defaults = workflow.workflow.defaults
    runs_on = job.runs_on or (defaults.runs_on if defaults is not None else None)
    return runs_on is None or runs_on.type == "local"


def _declared(values: Iterable[Value]) -> list[DeclaredPath]:
    found: list[DeclaredPath] = []
    without: list[str] = []
    for value in values:
        for text in _texts(value):
            takes_out, path = split(text)
            if takes_out:
                without.append(path)
            else:
                found.append(DeclaredPath(path, value, without))
    return found


def _texts(value: Value) -> Iterator[str]:
    known = constants.constant(value)
    if isinstance(known, str):
        yield known
    elif isinstance(known, list):
        yield from (item for item in known if isinstance(item, str))
    elif isinstance(value, TemplateValue):
        text = _marked(value)
        if text is not None:
            yield text


def _marked(value: TemplateValue) -> str | None:
    """A path with its expressions in marks; None where one may be another in another job or combination."""
    parts: list[str] = []
    for part in value.parts:
        if isinstance(part, str):
            parts.append(part)
            continue
        expr = part.expr
        node = expr
        while isinstance(node, Member) or (isinstance(node, Index) and isinstance(node.index, Literal)):
            node = node.object
        if expr is None or not isinstance(node, Name):
            return None
        if any(chain.root not in _SAME for chain in chains(expr)):
            return None
        parts.append(f"{_MARK}${{{{ {print_expr(expr)} }}}}{_MARK}")
    return "".join(parts)
