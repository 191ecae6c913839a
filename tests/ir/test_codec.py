"""Programs as bytes: nothing is lost, and what is not a whole program of this version is refused."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jobc
from jobc.ir import program as ir
from jobc.ir.codec import IRError, dumps, loads

TREES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: ["list", *items])
        | st.tuples(st.sampled_from(["+", "==", "and", "??"]), inner, inner).map(list)
        | inner.map(lambda e: ["get", e, "k"])
    ),
    max_leaves=6,
)


def small(tree: Any = 1) -> ir.Program:
    program = ir.Program()
    program.files = ["a.job.yml"]
    program.spans = [(0, 1, 1, 1, 2)]
    program.codes = [ir.Code(tree, 0)]
    workflow = ir.Workflow("w", 0)
    for number in range(2):
        job = ir.Job(f"j{number}", 0)
        job.needs = list(range(number))
        job.strategy = ir.Strategy()
        job.strategy.matrix = [("x", 0)] if number else 0
        script = ir.Script("bash", "ls", [ir.Slot("JOBC_E1", 0, "word")], 0, [(1, 3), (4, 9)])
        parallel = ir.ParallelStage(0)
        parallel.branches = [("left", [ir.BashStage(0, script)])]
        case = ir.CaseStage(0, 0)
        case.arms = [(0, []), (None, [ir.RaiseStage(0, 0)])]
        job.stages = [parallel, case]
        job.retry = ir.Retry()
        job.retry.on = ["ValueError", 3]
        job.outputs = [] if number else None
        workflow.jobs.append(job)
    param = ir.Param("p", "list")
    param.default = [1, None, {"k": 1.5}]
    param.has_default = True
    workflow.params = [param]
    program.workflows = [workflow]
    return program


@settings(max_examples=100, deadline=None)
@given(TREES)
def test_reading_what_was_written_gives_the_same_bytes(tree: Any) -> None:
    data = dumps(small(tree))
    again = loads(data)
    assert dumps(again) == data
    assert repr(again.codes[0].tree) == repr(tree)


def test_every_node_and_field_has_a_row_in_the_layout() -> None:
    from jobc.ir.codec import LAYOUT

    for kind, layout in LAYOUT.items():
        slots = {name for base in kind.__mro__ for name in getattr(base, "__slots__", ())}
        assert {field for field, _, _ in layout} == slots, kind
    nodes = {cls for cls in vars(ir).values() if isinstance(cls, type) and cls.__module__ == ir.__name__}
    assert nodes - {ir.Program, ir.Code, ir.Stage} == set(LAYOUT)


def test_the_form_is_canonical() -> None:
    data = dumps(small())
    assert data.endswith(b"}\n")
    assert b": " not in data
    assert json.dumps(json.loads(data), separators=(",", ":"), sort_keys=True).encode() + b"\n" == data


@pytest.mark.parametrize("cut", [0, 1, 10, -2, -30])
def test_a_truncated_program_is_refused(cut: int) -> None:
    with pytest.raises(IRError, match=r"missing|not a compiled program"):
        loads(dumps(small())[:cut])


def test_a_changed_program_is_refused() -> None:
    with pytest.raises(IRError, match="changed after it was compiled"):
        loads(dumps(small()).replace(b'"ls"', b'"id"'))


def test_a_newer_program_asks_for_a_newer_jobc() -> None:
    with pytest.raises(IRError, match="use a newer jobc"):
        loads(dumps(small()).replace(b'"version":1', b'"version":2'))


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"\xff", b"null", b'{"format":"other"}', b"[" * 100_000])
def test_what_is_no_program_is_refused(data: bytes) -> None:
    with pytest.raises(IRError, match="not a compiled program"):
        loads(data)


def forged(change: Any) -> bytes:
    body = json.loads(dumps(small()))
    del body["hash"]
    change(body)
    text = json.dumps(body, separators=(",", ":"), sort_keys=True)
    body["hash"] = hashlib.sha256(text.encode()).hexdigest()
    return json.dumps(body).encode()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda b: b.update(entry=5), "no workflow 5"),
        (lambda b: b.update(extra=1), "extra"),
        (lambda b: b["codes"].append([7, 1]), "no span 7"),
        (lambda b: b["codes"].append([0, ["exec", 1]]), "not an expression"),
        (lambda b: b["codes"].append([0, ["get", 1]]), "number of operands"),
        (lambda b: b["codes"].append([0, ["get", 1, 2]]), "takes a name"),
        (lambda b: b["workflows"][0]["jobs"][0].update(needs=[1]), "before a job that it needs"),
        (lambda b: b["workflows"][0]["jobs"][0].update(rule="sometimes"), "cannot be 'sometimes'"),
        (lambda b: b["workflows"][0]["jobs"][0].update(odd=1), "has no odd"),
        (lambda b: b["workflows"][0]["jobs"][0].pop("id"), "lacks id"),
        (lambda b: b["workflows"][0]["jobs"][0].update(timeout=True), "no code True"),
        (
            lambda b: b["workflows"][0]["jobs"][0].update(stages=[{"kind": "magic"}]),
            "not a stage of this version",
        ),
        (lambda b: b["workflows"][0]["jobs"][0].update(env=[["x"]]), "list of pairs"),
        (lambda b: b["spans"].append([0, 1, 1, 1]), "not a span"),
    ],
)
def test_a_well_signed_program_with_nonsense_in_it_is_refused(change: Any, words: str) -> None:
    with pytest.raises(IRError, match=words):
        loads(forged(change))


def test_values_without_a_json_form_are_refused() -> None:
    with pytest.raises(IRError, match="number that JSON cannot write"):
        dumps(small(float("nan")))


OTHERS = [
    path
    for version in ("3.9", "3.12", "3.13")
    for path in sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python3"))[:1]
]


@pytest.mark.skipif(not OTHERS, reason="no other Python here")
@pytest.mark.parametrize("python", OTHERS or [Path(sys.executable)], ids=lambda path: path.parts[-3])
def test_other_pythons_write_the_same_bytes(python: Path, tmp_path: Path) -> None:
    data = dumps(small([["list", 1.5, 1e22, "é😀", True]][0]))
    (tmp_path / "in.json").write_bytes(data)
    code = (
        f"import sys; sys.path.insert(0, {str(Path(jobc.__file__).parents[1])!r})\n"
        "from jobc.ir.codec import dumps, loads, content_hash\n"
        "from jobc.ir.text import dump\n"
        "from jobc.ir import matrix\n"
        "p = loads(open('in.json', 'rb').read()); dump(p); list(matrix.expand({'x': [1]}))\n"
        "open('out.json', 'wb').write(dumps(p))"
    )
    subprocess.run(
        [python, "-S", "-c", code], cwd=tmp_path, env={**os.environ, "PYTHONHASHSEED": "7"}, check=True
    )
    assert (tmp_path / "out.json").read_bytes() == data
