"""Which loops take several lanes: the innermost ones whose iterations may be done side by side."""

from __future__ import annotations

from collections.abc import Iterable, Set
from functools import partial
from math import copysign

from gradc.ir.affine import Affine
from gradc.ir.ops import OPS
from gradc.language.record import dataclass
from gradc.loops.ir import (
    Accumulator,
    Apply,
    Carry,
    Combine,
    CombineExactly,
    Expression,
    For,
    Guard,
    Let,
    Load,
    Number,
    Open,
    Place,
    Statement,
    Store,
    Update,
    computed,
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
    """Whether it does little but add terms: then all lanes of its sums fit into registers."""
    stores: bool
    """Whether it is all stores, each along the last axis of an array, and no sums."""


def plan_of(loop: For) -> Plan | str:
    """How to do a loop, or why only one iteration at a time."""
    if loop.order == "sequential" and not _is_window(loop):
        return "each iteration needs the one before"
    if loop.step != 1:
        return "it goes in steps"
    if isinstance(loop.start, int) and loop.stop == loop.start + 1:
        return "there is only one"
    for statement in loop.body:
        if isinstance(statement, For):
            return "there is a loop in it"
        if not isinstance(statement, (Let, Store, Combine, CombineExactly, Guard, Update)):
            return "it makes arrays or sizes"
        if isinstance(statement, CombineExactly) and isinstance(statement.total, Accumulator):
            return "its terms come in order"
    sums = reduced_by(loop)
    along = partial(_is_along, variable=loop.variable)
    stores = [s for s in loop.body if not isinstance(s, Let)]
    return Plan(
        loop.variable,
        sums,
        0 < len(sums) <= 2 and all(map(_is_term, loop.body)) and _work(loop.body, along) <= LIGHT,
        not sums
        and bool(stores)
        and all(isinstance(s, Store) and s.condition is None and along(s.index) for s in stores),
    )


def _is_term(statement: Statement) -> bool:
    return isinstance(statement, Let) or (isinstance(statement, Combine) and isinstance(statement.target, Accumulator))


def _is_window(loop: For) -> bool:
    """Whether iterations are linked by carries alone, whose new values need none of the old ones."""
    along = partial(_is_along, variable=loop.variable)
    stored = [s.array for s in loop.body if isinstance(s, Store)]
    for statement in loop.body:
        match statement:
            case Let() | Update() | Combine(target=Accumulator()):
                pass
            case Store(condition=None) if along(statement.index):
                pass
            case _:
                return False
    read = [value for s in loop.body for value in read_by(s)]
    if len(set(stored)) < len(stored) or any(isinstance(value, Load) and value.array in stored for value in read):
        return False
    if any(value in reduced_by(loop) for value in read if isinstance(value, Accumulator)):
        return False
    last = loop.body[-1]
    if not isinstance(last, Update) or sum(isinstance(s, Update) for s in loop.body) > 1:
        return False
    return not any(isinstance(value, Carry) for value in needed_by(last))


def needed_by(update: Update) -> list[Expression]:
    """What the new values of carries are made of."""
    found = list(update.values)
    for value in found:  # which grows
        match value:
            case Let():
                found.append(value.value)
            case Apply():
                found += [arg for arg in value.args if arg not in found]
            case Load():
                found += [at for at in computed(value.index) if at not in found]
    return found


def reduced_by(loop: For) -> tuple[Accumulator, ...]:
    """What the iterations of a loop combine terms into, in its own body."""
    own = {s.cell for s in loop.body if isinstance(s, Open)}
    targets = [s.target for s in loop.body if isinstance(s, Combine) and isinstance(s.target, Accumulator)]
    return tuple(dict.fromkeys(target for target in targets if target not in own))


PAIRED_BELOW = 8
"""Doubles of a vector from which one is enough."""
SHORT = 16
"""Iterations of the loops inside a strip, at most."""


def is_dear(inside: list[Statement]) -> bool:
    """Whether something is computed that takes many instructions, or a long one."""
    return any(isinstance(s, Let) and isinstance(s.value, Apply) and OPS[s.value.op].cost > 1 for s in inside)


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
        return LIGHT + 1 if OPS[value.op].cost > 1 else 1
    if isinstance(value, Load):
        return 1 if along(value.index) or not any(isinstance(at, Let) or at.var for at in value.index) else LIGHT + 1
    return 0


def asked_by(loop: For, zeros: Set[str]) -> Let | None:
    """The condition without which a loop adds nothing but zeros to sums in these arrays, which began with zeros: such a
    sum is never -0.0, the only number that another zero would change."""
    if not all(isinstance(s, (Let, Combine)) for s in loop.body):
        return None
    conditions: list[Let] = []
    for statement in loop.body:
        if isinstance(statement, Combine):
            value, target = statement.value, statement.target
            chosen = value.value if isinstance(value, Let) else value
            if not isinstance(target, Load) or target.array not in zeros or statement.op != "sum":
                return None
            match chosen:
                case Apply(op="where", args=(Let() as condition, _, Number() as zero)) if _is_plus_zero(zero):
                    conditions.append(condition)
                case _:
                    return None
    is_one = len(set(conditions)) == 1 and conditions[0] not in loop.body
    return conditions[0] if is_one else None


def _is_plus_zero(number: Number) -> bool:
    return number.value == 0 and copysign(1, number.value) > 0


def weight(loop: For) -> int:
    """What an iteration costs, roughly in nanoseconds, without the loops in it."""
    weight = 1
    for statement in loop.body:
        applied = isinstance(statement, Let) and isinstance(statement.value, Apply)
        weight += 1 + (OPS[statement.value.op].cost if applied else 0)  # type: ignore[union-attr]
    return weight


def meeting(body: Iterable[Statement]) -> set[str]:
    """The arrays in which terms of several statements may meet: theirs are added iteration by iteration."""
    places: dict[str, set[Place]] = {}
    for statement in body:
        if isinstance(statement, Combine) and isinstance(statement.target, Load):
            places.setdefault(statement.target.array, set()).add(statement.target.index)
    return {array for array, found in places.items() if len(found) > 1}
