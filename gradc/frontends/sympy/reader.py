"""A SymPy expression written as a program in gradc's language.

The program is text, as if its author had typed it: messages, exported modules and pictures show it, and the parser
checks it like any other. Parts that occur several times get names, and so do stretches of what is long.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import sympy
from mpmath.libmp import mpf_pos, to_float
from sympy.core.function import UndefinedFunction
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.tensor.array.dense_ndim_array import ImmutableDenseNDimArray

from gradc.construct.functions import FUNCTIONS
from gradc.frontends.sympy.functions import CONSTANTS, REFUSED, texts
from gradc.frontends.sympy.indices import Axis, Binding, Linear, Scope, linear
from gradc.frontends.sympy.names import identifier
from gradc.frontends.sympy.walk import Expression, Part, PartList, refused
from gradc.ir.graph import fresh
from gradc.language.diagnostics import Error
from gradc.language.expressions import ADD, AND, COMPARE, MULTIPLY, OR, POWER, SIGN
from gradc.language.parser import parse_expression
from gradc.language.unparse import ATOM, priority

_numbers = sympy.core.numbers

EXACT = 2**53
"""Whole numbers up to this one are written as they are."""

MAX_INLINE = 30
"""The longest text of a part that is written out each time it occurs."""

MAX_LINE = 1_500
"""A longer part becomes a statement of its own."""

MAX_UNROLLED = 64
"""The most terms of a sum over numbers that are written out one by one."""

MAX_DEPTH = 16
"""How deep lists of expressions may be nested."""

MAX_REPEATED = 32
"""The highest power of a matrix that is written as a product."""


class Phrase:
    """A part in gradc's language, and how tightly the operator at its top binds."""

    __slots__ = ("level", "text")

    def __init__(self, text: str, level: int = ATOM):
        self.text, self.level = text, level

    def __str__(self) -> str:
        return self.text

    def at(self, level: int) -> str:
        """In brackets, unless it binds at least so tightly."""
        return self.text if self.level >= level else f"({self.text})"

    @property
    def atom(self) -> str:
        return self.at(ATOM)


Demand = tuple[int, Scope]
"""A part, and what the indices in it stand for."""

Plan = tuple[Sequence[Demand], Callable[[list[Phrase]], Phrase]]
"""What a part needs, and how it is written once that is."""


@dataclass(frozen=True)
class ProgramText:
    """A program's text, and which of SymPy's symbols its inputs are."""

    text: str
    inputs: tuple[str, ...]
    symbols: dict[str, Expression]


@dataclass
class _Base:
    """An array that is indexed, with what is known of its sizes."""

    name: str
    shape: list[str | None]
    integer: bool = False
    reach: list[Linear | None] = field(default_factory=list)
    """Along each axis without a size, the last index with a symbol in it."""


def read(expr: Any, arguments: Sequence[tuple[str, Expression]] | None = None) -> ProgramText:
    """Write an expression, or nested lists of them, as a program.

    arguments: pairs of a text that stands for an argument, such as `x` or `p[0]`, and the symbol it is; None takes
    every free symbol.
    """
    return _Reader(expr, arguments).run()


