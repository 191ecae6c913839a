"""The types of the contexts, from what the file itself declares, and the scope at each position.

`params` comes from the declarations, `matrix` from the strategy's values, `needs` from the jobs that a
job names and the outputs that those declare or write (`sema.outputs`), `stages` from the stages that ended
before. What cannot be told (a script that calls others, the environment) is open: any name may be there.

Types of one job are made when first asked for. They read the types of expressions that stand before
them (a matrix value, a declared output), so jobs are analysed in topological order, each from its
strategy to its outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from jobc.sema.model import WorkflowModel
from jobc.sema.narrow import NOTHING, Facts
from jobc.sema.outputs import StageOutputs, has_decimals, listed
from jobc.sema.positions import Position
from jobc.sema.scope import Scope
from jobc.sema.script_outputs import Outputs, carried, with_decimals
from jobc.sema.types import (
    ANY,
    BOOL,
    DATETIME,
    FLOAT,
    INT,
    STR,
    LazyObject,
    ListType,
    LiteralType,
    MapType,
    ObjectType,
    OutcomeType,
    SecretType,
    Type,
    bounded,
    of_json,
    optional,
    union,
    without_null,
)
from jobc.source.file import SourceFile
from jobc.syntax.ast import Const, Item, Job, ListValue, MapValue, ParamDecl, Stage, TemplateValue, Value

RESULT = union(LiteralType(status) for status in ("success", "failed", "skip", "cancel"))
RUN = ObjectType(
    {
        "id": STR,
        "attempt": INT,
        "workflow": STR,
        "parent_id": optional(STR),
        "started_at": STR,
    },
    noun="property of `run`",
)
STRATEGY = ObjectType(
    {"index": INT, "total": INT, "max-parallel": INT, "fail-fast": BOOL},
    noun="property of `strategy`",
)
STAGE = ObjectType({"result": RESULT, "outputs": MapType(ANY)}, noun="property of a stage")
OPEN = ObjectType({}, open=True)

#: The rule under which `needs.x` of a job that is no need is reported (see `sema.needs`).
MISSING_NEED = "missing-need"

_PARAM_TYPES: dict[str, Type] = {
    "str": STR,
    "int": INT,
    "float": FLOAT,
    "decimal": FLOAT,
    "bool": BOOL,
    "date": DATETIME,
    "datetime": DATETIME,
    "list": ListType(ANY),
    "map": MapType(ANY),
    "choice": STR,
    "secret": SecretType(STR),
    "any": ANY,
}


def params_type(declared: list[ParamDecl] | None) -> Type:
    """The `params` context; open where nothing is declared, for then every parameter is taken as it is."""
    if declared is None:
        return OPEN
    return ObjectType({decl.name: _param_type(decl) for decl in declared}, noun="parameter")


def _param_type(decl: ParamDecl) -> Type:
    if decl.enum is not None and decl.type != "secret":
        type = union(of_json(value) for value in decl.enum)
    else:
        type = _PARAM_TYPES.get(decl.type, ANY)
    given = decl.required or (decl.has_default and decl.default is not None)
    return type if given else optional(type)


class Contexts:
    """The contexts of one workflow. `need(job)` may be asked for once the job's outputs are analysed."""

    __slots__ = ("_fixed", "_known", "_lazies", "_matrix", "_model", "_needs", "_outputs", "_ready")

    def __init__(self, model: WorkflowModel) -> None:
        workflow = model.workflow
        self._model = model
        self._fixed: dict[str, Type] = {
            "params": params_type(workflow.params),
            "secrets": ObjectType({s.name: SecretType(STR) for s in workflow.secrets}, noun="secret"),
            "strategy": STRATEGY,
            "run": RUN,
        }
        self._known: dict[str | None, dict[str, Type]] = {}
        self._ready: set[str] = set()
        self._matrix: dict[str, Type | None] = {}
        self._needs: dict[str, OutcomeType] = {}
        self._outputs = StageOutputs(model)
        self._lazies: list[LazyObject] = []

    def scope(
        self,
        position: Position,
        file: SourceFile,
        job: Job | None = None,
        local: Mapping[str, Type] | None = None,
        facts: Facts = NOTHING,
    ) -> Scope:
        """The scope at a position of a job (of the workflow where `job` is None).

        `local` holds what the place itself adds: `stages`, `item`, `vars`; `facts` is what conditions around it say.
        """
        known = self._of(job)
        if local:
            known = {**known, **local}
        contexts: dict[str, Type] = {}
        unavailable = position.absent
        for name in position.contexts:
            type = known.get(name)
            if type is not None:
                contexts[name] = type
            else:
                unavailable = {**unavailable, name: _MISSING[name]}
        types = self._model.types
        return Scope(contexts, unavailable, file=file, place=position.place, types=types, facts=facts)

    def _of(self, job: Job | None) -> dict[str, Type]:
        """What a job's expressions can see apart from its stages; made anew once its strategy is analysed."""
        key = None if job is None else job.id
        known = self._known.get(key)
        if known is None:
            known = {**self._fixed, "env": self._env(job)}
            if job is not None:
                known["needs"] = self.needs(job)
                known["job"] = ObjectType(
                    {"id": LiteralType(job.id), "status": RESULT}, noun="property of `job`"
                )
                matrix = self.matrix(job) if job.id in self._ready else None
                if matrix is not None:
                    known["matrix"] = matrix
            self._known[key] = known
        return known

    def ready(self, job: Job) -> None:
        """The expressions of the job's strategy are analysed: from here on its `matrix` has a type."""
        self._ready.add(job.id)
        self._known.pop(job.id, None)

    def _env(self, job: Job | None) -> Type:
        names = [item.key for item in self._model.workflow.env]
        if job is not None:
            names += [item.key for item in job.env]
        return ObjectType(dict.fromkeys(names, STR), open=True) if names else _ENVIRONMENT

    def matrix(self, job: Job) -> Type | None:
        """The `matrix` of a job's combinations; None where it has none."""
        if job.id not in self._matrix:
            self._matrix[job.id] = _matrix_type(job, self._model)
        return self._matrix[job.id]

    def needs(self, job: Job) -> Type:
        """The `needs` of a job: the jobs that it names, and no others."""
        jobs = self._model.jobs
        known = [jobs[need.id] for need in job.needs if need.id in jobs]
        # The rule lets the job run only where all its needs succeeded; under any other one they may have ended anyhow.
        all_well = job.trigger_rule == "all_success"
        props: dict[str, Type] = {
            need.id: self.need(need).succeeded if all_well else self.need(need) for need in known
        }
        # A need that names no job is reported once, where it stands.
        props.update((need.id, ANY) for need in job.needs if need.id not in jobs)
        return ObjectType(props, rule=MISSING_NEED, noun="need")

    def all_needs(self) -> Type:
        """`needs` where every job has ended: in the outputs of the workflow."""
        return ObjectType({job.id: self.need(job) for job in self._model.jobs.values()}, noun="job")

    def need(self, job: Job) -> OutcomeType:
        """What `needs.<job>` is, however the job ended."""
        if job.id not in self._needs:
            matrix = self.matrix(job)
            noun = f"output of job `{job.id}`"

            def written() -> Outputs:
                if job.outputs is None:
                    return self._outputs.of_job(job)
                types = {item.key: bounded(carried(self.value(item.value))) for item in job.outputs}
                if has_decimals(self._model):
                    types = {name: with_decimals(type) for name, type in types.items()}
                return Outputs(types)

            def properties(succeeded: bool) -> dict[str, Type]:
                one = self._lazy(written, noun, succeeded=succeeded)
                every = (
                    one
                    if matrix is None
                    else self._lazy(lambda: listed(written()), noun, succeeded=succeeded)
                )
                each = self._lazy(written, noun, succeeded=False)
                combination = ObjectType({"matrix": matrix or OPEN, "result": RESULT, "outputs": each})
                return {"result": RESULT, "outputs": every, "combinations": ListType(combination)}

            noun_of_job = f"property of job `{job.id}`"
            well = ObjectType(properties(True), noun=noun_of_job)
            self._needs[job.id] = OutcomeType(properties(False), well, noun=noun_of_job)
        return self._needs[job.id]

    def stage(self, stage: Stage) -> OutcomeType:
        """What `stages.<id>` is, however the stage ended."""
        noun = f"output of stage `{stage.id}`"

        def written() -> Outputs:
            return self._outputs.of_stage(stage)

        def properties(succeeded: bool) -> dict[str, Type]:
            return {"result": RESULT, "outputs": self._lazy(written, noun, succeeded=succeeded)}

        noun_of_stage = f"property of stage `{stage.id}`"
        return OutcomeType(
            properties(False), ObjectType(properties(True), noun=noun_of_stage), noun=noun_of_stage
        )

    def _lazy(self, written: Callable[[], Outputs], noun: str, *, succeeded: bool) -> LazyObject:
        made = LazyObject(
            lambda: written().object(noun, succeeded=succeeded), rule="unknown-output", noun=noun
        )
        self._lazies.append(made)
        return made

    def close(self) -> None:
        """Nothing more is asked: let go of what is not known yet, and of the circle through it."""
        for lazy in self._lazies:
            lazy.settle()

    def value(self, value: Value) -> Type:
        """The type of a value whose expressions are analysed."""
        return value_type(value, self._model)


