"""Hooks of a run: what they are told, by real commands and real HTTP servers, also slow, failing and absent ones."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

FLOW = """
name: flow
secrets: [token]
jobs:
  good: {stages: [{echo: fine}]}
  bad:
    stages:
      - bash: 'echo the token is "$T"; echo "<oh>" >&2; exit 3'
        env: {T: "${{ secrets.token }}"}
"""
SECRET = "s3cr3t-t0k3n"


class Receiver:
    """An HTTP server that answers as `answers` say, one after the other, the last for ever."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str]]] = [(200, {})]
        self.delay = 0.0
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                status, headers = (
                    receiver.answers.pop(0) if len(receiver.answers) > 1 else receiver.answers[0]
                )
                receiver.released.wait(receiver.delay)
                try:
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(b"what came of it")
                except OSError:
                    pass

            def log_message(self, *args: Any) -> None:
                pass

        self.released = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


class Folder:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.started: list[subprocess.Popen[str]] = []
        (path / "flow.job.yml").write_text(FLOW)

    def hooks(self, text: str) -> None:
        (self.path / "jobc.toml").write_text(text)

    def start(self, *words: str, **environ: str) -> subprocess.Popen[str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("JOBC_", "OTEL_"))}
        process = subprocess.Popen(
            [sys.executable, "-m", "jobc", *words],
            cwd=self.path,
            env={**kept, "JOBC_SECRET_token": SECRET, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def run(self, *words: str, **environ: str) -> tuple[int, str, str]:
        process = self.start("run", "flow.job.yml", "--run-id", "one", *words, **environ)
        out, error = process.communicate(timeout=60)
        return process.returncode, out, error

    def journalled(self) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.path / ".jobc/state/journal.db") as journal:
            return journal.execute(
                "SELECT hook, event, job, attempts, problem FROM hooks ORDER BY seq"
            ).fetchall()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    made = Folder(tmp_path)
    yield made
    for process in made.started:
        if process.poll() is None:
            process.kill()
            process.communicate()


def test_a_webhook_is_told_how_the_run_ended_and_what_failed(folder: Folder, receiver: Receiver) -> None:
    folder.hooks(
        f'[[hooks]]\nwebhook = "{receiver.url}"\nname = "ops"\n'
        'headers = {Authorization = "Bearer ${{ secrets.token }}", X-Team = "${{ env.TEAM }}"}\n'
    )
    code, _, error = folder.run("-q", TEAM="data")
    assert (code, error) == (1, "")
    ((path, headers, body),) = receiver.requests
    assert path == "/hook"
    assert headers["authorization"] == f"Bearer {SECRET}"
    assert headers["x-team"] == "data"
    assert headers["content-type"] == "application/json"
    assert headers["x-jobc-event"] == "run-ended"
    assert headers["idempotency-key"] == body["key"]
    assert body["version"] == 1
    assert body["event"]["status"] == body["run"]["status"] == "failed"
    assert body["run"]["workflow"] == "flow"
    (failure,) = body["failures"]
    assert failure["job"] == "bad"
    assert failure["log"] == ["the token is ***", "<oh>"]
    assert SECRET not in json.dumps(body)
    assert folder.journalled() == [("ops", "run-ended", None, 1, None)]


def test_conditions_and_events_choose(folder: Folder, receiver: Receiver) -> None:
    folder.hooks(
        f'[[hooks]]\non = ["job-ended"]\nwhen = "status == \'failed\'"\nwebhook = "{receiver.url}"\n'
        f'[[hooks]]\non = "run-ended"\nwhen = "${{{{ status == \'success\' }}}}"\nwebhook = "{receiver.url}"\n'
        f'[[hooks]]\non = "run-ended"\nwhen = "failures > 0 and workflow == \'flow\'"\nwebhook = "{receiver.url}"\n'
    )
    folder.run("-q")
    # Each hook delivers on its own, so one does not wait for another.
    told = {(body["event"]["event"], body["event"]["job"]) for _, _, body in receiver.requests}
    assert told == {("job-ended", "bad"), ("run-ended", None)}
    assert len(receiver.requests) == 2


def test_a_condition_that_cannot_be_judged_is_said_and_nothing_is_sent(
    folder: Folder, receiver: Receiver
) -> None:
    folder.hooks(f'[[hooks]]\nwhen = "reason + 1 > 0"\nwebhook = "{receiver.url}"\n')
    code, _, error = folder.run("-q")
    assert code == 1
    assert "failed on run-ended: its condition cannot be judged" in error
    assert receiver.requests == []


def test_slack_gets_a_message_that_names_the_failure(folder: Folder, receiver: Receiver) -> None:
    folder.hooks(f'[[hooks]]\nwebhook = "{receiver.url}"\nbody = "slack"\n')
    folder.run("-q")
    ((_, _, body),) = receiver.requests
    assert set(body) == {"text"}
    lines = body["text"].split("\n")
    assert lines[0].startswith("❌ *flow* failed after ")
    assert lines[0].endswith("(run `one`)")
    assert lines[1].startswith("• `bad`: stage `0`: the script ended with exit code 3: &lt;oh&gt;")
    assert body["text"].endswith("```the token is ***\n&lt;oh&gt;```")


def test_trouble_is_tried_again_with_the_same_key(folder: Folder, receiver: Receiver) -> None:
    receiver.answers = [(503, {}), (429, {"Retry-After": "0"}), (204, {})]
    folder.hooks(f'[[hooks]]\nwebhook = "{receiver.url}"\nbackoff = "10ms"\n')
    code, _, error = folder.run("-q")
    assert (code, error) == (1, "")
    assert len(receiver.requests) == 3
    assert len({headers["idempotency-key"] for _, headers, _ in receiver.requests}) == 1
    assert folder.journalled() == [("127.0.0.1", "run-ended", None, 3, None)]


@pytest.mark.parametrize(
    ("answers", "attempts", "said"),
    [
        ([(500, {})], 3, "failed on run-ended after 3 attempts: HTTP 500: what came of it"),
        ([(404, {})], 1, "failed on run-ended: HTTP 404: what came of it"),
        ([(302, {"Location": "http://127.0.0.1:1/"})], 1, "failed on run-ended: HTTP 302"),
    ],
)
def test_a_refusal_is_said_and_journalled_and_changes_no_result(
    folder: Folder, receiver: Receiver, answers: list[Any], attempts: int, said: str
) -> None:
    (folder.path / "flow.job.yml").write_text("jobs: {a: {stages: [{echo: fine}]}}")
    receiver.answers = answers
    folder.hooks(f'[[hooks]]\nwebhook = "{receiver.url}"\nretries = 2\nbackoff = 0\n')
    code, out, error = folder.run("--format", "json")
    assert code == 0
    assert json.loads(out)["status"] == "success"
    assert said in error
    assert len(receiver.requests) == attempts
    assert folder.journalled()[0][3] == attempts
    shown = folder.start("runs", "show", "one").communicate(timeout=30)[0]
    assert "hook `127.0.0.1` on run-ended failed" in shown


def test_a_receiver_that_is_not_there_or_too_slow(folder: Folder, receiver: Receiver) -> None:
    receiver.delay = 60.0
    folder.hooks(
        f'[[hooks]]\nname = "slow"\nwebhook = "{receiver.url}"\ntimeout = "200ms"\nretries = 0\n'
        '[[hooks]]\nname = "absent"\nwebhook = "http://127.0.0.1:9/x"\nretries = 0\n'
    )
    code, _, error = folder.run("-q")
    assert code == 1
    assert "hook `slow` failed on run-ended: no answer after 0.2 s" in error
    assert "hook `absent` failed on run-ended: Connection refused" in error


def test_a_slow_receiver_holds_up_neither_the_run_nor_other_hooks(folder: Folder, receiver: Receiver) -> None:
    receiver.delay = 60.0
    folder.hooks(
        f'[[hooks]]\non = "run-started"\nwebhook = "{receiver.url}"\ntimeout = 50\n'
        '[[hooks]]\non = "job-ended"\ncommand = ["sh", "-c", "touch told-$JOBC_JOB"]\n'
    )
    process = folder.start("run", "flow.job.yml", "--run-id", "one", "--format", "jsonl")
    events = [json.loads(process.stdout.readline())["event"]]
    while events[-1] != "run-ended":
        events.append(json.loads(process.stdout.readline())["event"])
    end = time.monotonic() + 30
    while not {"told-good", "told-bad"} <= {each.name for each in folder.path.iterdir()}:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert process.poll() is None, "it waits for the hook that is under way"
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted: the run has ended; waiting for hook `127.0.0.1` (1 to deliver), 3 s at most" in error
    assert "it was given up, as the run had ended" in error


def test_an_interrupt_that_comes_as_the_run_ends_is_heard(folder: Folder) -> None:
    """A hook of the last event sends it: whether the run's end or the wait comes first, is chance."""
    folder.hooks('[[hooks]]\nname = "ops"\ncommand = ["sh", "-c", "kill -INT $PPID; touch sent; sleep 60"]\n')
    code, _, error = folder.run("-q")
    assert (folder.path / "sent").exists()
    assert code == 130
    assert "waiting for hook `ops` (1 to deliver)" in error
    assert "help: interrupt again to end at once" in error


def test_what_is_delivered_after_an_interrupt_changes_no_exit_code(folder: Folder) -> None:
    (folder.path / "flow.job.yml").write_text("jobs: {a: {stages: [{echo: fine}]}}")
    folder.hooks('[[hooks]]\ncommand = ["sh", "-c", "touch begun; until test -e go; do sleep 0.02; done"]\n')
    process = folder.start("run", "-q", "flow.job.yml", "--run-id", "one")
    end = time.monotonic() + 30
    while not (folder.path / "begun").exists():
        assert time.monotonic() < end
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    assert "interrupted: the run has ended" in process.stderr.readline()
    (folder.path / "go").touch()
    _, error = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "failed" not in error
    assert folder.journalled()[0][4] is None


def test_a_second_interrupt_ends_a_result_that_nobody_reads(folder: Folder) -> None:
    (folder.path / "flow.job.yml").write_text(
        'jobs: {a: {strategy: {matrix: {n: "${{ range(500) }}"}}, stages: [{echo: fine}]}}'
    )
    process = folder.start("run", "flow.job.yml", "--run-id", "one", "--format", "json")
    journal = folder.path / ".jobc/state/journal.db"
    end = time.monotonic() + 60
    while True:
        assert time.monotonic() < end
        time.sleep(0.05)
        if journal.exists():
            with contextlib.suppress(sqlite3.OperationalError), sqlite3.connect(journal) as reading:
                if reading.execute("SELECT 1 FROM runs WHERE status IS NOT NULL").fetchone():
                    break
    time.sleep(0.5)
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
    assert process.wait(timeout=30) == 130
    process.communicate()


def test_a_command_gets_the_payload_and_no_secret_of_the_environment(folder: Folder) -> None:
    folder.hooks(
        '[[hooks]]\non = ["run-ended"]\n'
        'command = ["sh", "-c", "cat > payload.json; env > environ; echo $1 > word", "sh", "a b"]\n'
    )
    folder.run("-q")
    payload = json.loads((folder.path / "payload.json").read_text())
    environ = (folder.path / "environ").read_text()
    assert payload["event"]["event"] == "run-ended"
    assert (folder.path / "word").read_text() == "a b\n"
    assert f"JOBC_HOOK_KEY={payload['key']}" in environ
    assert "JOBC_EVENT=run-ended" in environ
    assert "JOBC_RUN_ID=one" in environ
    assert "JOBC_STATUS=failed" in environ
    assert SECRET not in environ


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ('["sh", "-c", "echo no route >&2; exit 4"]', "exit code 4: no route"),
        ('["./absent.sh"]', "absent.sh` cannot be started: No such file or directory"),
        ('["sh", "-c", "sleep 300 & sleep 300"]', "no end after 0.3 s"),
    ],
)
def test_a_command_that_fails_is_said(folder: Folder, command: str, said: str) -> None:
    limit = "300ms" if "sleep" in command else "30s"
    folder.hooks(f'[[hooks]]\ncommand = {command}\ntimeout = "{limit}"\n')
    code, _, error = folder.run("-q")
    assert code == 1
    assert said in error


