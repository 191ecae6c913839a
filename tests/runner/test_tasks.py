"""What a runner does with tasks: a real server, real processes, a script in place of a bundle."""

from __future__ import annotations

import base64
import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from jobc.backends.self_hosted.protocol import key_of
from tests.runner.serving import HASH, Client, Server, until


def test_a_task_runs_in_a_private_folder_and_leaves_its_result_and_output(
    client: Client, server: Server
) -> None:
    record = client.run("run.job.0.1", "pwd; stat -c %a ..; echo err >&2; echo '{}' > $RESULT; exit 3")
    assert record["state"] == "ended"
    assert record["exit_code"] == 3
    assert record["signal"] is None
    box = server.state / "tasks" / key_of("run.job.0.1") / "box"
    assert client.output("run.job.0.1") == f"{box}/work\n700\nerr\n"
    assert record["size"] == len(client.output("run.job.0.1"))
    assert client.get("run.job.0.1", "/files/result.json").text == "{}\n"
    assert stat.S_IMODE(os.stat(server.state).st_mode) == 0o700


def test_the_same_key_again_gives_the_first_task(client: Client) -> None:
    script = "echo once; sleep 0.3"
    first = client.submit("again", script)
    second = client.submit("again", script)
    assert (first.status_code, second.status_code) == (201, 200)
    client.wait("again")
    assert client.submit("again", script).json()["state"] == "ended"
    assert client.output("again") == "once\n"


def test_a_name_of_another_program_is_not_taken_for_the_first(client: Client) -> None:
    client.run("name", "echo first")
    answer = client.submit("name", bundle="0" * 64)
    assert (answer.status_code, answer.json()["code"]) == (409, "other-task")
    assert "--run-id" in answer.json()["help"]


def test_a_bundle_is_sent_once_and_must_be_what_its_name_says(server: Server) -> None:
    with server.client() as client:
        answer = client.submit("early")
        assert (answer.status_code, answer.json()["code"]) == (409, "needs-bundle")
        assert client.http.get(f"/v1/bundles/{HASH}").status_code == 404
        answer = client.http.put(f"/v1/bundles/{HASH}", content=b"something else")
        assert (answer.status_code, answer.json()["code"]) == (422, "bad-hash")
        assert client.http.get(f"/v1/bundles/{HASH}").status_code == 404
        assert client.send_bundle().status_code == 201
        assert client.send_bundle().status_code == 200
        assert client.submit("early").status_code == 201


def test_a_bundle_that_was_damaged_on_the_disk_is_not_run(client: Client, server: Server) -> None:
    (server.state / "bundles" / HASH).write_bytes(b"import os; os.system('echo evil')")
    client.submit("damaged")
    record = client.wait("damaged")
    assert record["state"] == "lost"
    assert "damaged" in record["message"]
    assert client.http.get(f"/v1/bundles/{HASH}").status_code == 404


def test_output_is_read_by_ranges_while_the_task_runs(client: Client) -> None:
    client.submit("range", "printf 0123456789; until [ -e go ]; do sleep 0.05; done; printf abc")
    until(lambda: client.output("range") == "0123456789")
    part = client.get("range", "/output", headers={"Range": "bytes=4-"})
    assert (part.status_code, part.text) == (206, "456789")
    assert part.headers["content-range"] == "bytes 4-9/10"
    assert client.get("range", "/output", headers={"Range": "bytes=2-3"}).text == "23"
    assert client.get("range", "/output", headers={"Range": "bytes=-3"}).text == "789"
    assert client.get("range", "/output", headers={"Range": "bytes=10-"}).status_code == 416
    assert client.get("range", "/output", headers={"Range": "bytes=0-1,4-5"}).text == "0123456789"
    client.post("range", "kill")


def test_an_event_stream_goes_on_from_any_offset(client: Client) -> None:
    client.run("stream", "for i in 1 2 3 4 5; do echo line $i; sleep 0.02; done; printf '\\377end'")
    path = f"/v1/tasks/{key_of('stream')}/events"
    whole = b""
    for event, id, data in client.events(path):
        if event == "output":
            whole += data["text"].encode() if "text" in data else base64.b64decode(data["base64"])
            assert int(id) == len(whole)
        else:
            assert (event, data["state"], data["exit_code"]) == ("end", "ended", 0)
    assert whole == b"".join(b"line %d\n" % number for number in range(1, 6)) + b"\xffend"
    events = list(client.events(path, headers={"Last-Event-ID": "28"}))
    assert [event for event, _, _ in events] == ["output", "end"]
    assert events[0][2]["from"] == 28
    events = list(client.events(path, params={"offset": str(len(whole))}))
    assert [event for event, _, _ in events] == ["end"]


