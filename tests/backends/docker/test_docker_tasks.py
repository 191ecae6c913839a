"""Tasks in real containers."""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docker_daemon import Daemon
from docker_images import BARE, BUSYBOX, PYTHON
from driving import Driver, lines, task_of

from jobc.backends.api import ENDED, LOST, RUNNING, BackendError, JobHandle, TaskLost
from jobc.backends.docker import life
from jobc.backends.docker.container import container_name
from jobc.ir.status import CANCEL, FAILED, SUCCESS

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("docker_host")]


@pytest.fixture
def driver(daemon: Daemon) -> Iterator[Driver]:
    """Ends with nothing left in the daemon."""
    driver = Driver()
    yield driver
    driver.backend.close()
    assert [name for name in daemon.names() if name.startswith("jobc-")] == []


def refusal(driver: Driver, stages: str, folder: Path, **more: Any) -> str:
    """What is said where a task cannot run."""
    with pytest.raises(BackendError) as caught:
        driver.run(task_of(stages, folder, **more))
    assert not caught.value.transient
    return str(caught.value)


@pytest.mark.parametrize("image", [PYTHON, BUSYBOX])
def test_a_task_gives_its_outputs_and_its_log(driver: Driver, tmp_path: Path, image: str) -> None:
    stages = "- {id: one, bash: 'echo said; echo x=1 >> $JOBC_OUTPUT'}\n- bash: 'echo y=${{ stages.one.outputs.x }}0 >> $JOBC_OUTPUT'"
    result, log = driver.run(task_of(stages, tmp_path, arguments={"image": image}))
    assert (result.status, result.outputs) == (SUCCESS, {"x": "1", "y": "10"})
    assert log == ["said"]


def test_all_stages_run_in_one_container(driver: Driver, tmp_path: Path) -> None:
    stages = "- bash: hostname > /tmp/name\n- bash: test $(cat /tmp/name) = $(hostname)\n- run: import json"
    assert driver.run(task_of(stages, tmp_path))[0].status == SUCCESS


def test_a_container_without_python_says_which_stage_needs_it(driver: Driver, tmp_path: Path) -> None:
    result, _ = driver.run(task_of("- bash: echo\n- run: print(1)", tmp_path, arguments={"image": BUSYBOX}))
    assert result.status == FAILED
    assert result.error is not None
    assert result.error.message == (
        f"the image {BUSYBOX} has no Python 3.9 or later, and a `python` stage needs Python where the task runs;"
        " use an image with Python, such as `python:3.13-slim`"
    )
    assert (result.error.path, result.error.line) == ("flow.job.yml", 5)


def test_nothing_may_be_written_but_what_is_meant_to_be(driver: Driver, tmp_path: Path) -> None:
    stages = "- bash: |\n    touch /tmp/fine here\n    ! touch /usr/bad\n    ! chown 1 here\n    grep -q 'NoNewPrivs:.1' /proc/self/status\n    grep 'CapEff:.0000000000000000' /proc/self/status"
    assert driver.run(task_of(stages, tmp_path))[0].status == SUCCESS


def test_restrictions_can_be_lifted(driver: Driver, tmp_path: Path) -> None:
    stages = (
        "- bash: |\n    touch /usr/good here\n    chown 1 here\n    grep -q 'NoNewPrivs:.0' /proc/self/status"
    )
    free = {"read_only": False, "capabilities": ["cap_chown"], "new_privileges": True}
    assert driver.run(task_of(stages, tmp_path, arguments=free))[0].status == SUCCESS


@pytest.mark.parametrize(
    ("user", "said"), [(None, f"{os.getuid()} {os.getgid()}"), ("1234:77", "1234 77"), ("app", "1000 1000")]
)
def test_what_is_written_to_a_volume_belongs_to_the_user(
    driver: Driver, tmp_path: Path, user: str | None, said: str
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o777)
    arguments = {"volume": {"./data": "/data"}, "user": user}
    assert driver.run(task_of("- bash: touch /data/new", tmp_path, arguments=arguments))[0].status == SUCCESS
    made = (folder / "new").stat()
    assert f"{made.st_uid} {made.st_gid}" == said


def test_volumes_can_be_read_only_or_named(driver: Driver, daemon: Daemon, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "file").write_text("here")
    arguments = {"volume": {"./in": "/in:ro", "kept": "/kept"}, "user": "0"}
    stages = "- bash: |\n    test $(cat /in/file) = here\n    ! touch /in/new\n    touch /kept/new"
    assert driver.run(task_of(stages, tmp_path, arguments=arguments))[0].status == SUCCESS
    assert (
        driver.run(task_of("- bash: ls /kept/new", tmp_path, name="r1/a/0/2", arguments=arguments))[0].status
        == SUCCESS
    )
    driver.backend.close()
    assert daemon.volumes() == ["kept"]


