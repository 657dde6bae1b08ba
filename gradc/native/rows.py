"""Loops as strips: several iterations side by side, and parts of them row by row, with their values in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from gradc.ir.sizes import names
from gradc.loops.ir import Accumulator, Carry, Cell, For, Let, Load, Open, Statement, every, read_by
from gradc.native.instructions import BYTES, Value, number
from gradc.native.products import ProductWriter
from gradc.native.scope import Private
from gradc.native.strips import Strip, changed_by
from gradc.native.sums import LaneSum
from gradc.native.vectors import PAIRED_BELOW, SHORT, Plan, weight

ROWS = 8
"""Rows of a strip whose loops are done row by row."""


class RowWriter(ProductWriter):
    """Strips, and their sections."""

    def _poll_if_due(self) -> None:
        raise NotImplementedError

    def _strip(
        self, loop: For, strip: Strip, counter: str, span: tuple[Value, Value], sums: Mapping[Accumulator, LaneSum]
    ) -> None:
        """Several iterations side by side, if the loops that are to be short are."""
        begin, done = self.name("strip"), self.name("stripped")
        are_short = number(True, "bool")
        for least, most in strip.spans:
            length = self.integer("sub", self.size(most), self.size(least))
            are_short = self.op("and", (are_short, self.less(length, number(SHORT + 1, "i64"))), "bool")
        known = self.known.mark(addresses=False)
        self.line(f"br i1 {are_short.text}, label %{begin}, label %{done}")
        self.label(begin)
        self.known = known.restored()
        lanes = self._rows_of_strip() if strip.spans else ROWS
        outer = self.private, self.sums
        self.sums = {**self.sums, **sums}
        for array in strip.private:
            slot = self._owned_slot(self.name("private"))
            self._make_room(slot, self.integer("mul", self._bytes(array), number(lanes, "i64")))
            self.private = {**self.private, array: Private(slot, lanes)}
        sections = strip.sections()

        memory = {load: self._room_to_pack(load, lanes) for load, _ in strip.packed}

        def rows(at: Value) -> None:
            packed: dict[Load, tuple[str, str]] = {}
            for load, inner in strip.packed:
                self._pack(loop, load, inner, memory[load], at, lanes)
                packed[load] = memory[load], inner.variable
            for k, (is_by_row, section) in enumerate(sections):
                if is_by_row:
                    later = [statement for _, other in sections[k + 1 :] for statement in other]
                    self._row_by_row(loop, section, later, at, lanes, sums.values())
                else:
                    self._side_by_side(loop, section, at, lanes, sums.values(), packed)
            if self.depth <= 2:
                self._spend(number(weight(loop) * lanes, "i64"))
                self._poll_if_due()

        first, last = span
        end = self._whole_lanes(first, self.integer("sub", last, first), lanes)
        self._while(counter, end, number(lanes, "i64"), rows)
        self.private, self.sums = outer
        self.line(f"br label %{done}")
        self.label(done)
        self.known = known.restored()

    def _rows_of_strip(self) -> int:
        """As many as fill a vector. In a long loop two of them, which share what is read once for all rows."""
        return self.doubles * 2 if self.depth <= 2 and self.doubles < PAIRED_BELOW else self.doubles

    def _counter(self, start: Value) -> str:
        slot = self.stack("i64")
        self.line(f"store {start.typed}, ptr {slot}, align 8")
        return slot

    def _while(
        self, counter: str, stop: Value, step: Value, body: Callable[[Value], None], relation: str = "slt"
    ) -> None:
        """Repeat while the counter is below the stop."""
        again, done = (self.name(f"{self.loop}.{stem}.") for stem in ("again", "done"))
        outer, self.done = self.done, done
        first = self.fetch("i64", counter, "i64")
        before = self.known.mark(addresses=False)
        self.line(f"br i1 {self.binary(f'icmp {relation}', first, stop, 'bool').text}, label %{again}, label %{done}")
        self.label(again)
        self.known = before.restored()
        at = self.fetch("i64", counter, "i64")
        body(at)
        next = self.integer("add", at, step)
        self.line(f"store {next.typed}, ptr {counter}, align 8")
        self.line(f"br i1 {self.binary(f'icmp {relation}', next, stop, 'bool').text}, label %{again}, label %{done}")
        self.label(done)
        self.known = before.restored()
        self.done = outer

    def _whole_lanes(self, start: Value, span: Value, lanes: int) -> Value:
        """Where the last full group of lanes ends."""
        if not span.text.startswith("%"):
            return self.integer("add", start, number(max(int(span.text), 0) // lanes * lanes, "i64"))
        return self.integer("add", start, self.emit(f"and i64 {span.text}, {-lanes}", "i64"))

    def _side_by_side(
        self,
        loop: For,
        section: list[Statement],
        at: Value,
        lanes: int,
        sums: Iterable[LaneSum],
        packed: dict[Load, tuple[str, str]],
    ) -> None:
        outer = self.plan, self.meeting, self.packed
        self.packed = packed
        self.plan, self.meeting, self.lanes = Plan(loop.variable, (), False, False), set(), lanes
        self._go_to(loop, at, sums)
        self._body(section)
        self.plan, self.meeting, self.packed = outer
        self.lanes = 0

    def _room_to_pack(self, load: Load, lanes: int) -> str:
        return self.stack(f"[{SHORT * lanes} x {self.memory_type(load.dtype)}]", 64)

    def _pack(self, loop: For, load: Load, inner: For, memory: str, at: Value, lanes: int) -> None:
        """Lay elements that lie a row apart side by side."""
        outer = self.plan
        self.plan = Plan(loop.variable, (), False, False)
        self.whole[loop.variable] = at
        self.whole.update(dict.fromkeys(names(inner.start), number(0, "i64")))

        def pack(position: Value) -> None:
            self.whole[inner.variable] = position
            self.lanes = lanes
            self._write(load.array, self._packed(load, memory, position), self._load(load))
            self.lanes = 0

        self._while(self._counter(number(0, "i64")), self.size(inner.stop), number(1, "i64"), pack)
        self.plan = outer

    def _go_to(self, loop: For, at: Value, sums: Iterable[LaneSum]) -> None:
        """An iteration, or the first of those that are done at once."""
        self.whole[loop.variable] = at
        for sum in sums:
            sum.at(self, at)

    def _row_by_row(
        self,
        loop: For,
        section: list[Statement],
        later: list[Statement],
        at: Value,
        lanes: int,
        sums: Iterable[LaneSum],
    ) -> None:
        """Statements for one row after the other. What they need of the rows comes from memory; what is needed of them
        `later` goes there."""
        own = {s if isinstance(s, Let) else s.cell for s in every(section) if isinstance(s, (Let, Open))}
        needs = [value for value in _touched(section) if value not in own and self._has_lanes(value)]
        begun = {s.cell for s in section if isinstance(s, Open)} | {s for s in section if isinstance(s, Let)}
        wanted = _touched(later)
        made = [value for value in _touched(section) if value in wanted and (value in needs or value in begun)]
        made = [value for value in made if value in begun or not isinstance(value, Let)]
        slots = {value: self._rows(self.value(value), lanes) for value in needs}
        found: dict[Let | Cell, tuple[str, str]] = {}
        """Where the rows of what is made are, and of which element type."""
        values, cells, private = dict(self.values), dict(self.cells), self.private
        row_counter = self._counter(number(0, "i64"))

        def row(k: Value) -> None:
            self._go_to(loop, self.integer("add", at, k), sums)
            self.private = {array: replace(own, row=k) for array, own in private.items()}
            for value, slot in slots.items():
                one = self._of_rows(slot, value.dtype if isinstance(value, Let) else cells[value].dtype, k)
                if isinstance(value, Let):
                    self.values[value] = one
                else:
                    self._new_cell(value, one.dtype)
                    self._set_cell(value, one)
            self._body(section)
            for value in made:
                one = self.value(value)
                found[value] = slot, _ = self.stack(f"[{lanes} x {self.memory_type(one.dtype)}]", 64), one.dtype
                self._put_in_memory(one, self.element(slot, self.memory_type(one.dtype), k))

        self._while(row_counter, number(lanes, "i64"), number(1, "i64"), row)
        self.private, self.values, self.cells = private, values, cells
        self.lanes = lanes
        for value, (slot, dtype) in found.items():
            rows = self._of_rows(slot, dtype)
            if isinstance(value, Let):
                self.values[value] = rows
            else:
                self._new_cell(value, dtype)
                self._set_cell(value, rows)
        self.lanes = 0

    def _has_lanes(self, value: Let | Cell) -> bool:
        known = self.values.get(value) if isinstance(value, Let) else self.cells.get(value)
        return known is not None and known.lanes > 0

    def _rows(self, value: Value, lanes: int) -> str:
        """Memory with a value of each row."""
        slot = self.stack(f"[{lanes} x {self.memory_type(value.dtype)}]", 64)
        self._put_in_memory(value, slot)
        return slot

    def _put_in_memory(self, value: Value, address: str) -> None:
        kind, text = self.memory_type(value.dtype, value.lanes), value.text
        if value.dtype == "bool":
            text = self.emit(f"zext {value.typed} to {kind}", "bool", value.lanes).text
        self.line(f"store {kind} {text}, ptr {address}, align {BYTES[value.dtype]}")

    def _of_rows(self, slot: str, dtype: str, row: Value | None = None) -> Value:
        """The value of a row, or those of all."""
        lanes = self.lanes if row is None else 0
        address = slot if row is None else self.element(slot, self.memory_type(dtype), row)
        found = self.fetch(self.memory_type(dtype, lanes), address, dtype, lanes, BYTES[dtype])
        return self._as_condition(found.text, lanes) if dtype == "bool" else found


def _touched(body: list[Statement]) -> dict[Let | Cell, None]:
    """The values and cells that statements read, compute or change."""
    found: dict[Let | Cell, None] = {}
    for statement in every(body):
        read = (*read_by(statement), *changed_by(statement), *((statement,) if isinstance(statement, Let) else ()))
        found |= dict.fromkeys(value for value in read if isinstance(value, (Let, Accumulator, Carry)))
    return found
