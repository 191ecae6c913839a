"""`jobc compile --bundle`: a program and the runtime as one file, or one job as one shell script.

    FILE.pyz    the whole workflow; runs wherever there is Python 3.9 or later
    FILE.sh     one combination of one job, of bash, empty and raise stages; runs wherever there is a POSIX shell

A script is decided when it is made: parameters, the matrix, the results of other jobs. What the engine would give
the job is found by the engine itself, in a run in which nothing is executed. Values of secrets are not known then: names
stand for them, in characters of no text, and the script reads them from its environment when it runs.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobc.cli.context import Context
from jobc.errors import UsageError

if TYPE_CHECKING:
    from jobc.backends.api import Task
    from jobc.interpreter.api import CombinationResult
    from jobc.ir.program import CodeIndex, Job, NamedCodes, Program, Workflow

#: Options that say what a script is of.
_OF_SCRIPTS = ("job", "index", "param", "params_file", "needs")
_PYZ = "as FILE.pyz it runs whole; that needs Python 3.9 where it runs"
#: What a value may depend on that is known only where the script runs.
_LATE_CALLS = ("env", "hashFiles", "datetime.now")


def configure(parser: argparse.ArgumentParser, form: argparse._MutuallyExclusiveGroup) -> None:
    form.add_argument(
        "--bundle",
        metavar="FILE.pyz",
        help="write program and runtime as one file that Python 3.9 runs without jobc; FILE.sh: one job as a shell script",
    )
    script = parser.add_argument_group("with --bundle FILE.sh")
    script.add_argument("--job", metavar="ID", help="the job (default: the only one)")
    script.add_argument("--index", metavar="K", help="its combination (from 0), where it has a matrix")
    script.add_argument(
        "-p", "--param", action="append", default=[], metavar="NAME=VALUE", help="a parameter (repeatable)"
    )
    script.add_argument("--params-file", metavar="FILE", help="parameters from a JSON or YAML file")
    script.add_argument(
        "--needs", metavar="FILE", help="results of the jobs that it needs, as a run's JSON has them"
    )


def check_use(args: argparse.Namespace, files: int) -> None:
    """Raise UsageError where the options do not go together; `files` are to be compiled."""
    name = args.bundle
    given = [option for option in _OF_SCRIPTS if getattr(args, option)]
    if name is None or name.endswith(".pyz") or name == "-":
        if given:
            option = "-p" if given[0] == "param" else "--" + given[0].replace("_", "-")
            raise UsageError(
                f"{option} goes with `--bundle FILE.sh`",
                help="a .pyz bundle is told when it runs: `python FILE.pyz --job ID -p name=value`",
            )
    elif name.endswith((".yml", ".yaml")):
        raise UsageError(
            f"`--bundle {name}` would write over a jobs file",
            help=f"name the bundle first: `jobc compile --bundle FILE.pyz {name}`",
        )
    elif not name.endswith(".sh"):
        raise UsageError(
            f"`--bundle` cannot write `{name}`",
            help="name it FILE.pyz, or FILE.sh for one job as a shell script",
        )
    if name is not None and args.output is not None:
        raise UsageError("`-o` does not go with `--bundle`", help="`--bundle FILE` is where the bundle goes")
    if name is not None and files != 1:
        raise UsageError(
            f"a bundle is of one file, not of {files}",
            help="name it: `jobc compile --bundle FILE.pyz etl.job.yml`",
        )


def make(program: Program, args: argparse.Namespace, context: Context) -> bytes:
    """The bundle, or the script, that `args` ask for."""
    if args.bundle.endswith(".sh"):
        return _script(program, args, context).encode("utf-8", "surrogateescape")
    from jobc.backends.bundle.build import bundle

    return bundle(program, cache=Path(context.cache_dir) / "bundle").data


def let_run(path: str) -> None:
    """Whoever may read the file may run it."""
    mode = os.stat(path).st_mode
    os.chmod(path, mode | (mode & 0o444) >> 2)


def _script(program: Program, args: argparse.Namespace, context: Context) -> str:
    from jobc.backends.bundle.posix import Impossible, lower_task
    from jobc.cli.bundled.place import bring_here
    from jobc.interpreter.taskfile import TaskFile

    workflow = program.workflows[program.entry]
    job = _job(workflow, args.job)
    _refuse_engine_work(program, job)
    _refuse_late(program, workflow, job)
    bring_here(program)  # wherever it would run, its script is the same
    task = _task(program, job, args, context)
    inputs = task.inputs
    inputs.run = {key: value for key, value in inputs.run.items() if key != "started_at"}
    try:
        return lower_task(program, TaskFile(task.name, task.workflow, task.job, inputs, timeout=task.timeout))
    except Impossible as problem:
        place = f"{problem.path}:{problem.line}: " if problem.path else ""
        raise UsageError(f"{place}{problem}", help=_PYZ) from None


def _job(workflow: Workflow, id: str | None) -> Job:
    from jobc.cli.nearest import did_you_mean

    ids = [job.id for job in workflow.jobs]
    if id is None and len(ids) != 1:
        raise UsageError(
            f"a script is of one job, and `{workflow.name}` has {len(ids)}",
            help="name it: --job " + "|".join(ids),
        )
    for job in workflow.jobs:
        if id in (None, job.id):
            return job
    raise UsageError(
        f"there is no job `{id}` in workflow `{workflow.name}`",
        help=did_you_mean(id or "", ids, "there are: " + ", ".join(ids)),
    )


def _task(program: Program, job: Job, args: argparse.Namespace, context: Context) -> Task:
    """What the engine would give the job's combination."""
    from jobc.cli.run_inputs import read_index, read_needs, read_params
    from jobc.engine.run import check_params
    from jobc.engine.secrets import declared
    from jobc.engine.simulation import simulate, succeeded
    from jobc.ir.codec import content_hash

    workflow = program.workflows[program.entry]
    given, textual = read_params(args.param, args.params_file, context)
    params = check_params(workflow, given, textual)
    views = {} if args.needs is None else read_needs(args.needs, context)
    missing = [workflow.jobs[need].id for need in job.needs if workflow.jobs[need].id not in views]
    if missing:
        raise UsageError(
            f"job `{job.id}` needs {', '.join(f'`{id}`' for id in missing)}, whose results the script has to know",
            help="give them with --needs FILE, such as the output of `jobc run --format json`",
        )
    tasks: list[Task] = []

    def outcome(task: Task) -> CombinationResult:
        tasks.append(task)
        return succeeded(task)

    index = read_index(args.index, job.id)
    done = simulate(
        program,
        params,
        outcome=outcome,
        job=job.id,
        index=index,
        given=views,
        secrets={name: f"\ue000{name}\ue001" for name in declared(program.workflows)},
        seed=f"script-{content_hash(program)[-12:]}",
    )
    result = done.result.jobs[job.id]
    if not tasks:
        raise UsageError(
            f"job `{job.id}` does not run so: {result.reason or result.status}",
            help="give it the parameters and the results of other jobs with which it does",
        )
    if len(tasks) > 1:
        raise UsageError(
            f"job `{job.id}` has {len(tasks)} combinations, and a script is of one",
            help=f"choose one: --index K, from 0 to {len(tasks) - 1}",
        )
    return tasks[0]


