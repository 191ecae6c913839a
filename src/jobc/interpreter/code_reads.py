"""What the codes of a job read: contexts, by path as far as it is constant, and functions whose value is not in the code.

Python scripts read contexts as objects, without a code; their syntax tree tells which. Where it cannot, they may read all.
Python 3.9, standard library only.
"""

from __future__ import annotations

import ast
import warnings
from typing import Any, Dict, Iterator, List, Optional, Set, Tuple

from jobc.ir import program as ir

#: A context's name and the keys that follow; `()` for the whole context.
Read = Tuple[str, Tuple[str, ...]]

#: Functions whose value depends on more than their arguments.
OUTSIDE = frozenset(["hashFiles", "env", "datetime.now", "datetime.utcnow", "date.today"])
#: Contexts that are made while the job runs.
INNER = frozenset(["stages", "item", "vars", "job"])
_LIVE = ("params", "needs", "matrix", "env", "context")
_DYNAMIC = frozenset(["eval", "exec", "globals", "locals", "vars"])


def stage_codes(stage: ir.Stage) -> Iterator[int]:
    """Every code of a stage that can change what it does, and of those inside it."""
    single = [stage.condition, stage.continue_on_error]
    named = [stage.env]
    if isinstance(stage, ir.EmptyStage):
        single += [stage.echo, stage.sleep]
    elif isinstance(stage, ir.BashStage):
        single.append(stage.shell)
        single += [slot.code for slot in stage.script.slots]
    elif isinstance(stage, ir.PyStage):
        named.append(stage.vars)
        single += stage.deps
        single += [slot.code for slot in stage.script.slots]
    elif isinstance(stage, ir.CallStage):
        single.append(stage.function)
        named.append(stage.with_)
    elif isinstance(stage, ir.TriggerStage):
        named.append(stage.params)
    elif isinstance(stage, ir.ForEachStage):
        single.append(stage.items)
    elif isinstance(stage, ir.UntilStage):
        single += [stage.until, stage.item, stage.max_loop]
    elif isinstance(stage, ir.CaseStage):
        single += [stage.value, stage.skip_not_match, *(arm for arm, _ in stage.arms)]
    elif isinstance(stage, ir.RaiseStage):
        single.append(stage.message)
    elif isinstance(stage, ir.DockerStage):
        single += [stage.image, stage.command]
        named += [stage.volume, stage.options]
    yield from (code for code in single if code is not None)
    yield from (code for codes in named for _, code in codes)
    for inner in inside(stage):
        yield from stage_codes(inner)


def inside(stage: ir.Stage) -> Iterator[ir.Stage]:
    """The stages directly inside a stage."""
    if isinstance(stage, ir.ParallelStage):
        for _, stages in stage.branches:
            yield from stages
    elif isinstance(stage, (ir.ForEachStage, ir.UntilStage)):
        yield from stage.stages
    elif isinstance(stage, ir.CaseStage):
        for _, stages in stage.arms:
            yield from stages


def every_stage(stages: List[ir.Stage]) -> Iterator[ir.Stage]:
    for stage in stages:
        yield stage
        yield from every_stage(list(inside(stage)))


class Reads:
    """`contexts` in the order met; `calls` are trees of calls of `OUTSIDE`, by their shape."""

    def __init__(self) -> None:
        self.contexts: Dict[Read, None] = {}
        self.calls: Dict[str, Any] = {}

    def code(self, tree: Any) -> None:
        """Take what a code reads."""
        if not isinstance(tree, list) or not tree:
            return
        path = _path(tree)
        if path is not None:
            self.contexts[path] = None
            return
        if tree[0] == "call" and tree[1] in OUTSIDE:
            self.calls[repr(tree)] = tree
        for part in tree[1:]:
            self.code(part)

    def stages(self, stages: List[ir.Stage], program: ir.Program) -> None:
        """Take what stages read, their Python scripts too."""
        for stage in stages:
            for code in stage_codes(stage):
                self.code(program.codes[code].tree)
        for stage in every_stage(stages):
            if isinstance(stage, ir.PyStage):
                for read in python_reads(stage.script.text):
                    self.contexts[read] = None

    def of(self, context: str) -> List[Tuple[str, ...]]:
        """The paths read of a context; `[()]` where all of it may be."""
        paths = [path for name, path in self.contexts if name == context]
        return [()] if () in paths else paths


def _path(tree: List[Any]) -> Optional[Read]:
    """The context and the constant keys of a chain of reads; None where the tree is none, or its last step is computed."""
    keys: List[str] = []
    node: Any = tree
    while isinstance(node, list) and node:
        if node[0] == "name":
            return node[1], tuple(reversed(keys))
        if node[0] == "get":
            keys.append(str(node[2]))
        elif node[0] == "index" and isinstance(node[2], str):
            keys.append(node[2])
        else:
            return None
        node = node[1]
    return None


def reads_inner(tree: Any) -> bool:
    """Whether a code needs what exists only while the job runs."""
    if not isinstance(tree, list) or not tree:
        return False
    if tree[0] == "name":
        return tree[1] in INNER
    return any(reads_inner(part) for part in tree[1:])


def python_reads(text: str) -> Set[Read]:
    """The contexts that a script reads as objects."""
    # What no analysis sees may be anything; `context` differs in every run, so it must at least be named.
    everything: Set[Read] = {(name, ()) for name in _LIVE if name != "context" or name in text}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return everything
    found: Set[Read] = set()
    inner: Set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in _DYNAMIC:
            return everything
        if isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)) and id(node) not in inner:
            read = _chain(node, inner)
            if read is not None:
                found.add(read)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in _LIVE and id(node) not in inner:
            found.add((node.id, ()))
    return found


#: Methods of a mapping that read no key by its name.
_WHOLE = frozenset(["items", "keys", "values", "copy", "update", "pop", "setdefault", "popitem", "clear"])


def _chain(node: ast.AST, inner: Set[int]) -> Optional[Read]:
    """`params.x`, `params['x']`, `params.get('x', 1)`; all nodes of the chain go to `inner`."""
    keys: List[Optional[str]] = []
    used: List[int] = []
    while True:
        used.append(id(node))
        if isinstance(node, ast.Call):
            function = node.func
            if not (isinstance(function, ast.Attribute) and function.attr == "get" and node.args):
                return None
            used.append(id(function))
            keys.append(_constant(node.args[0]))
            node = function.value
        elif isinstance(node, ast.Attribute):
            keys.append(None if node.attr in _WHOLE else node.attr)
            node = node.value
        elif isinstance(node, ast.Subscript):
            keys.append(_constant(node.slice))
            node = node.value
        else:
            break
    if not isinstance(node, ast.Name) or node.id not in _LIVE:
        return None
    inner.update(used)
    path: List[str] = []
    for key in reversed(keys):
        if key is None:
            break
        path.append(key)
    return node.id, tuple(path)


def _constant(node: ast.AST) -> Optional[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None
