"""The routines of `gradc.loops.routines` in LLVM's language, and their calls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gradc.ir.ops import OPERATORS, OPS
from gradc.loops.routines import ROUTINES, Memory, RoutineWriter, Whole
from gradc.loops.written import LETTERS

SYMBOL = "gradc_lapack_"
"""Before the name of a routine of LAPACK: what machine code calls it."""
REALS = {"f64": ("double", 8), "f32": ("float", 4)}
OUT_OF_MEMORY = -1


class LLVMWriter(RoutineWriter):
    """The lines of a function, which returns 0, the number of the first matrix without an answer, or -1 where there is
    no memory."""

    def __init__(self, dtype: str, arrays: int, declared: set[str]):
        self.letter = LETTERS[dtype]
        self.real, self.bytes = REALS[dtype]
        self.arrays = arrays
        self.declared = declared
        self.entry: list[str] = []
        self.lines: list[str] = []
        self.owned: list[str] = []
        self.count = 0
        self.matrix = ""
        self.references: dict[str, str] = {}

    def name(self) -> str:
        self.count += 1
        return f"%t{self.count}"

    def line(self, text: str) -> None:
        self.lines.append(f"  {text}")

    def emit(self, text: str) -> str:
        name = self.name()
        self.line(f"{name} = {text}")
        return name

    def whole(self, value: Whole | int) -> Whole:
        return value if isinstance(value, Whole) else Whole(self, str(value))

    def arithmetic(self, sign: str, left: Whole, right: Whole) -> Whole:
        return Whole(self, self.emit(f"{OPERATORS[sign]} i64 {left.text}, {right.text}"))

    def minimum(self, left: Whole, right: Whole) -> Whole:
        return self._extreme("smin", left, right)

    def maximum(self, left: Whole, right: Whole) -> Whole:
        return self._extreme("smax", left, right)

    def _extreme(self, name: str, left: Whole, right: Whole) -> Whole:
        self.declared.add(f"declare i64 @llvm.{name}.i64(i64, i64)")
        return Whole(self, self.emit(f"call i64 @llvm.{name}.i64(i64 {left.text}, i64 {right.text})"))

    def slot(self, kind: str) -> str:
        name = self.name()
        self.entry.append(f"  {name} = alloca {kind}, align 8")
        return name

    def scratch(self, kind: str, count: Whole) -> Memory:
        self.declared |= {
            "declare ptr @malloc(i64)", "declare void @free(ptr)",
        }  # fmt: skip
        held = self.slot("ptr")
        self.entry.append(f"  store ptr null, ptr {held}, align 8")
        self.owned.append(held)
        some = self.maximum(count, self.whole(1)).text
        bytes = self.emit(f"mul i64 {some}, {4 if kind == 'int' else self.bytes}")
        made = self.emit(f"call ptr @malloc(i64 {bytes})")
        self.line(f"store ptr {made}, ptr {held}, align 8")
        self.leave_if(self.emit(f"icmp eq ptr {made}, null"), str(OUT_OF_MEMORY))
        return Memory(kind, made)

    def leave_if(self, wrong: str, status: str) -> None:
        stop, go_on = self.name()[1:], self.name()[1:]
        self.line(f"br i1 {wrong}, label %{stop}, label %{go_on}")
        self.lines.append(f"{stop}:")
        self.line(f"store i64 {status}, ptr %status, align 8")
        self.line("br label %leave")
        self.lines.append(f"{go_on}:")

    def element(self, memory: Memory, at: Whole) -> str:
        kind = "i32" if memory.kind == "int" else self.real
        return self.emit(f"getelementptr {kind}, ptr {memory.text}, i64 {at.text}")

    def part(self, memory: Memory, first: Whole) -> Memory:
        return Memory(memory.kind, self.element(memory, first))

    def copy(self, to: Memory, source: Memory, count: Whole) -> None:
        self.declared.add("declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)")
        bytes = self.emit(f"mul i64 {count.text}, {self.bytes}")
        self.line(f"call void @llvm.memcpy.p0.p0.i64(ptr {to.text}, ptr {source.text}, i64 {bytes}, i1 false)")

    def load(self, memory: Memory, at: Whole) -> Any:
        address = self.element(memory, at)
        if memory.kind == "int":
            whole = self.emit(f"load i32, ptr {address}, align 4")
            return self.emit(f"sitofp i32 {whole} to {self.real}")
        return self.emit(f"load {self.real}, ptr {address}, align {self.bytes}")

    def store(self, memory: Memory, at: Whole, value: Any) -> None:
        address = self.element(memory, at)
        if memory.kind == "int":
            value = self.emit(f"fptosi {self.real} {value} to i32")
            self.line(f"store i32 {value}, ptr {address}, align 4")
        else:
            self.line(f"store {self.real} {value}, ptr {address}, align {self.bytes}")

    def zero(self) -> Any:
        return "0.0"

    @contextmanager
    def each(self, count: Whole) -> Iterator[Whole]:
        counter = self.slot("i64")
        again, body, done = (self.name()[1:] for _ in range(3))
        self.line(f"store i64 0, ptr {counter}, align 8")
        self.line(f"br label %{again}")
        self.lines.append(f"{again}:")
        at = self.emit(f"load i64, ptr {counter}, align 8")
        self.line(f"br i1 {self.emit(f'icmp slt i64 {at}, {count.text}')}, label %{body}, label %{done}")
        self.lines.append(f"{body}:")
        yield Whole(self, at)
        self.line(f"store i64 {self.emit(f'add i64 {at}, 1')}, ptr {counter}, align 8")
        self.line(f"br label %{again}")
        self.lines.append(f"{done}:")

    @contextmanager
    def when_after(self, left: Whole, right: Whole) -> Iterator[None]:
        some, done = (self.name()[1:] for _ in range(2))
        is_after = self.emit(f"icmp sgt i64 {left.text}, {right.text}")
        self.line(f"br i1 {is_after}, label %{some}, label %{done}")
        self.lines.append(f"{some}:")
        yield
        self.line(f"br label %{done}")
        self.lines.append(f"{done}:")

    @contextmanager
    def matrices(self, *sizes: Whole) -> Iterator[tuple[Memory, ...]]:
        with self.each(Whole(self, "%count")) as matrix:
            self.matrix = matrix.text
            arrays = [Memory("real", f"%array{k}") for k in range(len(sizes))]
            yield tuple(self.part(array, matrix * size) for array, size in zip(arrays, sizes))

    def call(self, name: str, *arguments: str | int | Whole | Memory) -> None:
        routine = f"{SYMBOL}{self.letter}{name}"
        self.declared.add(f"declare void @{routine}({', '.join(['ptr'] * (len(arguments) + 1))})")
        shown = ", ".join(f"ptr {self.reference(argument)}" for argument in arguments)
        self.line(f"call void @{routine}({shown}, ptr %info)")

    def reference(self, argument: str | int | Whole | Memory) -> str:
        if isinstance(argument, Memory):
            return argument.text
        slot = self.slot("i32")
        if isinstance(argument, str):
            self.line(f"store i32 {ord(argument)}, ptr {slot}, align 4")
        else:
            whole = self.whole(argument).text
            narrow = self.emit(f"trunc i64 {whole} to i32") if whole.startswith("%") else whole
            self.line(f"store i32 {narrow}, ptr {slot}, align 4")
        return slot

    def with_nothing(self, total: Any, value: Any) -> Any:
        return self.emit(f"fadd {self.real} {total}, {self.emit(f'fmul {self.real} {value}, 0.0')}")

    def fail(self, unless: Memory | None = None) -> None:
        info = self.emit("load i32, ptr %info, align 4")
        wrong = self.emit(f"icmp ne i32 {info}, 0")
        if unless is not None:
            known = self.emit(f"fcmp oeq {self.real} {self.load(unless, self.whole(0))}, 0.0")
            wrong = self.emit(f"and i1 {wrong}, {known}")
        self._fail_if(wrong)

    def fail_at_zero(self, memory: Memory, at: Whole) -> None:
        self._fail_if(self.emit(f"fcmp oeq {self.real} {self.load(memory, at)}, 0.0"))

    def _fail_if(self, wrong: str) -> None:
        self.leave_if(wrong, self.emit(f"add i64 {self.matrix}, 1"))

    def first_as_whole(self, memory: Memory) -> Whole:
        first = self.load(memory, self.whole(0))
        return Whole(self, self.emit(f"fptosi {self.real} {first} to i64"))


def routine(op: str, dtype: str, declared: set[str]) -> str:
    """The function `@routine.OP.DTYPE` of the result, the arguments, the number of matrices and the sizes."""
    entry = ROUTINES[op]
    sizes = entry.parameters
    arrays = 1 + len(OPS[op].params)
    declared |= {"declare void @gradc_alone()", "declare void @gradc_together()"}
    writer = LLVMWriter(dtype, arrays, declared)
    entry.write(writer, *(Whole(writer, f"%{size}") for size in sizes))
    parameters = [*(f"ptr %array{k}" for k in range(arrays)), "i64 %count", *(f"i64 %{size}" for size in sizes)]
    lines = [
        f"define internal i64 @routine.{op}.{dtype}({', '.join(parameters)}) noinline {{",
        "entry:",
        "  %status = alloca i64, align 8",
        "  %info = alloca i32, align 8",
        *writer.entry,
        "  store i64 0, ptr %status, align 8",
        "  store i32 0, ptr %info, align 4",
        "  call void @gradc_alone()",
        *writer.lines,
        "  br label %leave",
        "leave:",
        "  call void @gradc_together()",
    ]
    for k, held in enumerate(writer.owned):
        lines += [f"  %owned{k} = load ptr, ptr {held}, align 8", f"  call void @free(ptr %owned{k})"]
    return "\n".join([*lines, "  %result = load i64, ptr %status, align 8", "  ret i64 %result", "}"])
