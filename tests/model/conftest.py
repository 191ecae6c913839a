"""Executions of models, out of reach of the developer's own settings."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("JOBC_", "WORKFLOW_CORE_"))]:
        monkeypatch.delenv(name)
