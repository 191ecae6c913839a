"""Models as YAML text in canonical form: what `to_yaml` gives, and what a model is compiled from.

A model is compiled from its own YAML text. So both ways into the compiler are one, the IR of a model is that of its
file byte for byte, and a failing script is reported on a line that `to_yaml` shows.
"""

from __future__ import annotations

import io
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from jobc.model.live import LiveObjects

if TYPE_CHECKING:
    from jobc.model.workflow import Workflow


def write_workflow(workflow: Workflow) -> str:
    """The workflow as a jobs file. Raises ValueError where live objects are in it: no file can hold them."""
    live = LiveObjects()
    text = to_text([live.mapping(workflow, 0)])
    if live.names:
        raise ValueError(
            f"live objects cannot be written to a file: {', '.join(live.names)}; "
            "name functions as `uses: module:function`, or pass plain data"
        )
    return text


def to_text(documents: list[dict[str, Any]]) -> str:
    """Documents as one YAML stream."""
    from ruamel.yaml import YAML

    yaml = YAML(typ="rt", pure=True)
    yaml.width = 1_000_000
    yaml.allow_unicode = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = io.StringIO()
    for number, document in enumerate(documents):
        if number:
            out.write("---\n")
        yaml.dump(_styled(document), out)
    return out.getvalue()


def _styled(value: Any) -> Any:
    if isinstance(value, dict):
        return {_string(str(key)): _styled(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_styled(part) for part in value]
    if isinstance(value, (str, Decimal)):
        return _string(str(value))
    if value is None or isinstance(value, (bool, int, float, date)):
        return value
    raise ValueError(
        f"a jobs file cannot hold {value!r}; live objects can be given in the `vars` of a Python stage"
    )


def _string(text: str) -> Any:
    """Lines as a literal block where that keeps every character; quoted where characters cannot be printed."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

    lines = text.split("\n")
    if not all(line.isprintable() for line in lines):
        return DoubleQuotedScalarString(text)
    if len(lines) > 1:
        block = lines[0][:1].strip() and not any(line.endswith(" ") for line in lines)
        return LiteralScalarString(text) if block else DoubleQuotedScalarString(text)
    return text
