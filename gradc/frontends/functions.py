"""The functions of the language: names, parameters, and what each one builds.

Three kinds: an op of the table by its own name or an alias; a definition in the language itself
(`PRELUDE`); and a few that look at shapes and are therefore built by a Python function in `shapes.py`.
"""

from __future__ import annotations

from functools import cache

from gradc.ir.ops import OPS
from gradc.language.parser import parse
from gradc.language.source import Source
from gradc.language.syntax import Define

PRELUDE = """
def relu(x) = max(x, 0)
def leaky_relu(x, slope=0.01) = where(x > 0, x, slope * x)
def elu(x, alpha=1) = where(x > 0, x, alpha * expm1(x))
def gelu(x) = x * normal_cdf(x)
def silu(x) = x * sigmoid(x)
def log_sigmoid(x) = -softplus(-x)
def logit(p) = log(p) - log1p(-p)
def mish(x) = x * tanh(softplus(x))
def softsign(x) = where(abs(x) < 1, x / (1 + abs(x)), sign(x) - sign(x) / (1 + abs(x)))
def reciprocal(x) = 1 / x
def radians(x) = x * 0.017453292519943295
def degrees(x) = x * 57.29577951308232
def xlogy(x, y) = where(x == 0 and (y <= 0 or y == inf), 0, x * log(y))
def normal_logpdf(x) = -0.5 * x**2 - 0.9189385332046727
def softmax_cross_entropy(scores, labels) = mean(logsumexp(scores, axis=-1) - squeeze(take_along_axis(scores, expand_dims(labels, -1), -1), -1))
def multiclass_hinge(scores, labels, margin=1) = mean(sum(max(0, scores - take_along_axis(scores, expand_dims(labels, -1), -1) + margin), axis=-1) - max(0, margin))
def binary_cross_entropy(logits, targets) = mean(softplus(logits) - logits * targets)
def squared_error(x, y) = mean((x - y)**2)
def l2(x) = sum(x**2)
0
"""  # noqa: E501
"""Functions that need nothing but the language. The last line is there because a program has a result."""

ALIASES = {
    "ln": "log",
    "pow": "power",
    "absolute": "abs",
    "fabs": "abs",
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "atan2": "arctan2",
    "asinh": "arcsinh",
    "acosh": "arccosh",
    "atanh": "arctanh",
    "rint": "round",
    "expit": "sigmoid",
    "swish": "silu",
    "gammaln": "lgamma",
    "amax": "max",
    "amin": "min",
    "ndtr": "normal_cdf",
    "logistic": "sigmoid",
}
"""Other names under which people know a function."""

REDUCTIONS = ("sum", "prod", "max", "min", "logsumexp", "norm", "any", "all", "argmax", "argmin")
"""Ops that reduce; all of them take one array."""

SHAPED = {
    **{name: "x axis= keepdims=" for name in (*REDUCTIONS, "mean", "count")},
    "max": "x y= ... axis= keepdims=",
    "min": "x y= ... axis= keepdims=",
    "var": "x axis= ddof= keepdims=",
    "std": "x axis= ddof= keepdims=",
    "softmax": "x axis=",
    "log_softmax": "x axis=",
    "maximum": "x y",
    "minimum": "x y",
    "polygamma": "n x",
    "clip": "x lower upper",
    "dot": "x y",
    "outer": "x y",
    "matmul": "x y",
    "einsum": "subscripts x ...",
    "transpose": "x axes=",
    "take": "x indices axis=",
    "take_along_axis": "x indices axis",
    "one_hot": "indices size",
    "arange": "size",
    "concatenate": "arrays axis=",
    "stack": "arrays axis=",
    "reshape": "x shape",
    "cumsum": "x axis=",
    "diag": "x",
    "trace": "x",
    "expand_dims": "x axis",
    "squeeze": "x axis=",
}
"""Parameters of the functions that `shapes.py` builds: `name=` may be left out, `...` stands for more of the same."""

REDUCING = (*REDUCTIONS, "mean", "count", "var", "std", "softmax", "log_softmax", "dot", "outer", "matmul", "einsum",
            "transpose", "expand_dims", "squeeze", "take", "take_along_axis", "one_hot", "concatenate", "stack",
            "reshape", "cumsum", "diag", "trace", "amax", "amin")  # fmt: skip
