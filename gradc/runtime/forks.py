"""One thread compiles at a time, and none while the process forks: the child would wait for it forever."""

from __future__ import annotations

import logging  # noqa: F401 (its own handler has to be registered first: handlers run from the last one to the first)
import os
import sys
from functools import cached_property
from threading import Lock, RLock, get_ident
from typing import Any

from gradc.language.record import writing
from gradc.native import openblas, threads


class Turnstile:
    """A lock that goes to those who wait for it in turn, so that threads which compile on and on let a fork through.
    The thread that has it may take it again: a function that is being traced calls others, which are compiled then."""

    def __init__(self) -> None:
        self._turn, self._lock = Lock(), Lock()
        self._owner: int | None = None
        self._depth = 0

    def acquire(self) -> None:
        if self._owner != get_ident():
            with self._turn:
                self._lock.acquire()
            self._owner, self._depth = get_ident(), 0
        self._depth += 1

    def release(self) -> None:
        self._depth -= 1
        if not self._depth:
            self._owner = None
            self._lock.release()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *raised: object) -> None:
        self.release()


compiling = Turnstile()
"""Held while a program is compiled for new types of arguments."""

_held: list[Any] = []
"""The locks that a fork in progress holds, in the order in which they were taken."""


def _acquire() -> None:
    """Wait for compilations, users' `@njit` code that compiles a kernel among them: it holds Numba's lock; and for
    LLVM, whose lock is also taken where machine code is given back."""
    numba_lock = getattr(sys.modules.get("numba.core.compiler_lock"), "global_compiler_lock", None)
    llvm = getattr(sys.modules.get("llvmlite.binding.ffi"), "lib", None)
    for lock in (compiling, numba_lock, getattr(getattr(llvm, "_lock", None), "_lock", None), writing):
        if lock is not None:
            lock.acquire()
            _held.append(lock)


def _release() -> None:
    while _held:
        _held.pop().release()


def _release_in_child() -> None:
    """Before Python 3.12 a cached property has a lock, which another thread may have held: a child gets a new one."""
    ours = [module for name, module in list(sys.modules.items()) if name.partition(".")[0] == "gradc"]
    for owner in [value for module in ours for value in vars(module).values() if isinstance(value, type)]:
        for member in vars(owner).values():
            if isinstance(member, cached_property) and hasattr(member, "lock"):
                member.lock = RLock()
    _release()
    compiling.__init__()  # type: ignore[misc]  # threads that the child lacks may have waited for their turn
    threads.forget_helpers()
    openblas.forget_routines()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_acquire, after_in_parent=_release, after_in_child=_release_in_child)
