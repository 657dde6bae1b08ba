"""What a call returns: plain numbers and arrays, and gradients by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from operator import itemgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self, SupportsIndex, cast, overload
from weakref import WeakValueDictionary

import numpy as np


class Gradients(tuple[Any, ...]):
    """One entry for each input in `wrt`, in its order: `grads.x`, `grads["x"]`, `grads[0]`, `x_bar, y_bar = grads`.

    A named tuple like those of `collections.namedtuple`, with `_fields`, `_asdict`, `_replace` and `_make`, whose
    fields may have any name. As attributes they come before everything else: with an input `count` or `_fields`,
    `grads.count` and `grads._fields` are its gradients. Names that no attribute can have, such as `class`, are items.

    >>> gradc.Gradients(x=1.0, y=2.0)._replace(y=3.0)._asdict()
    {'x': 1.0, 'y': 3.0}
    """

    __slots__ = ()
    __match_args__: tuple[str, ...] = ()
    _fields: tuple[str, ...] = ()
    _field_defaults: Mapping[str, Any] = MappingProxyType({})

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def __new__(cls, /, *values: Any, **named: Any) -> Self:
        """Entries in order or by name. `Gradients` itself takes them by name, whatever the names are."""
        names = cls.__match_args__ or tuple(named)
        if len(values) > len(names):
            raise TypeError(f"{len(names)} gradients expected, {len(values)} given")
        entries = dict(zip(names, values))
        if twice := entries.keys() & named.keys():
            raise TypeError(f"the gradient of {min(twice)!r} is given twice")
        entries |= named
        if entries.keys() != set(names):
            raise TypeError(f"gradients of {', '.join(names) or 'nothing'} expected, not of {', '.join(entries)}")
        return tuple.__new__(cast("type[Self]", gradients_type(names)), [entries[name] for name in names])

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

    @classmethod
    def _make(cls, values: Iterable[Any]) -> Self:
        """Gradients of the same inputs with these entries, in order."""
        return cls(*values)

    def _asdict(self) -> dict[str, Any]:
        """The entries by name, in order."""
        return dict(zip(names_of(self), self))

    def _replace(self, /, **named: Any) -> Self:
        """The same gradients with some entries changed."""
        known = dict(zip(names_of(self), self))
        if unknown := named.keys() - known.keys():
            raise ValueError(f"there is no gradient of {', '.join(sorted(unknown))}")
        return tuple.__new__(type(self), (known | named).values())

    __replace__ = _replace

    def __repr__(self) -> str:
        return "Gradients(" + ", ".join(f"{name}={value!r}" for name, value in zip(names_of(self), tuple(self))) + ")"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        """What notebooks show: a table, and the same in LaTeX where all are numbers."""
        entries = list(zip(names_of(self), tuple(self)))
        rows = "".join(
            f"<tr><th>d/d{escape(name)}</th><td>{escape(_short(value))}</td></tr>" for name, value in entries
        )
        bundle = {"text/plain": repr(self), "text/html": f"<table>{rows}</table>"}
        if entries and all(np.ndim(value) == 0 for _, value in entries):
            lines = [
                rf"\frac{{\partial}}{{\partial \mathtt{{{name}}}}} &= {_short(value)}".replace("_", r"\_")
                for name, value in entries
            ]
            bundle["text/latex"] = r"$$\begin{aligned}" + r" \\ ".join(lines) + r"\end{aligned}$$"
        return bundle

    def __reduce__(self) -> tuple[Any, ...]:
        return gradients, (names_of(self), tuple(self))


class Results(Gradients):
    """The results of a program that has several, by name and in order: `f(...).loss`, `loss, accuracy = f(...)`.

    >>> gradc.compile("loss = x**2; (loss, x > 1)")(3.0)
    Results(loss=9.0, value1=1.0)
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "Results(" + ", ".join(f"{name}={value!r}" for name, value in zip(names_of(self), tuple(self))) + ")"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        """What notebooks show: a table."""
        entries = list(zip(names_of(self), tuple(self)))
        rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(_short(value))}</td></tr>" for name, value in entries)
        return {"text/plain": repr(self), "text/html": f"<table>{rows}</table>"}

    def __reduce__(self) -> tuple[Any, ...]:
        return results, (names_of(self), tuple(self))


def names_of(grads: Gradients) -> tuple[str, ...]:
    """The inputs that the entries belong to. No method, because any method's name may be an input's."""
    return type(grads).__match_args__


def _short(value: Any) -> str:
    """A number in full, a large array by its corners."""
    return str(value) if np.ndim(value) == 0 else np.array2string(np.asarray(value), threshold=20, edgeitems=3)


_types: WeakValueDictionary[tuple[type[Gradients], tuple[str, ...]], type[Gradients]] = WeakValueDictionary()


def gradients_type(names: tuple[str, ...]) -> type[Gradients]:
    """The class of gradients for these inputs, the same one as long as somebody has it."""
    return _type(Gradients, names)


def _type(kind: type[Gradients], names: tuple[str, ...]) -> type[Gradients]:
    found = _types.get((kind, names))
    if found is None:
        fields = {name: property(itemgetter(k)) for k, name in enumerate(names) if not name.startswith("__")}
        members = {"__slots__": (), "__match_args__": names, "__module__": __name__, "_fields": names, **fields}
        found = _types.setdefault((kind, names), type(kind.__name__, (kind,), members))
    return found


def results(names: tuple[str, ...], values: Iterable[Any]) -> Results:
    """Several results under their names, in order."""
    return cast(Results, tuple.__new__(_type(Results, names), values))


def gradients(names: tuple[str, ...], values: Iterable[Any]) -> Gradients:
    """The gradients of these inputs, in order."""
    return tuple.__new__(gradients_type(names), values)


def to_python(value: Any) -> Any:
    """A result as a user expects it: a float64 scalar is a Python float."""
    if type(value) is float or hasattr(type(value), "inlined"):
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
