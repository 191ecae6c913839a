"""Values never become code (LANGUAGE §5), from a file through the compiler and the engine to real shells and Pythons.

A parameter, a matrix value and the output of a job, written by bash and by Python, each hold what would do harm if it
were parsed. Every quoting context of bash and every position of Python must hand it on unchanged; a canary file that
the value tries to remove must live, and a file that it tries to make must not exist.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from jobc.engine.options import Options
from jobc.engine.run import execute
from jobc.ir.program import Program
from jobc.lower.program import lower
from jobc.sema.analyze import analyze
from jobc.source.decode import decode

HOSTILE = """'; rm -rf x; $(id) `id` "\\n'"""
BEGIN, END = "[", "]"

#: A line of bash with the value at `@`; it prints BEGIN, the value, END and a NUL.
BASH = {
    "unquoted": "printf '[%s]\\0' @",
    "double quotes": "printf '[%s]\\0' \"@\"",
    "single quotes": "printf '%s\\0' '[@]'",
    "between other quotes": "printf '%s\\0' \"[\"@']'",
    "format of printf's own argument": 'printf "%s%s\\0" "[" "@]"',
    "assignment": 'v=@; printf "[%s]\\0" "$v"',
    "assignment in double quotes": 'v="@"; printf "[%s]\\0" "$v"',
    "declaration": 'f() { local v=@; printf "[%s]\\0" "$v"; }; f',
    "exported": 'V=@ python3 -c \'import os, sys; sys.stdout.buffer.write(b"[" + os.environb[b"V"] + b"]\\0")\'',
    "array": 'a=(x @); printf "[%s]\\0" "${a[1]}"',
    "default of an expansion": 'printf "[%s]\\0" "${undefined:-@}"',
    "unquoted default": "printf '[%s]\\0' ${undefined:-\"@\"}",
    "function argument": "f() { printf '[%s]\\0' \"$1\"; }; f @",
    "loop": "for v in @; do printf '[%s]\\0' \"$v\"; done",
    "test": 'v=\'@\'; [[ $v == "@" ]] && [ "$v" = @ ] && printf \'[%s]\\0\' "$v"',
    "case": "case @ in (\"@\") printf '[%s]\\0' @ ;; (*) printf other ;; esac",
    "subshell": "(printf '[%s]\\0' @)",
    "pipeline": "printf '[%s]\\0' @ | cat",
    "process substitution": "cat < <(printf '[%s]\\0' '@')",
    "command substitution": 'v=$(printf "%s." "@"); printf "[%s]\\0" "${v%.}"',
    "backquotes": 'v=`printf %s. @`; printf "[%s]\\0" "${v%.}"',
    "here-document": "{ printf '['; head -c -1; printf ']\\0'; } <<EOF\n@\nEOF",
    "here-document with tabs": "{ printf '['; head -c -1; printf ']\\0'; } <<-EOF\n\t@\n\tEOF",
    "here-string": "printf '['; cat <<< @ | head -c -1; printf ']\\0'",
    "here-string in double quotes": "printf '['; cat <<< \"@\" | head -c -1; printf ']\\0'",
    "after a comment": "# @\nprintf '[%s]\\0' @ # '@",
    "other delimiters": "printf '[%s]\\0' <@>",
}
#: An expression of Python that gives the value, which stands at `@`.
PYTHON = {
    "code": "@",
    "list": "[@][0]",
    "call": "str(object=@)",
    "key": "{@: 1}.popitem()[0]",
    "lambda": "(lambda v=@: v)()",
    "single quotes": "'@'",
    "double quotes": '"@"',
    "triple quotes": "'''@'''",
    "triple double quotes": '"""@"""',
    "raw": "r'@'",
    "formatted": "f'@'",
    "formatted code": "f'{@}'",
    "formatted with braces of its own": "f'{{}}@'[2:]",
    "joined": "'' '@' \"\"",
    "format": "'%s' % '@'",
    "other delimiters": "'<@>'",
}


def _stage_bash(expression: str) -> str:
    return _spliced("\n".join(BASH.values()), expression)


def _stage_python(expression: str) -> str:
    return _spliced("got = [\n" + "".join(f"    {text},\n" for text in PYTHON.values()) + "]\n", expression)


def _spliced(text: str, expression: str) -> str:
    return text.replace("<@>", f"$<< {expression} >>").replace("@", f"${{{{ {expression} }}}}")


def _block(text: str, indent: int) -> str:
    return "".join(f"{' ' * indent}{line}\n" for line in text.splitlines())


def _reader(job: str, extra: str, expression: str) -> str:
    return (
        f"  {job}:\n{extra}    stages:\n"
        f"      - bash: |\n{_block('{' + chr(10) + _stage_bash(expression) + chr(10) + '} > ' + job, 10)}"
        f"      - run: |\n{_block(_stage_python(expression), 10)}"
    )


BYTES_TEXT = (
    "params: {value: str}\njobs:\n"
    + _reader("param", "", "params.value")
    + _reader("matrix", '    strategy: {matrix: {v: "${{ [params.value] }}"}}\n', "matrix.v")
    + "  from-python: {stages: [{run: v = params.value}]}\n"
    + _reader("python", "    needs: [from-python]\n", "needs.from-python.outputs.v")
)
#: An output that bash writes is text: bytes that are no UTF-8 are refused there.
TEXT = (
    BYTES_TEXT
    + "  from-bash:\n    stages:\n      - bash: |\n"
    + "          { echo 'v<<END OF IT'; printf '%s\\n' ${{ params.value }}; echo 'END OF IT'; } >> $JOBC_OUTPUT\n"
    + _reader("bash", "    needs: [from-bash]\n", "needs.from-bash.outputs.v")
)


def compiled(text: str) -> Program:
    return lower(analyze(decode(text.encode(), "hostile.job.yml")))


@pytest.fixture(scope="module")
def programs() -> dict[str, Program]:
    return {"text": compiled(TEXT), "bytes": compiled(BYTES_TEXT)}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "canary").touch()
    yield tmp_path
    assert (tmp_path / "x" / "canary").exists()
    assert not (tmp_path / "pwned").exists()


def check(folder: Path, jobs: dict[str, Any], value: str) -> None:
    raw = value.encode("utf-8", "surrogateescape")
    readers = [job for job in jobs if not job.startswith("from-")]
    assert {"param", "matrix", "python"} <= set(readers)
    for job in readers:
        got = (folder / job).read_bytes().split(b"\0")[:-1]
        assert dict(zip(BASH, got, strict=True)) == dict.fromkeys(BASH, b"[" + raw + b"]"), job
        (folder / job).unlink()
        outputs = jobs[job]["outputs"]["got"]
        got_python = outputs[0] if job == "matrix" else outputs
        assert dict(zip(PYTHON, got_python, strict=True)) == dict.fromkeys(PYTHON, value), job


def run_here(program: Program, folder: Path, value: str) -> None:
    options = Options(workdir=str(folder), environ=dict(os.environ))
    result = execute(program, {"value": value}, options).to_json()
    assert result["status"] == "success", result["reason"]
    check(folder, result["jobs"], value)


MEAN = st.lists(
    st.sampled_from(
        ["'", '"', "$(touch pwned)", "`touch pwned`", "; rm -rf x;", "\\", "$", "\n", "&", "|", "*", "~", " ", "\t",
         "}", "{", "EOF", "END OF IT", "]", ")", "#", "!", "%s", "%", "\r", "${HOME}", "${{ 1 }}", "$<< 1 >>", "JOBC_E1",
         "'''", '"""', "\\N{DASH}", "-n", "-", "=", "é", "𝄞"]
    ),
    max_size=8,
).map("".join)  # fmt: skip
BYTES = st.binary(max_size=24).map(lambda raw: raw.replace(b"\0", b"").decode("utf-8", "surrogateescape"))
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)


