"""What cannot be traced, each with what to write instead."""

from __future__ import annotations

import re

from gradc.frontends.elsewhere import INSTEAD
from gradc.language.diagnostics import Error
from gradc.language.source import Span


class Wanted(BaseException):
    """What a function has to know to go on: it is traced again with it. No error, and not to be caught as one.

    `sizes` are axes of inputs whose size it needs as a number, `static` inputs that it needs as a number, `integers`
    inputs that indices are made of.
    """

    def __init__(
        self,
        sizes: frozenset[tuple[str, int]] = frozenset(),
        static: frozenset[str] = frozenset(),
        integers: frozenset[str] = frozenset(),
    ):
        super().__init__()
        self.sizes, self.static, self.integers = sizes, static, integers
        self.span: Span | None = None


class MissingAttribute(Error, AttributeError):
    """An attribute that arrays have, or other libraries' arrays, and traced values have not."""

    @classmethod
    def of(cls, name: str, span: Span) -> MissingAttribute:
        help = ATTRIBUTES.get(name, f"write the function, `np.{name}(x)`, if NumPy has it")
        return cls("G0803", f"traced values have no `{name}`", span, help=help)


class NoElements(Error, TypeError):
    """A number where the function counts or iterates over elements."""


ATTRIBUTES = {
    "at": "write `np.where(condition, new, x)`, or join the parts with `np.concatenate`",
    "numpy": "leave it out: the function is traced with NumPy's own functions",
    "detach": "close over a NumPy array, or leave the argument out of `wrt`",
    "value": "the function is traced once for all values: they are known only at the call",
    "_value": "the function is traced once for all values: they are known only at the call",
    "imag": "gradc has no complex numbers",
    "conj": "gradc has no complex numbers",
    **dict.fromkeys(
        ("numerator", "as_integer_ratio"), "write NumPy's function, such as `np.mean(x)` for `statistics.mean(x)`"
    ),
    "view": "write the conversion that you need, or leave it out",
    "tobytes": "the function is traced once for all values: they are known only at the call",
    "data": "the function is traced once for all values: they are known only at the call",
}

BRANCH = "write `np.where(condition, a, b)`: both sides are computed, and each element takes its own"

MESSAGES: dict[str, tuple[str, str]] = {
    "bool": ("a condition on values cannot choose what the function does", BRANCH),
    "float": ("`float` needs a value, and a traced one has none", "leave it out: values are floats already"),
    "int": ("`int` needs a value, and a traced one has none", "write `np.floor(x)` or `np.trunc(x)`"),
    "index": (
        "a whole number is needed here, and a traced value has none",
        "pass it as a Python int, or close over it; elements at traced indices are `np.take(a, i, axis=0)`",
    ),
    "hash": ("a traced value cannot be the key of a dict or a member of a set", "use keys that are not computed"),
    "item": ("a traced value has no `item`", "leave it out: a number without axes is a number already"),
    "tolist": ("a traced value has no list of its elements", "leave it out, or iterate over it"),
    "complex": ("`complex` needs a value, and gradc has no complex numbers", "keep real and imaginary part apart"),
    "round": ("`round` needs a value, and a traced one has none", "write `np.round(x)`"),
    "floor": ("`math.floor` needs a value, and a traced one has none", "write `np.floor(x)`"),
    "ceil": ("`math.ceil` needs a value, and a traced one has none", "write `np.ceil(x)`"),
    "trunc": ("`math.trunc` needs a value, and a traced one has none", "write `np.trunc(x)`"),
    "setitem": (
        "elements of a traced array cannot be assigned",
        "write `np.where(condition, new, y)`, or build the array from its parts with `np.stack` or `np.concatenate`",
    ),
    "inplace": (
        "traced arrays are not changed in place", "write the function that returns a new array, as in `y = np.sort(y)`",
    ),
    "out": ("`out` cannot write into an array here", "assign the result to a name instead"),
    "format": ("a traced value has no digits to format", "leave the format out: `{x}` shows its shape"),
    "array": (
        "this function needs values, and a traced array has none",
        "write it with functions of NumPy or `scipy.special`, or compute it before and pass it as an argument",
    ),
    "jax": (
        "JAX cannot compute with gradc's traced arrays",
        "write NumPy's function of the same name: with `import numpy as np`, `np` in place of `jnp`",
    ),
    "astype": (
        "floats cannot become integers in a traced function", "write `np.trunc(x)` or `np.floor(x)`, which stay floats",
    ),
    "nonzero": (
        "how many elements a condition holds for is known only at the call",
        "write `np.where(condition, x, 0)`, or sum what it selects, as in `np.sum(x[condition])`",
    ),
}  # fmt: skip
"""By what asks for a value: the message, and the help."""


