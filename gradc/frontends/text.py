"""Syntax tree to graph: names are resolved, types met, broadcasts and casts made explicit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gradc.frontends import indexing, products, shapes
from gradc.frontends.algebra import Algebra, describe, operands, static_whole
from gradc.frontends.functions import ALIASES, HIDDEN, SHAPED, prelude
from gradc.frontends.outline import Outline, outline
from gradc.ir.graph import Graph, Node, cast, constant, input_node, size_node, topological
from gradc.ir.ops import OPS
from gradc.ir.sizes import Derived, Size, names
from gradc.ir.types import Type, promote
from gradc.language.diagnostics import Error
from gradc.language.source import Span
from gradc.language.syntax import (
    Assign,
    Binary,
    Call,
    Comparison,
    Conditional,
    Declare,
    Define,
    Expression,
    Index,
    List,
    Name,
    Number,
    Program,
    Slice,
    Special,
    Subscripts,
    Transpose,
    Unary,
    children,
)

MAX_STEPS = 5_000_000
"""How many syntax nodes one elaboration may visit, calls of the program's own functions included (G0502)."""

MAX_EXCERPT = 60
"""How many characters of the program a message at the call repeats."""

CONSTANTS = {"pi": math.pi, "inf": math.inf, "nan": math.nan}

BINARY_OPS = {
    "+": "add", "-": "sub", "*": "mul", "/": "div", "//": "floordiv", "%": "mod", "**": "power",
    "and": "and", "or": "or",
}  # fmt: skip
COMPARISONS = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne"}
SPECIAL = {"none": None, "newaxis": None, "true": True, "false": False, "ellipsis": Ellipsis}

Value = Any
"""What an expression elaborates to: a Node; for parts of calls and indices also a slice, a tuple or None."""


@dataclass(frozen=True)
class Elaborated:
    """The graph of a program for one set of input types; where each node was written, and what the program calls it."""

    graph: Graph
    spans: dict[Node, Span]
    names: dict[Node, str]


def elaborate(program: Program, types: Mapping[str, Type], nameable: frozenset[str] = frozenset()) -> Elaborated:
    """The graph of a program.

    `types` gives the type of each undeclared input; sizes among `nameable` are our inventions and are renamed
    where the program shows them equal to others. Raises `Error` for whatever the program gets wrong.
    """
    found = outline(program)
    types = {**types, **found.declared}
    joined: dict[tuple[str, int], Span] = {}
    while True:
        algebra = Algebra(nameable=nameable)
        reader = Reader(algebra, found, types)
        result = reader.run(program)
        if not algebra.unified:
            break
        for name, type in types.items():
            for axis, size in enumerate(type.shape):
                span = _written(algebra.joins.get(size), program) if isinstance(size, str) else None
                if span is not None:
                    joined.setdefault((name, axis), span)
        renaming = _closed(algebra.unified)
        types = {name: type.with_sizes(renaming) for name, type in types.items()}
    inputs = tuple(reader.inputs[name] for name in found.inputs)
    checks = tuple(replace(check, span=_written(check.span, program)) for check in algebra.checks)
    index_checks = tuple(replace(check, text=reader.text_of(check.node)) for check in algebra.index_checks)
    graph = Graph(inputs, (("value", result),), checks, index_checks, joined)
    return Elaborated(graph, reader.spans, reader.names)


def _written(span: Span | None, program: Program) -> Span | None:
    """A span of the program's own text; None for one in the text of a function of ours."""
    return span if span is not None and span.source is program.source else None


def _closed(renaming: Mapping[str, Size]) -> dict[str, Size]:
    """A renaming followed to its end: a -> b, b -> c becomes a -> c."""
    closed = {}
    for name in renaming:
        target = renaming[name]
        while isinstance(target, str) and target in renaming and target != name:
            target = renaming[target]
        closed[name] = target
    return closed


