"""Lowering: ops that are no primitives of the kernels, written in terms of others."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gradc.construct.template import instantiate
from gradc.ir.graph import Node, as_padded, broadcast, build, cast, constant, iota, make, squeeze, topological
from gradc.ir.ops import JOINS, OWN, ROWS, bits, others
from gradc.ir.sizes import Shape
from gradc.language.source import Span
from gradc.rewrite.contractions import contraction
from gradc.rewrite.folding import folded
from gradc.rewrite.unroll import are_small, short_axes, unroll

CONTRACTIONS = bits(row.name for row in ROWS if row.kind == "contraction")
PARTS = bits(JOINS)
REDUCTIONS = bits(row.name for row in ROWS if row.combine)
FOLDING = bits(("reshape",))
MATRICES = bits(row.name for row in ROWS if row.kind == "matrix")
LOWERABLE = (
    CONTRACTIONS
    | OWN
    | bits(row.name for row in ROWS if row.lowered or row.kind == "reduction" or row.access in ("scatter", "parts"))
)
"""The ops that lowering may write in terms of others, and those for which small matrices are written out."""


def lower(results: Iterable[Node], spans: dict[Node, Span] | None = None) -> list[Node]:
    """The results with every op that has a `lowered` text replaced by it, small matrices written out, and products as
    sums where loops serve."""
    spans = {} if spans is None else spans
    results = tuple(results)
    padded = as_padded(results, where=_has_short_axis) if _any(results, PARTS) else results
    found = unroll(_texts(padded, spans), spans)
    if _any(found, MATRICES):  # those that were not small after all
        found = _texts(found, spans, stays=never)
    found = _products(found, spans) if _any(found, CONTRACTIONS | REDUCTIONS) else found
    return folded(found, spans) if _any(found, FOLDING) else found


def _has_short_axis(node: Node) -> bool:
    """Whether arrays side by side are so few that they may be written out as their elements."""
    return node.attrs[0] in short_axes(node.shape)


def _any(results: Iterable[Node], ops: int) -> bool:
    return any(node.ops & ops for node in results)


def never(node: Node) -> bool:
    return False


def _texts(results: Iterable[Node], spans: dict[Node, Span], stays: Callable[[Node], bool] = are_small) -> list[Node]:
    """The results with every op that has a `lowered` text replaced by it, but for ops on small matrices."""
    results = tuple(results)
    new: dict[Node, Node] = {}
    stack = list(reversed(results))
    while stack:
        node = stack[-1]
        if node in new:
            stack.pop()
            continue
        pending = [arg for arg in node.args if arg not in new]
        if pending:
            stack += reversed(pending)
            continue
        args = tuple([new[arg] for arg in node.args])
        if node.row.lowered and not stays(node):
            text = _written_out(node, args)
            if text not in new:  # it may have ops that are lowered in turn
                new.update((arg, arg) for arg in args)
                stack.append(text)
                continue
            new[node] = new[text]
        elif node.op == "put_along" and node.args[0].shape[node.attrs[0]] == 1:
            new[node] = _placed(args[0], args[1], *node.attrs)
        else:
            new[node] = node if args == node.args else build(node.op, args, node.attrs)
        if node in spans:
            spans.setdefault(new[node], spans[node])
    return [new[node] for node in results]


def _written_out(node: Node, args: tuple[Node, ...]) -> Node:
    """The text of a node's `lowered` over lowered arguments."""
    assert node.row.lowered
    args = tuple(cast(arg, "f64") for arg in args) if node.row.wide else args
    bindings = dict(zip(node.row.params, args))
    dtype = args[-1].type.dtype
    if node.row.kind == "reduction":
        rank, (axes,) = args[0].type.rank, node.attrs
        is_short = node.row.lowered_short and set(axes) <= set(short_axes(args[0].shape))
        text = node.row.lowered_short if is_short else node.row.lowered
        lowered = instantiate(text, bindings, dtype=dtype, axes=axes, rank=rank)
    else:
        lowered = instantiate(node.row.lowered, bindings, dtype=dtype)
    return cast(lowered, node.type.dtype)


def _products(results: list[Node], spans: dict[Node, Span]) -> list[Node]:
    """The results with products of arrays in terms of what kernels do, and no reduction of one element."""
    new: dict[Node, Node] = {}
    for node in topological(results):
        args = tuple(new[arg] for arg in node.args)
        if node.row.kind == "contraction":
            new[node] = contraction(args[0], args[1], node.attrs)
        elif node.row.combine and any(args[0].shape[axis] == 1 for axis in node.attrs[0]):
            new[node] = _of_one(node.op, args[0], node.attrs[0])
        else:
            new[node] = node if args == node.args else build(node.op, args, node.attrs)
        if node in spans:
            spans.setdefault(new[node], spans[node])
    return [new[node] for node in results]


def _of_one(op: str, x: Node, axes: tuple[int, ...]) -> Node:
    """A reduction without its axes of one element."""
    gone = tuple(axis for axis in axes if x.shape[axis] == 1)
    left = others(x.type.rank, gone)
    reduced = tuple(left.index(axis) for axis in axes if axis not in gone)
    x = squeeze(x, gone)
    return make(op, x, attrs=(reduced,)) if reduced else x


def _placed(flow: Node, index: Node, axis: int, shape: Shape) -> Node:
    """One element of each row put at its index: a comparison with the position, which fuses, and no scatter."""
    dims = others(len(shape), (axis,))
    here = make("eq", iota(shape, axis), broadcast(squeeze(index, (axis,)), shape, dims))
    zero = constant(0.0, flow.type.with_shape(shape))
    return make("where", here, broadcast(squeeze(flow, (axis,)), shape, dims), zero)
