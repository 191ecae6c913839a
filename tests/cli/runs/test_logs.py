"""`jobc runs logs`: places, ends, times; and following a run of another process."""

from __future__ import annotations

import json
import signal
from datetime import datetime

import pytest

MATRIX = """
jobs:
  parts:
    strategy: {matrix: {part: [1, 2], day: [mon, tue]}}
    stages:
      - id: load
        echo: loading ${{ matrix.part }} of ${{ matrix.day }}
      - id: both
        parallel:
          left: [{echo: left}]
          right: [{echo: right}]
  plain:
    stages:
      - bash: 'for n in 1 2 3 4 5; do echo line $n; done; echo oh >&2'
      - echo: later
"""
WAITING = "jobs:\n  a:\n    stages:\n      - bash: 'echo first; while [ ! -e go ]; do sleep 0.05; done; echo last'\n"


@pytest.fixture
def done(project):
    project.write(MATRIX)
    assert project.run("run", "flow.job.yml", "--run-id", "one")[0] == 0
    return project


@pytest.mark.parametrize(
    ("place", "wanted"),
    [
        ("parts/2/load", ["loading 2 of mon"]),
        ("parts/part=1,day=tue/load", ["loading 1 of tue"]),
        ("parts/load", ["loading 1 of mon", "loading 1 of tue", "loading 2 of mon", "loading 2 of tue"]),
        ("parts/*/load", ["loading 1 of mon", "loading 1 of tue", "loading 2 of mon", "loading 2 of tue"]),
        ("parts/part=2,day=mon/both", ["left", "right"]),
        ("plain/1", ["later"]),
        ("plain", ["line 1", "line 2", "line 3", "line 4", "line 5", "oh", "later"]),
    ],
)
def test_a_place_names_a_job_a_combination_and_a_stage(done, place, wanted):
    code, out, error = done.run("runs", "logs", "latest", place, "--format", "jsonl")
    assert (code, error) == (0, "")
    assert sorted(json.loads(line)["text"] for line in out.splitlines()) == sorted(wanted)


@pytest.mark.parametrize(
    ("place", "said", "remedy"),
    [
        ("part", "run one has no job `part`", "there are: parts, plain"),
        ("parts/part=9", "job `parts` of run one has no such combination", "part=1,day=mon; part=1,day=tue"),
        ("parts/load/x/y", "`load` names no combination", "day=monday,part=2"),
        ("parts/9/load", "no such combination", "there are"),
        ("plain/lod", "job `plain` of run one has no stage `lod`", "there are: 0, 1"),
    ],
)
def test_a_place_that_is_not_there_is_said_with_those_that_are(done, place, said, remedy):
    code, out, error = done.run("runs", "logs", "one", place)
    assert (code, out) == (2, "")
    assert said in error
    assert remedy in error


def test_the_last_lines_and_the_times(done):
    _, out, _ = done.run("runs", "logs", "one", "plain/0", "--tail", "2")
    assert out == "line 5\noh\n"
    assert done.run("runs", "logs", "one", "plain", "--tail", "0")[1] == ""
    _, out, _ = done.run("runs", "logs", "one", "plain", "--tail", "1", "-t")
    stamp, rest = out[:23], out[23:]
    assert rest == " plain > 1 | later\n"
    assert len(stamp.split(" ")[1]) == len("15:04:05.123")
    assert done.run("runs", "logs", "one", "plain/0", "--since", "1h")[1].count("\n") == 6
    assert done.run("runs", "logs", "one", "--since", "2999-01-01T00:00:00Z")[1] == ""
    code, _, error = done.run("runs", "logs", "one", "--since", "lunch")
    assert code == 2
    assert "--since cannot be `lunch`" in error


def test_jsonl_says_all_there_is_of_a_line(done):
    _, out, _ = done.run("runs", "logs", "one", "plain", "--format", "jsonl")
    lines = [json.loads(line) for line in out.splitlines()]
    assert {"time", "job", "combination", "matrix", "attempt", "stage", "name", "stream", "text"} == set(
        lines[0]
    )
    assert [line["stream"] for line in lines if line["text"] == "oh"] == ["stderr"]


def test_a_line_separator_in_a_line_does_not_divide_it(project):
    project.write("jobs: {a: {stages: [{bash: 'printf \"one\\342\\200\\250two\\n\"'}]}}")
    project.run("run", "flow.job.yml")
    assert project.run("runs", "logs", "latest")[1] == "one\u2028two\n"


@pytest.mark.parametrize(("stage", "code"), [("echo bye", 0), ("exit 3", 1)])
def test_following_shows_lines_as_they_come_and_ends_with_the_run(project, stage, code):
    project.write(WAITING + f"      - bash: {stage}\n")
    engine = project.start("run", "flow.job.yml", "--run-id", "one")
    follower = project.start("runs", "logs", "-f", "--wait", "20s", "one")
    assert follower.stdout.readline() == "a > 0 | first\n"
    assert engine.poll() is None, "it was shown while the run ran"
    (project.folder / "go").touch()
    out, error = follower.communicate(timeout=30)
    assert out.startswith("a > 0 | last\n")
    assert error == f"run one {'succeeded' if code == 0 else 'failed'}\n"
    assert follower.returncode == code
    engine.communicate(timeout=30)


