"""What goes along an axis in order: running products and extremes, sorting, quantiles, and interpolation in tables."""

from __future__ import annotations

from gradc.construct.builder import GraphBuilder
from gradc.construct.calls import CallArguments
from gradc.construct.indexing import slice_node
from gradc.construct.reductions import terms_of
from gradc.ir.graph import Check, Node, broadcast, cast, constant, iota, make, side_by_side, size_node, squeeze
from gradc.ir.ops import others
from gradc.ir.sizes import Shape, Size, derive, product
from gradc.ir.types import Type
from gradc.language.diagnostics import Error
from gradc.language.record import dataclass
from gradc.language.source import Span

# ---------------------------------------------------------------- running results


def cumprod(call: CallArguments) -> Node:
    (x,) = call.builder.numbers((call.x,))
    axis = call.axis_of(x)
    is_first = make("eq", iota(x.shape, axis), constant(0, Type("i64", x.shape)))
    zero = constant(0.0, x.type)
    factors, first = make("where", is_first, zero, x), make("where", is_first, x, zero)
    return make("recur", factors, first, attrs=(axis, False))


def running_extreme(call: CallArguments) -> Node:
    """`cummax` and `cummin`: the derivative goes to the first of the largest elements so far."""
    (x,) = call.builder.numbers((call.x,))
    axis = call.axis_of(x)
    key = x if call.name.endswith("max") else make("neg", x)
    return make("take_along", x, make("running_argmax", key, attrs=(axis,)), attrs=(axis,))


def logcumsumexp(call: CallArguments) -> Node:
    (x,) = call.builder.numbers((call.x,))
    return log_of_running_sum(x, call.axis_of(x))


def log_of_running_sum(x: Node, axis: int, weights: Node | None = None) -> Node:
    """The logarithm of running sums of exponentials, each relative to the largest so far: no matter how far the
    arguments are apart, nothing overflows or is lost. The largest counts as a constant: the result does not depend on
    it."""
    largest = make("take_along", x, make("running_argmax", x, attrs=(axis,)), attrs=(axis,))
    largest = make("shifted", constant(0.0, x.type), make("neg", largest))
    is_first = make("eq", iota(x.shape, axis), constant(0, Type("i64", x.shape)))
    kept = make("exp_shifted", _one_later(largest, axis), largest)
    factors = make("where", is_first, constant(0.0, x.type), kept)
    terms = make("exp_shifted", x, largest)
    terms = terms if weights is None else make("mul", weights, terms)
    total = make("recur", factors, terms, attrs=(axis, False))
    return make("add", make("log", total), largest)


def _one_later(x: Node, axis: int) -> Node:
    """Each element at the place behind its own."""
    read: list[tuple[Size, int, Size]] = [(0, 1, size) for size in x.shape]
    write = list(read)
    length = derive("max", derive("-", x.shape[axis], 1), 0)
    read[axis], write[axis] = (0, 1, length), (1, 1, length)
    return make("pad", make("slice", x, attrs=(tuple(read),)), attrs=(tuple(write), x.shape))


# ---------------------------------------------------------------- sorting


def sort(call: CallArguments) -> Node:
    """The elements in ascending order, NaN last; the derivative goes to the element."""
    (x,) = call.builder.numbers((call.x,))
    if "axis" in call.given and call.given["axis"] is None:
        x = make("reshape", x, attrs=((product(x.shape),),))
    return _sorted(x, call.axis_of(x, -1))


def argsort(call: CallArguments) -> Node:
    (x,) = call.builder.numbers((call.x,))
    if "axis" in call.given and call.given["axis"] is None:
        x = make("reshape", x, attrs=((product(x.shape),),))
    return make("argsort", x, attrs=(call.axis_of(x, -1),))


def _sorted(x: Node, axis: int) -> Node:
    return make("take_along", x, make("argsort", x, attrs=(axis,)), attrs=(axis,))


