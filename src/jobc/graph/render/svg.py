"""The graph as one self-contained SVG: no script, no font, no network.

Layout: the layered (Sugiyama) method, left to right, by `fast-sugiyama`: a small wheel without
dependencies that needs no Graphviz on the machine and is the same everywhere, so the picture of a
file is the same everywhere too. It is handed job numbers, not names: its order follows the hash of what
it is given, and a number's hash does not change from run to run. It also routes long edges around boxes
through dummy vertices, which become the bends of a curve here. Jobs without edges are set in rows below.
"""

from __future__ import annotations

from collections import defaultdict
from xml.sax.saxutils import escape, quoteattr

from jobc.errors import UsageError
from jobc.graph.render.labels import clip, facts, tooltip
from jobc.graph.view import GraphNode, GraphView

WIDTH = 250
GAP_X = 90
GAP_Y = 26
MARGIN = 24
TITLE_HEIGHT = 34
LINE_HEIGHT = 16
PADDING = 12

Point = tuple[float, float]

_STYLE = """
  .page { fill: #ffffff }
  .title { font: 600 15px system-ui, sans-serif; fill: #1b1f24 }
  .box { fill: #f6f8fa; stroke: #57606a; stroke-width: 1.2 }
  .gated .box { stroke-dasharray: 5 4 }
  .tolerant .box { stroke: #bf8700 }
  .bar { fill: #57606a }
  .env-local .bar { fill: #2da44e }
  .env-docker .bar { fill: #0969da }
  .env-self-hosted .bar { fill: #8250df }
  .env-aws-batch .bar, .env-az-batch .bar, .env-cloud-batch .bar { fill: #bc4c00 }
  .env-slurm .bar { fill: #cf222e }
  .name { font: 600 13px system-ui, sans-serif; fill: #1b1f24 }
  .fact { font: 11px ui-monospace, monospace; fill: #57606a }
  .edge { fill: none; stroke: #8c959f; stroke-width: 1.4 }
  .label { font: 10px ui-monospace, monospace; fill: #0969da; paint-order: stroke; stroke: #ffffff; stroke-width: 4px }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } .title, .name { fill: #e6edf3 } .fact { fill: #9198a1 }
    .box { fill: #161b22; stroke: #9198a1 } .label { fill: #58a6ff; stroke: #0d1117 }
  }
""".rstrip()


def render(view: GraphView) -> str:
    """The SVG document; raises UsageError where `fast-sugiyama` is not installed."""
    heights = {node.id: _height(node) for node in view.nodes}
    centres, bends = _layout(view, max(heights.values(), default=0))
    right = max((x for x, _ in centres.values()), default=0) + WIDTH / 2 + MARGIN
    lowest = [y + heights[id] / 2 for id, (_, y) in centres.items()]
    lowest += [y for way in bends.values() for _, y in way]
    bottom = max(lowest, default=TITLE_HEIGHT) + MARGIN
    width, height = max(round(right), 2 * MARGIN + 9 * len(view.name)), round(bottom)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-label={quoteattr(f"needs graph of {view.name}")}>',
        f"  <style>{_STYLE}\n  </style>",
        '  <defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M0,0.5 L7,4 L0,7.5 z" fill="#8c959f"/></marker></defs>',
        '  <rect class="page" width="100%" height="100%"/>',
        f'  <text class="title" x="{MARGIN}" y="{MARGIN + 4}">{escape(view.name)}</text>',
    ]
    for edge in view.edges:
        if edge.kind == "needs":
            path = [centres[edge.source], *bends.get((edge.source, edge.target), []), centres[edge.target]]
            out += _draw_edge(path, view.data_label(edge.source, edge.target))
    for node in view.nodes:
        out += _draw_node(node, centres[node.id], heights[node.id])
    return "\n".join([*out, "</svg>", ""])


def _height(node: GraphNode) -> int:
    return 2 * PADDING + LINE_HEIGHT * (1 + len(facts(node)))


