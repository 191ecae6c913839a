"""The stages (LANGUAGE §3). Given as a mapping, a stage's kind is told by its key, as in YAML."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, SerializeAsAny, field_validator, model_validator

from jobc.model.base import Flag, Model, Number, Whole, kebab

#: Seconds, or a text such as `90s`, `15m`, `1h30m`, or an expression.
Duration = Number | str
#: A text, or an expression of any type.
Text = str | Number | Flag


class Retry(Model):
    """Further attempts after the first; unset parts come from `WORKFLOW_CORE_RETRY_ATTEMPTS` and `…_DELAY`."""

    attempts: Whole | str | None = None
    delay: Duration | None = None
    backoff: Literal["fixed", "linear", "exponential"] | None = None
    max_delay: Duration | None = None
    jitter: Number | Flag | str | None = None
    on: list[str | Whole] = Field(default_factory=list)
    preemptions: Whole | str | None = None


class Stage(Model):
    """What every stage has."""

    spellings: ClassVar[dict[str, str]] = {"if": "condition"}
    #: The fields whose presence tells the kind, the first of them the main one.
    kind_keys: ClassVar[tuple[str, ...]] = ()

    id: str | None = None
    name: str | None = None
    desc: str | None = None
    condition: str | Flag | None = None
    env: dict[str, Any] = Field(default_factory=dict)
    timeout: Duration | None = None
    retry: Whole | Flag | Retry | None = None
    continue_on_error: Flag | str | None = None
    extras: dict[str, Any] = Field(default_factory=dict)


Stages = list[SerializeAsAny[Stage]]


class EmptyStage(Stage):
    """Says something, waits, or does nothing."""

    kind_keys = ("echo", "sleep")
    echo: Text | None = None
    sleep: Duration | None = None

    @model_validator(mode="after")
    def _of_this_kind(self) -> Self:
        """One that says nothing sleeps for no time: a stage in YAML needs a key that tells its kind."""
        if self.echo is None and self.sleep is None:
            self.__dict__["sleep"] = 0
        return self


class BashStage(Stage):
    """A shell script, run with `-eo pipefail` unless `shell` says otherwise."""

    kind_keys = ("bash",)
    bash: str
    shell: str | None = None


class PyStage(Stage):
    """A Python script. `vars` adds names; live objects among them (functions, connections) make it run inline."""

    kind_keys = ("run",)
    run: str
    vars: dict[str, Any] = Field(default_factory=dict)
    deps: list[str] = Field(default_factory=list)
    isolation: Literal["process", "inline"] | None = None


class CallStage(Stage):
    """Calls `module:function`, or a function registered with `jobc.task`, by keyword."""

    kind_keys = ("uses",)
    uses: str
    with_: dict[str, Any] = Field(default_factory=dict)


class TriggerStage(Stage):
    """Runs another workflow to its end; its outputs are the stage's."""

    kind_keys = ("trigger",)
    trigger: str
    params: dict[str, Any] = Field(default_factory=dict)


class NestingStage(Stage):
    """Base of the stages that hold stages."""

    stages: Stages = Field(default_factory=list)

    @field_validator("stages", mode="before")
    @classmethod
    def _stages(cls, value: Any) -> Any:
        return stage_list(value)


class ParallelStage(Stage):
    """Runs its branches side by side."""

    kind_keys = ("parallel",)
    parallel: dict[str, Stages]
    max_parallel: Whole | str | None = None

    @field_validator("parallel", mode="before")
    @classmethod
    def _branches(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            raise ValueError(f"parallel is a mapping of branch names to lists of stages; not {value!r}")
        return {name: stage_list(stages) for name, stages in value.items()}


class ForEachStage(NestingStage):
    """Runs its stages for each item of a list; the item is `item`."""

    kind_keys = ("foreach",)
    foreach: list[Any] | range | str
    max_parallel: Whole | str | None = None

    @field_validator("foreach", mode="before")
    @classmethod
    def _items(cls, value: Any) -> Any:
        return list(value) if isinstance(value, (tuple, range)) else value


class UntilStage(NestingStage):
    """Runs its stages until `until` holds, `max_loop` rounds at most."""

    kind_keys = ("until",)
    until: str | Flag
    item: Any = None
    max_loop: Whole | str | None = None


class Arm(Model):
    """One entry of a case stage's `match`; the default is written `else`, `_`, or with the case `_`."""

    spellings: ClassVar[dict[str, str]] = {"_": "else_"}

    case: Any = None
    stages: Stages = Field(default_factory=list)
    else_: Stages | None = None

    @model_validator(mode="before")
    @classmethod
    def _default(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("case") == "_":
            return {"else": data.get("stages", [])}
        return data

    @field_validator("stages", "else_", mode="before")
    @classmethod
    def _stages(cls, value: Any) -> Any:
        return None if value is None else stage_list(value)

    def to_mapping(self) -> dict[str, Any]:
        if self.else_ is not None:
            return {"else": [stage.to_mapping() for stage in self.else_]}
        return {"case": self.case, "stages": [stage.to_mapping() for stage in self.stages]}


class CaseStage(Stage):
    """Runs the stages of the first arm that equals `case`, or of the default: `else_` here, or in an arm."""

    kind_keys = ("case",)
    case: Text
    match: list[Arm]
    else_: Stages | None = None
    skip_not_match: Flag | str | None = None

    @field_validator("else_", mode="before")
    @classmethod
    def _stages(cls, value: Any) -> Any:
        return None if value is None else stage_list(value)


class RaiseStage(Stage):
    """Fails with a message."""

    kind_keys = ("raise",)
    spellings: ClassVar[dict[str, str]] = {"if": "condition", "message": "raise_"}
    raise_: Text


class DockerStage(Stage):
    """Runs a command in a container of `image`."""

    kind_keys = ("image",)
    image: str
    command: str | list[Any] | None = None
    volume: dict[str, str] = Field(default_factory=dict)
    network: str | None = None
    user: str | None = None
    workdir: str | None = None
    resources: dict[str, Any] = Field(default_factory=dict)
    pull: Literal["always", "missing", "never"] | None = None
    docker_host: str | None = None
    auth: str | None = None
    read_only: Flag | str | None = None
    capabilities: list[str] = Field(default_factory=list)
    new_privileges: Flag | str | None = None


KINDS: tuple[type[Stage], ...] = (
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


def stage_list(value: Any) -> list[Stage]:
    """Models of a list of stages, each a model or a mapping."""
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"stages are a list; not {value!r}")
    return [one_stage(item) for item in value]


def one_stage(value: Any) -> Stage:
    """A stage's model; raises ValueError where a mapping has no key that tells a kind, or the keys of two."""
    if isinstance(value, Stage):
        return value
    if not isinstance(value, dict):
        raise ValueError(f"a stage is a stage model or a mapping; not {value!r}")
    keys = {kebab(str(key)) for key in value}
    kinds = [kind for kind in KINDS if keys & set(kind.kind_keys)]
    if len(kinds) == 1:
        return kinds[0].model_validate(value)
    if not kinds:
        told_by = ", ".join(kind.kind_keys[0] for kind in KINDS)
        raise ValueError(
            f"a stage of no kind: one of these keys tells it: {told_by}; given are {', '.join(keys)}"
        )
    raise ValueError(
        "a stage of two kinds: " + " and ".join(sorted(keys & {k for kind in kinds for k in kind.kind_keys}))
    )
