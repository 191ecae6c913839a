"""When the process that runs jobc is killed, what it started dies too, and its temporary files go."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.interpreter.alone import eventually, gone, kill, pids, start

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="orphans are found in /proc")

TREE = """
echo $$ > shell
sleep 600 & echo $! > child
setsid bash -c 'echo $$ > session; sleep 600' &
(setsid bash -c 'sleep 600 >/dev/null 2>&1 & echo $! > daemon' &)
env -i setsid bash -c '(sleep 600 & echo $! > hidden) >/dev/null 2>&1' &
until [ -s session ] && [ -s daemon ] && [ -s hidden ]; do sleep 0.01; done
touch "$JOBC_OUTPUT" stands
sleep 600
"""


@pytest.mark.parametrize("groups", ["on", "off"])
def test_a_killed_engine_leaves_no_process_and_no_file(build: Any, tmp_path: Path, groups: str) -> None:
    engine = start(build.job(build.bash(TREE)), tmp_path, JOBC_CGROUPS=groups)
    started = pids(tmp_path, "shell", "child", "session", "daemon", "hidden")
    own = Path(f"/proc/{started[0]}/cgroup").read_text().partition("0::")[2].split("\n")[0]
    assert eventually((tmp_path / "stands").exists)
    assert len(list((tmp_path / "tmp").glob("jobc-*"))) == 1
    kill(engine.pid)
    engine.communicate()
    assert gone(*started)
    assert eventually(lambda: not list((tmp_path / "tmp").glob("jobc-*")))
    if "/jobc-" in own:
        mounts = [
            line.split()[1] for line in Path("/proc/mounts").read_text().splitlines() if " cgroup2 " in line
        ]
        assert eventually(lambda: not Path(mounts[0] + os.path.dirname(own)).exists())


def test_a_killed_engine_takes_its_python_stages_along(build: Any, tmp_path: Path) -> None:
    script = (
        "import os, subprocess, time\n"
        "open('stage', 'w').write(str(os.getpid()))\n"
        "open('zygote', 'w').write(str(os.getppid()))\n"
        "open('child', 'w').write(str(subprocess.Popen(['sleep', '600'], start_new_session=True).pid))\n"
        "time.sleep(600)\n"
    )
    engine = start(build.job(build.python(script)), tmp_path)
    started = pids(tmp_path, "stage", "zygote", "child")
    kill(engine.pid)
    engine.communicate()
    assert gone(*started)


def test_the_whole_group_killed_at_once_leaves_nothing(build: Any, tmp_path: Path) -> None:
    engine = start(build.job(build.bash(TREE)), tmp_path)
    started = pids(tmp_path, "shell", "child", "session", "daemon", "hidden")
    os.killpg(engine.pid, 9)
    engine.communicate()
    assert gone(*started)


def test_an_orderly_end_leaves_no_guard_and_no_folder(build: Any, tmp_path: Path) -> None:
    engine = start(
        build.job(build.bash('echo x > "$JOBC_OUTPUT.more"; echo a=1 >> "$JOBC_OUTPUT"')), tmp_path
    )
    said, _ = engine.communicate()
    assert '"status": "success"' in said
    assert list((tmp_path / "tmp").iterdir()) == []
    assert eventually(lambda: not _started_with(tmp_path))


@pytest.mark.parametrize("groups", ["on", "off"])
def test_an_end_while_a_stage_runs_takes_it_along(build: Any, tmp_path: Path, groups: str) -> None:
    """The process that runs jobc ends as its program says, by a defect or an exception of whoever uses it."""
    engine = start(
        build.job(build.bash(TREE)), tmp_path, JOBC_CGROUPS=groups, LEAVE_WHEN=str(tmp_path / "stands")
    )
    started = pids(tmp_path, "shell", "child", "session", "daemon", "hidden")
    engine.communicate(timeout=60)
    assert engine.returncode == 5
    assert gone(*started)


def _started_with(folder: Path) -> list[str]:
    """Processes whose TMPDIR is the test's."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                environ = Path(f"/proc/{name}/environ").read_bytes()
            except OSError:
                continue
            if f"TMPDIR={folder}/tmp".encode() in environ:
                found.append(name)
    return found
