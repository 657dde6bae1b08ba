"""Loops in chunks: each is a function, which gets the values that it needs from outside in an array of words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gradc.ir.affine import Affine
from gradc.ir.sizes import Derived
from gradc.loops.ir import (
    Accumulator,
    Carry,
    Cell,
    Define,
    For,
    IndexValue,
    Let,
    Open,
    every,
    read_by,
)
from gradc.loops.order import touches
from gradc.native.instructions import Known, Value
from gradc.native.loops import LoopWriter


@dataclass(frozen=True)
class Share:
    """A loop over chunks, the function for one of them, and what it needs: values, cells, whole numbers and the
    addresses of arrays, in the order of their words."""

    name: str
    loop: For
    needs: tuple[tuple[Let | Cell | str | Derived, str], ...]
    """Each with its element type."""
    arrays: tuple[str, ...]


class ShareWriter(LoopWriter):
    """Calls of the functions for chunks, and what is in them."""

    chunks: Mapping[For, For]
    shares: list[Share]

    def _function(self, name: str, parameters: str, write: Callable[[], None]) -> str:
        """A function that returns a status; `write` writes what it does."""
        raise NotImplementedError

    def _share(self, loop: For) -> None:
        """Let the threads have the chunks of a loop."""
        needs, arrays = self._needs(loop)
        values = [
            self.whole[need] if isinstance(need, str)
            else self.formulas[need] if isinstance(need, Derived)
            else self.value(need)
            for need in needs
        ]  # fmt: skip
        typed = tuple((need, value.dtype) for need, value in zip(needs, values))
        share = Share(f"loop{len(self.shares)}", loop, typed, arrays)
        self.shares.append(share)
        self.products.add("shared")
        whole = self.chunks[loop]
        self.lines.append(f"  ; chunks of the loop for {whole.variable}: {share.name}")
        context = self.stack(f"[{max(len(needs) + len(arrays), 1)} x i64]")
        for word, value in enumerate(values):
            self._put_word(self._word(context, word), value)
        for word, array in enumerate(arrays, len(values)):
            self.line(f"store ptr {self.pointer(array)}, ptr {self._word(context, word)}, align 8")
        count = self.size(loop.stop)
        status = f"%{self.name('shared')}"
        self.line(f"{status} = call i64 @shared(ptr @{share.name}, ptr %frame, ptr {context}, i64 {count.text})")
        self._forget_loads()
        failed = self.emit(f"icmp ne i64 {status}, 0", "bool")
        self._leave_if(failed, status)

    def _needs(self, loop: For) -> tuple[tuple[Let | Cell | str | Derived, ...], tuple[str, ...]]:
        inside = [loop, *every(loop.body)]
        own: set[object] = {s for s in inside if isinstance(s, Let)}
        own |= {s.cell for s in inside if isinstance(s, Open)} | {s.variable for s in inside if isinstance(s, For)}
        own |= {s.name for s in inside if isinstance(s, Define)}
        values: dict[Let | Cell | str | Derived, None] = {}
        arrays: dict[str, None] = {}
        for statement in inside:
            read = read_by(statement)
            values |= dict.fromkeys(value for value in read if isinstance(value, (Let, Accumulator, Carry)))
            met = list(touches(statement, read))
            touched = [array for array, _, _ in met]
            arrays |= dict.fromkeys(touched)
            places = [at for _, _, parts in met for at in parts] + [v.at for v in read if isinstance(v, IndexValue)]
            values |= dict.fromkeys(at.var for at in places if isinstance(at, Affine) and at.var)
            values |= dict.fromkeys(part for size in self._sizes_of(statement) for part in self._parts_of(size))
        outside = {array for array in arrays if array in self.pointers}
        return tuple(need for need in values if need not in own), tuple(a for a in arrays if a in outside)

    # ------------------------------------------------------------ the functions

    def _share_function(self, share: Share) -> str:
        """The function for one chunk of a loop; it returns a status."""

        def write() -> None:
            for word, (need, dtype) in enumerate(share.needs):
                value = self._from_word(self._word("%context", word), dtype)
                if isinstance(need, str):
                    self.whole[need] = value
                elif isinstance(need, Derived):
                    self.formulas[need] = value
                elif isinstance(need, Let):
                    self.values[need] = value
                else:
                    self._new_cell(need, dtype)
                    self._set_cell(need, value)
            self.pointers = {}
            for word, array in enumerate(share.arrays, len(share.needs)):
                address = self.emit(f"load ptr, ptr {self._word('%context', word)}, align 8", "i64")
                self._point(array, address.text)
            self.known = Known()
            self.whole[share.loop.variable] = Value("%chunk", "i64")
            self._body(share.loop.body)

        return self._function(share.name, "ptr %frame, ptr %context, i64 %chunk", write)

    def _word(self, context: str, word: int) -> str:
        return self.emit(f"getelementptr i64, ptr {context}, i64 {word}", "i64").text

    def _put_word(self, at: str, value: Value) -> None:
        kind = self.memory_type(value.dtype)
        text = value.text if value.dtype != "bool" else self.emit(f"zext i1 {value.text} to i8", "bool").text
        self.line(f"store {kind} {text}, ptr {at}, align 8")

    def _from_word(self, at: str, dtype: str) -> Value:
        found = self.emit(f"load {self.memory_type(dtype)}, ptr {at}, align 8", dtype)
        return found if dtype != "bool" else self.emit(f"trunc i8 {found.text} to i1", "bool")
