"""Loop IR to Python: the function that a person could have written."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gradc.emit.names import Names
from gradc.emit.special import CALLED
from gradc.ir.access import Affine
from gradc.ir.graph import IndexCheck, Node
from gradc.ir.ops import OPS
from gradc.ir.sizes import Size, names, substitute
from gradc.schedule.loops import (
    Accumulate,
    AddInto,
    Allocate,
    Apply,
    Carry,
    Cumulate,
    Expression,
    Extent,
    For,
    HandOn,
    Kernel,
    Let,
    Load,
    MatrixProduct,
    Number,
    Place,
    Position,
    Reshape,
    Return,
    Statement,
    Store,
    StoreLast,
    Total,
    Variable,
)

MAX_INLINE = 60
"""A value with one reader is written into it as long as its text has at most this many characters."""

BLOCK = 128
"""Terms added plainly before a sum's total is carried on with its rounding error."""

DTYPES = {"f64": "np.float64", "f32": "np.float32", "i64": "np.int64", "bool": "np.bool_"}
STARTS = {"sum": "0.0", "prod": "1.0", "max": "-np.inf", "min": "np.inf", "any": "False", "all": "True"}
TOTAL_NAMES = {"sum": "total", "prod": "product", "max": "largest", "min": "smallest", "any": "some", "all": "every"}

PRECEDENCE = {
    "if": 0, "or": 1, "and": 2, "not ": 3, "<": 4, "<=": 4, ">": 4, ">=": 4, "==": 4, "!=": 4,
    "+": 5, "-": 5, "*": 6, "/": 6, "//": 6, "%": 6, "neg": 7, "**": 8,
}  # fmt: skip
ATOM = 9



@dataclass(frozen=True)
class Text:
    """A piece of Python and how tightly it binds."""

    text: str
    precedence: int = ATOM

    def within(self, precedence: int) -> str:
        return self.text if self.precedence >= precedence else f"({self.text})"


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


