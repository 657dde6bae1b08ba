"""What statements of a loop cost, as formulas of sizes: rough, the same on every machine, and known before the loop."""

from __future__ import annotations

from collections.abc import Mapping

from gradc.ir.sizes import Derived, Size, derive
from gradc.ir.types import Type
from gradc.loops.ir import (
    Define,
    Extent,
    For,
    Let,
    Product,
    Range,
    Statement,
    View,
)
from gradc.loops.weights import MULTIPLICATIONS, PRODUCT, weight

UNKNOWN = 16
"""Iterations of a loop whose length is not known before."""


class Costs:
    """What statements cost, in additions of vectors."""

    def __init__(self, known: Mapping[str, Size | None], arrays: Mapping[str, Type]):
        self.known = known
        self.arrays = arrays

    def of(self, body: list[Statement], around: list[For]) -> Size:
        """The cost of carrying out statements once, inside of these loops."""
        inside = {s.name: s.value for loop in around for s in loop.body if isinstance(s, Define)}
        total: Size = 1
        for statement in body:
            total = derive("+", total, self._cost(statement, around, inside))
        return total

    def _cost(self, statement: Statement, around: list[For], inside: Mapping[str, Size | Extent | Let]) -> Size:
        match statement:
            case For():
                ends = statement.start, statement.stop
                is_down = isinstance(statement.step, int) and statement.step < 0
                start, stop = reversed(ends) if is_down else ends
                trips = self._length(start, stop, around, inside)
                step = 1 if is_down else self._bound(statement.step, inside)
                trips = derive("//", derive("+", trips, derive("-", step, 1)), step)
                return derive("*", trips, self.of(statement.body, [*around, statement]))
            case Product():
                many = self._multiplications(statement, around, inside)
                return derive("+", PRODUCT, derive("//", many, MULTIPLICATIONS))
        return weight(statement)

    def _multiplications(self, product: Product, around: list[For], inside: Mapping[str, Size | Extent | Let]) -> Size:
        """How many multiplications a product of matrices has."""
        terms = self._lengths(product.left, around, inside)
        found: Size = terms[0 if product.left.transposed else -1] if terms else 1
        for size in self._lengths(product.target, around, inside):
            found = derive("*", found, size)
        return found

    def _lengths(self, view: View, around: list[For], inside: Mapping[str, Size | Extent | Let]) -> list[Size]:
        """The sizes of a part of an array."""
        found: list[Size] = []
        for part, size in zip(view.parts, self.arrays[view.array].shape):
            if part is None:
                found.append(self._bound(size, inside))
            elif isinstance(part, Range):
                found.append(self._length(part.start, part.stop, around, inside))
        return found

    def _length(self, start: Size, stop: Size, around: list[For], inside: Mapping[str, Size | Extent | Let]) -> Size:
        """How far it is from one index to another, at most."""
        for depth, loop in enumerate(around):
            if start == loop.variable and not isinstance(loop.step, int):  # a block, or a tile
                whole = self._length(loop.start, loop.stop, around[:depth], inside)
                return derive("min", self._bound(loop.step, inside), whole)
        return self._bound(derive("-", stop, start), inside)

    def _bound(self, size: Size, inside: Mapping[str, Size | Extent | Let]) -> Size:
        """A size in terms of what is known outside of the loops."""
        found = self._in_known(size, inside)
        return UNKNOWN if found is None else found

    def _in_known(self, size: Size, inside: Mapping[str, Size | Extent | Let]) -> Size | None:
        if isinstance(size, int) or size in self.known:
            return size
        if isinstance(size, str):
            value = inside.get(size)
            return self._in_known(value, inside) if isinstance(value, (int, str, Derived)) else None
        left, right = self._in_known(size.left, inside), self._in_known(size.right, inside)
        if left is None or right is None:
            return (left if right is None else right) if size.op == "min" else None
        return derive(size.op, left, right)
