"""The engine dies by SIGKILL, and another one goes on: nothing is run twice, nothing is recorded twice, nothing is lost.

What counts is what the journal has: there a line is once, whoever died when. Its listener an engine tells of a line before or
after the line is committed. So the next one may tell its own listener what the first told last, and what was committed just
before the death nobody may have been told; each of them tells a line once.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from jobc.backends.api import Capabilities
from jobc.conformance.bench import Bench
from jobc.conformance.subject import Subject
from jobc.conformance.suite import Suite, needs

_LINES = 60
_TEXT = """
jobs:
  job:
    strategy: {matrix: {n: [1, 2]}, max-parallel: 2}
    stages:
      - {id: first, bash: 'echo first'}
      - id: long
        bash: |
          token=$$-$(date +%s%N)
          i=0
          while [ $i -lt 60 ]; do echo "$i ${{ matrix.n }} $token"; i=$((i + 1)); sleep 0.1; done
          echo "token=$token" >> "$JOBC_OUTPUT"
  next: {needs: [job], stages: [{echo: "after ${{ needs.job.result }}"}]}
"""


def killed(
    bench: Bench, text: str, when: Callable[[dict[str, Any]], bool], *, dies: int = 0
) -> list[dict[str, Any]]:
    """Run a jobs file in a process that gets SIGKILL when an event is seen; its events until then."""
    subject = bench.subject
    given = {
        "prelude": subject.prelude,
        "type": subject.type,
        "arguments": subject.arguments,
        "text": text,
        "state": bench.state,
        "workdir": str(bench.workdir),
        "run_id": "survivor",
        "parallel": subject.parallel,
        "dies": dies,
    }
    child = subprocess.Popen(
        [sys.executable, "-m", "jobc.conformance.submitter"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    events: list[dict[str, Any]] = []
    try:
        child.stdin.write(json.dumps(given))
        child.stdin.close()
        for line in child.stdout:
            if not line.endswith("\n"):
                break
            events.append(json.loads(line))
            if when(events[-1]):
                os.kill(child.pid, signal.SIGKILL)
                break
    finally:
        child.kill()
        child.stdout.close()
        child.wait()
    assert child.returncode == -signal.SIGKILL
    assert not any(event["event"] == "run-ended" for event in events), "it died too late"
    return events


def _told(events: list[dict[str, Any]]) -> list[str]:
    """The lines of the long stage that a listener heard."""
    return [
        event["text"]
        for event in events
        if event["event"] == "log" and event["job"] == "job" and event["stage"] == "long"
    ]


def _kept(bench: Bench) -> list[str]:
    """Those that the journal has."""
    rows = bench.rows("SELECT text FROM logs WHERE job = 0 AND stage = 'long' ORDER BY seq")
    return "".join(row["text"] for row in rows).splitlines()


class Survival(Suite):
    def _is_whole(self, bench: Bench, subject: Subject) -> None:
        """Every combination ran once, and its log is there once, in the journal."""
        for combination in (0, 1):
            query = f"SELECT text FROM logs WHERE job = 0 AND stage = 'long' AND combination = {combination} ORDER BY seq"
            kept = "".join(row["text"] for row in bench.rows(query)).splitlines()
            token = kept[0].split()[2]
            assert kept == [f"{n} {combination + 1} {token}" for n in range(_LINES)]
        attempts = bench.rows("SELECT combination, attempt, restarts, status FROM combinations WHERE job = 0")
        assert [tuple(row.values()) for row in attempts] == [(0, 1, 0, "success"), (1, 1, 0, "success")]
        firsts = bench.rows("SELECT text FROM logs WHERE job = 0 AND stage = 'first'")
        assert [row["text"] for row in firsts] == ["first\n", "first\n"]
        begun = bench.rows("SELECT combination, stage FROM events WHERE event = 'stage-started' AND job = 0")
        assert sorted(tuple(row.values()) for row in begun) == [
            (n, stage) for n in (0, 1) for stage in ("first", "long")
        ]
        assert subject.leftovers() == []

    def test_another_engine_goes_on_with_what_runs(
        self, bench: Bench, subject: Subject, capabilities: Capabilities
    ) -> None:
        needs(capabilities.reattach, "tasks that outlive the engine")

        def is_time(event: dict[str, Any]) -> bool:
            return event["event"] == "log" and str(event["text"]).startswith("12 2 ")

        before = killed(bench, _TEXT, is_time)
        at_death = _kept(bench)
        result = bench.resume("survivor")
        assert result.status == "success", result.to_json()
        assert bench.log("next") == ["after success"]
        self._is_whole(bench, subject)
        first, second = _told(before), _told(bench.events)
        for told in (first, second):
            assert len(told) == len(set(told)), "a line was told twice"
        assert {*first, *second} <= set(_kept(bench))
        assert not {*at_death} & {*second}, "what was recorded was told again"

    def test_a_death_between_submission_and_its_record_submits_nothing_twice(
        self, bench: Bench, subject: Subject, capabilities: Capabilities
    ) -> None:
        needs(capabilities.reattach, "tasks that outlive the engine")
        killed(bench, _TEXT, lambda event: False, dies=2)
        result = bench.resume("survivor")
        assert result.status == "success", result.to_json()
        self._is_whole(bench, subject)

    def test_what_another_engine_ended_is_cached(
        self, bench: Bench, subject: Subject, capabilities: Capabilities
    ) -> None:
        needs(capabilities.reattach and capabilities.files, "cache for tasks that outlive the engine")
        text = """
        jobs:
          job:
            cache: true
            stages: [{id: s, bash: 'echo begun; sleep 3; echo x=1 >> "$JOBC_OUTPUT"'}]
        """
        killed(bench, text, lambda event: event["event"] == "log" and event["text"] == "begun")
        result = bench.resume("survivor")
        assert result.status == "success", result.to_json()
        said = result.jobs["job"].combinations[0].cache
        assert said == {"hit": False, "reason": "no entry yet", "from_run": None}
        again = bench.run(text)
        assert again.jobs["job"].outputs == {"x": "1"}
        assert again.jobs["job"].reason == "cached from run survivor"
        assert subject.leftovers() == []

    def test_it_ends_while_nobody_looks(
        self, bench: Bench, subject: Subject, capabilities: Capabilities
    ) -> None:
        needs(capabilities.reattach, "tasks that outlive the engine")
        import time

        def is_time(event: dict[str, Any]) -> bool:
            return event["event"] == "log" and str(event["text"]).startswith("50 1 ")

        killed(bench, _TEXT, is_time)
        time.sleep(4.0)
        result = bench.resume("survivor")
        assert result.status == "success", result.to_json()
        self._is_whole(bench, subject)

    def test_engines_that_die_one_after_the_other(
        self, bench: Bench, subject: Subject, capabilities: Capabilities
    ) -> None:
        """The first dies early; of the second nothing is told but that it dies at some later line; the third ends it."""
        needs(capabilities.reattach, "tasks that outlive the engine")
        killed(bench, _TEXT, lambda event: event["event"] == "stage-started" and event["stage"] == "long")
        child = subprocess.Popen(
            [sys.executable, "-c", _RESUMER, bench.state, str(bench.workdir), subject.prelude],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert child.stdout is not None
        for line in child.stdout:
            if line.startswith("20 "):
                break
        child.kill()
        child.stdout.close()
        assert child.wait() == -signal.SIGKILL
        result = bench.resume("survivor")
        assert result.status == "success", result.to_json()
        self._is_whole(bench, subject)

    def test_a_resumed_run_can_be_cancelled(
        self, bench: Bench, subject: Subject, capabilities: Capabilities
    ) -> None:
        needs(capabilities.reattach, "tasks that outlive the engine")
        killed(
            bench,
            "jobs: {job: {stages: [{bash: 'echo ready; sleep 600'}]}}",
            lambda event: event["event"] == "log",
        )
        from jobc.engine.control import Control

        control = Control()
        control.cancel("enough")
        result = bench.resume("survivor", control=control)
        assert result.status == "cancel"
        assert subject.leftovers() == []

    def test_an_engine_that_dies_here_leaves_a_run_that_can_be_resumed(
        self, bench: Bench, capabilities: Capabilities
    ) -> None:
        text = """
        jobs:
          quick: {stages: [{echo: done}]}
          job: {needs: [quick], stages: [{id: s, bash: 'echo ready; sleep 3; echo end'}]}
        """
        killed(bench, text, lambda event: event["event"] == "log" and event["text"] == "ready")
        result = bench.resume("survivor")
        assert result.status == "success"
        assert result.jobs["quick"].attempts == 1
        attempt = bench.rows("SELECT restarts FROM combinations WHERE job = 1")
        assert [row["restarts"] for row in attempt] == [0 if capabilities.reattach else 1]


_RESUMER = """
import sys
from jobc.conformance.bench import ENVIRON
from jobc.engine.journal.journal import Journal, path_in
from jobc.engine.options import Options
from jobc.engine.resuming.resume import resume
from jobc.engine.storage.store import path_in as store_in
state, workdir, prelude = sys.argv[1:]
exec(prelude)
def tell(event):
    if event["event"] == "log":
        sys.stdout.write(event["text"] + "\\n")
        sys.stdout.flush()
options = Options(environ=dict(ENVIRON), store=store_in(state))
resume(Journal.create(path_in(state)), "survivor", options, listener=tell)
"""
