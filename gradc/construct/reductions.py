"""The functions that reduce over axes, and those that repeat what they reduced."""

from __future__ import annotations

from collections.abc import Callable
from math import nan

from gradc.construct.calls import CallArguments
from gradc.construct.describe import describe
from gradc.construct.joined import number
from gradc.construct.matrices import norm_of_matrices
from gradc.construct.selected import Selected, no_selection
from gradc.ir.graph import Check, Node, broadcast, constant, make
from gradc.ir.ops import OPS, others
from gradc.ir.sizes import product
from gradc.language.diagnostics import Error
from gradc.language.record import dataclass


@dataclass(frozen=True)
class Terms:
    """What a reduction takes: an array, where its elements count (None: everywhere), and the axes (None: all)."""

    x: Node
    counted: Node | None
    axes: tuple[int, ...] | None

    @property
    def gone(self) -> tuple[int, ...]:
        return tuple(range(self.x.type.rank)) if self.axes is None else self.axes


def reduction(call: CallArguments) -> Node:
    """An op that reduces over `axis`, or `count`; the norm of a matrix may be another than the root of its squares."""
    order = _order(call) if call.name == "norm" else None
    if order is not None:
        return norm_of_matrices(call, order)
    return _kept(call, lambda terms: _reduced(call, call.name.removeprefix("nan"), terms))


ORDERS = ("fro", "nuc", 2)


def _order(call: CallArguments) -> str | int | None:
    """Which norm of a matrix is asked for, by `ord` or in its place: an axis 2 a matrix does not have."""
    for parameter in ("ord", "axis"):
        value = call.given.get(parameter)
        if isinstance(value, Node) and value.op == "const" and value.value == 2 and not value.shape:
            value = 2 if parameter == "ord" or call.x.type.rank == 2 else None
            if value is None and call.x.type.rank > 2 and parameter not in call.keywords:
                raise Error(
                    "G0204", "2 may be an axis or the norm of each matrix", call.span("axis"),
                    label=f"{describe(call.x)} is {call.x.type}", help="write `axis=2` or `ord=2`",
                )  # fmt: skip
        if isinstance(value, str) or (parameter == "ord" and value is not None) or value == 2:
            if value in ORDERS:
                return value
            help = 'the norms of a matrix are "fro", "nuc" and 2'
            raise Error("G0204", "`norm` has no such order", call.span(parameter), help=help)
    return None


def mean(call: CallArguments) -> Node:
    return _kept(call, lambda terms: _mean(call, terms))


def variance(call: CallArguments) -> Node:
    return _kept(call, lambda terms: _variance(call, terms))


def deviation(call: CallArguments) -> Node:
    return _kept(call, lambda terms: _standard_deviation(call, terms))


def _kept(call: CallArguments, reduced: Callable[[Terms], Node]) -> Node:
    """What reduces over the axes asked for; with `keepdims`, these are kept with size 1."""
    terms = terms_of(call)
    x = terms.x
    if call.name.removeprefix("nan") in OPS and OPS[call.name.removeprefix("nan")].needs_elements:
        _check_elements(call, x, terms.axes)
    result = reduced(terms)
    if not call.flag("keepdims"):
        return result
    shape = tuple(1 if axis in terms.gone else size for axis, size in enumerate(x.shape))
    return broadcast(result, shape, others(x.type.rank, terms.gone))


def terms_of(call: CallArguments) -> Terms:
    """The array of a reduction. A selection, `where`, and a name that leaves NaN out say which elements count."""
    builder, value = call.builder, call.given["x"]
    counted = None
    if isinstance(value, Selected):
        if call.given.get("axis") is not None or call.flag("keepdims"):
            value = value.along_one_axis()
        counted, call.given["x"] = value.spread, value.values
    x = call.x
    axes = call.axes(x.type.rank)
    if isinstance(value, Selected) and axes is not None and value.axis not in axes:
        raise no_selection(call.span("axis"))
    if call.given.get("where") is not None:
        wanted = builder.condition(call.array("where"))
        if builder.common_shape((x, wanted), call.span("where")) != x.shape:
            raise Error(
                "G0203", "`where` has more axes or elements than the array", call.span("where"),
                label=f"this is {wanted.type}, the array {x.type}",
            )  # fmt: skip
        wanted = builder.broadcast_to(wanted, x.shape)
        counted = wanted if counted is None else make("and", counted, wanted)
    if call.name.startswith("nan"):
        (x,) = builder.numbers((x,))
        there = make("eq", x, x)
        counted = there if counted is None else make("and", counted, there)
    return Terms(x, counted, axes)


