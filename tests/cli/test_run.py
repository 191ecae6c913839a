"""`jobc run` as a user meets it: a real process, real signals, real exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

JOBC = [sys.executable, "-m", "jobc"]


@pytest.fixture
def flow(tmp_path):
    """Writes `flow.job.yml`, and gives what starts `jobc` beside it."""

    started = []

    class Flow:
        folder = tmp_path

        def write(self, text, name="flow.job.yml"):
            (tmp_path / name).write_text(text, encoding="utf-8")

        def start(self, *words, **environ):
            env = {
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("JOBC_", "WORKFLOW_"))
            }
            process = subprocess.Popen(
                [*JOBC, *words],
                cwd=tmp_path,
                env={**env, **environ},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            started.append(process)
            return process

        def run(self, *words, **environ):
            process = self.start(*words, **environ)
            out, error = process.communicate(timeout=60)
            return process.returncode, out, error

        def json(self, *words, **environ):
            code, out, error = self.run("run", *words, "--format", "json", **environ)
            assert error == "", error
            return code, json.loads(out)

    yield Flow()
    for process in started:
        process.kill()
        process.communicate()


def wait_for(condition, what, seconds=20.0):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.02)
    return found


def alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state not in "ZX"


SIMPLE = """
name: simple
params:
  n: {type: int, default: 2}
  key: secret
outputs:
  total: ${{ needs.sum.outputs.total }}
jobs:
  parts:
    strategy:
      matrix: {part: [1, 2]}
    outputs:
      value: ${{ stages.calc.outputs.value }}
    stages:
      - id: calc
        name: Calculate ${{ matrix.part }}
        run: value = params.n * matrix['part']
  sum:
    needs: [parts]
    stages:
      - run: total = sum(${{ needs.parts.outputs.value }})
