"""NumPy's and SciPy's functions, and what they are in the language or in terms of each other."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from gradc.frontends.traced.values import TracedArray, TracedSize
from gradc.language.diagnostics import Error

UFUNCS = {
    "add": "+", "subtract": "-", "multiply": "*", "divide": "/", "true_divide": "/", "floor_divide": "//",
    "remainder": "%", "power": "**", "float_power": "**", "matmul": "@", "less": "<", "less_equal": "<=",
    "greater": ">", "greater_equal": ">=", "equal": "==", "not_equal": "!=", "logical_and": "and", "bitwise_and": "and",
    "logical_or": "or", "bitwise_or": "or", "logical_xor": "xor", "bitwise_xor": "xor",
}  # fmt: skip
"""Ufuncs that are operators."""

REDUCED = {"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min", "logaddexp": "logsumexp",
           "logical_and": "all", "logical_or": "any"}  # fmt: skip
"""What `ufunc.reduce` is."""

ACCUMULATED = {"add": "cumsum", "multiply": "cumprod", "maximum": "cummax", "minimum": "cummin",
               "logaddexp": "logcumsumexp"}  # fmt: skip

_REDUCTION = "x=a axis !dtype !out keepdims !initial where"
_EXTREME = "x=a axis !out keepdims !initial where"
_MOMENT = "x=a axis !dtype !out keepdims where"
_SPREAD = "x=a axis !dtype !out ddof keepdims where !mean ddof=correction"
_QUANTILE = "x=a q axis !out !overwrite_input method keepdims"

PARAMETERS = {
    **dict.fromkeys(("sum", "prod", "nansum", "nanprod"), _REDUCTION),
    **dict.fromkeys(("max", "min", "nanmax", "nanmin"), _EXTREME),
    **dict.fromkeys(("all", "any"), "x=a axis !out keepdims where"),
    **dict.fromkeys(("mean", "nanmean"), _MOMENT),
    **dict.fromkeys(("std", "var", "nanstd", "nanvar"), _SPREAD),
    **dict.fromkeys(("quantile", "percentile", "nanquantile", "nanpercentile"), _QUANTILE),
    **dict.fromkeys(("median", "nanmedian"), "x=a axis !out !overwrite_input keepdims"),
    **dict.fromkeys(("argmax", "argmin"), "x=a axis !out keepdims"),
    **dict.fromkeys(("cumsum", "cumprod"), "x=a axis !dtype !out"),
    "clip": "x=a lower=a_min upper=a_max !out lower=min upper=max",
    "concatenate": "arrays axis !out",
    "stack": "arrays axis !out",
    "transpose": "x=a axes",
    "expand_dims": "x=a axis",
    "squeeze": "x=a axis",
    "searchsorted": "a v side !sorter",
    "interp": "x xp fp left right period",
    "take": "x=a indices axis !out !mode",
    "take_along_axis": "x=arr indices axis",
    "where": "condition x y",
    "dot": "x=a y=b !out",
    "matmul": "x=a y=b !out",
    "kron": "a b",
    "cross": "a b !axisa !axisb !axisc !axis",
    "convolve": "a v mode",
    "correlate": "a v mode",
    "trapezoid": "y x dx axis",
    "pad": "x=array pad_width mode constant_values",
    "roll": "x=a shift axis",
    "flip": "x=m axis",
    "flipud": "x=m",
    "fliplr": "x=m",
    "tril": "x=m k",
    "triu": "x=m k",
    "zeros_like": "x=a !dtype !order !subok !shape",
    "ones_like": "x=a !dtype !order !subok !shape",
    "full_like": "x=a fill_value !dtype !order !subok !shape",
    "norm": "x !ord axis keepdims",
    "sinc": "x",
    "i0": "x",
    "softmax": "x axis",
    "log_softmax": "x axis",
    "polygamma": "n x",
}
"""By our name the parameters in NumPy's order: ours=theirs where the names differ; `!` for those that have no meaning
here and must keep their default."""

SAME = {
    "amax": "max", "amin": "min", "cumulative_sum": "cumsum", "cumulative_prod": "cumprod", "concat": "concatenate",
    "permute_dims": "transpose", "cummax": "cummax", "cummin": "cummin", "trapz": "trapezoid",
}  # fmt: skip
"""Functions under other names."""

Eigh = namedtuple("Eigh", "eigenvalues eigenvectors")
Slogdet = namedtuple("Slogdet", "sign logabsdet")
Svd = namedtuple("Svd", "U S Vh")
Qr = namedtuple("Qr", "Q R")


class Numpy:
    """Functions written in terms of others, as NumPy documents them: `call` builds a function of the language."""

    def __init__(self, tracing: Any):
        self.call: Callable[..., Any] = tracing.call
        self.tracing = tracing

    # ------------------------------------------------------------ shapes

    def shape(self, a: Any) -> tuple[Any, ...]:
        return self.array(a).shape

    def ndim(self, a: Any) -> int:
        return self.array(a).ndim

    def size(self, a: Any, axis: Any = None) -> Any:
        return self.array(a).size if axis is None else self.array(a).shape[axis]

    def array(self, object: Any, *args: Any, **keywords: Any) -> TracedArray:
        return self.tracing.array(object)

    asarray = asanyarray = ascontiguousarray = copy = real = real_if_close = array

    def astype(self, x: Any, dtype: Any, *args: Any, **keywords: Any) -> Any:
        return self.array(x).astype(dtype)

    def reshape(self, a: Any, shape: Any, order: str = "C", *, newshape: Any = None, copy: Any = None) -> Any:
        if order == "F":
            parts = shape if isinstance(shape, (tuple, list)) else (shape,)
            return self.transpose(self.call("reshape", self.transpose(a), tuple(reversed(parts))))
        return self.call("reshape", a, shape)

    def ravel(self, a: Any, order: str = "C") -> Any:
        return self.reshape(a, -1, order)

    def transpose(self, a: Any, axes: Any = None) -> Any:
        return self.array(a).T if axes is None else self.call("transpose", a, axes=axes)

    def matrix_transpose(self, x: Any) -> Any:
        return self.swapaxes(x, -1, -2)

    def swapaxes(self, a: Any, axis1: int, axis2: int) -> Any:
        order = list(range(self.ndim(a)))
        order[axis1], order[axis2] = order[axis2], order[axis1]
        return self.transpose(a, tuple(order))

    def moveaxis(self, a: Any, source: Any, destination: Any) -> Any:
        rank = self.ndim(a)
        sources, targets = ([k % rank for k in np.atleast_1d(each)] for each in (source, destination))
        order = [k for k in range(rank) if k not in sources]
        for target, axis in sorted(zip(targets, sources)):
            order.insert(target, axis)
        return self.transpose(a, tuple(int(k) for k in order))

    def rollaxis(self, a: Any, axis: int, start: int = 0) -> Any:
        rank = self.ndim(a)
        axis, start = axis % rank, start + rank if start < 0 else start
        order = [k for k in range(rank) if k != axis]
        order.insert(start - (axis < start), axis)
        return self.transpose(a, tuple(order))

    def atleast_1d(self, *arrays: Any) -> Any:
        made = [each if each.ndim else each[None] for each in map(self.array, arrays)]
        return made[0] if len(made) == 1 else tuple(made)

    def atleast_2d(self, *arrays: Any) -> Any:
        made = [
            each if each.ndim > 1 else each[None, :] if each.ndim else each[None, None]
            for each in map(self.array, arrays)
        ]
        return made[0] if len(made) == 1 else tuple(made)

    def broadcast_to(self, array: Any, shape: Any, subok: bool = False) -> Any:
        return self.call("full", shape, array)

    def broadcast_arrays(self, *args: Any) -> Any:
        total = sum(0 * self.array(each) for each in args)
        return tuple(total + each for each in args)

    def append(self, arr: Any, values: Any, axis: Any = None) -> Any:
        parts = (arr, values) if axis is not None else tuple(map(self.ravel, (arr, values)))
        return self.concatenate(parts, 0 if axis is None else axis)

    def concatenate(self, arrays: Any, axis: Any = 0) -> Any:
        if axis is None:
            return self.call("concatenate", tuple(self.ravel(each) for each in arrays))
        return self.call("concatenate", self._several(arrays), axis=axis)

    def _several(self, arrays: Any) -> tuple[Any, ...]:
        return tuple(arrays)

    def hstack(self, tup: Any, **keywords: Any) -> Any:
        arrays = [self.atleast_1d(each) for each in tup]
        return self.concatenate(arrays, 0 if arrays[0].ndim == 1 else 1)

    def vstack(self, tup: Any, **keywords: Any) -> Any:
        return self.concatenate([self.atleast_2d(each) for each in tup], 0)

    row_stack = vstack

    def column_stack(self, tup: Any) -> Any:
        return self.concatenate([each[:, None] if each.ndim == 1 else each for each in map(self.atleast_1d, tup)], 1)

    def dstack(self, tup: Any) -> Any:
        arrays = [self.atleast_2d(each) for each in tup]
        return self.concatenate([each[:, :, None] if each.ndim == 2 else each for each in arrays], 2)

    def block(self, arrays: Any) -> Any:
        if not isinstance(arrays, list):
            return self.array(arrays)
        if not any(isinstance(row, list) for row in arrays):
            return self.hstack(arrays)
        return self.vstack([self.hstack(row) for row in arrays])

    def split(self, ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
        x = self.array(ary)
        axis %= x.ndim
        if isinstance(indices_or_sections, (int, np.integer)):
            step, rest = divmod(int(x.shape[axis]), int(indices_or_sections))
            if rest:
                raise Error(
                    "G0203", f"{x.shape[axis]} elements cannot be split into {indices_or_sections} equal parts",
                    self.tracing.places.here()[0], help="write `np.array_split`, whose parts may differ in size",
                )  # fmt: skip
            places = [step * k for k in range(1, int(indices_or_sections))]
        else:
            places = [int(place) for place in indices_or_sections]
        before = (slice(None),) * axis
        return [x[(*before, slice(start, stop))] for start, stop in zip([0, *places], [*places, None])]

    def array_split(self, ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
        if isinstance(indices_or_sections, (int, np.integer)):
            count, rest = divmod(int(self.array(ary).shape[axis]), int(indices_or_sections))
            lengths = [count + 1] * rest + [count] * (int(indices_or_sections) - rest)
            indices_or_sections = list(accumulate(lengths))[:-1]
        return self.split(ary, indices_or_sections, axis)

    def hsplit(self, ary: Any, indices_or_sections: Any) -> list[Any]:
        return self.split(ary, indices_or_sections, 0 if self.ndim(ary) == 1 else 1)

    def vsplit(self, ary: Any, indices_or_sections: Any) -> list[Any]:
        return self.split(ary, indices_or_sections, 0)

    def unstack(self, x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
        return tuple(self.moveaxis(x, axis, 0))

    def repeat(self, a: Any, repeats: Any, axis: Any = None) -> Any:
        x = self.array(a)
        if axis is None:
            x, axis = self.ravel(x), 0
        axis %= x.ndim
        places = np.repeat(np.arange(int(x.shape[axis])), repeats)
        return self.call("take", x, places, axis=axis)

    def tile(self, A: Any, reps: Any) -> Any:
        x = self.array(A)
        counts = tuple(reps) if isinstance(reps, (tuple, list)) else (reps,)
        counts = (1,) * (x.ndim - len(counts)) + counts
        x = x[(None,) * (len(counts) - x.ndim)] if len(counts) > x.ndim else x
        for axis, count in enumerate(counts):
            if not (isinstance(count, int) and count == 1):
                x = self.concatenate([x] * int(count), axis)
        return x

    def rot90(self, m: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Any:
        x = self.array(m)
        for _ in range(k % 4):
            x = self.call("flip", self.swapaxes(x, *axes), axis=axes[0])
        return x

    def delete(self, arr: Any, obj: Any, axis: Any = None) -> Any:
        x = self.array(arr)
        if axis is None:
            x, axis = self.ravel(x), 0
        return self.call("take", x, np.delete(np.arange(int(x.shape[axis])), obj), axis=axis)

    def insert(self, arr: Any, obj: int, values: Any, axis: Any = None) -> Any:
        x = self.array(arr)
        if axis is None:
            x, axis = self.ravel(x), 0
        before = (slice(None),) * (axis % x.ndim)
        value = self.array(values)
        shape = tuple(1 if k == axis % x.ndim else size for k, size in enumerate(x.shape))
        new = self.broadcast_to(value, shape)
        return self.concatenate([x[(*before, slice(None, obj))], new, x[(*before, slice(obj, None))]], axis)

    def diagonal(self, a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
        x = self.moveaxis(a, (axis1, axis2), (-2, -1))
        if offset:
            x = x[..., offset:] if offset > 0 else x[..., -offset:, :]
        rows, columns = x.shape[-2:]
        if not (isinstance(rows, TracedSize) and rows == columns):
            size = min(int(rows), int(columns))
            x = x[..., :size, :size]
        return self.call("einsum", "...ii->...i", x)

    def diag(self, v: Any, k: int = 0) -> Any:
        x = self.array(v)
        if k == 0 and x.ndim == 1:
            return self.call("diag", x)
        if x.ndim == 1:
            size = abs(k)
            made = self.call("diag", x)
            return self.call("pad", made, ((0, size), (size, 0)) if k > 0 else ((size, 0), (0, size)))
        return self.diagonal(x, k)

    def diagflat(self, v: Any, k: int = 0) -> Any:
        return self.diag(self.ravel(v), k)

    def trace(self, a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None) -> Any:
        return self.call("sum", self.diagonal(a, offset, axis1, axis2), axis=-1)

    def meshgrid(self, *xi: Any, indexing: str = "xy", sparse: bool = False, copy: bool = True) -> list[Any]:
        rank = len(xi)
        order = [1, 0, *range(2, rank)] if indexing == "xy" and rank > 1 else list(range(rank))
        arrays = []
        for axis, each in enumerate(map(self.array, xi)):
            place = order[axis]
            arrays.append(self.ravel(each)[tuple(slice(None) if k == place else None for k in range(rank))])
        return arrays if sparse else list(self.broadcast_arrays(*arrays))

    # ------------------------------------------------------------ made from nothing

    def empty_like(self, prototype: Any, *args: Any, **keywords: Any) -> Any:
        return self.call("zeros_like", prototype)

    def zeros(self, shape: Any, dtype: Any = None, **keywords: Any) -> Any:
        return self.call("zeros", shape)

    empty = zeros

    def ones(self, shape: Any, dtype: Any = None, **keywords: Any) -> Any:
        return self.call("ones", shape)

    def full(self, shape: Any, fill_value: Any, dtype: Any = None, **keywords: Any) -> Any:
        return self.call("full", shape, fill_value)

    def eye(self, N: Any, M: Any = None, k: int = 0, dtype: Any = None, **keywords: Any) -> Any:
        return self.call("eye", N, M=M, k=k)

    def identity(self, n: Any, dtype: Any = None, **keywords: Any) -> Any:
        return self.call("eye", n)

    def arange(self, start: Any, stop: Any = None, step: Any = 1, dtype: Any = None, **keywords: Any) -> Any:
        if stop is None:
            start, stop = 0, start
        if isinstance(start, int) and start == 0 and isinstance(step, int) and step == 1:
            return self.call("arange", stop)
        return self.array(
            np.arange(*(int(part) if isinstance(part, TracedSize) else part for part in (start, stop, step)))
        )

    def linspace(self, start: Any, stop: Any, num: Any = 50, endpoint: bool = True, **keywords: Any) -> Any:
        start, stop = self.array(start), self.array(stop)
        share = self.array(np.linspace(0.0, 1.0, int(num), endpoint=endpoint))
        share = share[(slice(None), *(None,) * max(start.ndim, stop.ndim))]
        return start + (stop - start) * share

    def logspace(self, start: Any, stop: Any, num: Any = 50, endpoint: bool = True, base: Any = 10.0) -> Any:
        return base ** self.linspace(start, stop, num, endpoint)

    def vander(self, x: Any, N: Any = None, increasing: bool = False) -> Any:
        x = self.array(x)
        count = int(x.shape[0] if N is None else N)
        powers = np.arange(count) if increasing else np.arange(count)[::-1]
        return x[:, None] ** powers

    # ------------------------------------------------------------ elementwise

    def around(self, a: Any, decimals: int = 0, out: Any = None) -> Any:
        scale = 10.0**decimals
        return self.call("round", a) if decimals == 0 else self.call("round", self.array(a) * scale) / scale

    round = round_ = around

    def fix(self, x: Any) -> Any:
        return self.call("trunc", x)

    def positive(self, x: Any) -> Any:
        return x

    def logical_not(self, x: Any) -> Any:
        return ~self.array(x)

    invert = logical_not

    def fmod(self, x: Any, y: Any) -> Any:
        return self.array(x) - y * self.call("trunc", self.array(x) / y)

    def fmax(self, x: Any, y: Any) -> Any:
        return self._where_number(x, y, self.call("maximum", x, y))

    def fmin(self, x: Any, y: Any) -> Any:
        return self._where_number(x, y, self.call("minimum", x, y))

    def _where_number(self, x: Any, y: Any, both: Any) -> Any:
        x, y = self.array(x), self.array(y)
        return self.call("where", x != x, y, self.call("where", y != y, x, both))

    def copysign(self, x: Any, y: Any) -> Any:
        return self.call("abs", x) * self.call("where", self.signbit(y), -1.0, 1.0)

    def signbit(self, x: Any) -> Any:
        x = self.array(x)
        return (x < 0) | ((x == 0) & (1 / x < 0))

    def logaddexp2(self, x: Any, y: Any) -> Any:
        two = float(np.log(2.0))
        return self.call("logaddexp", self.array(x) * two, self.array(y) * two) / two

    def divmod(self, x: Any, y: Any) -> tuple[Any, Any]:
        x = self.array(x)
        return x // y, x % y

    def ldexp(self, x: Any, y: Any) -> Any:
        return self.array(x) * self.call("exp2", y)

    def nan_to_num(self, x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
        x = self.array(x)
        largest = float(np.finfo(self.tracing.dtype_of(x)).max)
        high, low = (largest if posinf is None else posinf), (-largest if neginf is None else neginf)
        kept = self.call("where", x == np.inf, high, self.call("where", x == -np.inf, low, x))
        return self.call("where", x != x, nan, kept)

    def isclose(self, a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
        a, b = self.array(a), self.array(b)
        return self.call("abs", a - b) <= atol + rtol * self.call("abs", b)

    def isposinf(self, x: Any) -> Any:
        return self.array(x) == np.inf

    def isneginf(self, x: Any) -> Any:
        return self.array(x) == -np.inf

    def select(self, condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
        result = default
        for condition, choice in zip(reversed(condlist), reversed(choicelist)):
            result = self.call("where", condition, choice, result)
        return result

    def piecewise(self, x: Any, condlist: Any, funclist: Sequence[Any], *args: Any, **keywords: Any) -> Any:
        x = self.array(x)
        conditions = list(condlist) if isinstance(condlist, (list, tuple)) else [condlist]
        values = [piece(x, *args, **keywords) if callable(piece) else piece for piece in funclist]
        result = values.pop() if len(values) > len(conditions) else 0.0
        for condition, value in zip(conditions, values):  # the last one that holds counts
            result = self.call("where", condition, value, result)
        return result

    def choose(self, a: Any, choices: Sequence[Any], out: Any = None, mode: str = "raise") -> Any:
        a = self.array(a)
        result = choices[-1]
        for k, choice in reversed(list(enumerate(choices[:-1]))):
            result = self.call("where", a == k, choice, result)
        return result

    def clip(
        self, a: Any, a_min: Any = None, a_max: Any = None, out: Any = None, *, min: Any = None, max: Any = None
    ) -> Any:
        low, high = (a_min if min is None else min), (a_max if max is None else max)
        if low is None or high is None:
            a = self.array(a)
            return a if low is high else self.call("minimum", a, high) if low is None else self.call("maximum", a, low)
        return self.call("clip", a, low, high)

    def where(self, condition: Any, x: Any = None, y: Any = None) -> Any:
        if x is None:
            return self.tracing.refuse("nonzero", self.array(condition))
        return self.call("where", condition, x, y)

    # ------------------------------------------------------------ reductions and differences

    def average(
        self, a: Any, axis: Any = None, weights: Any = None, returned: bool = False, keepdims: bool = False
    ) -> Any:
        if weights is None:
            return self.call("mean", a, axis=axis, keepdims=keepdims)
        a, weights = self.array(a), self.array(weights)
        if weights.ndim == 1 and a.ndim > 1 and axis is not None:
            weights = weights[tuple(slice(None) if k == axis % a.ndim else None for k in range(a.ndim))]
        total = self.call("sum", a * weights, axis=axis, keepdims=keepdims)
        return total / self.call("sum", weights + 0 * a, axis=axis, keepdims=keepdims)

    def ptp(self, a: Any, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        return self.call("max", a, axis=axis, keepdims=keepdims) - self.call("min", a, axis=axis, keepdims=keepdims)

    def count_nonzero(self, a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
        return self.call("sum", self.array(a) != 0, axis=axis, keepdims=keepdims)

    def cumsum(self, a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        return self._running("cumsum", a, axis)

    def cumprod(self, a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        return self._running("cumprod", a, axis)

    def _running(self, name: str, a: Any, axis: Any) -> Any:
        return self.call(name, self.ravel(a), axis=0) if axis is None else self.call(name, a, axis=axis)

    def diff(self, a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
        x = self.array(a)
        axis %= x.ndim
        ends = [each if each is None else self._along(each, x, axis) for each in (prepend, append)]
        if any(each is not None for each in ends):
            x = self.concatenate([each for each in (ends[0], x, ends[1]) if each is not None], axis)
        before = (slice(None),) * axis
        for _ in range(n):
            x = x[(*before, slice(1, None))] - x[(*before, slice(None, -1))]
        return x

    def _along(self, value: Any, x: Any, axis: int) -> Any:
        value = self.array(value)
        if value.ndim:
            return value
        return self.broadcast_to(value, tuple(1 if k == axis else size for k, size in enumerate(x.shape)))

    def ediff1d(self, ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
        return self.diff(self.ravel(ary))

    def gradient(self, f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
        x = self.array(f)
        axes = list(range(x.ndim)) if axis is None else [axis % x.ndim] if isinstance(axis, int) else list(axis)
        steps = list(varargs) * len(axes) if len(varargs) == 1 else list(varargs) or [1.0] * len(axes)
        made = []
        for each, step in zip(axes, steps):
            before = (slice(None),) * each
            inner = (x[(*before, slice(2, None))] - x[(*before, slice(None, -2))]) / 2.0
            first = x[(*before, slice(1, 2))] - x[(*before, slice(0, 1))]
            last = x[(*before, slice(-1, None))] - x[(*before, slice(-2, -1))]
            made.append(self.concatenate([first, inner, last], each) / step)
        return made[0] if len(made) == 1 else made

    def cov(self, m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: Any = None) -> Any:
        x = self.atleast_2d(m)
        x = x if rowvar or self.ndim(m) == 1 else x.T
        less = (0 if bias else 1) if ddof is None else ddof
        centred = x - self.call("mean", x, axis=1, keepdims=True)
        return (
            self.call("squeeze", centred @ centred.T / (x.shape[1] - less))
            if self.ndim(m) == 1
            else (centred @ centred.T / (x.shape[1] - less))
        )

    # ------------------------------------------------------------ products

    def dot(self, a: Any, b: Any, out: Any = None) -> Any:
        return self.call("dot", a, b)

    def inner(self, a: Any, b: Any) -> Any:
        a, b = self.array(a), self.array(b)
        if a.ndim == 0 or b.ndim == 0:
            return a * b
        return self.tensordot(a, b, ((-1,), (-1,)))

    def vdot(self, a: Any, b: Any) -> Any:
        return self.call("dot", self.ravel(a), self.ravel(b))

    def outer(self, a: Any, b: Any, out: Any = None) -> Any:
        return self.call("outer", self.ravel(a), self.ravel(b))

    def vecdot(self, a: Any, b: Any, axis: int = -1, **keywords: Any) -> Any:
        return self.call("sum", self.array(a) * b, axis=axis)

    def matvec(self, a: Any, b: Any) -> Any:
        return self.call("einsum", "...ij,...j->...i", a, b)

    def vecmat(self, a: Any, b: Any) -> Any:
        return self.call("einsum", "...i,...ij->...j", a, b)

    def tensordot(self, a: Any, b: Any, axes: Any = 2) -> Any:
        a, b = self.array(a), self.array(b)
        if isinstance(axes, (int, np.integer)):
            left, right = list(range(a.ndim - int(axes), a.ndim)), list(range(int(axes)))
        else:
            left, right = ([int(k) for k in np.atleast_1d(each)] for each in axes)
        first = [chr(97 + k) for k in range(a.ndim)]
        second = [chr(65 + k) for k in range(b.ndim)]
        for one, other in zip(left, right):
            second[other] = first[one]
        gone = {first[one] for one in left}
        kept = "".join(letter for letter in first + second if letter not in gone)
        return self.call("einsum", f"{''.join(first)},{''.join(second)}->{kept}", a, b)

    def einsum(self, *operands: Any, out: Any = None, optimize: Any = None, **keywords: Any) -> Any:
        return self.call("einsum", *operands)

    def multi_dot(self, arrays: Sequence[Any], *, out: Any = None) -> Any:
        result = self.array(arrays[0])
        for each in arrays[1:]:
            result = result @ each
        return result

    def matrix_power(self, a: Any, n: int) -> Any:
        return self.call("matrix_power", a, n)

    def eigh(self, a: Any, UPLO: str = "L") -> Eigh:
        return Eigh(*self.call("eigh", a if UPLO in "lL" else self.matrix_transpose(a)))

    def eigvalsh(self, a: Any, UPLO: str = "L") -> Any:
        return self.call("eigvalsh", a if UPLO in "lL" else self.matrix_transpose(a))

    def cholesky(self, a: Any, /, *, upper: bool = False) -> Any:
        """Of a matrix that is symmetric either half will do."""
        lower = self.call("cholesky", self.matrix_transpose(a) if upper else a)
        return self.matrix_transpose(lower) if upper else lower

    def slogdet(self, a: Any) -> Slogdet:
        return Slogdet(*self.call("slogdet", a))

    def svd(self, a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
        a = self.array(a)
        if not compute_uv:
            return self.call("svdvals", a)
        if full_matrices and str(a.shape[-1]) != str(a.shape[-2]):
            return self.tracing.unknown("svd", "write `np.linalg.svd(a, full_matrices=False)`")
        return Svd(*self.call("svd", a))

    def qr(self, a: Any, mode: str = "reduced") -> Any:
        if mode not in ("reduced", "r"):
            return self.tracing.unknown("qr", "write `np.linalg.qr(a)`, whose mode is `reduced`")
        made = Qr(*self.call("qr", a))
        return made.R if mode == "r" else made

    def lstsq(self, a: Any, b: Any, rcond: Any = None) -> tuple[Any, Any, Any, Any]:
        """The rank is that of a matrix whose columns do not depend on each other."""
        a, b = self.array(a), self.array(b)
        x = self.call("lstsq", a, b)
        left = self.call("sum", (b - a @ x) ** 2, axis=0)
        return x, left if b.ndim > 1 else left[None], min(a.shape), self.call("svdvals", a)

    def norm(self, x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
        x = self.array(x)
        axes = axis if isinstance(axis, tuple) else (axis,)
        is_vector = (axis is None and x.ndim == 1) or (axis is not None and len(axes) == 1)
        if ord is None or (ord == "fro" and not is_vector) or (ord == 2 and is_vector):
            return self.call("norm", x, axis=axis, keepdims=keepdims)
        if not is_vector:
            if axis is None and ord in ("nuc", 2):
                return self.call("norm", x, ord=ord, keepdims=keepdims)
            return self.tracing.unknown("norm", "the norms of a matrix are `fro`, `nuc` and 2, for its last two axes")
        size = self.call("abs", x)
        if ord in (np.inf, -np.inf):
            return self.call("max" if ord > 0 else "min", size, axis=axis, keepdims=keepdims)
        if ord == 0:
            return self.call("sum", x != 0, axis=axis, keepdims=keepdims)
        total = self.call("sum", size if ord == 1 else size**ord, axis=axis, keepdims=keepdims)
        return total if ord == 1 else total ** (1.0 / ord)

    def vector_norm(self, x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
        return self.norm(self.ravel(x) if axis is None else x, ord, axis, keepdims)

    def matrix_norm(self, x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
        return self.norm(x, ord, (-2, -1), keepdims)

    # ------------------------------------------------------------ order

    def sort(self, a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
        return self.call("sort", self.ravel(a) if axis is None else a, axis=-1 if axis is None else axis)

    def argsort(self, a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
        return self.call("argsort", self.ravel(a) if axis is None else a, axis=-1 if axis is None else axis)

    # ------------------------------------------------------------ polynomials

    def polyval(self, p: Any, x: Any) -> Any:
        result: Any = 0.0
        for coefficient in p:
            result = result * x + coefficient
        return result

    # ------------------------------------------------------------ SciPy

    def logsumexp(
        self, a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False
    ) -> Any:
        if return_sign:
            return self.tracing.unknown("logsumexp", "`return_sign` has no counterpart")
        if b is not None:
            a = self.array(a) + self.call("log", b)
        return self.call("logsumexp", a, axis=axis, keepdims=keepdims)

    def softmax(self, x: Any, axis: Any = None) -> Any:
        return self._over_all("softmax", x, axis)

    def log_softmax(self, x: Any, axis: Any = None) -> Any:
        return self._over_all("log_softmax", x, axis)

    def _over_all(self, name: str, x: Any, axis: Any) -> Any:
        x = self.array(x)
        if axis is None and x.ndim > 1:
            return self.call("reshape", self.call(name, self.ravel(x), axis=0), x.shape)
        return self.call(name, x, axis=0 if axis is None else axis)

    def multigammaln(self, a: Any, d: int) -> Any:
        a = self.array(a)
        return d * (d - 1) / 4 * float(np.log(np.pi)) + sum(self.call("lgamma", a - k / 2) for k in range(d))

    def comb(self, N: Any, k: Any, **keywords: Any) -> Any:
        return self.call("binom", N, k)

    def factorial(self, n: Any, exact: bool = False, extend: Any = None) -> Any:
        return self.call("factorial", n)

    def polygamma(self, n: Any, x: Any) -> Any:
        return self.call("polygamma", n, x)


def normal(tracing: Any, name: str, x: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """`scipy.stats.norm`."""
    call, ours = tracing.call, {"logcdf": "log_ndtr", "cdf": "ndtr", "logpdf": "normal_logpdf", "pdf": "normal_pdf"}
    if name == "ppf":
        return call("ndtri", x) * scale + loc
    z = (tracing.array(x) - loc) / scale
    if name in ("sf", "logsf"):
        return call("ndtr" if name == "sf" else "log_ndtr", -z)
    value = call(ours[name], z)
    if name == "logpdf":
        return value - call("log", scale)
    return value / scale if name == "pdf" else value


NORMAL = ("logcdf", "cdf", "logpdf", "pdf", "ppf", "sf", "logsf")
NEURAL = {
    "relu": "relu", "sigmoid": "sigmoid", "softplus": "softplus", "silu": "silu", "swish": "silu", "elu": "elu",
    "leaky_relu": "leaky_relu", "log_sigmoid": "log_sigmoid", "mish": "mish", "soft_sign": "softsign", "tanh": "tanh",
}  # fmt: skip
"""Functions of `jax.nn`."""
