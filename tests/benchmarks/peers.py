"""Peers that are measured beside jobc: each in an environment of its own under `build/peers/`."""

from __future__ import annotations

import subprocess
import venv
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "build" / "peers"


def python_with(package: str) -> str:
    """The interpreter of an environment that has `package`, made at the first call."""
    place = FOLDER / package
    python = place / "bin" / "python"
    if not (place / ".ready").exists():
        venv.create(place, with_pip=True, clear=True)
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", package], check=True
        )
        (place / ".ready").touch()
    return str(python)


def node_with(package: str) -> Path:
    """The folder of an npm project that has `package`, made at the first call."""
    place = FOLDER / "npm" / package
    if not (place / ".ready").exists():
        place.mkdir(parents=True, exist_ok=True)
        (place / "package.json").write_text('{"private": true}\n', encoding="utf-8")
        subprocess.run(
            ["npm", "install", "--silent", "--no-audit", "--no-fund", package], check=True, cwd=place
        )
        (place / ".ready").touch()
    return place