def _refuse_late(program: Program, workflow: Workflow, job: Job) -> None:
    """Raise UsageError where something is decided before the job starts from what is known only where it runs."""
    for codes in (workflow.env, job.env):
        for _, code in codes:
            tree = program.codes[code].tree
            parts = tree[1:] if isinstance(tree, list) and tree[0] == "text" else [tree]
            for part in parts:
                if not _is_secret(part):
                    _refuse(program, code, part)
    strategy = job.strategy
    decided: list[CodeIndex | NamedCodes | None] = [job.condition, job.timeout]
    if strategy is not None:
        decided += [strategy.matrix, strategy.include, strategy.exclude]
    for each in decided:
        if each is None:
            continue
        for number in [code for _, code in each] if isinstance(each, list) else [each]:
            _refuse(program, number, program.codes[number].tree)


def _refuse_engine_work(program: Program, job: Job) -> None:
    """Raise UsageError where a job asks for what only an engine does."""
    asked = {
        "artifacts": job.artifacts or job.placed,
        "cache": job.cache,
        "retry": job.retry,
    }
    for key, value in asked.items():
        if value:
            path, line = program.place(job.span)
            raise UsageError(
                f"{path}:{line}: `{key}` of job `{job.id}` is the engine's work, and a script has none",
                help=_PYZ if key != "retry" else "set `retry` on its stages, or bundle it as FILE.pyz",
            )


def _refuse(program: Program, code: CodeIndex, tree: Any) -> None:
    if _is_late(tree):
        from jobc.interpreter.reasons import show

        path, line = program.place(program.codes[code].span)
        raise UsageError(
            f"{path}:{line}: `{show(tree)}` can only be evaluated where the job runs, and a script is decided before",
            help=_PYZ,
        )


def _is_secret(tree: Any) -> bool:
    """Whether a value is that of a secret, nothing done to it."""
    return isinstance(tree, list) and tree[:1] == ["get"] and tree[1] == ["name", "secrets"]


def _is_late(tree: Any) -> bool:
    if not isinstance(tree, list) or not tree:
        return False
    if tree in (["name", "secrets"], ["get", ["name", "run"], "started_at"]):
        return True
    if tree[0] == "call" and tree[1] in _LATE_CALLS:
        return True
    return any(_is_late(part) for part in tree[1:])