class _Reader:
    def __init__(self, expr: Any, arguments: Sequence[tuple[str, Expression]] | None):
        self.expr = expr
        self.parts = PartList()
        self.names: dict[int, str] = {}
        """What leaves are called."""
        self.inputs: dict[str, Expression] = {}
        self.sizes: dict[int, str] = {}
        """Symbols that sizes are called by."""
        self.numbers: dict[int, str] = {}
        """Those of them that are arguments too."""
        self.bases: dict[int, _Base] = {}
        self.differentiated: set[int] = set()
        """Functions whose derivative occurs."""
        self.indexing: set[int] = set()
        """Symbols that sums run over."""
        self.uses: list[frozenset[int]] = []
        self.whole: set[int] = set()
        """Symbols that stand in an index, outside of sums."""
        self.counted: dict[int, Expression] = {}
        """The sizes that numbers of terms are made of, and where."""
        self.vectors = False
        """Whether a sum goes along arrays, so that everything else has to be a number."""
        self.given = arguments is not None
        for text, symbol in arguments or ():
            self.names[self.parts.add(symbol)] = text

    # ------------------------------------------------------------ the whole

    def run(self) -> ProgramText:
        leaves, layout = _flattened(self.expr)
        roots = [self.parts.add(leaf) for leaf in leaves]
        self._find_sizes()
        plans, counts = self._plans([(root, ()) for root in roots])
        taken = {*self.inputs, *self.sizes.values()}
        for name in self.names.values():
            taken.add(name.partition("[")[0])
        written: dict[Demand, Phrase] = {}
        statements: list[str] = []
        number = 0
        for demand, (needed, build) in plans.items():
            text = build([written[need] for need in needed])
            again = counts[demand] > 1 and len(text.text) > MAX_INLINE
            if (text.level < ATOM and (again or len(text.text) > MAX_LINE)) or len(text.text) > 2 * MAX_LINE:
                while f"t{number}" in taken:
                    number += 1
                statements.append(f"t{number} = {text}")
                text, number = Phrase(f"t{number}"), number + 1
            written[demand] = text
        result = layout([written[root, ()].text for root in roots])
        declared = self._declarations()
        return ProgramText("\n".join([*declared, *statements, result]), tuple(self.inputs), dict(self.inputs))

    def _plans(self, roots: Iterable[Demand]) -> tuple[dict[Demand, Plan], dict[Demand, int]]:
        """What every part needs, each before those that need it, and how often it is needed."""
        plans: dict[Demand, Plan] = {}
        counts: dict[Demand, int] = {}
        stack: list[tuple[Demand, Plan | None]] = []
        stack += [(root, None) for root in roots][::-1]
        while stack:
            demand, plan = stack.pop()
            if plan is not None:
                plans.setdefault(demand, plan)
                continue
            counts[demand] = counts.get(demand, 0) + 1
            if counts[demand] > 1:
                continue
            plan = self._plan(*demand)
            stack.append((demand, plan))
            stack += [(need, None) for need in plan[0]]
        return plans, counts

    def _within(self, place: int, scope: Mapping[int, Binding]) -> Demand:
        """A part where indices stand for something: only those that occur in it."""
        return place, tuple(sorted((at, scope[at]) for at in self.uses[place] if at in scope) if scope else ())

    def _refuse(self, expr: Expression, why: str, instead: str) -> Error:
        leaves, _ = _flattened(self.expr)
        return refused(expr, leaves[0] if len(leaves) == 1 else expr, why, instead)

    # ------------------------------------------------------------ names, sizes and declarations

    def _find_sizes(self) -> None:
        """The symbols that sums run over, and those that sizes of arrays are called by."""
        parts = self.parts.parts
        self.differentiated = {args[0] for cls, args, _ in parts if cls is sympy.Derivative}
        for cls, args, _ in parts:
            if cls in (sympy.Sum, sympy.Product):
                for limit in args[1:]:
                    symbol, *bounds = parts[limit].args
                    self.indexing.add(symbol)
                    for bound in bounds[-1:]:
                        found = linear(self.parts, bound, {})
                        for at, count in found.terms if found is not None else ():
                            if at not in self.indexing and count == 1:
                                self.sizes.setdefault(at, "")
            elif cls is sympy.MatrixSymbol or (cls is sympy.IndexedBase and len(args) > 1):
                shape = args[1:] if cls is sympy.MatrixSymbol else parts[args[1]].args
                for size in shape:
                    if parts[size].cls in (sympy.Symbol, sympy.Dummy):
                        self.sizes.setdefault(size, "")
        for at in self.indexing & self.sizes.keys():
            del self.sizes[at]
        for at in self.sizes:
            if at in self.names:  # how many of the elements are meant; the array may have more
                self.numbers[at] = self.names[at]
                self.whole.add(at)
                self.sizes[at] = self._name(f"{self.names[at]}_size", parts[at].expr)
                continue
            self.sizes[at] = self._name(str(parts[at].expr.name), parts[at].expr)
        no_indices: frozenset[int] = frozenset()
        for place, (_, args, _) in enumerate(parts):
            below = no_indices
            if self.indexing:
                below = no_indices.union(*[self.uses[arg] for arg in args])
                below |= {place} if place in self.indexing else no_indices
            self.uses.append(below)

    def _name(self, name: str, expr: Expression) -> str:
        taken = {*self.inputs, *self.sizes.values(), *(text.partition("[")[0] for text in self.names.values())}
        found = identifier(name)
        if found in taken and not self.given and (found == name or self._called(found) == name):
            raise self._refuse(
                expr, f"two different symbols are called `{found}`",
                "rename one of them, or give both the same assumptions; `gradc.lambdify` takes them by position",
            )  # fmt: skip
        return fresh(found, taken)

    def _called(self, name: str) -> str:
        """How SymPy calls the symbol with a name."""
        for at, size in self.sizes.items():
            if size == name:
                return str(self.parts[at].expr.name)
        found = self.inputs.get(name)
        return str(getattr(found, "name", name))

    def _input(self, place: int, name: str) -> str:
        """The name of an input."""
        if place not in self.names:
            expr = self.parts[place].expr
            if self.given:
                instead = "add it to the arguments of `lambdify`, or put a number in: `expr.subs(...)`"
                raise self._refuse(expr, "it is not among the arguments", instead)
            self.names[place] = self._name(name, expr)
            self.inputs[self.names[place]] = expr
        return self.names[place]

    def _base(self, place: int, rank: int) -> _Base:
        """The array that is indexed."""
        if place not in self.bases:
            cls, args, expr = self.parts[place]
            shape: list[str | None] = [None] * rank
            sizes = args[1:] if cls is sympy.MatrixSymbol else self.parts[args[1]].args if len(args) > 1 else ()
            if sizes:
                shape = [self._size(size, expr) for size in sizes]
            name = str(self.parts[args[0]].expr)
            self.bases[place] = _Base(self._input(place, name), shape, reach=[None] * len(shape))
        return self.bases[place]

    def _size(self, place: int, expr: Expression) -> str:
        cls, _, size = self.parts[place]
        if place in self.sizes:
            return self.sizes[place]
        if issubclass(cls, sympy.Integer) and 0 <= size.p < EXACT:
            return str(size.p)
        instead = "give sizes as symbols or whole numbers, as in `MatrixSymbol('A', n, 3)`"
        raise self._refuse(expr, "its size is not a symbol or a number", instead)

    def _declarations(self) -> list[str]:
        lines = []
        fixed = {base.name for base in self.bases.values()}
        taken = {*self.inputs, *self.sizes.values()}
        for base in self.bases.values():
            if not any(base.shape) and not any(base.reach):
                if base.integer and base.name in self.inputs:
                    lines.append(f"{base.name}: i64[{fresh(base.name + '_size', taken)}]")
                continue
            sizes = [size or fresh(f"{base.name}_{axis}", taken) for axis, size in enumerate(self._shape(base))]
            lines.append(f"{base.name}: {'i64' if base.integer else 'f64'}[{', '.join(sizes)}]")
        if self.vectors:
            numbers = [name for name in self.names.values() if name not in fixed and "[" not in name]
            integers = {self.names[place] for place in self.whole if place in self.names}
            for name in dict.fromkeys(numbers):
                if name not in self.sizes.values():
                    lines.append(f"{name}: {'i64' if name in integers else 'f64'}")
        known = {size for base in self.bases.values() for size in self._shape(base)}
        for place, expr in self.counted.items():
            if self.sizes[place] not in known:
                raise self._refuse(expr, f"nothing says how large `{self.sizes[place]}` is", HOW_MANY)
        return lines

    def _shape(self, base: _Base) -> list[str]:
        """The sizes of an array that are known."""
        found = [size or "" for size in base.shape]
        for axis, last in enumerate(base.reach):
            if last is not None:
                found[axis] = Linear(0, last.terms).text(self.sizes)
        return found

    # ------------------------------------------------------------ one part

    def _plan(self, place: int, scope: Scope) -> Plan:
        part = self.parts[place]
        if place in self.names:
            return (), _constantly(Phrase(self.names[place]))
        known = dict(scope)
        if place in self.indexing and place in known:
            return (), _constantly(self._index_value(known[place]))
        if place in self.sizes:
            return (), _constantly(Phrase(self.sizes[place]))
        cls = part.cls
        if isinstance(cls, UndefinedFunction):
            return self._unknown_function(place, part, known)
        handler = HANDLERS.get(cls)
        if handler is not None:
            return handler(self, place, part, known)
        template = texts().get(cls)
        if template is None:
            raise self._not_here(part)
        return self._all(part.args, known), lambda found: self._filled(part, template, found)

    def _all(self, args: Iterable[int], scope: Mapping[int, Binding]) -> list[Demand]:
        return [self._within(arg, scope) for arg in args]

    def _not_here(self, part: Part) -> Error:
        name = part.cls.__name__
        if not part.cls.__module__.startswith("sympy."):
            return self._refuse(
                part.expr, f"`{name}` is a class that gradc does not know",
                "replace it by its meaning in SymPy's functions: `expr.replace(...)` or `expr.doit()`",
            )  # fmt: skip
        for cls in part.cls.__mro__:
            if cls.__name__ in REFUSED:
                return self._refuse(part.expr, f"gradc has no `{name}`", REFUSED[cls.__name__])
        instead = "rewrite it in functions that gradc has (docs/sympy.md lists them), as with `expr.rewrite(...)`"
        return self._refuse(part.expr, f"gradc has no `{name}`", instead)

    def _filled(self, part: Part, template: str, found: list[Phrase]) -> Phrase:
        """A template with its arguments in place."""
        listed = {
            "all": lambda: ", ".join([text.text for text in found]),
            "all_and": lambda: " and ".join([text.at(AND + 1) for text in found]),
            "all_or": lambda: " or ".join([text.at(OR + 1) for text in found]),
            "all_xor": lambda: " != ".join([text.at(COMPARE + 1) for text in found[:2]]),
            "all_times": lambda: "*".join([text.at(POWER) for text in found]),
        }
        keyword = template.partition("{all")[2].partition("}")[0]
        words = {"all" + keyword: listed["all" + keyword]()} if "{all" in template else {}
        if template == "{all_xor}" and len(found) > 2:
            raise self._refuse(part.expr, "it has more than two conditions", "write two of them in each `Xor`")
        try:
            return Phrase(template.format(*found, **words), _level(template, len(found)))
        except IndexError:
            instead = "give it all arguments"
            raise self._refuse(part.expr, f"`{part.cls.__name__}` has {len(found)} arguments here", instead) from None

    def _unknown_function(self, place: int, part: Part, scope: Mapping[int, Binding]) -> Plan:
        name = part.cls.__name__
        ours = FUNCTIONS.get(name)
        if hasattr(part.cls, "_imp_"):
            instead = "write its meaning in SymPy's functions, or trace it: `gradc.compile(python_function)`"
            raise self._refuse(part.expr, "it is computed by Python code, which gradc cannot see", instead)
        if ours is not None and not hasattr(sympy, name) and name not in LETTERS:
            count = len(part.args)
            if ours.required <= count <= len(ours.parameters) or "..." in ours.parameters:
                return self._all(part.args, scope), lambda found: self._filled(part, name + "({all})", found)
        plain = all(self.parts[arg].cls in (sympy.Symbol, sympy.Dummy) for arg in part.args)
        of_time = any(str(self.parts[arg].expr.name) in TIMES for arg in part.args) if plain else False
        if plain and (of_time or place in self.differentiated):
            return (), _constantly(Phrase(self._input(place, name)))
        raise self._refuse(
            part.expr, f"`{name}` is a function without a meaning",
            f"put one in, `expr.subs(Function('{name}'), Lambda(x, x**2))`; "
            f"or make it an argument: `lambdify([{name}(x)], ...)`",
        )  # fmt: skip

    # ------------------------------------------------------------ numbers

    def number(self, place: int, part: Part, scope: Mapping[int, Binding]) -> Plan:
        return (), _constantly(self._number(part))

    def _number(self, part: Part) -> Phrase:
        expr = part.expr
        if isinstance(expr, sympy.Float):
            return _signed(repr(self._float(lambda: to_float(mpf_pos(expr._mpf_, 53, "n"), strict=True), part)))
        p, q = int(expr.p), int(expr.q)
        if abs(p) <= EXACT and q <= EXACT:
            return _signed(str(p)) if q == 1 else Phrase(f"{p}/{q}", MULTIPLY)
        return _signed(repr(self._float(lambda: p / q, part)))

    def _float(self, value: Callable[[], float], part: Part) -> float:
        try:
            found = value()
        except OverflowError:
            found = float("inf")
        if found in (float("inf"), float("-inf")):
            size = part.expr.p.bit_length() * 0.30103 if isinstance(part.expr, sympy.Rational) else 309
            raise Error(
                "G0502", f"a number of the SymPy expression is too large for a float: it has {int(size) + 1:,} digits",
                help="floats end at 1.8e308; compute with its logarithm, or divide it out in SymPy first",
            )  # fmt: skip
        return found

    def constant(self, place: int, part: Part, scope: Mapping[int, Binding]) -> Plan:
        return (), _constantly(NAMED_NUMBERS[part.cls])

    def symbol(self, place: int, part: Part, scope: Mapping[int, Binding]) -> Plan:
        return (), _constantly(Phrase(self._input(place, str(part.expr.name))))

    # ------------------------------------------------------------ sums, products and powers

    def add(self, place: int, part: Part, scope: Mapping[int, Binding]) -> Plan:
        return self._all(part.args, scope), _added

    def mul(self, place: int, part: Part, scope: Mapping[int, Binding]) -> Plan:
        args, sign, above, below = list(part.args), "", [], []
        numbers: list[str] = []
        divisors: list[str] = []
        first = self.parts[args[0]]
        if issubclass(first.cls, sympy.Rational):
            p, q = int(first.expr.p), int(first.expr.q)
            sign = "-" if p < 0 else ""
            del args[0]
            if abs(p) <= EXACT and q <= EXACT:
                numbers += [str(abs(p))] if abs(p) != 1 else []
                divisors += [str(q)] if q != 1 else []
            else:
                numbers.append(repr(abs(self._float(lambda: p / q, first))))
        kinds = []
        for arg in args:
            under = self._reciprocal(arg)
            if under is None:
                above.append(self._within(arg, scope))
            else:
                below.append(self._within(under[0], scope))
                kinds.append(under[1])
        logarithm = self._logarithm(args)
        if logarithm is not None:
            name, of, position, divisor = logarithm
            above[position] = self._within(of, scope)
            del below[divisor], kinds[divisor]

        def build(found: list[Phrase]) -> Phrase:
            factors = [Phrase(text) for text in numbers] + found[: len(above)]
            if logarithm is not None:
                at = len(numbers) + position
                factors[at] = Phrase(f"{name}({factors[at]})")
            under = [Phrase(text) for text in divisors]
            under += [base if power is None else _power(base, power) for base, power in zip(found[len(above) :], kinds)]
            return _multiplied(sign, factors, under)

        return above + below, build

    def _reciprocal(self, place: int) -> tuple[int, Phrase | None] | None:
        """Of one over a power, the base and the exponent, None for 1; of anything else, None."""
        cls, args, _ = self.parts[place]
        if cls is not sympy.Pow or place in self.names:
            return None
        base, exponent = args
        found = self.parts[exponent]
        if not issubclass(found.cls, sympy.Rational) or found.expr.p >= 0:
            return None
        if self.parts[base].cls is _numbers.Exp1:
            return None
        if abs(found.expr.p) > EXACT or found.expr.q > EXACT:
            return None
        p, q = -int(found.expr.p), int(found.expr.q)
        if (p, q) == (1, 1):
            return base, None
        return base, Phrase(str(p)) if q == 1 else Phrase(f"{p}/{q}", MULTIPLY)

    def _logarithm(self, args: list[int]) -> tuple[str, int, int, int] | None:
        """Of `log(x)/log(2)` among factors: gradc's name of it, x, and the positions of both."""
        above = [arg for arg in args if self._reciprocal(arg) is None]
        below = [under for arg in args if (under := self._reciprocal(arg)) is not None]
        for divisor, (base, power) in enumerate(below):
            cls, inner, _ = self.parts[base]
            if power is None and cls is sympy.log and self.parts[inner[0]].expr in (2, 10):
                for position, arg in enumerate(above):
                    if self.parts[arg].cls is sympy.log and len(self.parts[arg].args) == 1:
                        return f"log{self.parts[inner[0]].expr}", self.parts[arg].args[0], position, divisor
        return None

    def power(self, place: int, part: Part, scope: Mapping[int, Binding]) -> Plan:
        base, exponent = part.args
        if self.parts[base].cls is _numbers.Exp1:
            return [self._within(exponent, scope)], lambda found: Phrase(f"exp({found[0]})")
        below = self._reciprocal(place)
        if below is not None:
            under, power = below

            def over(found: list[Phrase]) -> Phrase:
                divisor = found[0] if power is None else _power(found[0], power)
                return Phrase(f"1/{divisor.at(POWER)}", MULTIPLY)

            return [self._within(under, scope)], over
        return self._all(part.args, scope), lambda found: _power(*found)

    # ------------------------------------------------------------ choices

    def piecewise(self, place: int, part: Part, scope: Mapping[int, Binding]) -> Plan:
        pieces = [self.parts[pair].args for pair in part.args]

        def build(found: list[Phrase]) -> Phrase:
            written = []
            for k, (_, condition) in enumerate(pieces):
                certain = self.parts[condition].cls is sympy.logic.boolalg.BooleanTrue
                written.append(f"({found[2 * k]}, {'True' if certain else found[2 * k + 1]})")
            return Phrase(f"Piecewise({', '.join(written)})")

        return [self._within(at, scope) for pair in pieces for at in pair], build

    def bessel(self, place: int, part: Part, scope: Mapping[int, Binding]) -> Plan:
        order = self.parts[part.args[0]]
        name = {sympy.besselj: "j", sympy.bessely: "y", sympy.besseli: "i", sympy.besselk: "k"}[part.cls]
        if order.cls in (_numbers.Zero, _numbers.One):
            return [self._within(part.args[1], scope)], lambda found: Phrase(f"{name}{order.expr.p}({found[0]})")
        return self._all(part.args, scope), lambda found: Phrase(f"{name}v({found[0]}, {found[1]})")

    def counted_ways(self, place: int, part: Part, scope: Mapping[int, Binding]) -> Plan:
        """Factorials and binomial coefficients; of whole numbers exactly."""
        known = [linear(self.parts, arg, scope) for arg in part.args]
        whole = [int(n.constant) for n in known if n is not None and not n.terms and 0 <= n.constant <= 170]
        if len(whole) == len(part.args):
            exact = math.factorial(whole[0]) if part.cls is sympy.factorial else math.comb(*whole)
            return (), _constantly(Phrase(str(exact) if exact <= EXACT else repr(float(exact))))
        template = texts()[part.cls]
        return self._all(part.args, scope), lambda found: self._filled(part, template, found)

    def lambert(self, place: int, part: Part, scope: Mapping[int, Binding]) -> Plan:
        if len(part.args) > 1 and self.parts[part.args[1]].cls is not _numbers.Zero:
            instead = "gradc has the branch through zero, `LambertW(x)`"
            raise self._refuse(part.expr, "it is another branch of the Lambert W function", instead)
        return [self._within(part.args[0], scope)], lambda found: Phrase(f"lambertw({found[0]})")

    def derivative(self, place: int, part: Part, scope: Mapping[int, Binding]) -> Plan:
        """A derivative of a function that is unknown: an input."""
        of = self.parts[part.args[0]]
        if not all(self.parts[arg].cls in (sympy.Symbol, sympy.Dummy) for arg in of.args):
            instead = "put the function in and take the derivative: `expr.subs(g, ...).doit()`"
            raise self._refuse(part.expr, f"`{of.cls.__name__}` is a function without a meaning", instead)
        name = of.cls.__name__
        variables, order = [], 0
        for pair in part.args[1:]:
            symbol, count = (self.parts[at].expr for at in self.parts[pair].args)
            order += int(count)
            variables.append(f"d{symbol}{count if count != 1 else ''}")
        return (), _constantly(Phrase(self._input(place, f"d{order if order != 1 else ''}{name}_{''.join(variables)}")))

    # ------------------------------------------------------------ sums over indices

    def series(self, place: int, part: Part, scope: Mapping[int, Binding]) -> Plan:
        body, limits = part.args[0], part.args[1:]
        is_sum = part.cls is sympy.Sum
        ranges = [self._range(part, limit, scope) for limit in limits]
        counts = [last.plus(first, -1).plus(Linear(1)) for _, first, last in ranges]
        if all(not first.terms and not last.terms for _, first, last in ranges):
            total = 1
            for count in counts:
                total *= count.constant
            if total <= MAX_UNROLLED or any(count.constant <= 0 for count in counts):
                return self._unrolled(part, scope)
        if any(at in self.indexing for _, *ends in ranges for end in ends for at, _ in end.terms):
            return self._unrolled(part, scope)
        return self._along_axes(part, body, ranges, counts, scope, is_sum)

    def _range(self, part: Part, limit: int, scope: Mapping[int, Binding]) -> tuple[int, Linear, Linear]:
        symbol, *bounds = self.parts[limit].args
        found = [linear(self.parts, bound, scope) for bound in bounds]
        if len(found) != 2 or None in found:
            raise self._refuse(part.expr, "gradc cannot tell how many terms it has", HOW_MANY)
        first, last = found
        assert first is not None and last is not None
        return symbol, first, last

    def _unrolled(self, part: Part, scope: Mapping[int, Binding]) -> Plan:
        """Every term written out."""
        scopes: list[dict[int, Binding]] = [dict(scope)]
        for limit in part.args[:0:-1]:
            more: list[dict[int, Binding]] = []
            for outer in scopes:
                symbol, first, last = self._range(part, limit, outer)
                if first.terms or last.terms or last.constant < first.constant - 1:
                    raise self._refuse(part.expr, "gradc cannot tell how many terms it has", HOW_MANY)
                if last.constant - first.constant >= MAX_UNROLLED**2 or len(more) > MAX_UNROLLED**2:
                    raise Error(
                        "G0502", f"a {part.cls.__name__.lower()} has more than {MAX_UNROLLED**2:,} terms to write out",
                        help="let its index run over the elements of an array, as in `Sum(x[i], (i, 0, n - 1))`",
                    )  # fmt: skip
                more += [{**outer, symbol: k} for k in range(first.constant, last.constant + 1)]
            scopes = more
        demands = [self._within(part.args[0], inner) for inner in scopes]
        if part.cls is sympy.Sum:
            return demands, lambda found: _added(found) if found else Phrase("0")
        return demands, lambda found: _multiplied("", found, [])

    def _along_axes(
        self,
        part: Part,
        body: int,
        ranges: list[tuple[int, Linear, Linear]],
        counts: list[Linear],
        scope: Mapping[int, Binding],
        is_sum: bool,
    ) -> Plan:
        """The terms side by side in an array, and its sum: indices that occur become the last axes, the first limit
        the last one."""
        present = [k for k, (symbol, _, _) in enumerate(ranges) if symbol in self.uses[body]]
        absent = [counts[k] for k in range(len(ranges)) if k not in present]
        for first, last in ((first, last) for _, first, last in ranges):
            for at, _ in (*first.terms, *last.terms):
                if at not in self.sizes:
                    raise self._refuse(part.expr, "gradc cannot tell how many terms it has", HOW_MANY)
                self.counted[at] = part.expr
        inner: dict[int, Binding] = {}
        outer = False
        for symbol, bound in scope.items():
            if isinstance(bound, Axis):
                outer = True
                bound = Axis(bound.place + len(present), bound.first, bound.last)
            inner[symbol] = bound
        for depth, k in enumerate(present):
            symbol, first, last = ranges[k]
            inner[symbol] = Axis(depth, first, last)
        self.vectors = True
        axes = "" if not outer else f", axis={-1 if len(present) == 1 else list(range(-len(present), 0))}"
        names = self.sizes | self.numbers
        ends = [(inner[ranges[k][0]], ranges[k][2]) for k in present]
        inside = [
            f"{self._index_value(axis)} <= {last.text(names)}"
            for axis, last in ends
            if any(at in self.numbers for at, _ in last.terms)
        ]
        asked = {at: None for _, _, last in ranges for at, _ in last.terms if at in self.numbers}
        fits = " and ".join(f"{self.numbers[at]} <= {self.sizes[at]}" for at in asked)

        def build(found: list[Phrase]) -> Phrase:
            (term,) = found
            if inside:
                term = Phrase(f"where({' and '.join(inside)}, {term}, {0 if is_sum else 1})")
            times = [Phrase(count.text(names), ADD if count.terms and count.constant else ATOM) for count in absent]
            if is_sum:
                total = Phrase(f"sum({term}{axes})") if present else term
                total = _multiplied("", [*times, total], []) if times else total
            else:
                total = Phrase(f"prod({term}{axes})") if present else term
                for count in times:
                    total = _power(total, count)
            return Phrase(f"where({fits}, {total}, nan)") if fits else total

        return [self._within(body, inner)], build

    def _index_value(self, bound: Binding) -> Phrase:
        """An index as a number, or as the array of its values."""
        if isinstance(bound, int):
            return _signed(str(bound))
        text = Phrase(
            f"arange({bound.count.text(self.sizes)}){'[:' + ', None' * bound.place + ']' if bound.place else ''}"
        )
        if bound.first == Linear(0):
            return text
        first = bound.first.text(self.sizes)
        return Phrase(f"{text} + {first}", ADD)

    def indexed(self, place: int, part: Part, scope: Mapping[int, Binding]) -> Plan:
        base_place, *indices = part.args
        base = self.parts[base_place]
        if base.cls in (sympy.IndexedBase, sympy.MatrixSymbol):
            known: _Base | None = self._base(base_place, len(indices))
            demands: list[Demand] = []
        else:
            known, demands = None, [self._within(base_place, scope)]
        found = [linear(self.parts, index, scope) for index in indices]
        simple = self._slices(part, known, found, scope)
        if simple is not None:
            return demands, lambda texts: Phrase(simple(known.name if known else texts[0].atom))
        for index in indices:
            self._mark_integers(index)
        rest = self._all(indices, scope)
        self._extend(part, known, found, scope)

        def build(texts: list[Phrase]) -> Phrase:
            name = known.name if known else texts[0].atom
            return Phrase(f"{name}[{', '.join(text.text for text in texts[len(demands) :])}]")

        return demands + rest, build

    def _mark_integers(self, place: int) -> None:
        """Arrays that stand in an index hold integers."""
        stack = [place]
        while stack:
            place = stack.pop()
            cls, args, _ = self.parts[place]
            if cls is sympy.Indexed and self.parts[args[0]].cls is sympy.IndexedBase:
                self._base(args[0], len(args) - 1).integer = True
            elif cls in (sympy.Symbol, sympy.Dummy, sympy.Idx):
                self.whole.add(place)
            elif cls in (sympy.Add, sympy.Mul):
                stack += args

    def _extend(
        self, part: Part, base: _Base | None, found: list[Linear | None], scope: Mapping[int, Binding]
    ) -> list[tuple[Linear, Linear] | None]:
        """The first and the last index along each axis; an array without sizes is found to reach so far."""
        ends: list[tuple[Linear, Linear] | None] = []
        for axis, index in enumerate(found):
            if index is None:
                ends.append(None)
                continue
            first = last = index
            for symbol, bound in scope.items():
                if isinstance(bound, Axis) and symbol in dict(index.terms):
                    rising = dict(index.terms)[symbol] > 0
                    first = first.replace(symbol, bound.first if rising else bound.last)
                    last = last.replace(symbol, bound.last if rising else bound.first)
            ends.append((first, last))
            size_terms = last.terms
            if (
                base is not None
                and base.shape[axis] is None
                and size_terms
                and all(at in self.sizes for at, _ in size_terms)
            ):
                if last.constant >= 0 and len(size_terms) == 1:
                    size = self.sizes[size_terms[0][0]]
                    raise self._refuse(
                        part.expr, f"it goes to element {last.text(self.sizes)}, and SymPy counts elements from 0",
                        f"let the index run from 0 to {size} - 1, or give the size: `IndexedBase('x', shape=...)`",
                    )  # fmt: skip
                reach = base.reach[axis]
                if reach is None or reach.constant < last.constant:
                    base.reach[axis] = last
        return ends

    def _slices(
        self, part: Part, base: _Base | None, found: list[Linear | None], scope: Mapping[int, Binding]
    ) -> Callable[[str], str] | None:
        """The elements by slices, where every index is fixed or moves along an axis of its own."""
        axes: list[int] = []
        items: list[tuple[int | None, Linear, Linear, int]] = []
        for index in found:
            if index is None:
                return None
            moving = [(at, count) for at, count in index.terms if isinstance(scope.get(at), Axis)]
            if any(at not in self.sizes for at, _ in index.terms if (at, _) not in moving):
                return None
            if not moving:
                items.append((None, index, index, 1))
                continue
            (symbol, count), *more = moving
            bound = scope[symbol]
            assert isinstance(bound, Axis)
            if more or count < 1 or bound.place in axes:
                return None
            if not index.replace(symbol, bound.first).terms and index.replace(symbol, bound.first).constant < 0:
                return None  # counts from the end, as an element does
            axes.append(bound.place)
            items.append((bound.place, index.replace(symbol, bound.first), index.replace(symbol, bound.last), count))
        ends = self._extend(part, base, found, scope)
        assert None not in ends
        order = sorted(axes, reverse=True)
        depth = order[0] if order else -1
        positions = {place: axes.index(place) for place in axes}
        names = self.sizes

        def build(name: str) -> str:
            plain = True
            written = []
            for axis, (place, first, last, step) in enumerate(items):
                if place is None:
                    written.append(first.text(names))
                    plain = False
                    continue
                stop = last.plus(Linear(1))
                size = None
                if base is not None:
                    reach = base.reach[axis]
                    size = base.shape[axis] or (Linear(0, reach.terms).text(names) if reach is not None else None)
                start = "" if first == Linear(0) else first.text(names)
                end = "" if stop.text(names) == size else stop.text(names)
                written.append(f"{start}:{end}" + (f":{step}" if step != 1 else ""))
                plain = plain and written[-1] == ":"
            text = name if plain or not items else f"{name}[{', '.join(written)}]"
            moved = [positions[place] for place in order]
            if moved != sorted(moved):
                text = f"{text}.T" if len(moved) == 2 else f"transpose({text}, {moved})"
            if depth + 1 > len(order):
                news = [":" if place in positions else "None" for place in range(depth, -1, -1)]
                text = f"{text}[{', '.join(news)}]"
            return text

        return build

    # ------------------------------------------------------------ matrices

    def array_symbol(self, place: int, part: Part, scope: Mapping[int, Binding]) -> Plan:
        base = self._base(place, 1)
        return (), lambda found: Phrase(base.name)

    def matrix(self, place: int, part: Part, scope: Mapping[int, Binding]) -> Plan:
        rows, columns = (int(self.parts[arg].expr.p) for arg in part.args[:2])

        def build(found: list[Phrase]) -> Phrase:
            if not rows or not columns:
                return Phrase(f"zeros([{rows}, {columns}])")
            lines = (", ".join([t.text for t in found[k * columns : (k + 1) * columns]]) for k in range(rows))
            return Phrase(f"[{', '.join(f'[{line}]' for line in lines)}]")

        return self._all(part.args[2:], scope), build

    def array(self, place: int, part: Part, scope: Mapping[int, Binding]) -> Plan:
        elements, shape = (self.parts[arg].args for arg in part.args)
        sizes = [int(self.parts[size].expr.p) for size in shape]

        def build(found: list[Phrase]) -> Phrase:
            texts = [text.text for text in found]
            for size in sizes[:0:-1]:
                texts = [f"[{', '.join(texts[k : k + size])}]" for k in range(0, len(texts), size)]
            return Phrase(f"[{', '.join(texts)}]" if sizes else texts[0])

        return self._all(elements, scope), build

    def matmul(self, place: int, part: Part, scope: Mapping[int, Binding]) -> Plan:
        numbers = [arg for arg in part.args if not _is_matrix(self.parts[arg].cls)]
        matrices = [arg for arg in part.args if arg not in numbers]

        def build(found: list[Phrase]) -> Phrase:
            product = " @ ".join([text.at(POWER) for text in found[len(numbers) :]])
            if not numbers:
                return Phrase(product, MULTIPLY if len(matrices) > 1 else found[-1].level)
            factor = _multiplied("", found[: len(numbers)], [])
            text = product if len(matrices) == 1 else f"({product})"
            return Phrase(f"{factor.at(MULTIPLY)}*{text}", MULTIPLY)

        return self._all(numbers + matrices, scope), build

    def matpow(self, place: int, part: Part, scope: Mapping[int, Binding]) -> Plan:
        base, exponent = part.args
        found = self.parts[exponent]
        count = int(found.expr.p) if issubclass(found.cls, sympy.Integer) else None
        if count is None or not 1 <= count <= MAX_REPEATED:
            why = "gradc has no inverse of matrices" if count is not None and count < 0 else "it is a power of a matrix"
            instead = (
                REFUSED["Inverse"] if count is not None and count < 0 else "whole powers from 1 to 32 are products"
            )
            raise self._refuse(part.expr, why, instead)
        power = count
        return [self._within(base, scope)], lambda texts: Phrase(
            " @ ".join([texts[0].at(POWER)] * power), MULTIPLY if power > 1 else texts[0].level
        )

    def filled(self, place: int, part: Part, scope: Mapping[int, Binding]) -> Plan:
        sizes = [self._size(arg, part.expr) for arg in part.args]
        if part.cls is sympy.Identity:
            return (), _constantly(Phrase(f"eye({sizes[0]})"))
        name = "zeros" if part.cls is sympy.ZeroMatrix else "ones"
        return (), _constantly(Phrase(f"{name}([{', '.join(sizes)}])"))

    def blocks(self, place: int, part: Part, scope: Mapping[int, Binding]) -> Plan:
        _, columns, *blocks = self.parts[part.args[0]].args
        count = int(self.parts[columns].expr.p)

        def build(found: list[Phrase]) -> Phrase:
            texts = [text.text for text in found]
            lines = [texts[k : k + count] for k in range(0, len(texts), count)]
            wide = [line[0] if count == 1 else f"concatenate([{', '.join(line)}], axis=1)" for line in lines]
            return Phrase(wide[0] if len(wide) == 1 else f"concatenate([{', '.join(wide)}], axis=0)")

        return self._all(blocks, scope), build

    def applied(self, place: int, part: Part, scope: Mapping[int, Binding]) -> Plan:
        """A function at every element of a matrix: its text with the matrix in the place of its variable."""
        function, matrix = part.args
        variables, body = self.parts[function].args
        (variable,) = self.parts[variables].args
        chain: list[int] = [body]
        while chain[-1] != variable:
            inner = self.parts[chain[-1]]
            if len(inner.args) != 1 or inner.cls not in texts():
                instead = "apply functions of one argument one after the other, as in `A.applyfunc(sin)`"
                raise self._refuse(part.expr, "its function is not a single one", instead)
            chain.append(inner.args[0])
        steps = [self.parts[at] for at in chain[-2::-1]]

        def build(found: list[Phrase]) -> Phrase:
            (text,) = found
            for step in steps:
                text = self._filled(step, texts()[step.cls], [text])
            return text

        return [self._within(matrix, scope)], build