def test_following_begins_where_the_tail_ends(project):
    project.write(WAITING)
    engine = project.start("run", "flow.job.yml", "--run-id", "one")
    project.wait_for(lambda: "first" in project.run("runs", "logs", "one")[1], "the first line")
    follower = project.start("runs", "logs", "-f", "one", "--tail", "1")
    assert follower.stdout.readline() == "a > 0 | first\n"
    (project.folder / "go").touch()
    assert follower.communicate(timeout=30)[0] == "a > 0 | last\n"
    engine.communicate(timeout=30)


def test_a_follower_survives_the_death_of_the_engine_and_goes_on_with_the_next(project):
    """What a resumed run is to its followers: the same rows, under another process."""
    import sqlite3

    from jobc.engine.sharing import owner

    project.write("jobs: {a: {stages: [{bash: 'echo first; echo $$ > pid; exec sleep 300'}]}}")
    engine = project.start("run", "flow.job.yml", "--run-id", "one")
    pid = int(project.wait_for_file("pid"))
    follower = project.start("runs", "logs", "-f", "one", "--wait", "60s")
    assert follower.stdout.readline() == "a > 0 | first\n"
    engine.kill()
    engine.communicate()
    try:
        assert "died; waiting" in follower.stderr.readline()
        with sqlite3.connect(project.folder / ".jobc/state/journal.db") as journal:
            journal.execute("UPDATE runs SET pid = ?, pid_started = ?, boot = ?", owner.this_process())
            journal.execute(
                "INSERT INTO logs (run, job, combination, attempt, stage, stream, time, text)"
                " SELECT run, 0, 0, 1, '0', 'stdout', 2e9, 'resumed' || char(10) FROM runs"
            )
        assert follower.stdout.readline() == "a > 0 | resumed\n"
        with sqlite3.connect(project.folder / ".jobc/state/journal.db") as journal:
            journal.execute("UPDATE runs SET status = 'success', ended = 2e9, duration = 1")
        follower.communicate(timeout=30)
        assert follower.returncode == 0
    finally:
        project.end(pid)


def test_following_a_run_whose_engine_is_dead_ends_and_says_so(project):
    project.write("jobs: {a: {stages: [{bash: 'echo $$ > pid; exec sleep 300'}]}}")
    engine = project.start("run", "flow.job.yml", "--run-id", "one")
    pid = int(project.wait_for_file("pid"))
    engine.kill()
    engine.communicate()
    project.end(pid)
    code, _, error = project.run("runs", "logs", "-f", "one", "--wait", "0")
    assert code == 1
    assert error.splitlines() == [
        "the engine of run one died; waiting for somebody to resume it",
        "run one interrupted",
    ]


def test_following_a_run_that_never_begins_ends_with_its_patience(project):
    code, _, error = project.run("runs", "logs", "-f", "never", "--wait", "200ms")
    assert code == 2
    assert "there is no run `never`" in error
    code, _, error = project.run("runs", "logs", "-f", "never")
    assert code == 2


def test_an_interrupt_ends_following_and_not_the_run(project):
    project.write(WAITING)
    engine = project.start("run", "flow.job.yml", "--run-id", "one")
    follower = project.start("runs", "logs", "-f", "--wait", "20s", "one")
    follower.stdout.readline()
    follower.send_signal(signal.SIGINT)
    _, error = follower.communicate(timeout=30)
    assert (follower.returncode, error) == (130, "interrupted\n")
    (project.folder / "go").touch()
    engine.communicate(timeout=30)
    assert engine.returncode == 0


def test_a_line_bears_the_instant_when_it_was_read(project):
    """A stage that says when it writes: no line was read before it was written, and events and history agree."""
    project.write(
        "jobs:\n  a:\n    stages:\n"
        "      - bash: 'for n in {1..20}; do date +%s.%N; sleep 0.02; done; date +%s.%N >&2'\n"
        "      - run: |\n"
        "          import time\n"
        "          for n in range(20):\n"
        "              print(time.time(), flush=True)\n"
        "              time.sleep(0.02)\n"
    )
    code, out, error = project.run("run", "flow.job.yml", "--format", "jsonl")
    assert code == 0, error
    told = [event for event in map(json.loads, out.splitlines()) if event["event"] == "log"]
    lines = [
        json.loads(line)
        for line in project.run("runs", "logs", "latest", "--format", "jsonl")[1].splitlines()
    ]
    assert len(lines) == len(told) == 41
    for line in lines:
        assert instant(line["time"]) >= float(line["text"]) - 0.002
    assert [(line["text"], instant(line["time"])) for line in lines] == [
        (event["text"], instant(event["time"])) for event in told
    ]


def test_what_a_flood_kept_back_bears_the_instants_when_it_was_read(project):
    project.write(
        "jobs: {a: {stages: [{bash: 'printf %0300d 0; for n in 1 2 3 4; do echo kept $n; sleep 0.2; done'}]}}"
    )
    assert project.run("run", "flow.job.yml", JOBC_OUTPUT_LIMIT="100")[0] == 0
    lines = [
        json.loads(line)
        for line in project.run("runs", "logs", "latest", "--format", "jsonl")[1].splitlines()
    ]
    kept = [line["time"] for line in lines if line["text"].startswith("kept")]
    assert len(kept) == 3
    assert len(set(kept)) > 1, "they were read one after the other, and told together"


def instant(text):
    return round(datetime.fromisoformat(text).timestamp(), 3)
