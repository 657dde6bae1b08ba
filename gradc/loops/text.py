"""The loop IR as text: one statement a line, read back to the same statements.

    kernel(X: f64[n, d], w: f64[d])
      size n = X.shape[0]
      raise ValueError "axis 0 of w must have size d" if ne(w.shape[0], i64(d))
      allocate w_bar: f64[d]
      open sum total %0 = 0.0
      reduction for i0 in 0 to n
        %1 = X[i0, 2 * i1 + 1]
        sum %0 <- %1
      return value = %0, w_bar = w_bar

Values and cells are numbered in order of appearance. What is not f64 says its type, unless that follows from its text.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradc.ir.affine import Affine
from gradc.ir.text import quoted
from gradc.loops.ir import (
    Allocate,
    Apply,
    Carry,
    Cell,
    Choose,
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
    Leave,
    Let,
    Load,
    Number,
    Open,
    Place,
    Product,
    Range,
    Reshape,
    Return,
    Routine,
    Settled,
    Statement,
    Store,
    Tabulate,
    Update,
    Variable,
    View,
    every,
)


def print_kernel(kernel: Kernel) -> str:
    """The text of a kernel."""
    return "".join(f"{line}\n" for _, line in lines(kernel))


def lines(kernel: Kernel) -> Iterator[tuple[Statement | None, str]]:
    """The lines of a kernel, each with its statement; the first says what the function takes."""
    yield None, f"kernel({', '.join(f'{node.name}: {node.type}' for node in kernel.inputs)})"
    writer = _Writer(kernel)
    stack: list[tuple[Statement, int]] = [(statement, 1) for statement in reversed(kernel.body)]
    while stack:
        statement, indent = stack.pop()
        yield statement, "  " * indent + writer.statement(statement)
        if isinstance(statement, For):
            stack += [(inner, indent + 1) for inner in reversed(statement.body)]


class _Writer:
    """Numbers for values and cells in order of appearance: %0, %1, ..."""

    def __init__(self, kernel: Kernel):
        self.arrays = kernel.arrays
        self.numbers: dict[Let | Cell, str] = {}
        self.made = {s.array for s in every(kernel.body) if isinstance(s, Allocate)}

    def number(self, value: Let | Cell) -> str:
        return self.numbers.setdefault(value, f"%{len(self.numbers)}")

    def statement(self, statement: Statement) -> str:
        show = self.expression
        match statement:
            case Let():
                shown = show(statement.value)
                return f"{self.number(statement)} = {shown}"
            case Define():
                value = statement.value
                return f"size {statement.name} = {show(value) if isinstance(value, Extent | Let) else value}"
            case Guard():
                return f"raise {statement.error} {quoted(statement.message)} if {show(statement.wrong)}"
            case Allocate():
                return f"allocate {self._typed(statement.array)}{' zeros' * statement.zeros}"
            case Tabulate():
                return f"table {self._typed(statement.array)} = [{', '.join(map(repr, statement.values))}]"
            case Reshape():
                return f"reshape {statement.source} as {self._typed(statement.array)}{' copied' * statement.copied}"
            case Choose():
                chosen = f"{statement.first} or {statement.others}[{statement.number}]"
                return f"choose {self._typed(statement.array)} = {chosen}"
            case Fill():
                return f"fill {self._view(statement.view)} with {show(statement.value)}"
            case Store():
                where = "" if statement.condition is None else f" if {show(statement.condition)}"
                return f"{self._element(statement.array, statement.index)} = {show(statement.value)}{where}"
            case Product():
                target = statement.target
                product = f"{self._view(statement.left)} @ {self._view(statement.right)}"
                if statement.error:
                    return f"sum {target.array} with {statement.error} <- {product} after {statement.before}"
                is_new = target.array not in self.made and all(part is None for part in target.parts)
                written = self._typed(target.array) if is_new else self._view(target)
                return f"{written} = {product}"
            case Routine():
                otherwise = f" or raise {quoted(statement.message)}" * bool(statement.message)
                return f"routine {statement.array} = {statement.op}({', '.join(statement.sources)}){otherwise}"
            case Open():
                return f"open {self._cell(statement.cell)} = {show(statement.value)}"
            case Combine():
                how = " in any order" * statement.in_any_order
                return f"{statement.op} {show(statement.target)} <- {show(statement.value)}{how}"
            case CombineExactly():
                return f"sum {show(statement.total)} with {show(statement.error)} <- {show(statement.value)}"
            case Close():
                error = "" if statement.error is None else f" with {show(statement.error)}"
                return f"close {show(statement.total)}{error}"
            case Update():
                return f"update {', '.join(map(show, statement.carries))} <- {', '.join(map(show, statement.values))}"
            case Leave():
                return f"leave if {show(statement.condition)}"
            case For():
                by = "" if statement.step == 1 else f" by {statement.step}"
                span = f"{statement.start} to {statement.stop}{by}"
                return f"{statement.order} for {statement.variable} in {span}"
            case Return():
                outputs = (f"{name} = {v if isinstance(v, str) else show(v)}" for name, v in statement.values)
                return f"return {', '.join(outputs)}"

    def _typed(self, array: str) -> str:
        return f"{array}: {self.arrays[array]}"

    def _cell(self, cell: Cell) -> str:
        dtype = "" if cell.dtype == "f64" else f": {cell.dtype}"
        if isinstance(cell, Carry):
            return f"carry {self.number(cell)}{' of ' * bool(cell.array)}{cell.array}{dtype}"
        of = "" if cell.of is None else f" of {self.number(cell.of)}"
        return f"{cell.op} {cell.part} {self.number(cell)}{of}{dtype}"

    def expression(self, value: Expression) -> str:
        match value:
            case Number():
                return repr(value.value) + (":f32" if value.dtype == "f32" else "")
            case IndexValue():
                return f"{value.dtype}({_affine(value.at)})"
            case Extent():
                return f"{value.array}.shape[{value.axis}]"
            case Variable():
                return value.name
            case Load():
                return self._element(value.array, value.index)
            case Apply():
                args = [*map(self.expression, value.args), *([value.dtype] if value.op == "cast" else [])]
                return f"{value.op}({', '.join(args)})"
            case Settled():
                return f"settled({self.expression(value.total)}, {self.expression(value.error)})"
            case InRange():
                return f"in_range({self.expression(value.index)}, {value.size})"
        return self.number(value)

    def _element(self, array: str, place: Place) -> str:
        return f"{array}[{', '.join(map(self._part, place))}]"

    def _view(self, view: View) -> str:
        is_whole = all(part is None for part in view.parts)
        parts = "" if is_whole else f"[{', '.join(map(self._part, view.parts))}]"
        return f"{'sparse ' * view.absent}{view.array}{parts}{'.T' * view.transposed}"

    def _part(self, part: Affine | Range | Let | None) -> str:
        match part:
            case None:
                return ":"
            case Range():
                return f"{part.start}:{part.stop}"
            case Affine():
                return _affine(part)
        return self.number(part)


def _affine(at: Affine) -> str:
    if at.var is None:
        return str(at.offset)
    scaled = at.var if at.step == 1 else f"{at.step} * {at.var}"
    return scaled if at.offset == 0 else f"{scaled} + {at.offset}"
