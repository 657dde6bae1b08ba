"""Values of a kernel, and what changes its value: totals, carries, elements that terms are added to."""

from __future__ import annotations

from collections.abc import Sequence

from gradc.loops.ir import (
    Accumulator,
    Apply,
    Carry,
    Cell,
    Close,
    Combine,
    CombineExactly,
    Expression,
    Extent,
    IndexValue,
    InRange,
    Let,
    Load,
    Number,
    Open,
    Settled,
    Target,
    Variable,
)
from gradc.native.arrays import ArrayWriter
from gradc.native.instructions import Value, llvm_type, number

INLINED = 32
"""A kernel with more elementary functions calls them: the code would be long otherwise."""
INLINED_ONCE = 4
"""The same where there are no lanes; what is left over behind the lanes of a loop always calls them."""


class CellWriter(ArrayWriter):
    """Expressions, and statements that combine terms."""

    def value(self, value: Expression) -> Value:
        match value:
            case Let():
                return self.values.get(value) or self._saved_value(value)
            case Carry() if value in self.carried:
                return self.carried[value]
            case Accumulator() | Carry():
                return self._cell(value)
            case Number():
                return number(value.value, value.dtype)
            case IndexValue():
                return self._index_value(value)
            case Extent():
                return (self.dims.get(value.array) or self._shape(value.array))[value.axis]
            case Variable():
                return self.scalars.get(value.name) or self._scalar(self.fields[value.name])
            case Load():
                return self._load(value)
            case Settled():
                return self._settled(self.value(value.total), self.value(value.error))
            case InRange():
                index, size = self.value(value.index), self.size(value.size)
                below = self.compare("", "sge", index, self.integer("sub", number(0, "i64"), size))
                return self.op("and", (below, self.less(index, size)), "bool")
            case Apply():
                return self._apply(value)
        raise TypeError(value)

    def _index_value(self, value: IndexValue) -> Value:
        first = self.cast(self.affine(value.at), value.dtype)
        if self.lanes and self.plan is not None and value.at.var == self.plan.variable and value.at.step:
            return self.op("add", (first, self._ladder(value.at.step, value.dtype)), value.dtype)
        return first

    def _apply(self, value: Apply) -> Value:
        args = [self.value(arg) for arg in value.args]
        return self.op(value.op, args, value.dtype)

    def elementary(self, name: str, args: Sequence[Value], dtype: str) -> Value:
        """In place; a kernel with many of them calls functions instead."""
        if (self.lanes and self.applied <= INLINED) or (self.applied <= INLINED_ONCE and not self.plan):
            return super().elementary(name, args, dtype)
        return self.outlined(name, args, dtype)

    def _settled(self, total: Value, error: Value) -> Value:
        total = self.cast(total, error.dtype)
        is_nan = self.compare("uno", "", error, error)
        return self.select(is_nan, total, self.op("add", (total, error), error.dtype))

    # ------------------------------------------------------------ cells

    def _open(self, statement: Open) -> None:
        cell = statement.cell
        self._new_cell(cell, cell.running_dtype if isinstance(cell, Accumulator) else cell.dtype)
        self._set_cell(cell, self.value(statement.value))

    def _new_cell(self, cell: Cell, dtype: str) -> None:
        """A slot for a cell, with as many lanes as the loop around it takes."""
        self.cells[cell] = Value(self.stack(llvm_type(dtype, self.lanes)), dtype, self.lanes)

    def _set_cell(self, cell: Cell, value: Value) -> None:
        slot = self.cells[cell]
        value = self.cast(value, slot.dtype)
        value = self.spread(value, slot.lanes) if slot.lanes else value
        self.line(f"store {value.typed}, ptr {slot.text}, align 8")

    def _cell(self, cell: Cell) -> Value:
        slot = self.cells[cell]
        return self.fetch(slot.type, slot.text, slot.dtype, slot.lanes)

    def _close(self, statement: Close) -> None:
        total = statement.total
        closed = self._cell(total)
        if statement.error is not None:
            closed = self._settled(closed, self._cell(statement.error))
        self._new_cell(total, total.dtype)
        self._set_cell(total, closed)

    # ------------------------------------------------------------ terms

    def _combine(self, statement: Combine) -> None:
        target = statement.target
        dtype = target.running_dtype if isinstance(target, Accumulator) else target.dtype
        value = self.cast(self.value(statement.value), dtype)
        if isinstance(target, Load):
            self._combine_in_memory(statement, target, value)
        elif target in self.sums:
            self.sums[target].add(self, value)
        else:
            self._set_cell(target, self.joined(statement.op, self._cell(target), value))

    def _combine_in_memory(self, statement: Combine, target: Load, value: Value) -> None:
        array = target.array
        how, step = self._moves(target.index)
        if how == "along" and step == 1 and array not in self.meeting:
            at = self._first(array, target.index)
            so_far = self._read(array, at, self.lanes)
            self._write(array, at, self.spread(self.joined(statement.op, so_far, value), self.lanes))
        elif self.lanes and how == "no" and array not in self.meeting:
            (at,) = self._addresses(array, target.index)
            total = self._read(array, at)
            for k in range(self.lanes):
                total = self.joined(statement.op, total, self.lane(value, k))
            self._write(array, at, total)
        elif self.lanes:
            addresses = self._addresses(array, target.index)
            self.deferred.append((statement, array, addresses * (self.lanes // len(addresses)), value))
            if array not in self.meeting:
                self._carry_out_deferred()
        else:
            (at,) = self._addresses(array, target.index)
            self._write(array, at, self.joined(statement.op, self._read(array, at), value))

    def _carry_out_deferred(self) -> None:
        """Terms of elements that lanes may share, lane by lane."""
        for k in range(self.lanes):
            for statement, array, addresses, value in self.deferred:
                term = self.lane(value, k)
                self._write(array, addresses[k], self.joined(statement.op, self._read(array, addresses[k]), term))
        self.deferred = []

    def _combine_exactly(self, statement: CombineExactly) -> None:
        total, error = self._target(statement.total), self._target(statement.error)
        dtype = total.dtype  # f32 for elements of f32 arrays, whose errors are f64
        term = self.cast(self.value(statement.value), dtype)
        new = self.op("add", (total, term), dtype)
        part = self.op("sub", (new, total), dtype)
        lost = self.op("sub", (total, self.op("sub", (new, part), dtype)), dtype)
        missed = self.op("sub", (term, part), dtype)
        error = self.op("add", (error, self.cast(self.op("add", (lost, missed), dtype), error.dtype)), error.dtype)
        self._set_target(statement.total, new)
        self._set_target(statement.error, error)

    def _target(self, target: Target) -> Value:
        return self._load(target) if isinstance(target, Load) else self._cell(target)

    def _set_target(self, target: Target, value: Value) -> None:
        if isinstance(target, Load):
            self._put(target.array, target.index, value)
        else:
            self._set_cell(target, value)
