"""What the page about runners says is so: its job runs on a runner, its commands have the options that it names."""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from pages import ROOT, blocks, jobc, shell

from tests.runner.serving import Server

PAGE = ROOT / "docs" / "runner.md"


def test_the_job_of_the_page_runs_on_a_runner(tmp_path: Path) -> None:
    server = Server(tmp_path / "runner")
    try:
        folder = tmp_path / "page"
        folder.mkdir()
        text = next(block.body for block in blocks(PAGE) if block.words.get("file") == "build.job.yml")
        assert "https://runner.example.com:8460" in text
        (folder / "build.job.yml").write_text(text.replace("https://runner.example.com:8460", server.url))
        (folder / "secrets").write_text(f"RUNNER_TOKEN={server.token}\n")
        os.chmod(folder / "secrets", 0o600)
        done = jobc(folder, "run", "build.job.yml", "--secrets-file", "secrets")
        assert done.returncode == 0, done.stdout
        assert "the runner built app-1.0" in done.stdout
        assert not list((server.state / "tasks").iterdir()), "what was fetched is forgotten"
    finally:
        server.close()


@pytest.mark.parametrize("action", ["serve", "token"])
def test_commands_on_the_page_have_the_options_that_it_names(tmp_path: Path, action: str) -> None:
    known = set(re.findall(r"--[a-z-]+", shell(tmp_path, f"jobc runner {action} --help").stdout))
    named = set()
    for block in blocks(PAGE):
        for line in block.body.splitlines():
            _, found, rest = line.partition(f"jobc runner {action}")
            if found:
                named |= {
                    word for word in shlex.split(rest.rstrip('"'), comments=True) if word.startswith("--")
                }
    assert named <= known
    if action == "serve":
        table = set(re.findall(r"^\| `(--[a-z-]+)`", PAGE.read_text(), re.MULTILINE))
        assert table
        assert table <= known
