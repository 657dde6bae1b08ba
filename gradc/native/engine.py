"""The native engine: kernels as machine code, called with arrays."""

from __future__ import annotations

import ctypes
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple
from functools import cache, partial
from itertools import accumulate
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from gradc.ir import own
from gradc.ir.held import ONE, tuple_of
from gradc.ir.types import DTYPES
from gradc.language.record import dataclass
from gradc.loops.compiled import SYMBOL, blas, capsule, lapack
from gradc.native import entry, library, link, openblas, target, threads
from gradc.native.background import Background
from gradc.native.cache import store
from gradc.native.frame import WHICH, Field, Frame, Status
from gradc.native.modules import divided
from gradc.native.parts import Arrangement, plain
from gradc.native.shelf import SharedCode

if TYPE_CHECKING:
    from gradc.loops.ir import Kernel

WORTH_A_THREAD = 30_000
"""Characters of a module that LLVM takes longer for, some 30 ms, than it takes to hand them to a thread."""
KINDS = {"ValueError": ValueError, "IndexError": IndexError, "LinAlgError": np.linalg.LinAlgError}


class NativeKernel:
    """A kernel that is loaded; called with arrays and scalars of the types that it was made for, it gives all outputs.

    Nothing that it holds refers back to it: its code goes as soon as nobody can call it.
    """

    def __init__(self, made: Built):
        self.loaded = _Loaded(made)
        self.is_new = True
        self._call: Callable[..., Sequence[Any]] | None = None

    def __call__(self, arrays: Sequence[Any], sizes: dict[str, int]) -> Sequence[Any]:
        if self.is_new:  # the first answer does not wait for the entry, which may have to be compiled
            self.is_new = False
            return self.loaded(*arrays)
        return self.call(*[array if isinstance(array, np.ndarray) else _python_number(array) for array in arrays])

    @property
    def call(self) -> Callable[..., Sequence[Any]]:
        """A function of arrays and Python numbers that gives all outputs."""
        if self._call is None:
            loaded = self.loaded
            self._call = loaded
            if entry.is_possible() and loaded.frame.size <= entry.MAX_SLOTS:
                tables = entry.Tables()
                frame = loaded.frame
                everything = [tuple_of(len(frame.outputs)), *ONE * len(frame.outputs)]
                tables.add(self.table(plain([field.name for field in frame.inputs], everything)))
                self._call = entry.function("kernel", tables, loaded)
        return self._call

    def into(self, arrays: Sequence[Any], targets: Sequence[Any]) -> Sequence[Any] | None:
        """The outputs, those with a target written into that array. None, and nothing written, where it takes a copy: a
        target is no plain array of this output, shares memory, or the kernel might find a wrong index on the way."""
        if any(kind in ("IndexError", "LinAlgError") for kind, _ in self.loaded.errors):
            return None
        return self.loaded.into(arrays, targets)

    def table(
        self,
        arrangement: Arrangement,
        data: Mapping[str, Any] = MappingProxyType({}),
        sizes: Mapping[str, Sequence[int]] = MappingProxyType({}),
    ) -> entry.Table:
        """What the entry has to know to call the kernel."""
        loaded = self.loaded
        return entry.Table(loaded.frame, loaded.kernel, loaded.shapes, arrangement, loaded.code, data, sizes)


@dataclass(frozen=True)
class Built:
    """The machine code of a kernel, and what is known of it."""

    frame: Frame
    errors: tuple[tuple[str, str], ...]
    needs: tuple[str, ...]
    """The functions that it calls from outside, among `PROVIDED` or of SciPy's."""
    code: tuple[bytes, ...]
    """Object files: of the kernel, and of its parts."""

    def packed(self) -> bytes:
        """A line that says what it is, then the code."""
        frame = [[astuple(field) for field in fields] for fields in (self.frame.inputs, self.frame.outputs)]
        head = [frame, self.frame.size, self.errors, self.needs, [*map(len, self.code)]]
        return b"".join([json.dumps(head).encode(), b"\n", *self.code])

    @staticmethod
    def unpacked(data: bytes) -> Built:
        head, _, code = data.partition(b"\n")
        (inputs, outputs), size, errors, needs, lengths = json.loads(head)
        frame = Frame(tuple(Field(*field) for field in inputs), tuple(Field(*field) for field in outputs), size)
        ends = [*accumulate(lengths)]
        files = tuple([code[stop - length : stop] for length, stop in zip(lengths, ends)])
        return Built(frame, tuple(map(tuple, errors)), tuple(needs), files)


