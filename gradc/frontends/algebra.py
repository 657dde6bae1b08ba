"""Operations on nodes with NumPy's manners: operands meet at one element type and one shape.

`Algebra` is what both readers of text stand on: the front end for programs and the templates for partials
and rules. It inserts the casts and broadcasts that the graph wants explicit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from gradc.ir.graph import (
    Check,
    IndexCheck,
    Node,
    broadcast,
    build,
    cast,
    constant,
    iota,
    make,
    size_node,
    squeeze,
    topological,
)
from gradc.ir.interpret import evaluate_constant
from gradc.ir.ops import MOVES, OPS, others
from gradc.ir.sizes import MAX_TERMS, Derived, Shape, Size, derive, product, terms, upper_bound
from gradc.ir.types import Type, promote, shape_text
from gradc.language.diagnostics import Error
from gradc.language.source import Span


@dataclass
class Algebra:
    """Builds nodes. `axes` is set while a template speaks of reductions over given axes of `rank` axes."""

    axes: tuple[int, ...] | None = None
    rank: int = 0
    unified: dict[str, Size] = field(default_factory=dict)
    """Names of sizes found equal to another size: the caller elaborates again with these replaced."""
    joins: dict[str, Span | None] = field(default_factory=dict)
    """Where each of these names was found equal."""
    checks: list[Check] = field(default_factory=list)
    index_checks: list[IndexCheck] = field(default_factory=list)
    nameable: frozenset[str] = frozenset()
    """Names of sizes that we invented and may therefore unify."""
    float_dtype: str = "f64"
    """The type that integers and conditions compute in among themselves: that of the program's arrays."""

    # ------------------------------------------------------------ meeting of operands

    def meet(self, nodes: tuple[Node, ...], span: Span | None = None) -> tuple[Node, ...]:
        """The nodes broadcast to their common shape."""
        if all(node.shape == nodes[0].shape for node in nodes):
            return nodes
        shape = self.common_shape(nodes, span)
        return tuple(self.stretch(node, shape) for node in nodes)

    def stretch(self, node: Node, shape: Shape) -> Node:
        """`node` broadcast to `shape` as NumPy does; inside a template, along the reduced axes."""
        if self.axes is not None and node.type.rank == self.rank - len(self.axes) and len(shape) == self.rank:
            return broadcast(node, shape, others(self.rank, self.axes))
        offset = len(shape) - node.type.rank
        node = self._first_of_one(node, shape[offset:])
        units = tuple(axis for axis, size in enumerate(node.shape) if size == 1 and shape[axis + offset] != 1)
        dims = tuple(axis + offset for axis in others(node.type.rank, units))
        return broadcast(squeeze(node, units), shape, dims)

    @staticmethod
    def _first_of_one(node: Node, shape: Shape) -> Node:
        """`node` with size 1 along the axes where a slice leaves at most one element and more are wanted."""
        parts = tuple(
            (0, 1, 1 if size != wanted and upper_bound(size) == 1 else size) for size, wanted in zip(node.shape, shape)
        )
        if tuple(part[2] for part in parts) == node.shape:
            return node
        return make("slice", node, attrs=(parts,))

    def common_shape(self, nodes: tuple[Node, ...], span: Span | None = None) -> Shape:
        shape: Shape = ()
        for node in nodes:
            if node.shape != shape:
                shape = self._join(shape, node.shape, nodes, span)
        return shape

    def _join(self, left: Shape, right: Shape, nodes: tuple[Node, ...], span: Span | None) -> Shape:
        if self.axes is not None and {len(left), len(right)} == {self.rank, self.rank - len(self.axes)}:
            return max(left, right, key=len)
        rank = max(len(left), len(right))
        padded = [(1,) * (rank - len(shape)) + shape for shape in (left, right)]
        joined = []
        for a, b in zip(*padded):
            if a == b or b == 1:
                joined.append(a)
            elif a == 1:
                joined.append(b)
            else:
                if isinstance(a, int) and isinstance(b, int):
                    raise Error(
                        "G0203",
                        f"shapes {shape_text(left)} and {shape_text(right)} do not broadcast",
                        span,
                        label=sides(nodes),
                        help="give both the same size, or make one of them size 1",
                    )
                joined.append(self._stretched(a, b, span) or self.same_size(a, b, span))
        return tuple(joined)

    def _stretched(self, a: Size, b: Size, span: Span | None) -> Size | None:
        """The other size, where one is that of a slice with at most one element, which has to be there."""
        for one, other in ((a, b), (b, a)):
            if isinstance(one, Derived) and upper_bound(one) == 1:
                self.demand(Check(one, "==", 1, f"sizes {a} and {b} differ{_where(span)}", span))
                return other
        return None

    def same_size(self, a: Size, b: Size, span: Span | None) -> Size:
        """One size for two that must agree: by renaming where we may, otherwise by a check at the call."""
        a, b = self._known(a), self._known(b)
        if a == b:
            return a
        for ours, other in ((b, a), (a, b)):
            if isinstance(ours, str) and ours in self.nameable and not isinstance(other, Derived):
                self.unified[ours] = other
                self.joins.setdefault(ours, span)
                return other
        self.demand(Check(a, "==", b, f"sizes {a} and {b} differ{_where(span)}", span))
        return a if isinstance(a, int) or isinstance(b, Derived) else b

    def demand(self, check: Check) -> None:
        if check not in self.checks:
            self.checks.append(check)

    def equal_sizes(self, a: Size, b: Size, nodes: tuple[Node, ...], span: Span | None) -> None:
        """Demand that two sizes agree."""
        if isinstance(a, int) and isinstance(b, int) and a != b:
            raise Error("G0201", f"sizes {a} and {b} do not fit together", span, label=sides(nodes))
        self.same_size(a, b, span)

    def _known(self, size: Size) -> Size:
        """What a size has been found equal to."""
        while isinstance(size, str) and size in self.unified:
            size = self.unified[size]
        return size

    # ------------------------------------------------------------ element types

    def numbers(self, nodes: tuple[Node, ...], op: str = "") -> tuple[Node, ...]:
        """The nodes at one floating type. Numbers written in the program take the type of the others. Integers stay
        what they are among themselves, for an op that takes whole numbers to whole numbers."""
        if op in WHOLE_OPS and any(node.type.dtype == "i64" for node in nodes):
            whole = tuple(integers for node in nodes if (integers := _as_integers(node)) is not None)
            if len(whole) == len(nodes):
                return whole
        floats = [node.type.dtype for node in nodes if node.type.is_float and not node.is_constant]
        dtype = promote(*floats) if floats else "f32" if self._only_f32(nodes) else self.float_dtype
        return tuple(cast(node, dtype) for node in nodes)

    @staticmethod
    def _only_f32(nodes: tuple[Node, ...]) -> bool:
        return all(node.type.dtype == "f32" for node in nodes)

    def condition(self, node: Node) -> Node:
        """The node as a condition: anything but zero holds."""
        if node.type.dtype == "bool":
            return node
        return self.elementwise("ne", node, constant(0.0))

    # ------------------------------------------------------------ ops

    def elementwise(self, op: str, *args: Node, span: Span | None = None) -> Node:
        row = OPS[op]
        if op in ("and", "or", "not"):
            args = tuple(map(self.condition, args))
        elif row.params[0] == "c":
            args = (self.condition(args[0]), *self.numbers(args[1:], op))
        else:
            args = self.numbers(args, op)
        node = make(op, *self.meet(args, span))
        if op == "neg" and args[0].op == "const":
            return constant(-args[0].value, args[0].type)
        return node

    def reduce(self, op: str, node: Node, axes: tuple[int, ...] | None = None) -> Node:
        """A reduction over `axes`, or over all of them."""
        if axes is None:
            axes = tuple(range(node.type.rank))
            if self.axes is not None and node.type.rank == self.rank:
                axes = self.axes
        if op in ("any", "all"):
            node = self.condition(node)
        elif op != "count":
            (node,) = self.numbers((node,))
        if op == "count":
            dtype = node.type.dtype if node.type.is_float else self.float_dtype
            return size_node(product(tuple(node.shape[axis] for axis in axes)), dtype)
        if not axes:
            return node if op != "norm" else make("abs", node)
        return make(op, node, attrs=(axes,))

    def indices(self, index: Node, size: Size, span: Span | None) -> Node:
        """An array of indices, those below zero counted from the end; what an input holds is checked at the call."""
        if index.is_constant and index.shape == () and index.type.dtype != "i64":
            index = constant(static_integer(index, span, "an index"), Type("i64"))
        if index.type.dtype != "i64":
            floats = _float_inputs(index) if index.type.is_float else []
            raise Error(
                "G0204", "an index must be made of integers", span,
                label=operands(floats) if floats else f"{span.excerpt(40)} is {index.type}" if span else "",
                help=(
                    "write `where(condition, x, 0)` instead of indexing by conditions"
                    if index.type.dtype == "bool"
                    else "pass integers, or declare it, as in `y: i64[n]`"
                    if floats
                    else "compute it from integers, by `+ - * // %`, `abs`, `min`, `max`, `clip` or `where`"
                ),
            )  # fmt: skip
        if not self._in_range(integer_source(index), size, span):
            return index
        end = broadcast(size_node(size, "i64"), index.shape)
        below = make("lt", index, constant(0, index.type))
        return make("where", below, make("add", index, end), index)

    def _in_range(self, source: Node, size: Size, span: Span | None) -> bool:
        """Demand that the integers of a source are indices for this size; whether some can be below zero."""
        last: int | None
        match source.op:
            case "const":
                last = int(source.value)
                needed: Size = last + 1 if last >= 0 else -last
            case "iota":
                needed = source.shape[source.attrs[0]]
                last = needed - 1 if isinstance(needed, int) else None
            case op if op not in ("argmax", "argmin"):
                check = IndexCheck(source, size)
                if check not in self.index_checks:
                    self.index_checks.append(check)
                return True
            case _:
                (axes,) = source.attrs
                needed = product(tuple(source.args[0].shape[axis] for axis in axes))
                last = needed - 1 if isinstance(needed, int) else None
        if needed == size:
            return False
        if isinstance(needed, int) and isinstance(size, int):
            if needed > size:
                raise Error(
                    "G0204", f"index {last} is out of range for size {size}", span,
                    help=f"valid indices are {-size} to {size - 1}" if size else "the indexed axis is empty",
                )  # fmt: skip
        else:
            what = f"index {last} is" if last is not None else f"indices up to {needed} - 1 are"
            self.demand(Check(size, ">=", needed, f"{what} out of range for size {size}{_where(span)}", span))
        return source.op == "const" and source.value < 0

    def position(self, x: Node) -> Node:
        """Of each element of x, its place along the reduced axes, counted together (for templates)."""
        axes = self.axes or ()
        total, stride = None, constant(1, Type("i64", x.shape))
        for axis in reversed(axes):
            term = make("mul", iota(x.shape, axis), stride)
            total = term if total is None else make("add", total, term)
            stride = make("mul", stride, broadcast(size_node(x.shape[axis], "i64"), x.shape))
        assert total is not None
        return cast(total, "f64" if x.type.dtype != "f32" else "f32")

    def extreme(self, op: str, left: Node, right: Node, span: Span | None = None) -> Node:
        """`maximum` or `minimum`; against a constant, the op whose constant side takes no gradient."""
        clamp = {"maximum": "clamp_min", "minimum": "clamp_max"}[op]
        if right.is_constant and not left.is_constant:
            return self.elementwise(clamp, left, right, span=span)
        if left.is_constant and not right.is_constant:
            return self.elementwise(clamp, right, left, span=span)
        return self.elementwise(op, left, right, span=span)


