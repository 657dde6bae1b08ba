"""What goes through whole arrays along an axis, as loops: recurrences, the largest so far, sorting, search."""

from __future__ import annotations

from collections.abc import Callable

from gradc.ir.affine import FIRST, Affine
from gradc.ir.ops import others
from gradc.ir.sizes import Shape, Size, derive
from gradc.ir.types import Type
from gradc.loops.ir import (
    Allocate,
    Apply,
    Carry,
    Define,
    Expression,
    For,
    IndexValue,
    Let,
    Load,
    Number,
    Open,
    Statement,
    Store,
    Update,
)
from gradc.schedule.nest import Scan

MAX_LEVELS = 40
"""The most times that a size can be halved before it is 1."""

LEVELS_A_LINE = 4
"""How many of them are counted in a line of the program."""

NewName = Callable[[str], str]


class Block:
    """Statements that are written one after the other."""

    def __init__(self) -> None:
        self.statements: list[Statement] = []

    def let(self, op: str, *args: Expression, dtype: str = "") -> Let:
        made = Let(Apply(op, args, dtype or args[-1].dtype), dtype or args[-1].dtype)
        self.statements.append(made)
        return made

    def holds(self, op: str, *args: Expression) -> Let:
        return self.let(op, *args, dtype="bool")

    def value(self, value: Expression) -> Let:
        made = Let(value, value.dtype)
        self.statements.append(made)
        return made

    def load(self, array: str, place: tuple[Affine | Let, ...], dtype: str) -> Let:
        return self.value(Load(array, place, dtype))

    def at(self, size: Size | Affine) -> Let:
        """A whole number as a value."""
        return self.value(IndexValue(size if isinstance(size, Affine) else Affine(None, 0, size), "i64"))

    def add(self, *statements: Statement) -> None:
        self.statements += statements


def expand_scan(step: Scan, arrays: dict[str, Type], new_name: NewName) -> list[Statement]:
    return EXPANSIONS[step.op](step, arrays, new_name)


def _rows(shape: Shape, axis: int, new_name: NewName) -> tuple[list[str], Callable[[list[Statement]], list[Statement]]]:
    """Loop variables for the axes, and what puts statements inside loops over all axes but one."""
    variables = [new_name("i") for _ in shape]

    def around(body: list[Statement]) -> list[Statement]:
        for k in reversed(others(len(shape), (axis,))):
            body = [For(variables[k], 0, shape[k], 1, body)]
        return body

    return variables, around


def recur(step: Scan, arrays: dict[str, Type], new_name: NewName) -> list[Statement]:
    """`array[k] = a[k] * array[k - 1] + b[k]`; float32 is carried on in f64."""
    type = arrays[step.array]
    axis, backwards = step.attrs
    variables, around = _rows(type.shape, axis, new_name)
    place = tuple(map(Affine, variables))
    size = type.shape[axis]
    start, stop, by = (derive("-", size, 1), -1, -1) if backwards else (0, size, 1)
    carry = Carry(step.array, "f64")
    inner = Block()
    a, b = (_as(inner, "f64", inner.load(source, place, type.dtype)) for source in step.sources)
    total = inner.let("add", inner.let("mul", a, carry), b)
    inner.add(Store(step.array, place, _as(inner, type.dtype, total)), Update([carry], [total]))
    return around([Open(carry, Number(0.0, "f64")), For(variables[axis], start, stop, by, inner.statements)])


def running_argmax(step: Scan, arrays: dict[str, Type], new_name: NewName) -> list[Statement]:
    """`array[k]` is the place of the first largest element up to k; the first NaN is larger than anything."""
    (source,), (axis,) = step.sources, step.attrs
    type = arrays[step.array]
    dtype = arrays[source].dtype
    variables, around = _rows(type.shape, axis, new_name)
    place = tuple(map(Affine, variables))
    best, at = Carry(step.array, dtype), Carry(step.array, "i64")
    inner = Block()
    x = inner.load(source, place, dtype)
    first_nan = _both(inner, inner.holds("ne", x, x), inner.holds("eq", best, best))
    new = inner.holds("or", inner.holds("gt", x, best), first_nan)
    here = inner.let("where", new, inner.at(Affine(variables[axis])), at)
    inner.add(Store(step.array, place, here), Update([best, at], [inner.let("where", new, x, best), here]))
    opened: list[Statement] = [Open(best, Number(float("-inf"), dtype)), Open(at, Number(0, "i64"))]
    return around([*opened, For(variables[axis], 0, type.shape[axis], 1, inner.statements)])


