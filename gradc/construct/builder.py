"""Operations on nodes with NumPy's semantics: operands are brought to one element type and one shape.

`GraphBuilder` is what every front end and the templates of partials and rules stand on. It inserts the casts and
broadcasts that a graph has to show.
"""

from __future__ import annotations

from dataclasses import field
from typing import Any

from gradc.construct.describe import sides, within
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
    numbers_of,
    size_node,
    squeeze,
    table,
    topological,
)
from gradc.ir.ops import JOINS, OPS, others
from gradc.ir.sizes import Derived, Shape, Size, product, upper_bound
from gradc.ir.types import Type, promote, shape_text
from gradc.language.diagnostics import Error
from gradc.language.record import dataclass
from gradc.language.source import Span


@dataclass
class GraphBuilder:
    """Builds nodes. `axes` is set while a template speaks of reductions over given axes of `rank` axes."""

    axes: tuple[int, ...] | None = None
    rank: int = 0
    unified: dict[str, Size] = field(default_factory=dict)
    """Names of sizes found equal to another size: the caller elaborates again with these replaced."""
    moved: dict[Node, Node] = field(default_factory=dict)
    """What steps of loops hold, and the nodes that it was built as."""
    joins: dict[str, Span | None] = field(default_factory=dict)
    """Where each of these names was found equal."""
    checks: list[Check] = field(default_factory=list)
    index_checks: list[IndexCheck] = field(default_factory=list)
    nameable: frozenset[str] = frozenset()
    """Names of sizes that we invented and may therefore unify."""
    float_dtype: str = "f64"
    """The type that integers and conditions compute in among themselves: that of the program's arrays."""
    differentiate: Any = None
    """What takes derivatives inside the program (`derivatives.Derivatives`), given by a front end that has them."""

    # ------------------------------------------------------------ meeting of operands

    def broadcast_together(self, nodes: tuple[Node, ...], span: Span | None = None) -> tuple[Node, ...]:
        """The nodes broadcast to their common shape."""
        shape = nodes[0].type.shape
        if all([node.type.shape == shape for node in nodes]):
            return nodes
        shape = self.common_shape(nodes, span)
        return tuple(self.broadcast_to(node, shape) for node in nodes)

    def broadcast_to(self, node: Node, shape: Shape) -> Node:
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
                self.demand(Check(one, "==", 1, f"sizes {a} and {b} differ{within(span)}", span))
                return other
        return None

    def same_size(self, a: Size, b: Size, span: Span | None, because: str = "") -> Size:
        """One size for two that must agree: by renaming where we may, otherwise by a check at the call."""
        a, b = self._known(a), self._known(b)
        if a == b:
            return a
        for ours, other in ((b, a), (a, b)):
            if isinstance(ours, str) and ours in self.nameable and not isinstance(other, Derived):
                self.unified[ours] = other
                self.joins.setdefault(ours, span)
                return other
        self.demand(Check(a, "==", b, f"{because}sizes {a} and {b} differ{within(span)}", span))
        return a if isinstance(a, int) or isinstance(b, Derived) else b

    def demand(self, check: Check) -> None:
        if check not in self.checks:
            self.checks.append(check)

    def equal_sizes(self, a: Size, b: Size, nodes: tuple[Node, ...], span: Span | None) -> None:
        """Demand that two sizes agree."""
        if isinstance(a, int) and isinstance(b, int) and a != b:
            raise Error("G0201", f"sizes {a} and {b} are incompatible", span, label=sides(nodes))
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
        type = nodes[0].type
        if type.is_float and all([node.type == type for node in nodes]) and not all([n.is_constant for n in nodes]):
            return nodes
        if op and OPS[op].keeps_integers and any(node.type.dtype == "i64" for node in nodes):
            whole = tuple(integers for node in nodes if (integers := as_integers(node)) is not None)
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
        count = OPS[op].conditions
        if count:
            conditions, numbers = tuple([self.condition(arg) for arg in args[:count]]), args[count:]
            args = (*conditions, *self.numbers(numbers, op)) if numbers else conditions
        else:
            args = self.numbers(args, op)
        node = make(op, *self.broadcast_together(args, span))
        if op == "neg" and args[0].op == "const":
            return constant(-args[0].value, args[0].type)
        return node

    def reduce(self, op: str, node: Node, axes: tuple[int, ...] | None = None) -> Node:
        """A reduction over `axes`, or over all of them."""
        if axes is None:
            axes = tuple(range(node.type.rank))
            if self.axes is not None and node.type.rank == self.rank:
                axes = self.axes
        if op == "count":
            dtype = node.type.dtype if node.type.is_float else self.float_dtype
            return size_node(product(tuple(node.shape[axis] for axis in axes)), dtype)
        (node,) = (self.condition(node),) if OPS[op].conditions else self.numbers((node,))
        if not axes:
            return node if op != "norm" else make("abs", node)
        return make(op, node, attrs=(axes,))

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
        clamp = OPS[op].clamp
        if right.is_constant and not left.is_constant:
            return self.elementwise(clamp, left, right, span=span)
        if left.is_constant and not right.is_constant:
            return self.elementwise(clamp, right, left, span=span)
        return self.elementwise(op, left, right, span=span)


def as_integers(node: Node) -> Node | None:
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
        elif part.op == "table" and all(float(value).is_integer() and abs(value) < 2**53 for value in numbers_of(part)):
            whole[part] = table(numbers_of(part), "i64", part.shape)
        elif part.op == "size":
            whole[part] = size_node(part.attrs[0], "i64")
        elif part.row.keeps_integers or part.row.keeps_elements or part.op in ("pad", *JOINS):
            args = tuple(whole.get(arg, arg) for arg in part.args)
            whole[part] = build(part.op, args, part.attrs)
        elif part.type.dtype in ("i64", "bool"):
            whole[part] = part
        else:
            return None
    return whole[node]
