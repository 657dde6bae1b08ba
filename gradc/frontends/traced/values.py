"""What a traced function is called with: stand-ins for numbers, arrays and sizes that record what is done with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from gradc.construct.selected import Selected
from gradc.ir.graph import Node
from gradc.ir.sizes import Derived, Size, derive


def _binary(op: str) -> Callable[[Any, Any], Any]:
    def apply(self: Any, other: Any) -> Any:
        return self._tracing.binary(op, self, other)

    return apply


def _reflected(op: str) -> Callable[[Any, Any], Any]:
    def apply(self: Any, other: Any) -> Any:
        return self._tracing.binary(op, other, self)

    return apply


def _refused(what: str) -> Callable[..., Any]:
    """A special method for which there is no answer while a function is traced."""

    def refuse(self: Any, *args: Any) -> Any:
        return self._tracing.refuse(what, self)

    return refuse


def _method(name: str) -> Callable[..., Any]:
    """A method of arrays that is the function of the same name."""

    def apply(self: Any, *args: Any, **keywords: Any) -> Any:
        return self._tracing.method(name, self, args, keywords)

    apply.__name__ = name
    return apply


class _Operators:
    """The operators that arrays and sizes share."""

    __slots__ = ()

    __add__, __radd__ = _binary("+"), _reflected("+")
    __sub__, __rsub__ = _binary("-"), _reflected("-")
    __mul__, __rmul__ = _binary("*"), _reflected("*")
    __truediv__, __rtruediv__ = _binary("/"), _reflected("/")
    __floordiv__, __rfloordiv__ = _binary("//"), _reflected("//")
    __mod__, __rmod__ = _binary("%"), _reflected("%")
    __rpow__ = _reflected("**")
    __matmul__, __rmatmul__ = _binary("@"), _reflected("@")

    def __pow__(self: Any, other: Any, modulus: Any = None) -> Any:
        power = self._tracing.binary("**", self, other)
        return power if modulus is None else power % modulus

    def __divmod__(self, other: Any) -> tuple[Any, Any]:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> tuple[Any, Any]:
        return other // self, other % self


class TracedArray(_Operators):
    """A number or an array while a function is traced: it knows its shape, and has no values."""

    __slots__ = ("_tracing", "_value")
    __array_priority__ = 1000

    def __init__(self, tracing: Any, value: Node | Selected):
        self._tracing = tracing
        self._value = value

    def __repr__(self) -> str:
        return f"<traced {self._value.type if isinstance(self._value, Node) else 'selection'}>"

    # ------------------------------------------------------------ what it is

    @property
    def shape(self) -> tuple[Any, ...]:
        return self._tracing.shape_of(self)

    @property
    def ndim(self) -> int:
        value = self._value
        return value.type.rank if isinstance(value, Node) else value.rank

    @property
    def size(self) -> Any:
        return self._tracing.count_of(self)

    @property
    def dtype(self) -> np.dtype:
        return self._tracing.dtype_of(self)

    @property
    def T(self) -> Any:
        return self._tracing.transposed(self)

    mT = property(lambda self: self._tracing.function("matrix_transpose", self))
    real = property(lambda self: self)
    flat = property(lambda self: self.ravel())

    def __len__(self) -> int:
        return self._tracing.length(self)

    def __iter__(self) -> Iterator[Any]:
        return iter([self[k] for k in range(len(self))])

    def __getitem__(self, items: Any) -> Any:
        return self._tracing.index(self, items)

    def __contains__(self, value: Any) -> bool:
        return bool(self._tracing.call("any", self == value))

    # ------------------------------------------------------------ operators

    def __neg__(self) -> Any:
        return self._tracing.unary("-", self)

    def __pos__(self) -> Any:
        return self

    def __invert__(self) -> Any:
        return self._tracing.unary("not", self)

    def __abs__(self) -> Any:
        return self._tracing.call("abs", self)

    __lt__, __le__, __gt__, __ge__ = _binary("<"), _binary("<="), _binary(">"), _binary(">=")
    __eq__, __ne__ = _binary("=="), _binary("!=")
    __and__, __rand__ = _binary("and"), _reflected("and")
    __or__, __ror__ = _binary("or"), _reflected("or")
    __xor__, __rxor__ = _binary("xor"), _reflected("xor")

    # ------------------------------------------------------------ methods of arrays

    sum, mean, prod, std, var = map(_method, ("sum", "mean", "prod", "std", "var"))
    max, min, argmax, argmin, any, all = map(_method, ("max", "min", "argmax", "argmin", "any", "all"))
    cumsum, cumprod, dot, clip, take, round = map(_method, ("cumsum", "cumprod", "dot", "clip", "take", "round"))
    ravel, squeeze, swapaxes, trace, diagonal, repeat, argsort = map(
        _method, ("ravel", "squeeze", "swapaxes", "trace", "diagonal", "repeat", "argsort")
    )
    ptp, searchsorted, nonzero, compress, partition, put, choose = map(
        _method, ("ptp", "searchsorted", "nonzero", "compress", "partition", "put", "choose")
    )

    def flatten(self, order: str = "C") -> Any:
        return self.ravel(order)

    def reshape(self, *shape: Any, order: str = "C") -> Any:
        return self._tracing.function("reshape", self, shape[0] if len(shape) == 1 else shape, order=order)

    def transpose(self, *axes: Any) -> Any:
        given = axes[0] if len(axes) == 1 else axes or None
        return self._tracing.function("transpose", self, given)

    def copy(self, order: str = "C") -> Any:
        return self

    def astype(self, dtype: Any, *args: Any, **keywords: Any) -> Any:
        return self._tracing.astype(self, dtype)

    # ------------------------------------------------------------ NumPy's protocols

    def __array_ufunc__(self, ufunc: np.ufunc, how: str, *args: Any, **keywords: Any) -> Any:
        return self._tracing.ufunc(ufunc, how, args, keywords)

    def __array_function__(self, function: Any, types: Any, args: Any, keywords: Any) -> Any:
        return self._tracing.numpy_function(function, args, keywords)

    def inlined(self, specialiser: Any, transform: str, args: Any, extra: Any) -> list[Any]:
        """The outputs of a program for these arguments: its graph becomes part of this one."""
        return self._tracing.inlined(specialiser, transform, args, extra)

    def typed(self, leaves: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Arguments of another function as traced values, and their types."""
        values = {name: self._tracing.array(leaf) for name, leaf in leaves.items()}
        return values, {name: value._value.type for name, value in values.items()}

    def asked_by(self, wanted: Any, types: Any) -> BaseException:
        """What this function has to know for another one that it calls."""
        return self._tracing.asked_by(wanted, types)

    def __getattr__(self, name: str) -> Any:
        return self._tracing.no_attribute(name, self)

    # ------------------------------------------------------------ what needs values

    __array__ = _refused("array")
    __jax_array__ = property(lambda self: self._tracing.refuse("jax", self))
    __bool__ = _refused("bool")
    __float__ = _refused("float")
    __int__ = _refused("int")
    __index__ = _refused("index")
    __complex__ = _refused("complex")
    __hash__ = _refused("hash")  # type: ignore[assignment]
    __round__ = _refused("round")
    __floor__ = _refused("floor")
    __ceil__ = _refused("ceil")
    __trunc__ = _refused("trunc")
    __setitem__ = _refused("setitem")
    __delitem__ = _refused("setitem")
    item = _refused("item")
    tolist = _refused("tolist")
    sort = fill = resize = _refused("inplace")

    def __format__(self, spec: str) -> str:
        return self._tracing.refuse("format", self) if spec else repr(self)

    def __deepcopy__(self, memo: Any) -> Any:
        return self

    __copy__ = copy


