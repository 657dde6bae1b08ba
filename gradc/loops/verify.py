"""A grammar of the loop IR: what every statement must be, and what must have happened before it.

A kernel that breaks it is a fault of ours, found here instead of in what an engine makes of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from gradc.ir.affine import Affine
from gradc.ir.ops import OPS
from gradc.ir.sizes import Size, names, product
from gradc.ir.types import Type, shape_text
from gradc.ir.verify import IllFormed
from gradc.loops.ir import (
    Accumulator,
    Allocate,
    Apply,
    Carry,
    Cell,
    Choose,
    Close,
    Combine,
    CombineExactly,
    Define,
    Expression,
    Extent,
    Fill,
    For,
    Guard,
    IndexValue,
    InRange,
    Kernel,
    Leave,
    Let,
    Load,
    Open,
    Place,
    Product,
    Range,
    Reshape,
    Return,
    Routine,
    Settled,
    Statement,
    Store,
    Tabulate,
    Target,
    Update,
    Variable,
    View,
    every,
    read_by,
    sizes_in,
)
from gradc.loops.order import ORDERS, Orders
from gradc.loops.routines import ROUTINES
from gradc.loops.text import lines


def verify_kernel(kernel: Kernel) -> None:
    """Raise `IllFormed`, which shows the line and says what is wrong with it, if the kernel is not well formed."""
    if not kernel.body or not isinstance(kernel.body[-1], Return):
        raise _ill_formed(kernel, 0, "the kernel does not end with what it returns")
    checker = _Checker(kernel)
    for number, statement in enumerate(every(kernel.body)):
        wrong = checker.problem(statement)
        if wrong is not None:
            raise _ill_formed(kernel, number + 1, wrong)


def _ill_formed(kernel: Kernel, number: int, wrong: str) -> IllFormed:
    """What is wrong with a line, counted from that of the inputs."""
    text = [text for _, text in lines(kernel)][number]
    return IllFormed(f"loops, line {number + 1}: {text.strip()}\n  {wrong}")


@dataclass
class _Scope:
    """The body of a loop, or of the kernel: its statements that are still to come, and what is known inside it."""

    left: int
    loop: For | None = None
    values: set[Let | Cell] = field(default_factory=set)
    arrays: set[str] = field(default_factory=set)
    sizes: set[str] = field(default_factory=set)
    fed: set[Cell] = field(default_factory=set)


class _Checker:
    """Sees the statements in order, each once."""

    def __init__(self, kernel: Kernel):
        self.kernel = kernel
        self.scalars = {node.name: node.type.dtype for node in kernel.inputs if not node.shape}
        self.inputs = {node.name for node in kernel.inputs}
        self.orders = Orders(kernel)
        self.same: dict[Size, Size] = {}
        self.unsettled: set[Accumulator] = set()
        self.once: set[Let] = set()
        made = {node.name for node in kernel.inputs if node.shape}
        self.scopes = [_Scope(len(kernel.body), arrays=made)]

    def problem(self, statement: Statement) -> str | None:
        """What is wrong with the next statement, or None."""
        while not self.scopes[-1].left:
            self.scopes.pop()
        self.scopes[-1].left -= 1
        wrong = next(self._problems(statement), None)
        if wrong is None and isinstance(statement, For):
            self._enter(statement)
        return wrong

    def _enter(self, loop: For) -> None:
        inner = _Scope(len(loop.body), loop, sizes={loop.variable})
        opened = {s.cell for s in every(loop.body) if isinstance(s, Open)}
        for statement in every(loop.body):
            if isinstance(statement, Combine) and isinstance(statement.target, Accumulator):
                inner.fed |= {statement.target} - opened
            elif isinstance(statement, CombineExactly):
                inner.fed |= {t for t in (statement.total, statement.error) if isinstance(t, Accumulator)} - opened
        self.scopes.append(inner)

    # ------------------------------------------------------------ what is known

    def _knows(self, value: Let | Cell) -> bool:
        return any(value in scope.values for scope in self.scopes)

    def _has(self, array: str) -> bool:
        return any(array in scope.arrays for scope in self.scopes)

    def _unknown_sizes(self, size: Size) -> list[str]:
        return [name for name in names(size) if not any(name in scope.sizes for scope in self.scopes)]

    # ------------------------------------------------------------ what is wrong

    def _problems(self, statement: Statement) -> Iterator[str]:
        read = read_by(statement)
        for size in sizes_in(statement, read, self.kernel.arrays):
            yield from (f"the size `{name}` is not known here" for name in self._unknown_sizes(size))
        for value in read:
            yield from self._of_value(value)
        match statement:
            case Let():
                yield from self._of_let(statement)
            case Define():
                if any(statement.name in scope.sizes for scope in self.scopes):
                    yield f"the size `{statement.name}` is named twice"
                if isinstance(statement.value, Let):
                    yield from _typed(statement.value, "i64", "a size")
                self.scopes[-1].sizes.add(statement.name)
            case Guard():
                yield from _typed(statement.wrong, "bool", "a condition")
                self._note_equal(statement.wrong)
            case Allocate():
                yield from self._made(statement.array)
            case Tabulate():
                yield from self._made(statement.array)
                self.inputs.add(statement.array)
                if len(statement.values) != product(self.kernel.arrays[statement.array].shape):
                    yield f"`{statement.array}` has another number of elements"
            case Choose():
                for array in (statement.first, statement.others):
                    yield from self._of_array(array)
                yield from self._made(statement.array)
                types = [self.kernel.arrays[array] for array in (statement.array, statement.first, statement.others)]
                if types[0] != types[1] or types[0].shape != types[2].shape[1:]:
                    yield f"`{statement.array}` has another type than what it is chosen from"
            case Reshape():
                yield from self._of_array(statement.source)
                yield from self._made(statement.array)
                yield from _typed(self._element(statement.source), self._dtype(statement.array), "the source")
            case Fill():
                yield from self._of_view(statement.view, written=True)
                yield from _typed(statement.value, self._dtype(statement.view.array), "the number")
            case Store():
                yield from self._of_element(statement.array, statement.index, written=True)
                yield from _typed(statement.value, self._dtype(statement.array), "the value")
                if statement.condition is not None:
                    yield from _typed(statement.condition, "bool", "a condition")
            case Product():
                yield from self._of_product(statement)
            case Routine():
                yield from self._of_routine(statement)
            case Open():
                yield from self._of_open(statement)
            case Combine():
                yield from self._of_target(statement.target, statement.op)
                yield from _typed(statement.value, _running(statement.target), "the term")
            case CombineExactly():
                yield from self._of_exact(statement)
            case Close():
                yield from self._of_close(statement)
            case Update():
                yield from self._of_update(statement)
            case Leave():
                yield from self._of_leave(statement)
            case For():
                yield from self._of_loop(statement)
            case Return():
                yield from self._of_return(statement)

    def _of_value(self, value: Expression) -> Iterator[str]:
        match value:
            case Let():
                if not self._knows(value):
                    yield "a value is used before it is defined, or after its loop"
            case Carry():
                if not self._knows(value):
                    yield "a carry is read before it is opened, or after its loop's body"
            case Accumulator():
                if not self._knows(value):
                    yield "an accumulator is read before it is opened"
                elif value.part != "running" and any(value in scope.fed for scope in self.scopes):
                    yield "a reduction is read before it has ended"
                elif value in self.unsettled and value.part == "total":
                    yield "a sum is read before it is closed"
            case Variable():
                if self.scalars.get(value.name) != value.dtype:
                    yield f"there is no scalar input `{value.name}` of type {value.dtype}"
            case Load():
                yield from self._of_element(value.array, value.index, written=False)
                yield from _typed(value, self._dtype(value.array), "the element")
            case Extent():
                yield from self._of_array(value.array)
                if not value.axis < self.kernel.arrays[value.array].rank:
                    yield f"`{value.array}` has no axis {value.axis}"
            case IndexValue():
                yield from self._of_index(value.at)
            case InRange():
                yield from _typed(value.index, "i64", "an index")
            case Apply():
                yield from _of_apply(value)
            case Settled():
                yield from _typed(value.error, "f64", "a rounding error")

    def _of_let(self, let: Let) -> Iterator[str]:
        if let in self.once:
            yield "this value is defined twice"
        yield from _typed(let.value, let.dtype, "the value")
        self.once.add(let)
        self.scopes[-1].values.add(let)

    def _made(self, array: str) -> Iterator[str]:
        if self._has(array):
            yield f"the array `{array}` is made twice"
        if array not in self.kernel.arrays:
            yield f"the array `{array}` has no type"
        self.scopes[-1].arrays.add(array)

    def _of_array(self, array: str) -> Iterator[str]:
        if array not in self.kernel.arrays:
            yield f"there is no array `{array}`"
        elif not self._has(array):
            yield f"the array `{array}` is used before it is made"

    def _of_element(self, array: str, index: Place, written: bool) -> Iterator[str]:
        yield from self._of_array(array)
        if written and array in self.inputs:
            yield f"the input `{array}` is written to"
        rank = self.kernel.arrays[array].rank
        if len(index) != rank:
            yield f"`{array}` has {rank} axes and {len(index)} indices"
        for at in index:
            yield from self._of_index(at)

    def _of_index(self, at: Affine | Let) -> Iterator[str]:
        if isinstance(at, Let):
            if not self._knows(at):
                yield "a value is used before it is defined, or after its loop"
            yield from _typed(at, "i64", "an index")
        elif at.var is not None and not any(at.var in scope.sizes for scope in self.scopes):
            yield f"there is no loop over `{at.var}` here"

    def _of_view(self, view: View, written: bool) -> Iterator[str]:
        yield from self._of_array(view.array)
        if written and view.array in self.inputs:
            yield f"the input `{view.array}` is written to"
        rank = self.kernel.arrays[view.array].rank
        if len(view.parts) != rank:
            yield f"`{view.array}` has {rank} axes and {len(view.parts)} parts"
        for part in view.parts:
            if isinstance(part, Affine | Let):
                yield from self._of_index(part)

    def _of_product(self, product: Product) -> Iterator[str]:
        target = product.target
        if product.error:
            yield from self._of_view(View(product.error, target.parts), written=True)
            if any(part is not None for part in target.parts) or not self._has(target.array):
                yield "a product is added to a whole array that is there"
        elif not self._has(target.array) and all(part is None for part in target.parts):
            yield from self._made(target.array)
        sides = (product.left, product.right)
        for view in (target, *sides):
            yield from self._of_view(view, written=view is target)
        if any(len(self._shape(view)) != 2 for view in (target, *sides)):
            yield "a product is one of matrices"
        (rows, contracted), (again, columns) = map(self._shape, sides)
        if contracted != again or (rows, columns) != self._shape(target):
            shapes = (shape_text(self._shape(view)) for view in (*sides, target))
            yield "shapes {} and {} do not multiply to {}".format(*shapes)

    def _of_routine(self, statement: Routine) -> Iterator[str]:
        arrays = self.kernel.arrays
        for array in (statement.array, *statement.sources):
            yield from self._of_array(array)
        if statement.op not in ROUTINES:
            yield f"there is no routine `{statement.op}`"
        elif statement.array in self.inputs:
            yield f"the input `{statement.array}` is written to"
        elif len(statement.sources) != len(OPS[statement.op].params):
            yield f"`{statement.op}` takes {len(OPS[statement.op].params)} arrays"
        elif OPS[statement.op].infer(tuple(arrays[name] for name in statement.sources), ()) != arrays[statement.array]:
            yield f"`{statement.op}` does not give {arrays[statement.array]}"

    def _shape(self, view: View) -> tuple[Size, ...]:
        """The shape of a part of an array; a span has the length that the kernel names, where it does."""
        whole = self.kernel.arrays[view.array].shape
        shape = tuple(
            self._length(part) if isinstance(part, Range) else size
            for part, size in zip(view.parts, whole)
            if part is None or isinstance(part, Range)
        )
        return tuple(map(self._known_as, shape[::-1] if view.transposed else shape))

    def _note_equal(self, wrong: Expression) -> None:
        """A guard against two sizes that differ makes them the same from there on."""
        match wrong:
            case Apply(op="ne", args=(IndexValue() as left, IndexValue() as right)):
                one, other = (self._known_as(value.at.offset) for value in (left, right))
                if one != other:
                    self.same[one] = other

    def _known_as(self, size: Size) -> Size:
        while size in self.same:
            size = self.same[size]
        return size

    def _length(self, span: Range) -> Size:
        from_to = {value: name for name, value in self.orders.defined.items() if not isinstance(value, Extent)}
        return from_to.get(span.length, span.length)

    def _of_open(self, statement: Open) -> Iterator[str]:
        cell = statement.cell
        if isinstance(cell, Accumulator):
            yield from _of_reduction(cell.op)
            yield from _typed(statement.value, cell.running_dtype, "the first value")
        else:
            yield from self._of_array(cell.array) if cell.array else ()
            yield from self._of_value(statement.value)
            yield from _typed(statement.value, cell.dtype, "the first value")
        self.scopes[-1].values.add(cell)

    def _of_target(self, target: Target, op: str) -> Iterator[str]:
        yield from _of_reduction(op)
        if isinstance(target, Load):
            yield from self._of_element(target.array, target.index, written=True)
            yield from _typed(target, self._dtype(target.array), "the element")
        elif not self._knows(target):
            yield "terms are combined into an accumulator that is not open"
        elif target.op != op:
            yield f"terms of a {op} are combined into a {target.op}"
        elif target.op == "sum" and target.dtype != "f64":
            self.unsettled.add(target)

    def _of_exact(self, statement: CombineExactly) -> Iterator[str]:
        for target in (statement.total, statement.error):
            yield from self._of_target(target, "sum")
        yield from _typed(statement.value, _running(statement.total), "the term")
        if isinstance(statement.total, Accumulator):
            self.unsettled.add(statement.total)

    def _of_close(self, statement: Close) -> Iterator[str]:
        if not self._knows(statement.total):
            yield "an accumulator is closed that is not open"
        if any(statement.total in scope.fed for scope in self.scopes):
            yield "a sum is closed before its loop has ended"
        self.unsettled.discard(statement.total)

    def _of_update(self, statement: Update) -> Iterator[str]:
        if len(statement.carries) != len(statement.values):
            yield f"{len(statement.carries)} carries take {len(statement.values)} values"
        for carry, value in zip(statement.carries, statement.values):
            yield from self._of_value(carry)
            yield from _typed(value, carry.dtype, "the value")

    def _of_leave(self, statement: Leave) -> Iterator[str]:
        loop = self.scopes[-1].loop
        if loop is None:
            yield "there is no loop to leave here"
        elif loop.order != "sequential":
            yield f"a {loop.order} loop is not left before its end"
        elif loop.body[-1] is not statement:
            yield "a loop is left at the end of its body"
        yield from _typed(statement.condition, "bool", "a condition")

    def _of_loop(self, loop: For) -> Iterator[str]:
        if loop.step == 0:
            yield "a loop has a step"
        if any(loop.variable in scope.sizes for scope in self.scopes):
            yield f"the name `{loop.variable}` is taken"
        least = self.orders.least(loop)
        if ORDERS.index(least) > ORDERS.index(loop.order):
            yield f"the iterations of this loop need a {least} order"

    def _of_return(self, statement: Return) -> Iterator[str]:
        if len(self.scopes) > 1 or self.scopes[0].left:
            yield "statements follow the return"
        for _, value in statement.values:
            if isinstance(value, str):
                yield from self._of_array(value)

    def _dtype(self, array: str) -> str:
        return self.kernel.arrays[array].dtype

    def _element(self, array: str) -> Load:
        return Load(array, (), self._dtype(array))


def _typed(value: Expression, dtype: str, what: str) -> Iterator[str]:
    if value.dtype != dtype:
        yield f"{what} is {value.dtype}, not {dtype}"


def _running(target: Target) -> str:
    return target.running_dtype if isinstance(target, Accumulator) else target.dtype


def _of_reduction(op: str) -> Iterator[str]:
    if op not in OPS or not OPS[op].combine:
        yield f"`{op}` is no reduction that runs over its terms"


def _of_apply(value: Apply) -> Iterator[str]:
    row = OPS.get(value.op)
    if row is None or len(row.params) != len(value.args):
        yield f"there is no op `{value.op}` of {len(value.args)} values"
        return
    types = tuple(Type(arg.dtype) for arg in value.args)
    conditions, numbers = types[: row.conditions], types[row.conditions :]
    if any(type.dtype != "bool" for type in conditions) or len(set(numbers)) > 1:
        yield f"`{value.op}` does not go with {', '.join(map(str, types))}"
    else:
        dtype = row.infer(types, (value.dtype,)).dtype
        if dtype != value.dtype:
            yield f"`{value.op}` of {', '.join(map(str, types))} is {dtype}, not {value.dtype}"
