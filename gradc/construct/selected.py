"""Elements that a condition selects, as in `x[x > 0]`: for reductions, and for elementwise functions on the way there.

How many they are is known only at the call, so that no array has their shape. They are the whole array and the
condition, and a reduction leaves out what the condition does not hold for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradc.construct.describe import describe
from gradc.ir.graph import Node, broadcast, make
from gradc.ir.sizes import product
from gradc.language.diagnostics import Error
from gradc.language.record import dataclass
from gradc.language.source import Span

HELP = "it is for reductions, as in `sum(x[x > 0])`; `where(x > 0, x, 0)` keeps the shape"


@dataclass(frozen=True)
class Selected:
    """The elements of an array where a condition over some of its axes, from `axis` on, holds. These axes are one."""

    values: Node
    condition: Node
    axis: int = 0

    @property
    def rank(self) -> int:
        return self.values.type.rank - self.condition.type.rank + 1

    @property
    def spread(self) -> Node:
        """The condition for every element."""
        dims = range(self.axis, self.axis + self.condition.type.rank)
        return broadcast(self.condition, self.values.shape, tuple(dims))

    def with_values(self, values: Node) -> Selected:
        return Selected(values, self.condition, self.axis)

    def along_one_axis(self) -> Selected:
        """The same with the axes of the condition joined to one."""
        rank, shape = self.condition.type.rank, self.values.shape
        if rank == 1:
            return self
        count = product(self.condition.shape)
        joined = (*shape[: self.axis], count, *shape[self.axis + rank :])
        condition = make("reshape", self.condition, attrs=((count,),))
        return Selected(make("reshape", self.values, attrs=(joined,)), condition, self.axis)


def no_selection(span: Span | None) -> Error:
    """The message where an array is wanted that has a shape."""
    return Error("G0204", "what a condition selects has a length that only the call knows", span, help=HELP)


def lifted(values: Sequence[Any], spans: Sequence[Span | None], apply: Callable[..., Any]) -> Selected:
    """An elementwise function of values of which some are selected, all by one condition; the others are numbers, or
    arrays along the axes behind those of the condition."""
    first = next(value for value in values if isinstance(value, Selected))
    behind = first.values.type.rank - first.axis - first.condition.type.rank
    for value, span in zip(values, spans):
        if isinstance(value, Selected) and (value.condition, value.axis) != (first.condition, first.axis):
            raise Error("G0203", "these elements are selected by another condition", span)
        if isinstance(value, Node) and value.type.rank > behind:
            raise Error(
                "G0203", "what a condition selects does not broadcast with a whole array", span,
                label=f"{describe(value)} is {value.type}", help="select from both, as in `x[c] * y[c]`",
            )  # fmt: skip
    return first.with_values(apply(*(value.values if isinstance(value, Selected) else value for value in values)))