@dataclass
class Reader:
    """Evaluates expressions to nodes with an explicit stack: programs may be 100,000 deep."""

    algebra: Algebra
    outline: Outline | None
    types: Mapping[str, Type]
    literal_dtype: str = "f64"
    inputs: dict[str, Node] = field(default_factory=dict)
    spans: dict[Node, Span] = field(default_factory=dict)
    globals: dict[str, Node] = field(default_factory=dict)
    functions: dict[str, Define] = field(default_factory=dict)
    steps: int = 0
    memo: dict[tuple, Node] = field(default_factory=dict)

    @property
    def names(self) -> dict[Node, str]:
        """The nodes that statements gave a name to."""
        return {node: name for name, node in self.globals.items() if node.args}

    def text_of(self, node: Node) -> str:
        """What the program calls a node: an input or a value by its name, others as they are written."""
        if node.op == "input":
            return node.name
        return self.names.get(node) or (self.spans[node].excerpt(MAX_EXCERPT) if node in self.spans else describe(node))

    # ------------------------------------------------------------ programs

    def run(self, program: Program) -> Node:
        assert self.outline is not None
        for name in self.outline.inputs:
            self.inputs[name] = input_node(name, self.types[name])
        floats = [type.dtype for type in self.types.values() if type.is_float]
        self.literal_dtype = self.algebra.float_dtype = promote(*floats) if floats else "f64"
        for statement in program.statements:
            match statement:
                case Define():
                    self.functions[statement.name.id] = statement
                case Assign():
                    self.globals[statement.name.id] = self.number(statement.value)
                case Declare():
                    pass
        return self.algebra_result(self.number(program.result))

    def algebra_result(self, node: Node) -> Node:
        """The result as a number: conditions and integers take the element type of the inputs."""
        return node if node.type.is_float else cast(node, self.literal_dtype)

    def number(self, expression: Expression) -> Node:
        return self._node(self.evaluate(expression, self.globals), expression.span)

    @staticmethod
    def _node(value: Value, span: Span) -> Node:
        if isinstance(value, Node):
            return value
        raise Error(
            "G0108", "a number or an array is wanted here", span,
            help="lists, None, True and False only stand where a function or an index asks for them",
        )  # fmt: skip

    # ------------------------------------------------------------ expressions

    def evaluate(self, expression: Expression, scope: Mapping[str, Node]) -> Value:
        """The value of an expression, its names looked up in `scope` first."""
        tasks: list[tuple] = [(expression, scope, False)]
        values: list[Value] = []
        while tasks:
            node, scope, ready = tasks.pop()
            if isinstance(node, tuple):  # the end of a call of a defined function
                self.memo[node] = values[-1]
                continue
            self.steps += not ready
            if self.steps > MAX_STEPS:
                raise Error(
                    "G0502", f"the program needs more than {MAX_STEPS:,} steps to unfold", node.span,
                    help="functions that call functions that call functions multiply; assign shared parts to a name",
                )  # fmt: skip
            parts = children(node)
            if not ready and parts:
                tasks.append((node, scope, True))
                tasks.extend((part, scope, False) for part in reversed(parts))
                continue
            arguments = tuple(values[len(values) - len(parts) :])
            del values[len(values) - len(parts) :]
            if isinstance(node, Call) and (definition := self._definition(node)) is not None:
                inner = self._bind(node, definition, arguments)
                key = (definition, *inner.values())
                if key in self.memo:
                    values.append(self.memo[key])
                else:
                    tasks += [(key, node, True), (definition.body, inner, False)]
                continue
            try:
                value = self._apply(node, arguments, scope)
            except Error as error:
                raise _at_call(error, [task[:2] for task in tasks if isinstance(task[0], tuple)]) from None
            if isinstance(value, Node):
                self.spans.setdefault(value, node.span)
            values.append(value)
        return values[0]

    def _apply(
        self, node: Expression | Slice | Special, arguments: tuple[Value, ...], scope: Mapping[str, Node]
    ) -> Value:
        algebra, span = self.algebra, node.span
        match node:
            case Number():
                return constant(float(node.value), Type(self.literal_dtype))
            case Name():
                return self._name(node, scope)
            case Special():
                return SPECIAL[node.kind]
            case Subscripts():
                return node.text
            case List():
                return arguments
            case Slice():
                given = iter(arguments)
                parts = [None if part is None else next(given) for part in (node.start, node.stop, node.step)]
                return slice(*(part and static_whole(algebra, part, span, "a slice") for part in parts))
            case Index():
                return indexing.index(algebra, self._node(arguments[0], node.value.span), arguments[1:], node)
        args = tuple(
            value if isinstance(node, Call) else self._node(value, part.span)
            for value, part in zip(arguments, children(node))
        )
        match node:
            case Unary(op="+"):
                return args[0]
            case Unary():
                return algebra.elementwise("neg" if node.op == "-" else "not", args[0], span=span)
            case Binary(op="@"):
                left, right = args
                return products.matmul(algebra, left, right, span)
            case Binary():
                return algebra.elementwise(BINARY_OPS[node.op], *args, span=span)
            case Comparison():
                pairs = [
                    algebra.elementwise(COMPARISONS[op], left, right, span=span)
                    for op, left, right in zip(node.ops, args, args[1:])
                ]
                result = pairs[0]
                for pair in pairs[1:]:
                    result = algebra.elementwise("and", result, pair, span=span)
                return result
            case Conditional():
                then, test, otherwise = args
                return algebra.elementwise("where", test, then, otherwise, span=span)
            case Transpose():
                return shapes.transpose(args[0])
            case Call():
                return self._call(node, args)
        raise AssertionError(node)

    def _name(self, node: Name, scope: Mapping[str, Node]) -> Node:
        name = node.id
        if name in scope:
            return scope[name]
        if name in self.globals:
            return self.globals[name]
        if name in self.inputs:
            return self.inputs[name]
        if name in CONSTANTS:
            return constant(CONSTANTS[name], Type(self.literal_dtype))
        assert self.outline is not None and name in self.outline.sizes, name
        return size_node(name, self.literal_dtype)

    # ------------------------------------------------------------ calls

    def _definition(self, node: Call) -> Define | None:
        return self.functions.get(node.function) or prelude().get(ALIASES.get(node.function, node.function))

    def _bind(self, node: Call, definition: Define, arguments: tuple[Value, ...]) -> dict[str, Node]:
        names = [parameter.id for parameter, _ in definition.parameters]
        given = self._named(node, tuple(names), arguments)
        for parameter, default in definition.parameters:
            if parameter.id not in given:
                assert default is not None
                given[parameter.id] = self._node(self.evaluate(default, {}), default.span)
        spans = dict(zip(names, (arg.span for arg in node.args)))
        return {name: self._node(given[name], spans.get(name, node.span)) for name in names}

    @staticmethod
    def _named(node: Call, names: tuple[str, ...], arguments: tuple[Value, ...]) -> dict[str, Value]:
        """Positional and keyword arguments by parameter name; `outline` has checked that they fit."""
        given = dict(zip(names, arguments))
        given.update((key.id, value) for (key, _), value in zip(node.keywords, arguments[len(node.args) :]))
        return given

    def _call(self, node: Call, arguments: tuple[Value, ...]) -> Node:
        name = ALIASES.get(node.function, node.function)
        if name == "position" and self.outline is None:
            return self.algebra.position(arguments[0])
        if name in SHAPED:
            keywords = dict(zip((key.id for key, _ in node.keywords), arguments[len(node.args) :]))
            return shapes.call(self.algebra, name, arguments[: len(node.args)], keywords, node)
        assert name in OPS and (name not in HIDDEN or self.outline is None), name
        given = self._named(node, OPS[name].params, arguments)
        args = [self._node(given[param], node.span) for param in OPS[name].params]
        return self.algebra.elementwise(name, *args, span=node.span)


def _at_call(error: Error, calls: list[tuple[tuple, Call]]) -> Error:
    """An error in the text of a function of ours, as one at the program's call of it, which names the arguments."""
    if error.span is not None:
        for (_, *given), call in reversed(calls):
            if call.span.source is not error.span.source:
                return Error(error.code, error.message, call.span, label=operands(given), help=error.help)
    return error


def input_sizes(graph: Graph) -> set[str]:
    """The names of sizes that the inputs determine: those that stand alone in a shape."""
    return {size for node in graph.inputs for size in node.shape if isinstance(size, str)}


def undetermined_sizes(graph: Graph) -> set[str]:
    """Names of sizes the graph speaks of that no input determines."""
    spoken = {
        name
        for node in topological(graph.results)
        for size in node.shape
        if isinstance(size, (str, Derived))
        for name in names(size)
    }
    return spoken - input_sizes(graph)
