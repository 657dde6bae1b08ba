"""Expressions to nodes: the text of partials and rules, and what programs are made of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import field
from dataclasses import replace as dataclass_replace
from functools import cached_property
from typing import Any

from gradc.construct import indexing, matrices, products, shapes
from gradc.construct.builder import GraphBuilder
from gradc.construct.calls import CallArguments
from gradc.construct.closures import Applicable, Closure, leaves_of, rebuilt_of, unpacked, value_of
from gradc.construct.derivatives import Variables
from gradc.construct.describe import operands
from gradc.construct.elementwise import ELEMENTWISE, Value, elementwise
from gradc.construct.functions import FUNCTIONS, Builtin, prelude
from gradc.construct.joined import Listed, listed, number, whole
from gradc.construct.reductions import extremes
from gradc.construct.selected import Selected, lifted
from gradc.construct.site import Site
from gradc.construct.static import static_integer, static_whole
from gradc.ir.graph import Node, constant, make
from gradc.ir.ops import OPERATORS, OPS, OWN
from gradc.ir.types import Type
from gradc.language.diagnostics import Error
from gradc.language.errors.expressions import tuple_for_number
from gradc.language.record import dataclass
from gradc.language.source import Span
from gradc.language.syntax import (
    Assign,
    Binary,
    Braced,
    Call,
    Comparison,
    Conditional,
    Definition,
    Expression,
    Index,
    List,
    Literal,
    Name,
    Pattern,
    Slice,
    Special,
    Subscripts,
    Transpose,
    Unary,
    Unpack,
    children,
    names_in,
    target_of,
    walk,
)

MAX_STEPS = 5_000_000
"""How many syntax nodes one elaboration may visit, calls of the program's own functions included (G0502)."""

MAX_DEPTH = 50
"""How deep functions may be nested that are arguments of others, as the step of a fold in the step of a fold."""

CONSTANTS = {"pi": math.pi, "inf": math.inf, "nan": math.nan}

IOTA = OPS["iota"]

SPECIAL = {"none": None, "newaxis": None, "true": True, "false": False, "ellipsis": Ellipsis}


@dataclass(frozen=True, eq=False)
class _Reference:
    """The name of a function where one is an argument."""

    id: str
    span: Span


