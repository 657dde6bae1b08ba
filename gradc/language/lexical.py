"""Messages for text that is no token: foreign characters and operators, numbers, brackets."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from gradc.language.diagnostics import Error
from gradc.language.source import Source, Span

if TYPE_CHECKING:
    from gradc.language.tokens import Token

OPERATORS = {
    "&&": "write `and`",
    "||": "write `or`",
    "&": "conditions are joined with `and`",
    "|": "conditions are joined with `or`; the absolute value is `abs(x)`",
    "~": "a condition is negated with `not`",
    "<>": "write `!=`",
    "===": "write `==`",
    "!==": "write `!=`",
    ":=": "write `=`, as a statement of its own: `q = x + y; q * z`",
    "=>": "greater or equal is `>=`; a function is written `def f(x) = x + 1`",
    "=<": "write `<=`",
    "->": "a function is written `def f(x) = x + 1`",
    "<<": "there are no shifts: write `x * 2**n`",
    ">>": "there are no shifts: write `x // 2**n`",
    "..": "a range in an index is a slice, `x[1:3]`; `...` stands for all axes that are not named",
    ".*": "write `*`, which is elementwise already; the matrix product is `@`",
    "./": "write `/`, which is elementwise already",
    ".^": "write `**` or `^`, which are elementwise already",
}
"""Operators that other languages have, and what to write here."""

CHARACTERS = {
    "-": "−–—‐‑‒﹣－➖", "+": "＋➕", "*": "×·⋅∗∙•✕✖＊⨉", "/": "÷∕⁄／➗", "**": "↑", "<=": "≤⩽≦", ">=": "≥⩾≧", "!=": "≠",
    "==": "≡≟⩵", "=": "≔≝←", "<": "‹〈", ">": "›〉", "and": "∧⋀", "or": "∨⋁", "not ": "¬", "...": "…⋯", "pi": "π𝜋𝛑",
    "inf": "∞", "sqrt(x)": "√", "cbrt(x)": "∛", "sum(x)": "∑Σ", "prod(x)": "∏Π", ".T": "ᵀ⊤", "@": "∘⊗", "1/2": "½",
    "1/4": "¼", "3/4": "¾", "1/3": "⅓", "2/3": "⅔", "deg * pi/180": "°", ",": "，、", ";": "；\u037e", ":": "：∶",
    "(": "（", ")": "）", "[": "［⟦", "]": "］⟧",
}
"""What to write for mathematical characters outside ASCII."""

ASCII_FOR = {character: ascii for ascii, characters in CHARACTERS.items() for character in characters}

GREEK = dict(zip(
    "αβγδεζηθικλμνξορςστυφχψωΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΡΤΥΦΧΨΩϵϑϕµ∂∇",
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lam mu nu xi omicron rho sigma sigma tau upsilon phi chi "
    "psi omega Alpha Beta Gamma Delta Epsilon Zeta Eta Theta Iota Kappa Lambda Mu Nu Xi Omicron Rho Tau Upsilon Phi Chi "
    "Psi Omega epsilon theta phi mu d grad".split(),
    strict=True,
))
LOOKALIKE = dict(zip(
    "аеорсухіјѕһԁԛԝкмтвАВЕКМНОРСТХУІЈЅ",
    "aeopcyxijshdqwkmtbABEKMHOPCTXYIJS",
    strict=True,
))
SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n", strict=True))
SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True))
QUOTES = "\"'`“”‘’„‚«»′″´"


def foreign_operator(source: Source, word: str, start: int) -> Error:
    span = Span(source, start, start + len(word))
    if word == "!":
        operand_follows = re.match(r"!\s*[A-Za-z0-9_(]", source.text[start : start + 80])
        advice = "write `not`" if operand_follows else "a factorial is written `gamma(n + 1)`"
    elif word in OPERATORS:
        advice = OPERATORS[word]
    else:
        advice = f"write the result as a new name: `q = x {word[:-1]} y`; no name is given a value twice"
    return Error("G0107", f"the operator `{word}` does not exist here", span, help=advice)


def stray_character(source: Source, character: str, start: int) -> Error:
    """The message for one character that starts no token."""
    for describe in (quoted, exponent, ascii_form, foreign_letter, plain_ascii, invisible):
        error = describe(source, character, start)
        if error:
            return error
    return Error("G0101", f"unexpected character {show(character)}", Span(source, start, start + 1),
                 help="programs are written in ASCII: letters, digits, and the operators of the language")


def show(character: str) -> str:
    """A character so that it can be recognised: itself, its code point, its name."""
    name = unicodedata.name(character, "").lower()
    code = f"U+{ord(character):04X}"
    if character.isascii() and character.isprintable():
        return f"`{character}`"
    return f"`{character}` ({code}, {name})" if character.isprintable() and name else f"{code} {name}".rstrip()


def quoted(source: Source, character: str, start: int) -> Error | None:
    if character not in QUOTES:
        return None
    line_end = source.text.find("\n", start)
    line = source.text[start : line_end if line_end >= 0 else None][:200]
    closing = re.search(f"[{QUOTES}]", line[1:])
    before = source.text[start - 1 : start]
    if closing is None and character in "'′´’" and (before.isalnum() or before in {")", "]", "_"}):
        return Error("G0101", f"{show(character)} does not transpose or differentiate here", Span(source, start, start + 1),
                     help="the transpose of `x` is `x.T`; derivatives are computed from the program, not written in it")
    stop = start + (closing.end() + 1 if closing else 1)
    return Error("G0108", "there are no strings in the language", Span(source, start, stop),
                 help="names are written without quotes; the program works on numbers and arrays only")


def exponent(source: Source, character: str, start: int) -> Error | None:
    """`x²`: the whole run of superscripts; `x₁`: of subscripts."""
    for table, form, what in ((SUPERSCRIPTS, "**{}", "an exponent"), (SUBSCRIPTS, "{}", "an index in a name")):
        if character in table:
            run = re.match(f"[{''.join(table)}]+", source.text[start : start + 40])
            assert run is not None
            ascii = form.format("".join(table[c] for c in run[0]))
            return Error("G0101", f"unexpected character {show(character)}", Span(source, start, start + len(run[0])),
                         help=f"{what} is written `{ascii}`")
    return None


def ascii_form(source: Source, character: str, start: int) -> Error | None:
    ascii = ASCII_FOR.get(character)
    if ascii is None:
        return None
    return Error("G0101", f"unexpected character {show(character)}", Span(source, start, start + 1),
                 help=f"write `{ascii.strip()}` instead")


def foreign_letter(source: Source, character: str, start: int) -> Error | None:
    """Letters that look like ASCII ones, Greek letters, full-width and mathematical alphabets."""
    folded = unicodedata.normalize("NFKC", character)
    likely = LOOKALIKE.get(character) or GREEK.get(character) or GREEK.get(folded)
    if likely is None and folded.isascii() and folded.isprintable() and folded.strip() and not character.isascii():
        likely = folded
    if likely:
        return Error("G0101", f"unexpected character {show(character)}", Span(source, start, start + 1),
                     help=f"write `{likely}` instead: only ASCII letters, digits and signs are read")
    if character.isalpha():
        return Error("G0101", f"unexpected letter {show(character)}", Span(source, start, start + 1),
                     help="names are made of ASCII letters, digits and `_`")
    return None


def plain_ascii(source: Source, character: str, start: int) -> Error | None:
    latex = re.match(r"\\([A-Za-z]+)", source.text[start : start + 40])
    if latex:
        return Error("G0101", f"`{latex[0]}` is LaTeX", Span(source, start, start + len(latex[0])),
                     help=f"write it without the backslash, as in `{latex[1]}(x)` or `a / b`")
    advice = {
        "\\": "a line goes on inside brackets, and after an operator at its end",
        "{": "use `(` and `)` for grouping, `[` and `]` for lists; there are no sets and dictionaries",
        "}": "use `(` and `)` for grouping, `[` and `]` for lists; there are no sets and dictionaries",
        "?": "a condition is written `a if c else b`",
        "$": "names are written without `$`",
    }.get(character)
    if advice is None:
        return None
    return Error("G0101", f"unexpected character `{character}`", Span(source, start, start + 1), help=advice)


def invisible(source: Source, character: str, start: int) -> Error | None:
    category = unicodedata.category(character)
    span = Span(source, start, start + 1)
    if category in {"Zs", "Zl", "Zp"} or character == "\x85":
        return Error("G0101", f"a space that is not plain: {show(character)}", span, help="replace it by a plain space")
    if category in {"Cc", "Cf", "Cs", "Cn", "Co"}:
        return Error("G0101", f"an invisible character: {show(character)}", span, help="delete it")
    return None


def malformed_number(source: Source, word: str, glued: str, start: int) -> Error | None:
    """The message for a number with something stuck to it; None where only a `*` is missing (`2x`)."""
    span = Span(source, start, start + len(word) + len(glued))
    lower = glued.lower()
    if re.fullmatch(r"0", word) and re.match(r"x[0-9a-f]|b[01]|o[0-7]", lower):
        return Error("G0106", f"`{span.text[:40]}` is not decimal", span, help="numbers are written in decimal, as `16` or `1.6e1`")
    if lower == "j":
        return Error("G0106", "imaginary numbers do not exist here", span,
                     help=f"all values are real; for a product with a variable write `{word}*{glued}`")
    if lower == "e":
        return Error("G0106", "the exponent of the number has no digits", span,
                     help=f"write it as in `{word}e-3`; for a product with a variable write `{word}*{glued}`")
    if glued.startswith("."):
        return Error("G0106", "a number with two points", span, help="write one decimal point; a product needs `*`")
    if "_" in word and not re.fullmatch(r"[0-9]*(_[0-9]+)*(\.[0-9]*(_[0-9]+)*)?([eE][-+]?[0-9]+(_[0-9]+)*)?", word):
        return Error("G0106", "`_` may only stand between two digits of a number", span, help="write it as in `1_000`")
    return None


def never_closed(source: Source, bracket: Token) -> Error:
    partner = {"(": ")", "[": "]"}[bracket.kind]
    return Error("G0103", f"this `{bracket.kind}` is never closed", Span(source, bracket.start, bracket.stop),
                 help=f"add the missing `{partner}`")


def never_opened(source: Source, bracket: Token) -> Error:
    partner = {")": "(", "]": "["}[bracket.kind]
    return Error("G0103", f"this `{bracket.kind}` closes nothing", Span(source, bracket.start, bracket.stop),
                 help=f"delete it, or add the missing `{partner}` before it")


def mismatched(source: Source, opening: Token, closing: Token) -> Error:
    partner = {"(": ")", "[": "]"}[opening.kind]
    line, column = source.position(opening.start)
    return Error("G0103", f"`{closing.kind}` cannot close the `{opening.kind}` at line {line}, column {column}",
                 Span(source, closing.start, closing.stop), help=f"write `{partner}` here, or close the `{opening.kind}` before")


def separator_in_brackets(source: Source, opening: Token, start: int) -> Error:
    partner = {"(": ")", "[": "]"}[opening.kind]
    return Error("G0103", f"this `{opening.kind}` is not closed before the statement ends",
                 Span(source, opening.start, opening.stop), help=f"add the missing `{partner}` before `;`")
