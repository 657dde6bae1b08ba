"""When a plan reads and writes its arrays.

Two accesses are ordered element by element: inside the loops that both share they meet an element in the same
iteration, or the order is not known; where their paths part, the earlier item of the body comes first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gradc.ir.access import Indirect, Point, reads
from gradc.ir.affine import FIRST, Affine
from gradc.ir.graph import Node, reached
from gradc.language.record import dataclass
from gradc.schedule.tasks import Body, Loop, Schedule, Task, Tiles, makes
from gradc.schedule.tiles import TILE_ROWS, batch_loops, operand_axes

Path = tuple[tuple[int, "Loop | Tiles | None"], ...]
"""Where something happens: the number of an item in each body on the way, and the loop that the item is."""

Axes = tuple[object, ...]
"""For each axis of an array the loop that goes through it, one element an iteration, or the first index where only that
element is meant; None for anything else."""


@dataclass(frozen=True)
class Access:
    """A reading or a writing of elements of a node's array."""

    node: Node
    task: Task | None
    path: Path
    axes: Axes

    def precedes(self, other: Access) -> bool:
        """Whether each element is met here before the other access meets it."""
        for (mine, loop), (theirs, _) in zip(self.path, other.path):
            if mine != theirs:
                return mine < theirs
            if loop is None:
                return None not in self.axes and self.axes == other.axes
            if not any(one is loop and two is loop for one, two in zip(self.outer(loop), other.outer(loop))):
                return False
        return False

    def outer(self, loop: Loop | Tiles) -> Axes:
        """The axes that a loop goes through; those that tiles cut are gone through by the loops over their rows."""
        if isinstance(loop, Loop):
            return self.axes
        rows = [step for _, step in self.path if isinstance(step, Loop) and step.size == TILE_ROWS]
        return tuple(loop if axis in rows else axis for axis in self.axes)


class Accesses:
    """Everything that the tasks of a plan read and write in arrays or running results, in order of execution."""

    def __init__(self, plan: Schedule):
        self.plan = plan
        self.writes: dict[Node, list[Access]] = {}
        self.reads: dict[Node, list[Access]] = {}
        self.tasks = list(_points(plan.body))
        self._roots = {*plan.stored, *(task.node for task, _ in self.tasks if task.reduces or task.calls)}
        self._slots = {slot: node for node, slot in plan.stored.items()}
        for task, path in self.tasks:
            self._note_writes(task, path)
            if task.calls:
                read = [(arg, _axes_of_call(task, arg, path)) for arg in task.node.args if arg.shape]
                numbers: list[Point] = [(arg, ()) for arg in task.node.args if not arg.shape]
                read += [(node, axes_of(index, path)) for node, index in self._roots_below(numbers, None)]
            else:
                read = [(node, axes_of(index, path)) for node, index in self._roots_below(task.starts(), task)]
            for node, axes in read:
                if node in self._roots:
                    self.reads.setdefault(node, []).append(Access(node, task, path, axes))
        end: Path = ((len(plan.body.items), None),)
        scalars: list[Point] = [(node, ()) for node in plan.graph.results if not node.shape]
        for node, index in self._roots_below(scalars, None):
            self.reads.setdefault(node, []).append(Access(node, None, end, axes_of(index, ())))

    def _note_writes(self, task: Task, path: Path) -> None:
        node = self._slots.get(task.slot) if task.scatters else task.node
        if node is None or (task.stores and not makes(task, self.plan.stored)):
            return  # an output that nothing reads back
        index = tuple(task.index[k] for k in task.kept) if task.reduces or task.stores else ()
        axes = axes_of(index, path)
        if task.scatters:
            axes = (None,) * node.type.rank
        elif task.calls:
            axes = _axes_of_call(task, None, path)
        self.writes.setdefault(node, []).append(Access(node, task, path, axes))

    def _roots_below(self, starts: Sequence[Point], task: Task | None) -> Iterator[Point]:
        """The elements of stored values and running results that are read on the way to some values."""
        own = starts[0] if task is not None and task.stores and makes(task, self.plan.stored) else None

        def is_read(point: Point) -> bool:
            return point[0] in self._roots and not (point == own and task is not None and point[0] is task.node)

        return filter(is_read, reached(starts, lambda point: () if is_read(point) else reads(*point)))


def _points(body: Body) -> Iterator[tuple[Task, Path]]:
    """The tasks with all their loops open, and the way to each."""
    stack: list[tuple[Body, Path]] = [(body, ())]
    while stack:
        inner, path = stack.pop()
        for number, item in enumerate(inner.items):
            if isinstance(item, Task):
                yield item, (*path, (number, None))
            else:
                stack.append((item.body, (*path, (number, item))))


def axes_of(index: Sequence[Affine | Indirect | None], path: Path) -> Axes:
    loops: dict[str | None, Loop] = {step.variable: step for _, step in path if isinstance(step, Loop)}
    return tuple(
        at if at == FIRST else loops.get(at.var) if isinstance(at, Affine) and at == Affine(at.var) else None
        for at in index
    )


def _axes_of_call(task: Task, operand: Node | None, path: Path) -> Axes:
    """What a call reads of an operand, or writes: the rows of a tile, or a matrix of a batch, where it is in one."""
    node = task.node if operand is None else operand
    if task.node.op != "contract":
        return (None,) * node.type.rank
    tiles = next((step for _, step in path if isinstance(step, Tiles)), None)
    opened = [at if axis < batch_loops(task.node) else None for axis, at in enumerate(task.index)]
    looped = axes_of(opened, path) or (None,) * len(task.domain)
    through = [tiles if tiles and axis == task.tile else loop for axis, loop in enumerate(looped)]
    if operand is None:
        return tuple(through[: node.type.rank])
    found = [operand_axes(task.node, k) for k, arg in enumerate(task.node.args) if arg is operand]
    cut = [tuple(through[axis] for axis in axes) for axes in found]
    return tuple(axes[0] if len(set(map(id, axes))) == 1 else None for axes in zip(*cut))
