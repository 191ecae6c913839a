"""Ways that free text takes through scripts, files, workflows and jobs: each shown in order, and the safe ones silent."""

from __future__ import annotations

import pytest

from jobc.check.runner import check
from jobc.errors import UsageError
from jobc.sema.analyze import analyze
from jobc.source.file import SourceFile


def found(
    text: str, others: dict[str, str] | None = None, code: str = "JC501"
) -> list[tuple[str, str, list[str]]]:
    """(the place, the message, the words of the way in order) of each finding."""

    def load(path: str) -> SourceFile:
        if path not in (others or {}):
            raise UsageError(f"{path}: no such file")
        return SourceFile(path, (others or {})[path])

    return [
        (f.diagnostic.span.text, f.diagnostic.message, [label.message for label in f.diagnostic.related])
        for f in check(analyze(SourceFile("a.job.yml", text), load))
        if f.code == code
    ]


def bash(script: str, declared: str = "{x: str}", env: str = "{X: '${{ params.x }}'}") -> list[str]:
    """The places that are found in a script whose environment has `X`."""
    lines = "".join(f"          {line}\n" for line in script.split("\n"))
    text = f"params: {declared}\njobs:\n  a:\n    env: {env}\n    stages:\n      - bash: |\n{lines}"
    return [place for place, _, _ in found(text)]


@pytest.mark.parametrize(
    ("script", "places"),
    [
        # Variables of the script's own.
        ('y="$X"\n$y --version', ["$y"]),
        ("y=${{ params.x }}\n$y --version", ["$y"]),
        ('y="$X"; z=$y\nsudo -u me $z', ["$z"]),
        ('y="$X"\ny=ls\n$y', []),
        ('X=$(basename "$X")\n$X', []),
        ('y="$X"; read -r y\n$y', []),
        ("for tool in $X; do $tool --version; done", ["$tool"]),
        ('y=$(echo "$X")\n$y', ["$y"]),
        ('y=$(./choose "$X")\n$y', []),
        ('eval "${#X}"', []),
        ('eval "run ${X@Q}"', []),
        # What makes sure of a value.
        ('case "$X" in a|b) ;; *) exit 1;; esac\n$X', []),
        ('[[ "$X" =~ ^[a-z]+$ ]] || exit 1\n$X', []),
        ('[[ $X == prod ]] && $X', []),
        ('echo "$X" | grep -Eq "^[a-z]+$" || exit 1\n$X', []),
        ('if [ -z "$X" ]; then exit 1; fi\n$X', ["$X"]),
        # Programs that run what they are named.
        ("bash ${{ params.x }}", ["params.x"]),
        ('source "$X"', ['$X']),
        ('. "$X"', ["$X"]),
        ('python3 -u "$X" --fast', ["$X"]),
        ('python3 -m "$X"', ["$X"]),
        ('python3 main.py "$X"', []),
        ('bash main.sh "$X"', []),
        ('sh -c \'echo "$1"\' _ "$X"', []),
        ('pip install --quiet "$X"', ["$X"]),
        ('python3 -m pip install "$X"', ["$X"]),
        ("pip install -r \"$X\"", []),
        ('npx --yes "$X"', ["$X"]),
        ('docker run --rm -e A=b --name n "$X" echo hi', ["$X"]),
        ('docker run --rm alpine echo "$X"', []),
        ('docker run --unknown "$X" alpine', []),
        ('docker pull "repo/$X"', ["$X"]),
        ('curl -fsSL "$X" | bash', ["$X"]),
        ('curl -fsSL "$X" | tar xz', []),
        ('curl -fsSL "$X"', []),
        # Code that is read.
        ('echo "$X" | sh', ["$X"]),
        ('bash <<< "$X"', ["$X"]),
        ('bash <<END\n$X\nEND', ["$X"]),
        ("cat <<END\n$X\nEND", []),
        ('eval "$(echo "$X")"', ["$X"]),
        # Arguments, paths and data are what parameters are for.
        ('cp "$X" out/', []),
        ('test -f "$X" && rm -rf -- "$X"', []),
        ('psql -v name="$X" -f load.sql', []),
    ],
)  # fmt: skip
def test_a_shell_script(script: str, places: list[str]) -> None:
    assert bash(script) == places


