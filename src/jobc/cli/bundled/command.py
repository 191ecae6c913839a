"""What a bundle offers a person: `jobc run` without a compiler.

The same options, events, results and exit codes, and with `--state` the same journal. Jobs run on this machine; where the
program says otherwise, `--runs-on local` must allow it.
"""

from __future__ import annotations

import json
import os

from jobc.cli.arguments import CommandParser
from jobc.cli.config import Config
from jobc.cli.context import Context
from jobc.errors import UsageError
from jobc.ir.codec import content_hash, loads
from jobc.ir.program import Program

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from contextlib import ExitStack
    from typing import Any

    from jobc.engine.options import Options


def command(argv: list[str], archive: str, read: Callable[[str], bytes]) -> int:
    """Do what a command line asks of the bundle at `archive`; `read` gives its members. The exit code."""
    context = Context(config=Config())
    parser = _parser(os.path.basename(archive))
    try:
        args = parser.parse_args(argv)
    except SystemExit as stop:  # argparse ends so after printing its help
        return int(stop.code or 0)
    context.apply(args.color, -1 if args.quiet else None)
    program = loads(read("program.json"))
    if args.about:
        return _about(archive, program, context)
    if args.list:
        return _list(program, context)
    return _run(program, args, archive, context)


def _parser(name: str) -> CommandParser:
    parser = CommandParser(
        prog=name,
        description="Run the jobs of this bundle on this machine.",
        epilog="An engine elsewhere runs one task with --task FILE --secrets FILE --result FILE.",
    )
    add = parser.add_argument
    add("-p", "--param", action="append", default=[], metavar="NAME=VALUE", help="a parameter (repeatable)")
    add("--params-file", metavar="FILE", help="parameters from a JSON file")
    add("--secrets-file", metavar="FILE", help="values of secrets, as NAME=value lines")
    add("--job", metavar="ID", help="run this job and what it needs, nothing else")
    add("--index", metavar="K", help="of that job, only the combination with this index (from 0)")
    add("--needs", metavar="FILE", help="results of other jobs, as a run's JSON has them: these do not run")
    add("--runs-on", choices=["local"], help="run here also those jobs that name another environment")
    add("--max-parallel", metavar="N", help="combinations at once")
    add("--timeout", metavar="DURATION", help="end the run after 90s, 15m, 2h (exit code 124)")
    add("--run-id", metavar="ID", help="name the run (default: made from the time)")
    add("--now", metavar="INSTANT", help="what datetime.now() gives, such as 2026-01-31T09:00:00Z")
    add("--format", choices=["plain", "json", "jsonl"], default="plain", help="of standard output")
    add("--result", metavar="FILE", help="write the run's result there, as --format json has it")
    add("--state", metavar="DIR", help="keep history, logs and artifacts there (`jobc runs` reads them)")
    add("--workdir", metavar="DIR", default=".", help="where stages run (default: here)")
    add("--list", action="store_true", help="list the jobs and what they need, and run nothing")
    add("--about", action="store_true", help="say what this bundle is, and run nothing")
    add("--color", choices=["auto", "always", "never"], help="when to use colour")
    add("-q", "--quiet", action="store_true", help="say only what went wrong")
    return parser


def _about(archive: str, program: Program, context: Context) -> int:
    from hashlib import sha256

    from jobc import __version__

    with open(archive, "rb") as file:
        digest = sha256(file.read()).hexdigest()
    workflow = program.workflows[program.entry]
    params = ", ".join(param.name for param in workflow.params or [])
    context.stdout.write(
        f"workflow  {workflow.name} ({', '.join(program.files)})\n"
        f"params    {params or 'none'}\n"
        f"secrets   {', '.join(workflow.secrets) or 'none'}\n"
        f"program   {content_hash(program)}\nbundle    {digest}\njobc      {__version__}\n"
    )
    return 0


def _list(program: Program, context: Context) -> int:
    workflow = program.workflows[program.entry]
    width = max((len(job.id) for job in workflow.jobs), default=0)
    for job in workflow.jobs:
        needs = ", ".join(workflow.jobs[need].id for need in job.needs)
        context.stdout.write(f"{job.id:{width}}  {'needs ' + needs if needs else ''}".rstrip() + "\n")
    return 0