def value_type(value: Value, model: WorkflowModel) -> Type:
    """The type of a value: of a constant itself, of one whole expression its own, of text with expressions text."""
    if isinstance(value, Const):
        return of_json(value.value)
    if isinstance(value, TemplateValue):
        hole = value.holes[0] if value.holes else None
        if not value.whole:
            return STR
        return ANY if hole is None or hole.expr is None else model.type_of(hole.expr)
    if isinstance(value, ListValue):
        return ListType(union(value_type(item, model) for item in value.items))
    return ObjectType({item.key: value_type(item.value, model) for item in value.entries})


def element_type(type: Type) -> Type:
    """The type of the items of a list; `any` where it may be something else."""
    type = without_null(type)
    if isinstance(type, SecretType):
        return SecretType(element_type(type.inner))
    return type.elem if isinstance(type, ListType) else ANY


def vars_type(items: list[Item], model: WorkflowModel) -> Type:
    return ObjectType({item.key: value_type(item.value, model) for item in items}, noun="name in `vars`")


_ENVIRONMENT = MapType(STR)
_MISSING = {
    "matrix": "this job has no matrix",
    "item": "it exists only inside a `foreach` or `until` stage",
    "vars": "this stage has no `vars`",
    "stages": "there are no stages here",
    "job": "there is no job here",
}


