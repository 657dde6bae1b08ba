"""Loop IR to Python: the function that a person could have written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import dropwhile

from gradc.emit.expressions import DTYPES, Expressions, Text, binding
from gradc.emit.names import Names
from gradc.emit.values import readers
from gradc.ir.affine import Affine
from gradc.ir.graph import Node
from gradc.ir.ops import OPS
from gradc.ir.sizes import Derived, has_root, product
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
    Range,
    Reshape,
    Return,
    Routine,
    Statement,
    Store,
    Tabulate,
    Update,
    Variable,
    View,
)
from gradc.loops.routines import ROUTINES
from gradc.loops.written import helper

MAX_INLINE = 60
"""A value with one reader is written into it as long as its text has at most this many characters."""

MAX_LINE = 110
"""The longest line that values are written into."""

STEM = re.compile(r"[0-9]*(_of_(check|step)[0-9]+)*$")
"""What tells names of arrays and loops apart in the loop IR."""


@dataclass
class EmittedFunction:
    """The lines of an emitted function, and what its module must provide."""

    name: str
    parameters: tuple[str, ...]
    lines: list[str]
    calls: set[str] = field(default_factory=set)
    tables: dict[str, str] = field(default_factory=dict)
    """The arrays of numbers that the module has for it: a name, and the text of what it stands for."""
    origins: dict[int, Node] = field(default_factory=dict)
    """The node that a line computes, by the line's number from zero: from there, the characters of the user's text."""


def function(kernel: Kernel, name: str, hints: Mapping[Node, str] | None = None, several: int = 0) -> EmittedFunction:
    """The function for a kernel. `hints` gives names that the user gave to nodes.

    `name` also says what is returned: `value` alone, `value_and_grad` as a pair, the others as a tuple. Of a program
    with `several` results these are a tuple.
    """
    return _Printer(kernel, hints or {}, name, several).function(name)


def _tuple(texts: list[str]) -> str:
    return f"({', '.join(texts)}{',' * (len(texts) == 1)})"


class _Printer(Expressions):
    def __init__(self, kernel: Kernel, hints: Mapping[Node, str], form: str, several: int = 0):
        self.several = several
        self.names = Names(set())
        super().__init__(kernel, {node.name: self.names.new(node.name) for node in kernel.inputs})
        self.kernel = kernel
        self.hints = hints
        self.form = form
        self.lines: list[str] = []
        self.tables: dict[str, str] = {}
        self.constant: set[str] = set()
        """The arrays that nothing writes into."""
        self.origins: dict[int, Node] = {}
        self.in_place: set[Let] = set()
        self.made: set[str] = set()
        """The arrays that are allocated."""
        self.used_in = readers(kernel.body)

    # ------------------------------------------------------------ the function

    def function(self, name: str) -> EmittedFunction:
        for statement in self.kernel.body:
            if isinstance(statement, Define) and isinstance(statement.value, Extent):
                self.whole[statement.name] = self.names.new(statement.name)
        self._name_outputs()
        self._body(self.kernel.body, 1)
        return EmittedFunction(name, tuple(self.parameters.values()), self.lines, self.calls, self.tables, self.origins)

    def _name_outputs(self) -> None:
        """Outputs carry their own names, before anything else can take them."""
        self.output_hints: dict[Let | Cell, str] = {}
        last = self.kernel.body[-1]
        assert isinstance(last, Return)
        for name, value in last.values:
            if isinstance(value, str):
                self.arrays[value] = self.names.new(value if value != "value" else "result")
            elif isinstance(value, (Let, Accumulator)):
                self.output_hints.setdefault(value, name)

    def _line(self, text: str, indent: int, node: Node | None = None) -> None:
        if node is not None:
            self.origins[len(self.lines)] = node
        self.lines.append("    " * indent + text)

    # ------------------------------------------------------------ statements

    def _body(self, statements: list[Statement], indent: int) -> None:
        for statement in statements:
            match statement:
                case Let():
                    self._let(statement, statements, indent)
                case Define():
                    self._define(statement, indent)
                case Guard():
                    self._line(f"if {self._condition(statement.wrong).text}:", indent)
                    self._line(f"raise {statement.error}({statement.message!r})", indent + 1)
                case Allocate():
                    self._allocate(statement, indent)
                case Tabulate():
                    self._table(statement)
                case Reshape():
                    self._reshape(statement, indent)
                case Fill():
                    parts = ", ".join(self._parts(statement.view))
                    self._line(
                        f"{self.arrays[statement.view.array]}[{parts}] = {self._show(statement.value).text}", indent
                    )
                case Store():
                    self._store(statement, indent)
                case Product():
                    self._product(statement, indent)
                case Routine():
                    self._routine(statement, indent)
                case Open():
                    self._open(statement, indent)
                case Combine():
                    self._combine(statement, indent)
                case CombineExactly():
                    total, error, value = (
                        self._show(part).text for part in (statement.total, statement.error, statement.value)
                    )
                    self.calls.add("_two_sum")
                    self._line(f"{total}, {error} = _two_sum({total}, {error}, {value})", indent)
                case Close():
                    self._close(statement, indent)
                case Update():
                    carried = ", ".join(self._show(carry).text for carry in statement.carries)
                    self._line(f"{carried} = {', '.join(self._show(value).text for value in statement.values)}", indent)
                case Leave():
                    self._line(f"if {self._condition(statement.condition).text}:", indent)
                    self._line("break", indent + 1)
                case For():
                    self._for(statement, indent)
                case Return():
                    self._return(statement, indent)

    def _define(self, statement: Define, indent: int) -> None:
        """A size; a number is a constant of the module."""
        name, value = statement.name, statement.value
        stem = STEM.sub("", name)
        if isinstance(value, int):
            self.whole[name] = stem
            return
        if isinstance(value, Let) and isinstance(value.value, Variable):  # an input that is a size
            self.whole[name] = self._show(value).text
            return
        if name not in self.whole:
            self.whole[name] = self.names.numbered(stem)
        shown = self._show(value).text if isinstance(value, Extent | Let) else self._size(value)
        self._line(f"{self.whole[name]} = {shown}", indent)
        if isinstance(value, Derived) and has_root(value):
            self.formulas[value] = self.whole[name]

    def _store(self, statement: Store, indent: int) -> None:
        if statement.condition is not None:
            self._line(f"if {self._condition(statement.condition).text}:", indent)
            indent += 1
        target = self._element(statement.array, statement.index)
        self._line(f"{target} = {self._show(statement.value).text}", indent)

    def _return(self, statement: Return, indent: int) -> None:
        shown = [
            self.arrays[value] if isinstance(value, str) else self._show(value).text for _, value in statement.values
        ]
        if self.several:
            shown = [_tuple(shown[: self.several]), *shown[self.several :]]
        if self.form == "value_and_grad":
            self._line(f"return {shown[0]}, {_tuple(shown[1:])}", indent)
        else:
            self._line(f"return {shown[0] if self.form == 'value' else _tuple(shown)}", indent)

    def _for(self, loop: For, indent: int) -> None:
        stem = STEM.sub("", loop.variable)
        name = {"block": lambda: self.names.new("start"), "start": lambda: self.names.numbered("start")}.get(
            stem, self._loop_name
        )()
        self.whole[loop.variable] = name
        span = [self._size(size) for size in (loop.start, loop.stop, loop.step)]
        span = span[: 3 if loop.step != 1 else 2][loop.start == 0 and loop.step == 1 :]
        self._line(f"for {name} in range({', '.join(span)}):", indent)
        before = len(self.lines)
        self._body(loop.body, indent + 1)
        if len(self.lines) == before:
            self._line("pass", indent + 1)
        if stem != "start":
            self.names.taken.discard(name)

    def _loop_name(self) -> str:
        free = (name for name in ("i", "j", "k", "l") if name not in self.names.taken)
        return self.names.new(next(free, "i_"))

    # ------------------------------------------------------------ values

    def _let(self, let: Let, body: list[Statement], indent: int) -> None:
        if isinstance(let.value, Apply):
            self._shorten(let.value, indent)
        shown = self._expression(let.value)
        inline = self._has_one_reader(let, body) and len(shown.text) <= MAX_INLINE and let not in self.output_hints
        if isinstance(let.value, Load):
            inline = inline and (let.value.array in self.parameters or let.value.array in self.constant)
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
        return self.whole[at.var] if at.var else "0"

    # ------------------------------------------------------------ reductions

    def _open(self, statement: Open, indent: int) -> None:
        cell, start = statement.cell, self._show(statement.value).text
        name = self.names.numbered(self._cell_name(cell))
        self.text[cell] = Text(name)
        if isinstance(cell, Accumulator) and cell.part == "error" and cell.of is not None:
            self.lines.pop()  # the total's own line becomes one for both
            self._line(f"{self.text[cell.of].text}, {name} = {start}, {start}", indent)
        else:
            self._line(f"{name} = {start}", indent)

    def _cell_name(self, cell: Cell) -> str:
        if isinstance(cell, Carry):
            return cell.name or f"{self.arrays[cell.array]}_next"
        if cell.of is not None:
            return f"{self.text[cell.of].text}_{'low' if cell.part == 'error' else cell.part}"
        if cell.part == "running":
            return "running"
        hint = self.hints.get(cell.node) if cell.node is not None else None
        wanted = hint or self.output_hints.get(cell) or OPS[cell.op].noun
        return "result" if wanted == "value" else wanted

    def _combine(self, statement: Combine, indent: int) -> None:
        target, value = self._show(statement.target).text, self._show(statement.value)
        joined = OPS[OPS[statement.op].combine].python
        if statement.in_any_order:
            self.calls.add("_add")
            self._line(f"{target} = _add({target}, {value.text})", indent)
        elif joined in ("{0} + {1}", "{0} * {1}"):
            self._line(f"{target} {joined[4]}= {value.text}", indent)
        else:
            _, (_, within) = binding(joined)
            self._line(f"{target} = {joined.format(target, value.within(within))}", indent)

    def _close(self, statement: Close, indent: int) -> None:
        total = self.text[statement.total].text
        if statement.error is not None:
            self.calls.add("_settle")
            self._line(f"{total} = _settle({total}, {self.text[statement.error].text})", indent)
        if statement.total.dtype != statement.total.running_dtype:
            self._line(f"{total} = {DTYPES[statement.total.dtype]}({total})", indent)

    # ------------------------------------------------------------ arrays

    def _new_array(self, array: str, stem: str = "") -> str:
        """A name for an array: after the one that it belongs to, or after its stem."""
        if array not in self.arrays:
            owner, _, part = array.rpartition("_")
            if part in ("low", "block", "wide") and owner in self.arrays:
                self.arrays[array] = self.names.new(f"{self.arrays[owner]}_{part}")
            else:
                self.arrays[array] = self.names.numbered(stem or STEM.sub("", array) or "saved")
        return self.arrays[array]

    def _shape(self, array: str) -> list[str]:
        return [self._size(size) for size in self.kernel.arrays[array].shape]

    def _allocate(self, statement: Allocate, indent: int) -> None:
        name, sizes = self._new_array(statement.array), self._shape(statement.array)
        shape = sizes[0] if len(sizes) == 1 else f"({', '.join(sizes)})"
        kind = self.kernel.arrays[statement.array].dtype
        self.made.add(statement.array)
        dtype = "" if kind == "f64" else f", dtype={DTYPES[kind]}"
        self._line(f"{name} = np.{'zeros' if statement.zeros else 'empty'}({shape}{dtype})", indent)

    def _table(self, statement: Tabulate) -> None:
        """Numbers stand in the module, not in the function."""
        name = self.arrays[statement.array] = self.names.numbered("TABLE")
        self.constant.add(statement.array)
        type = self.kernel.arrays[statement.array]
        rows, row = [], ""
        for value in statement.values:
            shown = self._show(Number(value, type.dtype)).text if value - value != 0 else repr(value)
            if row and len(row) + len(shown) > MAX_LINE - 6:
                rows.append(row.rstrip())
                row = ""
            row += f"{shown}, "
        rows.append(row.rstrip())
        dtype = "" if type.dtype == "f64" else f", {DTYPES[type.dtype]}"
        shape = f".reshape({type.shape})" if type.rank > 1 else ""
        inside = f"[{rows[0][:-1]}]" if len(rows) == 1 else "[\n" + "".join(f"    {row}\n" for row in rows) + "]"
        self.tables[name] = f"np.array({inside}{dtype}){shape}"

    def _product(self, statement: Product, indent: int) -> None:
        target = statement.target
        is_there = target.array in self.made and all(part is None for part in target.parts)
        self._new_array(target.array, "product")
        sides = [statement.left, statement.right]
        shown = ", ".join(map(self._side, sides))
        if any(side.absent for side in sides):
            self.calls.add("_sparse_dot")
            product = f"_sparse_dot({shown}, {', '.join(str(side.absent) for side in sides)})"
        else:
            product = f"np.dot({shown})"
        if statement.error:
            self.calls.add("_add_matrix")
            total, error = self.arrays[target.array], self.arrays[statement.error]
            self._line(f"_add_matrix({total}, {error}, {product}, {self._size(statement.before)})", indent)
            return
        if is_there and not any(side.absent for side in sides):
            self._line(f"np.dot({shown}, {self.arrays[target.array]})", indent)
            return
        self._line(f"{self._part_of(target)} = {product}", indent)

    def _routine(self, statement: Routine, indent: int) -> None:
        types = tuple(self.kernel.arrays[source] for source in statement.sources)
        called = helper(statement.op, types[0].dtype)
        self.calls.add(called)
        arrays = [self.arrays[statement.array], *map(self._contiguous, statement.sources)]
        sizes = [product(types[0].shape[:-2]), *ROUTINES[statement.op].sizes(types)]
        call = f"{called}({', '.join([*arrays, *map(self._size, sizes)])})"
        if not statement.message:
            self._line(call, indent)
            return
        failed = self.names.numbered("failed")
        self._line(f"{failed} = {call}", indent)
        self._line(f"if {failed}:", indent)
        before, is_numbered, after = statement.message.partition("{}")
        message = f"{before!r} + str({failed} - 1) + {after!r}" if is_numbered else repr(statement.message)
        self._line(f"raise np.linalg.LinAlgError({message})", indent + 1)

    def _contiguous(self, array: str) -> str:
        """An array as it is in memory; one of the caller's may have another layout."""
        text = self.arrays[array]
        return f"np.ascontiguousarray({text})" if array in self.parameters else text

    def _side(self, side: View) -> str:
        """A matrix that a product takes; BLAS wants its elements side by side."""
        text = self._part_of(side)
        parts = list(dropwhile(lambda part: isinstance(part, Affine), side.parts))
        is_cut = any(part is not None for part in parts[1:])
        return (f"np.ascontiguousarray({text})" if is_cut else text) + ".T" * side.transposed

    def _part_of(self, view: View) -> str:
        parts = self._parts(view)
        while parts and parts[-1] == ":":
            parts.pop()
        return f"{self.arrays[view.array]}[{', '.join(parts)}]" if parts else self.arrays[view.array]

    def _parts(self, view: View) -> list[str]:
        return [
            ":"
            if part is None
            else f"{self._size(part.start)}:{self._size(part.stop)}"
            if isinstance(part, Range)
            else self._affine(part)
            for part in view.parts
        ]

    def _reshape(self, statement: Reshape, indent: int) -> None:
        name, sizes = self._new_array(statement.array, "reshaped"), self._shape(statement.array)
        shape = ", ".join(sizes) + "," * (len(sizes) == 1)
        source = self._contiguous(statement.source)
        self._line(f"{name} = {source}.reshape(({shape})){'.copy()' * statement.copied}", indent)


def nested(lines: Iterable[str]) -> int:
    """How deep the loops of a function are nested."""
    open_loops: list[int] = []
    deepest = 0
    for line in lines:
        indent = len(line) - len(line.lstrip())
        while open_loops and indent <= open_loops[-1]:
            open_loops.pop()
        if line.lstrip().startswith(("for ", "while ")):
            open_loops.append(indent)
            deepest = max(deepest, len(open_loops))
    return deepest
