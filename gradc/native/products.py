"""Products of matrices, and LAPACK's routines: calls of functions."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from gradc.ir.affine import Affine
from gradc.ir.sizes import derive, product
from gradc.ir.types import Type
from gradc.loops.ir import (
    CombineExactly,
    For,
    Load,
    Product,
    Range,
    Routine,
    View,
)
from gradc.loops.routines import ROUTINES
from gradc.native.cells import CellWriter
from gradc.native.frame import WHICH, Status
from gradc.native.instructions import Value, number
from gradc.native.library import product_name


class ProductWriter(CellWriter):
    """Views as matrices, and their products."""

    def _product(self, statement: Product) -> None:
        target, left, right = statement.target, statement.left, statement.right
        if statement.error and (left.absent or right.absent):
            self._sparse_sum(statement)
            return
        is_whole = all(part is None for part in target.parts)
        if is_whole and not statement.error and target.array not in self.allocated:
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
        low = self._error_of(statement)
        shown = ", ".join(
            [f"ptr {out[0]}", *(v.typed for v in numbers[0]), f"ptr {sides[0][0]}", *(v.typed for v in numbers[1]),
             f"ptr {sides[1][0]}", *(v.typed for v in numbers[2]), *(v.typed for v in numbers[3])]
        )  # fmt: skip
        self._spend(self.integer("mul", self.integer("mul", rows, columns), inner))
        called = product_name(dtype, self.doubles)
        self.declare(f"declare i64 @{called}({', '.join(part.partition(' ')[0] for part in shown.split(', '))}, ptr)")
        status = f"%{self.name('product')}"
        self.line(f"{status} = call i64 @{called}({shown}, ptr {low})")
        self._leave_if(self.emit(f"icmp ne i64 {status}, 0", "bool"), status)
        if left.absent or right.absent:
            self.products.add(f"sparse.{dtype}")
            flags = ", ".join(f"i1 {'true' if side.absent else 'false'}" for side in (left, right))
            self.line(f"call void @sparse.{dtype}({shown}, {flags})")

    def _sparse_sum(self, statement: Product) -> None:
        """Absent elements are looked for in a product by itself: in the total if it is the first, or beside it."""
        total, before = statement.target.array, statement.before
        type = self.kernel.arrays[total]
        block, term = self._new_array("block"), self._new_array("term")
        some = derive("min", before, 1)
        self.kernel.arrays[block] = Type(type.dtype, (derive("*", some, type.shape[0]), *type.shape[1:]))
        self.kernel.arrays[term] = type
        self._allocate(block, zeros=False)
        is_first = self.emit(f"icmp eq i64 {self.size(before).text}, 0", "bool")
        chosen = f"select i1 {is_first.text}, ptr {self.pointer(total)}, ptr {self.pointer(block)}"
        self._point(term, self.emit(chosen, "i64").text)
        self._product(replace(statement, target=View(term, statement.target.parts), error="", before=0))
        variables = [self.name("at"), self.name("at")]
        place = tuple(map(Affine, variables))
        element, error, added = (Load(a, place, self.kernel.arrays[a].dtype) for a in (total, statement.error, term))
        inner = For(variables[1], 0, type.shape[1], 1, [CombineExactly(element, error, added)], "parallel")
        self._statement(For(variables[0], 0, self.kernel.arrays[block].shape[0], 1, [inner], "parallel"))

    def _new_array(self, stem: str) -> str:
        name = next(name for k in count() if (name := f"{stem}{k}") not in self.kernel.arrays)
        self.allocated.add(name)
        return name

    def _error_of(self, statement: Product) -> str:
        """Where the rounding errors of a sum of products are; null for one that is the first of them, or alone."""
        if not statement.error:
            return "null"
        before = self.size(statement.before)
        is_first = self.emit(f"icmp eq i64 {before.text}, 0", "bool")
        return self.emit(f"select i1 {is_first.text}, ptr null, ptr {self.pointer(statement.error)}", "i64").text

    def _routine(self, statement: Routine) -> None:
        types = tuple(self.kernel.arrays[source] for source in statement.sources)
        dtype = types[0].dtype
        arrays = [f"ptr {self.pointer(array)}" for array in (statement.array, *statement.sources)]
        matrices = product(types[0].shape[:-2])
        sizes = [self.size(size).typed for size in (matrices, *ROUTINES[statement.op].sizes(types))]
        self.products.add(f"routine.{statement.op}.{dtype}")
        status = self.emit(f"call i64 @routine.{statement.op}.{dtype}({', '.join([*arrays, *sizes])})", "i64")
        self._forget_loads()
        self._leave_if(self.less(status, number(0, "i64")), Status.OUT_OF_MEMORY)
        if statement.message:
            error = ("LinAlgError", statement.message)
            if error not in self.errors:
                self.errors.append(error)
            failed = self.less(number(0, "i64"), status)
            which = self.emit(f"shl i64 {self.integer('sub', status, number(1, 'i64')).text}, {WHICH}", "i64")
            code = self.integer("add", which, number(self.errors.index(error) + 1, "i64"))
            self._leave_if(failed, code.text)

    def _matrix(self, view: View, is_column: bool = False) -> tuple[str, Value, Value, Value, Value]:
        """Address, rows, columns and their strides of a part of an array; a vector is a column or a row."""
        sizes = self._shape(view.array)
        strides = [number(1, "i64")]
        for size in reversed(sizes[1:]):
            strides.insert(0, self.integer("mul", strides[0], size))
        first = number(0, "i64")
        axes: list[tuple[Value, Value]] = []
        for part, size, stride in zip(view.parts, sizes, strides):
            if part is None:
                axes.append((size, stride))
            elif isinstance(part, Range):
                start = self.size(part.start)
                axes.append((self.integer("sub", self.size(part.stop), start), stride))
                first = self.integer("add", first, self.integer("mul", start, stride))
            else:
                first = self.integer("add", first, self.integer("mul", self._index(part, size), stride))
        one = number(1, "i64")
        if len(axes) == 1:
            axes = [*axes, (one, one)] if is_column else [(one, number(0, "i64")), *axes]
        if view.transposed:
            axes.reverse()
        (rows, s0), (columns, s1) = axes
        return self._address(view.array, first), rows, columns, s0, s1
