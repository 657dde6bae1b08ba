"""Running results of reductions, as Python: sums in blocks whose totals carry their rounding error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gradc.emit.expressions import Expressions, Text, binding
from gradc.emit.names import Names
from gradc.ir.access import Affine
from gradc.ir.graph import Node
from gradc.ir.ops import OPS
from gradc.ir.sizes import Size
from gradc.schedule.loops import Accumulate, Kernel, Let, Place, Total
from gradc.schedule.tiles import TILE_START


@dataclass(frozen=True)
class Run:
    """The names of a running result: the result, the rounding error of a sum, the block being added, and an array in
    float64 where the result is one in float32."""

    total: Total
    name: str
    low: str
    block: str
    wide: str = ""


class Totals(Expressions):
    """Writes the lines that open, feed and finish running results. `hints` gives names that the user gave to nodes."""

    def __init__(self, kernel: Kernel, hints: Mapping[Node, str]):
        self.hints = hints
        self.names = Names(set())
        super().__init__(kernel, {node.name: self.names.new(node.name) for node in kernel.inputs})
        self.output_hints: dict[Let | Total, str] = {}
        self.tile_stop = ""
        self.runs: dict[Total, Run] = {}
        self.lines: list[str] = []
        self.origins: dict[int, Node] = {}

    def _line(self, text: str, indent: int, node: Node | None = None) -> None:
        if node is not None:
            self.origins[len(self.lines)] = node
        self.lines.append("    " * indent + text)

    def _loop_name(self) -> str:
        free = (name for name in ("i", "j", "k", "l") if name not in self.names.taken)
        return self.names.new(next(free, "i_"))

    def _run(self, total: Total, short: bool) -> Run:
        """Names for a running result; a sum over more than a block also carries a rounding error."""
        wanted = self.hints.get(total.node) or self.output_hints.get(total) or OPS[total.op].noun
        if total.axes:
            name = self.arrays[total.slot]
        else:
            name = self.names.numbered("result" if wanted == "value" else wanted)
            self.text[total] = Text(name)
        low, block = "", ""
        if total.op == "sum" and not short:
            low, block = self.names.new(f"{name}_low"), self.names.new(f"{name}_block")
        narrows = total.op == "sum" and total.dtype == "f32" and total.axes and total.node.op != "contract"
        wide = self.names.new(f"{name}_wide") if narrows else ""
        self.runs[total] = run = Run(total, name, low, block, wide)
        return run

    def _open(self, run: Run, indent: int) -> None:
        start = repr(OPS[run.total.op].identity).replace("inf", "np.inf")
        if run.wide:
            self._line(f"{run.wide} = {self._zeros(run.total)}", indent)
        elif run.total.axes:
            parts = [self._affine(at) for at in run.total.prefix] + [self._span(axis) for axis in run.total.axes]
            self._line(f"{run.name}[{', '.join(parts)}] = {start}", indent)
        if run.total.axes:
            if run.low:
                self._line(f"{run.low} = {self._zeros(run.total)}", indent)
            return
        if run.total.dtype == "f32" and run.total.op != "sum":
            start = f"np.float32({start})"
        self._line(f"{run.name}, {run.low} = {start}, {start}" if run.low else f"{run.name} = {start}", indent)

    def _open_blocks(self, totals: list[Total], indent: int) -> None:
        for total in totals:
            if self.runs[total].block:
                self._line(f"{self.runs[total].block} = {self._zeros(total)}", indent)

    def _close_blocks(self, totals: list[Total], indent: int) -> None:
        """Add what came together in a block, or in a tile, to the running sums."""
        for total in totals:
            if self.runs[total].block:
                self._each(self.runs[total], indent, "{0}, {1} = _two_sum({0}, {1}, {2})")
                self.calls |= {"_add", "_two_sum", "_settle"}

    def _finish(self, totals: list[Total], indent: int) -> None:
        for total in totals:
            run = self.runs[total]
            if run.block:
                self._each(run, indent, "{3} = _settle({0}, {1})")
            elif run.wide:
                self._each(run, indent, "{3} = {0}")
            if total.dtype == "f32" and total.op == "sum" and not total.axes:
                self._line(f"{run.name} = np.float32({run.name})", indent)

    def _span(self, axis: tuple[str, Size, Size]) -> str:
        """The part of an axis over which a running result goes."""
        return f"{self.sizes[TILE_START]}:{self.tile_stop}" if axis[2] == TILE_START else ":"

    def _zeros(self, total: Total) -> str:
        sizes = [self._size(size) for _, size, _ in total.axes]
        return f"np.zeros({sizes[0] if len(sizes) == 1 else '(' + ', '.join(sizes) + ')'})" if sizes else "0.0"

    def _each(self, run: Run, indent: int, line: str) -> None:
        """A line for each element of a running result: the result, its rounding error, its block."""
        own = []
        for variable, size, _ in run.total.axes:
            self.variables[variable] = name = self._loop_name()
            own.append(Affine(variable))
            self._line(f"for {name} in range({self._size(size)}):", indent)
            indent += 1
        self._line(line.format(*self._parts(run, tuple(own))), indent)
        for variable, _, _ in run.total.axes:
            self.names.taken.discard(self.variables[variable])

    def _parts(self, run: Run, index: Place) -> tuple[str, str, str, str]:
        """An element of a running result while it runs, its rounding error, its block, and the element in the end."""
        if not run.total.axes:
            return run.name, run.low, run.block, run.name
        inside = ", ".join(map(self._affine, index))
        place = tuple(
            at.plus(first) if isinstance(at, Affine) else at for at, (_, _, first) in zip(index, run.total.axes)
        )
        element = self._element(run.total.slot, run.total.prefix + place)
        running = f"{run.wide}[{inside}]" if run.wide else element
        return running, f"{run.low}[{inside}]", f"{run.block}[{inside}]", element

    def _accumulate(self, statement: Accumulate, indent: int) -> None:
        run = self.runs[statement.total]
        whole, _, block, _ = self._parts(run, statement.index)
        target = block if run.block else whole
        value = self._show(statement.value)
        if run.block and not run.total.axes:
            self._line(f"{target} = _add({target}, {value.text})", indent)
            return
        row = OPS[OPS[run.total.op].combine]
        if row.sign in ("+", "*"):
            self._line(f"{target} {row.sign}= {value.text}", indent)
        else:
            _, (_, least) = binding(row.python)
            self._line(f"{target} = {row.python.format(target, value.within(least))}", indent)
