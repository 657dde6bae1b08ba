"""How many axes each input has, guessed from the program, for when no values are there to tell.

The program becomes a list of cells (`cells.py`), one for each value, parts before wholes. Cells know how many axes they
have if their parts have so many, and what they ask of their parts: `@` asks for vectors, `sum(x, axis=1)` for a matrix.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any, Union

from gradc.construct.functions import FUNCTIONS, Builtin
from gradc.frontends.cells import EITHER, Cell, reach, settle
from gradc.ir.types import Type
from gradc.language.errors.expressions import CONSTANTS
from gradc.language.record import dataclass
from gradc.language.syntax import (
    Assign,
    Binary,
    Braced,
    Call,
    Comparison,
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
    SyntaxTree,
    Transpose,
    Unary,
    Unpack,
    children,
    names_in,
    target_of,
)
from gradc.program import Ranks

BIAS = re.compile(r"(b|bias|intercept)_?[0-9]*", re.ASCII)
"""What is added to `X @ w`, one number for each row of the data, is a number itself if it is called so."""

Part = Expression | Slice | Special

Value = Union["Cell", tuple["Value", ...]]
"""What an expression is: a cell, or of a tuple one for each part."""


def ranks(
    tree: SyntaxTree,
    declared: Mapping[str, Type],
    sizes: Iterable[str],
    functions: Mapping[str, Builtin] = FUNCTIONS,
) -> Ranks:
    """The ranks of a program's inputs."""
    reader = _Reader(declared, sizes, functions)
    for statement in tree.statements:
        match statement:
            case Definition():
                reader.define(statement)
            case Assign() | Unpack():
                reader.give(target_of(statement), reader.read(statement.value, {}), reader.assigned)
    reader.body(tree.result, {})
    settle(reader.cells)
    likely = {name: cell.asked for name, cell in reader.inputs.items() if cell.asked and cell.is_open}
    return Ranks(likely, {name: reader.inputs[name].firm for name in likely})


@dataclass(frozen=True)
class _Function:
    """A definition: its parameters, and which of them hand their further axes on to the result."""

    parameters: tuple[str, ...]
    cells: tuple[Value, ...]
    result: Value
    shifts: Mapping[Cell, Mapping[Cell, int]]
    """Of each cell of the result: by how many axes it has more than cells of the parameters."""


