"""Names of a program: its inputs and their declared types, its functions, and errors of naming."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from functools import partial
from typing import Any

from gradc.construct.functions import FUNCTIONS, Builtin
from gradc.frontends.elsewhere import INSTEAD
from gradc.frontends.ranks import by_parameter, ranks
from gradc.frontends.several import result_names
from gradc.ir.sizes import Size
from gradc.ir.types import DTYPES, Type
from gradc.language.diagnostics import Error
from gradc.language.errors.expressions import CONSTANTS, constant_named, no_number, tuple_for_number
from gradc.language.record import dataclass
from gradc.language.source import Span
from gradc.language.spelling import closest
from gradc.language.syntax import (
    Assign,
    Binary,
    Braced,
    Call,
    Conditional,
    Declare,
    Definition,
    Expression,
    Index,
    List,
    Literal,
    Name,
    Pattern,
    Slice,
    Special,
    SyntaxTree,
    Transpose,
    Unary,
    Unpack,
    children,
    names_in,
    results_of,
    target_of,
    walk,
)
from gradc.program import Signature


def resolve(tree: SyntaxTree, own: Mapping[str, Builtin] | None = None) -> Signature:
    """Resolve the names of a program, which may have functions of its user's own. Raises `Error` for unknown functions,
    wrong arity and misused names."""
    return _Resolver(own or {}).run(tree)


@dataclass(eq=False, slots=True)
class Origin:
    """The inputs that a value is made of: some by name, and those of other values."""

    inputs: set[str] = field(default_factory=set)
    values: list[Origin] = field(default_factory=list)

    @property
    def is_constant(self) -> bool:
        found: set[str] = set()
        self.add_to(found, set())
        return not found

    def add_to(self, found: set[str], seen: set[Origin]) -> None:
        """Add the inputs of what has not been seen yet: a program is walked once, however often it asks."""
        stack = [self]
        while stack:
            origin = stack.pop()
            if origin not in seen:
                seen.add(origin)
                found |= origin.inputs
                stack += origin.values


HELP_WITH_FUNCTIONS = {
    "step": "define it before and give its name: `def step(s, x) = s + x; {}(step, ...)`",
    "until": "the condition is a function of the state: `def done(s) = s > 3; {}(step, x, until=done)`",
}
"""What to write for a parameter that names a `def`."""

Locals = dict[str, Origin]
"""The names of a function, with the inputs whose integers they hand on."""


@dataclass(frozen=True)
class _Variable:
    """What a call takes a derivative for."""

    value: Expression
    call: Call


class _Resolver:
    def __init__(self, own: Mapping[str, Builtin]) -> None:
        self.own = own
        self.functions = {**FUNCTIONS, **own} if own else FUNCTIONS
        """Those that the program need not define."""
        self.inputs: dict[str, Span] = {}
        self.declared: dict[str, Type] = {}
        self.sizes: dict[str, None] = {}
        self.assigned: dict[str, Origin] = {}
        """What names are made of."""
        self.carried: dict[str, Origin] = {}
        """The inputs whose integers they hand on, changed by no more than integer arithmetic."""
        self.indexing: dict[str, frozenset[str]] = {}
        self.defined: dict[str, Definition] = {}
        self.integers: set[str] = set()
        self.seen_in_integers: set[Origin] = set()

    def run(self, tree: SyntaxTree) -> Signature:
        for statement in tree.statements:
            match statement:
                case Declare():
                    self._declare(statement)
                case Assign() | Unpack():
                    self._assign(statement)
                case Definition():
                    self._define(statement)
        parameters = self._parameters_of(tree.function) if tree.function is not None else {}
        self._body(tree.result, {})
        for each in results_of(tree):
            self._wanted(each)
        if tree.function is not None:
            self._check_strays(tree.function, parameters)
        self.integers &= set(self.inputs)
        names = parameters | dict.fromkeys(self.inputs)
        inputs = tuple(name for name in names if name not in self.sizes or name in self.declared)
        results = result_names(tree, self.functions)
        guess = partial(ranks, tree, self.declared, self.sizes, self.functions)
        return Signature(
            inputs, self.declared, tuple(self.sizes), frozenset(self.integers).difference(self.declared), guess,
            results,
        )  # fmt: skip

    # ------------------------------------------------------------ a program that is a function

    def _parameters_of(self, function: Definition) -> dict[str, None]:
        """The parameters of the function that a program is, which are its first inputs."""
        self._check_repeated(function)
        self._check_recursion(function)
        for parameter, default in function.parameters:
            name = parameter.id
            if isinstance(parameter, Pattern):
                raise Error(
                    "G0307", f"`{name}` cannot be an input: a program takes numbers and arrays", parameter.span,
                    help="write its names as parameters of their own",
                )  # fmt: skip
            self._bindable(parameter)
            if default is not None:
                raise Error(
                    "G0307", f"`{name}` is an input of the program, which has no default", default.span,
                    help="leave the value out: calls give it",
                )  # fmt: skip
            if name in self.assigned or (name in self.sizes and name not in self.declared):
                raise Error(
                    "G0305", f"`{name}` has a value already", parameter.span, help="give the parameter another name"
                )
            self.inputs.setdefault(name, parameter.span)
        return {parameter.id: None for parameter, _ in function.parameters}

    def _check_strays(self, function: Definition, parameters: Mapping[str, None]) -> None:
        """Refuse names that are neither parameters nor declared: a misspelt one would be an input."""
        for name, span in self.inputs.items():
            if name not in parameters and name not in self.declared:
                near = closest(name, parameters)
                added = f"{function.name.id}({', '.join([*parameters, name][:10])}) = ..."
                raise Error(
                    "G0301", f"`{name}` is no parameter of `{function.name.id}`", span,
                    help=f"did you mean `{near}`?" if near else f"add it, as in `{added}`, or give it a value before",
                )  # fmt: skip

    # ------------------------------------------------------------ statements

    def _declare(self, statement: Declare) -> None:
        name = statement.name.id
        self._bindable(statement.name)
        if statement.dtype not in DTYPES:
            raise Error(
                "G0202", f"unknown element type `{statement.dtype}`", statement.span,
                help="the element types are " + ", ".join(DTYPES),
            )  # fmt: skip
        if name in self.declared:
            raise Error("G0305", f"`{name}` is declared twice", statement.name.span)
        if name in self.inputs:
            raise Error(
                "G0305", f"`{name}` is declared after it was used", statement.name.span,
                help="put the declaration first",
            )  # fmt: skip
        shape: list[Size] = []
        for size in statement.shape:
            if isinstance(size, Literal):
                if not isinstance(size.value, int):
                    raise Error("G0202", "a size must be a whole number or a name", size.span)
                shape.append(size.value)
            else:
                shape.append(size.id)
                self.sizes.setdefault(size.id)
        self.declared[name] = Type(statement.dtype, tuple(shape))
        self.inputs.setdefault(name, statement.name.span)

    def _assign(self, statement: Assign | Unpack) -> None:
        for name in self._targets(statement):
            if name.id in self.inputs and name.id not in self.assigned:
                raise Error(
                    "G0305", f"`{name.id}` is an input and cannot be assigned", name.span,
                    help="it was used before this line, so it is an input; choose another name for the new value",
                )  # fmt: skip
        origin = self._expression(statement.value, {})
        for target, carrier in self._carried(statement, {}):
            self.assigned[target] = origin
            self.carried[target] = carrier

    def _targets(self, statement: Assign | Unpack) -> Iterator[Name]:
        """The names that a statement gives values to, checked."""
        seen: set[str] = set()
        for name in names_in(target_of(statement)):
            self._bindable(name)
            if name.id in seen:
                raise Error("G0305", f"`{name.id}` is given two values", name.span, help="choose another name for one")
            seen.add(name.id)
            yield name

    def _carried(self, statement: Assign | Unpack, local: Locals) -> Iterator[tuple[str, Origin]]:
        """The names that a statement gives values to, and the inputs whose integers these hand on."""
        pairs: list[tuple[Name | Pattern, Expression | None]] = [(target_of(statement), statement.value)]
        while pairs:
            target, value = pairs.pop()
            if isinstance(target, Name):
                yield target.id, Origin() if value is None else self._carriers(value, local)
            elif isinstance(value, List) and len(value.items) == len(target.items):
                pairs += zip(target.items, value.items)
            else:
                pairs += [(item, None) for item in target.items]

    def _define(self, statement: Definition) -> None:
        name = statement.name.id
        if name in self.defined:
            raise Error("G0305", f"function `{name}` is defined twice", statement.name.span)
        if name in self.own:
            raise Error(
                "G0305", f"function `{name}` is one that the program was given", statement.name.span,
                help="choose another name for one of the two",
            )  # fmt: skip
        self._check_repeated(statement)
        local = {each.id: Origin() for parameter, _ in statement.parameters for each in names_in(parameter)}
        for _, default in statement.parameters:
            if default is not None and not self._expression(default, {}).is_constant:
                raise Error(
                    "G0307", "a default value cannot use inputs", default.span,
                    help="give a number, or pass the value at each call",
                )  # fmt: skip
        self._check_recursion(statement)
        self._body(statement.body, dict(local))
        self.indexing[name] = frozenset(each for each, origin in local.items() if origin in self.seen_in_integers)
        self.defined[name] = statement

    def _body(self, body: Expression | Braced, local: Locals) -> None:
        """What a function computes, or the program: of a block, the statements and then the result."""
        if isinstance(body, Braced):
            for statement in body.statements:
                self._expression(statement.value, local)
                for each in self._targets(statement):
                    if each.id in self.inputs and each.id not in local and each.id not in self.assigned:
                        raise Error(
                            "G0305", f"`{each.id}` was an input until here", each.span,
                            help="it was used before this place, so it is an input; choose another name for the value",
                        )  # fmt: skip
                local.update(self._carried(statement, local))
            body = body.result
        self._expression(body, local)

    @staticmethod
    def _check_repeated(definition: Definition) -> None:
        seen: set[str] = set()
        for parameter in (name for target, _ in definition.parameters for name in names_in(target)):
            if parameter.id in seen:
                raise Error(
                    "G0305", f"parameter `{parameter.id}` is named twice", parameter.span,
                    help="give each parameter its own name",
                )  # fmt: skip
            seen.add(parameter.id)

    @staticmethod
    def _check_recursion(definition: Definition) -> None:
        name = definition.name.id
        for call in walk(definition.body):
            if isinstance(call, Call) and call.function == name:
                raise Error(
                    "G0306", f"function `{name}` calls itself", call.function_span,
                    help="a function uses functions defined before it; what repeats is a fold over the rows of an "
                    "array: `fold(step, start, X)` with `def step(state, x) = ...`",
                )  # fmt: skip

    @staticmethod
    def _bindable(name: Name) -> None:
        if name.id in CONSTANTS:
            raise constant_named(name)

    # ------------------------------------------------------------ expressions

    def _expression(self, expression: Expression, local: Locals) -> Origin:
        """What an expression depends on; records its inputs, and which of them are indices."""
        found = Origin()
        if isinstance(expression, Special):
            raise no_number(expression.span)
        stack: list[Any] = [expression]
        while stack:
            node = stack.pop()
            match node:
                case _Variable():
                    for name in self._variables(node, local):
                        self._name(name, local, found)
                    continue
                case Name():
                    self._name(node, local, found)
                    continue
                case Literal():
                    continue
                case Call():
                    self._call(node)
                case Binary(op="**", left=Name(id="e")) if self._is_undeclared_e(node.left, local):
                    raise Error(
                        "G0301", "`e` is not a constant here", node.left.span,
                        help="write exp(x) for e to the power x; to use an input called e, declare it: `e: f64; ...`",
                    )  # fmt: skip
            parts = children(node)
            if isinstance(node, (Call, Index)):
                for index in self._indices(node):
                    self._carriers(index, local).add_to(self.integers, self.seen_in_integers)
            elif not isinstance(node, (List, Slice)):
                for part in parts:
                    self._wanted(part)
            if isinstance(node, Call):
                parts = self._values(node)
            stack += reversed(parts)
        return found

    def _values(self, node: Call) -> tuple[Expression | Slice | Special, ...]:
        """The arguments of a call that are values: checks those that are functions."""
        row = None if node.function in self.defined else self.functions.get(node.function)
        if row is None or not (row.functions or row.variables):
            return children(node)
        found: list[Any] = []
        for parameter, value in self._by_parameter(node):
            if parameter in row.variables:
                found.append(_Variable(value, node))
            elif parameter not in row.functions:
                found.append(value)
            elif not isinstance(value, Name) or value.id not in self.defined:
                near = closest(value.id, self.defined) if isinstance(value, Name) else None
                raise Error(
                    "G0302", f"`{node.function}` takes a function of the program here", value.span,
                    help=f"did you mean `{near}`?" if near else HELP_WITH_FUNCTIONS[parameter].format(node.function),
                )  # fmt: skip
        return tuple(found)

    def _variables(self, variable: _Variable, local: Locals) -> Iterator[Name]:
        """The names that a derivative is taken for, which have been seen by then."""
        value, call = variable.value, variable.call
        for item in value.items if isinstance(value, List) and not value.is_array and value.items else (value,):
            if not isinstance(item, Name) or item.id in CONSTANTS:
                raise Error(
                    "G0402", f"`{call.function}` takes derivatives for names", item.span,
                    help=f"give it a name before, as in `q = x + y; {call.function}(q * z, q)`",
                )  # fmt: skip
            known = (local, self.assigned, self.inputs, self.declared)
            if item.id in self.defined and not any(item.id in names for names in known):
                raise Error("G0402", f"`{item.id}` is a function: derivatives are for values", item.span)
            if not any(item.id in names for names in known):
                near = closest(item.id, [name for names in known for name in names])
                raise Error(
                    "G0402", f"there is no `{item.id}` before this derivative for it", item.span,
                    help=f"did you mean `{near}`?" if near else "it is for an input or a value that has been used or "
                    "declared; the derivative for anything else is 0",
                )  # fmt: skip
            yield item

    # ------------------------------------------------------------ what indices are made of

    def _indices(self, node: Expression | Slice | Special) -> Iterator[Expression]:
        """The parts of an expression that it indexes by."""
        if isinstance(node, Index):
            yield from (item for item in node.items if not isinstance(item, (Slice, Special)))
        elif isinstance(node, Call):
            wanted = self.indexing.get(node.function)
            yield from self._indices_of_step(node)
            if wanted is None and node.function in self.functions:
                wanted = self.functions[node.function].indices
            if wanted:
                yield from (value for parameter, value in self._by_parameter(node) if parameter in wanted)

    def _indices_of_step(self, node: Call) -> Iterator[Expression]:
        """The arrays whose rows a function of the program indexes by."""
        row = None if node.function in self.defined else self.functions.get(node.function)
        if row is None or "step" not in row.functions or "..." not in row.parameters or not node.args:
            return
        step = node.args[0]
        if isinstance(step, Name) and step.id in self.defined:
            for (parameter, _), array in zip(self.defined[step.id].parameters[1:], node.args[2:]):
                if parameter.id in self.indexing.get(step.id, ()):
                    yield array

    def _by_parameter(self, node: Call) -> Iterator[tuple[str, Expression]]:
        """The arguments of a call with the parameters that they are for."""
        names, _ = self._parameters(node.function) or ((), 0)
        return by_parameter(node, names)

    def _parameters(self, function: str) -> tuple[tuple[str, ...], int] | None:
        """The parameters of a function, and how many of them have no default; None if nobody defined it."""
        if function in self.defined:
            pairs = self.defined[function].parameters
            return tuple(parameter.id for parameter, _ in pairs), sum(default is None for _, default in pairs)
        found = self.functions.get(function)
        return (found.parameters, found.required) if found else None

    def _carriers(self, expression: Expression, local: Locals) -> Origin:
        """The inputs whose integers an expression hands on."""
        found = Origin()
        for name in self._carrying_names(expression):
            if name.id in local:
                found.values.append(local[name.id])
            elif name.id in self.carried:
                found.values.append(self.carried[name.id])
            else:
                found.inputs.add(name.id)
        return found

    def _carrying_names(self, expression: Expression) -> Iterator[Name]:
        stack: list[Expression | Slice | Special] = [expression]
        while stack:
            node = stack.pop()
            match node:
                case Name():
                    yield node
                case Unary() | Binary(op="+" | "-" | "*" | "//" | "%") | List():
                    stack += children(node)
                case Conditional():
                    stack += (node.then, node.otherwise)
                case Index() | Transpose():
                    stack.append(node.value)
                case Call() if node.function in self.defined:
                    stack += children(node)
                case Call() if node.function in self.functions:
                    keeps = self.functions[node.function].keeps
                    stack += (value for parameter, value in self._by_parameter(node) if parameter in keeps)

    @staticmethod
    def _wanted(part: Expression | Slice | Special) -> None:
        """Refuse a word, or a list in round brackets, where only a number or an array makes sense."""
        if isinstance(part, List) and not part.is_array:
            raise tuple_for_number(part.span, len(part.items))
        if isinstance(part, Special):
            raise no_number(part.span)

    def _is_undeclared_e(self, node: Expression, local: Locals) -> bool:
        return "e" not in local and "e" not in self.declared and "e" not in self.assigned

    def _name(self, node: Name, local: Locals, found: Origin) -> None:
        """Add what a name stands for to what has been found."""
        name = node.id
        if name in local or name in CONSTANTS:
            return
        if name in self.assigned:
            found.values.append(self.assigned[name])
            return
        if name in self.sizes and name not in self.declared:
            return
        if name in self.defined and name not in self.declared and name not in self.inputs:
            parameters = self.defined[name].parameters
            raise Error(
                "G0307", f"`{name}` is a function, not a value", node.span,
                help=f"call it, as in `{name}({', '.join(parameter.id for parameter, _ in parameters)})`; an input of "
                "this name has to be declared",
            )  # fmt: skip
        if name.startswith("__"):
            raise Error(
                "G0301", f"`{name}` is not a valid input name", node.span,
                help="input names do not start with two underscores",
            )  # fmt: skip
        self.inputs.setdefault(name, node.span)
        found.inputs.add(name)

    def _call(self, node: Call) -> None:
        found = self._parameters(node.function)
        if found is None:
            raise self._unknown(node)
        names, least = found
        self._check_arguments(node, names, least)

    def _unknown(self, node: Call) -> Error:
        name, span = node.function, node.function_span
        is_value = name in self.inputs or name in self.assigned or name in CONSTANTS
        is_short = len(name) <= 2 and len(node.args) == 1 and name not in INSTEAD
        if is_value or is_short:
            return Error(
                "G0104", f"`{name}` is not a function: a `*` is missing", Span(span.source, span.start, span.stop + 1),
                help=f"write `{name} * (...)` to multiply",
            )  # fmt: skip
        if name in INSTEAD:
            return Error("G0302", f"there is no function `{name}`", span, help=INSTEAD[name])
        near = closest(name, (*self.defined, *sorted(self.functions)), affixes=True)
        return Error(
            "G0302", f"unknown function `{name}`", span,
            help=f"did you mean `{near}`?" if near else "define it first: `def name(t) = ...`",
        )  # fmt: skip

    @staticmethod
    def _check_arguments(node: Call, names: tuple[str, ...], least: int) -> None:
        many = "..." in names
        if not many and not node.keywords and least <= len(node.args) <= len(names):
            return
        known = set(names) - {"..."}
        named_only = names[names.index("...") + 1 :] if many else ()
        names = tuple(name for name in names if name not in ("...", *named_only))
        given = set(names[: len(node.args)])
        for key, _ in node.keywords:
            if key.id in given:
                raise Error(
                    "G0304",
                    f"argument `{key.id}` of `{node.function}` is given twice",
                    key.span,
                    help="drop one of them",
                )
            if key.id not in known:
                near = closest(key.id, known)
                raise Error(
                    "G0304", f"`{node.function}` has no argument `{key.id}`", key.span,
                    help=f"did you mean `{near}`?" if near else f"its arguments are {', '.join(names)}",
                )  # fmt: skip
            given.add(key.id)
        positional = len(node.args)
        missing = [name for name in names[:least] if name not in given]
        if missing or (positional > len(names) and not many):
            wanted = str(least) if least == len(names) or many else f"{least} to {len(names)}"
            help = f"its arguments are {', '.join(names)}" if names else None
            if positional > len(names) and names[:1] == ("arrays",):
                help = f"put the arrays in brackets: `{node.function}([a, b])`"
            raise Error(
                "G0303",
                f"`{node.function}` takes {'at least ' if many else ''}{wanted} argument{'s' * (wanted != '1')}, "
                f"not {positional + len(node.keywords)}",
                node.span,
                help=help,
            )
