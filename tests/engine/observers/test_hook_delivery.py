"""One delivery: a command that takes too long leaves nothing behind."""

from __future__ import annotations

import os
import sys

import pytest

from jobc.engine.observers.hook_delivery import Command, DeliveryFailed


def test_a_command_that_takes_too_long_is_ended_and_reaped_and_its_pipes_are_closed(tmp_path: object) -> None:
    files = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else None
    script = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(60)"
    command = Command([sys.executable, "-S", "-c", script], dict(os.environ), str(tmp_path))
    with pytest.raises(DeliveryFailed, match="no end after 1 s"):
        command.deliver(b"{}", "key", {}, 1.0)
    assert command._process is not None
    with pytest.raises(ChildProcessError):
        os.waitpid(command._process.pid, os.WNOHANG)
    if files is not None:
        assert len(os.listdir("/proc/self/fd")) == files