HOW_MANY = (
    "let its index run between whole numbers, or up to the size of an array, as in `Sum(x[i], (i, 0, n - 1))`; "
    "a closed form is `expr.doit()`"
)
TIMES = ("t", "tau", "time")
"""Of a symbol of such a name, an unknown function is an input, as one whose derivative occurs is."""

LETTERS = frozenset("psi phi chi eta xi".split())
"""Names of ours that are letters first: an unknown function of this name is no function of ours."""


# ---------------------------------------------------------------- texts


def _constantly(text: Phrase) -> Callable[[list[Phrase]], Phrase]:
    return lambda found: text


def _signed(number: str) -> Phrase:
    return Phrase(number, SIGN if number.startswith("-") else ATOM)


def _added(terms: list[Phrase]) -> Phrase:
    if len(terms) == 1:
        return terms[0]
    written: list[str] = []
    for term in terms:
        if not written:
            written.append(term.at(ADD))
        elif term.text.startswith("-") and term.level >= MULTIPLY:
            written.append(f" - {term.text[1:].lstrip()}")
        else:
            written.append(f" + {term.at(MULTIPLY)}")
    return Phrase("".join(written), ADD)


def _multiplied(sign: str, factors: list[Phrase], divisors: list[Phrase]) -> Phrase:
    if len(factors) == 1 and not divisors and not sign:
        return factors[0]
    if not factors:
        text = Phrase("1")
    elif len(factors) == 1:
        text = Phrase(factors[0].at(POWER if sign or divisors else MULTIPLY), POWER)
    else:
        text = Phrase("*".join([factor.at(POWER) for factor in factors]), MULTIPLY)
    if divisors:
        below = divisors[0].at(POWER) if len(divisors) == 1 else f"({'*'.join([d.at(POWER) for d in divisors])})"
        text = Phrase(f"{text}/{below}", MULTIPLY)
    return Phrase(sign + text.text, min(text.level, SIGN)) if sign else text


