"""Loop IR to LLVM: a function that takes a frame, and one that says which sizes its results have.

Loops become blocks, cells become stack slots that LLVM turns into registers. The innermost loops take several lanes
(`vectors.py` says which); what cannot is done one element at a time, in order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from gradc.elementary.functions import FUNCTIONS
from gradc.ir.affine import Affine
from gradc.ir.graph import Node
from gradc.ir.ops import OPS
from gradc.ir.sizes import Size
from gradc.loops.ir import (
    Accumulator,
    Allocate,
    Apply,
    Carry,
    Cell,
    Close,
    Combine,
    CombineExactly,
    Define,
    Expression,
    Extent,
    Fill,
    For,
    Guard,
    IndexValue,
    InRange,
    Kernel,
    Let,
    Load,
    Number,
    Open,
    Place,
    Product,
    Range,
    Reshape,
    Return,
    Settled,
    Statement,
    Store,
    Target,
    Update,
    Variable,
    View,
    every,
    read_by,
    sizes_in,
)
from gradc.native import support
from gradc.native.frame import Field, Frame, Status, frame_of
from gradc.native.instructions import METADATA, TYPES, Value, Writer, like, llvm_type, number
from gradc.native.scalar import definitions
from gradc.native.vectors import SHORT, Plan, Strip, plan_of, reduced_by, strip_of

BYTES = {"f64": 8, "f32": 4, "i64": 8, "bool": 1}
LANES_OF_SUMS = 32
"""A sum is this many sums, of which number k has the terms k, k + 32, ...; they are added in a fixed tree."""
INLINED = 32
"""A kernel with more elementary functions calls them: the code would be long otherwise."""
INLINED_ONCE = 4
"""The same where there are no lanes; what is left over behind the lanes of a loop always calls them."""
MANY = 64
"""Inputs up to which a function reads all of them at its beginning."""
PART = 500
"""Values of straight-line code that make a function: LLVM takes more than linear time for a long one."""
PATIENCE = 2**24
"""Nanoseconds, roughly, after which a kernel looks whether the user has interrupted it."""
STREAMED_FROM = 2**24
"""Bytes of results from which they are written past the caches."""


@dataclass(frozen=True)
class Machine:
    """Text for LLVM, and what it needs."""

    text: str
    kernel: str
    """The kernel alone, without what it calls."""
    frame: Frame
    errors: tuple[tuple[str, str], ...]
    """The exceptions that the kernel asks for: kind and message."""


def machine(kernel: Kernel, doubles: int, names: Mapping[Node, str] | None = None) -> Machine:
    """The module of a kernel for vectors of so many doubles. `names` are the user's."""
    return _Printer(kernel, doubles, names or {}).module()


