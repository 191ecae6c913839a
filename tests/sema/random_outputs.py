"""Random jobs files whose stages hand on values of many kinds, and read them back at probes.

A probe is a Python stage of one line, `value = ${{ … }}`, that may fail without harm. What it hands on is the value of its
expression in a real run, which the analysis has said a type for.
"""

from __future__ import annotations

from random import Random

PARAMS = """\
params:
  flag: {type: bool, default: false}
  maybe: bool
  kind: {type: choice, enum: [a, b, 3], default: a}
  count: {type: int, default: 2}
  ratio: {type: float, default: 0.5}
  price: {type: decimal, default: "1.50"}
  label: str
  rows: {type: list, default: [1, x]}
  free: {type: any, default: null}
"""
_LITERALS = ["1", "2.5", "'a'", "'x y'", "true", "null", "[1, 'a']", "{'k': 1}"]
_CONDITIONS = [
    "params.flag",
    "!params.flag",
    "params.kind == 'a'",
    "params.kind in ['a', 'b']",
    "params.kind != 'a' && params.label != null",
    "params.label != null",
    "params.count > 1 || params.flag",
    "(params.maybe ?? true)",
]
_PYTHON = [
    "NAME = 1",
    "NAME = 'text'",
    "NAME = [1, 'a']",
    "NAME = {'k': 1, 'm': None}",
    "NAME = ${{ params.count }}",
    "NAME = ${{ params.price }}",
    "NAME = '${{ params.kind }}'",
    "if ${{ params.flag }}: NAME = 1",
    "NAME = 1 if ${{ params.flag }} else 'no'",
    "for NAME in ${{ params.rows }}: pass",
    "result.outputs = {'NAME': ${{ params.ratio }}}",
    "result.outputs['NAME'] = len(${{ params.rows }})",
    "NAME = None",
    "NAME = params.kind",
    "import sys; (sys.exit(0) if ${{ params.flag }} else None); NAME = 2.5",
    "try: NAME = int('x')\nexcept ValueError: NAME = 'none'",
    "params.label = 5; NAME = 1",
    "params.more = [1]; NAME = 'more'",
]
_BASH = [
    'echo "NAME=1" >> "$JOBC_OUTPUT"',
    "printf 'NAME=%s\\n' x >> \"$JOBC_OUTPUT\"",
    'if [ "${{ params.flag }}" = true ]; then echo "NAME=y" >> "$JOBC_OUTPUT"; fi',
    'for NAME in p q; do echo "$NAME=1" >> "$JOBC_OUTPUT"; done',
    'f() { [ "$1" = NAME ] || return 0; echo "$1=z"; }; f NAME >> "$JOBC_OUTPUT"',
    'echo \'{"NAME": [1, null]}\' > "$JOBC_OUTPUT_JSON"',
    '[ "${{ params.flag }}" = false ] || exit 0; echo "NAME=late" >> "$JOBC_OUTPUT"',
    'cat <<END >> "$JOBC_OUTPUT"\nNAME=${{ params.count }}\nEND',
    'case "${{ params.kind }}" in a) echo NAME=1;; *) echo other=2;; esac >> "$JOBC_OUTPUT"',
]
_NAMES = ["x", "rows", "long-name"]


