"""The journal: what it holds, what it never holds, and what a broken one says."""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from pathlib import Path

import pytest
from engine_programs import Builder, Scripted, failure, run, success

from jobc.engine.journal.history import History
from jobc.engine.journal.journal import Journal, path_in
from jobc.engine.journal.log_lines import LogPlace, LogReader
from jobc.engine.journal.schema import MIGRATIONS
from jobc.engine.options import Options
from jobc.engine.run import execute
from jobc.engine.sharing import owner
from jobc.errors import StateError, UsageError
from jobc.interpreter.api import StageResult
from jobc.ir.program import EmptyStage, Param


@pytest.fixture
def state(tmp_path):
    return str(tmp_path / ".jobc")


@pytest.fixture
def journal(state):
    journal = Journal.create(path_in(state))
    yield journal
    journal.close()


def test_a_run_can_be_read_as_it_was(state, journal):
    builder = Builder()
    builder.job("a", matrix={"x": [1, 2]})
    builder.job("b", ["a"])
    builder.job("c", ["b"])
    outcome = lambda task: failure(task) if task.job == 1 else success(task, y=task.inputs.matrix.get("x"))  # noqa: E731
    result = run(builder, outcome, journal=journal, params={"p": 1}, run_id="first")
    history = History.open(state)
    detail = history.detail(history.find("last"))
    assert detail["run_id"] == "first"
    assert detail["status"] == "failed"
    assert detail["params"] == {"p": 1}
    for id, job in result.jobs.items():
        kept = detail["jobs"][id]
        assert (kept["status"], kept["reason"], kept["outputs"]) == (job.status, job.reason, job.outputs)
        assert [each["matrix"] for each in kept["combinations"]] == [each.matrix for each in job.combinations]
    history.close()


def test_what_is_committed_can_be_read_before_the_run_has_ended(state, journal):
    builder = Builder()
    builder.job("a")
    builder.job("b", ["a"])
    seen = {}

    def submitted(task):
        if task.job == 1:
            history = History.open(state)
            seen.update(history.detail(history.find("last")))
            history.close()

    backend = Scripted()
    backend.on_submit = submitted
    run(builder, backend=backend, journal=journal)
    assert seen["status"] == "running"
    assert seen["jobs"]["a"]["status"] == "success"
    assert seen["jobs"]["b"]["combinations"][0]["status"] == "running"


def test_secrets_never_enter_the_journal(state, journal):
    builder = Builder()
    builder.job("a").stages[0].id = "s"
    flow = builder.program.workflows[0]
    flow.secrets = ["TOKEN"]
    flow.params = [Param("key", "secret"), Param("open", "str")]
    outcome = lambda task: success(  # noqa: E731
        task, leak=f"x{task.inputs.secrets['TOKEN']}y", other=[task.inputs.params["key"]]
    )
    events = []
    secrets = {"TOKEN": "hunter22", "UNUSED": "zzzzzzzz"}
    params = {"key": "sw0rdfish", "open": "plain"}
    result = run(builder, outcome, journal=journal, params=params, secrets=secrets, listener=events.append)
    assert result.jobs["a"].outputs["leak"] == "xhunter22y"
    everything = b"".join(Path(path_in(state) + suffix).read_bytes() for suffix in ("", "-wal"))
    for text in (everything.decode("latin-1"), repr(events), repr(result.to_json())):
        assert "hunter22" not in text
        assert "sw0rdfish" not in text
    assert b"plain" in everything


def test_a_declared_secret_without_a_value_is_refused_before_anything_runs(journal):
    builder = Builder()
    builder.job("a")
    builder.program.workflows[0].secrets = ["TOKEN", "OTHER"]
    with pytest.raises(UsageError, match="TOKEN, OTHER") as caught:
        run(builder, journal=journal, environ={})
    assert "JOBC_SECRET_TOKEN" in caught.value.help
    assert journal.rows("SELECT * FROM runs") == []
    run(builder, journal=journal, environ={"JOBC_SECRET_TOKEN": "abcd", "JOBC_SECRET_OTHER": "efgh"})


