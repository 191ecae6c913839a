"""The hooks of `.pre-commit-hooks.yaml`, with the real `pre-commit` in a fresh git repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GOOD = "jobs:\n  build:\n    stages:\n      - echo: built\n  deploy:\n    needs: build\n    stages:\n      - echo: done\n"
BAD = GOOD.replace("needs: build", "needs: biuld")

pytestmark = pytest.mark.services

Git = Callable[..., "subprocess.CompletedProcess[str]"]


def run(*args: str, cwd: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    env = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PRE_COMMIT_HOME": str(cwd.parent / "pre-commit-home"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        **{
            f"GIT_{who}_{what}": "dev@example.com"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        },
    }
    done = subprocess.run(args, cwd=cwd, env=env, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0 or not check, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def user_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose pre-commit configuration names this checkout as the hooks' source, hooks installed."""
    base = tmp_path_factory.mktemp("hooks")
    source = base / "jobc"
    files = run("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=ROOT).stdout.splitlines()
    for name in files:
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, source / name)
    run("git", "init", "-q", cwd=source)
    run("git", "add", "-A", "-f", cwd=source)
    run("git", "commit", "-q", "-m", "the hooks", cwd=source)
    revision = run("git", "rev-parse", "HEAD", cwd=source).stdout.strip()
    user = base / "user"
    user.mkdir()
    run("git", "init", "-q", cwd=user)
    (user / ".pre-commit-config.yaml").write_text(
        f"repos:\n  - repo: {source}\n    rev: {revision}\n    hooks:\n      - id: jobc-lint\n      - id: jobc-compile-check\n"
    )
    run(sys.executable, "-m", "pre_commit", "install", "--install-hooks", cwd=user)
    return user


def commit(repository: Path, name: str, text: str) -> subprocess.CompletedProcess[str]:
    (repository / name).write_text(text)
    run("git", "add", "-A", cwd=repository)
    return run("git", "commit", "-q", "-m", "a change", cwd=repository, check=False)


def test_a_bad_commit_is_refused_with_the_message_and_a_mended_one_passes(user_repository: Path) -> None:
    refused = commit(user_repository, "deploy.job.yml", BAD)
    said = refused.stdout + refused.stderr
    assert refused.returncode != 0
    assert "unknown-need" in said
    assert "biuld" in said
    assert "deploy.job.yml" in said
    assert run("git", "rev-list", "--all", "--count", cwd=user_repository).stdout.strip() == "0"

    mended = commit(user_repository, "deploy.job.yml", GOOD)
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert run("git", "rev-list", "--all", "--count", cwd=user_repository).stdout.strip() == "1"


def test_a_stale_compiled_output_is_refused_until_it_is_compiled_again(user_repository: Path) -> None:
    jobc = [sys.executable, "-m", "jobc"]
    (user_repository / "nightly.job.yml").write_text(GOOD)
    run(*jobc, "compile", "nightly.job.yml", "-o", "nightly.jobc.json", cwd=user_repository)
    assert commit(user_repository, "nightly.job.yml", GOOD).returncode == 0

    refused = commit(user_repository, "nightly.job.yml", GOOD.replace("echo: done", "echo: changed"))
    assert refused.returncode != 0
    assert "nightly.jobc.json" in refused.stdout + refused.stderr

    run(*jobc, "compile", "nightly.job.yml", "-o", "nightly.jobc.json", cwd=user_repository)
    run("git", "add", "-A", cwd=user_repository)
    assert run("git", "commit", "-q", "-m", "compiled", cwd=user_repository, check=False).returncode == 0
