"""The way from Python into a kernel: one C function for all kernels, which follows a table of what each one takes.

A built-in function made here has a tuple as its `self`: an array with the address of the first table, and the Python
function that answers calls which no table fits. CPython's vectorcall protocol is that of PEP 590; the layouts of
floats, tuples and arrays are those of CPython's and NumPy's headers.
"""

from __future__ import annotations

import ctypes
import sys
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np

from gradc.ir.held import DICT, LIST, SAME, TUPLE
from gradc.ir.types import DTYPES
from gradc.native import memory
from gradc.native.frame import Field, Frame
from gradc.native.link import Code, pointer
from gradc.native.parts import Arrangement, Steps
from gradc.native.shelf import SharedCode
from gradc.native.source import source
from gradc.native.target import llvm

SCALARS = {"f64": 0, "f32": 1, "i64": 2, "bool": 3}
ARRAY = 4
WORDS = 6
"""Words of an input or an output in a table."""
RELEASED_FROM = 20_000
"""Elements of the arguments from which a call lets other Python threads run."""
POOLED_WORK = 4_000
"""Elements of the arguments from which results get memory that earlier ones gave back."""
MAX_TABLES = 32
"""Tables that a function has for calls with certain sizes or parts."""
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
        arrangement: Arrangement,
        code: Code,
        data: Mapping[str, Any] = MappingProxyType({}),
        sizes: Mapping[str, Sequence[int]] = MappingProxyType({}),
    ):
        """`data` are inputs that are always the same, by name, as the kernel reads them; `sizes` those that arrays have
        to have for this table."""
        steps = Steps(arrangement, len(frame.outputs))
        self._kept: list[Any] = [code, data, steps]
        given = [field for field in frame.inputs if field.name not in data]
        inputs = [
            word
            for field in given
            for word in (*self._field(field), steps.places[field.name], self._section(sizes.get(field.name)))
        ]
        outputs = [word for field in frame.outputs for word in (*self._field(field), 0, 0)]
        fixed = [
            word
            for field in frame.inputs
            if field.name in data
            for pair in preset(field, data[field.name])
            for word in pair
        ]
        names = [self._name(name) for name, _ in arrangement.arguments]
        self.words = np.array(
            [
                *(0, kernel, shapes),
                *(len(names), self._section(names)),
                *(steps.steps_apart, self._section(steps.apart), steps.registers),
                *(len(given), self._section(inputs)),
                *(len(frame.outputs), self._section(outputs)),
                *(len(fixed) // 2, self._section(fixed)),
                *(steps.steps_together, self._section(steps.together), steps.made, steps.first),
                *(frame.size, frame.dims),
            ],
            np.int64,
        )

    def _name(self, name: str | None) -> int:
        """The address of a name as calls have it."""
        if name is None:
            return 0
        self._kept.append(sys.intern(name))
        return id(self._kept[-1])

    def _section(self, words: Sequence[int] | None) -> int:
        """The address of some words; 0 where there are none."""
        if not words:
            return 0
        self._kept.append(np.array(words, np.int64))
        address: int = self._kept[-1].ctypes.data
        return address

    @staticmethod
    def _field(field: Field) -> list[int]:
        rank = field.rank
        return [ARRAY if rank else SCALARS[field.dtype], id(DTYPES[field.dtype]), rank, field.slot]

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

    @property
    def is_full(self) -> bool:
        """Whether to try more of them would take longer than it saves."""
        return len(self.all) >= MAX_TABLES


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
    code = loaded(ENTRY)
    ctypes.c_void_p.from_address(code.address("handler")).value = id(memory.handler(code))
    return code


@cache
def poll_code() -> Code:
    """What tells a kernel whether the user has interrupted the process."""
    return loaded(POLL)


@cache
def released_code() -> Code:
    """What lets other Python threads run while a kernel does."""
    return loaded(RELEASE)


def loaded(shared: SharedCode) -> Code:
    """Code that all kernels share, which may call Python and NumPy."""
    _symbols()
    return Code(shared.take())


PYTHON_FUNCTIONS = (
    "PyObject_Vectorcall", "PyErr_Clear", "PyErr_Occurred", "PyErr_CheckSignals", "PyLong_AsDouble",
    "PyLong_AsLongLong", "PyFloat_FromDouble", "PyTuple_New", "PyType_GenericAlloc", "Py_IncRef", "Py_DecRef",
    "PyList_New", "PyDict_New", "PyDict_Size", "PyDict_Next", "PyDict_SetItem",
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
    types = {"float": float, "float64": np.float64, "int": int, "ndarray": np.ndarray, "tuple": tuple}
    for name, item in {**types, "true": True, "false": False}.items():
        binding.add_symbol(f"gradc_{name}", id(item))


def _text() -> str:
    """The entry, in LLVM's language."""
    items = tuple.__basicsize__
    entry = source("entry", ITEMS=items, WORDS=WORDS, ARRAY=ARRAY, RELEASED_FROM=RELEASED_FROM, POOLED_WORK=POOLED_WORK)
    parts = source(
        "parts", ITEMS=items, TUPLE=TUPLE, LIST=LIST, DICT=DICT, SAME=SAME,
        HASH="store i64 -1, ptr %hash.at, align 8" if items > 24 else "",  # Python 3.14 keeps a hash before the items
    )  # fmt: skip
    return entry + parts + memory.text()


ENTRY = SharedCode("the entry", _text)
POLL = SharedCode("the poll", lambda: source("poll"))
RELEASE = SharedCode("the release", lambda: source("released"))
