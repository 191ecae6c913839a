"""References to earlier results: `stages.…` and `jobs.…` of the original.

There, everything that has run is one tree: `jobs.<job>.stages.<stage>.outputs.<name>` from any later job,
`stages.<stage>.outputs.<name>` within a job, and what a nested stage did below the outputs of the stage around it.
Here a job reads the declared outputs of the jobs in its `needs`, and nested stages are read by their own id. So a
reference across jobs becomes `needs.<job>.outputs.<name>`, and the outline notes the output and the need that the
file must declare; a path through a nested stage is cut down to the stage that it ends in.
"""

from __future__ import annotations

from jobc.cli.importing.outline import JobOutline, StageOutline, WorkflowOutline
from jobc.cli.importing.place import Place
from jobc.cli.importing.untranslatable import Untranslatable
from jobc.source.nodes import Scalar, Sequence
from jobc.syntax.expr import Expr, Index, Literal, Member, Name
from jobc.syntax.printer import print_expr

_IN_STAGE = "read the value in the stage that has it, and hand it on as an output"


def stage_reference(
    path: list[str], stages: dict[str, StageOutline], workflow: WorkflowOutline
) -> tuple[Expr, list[str], str | None]:
    """What `stages.<path>` is: an expression, what to say about it, and its type where it is known."""
    id = path[0] if path else ""
    stage = stages.get(id)
    if stage is None:
        raise Untranslatable(
            f"no stage of the job has the id `{id}`", "give the stage that id, or name another"
        )
    here: Expr = Member(Name("stages"), id)
    rest = path[1:]
    if rest[:1] == ["status"]:
        return Member(here, "result"), ["the status is `result`, one of `success failed skip cancel`"], "str"
    if rest[:1] != ["outputs"] or len(rest) < 2:
        shown = ".".join(["stages", *path])
        raise Untranslatable(f"`{shown}` has no counterpart: a stage has `outputs` and `result`", _IN_STAGE)
    return _output(stage, here, rest[1:], workflow)


def job_reference(path: list[str], place: Place) -> tuple[Expr, list[str], str | None]:
    """What `jobs.<path>` is here; notes in the outline what the file must declare for it."""
    name = path[0] if path else ""
    workflow = place.workflow
    job = workflow.jobs.get(name)
    if job is None:
        raise Untranslatable(f"no job of the workflow has the id `{name}`", "name one of its jobs")
    if place.job is None:
        raise Untranslatable("results of jobs can be read only inside of a job", "move the value into a job")
    if name == place.job.id:
        return stage_reference(path[2:], job.stages, workflow)
    notes = ["results of other jobs are read through `needs`"]
    if path[1:] == ["status"]:
        notes += _need(place.job, job, workflow)
        return (
            Member(Member(Name("needs"), name), "result"),
            [*notes, "a status is `success`, `failed`, …"],
            "str",
        )
    if path[1:2] == ["strategies"] or job.matrix:
        raise Untranslatable(
            f"job `{name}` has a strategy, and its results had generated ids",
            f"`needs.{name}.outputs.<name>` is the list of its combinations' values, in their order",
        )
    if path[1:2] != ["stages"]:
        raise Untranslatable(
            f"`{'.'.join(['jobs', *path])}` has no counterpart: a job has `outputs` and `result`", _IN_STAGE
        )
    value, said, type = stage_reference(path[2:], job.stages, workflow)
    notes += said
    notes += _need(place.job, job, workflow)
    if isinstance(value, Literal):
        return value, notes, type
    output = job.declare(path[-1] if path[-1].isidentifier() else path[2], print_expr(value))
    return _members(Member(Name("needs"), name), ["outputs", output]), notes, type


def _need(reader: JobOutline, job: JobOutline, workflow: WorkflowOutline) -> list[str]:
    """Note that one job needs another, where it does not say so."""
    if job.id in reader.needs or job.id in reader.added_needs:
        return []
    if reader.id in workflow.needs_of(job.id):
        raise Untranslatable(
            f"job `{job.id}` needs `{reader.id}`, so its results cannot be read here",
            "move the stages that read them into a later job",
        )
    reader.added_needs.append(job.id)
    return [f"so `{reader.id}` must need `{job.id}`"]


