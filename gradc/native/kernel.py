"""Loop IR to LLVM: a function that takes a frame, and one that says which sizes its results have.

Loops become blocks, cells become stack slots that LLVM turns into registers. The innermost loops take several lanes
(`vectors.py` says which); what cannot is done one element at a time, in order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from gradc.ir.graph import Node
from gradc.language.record import dataclass
from gradc.loops.ir import (
    Accumulator,
    Allocate,
    Apply,
    Carry,
    Choose,
    Close,
    Combine,
    CombineExactly,
    Define,
    Extent,
    Fill,
    For,
    Guard,
    Kernel,
    Leave,
    Let,
    Load,
    Number,
    Open,
    Product,
    Reshape,
    Return,
    Routine,
    Statement,
    Store,
    Tabulate,
    Update,
    Variable,
    every,
    read_by,
)
from gradc.native import support
from gradc.native.chunks import cut
from gradc.native.frame import Frame
from gradc.native.instructions import METADATA, Known, Value, number
from gradc.native.scalar import declarations, definitions
from gradc.native.shares import ShareWriter

MANY = 64
"""Inputs up to which a function reads all of them at its beginning."""
PART = 500
"""Values of straight-line code that make a function: LLVM takes more than linear time for a long one."""
SHORTEST = 50
"""Values that do so where what stands between them has to stay."""
MODULE = 4_000
"""Values in such functions that make a module."""
BLOCK = 100
"""Statements of other long code that make a block: LLVM takes more than linear time for one of these too."""
DATA = (METADATA, "!1 = !{}", "!2 = !{i32 1}")
"""What instructions of any module refer to."""


@dataclass(frozen=True)
class Machine:
    """Text for LLVM, and what it needs."""

    text: str
    kernel: str
    """The kernel alone, without what it calls."""
    frame: Frame
    errors: tuple[tuple[str, str], ...]
    """The exceptions that the kernel asks for: kind and message."""
    parts: tuple[str, ...] = ()
    """Modules of straight-line code that it calls, which need not be optimised."""


def machine(
    kernel: Kernel,
    doubles: int,
    names: Mapping[Node, str] | None = None,
    hand_on: Callable[[str], object] = lambda part: None,
) -> Machine:
    """The module of a kernel for vectors of so many doubles. `names` are the user's; `hand_on` is given each of its
    parts as soon as that is written."""
    return KernelWriter(kernel, doubles, names or {}).module(hand_on)


class KernelWriter(ShareWriter):
    """A module: the kernel, the sizes of its results, and what both call."""

    def __init__(self, kernel: Kernel, doubles: int, names: Mapping[Node, str]):
        made = cut(kernel)
        super().__init__(made.kernel, doubles, names)
        self.chunks, self.short, self.shares = made.chunks, made.short, []
        self.defined: list[Statement] = [s for s in made.kernel.body if isinstance(s, Define)]
        self.tabulated = {s.array for s in made.kernel.body if isinstance(s, Tabulate)}
        self.ends = {
            inner: (whole.start, whole.stop)
            for chunk, whole in made.chunks.items()
            for inner in chunk.body
            if isinstance(inner, For) and inner.variable == whole.variable
        }

    def module(self, hand_on: Callable[[str], object]) -> Machine:
        self._divide()
        body = self._function("kernel", "ptr noalias %frame", lambda: self._long_body(self.kernel.body))
        body = "\n".join([body, *map(self._share_function, self.shares)])
        others = []
        for some in _modules(self.parts):
            others.append(self._parts_module(some))
            hand_on(others[-1])
        shapes = self._shapes() if self.frame.dims else ""
        called, declared = definitions([self])
        tables = "\n".join(self.tables.values())
        if others:  # which see what is not internal
            called, tables = called.replace("define internal", "define"), tables.replace("= internal", "=")
            declared |= {f"declare void @{name}(ptr, ptr)" for name, _ in self.parts}
        parts = [body, shapes, called, support.text(self.products, declared), tables, *sorted(declared), *DATA]
        text = "\n".join(part for part in parts if part) + "\n"
        return Machine(text, body, self.frame, tuple(self.errors), tuple(others))

    def _function(self, name: str, parameters: str, write: Callable[[], None]) -> str:
        """A function that returns a status; `write` writes what it does."""
        self.lines, self.entry, self.known, self.budget, self.owned = [], [], Known(), "", []
        self._inputs()
        write()
        self.line("br label %leave")
        self.lines.append("leave:")
        self.line("%status = load i64, ptr %code, align 8")
        for slot in self.owned:
            self.line(f"{slot}.old = load ptr, ptr {slot}, align 8")
            self.line(f"call void @gradc_give(ptr {slot}.old)")
            self.declare("declare void @gradc_give(ptr)")
        self.line("ret i64 %status")
        head = [
            f"define i64 @{name}({parameters}) alignstack(64){self._attributes()} {{",
            "entry:",
            "  %code = alloca i64, align 8",
            *self.entry,
        ]
        return "\n".join([*head, "  store i64 0, ptr %code, align 8", *self.lines, "}"])

    def _attributes(self) -> str:
        """Long code without loops is compiled fast, since LLVM's best takes more than linear time."""
        body = self.kernel.body
        is_straight = len(body) > PART and not any(isinstance(statement, For) for statement in body)
        return " noinline optnone" if is_straight else ""

    def _shapes(self) -> str:
        """The sizes of the output arrays, one after the other."""

        def write() -> None:
            self._body(self.kernel.body[: self._beginning()])
            last = self.kernel.body[-1]
            assert isinstance(last, Return)
            arrays = [value for _, value in last.values if isinstance(value, str)]
            for slot, size in enumerate(size for array in arrays for size in self.kernel.arrays[array].shape):
                at = f"%{self.name('dim')}"
                self.line(f"{at} = getelementptr i64, ptr %dims, i64 {slot}")
                self.line(f"store {self.size(size).typed}, ptr {at}, align 8")

        return self._function("shapes", "ptr noalias %frame, ptr noalias %dims", write)

    def _beginning(self) -> int:
        """How many statements stand before those that compute values: they find sizes and check them."""
        others = (k for k, s in enumerate(self.kernel.body) if not isinstance(s, (Define, Guard)))
        return next(others)

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
        value = let.value
        if isinstance(value, Apply) and all([isinstance(arg, (Let, Number, Variable)) for arg in value.args]):
            return True
        read = read_by(let)
        if any(isinstance(value, (Accumulator, Carry)) for value in read):
            return False
        return not any(
            isinstance(value, Load) and value.array not in self.fields and value.array not in self.tabulated
            for value in read
        )

    def _long_body(self, body: list[Statement]) -> None:
        if self.saved:
            slot = self._owned_slot("kept")
            self._make_room(slot, number(8 * len(self.saved), "i64"))
            self.line(f"%saved = load ptr, ptr {slot}, align 8")
        at, beginning = 0, self._beginning()
        while at < len(body):
            if at == beginning:
                self._compute_formulas(body[at:])
            stop = self.stretches.get(at, at)
            if stop > at:
                self.parts.append((f"part{at}", body[at:stop]))
                self.line(f"call void @part{at}(ptr %frame, ptr %saved)")
            else:
                self._statement(body[at])
                if at % BLOCK == BLOCK - 1 and len(body) > PART:
                    self._end_block()
            at = max(stop, at + 1)

    def _end_block(self) -> None:
        """Begin another block. LLVM, which would join the two, is not told that no error has been found."""
        status = f"%{self.name('status')}"
        self.line(f"{status} = load volatile i64, ptr %code, align 8")
        self._leave_if(self.emit(f"icmp ne i64 {status}, 0", "bool"), status)

    def _parts_module(self, parts: list[tuple[str, list[Statement]]]) -> str:
        """A module of such functions, which declares what the others have."""
        written = [self._part(*part) for part in parts]
        tables = [f"{text.partition('] [')[0]}]".replace("= internal", "= external") for text in self.tables.values()]
        return "\n".join([*written, *tables, *sorted(self.declared | declarations(self)), *DATA, ""])

    def _part(self, name: str, body: list[Statement]) -> str:
        self.lines, self.entry, self.known = [], [], Known()
        self._inputs()
        self._body(self.defined)
        self._body(body)
        head = f"define void @{name}(ptr noalias %frame, ptr noalias %saved) {{"
        return "\n".join([head, "entry:", *self.entry, *self.lines, "  ret void", "}"])

    # ------------------------------------------------------------ the frame

    def _inputs(self) -> None:
        self.whole, self.formulas, self.values, self.cells, self.scalars = {}, {}, {}, {}, {}
        for field in self.frame.inputs:
            if field.rank:
                self.fixed[field.name] = self._slot_value(field.slot, "ptr")
                self.dims[field.name] = tuple(
                    Value(self._slot_value(field.slot + 1 + axis, "i64"), "i64") for axis in range(field.rank)
                )
            elif len(self.frame.inputs) <= MANY:
                self.scalars[field.name] = self._scalar(field)

    # ------------------------------------------------------------ statements

    def _statement(self, statement: Statement) -> None:
        match statement:
            case Let():
                self._let(statement)
            case Define():
                value = statement.value
                self.whole[statement.name] = self.value(value) if isinstance(value, Extent | Let) else self.size(value)
            case Guard():
                self._guard(statement)
            case Allocate():
                self._allocate(statement.array, statement.zeros)
            case Tabulate():
                self._table(statement)
            case Reshape():
                self._reshape(statement)
            case Choose():
                self._choose(statement)
            case Fill():
                self._fill(statement)
            case Store():
                self._store(statement)
            case Product():
                self._product(statement)
            case Routine():
                self._routine(statement)
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
                    is_vector = carry in self.carried and updated.lanes
                    self._set_cell(carry, self.lane(updated, updated.lanes - 1) if is_vector else updated)
            case Leave():
                self._leave(statement)
            case For() if statement in self.chunks:
                self._share(statement)
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
            kind = self.memory_type(value.dtype)
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

    def _return(self, statement: Return) -> None:
        for k, (field, (_, value)) in enumerate(zip(self.frame.outputs, statement.values)):
            if k % BLOCK == BLOCK - 1:
                self._end_block()
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


def _modules(parts: list[tuple[str, list[Statement]]]) -> Iterator[list[tuple[str, list[Statement]]]]:
    """Functions that go into one module."""
    module: list[tuple[str, list[Statement]]] = []
    length = 0
    for part in parts:
        module.append(part)
        length += len(part[1])
        if length >= MODULE:
            yield module
            module, length = [], 0
    if module:
        yield module


def _stretches(movable: list[bool]) -> Iterator[tuple[int, int]]:
    """Stretches of statements that may be moved, of `SHORTEST` to `PART`; shorter ones stay where they are."""
    start = 0
    for at, may in enumerate([*movable, False]):
        if at - start == PART or (not may and at - start >= SHORTEST):
            yield start, at
            start = at
        if not may:
            start = at + 1
