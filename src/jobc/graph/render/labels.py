"""The words that every picture of a graph uses for a job, so that all formats say the same."""

from __future__ import annotations

from jobc.graph.view import GraphNode

#: A condition longer than this is cut in a picture; the full text is in the node's tooltip.
CONDITION_WIDTH = 34


def facts(node: GraphNode) -> list[str]:
    """The lines below a job's name: environment and combinations, trigger rule, condition, tolerance."""
    where = node.environment
    if node.combinations is None:
        where += " × dynamic"
    elif node.combinations != 1:
        where += f" × {node.combinations}"
    lines = [where]
    if node.trigger_rule != "all_success":
        lines.append(f"when {node.trigger_rule}")
    if node.condition is not None:
        lines.append("if " + clip(node.condition, CONDITION_WIDTH))
    if node.continue_on_error:
        lines.append("may fail")
    return lines


def tooltip(node: GraphNode) -> str:
    """All there is to say about a job, a line each."""
    lines = [f"{node.id} ({node.path}:{node.line})"]
    if node.desc:
        lines.append(node.desc)
    lines += facts(node)[:1]
    if node.trigger_rule != "all_success":
        lines.append(f"trigger rule: {node.trigger_rule}")
    if node.condition is not None:
        lines.append(f"condition: {node.condition}")
    lines += [f"{number}. {stage}" for number, stage in enumerate(node.stages, 1)]
    return "\n".join(lines)


def clip(text: str, width: int) -> str:
    """`text` on one line, cut to `width` characters with an ellipsis."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"
