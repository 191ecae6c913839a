"""`jobc runs list`, `show`, `diff` and `prune`."""

from __future__ import annotations

import json
import signal
import sqlite3

import pytest

FLOW = """
name: flow
params: {n: {type: int, default: 1}, key: secret}
outputs: {sum: "${{ needs.add.outputs.sum }}"}
jobs:
  add:
    stages:
      - run: sum = params.n + 1
  slow:
    stages:
      - bash: sleep %s
  fails:
    retry: {attempts: 1, delay: 0}
    stages: [{id: bad, bash: 'echo no >&2; exit ${{ params.n }}'}]
  after:
    needs: [fails]
    stages: [{echo: done}]
"""


@pytest.fixture
def two(project):
    project.write(FLOW % 0)
    assert project.run("run", "flow.job.yml", "--run-id", "one", "-p", "key=hush-hush")[0] == 1
    project.write((FLOW % 1.6).replace("echo: done", "echo: well done"))
    assert project.run("run", "flow.job.yml", "--run-id", "two", "-p", "n=0", "-p", "key=hush-hush")[0] == 0
    return project


@pytest.mark.parametrize(
    ("name", "id"),
    [("latest", "two"), ("last", "two"), ("-1", "two"), ("-2", "one"), ("o", "one"), ("two", "two")],
)
def test_a_run_has_many_names(two, name, id):
    assert two.json("runs", "show", name)["run_id"] == id


@pytest.mark.parametrize(
    ("name", "said"), [("-3", "there are only 2 runs"), ("three", "there is no run `three`"), ("-0", "`-0`")]
)
def test_a_name_of_no_run_is_said_in_one_line(two, name, said):
    code, _, error = two.run("runs", "show", name)
    assert code == 2
    assert said in error


def test_an_ambiguous_beginning_lists_the_runs(project):
    project.write("jobs: {a: {stages: [{echo: hello}]}}")
    for id in ("aa", "ab"):
        project.run("run", "flow.job.yml", "--run-id", id)
    code, _, error = project.run("runs", "show", "a")
    assert code == 2
    assert "2 runs begin with `a`" in error
    assert "ab, aa" in error


def test_the_list_is_cut_and_filtered(two):
    assert [run["run_id"] for run in two.json("runs", "list")] == ["two", "one"]
    assert [run["run_id"] for run in two.json("runs", "list", "-n", "1")] == ["two"]
    assert [run["run_id"] for run in two.json("runs", "list", "--status", "failed")] == ["one"]
    assert two.run("runs", "list", "--format", "ids")[1] == "two\none\n"
    assert two.run("runs", "list", "-n", "many")[0] == 2


def test_show_tells_reasons_attempts_and_times(two):
    _, out, _ = two.run("runs", "show", "one")
    assert "key = ***" in out
    assert "hush" not in out
    assert "attempt 1 ✗ failed: the script ended with exit code 1: no" in out
    assert "✗ bad failed" in out
    assert "at flow.job.yml:14" in out
    assert "○ after skipped: rule all_success does not hold: fails: failed" in out
    assert "timeline 0 to" in out
    shown = two.json("runs", "show", "one")
    (combination,) = shown["jobs"]["fails"]["combinations"]
    assert combination["attempts"] == 2
    assert [attempt["error"]["message"] for attempt in combination["earlier"]] == [
        "the script ended with exit code 1: no"
    ]
    assert shown["started_at"] <= shown["jobs"]["fails"]["started_at"] <= combination["started_at"]


def test_show_has_the_tree_of_triggered_runs(project):
    project.write(
        "name: outer\njobs: {a: {stages: [{trigger: middle}]}}\n---\n"
        "name: middle\njobs: {b: {stages: [{trigger: inner}]}}\n---\n"
        "name: inner\njobs: {c: {stages: [{raise: deep down}]}}\n"
    )
    project.run("run", "flow.job.yml#outer", "--run-id", "one")
    (middle,) = project.json("runs", "show", "one")["triggered"]
    (inner,) = middle["triggered"]
    assert (middle["run_id"], inner["run_id"]) == ("one.1", "one.1.1")
    assert "deep down" in inner["reason"]
    _, out, _ = project.run("runs", "show", "one")
    assert "\n    ✗ failed one.1.1 (inner)" in out