"""Functions whose arguments are arrays."""

INDEXED = {"take": 1, "take_along_axis": 1, "one_hot": 0, "softmax_cross_entropy": 1, "multiclass_hinge": 1}
"""Functions that take an array of indices, and at which place."""

CARRYING = {
    "where": slice(1, None),
    **dict.fromkeys(("max", "min", "maximum", "minimum", "clip", "mod"), slice(None)),
    **dict.fromkeys(("abs", "expand_dims", "squeeze", "reshape", "transpose", "take", "take_along_axis"), slice(1)),
}
"""Functions whose result holds integers where their arguments do, and which arguments."""

INSTEAD = {
    "flatten": "write `reshape(x, -1)`",
    "ravel": "write `reshape(x, -1)`",
    "swapaxes": "write `transpose(x, axes)`, with all axes in their new order",
    "moveaxis": "write `transpose(x, axes)`, with all axes in their new order",
    "zeros": "write 0: numbers broadcast",
    "ones": "write 1: numbers broadcast",
    "zeros_like": "write 0: numbers broadcast",
    "ones_like": "write 1: numbers broadcast",
    "full": "write the number: numbers broadcast",
    "eye": "write `one_hot(arange(n), n)`",
    "identity": "write `one_hot(arange(n), n)`",
    "linspace": "write `a + (b - a) * arange(n) / (n - 1)`",
    "tensordot": 'write `einsum`, as in `einsum("ij,jk->ik", A, B)`',
    "inner": "write `x @ y`",
    "vdot": "write `x @ y`",
    "diff": "write `x[1:] - x[:-1]`",
    "tile": "write `x + 0 * y`, with a y of the shape wanted: arrays broadcast",
    "repeat": "write `take(x, indices, axis)`",
    "concat": "write `concatenate([x, y], axis)`",
    "hstack": "write `concatenate([x, y], axis)`",
    "vstack": "write `concatenate([x, y], axis)`",
    "average": "write `sum(w * x) / sum(w)`",
    **dict.fromkeys(("sort", "argsort", "median", "percentile", "quantile"), "gradc does not sort"),
    **dict.fromkeys(
        ("inv", "det", "slogdet", "solve", "cholesky", "eig", "eigh", "svd", "qr", "lstsq", "pinv"),
        "gradc has no linear algebra beyond products yet",
    ),
}
"""Functions of NumPy that are no functions here, and what to do without them."""

HIDDEN = {"neg", "add", "sub", "mul", "div", "floordiv", "lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not",
          "gate", "clamp_min", "clamp_max", "shifted", "exp_shifted", "expm1_reciprocal"}  # fmt: skip
"""Elementwise ops that are written as operators, or not at all; templates of ours may still call `gate`."""


@cache
def prelude() -> dict[str, Define]:
    """The definitions of `PRELUDE` by name."""
    program = parse(Source(PRELUDE, "prelude"))
    return {statement.name.id: statement for statement in program.statements if isinstance(statement, Define)}


def parameters(name: str) -> tuple[tuple[str, ...], int] | None:
    """The parameter names of a built-in function, and how many of them must be given; None if unknown."""
    name = ALIASES.get(name, name)
    if name in SHAPED:
        listed = SHAPED[name].split()
        return tuple(part.rstrip("=") for part in listed), sum(not part.endswith(("=", "...")) for part in listed)
    if name in prelude():
        pairs = prelude()[name].parameters
        return tuple(p.id for p, _ in pairs), sum(default is None for _, default in pairs)
    if name in OPS and OPS[name].kind == "elementwise" and name not in HIDDEN:
        return OPS[name].params, len(OPS[name].params)
    return None


@cache
def known_functions() -> tuple[str, ...]:
    """Every name that can be called, sorted."""
    elementwise = {op.name for op in OPS.values() if op.kind == "elementwise"} - HIDDEN
    return tuple(sorted(elementwise | set(SHAPED) | set(prelude()) | set(ALIASES)))
