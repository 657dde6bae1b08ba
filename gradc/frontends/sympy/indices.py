"""Indices of sums and of indexed arrays, as far as a program fixes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy

from gradc.frontends.sympy.walk import PartList

MAX_INDEX = 200
"""The most parts of an index that is looked at."""


@dataclass(frozen=True)
class Linear:
    """A whole number plus multiples of symbols, each by its place among the parts."""

    constant: int
    terms: tuple[tuple[int, int], ...] = ()
    """Pairs of a symbol and its factor, ascending; no factor is zero."""

    def plus(self, other: Linear, factor: int = 1) -> Linear:
        terms = dict(self.terms)
        for symbol, count in other.terms:
            terms[symbol] = terms.get(symbol, 0) + factor * count
        kept = tuple(sorted((symbol, count) for symbol, count in terms.items() if count))
        return Linear(self.constant + factor * other.constant, kept)

    def times(self, factor: int) -> Linear:
        return Linear(0).plus(self, factor)

    def replace(self, symbol: int, by: Linear) -> Linear:
        factor = dict(self.terms).get(symbol, 0)
        return self.plus(Linear(0, ((symbol, 1),)), -factor).plus(by, factor)

    def text(self, names: Mapping[int, str]) -> str:
        """As it is written where sizes stand: `n - 1`."""
        written = ""
        for symbol, count in self.terms:
            sign = "-" if count < 0 else "+"
            size = names[symbol] if abs(count) == 1 else f"{abs(count)}*{names[symbol]}"
            written += f" {sign} {size}" if written else size if count > 0 else f"-{size}"
        if not written:
            return str(self.constant)
        return written + (f" {'-' if self.constant < 0 else '+'} {abs(self.constant)}" if self.constant else "")


@dataclass(frozen=True)
class Axis:
    """An index of a sum that runs along an axis: `place` counts from the last one, which is 0."""

    place: int
    first: Linear
    last: Linear

    @property
    def count(self) -> Linear:
        return self.last.plus(self.first, -1).plus(Linear(1))


Binding = int | Axis
Scope = tuple[tuple[int, Binding], ...]
"""What the indices in reach stand for, by their symbols' places: a number, or an axis."""


def linear(parts: PartList, place: int, scope: Mapping[int, Binding]) -> Linear | None:
    """An index in terms of symbols, those that stand for numbers replaced; None for any other expression."""
    found: dict[int, Linear] = {}
    reached, stack = {place}, [place]
    while stack:
        cls, args, _ = parts[stack.pop()]
        for arg in args if cls in (sympy.Add, sympy.Mul) else ():
            if arg not in reached:
                reached.add(arg)
                stack.append(arg)
        if len(reached) > MAX_INDEX:
            return None
    for at in sorted(reached):
        cls, args, expr = parts[at]
        bound = scope.get(at)
        if isinstance(bound, int):
            found[at] = Linear(bound)
        elif issubclass(cls, sympy.Integer):
            if abs(expr.p) >= 2**53:
                return None
            found[at] = Linear(int(expr.p))
        elif cls in (sympy.Symbol, sympy.Dummy, sympy.Idx):
            found[at] = Linear(0, ((at, 1),))
        elif cls is sympy.Add and all(arg in found for arg in args):
            total = Linear(0)
            for arg in args:
                total = total.plus(found[arg])
            found[at] = total
        elif cls is sympy.Mul and all(arg in found for arg in args):
            product = Linear(1)
            for arg in args:
                one, other = sorted((product, found[arg]), key=lambda side: len(side.terms))
                if one.terms:
                    return None
                product = other.times(one.constant)
            found[at] = product
    return found.get(place)
