"""The reference's examples, each as Python and as YAML, in a pretended world that no test shares with another."""

from __future__ import annotations

import os
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobc import Job, Result, Workflow

EXAMPLES = Path(__file__).parents[2] / "fixtures" / "reference"
FORMS = ("python", "yaml")

Run = Callable[..., dict[str, dict[str, Any]]]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Stand-ins that can be imported and run, and no waiting between attempts."""
    for name in [name for name in os.environ if name.startswith(("JOBC_", "WORKFLOW_CORE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.setenv("PATH", f"{EXAMPLES / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("STAND_INS_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("WORKFLOW_CORE_RETRY_DELAY", "0")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    return monkeypatch


def path_of(example: str, form: str) -> Path:
    return EXAMPLES / (example + (".py" if form == "python" else ".job.yml"))


@pytest.fixture
def load(world: pytest.MonkeyPatch) -> Callable[[str], dict[str, Any]]:
    """`load(example)` runs the Python form and gives its names."""
    return lambda example: runpy.run_path(str(path_of(example, "python")))


@pytest.fixture
def run(world: pytest.MonkeyPatch, load: Callable[[str], dict[str, Any]]) -> Run:
    """`run(example, form, params, name)` executes what the example calls `name` (YAML: the whole file).

    Gives each job's context, with its `status`, by its id, and the trace of the whole under "trace".
    """

    def execute(
        example: str, form: str, params: dict[str, Any] | None = None, name: str = "workflow"
    ) -> dict[str, dict[str, Any]]:
        subject: Job | Workflow
        if form == "python":
            subject = load(example)[name]
        else:
            subject = Workflow.from_yaml(path_of(example, "yaml"))
        result = subject.execute(params)
        return {**jobs_of(subject, result), "trace": result.trace}  # type: ignore[dict-item]

    return execute


def jobs_of(subject: Job | Workflow, result: Result) -> dict[str, dict[str, Any]]:
    if isinstance(subject, Job):
        assert subject.id is not None
        return {subject.id: {**result.context, "status": result.status}}
    return dict(result.context["jobs"])
