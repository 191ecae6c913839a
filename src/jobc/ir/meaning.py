"""What a part of a program means, without the places where it stands: to tell whether two programs do the same.

Codes are their trees, needs the jobs' ids, triggered workflows what they mean themselves. Spans, line tables and what
is for people alone (`desc`, `name`) are left out, so a comment, an empty line or another order of independent jobs
changes nothing.
"""

from __future__ import annotations

from typing import Any, Dict, FrozenSet, Iterable, Iterator, List, Optional, Set

from jobc.ir.codec import LAYOUT
from jobc.ir.program import Job, Program, PyStage, Script, Stage, Workflow

_LEFT_OUT = frozenset(["span", "lines", "file"])
_FOR_PEOPLE = frozenset(["desc", "name"])


def of_job(program: Program, workflow: Workflow, job: Job) -> Dict[str, Any]:
    """Key → what it means, of a job of a workflow."""
    return _Meaning(program, workflow).node(job)


def of_env(program: Program, workflow: Workflow) -> Any:
    """What the variables mean that every job of a workflow has."""
    return _Meaning(program, workflow).named(workflow.env)


def params_read(program: Program, workflow: Workflow, job: Optional[Job]) -> Optional[Set[str]]:
    """The parameters that a job (None: the workflow's `env`) reads; None where it may read all."""
    if job is None:
        trees: List[Any] = [program.codes[code].tree for _, code in workflow.env]
    else:
        if any("params" in script.text for script in _python(job.stages)):
            return None
        trees = [_Meaning(program, workflow, own=True).node(job)]
    found: Set[str] = set()
    return found if _reads(trees, found) else None


def _reads(tree: Any, found: Set[str]) -> bool:
    """Collect parameters; False where they are read as a whole."""
    if isinstance(tree, dict):
        return all(list(_each(tree.values(), found)))
    if not isinstance(tree, (list, tuple)):
        return True
    if len(tree) == 3 and tree[0] in ("get", "index") and tree[1] == ["name", "params"]:
        if isinstance(tree[2], str):
            found.add(tree[2])
            return True
        return False
    if list(tree) == ["name", "params"]:
        return False
    return all(list(_each(tree, found)))


def _each(trees: Iterable[Any], found: Set[str]) -> Iterator[bool]:
    for tree in trees:
        yield _reads(tree, found)


def _python(stages: List[Stage]) -> Iterator[Script]:
    for stage in stages:
        if isinstance(stage, PyStage):
            yield stage.script
        for name in ("stages", "branches", "arms"):
            for inner in getattr(stage, name, ()):
                yield from _python([inner] if isinstance(inner, Stage) else inner[1])


class _Meaning:
    """`own`: without the workflows that are triggered. `above`: those whose meaning this is a part of."""

    def __init__(
        self, program: Program, workflow: Workflow, own: bool = False, above: FrozenSet[str] = frozenset()
    ) -> None:
        self._program = program
        self._workflow = workflow
        self._own = own
        self._above = above | {workflow.name}

    def node(self, node: Any) -> Dict[str, Any]:
        found: Dict[str, Any] = {}
        if isinstance(node, Stage):
            found["kind"] = node.kind
        for field, kind, _ in LAYOUT[type(node)]:
            if kind in _LEFT_OUT or (field in _FOR_PEOPLE and isinstance(node, (Stage, Job))):
                continue
            value = self._value(kind, getattr(node, field))
            if value is not None and value != []:
                found[field] = value
        return found

    def named(self, codes: Any) -> Any:
        return [[name, self._code(code)] for name, code in codes]

    def _code(self, code: Any) -> Any:
        return None if code is None else ["code", self._program.codes[code].tree]

    def _value(self, kind: str, value: Any) -> Any:
        if value is None:
            return None
        if kind == "code":
            return self._code(value)
        if kind == "codes":
            return [self._code(code) for code in value]
        if kind == "named" or (kind == "matrix" and isinstance(value, list)):
            return self.named(value)
        if kind == "matrix":
            return self._code(value)
        if kind == "needs":
            return [self._workflow.jobs[need].id for need in value]
        if kind == "stages":
            return [self.node(stage) for stage in value]
        if kind == "branches":
            return [[name, [self.node(stage) for stage in stages]] for name, stages in value]
        if kind == "arms":
            return [[self._code(code), [self.node(stage) for stage in stages]] for code, stages in value]
        if kind == "workflow":
            return self._triggered(value)
        if type(value) in LAYOUT:
            return self.node(value)
        if isinstance(value, list) and value and type(value[0]) in LAYOUT:
            return [self.node(item) for item in value]
        return value

    def _triggered(self, index: int) -> Any:
        workflow = self._program.workflows[index]
        if self._own or workflow.name in self._above:
            return workflow.name
        return _Meaning(self._program, workflow, above=self._above).node(workflow)
