"""What kernels do to whole matrices: LAPACK's routines, each written down once for every language.

A routine is written with a `RoutineWriter`, which puts it down as Python or in LLVM's language. It works on one
matrix of a stack after the other. LAPACK has the elements of a column side by side, so it sees the transpose of what is
written here row by row; a routine says what that makes of its flags. Results with several parts lie one after the other
in one array, so that a factor is computed once for all of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from inspect import signature
from typing import Any

from gradc.ir.matrices import INDEFINITE, NO_CONVERGENCE, SINGULAR
from gradc.ir.sizes import Size
from gradc.ir.types import Type


@dataclass(frozen=True)
class Whole:
    """A whole number while a routine runs, as text of the language that it is written in."""

    writer: RoutineWriter
    text: str

    def __add__(self, other: Whole | int) -> Whole:
        return self.writer.arithmetic("+", self, self.writer.whole(other))

    def __sub__(self, other: Whole | int) -> Whole:
        return self.writer.arithmetic("-", self, self.writer.whole(other))

    def __mul__(self, other: Whole | int) -> Whole:
        return self.writer.arithmetic("*", self, self.writer.whole(other))


@dataclass(frozen=True)
class Memory:
    """Elements of one kind, side by side: "real", or "int", which is LAPACK's own."""

    kind: str
    text: str


class RoutineWriter(ABC):
    """Writes the statements of a routine."""

    @abstractmethod
    def whole(self, value: Whole | int) -> Whole: ...
    @abstractmethod
    def arithmetic(self, sign: str, left: Whole, right: Whole) -> Whole: ...
    @abstractmethod
    def minimum(self, left: Whole, right: Whole) -> Whole: ...
    @abstractmethod
    def maximum(self, left: Whole, right: Whole) -> Whole: ...
    @abstractmethod
    def scratch(self, kind: str, count: Whole) -> Memory:
        """Memory for as long as the routine runs. It holds at least one element."""

    @abstractmethod
    def part(self, memory: Memory, first: Whole) -> Memory:
        """What begins at an element."""

    @abstractmethod
    def copy(self, to: Memory, source: Memory, count: Whole) -> None: ...
    @abstractmethod
    def load(self, memory: Memory, at: Whole) -> Any:
        """An element as a real number."""

    @abstractmethod
    def store(self, memory: Memory, at: Whole, value: Any) -> None:
        """A real number as an element; a whole one where the memory holds those."""

    @abstractmethod
    def zero(self) -> Any:
        """The real number."""

    @abstractmethod
    def each(self, count: Whole) -> AbstractContextManager[Whole]:
        """A loop; what is written inside is done for 0, 1, ..."""

    @abstractmethod
    def when_after(self, left: Whole, right: Whole) -> AbstractContextManager[None]:
        """What is written inside is done where left > right."""

    @abstractmethod
    def matrices(self, *sizes: Whole) -> AbstractContextManager[tuple[Memory, ...]]:
        """The loop over a stack: the matrix of each array, the result first, which have so many elements."""

    def leading(self, length: Whole) -> Whole:
        """A distance between columns: LAPACK wants at least 1."""
        return self.maximum(length, self.whole(1))

    @abstractmethod
    def call(self, name: str, *arguments: str | int | Whole | Memory) -> None:
        """LAPACK's routine: a letter, whole numbers and memory. The last argument, `info`, is not written."""

    @abstractmethod
    def with_nothing(self, total: Any, value: Any) -> Any:
        """total + 0 * value: NaN where one of them is NaN, or the value infinite."""

    @abstractmethod
    def fail(self, unless: Memory | None = None) -> None:
        """Ends the routine where the last call has set `info`, for a matrix without an answer; not where the first
        element of `unless` is NaN."""

    @abstractmethod
    def fail_at_zero(self, memory: Memory, at: Whole) -> None:
        """The same where an element is zero."""

    @abstractmethod
    def first_as_whole(self, memory: Memory) -> Whole:
        """The first element as a whole number: how much work space LAPACK asks for."""

    def spoil(self, out: Memory, count: Whole, total: Memory) -> None:
        """NaN for every element, where the first one of `total` is."""
        with self.each(count) as i:
            self.store(out, i, self.with_nothing(self.load(out, i), self.load(total, self.whole(0))))

    def with_space(self, call: Callable[[Memory, Whole, Memory, Whole], None], integers: bool = False) -> tuple:
        """Work space for a call, as much as it asks for when it is told -1; with room for integers if it needs some."""
        one = self.whole(1)
        work, whole = self.scratch("real", one), self.scratch("int", one)
        call(work, self.whole(-1), whole, self.whole(-1))
        length = self.first_as_whole(work)
        whole_length = self.first_as_whole(whole) if integers else one
        return self.scratch("real", length), length, self.scratch("int", whole_length), whole_length


