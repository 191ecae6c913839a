"""`jobc lint` for other programs: every format, baselines, and watching."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any
from xml.etree import ElementTree as Xml

import pytest

from jobc.cli.lint.watching import watch
from jobc.cli.main import main

BAD = "jobs:\n  build:\n    stages: [{echo: hi}]\n  test:\n    needs: biuld\n    stages: [{echo: hi}]\n"
GOOD = BAD.replace("biuld", "build")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("JOBC_COLOR", "never")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


@pytest.fixture
def lint(capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*argv: str) -> tuple[int, str, str]:
        code = main(["lint", *argv])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def severity_in(format: str, out: str) -> str:
    """The severity of the one finding that a report is about."""
    if format == "json":
        return str(json.loads(out)["diagnostics"][0]["severity"])
    if format == "jsonl":
        return str(json.loads(out)["severity"])
    if format == "sarif":
        level = json.loads(out)["runs"][0]["results"][0]["level"]
        return "info" if level == "note" else str(level)
    if format == "github":
        word = out[2:].partition(" ")[0]
        return "info" if word == "notice" else word
    if format == "junit":
        failure = Xml.fromstring(out).find(".//failure")
        return "info" if failure is None else str(failure.get("type"))
    head = out if format == "full" else out.partition(": ")[2]
    return head.partition("[")[0]


@pytest.mark.parametrize("format", ["full", "concise", "json", "jsonl", "sarif", "github", "junit"])
@pytest.mark.parametrize(("severity", "code"), [("error", 1), ("warning", 1), ("info", 0)])
def test_severities_of_the_configuration_hold_in_every_format(
    format: str, severity: str, code: int, lint: Any
) -> None:
    Path("a.job.yml").write_text(BAD)
    Path("jobc.toml").write_text(f'[lint.severity]\nunknown-need = "{severity}"\n')
    done, out, err = lint("--format", format)
    assert (done, err) == (code, "")
    assert severity_in(format, out) == severity


def test_a_baseline_hides_what_it_holds_and_nothing_else(lint: Any) -> None:
    Path("a.job.yml").write_text(BAD)
    assert lint("--write-baseline", "known.json") == (0, "", "wrote 1 finding to known.json\n")
    assert lint("--baseline", "known.json")[:2] == (0, "no findings in 1 file\n")
    Path("a.job.yml").write_text("# moved\n\n" + BAD)
    assert lint("--baseline", "known.json")[0] == 0
    Path("a.job.yml").write_text(BAD + "  more:\n    needs: tset\n    stages: [{echo: hi}]\n")
    code, out, _ = lint("--baseline", "known.json", "--format", "concise")
    assert code == 1
    assert "tset" in out
    assert "biuld" not in out


def test_a_baseline_holds_from_whichever_folder_jobc_is_called(
    lint: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("jobs").mkdir()
    Path("jobs/a.job.yml").write_text(BAD)
    lint("jobs", "--write-baseline", "known.json")
    monkeypatch.chdir("jobs")
    assert lint("a.job.yml", "--baseline", "../known.json")[0] == 0


def test_a_baseline_is_the_same_bytes_for_the_same_findings(lint: Any) -> None:
    Path("a.job.yml").write_text(BAD)
    Path("b.job.yml").write_text(BAD)
    lint("--write-baseline", "one.json", "a.job.yml", "b.job.yml")
    lint("--write-baseline", "two.json", "b.job.yml", "a.job.yml")
    assert Path("one.json").read_bytes() == Path("two.json").read_bytes()


@pytest.mark.parametrize("text", [None, "", "[]", '{"version": 9, "findings": {}}', "{}"])
def test_a_baseline_that_is_none_is_refused_with_a_remedy(text: str | None, lint: Any) -> None:
    Path("a.job.yml").write_text(BAD)
    if text is not None:
        Path("known.json").write_text(text)
    code, _, err = lint("--baseline", "known.json")
    assert code == 2
    assert "--write-baseline known.json" in err


@pytest.mark.parametrize(
    "argv",
    [
        ["--watch", "-"],
        ["--watch", "--diff"],
        ["--write-baseline", "x", "--fix"],
        ["--watch", "--write-baseline", "x"],
    ],
)
def test_options_that_contradict_each_other_are_refused(argv: list[str], lint: Any) -> None:
    Path("a.job.yml").write_text(BAD)
    assert lint(*argv)[0] == 2


class Watching:
    """`jobc lint --watch` in a process of its own, its lines as they come."""

    def __init__(self, *argv: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jobc", "lint", "--watch", "--format", "concise", *argv],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self.lines: list[str] = []
        assert self.process.stdout is not None
        self.thread = threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True)
        self.thread.start()

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            self.lines.append(line)

    def wait_for(self, words: str, after: int = 0) -> int:
        """The number of lines once one with these words has come after so many."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if any(words in line for line in self.lines[after:]):
                return len(self.lines)
            assert self.process.poll() is None, self.lines
            time.sleep(0.02)
        raise AssertionError(f"{words!r} did not come: {self.lines}")


def test_watching_checks_again_after_each_change_and_ends_with_130() -> None:
    lib = Path("lib.yml")
    lib.write_text("jobs:\n  one:\n    stages: [{echo: hi}]\n")
    Path("a.job.yml").write_text("include: lib.yml\n" + GOOD)
    watching = Watching()
    try:
        seen = watching.wait_for("no findings in 1 file")
        Path("a.job.yml").write_text("include: lib.yml\n" + BAD)
        seen = watching.wait_for("JC201", seen)
        Path("a.job.yml").write_text("include: lib.yml\n" + GOOD)
        seen = watching.wait_for("no findings", seen)
        lib.write_text("jobs:\n  one:\n    needs: gone\n    stages: [{echo: hi}]\n")
        seen = watching.wait_for("lib.yml:3", seen)
        Path("b.job.yml").write_text(BAD)
        watching.wait_for("b.job.yml:5", seen)
        watching.process.send_signal(signal.SIGINT)
        assert watching.process.wait(timeout=30) == 130
    finally:
        watching.process.kill()
        watching.process.wait()
    assert watching.process.stderr is not None
    assert "Traceback" not in watching.process.stderr.read()


class _Swallows:
    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_that_a_finalizer_swallowed_ends_the_watch_all_the_same() -> None:
    rounds: list[int] = []

    def round() -> list[str]:
        rounds.append(1)
        assert len(rounds) < 2, "it went on"
        _Swallows()
        Path("a.job.yml").write_text(GOOD)
        return []

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        watch(round, lambda: ["a.job.yml"])
    assert signal.getsignal(signal.SIGINT) == before


def test_standard_input_is_checked_in_every_format(lint: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for format in ("sarif", "github", "junit"):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(BAD.encode())))
        code, out, _ = lint("-", "--stdin-filename", "x/in.job.yml", "--format", format)
        assert code == 1
        assert "x/in.job.yml" in out