def _reduced(call: CallArguments, name: str, terms: Terms) -> Node:
    builder, x, counted, axes = call.builder, terms.x, terms.counted, terms.axes
    if counted is None:
        return builder.reduce(name, x, axes)
    if name == "count":
        return builder.reduce("sum", counted, axes)
    nothing = OPS[name].identity
    if nothing is None:
        raise no_selection(call.span("x"))
    if isinstance(nothing, bool):
        x = builder.condition(x)
        x = make("or", make("not", counted), x) if nothing else make("and", counted, x)
        return builder.reduce(name, x, axes)
    filled = builder.elementwise("where", counted, x, constant(nothing))
    result = builder.reduce(name, filled, axes)
    if not OPS[name].needs_elements:
        return result
    return builder.elementwise("where", builder.reduce("any", counted, axes), result, constant(nan))


def extremes(call: CallArguments) -> Node:
    """`max` and `min` of several values, element by element; of one value, a reduction."""
    if len(call.args) < 2 and "y" not in call.keywords:
        return reduction(call)
    for key in call.keywords:
        if key in ("axis", "keepdims", "where"):
            raise Error("G0304", f"`{call.written}` of several values has no `{key}`", call.site.keys.get(key))
    given = (*call.args, *call.keywords.values())
    values = [number(call.builder, value, call.site.part(position)) for position, value in enumerate(given)]
    result = values[0]
    for value in values[1:]:
        result = call.builder.extreme(OPS[call.name].combine, result, value, call.site.span)
    return result


def _mean(call: CallArguments, terms: Terms) -> Node:
    total, count = _reduced(call, "sum", terms), _reduced(call, "count", terms)
    return call.builder.elementwise("div", total, count, span=call.site.span)


def _from_mean(call: CallArguments, terms: Terms) -> tuple[Terms, Node]:
    """The distance from the mean, and the number of elements it is to be divided by."""
    builder, x = call.builder, terms.x
    count = _reduced(call, "count", terms)
    if "ddof" in call.given:
        count = builder.elementwise("sub", count, constant(call.integer("ddof"), count.type))
    distance = builder.elementwise("sub", x, along(_mean(call, terms), x, terms.axes))
    return Terms(distance, terms.counted, terms.axes), count


def _variance(call: CallArguments, terms: Terms) -> Node:
    distance, count = _from_mean(call, terms)
    square = Terms(call.builder.elementwise("square", distance.x), terms.counted, terms.axes)
    return call.builder.elementwise("div", _reduced(call, "sum", square), count)


def _standard_deviation(call: CallArguments, terms: Terms) -> Node:
    distance, count = _from_mean(call, terms)
    builder = call.builder
    return builder.elementwise("div", _reduced(call, "norm", distance), builder.elementwise("sqrt", count))


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


def _check_elements(call: CallArguments, x: Node, axes: tuple[int, ...] | None) -> None:
    """Extremes and their positions have no value for an empty array; in a template they are infinite."""
    if call.builder.axes is not None:
        return
    count = product(tuple(size for axis, size in enumerate(x.shape) if axes is None or axis in axes))
    message = f"`{call.written}` of an empty array"
    if count == 0:
        raise Error("G0204", message, call.site.span, label=f"this is {x.type}")
    if not isinstance(count, int):
        call.builder.checks.append(Check(count, ">=", 1, message, call.site.span))
