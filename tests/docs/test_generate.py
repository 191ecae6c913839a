"""The generated reference says all that the code's tables say, and the site builds from it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("jobc_docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(ROOT / "docs"))
    return module


def test_every_public_name_is_on_the_api_page(generate: ModuleType) -> None:
    import jobc

    page = generate.pages()["api.md"]
    headings = {line.removeprefix("### ") for line in page.splitlines() if line.startswith("### ")}
    assert headings == set(jobc.__all__) - {"__version__"}
    for field in ("trigger_rule", "fail_fast", "batch_account_key"):
        assert f"| `{field}` | `{field.replace('_', '-')}` |" in page
    for method in ("Job.execute", "Job.check_needs", "Job.is_skipped", "Strategy.make", "Workflow.from_yaml"):
        assert f"#### {method}" in page


def test_every_rule_has_a_page_that_says_what_and_why_with_an_example(generate: ModuleType) -> None:
    from jobc.check.registry import rules

    pages = generate.pages()
    for rule in rules().values():
        page = pages[f"rules/{rule.name}.md"]
        assert page.startswith(f"# {rule.code} {rule.name}\n")
        assert "## What it does" in page
        assert "## Why is this bad" in page
        assert "```yaml" in page
        assert f"[{rule.name}]({rule.name}.md)" in pages["rules/index.md"]


def test_every_function_key_and_position_is_listed(generate: ModuleType) -> None:
    from jobc.sema.positions import POSITIONS
    from jobc.sema.signatures import FUNCTIONS, METHODS
    from jobc.syntax import keys

    pages = generate.pages()
    for name in (*FUNCTIONS, *METHODS):
        assert f"\n### {name}\n" in pages["functions.md"]
    for key in (*keys.WORKFLOW.keys, *keys.JOB.keys, *keys.STAGE_COMMON):
        assert f"| `{key.name}`" in pages["keys.md"]
    for position in POSITIONS.values():
        assert f"| {position.place} |" in pages["contexts.md"]


def test_the_site_builds_without_a_warning(generate: ModuleType, tmp_path: Path) -> None:
    generate.main()
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mkdocs",
            "build",
            "--strict",
            "--quiet",
            "--site-dir",
            str(tmp_path / "site"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    shown = (tmp_path / "site" / "language" / "index.html").read_text(encoding="utf-8")
    assert '<div class="highlight">' in shown
    assert '<span class="si">${{</span>' in shown