def test_many_combinations_are_counted_and_those_that_failed_are_shown(project):
    project.write(
        "jobs:\n  a:\n    strategy: {matrix: {n: '${{ range(0, 60) }}'}, fail-fast: false}\n"
        "    stages: [{condition: '${{ matrix.n == 41 }}', raise: unlucky}]\n"
    )
    project.run("run", "flow.job.yml")
    _, out, _ = project.run("runs", "show", "latest")
    assert "[n=41] failed" in out
    assert "[n=40]" not in out
    assert "… and 59 more: 59 skipped (--all shows them)" in out
    assert "[n=40]" in project.run("runs", "show", "latest", "--all")[1]


def test_diff_says_what_was_run_with_what_how_it_ended_and_how_long(two):
    found = two.json("runs", "diff", "one", "two")["differences"]
    said = {(each["kind"], each["job"]): each for each in found}
    assert said[("program", "after")]["lines"][-2:] == ['-      echo "done"', '+      echo "well done"']
    assert said[("program", "slow")]["message"] == "job `slow` was changed"
    assert ("program", "add") not in said
    assert ("program", "fails") not in said
    assert said[("params", None)]["message"] == "parameter `n`: 1 → 0"
    assert said[("status", "fails")]["message"] == "job `fails`: failed → success"
    assert said[("status", None)]["message"] == "the run: failed → success"
    assert said[("failure", None)]["before"] == {
        "job": "fails",
        "matrix": {},
        "stage": "bad",
        "message": "`fails` failed first, in stage `bad`: the script ended with exit code 1: no",
    }
    assert said[("failure", None)]["after"] is None
    assert said[("outputs", None)]["message"] == "output `sum`: 2 → 1"
    assert "times slower" in said[("duration", "slow")]["message"]
    assert ("duration", "add") not in said, "a few milliseconds are no difference"
    _, out, _ = two.run("runs", "diff", "one", "two")
    assert "\nparameters\n  parameter `n`: 1 → 0\n" in out


def test_diff_of_equal_runs_says_that_nothing_differs(project):
    project.write("# a comment\njobs: {a: {stages: [{echo: hello}]}}")
    project.run("run", "flow.job.yml", "--run-id", "one")
    project.run("run", "flow.job.yml", "--run-id", "two")
    assert project.run("runs", "diff", "one", "two")[1] == "nothing differs between one and two\n"


def test_diff_keeps_quiet_about_times_that_other_runs_took_too(project):
    project.write("jobs: {a: {stages: [{echo: hello}]}}")
    for id in ("one", "two", "three", "four", "five"):
        project.run("run", "flow.job.yml", "--run-id", id)
    with sqlite3.connect(project.folder / ".jobc/state/journal.db") as journal:
        for duration, id in ((10, "one"), (20, "two"), (9, "three"), (30, "four"), (15, "five")):
            journal.execute("UPDATE runs SET duration = 1 WHERE id = ?", (id,))
            journal.execute(
                "UPDATE jobs SET duration = ? WHERE run = (SELECT run FROM runs WHERE id = ?)", (duration, id)
            )
    assert project.json("runs", "diff", "one", "two")["differences"] == []
    with sqlite3.connect(project.folder / ".jobc/state/journal.db") as journal:
        journal.execute("UPDATE jobs SET duration = 90 WHERE run = (SELECT run FROM runs WHERE id = 'two')")
    (found,) = project.json("runs", "diff", "one", "two")["differences"]
    assert found["message"] == "job `a`: 10.0 s → 90.0 s, 9.0 times slower"


