"""Loop IR to Python: the function that a person could have written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gradc.emit.expressions import DTYPES, PRECEDENCE, Expressions, Text
from gradc.emit.names import Names
from gradc.emit.values import readers
from gradc.ir.access import Affine
from gradc.ir.graph import IndexCheck, Node
from gradc.ir.sizes import Derived, product
from gradc.schedule.loops import (
    Accumulate,
    AddInto,
    Allocate,
    Cumulate,
    For,
    ForTiles,
    HandOn,
    Kernel,
    Let,
    Load,
    MatrixProduct,
    Number,
    Place,
    Reshape,
    Return,
    Side,
    Statement,
    Store,
    StoreLast,
    Total,
)
from gradc.schedule.tiles import ROWS, TILE_ROWS, TILE_START

MAX_INLINE = 60
"""A value with one reader is written into it as long as its text has at most this many characters."""

BLOCK = 128
"""Terms added plainly before a sum's total is carried on with its rounding error."""

ADDED_UP_PER_ROW = 256
"""Elements of a product that is added up over the tiles, for each row that these have: more would cost more to add up
than to compute."""

MAX_TILE = 8
"""The longest tile, in `ROWS`: what a tile adds up plainly should not be much more than a block."""

STARTS = {"sum": "0.0", "prod": "1.0", "max": "-np.inf", "min": "np.inf", "any": "False", "all": "True"}
TOTAL_NAMES = {"sum": "total", "prod": "product", "max": "largest", "min": "smallest", "any": "some", "all": "every"}

@dataclass
class Function:
    """The lines of an emitted function, and what its module must provide."""

    name: str
    parameters: tuple[str, ...]
    lines: list[str]
    calls: set[str] = field(default_factory=set)
    origins: dict[int, Node] = field(default_factory=dict)
    """The node that a line computes, by the line's number from zero: from there, the characters of the user's text."""


def function(kernel: Kernel, name: str, hints: Mapping[Node, str] | None = None) -> Function:
    """The function for a kernel. `hints` gives names that the user gave to nodes.

    `name` also says what is returned: `value` alone, `value_and_grad` as a pair, the others as a tuple.
    """
    return _Printer(kernel, hints or {}, name).function(name)


def _tuple(texts: list[str]) -> str:
    return f"({', '.join(texts)}{',' * (len(texts) == 1)})"