WHOLE_OPS = {
    "add", "sub", "mul", "floordiv", "mod", "neg", "abs", "where", "maximum", "minimum", "clamp_min", "clamp_max",
    "clip", "lt", "le", "gt", "ge", "eq", "ne",
}  # fmt: skip
"""Ops that give whole numbers, or conditions, for whole numbers."""


def _as_integers(node: Node) -> Node | None:
    """The node as i64; None unless its elements are whole numbers whatever the inputs hold."""
    if node.type.dtype in ("i64", "bool"):
        return cast(node, "i64")
    if not node.is_constant:
        return None
    whole: dict[Node, Node] = {}
    for part in topological((node,)):
        if part.type.dtype in ("i64", "bool") and not part.args:
            whole[part] = part
        elif part.op == "const" and float(part.value).is_integer() and abs(part.value) < 2**53:
            whole[part] = cast(part, "i64")
        elif part.op == "size":
            whole[part] = size_node(part.attrs[0], "i64")
        elif part.op in WHOLE_OPS or part.op == "broadcast":
            args = tuple(whole.get(arg, arg) for arg in part.args)
            whole[part] = build(part.op, args, part.attrs)
        elif part.type.dtype in ("i64", "bool"):
            whole[part] = part
        else:
            return None
    return whole[node]


