"""First call and memory of one competitor, measured in a process of its own.

The process runs `ENTRY`: it reads a pickled request from standard input, which `probe` below wrote, and prints the
answer as one line of JSON.
"""

from __future__ import annotations

import ctypes
import gc
import json
import pickle
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import numpy as np

from gradc.bench.workload import Inputs, Workload, nbytes

TIMEOUT = 600
"""Seconds after which a process is given up."""

ENTRY = "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); from gradc.bench.probe import main; main()"

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Unmeasured(Exception):
    """The process ended without an answer; the text says how."""


def probe(competitor: Any, workload: Workload, inputs: Inputs) -> dict[str, Any]:
    """`import_ns`, `first_ns` (prepare, compile, one call; its modules imported before), `peak_bytes`, `memory_method`.

    Raises `Unmeasured` if the process fails.
    """
    path = [str(Path(entry).resolve()) for entry in sys.path]
    request = pickle.dumps(path) + pickle.dumps((competitor, workload, inputs))
    try:
        done = subprocess.run([sys.executable, "-P", "-c", ENTRY], input=request, capture_output=True, timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        raise Unmeasured(f"no answer after {TIMEOUT} s") from None
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise Unmeasured(lines[-1][:120] if lines else f"its process ended with code {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


# ---------------------------------------------------------------- in the new process


def main() -> None:
    """Answer the request on standard input."""
    competitor, workload, inputs = pickle.load(sys.stdin.buffer)
    start = perf_counter_ns()
    for module in competitor.modules:
        import_module(module)
    imported = perf_counter_ns()
    with np.errstate(all="ignore"):
        call = competitor.prepare(workload, inputs)
        call()
        first = perf_counter_ns()
        method, peak = peak_memory(call)
    answer = {"import_ns": imported - start, "first_ns": first - imported, "peak_bytes": peak, "memory_method": method}
    print("\n" + json.dumps(answer))


def peak_memory(call: Callable[[], Any]) -> tuple[str, int]:
    """How it was measured, and the most bytes a second call held at one time beyond inputs and results."""
    gc.collect()
    if reset_peak():
        before = resident("VmRSS")
        value, grads = call()
        return "resident set", max(0, resident("VmHWM") - before - nbytes((value, *grads)))
    tracemalloc.start()
    value, grads = call()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return "tracemalloc", max(0, peak - nbytes((value, *grads)))


def reset_peak() -> bool:
    """Give freed memory back to the system and reset the peak of the resident set; False where that cannot be
    done (it takes Linux)."""
    try:
        CLEAR.write_text("5")
    except OSError:
        return False
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    CLEAR.write_text("5")
    return True


def resident(field: str) -> int:
    """A field of this process's memory status, in bytes."""
    for line in STATUS.read_text().splitlines():
        name, _, rest = line.partition(":")
        if name == field:
            return int(rest.split()[0]) * 1024
    raise KeyError(field)
