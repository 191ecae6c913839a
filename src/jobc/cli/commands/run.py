"""`jobc run`: compile a file and execute it.

The form `plain` or `rich` of a run is its result and goes to standard output; with `json` and `jsonl` standard output
carries those alone, and a terminal on standard error shows the live view. Stages run in the folder of the jobs
file, so that a script finds the data beside it from wherever the command is called.
"""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Protocol

from jobc.cli.context import Context, is_terminal
from jobc.collector import Paused
from jobc.errors import JobcError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobc.engine.options import Options
    from jobc.engine.result import RunResult

FORMATS = ("rich", "plain", "json", "jsonl")


class Progress(Protocol):
    def __enter__(self) -> Any: ...
    def __exit__(self, *exception: object) -> None: ...
    def take(self, event: Any) -> None: ...
    def finish(self) -> None: ...


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file",
        metavar="FILE[#WORKFLOW]",
        nargs="?",
        help="the jobs file; - is standard input; with --resume, where it is now",
    )
    parser.add_argument(
        "-p", "--param", action="append", default=[], metavar="NAME=VALUE", help="a parameter (repeatable)"
    )
    parser.add_argument("--params-file", metavar="FILE", help="parameters from a JSON or YAML file")
    parser.add_argument("--job", metavar="ID", help="run this job and what it needs, nothing else")
    parser.add_argument(
        "--index", metavar="K", help="of that job, only the combination with this index (from 0)"
    )
    parser.add_argument(
        "--runs-on",
        metavar="TYPE",
        help="run every job in this environment (local, docker, …), whatever it says",
    )
    parser.add_argument("--max-parallel", metavar="N", help="combinations at once, over the whole run")
    parser.add_argument(
        "--timeout", metavar="DURATION", help="end the run after 90s, 15m, 2h (exit code 124)"
    )
    parser.add_argument("--secrets-file", metavar="FILE", help="values of secrets, as NAME=value lines")
    parser.add_argument(
        "--resume",
        metavar="RUN",
        help="go on with a run whose process died: its id, the beginning of it, or `last`",
    )
    parser.add_argument(
        "--failed-only",
        action="store_true",
        help="with --resume: run again what failed or was cancelled, and what was skipped because of it",
    )
    parser.add_argument(
        "--accept-changes",
        action="store_true",
        help="with --resume: the file or parameters changed; run again what changed and what comes after it",
    )
    parser.add_argument(
        "--ignore-changes",
        action="store_true",
        help="with --resume: go on with the file as it was when the run began",
    )
    parser.add_argument("--run-id", metavar="ID", help="name the run (default: made from the time)")
    parser.add_argument(
        "--no-cache",
        action="store_true",
        help="run every job, whatever the cache holds, and keep nothing in it",
    )
    parser.add_argument(
        "--refresh", action="store_true", help="run every job, and keep its result in the cache"
    )
    parser.add_argument(
        "--now", metavar="INSTANT", help="what datetime.now() gives, such as 2026-01-31T09:00:00Z"
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="default: rich on a terminal, plain elsewhere; json and jsonl for programs",
    )
    parser.add_argument(
        "--report", metavar="FILE.html", help="write an HTML report of the run when it has ended"
    )
    parser.add_argument("--stdin-filename", metavar="NAME", help="what to call standard input in messages")


def run(args: argparse.Namespace, context: Context) -> int:
    if args.resume is not None:
        from jobc.cli.resuming import resume

        return resume(args, context)
    _refuse_without_resume(args)
    path, entry = target(args.file, context)
    with Paused():
        from jobc.cli.compiler import load_program
        from jobc.cli.run_inputs import read_params
        from jobc.engine.journal.journal import Journal, path_in
        from jobc.engine.run import check_params, execute

        options = read_options(args, context, path)
        program = load_program(path, entry, context, stdin_name=args.stdin_filename)
        if args.runs_on is not None:
            from jobc.cli.placement import place_all

            place_all(program, args.runs_on, job=args.job)
            options.runs_on = args.runs_on
        given, textual = read_params(args.param, args.params_file, context)
        params = check_params(program.workflows[program.entry], given, textual)
    options.journal = Journal.create(path_in(context.state_dir))
    return perform(
        args,
        context,
        options,
        os.path.dirname(path),
        lambda take: execute(program, params, options, take),
    )


def _refuse_without_resume(args: argparse.Namespace) -> None:
    for name in ("failed_only", "accept_changes", "ignore_changes"):
        if getattr(args, name):
            flag = "--" + name.replace("_", "-")
            raise UsageError(
                f"{flag} says how to resume a run, but no run is named",
                help=f"write `jobc run --resume RUN {flag}`; `jobc runs list` shows the runs",
            )
    if args.file is None:
        raise UsageError(
            "no jobs file is named",
            help="write `jobc run FILE`, or `jobc run --resume RUN` to go on with a run",
        )