@pytest.mark.parametrize(
    "declared",
    [
        "{x: int}",
        "{x: bool}",
        "{x: {type: str, enum: [a, b]}}",
        "{x: {type: str, pattern: '[a-z]+'}}",
        "{x: date}",
    ],
)
def test_what_cannot_be_any_text_is_silent(declared: str) -> None:
    assert bash("$X\ny=${{ params.x }}\n$y\nbash ${{ params.x }}", declared) == []


def stages(*lines: str) -> str:
    return "params: {x: str}\njobs:\n  a:\n    env: {X: '${{ params.x }}'}\n    stages:\n" + "".join(
        f"      {line}\n" for line in lines
    )


@pytest.mark.parametrize(
    ("lines", "ways"),
    [
        (["- bash: echo \"$X\" > run.sh", "- bash: bash ./run.sh"], [["run.sh"]]),
        (["- bash: echo \"$X\" | tee run.sh", "- bash: . run.sh"], [["run.sh"]]),
        (["- bash: printf '%s' ${{ params.x }} >> a/run.sh", "- bash: chmod +x a/run.sh; a/run.sh"], [["a/run.sh"]]),
        (["- bash: echo \"$X\" > v", "- bash: eval \"$(cat v)\""], [["v"]]),
        (["- bash: echo \"$X\" > v", "- bash: y=$(< v); $y"], [["v"]]),
        (["- bash: echo \"$X\" > v", "- bash: mv v w", "- bash: sh < w"], [["v", "w"]]),
        (["- bash: echo \"$X\" > v", "- bash: cat v | sh"], [["v"]]),
        (["- bash: |", "    cat > v <<END", "    $X", "    END", "- bash: sh v"], [["v"]]),
        (["- bash: |", "    echo \"$X\" > v", "    sh v"], [[]]),
        (["- run: |", "    with open('v', 'w') as f:", "        f.write(params.x)", "- bash: sh v"], [["v"]]),
        (["- run: |", "    import pathlib", "    pathlib.Path('v').write_text(params.x)", "- bash: sh v"], [["v"]]),
        (["- bash: echo \"$X\" > v", "- run: |", "    import os", "    os.system(open('v').read())"], [["v"]]),
        # The file is written anew, may be another one, or is only read.
        (["- bash: echo \"$X\" > v", "- bash: echo ls > v", "- bash: sh v"], []),
        (["- bash: |", "    sh v", "    echo \"$X\" > v"], []),
        (["- bash: echo \"$X\" > $F", "- bash: sh v"], []),
        (["- bash: cd /tmp && echo \"$X\" > v", "- bash: sh v"], []),
        (["- bash: echo \"$X\" > v", "- bash: ./load --from v"], []),
        (["- bash: echo \"$X\" | tr a b > v", "- bash: sh v"], []),
        (["- bash: sh v", "- bash: echo \"$X\" > v"], []),
    ],
)  # fmt: skip
def test_files_of_constant_names_hand_text_on_within_a_job(lines: list[str], ways: list[list[str]]) -> None:
    shown = [way for _, _, way in found(stages(*lines))]
    assert [
        [words.split("`")[1] for words in way if words.startswith("written to the file")] for way in shown
    ] == ways


def python(script: str, declared: str = "{x: str}") -> list[str]:
    lines = "".join(f"          {line}\n" for line in script.split("\n"))
    text = (
        f"params: {declared}\njobs:\n  a:\n    env: {{X: '${{{{ params.x }}}}'}}\n    stages:\n"
        f"      - vars: {{v: '${{{{ params.x }}}}'}}\n        run: |\n          import os, subprocess, shlex, re\n{lines}"
    )
    return [place for place, _, _ in found(text)]


