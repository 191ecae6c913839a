"""The runners that are compared, each with the graph in its own words and in the form in which it is fastest.

All work without a server, and each keeps what it keeps by default. The work of a job is one of two: `bash`, a process
`bash -c true`; `no-op`, the least that the runner can do without a process. Parallel where the graph lets it be, `PARALLEL`
at most; a chain has nothing to be done at once, so there those that pay for their workers get none.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.benchmarks.engine import graphs
from tests.benchmarks.engine.command import JOBC
from tests.benchmarks.engine.graphs import PARALLEL
from tests.benchmarks.peers import python_with

BASH, NO_OP = "bash", "no-op"
CHAIN, FAN = "chain", "fan"


class Graph:
    """`shape` of `count` jobs; `jobs` are (id, what it needs), in an order that can be run; the last gathers a fan."""

    def __init__(self, shape: str, count: int) -> None:
        self.shape = shape
        self.count = count
        ids = [f"j{n}" for n in range(count)]
        self.jobs: Sequence[tuple[str, Sequence[str]]] = (
            [(id, ids[n - 1 : n]) for n, id in enumerate(ids)]
            if shape == CHAIN
            else [*((id, []) for id in ids), ("gather", ids)]
        )

    @property
    def last(self) -> str:
        return self.jobs[-1][0]

    @property
    def at_once(self) -> int:
        return 1 if self.shape == CHAIN else PARALLEL


#: Writes a graph whose jobs do a work into a folder; the command that runs it there.
Contestant = Callable[[Path, Graph, str], list[str]]


def jobc(folder: Path, graph: Graph, work: str) -> list[str]:
    write = graphs.chain if graph.shape == CHAIN else graphs.fan
    stage = {BASH: "bash: 'true'", NO_OP: "echo: ''"}[work]
    (folder / "a.job.yml").write_text(write(graph.count, stage))
    return [*JOBC, "a.job.yml"]


def bash_alone(folder: Path, graph: Graph, work: str) -> list[str]:
    """The floor: a program in C that starts as many shells and does nothing else."""
    return ["sh", "-c", f"seq {graph.count} | xargs -P {graph.at_once} -I@ bash -c true"]


def go_task(folder: Path, graph: Graph, work: str) -> list[str]:
    commands = {BASH: ", cmds: ['bash -c true']", NO_OP: ""}[work]
    lines = ["version: '3'", "tasks:"]
    lines += [f"  {id}: {{deps: [{', '.join(needs)}]{commands}}}" for id, needs in graph.jobs]
    (folder / "Taskfile.yml").write_text("\n".join(lines))
    return [_bin("go-task-bin", "task"), "--silent", "--concurrency", str(PARALLEL), graph.last]


def doit(folder: Path, graph: Graph, work: str) -> list[str]:
    """Without `-n` unless it pays: not for functions, and not for a chain."""
    (folder / "dodo.py").write_text(
        f"GRAPH = {list(graph.jobs)!r}\n"
        "def nothing():\n    pass\n"
        "def task_job():\n"
        "    for id, needs in GRAPH:\n"
        f"        yield {{'name': id, 'actions': [{ {BASH: repr('bash -c true'), NO_OP: 'nothing'}[work] }],"
        " 'task_dep': ['job:' + need for need in needs]}\n"
    )
    workers = ["-n", str(PARALLEL)] if graph.shape == FAN and work == BASH else []
    return [_bin("doit", "doit"), *workers]


def luigi(folder: Path, graph: Graph, work: str) -> list[str]:
    """One worker in its own process unless several pay; then what is done must be known by files.

    luigi's exit code is 0 also where tasks failed, so the last one leaves a file behind.
    """
    workers = graph.at_once if work == BASH else 1
    known = (
        "    def output(self):\n        return luigi.LocalTarget('done-' + self.id)\n"
        if workers > 1
        else "    def complete(self):\n        return self.id in DONE\n"
    )
    done = "self.output().open('w').close()" if workers > 1 else "DONE.add(self.id)"
    run = "subprocess.run(['bash', '-c', 'true'], check=True)" if work == BASH else "pass"
    (folder / "flow.py").write_text(
        "import luigi, subprocess, sys\nsys.setrecursionlimit(1_000_000)\n"
        f"GRAPH = dict({list(graph.jobs)!r})\nDONE = set()\n"
        "class Job(luigi.Task):\n"
        "    id = luigi.Parameter()\n"
        "    def requires(self):\n        return [Job(id=need) for need in GRAPH[self.id]]\n"
        f"{known}    def run(self):\n        {run}\n        {done}\n"
        f"        if self.id == {graph.last!r}:\n            open('ended', 'w').close()\n"
    )
    flags = f"--local-scheduler --workers {workers} --log-level WARNING"
    command = f"{_bin('luigi', 'luigi')} --module flow Job --id {graph.last} {flags} && test -e ended"
    return ["env", f"PYTHONPATH={folder}", "sh", "-c", command]


def snakemake(folder: Path, graph: Graph, work: str) -> list[str]:
    """A rule without a command is done in its own process: the mark of its end is made, no more."""
    deep = "import sys\nsys.setrecursionlimit(1_000_000)\n"
    rules = [f"{deep}rule target:\n    input: 'done-{graph.last}'\n"]
    command = {BASH: "    shell: 'bash -c true'\n", NO_OP: ""}[work]
    for id, needs in graph.jobs:
        inputs = ", ".join(f"'done-{need}'" for need in needs)
        rules.append(
            f"rule {id}:\n"
            + (f"    input: {inputs}\n" if inputs else "")
            + f"    output: touch('done-{id}')\n{command}"
        )
    (folder / "Snakefile").write_text("\n".join(rules))
    return [_bin("snakemake", "snakemake"), "--cores", str(PARALLEL), "--quiet", "all"]


def ddeutil_workflow(folder: Path, graph: Graph, work: str) -> list[str]:
    stage = {BASH: "'bash': 'true'", NO_OP: "'echo': 'nothing'"}[work]
    (folder / "flow.py").write_text(
        "from ddeutil.workflow import Workflow\n"
        f"GRAPH = {list(graph.jobs)!r}\n"
        f"jobs = {{id: {{'id': id, 'needs': list(needs), 'stages': [{{'name': 'Work', 'id': 'work', {stage}}}]}}"
        " for id, needs in GRAPH}\n"
        "flow = Workflow.model_validate({'name': 'flow', 'jobs': jobs})\n"
        f"result = flow.execute(params={{}}, max_job_parallel={PARALLEL}, timeout=3600)\n"
        "assert str(result.status).lower().endswith('success'), result\n"
    )
    return [python_with("ddeutil-workflow"), "flow.py"]


def _bin(package: str, program: str) -> str:
    found = shutil.which(str(Path(python_with(package)).parent / program))
    assert found is not None, f"{package} has no {program}"
    return found


JOBC_ITSELF, FLOOR = "jobc", "bash alone"
CONTESTANTS: Mapping[str, Contestant] = {
    JOBC_ITSELF: jobc,
    FLOOR: bash_alone,
    "go-task": go_task,
    "doit": doit,
    "luigi": luigi,
    "snakemake": snakemake,
    "ddeutil-workflow": ddeutil_workflow,
}
#: Those whose programs are Python, as jobc is.
PYTHON = ("doit", "luigi", "snakemake", "ddeutil-workflow")
