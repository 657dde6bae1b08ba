"""The routines of `routines.py` as Python, which Numba compiles: what generated modules carry."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from gradc.ir.ops import OPS
from gradc.loops.routines import ROUTINES, Memory, RoutineWriter, Whole

LETTERS = {"f64": "d", "f32": "s"}
"""LAPACK's letter for an element type."""
KINDS = {"int": "np.int32"}

LAPACK = "_lapack_"
"""Before the name of a routine of LAPACK: what modules call it."""


def helper(op: str, dtype: str) -> str:
    """What the function is called that does an op."""
    return f"_{op}" if dtype == "f64" else f"_{op}_{dtype}"


class PythonWriter(RoutineWriter):
    """The lines of a function."""

    def __init__(self, op: str, dtype: str, arrays: tuple[str, ...], sizes: tuple[str, ...]):
        self.op, self.letter = op, LETTERS[dtype]
        self.kinds = KINDS | {"real": {"f64": "np.float64", "f32": "np.float32"}[dtype]}
        self.arrays, self.sizes = arrays, sizes
        self.loop_at: int | None = None
        """Where the loop over the stack begins."""
        self.lines: list[str] = []
        self.indent = 1
        self.references: dict[str, str] = {}
        self.calls: set[str] = set()
        self.names: dict[str, int] = {}

    def name(self, stem: str) -> str:
        self.names[stem] = number = self.names.get(stem, 0) + 1
        return stem if number == 1 else f"{stem}{number}"

    def line(self, text: str) -> None:
        self.lines.append("    " * self.indent + text)

    def whole(self, value: Whole | int) -> Whole:
        return value if isinstance(value, Whole) else Whole(self, str(value))

    def arithmetic(self, sign: str, left: Whole, right: Whole) -> Whole:
        shown = [f"({s.text})" if sign == "*" and not s.text.isidentifier() else s.text for s in (left, right)]
        return Whole(self, f" {sign} ".join(shown))

    def minimum(self, left: Whole, right: Whole) -> Whole:
        return Whole(self, f"min({left.text}, {right.text})")

    def maximum(self, left: Whole, right: Whole) -> Whole:
        return Whole(self, f"max({left.text}, {right.text})")

    def scratch(self, kind: str, count: Whole) -> Memory:
        name = self.name("whole" if kind == "int" else "space")
        length = count.text if count.text.isdigit() else f"max({count.text}, 1)"
        self.line(f"{name} = np.zeros({length}, {self.kinds[kind]})")
        return Memory(kind, name)

    def part(self, memory: Memory, first: Whole) -> Memory:
        return Memory(memory.kind, f"{memory.text}[{first.text} :]")

    def copy(self, to: Memory, source: Memory, count: Whole) -> None:
        self.line(f"_copied({to.text}, {source.text}, {count.text})")

    def load(self, memory: Memory, at: Whole) -> Any:
        return f"{memory.text}[{at.text}]"

    def store(self, memory: Memory, at: Whole, value: Any) -> None:
        shown = f"int({value})" if memory.kind == "int" else value
        self.line(f"{memory.text}[{at.text}] = {shown}")

    def zero(self) -> Any:
        return "0.0"

    @contextmanager
    def each(self, count: Whole) -> Iterator[Whole]:
        variable = next(name for name in ("i", "j", "k") if name not in self.sizes and name not in self.names)
        self.names[variable] = 1
        self.line(f"for {variable} in range({count.text}):")
        self.indent += 1
        yield Whole(self, variable)
        self.indent -= 1
        del self.names[variable]

    @contextmanager
    def when_after(self, left: Whole, right: Whole) -> Iterator[None]:
        self.line(f"if {left.text} > {right.text}:")
        self.indent += 1
        yield
        self.indent -= 1

    @contextmanager
    def matrices(self, *sizes: Whole) -> Iterator[tuple[Memory, ...]]:
        flat = [f"{name}s.reshape(-1)" for name in self.arrays]
        self.line(f"{', '.join(f'all_{name}' for name in self.arrays)} = {', '.join(flat)}")
        self.loop_at = len(self.lines)
        self.line("for matrix in range(count):")
        self.indent += 1
        for name, size in zip(self.arrays, sizes):
            first = self.arithmetic("*", Whole(self, "matrix"), size).text
            self.line(f"{name} = all_{name}[{first} :]")
        yield tuple(Memory("real", name) for name in self.arrays)
        self.indent -= 1

    def call(self, name: str, *arguments: str | int | Whole | Memory) -> None:
        routine = f"{LAPACK}{self.letter}{name}"
        self.calls.add(f"{routine}_{len(arguments) + 1}")
        shown = ", ".join([*(self._argument(argument) for argument in arguments), "info"])
        self.line(f"{routine}({shown})")

    def _argument(self, argument: str | int | Whole | Memory) -> str:
        if isinstance(argument, Memory):
            return argument.text
        if isinstance(argument, str):
            return self._reference(f'_cell({ord(argument)})  # "{argument}"', f"letter_{argument}")
        whole = self.whole(argument)
        stem = f"int_{whole.text}" if whole.text.isidentifier() else "int_query" if whole.text == "-1" else "int_size"
        return self._reference(f"_cell({whole.text})", stem)

    def _reference(self, value: str, stem: str) -> str:
        """LAPACK takes the addresses of numbers."""
        if value not in self.references:
            self.references[value] = name = self.name(stem)
            self.lines.insert(len(self.lines) if self.loop_at is None else self.loop_at, f"    {name} = {value}")
            self.loop_at = None if self.loop_at is None else self.loop_at + 1
        return self.references[value]

    def with_nothing(self, total: Any, value: Any) -> Any:
        return f"{total} + 0.0 * {value}"

    def fail(self, unless: Memory | None = None) -> None:
        known = "" if unless is None else f" and {unless.text}[0] == 0.0"
        self.line(f"if info[0] != 0{known}:")
        self.line("    return matrix + 1")

    def fail_at_zero(self, memory: Memory, at: Whole) -> None:
        self.line(f"if {self.load(memory, at)} == 0.0:")
        self.line("    return matrix + 1")

    def first_as_whole(self, memory: Memory) -> Whole:
        name = self.name("length")
        self.line(f"{name} = int({memory.text}[0])")
        return Whole(self, name)


ARRAYS = ("out", "left", "right")


@cache
def source(op: str, dtype: str) -> tuple[str, frozenset[str]]:
    """The function that does an op, and LAPACK's routines that it calls, with the number of their arguments."""
    entry = ROUTINES[op]
    sizes = entry.parameters
    arrays = ARRAYS[: 1 + len(OPS[op].params)]
    writer = PythonWriter(op, dtype, arrays, sizes)
    entry.write(writer, *(Whole(writer, size) for size in sizes))
    head = f"def {helper(op, dtype)}({', '.join((*(f'{name}s' for name in arrays), 'count', *sizes))}):"
    doc = '    """Of each matrix; returns the number of the first one without an answer, counted from 1, or 0."""'
    lines = [head, doc, "    info = _cell(0)", *writer.lines, "    return 0"]
    return "\n".join(lines), frozenset(writer.calls)
