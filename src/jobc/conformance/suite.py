"""What the parts of the suite share: the fixtures that a subclass fills in."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobc.backends.api import Capabilities
from jobc.conformance.bench import Bench
from jobc.conformance.subject import Subject


class Suite:
    @pytest.fixture
    def subject(self) -> Subject:
        """The environment under test; a subclass gives it."""
        raise NotImplementedError("give the environment under test with a fixture `subject`")

    @pytest.fixture
    def bench(self, subject: Subject, tmp_path: Path) -> Bench:
        return Bench(subject, tmp_path)

    @pytest.fixture
    def capabilities(self, subject: Subject) -> Capabilities:
        return subject.make().capabilities


def needs(has: object, what: str) -> None:
    """Skip a test for what the environment declares that it has not."""
    if not has:
        pytest.skip(f"this environment has no {what}")
