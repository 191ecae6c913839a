from __future__ import annotations

import os
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobc.interpreter.api import CombinationResult

HOSTILE = "'; rm -rf x; $(id) `id` \"\"\" ''' {params} {0} \\n\n\t\\ %s 𝄞 é \x00"

BOTH = pytest.mark.parametrize("isolation", ["process", "inline"])


def name(path: str) -> list[Any]:
    first, *rest = path.split(".")
    tree: list[Any] = ["name", first]
    for key in rest:
        tree = ["get", tree, key]
    return tree


@BOTH
def test_a_value_in_code_position_is_the_value_itself(build: Any, run: Any, isolation: str) -> None:
    value = {"a": [1, 2.5, None, True, HOSTILE]}
    stage = build.python(
        "got = JOBC_E1\nkind = type(JOBC_E1).__name__",
        [("JOBC_E1", name("params.v"), "value")],
        isolation=isolation,
    )
    result = run(build.job(stage), params={"v": value})
    assert result.outputs == {"got": value, "kind": "dict"}


@BOTH
def test_a_value_in_a_literal_is_text(build: Any, run: Any, isolation: str) -> None:
    script = "\n".join(
        [
            "a = 'x JOBC_E1 y'",
            "b = f'{1 + 1} JOBC_E1 {a!r:>JOBC_E2}'",
            "c = b'<JOBC_E1>'.decode()",
            "d = '''\nJOBC_E1'''",
            "e = {'JOBC_E1': 1}",
        ]
    )
    slots = [("JOBC_E1", HOSTILE, "text"), ("JOBC_E2", 3, "text")]
    outputs = run(build.job(build.python(script, slots, isolation=isolation))).outputs
    assert outputs["a"] == f"x {HOSTILE} y"
    assert outputs["b"] == "2 {} {!r}".format(HOSTILE, outputs["a"])
    assert outputs["c"] == f"<{HOSTILE}>"
    assert outputs["d"] == "\n" + HOSTILE
    assert outputs["e"] == {HOSTILE: 1}


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(VALUES, st.text(max_size=30))
def test_any_value_arrives_unchanged_and_unexecuted(build: Any, run: Any, value: Any, text: str) -> None:
    slots = [("JOBC_E1", name("params.v"), "value"), ("JOBC_E2", name("params.t"), "text")]
    result = run(build.job(build.python("v = JOBC_E1\nt = 'JOBC_E2'", slots)), params={"v": value, "t": text})
    assert result.outputs == {"v": value, "t": text}


@BOTH
def test_the_failing_line_is_the_yaml_line(build: Any, run: Any, isolation: str) -> None:
    script = "def deep(x):\n    return 1 / x\n\n\ndeep(\n    0)\n"
    result = run(build.job(build.python(script, isolation=isolation)))
    assert (result.error.type, result.error.message) == ("ZeroDivisionError", "division by zero")
    assert (result.error.path, result.error.line) == ("flow.job.yml", 12)
    log = run.host.lines("stderr")
    assert log[0] == "Traceback (most recent call last):"
    assert 'File "flow.job.yml", line 15, in <module>' in log[1]
    assert not any("child.py" in line or "^" in line for line in log)


def test_a_cause_is_told_too(build: Any, run: Any) -> None:
    run(
        build.job(
            build.python("try:\n    {}['a']\nexcept KeyError as e:\n    raise RuntimeError('x') from e")
        )
    )
    assert "KeyError: 'a'" in run.host.lines("stderr")


def test_a_syntax_error_is_on_its_yaml_line(build: Any, run: Any) -> None:
    result = run(build.job(build.python("x = 1\nif x\n    pass")))
    assert (result.error.type, result.error.line) == ("SyntaxError", 12)


def test_params_read_as_attributes_at_every_depth(build: Any, run: Any) -> None:
    script = "print(f'{params.database} {params.a.b[0].c}')\nparams.a.b[0].c = 5\nparams['new'] = {'x': 1}\nprint(params.new['x'])"
    run(
        build.job(build.python(script), build.empty(echo=["text", name("params.a"), name("params.new.x")])),
        params={"database": "pg", "a": {"b": [{"c": 4}]}},
    )
    assert run.host.lines() == ["pg 4", "1", '{"b":[{"c":5}]}1']


