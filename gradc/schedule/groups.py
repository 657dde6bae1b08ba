"""What shares a loop.

The work of a kernel is a set of tasks: a reduction, an array to store, the cotangent of a slice to add into an
array. A task runs over a domain, one loop for each axis. Everything else is computed where it is needed, inside
the loops of the tasks that need it. Loops are fused from the outside in: at each depth, tasks over the same size
go into one loop, unless one needs the *finished* result of another, which puts it a level later.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field

from gradc.ir.graph import Node
from gradc.ir.sizes import Size
from gradc.language.record import dataclass
from gradc.schedule.dependences import Dependences
from gradc.schedule.levels import Crew, GroupKey, NextLoop, levels
from gradc.schedule.saving import shared_between_loops
from gradc.schedule.tasks import Task, own_axis
from gradc.schedule.tiles import cut, is_batch


@dataclass(eq=False)
class Group:
    """Tasks that share their next loop, and what is inside it; without one they are points, or calls."""

    loop: NextLoop | None
    level: int
    tasks: list[Task]
    is_tiles: bool
    inner: Layer | None = None


@dataclass(eq=False)
class Layer:
    """What is inside `around` loops, one over tiles included: groups in order of execution."""

    crew: Crew
    around: int
    groups: list[Group] = field(default_factory=list)


@dataclass(frozen=True)
class Loops:
    """The loops of all tasks. Values that two of them would compute are `wanted` in arrays (then nothing is decided
    about what is further inside), or are cheap enough to be `recomputed`."""

    needs: Dependences
    cuts: dict[Task, int]
    layer: Layer
    wanted: set[Node]
    recomputed: set[Node]

    @property
    def has_tiles(self) -> bool:
        return any(group.is_tiles for group in self.layer.groups)

    def layers(self) -> Iterator[Layer]:
        """Every layer, outer ones before what is inside."""
        stack = [self.layer]
        while stack:
            layer = stack.pop()
            yield layer
            stack += [group.inner for group in reversed(layer.groups) if group.inner is not None]


def loops(needs: Dependences, tile: Size | None, untiled: set[tuple]) -> Loops:
    """The loops of the tasks, one depth after the other, until values are found that should be saved. Tiles cut axes of
    the size `tile`, but not of the tasks in `untiled`: those that meet no matrix product are added there."""
    while True:
        cuts = _cuts(needs, tile, untiled)
        outer = _layer(Crew(needs, needs.work.tasks, cuts, 0, False), 0)
        without_product = [
            task.key
            for group in outer.groups
            if group.is_tiles and all(not task.calls for task in group.tasks)
            for task in group.tasks
        ]
        if not without_product:
            break
        untiled.update(without_product)
    wanted: set[Node] = set()
    recomputed: set[Node] = set()
    depth = [outer]
    while depth:
        for layer in depth:
            dear, cheap = shared_between_loops(layer.crew, [group.tasks for group in layer.groups if group.loop])
            wanted |= dear & needs.work.program.readers.keys()
            recomputed |= cheap
        if wanted:
            break
        depth = [inner for layer in depth for inner in _open(layer)]
    return Loops(needs, cuts, outer, wanted, recomputed)


def _cuts(needs: Dependences, tile: Size | None, untiled: set[tuple]) -> dict[Task, int]:
    """The axis along which tiles of an axis of this size cut each task, if they do. Where several axes have the size,
    as queries and keys do in attention, it is the one that goes along with those of most products."""
    if tile is None:
        return {}
    axes: dict[Task, tuple[int, ...]] = {}
    for task in needs.work.tasks:
        if task.key not in untiled and (not task.calls or (task.node.op == "contract" and not is_batch(task.node))):
            found = cut(task.domain, tile, task.calls)
            if found:
                axes[task] = found
    together = _together(needs, axes) if any(len(found) > 1 for found in axes.values()) else set()
    cuts: dict[Task, int] = {}
    cut_at: dict[Node, tuple[Task, int]] = {}
    for task, found in axes.items():
        along = [axis for axis in found if (task, axis) in together] or list(found)
        if task.calls and len(along) > 1:
            along.sort(key=lambda axis: -_read_along(needs, task, axis, cut_at))
        cuts[task] = along[0]
        cut_at[task.node] = task, along[0]
    return cuts


def _read_along(needs: Dependences, reader: Task, axis: int, cut_at: dict[Node, tuple[Task, int]]) -> int:
    """How many of the values that a task reads are cut where it is itself, if it is cut along this axis."""
    read = [(element, *cut_at[element.node]) for element in needs.reads[reader] if element.node in cut_at]
    return sum((own, own_axis(axis)) in zip(maker.kept, element.index) for element, maker, own in read)


def _together(needs: Dependences, axes: dict[Task, tuple[int, ...]]) -> set[tuple[Task, int]]:
    """Those of some axes of tasks that go along with each other, in most products: readers take an element where they
    are themselves along such axes."""
    makers: dict[Node, list[Task]] = {}
    for task in axes:
        makers.setdefault(task.node, []).append(task)
    parts: dict[tuple[Task, int], set[tuple[Task, int]]] = {(t, axis): {(t, axis)} for t in axes for axis in axes[t]}
    for reader in axes:
        for element in needs.reads[reader]:
            for maker in makers.get(element.node, ()):
                for axis, at in zip(maker.kept, element.index):
                    for own in axes[reader]:
                        if at == own_axis(own) and (maker, axis) in parts:
                            small, large = sorted((parts[maker, axis], parts[reader, own]), key=len)
                            if small is not large:
                                large |= small
                                parts.update(dict.fromkeys(small, large))
    return max(parts.values(), key=lambda part: len({task for task, _ in part if task.calls}))


def _layer(crew: Crew, around: int) -> Layer:
    """The tasks grouped by level; at one level points first, then a loop for each size."""
    level = levels(crew)
    members: dict[GroupKey, list[Task]] = {}
    for task in crew.tasks:
        members.setdefault((level[task], crew.loop[task]), []).append(task)
    layer = Layer(crew, around)
    for (at, loop), tasks in sorted(members.items(), key=lambda item: (item[0][0], item[0][1] is not None)):
        is_tiles = loop is not None and loop[1] and any(task.calls or crew.axis[task] for task in tasks)
        layer.groups.append(Group(loop, at, tasks, is_tiles))
    return layer


def _open(layer: Layer) -> Iterator[Layer]:
    """What is inside each loop of a layer."""
    crew = layer.crew
    for group in layer.groups:
        if group.loop is None or all(task.calls for task in group.tasks):
            continue
        depth, in_tile = (crew.depth, True) if group.is_tiles else (crew.depth + 1, crew.in_tile)
        group.inner = _layer(Crew(crew.needs, group.tasks, crew.cuts, depth, in_tile), layer.around + 1)
        yield group.inner
