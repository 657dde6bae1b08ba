"""Clocks: batches of calls, taken in turn so that whatever disturbs the machine disturbs all alike."""

from __future__ import annotations

import gc
import math
import statistics
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from time import perf_counter_ns, process_time
from typing import Any

import numpy as np

from gradc.bench.workload import Inputs


@dataclass(frozen=True)
class Settings:
    """How long to measure. Times in nanoseconds."""

    rounds: int = 9
    min_batch: int = 5_000_000
    """A batch repeats the call until it lasts at least this long."""
    budget: int = 4_000_000_000
    """For all batches of one competitor; a slow one gets fewer rounds, and one call counts if it takes longer."""
    isolate: bool = True
    """Whether first calls and memory are measured, each in a process of its own."""


THOROUGH = Settings()
QUICK = Settings(rounds=3, min_batch=1_000_000, budget=500_000_000)


@dataclass
class Timed:
    """Nanoseconds a call took, one number for each batch."""

    repeats: int
    batches: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.batches)

    @property
    def spread(self) -> float | None:
        """Half the distance between the quartiles, relative to the median; None for fewer than three batches."""
        if len(self.batches) < 3:
            return None
        low, _, high = statistics.quantiles(self.batches, n=4, method="inclusive")
        return (high - low) / 2 / self.median


@contextmanager
def quiet_collector() -> Iterator[None]:
    """No garbage collection inside; what exists already is left out of the collections between batches."""
    was_enabled = gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if was_enabled:
            gc.enable()


def batch(call: Callable[[], Any], repeats: int) -> float:
    """Nanoseconds a call takes, on average over some calls in a row."""
    start = perf_counter_ns()
    for _ in range(repeats):
        call()
    taken = perf_counter_ns() - start
    gc.collect()
    return taken / repeats


def repeats_for(call: Callable[[], Any], min_batch: int) -> tuple[int, float]:
    """How many calls fill a batch, and how many nanoseconds that batch will take (if it is one call: took)."""
    repeats = 1
    while True:
        taken = batch(call, repeats) * repeats
        if taken >= min_batch / 2:
            repeats = math.ceil(repeats * max(1.0, min_batch / taken))
            return repeats, max(taken, min_batch)
        repeats *= 2 if taken * 100 > min_batch else 10


def in_turn(
    calls: Mapping[str, Callable[[], Any]], settings: Settings, progress: Callable[[str], None]
) -> dict[str, Timed]:
    """Each call in batches, one batch of each in every round. `progress` is told the name before each batch."""
    timed: dict[str, Timed] = {}
    allowed: dict[str, int] = {}
    with quiet_collector():
        for name, call in calls.items():
            repeats, expected = repeats_for(call, settings.min_batch)
            allowed[name] = min(settings.rounds, int(settings.budget / expected))
            timed[name] = Timed(repeats, [] if allowed[name] else [expected / repeats])
        for round in range(settings.rounds):
            for name, call in calls.items():
                progress(name)
                if round < allowed[name]:
                    timed[name].batches.append(batch(call, timed[name].repeats))
    return timed


@contextmanager
def others_busy() -> Iterator[Callable[[], float | None]]:
    """Yields a function that tells, after the block, how many CPUs other processes kept busy during it; None without
    psutil."""
    if find_spec("psutil") is None:
        yield lambda: None
        return
    before = _cpu_seconds()
    taken: list[float] = []
    yield lambda: round(taken[0], 1)
    wall, busy, own = (after - earlier for after, earlier in zip(_cpu_seconds(), before))
    taken.append(max(0.0, busy - own) / wall)


def _cpu_seconds() -> tuple[float, float, float]:
    """The time, the seconds that all processes have computed for, and those of this one."""
    import psutil

    times = psutil.cpu_times()
    busy = times.user + times.system + getattr(times, "nice", 0.0) + getattr(times, "steal", 0.0)
    return perf_counter_ns() / 1e9, busy, process_time()


def control(inputs: Inputs, settings: Settings) -> Timed:
    """The workload without any competitor's code: NumPy copies the same inputs."""
    values = list(inputs.values()) or [0.0]

    def copy_all() -> None:
        for value in values:
            np.array(value)

    return in_turn({"control": copy_all}, settings, lambda name: None)["control"]
