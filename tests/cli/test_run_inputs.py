"""Files of parameters and secrets, and the views of a run."""

from __future__ import annotations

import io
import os

import pytest

from jobc.cli.context import Context
from jobc.cli.progress.live import LiveProgress
from jobc.cli.progress.plain import PlainProgress
from jobc.cli.run_inputs import read_params, read_secrets
from jobc.errors import UsageError
from jobc.interpreter.durations import duration_text


@pytest.fixture
def here(tmp_path):
    return Context(str(tmp_path))


def write(here, text, name="f"):
    with open(os.path.join(here.cwd, name), "w", encoding="utf-8") as file:
        file.write(text)
    return name


def test_words_win_over_the_file_and_are_text(here):
    path = write(here, '{"a": 1, "b": [2]}', "p.json")
    assert read_params(["a=x=y"], path, here) == ({"a": "x=y", "b": [2]}, {"a"})


def test_yaml_params_are_yaml_1_2(here):
    given, textual = read_params([], write(here, "a: yes\nb: 010\nc: true\n", "p.yml"), here)
    assert given["a"] == "yes"
    assert given["c"] is True
    assert textual == set()


@pytest.mark.parametrize("word", ["a", "=1"])
def test_a_word_without_a_name_or_value_is_refused(here, word):
    with pytest.raises(UsageError, match="-p cannot be"):
        read_params([word], None, here)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("p.json", "{", "not valid JSON"),
        ("p.yml", "a: [", "not valid YAML"),
        ("p.yml", "- a", "no map of parameters"),
    ],
)
def test_a_file_that_is_no_map_is_refused(here, name, text, message):
    with pytest.raises(UsageError, match=message):
        read_params([], write(here, text, name), here)
    with pytest.raises(UsageError, match="cannot be read"):
        read_params([], "missing.yml", here)


def test_a_dotenv_file_is_read_as_people_write_it(here):
    path = write(
        here,
        '# secrets\n\nA=plain # a comment\nexport B = \'it is # kept\'\nC="two\\nlines \\"q\\""\n'
        "D=\nE='first\nsecond'\nF=a#b\n",
    )
    assert read_secrets(path, here) == {
        "A": "plain",
        "B": "it is # kept",
        "C": 'two\nlines "q"',
        "D": "",
        "E": "first\nsecond",
        "F": "a#b",
    }


@pytest.mark.parametrize("text", ["novalue", "A='open", "A='x' y"])
def test_a_dotenv_line_that_cannot_be_read_names_its_line_and_not_its_value(here, text):
    with pytest.raises(UsageError, match="f:2") as caught:
        read_secrets(write(here, f"OK=1\n{text}\n"), here)
    assert "open" not in str(caught.value)


def event(kind, job=None, combination=None, stage=None, run="r", **more):
    head = {"event": kind, "time": "2026-01-01T00:00:00.000Z", "run": run, "job": job}
    return {**head, "combination": combination, "stage": stage, **more}


EVENTS = [
    event("run-started", workflow="flow", file="d/f.yml", parent=None, jobs=["a", "b"], params={}),
    event("job-ready", "a"),
    event("job-started", "a", combinations=2),
    event("combination-started", "a", 0, matrix={"x": 1}, attempt=1),
    event("stage-started", "a", 0, "0", id=None, name="Build", attempt=1),
    event("log", "a", 0, "0", stream="stdout", text="a line [bold]"),
    event(
        "stage-ended", "a", 0, "0", id=None, name="Build", status="failed", attempts=1, outputs={}, reason=None,
        duration_s=0.2, error={"type": "exit", "message": "exit code 3", "path": "f.yml", "line": 7},
    ),
    event("combination-ended", "a", 0, status="failed", matrix={"x": 1}, attempt=1, duration_s=0.2, error=None, retried_in_s=None),
    event("job-ended", "a", status="failed", reason="1 of 2 …", error=None, duration_s=0.3, attempts=1, outputs={}),
    event("job-ended", "b", status="skip", reason="rule all_success does not hold", error=None, duration_s=0.0, attempts=0, outputs={}),
    event("run-cancelling", reason="interrupted by SIGINT"),
    event("run-ended", status="failed", reason="job `a`: …", duration_s=0.5, outputs={}),
]  # fmt: skip


def shown(progress):
    with progress:
        for each in EVENTS:
            progress.take(each)
    progress.finish()


def test_the_plain_view_tells_every_event_and_ends_with_the_failures():
    out = io.StringIO()
    shown(PlainProgress(out, "d", color=False, quiet=False))
    text = out.getvalue()
    assert "a[x=1] | a line [bold]" in text
    assert "at d/f.yml:7" in text
    assert "| a line [bold]" in text
    assert "b skipped: rule all_success does not hold" in text
    assert "is ending: interrupted by SIGINT" in text
    assert "\x1b" not in text


def test_a_quiet_view_says_only_what_went_wrong():
    out = io.StringIO()
    shown(PlainProgress(out, "d", color=False, quiet=True))
    text = out.getvalue()
    assert "started" not in text
    assert "exit code 3" in text
    assert "b skipped" not in text


def test_the_live_view_leaves_the_summary_behind():
    out = io.StringIO()
    shown(LiveProgress(out, "d", color=False, quiet=False, logs=True))
    text = out.getvalue()
    assert "a[x=1] | a line [bold]" in text
    assert "at d/f.yml:7" in text
    assert "2 jobs" not in text.rsplit("flow failed", 1)[1]


def test_a_terminal_without_unicode_gets_ascii():
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    shown(PlainProgress(out, "d", color=False, quiet=True))
    out.seek(0)
    assert "x a failed" in out.read()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "40 ms"), (1.44, "1.4 s"), (59.2, "59 s"), (185, "3 min 05 s"), (7440, "2 h 04 min")],
)
def test_durations_are_short(seconds, text):
    assert duration_text(seconds) == text
