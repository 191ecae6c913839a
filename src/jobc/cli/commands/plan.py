"""`jobc plan`: what would run, why, how it can end and how long it can take; with `--diff`, what a change changes."""

from __future__ import annotations

import argparse
import copy
import json
import os
from typing import TYPE_CHECKING, Any

from jobc.cli.context import Context
from jobc.errors import UsageError

if TYPE_CHECKING:
    from jobc.cli.planning.difference import Change
    from jobc.cli.planning.plan import Plan
    from jobc.ir.program import Program
    from jobc.sema.model import WorkflowModel


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE[#WORKFLOW]", help="the jobs file; - is standard input")
    parser.add_argument(
        "-p",
        "--param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter (repeatable); one that is not given may have any of its values",
    )
    parser.add_argument("--params-file", metavar="FILE", help="parameters from a JSON or YAML file")
    parser.add_argument(
        "--given",
        action="append",
        default=[],
        metavar="JOB=RESULT",
        help="assume that a job ends as success, failed, skip or cancel (repeatable)",
    )
    parser.add_argument(
        "--diff",
        metavar="OLD[#WORKFLOW]",
        help="compare with an older version: what FILE does that OLD did not; exit code 1 where they differ",
    )
    parser.add_argument("--format", choices=("plain", "json"), default="plain", help="default: plain")
    parser.add_argument("--stdin-filename", metavar="NAME", help="what to call standard input in messages")


def run(args: argparse.Namespace, context: Context) -> int:
    from jobc.cli.planning.plan import make_plan, read_given

    workflow, program = _load(args.file, args, context)
    params = _params(program, args, context)
    if args.diff is not None:
        if args.given:
            raise UsageError("--given and --diff do not go together", help="plan each version with --given")
        return _diff(workflow, program, params, args, context)
    given = read_given(args.given, workflow)
    plan = make_plan(workflow, program, params, given, os.environ)
    if args.format == "json":
        _json(plan.to_json(), context)
    else:
        _table(plan, context)
    return 0


def _load(text: str, args: argparse.Namespace, context: Context) -> tuple[WorkflowModel, Program]:
    from jobc.cli.compiler import load_model, lower_model, split_entry
    from jobc.lower.program import choose_entry

    path, entry = split_entry(text, context)
    model = load_model(path, context, stdin_name=args.stdin_filename)
    program = lower_model(model, entry, context)
    return choose_entry(model, entry), program


def _params(program: Program, args: argparse.Namespace, context: Context) -> dict[str, Any]:
    """The given parameters, checked; the others stay open, required ones too."""
    from jobc.cli.run_inputs import read_params
    from jobc.engine.run import check_params

    given, textual = read_params(args.param, args.params_file, context)
    workflow = copy.copy(program.workflows[program.entry])
    if workflow.params is not None:
        workflow.params = [copy.copy(param) for param in workflow.params]
        for param in workflow.params:
            param.required = False
    values = check_params(workflow, given, textual)
    return {name: values[name] for name in given}


def _diff(
    workflow: WorkflowModel,
    program: Program,
    params: dict[str, Any],
    args: argparse.Namespace,
    context: Context,
) -> int:
    from jobc.cli.planning.difference import differences
    from jobc.cli.planning.plan import make_plan

    old, old_program = _load(args.diff, args, context)
    plans = (
        make_plan(old, old_program, params, (), os.environ),
        make_plan(workflow, program, params, (), os.environ),
    )
    changes = differences(old, workflow, plans, params)
    if args.format == "json":
        _json({"version": 1, "changes": [change.to_json() for change in changes]}, context)
    else:
        _sentences(changes, context)
    return 1 if changes else 0


def _json(document: dict[str, Any], context: Context) -> None:
    json.dump(document, context.stdout, indent=2, ensure_ascii=False)
    context.stdout.write("\n")


def _sentences(changes: list[Change], context: Context) -> None:
    if not changes:
        context.stdout.write("both do the same\n")
    for change in changes:
        context.stdout.write(change.message + "\n")


def _table(plan: Plan, context: Context) -> None:
    from jobc.cli.planning.difference import duration

    rows = [("job", "runs", "can end as", "combinations", "on", "why")]
    for job in plan.jobs:
        count = "?" if job.combinations is None else str(job.combinations)
        rows.append((job.id, job.runs, ", ".join(job.statuses), count, job.environment, job.reason))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        context.stdout.write("  ".join([*cells, row[5]]).rstrip() + "\n")
    if plan.critical_path:
        path = " → ".join(plan.critical_path)
        bound = "not bounded" if plan.worst_case_s is None else f"at most {duration(plan.worst_case_s)}"
        context.stdout.write(f"\ncritical path: {path} ({bound})\n")
    inexact = [f"`{job.id}`" for job in plan.jobs if not job.exact]
    if inexact:
        context.stderr.write(
            f"note: it takes too long to find out exactly when {', '.join(inexact[:6])} can run: what is said of"
            " jobs behind them may be wider than what can happen\n"
        )