@dataclass(frozen=True)
class RoutineEntry:
    """A routine, the sizes that it takes, from the types of the arrays, and what is wrong where it has no answer."""

    write: Callable[..., None]
    sizes: Callable[[tuple[Type, ...]], tuple[Size, ...]]
    wrong: str = ""

    @property
    def parameters(self) -> tuple[str, ...]:
        """What the routine calls its sizes."""
        return tuple(signature(self.write).parameters)[1:]


ROUTINES: dict[str, RoutineEntry] = {}
"""By the op."""


def routine(sizes: Callable[[tuple[Type, ...]], tuple[Size, ...]], wrong: str = "") -> Callable:
    """Enters a routine under its own name, which is that of the op."""

    def enter(write: Callable[..., None]) -> Callable[..., None]:
        ROUTINES[write.__name__] = RoutineEntry(write, sizes, wrong)
        return write

    return enter


def _order(types: tuple[Type, ...]) -> tuple[Size, ...]:
    return types[0].shape[-1:]


def _rows(types: tuple[Type, ...]) -> tuple[Size, ...]:
    return types[1].shape[-2:]


@routine(_order)
def lu(w: RoutineWriter, n: Whole) -> None:
    """P L U of the transpose, as LAPACK leaves it, and a row with the pivots."""
    pivots = w.scratch("int", n)
    with w.matrices((n + 1) * n, n * n) as (out, a):
        w.copy(out, a, n * n)
        w.call("getrf", n, n, out, w.leading(n), pivots)
        with w.each(n) as i:
            w.store(out, n * n + i, w.load(pivots, i))


def _lu_solve(w: RoutineWriter, k: Whole, n: Whole, letter: str) -> None:
    pivots = w.scratch("int", n)
    with w.matrices(k * n, (n + 1) * n, k * n) as (out, factor, b):
        w.copy(out, b, k * n)
        _pivots(w, factor, pivots, n)
        w.call("getrs", letter, n, k, factor, w.leading(n), pivots, out, w.leading(n))


def _pivots(w: RoutineWriter, factor: Memory, pivots: Memory, n: Whole) -> None:
    """The pivots of a factor that has no zero on its diagonal."""
    with w.each(n) as i:
        w.fail_at_zero(factor, i * n + i)
        w.store(pivots, i, w.load(factor, n * n + i))


@routine(_rows, SINGULAR)
def lu_solve(w: RoutineWriter, k: Whole, n: Whole) -> None:
    """Each row is solved for."""
    _lu_solve(w, k, n, "T")


@routine(_rows, SINGULAR)
def lu_solve_transposed(w: RoutineWriter, k: Whole, n: Whole) -> None:
    _lu_solve(w, k, n, "N")


@routine(_order, SINGULAR)
def lu_inverse(w: RoutineWriter, n: Whole) -> None:
    pivots = w.scratch("int", n)
    start = w.scratch("real", w.whole(1))
    work, length, *_ = w.with_space(lambda work, size, *_: w.call("getri", n, start, w.leading(n), pivots, work, size))
    with w.matrices(n * n, (n + 1) * n) as (out, factor):
        w.copy(out, factor, n * n)
        _pivots(w, factor, pivots, n)
        w.call("getri", n, out, w.leading(n), pivots, work, length)
        w.fail()


def _add_nothing(w: RoutineWriter, total: Memory, value: Any) -> None:
    first = w.whole(0)
    w.store(total, first, w.with_nothing(w.load(total, first), value))


def _is_known(w: RoutineWriter, total: Memory, a: Memory, n: Whole) -> None:
    """A zero, or NaN where the lower triangle has an element that is NaN or infinite."""
    w.store(total, w.whole(0), w.zero())
    with w.each(n) as i, w.each(i + 1) as j:
        _add_nothing(w, total, w.load(a, i * n + j))


@routine(_order, INDEFINITE)
def cholesky_factor(w: RoutineWriter, n: Whole) -> None:
    """Of the lower triangle; what is above it stays. NaN for a triangle that has one, or an infinity."""
    total = w.scratch("real", w.whole(1))
    with w.matrices(n * n, n * n) as (out, a):
        _is_known(w, total, a, n)
        w.copy(out, a, n * n)
        w.call("potrf", "U", n, out, w.leading(n))
        w.fail(unless=total)
        w.spoil(out, n * n, total)


