"""What all models share: both spellings of a key, no unknown field, and a mapping that YAML can hold.

A model says in Python what a jobs file says in YAML, so its keys are those of LANGUAGE: `runs_on`, `runs-on`
and (for `condition`) `if` are the same field. An unknown field is refused with the nearest name there is.
"""

from __future__ import annotations

from enum import Enum
from functools import cache
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Strict, model_validator
from pydantic.fields import FieldInfo

from jobc.interpreter.nearest import nearest

#: True or false, and nothing that Python takes for them; whole numbers and numbers, and never true or false.
Flag = Annotated[bool, Strict()]
Whole = Annotated[int, Strict()]
Number = Whole | Annotated[float, Strict()]


def kebab(name: str) -> str:
    """The canonical key of a field: `runs_on` → `runs-on`, `with_` → `with`."""
    return name.rstrip("_").replace("_", "-")


class FromFile(dict[str, Any]):
    """A mapping as a file has it: `texts` are its scalars and lists of scalars as written, `merged` the keys that a
    merge brought, which give way to the mapping's own in any spelling.
    """

    def __init__(self, values: dict[str, Any], texts: dict[str, str | list[str]], merged: set[str]) -> None:
        super().__init__(values)
        self.texts = texts
        self.merged = merged

    def fitted(self, fields: dict[str, FieldInfo], names: dict[str, str]) -> dict[str, Any]:
        """What the models take: the text where a field is text, one item as a list, nothing as the default."""
        own = {names.get(kebab(key), key) for key in self if key not in self.merged}
        fitted: dict[str, Any] = {}
        for key, value in self.items():
            name = names.get(kebab(key), key)
            if key in self.merged and name in own:
                continue
            field = fields.get(name)
            if field is not None:
                if value is None and field.default_factory is not None:
                    continue
                text = self.texts.get(key)
                if field.annotation == list[str] and text is not None:
                    value = [text] if isinstance(text, str) else text
                elif field.annotation in (str, str | None) and isinstance(text, str) and value is not None:
                    value = text
            fitted[key] = value
        return fitted


class Model(BaseModel):
    """Base of every model; `spellings` maps further accepted keys to fields."""

    model_config = ConfigDict(
        extra="forbid",
        alias_generator=kebab,
        populate_by_name=True,
        validate_assignment=True,
        arbitrary_types_allowed=True,
        # What was given may hold secrets.
        hide_input_in_errors=True,
    )
    spellings: ClassVar[dict[str, str]] = {}

    @model_validator(mode="before")
    @classmethod
    def _known_keys_only(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        fields = {kebab(name): name for name in cls.model_fields}
        if isinstance(data, FromFile):
            data = data.fitted(cls.model_fields, {**fields, **cls.spellings})
        known: dict[str, Any] = {}
        for key, value in data.items():
            name = fields.get(kebab(str(key))) or cls.spellings.get(str(key))
            if name is None:
                near = nearest(kebab(str(key)), [*fields, *cls.spellings])
                hint = f"; did you mean {near!r}?" if near else f"; there are: {', '.join(sorted(fields))}"
                raise ValueError(f"{cls.__name__} has no field {key!r}{hint}")
            if name in known:
                raise ValueError(f"{cls.__name__} is given {name!r} twice, in two spellings")
            known[name] = value
        return known

    def to_mapping(self) -> dict[str, Any]:
        """The canonical mapping: kebab-case keys in the fields' order, defaults left out."""
        own = self.__dict__
        return {
            key: plain(value)
            for name, key, default in _defaults(type(self))
            if (value := own[name]) != default
        }


@cache
def _defaults(model: type[Model]) -> list[tuple[str, str, Any]]:
    """(field, key, default) of each field; the defaults are compared with, and never given away."""
    return [
        (name, kebab(name), field.get_default(call_default_factory=True))
        for name, field in model.model_fields.items()
    ]


def plain(value: Any) -> Any:
    """A value as YAML can hold it: models as mappings, enums as their values, any other iterable as a list."""
    if isinstance(value, Model):
        return value.to_mapping()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple, range, set, frozenset)):
        items = sorted(value, key=repr) if isinstance(value, (set, frozenset)) else value
        return [plain(part) for part in items]
    return value