class TracedSize(_Operators):
    """A size of an array while a function is traced. Arithmetic keeps it open; where the function needs the number
    itself, as `range` does, it is traced again for each number."""

    __slots__ = ("_size", "_tracing")

    def __init__(self, tracing: Any, size: Size):
        self._tracing = tracing
        self._size = size

    def __repr__(self) -> str:
        return f"<traced size {self._size}>"

    def _derived(self, op: str, left: Any, right: Any) -> Any:
        sizes = [side._size if isinstance(side, TracedSize) else side for side in (left, right)]
        if any(isinstance(side, bool) or not isinstance(side, (int, str, Derived)) for side in sizes):
            return self._tracing.binary(op, left, right)
        return self._tracing.sized(derive(op, *sizes))

    def __add__(self, other: Any) -> Any:
        return self._derived("+", self, other)

    def __radd__(self, other: Any) -> Any:
        return self._derived("+", other, self)

    def __sub__(self, other: Any) -> Any:
        return self._derived("-", self, other)

    def __rsub__(self, other: Any) -> Any:
        return self._derived("-", other, self)

    def __mul__(self, other: Any) -> Any:
        return self._derived("*", self, other)

    def __rmul__(self, other: Any) -> Any:
        return self._derived("*", other, self)

    def __floordiv__(self, other: Any) -> Any:
        if type(other) is int and other > 0:
            return self._derived("//", self, other)
        return int(self) // other

    def __rfloordiv__(self, other: Any) -> Any:
        return other // int(self)

    def __neg__(self) -> Any:
        return -int(self)

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return self

    def __index__(self) -> int:
        return self._tracing.number_of(self)

    __int__ = __index__

    def __float__(self) -> float:
        return float(int(self))

    def __bool__(self) -> bool:
        return int(self) != 0

    def __hash__(self) -> int:
        return hash(int(self))

    def __eq__(self, other: Any) -> Any:
        if isinstance(other, TracedSize) and other._size == self._size:
            return True
        return self._compared(other, "__eq__")

    def __ne__(self, other: Any) -> Any:
        equal = self == other
        return not equal if isinstance(equal, bool) else equal

    def __lt__(self, other: Any) -> Any:
        return self._compared(other, "__lt__")

    def __le__(self, other: Any) -> Any:
        return self._compared(other, "__le__")

    def __gt__(self, other: Any) -> Any:
        return self._compared(other, "__gt__")

    def __ge__(self, other: Any) -> Any:
        return self._compared(other, "__ge__")

    def _compared(self, other: Any, relation: str) -> Any:
        if isinstance(other, TracedArray):
            return NotImplemented
        return getattr(int(self), relation)(int(other) if isinstance(other, TracedSize) else other)

    def __array_ufunc__(self, ufunc: np.ufunc, how: str, *args: Any, **keywords: Any) -> Any:
        return self._tracing.ufunc(ufunc, how, args, keywords)

    def __format__(self, spec: str) -> str:
        return format(int(self), spec)


def tracing_in(value: Any) -> Any:
    """The run that a value, or one of its parts, belongs to; None where nothing is traced."""
    stack, seen = [value], set()
    while stack:
        part = stack.pop()
        if isinstance(part, (TracedArray, TracedSize)):
            return part._tracing
        if isinstance(part, (list, tuple, dict)):
            if id(part) not in seen:  # one that contains itself is refused later
                seen.add(id(part))
                stack += part.values() if isinstance(part, dict) else part
        elif isinstance(part, np.ndarray) and part.dtype == object:
            stack += part.ravel().tolist()
    return None
