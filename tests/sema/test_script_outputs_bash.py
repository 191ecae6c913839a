"""What is said of a shell script's outputs holds for what it really writes."""

from __future__ import annotations

import os
import subprocess
import tempfile
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobc.interpreter.outputs import OutputProblem, read_files
from jobc.sema.script_outputs import Outputs
from jobc.sema.script_outputs_bash import bash_outputs
from jobc.sema.types import show
from tests.sema.fitting import fits


def found(text: str, placeholders: list[str] | None = None) -> Outputs:
    return bash_outputs(text, placeholders or [], "bash")


def run(text: str) -> dict[str, Any] | None:
    with tempfile.TemporaryDirectory() as folder:
        files = os.path.join(folder, "text"), os.path.join(folder, "json")
        for path in files:
            open(path, "w").close()
        env = {**os.environ, "JOBC_OUTPUT": files[0], "JOBC_OUTPUT_JSON": files[1]}
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", text],
            env=env,
            cwd=folder,
            capture_output=True,
            check=False,
            timeout=20,
        )
        if done.returncode:
            return None
        try:
            return read_files(*files)
        except OutputProblem:
            return None


OUT = st.sampled_from(
    [
        '>> "$JOBC_OUTPUT"',
        ">> $JOBC_OUTPUT",
        '> "${JOBC_OUTPUT}"',
        '| tee -a "$JOBC_OUTPUT"',
        '>>"$JOBC_OUTPUT" 2>&1',
    ]
)
name = st.sampled_from(["a", "b-c", "D_1"])
value = st.sampled_from(["1", "x y", "$HOME", "$(date)", "${nothing:-d}", "a=b", ""])
line = st.tuples(name, value).map(lambda t: f'echo "{t[0]}={t[1]}"')
silent = st.sampled_from(
    [
        "true",
        "x=1",
        "false",
        "ls / > /dev/null",
        "cd /",
        "test -n x",
        "exit 0",
        "exit 3",
        ": note",
        "echo gone > /dev/null",
    ]
)
writer = st.one_of(
    line,
    st.tuples(name, value).map(lambda t: f"printf '{t[0]}=%s\\n' \"{t[1]}\""),
    st.tuples(name, name).map(lambda t: f"printf '%s=%s\\n' {t[0]} 1 {t[1]} 2"),
    st.tuples(name, name).map(lambda t: f"echo -e '{t[0]}=1\\n{t[1]}=2'"),
    st.tuples(name, value).map(lambda t: f'echo "{t[0]}<<END"; echo "{t[1]}"; echo END'),
    st.tuples(name, value).map(lambda t: f"cat <<X\n{t[0]}={t[1]}\nX\n"),
    name.map(lambda n: f'n={n}; echo "$n=1"'),
    name.map(lambda n: f"put {n} 1"),
    st.tuples(name, name).map(lambda t: f'for k in {t[0]} {t[1]}; do echo "$k=1"; done'),
    silent,
)


def group(body: str) -> str:
    return f"{{\n{body}\n}}"


sink = st.one_of(
    st.tuples(line, OUT).map(" ".join),
    st.tuples(st.lists(writer, min_size=1, max_size=3).map("\n".join).map(group), OUT).map(" ".join),
    st.tuples(name, OUT).map(lambda t: f"cat <<'X' {t[1]}\n{t[0]}=1\nX"),
    name.map(lambda n: f'echo \'{{"{n}": [1, "x"]}}\' > "$JOBC_OUTPUT_JSON"'),
    name.map(lambda n: f'out {n} "$HOME"'),
    silent,
)
statement = st.recursive(
    sink,
    lambda s: st.one_of(
        st.tuples(silent, s, s).map(lambda t: f"if {t[0]}; then\n{t[1]}\nelse\n{t[2]}\nfi"),
        s.map(lambda s: f"for i in 1 2; do\n{s}\ndone"),
        s.map(lambda s: f"case $HOME in\n*r*)\n{s}\n;;\nesac"),
        st.tuples(silent, s).map(lambda t: f"{t[0]} && {group(t[1])}"),
        st.tuples(silent, s).map(lambda t: f"{t[0]} || {group(t[1])}"),
        s.map(lambda s: f"(\n{s}\n)"),
        s.map(lambda s: f"while read -r l; do\n{s}\ndone < /dev/null"),
        s.map(lambda s: f"! {group(s)}"),
        st.tuples(s, s).map("\n".join),
    ),
    max_leaves=4,
)
FUNCTIONS = 'out() { echo "$1=$2" >> "$JOBC_OUTPUT"; }\nput() { echo "$1=$2"; }\n'


@settings(max_examples=120, deadline=None)
@given(st.lists(statement, min_size=1, max_size=4).map(lambda parts: FUNCTIONS + "\n".join(parts)))
def test_what_a_script_writes_is_known_or_open(text: str) -> None:
    outputs = run(text)
    if outputs is None:
        return
    said = found(text)
    for name, value in outputs.items():
        assert said.open or name in said.types, (text, name)
        if name in said.types:
            assert fits(value, said.types[name]), (text, name, value, show(said.types[name]))
    for name in said.types:
        if name not in said.maybe and not said.open:
            assert name in outputs, (text, name)


