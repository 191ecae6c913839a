"""One container's life: found or made, fed, started, followed, asked for its files, removed.

A container is named after what runs in it, so a second submission finds the first, and labelled, so another process finds it again
and `docker ps --filter label=jobc.run` shows it to people. `/jobc` in it is an anonymous volume, which is writable though the root is
not; files go in and come out through the daemon, so the daemon may be on another machine.
"""

from __future__ import annotations

import hashlib
import io
import posixpath
import tarfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jobc.backends.api import BackendError
from jobc.backends.docker.arguments import ContainerSpec
from jobc.backends.docker.errors import is_removed, said, translated
from jobc.backends.docker.launch import FOLDER, MOUNT, WORK

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

TASK_LABEL = "jobc.task"
RUN_LABEL = "jobc.run"
MARK_LABEL = "jobc.mark"

#: Seconds that a name may be taken by a container that is not to be found.
TAKEN = 10.0


class Ended:
    """`code` is the exit code; `out_of_memory` whether the limit on memory ended something; `limit` that limit in bytes, 0
    without one; `error` the daemon's own words.
    """

    __slots__ = ("code", "error", "limit", "out_of_memory")

    def __init__(self, code: int, out_of_memory: bool, limit: int, error: str) -> None:
        self.code = code
        self.out_of_memory = out_of_memory
        self.limit = limit
        self.error = error


def container_name(mark: str, task: str) -> str:
    """A name that the daemon takes, and that is the same whenever this task of the run with that mark is submitted."""
    shown = "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in "_.-") else "-" for letter in task
    )
    return f"jobc-{shown[:80]}-{hashlib.sha256(f'{mark}/{task}'.encode()).hexdigest()[:16]}"


def find(client: DockerClient, name: str) -> Container | None:
    from docker.errors import NotFound

    with translated(f"look for the container {name}"):
        try:
            return client.containers.get(name)
        except NotFound:
            return None


def create(
    client: DockerClient,
    name: str,
    spec: ContainerSpec,
    user: str,
    command: Sequence[str],
    *,
    environ: Mapping[str, str],
    labels: Mapping[str, str],
    entrypoint: Sequence[str] | None = (),
    working: str | None = None,
) -> tuple[Container, bool]:
    """The container `name`, and whether it was made now; else it was found. `environ` is what anyone may see.

    `entrypoint` None is the image's own, `working` the folder where `spec` names none, None the image's own.
    """
    from docker.errors import APIError
    from docker.types import Mount

    mounts = [Mount(MOUNT, None, type="volume")]
    for inside, (source, mode) in spec.volumes.items():
        kind = "bind" if source.startswith("/") else "volume"
        mounts.append(Mount(inside, source, type=kind, read_only=mode == "ro"))
    if any(inside == MOUNT or inside.startswith(MOUNT + "/") for inside in spec.volumes):
        raise BackendError(f"`{MOUNT}` is where jobc's own files are; mount the volume on another path")
    until = time.monotonic() + TAKEN
    with translated(f"create a container of {spec.image}"):
        while True:
            try:
                made = client.containers.create(
                    spec.image,
                    list(command),
                    entrypoint=None if entrypoint is None else list(entrypoint),
                    name=name,
                    labels={**labels},
                    environment={**environ},
                    user=user,
                    working_dir=spec.workdir or working,
                    mounts=mounts,
                    tmpfs={} if "/tmp" in spec.volumes else {"/tmp": "mode=1777,exec"},
                    network=spec.network,
                    read_only=spec.read_only,
                    cap_drop=["ALL"],
                    cap_add=spec.capabilities,
                    security_opt=[] if spec.new_privileges else ["no-new-privileges"],
                    # Read back from its beginning after the engine's death, whatever the daemon's default driver is.
                    log_config={"type": "json-file", "config": {}},
                    stop_signal="SIGTERM",
                    **spec.limits,
                )
            except APIError as error:
                if error.status_code != 409 or "already in use" not in str(error.explanation):
                    raise
                found = find(client, name)
                if found is not None:
                    return found, False
                # The name is taken before the container is there to be found, and for as long as it is removed.
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)
            else:
                return made, True


def command_of(client: DockerClient, image: str) -> tuple[list[str], list[str]]:
    """The entry point and the command of an image."""
    with translated(f"look at the image {image}"):
        config = client.api.inspect_image(image).get("Config") or {}
    return list(config.get("Entrypoint") or []), list(config.get("Cmd") or [])


def identity(container: Container, user: str) -> tuple[int, int]:
    """(uid, gid) of a user as the image names it. Raises BackendError where the image has no such user."""
    name, _, group = user.partition(":")
    uid, gid = (int(part) if part.isdigit() else None for part in (name, group))
    if uid is None:
        row = _row(container, "/etc/passwd", name)
        if row is None:
            raise BackendError(f"the image has no user `{name}`; name a user that it has, or a number")
        uid, gid = int(row[2]), int(row[3]) if gid is None else gid
    if gid is None and group:
        row = _row(container, "/etc/group", group)
        if row is None:
            raise BackendError(f"the image has no group `{group}`; name a group that it has, or a number")
        gid = int(row[2])
    return uid, gid or 0


