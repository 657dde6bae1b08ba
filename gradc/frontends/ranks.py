"""How many axes each input has, guessed from the program, for when no values are there to tell.

The program becomes a list of cells, one for each value, parts before wholes. Cells know how many axes they have if
their parts have so many, and what they ask of their parts: `@` asks for vectors, `sum(x, axis=1)` for a matrix. Ranks
go up the list and demands go down it until nothing changes, which takes a few rounds: inputs get the fewest axes that
the program needs. Where a vector and a matrix both fit, as in `W @ x`, a name in capitals is a matrix.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any, Union

from gradc.construct.functions import FUNCTIONS, Builtin
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

MAX_RANK = 8
"""No input is guessed to have more axes."""

MAX_ROUNDS = 10
"""How often ranks and demands go through the program."""

EITHER = -1
"""Asks for a vector, or for a matrix of what is called by a capital letter."""

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


# ---------------------------------------------------------------- cells


@dataclass(eq=False, slots=True)
class Cell:
    """A value of the program."""

    parts: Sequence[Cell] = ()
    needs: Sequence[int] = ()
    """How many axes each part must have."""
    shifts: Sequence[int | None] = ()
    """How many axes more than a part the value has; None for a part whose axes it does not have."""
    least: int = 0
    """How many axes the value has whatever its parts have."""
    rule: str = ""
    """For what is not said by these numbers: one of `+ < @ alike diag loss`."""
    is_open: bool = False
    """Whether it may get more axes, because an input in it may."""
    is_capital: bool = False
    is_product: bool = False
    is_data: bool = False
    is_bias: bool = False
    is_cut: bool = False
    """Whether it has fewer or more elements than the inputs that it is made of."""
    is_static: bool = True
    """Whether no input is in it."""
    wishes: Sequence[int] = ()
    """Like `needs`, but what shares its axes with others may do without."""
    given: int = 0
    """How many axes the value has whatever inputs without a declaration have."""
    rank: int = 0
    asked: int = 0
    firm: int = 0
    """What is asked of this cell and of no other."""

    def __post_init__(self) -> None:
        carried = [part for part, shift in zip(self.parts, self.shifts) if shift is not None]
        self.is_open = self.is_open or any([part.is_open for part in carried])
        self.is_product = self.rule == "@" or any([part.is_product for part in carried])
        whole = [part for part, shift in zip(self.parts, self.shifts) if shift == 0]
        self.is_capital = self.is_capital or (self.rule != "@" and any([part.is_capital for part in whole]))
        self.is_data = self.is_data or any([part.is_data for part in (whole[:1] if self.rule == "@" else whole)])
        self.is_cut = self.is_cut or any([part.is_cut for part in carried])
        self.is_static = not self.is_open and all([part.is_static for part in self.parts]) and self.is_static
        self.rank = self.least
        if self.rule != "@" or all([part.given for part in self.parts]):
            self.given = _rank(self, [part.given for part in self.parts])

    def ask(self, rank: int, firmly: bool) -> bool:
        """Ask for so many axes; whether that is more than before."""
        rank = min(rank, MAX_RANK)
        is_more = rank > self.asked or (firmly and rank > self.firm)
        self.asked = max(self.asked, rank)
        self.firm = max(self.firm, rank if firmly else 0)
        return is_more

    def least_of(self, need: int) -> int:
        return need if need != EITHER else 2 if self.is_capital and self.is_open else 1


def settle(cells: Sequence[Cell]) -> None:
    """The ranks of cells, parts before wholes, that fulfil what is asked: first of one cell alone, then of several."""
    for softly in (False, True):
        for _ in range(MAX_ROUNDS):
            for cell in cells:
                cell.rank = _rank(cell, [part.rank for part in cell.parts])
            if not any([_hand_on(cell, softly) for cell in reversed(cells)]):
                break


def _rank(cell: Cell, parts: Sequence[int]) -> int:
    """How many axes a cell has if its parts have so many."""
    if not cell.parts:
        return max(cell.least, cell.asked if cell.is_open else 0)
    if cell.rule == "@":
        return _rank_of_product(*parts)
    if cell.rule == "diag":
        return 1 if parts[0] == 2 else 2
    return max([cell.least] + [rank + shift for rank, shift in zip(parts, cell.shifts) if shift is not None])


def _rank_of_product(left: int, right: int) -> int:
    left, right = max(left, 1), max(right, 1)
    return left + right - 2 if 1 in (left, right) else max(left, right)


def _hand_on(cell: Cell, also_softly: bool) -> bool:
    """Ask the parts of a cell for what the cell needs, and for what is asked of it; whether that was news."""
    parts = cell.parts
    firmly = [(part, part.least_of(need)) for part, need in zip(parts, cell.needs) if need]
    softly = list(zip(parts, cell.wishes))
    match cell.rule:
        case "@":
            firmly += _asked_of_product(cell)
        case "alike":
            rank = max([cell.asked - (cell.shifts[0] or 0)] + [part.rank for part in parts])
            firmly += [(part, rank) for part in parts]
        case "loss":
            firmly += [(parts[0], 1 if parts[0].is_product else 2), (parts[1], parts[0].rank - 1)]
        case _:
            carried = [(part, shift) for part, shift in zip(parts, cell.shifts) if shift is not None]
            if any(part.given + shift >= cell.asked for part, shift in carried):
                pass  # what meets a declared array may be a number
            elif sum(part.is_open for part, _ in carried) == 1:
                ((part, shift),) = [pair for pair in carried if pair[0].is_open]
                softly.append((part, cell.asked - shift if cell.asked else 0))
                firmly.append((part, cell.firm - shift if cell.firm else 0))
            elif cell.asked:
                softly += _shared(cell, carried)
            if cell.rule == "+" and cell.rank:
                softly += _terms(cell)
    news = [part.ask(rank, True) for part, rank in firmly if rank > 0]
    news += [part.ask(rank, False) for part, rank in softly if rank > 0 and also_softly]
    return any(news)


def _asked_of_product(cell: Cell) -> Iterator[tuple[Cell, int]]:
    """What `@` asks of its sides besides that they are arrays: where a vector is wanted, the left one is a matrix."""
    left, right = cell.parts
    ranks = [max(side.rank, side.least_of(EITHER)) for side in cell.parts]
    if cell.asked > _rank_of_product(*ranks):
        side, other = (left, right) if left.is_open else (right, left)
        yield side, max(cell.asked, 2)
        if cell.asked >= 2:
            yield other, 2


def _shared(cell: Cell, carried: Sequence[tuple[Cell, int]]) -> Iterator[tuple[Cell, int]]:
    """What is asked of several parts that broadcast: of matrices and products all of it, of the others to be vectors.
    What meets a part of an array, or is compared with an array, may be a number."""
    asked = cell.asked
    there = [part for part, shift in carried if part.rank + shift >= asked]
    is_there = bool(there)
    if is_there and (cell.rule == "<" or any(part.is_cut for part in there)):
        return
    leads = [part.is_open and (part.is_capital or part.is_product) for part, _ in carried]
    has_scores = any(_is_score(part) for part, _ in carried)
    for (part, shift), leading in zip(carried, leads):
        if part.is_open and not (has_scores and part.is_bias):
            yield part, (asked if not is_there and (leading or not any(leads)) else min(asked, 1)) - shift


def _terms(cell: Cell) -> Iterator[tuple[Cell, int]]:
    """What is added to a product of matrices is an array: a vector, or a matrix in capitals."""
    if any(part.is_product and part.rank == cell.rank for part in cell.parts):
        has_scores = any(_is_score(part) for part in cell.parts)
        for part in cell.parts:
            if part.is_open and not part.rank and not (has_scores and part.is_bias):
                yield part, cell.rank if part.is_capital else 1


def _is_score(cell: Cell) -> bool:
    """Whether a cell is `X @ w`: one number for each row of the data, to which one bias is added."""
    return cell.rule == "@" and cell.is_data and cell.parts[1].rank < 2


# ---------------------------------------------------------------- from syntax to cells


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
        carried = {cell: _reach(cell, body) for cell in _leaves(result)}
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


def _reach(result: Cell, body: Sequence[Cell]) -> dict[Cell, int]:
    """By how many axes a result has more than what it is made of."""
    shifts: dict[Cell, int] = {result: 0}
    for cell in reversed(body):
        if cell in shifts:
            for part, shift in zip(cell.parts, _carried(cell)):
                if shift is not None:
                    shifts[part] = max(shifts.get(part, -MAX_RANK), shifts[cell] + shift)
    return shifts


def by_parameter(node: Call, parameters: Sequence[str]) -> Iterator[tuple[str, Expression]]:
    """The arguments of a call with the parameters that they are for; `...` for more than those have names."""
    named = parameters[: parameters.index("...")] if "..." in parameters else parameters
    for position, value in enumerate(node.args):
        yield (named[position] if position < len(named) else "..."), value
    for key, value in node.keywords:
        yield key.id, value


def _carried(cell: Cell) -> Sequence[int | None]:
    """The shifts of a cell whose parts have settled: a product with a matrix has the further axes of its other side."""
    if cell.rule != "@":
        return cell.shifts
    left, right = cell.parts
    return (0 if right.rank >= 2 else None, 0 if left.rank >= 2 else None)


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
