"""The loop IR: a handful of expressions and statements."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Union

from gradc.ir.access import Affine
from gradc.ir.graph import Check, IndexCheck, Node
from gradc.ir.sizes import Size
from gradc.ir.types import Type

# ---------------------------------------------------------------- expressions


@dataclass(frozen=True, slots=True, eq=False)
class Number:
    value: float | int | bool
    dtype: str


@dataclass(frozen=True, slots=True, eq=False)
class Extent:
    """A size as a number."""

    size: Size
    dtype: str


@dataclass(frozen=True, slots=True, eq=False)
class Variable:
    """An input that is a scalar."""

    name: str
    dtype: str


@dataclass(frozen=True, slots=True, eq=False)
class Load:
    """An element of an array."""

    array: str
    index: Place
    dtype: str


@dataclass(frozen=True, slots=True, eq=False)
class Position:
    """The index of an iteration as a number."""

    at: Affine
    dtype: str


@dataclass(frozen=True, slots=True, eq=False)
class Apply:
    """An elementwise op on values."""

    op: str
    args: tuple[Expression, ...]
    dtype: str


@dataclass(slots=True, eq=False)
class Let:
    """A value computed once, and the statement that computes it. `uses` counts its readers."""

    value: Expression
    node: Node | None
    dtype: str
    uses: int = 0


@dataclass(slots=True, eq=False)
class Total:
    """The running result of a reduction: a scalar, or the part of the array `slot` below `prefix`, over `axes`
    (variable and size of each, and where in the array it begins).

    `op` is one of sum, prod, max, min, any, all. Sums are kept in blocks, whose totals are added with the
    rounding error carried along.
    """

    op: str
    node: Node
    dtype: str
    axes: tuple[tuple[str, Size, Size], ...] = ()
    slot: str = ""
    prefix: Place = ()


@dataclass(slots=True, eq=False)
class Carry:
    """A value handed from one iteration of a loop to the next; zero at first."""

    slot: str
    dtype: str


Place = tuple[Union[Affine, "Let"], ...]
"""Where in an array: an affine index or a computed one for each axis."""

Expression = Union[Number, Extent, Variable, Load, Position, Apply, Let, Total, Carry]

# ---------------------------------------------------------------- statements


@dataclass(slots=True, eq=False)
class Allocate:
    """A new array; filled with zeros if cotangents are added into it."""

    array: str
    type: Type
    zeros: bool


@dataclass(slots=True, eq=False)
class For:
    """A loop; `totals` and `carries` are opened before it, and `totals` finished after it."""

    variable: str
    size: Size
    totals: list[Total]
    body: list[Statement]
    carries: list[Carry] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class ForTiles:
    """A loop over the tiles of an axis; its body does `TILE_ROWS` rows from `TILE_START` on. `totals` are opened
    before it and finished after it; their terms come together for each tile."""

    size: Size
    totals: list[Total]
    body: list[Statement]


@dataclass(slots=True, eq=False)
class Demand:
    """An IndexError with this message, unless a condition holds."""

    condition: Expression
    message: str


@dataclass(slots=True, eq=False)
class Store:
    array: str
    index: Place
    value: Expression


@dataclass(slots=True, eq=False)
class AddInto:
    """`array[index] += value`."""

    array: str
    index: Place
    value: Expression


@dataclass(slots=True, eq=False)
class MatrixProduct:
    """`array = left @ right`, a new array. `rows` is the axis of a whole array along which a tile is written, and
    `total` the running result whose term of a tile this is."""

    array: str
    left: Side
    right: Side
    rows: int | None = None
    total: Total | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """An array in a matrix product: whether it is transposed, the axis along which the rows of a tile are taken, and
    whether its zeros may be absent elements, which add nothing."""

    array: str
    transposed: bool
    rows: int | None = None
    absent: bool = False


@dataclass(slots=True, eq=False)
class Reshape:
    """`array` is `source` under another shape; a copy of it where the caller must not get the same storage twice."""

    array: str
    source: str
    type: Type
    copied: bool


@dataclass(slots=True, eq=False)
class Cumulate:
    """`array` holds the running sums of `source` along an axis, from its end if `backwards`."""

    array: str
    source: str
    type: Type
    axis: int
    backwards: bool


@dataclass(slots=True, eq=False)
class HandOn:
    """The last statement of an iteration: all carries take their new values at once."""

    carries: list[Carry]
    values: list[Expression]


@dataclass(slots=True, eq=False)
class StoreLast:
    """What is left in a carry after the loop, stored if the array has that element."""

    array: str
    position: Size
    value: Carry


@dataclass(slots=True, eq=False)
class Accumulate:
    """A term of a running result; `index` is the element, for a result that is an array."""

    total: Total
    index: Place
    value: Expression


@dataclass(slots=True, eq=False)
class Return:
    """The outputs in order: expressions, or names of arrays."""

    values: list[tuple[str, Expression | str]]


Statement = Union[
    Allocate,
    For,
    ForTiles,
    Demand,
    Store,
    AddInto,
    MatrixProduct,
    Reshape,
    Cumulate,
    HandOn,
    StoreLast,
    Accumulate,
    Return,
    Let,
]


@dataclass
class Kernel:
    """A function: inputs and their types, checks on sizes, statements. `arrays` gives the type of every array."""

    inputs: tuple[Node, ...]
    checks: tuple[Check, ...]
    index_checks: tuple[IndexCheck, ...]
    statements: list[Statement]
    arrays: dict[str, Type] = field(default_factory=dict)