def _row(container: Container, path: str, name: str) -> list[str] | None:
    """The line of a table of users or groups that begins with `name`."""
    for line in (read(container, path) or b"").decode(errors="replace").splitlines():
        row = line.split(":")
        if row[0] == name and len(row) >= 3 and all(part.isdigit() for part in row[2:4] if part):
            return row
    return None


def put(container: Container, files: Mapping[str, bytes], owner: tuple[int, int]) -> None:
    """Put files into `FOLDER`, readable by `owner` alone, and make the folder that it works in."""
    uid, gid = owner
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for folder in (FOLDER, WORK):
            entry = tarfile.TarInfo(posixpath.relpath(folder, MOUNT))
            entry.type, entry.mode, entry.uid, entry.gid = tarfile.DIRTYPE, 0o700, uid, gid
            archive.addfile(entry)
        for name, data in files.items():
            entry = tarfile.TarInfo(posixpath.relpath(f"{FOLDER}/{name}", MOUNT))
            entry.size, entry.mode, entry.uid, entry.gid = len(data), 0o600, uid, gid
            archive.addfile(entry, io.BytesIO(data))
    with translated("copy files into the container"):
        container.put_archive(MOUNT, buffer.getvalue())


def read(container: Container, path: str) -> bytes | None:
    """A file of the container, running or not; None where it is not there."""
    from docker.errors import NotFound

    with translated(f"read {path} from the container"):
        try:
            stream, _ = container.get_archive(path)
        except NotFound as error:
            if is_removed(said(error)):
                raise
            return None
        data = b"".join(stream)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        member = archive.next()
        file = archive.extractfile(member) if member is not None and member.isfile() else None
        return file.read() if file is not None else None


def start(container: Container, image: str) -> None:
    """Start it; one that was started before goes on."""
    with translated(f"start a container of {image}"):
        container.start()


def log(container: Container, skip: int) -> Iterator[bytes]:
    """What the container writes, from byte `skip` on, until it has ended."""
    with translated("follow the container's log"):
        for chunk in container.logs(stream=True, follow=True):
            if skip < len(chunk):
                yield chunk[skip:] if skip else chunk
            skip = max(0, skip - len(chunk))
        container.wait()


def attach(container: Container) -> Iterator[tuple[str, bytes]]:
    """What the container will write, each piece with its stream, until it has ended. Call it before the start, read it after."""
    with translated("follow the container's output"):
        pieces = container.attach(stdout=True, stderr=True, stream=True, demux=True)
    return _attached(container, pieces)


def _attached(
    container: Container, pieces: Iterator[tuple[bytes | None, bytes | None]]
) -> Iterator[tuple[str, bytes]]:
    with translated("follow the container's output"):
        for pair in pieces:
            for stream, data in zip(("stdout", "stderr"), pair):  # noqa: B905 - Python 3.9 has no `strict`
                if data:
                    yield stream, data
        container.wait()


def signal(container: Container, name: str) -> None:
    """Send a signal; what has ended already, or is gone, needs none."""
    from docker.errors import APIError

    with translated("end the container"):
        try:
            container.kill(name)
        except APIError as error:
            if error.status_code not in (404, 409):
                raise


def reload(container: Container) -> None:
    with translated("look at the container"):
        container.reload()


def ended(container: Container) -> Ended | None:
    """How it ended; None where it runs."""
    reload(container)
    state: dict[str, Any] = container.attrs["State"]
    if state.get("Running"):
        return None
    if state.get("Status") in ("removing", "dead"):
        raise BackendError("the container was removed from outside", transient=True)
    limit = int(container.attrs["HostConfig"].get("Memory") or 0)
    return Ended(int(state["ExitCode"]), bool(state.get("OOMKilled")), limit, str(state.get("Error") or ""))


def out_of_memory(ended: Ended) -> str:
    """That a container ran out of memory, and what to do."""
    limit = f"its limit of {ended.limit // 2**20} MiB" if ended.limit else "what the machine has"
    return f"the container ran out of memory, {limit}; give the job more with `resources: {{memory: …}}`"


def remove(container: Container) -> None:
    """Remove the container and its anonymous volumes; what is gone already is fine."""
    from docker.errors import APIError, NotFound

    with translated("remove the container"):
        try:
            container.remove(v=True, force=True)
        except NotFound:
            return
        except APIError as error:
            if error.status_code != 409:  # being removed by someone else
                raise


def sweep(client: DockerClient, labels: Mapping[str, str], keep: Collection[str]) -> int:
    """Remove the containers with these labels, but those named in `keep`; how many."""
    with translated("look for what is left of a run"):
        wanted = [f"{name}={value}" for name, value in labels.items()]
        found = client.containers.list(all=True, ignore_removed=True, filters={"label": wanted})
    gone = [container for container in found if container.name not in keep]
    for container in gone:
        remove(container)
    return len(gone)
