"""Parts of a program's text, put together with the brackets that they need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import sympy

from gradc.frontends.sympy.indices import Scope
from gradc.language.expressions import ADD, MULTIPLY, POWER, SIGN
from gradc.language.parser import parse_expression
from gradc.language.unparse import ATOM, priority

_numbers = sympy.core.numbers


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


def constantly(text: Phrase) -> Callable[[list[Phrase]], Phrase]:
    return lambda found: text


def signed(number: str) -> Phrase:
    return Phrase(number, SIGN if number.startswith("-") else ATOM)


def added(terms: list[Phrase]) -> Phrase:
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


def multiplied(sign: str, factors: list[Phrase], divisors: list[Phrase]) -> Phrase:
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


def raised(base: Phrase, exponent: Phrase) -> Phrase:
    if exponent.text == "1/2":
        return Phrase(f"sqrt({base})")
    return Phrase(f"{base.atom}**{exponent.at(SIGN)}", POWER)


@cache
def level_of(template: str, count: int) -> int:
    """How tightly the operator at the top of a template binds."""
    names = [f"a{k}" for k in range(count)]
    words = {"": ", ", "_and": " and ", "_or": " or ", "_times": "*", "_xor": " != "}
    listed = {f"all{word}": sign.join(names[:2] if word == "_xor" else names) for word, sign in words.items()}
    return priority(parse_expression(template.format(*map(Phrase, names), **listed)))