def searchsorted(call: CallArguments) -> Node:
    """How many elements of a sorted vector come before each value; with `side="right"`, also those equal to it."""
    table, x = call.builder.numbers((call.array("a"), call.array("v")))
    if table.type.rank != 1:
        raise Error("G0202", "`searchsorted` searches a vector", call.span("a"), label=f"this is {table.type}")
    side = call.given.get("side", "left")
    if side not in ("left", "right"):
        raise Error("G0204", '`side` is "left" or "right"', call.span("side"))
    return _found(table, x, side == "right")


def _found(table: Node, x: Node, from_right: bool) -> Node:
    """How many elements of a sorted vector come before each value."""
    if x.shape:
        return make("searchsorted", table, x, attrs=(from_right,))
    return squeeze(make("searchsorted", table, broadcast(x, (1,), ()), attrs=(from_right,)), (0,))


# ---------------------------------------------------------------- quantiles


@dataclass(frozen=True)
class _Rows:
    """Rows along a last axis, sorted, and how many elements of each count: all of them, or all but NaN."""

    sorted: Node
    count: Node | None
    """As a float; None for all."""
    missing: Node | None = None
    """Whether one of those that count is NaN."""

    @property
    def size(self) -> Size:
        return self.sorted.shape[-1]

    @property
    def kept(self) -> Shape:
        return self.sorted.shape[:-1]


def quantile(call: CallArguments) -> Node:
    """`median`, `quantile`, `percentile` and those that leave NaN out: linear between the elements next to the place
    q * (n - 1) in ascending order. The derivative goes to these elements, and to q."""
    builder = call.builder
    rows, gone = _rows(call)
    if call.name.endswith("median"):
        q = constant(0.5)
    else:
        q = call.array("q")
        _check_fraction(call, q, 100 if call.name.endswith("percentile") else 1)
        if call.name.endswith("percentile"):
            q = builder.elementwise("div", q, constant(100.0))
    if rows.count is not None and q.shape:
        raise Error("G0202", f"`{call.written}` takes one number for q", call.span("q"), label=f"this is {q.type}")
    result = _between(call, rows, q)
    if not call.flag("keepdims"):
        return result
    front = q.type.rank
    shape = (*q.shape, *(1 if k in gone else size for k, size in enumerate(call.x.shape)))
    dims = (*range(front), *(front + k for k in others(call.x.type.rank, gone)))
    return broadcast(result, shape, dims)


def _check_fraction(call: CallArguments, q: Node, most: int) -> None:
    if q.op == "const" and not 0 <= q.value <= most:
        raise Error("G0204", f"q is from 0 to {most}", call.span("q"))


def _rows(call: CallArguments) -> tuple[_Rows, tuple[int, ...]]:
    """The rows of the call's array over the axes asked for, and these axes."""
    terms = terms_of(call)
    (x,), gone, rank = call.builder.numbers((terms.x,)), terms.gone, terms.x.type.rank
    if terms.counted is not None:  # what does not count is sorted to the end, as NaN is
        x = make("where", terms.counted, x, constant(float("nan"), x.type))
    kept = others(rank, gone)
    order = (*kept, *gone)
    moved = x if order == tuple(range(rank)) else make("transpose", x, attrs=(order,))
    shape = (*(x.shape[k] for k in kept), product(tuple(x.shape[k] for k in gone)))
    if len(shape) != rank:
        moved = make("reshape", moved, attrs=(shape,)) if rank else broadcast(moved, (1,), ())
    message = f"`{call.written}` of an empty array"
    if shape[-1] == 0:
        raise Error("G0204", message, call.site.span, label=f"this is {x.type}")
    if not isinstance(shape[-1], int):
        call.builder.demand(Check(shape[-1], ">=", 1, message, call.site.span))
    count = None
    if terms.counted is not None:
        count = call.builder.reduce("sum", terms.counted, gone) if gone else cast(terms.counted, "f64")
        count = cast(count, "f64")
    missing = None
    if terms.counted is not None and not call.name.startswith("nan"):
        missing = make("and", terms.counted, make("ne", terms.x, terms.x))
        missing = make("any", missing, attrs=(gone,)) if gone else missing
    return _Rows(_sorted(moved, len(shape) - 1), count, missing), gone