@BOTH
def test_changes_of_params_last_for_the_rest_of_the_job(build: Any, run: Any, isolation: str) -> None:
    script = "params['degraded'] = True\nparams.when = params.when.replace(year=2030)\ndel params['gone']\nparams.price *= 2"
    given = {"when": date(2024, 1, 2), "gone": 1, "price": Decimal("1.10")}
    second = "seen = [params.get('degraded'), params.when, 'gone' in params, str(params.price)]"
    result = run(build.job(build.python(script, isolation=isolation), build.python(second)), params=given)
    assert result.outputs["seen"] == [True, "2030-01-02", False, "2.20"]
    assert given["price"] == Decimal("1.10")


def test_a_failed_attempt_leaves_params_as_they_were(build: Any, run: Any) -> None:
    stages = [
        build.python("params.n = 2\nraise ValueError", continue_on_error=True),
        build.python("n = params.n"),
    ]
    assert run(build.job(*stages), params={"n": 1}).outputs == {"n": 1}


def test_a_missing_param_names_the_nearest(build: Any, run: Any) -> None:
    result = run(build.job(build.python("params.databse")), params={"database": "pg"})
    assert result.error.type == "AttributeError"
    assert "did you mean 'database'?" in result.error.message


@BOTH
def test_top_level_plain_data_becomes_outputs(build: Any, run: Any, isolation: str) -> None:
    script = "\n".join(
        [
            "import os, json",
            "from math import pi",
            "import datetime as dt",
            "n = 1; t = (1, 2); d = dt.date(2024, 1, 2); _private = 3",
            "s = {1, 2}",
            "def f(): pass",
            "class C: pass",
            "lock = object()",
            "matrix_data = {'r': [pi]}",
            "params.x = 1",
        ]
    )
    import math

    outputs = run(build.job(build.python(script, isolation=isolation))).outputs
    assert outputs == {"n": 1, "t": [1, 2], "d": "2024-01-02", "matrix_data": {"r": [math.pi]}}


def test_result_outputs_win_and_result_may_be_reassigned(build: Any, run: Any) -> None:
    stages = [
        build.python("a = 1\nb = 1\nresult.outputs = {'b': 2, 'c': (1,)}", id="x"),
        build.python("result.outputs['d'] = 4\nresult = {'ok': True}", id="y"),
    ]
    result = run(build.job(*stages))
    assert result.stages[0].outputs == {"a": 1, "b": 2, "c": [1]}
    assert result.stages[1].outputs == {"result": {"ok": True}, "d": 4}


@pytest.mark.parametrize("value", ["{'a': {1}}", "{'a': [object()]}", "[1]", "{'a': float('nan')}"])
def test_result_outputs_that_cannot_be_carried_fail_clearly(build: Any, run: Any, value: str) -> None:
    result = run(build.job(build.python(f"result.outputs = {value}")))
    assert result.error.type == "output"
    assert "result.outputs" in result.error.message


def test_a_large_top_level_name_stays_and_is_told(build: Any, run: Any) -> None:
    result = run(build.job(build.python("big = 'x' * 5_000_000\nsmall = 1")))
    assert result.outputs == {"small": 1}
    assert run.host.lines() == ["`big` is too large to be an output and stays in this stage"]


def test_large_explicit_outputs_fail(build: Any, run: Any) -> None:
    result = run(build.job(build.python("result.outputs = {'big': 'x' * 5_000_000}")))
    assert result.error.type == "output"
    assert "`big` is the largest" in result.error.message


def test_all_names_of_a_script(build: Any, run: Any) -> None:
    script = (
        "out = [matrix['n'], matrix.n, needs['a']['result'], stages.s.outputs.v, env['E'], item, extra, "
        "context['attempt'], context.get('job'), __name__]"
    )
    inner = build.foreach(["list", "i"], [build.python(script, vars={"extra": [1]}, env={"E": "e"}, id="p")])
    inner.stages[0].vars = build.named({"extra": ["list", 1]})
    result = run(
        build.job(build.python("v = 1", id="s"), inner), matrix={"n": 2}, needs={"a": {"result": "success"}}
    )
    assert result.stages[2].outputs["out"] == [2, 2, "success", 1, "e", "i", [1], 1, "build", "__main__"]


