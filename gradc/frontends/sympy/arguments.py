"""The arguments of SymPy's `lambdify` as inputs of a program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy
from sympy.core.function import AppliedUndef, UndefinedFunction
from sympy.matrices.expressions.matexpr import MatrixElement

from gradc.frontends.sympy.names import identifier
from gradc.frontends.sympy.program import SympyProgram
from gradc.frontends.sympy.reader import read
from gradc.frontends.sympy.walk import text_of
from gradc.language.diagnostics import Error

PLAIN = (sympy.Symbol, sympy.Dummy, sympy.Idx, sympy.IndexedBase, sympy.MatrixSymbol)
ELEMENTS = (sympy.Indexed, MatrixElement, sympy.Derivative)
GROUPS = (list, tuple, sympy.Tuple, sympy.MatrixBase, sympy.NDimArray)


def program_with(args: Any, expr: Any) -> SympyProgram:
    """The program of an expression, or of nested lists of them, whose inputs are `lambdify`'s arguments: each is a
    symbol or what stands for one, or a list or matrix of symbols, which is one array."""
    listed = list(args) if isinstance(args, GROUPS) else [args]
    inputs: dict[str, Any] = {}
    arguments: list[tuple[str, Any]] = []
    statements: list[str] = []
    seen: set[Any] = set()

    def add(text: str, symbol: Any) -> None:
        if symbol in seen:
            raise Error("G0901", f"`{text_of(symbol)}` is an argument twice", help="name each symbol once")
        seen.add(symbol)
        arguments.append((text, symbol))

    for position, arg in enumerate(listed):
        if not isinstance(arg, GROUPS):
            name = identifier(_name(arg), inputs)
            add(name, arg)
            inputs[name] = arg
            continue
        name = identifier(f"arg{position}", inputs)
        while any(name == str(symbol) for symbol in listed):
            name += "_"
        inputs[name] = arg
        for place, symbol in _elements(arg):
            _name(symbol)
            add(f"{name}{place}", symbol)
        if isinstance(arg, sympy.MatrixBase):
            rows, columns = arg.shape
            if 1 not in (rows, columns):
                statements.append(f"{name}: f64[{rows}, {columns}]")
    reading = read(expr, arguments)
    return SympyProgram("\n".join([*statements, reading.text]), tuple(inputs), inputs)


def _elements(arg: Any) -> list[tuple[str, Any]]:
    """The symbols in an argument that is a list or a matrix, each with its place in the array."""
    if isinstance(arg, sympy.MatrixBase):
        rows, columns = arg.shape
        if 1 in (rows, columns):
            return [(f"[{k}]", symbol) for k, symbol in enumerate(arg.flat())]
        return [(f"[{row}, {column}]", arg[row, column]) for row in range(rows) for column in range(columns)]
    if isinstance(arg, sympy.NDimArray):
        arg = arg.tolist()
    found: list[tuple[tuple[int, ...], Any]] = []
    _rows(arg, (), found)
    return [(f"[{', '.join(map(str, place))}]", symbol) for place, symbol in found]


def _rows(arg: Sequence[Any], place: tuple[int, ...], found: list[tuple[tuple[int, ...], Any]]) -> None:
    """The symbols in lists of equal length, as deep as the caller wrote them."""
    shapes = {_shape(item) for item in arg}
    if len(shapes) > 1 or len(place) > 16:
        raise Error(
            "G0901", "an argument of `lambdify` is a list whose rows differ in length",
            help="write rows of equal length, which are one array, or several arguments",
        )  # fmt: skip
    for k, item in enumerate(arg):
        if isinstance(item, GROUPS):
            _rows(list(item), (*place, k), found)
        else:
            found.append(((*place, k), item))


def _shape(item: Any) -> int | None:
    return len(item) if isinstance(item, GROUPS) else None


def _name(arg: Any) -> str:
    """What an argument is called. Raises `Error` for what is no symbol."""
    cls = type(arg)
    if cls in PLAIN:
        return str(arg.name)
    if isinstance(cls, UndefinedFunction):
        return cls.__name__
    if cls in ELEMENTS:
        if cls is sympy.Derivative and isinstance(arg.args[0], AppliedUndef):
            order = "" if arg.derivative_count == 1 else str(arg.derivative_count)
            variables = "".join(f"d{symbol}{count if count != 1 else ''}" for symbol, count in arg.variable_count)
            return f"d{order}{type(arg.args[0]).__name__}_{variables}"
        if cls is not sympy.Derivative:
            return "_".join(str(part) for part in arg.args)
    if isinstance(arg, str):
        raise Error(
            "G0901", "an argument of `lambdify` is a text, which gradc does not evaluate",
            help="make symbols of it, `symbols('x y')`, or compile a formula that is a text: `gradc.compile('x*y')`",
        )  # fmt: skip
    if isinstance(arg, set | frozenset | dict):
        raise Error("G0901", f"a {cls.__name__} of arguments has no order", help="give a list")
    shown = text_of(arg) if isinstance(arg, sympy.Basic) else cls.__name__
    raise Error(
        "G0901", f"`{shown}` cannot be an argument of `lambdify`",
        help="arguments are symbols, functions like x(t) and their derivatives, elements and arrays, or lists of them",
    )  # fmt: skip


def reject_modules(modules: Any, printer: Any) -> None:
    """Raise `Error` where `lambdify` is told to take functions, or a printer, from elsewhere."""
    names = list(modules) if isinstance(modules, list | tuple) else [modules]
    for name in names:
        if name not in (None, "numpy", "scipy", "math"):
            raise Error(
                "G0604", "`lambdify` takes functions from gradc only, not from other `modules`",
                help="leave it out; replace a function of your own by its meaning: `expr.subs(f(x), ...)`",
            )  # fmt: skip
    if printer is not None:
        raise Error("G0604", "`lambdify` has a printer of its own", help="leave `printer` out")
