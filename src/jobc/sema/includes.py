"""Reuse across files (LANGUAGE §1): `include`, `uses: path#job` and `extends`, resolved before names are.

Afterwards the document's own workflows hold everything that they reuse, as copies (`bindings`), and no `UseStages` is left:

- `include` appends the other file's jobs, and its secrets; an id that is there already is reported.
- `uses` on a job: the job is that job, but for the keys that it has itself. Its `needs` are its own only, since the
  other file's ids mean nothing here.
- `extends`: the job takes the keys that it lacks. With both, `env`, `resources` and `extras` are merged, the job's own
  entries winning.
- `uses: path#job` on a stage: that job's stages stand in its place, each with that job's `env`, the `env` of the use
  on top, and only where the condition of the use holds too. That job's other keys are not looked at.

What surrounds a job in its own file comes with it: the workflow's `env` below the job's, and its `defaults` for the
keys that the job leaves open. A `trigger` in it keeps naming the workflow that it named there: names are looked up
in the file that they are written in.

A job is resolved before it is copied, depth first. The stack of what is being resolved, files by `include` and jobs
by `uses` and `extends`, shows a cycle when it closes: the chain of references from the first one on it is the finding.
Two files may use each other's jobs as long as no job and no whole file comes back to itself.

Paths are relative to the file that they stand in.
"""

from __future__ import annotations

from collections.abc import Callable

from jobc.diagnostics.diagnostic import Diagnostic, Label
from jobc.errors import UsageError
from jobc.sema.bindings import Bindings, as_expr, both, of_json
from jobc.sema.loading import Loader
from jobc.sema.reused_python import reads
from jobc.source.file import Span
from jobc.syntax.ast import (
    BashStage,
    Const,
    Document,
    Item,
    Job,
    MapValue,
    ParamDecl,
    PyStage,
    Reuse,
    Stage,
    UseStages,
    Workflow,
    child_stages,
)
from jobc.syntax.expr import Call, Expr, Literal
from jobc.syntax.params import WANTED, fit, outside
from jobc.syntax.spelling import nearest

Report = Callable[[Diagnostic], None]

#: How long a chain of reuse may be.
DEEPEST = 100

#: What a job takes from another where it has not the key: key -> attributes.
_TAKEN = {
    "desc": ("desc",),
    "runs-on": ("runs_on",),
    "condition": ("condition",),
    "needs": ("needs",),
    "trigger-rule": ("trigger_rule", "trigger_rule_span"),
    "strategy": ("strategy",),
    "stages": ("stages",),
    "outputs": ("outputs",),
    "cache": ("cache",),
    "artifacts": ("artifacts",),
    "timeout": ("timeout",),
    "retry": ("retry",),
    "continue-on-error": ("continue_on_error",),
    "concurrency": ("concurrency",),
}
_DEFAULTS = {
    "runs-on": "runs_on",
    "timeout": "timeout",
    "retry": "retry",
    "resources": "resources",
    "continue-on-error": "continue_on_error",
}
_OWN_KEYS = ("id", "uses", "extends", "with")


def resolve(workflow: Workflow, document: Document, loader: Loader, report: Report) -> Workflow:
    """The workflow, every reuse in it resolved in place; doing it again does nothing.

    `loader` reads the other files; findings go to `report`, also those of source and syntax in files that are
    included.
    """
    if loader.resolver is None:
        loader.resolver = _Resolver(loader)
    resolver = loader.resolver
    assert isinstance(resolver, _Resolver)
    resolver.send = report
    resolver.stack = [_Frame(("file", id(document)), document.file.path, None)]
    resolver.include(document, workflow)
    for job in workflow.jobs:
        resolver.job(_Place(document, workflow, job), None)
    return workflow


class _Place:
    """A job where it is written."""

    __slots__ = ("document", "job", "workflow")

    def __init__(self, document: Document, workflow: Workflow, job: Job) -> None:
        self.document = document
        self.workflow = workflow
        self.job = job


class _Frame:
    """Something being resolved; `span` is the reference that led to it."""

    __slots__ = ("key", "label", "span")

    def __init__(self, key: tuple[str, object], label: str, span: Span | None) -> None:
        self.key = key
        self.label = label
        self.span = span


