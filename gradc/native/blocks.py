"""Loops over the blocks of a sum, and what is left of them where all terms are in one block."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import replace

from gradc.ir.sizes import Derived
from gradc.loops.ir import Close, Combine, CombineExactly, For, Open, Statement, every


def inner_loop(loop: For) -> For | None:
    """The loop over the iterations of a block, in a loop over blocks."""
    stop = Derived("min", Derived("+", loop.variable, loop.step), loop.stop)
    begun = [s for s in loop.body if isinstance(s, For) and s.start == loop.variable]
    return begun[0] if len(begun) == 1 and begun[0].stop == stop and begun[0].step == 1 else None


def in_one_block(body: list[Statement], lengths: Collection[str]) -> list[Statement]:
    """The same where loops are no longer than blocks, whose lengths have these names. The first block is the sum: it is
    added to zero, which loses nothing, so that there is no rounding error to keep."""
    begun = {s.cell for s in body if isinstance(s, Open)}
    ended = Counter(s.error for s in every(body) if isinstance(s, CombineExactly))
    found: list[Statement] = []
    without: set[object] = set()
    """The rounding errors that are nothing."""
    for statement in body:
        if not isinstance(statement, For):
            found.append(statement)
            continue
        ends = [s for s in statement.body if isinstance(s, CombineExactly)]
        inner = inner_loop(statement) if statement.step in lengths else None
        is_alone = all(isinstance(s, Open | CombineExactly) or s is inner for s in statement.body)
        if (
            inner is None
            or not is_alone
            or not all({end.total, end.error} <= begun and ended[end.error] == 1 for end in ends)
        ):
            found.append(replace(statement, body=in_one_block(statement.body, lengths)))
            continue
        without |= {end.error for end in ends}
        whole = replace(inner, start=statement.start, stop=statement.stop, body=in_one_block(inner.body, lengths))
        found += [whole if s is inner else _added(s) for s in statement.body]
    return [_without_error(s, without) for s in found if not (isinstance(s, Open) and s.cell in without)]


def _added(statement: Statement) -> Statement:
    """What a block does, where it is the only one."""
    if not isinstance(statement, CombineExactly):
        return statement
    return Combine("sum", statement.total, statement.value)


def _without_error(statement: Statement, without: set[object]) -> Statement:
    return Close(statement.total) if isinstance(statement, Close) and statement.error in without else statement
