"""Jacobians and Hessians as graphs: every block of them, from one sweep for all unit vectors at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from gradc.autodiff.adjoint import adjoint
from gradc.autodiff.families import Family, Settle, Value, families, laid_out, units
from gradc.autodiff.tangent import second_tangent, tangent
from gradc.ir.graph import Graph, Node, broadcast, cast, constant, fresh, input_node, iota, make, topological
from gradc.ir.ops import others
from gradc.ir.sizes import Shape
from gradc.ir.types import Type

MAX_ELEMENTS = {tangent: 32, second_tangent: 8}
"""How many elements of a vector are taken one by one: as many columns, or the square of that of sums to compile."""

Tangents = partial[list[Node]]
"""From the tangents of some nodes to those of the results that it holds."""


class MatrixBlock(NamedTuple):
    """The derivatives of one array for another: the axes of the first, then those of the second that are in no pair.

    A pair is an axis of each; where their indices differ, the derivative is zero. A block without a node is zero.
    """

    name: str
    of: int
    by: int
    """Which results and which inputs, by number."""
    node: Node | None
    pairs: tuple[tuple[int, int], ...]

    @property
    def is_whole(self) -> bool:
        """Whether the node has all of the block's elements."""
        return self.node is not None and not self.pairs


def with_zeros(block: MatrixBlock, first: Shape, second: Shape, dtype: str) -> Node:
    """The whole block, of the derivatives of an array of one shape for one of another."""
    if block.node is None:
        return constant(0.0, Type(dtype, first + second))
    along = dict(block.pairs)
    rank, left = len(first), others(len(second), tuple(along.values()))
    shape = first + second
    made = broadcast(block.node, shape, (*range(rank), *(rank + axis for axis in left)))
    for axis, other in block.pairs:
        made = make("mask", make("eq", iota(shape, axis), iota(shape, rank + other)), made)
    return made


def transposed(node: Node, rank: int, dtype: str) -> Node:
    """A block with the axes from a rank on first: the derivatives the other way round."""
    order = (*range(rank, node.type.rank), *range(rank))
    return cast(make("transpose", node, attrs=(order,)) if order != tuple(sorted(order)) else node, dtype)


def whole_row(blocks: list[MatrixBlock], first: Shape, wrt: tuple[Node, ...]) -> list[tuple[str, Node]]:
    """The whole blocks of a Jacobian."""
    return [(each.name, with_zeros(each, first, node.shape, node.type.dtype)) for each, node in zip(blocks, wrt)]


def whole_square(blocks: list[MatrixBlock], wrt: tuple[Node, ...]) -> list[tuple[str, Node]]:
    """The whole blocks of a Hessian, line by line; those on one side of the diagonal are the others mirrored."""
    found = {}
    for each in blocks:
        of, by = wrt[each.of], wrt[each.by]
        found[each.of, each.by] = made = with_zeros(each, of.shape, by.shape, of.type.dtype)
        if each.of != each.by:
            found[each.by, each.of] = transposed(made, of.type.rank, by.type.dtype)
    return [(f"{x.name}_{y.name}_hessian", found[i, j]) for i, x in enumerate(wrt) for j, y in enumerate(wrt)]


def forward(graph: Graph, wrt: tuple[Node, ...], settle: Settle) -> list[MatrixBlock]:
    """The blocks of the Jacobian, from a tangent for each element of the inputs."""
    blocks = []
    for k, node in enumerate(wrt):
        (dot,) = _along(graph, node, partial(tangent, graph.results), settle)
        blocks.append(_block(f"{node.name}_jacobian", 0, k, dot, "input", node.type.dtype))
    return blocks


def backward(graph: Graph, wrt: tuple[Node, ...], settle: Settle) -> list[MatrixBlock]:
    """The blocks of the Jacobian, from a cotangent for each element of the result."""
    value = graph["value"]
    upstream = input_node(fresh("upstream", graph.input_names), value.type)
    bars = _of_units(upstream, adjoint(value, wrt, upstream), settle)
    return [
        _block(f"{node.name}_jacobian", 0, k, bar, "result", node.type.dtype)
        for k, (node, bar) in enumerate(zip(wrt, bars))
    ]


def hessian(graph: Graph, wrt: tuple[Node, ...], bars: list[Node], settle: Settle) -> list[MatrixBlock]:
    """The blocks of the Hessian on one side of its diagonal, and those on it: of gradients, by inputs with no more
    axes."""
    order = sorted(range(len(wrt)), key=lambda k: wrt[k].type.rank)
    blocks = []
    for place, k in enumerate(order):
        rows = order[place:]
        chosen = [bars[row] for row in rows]
        dots = _along(graph, wrt[k], partial(second_tangent, chosen), settle)
        blocks += [
            _block(f"{wrt[row].name}_{wrt[k].name}_hessian", row, k, dot, "input", wrt[row].type.dtype)
            for row, dot in zip(rows, dots)
        ]
    return blocks


