"""SciPy's compiled functions of numbers: where they are, and what generated modules carry to call them.

`scipy.special.cython_special` has C functions, some in several versions for other types: the signature says which one
takes and gives doubles. Code refers to them by name, so that it can be kept on disk.
"""

from __future__ import annotations

import re
from typing import Any

SYMBOL = "gradc_scipy_"
"""Before the name of a function: what compiled code calls it."""


def capsule(name: str, count: int) -> Any:
    """What holds the address of a function of so many doubles."""
    from scipy.special import cython_special

    signature = f'"double ({"double, " * count}int __pyx_skip_dispatch)"'
    for key, found in cython_special.__pyx_capi__.items():
        if re.fullmatch(rf"(__pyx_fuse_\d)?{name}", key) and signature in repr(found):
            return found
    raise ImportError(f"this version of SciPy has no compiled function `{name}`")


IMPORTS = """import re

import numpy as np
from llvmlite import ir
from llvmlite.binding import add_symbol
from numba import njit, types
from numba.core import cgutils
from numba.extending import get_cython_function_address, lower_builtin, type_callable
from scipy import special
from scipy.special import cython_special
"""

FROM_SCIPY = '''
def _from_scipy(name, count):
    """A function of so many numbers of scipy.special, which compiled code calls by name."""
    signature = f'"double ({"double, " * count}int __pyx_skip_dispatch)"'
    (key,) = [
        key
        for key, capsule in cython_special.__pyx_capi__.items()
        if re.fullmatch(rf"(__pyx_fuse_\\d)?{name}", key) and signature in repr(capsule)
    ]
    symbol = f"gradc_scipy_{name}"
    add_symbol(symbol, get_cython_function_address("scipy.special.cython_special", key))

    def called(*args):
        return getattr(special, name)(*args)

    typers = (lambda x: types.float64), (lambda x, y: types.float64), (lambda x, y, z: types.float64)
    type_callable(called)(lambda context: typers[count - 1])

    def lower(context, builder, signature, args):
        kind = ir.FunctionType(ir.DoubleType(), [ir.DoubleType()] * count + [ir.IntType(32)])
        callee = cgutils.get_or_insert_function(builder.module, kind, symbol)
        return builder.call(callee, [*args, ir.Constant(ir.IntType(32), 0)])

    lower_builtin(called, *[types.float64] * count)(lower)
    return called


'''
"""A text, because only modules that need it import what it calls."""
