"""Syntax tree to text, with no bracket that the grammar does not need: `parse` reads back the same tree."""

from __future__ import annotations

from collections.abc import Iterator

from gradc.language.expressions import ADD, COMPARE, CONDITION, INFIX, NOT, OR, POWER, SIGN
from gradc.language.syntax import (
    Assign,
    Binary,
    Braced,
    Call,
    Comparison,
    Conditional,
    Declare,
    Definition,
    Expression,
    Index,
    List,
    Literal,
    Name,
    Slice,
    Special,
    Statement,
    Subscripts,
    SyntaxTree,
    Transpose,
    Unary,
    Unpack,
)

ATOM = POWER + 1
SPECIAL = {"ellipsis": "...", "newaxis": "None", "none": "None", "true": "True", "false": "False"}

Piece = str | tuple[Expression | Slice | Special, int]
"""Text, or a node with the loosest priority that may stand there without brackets."""


def unparse(tree: SyntaxTree | Statement | Expression | Braced) -> str:
    """The text of a program (a statement a line), a statement or an expression.

    An empty line stands before a result that begins with a sign, which else might seem to continue the line before.
    """
    waiting: list[Piece] = list(outermost(tree))[::-1]
    written: list[str] = []
    while waiting:
        piece = waiting.pop()
        if isinstance(piece, str):
            written.append(piece)
            continue
        node, loosest = piece
        if priority(node) < loosest:
            waiting += [")", (node, CONDITION), "("]
        else:
            waiting += list(pieces(node))[::-1]
    text = "".join(written)
    if isinstance(tree, SyntaxTree) and tree.statements:
        statements, _, result = text.rpartition("\n")
        return f"{statements}\n\n{result}" if result[0] in "+-" else text
    return text


def outermost(tree: SyntaxTree | Statement | Expression | Braced) -> Iterator[Piece]:
    match tree:
        case SyntaxTree():
            for statement in tree.statements:
                yield from outermost(statement)
                yield "\n"
            if tree.function is not None:
                yield from head(tree.function)
            yield from outermost(tree.result)
        case Declare():
            yield f"{tree.name.id}: {tree.dtype}"
            if tree.shape:
                yield "["
                yield from listed([(size, CONDITION) for size in tree.shape])
                yield "]"
        case Assign():
            yield f"{tree.name.id} = "
            yield tree.value, CONDITION
        case Unpack():
            yield f"{tree.pattern.id} = "
            yield tree.value, CONDITION
        case Braced():
            yield "{"
            for statement in tree.statements:
                yield from outermost(statement)
                yield "; "
            yield tree.result, CONDITION
            yield "}"
        case Definition():
            yield "def "
            yield from head(tree)
            yield from outermost(tree.body)
        case _:
            yield tree, CONDITION


def head(definition: Definition) -> Iterator[Piece]:
    yield f"{definition.name.id}("
    for i, (parameter, default) in enumerate(definition.parameters):
        yield f"{', ' if i else ''}{parameter.id}"
        if default is not None:
            yield "="
            yield default, CONDITION
    yield ") = "


def priority(node: Expression | Slice) -> int:
    """How tightly the operator at the top of an expression binds."""
    match node:
        case Conditional():
            return CONDITION
        case Binary():
            return INFIX[node.op]
        case Comparison():
            return COMPARE
        case Unary():
            return NOT if node.op == "not" else SIGN
        case Literal():
            return ATOM if node.value >= 0 else SIGN
    return ATOM


def pieces(node: Expression | Slice) -> Iterator[Piece]:
    """What a node is written as, its children in their places."""
    match node:
        case Literal():
            yield repr(node.value)
        case Name():
            yield node.id
        case Special():
            yield SPECIAL[node.kind]
        case Subscripts():
            yield f'"{node.text}"'
        case Unary():
            yield "not " if node.op == "not" else node.op
            yield node.operand, priority(node)
        case Binary(op="**"):
            yield node.left, ATOM
            yield "**"
            yield node.right, SIGN
        case Binary():
            yield node.left, INFIX[node.op]
            yield f" {node.op} "
            yield node.right, INFIX[node.op] + 1
        case Comparison():
            yield node.operands[0], ADD
            for op, operand in zip(node.ops, node.operands[1:], strict=True):
                yield f" {op} "
                yield operand, ADD
        case Conditional():
            yield node.then, OR
            yield " if "
            yield node.test, OR
            yield " else "
            yield node.otherwise, CONDITION
        case Call():
            yield f"{node.function}("
            yield from listed([(argument, CONDITION) for argument in node.args])
            for i, (keyword, value) in enumerate(node.keywords):
                yield f"{', ' if i or node.args else ''}{keyword.id}="
                yield value, CONDITION
            yield ")"
        case Index():
            yield node.value, ATOM
            yield "["
            yield from listed([(item, CONDITION) for item in node.items])
            yield "]"
        case Slice():
            yield from (() if node.start is None else ((node.start, CONDITION),))
            yield ":"
            yield from (() if node.stop is None else ((node.stop, CONDITION),))
            yield from (() if node.step is None else (":", (node.step, CONDITION)))
        case Transpose():
            bare_number = isinstance(node.value, Literal)
            yield from ("(", (node.value, CONDITION), ")") if bare_number else ((node.value, ATOM),)
            yield ".T"
        case List():
            yield "[" if node.is_array else "("
            yield from listed([(item, CONDITION) for item in node.items])
            yield "]" if node.is_array else ",)" if len(node.items) == 1 else ")"


def listed(items: list[Piece]) -> Iterator[Piece]:
    """The items with commas between them."""
    for i, item in enumerate(items):
        if i:
            yield ", "
        yield item
