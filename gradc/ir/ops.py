"""THE op table: one op, one row.

A row says what an op is called, what its arguments are called, its partial derivative for each argument
as text in gradc's own language, how NumPy evaluates it, how Python writes it, and where to test it.

The facts of an op stand in its row and nowhere else: what it costs, what its integers and signs do, how a kernel
reads it, what it is called; a test looks for sets of op names in other files.

Reading a partial: arguments go by their names, `out` is the result. Both modes come from the same text,
`x_bar += out_bar * partial` and `out_dot += partial * x_dot`. `mask(c, v)` is v where c holds and *nothing*
elsewhere: not the number zero, which times infinity is NaN, but the absence of a path. None marks an
argument that has no derivative, "0" one whose derivative vanishes wherever it exists.

Ops that move data are linear; their rows state the transposed op instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import inf
from typing import Any

from gradc.ir.affine import FIRST
from gradc.ir.sizes import Shape, Size, derive
from gradc.ir.types import Type
from gradc.language.record import record

Interval = tuple[float, float]
Attrs = tuple[Any, ...]
Element = Callable[[Attrs, tuple[Any, ...]], tuple[Any, ...]]

REAL = (-4.0, 4.0)
POSITIVE = (0.1, 6.0)
UNIT = (-0.95, 0.95)
BEYOND_ONE = (1.05, 6.0)


@record
class Op:
    """A row. `kind` is one of source, elementwise, reduction, contraction, movement, gather, scan, loop, matrix."""

    name: str
    kind: str
    params: tuple[str, ...]
    infer: Callable[[tuple[Type, ...], Attrs], Type]
    partials: tuple[str | None, ...] = ()
    transpose: Callable[[Type, Attrs], tuple[str, Attrs]] | None = None
    """Of a linear op: from argument type and attrs to the transposed op and its attrs."""
    tangents: tuple[str, ...] = ()
    """Of an op on matrices, for each argument: what its tangent `dot` contributes to that of the result, as text. It is
    linear in `dot`; reverse mode transposes it. Empty where the op is itself linear in the argument, or is part of a
    factor, which no derivative asks for."""
    transposes: tuple[str, ...] = ()
    """Of an op on matrices that is linear in an argument: what the cotangent `bar` of the result contributes to that
    of the argument."""
    numpy: str = ""
    """The reference: a dotted name, called with the argument arrays."""
    python: str = ""
    """The emitted Python: `{0}`, `{1}`, ... are the arguments, `{dtype}` and `{zero}` the result's type and its zero."""
    scipy: str = ""
    """SciPy's compiled function of this name (`scipy.special.cython_special`), which kernels call."""
    owned: bool = False
    """Whether a user made it of a Numba function, which kernels call (`gradc.ir.own`)."""
    orders: tuple[str, ...] = ()
    """The arguments whose derivative has no closed form: to ask for it is an error."""
    lowered: str = ""
    """For an op that is no primitive of the kernels: its meaning in terms of others, as text."""
    lowered_short: str = ""
    """Of a reduction: the same over a few elements, which may be read twice."""
    wide: bool = False
    """Whether `lowered` is computed in f64 even for f32, whose range is too small for it."""
    domain: tuple[Interval, ...] = ()
    """Where tests draw each argument."""
    bit: int = 0
    """What stands for the op in a set of ops: one bit of an integer."""
    cost: int = 0
    """The work of an element of an elementwise op, in additions."""
    of_integers: str = ""
    """The emitted Python for integers, where dividing them may have no answer."""
    symbol: str = ""
    """What a picture calls the op; its name if this is empty."""
    sign: str = ""
    """The operator that writes it, in the language as in Python, before or between its arguments."""
    with_number: tuple[str, str] = ("", "")
    """The same where the left argument is a number, and where the right one is."""
    identity: float | bool | None = None
    """What leaves the other argument as it is; of a reduction, its value for no terms."""
    clamp: str = ""
    """The op to take where one argument is a constant, which has no share in the gradient."""
    combine: str = ""
    """The elementwise op that joins two partial results of a reduction."""
    noun: str = ""
    """What a running result of a reduction is called."""
    conditions: int = 0
    """How many of the first arguments are conditions."""
    access: str = ""
    """Of an op that moves data, how a kernel does it: "read" (it only changes which element is read), "scatter" (it
    adds into a part of an array of zeros), "parts" (it stores each argument in a part of an array), "view" (the same
    array in another shape) or "call" (whole arrays)."""
    element: Element | None = None
    """From attrs and the index of an element of the result to the element of the argument that is read; of a scatter,
    from the element of the argument to where it goes."""
    lifted: Callable[[Attrs, Shape], Attrs] | None = None
    """From attrs to those of the same op on arrays with more axes in front, of these sizes."""
    positions: bool = False
    """Whether it gives positions along the axes it reduces."""
    needs_elements: bool = False
    """Whether a reduction has no value for an empty array."""
    is_number: bool = False
    """Whether it is one number everywhere, which no input holds."""
    is_known: bool = False
    """Whether it is one or several numbers that the program states."""
    in_memory: bool = False
    """Whether its elements are in memory before anything is computed."""
    aligned: bool = False
    """Whether an array of indices has an index for each element, not one for each row."""
    linear: str = ""
    """The arguments in which it is linear while the others stay: those between bars together, as in "x y" or "x | y"."""
    inverts: bool = False
    """Whether it is the inverse of a matrix."""
    is_routine: bool = False
    """Whether it is an op on matrices that kernels have a routine for, as part of which others are written."""
    commutative: bool = False
    is_variadic: bool = False
    """Whether it takes any number of arguments, all of one kind."""
    adds: bool = False
    """Whether it adds up elements, and rounds while it does."""
    raises: bool = False
    """Whether Python's own floats raise where IEEE arithmetic gives infinity or NaN; NumPy's do not."""
    odd: bool = False
    """Whether the negated argument gives the negated result, bit for bit."""
    factors: bool = False
    """Whether it multiplies its arguments, divides one by the other or changes the sign."""
    polynomial: bool = False
    """Whether polynomials are made of it."""
    even: bool = False
    """Whether the negated argument gives the same result, bit for bit."""
    homogeneous: bool = False
    """Whether f(s * x) = abs(s) * f(x) for every number s, so that it has a kink where it is zero."""
    steep: bool = False
    """Whether it is finite somewhere where its slope is not."""
    root: bool = False
    """Whether it is steep as a square root is, so that of a square it has a kink there."""
    fades: bool = False
    """Whether its slope vanishes faster than any power of its argument grows."""
    limit: str = ""
    """Of an op that jumps where its last argument is 0: its value next to that, as text, given the tangents of its
    arguments and the side, 1 ahead and -1 behind."""
    tame: bool = False
    """Whether its slopes are finite wherever its arguments are."""
    hidden: bool = False
    """Whether the language has no function of this name."""
    keeps_integers: bool = False
    """Whether it gives integers, or conditions, for integers."""
    keeps_positive: bool = False
    """Whether it is positive for positive arguments."""
    keeps_squares: bool = False
    """Whether a sum of squares, or one with a positive factor, becomes another one."""
    exponential: bool = False
    """Whether it is positive, and overflows or vanishes where its logarithm is an ordinary number."""
    overflows: bool = False
    """Whether an exponential overflows."""

    def gives_nothing(self, zeros: Sequence[bool]) -> bool:
        """Whether it is linear in arguments that are zero, those for which this holds."""
        if self.is_variadic:
            return bool(self.linear) and all(zeros)
        given = dict(zip(self.params, zeros))
        return any(all(given[name] for name in group.split()) for group in self.linear.split("|") if group)

    @property
    def keeps_elements(self) -> bool:
        """Whether each element of the result is one of the argument."""
        return self.access in ("read", "view")

    @property
    def is_sum(self) -> bool:
        """Whether it adds two terms, or takes one off the other."""
        return self.sign in ("+", "-") and len(self.params) == 2

    @property
    def selects(self) -> bool:
        """Whether a condition says which argument the result is."""
        return 0 < self.conditions < len(self.params)


# ---------------------------------------------------------------- types of results


def _first(types: tuple[Type, ...], attrs: Attrs) -> Type:
    return types[0]


def _last(types: tuple[Type, ...], attrs: Attrs) -> Type:
    return types[-1]


def _condition(types: tuple[Type, ...], attrs: Attrs) -> Type:
    return types[0].with_dtype("bool")


def _attribute(types: tuple[Type, ...], attrs: Attrs) -> Type:
    return attrs[-1]


def _reduced(types: tuple[Type, ...], attrs: Attrs) -> Type:
    (axes,) = attrs
    return types[0].with_shape(without(types[0].shape, axes))


def _position(types: tuple[Type, ...], attrs: Attrs) -> Type:
    return _reduced(types, attrs).with_dtype("i64")


def _places(types: tuple[Type, ...], attrs: Attrs) -> Type:
    return types[-1].with_dtype("i64")


def _contracted(types: tuple[Type, ...], attrs: Attrs) -> Type:
    x_labels, y_labels, labels = attrs
    sizes = dict(zip(y_labels, types[1].shape)) | dict(zip(x_labels, types[0].shape))
    return types[0].with_shape(tuple(sizes[label] for label in labels))


def _taken(types: tuple[Type, ...], attrs: Attrs) -> Type:
    x, index = types
    (axis,) = attrs
    return x.with_shape(x.shape[:axis] + index.shape + x.shape[axis + 1 :])


def _of_loop(types: tuple[Type, ...], attrs: Attrs) -> Type:
    step, which = attrs
    return step.type_of(which)


def _along(types: tuple[Type, ...], attrs: Attrs) -> Type:
    return types[0].with_shape(types[1].shape)


def _attribute_shape(types: tuple[Type, ...], attrs: Attrs) -> Type:
    return types[0].with_shape(attrs[1])


def _number_each(types: tuple[Type, ...], attrs: Attrs) -> Type:
    return types[0].with_shape(types[0].shape[:-2])


def _square(types: tuple[Type, ...], attrs: Attrs) -> Type:
    return types[0].with_shape((*types[0].shape[:-2], types[0].shape[-1], types[0].shape[-1]))


