"""What a workflow reads of its parameters, secrets and jobs: in expressions, and in Python code.

Python code gets `params` and `needs` as objects. Attributes, constant subscripts and `get` of them are reads of one
name; any other use may read every name. An expression that did not parse may read anything: then nothing is known
(`complete` is False), and whoever asks what is *not* read must keep silent.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import TYPE_CHECKING

from jobc.sema.python_tree import PythonTree, parse
from jobc.sema.walk import chains, stages
from jobc.syntax.ast import ParamDecl, PyStage, SecretDecl

if TYPE_CHECKING:
    from jobc.sema.model import SemanticModel, WorkflowModel

#: Contexts that Python code reads as objects.
_LIVE = ("params", "needs")
#: What reads names that no analysis sees.
_DYNAMIC = frozenset(("eval", "exec", "globals", "locals", "vars"))


class Reads:
    """`names` are (context, name), `expressions` those of them that expressions read; `wholes` are contexts that may be read anywhere.

    `outputs` are (job, output) of `needs.<job>.outputs.<output>`; `open_jobs` are jobs whose outputs may all be read.
    `needs` maps a job's id to the needs that it reads, None where that may be any.
    """

    __slots__ = ("complete", "expressions", "names", "needs", "open_jobs", "outputs", "wholes")

    def __init__(self) -> None:
        self.complete = True
        self.names: set[tuple[str, str]] = set()
        self.expressions: set[tuple[str, str]] = set()
        self.wholes: set[str] = set()
        self.outputs: set[tuple[str, str]] = set()
        self.open_jobs: set[str] = set()
        self.needs: dict[str, set[str] | None] = {}

    def has(self, context: str, name: str) -> bool:
        """Whether `context.name` is, or may be, read."""
        return not self.complete or context in self.wholes or (context, name) in self.names

    def mistaken(self, context: str, declared: Iterable[ParamDecl | SecretDecl] | None) -> bool:
        """Whether a name is read that is not declared: then a declared one that nothing reads may be meant."""
        known = {each.name for each in declared or ()}
        return any(root == context and name not in known for root, name in self.expressions)

    def reads_need(self, job: str, need: str) -> bool:
        """Whether a job reads, or may read, anything of its need."""
        found = self.needs.get(job, set())
        return not self.complete or found is None or need in found

    def reads_output(self, job: str, output: str) -> bool:
        """Whether any job, or the workflow's outputs, read an output of a job, or may."""
        return (
            not self.complete
            or "needs" in self.wholes
            or job in self.open_jobs
            or (job, output) in self.outputs
        )

    def _add(self, root: str, keys: tuple[str, ...], whole: bool, job: str) -> None:
        if not keys:
            if whole:
                self.wholes.add(root)
                if root == "needs":
                    self.needs[job] = None
            return
        self.names.add((root, keys[0]))
        if root != "needs":
            return
        found = self.needs.setdefault(job, set())
        if found is not None:
            found.add(keys[0])
        if len(keys) > 2 and keys[1] == "outputs":
            self.outputs.add((keys[0], keys[2]))
        elif keys[1:2] != ("result",):
            self.open_jobs.add(keys[0])


#: Findings after which parts of a file are missing from its model.
_LOSSY = frozenset(
    (
        "yaml-syntax",
        "duplicate-key",
        "unknown-key",
        "missing-key",
        "wrong-type",
        "expression-syntax",
        "python-script",
        "call-mismatch",
        "include-cycle",
    )
)


def is_partial(model: SemanticModel) -> bool:
    """Whether something of a file could not be understood: then what seems to be read nowhere may be read there."""
    return any(diagnostic.rule in _LOSSY for diagnostic in model.diagnostics)


def is_written(context: str, name: str, model: SemanticModel) -> bool:
    """Whether a read of a name stands anywhere in the files, be it handed to another file that makes nothing of it."""
    forms = (f"{context}.{name}", f"{context}['{name}'", f'{context}["{name}"')
    return any(form in file.text for file in model.files for form in forms)


def find(model: WorkflowModel) -> Reads:
    """The reads of a workflow whose expressions and scripts are analysed."""
    reads = Reads()
    for site in model.sites:
        job = "" if site.job is None else site.job.id
        for hole in site.holes:
            if hole.expr is None:
                reads.complete = False
                continue
            for chain in chains(hole.expr):
                reads._add(chain.root, chain.keys, chain.whole, job)
                if chain.keys:
                    reads.expressions.add((chain.root, chain.keys[0]))
    for each in model.jobs.values():
        for stage in stages(each):
            if isinstance(stage, PyStage):
                _python(stage, each.id, model, reads)
    return reads


def python_tree(stage: PyStage, model: WorkflowModel) -> ast.Module | None:
    """The tree of a stage's lifted code; None where it has errors (reported elsewhere)."""
    tree = script_tree(stage, model)
    return None if tree is None else tree.module


def script_tree(stage: PyStage, model: WorkflowModel) -> PythonTree | None:
    """`python_tree` with its nodes listed."""
    placed = model.scripts.get(id(stage))
    if placed is None:
        return None
    try:
        return parse(placed.text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def is_dynamic(tree: PythonTree) -> bool:
    """Whether code can reach names that do not stand in it: not by a function of its own name, nor by one with a subscript."""
    found = [node for node in tree.nodes if isinstance(node, ast.Name) and node.id in _DYNAMIC]
    if not found:
        return False
    own = {id(node.value) for node in tree.nodes if isinstance(node, ast.Subscript)}
    return any(isinstance(node.ctx, ast.Load) and id(node) not in own for node in found)


def _python(stage: PyStage, job: str, model: WorkflowModel, reads: Reads) -> None:
    placed = model.scripts.get(id(stage))
    if placed is None:
        reads.complete = False
        return
    text = placed.text
    if not any(word in text for word in (*_LIVE, *_DYNAMIC)):
        return
    tree = script_tree(stage, model)
    if tree is None or is_dynamic(tree):
        reads.complete = False
        return
    inner: set[int] = set()
    for node in tree.nodes:
        if isinstance(node, ast.Attribute | ast.Subscript) and id(node) not in inner:
            root, keys = _keys(node, inner)
            if root in _LIVE:
                reads._add(root, keys, not keys, job)
                if keys:
                    reads._add(root, (keys[0].replace("_", "-"), *keys[1:]), False, job)
    for node in tree.nodes:
        if isinstance(node, ast.Name) and node.id in _LIVE and id(node) not in inner:
            reads._add(node.id, (), True, job)


def _keys(node: ast.AST, inner: set[int]) -> tuple[str, tuple[str, ...]]:
    """The name and the constant keys of `params.x`, `params['x']`, `params.get('x')`; what was used up goes to `inner`."""
    steps: list[str | None] = []
    used: list[int] = []
    while True:
        used.append(id(node))
        if isinstance(node, ast.Attribute):
            steps.append(node.attr)
            node = node.value
        elif isinstance(node, ast.Subscript):
            index = node.slice
            steps.append(
                index.value if isinstance(index, ast.Constant) and isinstance(index.value, str) else None
            )
            node = node.value
        else:
            break
    if not isinstance(node, ast.Name):
        return "", ()
    inner.update(used)
    keys: list[str] = []
    for step in reversed(steps):
        if step is None or step in _METHODS:
            break
        keys.append(step)
    return node.id, tuple(keys)


#: Methods of a mapping: what they read is not followed.
_METHODS = frozenset(("get", "items", "keys", "values", "update", "pop", "setdefault", "copy"))