class _Printer:
    def __init__(self, kernel: Kernel, hints: Mapping[Node, str], form: str):
        self.kernel = kernel
        self.hints = hints
        self.form = form
        self.names = Names(set())
        self.parameters = {node.name: self.names.new(node.name) for node in kernel.inputs}
        self.sizes: dict[str, str] = {}
        self.used_sizes: set[str] = set()
        self.arrays = dict(self.parameters)
        self.variables: dict[str, str] = {}
        self.text: dict[Let | Total | Carry, Text] = {}
        self.runs: dict[Total, _Run] = {}
        self.calls: set[str] = set()
        self.lines: list[str] = []
        self.origins: dict[int, Node] = {}
        self.used_in = _readers(kernel.statements)
        self.plain = _plain_values(kernel.statements)

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
        for node in self.kernel.inputs:
            for axis, size in enumerate(node.shape):
                actual = f"{self.parameters[node.name]}.shape[{axis}]"
                if not isinstance(size, str) or where[size] != actual:
                    message = f"axis {axis} of {node.name} must have size {size}"
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
        self._line(f"raise IndexError({f'an index in {check.name} is out of range'!r})", indent + 1)
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
        left, right = (self.arrays[name] + ".T" * flipped for name, flipped in (statement.left, statement.right))
        if statement.array not in self.arrays:
            self.arrays[statement.array] = self.names.numbered("product")
        self._line(f"{self.arrays[statement.array]} = np.dot({left}, {right})", indent)

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
        runs = [self._run(total, loop) for total in loop.totals]
        blocked = [run for run in runs if run.block]
        for run in runs:
            self._open(run, indent)
        for carry in loop.carries:
            name = self.names.numbered(f"{self.arrays[carry.slot]}_next")
            self.text[carry] = Text(name)
            self._line(f"{name} = {self._number(Number(0.0, carry.dtype)).text}", indent)
        inner = indent
        self.variables[loop.variable] = variable = self._loop_name()
        if blocked:
            start = self.names.new("start")
            self._line(f"for {start} in range(0, {size}, BLOCK):", indent)
            inner += 1
            for run in blocked:
                self._line(f"{run.block} = {self._zeros(run.total)}", inner)
            self._line(f"for {variable} in range({start}, min({start} + BLOCK, {size})):", inner)
        else:
            self._line(f"for {variable} in range({size}):", indent)
        before = len(self.lines)
        self._body(loop.body, inner + 1)
        if len(self.lines) == before:
            self._line("pass", inner + 1)
        self.names.taken.discard(variable)
        if blocked:
            self.names.taken.discard(start)
            self.calls |= {"_add", "_two_sum", "_settle"}
        for run in blocked:
            self._each(run, inner, "{0}, {1} = _two_sum({0}, {1}, {2})")
        for run in blocked:
            self._each(run, indent, "{0} = _settle({0}, {1})")
        for run in runs:
            if run.total.dtype == "f32" and run.total.op == "sum" and not run.total.axes:
                self._line(f"{run.name} = np.float32({run.name})", indent)

    def _run(self, total: Total, loop: For) -> _Run:
        """Names for a running result; a sum over more than a block also carries a rounding error."""
        wanted = self.hints.get(total.node) or self.output_hints.get(total) or TOTAL_NAMES[total.op]
        if total.axes:
            name = self.arrays[total.slot]
        else:
            name = self.names.numbered("result" if wanted == "value" else wanted)
            self.text[total] = Text(name)
        short = total.op != "sum" or (isinstance(loop.size, int) and loop.size <= BLOCK)
        low, block = ("", "") if short else (self.names.new(f"{name}_low"), self.names.new(f"{name}_block"))
        self.runs[total] = run = _Run(total, name, low, block)
        return run

    def _open(self, run: _Run, indent: int) -> None:
        start = STARTS[run.total.op]
        if run.total.axes:
            self._each(run, indent, "{0} = " + start)
            if run.low:
                self._line(f"{run.low} = {self._zeros(run.total)}", indent)
            return
        if run.total.dtype == "f32" and run.total.op != "sum":
            start = f"np.float32({start})"
        self._line(f"{run.name}, {run.low} = {start}, {start}" if run.low else f"{run.name} = {start}", indent)

    def _zeros(self, total: Total) -> str:
        sizes = [self._size(size) for _, size in total.axes]
        return f"np.zeros({sizes[0] if len(sizes) == 1 else '(' + ', '.join(sizes) + ')'})" if sizes else "0.0"

    def _each(self, run: _Run, indent: int, line: str) -> None:
        """A line for each element of a running result: the result, its rounding error, its block."""
        own = []
        for variable, size in run.total.axes:
            self.variables[variable] = name = self._loop_name()
            own.append(Affine(variable))
            self._line(f"for {name} in range({self._size(size)}):", indent)
            indent += 1
        self._line(line.format(*self._parts(run, tuple(own))), indent)
        for variable, _ in run.total.axes:
            self.names.taken.discard(self.variables[variable])

    def _parts(self, run: _Run, index: Place) -> tuple[str, str, str]:
        if not run.total.axes:
            return run.name, run.low, run.block
        inside = ", ".join(map(self._affine, index))
        return self._element(run.total.slot, run.total.prefix + index), f"{run.low}[{inside}]", f"{run.block}[{inside}]"

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

    # ------------------------------------------------------------ expressions

    def _show(self, value: Expression) -> Text:
        if isinstance(value, (Let, Total, Carry)):
            return self.text[value]
        return self._expression(value)

    def _expression(self, value: Expression) -> Text:
        match value:
            case Number():
                return self._number(value)
            case Extent():
                size = self._size(value.size)
                return Text(f"{DTYPES[value.dtype]}({size})")
            case Position():
                return self._position(value)
            case Variable():
                return Text(self.parameters[value.name])
            case Load():
                return Text(self._element(value.array, value.index))
            case Apply():
                return self._apply(value)
        return self._show(value)

    def _position(self, value: Position) -> Text:
        text = self._affine(value.at)
        return Text(text if text.isidentifier() else f"({text})") if value.dtype == "i64" else Text(f"{DTYPES[value.dtype]}({text})")

    @staticmethod
    def _number(value: Number) -> Text:
        if value.dtype == "bool":
            return Text(repr(bool(value.value)))
        if value.dtype == "i64":
            return Text(repr(int(value.value)))
        number = float(value.value)
        text = "np.nan" if math.isnan(number) else "np.inf" if math.isinf(number) else repr(abs(number))
        negative = math.copysign(1.0, number) < 0 and not math.isnan(number)
        if value.dtype == "f32":
            return Text(f"np.float32({'-' * negative}{text})")
        return Text(f"-{text}", PRECEDENCE["neg"]) if negative else Text(text)

    def _apply(self, value: Apply) -> Text:
        args = [self._show(arg) for arg in value.args]
        if value.op in RAISING and all(_is_plain(arg, self.plain) for arg in value.args) and not _by_number(value):
            args[0] = Text(f"{DTYPES[value.dtype]}({args[0].text})")
        if value.op in CALLED:
            self.calls.add(CALLED[value.op])
            return Text(f"{CALLED[value.op]}({', '.join(arg.text for arg in args)})")
        match value.op:
            case "cast":
                return Text(f"{DTYPES[value.dtype]}({args[0].text})")
            case "neg":
                return Text(f"-{args[0].within(PRECEDENCE['neg'])}", PRECEDENCE["neg"])
            case "square":
                return Text(f"{args[0].text} * {args[0].text}", PRECEDENCE["*"])
            case "maximum" | "clamp_min":
                return Text(f"np.maximum({args[0].text}, {args[1].text})")
            case "minimum" | "clamp_max":
                return Text(f"np.minimum({args[0].text}, {args[1].text})")
            case "where" | "gate":
                zero = self._number(Number(0.0, value.dtype))
                condition, then, otherwise = args if len(args) == 3 else (*args, zero)
                return Text(f"{then.within(1)} if {condition.within(1)} else {otherwise.within(1)}", PRECEDENCE["if"])
        template = OPS[value.op].python
        if "{}" in template:
            return Text(template.format(*(arg.text for arg in args)))
        level = PRECEDENCE[template]
        if len(args) == 1:
            return Text(template + args[0].within(level), level)
        right_tight = level if template in ("and", "or") else level + 1
        left_level = level + 1 if template == "**" or level == PRECEDENCE["<"] else level
        return Text(f"{args[0].within(left_level)} {template} {args[1].within(right_tight)}", level)

    # ------------------------------------------------------------ sizes and indices

    def _size(self, size: Size) -> str:
        return str(self._named(size))

    def _named(self, size: Size) -> Size:
        """The size in terms of the function's own names."""
        self.used_sizes.update(names(size))
        return substitute(size, self.sizes)

    def _element(self, array: str, index: Place) -> str:
        return f"{self.arrays[array]}[{', '.join(map(self._affine, index))}]"

    def _affine(self, at: Affine | Let) -> str:
        if isinstance(at, Let):
            return self._show(at).text
        offset = self._named(at.offset)
        if at.var is None:
            return str(offset)
        variable = self.variables[at.var]
        scaled = {1: variable, -1: f"-{variable}"}.get(at.step, f"{at.step} * {variable}")
        if offset == 0:
            return scaled
        if at.step < 0:
            rest = variable if at.step == -1 else f"{-at.step} * {variable}"
            return f"{offset} - {rest}"
        return f"{scaled} - {-offset}" if isinstance(offset, int) and offset < 0 else f"{scaled} + {offset}"


