"""The way from Python into a kernel: one C function for all kernels, which follows a table of what each one takes.

A built-in function made here has a tuple as its `self`: an array with the address of the first table, and the Python
function that answers calls which no table fits. CPython's vectorcall protocol is that of PEP 590; the layouts of
floats, tuples and arrays are those of CPython's and NumPy's headers.
"""

from __future__ import annotations

import ctypes
import sys
import sysconfig
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

from gradc.ir.types import DTYPES
from gradc.native import memory
from gradc.native.cache import store
from gradc.native.frame import Field, Frame
from gradc.native.link import Code, pointer
from gradc.native.source import source
from gradc.native.target import identity, llvm, object_code

VALUE, VALUE_AND_GRAD, GRAD, ALL = range(4)
"""What a call returns: the first output; it and the others as gradients; only those; all of them in a tuple."""

FORMS = {"value": {"value": VALUE}, "value_and_grad": {"value_and_grad": VALUE_AND_GRAD, "grad": GRAD}}
"""The public functions that a kernel answers, and what they return."""

SCALARS = {"f64": 0, "f32": 1, "i64": 2, "bool": 3}
ARRAY = 4
HEAD = 10
"""Words of a table before the inputs. Each input that a call gives and each output has `WORDS`; then come the slots of
the frame that are always the same, and what they hold."""
WORDS = 5
RELEASED_FROM = 20_000
"""Elements of the arguments from which a call lets other Python threads run."""
POOLED_WORK = 4_000
"""Elements of the arguments from which results get memory that earlier ones gave back."""
MAX_SLOTS = 4_000
"""Slots of the largest frame that is laid out on the stack."""


def is_possible() -> bool:
    """Whether this Python lays its objects out as the entry expects."""
    return sys.implementation.name == "cpython" and not sysconfig.get_config_var("Py_GIL_DISABLED")


class Table:
    """What a kernel takes and gives, as 64-bit words that the entry reads."""

    def __init__(
        self,
        frame: Frame,
        kernel: int,
        shapes: int,
        form: int,
        kept: tuple[type | None, Code],
        data: Mapping[str, Any],
    ):
        """`data` are arguments that are always the same, by name, as the kernel reads them."""
        gradients, _ = kept
        given = [field for field in frame.inputs if field.name not in data]
        fixed = [word for field in frame.inputs if field.name in data for word in preset(field, data[field.name])]
        words = [0, kernel, shapes, len(given), len(frame.outputs), frame.size, frame.dims, form]
        words += [id(gradients) if gradients else 0, len(fixed)]
        self.kept: list[Any] = [kept, data]
        for field in given:
            name = sys.intern(field.name)
            self.kept.append(name)
            words += [*self._kind(field), id(name), field.slot]
        for field in frame.outputs:
            words += [*self._kind(field), 0, field.slot]
        words += [word for pair in fixed for word in pair]
        self.words = np.array(words, np.int64)

    @staticmethod
    def _kind(field: Field) -> list[int]:
        rank = field.rank
        return [ARRAY if rank else SCALARS[field.dtype], id(DTYPES[field.dtype]), rank]

    @property
    def address(self) -> int:
        return self.words.ctypes.data


def preset(field: Field, value: Any) -> list[tuple[int, int]]:
    """The slots of an argument, and the words that they hold."""
    if field.rank:
        return list(enumerate((value.ctypes.data, *value.shape), field.slot))
    word = np.zeros(1, np.int64)
    word.view(DTYPES[field.dtype])[0] = value
    return [(field.slot, int(word[0]))]


class Tables:
    """The tables that a function tries in turn, the newest first."""

    def __init__(self) -> None:
        self.first = np.zeros(1, np.int64)
        self.all: list[Table] = []

    def add(self, table: Table) -> None:
        table.words[0] = self.first[0]
        self.all.append(table)
        self.first[0] = table.address


