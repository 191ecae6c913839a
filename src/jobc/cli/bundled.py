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
    from jobc.interpreter.api import Cancellation, Inputs, TriggerOutcome


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
    from jobc.cli.run_inputs import read_params
    from jobc.engine.run import check_params, execute
    from jobc.engine.signals import Interrupts

    given, textual = read_params(args.param, args.params_file, context)
    params = check_params(program.workflows[program.entry], given, textual)
    options = _options(args, context)
    if args.runs_on is not None:
        _bring_here(program)
    with ExitStack() as stack:
        if args.state is not None:
            from jobc.engine.journal.journal import Journal, path_in

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
        result = execute(program, params, options, take)
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


def _options(args: argparse.Namespace, context: Context) -> Options:
    from jobc.cli.run_inputs import read_instant, read_parallel, read_secrets, read_timeout
    from jobc.engine.options import Options

    return Options(
        run_id=args.run_id,
        job=args.job,
        index=_index(args),
        given={} if args.needs is None else _needs(args.needs, context),
        max_parallel=read_parallel(args.max_parallel),
        timeout=read_timeout(args.timeout),
        now=read_instant(args.now),
        secrets={} if args.secrets_file is None else read_secrets(args.secrets_file, context),
        environ=dict(os.environ),
        workdir=os.path.abspath(os.path.join(context.cwd, args.workdir)),
        file=os.path.basename(sys.argv[0]),
    )


def _index(args: argparse.Namespace) -> int | None:
    if args.index is None:
        return None
    if args.job is None:
        raise UsageError(
            "--index without --job", help="name the job whose combination it is: --job ID --index K"
        )
    if not args.index.isdecimal():
        raise UsageError(f"--index cannot be `{args.index}`", help="give it a whole number from 0 up")
    return int(args.index)


def _needs(path: str, context: Context) -> dict[str, Any]:
    """What `needs.<id>` is for the jobs of a run's JSON, or of its `jobs` alone."""
    from jobc.ir.status import TERMINAL

    try:
        with open(os.path.join(context.cwd, path), encoding="utf-8") as file:
            document = json.load(file)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(f"{path} is not valid JSON: {error}") from None
    jobs = document.get("jobs", document) if isinstance(document, dict) else None
    if not isinstance(jobs, dict) or not all(isinstance(job, dict) for job in jobs.values()):
        raise UsageError(
            f"{path} holds no results of jobs", help='write {"ID": {"status": "success", "outputs": {…}}}'
        )
    found = {}
    for id, job in jobs.items():
        status = job.get("status", job.get("result"))
        if status not in TERMINAL:
            raise UsageError(
                f"{path}: the status of `{id}` is {json.dumps(status)}",
                help="it is one of " + ", ".join(sorted(TERMINAL)),
            )
        combinations = [
            {
                "matrix": each.get("matrix", {}),
                "result": each.get("status", each.get("result")),
                "outputs": each.get("outputs", {}),
            }
            for each in job.get("combinations", [])
        ]
        found[id] = {"result": status, "outputs": job.get("outputs", {}), "combinations": combinations}
    return found


def _bring_here(program: Program) -> None:
    for workflow in program.workflows:
        for job in workflow.jobs:
            job.runs_on.type, job.runs_on.args = "local", []


def _task(program: Program, args: argparse.Namespace, context: Context) -> int:
    from jobc.interpreter.standalone import run_task
    from jobc.interpreter.taskfile import TaskError, load_task

    if args.result is None:
        raise UsageError("--task without --result", help="say where the result goes: --result FILE")
    prefix = "JOBC_SECRET_"
    environ = dict(os.environ)
    secrets = {name[len(prefix) :]: environ.pop(name) for name in list(environ) if name.startswith(prefix)}
    try:
        with open(os.path.join(context.cwd, args.task), "rb") as file:
            data = file.read()
        task = load_task(data, secrets=secrets, environ=environ, workdir=os.path.abspath(args.workdir))
    except OSError as error:
        raise UsageError(f"{args.task} cannot be read: {error.strerror}") from None
    except TaskError as error:
        raise UsageError(
            f"{args.task}: {error}", help="the engine that made it knows how to make it again"
        ) from None
    trigger = _Triggers(program, task.inputs, context).run
    return run_task(program, task, os.path.join(context.cwd, args.result), context.stdout, trigger)


class _Triggers:
    """Runs what `trigger` stages of a task ask for, on this machine too."""

    def __init__(self, program: Program, inputs: Inputs, context: Context) -> None:
        self._program = program
        self._inputs = inputs
        self._count = 0

    def run(
        self, workflow: int, params: Mapping[str, Any], stage: str, cancellation: Cancellation
    ) -> TriggerOutcome:
        import copy

        from jobc.engine.options import Options
        from jobc.engine.run import execute
        from jobc.errors import JobcError
        from jobc.interpreter.api import TriggerOutcome

        program = copy.copy(self._program)
        program.entry = workflow
        self._count += 1
        run_id = f"{self._inputs.run.get('id') or 'run'}.{self._count}"
        options = Options(
            run_id=run_id,
            grace=self._inputs.grace,
            secrets=self._inputs.secrets,
            environ=self._inputs.environ,
            workdir=self._inputs.workdir,
            parent_id=self._inputs.run.get("id"),
        )

        def end() -> None:
            if cancellation.killed:
                options.control.kill()
            else:
                options.control.cancel(cancellation.message)

        cancellation.listen(end)
        try:
            result = execute(program, params, options)
        except JobcError as error:
            return TriggerOutcome("failed", {}, str(error), run_id)
        finally:
            cancellation.unlisten(end)
        return TriggerOutcome(result.status, result.outputs, result.reason or "", run_id)