def test_a_token_in_a_header_is_masked_in_what_is_told_of_the_failure(folder: Folder) -> None:
    folder.hooks('[[hooks]]\nwebhook = "http://${{ secrets.token }}.invalid/"\nname = "x"\nretries = 0\n')
    _, _, error = folder.run("-q")
    assert "hook `x` failed" in error
    assert SECRET not in error
    assert SECRET not in str(folder.journalled())


def test_events_of_triggered_runs_are_told_where_that_is_wanted(folder: Folder, receiver: Receiver) -> None:
    (folder.path / "flow.job.yml").write_text(
        "name: outer\njobs: {a: {stages: [{trigger: inner}]}}\n---\nname: inner\njobs: {b: {stages: [{echo: hello}]}}\n"
    )
    folder.hooks(
        f'[[hooks]]\nwebhook = "{receiver.url}"\n[[hooks]]\nwebhook = "{receiver.url}?all"\ntriggered = true\n'
    )
    process = folder.start("run", "flow.job.yml#outer", "--run-id", "one", "-q")
    process.communicate(timeout=30)
    told = sorted((path, body["run"]["id"]) for path, _, body in receiver.requests)
    assert told == [("/hook", "one"), ("/hook?all", "one"), ("/hook?all", "one.1")]


def test_hooks_hear_the_end_of_a_run_whose_display_has_gone(folder: Folder) -> None:
    (folder.path / "flow.job.yml").write_text(
        "jobs:\n" + "".join(f"  j{n}: {{stages: [{{echo: {'x' * 2000}}}]}}\n" for n in range(200))
    )
    folder.hooks('[[hooks]]\ncommand = ["sh", "-c", "cat > payload.json"]\n')
    process = folder.start("run", "flow.job.yml", "--format", "jsonl")
    process.stdout.readline()
    process.stdout.close()
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=30) == 141
    payload = json.loads((folder.path / "payload.json").read_text())
    assert payload["event"]["status"] == "cancel"


