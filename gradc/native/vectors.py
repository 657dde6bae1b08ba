"""Which loops take several lanes: the innermost ones whose iterations may be done side by side."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from gradc.ir.affine import Affine
from gradc.ir.ops import OPS
from gradc.ir.sizes import Size, names
from gradc.language.record import dataclass
from gradc.loops.ir import (
    Accumulator,
    Apply,
    Carry,
    Close,
    Combine,
    CombineExactly,
    Expression,
    For,
    Guard,
    Let,
    Load,
    Open,
    Place,
    Statement,
    Store,
    Update,
    computed,
    every,
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


SHORT = 16
"""Iterations of the loops inside a strip, at most."""


@dataclass(frozen=True)
class Strip:
    """A loop whose iterations are done side by side although there are loops in each: as long as those are short."""

    spans: tuple[tuple[Size, Size], ...]
    """From where to where the loops in it go."""
    private: tuple[str, ...]
    """Scratch that every iteration writes for itself."""


def strip_of(loop: For) -> Strip | None:
    """How to do a loop as a strip; None where that may not be, or does not pay."""
    if loop.order == "sequential" or loop.step != 1 or not any(isinstance(s, For) for s in loop.body):
        return None
    inside = list(every(loop.body))
    if not all(isinstance(s, STRIPPED) for s in inside):
        return None
    spans = _spans([s for s in inside if isinstance(s, For)], loop.variable)
    if spans is None or not (_are_short(spans) or _pays(loop, inside)):
        return None
    own = {s.cell for s in inside if isinstance(s, Open)}
    directly = set(reduced_by(loop))
    into: list[str] = []
    for statement in inside:
        match statement:
            case Combine(target=Accumulator() as total) if total not in own and (
                total not in directly or statement not in loop.body
            ):
                return None
            case CombineExactly(total=Accumulator() as total) if total not in own:
                return None
            case CombineExactly(total=Load() as element) if not _moves(element.index, loop.variable):
                return None
            case Combine(target=Load() as element):
                into.append(element.array)
    if len(set(into)) < len(into) or not all(_are_apart(s, ()) for s in loop.body):
        return None
    stores = [s for s in inside if isinstance(s, Store)]
    private = dict.fromkeys(s.array for s in stores if not _moves(s.index, loop.variable))
    if any(_moves(s.index, loop.variable) or s.condition is not None for s in stores if s.array in private):
        return None
    if set(into) & private.keys():
        return None
    return Strip(spans, tuple(private))


def _pays(loop: For, inside: list[Statement]) -> bool:
    """Whether loops inside add up terms, which lanes along them would have to join, or something dear is computed."""
    loops = [loop, *(s for s in inside if isinstance(s, For))]
    return any(is_dear(each.body) for each in loops) or any(reduced_by(each) for each in loops[1:])


STRIPPED = (Let, Store, Combine, CombineExactly, Guard, Open, Close, Update, For)
"""What a strip may have in it."""


def _spans(loops: list[For], variable: str) -> tuple[tuple[Size, Size], ...] | None:
    """From where to where loops go, known before they begin; a loop over a block is no longer than that over blocks."""
    varying = {variable, *(loop.variable for loop in loops)}
    spans = []
    for loop in loops:
        if not varying & {name for size in (loop.start, loop.stop, loop.step) for name in names(size)}:
            spans.append((loop.start, loop.stop) if loop.step != -1 else (loop.stop, loop.start))
        elif loop.start == variable or loop.start not in varying:
            return None
    return tuple(spans)


def _are_short(spans: tuple[tuple[Size, Size], ...]) -> bool:
    """Whether loops are known to be short."""
    return all(isinstance(start, int) and isinstance(stop, int) and stop - start <= SHORT for start, stop in spans)


def _are_apart(statement: Statement, around: tuple[str, ...]) -> bool:
    """Whether the loops `around` it, those inside the strip, never add to one element twice."""
    match statement:
        case For():
            begins = {inner.start for inner in statement.body if isinstance(inner, For)}
            around = around if statement.variable in begins else (*around, statement.variable)
            return all(_are_apart(inner, around) for inner in statement.body)
        case Combine(target=Load() as element) | CombineExactly(total=Load() as element):
            return set(around) <= {at.var for at in element.index if isinstance(at, Affine)}
    return True


def _moves(place: Place, variable: str) -> bool:
    return any(isinstance(at, Let) or at.var == variable for at in place)


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
