"""The syntax tree: what the parser found, before any name or type is known.

Every record carries the span it came from. Trees may be 100,000 deep, so nothing walks them by
recursion, and records compare and print by identity only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from gradc.language.record import record
from gradc.language.source import Source, Span


@record
class Literal:
    """A literal; an `int` where it was written without point and exponent."""

    span: Span
    value: int | float


@record
class Name:
    span: Span
    id: str


@record
class Unary:
    """`op` is one of `- + not`."""

    span: Span
    op: str
    operand: Expression


@record
class Binary:
    """`op` is one of `+ - * / // % ** @ and or` (`^` is parsed to `**`)."""

    span: Span
    op: str
    left: Expression
    right: Expression


@record
class Comparison:
    """`a < b <= c`: one operator fewer than operands; `ops` are among `< <= > >= == !=`."""

    span: Span
    operands: tuple[Expression, ...]
    ops: tuple[str, ...]


@record
class Conditional:
    """`then if test else otherwise`."""

    span: Span
    test: Expression
    then: Expression
    otherwise: Expression


@record
class Call:
    span: Span
    function: str
    function_span: Span
    args: tuple[Expression, ...]
    keywords: tuple[tuple[Name, Expression], ...]


@record
class Slice:
    """`start:stop:step` inside an index; an absent part is None."""

    span: Span
    start: Expression | None
    stop: Expression | None
    step: Expression | None


@record
class Special:
    """`...` or `None` inside an index (`kind` is "ellipsis" or "newaxis"), or `None`, `True`, `False`
    as an argument's value (`kind` is "none", "true" or "false")."""

    span: Span
    kind: str


@record
class Subscripts:
    """A text in quotes, without them: the first argument of `einsum`, the value of `mode` and `method`."""

    span: Span
    text: str


@record
class Index:
    """`value[items]`."""

    span: Span
    value: Expression
    items: tuple[Expression | Slice | Special, ...]


@record
class Transpose:
    """`value.T`."""

    span: Span
    value: Expression


@record
class List:
    """`[a, b, c]`, an array or an argument, or `(a, b, c)`, a tuple: a value, or an argument, as in `axis=(0, 1)`."""

    span: Span
    items: tuple[Expression, ...]
    is_array: bool = True
    """Whether its brackets are square."""


Expression = (
    Literal | Name | Unary | Binary | Comparison | Conditional | Call | Index | Transpose | List | Special | Subscripts
)


@record
class Declare:
    """`x: f64[n, 3]`; `shape` holds sizes by name or number."""

    span: Span
    name: Name
    dtype: str
    shape: tuple[Name | Literal, ...]


@record
class Assign:
    """`name = value`."""

    span: Span
    name: Name
    value: Expression


@record
class Pattern:
    """`(a, (b, c))` where names are given values: what takes a tuple apart."""

    span: Span
    items: tuple[Name | Pattern, ...]

    @property
    def id(self) -> str:
        """How messages and tables call a parameter that is a pattern: as it is written."""
        return "".join(_pattern_text(self))


@record
class Unpack:
    """`(a, b) = value`."""

    span: Span
    pattern: Pattern
    value: Expression


@record
class Braced:
    """`{u = x + 1; u**2}`: the body of a function that has statements of its own."""

    span: Span
    statements: tuple[Assign | Unpack, ...]
    result: Expression


@record
class Definition:
    """`name(parameter, parameter=default) = body`, `def` before it or not; a parameter without default pairs with None.
    `types` has a declaration for each parameter that is written with its type."""

    span: Span
    name: Name
    parameters: tuple[tuple[Name | Pattern, Expression | None], ...]
    body: Expression | Braced
    types: tuple[Declare, ...] = ()


Statement = Declare | Assign | Unpack | Definition


@record
class SyntaxTree:
    """Statements in order, then the expression that is the result: that of `function`, where the program ends with a
    definition."""

    source: Source
    statements: tuple[Statement, ...]
    result: Expression | Braced
    function: Definition | None = None


def results_of(tree: SyntaxTree) -> tuple[Expression, ...]:
    """The several results of a program that ends with a tuple; none of any other."""
    result = tree.result.result if isinstance(tree.result, Braced) else tree.result
    return result.items if isinstance(result, List) and not result.is_array else ()


def names_in(target: Name | Pattern) -> Iterator[Name]:
    """The names that a target gives values to, in order."""
    stack: list[Name | Pattern] = [target]
    while stack:
        part = stack.pop()
        if isinstance(part, Name):
            yield part
        else:
            stack += reversed(part.items)


def target_of(statement: Statement) -> Name | Pattern:
    """What a statement gives a value, a type or a body to."""
    return statement.pattern if isinstance(statement, Unpack) else statement.name


def _pattern_text(pattern: Pattern) -> Iterator[str]:
    stack: list[Name | Pattern | str] = [pattern]
    while stack:
        part = stack.pop()
        if isinstance(part, str):
            yield part
        elif isinstance(part, Name):
            yield part.id
        else:
            between = [piece for item in part.items for piece in (", ", item)][1:]
            stack += [",)" if len(part.items) == 1 else ")", *reversed(between), "("]


def children(node: Expression | Slice | Braced) -> tuple[Expression | Slice | Special, ...]:
    """The sub-expressions of a record, in order of appearance."""
    found = _CHILDREN.get(type(node))
    return found(node) if found else ()


_CHILDREN: dict[type, Callable[[Any], tuple[Expression | Slice | Special, ...]]] = {
    Unary: lambda node: (node.operand,),
    Binary: lambda node: (node.left, node.right),
    Comparison: lambda node: node.operands,
    Conditional: lambda node: (node.then, node.test, node.otherwise),
    Call: lambda node: (*node.args, *[value for _, value in node.keywords]),
    Index: lambda node: (node.value, *node.items),
    Slice: lambda node: tuple(part for part in (node.start, node.stop, node.step) if part is not None),
    Transpose: lambda node: (node.value,),
    List: lambda node: node.items,
    Braced: lambda node: (*[statement.value for statement in node.statements], node.result),
}


def walk(expression: Expression | Braced) -> Iterator[Expression | Slice | Special]:
    """Every part of an expression, itself included."""
    stack: list[Any] = [expression]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(children(node))
