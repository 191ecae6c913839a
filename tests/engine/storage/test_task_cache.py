"""The cache of jobs that run elsewhere: a hit is not submitted, and brings what the task would have left."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from engine_programs import Scripted
from projects import Project

from jobc.backends import registry
from jobc.backends.api import Backend, Capabilities, JobHandle, Task
from jobc.engine.control import Control
from jobc.engine.elsewhere import Elsewhere
from jobc.engine.result import RunResult
from jobc.engine.storage.cache_entry import Entries
from jobc.engine.storage.cache_key import CacheKey, KeyMaker
from jobc.engine.storage.task_cache import TaskRecall
from jobc.interpreter.filehash import hash_files

SERVICES = str(Path(__file__).parents[2] / "services")

FLOW = """
params: {rate: {type: str, default: "2"}, image: {type: str, default: one}}
secrets: [TOKEN, LOGIN]
jobs:
  seed:
    artifacts: {out: {data: data/**}}
    stages: [{bash: 'true'}]
  job:
    needs: seed
    runs-on:
      type: process
      folder: SERVICE
      image: ${{ params.image }}
      login: ${{ secrets.LOGIN }}
      env: {KEY: "${{ secrets.TOKEN }}"}
    cache: {inputs: [data/*.csv], outputs: [out]}
    artifacts: {in: [data], out: {sum: out/**}}
    stages:
      - id: make
        name: Make it
        bash: |
          echo here
          mkdir -p out; cat data/*.csv > out/all.csv; ln -s all.csv out/link; chmod 750 out/all.csv
          echo "lines=$(($(cat out/all.csv | wc -l) * ${{ params.rate }}))" >> "$JOBC_OUTPUT"
  use:
    needs: job
    artifacts: {in: {sum: got}}
    stages: [{bash: 'cat got/link; stat -c %a got/all.csv; echo ${{ needs.job.outputs.lines }}'}]
"""
SIMPLE = """
jobs:
  job:
    runs-on: {type: process, folder: SERVICE}
    cache: CACHE
    stages: [{id: s, bash: 'echo "x=${{ VALUE }}" >> "$JOBC_OUTPUT"'}]
"""


class Far:
    """A project, and an environment of which it is known what was submitted to it."""

    def __init__(self, project: Project, service: Path) -> None:
        self.project = project
        self.service = service
        self.submitted: list[str] = []

    def run(self, text: str, params: dict[str, Any] | None = None, **options: Any) -> RunResult:
        self.submitted = []
        options.setdefault("secrets", {"TOKEN": "token-of-mine", "LOGIN": "login-of-mine"})
        return self.project.run(
            text.replace("SERVICE", str(self.service)), params, backend=self._backend, **options
        )

    def _backend(self, name: str) -> Backend:
        made = registry.create(name)
        if not made.capabilities.hosted:
            submit = made.submit

            def submitting(task: Task) -> JobHandle:
                self.submitted.append(task.program.workflows[task.workflow].jobs[task.job].id)
                return submit(task)

            made.submit = submitting  # type: ignore[method-assign]
        return made

    def said(self) -> str:
        (reason,) = self.project.said()
        return reason

    def lines(self, job: str) -> list[str]:
        return [e["text"] for e in self.project.events if e["event"] == "log" and e["job"] == job]


@pytest.fixture
def far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Far:
    monkeypatch.syspath_prepend(SERVICES)
    point = EntryPoint("process", "process_backend:ProcessBackend", registry.GROUP)
    monkeypatch.setattr(
        "importlib.metadata.entry_points",
        lambda **chosen: [point] if chosen["group"] == registry.GROUP else [],
    )
    (tmp_path / "service").mkdir()
    (tmp_path / "project").mkdir()
    project = Project(tmp_path / "project")
    project.write("data/x.csv", "a\n")
    project.write("data/y.csv", "b\n")
    project.write("data/notes.txt", "n\n")
    return Far(project, tmp_path / "service")


def simple(cache: str, value: str = "1") -> str:
    return SIMPLE.replace("CACHE", cache).replace("VALUE", value)


def test_a_hit_is_not_submitted_and_brings_outputs_artifacts_and_stages(far: Far) -> None:
    first = far.run(FLOW, run_id="first")
    assert first.status == "success", first.to_json()
    assert (far.said(), far.submitted) == ("no entry yet", ["job"])
    assert far.lines("use") == ["a", "b", "750", "4"]
    second = far.run(FLOW, run_id="second")
    assert (far.said(), far.submitted) == ("cached from run first", [])
    assert far.lines("use") == ["a", "b", "750", "4"]
    assert far.lines("job") == []
    job = second.jobs["job"]
    assert (job.status, job.reason, job.outputs) == ("success", "cached from run first", {"lines": "4"})
    assert job.combinations[0].cache == {
        "hit": True,
        "reason": "cached from run first",
        "from_run": "first",
    }
    (stage,) = job.combinations[0].stages
    assert (stage.id, stage.name, stage.reason) == ("make", "Make it", "cached from run first")
    assert not (far.project.folder / "out").exists(), "the task's folder is not the project's"
    shown = far.project.detail("second")["jobs"]["job"]["combinations"][0]
    assert shown["cache"]["hit"] is True
    assert shown["stages"][0]["reason"] == "cached from run first"
    third = far.run(FLOW, run_id="third")
    assert third.jobs["job"].combinations[0].to_json()["artifacts"] == [
        {"name": "sum", "files": 2, "size": 4}
    ]


@pytest.mark.parametrize(
    ("act", "params", "said"),
    [
        (lambda far: far.project.write("data/x.csv", "c\n"), {}, "artifact `data` changed; input data/x.csv changed"),
        (lambda far: far.project.write("data/z.csv", ""), {}, "artifact `data` changed; input data/z.csv was added"),
        (lambda far: None, {"rate": "3"}, "params.rate changed from 2 to 3"),
        (lambda far: None, {"image": "two"}, "runs-on.image changed from one to two"),
    ],
)  # fmt: skip
def test_a_miss_says_what_changed(
    far: Far, act: Callable[[Far], Any], params: dict[str, str], said: str
) -> None:
    far.run(FLOW)
    act(far)
    far.run(FLOW, params)
    assert (far.said(), far.submitted) == (said, ["job"])


def test_credentials_do_not_count_but_what_the_environment_hands_to_the_job_does(far: Far) -> None:
    secrets = {"TOKEN": "token-of-mine", "LOGIN": "login-of-mine"}
    far.run(FLOW, secrets=secrets, run_id="first")
    far.run(FLOW, secrets={**secrets, "LOGIN": "another-login"})
    assert far.said() == "cached from run first"
    far.run(FLOW, secrets={**secrets, "TOKEN": "another-token"})
    assert far.said() == "runs-on.env changed"
    (first, second) = Entries(far.project.store).all()
    assert "token-of-mine" not in repr([first.parts, second.parts])


def test_a_job_is_not_cached_by_inputs_that_it_does_not_start_with(far: Far) -> None:
    """They may come by a mounted folder, of which nothing is known here."""
    for _ in range(2):
        far.run(simple("{inputs: ['data/*.csv']}"))
        assert far.said() == (
            "not cached: no artifact that the job starts with has `data/*.csv` of its inputs, and it runs elsewhere; "
            "name one in `artifacts.in`, or put `hashFiles('data/*.csv')` into `cache.key`"
        )
        assert far.submitted == ["job"]


def test_the_remedy_works_because_the_key_is_made_in_the_project(far: Far) -> None:
    text = simple("{key: \"${{ hashFiles('data/*.csv') }}\"}")
    far.run(text, run_id="first")
    far.run(text)
    assert far.said() == "cached from run first"
    far.project.write("data/x.csv", "changed\n")
    far.run(text)
    assert far.said().startswith("key changed")


def test_an_expression_sees_the_files_that_the_task_sees(far: Far) -> None:
    text = FLOW.replace("echo here", "echo ${{ hashFiles('data/notes.txt') }}")
    assert far.run(text, run_id="first").status == "success"
    assert far.lines("job") == [hash_files(str(far.project.folder), ["data/notes.txt"])]
    far.run(text)
    assert far.said() == "cached from run first"
    far.project.write("data/notes.txt", "other")
    far.run(text)
    assert far.said() == "`hashFiles('data/notes.txt')` changed; artifact `data` changed"
    assert far.submitted == ["job"]


def test_variables_of_the_environment_there_are_not_known_here(far: Far) -> None:
    far.run(
        simple("true").replace(
            '[{id: s, bash: \'echo "x=${{ 1 }}" >> "$JOBC_OUTPUT"\'}]', "[{echo: \"${{ env('HOME') }}\"}]"
        )
    )
    assert far.said() == "not cached: what `env('HOME')` gives is known only where the job runs"
    assert far.submitted == ["job"]


def test_no_cache_and_refresh(far: Far) -> None:
    far.run(simple("true"), run_id="first")
    far.run(simple("true"), cache="refresh", run_id="second")
    assert (far.said(), far.submitted) == ("not looked up (--refresh)", ["job"])
    far.run(simple("true"))
    assert (far.said(), far.submitted) == ("cached from run second", [])
    result = far.run(simple("true"), cache="off")
    assert (far.project.said(), far.submitted) == ([], ["job"])
    assert result.jobs["job"].combinations[0].cache is None


def test_a_failure_is_not_kept(far: Far) -> None:
    text = simple("true").replace("echo", "false; echo")
    for _ in range(2):
        assert far.run(text).status == "failed"
        assert (far.said(), far.submitted) == ("no entry yet", ["job"])


def test_a_key_without_a_value_fails_the_job_as_at_home(far: Far) -> None:
    text = simple("{key: \"${{ fromJson(env('BAD')) }}\"}")
    ends = []
    for placed in (text, text.replace("runs-on: {type: process, folder: SERVICE}", "runs-on: local")):
        result = far.run(placed, environ={"PATH": os.defpath, "BAD": "{"})
        error = result.jobs["job"].combinations[0].error
        assert error is not None
        ends.append((result.status, error.type, error.message, error.line))
    assert ends[0] == ends[1]
    assert ends[0][0] == "failed"
    assert far.submitted == []


def test_an_artifact_that_left_the_store_makes_the_task_run(far: Far) -> None:
    far.run(FLOW)
    (entry,) = Entries(far.project.store).all()
    assert entry.files == []
    (published,) = entry.artifacts
    digest = next(each.digest for each in published["files"] if each.path == "out/all.csv")
    os.unlink(far.project.store.object_path(digest))
    assert far.run(FLOW).status == "success"
    assert (far.said(), far.submitted) == ("output out/all.csv was removed from the store", ["job"])
    far.run(FLOW)
    assert far.submitted == []


def test_combinations_are_found_one_by_one(far: Far) -> None:
    text = simple("true", "matrix.n").replace("    cache:", "    strategy: {matrix: {n: N}}\n    cache:")
    far.run(text.replace("{n: N}", "{n: [1, 2]}"), run_id="first")
    result = far.run(text.replace("{n: N}", "{n: [1, 2, 3]}"))
    assert sorted(far.project.said()) == ["cached from run first", "cached from run first", "no entry yet"]
    assert far.submitted == ["job"]
    assert result.jobs["job"].outputs == {"x": ["1", "2", "3"]}
    assert result.jobs["job"].reason == "2 of 3 combinations cached from run first"


LINKS = """
jobs:
  job:
    cache: {inputs: ['d/**', '!d/sub/*.tmp', e], outputs: ['d/out*']}
    artifacts: {in: {seed: {path: d, if-missing: ignore}}}
    needs: seed
    stages: [{echo: hi}]
  seed:
    artifacts: {out: 'd/**'}
    stages: [{echo: hi}]
"""


def test_the_inputs_are_what_they_are_in_a_folder_with_the_files(
    far: Far, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through links, to files and folders, with empty folders, of files that are outputs too, and taken out again."""
    write = far.project.write
    write("d/a", "a")
    write("d/sub/b.tmp", "b")
    write("d/sub/c", "a")
    write("d/out.bin", "o")
    (far.project.folder / "d/empty").mkdir()
    os.symlink("a", far.project.folder / "d/link")
    os.symlink("sub", far.project.folder / "d/folder")
    os.symlink("nowhere", far.project.folder / "d/dangling")
    seen: list[CacheKey] = []
    make = KeyMaker.make

    def making(*arguments: Any) -> CacheKey:
        seen.append(make(*arguments))
        return seen[-1]

    monkeypatch.setattr(KeyMaker, "make", making)
    text = LINKS.replace("    needs: seed", "    needs: seed\n    runs-on: {type: process, folder: SERVICE}")
    text = text.replace(", e]", "]")
    assert far.run(text).status == "success"
    assert far.run(text.replace("{type: process, folder: SERVICE}", "local")).status == "success"
    there, here = seen
    assert there.inputs == here.inputs
    assert sorted(here.inputs) == [
        "d/a",
        "d/dangling",
        "d/empty",
        "d/folder/b.tmp",
        "d/folder/c",
        "d/link",
        "d/sub/c",
    ]
    changed = {name for name in here.parts if here.parts[name] != there.parts.get(name)}
    assert changed == {"runs-on"}


class Waiting(Scripted):
    """Carries files, and runs nothing."""

    capabilities = Capabilities(notifies=True, files=True, calls=1)


def test_who_cancels_during_the_lookup_has_nothing_submitted(
    far: Far, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = Waiting()
    control = Control()
    asked, cancelled = threading.Event(), threading.Event()
    look_up = TaskRecall.look_up

    def looking(self: TaskRecall) -> Any:
        asked.set()
        assert cancelled.wait(60)
        return look_up(self)

    monkeypatch.setattr(TaskRecall, "look_up", looking)

    cancel = Elsewhere.cancel

    def cancelling(self: Elsewhere, *arguments: Any) -> bool:
        known = cancel(self, *arguments)
        cancelled.set()
        return known

    monkeypatch.setattr(Elsewhere, "cancel", cancelling)

    def act() -> None:
        assert asked.wait(60)
        control.cancel("enough")

    thread = threading.Thread(target=act)
    thread.start()
    result = far.project.run(
        simple("true").replace("SERVICE", "x"), backend=lambda name: backend, control=control
    )
    thread.join()
    assert result.status == "cancel"
    assert backend.submitted == []


def test_a_defect_while_looking_up_ends_the_job_and_not_the_run(
    far: Far, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: TaskRecall) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(TaskRecall, "look_up", broken)
    result = far.run(simple("true"))
    error = result.jobs["job"].combinations[0].error
    assert error is not None
    assert (error.type, error.message) == ("internal", "defect of jobc: RuntimeError: broken")


def test_an_environment_without_files_says_that_it_has_no_cache(far: Far) -> None:
    result = far.project.run(simple("true").replace("SERVICE", "x"), backend=lambda name: Scripted())
    assert result.jobs["job"].combinations[0].cache == {
        "hit": False,
        "reason": "not cached: there is no cache where this job runs",
        "from_run": None,
    }
