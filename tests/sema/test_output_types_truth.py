"""Types and outputs against the truth: random jobs files are run for real, and every probe holds what was said of it.

- A value is of the type that its expression was said to have.
- An output that was said never to be written (`unknown-output`), or a name said not to exist, is null.

`JOBC_TRUTH_SEED` chooses other files, `JOBC_TRUTH_FILES` says how many are looked at.
"""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

import pytest

from jobc.engine.options import Options
from jobc.engine.run import execute
from jobc.lower.program import lower
from jobc.sema.analyze import analyze
from jobc.sema.model import SemanticModel
from jobc.sema.script_outputs import carried, with_decimals
from jobc.sema.types import Type, show
from jobc.sema.walk import stages
from jobc.source.file import SourceFile
from jobc.syntax.ast import PyStage, holes
from jobc.syntax.expr import Index, Member, Name
from tests.sema.fitting import fits
from tests.sema.random_outputs import Workflow, arguments

FILES = int(os.environ.get("JOBC_TRUTH_FILES", "16"))
SEED = int(os.environ.get("JOBC_TRUTH_SEED", "5"))
RUNS = 2
MISSING = ("unknown-output", "unwritten-output", "undefined-name")
#: Findings of inference, which do not keep a file from being lowered.
TOLD = {*MISSING, "incomparable-types", "call-signature", "condition-not-boolean", "combination-type"}


def analyzed(text: str) -> SemanticModel:
    return analyze(SourceFile("random.job.yml", text))


def said(model: SemanticModel) -> dict[tuple[str, str], tuple[Type, bool, list[str]]]:
    """Of each probe: the type of its expression, whether that is one plain read, the rules of findings in it."""
    found = {}
    (workflow,) = model.workflows
    for job in workflow.jobs.values():
        for stage in stages(job):
            if isinstance(stage, PyStage) and stage.id is not None and stage.id.startswith("probe"):
                (hole,) = holes(stage.script)
                assert hole.expr is not None
                inside = [
                    d.rule for d in model.diagnostics if hole.span.start <= d.span.start < hole.span.end
                ]
                expr = hole.expr
                while isinstance(expr, Member | Index):
                    expr = expr.object
                found[job.id, stage.id] = (workflow.type_of(hole.expr), isinstance(expr, Name), inside)
    return found


@pytest.mark.parametrize("shard", range(4))
def test_what_a_run_hands_on_is_what_was_said_of_it(shard: int, tmp_path: Path) -> None:
    probes = 0
    for number in range(shard, FILES, 4):
        seed = SEED * 100_000 + number
        random = Random(seed)
        workflow = Workflow(random)
        model = analyzed(workflow.text)
        claims = said(model)
        assert {d.rule for d in model.diagnostics} <= TOLD, [(d.rule, d.message) for d in model.diagnostics]
        # What is said of them is to be seen in runs, too.
        model.diagnostics = []
        program = lower(model)
        for _ in range(RUNS):
            given = arguments(random)
            result = execute(program, given, Options(workdir=str(tmp_path), environ=os.environ))
            for id, job in result.jobs.items():
                for combination in job.combinations:
                    for stage in combination.stages:
                        if (id, stage.id) not in claims:
                            continue
                        type, plain, rules = claims[id, stage.id]
                        where = f"seed {seed}, {given}, {stage.id}: {workflow.probes[id, stage.id]}\n{workflow.text}"
                        if stage.status != "success":
                            continue
                        probes += 1
                        value = stage.outputs["value"]
                        assert fits(value, with_decimals(carried(type))), (
                            f"{value!r} is not {show(type)}\n{where}"
                        )
                        if plain and any(rule in MISSING for rule in rules):
                            assert value is None, f"{value!r} where nothing can be\n{where}"
    assert probes > FILES / 4