"""


def test_json_of_a_run_has_the_shape_that_is_documented(flow):
    flow.write(SIMPLE)
    code, result = flow.json("flow.job.yml", "-p", "n=5")
    assert code == 0
    assert result["version"] == 1
    assert result["status"] == "success"
    assert result["outputs"] == {"total": 15}
    parts = result["jobs"]["parts"]
    assert {"status", "reason", "duration_s", "attempts", "outputs", "combinations"} <= set(parts)
    assert parts["outputs"] == {"value": [5, 10]}
    assert [each["matrix"] for each in parts["combinations"]] == [{"part": 1}, {"part": 2}]
    stage = parts["combinations"][1]["stages"][0]
    assert {"id", "name", "status", "attempts", "duration_s", "outputs", "error"} <= set(stage)
    assert (stage["id"], stage["name"], stage["outputs"], stage["error"]) == (
        "calc",
        "Calculate 2",
        {"value": 10},
        None,
    )


def test_jsonl_streams_events_from_first_to_last(flow):
    flow.write("jobs: {a: {stages: [{echo: hello}]}}")
    code, out, _ = flow.run("run", "flow.job.yml", "--format", "jsonl")
    events = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    for event in events:
        assert {"event", "time", "run", "job", "combination", "stage"} <= set(event)
    kinds = [event["event"] for event in events]
    for kind in (
        "run-started",
        "job-ready",
        "job-started",
        "stage-started",
        "log",
        "stage-ended",
        "job-ended",
    ):
        assert kind in kinds
    assert (kinds[0], kinds[-1]) == ("run-started", "run-ended")
    assert [event["text"] for event in events if event["event"] == "log"] == ["hello"]


def test_all_wrong_parameters_are_told_together_and_nothing_runs(flow):
    flow.write(SIMPLE)
    code, _, error = flow.run("run", "flow.job.yml", "-p", "n=x", "-p", "kee=1")
    assert code == 2
    assert "`n`" in error
    assert "did you mean `key`" in error
    assert not (flow.folder / ".jobc").exists() or "no runs" in flow.run("runs", "list")[1]


def test_a_params_file_gives_typed_values_and_the_command_line_wins(flow):
    flow.write(
        "params: {n: int, day: date}\njobs: {a: {stages: [{run: 'x = params.n; y = str(params.day)'}]}}"
    )
    flow.write("n: 3\nday: 2026-01-31\n", "p.yml")
    assert flow.json("flow.job.yml", "--params-file", "p.yml")[1]["jobs"]["a"]["outputs"] == {
        "x": 3,
        "y": "2026-01-31",
    }
    _code, result = flow.json("flow.job.yml", "--params-file", "p.yml", "-p", "n=4")
    assert result["jobs"]["a"]["outputs"]["x"] == 4


def test_a_file_with_errors_does_not_run(flow):
    flow.write("jobs: {a: {needs: [b], stages: [{bash: touch ran}]}}")
    code, _out, error = flow.run("run", "flow.job.yml")
    assert code == 2
    assert "JC201" in error
    assert not (flow.folder / "ran").exists()


def test_a_failure_shows_its_place_its_log_and_why_others_did_not_run(flow):
    flow.write(
        "jobs:\n  a:\n    stages:\n      - name: Break\n        bash: |\n          echo last words\n          exit 3\n"
        "  b:\n    needs: [a]\n    stages: [{echo: x}]\n"
    )
    code, out, _ = flow.run("run", "flow.job.yml")
    assert code == 1
    assert "exit code 3" in out
    assert "at flow.job.yml:" in out
    assert "| last words" in out
    assert "b skipped: rule all_success does not hold: a: failed" in out
    assert "jobc runs show" in out


def test_scripts_run_beside_their_file_from_wherever_they_are_called(flow):
    (flow.folder / "sub").mkdir()
    (flow.folder / "sub" / "data.txt").write_text("here")
    flow.write("jobs: {a: {stages: [{bash: 'echo text=$(cat data.txt) >> $JOBC_OUTPUT'}]}}", "sub/x.job.yml")
    _code, result = flow.json("sub/x.job.yml")
    assert result["jobs"]["a"]["outputs"] == {"text": "here"}


def test_a_workflow_is_chosen_with_a_hash(flow):
    job = "{jobs: {a: {stages: [{run: 'x = %d'}]}}, type: Workflow}"
    flow.write(f"one: {job % 1}\ntwo: {job % 2}\n")
    assert flow.json("flow.job.yml#two")[1]["jobs"]["a"]["outputs"] == {"x": 2}
    code, _, error = flow.run("run", "flow.job.yml#three")
    assert code == 2
    assert "three" in error


def test_an_environment_that_does_not_exist_yet_is_refused_before_anything_starts(flow):
    flow.write(
        "jobs:\n  a: {stages: [{bash: touch ran}]}\n  b: {runs-on: slurm, needs: [a], stages: [{echo: x}]}\n"
    )
    code, _, error = flow.run("run", "flow.job.yml")
    assert code == 2
    assert "flow.job.yml:3" in error
    assert "job `b` runs on `slurm`" in error
    assert not (flow.folder / "ran").exists()


def test_secrets_come_from_a_file_or_the_environment_and_are_masked(flow):
    flow.write(
        "secrets: [TOKEN]\njobs:\n  a:\n    stages:\n      - bash: |\n"
        '          test "$(printf %s ${{ secrets.TOKEN }} | wc -c)" = 8; echo "got ${{ secrets.TOKEN }}"\n'
    )
    flow.write("# comment\nexport TOKEN='hunter22'\n", "secrets.env")
    code, out, _ = flow.run("run", "flow.job.yml", "--secrets-file", "secrets.env")
    assert code == 0, out
    assert "hunter22" not in out
    assert "got ***" in out
    assert flow.run("run", "flow.job.yml", JOBC_SECRET_TOKEN="hunter22")[0] == 0
    code, _, error = flow.run("run", "flow.job.yml")
    assert code == 2
    assert "TOKEN" in error
    for file in (flow.folder / ".jobc").rglob("*"):
        assert not file.is_file() or b"hunter22" not in file.read_bytes()


def test_now_is_what_the_command_line_says(flow):
    flow.write("jobs: {a: {stages: [{run: 'x = ${{ datetime.utcnow().isoformat() }}'}]}}")
    _code, result = flow.json("flow.job.yml", "--now", "2026-01-31T09:00:00Z")
    assert result["jobs"]["a"]["outputs"]["x"].startswith("2026-01-31T09:00:00")


def test_a_run_past_its_timeout_exits_124_and_leaves_no_process(flow):
    flow.write(
        "jobs:\n  a:\n    stages:\n      - bash: |\n          sleep 300 & echo $! > pid; wait\n"
        "  z: {needs: [a], trigger-rule: all_done, stages: [{bash: touch cleaned}]}\n"
    )
    code, _out, _ = flow.run("run", "flow.job.yml", "--timeout", "3s")
    assert code == 124
    assert (flow.folder / "cleaned").exists()
    pid = int((flow.folder / "pid").read_text())
    wait_for(lambda: not alive(pid), "the end of the process")


INTERRUPTED = """
jobs:
  work:
    stages:
      - bash: |
          sleep 300 & echo $! > child
          echo $$ > pid
          wait
  after: {needs: [work], stages: [{bash: touch after}]}
  cleanup:
    needs: [work, after]
    trigger-rule: all_done
    stages: [{bash: "%s"}]
