"""Loop IR to Python: the function that a person could have written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gradc.emit.expressions import DTYPES, PRECEDENCE, Text
from gradc.emit.totals import Totals
from gradc.emit.values import readers
from gradc.ir.access import Affine
from gradc.ir.graph import IndexCheck, Node
from gradc.ir.sizes import Derived, product
from gradc.schedule.loops import (
    Accumulate,
    AddInto,
    Allocate,
    Apply,
    Cumulate,
    Demand,
    For,
    ForTiles,
    HandOn,
    Kernel,
    Let,
    Load,
    MatrixProduct,
    Number,
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

MAX_LINE = 110
"""The longest line that values are written into."""

BLOCK = 128
"""Terms added plainly before a sum's total is carried on with its rounding error."""

ADDED_UP_PER_ROW = 256
"""Elements of a product that is added up over the tiles, for each row that these have: more would cost more to add up
than to compute."""

MAX_TILE = 8
"""The longest tile, in `ROWS`: what a tile adds up plainly should not be much more than a block."""


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


class _Printer(Totals):
    def __init__(self, kernel: Kernel, hints: Mapping[Node, str], form: str):
        self.kernel = kernel
        self.form = form
        super().__init__(kernel, hints)
        self.in_place: set[Let] = set()
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
        for demand in self.kernel.index_checks:
            if not demand.is_computed:
                self._check_indices(demand)

    def _check_indices(self, check: IndexCheck) -> None:
        """Every element of an array of indices, before anything is written."""
        node, name = check.node, self.parameters[check.node.name]
        size = self._size(check.size)
        size = f"({size})" if isinstance(check.size, Derived) else size
        indent, variables = 1, []
        for axis in range(node.type.rank):
            variables.append(self._loop_name())
            self._line(f"for {variables[-1]} in range({name}.shape[{axis}]):", indent)
            indent += 1
        element = f"{name}[{', '.join(variables)}]" if variables else name
        self._line(f"if not -{size} <= {element} < {size}:", indent)
        message = f"an index in {node.name} is out of range for size {check.size}"
        self._line(f"raise IndexError({message!r})", indent + 1)
        self.names.taken -= set(variables)

    def _name_outputs(self) -> None:
        """Outputs carry their own names, before anything else can take them."""
        self.output_hints: dict[Let | Total, str] = {}
        self.outputs: dict[str, str] = {}
        last = self.kernel.statements[-1]
        assert isinstance(last, Return)
        for name, value in last.values:
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
                case Store() | AddInto():
                    target = self._element(statement.array, statement.index)
                    sign = "=" if isinstance(statement, Store) else "+="
                    self._line(f"{target} {sign} {self._show(statement.value).text}", indent)
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
                    array, position = self.arrays[statement.array], self._size(statement.position)
                    self._line(f"if {position} < {array}.shape[0]:", indent)
                    self._line(f"{array}[{position}] = {self._show(statement.value).text}", indent + 1)
                case Accumulate():
                    self._accumulate(statement, indent)
                case Demand():
                    self._line(f"if not {self._show(statement.condition).within(PRECEDENCE['not '])}:", indent)
                    self._line(f"raise IndexError({statement.message!r})", indent + 1)
                case Return():
                    self._return(statement, indent)

    def _let(self, let: Let, body: list[Statement], indent: int) -> None:
        if let.uses == 0:
            return
        if isinstance(let.value, Apply):
            self._shorten(let.value, indent)
        shown = self._expression(let.value)
        inline = self._has_one_reader(let, body) and len(shown.text) <= MAX_INLINE and let not in self.output_hints
        if isinstance(let.value, Load):
            inline = inline and let.value.array in self.parameters
        self.text[let] = shown
        if inline and isinstance(let.value, Apply):
            self.in_place.add(let)
        elif not inline and not shown.text.isidentifier():
            self._name(let, indent)

    def _has_one_reader(self, let: Let, body: list[Statement]) -> bool:
        found = self.used_in.get(let, [])
        return len(found) == 1 and found[0] is body

    def _name(self, let: Let, indent: int) -> None:
        """A line for a value, whose text is a name from there on."""
        wanted = self._wanted_name(let)
        name = self.names.numbered(wanted) if wanted else self.names.next("t")
        self._line(f"{name} = {self.text[let].text}", indent, let.node)
        self.text[let] = Text(name)
        self.in_place.discard(let)

    def _shorten(self, value: Apply, indent: int) -> None:
        """Name the longest of the values that stand in place, while their line is too long."""
        while len(self._expression(value).text) + 4 * indent > MAX_LINE:
            in_place = [arg for arg in value.args if isinstance(arg, Let) and arg in self.in_place]
            if not in_place:
                return
            self._name(max(in_place, key=lambda arg: len(self.text[arg].text)), indent)

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
        sides = [statement.left, statement.right]
        shown = ", ".join(map(self._side, sides))
        if any(side.absent for side in sides):
            self.calls.add("_sparse_dot")
            self._line(f"{target} = _sparse_dot({shown}, {', '.join(str(side.absent) for side in sides)})", indent)
        else:
            self._line(f"{target} = np.dot({shown})", indent)

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
        if statement.source in self.parameters:  # in whatever layout it comes
            source = f"np.ascontiguousarray({source})"
        self._line(f"{self.arrays[statement.array]} = {source}.reshape(({shape})){copied}", indent)

    def _cumulate(self, statement: Cumulate, indent: int) -> None:
        """Loops over the other axes, and inside them one along the axis."""
        rank, total = statement.type.rank, self.names.numbered("running")
        order = [axis for axis in range(rank) if axis != statement.axis] + [statement.axis]
        variables = {}
        for axis in order:
            if axis == statement.axis:
                self._line(f"{total} = 0.0", indent)
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

    # ------------------------------------------------------------ loops

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
