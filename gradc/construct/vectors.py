"""Functions of vectors that other tools have: convolutions, cross and Kronecker products, trapezoids, lengths."""

from __future__ import annotations

from gradc.construct.builder import GraphBuilder
from gradc.construct.calls import CallArguments
from gradc.construct.indexing import slice_node
from gradc.construct.joined import number, stacked
from gradc.ir.graph import Check, Node, broadcast, constant, iota, make, size_node, squeeze
from gradc.ir.sizes import Size, derive
from gradc.language.diagnostics import Error

UNROLLED = 16
"""A convolution with at most so many terms is a sum of shifted arrays; a longer one has a loop over them."""

MODES = ("full", "same", "valid")


def hypot(call: CallArguments) -> Node:
    """The square root of the sum of squares of several values, element by element."""
    given = (*call.args, *call.keywords.values())
    first, *rest = (number(call.builder, value, call.site.part(at)) for at, value in enumerate(given))
    for value in rest:
        first = call.builder.elementwise("hypot", first, value, span=call.site.span)
    return first


def trapezoid(call: CallArguments) -> Node:
    """The area under a line through points: NumPy's `trapezoid`."""
    builder = call.builder
    (y,) = builder.numbers((call.y,))
    axis = call.axis_of(y, -1)
    between = builder.elementwise("add", _part(y, axis, 1), _part(y, axis, 0))
    width = call.array("dx") if "dx" in call.given else constant(1.0)
    if call.given.get("x") is not None:
        (x,) = builder.numbers((call.x,))
        if x.type.rank == 1:
            builder.equal_sizes(x.shape[0], y.shape[axis], (x, y), call.span("x"))
            steps = builder.elementwise("sub", _part(x, 0, 1), _part(x, 0, 0))
            width = broadcast(steps, between.shape, (axis,))
        else:
            along = x.type.rank - y.type.rank + axis
            width = builder.elementwise("sub", _part(x, along, 1), _part(x, along, 0))
    area = builder.elementwise("mul", between, width, span=call.site.span)
    total = builder.reduce("sum", area, (area.type.rank - y.type.rank + axis,))
    return builder.elementwise("mul", total, constant(0.5))


def _part(x: Node, axis: int, first: int) -> Node:
    """Along an axis all elements but the last one, or but the first."""
    parts: list[tuple[Size, int, Size]] = [(0, 1, size) for size in x.shape]
    parts[axis] = first, 1, derive("max", derive("-", x.shape[axis], 1), 0)
    return slice_node(x, tuple(parts))


def cross(call: CallArguments) -> Node:
    """The cross product of vectors along the last axis: of three elements, or of two, whose product is a number."""
    builder = call.builder
    a, b = builder.numbers((call.array("a"), call.array("b")))
    sizes = []
    for name, vectors in (("a", a), ("b", b)):
        size = vectors.shape[-1] if vectors.shape else 0
        if size not in (2, 3) and not (isinstance(size, str) and size in builder.nameable):
            raise Error(
                "G0202", "`cross` takes vectors of 2 or 3 elements", call.span(name), label=f"this is {vectors.type}",
                help="" if isinstance(size, int) else "declare the size, as in `x: f64[3]` or `x: f64[n, 3]`",
            )  # fmt: skip
        sizes.append(size)
    count = next((size for size in sizes if isinstance(size, int)), 3)
    for size in sizes:
        builder.equal_sizes(size, count, (a, b), call.site.span)

    def minor(i: int, j: int) -> Node:
        """a[i] * b[j] - a[j] * b[i]."""
        products = (
            builder.elementwise("mul", _last(a, m), _last(b, n), span=call.site.span) for m, n in ((i, j), (j, i))
        )
        return builder.elementwise("sub", *products)

    if count == 2:
        return minor(0, 1)
    rows = (minor(1, 2), minor(2, 0), minor(0, 1))
    return stacked(rows, rows[0].type.rank)


