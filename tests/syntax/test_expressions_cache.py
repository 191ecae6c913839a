"""The cache of parse tables: it saves time and can break nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from jobc.syntax import grammar_cache


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "jobc"


def rows(tables: grammar_cache.Tables) -> list[object]:
    return [getattr(tables, name) for name in grammar_cache.Tables.__slots__]


def test_the_second_load_reads_what_the_first_wrote(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = grammar_cache.load()
    assert [path.suffix for path in cache.iterdir()] == [".tables"]
    monkeypatch.setattr(grammar_cache, "_build", lambda grammar: pytest.fail("built again"))
    assert rows(grammar_cache.load()) == rows(first)


@pytest.mark.parametrize("damage", [b"", b"xx", b"\0" * 500, None])
def test_a_damaged_cache_is_built_again(cache: Path, damage: bytes | None) -> None:
    first = grammar_cache.load()
    (path,) = cache.iterdir()
    content = path.read_bytes()
    path.write_bytes(content[:-7] if damage is None else damage)
    assert rows(grammar_cache.load()) == rows(first)
    assert grammar_cache._read(str(path), grammar_cache.read_grammar()) is not None


def test_tables_of_another_grammar_are_not_used(cache: Path) -> None:
    grammar_cache.load()
    (path,) = cache.iterdir()
    assert grammar_cache._read(str(path), grammar_cache.read_grammar()) is not None
    assert grammar_cache._read(str(path), "start: X") is None


def test_a_cache_that_cannot_be_written_is_done_without(cache: Path) -> None:
    cache.parent.mkdir(exist_ok=True)
    cache.write_text("a file where the folder would be")
    assert grammar_cache.load().rules


def test_lark_is_not_imported_once_the_tables_are_there(cache: Path) -> None:
    grammar_cache.load()
    code = "import sys; from jobc.syntax.expressions import parse_text; parse_text('a'); print('lark' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
