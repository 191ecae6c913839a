"""The graph as a Mermaid flowchart, for pages that draw Mermaid by themselves (GitHub, GitLab, wikis)."""

from __future__ import annotations

from jobc.graph.render.labels import facts
from jobc.graph.view import GraphNode, GraphView


def render(view: GraphView) -> str:
    # Mermaid reserves words (`end`, `graph`, …) and reads punctuation in ids, so nodes are numbered.
    names = {node.id: f"j{index}" for index, node in enumerate(view.nodes)}
    lines = ["flowchart LR"]
    for node in view.nodes:
        lines.append(f'  {names[node.id]}["{_label(node)}"]')
    for edge in view.edges:
        if edge.kind == "needs":
            label = view.data_label(edge.source, edge.target)
            arrow = f'-->|"{_escape(label)}"|' if label else "-->"
            lines.append(f"  {names[edge.source]} {arrow} {names[edge.target]}")
    gated = [names[n.id] for n in view.nodes if n.condition is not None or n.trigger_rule != "all_success"]
    if gated:
        lines.append("  classDef gated stroke-dasharray: 5 4")
        lines.append(f"  class {','.join(gated)} gated")
    return "\n".join([*lines, ""])


def _label(node: GraphNode) -> str:
    first, *rest = [node.label, *facts(node)]
    return "<br/>".join([f"<b>{_escape(first)}</b>", *(_escape(line) for line in rest)])


def _escape(text: str) -> str:
    """Text inside a quoted Mermaid label: its own entity syntax for what would end or shape the label."""
    return "".join(f"#{ord(c)};" if c in '"#<>&;`|{}[]' else c for c in text)
