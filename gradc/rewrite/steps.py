"""Loops in graphs: their steps rewritten, loops of one length done together, and what nobody asks for left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from gradc.ir.graph import Node, topological
from gradc.ir.graph import replace as replaced
from gradc.ir.ops import bits
from gradc.ir.step import LoopStep, StepBuilder, loop, loops_among

LOOPS = bits(("loop",))


def has_loops(results: Iterable[Node]) -> bool:
    return any(node.ops & LOOPS for node in results)


def with_steps(results: Iterable[Node], change: Callable[[LoopStep], LoopStep]) -> list[Node]:
    """The results with every step changed."""
    results = tuple(results)
    new: dict[Node, Node] = {}
    for (step, args), nodes in loops_among(topological(results)).items():
        changed = change(step)
        inner = tuple(replaced(args, new))
        new.update({node: loop(changed, inner, node.attrs[1]) for node in nodes})
    return list(replaced(results, new))


# ---------------------------------------------------------------- loops that go together


@dataclass(eq=False)
class _Member:
    """A loop, and which of its results somebody asks for."""

    step: LoopStep
    args: tuple[Node, ...]
    nodes: list[Node]


@dataclass(eq=False)
class _Together:
    members: list[_Member] = field(default_factory=list)


def together(results: Iterable[Node]) -> list[Node]:
    """The results with independent loops of one length as one loop, in which equal states are one state, and of which
    only what is asked for is left."""
    results = tuple(results)
    order = topological(results)
    found = loops_among(order)
    level: dict[Node, int] = {}
    groups: dict[tuple, _Together] = {}
    for node in order:
        below = max([level[arg] for arg in node.args], default=0)
        level[node] = below + (node.op == "loop")
    for (step, args), nodes in found.items():
        key = (level[nodes[0]], step.size, step.backwards)
        groups.setdefault(key, _Together()).members.append(_Member(step, args, nodes))
    new: dict[Node, Node] = {}
    for key in sorted(groups, key=lambda key: key[0]):
        members = groups[key].members
        given = iter(list(replaced([arg for member in members for arg in member.args], new)))
        for member in members:
            member.args = tuple(next(given) for _ in member.args)
        new.update(_fused(members))
    return list(replaced(results, new))


def _fused(members: Sequence[_Member]) -> dict[Node, Node]:
    """One loop for several; what becomes of their results."""
    size, backwards = members[0].step.size, members[0].step.backwards
    builder = StepBuilder(size, backwards)
    states: list[Node] = []
    following: list[Node] = []
    wanted: list[tuple[Node, int | Node]] = []
    """Each result with the number of its state, or what is emitted."""
    starts: list[Node] = []
    for member in members:
        step = member.step
        own_starts, rows, captured = step.split(member.args)
        new: dict[Node, Node] = {}
        first = len(states)
        for state, start in zip(step.states, own_starts):
            new[state] = builder.input(state.name, state.type)
            states.append(new[state])
            starts.append(start)
        for row, array in zip(step.rows, rows):
            new[row] = builder.row(row.name, array)
        for value, arg in zip(step.captured, captured):
            new[value] = builder.capture(value.name, arg)
        made = list(replaced(step.results, new))
        following += made[: len(step.states)]
        for node in member.nodes:
            which = node.attrs[1]
            wanted.append((node, first + which if which < len(step.states) else made[which]))
    same = _equal_states(states, starts, following)
    one = _constant_states(builder, states, starts, following, same)
    outputs = list(replaced([*following, *(each for _, each in wanted if isinstance(each, Node))], one))
    following, emitted = outputs[: len(states)], iter(outputs[len(states) :])
    wanted = [(node, same[each] if isinstance(each, int) else next(emitted)) for node, each in wanted]
    answers = {node: starts[each] for node, each in wanted if isinstance(each, int) and one[states[each]] not in states}
    wanted = [(node, each) for node, each in wanted if node not in answers]

    needed = {each for _, each in wanted if isinstance(each, int)}
    number = {state: k for k, state in enumerate(states)}
    pending: list[Node] = [following[k] for k in needed] + [each for _, each in wanted if isinstance(each, Node)]
    below: set[Node] = set()
    while pending:
        below |= set(topological(pending))
        more = {number[node] for node in below if node in number} - needed
        pending = [following[k] for k in more]
        needed |= more
    kept = [k for k in range(len(states)) if k in needed]
    builder.states = [states[k] for k in kept]
    builder.starts = [starts[k] for k in kept]
    builder.next = [following[k] for k in kept]
    builder.rows = {array: row for array, row in builder.rows.items() if row in below}
    builder.captured = {arg: value for arg, value in builder.captured.items() if value in below}
    places = [kept.index(each) if isinstance(each, int) else len(kept) + builder.emit(each) for _, each in wanted]
    made_step, args = builder.build()
    return answers | {node: loop(made_step, args, place) for (node, _), place in zip(wanted, places)}


def _constant_states(
    builder: StepBuilder, states: Sequence[Node], starts: Sequence[Node], following: Sequence[Node],
    same: Sequence[int],
) -> dict[Node, Node]:  # fmt: skip
    """What stands for each state: the first one that is equal, or what all steps read of one that stays what it is."""
    one = {state: states[k] for state, k in zip(states, same)}
    for k, new in enumerate(replaced(following, one)):
        if new is states[k]:
            fixed = builder.capture(states[k].name, starts[k])
            one |= {state: fixed for state, first in one.items() if first is states[k]}
    return one


def _equal_states(states: Sequence[Node], starts: Sequence[Node], following: Sequence[Node]) -> list[int]:
    """For each state the number of the first that has the same value at every step: those that start alike, and whose
    new values are alike if they are."""
    same = _first_alike(starts)
    while True:
        one = {state: states[k] for state, k in zip(states, same)}
        finer = _first_alike(list(zip(same, replaced(following, one))))
        if finer == same:
            return same
        same = finer


def _first_alike(things: Sequence[object]) -> list[int]:
    first: dict[object, int] = {}
    return [first.setdefault(thing, k) for k, thing in enumerate(things)]
