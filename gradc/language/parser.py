"""Program text to syntax tree. Nothing here recurses: nesting is limited by memory only.

program    = statements separated by `;` or line ends, the last one an expression or the definition of a function
statement  = target "=" expression
           | [ "def" ] name "(" parameters ")" "=" ( expression | block )
           | names ":" dtype [ "[" sizes "]" ]
target     = name | "(" targets ")"
block      = "{" targets with values, then an expression, separated as statements are "}"
expression = operands and operators with Python's precedence (see expressions.py)
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from gradc.language.errors import statements as errors
from gradc.language.expressions import ExpressionReader
from gradc.language.lexer import number_value, tokenize
from gradc.language.source import Source, Span
from gradc.language.syntax import (
    Assign,
    Braced,
    Declare,
    Definition,
    Expression,
    Literal,
    Name,
    Pattern,
    Statement,
    SyntaxTree,
    Unpack,
    names_in,
    target_of,
)
from gradc.language.tokens import Token

DTYPES = ("f64", "f32", "i64", "bool")
OPENING, CLOSING = frozenset("([{"), frozenset(")]}")


def parse(source: Source) -> SyntaxTree:
    """The syntax tree of a program; raises `Error` with the place and the remedy."""
    with collector_paused():
        return StatementReader(source, tokenize(source)).program()


def parse_expression(text: str) -> Expression:
    """The expression that a text of ours is."""
    result = parse(Source(text)).result
    assert not isinstance(result, Braced)
    return result


@contextmanager
def collector_paused() -> Iterator[None]:
    """No cyclic garbage collection: trees have no cycles, and scanning a growing one takes half of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class StatementReader:
    """Reads statements from a list of tokens, expressions with the help of an `ExpressionReader`."""

    def __init__(self, source: Source, tokens: list[Token]):
        self.source = source
        self.tokens = tokens
        self.expressions = ExpressionReader(source, tokens)
        self.at = 0

    def program(self) -> SyntaxTree:
        statements: list[Statement] = []
        result: Expression | None = None
        while self.tokens[self.at].kind != "end":
            first = self.tokens[self.at]
            if first.kind == "separator":
                self.at += 1
                continue
            if result is not None:
                raise errors.unused_expression(self.source, result, first)
            opening = self.at
            found = self.statement()
            if isinstance(found, list):
                statements += found
            else:
                self.check_opening(opening, statements)
                result = found
            if self.tokens[self.at].kind not in ("separator", "end"):
                raise errors.statement_goes_on(self.source, self.tokens, self.at, found)
        function = (
            statements.pop() if result is None and statements and isinstance(statements[-1], Definition) else None
        )
        for statement in statements:
            if isinstance(statement, Definition) and statement.types:
                raise errors.typed_parameter(statement.types[0])
        if isinstance(function, Definition):
            return SyntaxTree(self.source, (*statements, *function.types), function.body, function)
        if result is None:
            raise errors.no_result(self.source, statements)
        return SyntaxTree(self.source, tuple(statements), result)

    def check_opening(self, opening: int, statements: list[Statement]) -> None:
        """An expression that begins with a sign, right under a value it does not use, was meant to continue it."""
        sign, line_end = self.tokens[opening], self.tokens[opening - 1]
        if sign.kind not in ("+", "-") or not statements or line_end.text.count("\n") != 1:
            return
        before = statements[-1]
        names = {name.id: None for name in names_in(target_of(before))}
        used = any(token.text in names for token in self.tokens[opening : self.at])
        if not isinstance(before, Declare) and not used:
            raise errors.sign_opens_line(self.source, sign, next(iter(names)))

    def statement(self) -> list[Statement] | Expression:
        """The statements that start here (a declaration may hold several), or an expression."""
        first, second = self.tokens[self.at], self.tokens[self.at + 1]
        if self.is_definition():
            return [self.define()]
        if second.kind == "=":
            return [self.assign()]
        if first.kind == "(" and self.tokens[self.closing(self.at) + 1].kind == "=":
            return [self.unpack()]
        if second.kind == ":" and first.kind in ("None", "True", "False"):
            return self.declare()
        if first.kind == "name" and second.kind in (",", ":"):
            return self.declare()
        return self.expression()

    def expression(self) -> Expression:
        found, self.at = self.expressions.read(self.at)
        return found

    def assign(self) -> Assign:
        name = self.name("a name before `=`")
        self.at += 1
        value = self.expression()
        return Assign(self.span_from(name.span.start), name, value)

    def unpack(self) -> Assign | Unpack:
        target = self.target("a name")
        self.at += 1
        value = self.expression()
        span = self.span_from(target.span.start)
        return Assign(span, target, value) if isinstance(target, Name) else Unpack(span, target, value)

    def target(self, purpose: str) -> Name | Pattern:
        """A name, or a tuple of names, of tuples of names and so on. A name alone in brackets is that name."""
        open: list[tuple[int, list[Name | Pattern]]] = []
        commas: list[bool] = []
        while True:
            token = self.tokens[self.at]
            if token.kind == "(":
                open.append((token.start, []))
                commas.append(False)
                self.at += 1
                continue
            found: Name | Pattern
            if open and token.kind == ")":
                found = self.close(open, commas)
            elif open and token.kind != "name":
                raise errors.no_target(self.source, token)
            else:
                found = self.name(purpose)
            while open:
                open[-1][1].append(found)
                if self.tokens[self.at].kind == ",":
                    commas[-1] = True
                    self.at += 1
                    break
                if self.tokens[self.at].kind != ")":
                    raise errors.no_target(self.source, self.tokens[self.at])
                found = self.close(open, commas)
            else:
                return found

    def close(self, open: list[tuple[int, list[Name | Pattern]]], commas: list[bool]) -> Name | Pattern:
        """What the innermost open bracket holds, at the token that closes it."""
        start, items = open.pop()
        if not items:
            raise errors.no_target(self.source, self.tokens[self.at])
        self.at += 1
        return items[0] if not commas.pop() else Pattern(self.span_from(start), tuple(items))

    def is_definition(self) -> bool:
        """Whether a function is defined here: by `def`, or by `name(...)` followed by `=`."""
        first, second = self.tokens[self.at], self.tokens[self.at + 1]
        is_call = first.kind == "name" and second.kind == "("
        return first.kind == "def" or (is_call and self.tokens[self.closing(self.at + 1) + 1].kind == "=")

    def closing(self, opening: int) -> int:
        """The index of the token that closes a bracket; the lexer has seen that there is one."""
        depth, at = 1, opening
        while depth:
            at += 1
            depth += (self.tokens[at].kind in OPENING) - (self.tokens[at].kind in CLOSING)
        return at

    def body(self) -> Expression | Braced:
        """What a function computes: an expression, or a block."""
        if self.tokens[self.at].kind != "{":
            return self.expression()
        opening = self.tokens[self.at]
        self.at += 1
        statements: list[Assign | Unpack] = []
        result: Expression | None = None
        while (first := self.tokens[self.at]).kind != "}":
            if first.kind == "separator":
                self.at += 1
                continue
            if result is not None:
                raise errors.unused_expression(self.source, result, first)
            if self.is_definition():
                raise errors.definition_in_block(self.source, first, self.tokens[self.at + (first.kind == "def")])
            at = self.at
            found = self.statement()
            if isinstance(found, list):
                statement = found[0]
                if not isinstance(statement, Assign | Unpack):
                    raise errors.declaration_in_block(statement)
                statements.append(statement)
            else:
                self.check_opening(at, [*statements])
                result = found
            if self.tokens[self.at].kind not in ("separator", "}"):
                raise errors.statement_goes_on(self.source, self.tokens, self.at, found)
        self.at += 1
        span = self.span_from(opening.start)
        if result is None:
            raise errors.no_result_of_block(span, statements)
        return Braced(span, tuple(statements), result)

    def define(self) -> Definition:
        start = self.tokens[self.at].start
        if self.tokens[self.at].kind == "def":
            self.at += 1
        name = self.name("a name after `def`")
        self.expect("(")
        parameters: list[tuple[Name | Pattern, Expression | None]] = []
        types: list[Declare] = []
        while self.tokens[self.at].kind != ")":
            parameter = self.target("the name of a parameter")
            default = None
            if not isinstance(parameter, Name):
                pass
            elif self.tokens[self.at].kind == ":":
                types += self.type_of([parameter], parameter.span.start)
            elif self.tokens[self.at].kind == "=":
                self.at += 1
                default = self.expression()
            parameters.append((parameter, default))
            if self.tokens[self.at].kind != ")":
                self.expect(",")
        self.expect(")")
        self.expect("=")
        body = self.body()
        return Definition(self.span_from(start), name, tuple(parameters), body, tuple(types))

    def declare(self) -> list[Statement]:
        start = self.tokens[self.at].start
        names = [self.name("the name of an input")]
        while self.tokens[self.at].kind == ",":
            self.at += 1
            names.append(self.name("the name of an input"))
        if self.tokens[self.at].kind != ":":
            raise errors.declaration_unfinished(self.source, self.tokens, self.at)
        return [*self.type_of(names, start)]

    def type_of(self, names: list[Name], start: int) -> list[Declare]:
        """The declarations of names by the type behind a `:`."""
        self.at += 1
        dtype = self.tokens[self.at]
        if dtype.text not in DTYPES:
            raise errors.unknown_dtype(self.source, self.tokens, self.at, DTYPES)
        self.at += 1
        shape = self.shape() if self.tokens[self.at].kind == "[" else ()
        span = self.span_from(start)
        return [Declare(span, name, dtype.text, shape) for name in names]

    def shape(self) -> tuple[Name | Literal, ...]:
        self.at += 1
        sizes: list[Name | Literal] = []
        while self.tokens[self.at].kind != "]":
            sizes.append(self.size())
            if self.tokens[self.at].kind == ",":
                self.at += 1
            elif self.tokens[self.at].kind != "]":
                raise errors.size_separator(self.source, self.tokens, self.at)
        self.at += 1
        return tuple(sizes)

    def size(self) -> Name | Literal:
        token = self.tokens[self.at]
        span = Span(self.source, token.start, token.stop)
        if token.kind == "number":
            value = number_value(self.source, token)
            if isinstance(value, int):
                self.at += 1
                return Literal(span, value)
        if token.kind == "name":
            self.at += 1
            return Name(span, token.text)
        raise errors.bad_size(self.source, token)

    def name(self, purpose: str) -> Name:
        token = self.tokens[self.at]
        if token.kind != "name":
            raise errors.name_due(self.source, self.tokens, self.at, purpose)
        self.at += 1
        return Name(Span(self.source, token.start, token.stop), token.text)

    def expect(self, kind: str) -> None:
        if self.tokens[self.at].kind != kind:
            raise errors.definition_unfinished(self.source, self.tokens, self.at, kind)
        self.at += 1

    def span_from(self, start: int) -> Span:
        return Span(self.source, start, self.tokens[self.at - 1].stop)
