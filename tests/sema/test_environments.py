"""The data files of the environments: each says where its numbers stand, and holds what rules ask of it."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

import jobc.sema.environments as environments
from jobc.syntax.keys import ENVIRONMENT_ARGS, ENVIRONMENTS

FOLDER = Path(environments.__file__).parent


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_each_environment_has_its_file_with_a_source(name: str) -> None:
    found = json.loads((FOLDER / f"{name}.json").read_text())
    assert found["source"]
    for source in found["source"]:
        assert source["says"]
        if "url" in source:
            assert source["url"].startswith("https://")
            assert source["title"]
            # Where it is missing, the number was taken from elsewhere and is still to be looked up there.
            assert "read" not in source or date.fromisoformat(source["read"]) >= date(2026, 11, 1)
    assert all(isinstance(value, int | str) for value in found["limits"].values())


def test_there_is_no_file_of_anything_else() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(ENVIRONMENTS)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_credentials_are_arguments_that_exist(name: str) -> None:
    known = {key.name.replace("-", "_") for key in ENVIRONMENT_ARGS[name].keys}
    assert set(environments.facts(name).get("secret_args", ())) <= known


def test_fargate_sizes_grow_with_the_processors() -> None:
    rows = environments.facts("aws-batch")["fargate"]
    least = [row[0] if isinstance(row, list) else row["from"] for row in rows.values()]
    assert least == sorted(least)
    assert [float(cpu) for cpu in rows] == sorted(float(cpu) for cpu in rows)
    for row in rows.values():
        if isinstance(row, dict):
            assert (row["to"] - row["from"]) % row["step"] == 0


def test_every_size_of_fargate_is_there() -> None:
    rows = environments.facts("aws-batch")["fargate"]
    assert list(rows) == ["0.25", "0.5", "1", "2", "4", "8", "16"]
    assert (rows["8"]["from"], rows["8"]["to"], rows["8"]["step"]) == (16384, 61440, 4096)
    assert (rows["16"]["from"], rows["16"]["to"], rows["16"]["step"]) == (32768, 122880, 8192)
