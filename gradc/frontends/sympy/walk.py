"""A SymPy expression as a list of parts, each once, arguments first.

SymPy's own `==`, `hash` and printers call themselves for every level of an expression and compute what they meet. Here
only the stored arguments are read, with a stack: whatever was handed over ends in a list or in an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import sympy
from sympy.core.function import AppliedUndef, UndefinedFunction

from gradc.language.diagnostics import Error
from gradc.language.source import Source, Span

Expression = Any

MAX_PARTS = 1_000_000
"""The most parts that an expression may have, each counted as often as it is an argument."""

MAX_DERIVED = 2_000
"""The most parts of an expression that SymPy is asked to differentiate."""

MAX_ORDER = 8
"""The highest derivative that SymPy is asked for."""

MAX_SHOWN = 400
"""The most parts of an expression that a message prints."""

_args = sympy.Basic._args  # the slot itself: classes may say that `args` is something else

LEAVES = (sympy.Symbol, sympy.Dummy, sympy.Wild, sympy.core.symbol.Str)
INTEGERS = (sympy.Integer, *map(type, (sympy.S.Zero, sympy.S.One, sympy.S.NegativeOne)))
NUMBERS = (*INTEGERS, sympy.Rational, type(sympy.S.Half), sympy.Float)


class Part(NamedTuple):
    """One sub-expression: its class, its arguments by their places in the list, and itself."""

    cls: type
    args: tuple[int, ...]
    expr: Expression


class PartList:
    """Sub-expressions by their places; equal ones have one."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self._places: dict[tuple, int] = {}
        self._known: dict[int, int] = {}
        self._kept: list[Any] = []
        """Expressions by whose address something is known."""
        self._count = 0

    def __getitem__(self, place: int) -> Part:
        return self.parts[place]

    def add(self, expr: Expression) -> int:
        """The place of an expression; its parts come before it."""
        root = expr
        opened: set[int] = set()
        stack: list[tuple[Expression, tuple | None]] = [(expr, None)]
        while stack:
            expr, args = stack.pop()
            if id(expr) in self._known:
                continue
            if args is None:
                if not isinstance(expr, sympy.Basic):
                    raise not_sympy(expr, root)
                if id(expr) in opened:
                    raise Error(
                        "G0901", f"a SymPy expression contains itself: its {type(expr).__name__}",
                        help="build the formula from expressions that are finished",
                    )  # fmt: skip
                args = self._arguments(expr, root)
                self._count += 1 + len(args)
                if self._count > MAX_PARTS:
                    raise Error(
                        "G0502", f"the SymPy expression has more than {MAX_PARTS:,} parts",
                        help="cut it into functions that are called one after the other",
                    )  # fmt: skip
                opened.add(id(expr))
                stack.append((expr, args))
                stack += [(arg, None) for arg in args if id(arg) not in self._known]
                continue
            opened.discard(id(expr))
            self._enter(expr, args)
        return self._known[id(root)]

    def _arguments(self, expr: Expression, root: Expression) -> tuple:
        cls = type(expr)
        if cls is sympy.Derivative:
            derived = _derived(expr, root)
            return (derived,) if derived is not expr else _args.__get__(expr)
        if cls in (sympy.ImmutableDenseMatrix, sympy.ImmutableSparseMatrix):
            rows, columns = expr.shape
            self._count += rows * columns
            if self._count > MAX_PARTS:
                raise Error("G0502", f"the SymPy expression has more than {MAX_PARTS:,} parts")
            return (sympy.Integer(rows), sympy.Integer(columns), *expr.flat())
        found = _args.__get__(expr)
        if not isinstance(found, tuple):
            raise not_sympy(found, root)
        return found

    def _enter(self, expr: Expression, args: tuple) -> None:
        """Give an expression whose arguments have places its own."""
        cls = type(expr)
        if cls is sympy.Derivative and len(args) == 1:  # SymPy has taken it
            self._known[id(expr)] = self._known[id(args[0])]
            self._kept.append(expr)
            return
        places = tuple([self._known[id(arg)] for arg in args])
        if isinstance(cls, UndefinedFunction):
            key: tuple = (AppliedUndef, cls.__name__, places)
        elif cls in NUMBERS:
            key = (cls, expr)
        elif not args:
            key = (cls, expr) if cls in LEAVES else (cls, id(expr))
        else:
            key = (cls, places)
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = len(self.parts)
            self.parts.append(Part(cls, places, expr))
        self._known[id(expr)] = place
        self._kept.append(expr)
        self._kept.extend(args)