@pytest.mark.parametrize(
    ("text", "names", "maybe"),
    [
        ('echo "v=$(date)" >> "$JOBC_OUTPUT"', {"v"}, set()),
        ('{ echo "a<<EOF"; cat list; echo EOF; echo "b=1"; } >> $JOBC_OUTPUT', {"a", "b"}, set()),
        ('cat <<EOF >> "${JOBC_OUTPUT}"\nk=$v\nz=$(date)\nEOF\n', {"k", "z"}, set()),
        ('cat >> $JOBC_OUTPUT <<"X"\nA=1\nb<<E\nq=1\nE\nX', {"A", "b"}, set()),
        ('f() { echo "$1=${2}" >> "$JOBC_OUTPUT"; }\nf a b\nf c d', {"a", "c"}, set()),
        ("printf 'a=%s\\nb=%d\\n' x 1 >> $JOBC_OUTPUT", {"a", "b"}, set()),
        ("echo a=1 | tee -a $JOBC_OUTPUT", {"a"}, set()),
        ("[ -f x ] && echo a=1 >> $JOBC_OUTPUT", {"a"}, {"a"}),
        (
            "echo a=1 >> $JOBC_OUTPUT\nif [ -f x ]; then exit 0; fi\necho b=1 >> $JOBC_OUTPUT",
            {"a", "b"},
            {"b"},
        ),
        ("echo a=1 >> $JOBC_OUTPUT\necho b=1 > $JOBC_OUTPUT", {"a", "b"}, {"a"}),
        ("ls -l\necho done", set(), set()),
        ('EOF=$(date +%s)\n{ echo "a<<$EOF"; cat f; echo "$EOF"; } >> $JOBC_OUTPUT', {"a"}, set()),
    ],
)
def test_outputs_of_a_script(text: str, names: set[str], maybe: set[str]) -> None:
    said = found(text)
    assert not said.open
    assert set(said.types) == names
    assert said.maybe == maybe


@pytest.mark.parametrize(
    "text",
    [
        'f() { exit 0; }\nf\necho a=1 >> "$JOBC_OUTPUT"',
        'f() { if true; then exit; fi; }\nif true; then f; fi\necho a=1 >> "$JOBC_OUTPUT"',
        'f() { exec true; }\nf\necho a=1 >> "$JOBC_OUTPUT"',
        'for k in a b; do k=z; echo "$k=1" >> "$JOBC_OUTPUT"; done',
        'for k in a b; do read -r k <<< q; echo "$k=1" >> "$JOBC_OUTPUT"; done',
        'for k in a; do for k in $(echo q); do :; done; echo "$k=1" >> "$JOBC_OUTPUT"; done',
        'f() { set -- q; echo "$1=1" >> "$JOBC_OUTPUT"; }\nf a',
        'f() { shift; echo "$1=1" >> "$JOBC_OUTPUT"; }\nf a b',
        'f() { echo "$2=1" >> "$JOBC_OUTPUT"; }\nx="p q"\nf $x a',
        'f() { echo "$2=1" >> "$JOBC_OUTPUT"; }\nf ${empty:-} a b',
        'f() { echo "$1=1" >> "$JOBC_OUTPUT"; }\nset -- x\nf a',
        'y=""\nprintf "a=%s\\n%s=3\\n" $y b c >> "$JOBC_OUTPUT"',
    ],
)
def test_scripts_whose_outputs_were_once_mistaken(text: str) -> None:
    said, outputs = found(text), run(text)
    assert outputs is not None
    assert said.open or outputs.keys() <= said.types.keys()
    assert said.open or said.types.keys() - said.maybe <= outputs.keys()


def test_what_follows_a_function_that_returned_is_sure() -> None:
    said = found('f() { [ -e x ] || return 0; echo a=1; }\nf >> "$JOBC_OUTPUT"\necho b=1 >> "$JOBC_OUTPUT"')
    assert (set(said.types), said.maybe, said.open) == ({"a", "b"}, {"a"}, False)


def test_json_has_the_types_of_its_values() -> None:
    said = found('echo \'{"n": 1, "rows": ["x"]}\' > "$JOBC_OUTPUT_JSON"')
    assert {name: show(type) for name, type in said.types.items()} == {"n": "`1`", "rows": "a list of texts"}


@pytest.mark.parametrize(
    "text",
    [
        "make all",
        "./version.sh",
        "python3 -c 'print(1)'",
        "x=$(./gen)",
        "source ./env",
        "cat list >> $JOBC_OUTPUT",
        'echo "$name=1" >> $JOBC_OUTPUT',
        "echo HOLE=1 >> $JOBC_OUTPUT",
        "out=$JOBC_OUTPUT; echo a=1 >> $out",
        "exec >> $JOBC_OUTPUT; echo a=1",
        "trap 'echo a=1 >> $JOBC_OUTPUT' EXIT",
        "jq -n '{a: 1}' > $JOBC_OUTPUT_JSON",
        "find . -exec ./x {} ;",
        "$command",
        "echo 'a<<END' >> $JOBC_OUTPUT",
        "echo {a,b}=1 >> $JOBC_OUTPUT",
        "if then",
    ],
)
def test_what_cannot_be_seen_leaves_the_outputs_open(text: str) -> None:
    assert found(text, ["HOLE"]).open
