"""The scheduler's inbox: what may be told to a running run from outside.

`SimpleQueue.put` is reentrant, so every method here may be called from a signal handler and from any thread.
"""

from __future__ import annotations

from queue import SimpleQueue
from typing import Any


class Control:
    """Ends a run early. Good for one run."""

    __slots__ = ("inbox",)

    def __init__(self) -> None:
        self.inbox: SimpleQueue[tuple[str, Any]] = SimpleQueue()

    def cancel(self, message: str) -> None:
        """Let what runs end within its grace period; start nothing more but clean-up jobs (`all_done`)."""
        self.inbox.put(("cancel", message))

    def kill(self) -> None:
        """End everything at once, clean-up jobs too."""
        self.inbox.put(("kill", None))

    def wake(self) -> None:
        """Have the scheduler look around, if it sleeps."""
        self.inbox.put(("wake", None))

    def unread(self) -> list[tuple[str, Any]]:
        """Take out the messages that came too late for a run that has ended."""
        left = []
        while not self.inbox.empty():
            left.append(self.inbox.get())
        return left
