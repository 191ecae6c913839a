"""`jobc lint`: what it prints, how it exits, and what it changes in files."""

from __future__ import annotations

import io
import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from jobc.cli.lint.fixing import encode
from jobc.cli.main import main

GOOD = "jobs:\n  a:\n    stages: [{echo: hi}]\n"
BAD = "jobs:\n  build:\n    stages: [{echo: hi}]\n  test:\n    needs: biuld\n    stages: [{echo: hi}]\n"
WARNING = "params: {xs: list}\njobs:\n  a:\n    stages: [{echo: 'xs: ${{ params.xs }}'}]\n"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("FORCE_COLOR", "JOBC_COLOR"):
        monkeypatch.delenv(name, raising=False)
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


def test_a_clean_file_exits_0_and_says_so(lint: Any) -> None:
    Path("a.job.yml").write_text(GOOD)
    assert lint() == (0, "no findings in 1 file\n", "")
    assert lint("-q") == (0, "", "")


def test_a_finding_exits_1_with_its_place(lint: Any) -> None:
    Path("a.job.yml").write_text(BAD)
    code, out, _ = lint("--format", "concise")
    assert code == 1
    assert out.startswith("a.job.yml:5:12: error[JC201]")
    assert lint("--format", "concise") == (code, out, ""), "from the cache it is the same"


def test_json_has_the_documented_shape(lint: Any) -> None:
    Path("a.job.yml").write_text(BAD)
    Path("b.job.yml").write_text(GOOD)
    _, out, _ = lint("--format", "json")
    document = json.loads(out)
    assert (document["version"], document["files"]) == (1, 2)
    (diagnostic,) = document["diagnostics"]
    assert diagnostic["code"] == "JC201"
    assert (diagnostic["line"], diagnostic["column"], diagnostic["endColumn"]) == (5, 12, 17)
    assert diagnostic["fix"]["edits"] == [
        {"line": 5, "column": 12, "endLine": 5, "endColumn": 17, "text": "build"}
    ]
    _, lines, _ = lint("--format", "jsonl")
    assert [json.loads(line) for line in lines.splitlines()] == document["diagnostics"]


def test_json_of_clean_files_is_still_a_document(lint: Any) -> None:
    Path("a.job.yml").write_text(GOOD)
    code, out, _ = lint("--format", "json")
    assert code == 0
    assert json.loads(out) == {"version": 1, "files": 1, "diagnostics": []}


def test_fail_on_decides_the_exit_code(lint: Any) -> None:
    Path("a.job.yml").write_text(WARNING)
    assert lint()[0] == 1
    assert lint("--fail-on", "error")[0] == 0
    assert lint("--fail-on", "info")[0] == 1


def test_select_and_ignore_choose_findings(lint: Any) -> None:
    Path("a.job.yml").write_text(BAD)
    assert lint("--ignore", "JC201")[0] == 0
    assert lint("--ignore", "JC2", "--select", "unknown-need")[0] == 1
    assert lint("--select", "JC1")[0] == 0


def test_an_unknown_rule_is_wrong_usage(lint: Any) -> None:
    Path("a.job.yml").write_text(GOOD)
    code, _, err = lint("--select", "unknown-ned")
    assert code == 2
    assert "did you mean `unknown-need`?" in err


def test_the_configuration_selects_and_grades(lint: Any) -> None:
    Path("jobc.toml").write_text('[lint.severity]\nunknown-need = "info"\n')
    Path("a.job.yml").write_text(BAD)
    code, out, _ = lint("--format", "concise")
    assert code == 0
    assert "info[JC201]" in out


def test_statistics_count_by_rule(lint: Any) -> None:
    Path("a.job.yml").write_text(BAD)
    Path("b.job.yml").write_text(BAD)
    code, out, _ = lint("--statistics")
    assert (code, out) == (1, "2  JC201  unknown-need\n")


def test_a_file_that_cannot_be_read_exits_2_and_the_others_are_checked(lint: Any) -> None:
    Path("a.job.yml").write_bytes(b"jobs: \xff")
    Path("b.job.yml").write_text(BAD)
    code, out, err = lint("--format", "concise")
    assert code == 2
    assert "b.job.yml:5:12" in out
    assert "a.job.yml:1:7" in err


def test_standard_input_is_checked_under_its_name(
    lint: Any, monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    (project / "sub").mkdir()
    (project / "sub" / "other.yml").write_text("jobs:\n  shared:\n    stages: [{echo: hi}]\n")
    text = "include: other.yml\n" + BAD
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    code, out, _ = lint("-", "--stdin-filename", "sub/x.yml", "--format", "concise")
    assert code == 1
    assert out.startswith("sub/x.yml:6:12")
    assert "cannot be read" not in out


def test_standard_input_with_fix_gives_the_fixed_text(lint: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(BAD.encode())))
    code, out, _ = lint("-", "--fix")
    assert (code, out) == (0, BAD.replace("biuld", "build"))


def test_fix_mends_the_file_and_only_once(lint: Any) -> None:
    file = Path("a.job.yml")
    file.write_text(BAD)
    code, _, err = lint("--fix")
    assert code == 0
    assert err == "fixed 1 finding in 1 file\n"
    assert file.read_text() == BAD.replace("biuld", "build")
    before = file.stat().st_mtime_ns
    assert lint("--fix")[0] == 0
    assert file.stat().st_mtime_ns == before


