"""What a file declares, read before anything is translated: workflows, their jobs, the jobs' stages by id.

Translating a reference asks it what the name stands for, and leaves in it what the file must declare for that to be
readable in jobc: outputs of jobs and workflows, and needs. Those are written at the end.
"""

from __future__ import annotations

import re

from jobc.cli.importing.draft import entry_of, text_of
from jobc.source.nodes import Mapping, Node, Scalar, Sequence

#: The key that tells a stage's kind -> kind, in the order in which the original tries them.
KINDS = (
    ("foreach", "foreach"),
    ("until", "until"),
    ("parallel", "parallel"),
    ("case", "case"),
    ("trigger", "trigger"),
    ("bash", "bash"),
    ("uses", "call"),
    ("run", "python"),
    ("raise", "raise"),
    ("image", "docker"),
    ("echo", "empty"),
    ("sleep", "empty"),
)


class StageOutline:
    """`inner` are the stages with an id inside of a stage that holds others; `captured` where something of the
    workflow reads the standard output."""

    __slots__ = ("captured", "id", "inner", "kind", "node")

    def __init__(self, node: Mapping) -> None:
        self.node = node
        self.id = text_of(node.get("id"))
        self.kind = kind_of(node)
        self.inner: dict[str, StageOutline] = {}
        self.captured = False


class JobOutline:
    """`outputs` and `added_needs` are what translated references ask the job to declare."""

    __slots__ = ("added_needs", "id", "matrix", "needs", "node", "outputs", "stages")

    def __init__(self, id: str, node: Mapping) -> None:
        self.id = id
        self.node = node
        needs = node.get("needs")
        self.needs = (
            [item.text for item in needs.items if isinstance(item, Scalar)]
            if isinstance(needs, Sequence)
            else [needs.text]
            if isinstance(needs, Scalar)
            else []
        )
        strategy = node.get("strategy")
        self.matrix = isinstance(strategy, Mapping) and bool(strategy.get("matrix"))
        self.stages: dict[str, StageOutline] = {}
        self.outputs: dict[str, str] = {}
        self.added_needs: list[str] = []
        outline_stages(node.get("stages"), self.stages, self.stages)

    def declare(self, name: str, expression: str) -> str:
        """The name of the output that is this expression: `name`, or a name like it where that is taken."""
        for known, other in self.outputs.items():
            if other == expression:
                return known
        chosen, number = name, 2
        while chosen in self.outputs:
            chosen, number = f"{name}-{number}", number + 1
        self.outputs[chosen] = expression
        return chosen


class WorkflowOutline:
    """`params` are the declared types by name, `outputs` what `trigger` stages of the file read."""

    __slots__ = ("jobs", "name", "node", "outputs", "params", "siblings")

    def __init__(self, name: str, node: Mapping, siblings: dict[str, WorkflowOutline]) -> None:
        self.name = name
        self.node = node
        self.siblings = siblings
        self.outputs: dict[str, str] = {}
        self.jobs: dict[str, JobOutline] = {}
        self.params: dict[str, str] = {}
        jobs = node.get("jobs")
        for entry in jobs.entries if isinstance(jobs, Mapping) else []:
            if isinstance(entry.value, Mapping):
                self.jobs[entry.key.text] = JobOutline(entry.key.text, entry.value)
        params = node.get("params")
        for entry in params.entries if isinstance(params, Mapping) else []:
            declared = entry.value if isinstance(entry.value, Scalar) else None
            if isinstance(entry.value, Mapping):
                found = entry_of(entry.value, "type")
                declared = found.value if found and isinstance(found.value, Scalar) else None
            if declared is not None:
                self.params[entry.key.text] = _param_type(declared.text, entry.value)
        text = node.file.text[node.start : node.end]
        read = set(re.findall(r"\bstages\.([\w-]+)\??\.outputs\??\.stdout\b", text))
        for job in self.jobs.values():
            for stage in job.stages.values():
                stage.captured = stage.id in read

    def needs_of(self, id: str) -> set[str]:
        """Every job that must end before this one, at any distance."""
        found: set[str] = set()
        todo = [id]
        while todo:
            job = self.jobs.get(todo.pop())
            for need in [*job.needs, *job.added_needs] if job else []:
                if need not in found:
                    found.add(need)
                    todo.append(need)
        return found


def outline_stages(
    node: Node | None, into: dict[str, StageOutline], everything: dict[str, StageOutline]
) -> None:
    for item in node.items if isinstance(node, Sequence) else []:
        if not isinstance(item, Mapping):
            continue
        stage = StageOutline(item)
        if stage.id is not None:
            into.setdefault(stage.id, stage)
            everything.setdefault(stage.id, stage)
        for nested in nested_stages(item):
            outline_stages(nested, stage.inner, everything)


def nested_stages(stage: Mapping) -> list[Node]:
    """The lists of stages directly inside of a stage."""
    found: list[Node] = []
    branches = stage.get("parallel")
    if isinstance(branches, Mapping):
        found += [entry.value for entry in branches.entries]
    arms = stage.get("match")
    for arm in arms.items if isinstance(arms, Sequence) else []:
        inner = entry_of(arm, "stages", "else")
        found += [inner.value] if inner else []
    own = stage.get("stages")
    return [*found, own] if own is not None else found


def kind_of(stage: Mapping) -> str:
    for key, kind in KINDS:
        if stage.get(key) is not None:
            return "virtual-python" if kind == "python" and stage.get("deps") is not None else kind
    return "empty"


def _param_type(text: str, node: Node) -> str:
    if text == "choice" and isinstance(node, Mapping):
        options = node.get("options")
        items = options.items if isinstance(options, Sequence) else []
        numbers = all(isinstance(i, Scalar) and isinstance(i.value, int) for i in items)
        return "int" if items and numbers else "str"
    return text
