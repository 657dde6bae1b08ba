"""The results of a program as text: what they are called, where it ends with a tuple, or with what gives one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from gradc.construct.functions import Builtin
from gradc.language.errors.expressions import CONSTANTS
from gradc.language.syntax import (
    Assign,
    Braced,
    Call,
    Definition,
    Expression,
    List,
    Name,
    Pattern,
    SyntaxTree,
    Unpack,
    names_in,
    target_of,
)


def result_names(tree: SyntaxTree, functions: Mapping[str, Builtin]) -> tuple[str, ...]:
    """What the several results of a program are called; nothing where it has one.

    A tuple that is written out has the names in it, and places for what has none: `(loss, x > 1)` is `loss` and
    `value1`. Functions with parts have NumPy's names, and loops those of the states that their step takes apart.
    """
    return _Reader(tree, functions).names()


class _Scope(NamedTuple):
    """What an expression sees: the statements before one of the program's, and the names of a function."""

    before: int
    local: Mapping[str, _Bound | None]


class _Bound(NamedTuple):
    """The value of a name, and what it sees."""

    value: Expression | Braced
    scope: _Scope


class _Reader:
    def __init__(self, tree: SyntaxTree, functions: Mapping[str, Builtin]):
        self.tree, self.functions = tree, functions
        self.given: dict[str, list[tuple[int, Expression | None]]] = {}
        """The values of names, and which statements gave them."""
        self.defined: dict[str, tuple[int, Definition]] = {}
        for place, statement in enumerate(tree.statements):
            match statement:
                case Assign() | Unpack():
                    for name, part in _parts(statement):
                        self.given.setdefault(name, []).append((place, part))
                case Definition():
                    self.defined[statement.name.id] = place, statement

    def names(self) -> tuple[str, ...]:
        found: _Bound | None = _Bound(self.tree.result, _Scope(len(self.tree.statements), {}))
        is_state = False
        names: tuple[str, ...] = ()
        while found is not None and not names:
            value, scope = found
            match value:
                case List(is_array=False):
                    names, found = _named(value.items), None
                case Braced():
                    found = _Bound(value.result, _inside(value, scope))
                case Name():
                    found = self._value(value.id, scope)
                case Call() if value.function in self.defined:
                    found = self._body(value, scope)
                case Call() if self.functions[value.function].parts:
                    names = self.functions[value.function].parts
                case Call() if self.functions[value.function].axes(several=False).result == "loop":
                    step, start = (_argument(value, self.functions[value.function].parameters, k) for k in range(2))
                    names = self._states(step)
                    found, is_state = None if start is None else _Bound(start, scope), True
                    continue
                case _:
                    found = None
            if is_state and names:
                return _places(len(names))
        return names

    def _value(self, name: str, scope: _Scope) -> _Bound | None:
        """What a name stands for: None for an input, and for a part of what nobody wrote out."""
        if name in scope.local:
            return scope.local[name]
        for place, value in reversed(self.given.get(name, ())):
            if place < scope.before:
                return None if value is None else _Bound(value, _Scope(place, {}))
        return None

    def _body(self, call: Call, scope: _Scope) -> _Bound:
        """The body of a function with the values of a call."""
        place, definition = self.defined[call.function]
        parameters = tuple(parameter.id for parameter, _ in definition.parameters)
        local: dict[str, _Bound | None] = {}
        for k, (parameter, _) in enumerate(definition.parameters):
            value = _argument(call, parameters, k)
            for name in names_in(parameter):
                is_whole = isinstance(parameter, Name) and value is not None
                local[name.id] = _Bound(value, scope) if is_whole and value is not None else None
        return _Bound(definition.body, _Scope(place, local))

    def _states(self, step: Expression | None) -> tuple[str, ...]:
        """The names of the states that a step takes apart."""
        if not isinstance(step, Name) or step.id not in self.defined:
            return ()
        _, definition = self.defined[step.id]
        first = definition.parameters[0][0] if definition.parameters else None
        return _named(first.items) if isinstance(first, Pattern) else ()


def _argument(call: Call, parameters: tuple[str, ...], place: int) -> Expression | None:
    """What a call gives for a parameter."""
    if place < len(call.args):
        return call.args[place]
    return next((value for name, value in call.keywords if name.id == parameters[place]), None)


def _inside(block: Braced, scope: _Scope) -> _Scope:
    """What the result of a block sees."""
    local = dict(scope.local)
    for statement in block.statements:
        inner = scope._replace(local=dict(local))
        local.update((name, None if part is None else _Bound(part, inner)) for name, part in _parts(statement))
    return scope._replace(local=local)


def _parts(statement: Assign | Unpack) -> Iterator[tuple[str, Expression | None]]:
    """The names that a statement gives values to, with these where they are written out."""
    pairs: list[tuple[Name | Pattern, Expression | None]] = [(target_of(statement), statement.value)]
    while pairs:
        target, value = pairs.pop()
        if isinstance(target, Name):
            yield target.id, value
        elif isinstance(value, List) and len(value.items) == len(target.items):
            pairs += zip(target.items, value.items)
        else:
            pairs += [(item, None) for item in target.items]


def _named(results: Sequence[Expression | Pattern]) -> tuple[str, ...]:
    """What results are called: by their names where they are names, others by their places."""
    found: dict[str, None] = {}
    for place, result in enumerate(results):
        name = result.id if isinstance(result, Name) and result.id not in (*found, *CONSTANTS) else f"value{place}"
        while name in found:
            name += "_"
        found[name] = None
    return tuple(found)


def _places(count: int) -> tuple[str, ...]:
    return tuple(f"value{k}" for k in range(count))
