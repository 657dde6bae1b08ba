"""Functions that generated modules carry along: their source is copied into the module that needs them.

They are plain Python that Numba compiles, and need `math` and `np` only.
"""

from __future__ import annotations

import inspect
from functools import cache

import numpy as np

from gradc.ir.gamma import _digamma, _gamma, _lgamma, _polygamma, _zeta  # noqa: F401 (`source` finds them by name)

CALLED = {"gamma": "_gamma", "lgamma": "_lgamma", "digamma": "_digamma", "polygamma": "_polygamma"}
"""Ops of the table that become a call of a function here."""

NEEDED = {"_polygamma": ("_zeta",)}
"""Functions here that others call."""


def _add(total, term):
    return total + term


def _two_sum(total, low, term):
    """Add `term` to `total`; what rounding loses is kept in `low` (Knuth, TAOCP 2, 4.2.2)."""
    new = total + term
    part = new - total
    return new, low + ((total - (new - part)) + (term - part))


def _settle(total, low):
    """The end of a sum: an infinite total has a meaningless `low`."""
    return total if np.isnan(low) else total + low


@cache
def source(name: str) -> str:
    """The source of a function of this module, without the prose that only its reader here needs."""
    return inspect.getsource(globals()[name]).strip()


REASSOCIATED = {"_add"}
"""Functions whose additions the compiler may reorder, so that sums over a block use vectors."""
