"""The tasks of a runner: admitted, queued, started, ended, found again, forgotten.

One event loop owns all of it. A task's row is in the journal before anything is done for it. Whether a task still runs is not a
matter of the journal but of a lock that its supervisor holds, so after a death of the server, at whatever moment, each
task is one of these:

    status.json is there        it has ended, and so it is told
    the lock is held            it runs; its supervisor is listened to again
    free, a number in `alive`   it was begun, and its supervisor is gone: lost, with the reason
    free, no number             it was never begun: it is in the queue again

Nothing is begun twice: the lock is taken before the supervisor is started, and handed to it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections import deque
from functools import partial
from typing import Any

from jobc.backends.bundle.parcel import command
from jobc.backends.self_hosted import protocol
from jobc.backends.self_hosted.protocol import ENDED, LOST, QUEUED, RUNNING, Head
from jobc.errors import StateError
from jobc.runner.feed import Feed
from jobc.runner.folders import Damaged, Folders, TaskFolder
from jobc.runner.groups import task_group
from jobc.runner.journal import Journal
from jobc.runner.processes import CANCEL, KILL, Supervisor, start
from jobc.runner.records import GONE, Record
from jobc.runner.refusal import Refused
from jobc.runner.settings import Settings
from jobc.runner.watching import Watch

log = logging.getLogger("jobc.runner")
#: How long a task gets beyond its grace before it is ended, in seconds.
BEYOND = 5.0
#: How long a supervisor may take to say that it has begun, in seconds.
BEGIN_SECONDS = 5.0
_PRUNE_EVERY = 60.0


class Tasks:
    """All tasks of one runner. Made outside of the loop, `open`ed in it. Raises StateError where its folder cannot be used."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.folders = Folders(settings.state, settings.user)
        self.journal = Journal(self.folders.journal)
        self.feed = Feed(self._look, settings.heartbeat)
        self.records: dict[str, Record] = {}
        self.queue: deque[str] = deque()
        self.running: dict[str, Supervisor] = {}
        self.draining = False
        #: How many tasks have ended, by state and reason.
        self.ends: dict[tuple[str, str], int] = {}
        self.submitted = 0
        self._slots: dict[str, int] = {}
        self._idle = asyncio.Event()
        self._removals: set[asyncio.Task[None]] = set()
        self._group: str | None = None

    # A server's life

    async def open(self) -> None:
        """Take up what a server before this one left."""
        self._watch = Watch(self._grown)
        self._group = task_group()
        for row in self.journal.tasks():
            record = self.records[row["key"]] = Record.of_row(row)
            if record.state in (QUEUED, RUNNING):
                await self._find(record)
        for key in self.folders.stored():
            if key not in self.records or self.records[key].state == GONE:
                self.folders.task(
                    key
                ).remove()  # it came in and was not answered for, or its removal was cut short
        self.prune()
        self._fill()

    async def _find(self, record: Record) -> None:
        folder = self.folders.task(record.key)
        status = folder.status()
        if status is not None:
            self._finish(record, folder, status)
            return
        if not os.path.isdir(folder.box):
            self._finish(record, folder, _lost("its folder is gone from the runner's disk"))
            return
        hold = folder.hold()
        if hold is None:
            await self._listen(record, folder)
            return
        os.close(hold)
        status = folder.status()  # it may have ended just now
        if status is not None or folder.supervisor() is not None:
            self._finish(record, folder, status or _lost(_VANISHED))
        else:
            self._set(record, state=QUEUED, started=None)
            self.queue.append(record.key)

    async def _listen(self, record: Record, folder: TaskFolder) -> None:
        """Hear of the end of a supervisor that another server started."""
        until = time.monotonic() + BEGIN_SECONDS
        while (pid := folder.supervisor()) is None and time.monotonic() < until:
            await asyncio.sleep(0.01)
        if record.state == QUEUED:  # the server died between the start and writing it down
            self._set(record, state=RUNNING, started=time.time())
        try:
            if pid is None:
                raise ProcessLookupError
            self._attend(record, folder, pid)
        except ProcessLookupError:
            self._finish(record, folder, folder.status() or _lost(_VANISHED))
        else:
            if record.asked is not None:
                self.running[record.key].send(KILL if record.asked == protocol.KILLED else CANCEL)

    async def drain(self) -> int:
        """Begin nothing more, and wait for what runs, so long as the settings allow; how many go on without this server."""
        self.draining = True
        if self.running:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), self.settings.drain)
        return len(self.running)

    async def close(self) -> None:
        self.feed.close()
        for supervisor in self.running.values():
            supervisor.leave()
        self._watch.close()
        await asyncio.gather(*self._removals)
        self.journal.close()
        self.folders.close()

    # Admission

    def admit(self, key: str, head: Head) -> Record | None:
        """The task that the key means already, None where a new one may come. Raises Refused."""
        known = self.known(key, head)
        if known is not None:
            return known
        settings = self.settings
        if self.draining:
            raise Refused(
                503,
                protocol.DRAINING,
                "the runner is shutting down",
                "try again when it is back",
                retry_after=5,
            )
        missing = [label for label in head.labels if label not in settings.labels]
        if missing:
            has = ", ".join(settings.labels) or "none"
            raise Refused(
                422,
                protocol.LABELS,
                f"the runner has no label `{missing[0]}`; it has: {has}",
                "take `labels` away, name another `host`, or start the runner with --label",
            )
        self._check_limits(head)
        if not self.folders.has_bundle(head.bundle):
            raise Refused(
                409, protocol.NEEDS_BUNDLE, f"the runner does not have the bundle {head.bundle[:12]}"
            )
        if len(self.running) + len(self.queue) >= settings.concurrency + settings.queue:
            raise self._full()
        self.check_disk()
        return None

    def known(self, key: str, head: Head) -> Record | None:
        record = self.records.get(key)
        if record is None or record.state == GONE:
            return None
        if record.bundle != head.bundle:
            raise Refused(
                409,
                protocol.OTHER_TASK,
                f"the runner has a task `{record.name}` of another program",
                "give this run an id of its own with --run-id",
            )
        return record

    def check_disk(self) -> None:
        """Raises Refused where the disk is too full to take anything."""
        if self.folders.free() < self.settings.least_free:
            raise disk_full()

    def _check_limits(self, head: Head) -> None:
        limits = self.settings.limits
        if head.cpu is not None and head.cpu > (limits.cpu or os.cpu_count() or 1):
            there = f"{limits.cpu or os.cpu_count():g}"
            raise _too_much(f"the job asks for {head.cpu:g} processors, this runner gives a task {there}")
        if head.memory is not None and limits.memory is not None and head.memory > limits.memory:
            asked, there = _mebibytes(head.memory), _mebibytes(limits.memory)
            raise _too_much(f"the job asks for {asked} of memory, this runner gives a task {there}")

    def _full(self) -> Refused:
        return Refused(
            429,
            protocol.FULL,
            f"the runner is full: {len(self.running)} tasks run and {len(self.queue)} wait",
            "it is tried again; give the runner a longer --queue or more --concurrency",
            retry_after=min(30.0, 1.0 + len(self.queue) / 100),
        )

    def accept(self, key: str, head: Head, folder: TaskFolder) -> Record:
        """Take a task whose files have come; the record, of the first one where there were two. Raises Refused."""
        known = self.admit(key, head)
        if known is not None:
            folder.remove()
            return known
        kept = {name: getattr(head, name) for name in ("run", "environ", "cpu", "memory", "timeout", "grace")}
        record = Record(key, head.name, head.bundle, kept, QUEUED, time.time())
        # The folder first: a row without one is a loss to be told, a folder without one is swept away.
        self.folders.take_task(folder, key)
        self.journal.add(key, head.name, head.bundle, kept, QUEUED, record.submitted)
        self.records[key] = record
        self.submitted += 1
        self.queue.append(key)
        self._fill()
        return record

    # Running

    def _fill(self) -> None:
        """Begin what waits, as far as there is room."""
        while self.queue and len(self.running) < self.settings.concurrency and not self.draining:
            self._begin(self.records[self.queue.popleft()])

    def _begin(self, record: Record) -> None:
        folder = self.folders.task(record.key)
        try:
            self.folders.fill(record.key, record.bundle, self.settings.user)
            with open(os.open(folder.output, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600), "wb"):
                pass
            spec = folder.write_spec(self._spec(record, folder))
            self._set(record, state=RUNNING, started=time.time())
            hold = folder.hold()
            assert hold is not None, "a task that is not begun is not held"
            self._attend(record, folder, start(folder, spec, hold))
        except (OSError, Damaged, StateError) as error:
            words = error.strerror if isinstance(error, OSError) else str(error)
            self._finish(record, folder, _lost(f"the runner could not start it: {words}"))
        else:
            self.feed.changed(record.key)

    def _attend(self, record: Record, folder: TaskFolder, pid: int) -> None:
        self.running[record.key] = Supervisor(pid, partial(self._gone, record.key))
        self._idle.clear()
        self._watch.add(folder.output)

    def _spec(self, record: Record, folder: TaskFolder) -> dict[str, Any]:
        head, limits, user = record.head, self.settings.limits, self.settings.user
        memory = head["memory"] or limits.memory
        cpu = head["cpu"] or limits.cpu
        time_limit = limits.time
        if head["timeout"] is not None:
            # The task watches over its own time and leaves a result; this is for one that does not.
            own = head["timeout"] + head["grace"] + BEYOND
            time_limit = own if time_limit is None else min(own, time_limit)
        return {
            "command": command(self.settings.python, folder.box),
            "environ": self._environ(record, folder),
            "memory": memory,
            "cpu": cpu,
            "cpus": self._processors(record.key, cpu),
            "time": time_limit,
            "disk": limits.disk,
            "grace": head["grace"] + BEYOND,
            "group": self._group,
            "user": None if user is None else {"uid": user.uid, "gid": user.gid, "groups": list(user.groups)},
        }

    def _environ(self, record: Record, folder: TaskFolder) -> dict[str, str]:
        user = self.settings.user
        environ = {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": os.environ.get("LANG", "C.UTF-8"),
            "HOME": os.path.expanduser("~") if user is None else user.home,
            "TMPDIR": os.path.join(folder.box, "tmp"),
        }
        if user is not None:
            environ["USER"] = environ["LOGNAME"] = user.name
        for name in ("USER", "LOGNAME", "TZ", "LD_LIBRARY_PATH", *self.settings.environ):
            if name in os.environ:
                environ.setdefault(name, os.environ[name])
        return {**environ, **record.head["environ"]}

    def _processors(self, key: str, cpu: float | None) -> list[int] | None:
        """The processors of a task: tasks that run at once get others, as far as there are."""
        if cpu is None or not hasattr(os, "sched_getaffinity"):
            return None
        there = sorted(os.sched_getaffinity(0))
        count = max(1, min(len(there), round(cpu + 0.49)))
        taken = set(self._slots.values())
        slot = self._slots[key] = next(number for number in range(len(taken) + 1) if number not in taken)
        return [there[(slot * count + number) % len(there)] for number in range(count)]

    def _gone(self, key: str) -> None:
        """A supervisor has ended."""
        self.running.pop(key)
        record = self.records[key]
        folder = self.folders.task(key)
        self._watch.remove(folder.output)
        self._finish(record, folder, folder.status() or _lost(_VANISHED))
        if not self.running:
            self._idle.set()
        self._fill()

    def _finish(self, record: Record, folder: TaskFolder, status: dict[str, Any]) -> None:
        """Write down how a task ended, then tell it."""
        folder.drop_secrets()
        self._slots.pop(record.key, None)
        lost = status.get("lost")
        reason = status.get("reason")
        message = lost or status.get("error") or self._why(record, reason)
        state = LOST if lost else ENDED
        values: dict[str, Any] = {
            "state": state,
            "ended": float(status.get("ended") or time.time()),
            "exit_code": status.get("exit_code"),
            "signal": status.get("signal"),
            "reason": reason,
            "message": message,
            "size": folder.size(),
        }
        try:
            self.journal.update(record.key, **values)
        except StateError as error:
            # What it is made from lies in the task's folder, where a restart finds it again.
            log.error("%s", error)
        record.change(values)
        end = (state, reason or "")
        self.ends[end] = self.ends.get(end, 0) + 1
        self.feed.changed(record.key)

    def _why(self, record: Record, reason: str | None) -> str:
        limits = self.settings.limits
        if reason == protocol.MEMORY:
            most = record.head["memory"] or limits.memory
            return f"it took more memory than the {_mebibytes(most or 0)} that it may have on this runner"
        if reason == protocol.DISK:
            return f"it wrote more than the {_mebibytes(limits.disk or 0)} of disk that it may have on this runner"
        if reason == protocol.TIME:
            return "it took longer than it may on this runner"
        if reason == protocol.KILLED:
            return "it was killed"
        return "it was cancelled" if reason == protocol.CANCELLED else ""

    # What clients ask for

    def find(self, key: str) -> Record:
        """Raises Refused where there is no such task."""
        record = self.records.get(key)
        if record is None:
            raise Refused(404, protocol.UNKNOWN, "the runner knows no such task")
        if record.state == GONE:
            raise Refused(
                410,
                protocol.GONE,
                "the runner has forgotten this task",
                "it ended and was fetched, or is old",
            )
        return record

    def document(self, record: Record) -> dict[str, Any]:
        size = record.size if record.finished else self.folders.task(record.key).size()
        position = None
        if record.state == QUEUED and len(self.queue) <= 1000:
            position = self.queue.index(record.key) + 1 if record.key in self.queue else None
        return record.to_json(size, position)

    def end(self, key: str, how: str) -> Record:
        """Cancel or kill a task; nothing where it has ended. Raises Refused."""
        record = self.find(key)
        if record.finished or record.asked == protocol.KILLED:
            return record
        self._set(record, asked=how)
        supervisor = self.running.get(key)
        if supervisor is not None:
            supervisor.send(KILL if how == protocol.KILLED else CANCEL)
        elif key in self.queue:
            self.queue.remove(key)
            self._finish(record, self.folders.task(key), {"reason": how})
        return record

    def forget(self, key: str) -> None:
        """Remove a task that has ended. Raises Refused where it has not."""
        record = self.find(key)
        if not record.finished:
            raise Refused(409, protocol.NOT_ENDED, "the task has not ended", "cancel it first")
        self._forget(record)

    def forget_run(self, run: str, keep: set[str]) -> int:
        """Remove the tasks of a run that have ended, but some; how many."""
        found = [
            record
            for record in self.records.values()
            if record.finished and record.head["run"] == run and record.key not in keep
        ]
        for record in found:
            self._forget(record)
        return len(found)

    def _forget(self, record: Record) -> None:
        self._set(record, state=GONE)
        self.feed.forget(record.key)
        # Out of the way at once, so that the key can come again while the files are still being removed.
        aside = TaskFolder(self.folders.incoming(), None)
        try:
            os.rename(self.folders.task(record.key).path, aside.path)
        except OSError:
            return
        removal = asyncio.get_running_loop().create_task(asyncio.to_thread(aside.remove))
        self._removals.add(removal)
        removal.add_done_callback(self._removals.discard)

    def prune(self) -> None:
        """Remove what is old, now and every minute."""
        asyncio.get_running_loop().call_later(_PRUNE_EVERY, self.prune)
        try:
            self._prune()
        except (OSError, StateError) as error:
            log.error("what is old could not be removed: %s", error)

    def _prune(self) -> None:
        now, settings = time.time(), self.settings
        for record in list(self.records.values()):
            age = now - (record.ended or now)
            if record.finished and age > settings.keep:
                self._forget(record)
            elif record.state == GONE and age > settings.keep + settings.remember:
                self.journal.remove(record.key)
                del self.records[record.key]
        wanted = {record.bundle for record in self.records.values() if record.state in (QUEUED, RUNNING)}
        for hash, used in list(self.folders.bundles()):
            if hash not in wanted and now - used > settings.keep:
                self.folders.remove_bundle(hash)

    def capacity(self) -> dict[str, Any]:
        settings = self.settings
        room = settings.concurrency + settings.queue - len(self.running) - len(self.queue)
        return {
            "concurrency": settings.concurrency,
            "running": len(self.running),
            "queue": settings.queue,
            "queued": len(self.queue),
            "room": 0 if self.draining else max(0, room),
        }

    def _grown(self, path: str) -> None:
        self.feed.changed(os.path.basename(os.path.dirname(path)))

    def _look(self, key: str, offset: int, most: int) -> tuple[dict[str, Any], bytes] | None:
        record = self.records.get(key)
        if record is None or record.state == GONE:
            return None
        folder = self.folders.task(key)
        data = b""
        try:
            with open(folder.output, "rb") as file:
                file.seek(offset)
                data = file.read(most)
                size = os.fstat(file.fileno()).st_size
        except OSError:
            size = 0
        document = {"state": record.state, "size": size}
        if record.finished:
            for name in ("exit_code", "signal", "reason", "message"):
                document[name] = getattr(record, name)
        return document, data

    def _set(self, record: Record, **values: Any) -> None:
        self.journal.update(record.key, **values)
        record.change(values)


_VANISHED = "the process that watched over it is gone: the machine was restarted, or ran out of memory"


def _lost(why: str) -> dict[str, Any]:
    return {"lost": why}


def _too_much(message: str) -> Refused:
    return Refused(
        422, protocol.TOO_MUCH, message, "lower the job's `resources`, or start the runner with higher limits"
    )


def disk_full() -> Refused:
    return Refused(
        507,
        protocol.DISK_FULL,
        "the runner's disk is full",
        "free some space on the runner's machine",
        retry_after=30,
    )


def _mebibytes(count: int) -> str:
    return f"{count / 2**30:g} GiB" if count >= 2**30 else f"{count / 2**20:.4g} MiB"
