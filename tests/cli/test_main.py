"""The command line up to the command: global options, exit codes, and what is said when something goes wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from jobc import __version__
from jobc.cli import main as main_module
from jobc.cli.main import COMMANDS, main
from jobc.diagnostics.diagnostic import Diagnostic, Finding
from jobc.errors import CompileError, InternalError, StateError, UsageError
from jobc.source.file import SourceFile


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "JOBC_COLOR", "JOBC_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Registers a command `try` whose body is the given function."""

    def register(body: Any) -> None:
        module = ModuleType("jobc_command_under_test")

        def configure(parser: Any) -> None:
            parser.add_argument("words", nargs="*")
            parser.add_argument("--format", choices=("a", "b"))
            parser.add_argument("-p", action="append")

        module.configure = configure  # type: ignore[attr-defined]
        module.run = lambda args, context: body(args, context)  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(main_module.COMMANDS, "try", (module.__name__, "only for this test"))

    return register


def fails(error: BaseException) -> Any:
    def body(args: Any, context: Any) -> int:
        raise error

    return body


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"jobc {__version__}\n"
    assert main(["-q", "--version"]) == 0


def test_the_version_loads_no_argument_parser() -> None:
    code = "import sys; from jobc.cli.main import main; main(['--version']); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "jobc.cli.main" in loaded
    assert not {"argparse", "rich", "pygments", "jobc.cli.config", "tomllib"} & set(loaded)


def test_python_dash_m_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "jobc", "nothing"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "there is no command `nothing`" in done.stderr


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    for name, (_, summary) in COMMANDS.items():
        assert name in shown
        assert summary in shown


def test_no_command_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "usage: jobc" in capsys.readouterr().err