@pytest.mark.parametrize(
    ("script", "places"),
    [
        ("os.system(os.environ['X'])", ["os.environ['X']"]),
        ("os.system('run ' + os.environ.get('X'))", ["'run ' + os.environ.get('X')"]),
        ("os.system(os.getenv('X') + 'ä')", ["os.getenv('X') + 'ä'"]),
        ("os.system(env['X'])", ["env['X']"]),
        ("os.system(env.X)", ["env.X"]),
        ("os.system(v)", ["v"]),
        ("c = params.x\nos.system(f'run {c}')", ["f'run {c}'"]),
        ("c = ${{ params.x }}\nos.system(c)", ["c"]),
        ("c = 'run ${{ params.x }}'\nos.system(c)", ["c"]),
        ("parts = ['run', params.get('x')]\nos.system(' '.join(parts))", ["' '.join(parts)"]),
        ("c = params.x\nc = 'ls'\nos.system(c)", []),
        ("def f(c):\n    os.system(c)\nf(params.x)", ["c"]),
        ("def f(n, *, c='ls'):\n    os.system(c)\nf(1)\nf(2, c=params.x)", ["c"]),
        ("def f(c):\n    os.system(c)\nf('ls')\nf(params.x)", ["c"]),
        ("def f(c):\n    return 'run ' + c\nos.system(f(params.x))", ["f(params.x)"]),
        ("def f():\n    return params.x\ndef g():\n    return f()\nos.system(g())", ["g()"]),
        ("def f(c):\n    return c and f(c[1:]) + f(c[2:])\nos.system(f(params.x))", ["f(params.x)"]),
        # Constant arguments, validated ones, functions that are handed on, or are not what is called.
        ("def f(c):\n    os.system(c)\nf('ls')", []),
        ("def f(c):\n    c = 'ls'\n    os.system(c)\nf(params.x)", []),
        (
            "def f(c):\n    if c not in ('a', 'b'):\n        raise ValueError\n    return c\nos.system(f(params.x))",
            [],
        ),
        ("def f(c):\n    return len(c)\nos.system(str(f(params.x)))", []),
        ("def f(c):\n    os.system(c)\nlist(map(f, ['ls']))\nprint(params.x)", []),
        (
            "class A:\n    def f(self, c):\n        os.system(c)\nA().f('ls')\ndef g(c):\n    print(c)\ng(params.x)",
            [],
        ),
        ("def f(*c):\n    os.system(c[0])\nf('ls', params.x)", []),
        # Parameters that the script sets.
        ("params.y = params.x\nos.system(params.y)", ["params.y"]),
        ("params['x'] = 'ls'\nos.system(params.x)", []),
        ("os.system(params.x)\nparams.x = 'ls'", ["params.x"]),
        ("os.system('run ' + shlex.quote(params.x))", []),
        ("os.system(f'run {int(params.x)}')", []),
        ("os.system(f'run {len(params.x)}')", []),
        ("if params.x not in ('a', 'b'):\n    raise ValueError\nos.system(params.x)", []),
        ("if not re.fullmatch('[a-z]+', params.x):\n    raise ValueError\nos.system(params.x)", []),
        ("assert params.x.isidentifier()\nos.system(params.x)", []),
        ("subprocess.run([params.x, '--version'])", ["params.x"]),
        ("subprocess.run(params.x)", ["params.x"]),
        ("subprocess.run(['bash', '-c', params.x])", ["params.x"]),
        ("subprocess.run(['bash', params.x])", ["params.x"]),
        ("subprocess.run(['pip', 'install', params.x])", ["params.x"]),
        ("subprocess.run(['load', params.x], check=True)", []),
        ("subprocess.run(['bash', 'load.sh', params.x])", []),
        ("import importlib\nimportlib.import_module(params.x)", ["params.x"]),
        ("print(open(params.x).read())", []),
    ],
)
def test_a_python_script(script: str, places: list[str]) -> None:
    assert python(script) == places