def _power(base: Phrase, exponent: Phrase) -> Phrase:
    if exponent.text == "1/2":
        return Phrase(f"sqrt({base})")
    return Phrase(f"{base.atom}**{exponent.at(SIGN)}", POWER)


@cache
def _level(template: str, count: int) -> int:
    """How tightly the operator at the top of a template binds."""
    names = [f"a{k}" for k in range(count)]
    words = {"": ", ", "_and": " and ", "_or": " or ", "_times": "*", "_xor": " != "}
    listed = {f"all{word}": sign.join(names[:2] if word == "_xor" else names) for word, sign in words.items()}
    return priority(parse_expression(template.format(*map(Phrase, names), **listed)))


def _is_matrix(cls: type) -> bool:
    return issubclass(cls, sympy.MatrixExpr | sympy.ImmutableDenseMatrix | sympy.ImmutableSparseMatrix)


def _flattened(expr: Any, depth: int = 0) -> tuple[list[Expression], Callable[[list[str]], str]]:
    """The expressions in nested lists, and how their texts are put together again."""
    if isinstance(expr, sympy.MatrixBase):
        return [expr.as_immutable()], lambda found: found[0]
    if not isinstance(expr, list | tuple | sympy.Tuple):
        is_number = isinstance(expr, int | float | np.number | np.bool_)
        return [sympy.sympify(expr) if is_number else expr], lambda found: found[0]
    if depth == MAX_DEPTH:
        raise Error("G0901", f"lists are nested more than {MAX_DEPTH} deep", help="an array has fewer axes")
    if not expr:
        raise Error("G0901", "an empty list has no expression", help="give at least one")
    items = [_flattened(item, depth + 1) for item in expr]
    leaves = [leaf for inner, _ in items for leaf in inner]

    def layout(found: list[str]) -> str:
        written, at = [], 0
        for inner, put in items:
            written.append(put(found[at : at + len(inner)]))
            at += len(inner)
        return f"[{', '.join(written)}]"

    return leaves, layout