METHODS = ("linear", "lower", "higher", "nearest", "midpoint")


def _between(call: CallArguments, rows: _Rows, q: Node) -> Node:
    """The value at a fraction of each row: with the axes of q first, then those of the rows."""
    builder, dtype = call.builder, rows.sorted.type.dtype
    method = call.given.get("method", "linear")
    if method not in METHODS:
        help = "the methods are " + ", ".join(f'"{name}"' for name in METHODS)
        raise Error("G0204", f"`{call.written}` has no such method", call.span("method"), help=help)
    fraction = cast(q, "f64")
    last = builder.elementwise("sub", rows.count or size_node(rows.size), constant(1.0))
    place = builder.elementwise("mul", fraction, last)
    if method != "linear":
        place = _whole_place(builder, place, method)
    below = builder.elementwise("floor", place)
    share = cast(builder.elementwise("sub", place, below), dtype)
    above = builder.elementwise("add", below, constant(1.0))
    low, high = (_element(rows, each, q.type.rank) for each in (below, above))
    share = broadcast(share, low.shape, tuple(range(share.type.rank))) if rows.count is None else share
    change = builder.elementwise("mul", builder.elementwise("sub", high, low), share)
    value = builder.elementwise("add", low, change)
    same = builder.elementwise("eq", high, low)  # of two equal infinities the difference is none
    value = builder.elementwise("where", _and(builder, same, _infinite(builder, low)), low, value)
    on_it = builder.elementwise("eq", share, constant(0.0))
    value = builder.elementwise("where", _and(builder, on_it, _infinite(builder, high)), low, value)
    nothing = constant(float("nan"), Type(dtype))
    if rows.count is None:
        end = squeeze(_at(rows.sorted, derive("-", rows.size, 1)), (len(rows.kept),))
        missing = builder.elementwise("ne", end, end)
        value = builder.elementwise("where", broadcast(missing, value.shape), nothing, value)
    else:
        value = builder.elementwise("where", builder.elementwise("lt", last, constant(0.0)), nothing, value)
        if rows.missing is not None:
            value = builder.elementwise("where", rows.missing, nothing, value)
    outside = builder.elementwise("not", _and(
        builder, builder.elementwise("ge", fraction, constant(0.0)), builder.elementwise("le", fraction, constant(1.0))
    ))  # fmt: skip
    if q.is_constant:
        return value
    outside = broadcast(outside, value.shape, tuple(range(q.type.rank)))
    return builder.elementwise("where", outside, nothing, value)


def _whole_place(builder: GraphBuilder, place: Node, method: str) -> Node:
    if method == "nearest":
        return builder.elementwise("round", place)
    below = builder.elementwise("floor", place)
    share = {"lower": 0.0, "midpoint": 0.5, "higher": 1.0}[method]
    between = builder.elementwise("lt", below, place)
    return builder.elementwise("add", below, builder.elementwise("where", between, constant(share), constant(0.0)))


def _and(builder: GraphBuilder, one: Node, other: Node) -> Node:
    return builder.elementwise("and", one, other)


def _infinite(builder: GraphBuilder, x: Node) -> Node:
    return builder.elementwise("eq", builder.elementwise("abs", x), constant(float("inf")))


def _element(rows: _Rows, place: Node, front: int) -> Node:
    """The elements of sorted rows at a whole place, which holds one for each q, or for each row."""
    axis = len(rows.kept)
    index = cast(place, "i64")
    end = size_node(derive("-", rows.size, 1), "i64")
    index = make("minimum", make("maximum", index, constant(0, index.type)), broadcast(end, index.shape))
    if rows.count is not None:
        index = broadcast(index, (*index.shape, 1), tuple(range(index.type.rank)))
        return squeeze(make("take_along", rows.sorted, index, attrs=(axis,)), (axis,))
    found = make("take", rows.sorted, index, attrs=(axis,))
    order = (*range(axis, axis + front), *range(axis))
    return make("transpose", found, attrs=(order,)) if front and axis else found


