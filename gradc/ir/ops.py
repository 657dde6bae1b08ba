"""THE op table: one op, one row.

A row says what an op is called, what its arguments are called, its partial derivative for each argument
as text in gradc's own language, how NumPy evaluates it, how Python writes it, and where to test it.

Reading a partial: arguments go by their names, `out` is the result. Both modes come from the same text,
`x_bar += out_bar * partial` and `out_dot += partial * x_dot`. `gate(c, v)` is v where c holds and *nothing*
elsewhere: not the number zero, which times infinity is NaN, but the absence of a path. None marks an
argument that has no derivative, "0" one whose derivative vanishes wherever it exists.

Ops that move data are linear; their rows state the transposed op instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any

from gradc.ir.sizes import Shape
from gradc.ir.types import Type

Interval = tuple[float, float]
Attrs = tuple[Any, ...]
Running = tuple[float | bool | None, str, str]
"""Of a reduction: identity, combination, noun."""

REAL = (-4.0, 4.0)
POSITIVE = (0.1, 6.0)
UNIT = (-0.95, 0.95)
BEYOND_ONE = (1.05, 6.0)


@dataclass(frozen=True)
class Op:
    """A row. `kind` is one of source, elementwise, reduction, contraction, movement, gather."""

    name: str
    kind: str
    params: tuple[str, ...]
    infer: Callable[[tuple[Type, ...], Attrs], Type]
    partials: tuple[str | None, ...] = ()
    transpose: Callable[[Type, Attrs], tuple[str, Attrs]] | None = None
    """Of a linear op: from argument type and attrs to the transposed op and its attrs."""
    numpy: str = ""
    """The reference: a dotted name, called with the argument arrays."""
    python: str = ""
    """The emitted Python: an infix or prefix symbol, or a call with one `{}` for each argument."""
    lowered: str = ""
    """For an op that is no primitive of the kernels: its meaning in terms of others, as text."""
    wide: bool = False
    """Whether `lowered` is computed in f64 even for f32, whose range is too small for it."""
    domain: tuple[Interval, ...] = ()
    """Where tests draw each argument."""
    commutative: bool = False
    identity: float | bool | None = None
    """Of a reduction that runs over its terms: its value for no terms."""
    combine: str = ""
    """The elementwise op that joins two partial results."""
    noun: str = ""
    """What a running result is called."""


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


def _contracted(types: tuple[Type, ...], attrs: Attrs) -> Type:
    x_labels, y_labels, labels = attrs
    sizes = dict(zip(y_labels, types[1].shape)) | dict(zip(x_labels, types[0].shape))
    return types[0].with_shape(tuple(sizes[label] for label in labels))


def _taken(types: tuple[Type, ...], attrs: Attrs) -> Type:
    x, index = types
    (axis,) = attrs
    return x.with_shape(x.shape[:axis] + index.shape + x.shape[axis + 1 :])


def _along(types: tuple[Type, ...], attrs: Attrs) -> Type:
    return types[0].with_shape(types[1].shape)


def _attribute_shape(types: tuple[Type, ...], attrs: Attrs) -> Type:
    return types[0].with_shape(attrs[1])


def without(shape: Shape, axes: tuple[int, ...]) -> Shape:
    """A shape with some axes dropped."""
    return tuple(size for axis, size in enumerate(shape) if axis not in axes)


def others(rank: int, axes: tuple[int, ...]) -> tuple[int, ...]:
    """The axes of a rank that are not among these."""
    return tuple(axis for axis in range(rank) if axis not in axes)


def _repeated(x: Type, attrs: Attrs) -> tuple[str, Attrs]:
    """The transposed broadcast: a sum over the new axes; where there are none, only sizes had to be made equal."""
    shape, dims = attrs
    added = others(len(shape), dims)
    return ("sum", (added,)) if added else ("broadcast", (x.shape, dims))


# ---------------------------------------------------------------- makers of rows

ROWS: list[Op] = []


def _row(name: str, kind: str, params: str, infer, **columns) -> None:
    ROWS.append(Op(name, kind, tuple(params.split()), infer, **columns))


def _unary(name: str, partial: str, numpy: str, python: str, domain: Interval = REAL, lowered: str = "") -> None:
    _row(
        name, "elementwise", "x", _first, partials=(partial,), numpy=numpy, python=python, lowered=lowered,
        domain=(domain,),
    )  # fmt: skip


def _binary(
    name: str, params: str, partials: tuple[str | None, ...], numpy: str, python: str,
    domain: tuple[Interval, ...] = (REAL, REAL), lowered: str = "", commutative: bool = False,
) -> None:  # fmt: skip
    _row(
        name, "elementwise", params, _last, partials=partials, numpy=numpy, python=python, lowered=lowered,
        domain=domain, commutative=commutative,
    )  # fmt: skip


def _comparison(name: str, symbol: str, numpy: str, commutative: bool = False) -> None:
    _row(
        name, "elementwise", "x y", _condition, partials=(None, None), numpy=numpy, python=symbol,
        domain=(REAL, REAL), commutative=commutative,
    )  # fmt: skip


def _reduction(
    name: str, partial: str | None, numpy: str, domain: Interval = REAL, running: Running = (None, "", ""), **columns
) -> None:
    identity, combine, noun = running
    _row(
        name, "reduction", "x", _reduced, partials=(partial,), numpy=numpy, domain=(domain,), identity=identity,
        combine=combine, noun=noun, **columns,
    )  # fmt: skip


def _movement(name: str, infer, transpose, numpy: str) -> None:
    _row(name, "movement", "x", infer, transpose=transpose, numpy=numpy)


# ---------------------------------------------------------------- sources

_row("input", "source", "", _attribute)  # attrs: name, type
_row("const", "source", "", _attribute)  # attrs: bits, type
_row("iota", "source", "", _attribute)  # attrs: axis, type; every element is its own index along the axis
_row("size", "source", "", _attribute)  # attrs: size, type; the size as a number

# ---------------------------------------------------------------- elementwise, one argument
# fmt: off

#      name          partial                      numpy               python            domain
_unary("neg",        "-1",                        "numpy.negative",   "-")
_unary("abs",        "sign(x)",                   "numpy.abs",        "abs({})")
_unary("sign",       "0",                         "numpy.sign",       "np.sign({})")
_unary("square",     "2 * x",                     "numpy.square",     "{} * {}")
_unary("sqrt",       "0.5 / out",                 "numpy.sqrt",       "np.sqrt({})",    POSITIVE)
_unary("cbrt",       "1 / (3 * out * out)",       "numpy.cbrt",       "np.cbrt({})",    POSITIVE)
_unary("exp",        "out",                       "numpy.exp",        "np.exp({})")
_unary("exp2",       "0.6931471805599453 * out",  "numpy.exp2",       "np.exp2({})")
_unary("expm1",      "exp(x)",                    "numpy.expm1",      "np.expm1({})")
_unary("log",        "1 / x",                     "numpy.log",        "np.log({})",     POSITIVE)
_unary("log2",       "1.4426950408889634 / x",    "numpy.log2",       "np.log2({})",    POSITIVE)
_unary("log10",      "0.4342944819032518 / x",    "numpy.log10",      "np.log10({})",   POSITIVE)
_unary("log1p",      "1 / (1 + x)",               "numpy.log1p",      "np.log1p({})",   (-0.9, 6.0))
_unary("log1mexp",   "-expm1_reciprocal(-x)",     "gradc.ir.reference.log1mexp", "", (-5.0, -0.1),
       lowered="where(x > -0.6931471805599453, log(-expm1(x)), log1p(-exp(x)))")
_unary("expm1_reciprocal", "expm1_reciprocal(x) * expm1_reciprocal(-x)", "gradc.ir.reference.expm1_reciprocal", "", POSITIVE,
       lowered="1 / expm1(x)")
_unary("sin",        "cos(x)",                    "numpy.sin",        "np.sin({})")
_unary("cos",        "-sin(x)",                   "numpy.cos",        "np.cos({})")
_unary("tan",        "1 + out * out",             "numpy.tan",        "np.tan({})",     (-1.4, 1.4))
_unary("arcsin",     "1 / sqrt(1 - square(x))",   "numpy.arcsin",     "np.arcsin({})",  UNIT)
_unary("arccos",     "-1 / sqrt(1 - square(x))",  "numpy.arccos",     "np.arccos({})",  UNIT)
_unary("arctan",     "1 / (1 + x * x)",           "numpy.arctan",     "np.arctan({})")
_unary("sinh",       "cosh(x)",                   "numpy.sinh",       "np.sinh({})")
_unary("cosh",       "sinh(x)",                   "numpy.cosh",       "np.cosh({})")
_unary("tanh",       "4 * logistic_pdf(2 * x)",   "numpy.tanh",       "np.tanh({})")
_unary("sech",       "-out * tanh(x)",            "gradc.ir.reference.sech", "",
       lowered="1 / cosh(x)")
_unary("logcosh",    "tanh(x)",                   "gradc.ir.reference.logcosh", "",
       lowered="""where(abs(x) < 1, 0.5 * log1p(square(sinh(x))),
                        abs(x) + log1p(exp(-2 * abs(x))) - 0.6931471805599453)""")
_unary("arcsinh",    "1 / hypot(x, 1)",           "numpy.arcsinh",    "np.arcsinh({})")
_unary("arccosh",    "1 / (sqrt(x - 1) * sqrt(x + 1))", "numpy.arccosh", "np.arccosh({})", BEYOND_ONE)
_unary("arctanh",    "1 / (1 - square(x))",       "numpy.arctanh",    "np.arctanh({})", UNIT)
_unary("sigmoid",    "logistic_pdf(x)",           "gradc.ir.reference.sigmoid", "",
       lowered="where(x >= 0, 1, exp(-abs(x))) / (1 + exp(-abs(x)))")
_unary("logistic_pdf", "-out * tanh(0.5 * x)",    "gradc.ir.reference.logistic_pdf", "",
       lowered="exp(-abs(x)) / square(1 + exp(-abs(x)))")
_unary("softplus",   "sigmoid(x)",                "gradc.ir.reference.softplus", "",
       lowered="where(x < 0, 0, x) + log1p(exp(-abs(x)))")
_unary("erf",        "1.1283791670955126 * exp(-x * x)",  "gradc.ir.reference.erf",  "math.erf({})")
_unary("erfc",       "-1.1283791670955126 * exp(-x * x)", "gradc.ir.reference.erfc", "math.erfc({})")
_unary("normal_cdf", "normal_pdf(x)",             "gradc.ir.reference.normal_cdf", "",
       lowered="0.5 * erfc(-0.7071067811865476 * x)")
_unary("normal_pdf", "where(out == 0, 0, -x * out)", "gradc.ir.reference.normal_pdf", "",
       lowered="0.3989422804014327 * exp(-0.5 * x * x)")
_unary("gamma",      "out * digamma(x)",          "gradc.ir.reference.gamma",   "gamma({})",   POSITIVE)
_unary("lgamma",     "digamma(x)",                "gradc.ir.reference.lgamma", "lgamma({})",  POSITIVE)
_unary("digamma",    "polygamma(1, x)",           "gradc.ir.reference.digamma", "digamma({})", POSITIVE)
_unary("floor",      "0",                         "numpy.floor",      "np.floor({})")
_unary("ceil",       "0",                         "numpy.ceil",       "np.ceil({})")
_unary("round",      "0",                         "numpy.rint",       "np.rint({})")
_unary("trunc",      "0",                         "numpy.trunc",      "np.trunc({})")

# ---------------------------------------------------------------- elementwise, more arguments

#       name         args    partials                                              numpy                 python
_binary("add",       "x y",  ("1", "1"),                                           "numpy.add",          "+", commutative=True)
_binary("sub",       "x y",  ("1", "-1"),                                          "numpy.subtract",     "-")
_binary("mul",       "x y",  ("y", "x"),                                           "numpy.multiply",     "*", commutative=True)
_binary("div",       "x y",  ("1 / y", "-out / y"),                                "numpy.divide",       "/", (REAL, POSITIVE))
_binary("floordiv",  "x y",  ("0", "0"),                                           "numpy.floor_divide", "//", (REAL, POSITIVE))
_binary("mod",       "x y",  ("1", "-(x // y)"),                                   "numpy.mod",          "%", (REAL, POSITIVE))
_binary("power",     "x y",  ("""where(y == 0, 0, where(abs(y) < 0.5 and x != 0 and abs(x) < inf,
                                                          y * out / x, y * power(x, y - 1)))""",
                              "where(out == 0 and x >= 0, 0, out * log(x))"),      "numpy.power",        "**", (POSITIVE, REAL))
_binary("maximum",   "x y",  ("gate(not (x < y), where(x == y, 0.5, 1))",
                              "gate(not (y < x), where(x == y, 0.5, 1))"),         "numpy.maximum",      "max", commutative=True)
_binary("minimum",   "x y",  ("gate(not (x > y), where(x == y, 0.5, 1))",
                              "gate(not (y > x), where(x == y, 0.5, 1))"),         "numpy.minimum",      "min", commutative=True)
_binary("clamp_min", "x c",  ("gate(not (x <= c), 1)", None),                      "numpy.maximum",      "max")
_binary("clamp_max", "x c",  ("gate(not (x >= c), 1)", None),                      "numpy.minimum",      "min")
_binary("hypot",     "x y",  ("where(out == 0, 0, x / out)",
                              "where(out == 0, 0, y / out)"),                      "numpy.hypot",        "np.hypot({}, {})", commutative=True)
_binary("arctan2",   "y x",  ("x / hypot(x, y) / hypot(x, y)",
                              "-y / hypot(x, y) / hypot(x, y)"),                   "numpy.arctan2",      "np.arctan2({}, {})")
_binary("logaddexp", "x y",  ("where(x == y and abs(x) == inf, 0.5, sigmoid(x - y))",
                              "where(x == y and abs(x) == inf, 0.5, sigmoid(y - x))"), "numpy.logaddexp", "",
        lowered="where(x == y, x + 0.6931471805599453, max(x, y) + log1p(exp(-abs(x - y))))", commutative=True)
_binary("shifted",   "x s",  ("1", None),                                          "gradc.ir.reference.shifted", "",
        lowered="where(x == s, 0, x - s)")  # s counts as a constant: for results that do not depend on it
_binary("exp_shifted", "x s", ("out", None),                                       "gradc.ir.reference.exp_shifted", "",
        lowered="where(x == s, 1, exp(x - s))")
_binary("polygamma", "n x",  (None, "polygamma(n + 1, x)"),                        "gradc.ir.reference.polygamma", "polygamma({}, {})", ((1.0, 1.0), POSITIVE))
_binary("gate",      "c x",  (None, "gate(c, 1)"),                                 "gradc.ir.reference.gate", "{1} if {0} else 0.0")
_row("where", "elementwise", "c x y", _last, partials=(None, "gate(c, 1)", "gate(not c, 1)"),
     numpy="numpy.where", python="{1} if {0} else {2}", domain=(REAL, REAL, REAL))
_row("clip", "elementwise", "x lower upper", _first, domain=(REAL, (-3.0, -1.0), (1.0, 3.0)),
     partials=("gate(not (x <= lower) and not (x >= upper), 1)",
               "gate((x <= lower) and (lower < upper), 1)",
               "gate((x >= upper) or (lower >= upper), 1)"),
     numpy="numpy.clip", lowered="min(max(x, lower), upper)")

_comparison("lt", "<",  "numpy.less")
_comparison("le", "<=", "numpy.less_equal")
_comparison("gt", ">",  "numpy.greater")
_comparison("ge", ">=", "numpy.greater_equal")
_comparison("eq", "==", "numpy.equal", commutative=True)
_comparison("ne", "!=", "numpy.not_equal", commutative=True)
_comparison("and", "and", "numpy.logical_and", commutative=True)
_comparison("or", "or", "numpy.logical_or", commutative=True)
_row("not", "elementwise", "x", _condition, partials=(None,), numpy="numpy.logical_not", python="not ", domain=(REAL,))

# ---------------------------------------------------------------- reductions: attrs are (axes,)

_reduction("prod", """scale = exp(sum(log(abs(x))) / count(x))
                      where(abs(x) == inf and sum(gate(abs(x) == inf, 1)) == 1, prod(where(abs(x) == inf, 1, x)),
                      where((out == 0 or abs(out) == inf) and sum(gate(x == 0 or abs(x) == inf, 1)) == 0,
                        prod(x / scale) / (x / scale) * power(scale, count(x) - 1),
                      where(sum(gate(x == 0, 1)) == 0, out / x,
                      where(sum(gate(x == 0, 1)) == 1,
                        where(x == 0, 1, sum(where(x == 0, x, 0)) / x),
                        where(sum(gate(x == 0, 1)) == 2 and x == 0, sum(where(x == 0, x, 0)) - x, 0))
                      * prod(where(x == 0, 1, x)))))""",              "numpy.prod", POSITIVE,
           running=(1.0, "mul", "product"))
_reduction("max",       "gate(not (x < out), 1 / sum(gate(not (x < out), 1)))", "gradc.ir.reference.largest",
           running=(-inf, "maximum", "largest"))
_reduction("min",       "gate(not (x > out), 1 / sum(gate(not (x > out), 1)))", "gradc.ir.reference.smallest",
           running=(inf, "minimum", "smallest"))
_reduction("logsumexp", "exp_shifted(x, max(x)) / sum(exp_shifted(x, max(x)))", "gradc.ir.reference.logsumexp",
           lowered="m = max(x); log(sum(exp_shifted(x, m))) + m")
_reduction("norm",      "where(out == 0, 0, x / out)", "gradc.ir.reference.norm", wide=True,
           lowered="""big = sum(where(abs(x) > 1e150, square(x * 2.409919865102884e-181), 0))
                      middle = sum(where(abs(x) > 1e150 or abs(x) < 1e-150, 0, square(x)))
                      small = sum(where(abs(x) < 1e-150, square(x * 4.149515568880993e180), 0))
                      where(big > 0,
                        sqrt(big + middle * 2.409919865102884e-181 * 2.409919865102884e-181) * 4.149515568880993e180,
                        sqrt(middle + small * 2.409919865102884e-181 * 2.409919865102884e-181)
                          if middle > 0 or not (small > 0) else sqrt(small) * 2.409919865102884e-181)""")
_row("argmax", "reduction", "x", _position, partials=(None,), numpy="gradc.ir.reference.argmax", domain=(REAL,),
     lowered="first = min(where(x == max(x) or x != x, position(x), inf)); first")
_row("argmin", "reduction", "x", _position, partials=(None,), numpy="gradc.ir.reference.argmin", domain=(REAL,),
     lowered="first = min(where(x == min(x) or x != x, position(x), inf)); first")
_reduction("any",       None, "numpy.any", running=(False, "or", "some"))
_reduction("all",       None, "numpy.all", running=(True, "and", "every"))
_row("sum", "reduction", "x", _reduced, numpy="gradc.ir.reference.total", domain=(REAL,),
     identity=0.0, combine="add", noun="total",
     transpose=lambda x, attrs: ("broadcast", (x.shape, others(x.rank, attrs[0]))))

# ---------------------------------------------------------------- contractions: attrs are the labels of x, of y, of the result

_row("contract", "contraction", "x y", _contracted, numpy="gradc.ir.reference.contract", domain=(REAL, REAL))

# ---------------------------------------------------------------- movement of data, all linear

_movement("cast",      lambda types, attrs: types[0].with_dtype(attrs[0]),                             # attrs: dtype
          lambda x, attrs: ("cast", (x.dtype,)), "gradc.ir.reference.cast")
_movement("broadcast", lambda types, attrs: types[0].with_shape(attrs[0]),                             # attrs: shape, dims
          _repeated, "gradc.ir.reference.broadcast")
_movement("squeeze",   lambda types, attrs: types[0].with_shape(without(types[0].shape, attrs[0])),    # attrs: axes
          lambda x, attrs: ("broadcast", (x.shape, others(x.rank, attrs[0]))), "gradc.ir.reference.squeeze")
_movement("transpose", lambda types, attrs: types[0].with_shape(tuple(types[0].shape[a] for a in attrs[0])),  # attrs: order
          lambda x, attrs: ("transpose", (tuple(map(attrs[0].index, range(x.rank))),)), "numpy.transpose")
_movement("slice",     lambda types, attrs: types[0].with_shape(tuple(part[2] for part in attrs[0])),  # attrs: ((first, step, length) per axis)
          lambda x, attrs: ("pad", (attrs[0], x.shape)), "gradc.ir.reference.slice_")
_movement("pad",       lambda types, attrs: types[0].with_shape(attrs[1]),                             # attrs: as slice, shape
          lambda x, attrs: ("slice", (attrs[0],)), "gradc.ir.reference.pad")
_movement("reshape",   lambda types, attrs: types[0].with_shape(attrs[0]),                             # attrs: shape
          lambda x, attrs: ("reshape", (x.shape,)), "numpy.reshape")
_movement("cumsum",    _first,                                                                         # attrs: axis, backwards
          lambda x, attrs: ("cumsum", (attrs[0], not attrs[1])), "gradc.ir.reference.cumsum")

# ---------------------------------------------------------------- gathers and their transposes, by arrays of indices

_row("take", "gather", "x index", _taken, numpy="numpy.take",                                          # attrs: axis
     transpose=lambda x, attrs: ("put", (attrs[0], x.shape)))
_row("put", "gather", "x index", _attribute_shape, numpy="gradc.ir.reference.put",                     # attrs: axis, shape
     transpose=lambda x, attrs: ("take", attrs[:1]))
_row("take_along", "gather", "x index", _along, numpy="numpy.take_along_axis",                         # attrs: axis
     transpose=lambda x, attrs: ("put_along", (attrs[0], x.shape)))
_row("put_along", "gather", "x index", _attribute_shape, numpy="gradc.ir.reference.put_along",         # attrs: axis, shape
     transpose=lambda x, attrs: ("take_along", attrs[:1]))
# fmt: on

WHOLE = ("contract", "reshape", "cumsum")
"""Ops that a kernel does to whole arrays, outside the loops that it fuses."""

OPS: dict[str, Op] = {row.name: row for row in ROWS}
"""The table by name."""