@dataclass
class _Reader:
    """Makes the cells of a program."""

    declared: Mapping[str, Type]
    sizes: Iterable[str]
    builtins: Mapping[str, Builtin]
    cells: list[Cell] = field(default_factory=list)
    inputs: dict[str, Cell] = field(default_factory=dict)
    assigned: dict[str, Value] = field(default_factory=dict)
    functions: dict[str, _Function] = field(default_factory=dict)

    def body(self, body: Expression | Braced, scope: dict[str, Value]) -> Value:
        """What a function or the program gives: of a block, after its statements."""
        if isinstance(body, Braced):
            for statement in body.statements:
                self.give(target_of(statement), self.read(statement.value, scope), scope)
            body = body.result
        return self.read(body, scope)

    def give(self, target: Name | Pattern, value: Value, scope: dict[str, Value]) -> None:
        """Give the names of a target their parts of a value."""
        stack: list[tuple[Name | Pattern, Value]] = [(target, value)]
        while stack:
            part, value = stack.pop()
            if isinstance(part, Name):
                scope[part.id] = value
            elif isinstance(value, tuple) and len(value) == len(part.items):
                stack += zip(part.items, value)
            else:
                cell = self._one(value)
                stack += [(item, cell) for item in part.items]

    def _one(self, value: Value) -> Cell:
        """A value as one cell: a tuple has as many axes as the widest of its parts."""
        if isinstance(value, Cell):
            return value
        cells = list(_leaves(value))
        return self._add(Cell(cells, (), [0] * len(cells)))

    def read(self, expression: Expression, scope: Mapping[str, Value]) -> Value:
        """The cell of an expression; those of its parts come before it in the list."""
        tasks: list[tuple[Part, bool]] = [(expression, False)]
        values: list[Value] = []
        while tasks:
            node, is_ready = tasks.pop()
            parts = self._parts(node)
            if parts and not is_ready:
                tasks.append((node, True))
                tasks += [(part, False) for part in reversed(parts)]
                continue
            arguments = values[len(values) - len(parts) :]
            del values[len(values) - len(parts) :]
            match node:
                case Name():
                    values.append(self._name(node, scope))
                case List(is_array=False):
                    values.append(tuple(arguments))
                case Index() if isinstance(arguments[0], tuple):
                    values.append(self._part(node, arguments[0]))
                case Index() if self._gives_tuple(node.value):
                    values.append(self._one(arguments[0]))
                case Call() if node.function in self.functions:
                    values.append(self._call(node, self.functions[node.function], arguments))
                case Call() if self.builtins[node.function].axes(several=False).result == "loop":
                    values.append(self._loop(node, arguments))
                case _:
                    values.append(self._cell(node, [self._one(value) for value in arguments]))
        return values[0]

    def _part(self, node: Index, values: tuple[Value, ...]) -> Value:
        """One of the values of a tuple; all of them where the index is no number that is written there."""
        positions = [number for item in node.items if isinstance(item, Literal | Unary) for number in _numbers(item)]
        is_one = len(positions) == 1 and -len(values) <= positions[0] < len(values)
        return values[positions[0]] if is_one else self._one(values)

    def _gives_tuple(self, node: Expression) -> bool:
        return isinstance(node, Call) and node.function in self.builtins and bool(self.builtins[node.function].parts)

    def define(self, definition: Definition) -> None:
        """A definition, its parameters guessed from its body."""
        names = tuple(parameter.id for parameter, _ in definition.parameters)
        scope: dict[str, Value] = {}
        parameters = []
        for parameter, _ in definition.parameters:
            scope |= {name.id: self._add(_free(name.id)) for name in names_in(parameter)}
            parameters.append(_shaped(parameter, scope))
        free = [cell for value in parameters for cell in _leaves(value)]
        start = len(self.cells)
        result = self.body(definition.body, scope)
        if len(list(_leaves(result))) > MAX_LEAVES:
            result = self._one(result)
        body = self.cells[start:]
        settle([*free, *body])
        carried = {cell: reach(cell, body) for cell in _leaves(result)}
        self.functions[definition.name.id] = _Function(names, tuple(parameters), result, carried)

    def _add(self, cell: Cell) -> Cell:
        self.cells.append(cell)
        return cell

    def _input(self, name: str) -> Cell:
        if name in self.declared:
            return self._add(Cell(least=self.declared[name].rank, is_static=False, is_data=name[:1] == "X"))
        return self._add(_free(name))

    def _name(self, node: Name, scope: Mapping[str, Value]) -> Value:
        name = node.id
        if name in scope:
            return scope[name]
        if name in self.assigned:
            return self.assigned[name]
        if name in CONSTANTS or (name in self.sizes and name not in self.declared):
            return self._add(Cell())
        if name not in self.inputs:
            self.inputs[name] = self._input(name)
        return self.inputs[name]

    def _parts(self, node: Part) -> tuple[Part, ...]:
        """The parts of a node that are arrays."""
        match node:
            case Call():
                return tuple(value for _, value in self._arguments(node))
            case Index():
                return (node.value, *(item for item in node.items if not isinstance(item, (Slice, Special))))
            case Slice() | Special() | Subscripts():
                return ()
        return tuple(part for part in children(node) if not isinstance(part, Special))

    def _arguments(self, node: Call) -> Iterator[tuple[str, Expression]]:
        """The arguments of a call that are arrays, by parameter."""
        builtin = None if node.function in self.functions else self.builtins[node.function]
        if builtin is not None and builtin.definition is not None:
            self.define(builtin.definition)
            self.functions[node.function] = self.functions[builtin.name]
            builtin = None
        parameters = builtin.parameters if builtin else self.functions[node.function].parameters
        for parameter, value in by_parameter(node, parameters):
            if isinstance(value, (Special, Subscripts)) or (builtin and parameter in builtin.functions):
                continue
            if builtin is None or not (needs := builtin.axes(_is_several(node)).needs) or parameter in needs:
                items = _items(value) if parameter == "arrays" else (value,)
                yield from ((parameter, item) for item in items)

    def _cell(self, node: Part, parts: list[Cell]) -> Cell:
        zeros = [0] * len(parts)
        match node:
            case Binary(op="@"):
                return self._add(Cell(parts, (EITHER, EITHER), zeros, rule="@"))
            case Binary(op="+" | "-"):
                return self._add(Cell(parts, (), zeros, rule="+"))
            case Comparison():
                return self._add(Cell(parts, (), zeros, rule="<"))
            case Transpose():
                return self._add(Cell(parts, (EITHER,), zeros))
            case List(is_array=True):
                return self._add(Cell(parts, (), [1] * len(parts), least=1))
            case Index():
                return self._index(node, parts)
            case Call():
                return self._builtin(node, self.builtins[node.function], parts)
        return self._add(Cell(parts, (), zeros))

    def _index(self, node: Index, parts: list[Cell]) -> Cell:
        value, *items = parts
        used = sum(not isinstance(item, Special) for item in node.items)
        new = sum(isinstance(item, Special) and item.kind != "ellipsis" for item in node.items)
        arrays = [item for item in items if item.rank or not item.is_static]
        shift = new - len(items) + bool(arrays)
        need = max(used, EITHER if not arrays else value.least_of(EITHER))
        needs = (need, *[int(item in arrays) for item in items])
        is_cut = bool(arrays) or any(isinstance(item, Slice) for item in node.items)
        return self._add(Cell(parts, needs, (shift, *[None] * len(items)), is_cut=is_cut))

    def _call(self, node: Call, function: _Function, arguments: list[Value]) -> Value:
        """A call of a definition: what its body asks of the parameters, and the body's own rank."""
        pairs: list[tuple[Cell, Cell]] = []
        stack: list[tuple[Value, Value]] = [
            (function.cells[function.parameters.index(parameter)], value)
            for (parameter, _), value in zip(self._arguments(node), arguments)
        ]
        while stack:
            parameter, value = stack.pop()
            if isinstance(parameter, tuple) and isinstance(value, tuple) and len(parameter) == len(value):
                stack += zip(parameter, value)
            else:
                cell = self._one(value)
                pairs += [(leaf, cell) for leaf in _leaves(parameter)]
        pairs.reverse()
        parts = [part for _, part in pairs]

        def given(result: Cell) -> Cell:
            shifts = function.shifts[result]
            return self._add(
                Cell(
                    (*parts, result),
                    [cell.firm for cell, _ in pairs],
                    (*[shifts.get(cell) for cell, _ in pairs], 0),
                    is_open=any(part.is_open for part in parts),
                    wishes=[cell.asked for cell, _ in pairs],
                )
            )

        made = {leaf: given(leaf) for leaf in _leaves(function.result)}
        return _replaced(function.result, made)

    def _loop(self, node: Call, arguments: list[Value]) -> Value:
        """A function done again and again: the state has the axes that it begins with, and each array one axis more
        than its rows."""
        step = self.functions[dict(self._steps(node))["step"].id]
        kinds = [parameter for parameter, _ in self._arguments(node)]
        state, rows = step.cells[0] if step.cells else (), list(step.cells[1:])
        pairs: list[tuple[Cell, Cell, int]] = []
        for kind, value in zip(kinds, arguments):
            wanted = state if kind == "start" else rows.pop(0) if rows else ()
            leaves, cells = list(_leaves(value)), list(_leaves(wanted))
            by = int(kind == "...")
            pairs += [(leaf, cells[k] if len(cells) == len(leaves) else Cell(), by) for k, leaf in enumerate(leaves)]
        parts = [part for part, _, _ in pairs]
        is_scan = int(self.builtins[node.function].name == "scan")

        def given(start: Cell) -> Cell:
            shifts: list[int | None] = [is_scan if part is start else None for part in parts]
            needs = [cell.firm + by for _, cell, by in pairs]
            wishes = [cell.asked + by for _, cell, by in pairs]
            return self._add(Cell(parts, needs, shifts, is_scan, wishes=wishes))

        start = arguments[kinds.index("start")] if "start" in kinds else ()
        return _replaced(start, {leaf: given(leaf) for leaf in _leaves(start)})

    def _steps(self, node: Call) -> Iterator[tuple[str, Name]]:
        """The functions among the arguments of a call, by parameter."""
        row = self.builtins[node.function]
        for parameter, value in by_parameter(node, row.parameters):
            if parameter in row.functions and isinstance(value, Name):
                yield parameter, value

    def _builtin(self, node: Call, builtin: Builtin, parts: list[Cell]) -> Cell:
        """A call of a function of the language, by the axes that its row tells."""
        given = dict(by_parameter(node, builtin.parameters))
        axes, asked = builtin.axes(several=_is_several(node)), [parameter for parameter, _ in self._arguments(node)]
        words = [axes.needs.get(parameter, "*") for parameter in asked]
        needs = [EITHER if word == "m" else int(digits) if (digits := word.strip("=*")) else 0 for word in words]
        along = _numbers(given.get("axis")) or _numbers(given.get("axes"))
        if along and needs:
            reach = max(len(along), *[-axis if axis < 0 else axis + 1 for axis in along])
            if axes.result in ("x-axis", "picked"):
                reach = max(reach, parts[0].least_of(EITHER))
            needs[0] = max(needs[0], reach - {"x+1": 1, "x+axis": len(along)}.get(axes.result, 0))
        least, rule = 0, "alike" if any("=" in word for word in words) else ""
        shifts: list[int | None] = [None] * len(parts)
        match axes.result:
            case "*":
                shifts = [0 if word == "*" else None for word in words]
            case "second":  # of a derivative
                shifts = [None, 0]
            case "x-last":
                shifts = [-1, None]
            case "widest":
                shifts = [0] * len(parts)
            case "b":
                shifts = [None, *[0] * (len(parts) - 1)]
            case "x" | "y" | "x+1" | "x+axis":
                by = {"x+1": 1, "x+axis": len(along or (0,))}.get(axes.result, 0)
                shifts = [by] * len(parts) if rule else [by, *shifts[1:]]
                least = by
            case "x-axis" | "y-axis" if _is_true(given.get("keepdims")):
                shifts[0] = 0
            case "x-axis" | "y-axis" if along or builtin.name in ("squeeze", "trapezoid"):
                shifts[0] = -len(along or ([0] if builtin.name == "trapezoid" else ()))
            case "shape":
                least = len(_items(given.get("shape")))
            case "picked":
                shifts[0] = -1 + (parts[1].rank or not parts[1].is_static)
                needs[1] = int(not parts[1].is_static)
            case "subscripts":
                needs, least = _letters(node, len(parts))
            case "@" | "diag":
                rule, shifts = axes.result, [0] * len(parts)
            case "loss":
                rule = axes.result
            case number if number.isdigit():
                least = int(number)
        is_cut = axes.result in ("x+1", "1", "shape", "picked") or builtin.name in ("concatenate", "pad")
        return self._add(Cell(parts, needs, shifts, least, rule, is_cut=is_cut))


