"""What a function in the making knows: its inputs, sizes, arrays and cells, and where their values are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gradc.elementary.functions import FUNCTIONS
from gradc.ir.affine import Affine
from gradc.ir.graph import Node
from gradc.ir.ops import OPS
from gradc.ir.sizes import Derived, Size
from gradc.loops.ir import (
    Accumulator,
    Allocate,
    Apply,
    Carry,
    Cell,
    Combine,
    Define,
    Expression,
    For,
    Kernel,
    Let,
    Load,
    Reshape,
    Statement,
    every,
    read_by,
    sizes_in,
)
from gradc.loops.order import touches
from gradc.native.frame import Field
from gradc.native.instructions import TYPES, Value, Writer, number
from gradc.native.layout import direct_outputs, frame_of
from gradc.native.vectors import SHORT, Plan

PATIENCE = 2**24
"""Nanoseconds, roughly, after which a kernel looks whether the user has interrupted it."""

LONG = 8
"""Names and numbers of a formula that is computed once for a whole function."""


@dataclass(frozen=True)
class Private:
    """An array of which each row of a strip has its own, side by side: the slot with the address, and which row is
    meant, where not all of them are."""

    slot: str
    rows: int
    row: Value | None = None


class FunctionScope(Writer):
    """A function for one kernel; the classes that build on it write what is in its body."""

    def __init__(self, kernel: Kernel, doubles: int, names: Mapping[Node, str]):
        super().__init__()
        self.kernel = kernel
        self.doubles = doubles
        self.names = names
        self.frame = frame_of(kernel)
        self.errors: list[tuple[str, str]] = []
        self.entry: list[str] = []
        self.whole: dict[str, Value] = {}
        self.formulas: dict[Derived, Value] = {}
        """Long formulas of sizes that are computed where everything in the function can use them."""
        self.dims: dict[str, tuple[Value, ...]] = {}
        self.pointers: dict[str, str] = {}
        """The stack slot that holds the address of each array."""
        self.fixed: dict[str, str] = {}
        """Arrays whose address never changes."""
        self.scalars: dict[str, Value] = {}
        """Inputs that are numbers, as far as they are read at the beginning."""
        self.fields = {field.name: field for field in self.frame.inputs}
        self.values: dict[Let, Value] = {}
        self.cells: dict[Cell, Value] = {}
        """The stack slot of each cell, with the type of what is in it."""
        self.plan: Plan | None = None
        self.lanes = 0
        self.sums: dict[Accumulator, Any] = {}
        """The `LaneSum` of each total that a loop adds terms to."""
        self.mask: Value | None = None
        """Which lanes count, where not all do."""
        self.carried: dict[Carry, Value] = {}
        """What each lane of a carry gets from the iteration before."""
        self.meeting: set[str] = set()
        self.deferred: list[tuple[Combine, str, list[str], Value]] = []
        self.is_streaming = False
        self.private: dict[str, Private] = {}
        """Scratch that each row of a strip has for itself."""
        self.packed: dict[Load, tuple[str, str]] = {}
        """Elements of the rows of a strip side by side: the memory, and the variable that moves them."""
        self.stretches: dict[int, int] = {}
        """Where the stretches of the body begin that are functions of their own, and where they end."""
        self.saved: dict[Let, int] = {}
        """The values that pass between them, and their places in memory."""
        self.tables: dict[str, str] = {}
        """Arrays of numbers that are known, as LLVM defines them."""
        self.parts: list[tuple[str, list[Statement]]] = []
        self.owned: list[str] = []
        self.budget = ""
        self.loop = ""
        """The variable of the innermost loop, for the names of blocks."""
        self.done = ""
        """The block behind the innermost loop."""
        self.depth = 0
        """How many loops are around a statement, itself included."""
        numbers = {s.name: s.value for s in kernel.body if isinstance(s, Define) and isinstance(s.value, int)}
        self.blocks = {name for name, value in numbers.items() if value > SHORT}
        """The names of the lengths of blocks."""
        self.allocated = {s.array for s in every(kernel.body) if isinstance(s, (Allocate, Reshape))}
        self.zeros = _sums_from_zero(kernel)
        self.allocated |= {node.name for node in kernel.inputs}
        applied = [s for s in every(kernel.body) if isinstance(s, Let) and isinstance(s.value, Apply)]
        self.applied = sum(s.value.op in FUNCTIONS for s in applied)  # type: ignore[union-attr]
        """How many elementary functions the kernel has."""
        self.products: set[str] = set()
        self.output_slots = direct_outputs(kernel, self.frame)
        self.ends: dict[For, tuple[Size, Size]] = {}
        """From where to where loops go of which this is a chunk."""
        self.short: frozenset[For] = frozenset()
        """Loops that are done one iteration at a time, however they might be done."""

    def value(self, value: Expression) -> Value:
        """The LLVM value of an expression."""
        raise NotImplementedError

    def _statement(self, statement: Statement) -> None:
        """Write a statement."""
        raise NotImplementedError

    def _body(self, body: list[Statement]) -> None:
        for statement in body:
            self._statement(statement)

    # ------------------------------------------------------------ the frame

    def _saved_value(self, let: Let) -> Value:
        """A value of another function of the kernel."""
        kind = self.memory_type(let.dtype)
        found = self.emit(f"load {kind}, ptr {self._saved_at(let)}, align 8", let.dtype)
        return found if let.dtype != "bool" else self.emit(f"trunc i8 {found.text} to i1", "bool")

    def _saved_at(self, let: Let) -> str:
        return self.emit(f"getelementptr i64, ptr %saved, i64 {self.saved[let]}", "i64").text

    def _scalar(self, field: Field) -> Value:
        kind = "i8" if field.dtype == "bool" else TYPES[field.dtype]
        at = self.emit(f"getelementptr inbounds i64, ptr %frame, i64 {field.slot}", "i64")
        found = self.emit(f"load {kind}, ptr {at.text}, align 8, !invariant.load !1", field.dtype)
        return found if field.dtype != "bool" else self.emit(f"trunc i8 {found.text} to i1", "bool")

    def _slot(self, slot: int) -> str:
        name = f"%{self.name('slot')}"
        self.line(f"{name} = getelementptr inbounds i64, ptr %frame, i64 {slot}")
        return name

    def _slot_value(self, slot: int, kind: str) -> str:
        name = f"%{self.name('in')}"
        at = self._slot(slot)
        self.line(f"{name} = load {kind}, ptr {at}, align 8, !invariant.load !1")
        return name

    # ------------------------------------------------------------ stack slots, and ways out

    def stack(self, kind: str, align: int = 8) -> str:
        """A slot on the stack."""
        slot = f"%{self.name('slot')}"
        self.entry.append(f"  {slot} = alloca {kind}, align {align}")
        return slot

    def fetch(self, kind: str, address: str, dtype: str, lanes: int = 0, align: int = 8) -> Value:
        """What is in memory that changes."""
        found = Value(f"%{self.name('c')}", dtype, lanes)
        self.line(f"{found.text} = load {kind}, ptr {address}, align {align}")
        return found

    def element(self, memory: str, kind: str, offset: Value) -> str:
        return self.emit(f"getelementptr {kind}, ptr {memory}, i64 {offset.text}", "i64").text

    @staticmethod
    def memory_type(dtype: str, lanes: int = 0) -> str:
        kind = "i8" if dtype == "bool" else TYPES[dtype]
        return f"<{lanes} x {kind}>" if lanes else kind

    def _leave_if(self, wrong: Value, code: int | str) -> None:
        fail, fine = self.name("wrong"), self.name("fine")
        known = self.known.mark()
        self.line(f"br i1 {wrong.text}, label %{fail}, label %{fine}, !prof !0")
        self.label(fail)
        self.line(f"store i64 {code if isinstance(code, str) else int(code)}, ptr %code, align 8")
        self.line("br label %leave")
        self.label(fine)
        self.known = known.restored()

    def _when(self, condition: Value, write: Callable[[], None]) -> None:
        some, done = self.name("some"), self.name("done")
        known = self.known.mark()
        self.line(f"br i1 {condition.text}, label %{some}, label %{done}")
        self.label(some)
        write()
        self.line(f"br label %{done}")
        self.label(done)
        self.known = known.restored()

    def choose(self, condition: Value, write: Callable[[], None], otherwise: Callable[[], None]) -> None:
        """One of two ways, by a condition."""
        labels = [self.name(stem) for stem in ("either", "or", "joined")]
        known = self.known.mark()
        self.line(f"br i1 {condition.text}, label %{labels[0]}, label %{labels[1]}")
        for label, way in zip(labels, (write, otherwise)):
            self.label(label)
            self.known = known.restored()
            way()
            self.line(f"br label %{labels[2]}")
        self.label(labels[2])
        self.known = known.restored()

    def _forget_loads(self) -> None:
        """What stays known where arrays may move."""
        self.known.addresses.clear()

    def joined(self, op: str, total: Value, value: Value) -> Value:
        return self.op(OPS[op].combine, (total, value), total.dtype)

    def _spend(self, work: Value) -> None:
        """So much work is done, or about to be."""
        if not self.budget:
            self.budget = self.stack("i64")
            self.entry.append(f"  store i64 {PATIENCE}, ptr {self.budget}, align 8")
        left = self.integer("sub", self.fetch("i64", self.budget, "i64"), work)
        self.line(f"store {left.typed}, ptr {self.budget}, align 8")

    # ------------------------------------------------------------ whole numbers

    def size(self, size: Size) -> Value:
        if isinstance(size, int):
            return number(size, "i64")
        if isinstance(size, str):
            return self.whole[size]
        if size.terms >= LONG and size in self.formulas:
            return self.formulas[size]
        left, right = self.size(size.left), self.size(size.right)
        if size.op in ("max", "min"):
            return self.select(self.compare("", "sgt" if size.op == "max" else "slt", left, right), left, right)
        if size.op == "root":
            double = self.emit(f"sitofp i64 {left.text} to double", "f64")
            return self.emit(f"fptosi double {self.op('sqrt', (double,), 'f64').text} to i64", "i64")
        if size.op == "//":
            return self._divided(left, right)
        return self.integer({"+": "add", "-": "sub", "*": "mul"}[size.op], left, right)

    def _sizes_of(self, statement: Statement) -> list[Size]:
        """The sizes that a statement needs, with those of the arrays that it touches."""
        read = read_by(statement)
        found = list(sizes_in(statement, read, self.kernel.arrays))
        found += self.ends.get(statement, ()) if isinstance(statement, For) else ()
        touched = dict.fromkeys(array for array, _, _ in touches(statement, read))
        return found + [size for array in touched for size in self.kernel.arrays[array].shape]

    def _compute_formulas(self, body: list[Statement]) -> None:
        """Compute the long formulas that statements need of what is known by now, each once."""
        found: dict[Derived, None] = {}
        stack = [size for statement in every(body) for size in self._sizes_of(statement)]
        while stack:
            size = stack.pop()
            if isinstance(size, Derived) and size.terms >= LONG and size not in found:
                found[size] = None
                stack += (size.left, size.right)
        for size in sorted(found, key=lambda size: size.terms):
            if all(part in self.whole for part in self._parts_of(size) if isinstance(part, str)):
                self.formulas[size] = self.size(size)

    def _parts_of(self, size: Size) -> Iterator[str | Derived]:
        """The names and the long formulas that are computed already of which a size is made."""
        stack = [size]
        while stack:
            part = stack.pop()
            if isinstance(part, str) or (isinstance(part, Derived) and part in self.formulas):
                yield part
            elif isinstance(part, Derived):
                stack += (part.right, part.left)

    def _divided(self, left: Value, right: Value) -> Value:
        """A whole quotient, rounded down, of a number that may be negative by one that is not; 0 by an empty one."""
        if not right.text.startswith("%"):
            by = int(right.text)
            if by > 0 and by & (by - 1) == 0:
                return self.emit(f"ashr i64 {left.text}, {by.bit_length() - 1}", "i64")
            return self.op("floordiv", (left, right), "i64")
        zero = number(0, "i64")
        is_empty = self.equal(right, zero)
        quotient = self.binary("sdiv", left, self.select(is_empty, number(1, "i64"), right))
        if left.text.startswith(("%", "-")):
            rest = self.integer("sub", left, self.integer("mul", quotient, right))
            below = self.integer("sub", quotient, number(1, "i64"))
            quotient = self.select(self.compare("", "slt", rest, zero), below, quotient)
        return self.select(is_empty, zero, quotient)

    def integer(self, op: str, left: Value, right: Value) -> Value:
        """Arithmetic of whole numbers that do not overflow; numbers are folded."""
        if not left.text.startswith("%") and not right.text.startswith("%"):
            a, b = int(left.text), int(right.text)
            return number({"add": a + b, "sub": a - b, "mul": a * b}[op], "i64")
        if (op in ("add", "sub") and right.text == "0") or (op == "mul" and right.text == "1"):
            return left
        if (op == "add" and left.text == "0") or (op == "mul" and left.text == "1"):
            return right
        return self.emit(f"{op} nsw i64 {left.text}, {right.text}", "i64")

    def affine(self, at: Affine) -> Value:
        """An index; where lanes move it, that of the first lane."""
        offset = self.size(at.offset)
        if at.var is None:
            return offset
        return self.integer("add", self.integer("mul", self.whole[at.var], number(at.step, "i64")), offset)


def _sums_from_zero(kernel: Kernel) -> frozenset[str]:
    """The arrays that are made of zeros, to which terms are added alone."""
    statements = list(every(kernel.body))
    others = {touch[0] for s in statements for touch in touches(s, []) if touch[1] in ("written", "added exactly")}
    return frozenset(s.array for s in statements if isinstance(s, Allocate) and s.zeros) - others
