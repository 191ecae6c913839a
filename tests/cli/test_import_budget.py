"""What a clean `jobc lint` or `jobc run` leaves in `sys.modules`: the start-up budget, as a test."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
from jobc.cli.main import main
code = main(sys.argv[1:])
print("\\n".join(sorted({name.split(".")[0] for name in sys.modules} | set(sys.modules))), file=sys.stderr)
sys.exit(code)
"""

PLAIN = "params: {n: {type: int, default: 1}}\njobs:\n  a:\n    condition: params.n > 0\n    stages:\n      - echo: hi ${{ params.n }}\n      - bash: make all\n"
HEAVY = [
    "networkx",
    "pydantic",
    "rich",
    "asyncio",
    "multiprocessing",
    "concurrent.futures",
    "pygments",
    "jobc.lower",
    "jobc.engine",
]


def modules(folder: Path, *argv: str, command: str = "lint") -> set[str]:
    environ = {
        **os.environ,
        "XDG_CACHE_HOME": str(folder / "cache"),
        "XDG_CONFIG_HOME": str(folder / "config"),
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, command, *argv],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return set(done.stderr.split())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.job.yml").write_text(PLAIN)
    return tmp_path


def test_a_clean_changed_file_loads_nothing_costly(folder: Path) -> None:
    loaded = modules(folder, "a.job.yml")
    assert "jobc.sema.analyze" in loaded
    assert loaded.isdisjoint(HEAVY)
    assert "tree_sitter" not in loaded, "no bash script of this file holds an expression"


def test_of_the_yaml_package_only_the_parser_is_loaded(folder: Path) -> None:
    modules(folder, "a.job.yml")  # which keeps the tables that the parser of expressions needs
    loaded = modules(folder, "--no-cache", "a.job.yml")
    assert "ruamel.yaml.events" in loaded
    assert loaded.isdisjoint(["ruamel.yaml.main", "ruamel.yaml.constructor", "threading"])


def test_a_file_without_python_needs_no_python_parser(folder: Path) -> None:
    loaded = modules(folder, "a.job.yml")
    assert loaded.isdisjoint(["pyflakes", "jobc.sema.scripts_python", "jobc.sema.scripts_flow"])


def test_a_bash_script_with_an_expression_needs_its_parser(folder: Path) -> None:
    (folder / "a.job.yml").write_text(PLAIN.replace("make all", "make ${{ params.n }}"))
    assert "tree_sitter" in modules(folder, "a.job.yml")


def test_a_cache_hit_loads_no_front_end(folder: Path) -> None:
    modules(folder, "a.job.yml")
    loaded = modules(folder, "a.job.yml")
    front_end = (
        "ruamel",
        "lark",
        "json",
        "tree_sitter",
        "jobc.sema",
        "jobc.syntax",
        "jobc.check",
        "jobc.source",
    )
    assert loaded.isdisjoint([*HEAVY, *front_end])


def test_without_a_finding_no_renderer_is_loaded(folder: Path) -> None:
    assert "jobc.diagnostics.render" not in modules(folder, "a.job.yml")


def test_a_run_of_a_shell_loads_nothing_that_other_stages_need(folder: Path) -> None:
    (folder / "a.job.yml").write_text(PLAIN.replace("make all", "'true'"))
    modules(folder, "a.job.yml")  # which keeps the tables that the parser of expressions needs
    loaded = modules(folder, "a.job.yml", command="run")
    assert "jobc.interpreter.stages.bash" in loaded
    assert loaded.isdisjoint(["inspect", "pickle", "subprocess", "pathlib", "urllib.parse", "traceback"])
    assert loaded.isdisjoint(["jobc.engine.sharing.group_table", "jobc.interpreter.function_call"])
