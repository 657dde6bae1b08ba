"""Messages for tokens that do not fit together, each for the author who made that mistake."""

from __future__ import annotations

import re

from gradc.language.diagnostics import Error
from gradc.language.source import Source, Span
from gradc.language.syntax import Name
from gradc.language.tokens import Token

CONSTANTS = {"pi": "the circle constant", "inf": "infinity", "nan": "not a number"}
"""Names that have a meaning."""

CONDITION = "a condition is written `a if c else b`"
FUNCTION = "a function is written `f(x) = x + 1`"
LOOP = "there are no loops: operators and functions work on whole arrays, as in `sum(x**2)`"
RESULT = "write the expression alone: the last one is the result"
IMPORT = "nothing needs importing: all functions are known by name"
ASSIGNMENT = "write `name = expression`"
STATEMENTS = "a program has expressions, declarations `x: f64[n]`, values `q = x + y`, functions `def f(x) = x + 1`"
FOREIGN_WORDS = {
    "lambda": FUNCTION, "function": FUNCTION, "fn": FUNCTION, "func": FUNCTION, "for": LOOP, "while": LOOP,
    "yield": RESULT, "return": RESULT, "print": RESULT, "import": IMPORT, "from": IMPORT, "using": IMPORT,
    "let": ASSIGNMENT, "var": ASSIGNMENT, "const": ASSIGNMENT, "is": "write `==`",
    "in": "write the comparisons out, as in `a <= x and x <= b`", "elif": "write `a if c else b if d else e`",
    "then": CONDITION, "when": CONDITION, "xor": "write `!=` between two conditions", "AND": "write `and`",
    "OR": "write `or`", "NOT": "write `not`", "mod": "the remainder is `x % y`", "div": "whole division is `x // y`",
    **dict.fromkeys("class with try raise assert del global nonlocal pass await async".split(), STATEMENTS),
}  # fmt: skip
"""Words of other languages, and what to write here; they are ordinary names wherever they can be."""

MODULES = frozenset("np numpy jnp jax math cmath torch tf tensorflow scipy sp sympy linalg random special".split())
NAMES_ELSEWHERE = {"e": "exp(1)", "newaxis": "None", "power": "x**y", "matmul": "x @ y"}
"""What the names of such a module are here, where that is another one."""

OPERAND_STARTS = frozenset(["name", "number", "(", "[", "not", "None", "True", "False", "..."])
BEFORE_OPERAND = frozenset("+ - * / // % ** ^ @ < <= > >= == != and or not if else = . ( [ , :".split())
BINARY = frozenset("+ - * / // % ** ^ @ < <= > >= == != and or".split())
ENDS = ("end", "separator")

MAX_SHOWN = 24
"""Longest piece of the program repeated in a message, in characters (of an operand: also in tokens)."""


def at_token(source: Source, token: Token) -> Span:
    return Span(source, token.start, token.stop)


