"""`jobc run --resume RUN`: which run, which file, and what is said where they do not fit.

Without a FILE the run's own is looked for where it was; where it is gone, or came from standard input, the program in
the journal is what goes on. A run that has ended has nothing to go on with: its result stands, and the exit code
is the one that it ended with, so that a supervisor may call this until it is 0.
"""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from jobc.cli.context import Context
from jobc.errors import CompileError, UsageError

if TYPE_CHECKING:
    from jobc.engine.resuming.changes import Changes
    from jobc.engine.resuming.resume import PastRun
    from jobc.ir.program import Program

#: Flags that a run has from its beginning.
_FIXED = {
    "run_id": "--run-id",
    "job": "--job",
    "now": "--now",
    "stdin_filename": "--stdin-filename",
    "runs_on": "--runs-on",
}


def resume(args: argparse.Namespace, context: Context) -> int:
    from jobc.cli.commands.run import perform, read_options
    from jobc.cli.run_inputs import read_params
    from jobc.engine.journal.journal import Journal, path_in
    from jobc.engine.resuming import resume as engine

    _refuse(args)
    path = path_in(context.state_dir)
    if not os.path.exists(path):
        raise UsageError(
            f"there is no run `{args.resume}`", help="no run was made here yet; `jobc run FILE` makes one"
        )
    options = read_options(args, context, "")
    given, textual = read_params(args.param, args.params_file, context)
    journal = Journal.create(path)
    try:
        past = engine.PastRun(journal, args.resume)
        if past.status is not None and not (args.failed_only and _failed(past)):
            return _ended(past, args, context)
        program = None if args.ignore_changes else _program(past, args, context)
    except BaseException:
        journal.close()
        raise
    options.journal = journal
    changes = engine.ACCEPT if args.accept_changes else engine.REFUSE
    if args.ignore_changes:
        changes = engine.IGNORE
    try:
        return perform(
            args,
            context,
            options,
            os.path.dirname(_place(past, context)),
            lambda take: engine.resume(
                journal,
                past.id,
                options,
                program=program,
                params=given,
                textual=textual,
                failed_only=args.failed_only,
                changes=changes,
                listener=take,
            ),
        )
    except engine.ChangedError as error:
        _tell(error.changes, context)
        raise


def _refuse(args: argparse.Namespace) -> None:
    for name, flag in _FIXED.items():
        if getattr(args, name) is not None:
            raise UsageError(
                f"{flag} cannot be given with --resume: a run keeps what it began with",
                help=f"leave {flag} away",
            )
    if args.accept_changes and args.ignore_changes:
        raise UsageError(
            "--accept-changes and --ignore-changes contradict each other", help="give one of them"
        )


def _failed(past: PastRun) -> bool:
    """Whether there is anything that failed or was cancelled."""
    jobs = past.result().jobs.values()
    return past.status != "success" or any(job.status in ("failed", "cancel") for job in jobs)


def _ended(past: PastRun, args: argparse.Namespace, context: Context) -> int:
    """Say how a run ended that has nothing to go on with."""

    result = past.result()
    words = {"success": "succeeded", "failed": "failed", "cancel": "was cancelled"}.get(
        result.status, "ended"
    )
    context.stderr.write(f"run {past.id} has ended: it {words}; there is nothing to go on with\n")
    if result.status != "success":
        context.stderr.write(
            f"help: `jobc run --resume {past.id} --failed-only` runs again what failed or was cancelled\n"
        )
    if args.format == "json":
        result.write_json(context.stdout)
    past.journal.close()
    return result.exit_code(None)


def _place(past: PastRun, context: Context) -> str:
    """The run's file as it is called from here; it may be gone."""
    name = os.path.basename(past.row["file"])
    return os.path.relpath(os.path.join(past.options["workdir"], name), context.cwd)


def _program(past: PastRun, args: argparse.Namespace, context: Context) -> Program | None:
    """What the file means now; None where there is no file any more."""
    from jobc.cli.commands.run import target

    if args.file is not None:
        return _load(*target(args.file, context), past, context)
    path = _place(past, context)
    if not os.path.isfile(os.path.join(context.cwd, path)):
        shown = past.row["file"]
        context.stderr.write(
            f"note: {shown} is not there any more; the run goes on with what it was when the run began\n"
        )
        return None
    try:
        return _load(path, None, past, context)
    except CompileError:
        context.stderr.write(
            f"note: {past.row['file']} has errors now; mend it, or go on with it as it was with --ignore-changes\n"
        )
        raise


def _load(path: str, entry: str | None, past: PastRun, context: Context) -> Program:
    """The program of a file; where no workflow is named, the run's by its name, else the only one."""
    from jobc.cli.compiler import load_program

    if entry is not None:
        return load_program(path, entry, context)
    try:
        return load_program(path, past.workflow.name, context)
    except UsageError:
        return load_program(path, None, context)


def _tell(changes: Changes, context: Context) -> None:
    """One line a job: what would become of it."""
    from jobc.engine.resuming.changes import CHANGED, UNCHANGED

    width = max((len(job.id) for job in changes.jobs), default=0)
    for job in changes.jobs:
        if job.kind == UNCHANGED:
            words = "unchanged, keeps its result"
        elif job.kind == CHANGED:
            words = f"changed ({job.why}), runs again"
        else:
            words = f"runs again, {job.why}"
        context.stderr.write(f"  {job.id.ljust(width)}  {words}\n")
    for id in changes.removed:
        context.stderr.write(f"  {id.ljust(width)}  is not there any more\n")
