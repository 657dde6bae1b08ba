"""An evaluator of gradc programs that shares nothing with gradc: Python's parser, and NumPy on what was passed.

It knows the part of the language that Python can parse: no `.T`, no declarations, `**` for powers. Arrays meet as NumPy
has them meet, and element types follow NumPy, integers and booleans being taken as float64.
"""

import ast
import operator
import re

import numpy as np
import scipy.special

BINARY = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: np.divide, ast.Pow: np.power,
    ast.FloorDiv: np.floor_divide, ast.Mod: np.mod,
}  # fmt: skip
COMPARE = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}  # fmt: skip


def extreme(reduce, pair):
    def function(first, *rest):
        if not rest:
            return reduce(first)
        for other in rest:
            first = pair(first, other)
        return first

    return function


FUNCTIONS = {
    **{
        name: getattr(np, name)
        for name in """
            exp exp2 expm1 log log2 log10 log1p sqrt cbrt square abs sign sin cos tan arcsin arccos arctan arctan2 sinh
            cosh tanh arcsinh arccosh arctanh maximum minimum floor ceil trunc mod hypot logaddexp power where sum mean
            prod var std""".split()
    },
    "clip": lambda x, lower, upper: np.minimum(np.maximum(x, lower), upper),
    "round": np.rint,
    "sigmoid": scipy.special.expit,
    "softplus": lambda x: np.logaddexp(x, np.zeros_like(x)),
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x, slope=0.01: np.where(x > 0, x, slope * x),
    "elu": lambda x, alpha=1.0: np.where(x > 0, x, alpha * np.expm1(x)),
    "gelu": lambda x: x * scipy.special.ndtr(x),
    "silu": lambda x: x * scipy.special.expit(x),
    "erf": scipy.special.erf,
    "erfc": scipy.special.erfc,
    "normal_cdf": scipy.special.ndtr,
    "normal_pdf": lambda x: np.exp(-0.5 * x * x) / np.sqrt(2 * np.pi).astype(np.asarray(x).dtype),
    "gamma": scipy.special.gamma,
    "lgamma": scipy.special.gammaln,
    "digamma": scipy.special.digamma,
    "logsumexp": scipy.special.logsumexp,
    "norm": lambda x: np.sqrt(np.sum(np.square(x))),
    "dot": lambda x, y: np.sum(x * y),
    "count": np.size,
    "max": extreme(np.max, np.maximum),
    "min": extreme(np.min, np.minimum),
}
CONSTANTS = {"pi": np.pi, "inf": np.inf, "nan": np.nan}
DEFINITION = re.compile(r"\s*def\s+(\w+)\((.*?)\)\s*=\s*(.*)", re.DOTALL)


def evaluate(program: str, **inputs):
    """The value of a program as NumPy computes it: a NumPy scalar or an array."""
    *statements, result = program.split(";")
    names = {**CONSTANTS, **{name: as_float(value) for name, value in inputs.items()}}
    functions = dict(FUNCTIONS)
    with np.errstate(all="ignore"):
        for statement in statements:
            if definition := DEFINITION.fullmatch(statement):
                functions[definition[1]] = defined(definition[2], definition[3], dict(names), dict(functions))
            else:
                name, value = statement.split("=", 1)
                names[name.strip()] = walk(parsed(value), names, functions)
        value = walk(parsed(result), names, functions)
    if np.asarray(value).dtype == bool:  # gradc's results are numbers, of the element type of the inputs
        value = np.asarray(value, np.result_type(*map(as_float, inputs.values())))
    return np.asarray(value)[()]


def as_float(value):
    """Python numbers become Python floats, which are weak; arrays keep float32, others become float64."""
    if isinstance(value, complex):  # for complex-step derivatives
        return value
    if isinstance(value, (bool, int, float)) and not isinstance(value, np.generic):
        return float(value)
    array = np.asarray(value)
    return array.astype(np.float32 if array.dtype.kind == "f" and array.dtype.itemsize <= 4 else np.float64)[()]


def parsed(text: str) -> ast.expr:
    return ast.parse(text.strip(), mode="eval").body


def defined(parameters: str, body: str, names: dict, functions: dict):
    parts = [parameter.split("=") for parameter in parameters.split(",")]
    defaults = {part[0].strip(): float(part[1]) for part in parts if len(part) == 2}
    order = [part[0].strip() for part in parts]
    return lambda *args, **kwargs: walk(
        parsed(body), {**names, **defaults, **dict(zip(order, args, strict=False)), **kwargs}, functions
    )


def walk(node: ast.expr, names: dict, functions: dict):
    def go(part):
        return walk(part, names, functions)

    match node:
        case ast.Constant():
            return float(node.value)
        case ast.Name():
            return names[node.id]
        case ast.BinOp():
            return BINARY[type(node.op)](go(node.left), go(node.right))
        case ast.UnaryOp():
            value = go(node.operand)
            return {ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Not: np.logical_not}[type(node.op)](value)
        case ast.BoolOp():
            combine = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
            values = [go(value) for value in node.values]
            result = values[0]
            for value in values[1:]:
                result = combine(result, value)
            return result
        case ast.Compare():
            values = [go(node.left), *map(go, node.comparators)]
            pairs = [COMPARE[type(op)](a, b) for op, a, b in zip(node.ops, values, values[1:], strict=False)]
            return np.logical_and.reduce(np.broadcast_arrays(*pairs))
        case ast.IfExp():
            return np.where(go(node.test), go(node.body), go(node.orelse))
        case ast.Call():
            keywords = {key.arg: go(key.value) for key in node.keywords}
            return functions[node.func.id](*map(go, node.args), **keywords)
        case ast.Subscript():
            items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            return go(node.value)[tuple(index(item) for item in items)]
    raise NotImplementedError(ast.dump(node))


def index(node: ast.expr):
    if isinstance(node, ast.Slice):
        parts = (node.lower, node.upper, node.step)
        return slice(*(None if part is None else ast.literal_eval(part) for part in parts))
    return ast.literal_eval(node)