class _Resolver:
    def __init__(self, loader: Loader) -> None:
        self.loader = loader
        self.send: Report = lambda diagnostic: None
        self.stack: list[_Frame] = []
        self.opened: set[int] = set()
        self.resolved: set[int] = set()
        self.included: set[int] = set()
        #: By reference and workflow; the reference is kept, so that its id stays its own.
        self.bound: dict[tuple[int, int], tuple[Reuse, Bindings]] = {}

    def report(self, rule: str, message: str, span: Span, help: str, related: tuple[Label, ...] = ()) -> None:
        self.send(Diagnostic(rule, message, span, help=help, related=related))

    def open(self, reuse: Reuse) -> Document | None:
        """The file that a reference names."""
        assert reuse.path is not None
        try:
            document = self.loader.load(reuse.path, reuse.span.file)
        except UsageError as error:
            self.report(
                "call-mismatch",
                f"this file cannot be read: {error}",
                reuse.span,
                error.help or "check the path",
            )
            return None
        if id(document) not in self.opened:
            self.opened.add(id(document))
            for diagnostic in document.diagnostics:
                self.send(diagnostic)
        return document

    # Cycles

    def closes(self, key: tuple[str, object], label: str, span: Span | None) -> bool:
        """Whether a reference leads back to what is being resolved; then the chain is reported."""
        start = next((i for i, frame in enumerate(self.stack) if frame.key == key), None)
        if start is None or span is None:
            return False
        chain = self.stack[start:]
        labels = [frame.label for frame in chain] + [label]
        spans = [frame.span for frame in chain[1:]] + [span]
        steps = [(at, to) for at, to in zip(spans, labels[1:], strict=True) if at is not None]
        self.report(
            "include-cycle",
            f"reuse goes in a circle: {' → '.join(labels)}",
            steps[0][0],
            "take the part that both need into a file or job of its own, and reuse that",
            tuple(Label(at, f"leads to {to}") for at, to in steps[1:]),
        )
        return True

    def too_deep(self, span: Span | None) -> bool:
        if len(self.stack) < DEEPEST or span is None:
            return False
        self.report(
            "call-mismatch",
            f"reuse nests more than {DEEPEST} deep here",
            span,
            "let the job reuse what it needs directly",
        )
        return True

    # include

    def include(self, document: Document, workflow: Workflow) -> None:
        """Append the jobs of every file that a workflow includes."""
        if id(workflow) in self.included:
            return
        self.included.add(id(workflow))
        for reuse in workflow.includes:
            target = self.open(reuse)
            if target is None:
                continue
            key, label = ("file", id(target)), target.file.path
            if self.closes(key, label, reuse.span) or self.too_deep(reuse.span):
                continue
            self.stack.append(_Frame(key, label, reuse.span))
            self._include(workflow, target, reuse)
            self.stack.pop()

    def _include(self, workflow: Workflow, target: Document, reuse: Reuse) -> None:
        taken = False
        for other in target.workflows:
            self.include(target, other)
            whole = reuse.id is None or reuse.id == other.name
            for job in list(other.jobs):
                if whole or job.id == reuse.id:
                    taken = True
                    place = _Place(target, other, job)
                    if self.job(place, reuse.span):
                        copied = self.copy(workflow, place, reuse)
                        workflow.jobs.append(copied)
                        self.resolved.add(id(copied))
        if not taken and target.workflows:
            self._no_job(target, reuse)

    # uses and extends

    def job(self, place: _Place, span: Span | None) -> bool:
        """Resolve a job, unless it is resolved; False where the reference at `span` closes a cycle."""
        job = place.job
        if id(job) in self.resolved:
            return True
        key = ("job", id(job))
        label = f"{place.document.file.path}#{job.id}"
        if self.closes(key, label, span) or self.too_deep(span):
            return False
        self.stack.append(_Frame(key, label, span))
        for reuse in (job.uses, job.extends):
            if reuse is not None:
                self._take(place, reuse)
        job.stages = self.splice(place, job.stages)
        self.stack.pop()
        self.resolved.add(id(job))
        return True

    def find(self, place: _Place, reuse: Reuse) -> _Place | None:
        """The job that `uses` or `extends` names, resolved; None where there is none, or a cycle."""
        document: Document | None = place.document
        first = [place.workflow]
        if reuse.path is not None:
            document = self.open(reuse)
            first = []
        if document is None:
            return None
        workflows = first + [workflow for workflow in document.workflows if workflow not in first]
        for attempt in range(2):
            for workflow in workflows:
                if attempt:
                    self.include(document, workflow)
                for job in workflow.jobs:
                    if job.id == reuse.id:
                        found = _Place(document, workflow, job)
                        return found if self.job(found, reuse.span) else None
        self._no_job(document, reuse)
        return None

    def _no_job(self, document: Document, reuse: Reuse) -> None:
        ids = [job.id for workflow in document.workflows for job in workflow.jobs]
        close = nearest(reuse.id or "", ids)
        if close is not None:
            help = f"did you mean `{close}`?"
        else:
            help = "its jobs are " + ", ".join(f"`{id}`" for id in ids) if ids else "it holds no jobs"
        path = document.file.path
        said = f"there is no job `{reuse.id}` in `{path}`" if reuse.id else f"`{path}` has no jobs"
        self.report("call-mismatch", said, reuse.span, help)

    def _take(self, place: _Place, reuse: Reuse) -> None:
        found = self.find(place, reuse)
        if found is None:
            return
        job = place.job
        base = self.copy(place.workflow, found, reuse)
        for key, attributes in _TAKEN.items():
            if key in job.keys or (key == "needs" and reuse is job.uses):
                continue
            for attribute in attributes:
                setattr(job, attribute, getattr(base, attribute))
        job.env = _merged(base.env, job.env)
        job.resources = _merged_map(base.resources, job.resources)
        job.extras = _merged_map(base.extras, job.extras)
        skipped = (*_OWN_KEYS, "needs") if reuse is job.uses else _OWN_KEYS
        job.keys = {k: s for k, s in base.keys.items() if k not in skipped} | job.keys

    # Stages

    def splice(self, place: _Place, stages: list[Stage]) -> list[Stage]:
        """The stages with those of other jobs in the place of each `uses: path#job`."""
        made: list[Stage] = []
        for stage in stages:
            if not isinstance(stage, UseStages):
                for inner in child_stages(stage):
                    inner[:] = self.splice(place, inner)
                made.append(stage)
                continue
            found = self.find(place, stage.reuse)
            if found is None:
                continue
            base = self.copy(place.workflow, found, stage.reuse)
            for each in base.stages:
                each.env = _merged(_merged(base.env, each.env), stage.env)
                if stage.condition is not None:
                    plain = Bindings({}).copy(stage.condition)
                    each.condition = plain if each.condition is None else both(plain, each.condition)
                made.append(each)
        return made

    # Copies

    def copy(self, workflow: Workflow, found: _Place, reuse: Reuse) -> Job:
        """A copy of a resolved job for use in `workflow`, with what surrounds it in its own."""
        bindings = self.bindings(workflow, found, reuse)
        job = bindings.copy(found.job)
        for stage in _all(job.stages):
            if isinstance(stage, PyStage) and bindings.bound:
                self._python(stage, bindings, reuse)
        if found.workflow is not workflow:
            _surround(job, found.workflow, bindings)
            names = {secret.name for secret in workflow.secrets}
            workflow.secrets += [secret for secret in found.workflow.secrets if secret.name not in names]
        return job

    def _python(self, stage: PyStage, bindings: Bindings, reuse: Reuse) -> None:
        for name, span in reads(stage, bindings.bound):
            self.report(
                "call-mismatch",
                f"this Python code reads `{name}` of the run's parameters, not the one that its reuse binds",
                span,
                f"write `${{{{ params.{name} }}}}` in the code, or hand it over with `vars`",
                (Label(reuse.span, "reused here"),),
            )

    def bindings(self, workflow: Workflow, found: _Place, reuse: Reuse) -> Bindings:
        """What stands for the other workflow's parameters; mismatches are reported once a reference."""
        key = (id(reuse), id(found.workflow))
        if key not in self.bound:
            bound = self._bind(workflow, found, reuse)
            declared = found.workflow.params
            complete = declared is not None and all(param.name in bound for param in declared)
            self.bound[key] = reuse, Bindings(bound, complete=complete)
        return self.bound[key][1]

    def _bind(self, workflow: Workflow, found: _Place, reuse: Reuse) -> dict[str, Expr | None]:
        other = found.workflow
        declared = None if other.params is None else {param.name: param for param in other.params}
        bound: dict[str, Expr | None] = {}
        for item in reuse.with_:
            if declared is None:
                bound[item.key] = as_expr(item.value)
            elif item.key in declared:
                bound[item.key] = self._given(declared[item.key], item, found.document.file.path)
            else:
                close = nearest(item.key, declared)
                listed = ", ".join(f"`{name}`" for name in declared)
                help = f"its parameters are {listed}" if declared else "it takes none"
                self.report(
                    "call-mismatch",
                    f"`{found.document.file.path}` has no parameter `{item.key}`",
                    item.key_span,
                    f"did you mean `{close}`?" if close else help,
                )
        if declared is None or other is workflow:
            return bound
        own = None if workflow.params is None else {param.name for param in workflow.params}
        for name, param in declared.items():
            if name in bound or (own is not None and name in own):
                continue
            if param.has_default:
                bound[name] = _typed(param, param.default, param.default_span or param.span)
            elif param.required:
                bound[name] = None
                self.report(
                    "call-mismatch",
                    f"`{found.document.file.path}` needs the parameter `{name}`",
                    reuse.span,
                    f"give it with `with: {{{name}: …}}`",
                    (Label(param.name_span, "declared here"),),
                )
            elif own is not None:
                bound[name] = Literal(None, param.span.start, param.span.end)
        return bound

    def _given(self, param: ParamDecl, item: Item, path: str) -> Expr | None:
        """The expression for a value given by `with`; a constant must fit the declaration."""
        value = item.value
        if not isinstance(value, Const):
            return as_expr(value)
        if value.value is None and not param.required:
            return as_expr(value)
        fitting = fit(param.type, value.value, value.node.text)
        problem = (
            f"not {WANTED.get(param.type, 'a value')}" if fitting is None else outside(param, fitting[0])
        )
        if fitting is None or problem:
            self.report(
                "call-mismatch",
                f"`{item.key}` of `{path}` cannot be `{value.node.text}`: it is {problem}",
                value.span,
                f"give {WANTED.get(param.type, 'a value')} that its declaration allows",
                (Label(param.name_span, "declared here"),),
            )
            return None
        return _typed(param, fitting[0], value.span)