class Workflow:
    """The text, and the expression of each probe by its job and id."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._lines = [*PARAMS.rstrip().split("\n"), "jobs:"]
        self._known: list[str] = []
        self._number = 0
        self.probes: dict[tuple[str, str], str] = {}
        self._job("first", [])
        self._job("second", ["first"])
        self.text = "\n".join(self._lines) + "\n"

    def _job(self, job: str, needs: list[str]) -> None:
        random = self._random
        self._id = job
        self._lines.append(f"  {job}:")
        self._known = ["strategy.total", "run.attempt"]
        self._paths = [
            f"params.{n}"
            for n in ["flag", "maybe", "kind", "count", "ratio", "price", "label", "rows", "free", "more"]
        ]
        if needs:
            self._lines.append(f"    needs: [{', '.join(needs)}]")
            if random.random() < 0.6:
                self._lines.append(
                    f"    trigger-rule: {random.choice(['all_done', 'none_failed', 'all_success'])}"
                )
            for need in needs:
                self._paths += [f"needs.{need}.result", f"needs.{need}.outputs"]
                self._paths += [f"needs.{need}.outputs.{name}" for name in [*_NAMES, "other"]] * 2
        elif random.random() < 0.3:
            self._lines.append(f'    condition: "{random.choice(_CONDITIONS)}"')
        if random.random() < 0.4:
            self._lines += _matrix(random)
            self._paths += ["matrix.os", "matrix.py", "matrix.extra", "matrix"]
        self._lines.append("    stages:")
        self._stages(random.randint(2, 4), 6, 0)
        if random.random() < 0.5:
            self._lines.append("    outputs:")
            for name in random.sample(_NAMES, 2):
                self._lines.append(f'      {name}: "${{{{ {self._expression(1)} }}}}"')

    def _stages(self, count: int, indent: int, depth: int) -> None:
        for _ in range(count):
            self._stage(indent, depth)
            if self._random.random() < 0.8:
                self._probe(indent)

    def _put(self, indent: int, *lines: str) -> None:
        self._lines += [" " * indent + line for line in lines]

    def _probe(self, indent: int) -> None:
        self._number += 1
        name = f"probe{self._number}"
        expression = self._expression(2)
        self.probes[self._id, name] = expression
        self._put(indent, f"- id: {name}", "  continue-on-error: true")
        if self._random.random() < 0.3:
            self._put(indent, f'  condition: "{self._condition()}"')
        self._put(indent, "  run: |", f"    value = ${{{{ {expression} }}}}")

    def _stage(self, indent: int, depth: int) -> None:
        random = self._random
        self._number += 1
        id = f"s{self._number}"
        self._put(indent, f"- id: {id}")
        if random.random() < 0.3:
            self._put(indent, f'  condition: "{self._condition()}"')
        if random.random() < 0.15:
            self._put(indent, "  continue-on-error: true")
        kinds = ["python", "python", "bash", "bash"] + (
            ["foreach", "parallel", "case", "until"] if depth < 2 else []
        )
        kind = random.choice(kinds)
        name = random.choice(_NAMES)
        if kind == "python":
            self._script("run", random.choice(_PYTHON).replace("NAME", name.replace("-", "_")), indent)
        elif kind == "bash":
            variable = name.replace("-", "_")
            self._script("bash", random.choice(_BASH).replace("NAME", variable), indent)
        elif kind == "foreach":
            items = random.choice(["[1, 2]", '"${{ params.rows }}"', "[]", "[{k: 1}, {k: a}]"])
            self._put(indent, f"  foreach: {items}", "  stages:")
            self._paths.append("item")
            self._stages(1, indent + 4, depth + 1)
            self._paths.remove("item")
        elif kind == "parallel":
            self._put(indent, "  parallel:", "    left:")
            self._stages(1, indent + 6, depth + 1)
            self._put(indent, "    right:")
            self._stages(1, indent + 6, depth + 1)
            self._paths.append(f"stages.{id}.outputs.left")
        elif kind == "case":
            self._put(indent, '  case: "${{ params.kind }}"', "  match:", "    - case: a", "      stages:")
            self._stages(1, indent + 8, depth + 1)
            self._put(indent, "    - case: _", "      stages:")
            self._stages(1, indent + 8, depth + 1)
        else:
            self._put(indent, f"  until: stages.{id}c.outputs.n >= 2", "  stages:")
            self._put(indent + 4, f"- id: {id}c", f"  run: n = ${{{{ stages.{id}c.outputs.n ?? 0 }}}} + 1")
            self._stages(1, indent + 4, depth + 1)
        self._paths += [f"stages.{id}.outputs.{n.replace('-', '_')}" for n in _NAMES] * 2
        self._paths += [f"stages.{id}.outputs", f"stages.{id}.result", f"stages.{id}.outputs.other"]

    def _script(self, key: str, script: str, indent: int) -> None:
        self._put(indent, f"  {key}: |")
        self._put(indent + 4, *script.split("\n"))

    def _condition(self) -> str:
        random = self._random
        path = random.choice(self._paths)
        own = [f"{path} != null", f"{path} == null", f"{path} == 'a' || {path} == 'x'"]
        return random.choice([*_CONDITIONS, *own, "always()", "failure() || success()"])

    def _expression(self, depth: int) -> str:
        random = self._random
        path = random.choice(self._paths)
        if depth == 0 or random.random() < 0.35:
            return path if random.random() < 0.9 else random.choice(_LITERALS)
        a, b = self._expression(depth - 1), self._expression(depth - 1)
        condition = self._condition() if random.random() < 0.5 else f"{path} != null"
        if "()" in condition:
            condition = f"{path} == 'success'"
        return random.choice(
            [
                f"({a} ?? {b})",
                f"({condition} ? {path} : {b})",
                f"({condition} ? {a} : {path})",
                f"[{a}, {b}]",
                f"{{'k': {a}, 'm': {b}}}",
                f"({a} == {b})",
                f"({condition} && {path} == {b})",
                f"({a})[0]",
                f"({a}).k",
                f"len({a})",
                f"format('{{0}}', {a})",
                f"toJson({a})",
                f"({a} + {b})",
                f"({a} | default({b}))",
                f"coalesce({a}, {b})",
                f"({path} in [{a}, {b}])",
                f"values({a})",
                f"merge({a}, {b})",
                f"max({a}, {b})",
                f"sum([{a}, {b}])",
                f"(-({a}))",
                f"({a} * {b})",
                f"upper({a})",
                f"split({a}, ',')",
            ]
        )


def _matrix(random: Random) -> list[str]:
    lines = ["    strategy:", "      matrix: {os: [linux, mac], py: [1, '2']}"]
    if random.random() < 0.5:
        entry = random.choice(["{os: mac}", "{os: linux, py: 1}", "{py: '2'}"])
        lines.append(f"      exclude: [{entry}]")
    if random.random() < 0.5:
        entry = random.choice(
            [
                "{os: mac, extra: 1}",
                "{extra: [a]}",
                "{os: win}",
                "{os: linux, py: 3, extra: b}",
                "{py: 1, extra: null}",
            ]
        )
        lines.append(f"      include: [{entry}]")
    return lines


def arguments(random: Random) -> dict[str, object]:
    """Parameters of one run."""
    given: dict[str, object] = {}
    for name, values in (
        ("flag", [True, False]),
        ("maybe", [True, False, None]),
        ("kind", ["a", "b", 3]),
        ("count", [0, 1, 2]),
        ("ratio", [0.5, 2]),
        ("label", ["a", "x", None]),
        ("rows", [[], [1, "x"], [{"k": 1}]]),
        ("free", [None, 1, "a", [1], {"k": 2}]),
    ):
        if random.random() < 0.6:
            given[name] = random.choice(values)
    return {name: value for name, value in given.items() if value is not None}