def _matrix_type(job: Job, model: WorkflowModel) -> Type | None:
    """Each key with the values that the lists and the `include` entries give it; optional where a combination lacks it."""
    strategy = job.strategy
    if strategy is None:
        return None
    matrix, include = strategy.matrix, strategy.include
    if matrix is None and include is None:
        return None
    if isinstance(matrix, TemplateValue) and include is None:
        return _matrix_of(value_type(matrix, model))
    if isinstance(matrix, TemplateValue) or isinstance(include, TemplateValue):
        return OPEN
    keys = {item.key: item.value for item in matrix.entries} if matrix is not None else {}
    types: dict[str, list[Type]] = {
        key: [element_type(value_type(value, model))] for key, value in keys.items()
    }
    entries = include.items if include is not None else []
    if any(not isinstance(entry, MapValue) for entry in entries):
        return OPEN
    if entries and keys and strategy.exclude is not None:
        return _matrix_after_exclude(
            job,
            model,
            {*types, *(item.key for e in entries if isinstance(e, MapValue) for item in e.entries)},
        )
    # An entry that fits combinations extends them; another is a combination of its own and lacks what it does not name.
    held = {key: _held(value, model) for key, value in keys.items()} if entries else {}
    given: dict[str, int] = dict.fromkeys(keys, 0)
    for entry in entries:
        assert isinstance(entry, MapValue)
        named = {item.key: value_type(item.value, model) for item in entry.entries}
        own = any(
            type not in types_held for key, type in named.items() if (types_held := held.get(key)) is not None
        )
        for key, type in named.items():
            types.setdefault(key, []).append(type)
            given[key] = given.get(key, 0) + 1
        if own:
            for key in keys:
                if key not in named:
                    types[key].append(of_json(None))
    if not keys:
        everywhere = {key for key, count in given.items() if count == len(entries)}
    else:
        everywhere = set(keys)
    props: dict[str, Type] = {}
    for key, found in types.items():
        type = found[0] if len(found) == 1 else union(found)
        props[key] = type if key in everywhere else optional(type)
    return ObjectType(props, noun="matrix key")


def _matrix_after_exclude(job: Job, model: WorkflowModel, keys: set[str]) -> Type:
    """Where `exclude` may have taken away what an `include` entry would extend, the combinations themselves tell."""
    from jobc.sema.combinations import LIMIT, combinations

    known = combinations(job, model)
    if known is None or len(known) >= LIMIT:
        return ObjectType(dict.fromkeys(keys, ANY), noun="matrix key")
    props = {
        key: union(of_json(combination.get(key)) for combination in known) for key in sorted(keys) if known
    }
    return ObjectType(props or dict.fromkeys(keys, ANY), noun="matrix key")


def _matrix_of(type: Type) -> Type:
    """The matrix that one whole expression gives, where its keys are known (`fromJson` of a constant text)."""
    if not isinstance(type, ObjectType) or type.open:
        return OPEN
    return ObjectType({key: element_type(values) for key, values in type.props.items()}, noun="matrix key")


def _held(values: Value, model: WorkflowModel) -> set[Type] | None:
    """The types of a matrix list's constants; None where an expression may give others."""
    if not isinstance(values, ListValue) or any(isinstance(item, TemplateValue) for item in values.items):
        return None
    return {value_type(item, model) for item in values.items}
