"""Python stages forked from a warm process behave as in a fresh interpreter, and its death is told truthfully."""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from jobc.interpreter.forking import available
from jobc.interpreter.values import SecretText
from tests.interpreter.alone import eventually, gone, kill, pids, start

pytestmark = pytest.mark.skipif(not available(), reason="Python stages are not forked here")


@pytest.fixture(params=["forked", "fresh"])
def launched(request: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to start a Python stage, which must not differ."""
    if request.param == "fresh":
        monkeypatch.setenv("JOBC_ZYGOTE", "off")
    return str(request.param)


def test_stages_come_from_one_process(build: Any, run: Any) -> None:
    script = "import os\nparent, own, session = os.getppid(), os.getpid(), os.getsid(0)"
    result = run(build.job(build.python(script, id="a"), build.python(script, id="b")))
    first, second = (stage.outputs for stage in result.stages)
    assert first["parent"] == second["parent"] != os.getpid()
    assert first["own"] != second["own"]
    assert (first["session"], second["session"]) == (first["own"], second["own"])


def test_nothing_passes_from_one_stage_to_the_next(build: Any, run: Any, launched: str) -> None:
    spoil = (
        "import os, sys, json, random, threading, time, signal, decimal\n"
        "json.spoilt = True; sys.path.insert(0, '/spoilt'); os.umask(0o077); os.mkdir('sub'); os.chdir('sub')\n"
        "os.environ['SPOILT'] = '1'; random.seed(1); decimal.getcontext().prec = 3\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "threading.Thread(target=time.sleep, args=(0.05,)).start()\n"
    )
    look = (
        "import os, sys, json, random, threading, signal, decimal\n"
        "mask = os.umask(0); number = random.random(); threads = threading.active_count()\n"
        "seen = [hasattr(json, 'spoilt'), '/spoilt' in sys.path, 'SPOILT' in os.environ, os.path.basename(os.getcwd()) == 'sub']\n"
        "term = int(signal.getsignal(signal.SIGTERM)); child = int(signal.getsignal(signal.SIGCHLD)); prec = decimal.getcontext().prec\n"
    )
    result = run(build.job(build.python(spoil), build.python(look, id="a"), build.python(look, id="b")))
    assert result.status == "success", result.error.said
    a, b = (stage.outputs for stage in result.stages[1:])
    assert a["seen"] == [False] * 4
    assert (a["threads"], a["term"], a["child"], a["prec"]) == (1, 0, 0, 28)
    assert a["mask"] != 0o077
    assert a["number"] != b["number"]


def test_a_stage_has_no_descriptors_but_its_own(build: Any, run: Any, launched: str) -> None:
    script = (
        "import os\n"
        "open_ = sorted(int(fd) for fd in os.listdir('/proc/self/fd'))\n"
        "kinds = [os.readlink(f'/proc/self/fd/{fd}').partition(':')[0] for fd in open_ if os.path.lexists(f'/proc/self/fd/{fd}')]\n"
    )
    before = os.open(os.devnull, os.O_RDONLY)
    os.set_inheritable(before, True)
    try:
        result = run(build.job(build.parallel({n: [build.python(script, id=n)] for n in "abcd"})))
    finally:
        os.close(before)
    for stage in result.stages[1:]:
        # Standard streams, and the file for the reply.
        assert stage.outputs["kinds"][:3] == ["/dev/null", "pipe", "pipe"]
        assert "socket" not in stage.outputs["kinds"]
        assert len(stage.outputs["kinds"]) <= 4


def test_no_secret_stands_in_the_environment_of_the_zygote(build: Any, run: Any) -> None:
    script = (
        "import os\n"
        "text = open(f'/proc/{os.getppid()}/environ').read()\n"
        "leaked, named, own = 'hunter2' in text, 'DB_PASSWORD' in text, os.environ['DB_PASSWORD'] == 'hunter2'\n"
    )
    result = run(build.job(build.python(script, env={"DB_PASSWORD": "hunter2"})))
    assert result.stages[0].outputs == {
        "text": result.stages[0].outputs["text"],
        "leaked": False,
        "named": False,
        "own": True,
    }


def test_a_module_of_the_working_folder_hides_one_that_is_warm(build: Any, run: Any, launched: str) -> None:
    Path(run.workdir, "csv.py").write_text("mine = 'mine'\n")
    program = build.job(
        *[build.python("import csv\nwhose = getattr(csv, 'mine', 'library')") for _ in range(3)]
    )
    for _ in range(3):
        assert run(program).outputs["whose"] == "mine"


def test_a_module_that_changes_between_two_stages_is_read_again(build: Any, run: Any, launched: str) -> None:
    result = run(
        build.job(
            build.python("open('fresh.py', 'w').write('value = 1')"),
            build.python("import fresh\nfirst = fresh.value"),
            build.python("open('fresh.py', 'w').write('value = 22')"),
            build.python("import fresh\nsecond = fresh.value"),
        )
    )
    assert (result.outputs["first"], result.outputs["second"]) == (1, 22)


def test_exit_functions_and_threads_are_awaited(build: Any, run: Any, launched: str) -> None:
    script = (
        "import atexit, threading, time, sys\n"
        "atexit.register(print, 'at exit')\n"
        "threading.Thread(target=lambda: (time.sleep(0.1), print('thread'))).start()\n"
        "sys.stdout.write('no newline')\n"
    )
    assert run(build.job(build.python(script))).status == "success"
    assert "".join(run.host.lines("stdout")).replace("\n", "") == "no newlinethreadat exit"


def test_a_python_option_of_the_stage_is_heeded(build: Any, run: Any, launched: str) -> None:
    Path(run.workdir, "lib").mkdir()
    Path(run.workdir, "lib", "ours.py").write_text("x = 7\n")
    result = run(build.job(build.python("import ours, sys\nx = ours.x", env={"PYTHONPATH": "lib"})))
    assert result.outputs["x"] == 7


def test_many_at_once(build: Any, run: Any) -> None:
    result = run(
        build.job(build.foreach(["list", *range(12)], [build.python("n = item * item")], max_parallel=6))
    )
    assert result.status == "success", result.error.said
    assert [stage.outputs["n"] for stage in result.stages if "n" in stage.outputs][-1] == 121


def test_a_stage_whose_zygote_is_killed_fails_and_the_next_one_has_a_new_zygote(build: Any, run: Any) -> None:
    script = (
        "import os, subprocess, time\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        "print('ready', os.getppid(), os.getpid(), child.pid)\n"
        "time.sleep(600)\n"
    )
    seen: list[int] = []

    def on_event(event: dict[str, Any]) -> None:
        if event["event"] == "log" and event["text"].startswith("ready") and not seen:
            seen.extend(int(text) for text in event["text"].split()[1:])
            kill(seen[0])

    run.host.on_event = on_event
    after = "import os\nparent = os.getppid()"
    result = run(build.job(build.python(script, continue_on_error=True), build.python(after, id="after")))
    first, second = result.stages
    assert first.error.type == "signal"
    assert first.error.message == (
        "the process that Python stages are forked from was ended (SIGKILL), and the stage with it;"
        " it may have run out of memory; run the stage again, or give it a `retry`"
    )
    assert gone(*seen)
    assert second.status == "success"
    assert second.outputs["parent"] != seen[0]


def test_a_stage_that_has_not_begun_is_not_lost_with_the_zygote(build: Any, run: Any) -> None:
    find = "import os\nparent = os.getppid()"
    zygote = run(build.job(build.python(find))).outputs["parent"]
    kill(zygote)
    result = run(build.job(build.python(find)))
    assert result.status == "success"
    assert result.outputs["parent"] != zygote


def test_a_retry_covers_the_loss_of_a_zygote(build: Any, run: Any) -> None:
    script = "import os, time\nif context['attempt'] == 1:\n  os.kill(os.getppid(), 9)\n  time.sleep(600)\n"
    result = run(build.job(build.python(script, retry={"attempts": 1, "delay": 0, "on": ["signal"]})))
    assert (result.status, result.stages[0].attempts) == ("success", 2)


def test_cancelling_ends_a_forked_stage_and_its_children(build: Any, run: Any) -> None:
    script = "import os, subprocess, time\nprint('ready', subprocess.Popen(['sleep', '600']).pid, os.getpid())\ntime.sleep(600)\n"
    seen: list[int] = []

    def on_event(event: dict[str, Any]) -> None:
        if event["event"] == "log" and event["text"].startswith("ready"):
            seen.extend(int(text) for text in event["text"].split()[1:])
            run.cancellation.throw()

    run.host.on_event = on_event
    assert run(build.job(build.python(script))).status == "cancel"
    assert gone(*seen)


def test_a_python_that_cannot_be_started_is_told(
    build: Any, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    error = run(build.job(build.python("x = 1"))).error
    assert (error.type, error.message) == (
        "start",
        "the process that Python stages are forked from does not start with /bin/false; JOBC_ZYGOTE=off does without",
    )


def test_no_zygote_outlives_the_run(build: Any, tmp_path: Path) -> None:
    engine = start(
        build.job(build.python("import os\nopen('zygote', 'w').write(str(os.getppid()))")), tmp_path
    )
    said, _ = engine.communicate()
    assert json.loads(said.splitlines()[-1])["status"] == "success"
    assert gone(*pids(tmp_path, "zygote"))


def test_no_descriptors_and_no_threads_are_left(build: Any, run: Any) -> None:
    program = build.job(build.python("x = 1"))
    run(program)
    before, threads = len(os.listdir("/proc/self/fd")), threading.active_count()
    for _ in range(5):
        run(program)
    assert eventually(lambda: len(os.listdir("/proc/self/fd")) <= before)
    assert threading.active_count() == threads


def test_a_secret_in_the_environment_reaches_a_stage(build: Any, run: Any, launched: str) -> None:
    environ = {**os.environ, "PIN": SecretText("1234567")}
    result = run(
        build.job(build.python("import os\nlength = len(os.environ['PIN'])", id="a")), environ=environ
    )
    assert result.status == "success", result.error.said
    assert result.stages[0].outputs["length"] == 7
