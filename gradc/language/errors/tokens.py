"""Messages for text that is no token: foreign characters and operators, numbers, brackets."""

from __future__ import annotations

import re
import unicodedata

from gradc.language.diagnostics import Error
from gradc.language.source import Source, Span
from gradc.language.spelling import closest
from gradc.language.tokens import OPEN, WORDS, Token

OPERATORS = {
    "&&": "write `and`",
    "||": "write `or`; a norm is `norm(x)`",
    "&": "conditions are joined with `and`",
    "|": "conditions are joined with `or`; the absolute value is `abs(x)`",
    "~": "a condition is negated with `not`",
    "<>": "write `!=`",
    "===": "write `==`",
    "!==": "write `!=`",
    ":=": "write `=`, as a statement of its own: `q = x + y; q * z`",
    "=>": "greater or equal is `>=`; a function is written `f(x) = x + 1`",
    "=<": "write `<=`",
    "->": "a function is written `f(x) = x + 1`",
    "<<": "there are no shifts: write `x * 2**n`",
    ">>": "there are no shifts: write `x // 2**n`",
    "..": "a range in an index is a slice, `x[1:3]`; `...` stands for all axes that are not named",
    ".*": "write `*`, which is elementwise already; the matrix product is `@`",
    "./": "write `/`, which is elementwise already",
    ".^": "write `**` or `^`, which are elementwise already",
}
"""Operators that other languages have, and what to write here."""

CHARACTERS = {
    "-": "−–—‐‑‒﹣－➖",
    "+": "＋➕",
    "*": "×·⋅∗∙•✕✖＊⨉",
    "/": "÷∕⁄／➗",
    "**": "↑",
    "<=": "≤⩽≦",
    ">=": "≥⩾≧",
    "!=": "≠",
    "==": "≡≟⩵",
    "=": "≔≝←",
    "<": "‹〈",
    ">": "›〉",
    "and": "∧⋀",
    "or": "∨⋁",
    "not": "¬",
    "...": "…⋯",
    "pi": "π𝜋𝛑",
    "inf": "∞",
    "sqrt(x)": "√",
    "cbrt(x)": "∛",
    "sum(x)": "∑",
    "prod(x)": "∏",
    ".T": "ᵀ⊤",
    "@": "∘⊗",
    "1/2": "½",
    "1/4": "¼",
    "3/4": "¾",
    "1/3": "⅓",
    "2/3": "⅔",
    "deg * pi/180": "°",
    ",": "，、",
    ";": "；\u037e",
    ":": "：∶",
    "(": "（",
    ")": "）",
    "[": "［⟦",
    "]": "］⟧",
}
"""What to write for mathematical characters outside ASCII."""

ASCII_FOR = {character: ascii for ascii, characters in CHARACTERS.items() for character in characters}

GREEK = dict(
    zip(
        "αβγδεζηθικλμνξορςστυφχψωΓΔΘΛΞΠΣΦΨΩϵϑϕµ∂∇",
        "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi o rho sigma sigma tau upsilon phi "
        "chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega epsilon theta phi mu d grad".split(),
        strict=True,
    )
)
LOOKALIKE = dict(
    zip(
        "аеорсухіјѕһԁԛԝкмтвАВЕКМНОРСТХУІЈЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
        "aeopcyxijshdqwkmtbABEKMHOPCTXYIJSABEZHIKMNOPTYX",
        strict=True,
    )
)
SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n", strict=True))
SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True))
LATEX = {
    "frac": "a / b",
    "cdot": "*",
    "times": "*",
    "div": "/",
    "left": "(",
    "right": ")",
    "le": "<=",
    "leq": "<=",
    "ge": ">=",
    "geq": ">=",
    "ne": "!=",
    "neq": "!=",
    "land": "and",
    "lor": "or",
    "neg": "not",
    "infty": "inf",
    "sum": "sum(x)",
    "prod": "prod(x)",
    "ln": "log",
    "operatorname": "f(x)",
    "mathrm": "f(x)",
}
QUOTES = "\"'`“”‘’„‚«»′″´"