def _float_inputs(index: Node) -> list[Node]:
    """The float inputs without which an array of indices would be one of integers."""
    seen, stack = {index: None}, [index]
    while stack:
        node = stack.pop()
        if node.op in MOVES or node.op in WHOLE_OPS or node.op == "reshape":
            new = [arg for arg in node.args if arg not in seen]
            seen.update(dict.fromkeys(new))
            stack += new
    return [node for node in seen if node.op == "input" and node.type.is_float]


def integer_source(index: Node) -> Node:
    """Where the elements of an array of integers come from, before they are moved about."""
    while index.op in MOVES or index.op == "reshape":
        index = index.args[0]
    return index


def _where(span: Span | None) -> str:
    """The text of a place, for a message that draws no carets."""
    return f" in `{span.text}`" if span is not None and len(span.text) <= 60 and "\n" not in span.text else ""


def sides(nodes: Iterable[Node]) -> str:
    """The arrays among some operands and their types, for a message."""
    return ", ".join(f"{describe(node)} is {node.type}" for node in nodes if node.shape)


def operands(nodes: Iterable[Node]) -> str:
    """Some operands and their types, for a message; numbers written in the program say enough by themselves."""
    return ", ".join(f"{describe(node)} is {node.type}" for node in nodes if node.shape or not node.is_constant)


