"""Which loops take several lanes: the innermost ones whose iterations may be done side by side."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from gradc.elementary.functions import FUNCTIONS
from gradc.ir.affine import Affine
from gradc.loops.ir import (
    Accumulator,
    Apply,
    Combine,
    CombineExactly,
    Expression,
    For,
    Guard,
    Let,
    Load,
    Place,
    Statement,
    Store,
    read_by,
)

LIGHT = 10
"""Operations of an iteration up to which sums stay in registers, all their lanes at once."""


@dataclass(frozen=True)
class Plan:
    """A loop whose iterations are done side by side. `sums` are what its terms are combined into."""

    variable: str
    sums: tuple[Accumulator, ...]
    is_light: bool
    stores: bool
    """Whether it is all stores, each along the last axis of an array, and no sums."""


def plan_of(loop: For) -> Plan | str:
    """How to do a loop, or why only one iteration at a time."""
    if loop.order == "sequential":
        return "each iteration needs the one before"
    if loop.step != 1:
        return "it goes in steps"
    for statement in loop.body:
        if isinstance(statement, For):
            return "there is a loop in it"
        if not isinstance(statement, (Let, Store, Combine, CombineExactly, Guard)):
            return "it makes arrays or sizes"
        if isinstance(statement, CombineExactly) and isinstance(statement.total, Accumulator):
            return "its terms come in order"
    sums = dict.fromkeys(s.target for s in loop.body if isinstance(s, Combine) and isinstance(s.target, Accumulator))
    along = partial(_is_along, variable=loop.variable)
    stores = [s for s in loop.body if not isinstance(s, Let)]
    return Plan(
        loop.variable,
        tuple(sums),
        len(sums) <= 2 and _work(loop.body, along) <= LIGHT,
        not sums
        and bool(stores)
        and all(isinstance(s, Store) and s.condition is None and along(s.index) for s in stores),
    )


def _is_along(place: Place, variable: str) -> bool:
    """Whether lanes lie side by side in memory, or all in one place."""
    moving = [k for k, at in enumerate(place) if isinstance(at, Affine) and at.var == variable]
    if any(isinstance(at, Let) for at in place):
        return False
    if not moving:
        return False
    last = place[-1]
    return moving == [len(place) - 1] and isinstance(last, Affine) and last.step == 1


def _work(body: list[Statement], along) -> int:
    total = 0
    for statement in body:
        if isinstance(statement, Let):
            total += _cost(statement.value, along)
        elif isinstance(statement, Combine):
            total += 1 if isinstance(statement.target, Accumulator) else 8
        else:
            total += 4
        for value in read_by(statement):
            if isinstance(value, Load) and value is not getattr(statement, "value", None):
                total += _cost(value, along)
    return total


def _cost(value: Expression, along) -> int:
    if isinstance(value, Apply):
        return LIGHT + 1 if value.op in FUNCTIONS or value.op in ("div", "sqrt", "mod", "floordiv") else 1
    if isinstance(value, Load):
        return 1 if along(value.index) or not any(isinstance(at, Let) or at.var for at in value.index) else LIGHT + 1
    return 0
