"""`fold`, `scan` and `iterate`: a function of the program done again and again, as a loop over a step.

The function is called once, with inputs that stand for the states and for the rows of the arrays. What it reads
besides is computed before the loop and captured.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count, repeat
from typing import Any

from gradc.construct.builder import GraphBuilder
from gradc.construct.calls import CallArguments
from gradc.construct.closures import Applicable, leaves_of, rebuilt_of, value_of
from gradc.construct.selected import Selected, no_selection
from gradc.construct.static import static_whole
from gradc.ir.graph import IndexCheck, Node, cast, constant, dependent, input_node, make, replaced, topological
from gradc.ir.sizes import Size
from gradc.ir.step import StepBuilder, loop
from gradc.ir.types import Type, promote
from gradc.language.diagnostics import Error
from gradc.language.source import Span
from gradc.language.syntax import names_in


def fold(call: CallArguments) -> Any:
    """The last states."""
    made = _over_rows(call)
    return _shaped(made.start, [made.last(k) for k in range(len(made.states))])


def scan(call: CallArguments) -> Any:
    """The states after each step, along a new first axis."""
    made = _over_rows(call)
    return _shaped(made.start, [made.all(k) for k in range(len(made.states))])


def iterate(call: CallArguments) -> Any:
    """The states after so many steps, or after the first with which a condition holds."""
    step = call.function("step")
    start = _value(call, call.given["start"], call.span("start"))
    if "until" in call.given:
        return _until(call, step, start)
    if "count" not in call.given:
        raise Error(
            "G0303", "`iterate` takes a number of steps, or a condition", call.site.span,
            help=f"write `iterate({step.name}, start, 100)` or `iterate({step.name}, start, until=done)`",
        )  # fmt: skip
    given = call.given["count"]
    if isinstance(given, Node) and given.op == "input" and given.type.is_float and not given.shape:
        raise Error(
            "G0204", f"the number of steps is whole, and `{_plain(given.name)}` is {given.type}", call.span("count"),
            help=f"declare it, as in `{_plain(given.name)}: i64; ...`",
        )  # fmt: skip
    steps = static_whole(call.builder, given, call.span("count"), "`count`", OF_STEPS, inputs=True)
    if isinstance(steps, int) and steps < 0:
        raise Error("G0204", "`count` must not be negative", call.span("count"), help=OF_STEPS)
    made = _repeated(call, step, start, [], steps, False)
    return _shaped(made.start, [made.last(k) for k in range(len(made.states))])


OF_STEPS = "write how many steps there are, such as 100, a size, as the n of `x: f64[n]`, or an input as in `n: i64`"

LIMIT = 10_000
"""After so many steps without its condition, an iteration ends with an error, unless it says otherwise."""


def _until(call: CallArguments, step: Applicable, start: Any) -> Any:
    """A loop of as many steps as the limit allows; once the condition holds, the states stay what they are."""
    builder, until = call.builder, call.function("until")
    if "count" in call.given:
        raise Error("G0303", "`iterate` takes a number of steps or a condition, not both", call.span("count"))
    limit = call.integer("limit") if "limit" in call.given else LIMIT
    sees_both = len(until.definition.parameters) > 1

    def holds(new: Any, old: Any) -> Node:
        found = until(new, old) if sees_both else until(new)
        if not isinstance(found, Node) or found.shape:
            shown = f"this is {found.type}" if isinstance(found, Node) else "this is a tuple"
            raise Error(
                "G0202", "the condition of an iteration is one number", until.body_span, label=shown,
                help="`all(...)` and `any(...)` make one condition of many",
            )  # fmt: skip
        return builder.condition(found)

    def ahead(state: Any) -> Any:
        values, is_done = state
        new = _value(call, step(values), step.body_span)
        _check_alike(step, values, new)
        kept = [
            builder.elementwise("where", is_done, old, one, span=step.body_span)
            for old, one in zip(leaves_of(values), leaves_of(new))
        ]
        return _shaped(values, kept), builder.elementwise("or", is_done, holds(new, values))

    is_done = constant(False, Type("bool")) if sees_both else holds(start, start)
    made = _repeated(
        call, replace(step, apply=lambda _, given: ahead(*given)), (start, is_done), [], limit, False, ("done",)
    )
    *last, ended = (made.last(k) for k in range(len(made.states)))
    square = [builder.reduce("sum", builder.elementwise("mul", node, node)) for node in last]
    total = square[0]
    for each in square[1:]:
        total = builder.elementwise("add", total, each)
    late = cast(make("not", ended), "i64")
    norm = builder.elementwise("sqrt", total)
    builder.index_checks.append(IndexCheck(late, 1, call.site.span.text if call.site.span else "iterate", norm=norm))
    return _shaped(start, last)


def _over_rows(call: CallArguments) -> _Made:
    builder, step = call.builder, call.function("step")
    start = _value(call, call.given["start"], call.span("start"))
    given = [(value, call.site.part(k + 2)) for k, value in enumerate(call.args[2:])]
    arrays = [_value(call, value, span) for value, span in given]
    leaves = [(leaf, span) for array, (_, span) in zip(arrays, given) for leaf in leaves_of(array)]
    if not leaves:
        raise Error(
            "G0303", f"`{call.written}` takes the arrays to go through, row by row", call.site.span,
            help=f"to do a step so many times: `iterate({step.name}, start, count)`",
        )  # fmt: skip
    for leaf, span in leaves:
        if not leaf.shape:
            raise Error(
                "G0202", f"`{call.written}` goes through arrays row by row", span, label=f"this is {leaf.type}",
                help="what is the same at every step needs no argument: the function sees the names before it",
            )  # fmt: skip
    first, _ = leaves[0]
    size = first.shape[0]
    for leaf, span in leaves[1:]:
        other = leaf.shape[0]
        if isinstance(size, int) and isinstance(other, int) and size != other:
            raise Error(
                "G0203", f"arrays of {size} and of {other} rows do not go together", span,
                label=f"this is {leaf.type}, the first array {first.type}", help="give them equally many rows",
            )  # fmt: skip
        size = builder.same_size(size, other, span)
    return _repeated(call, step, start, arrays, size, _is_reversed(call))


def _value(call: CallArguments, value: Any, span: Span | None) -> Any:
    """A number, an array or a tuple of such. Raises `Error` G0204 for what a condition selects, which has no shape."""
    found = value_of(call.builder, value, span)
    stack = [found]
    while stack:
        part = stack.pop()
        if isinstance(part, Selected):
            raise no_selection(span)
        if isinstance(part, tuple):
            stack += part
    return found


def _is_reversed(call: CallArguments) -> bool:
    value = call.keywords.get("reverse", False)
    if not isinstance(value, bool):
        raise Error(
            "G0204", "`reverse` must be True or False", call.span("reverse"),
            help="write `reverse=True` to begin at the last row",
        )  # fmt: skip
    return value


# ---------------------------------------------------------------- the loop


@dataclass
class _Made:
    """A loop, and the tuple in whose shape its states are."""

    builder: StepBuilder
    start: Any
    states: Sequence[Node]

    def last(self, state: int) -> Node:
        step, args = self.builder.build()
        return loop(step, args, state)

    def all(self, state: int) -> Node:
        place = self.builder.emit(self.builder.next[state])
        step, args = self.builder.build()
        return loop(step, args, len(self.builder.states) + place)


def _repeated(
    call: CallArguments, step: Applicable, start: Any, arrays: Sequence[Any], size: Size, backwards: bool,
    behind: tuple[str, ...] = (),
) -> _Made:  # fmt: skip
    """The loop, its states promoted once where the step gives floats for integers; `behind` are the names of states
    that no parameter of the step is for."""
    starts = list(leaves_of(start))
    for is_second in (False, True):
        parameters = step.definition.parameters
        names = [[name.id for name in names_in(parameter)] for parameter, _ in parameters]
        states = _stand_ins(names[:1], starts, behind)
        rows = _stand_ins(names[1:], [_row(leaf) for array in arrays for leaf in leaves_of(array)])
        known = len(call.builder.index_checks)
        given, k = [], 0
        for array in arrays:
            own = len(list(leaves_of(array)))
            given.append(_shaped(array, rows[k : k + own]))
            k += own
        result = _value(call, step(_shaped(start, states), *given), step.body_span)
        new = list(leaves_of(result))
        _check_alike(step, start, result)
        wider = [
            cast(one, promote(one.type.dtype, two.type.dtype)) if _widens(one.type, two.type) else one
            for one, two in zip(starts, new)
        ]
        if wider == starts or is_second:
            break
        starts = wider
        del call.builder.index_checks[known:]
    new = [_fitting(call.builder, step, one.type, two) for one, two in zip(states, new)]
    made = _closed(call, size, backwards, list(zip(states, starts)), _row_pairs(rows, arrays), new, known)
    return _Made(made, start, states)


def _closed(
    call: CallArguments, size: Size, backwards: bool, states: list[tuple[Node, Node]], rows: list[tuple[Node, Node]],
    new: list[Node], known: int,
) -> StepBuilder:  # fmt: skip
    """The step with inputs of its own in the place of stand-ins, and of what it captures."""
    builder = StepBuilder(size, backwards)
    inner: dict[Node, Node] = {}
    for node, start in states:
        inner[node] = builder.state(_plain(node.name), start)
    for node, array in rows:
        inner[node] = builder.row(_plain(node.name), array)
    checks = call.builder.index_checks[known:]
    roots = [*new, *(check.node for check in checks)]
    order = topological(roots)
    inside = dependent(order, inner)
    for node in _read_from_outside(order, inside, roots):
        name = node.name if node.op == "input" else "captured"
        inner[node] = builder.capture(_plain(name), node)
    inside_step = replaced(roots, inner)
    call.builder.moved |= {there: here for here, there in inside_step.items() if here is not there}
    builder.next = [inside_step[node] for node in new]
    lifted: list[IndexCheck] = []
    for check in checks:
        if check.node in inside:
            place = builder.emit(inside_step[check.node])
            step, args = builder.build()
            lifted.append(replace(check, node=loop(step, args, len(builder.states) + place)))
        else:
            lifted.append(check)
    call.builder.index_checks[known:] = lifted
    return builder


def _read_from_outside(order: list[Node], inside: set[Node], roots: list[Node]) -> Iterator[Node]:
    """What a step reads that does not depend on its states and rows; of what is only repeated, what is repeated."""
    stack = [arg for node in order if node in inside for arg in node.args if arg not in inside]
    stack += [root for root in roots if root not in inside]
    stack.reverse()
    seen: set[Node] = set()
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if node.op == "broadcast":
            stack.append(node.args[0])
        elif node.args or node.op == "input":  # numbers, sizes and positions are made anew
            yield node


_numbers = count()


def _stand_ins(names: list[list[str]], values: list[Node], behind: tuple[str, ...] = ()) -> list[Node]:
    """Inputs that no program has, one for each value; the last ones may have names."""
    flat = [name for group in names for name in group]
    flat += ["state"] * (len(values) - len(flat) - len(behind))
    flat = [*flat[: len(values) - len(behind)], *behind]
    return [input_node(f"{name}@{next(_numbers)}", value.type) for name, value in zip(flat, values)]


def _plain(name: str) -> str:
    return name.partition("@")[0]


def _row(array: Node) -> Node:
    """A node with the type of a row of an array."""
    return input_node("row", array.type.with_shape(array.shape[1:]))


def _row_pairs(rows: list[Node], arrays: Sequence[Any]) -> list[tuple[Node, Node]]:
    return list(zip(rows, (leaf for array in arrays for leaf in leaves_of(array))))


# ---------------------------------------------------------------- states that stay what they are


def _widens(old: Type, new: Type) -> bool:
    return old.dtype != new.dtype and (new.is_float or old.dtype == "bool")


def _check_alike(step: Applicable, start: Any, result: Any) -> None:
    """The step has to give a value of the shape of the state that it is given, tuples included."""
    if _form(start) == _form(result):
        for old, new in zip(leaves_of(start), leaves_of(result)):
            if old.type.rank != new.type.rank or any(
                isinstance(a, int) and isinstance(b, int) and a != b for a, b in zip(old.shape, new.shape)
            ):
                raise _changing(step, old.type, new.type)
        return
    shown = [f"{len(value)} values" if isinstance(value, tuple) else "one value" for value in (start, result)]
    raise Error(
        "G0206", f"the state of `{step.name}` is {shown[0]} and becomes {shown[1]}", step.body_span,
        help="a step gives its state back: as many values as it was given",
    )  # fmt: skip


def _changing(step: Applicable, old: Type, new: Type) -> Error:
    return Error(
        "G0206", f"the state of `{step.name}` is {old} and becomes {new}", step.body_span, label=f"this is {new}",
        help=f"start with a value of this shape, such as `zeros({_shape_text(new)})`"
        if old.rank < new.rank else "a step gives back a state of the type that it was given",
    )  # fmt: skip


def _shape_text(type: Type) -> str:
    return str(type.shape[0]) if type.rank == 1 else f"({', '.join(map(str, type.shape))})"


def _fitting(builder: GraphBuilder, step: Applicable, old: Type, new: Node) -> Node:
    """A new state with the type of the old one."""
    if new.type.dtype != old.dtype:
        if not _widens(new.type, old):
            raise _changing(step, old, new.type)
        new = cast(new, old.dtype)
    for a, b in zip(old.shape, new.shape):
        builder.same_size(a, b, step.body_span)
    return new


def _form(value: Any) -> Any:
    """The tuples of a value without what is in them."""
    return rebuilt_of(value, repeat(None))


def _shaped(form: Any, leaves: Iterable[Any]) -> Any:
    """A value of the form of another one, of these parts."""
    return rebuilt_of(form, iter(leaves))
