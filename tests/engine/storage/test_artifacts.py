"""Artifacts between jobs: what is published, where it is placed, what is recorded, what goes wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from engine_programs import Scripted
from projects import Project

from jobc.engine.storage.files import of_rows, to_rows
from jobc.interpreter.files import Artifact
from jobc.interpreter.filesets import Entry
from jobc.model.workflow import Workflow


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def flow(
    out: str, given: str, make: str = "mkdir -p dist/sub; echo a > dist/a.whl; echo b > dist/sub/b.whl"
) -> str:
    return f"""
jobs:
  build:
    artifacts: {{out: {out}}}
    stages: [{{bash: "{make}"}}]
  clean:
    needs: build
    stages: [{{bash: "rm -rf dist"}}]
  use:
    needs: clean
    artifacts: {{in: {given}}}
    stages: [{{bash: "find . -name '*.whl' | sort > seen; if test -d x; then find x | sort; fi"}}]
"""


@pytest.mark.parametrize(
    ("out", "given", "seen"),
    [
        ("{wheels: dist/**/*.whl}", "[wheels]", ["./dist/a.whl", "./dist/sub/b.whl"]),
        ("{wheels: dist/**/*.whl}", "{wheels: x}", ["./x/a.whl", "./x/sub/b.whl"]),
        ("{wheels: dist/**/*.whl}", "{wheels: .}", ["./a.whl", "./sub/b.whl"]),
        ("dist", "build", ["./dist/a.whl", "./dist/sub/b.whl"]),
        ("[dist, '!dist/sub']", "{build: x/y}", ["./x/y/dist/a.whl"]),
        ("[dist/a.whl, dist/sub/b.whl]", "{build: x}", ["./x/a.whl", "./x/sub/b.whl"]),
        ("{one: dist/a.whl, two: dist/sub}", "{build/two: x}", ["./x/sub/b.whl"]),
        ("{one: dist/a.whl, two: dist/sub/}", "{build: x}", ["./x/a.whl", "./x/sub/b.whl"]),
        ("{one: dist/a.whl}", "{one: null}", ["./dist/a.whl"]),
    ],
)
def test_files_go_where_they_came_from_or_below_a_folder(
    project: Project, out: str, given: str, seen: list[str]
) -> None:
    result = project.run(flow(out, given))
    assert result.status == "success", result.reason
    assert project.read("seen").split() == seen


def test_modes_and_links_arrive(project: Project) -> None:
    make = "mkdir dist; echo x > dist/tool; chmod 751 dist/tool; ln -s tool dist/link; mkdir dist/empty"
    project.run(flow("dist", "{build: x}", make))
    assert (project.folder / "x/dist/tool").stat().st_mode & 0o777 == 0o751
    assert os.readlink(project.folder / "x/dist/link") == "tool"
    assert (project.folder / "x/dist/empty").is_dir()


def test_an_artifact_is_recorded_with_its_hashes(project: Project) -> None:
    result = project.run(flow("{wheels: dist/*.whl}", "[wheels]"))
    (artifact,) = project.detail()["jobs"]["build"]["combinations"][0]["artifacts"]
    assert artifact["name"] == "wheels"
    (file,) = artifact["files"]
    assert (file["path"], file["size"]) == ("dist/a.whl", 2)
    assert file["sha256"] == "87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7"
    document = result.to_json()["jobs"]["build"]["combinations"][0]
    assert document["artifacts"] == [{"name": "wheels", "files": 1, "size": 2}]


def test_a_missing_file_fails_the_job_and_names_the_glob(project: Project) -> None:
    result = project.run(flow("{wheels: [dist/*.whl, dist/*.tgz]}", "[wheels]"))
    assert result.status == "failed"
    assert result.jobs["use"].status == "skip"
    reason = result.jobs["build"].reason or ""
    assert "artifact `wheels`: nothing matches `dist/*.tgz`" in reason
    assert "(flow.job.yml:4)" in reason


def test_what_may_be_missing(project: Project) -> None:
    for choice, said in (("warn", True), ("ignore", False)):
        project.run(flow(f"{{wheels: {{paths: [dist/*.whl, no/*], if-missing: {choice}}}}}", "[wheels]"))
        assert any("nothing matches `no/*`" in line for line in project.lines()) == said
        assert project.read("seen").split() == ["./dist/a.whl"]


MATRIX = """
jobs:
  train:
    strategy: {matrix: {lr: [0.1, 0.2], kind: [a]}, max-parallel: 1}
    artifacts: {out: {models: PATHS}}
    stages: [{bash: "mkdir -p models; echo ${{ matrix.lr }} > models/${{ matrix.lr }}; echo CONTENT > models/same"}]
  pick:
    needs: train
    artifacts: {in: {models: HERE}}
    stages: [{bash: find best -type f | sort > seen}]