def _layout(view: GraphView, tallest: int) -> tuple[dict[str, Point], dict[tuple[str, str], list[Point]]]:
    """Centres of the jobs' boxes, and the bends of edges that pass other columns."""
    number = {node.id: index for index, node in enumerate(view.nodes)}
    edges = [(number[e.source], number[e.target]) for e in view.edges if e.kind == "needs"]
    step_x, step_y = WIDTH + GAP_X, tallest + GAP_Y
    left, top = MARGIN + WIDTH / 2, MARGIN + TITLE_HEIGHT + tallest / 2
    places: dict[int, Point] = {}
    ways: dict[int, list[int]] = defaultdict(list)
    if edges:
        for positions, _, component_height, links in _sugiyama(edges):
            across = [x for _, (x, _) in positions]
            for vertex, (x, y) in positions:
                column = component_height - y
                places[vertex] = (left + column * step_x, top + (x - min(across)) * step_y)
            top += (max(across) - min(across) + 1) * step_y
            for source, target in links or []:
                ways[source].append(target)
    lone = [node.id for node in view.nodes if number[node.id] not in places]
    columns = 4
    for index, id in enumerate(lone):
        places[number[id]] = (left + index % columns * step_x, top + index // columns * step_y)
    centres = {node.id: places[number[node.id]] for node in view.nodes}
    ids = [node.id for node in view.nodes]
    bends = {}
    for source in range(len(ids)):
        for first in ways.get(source, []):
            way, vertex = [], first
            while vertex >= len(ids):
                way.append(places[vertex])
                vertex = ways[vertex][0]
            if way:
                bends[(ids[source], ids[vertex])] = way
    return centres, bends


def _sugiyama(
    edges: list[tuple[int, int]],
) -> list[tuple[list[tuple[int, Point]], float, float, list[tuple[int, int]]]]:
    try:
        from fast_sugiyama import from_edges
    except ImportError:
        raise UsageError(
            "drawing SVG needs the layout library, which is not installed",
            help="pip install 'jobc[graph]', or use --graph dot or --graph mermaid",
        ) from None
    # The library numbers jobs by their place in a set of what it is given: consecutive small integers keep theirs.
    used = sorted({vertex for edge in edges for vertex in edge})
    dense = {vertex: index for index, vertex in enumerate(used)}
    count = max(used) + 1
    layouts = from_edges(
        [(dense[a], dense[b]) for a, b in edges],
        minimum_length=1,
        vertex_spacing=1,
        dummy_vertices=True,
        ranking_type="down",
        crossing_minimization="barycenter",
        check_layout=True,
    )

    def back(vertex: int) -> int:
        return used[vertex] if vertex < len(used) else count + vertex

    found = []
    for positions, width, height, links in layouts:
        found.append(
            (
                [(back(int(v)), (float(x), float(y))) for v, (x, y) in positions],
                float(width),
                float(height),
                [(back(int(a)), back(int(b))) for a, b in links or []],
            )
        )
    return sorted(found, key=lambda layout: min(vertex for vertex, _ in layout[0]))


def _draw_edge(path: list[Point], label: str) -> list[str]:
    (x0, y0), (xn, yn) = path[0], path[-1]
    points: list[Point] = [(x0 + WIDTH / 2, y0)]
    for x, y in path[1:-1]:
        points += [(x - WIDTH / 2, y), (x + WIDTH / 2, y)]
    points.append((xn - WIDTH / 2 - 2, yn))
    d = f"M{points[0][0]:g},{points[0][1]:g}"
    for index, (x, y) in enumerate(points[1:], 1):
        px, py = points[index - 1]
        if index % 2 == 0:
            d += f" L{x:g},{y:g}"
        else:
            bend = (x - px) / 2
            d += f" C{px + bend:g},{py:g} {x - bend:g},{y:g} {x:g},{y:g}"
    out = [f'  <path class="edge" d="{d}" marker-end="url(#arrow)"/>']
    if label:
        (ax, ay), (bx, by) = points[-2], points[-1]
        out.append(
            f'  <text class="label" x="{(ax + bx) / 2:g}" y="{(ay + by) / 2 - 4:g}" text-anchor="middle">'
            f"{escape(clip(label, 18))}<title>{escape(label)}</title></text>"
        )
    return out


def _draw_node(node: GraphNode, centre: Point, height: int) -> list[str]:
    x, y = centre[0] - WIDTH / 2, centre[1] - height / 2
    classes = ["node", f"env-{node.environment}"]
    if node.condition is not None or node.trigger_rule != "all_success":
        classes.append("gated")
    if node.continue_on_error:
        classes.append("tolerant")
    out = [
        f'  <g class="{" ".join(classes)}" id={quoteattr("job-" + node.id)}>',
        f"    <title>{escape(tooltip(node))}</title>",
        f'    <rect class="box" x="{x:g}" y="{y:g}" width="{WIDTH}" height="{height}" rx="8"/>',
        f'    <rect class="bar" x="{x:g}" y="{y + 8:g}" width="4" height="{height - 16}" rx="2"/>',
    ]
    if (node.combinations or 2) > 1:
        out.insert(
            2,
            f'    <rect class="box" x="{x + 5:g}" y="{y + 5:g}" width="{WIDTH}" height="{height}" rx="8"/>',
        )
    line = y + PADDING + 12
    out.append(f'    <text class="name" x="{x + 14:g}" y="{line:g}">{escape(clip(node.label, 30))}</text>')
    for fact in facts(node):
        line += LINE_HEIGHT
        out.append(f'    <text class="fact" x="{x + 14:g}" y="{line:g}">{escape(fact)}</text>')
    return [*out, "  </g>"]
