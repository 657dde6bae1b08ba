"""One library at work, in a process of its own: `python -m bench.race.process`, started by `bench.race.measure`.

Reads a request in JSON from standard input. For each case it writes the answer to a file beside the inputs, and two
lines of JSON to standard output: one when it starts and one with the times.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import math
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module, metadata
from pathlib import Path
from time import perf_counter_ns, process_time_ns
from typing import Any

import numpy as np

from bench.race import libraries
from bench.race.libraries import Call, Case, Declined, Prepared

LONGEST_REASON = 120
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


# ---------------------------------------------------------------- clocks


def batch(call: Call, repeats: int) -> tuple[float, float]:
    """Nanoseconds that a call takes, and keeps processors busy."""
    before, start = process_time_ns(), perf_counter_ns()
    for _ in range(repeats):
        call()
    taken, busy = perf_counter_ns() - start, process_time_ns() - before
    return taken / repeats, busy / repeats


def timed(call: Call, rounds: int, shortest: int, budget: int) -> tuple[list[float], float]:
    """Nanoseconds a call took in each batch, and how many processors it kept busy. A batch is `shortest` or longer."""
    call()  # the second one, for which libraries still make things
    repeats = 1
    while (taken := batch(call, repeats)[0] * repeats) < shortest / 2:
        repeats *= 2 if taken * 100 > shortest else 10
    repeats = math.ceil(repeats * max(1.0, shortest / taken))
    rounds = max(1, min(rounds, int(budget / max(taken, shortest))))
    gc.collect()
    gc.disable()
    found = [batch(call, repeats) for _ in range(rounds)]
    gc.enable()
    return [each for each, _ in found], sum(busy for _, busy in found) / sum(each for each, _ in found)


# ---------------------------------------------------------------- memory


def peak_memory(prepared: Prepared) -> int | None:
    """The most bytes that a call held at one time beyond inputs and results; None where the system cannot tell."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None
    if trim is None or not CLEAR.exists():
        return None
    trim(0)
    try:
        CLEAR.write_text("5")
    except OSError:
        return None
    before = _status("VmRSS")
    given = prepared.call()
    peak = _status("VmHWM")
    return max(0, peak - before - sum(np.asarray(part).nbytes for part in prepared.answer(given)))


def _status(field: str) -> int:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024


# ---------------------------------------------------------------- the process


def inputs_in(folder: Path, names: Sequence[str]) -> dict[str, Any]:
    """What `bench.race.measure` has put there; numbers are Python floats."""
    found = {name: np.load(folder / f"{name}.npy") for name in names}
    return {name: x if x.ndim else x.item() for name, x in found.items()}


def measured(asked: dict[str, Any], prepare: Callable[[Case], Prepared], request: dict[str, Any]) -> dict[str, Any]:
    """First call, later calls and memory of one case; the answer goes to a file."""
    folder = Path(asked["folder"])
    case = Case(
        asked["workload"], asked["size"], asked["text"], inputs_in(folder, asked["inputs"]), tuple(asked["wrt"]),
        asked["operations"],
    )  # fmt: skip
    start = perf_counter_ns()
    with np.errstate(all="ignore"):
        prepared = prepare(case)
        given = prepared.call()
        first = perf_counter_ns() - start
        np.savez(folder / "answer.npz", *(np.asarray(part) for part in prepared.answer(given)))
        del given
        clock = request["rounds"], request["shortest"], request["budget"]
        batches, cpus = timed(prepared.call, *clock)
        found: dict[str, Any] = {"first": first, "batches": [prepared.scale * each for each in batches], "cpus": cpus}
        if prepared.value is not None:
            found["value"] = timed(prepared.value, *clock)[0]
        return found | {"memory": peak_memory(prepared)}


def main() -> None:
    """Answer the request on standard input. What a library prints goes to standard error."""
    request = json.load(sys.stdin)
    if request["one_cpu"] and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(**facts: Any) -> None:
        print(json.dumps(facts), file=out, flush=True)

    who: Any = libraries if request["who"] in libraries.LIBRARIES else import_module("bench.race.here")
    distribution, prepare = (libraries.LIBRARIES if who is libraries else who.HERE)[request["who"]]
    for module in (distribution, *who.ALSO_IMPORTED.get(request["who"], ())):
        import_module(module)
    with contextlib.suppress(metadata.PackageNotFoundError):
        say(version=metadata.version(distribution))
    say(ready=True)
    for k, asked in enumerate(request["cases"]):
        say(starts=k)
        try:
            say(case=k, **measured(asked, prepare, request))
        except Declined as why:
            say(case=k, declined=str(why))
        except Exception as error:
            lines = str(error).strip().splitlines() or [""]
            say(case=k, failed=f"{type(error).__name__}: {lines[0]}"[:LONGEST_REASON])
        gc.collect()


if __name__ == "__main__":
    main()