class _Printer(Expressions):
    def __init__(self, kernel: Kernel, hints: Mapping[Node, str], form: str):
        self.kernel = kernel
        self.hints = hints
        self.form = form
        self.names = Names(set())
        super().__init__(kernel, {node.name: self.names.new(node.name) for node in kernel.inputs})
        self.runs: dict[Total, _Run] = {}
        self.lines: list[str] = []
        self.origins: dict[int, Node] = {}
        self.used_in = readers(kernel.statements)

    # ------------------------------------------------------------ the function

    def function(self, name: str) -> Function:
        where = self._sizes()
        self._check_sizes(where)
        self._name_outputs()
        self._body(self.kernel.statements, 1)
        sizes = [f"    {self.sizes[size]} = {actual}" for size, actual in where.items() if size in self.used_sizes]
        origins = {line + len(sizes): node for line, node in self.origins.items()}
        return Function(name, tuple(self.parameters.values()), sizes + self.lines, self.calls, origins)

    def _line(self, text: str, indent: int, node: Node | None = None) -> None:
        if node is not None:
            self.origins[len(self.lines)] = node
        self.lines.append("    " * indent + text)

    def _sizes(self) -> dict[str, str]:
        """Where to read each named size: off the first array that has it."""
        where: dict[str, str] = {}
        for node in self.kernel.inputs:
            for axis, size in enumerate(node.shape):
                if isinstance(size, str) and size not in where:
                    where[size] = f"{self.parameters[node.name]}.shape[{axis}]"
                    self.sizes[size] = self.names.new(size)
        return where

    def _check_sizes(self, where: Mapping[str, str]) -> None:
        """The other arrays must agree, and whatever else the program demands."""
        checks = []
        first: dict[str, str] = {}
        for node in self.kernel.inputs:
            for axis, size in enumerate(node.shape):
                actual, here = f"{self.parameters[node.name]}.shape[{axis}]", f"axis {axis} of {node.name}"
                if isinstance(size, str) and where[size] == actual:
                    first[size] = here
                else:
                    message = f"{here} must have size {size}" + (f", as {first[size]}" if size in first else "")
                    checks.append((actual, "!=", self._size(size), message))
        for check in self.kernel.checks:
            relation = {"==": "!=", ">=": "<"}[check.relation]
            checks.append((self._size(check.left), relation, self._size(check.right), check.message))
        for left, relation, right, message in checks:
            self._line(f"if {left} {relation} {right}:", 1)
            self._line(f"raise ValueError({message!r})", 2)
        for check in self.kernel.index_checks:
            self._check_indices(check)

    def _check_indices(self, check: IndexCheck) -> None:
        """Every element of an array of indices, before anything is written."""
        (node,) = (node for node in self.kernel.inputs if node.name == check.name)
        size, name = self._size(check.size), self.parameters[check.name]
        indent, variables = 1, []
        for axis in range(node.type.rank):
            variables.append(self._loop_name())
            self._line(f"for {variables[-1]} in range({name}.shape[{axis}]):", indent)
            indent += 1
        element = f"{name}[{', '.join(variables)}]" if variables else name
        self._line(f"if not -{size} <= {element} < {size}:", indent)
        self._line(f"raise IndexError({f'an index in {check.name} is out of range for size {check.size}'!r})", indent + 1)
        self.names.taken -= set(variables)

    def _name_outputs(self) -> None:
        """Outputs carry their own names, before anything else can take them."""
        self.output_hints: dict[Let | Total, str] = {}
        self.outputs: dict[str, str] = {}
        for name, value in self.kernel.statements[-1].values:  # type: ignore[union-attr]
            if isinstance(value, str):
                self.arrays[value] = self.names.new(value if value != "value" else "result")
            elif isinstance(value, (Let, Total)):
                self.output_hints.setdefault(value, name)

    # ------------------------------------------------------------ statements

    def _body(self, statements: list[Statement], indent: int) -> None:
        for statement in statements:
            match statement:
                case Let():
                    self._let(statement, statements, indent)
                case Allocate():
                    self._allocate(statement, indent)
                case For():
                    self._for(statement, indent)
                case ForTiles():
                    self._for_tiles(statement, indent)
                case Store():
                    self._line(f"{self._element(statement.array, statement.index)} = {self._show(statement.value).text}", indent)
                case AddInto():
                    self._line(f"{self._element(statement.array, statement.index)} += {self._show(statement.value).text}", indent)
                case MatrixProduct():
                    self._matrix_product(statement, indent)
                case Reshape():
                    self._reshape(statement, indent)
                case Cumulate():
                    self._cumulate(statement, indent)
                case HandOn():
                    carried = ", ".join(self._show(carry).text for carry in statement.carries)
                    self._line(f"{carried} = {', '.join(self._show(value).text for value in statement.values)}", indent)
                case StoreLast():
                    position = self._size(statement.position)
                    self._line(f"if {position} < {self.arrays[statement.array]}.shape[0]:", indent)
                    self._line(f"{self.arrays[statement.array]}[{position}] = {self._show(statement.value).text}", indent + 1)
                case Accumulate():
                    self._accumulate(statement, indent)
                case Return():
                    self._return(statement, indent)

    def _let(self, let: Let, body: list[Statement], indent: int) -> None:
        if let.uses == 0:
            return
        shown = self._expression(let.value)
        readers = self.used_in.get(let, [])
        inline = len(readers) == 1 and readers[0] is body and len(shown.text) <= MAX_INLINE and let not in self.output_hints
        if isinstance(let.value, Load):
            inline = inline and let.value.array in self.parameters
        if inline or shown.text.isidentifier():
            self.text[let] = shown
            return
        wanted = self._wanted_name(let)
        name = self.names.numbered(wanted) if wanted else self.names.next("t")
        self._line(f"{name} = {shown.text}", indent, let.node)
        self.text[let] = Text(name)

    def _wanted_name(self, let: Let) -> str:
        if let.node is not None and let.node in self.hints:
            return self.hints[let.node]
        if let in self.output_hints:
            name = self.output_hints[let]
            return "result" if name == "value" else name
        if isinstance(let.value, Load):
            suffix = "_".join(self._short(at) for at in let.value.index)
            return f"{self.arrays[let.value.array]}_{suffix}"
        return ""

    def _short(self, at: Affine | Let) -> str:
        """An index in the name of what was read there."""
        if isinstance(at, Let):
            return self._show(at).text if self._show(at).text.isidentifier() else "at"
        return self.variables.get(at.var, at.var) if at.var else "0"

    def _allocate(self, statement: Allocate, indent: int) -> None:
        if statement.array not in self.arrays:
            self.arrays[statement.array] = self.names.numbered(statement.array.rstrip("0123456789") or "saved")
        sizes = [self._size(size) for size in statement.type.shape]
        shape = sizes[0] if len(sizes) == 1 else f"({', '.join(sizes)})"
        dtype = "" if statement.type.dtype == "f64" else f", dtype={DTYPES[statement.type.dtype]}"
        maker = "np.zeros" if statement.zeros else "np.empty"
        self._line(f"{self.arrays[statement.array]} = {maker}({shape}{dtype})", indent)

    def _matrix_product(self, statement: MatrixProduct, indent: int) -> None:
        if statement.total is not None:
            target = self.runs[statement.total].block
        else:
            if statement.array not in self.arrays:
                self.arrays[statement.array] = self.names.numbered("product")
            target = self._tile_of(self.arrays[statement.array], statement.rows)
        self._line(f"{target} = np.dot({self._side(statement.left)}, {self._side(statement.right)})", indent)

    def _side(self, side: Side) -> str:
        """A matrix that a product takes; BLAS wants its elements side by side."""
        text = self._tile_of(self.arrays[side.array], side.rows)
        return (f"np.ascontiguousarray({text})" if side.rows else text) + ".T" * side.transposed

    def _tile_of(self, array: str, axis: int | None) -> str:
        """The part of an array that belongs to a tile."""
        return array if axis is None else f"{array}[{':, ' * axis}{self.sizes[TILE_START]}:{self.tile_stop}]"

    def _reshape(self, statement: Reshape, indent: int) -> None:
        if statement.array not in self.arrays:
            self.arrays[statement.array] = self.names.numbered("reshaped")
        shape = ", ".join(self._size(size) for size in statement.type.shape) + "," * (statement.type.rank == 1)
        copied = ".copy()" * statement.copied
        source = self.arrays[statement.source]
        self._line(f"{self.arrays[statement.array]} = {source}.reshape(({shape})){copied}", indent)

    def _cumulate(self, statement: Cumulate, indent: int) -> None:
        """Loops over the other axes, and inside them one along the axis."""
        rank, total = statement.type.rank, self.names.numbered("running")
        order = [axis for axis in range(rank) if axis != statement.axis] + [statement.axis]
        variables = {}
        for axis in order:
            if axis == statement.axis:
                self._line(f"{total} = {self._number(Number(0.0, statement.type.dtype)).text}", indent)
            variables[axis] = self._loop_name()
            size = self._size(statement.type.shape[axis])
            span = f"{size} - 1, -1, -1" if axis == statement.axis and statement.backwards else size
            self._line(f"for {variables[axis]} in range({span}):", indent)
            indent += 1
        place = ", ".join(variables[axis] for axis in range(rank))
        self._line(f"{total} += {self.arrays[statement.source]}[{place}]", indent)
        self._line(f"{self.arrays[statement.array]}[{place}] = {total}", indent)
        self.names.taken -= set(variables.values())

    def _return(self, statement: Return, indent: int) -> None:
        shown = [
            self.arrays[value] if isinstance(value, str) else self._show(value).text for _, value in statement.values
        ]
        if self.form == "value_and_grad":
            self._line(f"return {shown[0]}, {_tuple(shown[1:])}", indent)
        else:
            self._line(f"return {shown[0] if self.form == 'value' else _tuple(shown)}", indent)

    # ------------------------------------------------------------ loops and running results

    def _for(self, loop: For, indent: int) -> None:
        size = self._size(loop.size)
        for total in loop.totals:
            self._open(self._run(total, isinstance(loop.size, int) and loop.size <= BLOCK), indent)
        for carry in loop.carries:
            name = self.names.numbered(f"{self.arrays[carry.slot]}_next")
            self.text[carry] = Text(name)
            self._line(f"{name} = {self._number(Number(0.0, carry.dtype)).text}", indent)
        inner = indent
        self.variables[loop.variable] = variable = self._loop_name()
        start = ""
        if any(self.runs[total].block for total in loop.totals):
            start = self.names.new("start")
            self._line(f"for {start} in range(0, {size}, BLOCK):", indent)
            inner += 1
            self._open_blocks(loop.totals, inner)
            self._line(f"for {variable} in range({start}, min({start} + BLOCK, {size})):", inner)
        else:
            self._line(f"for {variable} in range({size}):", indent)
        before = len(self.lines)
        self._body(loop.body, inner + 1)
        if len(self.lines) == before:
            self._line("pass", inner + 1)
        self.names.taken -= {variable, start}
        self._close_blocks(loop.totals, inner)
        self._finish(loop.totals, indent)

    def _for_tiles(self, loop: ForTiles, indent: int) -> None:
        for total in loop.totals:
            self._open(self._run(total, short=False), indent)
        size, rows = self._size(loop.size), self._tile_length(loop, indent)
        start, stop, length = (self.names.numbered(name) for name in ("start", "stop", "rows"))
        self.sizes |= {TILE_START: start, TILE_ROWS: length}
        self.tile_stop = stop
        self._line(f"for {start} in range(0, {size}, {rows}):", indent)
        self._line(f"{stop} = min({start} + {rows}, {size})", indent + 1)
        self._line(f"{length} = {stop} - {start}", indent + 1)
        self._open_blocks([total for total in loop.totals if total.node.op != "contract"], indent + 1)
        self._body(loop.body, indent + 1)
        self._close_blocks(loop.totals, indent + 1)
        self._finish(loop.totals, indent)

    def _tile_length(self, loop: ForTiles, indent: int) -> str:
        """How many rows a tile has: what adding up a large product costs should be little beside computing it."""
        large = [product(total.node.shape) for total in loop.totals if total.node.op == "contract"]
        large = [size for size in large if not isinstance(size, int) or size > ROWS * ADDED_UP_PER_ROW]
        if not large:
            return "ROWS"
        lengths = (self._size(Derived("//", size, ADDED_UP_PER_ROW)) for size in dict.fromkeys(large))
        name = self.names.numbered("step")
        self._line(f"{name} = min({MAX_TILE} * ROWS, max({', '.join(['ROWS', *lengths])}))", indent)
        return name

    def _run(self, total: Total, short: bool) -> _Run:
        """Names for a running result; a sum over more than a block also carries a rounding error."""
        wanted = self.hints.get(total.node) or self.output_hints.get(total) or TOTAL_NAMES[total.op]
        if total.axes:
            name = self.arrays[total.slot]
        else:
            name = self.names.numbered("result" if wanted == "value" else wanted)
            self.text[total] = Text(name)
        low, block = ("", "") if short or total.op != "sum" else (self.names.new(f"{name}_low"), self.names.new(f"{name}_block"))
        self.runs[total] = run = _Run(total, name, low, block)
        return run

    def _open(self, run: _Run, indent: int) -> None:
        start = STARTS[run.total.op]
        if run.total.axes:
            parts = [self._affine(at) for at in run.total.prefix] + [self._span(axis) for axis in run.total.axes]
            self._line(f"{run.name}[{', '.join(parts)}] = {start}", indent)
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
                self._each(run, indent, "{0} = _settle({0}, {1})")
            if total.dtype == "f32" and total.op == "sum" and not total.axes:
                self._line(f"{run.name} = np.float32({run.name})", indent)

    def _span(self, axis: tuple[str, Size, Size]) -> str:
        """The part of an axis over which a running result goes."""
        return f"{self.sizes[TILE_START]}:{self.tile_stop}" if axis[2] == TILE_START else ":"

    def _zeros(self, total: Total) -> str:
        sizes = [self._size(size) for _, size, _ in total.axes]
        return f"np.zeros({sizes[0] if len(sizes) == 1 else '(' + ', '.join(sizes) + ')'})" if sizes else "0.0"

    def _each(self, run: _Run, indent: int, line: str) -> None:
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

    def _parts(self, run: _Run, index: Place) -> tuple[str, str, str]:
        if not run.total.axes:
            return run.name, run.low, run.block
        inside = ", ".join(map(self._affine, index))
        place = tuple(
            at.plus(first) if isinstance(at, Affine) else at for at, (_, _, first) in zip(index, run.total.axes)
        )
        return self._element(run.total.slot, run.total.prefix + place), f"{run.low}[{inside}]", f"{run.block}[{inside}]"

    def _accumulate(self, statement: Accumulate, indent: int) -> None:
        run = self.runs[statement.total]
        whole, _, block = self._parts(run, statement.index)
        target = block if run.block else whole
        value = self._show(statement.value)
        match run.total.op:
            case "sum" if run.block and not run.total.axes:
                self._line(f"{target} = _add({target}, {value.text})", indent)
            case "sum":
                self._line(f"{target} += {value.text}", indent)
            case "prod":
                self._line(f"{target} *= {value.text}", indent)
            case "max" | "min":
                self._line(f"{target} = np.{run.total.op}imum({target}, {value.text})", indent)
            case "any" | "all" as op:
                word = "or" if op == "any" else "and"
                self._line(f"{target} = {target} {word} {value.within(PRECEDENCE[word])}", indent)

    def _loop_name(self) -> str:
        free = (name for name in ("i", "j", "k", "l") if name not in self.names.taken)
        return self.names.new(next(free, "i_"))


@dataclass(frozen=True)
class _Run:
    """The names of a running result: the result, the rounding error of a sum, the block being added."""

    total: Total
    name: str
    low: str
    block: str
