"""Shared by all tests: `--update-golden` rewrites golden files instead of comparing with them.

Property tests look for new examples at every run, but where `CI` is set: there a red build is the change's fault.
With `JOBC_REQUIRE_SERVICES` set, a service test that skips itself has failed: what it needs was to be there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes says nothing on a machine that does other things too.
settings.register_profile("jobc", deadline=None)
settings.register_profile("ci", derandomize=True, deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "jobc")


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
