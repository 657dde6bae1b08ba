"""Functions that generated modules carry along: their source is copied into the module that needs them.

They are plain Python that Numba compiles, and need `math` and `np` only.
"""

from __future__ import annotations

import inspect
import math
import re
from functools import cache

import numpy as np

# ruff: noqa: F401 (`source` finds functions by name)
from gradc.elementary import python
from gradc.elementary.functions import FUNCTIONS
from gradc.ir.gamma import _digamma, _gamma, _lgamma, _polygamma, _sin_pi, _stirling, _zeta
from gradc.ir.ops import OPS
from gradc.loops import written
from gradc.loops.large import _cos_large, _product_error, _quotient, _sin_large, _tan_large, _wave
from gradc.loops.routines import ROUTINES
from gradc.loops.written import helper

NEEDED: dict[str, tuple[str, ...]] = {
    "_add_matrix": ("_two_sum",),
    "_gamma": ("_sin_pi", "_stirling"),
    "_lgamma": ("_sin_pi", "_stirling"),
    "_polygamma": ("_zeta",),
}
"""Functions here that others call."""


def _add(total, term):
    return total + term


def _two_sum(total, low, term):
    """Add `term` to `total`; what rounding loses is kept in `low` (Knuth, TAOCP 2, 4.2.2)."""
    new = total + term
    part = new - total
    return new, low + ((total - (new - part)) + (term - part))


def _add_matrix(total, low, term, before):
    """Add a matrix to `total`, of which `low` keeps what rounding loses; it is the total where nothing came before."""
    if before == 0:
        total[:, :] = term
        return
    for i in range(total.shape[0]):
        for j in range(total.shape[1]):
            total[i, j], low[i, j] = _two_sum(total[i, j], low[i, j], term[i, j])


def _settle(total, low):
    """The end of a sum: an infinite total has a meaningless `low`."""
    return total if np.isnan(low) else total + low


def _select(condition, x, y):
    return x if condition else y


def _normal_cdf(x):
    return 0.5 * math.erfc(-0.7071067811865476 * x)


def _whole(x):
    """A whole number of any type as an integer."""
    if np.int64(x) != x:
        raise ValueError("an integer is expected, not a number with a fraction")
    return np.int64(x)


def _whole_numbers(x):
    """An array of whole numbers of any type as one of integers."""
    integers = np.asarray(x, np.int64)
    if np.any(integers != np.asarray(x)):
        raise ValueError("integers are expected, not numbers with a fraction")
    return integers


def _floor_divide(x, y):
    """`x // y` of 64-bit integers; by 0 it is 0, and the smallest integer by -1 is itself, as in NumPy. The quotient
    of that one does not exist, and the processor ends the process that asks for it."""
    if y == -1:
        return -x
    return x // y if y != 0 else 0


def _remainder(x, y):
    return x % y if y != 0 and y != -1 else 0


def _sparse_dot(left, right, left_absent, right_absent):
    """A product of matrices; zeros of a side whose elements may be absent add nothing, times infinity neither."""
    product = np.dot(left, right)
    for i in range(product.shape[0]):
        for j in range(product.shape[1]):
            if np.isnan(product[i, j]):
                product[i, j] = 0.0
                for k in range(left.shape[1]):
                    absent = (left_absent and left[i, k] == 0.0) or (right_absent and right[k, j] == 0.0)
                    if not absent:
                        product[i, j] += left[i, k] * right[k, j]
    return product


def _cell(value):
    """An integer where LAPACK finds it, which takes addresses; of a letter its code."""
    cell = np.empty(1, np.int32)
    cell[0] = value
    return cell


def _copied(to, source, count):
    """The first elements of one array in another."""
    for i in range(count):
        to[i] = source[i]


NUMPY_CALL = re.compile(r"np\.(\w+)\(([^()]*)\)")
"""How the op table writes a function of NumPy's, alone or in a formula."""

WRAPPERS = {
    f"_np_{called[1]}": f"def _np_{called[1]}({', '.join(row.params)}):\n    return {called[0].format(*row.params)}"
    for row in OPS.values()
    if (called := NUMPY_CALL.search(row.python))
}
"""Functions of NumPy's under names of their own. Numba makes a loop of every call of such a function, and takes more
than linear time for many loops in one function; these it compiles once."""

HELPERS = {name for name, value in list(globals().items()) if inspect.isfunction(value) and name.startswith("_")}
"""Every function here that a module may carry."""
HELPERS |= WRAPPERS.keys()

ELEMENTARY = {f"_{op}_in_loops" if f"_{op}" in HELPERS else f"_{op}": op for op in OPS if op in FUNCTIONS}
"""Functions as arithmetic, and the ops that they compute: a loop that calls them uses vectors."""
HELPERS |= ELEMENTARY.keys()

SCIPY = {f"_scipy_{row.scipy}": (row.scipy, len(row.params)) for row in OPS.values() if row.scipy}
"""Functions of SciPy's that modules call, and how many numbers each takes."""
HELPERS |= SCIPY.keys()
MATRICES = {helper(op, dtype): (op, dtype) for op in ROUTINES for dtype in ("f64", "f32")}
"""Functions of whole matrices that call LAPACK, and what each does."""
HELPERS |= MATRICES.keys()
NEEDED |= dict.fromkeys(MATRICES, ("_cell", "_copied"))
_OF_LOOPS = {op: name for name, op in ELEMENTARY.items()}


@cache
def elementary(op: str) -> str:
    """The function of arithmetic that computes an op, or ""."""
    name = _OF_LOOPS.get(op, "")
    return name if name and (python.is_printable(op) or OPS[op].python.startswith(f"{name}(")) else ""


@cache
def source(name: str) -> str:
    """The source of a function of this module, without the prose that only its reader here needs."""
    if name in MATRICES:
        return written.source(*MATRICES[name])[0]
    if name in ELEMENTARY:
        return python.source(ELEMENTARY[name], name)
    return WRAPPERS[name] if name in WRAPPERS else inspect.getsource(globals()[name]).strip()


REASSOCIATED = {"_add"}
"""Functions whose additions the compiler may reorder, so that sums over a block use vectors."""
