"""Operator precedence parsing of one expression, with an explicit stack.

The reader is always in one of two states, a table each: an operand is due, or an operand has just
been read. The operand in hand is `node` with its extent `start` to `stop` (brackets around it
included). What waits for it (an operator with its left operand, an open bracket with its items) is
on the stack. An operator first closes all that binds tighter than itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field

from gradc.language.errors import expressions as errors
from gradc.language.lexer import number_value
from gradc.language.record import dataclass
from gradc.language.source import Source, Span
from gradc.language.syntax import (
    Binary,
    Call,
    Comparison,
    Conditional,
    Expression,
    Index,
    List,
    Literal,
    Name,
    Slice,
    Special,
    Subscripts,
    Transpose,
    Unary,
)
from gradc.language.tokens import Token

BRACKET, CONDITION, OR, AND, NOT, COMPARE, ADD, MULTIPLY, SIGN, POWER = range(10)
"""How tightly each binds, loosest first; the same as in Python."""

INFIX = {
    "or": OR,
    "and": AND,
    "+": ADD,
    "-": ADD,
    "*": MULTIPLY,
    "/": MULTIPLY,
    "//": MULTIPLY,
    "%": MULTIPLY,
    "@": MULTIPLY,
    "**": POWER,
    "^": POWER,
}
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")


@dataclass(slots=True)
class Prefix:
    """A sign or `not`, waiting for its operand."""

    priority: int
    op: str
    start: int

    def close(self, node: Expression, stop: int, source: Source) -> Expression:
        return Unary(Span(source, self.start, stop), self.op, node)


@dataclass(slots=True)
class Infix:
    """A binary operator and its left operand."""

    priority: int
    op: str
    start: int
    left: Expression

    def close(self, node: Expression, stop: int, source: Source) -> Expression:
        return Binary(Span(source, self.start, stop), self.op, self.left, node)


@dataclass(slots=True)
class Chain:
    """`a < b <=`, waiting for the last operand."""

    start: int
    operands: list[Expression]
    ops: list[str]
    priority: int = COMPARE

    def close(self, node: Expression, stop: int, source: Source) -> Expression:
        return Comparison(Span(source, self.start, stop), (*self.operands, node), tuple(self.ops))


@dataclass(slots=True)
class If:
    """`then if`, waiting for the test and `else`."""

    start: int
    then: Expression
    token: Token
    priority: int = CONDITION

    def close(self, node: Expression, stop: int, source: Source) -> Expression:
        raise errors.if_without_else(source, self.token)


@dataclass(slots=True)
class Else:
    """`then if test else`, waiting for the last operand."""

    start: int
    then: Expression
    test: Expression
    priority: int = CONDITION

    def close(self, node: Expression, stop: int, source: Source) -> Expression:
        return Conditional(Span(source, self.start, stop), self.test, self.then, node)


@dataclass(slots=True)
class Bracket:
    """An open bracket: round ("("), of a list ("["), of a call or of an index."""

    kind: str
    start: int
    function: Token | None = None
    value: Expression | None = None
    items: list = field(default_factory=list)
    keywords: list[tuple[Name, Expression]] = field(default_factory=list)
    keyword: Name | None = None
    parts: list[Expression | None] = field(default_factory=list)
    parts_start: int = 0
    has_comma: bool = False
    priority: int = BRACKET


class ExpressionReader:
    """Reads expressions from a list of tokens."""

    node: Expression
    start: int
    stop: int

    def __init__(self, source: Source, tokens: list[Token]):
        self.source = source
        self.tokens = tokens

    def read(self, at: int) -> tuple[Expression, int]:
        """The expression that starts at token `at`, and the index of the first token behind it."""
        self.at = at
        self.stack: list = []
        self.groups: list[Bracket] = []
        tokens = self.tokens
        table = OPERAND
        while True:
            token = tokens[self.at]
            handler = table.get(token.kind)
            if handler is None:
                if not self.groups and table is OPERATOR:
                    self.close_above(CONDITION)
                    return self.node, self.at
                handler = self.bracket_handler(table, token)
            table = handler(self, token)
            self.at += 1

    def bracket_handler(self, table: dict, token: Token) -> Callable:
        """What to do with a token that means something only inside brackets."""
        handler = None
        if table is OPERATOR:
            handler = AFTER_ITEM.get(token.kind)
        elif self.stack and self.stack[-1].priority == BRACKET:
            handler = NO_ITEM.get(token.kind)
        if handler is None:
            describe = errors.unexpected if table is OPERATOR else errors.operand_missing
            raise describe(self.source, self.tokens, self.at)
        return handler

    def hold(self, node: Expression, start: int, stop: int) -> dict:
        """Take an operand in hand; an operator is due next."""
        self.node, self.start, self.stop = node, start, stop
        return OPERATOR

    def close_above(self, priority: int) -> None:
        """Give the operand in hand to all that waits for it and binds at least as tightly as `priority`."""
        stack = self.stack
        while stack and stack[-1].priority >= priority:
            waiting = stack.pop()
            self.node = waiting.close(self.node, self.stop, self.source)
            self.start = waiting.start

    # An operand is due.

    def number(self, token: Token) -> dict:
        span = Span(self.source, token.start, token.stop)
        return self.hold(Literal(span, number_value(self.source, token)), token.start, token.stop)

    def subscripts(self, token: Token) -> dict:
        span = Span(self.source, token.start, token.stop)
        return self.hold(Subscripts(span, token.text[1:-1]), token.start, token.stop)

    def name(self, token: Token) -> dict:
        after = self.tokens[self.at + 1].kind
        if after == "(":
            self.at += 1
            return self.open(Bracket("call", token.start, function=token))
        name = Name(Span(self.source, token.start, token.stop), token.text)
        if after == "=" and self.stack and self.stack[-1].priority == BRACKET and self.stack[-1].kind == "call":
            self.at += 1
            self.stack[-1].keyword = name
            return OPERAND
        return self.hold(name, token.start, token.stop)

    def special(self, token: Token) -> dict:
        kind = token.text.lower()
        top = self.stack[-1] if self.stack else None
        indexes = isinstance(top, Bracket) and top.kind == "index" and self.tokens[self.at + 1].kind in (",", "]")
        if token.kind == "...":
            if not indexes:
                raise errors.stray_ellipsis(self.source, token)
            kind = "ellipsis"
        return self.hold(Special(Span(self.source, token.start, token.stop), kind), token.start, token.stop)

    def prefix(self, token: Token) -> dict:
        priority = NOT if token.kind == "not" else SIGN
        if priority == NOT and self.stack and self.stack[-1].priority > NOT:
            raise errors.not_needs_brackets(self.source, token)
        self.stack.append(Prefix(priority, token.kind, token.start))
        return OPERAND

    def round_bracket(self, token: Token) -> dict:
        return self.open(Bracket("(", token.start))

    def list_bracket(self, token: Token) -> dict:
        return self.open(Bracket("[", token.start))

    def open(self, group: Bracket) -> dict:
        self.stack.append(group)
        self.groups.append(group)
        return OPERAND

    # An operand has been read.

    def infix(self, token: Token) -> dict:
        op = token.kind
        priority = INFIX[op]
        if op == "^":
            op = "**"
        self.close_above(priority + (priority == POWER))
        self.stack.append(Infix(priority, op, self.start, self.node))
        return OPERAND

    def comparison(self, token: Token) -> dict:
        self.close_above(COMPARE + 1)
        if self.stack and self.stack[-1].priority == COMPARE:
            chain = self.stack[-1]
            chain.operands.append(self.node)
            chain.ops.append(token.kind)
        else:
            self.stack.append(Chain(self.start, [self.node], [token.kind]))
        return OPERAND

    def if_(self, token: Token) -> dict:
        self.close_above(OR)
        if self.stack and isinstance(self.stack[-1], If):
            raise errors.condition_in_condition(self.source, token)
        self.stack.append(If(self.start, self.node, token))
        return OPERAND

    def else_(self, token: Token) -> dict:
        self.close_above(OR)
        if not (self.stack and isinstance(self.stack[-1], If)):
            raise errors.else_without_if(self.source, token)
        waiting = self.stack.pop()
        self.stack.append(Else(waiting.start, waiting.then, self.node))
        return OPERAND

    def index_bracket(self, token: Token) -> dict:
        if isinstance(self.node, Literal):
            raise errors.missing_operator(self.source, self.tokens, self.at)
        return self.open(Bracket("index", self.start, value=self.node))

    def attribute(self, token: Token) -> dict:
        after = self.tokens[self.at + 1]
        if after.kind != "name" or after.text != "T":
            raise errors.attribute(self.source, self.tokens, self.at)
        self.at += 1
        return self.hold(Transpose(Span(self.source, self.start, after.stop), self.node), self.start, after.stop)

    # Inside brackets: `,` and `:` and the closing bracket, after an item or where one is left out.

    def colon_after_item(self, token: Token) -> dict:
        self.close_above(CONDITION)
        return self.add_part(token, self.node, self.start)

    def colon(self, token: Token) -> dict:
        return self.add_part(token, None, token.start)

    def add_part(self, token: Token, part: Expression | None, start: int) -> dict:
        group = self.groups[-1]
        if group.kind != "index" or len(group.parts) == 2:
            raise errors.stray_colon(self.source, self.tokens, self.at)
        if not group.parts:
            group.parts_start = start
        group.parts.append(part)
        return OPERAND

    def comma_after_item(self, token: Token) -> dict:
        self.add_item()
        self.groups[-1].has_comma = True
        return OPERAND

    def comma(self, token: Token) -> dict:
        if not self.groups[-1].parts:
            raise errors.operand_missing(self.source, self.tokens, self.at)
        self.add_slice(None, self.tokens[self.at - 1].stop)
        return OPERAND

    def add_item(self) -> None:
        self.close_above(CONDITION)
        group = self.groups[-1]
        if group.keyword is not None:
            group.keywords.append((group.keyword, self.node))
            group.keyword = None
        elif group.keywords:
            raise errors.positional_after_keyword(self.source, self.start, self.stop)
        elif group.parts:
            self.add_slice(self.node, self.stop)
        elif group.kind == "index" and isinstance(self.node, Special) and self.node.kind == "none":
            group.items.append(Special(self.node.span, "newaxis"))
        else:
            group.items.append(self.node)

    def add_slice(self, last: Expression | None, stop: int) -> None:
        group = self.groups[-1]
        parts = [*group.parts, last, None][:3]
        group.items.append(Slice(Span(self.source, group.parts_start, stop), *parts))
        group.parts.clear()

    def close_after_item(self, token: Token) -> dict:
        group = self.groups[-1]
        self.close_above(CONDITION)
        if group.kind == "(" and not group.has_comma:
            self.stack.pop()
            self.groups.pop()
            return self.hold(self.node, group.start, token.stop)
        self.add_item()
        return self.close_group(token)

    def close(self, token: Token) -> dict:
        group = self.groups[-1]
        if group.keyword is not None or (group.kind == "index" and not group.parts and not group.items):
            raise errors.operand_missing(self.source, self.tokens, self.at)
        if group.parts:
            self.add_slice(None, self.tokens[self.at - 1].stop)
        return self.close_group(token)

    def close_group(self, token: Token) -> dict:
        group = self.groups.pop()
        self.stack.pop()
        span = Span(self.source, group.start, token.stop)
        items = tuple(group.items)
        node: Expression
        if group.function is not None:
            place = Span(self.source, group.function.start, group.function.stop)
            node = Call(span, group.function.text, place, items, tuple(group.keywords))
        elif group.value is not None:
            node = Index(span, group.value, items)
        else:
            node = List(span, items, group.kind == "[")
        return self.hold(node, group.start, token.stop)


OPERAND = {
    "subscripts": ExpressionReader.subscripts,
    "number": ExpressionReader.number,
    "name": ExpressionReader.name,
    "(": ExpressionReader.round_bracket,
    "[": ExpressionReader.list_bracket,
    "-": ExpressionReader.prefix,
    "+": ExpressionReader.prefix,
    "not": ExpressionReader.prefix,
    "None": ExpressionReader.special,
    "True": ExpressionReader.special,
    "False": ExpressionReader.special,
    "...": ExpressionReader.special,
}
"""What each kind of token means where an operand is due."""

OPERATOR = {
    **dict.fromkeys(INFIX, ExpressionReader.infix),
    **dict.fromkeys(COMPARISONS, ExpressionReader.comparison),
    "if": ExpressionReader.if_,
    "else": ExpressionReader.else_,
    "[": ExpressionReader.index_bracket,
    ".": ExpressionReader.attribute,
}
"""... and where an operand has been read."""

AFTER_ITEM = {
    ",": ExpressionReader.comma_after_item,
    ":": ExpressionReader.colon_after_item,
    ")": ExpressionReader.close_after_item,
    "]": ExpressionReader.close_after_item,
}
"""... inside brackets, after an item."""

NO_ITEM = {
    ",": ExpressionReader.comma,
    ":": ExpressionReader.colon,
    ")": ExpressionReader.close,
    "]": ExpressionReader.close,
}
"""... inside brackets, where an item could start."""