"""


def test_combinations_come_together_in_one_folder(project: Project) -> None:
    text = MATRIX.replace("PATHS", "models/*").replace("HERE", "best").replace("CONTENT", "fixed")
    assert project.run(text).status == "success"
    assert project.read("seen").split() == ["best/0.1", "best/0.2", "best/same"]


def test_different_contents_for_one_path_are_an_error(project: Project) -> None:
    text = (
        MATRIX.replace("PATHS", "models/same").replace("HERE", "best").replace("CONTENT", "${{ matrix.lr }}")
    )
    result = project.run(text)
    assert result.status == "failed"
    assert (
        "`best/same` comes with different contents, from `train[lr=0.1,kind=a]` and `train[lr=0.2,kind=a]`;"
        " put a value of the matrix into the path, or set `per-combination: true`"
    ) in (result.jobs["pick"].reason or "")


def test_a_value_of_the_matrix_in_a_path_is_kept(project: Project) -> None:
    text = """
jobs:
  build:
    strategy: {matrix: {os: [a, b]}}
    artifacts: {out: {tool: "dist/${{ matrix.os }}/tool"}}
    stages: [{bash: "mkdir -p dist/${{ matrix.os }}; echo ${{ matrix.os }} > dist/${{ matrix.os }}/tool"}]
  use: {needs: build, artifacts: {in: {tool: got}}, stages: [{bash: find got -type f | sort > seen}]}
"""
    assert project.run(text).status == "success"
    assert project.read("seen").split() == ["got/a/tool", "got/b/tool"]


def test_a_folder_for_each_combination(project: Project) -> None:
    text = MATRIX.replace("PATHS", "models/same").replace("CONTENT", "${{ matrix.lr }}")
    assert project.run(text.replace("HERE", "{path: best, per-combination: true}")).status == "success"
    assert project.read("seen").split() == ["best/lr=0.1,kind=a/same", "best/lr=0.2,kind=a/same"]
    assert project.read("best/lr=0.2,kind=a/same") == "0.2\n"


def test_reports_of_a_failed_job(project: Project) -> None:
    text = """
jobs:
  test:
    artifacts:
      out:
        report: {paths: report.xml, when: always}
        crash: {paths: core.txt, when: failure}
        package: dist
    stages: [{bash: "echo r > report.xml; echo c > core.txt; exit 3"}]
  tell:
    needs: test
    trigger-rule: all_done
    artifacts: {in: {test: got}}
    stages: [{bash: ls got > seen}]
"""
    result = project.run(text)
    assert result.jobs["test"].status == "failed"
    assert result.jobs["tell"].status == "success"
    assert project.read("seen").split() == ["core.txt", "report.xml"]


def test_what_was_not_published_is_said_with_its_reason(project: Project) -> None:
    text = """
params: {go: {type: bool, default: false}}
jobs:
  build:
    condition: ${{ params.go }}
    artifacts: {out: dist}
    stages: [{bash: mkdir dist}]
  use:
    needs: build
    trigger-rule: all_done
    artifacts: {in: GIVEN}
    stages: [{echo: hi}]
