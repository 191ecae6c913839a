"""The needs graph: an order to run in, and the cycles that forbid one.

`topological` is Kahn's algorithm with a heap of file positions, so that among the jobs that are ready
the first of the file comes first and the order is the same everywhere. What it cannot place is on a
cycle or waits for one; only then are cycles looked for.

`elementary_cycles` is Johnson's algorithm (SIAM J. Comput. 4, 1975) on each strongly connected
component, which Tarjan's algorithm finds. It takes the first job of a component as root and follows every
simple path back to it; a job from which no path led back stays blocked until one of its successors is
released, which keeps the work linear for each cycle found. Then the root is taken out and what is left
is split again. A component may hold exponentially many cycles, so the search stops after `limit` of
them or `WORK` steps. All walks keep their own stacks: a chain of a hundred thousand jobs is not a recursion.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from heapq import heapify, heappop, heappush

from jobc.syntax.ast import Job, Need

#: As many cycles as are ever listed.
LIMIT = 1000
WORK = 2_000_000

Edges = dict[int, list[int]]


def topological(jobs: Mapping[str, Job]) -> list[Job]:
    """The jobs that are on no cycle and wait for none, needs first, ties in file order.

    Needs that name no job are left out of account.
    """
    ids = list(jobs)
    number = {id: i for i, id in enumerate(ids)}
    waiting: list[int] = []
    dependents: Edges = {}
    for i, id in enumerate(ids):
        needs = {number[need.id] for need in jobs[id].needs if need.id in number}
        waiting.append(len(needs))
        for need in needs:
            dependents.setdefault(need, []).append(i)
    ready = [i for i, count in enumerate(waiting) if count == 0]
    heapify(ready)
    order: list[Job] = []
    while ready:
        i = heappop(ready)
        order.append(jobs[ids[i]])
        for dependent in dependents.get(i, ()):
            waiting[dependent] -= 1
            if waiting[dependent] == 0:
                heappush(ready, dependent)
    return order


def elementary_cycles(jobs: Mapping[str, Job], limit: int = LIMIT) -> list[list[tuple[Job, Need]]]:
    """Every elementary cycle (up to `limit`) as its edges (job, the need that leads on), short ones first.

    A cycle begins at its first job in the file. Of two needs that name the same job the first counts.
    """
    ids = list(jobs)
    number = {id: i for i, id in enumerate(ids)}
    edges: Edges = {}
    needs: dict[tuple[int, int], Need] = {}
    for i, id in enumerate(ids):
        for need in jobs[id].needs:
            target = number.get(need.id)
            if target is not None and (i, target) not in needs:
                needs[i, target] = need
                edges.setdefault(i, []).append(target)
    found: list[list[int]] = []
    for component in _components(range(len(ids)), edges):
        found.extend(_cycles_within(component, edges, limit - len(found)))
        if len(found) >= limit:
            break
    found.sort(key=lambda path: (len(path), path))
    return [
        [(jobs[ids[a]], needs[a, b]) for a, b in zip(path, [*path[1:], path[0]], strict=True)]
        for path in found
    ]


def _components(nodes: Sequence[int], edges: Edges) -> list[list[int]]:
    """The strongly connected components among `nodes` (Tarjan), each ascending, those without a cycle left out."""
    members = set(nodes)
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    on_stack: set[int] = set()
    stack: list[int] = []
    components: list[list[int]] = []
    for root in nodes:
        if root in index:
            continue
        walk: list[tuple[int, Iterator[int]]] = []
        entered = root
        while True:
            if entered not in index:
                index[entered] = low[entered] = len(index)
                stack.append(entered)
                on_stack.add(entered)
                walk.append((entered, iter(edges.get(entered, ()))))
            node, successors = walk[-1]
            for successor in successors:
                if successor in members and successor not in index:
                    entered = successor
                    break
                if successor in on_stack:
                    low[node] = min(low[node], index[successor])
            else:
                walk.pop()
                if low[node] == index[node]:
                    start = stack.index(node) if stack[-1] != node else len(stack) - 1
                    component = sorted(stack[start:])
                    del stack[start:]
                    on_stack.difference_update(component)
                    if len(component) > 1 or node in edges.get(node, ()):
                        components.append(component)
                if not walk:
                    break
                parent = walk[-1][0]
                low[parent] = min(low[parent], low[node])
    return sorted(components)


def _cycles_within(component: list[int], edges: Edges, limit: int) -> list[list[int]]:
    """Johnson's search in one component: paths of nodes, each beginning at its smallest.

    Once every cycle through the smallest node is found, what is left without it falls into smaller components.
    """
    found: list[list[int]] = []
    work = 0
    todo = [component]
    while todo and len(found) < limit and work < WORK:
        nodes = todo.pop()
        members = set(nodes)
        inner = {node: [s for s in edges.get(node, ()) if s in members] for node in nodes}
        root = nodes[0]
        blocked = {root}
        releases: dict[int, set[int]] = {}
        path = [root]
        closed = [False]
        walk = [iter(inner[root])]
        while walk and len(found) < limit and work < WORK:
            work += 1
            node = path[-1]
            for successor in walk[-1]:
                if successor == root:
                    found.append(list(path))
                    closed[-1] = True
                elif successor not in blocked:
                    path.append(successor)
                    blocked.add(successor)
                    closed.append(False)
                    walk.append(iter(inner[successor]))
                    break
            else:
                walk.pop()
                path.pop()
                if closed.pop():
                    _release(node, blocked, releases)
                    if closed:
                        closed[-1] = True
                else:
                    for successor in inner[node]:
                        releases.setdefault(successor, set()).add(node)
        todo.extend(reversed(_components(nodes[1:], edges)))
    return found


def _release(node: int, blocked: set[int], releases: dict[int, set[int]]) -> None:
    """Unblock a node, and what waited for it."""
    todo = [node]
    while todo:
        current = todo.pop()
        if current in blocked:
            blocked.discard(current)
            todo.extend(releases.pop(current, ()))
