"""The loop IR: what a kernel does, statement by statement. A printer of it decides nothing.

Order, blocks, tiles, checks and memory are all statements. `verify.py` says what is well formed, `evaluate.py` what it
means, `text.py` and `reader.py` how it is written and read back.

Whole numbers that loops count with are formulas (`gradc.ir.sizes`) over names: sizes of dimensions, loop variables, and
whatever `Define` names. An index into an array is affine in at most one loop variable, or an integer value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from typing import Literal, Union

from gradc.ir.affine import Affine
from gradc.ir.graph import Node
from gradc.ir.sizes import Derived, Size
from gradc.ir.types import Type
from gradc.language.record import dataclass, record

# ---------------------------------------------------------------- expressions


@record
class Number:
    value: float | int | bool
    dtype: str


@record
class IndexValue:
    """A size, a loop variable or a formula of both, as a number."""

    at: Affine
    dtype: str


@record
class Extent:
    """The length of an axis of an input, as an i64."""

    array: str
    axis: int
    dtype: str = "i64"


@record
class Variable:
    """An input that is a scalar."""

    name: str
    dtype: str


@record
class Load:
    """An element of an array."""

    array: str
    index: Place
    dtype: str


@record
class Apply:
    """An elementwise op of the table."""

    op: str
    args: tuple[Expression, ...]
    dtype: str


@record
class Settled:
    """The end of a sum: the total and its rounding error together, or the total alone where that is infinite."""

    total: Expression
    error: Expression
    dtype: str = "f64"


@record
class InRange:
    """Whether `-size <= index < size`."""

    index: Expression
    size: Size
    dtype: str = "bool"


@dataclass(slots=True, eq=False)
class Let:
    """A value computed once, and the statement that computes it: known until its body ends. `node` is what it computes
    of the graph."""

    value: Expression
    dtype: str
    node: Node | None = None


@dataclass(slots=True, eq=False)
class Accumulator:
    """A number that terms are combined into. `op` is the reduction, `dtype` that of the result; sums run in f64.

    `part` is "total", or the "block" or the rounding "error" of the total `of`, or a "running" total, which may be read
    while it grows.
    """

    op: str
    dtype: str
    node: Node | None = None
    part: Literal["total", "block", "error", "running"] = "total"
    of: Accumulator | None = None

    @property
    def running_dtype(self) -> str:
        """What it has while terms are still coming."""
        return "f64" if self.op == "sum" else self.dtype


@dataclass(slots=True, eq=False)
class Carry:
    """A number handed from one iteration of a loop to the next; it will be stored in `array`, if that is named.
    `name` is what the program calls it."""

    array: str
    dtype: str
    name: str = ""


Place = tuple[Union[Affine, "Let"], ...]
"""Where in an array: an affine index or a computed one for each axis."""

Cell = Accumulator | Carry
"""What changes its value."""

Expression = Union[Number, IndexValue, Extent, Variable, Load, Apply, Settled, InRange, Let, Accumulator, Carry]

Target = Accumulator | Load
"""What terms are combined into: a number, or an element of an array."""

# ---------------------------------------------------------------- parts of arrays


@dataclass(frozen=True, slots=True)
class Range:
    """The indices from `start` to before `stop`."""

    start: Size
    stop: Size

    @property
    def length(self) -> Size:
        return Derived("-", self.stop, self.start)


@record
class View:
    """A part of an array: for each axis an index, a span, or None for all of it. In a matrix product it may be
    transposed, and its zeros may be absent elements, which add nothing."""

    array: str
    parts: tuple[Affine | Range | Let | None, ...]
    transposed: bool = False
    absent: bool = False


# ---------------------------------------------------------------- statements


@dataclass(slots=True, eq=False)
class Define:
    """A name for a whole number: a size read off an input, a formula of what is known, or an integer value."""

    name: str
    value: Size | Extent | Let


@dataclass(slots=True, eq=False)
class Guard:
    """Ends the kernel with an error if something is wrong."""

    wrong: Expression
    error: Literal["ValueError", "IndexError"]
    message: str


@dataclass(slots=True, eq=False)
class Allocate:
    """A new array, with the type that the kernel says; filled with zeros, or not at all."""

    array: str
    zeros: bool


@dataclass(slots=True, eq=False)
class Tabulate:
    """An array of numbers that are known, row by row; nothing writes into it."""

    array: str
    values: tuple[float | int | bool, ...]


@dataclass(slots=True, eq=False)
class Reshape:
    """`array` is `source` under another shape; a copy of it where the caller must not get the same storage twice."""

    array: str
    source: str
    copied: bool


@dataclass(slots=True, eq=False)
class Choose:
    """`array` is another name for `first` where the number is 0, and for `others[number - 1]` elsewhere."""

    array: str
    first: str
    others: str
    number: Size


@dataclass(slots=True, eq=False)
class Fill:
    """A number for every element of a part of an array."""

    view: View
    value: Number


@dataclass(slots=True, eq=False)
class Store:
    """`array[index] = value`, where the condition holds if there is one."""

    array: str
    index: Place
    value: Expression
    condition: Expression | None = None


@dataclass(slots=True, eq=False)
class Product:
    """`target = left @ right`: a new array where the view is all of one that is not allocated.

    With an `error`, the product is a term of a sum: `target + error += left @ right`, element by element as
    `CombineExactly` has it. Where `before` is 0 nothing came before, and the product is the target; the error stays.
    """

    target: View
    left: View
    right: View
    error: str = ""
    before: Size = 0


@dataclass(slots=True, eq=False)
class Routine:
    """`array` holds what a routine (`routines.py`) makes of whole arrays, one matrix of a stack after the other. Where
    it has no answer for one, whose number `{}` in the message stands for, it ends the kernel with a LinAlgError."""

    op: str
    array: str
    sources: tuple[str, ...]
    message: str


@dataclass(slots=True, eq=False)
class Open:
    """A cell begins, or begins again, with this value; it is known until its body ends."""

    cell: Cell
    value: Expression


@dataclass(slots=True, eq=False)
class Combine:
    """`target = op(target, value)` for a reduction `op`; the compiler may reorder sums `in_any_order`."""

    op: str
    target: Target
    value: Expression
    in_any_order: bool = False


@dataclass(slots=True, eq=False)
class CombineExactly:
    """`total + error += value`, where what rounding loses is kept in `error` (Knuth, TAOCP 2, 4.2.2)."""

    total: Target
    error: Target
    value: Expression


@dataclass(slots=True, eq=False)
class Close:
    """The end of a sum: its rounding error is added, if it has one, and the result gets its dtype."""

    total: Accumulator
    error: Accumulator | None = None


@dataclass(slots=True, eq=False)
class Update:
    """All carries take their new values at once."""

    carries: list[Carry]
    values: list[Expression]


@dataclass(slots=True, eq=False)
class Leave:
    """Ends the sequential loop in whose body it is the last statement, where the condition holds."""

    condition: Expression


Order = Literal["parallel", "reduction", "sequential"]


@dataclass(slots=True, eq=False)
class For:
    """A loop over `start, start + step, ...` to before `stop`.

    `order` says what orders the iterations: nothing ("parallel"); only that they combine terms into the same numbers
    ("reduction"); or more ("sequential").
    """

    variable: str
    start: Size
    stop: Size
    step: Size
    body: list[Statement]
    order: Order = "sequential"


@dataclass(slots=True, eq=False)
class Return:
    """The outputs in order: expressions, or names of arrays."""

    values: list[tuple[str, Expression | str]]


Statement = Union[
    Let, Define, Guard, Allocate, Tabulate, Reshape, Choose, Fill, Store, Product, Routine, Open, Combine,
    CombineExactly, Close, Update, Leave, For, Return,
]  # fmt: skip


@dataclass
class Kernel:
    """A function of `inputs`; `arrays` gives the type of every array, those of the inputs among them."""

    inputs: tuple[Node, ...]
    body: list[Statement]
    arrays: dict[str, Type] = field(default_factory=dict)


# ---------------------------------------------------------------- walks


def every(body: list[Statement]) -> Iterator[Statement]:
    """The statements and those inside them, in order."""
    stack = [iter(body)]
    while stack:
        for statement in stack[-1]:
            yield statement
            if isinstance(statement, For):
                stack.append(iter(statement.body))
                break
        else:
            stack.pop()


def looped(body: list[Statement]) -> set[Apply]:
    """The elementwise ops inside loops: theirs are functions that a compiler makes vectors of."""
    loops = [statement for statement in body if isinstance(statement, For)]
    inside = [statement for loop in loops for statement in every(loop.body) if isinstance(statement, Let)]
    return {statement.value for statement in inside if isinstance(statement.value, Apply)}


def read_by(statement: Statement) -> list[Expression]:
    """The expressions that a statement evaluates, and those inside them; what a `Let` computes is inside the `Let`."""
    found = [statement.value] if isinstance(statement, Let) else list(_outermost(statement))
    for value in found:  # which grows
        match value:
            case Let():
                pass
            case Apply():
                found += value.args
            case Load():
                found += computed(value.index)
            case Settled():
                found += (value.error, value.total)
            case InRange():
                found.append(value.index)
    return found


def _outermost(statement: Statement) -> tuple[Expression, ...]:
    match statement:
        case Guard():
            return (statement.wrong,)
        case Define(value=Extent() | Let() as value):
            return (value,)
        case Leave():
            return (statement.condition,)
        case Open():
            return (statement.value,)
        case Store():
            condition = () if statement.condition is None else (statement.condition,)
            return (*condition, statement.value, *computed(statement.index))
        case Combine():
            return (statement.value, *_place_of(statement.target))
        case CombineExactly():
            return (statement.value, *_place_of(statement.total), *_place_of(statement.error))
        case Close():
            return () if statement.error is None else (statement.error,)
        case Update():
            return tuple(statement.values)
        case Fill():
            return _computed_parts(statement.view)
        case Product():
            views = (statement.target, statement.left, statement.right)
            return tuple(value for view in views for value in _computed_parts(view))
        case Return():
            return tuple(value for _, value in statement.values if not isinstance(value, str))
    return ()


def computed(place: Place) -> tuple[Let, ...]:
    """The indices that are values."""
    return tuple(at for at in place if isinstance(at, Let))


def _computed_parts(view: View) -> tuple[Let, ...]:
    return tuple(part for part in view.parts if isinstance(part, Let))


def _place_of(target: Target) -> tuple[Let, ...]:
    return computed(target.index) if isinstance(target, Load) else ()


def sizes_in(statement: Statement, read: list[Expression], arrays: Mapping[str, Type]) -> Iterator[Size]:
    """The names and formulas of whole numbers that a statement needs; `read` is what it reads."""
    for value in read:
        match value:
            case Let() | Apply():
                pass
            case Load():
                yield from _sizes_of(value.index)
            case IndexValue():
                yield value.at.offset
            case InRange():
                yield value.size
    match statement:
        case Let():
            return
        case Define() if not isinstance(statement.value, Extent | Let):
            yield statement.value
        case For():
            yield from (statement.start, statement.stop, statement.step)
        case Allocate() | Reshape():
            yield from arrays[statement.array].shape
        case Choose():
            yield from arrays[statement.array].shape
            yield statement.number
        case Store():
            yield from _sizes_of(statement.index)
        case Combine():
            yield from _sizes_of(_index_of(statement.target))
        case CombineExactly():
            yield from _sizes_of((*_index_of(statement.total), *_index_of(statement.error)))
        case Fill():
            yield from _sizes_of(statement.view.parts)
        case Routine():
            for array in (statement.array, *statement.sources):
                yield from arrays[array].shape
        case Product():
            for view in (statement.target, statement.left, statement.right):
                yield from arrays[view.array].shape
                yield from _sizes_of(view.parts)
            yield statement.before


def _sizes_of(parts: Iterable[Affine | Range | Let | None]) -> Iterator[Size]:
    for part in parts:
        if isinstance(part, Affine):
            yield part.offset
        elif isinstance(part, Range):
            yield from (part.start, part.stop)


def _index_of(target: Target) -> Place:
    return target.index if isinstance(target, Load) else ()
