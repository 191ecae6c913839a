"""A job gives the same result there as here."""

from __future__ import annotations

from datetime import UTC, datetime

from jobc.conformance.bench import Bench
from jobc.conformance.subject import Subject
from jobc.conformance.suite import Suite, needs


class Results(Suite):
    def test_stages_run_in_order_and_their_outputs_reach_later_jobs(self, bench: Bench) -> None:
        result = bench.run(
            """
            jobs:
              job:
                stages:
                  - {id: one, bash: 'echo "x=1" >> "$JOBC_OUTPUT"'}
                  - {id: two, bash: 'echo "y=${{ stages.one.outputs.x }}2" >> "$JOBC_OUTPUT"; echo said'}
              next:
                needs: [job]
                outputs: {all: "${{ needs.job.outputs.x }}-${{ needs.job.outputs.y }}"}
                stages: [{echo: "after ${{ needs.job.result }}"}]
            """
        )
        assert result.status == "success", result.to_json()
        assert result.jobs["next"].outputs == {"all": "1-12"}
        assert bench.log() == ["said"]
        assert bench.log("next") == ["after success"]

    def test_events_are_those_of_a_run_here(self, bench: Bench) -> None:
        bench.run(
            """
            jobs:
              job:
                stages:
                  - {id: one, name: First, bash: "echo a; echo b >&2"}
                  - {echo: skipped, condition: "run.attempt == 7"}
                  - {id: three, bash: "exit 4", continue-on-error: true}
            """
        )
        kinds = [
            (each["event"], each["stage"]) for each in bench.events if each["event"].startswith("stage-")
        ]
        assert kinds == [
            ("stage-started", "one"),
            ("stage-ended", "one"),
            ("stage-ended", "1"),
            ("stage-started", "three"),
            ("stage-ended", "three"),
        ]
        one, skipped, three = (each for each in bench.events if each["event"] == "stage-ended")
        assert (one["id"], one["name"], one["status"], one["attempts"]) == ("one", "First", "success", 1)
        assert (skipped["id"], skipped["status"]) == (None, "skip")
        assert skipped["reason"]
        assert (three["status"], three["error"]["type"]) == ("failed", "exit")
        assert sorted(bench.log()) == ["a", "b"]
        assert all(each["run"] and each["time"].endswith("Z") for each in bench.events)
        rows = bench.rows("SELECT stage, status FROM stages ORDER BY started")
        assert sorted((row["stage"], row["status"]) for row in rows) == [
            ("1", "skip"),
            ("one", "success"),
            ("three", "failed"),
        ]

    def test_what_a_job_writes_is_told_while_it_runs(self, bench: Bench) -> None:
        def seen(event: object, control: object) -> None:
            if event["event"] == "log" and event["text"] == "ready":  # type: ignore[index]
                control.cancel("seen")  # type: ignore[attr-defined]

        result = bench.run("jobs: {job: {stages: [{bash: 'echo ready; sleep 600'}]}}", seen=seen)
        assert result.status == "cancel"
        assert not result.timed_out, "its output came only after its end"
        assert "ready" in bench.log()

    def test_an_exit_code_comes_back(self, bench: Bench) -> None:
        result = bench.run("jobs: {job: {stages: [{id: s, bash: 'echo before; exit 3'}]}}")
        stage = result.jobs["job"].combinations[0].stages[0]
        assert (result.status, stage.status) == ("failed", "failed")
        assert stage.error is not None
        assert (stage.error.type, stage.error.exit_code) == ("exit", 3)
        assert (stage.error.path, stage.error.line) == ("flow.job.yml", 1)
        assert bench.log() == ["before"]

    def test_a_signal_comes_back(self, bench: Bench) -> None:
        result = bench.run("jobs: {job: {stages: [{id: s, bash: 'kill -SEGV $$'}]}}")
        error = result.jobs["job"].combinations[0].error
        assert error is not None
        assert error.type == "signal", error.message
        assert "SEGV" in error.message

    def test_stages_are_retried_there(self, bench: Bench) -> None:
        result = bench.run(
            """
            jobs:
              job:
                stages:
                  - id: s
                    retry: {attempts: 2, delay: 0}
                    bash: 'echo "try $JOBC_ATTEMPT"; [ -e tried ] || { touch tried; exit 1; }; rm tried'
            """
        )
        assert result.status == "success"
        assert result.jobs["job"].combinations[0].stages[0].attempts == 2
        assert "stage-retrying" in [event["event"] for event in bench.events]

    def test_a_job_is_retried_as_a_whole(self, bench: Bench) -> None:
        result = bench.run(
            """
            jobs:
              job:
                retry: {attempts: 1, delay: 0}
                stages: [{bash: 'echo "attempt ${{ run.attempt }}"; [ ${{ run.attempt }} = 2 ]'}]
            """
        )
        assert result.status == "success"
        assert bench.log() == ["attempt 1", "attempt 2"]

    def test_nested_stages_and_clean_up(self, bench: Bench) -> None:
        result = bench.run(
            """
            jobs:
              job:
                stages:
                  - id: each
                    foreach: [a, b, c]
                    stages: [{echo: "item ${{ item }}"}]
                  - {bash: "exit 1"}
                  - {echo: cleaned up, condition: "always()"}
            """
        )
        assert result.status == "failed"
        assert bench.log() == ["item a", "item b", "item c", "cleaned up"]
        assert [each.path for each in result.jobs["job"].combinations[0].stages] == [
            "each",
            "each[0].0",
            "each[1].0",
            "each[2].0",
            "1",
            "2",
        ]

    def test_many_combinations_keep_their_order(self, bench: Bench, subject: Subject) -> None:
        count = subject.combinations
        result = bench.run(
            f"""
            jobs:
              job:
                strategy: {{matrix: {{n: "${{{{ range({count}) }}}}"}}, max-parallel: {count}}}
                stages: [{{bash: 'echo "v=$(( ${{{{ matrix.n }}}} * 2 ))" >> "$JOBC_OUTPUT"'}}]
            """
        )
        assert result.status == "success", result.jobs["job"].reason
        assert result.jobs["job"].outputs["v"] == [str(2 * n) for n in range(count)]
        rows = bench.rows("SELECT combination, status, attempt FROM combinations ORDER BY combination")
        assert [tuple(row.values()) for row in rows] == [(n, "success", 1) for n in range(count)]

    def test_python_stages_get_values_with_their_types(self, bench: Bench, subject: Subject) -> None:
        needs(subject.python, "Python")
        result = bench.run(
            """
            params: {day: date, price: decimal, tags: list}
            jobs:
              job:
                stages:
                  - run: |
                      next_day = params.day.replace(day=params.day.day + 1)
                      kinds = [type(params.day).__name__, type(params.price).__name__, type(params.tags).__name__]
                      text = str(next_day)
            """,
            {"day": "2026-01-30", "price": "1.10", "tags": ["a"]},
        )
        assert result.status == "success", result.to_json()
        assert result.jobs["job"].outputs["kinds"] == ["date", "Decimal", "list"]
        assert result.jobs["job"].outputs["text"] == "2026-01-31"

    def test_the_clock_is_that_of_the_run(self, bench: Bench) -> None:
        result = bench.run(
            "jobs: {job: {outputs: {at: '${{ datetime.now().isoformat() }}'}, stages: [{echo: hi}]}}",
            now=datetime(2020, 2, 29, 12, tzinfo=UTC),
        )
        assert result.jobs["job"].outputs == {"at": "2020-02-29T12:00:00+00:00"}