def _free(name: str) -> Cell:
    """An input of which nothing is known, or a parameter."""
    return Cell(
        is_open=True, is_capital=name[:1].isupper(), is_data=name[:1] == "X", is_bias=bool(BIAS.fullmatch(name))
    )


MAX_LEAVES = 50
"""Of a function with a larger tuple for a result, all parts are taken to have as many axes."""


def _leaves(value: Value) -> Iterator[Cell]:
    """The cells of a value, in order."""
    stack: list[Value] = [value]
    while stack:
        part = stack.pop()
        if isinstance(part, Cell):
            yield part
        else:
            stack += reversed(part)


def _shaped(target: Name | Pattern, scope: Mapping[str, Value]) -> Value:
    """What a parameter stands for: the cells of its names."""
    return _built_of(
        target, lambda part: part.items if isinstance(part, Pattern) else None, lambda part: scope[part.id]
    )


def _replaced(value: Value, cells: Mapping[Cell, Cell]) -> Value:
    """A value with other cells in the places of its own."""
    return _built_of(value, lambda part: part if isinstance(part, tuple) else None, lambda part: cells[part])


def _built_of(whole: Any, parts: Callable[[Any], Sequence[Any] | None], leaf: Callable[[Any], Value]) -> Value:
    """Nested tuples of the shape of something else."""
    waiting: list[tuple[Any, bool]] = [(whole, False)]
    made: list[Value] = []
    while waiting:
        part, is_ready = waiting.pop()
        inner = parts(part)
        if inner is None:
            made.append(leaf(part))
        elif is_ready:
            count = len(inner)
            made[len(made) - count :] = [tuple(made[len(made) - count :])]
        else:
            waiting += [(part, True), *[(each, False) for each in reversed(inner)]]
    return made[0]


