"""Dependences: what each task reads of saved values and reductions, and along which of its axes values change.

All of it is said in terms of a task's own axes, so that it is found once and holds whatever loops are opened around.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradc.ir.access import Index, Indirect, reads
from gradc.ir.affine import Affine
from gradc.ir.graph import Node
from gradc.language.record import dataclass
from gradc.schedule.tasks import Task, axis_bit, makes
from gradc.schedule.work import Work


class Element:
    """An element of a node's value, at an index in terms of a task's axes."""

    __slots__ = ("_reads", "_table", "index", "node")

    def __init__(self, node: Node, index: Index, table: Elements):
        self.node = node
        self.index = index
        self._table = table
        self._reads: tuple[Element, ...] | None = None

    @property
    def reads(self) -> tuple[Element, ...]:
        """The elements of the arguments that it is made from."""
        if self._reads is None:
            at = self._table.at
            self._reads = tuple([at(node, index) for node, index in reads(self.node, self.index)])
        return self._reads


class Elements:
    """Every element that some task reads, once."""

    def __init__(self) -> None:
        self._known: dict[tuple[Node, Index], Element] = {}

    def at(self, node: Node, index: Index) -> Element:
        found = self._known.get((node, index))
        if found is None:
            found = self._known[node, index] = Element(node, index, self)
        return found

    def renamed(self, element: Element, old: Affine, new: Affine) -> Element:
        """The element at the index in which an axis has another name."""
        return self.at(element.node, _renamed(element.index, old, new))


def _renamed(index: Index, old: Affine, new: Affine) -> Index:
    return tuple(
        Indirect(at.node, _renamed(at.index, old, new), at.step, at.offset)
        if isinstance(at, Indirect)
        else Affine(new.var if at.var == old.var else at.var, at.step, at.offset)
        for at in index
    )


Axes = int
"""A set of axes of a task, as bits."""


@dataclass(frozen=True)
class Dependences:
    """Work, and what its tasks read.

    `starts` are the elements that a task computes, or a call takes; `reads` those of roots that are read on the way.
    `axes` tells along which axes an element's value changes.
    """

    work: Work
    elements: Elements
    starts: dict[Task, list[Element]]
    reads: dict[Task, list[Element]]
    axes: dict[Element, Axes]
    computes_itself: set[Task]
    """The tasks that store what they compute, though others read it as a root."""

    def is_computed(self, element: Element, task: Task) -> bool:
        """Whether a task computes an element rather than reading it."""
        if element.node not in self.work.roots:
            return True
        return task in self.computes_itself and element is self.starts[task][0]


def dependences(work: Work, elements: Elements) -> Dependences:
    """Every element below the tasks, arguments first: the roots below it as a set of bits, and its axes."""
    roots = work.roots
    axes: dict[Element, Axes] = {}
    below: dict[Element, int] = {}
    read: list[Element] = []
    starts: dict[Task, list[Element]] = {}
    reads_of: dict[Task, list[Element]] = {}
    computes_itself: set[Task] = set()
    for task in work.tasks:
        starts[task] = own = [elements.at(*point) for point in task.starts()]
        if task.value is task.node and task.stores and makes(task, work.stored) and task.node in roots:
            computes_itself.add(task)
            stack = list(own[0].reads)
        else:
            stack = own.copy()
        while stack:
            element = stack[-1]
            if element in axes:
                stack.pop()
                continue
            node = element.node
            if node in roots:
                below[element] = 1 << len(read)
                read.append(element)
                axes[element] = _axes(element.index)
                stack.pop()
                continue
            if not node.args:
                below[element] = 0
                axes[element] = 0 if node.op == "const" else _axes(element.index)
                stack.pop()
                continue
            pending = [inner for inner in element.reads if inner not in axes]
            if pending:
                stack += pending
                continue
            stack.pop()
            found = along = 0
            for inner in element.reads:
                found |= below[inner]
                along |= axes[inner]
            below[element], axes[element] = found, along
        found = 0
        for element in own[0].reads if task in computes_itself else own:
            found |= below[element]
        reads_of[task] = [read[number] for number in _bits(found)]
    return Dependences(work, elements, starts, reads_of, axes, computes_itself)


def _axes(index: Index) -> Axes:
    """The axes with which an index changes."""
    found = 0
    for at in index:
        found |= _axes(at.index) if isinstance(at, Indirect) else axis_bit(at.var)
    return found


def _bits(number: int) -> Iterator[int]:
    """The positions of the ones in a number."""
    while number:
        lowest = number & -number
        yield lowest.bit_length() - 1
        number ^= lowest
