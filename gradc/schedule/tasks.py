"""The vocabulary of scheduling: tasks, loops over them, and the finished plan."""

from __future__ import annotations

from dataclasses import field
from functools import cache, cached_property

from gradc.ir.access import Indirect, Point, gathered_index
from gradc.ir.affine import FIRST, Affine
from gradc.ir.graph import Graph, Node
from gradc.ir.ops import others
from gradc.ir.sizes import Shape, Size
from gradc.ir.types import Type
from gradc.language.record import dataclass
from gradc.schedule.tiles import TILE_ROWS, batch_loops, operand_axes, product_sizes

SAVE_FROM = 8
"""A value that two loops need is saved rather than computed again from this cost on; an addition costs 1."""


@dataclass(eq=False)
class Task:
    """`kind` is "reduce", "store", "scatter", "place" or "call"; `value` is computed at each point of the domain. What
    is scattered is added to others; what is placed has its part of the array for itself.

    `node` is what the task makes; `index` fixes the axes for which a loop is open, or none is needed. A call (a matrix
    product, say) takes whole arrays, or the rows of a tile, or one matrix of a batch: of what it goes over, only the
    first axes of a batch have loops. The domain of a product has the axes of the result, and the contracted one.

    `tile` is the axis that a tile loop cuts, if there is one, and `in_tile` whether that loop is open.
    """

    kind: str
    node: Node
    value: Node
    slot: str = ""
    index: tuple[Affine | None, ...] = ()
    tile: int | None = None
    in_tile: bool = False

    @classmethod
    def over(cls, kind: str, node: Node, value: Node, slot: str = "", skips_units: bool = False) -> Task:
        """A task with a loop for each axis of its value; perhaps not for those of size 1."""
        return cls(kind, node, value, slot, tuple(FIRST if skips_units and n == 1 else None for n in value.shape))

    @classmethod
    def product(cls, node: Node, slot: str) -> Task:
        """A product of matrices, with loops for the axes of a batch that come first."""
        loops = batch_loops(node)
        rest = len(product_sizes(node)) - loops if loops else 0
        return cls("call", node, node, slot, (None,) * loops + (FIRST,) * rest)

    @cached_property
    def domain(self) -> Shape:
        shape = product_sizes(self.node) if self.node.op == "contract" and self.calls else self.value.shape
        if not self.in_tile:
            return shape
        return tuple(TILE_ROWS if axis == self.tile else size for axis, size in enumerate(shape))

    @property
    def reduces(self) -> bool:
        return self.kind == "reduce"

    @property
    def stores(self) -> bool:
        return self.kind == "store"

    @property
    def scatters(self) -> bool:
        return self.kind in ("scatter", "place")

    @property
    def calls(self) -> bool:
        return self.kind == "call"

    @property
    def key(self) -> tuple[str, Node, str]:
        """The same for the task inside its loops."""
        return self.kind, self.node, self.slot

    @property
    def remaining(self) -> tuple[int, ...]:
        """The axes without a loop yet, in order."""
        return tuple(axis for axis, at in enumerate(self.index) if at is None)

    @cached_property
    def reduced(self) -> tuple[int, ...]:
        """The axes of the domain that the result does not have."""
        if self.calls:
            return (self.node.type.rank,) if self.node.op == "contract" else ()
        return self.node.attrs[0] if self.reduces else ()

    @cached_property
    def kept(self) -> tuple[int, ...]:
        """The axes of the domain that the result has."""
        return others(len(self.domain), self.reduced)

    def starts(self) -> list[Point]:
        """What the task reads at a point: its value, and where that goes if an array of indices says so. A call reads
        its arguments. An axis without a loop has the index that `own_axis` says."""
        if self.calls:
            is_product = self.node.op == "contract"
            axes = (operand_axes(self.node, k) if is_product else range(arg.type.rank)
                    for k, arg in enumerate(self.node.args))  # fmt: skip
            return [(arg, tuple(map(own_axis, labels))) for arg, labels in zip(self.node.args, axes)]
        point = tuple(own_axis(axis) if at is None else at for axis, at in enumerate(self.index))
        found: list[Point] = [(self.value, point)]
        if self.scatters and self.node.op != "pad":
            place = gathered_index(self.node, point)[self.node.attrs[0]]
            if isinstance(place, Indirect):
                found.append((place.node, place.index))
        return found

    def inside(self, at: Affine) -> Task:
        """The task in the body of the loop over its next axis, which has this index."""
        axis = self.remaining[0]
        index = tuple(at if k == axis else known for k, known in enumerate(self.index))
        tile = self.tile if self.in_tile else None
        return Task(self.kind, self.node, self.value, self.slot, index, tile, self.in_tile)

    def within_tile(self) -> Task:
        """The task in the body of the tile loop."""
        return Task(self.kind, self.node, self.value, self.slot, self.index, self.tile, True)

    def cut(self, axis: int | None) -> Task:
        """The task with tiles along an axis."""
        return Task(self.kind, self.node, self.value, self.slot, self.index, axis)


