"""Messages for statements that are no statements: declarations, definitions, programs without a result."""

from __future__ import annotations

from collections.abc import Sequence

from gradc.language.diagnostics import Error
from gradc.language.errors.expressions import (
    BINARY,
    CONSTANTS,
    ENDS,
    FUNCTION,
    at_token,
    clip,
    constant_named,
    foreign_word,
    line_goes_on,
    misplaced,
    shown,
    unexpected,
)
from gradc.language.source import Source, Span
from gradc.language.syntax import (
    Assign,
    Call,
    Declare,
    Definition,
    Expression,
    Index,
    Statement,
    Unpack,
    names_in,
    target_of,
)
from gradc.language.tokens import RESERVED, Token

LIKELY_DTYPES = {
    "float": "f64", "double": "f64", "float64": "f64", "real": "f64", "F64": "f64", "number": "f64", "scalar": "f64",
    "float32": "f32", "single": "f32", "F32": "f32", "int": "i64", "integer": "i64", "int64": "i64", "int32": "i64",
    "i32": "i64", "long": "i64", "boolean": "bool", "bool_": "bool",
}  # fmt: skip


def unused_expression(source: Source, expression: Expression, following: Token) -> Error:
    advice = "only the last expression is the result: name this one, as in `q = ...`, or delete it"
    if following.kind in BINARY:
        advice = line_goes_on(following)
    return Error("G0102", "this expression is not used", expression.span, help=advice)


def sign_opens_line(source: Source, sign: Token, before: str) -> Error:
    advice = f"{line_goes_on(sign)}; put the new line in parentheses if it does not belong to `{clip(before)}`"
    message = f"this line begins with `{sign.text}`, but does not continue the one before"
    return Error("G0102", message, at_token(source, sign), help=advice)


def no_result(source: Source, statements: list[Statement]) -> Error:
    if not statements:
        return Error(
            "G0105", "the program is empty", Span(source, 0, 0), help="write an expression, such as `(x + y) * z`"
        )
    last = statements[-1]
    name = next(names_in(target_of(last)))
    if name.id in CONSTANTS:
        return constant_named(name)
    example = clip(name.id) + ("(...)" if isinstance(last, Definition) else "")
    return Error(
        "G0105", "the program has no result", last.span, help=f"end it with an expression, such as `{example}`"
    )


def no_result_of_block(span: Span, statements: Sequence[Assign | Unpack]) -> Error:
    """The message for a block without an expression at its end."""
    if not statements:
        return Error("G0105", "the block is empty", span, help="write an expression, as in `{u = x + 1; u**2}`")
    last = statements[-1]
    name = next(names_in(target_of(last)))
    return Error(
        "G0105", "the block has no result", last.span, help=f"end it with an expression, such as `{clip(name.id)}`"
    )


def definition_in_block(source: Source, first: Token, name: Token) -> Error:
    """The message for a function inside a function."""
    return Error(
        "G0102", "a function is not defined inside another one", Span(source, first.start, name.stop),
        help="define it before: functions see all names before them",
    )  # fmt: skip


def declaration_in_block(statement: Statement) -> Error:
    """The message for a declaration inside a function."""
    return Error(
        "G0102", "a declaration inside a function", statement.span,
        help="inputs are declared before the function; what it computes needs no type",
    )  # fmt: skip


def no_target(source: Source, token: Token) -> Error:
    """The message for what cannot be given a value in a tuple of names."""
    return Error(
        "G0102", f"unexpected {shown(token)} in a tuple of names", at_token(source, token),
        help="a tuple is taken apart by names alone: `(p, v) = ...`, `((a, b), c) = ...`",
    )  # fmt: skip


def statement_goes_on(source: Source, tokens: list[Token], at: int, found: Expression | list[Statement]) -> Error:
    """The message for a token that follows a complete statement."""
    token = tokens[at]
    if isinstance(found, list) and isinstance(found[0], Declare):
        return declaration_goes_on(source, token)
    if token.kind != "=" or isinstance(found, list):
        return unexpected(source, tokens, at)
    match found:
        case Call():
            advice = f"{FUNCTION}; only names are given values"
        case Index():
            advice = "arrays are never changed: build a new one, for instance with `where` or `stack`"
        case _:
            return misplaced(source, token)
    return Error("G0102", "only a name can be given a value", found.span, help=advice)