@dataclass(frozen=True)
class _Run:
    """The names of a running result: the result, the rounding error of a sum, the block being added."""

    total: Total
    name: str
    low: str
    block: str


def _every(statements: list[Statement]) -> Iterator[Statement]:
    stack = [iter(statements)]
    while stack:
        for statement in stack[-1]:
            yield statement
            if isinstance(statement, For):
                stack.append(iter(statement.body))
                break
        else:
            stack.pop()


def _plain_values(statements: list[Statement]) -> set[Let]:
    """Values that may be Python's own floats when Numba is absent: made of numbers, scalar inputs and totals alone."""
    plain: set[Let] = set()
    for statement in _every(statements):
        if isinstance(statement, Let) and isinstance(statement.value, Apply):
            op, args = statement.value.op, statement.value.args
            if op in ("where", "gate"):
                is_plain = op == "gate" or any(_is_plain(arg, plain) for arg in args[1:])
            elif op in RAISING and not _by_number(statement.value):
                is_plain = False
            else:
                is_plain = op in _PYTHON_CALLS or (op not in _NUMPY_CALLS and all(_is_plain(arg, plain) for arg in args))
            if is_plain:
                plain.add(statement)
    return plain


def _is_plain(value: Expression, plain: set[Let]) -> bool:
    return isinstance(value, (Variable, Number, Total)) or value in plain


def _by_number(value: Apply) -> bool:
    """Whether this divides by a number that is not zero."""
    divisor = value.args[1]
    return value.op != "power" and isinstance(divisor, Number) and divisor.value != 0


RAISING = ("div", "floordiv", "mod", "power")
"""Ops for which Python's own floats raise where IEEE arithmetic gives infinity or NaN; NumPy's do not."""

_PYTHON_CALLS = {name for name, row in OPS.items() if row.python.startswith("math.")} | set(CALLED)
_NUMPY_CALLS = {name for name, row in OPS.items() if row.python.startswith("np.")} | {
    "cast", "maximum", "minimum", "clamp_min", "clamp_max",
}  # fmt: skip


def _values(statement: Statement) -> tuple[Expression, ...]:
    match statement:
        case Let():
            value = statement.value
            return value.args if isinstance(value, Apply) else _computed(value.index) if isinstance(value, Load) else ()
        case Store() | AddInto() | Accumulate():
            return (statement.value, *_computed(statement.index))
        case HandOn():
            return tuple(statement.values)
        case Return():
            return tuple(value for _, value in statement.values if not isinstance(value, str))
    return ()


def _computed(place: Place) -> tuple[Let, ...]:
    """The indices that are values."""
    return tuple(at for at in place if isinstance(at, Let))


def _readers(statements: list[Statement]) -> dict[Let, list[list[Statement]]]:
    """For each value, the bodies that read it, once for each reading; a value that is squared is read twice."""
    found: dict[Let, list[list[Statement]]] = {}
    stack = [statements]
    while stack:
        body = stack.pop()
        for statement in body:
            squared = isinstance(statement, Let) and isinstance(statement.value, Apply) and statement.value.op == "square"
            for value in _values(statement) * (2 if squared else 1):
                if isinstance(value, Let):
                    found.setdefault(value, []).append(body)
            if isinstance(statement, For):
                stack.append(statement.body)
    return found