def foreign_operator(source: Source, word: str, start: int) -> Error:
    span = Span(source, start, start + len(word))
    if word == "!":
        before = source.text[:start].rstrip()[-1:] if start < 80 else source.text[start - 80 : start].rstrip()[-1:]
        follows_operand = before.isalnum() or before in ("_", ")", "]")
        advice = "a factorial is written `factorial(n)`" if follows_operand else "write `not`"
    elif word in OPERATORS:
        advice = OPERATORS[word]
    else:
        advice = f"give the result a new name: `q = x {word[:-1]} y`; a name gets its value once"
    return Error("G0107", f"there is no operator `{word}`", span, help=advice)


def stray_character(source: Source, character: str, start: int) -> Error:
    """The message for one character that starts no token."""
    for describe in (quoted, exponent, ascii_form, foreign_letter, plain_ascii, invisible):
        error = describe(source, character, start)
        if error:
            return error
    return Error(
        "G0101",
        f"unexpected character {show(character)}",
        Span(source, start, start + 1),
        help="programs are written in ASCII: letters, digits, and the operators of the language",
    )


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
        span = Span(source, start, start + 1)
        return Error(
            "G0101",
            f"{show(character)} does not transpose or differentiate here",
            span,
            help="the transpose of `x` is `x.T`; derivatives are computed from the program, not written in it",
        )
    stop = start + (closing.end() + 1 if closing else 1)
    argument = re.search(r"\b(\w+)\s*=\s*\Z", source.text[max(start - 80, 0) : start])
    near = closest(argument[1], WORDS) if argument else None
    return Error(
        "G0108",
        "there are no strings in the language",
        Span(source, start, stop),
        help=f"did you mean `{near}={source.text[start:stop]}`?" if near and near != (argument and argument[1])
        else "names are written without quotes; the program works on numbers and arrays only",
    )  # fmt: skip


def exponent(source: Source, character: str, start: int) -> Error | None:
    """`x²`: the whole run of superscripts; `x₁`: of subscripts."""
    for table, form, what in ((SUPERSCRIPTS, "**{}", "an exponent"), (SUBSCRIPTS, "{}", "an index in a name")):
        if character in table:
            run = re.match(f"[{''.join(table)}]+", source.text[start : start + 40])
            assert run is not None
            ascii = form.format("".join(table[c] for c in run[0]))
            return Error(
                "G0101",
                f"unexpected character {show(character)}",
                Span(source, start, start + len(run[0])),
                help=f"{what} is written `{ascii}`",
            )
    return None


def ascii_form(source: Source, character: str, start: int) -> Error | None:
    ascii = ASCII_FOR.get(character)
    if ascii is None:
        return None
    return Error(
        "G0101",
        f"unexpected character {show(character)}",
        Span(source, start, start + 1),
        help=f"write `{ascii}` instead",
    )


def foreign_letter(source: Source, character: str, start: int) -> Error | None:
    """Letters that look like ASCII ones, Greek letters, full-width and mathematical alphabets."""
    span = Span(source, start, start + 1)
    likely = transliterate(character)
    if likely is None and character.isalpha():
        return Error(
            "G0101",
            f"unexpected letter {show(character)}",
            span,
            help="names are made of ASCII letters, digits and `_`",
        )
    if likely is None:
        return None
    is_lookalike = character not in GREEK and likely.isalpha()
    if not is_lookalike:
        return Error("G0101", f"unexpected character {show(character)}", span, help=f"write `{likely}` instead")
    nearby = source.text[max(0, start - 30) : start + 30]
    word = next(m[0] for m in re.finditer(r"\w+", nearby) if m.start() <= min(start, 30) < m.end())
    letters = [c if c.isascii() else transliterate(c) or "" for c in word]
    plain = "".join(letters) if all(letters) else likely
    return Error(
        "G0101",
        f"{show(character)} only looks like the letter `{likely}`",
        span,
        help=f"retype `{plain}` in ASCII letters",
    )


def transliterate(character: str) -> str | None:
    """The ASCII text that a foreign character most likely stands for."""
    folded = unicodedata.normalize("NFKC", character)
    known = LOOKALIKE.get(character) or GREEK.get(character) or GREEK.get(folded)
    if known:
        return known
    is_plain = folded.isascii() and folded.isprintable() and folded.strip()
    return folded if is_plain and not character.isascii() else None


