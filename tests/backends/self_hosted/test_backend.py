"""The backend with a real runner and real bundles."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jobc.backends.api import ENDED, LOST, QUEUED, RUNNING, BackendError, JobHandle, TaskLost
from jobc.backends.self_hosted.protocol import key_of
from jobc.runner.tokens import new_token
from tests.backends.self_hosted.rig import Rig
from tests.runner.serving import Server, until


def test_a_job_runs_and_its_result_and_log_come_back(rig: Rig) -> None:
    result, log = rig.run("rig.job.0.1", 'echo "hello ⚙"; echo x=1 >> $JOBC_OUTPUT', "echo bye >&2; exit 4")
    assert result.status == "failed"
    assert [stage.status for stage in result.stages] == ["success", "failed"]
    assert result.stages[0].outputs == {"x": "1"}
    assert result.stages[1].error is not None
    assert result.stages[1].error.exit_code == 4
    assert log == ["hello ⚙", "bye"]


def test_a_name_is_submitted_once(rig: Rig, server: Server, connect: Callable[..., Rig]) -> None:
    task = rig.task("once", "sleep 0.3")
    first = rig.backend.submit(task)
    assert rig.backend.submit(task) is first
    other = connect(server)
    assert other.backend.submit(other.task("once", "sleep 0.3")).to_json() == first.to_json()
    rig.ended(first)
    with server.client() as client:
        assert "jobc_runner_tasks_submitted_total 1\n" in client.http.get("/metrics").text


def test_another_process_takes_over_and_reads_all_of_the_output(
    rig: Rig, server: Server, connect: Callable[..., Rig]
) -> None:
    script = "for i in $(seq 2000); do echo line $i; done; until [ -e go ]; do sleep 0.02; done; echo end"
    handle = rig.backend.submit(rig.task("taken", script))
    rig.until(lambda: rig.backend.logs(handle, 0))
    second = connect(server)
    second.backend.attach(handle, second.task("taken", script))
    (server.state / "tasks" / handle.id / "box" / "work" / "go").touch()
    rig.ended(handle)
    second.ended(handle)
    assert second.output(handle) == rig.output(handle)
    assert second.output(handle, 5000) == rig.output(handle)[5000:]
    assert second.backend.collect(handle).status == "success"


def test_a_large_output_is_read_whole_and_is_not_kept_in_memory(rig: Rig) -> None:
    handle = rig.backend.submit(rig.task("large", "head -c 8M /dev/zero | tr '\\0' 'x' | fold -w 1000"))
    rig.ended(handle)
    assert rig.output(handle).count(b"x") >= 8 * 1024 * 1024
    assert len(rig.backend._held[handle.id][1]._buffer) <= 1024 * 1024


def test_cancelling_gives_a_result_that_says_so(rig: Rig) -> None:
    handle = rig.backend.submit(rig.task("cancelled", "echo on; sleep 60"))
    rig.until(lambda: rig.backend.logs(handle, 0))
    rig.backend.cancel(handle, "cancel", "the user asked")
    rig.ended(handle)
    assert rig.backend.collect(handle).status == "cancel"


def test_killing_gives_a_result_that_says_so(rig: Rig) -> None:
    handle = rig.backend.submit(rig.task("killed", "echo on; trap '' TERM; sleep 60"))
    rig.until(lambda: rig.backend.logs(handle, 0))
    rig.backend.kill(handle)
    rig.ended(handle)
    result = rig.backend.collect(handle)
    assert result.status == "failed"
    assert result.error is not None
    assert result.error.message == "it was killed"


def test_a_full_runner_gets_its_tasks_when_it_has_room(
    serve: Callable[..., Server], connect: Callable[..., Rig]
) -> None:
    rig = connect(serve("--concurrency", "1", "--queue", "0"))
    handles = [rig.backend.submit(rig.task(f"full.{number}", "true")) for number in range(5)]
    for handle in handles:
        assert rig.ended(handle).state == ENDED
        assert rig.backend.collect(handle).status == "success"


def test_what_waits_for_a_full_runner_is_found_again_by_another_engine(
    serve: Callable[..., Server], connect: Callable[..., Rig]
) -> None:
    server = serve("--concurrency", "1", "--queue", "0")
    first = connect(server)
    long = first.backend.submit(first.task("long", "until [ -e go ]; do sleep 0.02; done"))
    held_back = first.task("waits")
    waiting = first.backend.submit(held_back)
    assert first.status(waiting).state == QUEUED
    first.backend.close()
    second = connect(server)
    second.backend.attach(waiting, held_back)
    (server.state / "tasks" / long.id / "box" / "work" / "go").touch()
    assert second.ended(waiting).state == ENDED
    assert second.backend.collect(waiting).status == "success"


def test_what_waits_for_a_full_runner_can_be_cancelled(
    serve: Callable[..., Server], connect: Callable[..., Rig]
) -> None:
    rig = connect(serve("--concurrency", "1", "--queue", "0"))
    rig.backend.submit(rig.task("long", "sleep 60"))
    waiting = rig.backend.submit(rig.task("waits"))
    rig.backend.cancel(waiting, "cancel", "the user asked")
    rig.ended(waiting)
    result = rig.backend.collect(waiting)
    assert (result.status, result.error and result.error.message) == ("cancel", "the user asked")


def test_a_runner_that_is_killed_and_comes_back_changes_nothing(rig: Rig, server: Server) -> None:
    script = "for i in 1 2 3; do echo $i; done; until [ -e go ]; do sleep 0.02; done; echo end"
    handle = rig.backend.submit(rig.task("survives", script))
    rig.until(lambda: rig.backend.logs(handle, 0))
    server.kill()
    (server.state / "tasks" / handle.id / "box" / "work" / "go").touch()
    assert rig.status(handle).state == RUNNING
    server.start()
    assert rig.ended(handle).state == ENDED
    assert rig.backend.collect(handle).status == "success"


def test_a_cancellation_reaches_a_runner_that_was_away(rig: Rig, server: Server) -> None:
    handle = rig.backend.submit(rig.task("late", "echo on; sleep 600"))
    rig.until(lambda: rig.backend.logs(handle, 0))
    server.kill()
    rig.backend.cancel(handle, "cancel", "the user asked")
    server.start()
    rig.ended(handle)
    assert rig.backend.collect(handle).status == "cancel"


def test_a_runner_that_stays_away_has_lost_its_tasks(
    server: Server, connect: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOBC_RUNNER_PATIENCE", "1")
    rig = connect(server)
    handle = rig.backend.submit(rig.task("away", "sleep 600"))
    server.kill()
    status = rig.ended(handle)
    assert status.state == LOST
    assert "nothing listens there" in status.message
    assert "JOBC_RUNNER_PATIENCE" in status.message


def test_a_runner_that_was_set_up_anew_has_lost_its_tasks(rig: Rig, server: Server) -> None:
    handle = rig.backend.submit(rig.task("wiped", "sleep 600"))
    server.close()
    for name in ("journal.db", "journal.db-wal", "journal.db-shm"):
        (server.state / name).unlink(missing_ok=True)
    shutil.rmtree(server.state / "tasks")
    server.start()
    status = rig.ended(handle)
    assert (status.state, "knows nothing of it" in status.message) == (LOST, True)


def test_another_process_is_told_that_a_task_was_lost_and_does_not_begin_it_anew(
    rig: Rig, server: Server, connect: Callable[..., Rig]
) -> None:
    task = rig.task("wiped", "sleep 600")
    handle = rig.backend.submit(task)
    rig.backend.close()
    server.close()
    for name in ("journal.db", "journal.db-wal", "journal.db-shm"):
        (server.state / name).unlink(missing_ok=True)
    shutil.rmtree(server.state / "tasks")
    server.start()
    kept = JobHandle.of_json(json.loads(json.dumps(handle.to_json())))
    second = connect(server)
    with pytest.raises(TaskLost, match="knows nothing of it"):
        second.backend.attach(kept, task)
    assert list((server.state / "tasks").iterdir()) == []


def test_a_runner_that_is_away_is_asked_again_and_has_lost_nothing(
    rig: Rig, server: Server, connect: Callable[..., Rig]
) -> None:
    task = rig.task("stays", "echo said; until [ -e go ]; do sleep 0.02; done")
    handle = rig.backend.submit(task)
    rig.until(lambda: rig.output(handle))
    rig.backend.close()
    server.kill()
    second = connect(server)
    with pytest.raises(BackendError) as away:
        second.backend.attach(handle, task)
    assert (away.value.transient, isinstance(away.value, TaskLost)) == (True, False)
    server.start()
    second.backend.attach(handle, task)
    (server.state / "tasks" / handle.id / "box" / "work" / "go").touch()
    second.ended(handle)
    assert second.log(handle) == ["said"]
    assert second.backend.collect(handle).status == "success"


def test_the_begin_of_a_task_is_told_though_it_says_nothing(
    serve: Callable[..., Server], connect: Callable[..., Rig]
) -> None:
    """A job's time counts from then; while it waits for the runner it does not."""
    server = serve("--concurrency", "1")
    rig = connect(server)
    first = rig.backend.submit(rig.task("first", "until [ -e go ]; do sleep 0.02; done"))
    rig.until(lambda: rig.status(first).state == RUNNING)
    second = rig.backend.submit(rig.task("second", "sleep 600"))
    assert rig.status(second).state == QUEUED
    rig.told.clear()
    (server.state / "tasks" / first.id / "box" / "work" / "go").touch()
    rig.until(lambda: second.id in rig.told and rig.status(second).state == RUNNING)