def _vector_each(types: tuple[Type, ...], attrs: Attrs) -> Type:
    return types[0].with_shape(types[0].shape[:-1])


def _shorter(x: Type) -> Size:
    return derive("min", *x.shape[-2:])


def _shorter_each(types: tuple[Type, ...], attrs: Attrs) -> Type:
    return types[0].with_shape((*types[0].shape[:-2], _shorter(types[0])))


def _left_vectors(types: tuple[Type, ...], attrs: Attrs) -> Type:
    return types[0].with_shape((*types[0].shape[:-1], _shorter(types[0])))


def _right_vectors(types: tuple[Type, ...], attrs: Attrs) -> Type:
    return types[0].with_shape((*types[0].shape[:-2], types[0].shape[-1], _shorter(types[0])))


def _right_rows(types: tuple[Type, ...], attrs: Attrs) -> Type:
    return types[0].with_shape((*types[0].shape[:-2], _shorter(types[0]), types[0].shape[-1]))


def _transposed_type(types: tuple[Type, ...], attrs: Attrs) -> Type:
    *stack, m, n = types[0].shape
    return types[0].with_shape((*stack, n, m))


def _svd_parts(types: tuple[Type, ...], attrs: Attrs) -> Type:
    *stack, m, n = types[0].shape
    return types[0].with_shape((*stack, derive("+", derive("+", m, n), 1), _shorter(types[0])))


def _qr_parts(types: tuple[Type, ...], attrs: Attrs) -> Type:
    *stack, n, m = types[0].shape
    return types[0].with_shape((*stack, derive("+", m, n), _shorter(types[0])))


def _with_row(types: tuple[Type, ...], attrs: Attrs) -> Type:
    *stack, n = types[0].shape[:-1]
    return types[0].with_shape((*stack, derive("+", n, 1), types[0].shape[-1]))


def without(shape: Shape, axes: tuple[int, ...]) -> Shape:
    """A shape with some axes dropped."""
    return tuple(size for axis, size in enumerate(shape) if axis not in axes)


def _joined(types: tuple[Type, ...], attrs: Attrs) -> Type:
    axis, starts = attrs
    shape, last = types[0].shape, types[-1].shape
    return types[0].with_shape((*shape[:axis], derive("+", starts[-1], last[axis]), *shape[axis + 1 :]))


def others(rank: int, axes: tuple[int, ...]) -> tuple[int, ...]:
    """The axes of a rank that are not among these."""
    return tuple(axis for axis in range(rank) if axis not in axes)


def _repeated(x: Type, attrs: Attrs) -> tuple[str, Attrs]:
    """The transposed broadcast: a sum over the new axes; where there are none, only sizes had to be made equal."""
    shape, dims = attrs
    added = others(len(shape), dims)
    return ("sum", (added,)) if added else ("broadcast", (x.shape, dims))


def _axis_lifted(attrs: Attrs, lead: Shape) -> Attrs:
    """An axis with axes in front of it; the rest stays."""
    return (attrs[0] + len(lead), *attrs[1:])


def _axes_lifted(attrs: Attrs, lead: Shape) -> Attrs:
    (axes,) = attrs
    return (tuple(axis + len(lead) for axis in axes),)


def _order_lifted(attrs: Attrs, lead: Shape) -> Attrs:
    return ((*range(len(lead)), *_axes_lifted(attrs, lead)[0]),)


def _shape_lifted(attrs: Attrs, lead: Shape) -> Attrs:
    """An axis and a shape."""
    return (attrs[0] + len(lead), lead + attrs[1])


def _dims_lifted(attrs: Attrs, lead: Shape) -> Attrs:
    shape, dims = attrs
    return (lead + shape, (*range(len(lead)), *(dim + len(lead) for dim in dims)))


def _parts_lifted(attrs: Attrs, lead: Shape) -> Attrs:
    """The parts of slices, and the shape of what they are a part of."""
    parts = (*((0, 1, size) for size in lead), *attrs[0])
    return (parts, *(lead + shape for shape in attrs[1:]))


def _attrs_lifted(attrs: Attrs, lead: Shape) -> Attrs:
    return attrs


def _whole_shape_lifted(attrs: Attrs, lead: Shape) -> Attrs:
    return (lead + attrs[0],)


