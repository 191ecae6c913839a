"""One graph in several environments: its engine dies in the middle, and another one goes on.

Every task writes a line into a ledger when a stage of it begins, so that whatever ran is seen, told or not.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobc.backends.registry import create
from tests.runner.serving import Server, until

#: WHERE is the environments, LEDGER the folder of the ledger.
FLOW = """
params:
  runner: str
  image: {type: str, default: none}
secrets: [RUNNER_TOKEN]
defaults: {timeout: 2m}
jobs:
  seed:
    artifacts: {out: {seed: {paths: seed.txt}}}
    outputs: {word: "${{ stages.write.outputs.word }}"}
    stages:
      - id: write
        bash: |
          echo seed >> 'LEDGER'/seed
          echo grown > seed.txt
          echo word=grown >> "$JOBC_OUTPUT"
  build:
    needs: seed
    strategy: {matrix: {where: [WHERE]}, max-parallel: 8}
    runs-on:
      type: "${{ matrix.where }}"
      host: "${{ params.runner }}"
      token: "${{ secrets.RUNNER_TOKEN }}"
      image: "${{ params.image }}"
      pull: never
      volume: {"LEDGER": "LEDGER"}
    artifacts: {in: {seed: got}, out: {part: {paths: "part-${{ matrix.where }}"}}}
    outputs: {said: "${{ stages.work.outputs.said }}"}
    stages:
      - id: begin
        bash: |
          echo begin >> 'LEDGER'/'${{ matrix.where }}'
          echo 'begin ${{ matrix.where }}'
      - id: work
        bash: |
          echo work >> 'LEDGER'/'${{ matrix.where }}'
          echo 'working on ${{ matrix.where }}'
          if [ '${{ matrix.where }}' != local ]; then
            until [ -e 'LEDGER'/go ]; do sleep 0.05; done
          fi
          { cat got/seed.txt; echo '${{ matrix.where }}'; } > 'part-${{ matrix.where }}'
          echo 'said=${{ needs.seed.outputs.word }} on ${{ matrix.where }}' >> "$JOBC_OUTPUT"
  join:
    needs: build
    runs-on: {type: self-hosted, host: "${{ params.runner }}", token: "${{ secrets.RUNNER_TOKEN }}"}
    artifacts: {in: {part: all}, out: {whole: {paths: whole}}}
    stages:
      - bash: |
          echo join >> 'LEDGER'/join
          cat all/* > whole
  report:
    needs: [build, join]
    artifacts: {in: {whole: end}}
    stages:
      - bash: cat end/whole
      - echo: "${{ needs.build.outputs.said }}"
"""
LARGE = """
params: {runner: str}
secrets: [RUNNER_TOKEN]
jobs:
  make:
    artifacts: {out: {big: {paths: big}}}
    stages: [{bash: "head -c 20000000 /dev/urandom > big; sha256sum < big > ../sum"}]
  pass:
    needs: make
    runs-on: {type: self-hosted, host: "${{ params.runner }}", token: "${{ secrets.RUNNER_TOKEN }}"}
    artifacts: {in: {big: .}, out: {again: {paths: big}}}
    stages: [{bash: "sha256sum < big"}]
  check:
    needs: pass
    artifacts: {in: {again: got}}
    stages: [{bash: "sha256sum < got/big | diff - ../sum"}]
"""
NEAR = """
jobs:
  one: {stages: [{id: s, bash: 'echo n=1 >> "$JOBC_OUTPUT"'}], outputs: {n: "${{ stages.s.outputs.n }}"}}
  two: {needs: one, stages: [{echo: "one is ${{ needs.one.outputs.n }}"}]}
"""


class Place:
    """A folder with jobs files, and `jobc` in it."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.folder = folder
        self.server = server
        self.ledger = folder / "ledger"
        self.ledger.mkdir()
        self.started: list[subprocess.Popen[str]] = []

    def write(self, text: str) -> None:
        (self.folder / "flow.job.yml").write_text(text)

    def start(self, *words: str) -> subprocess.Popen[str]:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("JOBC_")}
        with (self.folder / "said").open("a") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "jobc", "run", *words],
                cwd=self.folder,
                env={**environ, "JOBC_SECRET_RUNNER_TOKEN": self.server.token},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def run(self, *words: str) -> tuple[int, str, str]:
        process = self.start(*words)
        before = (self.folder / "said").stat().st_size
        out, _ = process.communicate(timeout=120)
        return process.returncode, out, (self.folder / "said").read_text()[before:]

    def lines(self, name: str) -> list[str]:
        with contextlib.suppress(FileNotFoundError):
            return (self.ledger / name).read_text().split()
        return []

    def close(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.communicate()


@pytest.fixture
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    """With a runner, which a parameter gives further options."""
    server = Server(tmp_path / "runner", "--concurrency", "4", *getattr(request, "param", ()))
    folder = tmp_path / "here"
    folder.mkdir()
    made = Place(folder, server)
    yield made
    made.close()
    server.close()


def params(place: Place, **more: str) -> list[str]:
    values = {"runner": place.server.url, **more}
    return [word for name, value in values.items() for word in ("-p", f"{name}={value}")]


def events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def nothing_is_left(server: Server) -> None:
    until(lambda: not list((server.state / "tasks").iterdir()) and not server.supervisors())


def goes_on(place: Place, where: list[str], *given: str) -> None:
    """Run the graph, kill its engine while all that is elsewhere is at work, and go on."""
    place.write(FLOW.replace("WHERE", ", ".join(where)).replace("LEDGER", str(place.ledger)))
    first = place.start("flow.job.yml", "--run-id", "mixed", "--format", "jsonl", *given)
    assert first.stdout is not None
    told = []
    while not any(each["event"] == "combination-ended" and each["job"] == "build" for each in told):
        line = first.stdout.readline()
        assert line, (place.folder / "said").read_text()
        told.append(json.loads(line))
        assert told[-1].get("status") in (None, "success"), told[-1]
    until(lambda: all(place.lines(each) == ["begin", "work"] for each in where))
    first.kill()
    first.wait()
    (place.ledger / "go").touch()
    code, out, said = place.run("--resume", "mixed", "--format", "jsonl")
    assert code == 0, said + out
    assert {each: place.lines(each) for each in [*where, "seed", "join"]} == {
        **{each: ["begin", "work"] for each in where},
        "seed": ["seed"],
        "join": ["join"],
    }
    log = [each["text"] for each in events(out) if each["event"] == "log" and each["job"] == "report"]
    whole = [line for each in sorted(where) for line in ("grown", each)]
    assert log == [*whole, json.dumps([f"grown on {each}" for each in where], separators=(",", ":"))]
    nothing_is_left(place.server)


def test_a_graph_at_home_and_on_a_runner_goes_on_when_its_engine_dies(place: Place) -> None:
    goes_on(place, ["local", "self-hosted"], *params(place))


@pytest.mark.services
def test_a_graph_in_three_environments_goes_on_when_its_engine_dies(
    place: Place, request: pytest.FixtureRequest
) -> None:
    daemon = request.getfixturevalue("daemon")
    request.getfixturevalue("docker_host")
    from docker_images import PYTHON

    if not create("docker").capabilities.files:
        pytest.skip("this environment has no artifacts")
    goes_on(place, ["local", "self-hosted", "docker"], *params(place, image=PYTHON))
    assert [*daemon.names(), *daemon.volumes()] == []


def test_the_same_file_runs_at_home(place: Place) -> None:
    place.write(FLOW.replace("WHERE", "local, self-hosted").replace("LEDGER", str(place.ledger)))
    (place.ledger / "go").touch()
    code, out, said = place.run("flow.job.yml", "--runs-on", "local", "--format", "jsonl", "-p", "runner=")
    assert code == 0, said
    log = [each["text"] for each in events(out) if each["event"] == "log" and each["job"] == "report"]
    assert log[-1] == '["grown on local","grown on self-hosted"]'
    assert list((place.server.state / "bundles").iterdir()) == []


def test_a_file_that_names_no_runner_is_refused_before_anything_runs(place: Place) -> None:
    place.write(NEAR)
    code, out, said = place.run("flow.job.yml", "--runs-on", "self_hosted")
    assert (code, out) == (2, "")
    assert said.splitlines() == [
        "error: flow.job.yml:3: job `one` cannot run on `self-hosted`: it names no `host` and no `token`",
        'help: add to the job `runs-on: {type: "${{ params.where }}", host: …, token: …}`, with `local` as the default;'
        " nothing was started",
    ]


def test_a_file_that_names_a_runner_in_all_its_jobs_runs_there(place: Place) -> None:
    far = 'runs-on: {type: "${{ params.where }}", host: "${{ params.runner }}", token: "${{ secrets.RUNNER_TOKEN }}"}'
    head = "secrets: [RUNNER_TOKEN]\nparams: {runner: str, where: {type: str, default: local}}\n"
    text = NEAR.replace("one: {", f"one: {{{far}, ").replace("two: {", f"two: {{{far}, ")
    place.write(head + text)
    code, out, said = place.run(
        "flow.job.yml", "--runs-on", "self-hosted", "--format", "jsonl", *params(place)
    )
    assert code == 0, said
    assert [each["text"] for each in events(out) if each["event"] == "log"] == ["one is 1"]
    assert len(list((place.server.state / "bundles").iterdir())) == 1
    nothing_is_left(place.server)


def test_a_job_that_may_not_run_is_not_asked_for_a_runner(place: Place) -> None:
    place.write('jobs: {one: {condition: "1 > 2", stages: [{echo: hi}]}}')
    code, _, said = place.run("flow.job.yml", "--runs-on", "self-hosted")
    assert code == 0, said


def test_a_large_artifact_goes_to_a_runner_and_back(place: Place) -> None:
    place.write(LARGE)
    code, out, said = place.run("flow.job.yml", "--format", "jsonl", *params(place))
    assert code == 0, said + out
    nothing_is_left(place.server)


@pytest.mark.parametrize(
    ("place", "option"),
    [(["--max-upload", "10M"], "--max-upload"), (["--max-download", "10M"], "--max-download")],
    indirect=["place"],
)
def test_an_artifact_that_is_too_large_fails_its_job_and_says_what_to_do(place: Place, option: str) -> None:
    place.write(LARGE)
    code, out, said = place.run("flow.job.yml", "--format", "jsonl", *params(place))
    assert code == 1, said
    ended = [each for each in events(out) if each["event"] == "combination-ended" and each["job"] == "pass"]
    assert [each["error"]["type"] for each in ended] == ["backend"]
    assert option in ended[0]["error"]["message"]
    nothing_is_left(place.server)