def describe(node: Node) -> str:
    """A few words for a node in a message."""
    if node.op == "input":
        return node.name
    if node.op in ("broadcast", "cast", "squeeze"):
        return describe(node.args[0])
    return f"the {node.op}"


OF_NUMBERS = "write a whole number, such as 0 or -1"
OF_SIZES = "write a number, or the name of a size, as the n of `x: f64[n]`"


def static_integer(value: Any, span: Span | None, what: str, help: str = OF_NUMBERS) -> int:
    """A whole number that the program fixes."""
    if isinstance(value, Node) and value.is_constant and value.shape == () and not _depends_on_sizes(value):
        number = float(evaluate_constant(value))
        if number.is_integer() and abs(number) < 2**53:
            return int(number)
    raise Error("G0204", f"{what} needs whole numbers written in the program", span, help=help)


def _depends_on_sizes(value: Node) -> bool:
    """Whether a constant is known only when the sizes that have names are."""
    return any(
        node.op == "size" or not all(isinstance(size, int) for size in node.shape) for node in topological((value,))
    )


SIZE_OPS = {
    "add": "+", "sub": "-", "mul": "*", "floordiv": "//", "maximum": "max", "minimum": "min", "clamp_min": "max",
    "clamp_max": "min",
}  # fmt: skip
"""Ops on sizes that give a size, and what `Derived` calls them."""


def static_whole(algebra: Algebra, value: Any, span: Span, what: str, help: str = OF_NUMBERS) -> Size:
    """A whole number that the program fixes, or that it computes from sizes; what is computed is not negative."""
    if isinstance(value, Node) and value.op == "broadcast":
        value = value.args[0]
    if not (isinstance(value, Node) and value.is_constant and value.shape == () and _depends_on_sizes(value)):
        return static_integer(value, span, what, help)
    found: dict[Node, Size] = {}
    for node in topological((value,)):
        if node.op == "size":
            found[node] = node.attrs[0]
        elif node.op == "const" and float(node.value).is_integer():
            found[node] = int(node.value)
        elif node.op in SIZE_OPS and all(arg in found for arg in node.args):
            left, right = (found[arg] for arg in node.args)
            if node.op == "floordiv":
                right = _divisor(algebra, right, span)
            found[node] = derive(SIZE_OPS[node.op], left, right)
            if terms(found[node]) > MAX_TERMS:
                break
        else:
            break
    else:
        size = found[value]
        if isinstance(size, Derived):
            algebra.demand(Check(size, ">=", 0, f"`{span.text}` is negative"))
        return size
    raise Error("G0204", f"{what} needs whole numbers written in the program", span, help=help)


def _divisor(algebra: Algebra, size: Size, span: Span) -> Size:
    """What a size is divided by: not zero, which calls check."""
    if size == 0:
        raise Error("G0204", f"`{span.text}` divides by zero", span)
    if isinstance(size, int):
        return size
    algebra.demand(Check(size, ">=", 1, f"`{span.text}` divides by a size of 0", span))
    return derive("max", size, 1)


def static_size(algebra: Algebra, value: Any, span: Span) -> Size:
    """A size: a whole number that is not negative, or computed from the names of others."""
    size = static_whole(algebra, value, span, "a size", OF_SIZES)
    if isinstance(size, int) and size < 0:
        raise Error("G0204", "a size cannot be negative", span)
    return size