def test_vars_are_seen_by_slots_too(build: Any, run: Any) -> None:
    stage = build.python("x = JOBC_E1 + a", [("JOBC_E1", name("vars.a"), "value")], vars={"a": 2})
    assert run(build.job(stage)).outputs == {"x": 4}


def test_the_logger_writes_to_standard_error(build: Any, run: Any) -> None:
    run(build.job(build.python("logger.error('no %s', 1)\nlogger.info('yes')\nlogger.debug('quiet')")))
    assert run.host.lines("stderr") == ["ERROR no 1", "INFO yes"]


@pytest.mark.parametrize(
    ("script", "kind", "code"),
    [
        ("import sys; sys.exit(3)", "exit", 3),
        ("raise SystemExit('not today')", "exit", 1),
        ("import os; os._exit(4)", "exit", 4),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "signal", None),
        ("import ctypes; ctypes.string_at(0)", "signal", None),
    ],
)
def test_ends_other_than_the_last_line(
    build: Any, run: Any, script: str, kind: str, code: int | None
) -> None:
    result = run(build.job(build.python(script)))
    assert result.status == "failed"
    assert (result.error.type, result.error.exit_code) == (kind, code)


def test_exit_zero_is_success_with_the_outputs_so_far(build: Any, run: Any) -> None:
    assert run(build.job(build.python("a = 1\nraise SystemExit"))).outputs == {"a": 1}


def test_a_forked_child_does_not_reply_for_its_parent(build: Any, run: Any) -> None:
    script = "import os\npid = os.fork()\nif pid == 0:\n    who = 'child'\nelse:\n    os.waitpid(pid, 0)\n    who = 'parent'"
    result = run(build.job(build.python(script)))
    assert result.outputs["who"] == "parent"


def test_functions_of_the_script_reach_a_process_pool(build: Any, run: Any) -> None:
    script = "import multiprocessing as mp\ndef f(x): return x * 2\nwith mp.get_context('fork').Pool(1) as p:\n    out = p.map(f, [1, 2])"
    assert run(build.job(build.python(script))).outputs == {"out": [2, 4]}


def test_modules_beside_the_jobs_file_are_imported(build: Any, run: Any, tmp_path: Any) -> None:
    (tmp_path / "mine.py").write_text("X = 7\n")
    assert run(build.job(build.python("import mine\nx = mine.X"))).outputs == {"x": 7}


def test_a_module_of_the_user_does_not_break_the_start(build: Any, run: Any, tmp_path: Any) -> None:
    for module in ("wire", "json", "typing", "jobc"):
        (tmp_path / (module + ".py")).write_text("raise RuntimeError('shadowed')\n")
    assert run(build.job(build.python("x = 1"))).outputs == {"x": 1}


def test_a_timeout_ends_a_script(build: Any, run: Any) -> None:
    result = run(build.job(build.python("import time\ntime.sleep(600)", timeout=0.3)))
    assert result.error.type == "timeout"


def test_a_timeout_interrupts_an_inline_script(build: Any, run: Any) -> None:
    result = run(build.job(build.python("while True: pass", timeout=0.2, isolation="inline")))
    assert result.error.type == "timeout"


def test_inline_prints_go_to_the_stage_and_streams_are_restored(build: Any, run: Any) -> None:
    before = sys.stdout, sys.stderr
    scripts = {c: [build.python(f"for i in range(200): print('{c}')", isolation="inline")] for c in "abc"}
    run(build.job(build.parallel(scripts)))
    assert (sys.stdout, sys.stderr) == before
    for branch in "abc":
        assert run.host.lines(stage=f"0.{branch}.0") == [branch] * 200