Handler = Callable[[_Reader, int, Part, Mapping[int, Binding]], Plan]

NAMED_NUMBERS: dict[type, Phrase] = {
    _numbers.Pi: Phrase("pi"),
    _numbers.Infinity: Phrase("inf"),
    _numbers.NegativeInfinity: Phrase("-inf", SIGN),
    _numbers.NaN: Phrase("nan"),
    sympy.logic.boolalg.BooleanTrue: Phrase("0 == 0", COMPARE),
    sympy.logic.boolalg.BooleanFalse: Phrase("0 != 0", COMPARE),
    **{getattr(_numbers, name): Phrase(repr(value)) for name, value in CONSTANTS.items()},
}

HANDLERS: dict[type, Handler] = {
    **dict.fromkeys((sympy.Integer, sympy.Rational, sympy.Float, _numbers.Half), _Reader.number),
    **dict.fromkeys((_numbers.Zero, _numbers.One, _numbers.NegativeOne), _Reader.number),
    **dict.fromkeys(NAMED_NUMBERS, _Reader.constant),
    **dict.fromkeys((sympy.Symbol, sympy.Dummy, sympy.Wild, sympy.Idx), _Reader.symbol),
    **dict.fromkeys((sympy.besselj, sympy.bessely, sympy.besseli, sympy.besselk), _Reader.bessel),
    **dict.fromkeys((sympy.Sum, sympy.Product), _Reader.series),
    **dict.fromkeys((sympy.Indexed, MatrixElement), _Reader.indexed),
    **dict.fromkeys((sympy.MatrixSymbol, sympy.IndexedBase), _Reader.array_symbol),
    **dict.fromkeys((sympy.ImmutableDenseMatrix, sympy.ImmutableSparseMatrix), _Reader.matrix),
    **dict.fromkeys((sympy.Identity, sympy.ZeroMatrix, sympy.matrices.expressions.special.OneMatrix), _Reader.filled),
    sympy.Add: _Reader.add,
    sympy.BlockMatrix: _Reader.blocks,
    sympy.Derivative: _Reader.derivative,
    ElementwiseApplyFunction: _Reader.applied,
    ImmutableDenseNDimArray: _Reader.array,
    sympy.LambertW: _Reader.lambert,
    sympy.binomial: _Reader.counted_ways,
    sympy.factorial: _Reader.counted_ways,
    sympy.MatAdd: _Reader.add,
    sympy.MatMul: _Reader.matmul,
    sympy.MatPow: _Reader.matpow,
    sympy.Mul: _Reader.mul,
    sympy.Piecewise: _Reader.piecewise,
    sympy.Pow: _Reader.power,
}
"""What has arguments of its own kind."""
