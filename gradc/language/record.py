"""Records: small immutable ones for syntax; data classes whose methods are written when the first instance is made."""

from __future__ import annotations

import dataclasses
from threading import RLock
from typing import TYPE_CHECKING, Any, dataclass_transform

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(cls: type | None = None, /, **options: bool) -> Any:
        """The standard library's, of which a process pays only for what it uses: writing the methods of all classes of
        the compiler would take longer than compiling a formula."""
        if cls is None:
            return lambda cls: dataclass(cls, **options)
        return _deferred(cls, options)


writing = RLock()
"""Held while the methods of a class are written."""


def _deferred(cls: type, options: dict[str, bool]) -> type:
    """The class, of which `dataclasses` makes a data class when it is first called."""
    if options.pop("slots", False):
        names = tuple(vars(cls).get("__annotations__", ()))
        if any(name in cls.__dict__ for name in names):  # a default stands where the slot has to be
            _write_bases(cls)
            return dataclasses.dataclass(slots=True, **options)(cls)
        members = {name: value for name, value in cls.__dict__.items() if name not in ("__dict__", "__weakref__")}
        cls = type(cls)(cls.__name__, cls.__bases__, {**members, "__slots__": names, "__qualname__": cls.__qualname__})
    cls.__doc__ = cls.__doc__ or cls.__name__

    def first(self: Any, *args: Any, **kwargs: Any) -> None:
        written(cls)
        vars(cls)["__init__"](self, *args, **kwargs)

    def write() -> None:
        _write_bases(cls)
        made = _init(cls, options)
        dataclasses.dataclass(**{**options, "init": False})(cls)
        setattr(cls, "__init__", made)  # noqa: B010 - as below

    vars(first)["write"] = write
    setattr(cls, "__init__", first)  # noqa: B010 - a type checker takes an assignment for a mistake
    return cls


def _init(cls: type, options: dict[str, bool]) -> Any:
    """The `__init__` that a class will have, made for a copy of it: other threads may call the class meanwhile."""
    slots = cls.__dict__.get("__slots__", ())
    left_out = {"__dict__", "__weakref__", "__slots__", "__init__", *slots}
    members = {name: value for name, value in cls.__dict__.items() if name not in left_out}
    copy = type(cls)(cls.__name__, cls.__bases__, members)
    return vars(dataclasses.dataclass(**{**options, "repr": False, "eq": False})(copy))["__init__"]


def _write_bases(cls: type) -> None:
    for base in cls.__mro__[:0:-1]:
        written(base)


def written(cls: type) -> None:
    """See to it that a class has its methods."""
    with writing:
        write = getattr(cls.__dict__.get("__init__"), "write", None)
        if write is not None:
            write()


@dataclass_transform(frozen_default=True, eq_default=False)
def record(cls: type) -> type:
    """Make a class a small record, immutable to the type checker: to enforce it at run time makes each one four
    times as slow to create, and a program has many."""
    return dataclass(eq=False, repr=False, slots=True)(cls)