def declaration_goes_on(source: Source, token: Token) -> Error:
    advice = {
        "=": "an input gets its value when the program is called; a value of the program's own needs no type: `q = 3`",
        "(": "a shape is written `x: f64[n, 3]`",
    }.get(token.kind, "write `;` or start a new line after the declaration")
    return Error("G0102", f"unexpected {shown(token)} after a declaration", at_token(source, token), help=advice)


def unknown_dtype(source: Source, tokens: list[Token], at: int, known: tuple[str, ...]) -> Error:
    error = foreign_word(source, tokens, at - 1)
    if error:
        return error
    token = tokens[at]
    likely = LIKELY_DTYPES.get(token.text)
    advice = f"write `{likely}`" if likely else f"the types are {', '.join(known)}, as in `x: f64[n]`"
    if token.kind in ENDS:
        return Error("G0105", "expected a type after `:`", at_token(source, tokens[at - 1]), help=advice)
    return Error("G0202", f"there is no type {shown(token)}", at_token(source, token), help=advice)


def bad_size(source: Source, token: Token) -> Error:
    return Error(
        "G0102",
        f"a size cannot be {shown(token)}",
        at_token(source, token),
        help="a size is a whole number or a name, as in `x: f64[n, 3]`",
    )


def size_separator(source: Source, tokens: list[Token], at: int) -> Error:
    return Error(
        "G0102",
        f"unexpected {shown(tokens[at])} in a shape",
        at_token(source, tokens[at]),
        help="sizes are whole numbers or names, separated by `,`: `x: f64[n, 3]`",
    )


def declaration_unfinished(source: Source, tokens: list[Token], at: int) -> Error:
    """`x, y` without `:`: a declaration, an assignment of several, or two results."""
    token = tokens[at]
    if token.kind == "=":
        first = at - 1
        while first and tokens[first - 1].kind in ("name", ","):
            first -= 1
        names = clip(", ".join(each.text for each in tokens[first:at] if each.kind == "name"))
        return Error(
            "G0102",
            "several names are given values without brackets",
            at_token(source, token),
            help=f"put them in brackets, `({names}) = ...`, to take a tuple apart",
        )
    comma = next(t for t in reversed(tokens[:at]) if t.kind == ",")
    return misplaced(source, comma)


def name_due(source: Source, tokens: list[Token], at: int, purpose: str) -> Error:
    token = tokens[at]
    if token.kind in RESERVED:
        return Error("G0307", f"`{token.kind}` is a reserved word", at_token(source, token), help="choose another name")
    if token.kind in ENDS:
        return Error(
            "G0105",
            f"expected {purpose}, found {shown(token)}",
            at_token(source, tokens[at - 1]),
            help=FUNCTION,
        )
    if token.kind in ("*", "**"):
        advice = "name each parameter; a variable number of them is not supported"
    elif token.kind == "number":
        advice = "names are made of letters, digits and `_`, and do not start with a digit"
    else:
        advice = f"an input is declared as `x: f64[n]`; {FUNCTION}"
    return Error("G0102", f"expected {purpose}, found {shown(token)}", at_token(source, token), help=advice)


def typed_parameter(declared: Declare) -> Error:
    """The type of a parameter in a definition that is not the whole program."""
    return Error(
        "G0102", "parameters have no types here", declared.span,
        help="a function takes whatever types it is called with; those of inputs are declared: `x: f64[n]; ...`",
    )  # fmt: skip


def definition_unfinished(source: Source, tokens: list[Token], at: int, due: str) -> Error:
    """The message for a definition in which `due` should stand at a token."""
    token = tokens[at]
    if token.kind in ENDS:
        return Error(
            "G0105",
            f"expected `{due}` before the end of the definition",
            at_token(source, tokens[at - 1]),
            help=FUNCTION,
        )
    message = f"expected `{due}` in the definition, found {shown(token)}"
    return Error("G0102", message, at_token(source, token), help=FUNCTION)