def rows(project, table):
    with sqlite3.connect(project.folder / ".jobc/state/journal.db") as journal:
        return journal.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def test_prune_keeps_the_newest_and_leaves_nothing_of_the_others(project):
    project.write(
        "name: outer\njobs: {a: {stages: [{trigger: inner}]}}\n---\nname: inner\njobs: {b: {stages: [{echo: hello}]}}\n"
    )
    for number in range(4):
        project.write((project.folder / "flow.job.yml").read_text() + f"\n# {number}\n")
        project.run("run", "flow.job.yml#outer", "--run-id", f"run{number}")
    whole = {
        table: rows(project, table) for table in ("runs", "jobs", "stages", "logs", "events", "combinations")
    }
    code, out, _ = project.run("runs", "prune", "--keep", "1", "--dry-run")
    assert code == 0
    assert out.splitlines()[0] == "would remove run0 (outer, success)"
    assert out.splitlines()[-1] == "3 runs would be removed"
    assert rows(project, "runs") == whole["runs"]
    assert project.run("runs", "prune", "--keep", "1")[1].startswith("3 runs removed")
    assert project.run("runs", "list", "--format", "ids")[1] == "run3\n"
    for table, count in whole.items():
        assert rows(project, table) * 4 == count, table
    assert rows(project, "programs") == 1
    assert project.run("runs", "prune", "--keep", "1")[1] == "nothing to remove\n"


def test_prune_takes_the_artifacts_of_a_run_along(project):
    project.write("jobs: {a: {artifacts: {out: data}, stages: [{bash: 'echo $RANDOM-$$ > data'}]}}")
    for id in ("one", "two"):
        project.run("run", "flow.job.yml", "--run-id", id)

    def kept():
        return sum(each.is_file() for each in (project.folder / ".jobc/store/objects").rglob("*"))

    assert (rows(project, "artifacts"), kept()) == (2, 2)
    assert "artifact a: data" in project.run("runs", "show", "two")[1]
    assert project.run("runs", "prune", "--keep", "1")[1].startswith("1 run removed")
    assert (rows(project, "artifacts"), kept()) == (1, 1)
    assert "artifact a: data" in project.run("runs", "show", "two")[1]


def test_prune_by_age_and_both(project):
    project.write("jobs: {a: {stages: [{echo: hello}]}}")
    for id in ("old", "older", "new"):
        project.run("run", "flow.job.yml", "--run-id", id)
    with sqlite3.connect(project.folder / ".jobc/state/journal.db") as journal:
        journal.execute("UPDATE runs SET started = started - 86400 * 40 WHERE id LIKE 'old%'")
    _, out, _ = project.run("runs", "prune", "--older-than", "30d", "--keep", "2", "--dry-run")
    assert [line.split()[2] for line in out.splitlines()[:-1]] == ["old"]
    assert project.run("runs", "prune", "--older-than", "30d")[1].startswith("2 runs removed")
    assert project.run("runs", "list", "--format", "ids")[1] == "new\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "nothing says which runs are to go"),
        (["--keep", "-1"], "--keep cannot be `-1`"),
        (["--older-than", "soon"], "--older-than: 'soon' is not a duration"),
    ],
)
def test_prune_wants_a_bound_that_it_understands(project, words, said):
    code, _, error = project.run("runs", "prune", *words)
    assert code == 2
    assert said in error


def test_a_run_that_runs_is_never_removed_nor_is_the_disk_taken_from_it(project):
    project.write("jobs: {a: {stages: [{bash: 'echo $$ > pid; while [ ! -e go ]; do sleep 0.05; done'}]}}")
    engine = project.start("run", "flow.job.yml", "--run-id", "one")
    project.wait_for_file("pid")
    assert project.run("runs", "prune", "--keep", "0")[1] == "nothing to remove\n"
    (project.folder / "go").touch()
    engine.communicate(timeout=30)
    assert project.json("runs", "show", "one")["status"] == "success"
    assert project.run("runs", "prune", "--keep", "0")[1].startswith("1 run removed")


def test_prune_removes_a_run_whose_engine_died(project):
    project.write("jobs: {a: {stages: [{bash: 'echo $$ > pid; exec sleep 300'}]}}")
    engine = project.start("run", "flow.job.yml", "--run-id", "one")
    pid = int(project.wait_for_file("pid"))
    engine.send_signal(signal.SIGKILL)
    engine.communicate()
    project.end(pid)
    assert project.run("runs", "prune", "--keep", "0")[1].startswith("1 run removed")
    assert json.loads(project.run("runs", "list", "--format", "json")[1]) == []
