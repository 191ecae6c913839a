"""Asking the engine of a run, another process of this machine, to end it.

A process is asked by signals, as at a terminal: SIGTERM lets the run come to a graceful end, a second signal ends clean-up
too. Before a signal is sent the process is pinned (a pidfd, where the system has them) and then compared with who
the journal says runs the run: number, time of start, boot. So a signal never reaches a stranger that got the
number later. The second signal is another one than the first: equal ones may melt into one.
"""

from __future__ import annotations

import os
import signal
from typing import Any

from jobc.engine.sharing import owner

GRACEFULLY = (signal.SIGTERM,)
#: The first signal and, at its heels, the second.
AT_ONCE = (signal.SIGTERM, signal.SIGINT)


def ask_to_end(run: dict[str, Any], signals: tuple[signal.Signals, ...]) -> bool:
    """Send `signals` to the engine of a run (a row of `runs`); False where that process is gone.

    Raises PermissionError where it belongs to another user.
    """
    try:
        pinned = os.pidfd_open(run["pid"]) if hasattr(os, "pidfd_open") else None
    except ProcessLookupError:
        return False
    except OSError:  # a system without them
        pinned = None
    try:
        if not owner.is_alive(run["pid"], run["pid_started"], run["boot"]):
            return False
        for each in signals:
            if pinned is not None:
                signal.pidfd_send_signal(pinned, each)
            else:
                os.kill(run["pid"], each)
        return True
    except ProcessLookupError:
        return False
    finally:
        if pinned is not None:
            os.close(pinned)
