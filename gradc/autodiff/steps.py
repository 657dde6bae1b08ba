"""Derivatives of loops, which are loops again.

Forward mode carries the tangents of the states along with them. Reverse mode goes the other way: the loop emits what
its steps are differentiated at, and a second loop, from the last step to the first, carries the cotangents of the
states, adds up those of what all steps read, and emits those of the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import replace

from gradc.autodiff.masked import Masked, direction, plus
from gradc.ir.graph import Node, constant, dependent, make, topological
from gradc.ir.graph import replace as replaced
from gradc.ir.step import KEPT_FROM, LoopStep, StepBuilder, loop

Tangents = Callable[[tuple[Node, ...], Mapping[Node, Node]], list[Node]]
Swept = Callable[[Sequence[Node], Container[Node], dict[Node, Masked]], dict[Node, Masked]]


def moving(step: LoopStep, inputs: Iterable[Node]) -> set[Node]:
    """The inputs of a step that move, from the first step to the last, if these do in the first."""
    order = topological(step.results)
    found = set(inputs)
    while True:
        reached = dependent(order, found)
        more = {state for state, new in zip(step.states, step.next) if new in reached and state.type.is_float} - found
        if not more:
            return found
        found |= more


# ---------------------------------------------------------------- forward mode


def pushed(node: Node, args: tuple[Node, ...], given: Sequence[Masked | None], tangents: Tangents) -> Masked | None:
    """The tangent of a result of a loop, given those of its arguments."""
    step, which = node.attrs
    dots = {inner: dot for inner, dot in zip(step.inputs, given) if dot is not None}
    active = moving(step, dots)
    result = step.results[which]
    if not node.type.is_float or result not in dependent(topological((result,)), active):
        return None
    builder = StepBuilder(step.size, step.backwards)
    builder.taken |= {inner.name for inner in step.inputs}
    seeds = {inner: builder.input(f"{inner.name}_dot", inner.type) for inner in step.inputs if inner in active}
    found = dict(zip(step.results, tangents(step.results, seeds)))

    def with_seeds(inputs: tuple[Node, ...]) -> tuple[Node, ...]:
        return inputs + tuple(seeds[inner] for inner in inputs if inner in seeds)

    made = LoopStep(
        with_seeds(step.states), with_seeds(step.rows), with_seeds(step.captured),
        step.next + tuple(found[new] for state, new in zip(step.states, step.next) if state in seeds),
        step.emitted + tuple(found[each] for each in step.emitted), step.size, step.backwards,
    )  # fmt: skip
    arguments: list[Node] = []
    for inputs, own in zip((step.states, step.rows, step.captured), step.split(args)):
        arguments += own
        for inner, arg in zip(inputs, own):
            if inner in seeds:
                arguments.append(dots[inner].node if inner in dots else constant(0.0, arg.type))
    if which < len(step.states):
        place = len(step.states) + [state for state in step.states if state in seeds].index(step.states[which])
    else:
        place = len(made.states) + len(step.emitted) + which - len(step.states)
    return direction(loop(made, tuple(arguments), place))


# ---------------------------------------------------------------- reverse mode


def pulled(
    step: LoopStep, args: tuple[Node, ...], bars: Mapping[int, Masked], reached: Container[Node], swept: Swept
) -> dict[Node, Masked]:
    """What the cotangents of the results of a loop, by number, contribute to those of its arguments."""
    wanted = [inner for inner, arg in zip(step.inputs, args) if arg in reached and arg.type.is_float]
    active = moving(step, wanted)
    emitted = {place - len(step.states): bar for place, bar in bars.items() if place >= len(step.states)}
    used = _used(step, {place for place in bars if place < len(step.states)}, emitted)
    carried = [place for place, state in enumerate(step.states) if place in used and state in active]

    builder = StepBuilder(step.size, not step.backwards)
    builder.taken |= {inner.name for inner in step.inputs}
    arriving = Masked if _is_tame(step) else direction
    given: dict[Node, Masked] = {}
    for place in carried:
        state = step.states[place]
        start = bars[place].node if place in bars else constant(0.0, state.type)
        _add(given, step.next[place], arriving(builder.state(f"{state.name}_bar", start)))
    for place, bar in emitted.items():
        _add(given, step.emitted[place], arriving(builder.row("row_bar", bar.node)))
    own = {bar.value for bar in given.values()} | {*builder.states, *builder.rows.values()}
    order = topological(given)
    found = swept(order, dependent(order, active), given)

    nodes = [found[step.states[place]].node if step.states[place] in found else None for place in carried]
    builder.next = [constant(0.0, step.states[k].type) if new is None else new for k, new in zip(carried, nodes)]
    starts, rows, captured = step.split(args)
    totals: dict[Node, int] = {}
    for inner in step.captured:
        if inner in wanted and inner in found:
            total = builder.state(f"{inner.name}_bar", constant(0.0, inner.type))
            own.add(total)
            totals[inner] = len(builder.states) - 1
            builder.next.append(make("add", total, found[inner].node))
    emits = {inner: found[inner].node for inner in step.rows if inner in wanted and inner in found}
    results = _with_residuals(step, args, builder, own, [*builder.next, *emits.values()])
    count = len(builder.next)
    builder.next = results[:count]
    places = [builder.emit(node) for node in results[count:]]
    made, arguments = builder.build()

    contributed: dict[Node, Masked] = {}
    for inner, arg in zip(step.states, starts):
        if inner in wanted and (place := step.states.index(inner)) in carried:
            _add(contributed, arg, direction(loop(made, arguments, carried.index(place))))
    for inner, arg in zip(step.captured, captured):
        if inner in totals:
            _add(contributed, arg, direction(loop(made, arguments, totals[inner])))
    for place, inner in zip(places, emits):
        arg = rows[step.rows.index(inner)]
        _add(contributed, arg, direction(loop(made, arguments, len(made.states) + place)))
    return contributed


def _is_tame(step: LoopStep) -> bool:
    """Whether a cotangent of zero stays zero whatever the step's values are."""
    rows = (node.row for node in topological(step.results) if node.args and node.type.is_float)
    return all(row.tame or row.polynomial or row.kind not in ("elementwise", "loop") for row in rows)


