"""The graph as JSON, in the form that CLI specifies ("Graph JSON")."""

from __future__ import annotations

import json

from jobc.graph.view import GraphView


def render(view: GraphView) -> str:
    nodes = [
        {
            "id": node.id,
            "label": node.label,
            "environment": node.environment,
            "combinations": node.combinations,
            "trigger_rule": node.trigger_rule,
            "condition": node.condition,
            "line": node.line,
        }
        for node in view.nodes
    ]
    edges = [{"from": e.source, "to": e.target, "kind": e.kind, "label": e.label} for e in view.edges]
    return json.dumps({"nodes": nodes, "edges": edges}, indent=2, ensure_ascii=False) + "\n"