@pytest.mark.parametrize(
    ("lines", "places"),
    [
        (["- run: params.y = 'run ' + params.x", "- bash: eval ${{ params.y }}"], []),
        (["- run: params.y = 'run ' + params.x", "- bash: bash ${{ params.y }}"], ["params.y"]),
        (["- run: params['y'] = params.x", "- run: |", "    import os", "    os.system(params.y)"], ["params.y"]),
        (["- run: params['y'] = params.x", "- env: {Y: '${{ params.y }}'}", "  bash: $Y"], ["$Y"]),
        (["- bash: bash ${{ params.y }}", "- run: params.y = params.x"], []),
        (["- run: params.x = 'main.sh'", "- bash: bash ${{ params.x }}"], []),
        (["- run: params.x = 'main.sh'", "  condition: env.X == 'a'", "- bash: bash ${{ params.x }}"], ["params.x"]),
        (["- run: |", "    params.y = params.x", "    params.y = 'main.sh'", "- bash: bash ${{ params.y }}"], []),
    ],
)  # fmt: skip
def test_parameters_that_python_stages_set_hand_text_on_within_a_job(
    lines: list[str], places: list[str]
) -> None:
    given = stages(*lines).replace(
        "{x: str}", "{x: str, y: {type: str, default: main.sh, pattern: '[a-z.]+'}}"
    )
    assert [place for place, _, _ in found(given)] == places


@pytest.mark.parametrize(
    ("script", "names"),
    [
        ('echo "{\\"tag\\": \\"$X\\"}" > "$JOBC_OUTPUT_JSON"', ["tag"]),
        ('echo \'{"n": 1, "tag": "\'"$X"\'"}\' > "$JOBC_OUTPUT_JSON"', ["tag"]),
        ('printf \'{"n": %s}\' "$X" > "$JOBC_OUTPUT_JSON"', []),
        ('jq -n --arg t "$X" \'{tag: $t, n: 1}\' > "$JOBC_OUTPUT_JSON"', ["tag"]),
        ('jq -n --arg n 1 --arg tag "$X" \'{n: ($n | tonumber), $tag}\' > "$JOBC_OUTPUT_JSON"', ["tag"]),
        ('cat > "$JOBC_OUTPUT_JSON" <<END\n{"n": 1,\n "tag": "v$X"}\nEND', ["tag"]),
        ('echo "{\\"tag\\": \\"${#X}\\"}" > "$JOBC_OUTPUT_JSON"', []),
    ],
)
def test_outputs_in_json_carry_what_is_written_under_their_key(script: str, names: list[str]) -> None:
    lines = "".join(f"          {line}\n" for line in script.split("\n"))
    text = (
        f"params: {{x: str}}\njobs:\n  a:\n    env: {{X: '${{{{ params.x }}}}'}}\n    stages:\n      - bash: |\n{lines}"
        "  b:\n    needs: a\n    stages:\n      - bash: bash ${{ needs.a.outputs.tag }}\n"
        "      - bash: bash ${{ needs.a.outputs.n }}\n"
    )
    assert [place for place, _, _ in found(text)] == [f"needs.a.outputs.{name}" for name in names]


@pytest.mark.parametrize(
    ("stage", "places"),
    [
        ("- bash: bash ${{ needs.a.combinations[0].outputs.tag }}", ["needs.a.combinations[0].outputs.tag"]),
        ("- bash: bash ${{ needs.a.combinations[0].outputs.n }}", []),
        ("- bash: bash ${{ needs.a.combinations[0].matrix.p }}", []),
        ("- {foreach: '${{ needs.a.combinations }}', stages: [{bash: 'bash ${{ item.outputs.tag }}'}]}", ["item.outputs.tag"]),
        ("- {foreach: '${{ needs.a.combinations }}', stages: [{bash: 'bash ${{ item.outputs.n }}'}]}", []),
        ("- run: import os; os.system(needs.a.combinations[0].outputs.tag)", ["needs.a.combinations[0].outputs.tag"]),
        ("- run: |\n          import os\n          for c in needs.a.combinations:\n            os.system(c['outputs']['tag'])", ["c['outputs']['tag']"]),
        ("- run: |\n          import os\n          for c in needs.a.combinations:\n            os.system(c.outputs.n)", []),
    ],
)  # fmt: skip
def test_each_combination_hands_its_outputs_on(stage: str, places: list[str]) -> None:
    text = (
        "params: {x: str}\njobs:\n  a:\n    strategy: {matrix: {p: [1, 2]}}\n    stages:\n"
        '      - bash: |\n          echo "tag=${{ params.x }}" >> "$JOBC_OUTPUT"\n          echo n=main.sh >> "$JOBC_OUTPUT"\n'
        f"  b:\n    needs: a\n    stages:\n      {stage}\n"
    )
    assert [place for place, _, _ in found(text)] == places


