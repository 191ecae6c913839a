"""What the README prints is what jobc prints. `pytest --update-golden tests/docs` rewrites it; review the diff."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from pages import ROOT, blocks, work_through

README = ROOT / "README.md"


def test_the_readme_prints_what_jobc_prints(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    wrong = work_through(README, tmp_path / "readme", update=request.config.getoption("--update-golden"))
    assert not wrong, "\n".join(wrong)


def test_the_readme_shows_the_four_messages_that_matter_most() -> None:
    printed = "".join(block.body for block in blocks(README) if block.language == "console")
    for rule in ("needs-cycle", "unknown-need", "unknown-output", "wrong-type"):
        assert f"{rule}: " in printed