"""
    result = project.run(text.replace("GIVEN", "[build]"))
    assert "the artifact `build` was not published: job `build` was skipped" in (
        result.jobs["use"].reason or ""
    )
    result = project.run(text.replace("GIVEN", "{build: {path: x, if-missing: ignore}}"))
    assert result.status == "success"


def test_artifacts_come_from_jobs_that_are_needed_through_others_and_from_several(project: Project) -> None:
    text = """
jobs:
  a: {artifacts: {out: {report: [ra.txt]}}, stages: [{bash: echo a > ra.txt}]}
  b: {artifacts: {out: {report: [rb.txt]}}, stages: [{bash: echo b > rb.txt}]}
  middle: {needs: [a, b], stages: [{bash: rm ra.txt rb.txt}]}
  all: {needs: middle, artifacts: {in: {report: got}}, stages: [{bash: cat got/* > seen}]}
"""
    assert project.run(text).status == "success"
    assert project.read("seen") == "a\nb\n"


def test_a_hit_publishes_again(project: Project) -> None:
    text = flow("{wheels: dist/**/*.whl}", "{wheels: x}").replace("  clean:", "    cache: true\n  clean:")
    project.run(text, run_id="one")
    (project.folder / "x/a.whl").unlink()
    project.run(run_id="two")
    assert project.said("build") == ["cached from run one"]
    assert project.read("x/a.whl") == "a\n"
    (artifact,) = project.detail("two")["jobs"]["build"]["combinations"][0]["artifacts"]
    assert [file["path"] for file in artifact["files"]] == ["dist/a.whl", "dist/sub/b.whl"]


def test_what_a_job_starts_with_is_part_of_its_key(project: Project) -> None:
    text = """
params: {v: {type: int, default: 1}}
jobs:
  build: {artifacts: {out: [made]}, stages: [{bash: "echo ${{ params.v }} > made"}]}
  job: {needs: build, cache: true, artifacts: {in: [build]}, stages: [{bash: cat made}]}
"""
    project.run(text)
    project.run()
    assert project.said()[0].startswith("cached")
    project.run(params={"v": 2})
    assert project.said() == ["artifact `build` changed"]


def test_a_secret_in_a_published_file_fails_the_job(project: Project) -> None:
    text = """
secrets: [TOKEN]
jobs:
  job:
    artifacts: {out: [config]}
    stages: [{env: {T: "${{ secrets.TOKEN }}"}, bash: 'echo "token=$T" > config'}]
"""
    result = project.run(text, secrets={"TOKEN": "hunter2-hunter2"})
    assert result.status == "failed"
    assert "artifact `job`: `config` holds a secret in clear" in (result.jobs["job"].reason or "")


def test_a_file_that_is_gone_from_the_store_is_named(project: Project) -> None:
    text = flow("{wheels: dist/*.whl}", "{wheels: x}").replace(
        "rm -rf dist", "rm -rf dist .jobc/store/objects"
    )
    result = project.run(text)
    assert "`x/a.whl` of the artifact `wheels` is not in the store any more; run `build` again" in (
        result.jobs["use"].reason or ""
    )


def test_nothing_is_written_through_a_link_that_leads_out(tmp_path: Path) -> None:
    project = Project(tmp_path / "work")
    project.folder.mkdir()
    (tmp_path / "outside").mkdir()
    text = flow("{wheels: dist/*.whl}", "{wheels: x}").replace("rm -rf dist", "ln -s ../outside x")
    result = project.run(text)
    assert "`x/a.whl` would be written through a symbolic link, out of the work folder" in (
        result.jobs["use"].reason or ""
    )
    assert os.listdir(tmp_path / "outside") == []


def test_where_artifacts_are_not_available_the_job_says_so(project: Project) -> None:
    """A backend that does not run with the files of this machine hands out none; the interpreter refuses then."""
    from jobc.backends.local import LocalBackend

    class Elsewhere(LocalBackend):
        capabilities = Scripted.capabilities.__class__(notifies=True, hosted=True)

    result = project.run(flow("dist", "[build]"), backend=lambda name: Elsewhere())
    assert "artifacts are not available where this job runs" in (result.jobs["build"].reason or "")
    result = project.run("jobs: {job: {cache: true, stages: [{echo: hi}]}}", backend=lambda name: Elsewhere())
    assert result.status == "success"
    assert result.jobs["job"].combinations[0].cache == {
        "hit": False,
        "reason": "not cached: there is no cache where this job runs",
        "from_run": None,
    }


def test_the_python_api_hands_artifacts_on_without_a_state_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = Workflow.from_yaml(flow("dist", "{build: x}")).execute()
    assert result.status == "success", result.context["reason"]
    assert (tmp_path / "seen").read_text().split() == ["./x/dist/a.whl", "./x/dist/sub/b.whl"]
    assert not (tmp_path / ".jobc").exists()


def test_what_a_run_had_published_before_it_was_interrupted_is_known_again(project: Project) -> None:
    from jobc.engine.journal.journal import Journal, path_in
    from jobc.engine.options import Options
    from jobc.engine.state import CombinationState, RunState
    from jobc.engine.storage.files import RunFiles
    from jobc.interpreter.api import CombinationResult
    from jobc.ir.program import Job, Workflow

    text = MATRIX.replace("PATHS", "models/*").replace("HERE", "best").replace("CONTENT", "fixed")
    project.run(text, run_id="one")
    journal = Journal(path_in(project.state))
    try:
        workflow = Workflow("flow", 0)
        workflow.jobs = [Job("train", 0)]
        run = RunState("one", 0, workflow, {}, "")
        run.enter(None)
        (run.key,) = (row["run"] for row in journal.rows("SELECT run FROM runs"))
        files = RunFiles(Options(journal=journal, store=project.store.root))
        result = CombinationResult("success", {"lr": 0.2})
        result.artifacts = [Artifact("again", "train", 1, {"lr": 0.2}, "", [])]
        files.take(CombinationState(run.jobs[0], 1, {"lr": 0.2}), result)
        found = [(one.combination, one.name) for one in files.artifacts(run, 0)]
        assert found == [(0, "models"), (1, "again")]
    finally:
        journal.close()


def test_rows_of_the_journal_are_the_artifacts_again() -> None:
    entries = [Entry("a/b", "file", 0o644, 3, "d" * 64), Entry("a/l", "link", 0o777, 0, "b")]
    one = Artifact("x", "job", 2, {"n": 1}, "a", entries)
    columns = [
        "run",
        "job",
        "combination",
        "name",
        "path",
        "kind",
        "mode",
        "size",
        "digest",
        "root",
        "matrix",
    ]
    rows = [dict(zip(columns, row, strict=True)) for row in to_rows([one], 7, 3, '{"n": 1}')]
    (again,) = of_rows(rows, "job")[2]
    assert again.to_json() == one.to_json()
    assert (again.matrix, again.label) == ({"n": 1}, "job[n=1]")


def test_what_a_server_writes_when_it_is_ended_is_published(project: Project) -> None:
    project.run(r"""
jobs:
  build:
    artifacts: {out: {data: data}}
    stages:
      - bash: |
          python3 -c '
          import signal, time
          def end(*_):
              open("data", "a").write("flushed\n")
              raise SystemExit
          signal.signal(signal.SIGTERM, end)
          open("data", "w").write("begun\n")
          time.sleep(600)' >/dev/null 2>&1 &
          until test -s data; do sleep 0.02; done
  use:
    needs: build
    artifacts: {in: {data: x}}
    stages: [{bash: cat x/data > seen}]
""")
    assert project.read("seen").split() == ["begun", "flushed"]