OTHER = """\
jobs:
  go:
    env: {TOOL: "${{ params.tool }}"}
    stages: [{bash: $TOOL --version}]
"""


def test_a_workflow_that_declares_no_parameters_gets_what_others_give_it_across_files() -> None:
    text = (
        "name: main\nparams: {x: str}\njobs:\n  a:\n    stages:\n"
        "      - trigger: other.yml\n        params: {tool: '${{ params.x }}'}\n"
    )
    place, message, way = found(text, {"other.yml": OTHER})[0]
    assert place == "$TOOL"
    assert message == "free text from the parameter `x` names a command"
    assert way == [
        "whoever starts a run chooses `x` freely",
        "given to the workflow `other` as `tool`",
        "put into the variable `TOOL`",
    ]
    assert found(text.replace("'${{ params.x }}'", "ruff"), {"other.yml": OTHER}) == []


ECHO = """\
name: main
params: {x: str}
jobs:
  a:
    stages:
      - id: t
        trigger: sub
        params: {given: "${{ params.x }}"}
      - shell: ${{ stages.t.outputs.back }}
        bash: echo hi
---
name: sub
params: {given: str}
outputs: {back: "${{ needs.go.outputs.it }}", fixed: sh}
jobs:
  go:
    outputs: {it: "${{ params.given | lower }}"}
    stages: [{echo: hi}]
"""


def test_outputs_of_a_workflow_bring_back_what_it_was_given() -> None:
    assert [way for _, _, way in found(ECHO)] == [
        [
            "whoever starts a run chooses `x` freely",
            "given to the workflow `sub` as `given`",
            "the output `it` of job `go`",
            "the output `back` of the workflow `sub`",
        ]
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('given: "${{ params.x }}"', "given: sh"),
        ("outputs.back }}\n", "outputs.fixed }}\n"),
        ("params: {given: str}", "params: {given: {type: choice, enum: [sh, bash]}}"),
    ],
)
def test_outputs_of_a_workflow_that_was_given_nothing_free_are_silent(old: str, new: str) -> None:
    assert old in ECHO
    assert found(ECHO.replace(old, new)) == []


JOBS = """\
params: {xs: list}
jobs:
  each:
    strategy: {matrix: {x: "${{ params.xs }}"}}
    stages:
      - id: w
        %s
  use:
    needs: each
    stages:
      - foreach: ${{ needs.each.outputs.name }}
        stages:
          - bash: |
              tool=${{ item }}
              $tool --version
"""


@pytest.mark.parametrize(
    "writes",
    [
        'bash: echo "name=${{ matrix.x }}" >> "$JOBC_OUTPUT"',
        "bash: printf 'a=1\\nname=%s\\n' ${{ matrix.x }} >> \"$JOBC_OUTPUT\"",
        'bash: "x=${{ matrix.x }}; { echo a=1; echo \\"name=$x\\"; } >> $JOBC_OUTPUT"',
        'bash: echo "name=${{ matrix.x }}" | tee -a "$JOBC_OUTPUT"',
        "run: name = matrix.x.strip()",
        "run: result.outputs['name'] = f'{matrix.x}!'",
    ],
)
def test_the_outputs_of_a_matrix_are_followed(writes: str) -> None:
    (place, _, way), *more = found(JOBS % writes)
    assert place == "$tool"
    assert way[0] == "whoever starts a run chooses `xs` freely"
    assert way[1] == "a value of `matrix.x`"
    assert way[2] == "written to the output `name`"
    assert more == []


