"""The graph in Graphviz's language: `jobc compile --graph dot FILE | dot -Tsvg`."""

from __future__ import annotations

from jobc.graph.render.labels import facts, tooltip
from jobc.graph.view import GraphNode, GraphView


def render(view: GraphView) -> str:
    lines = [
        f"digraph {_quote(view.name)} {{",
        "  rankdir=LR;",
        '  node [shape=box, style="rounded,filled", fillcolor=white, fontname="Helvetica"];',
        '  edge [fontname="Helvetica", fontsize=10];',
    ]
    for node in view.nodes:
        lines.append(f"  {_quote(node.id)} [{_attributes(node)}];")
    for edge in view.edges:
        if edge.kind == "needs":
            label = view.data_label(edge.source, edge.target)
            attributes = f" [label={_quote(label)}]" if label else ""
            lines.append(f"  {_quote(edge.source)} -> {_quote(edge.target)}{attributes};")
    return "\n".join([*lines, "}", ""])


def _attributes(node: GraphNode) -> str:
    label = "\n".join([node.label, *facts(node)])
    parts = [f"label={_quote(label)}", f"tooltip={_quote(tooltip(node))}"]
    if node.condition is not None or node.trigger_rule != "all_success":
        parts.append('style="rounded,filled,dashed"')
    return ", ".join(parts)


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
