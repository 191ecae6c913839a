"""A stage that floods, forks without end, hangs or fills the disk harms only itself, and the user reads why."""

from __future__ import annotations

import os
import resource
import subprocess
from pathlib import Path
from typing import Any

import pytest

from jobc.interpreter.cgroups import groups
from jobc.interpreter.process_tree import engine_mark
from jobc.interpreter.spawning import limit_processes
from tests.interpreter.alone import eventually, gone, pids, start

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="process trees are read from /proc")


@pytest.fixture(params=["groups", "census"])
def marks(request: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """With control groups where they can be had, and without."""
    groups.close()
    monkeypatch.setenv("JOBC_CGROUPS", "on" if request.param == "groups" else "off")
    return str(request.param)


@pytest.fixture(autouse=True)
def groups_anew() -> Any:
    yield
    groups.close()


def test_a_flood_is_cut_and_the_other_stage_runs_on(build: Any, run: Any) -> None:
    flood = build.bash(
        "(yes 'the same line again and again' || true) | head -c 300000000; echo the last words; exit 3"
    )
    other = build.bash("for i in 1 2 3; do echo step $i; done")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = run(build.job(build.parallel({"flood": [flood], "other": [other]})), environ={
        "PATH": os.environ["PATH"], "JOBC_OUTPUT_LIMIT": "1M",
    })  # fmt: skip
    assert run.host.lines(stage="0.other.0") == ["step 1", "step 2", "step 3"]
    said = run.host.lines("stderr", "0.flood.0")
    assert len(said) == 2
    assert said[0] == (
        "the stage has written more than 512 KiB; what follows is kept back, and its last 512 KiB come at the end"
    )
    assert said[1].endswith(
        "bytes of output are dropped here; the first and the last 512 KiB are kept (JOBC_OUTPUT_LIMIT sets another limit)"
    )
    assert run.host.lines("stdout", "0.flood.0")[-1] == "the last words"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024
    assert result.status == "failed"


def test_a_python_stage_that_floods_is_cut_too(build: Any, run: Any) -> None:
    script = "for n in range(200000): print('line', n)\n"
    for stage in (build.python(script), build.python(script, isolation="inline")):
        run.host.events.clear()
        run(build.job(stage), environ={"PATH": os.environ["PATH"], "JOBC_OUTPUT_LIMIT": "100K"})
        assert run.host.lines("stdout")[-1] == "line 199999"
        assert len(run.host.lines("stdout")) < 20_000


def test_a_hanging_stage_ends_with_its_timeout(build: Any, run: Any) -> None:
    result = run(
        build.job(build.bash("trap '' TERM; echo $$ > shell; while :; do sleep 600; done", timeout=0.5)),
        grace=0.3,
    )
    assert result.error.said == "the stage ran longer than its timeout of 0.5 s"
    assert gone(*pids(Path(run.workdir), "shell"))


def test_what_forks_without_end_ends_with_its_timeout(build: Any, tmp_path: Path) -> None:
    """Each process starts two more and ignores SIGTERM, so killing one by one would never come to an end."""
    bomb = "echo $$ > shell; trap '' TERM\nbomb() { setsid sleep 600 & sleep 0.02; bomb & }\nbomb & sleep 600"
    engine = start(build.job(build.bash(bomb, timeout=1)), tmp_path, JOBC_CGROUPS="off")
    said, _ = engine.communicate(timeout=120)
    assert '"message": "the stage ran longer than its timeout of 1 s"' in said
    assert not _marked(tmp_path)


@pytest.fixture
def bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where control groups bound processes, here at forty a stage."""
    groups.close()
    monkeypatch.setenv("JOBC_CGROUPS", "on")
    monkeypatch.setenv("JOBC_PROCESS_LIMIT", "40")
    groups.open(engine_mark())
    if not groups.bounded:
        pytest.skip("no control group here bounds its processes: the pids controller is not to be had")


FORKS = """
import os, time
children = 0
while True:
    if os.fork() == 0:
        time.sleep(600)
    children += 1
    open('forked', 'w').write(str(children))
"""
BOMB = "echo $$ > shell; bomb() { bomb | bomb & sleep 600; }; bomb"


@pytest.mark.services
def test_what_forks_without_end_is_bounded_by_its_control_group(build: Any, run: Any, bounded: None) -> None:
    python = build.python(FORKS, id="python")
    result = run(build.job(python))
    assert result.error.type == "BlockingIOError"
    assert "Resource temporarily unavailable" in result.error.message
    assert 20 < int(Path(run.workdir, "forked").read_text()) < 40
    assert run.host.lines("stderr", "python")[-1] == (
        "the stage was refused another process; it may have 40 (JOBC_PROCESS_LIMIT)"
    )
    assert not _marked(Path(run.workdir))


@pytest.mark.services
def test_a_fork_bomb_harms_its_stage_alone(build: Any, run: Any, bounded: None) -> None:
    bomb = build.bash(BOMB, id="bomb", timeout=2)
    other = build.bash(
        "until [ -s shell ]; do sleep 0.01; done; for n in {1..30}; do sleep 0.05 | cat & done; wait; echo fine"
    )
    result = run(build.job(build.parallel({"bomb": [bomb], "other": [other]})), grace=0.3)
    assert run.host.lines("stdout", "0.other.0") == ["fine"]
    assert "the stage ran longer than its timeout of 2 s" in result.error.said
    assert not _marked(Path(run.workdir))


def _marked(folder: Path) -> list[str]:
    """Processes that were started in a test's folder and still run."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                if os.readlink(f"/proc/{name}/cwd") == str(folder):
                    found.append(Path(f"/proc/{name}/cmdline").read_text())
            except OSError:
                continue
    return [command for command in found if "sleep" in command or "bomb" in command]


def test_a_user_has_a_bound_on_further_processes() -> None:
    child = subprocess.Popen(["sleep", "600"])
    try:
        limit_processes(child.pid)
        soft, hard = resource.prlimit(child.pid, resource.RLIMIT_NPROC)
        assert soft == hard
        assert 4096 < hard < 4096 + 100_000
    finally:
        child.kill()
        child.wait()


LEFT = {
    "in the group": "sleep 600 >/dev/null 2>&1 & echo $! > left",
    "that holds the output": "sleep 600 & echo $! > left",
    "in a session of its own": "setsid bash -c 'echo $$ > left; exec sleep 600' >/dev/null 2>&1 &",
    "daemon": "(setsid bash -c 'sleep 600 & echo $! > left' >/dev/null 2>&1 &)",
}
WAIT = "\nuntil [ -s left ]; do sleep 0.01; done; cp left known"


@pytest.mark.parametrize("kind", LEFT)
def test_what_a_successful_stage_left_serves_the_next_and_ends_with_the_job(
    build: Any, run: Any, marks: str, kind: str
) -> None:
    result = run(
        build.job(build.bash(LEFT[kind] + WAIT, id="server"), build.bash('kill -0 "$(cat known)"', id="user"))
    )
    assert result.status == "success"
    (left,) = pids(Path(run.workdir), "known")
    assert gone(left)
    assert run.host.lines("stderr", "server") == [
        f"ended `sleep` (pid {left}), which this stage had left running"
    ]


def test_what_a_failed_attempt_left_does_not_meet_the_next_one(build: Any, run: Any) -> None:
    script = (
        'if [ -e left ]; then kill -0 "$(cat left)" 2>/dev/null && echo still there; exit 0; fi\n'
        "sleep 600 & echo $! > left; exit 1"
    )
    result = run(build.job(build.bash(script, id="server", retry={"attempts": 1, "delay": 0})))
    assert result.status == "success"
    assert "still there" not in run.host.lines("stdout")
    assert [line for line in run.host.lines("stderr", "server") if line.startswith("ended `sleep`")]


def test_what_was_left_may_end_in_peace(build: Any, run: Any) -> None:
    server = (
        "bash -c 'trap \"echo saved > state; exit\" TERM; echo $$ > left; while :; do sleep 0.01; done' &"
    )
    assert run(build.job(build.bash(server + WAIT))).status == "success"
    assert Path(run.workdir, "state").read_text() == "saved\n"


def test_an_orphan_that_cut_every_tie_ends_too(build: Any, run: Any, marks: str) -> None:
    """No session, no parent, no environment: what is left is the control group, or whom orphans go to."""
    hidden = "env -i setsid bash -c '(sleep 600 & echo $! > left) >/dev/null 2>&1' &"
    assert run(build.job(build.bash(hidden + WAIT))).status == "success"
    assert gone(*pids(Path(run.workdir), "known"))


def test_orphans_that_ended_are_reaped(build: Any, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    groups.close()
    monkeypatch.setenv("JOBC_CGROUPS", "off")
    script = "(bash -c 'sleep 0.05 & echo $! > second; echo $$ > left' >/dev/null 2>&1 &)" + WAIT
    run(build.job(build.bash(script)))
    numbers = pids(Path(run.workdir), "known", "second")
    assert eventually(
        lambda: run(build.job(build.bash("true"))).status == "success" and not any(map(_zombie, numbers))
    )


def _zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False


def test_cancelling_ends_what_left_everything(build: Any, run: Any, marks: str) -> None:
    loose = "(setsid bash -c 'trap \"\" TERM; sleep 600 & echo $! > left; wait' >/dev/null 2>&1 &)"

    def on_event(event: dict[str, Any]) -> None:
        if event["event"] == "log" and event["text"] == "stands":
            run.cancellation.throw()

    run.host.on_event = on_event
    result = run(build.job(build.bash(loose + WAIT + "; echo stands; sleep 600")), grace=0.2)
    assert result.status == "cancel"
    assert gone(*pids(Path(run.workdir), "known"))


@pytest.fixture
def small_disk(tmp_path: Path) -> Any:
    """A file system of a megabyte."""
    place = tmp_path / "small"
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True, text=True
    )
    if made.returncode:
        message = f"no file system can be mounted here: {made.stderr.strip()}"
        if os.environ.get("JOBC_REQUIRE_SERVICES"):
            pytest.fail(message)
        pytest.skip(message)
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.services
def test_a_full_disk_fails_the_stage_that_filled_it(build: Any, run: Any, small_disk: Path) -> None:
    run.workdir = str(small_disk)
    result = run(
        build.job(
            build.bash("head -c 2000000 /dev/zero > big", id="filler", continue_on_error=True),
            build.bash("rm big; echo there is room again > small", id="next"),
        )
    )
    filler, following = result.stages
    assert filler.error.message == (
        "the script ended with exit code 1: head: error writing 'standard output': No space left on device"
    )
    assert following.status == "success"


@pytest.mark.services
def test_stages_run_while_the_temporary_folder_is_full(build: Any, small_disk: Path, tmp_path: Path) -> None:
    subprocess.run(["dd", "if=/dev/zero", f"of={small_disk}/fill"], capture_output=True)
    engine = start(
        build.job(build.bash("echo fine"), build.python("print('python too')")),
        tmp_path,
        TMPDIR=str(small_disk),
    )
    said, _ = engine.communicate(timeout=60)
    assert '"text": "fine"' in said
    assert '"text": "python too"' in said


def test_the_environment_names_no_place_of_ours(build: Any, run: Any) -> None:
    """Of what a stage inherits, the cookie alone is the tree's."""
    run(build.job(build.bash("env | grep -c ^JOBC_COOKIE=; echo \"$JOBC_COOKIE\" | grep -Eo '[;]' | wc -l")))
    assert run.host.lines("stdout") == ["1", "1"]
