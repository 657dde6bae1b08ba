"""Loops over steps, as statements: the step's own statements, with carries in the place of its states that are numbers,
buffers in the place of those that are arrays, and parts of whole arrays in the place of rows and of what is emitted.

All memory is made before the first step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gradc.ir.affine import Affine
from gradc.ir.graph import Graph, Node
from gradc.ir.sizes import derive
from gradc.ir.step import LoopStep
from gradc.ir.types import Type
from gradc.loops.ir import (
    Allocate,
    Apply,
    Carry,
    Combine,
    CombineExactly,
    Define,
    Expression,
    Extent,
    Fill,
    For,
    Guard,
    InRange,
    Leave,
    Let,
    Load,
    Number,
    Open,
    Place,
    Product,
    Reshape,
    Routine,
    Settled,
    Statement,
    Store,
    Target,
    Update,
    Variable,
    View,
    every,
)
from gradc.schedule.nest import Repeat

Each = Callable[[tuple, Callable[[Place], Statement]], Statement]


def expand_repeat(
    repeat: Repeat, body: list[Statement], arrays: dict[str, Type], new_array: Callable[[str, Type], str], each: Each
) -> list[Statement]:
    """The statements of a loop, given those of its step."""
    return _Embedding(repeat, body, arrays, new_array, each).statements()


class _Embedding:
    def __init__(
        self, repeat: Repeat, body: list[Statement], arrays: dict[str, Type],
        new_array: Callable[[str, Type], str], each: Each,
    ):  # fmt: skip
        self.repeat, self.step, self.body, self.arrays = repeat, repeat.step, body, arrays
        self.new_array, self.each = new_array, each
        self.at = Affine(repeat.variable)
        self.numbers: dict[str, Expression] = {}
        """What the step's inputs that are numbers stand for."""
        self.parts: dict[str, tuple[str, Place]] = {}
        """The arrays that the step's arrays stand for, and which part of them."""
        self.whole: dict[str, str] = {}
        """The copies of rows that routines take."""
        self.before: list[Statement] = []
        self.first: list[Statement] = []
        """What each step does before anything else."""
        self.last: list[Statement] = []
        self.after: list[Statement] = []

    def statements(self) -> list[Statement]:
        step, repeat = self.step, self.repeat
        first, second = len(step.states), len(step.states) + len(step.rows)
        starts, rows, captured = repeat.sources[:first], repeat.sources[first:second], repeat.sources[second:]
        for node, source in zip(step.captured, captured):
            self._captured(node, source)
        carries = [self._state(place, node, source) for place, (node, source) in enumerate(zip(step.states, starts))]
        for node, source in zip(step.rows, rows):
            self._row(node, source)
        for place, value in enumerate(repeat.results[len(step.states) :], len(step.states)):
            target = repeat.targets.get(place)
            if isinstance(target, str):
                self._emit(value, target, step.results[place])
        inside = self._placed(self.body)
        for statement in every(inside):
            self._substitute(statement)
        for statement in every(self.last):
            self._substitute(statement)
        self._next(carries)
        steps = step.size
        if repeat.ends is not None:
            self._end(carries[step.states.index(repeat.ends)])
        elif repeat.taken:
            steps = repeat.taken
        start, stop, by = (derive("-", steps, 1), -1, -1) if step.backwards else (0, steps, 1)
        loop = For(repeat.variable, start, stop, by, [*self.first, *inside, *self.last])
        return [*self.before, loop, *self.after]

    def _end(self, condition: Carry | str) -> None:
        """The loop is left where a condition holds; how many steps it took, for loops that go back."""
        assert isinstance(condition, Carry)
        if self.repeat.taken:
            count = Carry("", "i64", self.repeat.taken)
            self.before.append(Open(count, Number(0, "i64")))
            more = self._let(self.last, Apply("add", (count, Number(1, "i64")), "i64"), None)
            self.last.append(Update([count], [more]))
            taken = self._let(self.after, count, None)
            self.after.append(Define(self.repeat.taken, taken))
        self.last.append(Leave(condition))

    # ------------------------------------------------------------ what the step reads

    def _captured(self, node: Node, source: Expression | str) -> None:
        if isinstance(source, str):
            self.parts[node.name] = source, ()
        else:
            self.numbers[node.name] = source

    def _state(self, place: int, node: Node, source: Expression | str) -> Carry | str:
        """The carry, or the buffer, of a state."""
        target = self.repeat.targets.get(place)
        if isinstance(source, str):
            assert not isinstance(target, Let)
            buffer = target or self._scratch(node.name, node.type)
            self.before.append(self._copy(buffer, (), source, (), node.type))
            self.parts[node.name] = buffer, ()
            return buffer
        carry = Carry("", node.type.dtype, node.name)
        self.before.append(Open(carry, source))
        self.numbers[node.name] = carry
        if isinstance(target, Let):
            target.value = carry
            self.after.append(target)
        return carry

    def _row(self, node: Node, source: Expression | str) -> None:
        assert isinstance(source, str)
        if node.shape:
            self.parts[node.name] = source, (self.at,)
        else:
            self.numbers[node.name] = self._let(self.first, Load(source, (self.at,), node.type.dtype), node)

    # ------------------------------------------------------------ what the step makes

    def _emit(self, value: Expression | str | Node, target: str, node: Node) -> None:
        if not isinstance(value, (str, Node)):
            self.last.append(Store(target, (self.at,), value))
        elif isinstance(value, Node):  # an input of the step
            if value.shape:
                self.first.append(self._copy(target, (self.at,), *self.parts[value.name], value.type))
            else:
                self.first.append(Store(target, (self.at,), self.numbers[value.name]))
        elif value in self.parts or any(value in _by_themselves(s) for s in self.body):
            self.last.append(self._copy(target, (self.at,), value, (), node.type))
        else:
            self.parts[value] = target, (self.at,)

    def _next(self, carries: list[Carry | str]) -> None:
        """The states take their new values, all at once."""
        numbers: list[tuple[Carry, Expression]] = []
        for carry, state, value in zip(carries, self.step.states, self.repeat.results):
            if value is state:
                continue
            if isinstance(carry, Carry):
                assert not isinstance(value, str)
                made = self.numbers[value.name] if isinstance(value, Node) else self._value(value)
                numbers.append((carry, made))
            elif isinstance(value, Node):
                array, part = self.parts[value.name]
                if value in self.step.states:  # which changes in the same moment
                    scratch = self._scratch(value.name, value.type)
                    self.first.append(self._copy(scratch, (), array, part, value.type))
                    array, part = scratch, ()
                self.last.append(self._copy(carry, (), array, part, value.type))
            else:
                assert isinstance(value, str)
                self.last.append(self._copy(carry, (), *self.parts.get(value, (value, ())), state.type))
        if numbers:
            self.last.append(Update([carry for carry, _ in numbers], [value for _, value in numbers]))

    # ------------------------------------------------------------ memory

    def _placed(self, body: list[Statement]) -> list[Statement]:
        """The step's statements, without those that make arrays: that is done before."""
        made: list[Statement] = []
        allocated = {s.array for s in body if isinstance(s, Allocate | Reshape)}
        for statement in body:
            match statement:
                case Allocate():
                    if statement.array not in self.parts:
                        self.before.append(Allocate(statement.array, False))
                    if statement.zeros:
                        view = View(statement.array, (None,) * self.arrays[statement.array].rank)
                        made.append(Fill(view, Number(0, self.arrays[statement.array].dtype)))
                case Reshape():
                    made += self._reshaped(statement)
                case Product(target=View(array=array, parts=parts)) if array not in allocated and not any(parts):
                    allocated.add(array)
                    if array not in self.parts:
                        self.before.append(Allocate(array, False))
                    made.append(statement)
                case _:
                    made.append(statement)
        return made

    def _reshaped(self, statement: Reshape) -> list[Statement]:
        """What has to be done in each step for an array under another shape."""
        made: list[Statement] = []
        source, part = self.parts.get(statement.source, (statement.source, ()))
        type = self.arrays[source]
        if part:
            type = type.with_shape(type.shape[len(part) :])
            row = self._scratch("row", type)
            made.append(self._copy(row, (), source, part, type))
            source = row
        if not statement.copied:
            self.before.append(Reshape(statement.array, source, False))
            return made
        again = self.arrays[statement.array]
        viewed = self.new_array("viewed", again)
        self.before += [Reshape(viewed, source, False), Allocate(statement.array, False)]
        return [*made, self._copy(statement.array, (), viewed, (), again)]

    def _scratch(self, name: str, type: Type) -> str:
        array = self.new_array(name, type)
        self.before.append(Allocate(array, False))
        return array

    def _copy(self, to: str, into: Place, array: str, part: Place, type: Type) -> Statement:
        return self.each(type.shape, lambda place: Store(to, (*into, *place), Load(array, (*part, *place), type.dtype)))

    def _let(self, body: list[Statement], value: Expression, node: Node | None) -> Let:
        let = Let(value, value.dtype, node)
        body.append(let)
        return let

    # ------------------------------------------------------------ the step's expressions in terms of the loop's

    def _substitute(self, statement: Statement) -> None:
        match statement:
            case Let() | Open():
                statement.value = self._value(statement.value)
            case Define() if isinstance(statement.value, Extent):
                statement.value = self._extent(statement.value)
            case Guard():
                statement.wrong = self._value(statement.wrong)
            case Store():
                statement.array, part = self._array(statement.array)
                statement.index = (*part, *statement.index)
                statement.value = self._value(statement.value)
                if statement.condition is not None:
                    statement.condition = self._value(statement.condition)
            case Combine():
                statement.target, statement.value = self._target(statement.target), self._value(statement.value)
            case CombineExactly():
                statement.total, statement.error = self._target(statement.total), self._target(statement.error)
                statement.value = self._value(statement.value)
            case Update():
                statement.values = [self._value(value) for value in statement.values]
                for carry in statement.carries:
                    carry.array = self._array(carry.array)[0] if carry.array else ""
            case Fill():
                statement.view = self._view(statement.view)
            case Routine():
                statement.array = self._whole(statement.array)
                statement.sources = tuple(map(self._whole, statement.sources))
            case Product():
                statement.target = self._view(statement.target)
                statement.left, statement.right = self._view(statement.left), self._view(statement.right)

    def _whole(self, array: str) -> str:
        """An array that a routine takes, which has to be one by itself: a row of another one is copied first."""
        name, part = self._array(array)
        if not part:
            return name
        if array not in self.whole:
            type = self.arrays[name]
            type = type.with_shape(type.shape[len(part) :])
            self.whole[array] = self._scratch("row", type)
            self.first.append(self._copy(self.whole[array], (), name, part, type))
        return self.whole[array]

    def _array(self, array: str) -> tuple[str, Place]:
        return self.parts.get(array, (array, ()))

    def _view(self, view: View) -> View:
        array, part = self._array(view.array)
        return replace(view, array=array, parts=(*part, *view.parts))

    def _target(self, target: Target) -> Target:
        found = self._value(target) if isinstance(target, Load) else target
        assert not isinstance(found, (Let, Carry)) and isinstance(found, Target)
        return found

    def _extent(self, extent: Extent) -> Extent:
        array, part = self._array(extent.array)
        return replace(extent, array=array, axis=extent.axis + len(part))

    def _value(self, value: Expression) -> Expression:
        match value:
            case Variable():
                return self.numbers[value.name]
            case Load():
                array, part = self._array(value.array)
                return value if array == value.array else Load(array, (*part, *value.index), value.dtype)
            case Apply():
                return replace(value, args=tuple(map(self._value, value.args)))
            case Extent():
                return self._extent(value)
            case Settled():
                return replace(value, total=self._value(value.total), error=self._value(value.error))
            case InRange():
                return replace(value, index=self._value(value.index))
        return value


def computed(step: LoopStep) -> Graph:
    """What a step has to compute, as a graph: its results, each once, without its own inputs."""
    given = set(step.inputs)
    outputs = {node: name for name, node in reversed(step.graph.outputs) if node not in given}
    return Graph(step.inputs, tuple((name, node) for node, name in reversed(outputs.items())))


def _by_themselves(statement: Statement) -> tuple[str, ...]:
    """The arrays of a statement that cannot be parts of others."""
    match statement:
        case Reshape():
            return statement.array, statement.source
        case Routine():
            return statement.array, *statement.sources
    return ()
