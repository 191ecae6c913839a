"""Images made without a registry, of what this machine has: busybox, bash, and the Python that runs the tests.

jobc-test/python:1    the running Python with its standard library, bash, and busybox for the rest; users `app` (1000)
jobc-test/busybox:1   busybox alone
jobc-test/bare:1      one program, /busybox, and no shell by its name
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path
from typing import Any

PYTHON = "jobc-test/python:1"
BUSYBOX = "jobc-test/busybox:1"
BARE = "jobc-test/bare:1"

_PASSWD = b"root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/home/app:/bin/sh\n"
_GROUP = b"root:x:0:\napp:x:1000:\nstaff:x:50:\n"
_LEFT_OUT = frozenset(
    [
        "test",
        "tests",
        "site-packages",
        "idlelib",
        "tkinter",
        "turtledemo",
        "ensurepip",
        "lib2to3",
        "pydoc_data",
    ]
)


def load(client: Any) -> None:
    """Bring the images into a daemon that has them not."""
    for name, make in ((PYTHON, python), (BUSYBOX, busybox), (BARE, bare)):
        if not client.images.list(name):
            repository, _, tag = name.partition(":")
            path = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
            changes = [f"ENV PATH={path}", "ENV LD_LIBRARY_PATH=/usr/local/lib", 'CMD ["/bin/sh"]']
            client.api.import_image_from_data(make(), repository=repository, tag=tag, changes=changes)


class _Root:
    """A root file system, as a tar file."""

    def __init__(self) -> None:
        self.buffer = io.BytesIO()
        self.archive = tarfile.TarFile(fileobj=self.buffer, mode="w")
        self._names: set[str] = set()
        for folder in ("tmp", "bin", "etc", "root", "home", "home/app"):
            self.folder(folder)

    def folder(self, name: str) -> None:
        entry = tarfile.TarInfo(name)
        entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
        self.archive.addfile(entry)

    def write(self, name: str, data: bytes, mode: int = 0o644) -> None:
        if name in self._names:
            return
        self._names.add(name)
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(data), mode
        self.archive.addfile(entry, io.BytesIO(data))

    def copy(self, source: str | Path, name: str, mode: int = 0o755) -> None:
        self.write(name, Path(source).read_bytes(), mode)

    def link(self, name: str, target: str) -> None:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = tarfile.SYMTYPE, target
        self.archive.addfile(entry)

    def program(self, source: str, name: str) -> None:
        """A program with the libraries that it is linked with."""
        self.copy(os.path.realpath(source), name)
        self.libraries(source)

    def libraries(self, source: str) -> None:
        said = subprocess.run(["ldd", source], capture_output=True, text=True, check=False).stdout
        for library in re.findall(r"(/\S+) \(0x", said):
            loader = os.path.basename(library).startswith("ld-")
            self.copy(
                library, library.lstrip("/") if loader else f"usr/local/lib/{os.path.basename(library)}"
            )

    def shell(self) -> None:
        program = shutil.which("busybox")
        assert program is not None
        self.copy(program, "bin/busybox")
        applets = subprocess.run([program, "--list"], capture_output=True, text=True, check=True).stdout
        for applet in applets.split():
            if applet != "busybox":
                self.link(f"bin/{applet}", "/bin/busybox")
        self.write("etc/passwd", _PASSWD)
        self.write("etc/group", _GROUP)

    def done(self) -> bytes:
        self.archive.close()
        return self.buffer.getvalue()


def busybox() -> bytes:
    root = _Root()
    root.shell()
    return root.done()


def bare() -> bytes:
    root = _Root()
    program = shutil.which("busybox")
    assert program is not None
    root.copy(program, "busybox")
    return root.done()


def python() -> bytes:
    root = _Root()
    root.shell()
    bash = shutil.which("bash")
    assert bash is not None
    root.program(bash, "bin/bash")
    interpreter = Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    root.program(str(interpreter), f"usr/local/bin/{interpreter.name}")
    root.link("usr/local/bin/python3", interpreter.name)
    library = Path(sysconfig.get_path("stdlib"))
    place = f"usr/local/lib/{interpreter.name}"
    for folder, folders, files in os.walk(library):
        folders[:] = sorted(
            name for name in folders if name not in _LEFT_OUT and not name.startswith("config-")
        )
        inside = os.path.relpath(folder, library)
        for name in sorted(files):
            source = os.path.join(folder, name)
            root.copy(source, os.path.normpath(f"{place}/{inside}/{name}"), 0o644)
            if name.endswith(".so"):
                root.libraries(source)
    return root.done()
