"""What orders the iterations of a loop: nothing, terms that are combined into the same numbers, or more.

Iterations are independent as far as each writes elements of its own: through an index that the loop's variable moves,
or that runs over the block or the tile that begins at it. What an iteration makes anew, and scratch arrays that nothing
outside the loop touches, are its own as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from gradc.ir.affine import Affine
from gradc.ir.sizes import Derived, Size, derive, names
from gradc.loops.ir import (
    Accumulator,
    Allocate,
    Choose,
    Close,
    Combine,
    CombineExactly,
    Define,
    Expression,
    Extent,
    Fill,
    For,
    Kernel,
    Let,
    Load,
    Open,
    Order,
    Product,
    Range,
    Reshape,
    Return,
    Routine,
    Statement,
    Store,
    Tabulate,
    Update,
    read_by,
)

ORDERS: tuple[Order, ...] = ("parallel", "reduction", "sequential")
"""From the least order to the most."""

Parts = tuple[Affine | Range | Let | None, ...]
Touch = tuple[str, str, Parts]
"""An array, whether it is read, made, written into or added into, and where."""


def in_order(kernel: Kernel) -> Kernel:
    """The same kernel, each of its loops with the least order that it needs."""
    if any(isinstance(statement, For) for statement in kernel.body):
        orders = Orders(kernel)
        for loop in orders.bodies:
            loop.order = orders.least(loop)
    return kernel


class Orders:
    """What the loops of a kernel share. Every statement is looked at once; the body of a loop is a range of them."""

    def __init__(self, kernel: Kernel):
        self.statements: list[Statement] = []
        self.touches: list[tuple[Touch, ...]] = []
        self.accumulators: list[tuple[Accumulator, ...]] = []
        self.bodies: dict[For, range] = {}
        self.touched: Counter[str] = Counter()
        self._look_at(kernel.body)
        self.defined = {s.name: s.value for s in self.statements if isinstance(s, Define)}
        self.handed_out = {node.name for node in kernel.inputs}
        last = kernel.body[-1] if kernel.body else None
        if isinstance(last, Return):
            self.handed_out |= {value for _, value in last.values if isinstance(value, str)}

    def _look_at(self, body: list[Statement]) -> None:
        """The statements and those inside them, in order."""
        stack: list[tuple[Iterator[Statement], For | None, int]] = [(iter(body), None, 0)]
        while stack:
            statements, loop, start = stack[-1]
            for statement in statements:
                read = read_by(statement)
                found = tuple(touches(statement, read))
                self.touched.update(array for array, how, _ in found if how != "made")
                self.statements.append(statement)
                self.touches.append(found)
                self.accumulators.append(tuple(value for value in read if isinstance(value, Accumulator)))
                if isinstance(statement, For):
                    stack.append((iter(statement.body), statement, len(self.statements)))
                    break
            else:
                stack.pop()
                if loop is not None:
                    self.bodies[loop] = range(start, len(self.statements))

    def least(self, loop: For) -> Order:
        """The least order of a loop."""
        inside = self.bodies[loop]
        orders = [self._order_of_cells(inside), *self._orders_of_arrays(loop)]
        return max(orders, key=ORDERS.index)

    def shared(self, loop: For) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The arrays, made outside of a loop, in whose elements its iterations meet: those into which they only add
        terms, and scratch, which they use one after the other, each for itself."""
        met = list(self._met(loop))
        gathered = [array for array, hows in met if all(how.startswith("add") for how in hows)]
        return tuple(gathered), tuple(array for array, _ in met if array not in gathered)

    def is_inside(self, array: str, loop: For) -> bool:
        """Whether nothing outside of a loop touches an array after it is made."""
        inside = sum(touch[0] == array and touch[1] != "made" for k in self.bodies[loop] for touch in self.touches[k])
        return inside == self.touched[array] and array not in self.handed_out

    def _met(self, loop: For) -> Iterator[tuple[str, set[str]]]:
        """The arrays in whose elements iterations of a loop meet, and how they touch those."""
        varying = self._varying(loop)
        for array, touches in self._touched_in(loop).items():
            hows = {how for _, how, _ in touches}
            if touches[0][1] != "made" and hows != {"read"} and not self._are_own(touches, loop, *varying):
                yield array, hows

    def _order_of_cells(self, inside: range) -> Order:
        statements = [self.statements[k] for k in inside]
        own: set[object] = {s.cell for s in statements if isinstance(s, Open)}
        fed: set[object] = set()
        order: Order = "parallel"
        for statement in statements:
            match statement:
                case Combine(target=Accumulator() as total) | CombineExactly(total=Accumulator() as total):
                    if total not in own:
                        fed |= {total}
                        fed |= {statement.error} if isinstance(statement, CombineExactly) else set()
                        order = "sequential" if total.part == "running" else max(order, "reduction", key=ORDERS.index)
                case Update() if not own.issuperset(statement.carries):
                    return "sequential"
                case Close() if statement.total not in own:
                    return "sequential"
        is_read = any(value in fed for k in inside for value in self.accumulators[k])
        return "sequential" if is_read else order

    def _orders_of_arrays(self, loop: For) -> Iterator[Order]:
        shared = [touches for array, touches in self._touched_in(loop).items() if self._is_shared(array, touches)]
        varying = self._varying(loop) if shared else ({}, set())
        for touches in shared:
            if not self._are_own(touches, loop, *varying):
                hows = {how for _, how, _ in touches}
                yield "reduction" if len(hows) == 1 and min(hows).startswith("add") else "sequential"

    def _touched_in(self, loop: For) -> dict[str, list[Touch]]:
        """How the iterations of a loop touch each array."""
        met: dict[str, list[Touch]] = {}
        for k in self.bodies[loop]:
            for touch in self.touches[k]:
                met.setdefault(touch[0], []).append(touch)
        return met

    def _varying(self, loop: For) -> tuple[dict[str, For], set[str]]:
        """The loops inside a loop, and the whole numbers that differ from iteration to iteration."""
        statements = [self.statements[k] for k in self.bodies[loop]]
        inner = {s.variable: s for s in statements if isinstance(s, For)}
        return inner, {loop.variable, *inner, *(s.name for s in statements if isinstance(s, Define))}

    def _are_own(self, touches: list[Touch], loop: For, inner: dict[str, For], varying: set[str]) -> bool:
        """Whether no two iterations of a loop touch the same element."""
        axes = zip(*(parts for _, _, parts in touches))
        return any(self._is_own(parts, loop, inner, varying) for parts in axes)

    def _is_shared(self, array: str, touches: list[Touch]) -> bool:
        """Whether iterations may meet in an array: they write to it, and it is no scratch of each iteration."""
        first = touches[0][1]
        if first == "made" or all(how == "read" for _, how, _ in touches):
            return False
        is_scratch = len(touches) == self.touched[array] and array not in self.handed_out
        return not is_scratch or first == "read" or first.startswith("add")

    def _is_own(self, parts: Parts, loop: For, inner: dict[str, For], varying: set[str]) -> bool:
        """Whether no two iterations of the loop meet in these parts of an axis: all are the same element, or the same
        range, that the loop's variable moves."""
        ways = {self._moves(part, loop, inner, varying) for part in parts}
        return len(ways) == 1 and None not in ways

    def _moves(
        self, part: Affine | Range | Let | None, loop: For, inner: dict[str, For], varying: set[str]
    ) -> tuple[object, ...] | None:
        """How a part of an axis moves with the loop's variable; None if it may not."""
        match part:
            case Range():
                return ("range", 1, 0) if self._is_range(part.start, part.stop, loop) else None
            case Affine(var=None):
                shift = _shift(part.offset, loop.variable)
                return None if shift is None else ("element", 1, shift)
            case Affine(var=str() as variable):
                if part.step == 0:
                    return None
                is_fixed = varying.isdisjoint(names(part.offset))
                if variable == loop.variable:
                    return ("element", part.step, part.offset) if is_fixed else None
                if variable not in inner:
                    return None
                start, stop = inner[variable].start, inner[variable].stop
                if self._is_range(start, stop, loop):
                    return ("range", part.step, part.offset) if is_fixed else None
                if start == 0 and self._is_range(loop.variable, self._end_of(stop, loop), loop):
                    shift = _shift(part.offset, derive("*", loop.variable, part.step))
                    return None if shift is None else ("range", part.step, shift)
        return None

    def _is_range(self, start: Size, stop: Size, loop: For) -> bool:
        """Whether a range begins with the loop's variable and ends before that of the next iteration begins."""
        stop = self._meaning(stop)
        is_least = (
            isinstance(stop, Derived) and stop.op == "min" and stop.left == Derived("+", loop.variable, loop.step)
        )
        return is_least and start == loop.variable

    def _end_of(self, length: Size, loop: For) -> Size:
        """Where a range of this length ends that begins with the loop's variable, if the formula says so."""
        length = self._meaning(length)
        is_difference = isinstance(length, Derived) and length.op == "-" and length.right == loop.variable
        return length.left if is_difference and isinstance(length, Derived) else 0

    def _meaning(self, size: Size) -> Size:
        value = self.defined.get(size, size) if isinstance(size, str) else size
        return size if isinstance(value, Extent | Let) else value


