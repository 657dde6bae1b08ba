"""Layered drawing of an acyclic graph: which column each vertex gets, and how high it and the wires past it lie.

The method of Sugiyama, Tagawa and Toda (1981): layers by longest path, a lane where a wire passes through a layer,
order within a layer by the means of neighbours, and heights by least squares. The wires from one vertex share their
lane until they part.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

ORDERING_SWEEPS = 12
HEIGHT_SWEEPS = 24
FEWEST_SWEEPS, MAX_VISITS = 4, 40_000
"""Large graphs have fewer sweeps, which visit so many wires in all."""
STRAIGHT = 4.0
"""How much more a lane pulls at its next lane than other neighbours do."""

FIRM = 100.0
"""How much more than others the places count that are settled."""

Vertex = Any
"""Anything hashable. The lane of a vertex in another column is `(vertex, column)`."""
Edge = tuple[Vertex, Vertex, int]
"""From a vertex to a port of another."""


@dataclass(frozen=True)
class Footprint:
    """The room that a vertex takes above and below the line its own wire leaves on, and where its ports are."""

    above: float
    below: float
    ports: tuple[float, ...] = ()


LANE = Footprint(9.0, 9.0)


@dataclass(frozen=True)
class Layout:
    """`column` counts from the left; heights grow downwards, in the unit of the extents."""

    column: dict[Vertex, int]
    height: dict[Vertex, float]
    """Of vertices, and of lanes as `(vertex, column)`."""


@dataclass(frozen=True)
class _Link:
    """A piece of wire between two neighbouring layers: `shift` is where it meets its target, above or below."""

    source: Vertex
    target: Vertex
    port: float
    """From -0.5 to 0.5: where among the ports of the target."""
    shift: float
    weight: float


def layered(
    vertices: Sequence[Vertex],
    edges: Sequence[Edge],
    extents: Mapping[Vertex, Footprint],
    leading: Container[Vertex] = (),
) -> Layout:
    """A layout in which every wire goes to the right. `vertices` come sources first: arguments before users; some have
    to stand on the left."""
    column = _columns(vertices, edges, leading)
    place = dict(column)
    links = list(_links(vertices, edges, column, extents, place))
    layers = _initial_layers(place, vertices, links)
    _reduce_crossings(layers, links)
    height = _heights(layers, links, extents)
    top = min(height[vertex] - extents.get(vertex, LANE).above for vertex in place)
    return Layout(column, {vertex: at - top for vertex, at in height.items()})


def _columns(vertices: Sequence[Vertex], edges: Sequence[Edge], leading: Container[Vertex]) -> dict[Vertex, int]:
    """Every vertex stands right before the first vertex that uses it; those that lead stand first."""
    users = _grouped((source, target) for source, target, _ in edges)
    column: dict[Vertex, int] = {}
    for vertex in reversed(vertices):
        column[vertex] = min((column[user] for user in users.get(vertex, ())), default=0) - 1
    first = min(column.values())
    return {vertex: 0 if vertex in leading else column[vertex] - first for vertex in vertices}


def _grouped(pairs: Iterable[tuple[Vertex, Any]]) -> dict[Vertex, list[Any]]:
    found: dict[Vertex, list[Any]] = {}
    for key, item in pairs:
        found.setdefault(key, []).append(item)
    return found


def _links(
    vertices: Sequence[Vertex],
    edges: Sequence[Edge],
    column: Mapping[Vertex, int],
    extents: Mapping[Vertex, Footprint],
    place: dict[Vertex, int],
) -> Iterable[_Link]:
    """The pieces of all wires; their lanes get a place."""
    leaving = _grouped((edge[0], edge) for edge in edges)
    for vertex in vertices:
        if vertex not in leaving:
            continue
        start = column[vertex]
        last = max(column[target] for _, target, _ in leaving[vertex])
        stops = {start: vertex} | {at: (vertex, at) for at in range(start + 1, last)}
        place.update((lane, at) for at, lane in stops.items())
        for at in range(start + 1, last):
            yield _Link(stops[at - 1], stops[at], 0.0, 0.0, STRAIGHT)
        for _, target, port in leaving[vertex]:
            ports = extents[target].ports
            yield _Link(
                stops[column[target] - 1], target, (port + 0.5) / len(ports) - 0.5, ports[port], 1.0 / len(ports)
            )


def _initial_layers(place: dict[Vertex, int], vertices: Sequence[Vertex], links: list[_Link]) -> list[list[Vertex]]:
    """Each layer in the order of a walk from the last vertex down, which draws trees without crossings."""
    arguments = _grouped((link.target, link.source) for link in sorted(links, key=lambda link: link.port))
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


def _reduce_crossings(layers: list[list[Vertex]], links: list[_Link]) -> None:
    """Sort each layer by the mean position of its neighbours, to and fro, and keep the best order seen."""
    before = _grouped((link.target, link) for link in links)
    after = _grouped((link.source, link) for link in links)
    position = {vertex: float(k) for layer in layers for k, vertex in enumerate(layer)}

    def from_arguments(vertex: Vertex) -> float:
        around = before.get(vertex)
        return sum(position[link.source] - link.port for link in around) / len(around) if around else position[vertex]

    def from_users(vertex: Vertex) -> float:
        around = after.get(vertex)
        return sum(position[link.target] + link.port for link in around) / len(around) if around else position[vertex]

    best = [list(layer) for layer in layers]
    fewest = _crossings(position, layers, after)
    for sweep in range(_sweeps(ORDERING_SWEEPS, links)):
        if not fewest:
            break
        backward = sweep % 2 == 0
        for layer in layers[::-1] if backward else layers:
            layer.sort(key=from_users if backward else from_arguments)
            position.update((vertex, float(k)) for k, vertex in enumerate(layer))
        count = _crossings(position, layers, after)
        if count < fewest:
            best, fewest = [list(layer) for layer in layers], count
    layers[:] = best


def _sweeps(most: int, links: Sequence[_Link]) -> int:
    """How many sweeps there are: fewer where each takes long."""
    return max(FEWEST_SWEEPS, min(most, MAX_VISITS // max(len(links), 1)))


def _crossings(
    position: Mapping[Vertex, float], layers: list[list[Vertex]], after: Mapping[Vertex, list[_Link]]
) -> int:
    """How many pairs of wires cross between neighbouring layers."""
    return sum(
        _inversions(
            [
                (position[vertex], position[link.target] + 0.9 * link.port)
                for vertex in layer
                for link in after.get(vertex, ())
            ]
        )
        for layer in layers
    )


def _inversions(pairs: list[tuple[float, float]]) -> int:
    """How many pairs of pairs are in opposite orders."""
    seen: list[float] = []
    count = 0
    for _, target in sorted(pairs):
        count += len(seen) - bisect_right(seen, target)
        insort(seen, target)
    return count


def _heights(
    layers: list[list[Vertex]], links: list[_Link], extents: Mapping[Vertex, Footprint]
) -> dict[Vertex, float]:
    """Heights near the mean of the neighbours', with room for everything within a layer.

    The last sweeps look one way only: gates stand amid their arguments, then sources beside their users, and lanes go
    straight on where there is room.
    """
    before = _grouped((link.target, link) for link in links)
    after = _grouped((link.source, link) for link in links)
    room = {vertex: extents.get(vertex, LANE) for layer in layers for vertex in layer}
    offsets = [_offsets([room[vertex] for vertex in layer]) for layer in layers]
    height = {vertex: at for layer, down in zip(layers, offsets) for vertex, at in zip(layer, down)}

    def mean(vertex: Vertex, back: bool, ahead: bool) -> tuple[float, float]:
        """Where the neighbours want a vertex, and how much."""
        total = weight = 0.0
        if back:
            for link in before.get(vertex, ()):
                total += link.weight * (height[link.source] - link.shift)
                weight += link.weight
        if ahead:
            for link in after.get(vertex, ()):
                total += link.weight * (height[link.target] + link.shift)
                weight += link.weight
        return (total / weight, weight) if weight else (height[vertex], 0.01)

    def settle(indices: Iterable[int], back: bool, ahead: bool) -> None:
        for k in indices:
            wanted = [mean(vertex, back, ahead) for vertex in layers[k]]
            height.update(zip(layers[k], _spread(wanted, offsets[k]), strict=True))

    columns = range(len(layers))
    for sweep in range(_sweeps(HEIGHT_SWEEPS, links)):
        settle(columns if sweep % 2 else reversed(columns), True, True)
    settle(reversed(columns), False, True)
    settle(columns, True, False)
    for k in columns:
        wanted = []
        for vertex in layers[k]:
            if vertex not in before:
                wanted.append(mean(vertex, False, True))
            elif vertex in extents:
                wanted.append((height[vertex], FIRM))
            else:
                wanted.append((height[before[vertex][0].source], 1.0))
        height.update(zip(layers[k], _spread(wanted, offsets[k]), strict=True))
    return height


def _offsets(rooms: Sequence[Footprint]) -> list[float]:
    """How far below the first of a layer each of its vertices stands at least."""
    down = [0.0] if rooms else []
    for upper, lower in pairwise(rooms):
        down.append(down[-1] + upper.below + lower.above)
    return down


def _spread(wanted: Sequence[tuple[float, float]], offsets: Sequence[float]) -> list[float]:
    """The heights nearest to the wanted ones, in weighted least squares, that keep the order and the distances.

    Pool adjacent violators: heights less their offset must not fall.
    """
    pools: list[tuple[float, float, int]] = []
    for (position, weight), offset in zip(wanted, offsets, strict=True):
        total, mass, count = (position - offset) * weight, weight, 1
        while pools and pools[-1][0] / pools[-1][1] > total / mass:
            total, mass, count = total + pools[-1][0], mass + pools[-1][1], count + pools[-1][2]
            pools.pop()
        pools.append((total, mass, count))
    levels = [total / mass for total, mass, count in pools for _ in range(count)]
    return [level + offset for level, offset in zip(levels, offsets)]