def _add(bars: dict[Node, Masked], node: Node, bar: Masked) -> None:
    bars[node] = plus(bars[node], bar) if node in bars else bar


def _used(step: LoopStep, last: set[int], emitted: Container[int]) -> set[int]:
    """The states on which these last states, and what is emitted, depend, by number."""
    found = set(last)
    roots = [node for place, node in enumerate(step.emitted) if place in emitted]  # type: ignore[operator]
    while True:
        below = set(topological([*roots, *(step.next[place] for place in found)]))
        more = {place for place, state in enumerate(step.states) if state in below} - found
        if not more:
            return found
        found |= more


def _with_residuals(
    step: LoopStep, args: tuple[Node, ...], builder: StepBuilder, own: set[Node], results: list[Node]
) -> list[Node]:
    """Results of the step back in terms of its own inputs: what they need of the step ahead is a row that that emits,
    or is computed again where that is cheap."""
    order = topological(results)
    backward = dependent(order, own)
    ahead = dependent(order, step.states)
    needed = [arg for node in order if node in backward for arg in node.args if arg not in backward]
    needed += [node for node in results if node not in backward]
    kept = _kept(dict.fromkeys(needed), ahead)
    extended = replace(step, emitted=tuple(dict.fromkeys((*step.emitted, *kept))))
    new: dict[Node, Node] = {}
    for node in kept:
        place = len(step.states) + extended.emitted.index(node)
        new[node] = builder.row(node.name if node.op == "input" else "kept", loop(extended, args, place))
    _, rows, captured = step.split(args)
    below = set(topological(replaced(results, new)))
    for inner, array in zip(step.rows, rows):
        if inner in below:
            new[inner] = builder.row(inner.name, array)
    for inner, arg in zip(step.captured, captured):
        if inner in below:
            new[inner] = builder.capture(inner.name, arg)
    return list(replaced(results, new))


def _kept(needed: Iterable[Node], ahead: set[Node]) -> list[Node]:
    """The values that a step emits: states, and what is dear to compute again."""
    kept: dict[Node, None] = {}
    stack = list(needed)
    stack.reverse()
    done: set[Node] = set()
    while stack:
        node = stack.pop()
        if node in done or node not in ahead:
            continue
        done.add(node)
        is_dear = node.row.cost >= KEPT_FROM or node.row.kind in ("contraction", "reduction", "scan", "loop")
        if node.op == "input" or is_dear:
            kept.setdefault(node)
        else:
            stack += reversed(node.args)
    return list(kept)
