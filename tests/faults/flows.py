"""The workflows that are killed. Every stage leaves a line in `effects.txt` that says which attempt of which stage it is.

`id|attempt|incarnation`: the id is made of what is the same in every run (no run id: those of nested runs depend on who
came first), the incarnation says which engine the stage ran in.
"""

from __future__ import annotations

import textwrap

#: What a bash stage writes first. `KEY` is the job, the combination, and the parameter that tells nested runs apart.
_BASH = 'echo "KEY|$JOBC_STAGE|$JOBC_ATTEMPT|$INCARNATION" >> effects.txt'
_PYTHON = """\
import os
key = KEY
with open("effects.txt", "a") as file:
    file.write("|".join((*key, context["stage"], str(context["attempt"]), os.environ["INCARNATION"])) + "\\n")
"""


def _bash(job: str, index: str, tag: str, *more: str) -> str:
    return "\n".join((_BASH.replace("KEY", f"{tag}/{job}/{index}"), *more))


def _python(job: str, *more: str) -> str:
    return _PYTHON.replace("KEY", f'("top/{job}/0",)') + "\n".join(more)


def _stage(kind: str, script: str, **keys: object) -> str:
    """A list item of stages."""
    lines = [f"  {name.replace('_', '-')}: {value}" for name, value in keys.items()]
    lines += [f"  {kind}: |", textwrap.indent(script, "    ")]
    return "-" + "\n".join(lines)[1:]


def _job(id: str, stages: list[str], **keys: str) -> str:
    lines = [f"{id}:"]
    lines += [f"  {name.replace('_', '-')}: {value}" for name, value in keys.items()]
    lines += ["  stages:", textwrap.indent("\n".join(stages), "    ")]
    return "\n".join(lines)


INDEX = "${{ strategy.index }}"


def _load(number: int, job: str) -> str:
    script = _bash(job, INDEX, "top", 'echo "value=${{ matrix.n * 10 }}" >> "$JOBC_OUTPUT"')
    return _job(job, [_stage("bash", script, id="read")], strategy="{matrix: {n: [1, 2, 3]}}")


def _clean(number: int, job: str) -> str:
    first = _python(
        job,
        "from decimal import Decimal",
        "from datetime import timedelta",
        'params.price = Decimal("1.10")',
        f"params.day = params.day + timedelta(days={number})",
        f"total = len(needs['load-{number}'].outputs.value)",
    )
    failing = _bash(job, "0", "top", 'test "$JOBC_ATTEMPT" -ge 2')
    last = _bash(job, "0", "top", 'echo "seen=${{ params.day }} ${{ params.price }}" >> "$JOBC_OUTPUT"')
    return _job(
        job,
        [
            _stage("run", first, isolation="inline", id="count"),
            _stage("bash", failing, id="again", retry="{attempts: 2, delay: 20ms}"),
            _stage("bash", last, id="tell"),
        ],
        needs=f"[load-{number}]",
    )


def _each(number: int, job: str) -> str:
    item = _bash(job, "0", "top", 'echo "got=${{ item }}" >> "$JOBC_OUTPUT"')
    branch = _bash(job, "0", "top")
    rounds = _bash(job, "0", "top", "n=${{ item }}", 'echo "item=$((n + 1))" >> "$JOBC_OUTPUT"')
    stages = [
        "- id: every\n  foreach: [a, b, c]\n  max-parallel: 2\n  stages:\n"
        + textwrap.indent(_stage("bash", item) + "\n" + _stage("bash", branch), "    "),
        "- id: both\n  parallel:\n    left:\n"
        + textwrap.indent(_stage("bash", branch), "      ")
        + "\n    right:\n"
        + textwrap.indent(_stage("bash", branch), "      "),
        "- id: loop\n  until: item == '3'\n  item: '0'\n  stages:\n"
        + textwrap.indent(_stage("bash", rounds, id="step"), "    "),
    ]
    return _job(job, stages, needs=f"[clean-{number}]")


