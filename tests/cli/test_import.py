"""`jobc import` as a user calls it, on the files of `fixtures/import/ddeutil/`.

`expected/` beside them holds what each becomes and its report; `--update-golden` rewrites both, review the diff.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from jobc.cli.invocation import invoke
from jobc.cli.main import COMMANDS

FIXTURES = Path(__file__).parents[2] / "fixtures" / "import" / "ddeutil"
NAMES = sorted(path.stem for path in FIXTURES.glob("*.yml"))

#: What runs on this machine alone, and what the run is given.
RUNS = {
    "hello": [],
    "params": ["-p", "run-date=2026-02-03T04:05:06", "-p", "env=dev"],
    "chain": [],
    "conditions": [],
    "matrix": [],
    "nested": [],
    "trigger.job.yml#parent": [],
    "schedules.job.yml#listed": [],
}


class Shell:
    def __init__(self, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capfd = capfd

    def run(self, *words: str) -> tuple[int, str, str]:
        code = invoke(["-C", str(self.folder), *words], COMMANDS)
        out, err = self._capfd.readouterr()
        return code, out, err

    def imported(self, text: str) -> tuple[int, str, str]:
        (self.folder / "in.yml").write_bytes(text.encode())
        return self.run("import", "in.yml")


@pytest.fixture
def shell(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Shell:
    for path in FIXTURES.glob("*.yml"):
        shutil.copy(path, tmp_path)
    return Shell(tmp_path, capfd)


def stages(text: str) -> str:
    """A workflow of one job with these stages."""
    body = "\n".join("        " + line for line in text.splitlines())
    return f"w:\n  type: Workflow\n  jobs:\n    j:\n      stages:\n{body}\n"


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_becomes_this_file_and_this_report(
    shell: Shell, name: str, golden: Callable[[str, Path], None]
) -> None:
    code, out, err = shell.run("import", f"{name}.yml")
    golden(out, FIXTURES / "expected" / f"{name}.job.yml")
    golden(err, FIXTURES / "expected" / f"{name}.report.txt")
    assert code == (1 if ": attention: " in err or ": dropped: " in err else 0)


@pytest.mark.parametrize("name", NAMES)
def test_what_was_imported_lints(shell: Shell, name: str) -> None:
    shell.run("import", f"{name}.yml", "-o", f"{name}.job.yml")
    code, out, _ = shell.run("lint", "--format", "json", f"{name}.job.yml")
    found = json.loads(out)["diagnostics"]
    assert [each for each in found if each["severity"] != "info"] == []
    assert code == 0


@pytest.mark.parametrize("target", RUNS)
def test_what_needs_nothing_else_runs(shell: Shell, target: str) -> None:
    name = target.partition(".")[0]
    shell.run("import", f"{name}.yml", "-o", f"{name}.job.yml")
    path = target if "#" in target else f"{name}.job.yml"
    code, out, err = shell.run("run", path, "--format", "json", *RUNS[target])
    assert code == 0, err
    assert json.loads(out)["status"] == "success"


def test_results_read_across_jobs_are_the_same_values(shell: Shell) -> None:
    shell.run("import", "chain.yml", "-o", "chain.job.yml")
    _, out, _ = shell.run("run", "chain.job.yml", "--format", "json")
    jobs = json.loads(out)["jobs"]
    assert jobs["first"]["outputs"] == {"files": ["a.csv", "b.csv"], "stdout": "counting in data\n2"}
    assert jobs["second"]["outputs"] == {"names": ["A.CSV", "B.CSV"]}


def test_what_cannot_be_carried_over_stops_the_run_and_says_what_to_do(shell: Shell) -> None:
    shell.run("import", "left-over.yml", "-o", "left-over.job.yml")
    code, out, _ = shell.run("run", "left-over.job.yml", "--format", "json")
    assert code == 1
    jobs = json.loads(out)["jobs"]
    assert jobs["make"]["status"] == "success"
    assert "line 19 of left-over.yml was not imported" in jobs["use"]["reason"]


@pytest.mark.parametrize("name", NAMES)
def test_every_comment_and_the_order_of_keys_are_kept(shell: Shell, name: str) -> None:
    original = (FIXTURES / f"{name}.yml").read_text()
    _, out, _ = shell.run("import", f"{name}.yml")
    for comment in re.findall(r"(?m)(?:^|\s)(# .*)$", original):
        assert comment in out
    ids = re.findall(r"(?m)^\s*(?:- )?(?:id|name): .*$", original)
    kept = [line.strip().removeprefix("# ").removeprefix("- ") for line in out.splitlines()]
    places = [kept.index(line.strip().removeprefix("- ")) for line in ids]
    assert places == sorted(places)


@pytest.mark.parametrize("name", NAMES)
def test_every_item_of_the_json_report_names_its_place_in_the_original(shell: Shell, name: str) -> None:
    text = (FIXTURES / f"{name}.yml").read_text()
    code, _, err = shell.run("import", f"{name}.yml", "-o", "out/", "--format", "json")
    report = json.loads(err)
    assert report["output"] == f"out/{name}.job.yml"
    assert (shell.folder / report["output"]).is_file()
    assert report["complete"] == (code == 0)
    lines = text.splitlines(keepends=True)
    for item in report["items"]:
        assert item["severity"] in ("changed", "attention", "dropped")
        assert item["message"]
        assert item["help"] or item["severity"] == "changed"
        start = sum(map(len, lines[: item["line"] - 1])) + item["column"] - 1
        end = sum(map(len, lines[: item["endLine"] - 1])) + item["endColumn"] - 1
        assert 0 <= start <= end <= len(text)
        if item["was"]:
            assert text[start:end] == item["was"]


@pytest.mark.parametrize("name", NAMES)
def test_line_ends_are_those_of_the_original(shell: Shell, name: str) -> None:
    _, out, _ = shell.run("import", f"{name}.yml", "-o", "lf.job.yml")
    windows = (FIXTURES / f"{name}.yml").read_bytes().replace(b"\n", b"\r\n")
    (shell.folder / f"{name}.yml").write_bytes(windows)
    shell.run("import", f"{name}.yml", "-o", "crlf.job.yml")
    assert out == ""
    lf = (shell.folder / "lf.job.yml").read_bytes()
    assert (shell.folder / "crlf.job.yml").read_bytes() == lf.replace(b"\n", b"\r\n")


def test_standard_input_is_a_file(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(stages("- {name: Odd, if: true, echo: hi}")))
    code, out, err = shell.run("import", "-", "--stdin-filename", "piped.yml")
    assert code == 1
    assert "{name: Odd, if: false, echo: hi}" in out
    assert err.startswith("piped.yml:6:27: attention: ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("w: {type: Workflow, jobs: {a: [}}\n", "yaml-syntax"),
        ("just: {some: yaml}\n", "holds no workflow to import"),
        ("", "holds no workflow to import"),
    ],
)
def test_what_cannot_be_read_is_refused(shell: Shell, text: str, said: str) -> None:
    code, out, err = shell.imported(text)
    assert (code, out) == (2, "")
    assert said in err


def test_a_file_that_is_not_there_is_refused(shell: Shell) -> None:
    code, _, err = shell.run("import", "nowhere.yml")
    assert code == 2
    assert "nowhere.yml" in err


def test_the_original_is_never_overwritten(shell: Shell) -> None:
    before = (shell.folder / "hello.yml").read_bytes()
    code, _, err = shell.run("import", "hello.yml", "-o", "./hello.yml")
    assert code == 2
    assert "overwritten" in err
    assert (shell.folder / "hello.yml").read_bytes() == before


def test_quiet_says_only_what_needs_the_user(shell: Shell) -> None:
    assert shell.run("-q", "import", "hello.yml", "-o", "a.job.yml") == (0, "", "")
    assert shell.run("-q", "import", "calls.yml", "-o", "b.job.yml")[2] != ""


def test_a_job_that_reads_a_later_job_is_not_made_to_need_it(shell: Shell) -> None:
    code, out, err = shell.imported(
        "w:\n  type: Workflow\n  jobs:\n"
        "    a:\n      stages:\n        - {name: A, echo: '${{ jobs.b.stages.x.outputs.y }}'}\n"
        "    b:\n      needs: [a]\n      stages:\n        - {name: X, id: x, run: y = 1}\n"
    )
    assert code == 1
    assert "job `b` needs `a`" in err
    assert "needs: [b]" not in out


@pytest.mark.parametrize(
    ("needs", "expected"),
    [
        ("needs: [b]", "needs: [b, a]"),
        ("needs: []", "needs: [a]"),
        ("needs:\n        - b", "needs:\n        - b\n        - a"),
        ("needs: b", "needs: [b, a]"),
        ("desc: none", "desc: none\n      needs: [a]"),
    ],
)
def test_a_missing_need_is_added_as_the_file_writes_needs(shell: Shell, needs: str, expected: str) -> None:
    _, out, _ = shell.imported(
        "w:\n  type: Workflow\n  jobs:\n"
        "    a:\n      stages:\n        - {name: X, id: x, run: y = 1}\n"
        "    b:\n      stages:\n        - {name: B, echo: b}\n"
        f"    c:\n      {needs}\n      stages:\n        - {{name: C, echo: '${{{{ jobs.a.stages.x.outputs.y }}}}'}}\n"
    )
    assert f"    c:\n      {expected}\n      stages:" in out


def test_outputs_of_one_name_in_two_stages_stay_apart(shell: Shell) -> None:
    _, out, err = shell.imported(
        "w:\n  type: Workflow\n  jobs:\n"
        "    a:\n      stages:\n        - {name: X, id: x, run: n = 1}\n        - {name: Y, id: y, run: n = 2}\n"
        "    b:\n      needs: [a]\n      stages:\n"
        "        - {name: B, echo: '${{ jobs.a.stages.x.outputs.n }} ${{ jobs.a.stages.y.outputs.n }}'}\n"
    )
    assert "        n: ${{ stages.x.outputs.n }}\n        n-2: ${{ stages.y.outputs.n }}\n" in out, err
    assert "'${{ needs.a.outputs.n }} ${{ needs.a.outputs.n-2 }}'" in out


@pytest.mark.parametrize("style", ["|", ">-", "plain", "single", "double"])
def test_standard_output_is_captured_in_every_style(shell: Shell, style: str) -> None:
    script = {
        "|": "|\n    printf '%s' \"it's\"\n    echo ' me'",
        ">-": ">-\n    printf '%s' \"it's\";\n    echo ' me'",
        "plain": "printf '%s' \"it's\"; echo ' me'",
        "single": "'printf \"it''s\"; echo \" me\"'",
        "double": '"printf \\"it\'s\\"; echo \\" me\\""',
    }[style]
    text = stages(
        f"- name: A\n  id: a\n  bash: {script}\n- name: B\n  id: b\n  run: said = ${{{{ stages.a.outputs.stdout }}}}"
    )
    code, out, err = shell.imported(text)
    assert code == 0, err
    (shell.folder / "x.job.yml").write_text(out)
    _, out, err = shell.run("run", "x.job.yml", "--format", "json")
    assert json.loads(out)["jobs"]["j"]["outputs"]["said"] == "it's me", err


@pytest.mark.parametrize(
    ("written", "read"),
    [("yes", "true"), ("Off", "false"), ("017", "15"), ("1_000", "1000"), ("1:30", "90"), ("1e3", "'1e3'")],
)
def test_values_of_yaml_1_1_keep_their_meaning(shell: Shell, written: str, read: str) -> None:
    _, out, err = shell.imported(stages(f"- name: A\n  run: x = v\n  vars:\n    v: {written}"))
    assert f"            v: {read}\n" in out
    assert f"`{written}` → `{read}`" in err


def test_an_alias_is_carried_over_once(shell: Shell) -> None:
    code, out, err = shell.imported(
        "w:\n  type: Workflow\n  params:\n    d: datetime\n  jobs:\n"
        "    a:\n      stages: &s\n        - {name: X, echo: '${{ params.d | fmt }}'}\n"
        "    b:\n      stages: *s\n"
    )
    assert code == 0, err
    assert out.count("fmt(''") == 1
    assert "stages: *s" in out


def test_errors_that_the_import_did_not_see_are_reported(shell: Shell) -> None:
    code, _, err = shell.imported(
        stages("- name: A\n  echo: ${{ params.unknown }}") + "  params:\n    known: str\n"
    )
    assert code == 1
    assert "in.yml:7:" in err
    assert "of the imported file has an error" in err


def test_a_file_that_is_one_workflow_stays_one(shell: Shell) -> None:
    code, out, err = shell.imported(
        "name: lone\ntype: Workflow\nparams: {p: array}\njobs:\n  a:\n    stages:\n      - {name: A, echo: hi}\n"
    )
    assert code == 0, err
    assert out.startswith("name: lone\ntype: Workflow\nparams: {p: list}\n")


def test_a_workflow_that_is_named_by_an_expression_is_not_triggered(shell: Shell) -> None:
    code, out, err = shell.imported(
        "w:\n  type: Workflow\n  params: {n: str}\n  jobs:\n    j:\n      stages:\n"
        "        - name: T\n          trigger: ${{ params.n }}\n"
    )
    assert code == 1
    assert "choose with a `case` stage" in err
    assert "raise: 'the workflow `$${{ params.n }}` is to run here" in out


def test_a_value_amid_text_reads_as_it_did(shell: Shell) -> None:
    text = "w:\n  type: Workflow\n  params:\n    d: {type: datetime, default: 2026-01-31}\n    l: {type: array, default: [a]}\n"
    text += "    s: str\n" + stages(
        "- {name: A, echo: 'at ${{ params.d }} of ${{ params.l }}'}\n- name: B\n  run: x = ${{ params.s }}"
    ).removeprefix("w:\n  type: Workflow\n")
    code, out, err = shell.imported(text)
    assert code == 0, err
    assert "a list in text was written as Python writes it" in err
    assert "the text was code there, and is a value here" in err
    (shell.folder / "x.job.yml").write_text(out)
    _, log, err = shell.run("run", "x.job.yml", "-p", "s=y")
    assert 'at 2026-01-31 00:00:00+00:00 of ["a"]' in log + err


def test_keys_that_were_ignored_do_not_begin_to_count(shell: Shell) -> None:
    _, out, err = shell.imported(stages("- name: A\n  echo: a\n  retry: 3\n  timeout: 5"))
    assert "          # retry: 3\n          # timeout: 5\n" in out
    assert err.count("dropped: an `empty` stage has no key") == 2


@pytest.mark.parametrize(
    ("written", "expected", "code"),
    [
        ("{type: local}", "{type: local}", 0),
        (
            "{type: gcp_batch, with: {project_id: p, region: r, gcs_bucket: b}}",
            "{type: gcp_batch, args: {project_id: p, region: r, gcs_bucket: b}}",
            0,
        ),
        (
            "{type: container, with: {image: 'a:1', environment: {A: b}, working_dir: /w, network: {name: n}}}",
            "{type: docker, args: {image: 'a:1', env: {A: b}, workdir: /w, network: {name: n}}}",
            1,
        ),
        (
            "{type: container, with: {image: 'a:1', remove: true, user: '1'}}",
            "{type: docker, args: {image: 'a:1', user: '1'}}",
            1,
        ),
        ("{type: docker}", "{args: {image: ubuntu:latest}, type: docker}", 1),
        ("{type: moon}", "{type: local}", 1),
    ],
)
def test_an_environment(shell: Shell, written: str, expected: str, code: int) -> None:
    done, out, err = shell.imported(
        f"w:\n  type: Workflow\n  jobs:\n    j:\n      runs-on: {written}\n      stages: [{{name: A, echo: a}}]\n"
    )
    assert f"      runs-on: {expected}\n" in out
    assert done == code, err


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("{interval: daily, time: '01:30'}", "{cron: '30 1 * * *'}"),
        ("{interval: weekly}", "{cron: '0 0 * * 1'}"),
        ("{interval: monthly, day: tuesday, time: '12:00'}", "{cron: '0 12 1 * 2'}"),
    ],
)
def test_an_interval_is_the_cron_expression_that_it_stands_for(
    shell: Shell, written: str, expected: str
) -> None:
    _, out, _ = shell.imported(stages("- {name: A, echo: a}") + f"  on:\n    schedule:\n      - {written}\n")
    assert f"      - {expected}\n" in out