def _output(
    stage: StageOutline, here: Expr, path: list[str], workflow: WorkflowOutline
) -> tuple[Expr, list[str], str | None]:
    name = path[0]
    value = _members(here, ["outputs", *path])
    if stage.kind in ("bash", "docker", "virtual-python") and name in ("stdout", "stderr", "return_code"):
        return _stream(stage, here, name)
    if stage.kind == "parallel" and name == "parallel" and path[2:3] == ["stages"]:
        return _nested(path[3:], stage, workflow)
    if stage.kind == "case" and name == "stages":
        return _nested(path[1:], stage, workflow)
    if stage.kind == "foreach" and name == "foreach" and path[2:3] == ["stages"] and path[4:5] == ["outputs"]:
        item: Expr = Index(_members(here, ["outputs", "items"]), Literal(_position(stage, path[1])))
        return (
            _members(item, ["outputs", *path[5:]]),
            ["the outputs of a `foreach` are a list, in its order"],
            None,
        )
    if stage.kind == "trigger":
        return _triggered(stage, here, path, workflow)
    if stage.kind in ("parallel", "case", "foreach", "until"):
        raise Untranslatable(
            f"`outputs.{'.'.join(path)}` of a `{stage.kind}` stage has no counterpart",
            "give the nested stage an id and read its outputs as `stages.<id>.outputs.<name>`",
        )
    return value, [], None


def _nested(
    path: list[str], stage: StageOutline, workflow: WorkflowOutline
) -> tuple[Expr, list[str], str | None]:
    value, said, type = stage_reference(path, stage.inner, workflow)
    return value, ["a nested stage is read by its own id", *said], type


def _stream(stage: StageOutline, here: Expr, name: str) -> tuple[Expr, list[str], str | None]:
    if name == "return_code":
        return Literal(0), ["a stage that ended well has the code 0; any other code is a failure"], "int"
    if stage.kind != "bash" or name == "stderr":
        raise Untranslatable(
            f"a `{stage.kind}` stage has no output `{name}`: outputs are what a stage writes on purpose",
            'write it from the script: `echo "name=value" >> "$JOBC_OUTPUT"` in bash, a variable in Python',
        )
    return _members(here, ["outputs", name]), [], "str"


def _position(stage: StageOutline, key: str) -> int:
    """Which item of the loop has this key."""
    if text_is_true(stage.node.get("use_index_as_key")) and key.isdigit():
        return int(key)
    items = stage.node.get("foreach")
    texts = (
        [item.text for item in items.items if isinstance(item, Scalar)] if isinstance(items, Sequence) else []
    )
    if key not in texts:
        raise Untranslatable(
            f"which item of the `foreach` has the key `{key}` is not known here",
            "its outputs are the list `outputs.items` of `{item, result, outputs}`: name the index",
        )
    return texts.index(key)


def _triggered(
    stage: StageOutline, here: Expr, path: list[str], workflow: WorkflowOutline
) -> tuple[Expr, list[str], str | None]:
    trigger = stage.node.get("trigger")
    target = workflow.siblings.get(trigger.text) if isinstance(trigger, Scalar) else None
    job = target.jobs.get(path[1]) if target and path[0] == "jobs" and len(path) > 1 else None
    if target is None or job is None or job.matrix or path[2:3] != ["stages"]:
        raise Untranslatable(
            "a `trigger` stage has the outputs that the other workflow declares",
            "declare them there as `outputs: {name: …}`, and read `stages.<id>.outputs.<name>`",
        )
    value, said, type = stage_reference(path[3:], job.stages, target)
    output = job.declare(path[-1], print_expr(value))
    target.outputs[output] = f"needs.{job.id}.outputs.{output}"
    return (
        _members(here, ["outputs", output]),
        [*said, f"`{target.name}` must declare what it hands back as `outputs`"],
        type,
    )


def text_is_true(node: object) -> bool:
    return isinstance(node, Scalar) and node.text.lower() in ("true", "yes", "on")


def _members(value: Expr, names: list[str]) -> Expr:
    for name in names:
        value = Index(value, Literal(int(name))) if name.isdigit() else Member(value, name)
    return value