def gauss_newton(graph: Graph, wrt: tuple[Node, ...], settle: Settle) -> list[MatrixBlock]:
    """The blocks on one side of the diagonal, and on it, of the Jacobian's transpose times the Jacobian."""
    jacobian = forward(graph, wrt, settle)
    blocks = []
    for i, x in enumerate(wrt):
        for j, y in enumerate(wrt[i:], i):
            name = f"{y.name}_{x.name}_products"
            left, right = jacobian[j].node, jacobian[i].node
            if left is None or right is None:
                blocks.append(MatrixBlock(name, j, i, None, ()))
                continue
            rank = graph["value"].type.rank
            first = _labels(y, jacobian[j].pairs, rank)
            second = _labels(x, jacobian[i].pairs, rank + y.type.rank)
            given = [(*range(rank), *(label for label in own if label >= rank)) for own in (first, second)]
            result = (*first, *(label for label in second if label not in first))
            args = cast(left, y.type.dtype), cast(right, y.type.dtype)
            made = make("contract", *args, attrs=(given[0], given[1], result))
            pairs = tuple((axis, second.index(label)) for axis, label in enumerate(first) if label in second)
            blocks.append(MatrixBlock(name, j, i, made, pairs))
    return blocks


def _labels(node: Node, pairs: tuple[tuple[int, int], ...], free: int) -> tuple[int, ...]:
    """What the axes of an input are called in a product of blocks: an axis in a pair as that of the result."""
    along = {axis: place for place, axis in pairs}
    return tuple(along.get(axis, free + axis) for axis in range(node.type.rank))


def diagonal(graph: Graph, wrt: tuple[Node, ...], bars: list[Node], settle: Settle) -> list[Node]:
    """The second derivative for each element of the inputs."""
    found = []
    for node, bar in zip(wrt, bars):
        (value,) = _along(graph, node, partial(second_tangent, [bar]), settle)
        found.append(_on_diagonal(value) if isinstance(value, Family) else constant(0.0, node.type))
    return found


def _on_diagonal(family: Family) -> Node:
    """Of a family of an array for its own elements, those where both are the same one."""
    made, pairs = laid_out(family, "input")
    rank = made.type.rank - family.leading
    along = {axis: place for place, axis in pairs}
    leading = iter(range(rank, made.type.rank))
    for axis in range(rank):
        other = along[axis] if axis in along else next(leading)
        if other != axis:
            made = make("mask", make("eq", iota(made.shape, axis), iota(made.shape, other)), made)
    return make("sum", made, attrs=(tuple(range(rank, made.type.rank)),)) if family.leading else made


def _read_one_by_one(node: Node, results: Sequence[Node]) -> dict[int, Node]:
    """The elements of a vector that a program reads at some places only, as in `p[0]*exp(-p[1]*t)`; nothing where it
    reads more of it than those."""
    found: dict[int, Node] = {}
    if node.type.rank != 1 or node in results:
        return found
    for each in topological(results):
        if node not in each.args:
            continue
        if each.op != "slice" or each.shape != (1,) or not isinstance(each.attrs[0][0][0], int):
            return {}
        found[each.attrs[0][0][0]] = each
    return found


def _along_elements(node: Node, elements: dict[int, Node], tangents: Tangents) -> list[Value]:
    """The same for a vector of which only some elements count: one tangent for each of them."""
    columns = [tangents({elements[at]: constant(1.0, elements[at].type)}) for at in sorted(elements)]
    return [_beside(node, sorted(elements), list(parts)) for parts in zip(*columns)]


def _beside(node: Node, places: list[int], parts: list[Node]) -> Value:
    """A family of some tangents, and zeros for the elements at other places."""
    if all(part.op == "const" and part.value == 0 for part in parts):
        return parts[0]
    shape = (*node.shape, *parts[0].shape)
    made, at = constant(0.0, parts[0].type.with_shape(shape)), iota(shape, 0)
    for place, part in zip(places, parts):
        here = make("eq", at, constant(place, at.type))
        made = make("where", here, broadcast(part, shape, tuple(range(1, len(shape)))), made)
    return Family(made, (None,))


def _along(graph: Graph, node: Node, tangents: Tangents, settle: Settle) -> list[Value]:
    """The families of tangents along every unit vector of an input."""
    elements = _read_one_by_one(node, [*graph.results, *tangents.args[0]])
    if 0 < len(elements) <= MAX_ELEMENTS[tangents.func]:
        return _along_elements(node, elements, tangents)
    seed = input_node(fresh(f"{node.name}_dot", graph.input_names), node.type)
    return _of_units(seed, tangents({node: seed}), settle)


def _of_units(seed: Node, results: list[Node], settle: Settle) -> list[Value]:
    return families(results, {seed: units(seed.shape, constant(1.0, seed.type))}, seed.shape, settle)


def _block(name: str, of: int, by: int, value: Value, seeds: str, dtype: str) -> MatrixBlock:
    if not isinstance(value, Family):
        return MatrixBlock(name, of, by, None, ())
    node, pairs = laid_out(value, seeds)
    return MatrixBlock(name, of, by, cast(node, dtype), pairs)
