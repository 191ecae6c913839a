"""Shared by all tests: `--update-golden` rewrites golden files instead of comparing with them.

Property tests look for new examples at every run, but where `CI` is set: there a red build is the change's fault.
The caches and the settings of whoever runs the tests are neither read nor written.
With `JOBC_REQUIRE_SERVICES` set, a service test that skips itself has failed: what it needs was to be there.
"""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes, or making it, says nothing on a machine that does other things too.
settings.register_profile("jobc", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("jobc"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "jobc")

# Whoever starts the tests in the background, or under `nohup`, ignores these; what the tests start must not.
for _number, _handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(_number) == signal.SIG_IGN:
        signal.signal(_number, _handler)

# Set before a test module is imported, since some compile at import. pip keeps its cache and its settings.
_SCRATCH = tempfile.TemporaryDirectory(prefix="jobc-tests-")
_CACHE = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
_PIP = os.path.join(os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config"), "pip", "pip.conf")
os.environ.setdefault("PIP_CACHE_DIR", os.path.join(_CACHE, "pip"))
if os.path.isfile(_PIP):
    os.environ.setdefault("PIP_CONFIG_FILE", _PIP)
os.environ["XDG_CACHE_HOME"] = os.path.join(_SCRATCH.name, "cache")
os.environ["XDG_CONFIG_HOME"] = os.path.join(_SCRATCH.name, "config")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite golden files; review the diff")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, Path], None]:
    """`golden(actual, path)` asserts that the file holds exactly `actual`."""

    def compare(actual: str, path: Path) -> None:
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(actual.encode())
        assert path.is_file(), f"{path} is missing: write it with --update-golden"
        assert actual == path.read_bytes().decode()

    return compare


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    needed = os.environ.get("JOBC_REQUIRE_SERVICES") and item.get_closest_marker("services")
    if needed and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"a service is missing: {report.longrepr}"
    return report