def test_one_stream_tells_of_all_tasks_that_it_follows(client: Client, server: Server) -> None:
    names = [f"many.{number}" for number in range(6)]
    texts = dict.fromkeys(map(key_of, names), "")
    ended = set()
    with server.client() as other:
        for event, _, data in client.events("/v1/events", params={"stream": "abcdefgh"}):
            if event == "hello":
                for name in names:
                    other.submit(name, f"echo {name}; sleep 0.1; echo bye")
                answer = other.http.post("/v1/streams/abcdefgh", json={"tasks": dict.fromkeys(texts, 0)})
                assert answer.json() == {"tasks": 6}
                continue
            if data.get("from") == len(texts[data["task"]]):
                texts[data["task"]] += data["text"]
            if data["state"] == "ended":
                assert data["size"] == len(f"{names[0]}\nbye\n")
                ended.add(data["task"])
            if ended == set(texts):
                break
    assert sorted(texts.values()) == sorted(f"{name}\nbye\n" for name in names)


def test_cancel_asks_and_kill_ends_and_nothing_stays(client: Client, server: Server) -> None:
    client.submit("polite", "trap 'echo asked; exit 7' TERM; echo on; while :; do sleep 0.05; done")
    until(lambda: client.output("polite") == "on\n")
    assert client.post("polite", "cancel").status_code == 200
    record = client.wait("polite")
    assert (record["exit_code"], record["reason"]) == (7, "cancel")
    assert client.output("polite") == "on\nasked\n"
    client.submit("stubborn", "trap '' TERM; setsid sleep 977 & echo on; while :; do sleep 0.05; done")
    until(lambda: client.output("stubborn") == "on\n")
    client.post("stubborn", "kill")
    record = client.wait("stubborn")
    assert (record["signal"], record["reason"], record["message"]) == (9, "kill", "it was killed")
    assert not _running("sleep\0977")
    assert client.post("stubborn", "cancel").json()["state"] == "ended"


def test_a_task_that_ignores_its_cancellation_is_ended_when_its_grace_is_over(client: Client) -> None:
    client.submit("deaf", "trap '' TERM; echo on; while :; do sleep 0.05; done", grace=0.0)
    until(lambda: client.output("deaf") == "on\n")
    client.post("deaf", "cancel")
    assert client.wait("deaf")["signal"] == 9


def test_what_a_task_leaves_running_ends_with_it(client: Client) -> None:
    client.run("orphans", "(setsid sleep 978 &) ; (setsid bash -c 'sleep 979 & exec sleep 980' &); sleep 0.2")
    assert not _running("sleep\0978")
    assert not _running("sleep\0979")
    assert not _running("sleep\0980")


def test_a_queued_task_that_is_cancelled_never_begins(serve: Callable[..., Server]) -> None:
    server = serve("--concurrency", "1")
    with server.client() as client:
        client.send_bundle()
        client.submit("first", "until [ -e go ]; do sleep 0.05; done")
        answer = client.submit("second", "echo ran")
        assert (answer.json()["state"], answer.json()["position"]) == ("queued", 1)
        client.post("second", "cancel")
        record = client.wait("second")
        assert (record["state"], record["started"], record["reason"]) == ("ended", None, "cancel")
        box = server.state / "tasks" / key_of("second") / "box"
        assert not (box / "secrets.json").exists()
        client.post("first", "kill")


def test_a_full_runner_says_when_to_come_again(serve: Callable[..., Server]) -> None:
    with serve("--concurrency", "1", "--queue", "1").client() as client:
        client.send_bundle()
        for number in range(2):
            assert client.submit(f"wait.{number}", "sleep 60").status_code == 201
        answer = client.submit("wait.2")
        assert (answer.status_code, answer.json()["code"]) == (429, "full")
        assert int(answer.headers["retry-after"]) >= 1
        assert client.submit("wait.1", "sleep 60").status_code == 200, "what is there already needs no room"
        capacity = client.http.get("/v1/runner").json()["capacity"]
        assert capacity == {"concurrency": 1, "running": 1, "queue": 1, "queued": 1, "room": 0}
        client.post("wait.1", "kill")
        client.post("wait.0", "kill")


def test_tasks_are_held_to_memory_disk_and_time(serve: Callable[..., Server]) -> None:
    with serve("--memory", "200M", "--disk", "20M", "--time", "1s", "--concurrency", "1").client() as client:
        one = "python3 -c 'x = b\"1\" * 400000000'"
        record = client.run("alone", one)
        assert "MemoryError" in client.output("alone")
        record = client.run("file", "exec head -c 30M /dev/zero > big")
        assert (record["reason"], record["message"]) == (
            "disk",
            "it wrote more than the 20 MiB of disk that it may have on this runner",
        )
        record = client.run("time", "sleep 60", grace=0.0)
        assert (record["reason"], record["message"]) == ("time", "it took longer than it may on this runner")


def test_memory_of_many_processes_counts_together(serve: Callable[..., Server]) -> None:
    """Each of them stays below what one may have."""
    with serve("--memory", "200M").client() as client:
        hog = "python3 -c 'import time; x = b\"1\" * 90000000; time.sleep(60)'"
        record = client.run("memory", " & ".join([hog] * 4) + " & wait")
        assert (record["reason"], record["signal"]) == ("memory", 9)
        assert "200 MiB" in record["message"]


