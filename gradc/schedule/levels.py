"""Levels: how many finished loops each task of a body has to wait for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from gradc.ir.affine import Affine
from gradc.ir.graph import Node
from gradc.ir.sizes import Size
from gradc.schedule.dependences import Dependences, Element
from gradc.schedule.tasks import Task, makes, own_axis
from gradc.schedule.tiles import TILE_ROWS

NextLoop = tuple[Size, bool]
"""The size of the next loop around a task, and whether it is one over tiles."""

GroupKey = tuple[int, "NextLoop | None"]
"""Tasks of one group share their next loop; None is that of points."""


class Crew:
    """Tasks that share `depth` open loops over their first axes, and one over tiles if `in_tile`: which loop each
    needs next, and which of them read what others make. `cuts` are the axes along which tiles cut tasks."""

    def __init__(self, needs: Dependences, tasks: Sequence[Task], cuts: Mapping[Task, int], depth: int, in_tile: bool):
        self.needs = needs
        self.tasks = tasks
        self.cuts = cuts
        self.depth = depth
        self.in_tile = in_tile
        self.axis: dict[Task, int | None] = {}
        self.loop: dict[Task, NextLoop | None] = {}
        for task in tasks:
            self.axis[task], self.loop[task] = self._next(task)
        self.renames = len({self.axis[task] for task, loop in self.loop.items() if loop is not None and loop[1]}) > 1
        self.makers = self._makers()
        self.reads: dict[Task, list[Element]] = {
            task: [element for element in needs.reads[task] if element.node in self.makers] for task in tasks
        }

    def _next(self, task: Task) -> tuple[int | None, NextLoop | None]:
        """The axis of the next loop around a task, and that loop: that of the tiles, then one after the other."""
        if task in self.cuts and not self.in_tile and not self.depth:
            axis = self.cuts[task]
            return axis, (task.domain[axis], True)
        if self.depth >= len(task.remaining):
            return None, None
        axis = task.remaining[self.depth]
        is_cut = self.in_tile and self.cuts.get(task) == axis
        return axis, (TILE_ROWS if is_cut else task.domain[axis], False)

    def _makers(self) -> dict[Node, list[Task]]:
        """The tasks that make each root, of those made here."""
        stored, stored_in = self.needs.work.stored, self.needs.work.stored_in
        found: dict[Node, list[Task]] = {}
        for task in self.tasks:
            if task.scatters:
                if task.slot in stored_in:
                    found.setdefault(stored_in[task.slot], []).append(task)
            elif task.reduces or task.calls or (task.node in stored and makes(task, stored)):
                found.setdefault(task.node, []).append(task)
        return found

    def within_reach(self, maker: Task, element: Element, reader: Task) -> bool:
        """Whether an element is finished by the time the same iteration of the maker's next loop needs it."""
        axis = self.axis[maker]
        if axis is None:
            return True
        if maker.scatters or axis in maker.reduced or self.loop[reader] != self.loop[maker]:
            return False
        own = self.axis[reader]
        return own is not None and element.index[maker.kept.index(axis)] == own_axis(own)

    def common(self, element: Element, task: Task) -> Element:
        """An element with the name that all tasks of the crew have for it. They differ where tiles cut several axes."""
        axis = self.axis[task]
        if not self.renames or axis is None:
            return element
        return self.needs.elements.renamed(element, own_axis(axis), TILED)


TILED = Affine("@tiled")
"""The index along the axis that tiles cut, whichever it is of a task."""


def levels(crew: Crew) -> dict[Task, int]:
    """The level of each task: the first at which all that it reads is finished, or that of its first reader."""
    earliest = _earliest(crew)
    return earliest if len(set(earliest.values())) < 2 else _sunk(crew, earliest)