def plain_ascii(source: Source, character: str, start: int) -> Error | None:
    latex = re.match(r"\\([A-Za-z]+)", source.text[start : start + 40])
    if latex:
        return Error(
            "G0101",
            f"`{latex[0]}` is LaTeX",
            Span(source, start, start + len(latex[0])),
            help=f"write `{LATEX.get(latex[1], latex[1])}`",
        )
    advice = {
        "\\": "a line continues inside brackets, and after an operator at its end",
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
        return Error("G0101", f"non-ASCII space: {show(character)}", span, help="replace it with an ordinary space")
    if category == "Cc":
        return Error("G0101", f"unexpected control character U+{ord(character):04X}", span, help="delete it")
    if category in {"Cf", "Cs", "Cn", "Co"}:
        return Error("G0101", f"unexpected invisible character {show(character)}", span, help="delete it")
    return None


DIGITS_AND_UNDERSCORES = re.compile(
    r"(?P<digits>[0-9]+(_[0-9]+)*)?(\.([0-9]+(_[0-9]+)*)?)?([eE][-+]?[0-9]+(_[0-9]+)*)?"
)


def malformed_number(source: Source, word: str, glued: str, start: int) -> Error | None:
    """The message for a number with something stuck to it; None where only a `*` is missing (`2x`)."""
    span = Span(source, start, start + len(word) + len(glued))
    product = f"for a product with a variable write `{word}*{glued}`" if len(word) < 30 else "a product needs `*`"
    if word == "0" and re.match(r"[xX][0-9a-fA-F]|[bB][01]|[oO][0-7]", glued):
        return Error(
            "G0106", "the number is not decimal", span, help="numbers are written in decimal, as `16` or `1.6e1`"
        )
    if glued in ("j", "J"):
        return Error("G0106", "there are no imaginary numbers", span, help=f"all values are real; {product}")
    if glued in ("e", "E"):
        return Error("G0106", "the exponent of the number has no digits", span, help=f"as in `1e-3`; {product}")
    if glued.startswith(".") and "e" in word.lower():
        return Error(
            "G0106",
            "the exponent of the number is not a whole number",
            span,
            help="write the power out, as in `10**0.5`",
        )
    if glued.startswith("."):
        advice = "a slice is written `x[1:3]`" if word.endswith(".") else "a product needs `*`"
        return Error("G0106", "the number has two decimal points", span, help=f"write one decimal point; {advice}")
    if "_" in word and not DIGITS_AND_UNDERSCORES.fullmatch(word):
        return Error("G0106", "a `_` in a number must be between two digits", span, help="as in `1_000`")
    return None


def never_closed(source: Source, bracket: Token) -> Error:
    partner = OPEN[bracket.kind]
    return Error(
        "G0103",
        f"this `{bracket.kind}` is never closed",
        Span(source, bracket.start, bracket.stop),
        help=f"add the missing `{partner}`",
    )


def never_opened(source: Source, bracket: Token) -> Error:
    partner = {closing: opening for opening, closing in OPEN.items()}[bracket.kind]
    return Error(
        "G0103",
        f"unmatched `{bracket.kind}`",
        Span(source, bracket.start, bracket.stop),
        help=f"delete it, or add the missing `{partner}` before it",
    )


def mismatched(source: Source, opening: Token, closing: Token) -> Error:
    partner = OPEN[opening.kind]
    line, column = source.position(opening.start)
    return Error(
        "G0103",
        f"`{closing.kind}` cannot close the `{opening.kind}` at line {line}, column {column}",
        Span(source, closing.start, closing.stop),
        help=f"write `{partner}` here, or close the `{opening.kind}` before",
    )


def separator_in_brackets(source: Source, opening: Token, start: int) -> Error:
    partner = {"(": ")", "[": "]"}[opening.kind]
    return Error(
        "G0103",
        f"this `{opening.kind}` is not closed before the statement ends",
        Span(source, opening.start, opening.stop),
        help=f"add the missing `{partner}` before `;`",
    )


def lone_surrogate(source: Source, place: int) -> Error:
    """Half a character, wherever it stands: not even a comment with it can be written to a file."""
    character = source.text[place]
    return Error(
        "G0101", f"U+{ord(character):04X} is half a character", Span(source, place, place + 1),
        help="it stands for a byte that could not be read as text: delete it, or decode the program as UTF-8",
    )  # fmt: skip


def long_name(source: Source, start: int, stop: int, limit: int) -> Error:
    return Error(
        "G0501", f"a name has {stop - start:,} characters; the limit is {limit}", Span(source, start, stop),
        help="choose a shorter one",
    )  # fmt: skip
