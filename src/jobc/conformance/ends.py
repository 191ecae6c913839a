"""A task ends when its time is over or when somebody ends it, and what it started ends with it."""

from __future__ import annotations

from typing import Any

from jobc.conformance.bench import Bench
from jobc.conformance.subject import Subject
from jobc.conformance.suite import Suite


def at(text: str, act: Any) -> Any:
    """Act when a line of the log is seen."""

    def seen(event: dict[str, Any], control: Any) -> None:
        if event["event"] == "log" and event["text"] == text:
            act(control)

    return seen


class Ends(Suite):
    def test_a_job_that_runs_too_long_fails(self, bench: Bench, subject: Subject) -> None:
        result = bench.run(
            """
            jobs:
              job:
                timeout: 3s
                stages:
                  - {bash: "echo begun; sleep 600"}
                  - {echo: cleaned up, condition: "always()"}
            """
        )
        combination = result.jobs["job"].combinations[0]
        assert (result.status, combination.status) == ("failed", "failed")
        assert combination.error is not None
        assert combination.error.type == "timeout", combination.error.message
        assert not result.timed_out
        assert bench.log() == ["begun", "cleaned up"]
        assert subject.leftovers() == []

    def test_a_stage_that_runs_too_long_fails_alone(self, bench: Bench) -> None:
        result = bench.run(
            """
            jobs:
              job:
                stages:
                  - {bash: "sleep 600", timeout: 1s, continue-on-error: true}
                  - {echo: went on}
            """
        )
        assert result.status == "success"
        assert bench.log() == ["went on"]

    def test_a_cancelled_job_has_time_to_end(self, bench: Bench, subject: Subject) -> None:
        result = bench.run(
            """
            jobs:
              job:
                stages:
                  - bash: |
                      trap 'echo bye; exit 0' TERM
                      echo ready
                      i=0; while [ $i -lt 6000 ]; do sleep 0.1; i=$((i + 1)); done
              after: {needs: [job], stages: [{echo: never}]}
              cleanup: {needs: [job], trigger-rule: all_done, stages: [{echo: "after ${{ needs.job.result }}"}]}
            """,
            seen=at("ready", lambda control: control.cancel("enough")),
        )
        assert result.status == "cancel"
        assert {id: job.status for id, job in result.jobs.items()} == {
            "job": "cancel",
            "after": "cancel",
            "cleanup": "success",
        }
        assert bench.log()[0] == "ready"
        assert "bye" in bench.log()
        assert bench.log("cleanup") == ["after cancel"]
        assert subject.leftovers() == []

    def test_a_job_that_will_not_end_is_killed(self, bench: Bench, subject: Subject) -> None:
        result = bench.run(
            """
            jobs:
              job:
                stages:
                  - bash: |
                      trap '' TERM INT
                      echo ready
                      while true; do sleep 1; done
            """,
            seen=at("ready", lambda control: control.cancel("enough")),
            grace=1.0,
        )
        assert result.status == "cancel", result.to_json()
        assert not result.timed_out
        assert subject.leftovers() == []

    def test_a_second_signal_ends_everything_at_once(self, bench: Bench, subject: Subject) -> None:
        def both(control: Any) -> None:
            control.cancel("enough")
            control.kill()

        result = bench.run(
            """
            jobs:
              job:
                stages:
                  - bash: "trap '' TERM INT; echo ready; while true; do sleep 1; done"
                  - {echo: cleaned up, condition: "always()"}
            """,
            seen=at("ready", both),
            grace=200.0,
        )
        assert result.status == "cancel", result.to_json()
        assert not result.timed_out
        assert subject.leftovers() == []

    def test_the_first_failure_ends_the_others_where_it_is_to(self, bench: Bench, subject: Subject) -> None:
        result = bench.run(
            """
            jobs:
              job:
                strategy: {matrix: {n: [1, 2, 3]}, max-parallel: 2, fail-fast: true}
                stages: [{bash: '[ ${{ matrix.n }} = 2 ] && { sleep 1; exit 1; }; echo ready; sleep 600'}]
            """
        )
        assert [each.status for each in result.jobs["job"].combinations] == ["cancel", "failed", "cancel"]
        assert not result.timed_out
        assert subject.leftovers() == []

    def test_nothing_is_left_of_a_run(self, bench: Bench, subject: Subject) -> None:
        bench.run(
            """
            jobs:
              good: {stages: [{echo: hi}]}
              bad: {stages: [{bash: "exit 1"}]}
            """
        )
        assert subject.leftovers() == []