def test_a_run_id_is_used_once(journal):
    builder = Builder()
    builder.job("a")
    run(builder, journal=journal, run_id="mine")
    with pytest.raises(UsageError, match="mine"):
        run(builder, journal=journal, run_id="mine")
    with pytest.raises(UsageError, match="cannot be a run id"):
        run(builder, journal=journal, run_id="../x")


def test_a_run_is_found_by_the_beginning_of_its_id(state, journal):
    builder = Builder()
    builder.job("a")
    run(builder, journal=journal, run_id="abc-1")
    run(builder, journal=journal, run_id="abd-2")
    history = History.open(state)
    assert history.find("abc")["id"] == "abc-1"
    assert history.find("last")["id"] == "abd-2"
    with pytest.raises(UsageError, match="2 runs begin with `ab`"):
        history.find("ab")
    with pytest.raises(UsageError, match="no run `x`"):
        history.find("x")
    history.close()


def test_a_run_whose_process_is_gone_is_interrupted(state, journal):
    builder = Builder()
    builder.job("a")
    run(builder, journal=journal)
    journal.connection.execute("UPDATE runs SET status = NULL, pid_started = '1'")
    history = History.open(state)
    assert history.find("last")["status"] == "interrupted"
    journal.connection.execute(
        "UPDATE runs SET pid_started = ?, boot = ?", (owner.started(os.getpid()), owner.boot())
    )
    assert history.find("last")["status"] == "running"
    history.close()


def test_a_damaged_journal_says_so(state):
    path = path_in(state)
    os.makedirs(os.path.dirname(path))
    with open(path, "wb") as file:
        file.write(b"this is no database" * 100)
    with pytest.raises(StateError, match="is damaged") as caught:
        Journal.create(path)
    assert "move it away" in caught.value.help


def test_a_journal_of_a_newer_version_is_left_alone(state, journal):
    journal.connection.execute("INSERT INTO migrations VALUES (?, 0)", (len(MIGRATIONS) + 1,))
    with pytest.raises(StateError, match="newer jobc"):
        Journal.create(path_in(state))


def test_migrations_are_recorded_and_run_once(state, journal):
    Journal.create(path_in(state)).close()
    versions = [row["version"] for row in journal.rows("SELECT version FROM migrations")]
    assert versions == list(range(1, len(MIGRATIONS) + 1))


