"""Strips: loops over rows with loops inside, whose iterations are done side by side all the same.

A statement of the body is done for all rows at once, with a row in each lane, or row by row, with the values of the
rows in memory. Where the loops inside are short, the former is best for all but those that add to elements which rows
share, such as the gradient of a matrix that all of them are multiplied by. Where they are long, it is best for what is
between them, if that is dear.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from gradc.elementary.functions import FUNCTIONS
from gradc.ir.affine import Affine
from gradc.ir.sizes import Size, names
from gradc.language.record import dataclass
from gradc.loops.ir import (
    Accumulator,
    Apply,
    Cell,
    Close,
    Combine,
    CombineExactly,
    For,
    Guard,
    Let,
    Load,
    Open,
    Place,
    Statement,
    Store,
    Update,
    every,
    read_by,
)
from gradc.native.blocks import in_one_block
from gradc.native.vectors import SHORT, is_dear, reduced_by


@dataclass(frozen=True)
class Strip:
    """A loop whose iterations are done side by side although there are loops in each."""

    body: list[Statement]
    """What an iteration does."""
    spans: tuple[tuple[Size, Size], ...]
    """From where to where loops go that have to be short."""
    private: tuple[str, ...]
    """Scratch that every iteration writes for itself."""
    by_row: frozenset[Statement]
    """The statements of the body that are done row by row."""
    packed: tuple[tuple[Load, For], ...] = ()
    """Elements of each row that loops inside read again and again, and the innermost loop whose variable moves them."""

    def sections(self) -> list[tuple[bool, list[Statement]]]:
        """The statements of the body in order, as far as they go together: whether row by row, and which."""
        found: list[tuple[bool, list[Statement]]] = []
        for statement in self.body:
            is_by_row = statement in self.by_row
            if not found or found[-1][0] != is_by_row:
                found.append((is_by_row, []))
            found[-1][1].append(statement)
        return found


def strips_of(loop: For, blocks: Collection[str] = ()) -> list[Strip]:
    """The ways to do a loop as a strip, the best first: each has conditions of its own, and does what is left. `blocks`
    are the names of the lengths of blocks, which are not short."""
    if loop.order == "sequential" or loop.step != 1 or not any(isinstance(s, For) for s in loop.body):
        return []
    return [strip for strip in (_of_short_loops(loop, blocks), _of_values(loop)) if strip is not None]


def _of_short_loops(loop: For, blocks: Collection[str]) -> Strip | None:
    """A strip whose loops are short; None where that may not be, or does not pay."""
    loop = replace(loop, body=in_one_block(loop.body, blocks))
    by_row = frozenset(s for s in loop.body if isinstance(s, For) and _is_row_of_terms(s, loop.variable))
    body = [statement for statement in loop.body if statement not in by_row]
    if not any(isinstance(statement, For) for statement in body) or not _stay_apart(loop.body):
        return None
    whole, inside = list(every(loop.body)), list(every(body))
    if not all(isinstance(s, STRIPPED) for s in inside):
        return None
    spans = _spans([s for s in inside if isinstance(s, For)], loop.variable)
    if spans is None or not (_are_short(spans) or _pays(loop, inside)):
        return None
    if {*names(loop.stop)} & {name for _, stop in spans for name in names(stop)}:
        return None  # as many rows as there are iterations in each: few
    own = {s.cell for s in inside if isinstance(s, Open)}
    directly = set(reduced_by(loop))
    into = {s.target.array for s in whole if isinstance(s, Combine) and isinstance(s.target, Load)}
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
    if not all(_are_apart(s, ()) for s in body):
        return None
    stores = [s for s in whole if isinstance(s, Store)]
    private = dict.fromkeys(s.array for s in stores if not _moves(s.index, loop.variable))
    if any(_moves(s.index, loop.variable) or s.condition is not None for s in stores if s.array in private):
        return None
    if into & private.keys():
        return None
    stored = {s.array for s in stores} | into
    packed = {load: inner for load, inner in _read_again(body, loop.variable) if load.array not in stored}
    return Strip(loop.body, spans, tuple(private), by_row, tuple(packed.items()))


def _read_again(body: list[Statement], variable: str) -> Iterator[tuple[Load, For]]:
    """Elements along the last axis of rows of arrays that are read within a loop that does not move them."""
    stack: list[tuple[Statement, tuple[For, ...]]] = [(statement, ()) for statement in body]
    while stack:
        statement, around = stack.pop()
        if isinstance(statement, For):
            stack += [(inner, (*around, statement)) for inner in statement.body]
            continue
        for load in read_by(statement):
            if not isinstance(load, Load):
                continue
            *rows, last = (at if isinstance(at, Affine) else None for at in load.index)
            if last is None or not all(at is not None and at.var in (variable, None) for at in rows):
                continue
            inner = next((loop for loop in around if loop.variable == last.var), None)
            if inner is None or not _moves(load.index[:-1], variable) or not _begins_at_zero(inner, around):
                continue
            if any(loop is not inner and loop.variable != inner.start for loop in around):
                yield load, inner


def _begins_at_zero(loop: For, around: tuple[For, ...]) -> bool:
    return loop.step == 1 and (loop.start == 0 or any(o.variable == loop.start and o.start == 0 for o in around))


def _of_values(loop: For) -> Strip | None:
    """A strip whose loops are done row by row, whatever they are; None where that may not be, or where what is dear is
    not between them."""
    if not all(isinstance(s, (Let, Store, Combine, Guard, Open, Close, For)) for s in loop.body):
        return None
    inner: list[Statement] = [s for s in loop.body if isinstance(s, For)]
    fed = {cell for s in every(inner) for cell in changed_by(s)}
    by_row = frozenset(s for s in loop.body if isinstance(s, For) or fed.intersection(changed_by(s)))
    values = [s for s in loop.body if s not in by_row]
    if not _calls_functions(values) or _calls_functions(every(inner)):
        return None
    if not _stay_apart(loop.body) or any(isinstance(s, Combine) and isinstance(s.target, Load) for s in values):
        return None
    strip = Strip(loop.body, (), (), by_row)
    stored = [
        {s.array for s in every(section) if isinstance(s, Store) and not _moves(s.index, loop.variable)}
        for _, section in strip.sections()
    ]
    for (is_by_row, section), scratch in zip(strip.sections(), stored):
        read = {value.array for s in every(section) for value in read_by(s) if isinstance(value, Load)}
        others = set().union(*(other for other in stored if other is not scratch))
        if others & (read | scratch) or (scratch and not is_by_row):
            return None
    return strip


def _calls_functions(body: Iterable[Statement]) -> bool:
    return any(isinstance(s, Let) and isinstance(s.value, Apply) and s.value.op in FUNCTIONS for s in body)


def changed_by(statement: Statement) -> list[Cell]:
    """The cells that a statement changes or begins."""
    match statement:
        case Open():
            return [statement.cell]
        case Close(total=total, error=error) | CombineExactly(total=total, error=error):
            return [cell for cell in (total, error) if isinstance(cell, Accumulator)]
        case Combine(target=Accumulator() as total):
            return [total]
        case Update():
            return list(statement.carries)
    return []


def _stay_apart(body: list[Statement]) -> bool:
    """Whether no two statements add to the same array, or total from outside: rows would do so in another order."""
    inside = list(every(body))
    own = {s.cell for s in inside if isinstance(s, Open)}
    into = [s.target for s in inside if isinstance(s, Combine) and s.target not in own]
    into += [s.total for s in inside if isinstance(s, CombineExactly) and s.total not in own]
    targets = [target.array if isinstance(target, Load) else target for target in into]
    return len(set(targets)) == len(targets)


def _is_row_of_terms(loop: For, variable: str) -> bool:
    """Whether a loop does nothing but add terms to elements that rows share, from elements that lie side by side in a
    row: lanes along the row load those at once."""
    inside = list(every(loop.body))
    inner = {loop.variable, *(s.variable for s in inside if isinstance(s, For))}
    if not all(isinstance(s, (Let, For, Combine)) for s in inside):
        return False
    targets = [s.target for s in inside if isinstance(s, Combine)]
    if not all(isinstance(target, Load) and not _moves(target.index, variable) for target in targets):
        return False
    read = [value for s in inside for value in read_by(s) if isinstance(value, Load)]
    return any(
        _moves(value.index[:-1], variable) and isinstance(value.index[-1], Affine) and value.index[-1].var in inner
        for value in read
    )


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
