"""Sums whose bits do not depend on the width of vectors: each is 32 sums, added in a fixed tree."""

from __future__ import annotations

from gradc.ir.ops import OPS
from gradc.loops.ir import Accumulator
from gradc.native.instructions import BYTES, Value, number
from gradc.native.scope import FunctionScope
from gradc.native.vectors import SHORT

LANES_OF_SUMS = 32
"""A sum is this many sums, of which number k has the terms k, k + 32, ...; they are added in a fixed tree."""


class LaneSum:
    """The lanes of a sum: in memory, or all in registers as long as whole groups of them come. In a strip each is a
    vector, with an element for each iteration that is done at once."""

    def __init__(self, writer: FunctionScope, cell: Accumulator, start: Value):
        self.cell = cell
        self.dtype = cell.running_dtype
        self.start = start
        self.each = writer.cells[cell].lanes
        self.count = SHORT if self.each else LANES_OF_SUMS
        kind = writer.memory_type(self.dtype)
        self.wide = writer.memory_type(self.dtype, LANES_OF_SUMS)
        self.memory = writer.stack(f"[{self.count * (self.each or 1)} x {kind}]", 64)
        self.registers = writer.stack(self.wide, 64) if not self.each else ""
        identity = OPS[cell.op].identity
        assert identity is not None
        text = number(identity, self.dtype).text if self.dtype != "bool" else str(int(bool(identity)))
        if self.each:
            row = writer.memory_type(self.dtype, self.each)
            for k in range(self.count):
                at = writer.element(self.memory, kind, number(k * self.each, "i64"))
                writer.line(f"store {row} splat ({kind} {text}), ptr {at}, align {BYTES[self.dtype]}")
        else:
            for slot in (self.memory, self.registers):
                writer.line(f"store {self.wide} splat ({kind} {text}), ptr {slot}, align 64")
        self.address = self.memory
        self.in_registers = False
        """Whether all terms come in whole groups of lanes."""

    def at(self, writer: FunctionScope, index: Value) -> None:
        """The lanes of the iteration at an index."""
        if writer.lanes == LANES_OF_SUMS:
            self.address = self.registers
            return
        lane = writer.integer("sub", index, self.start)
        if self.each:
            lane = writer.integer("mul", lane, number(self.each, "i64"))
        else:
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
        """The lanes joined: number k with number k + half, again and again."""
        if self.each:
            return self._total_of_rows(writer)
        value = self._get(writer, self.registers if self.in_registers else self.memory, LANES_OF_SUMS)
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

    def _total_of_rows(self, writer: FunctionScope) -> Value:
        kind = writer.memory_type(self.dtype)
        rows = [
            self._get(writer, writer.element(self.memory, kind, number(k * self.each, "i64")), self.each)
            for k in range(self.count)
        ]
        while len(rows) > 1:
            half = len(rows) // 2
            rows = [writer.joined(self.cell.op, x, y) for x, y in zip(rows[:half], rows[half:])]
        return rows[0]
