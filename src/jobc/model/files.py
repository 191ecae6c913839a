"""The files that a job keeps (`Cache`), publishes and starts with (`Artifacts`)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from jobc.model.base import Flag, Model

Paths = str | list[str]


def _text(value: Any) -> Any:
    """A path that YAML takes for a number is its digits."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _texts(value: Any) -> Any:
    if isinstance(value, list):
        return [_text(item) for item in value]
    if isinstance(value, dict):
        return {_text(key): _texts(item) for key, item in value.items()}
    return _text(value)


def _list(value: Any) -> Any:
    value = _texts(value)
    return [value] if isinstance(value, str) else value


class Cache(Model):
    """Takes the result of an earlier run where neither the job, nor its `key`, nor its `inputs` have changed.

    `inputs` and `outputs` are paths and globs, relative to the work folder.
    """

    key: Any = None
    inputs: list[str] = Field(default_factory=list)
    outputs: list[str] = Field(default_factory=list)

    @field_validator("inputs", "outputs", mode="before")
    @classmethod
    def _one_path(cls, value: Any) -> Any:
        return _list(value)


class Published(Model):
    """An artifact: the files that `paths` find when the job has ended."""

    paths: list[str]
    when: Literal["success", "failure", "always"] = "success"
    if_missing: Literal["error", "warn", "ignore"] = "error"

    @field_validator("paths", mode="before")
    @classmethod
    def _one_path(cls, value: Any) -> Any:
        return _list(value)


class Placed(Model):
    """Artifacts that the job starts with: in the folder `path`, or where their files came from."""

    path: str | None = None
    per_combination: Flag | str = False
    if_missing: Literal["error", "warn", "ignore"] = "error"


class Artifacts(Model):
    """`out` is published under the job's id, or under the names that it maps; `in_` is a list of names, or maps names to folders."""

    out: Paths | dict[str, Paths | Published | None] | None = None
    in_: Paths | dict[str, str | Placed | None] | None = None

    @field_validator("out", "in_", mode="before")
    @classmethod
    def _as_texts(cls, value: Any) -> Any:
        return _texts(value)
