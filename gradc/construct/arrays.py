"""The functions that index arrays, and those that multiply them, from the arguments of a call."""

from __future__ import annotations

from collections.abc import Callable

from gradc.construct import indexing, products
from gradc.construct.calls import CallArguments
from gradc.construct.joined import Listed, number, whole
from gradc.construct.static import static_size
from gradc.ir.graph import Node, iota
from gradc.language.diagnostics import Error


def take(call: CallArguments) -> Node:
    x, chosen = call.x, _indices(call)
    axes = call.axes(x.type.rank)
    if axes is None and x.type.rank != 1:
        raise Error("G0204", "`take` from several axes needs `axis`", call.site.span, label=f"this is {x.type}")
    axis = axes[0] if axes else 0
    return indexing.take(call.builder, x, chosen, axis, call.span("indices"))


def take_along(call: CallArguments) -> Node:
    axes = call.axes(call.x.type.rank)
    assert axes is not None
    return indexing.take_along(call.builder, call.x, _indices(call), axes[0], call.span("indices"))


def one_hot(call: CallArguments) -> Node:
    size = static_size(call.builder, call.given["size"], call.span("size"))
    return indexing.one_hot(call.builder, _indices(call), size, call.span("indices"))


def arange(call: CallArguments) -> Node:
    return iota((static_size(call.builder, call.given["size"], call.span("size")),), 0)


def _indices(call: CallArguments) -> Node:
    chosen = call.given["indices"]
    if isinstance(chosen, Listed):
        return whole(call.builder, chosen)
    if not isinstance(chosen, Node):
        raise Error("G0202", f"`{call.name}` takes an array of integers", call.span("indices"))
    return chosen


PRODUCTS: dict[str, Callable[..., Node]] = {
    "dot": products.inner, "outer": products.outer, "matmul": products.matmul,
}  # fmt: skip


def product(call: CallArguments) -> Node:
    return PRODUCTS[call.name](call.builder, call.x, call.y, call.site.span)


def einsum(call: CallArguments) -> Node:
    subscripts, *operands = call.args or ("",)
    if not isinstance(subscripts, str) or call.keywords:
        raise Error(
            "G0202", "`einsum` takes subscripts as its first argument", call.site.span,
            help='write them in quotes, a letter for each axis, as in `einsum("ij,jk->ik", A, B)`',
        )  # fmt: skip
    arrays = tuple(number(call.builder, value, call.site.part(at)) for at, value in enumerate(operands, 1))
    return products.einsum(call.builder, subscripts, arrays, call.site.span)
