"""The command line of a bundle: `python FILE.pyz …` runs the program in it, whole or one job, where jobc is not installed.

It is `jobc run` without a compiler: the same options, events, results and exit codes, and with `--state` the same journal.
With `--task` it runs one combination for an engine elsewhere (`interpreter.standalone`). Jobs run on this machine; where the
program says otherwise, `--runs-on local` must allow it. Python 3.9, standard library only.
"""

from __future__ import annotations

import argparse
import json
import os
import sys

from jobc.cli.arguments import CommandParser
from jobc.cli.config import Config
from jobc.cli.context import Context
from jobc.cli.invocation import guard
from jobc.errors import UsageError
from jobc.ir.codec import loads
from jobc.ir.program import Program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from jobc.engine.options import Options
    from jobc.interpreter.api import Cancellation, TriggerOutcome


def entry(archive: str, read: Callable[[str], bytes], hash: str) -> int:
    """Run the bundle at `archive`; `read` gives its members, `hash` is its name by content. The exit code."""
    context = Context(config=Config())
    argv = sys.argv[1:]
    return guard(argv, context, lambda: _run(argv, os.path.basename(archive), read, hash, context))


def _parser(name: str) -> CommandParser:
    parser = CommandParser(prog=name, description="Run the jobs of this bundle on this machine.")
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
    add("--state", metavar="DIR", help="keep the run's journal there (`jobc runs` reads it)")
    add("--workdir", metavar="DIR", default=".", help="where stages run (default: here)")
    add("--list", action="store_true", help="list the jobs and what they need, and run nothing")
    add("--about", action="store_true", help="say what this bundle is, and run nothing")
    add("--task", metavar="FILE", help="run the one task in FILE, for an engine elsewhere")
    add("--result", metavar="FILE", help="with --task: where its result goes")
    add("--color", choices=["auto", "always", "never"], help="when to use colour")
    add("-q", "--quiet", action="store_true", help="say only what went wrong")
    return parser


def _run(argv: list[str], name: str, read: Callable[[str], bytes], hash: str, context: Context) -> int:
    parser = _parser(name)
    try:
        args = parser.parse_args(argv)
    except SystemExit as stop:  # argparse ends so after printing its help
        return int(stop.code or 0)
    context.apply(args.color, -1 if args.quiet else None)
    program = loads(read("program.json"))
    if args.about:
        return _about(json.loads(read("manifest.json")), hash, program, context)
    if args.list:
        return _list(program, context)
    if args.task is not None:
        return _task(program, args, context)
    return _whole(program, args, context)


def _about(manifest: Mapping[str, Any], hash: str, program: Program, context: Context) -> int:
    workflow = program.workflows[program.entry]
    context.stdout.write(
        f"workflow  {workflow.name} ({', '.join(program.files)})\n"
        f"program   {manifest['program']}\nbundle    {hash}\njobc      {manifest['jobc']}\n"
    )
    return 0


def _list(program: Program, context: Context) -> int:
    workflow = program.workflows[program.entry]
    width = max((len(job.id) for job in workflow.jobs), default=0)
    for job in workflow.jobs:
        needs = ", ".join(workflow.jobs[need].id for need in job.needs)
        context.stdout.write(f"{job.id:{width}}  {'needs ' + needs if needs else ''}".rstrip() + "\n")
    return 0


def _whole(program: Program, args: argparse.Namespace, context: Context) -> int:
    from contextlib import ExitStack

    from jobc.cli.progress.plain import PlainProgress
    from jobc.engine.run import execute
    from jobc.engine.signals import Interrupts

    given, textual = _params(program, args, context)
    options = _options(program, args, context)
    with ExitStack() as stack:
        if args.state is not None:
            from jobc.engine.journal import Journal, path_in

            options.journal = Journal.create(path_in(os.path.join(context.cwd, args.state)))
            stack.callback(options.journal.close)
        interrupts = stack.enter_context(Interrupts(options.control))
        progress = None
        take: Any = None
        if args.format == "plain":
            quiet = context.verbosity < 0
            progress = PlainProgress(context.stdout, options.workdir, color=context.color, quiet=quiet)
            take = progress.take
        elif args.format == "jsonl":
            take = _lines(context)
        result = execute(program, _checked(program, given, textual), options, take)
        if progress is not None:
            progress.finish()
    if args.format == "json":
        json.dump(result.to_json(), context.stdout, indent=2, ensure_ascii=False)
        context.stdout.write("\n")
    if result.state_error is not None:
        context.stdout.flush()
        raise result.state_error
    return result.exit_code(interrupts.first)


def _lines(context: Context) -> Callable[[Any], None]:
    def take(event: Any) -> None:
        context.stdout.write(json.dumps(event, ensure_ascii=False) + "\n")
        context.stdout.flush()

    return take
