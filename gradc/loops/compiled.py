"""SciPy's compiled functions of numbers: where they are, and what generated modules carry to call them.

`scipy.special.cython_special` has C functions, some in several versions for other types: the signature says which one
takes and gives doubles. Code refers to them by name, so that it can be kept on disk.
"""

from __future__ import annotations

import re
import sys
from functools import cache
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

SYMBOL = "gradc_scipy_"
"""Before the name of a function: what compiled code calls it."""


def blas(name: str) -> Any:
    """What holds the address of a routine of BLAS."""
    return _of_linalg("cython_blas").__pyx_capi__[name]


def lapack(name: str) -> Any:
    """What holds the address of a routine of LAPACK."""
    return _of_linalg("cython_lapack").__pyx_capi__[name]


def lapack_file() -> str:
    """The compiled module through which SciPy's LAPACK is reached."""
    return str(_of_linalg("cython_lapack").__file__)


@cache
def _of_linalg(name: str) -> Any:
    """A compiled module of scipy.linalg, without the rest of it, which takes ten times as long to import."""
    full = f"scipy.linalg.{name}"
    scipy = find_spec("scipy")
    if full not in sys.modules and scipy is not None and scipy.origin is not None:
        found = PathFinder.find_spec(name, [str(Path(scipy.origin).with_name("linalg"))])
        spec = spec_from_file_location(full, found.origin) if found is not None and found.origin else None
        if spec is not None and spec.loader is not None:
            try:
                module = module_from_spec(spec)
                spec.loader.exec_module(module)
                return module
            except ImportError:  # it needs the package around it
                pass
    return import_module(full)


def capsule(name: str, count: int) -> Any:
    """What holds the address of a function of so many doubles."""
    from scipy.special import cython_special

    signature = f'"double ({"double, " * count}int __pyx_skip_dispatch)"'
    for key, found in cython_special.__pyx_capi__.items():
        if re.fullmatch(rf"(__pyx_fuse_\d)?{name}", key) and signature in repr(found):
            return found
    raise ImportError(f"this version of SciPy has no compiled function `{name}`")


def imports_of(modules: set[str], special: bool, lapack: bool) -> str:
    """What a module imports that calls functions of SciPy's, or of LAPACK's, and uses these modules of Python."""
    standard = modules | ({"re"} if special else set()) | ({"ctypes"} if lapack else set())
    lines = [
        *(f"import {name}" for name in sorted(standard)),
        *["from inspect import Parameter, Signature"] * lapack,
        "",
        "import numpy as np",
        "from llvmlite import ir",
    ]
    lines += [
        "from llvmlite.binding import add_symbol",
        "from numba import njit, types",
        "from numba.core import cgutils",
    ]
    lines.append("from numba.extending import get_cython_function_address, lower_builtin, type_callable")
    if special:
        lines += ["from scipy import special", "from scipy.special import cython_special"]
    return "\n".join(lines) + "\n"


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

FROM_LAPACK = '''
def _from_lapack(name, count):
    """A routine of LAPACK, in SciPy, with so many arguments: arrays, whose addresses it gets."""
    symbol = f"gradc_lapack_{name}"
    address = get_cython_function_address("scipy.linalg.cython_lapack", name)
    add_symbol(symbol, address)
    routine = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * count)(address)

    def called(*args):
        routine(*[array.ctypes.data for array in args])

    def typer(*args):
        return types.none(*args)

    typer.pysig = Signature([Parameter(f"x{k}", Parameter.POSITIONAL_ONLY) for k in range(count)])
    type_callable(called)(lambda context: typer)

    def lower(context, builder, signature, args):
        pointer = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [pointer] * count)
        callee = cgutils.get_or_insert_function(builder.module, kind, symbol)
        arrays = [context.make_array(t)(context, builder, arg) for t, arg in zip(signature.args, args)]
        builder.call(callee, [builder.bitcast(array.data, pointer) for array in arrays])
        return context.get_dummy_value()

    lower_builtin(called, types.VarArg(types.Any))(lower)
    return called


'''
"""The same for whole matrices."""
