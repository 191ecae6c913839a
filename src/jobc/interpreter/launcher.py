"""Where a Python stage's request goes: the border between the interpreter and the process that serves it.

`Launcher` is the contract: the request and reply of `child`, the line sink, and that cancellation ends the whole process
tree. `FreshLauncher` starts one new interpreter a request, wherever Python runs; `forking.ForkLauncher` forks a
process that has imported everything already.
"""

from __future__ import annotations

import json
import marshal
from types import CodeType
from typing import Any, Dict, Optional, Protocol, Tuple

from jobc.interpreter import wire
from jobc.interpreter.api import Cancellation
from jobc.interpreter.cgroups import groups
from jobc.interpreter.guard import package_root
from jobc.interpreter.lines import LineSink
from jobc.interpreter.masking import Masker
from jobc.interpreter.processes import Exit, run_process
from jobc.interpreter.spawning import prepare

#: A reply beyond this many bytes is refused; outputs are bounded well below it.
REPLY_BOUND = 256 * 1024 * 1024

_BOOT = (
    "import sys; sys.path.insert(0, {root!r}); from jobc.interpreter.child import main; "
    "sys.path.remove({root!r}); main({read}, {write})"
)


class Spawn:
    """What a launch needs: `interpreter` is the Python to use; `env` the whole environment; `grace` in seconds.

    `family` begins the cookie of the process (`process_tree`); of output beyond `limit` bytes the middle is dropped.
    """

    __slots__ = ("cancellation", "cwd", "env", "family", "grace", "interpreter", "limit", "masker", "sink")

    def __init__(
        self,
        interpreter: str,
        env: Dict[str, str],
        cwd: str,
        cancellation: Cancellation,
        grace: float,
        masker: Masker,
        sink: LineSink,
        family: str,
        limit: int,
    ) -> None:
        self.interpreter = interpreter
        self.env = env
        self.cwd = cwd
        self.cancellation = cancellation
        self.grace = grace
        self.masker = masker
        self.sink = sink
        self.family = family
        self.limit = limit


class Interrupted(Exception):
    """What a stage's process came from ended, and the process with it; the message says how."""


class Launcher(Protocol):
    """Serves requests of `child`; methods may be called from several threads."""

    def launch(
        self, request: Dict[str, Any], code: Optional[CodeType], spawn: Spawn
    ) -> Tuple[Exit, Optional[Dict[str, Any]]]:
        """Run a request in a process; its exit, and its reply if it gave one.

        Raises `processes.StartError` and `Interrupted`.
        """


class FreshLauncher:
    """One new interpreter a request."""

    def launch(
        self, request: Dict[str, Any], code: Optional[CodeType], spawn: Spawn
    ) -> Tuple[Exit, Optional[Dict[str, Any]]]:
        import tempfile

        packed = wire.pack_map(request)
        prepare()
        group = groups.take()
        message = {
            "request": packed,
            "code": marshal.dumps(code) if code is not None else None,
            "doors": group.doors if group is not None else [],
        }
        with tempfile.TemporaryFile() as outgoing, tempfile.TemporaryFile() as incoming:
            marshal.dump(message, outgoing)
            outgoing.seek(0)
            boot = _BOOT.format(root=package_root(), read=outgoing.fileno(), write=incoming.fileno())
            ended = run_process(
                [spawn.interpreter, "-c", boot],
                env=spawn.env,
                cwd=spawn.cwd,
                cancellation=spawn.cancellation,
                grace=spawn.grace,
                masker=spawn.masker,
                sink=spawn.sink,
                pass_fds=(outgoing.fileno(), incoming.fileno()),
                family=spawn.family,
                limit=spawn.limit,
                group=group,
            )
            incoming.seek(0)
            return ended, read_reply(incoming.read(REPLY_BOUND + 1))


def read_reply(raw: bytes) -> Optional[Dict[str, Any]]:
    """A reply of the right shape, or None: the script may have written anything."""
    if not raw or len(raw) > REPLY_BOUND:
        return None
    try:
        reply = json.loads(raw)
        outputs, params, notices, error = (reply[key] for key in ("outputs", "params", "notices", "error"))
        params = {"set": wire.unpack(params["set"]), "delete": list(params["delete"])}
        if not isinstance(outputs, dict) or not isinstance(params["set"], dict):
            return None
        if error is not None:
            error = {
                "type": str(error["type"]),
                "message": str(error["message"]),
                "bases": [str(base) for base in error["bases"]],
                "line": error["line"] if isinstance(error["line"], int) else None,
                "code": error["code"] if isinstance(error["code"], int) else None,
            }
        return {"outputs": outputs, "params": params, "notices": [str(n) for n in notices], "error": error}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
