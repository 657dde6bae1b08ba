"""The functions that reduce over axes, and those that repeat what they reduced."""

from __future__ import annotations

from collections.abc import Callable

from gradc.construct.calls import CallArguments
from gradc.construct.joined import number
from gradc.ir.graph import Check, Node, broadcast, constant
from gradc.ir.ops import OPS, others
from gradc.ir.sizes import product
from gradc.language.diagnostics import Error


def reduction(call: CallArguments) -> Node:
    """An op that reduces over `axis`, or `count`."""
    return _kept(call, lambda axes: call.builder.reduce(call.name, call.x, axes))


def mean(call: CallArguments) -> Node:
    return _kept(call, lambda axes: _mean(call, axes))


def variance(call: CallArguments) -> Node:
    return _kept(call, lambda axes: _variance(call, axes))


def deviation(call: CallArguments) -> Node:
    return _kept(call, lambda axes: _standard_deviation(call, axes))


def _kept(call: CallArguments, reduced: Callable[[tuple[int, ...] | None], Node]) -> Node:
    """What reduces over the axes asked for; with `keepdims`, these are kept with size 1."""
    x = call.x
    axes = call.axes(x.type.rank)
    if call.name in OPS and OPS[call.name].needs_elements:
        _check_elements(call, axes)
    result = reduced(axes)
    if not call.flag("keepdims"):
        return result
    gone = tuple(range(x.type.rank)) if axes is None else axes
    shape = tuple(1 if axis in gone else size for axis, size in enumerate(x.shape))
    return broadcast(result, shape, others(x.type.rank, gone))


def extremes(call: CallArguments) -> Node:
    """`max` and `min` of several values, element by element; of one value, a reduction."""
    if len(call.args) < 2 and "y" not in call.keywords:
        return reduction(call)
    for key in call.keywords:
        if key in ("axis", "keepdims"):
            raise Error("G0304", f"`{call.written}` of several values has no `{key}`", call.site.keys.get(key))
    given = (*call.args, *call.keywords.values())
    values = [number(call.builder, value, call.site.part(position)) for position, value in enumerate(given)]
    op = OPS[call.name].combine
    result = values[0]
    for value in values[1:]:
        result = call.builder.extreme(op, result, value, call.site.span)
    return result


def _mean(call: CallArguments, axes: tuple[int, ...] | None) -> Node:
    builder = call.builder
    total = builder.reduce("sum", call.x, axes)
    return builder.elementwise("div", total, builder.reduce("count", call.x, axes), span=call.site.span)


def _from_mean(call: CallArguments, axes: tuple[int, ...] | None) -> tuple[Node, Node]:
    """The distance from the mean, and the number of elements it is to be divided by."""
    builder, x = call.builder, call.x
    count = builder.reduce("count", x, axes)
    if "ddof" in call.given:
        count = builder.elementwise("sub", count, constant(call.integer("ddof"), count.type))
    return builder.elementwise("sub", x, along(_mean(call, axes), x, axes)), count


def _variance(call: CallArguments, axes: tuple[int, ...] | None) -> Node:
    deviation, count = _from_mean(call, axes)
    total = call.builder.reduce("sum", call.builder.elementwise("square", deviation), axes)
    return call.builder.elementwise("div", total, count)


def _standard_deviation(call: CallArguments, axes: tuple[int, ...] | None) -> Node:
    deviation, count = _from_mean(call, axes)
    builder = call.builder
    return builder.elementwise("div", builder.reduce("norm", deviation, axes), builder.elementwise("sqrt", count))


def softmax(call: CallArguments) -> Node:
    """exp(x - logsumexp(x)) over the last axis, or those asked for; `log_softmax` is its logarithm."""
    x, builder = call.x, call.builder
    if x.type.rank == 0:
        raise Error(
            "G0202", f"`{call.name}` takes an array", call.span("x"), label=f"this is {x.type}",
            help="pass an array, or declare one, as in `x: f64[n]`",
        )  # fmt: skip
    axes = call.axes(x.type.rank) if "axis" in call.given else (x.type.rank - 1,)
    shifted = builder.elementwise("sub", x, along(builder.reduce("logsumexp", x, axes), x, axes))
    return shifted if call.name == "log_softmax" else builder.elementwise("exp", shifted)


def along(value: Node, x: Node, axes: tuple[int, ...] | None) -> Node:
    """A reduction's result repeated along the axes of x that it reduced."""
    reduced = tuple(range(x.type.rank)) if axes is None else axes
    return broadcast(value, x.shape, others(x.type.rank, reduced))


def _check_elements(call: CallArguments, axes: tuple[int, ...] | None) -> None:
    """Extremes and their positions have no value for an empty array; in a template they are infinite."""
    if call.builder.axes is not None:
        return
    x = call.x
    count = product(tuple(size for axis, size in enumerate(x.shape) if axes is None or axis in axes))
    message = f"`{call.written}` of an empty array"
    if count == 0:
        raise Error("G0204", message, call.site.span, label=f"this is {x.type}")
    if not isinstance(count, int):
        call.builder.checks.append(Check(count, ">=", 1, message, call.site.span))
