"""The page of claims: each of them names a test that is there, and no example is missing from it."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference-claims.md"
CLAIMS = re.findall(r"^\| (.+?) \| `(\S+)::(\w+)` \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


@cache
def functions_of(path: str) -> dict[str, str]:
    """Source of a file's functions by their names."""
    text = (ROOT / path).read_text(encoding="utf-8")
    nodes = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    return {node.name: "\n".join(map(ast.unparse, [node, *node.decorator_list])) for node in nodes}


@pytest.mark.parametrize(("claim", "path", "test"), CLAIMS, ids=[claim for claim, _, _ in CLAIMS])
def test_a_claim_names_a_test_that_is_there(claim: str, path: str, test: str) -> None:
    assert test in functions_of(path)


def test_every_row_of_a_table_is_a_claim() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    headers = [line for line in rows if line.endswith("| Test |")]
    assert len(CLAIMS) == len(rows) - len(headers)
    assert len(CLAIMS) > 50


def test_every_example_is_in_a_test_that_a_claim_names() -> None:
    # With the helpers of a file, since a test may load its example there.
    claimed = "".join(
        source
        for path in {path for _, path, _ in CLAIMS if path.startswith("tests/reference/")}
        for name, source in functions_of(path).items()
        if not name.startswith("test_") or any((path, name) == claim[1:] for claim in CLAIMS)
    )
    examples = [file.stem for file in (ROOT / "fixtures" / "reference").glob("[0-9]*.py")]
    assert [name for name in examples if name not in claimed] == []
