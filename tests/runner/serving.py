"""A real runner in a process of its own, on a free port, and a client that speaks its protocol by hand."""

from __future__ import annotations

import hashlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx

from jobc.backends.self_hosted.protocol import Head, key_of, submission

#: Stands in for a bundle: runs the shell script in its task file, and gives the result that it writes.
SCRIPT = b"""\
import json, os, subprocess, sys
args = dict(zip(sys.argv[1::2], sys.argv[2::2]))
with open(args["--task"]) as file:
    script = json.load(file)["script"]
with open(args["--secrets"]) as file:
    secrets = json.load(file)
os.unlink(args["--secrets"])
env = {**os.environ, "RESULT": args["--result"], "SECRETS": json.dumps(secrets)}
os.execvpe("bash", ["bash", "-c", script], env)
"""
HASH = hashlib.sha256(SCRIPT).hexdigest()


def until(condition: Callable[[], Any], *, seconds: float = 30.0) -> Any:
    """Wait for a condition to hold; what it gives. It may take its time on a busy machine."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


class Server:
    """`jobc runner serve` in a child process. `state` outlives it, so it can be started again."""

    def __init__(
        self, state: Path, *options: str, scheme: str = "http", verify: Any = True, prefix: Sequence[str] = ()
    ) -> None:
        self.state = state
        self.options = options
        self.scheme = scheme
        self.prefix = prefix
        self.verify = verify
        self.port = 0
        made = subprocess.run(
            [sys.executable, "-m", "jobc", "runner", "token", "--state", str(state)],
            capture_output=True,
            text=True,
            check=True,
        )
        self.token = made.stdout.strip()
        self.process: subprocess.Popen[str] | None = None
        self.start()

    def start(self) -> None:
        """On the port that it had before."""
        assert self.process is None, "it runs already"
        command = [*self.prefix, sys.executable, "-m", "jobc", "runner", "serve", "--state", str(self.state)]
        command += ["--port", str(self.port), *self.options]
        log = open(self.state / "server.log", "a")  # noqa: SIM115 - the child has it then
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
        )
        log.close()
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], 30.0)
        line = self.process.stdout.readline() if ready else ""
        if not line.startswith("listening on "):
            self.stop(signal.SIGKILL)
            raise AssertionError(self.log())
        self.port = int(line.strip().rpartition(":")[2])

    @property
    def url(self) -> str:
        return f"{self.scheme}://localhost:{self.port}"

    def log(self) -> str:
        return (self.state / "server.log").read_text()

    def client(self, **changes: Any) -> Client:
        return Client(self, **changes)

    def kill(self) -> None:
        self.stop(signal.SIGKILL)

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process is None:
            return 0
        process, self.process = self.process, None
        process.send_signal(number)
        try:
            code = process.wait(timeout=60)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            assert process.stdout is not None
            process.stdout.close()
        return code

    def close(self) -> None:
        """End it with all its tasks."""
        self.stop(signal.SIGKILL)
        for pid in self.supervisors():
            try:
                os.kill(pid, signal.SIGQUIT)
            except ProcessLookupError:
                continue
        until(lambda: not self.supervisors())

    def supervisors(self) -> list[int]:
        """Processes of tasks of this runner that live."""
        found = []
        mark = os.fsencode(self.state)
        for name in os.listdir("/proc"):
            if name.isdigit() and int(name) != os.getpid():
                try:
                    command = Path("/proc", name, "cmdline").read_bytes()
                    state = Path("/proc", name, "stat").read_bytes().rpartition(b")")[2].split()[0]
                except OSError:
                    continue
                if mark in command and b"supervisor.py" in command and state != b"Z":
                    found.append(int(name))
        return found


class Client:
    """Requests to a server. Names of tasks are given, keys are what goes out."""

    def __init__(self, server: Server, *, token: str | None = None, **changes: Any) -> None:
        token = server.token if token is None else token
        headers = {"Authorization": f"Bearer {token}"}
        self.http = httpx.Client(
            base_url=server.url, headers=headers, timeout=60.0, verify=server.verify, **changes
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self.http.close()

    def send_bundle(self, data: bytes = SCRIPT) -> httpx.Response:
        return self.http.put(f"/v1/bundles/{hashlib.sha256(data).hexdigest()}", content=data)

    def submit(
        self, name: str, script: str = "true", *, secrets: dict[str, str] | None = None, **head: Any
    ) -> httpx.Response:
        files = {
            "task.json": json.dumps({"script": script}).encode(),
            "secrets.json": json.dumps(secrets or {}).encode(),
        }
        head.setdefault("bundle", HASH)
        made = Head(name, head.pop("bundle"), [(key, len(data)) for key, data in files.items()], **head)
        return self.http.put(f"/v1/tasks/{key_of(name)}", content=b"".join(submission(made, files)))

    def run(self, name: str, script: str = "true", **head: Any) -> dict[str, Any]:
        """Submit a task and wait for its end; its record."""
        self.send_bundle()
        answer = self.submit(name, script, **head)
        assert answer.status_code in (200, 201), answer.text
        return self.wait(name)

    def get(self, name: str, what: str = "", **changes: Any) -> httpx.Response:
        return self.http.get(f"/v1/tasks/{key_of(name)}{what}", **changes)

    def post(self, name: str, what: str) -> httpx.Response:
        return self.http.post(f"/v1/tasks/{key_of(name)}/{what}")

    def wait(self, name: str, *states: str) -> dict[str, Any]:
        wanted = states or ("ended", "lost")

        def look() -> dict[str, Any] | None:
            record: dict[str, Any] = self.get(name).json()
            return record if record["state"] in wanted else None

        found: dict[str, Any] = until(look)
        return found

    def output(self, name: str) -> str:
        return self.get(name, "/output").text

    def events(self, path: str, **changes: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """(event, id, data) of a stream until it ends."""
        with self.http.stream("GET", path, **changes) as response:
            assert response.status_code == 200, response.read()
            event, id = "", ""
            for line in response.iter_lines():
                key, _, value = line.partition(": ")
                if key == "event":
                    event = value
                elif key == "id":
                    id = value
                elif key == "data":
                    yield event, id, json.loads(value)