class _Printer(Writer):
    def __init__(self, kernel: Kernel, doubles: int, names: Mapping[Node, str]):
        super().__init__()
        self.kernel = kernel
        self.doubles = doubles
        self.names = names
        self.frame = frame_of(kernel)
        self.errors: list[tuple[str, str]] = []
        self.entry: list[str] = []
        self.whole: dict[str, Value] = {}
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
        self.sums: dict[Accumulator, _LaneSum] = {}
        self.meeting: set[str] = set()
        self.deferred: list[tuple[Combine, str, list[str], Value]] = []
        self.is_streaming = False
        self.private: dict[str, str] = {}
        """Scratch that each lane of a strip has for itself, side by side: the slots with the addresses."""
        self.stretches: dict[int, int] = {}
        """Where the stretches of the body begin that are functions of their own, and where they end."""
        self.saved: dict[Let, int] = {}
        """The values that pass between them, and their places in memory."""
        self.parts: list[tuple[str, list[Statement]]] = []
        self.owned: list[str] = []
        self.budget = ""
        self.loop = ""
        """The variable of the innermost loop, for the names of blocks."""
        self.depth = 0
        """How many loops are around a statement, itself included."""
        self.allocated = {s.array for s in every(kernel.body) if isinstance(s, (Allocate, Reshape))}
        self.allocated |= {node.name for node in kernel.inputs}
        applied = [s for s in every(kernel.body) if isinstance(s, Let) and isinstance(s.value, Apply)]
        self.applied = sum(s.value.op in FUNCTIONS for s in applied)  # type: ignore[union-attr]
        """How many elementary functions the kernel has."""
        self.outlined: dict[str, str] = {}
        self.products: set[str] = set()
        self.output_slots = self._direct_outputs()

    # ------------------------------------------------------------ the module

    def module(self) -> Machine:
        self._divide()
        body = self._function("kernel", "ptr noalias %frame", lambda: self._long_body(self.kernel.body))
        others = [self._part(*part) for part in self.parts]
        shapes = self._shapes() if self.frame.dims else ""
        parts = [body, shapes, *others, *self.outlined.values()]
        called, declared = set(self.called), set(self.declared)
        parts.append(definitions(called, declared))
        parts.append(support.text(self.products, declared, self.doubles))
        parts += sorted(declared)
        parts += [METADATA, "!1 = !{}", "!2 = !{i32 1}"]
        return Machine("\n".join(part for part in parts if part) + "\n", body, self.frame, tuple(self.errors))

    def _function(self, name: str, parameters: str, write: Callable[[], None]) -> str:
        """A function that returns a status; `write` writes what it does."""
        self.lines, self.entry, self.known, self.budget, self.owned = [], [], {}, "", []
        self._inputs()
        write()
        self.line("br label %leave")
        self.lines.append("leave:")
        self.line("%status = load i64, ptr %code, align 8")
        for slot in self.owned:
            self.line(f"{slot}.old = load ptr, ptr {slot}, align 8")
            self.line(f"call void @free(ptr {slot}.old)")
            self.declare("declare void @free(ptr)")
        self.line("ret i64 %status")
        head = [f"define i64 @{name}({parameters}) {{", "entry:", "  %code = alloca i64, align 8", *self.entry]
        return "\n".join([*head, "  store i64 0, ptr %code, align 8", *self.lines, "}"])

    def _shapes(self) -> str:
        """The sizes of the output arrays, one after the other."""
        sizes: list[Statement] = []
        for statement in self.kernel.body:
            if not isinstance(statement, (Define, Guard)):
                break
            sizes.append(statement)

        def write() -> None:
            self._body(sizes)
            last = self.kernel.body[-1]
            assert isinstance(last, Return)
            arrays = [value for _, value in last.values if isinstance(value, str)]
            for slot, size in enumerate(size for array in arrays for size in self.kernel.arrays[array].shape):
                at = f"%{self.name('dim')}"
                self.line(f"{at} = getelementptr i64, ptr %dims, i64 {slot}")
                self.line(f"store {self.size(size).typed}, ptr {at}, align 8")

        return self._function("shapes", "ptr noalias %frame, ptr noalias %dims", write)

    # ------------------------------------------------------------ long code

    def _divide(self) -> None:
        """Find stretches of straight-line code that go into functions of their own, and the values that pass from one
        to another."""
        part_of: dict[Let, int] = {}
        body = self.kernel.body
        if len(body) <= 2 * PART:
            return
        for start, stop in _stretches([isinstance(s, Let) and self._is_movable(s) for s in body]):
            self.stretches[start] = stop
            part_of.update((s, start) for s in body[start:stop] if isinstance(s, Let))
        for statement in every(body):
            own = part_of.get(statement) if isinstance(statement, Let) else None
            for value in read_by(statement):
                if isinstance(value, Let) and part_of.get(value) != own:
                    self.saved.setdefault(value, len(self.saved))

    def _is_movable(self, let: Let) -> bool:
        """Whether a value needs nothing but inputs and other values."""
        read = read_by(let)
        if any(isinstance(value, (Accumulator, Carry)) for value in read):
            return False
        if any(isinstance(value, Load) and value.array not in self.fields for value in read):
            return False
        return all(isinstance(size, int) for size in sizes_in(let, read, self.kernel.arrays))

    def _long_body(self, body: list[Statement]) -> None:
        if self.saved:
            slot = self._owned_slot("kept")
            self._make_room(slot, number(8 * len(self.saved), "i64"))
            self.line(f"%saved = load ptr, ptr {slot}, align 8")
        at = 0
        while at < len(body):
            stop = self.stretches.get(at, at)
            if stop > at:
                self.parts.append((f"part{at}", body[at:stop]))
                self.line(f"call void @part{at}(ptr %frame, ptr %saved)")
            else:
                self._statement(body[at])
            at = max(stop, at + 1)

    def _part(self, name: str, body: list[Statement]) -> str:
        self.lines, self.entry, self.known = [], [], {}
        self._inputs()
        self._body(body)
        head = f"define internal void @{name}(ptr noalias %frame, ptr noalias %saved) noinline {{"
        return "\n".join([head, "entry:", *self.entry, *self.lines, "  ret void", "}"])

    def _saved_value(self, let: Let) -> Value:
        """A value of another function of the kernel."""
        kind = self._memory_type(let.dtype)
        found = self.emit(f"load {kind}, ptr {self._saved_at(let)}, align 8", let.dtype)
        return found if let.dtype != "bool" else self.emit(f"trunc i8 {found.text} to i1", "bool")

    def _saved_at(self, let: Let) -> str:
        return self.emit(f"getelementptr i64, ptr %saved, i64 {self.saved[let]}", "i64").text

    # ------------------------------------------------------------ the frame

    def _inputs(self) -> None:
        self.whole, self.values, self.cells, self.scalars = {}, {}, {}, {}
        for field in self.frame.inputs:
            if field.rank:
                self.fixed[field.name] = self._slot_value(field.slot, "ptr")
                self.dims[field.name] = tuple(
                    Value(self._slot_value(field.slot + 1 + axis, "i64"), "i64") for axis in range(field.rank)
                )
            elif len(self.frame.inputs) <= MANY:
                self.scalars[field.name] = self._scalar(field)

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

    def _direct_outputs(self) -> dict[str, Field]:
        """Output arrays that are made where the caller wants them. The others are copied at the end."""
        made: dict[str, Statement] = {}
        for statement in self.kernel.body:
            match statement:
                case Allocate() | Reshape():
                    made[statement.array] = statement
                case Product(target=View(parts=parts)) if all(part is None for part in parts):
                    made.setdefault(statement.target.array, statement)
        last = self.kernel.body[-1]
        assert isinstance(last, Return)
        found: dict[str, Field] = {}
        for field, (_, value) in zip(self.frame.outputs, last.values):
            if not isinstance(value, str):
                continue
            array = value
            while array not in found:
                maker = made.get(array)
                if maker is None:
                    break
                found[array] = field
                if not isinstance(maker, Reshape) or maker.copied:
                    break
                array = maker.source
        return found

    # ------------------------------------------------------------ statements

    def _body(self, body: list[Statement]) -> None:
        for statement in body:
            self._statement(statement)

    def _statement(self, statement: Statement) -> None:
        match statement:
            case Let():
                self._let(statement)
            case Define():
                value = statement.value
                self.whole[statement.name] = self.value(value) if isinstance(value, Extent) else self.size(value)
            case Guard():
                self._guard(statement)
            case Allocate():
                self._allocate(statement.array, statement.zeros)
            case Reshape():
                self._reshape(statement)
            case Fill():
                self._fill(statement)
            case Store():
                self._store(statement)
            case Product():
                self._product(statement)
            case Open():
                self._open(statement)
            case Combine():
                self._combine(statement)
            case CombineExactly():
                self._combine_exactly(statement)
            case Close():
                self._close(statement)
            case Update():
                values = [self.value(value) for value in statement.values]
                for carry, updated in zip(statement.carries, values):
                    self._set_cell(carry, updated)
            case For():
                self._for(statement)
            case Return():
                self._return(statement)

    def _let(self, statement: Let) -> None:
        name = self.names.get(statement.node) if statement.node is not None else None
        if name:
            self.lines.append(f"  ; {name}")
        self.values[statement] = value = self.value(statement.value)
        if statement in self.saved:
            kind = self._memory_type(value.dtype)
            text = value.text if value.dtype != "bool" else self.emit(f"zext i1 {value.text} to i8", "bool").text
            self.line(f"store {kind} {text}, ptr {self._saved_at(statement)}, align 8")

    def _guard(self, statement: Guard) -> None:
        wrong = self.value(statement.wrong)
        if wrong.lanes:
            self.declare(f"declare i1 @llvm.vector.reduce.or.v{wrong.lanes}i1(<{wrong.lanes} x i1>)")
            wrong = self.emit(f"call i1 @llvm.vector.reduce.or.v{wrong.lanes}i1({wrong.typed})", "bool")
        error = (statement.error, statement.message)
        if error not in self.errors:
            self.errors.append(error)
        self._leave_if(wrong, self.errors.index(error) + 1)

    def _leave_if(self, wrong: Value, code: int) -> None:
        fail, fine = self.name("wrong"), self.name("fine")
        known = dict(self.known)
        self.line(f"br i1 {wrong.text}, label %{fail}, label %{fine}, !prof !0")
        self.label(fail)
        self.line(f"store i64 {int(code)}, ptr %code, align 8")
        self.line("br label %leave")
        self.label(fine)
        self.known = known

    def _return(self, statement: Return) -> None:
        for field, (_, value) in zip(self.frame.outputs, statement.values):
            if isinstance(value, str):
                if self.output_slots.get(value) is not field:
                    to = self._slot_value(field.slot, "ptr")
                    self._copy(to, self.pointer(value), self._bytes(value))
                continue
            shown = self.value(value)
            if shown.dtype == "bool":
                shown = Value(self.emit(f"zext {shown.typed} to i8", "bool").text, "bool")
                self.line(f"store i8 {shown.text}, ptr {self._slot(field.slot)}, align 8")
            else:
                self.line(f"store {shown.typed}, ptr {self._slot(field.slot)}, align 8")

    # ------------------------------------------------------------ whole numbers

    def size(self, size: Size) -> Value:
        if isinstance(size, int):
            return number(size, "i64")
        if isinstance(size, str):
            return self.whole[size]
        left, right = self.size(size.left), self.size(size.right)
        if size.op in ("max", "min"):
            return self.select(self.compare("", "sgt" if size.op == "max" else "slt", left, right), left, right)
        if size.op == "//":
            return self.op("floordiv", (left, right), "i64")
        return self._whole({"+": "add", "-": "sub", "*": "mul"}[size.op], left, right)

    def _whole(self, op: str, left: Value, right: Value) -> Value:
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
        return self._whole("add", self._whole("mul", self.whole[at.var], number(at.step, "i64")), offset)

    # ------------------------------------------------------------ arrays

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
        return self._whole("mul", self._count(array), number(BYTES[self.kernel.arrays[array].dtype], "i64"))

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
            self.pointers[array] = self._stack("ptr")
        self.line(f"store ptr {address}, ptr {self.pointers[array]}, align 8")
        self._forget_loads()

    def _scratch(self, array: str, bytes: Value) -> None:
        """Memory of the kernel's own for an array, kept from one iteration to the next."""
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

    def _forget_loads(self) -> None:
        self.known = self._without_addresses()

    def _without_addresses(self) -> dict[str, str]:
        """What stays known where arrays may move."""
        return {text: name for text, name in self.known.items() if not text.startswith("load ptr")}

    def _copy(self, to: str, source: str, bytes: Value) -> None:
        self.declare("declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)")
        self.line(f"call void @llvm.memcpy.p0.p0.i64(ptr {to}, ptr {source}, i64 {bytes.text}, i1 false)")

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
                offset = self._whole("add", self._whole("mul", offset, size), index)
        return offset or number(0, "i64")

    def _address(self, array: str, offset: Value) -> str:
        kind = self._memory_type(self.kernel.arrays[array].dtype)
        return self.emit(f"getelementptr {kind}, ptr {self.pointer(array)}, i64 {offset.text}", "i64").text

    @staticmethod
    def _memory_type(dtype: str, lanes: int = 0) -> str:
        kind = "i8" if dtype == "bool" else TYPES[dtype]
        return f"<{lanes} x {kind}>" if lanes else kind

    def _index(self, at: Affine | Let, size: Value) -> Value:
        """An index; a computed one may count from the end."""
        if isinstance(at, Affine):
            return self.affine(at)
        index = self.value(at)
        return self.select(self.less(index, like(0, index)), self.op("add", (index, size), "i64"), index)

    def _read(self, array: str, address: str, lanes: int = 0) -> Value:
        dtype = self.kernel.arrays[array].dtype
        text = f"load {self._memory_type(dtype, lanes)}, ptr {address}, align {BYTES[dtype]}"
        if array in self.fixed:
            found = self.emit(f"{text}, !invariant.load !1", dtype, lanes)
        else:
            found = Value(f"%{self.name('r')}", dtype, lanes)
            self.line(f"{found.text} = {text}")
        if dtype == "bool":
            zero = "zeroinitializer" if lanes else "0"
            return self.emit(f"icmp ne {self._memory_type(dtype, lanes)} {found.text}, {zero}", "bool", lanes)
        return found

    def _write(self, array: str, address: str, value: Value, is_streaming: bool = False) -> None:
        dtype = self.kernel.arrays[array].dtype
        kind = self._memory_type(dtype, value.lanes)
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
        how, step = self._moves(place)
        sizes = self._shape(array)
        if how != "apart":
            indices = [self._index(at, size) for at, size in zip(place, sizes)]
            first = self._offset(array, indices)
            if how == "no":
                return [self._address(array, first)]
            return [self._address(array, self._whole("add", first, number(step * k, "i64"))) for k in range(self.lanes)]
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
            return [self._address(array, self.lane(offset, k)) for k in range(self.lanes)]
        first = self._offset(array, [self._index(at, size) for at, size in zip(place, sizes)])
        steps = [number(at.step if isinstance(at, Affine) and at.var == variable else 0, "i64") for at in place]
        stride = self._offset(array, steps)
        return [
            self._address(array, self._whole("add", first, self._whole("mul", stride, number(k, "i64"))))
            for k in range(self.lanes)
        ]

    def _ladder(self, step: int, dtype: str = "i64") -> Value:
        """0, step, 2 step, ... in the lanes."""
        kind = TYPES[dtype]
        items = ", ".join(f"{kind} {number(step * k, dtype).text}" for k in range(self.lanes))
        return Value(f"<{items}>", dtype, self.lanes)

    def _load(self, value: Load) -> Value:
        if value.array in self.private:
            return self._load_private(value)
        how, step = self._moves(value.index)
        addresses = None if how == "along" and step == 1 else self._addresses(value.array, value.index)
        if addresses is None:
            first = self._first(value.array, value.index)
            return self._read(value.array, first, self.lanes)
        if len(addresses) == 1 and how == "no":
            return self._read(value.array, addresses[0])
        return self.gathered([self._read(value.array, address) for address in addresses])

    # ------------------------------------------------------------ scratch of each lane

    def _load_private(self, value: Load) -> Value:
        position = self._position(value.array, value.index)
        if not position.lanes:
            return self._read(value.array, self._private_address(value.array, position), self.lanes)
        lanes = []
        for k in range(self.lanes):
            at = self._whole(
                "add", self._whole("mul", self.lane(position, k), number(self.lanes, "i64")), number(k, "i64")
            )
            lanes.append(self._read(value.array, self._element_address(value.array, self.private[value.array], at)))
        return self.gathered(lanes)

    def _position(self, array: str, place: Place) -> Value:
        return self._offset(array, [self._index(at, size) for at, size in zip(place, self._shape(array))])

    def _private_address(self, array: str, position: Value) -> str:
        first = self._whole("mul", position, number(self.lanes, "i64"))
        return self._element_address(array, self.private[array], first)

    def _element(self, memory: str, kind: str, offset: Value) -> str:
        return self.emit(f"getelementptr {kind}, ptr {memory}, i64 {offset.text}", "i64").text

    def _element_address(self, array: str, slot: str, offset: Value) -> str:
        memory = self.emit(f"load ptr, ptr {slot}, align 8", "i64").text
        return self._element(memory, self._memory_type(self.kernel.arrays[array].dtype), offset)

    def _first(self, array: str, place: Place) -> str:
        sizes = self._shape(array)
        return self._address(array, self._offset(array, [self._index(at, size) for at, size in zip(place, sizes)]))

    # ------------------------------------------------------------ values

    def value(self, value: Expression) -> Value:
        match value:
            case Let():
                return self.values.get(value) or self._saved_value(value)
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
                below = self.compare("", "sge", index, self._whole("sub", number(0, "i64"), size))
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
        lanes = args[0].lanes
        symbol = f"{name}.{lanes}"
        kind = llvm_type("f64", lanes)
        if symbol not in self.outlined:
            apart = Writer()
            given = [Value(f"%x{k}", "f64", lanes) for k, _ in enumerate(args)]
            result = apart.elementary(name, given, "f64")
            self.declared |= apart.declared
            self.called |= apart.called
            head = f"define internal {kind} @{symbol}({', '.join(arg.typed for arg in given)}) noinline {{"
            self.outlined[symbol] = "\n".join([head, "entry:", *apart.lines, f"  ret {result.typed}", "}"])
        shown = ", ".join(self.cast(arg, "f64").typed for arg in args)
        return self.cast(self.emit(f"call {kind} @{symbol}({shown})", "f64", lanes), dtype)

    def _settled(self, total: Value, error: Value) -> Value:
        is_nan = self.compare("uno", "", error, error)
        return self.select(is_nan, total, self.op("add", (total, error), "f64"))

    # ------------------------------------------------------------ cells

    def _open(self, statement: Open) -> None:
        cell = statement.cell
        self._new_cell(cell, cell.running_dtype if isinstance(cell, Accumulator) else cell.dtype)
        self._set_cell(cell, number(statement.value.value, self.cells[cell].dtype))

    def _new_cell(self, cell: Cell, dtype: str) -> None:
        """A slot for a cell, with as many lanes as the loop around it takes."""
        self.cells[cell] = Value(self._stack(llvm_type(dtype, self.lanes)), dtype, self.lanes)

    def _stack(self, kind: str, align: int = 8) -> str:
        """A slot on the stack."""
        slot = f"%{self.name('slot')}"
        self.entry.append(f"  {slot} = alloca {kind}, align {align}")
        return slot

    def _set_cell(self, cell: Cell, value: Value) -> None:
        slot = self.cells[cell]
        value = self.cast(value, slot.dtype)
        value = self.spread(value, slot.lanes) if slot.lanes else value
        self.line(f"store {value.typed}, ptr {slot.text}, align 8")

    def _cell(self, cell: Cell) -> Value:
        slot = self.cells[cell]
        return self._fetch(slot.type, slot.text, slot.dtype, slot.lanes)

    def _fetch(self, kind: str, address: str, dtype: str, lanes: int = 0, align: int = 8) -> Value:
        """What is in memory that changes."""
        found = Value(f"%{self.name('c')}", dtype, lanes)
        self.line(f"{found.text} = load {kind}, ptr {address}, align {align}")
        return found

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
            self._set_cell(target, self._joined(statement.op, self._cell(target), value))

    def _joined(self, op: str, total: Value, value: Value) -> Value:
        return self.op(OPS[op].combine, (total, value), total.dtype)

    def _combine_in_memory(self, statement: Combine, target: Load, value: Value) -> None:
        array = target.array
        how, step = self._moves(target.index)
        if how == "along" and step == 1 and array not in self.meeting:
            at = self._first(array, target.index)
            so_far = self._read(array, at, self.lanes)
            self._write(array, at, self.spread(self._joined(statement.op, so_far, value), self.lanes))
        elif self.lanes and how == "no" and array not in self.meeting:
            (at,) = self._addresses(array, target.index)
            total = self._read(array, at)
            for k in range(self.lanes):
                total = self._joined(statement.op, total, self.lane(value, k))
            self._write(array, at, total)
        elif self.lanes:
            addresses = self._addresses(array, target.index)
            self.deferred.append((statement, array, addresses * (self.lanes // len(addresses)), value))
            if array not in self.meeting:
                self._carry_out_deferred()
        else:
            (at,) = self._addresses(array, target.index)
            self._write(array, at, self._joined(statement.op, self._read(array, at), value))

    def _carry_out_deferred(self) -> None:
        """Terms of elements that lanes may share, lane by lane."""
        for k in range(self.lanes):
            for statement, array, addresses, value in self.deferred:
                term = self.lane(value, k)
                self._write(array, addresses[k], self._joined(statement.op, self._read(array, addresses[k]), term))
        self.deferred = []

    def _combine_exactly(self, statement: CombineExactly) -> None:
        total, error = self._target(statement.total), self._target(statement.error)
        term = self.value(statement.value)
        new = self.op("add", (total, term), "f64")
        part = self.op("sub", (new, total), "f64")
        lost = self.op("sub", (total, self.op("sub", (new, part), "f64")), "f64")
        missed = self.op("sub", (term, part), "f64")
        error = self.op("add", (error, self.op("add", (lost, missed), "f64")), "f64")
        self._set_target(statement.total, new)
        self._set_target(statement.error, error)

    def _target(self, target: Target) -> Value:
        return self._load(target) if isinstance(target, Load) else self._cell(target)

    def _set_target(self, target: Target, value: Value) -> None:
        if isinstance(target, Load):
            self._put(target.array, target.index, value)
        else:
            self._set_cell(target, value)

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

    def _when(self, condition: Value, write: Callable[[], None]) -> None:
        some, done = self.name("some"), self.name("done")
        known = dict(self.known)
        self.line(f"br i1 {condition.text}, label %{some}, label %{done}")
        self.label(some)
        write()
        self.line(f"br label %{done}")
        self.label(done)
        self.known = known

    def _put(self, array: str, place: Place, value: Value) -> None:
        if array in self.private:
            at = self._private_address(array, self._position(array, place))
            self._write(array, at, self.spread(value, self.lanes))
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
        has_range = any(isinstance(part, Range) for part in view.parts)
        if statement.value.value == 0 and whole == sorted(whole) and not has_range:
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
        """A part of an array that begins at an index of the first axes and has all of the others."""
        sizes = self._shape(view.array)
        count, indices = number(BYTES[self.kernel.arrays[view.array].dtype], "i64"), []
        for part, size in zip(view.parts, sizes):
            if part is None:
                indices.append(number(0, "i64"))
                count = self._whole("mul", count, size)
            else:
                indices.append(self._index(part, size))  # type: ignore[arg-type]
        self._clear(self._address(view.array, self._offset(view.array, indices)), count)

    def _clear(self, address: str, bytes: Value) -> None:
        self.declare("declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)")
        self.line(f"call void @llvm.memset.p0.i64(ptr {address}, i8 0, i64 {bytes.text}, i1 false)")

    # ------------------------------------------------------------ products

    def _product(self, statement: Product) -> None:
        target, left, right = statement.target, statement.left, statement.right
        if all(part is None for part in target.parts) and target.array not in self.allocated:
            self._allocate(target.array, zeros=False)
        dtype = self.kernel.arrays[target.array].dtype
        out = self._matrix(target)
        sides = [self._matrix(left, is_column=False), self._matrix(right, is_column=True)]
        (rows, inner, l0, l1), (_, columns, r0, r1) = (side[1:] for side in sides)
        *_, o0, o1 = out
        if len([p for p in left.parts if p is None or isinstance(p, Range)]) == 1:  # a row: the result has one axis
            o0, o1 = number(0, "i64"), o1
        elif len([p for p in right.parts if p is None or isinstance(p, Range)]) == 1:
            o0, o1 = o1, number(1, "i64")
        numbers = [o0, o1], [l0, l1], [r0, r1], [rows, columns, inner]
        shown = ", ".join(
            [f"ptr {out[0]}", *(v.typed for v in numbers[0]), f"ptr {sides[0][0]}", *(v.typed for v in numbers[1]),
             f"ptr {sides[1][0]}", *(v.typed for v in numbers[2]), *(v.typed for v in numbers[3])]
        )  # fmt: skip
        self._spend(self._whole("mul", self._whole("mul", rows, columns), inner))
        self.products.add(f"product.{dtype}")
        self.line(f"call void @product.{dtype}({shown})")
        if left.absent or right.absent:
            self.products.add(f"sparse.{dtype}")
            flags = ", ".join(f"i1 {'true' if side.absent else 'false'}" for side in (left, right))
            self.line(f"call void @sparse.{dtype}({shown}, {flags})")

    def _matrix(self, view: View, is_column: bool = False) -> tuple[str, Value, Value, Value, Value]:
        """Address, rows, columns and their strides of a part of an array; a vector is a column or a row."""
        sizes = self._shape(view.array)
        strides = [number(1, "i64")]
        for size in reversed(sizes[1:]):
            strides.insert(0, self._whole("mul", strides[0], size))
        first = number(0, "i64")
        axes: list[tuple[Value, Value]] = []
        for part, size, stride in zip(view.parts, sizes, strides):
            if part is None:
                axes.append((size, stride))
            elif isinstance(part, Range):
                start = self.size(part.start)
                axes.append((self._whole("sub", self.size(part.stop), start), stride))
                first = self._whole("add", first, self._whole("mul", start, stride))
            else:
                first = self._whole("add", first, self._whole("mul", self._index(part, size), stride))
        one = number(1, "i64")
        if len(axes) == 1:
            axes = [*axes, (one, one)] if is_column else [(one, number(0, "i64")), *axes]
        if view.transposed:
            axes.reverse()
        (rows, s0), (columns, s1) = axes
        return self._address(view.array, first), rows, columns, s0, s1

    # ------------------------------------------------------------ loops

    def _for(self, loop: For) -> None:
        self.depth += 1
        self._do(loop)
        self.depth -= 1

    def _do(self, loop: For) -> None:
        outer, self.loop = self.loop, loop.variable
        plan = plan_of(loop)
        strip = None if self.lanes or self.doubles == 1 else strip_of(loop)
        how = f"one at a time, because {plan}" if isinstance(plan, str) else f"{self._lanes_of(loop)} at a time"
        if strip:
            how = f"{self.doubles} at a time where the loops in it are short; otherwise one at a time"
        self.lines.append(f"  ; the loop for {loop.variable} in {loop.start} to {loop.stop}: {how}")
        if self.lanes or isinstance(plan, str):
            self._plain_loop(loop, strip)
        else:
            self._loop_of_lanes(loop, plan)
        self.loop = outer

    def _plain_loop(self, loop: For, strip: Strip | None) -> None:
        is_down = isinstance(loop.step, int) and loop.step < 0
        start, stop = self.size(loop.start), self.size(loop.stop)
        step = self.size(loop.step)
        outer = self.sums
        own = reduced_by(loop) if loop.order == "reduction" and loop.step == 1 else ()
        sums = {cell: _LaneSum(self, cell, start) for cell in own}
        counter = self._counter(start)

        def body(at: Value) -> None:
            self.whole[loop.variable] = at
            for sum in sums.values():
                sum.at(self, at)
            self.sums = outer | sums  # type: ignore[assignment]
            self._body(loop.body)
            self.sums = outer
            if self.depth <= 2 and not self.lanes:
                self._spend(number(_weight(loop), "i64"))
                self._poll_if_due()

        if strip:
            self._strip(loop, strip, counter, start, stop, body)
        self._while(counter, stop, step, body, "sgt" if is_down else "slt")
        for cell, sum in sums.items():
            self._set_cell(cell, self._joined(cell.op, self._cell(cell), sum.total(self)))

    def _strip(
        self, loop: For, strip: Strip, counter: str, start: Value, stop: Value, body: Callable[[Value], None]
    ) -> None:
        """Several iterations side by side, if the loops in each are short: then lanes along those would be few."""
        start_of_strip, done = self.name("strip"), self.name("stripped")
        are_short = number(True, "bool")
        for first, last in strip.spans:
            span = self._whole("sub", self.size(last), self.size(first))
            are_short = self.op("and", (are_short, self.less(span, number(SHORT + 1, "i64"))), "bool")
        known = self._without_addresses()
        self.line(f"br i1 {are_short.text}, label %{start_of_strip}, label %{done}")
        self.label(start_of_strip)
        self.known = dict(known)
        lanes = self.doubles
        for array in strip.private:
            self.private[array] = slot = self._owned_slot(self.name("private"))
            self._make_room(slot, self._whole("mul", self._bytes(array), number(lanes, "i64")))

        def body_of_lanes(at: Value) -> None:
            self.lanes = lanes
            body(at)
            self.lanes = 0
            if self.depth <= 2:
                self._spend(number(_weight(loop) * lanes, "i64"))
                self._poll_if_due()

        outer = self.plan, self.meeting
        self.plan, self.meeting = Plan(loop.variable, (), False, False), set()
        end = self._whole_lanes(start, self._whole("sub", stop, start), lanes)
        self._while(counter, end, number(lanes, "i64"), body_of_lanes)
        self.plan, self.meeting = outer
        self.private = {}
        self.line(f"br label %{done}")
        self.label(done)
        self.known = known

    # ------------------------------------------------------------ interrupts

    def _spend(self, work: Value) -> None:
        """So much work is done, or about to be."""
        if not self.budget:
            self.budget = self._stack("i64")
            self.entry.append(f"  store i64 {PATIENCE}, ptr {self.budget}, align 8")
        left = self._whole("sub", self._fetch("i64", self.budget, "i64"), work)
        self.line(f"store {left.typed}, ptr {self.budget}, align 8")

    def _poll_if_due(self) -> None:
        poll, fine = self.name("poll"), self.name("fine")
        known = dict(self.known)
        is_due = self.less(self._fetch("i64", self.budget, "i64"), number(0, "i64"))
        self.line(f"br i1 {is_due.text}, label %{poll}, label %{fine}, !prof !0")
        self.label(poll)
        self.line(f"store i64 {PATIENCE}, ptr {self.budget}, align 8")
        self._poll()
        self.line(f"br label %{fine}")
        self.label(fine)
        self.known = known

    def _poll(self) -> None:
        self.declare("declare i32 @gradc_poll()")
        signal = f"%{self.name('signal')}"
        self.line(f"{signal} = call i32 @gradc_poll()")
        self._leave_if(self.emit(f"icmp ne i32 {signal}, 0", "bool"), Status.INTERRUPTED)

    def _counter(self, start: Value) -> str:
        slot = self._stack("i64")
        self.line(f"store {start.typed}, ptr {slot}, align 8")
        return slot

    def _while(
        self, counter: str, stop: Value, step: Value, body: Callable[[Value], None], relation: str = "slt"
    ) -> None:
        """Repeat while the counter is below the stop."""
        again, done = (self.name(f"{self.loop}.{stem}.") for stem in ("again", "done"))
        first = self._fetch("i64", counter, "i64")
        before = self._without_addresses()
        self.line(f"br i1 {self.binary(f'icmp {relation}', first, stop, 'bool').text}, label %{again}, label %{done}")
        self.label(again)
        self.known = dict(before)
        at = self._fetch("i64", counter, "i64")
        body(at)
        next = self._whole("add", at, step)
        self.line(f"store {next.typed}, ptr {counter}, align 8")
        self.line(f"br i1 {self.binary(f'icmp {relation}', next, stop, 'bool').text}, label %{again}, label %{done}")
        self.label(done)
        self.known = before

    def _loop_of_lanes(self, loop: For, plan: Plan) -> None:
        start, stop = self.size(loop.start), self.size(loop.stop)
        outer = self.plan, self.lanes, self.sums, self.meeting
        self.plan, self.meeting = plan, _meeting(loop.body)
        lanes = self._lanes_of(loop)
        counter = self._counter(start)
        span = self._whole("sub", stop, start)
        if self.depth > 1:
            self._spend(self._whole("mul", span, number(_weight(loop), "i64")))
        self.sums = {sum: _LaneSum(self, sum, start) for sum in plan.sums}
        if lanes > 1 and plan.stores and self.depth == 1 and self._is_all_output(loop):
            self._streaming(loop, counter, start, stop, lanes)
        else:
            if self.sums and plan.is_light and lanes > 1 and self.depth <= 2:
                self._lanes_while(loop, counter, self._whole_lanes(start, span, LANES_OF_SUMS), LANES_OF_SUMS)
                for sum in self.sums.values():
                    sum.spill(self)
            if lanes > 1:
                self._lanes_while(loop, counter, self._whole_lanes(start, span, lanes), lanes)
            self._lanes_while(loop, counter, stop, 0)
        sums = self.sums
        self.plan, self.lanes, self.sums, self.meeting = outer
        for cell, sum in sums.items():
            self._set_cell(cell, self._joined(cell.op, self._cell(cell), sum.total(self)))

    def _is_all_output(self, loop: For) -> bool:
        """Whether a loop may be long, and stores elements of one size into arrays that the caller gets."""
        if isinstance(loop.start, int) and isinstance(loop.stop, int):
            return False
        arrays = {s.array for s in loop.body if isinstance(s, Store)}
        is_equal = len({BYTES[self.kernel.arrays[array].dtype] for array in arrays}) == 1
        return is_equal and arrays <= self.output_slots.keys()

    def _whole_lanes(self, start: Value, span: Value, lanes: int) -> Value:
        """Where the last full group of lanes ends."""
        if not span.text.startswith("%"):
            return self._whole("add", start, number(max(int(span.text), 0) // lanes * lanes, "i64"))
        return self._whole("add", start, self.emit(f"and i64 {span.text}, {-lanes}", "i64"))

    def _lanes_of(self, loop: For) -> int:
        """As many lanes as fill a vector with the elements of the loop's arrays."""
        arrays = {value.array for s in loop.body for value in read_by(s) if isinstance(value, Load)}
        arrays |= {s.array for s in loop.body if isinstance(s, Store)}
        is_narrow = bool(arrays) and all(BYTES[self.kernel.arrays[array].dtype] <= 4 for array in arrays)
        return self.doubles * 2 if is_narrow and self.doubles > 1 else self.doubles

    def _lanes_while(self, loop: For, counter: str, stop: Value, lanes: int) -> None:
        """The iterations from the counter up to a stop, so many at once; long loops look for interrupts on the way."""
        if self.depth > 1 or not stop.text.startswith("%") or (self.doubles > 1 and not lanes):
            self._lanes_up_to(loop, counter, stop, lanes)
            return
        again, part, done = self.name("again"), self.name("part"), self.name("done")
        before = self._without_addresses()
        self.line(f"br label %{again}")
        self.label(again)
        self.known = dict(before)
        at = self._fetch("i64", counter, "i64")
        self.line(f"br i1 {self.less(at, stop).text}, label %{part}, label %{done}")
        self.label(part)
        self.known = dict(before)
        chunk = 2 ** max(12, (PATIENCE // _weight(loop)).bit_length())
        end = self._whole("add", at, number(chunk, "i64"))
        self._lanes_up_to(loop, counter, self.select(self.less(end, stop), end, stop), lanes)
        self._poll()
        self.line(f"br label %{again}")
        self.label(done)
        self.known = dict(before)

    def _lanes_up_to(self, loop: For, counter: str, stop: Value, lanes: int) -> None:
        def body(at: Value) -> None:
            self.whole[loop.variable] = at
            self.lanes = lanes
            for sum in self.sums.values():
                sum.at(self, at)
            self._body(loop.body)
            if self.deferred:
                self._carry_out_deferred()
            self.lanes = 0

        self._while(counter, stop, number(lanes or 1, "i64"), body)

    def _streaming(self, loop: For, counter: str, start: Value, stop: Value, lanes: int) -> None:
        """A loop that only stores. Results that no cache holds are written past the caches, in aligned vectors: the
        first vector is an ordinary one, the second begins inside of it."""
        stores = [s for s in loop.body if isinstance(s, Store)]
        width = lanes * BYTES[self.kernel.arrays[stores[0].array].dtype]
        span = self._whole("sub", stop, start)
        full = self._whole_lanes(start, span, lanes)
        self.whole[loop.variable] = start
        self.lanes = lanes
        offsets = [
            self.emit(f"and i64 {address.text}, {width - 1}", "i64")
            for address in (self._as_integer(self._first(s.array, s.index)) for s in stores)
        ]
        self.lanes = 0
        is_large = self.emit(f"icmp sgt i64 {span.text}, {STREAMED_FROM // (width // lanes * len(stores))}", "bool")
        for offset in offsets[1:]:
            is_large = self.op("and", (is_large, self.equal(offset, offsets[0])), "bool")
        before = self._whole("sub", number(width, "i64"), offsets[0])
        skipped = self.emit(f"sdiv i64 {before.text}, {width // lanes}", "i64")
        aligned = self._whole("add", start, skipped)
        first = self._whole("add", start, number(lanes, "i64"))
        self._lanes_while(loop, counter, self.select(is_large, first, full), lanes)
        stream, done = self.name("stream"), self.name("streamed")
        known = dict(self.known)
        self.line(f"br i1 {is_large.text}, label %{stream}, label %{done}, !prof !0")
        self.label(stream)
        self.known = dict(known)
        self.line(f"store {aligned.typed}, ptr {counter}, align 8")
        rest = self._whole_lanes(aligned, self._whole("sub", stop, aligned), lanes)
        self.is_streaming = True
        self._lanes_while(loop, counter, rest, lanes)
        self.is_streaming = False
        self.line("fence seq_cst")
        self.line(f"br label %{done}")
        self.label(done)
        self.known = known
        self._lanes_while(loop, counter, stop, 0)

    def _as_integer(self, address: str) -> Value:
        return self.emit(f"ptrtoint ptr {address} to i64", "i64")


class _LaneSum:
    """The lanes of a sum: in memory, or all in registers as long as whole groups of them come. In a strip each is a
    vector, with an element for each iteration that is done at once."""

    def __init__(self, printer: _Printer, cell: Accumulator, start: Value):
        self.cell = cell
        self.dtype = cell.running_dtype
        self.start = start
        self.each = printer.cells[cell].lanes
        self.count = SHORT if self.each else LANES_OF_SUMS
        kind = printer._memory_type(self.dtype)
        self.wide = printer._memory_type(self.dtype, LANES_OF_SUMS)
        self.memory = printer._stack(f"[{self.count * (self.each or 1)} x {kind}]", 64)
        self.registers = printer._stack(self.wide, 64) if not self.each else ""
        identity = OPS[cell.op].identity
        assert identity is not None
        text = number(identity, self.dtype).text if self.dtype != "bool" else str(int(bool(identity)))
        if self.each:
            row = printer._memory_type(self.dtype, self.each)
            for k in range(self.count):
                at = printer._element(self.memory, kind, number(k * self.each, "i64"))
                printer.line(f"store {row} splat ({kind} {text}), ptr {at}, align {BYTES[self.dtype]}")
        else:
            for slot in (self.memory, self.registers):
                printer.line(f"store {self.wide} splat ({kind} {text}), ptr {slot}, align 64")
        self.address = self.memory

    def spill(self, printer: _Printer) -> None:
        """From registers to memory, for the terms that are left."""
        value = printer._fetch(self.wide, self.registers, self.dtype, LANES_OF_SUMS, 64)
        printer.line(f"store {self.wide} {value.text}, ptr {self.memory}, align 64")

    def at(self, printer: _Printer, index: Value) -> None:
        """The lanes of the iteration at an index."""
        if printer.lanes == LANES_OF_SUMS:
            self.address = self.registers
            return
        lane = printer._whole("sub", index, self.start)
        if self.each:
            lane = printer._whole("mul", lane, number(self.each, "i64"))
        else:
            lane = printer.emit(f"and i64 {lane.text}, {LANES_OF_SUMS - 1}", "i64")
        self.address = printer._element(self.memory, printer._memory_type(self.dtype), lane)

    def add(self, printer: _Printer, value: Value) -> None:
        lanes = printer.lanes
        value = printer.spread(value, lanes) if lanes else value
        so_far = self._get(printer, self.address, lanes)
        joined = printer._joined(self.cell.op, so_far, value)
        kind, text = joined.type, joined.text
        if self.dtype == "bool":
            kind = printer._memory_type("bool", lanes)
            text = printer.emit(f"zext {joined.typed} to {kind}", "bool", lanes).text
        printer.line(f"store {kind} {text}, ptr {self.address}, align {BYTES[self.dtype]}")

    def _get(self, printer: _Printer, address: str, lanes: int) -> Value:
        kind = printer._memory_type(self.dtype, lanes)
        found = printer._fetch(kind, address, self.dtype, lanes, BYTES[self.dtype])
        if self.dtype != "bool":
            return found
        zero = "zeroinitializer" if lanes else "0"
        return printer.emit(f"icmp ne {kind} {found.text}, {zero}", "bool", lanes)

    def total(self, printer: _Printer) -> Value:
        """The lanes joined: number k with number k + half, again and again."""
        if self.each:
            return self._total_of_rows(printer)
        value = self._get(printer, self.memory, LANES_OF_SUMS)
        lanes = LANES_OF_SUMS
        while lanes > 1:
            lanes //= 2
            halves = []
            for first in (0, lanes):
                mask = ", ".join(f"i32 {k}" for k in range(first, first + lanes))
                text = f"shufflevector {value.typed}, {value.type} poison, <{lanes} x i32> <{mask}>"
                halves.append(printer.emit(text, self.dtype, lanes))
            value = printer._joined(self.cell.op, *halves)
        return printer.lane(value, 0)

    def _total_of_rows(self, printer: _Printer) -> Value:
        kind = printer._memory_type(self.dtype)
        rows = [
            self._get(printer, printer._element(self.memory, kind, number(k * self.each, "i64")), self.each)
            for k in range(self.count)
        ]
        while len(rows) > 1:
            half = len(rows) // 2
            rows = [printer._joined(self.cell.op, x, y) for x, y in zip(rows[:half], rows[half:])]
        return rows[0]


def _stretches(movable: list[bool]) -> Iterator[tuple[int, int]]:
    """Stretches of `PART` statements that may be moved; shorter ones stay where they are."""
    start = 0
    for at, may in enumerate([*movable, False]):
        if at - start == PART:
            yield start, at
            start = at
        if not may:
            start = at + 1


def _weight(loop: For) -> int:
    """What an iteration costs, roughly in nanoseconds, without the loops in it."""
    weight = 1
    for statement in loop.body:
        applied = isinstance(statement, Let) and isinstance(statement.value, Apply)
        weight += 1 + (OPS[statement.value.op].cost if applied else 0)  # type: ignore[union-attr]
    return weight


def _meeting(body: Iterable[Statement]) -> set[str]:
    """The arrays in which terms of several statements may meet: theirs are added iteration by iteration."""
    places: dict[str, set[Place]] = {}
    for statement in body:
        if isinstance(statement, Combine) and isinstance(statement.target, Load):
            places.setdefault(statement.target.array, set()).add(statement.target.index)
    return {array for array, found in places.items() if len(found) > 1}
