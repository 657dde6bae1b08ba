"""Loops of a kernel: plain ones, with several iterations side by side, past the caches, in strips."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gradc.loops.ir import Accumulator, For, Leave, Let, Load, Store, Update, read_by
from gradc.native.frame import Status
from gradc.native.instructions import BYTES, Value, number
from gradc.native.rows import RowWriter
from gradc.native.scope import PATIENCE
from gradc.native.strips import Strip, strips_of
from gradc.native.sums import EIGHT, LANES_OF_SUMS, EightSum, LaneSum, is_ordered
from gradc.native.vectors import PAIRED_BELOW, Plan, asked_by, is_dear, meeting, needed_by, plan_of, reduced_by, weight

STREAMED_FROM = 2**24
"""Bytes of results from which they are written past the caches."""


class LoopWriter(RowWriter):
    """All ways to do a loop, and how long ones look for interrupts."""

    def _for(self, loop: For) -> None:
        self.depth += 1
        asked = asked_by(loop, self.zeros)
        condition = self.value(asked) if asked is not None and not self.lanes else None
        if condition is None:
            self._do(loop)
        else:
            self._when(condition, lambda: self._do(loop))
        self.depth -= 1

    def _do(self, loop: For) -> None:
        outer, self.loop = self.loop, loop.variable
        plan = "it is short" if loop in self.short else plan_of(loop)
        strips = [] if self.lanes or self.doubles == 1 or loop in self.short else strips_of(loop, self.blocks)
        how = f"one at a time, because {plan}" if isinstance(plan, str) else f"{self._lanes_of(loop)} at a time"
        if strips:
            how = f"{self._rows_of_strip()} at a time where the loops in it are short; otherwise one at a time"
        start, stop = self.ends.get(loop, (loop.start, loop.stop))
        self.lines.append(f"  ; the loop for {loop.variable} in {start} to {stop}: {how}")
        if self.lanes or isinstance(plan, str):
            self._plain_loop(loop, strips)
        else:
            self._loop_of_lanes(loop, plan)
        self.loop = outer

    def _plain_loop(self, loop: For, strips: list[Strip]) -> None:
        is_down = isinstance(loop.step, int) and loop.step < 0
        start, stop = self.size(loop.start), self.size(loop.stop)
        step = self.size(loop.step)
        outer = self.sums
        own = reduced_by(loop) if loop.order == "reduction" and loop.step == 1 else ()
        eights = {cell: EightSum(self, cell) for cell in own if is_ordered(cell)} if self.lanes else {}
        sums = {cell: LaneSum(self, cell, start, stop) for cell in own} if not self.lanes else {}
        counter = self._counter(start)

        def body(at: Value) -> None:
            self.whole[loop.variable] = at
            for sum in sums.values():
                sum.at(self, at)
            self.sums = outer | sums | eights
            self._body(loop.body)
            self.sums = outer
            if self.depth <= 2 and not self.lanes:
                self._spend(number(weight(loop), "i64"))
                self._poll_if_due()

        for strip in strips:
            self._strip(loop, strip, counter, (start, stop), sums)
        if eights:
            self._in_eights(counter, stop, eights, body)
            return
        self._while(counter, stop, step, body, "sgt" if is_down else "slt")
        for cell, sum in sums.items():
            self._set_cell(cell, self.joined(cell.op, self._cell(cell), sum.total(self)))

    def _in_eights(
        self, counter: str, stop: Value, sums: Mapping[Accumulator, EightSum], body: Callable[[Value], None]
    ) -> None:
        """A short loop of a strip: eight iterations have sums of their own."""

        def eight(at: Value) -> None:
            for sum in sums.values():
                sum.begin(self)
            end = self.integer("add", at, number(EIGHT, "i64"))
            inner = self._counter(at)
            self._while(inner, self.select(self.less(end, stop), end, stop), number(1, "i64"), body)
            for cell, sum in sums.items():
                self._set_cell(cell, self.joined(cell.op, self._cell(cell), sum.total(self)))

        self._while(counter, stop, number(EIGHT, "i64"), eight)

    def _leave(self, statement: Leave) -> None:
        """Out of the loop, if the condition holds."""
        stay = self.name("stay")
        self.line(f"br i1 {self.value(statement.condition).text}, label %{self.done}, label %{stay}")
        self.label(stay)

    # ------------------------------------------------------------ iterations side by side

    def _loop_of_lanes(self, loop: For, plan: Plan) -> None:
        start, stop = self.size(loop.start), self.size(loop.stop)
        outer = self.plan, self.lanes, self.sums, self.meeting
        self.plan, self.meeting = plan, meeting(loop.body)
        lanes = self._lanes_of(loop)
        counter = self._counter(start)
        span = self.integer("sub", stop, start)
        if self.depth > 1:
            self._spend(self.integer("mul", span, number(weight(loop), "i64")))
        self.sums = {sum: LaneSum(self, sum, start, stop) for sum in plan.sums}
        if lanes > 1 and plan.is_light:
            self._all_lanes(loop, counter, start, stop)
        elif lanes > 1 and plan.stores and self.depth == 1 and self._is_all_output(loop):
            self._streaming(loop, counter, start, stop, lanes)
        else:
            if lanes > 1:
                self._lanes_while(loop, counter, self._whole_lanes(start, span, lanes), lanes)
            self._lanes_while(loop, counter, stop, 0)
        sums = self.sums
        self.plan, self.lanes, self.sums, self.meeting = outer
        for cell, sum in sums.items():
            self._set_cell(cell, self.joined(cell.op, self._cell(cell), sum.total(self)))

    def _all_lanes(self, loop: For, counter: str, start: Value, stop: Value) -> None:
        """All lanes of the sums at once, in registers; at the end those that are left."""
        for sum in self.sums.values():
            sum.in_registers = True
        whole = self._whole_lanes(start, self.integer("sub", stop, start), LANES_OF_SUMS)
        self._lanes_while(loop, counter, whole, LANES_OF_SUMS)
        rest, done = self.name("rest"), self.name("done")
        known = self.known.mark()
        at = self.fetch("i64", counter, "i64")
        left = self.integer("sub", stop, at)
        self.line(f"br i1 {self.less(number(0, 'i64'), left).text}, label %{rest}, label %{done}")
        self.label(rest)
        self.known = known.restored()
        self.lanes = LANES_OF_SUMS
        self.mask = self.less(self._ladder(1), left)
        self.whole[loop.variable] = at
        for sum in self.sums.values():
            sum.at(self, at)
        self._body(loop.body)
        self.lanes, self.mask = 0, None
        self.line(f"br label %{done}")
        self.label(done)
        self.known = known.restored()

    def _hand_on(self, loop: For) -> None:
        """Carries of a loop in which each iteration gets something that the one before computes: the new values, moved
        by one lane, behind the last one of the lanes before."""
        for update in [statement for statement in loop.body if isinstance(statement, Update)]:
            needed = set(needed_by(update))
            for let in loop.body:
                if isinstance(let, Let) and let in needed:
                    self.values[let] = self.value(let.value)
            for carry, value in zip(update.carries, update.values):
                new = self.spread(self.value(value), self.lanes)
                first = self.emit(
                    f"insertelement {new.type} poison, {self._cell(carry).typed}, i64 0", new.dtype, self.lanes
                )
                order = ", ".join(f"i32 {k}" for k in (self.lanes, *range(self.lanes - 1)))
                text = f"shufflevector {new.typed}, {first.typed}, <{self.lanes} x i32> <{order}>"
                self.carried[carry] = self.emit(text, new.dtype, self.lanes)

    def _is_all_output(self, loop: For) -> bool:
        """Whether a loop may be long, and stores elements of one size into arrays that the caller gets."""
        if isinstance(loop.start, int) and isinstance(loop.stop, int):
            return False
        arrays = {s.array for s in loop.body if isinstance(s, Store)}
        is_equal = len({BYTES[self.kernel.arrays[array].dtype] for array in arrays}) == 1
        return is_equal and arrays <= self.output_slots.keys()

    def _lanes_of(self, loop: For) -> int:
        """As many lanes as fill a vector with the elements of the loop's arrays. Where a long loop computes something
        dear, two small vectors, each of which takes what the other leaves of the processor's time."""
        if self.doubles == 1:
            return 1
        arrays = {value.array for s in loop.body for value in read_by(s) if isinstance(value, Load)}
        arrays |= {s.array for s in loop.body if isinstance(s, Store)}
        is_narrow = bool(arrays) and all(BYTES[self.kernel.arrays[array].dtype] <= 4 for array in arrays)
        if is_narrow or (self.depth <= 2 and self.doubles < PAIRED_BELOW and is_dear(loop.body)):
            return self.doubles * 2
        return self.doubles

    def _lanes_while(self, loop: For, counter: str, stop: Value, lanes: int) -> None:
        """The iterations from the counter up to a stop, so many at once; long loops look for interrupts on the way."""
        if self.depth > 1 or not stop.text.startswith("%") or (self.doubles > 1 and not lanes):
            self._lanes_up_to(loop, counter, stop, lanes)
            return
        again, part, done = self.name("again"), self.name("part"), self.name("done")
        before = self.known.mark(addresses=False)
        self.line(f"br label %{again}")
        self.label(again)
        self.known = before.restored()
        at = self.fetch("i64", counter, "i64")
        self.line(f"br i1 {self.less(at, stop).text}, label %{part}, label %{done}")
        self.label(part)
        self.known = before.restored()
        chunk = 2 ** max(12, (PATIENCE // weight(loop)).bit_length())
        end = self.integer("add", at, number(chunk, "i64"))
        self._lanes_up_to(loop, counter, self.select(self.less(end, stop), end, stop), lanes)
        self._poll()
        self.line(f"br label %{again}")
        self.label(done)
        self.known = before.restored()

    def _lanes_up_to(self, loop: For, counter: str, stop: Value, lanes: int) -> None:
        def body(at: Value) -> None:
            self.whole[loop.variable] = at
            self.lanes = lanes
            for sum in self.sums.values():
                sum.at(self, at)
            if lanes:
                self._hand_on(loop)
            self._body(loop.body)
            self.carried = {}
            if self.deferred:
                self._carry_out_deferred()
            self.lanes = 0

        self._while(counter, stop, number(lanes or 1, "i64"), body)

    def _streaming(self, loop: For, counter: str, start: Value, stop: Value, lanes: int) -> None:
        """A loop that only stores. Results that no cache holds are written past the caches, in aligned vectors: the
        first vector is an ordinary one, the second begins inside of it."""
        stores = [s for s in loop.body if isinstance(s, Store)]
        width = lanes * BYTES[self.kernel.arrays[stores[0].array].dtype]
        span = self.integer("sub", stop, start)
        full = self._whole_lanes(start, span, lanes)
        self.whole[loop.variable] = start
        self.lanes = lanes
        offsets = [
            self.emit(f"and i64 {address.text}, {width - 1}", "i64")
            for address in (self._as_integer(self._first(s.array, s.index)) for s in stores)
        ]
        self.lanes = 0
        whole = self._whole_span(loop)
        is_large = self.emit(f"icmp sgt i64 {whole.text}, {STREAMED_FROM // (width // lanes * len(stores))}", "bool")
        for offset in offsets[1:]:
            is_large = self.op("and", (is_large, self.equal(offset, offsets[0])), "bool")
        before = self.integer("sub", number(width, "i64"), offsets[0])
        skipped = self.emit(f"sdiv i64 {before.text}, {width // lanes}", "i64")
        aligned = self.integer("add", start, skipped)
        first = self.integer("add", start, number(lanes, "i64"))
        self._lanes_while(loop, counter, self.select(is_large, first, full), lanes)
        stream, done = self.name("stream"), self.name("streamed")
        known = self.known.mark()
        self.line(f"br i1 {is_large.text}, label %{stream}, label %{done}, !prof !0")
        self.label(stream)
        self.known = known.restored()
        self.line(f"store {aligned.typed}, ptr {counter}, align 8")
        rest = self._whole_lanes(aligned, self.integer("sub", stop, aligned), lanes)
        self.is_streaming = True
        self._lanes_while(loop, counter, rest, lanes)
        self.is_streaming = False
        self.line("fence seq_cst")
        self.line(f"br label %{done}")
        self.label(done)
        self.known = known.restored()
        self._lanes_while(loop, counter, stop, 0)

    def _whole_span(self, loop: For) -> Value:
        """How many iterations a loop has, all chunks together."""
        start, stop = self.ends.get(loop, (loop.start, loop.stop))
        return self.integer("sub", self.size(stop), self.size(start))

    def _as_integer(self, address: str) -> Value:
        return self.emit(f"ptrtoint ptr {address} to i64", "i64")

    # ------------------------------------------------------------ interrupts

    def _poll_if_due(self) -> None:
        poll, fine = self.name("poll"), self.name("fine")
        known = self.known.mark()
        is_due = self.less(self.fetch("i64", self.budget, "i64"), number(0, "i64"))
        self.line(f"br i1 {is_due.text}, label %{poll}, label %{fine}, !prof !0")
        self.label(poll)
        self.line(f"store i64 {PATIENCE}, ptr {self.budget}, align 8")
        self._poll()
        self.line(f"br label %{fine}")
        self.label(fine)
        self.known = known.restored()

    def _poll(self) -> None:
        self.declare("declare i32 @gradc_poll()")
        signal = f"%{self.name('signal')}"
        self.line(f"{signal} = call i32 @gradc_poll()")
        self._leave_if(self.emit(f"icmp ne i32 {signal}, 0", "bool"), Status.INTERRUPTED)