def _last(x: Node, place: int) -> Node:
    """One place of the last axis."""
    parts: list[tuple[Size, int, Size]] = [(0, 1, size) for size in x.shape]
    parts[-1] = place, 1, 1
    return squeeze(slice_node(x, tuple(parts)), (x.type.rank - 1,))


def kron(call: CallArguments) -> Node:
    """The Kronecker product: each element of a times all of b."""
    a, b = call.builder.numbers((call.array("a"), call.array("b")))
    rank = max(a.type.rank, b.type.rank)
    left, right = ((1,) * (rank - x.type.rank) + x.shape for x in (a, b))
    shape = tuple(size for pair in zip(left, right) for size in pair)
    wide = (
        broadcast(x, shape, tuple(2 * (rank - x.type.rank + k) + side for k in range(x.type.rank)))
        for side, x in enumerate((a, b))
    )
    product = make("mul", *wide)
    return make("reshape", product, attrs=(tuple(derive("*", m, n) for m, n in zip(left, right)),)) if rank else product


# ---------------------------------------------------------------- convolutions


def convolve(call: CallArguments) -> Node:
    """`out[k]` is the sum of `a[j] * v[k - j]`; `correlate` has `a[j + k] * v[j]` and by default `valid`."""
    builder, is_correlation = call.builder, call.name == "correlate"
    a, v = builder.numbers((call.array("a"), call.array("v")))
    for name, x in (("a", a), ("v", v)):
        if x.type.rank != 1:
            raise Error("G0202", f"`{call.written}` takes vectors", call.span(name), label=f"this is {x.type}")
        _not_empty(call, x.shape[0], name)
    mode = call.given.get("mode", "valid" if is_correlation else "full")
    if mode not in MODES:
        help = "the modes are " + ", ".join(f'"{name}"' for name in MODES)
        raise Error("G0204", f"`{call.written}` has no such mode", call.span("mode"), help=help)
    n, m = a.shape[0], v.shape[0]
    if is_correlation:
        v = slice_node(v, ((derive("-", m, 1), -1, m),))
    whole = _convolved(builder, a, v)
    if mode == "full":
        return whole
    short, long = derive("min", n, m), derive("max", n, m)
    less = derive("-", short, 1)
    if mode == "valid":
        return slice_node(whole, ((less, 1, derive("+", derive("-", long, short), 1)),))
    if is_correlation:  # NumPy exchanges the two where v is longer, and so rounds the other way
        less = derive("+", less, derive("min", derive("max", derive("-", m, n), 0), 1))
    return slice_node(whole, ((derive("//", less, 2), 1, long),))


def _not_empty(call: CallArguments, size: Size, name: str) -> None:
    message = f"`{call.written}` of an empty array"
    if size == 0:
        raise Error("G0204", message, call.span(name))
    if not isinstance(size, int):
        call.builder.demand(Check(size, ">=", 1, message, call.span(name)))


def _convolved(builder: GraphBuilder, a: Node, v: Node) -> Node:
    n, m = a.shape[0], v.shape[0]
    if isinstance(n, int) and (not isinstance(m, int) or n < m):
        a, v, n, m = v, a, m, n
    length = derive("-", derive("+", n, m), 1)
    if isinstance(m, int) and m <= UNROLLED:
        total = None
        for k in range(m):
            factor = broadcast(squeeze(slice_node(v, ((k, 1, 1),)), (0,)), a.shape)
            term = make("pad", make("mul", a, factor), attrs=(((k, 1, n),), (length,)))
            total = term if total is None else make("add", total, term)
        assert total is not None
        return total
    less = derive("-", m, 1)
    padded = make("pad", a, attrs=(((less, 1, n),), (derive("+", length, less),)))
    shape = (length, m)
    row, column = iota(shape, 0), iota(shape, 1)
    last = broadcast(size_node(less, "i64"), shape)
    index = make("sub", make("add", row, last), column)
    terms = make("mul", make("take", padded, index, attrs=(0,)), broadcast(v, shape, (1,)))
    return builder.reduce("sum", terms, (1,))