def _shift(size: Size, by: Size) -> int | None:
    """The number that is added to `by` to make a size; None if there is none."""
    if size == by:
        return 0
    if isinstance(size, Derived) and size.op in "+-" and size.left == by and isinstance(size.right, int):
        return size.right if size.op == "+" else -size.right
    return None


def touches(statement: Statement, read: list[Expression]) -> Iterator[Touch]:
    """The arrays that a statement reads, makes, writes into or adds into, and where."""
    for value in read:
        if isinstance(value, Load):
            yield value.array, "read", value.index
    match statement:
        case Allocate() | Tabulate():
            yield statement.array, "made", ()
        case Reshape():
            yield statement.source, "read", ()
            yield statement.array, "made", ()
        case Choose():
            yield statement.first, "read", ()
            yield statement.others, "read", ()
            yield statement.array, "made", ()
        case Fill():
            yield statement.view.array, "written", statement.view.parts
        case Store():
            yield statement.array, "written", statement.index
        case Product():
            for view in (statement.left, statement.right):
                yield view.array, "read", view.parts
            if statement.error:
                yield statement.target.array, "added exactly", statement.target.parts
                yield statement.error, "added exactly", statement.target.parts
                return
            is_whole = all(part is None for part in statement.target.parts)
            yield statement.target.array, "made" if is_whole else "written", statement.target.parts
        case Routine():
            for source in statement.sources:
                yield source, "read", ()
            yield statement.array, "written", ()
        case Combine(target=Load() as element):
            yield element.array, f"added by {statement.op}", element.index
        case CombineExactly():
            for target in (statement.total, statement.error):
                if isinstance(target, Load):
                    yield target.array, "added exactly", target.index
