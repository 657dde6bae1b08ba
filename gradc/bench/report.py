"""What was measured, as rows of text and as plain data."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from gradc.bench.timing import Timed
from gradc.bench.workload import Workload
from gradc.runtime.machine import facts

DISTURBED = 0.2
"""Relative change of the control during a measurement beyond which the table says that the machine was busy."""

HEADINGS = ("competitor", "first call", "later calls", "spread", "speed", "memory", "CPUs", "note")

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass
class Entry:
    """One competitor's result. `status` is "ok", "wrong" (another answer than the reference), "failed" (raised an
    error) or "skipped"; all but "ok" have a `reason` and no times."""

    name: str
    is_ours: bool
    status: str = "ok"
    reason: str = ""
    import_ns: int | None = None
    first_ns: int | None = None
    peak_bytes: int | None = None
    memory_method: str = ""
    later: Timed | None = None


@dataclass(frozen=True)
class Report:
    """One workload at one size. `control` was timed before and after everything else."""

    workload: Workload
    size: int | None
    shapes: dict[str, tuple[int, ...]]
    entries: tuple[Entry, ...]
    reference: str
    control: tuple[Timed, Timed]
    machine: dict[str, Any]

    # ------------------------------------------------------------ the result

    @property
    def best_peer(self) -> Entry | None:
        """The fastest correct competitor that is not ours."""
        return _fastest(entry for entry in self.entries if not entry.is_ours)

    @property
    def best_of_ours(self) -> Entry | None:
        """gradc's fastest engine."""
        return _fastest(entry for entry in self.entries if entry.is_ours)

    def speed(self, entry: Entry) -> float | None:
        """How many times as fast as the best peer; above 1 is faster."""
        best = self.best_peer
        if best is None or best.later is None or entry.later is None:
            return None
        return best.later.median / entry.later.median

    @property
    def faults(self) -> list[str]:
        """Engines of gradc that gave a wrong answer or none."""
        return [f"{e.name}: {e.reason}" for e in self.entries if e.is_ours and e.status in ("wrong", "failed")]

    @property
    def control_change(self) -> float:
        """By how much the control was slower at the end than at the beginning, relative."""
        before, after = self.control
        return after.median / before.median - 1

    # ------------------------------------------------------------ text

    @property
    def title(self) -> str:
        """The workload, and the shape of its inputs."""
        return f"{self.workload.name}, {_inputs_in_words(self.shapes)}"

    def table(self) -> list[list[str]]:
        """Headings, then one row for each competitor, the fastest first."""
        ranked = sorted(self.entries, key=lambda e: e.later.median if e.later else float("inf"))
        return [list(HEADINGS), *(self._row(entry) for entry in ranked)]

    def _row(self, entry: Entry) -> list[str]:
        if entry.later is None:
            note = f"{entry.status}: {entry.reason}"
            return [entry.name, "", "", "", "", "", "", note]
        speed = self.speed(entry)
        calls = len(entry.later.batches) * entry.later.repeats
        return [
            entry.name,
            duration(entry.first_ns),
            duration(entry.later.median),
            "" if entry.later.spread is None else f"{100 * entry.later.spread:.0f} %",
            "" if speed is None else f"{speed:.2g}" if speed < 10 else f"{speed:.0f}",
            amount(entry.peak_bytes),
            f"{entry.later.cpus:.1f}",
            "" if entry.later.spread is not None else f"only {calls} call{'s' * (calls > 1)} timed",
        ]

    def remarks(self) -> list[str]:
        """What the reader of the table should know."""
        before, after = self.control
        best = self.best_peer
        methods = sorted({entry.memory_method for entry in self.entries if entry.memory_method})
        lines = [
            f"answers compared with {self.reference}" if self.reference else "no competitor gave an answer",
            f"speed: times as fast as {best.name}, the best peer" if best else "no peer to compare with",
        ]
        if any(entry.first_ns for entry in self.entries):
            imports = ", ".join(
                f"{entry.name} {duration(entry.import_ns)}" for entry in self.entries if (entry.import_ns or 0) > 1e6
            )
            apart = f"; imports apart: {imports}" if imports else ""
            lines.append(f"first call: in a new process, build and compile included{apart}")
        lines.append("CPUs: how many a call kept busy, all its threads together")
        if methods:
            lines.append(f"memory: peak of a later call beyond inputs and results ({', '.join(methods)})")
        change = f"control (NumPy copies the inputs): {duration(before.median)} before, {duration(after.median)} after"
        busy = "; the machine was disturbed, measure again" if abs(self.control_change) > DISTURBED else ""
        others = self.machine.get("others_busy")
        load = f"; other processes kept {others} of {self.machine['cpus']} CPUs busy" if others is not None else ""
        return [*lines, change + busy + load]

    # ------------------------------------------------------------ data

    def as_dict(self) -> dict[str, Any]:
        """The same as plain data; times in seconds, memory in bytes."""
        best, ours = self.best_peer, self.best_of_ours
        return {
            "workload": self.workload.name,
            "program": self.workload.text,
            "wrt": None if self.workload.wrt is None else list(self.workload.wrt),
            "size": self.size,
            "shapes": {name: list(shape) for name, shape in self.shapes.items()},
            "reference": self.reference,
            "best_peer": best and best.name,
            "ratio": self.speed(ours) if ours else None,
            "control_s": [timed.median / 1e9 for timed in self.control],
            "competitors": [self._entry_as_dict(entry) for entry in self.entries],
            "machine": self.machine,
        }

    def _entry_as_dict(self, entry: Entry) -> dict[str, Any]:
        later = entry.later
        return {
            "name": entry.name,
            "ours": entry.is_ours,
            "status": entry.status,
            "reason": entry.reason,
            "import_s": seconds(entry.import_ns),
            "first_call_s": seconds(entry.first_ns),
            "median_s": later and later.median / 1e9,
            "spread": later and later.spread,
            "batches_s": later and [taken / 1e9 for taken in later.batches],
            "calls_per_batch": later and later.repeats,
            "cpus_used": later and later.cpus,
            "peak_bytes": entry.peak_bytes,
            "memory_method": entry.memory_method or None,
            "speed": self.speed(entry),
        }