def _less_one(axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(axis - 1 for axis in axes)


_BENEATH: dict[Callable[[Attrs, Shape], Attrs], Callable[[Attrs], Attrs]] = {
    _attrs_lifted: lambda attrs: attrs,
    _whole_shape_lifted: lambda attrs: (attrs[0][1:],),
    _axis_lifted: lambda attrs: (attrs[0] - 1, *attrs[1:]),
    _axes_lifted: lambda attrs: (_less_one(attrs[0]),),
    _order_lifted: lambda attrs: (_less_one(attrs[0][1:]),),
    _shape_lifted: lambda attrs: (attrs[0] - 1, attrs[1][1:]),
    _dims_lifted: lambda attrs: (attrs[0][1:], _less_one(attrs[1][1:])),
    _parts_lifted: lambda attrs: (attrs[0][1:], *(shape[1:] for shape in attrs[1:])),
}
"""How to take the first axis off the attributes that another axis in front would give."""


def beneath(row: Op, attrs: Attrs, size: Size) -> Attrs | None:
    """The attributes of the same op on each row, where its arguments and its result have so many along the first axis;
    None where it is not done row by row."""
    if row.kind == "elementwise":
        return attrs
    if row.lifted is None or not all(axis > 0 for axis in _reduced_axes(row, attrs)):
        return None
    found = _BENEATH[row.lifted](attrs)
    return found if row.lifted(found, (size,)) == attrs else None


def _reduced_axes(row: Op, attrs: Attrs) -> tuple[int, ...]:
    """The axes that an op treats as a whole."""
    if row.lifted is _axis_lifted or row.lifted is _shape_lifted:
        return (attrs[0],) if not isinstance(attrs[0], bool) else (0,)
    return attrs[0] if row.lifted is _axes_lifted else ()


def _unsqueezed(attrs: Attrs, index: tuple[Any, ...]) -> tuple[Any, ...]:
    """An index with the only element of the dropped axes."""
    (axes,) = attrs
    given = iter(index)
    return tuple([FIRST if axis in axes else next(given) for axis in range(len(index) + len(axes))])


def _sliced(attrs: Attrs, index: tuple[Any, ...]) -> tuple[Any, ...]:
    """An index into a slice as one into the whole."""
    return tuple([at.sliced(first, step) for at, (first, step, _) in zip(index, attrs[0])])


# ---------------------------------------------------------------- makers of rows

OPS: dict[str, Op] = {}
"""The table by name."""


def _row(name: str, kind: str, params: str, infer, facts: str = "", **columns) -> None:
    """A row of the table; `facts` names columns that are true."""
    columns |= dict.fromkeys(facts.split(), True)
    OPS[name] = Op(name, kind, tuple(params.split()), infer, bit=1 << len(OPS), **columns)


def _unary(
    name: str, cost: int, partial: str, numpy: str, python: str, domain: Interval = REAL, **columns
) -> None:  # fmt: skip
    _row(
        name, "elementwise", "x", _first, cost=cost, partials=(partial,), numpy=numpy, python=python,
        domain=(domain,), **columns,
    )  # fmt: skip


def _binary(
    name: str, cost: int, params: str, partials: tuple[str | None, ...], numpy: str, python: str,
    domain: tuple[Interval, ...] = (REAL, REAL), **columns,
) -> None:  # fmt: skip
    _row(
        name, "elementwise", params, _last, cost=cost, partials=partials, numpy=numpy, python=python, domain=domain,
        **columns,
    )  # fmt: skip


def _scipy(
    name: str, cost: int, params: str, partials: tuple[str | None, ...], domain: tuple[Interval, ...], orders: str = "",
) -> None:  # fmt: skip
    """A function that SciPy computes."""
    arguments = ", ".join(f"{{{k}}}" for k, _ in enumerate(partials))
    _binary(
        name, cost, params, partials, f"scipy.special.{name}", f"_scipy_{name}({arguments})", domain, scipy=name,
        orders=tuple(orders.split()),
    )  # fmt: skip


def _infix(
    name: str, sign: str, cost: int, params: str, partials: tuple[str | None, ...], numpy: str,
    domain: tuple[Interval, ...] = (REAL, REAL), **columns,
) -> None:  # fmt: skip
    _binary(name, cost, params, partials, numpy, f"{{0}} {sign} {{1}}", domain, symbol=sign, sign=sign, **columns)


def _comparison(name: str, sign: str, numpy: str, **columns) -> None:
    _row(
        name, "elementwise", "x y", _condition, cost=1, partials=(None, None), numpy=numpy,
        python=f"{{0}} {sign} {{1}}", symbol=sign, sign=sign, domain=(REAL, REAL), keeps_integers=True, hidden=True, **columns,
    )  # fmt: skip


def _logical(name: str, params: str, python: str, numpy: str, **columns) -> None:
    """An op whose name is its operator."""
    count = len(params.split())
    _row(
        name, "elementwise", params, _condition, cost=1, partials=(None,) * count, numpy=numpy, python=python,
        domain=(REAL,) * count, conditions=count, sign=name, hidden=True, **columns,
    )  # fmt: skip


def _reduction(
    name: str,
    partial: str | None,
    numpy: str,
    domain: Interval = REAL,
    combine: str = "",
    identity: float | None = None,
    **columns,
) -> None:
    _row(
        name, "reduction", "x", _reduced, partials=(partial,), numpy=numpy, domain=(domain,), combine=combine,
        lifted=_axes_lifted,
        identity=OPS[combine].identity if combine else identity, **columns,
    )  # fmt: skip


def _movement(name: str, infer, transpose, numpy: str, **columns) -> None:
    _row(name, "movement", "x", infer, transpose=transpose, numpy=numpy, linear="x", **columns)


def _gather(name: str, infer, numpy: str, access: str, **columns) -> None:
    _row(name, "gather", "x index", infer, numpy=numpy, access=access, linear="x", **columns)


def _scan(name: str, params: str, infer, numpy: str, **columns) -> None:
    """An op that a kernel does to whole arrays; `recur` is the only one with a derivative."""
    _row(name, "scan", params, infer, numpy=numpy, access="call", lifted=_axis_lifted, **columns)


def _matrix(name: str, params: str, infer, tangents=(), transposes=(), lowered: str = "", **columns) -> None:
    """An op on the matrices that the last two axes hold, of which there may be a stack."""
    none = ("",) * len(params.split())
    _row(
        name, "matrix", params, infer, tangents=tangents or none, transposes=transposes or none, lowered=lowered,
        numpy=f"gradc.ir.matrices.{name}", access="call", **columns,
    )  # fmt: skip


def _factor(name: str, params: str, infer, **columns) -> None:
    """A matrix op that a kernel has a routine for (`gradc.loops.routines`), in which others are written."""
    _matrix(name, params, infer, hidden=True, is_routine=True, **columns)


def _far_out(where: str, factor: str, sign: int, order: int, near: str) -> str:
    """The first or second derivative of a scaled Bessel function: by Hankel's expansions DLMF 10.40.1 and 10.40.2 where
    they hold, whose terms are (4 v**2 - 1) (4 v**2 - 9) ... / (k! (8 x)**k); elsewhere a difference that would cancel."""
    factors = [(2 * k + 1) / 2 * ((2 * k + 3) / 2 if order == 2 else 1) for k in range(15)]
    series = str(factors[-1])
    for k in range(13, -1, -1):
        series = f"{factors[k]} {'+' if sign > 0 else '-'} (u - {(2 * k + 1) ** 2}) / ({8 * (k + 1)} * x) * ({series})"
    power = "/ x" * order
    return f"u = 4 * v * v\nwhere({where}, {'-' * (order == 1)}{factor} / sqrt(x) {power} * ({series}), {near})"


# ---------------------------------------------------------------- sources

_row("input", "source", "", _attribute, facts="in_memory polynomial")  # attrs: name, type
_row("const", "source", "", _attribute, facts="is_number is_known polynomial")  # attrs: bits, type
_row("iota", "source", "", _attribute)  # attrs: axis, type; every element is its own index along the axis
_row("table", "source", "", _attribute, facts="is_known in_memory")  # attrs: the bits of each element, row by row; type
_row("size", "source", "", _attribute, facts="is_number")  # attrs: size, type; the size as a number

# ---------------------------------------------------------------- elementwise, one argument
# fmt: off

#      name        cost  partial                      numpy               python            domain
_unary("neg",         1, "-1",                        "numpy.negative",   "-{0}",           symbol="*-1", sign="-", linear="x", facts="keeps_integers hidden odd polynomial factors")
_unary("abs",         1, "sign(x)",                   "numpy.abs",        "abs({0})", facts="tame keeps_integers homogeneous even")
_unary("sign",        1, "0",                         "numpy.sign",       "(np.sign({0}) + {zero})", limit="side * sign(x_dot)", facts="tame")
_unary("square",      1, "2 * x",                     "numpy.square",     "{0} * {0}",      symbol="x**2", facts="keeps_positive even")
_unary("sqrt",        5, "0.5 / out",                 "numpy.sqrt",       "np.sqrt({0})",    POSITIVE, facts="steep root keeps_positive")
_unary("cbrt",       10, "1 / (3 * out * out)",       "numpy.cbrt",       "np.cbrt({0})",    POSITIVE, facts="steep odd")
_unary("exp",        10, "out",                       "numpy.exp",        "np.exp({0})", facts="exponential overflows")
_unary("exp2",       10, "0.6931471805599453 * out",  "numpy.exp2",       "np.exp2({0})", facts="exponential overflows")
_unary("expm1",      10, "exp(x)",                    "numpy.expm1",      "np.expm1({0})")
_unary("log",        10, "1 / x",                     "numpy.log",        "np.log({0})",     POSITIVE)
_unary("log2",       10, "1.4426950408889634 / x",    "numpy.log2",       "np.log2({0})",    POSITIVE)
_unary("log10",      10, "0.4342944819032518 / x",    "numpy.log10",      "np.log10({0})",   POSITIVE)
_unary("log1p",      10, "1 / (1 + x)",               "numpy.log1p",      "np.log1p({0})",   (-0.9, 6.0))
_unary("log1mexp",   10, "-expm1_reciprocal(0 - x)",    "gradc.ir.reference.log1mexp", "", (-5.0, -0.1),
       lowered="where(x > -0.6931471805599453, log(-expm1(x)), log1p(-exp(x)))")
_unary("expm1_reciprocal", 10, "expm1_reciprocal(x) * expm1_reciprocal(-x)", "gradc.ir.reference.expm1_reciprocal", "", POSITIVE,
       lowered="1 / expm1(x)", facts="hidden")
_unary("sin",        10, "cos(x)",                    "numpy.sin",        "np.sin({0})", facts="tame odd")
_unary("cos",        10, "-sin(x)",                   "numpy.cos",        "np.cos({0})", facts="tame even")
_unary("tan",        10, "1 + out * out",             "numpy.tan",        "np.tan({0})",     (-1.4, 1.4), facts="odd")
_unary("arcsin",     10, "1 / sqrt(1 - square(x))",   "numpy.arcsin",     "np.arcsin({0})",  UNIT, facts="steep root odd")
_unary("arccos",     10, "-1 / sqrt(1 - square(x))",  "numpy.arccos",     "np.arccos({0})",  UNIT, facts="steep root")
_unary("arctan",     10, "1 / (1 + x * x)",           "numpy.arctan",     "np.arctan({0})", facts="tame odd")
_unary("sinh",       10, "cosh(x)",                   "numpy.sinh",       "np.sinh({0})", facts="odd")
_unary("cosh",       10, "sinh(x)",                   "numpy.cosh",       "np.cosh({0})", facts="exponential overflows even")
_unary("tanh",       10, "4 * logistic_pdf(2 * x)",   "numpy.tanh",       "np.tanh({0})", facts="tame odd")
_unary("sech",       10, "-out * tanh(x)",            "gradc.ir.reference.sech", "",
       lowered="1 / cosh(x)", facts="exponential even")
_unary("logcosh",    10, "tanh(x)",                   "gradc.ir.reference.logcosh", "",
       lowered="""where(abs(x) < 1, 0.5 * log1p(square(sinh(x))),
                        abs(x) + log1p(exp(-2 * abs(x))) - 0.6931471805599453)""", facts="even")
_unary("arcsinh",    10, "1 / hypot(x, 1)",           "numpy.arcsinh",    "np.arcsinh({0})", facts="odd")
_unary("arccosh",    10, "1 / (sqrt(x - 1) * sqrt(x + 1))", "numpy.arccosh", "np.arccosh({0})", BEYOND_ONE, facts="steep root")
_unary("arctanh",    10, "1 / (1 - square(x))",       "numpy.arctanh",    "np.arctanh({0})", UNIT, facts="odd")
_unary("sigmoid",    10, "logistic_pdf(x)",           "gradc.ir.reference.sigmoid", "",
       lowered="where(x >= 0, 1, exp(-abs(x))) / (1 + exp(-abs(x)))", facts="tame exponential")
_unary("logistic_pdf", 10, "-out * tanh(0.5 * x)",    "gradc.ir.reference.logistic_pdf", "",
       lowered="exp(-abs(x)) / square(1 + exp(-abs(x)))", facts="tame even exponential")
_unary("softplus",   10, "sigmoid(x)",                "gradc.ir.reference.softplus", "",
       lowered="where(x < 0, 0, x) + log1p(exp(-abs(x)))", facts="tame")
_unary("erf",        10, "1.1283791670955126 * gaussian(x)",  "gradc.ir.reference.erf",  "math.erf({0})", facts="fades odd")
_unary("erfc",       10, "-1.1283791670955126 * gaussian(x)", "gradc.ir.reference.erfc", "math.erfc({0})", facts="fades exponential")
_unary("normal_cdf", 10, "normal_pdf(x)",             "gradc.ir.reference.normal_cdf",
       "_normal_cdf({0})", facts="fades exponential")
_unary("normal_pdf", 10, "where(out == 0, 0, -x * out)", "gradc.ir.reference.normal_pdf", "_normal_pdf({0})", facts="fades even exponential")
_unary("gaussian",   10, "where(out == 0, 0, -2 * x * out)", "gradc.ir.reference.gaussian", "_gaussian({0})", facts="fades even exponential hidden")
_unary("log_ndtr",   10, "inverse_mills(x)",          "gradc.ir.reference.log_ndtr", "_log_ndtr({0})")
_unary("erfcx",      10, "-1.4142135623730951 * out * truncated_gap(-1.4142135623730951 * x)", "gradc.ir.reference.erfcx", "_erfcx({0})")
_unary("inverse_mills", 10, "where(x < 0, truncated_variance(x) - 1, where(x > 40, 0, -out * truncated_gap(x)))",
       "gradc.ir.reference.inverse_mills", "_inverse_mills({0})", facts="hidden")  # normal_pdf(x) / normal_cdf(x)
_unary("truncated_gap", 10, "truncated_variance(x)",  "gradc.ir.reference.truncated_gap", "_truncated_gap({0})",
       facts="hidden")  # x less the mean of a standard normal variable below x
_unary("truncated_variance", 10, "truncated_skew(x)",
       "gradc.ir.reference.truncated_variance", "_truncated_variance({0})", facts="hidden")  # its variance
_unary("truncated_skew", 10, """r = square(1 / x)
       where(x < -50, r * r * (6 - r * (120 - r * (2100 - r * (37296 - r * 698940)))),
       where(x > 40, 0, 2 * inverse_mills(x) * truncated_gap(x) * truncated_variance(x)
                        - out * (inverse_mills(x) + truncated_gap(x))))""",
       "gradc.ir.reference.truncated_skew", "_truncated_skew({0})", facts="hidden")  # and its third central moment
_unary("ndtri",      10, """where(abs(x - 0.5) < 0.25, 2.5066282746310007 * exp(0.5 * square(out)),
                                  where(abs(out) == inf, inf, 1 / (min(x, 1 - x) * inverse_mills(-abs(out)))))""",
       "gradc.ir.reference.ndtri", "_ndtri({0})", (0.01, 0.99))
_unary("erfinv",     10, """0.886226925452758 * where(abs(x) < 0.5, exp(square(out)),
                                                      where(abs(x) == 1, inf, erfcx(abs(out)) / (1 - abs(x))))""",
       "gradc.ir.reference.erfinv", "_erfinv({0})", UNIT)
_unary("erfcinv",    10, """-0.886226925452758 * where(abs(x - 1) < 0.5, exp(square(out)),
                                                       where(abs(out) == inf, inf, erfcx(abs(out)) / min(x, 2 - x)))""",
       "gradc.ir.reference.erfcinv", "_erfcinv({0})", (0.05, 1.95))
_unary("exprel", 10, "exprel1(x)",
       "gradc.ir.reference.exprel", "_exprel({0})")  # expm1(x) / x; the chain of derivatives keeps its digits near 0
_unary("exprel1", 10, "exprel2(x)", "gradc.ir.reference.exprel1", "_exprel1({0})", facts="hidden")
_unary("exprel2", 10, """where(abs(x) < 1,
         0.25 * (1 + x * 4 / 5 * (1 + x * 5 / 12 * (1 + x * 6 / 21 * (1 + x * 7 / 32 * (1 + x * 8 / 45 * (
          1 + x * 9 / 60 * (1 + x * 10 / 77 * (1 + x * 11 / 96 * (1 + x * 12 / 117 * (1 + x * 13 / 140 * (
          1 + x * 14 / 165 * (1 + x * 15 / 192 * (1 + x * 16 / 221 * (1 + x * 17 / 252 * (1 + x * 18 / 285 * (
          1 + x * 19 / 320 * (1 + x * 20 / 357 * (1 + x * 21 / 396)))))))))))))))))),
         where(x < 700, (exp(x) - 3 * out) / x,
               out * (1 - (3 - (6 - 6 / x) / x) / x) / (1 - (2 - 2 / x) / x)))""",
       "gradc.ir.reference.exprel2", "_exprel2({0})", (1.0, 6.0), facts="hidden")
_unary("log1prel", 10, "log1prel1(x)",
       "gradc.ir.reference.log1prel", "_log1prel({0})", (-0.9, 6.0), facts="hidden")  # log1p(x) / x
_unary("log1prel1", 10, "log1prel2(x)",
       "gradc.ir.reference.log1prel1", "_log1prel1({0})", (-0.9, 6.0), facts="hidden")
_unary("log1prel2", 10, """where(abs(x) < 0.125,
         -1.5 * (1 - x * 16 / 5 * (1 - x * 25 / 12 * (1 - x * 36 / 21 * (1 - x * 49 / 32 * (1 - x * 64 / 45 * (
          1 - x * 81 / 60 * (1 - x * 100 / 77 * (1 - x * 121 / 96 * (1 - x * 144 / 117 * (1 - x * 169 / 140 * (
          1 - x * 196 / 165 * (1 - x * 225 / 192 * (1 - x * 256 / 221 * (1 - x * 289 / 252 * (1 - x * 324 / 285 * (
          1 - x * 361 / 320 * (1 - x * 400 / 357 * (1 - x * 441 / 396 * (1 - x * 484 / 437))))))))))))))))))),
         (2 / (1 + x) / (1 + x) / (1 + x) - 3 * out) / x)""",
       "gradc.ir.reference.log1prel2", "_log1prel2({0})", (0.5, 6.0), facts="hidden")
_unary("log1prest",  10, "where(x == 0, -2 / 3, (1 / (1 + x) - 2 * out) / x)",
       "gradc.ir.reference.log1prest", "_log1prest({0})", (-0.9, 6.0), facts="hidden")  # (x - log1p(x)) / x**2
_unary("stirling",   10, "digamma(x) - log(x) + 0.5 / x", "gradc.ir.reference.stirling", "", (10.0, 50.0), facts="hidden",
       lowered="""r = 1 / (x * x)
                  (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r * (1 / 1680 - r * (1 / 1188 - r * 691 / 360360))))) / x""")
_unary("lambertw",   10, "where(abs(x) < 1, exp(-out), where(x == inf, 0, out / x)) / lambertw1(x)",
       "gradc.ir.reference.lambertw", "_lambertw({0})", (-0.35, 6.0))
_unary("lambertw1",  10, "where(abs(x) < 1, exp(-lambertw(x)), lambertw(x) / x) / out",
       "gradc.ir.reference.lambertw1", "_lambertw1({0})", (-0.35, 6.0), facts="hidden")  # 1 + lambertw(x)
_unary("sinrel", 10, "-spherical_j1(x)", "gradc.ir.reference.sinrel", "_sinrel({0})", facts="hidden")  # sin(x) / x
_unary("spherical_j1", 10, "sinrel(x) - 2 * sinrel1(x)",
       "gradc.ir.reference.spherical_j1", "_spherical_j1({0})", facts="hidden")
_unary("sinrel1", 10, "-x * sinrel2(x)",
       "gradc.ir.reference.sinrel1", "_sinrel1({0})", facts="hidden")  # (sin(x) - x * cos(x)) / x**3
_unary("sinrel2", 10, "-x * sinrel3(x)", "gradc.ir.reference.sinrel2", "_sinrel2({0})", facts="hidden")
_unary("sinrel3", 10, """z = x * x
       where(abs(x) < 2,
         -x / 945 * (1 - z / 22 * (1 - z / 52 * (1 - z / 90 * (1 - z / 136 * (1 - z / 190 * (1 - z / 252 * (
          1 - z / 322 * (1 - z / 400 * (1 - z / 486 * (1 - z / 580 * (1 - z / 682))))))))))),
         (sinrel2(x) - 7 * out) / x)""",
       "gradc.ir.reference.sinrel3", "_sinrel3({0})", (2.0, 6.0), facts="hidden")
_unary("sinc",       10, "sinc_slope(x)",             "gradc.ir.reference.sinc", "_sinc({0})")  # sin(pi x) / (pi x)
_unary("sinc_slope", 10, "-9.869604401089358 * (sinc(x) - 2 * sinrel1(3.141592653589793 * x))",
       "gradc.ir.reference.sinc_slope", "_sinc_slope({0})", facts="hidden")
_unary("cosrel", 10, "-0.25 * x * sinrel(0.5 * x) * sinrel1(0.5 * x)", "gradc.ir.reference.cosrel", "",
       lowered="0.5 * square(sinrel(0.5 * x))", facts="hidden")  # (1 - cos(x)) / x**2
_unary("sinrest", 10, "-x * sinrest1(x)",
       "gradc.ir.reference.sinrest", "_sinrest({0})", facts="hidden")  # (x - sin(x)) / x**3
_unary("sinrest1", 10, "-x * sinrest2(x)", "gradc.ir.reference.sinrest1", "_sinrest1({0})", facts="hidden")
_unary("sinrest2", 10, """z = x * x
       where(abs(x) < 2,
         -x / 7560 * (1 - z * 4 / 110 * (1 - z * 5 / 312 * (1 - z * 6 / 630 * (1 - z * 7 / 1088 * (
          1 - z * 8 / 1710 * (1 - z * 9 / 2520 * (1 - z * 10 / 3542 * (1 - z * 11 / 4800 * (1 - z * 12 / 6318 * (
          1 - z * 13 / 8120 * (1 - z * 14 / 10230 * (1 - z * 15 / 12672)))))))))))),
         (sinrel3(x) - 6 * out) / x)""",
       "gradc.ir.reference.sinrest2", "_sinrest2({0})", (2.0, 6.0), facts="hidden")
_unary("sinhrel", 10, "x * sinhrel1(x)", "gradc.ir.reference.sinhrel", "_sinhrel({0})", facts="hidden")  # sinh(x) / x
_unary("sinhrel1", 10, "x * sinhrel2(x)",
       "gradc.ir.reference.sinhrel1", "_sinhrel1({0})", facts="hidden")  # (x * cosh(x) - sinh(x)) / x**3
_unary("sinhrel2", 10, "x * sinhrel3(x)", "gradc.ir.reference.sinhrel2", "_sinhrel2({0})", facts="hidden")
_unary("sinhrel3", 10, """z = x * x
       size = abs(x)
       where(size < 4,
         x / 945 * (1 + z / 22 * (1 + z / 52 * (1 + z / 90 * (1 + z / 136 * (1 + z / 190 * (1 + z / 252 * (
          1 + z / 322 * (1 + z / 400 * (1 + z / 486 * (1 + z / 580 * (1 + z / 682 * (1 + z / 792 * (
          1 + z / 910 * (1 + z / 1036)))))))))))))),
         where(size < 700, (sinhrel2(x) - 7 * out) / x,
               sign(x) * out * (1 - (10 - (45 - (105 - 105 / size) / size) / size) / size)
                             / (1 - (6 - (15 - 15 / size) / size) / size)))""",
       "gradc.ir.reference.sinhrel3", "_sinhrel3({0})", (4.5, 8.0), facts="hidden")
_unary("sinhrest", 10, "x * sinhrest1(x)",
       "gradc.ir.reference.sinhrest", "_sinhrest({0})", facts="hidden")  # (sinh(x) - x) / x**3
_unary("sinhrest1", 10, "x * sinhrest2(x)", "gradc.ir.reference.sinhrest1", "_sinhrest1({0})", facts="hidden")
_unary("sinhrest2", 10, """z = x * x
       size = abs(x)
       where(size < 4,
         x / 7560 * (1 + z * 2 / 55 * (1 + z * 5 / 312 * (1 + z / 105 * (1 + z * 7 / 1088 * (1 + z * 4 / 855 * (
          1 + z / 280 * (1 + z * 5 / 1771 * (1 + z * 11 / 4800 * (1 + z * 2 / 1053 * (1 + z * 13 / 8120 * (
          1 + z * 7 / 5115 * (1 + z * 5 / 4224 * (1 + z * 8 / 7735 * (1 + z * 17 / 18648)))))))))))))),
         where(size < 700, (sinhrel3(x) - 6 * out) / x,
               sign(x) * out * (1 - (12 - (57 - 105 / size) / size) / size) / (1 - (7 - 15 / size) / size)))""",
       "gradc.ir.reference.sinhrest2", "_sinhrest2({0})", (4.5, 8.0), facts="hidden")
_unary("arctanrel", 10, "-2 * x * arctanrel1(x)",
       "gradc.ir.reference.arctanrel", "_arctanrel({0})", facts="hidden")  # arctan(x) / x
_unary("arctanrel1", 10, "-4 * x * arctanrel2(x)", "gradc.ir.reference.arctanrel1", "_arctanrel1({0})", facts="hidden")
_unary("arctanrel2", 10, "-6 * x * arctanrel3(x)", "gradc.ir.reference.arctanrel2", "_arctanrel2({0})", facts="hidden")
_unary("arctanrel3", 10, """z = x * x
       w = z / (1 + z)
       where(abs(x) < 0.55,
         -8 / 9 * x / (1 + z) * square(square(1 / (1 + z))) * (1 + w * 10 / 11 * (1 + w * 12 / 13 * (
          1 + w * 14 / 15 * (1 + w * 16 / 17 * (1 + w * 18 / 19 * (1 + w * 20 / 21 * (1 + w * 22 / 23 * (
          1 + w * 24 / 25 * (1 + w * 26 / 27 * (1 + w * 28 / 29 * (1 + w * 30 / 31 * (1 + w * 32 / 33 * (
          1 + w * 34 / 35 * (1 + w * 36 / 37 * (1 + w * 38 / 39 * (1 + w * 40 / 41 * (1 + w * 42 / 43 * (
          1 + w * 44 / 45 * (1 + w * 46 / 47 * (1 + w * 48 / 49 * (1 + w * 50 / 51 * (1 + w * 52 / 53 * (
          1 + w * 54 / 55 * (1 + w * 56 / 57 * (1 + w * 58 / 59 * (1 + w * 60 / 61)))))))))))))))))))))))))),
         (square(square(1 / (1 + z))) - 7 * out) / x)""",
       "gradc.ir.reference.arctanrel3", "_arctanrel3({0})", (2.0, 6.0), facts="hidden")
_unary("arctanrest", 10, "-2 * x * arctanrest1(x)",
       "gradc.ir.reference.arctanrest", "_arctanrest({0})", facts="hidden")  # (x - arctan(x)) / x**3
_unary("arctanrest1", 10, "-4 * x * arctanrest2(x)", "gradc.ir.reference.arctanrest1", "_arctanrest1({0})", facts="hidden")
_unary("arctanrest2", 10, """z = x * x
       w = z / (1 + z)
       where(abs(x) < 0.55,
         -2 / 3 * x * square(square(1 / (1 + z))) * (1 + w * 8 / 11 * (1 + w * 10 / 13 * (1 + w * 4 / 5 * (
          1 + w * 14 / 17 * (1 + w * 16 / 19 * (1 + w * 6 / 7 * (1 + w * 20 / 23 * (1 + w * 22 / 25 * (
          1 + w * 8 / 9 * (1 + w * 26 / 29 * (1 + w * 28 / 31 * (1 + w * 10 / 11 * (1 + w * 32 / 35 * (
          1 + w * 34 / 37 * (1 + w * 12 / 13 * (1 + w * 38 / 41 * (1 + w * 40 / 43 * (1 + w * 14 / 15 * (
          1 + w * 44 / 47 * (1 + w * 46 / 49 * (1 + w * 16 / 17 * (1 + w * 50 / 53 * (1 + w * 52 / 55 * (
          1 + w * 18 / 19 * (1 + w * 56 / 59 * (1 + w * 58 / 61)))))))))))))))))))))))))),
         (1 / (1 + z) / (1 + z) / (1 + z) - 7 * out) / x)""",
       "gradc.ir.reference.arctanrest2", "_arctanrest2({0})", (2.0, 6.0), facts="hidden")
_unary("arcsinhrel", 10, "-x * arcsinhrel1(x)",
       "gradc.ir.reference.arcsinhrel", "_arcsinhrel({0})", facts="hidden")  # arcsinh(x) / x
_unary("arcsinhrel1", 10, "-3 * x * arcsinhrel2(x)", "gradc.ir.reference.arcsinhrel1", "_arcsinhrel1({0})", facts="hidden")
_unary("arcsinhrel2", 10, "-5 * x * arcsinhrel3(x)", "gradc.ir.reference.arcsinhrel2", "_arcsinhrel2({0})", facts="hidden")
_unary("arcsinhrel3", 10, """z = x * x
       w = z / (1 + z)
       r = 1 / hypot(x, 1)
       where(abs(x) < 0.55,
         -7 / 9 * x * r * square(square(r * r)) * (1 + w * 9 / 11 * (1 + w * 11 / 13 * (1 + w * 13 / 15 * (
          1 + w * 15 / 17 * (1 + w * 17 / 19 * (1 + w * 19 / 21 * (1 + w * 21 / 23 * (1 + w * 23 / 25 * (
          1 + w * 25 / 27 * (1 + w * 27 / 29 * (1 + w * 29 / 31 * (1 + w * 31 / 33 * (1 + w * 33 / 35 * (
          1 + w * 35 / 37 * (1 + w * 37 / 39 * (1 + w * 39 / 41 * (1 + w * 41 / 43 * (1 + w * 43 / 45 * (
          1 + w * 45 / 47 * (1 + w * 47 / 49 * (1 + w * 49 / 51 * (1 + w * 51 / 53 * (1 + w * 53 / 55 * (
          1 + w * 55 / 57 * (1 + w * 57 / 59 * (1 + w * 59 / 61)))))))))))))))))))))))))),
         (r * square(r * r * r) - 7 * out) / x)""",
       "gradc.ir.reference.arcsinhrel3", "_arcsinhrel3({0})", (2.0, 6.0), facts="hidden")
_unary("erfrel", 10, "-2 * x * erfrel1(x)", "gradc.ir.reference.erfrel", "_erfrel({0})", facts="hidden")  # erf(x) / x
_unary("erfrel1", 10, "-2 * x * erfrel2(x)", "gradc.ir.reference.erfrel1", "_erfrel1({0})", facts="hidden")
_unary("erfrel2", 10, "-2 * x * erfrel3(x)", "gradc.ir.reference.erfrel2", "_erfrel2({0})", facts="hidden")
_unary("erfrel3", 10, """z = x * x
       end = 1.1283791670955126 * exp(-x * x)
       where(abs(x) < 1,
         -2 * x / 9 * end * (1 + z * 2 / 11 * (1 + z * 2 / 13 * (1 + z * 2 / 15 * (1 + z * 2 / 17 * (
          1 + z * 2 / 19 * (1 + z * 2 / 21 * (1 + z * 2 / 23 * (1 + z * 2 / 25 * (1 + z * 2 / 27 * (
          1 + z * 2 / 29 * (1 + z * 2 / 31 * (1 + z * 2 / 33 * (1 + z * 2 / 35 * (1 + z * 2 / 37 * (
          1 + z * 2 / 39 * (1 + z * 2 / 41)))))))))))))))),
         (end - 7 * out) / x)""",
       "gradc.ir.reference.erfrel3", "_erfrel3({0})", (2.0, 6.0), facts="hidden")
_unary("gamma",      10, "out * digamma(x)",          "gradc.ir.reference.gamma",   "_gamma({0})",   POSITIVE)
_unary("lgamma",     10, "digamma(x)",                "gradc.ir.reference.lgamma", "_lgamma({0})",  POSITIVE)
_unary("digamma",    10, "polygamma(1, x)",           "gradc.ir.reference.digamma", "_digamma({0})", POSITIVE)
_unary("floor",       1, "0",                         "numpy.floor",      "np.floor({0})")
_unary("ceil",        1, "0",                         "numpy.ceil",       "np.ceil({0})")
_unary("round",       1, "0",                         "numpy.rint",       "np.rint({0})")
_unary("trunc",       1, "0",                         "numpy.trunc",      "np.trunc({0})")

# ---------------------------------------------------------------- elementwise, more arguments

#       name          sign cost  args    partials                                    numpy
_infix("add",         "+",   1,  "x y",  ("1", "1"),                                 "numpy.add",
       identity=0.0, with_number=("+{}", "+{}"), linear="x y", facts="commutative keeps_integers keeps_positive keeps_squares hidden polynomial")
_infix("sub",         "-",   1,  "x y",  ("1", "-1"),                                "numpy.subtract",
       with_number=("{}-x", "x-{}"), linear="x y", facts="keeps_integers hidden polynomial")
_infix("mul",         "*",   1,  "x y",  ("y", "x"),                                 "numpy.multiply",
       identity=1.0, with_number=("*{}", "*{}"), linear="x | y", facts="commutative keeps_integers keeps_positive keeps_squares hidden polynomial factors")
_infix("div",         "/",   4,  "x y",  ("1 / y", "-out / y"),                      "numpy.divide",       (REAL, POSITIVE),
       with_number=("{}/x", "x/{}"), linear="x", facts="raises keeps_positive keeps_squares hidden factors")
_infix("floordiv",    "//", 10,  "x y",  ("0", "0"),                                 "numpy.floor_divide", (REAL, POSITIVE),
       of_integers="_floor_divide({0}, {1})", facts="raises keeps_integers hidden")
_infix("mod",         "%",  10,  "x y",  ("1", "-(x // y)"),                         "numpy.mod",          (REAL, POSITIVE),
       of_integers="_remainder({0}, {1})", facts="raises keeps_integers")
_infix("power",       "**", 10,  "x y",  ("""where(y == 0, 0, where(abs(y) < 0.5 and x != 0 and abs(x) < inf,
                                                                    y * out / x, y * power(x, y - 1)))""",
                                  "where(out == 0 and x >= 0, 0, out * log(x))"),    "numpy.power",        (POSITIVE, REAL),
       with_number=("{}**x", "x**{}"), facts="raises keeps_positive steep")

#       name            cost  args    partials                                       numpy                 python
_binary("maximum",        1,  "x y",  ("mask(not (x < y), where(x == y, 0.5, 1))",
                                       "mask(not (y < x), where(x == y, 0.5, 1))"),  "numpy.maximum",      "np.maximum({0}, {1})",
        symbol="max", identity=-inf, clamp="clamp_min", facts="tame commutative keeps_integers")
_binary("minimum",        1,  "x y",  ("mask(not (x > y), where(x == y, 0.5, 1))",
                                       "mask(not (y > x), where(x == y, 0.5, 1))"),  "numpy.minimum",      "np.minimum({0}, {1})",
        symbol="min", identity=inf, clamp="clamp_max", facts="tame commutative keeps_integers")
_binary("clamp_min",      1,  "x c",  ("mask(not (x <= c), 1)", None),               "numpy.maximum",      "np.maximum({0}, {1})",
        symbol="max", with_number=("", "max(x, {})"), facts="keeps_integers hidden")
_binary("clamp_max",      1,  "x c",  ("mask(not (x >= c), 1)", None),               "numpy.minimum",      "np.minimum({0}, {1})",
        symbol="min", with_number=("", "min(x, {})"), facts="keeps_integers hidden")
_binary("hypot",         10,  "x y",  ("unit(x, out)", "unit(y, out)"),            "numpy.hypot",        "np.hypot({0}, {1})",
        facts="commutative homogeneous")
_binary("arctan2",       10,  "y x",  ("x / hypot(x, y) / hypot(x, y)",
                                       "-y / hypot(x, y) / hypot(x, y)"),            "numpy.arctan2",      "np.arctan2({0}, {1})")
_binary("logaddexp",     10,  "x y",  ("where(x == y and abs(x) == inf, 0.5, sigmoid(x - y))",
                                       "where(x == y and abs(x) == inf, 0.5, sigmoid(y - x))"), "numpy.logaddexp", "",
        lowered="where(x == y, x + 0.6931471805599453, max(x, y) + log1p(exp(-abs(x - y))))", facts="commutative")
_binary("logdiffexp",    10,  "x y",  ("-expm1_reciprocal(-(x - y))", "-expm1_reciprocal(x - y)"), "gradc.ir.reference.logdiffexp", "",
        ((1.0, 4.0), (-4.0, 0.9)), lowered="x + log1mexp(shifted(y, x))")
_binary("shifted",       10,  "x s",  ("1", None),                                   "gradc.ir.reference.shifted", "",
        lowered="where(x == s, 0, x - s)", facts="hidden")  # s counts as a constant: for results that do not depend on it
_binary("minus",          1,  "x y",  ("1", "-1"),                                   "numpy.subtract",     "",
        lowered="x - y", facts="hidden")  # a difference that no rule is about
_binary("exp_shifted",   10,  "x s",  ("out", None),                                 "gradc.ir.reference.exp_shifted", "",
        lowered="where(x == s, 1, exp(x - s))", facts="exponential hidden")
_binary("polygamma",     10,  "n x",  (None, "polygamma(n + 1, x)"),                 "gradc.ir.reference.polygamma", "_polygamma({0}, {1})",
        ((1.0, 1.0), POSITIVE))
_binary("unit",           4,  "x size",  ("1 / size", "-out / size"),              "gradc.ir.reference.unit", "",
        (REAL, POSITIVE), lowered="where(size == 0, 0, x / size)", limit="unit(x_dot, size_dot)", facts="hidden")
_binary("besides",        4,  "total x", ("1 / x", "-out / x"),                    "numpy.divide", "",
        (REAL, POSITIVE), lowered="total / x", facts="hidden")
_binary("absorb",         1,  "x y",  ("y", "x"),                                  "gradc.ir.reference.absorb", "",
        lowered="where(x == 0, 0, x * y)", facts="hidden")
_binary("gamma_pdf",     10,  "a x",  ("out * (log(x) - digamma(a))",
                                       """where(x == 0, where(a > 2, 0, where(a == 2, 1, where(a == 1, -1, (a - 1) * inf))),
                                               out * ((a - 1) / x - 1))"""),
        "gradc.ir.reference.gamma_pdf", "", (POSITIVE, POSITIVE), facts="hidden",
        lowered="""r = (x - a) / a
                   spread = where(abs(r) < 0.5, -r * r * log1prest(r), log(x / a) - r)
                   where(a < 10, exp(where(a == 1, 0, (a - 1) * log(x)) - x - lgamma(a)), where(x == 0, 0,
                         sqrt(a / 6.283185307179586) / x * exp(a * spread - stirling(a))))""")
_row("beta_pdf", "elementwise", "a b x", _last, cost=10, domain=(POSITIVE, POSITIVE, (0.05, 0.95)),
     partials=("out * (log(x) + digamma(a + b) - digamma(a))", "out * (log1p(-x) + digamma(a + b) - digamma(b))",
               """where(x == 0, where(a > 2, 0, where(a == 2, b * (b + 1), where(a == 1, -b * (b - 1), (a - 1) * inf))),
                  where(x == 1, where(b > 2, 0, where(b == 2, -a * (a + 1), where(b == 1, a * (a - 1), (1 - b) * inf))),
                        out * ((a - 1) / x - (b - 1) / (1 - x))))"""),
     numpy="gradc.ir.reference.beta_pdf", facts="hidden",
     lowered="""d = x * b - a * (1 - x)
                r = d / a
                s = -d / b
                first = where(abs(r) < 0.5, -r * r * log1prest(r), log(x * (a + b) / a) - r)
                second = where(abs(s) < 0.5, -s * s * log1prest(s), log((1 - x) * (a + b) / b) - s)
                where(a < 10 or b < 10,
                      exp(where(a == 1, 0, (a - 1) * log(x)) + where(b == 1, 0, (b - 1) * log1p(-x)) - betaln(a, b)),
                      where(x == 0 or x == 1, 0, sqrt(a / 6.283185307179586 * (b / (a + b))) / (x * (1 - x))
                      * exp(a * first + b * second + (stirling(a + b) - stirling(a) - stirling(b)))))""")

#      name          cost  args     partials                                           where tests look
_scipy("j0",          60, "x",     ("-j1(x)",),                                        (REAL,))
_scipy("j1",          60, "x",     ("0.5 * (j0(x) - jv(2, x))",),                      (REAL,))
_scipy("jv",         200, "v x",   (None, "0.5 * (jv(v - 1, x) - jv(v + 1, x))"),      (POSITIVE, POSITIVE), "v")
_scipy("y0",          60, "x",     ("-y1(x)",),                                        (POSITIVE,))
_scipy("y1",          60, "x",     ("0.5 * (y0(x) - yv(2, x))",),                      (POSITIVE,))
_scipy("yv",         200, "v x",   (None, "0.5 * (yv(v - 1, x) - yv(v + 1, x))"),      (POSITIVE, POSITIVE), "v")
_scipy("i0",          60, "x",     ("i1(x)",),                                         (REAL,))
_scipy("i1",          60, "x",     ("0.5 * (i0(x) + iv(2, x))",),                      (REAL,))
_scipy("iv",         200, "v x",   (None, "0.5 * (iv(v - 1, x) + iv(v + 1, x))"),      (POSITIVE, POSITIVE), "v")
_scipy("k0",          60, "x",     ("-k1(x)",),                                        (POSITIVE,))
_scipy("k1",          60, "x",     ("-0.5 * (k0(x) + kv(2, x))",),                     (POSITIVE,))
_scipy("kv",         200, "v x",   (None, "-0.5 * (kv(v - 1, x) + kv(v + 1, x))"),     (POSITIVE, POSITIVE), "v")
_scipy("i0e",         60, "x",     ("ive_slope(0, x)",),                               (REAL,))
_scipy("i1e",         60, "x",     ("ive_slope(1, x)",),                               (REAL,))
_scipy("ive",        200, "v x",   (None, "ive_slope(v, x)"),                          (POSITIVE, POSITIVE), "v")
_scipy("k0e",         60, "x",     ("kve_slope(0, x)",),                               (POSITIVE,))
_scipy("k1e",         60, "x",     ("kve_slope(1, x)",),                               (POSITIVE,))
_scipy("kve",        200, "v x",   (None, "kve_slope(v, x)"),                          (POSITIVE, POSITIVE), "v")
_scipy("gammainc",   100, "a x",   (None, "gamma_pdf(a, x)"),                          (POSITIVE, POSITIVE), "a")
_scipy("gammaincc",  100, "a x",   (None, "-gamma_pdf(a, x)"),                         (POSITIVE, POSITIVE), "a")
_scipy("gammaincinv", 300, "a y",  (None, "1 / gamma_pdf(a, out)"),                    (POSITIVE, (0.05, 0.95)), "a")
_scipy("gammainccinv", 300, "a y", (None, "-1 / gamma_pdf(a, out)"),                   (POSITIVE, (0.05, 0.95)), "a")
_scipy("betainc",    100, "a b x", (None, None, "beta_pdf(a, b, x)"),                  (POSITIVE, POSITIVE, (0.05, 0.95)), "a b")
_scipy("betaincc",   100, "a b x", (None, None, "-beta_pdf(a, b, x)"),                 (POSITIVE, POSITIVE, (0.05, 0.95)), "a b")
_scipy("betaincinv", 300, "a b y", (None, None, "1 / beta_pdf(a, b, out)"),            (POSITIVE, POSITIVE, (0.05, 0.95)), "a b")
_scipy("betainccinv", 300, "a b y", (None, None, "-1 / beta_pdf(a, b, out)"),          (POSITIVE, POSITIVE, (0.05, 0.95)), "a b")
_scipy("betaln",      60, "a b",   ("digamma(a) - digamma(a + b)",
                                    "digamma(b) - digamma(a + b)"),                    (POSITIVE, POSITIVE))
_scipy("beta",        60, "a b",   ("out * (digamma(a) - digamma(a + b))",
                                    "out * (digamma(b) - digamma(a + b))"),            (POSITIVE, POSITIVE))
_scipy("binom",       60, "n k",   ("out * (digamma(n + 1) - digamma(n - k + 1))",
                                    "out * (digamma(n - k + 1) - digamma(k + 1))"),    ((6.0, 9.0), (0.1, 5.0)))
_binary("ive_slope", 400,  "v x",  (None, _far_out("x > 30 + 2 * v * v", "0.3989422804014327", -1, 2,
                                    "0.5 * (ive_slope(v - 1, x) + ive_slope(v + 1, x)) - sign(x) * out")),
        "gradc.ir.reference.ive_slope", "", (POSITIVE, POSITIVE), facts="hidden", orders=("v",),
        lowered=_far_out("x > 30 + 2 * v * v", "0.3989422804014327", -1, 1, "0.5 * (ive(v - 1, x) + ive(v + 1, x)) - sign(x) * ive(v, x)"))
_binary("kve_slope", 400,  "v x",  (None, _far_out("x > 30 + 2 * v * v", "1.2533141373155003", 1, 2,
                                    "out - 0.5 * (kve_slope(v - 1, x) + kve_slope(v + 1, x))")),
        "gradc.ir.reference.kve_slope", "", (POSITIVE, POSITIVE), facts="hidden", orders=("v",),
        lowered=_far_out("x > 30 + 2 * v * v", "1.2533141373155003", 1, 1, "kve(v, x) - 0.5 * (kve(v - 1, x) + kve(v + 1, x))"))
_binary("mask",           1,  "c x",  (None, "mask(c, 1)"),                          "gradc.ir.reference.mask", "{1} if {0} else {zero}",
        conditions=1, facts="tame hidden")
_row("where", "elementwise", "c x y", _last, facts="tame", partials=(None, "mask(c, 1)", "mask(not c, 1)"), cost=1,
     numpy="numpy.where", python="{1} if {0} else {2}", domain=(REAL, REAL, REAL), conditions=1, linear="x y", keeps_integers=True, keeps_positive=True)
_row("clip", "elementwise", "x lower upper", _first, domain=(REAL, (-3.0, -1.0), (1.0, 3.0)), cost=10,
     partials=("mask(not (x <= lower) and not (x >= upper), 1)",
               "mask((x <= lower) and (lower < upper), 1)",
               "mask((x >= upper) or (lower >= upper), 1)"),
     numpy="numpy.clip", lowered="min(max(x, lower), upper)", keeps_integers=True)

#           name   sign   numpy
_comparison("lt",  "<",   "numpy.less")
_comparison("le",  "<=",  "numpy.less_equal")
_comparison("gt",  ">",   "numpy.greater")
_comparison("ge",  ">=",  "numpy.greater_equal")
_comparison("eq",  "==",  "numpy.equal",       facts="commutative")
_comparison("ne",  "!=",  "numpy.not_equal",   facts="commutative")
_logical("and", "x y", "{0} and {1}", "numpy.logical_and", identity=True, commutative=True)
_logical("or",  "x y", "{0} or {1}",  "numpy.logical_or", identity=False, commutative=True)
_logical("not", "x",   "not {0}",     "numpy.logical_not")

# ---------------------------------------------------------------- reductions: attrs are (axes,)

_reduction("prod", """size = where(x < 0, -x, x); scale = exp(sum(log(size)) / count(x))
                      where(size == inf and sum(mask(size == inf, 1)) == 1, prod(where(size == inf, 1, x)),
                      where((out == 0 or out == inf or out == -inf) and sum(mask(x == 0 or size == inf, 1)) == 0,
                        besides(prod(x / scale), x / scale) * power(scale, count(x) - 1),
                      where(sum(mask(x == 0, 1)) == 0, besides(out, x),
                      where(sum(mask(x == 0, 1)) == 1,
                        where(x == 0, 1, sum(where(x == 0, x, 0)) / x),
                        where(sum(mask(x == 0, 1)) == 2 and x == 0, sum(where(x == 0, x, 0)) - x, 0))
                      * prod(where(x == 0, 1, x)))))""",              "numpy.prod", POSITIVE,
           combine="mul", noun="product")
_reduction("max",       "mask(not (x < out), 1 / sum(mask(not (x < out), 1)))", "gradc.ir.reference.largest",
           combine="maximum", noun="largest", facts="needs_elements")
_reduction("min",       "mask(not (x > out), 1 / sum(mask(not (x > out), 1)))", "gradc.ir.reference.smallest",
           combine="minimum", noun="smallest", facts="needs_elements")
_reduction("logsumexp", "exp_shifted(x, max(x)) / sum(exp_shifted(x, max(x)))", "gradc.ir.reference.logsumexp",
           lowered="m = max(x); log(sum(exp_shifted(x, m))) + m", identity=-inf)
_reduction("norm",      "unit(x, out)", "gradc.ir.reference.norm", wide=True, homogeneous=True, identity=0.0,
           lowered="""big = sum(where(abs(x) > 1e150, square(x * 2.409919865102884e-181), 0))
                      middle = sum(where(abs(x) > 1e150 or abs(x) < 1e-150, 0, square(x)))
                      small = sum(where(abs(x) < 1e-150, square(x * 4.149515568880993e180), 0))
                      where(big > 0,
                        sqrt(big + middle * 2.409919865102884e-181 * 2.409919865102884e-181) * 4.149515568880993e180,
                        sqrt(middle + small * 2.409919865102884e-181 * 2.409919865102884e-181)
                          if middle > 0 or not (small > 0) else sqrt(small) * 2.409919865102884e-181)""",
           lowered_short="""big = max(abs(x))
                            scale = where(big > 1e150, 2.409919865102884e-181, where(big < 1e-150, 4.149515568880993e180, 1))
                            sqrt(sum(square(x * scale))) *
                              where(big > 1e150, 4.149515568880993e180, where(big < 1e-150, 2.409919865102884e-181, 1))""")
_row("argmax", "reduction", "x", _position, partials=(None,), numpy="gradc.ir.reference.argmax", domain=(REAL,), facts="positions needs_elements",
     lowered="first = min(where(x == max(x) or x != x, position(x), inf)); first")
_row("argmin", "reduction", "x", _position, partials=(None,), numpy="gradc.ir.reference.argmin", domain=(REAL,), facts="positions needs_elements",
     lowered="first = min(where(x == min(x) or x != x, position(x), inf)); first")
_reduction("any",       None, "numpy.any", conditions=1, combine="or", noun="some")
_reduction("all",       None, "numpy.all", conditions=1, combine="and", noun="every")
_row("sum", "reduction", "x", _reduced, numpy="gradc.ir.reference.total", domain=(REAL,), lifted=_axes_lifted,
     combine="add", identity=OPS["add"].identity, noun="total", linear="x", facts="adds keeps_positive keeps_squares",
     transpose=lambda x, attrs: ("broadcast", (x.shape, others(x.rank, attrs[0]))))

# ---------------------------------------------------------------- contractions: attrs are the labels of x, of y, of the result

_row("contract", "contraction", "x y", _contracted, numpy="gradc.ir.reference.contract", domain=(REAL, REAL), linear="x | y", access="call", symbol="@", adds=True)

# ---------------------------------------------------------------- movement of data, all linear

_movement("cast",      lambda types, attrs: types[0].with_dtype(attrs[0]),                             # attrs: dtype
          lambda x, attrs: ("cast", (x.dtype,)), "gradc.ir.reference.cast", python="{dtype}({0})", lifted=_attrs_lifted)
_movement("broadcast", lambda types, attrs: types[0].with_shape(attrs[0]),                             # attrs: shape, dims
          _repeated, "gradc.ir.reference.broadcast", access="read", lifted=_dims_lifted,
          element=lambda attrs, index: tuple([index[dim] for dim in attrs[1]]))
_movement("squeeze",   lambda types, attrs: types[0].with_shape(without(types[0].shape, attrs[0])),    # attrs: axes
          lambda x, attrs: ("broadcast", (x.shape, others(x.rank, attrs[0]))), "gradc.ir.reference.squeeze", access="read",
          element=_unsqueezed, lifted=_axes_lifted)
_movement("transpose", lambda types, attrs: types[0].with_shape(tuple(types[0].shape[a] for a in attrs[0])),  # attrs: order
          lambda x, attrs: ("transpose", (tuple(map(attrs[0].index, range(x.rank))),)), "numpy.transpose", access="read",
          element=lambda attrs, index: tuple([index[attrs[0].index(axis)] for axis in range(len(attrs[0]))]), lifted=_order_lifted)
_movement("slice",     lambda types, attrs: types[0].with_shape(tuple(part[2] for part in attrs[0])),  # attrs: ((first, step, length) per axis)
          lambda x, attrs: ("pad", (attrs[0], x.shape)), "gradc.ir.reference.slice_", access="read",
          element=_sliced, lifted=_parts_lifted)
_movement("pad",       lambda types, attrs: types[0].with_shape(attrs[1]),                             # attrs: as slice, shape
          lambda x, attrs: ("slice", (attrs[0],)), "gradc.ir.reference.pad", access="scatter",
          element=_sliced, lifted=_parts_lifted)
_movement("reshape",   lambda types, attrs: types[0].with_shape(attrs[0]),                             # attrs: shape
          lambda x, attrs: ("reshape", (x.shape,)), "numpy.reshape", access="view",
          lifted=_whole_shape_lifted)
_row("join",           "movement", "x", _joined, numpy="gradc.ir.reference.join", access="parts",            # attrs: axis, where on it each argument begins
     is_variadic=True, linear="x", symbol="concatenate", lifted=_axis_lifted)
_movement("cumsum",    _first,                                                                         # attrs: axis, backwards
          lambda x, attrs: ("cumsum", (attrs[0], not attrs[1])), "gradc.ir.reference.cumsum", access="call", adds=True,
          lifted=_axis_lifted)

# ---------------------------------------------------------------- along an axis of whole arrays

_scan("recur",          "a b", _last,   "gradc.ir.reference.recur", facts="adds")                      # attrs: axis, backwards; out[k] = a[k] * out[k-1] + b[k]
_scan("running_argmax", "x",   _places, "gradc.ir.reference.running_argmax", facts="positions")                           # attrs: axis
_scan("argsort",        "x",   _places, "gradc.ir.reference.argsort", facts="positions")                                  # attrs: axis
_scan("searchsorted",   "table x", _places, "gradc.ir.reference.searchsorted")                         # attrs: from the right

# ---------------------------------------------------------------- loops over steps, which are graphs of their own

_row("loop", "loop", "...", _of_loop, access="call", symbol="loop")                                     # attrs: step, which result

# ---------------------------------------------------------------- gathers and their transposes, by arrays of indices

_gather("take",      _taken,           "numpy.take",                    "read",                        # attrs: axis
        transpose=lambda x, attrs: ("put", (attrs[0], x.shape)), lifted=_axis_lifted)
_gather("put",       _attribute_shape, "gradc.ir.reference.put",        "scatter", facts="adds",  # attrs: axis, shape
        transpose=lambda x, attrs: ("take", attrs[:1]), lifted=_shape_lifted)
_gather("take_along", _along,          "numpy.take_along_axis",         "read",    facts="aligned",    # attrs: axis
        transpose=lambda x, attrs: ("put_along", (attrs[0], x.shape)), lifted=_axis_lifted)
_gather("put_along", _attribute_shape, "gradc.ir.reference.put_along",  "scatter", facts="adds aligned",  # attrs: axis, shape
        transpose=lambda x, attrs: ("take_along", attrs[:1]), lifted=_shape_lifted)

# ---------------------------------------------------------------- matrices

# Giles, "Collected matrix derivative results for forward and reverse mode algorithmic differentiation" (2008), and for
# the Cholesky factor Murray, "Differentiation of the Cholesky decomposition" (2016).
_matrix("solve", "A B", _last, ("-solve(A, dot @ out)", ""), ("", "solve_transposed(A, bar)"),
        "matrix_transpose(lu_solve(lu(A), matrix_transpose(B)))")
_matrix("solve_transposed", "A B", _last, ("-solve_transposed(A, matrix_transpose(dot) @ out)", ""), ("", "solve(A, bar)"),
        "matrix_transpose(lu_solve_transposed(lu(A), matrix_transpose(B)))", facts="hidden")
_matrix("solve_positive", "A B", _last, ("-solve_positive(A, symmetric(dot) @ out)", ""), ("", "solve_positive(A, bar)"),
        "L = cholesky_factor(A); matrix_transpose(back_solve(L, forward_solve(L, matrix_transpose(B))))", facts="hidden")
_matrix("solve_lower", "L B", _last, ("-solve_lower(L, tril(dot) @ out)", ""), ("", "solve_lower_transposed(L, bar)"),
        "matrix_transpose(forward_solve(L, matrix_transpose(B)))", facts="hidden")
_matrix("solve_lower_transposed", "L B", _last, ("-solve_lower_transposed(L, matrix_transpose(tril(dot)) @ out)", ""),
        ("", "solve_lower(L, bar)"), "matrix_transpose(back_solve(L, matrix_transpose(B)))", facts="hidden")
_matrix("inv", "A", _first, ("-out @ dot @ out",), lowered="lu_inverse(lu(A))", inverts=True)
_matrix("inv_positive", "A", _first, ("-out @ symmetric(dot) @ out",), lowered="cholesky_inverse(cholesky_factor(A))", facts="hidden inverts")
_matrix("logdet", "A", _number_each, ("sum(matrix_transpose(inv(A)) * dot, axis=(-2, -1))",),
        lowered="""F = lu(A); d = lu_diagonal(F); s = lu_sign(F) * prod(sign(d), axis=-1)
                   where(s < 0, nan, sum(log(abs(d)), axis=-1))""")
_matrix("logdet_positive", "A", _number_each, ("sum(inv_positive(A) * symmetric(dot), axis=(-2, -1))",),
        lowered="2 * sum(log(lu_diagonal(cholesky_factor(A))), axis=-1)", facts="hidden")
_matrix("cholesky", "A", _first, ("""W = solve_lower(out, matrix_transpose(solve_lower(out, symmetric(dot))))
                                     out @ (0.5 * (tril(W) + tril(W, k=-1)))""",), lowered="tril(cholesky_factor(A))")

_matrix("det", "A", _number_each, ("sum(cofactor(A) * dot, axis=(-2, -1))",),
        lowered="F = lu(A); lu_sign(F) * prod(lu_diagonal(F), axis=-1)")
_matrix("cofactor", "A", _first, ("""U = svd_u(A); V = svd_v(A)
                                     det(U @ matrix_transpose(V))[..., None, None] * (U
                                       @ cofactor_slope(svd_values(A), matrix_transpose(U) @ dot @ V) @ matrix_transpose(V))""",),
        lowered="F = lu_perturbed(lu(A)); (lu_sign(F) * prod(lu_diagonal(F), axis=-1))[..., None, None] * matrix_transpose(lu_inverse(F))", facts="hidden")
_matrix("log_abs_det", "A", _number_each, ("sum(matrix_transpose(inv(A)) * dot, axis=(-2, -1))",),
        lowered="sum(log(abs(lu_diagonal(lu(A)))), axis=-1)", facts="hidden")
_matrix("det_sign", "A", _number_each, lowered="F = lu(A); lu_sign(F) * prod(sign(lu_diagonal(F)), axis=-1)", facts="hidden")
_matrix("eigvalsh", "A", _vector_each, ("rayleigh(A, symmetric(dot))",), lowered="last_row(eigh_factor(A))")
_matrix("eigenvectors", "A", _first, ("out @ (gaps(eigvalsh(A)) * (matrix_transpose(out) @ symmetric(dot) @ out))",),
        lowered="matrix_transpose(other_rows(eigh_factor(A)))", facts="hidden")
_matrix("rayleigh", "A B", _vector_each, ("""V = eigenvectors(A); V_dot = V @ (gaps(eigvalsh(A)) * (matrix_transpose(V) @ symmetric(dot) @ V))
                                             sum(V_dot * (B @ V) + V * (B @ V_dot), axis=-2)""", ""), ("", "spectral(A, bar[..., None, :])"),
        lowered="V = eigenvectors(A); sum(V * (B @ V), axis=-2)", facts="hidden")
# Daleckii and Krein, "Integration and differentiation of functions of Hermitian operators" (1965).
_matrix("spectral", "A g", _first, ("""V = eigenvectors(A); VT = matrix_transpose(V)
                                       V @ (slopes * (VT @ symmetric(dot) @ V)) @ VT""", ""), ("", "rayleigh(A, bar)[..., None, :]"),
        lowered="V = eigenvectors(A); (V * g) @ matrix_transpose(V)", facts="hidden")
_matrix("svd_values", "A", _shorter_each, ("sum(svd_u(A) * (dot @ svd_v(A)), axis=-2)",), lowered="svd_part_s(A, svd_factor(A))", facts="hidden")
_matrix("svd_u", "A", _left_vectors, ("""s = svd_values(A)[..., None, :]; D = dot @ svd_v(A); P = matrix_transpose(out) @ D
                                         out @ (gaps(svd_values(A)**2) * (P * s + matrix_transpose(P * s))) + (D - out @ P) * where(s > 0, 1 / s, 0)""",),
        lowered="svd_part_u(A, svd_factor(A))", facts="hidden")
_matrix("svd_v", "A", _right_vectors, ("""s = svd_values(A)[..., None, :]; D = matrix_transpose(dot) @ svd_u(A); P = matrix_transpose(out) @ D
                                          out @ (gaps(svd_values(A)**2) * (P * s + matrix_transpose(P * s))) + (D - out @ P) * where(s > 0, 1 / s, 0)""",),
        lowered="svd_part_v(A, svd_factor(A))", facts="hidden")
_matrix("pinv", "A", _transposed_type, ("""AT = matrix_transpose(dot); PT = matrix_transpose(out); R = out @ PT @ AT; T = AT @ PT @ out
                                           R - R @ A @ out + T - out @ A @ T - out @ dot @ out""",),
        lowered="""s = svd_values(A)[..., None, :]; least = 1e-15 * max(svd_values(A), axis=-1)
                   (svd_v(A) * where(s > least[..., None, None], 1 / s, 0)) @ matrix_transpose(svd_u(A))""")
_matrix("qr_q", "A", _left_vectors, ("""R = qr_r(A); P = matrix_transpose(solve_lower(matrix_transpose(first_columns(R, R)), matrix_transpose(first_columns(dot, R))))
                                        M = matrix_transpose(out) @ P; W = tril(M, k=-1)
                                        out @ (W - matrix_transpose(W)) + P - out @ M""",),
        lowered="qr_part_q(A, qr_factor(matrix_transpose(A)))", facts="hidden")
_matrix("qr_r", "A", _right_rows, ("""Q = qr_q(A); S = matrix_transpose(Q) @ dot
                                      W = tril(matrix_transpose(solve_lower(matrix_transpose(first_columns(out, out)), matrix_transpose(first_columns(S, out)))), k=-1)
                                      S - (W - matrix_transpose(W)) @ out""",),
        lowered="qr_part_r(A, qr_factor(matrix_transpose(A)))", facts="hidden")

_factor("eigh_factor",         "A",        _with_row)
_factor("svd_factor",          "A",        _svd_parts)
_factor("qr_factor",           "A",        _qr_parts)
_factor("lu",                  "A",        _with_row)
_factor("lu_solve",            "F B",      _last)
_factor("lu_solve_transposed", "F B",      _last)
_factor("lu_inverse",          "F",        _square)
_factor("cholesky_factor",     "A",        _first)
_factor("cholesky_inverse",    "L",        _first)
_factor("forward_solve",       "L B",      _last)
_factor("back_solve",          "L B",      _last)
# fmt: on

# ---------------------------------------------------------------- sets of ops that share a fact


def bits(names: Iterable[str]) -> int:
    """A set of ops as an integer, which `Node.ops` meets by `&`."""
    return sum(OPS[name].bit for name in names)


ROWS = tuple(OPS.values())
"""The table in order."""
OWN = 1 << len(ROWS)
"""The bit of all functions of users' own."""
OPERATORS = {row.sign: row.name for row in ROWS if row.sign and len(row.params) == 2}
"""The ops that are written between their arguments."""
MOVES = frozenset(row.name for row in ROWS if row.access == "read")
"""Ops that cost nothing in a loop: they only change which element is read."""
PICKS = frozenset(row.name for row in ROWS if row.access == "read" and row.kind == "gather")
"""Moves to an index that another array holds."""
SCATTERS = frozenset(row.name for row in ROWS if row.access == "scatter")
"""Ops that add their argument into a part of an array of zeros: transposed moves."""
JOINS = frozenset(row.name for row in ROWS if row.access == "parts")
"""Ops that put arrays side by side."""
ARRAY_OPS = frozenset(row.name for row in ROWS if row.access in ("view", "call"))
"""Ops that a kernel does to whole arrays, outside the loops that it fuses."""

BROKEN = {"==": "ne", ">=": "lt"}
"""The comparison that holds where a relation between sizes does not."""
