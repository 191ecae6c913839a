"""Trigger rules and matrix strategies."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from pydantic import Field, field_validator

from jobc.model.base import Flag, Model, Whole


class Rule(StrEnum):
    """When a job runs, given how its needs ended (LANGUAGE §2)."""

    ALL_SUCCESS = "all_success"
    ALL_FAILED = "all_failed"
    ALL_DONE = "all_done"
    ONE_SUCCESS = "one_success"
    ONE_FAILED = "one_failed"
    NONE_FAILED = "none_failed"
    NONE_SKIPPED = "none_skipped"

    @classmethod
    def _missing_(cls, value: object) -> Rule | None:
        """`all-success` is `all_success`, as in YAML."""
        named = value.replace("-", "_") if isinstance(value, str) else None
        return next((rule for rule in cls if rule.value == named), None)


class Strategy(Model):
    """A matrix of values; a job runs once for each combination.

    `matrix` maps keys to lists (any iterable; `range(100)` included) or to expressions that give lists, or is one
    expression that gives the whole map. `max_parallel` is any whole number from 1, or an expression.
    """

    fail_fast: Flag | str = False
    max_parallel: Whole | str = 1
    matrix: dict[str, Any] | str = Field(default_factory=dict)
    include: list[dict[str, Any]] | str = Field(default_factory=list)
    exclude: list[dict[str, Any]] | str = Field(default_factory=list)

    @field_validator("max_parallel")
    @classmethod
    def _at_least_one(cls, value: int | str) -> int | str:
        if isinstance(value, int) and value < 1:
            raise ValueError(f"max_parallel is a whole number from 1, or an expression; not {value!r}")
        return value

    @field_validator("matrix", mode="before")
    @classmethod
    def _lists(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {key: _as_list(key, part) for key, part in value.items()}

    def make(self) -> list[dict[str, Any]]:
        """The combinations, in order (LANGUAGE §2, Strategy); `[{}]` where no matrix is set.

        Raises ValueError where the matrix is an expression: only a run knows its combinations.
        """
        from jobc.ir import matrix

        for name, part in (("matrix", self.matrix), ("include", self.include), ("exclude", self.exclude)):
            if isinstance(part, str):
                raise ValueError(
                    f"{name} is the expression {part!r}: its combinations are known when the job runs"
                )
        assert isinstance(self.matrix, dict)
        for key, values in self.matrix.items():
            if isinstance(values, str):
                raise ValueError(
                    f"matrix.{key} is the expression {values!r}: its values are known when the job runs"
                )
        if not self.matrix and not self.include:
            return [{}]
        return list(matrix.expand(self.matrix, self.include, self.exclude))  # type: ignore[arg-type]

    def is_set(self) -> bool:
        """Whether there is a matrix."""
        return bool(self.matrix)


def _as_list(key: str, value: Any) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, Iterable) and not isinstance(value, (bytes, dict)):
        return list(value)
    raise ValueError(f"matrix.{key} is a list of values, or an expression that gives one; not {value!r}")
