"""Messages for tokens that do not fit together, each for the author who made that mistake."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradc.language.diagnostics import Error
from gradc.language.source import Source, Span
from gradc.language.syntax import Expression, Statement

if TYPE_CHECKING:
    from gradc.language.tokens import Token

FUNCTION = "a function is written `def f(x) = x + 1`"
LOOP = "there are no loops: operators and functions work on whole arrays, as in `sum(x**2)`"
FOREIGN_WORDS = {
    "lambda": FUNCTION, "function": FUNCTION, "fn": FUNCTION, "func": FUNCTION,
    "for": LOOP, "while": LOOP, "yield": LOOP,
    "return": "write the expression alone: the last one is the result",
    "import": "nothing needs importing: all functions are known by name",
    "from": "nothing needs importing: all functions are known by name",
    "print": "write the expression alone: the last one is the result",
    "is": "write `==`", "in": "write the comparisons out, as in `a <= x <= b`",
    "elif": "write `a if c else b if d else e`", "then": "a condition is written `a if c else b`",
    "xor": "write `!=` between two conditions", "mod": "the remainder is `x % y`", "div": "whole division is `x // y`",
    "let": "write `name = expression`", "var": "write `name = expression`", "const": "write `name = expression`",
    "class": "there are no classes", "with": "there are no `with` blocks", "try": "there are no exceptions",
    "raise": "there are no exceptions", "assert": "there are no assertions", "del": "names cannot be deleted",
    "global": "every name of the program is visible already", "pass": "leave it out", "await": "leave it out",
    "async": "leave it out",
}
"""Words of other languages, and what to write here; they are ordinary names wherever they can be."""

MODULES = frozenset("np numpy jnp jax math torch tf tensorflow scipy sp sympy F nn special cmath".split())


def at_token(source: Source, token: Token) -> Span:
    return Span(source, token.start, token.stop)


def shown(token: Token) -> str:
    text = token.text if len(token.text) <= 30 else token.text[:27] + "..."
    return {"end": "the end of the program", "separator": "the end of the line"}.get(token.kind, f"`{text}`")


def foreign_word(source: Source, tokens: list[Token], at: int) -> Error | None:
    """The message if one of the two tokens that do not fit is a word of another language."""
    for index in (at, at - 1):
        token = tokens[index] if index >= 0 else None
        if token is not None and token.kind == "name" and token.text in FOREIGN_WORDS:
            return Error("G0108", f"there is no `{token.text}` in the language", at_token(source, token),
                         help=FOREIGN_WORDS[token.text])
    return None


def unexpected(source: Source, tokens: list[Token], at: int, *, operand_due: bool) -> Error:
    """The message for a token that cannot stand where it stands."""
    token = tokens[at]
    error = foreign_word(source, tokens, at)
    if error is None and operand_due:
        error = operand_missing(source, tokens, at)
    elif error is None and token.kind in OPERAND_STARTS:
        error = missing_operator(source, tokens, at)
    return error or misplaced(source, token)


OPERAND_STARTS = frozenset(["name", "number", "(", "[", "not", "None", "True", "False", "..."])


def operand_missing(source: Source, tokens: list[Token], at: int) -> Error | None:
    token = tokens[at]
    before = tokens[at - 1] if at else None
    if before is not None and token.kind in ("end", "separator"):
        return Error("G0105", f"the expression ends after {shown(before)}", at_token(source, before),
                     help=f"write what comes after {shown(before)}, or delete it")
    if token.kind == "if":
        return Error("G0108", "`if` stands between two values", at_token(source, token),
                     help="a condition is written `a if c else b`")
    if token.kind == "def":
        return Error("G0108", "`def` is only allowed at the start of a statement", at_token(source, token),
                     help="define the function in a statement of its own: `def f(x) = x + 1; f(2)`")
    if token.kind == "=":
        return misplaced(source, token)
    if before is not None:
        return Error("G0102", f"a value is missing between {shown(before)} and {shown(token)}",
                     Span(source, before.start, token.stop), help="write a number, a name or an expression there")
    return Error("G0102", f"a program cannot start with {shown(token)}", at_token(source, token),
                 help="write a number, a name or an expression before it")


def misplaced(source: Source, token: Token) -> Error:
    if token.kind == "=":
        return Error("G0107", "`=` inside an expression", at_token(source, token),
                     help="equality is tested by `==`; a name is given a value by a statement of its own, `q = x + y`")
    return Error("G0102", f"unexpected {shown(token)}", at_token(source, token),
                 help="statements are separated by `;` or line ends")


def missing_operator(source: Source, tokens: list[Token], at: int) -> Error:
    left, right = operand_before(source, tokens, at), operand_after(source, tokens, at)
    span = Span(source, tokens[at - 1].start, tokens[at].stop)
    advice = f"write `{left}*{right}` for a product"
    if tokens[at - 1].kind == "name" and len(tokens[at - 1].text) > 1:
        argument = right if not right.startswith("(") else right[1:-1]
        advice += f", `{left}({argument})` for a call"
    return Error("G0104", f"an operator is missing between {shown(tokens[at - 1])} and {shown(tokens[at])}", span, help=advice)


MAX_SHOWN = 24
"""Longest piece of the program repeated in a help line."""


def operand_before(source: Source, tokens: list[Token], at: int) -> str:
    """The text of the operand that ends before a token, shortened to `(...)` where it is long."""
    last = tokens[at - 1]
    first = last
    if last.kind in (")", "]"):
        depth = 0
        for token in reversed(tokens[max(0, at - MAX_SHOWN) : at]):
            depth += (token.kind in (")", "]")) - (token.kind in ("(", "["))
            if depth == 0:
                first = token
                break
        else:
            return "(...)"
    text = source.text[first.start : last.stop]
    return text if len(text) <= MAX_SHOWN and "\n" not in text else "(...)"


def operand_after(source: Source, tokens: list[Token], at: int) -> str:
    """The text of the operand that starts at a token, with its brackets or arguments."""
    depth = 0
    last = tokens[at]
    for index in range(at, min(at + MAX_SHOWN, len(tokens))):
        token = tokens[index]
        depth += (token.kind in ("(", "[")) - (token.kind in (")", "]"))
        if depth == 0 and not (index == at and token.kind == "name" and tokens[at + 1].kind == "("):
            last = token
            break
    else:
        return "(...)"
    text = source.text[tokens[at].start : last.stop]
    return text if len(text) <= MAX_SHOWN and "\n" not in text else "(...)"


def attribute(source: Source, tokens: list[Token], at: int) -> Error:
    """`np.exp(x)`, `x.sum()`, `x.__class__`: only `.T` exists."""
    before, after = tokens[at - 1], tokens[at + 1]
    span = Span(source, tokens[at].start, after.stop if after.kind == "name" else tokens[at].stop)
    if after.kind != "name":
        return Error("G0102", "unexpected `.`", span, help="a number has digits on one side of its point; the transpose is `x.T`")
    called = tokens[at + 2].kind == "("
    if before.kind == "name" and before.text in MODULES:
        advice = f"write `{after.text}(...)`" if called else f"write `{after.text}`"
        return Error("G0108", f"functions need no `{before.text}.` before their names",
                     Span(source, before.start, tokens[at].stop), help=f"{advice} alone")
    advice = "the only one is `.T`, the transpose"
    if called and not after.text.startswith("_"):
        advice += f"; a function is called as `{after.text}({operand_before(source, tokens, at)})`"
    return Error("G0108", f"there is no attribute `.{after.text[:40]}`", span, help=advice)


def if_without_else(source: Source, token: Token) -> Error:
    return Error("G0105", "this `if` has no `else`", at_token(source, token),
                 help="a condition is written `a if c else b`; both values are needed")


def else_without_if(source: Source, token: Token) -> Error:
    return Error("G0102", "this `else` has no `if`", at_token(source, token), help="a condition is written `a if c else b`")


def condition_in_condition(source: Source, token: Token) -> Error:
    return Error("G0102", "two `if` in a row", at_token(source, token),
                 help="put brackets around the inner one: `a if (b if c else d) else e`")


def not_needs_brackets(source: Source, token: Token) -> Error:
    return Error("G0102", "`not` binds more loosely than the operator before it", at_token(source, token),
                 help="put brackets around it: `(not a)`")


def stray_ellipsis(source: Source, token: Token) -> Error:
    return Error("G0102", "`...` is only allowed inside an index", at_token(source, token),
                 help="as in `x[..., 0]`; write all terms of a sum out, or use `sum`")


def stray_colon(source: Source, tokens: list[Token], at: int) -> Error:
    return foreign_word(source, tokens, at) or Error(
        "G0102", "unexpected `:`", at_token(source, tokens[at]),
        help="a slice is written `x[start:stop:step]`, a declaration `x: f64[n]`",
    )


def positional_after_keyword(source: Source, start: int, stop: int) -> Error:
    return Error("G0102", "a positional argument after a keyword argument", Span(source, start, stop),
                 help="write the arguments without a keyword first")


def unused_expression(source: Source, expression: Expression, following: Token) -> Error:
    advice = "only the last expression is the result: name this one, as in `q = ...`, or delete it"
    if following.kind in ("+", "-"):
        advice = f"a line goes on if it ends with an operator: put the {shown(following)} at the end of the line before"
    return Error("G0102", "this expression is not used", expression.span, help=advice)


def no_result(source: Source, statements: list[Statement]) -> Error:
    if not statements:
        return Error("G0105", "the program is empty", Span(source, 0, 0), help="write an expression, such as `(x + y) * z`")
    last = statements[-1]
    return Error("G0105", "the program has no result", last.span,
                 help=f"the last statement must be an expression, such as `{last.name.id[:40]}`")


def unknown_dtype(source: Source, tokens: list[Token], at: int, known: tuple[str, ...]) -> Error:
    error = foreign_word(source, tokens, at - 1)
    if error:
        return error
    token = tokens[at]
    likely = {"float": "f64", "double": "f64", "float64": "f64", "float32": "f32", "single": "f32", "int": "i64",
              "int64": "i64", "int32": "i64", "boolean": "bool", "real": "f64"}.get(token.text)
    advice = f"write `{likely}`" if likely else f"the types are {', '.join(known)}, as in `x: f64[n]`"
    if token.kind in ("end", "separator"):
        return Error("G0105", "a type is missing after `:`", at_token(source, tokens[at - 1]), help=advice)
    return Error("G0202", f"unknown type {shown(token)}", at_token(source, token), help=advice)


def bad_size(source: Source, token: Token) -> Error:
    return Error("G0102", f"a size cannot be {shown(token)}", at_token(source, token),
                 help="a size is a whole number or a name, as in `x: f64[n, 3]`")


def name_due(source: Source, tokens: list[Token], at: int, purpose: str) -> Error:
    from gradc.language.tokens import RESERVED

    token = tokens[at]
    if token.kind in RESERVED:
        return Error("G0307", f"`{token.kind}` is a reserved word", at_token(source, token), help="choose another name")
    if token.kind in ("end", "separator"):
        before = tokens[at - 1]
        return Error("G0105", f"the statement ends after {shown(before)}", at_token(source, before),
                     help=f"write the name that follows; {FUNCTION}")
    return Error("G0102", f"a name is needed here, not {shown(token)}", at_token(source, token),
                 help=f"{purpose} by its name: letters, digits and `_`")


def expected(source: Source, tokens: list[Token], at: int, kind: str) -> Error:
    token = tokens[at]
    return Error("G0102", f"`{kind}` is expected here, not {shown(token)}", at_token(source, token),
                 help=f"{FUNCTION}; an input is declared as `x: f64[n]`")
