"""The threads that take chunks of long loops: how many there may be, and the functions that share a loop.

They are started when the first loop is shared, wait awake for a moment after each, and then sleep. One
loop is shared at a time: a kernel that finds the threads busy, because another Python thread has them, does its loop
alone. Helpers never hold the interpreter's lock and take no signals.
"""

from __future__ import annotations

import ctypes
import os
import sys
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath

from gradc.native.frame import Status
from gradc.native.link import Code
from gradc.native.memory import in_huge_pages
from gradc.native.shelf import SharedCode
from gradc.native.source import source

VARIABLES = ("GRADC_NUM_THREADS", "OMP_NUM_THREADS")
"""Environment variables that say how many threads to use, the one that counts first."""
SPINS = 1000
"""How often a helper looks for the next loop before it sleeps."""
PATIENT = 100_000
"""How often the caller looks whether the others are done before it lets other processes run."""
OFTEN = 10_000_000
"""Nanoseconds between two looks for an interrupt."""

KEPT_FROM, KEPT_TO = 2**15, 2**22
"""Bytes of scratch memory that is kept for the next loop, at least and at most."""
SLOTS = 16
"""Blocks of scratch memory that are kept."""

MOST = 2**31
"""More threads than there can be."""

_chosen: int | None = None


def set_threads(count: int | None) -> None:
    """Use at most so many threads for a call; None for as many as there are processors for this process, or as the
    environment variables GRADC_NUM_THREADS and OMP_NUM_THREADS say.

    Results do not depend on the number of threads. Raises ValueError for numbers below 1, TypeError for what is no
    whole number.
    """
    global _chosen
    if count is not None:
        try:
            count = count.__index__()
        except AttributeError:
            raise TypeError(f"the number of threads is a whole number, not {count!r}") from None
        if count < 1:
            raise ValueError(f"there must be at least 1 thread, not {count}")
    _chosen = count
    if code.cache_info().currsize:
        _tell(code())


def get_threads() -> int:
    """How many threads a call may use, the one that makes it among them."""
    return usual() if _chosen is None else _chosen


@cache
def usual() -> int:
    """What the environment says, or how many processors there are for this process."""
    for name in VARIABLES:
        text = os.environ.get(name, "").partition(",")[0].strip()
        if text.isdecimal() and int(text) >= 1:
            return int(text)
        if text and name == VARIABLES[0]:
            warnings.warn(f"{name} is {text!r}, which is no number of threads from 1 on; it is ignored", stacklevel=3)
    return usable_cpus()


def usable_cpus() -> int:
    """How many processors this process may use: those that it is bound to, as far as its share of time goes."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(count, share_of_time() or count)


GROUPS = Path("/proc/self/cgroup")
"""Where Linux says which control groups the process is in."""
LIMITS = Path("/sys/fs/cgroup")
"""Where it says how many microseconds of processor time a group gets, and in how many."""


def share_of_time() -> int | None:
    """How many processors it takes to use all the time that the process's groups get; None where they have no limit."""
    shares = []
    for group in _groups():
        try:
            if (group / "cpu.max").exists():
                quota, period = (group / "cpu.max").read_text().split()
            else:  # version 1, where -1 is no limit
                quota, period = ((group / f"cpu.cfs_{name}_us").read_text().strip() for name in ("quota", "period"))
        except (OSError, ValueError):
            continue
        if quota.isdecimal() and period.isdecimal() and int(period):
            shares.append(max(1, -(-int(quota) // int(period))))
    return min(shares, default=None)


def _groups() -> Iterator[Path]:
    """The directories of the process's group and of those around it; a container may see its own as the outermost."""
    try:
        lines = GROUPS.read_text().splitlines()
    except (OSError, ValueError):
        lines = []
    for line in ["0::/", *lines]:
        _, _, rest = line.partition(":")
        kinds, _, path = rest.partition(":")
        if not kinds or "cpu" in kinds.split(","):
            own = PurePosixPath(path.lstrip("/"))
            for root in (LIMITS / "cpu", LIMITS / kinds) if kinds else (LIMITS,):
                yield from (root / group for group in (own, *own.parents) if ".." not in group.parts)


def text() -> str:
    """The functions that share a loop, and those that keep scratch memory, in LLVM's language."""
    scratch = source("scratch", SLOTS=SLOTS, KEPT_FROM=KEPT_FROM, KEPT_TO=KEPT_TO, **in_huge_pages("bytes"))
    if os.name != "posix":
        return source("alone", INTERRUPTED=int(Status.INTERRUPTED)) + "\n" + scratch
    is_x86 = os.uname().machine in ("x86_64", "AMD64", "i386", "i686")
    is_mac = sys.platform == "darwin"
    pause = "call void @llvm.x86.sse2.pause()" if is_x86 else ""
    shared = source(
        "threads", BYTES=128, SPINS=SPINS, PATIENT=PATIENT, INTERRUPTED=int(Status.INTERRUPTED),
        BLOCK_SIGNALS=1 if is_mac else 0, SET_SIGNALS=3 if is_mac else 2,
        CLOCK=6 if is_mac else 1, OFTEN=OFTEN, PAUSE=pause,
        DECLARED="declare void @llvm.x86.sse2.pause()" if is_x86 else "",
    )  # fmt: skip
    return shared + "\n" + scratch


THREADS = SharedCode("the threads", text)


@cache
def code() -> Code:
    """The functions, which stay as long as the process: helpers are in them to the end."""
    from gradc.native.entry import loaded

    made = loaded(THREADS)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(made))
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(made.engine))
    _tell(made)
    return made


def _tell(made: Code) -> None:
    ctypes.c_int64.from_address(made.address("threads")).value = min(get_threads(), MOST)


def forget_helpers() -> None:
    """What the child of a fork does: it has none."""
    if code.cache_info().currsize:
        ctypes.CFUNCTYPE(None)(code().address("forget"))()
