"""The functions of the language, one record each: what it is called, what it takes, what it builds.

There are three kinds: elementwise ops under their own names, functions that this room builds, and definitions in the
language itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, cached_property

from gradc.construct import (
    arrays,
    creation,
    derivatives,
    elementwise,
    losses,
    matrices,
    ordered,
    recurrences,
    reductions,
    shapes,
    vectors,
)
from gradc.construct.calls import CallArguments
from gradc.ir.graph import Node
from gradc.ir.ops import OPS, Op
from gradc.language.parser import parse
from gradc.language.record import dataclass
from gradc.language.source import Source
from gradc.language.syntax import Definition

Build = Callable[[CallArguments], Node]


@dataclass(frozen=True)
class Axes:
    """How many axes the arrays among the arguments of a function have, and how many the result.

    As text, `x:1 q:* -> x-axis`: a number is the least number of axes, `*` any number, which broadcasts, `m` a matrix
    where the argument is called by a capital letter and otherwise a vector, `=` as many as the others. The result has
    so many axes, or as many as x, or less those in `axis`, or what a word stands for in `frontends/ranks.py`.
    """

    needs: Mapping[str, str]
    result: str


@cache
def _axes(text: str) -> Axes:
    needs, _, result = text.rpartition("->")
    return Axes(dict(part.split(":") for part in needs.split()), result.strip())


EACH = "-> *"
"""Of what works element by element."""
ALONG = "x:1 -> x"
"""Of what keeps the shape of an array."""
OVER = "x:1 where:1 -> x-axis"
"""Of reductions."""
LOSS = "scores:0 labels:0 -> loss"
"""Of losses over labels: one for each row of scores."""
SORTED = "x:1 -> x-axis"
"""Of reductions that do without `where`."""


@dataclass(frozen=True)
class Builtin:
    """A function of the language, under its first name."""

    name: str
    parameters: tuple[str, ...]
    """Behind `...`, which stands for more of the same, they go by name only."""
    required: int
    """How many of them have no default."""
    build: Build | None = None
    """What makes its node; None for a definition."""
    text: str = ""
    """Of a definition: its text."""
    ranks: str = EACH
    """How many axes its arguments and its result have (see `Axes`); behind `|`, of several values."""
    indices: frozenset[str] = frozenset()
    """The parameters that are arrays of indices."""
    keeps: frozenset[str] = frozenset()
    """The parameters whose integers are integers in the result."""
    functions: frozenset[str] = frozenset()
    """The parameters that name a `def`: the builder gets an `Applicable` (closures.py), which it calls with nodes."""

    variables: frozenset[str] = frozenset()
    """The parameters that are names which derivatives are taken for."""
    parts: tuple[str, ...] = ()
    """What the values are called of one that gives a tuple."""

    @cached_property
    def definition(self) -> Definition | None:
        return _definitions()[self.name] if self.text else None

    def axes(self, several: bool) -> Axes:
        """How many axes there are, where it is called with several values or with one."""
        alone, _, otherwise = self.ranks.partition(" | ")
        return _axes(otherwise if several and otherwise else alone)


def _op(row: Op) -> Builtin:
    """An elementwise op."""
    keeps = frozenset(row.params[row.conditions :]) if row.keeps_integers else frozenset()
    return Builtin(row.name, row.params, len(row.params), elementwise.elementwise, keeps=keeps)


def _built(
    name: str,
    parameters: str,
    build: Build,
    *,
    ranks: str,
    indices: str = "",
    keeps: str = "",
    functions: str = "",
    variables: str = "",
    parts: str = "",
) -> Builtin:
    """A function that this room builds; `name=` may be left out."""
    words = parameters.split()
    required = sum(not part.endswith(("=", "...")) for part in words)
    names = tuple(part.rstrip("=") for part in words)
    sets = (frozenset(each.split()) for each in (indices, keeps, functions, variables))
    indexing, kept, applied, differentiated = sets
    return Builtin(
        name, names, required, build, "", ranks, indexing, kept, applied, differentiated, tuple(parts.split())
    )


def _defined(head: str, body: str) -> Builtin:
    """A function that needs nothing but the language: `head` is its name with its parameters."""
    name, _, rest = head.rstrip(")").partition("(")
    parts = rest.split(", ")
    names = tuple(part.split("=")[0] for part in parts)
    required = sum("=" not in part for part in parts)
    return Builtin(name, names, required, text=f"def {head} = {body}")


ROWS: list[Builtin] = [
    *(_op(row) for row in OPS.values() if row.kind == "elementwise" and not row.hidden),
    *(
        _built(name, "x axis= keepdims= where=", reductions.reduction, ranks=OVER)
        for name in "sum prod logsumexp any all nansum nanprod nanmax nanmin".split()
    ),
    _built("norm", "x axis= keepdims= where= ord=", reductions.reduction, ranks=OVER),
    _built("argmax", "x axis= keepdims=", reductions.reduction, ranks=SORTED),
    _built("argmin", "x axis= keepdims=", reductions.reduction, ranks=SORTED),
    _built("count", "x axis= keepdims= where=", reductions.reduction, ranks=OVER),
    _built("mean", "x axis= keepdims= where=", reductions.mean, ranks=OVER),
    _built("nanmean", "x axis= keepdims= where=", reductions.mean, ranks=OVER),
    _built("var", "x axis= ddof= keepdims= where=", reductions.variance, ranks=OVER),
    _built("nanvar", "x axis= ddof= keepdims= where=", reductions.variance, ranks=OVER),
    _built("std", "x axis= ddof= keepdims= where=", reductions.deviation, ranks=OVER),
    _built("nanstd", "x axis= ddof= keepdims= where=", reductions.deviation, ranks=OVER),
    _built("max", "x y= ... axis= keepdims= where=", reductions.extremes, ranks=OVER + " | " + EACH, keeps="x y ..."),
    _built("min", "x y= ... axis= keepdims= where=", reductions.extremes, ranks=OVER + " | " + EACH, keeps="x y ..."),
    _built("softmax", "x axis=", reductions.softmax, ranks=ALONG),
    _built("log_softmax", "x axis=", reductions.softmax, ranks=ALONG),
    _built("maximum", "x y", elementwise.extreme, ranks=EACH, keeps="x y"),
    _built("minimum", "x y", elementwise.extreme, ranks=EACH, keeps="x y"),
    _built("clip", "x lower upper", elementwise.clip, ranks=EACH, keeps="x lower upper"),
    _built("polygamma", "n x", elementwise.polygamma, ranks=EACH),
    _built("Piecewise", "piece ...", elementwise.piecewise, ranks=EACH),
    _built("dot", "x y", arrays.product, ranks="x:m y:m -> @"),
    _built("outer", "x y", arrays.product, ranks="x:1 y:1 -> 2"),
    _built("matmul", "x y", arrays.product, ranks="x:m y:m -> @"),
    _built("hypot", "x y ...", vectors.hypot, ranks=EACH),
    _built("cross", "a b", vectors.cross, ranks="a:1 b:1 -> widest"),
    _built("kron", "a b", vectors.kron, ranks="a:m b:m -> widest"),
    _built("convolve", "a v mode=", vectors.convolve, ranks="a:1 v:1 -> 1"),
    _built("correlate", "a v mode=", vectors.convolve, ranks="a:1 v:1 -> 1"),
    _built("trapezoid", "y x= dx= axis=", vectors.trapezoid, ranks="y:1 x:1 -> y-axis"),
    _built("einsum", "subscripts x ...", arrays.einsum, ranks="x:0 ...:0 -> subscripts"),
    _built("take", "x indices axis=", arrays.take, ranks="x:1 indices:0 -> picked", indices="indices", keeps="x"),
    _built(
        "take_along_axis",
        "x indices axis",
        arrays.take_along,
        ranks="x:1 indices:=1 -> x",
        indices="indices",
        keeps="x",
    ),
    _built("one_hot", "indices size", arrays.one_hot, ranks="indices:1 -> x+1", indices="indices"),
    _built("arange", "size", arrays.arange, ranks="-> 1"),
    _built("zeros", "shape", creation.filled, ranks="-> shape"),
    _built("ones", "shape", creation.filled, ranks="-> shape"),
    _built("full", "shape fill_value", creation.filled, ranks="-> shape"),
    _built("zeros_like", "x", creation.filled_like, ranks=ALONG),
    _built("ones_like", "x", creation.filled_like, ranks=ALONG),
    _built("full_like", "x fill_value", creation.filled_like, ranks=ALONG),
    _built("eye", "N M= k=", creation.eye, ranks="-> 2"),
    _built("tril", "x k=", creation.triangle, ranks="x:2 -> x"),
    _built("triu", "x k=", creation.triangle, ranks="x:2 -> x"),
    _built("flip", "x axis=", creation.flip, ranks=ALONG, keeps="x"),
    _built("flipud", "x", creation.flip, ranks="x:m -> x", keeps="x"),
    _built("fliplr", "x", creation.flip, ranks="x:2 -> x", keeps="x"),
    _built("roll", "x shift axis=", creation.roll, ranks=ALONG, keeps="x", indices="shift"),
    _built("pad", "x pad_width mode= constant_values=", creation.pad, ranks=ALONG),
    _built("concatenate", "arrays axis=", shapes.concatenate, ranks="arrays:=1 -> x"),
    _built("stack", "arrays axis=", shapes.concatenate, ranks="arrays:= -> x+1"),
    _built("transpose", "x axes=", shapes.transpose, ranks="x:m -> x", keeps="x"),
    _built("reshape", "x shape", shapes.reshape, ranks="x:1 -> shape", keeps="x"),
    _built("expand_dims", "x axis", shapes.expand_dims, ranks="x:0 -> x+axis", keeps="x"),
    _built("squeeze", "x axis=", shapes.without_axes, ranks=SORTED, keeps="x"),
    _built("cumsum", "x axis=", shapes.cumsum, ranks=ALONG),
    _built("cumprod", "x axis=", ordered.cumprod, ranks=ALONG),
    _built("cummax", "x axis=", ordered.running_extreme, ranks=ALONG),
    _built("cummin", "x axis=", ordered.running_extreme, ranks=ALONG),
    _built("logcumsumexp", "x axis=", ordered.logcumsumexp, ranks=ALONG),
    _built("sort", "x axis=", ordered.sort, ranks=ALONG),
    _built("argsort", "x axis=", ordered.argsort, ranks=ALONG),
    _built("searchsorted", "a v side=", ordered.searchsorted, ranks="a:1 v:* -> *"),
    _built("median", "x axis= keepdims=", ordered.quantile, ranks=SORTED),
    _built("nanmedian", "x axis= keepdims=", ordered.quantile, ranks=SORTED),
    _built("quantile", "x q axis= method= keepdims=", ordered.quantile, ranks=SORTED),
    _built("nanquantile", "x q axis= method= keepdims=", ordered.quantile, ranks=SORTED),
    _built("percentile", "x q axis= method= keepdims=", ordered.quantile, ranks=SORTED),
    _built("nanpercentile", "x q axis= method= keepdims=", ordered.quantile, ranks=SORTED),
    _built("interp", "x xp fp left= right= period=", ordered.interp, ranks="x:* xp:1 fp:1 -> *"),
    _built("grad", "expr x", derivatives.grad, ranks="expr:0 x:0 -> second", variables="x"),
    _built("jvp", "expr x v", derivatives.jvp, ranks="expr:0 x:0 v:0 -> x", variables="x"),
    _built("jacobian", "expr x", derivatives.jacobian, ranks="expr:0 x:0 -> widest", variables="x"),
    _built("hessian", "expr x", derivatives.hessian, ranks="expr:0 x:0 -> widest", variables="x"),
    _built("divergence", "expr x", derivatives.divergence, ranks="expr:0 x:0 -> x-last", variables="x"),
    _built("laplacian", "expr x", derivatives.laplacian, ranks="expr:0 x:0 -> x", variables="x"),
    _built("fold", "step start ... reverse=", recurrences.fold, ranks="start:0 ...:1 -> loop", functions="step"),
    _built("scan", "step start ... reverse=", recurrences.scan, ranks="start:0 ...:1 -> loop", functions="step"),
    _built(
        "iterate",
        "step start count= until= limit=",
        recurrences.iterate,
        ranks="start:0 -> loop",
        functions="step until",
    ),
    _built("diag", "x", shapes.diag, ranks="x:m -> diag"),
    _built("trace", "x", shapes.diag, ranks="x:2 -> 0"),
    _built("matrix_transpose", "x", matrices.matrix_transpose, ranks="x:2 -> x"),
    _built("solve", "a b assume_a= transposed=", matrices.solve, ranks="a:2 b:m -> b"),
    _built("solve_triangular", "a b trans= lower= unit_diagonal=", matrices.solve_triangular, ranks="a:2 b:m -> b"),
    _built("cho_solve", "c_and_lower b", matrices.cho_solve, ranks="c_and_lower:2 b:m -> b"),
    _built("inv", "a assume_a=", matrices.inverse, ranks=EACH),
    _built("logdet", "a assume_a=", matrices.of_square, ranks="a:2 -> 0"),
    _built("cholesky", "a", matrices.of_square, ranks="a:2 -> x"),
    _built("det", "a", matrices.of_square, ranks="a:2 -> 0"),
    _built("slogdet", "a", matrices.slogdet, ranks="a:2 -> 0", parts="sign logabsdet"),
    _built("eigh", "a", matrices.eigh, ranks="a:2 -> x", parts="eigenvalues eigenvectors"),
    _built("eigvalsh", "a", matrices.of_square, ranks="a:2 -> 1"),
    _built("svd", "a full_matrices=", matrices.svd, ranks="a:2 -> x", parts="U S Vh"),
    _built("svdvals", "a", matrices.svdvals, ranks="a:2 -> 1"),
    _built("qr", "a", matrices.qr, ranks="a:2 -> x", parts="Q R"),
    _built("pinv", "a", matrices.pinv, ranks="a:2 -> x"),
    _built("lstsq", "a b", matrices.lstsq, ranks="a:2 b:m -> b"),
    _built("expm", "A", matrices.expm, ranks="A:2 -> x"),
    _built("matrix_power", "a n", matrices.matrix_power, ranks="a:2 -> x"),
    _defined("relu(x)", "max(x, 0)"),
    _defined("leaky_relu(x, slope=0.01)", "where(x > 0, x, slope * x)"),
    _defined("elu(x, alpha=1)", "where(x > 0, x, alpha * expm1(x))"),
    _defined("gelu(x)", "x * normal_cdf(x)"),
    _defined("silu(x)", "x * sigmoid(x)"),
    _defined("log_sigmoid(x)", "-softplus(-x)"),
    _defined("logit(p)", "log(p) - log1p(-p)"),
    _defined("mish(x)", "x * tanh(softplus(x))"),
    _defined("softsign(x)", "where(abs(x) < 1, x / (1 + abs(x)), sign(x) - sign(x) / (1 + abs(x)))"),
    _defined("reciprocal(x)", "1 / x"),
    _defined("add(x, y)", "x + y"),
    _defined("subtract(x, y)", "x - y"),
    _defined("multiply(x, y)", "x * y"),
    _defined("divide(x, y)", "x / y"),
    _defined("negative(x)", "-x"),
    _defined("cube(x)", "x**3"),
    _defined("greater(x, y)", "x > y"),
    _defined("greater_equal(x, y)", "x >= y"),
    _defined("less(x, y)", "x < y"),
    _defined("less_equal(x, y)", "x <= y"),
    _defined("cond(x, y)", "where(x > 0, y, 0)"),
    _defined("fma(x, y, z)", "x * y + z"),
    _defined("safe_log(x)", "where(x > 0, log(x), nan)"),
    _defined("log_abs(x)", "log(abs(x))"),
    _defined("log2_abs(x)", "log2(abs(x))"),
    _defined("log10_abs(x)", "log10(abs(x))"),
    _defined("log1p_abs(x)", "log1p(abs(x))"),
    _defined("sqrt_abs(x)", "sqrt(abs(x))"),
    _defined("pow_abs(x, y)", "abs(x)**y"),
    _defined("acosh_abs(x)", "arccosh(abs(x) + 1)"),
    _defined("atanh_clip(x)", "arctanh((x + 1) % 2 - 1)"),
    _defined("Heaviside(x, value=0.5)", "where(x == 0, value, where(x < 0, 0, where(x > 0, 1, x)))"),
    _defined("radians(x)", "x * 0.017453292519943295"),
    _defined("degrees(x)", "x * 57.29577951308232"),
    _defined("xlogy(x, y)", "where(x == 0 and (y <= 0 or y == inf), 0, x * log(y))"),
    _defined("xlog1py(x, y)", "where(x == 0 and (y <= -1 or y == inf), 0, x * log1p(y))"),
    _defined("factorial(n)", "where(n < 0, 0, gamma(n + 1))"),
    _defined("heaviside(x, h=0.5)", "where(x < 0, 0, where(x > 0, 1, where(x == 0, h, 0 * x)))"),
    _defined("isnan(x)", "x != x"),
    _defined("isfinite(x)", "abs(x) < inf"),
    _defined("isinf(x)", "abs(x) == inf"),
    _defined("entr(x)", "where(x < 0, -inf, -xlogy(x, x))"),
    _defined("rel_entr(x, y)", "where(x > 0 and y > 0, x * log(x / y), where(x == 0 and y >= 0, 0, inf))"),
    _defined("kl_div(x, y)", "where(x >= 0 and y >= 0, rel_entr(x, y) - x + y, inf)"),
    _defined(
        "boxcox(x, lmbda)",
        "where(abs(lmbda * log(x)) < 1, log(x) * exprel(lmbda * log(x)), expm1(lmbda * log(x)) / lmbda)",
    ),
    _defined("cosm1(x)", "-2 * sin(0.5 * x)**2"),
    _defined("powm1(x, y)", "expm1(y * log(x))"),
    _defined("rgamma(x)", "1 / gamma(x)"),
    _defined("normal_logpdf(x)", "-0.5 * x**2 - 0.9189385332046727"),
    _built(
        "softmax_cross_entropy",
        "scores labels",
        losses.softmax_cross_entropy,
        ranks="scores:0 labels:0 -> loss",
        indices="labels",
    ),
    _built(
        "multiclass_hinge",
        "scores labels margin=",
        losses.multiclass_hinge,
        ranks="scores:0 labels:0 -> loss",
        indices="labels",
    ),
    _defined("binary_cross_entropy(logits, targets)", "mean(softplus(logits) - logits * targets)"),
    _defined("squared_error(x, y)", "mean((x - y)**2)"),
    _defined("l2(x)", "sum(x**2)"),
]

ALIASES = {
    "fma": "muladd",
    "add": "plus",
    "clip": "clamp",
    "sqrt": "safe_sqrt",
    "log1p": "safe_log1p",
    "log10": "safe_log10",
    "log2": "safe_log2",
    "abs": "absolute fabs Abs",
    "arccos": "acos",
    "arccosh": "acosh arcosh safe_acosh",
    "arcsin": "asin",
    "arcsinh": "asinh arsinh",
    "arctan": "atan",
    "arctan2": "atan2",
    "arctanh": "atanh artanh",
    "ceil": "ceiling",
    "cumprod": "cumulative_prod",
    "cumsum": "cumulative_sum",
    "degrees": "rad2deg",
    "digamma": "psi",
    "divide": "div true_divide",
    "eye": "identity",
    "jv": "jn",
    "lambertw": "LambertW",
    "kv": "kn",
    "lgamma": "gammaln loggamma",
    "log_sigmoid": "log_expit",
    "yv": "yn",
    "log": "ln",
    "max": "amax Max",
    "min": "amin Min",
    "mod": "Mod remainder",
    "multiply": "mul mult",
    "negative": "neg",
    "log_ndtr": "log_normal_cdf",
    "normal_cdf": "ndtr",
    "power": "pow Pow float_power safe_pow",
    "radians": "deg2rad",
    "round": "rint",
    "trapezoid": "trapz",
    "sigmoid": "expit logistic",
    "sign": "sgn signum",
    "silu": "swish",
    "subtract": "sub",
}
"""Other names under which people know a function."""

FUNCTIONS: dict[str, Builtin] = {row.name: row for row in ROWS}  # the row of a function replaces that of an op
"""Every function by each of its names."""
FUNCTIONS |= {alias: FUNCTIONS[name] for name, aliases in ALIASES.items() for alias in aliases.split()}


@cache
def prelude() -> Source:
    """The text of all definitions, which nobody who writes programs has seen."""
    return Source("\n".join([*(row.text for row in ROWS if row.text), "0"]), "prelude")


@cache
def _definitions() -> dict[str, Definition]:
    """The definitions by name; a last line is there because a program has a result."""
    statements = parse(prelude()).statements
    return {statement.name.id: statement for statement in statements if isinstance(statement, Definition)}