def _call(number: int, job: str) -> str:
    stages = [
        _stage("bash", _bash(job, "0", "top")),
        f"- id: nested\n  trigger: child\n  params: {{tag: t{number}}}",
        _stage("bash", _bash(job, "0", "top", 'echo "x=${{ stages.nested.outputs.sum }}" >> "$JOBC_OUTPUT"')),
    ]
    return _job(job, stages, needs=f"[clean-{number}]")


def _flaky(number: int, job: str) -> str:
    stages = [
        _stage("bash", _bash(job, INDEX, "top")),
        _stage("bash", _bash(job, INDEX, "top", 'test "$JOBC_ATTEMPT" -ge 2 -o ${{ matrix.k }} = 1')),
    ]
    return _job(
        job,
        stages,
        needs=f"[load-{number}]",
        strategy="{matrix: {k: [1, 2]}, max-parallel: 2}",
        retry="{attempts: 2, delay: 30ms}",
    )


def _dynamic(number: int, job: str) -> str:
    script = _bash(job, INDEX, "top", 'echo "twice=${{ matrix.v }}${{ matrix.v }}" >> "$JOBC_OUTPUT"')
    return _job(
        job,
        [_stage("bash", script)],
        needs=f"[load-{number}]",
        strategy=f"{{matrix: {{v: '${{{{ needs.load-{number}.outputs.value }}}}'}}}}",
    )


def _sum(number: int, job: str) -> str:
    script = _bash(
        job,
        "0",
        "top",
        f'echo "all=${{{{ toJson(needs.dynamic-{number}.outputs.twice) }}}}" >> "$JOBC_OUTPUT"',
    )
    stages = [_stage("bash", script)]
    return _job(job, stages, needs=f"[dynamic-{number}, flaky-{number}]", concurrency="{group: sums}")


_KINDS = [(_load, 10), (_clean, 10), (_each, 10), (_call, 5), (_flaky, 10), (_dynamic, 10), (_sum, 5)]
NAMES = {
    _load: "load",
    _clean: "clean",
    _each: "each",
    _call: "call",
    _flaky: "flaky",
    _dynamic: "dynamic",
    _sum: "sum",
}


def large() -> str:
    """60 jobs: matrices, expanded beforehand and from outputs, retries of stages and jobs, nested stages and runs."""
    return _flow(
        [make(number, f"{NAMES[make]}-{number}") for make, count in _KINDS for number in range(count)]
    )


def small() -> str:
    """One job of each kind."""
    return _flow([make(0, f"{NAMES[make]}-0") for make, _ in _KINDS])


def tiny() -> str:
    """As few stages as have a matrix, retries, an inline stage, nested stages and a nested run."""
    return _flow([_load(0, "load-0"), _clean(0, "clean-0"), _call(0, "call-0")])


def _flow(jobs: list[str]) -> str:
    tag = "${{ params.tag }}"
    child = "\n".join(
        [
            _job(
                "first",
                [
                    _stage(
                        "bash",
                        _bash("first", INDEX, tag, 'echo "v=${{ matrix.m }}" >> "$JOBC_OUTPUT"'),
                        id="v",
                    )
                ],
                strategy="{matrix: {m: [4, 5]}}",
            ),
            _job("second", [_stage("bash", _bash("second", "0", tag))], needs="[first]"),
        ]
    )
    return "\n".join(
        [
            "main:",
            "  type: Workflow",
            "  params:",
            "    day: {type: date, default: 2026-01-01}",
            "    price: {type: decimal, default: 0}",
            "  jobs:",
            textwrap.indent("\n".join(jobs), "    "),
            "child:",
            "  type: Workflow",
            "  params: {tag: str}",
            "  outputs: {sum: '${{ toJson(needs.first.outputs.v) }}'}",
            "  jobs:",
            textwrap.indent(child, "    "),
            "",
        ]
    )