def _derived(expr: Expression, root: Expression) -> Expression:
    """What SymPy makes of a derivative that it was told to leave; itself, where the function is unknown."""
    of, *variables = _args.__get__(expr)
    if isinstance(type(of), UndefinedFunction):
        return expr
    order = 0
    for pair in variables:
        _, count = _args.__get__(pair)
        order += int(count.p) if type(count) in INTEGERS else MAX_ORDER + 1
    if order > MAX_ORDER or size(of, MAX_DERIVED) > MAX_DERIVED:
        raise refused(
            expr, root, "it is a derivative that has not been taken, and too large to take here",
            "take it in SymPy with `expr.doit()`; derivatives for inputs are what `f.grad` and `f.hessian` give",
        )  # fmt: skip
    try:
        taken = expr.doit()
    except (RecursionError, ValueError, TypeError, AttributeError, NotImplementedError):
        taken = expr
    if type(taken) is sympy.Derivative and not isinstance(type(_args.__get__(taken)[0]), UndefinedFunction):
        raise refused(expr, root, "SymPy cannot take this derivative", "write the derivative out")
    return taken


def size(expr: Expression, most: int) -> int:
    """How many parts an expression has when it is written out; where they are more than `most`, some larger number."""
    count = 0
    stack = [expr]
    while stack and count <= most:
        part = stack.pop()
        count += 1
        if isinstance(part, sympy.Basic):
            stack += _args.__get__(part)[: most + 1]
    return count


# ---------------------------------------------------------------- messages


def text_of(expr: Expression) -> str:
    """How SymPy prints an expression; of one that is large, or has a class that is not SymPy's, its own class."""
    if size(expr, MAX_SHOWN) > MAX_SHOWN or not all(map(_is_printed, _parts_of(expr))):
        return f"{type(expr).__name__}(...)"
    return " ".join(str(expr).split())


def _parts_of(expr: Expression) -> Iterator[Expression]:
    stack = [expr]
    while stack:
        part = stack.pop()
        yield part
        if isinstance(part, sympy.Basic):
            stack += _args.__get__(part)


def _is_printed(part: Expression) -> bool:
    if type(part) in NUMBERS and isinstance(part, sympy.Rational):
        return max(part.p.bit_length(), part.q.bit_length()) <= 1000
    return isinstance(type(part), UndefinedFunction) or type(part).__module__.startswith("sympy.")


def refused(expr: Expression, root: Expression, why: str, instead: str) -> Error:
    """The error for a sub-expression that cannot be taken, marked in SymPy's print of the whole where that is short."""
    part, whole = text_of(expr), text_of(root)
    start = whole.find(part)
    source = Source(whole if start >= 0 else part, "sympy")
    start = max(start, 0)
    name = type(expr).__name__
    shown = part if len(part) <= 60 else f"{name}(...)"
    return Error("G0901", f"`{shown}` cannot be taken: {why}", Span(source, start, start + len(part)), help=instead)


def not_sympy(found: Any, root: Expression) -> Error:
    where = f" inside of {type(root).__name__}" if found is not root else ""
    return Error(
        "G0901", f"{type(found).__name__}{where} is no SymPy expression",
        help="build the formula from SymPy's symbols, numbers and functions",
    )  # fmt: skip


def numbered(names: Iterable[str]) -> list[str]:
    """Names in the order in which people count: x2 before x10."""

    def key(name: str) -> list:
        parts: list = []
        digits = ""
        for letter in name + "\0":
            if letter.isdecimal():
                digits += letter
                continue
            if digits:
                parts.append((1, int(digits[:18]), ""))
                digits = ""
            parts.append((0, 0, letter))
        return parts

    return sorted(names, key=key)
