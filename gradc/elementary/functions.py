"""All elementary functions by name: parameters, and text."""

from __future__ import annotations

from gradc.elementary.exponential import EXPONENTIAL
from gradc.elementary.normal import NORMAL
from gradc.elementary.quotients import QUOTIENTS
from gradc.elementary.series import SERIES
from gradc.elementary.special import SPECIAL
from gradc.elementary.trigonometric import TRIGONOMETRIC


def _read(texts: dict[str, str]) -> dict[str, tuple[tuple[str, ...], str]]:
    """`"pow(x, y)"` is a name and its parameters."""
    found = {}
    for head, text in texts.items():
        name, _, params = head.rstrip(")").partition("(")
        found[name] = tuple(params.replace(",", " ").split()), text
    return found


TEXTS = EXPONENTIAL | TRIGONOMETRIC | SPECIAL | NORMAL | SERIES | QUOTIENTS
FUNCTIONS = _read(TEXTS)
