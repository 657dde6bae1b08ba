"""Functions of single numbers, from the Python that generated modules carry too: `gradc.loops.support` has them.

Their Python is plain: numbers and tuples of numbers, `if`, `while`, loops over ranges, calls of each other and of
elementary functions. Both sides of a conditional expression and of `and` and `or` are computed.
"""

from __future__ import annotations

import ast
import inspect
import math
import textwrap
from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from typing import Any

import numpy as np

from gradc.loops import support
from gradc.native.instructions import (
    TYPES,
    Value,
    Writer,
    elementary_declaration,
    elementary_function,
    like,
    number,
)

OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.Pow: "power", ast.FloorDiv: "floordiv",
    ast.Mod: "mod",
}  # fmt: skip
COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge", ast.Eq: "eq", ast.NotEq: "ne",
}  # fmt: skip
CASTS = {"float": "f64", "float64": "f64", "int": "i64", "int64": "i64", "bool": "bool"}


def definitions(writers: Iterable[Writer]) -> tuple[str, set[str]]:
    """The functions that writers call, and those that these call: elementary ones, and those of single numbers. Also
    what all of them declare."""
    made: dict[object, str] = {}
    declared: set[str] = set()
    writers = list(writers)
    for writer in writers:  # which grows
        declared |= writer.declared
        wanted = [(name, _parameters(name) * ("f64",)) for name in writer.called]
        if isinstance(writer, _Translation):
            wanted += writer.others
        for name, types in sorted(wanted):
            if (name, types) not in made:
                translation = _Translation(name, types)
                made[name, types] = translation.text()
                writers.append(translation)
        for name, lanes in sorted(writer.elsewhere):
            if (name, lanes) not in made:
                made[name, lanes], other = elementary_function(name, lanes)
                writers.append(other)
    return "\n".join(made.values()), declared


def declarations(writer: Writer) -> set[str]:
    """What a module declares that calls such functions and has none."""
    scalar = {f"declare double @{name}({', '.join(_parameters(name) * ['double'])})" for name in writer.called}
    return scalar | {elementary_declaration(name, lanes) for name, lanes in writer.elsewhere}


def _parameters(name: str) -> int:
    return len(inspect.signature(_function(name)).parameters)


def _function(name: str) -> Callable[..., Any]:
    return getattr(support, name)


@cache
def _parsed(name: str) -> ast.FunctionDef:
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(_function(name)))).body
    assert isinstance(definition, ast.FunctionDef)
    return definition


def symbol(name: str, types: tuple[str, ...]) -> str:
    """The LLVM function for these types of the arguments: the name alone where all are f64."""
    return name if set(types) <= {"f64"} else f"{name}.{'.'.join(types)}"


