"""Loops that change nothing any more once a condition holds, so that they may end before their last step.

The condition is a state or a row of the step, true or false. Where it is true, all states stay what they are: that is
seen by following the step's values with the condition put in.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from gradc.ir.graph import Node, topological
from gradc.ir.step import LoopStep, loops_among


@dataclass(frozen=True)
class ElementsOf:
    """Some elements of a small array: one of them as a number, or all of them in their places among zeros."""

    of: Node
    places: frozenset[tuple[int, ...]]
    in_place: bool = False


Known = Node | bool | float | ElementsOf
"""What a node is once the condition holds: another node's value, a number, or elements of another node."""

Loop = tuple[LoopStep, tuple[Node, ...]]


def condition_of(step: LoopStep) -> Node | None:
    """The state or the row after which nothing changes, if there is one."""
    for node in (*step.states, *step.rows):
        if node.type.dtype == "bool" and not node.shape and _holds_all(step, node):
            return node
    return None


def _holds_all(step: LoopStep, condition: Node) -> bool:
    known: dict[Node, Known] = {condition: True}
    for node in topological(step.next):
        if node not in known:
            known[node] = _known(node, known)
    wanted = {state: True if state is condition else state for state in step.states}
    return all(known[new] is wanted[state] for state, new in zip(step.states, step.next))


def _known(node: Node, known: Mapping[Node, Known]) -> Known:
    if node.op == "loop":
        return _of_loop(node, known)
    if node.op == "const":
        value = node.value
        return value if isinstance(value, bool) else 0.0 if value == 0 else node
    args = [known[arg] for arg in node.args]
    row = node.row
    if 0 < row.conditions < len(args) and isinstance(args[0], bool):
        return (args[1:] if args[0] else [*args[2:], 0.0])[0]
    match node.op, args:
        case "or", _ if any(arg is True for arg in args):
            return True
        case "and", _ if any(arg is False for arg in args):
            return False
        case "not", [bool() as condition]:
            return not condition
    if _gives_nothing(node, args):
        return 0.0
    if node.op == "add":
        return _sum(node, args[0], args[1])
    return _moved(node, args) if row.kind == "movement" else node


def _of_loop(node: Node, known: Mapping[Node, Known]) -> Known:
    """A result of a loop in the step: one whose condition holds from the beginning changes nothing."""
    step, which = node.attrs
    condition = condition_of(step)
    if condition is None or known[node.args[step.inputs.index(condition)]] is not True:
        return node
    return known[node.args[which]] if which < len(step.states) else step.results[which] is condition or node


def _gives_nothing(node: Node, args: Sequence[Known]) -> bool:
    """Whether an op is linear in arguments that are zero. Such a zero stands for a cotangent that is absent."""
    return node.row.gives_nothing([_is_nothing(arg) for arg in args])


def _sum(node: Node, one: Known, other: Known) -> Known:
    if _is_nothing(one) or _is_nothing(other):
        return other if _is_nothing(one) else one
    if isinstance(one, ElementsOf) and isinstance(other, ElementsOf) and one.of is other.of:
        if one.in_place and other.in_place:
            return _whole(replace(one, places=one.places | other.places))
    return node


def _moved(node: Node, args: Sequence[Known]) -> Known:
    first = args[0]
    if node.op == "slice" and isinstance(first, Node):
        if all(size == 1 for _, size, _ in node.attrs[0]):
            return ElementsOf(first, frozenset([tuple(start for start, _, _ in node.attrs[0])]))
        return node
    if node.op == "pad":
        if isinstance(first, ElementsOf) and not first.in_place and node.shape == first.of.shape:
            if first.places == {tuple(start for start, _, _ in node.attrs[0])}:
                return _whole(replace(first, in_place=True))
        return node
    if isinstance(first, bool) and all(arg is first for arg in args):
        return first
    is_one = len(args) == 1 and set(node.shape) <= {1}
    return first if isinstance(first, ElementsOf) and not first.in_place and is_one else node


def _whole(part: ElementsOf) -> Known:
    """The array itself, once all of its elements are there."""
    sizes = [size for size in part.of.shape if isinstance(size, int)]
    return part.of if len(sizes) == part.of.type.rank and len(part.places) == math.prod(sizes) else part


def _is_nothing(value: Known) -> bool:
    return isinstance(value, float) and value == 0.0


def ended(results: Iterable[Node]) -> dict[Loop, Node | None]:
    """The loops that may end early, each with the array that holds the condition of every step, where there is one: a
    loop goes on where another has ended if it reads that array. What the steps emit has no rows after the end, so
    only such loops may read it."""
    results = tuple(results)
    order = topological(results)
    found: dict[Loop, Node | None] = {}
    conditions: dict[Loop, Node] = {}
    loops = loops_among(order)
    for key, nodes in loops.items():
        condition = condition_of(key[0])
        if condition is None:
            continue
        conditions[key] = condition
        if condition in key[0].rows:
            found[key] = key[1][key[0].inputs.index(condition)]
        elif not key[0].rows and not key[0].backwards:
            found[key] = next((node for node in nodes if key[0].results[node.attrs[1]] is condition), None)
    readers: dict[Node, set[Loop | None]] = {node: {None} for node in results}
    for node in order:
        for arg in node.args:
            readers.setdefault(arg, set()).add((node.attrs[0], node.args) if node.op == "loop" else None)
    while True:
        wrong = [key for key in found if not _may_end(key, loops[key], found, readers, conditions)]
        if not wrong:
            return found
        for key in wrong:
            del found[key]


def _may_end(
    key: Loop, nodes: list[Node], found: Mapping[Loop, Node | None], readers: Mapping[Node, set[Loop | None]],
    conditions: Mapping[Loop, Node],
) -> bool:  # fmt: skip
    step, array = key[0], found[key]
    if array is not None and conditions[key] in step.rows:
        if array.op != "loop" or found.get((array.attrs[0], array.args)) is not array:
            return False
    emitted = [node for node in nodes if node.attrs[1] >= len(step.states)]
    among = {reader for node in emitted for reader in readers.get(node, ())}
    return all(reader is not None and array is not None and found.get(reader) is array for reader in among)
