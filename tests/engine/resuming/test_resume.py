"""Going on with a run from its journal. An engine's death at an instant is a copy of the journal made then."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from engine_programs import Builder, Scripted, failure, run, statuses, success
from surviving import Surviving, program

from jobc.engine.journal.history import History
from jobc.engine.journal.journal import Journal, path_in
from jobc.engine.options import Options
from jobc.engine.resuming.changes import CHANGED, DOWNSTREAM, UNCHANGED
from jobc.engine.resuming.resume import ACCEPT, IGNORE, ChangedError, resume
from jobc.engine.sharing import lease
from jobc.errors import ParamError, StateError, UsageError
from jobc.ir.program import Concurrency, Param


@pytest.fixture
def journal(tmp_path):
    journal = Journal.create(path_in(str(tmp_path / ".jobc")))
    yield journal
    journal.close()


class Death(Exception):
    """What ends the engine of a test once its journal was copied."""


class Dying(Scripted):
    """Copies the journal when a task is submitted that `at` says yes to, as if the engine died then."""

    def __init__(self, journal, copy, at, outcome=None):
        super().__init__(outcome)
        self.journal, self.copy, self.at = journal, copy, at

    def submit(self, task):
        if self.at(task) and not self.copy.exists():
            self.copy.parent.mkdir(parents=True)
            source, target = sqlite3.connect(self.journal.path), sqlite3.connect(self.copy)
            source.backup(target)
            source.close()
            target.close()
        return super().submit(task)


def job_of(task):
    return task.program.workflows[task.workflow].jobs[task.job].id


@pytest.fixture
def dead(journal, tmp_path):
    """`dead(builder, at, outcome)`: the journal of a run whose engine died when that task was submitted."""
    opened = []

    def make(builder, at, outcome=None, **options):
        copy = Path(path_in(str(tmp_path / "dead" / ".jobc")))
        run(builder, backend=Dying(journal, copy, at, outcome), journal=journal, run_id="one", **options)
        assert copy.exists(), "the engine did not come to its death"
        found = Journal.create(str(copy))
        opened.append(found)
        return found

    yield make
    for each in opened:
        each.close()


def go_on(journal, outcome=None, backend=None, **more):
    chosen = backend or Scripted(outcome)
    options = Options(backend=lambda name: chosen, **more.pop("options", {}))
    result = resume(journal, "one", options, **more)
    return result, chosen


def test_what_had_ended_is_not_run_again_and_others_see_it_as_it_was(dead):
    builder = Builder()
    builder.job("a", matrix={"x": [1, 2]})
    builder.job("b", ["a"], condition=["==", ["get", ["get", ["name", "needs"], "a"], "result"], "success"])
    builder.job("c", ["b"])
    outcome = lambda task: success(task, y=task.inputs.matrix.get("x", 0))  # noqa: E731
    journal = dead(builder, lambda task: job_of(task) == "b", outcome)
    seen = []
    result, backend = go_on(journal, lambda task: seen.append(task.inputs.needs) or success(task))
    assert backend.submitted == ["b", "c"]
    assert statuses(result) == {"a": "success", "b": "success", "c": "success"}
    assert seen[0]["a"]["outputs"] == {"y": [1, 2]}
    assert [each["matrix"] for each in seen[0]["a"]["combinations"]] == [{"x": 1}, {"x": 2}]
    assert [each.outputs for each in result.jobs["a"].combinations] == [{"y": 1}, {"y": 2}]
    (row,) = journal.rows("SELECT status, resumes FROM runs")
    assert row == {"status": "success", "resumes": 1}


def test_half_a_matrix_goes_on_with_the_other_half(dead):
    builder = Builder()
    builder.job("a", matrix={"x": [1, 2, 3, 4]}, max_parallel=1)
    journal = dead(
        builder,
        lambda task: task.inputs.matrix["x"] == 3,
        lambda task: success(task, y=task.inputs.matrix["x"]),
    )
    result, backend = go_on(journal, lambda task: success(task, y=task.inputs.matrix["x"] * 10))
    assert backend.submitted == ["a[2]", "a[3]"]
    assert result.jobs["a"].outputs == {"y": [1, 2, 30, 40]}
    assert result.jobs["a"].attempts == 1


def test_a_matrix_stays_what_it_was_though_its_expression_would_give_another(dead):
    builder = Builder()
    builder.job("a")
    builder.job("b", ["a"], matrix={"x": ("call", "fromJson", ["call", "env", "VALUES"])}, max_parallel=1)
    first = {"environ": {"VALUES": "[1, 2.5, null]"}}
    journal = dead(builder, lambda task: task.inputs.matrix.get("x") == 2.5, **first)
    result, backend = go_on(journal, options={"environ": {"VALUES": "[7]"}})
    assert [each.matrix for each in result.jobs["b"].combinations] == [{"x": 1}, {"x": 2.5}, {"x": None}]
    assert backend.submitted == ["b[1]", "b[2]"]


def test_parameters_come_back_in_their_exact_types(dead):
    builder = Builder()
    builder.program.workflows[0].params = [
        Param(name, type)
        for name, type in (("d", "date"), ("t", "datetime"), ("p", "decimal"), ("l", "list"))
    ]
    builder.job("a")
    params = {
        "d": date(2026, 2, 28),
        "t": datetime(2026, 1, 1, 12, 30, 0, 5, tzinfo=UTC),
        "p": Decimal("1.10"),
        "l": [1, 1.0, "1", None, True],
    }
    journal = dead(builder, lambda task: True, params=params)
    seen = []
    go_on(journal, lambda task: seen.append(task.inputs.params) or success(task))
    assert seen == [params]
    assert [type(value) for value in seen[0].values()] == [date, datetime, Decimal, list]
    assert str(seen[0]["p"]) == "1.10"
    assert [type(value) for value in seen[0]["l"]] == [int, float, str, type(None), bool]


def test_an_interrupted_attempt_uses_up_nothing_of_the_retry_budget(dead):
    builder = Builder()
    job = builder.job("a")
    job.retry = builder.retry(1)
    journal = dead(builder, lambda task: True)
    tries = []

    def outcome(task):
        tries.append((task.inputs.run["attempt"], task.name))
        return failure(task) if len(tries) == 1 else success(task)

    result, _ = go_on(journal, outcome)
    assert statuses(result) == {"a": "success"}
    assert [attempt for attempt, _ in tries] == [1, 2]
    assert len({name for _, name in tries}) == 2
    assert result.jobs["a"].attempts == 2


def test_interruptions_have_a_budget_of_their_own(dead):
    builder = Builder()
    builder.job("a")
    journal = dead(builder, lambda task: True)
    journal.connection.execute("UPDATE combinations SET restarts = 3")
    result, backend = go_on(journal, options={"environ": {"JOBC_MAX_INTERRUPTIONS": "3"}})
    assert backend.submitted == []
    assert "interrupted 4 times" in result.jobs["a"].reason
    assert result.status == "failed"


def test_a_pending_retry_waits_for_the_rest_of_its_delay(dead):
    builder = Builder()
    job = builder.job("a")
    job.retry = builder.retry(2, delay=0.01)
    builder.job("b")
    journal = dead(builder, lambda task: job_of(task) == "a" and task.inputs.run["attempt"] == 2, failure)
    # As it stood before the second attempt began, with a long delay of which most is over.
    journal.connection.execute("DELETE FROM combinations WHERE attempt = 2")
    now = time.time()
    journal.connection.execute(
        "UPDATE combinations SET ended = ?, retry_at = ? WHERE attempt = 1 AND job = 0",
        (now - 1000, now + 0.2),
    )
    begun = time.monotonic()
    attempts = []
    result, _ = go_on(journal, lambda task: attempts.append(task.inputs.run["attempt"]) or success(task))
    assert attempts == [2]
    assert time.monotonic() - begun >= 0.15
    assert result.jobs["a"].attempts == 2


def test_a_clock_that_was_set_back_does_not_lengthen_a_delay(dead):
    builder = Builder()
    builder.job("a").retry = builder.retry(2, delay=0.01)
    journal = dead(builder, lambda task: task.inputs.run["attempt"] == 2, failure)
    journal.connection.execute("DELETE FROM combinations WHERE attempt = 2")
    later = time.time() + 10_000
    journal.connection.execute("UPDATE combinations SET ended = ?, retry_at = ?", (later, later + 0.05))
    result, _ = go_on(journal)
    assert statuses(result) == {"a": "success"}


def test_fail_fast_holds_after_the_death(dead):
    builder = Builder()
    builder.job("a", matrix={"x": [1, 2, 3]}, max_parallel=2, fail_fast=True)
    journal = dead(builder, lambda task: task.inputs.matrix["x"] == 2)
    journal.connection.execute(
        "UPDATE combinations SET status = 'failed', ended = 1, outputs = '{}' WHERE combination = 0"
    )
    result, backend = go_on(journal)
    assert backend.submitted == []
    assert [each.status for each in result.jobs["a"].combinations] == ["failed", "cancel", "cancel"]


def test_a_job_in_a_queue_comes_to_its_group_in_the_old_order_and_is_not_judged_again(dead):
    builder = Builder()
    for id in ("z", "y", "x"):
        job = builder.job(id, condition=["==", ["call", "env", "GO"], "yes"])
        job.concurrency = Concurrency(builder.constant("g"))
    journal = dead(builder, lambda task: job_of(task) == "z", environ={"GO": "yes"})
    journal.connection.execute("UPDATE jobs SET queued = -position WHERE id != 'z'")
    result, backend = go_on(journal, options={"environ": {"GO": "no"}})
    assert backend.submitted == ["z", "x", "y"]
    assert set(statuses(result).values()) == {"success"}


def test_a_triggered_run_is_gone_on_with_and_not_triggered_again(journal, tmp_path):
    """With the real interpreter: nested runs exist on hosted backends alone."""
    builder = Builder()
    inner = builder.workflow("inner")
    builder.job("i", workflow=inner)
    builder.job("j", ["i"], workflow=inner)
    builder.job("a").stages = [builder.trigger(inner, {"n": 7})]
    copy = Path(path_in(str(tmp_path / "dead" / ".jobc")))

    def listener(event):
        if event["event"] == "job-ended" and event["job"] == "i" and not copy.exists():
            journal.flush()
            copy.parent.mkdir(parents=True)
            source, target = sqlite3.connect(journal.path), sqlite3.connect(copy)
            source.backup(target)
            source.close()
            target.close()

    from jobc.engine.run import execute

    execute(builder.program, {}, Options(journal=journal, run_id="one", workdir=str(tmp_path)), listener)
    other = Journal.create(str(copy))
    events = []
    result = resume(other, "one", Options(), listener=events.append)
    assert result.status == "success"
    runs = [row["id"] for row in other.rows("SELECT id FROM runs ORDER BY run")]
    assert runs == ["one", "one.1"]
    begun = [event["job"] for event in events if event["event"] == "combination-started"]
    assert begun == ["a", "j"]
    assert json.loads(other.rows("SELECT params FROM runs WHERE id = 'one.1'")[0]["params"]) == {"n": 7}
    other.close()


# Runs that have ended


def test_a_run_that_has_ended_comes_back_as_it_was(journal):
    builder = Builder()
    builder.job("a", matrix={"x": [1, 2]})
    builder.job("b", ["a"])
    before = run(
        builder,
        lambda task: failure(task) if job_of(task) == "b" else success(task, y=1),
        journal=journal,
        run_id="one",
    )
    result, backend = go_on(journal)
    assert backend.submitted == []
    assert (result.status, result.reason, result.outputs) == (before.status, before.reason, before.outputs)
    assert result.to_json()["jobs"] == before.to_json()["jobs"]


def test_failed_only_runs_what_failed_and_what_was_skipped_because_of_it(journal):
    builder = Builder()
    builder.job("ok")
    builder.job("m", matrix={"x": [1, 2, 3]}, max_parallel=1)
    builder.job("after", ["m"])
    builder.job("cleanup", ["m", "after"], "all_done")

    def bad(task):
        return (
            failure(task)
            if task.inputs.matrix.get("x") == 2
            else success(task, y=task.inputs.matrix.get("x"))
        )

    first = run(builder, bad, journal=journal, run_id="one")
    assert statuses(first) == {"ok": "success", "m": "failed", "after": "skip", "cleanup": "success"}
    seen = []

    def good(task):
        seen.append(task.inputs.run["attempt"])
        return success(task, y=20)

    result, backend = go_on(journal, good, failed_only=True)
    assert backend.submitted == ["m[1]", "after"]
    assert seen == [2, 1]
    assert set(statuses(result).values()) == {"success"}
    assert result.jobs["m"].outputs == {"y": [1, 20, 3]}
    again, backend = go_on(journal, failed_only=True)
    assert backend.submitted == []
    assert again.status == "success"


def test_failed_only_gives_a_new_retry_budget(journal):
    builder = Builder()
    builder.job("a").retry = builder.retry(1)
    run(builder, failure, journal=journal, run_id="one")
    attempts = []

    def outcome(task):
        attempts.append(task.inputs.run["attempt"])
        return failure(task)

    result, _ = go_on(journal, outcome, failed_only=True)
    assert attempts == [3, 4]
    assert result.status == "failed"


def test_failed_only_expands_a_matrix_anew_behind_a_job_that_runs_again(journal):
    builder = Builder()
    builder.job("a")
    values = ["??", ["get", ["get", ["get", ["name", "needs"], "a"], "outputs"], "list"], ["list", 1, 2]]
    builder.job("b", ["a"], "all_done", matrix={"x": tuple(values)})
    run(builder, failure, journal=journal, run_id="one")
    outcome = lambda task: success(task, list=[7, 8, 9])  # noqa: E731
    result, _ = go_on(journal, outcome, failed_only=True)
    assert [each.matrix for each in result.jobs["b"].combinations] == [{"x": 7}, {"x": 8}, {"x": 9}]


def test_a_run_that_does_not_exist_is_refused_with_the_nearest_name(journal):
    builder = Builder()
    builder.job("a")
    run(builder, journal=journal, run_id="nightly-7")
    with pytest.raises(UsageError, match="no run `nigthly-7`") as caught:
        resume(journal, "nigthly-7")
    assert "nightly-7" in caught.value.help


# Changes


def changed(builder):
    """The same program with job `b` changed and every line moved."""
    other = Builder()
    other.span()
    other.job("new")
    other.job("a")
    other.job("b", ["a"], condition=True)
    other.job("c", ["b"])
    other.job("d", ["a"])
    return other.program


@pytest.fixture
def chain():
    builder = Builder()
    builder.job("a")
    builder.job("b", ["a"])
    builder.job("c", ["b"])
    builder.job("d", ["a"])
    return builder


def test_a_changed_program_is_refused_and_says_what_it_would_invalidate(chain, dead):
    journal = dead(chain, lambda task: job_of(task) == "d", max_parallel=1)
    with pytest.raises(ChangedError) as caught:
        go_on(journal, program=changed(chain))
    kinds = {job.id: job.kind for job in caught.value.changes.jobs}
    assert kinds == {"new": CHANGED, "a": UNCHANGED, "b": CHANGED, "c": DOWNSTREAM, "d": UNCHANGED}
    assert "--accept-changes" in caught.value.help
    assert journal.rows("SELECT resumes FROM runs") == [{"resumes": 0}]


def test_accepted_changes_run_again_with_what_comes_after_them(chain, dead):
    journal = dead(chain, lambda task: job_of(task) == "c", max_parallel=1)
    result, backend = go_on(journal, program=changed(chain), changes=ACCEPT)
    assert sorted(backend.submitted) == ["b", "c", "new"]
    assert set(statuses(result).values()) == {"success"}
    history = History(journal)
    detail = history.detail(history.find("one"))
    assert list(detail["jobs"]) == ["new", "a", "b", "c", "d"]
    assert {job["status"] for job in detail["jobs"].values()} == {"success"}


def test_what_was_accepted_holds_after_another_death(dead, tmp_path):
    builder = Builder()
    builder.program.workflows[0].params = [Param("x", "int")]
    builder.program.workflows[0].env = [("X", builder.code(["get", ["name", "params"], "x"]))]
    builder.job("a")
    journal = dead(builder, lambda task: True, params={"x": 1})
    other = Builder()
    other.program.workflows[0].params = [Param("x", "int")]
    other.program.workflows[0].env = [("X", other.code(["get", ["name", "params"], "x"]))]
    other.job("new")
    other.job("a", ["new"])
    copy = Path(path_in(str(tmp_path / "again" / ".jobc")))
    backend = Dying(journal, copy, lambda task: job_of(task) == "a")
    go_on(journal, backend=backend, program=other.program, params={"x": 2}, changes=ACCEPT)
    second = Journal.create(str(copy))
    seen = []
    result, backend = go_on(
        second, lambda task: seen.append(task.inputs) or success(task), program=other.program
    )
    second.close()
    assert backend.submitted == ["a"]
    assert list(result.jobs) == ["new", "a"]
    assert seen[0].params == {"x": 2}
    assert seen[0].env == {"X": "2"}


def test_ignored_changes_leave_the_run_with_what_it_began_with(chain, dead):
    journal = dead(chain, lambda task: job_of(task) == "c", max_parallel=1)
    result, backend = go_on(journal, program=changed(chain), changes=IGNORE)
    assert backend.submitted == ["c"]
    assert list(result.jobs) == ["a", "b", "c", "d"]


def test_lines_that_moved_are_no_change(chain, dead):
    journal = dead(chain, lambda task: job_of(task) == "b", max_parallel=1)
    moved = Builder()
    moved.span()
    for id, needs in (("a", []), ("b", ["a"]), ("c", ["b"]), ("d", ["a"])):
        moved.job(id, needs)
    result, backend = go_on(journal, program=moved.program)
    assert "a" not in backend.submitted
    assert result.status == "success"


def test_a_parameter_with_another_value_invalidates_the_jobs_that_read_it(dead):
    builder = Builder()
    builder.program.workflows[0].params = [Param("x", "int"), Param("y", "int")]
    builder.job("a", condition=["==", ["get", ["name", "params"], "x"], 1])
    builder.job("b", condition=["!=", ["get", ["name", "params"], "y"], 5])
    builder.job("c", ["b"])
    journal = dead(builder, lambda task: job_of(task) == "c", params={"x": 1, "y": 1}, max_parallel=1)
    with pytest.raises(ChangedError) as caught:
        go_on(journal, params={"y": "2"}, textual={"y"})
    assert {job.id for job in caught.value.changes.jobs if job.kind != UNCHANGED} == {"b", "c"}
    result, backend = go_on(journal, params={"y": "2"}, textual={"y"}, changes=ACCEPT)
    assert backend.submitted == ["b", "c"]
    same, _ = go_on(journal, params={"y": 2})
    assert same.status == result.status == "success"


# Secrets


def test_secrets_are_asked_for_again_and_never_kept(dead):
    builder = Builder()
    flow = builder.program.workflows[0]
    flow.secrets = ["TOKEN"]
    flow.params = [Param("key", "secret"), Param("open", "str")]
    flow.env = [("AUTH", builder.code(["text", "Bearer ", ["get", ["name", "secrets"], "TOKEN"], "!"]))]
    builder.job("a")
    params = {"key": "sw0rdfish", "open": "plain"}
    journal = dead(builder, lambda task: True, params=params, secrets={"TOKEN": "hunter22"})
    everything = Path(journal.path).read_bytes()
    assert b"hunter22" not in everything
    assert b"sw0rdfish" not in everything
    with pytest.raises(UsageError, match="TOKEN"):
        go_on(journal, params={"key": "sw0rdfish"})
    with pytest.raises(ParamError, match="`key` is a secret"):
        go_on(journal, options={"secrets": {"TOKEN": "hunter22"}})
    seen = []
    go_on(
        journal,
        lambda task: seen.append(task.inputs) or success(task),
        params={"key": "sw0rdfish"},
        options={"secrets": {"TOKEN": "rotated1"}},
    )
    assert seen[0].params == params
    assert seen[0].env == {"AUTH": "Bearer rotated1!"}


# One engine a run


def test_a_lease_is_had_once_and_given_back(tmp_path):
    path = str(tmp_path / "journal.db")
    give_back = lease.take(path, "one")
    assert lease.take(path, "one") is None
    lease.take(path, "two")()
    assert lease.take(path, "one") is None
    give_back()
    lease.take(path, "one")()


def test_a_lease_ends_with_its_process_and_not_with_that_ones_children(tmp_path):
    path = str(tmp_path / "journal.db")
    code = (
        "import os, sys, time\nfrom jobc.engine.sharing import lease\nassert lease.take(sys.argv[1], 'one')\n"
        "child = os.fork()\nif child == 0:\n    time.sleep(60)\n    os._exit(0)\nprint(child, flush=True)\ntime.sleep(60)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE, text=True)
    child = int(holder.stdout.readline())
    try:
        assert lease.take(path, "one") is None
        holder.kill()
        holder.wait()
        os.kill(child, 0)
        give_back = lease.take(path, "one")
        assert give_back is not None
        give_back()
    finally:
        os.kill(child, signal.SIGKILL)
        holder.stdout.close()


def test_a_run_that_still_runs_is_not_resumed(chain, journal):
    refused = []

    def outcome(task):
        if not refused:
            with pytest.raises(UsageError, match="still running") as caught:
                resume(journal, "one")
            refused.append(caught.value.help)
        return success(task)

    run(chain, outcome, journal=journal, run_id="one")
    assert "can be resumed once" in refused[0]


# Tasks that outlive their engine


@pytest.fixture
def orphaned(tmp_path):
    """(journal, folder, names) of a run whose engine was killed while two tasks ran that live on."""
    state, folder = tmp_path / ".jobc", tmp_path / "tasks"
    folder.mkdir()
    script = str(Path(__file__).parents[1] / "surviving.py")
    engine = subprocess.Popen([sys.executable, script, str(state), str(folder)])
    journal = Journal.create(path_in(str(state)))
    end = time.monotonic() + 60
    while len(journal.rows("SELECT 1 FROM combinations WHERE handle IS NOT NULL")) < 2:
        assert time.monotonic() < end, "the engine did not begin its tasks"
        time.sleep(0.01)
    engine.kill()
    engine.wait()
    yield journal, folder, [place.parent.name for place in folder.glob("*/pid")]
    journal.close()


def test_what_outlived_the_engine_is_taken_up_where_it_runs(orphaned):
    journal, folder, names = orphaned
    backend = Surviving(folder, seconds=0.01)
    result = resume(journal, "one", Options(backend=lambda name: backend), program=program())
    assert result.status == "success"
    assert result.jobs["a"].outputs == {"n": [0, 1, 2]}
    assert result.jobs["a"].attempts == 1
    assert not set(names) & set(backend.submitted), "it was submitted again though its handle was known"


def test_what_was_submitted_when_the_engine_died_before_it_knew_is_found_by_its_name(orphaned):
    journal, folder, names = orphaned
    journal.connection.execute("UPDATE combinations SET handle = NULL")
    backend = Surviving(folder, seconds=0.01)
    result = resume(journal, "one", Options(backend=lambda name: backend), program=program())
    assert result.status == "success"
    assert set(names) < set(backend.submitted)
    assert len(list(folder.iterdir())) == 4, "a task was started twice"


def test_a_task_that_was_lost_meanwhile_is_run_again(orphaned):
    journal, folder, names = orphaned
    for name in names:
        os.killpg(int((folder / name / "pid").read_text()), signal.SIGKILL)
        (folder / name / "preempted").touch()
    backend = Surviving(folder, seconds=0.01)
    result = resume(journal, "one", Options(backend=lambda name: backend), program=program())
    assert result.status == "success"
    assert result.jobs["a"].attempts == 2, (
        "what the environment takes away is an attempt, of a budget of its own"
    )
    rows = journal.rows("SELECT combination, attempt, status FROM combinations WHERE job = 0 ORDER BY 1, 2")
    ends = [(row["combination"], row["attempt"], row["status"]) for row in rows]
    assert ends == [
        *[
            (index, attempt, status)
            for index in (0, 1)
            for attempt, status in ((1, "failed"), (2, "success"))
        ],
        (2, 1, "success"),
    ]


# A journal that fails


def test_what_happens_while_the_disk_is_full_is_written_when_it_has_room_again(chain, journal):
    pages = journal.connection.execute("PRAGMA page_count").fetchone()[0]

    def outcome(task):
        if job_of(task) == "a":
            journal.connection.execute(f"PRAGMA max_page_count = {pages}")
            journal.log((1, 0, 0, 1, "s", "stdout"), "x" * 1_000_000, 0.0)
        return success(task, done=True)

    class Freed(Scripted):
        def close(self):
            journal.connection.execute("PRAGMA max_page_count = 1000000")

    result = run(chain, backend=Freed(outcome), journal=journal, run_id="one")
    assert result.state_error is None
    assert statuses(result) == {"a": "success", "b": "cancel", "c": "cancel", "d": "cancel"}
    assert "the disk is full" in result.reason
    after, backend = go_on(journal, failed_only=True)
    assert after.jobs["a"].outputs == {"done": True}
    assert "a" not in backend.submitted
    assert after.status == "success"


def test_a_journal_that_stays_broken_says_what_is_not_in_it(chain, journal):
    def outcome(task):
        if job_of(task) == "a":
            journal.connection.execute("PRAGMA query_only = 1")
        return success(task)

    result = run(chain, outcome, journal=journal, run_id="one")
    assert "not recorded is what became of `a`" in str(result.state_error)
    assert "read-only" in str(result.state_error)


def test_a_program_that_a_newer_jobc_wrote_is_refused(chain, journal):
    run(chain, failure, journal=journal, run_id="one")
    newer = b'{"format": "jobc", "version": 99}'
    journal.connection.execute("UPDATE programs SET ir = ?", (newer,))
    with pytest.raises(StateError, match="newer jobc"):
        resume(journal, "one", failed_only=True)
