"""The cache of jobs: what is a hit, what is a miss and why, and that a hit is what the run would have been."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
from projects import Project

from jobc.engine.journal.journal import Journal, path_in
from jobc.engine.storage.cache_entry import Entries
from jobc.engine.storage.pruning import prune
from jobc.engine.storage.store import LocalStore
from jobc.interpreter.hash_index import HashIndex

JOB = """
params: {day: {type: str, default: mon}, other: {type: str, default: x}}
jobs:
  job:
    cache:
      key: ${{ params.day }}
      inputs: [data/*.csv]
      outputs: [out]
    env: {LEVEL: low}
    stages:
      - id: make
        name: Make it
        bash: |
          echo ran >> ran.log
          mkdir -p out/deep/empty out/bin
          cat data/*.csv > out/all.csv
          echo '#!/bin/sh' > out/bin/tool; chmod 750 out/bin/tool
          ln -sfn ../all.csv out/bin/link
          echo "lines=$(cat data/*.csv | wc -l)" >> "$JOBC_OUTPUT"
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.write("data/x.csv", "a\n")
    made.write("data/y.csv", "b\n")
    return made


def runs(project: Project) -> int:
    return len(project.read("ran.log").splitlines())


def test_a_hit_restores_files_modes_links_outputs_and_stages(project: Project) -> None:
    first = project.run(JOB, run_id="first")
    assert project.said() == ["no entry yet"]
    shutil.rmtree(project.folder / "out")
    second = project.run()
    assert project.said() == ["cached from run first"]
    assert runs(project) == 1
    assert second.status == "success"
    assert second.jobs["job"].outputs == first.jobs["job"].outputs == {"lines": "2"}
    assert second.jobs["job"].reason == "cached from run first"
    out = project.folder / "out"
    assert (out / "all.csv").read_text() == "a\nb\n"
    assert (out / "bin/tool").stat().st_mode & 0o777 == 0o750
    assert os.readlink(out / "bin/link") == "../all.csv"
    assert (out / "deep/empty").is_dir()
    (stage,) = second.jobs["job"].combinations[0].stages
    assert (stage.id, stage.name, stage.status) == ("make", "Make it", "success")
    assert stage.reason == "cached from run first"
    shown = project.detail()["jobs"]["job"]
    assert shown["combinations"][0]["cache"] == {
        "hit": True,
        "reason": "cached from run first",
        "from_run": "first",
    }
    assert shown["combinations"][0]["stages"][0]["reason"] == "cached from run first"


def test_a_hit_leaves_alone_what_is_there_already(project: Project) -> None:
    project.run(JOB)
    file = project.folder / "out/all.csv"
    os.utime(file, (1, 1))
    project.run()
    assert project.said()[0].startswith("cached")
    assert file.stat().st_mtime == 1


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("echo ran", "echo  ran", "the script of stage `make` changed"),
        ("LEVEL: low", "LEVEL: high", "env.LEVEL changed from low to high"),
        ("[out]", "[out/bin, out/all.csv]", "outputs changed"),
        ("id: make", "id: build", "stage `build` is new; the script of stage `build` is new; and 2 more"),
        (
            "        name: Make it\n",
            "        name: Make it\n        shell: bash -e\n",
            "stage `make` changed",
        ),
    ],
)
def test_a_change_of_the_job_is_a_miss_that_says_so(project: Project, old: str, new: str, said: str) -> None:
    project.run(JOB)
    project.run(JOB.replace(old, new))
    assert project.said() == [said]
    assert runs(project) == 2


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: Make it", "name: Build it\n        desc: well\n        timeout: 5m\n        retry: 2"),
        ("  job:\n", "  job:\n    desc: what it is\n    timeout: 5m\n    resources: {cpu: 1}\n"),
        ("params:", "\n# moved down\n\nparams:"),
    ],
)
def test_what_cannot_change_the_result_is_no_miss(project: Project, old: str, new: str) -> None:
    project.run(JOB)
    project.run(JOB.replace(old, new))
    assert project.said()[0].startswith("cached")


def test_inputs_are_compared_by_content_and_named(project: Project) -> None:
    project.run(JOB)
    project.write("data/x.csv", "A\n")
    project.run()
    assert project.said() == ["input data/x.csv changed"]
    project.write("data/z.csv", "z\n")
    (project.folder / "data/y.csv").unlink()
    project.run()
    assert project.said() == ["input data/y.csv was removed; input data/z.csv was added"]
    os.utime(project.folder / "data/z.csv")
    project.write("data/unrelated.txt", "x")
    project.run()
    assert project.said()[0].startswith("cached")


def test_the_key_says_what_it_was_and_is_and_old_results_come_back(project: Project) -> None:
    project.run(JOB, run_id="monday")
    project.run(params={"day": "tue"})
    assert project.said() == ["key changed from mon to tue"]
    project.run()
    assert project.said() == ["cached from run monday"]
    assert runs(project) == 2


def test_only_parameters_that_are_read_count(project: Project) -> None:
    project.run(JOB)
    project.run(params={"other": "changed"})
    assert project.said()[0].startswith("cached")


def test_a_need_counts_as_far_as_it_is_read(tmp_path: Path) -> None:
    text = """
params: {a: {type: int, default: 1}, b: {type: int, default: 1}}
jobs:
  first:
    outputs: {a: "${{ params.a }}", b: "${{ params.b }}"}
    stages: [{echo: hi}]
  job:
    needs: first
    cache: true
    stages: [{echo: "${{ needs.first.outputs.a }}"}]
"""
    project = Project(tmp_path)
    project.run(text)
    project.run(params={"b": 2})
    assert project.said()[0].startswith("cached")
    project.run(params={"a": 2})
    assert project.said() == ["needs.first.outputs.a changed from 1 to 2"]


@pytest.mark.parametrize(
    ("script", "changes"),
    [
        ("x = params.a", True),
        ("x = params['a']", True),
        ("x = params.get('a', 3)", True),
        ("x = params.b", False),
        ("x = dict(params)", True),
        ("x = [params[name] for name in ('a',)]", True),
        ("x = getattr(params, 'a')", True),
        ("x = eval('params').a", True),
        ("x = 1", False),
    ],
)
def test_python_scripts_read_what_they_name(tmp_path: Path, script: str, changes: bool) -> None:
    project = Project(tmp_path)
    text = f"""
params: {{a: {{type: int, default: 1}}, b: {{type: int, default: 1}}}}
jobs:
  job:
    cache: true
    stages: [{{run: {json.dumps(script)}}}]
"""
    project.run(text)
    project.run(params={"a": 2})
    (said,) = project.said()
    assert said == "params.a changed from 1 to 2" if changes else said.startswith("cached")


def test_what_differs_in_every_run_is_never_a_hit_and_says_why(tmp_path: Path) -> None:
    project = Project(tmp_path)
    text = "jobs: {job: {cache: true, stages: [{echo: 'run ${{ run.id }}'}]}}"
    project.run(text, run_id="one")
    project.run(run_id="two")
    assert project.said() == ["run.id changed from one to two"]
    project.run("jobs: {job: {cache: true, stages: [{run: \"x = context['run_id']\"}]}}", run_id="three")
    project.run(run_id="four")
    assert project.said() == ["run.id changed from three to four"]


def test_files_that_an_expression_hashes_count(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("lock", "1")
    project.run("jobs: {job: {cache: true, stages: [{echo: \"${{ hashFiles('lock') }}\"}]}}")
    project.run()
    assert project.said()[0].startswith("cached")
    project.write("lock", "2")
    project.run()
    assert project.said()[0].startswith("`hashFiles('lock')` changed")


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        (
            "{foreach: [a], stages: [{echo: '${{ hashFiles(item) }}'}]}",
            "not cached: what `hashFiles(item)` gives is known only while the job runs",
        ),
        ("{echo: '${{ datetime.now() }}'}", "`datetime.now()` changed from 20"),
    ],
)
def test_what_cannot_be_known_beforehand_is_never_a_hit(tmp_path: Path, stage: str, said: str) -> None:
    project = Project(tmp_path)
    project.run(f"jobs: {{job: {{cache: true, stages: [{stage}]}}}}")
    project.run()
    assert project.said()[0].startswith(said)


def test_an_unchanged_tree_of_inputs_is_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Project(tmp_path)
    for number in range(500):
        os.utime(project.write(f"in/{number}", str(number)), (1, 1))
    project.run("jobs: {job: {cache: {inputs: [in]}, stages: [{echo: hi}]}}")
    read: list[str] = []
    hash_file = HashIndex._hash
    monkeypatch.setattr(HashIndex, "_hash", lambda self, path: read.append(path) or hash_file(self, path))
    project.run()
    assert project.said()[0].startswith("cached")
    assert read == []
    project.write("in/7", "seven")
    project.run()
    assert set(read) == {"in/7"}


def test_the_module_of_a_called_function_counts(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("etl/load.py", "def load():\n    return {'n': 1}\n")
    project.run("jobs: {job: {cache: true, stages: [{uses: 'etl.load:load'}]}}")
    project.write("etl/load.py", "def load():\n    # changed\n    return {'n': 2}\n")
    result = project.run()
    assert project.said() == ["the module `etl.load` changed"]
    assert result.jobs["job"].outputs == {"n": 2}


def test_a_triggered_workflow_is_part_of_the_job(tmp_path: Path) -> None:
    project = Project(tmp_path)
    text = """
name: main
jobs: {job: {cache: true, stages: [{trigger: inner}]}}
---
name: inner
jobs: {a: {stages: [{echo: one}]}}
"""
    project.run(text)
    project.run()
    assert project.said()[0].startswith("cached")
    project.run(text.replace("echo: one", "echo: two"))
    assert project.said() == ["stage `0` changed"]


def test_combinations_have_entries_of_their_own(tmp_path: Path) -> None:
    project = Project(tmp_path)
    text = """
jobs:
  job:
    strategy: {matrix: {n: [1, 2, 3]}}
    cache: {inputs: ["in/${{ matrix.n }}"], outputs: ["out/${{ matrix.n }}"]}
    stages: [{bash: "mkdir -p out; cp in/${{ matrix.n }} out/${{ matrix.n }}"}]
"""
    for n in (1, 2, 3):
        project.write(f"in/{n}", str(n))
    project.run(text, run_id="first")
    project.write("in/2", "two")
    shutil.rmtree(project.folder / "out")
    result = project.run()
    assert project.said() == ["cached from run first", "input in/2 changed", "cached from run first"]
    assert result.jobs["job"].reason == "2 of 3 combinations cached from run first"
    assert [project.read(f"out/{n}") for n in (1, 2, 3)] == ["1", "two", "3"]


def test_failures_are_not_kept(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.run("jobs: {job: {cache: true, stages: [{bash: exit 3}]}}")
    assert project.run().status == "failed"
    assert project.said() == ["no entry yet"]
    project.run("jobs: {job: {cache: true, stages: [{bash: exit 3, continue-on-error: true}]}}")
    assert any("not kept in the cache: its stage `0` failed" in line for line in project.lines())


def test_a_job_that_changes_its_inputs_is_not_kept(project: Project) -> None:
    project.run(JOB.replace("echo ran", "echo more >> data/x.csv; echo ran"))
    assert "not kept in the cache: input data/x.csv changed while the job ran" in project.lines()


def test_outputs_among_the_inputs_are_no_inputs(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("src/a", "a")
    project.run(
        "jobs: {job: {cache: {inputs: ['**'], outputs: [out]}, stages: [{bash: 'mkdir -p out; date +%N > out/t'}]}}"
    )
    project.run()
    assert project.said()[0].startswith("cached")


def test_an_output_that_is_not_written_is_not_kept_and_said(project: Project) -> None:
    project.run(JOB.replace("[out]", "[out, typo/*]"))
    assert "not kept in the cache: nothing matches `typo/*` of its outputs" in project.lines()


def test_without_the_cache_nothing_is_looked_up_or_kept(project: Project) -> None:
    project.run(JOB, cache="off")
    assert project.said() == []
    project.run(cache="off")
    assert runs(project) == 2
    assert Entries(project.store).all() == []


def test_refresh_runs_and_keeps(project: Project) -> None:
    project.run(JOB, run_id="one")
    project.run(cache="refresh", run_id="two")
    assert project.said() == ["not looked up (--refresh)"]
    assert runs(project) == 2
    project.run()
    assert project.said() == ["cached from run two"]


def test_a_damaged_blob_is_found_and_counts_as_a_miss(project: Project) -> None:
    project.run(JOB)
    entry = Entries(project.store).all()[0]
    digest = next(each.digest for each in entry.files if each.path == "out/all.csv")
    path = Path(project.store.object_path(digest))
    path.chmod(0o644)
    path.write_bytes(b"x" * path.stat().st_size)
    shutil.rmtree(project.folder / "out")
    project.run()
    assert project.said() == ["output out/all.csv is damaged in the store"]
    assert any(line.startswith("warning: output out/all.csv is damaged") for line in project.lines())
    assert project.read("out/all.csv") == "a\nb\n"
    assert runs(project) == 2
    project.run()
    assert project.said()[0].startswith("cached")


def test_nothing_is_restored_where_one_file_is_damaged(project: Project) -> None:
    project.run(JOB)
    digest = next(e.digest for e in Entries(project.store).all()[0].files if e.path == "out/bin/tool")
    path = Path(project.store.object_path(digest))
    path.chmod(0o644)
    path.write_bytes(b"y" * path.stat().st_size)
    shutil.rmtree(project.folder / "out")
    project.run(JOB, max_parallel=1, cache="use", timeout=60)
    assert not list(project.folder.rglob(".jobc-*.tmp"))


def test_a_removed_blob_is_a_miss(project: Project) -> None:
    project.run(JOB)
    for digest, _, _ in list(project.store.blobs()):
        os.unlink(project.store.object_path(digest))
    project.run()
    assert re.fullmatch("output out/.* was removed from the store", project.said()[0])
    assert runs(project) == 2


def test_combinations_share_what_they_remember_of_their_inputs(tmp_path: Path) -> None:
    project = Project(tmp_path)
    for number in range(300):
        project.write(f"in/{number}", str(number))
    text = "jobs: {job: {strategy: {matrix: {n: [1, 2, 3]}}, cache: {inputs: [in]}, stages: [{echo: hi}]}}"
    project.run(text)
    assert len(list(project.store.blobs())) == 1
    project.write("in/7", "changed")
    project.run()
    assert project.said() == ["input in/7 changed"] * 3
    for digest, _, _ in list(project.store.blobs()):
        os.unlink(project.store.object_path(digest))
    project.write("in/7", "changed again")
    project.run()
    assert project.said() == ["the inputs changed"] * 3


@pytest.mark.parametrize("spoil", [b"", b"{", b"x" * 64 + b"\n{}\n"])
def test_a_damaged_entry_is_no_entry(project: Project, spoil: bytes) -> None:
    project.run(JOB)
    Path(Entries(project.store).all()[0].path).write_bytes(spoil)
    project.run()
    assert project.said() == ["no entry yet"]
    project.run()
    assert project.said()[0].startswith("cached")


SECRET = "hunter2-hunter2"
WITH_SECRET = """
secrets: [TOKEN]
jobs:
  job:
    cache: {outputs: [out]}
    stages:
      - env: {TOKEN: "${{ secrets.TOKEN }}"}
        bash: |
          echo ran >> ran.log
          mkdir -p out; echo result > out/file
          echo "seen=${#TOKEN}" >> "$JOBC_OUTPUT"
"""


def test_a_secret_is_fingerprinted_and_stored_nowhere(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.run(WITH_SECRET, secrets={"TOKEN": SECRET})
    project.run(secrets={"TOKEN": SECRET})
    assert project.said()[0].startswith("cached")
    project.run(secrets={"TOKEN": "another-secret"})
    assert project.said() == ["the secret TOKEN changed"]
    for path in (tmp_path / ".jobc").rglob("*"):
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path
    assert (tmp_path / ".jobc/store/local.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("write", ['echo "x $TOKEN"', 'printf %s "$TOKEN" | base64'])
def test_a_file_with_a_secret_in_it_is_not_kept(tmp_path: Path, write: str) -> None:
    project = Project(tmp_path)
    project.run(WITH_SECRET.replace("echo result", write), secrets={"TOKEN": SECRET})
    (line,) = [line for line in project.lines() if "not kept" in line]
    assert "`out/file` holds a secret in clear" in line
    assert "leave it out with `!out/file`" in line
    assert Entries(project.store).all() == []


def test_a_secret_parameter_is_never_shown_or_stored(tmp_path: Path) -> None:
    project = Project(tmp_path)
    text = """
params: {pin: secret}
jobs:
  job:
    cache: true
    env: {PIN: "${{ params.pin }}"}
    stages: [{bash: 'test -n "$PIN"'}, {run: "x = len(params.pin)"}]
"""
    project.run(text, {"pin": "1234567"})
    project.run(params={"pin": "7654321"})
    assert project.said() == ["params.pin changed; env.PIN changed"]
    for path in (tmp_path / ".jobc/store").rglob("*"):
        assert path.is_dir() or b"1234567" not in path.read_bytes()


def test_paths_that_lead_out_are_refused_when_the_job_runs(tmp_path: Path) -> None:
    project = Project(tmp_path / "work")
    project.folder.mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/f").write_text("x")
    text = """
params: {path: str}
jobs: {job: {cache: {outputs: ["${{ params.path }}"]}, stages: [{bash: "true"}]}}
"""
    result = project.run(text, {"path": "../outside"})
    assert result.status == "failed"
    assert "leads out of the work folder (`..`)" in (result.jobs["job"].reason or "")
    result = project.run(params={"path": "/etc/passwd"})
    assert "is an absolute path" in (result.jobs["job"].reason or "")


@pytest.mark.parametrize("target", ["/etc/hostname", "../../outside/f", "../outside"])
def test_links_that_lead_out_are_not_kept(tmp_path: Path, target: str) -> None:
    project = Project(tmp_path / "work")
    project.folder.mkdir()
    project.run(
        f"jobs: {{job: {{cache: {{outputs: [out]}}, stages: [{{bash: 'mkdir out; ln -s {target} out/link'}}]}}}}"
    )
    leads_out = not target.startswith("../outside")
    assert any("leads out of the work folder" in line for line in project.lines()) == leads_out


def test_a_full_disk_costs_the_entry_and_not_the_job(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: LocalStore, path: str, known: str | None) -> tuple[str, int]:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)

    monkeypatch.setattr(LocalStore, "put", full)
    assert project.run(JOB).status == "success"
    (line,) = [line for line in project.lines() if "not kept" in line]
    assert line.endswith("cannot be kept: No space left on device")
    published = project.run("jobs: {job: {artifacts: {out: [f]}, stages: [{bash: echo > f}]}}")
    assert published.status == "failed"
    assert "artifact `job`: `f` cannot be kept: No space left on device" in (
        published.jobs["job"].reason or ""
    )


def test_two_runs_at_once_leave_one_sound_entry(project: Project) -> None:
    project.write("data/big.csv", "x\n" * 500_000)
    other = Project(project.folder)
    threads = [
        threading.Thread(target=each.run, args=(JOB,), kwargs={"run_id": id})
        for each, id in ((project, "one"), (other, "two"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (entry,) = Entries(project.store).all()
    assert all(project.store.is_sound(digest) for digest in entry.blobs())
    assert not os.listdir(os.path.join(project.store.root, "tmp"))


def test_killed_while_it_keeps_leaves_no_half_entry(tmp_path: Path) -> None:
    project = Project(tmp_path)
    script = textwrap.dedent(
        """
        import os, sys
        sys.path.insert(0, sys.argv[1])
        from pathlib import Path
        from projects import Project
        Project(Path(sys.argv[2])).run(sys.argv[3])
        """
    )
    text = (
        "jobs: {job: {cache: {outputs: [out]}, stages: [{bash: "
        "'mkdir -p out; for i in 1 2 3 4 5 6 7 8; do head -c 3000000 /dev/zero | tr \"\\\\0\" $i > out/$i; done'}]}}"
    )
    begun = 0
    for delay in (0.0, 0.004, 0.009, 0.015, 0.025):
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(Path(__file__).parents[1]), str(tmp_path), text]
        )
        tmp = Path(project.store.root, "tmp")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            if tmp.is_dir() and any(tmp.iterdir()):
                begun += 1
                break
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        for digest, _, _ in project.store.blobs():
            assert project.store.is_sound(digest)
        for entry in Entries(project.store).all():
            assert len(entry.files) == 8
            assert all(project.store.is_sound(digest) for digest in entry.blobs())
        shutil.rmtree(project.store.root)
    assert begun
    project.run(text)
    project.run()
    assert project.said()[0].startswith("cached")


# Pruning


def pruned(project: Project, **how: object) -> list[str]:
    journal = Journal(path_in(project.state))
    try:
        done = prune(project.store, journal, **how)  # type: ignore[arg-type]
    finally:
        journal.close()
    return [entry.run for entry in done.entries]


def test_what_was_not_used_for_the_longest_time_goes_first(project: Project) -> None:
    text = JOB.replace("cat data/*.csv > out/all.csv", "head -c 1000 /dev/urandom > out/all.csv")
    for day in ("a", "b", "c"):
        project.run(text, {"day": day}, run_id=day)
    used = {entry.run: entry for entry in Entries(project.store).all()}
    for age, run in ((300, "a"), (200, "b"), (100, "c")):
        os.utime(used[run].path, (time.time() - age,) * 2)
    project.run(params={"day": "a"})
    assert project.said() == ["cached from run a"]
    assert pruned(project, most=2400) == ["b"]
    assert sum(size for _, size, _ in project.store.blobs()) <= 2400
    assert pruned(project, older_than=50.0) == ["c"]
    assert pruned(project, most=0) == ["a"]
    assert list(project.store.blobs()) == []


def test_a_run_keeps_the_cache_within_its_bound(project: Project) -> None:
    text = JOB.replace("cat data/*.csv > out/all.csv", "head -c 1000 /dev/urandom > out/all.csv")
    for day in ("a", "b", "c", "d"):
        project.run(text, {"day": day}, run_id=day, cache_size=2500)
    assert [entry.run for entry in Entries(project.store).all()] == ["c", "d"]


def test_pruning_beside_a_run_leaves_what_it_may_still_name(project: Project) -> None:
    project.write("blob", "put, and not named yet")
    held = project.store.share()
    try:
        digest, size = project.store.put(str(project.folder / "blob"), None)
        assert prune(project.store, None, most=0).busy
        assert project.store.has(digest, size)
    finally:
        os.close(held)
    assert not prune(project.store, None, most=0).busy
    assert not project.store.has(digest, size)


def test_a_store_that_cannot_be_made_fails_the_job_with_a_remedy(project: Project) -> None:
    project.write(".jobc/store", "a file where the folder should be")
    result = project.run(JOB)
    assert result.status == "failed"
    assert "the store" in (result.jobs["job"].reason or "")
    assert "--no-cache" in (result.jobs["job"].reason or "")
