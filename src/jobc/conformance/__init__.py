"""The suite that every environment passes: what `backends.api` promises, as tests.

A backend's test module subclasses `BackendConformance` and says with one fixture what is under test:

    from jobc.conformance import BackendConformance, Subject

    class TestMine(BackendConformance):
        @pytest.fixture
        def subject(self, tmp_path):
            return Subject("mine", arguments={"host": "…"}, wrong_credentials={"token": "no"})

Needs pytest, which jobc itself does not. A test is skipped only for what the backend's `Capabilities` or its subject declare it
has not.
"""

import pytest

pytest.register_assert_rewrite(
    *(
        f"jobc.conformance.{part}"
        for part in ("ends", "failures", "files", "protocol", "results", "survival", "values")
    )
)

from jobc.conformance.ends import Ends  # noqa: E402
from jobc.conformance.failures import Failures  # noqa: E402
from jobc.conformance.files import Files  # noqa: E402
from jobc.conformance.protocol import Protocol  # noqa: E402
from jobc.conformance.results import Results  # noqa: E402
from jobc.conformance.subject import Subject  # noqa: E402
from jobc.conformance.survival import Survival  # noqa: E402
from jobc.conformance.values import Values  # noqa: E402

__all__ = ["BackendConformance", "Subject"]


class BackendConformance(Results, Values, Ends, Failures, Files, Protocol, Survival):
    """All of it."""