def test_a_misspelt_command_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lnit"]) == 2
    assert capsys.readouterr().err == "error: there is no command `lnit`\nhelp: did you mean `lint`?\n"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--colour"], "there is no option `--colour`\nhelp: did you mean `--color`?"),
        (["--color", "blue", "lint"], "`--color` cannot be `blue`"),
        (["--color"], "`--color` takes a value"),
        (["-C", "nowhere", "lint"], "cannot work in `nowhere`"),
        (["try", "--fromat", "a"], "`jobc try` does not take `--fromat`\nhelp: did you mean `--format`?"),
        (["try", "--format", "c"], "invalid choice: 'c'"),
    ],
)
def test_wrong_usage_is_said_with_a_remedy(
    argv: list[str], message: str, command: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    command(lambda args, context: 0)
    assert main(argv) == 2
    shown = capsys.readouterr().err
    assert message in shown
    assert "help: " in shown


@pytest.mark.parametrize(
    "error", [UsageError("bad words", help="say it so"), StateError("bad words", help="say it so")]
)
def test_an_error_is_one_line_and_its_remedy(
    error: Exception, command: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    command(fails(error))
    assert main(["try"]) == 2
    assert capsys.readouterr().err == "error: bad words\nhelp: say it so\n"


def test_a_file_that_does_not_compile_is_shown_with_its_findings(
    command: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    span = SourceFile("a.job.yml", "jobs: 1\n").span(6, 7)
    command(
        fails(
            CompileError(
                "a.job.yml does not compile",
                [Finding(Diagnostic("wrong-type", "no jobs", span), "JC005", "error")],
            )
        )
    )
    assert main(["try"]) == 2
    shown = capsys.readouterr().err
    assert "error[JC005] wrong-type: no jobs" in shown
    assert "error: a.job.yml does not compile" in shown


@pytest.mark.parametrize("error", [ZeroDivisionError("oops"), InternalError("oops"), RecursionError("oops")])
def test_a_defect_writes_a_report_and_never_a_traceback(
    error: Exception, command: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    command(fails(error))
    Path(".jobc").mkdir()
    assert main(["try", "-p", "token=hunter2"]) == 3
    shown = capsys.readouterr().err
    assert "Traceback" not in shown
    assert type(error).__name__ in shown
    (report,) = Path(".jobc").glob("jobc-report-*.txt")
    assert str(report.absolute()) in shown
    text = report.read_text()
    assert "Traceback" in text
    assert f"{type(error).__name__}: oops" in text
    assert "token=…" in text
    assert "hunter2" not in text
    assert report.stat().st_mode & 0o077 == 0


def test_a_report_goes_to_the_temporary_folder_where_there_is_no_state(
    command: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    command(fails(ValueError("oops")))
    assert main(["try"]) == 3
    assert list(tmp_path.glob("jobc-report-*.txt"))
    assert not Path(".jobc").exists()


def test_debugging_shows_the_traceback(
    command: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("JOBC_DEBUG", "1")
    command(fails(ValueError("oops")))
    assert main(["try"]) == 3
    assert "Traceback" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_is_no_defect(command: Any, capsys: pytest.CaptureFixture[str]) -> None:
    command(lambda args, context: Path("missing/file").read_text())
    assert main(["try"]) == 2
    assert capsys.readouterr().err == "error: missing/file: No such file or directory\n"


def test_an_interruption_is_130(command: Any) -> None:
    command(fails(KeyboardInterrupt()))
    assert main(["try"]) == 130


def test_the_exit_code_of_the_command_is_the_exit_code(command: Any) -> None:
    command(lambda args, context: 124)
    assert main(["try"]) == 124


def test_a_reader_that_has_gone_is_no_error() -> None:
    code = (
        "import sys, types; from jobc.cli.main import COMMANDS, entry; m = types.ModuleType('m'); sys.modules['m'] = m;"
        "m.configure = lambda p: None; m.run = lambda a, c: [c.stdout.write('x' * 100000) for _ in range(50)] and 0;"
        "COMMANDS['try'] = ('m', ''); sys.argv = ['jobc', 'try']; entry()"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    assert process.wait(timeout=60) == 141
    assert process.stderr.read() == b""
    process.stderr.close()


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "utf-8"])
def test_any_text_can_be_printed_on_any_terminal(encoding: str) -> None:
    code = (
        "import sys, types; from jobc.cli.main import COMMANDS, entry; m = types.ModuleType('m'); sys.modules['m'] = m;"
        "m.configure = lambda p: None; m.run = lambda a, c: c.stdout.write('→ 日本 \\udcff') and 0;"
        "COMMANDS['try'] = ('m', ''); sys.argv = ['jobc', 'try']; entry()"
    )
    env = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=env, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\\udcff" in done.stdout


def test_json_stays_json_on_a_terminal_that_lacks_the_characters(tmp_path: Path) -> None:
    (tmp_path / "日本😀.job.yml").write_text("jobs: {a: {stages: [{ecko: hi}]}}")
    env = {**os.environ, "PYTHONIOENCODING": "ascii", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    argv = [sys.executable, "-m", "jobc", "lint", "--format", "json", "日本😀.job.yml"]
    done = subprocess.run(argv, capture_output=True, env=env, check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert json.loads(done.stdout)["diagnostics"][0]["path"] == "日本😀.job.yml"


def test_a_file_whose_name_is_no_text_is_checked_through_the_cache(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"a\xff.job.yml")).write_text("jobs: {a: {stages: [{echo: hi}]}}")
    env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-m", "jobc", "lint"], capture_output=True, env=env, cwd=tmp_path, check=False
        )
        assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        ("import atexit; atexit.register(print, 'the end')", b"the end\n"),
        (
            "import threading, time;"
            "threading.Thread(target=lambda: (time.sleep(0.2), print('the end', flush=True))).start()",
            b"the end\n",
        ),
        ("pass", b""),
    ],
    ids=["something is registered for the end", "a thread goes on", "nothing"],
)
def test_the_process_ends_at_once_only_where_nothing_waits_for_its_end(begin: str, end: bytes) -> None:
    code = f"{begin}; import sys; sys.argv = ['jobc', '--version']; from jobc.cli.main import entry; entry()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout == f"jobc {__version__}\n".encode() + end


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_told_in_one_line() -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "jobc", "--help"], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 2
    assert done.stderr.startswith(b"error: the output cannot be written")


def test_dash_c_works_in_another_folder_and_comes_back(command: Any, tmp_path: Path) -> None:
    seen = []
    command(lambda args, context: seen.append((context.cwd, os.getcwd())) or 0)
    (tmp_path / "other" / "inner").mkdir(parents=True)
    before = os.getcwd()
    assert main(["-C", str(tmp_path / "other"), "-C", "inner", "try"]) == 0
    inner = str(tmp_path / "other" / "inner")
    assert seen == [(inner, inner)]
    assert os.getcwd() == before


@pytest.mark.parametrize(
    ("argv", "verbosity"),
    [
        (["try"], 0),
        (["-v", "try"], 1),
        (["-vv", "try"], 2),
        (["-v", "--verbose", "try"], 2),
        (["-q", "try"], -1),
        (["try", "-v"], 1),
        (["try", "--quiet"], -1),
    ],
)
def test_verbosity_may_stand_before_and_after_the_command(
    argv: list[str], verbosity: int, command: Any
) -> None:
    seen = []
    command(lambda args, context: seen.append(context.verbosity) or 0)
    assert main(argv) == 0
    assert seen == [verbosity]


@pytest.mark.parametrize(
    ("argv", "environ", "config", "colored"),
    [
        ([], {}, "", False),
        ([], {"FORCE_COLOR": "1"}, "", True),
        ([], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, "", False),
        ([], {"NO_COLOR": "1"}, "always", True),
        ([], {"JOBC_COLOR": "never"}, "always", False),
        (["--color", "always"], {"JOBC_COLOR": "never", "NO_COLOR": "1"}, "never", True),
        (["--color", "auto"], {"JOBC_COLOR": "always"}, "always", False),
        (["--color=never"], {"FORCE_COLOR": "1"}, "", False),
    ],
)
def test_colour_is_decided_by_flag_then_variables_then_settings(
    argv: list[str],
    environ: dict[str, str],
    config: str,
    colored: bool,
    command: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    if config:
        Path("jobc.toml").write_text(f'color = "{config}"\n')
    seen = []
    command(lambda args, context: seen.append(context.color) or 0)
    assert main([*argv, "try"]) == 0
    assert main(["try", *argv]) == 0
    assert seen == [colored, colored]


def test_wrong_settings_are_said_even_when_colour_depends_on_them(
    command: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("jobc.toml").write_text('colour = "always"\n')
    command(lambda args, context: context.config and 0)
    assert main(["try"]) == 2
    assert "there is no setting `colour`\nhelp: did you mean `color`?" in capsys.readouterr().err