def _earliest(crew: Crew) -> dict[Task, int]:
    """The level at which everything a task reads is finished."""
    level: dict[Task, int] = {}
    in_slot: dict[str, int] = {}
    for task in crew.tasks:
        needed = 0
        for element in crew.reads[task]:
            for maker in crew.makers[element.node]:
                finished = level.get(maker, 0)
                needed = max(needed, finished if crew.within_reach(maker, element, task) else finished + 1)
        if task.scatters:
            needed = max(needed, in_slot.get(task.slot, -1) + 1)
        elif task.stores:
            in_slot[task.slot] = needed
        level[task] = needed
    return level


def _sunk(crew: Crew, level: dict[Task, int]) -> dict[Task, int]:
    """The levels with tasks moved to that of their first reader, where no array has to outlive the loop then: what only
    matrix products and their readers need, and others if nothing is left of the loop that they leave."""
    pinned: set[Task] = set()
    while True:
        target = _targets(crew, level, pinned)
        held = _torn(crew, level, target) | _left_behind(crew, level, target)
        if held <= pinned:
            return target
        pinned |= held


def _torn(crew: Crew, level: dict[Task, int], target: dict[Task, int]) -> set[Task]:
    """The tasks that would leave others of their loop, which may read the same arrays."""
    staying = {(level[task], crew.loop[task]) for task in crew.tasks if target[task] == level[task]}
    torn = {
        task
        for task in crew.tasks
        if task.slot not in crew.needs.work.for_products and (level[task], crew.loop[task]) in staying
    }
    return torn if any(target[task] != level[task] for task in torn) else set()


def _left_behind(crew: Crew, level: dict[Task, int], target: dict[Task, int]) -> set[Task]:
    """The tasks that would leave the loop of something that they read, if only that had to outlive the loop then: an
    array of another shape than the one that would no longer."""
    found: set[Task] = set()
    outliving: set[Node] | None = None
    for task in crew.tasks:
        if target[task] != level[task]:
            for element in crew.reads[task]:
                makers = crew.makers[element.node]
                if any(level[maker] == level[task] and target[maker] != target[task] for maker in makers):
                    if outliving is None:
                        outliving = set(_outliving(crew, level))
                    if element.node not in outliving and Counter(element.node.shape) != Counter(task.node.shape):
                        found.add(task)
    return found


def _outliving(crew: Crew, level: dict[Task, int]) -> Iterator[Node]:
    """What is read outside the loop that makes it."""
    stored, outputs = crew.needs.work.stored, crew.needs.work.output_names
    for task in crew.tasks:
        for element in crew.reads[task]:
            for maker in crew.makers[element.node]:
                apart = (level[maker], crew.loop[maker]) != (level[task], crew.loop[task])
                if apart or stored.get(element.node) in outputs:
                    yield element.node


def _targets(crew: Crew, level: dict[Task, int], pinned: set[Task]) -> dict[Task, int]:
    """The level to which each task may sink. One that reads what its own loop makes stays, or that would have to
    outlive it."""
    free: set[Task] = set()
    for task in crew.tasks:
        if task not in pinned and _may_sink(crew, task):
            makers = (maker for element in crew.reads[task] for maker in crew.makers[element.node])
            if all(level[maker] != level[task] or maker in free for maker in makers):
                free.add(task)
    target = dict(level)
    if not free:
        return target
    readers: dict[Node, list[tuple[Task, Element]]] = {}
    for task in reversed(crew.tasks):
        if task in free:
            own = readers.get(task.node, ())
            latest = [target[reader] - (not crew.within_reach(task, element, reader)) for reader, element in own]
            target[task] = max(target[task], min(latest, default=0))
        for element in crew.reads[task]:
            readers.setdefault(element.node, []).append((task, element))
    return target


def _may_sink(crew: Crew, task: Task) -> bool:
    """Whether a task makes a value for readers of the same loop."""
    work = crew.needs.work
    if task.calls:
        return task.slot in work.for_products
    is_alone = crew.makers.get(task.node) == [task]
    return is_alone and crew.axis[task] in task.kept and work.stored.get(task.node) not in work.output_names
