"""Arrays of a kernel: their memory, and their elements, one or one for each lane."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from gradc.ir.affine import Affine
from gradc.loops.ir import (
    Choose,
    Fill,
    For,
    Let,
    Load,
    Place,
    Range,
    Reshape,
    Statement,
    Store,
    Tabulate,
    View,
)
from gradc.native.frame import Status
from gradc.native.instructions import BYTES, TYPES, Value, like, number
from gradc.native.scope import FunctionScope

STACKED = 1024
"""Bytes of the largest array that has its place on the stack."""


class ArrayWriter(FunctionScope):
    """Allocations, loads and stores."""

    def pointer(self, array: str) -> str:
        if array in self.fixed:
            return self.fixed[array]
        return self.emit(f"load ptr, ptr {self.pointers[array]}, align 8", "i64").text

    def _shape(self, array: str) -> tuple[Value, ...]:
        return tuple(self.size(size) for size in self.kernel.arrays[array].shape)

    def _count(self, array: str) -> Value:
        """How many elements an array has; leaves the kernel where that is beyond all memory."""
        count = number(1, "i64")
        for size in self._shape(array):
            if count.text == "1":
                count = size
            elif not count.text.startswith("%") and not size.text.startswith("%"):
                count = number(int(count.text) * int(size.text), "i64")
            else:
                self.declare("declare {i64, i1} @llvm.umul.with.overflow.i64(i64, i64)")
                both = f"%{self.name('both')}"
                self.line(f"{both} = call {{i64, i1}} @llvm.umul.with.overflow.i64(i64 {count.text}, i64 {size.text})")
                is_over = self.emit(f"extractvalue {{i64, i1}} {both}, 1", "bool")
                self._leave_if(is_over, Status.OUT_OF_MEMORY)
                count = self.emit(f"extractvalue {{i64, i1}} {both}, 0", "i64")
        if count.text.startswith("%"):
            is_over = self.emit(f"icmp ugt i64 {count.text}, {2**59}", "bool")
            self._leave_if(is_over, Status.OUT_OF_MEMORY)
        return count

    def _bytes(self, array: str) -> Value:
        return self.integer("mul", self._count(array), number(BYTES[self.kernel.arrays[array].dtype], "i64"))

    def _allocate(self, array: str, zeros: bool) -> None:
        bytes = self._bytes(array)
        field = self.output_slots.get(array)
        if field is not None:
            self._point(array, self._slot_value(field.slot, "ptr"))
        else:
            self._scratch(array, bytes)
        if zeros:
            self._clear(self.pointer(array), bytes)

    def _point(self, array: str, address: str) -> None:
        if array not in self.pointers:
            self.pointers[array] = self.stack("ptr")
        self.line(f"store ptr {address}, ptr {self.pointers[array]}, align 8")
        self._forget_loads()

    def _scratch(self, array: str, bytes: Value) -> None:
        """Memory of the kernel's own for an array, kept from one iteration to the next."""
        if not bytes.text.startswith("%") and int(bytes.text) <= STACKED and not self.depth:
            self._point(array, self.stack(f"[{bytes.text} x i8]", 64))
            return
        if array not in self.pointers:
            self.pointers[array] = self._owned_slot(self.name("array"))
        self._make_room(self.pointers[array], bytes)

    def _owned_slot(self, name: str) -> str:
        """A stack slot for the address of memory that the function gives back at its end."""
        slot = f"%{name}"
        self.entry += [
            f"  {slot} = alloca ptr, align 8",
            f"  store ptr null, ptr {slot}, align 8",
            f"  {slot}.room = alloca i64, align 8",
            f"  store i64 -1, ptr {slot}.room, align 8",
        ]
        self.owned.append(slot)
        return slot

    def _make_room(self, slot: str, bytes: Value) -> None:
        self.products.add("room")
        failed = f"%{self.name('failed')}"
        self.line(f"{failed} = call i1 @room(ptr {slot}, ptr {slot}.room, i64 {bytes.text})")
        self._forget_loads()
        self._leave_if(Value(failed, "bool"), Status.OUT_OF_MEMORY)

    def _copy(self, to: str, source: str, bytes: Value) -> None:
        self.declare("declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)")
        self.line(f"call void @llvm.memcpy.p0.p0.i64(ptr {to}, ptr {source}, i64 {bytes.text}, i1 false)")

    def _table(self, statement: Tabulate) -> None:
        dtype = self.kernel.arrays[statement.array].dtype
        kind, name = self.memory_type(dtype), f"@{statement.array}"
        values = ", ".join(
            f"{kind} {int(value) if dtype == 'bool' else number(value, dtype).text}" for value in statement.values
        )
        self.tables[statement.array] = (
            f"{name} = internal constant [{len(statement.values)} x {kind}] [{values}], align 64"
        )
        self.fixed[statement.array] = name

    def _reshape(self, statement: Reshape) -> None:
        array, source = statement.array, self.pointer(statement.source)
        field = self.output_slots.get(array)
        if not statement.copied:
            self._point(array, source)
            return
        bytes = self._bytes(array)
        if field is not None:
            self._point(array, self._slot_value(field.slot, "ptr"))
        else:
            self._scratch(array, bytes)
        self._copy(self.pointer(array), source, bytes)

    def _choose(self, statement: Choose) -> None:
        number_ = self.size(statement.number)
        is_first = self.emit(f"icmp eq i64 {number_.text}, 0", "bool")
        row = self.integer("mul", self.integer("sub", number_, number(1, "i64")), self._count(statement.array))
        other = self._address(statement.others, row)
        chosen = f"select i1 {is_first.text}, ptr {self.pointer(statement.first)}, ptr {other}"
        self._point(statement.array, self.emit(chosen, "i64").text)

    def _offset(self, array: str, indices: Sequence[Value]) -> Value:
        """The position of an element: an i64, or one for each lane."""
        sizes = self._shape(array)
        offset: Value | None = None
        for index, size in zip(indices, sizes):
            if offset is None:
                offset = index
            elif offset.lanes or index.lanes:
                offset = self.op("add", (self.op("mul", (offset, size), "i64"), index), "i64")
            else:
                offset = self.integer("add", self.integer("mul", offset, size), index)
        return offset or number(0, "i64")

    def _address(self, array: str, offset: Value) -> str:
        kind = self.memory_type(self.kernel.arrays[array].dtype)
        return self.emit(f"getelementptr {kind}, ptr {self.pointer(array)}, i64 {offset.text}", "i64").text

    def _index(self, at: Affine | Let, size: Value) -> Value:
        """An index; a computed one may count from the end."""
        if isinstance(at, Affine):
            return self.affine(at)
        index = self.value(at)
        return self.select(self.less(index, like(0, index)), self.op("add", (index, size), "i64"), index)

    def _read(self, array: str, address: str, lanes: int = 0) -> Value:
        dtype = self.kernel.arrays[array].dtype
        text = f"load {self.memory_type(dtype, lanes)}, ptr {address}, align {BYTES[dtype]}"
        if array in self.fixed:
            found = self.emit(f"{text}, !invariant.load !1", dtype, lanes)
        else:
            found = Value(f"%{self.name('r')}", dtype, lanes)
            self.line(f"{found.text} = {text}")
        if dtype == "bool":
            return self._as_condition(found.text, lanes)
        return found

    def _read_some(self, array: str, address: str) -> Value:
        """The elements of the lanes that count."""
        assert self.mask is not None
        dtype = self.kernel.arrays[array].dtype
        kind = self.memory_type(dtype, self.lanes)
        element = "i8" if dtype == "bool" else dtype
        function = f"{kind} @llvm.masked.load.v{self.lanes}{element}.p0"
        self.declare(f"declare {function}(ptr, i32, {self.mask.type}, {kind})")
        call = f"call {function}(ptr {address}, i32 {BYTES[dtype]}, {self.mask.typed}, {kind} zeroinitializer)"
        found = self.emit(call, dtype, self.lanes)
        return self._as_condition(found.text, self.lanes) if dtype == "bool" else found

    def _as_condition(self, bytes: str, lanes: int) -> Value:
        """Conditions from the bytes that they are in memory."""
        zero = "zeroinitializer" if lanes else "0"
        return self.emit(f"icmp ne {self.memory_type('bool', lanes)} {bytes}, {zero}", "bool", lanes)

    def _write(self, array: str, address: str, value: Value, is_streaming: bool = False) -> None:
        dtype = self.kernel.arrays[array].dtype
        kind = self.memory_type(dtype, value.lanes)
        text = value.text
        if dtype == "bool":
            text = self.emit(f"zext {value.typed} to {kind}", dtype, value.lanes).text
        align = BYTES[dtype] * value.lanes if is_streaming else BYTES[dtype]
        hint = ", !nontemporal !2" if is_streaming else ""
        self.line(f"store {kind} {text}, ptr {address}, align {align}{hint}")

    # ------------------------------------------------------------ places: one element, or one for each lane

    def _moves(self, place: Place) -> tuple[str, int]:
        """How a place moves with the lanes: "no", "along" the last axis, or "apart"; and the step along it."""
        if self.plan is None or not self.lanes:
            return "no", 0
        variable = self.plan.variable
        moving = [k for k, at in enumerate(place) if isinstance(at, Affine) and at.var == variable and at.step != 0]
        computed = [at for at in place if isinstance(at, Let) and self.value(at).lanes]
        if not moving and not computed:
            return "no", 0
        last = place[-1]
        if not computed and moving == [len(place) - 1] and isinstance(last, Affine) and abs(last.step) == 1:
            return "along", last.step
        return "apart", 0

    def _addresses(self, array: str, place: Place) -> list[str]:
        """The address for each lane, or only one."""
        return [self._address(array, position) for position in self._positions(array, place)]

    def _positions(self, array: str, place: Place) -> list[Value]:
        """The position of the element for each lane, or only one."""
        how, step = self._moves(place)
        sizes = self._shape(array)
        if how != "apart":
            first = self._offset(array, [self._index(at, size) for at, size in zip(place, sizes)])
            if how == "no":
                return [first]
            return [self.integer("add", first, number(step * k, "i64")) for k in range(self.lanes)]
        assert self.plan is not None
        variable = self.plan.variable
        if any(isinstance(at, Let) and self.value(at).lanes for at in place):
            indices = []
            for at, size in zip(place, sizes):
                index = self._index(at, size)
                if isinstance(at, Affine) and at.var == variable and at.step:
                    index = self.op("add", (self.spread(index, self.lanes), self._ladder(at.step)), "i64")
                indices.append(index)
            offset = self.spread(self._offset(array, indices), self.lanes)
            return [self.lane(offset, k) for k in range(self.lanes)]
        first = self._offset(array, [self._index(at, size) for at, size in zip(place, sizes)])
        steps = [number(at.step if isinstance(at, Affine) and at.var == variable else 0, "i64") for at in place]
        stride = self._offset(array, steps)
        return [self.integer("add", first, self.integer("mul", stride, number(k, "i64"))) for k in range(self.lanes)]

    def _ladder(self, step: int, dtype: str = "i64") -> Value:
        """0, step, 2 step, ... in the lanes."""
        kind = TYPES[dtype]
        items = ", ".join(f"{kind} {number(step * k, dtype).text}" for k in range(self.lanes))
        return Value(f"<{items}>", dtype, self.lanes)

    def _first(self, array: str, place: Place) -> str:
        sizes = self._shape(array)
        return self._address(array, self._offset(array, [self._index(at, size) for at, size in zip(place, sizes)]))

    def _load(self, value: Load) -> Value:
        if value.array in self.private:
            return self._load_private(value)
        if value in self.packed:
            memory, variable = self.packed[value]
            return self._read(value.array, self._packed(value, memory, self.whole[variable]), self.lanes)
        how, step = self._moves(value.index)
        addresses = None if how == "along" and step == 1 else self._addresses(value.array, value.index)
        if addresses is None:
            first = self._first(value.array, value.index)
            return (
                self._read(value.array, first, self.lanes) if self.mask is None else self._read_some(value.array, first)
            )
        if len(addresses) == 1 and how == "no":
            return self._read(value.array, addresses[0])
        return self.gathered([self._read(value.array, address) for address in addresses])

    # ------------------------------------------------------------ scratch of each row

    def _load_private(self, value: Load) -> Value:
        addresses = self._private_addresses(value.array, value.index)
        if self.private[value.array].row is None and len(addresses) == 1:
            return self._read(value.array, addresses[0], self.lanes)
        read = [self._read(value.array, address) for address in addresses]
        return read[0] if len(read) == 1 else self.gathered(read)

    def _packed(self, value: Load, memory: str, position: Value) -> str:
        """Where elements of the rows of a strip are side by side."""
        kind = self.memory_type(self.kernel.arrays[value.array].dtype)
        return self.element(memory, kind, self.integer("mul", position, number(self.lanes, "i64")))

    def _private_addresses(self, array: str, place: Place) -> list[str]:
        """The address for each lane, or only one: where the rows are lanes, that of the first."""
        own = self.private[array]
        positions = self._positions(array, place)
        rows = [number(k if own.row is None and len(positions) > 1 else 0, "i64") for k in range(len(positions))]
        memory = self.emit(f"load ptr, ptr {own.slot}, align 8", "i64").text
        kind = self.memory_type(self.kernel.arrays[array].dtype)
        return [
            self.element(
                memory,
                kind,
                self.integer("add", self.integer("mul", position, number(own.rows, "i64")), own.row or row),
            )
            for position, row in zip(positions, rows)
        ]

    # ------------------------------------------------------------ stores

    def _store(self, statement: Store) -> None:
        self.lines.append(f"  ; {statement.array}")
        value = self.value(statement.value)
        if statement.condition is None:
            self._put(statement.array, statement.index, value)
            return
        condition = self.value(statement.condition)
        if not condition.lanes:
            self._when(condition, lambda: self._put(statement.array, statement.index, value))
            return
        addresses = self._addresses(statement.array, statement.index)
        for k in range(self.lanes):
            at = addresses[k % len(addresses)]
            one = self.lane(value, k)
            self._when(self.lane(condition, k), partial(self._write, statement.array, at, one))

    def _put(self, array: str, place: Place, value: Value) -> None:
        if array in self.private:
            addresses = self._private_addresses(array, place)
            if self.private[array].row is None:
                self._write(array, addresses[0], self.spread(value, self.lanes))
            else:
                for k, at in enumerate(addresses):
                    self._write(array, at, self.lane(value, k))
            return
        how, step = self._moves(place)
        if how == "along" and step == 1:
            at = self._first(array, place)
            self._write(array, at, self.spread(value, self.lanes), self.is_streaming and array in self.output_slots)
            return
        addresses = self._addresses(array, place)
        for k, at in enumerate(addresses * (self.lanes if self.lanes and len(addresses) == 1 else 1)):
            self._write(array, at, self.lane(value, k))

    def _fill(self, statement: Fill) -> None:
        """Loops over the part of the array; zeros that lie side by side are set at once."""
        view, loops = statement.view, []
        place: list[Any] = []
        whole = [part is None for part in view.parts]
        at = sum(not isinstance(part, Range | None) for part in view.parts)
        ranged = [axis for axis, part in enumerate(view.parts) if isinstance(part, Range)]
        if statement.value.value == 0 and whole == sorted(whole) and ranged in ([], [at]):
            self._set_zero(view)
            return
        for part, size in zip(view.parts, self.kernel.arrays[view.array].shape):
            if part is None or isinstance(part, Range):
                variable = self.name("fill")
                start, stop = (part.start, part.stop) if isinstance(part, Range) else (0, size)
                place.append(Affine(variable))
                loops.append((variable, start, stop))
            else:
                place.append(part)
        made: Statement = Store(view.array, tuple(place), statement.value)
        for variable, start, stop in reversed(loops):
            made = For(variable, start, stop, 1, [made], "parallel")
        self._statement(made)

    def _set_zero(self, view: View) -> None:
        """A part of an array that begins at an index of the first axes, or a range of one, with all of the others."""
        sizes = self._shape(view.array)
        count, indices = number(BYTES[self.kernel.arrays[view.array].dtype], "i64"), []
        for part, size in zip(view.parts, sizes):
            if part is None:
                indices.append(number(0, "i64"))
                count = self.integer("mul", count, size)
            elif isinstance(part, Range):
                indices.append(self.size(part.start))
                count = self.integer("mul", count, self.integer("sub", self.size(part.stop), indices[-1]))
            else:
                indices.append(self._index(part, size))
        self._clear(self._address(view.array, self._offset(view.array, indices)), count)

    def _clear(self, address: str, bytes: Value) -> None:
        self.declare("declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)")
        self.line(f"call void @llvm.memset.p0.i64(ptr {address}, i8 0, i64 {bytes.text}, i1 false)")
