"""What cannot be had is said in words that help, and ends the job; the run goes on with what does not need it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobc.conformance.bench import Bench
from jobc.conformance.subject import Subject
from jobc.conformance.suite import Suite, needs
from jobc.interpreter.api import ErrorInfo

_FLOW = """
jobs:
  job: {retry: {attempts: 0, preemptions: %d}, stages: [{echo: never}]}
  cleanup: {needs: [job], trigger-rule: all_done, condition: "needs.job.result == 'failed'", stages: [{echo: x}]}
"""


class Failures(Suite):
    def _error(self, bench: Bench, arguments: Mapping[str, Any], again: int = 0) -> ErrorInfo:
        result = bench.run(_FLOW % again, arguments=arguments)
        assert result.status == "failed"
        assert bench.log() == []
        error = result.jobs["job"].combinations[0].error
        assert error is not None
        assert result.jobs["cleanup"].status == "failed", "it was judged, and cannot run there either"
        for sign in ("Traceback", "Exception(", "<class", "object at 0x"):
            assert sign not in error.message
        return error

    def test_an_image_that_is_not_there(self, bench: Bench, subject: Subject) -> None:
        needs(subject.missing_image, "images")
        assert subject.missing_image is not None
        error = self._error(bench, subject.missing_image)
        assert error.type == "backend"
        assert any(str(value) in error.message for value in subject.missing_image.values()), error.message

    def test_wrong_credentials_are_said_at_once(self, bench: Bench, subject: Subject) -> None:
        needs(subject.wrong_credentials, "credentials")
        assert subject.wrong_credentials is not None
        error = self._error(bench, subject.wrong_credentials, again=5)
        assert error.type == "backend", "trying again does not help, and may lock somebody out"
        secrets = [str(value) for value in subject.wrong_credentials.values()]
        assert not any(value in error.message for value in secrets)

    def test_a_service_that_does_not_answer_costs_interruptions(self, bench: Bench, subject: Subject) -> None:
        needs(subject.unreachable, "service that could be away")
        assert subject.unreachable is not None
        error = self._error(bench, subject.unreachable, again=1)
        assert error.type == "lost"
        assert "interrupted 2 times" in error.message
        starts = [
            each for each in bench.events if each["event"] == "combination-started" and each["job"] == "job"
        ]
        assert len(starts) == 2