def _fastest(entries: Any) -> Entry | None:
    timed = [entry for entry in entries if entry.later is not None]
    return min(timed, key=lambda entry: entry.later.median, default=None)


def _inputs_in_words(shapes: dict[str, tuple[int, ...]]) -> str:
    """`2 numbers and 1 array of 1,000`."""
    counts: dict[tuple[int, ...], int] = {}
    for shape in shapes.values():
        counts[shape] = counts.get(shape, 0) + 1
    parts = []
    for shape, count in sorted(counts.items()):
        kind = "array" if shape else "number"
        extent = " of " + " x ".join(f"{size:,}" for size in shape) if shape else ""
        parts.append(f"{count} {kind}{'s' * (count != 1)}{extent}")
    return " and ".join(parts) or "no inputs"


def seconds(nanoseconds: float | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / 1e9


def duration(nanoseconds: float | None) -> str:
    """`12.3 us`, to three digits."""
    if nanoseconds is None:
        return ""
    for unit, factor in (("ns", 1.0), ("us", 1e3), ("ms", 1e6)):
        if nanoseconds < 999.5 * factor:
            return f"{_three_digits(nanoseconds / factor)} {unit}"
    return f"{_three_digits(nanoseconds / 1e9)} s"


def _three_digits(number: float) -> str:
    return f"{number:.2f}" if number < 9.995 else f"{number:.1f}" if number < 99.95 else f"{number:,.0f}"


def amount(bytes: int | None) -> str:
    """Memory in MB; the resident set is not known more finely."""
    if bytes is None:
        return ""
    return "< 1 MB" if bytes < 1e6 else f"{bytes / 1e6:,.0f} MB"


# ---------------------------------------------------------------- where it was measured


def surroundings() -> dict[str, Any]:
    """What a reader needs to judge the times."""
    known = facts()
    return {
        **{name: known[name] for name in ("gradc", "python", "numpy", "numba", "system", "cpu", "vector_bits")},
        "cpus": known["threads"],
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "thread_variables": {name: os.environ[name] for name in THREAD_VARIABLES if name in os.environ},
    }
