"""SymPy's symbols as names of gradc's language."""

from __future__ import annotations

import re
from collections.abc import Container
from unicodedata import name as unicode_name

from gradc.ir.graph import fresh
from gradc.language.errors.expressions import CONSTANTS
from gradc.language.tokens import RESERVED

MAX_NAME = 200
"""The longest name that is taken over whole."""


def identifier(name: str, taken: Container[str] = ()) -> str:
    """A name of the language that reads like a symbol's: `x_1` for `x_{1}`, `lambda` for the Greek letter, and with an
    underscore behind it where it means something else, or is taken."""
    letters = []
    for letter in name[:MAX_NAME]:
        if letter == "'":
            letters.append("_prime")
        elif letter.isascii():
            letters.append(letter if letter.isalnum() else "_")
        else:
            letters.append(
                unicode_name(letter, "_").rpartition("LETTER ")[2].split(" ")[0].lower().replace("lamda", "lambda")
            )
    found = re.sub("_+", "_", re.sub(r"\W", "_", "".join(letters), flags=re.ASCII)).strip("_")
    if name.isascii() and name.isidentifier():
        found = name[:MAX_NAME]
    if not found or found[0].isdecimal():
        found = "_" + found
    return fresh(found + "_" if found in RESERVED or found in CONSTANTS else found, taken)
