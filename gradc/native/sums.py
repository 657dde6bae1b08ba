"""Sums whose bits do not depend on the width of vectors: each is 32 sums, added in a fixed tree, or, where it has few
terms, eights, each added one after the other."""

from __future__ import annotations

from collections.abc import Callable

from gradc.ir.ops import OPS
from gradc.loops.ir import Accumulator
from gradc.native.instructions import BYTES, Value, llvm_type, number
from gradc.native.scope import FunctionScope
from gradc.native.vectors import SHORT

LANES_OF_SUMS = 32
"""A sum is this many sums, of which number k has the terms k, k + 32, ...; they are added in a fixed tree."""
EIGHT = 8
"""A sum of `SHORT` terms and fewer is that of the first eight, in the order of the terms, plus that of the others."""


def is_ordered(cell: Accumulator) -> bool:
    """Whether the bits of a total depend on the order of its terms: additions and multiplications round."""
    return OPS[OPS[cell.op].combine].polynomial


def identity(cell: Accumulator) -> str:
    """What a total is before there are terms, as it is in memory."""
    value = OPS[cell.op].identity
    assert value is not None
    dtype = cell.running_dtype
    return number(value, dtype).text if dtype != "bool" else str(int(bool(value)))


class LaneSum:
    """The lanes of a sum: in memory, or all in registers as long as whole groups of them come."""

    def __init__(self, writer: FunctionScope, cell: Accumulator, start: Value, stop: Value):
        self.cell = cell
        self.dtype = cell.running_dtype
        self.start = start
        self.span = writer.integer("sub", stop, start)
        kind = writer.memory_type(self.dtype)
        self.wide = writer.memory_type(self.dtype, LANES_OF_SUMS)
        self.memory = writer.stack(f"[{LANES_OF_SUMS} x {kind}]", 64)
        self.registers = writer.stack(self.wide, 64)
        for slot in (self.memory, self.registers):
            writer.line(f"store {self.wide} splat ({kind} {identity(cell)}), ptr {slot}, align 64")
        self.address = self.memory
        self.in_registers = False
        """Whether all terms come in whole groups of lanes."""

    def at(self, writer: FunctionScope, index: Value) -> None:
        """The lanes of the iteration at an index."""
        if writer.lanes == LANES_OF_SUMS:
            self.address = self.registers
            return
        lane = writer.integer("sub", index, self.start)
        lane = writer.emit(f"and i64 {lane.text}, {LANES_OF_SUMS - 1}", "i64")
        self.address = writer.element(self.memory, writer.memory_type(self.dtype), lane)

    def add(self, writer: FunctionScope, value: Value) -> None:
        lanes = writer.lanes
        value = writer.spread(value, lanes) if lanes else value
        so_far = self._get(writer, self.address, lanes)
        joined = writer.joined(self.cell.op, so_far, value)
        if writer.mask is not None:
            joined = writer.select(writer.mask, joined, so_far)
        kind, text = joined.type, joined.text
        if self.dtype == "bool":
            kind = writer.memory_type("bool", lanes)
            text = writer.emit(f"zext {joined.typed} to {kind}", "bool", lanes).text
        writer.line(f"store {kind} {text}, ptr {self.address}, align {BYTES[self.dtype]}")

    def _get(self, writer: FunctionScope, address: str, lanes: int) -> Value:
        kind = writer.memory_type(self.dtype, lanes)
        found = writer.fetch(kind, address, self.dtype, lanes, BYTES[self.dtype])
        if self.dtype != "bool":
            return found
        zero = "zeroinitializer" if lanes else "0"
        return writer.emit(f"icmp ne {kind} {found.text}, {zero}", "bool", lanes)

    def total(self, writer: FunctionScope) -> Value:
        """The lanes joined."""
        value = self._get(writer, self.registers if self.in_registers else self.memory, LANES_OF_SUMS)
        if not is_ordered(self.cell):
            return self._of_halves(writer, value)
        if not self.span.text.startswith("%"):
            return (self._of_eights if int(self.span.text) <= SHORT else self._of_halves)(writer, value)
        slot = writer.stack(writer.memory_type(self.dtype))
        is_short = writer.less(self.span, number(SHORT + 1, "i64"))

        def join(how: Callable[[FunctionScope, Value], Value]) -> None:
            writer.line(f"store {how(writer, value).typed}, ptr {slot}, align 8")

        writer.choose(is_short, lambda: join(self._of_eights), lambda: join(self._of_halves))
        return writer.fetch(writer.memory_type(self.dtype), slot, self.dtype)

    def _of_eights(self, writer: FunctionScope, value: Value) -> Value:
        eights = []
        for first in range(0, SHORT, EIGHT):
            total = writer.lane(value, first)
            for k in range(first + 1, first + EIGHT):
                total = writer.joined(self.cell.op, total, writer.lane(value, k))
            eights.append(total)
        return writer.joined(self.cell.op, *eights)

    def _of_halves(self, writer: FunctionScope, value: Value) -> Value:
        """Number k with number k + half, again and again."""
        lanes = LANES_OF_SUMS
        while lanes > 1:
            lanes //= 2
            halves = []
            for first in (0, lanes):
                mask = ", ".join(f"i32 {k}" for k in range(first, first + lanes))
                text = f"shufflevector {value.typed}, {value.type} poison, <{lanes} x i32> <{mask}>"
                halves.append(writer.emit(text, self.dtype, lanes))
            value = writer.joined(self.cell.op, *halves)
        return writer.lane(value, 0)


class EightSum:
    """The sum of eight iterations of a loop in a strip: a vector, with an element for each iteration of the strip."""

    def __init__(self, writer: FunctionScope, cell: Accumulator):
        self.cell = cell
        self.lanes = writer.cells[cell].lanes
        self.slot = writer.stack(llvm_type(cell.running_dtype, self.lanes))

    def begin(self, writer: FunctionScope) -> None:
        value = OPS[self.cell.op].identity
        assert value is not None
        start = writer.spread(number(value, self.cell.running_dtype), self.lanes)
        writer.line(f"store {start.typed}, ptr {self.slot}, align 8")

    def add(self, writer: FunctionScope, value: Value) -> None:
        joined = writer.joined(self.cell.op, self.total(writer), writer.spread(value, self.lanes))
        writer.line(f"store {joined.typed}, ptr {self.slot}, align 8")

    def total(self, writer: FunctionScope) -> Value:
        kind = llvm_type(self.cell.running_dtype, self.lanes)
        return writer.fetch(kind, self.slot, self.cell.running_dtype, self.lanes)
