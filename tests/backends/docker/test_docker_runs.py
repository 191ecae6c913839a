"""Whole runs in containers, by the command line: docker stages, an engine that dies, what is left to be removed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from docker_daemon import Daemon
from docker_images import BARE, BUSYBOX, PYTHON

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("docker_host")]

JOBC = str(Path(sys.executable).parent / "jobc")
EXAMPLES = Path(__file__).parents[3] / "fixtures" / "reference"


def jobc(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([JOBC, *args], cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def run(folder: Path, text: str, *args: str) -> dict[str, Any]:
    """The result of a run of one file."""
    (folder / "flow.job.yml").write_text(text)
    done = jobc(folder, "run", "flow.job.yml", "--run-id", "r", "--format", "json", *args)
    assert done.stdout, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def stage(text: str, head: str = "") -> str:
    return f"{head}jobs:\n  a:\n    stages:\n" + "".join(f"      {line}\n" for line in text.splitlines())


def only(result: dict[str, Any]) -> dict[str, Any]:
    """The only stage's object."""
    (found,) = result["jobs"]["a"]["combinations"][0]["stages"]
    return dict(found)


def wait_for(condition: Any, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def test_a_docker_stage_gives_outputs_and_writes_to_a_volume_as_the_user(
    daemon: Daemon, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    text = stage(
        f'- id: box\n  image: {BUSYBOX}\n  command: sh -c \'echo "$WORD" > /data/new; echo "x=$1" >> $JOBC_OUTPUT\' sh ${{{{ params.word }}}}\n'
        "  env: {WORD: some word}\n  volume: {./data: /data}",
        'params: {word: {type: str, default: "it\'s $(two) words"}}\n',
    )
    result = run(tmp_path, text)
    assert only(result)["outputs"] == {"x": "it's $(two) words"}
    assert (tmp_path / "data" / "new").read_text() == "some word\n"
    assert (tmp_path / "data" / "new").stat().st_uid == os.getuid()
    assert daemon.names() == daemon.volumes() == []


@pytest.mark.parametrize(
    ("text", "type", "said"),
    [
        (f"- image: {BUSYBOX}\n  command: sh -c 'echo no >&2; exit 3'", "exit", "exit code 3: no"),
        (f"- image: {BUSYBOX}\n  command: nothing", "start", "use an image that has it"),
        ("- image: jobc-test/absent:1\n  pull: never", "start", "`pull: never` forbids"),
        (f"- image: {BARE}\n  user: app\n  command: /busybox true", "start", "no user `app`"),
        (f"- image: {BUSYBOX}\n  command: sleep 60\n  timeout: 1", "timeout", "timeout of 1 s"),
        (
            f'- image: {PYTHON}\n  resources: {{memory: 32M}}\n  command: [python3, -c, "x = bytearray(200*2**20)"]',
            "exit",
            "its limit of 32 MiB",
        ),
        (f"- image: {BUSYBOX}\n  docker-host: unix:///none.sock", "start", "no Docker daemon listens there"),
        (f"- image: {BUSYBOX}\n  command: sh -c 'echo bad > $JOBC_OUTPUT'", "output", "bad"),
    ],
)
def test_a_docker_stage_that_fails_says_why(
    daemon: Daemon, tmp_path: Path, text: str, type: str, said: str
) -> None:
    error = only(run(tmp_path, stage(text)))["error"]
    assert error["type"] == type
    assert said in error["message"]
    assert (error["path"], error["line"]) == ("flow.job.yml", 4)
    assert daemon.names() == []


def test_a_secret_of_a_docker_stage_is_seen_nowhere(daemon: Daemon, tmp_path: Path) -> None:
    text = stage(
        f"- image: {BUSYBOX}\n  command: sh -c 'echo ready; sleep 3; test ${{#T}} = 12 && echo \"has $T\"'\n  env: {{T: '${{{{ secrets.TOKEN }}}}'}}",
        "secrets: [TOKEN]\n",
    )
    (tmp_path / "flow.job.yml").write_text(text)
    env = {**os.environ, "JOBC_SECRET_TOKEN": "s3cr3t-value"}
    with subprocess.Popen(
        [JOBC, "run", "flow.job.yml"], cwd=tmp_path, env=env, stdout=subprocess.PIPE
    ) as engine:
        wait_for(lambda: daemon.names() != [])
        client = daemon.client()
        seen = ""
        while engine.poll() is None:
            for one in client.api.containers(all=True):
                try:
                    seen += json.dumps(client.api.inspect_container(one["Id"]))
                except Exception:  # noqa: BLE001 - it may end between the two
                    continue
            time.sleep(0.1)
        assert engine.stdout is not None
        said = engine.stdout.read().decode()
    assert "JOBC_OUTPUT" in seen
    assert "s3cr3t" not in seen + said
    assert "has ***" in said


def test_a_cancelled_docker_stage_gets_its_grace(daemon: Daemon, tmp_path: Path) -> None:
    text = stage(
        f"- image: {BUSYBOX}\n  command: sh -c 'trap \"echo tidied; exit\" TERM; echo ready; while :; do sleep 0.1; done'"
    )
    (tmp_path / "flow.job.yml").write_text(text)
    with subprocess.Popen(
        [JOBC, "run", "flow.job.yml"], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as engine:
        assert engine.stdout is not None
        said = ""
        while "ready" not in said:
            said += engine.stdout.readline()
        engine.send_signal(signal.SIGTERM)
        said += engine.stdout.read()
    assert engine.returncode == 143
    assert "tidied" in said
    assert daemon.names() == []


def test_the_container_of_a_docker_stage_goes_with_its_killed_engine(daemon: Daemon, tmp_path: Path) -> None:
    (tmp_path / "flow.job.yml").write_text(stage(f"- image: {BUSYBOX}\n  command: sleep 300"))
    with subprocess.Popen([JOBC, "run", "flow.job.yml"], cwd=tmp_path, stdout=subprocess.DEVNULL) as engine:
        wait_for(lambda: daemon.names() != [])
        engine.kill()
    wait_for(lambda: daemon.names() == [])


FAR = f"""
jobs:
  a:
    runs-on: {{type: docker, image: "{PYTHON}", pull: never, volume: {{./data: /data}}}}
    stages:
      - bash: |
          echo begun >> /data/count
          for i in 1 2 3 4 5 6 7 8; do echo "line $i"; sleep 0.5; done
      - run: print("then")
"""


def test_a_run_whose_engine_was_killed_goes_on_where_it_was(daemon: Daemon, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "flow.job.yml").write_text(FAR)
    command = [JOBC, "run", "flow.job.yml", "--run-id", "r"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as engine:
        assert engine.stdout is not None
        for line in engine.stdout:
            if "line 2" in line:
                break
        engine.kill()
    time.sleep(1.0)
    assert len(daemon.names()) == 1
    done = jobc(tmp_path, "run", "--resume", "r")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "data" / "count").read_text() == "begun\n"
    shown = jobc(tmp_path, "runs", "logs", "r").stdout
    assert [line.split("| ")[1] for line in shown.splitlines()] == [
        *(f"line {i}" for i in range(1, 9)),
        "then",
    ]
    assert daemon.names() == daemon.volumes() == []


_DYING = """
import os, signal, sys
from jobc.backends.docker.backend import DockerBackend
from jobc.cli.main import entry
from jobc.engine.recorder import Recorder

place, name = (DockerBackend, "collect") if sys.argv.pop(1) == "collected" else (Recorder, "combination_ended")
method = getattr(place, name)

def dying(self, *args, **more):
    method(self, *args, **more)
    if name == "combination_ended":
        self.commit()
    os.kill(os.getpid(), signal.SIGKILL)

setattr(place, name, dying)
entry()
"""


@pytest.mark.parametrize("when", ["collected", "recorded"])
def test_an_engine_that_dies_with_a_result_in_its_hands_runs_nothing_twice_and_leaves_nothing(
    daemon: Daemon, tmp_path: Path, when: str
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "flow.job.yml").write_text(
        f"""
jobs:
  a:
    runs-on: {{type: docker, image: "{PYTHON}", pull: never, volume: {{./data: /data}}}}
    stages: [{{bash: "echo begun | tee -a /data/count"}}]
  b: {{needs: [a], stages: [{{echo: "${{{{ needs.a.result }}}}"}}]}}
"""
    )
    command = [sys.executable, "-c", _DYING, when, "run", "flow.job.yml", "--run-id", "r"]
    died = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert died.returncode == -signal.SIGKILL, died.stdout + died.stderr
    assert len(daemon.names()) == 1
    done = jobc(tmp_path, "run", "--resume", "r")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "data" / "count").read_text() == "begun\n"
    shown = jobc(tmp_path, "runs", "logs", "r").stdout.splitlines()
    assert [line.split("| ")[1] for line in shown] == ["begun", "success"]
    assert daemon.names() == daemon.volumes() == []


def test_pruning_a_run_removes_what_its_killed_engine_left(daemon: Daemon, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "flow.job.yml").write_text(FAR)
    command = [JOBC, "run", "flow.job.yml", "--run-id", "r"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as engine:
        assert engine.stdout is not None
        for line in engine.stdout:
            if "line 2" in line:
                break
        engine.kill()
    assert len(daemon.names()) == 1
    done = jobc(tmp_path, "runs", "prune", "--keep", "0")
    assert "1 run removed" in done.stdout
    assert daemon.names() == daemon.volumes() == []


def test_a_cancelled_run_leaves_nothing(daemon: Daemon, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "flow.job.yml").write_text(FAR)
    with subprocess.Popen(
        [JOBC, "run", "flow.job.yml"], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as engine:
        assert engine.stdout is not None
        for line in engine.stdout:
            if "line 1" in line:
                break
        engine.send_signal(signal.SIGINT)
        engine.stdout.read()
    assert engine.returncode == 130
    assert daemon.names() == daemon.volumes() == []


_PROCESS = """
from pathlib import Path


def process_data(source, target):
    for path in Path(source).iterdir():
        (Path(target) / path.name).write_text(path.read_text().upper())
"""


@pytest.mark.parametrize("form", ["yaml", "python"])
def test_the_reference_example_reads_and_writes_its_volumes(
    daemon: Daemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    for name in ("data", "output", "app"):
        (tmp_path / name).mkdir()
    (tmp_path / "data" / "rows.csv").write_text("a\nb\n")
    (tmp_path / "app" / "stand_ins.py").write_text(_PROCESS)
    client = daemon.client()
    client.images.get(PYTHON).tag("python", "3.11-slim")
    source = EXAMPLES / ("10-docker.job.yml" if form == "yaml" else "10-docker.py")
    # The example's own folders are those of another machine, and `process_data` would be in its image.
    text = source.read_text()
    for name in ("data", "output"):
        text = text.replace(f"/local/{name}", str(tmp_path / name))
    mounted = f"{tmp_path}/output"
    text = (
        text.replace(mounted + ":", f"{tmp_path}/app: /lib/app\n        {mounted}:")
        if form == "yaml"
        else text
    )
    if form == "yaml":
        text = text.replace("PYTHONPATH: /app", "PYTHONPATH: /lib/app")
        (tmp_path / "flow.job.yml").write_text(text)
        done = jobc(tmp_path, "run", "flow.job.yml", "-p", "database_url=postgresql://localhost/data")
    else:
        text = text.replace('"PYTHONPATH": "/app"', '"PYTHONPATH": "/lib/app"')
        text = text.replace("volume={", f'volume={{"{tmp_path}/app": "/lib/app",')
        text = text.replace("import os\n", "import os\nfrom stand_ins import process_data\n", 1)
        (tmp_path / "flow.py").write_text(text)
        env = {**os.environ, "PYTHONPATH": str(EXAMPLES)}
        done = subprocess.run(
            [sys.executable, "flow.py"],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Data directory: ['rows.csv']" in done.stdout + done.stderr
    assert (tmp_path / "output" / "rows.csv").read_text() == "A\nB\n"
