"""What connects this process with one runner: requests, one event stream for all tasks, and what is to be said later.

The *stream* is read by one thread, opened again whenever it breaks, and told anew then which tasks to tell of; the runner
answers with their present states, so nothing that happened in between is missed. A runner that cannot be reached for
`JOBC_RUNNER_PATIENCE` seconds (300) has lost its tasks.

The *courier* is a second thread, started when something must be said later: a submission to a runner that is full or restarts,
a cancellation that did not get through, results that the engine's journal has by then and the runner may forget.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from jobc.backends.api import BackendError, JobHandle, TaskLost
from jobc.backends.self_hosted import protocol
from jobc.backends.self_hosted.arguments import Endpoint
from jobc.backends.self_hosted.connection import Connection, cut, pause
from jobc.backends.self_hosted.errors import Trouble
from jobc.backends.self_hosted.held import Held

if TYPE_CHECKING:
    import httpx

PATIENCE = 300.0
#: The most of a file that one request asks for, in bytes.
PIECE = 2 * 1024 * 1024
#: Bytes of a submission from which on the runner is asked first whether it takes as much.
LARGE = 512 * 1024
#: How long after `collect` a runner is told to forget a task: by then the engine has written its result down.
FORGET_SECONDS = 5.0
#: What a submission may wait for.
_LATER = frozenset([protocol.FULL, protocol.DRAINING])
#: The longest that a stream waits before it is opened again.
_LONGEST_PAUSE = 10.0


def patience() -> float:
    text = os.environ.get("JOBC_RUNNER_PATIENCE", "").strip()
    return float(text) if text.isascii() and text.isdigit() else PATIENCE


class Link:
    """One runner. Methods may be called from any thread; they raise BackendError."""

    def __init__(self, target: Endpoint, notify: Callable[[JobHandle], None]) -> None:
        self.url = target.url
        self._connection = Connection(target)
        self._notify = notify
        self._id = secrets.token_hex(16)
        self._lock = threading.Lock()
        self._followed: dict[str, Held] = {}
        self._closing = threading.Event()
        self._stream: httpx.Response | None = None
        self._reader: threading.Thread | None = None
        self._bundles: set[str] = set()
        self._runs: set[str] = set()
        self._sending = threading.Lock()
        self._courier: threading.Thread | None = None
        self._waking = threading.Condition()
        self._letters: list[_Letter] = []

    # What the backend asks for

    def submit(self, held: Held) -> None:
        self._follow(held)
        try:
            self._put(held)
        except Trouble as trouble:
            if trouble.code not in _LATER:
                raise
            self._listen()
            self._later(_Submission(held), trouble.wait or 1.0)
        if held.asked is not None:  # while it was on its way
            self.end(held, held.asked)

    def resume(self, held: Held) -> None:
        """Follow a task that another process submitted. Raises TaskLost where the runner has forgotten it."""
        self._follow(held)
        try:
            response = self._connection.request("GET", f"/v1/tasks/{held.key}")
        except Trouble as trouble:
            if trouble.code == protocol.GONE:
                raise TaskLost(str(trouble)) from trouble
            if trouble.code != protocol.UNKNOWN:
                raise
            if held.handle.data.get("accepted"):
                raise TaskLost(f"the runner at {self.url} knows nothing of it any more") from trouble
            # It was held back by a runner that was full, and never came.
            self.submit(held)
            return
        self._take(held, response.json())
        self._listen()
        self._tell_tasks([held])

    def end(self, held: Held, how: str) -> None:
        held.asked = how
        try:
            self._end(held, tries=1)
        except Trouble as trouble:
            if trouble.transient:
                self._later(_Ending(held), 0.5)

    def _end(self, held: Held, tries: int) -> None:
        self._connection.request(
            "POST", f"/v1/tasks/{held.key}/{held.asked}", tries=tries, json={}, allowed=(404, 410)
        )
        if not held.accepted:
            self._withdraw(held)

    def _withdraw(self, held: Held) -> None:
        """A task that waits here for its runner ends here."""
        with self._waking:
            waiting = [
                letter for letter in self._letters if isinstance(letter, _Submission) and letter.held is held
            ]
            for letter in waiting:
                self._letters.remove(letter)
        if waiting:
            held.withdraw()
            self._notify(held.handle)

    def output(self, held: Held, offset: int) -> bytes:
        """A piece of a task's output from `offset` on, b"" where there is none. Raises TaskLost."""
        return self._piece(held, "output", offset)[0]

    def fetch(self, held: Held, name: str) -> bytes | None:
        """A file that a task left, None where there is no such file. Raises TaskLost.

        It comes in pieces: a connection that breaks costs one of them, and no answer waits for all of a large file.
        """
        try:
            data, size = self._piece(held, f"files/{name}", 0)
            if len(data) == size:
                return data
            whole = bytearray(data)
            while data and len(whole) < size:
                data, size = self._piece(held, f"files/{name}", len(whole))
                whole += data
        except Trouble as trouble:
            if trouble.code == protocol.NO_FILE:
                return None
            raise
        return bytes(whole)

    def _piece(self, held: Held, what: str, offset: int) -> tuple[bytes, int]:
        """A piece of a task's file from `offset` on, and the file's size. Raises TaskLost."""
        wanted = {"Range": f"bytes={offset}-{offset + PIECE - 1}"}
        try:
            response = self._connection.request(
                "GET", f"/v1/tasks/{held.key}/{what}", headers=wanted, allowed=(416,)
            )
        except Trouble as trouble:
            if trouble.code in (protocol.UNKNOWN, protocol.GONE):
                raise TaskLost(str(trouble)) from trouble
            raise
        if not response.is_success:
            return b"", offset
        data = response.content
        if response.status_code != 206:  # something in between asked for all of it
            return data[offset:], len(data)
        size = response.headers.get("content-range", "").rpartition("/")[2]
        return data, int(size) if size.isdigit() else offset + len(data)

    def release(self, held: Held) -> None:
        """Follow a task no more."""
        with self._lock:
            self._followed.pop(held.key, None)

    def forget_later(self, held: Held) -> None:
        if held.accepted:
            self._later(_Forgetting(held), FORGET_SECONDS)

    def close(self) -> None:
        """Say what is still to be said, as far as it can be said at once, and end the threads."""
        self._closing.set()
        with self._lock:
            stream = self._stream
        if stream is not None:
            cut(stream)
        with self._waking:
            self._waking.notify_all()
            self._letters.clear()
        for thread in (self._courier, self._reader):
            if thread is not None:
                thread.join(timeout=5.0)
        self._forget_all()
        self._connection.close()

    def _forget_all(self) -> None:
        """Have forgotten what is left of the runs that were here, also by engines that died."""
        with self._lock:
            keep = [held.key for held in self._followed.values()]
        for run in self._runs - {""}:
            try:
                self._connection.request("POST", "/v1/forget", tries=1, json={"run": run, "keep": keep})
            except Trouble:
                return  # the runner forgets by itself what is old

    # Submitting

    def _put(self, held: Held) -> None:
        files = held.parcel.files

        length = len(held.head.line()) + sum(size for _, size in held.head.files)
        if length > LARGE:
            self._check_size(length)
        headers = {protocol.STREAM_HEADER: self._id, "Content-Length": str(length)}
        if held.head.bundle not in self._bundles:
            self._send_bundle(held)
        for _ in range(2):
            try:
                response = self._connection.request(
                    "PUT",
                    f"/v1/tasks/{held.key}",
                    body=lambda: protocol.submission(held.head, files),
                    headers=headers,
                )
                break
            except Trouble as trouble:
                if trouble.code != protocol.NEEDS_BUNDLE:
                    raise
                self._bundles.discard(held.head.bundle)
                self._send_bundle(held)
        else:
            raise Trouble(
                f"the runner at {self.url} does not keep the bundle that it was sent", transient=True
            )
        self._take(held, response.json())
        self._listen()

    def _check_size(self, length: int) -> None:
        """Refuse what the runner would refuse: who is still sending may not hear why the connection was closed."""
        most = self._connection.request("GET", "/v1/runner").json()["limits"]["task"]
        if length > most:
            raise Trouble(
                f"the task with its artifacts is {length} bytes, and the runner takes at most {most} ({self.url});"
                " send less, or start the runner with a higher --max-upload",
                code=protocol.TOO_LARGE,
            )

    def _send_bundle(self, held: Held) -> None:
        bundle = held.parcel.bundle
        path = f"/v1/bundles/{bundle.hash}"
        with self._sending:  # of many jobs at once, one sends it
            if bundle.hash in self._bundles:
                return
            if self._connection.request("GET", path, allowed=(404,)).status_code == 404:
                headers = {"Content-Length": str(len(bundle.data))}
                self._connection.request("PUT", path, body=lambda: iter([bundle.data]), headers=headers)
            self._bundles.add(bundle.hash)

    # The stream

    def _follow(self, held: Held) -> None:
        with self._lock:
            self._followed[held.key] = held
            self._runs.add(held.head.run)

    def _listen(self) -> None:
        """Open the stream, once the runner has shown that it is one."""
        with self._lock:
            if self._reader is None and not self._closing.is_set():
                self._reader = threading.Thread(
                    target=self._read_events, name="jobc-runner-events", daemon=True
                )
                self._reader.start()

    def _read_events(self) -> None:
        silent_since: float | None = None
        failures = 0
        longest = patience()
        while not self._closing.is_set():
            why = "the runner ended the connection"
            try:
                for event, data in self._connection.events(f"/v1/events?stream={self._id}", self._opened):
                    silent_since, failures = None, 0
                    if event == "hello":
                        self._tell_all()
                    elif event == "task":
                        self._event(json.loads(data))
            except Trouble as trouble:
                why = str(trouble)
            if self._closing.is_set():
                return
            now = time.monotonic()
            silent_since = silent_since or now
            if now - silent_since >= longest:
                self._lose(f"{why}; it could not be reached for {longest:g} s (JOBC_RUNNER_PATIENCE)")
            failures += 1
            self._closing.wait(min(pause(failures, None), _LONGEST_PAUSE))

    def _opened(self, response: httpx.Response) -> None:
        with self._lock:
            self._stream = response
        if self._closing.is_set():
            cut(response)

    def _tell_all(self) -> None:
        """Tell the runner whom to tell of: after every opening of the stream."""
        with self._lock:
            followed = [held for held in self._followed.values() if not held.finished]
        if followed:
            self._tell_tasks(followed)
        self._wake()

    def _tell_tasks(self, tasks: list[Held]) -> None:
        known = {held.key: held.size for held in tasks}
        try:
            # Without a stream there is nothing to tell (404): it is told when it opens.
            self._connection.request("POST", f"/v1/streams/{self._id}", json={"tasks": known}, allowed=(404,))
        except Trouble:
            with self._lock:
                stream = self._stream
            if stream is not None:
                cut(stream)  # and opened again

    def _event(self, document: dict[str, object]) -> None:
        with self._lock:
            held = self._followed.get(str(document.get("task")))
        if held is None:
            return
        if document.get("state") == "unknown":
            if held.accepted and not held.finished:
                held.lose(f"the runner at {self.url} knows nothing of it any more")
                self._notify(held.handle)
            return
        self._take(held, document)

    def _take(self, held: Held, document: dict[str, object]) -> None:
        if held.take(document):
            self._notify(held.handle)
            if held.finished:
                self._wake()  # there may be room for what waits
                if held.state == protocol.LOST:
                    self.forget_later(held)  # nothing of it will be collected

    def _lose(self, message: str) -> None:
        with self._lock:
            followed = [held for held in self._followed.values() if not held.finished]
        for held in followed:
            held.lose(message)
            self._notify(held.handle)

    # The courier

    def _later(self, letter: _Letter, wait: float) -> None:
        letter.due = time.monotonic() + wait
        with self._waking:
            self._letters.append(letter)
            if self._courier is None:
                self._courier = threading.Thread(target=self._carry, name="jobc-runner-courier", daemon=True)
                self._courier.start()
            self._waking.notify_all()

    def _wake(self) -> None:
        """Try at once again what waits for room."""
        with self._waking:
            for letter in self._letters:
                if isinstance(letter, _Submission):
                    letter.due = 0.0
            self._waking.notify_all()

    def _carry(self) -> None:
        while True:
            with self._waking:
                now = time.monotonic()
                due = [letter for letter in self._letters if letter.due <= now]
                if not due:
                    if self._closing.is_set():
                        return
                    wait = min((letter.due for letter in self._letters), default=now + 3600.0) - now
                    self._waking.wait(wait)
                    continue
                letter = due[0]
            self._deliver(letter)

    def _deliver(self, letter: _Letter) -> None:
        try:
            letter.deliver(self, tries=1)
        except BackendError as trouble:
            code = trouble.code if isinstance(trouble, Trouble) else ""
            wait = trouble.wait if isinstance(trouble, Trouble) else None
            letter.tries += 1
            again = time.monotonic() + min(pause(letter.tries, wait), 30.0)
            if trouble.transient and (code == protocol.FULL or time.monotonic() < letter.until):
                with self._waking:
                    # A full runner is full for all that wait for it.
                    for each in self._letters:
                        if each is letter or (code == protocol.FULL and isinstance(each, _Submission)):
                            each.due = again
                return
            letter.give_up(self, trouble)
        with self._waking:
            if letter in self._letters:
                self._letters.remove(letter)

    def _withdrawn(self, held: Held, error: BackendError) -> None:
        held.fail(error)
        self._notify(held.handle)


class _Letter:
    """Something to be said to the runner once `due` has come, and again until `until` where that fails."""

    def __init__(self, held: Held) -> None:
        self.held = held
        self.due = 0.0
        self.until = time.monotonic() + patience()
        self.tries = 0

    def deliver(self, link: Link, tries: int) -> None:
        raise NotImplementedError

    def give_up(self, link: Link, error: BackendError) -> None:
        """It could not be said."""


class _Submission(_Letter):
    def deliver(self, link: Link, tries: int) -> None:
        link._put(self.held)
        if self.held.asked is not None:  # while it was on its way
            link._end(self.held, tries)

    def give_up(self, link: Link, error: BackendError) -> None:
        link._withdrawn(self.held, error)


class _Ending(_Letter):
    def deliver(self, link: Link, tries: int) -> None:
        if not self.held.finished:
            link._end(self.held, tries)


class _Forgetting(_Letter):
    def deliver(self, link: Link, tries: int) -> None:
        link._connection.request("DELETE", f"/v1/tasks/{self.held.key}", tries=tries, allowed=(404, 410))
