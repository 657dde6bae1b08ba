"""Affine indices: how the position in an array moves with a loop."""

from __future__ import annotations

from typing import NamedTuple

from gradc.ir.sizes import Size, derive


class Affine(NamedTuple):
    """The index `step * var + offset`; a `var` of None means the index is `offset`."""

    var: str | None
    step: int = 1
    offset: Size = 0

    def plus(self, offset: Size) -> Affine:
        return Affine(self.var, self.step, derive("+", self.offset, offset))

    def sliced(self, first: Size, step: int) -> Affine:
        """The index into an array of what has this index in a slice of it."""
        return Affine(self.var, self.step * step, derive("+", derive("*", self.offset, step), first))


FIRST = Affine(None, 0, 0)