def by_parameter(node: Call, parameters: Sequence[str]) -> Iterator[tuple[str, Expression]]:
    """The arguments of a call with the parameters that they are for; `...` for more than those have names."""
    named = parameters[: parameters.index("...")] if "..." in parameters else parameters
    for position, value in enumerate(node.args):
        yield (named[position] if position < len(named) else "..."), value
    for key, value in node.keywords:
        yield key.id, value


def _is_several(node: Call) -> bool:
    """Whether a call of `max` or `min` compares values instead of reducing one."""
    return len(node.args) > 1 or any(key.id == "y" for key, _ in node.keywords)


def _items(value: Expression | None) -> tuple[Expression, ...]:
    """What a list holds, or the one thing that is given."""
    return value.items if isinstance(value, List) else () if value is None else (value,)


def _numbers(value: Expression | None) -> list[int]:
    """The whole numbers of an argument such as `axis`; none where it is something else."""
    found = []
    for item in _items(value):
        sign, item = (-1, item.operand) if isinstance(item, Unary) and item.op == "-" else (1, item)
        if not isinstance(item, Literal) or not isinstance(item.value, int):
            return []
        found.append(sign * item.value)
    return found


def _is_true(value: Expression | None) -> bool:
    return isinstance(value, Special) and value.kind == "true"


def _letters(node: Call, count: int) -> tuple[list[int], int]:
    """How many axes the arrays of an `einsum` have by its subscripts, and how many the result."""
    text = node.args[0].text if node.args and isinstance(node.args[0], Subscripts) else ""
    written, arrow, wanted = text.replace(" ", "").replace("...", "").partition("->")
    needs = [len(part) for part in written.split(",")]
    result = wanted if arrow else [letter for letter in written if written.count(letter) == 1]
    return (needs + [0] * count)[:count], len(result)
