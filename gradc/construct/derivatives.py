"""Derivatives inside programs: `grad(u, x)` and its like, for any name before them.

A name that some derivative is taken for is a *variable*: wherever it is given a value, it stands for an input of its
own, so that `q = x; grad(q * x, q)` is x, and the parameters of two calls of a function are never confused. What is
differentiated has those variables written out that depend on x, and the finished program has all of them written out.
Derivatives themselves are made further down: `GraphBuilder.differentiate` is given by the front end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import count, islice
from math import prod
from typing import Any

from gradc.construct.builder import GraphBuilder
from gradc.construct.calls import CallArguments
from gradc.construct.closures import leaves_of, rebuilt_of
from gradc.construct.joined import Listed, stacked
from gradc.ir.graph import Node, build, cast, constant, input_node, iota, make, topological
from gradc.ir.sizes import Shape
from gradc.language.diagnostics import Error
from gradc.language.source import Span
from gradc.language.syntax import Assign, Call, Declare, Expression, Name, SyntaxTree, Unpack, walk

MAX_DIRECTIONS = 256
"""How many elements an array may have that a matrix of derivatives is taken for (G0503)."""

FUNCTIONS = frozenset("grad jvp jacobian hessian divergence laplacian".split())
"""What takes derivatives."""

_numbers = count()


def differentiated(tree: SyntaxTree) -> frozenset[str]:
    """The names that derivatives in a program are taken for."""
    found = set()
    for statement in tree.statements:
        if not isinstance(statement, Declare):
            found |= _in(statement.value if isinstance(statement, (Assign, Unpack)) else statement.body)
    return frozenset(found | _in(tree.result))


def _in(expression: Any) -> set[str]:
    return {
        name.id
        for call in walk(expression)
        if isinstance(call, Call) and call.function in FUNCTIONS
        for argument in _chosen(call)
        for name in walk(argument)
        if isinstance(name, Name)
    }


def _chosen(call: Call) -> Iterable[Expression]:
    yield from call.args[1:2]
    yield from (value for key, value in call.keywords if key.id == "x")


class Variables:
    """The inputs that stand for names, and the values that these have."""

    def __init__(self, names: frozenset[str] = frozenset()):
        self.names = names
        self.values: dict[Node, Node] = {}
        """By the inputs that stand for them, in the order in which they were made."""

    def of(self, name: str, value: Any) -> Any:
        """What stands for a value under a name: an input, where a derivative may be taken for it; of a tuple one for
        each part."""
        if name not in self.names:
            return value
        return rebuilt_of(value, iter([self._leaf(name, leaf) for leaf in leaves_of(value)]))

    def _leaf(self, name: str, value: Node) -> Node:
        if not value.type.is_float:
            return value
        node = input_node(f"{name}~{next(_numbers)}", value.type)
        self.values[node] = value
        return node

    def written_out(self, nodes: Sequence[Node], since: int = 0) -> list[Node]:
        """Nodes with the values of variables, of those made from some number on."""
        wanted = set(islice(self.values, since, None))
        return self._rebuilt(self._ordered(nodes, frozenset()), wanted, nodes) if wanted else list(nodes)

    def depending_on(self, nodes: Sequence[Node], chosen: Sequence[Node]) -> list[Node]:
        """Nodes with the values of those variables that depend on some nodes."""
        if not self.values:
            return list(nodes)
        order = self._ordered(nodes, frozenset(chosen))
        moving = set(chosen)
        for node in order:
            if not moving.isdisjoint(self._below(node)):
                moving.add(node)
        return self._rebuilt(order, moving.difference(chosen), nodes)

    def _below(self, node: Node) -> tuple[Node, ...]:
        return (self.values[node],) if node in self.values else node.args

    def _ordered(self, nodes: Sequence[Node], ends: frozenset[Node]) -> list[Node]:
        """Nodes and what they are made of, the values of variables too, arguments first."""
        order: dict[Node, None] = {}
        stack = list(nodes)
        while stack:
            node = stack[-1]
            below = () if node in ends else self._below(node)
            pending = [part for part in below if part not in order] if node not in order else []
            if pending:
                stack += pending
            else:
                order[stack.pop()] = None
        return list(order)

    def _rebuilt(self, order: Sequence[Node], wanted: set[Node], nodes: Sequence[Node]) -> list[Node]:
        """Nodes with the values of some variables in their places."""
        new: dict[Node, Node] = {}
        for node in order:
            if node in self.values:
                new[node] = new[self.values[node]] if node in wanted else node
            else:
                args = tuple([new[arg] for arg in node.args])
                new[node] = node if args == node.args else build(node.op, args, node.attrs)
        return [new[node] for node in nodes]


# ---------------------------------------------------------------- the functions


def grad(call: CallArguments) -> Any:
    """The gradient of the sum of an expression, of the shape of x; for several names, or a tuple, a tuple of them."""
    value, chosen = _value(call), _names(call)
    return rebuilt_of(call.given["x"], iter(_of(call).gradient(value, chosen)))


def jvp(call: CallArguments) -> Node:
    """The derivative of an expression along a direction of x."""
    value, chosen = _value(call), _names(call)
    directions: list[Any] = [call.given["v"]]
    if isinstance(call.given["x"], tuple) and not isinstance(directions[0], (Node, Listed)):
        directions = list(leaves_of(directions[0]))
    else:
        directions = [call.array("v")]
    if len(directions) != len(chosen):
        raise Error(
            "G0205", f"`jvp` needs a direction for each of {len(chosen)} values", call.span("v"),
            help="as in `jvp(u, (x, y), (v, w))`",
        )  # fmt: skip
    return _of(call).along(value, chosen, [_fit(call, v, x) for v, x in zip(directions, chosen)])


def jacobian(call: CallArguments) -> Node:
    """The derivatives of every element of an expression for every element of x: axes of the one, then of the other."""
    value, (x,) = _value(call), _one(call)
    return _of(call).matrix(value, x, call.span("x"))


def hessian(call: CallArguments) -> Node:
    """The second derivatives of the sum of an expression for the elements of x."""
    value, (x,) = _value(call), _one(call)
    (gradient,) = _of(call).gradient(value, [x])
    return _of(call).matrix(gradient, x, call.span("x"))


def divergence(call: CallArguments) -> Node:
    """The sum over the last axis of the derivatives of each component for its own coordinate."""
    value, (x,) = _value(call), _one(call)
    if value.type.rank != x.type.rank:
        raise Error(
            "G0201", "a divergence has as many components as coordinates", call.span("expr"),
            label=f"this is {value.type}, and the coordinates are {x.type}",
            help="give both the same shape; the last axis is that of the coordinates",
        )  # fmt: skip
    (value,) = call.builder.broadcast_together((value, x), call.span("expr"))[:1]
    return _trace(call, value, x)


def laplacian(call: CallArguments) -> Node:
    """The sum of the second derivatives for the coordinates, which are along the last axis of x; of an expression that
    has an axis for each of x, for each element; of a number, for all elements."""
    value, (x,) = _value(call), _one(call)
    ranks = value.type.rank, x.type.rank
    (gradient,) = _of(call).gradient(value, [x])
    if ranks[0] == ranks[1]:
        return _of(call).along(gradient, [x], [constant(1.0, x.type)])
    if ranks[0] not in (0, ranks[1] - 1):
        raise Error(
            "G0201", "these coordinates do not belong to this expression", call.span("x"),
            label=f"this is {x.type}, and the expression is {value.type}",
            help="the coordinates of each point are along the last axis of x, as in `u: f64[n]` for `x: f64[n, 3]`",
        )  # fmt: skip
    traced = _trace(call, gradient, x)
    return call.builder.reduce("sum", traced) if ranks[0] < traced.type.rank else traced


def _trace(call: CallArguments, value: Node, x: Node) -> Node:
    """The sum over the last axis of the derivatives of elements for the elements of x in the same place along it, where
    what is in one place along the other axes does not depend on x in another one."""
    if not x.shape:
        return _of(call).along(value, [x], [constant(1.0, x.type)])
    size = x.shape[-1]
    if not isinstance(size, int) or size > MAX_DIRECTIONS:
        raise _unknown_size(x, call.span("x"))
    terms = []
    for k in range(size):
        dot = _of(call).along(value, [x], [_unit(x, {x.type.rank - 1: k})])
        parts = (*[(0, 1, each) for each in dot.shape[:-1]], (k, 1, 1))
        terms.append(make("sum", make("slice", dot, attrs=(parts,)), attrs=((dot.type.rank - 1,),)))
    total = terms[0]
    for term in terms[1:]:
        total = make("add", total, term)
    return total


# ---------------------------------------------------------------- what is differentiated, and for what


class Derivatives:
    """The derivatives of one program. `gradients`, `tangents` and `matrices` are autodiff's, with the rules before and
    after."""

    def __init__(
        self,
        variables: Variables,
        gradients: Callable[[Node, Sequence[Node]], list[Node]],
        tangents: Callable[[Node, dict[Node, Node], bool], Node],
        matrices: Callable[[Node, Node, bool], Node | None],
    ):
        self.variables = variables
        self._gradients, self._tangents, self._matrices = gradients, tangents, matrices
        self._made: set[Node] = set()
        """What is a gradient: at a kink its tangents are those of `hvp`."""

    def gradient(self, value: Node, chosen: Sequence[Node]) -> list[Node]:
        """The gradients of the sum of a value."""
        (whole,) = self.variables.depending_on((value,), chosen)
        if len(chosen) == 1 and not chosen[0].shape and not value.shape and self._is_second(whole):
            found = [self._tangents(whole, {chosen[0]: constant(1.0, chosen[0].type)}, True)]
        else:
            found = self._gradients(whole, chosen)
        self._made.update(found)
        return found

    def along(self, value: Node, chosen: Sequence[Node], directions: Sequence[Node]) -> Node:
        """The tangent of a value along directions."""
        (whole,) = self.variables.depending_on((value,), chosen)
        found = self._tangents(whole, dict(zip(chosen, directions)), self._is_second(whole))
        if self._is_second(whole):
            self._made.add(found)
        return found

    def matrix(self, value: Node, x: Node, span: Span | None) -> Node:
        """The derivatives of every element of a value for every element of x."""
        if not all(isinstance(size, int) for size in x.shape) or prod(_whole(x.shape)) > MAX_DIRECTIONS:
            (whole,) = self.variables.depending_on((value,), [x])
            found = self._matrices(whole, x, self._is_second(whole))
            if found is None:
                raise _unknown_size(x, span)
            return found
        if not x.shape:
            return self.along(value, [x], [constant(1.0, x.type)])
        rank = value.type.rank
        places: list[dict[int, int]] = [{}]
        for axis, size in enumerate(_whole(x.shape)):
            places = [{**place, axis: k} for place in places for k in range(size)]
        columns = [self.along(value, [x], [_unit(x, place)]) for place in places]
        shape = (*value.shape, *x.shape)
        matrix = stacked(tuple(columns), rank)
        return matrix if x.type.rank == 1 else make("reshape", matrix, attrs=(shape,))

    def _is_second(self, value: Node) -> bool:
        return bool(self._made) and not self._made.isdisjoint(topological((value,)))


def _of(call: CallArguments) -> Derivatives:
    found = call.builder.differentiate
    assert isinstance(found, Derivatives)  # the language's own texts take no derivatives
    return found


def _value(call: CallArguments) -> Node:
    value = call.array("expr")
    if value.type.is_float:
        return value
    return cast(value, call.builder.float_dtype)


def _names(call: CallArguments) -> list[Node]:
    """What x names, which is an input of floats, or stands for a value."""
    chosen, span = list(leaves_of(call.given["x"])), call.span("x")
    for node in chosen:
        if not node.type.is_float or node.op != "input":
            raise Error("G0402", "only floats have derivatives", span, label=f"this is {node.type}")
    if len(set(chosen)) < len(chosen):
        raise Error("G0402", "a name is given twice", span, help="drop one of them")
    return chosen


def _one(call: CallArguments) -> list[Node]:
    if isinstance(call.given["x"], tuple):
        raise Error("G0402", f"`{call.written}` takes one name", call.span("x"), help="`grad` and `jvp` take several")
    return _names(call)


def _fit(call: CallArguments, direction: Any, x: Node) -> Node:
    if not isinstance(direction, Node):
        raise Error("G0202", "a direction is a number or an array", call.span("v"))
    builder: GraphBuilder = call.builder
    fitted, _ = builder.broadcast_together((cast(direction, x.type.dtype), x), call.span("v"))
    if fitted.shape != x.shape:
        raise Error(
            "G0203", "the direction has more axes than what it is a direction of", call.span("v"),
            label=f"this is {direction.type}", help=f"give it the shape of x, which is {x.type}",
        )  # fmt: skip
    return fitted


def _unit(x: Node, place: dict[int, int]) -> Node:
    """1 where the indices along some axes have these values, 0 elsewhere."""
    found = None
    for axis, k in place.items():
        here = make("eq", iota(x.shape, axis), constant(k, x.type.with_dtype("i64")))
        found = here if found is None else make("and", found, here)
    assert found is not None
    return make("where", found, constant(1.0, x.type), constant(0.0, x.type))


def _whole(shape: Shape) -> list[int]:
    return [size for size in shape if isinstance(size, int)]


def _unknown_size(x: Node, span: Span | None) -> Error:
    return Error(
        "G0503", f"a derivative for each element of x needs sizes up to {MAX_DIRECTIONS}, written in the program", span,
        label=f"this is {x.type}",
        help="declare them, as in `x: f64[n, 3]`; `grad` and `jvp` take arrays of any size",
    )  # fmt: skip