class _Translation(Writer):
    """One function for one tuple of types; it gives an f64."""

    def __init__(self, name: str, types: tuple[str, ...]):
        super().__init__()
        self.symbol = symbol(name, types)
        self.definition = _parsed(name)
        self.globals = _function(name).__globals__
        self.types = types
        self.entry: list[str] = []
        self.variables: dict[str, tuple[str, str]] = {}
        self.constants: dict[str, str] = {}
        self.others: list[tuple[str, tuple[str, ...]]] = []

    def elementary(self, name: str, args: Sequence[Value], dtype: str) -> Value:
        return self.outlined(name, args, dtype)

    def text(self) -> str:
        parameters = []
        for argument, dtype in zip(self.definition.args.args, self.types, strict=True):
            parameters.append(f"{TYPES[dtype]} %{argument.arg}")
            self._assign(argument.arg, Value(f"%{argument.arg}", dtype))
        self._body(self.definition.body)
        self.line("unreachable")
        head = f"define internal double @{self.symbol}({', '.join(parameters)}) noinline {{"
        return "\n".join([*self.constants.values(), head, "entry:", *self.entry, *self.lines, "}"])

    # ------------------------------------------------------------ statements

    def _body(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    self._assign(name, self.value(value))
                case ast.AugAssign(target=ast.Name(id=name), op=op, value=value):
                    made = self._binary(OPERATORS[type(op)], self._variable(name), self.value(value))
                    self._assign(name, made)
                case ast.If():
                    self._if(statement)
                case ast.While():
                    self._while(partial(self.value, statement.test), statement.body)
                case ast.For():
                    self._for(statement)
                case ast.Return(value=ast.expr() as value):
                    self.line(f"ret {self.cast(self.value(value), 'f64').typed}")
                    self.label(self.name("after"))
                case ast.Expr(value=ast.Constant()):
                    pass
                case _:
                    raise TypeError(ast.unparse(statement))

    def _assign(self, name: str, value: Value) -> None:
        if name not in self.variables:
            slot = f"%{self.name('slot')}"
            self.entry.append(f"  {slot} = alloca {TYPES[value.dtype]}, align 8")
            self.variables[name] = slot, value.dtype
        slot, dtype = self.variables[name]
        self.line(f"store {self.cast(value, dtype).typed}, ptr {slot}, align 8")

    def _variable(self, name: str) -> Value:
        slot, dtype = self.variables[name]
        found = Value(f"%{self.name('v')}", dtype)
        self.line(f"{found.text} = load {TYPES[dtype]}, ptr {slot}, align 8")
        return found

    def _if(self, statement: ast.If) -> None:
        then, otherwise, done = (self.name(stem) for stem in ("then", "else", "done"))
        test = self.cast(self.value(statement.test), "bool")
        self.line(f"br i1 {test.text}, label %{then}, label %{otherwise}")
        for label, body in ((then, statement.body), (otherwise, statement.orelse)):
            self.label(label)
            self._body(body)
            self.line(f"br label %{done}")
        self.label(done)

    def _while(self, test: Callable[[], Value], body: list[ast.stmt], after: Callable[[], None] = lambda: None) -> None:
        again, inside, done = (self.name(stem) for stem in ("again", "inside", "done"))
        self.line(f"br label %{again}")
        self.label(again)
        self.line(f"br i1 {self.cast(test(), 'bool').text}, label %{inside}, label %{done}")
        self.label(inside)
        self._body(body)
        after()
        self.line(f"br label %{again}")
        self.label(done)

    def _for(self, statement: ast.For) -> None:
        """A loop over a range."""
        assert isinstance(statement.iter, ast.Call) and isinstance(statement.target, ast.Name)
        *first, stop = [self.value(arg) for arg in statement.iter.args]
        variable = statement.target.id
        self._assign(variable, first[0] if first else number(0, "i64"))
        self._while(
            lambda: self.less(self._variable(variable), stop),
            statement.body,
            lambda: self._assign(variable, self._binary("add", self._variable(variable), number(1, "i64"))),
        )

    # ------------------------------------------------------------ values

    def value(self, syntax: ast.expr) -> Value:
        match syntax:
            case ast.Constant(value=bool() | int() | float() as constant):
                return _constant(constant)
            case ast.Name(id=name) if name in self.variables:
                return self._variable(name)
            case ast.Name() | ast.Attribute():
                return _constant(self._known(syntax))
            case ast.Subscript(value=table, slice=index):
                return self._item(ast.unparse(table), self._known(table), self.value(index))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self.op("neg", [inner := self.value(operand)], inner.dtype)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self.op("not", [self.cast(self.value(operand), "bool")], "bool")
            case ast.BinOp():
                return self._binary(OPERATORS[type(syntax.op)], self.value(syntax.left), self.value(syntax.right))
            case ast.BoolOp():
                first, *rest = [self.cast(self.value(value), "bool") for value in syntax.values]
                for value in rest:
                    first = self.op("and" if isinstance(syntax.op, ast.And) else "or", [first, value], "bool")
                return first
            case ast.Compare():
                return self._compare(syntax)
            case ast.IfExp():
                pair = self._alike(self.value(syntax.body), self.value(syntax.orelse))
                return self.select(self.cast(self.value(syntax.test), "bool"), *pair)
            case ast.Call():
                return self._call(syntax)
        raise TypeError(ast.unparse(syntax))

    def _known(self, syntax: ast.expr) -> Any:
        """A constant of the function's module."""
        if isinstance(syntax, ast.Attribute):
            return getattr(self._known(syntax.value), syntax.attr)
        assert isinstance(syntax, ast.Name)
        return self.globals[syntax.id]

    def _alike(self, x: Value, y: Value) -> tuple[Value, Value]:
        return (x, y) if x.dtype == y.dtype else (self.cast(x, "f64"), self.cast(y, "f64"))

    def _binary(self, op: str, x: Value, y: Value) -> Value:
        x, y = (self.cast(x, "f64"), self.cast(y, "f64")) if op in ("div", "power") else self._alike(x, y)
        return self.op(op, [x, y], x.dtype)

    def _compare(self, syntax: ast.Compare) -> Value:
        operands = [self.value(operand) for operand in (syntax.left, *syntax.comparators)]
        found = [
            self.op(COMPARISONS[type(op)], self._alike(x, y), "bool")
            for op, x, y in zip(syntax.ops, operands, operands[1:])
        ]
        while len(found) > 1:
            found[:2] = [self.op("and", found[:2], "bool")]
        return found[0]

    def _item(self, name: str, table: tuple[float, ...], index: Value) -> Value:
        """An element of a tuple of floats."""
        constant = f"@{self.symbol}.{name}"
        items = ", ".join(number(item, "f64").typed for item in table)
        self.constants[name] = f"{constant} = internal constant [{len(table)} x double] [{items}], align 8"
        at = self.emit(f"getelementptr double, ptr {constant}, i64 {index.text}", "i64")
        return self.emit(f"load double, ptr {at.text}, align 8", "f64")

    def _call(self, syntax: ast.Call) -> Value:
        name = syntax.func.attr if isinstance(syntax.func, ast.Attribute) else ast.unparse(syntax.func)
        args = [self.value(arg) for arg in syntax.args]
        if name in CASTS:
            return self.cast(args[0], CASTS[name])
        if name == "isnan":
            return self.op("ne", [args[0], args[0]], "bool")
        if name == "isfinite":
            return self.less(self.op("abs", args, "f64"), like(math.inf, args[0]))
        if name.startswith("_"):
            types = tuple(arg.dtype for arg in args)
            self.others.append((name, types))
            shown = ", ".join(arg.typed for arg in args)
            return self.emit(f"call double @{symbol(name, types)}({shown})", "f64")
        if name != "abs":
            args = [self.cast(arg, "f64") for arg in args]
        return self.op({"rint": "round", "pow": "power"}.get(name, name), args, args[0].dtype)


def _constant(value: Any) -> Value:
    if isinstance(value, (bool, np.bool_)):
        return number(bool(value), "bool")
    return number(value, "i64" if isinstance(value, int) else "f64")
