"""jobc beside other runners on the same graphs in the same run: `bash -c true` in every job, at most four at once.

Each peer is given the graph in its own words, works without a server, and keeps what it keeps by default. Who needs
longer than `LIMIT` seconds is ended and listed so.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.benchmarks.engine.command import JOBC, Broke, TimedOut, measure
from tests.benchmarks.engine.graphs import PARALLEL, chain, fan
from tests.benchmarks.peers import python_with

COUNT = 200
LIMIT = 60.0
ROUNDS = 3

#: (id, what it needs), in an order that can be run.
Graph = Sequence[tuple[str, Sequence[str]]]
#: Writes a graph into a folder; the command that runs it there.
Peer = Callable[[Path, Graph], list[str]]


def report() -> None:
    graphs: dict[str, Graph] = {
        "chain": [(f"j{n}", [f"j{n - 1}"] if n else []) for n in range(COUNT)],
        "fan": [*((f"j{n}", []) for n in range(COUNT)), ("all", [f"j{n}" for n in range(COUNT)])],
    }
    for shape, graph in graphs.items():
        print(f"\nEngine, peers: {shape} of {COUNT} × `bash -c true`, whole processes, median of {ROUNDS}")
        times: dict[str, list[float]] = {name: [] for name in PEERS}
        words: dict[str, str] = {}
        for _ in range(ROUNDS):
            for name, peer in PEERS.items():
                if name not in words:
                    _once(name, peer, graph, times, words)
        floor = statistics.median(times["jobc"])
        for name, taken in times.items():
            if name in words:
                print(f"  {name:<18}{words[name]}")
                continue
            median = statistics.median(taken)
            print(f"  {name:<18}{median:>8.2f} s {median / floor:>8.1f} × jobc   best {min(taken):.2f} s")


def _once(name: str, peer: Peer, graph: Graph, times: dict[str, list[float]], words: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        command = peer(Path(folder), graph)
        try:
            times[name].append(measure(command, Path(folder), limit=LIMIT).seconds)
        except TimedOut:
            words[name] = f"    not done after {LIMIT:g} s"
        except Broke as error:
            words[name] = f"    failed: {error}"


def jobc(folder: Path, graph: Graph) -> list[str]:
    shape = chain if graph[-1][0] != "all" else fan
    (folder / "a.job.yml").write_text(shape(COUNT, "bash: 'true'"))
    return [*JOBC, "a.job.yml"]


def bash(folder: Path, graph: Graph) -> list[str]:
    """The floor: a script that starts as many processes, four at a time where the graph lets it."""
    at_once = 1 if graph[-1][0] != "all" else PARALLEL
    return ["sh", "-c", f"seq {len(graph)} | xargs -P {at_once} -I@ bash -c true"]


def go_task(folder: Path, graph: Graph) -> list[str]:
    lines = ["version: '3'", "tasks:"]
    for id, needs in graph:
        lines.append(f"  {id}: {{deps: [{', '.join(needs)}], cmds: ['bash -c true']}}")
    (folder / "Taskfile.yml").write_text("\n".join(lines))
    return [_bin("go-task-bin", "task"), "--silent", "--concurrency", str(PARALLEL), graph[-1][0]]


def doit(folder: Path, graph: Graph) -> list[str]:
    (folder / "dodo.py").write_text(
        f"GRAPH = {list(graph)!r}\n"
        "def task_job():\n"
        "    for id, needs in GRAPH:\n"
        "        yield {'name': id, 'actions': ['bash -c true'], 'task_dep': ['job:' + need for need in needs]}\n"
    )
    return [_bin("doit", "doit"), "-n", str(PARALLEL)]


def luigi(folder: Path, graph: Graph) -> list[str]:
    (folder / "flow.py").write_text(
        "import luigi, subprocess, os\n"
        f"GRAPH = dict({list(graph)!r})\n"
        "class Job(luigi.Task):\n"
        "    id = luigi.Parameter()\n"
        "    def requires(self):\n        return [Job(id=need) for need in GRAPH[self.id]]\n"
        "    def output(self):\n        return luigi.LocalTarget('done-' + self.id)\n"
        "    def run(self):\n"
        "        subprocess.run(['bash', '-c', 'true'], check=True)\n        self.output().open('w').close()\n"
    )
    return [
        "env",
        f"PYTHONPATH={folder}",
        _bin("luigi", "luigi"), "--module", "flow", "Job", "--id", graph[-1][0],
        "--local-scheduler", "--workers", str(PARALLEL), "--log-level", "WARNING",
    ]  # fmt: skip


def snakemake(folder: Path, graph: Graph) -> list[str]:
    rules = [f"rule target:\n    input: 'done-{graph[-1][0]}'\n"]
    for id, needs in graph:
        inputs = ", ".join(f"'done-{need}'" for need in needs)
        rules.append(
            f"rule {id if id != 'all' else 'gather'}:\n"
            + (f"    input: {inputs}\n" if inputs else "")
            + f"    output: touch('done-{id}')\n    shell: 'bash -c true'\n"
        )
    (folder / "Snakefile").write_text("\n".join(rules))
    return [_bin("snakemake", "snakemake"), "--cores", str(PARALLEL), "--quiet", "all"]


def ddeutil_workflow(folder: Path, graph: Graph) -> list[str]:
    (folder / "flow.py").write_text(
        "from ddeutil.workflow import Workflow\n"
        f"GRAPH = {list(graph)!r}\n"
        "jobs = {id: {'id': id, 'needs': list(needs), 'stages': [{'name': 'Work', 'id': 'work', 'bash': 'true'}]}"
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


PEERS: dict[str, Peer] = {
    "jobc": jobc,
    "bash alone": bash,
    "go-task": go_task,
    "doit": doit,
    "luigi": luigi,
    "snakemake": snakemake,
    "ddeutil-workflow": ddeutil_workflow,
}
