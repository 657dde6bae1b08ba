"""What a call returns: plain numbers and arrays, and gradients by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, SupportsIndex, overload

import numpy as np


class Gradients(tuple[Any, ...]):
    """One entry for each input in `wrt`, in its order: `grads.x`, `grads["x"]`, `grads[0]`, `tuple(grads)`."""

    __slots__ = ()
    __match_args__: tuple[str, ...] = ()

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    @overload
    def __getitem__(self, key: str | SupportsIndex) -> Any: ...
    @overload
    def __getitem__(self, key: slice) -> tuple[Any, ...]: ...
    def __getitem__(self, key: str | SupportsIndex | slice) -> Any:
        if isinstance(key, str):
            names = names_of(self)
            if key not in names:
                raise KeyError(f"{key!r}; the inputs here are {', '.join(names) or 'none'}")
            key = names.index(key)
        return tuple.__getitem__(self, key)

    def __repr__(self) -> str:
        return "Gradients(" + ", ".join(f"{name}={value!r}" for name, value in zip(names_of(self), tuple(self))) + ")"

    def __reduce__(self) -> tuple[Any, ...]:
        return gradients, (names_of(self), tuple(self))


def names_of(grads: Gradients) -> tuple[str, ...]:
    """The inputs that the entries belong to. No method, because any method's name may be an input's."""
    return type(grads).__match_args__


@cache
def gradients_type(names: tuple[str, ...]) -> type[Gradients]:
    """The class of gradients for these inputs."""
    fields = {name: property(itemgetter(k)) for k, name in enumerate(names)}
    return type("Gradients", (Gradients,), {"__slots__": (), "__match_args__": names, "_names": names, **fields})


def gradients(names: tuple[str, ...], values: Iterable[Any]) -> Gradients:
    """A named tuple; unlike `collections.namedtuple` it takes any name, `class` and `count` too."""
    return gradients_type(names)(values)


def to_python(value: Any) -> Any:
    """A result as a user expects it: a float64 scalar is a Python float."""
    if type(value) is float:
        return value
    if np.ndim(value) == 0:
        return float(value) if np.asarray(value).dtype == np.float64 else value[()]
    return value


def detach(outputs: Sequence[Any], arrays: Iterable[Any]) -> list[Any]:
    """The outputs, copied where one is an argument, an earlier output or a view: a caller may write into each."""
    seen = {id(array) for array in arrays}
    results = []
    for value in outputs:
        shared = np.ndim(value) and (id(value) in seen or not (value.flags.owndata and value.flags.writeable))
        results.append(value.copy() if shared else value)
        seen.add(id(value))
    return results