def test_awkward_values_arrive_in_the_environment_and_no_inspection_shows_them(
    driver: Driver, daemon: Daemon, tmp_path: Path
) -> None:
    env = {"PLAIN": 'it\'s "$HOME" `x`\n\\', "EMPTY": "", "WORD": "ünïcödé 🎉"}
    stages = (
        "- run: |\n    import os\n    for name in ('PLAIN', 'EMPTY', 'WORD'):\n        print(repr(os.environ[name]))\n"
        "    import time; time.sleep(2)\n    print('${{ secrets.TOKEN }}'[:3])"
    )
    task = task_of(
        stages, tmp_path, head="secrets: [TOKEN]\n", arguments={"env": env}, secrets={"TOKEN": "s3cr3t-value"}
    )
    handle = driver.backend.submit(task)
    driver.until(handle, text=rb"\udf89")
    seen = str(daemon.client().api.inspect_container(handle.id))
    assert "s3cr3t" not in seen
    assert "ünïcödé" not in seen
    inside = daemon.client().containers.get(handle.id).exec_run(["ls", "/jobc/task"]).output.decode()
    assert "environ" not in inside
    assert "secrets" not in inside
    assert driver.result(handle).status == SUCCESS
    assert lines(task.name, driver.output[handle.id]) == [*map(repr, env.values()), "s3c"]


def test_secrets_are_masked_and_reach_a_shell_script(driver: Driver, tmp_path: Path) -> None:
    task = task_of(
        "- bash: test ${#T} = 12 && echo long\n  env: {T: '${{ secrets.TOKEN }}'}",
        tmp_path,
        head="secrets: [TOKEN]\n",
        arguments={"image": BUSYBOX},
        secrets={"TOKEN": "s3cr3t-value"},
    )
    assert driver.run(task)[1] == ["long"]


def test_the_log_comes_while_the_task_runs(driver: Driver, tmp_path: Path) -> None:
    task = task_of("- bash: echo first; read x < /tmp/pipe || sleep 30", tmp_path)
    handle = driver.backend.submit(task)
    assert driver.until(handle, ENDED, text=b"first") == RUNNING
    driver.backend.kill(handle)
    error = driver.result(handle).error
    assert error is not None
    assert error.type == "lost"


def test_a_large_output_arrives_whole(driver: Driver, tmp_path: Path) -> None:
    task = task_of("- bash: seq 1 50000; printf 'end without newline'", tmp_path)
    _, log = driver.run(task)
    assert log == [*map(str, range(1, 50001)), "end without newline"]


def test_a_cancelled_task_gets_its_grace(driver: Driver, tmp_path: Path) -> None:
    stages = "- bash: |\n    trap 'echo tidied; exit 1' TERM\n    echo ready\n    sleep 60 &\n    wait\n- {bash: 'echo cleaned', if: 'always()'}"
    task = task_of(stages, tmp_path)
    handle = driver.backend.submit(task)
    driver.until(handle, text=b"ready")
    driver.backend.cancel(handle, "cancel", "enough")
    assert driver.result(handle).status == CANCEL
    assert lines(task.name, driver.output[handle.id]) == ["ready", "tidied", "cleaned"]