def argsort(step: Scan, arrays: dict[str, Type], new_name: NewName) -> list[Statement]:
    """The order of a row by merging runs that double from level to level, back and forth between two rows;
    equal elements keep their order, and NaN comes last, as in NumPy."""
    (source,), (axis,) = step.sources, step.attrs
    type = arrays[step.array]
    dtype, size = arrays[source].dtype, type.shape[axis]
    variables, around = _rows(type.shape, axis, new_name)
    places, keys = new_name("places"), new_name("keys")
    arrays[places], arrays[keys] = Type("i64", (2, size)), Type(dtype, (2, size))
    k = variables[axis]
    levels, defined = _halvings(derive("-", size, 1), new_name)
    half, parity = Carry(places, "i64"), Carry(places, "i64")
    start, left = Carry(places, "i64"), Carry(places, "i64")

    level = Block()
    from_row, double = level.value(parity), level.let("add", half, half)
    to_row = level.let("sub", Number(1, "i64"), parity)
    one, width, end = level.value(half), level.at(size), level.at(derive("-", size, 1))
    inner = Block()
    at = inner.at(Affine(k))
    fresh = inner.holds("eq", inner.let("sub", at, start), double)
    first = inner.let("where", fresh, at, start)
    i = inner.let("where", fresh, at, left)
    middle = inner.let("minimum", inner.let("add", first, one), width)
    stop = inner.let("minimum", inner.let("add", first, double), width)
    j = inner.let("sub", inner.let("add", middle, at), i)
    sides = [(from_row, inner.let("minimum", each, end)) for each in (i, j)]
    ours, theirs = (inner.load(places, side, "i64") for side in sides)
    x, y = (inner.load(keys, side, dtype) for side in sides)
    later = _both(inner, inner.holds("ne", x, x), inner.holds("eq", y, y))
    less = inner.holds("or", inner.holds("lt", y, x), later)
    takes = _both(inner, inner.holds("lt", j, stop), inner.holds("or", inner.holds("ge", i, middle), less))
    inner.add(Store(places, (to_row, Affine(k)), inner.let("where", takes, theirs, ours)))
    inner.add(Store(keys, (to_row, Affine(k)), inner.let("where", takes, y, x)))
    inner.add(Update([start, left], [first, inner.let("where", takes, i, inner.let("add", i, Number(1, "i64")))]))
    level.add(Open(start, Number(0, "i64")), Open(left, Number(0, "i64")), For(k, 0, size, 1, inner.statements))
    level.add(Update([half, parity], [double, to_row]))

    begin, finish = Block(), Block()
    begin.add(Store(places, (FIRST, Affine(k)), begin.at(Affine(k))))
    begin.add(Store(keys, (FIRST, Affine(k)), begin.load(source, tuple(map(Affine, variables)), dtype)))
    found = Let(parity, "i64")
    finish.add(Store(step.array, tuple(map(Affine, variables)), finish.load(places, (found, Affine(k)), "i64")))
    row: list[Statement] = [
        For(k, 0, size, 1, begin.statements),
        Open(half, Number(1, "i64")),
        Open(parity, Number(0, "i64")),
        For(new_name("level"), 0, levels, 1, level.statements),
        found,
        For(k, 0, size, 1, finish.statements),
    ]
    return [*defined, Allocate(places, False), Allocate(keys, False), *around(row)]


def searchsorted(step: Scan, arrays: dict[str, Type], new_name: NewName) -> list[Statement]:
    """For each value how many elements of a sorted array come before it, or before what follows it, by halving."""
    (table, values), (from_right,) = step.sources, step.attrs
    (size,) = arrays[table].shape
    dtype, shape = arrays[table].dtype, arrays[step.array].shape
    variables = [new_name("i") for _ in shape]
    place = tuple(map(Affine, variables))
    levels, defined = _halvings(size, new_name)
    low, high = Carry(step.array, "i64"), Carry(step.array, "i64")
    body, inner = Block(), Block()
    value, end = body.load(values, place, dtype), body.at(derive("-", size, 1))
    middle = inner.let("floordiv", inner.let("add", low, high), Number(2, "i64"))
    x = inner.load(table, (inner.let("minimum", middle, end),), dtype)
    before = inner.holds("not", inner.holds("lt", value, x) if from_right else inner.holds("le", value, x))
    goes = _both(inner, inner.holds("lt", low, high), before)
    above = inner.let("where", goes, inner.let("add", middle, Number(1, "i64")), low)
    inner.add(Update([low, high], [above, inner.let("where", goes, high, middle)]))
    body.add(Open(low, Number(0, "i64")), Open(high, Number(0, "i64")), Update([high], [body.at(size)]))
    body.add(For(new_name("level"), 0, levels, 1, inner.statements), Store(step.array, place, low))
    made: list[Statement] = body.statements
    for variable, length in reversed(list(zip(variables, shape))):
        made = [For(variable, 0, length, 1, made)]
    return [*defined, *made]


EXPANSIONS = {each.__name__: each for each in (recur, running_argmax, argsort, searchsorted)}


def _both(block: Block, one: Let, other: Let) -> Let:
    return block.holds("and", one, other)


def _as(block: Block, dtype: str, value: Let) -> Let:
    return value if value.dtype == dtype else block.let("cast", value, dtype=dtype)


def _halvings(size: Size, new_name: NewName) -> tuple[Size, list[Statement]]:
    """How many times a size can be halved until nothing is left, and what computes it."""
    if isinstance(size, int):
        return max(size, 0).bit_length(), []
    whole, levels = new_name("length"), ""
    made: list[Statement] = [Define(whole, derive("max", size, 0))]
    total: Size = 0
    for _ in range(MAX_LEVELS // LEVELS_A_LINE):
        for k in range(LEVELS_A_LINE):
            total = derive("+", total, derive("min", derive("//", whole, 2**k), 1))
        levels, rest = new_name("levels"), new_name("length")
        made += [Define(levels, total), Define(rest, derive("//", whole, 2**LEVELS_A_LINE))]
        total, whole = levels, rest
    return levels, made