def output_of(size: int) -> str:
    """A script with an output of that many bytes."""
    return f"""
        echo 'big<<END' >> "$JOBC_OUTPUT"
        head -c {size} /dev/zero | tr '\\0' x >> "$JOBC_OUTPUT"
        printf '\\nEND\\n' >> "$JOBC_OUTPUT"
    """


def test_a_large_file_comes_in_pieces_and_whole(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobc.backends.self_hosted.link.PIECE", 100_000)
    result, _ = rig.run("big", output_of(1_234_560))
    assert result.stages[0].outputs == {"big": "x" * 1_234_560}


def test_a_result_that_the_runner_does_not_give_out_fails_the_job_and_is_forgotten(
    serve: Callable[..., Server], connect: Callable[..., Rig]
) -> None:
    server = serve("--max-download", "64K")
    rig = connect(server)
    handle = rig.backend.submit(rig.task("big", output_of(100_000)))
    rig.ended(handle)
    with pytest.raises(BackendError, match="--max-download") as refused:
        rig.backend.collect(handle)
    assert not refused.value.transient
    rig.backend.close()
    until(lambda: not list((server.state / "tasks").iterdir()))


def test_the_runner_forgets_what_was_collected(rig: Rig, server: Server, connect: Callable[..., Rig]) -> None:
    rig.run("done")
    rig.backend.close()
    until(lambda: not list((server.state / "tasks").iterdir()))
    with server.client() as client:
        assert client.get("done").status_code == 410
    again = connect(server)
    with pytest.raises(TaskLost, match="forgotten"):
        again.backend.attach(JobHandle("self-hosted", key_of("done"), {"name": "done"}), again.task("done"))


def test_what_a_dead_engine_had_collected_is_forgotten_by_the_next_of_its_run(
    server: Server, connect: Callable[..., Rig]
) -> None:
    first, second = connect(server), connect(server)
    first.run("collected.by.the.first")
    second.run("collected.by.the.second")
    second.backend.close()  # the first has not closed: it is dead
    until(lambda: not list((server.state / "tasks").iterdir()))


def test_a_bundle_goes_to_a_runner_once(rig: Rig, server: Server) -> None:
    program = rig.task("a").program
    for name in ("a", "b", "c"):
        task = rig.task(name)
        task.program = program
        handle = rig.backend.submit(task)
        rig.ended(handle)
    with server.client() as client:
        text = client.http.get("/metrics").text
    assert 'method="PUT",route="/v1/bundles/{hash}",status="201"} 1\n' in text


def test_limits_that_end_a_task_are_told_by_their_names(
    serve: Callable[..., Server], connect: Callable[..., Rig]
) -> None:
    rig = connect(serve("--memory", "300M"))
    hog = "python3 -c 'import time; x = b\"1\" * 140000000; time.sleep(60)'"
    result, _ = rig.run("hog", " &\n".join([hog] * 4) + " &\nwait")
    assert result.error is not None
    assert (result.status, result.error.type) == ("failed", "memory")
    assert "300 MiB" in result.error.message


def test_one_thread_follows_all_tasks(rig: Rig) -> None:
    handles = [rig.backend.submit(rig.task(f"many.{number}", "true")) for number in range(20)]
    names = [thread.name for thread in threading.enumerate() if thread.name.startswith("jobc-runner")]
    assert names.count("jobc-runner-events") == 1
    for handle in handles:
        rig.ended(handle)


def test_a_wrong_token_is_told_with_its_remedy(rig: Rig, server: Server) -> None:
    rig.arguments["token"] = new_token()
    with pytest.raises(BackendError, match="does not know this token") as caught:
        rig.backend.submit(rig.task("wrong"))
    assert not caught.value.transient
    assert "Authorization" not in str(caught.value)
    assert rig.arguments["token"] not in str(caught.value)


def test_refusals_of_the_runner_come_in_its_words(
    serve: Callable[..., Server], connect: Callable[..., Rig]
) -> None:
    rig = connect(serve("--memory", "200M"), labels=["gpu"])
    with pytest.raises(BackendError, match="the runner has no label `gpu`"):
        rig.backend.submit(rig.task("label"))
    rig.arguments["labels"] = []
    with pytest.raises(BackendError, match="asks for 4 GiB of memory, this runner gives a task 200 MiB"):
        rig.backend.submit(rig.task("memory", resources={"memory": "4G"}))


def test_secrets_are_nowhere_but_in_the_task(rig: Rig, server: Server) -> None:
    handle = rig.backend.submit(
        rig.task("secret", "until [ -e go ]; do sleep 0.02; done", secrets={"KEY": "hush-hush-hush"})
    )
    box = server.state / "tasks" / handle.id / "box"
    until(lambda: (box / "work").is_dir() and not (box / "secrets.json").exists())
    for path in server.state.rglob("*"):
        if path.is_file():
            assert b"hush-hush-hush" not in path.read_bytes(), path
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert b"hush-hush-hush" not in path.read_bytes()
        except OSError:
            continue
    (box / "work" / "go").touch()
    rig.ended(handle)


def test_closing_takes_no_time_and_leaves_the_tasks(rig: Rig, server: Server) -> None:
    rig.backend.submit(rig.task("stays", "sleep 600"))
    time.sleep(0.2)
    rig.backend.close()
    with server.client() as client:
        assert client.get("stays").json()["state"] == "running"


def test_a_task_that_the_runner_forgot_before_its_result_was_had_is_lost(rig: Rig, server: Server) -> None:
    handle = rig.backend.submit(rig.task("forgotten"))
    rig.ended(handle)
    with server.client() as client:
        assert client.http.delete(f"/v1/tasks/{handle.id}").status_code == 204
    with pytest.raises(TaskLost, match="forgotten"):
        rig.backend.collect(handle)
