"""Functions of a program: what they see, and functions as arguments of those that apply them, as `fold` does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gradc.construct.builder import GraphBuilder
from gradc.construct.joined import Listed, array, number
from gradc.construct.selected import Selected
from gradc.ir.graph import Node
from gradc.language.diagnostics import Error
from gradc.language.record import dataclass
from gradc.language.source import Span
from gradc.language.syntax import Definition, Name, Pattern


@dataclass(frozen=True, eq=False)
class Closure:
    """A `def` and the values that the names before it have."""

    definition: Definition
    scope: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Applicable:
    """A `def` as a value: what a parameter gets that `Builtin.functions` names.

    A builder calls it with nodes, or with tuples of nodes where the `def` takes a tuple apart, as often as it likes:
    `call.function("step")(state, row)`. The result is what the body gives: a node, or a tuple of them. For a body of
    its own, such as that of a loop, a builder calls it with inputs that stand for the values.
    """

    definition: Definition
    span: Span | None
    """Where the call names it."""
    apply: Callable[[Applicable, tuple[Any, ...]], Any]

    @property
    def name(self) -> str:
        return self.definition.name.id

    @property
    def body_span(self) -> Span:
        """Where the text of its body is, for messages about what it gives."""
        return self.definition.body.span

    @property
    def parameters(self) -> tuple[str, ...]:
        """What its parameters are called, patterns as they are written."""
        return tuple(parameter.id for parameter, _ in self.definition.parameters)

    def __call__(self, *values: Any) -> Any:
        """What the body gives for these values. Raises `Error` G0303 unless there is one for each parameter."""
        pairs = self.definition.parameters
        least = sum(default is None for _, default in pairs)
        if not least <= len(values) <= len(pairs):
            raise Error(
                "G0303", f"`{self.name}` takes {len(pairs)} value{'s' * (len(pairs) != 1)}, and is given {len(values)}",
                self.span, help=f"its parameters are {', '.join(self.parameters)}",
            )  # fmt: skip
        return self.apply(self, values)


def value_of(builder: GraphBuilder, value: Any, span: Span | None) -> Any:
    """A value that may get a name: a number, an array, what a condition selects, or a tuple of such."""
    if isinstance(value, (Node, Selected)):
        return value
    if isinstance(value, Listed):
        return array(builder, value)
    if not isinstance(value, tuple):
        return number(builder, value, span)
    made: list[list[Any]] = [[]]
    waiting = [iter(value)]
    while True:
        for part in waiting[-1]:
            if isinstance(part, tuple) and not isinstance(part, Listed):
                made.append([])
                waiting.append(iter(part))
                break
            made[-1].append(part if isinstance(part, Selected) else number(builder, part, span))
        else:
            waiting.pop()
            whole = tuple(made.pop())
            if not waiting:
                return whole
            made[-1].append(whole)


def leaves_of(value: Any) -> Iterator[Node]:
    """The numbers and arrays of a value, in order."""
    stack = [value]
    while stack:
        part = stack.pop()
        if isinstance(part, tuple):
            stack += reversed(part)
        elif isinstance(part, Selected):
            yield from (part.values, part.condition)
        else:
            yield part


def rebuilt_of(value: Any, leaves: Iterator[Any]) -> Any:
    """A value of the same form with other numbers and arrays, or whatever else, in their places."""
    tasks: list[tuple[Any, bool]] = [(value, False)]
    made: list[Any] = []
    while tasks:
        part, is_ready = tasks.pop()
        if isinstance(part, Selected):
            made.append(Selected(next(leaves), next(leaves), part.axis))
        elif not isinstance(part, tuple):
            made.append(next(leaves))
        elif is_ready:
            first = len(made) - len(part)
            made[first:] = [tuple(made[first:])]
        else:
            tasks += [(part, True), *[(inner, False) for inner in reversed(part)]]
    return made[0]


def unpacked(target: Name | Pattern, value: Any, span: Span | None, scope: dict[str, Any]) -> None:
    """Give the names of a target their parts of a value. Raises `Error` G0205 where a tuple has another length."""
    stack: list[tuple[Name | Pattern, Any]] = [(target, value)]
    while stack:
        part, value = stack.pop()
        if isinstance(part, Name):
            scope[part.id] = value
            continue
        if not isinstance(value, tuple):
            shown = f"{value.type}" if isinstance(value, Node) else "what a condition selects"
            raise Error(
                "G0205", f"`{part.id}` takes a tuple apart, but this is none", span, label=f"this is {shown}",
                help=f"the elements of an array are taken by index, as in `x[0]`; a tuple is written `{part.id}`",
            )  # fmt: skip
        if len(value) != len(part.items):
            raise Error(
                "G0205", f"`{part.id}` takes {_values(len(part.items))}, not {len(value)}", span,
                label=f"this is a tuple of {len(value)}", help="give each value of the tuple a name",
            )  # fmt: skip
        stack += zip(part.items, value)


def _values(count: int) -> str:
    return "one value" if count == 1 else f"{count} values"