@dataclass
class Evaluator:
    """Evaluates expressions to nodes with an explicit stack: programs may be 100,000 deep.

    `globals` are the names that expressions know besides their own; `functions` those that the program defines.
    `is_template` says that the text is ours: it may call any elementwise op, and `position`.
    """

    builder: GraphBuilder
    literal_dtype: str = "f64"
    is_template: bool = False
    globals: dict[str, Value] = field(default_factory=dict)
    functions: dict[str, Closure] = field(default_factory=dict)
    builtins: Mapping[str, Builtin] = field(default_factory=lambda: FUNCTIONS)
    """The functions that nobody need define."""
    spans: dict[Node, Span] = field(default_factory=dict)
    """Where in the text each node came from."""
    steps: int = 0
    depth: int = 0
    variables: Variables = field(default_factory=Variables)
    """What stands for the names that derivatives are taken for."""
    memo: dict[tuple, Value] = field(default_factory=dict)

    @cached_property
    def literal_type(self) -> Type:
        """The type of the numbers in the text."""
        return Type(self.literal_dtype)

    def number(self, expression: Expression | Braced, scope: dict[str, Value] | None = None) -> Node:
        """The value of an expression that has to be a number or an array."""
        value = self.evaluate(expression, self.globals if scope is None else scope)
        return number(self.builder, value, expression.span)

    def define(self, definition: Definition) -> None:
        """A function of the program: it sees the names before it."""
        seen = {part.id for part in walk(definition.body) if isinstance(part, Name)}
        scope = {name: self.globals[name] for name in seen if name in self.globals}
        self.functions[definition.name.id] = Closure(definition, scope)

    def assign(self, statement: Assign | Unpack) -> None:
        """Give names of the program their values."""
        self._assign(statement, self.evaluate(statement.value, self.globals), self.globals)

    def _assign(self, statement: Assign | Unpack, value: Value, scope: dict[str, Value]) -> None:
        span = statement.value.span
        self._give(target_of(statement), value_of(self.builder, value, span), span, scope)

    def _give(self, target: Name | Pattern, value: Value, span: Span | None, scope: dict[str, Value]) -> None:
        """Give names their values; what derivatives are taken for stands for itself."""
        unpacked(target, value, span, scope)
        if self.variables.names:
            scope |= {name.id: self.variables.of(name.id, scope[name.id]) for name in names_in(target)}
            for name in names_in(target):
                if name.id in self.variables.names:
                    for leaf in leaves_of(scope[name.id]):
                        self.spans.setdefault(leaf, name.span)

    def written_out(self, result: Value) -> Value:
        """A finished program without variables; places and names go with what nodes become."""
        if not self.variables.values:
            return result
        nodes = [*self.spans, *(check.node for check in self.builder.index_checks)]
        nodes += [node for node in self.globals.values() if isinstance(node, Node)]
        made = dict(zip(nodes, self.variables.written_out(nodes)))
        for node, span in list(self.spans.items()):
            self.spans.setdefault(made[node], span)
        checks = [dataclass_replace(check, node=made[check.node]) for check in self.builder.index_checks]
        self.builder.index_checks[:] = checks
        self.globals |= {name: made[node] for name, node in self.globals.items() if node in made}
        return self._leaves_written_out(result, 0)

    def _leaves_written_out(self, value: Value, since: int) -> Value:
        """A number, an array or a tuple of such, without variables made from some number on."""
        leaves = list(leaves_of(value))
        return rebuilt_of(value, iter(self.variables.written_out(leaves, since)))

    def evaluate(self, expression: Expression | Braced, scope: dict[str, Value]) -> Value:
        """The value of an expression, its names looked up in `scope` first."""
        tasks: list[tuple] = [(expression, scope, None)]
        """What to evaluate, in which scope, and how many of the last values are those of its parts, once they are."""
        values: list[Value] = []
        while tasks:
            node, scope, count = tasks.pop()
            if isinstance(node, tuple):  # the end of a call of a defined function
                self.memo[node] = values[-1]
                self._came_from(scope, values[-1])
                continue
            if isinstance(node, Braced):
                tasks.append((node.result, scope, None))
                for statement in reversed(node.statements):
                    tasks += [(statement, scope, 1), (statement.value, scope, None)]
                continue
            if isinstance(node, (Assign, Unpack)):
                self._assign(node, values.pop(), scope)
                continue
            arguments: tuple[Value, ...] = ()
            if count is None:
                self.steps += 1
                if self.steps > MAX_STEPS:
                    raise _too_many_steps(node.span)
                parts = self._parts(node)
                if parts:
                    tasks.append((node, scope, len(parts)))
                    tasks += [(part, scope, None) for part in parts[::-1]]
                    continue
            else:
                arguments = tuple(values[-count:])
                del values[-count:]
            if isinstance(node, Call) and (closure := self._closure(node)) is not None:
                given = self._given(node, closure.definition, arguments)
                key = (closure.definition, *given)
                if key in self.memo:
                    values.append(self.memo[key])
                else:
                    inner = self._scope(closure, given, self._argument_spans(node, closure.definition))
                    tasks += [(key, node, None), (closure.definition.body, inner, None)]
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
        self, node: Expression | Slice | Special, arguments: tuple[Value, ...], scope: Mapping[str, Value]
    ) -> Value:
        builder, span = self.builder, node.span
        match node:
            case _Reference():
                return Applicable(self.functions[node.id].definition, span, self._apply_function)
            case Name():
                return self._name(node, scope)
            case Literal():
                return constant(float(node.value), self.literal_type)
            case Binary() if node.op != "@":
                return self._elementwise(OPERATORS[node.op], arguments, (node.left.span, node.right.span), span)
            case Special():
                return SPECIAL[node.kind]
            case Subscripts():
                return node.text
            case List():
                return listed(arguments, span, tuple(part.span for part in node.items)) if node.is_array else arguments
            case Slice():
                given = iter(arguments)
                parts = [None if part is None else next(given) for part in (node.start, node.stop, node.step)]
                return slice(*(part and static_whole(builder, part, span, "a slice") for part in parts))
            case Index() if isinstance(arguments[0], tuple) and not isinstance(arguments[0], Listed):
                return self._part(node, arguments[0], arguments[1:])
            case Index():
                value, items = number(builder, arguments[0], node.value.span), self._items(node, arguments[1:])
                is_selection = any(isinstance(item, Node) and item.type.dtype == "bool" for item in items)
                pick = indexing.select if is_selection else indexing.index
                return pick(builder, value, items, _index_site(node))
            case Call():
                return self._call(node, arguments)
        spans = tuple(part.span for part in children(node))
        if any(isinstance(value, Selected) for value in arguments) and isinstance(
            node, (Unary, Comparison, Conditional)
        ):
            return lifted(arguments, spans, lambda *inner: self._apply(node, inner, scope))
        args = tuple(number(builder, value, place) for value, place in zip(arguments, spans))
        match node:
            case Unary(op="+"):
                return args[0]
            case Unary():
                return builder.elementwise("neg" if node.op == "-" else "not", args[0], span=span)
            case Binary():
                left, right = args
                return products.matmul(builder, left, right, span)
            case Comparison():
                pairs = [
                    builder.elementwise(OPERATORS[op], left, right, span=span)
                    for op, left, right in zip(node.ops, args, args[1:])
                ]
                result = pairs[0]
                for pair in pairs[1:]:
                    result = builder.elementwise("and", result, pair, span=span)
                return result
            case Conditional():
                then, test, otherwise = args
                return builder.elementwise("where", test, then, otherwise, span=span)
            case Transpose():
                return shapes.reordered(args[0])
        raise AssertionError(node)

    def _elementwise(self, op: str, arguments: tuple[Value, ...], spans: tuple[Span, ...], span: Span) -> Value:
        """An op of the table, of arrays or of selected elements."""
        if any(isinstance(value, Selected) for value in arguments):
            return lifted(arguments, spans, lambda *inner: self._elementwise(op, inner, spans, span))
        args = (number(self.builder, value, place) for value, place in zip(arguments, spans))
        return self.builder.elementwise(op, *args, span=span)

    def _part(self, node: Index, values: tuple[Value, ...], items: tuple[Value, ...]) -> Value:
        """One of the values of a tuple, by a whole number that the program fixes."""
        if len(items) != 1 or not isinstance(items[0], Node):
            raise tuple_for_number(node.value.span, len(values))
        span = node.items[0].span
        position = static_integer(items[0], span, "the index of a tuple")
        if not -len(values) <= position < len(values):
            raise Error(
                "G0204", f"index {position} is out of range for a tuple of {len(values)}", span,
                help=f"valid indices are {-len(values)} to {len(values) - 1}",
            )  # fmt: skip
        return values[position]

    def _items(self, node: Index, items: tuple[Value, ...]) -> tuple[Value, ...]:
        """The items of an index, lists of whole numbers as arrays."""
        made = [whole(self.builder, item) if isinstance(item, Listed) else item for item in items]
        for item, given, part in zip(made, items, node.items):
            if item is not given:
                self.spans.setdefault(item, part.span)
        return tuple(made)

    def _name(self, node: Name, scope: Mapping[str, Value]) -> Value:
        for known in (scope, self.globals):
            if node.id in known:
                return known[node.id]
        return constant(CONSTANTS[node.id], self.literal_type)

    # ------------------------------------------------------------ calls

    def _came_from(self, call: Any, value: Value) -> None:
        """The result of a function of the language comes from its call, not from its definition."""
        if isinstance(value, Node) and value in self.spans and self.spans[value].source is prelude():
            self.spans[value] = call.span

    def _parts(self, node: Expression | Slice | Special) -> tuple[Expression | Slice | Special | _Reference, ...]:
        """The parts of a node to evaluate, names of functions as such."""
        parts = children(node)
        if not isinstance(node, Call) or node.function in self.functions or node.function not in self.builtins:
            return parts
        row = self.builtins[node.function]
        if not row.functions:
            return parts
        names = (*row.parameters[: len(node.args)], *[key.id for key, _ in node.keywords])
        return (
            tuple(
                _Reference(part.id, part.span) if name in row.functions and isinstance(part, Name) else part
                for name, part in zip(names, parts)
            )
            + parts[len(names) :]
        )

    def _closure(self, node: Call) -> Closure | None:
        own = self.functions.get(node.function)
        if own is not None and own.definition.span.source is node.span.source:  # ours do not call the program's
            return own
        definition = self.builtins[node.function].definition if node.function in self.builtins else None
        return Closure(definition, {}) if definition is not None else None

    def _given(self, node: Call, definition: Definition, arguments: tuple[Value, ...]) -> tuple[Value, ...]:
        """A value for each parameter; whoever checked the names has seen that the arguments fit them."""
        names = [parameter.id for parameter, _ in definition.parameters]
        given = dict(zip(names, arguments)) | _keywords(node, arguments)
        spans = self._argument_spans(node, definition)
        found = []
        for name, span, (_, default) in zip(names, spans, definition.parameters):
            if name not in given:
                assert default is not None
                found.append(self.number(default, {}))
            else:
                found.append(value_of(self.builder, given[name], span))
        return tuple(found)

    @staticmethod
    def _argument_spans(node: Call, definition: Definition) -> tuple[Span, ...]:
        """Where the value of each parameter is written; the call, for those that are not."""
        names = [parameter.id for parameter, _ in definition.parameters]
        spans = {key.id: part.span for key, part in node.keywords} | dict(zip(names, [arg.span for arg in node.args]))
        return tuple(spans.get(name, node.span) for name in names)

    def _scope(self, closure: Closure, given: tuple[Value, ...], spans: tuple[Span | None, ...]) -> dict[str, Value]:
        """What the body of a function sees."""
        scope = dict(closure.scope)
        for (parameter, _), value, span in zip(closure.definition.parameters, given, spans):
            self._give(parameter, value, span, scope)
        return scope

    def _apply_function(self, function: Applicable, values: tuple[Value, ...]) -> Value:
        """What a function gives that is an argument of another one."""
        closure = self.functions[function.name]
        defaults = [default for _, default in function.definition.parameters[len(values) :]]
        given = (*values, *[self.number(default, {}) for default in defaults if default is not None])
        if self.depth == MAX_DEPTH:
            raise Error(
                "G0502", f"more than {MAX_DEPTH} functions are nested that apply others", function.span,
                help="write the inner ones out",
            )  # fmt: skip
        self.depth += 1
        since = len(self.variables.values)
        scope = self._scope(closure, given, (function.span,) * len(given))
        value = self.evaluate(closure.definition.body, scope)
        self.depth -= 1
        return self._leaves_written_out(value_of(self.builder, value, function.body_span), since)

    def _call(self, node: Call, arguments: tuple[Value, ...]) -> Value:
        positional, name = arguments[: len(node.args)], node.function
        if name in self.builtins and not (self.is_template and OPS.get(name, IOTA).kind == "matrix"):
            function = self.builtins[name]
            assert function.build is not None
            name, parameters, build = function.name, function.parameters, function.build
        else:
            assert self.is_template, name
            if name == "position":
                return self.builder.position(positional[0])
            if name in matrices.IN_TEXTS:
                return matrices.IN_TEXTS[name](*positional)
            if OPS[name].kind == "matrix":
                return make(name, *positional)
            parameters, build = OPS[name].params, elementwise
        keywords, site = _keywords(node, arguments), _call_site(node)
        is_own = OPS.get(name, IOTA).bit == OWN
        is_elementwise = is_own or build in ELEMENTWISE or (build is extremes and len(positional) > 1)
        if is_elementwise and any(isinstance(value, Selected) for value in arguments):
            count = len(positional)

            def apply(*inner: Node) -> Node:
                given = dict(zip(keywords, inner[count:]))
                return build(CallArguments(self.builder, name, parameters, inner[:count], given, site))

            return lifted(arguments, site.parts, apply)
        return build(CallArguments(self.builder, name, parameters, positional, keywords, site))


def _too_many_steps(span: Span) -> Error:
    return Error(
        "G0502", f"the program needs more than {MAX_STEPS:,} steps to unfold", span,
        help="functions that call functions that call functions multiply; assign shared parts to a name",
    )  # fmt: skip


def _keywords(node: Call, arguments: tuple[Value, ...]) -> dict[str, Value]:
    return {key.id: value for (key, _), value in zip(node.keywords, arguments[len(node.args) :])}


def _call_site(node: Call) -> Site:
    parts = (*[part.span for part in node.args], *[part.span for _, part in node.keywords])
    return Site(node.span, node.function, parts, {key.id: key.span for key, _ in node.keywords})


def _index_site(node: Index) -> Site:
    name = node.value.id if isinstance(node.value, Name) and node.value.id in FUNCTIONS else ""
    return Site(node.span, name, tuple(item.span for item in node.items))


def _at_call(error: Error, calls: list[tuple[tuple, Call]]) -> Error:
    """An error in the text of a function of ours, as one at the program's call of it, which names the arguments."""
    if error.span is not None:
        for (_, *given), call in reversed(calls):
            if call.span.source is not error.span.source:
                return Error(error.code, error.message, call.span, label=operands(given), help=error.help)
    return error