def test_fix_goes_on_until_nothing_is_left(lint: Any) -> None:
    text = "jobs:\n  a: {stages: [{echo: hi}]}\n  b: {stages: [{echo: hi}]}\n  c:\n    stages: [{echo: '${{ needs.a.result }} ${{ needs.b.result }}'}]\n"
    Path("a.job.yml").write_text(text)
    assert lint("--fix")[0] == 0
    assert "    needs: [a, b]\n" in Path("a.job.yml").read_text()


def test_unsafe_fixes_need_the_word(lint: Any) -> None:
    text = "params: {region: str}\njobs:\n  a:\n    stages: [{echo: '${{ params.regoin }}'}]\n"
    Path("a.job.yml").write_text(text)
    assert lint("--fix")[0] == 1
    assert Path("a.job.yml").read_text() == text
    assert lint("--fix", "--unsafe")[0] == 0
    assert "params.region }}" in Path("a.job.yml").read_text()
    assert lint("--unsafe")[0] == 2


def test_a_fix_of_a_rule_that_is_not_selected_is_not_applied(lint: Any) -> None:
    Path("a.job.yml").write_text(BAD)
    assert lint("--fix", "--ignore", "JC201")[0] == 0
    assert Path("a.job.yml").read_text() == BAD


def test_diff_shows_the_change_and_writes_nothing(lint: Any) -> None:
    Path("a.job.yml").write_text(BAD)
    code, out, _ = lint("--diff")
    assert code == 1
    assert "-    needs: biuld\n+    needs: build\n" in out
    assert Path("a.job.yml").read_text() == BAD
    Path("a.job.yml").write_text(GOOD)
    assert lint("--diff") == (0, "", "")


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_fix_keeps_line_ends_byte_order_mark_mode_and_links(lint: Any, mark: bytes) -> None:
    real = Path("real.yml")
    data = mark + BAD.replace("\n", "\r\n").encode()
    real.write_bytes(data)
    real.chmod(0o640)
    Path("a.job.yml").symlink_to("real.yml")
    assert lint("a.job.yml", "--fix")[0] == 0
    assert real.read_bytes() == data.replace(b"biuld", b"build")
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert Path("a.job.yml").is_symlink()
    assert [name for name in os.listdir() if name.startswith(".jobc-")] == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_goes_back_into_its_encoding(encoding: str) -> None:
    original = "jobs: ü\n".encode(encoding)
    assert encode("jobs: ü\n", original) == original


def test_many_files_are_checked_in_order_whoever_checks_them(lint: Any) -> None:
    for i in range(30):
        Path(f"f{i:02}.job.yml").write_text(BAD if i % 3 == 0 else GOOD)
    code, out, _ = lint("--format", "concise", "--no-cache")
    assert code == 1
    paths = [line.split(":")[0] for line in out.splitlines()[:-1]]
    assert paths == [f"f{i:02}.job.yml" for i in range(0, 30, 3)]
    assert lint("--format", "concise") == (code, out, "")
    assert lint("--format", "concise") == (code, out, "")


def test_what_two_files_include_is_reported_once(lint: Any) -> None:
    Path("common.yml").write_text("jobs:\n  c:\n    needs: gone\n    stages: [{echo: hi}]\n")
    for name in "ab":
        Path(f"{name}.job.yml").write_text("include: common.yml\n" + GOOD)
    _, out, _ = lint("--format", "json", "--select", "JC201")
    assert [d["path"] for d in json.loads(out)["diagnostics"]] in ([], ["common.yml"])


@pytest.mark.parametrize("selector", ["JC401", "shell-script", "JC201,JC401"])
def test_asking_for_shellcheck_where_it_is_not_installed_says_so(
    lint: Any, monkeypatch: pytest.MonkeyPatch, selector: str
) -> None:
    Path("a.job.yml").write_text("jobs:\n  a:\n    stages: [{bash: 'echo $(ls) | cat'}]\n")
    monkeypatch.setattr("jobc.programs.shellcheck", lambda: None)
    code, out, err = lint("--select", selector)
    assert (code, out) == (2, "")
    assert err == (
        "error: JC401 needs shellcheck, which is not installed\n"
        "help: `pip install 'jobc[shell]'` installs it beside jobc\n"
    )
    assert lint()[0] == 0, "what does not ask for it runs without it"


@pytest.mark.parametrize("installed", [True, False], ids=["with", "without"])
def test_a_comment_about_shellcheck_is_stale_only_where_it_ran(
    lint: Any, monkeypatch: pytest.MonkeyPatch, installed: bool
) -> None:
    Path("a.job.yml").write_text("jobs:\n  a:\n    stages:\n      - bash: make # jobc: allow[JC401]\n")
    if not installed:
        monkeypatch.setattr("jobc.programs.shellcheck", lambda: None)
    for _ in range(2):  # the second time from the cache
        code, out, _ = lint("--format", "concise")
        assert code == int(installed)
        assert ("JC704" in out) == installed
    assert ("JC704" in lint("--format", "concise", "--ignore", "JC401")[1]) is False


def test_shellcheck_fixes_are_applied_when_unsafe_ones_are_asked_for(lint: Any) -> None:
    path = Path("a.job.yml")
    path.write_text("jobs:\n  a:\n    stages:\n      - bash: |\n          cat $HOME/x | sort\n")
    before = path.read_text()
    assert lint("--fix")[0] == 0
    assert path.read_text() == before
    code, out, err = lint("--fix", "--unsafe")
    assert (code, out, err) == (0, "no findings in 1 file\n", "fixed 1 finding in 1 file\n")
    assert 'cat "$HOME"/x | sort' in path.read_text()
