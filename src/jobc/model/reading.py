"""Models of a jobs file."""

from __future__ import annotations

import os
from os import PathLike
from typing import TYPE_CHECKING, Any

from jobc.errors import CompileError, UsageError
from jobc.model.base import FromFile
from jobc.source.file import SourceFile
from jobc.source.nodes import Mapping, Node, Scalar, Sequence

if TYPE_CHECKING:
    from jobc.model.workflow import Workflow
    from jobc.syntax.ast import Document


def read_workflow(source: str | PathLike[str], name: str | None) -> Workflow:
    """See `Workflow.from_yaml`."""
    from jobc.model.compiling import refuse_errors
    from jobc.sema.analyze import analyze
    from jobc.source.decode import read_file

    if isinstance(source, str) and "\n" in source:
        file, folder = SourceFile("workflow.job.yml", source), None
    else:
        path = os.fspath(source)
        file, folder = read_file(path), os.path.dirname(os.path.abspath(path))
    base = folder or os.getcwd()
    model = analyze(file, lambda relative: read_file(os.path.join(base, relative), relative))
    refuse_errors(model)
    return _chosen(_workflows(model.document), name, file, folder)


def _workflows(document: Document) -> list[tuple[str, dict[str, Any]]]:
    """(name, mapping with `jobs`) of every workflow of a file without errors, whatever its form."""
    stem = os.path.basename(document.file.path).split(".")[0]
    found: list[tuple[str, dict[str, Any]]] = []
    for workflow in document.workflows:
        data = to_data(workflow.node)
        for key in [key for key in data if key.startswith("x-")]:
            del data[key]
        name = workflow.name or stem
        if workflow.form == "jobs":
            data = {"name": name, "jobs": data}
        else:
            data.pop("type", None)
        if workflow.form == "named":
            data["name"] = name
        found.append((name, data))
    return found


def _chosen(
    found: list[tuple[str, dict[str, Any]]], name: str | None, file: SourceFile, folder: str | None
) -> Workflow:
    from jobc.model.workflow import Workflow

    names = [each for each, _ in found]
    if name is None and len(found) > 1:
        raise UsageError(f"{file.path} holds {len(found)} workflows", help=f"say which: {', '.join(names)}")
    if name is not None and name not in names:
        raise UsageError(f"{file.path} holds no workflow {name!r}", help=f"there are: {', '.join(names)}")
    if not found:
        raise CompileError(f"{file.path} holds no workflow")
    chosen = names[0] if name is None else name
    models = {each: Workflow.model_validate(data) for each, data in found}
    workflow = models.pop(chosen)
    workflow._siblings = list(models.values())
    workflow._folder = folder
    return workflow


def to_data(node: Node) -> Any:
    """Plain data of a node; its mappings as `FromFile`."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Mapping):
        values, texts, merged = {}, {}, set()
        for entry in node.entries:
            key = entry.key.text
            values[key] = to_data(entry.value)
            text = _text(entry.value)
            if text is not None:
                texts[key] = text
            if entry.merged:
                merged.add(key)
        return FromFile(values, texts, merged)
    return [to_data(item) for item in node.items]


def _text(node: Node) -> str | list[str] | None:
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Sequence):
        texts = [item.text for item in node.items if isinstance(item, Scalar)]
        return texts if len(texts) == len(node.items) else None
    return None
