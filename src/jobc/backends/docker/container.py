"""One container's life: found or made, fed, started, followed, asked for its files, removed.

A container is named after its task, so a second submission finds the first, and labelled, so another process finds it again
and `docker ps --filter label=jobc.run` shows it to people. `/jobc` in it is an anonymous volume, which is writable though the root is
not; the task's files go in and its result comes out through the daemon, so the daemon may be on another machine.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from jobc.backends.docker.arguments import ContainerSpec
from jobc.backends.docker.errors import translated

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

#: Where the task's files are in the container.
FOLDER = "/jobc"
LABEL = "jobc.task"


class Ended:
    """`code` is the exit code; `out_of_memory` whether the limit on memory ended it; `error` the daemon's own words."""

    __slots__ = ("code", "error", "out_of_memory")

    def __init__(self, code: int, out_of_memory: bool, error: str) -> None:
        self.code = code
        self.out_of_memory = out_of_memory
        self.error = error


def container_name(task: str) -> str:
    """A name that the daemon takes, and that is the same whenever this task is submitted."""
    shown = "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in "_.-") else "-" for letter in task
    )
    return f"jobc-{shown[:80]}-{hashlib.sha256(task.encode()).hexdigest()[:12]}"


def find(client: DockerClient, name: str) -> Container | None:
    from docker.errors import NotFound

    with translated(f"look for the container {name}"):
        try:
            return client.containers.get(name)
        except NotFound:
            return None


def ensure_image(client: DockerClient, spec: ContainerSpec) -> None:
    """Pull the image as `pull` says. Raises BackendError where it is not to be had."""
    from docker.errors import ImageNotFound

    from jobc.backends.api import BackendError

    if spec.pull != "always":
        with translated(f"look for the image {spec.image}"):
            try:
                client.images.get(spec.image)
                return
            except ImageNotFound:
                if spec.pull == "never":
                    raise BackendError(
                        f"the image {spec.image} is not here, and `pull: never` forbids to fetch it; build it, or pull it"
                    ) from None
    auth = None if spec.auth is None else {"username": spec.auth[0], "password": spec.auth[1]}
    with translated(f"pull the image {spec.image}"):
        client.images.pull(spec.image, auth_config=auth)


def create(
    client: DockerClient, name: str, spec: ContainerSpec, command: list[str], labels: Mapping[str, str]
) -> tuple[Container, bool]:
    """The container `name`, and whether it was made just now."""
    from docker.errors import APIError
    from docker.types import Mount

    mounts = [Mount(FOLDER, None, type="volume")]
    for inside, (source, mode) in spec.volumes.items():
        kind = "bind" if source.startswith("/") else "volume"
        mounts.append(Mount(inside, source, type=kind, read_only=mode == "ro"))
    with translated(f"create a container of {spec.image}"):
        try:
            made = client.containers.create(
                spec.image,
                command,
                entrypoint=[],
                name=name,
                labels={**labels},
                environment=spec.env,
                user=spec.user,
                working_dir=spec.workdir or FOLDER + "/work",
                mounts=mounts,
                tmpfs={"/tmp": "mode=1777,exec"},
                network=spec.network,
                read_only=True,
                cap_drop=["ALL"],
                security_opt=["no-new-privileges"],
                log_config={"type": "json-file"},
                stop_signal="SIGTERM",
                **spec.limits,
            )
        except APIError as error:
            if error.status_code != 409:
                raise
            found = client.containers.get(name)  # submitted before
            return found, False
    return made, True


def put(container: Container, files: Mapping[str, bytes], user: str) -> None:
    """Put files into the task's folder, readable by `user` alone."""
    uid, gid = _ids(user)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for folder in ("", "work"):
            entry = tarfile.TarInfo(folder or ".")
            entry.type, entry.mode, entry.uid, entry.gid = (
                tarfile.DIRTYPE,
                0o700 if uid is not None else 0o777,
                uid or 0,
                gid,
            )
            archive.addfile(entry)
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.uid, entry.gid = len(data), uid or 0, gid
            entry.mode = 0o600 if uid is not None else 0o644
            archive.addfile(entry, io.BytesIO(data))
    with translated("copy the task into its container"):
        container.put_archive(FOLDER, buffer.getvalue())


def _ids(user: str) -> tuple[int | None, int]:
    """(uid, gid) of a numeric user; the uid of a named one only the image knows."""
    name, _, group = user.partition(":")
    if not name.isdigit():
        return None, 0
    return int(name), int(group) if group.isdigit() else 0


def get(container: Container, name: str) -> bytes | None:
    """A file of the task's folder; None where it is not there."""
    from docker.errors import NotFound

    with translated("read the task's result from its container"):
        try:
            stream, _ = container.get_archive(f"{FOLDER}/{name}")
        except NotFound:
            return None
        data = b"".join(stream)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        member = archive.next()
        file = archive.extractfile(member) if member is not None and member.isfile() else None
        return file.read() if file is not None else None


def follow(container: Container, take: Callable[[bytes], None]) -> Ended:
    """Pass on what the container writes until it has ended, then say how. Blocks."""
    with translated("follow the container's log"):
        for chunk in container.logs(stream=True, follow=True):
            take(chunk)
        container.wait()
    return ended(container)


def ended(container: Container) -> Ended:
    with translated("look at the container"):
        container.reload()
    state: dict[str, Any] = container.attrs["State"]
    return Ended(int(state["ExitCode"]), bool(state.get("OOMKilled")), str(state.get("Error") or ""))


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