_AXES: dict[str | None, int] = {None: 0}


@cache
def own_axis(axis: int) -> Affine:
    """The index along an axis of a task's domain, as long as no loop is open for it."""
    name = f"@{axis}"
    _AXES[name] = 1 << axis
    return Affine(name)


def axis_bit(variable: str | None) -> int:
    """The axis that such an index goes along, as a set of one; the empty set for a fixed index."""
    return _AXES[variable]


@dataclass(eq=False)
class Loop:
    """A loop over `size` for all of `tasks`."""

    variable: str
    size: Size
    tasks: list[Task]
    body: Body


@dataclass(eq=False)
class Tiles:
    """A loop over the tiles of an axis of this size: the body does some of its rows at a time."""

    size: Size
    tasks: list[Task]
    body: Body


@dataclass(eq=False)
class Body:
    """Points (tasks whose loops are all open, and calls) and loops, in order of execution."""

    items: list[Task | Loop | Tiles] = field(default_factory=list)


@dataclass(frozen=True)
class Local:
    """An array that holds only what the iteration of a loop needs: the first `dropped` axes are those of loops that
    its readers share, and of the axis `tile` there are the rows of a tile."""

    dropped: int
    tile: int | None

    def type(self, whole: Type) -> Type:
        shape = tuple(TILE_ROWS if axis == self.tile else size for axis, size in enumerate(whole.shape))
        return whole.with_shape(shape[self.dropped :])

    @property
    def lives_in_tile(self) -> bool:
        """Whether the array is made anew for each tile, because its size is that of the tile."""
        return self.tile is not None and self.tile >= self.dropped


@dataclass(frozen=True)
class Window:
    """An array of this dtype that cotangents of shifted slices are added to, element after element: a window slides
    over it with the loop, and what has come together for the `reach` elements ahead is handed on with it. So many
    cotangents arrive in an iteration."""

    dtype: str
    reach: int
    arrivals: int


@dataclass
class Schedule:
    """The whole kernel: the tree of loops, and what has storage."""

    graph: Graph
    body: Body
    stored: dict[Node, str]
    """Values that are read back from an array, and its name: saved values, reductions that outlive their loop."""
    slots: dict[str, Node]
    """Every array the kernel allocates, and a node of its type."""
    local: dict[str, Local]
    """The arrays that are smaller than their node."""
    saved: tuple[Node, ...]
    recomputed: tuple[Node, ...]
    """Cheap values that two loops need and each computes for itself."""
    aliases: dict[str, str] = field(default_factory=dict)
    """Saved arrays that live in the storage of an output until that is written."""
    windows: dict[str, Window] = field(default_factory=dict)
    """The arrays that one loop writes element after element, while cotangents are handed on."""


def makes(task: Task, stored: dict[Node, str]) -> bool:
    """Whether a task computes its node; an output that equals another one may be a copy of it instead."""
    return not task.stores or stored.get(task.node, task.slot) == task.slot