def perform(
    args: argparse.Namespace,
    context: Context,
    options: Options,
    folder: str,
    action: Callable[[Any], RunResult],
) -> int:
    """Show a run while `action(listener)` runs it; the exit code. The journal of `options` is closed."""
    from jobc.cli.invocation import give_up_output
    from jobc.cli.observers import observers
    from jobc.engine.signals import Interrupts

    assert options.journal is not None
    report = None if args.report is None else _report_path(args.report, context)
    form = args.format or (
        "rich" if is_terminal(context.stdout) and os.environ.get("TERM") != "dumb" else "plain"
    )
    if form in ("json", "jsonl"):
        _keep_for_results(context)
    reported = True
    with ExitStack() as stack:
        stack.callback(options.journal.close)
        interrupts = stack.enter_context(Interrupts(options.control))
        watching = stack.enter_context(observers(options, context, interrupts))
        progress = _progress(form, folder, context)
        take = watching.listener(_display(form, progress, context))
        try:
            if progress is not None:
                with progress:
                    result = action(take)
                progress.finish()
            else:
                result = action(take)
        finally:
            interrupts.run_ended()
        with interrupts.results():
            watching.check()
            if form == "json":
                result.write_json(context.stdout)
            if report is not None:
                reported = _report(report, args.report, result, options.journal, context)
        if interrupts.cut_by is not None:
            give_up_output(context)
    if not os.path.exists(options.journal.path):
        context.stderr.write(
            f"warning: {options.journal.path} was removed while the run went on; history does not know this run\n"
        )
    if result.state_error is not None:
        context.stdout.flush()
        raise result.state_error
    if interrupts.cut_by is not None and not result.timed_out:
        return 128 + interrupts.cut_by
    code = result.exit_code(interrupts.ended_by)
    return code if reported or code else 2


def _report_path(given: str, context: Context) -> str:
    """Where the report will be. Raises UsageError where it cannot be written, before anything runs."""
    path = os.path.abspath(os.path.join(context.cwd, given))
    folder = os.path.dirname(path)
    if os.path.isdir(path) or not os.access(folder, os.W_OK):
        why = "it is a folder" if os.path.isdir(path) else f"there is no folder {folder} that can be written"
        raise UsageError(f"the report cannot be written to `{given}`: {why}", help="choose another file")
    return path


def _report(path: str, shown: str, result: RunResult, journal: Any, context: Context) -> bool:
    """Write the report; False, with a message, where that failed: the run's own result stands."""
    from jobc.cli.runs.reporting import write_report
    from jobc.engine.journal.history import History

    try:
        write_report(History(journal), result.run_id, path, shown)
    except JobcError as error:
        context.stderr.write(f"error: {error}\n")
        return False
    if context.verbosity >= 0:
        context.stderr.write(f"report: {shown}\n")
    return True


def _keep_for_results(context: Context) -> None:
    """Programs that an inline stage starts inherit this process's standard output: let them write to standard error."""
    if context.stdout is not sys.stdout or sys.stdout.fileno() != 1:
        return
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    context.stdout = open(kept, "w", encoding=sys.stdout.encoding, errors=sys.stdout.errors)  # noqa: SIM115


def target(text: str, context: Context) -> tuple[str, str | None]:
    """The path, and the workflow after `#`; a file whose name holds a `#` is found as it is."""
    if "#" not in text or os.path.exists(os.path.join(context.cwd, text)):
        return text, None
    path, _, entry = text.rpartition("#")
    if not path or not entry:
        raise UsageError(f"`{text}` names no file and workflow", help="write it as etl.job.yml#nightly")
    return path, entry


def read_options(args: argparse.Namespace, context: Context, path: str) -> Options:
    """What the flags say; `path` is the file's."""
    from jobc.cli.run_inputs import read_index, read_instant, read_parallel, read_secrets, read_timeout
    from jobc.cli.sizes import cache_size
    from jobc.engine.options import Options
    from jobc.engine.sharing.groups import folder_in

    most = read_parallel(args.max_parallel)
    if most is None and not os.environ.get("JOBC_MAX_PARALLEL"):
        most = context.config.run_max_parallel
    limit = args.timeout if args.timeout is not None else context.config.run_timeout
    if args.no_cache and args.refresh:
        raise UsageError("--no-cache and --refresh exclude each other", help="keep one of them")
    return Options(
        store=os.path.join(context.state_dir, "store"),
        cache="off" if args.no_cache else "refresh" if args.refresh else "use",
        cache_size=cache_size(context),
        run_id=args.run_id,
        job=args.job,
        index=read_index(args.index, args.job),
        max_parallel=most,
        timeout=read_timeout(limit),
        secrets=None if args.secrets_file is None else read_secrets(args.secrets_file, context),
        now=read_instant(args.now),
        environ=dict(os.environ),
        workdir=os.path.abspath(os.path.join(context.cwd, os.path.dirname(path))),
        file=path if path != "-" else (args.stdin_filename or "<stdin>"),
        groups=folder_in(context.state_dir),
    )


def _progress(form: str, folder: str, context: Context) -> Progress | None:
    from jobc.cli.progress.live import LiveProgress
    from jobc.cli.progress.plain import PlainProgress

    quiet, logs = context.verbosity < 0, context.verbosity > 0
    if form == "plain":
        return PlainProgress(context.stdout, folder, color=context.color, quiet=quiet)
    if form == "rich":
        return LiveProgress(context.stdout, folder, color=context.color, quiet=quiet, logs=logs)
    if context.interactive and not quiet and not is_terminal(context.stdout):
        color = context.color_on(context.stderr)
        return LiveProgress(context.stderr, folder, color=color, quiet=quiet, logs=logs)
    return None


def _display(form: str, progress: Progress | None, context: Context) -> Callable[[Any], None] | None:
    """What shows events, as they come."""
    if form != "jsonl":
        return progress.take if progress is not None else None
    import json

    def take(event: Any) -> None:
        context.stdout.write(json.dumps(event, ensure_ascii=False) + "\n")
        context.stdout.flush()
        if progress is not None:
            progress.take(event)

    return take
