"""The report as a file: what it holds, what it must not hold, how large it may be."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sqlite3
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from hostile import ATTACK, FLOW

from jobc.report import record
from jobc.report.critical_path import critical_path

PLAIN = """
name: plain
params: {n: {type: int, default: 3}, key: secret}
outputs: {n: "${{ params.n }}"}
jobs:
  slow: {stages: [{bash: sleep 0.3}]}
  quick: {stages: [{echo: quick}]}
  bad:
    needs: [slow, quick]
    stages:
      - id: first
        bash: for n in $(seq 20); do echo line $n; done
      - id: inside
        parallel: {left: [{id: boom, bash: 'echo going; echo "went wrong" >&2; exit 7'}], right: [{echo: right}]}
  after: {needs: [bad], stages: [{echo: never}]}
"""


class Page(HTMLParser):
    """What a browser would make of the file, as far as elements and texts go."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self._last = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._last = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._last = ""

    def handle_data(self, data: str) -> None:
        if self._last == "script":
            self.scripts[-1] += data

    @property
    def data(self) -> Any:
        return json.loads(self.scripts[0])


def read(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


def test_what_failed_and_its_last_lines_stand_in_the_page_itself(reported: Any) -> None:
    path = reported.report(PLAIN, "-p", "key=hush-hush")
    html = path.read_text()
    before = html[: html.index('<section class="timeline"')]
    assert "boom" in before
    assert "the script ended with exit code 7: went wrong" in before
    assert "flow.job.yml:14" in before
    assert '<span class="err">went wrong</span>' in before
    assert "hush" not in html
    assert "***" in html


def test_the_log_before_it_is_shown_of_a_stage_that_wrote_nothing(reported: Any) -> None:
    path = reported.report(
        "jobs: {a: {stages: [{id: load, bash: 'for n in $(seq 20); do echo line $n; done'}, {raise: empty table}]}}"
    )
    html = path.read_text()
    assert "stage load, before it: the last 12 of 20 lines" in html
    assert "line 20" in html


def test_the_data_tells_times_reasons_and_the_critical_path(reported: Any) -> None:
    data = read(reported.report(PLAIN)).data
    jobs = {job["id"]: job for job in data["jobs"]}
    assert [id for id, job in jobs.items() if job["critical"]] == ["slow", "bad"]
    assert [data["jobs"][need]["id"] for need in jobs["bad"]["needs"]] == ["slow", "quick"]
    assert jobs["bad"]["start"] >= jobs["slow"]["start"] + jobs["slow"]["duration"] - 0.05
    assert jobs["after"]["reason"] == "rule all_success does not hold: bad: failed"
    assert jobs["after"]["start"] is None
    (combination,) = jobs["bad"]["combinations"]
    boom = next(stage for stage in combination["stages"] if stage["name"] == "boom")
    assert [(stream, text) for _, stream, text in data["logs"][boom["log"]]] == [
        (0, "going"),
        (1, "went wrong"),
    ]
    assert data["outputs"] == {"n": "3"}


def test_triggered_runs_are_part_of_the_report(reported: Any) -> None:
    (reported.folder / "flow.job.yml").write_text(
        "name: outer\njobs: {a: {stages: [{trigger: inner}]}}\n---\n"
        "name: inner\njobs: {b: {stages: [{bash: 'echo deep; exit 2'}]}}\n"
    )
    done = reported.jobc("run", "flow.job.yml#outer", "-q", "--run-id", "one", "--report", "r.html")
    assert done.returncode == 1
    data = read(reported.folder / "r.html").data
    assert [(job["run"], job["id"]) for job in data["jobs"]] == [(None, "a"), ("one.1", "b")]
    assert [line[2] for log in data["logs"] for line in log] == ["deep"]


def test_attempts_have_their_times(reported: Any) -> None:
    data = read(
        reported.report(
            "jobs:\n  a:\n    retry: {attempts: 1, delay: 0}\n"
            "    stages: [{bash: exit 1, retry: {attempts: 2, delay: 0.05}}]\n"
        )
    ).data
    (combination,) = data["jobs"][0]["combinations"]
    assert [attempt["attempt"] for attempt in combination["earlier"]] == [1]
    (stage,) = combination["stages"]
    assert len(stage["starts"]) == 3
    assert stage["starts"] == sorted(stage["starts"])
    assert stage["starts"][0] >= stage["start"] - 0.01


def test_nothing_connects_and_every_script_and_style_is_named_in_the_policy(reported: Any) -> None:
    html = reported.report(PLAIN).read_text(encoding="utf-8")
    page = Page(html)
    policy = next(
        attrs["content"] for _, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    for kind, pattern in (("script-src", r"<script>(.*?)</script>"), ("style-src", r"<style>(.*?)</style>")):
        allowed = re.search(rf"{kind} ([^;]*)", policy)
        assert allowed is not None
        found = re.findall(pattern, html, re.DOTALL)
        assert found
        for text in found:
            assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in allowed[1]
    for tag, attrs in page.tags:
        assert not [name for name in attrs if name.startswith("on")], attrs
        assert "style" not in attrs
        assert tag not in ("iframe", "object", "embed", "base", "form", "img")
        for name in ("src", "href", "action", "srcset"):
            assert (attrs.get(name) or "data:,").startswith(("data:", "#"))


def test_hostile_texts_stay_texts(reported: Any) -> None:
    path = reported.report(FLOW, "-p", f"word={ATTACK}", "-p", "key=hush-hush")
    page = read(path)
    assert sum(tag == "script" for tag, _ in page.tags) == 2
    assert sum(tag == "style" for tag, _ in page.tags) == 2
    assert not any(tag == "img" for tag, _ in page.tags)
    assert chr(0x2028) not in page.scripts[0]
    assert page.data["params"]["word"] == ATTACK
    assert page.data["params"]["key"] == "***"
    shown = "\n".join(line[2] for log in page.data["logs"] for line in log)
    assert "<img src=x onerror=" in shown
    assert "hush" not in path.read_text(encoding="utf-8")


def test_half_a_surrogate_pair_and_control_characters_end_no_report(reported: Any) -> None:
    path = reported.report(
        'jobs: {a: {stages: [{run: "v = chr(0xd800) + chr(0) + chr(27)"}, {run: "raise KeyError(chr(0xd800))"}]}}'
    )
    assert read(path).data["jobs"][0]["id"] == "a"


def test_a_run_is_reported_later_and_without_an_end(reported: Any) -> None:
    (reported.folder / "flow.job.yml").write_text("jobs: {a: {stages: [{bash: exit 1}]}}")
    reported.jobc("run", "flow.job.yml", "--run-id", "one")
    done = reported.jobc("runs", "report", "latest")
    assert (done.returncode, done.stdout) == (0, "written: one.html\n")
    assert reported.jobc("runs", "report", "one", "-o", "-").stdout.startswith("<!doctype html>")
    with sqlite3.connect(reported.folder / ".jobc/state/journal.db") as journal:
        journal.execute("UPDATE runs SET status = NULL, ended = NULL, duration = NULL")
        journal.execute("UPDATE jobs SET status = NULL, ended = NULL, duration = NULL")
        journal.execute("DELETE FROM programs")
    html = reported.jobc("runs", "report", "one", "-o", "-").stdout
    assert "interrupted" in html
    assert "so there is no picture" in html


@pytest.mark.parametrize(
    ("where", "said"), [("absent/report.html", "there is no folder"), (".", "it is a folder")]
)
def test_a_report_that_cannot_be_written_is_said_before_anything_runs(
    reported: Any, where: str, said: str
) -> None:
    (reported.folder / "flow.job.yml").write_text("jobs: {a: {stages: [{bash: touch ran}]}}")
    done = reported.jobc("run", "flow.job.yml", "--report", where)
    assert done.returncode == 2
    assert said in done.stderr
    assert not (reported.folder / "ran").exists()


def test_what_is_too_much_is_left_out_and_said_and_failures_are_kept(
    reported: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jobc.engine.journal.history import History

    reported.report(
        "jobs:\n  a:\n    strategy: {matrix: {n: '${{ range(0, 30) }}'}, fail-fast: false}\n"
        '    stages:\n      - {id: talk, run: \'for k in range(50): print("word", k, "x" * 50)\'}\n'
        "      - {id: end, condition: '${{ matrix.n == 28 }}',"
        " bash: 'for k in $(seq 99); do echo fail $k; done; exit 1'}\n"
    )
    monkeypatch.setattr(record, "MAX_COMBINATIONS", 10)
    monkeypatch.setattr(record, "MAX_LOG", 6_000)
    monkeypatch.setattr(record, "FAILED_LOG", 1_000)
    history = History.open(str(reported.folder / ".jobc"))
    assert history is not None
    made = record.Record(history, history.find("latest"))
    history.close()
    (job,) = made.data["jobs"]
    assert len(job["combinations"]) == 10
    assert "n=28" in {combination["matrix"] for combination in job["combinations"]}
    assert job["more"] == {"success": 20}
    assert sum(len(line[2]) for log in made.data["logs"] for line in log) <= 12_000
    (failure,) = record.failures(made.data)
    assert failure["log"][-1][2] == "fail 99"
    assert len(failure["log"]) < 99
    assert len(made.data["cut"]) == 2


@pytest.mark.parametrize(
    ("ends", "needs", "path"),
    [
        ([1.0, 2.0, 3.0], [[], [], [0, 1]], [1, 2]),
        ([5.0, 2.0, 6.0], [[], [], [0, 1]], [0, 2]),
        ([1.0, None, None], [[], [0], [1]], [0]),
        ([None], [[]], []),
        ([], [], []),
        ([1.0, 9.0], [[], []], [1]),
    ],
)
def test_the_critical_path_is_what_the_end_waited_for(
    ends: list[float | None], needs: list[list[int]], path: list[int]
) -> None:
    assert critical_path(ends, needs) == path