def test_more_than_the_runner_gives_is_refused_at_once(serve: Callable[..., Server]) -> None:
    with serve("--memory", "200M", "--label", "gpu").client() as client:
        client.send_bundle()
        answer = client.submit("much", memory=2**30)
        assert (answer.status_code, answer.json()["code"]) == (422, "too-much")
        assert (
            answer.json()["message"] == "the job asks for 1 GiB of memory, this runner gives a task 200 MiB"
        )
        assert client.submit("cpus", cpu=4096.0).json()["code"] == "too-much"
        answer = client.submit("label", labels=["arm"])
        assert answer.json()["message"] == "the runner has no label `arm`; it has: gpu"
        assert client.submit("fits", labels=["gpu"]).status_code == 201


def test_secrets_are_in_a_file_of_the_task_alone(client: Client, server: Server) -> None:
    script = 'stat -c %a ../task.json; ls ..; printf %s "$SECRETS" | wc -c'
    client.run("secret", script, secrets={"KEY": "hush-hush"})
    assert client.output("secret") == "600\nbundle.pyz\ntask.json\ntmp\nwork\n20\n"
    for path in server.state.rglob("*"):
        if path.is_file():
            assert b"hush-hush" not in path.read_bytes(), path


def test_a_task_sees_no_environment_but_its_own(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOBC_TEST_SHOWN", "seen")
    monkeypatch.setenv("JOBC_TEST_HIDDEN", "unseen")
    server = serve("--env", "JOBC_TEST_SHOWN")
    with server.client() as client:
        client.run("env", "env", environ={"JOBC_MARK": "m"})
        names = {line.partition("=")[0] for line in client.output("env").splitlines()}
        assert {"JOBC_MARK", "JOBC_TEST_SHOWN", "PATH", "TMPDIR"} <= names
        assert "JOBC_TEST_HIDDEN" not in names
        answer = client.submit("preload", environ={"LD_PRELOAD": "/tmp/evil.so"})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_what_is_forgotten_is_gone_and_may_come_again(client: Client, server: Server) -> None:
    client.submit("old", "until [ -e go ]; do sleep 0.05; done")
    key = key_of("old")
    assert client.http.delete(f"/v1/tasks/{key}").status_code == 409
    client.post("old", "kill")
    client.wait("old")
    assert client.http.delete(f"/v1/tasks/{key}").status_code == 204
    assert (client.get("old").status_code, client.get("old").json()["code"]) == (410, "gone")
    until(lambda: not (server.state / "tasks" / key).exists())
    assert client.get("never").status_code == 404
    assert client.submit("old", "echo anew").status_code == 201
    client.wait("old")
    assert client.output("old") == "anew\n"


def test_the_tasks_of_a_run_are_forgotten_together(client: Client) -> None:
    for name in ("a", "b", "c"):
        client.run(name, run="r1")
    client.run("other", run="r2")
    answer = client.http.post("/v1/forget", json={"run": "r1", "keep": [key_of("b")]})
    assert answer.json() == {"forgotten": 2}
    assert [client.get(name).status_code for name in ("a", "b", "c", "other")] == [410, 200, 410, 200]


def test_what_nobody_fetches_is_pruned(serve: Callable[..., Server]) -> None:
    server = serve("--keep", "1ms")
    with server.client() as client:
        client.run("stale", "echo old")
    server.stop()
    server.start()
    with server.client() as client:
        assert client.get("stale").status_code == 410
        until(lambda: not list((server.state / "tasks").iterdir()))
        assert not list((server.state / "bundles").iterdir())


def test_a_program_that_cannot_be_started_says_so(serve: Callable[..., Server], tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/no/such/interpreter\n")
    python.chmod(0o755)
    with serve("--python", str(python)).client() as client:
        record = client.run("none")
        assert record["state"] == "ended"
        assert record["message"].startswith(f"the runner could not start it: {python}: ")


def test_metrics_count_what_happened(client: Client) -> None:
    client.run("counted", "exit 1")
    text = client.http.get("/metrics").text
    assert "jobc_runner_tasks_submitted_total 1\n" in text
    assert 'jobc_runner_tasks_ended_total{state="ended",reason=""} 1\n' in text
    assert "jobc_runner_concurrency 2\n" in text
    assert 'route="/v1/tasks/{key}",status="201"' in text
    for line in text.splitlines():
        assert line.startswith("# ") or len(line.rsplit(" ", 1)) == 2


def test_bundles_with_the_same_content_are_one(client: Client, server: Server) -> None:
    other = b"print('other')"
    client.send_bundle(other)
    names = {path.name for path in (server.state / "bundles").iterdir()}
    assert names == {HASH, hashlib.sha256(other).hexdigest()}


def _running(command: str) -> list[str]:
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                if command.encode() in (path / "cmdline").read_bytes():
                    found.append(path.name)
            except OSError:
                continue
    return found