def test_a_locked_journal_says_so(state, journal, monkeypatch):
    monkeypatch.setattr("jobc.engine.journal.journal.BUSY_SECONDS", 0.05)
    second = Journal.create(path_in(state))
    blocker = sqlite3.connect(path_in(state), isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    second.record("INSERT INTO programs VALUES ('x', 'y')", ())
    with pytest.raises(StateError, match="locked by another process"):
        second.flush()
    blocker.execute("ROLLBACK")
    blocker.close()
    second.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_state_directory_says_so(tmp_path):
    folder = tmp_path / "closed"
    folder.mkdir()
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(StateError, match="cannot be made"):
        Journal.create(path_in(str(folder / ".jobc")))


def test_a_journal_that_fails_on_the_way_ends_the_run_gracefully(state, journal):
    builder = Builder()
    builder.job("a")
    builder.job("b", ["a"])
    builder.job("cleanup", ["a", "b"], "all_done")
    backend = Scripted()

    def submitted(task):
        if task.job == 0:
            journal.connection.execute("DROP TABLE jobs")

    backend.on_submit = submitted
    result = run(builder, backend=backend, journal=journal)
    assert result.state_error is not None
    assert result.jobs["b"].status == "cancel"
    assert result.jobs["cleanup"].status == "success"
    assert "journal" in result.reason


def test_log_lines_of_a_stage_and_an_instant_are_merged_and_keep_their_order(journal):
    for number in range(5):
        journal.log((1, 0, 0, 1, "s", "stdout"), f"{number}\n", 1.5)
    journal.log((1, 0, 0, 1, "s", "stderr"), "e\n", 1.5)
    journal.log((1, 0, 0, 1, "s", "stdout"), "5\n", 1.5)
    journal.log((1, 0, 0, 1, "s", "stdout"), "6\n", 2.25)
    journal.flush()
    rows = journal.rows("SELECT stream, text, time FROM logs ORDER BY seq")
    assert [(row["stream"], row["text"], row["time"]) for row in rows] == [
        ("stdout", "0\n1\n2\n3\n4\n", 1.5),
        ("stderr", "e\n", 1.5),
        ("stdout", "5\n", 1.5),
        ("stdout", "6\n", 2.25),
    ]


def test_a_full_disk_says_so(state, journal):
    pages = journal.connection.execute("PRAGMA page_count").fetchone()[0]
    journal.connection.execute(f"PRAGMA max_page_count = {pages}")
    journal.log((1, 0, 0, 1, "s", "stdout"), "x" * 100_000, 0.0)
    with pytest.raises(StateError, match="the disk is full"):
        journal.flush()


def test_a_read_only_journal_says_so(state, journal):
    journal.connection.execute("PRAGMA query_only = 1")
    journal.log((1, 0, 0, 1, "s", "stdout"), "x", 0.0)
    with pytest.raises(StateError, match="read-only"):
        journal.flush()


def test_a_stage_that_ended_is_durable_before_the_next_one_starts(state, journal, tmp_path):
    builder = Builder()
    job = builder.job("a")
    job.stages = [EmptyStage(builder.span()), EmptyStage(builder.span())]
    seen = []

    def listener(event):
        if event["event"] == "stage-started" and event["stage"] == "1":
            reader = sqlite3.connect(path_in(state))
            seen.extend(reader.execute("SELECT status FROM stages WHERE stage = '0'").fetchone())
            reader.close()

    execute(builder.program, {}, Options(journal=journal, workdir=str(tmp_path)), listener)
    assert seen == ["success"]


def test_what_a_remote_backend_tells_at_the_end_is_kept_too(state, journal):
    builder = Builder()
    builder.job("a")

    def outcome(task):
        result = success(task)
        stage = StageResult("s", "Stage", "success", "0")
        stage.outputs = {"x": 1}
        result.stages = [stage]
        return result

    backend = Scripted(outcome)
    backend.log = "one\ntwo\n"
    run(builder, backend=backend, journal=journal)
    history = History.open(state)
    last = history.find("last")
    lines = LogReader(history, last, LogPlace.parse("a", history, last)).more()
    assert [line.text for line in lines] == ["one", "two"]
    (combination,) = history.detail(last)["jobs"]["a"]["combinations"]
    assert combination["stages"][0]["outputs"] == {"x": 1}
    history.close()


def test_of_two_runs_with_one_id_the_slower_is_refused(state, journal):
    other = Journal.create(path_in(state))
    builder = Builder()
    builder.job("a")
    backend = Scripted(success)

    class Racing:
        """Enters a run with the same id just before this one does."""

        def __init__(self):
            self.raced = False

        def __getattr__(self, name):
            if name == "insert" and not self.raced:
                self.raced = True
                run(builder, backend=backend, journal=other, run_id="one")
            return getattr(journal, name)

    with pytest.raises(UsageError, match="there is a run `one` already"):
        run(builder, success, journal=Racing(), run_id="one")
    assert backend.submitted == []
    other.close()


def test_the_newest_run_is_the_last_one_entered_although_the_clock_went_back(state, journal, monkeypatch):
    builder = Builder()
    builder.job("a")
    run(builder, success, journal=journal, run_id="before")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 3600)
    run(builder, success, journal=journal, run_id="after")
    history = History.open(state)
    assert [each["id"] for each in history.runs()] == ["after", "before"]
    assert history.find("last")["id"] == "after"
    history.close()