"""


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_what_runs_and_clean_up_still_runs(flow, number, code):
    flow.write(INTERRUPTED % "touch cleaned")
    process = flow.start("run", "flow.job.yml", "--format", "json")
    pids = [int(wait_for(lambda n=n: read(flow.folder / n), n)) for n in ("pid", "child")]
    process.send_signal(number)
    out, _error = process.communicate(timeout=30)
    assert process.returncode == code
    result = json.loads(out)
    assert result["status"] == "cancel"
    assert {id: job["status"] for id, job in result["jobs"].items()} == {
        "work": "cancel",
        "after": "cancel",
        "cleanup": "success",
    }
    assert (flow.folder / "cleaned").exists()
    assert not (flow.folder / "after").exists()
    for pid in pids:
        wait_for(lambda pid=pid: not alive(pid), "the end of the processes")


def test_under_nohup_a_closed_terminal_changes_nothing(flow):
    flow.write("jobs: {a: {stages: [{bash: 'touch begun; sleep 0.5; touch ended'}]}}")
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = flow.start("run", "flow.job.yml")
    finally:
        signal.signal(signal.SIGHUP, before)
    wait_for(lambda: (flow.folder / "begun").exists(), "the job")
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert (flow.folder / "ended").exists()


def test_a_second_signal_ends_the_run_at_once(flow):
    flow.write(INTERRUPTED % "echo $$ > cleaning; sleep 300")
    process = flow.start("run", "flow.job.yml", "--format", "json")
    wait_for(lambda: read(flow.folder / "pid"), "the job")
    process.send_signal(signal.SIGINT)
    pid = int(wait_for(lambda: read(flow.folder / "cleaning"), "the clean-up"))
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 130
    assert json.loads(out)["jobs"]["cleanup"]["status"] == "cancel"
    wait_for(lambda: not alive(pid), "the end of the clean-up")


def test_a_killed_engine_leaves_a_readable_history(flow):
    flow.write(
        "jobs:\n  first: {stages: [{echo: done}]}\n"
        "  second: {needs: [first], stages: [{bash: 'echo $$ > pid; exec sleep 300'}]}\n"
    )
    process = flow.start("run", "flow.job.yml", "--run-id", "lost")
    pid = int(wait_for(lambda: read(flow.folder / "pid"), "the job"))
    assert json.loads(flow.run("runs", "list", "--format", "json")[1])[0]["status"] == "running"
    process.kill()
    process.communicate()
    try:
        (listed,) = json.loads(flow.run("runs", "list", "--format", "json")[1])
        assert (listed["run_id"], listed["status"]) == ("lost", "interrupted")
        shown = json.loads(flow.run("runs", "show", "lost", "--format", "json")[1])
        assert shown["jobs"]["first"]["status"] == "success"
        assert shown["jobs"]["second"]["status"] == "interrupted"
        assert flow.run("run", "flow.job.yml", "--job", "first")[0] == 0
    finally:
        os.kill(pid, signal.SIGKILL)


def test_a_reader_that_goes_away_ends_the_run_quietly(flow):
    flow.write("jobs:\n" + "".join(f"  j{n}: {{stages: [{{echo: {'x' * 2000}}}]}}\n" for n in range(200)))
    process = flow.start("run", "flow.job.yml", "--format", "jsonl")
    process.stdout.readline()
    process.stdout.close()
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=30) == 141


@pytest.mark.parametrize("form", ["plain", "json", "jsonl"])
def test_a_full_disk_behind_standard_output_is_said_in_one_line(flow, form):
    flow.write("jobs: {a: {stages: [{echo: hello}]}}")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*JOBC, "run", "flow.job.yml", "--format", form],
            cwd=flow.folder, stdout=full, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "error: the output cannot be written: No space left on device\n"


def test_streams_that_are_closed_do_not_matter(flow):
    flow.write("jobs: {a: {stages: [{bash: 'cat; echo hello; touch ran'}]}}")
    words = " ".join([*JOBC, "run", "flow.job.yml", "<&- >&- 2>&-"])
    assert subprocess.run(words, shell=True, cwd=flow.folder).returncode == 0
    assert (flow.folder / "ran").exists()
    assert flow.run("runs", "logs", "last")[1] == "hello\n"


def test_half_of_a_surrogate_pair_ends_no_run(flow):
    flow.write('jobs: {a: {stages: [{id: s, run: "v = chr(0xd800)"}, {run: "raise KeyError(chr(0xd800))"}]}}')
    code, result = flow.json("flow.job.yml")
    assert code == 1
    assert result["jobs"]["a"]["outputs"] == {"v": "\ud800"}
    assert result["jobs"]["a"]["reason"].startswith("stage `1`: KeyError: '\\ud800'")
    assert json.loads(flow.run("runs", "show", "last", "--format", "json")[1])["jobs"]["a"]["outputs"] == {
        "v": "\ud800"
    }


def test_an_exception_is_told_with_its_name_wherever_it_is_told(flow):
    flow.write(
        "jobs:\n  a: {stages: [{run: \"raise KeyError('day')\", retry: {attempts: 1, delay: 0}}]}\n"
        "  b: {stages: [{foreach: [1], stages: [{run: raise LookupError}]}]}\n"
        "  c: {stages: [{raise: stop}]}\n"
    )
    _, out, _ = flow.run("run", "flow.job.yml")
    assert "attempt 1 of 2 failed: KeyError: 'day'; the next" in out
    assert "stage `0`: KeyError: 'day'\n    at flow.job.yml:2" in out
    assert "stage `0`: item 0: LookupError (flow.job.yml:3)" in out
    assert "stage `0`: stop\n" in out
    shown = flow.run("runs", "show", "last")[1]
    assert "2 attempts: KeyError: 'day'\n" in shown
    assert ": LookupError\n" in shown


def test_history_shows_runs_and_their_logs(flow):
    flow.write(
        "jobs: {a: {stages: [{id: s, echo: hello}, {id: t, echo: there}]}, b: {stages: [{echo: other}]}}"
    )
    assert flow.run("runs", "list")[1].startswith("no runs yet")
    assert flow.run("runs", "show", "last")[0] == 2
    flow.run("run", "flow.job.yml", "--run-id", "one")
    assert "one" in flow.run("runs", "list")[1]
    assert "succeeded" in flow.run("runs", "show", "on")[1]
    assert flow.run("runs", "logs", "last", "--job", "a", "--stage", "t")[1] == "there\n"
    assert flow.run("runs", "logs", "last", "--job", "b")[1] == "other\n"
    assert flow.run("runs", "logs", "last", "--job", "c")[0] == 2
    code, _, error = flow.run("runs", "logs", "last", "--job", "b", "--stage", "t")
    assert code == 2
    assert "no stage `t`" in error
    assert "there are: 0" in error


def test_a_damaged_journal_is_said_in_one_line(flow):
    flow.write("jobs: {a: {stages: [{echo: hello}]}}")
    (flow.folder / ".jobc" / "state").mkdir(parents=True)
    (flow.folder / ".jobc" / "state" / "journal.db").write_bytes(b"garbage" * 1000)
    code, _, error = flow.run("run", "flow.job.yml")
    assert code == 2
    assert "is damaged" in error
    assert "Traceback" not in error


def test_failed_combinations_are_told_in_their_order_not_as_they_ended(flow):
    flow.write(
        "jobs:\n  a:\n    strategy: {matrix: {n: [0, 1, 2, 3, 4]}, max-parallel: 5}\n"
        "    stages: [{bash: 'sleep 0.${{ 4 - matrix.n }}; exit 1'}]\n"
    )
    _, out, _ = flow.run("run", "flow.job.yml", "--max-parallel", "5", "-q")
    told = [line.split()[0] for line in out.splitlines() if line.startswith("    [")]
    assert told == ["[n=0]", "[n=1]", "[n=2]"]
    assert "and 2 more" in out


def test_a_job_that_fails_before_its_stages_is_placed_as_seen_from_the_caller(flow):
    (flow.folder / "sub").mkdir()
    text = "jobs:\n  a: {condition: '${{ fromJson(params.five) }}', stages: [{echo: x}]}\n"
    flow.write(
        text
        + '  b: {timeout: \'${{ fromJson(params.yes) }}\', stages: [{echo: x}]}\nparams: {five: {default: "5"}, yes: {default: "true"}}\n',
        "sub/f.job.yml",
    )
    code, out, _ = flow.run("run", "sub/f.job.yml", "-q")
    assert code == 1
    assert (
        "✗ a failed\n    a condition must be true or false, but this is the number 5\n    at sub/f.job.yml:2\n"
        in out
    )
    assert "timeout: true is not a duration" in out
    assert "at sub/f.job.yml:3\n" in out


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_what_an_inline_stage_starts_does_not_mix_with_the_result(flow, form):
    flow.write("jobs: {a: {stages: [{isolation: inline, run: \"import os; os.system('echo stray')\"}]}}")
    code, out, error = flow.run("run", "flow.job.yml", "--format", form)
    assert code == 0
    assert "stray" not in out
    assert error == "stray\n"
    assert json.loads(out.splitlines()[-1] if form == "jsonl" else out)


def test_a_journal_that_vanishes_while_the_run_goes_on_is_said(flow):
    flow.write("jobs: {a: {stages: [{bash: rm -r .jobc}, {echo: x}]}}")
    code, _, error = flow.run("run", "flow.job.yml")
    assert code == 0
    assert error.startswith("warning: ")
    assert "journal.db was removed while the run went on" in error


def read(path):
    try:
        return path.read_text().strip()
    except OSError:
        return ""
