"""The vocabulary of scheduling: tasks, loops over them, and the finished plan."""

from __future__ import annotations

from dataclasses import dataclass, field

from gradc.ir.access import SCATTERS, Affine, Index, gathered_index
from gradc.ir.graph import Graph, Node, make
from gradc.ir.ops import others
from gradc.ir.sizes import Shape, Size

CHEAP = {
    "neg", "abs", "sign", "square", "add", "sub", "mul", "maximum", "minimum", "clamp_min", "clamp_max", "gate", "where",
    "lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not", "floor", "ceil", "round", "trunc",
}  # fmt: skip
COSTS = {"div": 4, "sqrt": 5}
ELEMENTARY_COST = 10
SAVE_FROM = 8
"""A value that two loops need is saved rather than computed again from this cost on; an addition costs 1."""


def cost(node: Node) -> int:
    """The work of one element of an op, in additions."""
    if node.row.kind != "elementwise":
        return 0
    return 1 if node.op in CHEAP else COSTS.get(node.op, ELEMENTARY_COST)


@dataclass(eq=False)
class Task:
    """`kind` is "reduce", "store", "scatter" or "call"; `value` is computed at each point of its shape, the domain.

    `node` is what the task makes; `index` fixes the axes for which a loop is open. A call (a matrix product left to
    BLAS) has no loops of ours: it takes whole arrays.
    """

    kind: str
    node: Node
    value: Node
    slot: str = ""
    index: tuple[Affine | None, ...] = ()

    @property
    def domain(self) -> Shape:
        return self.value.shape

    @property
    def key(self) -> tuple[str, Node, str]:
        """The same for the task inside its loops."""
        return self.kind, self.node, self.slot

    @property
    def remaining(self) -> tuple[int, ...]:
        """The axes without a loop yet, in order."""
        return tuple(axis for axis, at in enumerate(self.index) if at is None)

    @property
    def reduced(self) -> tuple[int, ...]:
        """The axes of the domain that the result does not have."""
        return self.node.attrs[0] if self.kind == "reduce" else ()

    @property
    def kept(self) -> tuple[int, ...]:
        """The axes of the domain that the result has."""
        return others(len(self.index), self.reduced)

    def at(self, variables: dict[Size, str]) -> Index:
        """A point of the domain: open loops as they are, the next axis by the variable of its size."""
        following = self.remaining[:1]
        return tuple(
            at if at is not None else Affine(variables[self.domain[axis]] if axis in following else f"@{axis}")
            for axis, at in enumerate(self.index)
        )

    def starts(self, variables: dict[Size, str]) -> list[tuple[Node, Index]]:
        """What the task reads at a point: its value, and where that goes if an array of indices says so."""
        point = self.at(variables)
        found = [(self.value, point)]
        if self.kind == "scatter" and self.node.op != "pad":
            place = gathered_index(self.node, point)[self.node.attrs[0]]
            found.append((place.node, place.index))
        return found

    def inside(self, variable: str) -> Task:
        """The task in the body of the loop over its next axis."""
        axis = self.remaining[0]
        index = tuple(Affine(variable) if k == axis else at for k, at in enumerate(self.index))
        return Task(self.kind, self.node, self.value, self.slot, index)


@dataclass(eq=False)
class Loop:
    """A loop over `size` for all of `tasks`."""

    variable: str
    size: Size
    tasks: list[Task]
    body: Body


@dataclass(eq=False)
class Body:
    """Points (tasks whose loops are all open) and loops, in order of execution."""

    items: list[Task | Loop] = field(default_factory=list)


@dataclass
class Schedule:
    """The whole kernel: the tree of loops, and what has storage."""

    graph: Graph
    body: Body
    stored: dict[Node, str]
    """Values that are read back from an array, and its name: saved values, reductions that outlive their loop."""
    slots: dict[str, Node]
    """Every array the kernel allocates, and a node of its type."""
    aliases: dict[str, str]
    """Saved arrays that live in the storage of an output until that is written."""
    saved: tuple[Node, ...]
    recomputed: tuple[Node, ...]
    """Cheap values that two loops need and each computes for itself."""


def makes(task: Task, stored: dict[Node, str]) -> bool:
    """Whether a task computes its node; an output that equals another one may be a copy of it instead."""
    return task.kind != "store" or stored.get(task.node, task.slot) == task.slot


def scattered(node: Node) -> tuple[list[Node], Node | None]:
    """The slices' cotangents among the terms of a sum, and the sum of the other terms (None if there are none)."""
    pads: list[Node] = []
    rest: list[Node] = []
    stack = [node]
    while stack:
        term = stack.pop()
        if term.op == "add":
            stack += reversed(term.args)
        else:
            (pads if term.op in SCATTERS else rest).append(term)
    if not pads:
        return [], node
    total = None
    for term in rest:
        total = term if total is None else make("add", total, term)
    return pads, total
