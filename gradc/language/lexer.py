"""Program text to tokens: one compiled pattern, one pass, brackets matched on the way."""

from __future__ import annotations

import re

from gradc.language.diagnostics import Error
from gradc.language.errors import tokens as errors
from gradc.language.source import Source, Span
from gradc.language.tokens import OPEN, RESERVED, WORDS, Token

MAX_TEXT = 4 * 2**20
"""Longest program, in characters."""

MAX_NAME = 200
"""The longest name: compilers cut longer ones off."""

MAX_NODES = 1_500_000
"""Most tokens of a program; every syntax node takes at least one, so this bounds the tree as well."""

SURROGATE = re.compile("[\ud800-\udfff]")
"""What stands for a broken character where Python decodes bytes, and cannot be written to any file."""

BRACKETS = frozenset({*OPEN, *OPEN.values()})
CONTINUING = frozenset("+ - * / // % ** ^ @ < <= > >= == != = , and or not if else".split())
"""A line that ends with one of these goes on in the next."""


PATTERN = re.compile(
    r"""[ \t\r\f\v]*(?:\#[^\n]*)?
    (?:(?P<subscripts>(?=["'])(?:(?<=einsum\()|WORD|(?=["'](?:fro|nuc)["']))(?P<quote>["'])[^"'\n]*(?P=quote))
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<foreign>&&?|\|\|?|~|!(?!=)|!==|===|:=|=>|=<|<>|<<|>>|->|(?:\*\*|//|[-+*/%@^])=(?!=)|\.[*/^]|\.\.(?!\.))
    |(?P<number>(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9][0-9_]*)?)
    |(?P<operator>\*\*|//|<=|>=|==|!=|\.\.\.|[-+*/%@^()\[\]{},:=<>.])
    |(?P<separator>\n[ \t\r\n\f\v]*|;)
    |(?P<end>\Z)
    |(?P<stray>.))""".replace(
        "WORD", "|".join(f"(?<={word}{sign})" for word in WORDS for sign in ("=", "=[ ]", "[ ]=[ ]"))
    ),
    re.VERBOSE,
)


def tokenize(source: Source) -> list[Token]:
    """The tokens of a program, closed by one of kind "end".

    Raises `Error` for a text that is too long, a character or operator outside the language, a
    malformed number, and brackets that do not match. Separators are dropped inside round and square brackets, after
    a binary operator, and where another separator stands already.
    """
    text = source.text
    if len(text) > MAX_TEXT:
        raise Error(
            "G0501",
            f"the program has {len(text):,} characters; the limit is {MAX_TEXT:,}",
            help="split the program, or pass large data as array inputs",
        )
    if (stray := SURROGATE.search(text)) is not None:
        raise errors.lone_surrogate(source, stray.start())
    tokens: list[Token] = []
    brackets: list[Token] = []
    kind = "separator"
    for match in PATTERN.finditer(text):
        group = match.lastgroup or "end"
        stop = match.end()
        word = match[group]
        start = stop - len(word)
        if group == "subscripts":
            kind = group
        elif group == "name":
            kind = word if word in RESERVED else "name"
            if len(word) > MAX_NAME:
                raise errors.long_name(source, start, stop, MAX_NAME)
        elif group == "operator":
            kind = word
        elif group == "number":
            check_number(source, word, start, stop)
            kind = "number"
        elif group == "separator":
            inside = bool(brackets) and brackets[-1].kind != "{"
            if inside and word == ";":
                raise errors.separator_in_brackets(source, brackets[-1], start)
            if inside or kind == "separator" or (kind in CONTINUING and word != ";"):
                continue
            kind = "separator"
        elif group == "end":
            break
        else:
            raise (errors.foreign_operator if group == "foreign" else errors.stray_character)(source, word, start)
        token = Token(kind, word, start, stop)
        tokens.append(token)
        if kind in BRACKETS:
            match_bracket(source, brackets, token)
        if len(tokens) > MAX_NODES:
            raise Error(
                "G0502",
                f"the program has more than {MAX_NODES:,} names, numbers and operators",
                help="split the program, or pass large data as array inputs",
            )
    if brackets:
        raise errors.never_closed(source, brackets[-1])
    tokens.append(Token("end", "", len(text), len(text)))
    return tokens


def match_bracket(source: Source, brackets: list[Token], token: Token) -> None:
    """Push an opening bracket; let a closing one take its partner off the stack."""
    if token.kind in OPEN:
        brackets.append(token)
    elif not brackets:
        raise errors.never_opened(source, token)
    elif OPEN[brackets[-1].kind] != token.kind:
        raise errors.mismatched(source, brackets[-1], token)
    else:
        brackets.pop()


GLUED = re.compile(r"(?:[A-Za-z_0-9]|\.[0-9])[A-Za-z_0-9.]*")


def check_number(source: Source, word: str, start: int, stop: int) -> None:
    """Refuse what follows a number directly and makes it a malformed one, as in `1.2.3` and `0x10`."""
    glued = GLUED.match(source.text, stop)
    if glued or "_" in word:
        error = errors.malformed_number(source, word, glued[0] if glued else "", start)
        if error:
            raise error


MAX_DIGITS = 400
"""Longest literal, in characters; the largest float64 has 309 digits."""


def number_value(source: Source, token: Token) -> int | float:
    """The value of a literal: an `int` where it has neither point nor exponent."""
    text = token.text
    span = Span(source, token.start, token.stop)
    if len(text) > MAX_DIGITS:
        raise Error(
            "G0106",
            f"a number of {len(text):,} characters; the limit is {MAX_DIGITS}",
            span,
            help="a float64 keeps 17 significant digits: round the number",
        )
    value: int | float = int(text) if text.isdigit() or text.replace("_", "").isdigit() else float(text)
    try:
        finite = float(value) != float("inf")
    except OverflowError:
        finite = False
    if not finite:
        raise Error(
            "G0106",
            "the number is too large for float64",
            span,
            help="the largest is about 1.8e308; write `inf` for infinity",
        )
    return value