def _at(x: Node, place: Size) -> Node:
    """One place of the last axis."""
    parts: list[tuple[Size, int, Size]] = [(0, 1, size) for size in x.shape]
    parts[-1] = place, 1, 1
    return slice_node(x, tuple(parts))


# ---------------------------------------------------------------- tables


def interp(call: CallArguments) -> Node:
    """NumPy's `interp`: linear between the points of a table, constant outside unless `left` and `right` say more.
    Derivatives are for x, xp and fp; at a point of the table, those of the piece to its right, or of the last piece."""
    builder = call.builder
    x, xp, fp = builder.numbers((call.array("x"), call.array("xp"), call.array("fp")))
    for name, table in (("xp", xp), ("fp", fp)):
        if table.type.rank != 1:
            raise Error("G0202", f"`{name}` is a vector", call.span(name), label=f"this is {table.type}")
    builder.equal_sizes(xp.shape[0], fp.shape[0], (xp, fp), call.site.span)
    _check_table(call, xp.shape[0], call.span("xp"))
    if call.given.get("period") is not None:
        x, xp, fp = _wrapped(call, x, xp, fp)
    size = xp.shape[0]
    place = _found(xp, x, from_right=True)
    one = constant(1, place.type)
    start = broadcast(size_node(derive("max", derive("-", size, 2), 0), "i64"), x.shape)
    low = make("minimum", make("maximum", make("sub", place, one), constant(0, place.type)), start)
    end = broadcast(size_node(derive("-", size, 1), "i64"), x.shape)
    high = make("minimum", make("add", low, one), end)
    x0, x1, f0, f1 = (make("take", table, at, attrs=(0,)) for table in (xp, fp) for at in (low, high))
    width = make("sub", x1, x0)
    none = make("eq", width, constant(0.0, width.type))
    safe = make("where", none, constant(1.0, width.type), width)
    slope = make("where", none, constant(0.0, width.type), make("div", make("sub", f1, f0), safe))
    from_low = make("add", f0, make("mul", slope, make("sub", x, x0)))
    from_high = make("add", f1, make("mul", slope, make("sub", x, x1)))
    value = make("where", make("ge", x, x1), from_high, from_low)
    for name, relation, at in (("left", "lt", 0), ("right", "gt", derive("-", size, 1))):
        edge, outer = (squeeze(_at(table, at), (0,)) for table in (xp, fp))
        if call.given.get(name) is not None:
            outer = call.array(name)
            if outer.shape:
                raise Error("G0202", f"`{name}` is one number", call.span(name), label=f"this is {outer.type}")
        beyond = make(relation, x, broadcast(edge, x.shape))
        value = builder.elementwise("where", beyond, outer, value)
    return value


def _check_table(call: CallArguments, size: Size, span: Span | None) -> None:
    message = "`interp` in a table without points"
    if size == 0:
        raise Error("G0204", message, span)
    if not isinstance(size, int):
        call.builder.demand(Check(size, ">=", 1, message, span))


def _wrapped(call: CallArguments, x: Node, xp: Node, fp: Node) -> tuple[Node, Node, Node]:
    """x within a period, and the table in order with a point more on either side."""
    builder = call.builder
    period = builder.elementwise("abs", call.array("period"))
    x, xp = (builder.elementwise("mod", each, period) for each in (x, xp))
    order = make("argsort", xp, attrs=(0,))
    xp, fp = (make("take", each, order, attrs=(0,)) for each in (xp, fp))
    last = derive("-", xp.shape[0], 1)
    behind = builder.elementwise("sub", _at(xp, last), period)
    ahead = builder.elementwise("add", _at(xp, 0), period)
    return x, side_by_side((behind, xp, ahead), 0), side_by_side((_at(fp, last), fp, _at(fp, 0)), 0)
