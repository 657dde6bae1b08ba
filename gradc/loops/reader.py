"""Reading the text of loops back."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from gradc.ir.affine import Affine
from gradc.ir.graph import Node, input_node
from gradc.ir.ops import OPS
from gradc.ir.reader import Lexeme, LineReader, tokens
from gradc.ir.sizes import Size
from gradc.ir.types import DTYPES, Type
from gradc.language.diagnostics import Error
from gradc.language.source import Source
from gradc.loops.ir import (
    Accumulator,
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
    Target,
    Update,
    Variable,
    View,
)
from gradc.loops.order import ORDERS

TOKEN = re.compile(
    r"""\s*(?:(?P<value>%[0-9]+)
      | (?P<number>[0-9]+(?:\.[0-9]*)?(?:e[+-]?[0-9]+)?)
      | (?P<name>[A-Za-z_][A-Za-z_0-9]*)
      | (?P<string>"(?:[^"\\]|\\.)*")
      | (?P<sign><-|//|[][(),:=+*@.-])
      | (?P<end>$))""",
    re.VERBOSE | re.ASCII,
)


def read_kernel(text: str) -> Kernel:
    """The kernel of a text that `print_kernel` wrote. The text is not trusted: what it cannot be raises `gradc.Error`,
    with the place marked; `verify` says whether the kernel is well formed."""
    return _Reader(Source(text, "loops")).read()


@dataclass
class _Reader:
    source: Source
    arrays: dict[str, Type] = field(default_factory=dict)
    scalars: dict[str, str] = field(default_factory=dict)
    variables: set[str] = field(default_factory=set)
    values: dict[str, Let | Cell] = field(default_factory=dict)

    def read(self) -> Kernel:
        inputs: tuple[Node, ...] = ()
        bodies: list[list[Statement]] = [[]]
        start = 0
        for number, text in enumerate(self.source.text.rstrip("\n").split("\n")):
            line = LineReader(self.source, list(tokens(self.source, start, start + len(text), TOKEN)))
            depth = (len(text) - len(text.lstrip(" "))) // 2
            start += len(text) + 1
            if number == 0:
                inputs = self._inputs(line)
            elif not 1 <= depth <= len(bodies):
                line.fail("this line stands in no loop")
            else:
                del bodies[depth:]
                statement = self._statement(line)
                bodies[-1].append(statement)
                if isinstance(statement, For):
                    bodies.append(statement.body)
            line.expect_end()
        return Kernel(inputs, bodies[0], self.arrays)

    def _inputs(self, line: LineReader) -> tuple[Node, ...]:
        line.expect_word("kernel")
        line.expect("(")
        inputs = tuple(line.several(lambda: self._input(line), (")",)))
        line.expect(")")
        return inputs

    def _input(self, line: LineReader) -> Node:
        name = line.name("the name of an input").text
        line.expect(":")
        type = line.type()
        if type.shape:
            self.arrays[name] = type
        else:
            self.scalars[name] = type.dtype
        return input_node(name, type)

    # ------------------------------------------------------------ statements

    def _statement(self, line: LineReader) -> Statement:
        if line.here.kind == "value":
            name = line.advance()
            line.expect("=")
            value = self._expression(line)
            let = Let(value, value.dtype)
            self._new_value(name, let)
            return let
        word = line.name("a statement")
        if word.text in ORDERS:
            return self._for(line, word)
        if word.text in self.arrays and line.here.text in ("[", "="):
            return self._store(line, word)
        if line.here.text == ":":
            line.expect(":")
            self.arrays[word.text] = line.type()
            line.expect("=")
            return Product(self._whole(word.text), *self._sides(line))
        readers: dict[str, Callable[[LineReader], Statement]] = {
            "size": self._define, "raise": self._guard, "allocate": self._allocate, "reshape": self._reshape,
            "fill": self._fill, "table": self._table, "open": self._open, "close": self._close, "update": self._update,
            "return": self._return, "routine": self._routine, "leave": self._leave, "choose": self._choose,
        }  # fmt: skip
        if word.text in readers:
            return readers[word.text](line)
        if word.text not in OPS or OPS[word.text].kind != "reduction":
            raise Error("G0102", f"there is no statement `{word.text}`", word.span)
        return self._combine(line, word.text)

    def _new_value(self, name: Lexeme, value: Let | Cell) -> None:
        if self.values.get(name.text, value) is not value:
            raise Error("G0305", f"`{name.text}` is defined twice", name.span)
        self.values[name.text] = value

    def _for(self, line: LineReader, order: Lexeme) -> For:
        line.expect_word("for")
        variable = line.name("a loop variable").text
        line.expect_word("in")
        start = line.size()
        line.expect_word("to")
        stop = line.size()
        step = line.size() if line.accept_word("by") else 1
        self.variables.add(variable)
        return For(variable, start, stop, step, [], next(name for name in ORDERS if name == order.text))

    def _store(self, line: LineReader, array: Lexeme) -> Statement:
        line.at -= 1
        view = self._view(line)
        line.expect("=")
        if line.here.text == "sparse" or self._is_product(line):
            return Product(view, *self._sides(line))
        value = self._expression(line)
        condition = self._expression(line) if line.accept_word("if") else None
        return Store(array.text, self._place(line, view), value, condition)

    @staticmethod
    def _is_product(line: LineReader) -> bool:
        return any(token.text == "@" for token in line.tokens[line.at :])

    def _place(self, line: LineReader, view: View) -> Place:
        place = tuple(part for part in view.parts if isinstance(part, Affine | Let))
        if len(place) < len(view.parts):
            line.fail("this is not one element of the array")
        return place

    def _sides(self, line: LineReader) -> tuple[View, View]:
        left = self._view(line)
        line.expect("@")
        return left, self._view(line)

    def _define(self, line: LineReader) -> Define:
        name = line.name("the name of a size").text
        line.expect("=")
        if line.here.text in self.arrays:
            value = self._expression(line)
            if not isinstance(value, Extent):
                line.fail("a size is a length of an axis, or a formula")
            return Define(name, value)
        if line.here.kind == "value":
            value = self._expression(line)
            if not isinstance(value, Let):
                line.fail("a size is a value that does not change")
            return Define(name, value)
        return Define(name, line.size())

    def _guard(self, line: LineReader) -> Guard:
        error = line.one_of("ValueError", "IndexError")
        message = line.string("a message")
        line.expect_word("if")
        return Guard(self._expression(line), "ValueError" if error == "ValueError" else "IndexError", message)

    def _typed(self, line: LineReader) -> str:
        name = line.name("the name of an array").text
        line.expect(":")
        self.arrays[name] = line.type()
        return name

    def _allocate(self, line: LineReader) -> Allocate:
        return Allocate(self._typed(line), line.accept_word("zeros"))

    def _table(self, line: LineReader) -> Tabulate:
        array = self._typed(line)
        line.expect("=")
        return Tabulate(array, line.numbers())

    def _choose(self, line: LineReader) -> Choose:
        array = self._typed(line)
        line.expect("=")
        first = self._array(line)
        line.expect_word("or")
        others = self._array(line)
        line.expect("[")
        number = line.size()
        line.expect("]")
        return Choose(array, first, others, number)

    def _reshape(self, line: LineReader) -> Reshape:
        source = self._array(line)
        line.expect_word("as")
        return Reshape(self._typed(line), source, line.accept_word("copied"))

    def _routine(self, line: LineReader) -> Routine:
        array = self._array(line)
        line.expect("=")
        op = line.name("a routine").text
        line.expect("(")
        sources = tuple(line.several(lambda: self._array(line), (")",)))
        line.expect(")")
        message = ""
        if line.accept_word("or"):
            line.expect_word("raise")
            message = line.string("a message")
        return Routine(op, array, sources, message)

    def _fill(self, line: LineReader) -> Fill:
        view = self._view(line)
        line.expect_word("with")
        return Fill(view, self._number(line))

    def _open(self, line: LineReader) -> Open:
        op = line.name("`carry` or a reduction")
        cell: Cell
        if op.text == "carry":
            name = self._value_name(line)
            array = self._array(line) if line.accept_word("of") else ""
            cell = Carry(array, self._dtype(line))
        else:
            part = line.one_of("total", "block", "error", "running")
            name = self._value_name(line)
            of = self._accumulator(line) if line.accept_word("of") else None
            dtype = self._dtype(line)
            if op.text not in OPS or not OPS[op.text].combine:
                raise Error("G0302", f"`{op.text}` is no reduction that runs over its terms", op.span)
            cell = Accumulator(op.text, dtype, None, part, of)  # type: ignore[arg-type]
        line.expect("=")
        if name.text in self.values:  # it begins again
            cell = self._cell(name, type(cell))
        self._new_value(name, cell)
        return Open(cell, self._expression(line))

    @staticmethod
    def _dtype(line: LineReader) -> str:
        return line.type().dtype if line.accept(":") else "f64"

    def _value_name(self, line: LineReader) -> Lexeme:
        if line.here.kind != "value":
            line.fail("the number of a value is expected here, such as `%0`")
        return line.advance()

    def _cell(self, name: Lexeme, kind: type) -> Cell:
        cell = self.values.get(name.text)
        if cell is None:
            raise Error("G0301", f"`{name.text}` is not defined above", name.span)
        if not isinstance(cell, kind) or isinstance(cell, Let):
            raise Error("G0202", f"`{name.text}` is no {kind.__name__.lower()}", name.span)
        return cell

    def _accumulator(self, line: LineReader) -> Accumulator:
        cell = self._cell(self._value_name(line), Accumulator)
        assert isinstance(cell, Accumulator)
        return cell

    def _target(self, line: LineReader) -> Target:
        if line.here.kind == "value":
            return self._accumulator(line)
        value = self._expression(line)
        if not isinstance(value, Load):
            line.fail("terms are combined into an accumulator or an element of an array")
        return value

    def _combine(self, line: LineReader, op: str) -> Statement:
        if self._is_product(line):
            return self._added_product(line)
        target = self._target(line)
        error = self._target(line) if line.accept_word("with") else None
        line.expect("<-")
        value = self._expression(line)
        if error is not None:
            return CombineExactly(target, error, value)
        in_any_order = line.accept_word("in")
        if in_any_order:
            line.expect_word("any")
            line.expect_word("order")
        return Combine(op, target, value, in_any_order)

    def _added_product(self, line: LineReader) -> Product:
        target = self._view(line)
        line.expect_word("with")
        error = self._view(line)
        line.expect("<-")
        sides = self._sides(line)
        line.expect_word("after")
        return Product(target, *sides, error.array, line.size())

    def _close(self, line: LineReader) -> Close:
        return Close(self._accumulator(line), self._accumulator(line) if line.accept_word("with") else None)

    def _update(self, line: LineReader) -> Update:
        carries = line.several(lambda: self._cell(self._value_name(line), Carry), ("<-",))
        line.expect("<-")
        return Update(carries, line.several(lambda: self._expression(line), ()))

    def _leave(self, line: LineReader) -> Leave:
        line.expect_word("if")
        return Leave(self._expression(line))

    def _return(self, line: LineReader) -> Return:
        return Return(line.several(lambda: self._output(line), ()))

    def _output(self, line: LineReader) -> tuple[str, Expression | str]:
        name = line.name("the name of an output").text
        line.expect("=")
        if line.here.text in self.arrays and line.tokens[line.at + 1].text != "[":
            return name, line.advance().text
        return name, self._expression(line)

    # ------------------------------------------------------------ expressions

    def _number(self, line: LineReader) -> Number:
        value = line.number()
        if line.accept(":"):
            return Number(value, line.type().dtype)
        return Number(value, "bool" if isinstance(value, bool) else "i64" if isinstance(value, int) else "f64")

    @staticmethod
    def _whole_number(line: LineReader) -> int:
        value = line.number()
        if type(value) is not int:
            line.fail("expected a whole number before this")
        return value

    def _expression(self, line: LineReader) -> Expression:
        return line.nested(lambda: self._read_expression(line))

    def _read_expression(self, line: LineReader) -> Expression:
        token = line.here
        if token.kind == "value":
            line.advance()
            if token.text not in self.values:
                raise Error("G0301", f"`{token.text}` is not defined above", token.span)
            return self.values[token.text]
        if token.kind != "name" or token.text in ("inf", "nan", "True", "False"):
            return self._number(line)
        name = line.advance().text
        if line.accept("("):
            value = self._call(line, token)
            line.expect(")")
            return value
        if name in self.arrays:
            if line.accept("."):
                line.expect_word("shape")
                line.expect("[")
                axis = self._whole_number(line)
                line.expect("]")
                return Extent(name, axis)
            line.at -= 1
            view = self._view(line)
            return Load(name, self._place(line, view), self.arrays[name].dtype)
        if name not in self.scalars:
            raise Error("G0301", f"`{name}` is not defined above", token.span)
        return Variable(name, self.scalars[name])

    def _call(self, line: LineReader, name: Lexeme) -> Expression:
        if name.text in DTYPES:
            return IndexValue(self._affine(line), name.text)
        if name.text == "settled":
            total = self._expression(line)
            line.expect(",")
            return Settled(total, self._expression(line))
        if name.text == "in_range":
            index = self._expression(line)
            line.expect(",")
            return InRange(index, line.size())
        if name.text not in OPS or (OPS[name.text].kind != "elementwise" and name.text != "cast"):
            raise Error("G0302", f"there is no op `{name.text}` of elements", name.span)
        args = [self._expression(line)]
        while line.accept(","):
            if name.text == "cast":
                return Apply("cast", tuple(args), line.type().dtype)
            args.append(self._expression(line))
        row = OPS[name.text]
        if len(args) != len(row.params):
            raise Error("G0304", f"`{row.name}` takes {len(row.params)} values", name.span)
        return Apply(row.name, tuple(args), row.infer(tuple(Type(arg.dtype) for arg in args), ()).dtype)

    def _array(self, line: LineReader) -> str:
        name = line.name("the name of an array")
        if name.text not in self.arrays:
            raise Error("G0301", f"`{name.text}` is not defined above", name.span)
        return name.text

    def _whole(self, array: str) -> View:
        return View(array, (None,) * self.arrays[array].rank)

    def _view(self, line: LineReader) -> View:
        absent = line.accept_word("sparse")
        array = self._array(line)
        parts: tuple[Affine | Range | Let | None, ...] = self._whole(array).parts
        if line.accept("["):
            parts = tuple(line.several(lambda: self._part(line), ("]",)))
            line.expect("]")
        transposed = line.accept(".")
        if transposed:
            line.expect_word("T")
        return View(array, parts, transposed, absent)

    def _part(self, line: LineReader) -> Affine | Range | Let | None:
        if line.accept(":"):
            return None
        if line.here.kind == "value":
            value = self._expression(line)
            if not isinstance(value, Let):
                line.fail("an index is a value that does not change")
            return value
        start = line.at
        size = line.size()
        if line.accept(":"):
            return Range(size, line.size())
        line.at = start
        return self._affine(line)

    def _affine(self, line: LineReader) -> Affine:
        """`step * variable + offset`, or a formula without loop variable in front."""
        start, step = line.at, 1
        if line.here.kind == "number" or line.here.text == "-":
            step = self._whole_number(line)
            if not line.accept("*"):
                line.at = start
        variable = line.here.text
        if line.here.kind == "name" and variable in self.variables:
            line.advance()
            offset: Size = line.size() if line.accept("+") else 0
            if line.here.text not in ("-", "*", "//"):
                return Affine(variable, step, offset)
        line.at = start
        return Affine(None, 0, line.size())
