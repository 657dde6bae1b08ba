"""Elementary functions as straight-line code: their texts read once, common subexpressions found.

A text is in gradc's language, over the primitives of `PRIMITIVES`, other elementary functions, `polynomial(x, c0, c1,
...)`, `horner(x, c0, c1, ...)`, which keeps that scheme's order where the last bits of all terms count, and
`rare(condition, f(x), y)`, which is y but for elements where the condition holds: they are computed one by one, by a
function of `gradc.loops.support`. `inf` and `nan` are numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, reduce

from gradc.elementary.functions import FUNCTIONS
from gradc.language.parser import parse
from gradc.language.record import dataclass
from gradc.language.source import Source
from gradc.language.syntax import (
    Assign,
    Binary,
    Call,
    Comparison,
    Conditional,
    Expression,
    Literal,
    Name,
    Unary,
)

Value = float | int | bool


@dataclass(frozen=True, slots=True)
class Operation:
    """A primitive and its arguments, as positions among the parameters and the earlier steps. A `number` has a value
    instead, and `rare` the name of a function, called with the arguments after the first two."""

    op: str
    args: tuple[int, ...]
    dtype: str
    value: Value | str | None = None


@dataclass(frozen=True, slots=True)
class Template:
    """The steps come after the parameters, all of which are f64; the last step is the result."""

    params: tuple[str, ...]
    steps: tuple[Operation, ...]
    names: tuple[str, ...] = ()
    """What the text calls each step; "" if it has no name there."""


PRIMITIVES: dict[str, tuple[int, str]] = {
    "sqrt": (1, "f64"), "abs": (1, ""), "floor": (1, "f64"), "round": (1, "f64"), "trunc": (1, "f64"),
    "fma": (3, "f64"), "copysign": (2, "f64"), "where": (3, ""),
    "bits": (1, "i64"), "from_bits": (1, "f64"), "shift_left": (2, "i64"), "shift_right": (2, "i64"),
    "bit_and": (2, "i64"), "bit_or": (2, "i64"), "bit_xor": (2, "i64"), "integer": (1, "i64"), "number": (1, "f64"),
}  # fmt: skip
"""How many arguments each takes, and what it gives; "" is the type of its last argument. `shift_right` fills with
zeros; `integer` and `number` convert between the nearest f64 and i64."""

LONG, FIRST, HALVED = 7, 3, 4
"""The coefficients of a long polynomial, at least, how many of them are left to Horner's scheme, and from how many on
the others are halved."""

OPERATORS = {"+": "add", "-": "sub", "*": "mul", "/": "div", "and": "and", "or": "or"}
COMPARISONS = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne"}


@cache
def template(name: str, called: frozenset[str] = frozenset()) -> Template:
    """The steps of an elementary function. Those `called` are one step each, of their name."""
    params, _ = FUNCTIONS[name]
    reading = _Reading(len(params), called)
    result = reading.call(name, list(range(len(params))))
    return _ending_with(params, reading, result)


def _ending_with(params: tuple[str, ...], reading: _Reading, result: int) -> Template:
    """Only the steps that the result needs, which comes last."""
    steps = reading.steps
    count = len(params)
    needed = {result}
    for position in range(result, count - 1, -1):
        if position in needed:
            needed |= set(steps[position - count].args)
    kept = sorted(position for position in needed if position >= count)
    place = {position: count + k for k, position in enumerate(kept)} | {k: k for k in range(count)}
    made = [steps[position - count] for position in kept]
    return Template(
        params,
        tuple(Operation(s.op, tuple(place[arg] for arg in s.args), s.dtype, s.value) for s in made),
        tuple(reading.names.get(position, "") for position in kept),
    )


class _Reading:
    """From syntax to steps; equal steps are one."""

    def __init__(self, params: int, called: frozenset[str]):
        self.count = params
        self.called = called
        self.dtypes = ["f64"] * params
        self.steps: list[Operation] = []
        self.known: dict[tuple, int] = {}
        self.names: dict[int, str] = {}

    def step(self, op: str, args: tuple[int, ...], dtype: str, value: Value | str | None = None) -> int:
        key = (op, args, dtype, repr(value))
        if key not in self.known:
            self.known[key] = len(self.dtypes)
            self.dtypes.append(dtype)
            self.steps.append(Operation(op, args, dtype, value))
        return self.known[key]

    def call(self, name: str, args: list[int]) -> int:
        if name in self.called:
            return self.step(name, tuple(args), "f64")
        params, text = FUNCTIONS[name]
        scope = dict(zip(params, args, strict=True))
        program = _parsed(text)
        for statement in program.statements:
            assert isinstance(statement, Assign)
            position = scope[statement.name.id] = self.read(statement.value, scope)
            self.names.setdefault(position, statement.name.id)
        return self.read(program.result, scope)

    def read(self, syntax: Expression, scope: Mapping[str, int], dtype: str = "f64") -> int:
        match syntax:
            case Name(id=("inf" | "nan") as id) if id not in scope:
                return self.step("number", (), dtype, float(id))
            case Name():
                return scope[syntax.id]
            case Literal():
                value = syntax.value
                return self.step("number", (), dtype, int(value) if dtype == "i64" else float(value))
            case Unary(op="-", operand=Literal(value=value)):
                return self.step("number", (), dtype, -int(value) if dtype == "i64" else -float(value))
            case Unary(op="-", operand=Name(id="inf")) if "inf" not in scope:
                return self.step("number", (), dtype, float("-inf"))
            case Unary(op="-"):
                operand = self.read(syntax.operand, scope, dtype)
                return self.step("neg", (operand,), self.dtypes[operand])
            case Unary(op="not"):
                return self.step("not", (self.read(syntax.operand, scope),), "bool")
            case Binary():
                pair = self._alike((syntax.left, syntax.right), scope, dtype)
                return self.step(OPERATORS[syntax.op], pair, self.dtypes[pair[0]])
            case Comparison(ops=(op,)):
                return self.step(COMPARISONS[op], self._alike(syntax.operands, scope, dtype), "bool")
            case Conditional():
                return self._where(syntax.test, syntax.then, syntax.otherwise, scope, dtype)
            case Call():
                return self._call(syntax, scope, dtype)
        raise ValueError(f"no elementary function has {type(syntax).__name__}")

    def _alike(self, operands: tuple[Expression, ...], scope: Mapping[str, int], dtype: str) -> tuple[int, ...]:
        """Operands, of which numbers take the type of the others."""
        found = {k: self.read(x, scope, dtype) for k, x in enumerate(operands) if not _is_number(x)}
        kind = next((self.dtypes[position] for position in found.values()), dtype)
        return tuple(found[k] if k in found else self.read(x, scope, kind) for k, x in enumerate(operands))

    def _where(
        self, test: Expression, then: Expression, otherwise: Expression, scope: Mapping[str, int], dtype: str
    ) -> int:
        condition = self.read(test, scope)
        pair = self._alike((then, otherwise), scope, dtype)
        return self.step("where", (condition, *pair), self.dtypes[pair[0]])

    def _polynomial(self, x: int, coefficients: list[int]) -> int:
        """Horner's scheme for the first terms; those beyond, if they are many, by even and by odd powers, and so on:
        a processor takes the parts side by side."""
        if len(coefficients) >= LONG:
            coefficients = [*coefficients[:FIRST], self._in_halves(x, coefficients[FIRST:])]
        return self._horner(x, coefficients)

    def _in_halves(self, x: int, coefficients: list[int]) -> int:
        if len(coefficients) < HALVED:
            return self._horner(x, coefficients)
        square = self.step("mul", (x, x), "f64")
        even, odd = (self._in_halves(square, coefficients[first::2]) for first in (0, 1))
        return self.step("fma", (odd, x, even), "f64")

    def _horner(self, x: int, coefficients: list[int]) -> int:
        return reduce(lambda total, c: self.step("fma", (total, x, c), "f64"), reversed(coefficients))

    def _call(self, syntax: Call, scope: Mapping[str, int], dtype: str) -> int:
        name, args = syntax.function, syntax.args
        if name == "where":
            test, then, otherwise = args
            return self._where(test, then, otherwise, scope, dtype)
        if name in ("polynomial", "horner"):
            x, *coefficients = [self.read(arg, scope) for arg in args]
            return (self._polynomial if name == "polynomial" else self._horner)(x, coefficients)
        if name == "rare":
            condition, call, usual = args
            assert isinstance(call, Call)
            given = [self.read(arg, scope) for arg in (condition, usual, *call.args)]
            return self.step("rare", tuple(given), "f64", f"_{call.function}")
        if name in PRIMITIVES:
            count, made = PRIMITIVES[name]
            kind = "i64" if name in _OF_INTEGERS else "f64"
            found = tuple(self.read(arg, scope, kind) for arg in args)
            assert len(found) == count, name
            return self.step(name, found, made or self.dtypes[found[-1]])
        return self.call(name, [self.read(arg, scope) for arg in args])


_OF_INTEGERS = {"from_bits", "shift_left", "shift_right", "bit_and", "bit_or", "bit_xor", "number"}

_parsed: Callable = cache(lambda text: parse(Source(text, "elementary function")))


def _is_number(syntax: Expression) -> bool:
    return isinstance(syntax, Literal) or (isinstance(syntax, Unary) and isinstance(syntax.operand, Literal))
