"""What orders the iterations of a loop: nothing, terms that are combined into the same numbers, or more.

Iterations are independent as far as each writes elements of its own: through an index that the loop's variable moves,
or that runs over the block or the tile that begins at it. What an iteration makes anew, and scratch arrays that nothing
outside the loop touches, are its own as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from gradc.ir.access import Affine
from gradc.ir.sizes import Derived, Size, derive, names
from gradc.loops.ir import (
    Accumulator,
    Allocate,
    Close,
    Combine,
    CombineExactly,
    Define,
    Extent,
    Fill,
    For,
    Kernel,
    Let,
    Load,
    Open,
    Order,
    Product,
    Reshape,
    Return,
    Span,
    Statement,
    Store,
    Update,
    every,
    read_by,
)

ORDERS: tuple[Order, ...] = ("parallel", "reduction", "sequential")
"""From the least order to the most."""

Parts = tuple[Affine | Span | Let | None, ...]


def in_order(kernel: Kernel) -> Kernel:
    """The same kernel, each of its loops with the least order that it needs."""
    orders = Orders(kernel)
    for statement in every(kernel.body):
        if isinstance(statement, For):
            statement.order = orders.least(statement)
    return kernel


class Orders:
    """What the loops of a kernel share."""

    def __init__(self, kernel: Kernel):
        statements = list(every(kernel.body))
        self.defined = {s.name: s.value for s in statements if isinstance(s, Define)}
        self.touched = Counter(array for s in statements for array, how, _ in _touches(s) if how != "made")
        self.handed_out = {node.name for node in kernel.inputs}
        for statement in statements:
            if isinstance(statement, Return):
                self.handed_out |= {value for _, value in statement.values if isinstance(value, str)}

    def least(self, loop: For) -> Order:
        """The least order of a loop."""
        inside = list(every(loop.body))
        orders = [self._order_of_cells(inside), *self._orders_of_arrays(loop, inside)]
        return max(orders, key=ORDERS.index)

    @staticmethod
    def _order_of_cells(inside: list[Statement]) -> Order:
        own: set[object] = {s.cell for s in inside if isinstance(s, Open)}
        fed: set[object] = set()
        order: Order = "parallel"
        for statement in inside:
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
        is_read = any(isinstance(value, Accumulator) and value in fed for s in inside for value in read_by(s))
        return "sequential" if is_read else order

    def _orders_of_arrays(self, loop: For, inside: list[Statement]) -> Iterator[Order]:
        touches: dict[str, list[tuple[str, Parts]]] = {}
        for statement in inside:
            for array, how, parts in _touches(statement):
                touches.setdefault(array, []).append((how, parts))
        loops = {s.variable: s for s in inside if isinstance(s, For)}
        varying = {loop.variable, *loops, *(s.name for s in inside if isinstance(s, Define))}
        for array, met in touches.items():
            hows = [how for how, _ in met]
            if set(hows) == {"read"} or hows[0] == "made":
                continue
            is_scratch = len(met) == self.touched[array] and array not in self.handed_out
            if is_scratch and hows[0] != "read" and not hows[0].startswith("add"):
                continue
            if any(
                all(self._is_own(parts[axis], loop, loops, varying) for _, parts in met)
                for axis in range(len(met[0][1]))
            ):
                continue
            yield "reduction" if len(set(hows)) == 1 and hows[0].startswith("add") else "sequential"

    def _is_own(self, part: Affine | Span | Let | None, loop: For, loops: dict[str, For], varying: set[str]) -> bool:
        """Whether no two iterations of the loop meet in this part of an axis."""
        match part:
            case Span():
                return part.start == loop.variable and self._ends_before_next(part.stop, loop)
            case Affine(var=str() as variable):
                if variable in loops:
                    inner = loops[variable]
                    if inner.start == loop.variable and self._ends_before_next(inner.stop, loop):
                        return part.step != 0 and varying.isdisjoint(names(part.offset))
                    moved = derive("*", loop.variable, part.step)
                    return inner.start == 0 and self._is_length(inner.stop, loop) and _is_shifted(part.offset, moved)
                return variable == loop.variable and part.step != 0 and varying.isdisjoint(names(part.offset))
            case Affine():
                return _is_shifted(part.offset, loop.variable)
        return False

    def _ends_before_next(self, stop: Size, loop: For) -> bool:
        """Whether a range from the loop's variable to `stop` ends before the next iteration's begins."""
        stop = self._meaning(stop)
        return isinstance(stop, Derived) and stop.op == "min" and stop.left == Derived("+", loop.variable, loop.step)

    def _is_length(self, size: Size, loop: For) -> bool:
        size = self._meaning(size)
        is_difference = isinstance(size, Derived) and size.op == "-" and size.right == loop.variable
        return is_difference and isinstance(size, Derived) and self._ends_before_next(size.left, loop)

    def _meaning(self, size: Size) -> Size:
        value = self.defined.get(size, size) if isinstance(size, str) else size
        return size if isinstance(value, Extent) else value


def _is_shifted(size: Size, by: Size) -> bool:
    """Whether a size is another one plus a number."""
    return size == by or (
        isinstance(size, Derived) and size.op in "+-" and size.left == by and isinstance(size.right, int)
    )


def _touches(statement: Statement) -> Iterator[tuple[str, str, Parts]]:
    """The arrays that a statement reads, makes, writes into or adds into, and where."""
    for value in read_by(statement):
        if isinstance(value, Load):
            yield value.array, "read", value.index
    match statement:
        case Allocate():
            yield statement.array, "made", ()
        case Reshape():
            yield statement.source, "read", ()
            yield statement.array, "made", ()
        case Fill():
            yield statement.view.array, "written", statement.view.parts
        case Store():
            yield statement.array, "written", statement.index
        case Product():
            for view in (statement.left, statement.right):
                yield view.array, "read", view.parts
            is_whole = all(part is None for part in statement.target.parts)
            yield statement.target.array, "made" if is_whole else "written", statement.target.parts
        case Combine(target=Load() as element):
            yield element.array, f"added by {statement.op}", element.index
        case CombineExactly():
            for target in (statement.total, statement.error):
                if isinstance(target, Load):
                    yield target.array, "added exactly", target.index