def test_live_objects_reach_inline_scripts_alone(build: Any, run: Any) -> None:
    live = object()
    inline = build.python(
        "same = JOBC_E1 is JOBC_E1 and type(JOBC_E1).__name__",
        [("JOBC_E1", name("params.o"), "value")],
        isolation="inline",
    )
    assert run(build.job(inline), params={"o": live}).outputs == {"same": "object"}
    result = run(build.job(build.python("x = 1")), params={"o": live})
    assert "isolation: inline" in result.error.message


def test_datetimes_stay_datetimes(build: Any, run: Any) -> None:
    script = "ok = [params.d.year, params.t.tzinfo is not None]"
    given = {"d": date(2024, 1, 2), "t": datetime(2024, 1, 2, tzinfo=UTC)}
    assert run(build.job(build.python(script)), params=given).outputs == {"ok": [2024, True]}


def test_a_reply_that_the_script_forged_is_no_defect(build: Any, run: Any) -> None:
    script = "import os\nfor fd in range(3, 20):\n    try: os.write(fd, b'{\"outputs\": 5}')\n    except OSError: pass\nos._exit(0)"
    result: CombinationResult = run(build.job(build.python(script)))
    assert result.status == "failed"
    assert result.error is not None
    assert result.error.type == "exit"


def test_an_unwritable_cache_is_told(build: Any, run: Any, tmp_path: Any) -> None:
    (tmp_path / "file").write_text("")
    environ = {"PATH": os.environ["PATH"], "XDG_CACHE_HOME": str(tmp_path / "file")}
    result = run(build.job(build.python("x = 1", deps=["nothing"])), environ=environ)
    assert result.error.type == "deps"
    assert "set XDG_CACHE_HOME" in result.error.message


def test_deps_are_installed_once_and_kept(build: Any, run: Any, tmp_path: Any) -> None:
    package = tmp_path / "thing"
    package.mkdir()
    (package / "pyproject.toml").write_text("[project]\nname = 'thing'\nversion = '1'\n")
    (tmp_path / "bin").mkdir()
    uv = tmp_path / "bin" / "uv"
    uv.write_text(
        f'#!/bin/sh\nset -e\nif [ "$1" = venv ]; then shift 4; {sys.executable} -m venv --without-pip "$1"; exit; fi\n'
        'echo installed; d=$(dirname $(dirname "$5")); echo \'X = 1\' > "$(echo $d/lib/python*/site-packages)/thing.py"\n'
    )
    uv.chmod(0o755)
    environ = {
        "PATH": "{}:{}".format(tmp_path / "bin", os.environ["PATH"]),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    stages = [build.python("import thing\nx = thing.X", deps=["thing"]) for _ in range(2)]
    result = run(build.job(*stages), environ=environ)
    assert result.outputs == {"x": 1}
    assert run.host.lines() == ["installing thing", "installed"]


def test_deps_that_cannot_be_installed_are_named(build: Any, run: Any, tmp_path: Any) -> None:
    (tmp_path / "bin").mkdir()
    uv = tmp_path / "bin" / "uv"
    uv.write_text("#!/bin/sh\necho no such package >&2; exit 1\n")
    uv.chmod(0o755)
    environ = {"PATH": "{}:{}".format(tmp_path / "bin", os.environ["PATH"]), "XDG_CACHE_HOME": str(tmp_path)}
    result = run(build.job(build.python("x = 1", deps=["nosuch==1"])), environ=environ)
    assert result.error.message == "`deps` cannot be installed (nosuch==1): no such package"
    assert "no such package" in run.host.lines()


def test_lines_that_fall_on_one_yaml_line_compile(build: Any, run: Any) -> None:
    stage = build.python("x = [\n1,\n  2]\ndef f(a,\nb=1): return (a +\nb)\ny = f(1)\nraise ValueError")
    stage.script.lines = [(line, 20) for line in range(1, 9)]
    result = run(build.job(stage))
    assert (result.error.type, result.error.line) == ("ValueError", 20)


def test_a_doubtful_escape_warns_nobody(build: Any, run: Any, recwarn: pytest.WarningsRecorder) -> None:
    assert run(build.job(build.python(r"x = '\d'"))).outputs == {"x": "\\d"}
    assert run.host.lines() == []
    assert not recwarn.list