def _run(program: Program, args: argparse.Namespace, archive: str, context: Context) -> int:
    from contextlib import ExitStack

    from jobc.cli.bundled.result import result_path
    from jobc.cli.run_inputs import read_params
    from jobc.engine.run import check_params, execute
    from jobc.engine.signals import Interrupts

    given, textual = read_params(args.param, args.params_file, context)
    params = check_params(program.workflows[program.entry], given, textual)
    options = _options(args, archive, context)
    _settle_place(program, args, options)
    target = None if args.result is None else result_path(args.result)
    with ExitStack() as stack:
        if args.state is not None:
            _keep(options, os.path.join(context.cwd, args.state), stack)
        interrupts = stack.enter_context(Interrupts(options.control))
        try:
            if args.format == "json":
                result = execute(program, params, options)
                result.write_json(context.stdout)
            elif args.format == "jsonl":
                result = execute(program, params, options, _lines(context))
            else:
                from jobc.cli.progress.plain import PlainProgress

                quiet = context.verbosity < 0
                progress = PlainProgress(
                    context.stdout, options.workdir, color=context.color, quiet=quiet, more=""
                )
                result = execute(program, params, options, progress.take)
                progress.finish()
        finally:
            interrupts.run_ended()
    if target is not None:
        import io

        from jobc.interpreter.standalone import write_whole

        text = io.StringIO()
        result.write_json(text)
        write_whole(target, text.getvalue().encode("utf-8", "surrogatepass"))
    if result.state_error is not None:
        context.stdout.flush()
        raise result.state_error
    return result.exit_code(interrupts.ended_by)


def _keep(options: Options, folder: str, stack: ExitStack) -> None:
    """Keep the run's history in a folder, as `jobc run` does in `.jobc`."""
    from jobc.engine.journal.journal import Journal, path_in
    from jobc.engine.sharing.groups import folder_in

    options.journal = Journal.create(path_in(folder))
    stack.callback(options.journal.close)
    options.store = os.path.join(folder, "store")
    options.groups = folder_in(folder)


def _settle_place(program: Program, args: argparse.Namespace, options: Options) -> None:
    """Let the jobs run on this machine. Raises UsageError where that is not allowed."""
    from jobc.cli.bundled.place import bring_here, elsewhere
    from jobc.engine.run import selection

    if args.runs_on is not None:
        bring_here(program)
    found = elsewhere(program, selection(program.workflows[program.entry], options.job, options.given))
    if found is not None:
        raise UsageError(
            f"{found}, and a bundle runs jobs on this machine",
            help="run it here with `--runs-on local`, or run the jobs file with `jobc run`",
        )


def _lines(context: Context) -> Callable[[Any], None]:
    def take(event: Any) -> None:
        context.stdout.write(json.dumps(event, ensure_ascii=False) + "\n")
        context.stdout.flush()

    return take


def _options(args: argparse.Namespace, archive: str, context: Context) -> Options:
    from jobc.cli.run_inputs import (
        read_index,
        read_instant,
        read_needs,
        read_parallel,
        read_secrets,
        read_timeout,
    )
    from jobc.engine.options import Options

    if args.needs is not None and args.state is not None:
        raise UsageError(
            "--needs and --state exclude each other", help="history is of runs that ran what they needed"
        )
    workdir = os.path.abspath(os.path.join(context.cwd, args.workdir))
    if not os.path.isdir(workdir):
        raise UsageError(f"there is no folder `{args.workdir}`", help="--workdir names where stages run")
    return Options(
        run_id=args.run_id,
        job=args.job,
        index=read_index(args.index, args.job),
        given={} if args.needs is None else read_needs(args.needs, context),
        max_parallel=read_parallel(args.max_parallel),
        timeout=read_timeout(args.timeout),
        now=read_instant(args.now),
        secrets={} if args.secrets_file is None else read_secrets(args.secrets_file, context),
        environ=dict(os.environ),
        workdir=workdir,
        file=os.path.basename(archive),
    )