def test_a_task_cancelled_before_its_start_never_starts(driver: Driver, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    task = task_of("- bash: touch /data/ran; sleep 60", tmp_path, arguments={"volume": {"./data": "/data"}})
    handle = driver.backend.submit(task)
    driver.backend.cancel(handle, "cancel", "enough")
    assert driver.result(handle).status == CANCEL
    assert not (tmp_path / "data" / "ran").exists()


def test_out_of_memory_is_said(driver: Driver, tmp_path: Path) -> None:
    task = task_of("- run: x = bytearray(300 * 2**20)", tmp_path, resources={"memory": "64M"})
    result, _ = driver.run(task)
    assert result.status == FAILED
    assert result.error is not None
    assert "ran out of memory, its limit of 64 MiB" in result.error.message
    assert "resources" in result.error.message


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"image": BARE}, '"sh": executable file not found in $PATH: unknown; use an image that has it'),
        ({"image": "nobody/nothing:1"}, "`pull: never` forbids fetching it"),
        ({"image": "registry.invalid/nothing:1", "pull": "missing"}, "check the registry's name"),
        ({"image": "Not Valid"}, "write the image as `registry/name:tag`"),
        ({"user": "nobody"}, "the image has no user `nobody`"),
        ({"user": "1:nogroup"}, "the image has no group `nogroup`"),
        ({"volume": {"/no/such/folder": "/x"}}, "make that folder on the daemon's machine"),
        ({"volume": {"/tmp": "/jobc"}}, "mount the volume on another path"),
        ({"network": "nowhere"}, "name a network that `docker network ls` shows"),
        ({"capabilities": ["FLYING"]}, "FLYING"),
        ({"resources": {"memory": 1000}}, "give the container more `memory`"),
        ({"resources": {"cpu": 10000}}, "ask for no more `cpu`"),
        ({"resources": {"gpu": 1}}, "NVIDIA container toolkit"),
        ({"docker_host": "unix:///no/such.sock"}, "no Docker daemon listens there"),
        ({"docker_host": "tcp://127.0.0.1:1"}, "does not answer"),
        ({"docker_host": "nonsense"}, "docker-host"),
    ],
)
def test_what_cannot_run_says_why_and_what_to_do(
    driver: Driver, tmp_path: Path, arguments: dict[str, Any], said: str
) -> None:
    handle = driver.backend.submit(task_of("- bash: echo", tmp_path, arguments=arguments))
    state = driver.until(handle, ENDED, LOST)
    if state == ENDED:
        with pytest.raises(BackendError) as caught:
            driver.backend.collect(handle)
        assert not caught.value.transient
        state = str(caught.value)
    assert said in state


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"image": ""}, "no image is named"),
        ({"image": "a:1", "tag": "2"}, "has a tag or digest already"),
        ({"pull": "often"}, "use always, missing, never"),
        ({"auth": "token"}, "`auth` is no `user:password`"),
        ({"workdir": "here"}, "write `/here`"),
        ({"volume": {"/a": "b"}}, "write `/a: /b`"),
        ({"volume": {"/a": "/b", "/c": "/b/"}}, "two volumes are mounted on `/b`"),
        ({"resources": {"memory": "much"}}, "write it as `512M`"),
        ({"resources": {"cpu": 0}}, "a number above 0"),
        ({"env": {"with.dot": "x"}}, "cannot set"),
        ({"read_only": "yes"}, "write true or false"),
    ],
)
def test_bad_arguments_are_refused_at_once(
    driver: Driver, tmp_path: Path, arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises(BackendError, match=said.replace("(", r"\(")):
        driver.backend.submit(task_of("- bash: echo", tmp_path, arguments=arguments))


def test_a_name_submitted_twice_runs_once(driver: Driver, daemon: Daemon, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    task = task_of(
        "- bash: echo x >> /data/count; sleep 1", tmp_path, arguments={"volume": {"./data": "/data"}}
    )
    first = driver.backend.submit(task)
    assert driver.backend.submit(task).id == first.id
    driver.until(first, RUNNING)
    other = Driver()
    assert other.backend.submit(task).id == first.id
    assert other.result(first).status == SUCCESS
    assert (tmp_path / "data" / "count").read_text() == "x\n"
    other.backend.close()


def test_another_process_takes_over_with_the_whole_log(driver: Driver, tmp_path: Path) -> None:
    task = task_of("- bash: for i in 1 2 3 4 5 6; do echo $i; sleep 0.4; done", tmp_path)
    handle = driver.backend.submit(task)
    driver.until(handle, text=b'"2"')
    other = Driver()
    other.backend.attach(handle, task)
    assert other.result(handle).status == SUCCESS
    assert lines(task.name, other.output[handle.id]) == list("123456")
    other.backend.close()


def test_a_container_that_was_made_but_not_started_is_started(
    driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jobc.backends.docker import container

    task = task_of("- bash: echo x=1 >> $JOBC_OUTPUT", tmp_path)
    dead = Driver()
    with monkeypatch.context() as patch:
        stopped = threading.Event()
        patch.setattr(container, "put", lambda *_: (stopped.set(), threading.Event().wait()))
        handle = dead.backend.submit(task)
        assert stopped.wait(30)
    driver.backend.attach(handle, task)
    assert driver.result(handle).outputs == {"x": "1"}


def test_who_takes_over_is_told_what_is_gone_from_what_is_away(
    driver: Driver, daemon: Daemon, tmp_path: Path
) -> None:
    task = task_of("- bash: echo", tmp_path)
    handle = JobHandle("docker", container_name("0123456789abcdef", task.name), {"host": daemon.host})
    with pytest.raises(TaskLost, match="is gone"):
        driver.backend.attach(handle, task)
    with pytest.raises(TaskLost, match="not known here"):
        driver.backend.collect(handle)
    away = JobHandle("docker", handle.id, {"host": f"unix://{tmp_path}/none.sock"})
    with pytest.raises(BackendError, match="no Docker daemon listens there") as problem:
        driver.backend.attach(away, task)
    assert problem.value.transient
    assert not isinstance(problem.value, TaskLost)


def test_a_container_that_is_gone_is_lost(driver: Driver, daemon: Daemon, tmp_path: Path) -> None:
    task = task_of("- bash: sleep 60", tmp_path)
    handle = driver.backend.submit(task)
    driver.until(handle, RUNNING)
    client = daemon.client()
    client.api.remove_container(handle.id, force=True)
    assert "removed from outside" in driver.until(handle, ENDED, LOST)


def test_what_is_stopped_from_outside_is_lost(driver: Driver, daemon: Daemon, tmp_path: Path) -> None:
    task = task_of("- bash: echo ready; sleep 60", tmp_path)
    handle = driver.backend.submit(task)
    driver.until(handle, text=b"ready")
    daemon.client().api.stop(handle.id)
    result = driver.result(handle)
    assert result.error is not None
    assert (result.status, result.error.type) == (FAILED, "lost")


def test_a_daemon_that_dies_takes_its_tasks_along(driver: Driver, daemon: Daemon, tmp_path: Path) -> None:
    task = task_of("- bash: echo ready; sleep 60", tmp_path)
    handle = driver.backend.submit(task)
    driver.until(handle, text=b"ready")
    daemon.kill()
    time.sleep(0.5)
    assert driver.backend.poll([handle])[0].state == RUNNING
    daemon.start()
    result = driver.result(handle)
    assert result.error is not None
    assert (result.status, result.error.type) == (FAILED, "lost")
    assert "the Docker daemon was stopped" in result.error.message


def test_a_daemon_that_stays_away_loses_its_tasks(
    driver: Driver, daemon: Daemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(life, "RECONNECT", 0.5)
    handle = driver.backend.submit(task_of("- bash: echo ready; sleep 60", tmp_path))
    driver.until(handle, text=b"ready")
    daemon.kill()
    said = driver.until(handle, ENDED, LOST)
    assert "no Docker daemon listens there" in said or "does not answer" in said
    daemon.start()


def test_a_registry_that_asks_who_one_is(driver: Driver, daemon: Daemon, tmp_path: Path) -> None:
    from docker_registry import Registry

    image = io.BytesIO()
    for line in daemon.client().images.get(BUSYBOX).save():
        image.write(line)
    with Registry(image.getvalue(), user="me", password="pa:ss") as registry:
        arguments = {"image": f"{registry.address}/private:1", "pull": "always"}
        said = refusal(driver, "- bash: echo", tmp_path, arguments=arguments)
        assert "set `auth` to the registry's `user:password`, from a secret" in said
        wrong = {**arguments, "auth": "me:wrong"}
        said = refusal(driver, "- bash: echo", tmp_path, name="r1/a/0/2", arguments=wrong)
        assert "set `auth`" in said
        assert "wrong" not in said
        right = {**arguments, "auth": "me:pa:ss"}
        result, log = driver.run(task_of("- bash: echo hello", tmp_path, name="r1/a/0/3", arguments=right))
        assert (result.status, log) == (SUCCESS, ["hello"])
        absent = {**right, "image": f"{registry.address}/private:2"}
        assert "check the image's tag" in refusal(
            driver, "- bash: echo", tmp_path, name="r1/a/0/4", arguments=absent
        )


def test_many_tasks_at_once(driver: Driver, tmp_path: Path) -> None:
    stages = "- bash: |\n    echo 'n=${{ params.n }}' >> $JOBC_OUTPUT"
    done = []
    for start in range(0, 40, 20):
        tasks = [
            task_of(
                stages,
                tmp_path,
                name=f"r1/a/{n}/1",
                head="params: {n: int}\n",
                arguments={"image": BUSYBOX},
                params={"n": n},
            )
            for n in range(start, start + 20)
        ]
        handles = [driver.backend.submit(task) for task in tasks]
        done += [driver.result(handle).outputs for handle in handles]
    assert done == [{"n": str(n)} for n in range(40)]
