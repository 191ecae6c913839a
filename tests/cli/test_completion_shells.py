"""What bash, zsh and fish really offer: their own completion asked, with the script that `jobc completion` prints."""

from __future__ import annotations

import contextlib
import os
import pty
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.services

Ask = Callable[[str], list[str]]

#: Writes what it is offered to a file; `END` says that a completion is over.
ZSHRC = """
PROMPT=
fpath=($ZDOTDIR $fpath)
LOAD
bindkey '^I' complete-word
compadd() {
    if [[ ${argv[(I)-[OAD]]} -eq 0 ]]; then
        local -a offered
        builtin compadd -O offered "$@"
        [[ ${#offered} -gt 0 ]] && print -rl -- $offered >> $ZDOTDIR/offered
    fi
    builtin compadd "$@"
}
finish() { print END >> $ZDOTDIR/offered }
zle-line-init() { touch $ZDOTDIR/ready }
zle -N zle-line-init
comppostfuncs=(finish)
"""
LOADS = {
    "a file of fpath": "autoload -Uz compinit; compinit -u -D",
    "a script that is read": "autoload -Uz compinit; compinit -u -D; source $ZDOTDIR/_jobc",
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a run in its history, and `jobc` on PATH."""
    (tmp_path / "flow.job.yml").write_text("jobs: {a: {stages: [{echo: hello}]}}\n")
    tools = Path(sys.executable).parent
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    subprocess.run(["jobc", "run", "-q", "flow.job.yml", "--run-id", "monday"], cwd=tmp_path, check=True)
    return tmp_path


def script(shell: str) -> str:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed; .ci/services installs it")
    return subprocess.run(["jobc", "completion", shell], capture_output=True, text=True, check=True).stdout


def bash(place: Path) -> Ask:
    text = script("bash")

    def ask(line: str) -> list[str]:
        words = [f'"{word}"' for word in line.split(" ")]
        asked = f"COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}"
        asked = f"{text}\n{asked}; _jobc; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        done = subprocess.run(["bash"], input=asked, cwd=place, capture_output=True, text=True, check=True)
        return done.stdout.split()

    return ask


def fish(place: Path) -> Ask:
    (place / "jobc.fish").write_text(script("fish"))

    def ask(line: str) -> list[str]:
        asked = f"source jobc.fish; complete -C '{line}'"
        done = subprocess.run(
            ["fish", "--no-config", "-c", asked], cwd=place, capture_output=True, text=True, check=True
        )
        assert done.stderr == ""
        return [each.partition("\t")[0] for each in done.stdout.splitlines()]

    return ask


def zsh(place: Path, load: str = LOADS["a file of fpath"]) -> Ask:
    (place / "_jobc").write_text(script("zsh"))
    (place / ".zshrc").write_text(ZSHRC.replace("LOAD", load))

    def ask(line: str) -> list[str]:
        offered, ready = place / "offered", place / "ready"
        for each in (offered, ready):
            each.unlink(missing_ok=True)
        with _terminal(["zsh", "-d", "-i"], place) as keys:
            until(ready.exists)
            os.write(keys, f"{line}\t".encode())
            until(lambda: offered.exists() and offered.read_text().endswith("END\n"))
        return offered.read_text().split("\n")[:-2]

    return ask


@contextlib.contextmanager
def _terminal(argv: list[str], place: Path) -> Iterator[int]:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        argv,
        cwd=place,
        env={**os.environ, "ZDOTDIR": str(place), "TERM": "dumb"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    try:
        yield ours
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        os.close(theirs)


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


ASKED = [
    ("jobc exp", {"explain"}, {"run"}),
    ("jobc --color al", {"always"}, {"auto"}),
    ("jobc lint --form", {"--format"}, {"--fix"}),
    ("jobc lint --format co", {"concise"}, {"full"}),
    ("jobc -C . ru", {"run", "runs"}, set()),
    ("jobc runs l", {"list", "logs"}, {"show"}),
    ("jobc runs cancel --n", {"--now"}, {"--name"}),
    ("jobc runs show ", {"latest", "monday"}, {"list", "show"}),
    ("jobc runs diff latest mon", {"monday"}, {"latest"}),
    ("jobc run --resume ", {"latest", "monday"}, {"flow.job.yml"}),
    ("jobc explain unknown-ne", {"unknown-need"}, {"lint"}),
    ("jobc cache ver", {"verify"}, {"dir"}),
]


@pytest.mark.parametrize("shell", [bash, fish, zsh])
def test_what_a_shell_offers(place: Path, shell: Callable[[Path], Ask]) -> None:
    ask = shell(place)
    for line, wanted, unwanted in ASKED:
        offered = set(ask(line))
        assert wanted <= offered, (line, offered)
        assert not unwanted & offered, (line, offered)


def test_zsh_takes_the_script_also_where_it_is_read(place: Path) -> None:
    assert set(zsh(place, LOADS["a script that is read"])("jobc runs l")) == {"list", "logs"}


@pytest.mark.parametrize("shell", [fish, zsh])
def test_files_are_offered_where_a_command_takes_some(place: Path, shell: Callable[[Path], Ask]) -> None:
    assert any("flow.job.yml" in each for each in shell(place)("jobc run fl"))