def _typed(param: ParamDecl, value: object, span: Span) -> Expr:
    """A JSON value as an expression of the parameter's type."""
    expr = of_json(value, span)
    if param.type in ("date", "datetime") and isinstance(value, str):
        return Call("datetime.parse", [expr], [], span.start, span.end, span.end)
    return expr


def _surround(job: Job, workflow: Workflow, bindings: Bindings) -> None:
    """Give a copied job what its own workflow gave it."""
    job.env = _merged(bindings.copy(workflow.env), job.env)
    defaults = workflow.defaults
    if defaults is None:
        return
    for key, attribute in _DEFAULTS.items():
        default = getattr(defaults, attribute)
        if key not in job.keys and default is not None:
            setattr(job, attribute, bindings.copy(default))
            job.keys[key] = defaults.span
    if defaults.shell is not None:
        for stage in _all(job.stages):
            if isinstance(stage, BashStage) and stage.shell is None:
                stage.shell = bindings.copy(defaults.shell)


def _all(stages: list[Stage]) -> list[Stage]:
    made: list[Stage] = []
    for stage in stages:
        made.append(stage)
        for inner in child_stages(stage):
            made += _all(inner)
    return made


def _merged(base: list[Item], own: list[Item]) -> list[Item]:
    """The base's items, those of the same name replaced, then the rest of the own ones."""
    if not base:
        return own
    by_key = {item.key: item for item in base}
    by_key.update((item.key, item) for item in own)
    return list(by_key.values())


def _merged_map(base: MapValue | None, own: MapValue | None) -> MapValue | None:
    if base is None or own is None:
        return own if base is None else base
    return MapValue(_merged(base.entries, own.entries), own.node)
