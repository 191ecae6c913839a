"""Random small workflows in two texts: one to analyse, and one whose outcomes can be dictated, to run.

The second has a parameter more for everything that the first leaves open: whether a job fails (`f_<job>`, read by a
`raise` stage), what it outputs (`v_<job>`), which values its matrix takes (`m_<job>`).
"""

from __future__ import annotations

import random
from typing import Any

from jobc.ir.status import RULES

PARAMS = {
    "dry": ("{type: bool, default: false}", [True, False]),
    "env": ("{type: choice, enum: [dev, test, prod], default: dev}", ["dev", "test", "prod"]),
    "level": ("{type: int, min: 1, max: 3, default: 1}", [1, 2, 3]),
    "opt": ("{type: bool}", [True, False, None]),
}
#: What an output is compared with, and one value that it is not.
OUTPUTS = ["a", "b", "other", None]
RESULTS = ("success", "failed", "skip", "cancel")


class Graph:
    """`open` maps parameters to the values that they may take; `fails` the jobs to their deciding parameter."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._random = random.Random(seed)
        self.open: dict[str, list[Any]] = {}
        self.fails: dict[str, str] = {}
        self._hidden: dict[str, str] = {}
        self._read: set[str] = set()
        analysed: list[str] = []
        run: list[str] = []
        count = self._random.choice((2, 3, 3, 4, 4, 5, 5, 6))
        for index in range(count):
            one, two = self._job(f"j{index}", [f"j{i}" for i in range(index)])
            analysed += one
            run += two
        outputs = {"mode": sorted(self._read)}
        head = ["params:"]
        for name in self.open:
            if name in PARAMS:
                head.append(f"  {name}: {PARAMS[name][0]}")
        for name in self._hidden:
            head.append(f"  {name}: any")
        head.append("jobs:")
        self.analysed = "\n".join([*head, *self._with_outputs(analysed, outputs["mode"])]) + "\n"
        self.run = "\n".join([*head, *self._with_outputs(run, outputs["mode"])]) + "\n"

    def _with_outputs(self, lines: list[str], read: list[str]) -> list[str]:
        return [
            line for line in lines if not line.startswith("    outputs:") or line.split("v_")[1][:2] in read
        ]

    def _param(self, name: str) -> str:
        self.open[name] = PARAMS[name][1]
        return f"params.{name}"

    def _hide(self, name: str, values: list[Any]) -> str:
        self._hidden[name] = name
        self.open[name] = values
        return f"params.{name}"

    def _job(self, id: str, before: list[str]) -> tuple[list[str], list[str]]:
        pick = self._random
        needs = pick.sample(before, k=min(len(before), pick.choice((0, 1, 1, 1, 2, 2, 3))))
        lines = [f"  {id}:"]
        if needs:
            lines.append(f"    needs: [{', '.join(needs)}]")
            if pick.random() < 0.6:
                lines.append(f"    trigger-rule: {pick.choice(RULES)}")
        if pick.random() < 0.55:
            lines.append(f'    condition: "{self._condition(needs, 2, job=True)}"')
        if pick.random() < 0.15:
            lines.append("    continue-on-error: true")
        self._hide_output(id)
        lines.append(f"    outputs: {{mode: '${{{{ params.v_{id} }}}}'}}")
        fails = self.fails[id] = f"f_{id}"
        kind = pick.random()
        boom = f"      - {{raise: boom, condition: params.{fails}}}"
        if kind < 0.62:
            return [*lines, "    stages:", "      - echo: work"], [
                *lines,
                "    stages:",
                "      - echo: work",
                boom,
            ]
        if kind < 0.76:
            return self._guarded(lines, needs, fails)
        if kind < 0.84:
            condition = self._condition(needs, 1, job=False)
            body = ["    stages:", "      - echo: work", f'      - {{raise: no, condition: "{condition}"}}']
            return [*lines, *body], [*lines, *body[:2], boom, body[2]]
        if kind < 0.88:
            body = ["    stages:", "      - {raise: tolerated, continue-on-error: true}"]
            return [*lines, *body], [*lines, *body, boom]
        if kind < 0.92:
            values = self._hide(f"m_{id}", [[1], []])
            lines.append(f'    strategy: {{matrix: {{k: "${{{{ {values} }}}}"}}}}')
        elif kind < 0.95:
            lines.append("    strategy: {matrix: {k: [1, 2]}, exclude: [{k: 1}, {k: 2}]}")
        else:
            lines.append("    strategy: {matrix: {k: [1, 2]}}")
            return self._guarded(lines, needs, fails, f"matrix.k == {pick.choice((1, 2))}")
        return [*lines, "    stages:", "      - echo: work"], [
            *lines,
            "    stages:",
            "      - echo: work",
            boom,
        ]

    def _guarded(
        self, lines: list[str], needs: list[str], fails: str, condition: str = ""
    ) -> tuple[list[str], list[str]]:
        """Every stage behind a condition."""
        one, two = [*lines, "    stages:"], [*lines, "    stages:"]
        for _ in range(self._random.choice((1, 1, 2))):
            guard = condition or self._condition(needs, 1, job=False)
            stage = f'      - {{echo: work, condition: "{guard}"}}'
            one.append(stage)
            two += [stage, f'      - {{raise: boom, condition: "({guard}) && params.{fails}"}}']
        return one, two

    def _hide_output(self, id: str) -> None:
        self._hidden[f"v_{id}"] = id

    def _condition(self, needs: list[str], depth: int, *, job: bool) -> str:
        pick = self._random
        if depth and pick.random() < 0.6:
            left = self._condition(needs, depth - 1, job=job)
            right = self._condition(needs, depth - 1, job=job)
            shape = pick.choice(
                ("({} && {})", "({} || {})", "!({} && {})", "({} ? {} : false)", "({} == {})")
            )
            return shape.format(left, right)
        atoms = ["dry", "env", "env", "level", "opt", "function", "made"]
        if needs:
            atoms += ["result"] * 5 + ["output", "status", "status"]
        elif job:
            atoms += ["status"]
        return self._atom(pick.choice(atoms), needs)

    def _atom(self, kind: str, needs: list[str]) -> str:
        pick = self._random
        if kind == "dry":
            return pick.choice(("{}", "!{}", "{} == true")).format(self._param("dry"))
        if kind == "env":
            value = pick.choice(PARAMS["env"][1])
            return pick.choice(("{} == '{}'", "{} != '{}'", "{} in ['{}', 'test']")).format(
                self._param("env"), value
            )
        if kind == "level":
            return f"{self._param('level')} {pick.choice(('<', '>=', '=='))} {pick.choice((1, 2, 3))}"
        if kind == "opt":
            return pick.choice(("({} ?? false)", "{} == true", "{} != null", "({} ?? true)")).format(
                self._param("opt")
            )
        if kind == "function":
            return f"contains('{pick.choice(('devtest', 'prod'))}', {self._param('env')})"
        if kind == "made":
            return f"format('{{0}}-{{1}}', {self._param('env')}, 1) == '{pick.choice(('dev-1', 'prod-1'))}'"
        if kind == "status":
            return pick.choice(
                ("success()", "failure()", "always()", "cancelled()", "!failure()", "!success()")
            )
        need = pick.choice(needs)
        if kind == "output" and len(self._read) < 2:
            self._read.add(need)
            self.open[f"v_{need}"] = OUTPUTS
            read = f"needs.{need}.outputs.mode"
            return pick.choice(
                ("{} == 'a'", "{} != 'b'", "({} ?? 'a') == 'a'", "{} in ['a', 'b']", "{} == null")
            ).format(read)
        one, two = pick.sample(RESULTS[:3], 2)
        return pick.choice(("{0} == '{1}'", "{0} != '{1}'", "{0} in ['{1}', '{2}']", "{0} == '{1}'")).format(
            f"needs.{need}.result", one, two
        )
