"""Live objects in the `vars` of Python stages: functions, connections, whatever YAML cannot hold.

They are left out of the text that a model is compiled from, and handed to the stage when it runs, inline, in the
caller's process. A stage is found again in the IR by its position: both trees have the same shape.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from jobc.ir import program as ir
from jobc.model.stages import CaseStage, NestingStage, ParallelStage, PyStage, Stage

if TYPE_CHECKING:
    from jobc.model.workflow import Workflow

#: (workflow's place among the documents, job id, position of the stage in its job)
Where = tuple[int, str, str]


def is_data(value: Any) -> bool:
    """Whether a value can stand in a jobs file."""
    if value is None or isinstance(value, (str, bool, int, float, Decimal, date)):
        return True
    if isinstance(value, dict):
        return all(isinstance(key, str) and is_data(part) for key, part in value.items())
    if isinstance(value, (list, tuple)):
        return all(is_data(part) for part in value)
    return isinstance(value, range)


class LiveObjects:
    """What `vars` hold that is no data, by stage and name."""

    __slots__ = ("found",)

    def __init__(self) -> None:
        self.found: dict[Where, dict[str, Any]] = {}

    @property
    def names(self) -> list[str]:
        return sorted(f"{job}: vars.{name}" for (_, job, _), named in self.found.items() for name in named)

    def mapping(self, workflow: Workflow, number: int) -> dict[str, Any]:
        """The workflow's mapping without its live objects, which are kept here."""
        out = workflow.to_mapping()
        for id, job in workflow.jobs.items():
            stages = out["jobs"][id].get("stages", [])
            for position, stage, mapping in _pairs(job.stages, stages, ""):
                if isinstance(stage, PyStage):
                    live = {name: value for name, value in stage.vars.items() if not is_data(value)}
                    if live:
                        self.found[number, id, position] = live
                        self._leave_out(mapping, live)
        return out

    @staticmethod
    def _leave_out(mapping: dict[str, Any], live: dict[str, Any]) -> None:
        kept = {name: value for name, value in mapping["vars"].items() if name not in live}
        if kept:
            mapping["vars"] = kept
        else:
            del mapping["vars"]
        mapping["isolation"] = "inline"

    def by_span(self, program: ir.Program) -> dict[int, dict[str, Any]]:
        """The live objects by the span of their stage in the program compiled from the mappings."""
        if not self.found:
            return {}
        spans: dict[int, dict[str, Any]] = {}
        for number, workflow in enumerate(program.workflows):
            for job in workflow.jobs:
                for position, stage in _positions(job.stages, ""):
                    live = self.found.get((number, job.id, position))
                    if live is not None:
                        spans[stage.span] = live
        return spans


def _pairs(
    stages: list[Stage], mappings: list[dict[str, Any]], prefix: str
) -> Iterator[tuple[str, Stage, dict[str, Any]]]:
    """Every stage with its position and its mapping, nested ones too."""
    for index, (stage, mapping) in enumerate(zip(stages, mappings, strict=True)):
        position = f"{prefix}{index}"
        yield position, stage, mapping
        if isinstance(stage, ParallelStage):
            for name, branch in stage.parallel.items():
                yield from _pairs(branch, mapping["parallel"][name], f"{position}.{name}.")
        elif isinstance(stage, NestingStage):
            yield from _pairs(stage.stages, mapping.get("stages", []), f"{position}.")
        elif isinstance(stage, CaseStage):
            for number, arm in enumerate(stage.match):
                inside, key = (arm.stages, "stages") if arm.else_ is None else (arm.else_, "else")
                yield from _pairs(inside, mapping["match"][number][key], f"{position}.{number}.")
            if stage.else_:
                yield from _pairs(stage.else_, mapping["else"], f"{position}.{len(stage.match)}.")


def _positions(stages: list[ir.Stage], prefix: str) -> Iterator[tuple[str, ir.Stage]]:
    for index, stage in enumerate(stages):
        position = f"{prefix}{index}"
        yield position, stage
        if isinstance(stage, ir.ParallelStage):
            for name, branch in stage.branches:
                yield from _positions(branch, f"{position}.{name}.")
        elif isinstance(stage, (ir.ForEachStage, ir.UntilStage)):
            yield from _positions(stage.stages, f"{position}.")
        elif isinstance(stage, ir.CaseStage):
            for number, (_, arm) in enumerate(stage.arms):
                yield from _positions(arm, f"{position}.{number}.")