def closes_its_own_block(value: str) -> bool:
    return "END OF IT" in value.split("\n")


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(MEAN | TEXTS)
@example(HOSTILE)
@example("")
def test_any_text_passes_through_every_context_unchanged_and_unexecuted(
    programs: dict[str, Program], folder: Path, value: str
) -> None:
    if not closes_its_own_block(value):
        run_here(programs["text"], folder, value)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(BYTES)
def test_any_bytes_pass_through_every_context_unchanged(
    programs: dict[str, Program], folder: Path, value: str
) -> None:
    run_here(programs["bytes"], folder, value)


@pytest.mark.parametrize(
    ("text", "raw"), [(TEXT, HOSTILE.encode()), (BYTES_TEXT, b"$(touch pwned)\xff\xfe'\"\n\\")]
)
def test_the_command_line_hands_hostile_bytes_on(folder: Path, text: str, raw: bytes) -> None:
    (folder / "hostile.job.yml").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "jobc", "run", "hostile.job.yml", "--format", "json", b"-pvalue=" + raw],
        cwd=folder,
        capture_output=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    check(folder, json.loads(done.stdout)["jobs"], raw.decode("utf-8", "surrogateescape"))


@pytest.mark.parametrize(
    "script", ["echo ${{ params.value }} > made", "echo $((${{ params.value }})) > made"]
)
def test_a_value_that_no_shell_can_hold_stops_the_stage_before_it_starts(folder: Path, script: str) -> None:
    text = f"params: {{value: str}}\njobs: {{a: {{stages: [{{bash: '{script}'}}]}}}}"
    value = "a[$(touch pwned)]\0"
    result = execute(
        compiled(text),
        {"value": value},
        Options(workdir=str(folder), environ=dict(os.environ)),
    )
    (stage,) = result.to_json()["jobs"]["a"]["combinations"][0]["stages"]
    assert stage["error"]["type"] == "slot"
    assert not (folder / "made").exists()
