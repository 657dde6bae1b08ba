"""Numbers, sums, products, powers and choices of an expression."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import sympy
from mpmath.libmp import mpf_pos, to_float

from gradc.frontends.sympy.functions import CONSTANTS, texts
from gradc.frontends.sympy.indices import Binding, linear
from gradc.frontends.sympy.phrases import Phrase, Plan, added, constantly, multiplied, raised, signed
from gradc.frontends.sympy.scope import EXACT, ReaderScope
from gradc.frontends.sympy.walk import Part
from gradc.language.diagnostics import Error
from gradc.language.expressions import COMPARE, MULTIPLY, POWER, SIGN

_numbers = sympy.core.numbers


class ScalarReader(ReaderScope):
    """How each kind of number is written."""

    # ------------------------------------------------------------ numbers

    def number(self, place: int, part: Part, scope: Mapping[int, Binding]) -> Plan:
        return (), constantly(self._number(part))

    def _number(self, part: Part) -> Phrase:
        expr = part.expr
        if isinstance(expr, sympy.Float):
            return signed(repr(self._float(lambda: to_float(mpf_pos(expr._mpf_, 53, "n"), strict=True), part)))
        p, q = int(expr.p), int(expr.q)
        if abs(p) <= EXACT and q <= EXACT:
            return signed(str(p)) if q == 1 else Phrase(f"{p}/{q}", MULTIPLY)
        return signed(repr(self._float(lambda: p / q, part)))

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
        return (), constantly(NAMED_NUMBERS[part.cls])

    def symbol(self, place: int, part: Part, scope: Mapping[int, Binding]) -> Plan:
        return (), constantly(Phrase(self._input(place, str(part.expr.name))))

    # ------------------------------------------------------------ sums, products and powers

    def add(self, place: int, part: Part, scope: Mapping[int, Binding]) -> Plan:
        return self._all(part.args, scope), added

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
            under += [base if power is None else raised(base, power) for base, power in zip(found[len(above) :], kinds)]
            return multiplied(sign, factors, under)

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
                divisor = found[0] if power is None else raised(found[0], power)
                return Phrase(f"1/{divisor.at(POWER)}", MULTIPLY)

            return [self._within(under, scope)], over
        return self._all(part.args, scope), lambda found: raised(*found)

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
            return (), constantly(Phrase(str(exact) if exact <= EXACT else repr(float(exact))))
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
        return (), constantly(Phrase(self._input(place, f"d{order if order != 1 else ''}{name}_{''.join(variables)}")))


NAMED_NUMBERS: dict[type, Phrase] = {
    _numbers.Pi: Phrase("pi"),
    _numbers.Infinity: Phrase("inf"),
    _numbers.NegativeInfinity: Phrase("-inf", SIGN),
    _numbers.NaN: Phrase("nan"),
    sympy.logic.boolalg.BooleanTrue: Phrase("0 == 0", COMPARE),
    sympy.logic.boolalg.BooleanFalse: Phrase("0 != 0", COMPARE),
    **{getattr(_numbers, name): Phrase(repr(value)) for name, value in CONSTANTS.items()},
}
