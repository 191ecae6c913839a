"""The same two graphs for everybody: a chain, and a fan that one last job gathers. At most `PARALLEL` at once."""

from __future__ import annotations

PARALLEL = 4


def chain(count: int, stage: str) -> str:
    """A jobs file; `stage` is the only stage of each job, as flow YAML without its braces."""
    return _jobs([(f"j{n}", [f"j{n - 1}"] if n else []) for n in range(count)], stage)


def fan(count: int, stage: str) -> str:
    ids = [f"j{n}" for n in range(count)]
    return _jobs([*((id, []) for id in ids), ("all", ids)], stage)


def _jobs(jobs: list[tuple[str, list[str]]], stage: str) -> str:
    lines = [f"max-parallel: {PARALLEL}\njobs:\n"]
    for id, needs in jobs:
        wanted = f"needs: [{', '.join(needs)}], " if needs else ""
        lines.append(f"  {id}: {{{wanted}stages: [{{{stage}}}]}}\n")
    return "".join(lines)


def matrix(count: int, stage: str) -> str:
    """One job with as many combinations."""
    return (
        f"params: {{n: {{type: int, default: {count}}}}}\nmax-parallel: {PARALLEL}\njobs:\n  m:\n    strategy:\n"
        f"      matrix: {{i: '${{{{ range(params.n) }}}}'}}\n      max-parallel: {PARALLEL}\n"
        f"    stages:\n      - {stage}\n"
    )