def clip(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."


def shown(token: Token) -> str:
    line_end = "the end of the line" if token.text.startswith("\n") else "`;`"
    return {"end": "the end of the program", "separator": line_end}.get(token.kind, f"`{clip(token.text)}`")


def line_goes_on(operator: Token) -> str:
    return f"a line continues if it ends with an operator: move the {shown(operator)} to the end of the line before"


def foreign_word(source: Source, tokens: list[Token], at: int) -> Error | None:
    """The message if one of the two tokens that do not fit is a word of another language."""
    for token in (tokens[at], tokens[at - 1]) if at else (tokens[at],):
        if token.kind == "name" and token.text in FOREIGN_WORDS:
            return Error(
                "G0108",
                f"there is no `{token.text}` in the language",
                at_token(source, token),
                help=FOREIGN_WORDS[token.text],
            )
    return None


# Where an operator could stand.


def unexpected(source: Source, tokens: list[Token], at: int) -> Error:
    """The message for a token that cannot follow an operand."""
    token = tokens[at]
    error = foreign_word(source, tokens, at) or block_in_expression(source, token)
    if error is None and token.kind in OPERAND_STARTS:
        error = missing_operator(source, tokens, at)
    return error or misplaced(source, token)


def block_in_expression(source: Source, token: Token) -> Error | None:
    """The message for `{` anywhere but behind the head of a function."""
    if token.kind != "{":
        return None
    return Error(
        "G0102", "`{` inside an expression", at_token(source, token),
        help="use `(` and `)` for grouping, `[` and `]` for lists; a block is the body of a function: "
        "`def f(x) = {u = x + 1; u**2}`",
    )  # fmt: skip


def misplaced(source: Source, token: Token) -> Error:
    span = at_token(source, token)
    if token.kind == "=":
        return Error(
            "G0107",
            "`=` inside an expression",
            span,
            help="test equality with `==`; give a name a value in a statement of its own, `q = x + y`",
        )
    if token.kind == ",":
        return Error(
            "G0102",
            "several values without brackets",
            span,
            help="several results stand in brackets: `(a, b)`; `stack([a, b])` joins them into an array",
        )
    if token.kind == ":":
        return Error("G0102", "unexpected `:`", span, help=f"a declaration is written `x: f64[n]`; {FUNCTION}")
    if token.kind == "def":
        return Error(
            "G0108",
            "`def` is only allowed at the start of a statement",
            span,
            help="define the function in a statement of its own: `def f(x) = x + 1; f(2)`",
        )
    return Error("G0102", f"unexpected {shown(token)}", span, help="statements are separated by `;` or line ends")


def missing_operator(source: Source, tokens: list[Token], at: int) -> Error:
    before, token = tokens[at - 1], tokens[at]
    message = f"missing operator between {shown(before)} and {shown(token)}"
    span = Span(source, before.start, token.stop)
    if token.kind == "not":
        negated_in = tokens[at + 1].text == "in"
        advice = FOREIGN_WORDS["in"] if negated_in else "`not` goes before a condition, as in `a and not b`"
        return Error("G0104", message, at_token(source, token) if negated_in else span, help=advice)
    for word in (before, token):
        if word.kind == "...":
            return stray_ellipsis(source, word)
        if word.kind in ("None", "True", "False"):
            return no_number(at_token(source, word))
    left, right = operand_before(source, tokens, at), operand_after(source, tokens, at)
    if left.endswith(".T") and token.kind == "(":
        return Error("G0108", "the transpose takes no arguments", at_token(source, token), help=f"write `{left}`")
    if token.kind == "[":
        return Error("G0102", "a number has no elements", span, help="an index follows a name, a call or a bracket")
    if token.kind == "(" and at > 2 and tokens[at - 2].kind in ("^", "**") and tokens[at - 3].kind == "name":
        function, power = tokens[at - 3].text, tokens[at - 2].text + before.text
        advice = f"a power of a function's value is written `{clip(function)}{right}{power}`"
    else:
        advice = f"write `{left}*{right}` for a product"
        if before.kind == "name" and len(before.text) > 1 and right != "(...)":
            advice += f", `{left}({right})` for a call"
    return Error("G0104", message, span, help=advice)


def operand_before(source: Source, tokens: list[Token], at: int) -> str:
    """The text of the operand that ends before a token, `(...)` where it is long."""
    first = at - 1
    while at - first <= MAX_SHOWN:
        if tokens[first].kind in (")", "]"):
            first = opening(tokens, first)
        before = tokens[first - 1] if first > 0 else None
        is_suffix = tokens[first].kind in ("(", "[") and before and before.kind in ("name", ")", "]")
        is_attribute = before is not None and before.kind == "."
        if not (is_suffix or is_attribute):
            return excerpt(source, tokens[max(first, 0)].start, tokens[at - 1].stop)
        first -= 2 if is_attribute else 1
    return "(...)"


def opening(tokens: list[Token], closing: int) -> int:
    """The index of the bracket that opens what token `closing` closes, or a much lower one if that is far away."""
    depth = 0
    for at in range(closing, max(-1, closing - MAX_SHOWN), -1):
        depth += (tokens[at].kind in (")", "]")) - (tokens[at].kind in ("(", "["))
        if depth == 0:
            return at
    return closing - 2 * MAX_SHOWN


def operand_after(source: Source, tokens: list[Token], at: int) -> str:
    """The text of the operand that starts at a token, with its brackets or arguments, `(...)` where it is long."""
    depth = 0
    for index in range(at, min(at + MAX_SHOWN, len(tokens))):
        token = tokens[index]
        depth += (token.kind in ("(", "[")) - (token.kind in (")", "]"))
        if depth == 0 and tokens[index + 1].kind not in ("(", "["):
            return excerpt(source, tokens[at].start, token.stop)
    return "(...)"


def excerpt(source: Source, start: int, stop: int) -> str:
    text = source.text[start:stop] if stop - start <= MAX_SHOWN else "(...)"
    return re.sub(r"\s+", " ", text) if "#" not in text else "(...)"


def attribute(source: Source, tokens: list[Token], at: int) -> Error:
    """`np.exp(x)`, `x.sum()`, `x.__class__`: only `.T` exists."""
    before, after = tokens[at - 1], tokens[at + 1]
    if after.kind != "name":
        return Error(
            "G0102",
            "unexpected `.`",
            at_token(source, tokens[at]),
            help="a decimal point goes next to a digit; the transpose is `x.T`",
        )
    if before.kind == "name" and before.text in MODULES:
        return module_prefix(source, tokens, at)
    advice = "the only attribute is `.T`, the transpose"
    if tokens[at + 2].kind == "(" and not after.text.startswith("_"):
        value = operand_before(source, tokens, at)
        unwrapped = value[1:-1] if value.startswith("(") and opening(tokens, at - 1) >= 0 else value
        advice = f"write `{clip(after.text)}({unwrapped if value != '(...)' else '...'})`; {advice}"
    return Error(
        "G0108", f"there is no attribute `.{clip(after.text)}`", Span(source, tokens[at].start, after.stop), help=advice
    )


def module_prefix(source: Source, tokens: list[Token], at: int) -> Error:
    """`np.exp(x)`, `np.linalg.norm(x)`: the function's name is enough."""
    first = tokens[at - 1]
    while tokens[at].kind == "." and tokens[at + 1].kind == "name":
        at += 2
    last = tokens[at - 1]
    span = Span(source, first.start, last.start)
    name = NAMES_ELSEWHERE.get(last.text, clip(last.text))
    call = "(...)" if tokens[at].kind == "(" and name == last.text else ""
    prefix = excerpt(source, span.start, span.stop)
    return Error("G0108", f"functions and constants are written without `{prefix}`", span, help=f"write `{name}{call}`")


# Where an operand is due.


def operand_missing(source: Source, tokens: list[Token], at: int) -> Error:
    """The message for a token that stands where a value should."""
    token = tokens[at]
    if (error := block_in_expression(source, token)) is not None:
        return error
    before = tokens[at - 1] if at and tokens[at - 1].kind in BEFORE_OPERAND else None
    if token.kind == "def":
        return misplaced(source, token)
    if token.kind == "if":
        return Error("G0108", "`if` goes between two values", at_token(source, token), help=CONDITION)
    if before is None:
        return no_left_operand(source, tokens, at)
    if token.kind in ENDS:
        return Error(
            "G0105",
            f"expected an expression after {shown(before)}",
            at_token(source, before),
            help=f"write what comes after {shown(before)}, or delete it",
        )
    if token.kind in ("*", "**") and before.kind in ("(", "[", ","):
        return Error(
            "G0102",
            f"unexpected {shown(token)}",
            at_token(source, token),
            help="write the arguments one by one; unpacking is not supported",
        )
    if token.kind == "=" and before.kind in BINARY:
        return misplaced(source, token)
    return Error(
        "G0102",
        f"expected an expression between {shown(before)} and {shown(token)}",
        Span(source, before.start, token.stop),
        help="write a number, a name or a longer expression there",
    )


def no_left_operand(source: Source, tokens: list[Token], at: int) -> Error:
    """The message for a statement that starts with an operator or the like."""
    token = tokens[at]
    advice = "write a number, a name or a longer expression before it"
    if at and tokens[at - 1].text.startswith("\n") and token.kind in BINARY:
        advice = line_goes_on(token)
    elif token.kind == "else":
        advice = CONDITION
    return Error("G0102", f"a statement cannot start with {shown(token)}", at_token(source, token), help=advice)


# Conditions, indices, arguments.


def if_without_else(source: Source, token: Token) -> Error:
    return Error(
        "G0105", "this `if` has no `else`", at_token(source, token), help="both values are needed: `a if c else b`"
    )


def else_without_if(source: Source, token: Token) -> Error:
    return Error("G0102", "this `else` has no `if`", at_token(source, token), help=CONDITION)


def condition_in_condition(source: Source, token: Token) -> Error:
    return Error(
        "G0102",
        "a second `if` before the `else` of the first",
        at_token(source, token),
        help="put brackets around the inner condition: `a if (b if c else d) else e`",
    )


def not_needs_brackets(source: Source, token: Token) -> Error:
    return Error(
        "G0102",
        "`not` cannot follow an operator that binds tighter",
        at_token(source, token),
        help="put brackets around it: `(not a)`",
    )


def no_number(span: Span | None) -> Error:
    """The message for a list or a word where only a number or an array makes sense."""
    return Error(
        "G0108",
        "expected a number or an array",
        span,
        help="an array is written `[a, b]`; None, True and False are allowed where a function or an index takes them",
    )


def tuple_for_number(span: Span | None, count: int) -> Error:
    """The message for a tuple where only a number or an array makes sense."""
    names = ", ".join("abcdefgh"[: min(count, 8)]) + (", ..." if count > 8 else "," if count == 1 else "")
    return Error(
        "G0205", "expected a number or an array, and this is a tuple", span,
        label=f"a tuple of {count}",
        help=f"take it apart, `({names}) = ...`, or one of it, `(...)[0]`; an array is written `[a, b]`",
    )  # fmt: skip


def no_closed_form(function: str, parameter: str) -> Error:
    """The message for the derivative of a function with respect to its order."""
    return Error(
        "G0401",
        f"the derivative of `{function}` with respect to `{parameter}` has no closed form",
        help="leave the inputs that it depends on out of `wrt`, or declare them as integers",
    )


def not_stated(function: str, parameter: str) -> Error:
    """The message for the derivative of a user's Numba function that was not given."""
    return Error(
        "G0401",
        f"nobody stated the derivative of `{function}` with respect to `{parameter}`",
        help=f'give it, as in `gradc.op({function}, partials={{"{parameter}": ...}})`, as text or as another function; '
        "or leave the inputs that it depends on out of `wrt`",
    )


def stray_ellipsis(source: Source, token: Token) -> Error:
    return Error(
        "G0102",
        "`...` is only allowed as an index",
        at_token(source, token),
        help="as in `x[..., 0]`; the terms of a sum are written out, or computed by `sum`",
    )


def stray_colon(source: Source, tokens: list[Token], at: int) -> Error:
    return foreign_word(source, tokens, at) or Error(
        "G0102", "unexpected `:`", at_token(source, tokens[at]), help="a slice is written `x[start:stop:step]`"
    )


def positional_after_keyword(source: Source, start: int, stop: int) -> Error:
    return Error(
        "G0102",
        "positional argument after a keyword argument",
        Span(source, start, stop),
        help="put the positional arguments first",
    )


def constant_named(name: Name) -> Error:
    """The error for a program that gives a constant another meaning."""
    return Error(
        "G0307", f"`{name.id}` is {CONSTANTS[name.id]} and cannot be given another meaning", name.span,
        help="choose another name",
    )  # fmt: skip
