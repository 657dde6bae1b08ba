"""The order of inputs that a caller chooses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from gradc.language.diagnostics import Error
from gradc.language.errors.expressions import CONSTANTS
from gradc.language.source import Source, Span
from gradc.language.spelling import closest
from gradc.language.tokens import RESERVED
from gradc.program import Signature

WORD = re.compile(r"[^\s,]+")
NAME = re.compile(r"[A-Za-z][A-Za-z_0-9]*|_(?!_)[A-Za-z_0-9]*", re.ASCII)
EXAMPLE = 'as in inputs="t a b c" or inputs=["t", "a", "b", "c"]'


def ordered(signature: Signature, inputs: str | Iterable[str], values: Mapping[str, Span]) -> Signature:
    """The signature with its inputs in the order of `inputs`, which may name further ones, that the program does not
    use; `values` are the names that the program gives values itself.

    Raises `Error` G0604, with the place marked, for names that are missing, repeated or no inputs.
    """
    source, words = _words(inputs)
    own = signature.inputs
    found: dict[str, Span] = {}
    for word in words:
        name = word.text
        if not NAME.fullmatch(name) or name in RESERVED or name in CONSTANTS:
            raise Error("G0604", f"`{name}` cannot be the name of an input", word, help=EXAMPLE)
        if name in found:
            raise Error("G0604", f"`{name}` is named twice", word, help="drop one of them")
        if name in signature.sizes and name not in own:
            raise Error("G0604", f"`{name}` is a size, which calls find in shapes", word, help="drop it")
        if name in values:
            raise Error(
                "G0604", f"`{name}` has a value in the program", word, help="inputs are the names that have none"
            )
        found[name] = word
    missing = [name for name in own if name not in found]
    if missing:
        extra = [name for name in found if name not in own]
        is_typo = len(missing) == len(extra) == 1
        near = missing[0] if is_typo else closest(extra[0], missing) if extra else None
        raise Error(
            "G0604", f"{_listed(missing)} of the program {'is' if len(missing) == 1 else 'are'} missing",
            found[extra[0]] if near else Span(source, len(source.text), len(source.text)),
            help=f"did you mean `{near}`?" if near else f"name all of its inputs: {_listed(own)}",
        )  # fmt: skip
    return replace(signature, inputs=tuple(found))


def _words(inputs: str | Iterable[str]) -> tuple[Source, list[Span]]:
    """The names, each at its place in a text."""
    if isinstance(inputs, str):
        source = Source(inputs, "inputs")
        return source, [Span(source, *match.span()) for match in WORD.finditer(inputs)]
    if not isinstance(inputs, Iterable) or isinstance(inputs, (bytes, bytearray, memoryview)):
        raise Error("G0604", f"inputs takes the names of inputs, not {type(inputs).__name__}", help=EXAMPLE)
    names = list(inputs)
    for name in names:
        if not isinstance(name, str):
            raise Error("G0604", f"inputs takes names, not {type(name).__name__}", help=EXAMPLE)
    source = Source(" ".join(names), "inputs")
    spans, at = [], 0
    for name in names:
        spans.append(Span(source, at, at + len(name)))
        at += len(name) + 1
    return source, spans


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:10])
    return shown + (f" and {len(names) - 10:,} more" if len(names) > 10 else "")