def refused(what: str, span: Span, operation: str) -> Error:
    """The error for what needs the values of a traced array. `operation` is the bytecode that asked."""
    text = span.text
    code, (message, help) = CODE_OF.get(what, "G0801"), MESSAGES[what]
    if what == "bool":
        help = _instead_of_branch(span) or help
    elif operation == "STORE_SUBSCR" and what in ("float", "array", "index"):
        code, message = "G0802", "a traced value cannot be stored in an array of NumPy's"
        help = "collect the values in a list, and make it an array at the end: `y = np.stack(values)`"
    elif operation == "BINARY_SUBSCR" and what in ("array", "index"):
        message = "a traced array cannot be the index of an array of NumPy's, or of a list"
        help = "write `np.take(a, i, axis=0)`"
        if found := re.match(r"(?:\w+\.)*(r_|c_)\[", text):
            message = f"`{found[1]}` puts NumPy's arrays together, and a traced one has no values"
            help = f"write `np.{'concatenate' if found[1] == 'r_' else 'column_stack'}([a, b])`"
    elif found := re.match(r"(?:math|cmath)\.(\w+)", text):
        message = f"`{found[0]}` needs the value of a number, and a traced one has none"
        help = f"write `{_instead_of_math(found[1], text[found.end() :])}`"
    elif what == "round":
        help = f"write `np.{text}`" if re.fullmatch(r"round\([^\n]+\)", text) else help
    elif what == "array" or (what in ("float", "index") and not re.match(r"(\w+\.)*(float|range)\d*\(", text)):
        message, help = _array_instead(text) or (message, help)
    return Error(code, message, span, help=help)


CODE_OF = {"setitem": "G0802", "inplace": "G0802", "out": "G0802"}

MATH = {
    "fsum": "np.sum", "prod": "np.prod", "pow": "np.power", "fabs": "np.abs", "dist": "np.linalg.norm",
    "acos": "np.arccos", "asin": "np.arcsin", "atan": "np.arctan", "atan2": "np.arctan2", "acosh": "np.arccosh",
    "asinh": "np.arcsinh", "atanh": "np.arctanh", "erf": "scipy.special.erf", "erfc": "scipy.special.erfc",
    "gamma": "scipy.special.gamma", "lgamma": "scipy.special.gammaln", "comb": "scipy.special.comb",
}  # fmt: skip
"""What functions of `math` are for arrays, where it is not NumPy's function of the same name."""


def _instead_of_math(name: str, rest: str) -> str:
    """What to write for a call of `math`, given its name and the text after that."""
    arguments = rest if re.fullmatch(r"\([^()\n]*(\([^()\n]*\)[^()\n]*)*\)", rest) else "(x)"
    if name == "log" and "," in arguments:
        return "np.log(x) / np.log(base)"
    return MATH.get(name, f"np.{name}") + ("(x - y)" if name == "dist" else arguments)


def _instead_of_branch(span: Span) -> str:
    """What to write for a condition, by what the line does with it."""
    number, _ = span.position
    line, text = span.source.line(number).strip(), span.text
    if line.startswith("while "):
        return "run a fixed number of steps, `for _ in range(steps)`, and keep what is done by `np.where(done, x, new)`"
    if line.startswith("assert "):
        return "leave the assertion out, or make it before the call"
    if found := re.match(r"(max|min|sorted|any|all)\(", text):
        name = {"max": "np.maximum", "min": "np.minimum", "sorted": "np.sort", "any": "np.any", "all": "np.all"}
        if "," not in text:
            name |= {"max": "np.max", "min": "np.min"}
        return f"write `{name[found[1]]}`, which takes arrays"
    if re.search(r"\b(and|or|not)\b", line):
        return "write `&`, `|` and `~` for `and`, `or` and `not`, each side in parentheses, and choose by `np.where`"
    if re.search(r"[<>]=?[^<>=]+[<>]=?", text):
        return "write a chain of comparisons as `(a < x) & (x < b)`, and choose by `np.where`"
    return ""


def _array_instead(text: str) -> tuple[str, str] | None:
    """What to write for a function that wants NumPy's arrays."""
    if found := re.match(r"(?:\w+\.)*(array|asarray|asanyarray|ascontiguousarray)\(", text):
        rest = text[found.end() :].lstrip()
        help = "write `np.stack([a, b])`" if rest.startswith(("[", "(")) else "leave it out: the value is an array"
        return f"`{found[1]}` makes an array of NumPy's, which has values", help
    if found := re.match(r"(?:\w+\.)*(float64|float32|double|float_)\(", text):
        return f"`{found[1]}` needs a value, and a traced one has none", "leave it out: values are floats already"
    if found := re.search(r"\brandom\.(\w+)\(|\brng\.(\w+)\(", text):
        help = "draw standard numbers before and pass them as an argument, as in `mean + deviation * noise`"
        return f"`{found[1] or found[2]}` draws numbers, and a traced function has none", help
    if found := re.search(r"\bnorm\.(\w+)\(", text):
        ours = {"cdf": "scipy.special.ndtr(z)", "ppf": "scipy.special.ndtri(p)",
                "logcdf": "scipy.special.log_ndtr(z)", "sf": "scipy.special.ndtr(-z)",
                "pdf": "np.exp(-z**2 / 2) / np.sqrt(2 * np.pi)",
                "logpdf": "-z**2 / 2 - np.log(2 * np.pi) / 2"}  # fmt: skip
        if found[1] in ours:
            return f"`norm.{found[1]}` computes with values only", f"write `{ours[found[1]]}`"
    if found := re.match(r"(?:\w+\.)*(\w+)\(", text):
        name = found[1]
        said = INSTEAD.get(name)
        return f"`{name}` needs values, and a traced array has none", said or MESSAGES["array"][1]
    return None


def without_counterpart(name: str, why: str, span: Span) -> Error:
    """The error for a function that gradc has not."""
    help = why or "write it with other functions, or compute it before and pass it as an argument"
    return Error("G0803", f"gradc has no `{name}` for traced functions", span, help=help)
