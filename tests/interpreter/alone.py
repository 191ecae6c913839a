"""Jobs in a process of their own, which a test may kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

_MAIN = """
import json, os, sys
sys.path.insert(0, {src!r})
from datetime import datetime, timezone
from jobc.interpreter.api import Cancellation, Inputs
from jobc.interpreter.run import run_combination
from jobc.ir import codec

class Host:
    def emit(self, event):
        print(json.dumps(dict(event)), flush=True)
    def now(self):
        return datetime.now(timezone.utc)

program = codec.loads(open(sys.argv[1], "rb").read())
inputs = Inputs({{}}, environ=dict(os.environ), workdir=sys.argv[2], grace=2.0)
if "LEAVE_WHEN" in os.environ:
    import threading, time
    threading.Thread(target=run_combination, args=(program, 0, 0, inputs, Host(), Cancellation()), daemon=True).start()
    while not os.path.exists(os.environ["LEAVE_WHEN"]):
        time.sleep(0.01)
    sys.exit(5)
result = run_combination(program, 0, 0, inputs, Host(), Cancellation())
print(json.dumps({{"event": "end", "status": result.status, "message": result.error and result.error.said}}))
"""


def start(program: Any, folder: Path, **env: str) -> subprocess.Popen[str]:
    """Run a built program in `folder`; its events come as JSON lines."""
    from jobc.ir import codec

    file = folder / "program.json"
    file.write_bytes(codec.dumps(program))
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    given = {"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(temporary), **env}
    return subprocess.Popen(
        [sys.executable, "-c", _MAIN.format(src=str(ROOT / "src")), str(file), str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        env=given,
        cwd=folder,
        start_new_session=True,
    )


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except OSError:
        return False


def eventually(condition: Callable[[], bool], seconds: float = 30.0) -> bool:
    """Whether something comes true, the sooner the better."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.01)
    return False


def gone(*pids: int) -> bool:
    """Whether processes end by themselves; else they are ended."""
    if eventually(lambda: not any(alive(pid) for pid in pids)):
        return True
    for pid in filter(alive, pids):
        kill(pid)
    return False


def pids(folder: Path, *names: str) -> list[int]:
    """The process numbers that a script writes to files, when all are there."""

    def read() -> list[int]:
        texts = [(folder / name).read_text().strip() for name in names if (folder / name).exists()]
        return [int(text) for text in texts if text]

    assert eventually(lambda: len(read()) == len(names)), f"of {names} there is {os.listdir(folder)}"
    return read()


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
