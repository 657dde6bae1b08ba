"""What a call returns: plain numbers and arrays, and gradients by name."""

from __future__ import annotations

from functools import cache
from operator import itemgetter
from typing import Any, Iterable

import numpy as np


class Gradients(tuple):
    """One entry for each input in `wrt`, in its order: `grads.x`, `grads["x"]`, `grads[0]`, `tuple(grads)`."""

    __slots__ = ()
    _names: tuple[str, ...] = ()

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            names = type(self)._names
            if key not in names:
                raise KeyError(f"{key!r}; there are {', '.join(names)}")
            key = names.index(key)
        return tuple.__getitem__(self, key)

    def __repr__(self) -> str:
        return "Gradients(" + ", ".join(f"{name}={value!r}" for name, value in zip(type(self)._names, tuple(self))) + ")"

    def __reduce__(self) -> tuple:
        return gradients, (type(self)._names, tuple(self))


@cache
def gradients_type(names: tuple[str, ...]) -> type[Gradients]:
    fields = {name: property(itemgetter(k)) for k, name in enumerate(names)}
    return type("Gradients", (Gradients,), {"__slots__": (), **fields, "_names": names})


def gradients(names: tuple[str, ...], values: Iterable[Any]) -> Gradients:
    """A named tuple; unlike `collections.namedtuple` it takes any name, `class` and `count` too."""
    return gradients_type(names)(values)


def plain(value: Any) -> Any:
    """A result as a user expects it: float64 scalars as Python floats, arrays writable and their own."""
    if np.ndim(value) == 0:
        return float(value) if np.asarray(value).dtype == np.float64 else value[()]
    return value if value.flags.owndata and value.flags.writeable else np.array(value)
