"""Results are kept while nothing that they depend on changes, and never believed when in doubt."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import pytest

from jobc.cli.lint import checking
from jobc.cli.lint.cache import CLEAN, SHARD, LintCache, digest
from jobc.cli.lint.checking import Checked, Input, check_all

GOOD = b"jobs:\n  a:\n    stages: [{echo: hi}]\n"
BAD = b"jobs:\n  a:\n    needs: gone\n    stages: [{echo: hi}]\n"
INCLUDING = b"include: other.yml\njobs:\n  a:\n    needs: b\n    stages: [{echo: hi}]\n"


@pytest.fixture
def analysed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that were analysed, not recalled."""
    names: list[str] = []
    real = checking._analyse

    def spy(input: Input, check: Any) -> Any:
        names.append(input.shown)
        return real(input, check)

    monkeypatch.setattr(checking, "_analyse", spy)
    return names


def run(tmp_path: Path, data: bytes, name: str = "a.yml") -> Checked:
    (checked,) = check_all(
        [Input(name, str(tmp_path), data)], LintCache(str(tmp_path / "cache")), scripts=False
    )
    return checked


def shown(checked: Checked) -> list[str]:
    return [f"{f.code} {f.severity} {f.diagnostic!r} {f.diagnostic.help}" for f in checked.findings]


def entries(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


@pytest.mark.parametrize("data", [GOOD, BAD])
def test_an_unchanged_file_is_not_analysed_again(tmp_path: Path, analysed: list[str], data: bytes) -> None:
    first, second = run(tmp_path, data), run(tmp_path, data)
    assert analysed == ["a.yml"]
    assert shown(first) == shown(second)


def test_fixes_and_related_places_survive(tmp_path: Path) -> None:
    data = b"jobs:\n  a: {stages: [{echo: hi}]}\n  b:\n    stages: [{echo: '${{ needs.a.result }}'}]\n"
    first, second = run(tmp_path, data), run(tmp_path, data)
    (finding,) = second.findings
    before, after = first.findings[0].diagnostic, finding.diagnostic
    assert before.fix is not None
    assert after.fix is not None
    assert before.fix.safe == after.fix.safe
    assert [(e.span.start, e.text) for e in before.fix.edits] == [
        (e.span.start, e.text) for e in after.fix.edits
    ]
    assert [label.message for label in after.related] == [label.message for label in before.related]


def test_a_changed_file_is_analysed_again(tmp_path: Path, analysed: list[str]) -> None:
    assert run(tmp_path, GOOD).findings == []
    assert len(run(tmp_path, BAD).findings) == 1
    assert len(analysed) == 2


def test_a_changed_include_is_noticed(tmp_path: Path, analysed: list[str]) -> None:
    other = tmp_path / "other.yml"
    other.write_text("jobs:\n  b:\n    stages: [{echo: hi}]\n")
    assert run(tmp_path, INCLUDING).findings == []
    assert run(tmp_path, INCLUDING).findings == []
    assert len(analysed) == 1
    other.write_text("jobs:\n  c:\n    stages: [{echo: hi}]\n")
    assert [f.diagnostic.rule for f in run(tmp_path, INCLUDING).findings] == ["unknown-need"]
    other.unlink()
    assert run(tmp_path, INCLUDING).findings
    assert len(analysed) == 3


def test_an_include_that_appears_is_noticed(tmp_path: Path) -> None:
    assert run(tmp_path, INCLUDING).findings
    assert run(tmp_path, INCLUDING).findings
    (tmp_path / "other.yml").write_text("jobs:\n  b:\n    stages: [{echo: hi}]\n")
    assert run(tmp_path, INCLUDING).findings == []


def test_findings_in_an_include_come_back_in_its_file(tmp_path: Path, analysed: list[str]) -> None:
    (tmp_path / "other.yml").write_text("jobs:\n  b:\n    stages: [{echo: '${{ nope }}'}]\n")
    first, second = run(tmp_path, INCLUDING, "sub/a.yml"), run(tmp_path, INCLUDING, "sub/a.yml")
    assert len(analysed) == 1
    assert [f.diagnostic.span.file.path for f in second.findings] == ["sub/other.yml"]
    assert shown(first) == shown(second)


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'{"reads":[],"findings":[[1]]}',
        b'{"reads":[["a"]],"findings":[]}',
        b'{"reads":[],"findings":7}',
        b"\xff\xfe",
        b'{"reads":[],"findings":[["unknown-need","JC201","error","m","","","high",[0,5,999999],[],null]]}',
        b'{"reads":[],"findings":[["unknown-need","JC201","error","m","","","high",[7,0,1],[],null]]}',
    ],
)
def test_a_corrupt_entry_is_no_entry(tmp_path: Path, junk: bytes) -> None:
    expected = shown(run(tmp_path, BAD))
    (entry,) = entries(tmp_path)
    entry.write_bytes(junk)
    assert shown(run(tmp_path, BAD)) == expected
    assert entry.read_bytes() != junk, "it is mended on the way"


def test_a_folder_that_cannot_be_written_only_costs_time(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file, not a folder")
    assert len(run(tmp_path, BAD).findings) == 1


def test_the_same_content_elsewhere_has_its_own_path(tmp_path: Path) -> None:
    run(tmp_path, BAD, "x/a.yml")
    assert run(tmp_path, BAD, "y/a.yml").findings[0].diagnostic.span.file.path == "y/a.yml"


def test_another_version_of_jobc_does_not_believe_old_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, analysed: list[str]
) -> None:
    run(tmp_path, GOOD)
    monkeypatch.setattr("jobc.__version__", "0.0.0")
    run(tmp_path, GOOD)
    assert len(analysed) == 2


def test_the_cache_does_not_grow_without_end(tmp_path: Path) -> None:
    cache = LintCache(str(tmp_path / "cache"))
    for i in range(3 * SHARD):
        cache.put("00" + digest(str(i).encode())[2:], {"reads": [], "findings": []})
    assert len(entries(tmp_path)) <= SHARD


def hammer(folder: str, wrong: Any) -> None:
    cache = LintCache(folder)
    for i in range(200):
        key = "00" + digest(str(i % 5).encode())[2:]
        cache.put(key, {"reads": [], "findings": []})
        record = cache.get(key, lambda path: None)
        if record is None or record["findings"]:
            wrong.value += 1


def test_processes_that_run_at_once_see_whole_entries(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    wrong = context.Value("i", 0)
    workers = [context.Process(target=hammer, args=(str(tmp_path / "cache"), wrong)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert wrong.value == 0
    assert all(path.read_bytes() == CLEAN for path in entries(tmp_path))