@routine(_order, SINGULAR)
def cholesky_inverse(w: RoutineWriter, n: Whole) -> None:
    """The inverse of the matrix that has this factor."""
    with w.matrices(n * n, n * n) as (out, factor):
        w.copy(out, factor, n * n)
        w.call("potri", "U", n, out, w.leading(n))
        w.fail()
        with w.each(n) as i, w.each(i) as j:
            w.store(out, j * n + i, w.load(out, i * n + j))


def _triangular_solve(w: RoutineWriter, k: Whole, n: Whole, letter: str) -> None:
    with w.matrices(k * n, n * n, k * n) as (out, factor, b):
        w.copy(out, b, k * n)
        w.call("trtrs", "U", letter, "N", n, k, factor, w.leading(n), out, w.leading(n))
        w.fail()


@routine(_rows, SINGULAR)
def forward_solve(w: RoutineWriter, k: Whole, n: Whole) -> None:
    """Each row is solved for, with the lower triangle."""
    _triangular_solve(w, k, n, "T")


@routine(_rows, SINGULAR)
def back_solve(w: RoutineWriter, k: Whole, n: Whole) -> None:
    """The same with the transpose of the lower triangle."""
    _triangular_solve(w, k, n, "N")


@routine(_order, NO_CONVERGENCE)
def eigh_factor(w: RoutineWriter, n: Whole) -> None:
    """The eigenvectors of the lower triangle, one in each row, and a row with the eigenvalues. NaN for a triangle that
    has one, or an infinity."""
    total = w.scratch("real", w.whole(1))
    start, ld = w.scratch("real", n), w.leading(n)
    work, size, whole, whole_size = w.with_space(
        lambda *space: w.call("syevd", "V", "U", n, start, ld, start, *space), integers=True
    )
    with w.matrices((n + 1) * n, n * n) as (out, a):
        _is_known(w, total, a, n)
        w.copy(out, a, n * n)
        w.call("syevd", "V", "U", n, out, ld, w.part(out, n * n), work, size, whole, whole_size)
        w.fail(unless=total)
        w.spoil(out, (n + 1) * n, total)


@routine(lambda types: types[0].shape[-2:], NO_CONVERGENCE)
def svd_factor(w: RoutineWriter, m: Whole, n: Whole) -> None:
    """The left singular vectors, in columns, the singular values in a row, the right singular vectors in columns. NaN
    for a matrix that has one, or an infinity."""
    total = w.scratch("real", w.whole(1))
    k = w.minimum(m, n)
    copied, right = w.scratch("real", m * n), w.scratch("real", k * n)
    integers = w.scratch("int", k * 8)
    lk, ln = w.leading(k), w.leading(n)
    work, size, *_ = w.with_space(
        lambda work, size, *_: w.call(
            "gesdd", "S", n, m, copied, ln, right, right, ln, copied, lk, work, size, integers
        )
    )
    with w.matrices((m + n + 1) * k, m * n) as (out, a):
        w.store(total, w.whole(0), w.zero())
        with w.each(m * n) as i:
            _add_nothing(w, total, w.load(a, i))
        w.copy(copied, a, m * n)
        values = w.part(out, m * k)
        w.call("gesdd", "S", n, m, copied, ln, values, right, ln, out, lk, work, size, integers)
        w.fail(unless=total)
        with w.each(n) as j, w.each(k) as i:
            w.store(out, (m + j + 1) * k + i, w.load(right, i * n + j))
        w.spoil(out, (m + n + 1) * k, total)


@routine(lambda types: types[0].shape[-2:])
def qr_factor(w: RoutineWriter, n: Whole, m: Whole) -> None:
    """Of the transposed matrix: the orthogonal factor, then the transpose of the upper triangle."""
    k, lm = w.minimum(m, n), w.leading(m)
    copied, tau = w.scratch("real", m * n), w.scratch("real", k)
    work, size, *_ = w.with_space(lambda work, size, *_: w.call("geqrf", m, n, copied, lm, tau, work, size))
    more, length, *_ = w.with_space(lambda work, size, *_: w.call("orgqr", m, k, k, copied, lm, tau, work, size))
    with w.matrices((m + n) * k, m * n) as (out, a):
        w.copy(copied, a, m * n)
        w.call("geqrf", m, n, copied, lm, tau, work, size)
        with w.each(n) as j, w.each(k) as i:
            w.store(out, (m + j) * k + i, w.zero())
            with w.when_after(j + 1, i):
                w.store(out, (m + j) * k + i, w.load(copied, j * m + i))
        w.call("orgqr", m, k, k, copied, lm, tau, more, length)
        with w.each(m) as i, w.each(k) as j:
            w.store(out, i * k + j, w.load(copied, j * m + i))
