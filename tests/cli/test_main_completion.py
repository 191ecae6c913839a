"""`jobc completion`: scripts that shells take, with every command and option in them."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from jobc.cli.commands.completion import SHELLS, completions
from jobc.cli.main import COMMANDS, main


@pytest.mark.parametrize("shell", SHELLS)
def test_every_command_and_option_is_completed(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for completion in completions():
        assert completion.name in COMMANDS
        assert completion.name in script
        for option in completion.options:
            assert option.lstrip("-") in script
        for word in completion.words:
            assert word in script


@pytest.mark.parametrize("shell", SHELLS)
def test_the_shell_itself_takes_the_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed here")
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    done = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["ex"], ["explain"]),
        (["lint", "--form"], ["--format"]),
        (["lint", "--format", "co"], ["concise"]),
        (["runs", "l"], ["list", "logs"]),
        (["explain", "unknown-ne"], ["unknown-need"]),
        (["--color", "al"], ["always"]),
    ],
)
def test_bash_offers_what_fits(
    typed: list[str], offered: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["completion", "bash"]) == 0
    words = " ".join(["jobc", *typed])
    script = capsys.readouterr().out + (
        f"\nCOMP_WORDS=({words}); COMP_CWORD={len(typed)}; _jobc 2>/dev/null; printf '%s\\n' \"${{COMPREPLY[@]}}\"\n"
    )
    done = subprocess.run(["bash"], input=script, capture_output=True, text=True, check=True)
    assert sorted(done.stdout.split()) == offered
