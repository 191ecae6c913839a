"""`retry`: `preemptions` is a job's, and alone says nothing of failures."""

from __future__ import annotations

from jobc.source.file import SourceFile
from jobc.syntax.ast import Const
from jobc.syntax.build import parse


def test_preemptions_alone_try_no_failure_again() -> None:
    document = parse(SourceFile("a.job.yml", "jobs: {a: {retry: {preemptions: 5}, stages: [{bash: x}]}}"))
    assert not document.diagnostics
    retry = document.workflows[0].jobs[0].retry
    assert retry is not None
    assert isinstance(retry.attempts, Const)
    assert isinstance(retry.preemptions, Const)
    assert (retry.attempts.value, retry.preemptions.value) == (0, 5)


def test_beside_other_parts_they_keep_their_defaults() -> None:
    text = "jobs: {a: {retry: {preemptions: 5, delay: 1s}, stages: [{bash: x}]}}"
    retry = parse(SourceFile("a.job.yml", text)).workflows[0].jobs[0].retry
    assert retry is not None
    assert retry.attempts is None


def test_a_stage_has_none() -> None:
    text = "jobs:\n  a:\n    stages:\n      - bash: x\n        retry: {attempts: 1, preemptions: 5}\n"
    (found,) = parse(SourceFile("a.job.yml", text)).diagnostics
    assert found.message == "`preemptions` stands in the `retry` of a stage"
    assert found.help == "move it into the `retry` of the job: an environment takes away a whole job"
    assert (found.span.line, found.span.column) == (5, 43)


def test_less_than_none_is_wrong() -> None:
    text = "jobs: {a: {retry: {preemptions: -1}, stages: [{bash: x}]}}"
    (found,) = parse(SourceFile("a.job.yml", text)).diagnostics
    assert "`preemptions`" in found.message
