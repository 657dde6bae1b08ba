"""Random programs in gradc's language: over scalars a, b and arrays x, y of one size, in safe domains.

Every function gets arguments inside its domain, and functions that grow get bounded ones, so that values stay moderate
at any depth. What is written is also the part of the language that `tests/face/walker.py` evaluates.
"""

from __future__ import annotations

from hypothesis import strategies as st

NUMBERS = ("0.5", "2", "1.25", "3", "0.1", "1e-2", "0.75", "pi")
ANYWHERE = """
    sin cos tanh arctan arcsinh sigmoid softplus erf erfc normal_cdf normal_pdf abs square gelu silu relu leaky_relu elu
    floor ceil round trunc sign""".split()
"""Functions of any argument that do not grow faster than the argument; `square` may, depth bounds it."""
BOUNDED = "exp exp2 expm1 sinh cosh".split()
POSITIVE = "cbrt log log2 log10 sqrt log1p gamma lgamma digamma arccosh".split()
UNIT = "arcsin arccos arctanh tan".split()
REDUCTIONS = "sum mean max min norm logsumexp prod var std".split()


def bounded(text: str) -> str:
    return f"2 * tanh({text})"


def positive(text: str) -> str:
    return f"1.25 + sigmoid({text})"


def unit(text: str) -> str:
    return f"0.9 * sin({text})"


Names = tuple[str, ...]


@st.composite
def expressions(draw, names: Names, depth: int, arrays: Names = (), functions: Names = ()) -> str:
    """An expression over the names. Where `arrays` are given, it is an array if any name in it is one."""

    def part(*, scalar: bool = False) -> str:
        known = tuple(name for name in names if name not in arrays) or ("1.5",) if scalar else names
        return draw(expressions(known, depth - 1, () if scalar else arrays, functions))

    if depth == 0:
        return draw(st.sampled_from(names) | st.sampled_from(NUMBERS))
    kinds = ["binary"] * 4 + ["function"] * 3 + "bounded positive unit power extreme choice two negated".split()
    kinds += ["call"] * bool(functions) + ["reduction", "element", "stencil", "turned"] * bool(arrays)
    match draw(st.sampled_from(kinds)):
        case "binary":
            operator = draw(st.sampled_from("+-*"))
            return f"({part()} {operator} {part()})"
        case "function":
            return f"{draw(st.sampled_from(ANYWHERE))}({part()})"
        case "bounded":
            return f"{draw(st.sampled_from(BOUNDED))}({bounded(part())})"
        case "positive":
            return f"{draw(st.sampled_from(POSITIVE))}({positive(part())})"
        case "unit":
            return f"{draw(st.sampled_from(UNIT))}({unit(part())})"
        case "power":
            exponent = draw(st.sampled_from(("2", "3", "0.5", "-1", "1.5", part())))
            return f"({positive(part())}) ** ({bounded(exponent) if exponent not in NUMBERS else exponent})"
        case "extreme":
            return f"{draw(st.sampled_from(('max', 'min')))}({part()}, {part()})"
        case "choice":
            test = f"{part()} {draw(st.sampled_from(('<', '<=', '>', '>=')))} {part()}"
            if draw(st.booleans()):
                test = f"{test} {draw(st.sampled_from(('and', 'or')))} not ({part()} > {part()})"
            if draw(st.booleans()):
                return f"where({test}, {part()}, {part()})"
            return f"({part()} if {test} else {part()})"
        case "two":
            name = draw(st.sampled_from(("hypot", "logaddexp", "arctan2", "/", "%", "//", "clip")))
            if name in ("/", "%", "//", "arctan2"):
                left, right = part(), positive(part())
                return f"arctan2({left}, {right})" if name == "arctan2" else f"({left} {name} ({right}))"
            return f"clip({part()}, -1, {positive(part())})" if name == "clip" else f"{name}({part()}, {part()})"
        case "negated":
            return f"-{part()} ** 2" if draw(st.booleans()) else f"-({part()})"
        case "call":
            name = draw(st.sampled_from(functions))
            return f"{name}({part()}, {part()})" if draw(st.booleans()) else f"{name}({part()})"
        case "reduction":
            return f"{draw(st.sampled_from(REDUCTIONS))}({bounded(draw(st.sampled_from(arrays)) + ' * ' + part())})"
        case "element":
            return f"{draw(st.sampled_from(arrays))}[{draw(st.sampled_from((0, -1)))}]"
        case "stencil":
            one, other = draw(st.sampled_from(arrays)), draw(st.sampled_from(arrays))
            slices = draw(st.sampled_from((("[1:]", "[:-1]"), ("[::2]", "[::2]"), ("[1:-1]", "[2:]"), ("[::-1]", ""))))
            return f"sum(sin({one}{slices[0]}) * {other}{slices[1]} ** 2)"
        case "turned":
            return f"{draw(st.sampled_from(arrays))}[::-1]"
    raise AssertionError


@st.composite
def programs(draw, depth: int = 3) -> str:
    """Statements, definitions and a result over a, b, x and y; the result may be a scalar or an array."""
    statements, functions = [], ()
    if draw(st.booleans()):
        body = draw(expressions(("t", "k"), 2))
        statements.append(f"def f(t, k=2) = {body}")
        functions = ("f",)
    scalars, arrays = ("a", "b"), draw(st.sampled_from(((), ("x",), ("x", "y"))))
    for name in ("h", "g")[: draw(st.integers(0, 2))]:
        statements.append(f"{name} = {draw(expressions((*scalars, *arrays), 2, arrays, functions))}")
        scalars = (*scalars, name)
    if arrays and draw(st.booleans()):
        summand = draw(expressions(arrays, depth, arrays, functions))
        result = f"{draw(st.sampled_from(REDUCTIONS))}({summand} * {arrays[0]})"
    else:
        result = draw(expressions((*scalars, *arrays), depth, arrays, functions))
    return "; ".join([*statements, result])