@pytest.mark.parametrize(
    ("text", "said", "remedy"),
    [
        ('webhok = "http://x"', "there is no key `webhok`", "did you mean `webhook`?"),
        ('command = ["x"]\non = []', "`on` is []", "it must be a list of events"),
        ('command = ["x"]\non = "run-end"', "there is no event `run-end`", "did you mean `run-ended`?"),
        ("", "it needs `command` or `webhook`", "command = ["),
        ('webhook = "ftp://x/"', "`webhook` is no http or https URL", "such as https://"),
        ('webhook = "file:///etc/passwd"', "`webhook` is no http or https URL", "such as https://"),
        ('command = "notify"', "`command` is 'notify'", "a list of texts"),
        (
            'webhook = "${{ env.NOWHERE }}"',
            "needs `env.NOWHERE`, which is not set",
            "set the environment variable",
        ),
        ('webhook = "https://x/${{ secrets.other }}"', "needs `secrets.other`", "set JOBC_SECRET_other"),
        ('webhook = "https://x/${{ run.id }}"', "holds `${{ run.id }}`", "${{ env.NAME }}"),
        ('webhook = "https://x/"\nwhen = "status = 1"', "`when`: ", "=="),
        ('webhook = "https://x/"\nwhen = "statsu == 1"', "`when` names `statsu`", "did you mean `status`?"),
        ('webhook = "https://x/"\ntimeout = "soon"', "`timeout`: 'soon' is not a duration", "10s"),
        ('webhook = "https://x/"\nretries = -1', "`retries` is -1", "from 0 to 20"),
        ('webhook = "https://x/"\nbody = "xml"', "`body` is 'xml'", "json or slack"),
        ('webhook = "https://x/"\nheaders = {a = "x\\r\\ny"}', "the header `a` cannot be sent", "one line"),
        ('command = ["x"]\nheaders = {a = "b"}', "a command takes no `headers`", "environment"),
    ],
)
def test_a_wrong_hook_is_said_before_anything_runs(folder: Folder, text: str, said: str, remedy: str) -> None:
    folder.hooks("[[hooks]]\n" + text + "\n")
    code, out, error = folder.run()
    assert (code, out) == (2, "")
    assert "jobc.toml: hook 1: " in error
    assert said in error
    assert remedy in error
    assert not (folder.path / "payload.json").exists()
