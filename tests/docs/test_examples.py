"""Every jobs file and every session in the documentation does what the page says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from pages import ROOT, blocks, work_through

#: Pages that need a service: tests of their own run them.
SERVICES = ("docker",)
PAGES = sorted(page for page in (ROOT / "docs").glob("*.md") if page.stem not in SERVICES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_examples_do_what_the_page_says(page: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    wrong = work_through(page, tmp_path / "page", update=request.config.getoption("--update-golden"))
    assert not wrong, "\n".join(wrong)


def test_the_language_is_shown_by_running_examples() -> None:
    assert sum(block.jobc for block in blocks(ROOT / "docs" / "language.md")) >= 12