def test_the_item_of_an_until_and_the_items_of_a_loop_are_followed() -> None:
    text = (
        "params: {x: str, xs: list}\njobs:\n  a:\n    stages:\n"
        "      - until: item == 'z'\n        item: ${{ params.x }}\n        stages: [{bash: 'bash ${{ item }}'}]\n"
        "      - id: l\n        foreach: ${{ params.xs }}\n        stages: [{echo: '${{ item }}'}]\n"
    )
    assert [place for place, _, _ in found(text)] == ["item"]


def test_long_chains_and_circles_of_workflows_end() -> None:
    jobs = "".join(
        f"  j{n}:\n    needs: [j{n - 1}]\n    outputs: {{o: '${{{{ needs.j{n - 1}.outputs.o }}}}'}}\n    stages: [{{echo: hi}}]\n"
        for n in range(1, 300)
    )
    text = (
        "params: {x: str}\njobs:\n  j0:\n    outputs: {o: '${{ params.x }}'}\n    stages: [{echo: hi}]\n"
        + jobs
    )
    assert found(text) == []
    circle = (
        "name: a\nparams: {x: str}\noutputs: {o: '${{ needs.j.outputs.o }}'}\njobs:\n  j:\n"
        "    outputs: {o: '${{ stages.t.outputs.o }}'}\n    stages: [{id: t, trigger: b, params: {y: '${{ params.x }}'}}]\n"
        "---\nname: b\noutputs: {o: '${{ needs.j.outputs.o }}'}\njobs:\n  j:\n"
        "    outputs: {o: '${{ stages.t.outputs.o }}'}\n    stages: [{id: t, trigger: a, params: {x: '${{ params.y }}'}}]\n"
    )
    assert found(circle) == []


def secrets(*lines: str, before: str = "") -> list[str]:
    text = (
        "secrets: [T]\nenv: {T: '${{ secrets.T }}', REGION: eu}\n"
        f"{before}jobs:\n  a:\n    stages:\n" + "".join(f"      {line}\n" for line in lines)
    )
    return [message for _, message, _ in found(text, code="JC502")]


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        (["- bash: |", "    t=${{ secrets.T }}", "    echo \"token $t\""], ["the log"]),
        (["- bash: y=$T; echo \"$y\""], ["the log"]),
        (["- bash: echo \"$T\" > token", "- bash: echo \"$(cat token)\""], ["the log"]),
        (["- bash: echo \"t=$T\" >> $JOBC_OUTPUT"], ["an output"]),
        (["- run: |", "    import os", "    print(os.environ['T'])"], ["the log"]),
        (["- run: |", "    def f():", "        t = ${{ secrets.T }}", "        print(f'token {t}')"], ["the log"]),
        (["- run: |", "    import os", "    token = os.environ['T']"], ["the output `token`"]),
        (["- run: |", "    import os", "    result.outputs = {'a': 1, 'token': os.getenv('T')}"], ["`result.outputs`"]),
        # Kept where it was put.
        (["- bash: y=$T; ./upload \"$y\""], []),
        (["- bash: echo \"$T\" | docker login --password-stdin"], []),
        (["- bash: echo \"$REGION\""], []),
        (["- bash: echo \"${#T}\""], []),
        (["- run: |", "    import os", "    print(os.environ['REGION'], len(os.environ['T']))"], []),
        (["- run: |", "    import os", "    _token = os.environ['T']"], []),
        (["- run: |", "    import os", "    with open('t', 'w') as f:", "        f.write(os.environ['T'])"], []),
    ],
)  # fmt: skip
def test_secrets_are_followed_the_same_way(lines: list[str], what: list[str]) -> None:
    assert secrets(*lines) == [f"a secret goes into {each}" for each in what]