def build(loops: Kernel, doubles: int | None = None) -> Built:
    """Compile a kernel for vectors of so many doubles; by default for those of this processor."""
    from gradc.native.kernel import machine  # which takes a while, and is not needed for what is on disk

    many = threads.get_threads()
    with Background(_compiled, many) as background:

        def hand_on(part: str) -> None:
            background.give((target.quick_object_code, part))

        made = machine(loops, doubles or target.vector_doubles(), hand_on=hand_on)
        for module in [made.text] if made.parts else divided(made.text, many, WORTH_A_THREAD):
            background.give((target.object_code, module))
        code = tuple(background.results())
    needs = (
        [name for name in PROVIDED if f"@{name}(" in made.text]
        + FROM_SCIPY.findall(made.text)
        + FROM_LAPACK.findall(made.text)
        + FROM_OWN.findall(made.text)
        + PRODUCTS.findall(made.text)
    )
    return Built(made.frame, made.errors, tuple(needs), code)


SHARED = (entry.ENTRY, entry.POLL, threads.THREADS, entry.RELEASE)
"""What every process loads that runs kernels."""


def _compiled(given: tuple[Callable[[str], bytes], str]) -> bytes:
    compile, text = given
    return compile(text)


def kept(key: str, build: Callable[[], Built], products: Callable[[], Iterable[str]] = tuple) -> Built:
    """What is on disk under a key, or what `build` gives, which is put there. Meanwhile another thread makes what all
    kernels share, and what multiplies matrices under some names, where the process does not have it yet."""
    key = f"{key}\n{target.identity()}"
    data = store.load(key)
    if data is not None:
        return Built.unpacked(data)
    with Background(SharedCode.make_ahead, threads.get_threads()) as background:
        if background.most:
            for shared in (*SHARED, *map(_products, products())):
                background.give(shared)
        made = build()
        background.results()
    store.save(key, made.packed())
    return made


class _Loaded:
    """The machine code of a kernel, and how to call it without the entry, with the exceptions that it asks for."""

    def __init__(self, made: Built):
        for name in made.needs:
            provide = PROVIDED.get(name) or partial(_origin(name), name)
            provide()
        self.frame, self.errors = made.frame, made.errors
        self.code = link.Code(*made.code)
        self.kernel = self.code.address("kernel")
        self._kernel = KERNEL(self.kernel)
        self.shapes = self.code.address("shapes") if made.frame.dims else 0

    def __call__(self, *arrays: Any) -> list[Any]:
        slots, shapes = self.laid_out(arrays)
        made = [None if shape is None else _empty(shape, dtype) for shape, dtype in shapes]
        return self._run(slots, arrays, made)

    def into(self, arrays: Sequence[Any], targets: Sequence[Any]) -> list[Any] | None:
        """The outputs, written where there is a target; None, and nothing written, where that takes a copy."""
        slots, shapes = self.laid_out(arrays)
        if not all(target is None or _takes(target, shape, dtype) for target, (shape, dtype) in zip(targets, shapes)):
            return None
        given = [target for target in targets if target is not None]
        others = [array for array in arrays if np.ndim(array)]
        if any(np.may_share_memory(a, b) for k, a in enumerate(given) for b in (*given[:k], *others)):
            return None
        made = [
            None if shape is None else _empty(shape, dtype) if target is None else target
            for target, (shape, dtype) in zip(targets, shapes)
        ]
        return self._run(slots, arrays, made)

    def laid_out(self, arrays: Sequence[Any]) -> tuple[np.ndarray, list[tuple[tuple[int, ...] | None, np.dtype]]]:
        """The frame of a call without its outputs; their shapes, None for a number, and their element types."""
        frame = self.frame
        slots = np.zeros(max(frame.size, 1), np.int64)
        for field, array in zip(frame.inputs, arrays):
            if field.rank:
                slots[field.slot] = array.ctypes.data
                slots[field.slot + 1 : field.slot + 1 + array.ndim] = array.shape
            else:
                _scalar(slots, field)[0] = array
        dims = np.zeros(frame.dims, np.int64)
        if self.shapes:
            self.check(SHAPES(self.shapes)(slots.ctypes.data, dims.ctypes.data))
        sizes = iter(dims.tolist())
        return slots, [
            (tuple(next(sizes) for _ in range(field.rank)) if field.rank else None, DTYPES[field.dtype])
            for field in frame.outputs
        ]

    def _run(self, slots: np.ndarray, arrays: Sequence[Any], made: list[Any]) -> list[Any]:
        """The outputs, in the arrays made for them."""
        frame = self.frame
        for field, array in zip(frame.outputs, made):
            if array is not None:
                slots[field.slot] = array.ctypes.data
        self.check(self.run(slots.ctypes.data, sum(map(np.size, arrays))))
        return [_scalar(slots, field)[0] if array is None else array for field, array in zip(frame.outputs, made)]

    def run(self, frame: int, work: int) -> int:
        """The status of the kernel for a frame at an address. Other Python threads run meanwhile where arguments have
        many elements."""
        if work > entry.RELEASED_FROM and entry.is_possible():
            return int(_released()(self.kernel, frame))
        return int(self._kernel(frame))

    def check(self, status: int) -> None:
        if status == Status.OUT_OF_MEMORY:
            raise MemoryError
        if status:
            kind, message = self.errors[status % 2**WHICH - 1]
            raise KINDS[kind](message.format(status >> WHICH) if kind == "LinAlgError" else message)


