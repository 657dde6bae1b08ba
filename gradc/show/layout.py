"""Layered drawing of an acyclic graph: which column and which height each vertex gets.

The method of Sugiyama, Tagawa and Toda (1981): layers by longest path, invisible vertices where an edge passes
through a layer, order within a layer by the means of neighbours, and heights by least squares.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

ORDERING_SWEEPS = 8
HEIGHT_SWEEPS = 30

Vertex = Any
"""Anything hashable."""
Edge = tuple[Vertex, Vertex]


@dataclass(frozen=True)
class Layout:
    """`column` counts from the left, `height` is in units of one row, from the top. `paths` lists the
    points (column, height) that each edge passes, its ends included."""

    column: dict[Vertex, int]
    height: dict[Vertex, float]
    paths: list[list[tuple[int, float]]]


def layered(vertices: Sequence[Vertex], edges: Sequence[Edge]) -> Layout:
    """A layout in which every edge goes to the right. `vertices` come sources first: arguments before users."""
    column = _columns(vertices, edges)
    chains = [_chain(k, edge, column) for k, edge in enumerate(edges)]
    place = {vertex: column[vertex] for vertex in vertices}
    for k, chain in enumerate(chains):
        for step, vertex in enumerate(chain[1:-1], 1):
            place[vertex] = column[edges[k][0]] + step
    links = [link for chain in chains for link in pairwise(chain)]
    layers = _initial_layers(place, vertices, links)
    _reduce_crossings(layers, links)
    height = _heights(layers, links)
    paths = [[(place[vertex], height[vertex]) for vertex in chain] for chain in chains]
    return Layout(column, {vertex: height[vertex] for vertex in vertices}, paths)


def _columns(vertices: Sequence[Vertex], edges: Sequence[Edge]) -> dict[Vertex, int]:
    """The longest path to each vertex; sources move right, next to their first user."""
    arguments = _neighbours((target, source) for source, target in edges)
    users = _neighbours(edges)
    column: dict[Vertex, int] = {}
    for vertex in vertices:
        column[vertex] = max((column[argument] + 1 for argument in arguments.get(vertex, ())), default=0)
    for vertex in vertices:
        if vertex not in arguments and vertex in users:
            column[vertex] = min(column[user] for user in users[vertex]) - 1
    return column


def _neighbours(edges: Iterable[Edge]) -> dict[Vertex, list[Vertex]]:
    found: dict[Vertex, list[Vertex]] = {}
    for source, target in edges:
        found.setdefault(source, []).append(target)
    return found


def _chain(number: int, edge: Edge, column: dict[Vertex, int]) -> list[Vertex]:
    """The ends of an edge with an invisible vertex in each layer between them."""
    source, target = edge
    return [source, *((number, at) for at in range(column[source] + 1, column[target])), target]


def _initial_layers(place: dict[Vertex, int], vertices: Sequence[Vertex], links: list[Edge]) -> list[list[Vertex]]:
    """Each layer in the order of a walk from the last vertex down, which draws trees without crossings."""
    arguments = _neighbours((target, source) for source, target in links)
    layers: list[list[Vertex]] = [[] for _ in range(max(place.values()) + 1)]
    seen: set[Vertex] = set()
    stack = list(vertices)
    while stack:
        vertex = stack.pop()
        if vertex not in seen:
            seen.add(vertex)
            layers[place[vertex]].append(vertex)
            stack.extend(reversed(arguments.get(vertex, ())))
    return layers


def _reduce_crossings(layers: list[list[Vertex]], links: list[Edge]) -> None:
    """Sort each layer by the mean position of its neighbours, to and fro, and keep the best order seen."""
    arguments = _neighbours((target, source) for source, target in links)
    users = _neighbours(links)
    best = [list(layer) for layer in layers]
    fewest = _crossings(layers, links)
    for sweep in range(ORDERING_SWEEPS):
        if not fewest:
            break
        forward = sweep % 2 == 0
        for layer in layers if forward else layers[::-1]:
            position = {vertex: k for row in layers for k, vertex in enumerate(row)}
            near = arguments if forward else users

            def mean(vertex: Vertex, near=near, position=position) -> float:
                around = near.get(vertex)
                return sum(position[other] for other in around) / len(around) if around else position[vertex]

            layer.sort(key=mean)
        count = _crossings(layers, links)
        if count < fewest:
            best, fewest = [list(layer) for layer in layers], count
    layers[:] = best


def _crossings(layers: list[list[Vertex]], links: list[Edge]) -> int:
    layer_of = {vertex: k for k, layer in enumerate(layers) for vertex in layer}
    position = {vertex: k for layer in layers for k, vertex in enumerate(layer)}
    between: dict[int, list[tuple[int, int]]] = {}
    for source, target in links:
        between.setdefault(layer_of[source], []).append((position[source], position[target]))
    return sum(map(_inversions, between.values()))


def _inversions(pairs: list[tuple[int, int]]) -> int:
    """How many pairs of edges between two layers cross."""
    seen: list[int] = []
    count = 0
    for _, target in sorted(pairs):
        count += len(seen) - bisect_right(seen, target)
        insort(seen, target)
    return count


def _heights(layers: list[list[Vertex]], links: list[Edge]) -> dict[Vertex, float]:
    """Heights near the mean of the neighbours', at least one row apart within a layer.

    The last sweep goes forward and looks at arguments only, so that chains run level.
    """
    arguments = _neighbours((target, source) for source, target in links)
    users = _neighbours(links)
    height = {vertex: float(k) for layer in layers for k, vertex in enumerate(layer)}
    for sweep in range(HEIGHT_SWEEPS):
        forward = sweep % 2 == (HEIGHT_SWEEPS - 1) % 2
        settling = sweep >= HEIGHT_SWEEPS - 2
        for layer in layers if forward else layers[::-1]:
            wanted = []
            for vertex in layer:
                before, after = arguments.get(vertex, []), users.get(vertex, [])
                around = ((before if forward else after) or before + after) if settling else before + after
                wanted.append(sum(height[other] for other in around) / len(around) if around else height[vertex])
            height.update(zip(layer, _spread(wanted), strict=True))
    top = min(height.values())
    return {vertex: at - top for vertex, at in height.items()}


def _spread(wanted: list[float]) -> list[float]:
    """The positions nearest to the wanted ones in least squares that keep the order, one apart.

    Pool adjacent violators: positions less their rank must not fall.
    """
    pools: list[tuple[float, int]] = []
    for rank, position in enumerate(wanted):
        total, count = position - rank, 1
        while pools and pools[-1][0] / pools[-1][1] > total / count:
            total, count = total + pools[-1][0], count + pools[-1][1]
            pools.pop()
        pools.append((total, count))
    levels = [total / count for total, count in pools for _ in range(count)]
    return [level + rank for rank, level in enumerate(levels)]