def function(name: str, tables: Tables, otherwise: Callable[..., Any], doc: str = "") -> Callable[..., Any]:
    """A built-in function; `otherwise` answers calls that no table fits, and those that fail."""
    make = ctypes.pythonapi.PyCFunction_NewEx
    make.restype, make.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.py_object, ctypes.py_object]
    return make(ctypes.addressof(_definition(name, doc)[0]), _Itself((tables.first, tables, otherwise)), "gradc")


class _Itself(tuple[Any, ...]):
    """What a built-in function made here belongs to. Pickled, the function is the method that answers otherwise."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (self[-1], "__self__")


def answered_otherwise(function: Any) -> Callable[..., Any] | None:
    """What answers calls that a built-in function made here passes on; None for any other function."""
    return function.__self__[-1] if isinstance(function.__self__, _Itself) else None


class _MethodDef(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


METH_FASTCALL, METH_KEYWORDS = 0x80, 0x02


@cache
def _definition(name: str, doc: str) -> tuple[_MethodDef, Any]:
    """A method definition for each name, which lives as long as the process."""
    text = (name.encode(), doc.encode())
    return _MethodDef(text[0], entry_code().address("enter"), METH_FASTCALL | METH_KEYWORDS, text[1]), text


@cache
def entry_code() -> Code:
    """The entry, compiled once in each process, or read from disk."""
    code = loaded("the entry", lambda: _text() + memory.text())
    ctypes.c_void_p.from_address(code.address("handler")).value = id(memory.handler(code))
    return code


@cache
def poll_code() -> Code:
    """What tells a kernel whether the user has interrupted the process."""
    return loaded("the poll", lambda: source("poll"))


@cache
def released_code() -> Code:
    """What lets other Python threads run while a kernel does."""
    return loaded("the release", lambda: source("released"))


def loaded(name: str, text: Callable[[], str]) -> Code:
    _symbols()
    key = f"{name}\n{identity()}"
    data = store.load(key)
    if data is None:
        data = object_code(text())
        store.save(key, data)
    return Code(data)


PYTHON_FUNCTIONS = (
    "PyObject_Vectorcall", "PyErr_Clear", "PyErr_Occurred", "PyErr_CheckSignals", "PyLong_AsDouble",
    "PyLong_AsLongLong", "PyFloat_FromDouble", "PyTuple_New", "PyType_GenericAlloc", "Py_IncRef", "Py_DecRef",
    "PyEval_SaveThread", "PyEval_RestoreThread", "PyGILState_Ensure", "PyGILState_Release",
)  # fmt: skip
NUMPY_FUNCTIONS = {"PyArray_Scalar": 60, "PyArray_Empty": 184, "PyDataMem_SetHandler": 304}
"""Their places in NumPy's table of functions, which are part of its ABI."""


@cache
def _symbols() -> None:
    """Names for what the entry calls and looks at."""
    binding = llvm()
    for name in PYTHON_FUNCTIONS:
        binding.add_symbol(name, ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value)
    table = (ctypes.c_void_p * 305).from_address(
        pointer(vars(sys.modules["numpy._core._multiarray_umath"])["_ARRAY_API"])
    )
    for name, place in NUMPY_FUNCTIONS.items():
        binding.add_symbol(name, table[place])
    types = {"float": float, "float64": np.float64, "int": int, "ndarray": np.ndarray}
    for name, item in {**types, "true": True, "false": False}.items():
        binding.add_symbol(f"gradc_{name}", id(item))


def _text() -> str:
    items = tuple.__basicsize__
    return source(
        "entry", ITEMS=items, HEAD=HEAD, WORDS=WORDS, ARRAY=ARRAY, RELEASED_FROM=RELEASED_FROM,
        POOLED_WORK=POOLED_WORK, VALUE=VALUE, VALUE_AND_GRAD=VALUE_AND_GRAD, GRAD=GRAD,
        HASH="store i64 -1, ptr %hash.at, align 8" if items > 24 else "",  # Python 3.14 keeps a hash before the items
    )  # fmt: skip