@cache
def products() -> None:
    """SciPy's products of matrices, under names that kernels know."""
    for name in ("dgemm", "sgemm"):
        target.llvm().add_symbol(f"gradc_{name}", link.pointer(blas(name)))


PRODUCTS = re.compile(rf"declare i64 @({library.PRODUCT}\w+)\(")
"""How a kernel declares what multiplies matrices."""


@cache
def multiplied(symbol: str) -> None:
    """The products of matrices of one type, under the name that kernels know."""
    products()
    team()
    target.llvm().add_symbol(symbol, _product_code(symbol).address(symbol))


@cache
def _product_code(symbol: str) -> link.Code:
    """The products, for as long as the process lives."""
    return entry.loaded(_products(symbol))


def _products(symbol: str) -> SharedCode:
    return SharedCode(symbol, partial(library.product_module, symbol))


@cache
def team() -> None:
    """What shares a loop among threads, and tells a kernel that the user wants it to stop."""
    code = entry.poll_code() if entry.is_possible() else link.Code(target.object_code(NEVER))
    target.llvm().add_symbol("gradc_signals", code.address("poll"))
    for name in ("share", "poll", "take", "give"):
        target.llvm().add_symbol(f"gradc_{name}", threads.code().address(name))


@cache
def resting() -> None:
    """What lets OpenBLAS's own threads rest while a routine runs."""
    for name in ("alone", "together"):
        target.llvm().add_symbol(f"gradc_{name}", openblas.code().address(name))


FROM_SCIPY = re.compile(rf"declare double @({SYMBOL}\w+\((?:double, )+i32\))")
"""How a kernel declares a function of SciPy's."""


@cache
def from_scipy(declared: str) -> None:
    """One of SciPy's functions of numbers, under the name that kernels know."""
    symbol, _, params = declared.partition("(")
    found = capsule(symbol.removeprefix(SYMBOL), params.count("double"))
    target.llvm().add_symbol(symbol, link.pointer(found))


FROM_LAPACK = re.compile(r"declare void @(gradc_lapack_\w+)\(")
"""How it declares a routine of LAPACK's."""


@cache
def from_lapack(symbol: str) -> None:
    """One of LAPACK's routines, under the name that kernels know."""
    found = lapack(symbol.removeprefix("gradc_lapack_"))
    target.llvm().add_symbol(symbol, link.pointer(found))


FROM_OWN = re.compile(rf"declare double @({own.SYMBOL}\w+)\(")
"""How it declares a user's Numba function."""


@cache
def from_own(symbol: str) -> None:
    """A user's Numba function, under the name that kernels know."""
    target.llvm().add_symbol(symbol, own.address(symbol))


def _origin(name: str) -> Callable[[str], object]:
    """What provides a function from outside."""
    if name.startswith(library.PRODUCT):
        return multiplied
    return from_scipy if "(" in name else from_own if name.startswith(own.SYMBOL) else from_lapack


NEVER = "define i32 @poll() {\n  ret i32 0\n}"
PROVIDED = {
    "gradc_dgemm": products, "gradc_sgemm": products, "gradc_poll": team, "gradc_share": team,
    "gradc_take": team, "gradc_give": team,
    "gradc_alone": resting, "gradc_together": resting,
}  # fmt: skip
"""What makes the functions available that kernels call from outside."""

KERNEL = ctypes.PYFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)
SHAPES = RELEASED = ctypes.PYFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)


@cache
def _released() -> Any:
    """What calls a kernel while other Python threads run."""
    return RELEASED(entry.released_code().address("released"))


def _empty(shape: Sequence[int], dtype: np.dtype) -> np.ndarray:
    try:
        return np.empty(shape, dtype)
    except ValueError:  # it would have more bytes than there are addresses
        raise MemoryError from None


def _takes(target: Any, shape: tuple[int, ...] | None, dtype: np.dtype) -> bool:
    """Whether a kernel can write its output into an array."""
    is_plain = type(target) is np.ndarray and target.shape == shape and target.dtype == dtype
    return is_plain and target.flags.carray


def _scalar(slots: np.ndarray, field: Field) -> np.ndarray:
    """The slot of a scalar as an array of one element of its type."""
    return slots[field.slot : field.slot + 1].view(DTYPES[field.dtype])[:1]


def _python_number(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
