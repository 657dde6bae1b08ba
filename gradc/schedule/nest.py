"""Loops as the scheduler builds them: reductions, tiles, running sums and products are still whole. `expand.py` writes
them out in the statements of the loop IR, whose expressions and plain statements stand here already."""

from __future__ import annotations

from dataclasses import field
from typing import Any, NamedTuple, Union

from gradc.ir.affine import Affine
from gradc.ir.graph import Check, IndexCheck, Node
from gradc.ir.sizes import Size
from gradc.ir.step import LoopStep
from gradc.ir.types import Type
from gradc.language.record import dataclass
from gradc.loops.ir import (
    Accumulator,
    Allocate,
    Carry,
    Combine,
    Expression,
    Let,
    Place,
    Reshape,
    Return,
    Routine,
    Store,
    Tabulate,
    Update,
)


class Tile(NamedTuple):
    """What a loop over tiles calls the first row of a tile, the end of it, and how many rows it has."""

    start: str
    stop: str
    rows: str


@dataclass(slots=True, eq=False)
class Reduction:
    """The result of a reduction while terms are still coming: a scalar, or the part of the array `slot` below `prefix`,
    over `axes` (the size of each, and where in the array it begins).

    `op` is one of sum, prod, max, min, any, all; sums are kept in blocks, whose totals are added with the rounding
    error carried along.
    """

    op: str
    node: Node
    dtype: str
    axes: tuple[tuple[Size, Size], ...] = ()
    slot: str = ""
    prefix: Place = ()
    accumulator: Accumulator = field(init=False)
    """The result, if it is a scalar."""

    def __post_init__(self) -> None:
        self.accumulator = Accumulator(self.op, self.dtype, self.node)


@dataclass(slots=True, eq=False)
class Over:
    """A loop over a size. Reductions and carries are opened before it, and reductions finished after it."""

    variable: str
    size: Size
    reductions: list[Reduction]
    body: list[Step]
    carries: list[Carry] = field(default_factory=list)
    is_over_rows: bool = False
    """Whether the size is that of a tile."""


@dataclass(slots=True, eq=False)
class OverTiles:
    """A loop over the tiles of an axis. Reductions are opened before it and finished after it; their terms come
    together for each tile."""

    tile: Tile
    size: Size
    reductions: list[Reduction]
    body: list[Step]


@dataclass(slots=True, eq=False)
class Term:
    """A term of a reduction; `index` is the element, for a result that is an array."""

    reduction: Reduction
    index: Place
    value: Expression


Places = tuple[int | Affine | None, ...]


@dataclass(slots=True, eq=False)
class MatrixProduct:
    """`array = left @ right`, a new array. `rows` is the axis of a whole array along which a tile is written, and
    `reduction` the one whose term of a tile this is. `batch` are the sizes of a batch of products, and `places` says
    for each axis of the array which of them it is, if any, or the index of a loop around."""

    array: str
    left: Side
    right: Side
    rows: int | None = None
    reduction: Reduction | None = None
    batch: tuple[Size, ...] = ()
    places: Places = (None, None)


@dataclass(frozen=True, slots=True)
class Side:
    """An array in a matrix product: whether it is transposed, the axis along which the rows of a tile are taken,
    whether its zeros may be absent elements, which add nothing, and its `places` as those of the product."""

    array: str
    transposed: bool
    rows: int | None = None
    absent: bool = False
    places: Places = (None, None)


@dataclass(slots=True, eq=False)
class RunningSums:
    """`array` holds the running sums of `source` along an axis, from its end if `backwards`."""

    array: str
    source: str
    axis: int
    backwards: bool


@dataclass(slots=True, eq=False)
class Scan:
    """`array` holds what an op that goes along an axis makes of whole arrays."""

    op: str
    array: str
    sources: tuple[str, ...]
    attrs: tuple[Any, ...]


@dataclass(slots=True, eq=False)
class Repeat:
    """A loop over steps. `body` is what each does, `results` what that makes of the step's results: a value, the name
    of an array, or an input of the step. `sources` are what the loop takes, `targets` what gets those of its results,
    by number, that are asked for."""

    step: LoopStep
    variable: str
    body: list[Step]
    results: tuple[Expression | str | Node, ...]
    sources: tuple[Expression | str, ...]
    targets: dict[int, str | Let]
    ends: Node | None = None
    """The state of the step with which the loop ends early, where it holds."""
    taken: str = ""
    """The size that says how many steps are taken: this loop finds it out if it `ends`, and otherwise keeps to it."""


@dataclass(slots=True, eq=False)
class Demand:
    """An IndexError with this message, unless a condition holds."""

    condition: Expression
    message: str


Step = Union[
    Let, Over, OverTiles, Term, MatrixProduct, RunningSums, Scan, Routine, Repeat, Demand, Allocate, Tabulate, Reshape,
    Store,
    Combine, Update, Return,
]  # fmt: skip


@dataclass
class Nest:
    """A kernel before it is written out. `arrays` gives the type of every array."""

    inputs: tuple[Node, ...]
    checks: tuple[Check, ...]
    index_checks: tuple[IndexCheck, ...]
    body: list[Step]
    arrays: dict[str, Type] = field(default_factory=dict)
