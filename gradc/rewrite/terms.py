"""Terms as products: a number, factors, divisors."""

from __future__ import annotations

from math import inf
from typing import NamedTuple

from gradc.ir.graph import Node, constant, make
from gradc.ir.ops import ROWS

PRODUCTS = frozenset(row.name for row in ROWS if row.factors)
MOST_FACTORS = 12
"""Factors of a term that are looked at."""
MOST_PARTS = 4 * MOST_FACTORS
"""Products in a term, and what they are of, among which heads are looked for: the outer ones first."""


class Monomial(NamedTuple):
    """A number times some factors over some divisors."""

    number: float
    factors: tuple[Node, ...]
    divisors: tuple[Node, ...]

    def over(self, scale: float) -> Monomial:
        return self._replace(number=self.number / scale)

    def node(self, like: Node) -> Node:
        """The value, of the type of another one."""
        above = multiplied(self.factors)
        if above is None:
            above = constant(self.number, like.type)
        elif self.number != 1:
            above = make("mul", constant(self.number, like.type), above)
        below = multiplied(self.divisors)
        return above if below is None else make("div", above, below)


def monomial(term: Node) -> Monomial:
    number = 1.0
    factors: list[Node] = []
    divisors: list[Node] = []
    stack = [(term, True)]
    while stack:
        part, is_factor = stack.pop()
        if len(factors) + len(divisors) + len(stack) > MOST_FACTORS:
            return Monomial(1.0, (term,), ())
        if part.op == "mul":
            stack += [(arg, is_factor) for arg in reversed(part.args)]
        elif part.op == "div" and part is term:
            stack += [(part.args[1], False), (part.args[0], True)]
        elif part.op == "const" and is_factor and 0 < abs(part.value) < inf and abs(number * part.value) < inf:
            number *= part.value
        else:
            (factors if is_factor else divisors).append(part)
    return Monomial(number, tuple(factors), tuple(divisors))


def heads(term: Node) -> frozenset[str]:
    """The ops of the factors of a term that are no numbers and no inputs; those of its divisors behind a `/`, which
    stands alone for the quotient itself."""
    found: set[str] = set()
    parts = [(term, "")]
    for part, role in parts:
        if part.op in PRODUCTS and len(parts) > MOST_PARTS:
            continue
        if part.op == "div":
            found.add("/")
            parts += ((part.args[0], role), (part.args[1], "" if role else "/"))
        elif part.op in PRODUCTS:
            parts += [(arg, role) for arg in part.args]
        elif part.row.kind != "source":
            found.add(role + part.op)
    return frozenset(found)


def multiplied(nodes: tuple[Node, ...]) -> Node | None:
    result = None
    for node in nodes:
        result = node if result is None else make("mul", result, node)
    return result
