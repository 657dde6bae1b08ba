"""Everybody's times for every program, one process after the other.

Other guests of a machine slow it down for minutes at a time. So there are several turns, and the least time of a
batch counts; from the second on, only gradc, the roofline and those who were nearly the fastest of the others are
measured again.

A process that crashes or takes too long costs its library the case at hand, with the reason in the table, and the rest
goes on in a new one. What is found so far is written after every process.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from bench.race.here import HERE
from bench.race.libraries import LIBRARIES
from bench.workloads import CASES
from gradc.bench.comparison import disagreement
from gradc.bench.report import surroundings
from gradc.bench.workload import Answer, Inputs, Workload
from gradc.runtime.machine import default_engine

ROOT = Path(__file__).parents[2]
EVERYBODY = (*HERE, *LIBRARIES)
"""Who is in the race, by the names in the tables."""

US, LIMIT = "gradc", "roofline"
FIXED = (US, LIMIT)
"""Those beside whom all others are seen, in every turn."""

THREAD_VARIABLES = ("OMP", "OPENBLAS", "MKL", "NUMBA", "NUMEXPR", "VECLIB_MAXIMUM", "GRADC")
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in THREAD_VARIABLES}
CACHES = ("HOME", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR", "GRADC_CACHE")
"""What tells libraries where to keep what they have compiled."""

GROWING = tuple(name for name, case in CASES.items() if case.text is not None)
"""Programs whose text grows with the size."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Settings:
    """Turns; batches, nanoseconds that a batch lasts at least and all of them at most; seconds for a case, for a
    process, and for everything; and whether every program has a process of its own."""

    turns: int
    rounds: int
    shortest: int
    budget: int
    case: float
    process: float
    everything: float
    apart: bool


THOROUGH = Settings(3, 9, 5_000_000, 1_000_000_000, 300, 1800, 6 * 3600, apart=True)
QUICK = Settings(3, 4, 1_000_000, 60_000_000, 15, 120, 2400, apart=False)
WRONG = "wrong: "
"""How the reason of a wrong answer begins."""
IMPORTS = 120
"""Seconds until a library is imported."""
PER_OPERATION = 0.0007
"""Seconds that programs may take for each of their operations, where that is longer than what a case may take."""
CLOSE = 1.5
"""Who took at most as many times as long as the fastest of the others takes part in later turns."""


@dataclass(frozen=True)
class Row:
    """What one took for a program at a size, in seconds and bytes; no times, and a reason, where there is no answer.

    With one thread, the first call finds on disk what the one with all threads has left there.
    """

    workload: str
    size: int
    who: str
    one_cpu: bool
    first_s: float | None = None
    call_s: float | None = None
    batches_s: tuple[float, ...] = ()
    value_s: float | None = None
    """The value alone; gradc only."""
    cpus: float | None = None
    """How many processors a call kept busy."""
    memory: int | None = None
    """The most bytes that a call held beyond inputs and results."""
    reason: str = ""

    @property
    def key(self) -> tuple[str, int, str, bool]:
        """What there is one row for."""
        return self.workload, self.size, self.who, self.one_cpu

    def after(self, later: Row) -> Row:
        """Both turns: the faster one's times, and the first call and the memory of the earlier one."""
        if self.call_s is None or later.reason.startswith(WRONG):
            return later
        if later.call_s is None:
            return self
        faster = min(self, later, key=lambda row: row.call_s or 0.0)
        return replace(faster, first_s=self.first_s, memory=self.memory, batches_s=(*self.batches_s, *later.batches_s))


@dataclass
class Problem:
    """A program at a size, its inputs as files that every process reads, and the answer that counts as right."""

    name: str
    size: int
    workload: Workload
    inputs: Inputs
    folder: Path
    reference: Answer | None

    @staticmethod
    def of(name: str, size: int, root: Path) -> Problem:
        case = CASES[name]
        inputs = case.inputs(size)
        workload = case.at(size)
        workload = replace(workload, wrt=workload.wrt or tuple(inputs))
        folder = root / name.replace(" ", "-") / str(size)
        folder.mkdir(parents=True)
        for key, value in inputs.items():
            np.save(folder / f"{key}.npy", np.asarray(value))
        with np.errstate(all="ignore"):
            reference = workload.by_hand(*inputs.values()) if workload.by_hand else None
        return Problem(name, size, workload, inputs, folder, reference)

    def asked(self) -> dict[str, Any]:
        names, operations = list(self.inputs), CASES[self.name].operations
        return {
            "workload": self.name, "size": self.size, "text": self.workload.text, "inputs": names,
            "wrt": [names.index(name) for name in self.workload.wrt or names], "folder": str(self.folder),
            "operations": operations(self.size) if operations else 0,
        }  # fmt: skip

    def difference(self) -> str:
        """Where the answer in the folder differs from the reference; the first answer of all is one where nobody
        derived the program by hand."""
        with np.load(self.folder / "answer.npz") as found:
            value, *grads = [found[f"arr_{k}"] for k in range(len(found.files))]
        answer = value, tuple(grads)
        if self.reference is None:
            self.reference = answer
        return disagreement(answer, self.reference, self.workload, self.inputs)


def in_order(names: Iterable[str], sizes: Sequence[int] = ()) -> list[tuple[str, int]]:
    """The cases: the smallest size of every program, where the first call is measured, the largest ones, and the rest;
    programs that grow with the size come last, the shortest first."""
    ranked = []
    for name in names:
        chosen = sorted(sizes or CASES[name].race)
        if name not in GROWING:
            chosen[1:] = reversed(chosen[1:])
        ranked += [(name in GROWING, rank, name, size) for rank, size in enumerate(chosen)]
    return [(name, size) for _, _, name, size in sorted(ranked, key=lambda each: each[:2])]


@dataclass
class Race:
    """All rows, the versions of the libraries, and why one is not among them."""

    python: str
    settings: Settings
    root: Path
    missing: dict[str, str] = field(default_factory=dict)
    say: Say = lambda text: None
    save: Callable[[dict[str, Any]], None] = lambda facts: None
    found: dict[tuple[str, int, str, bool], Row] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    starts_s: dict[str, float] = field(default_factory=dict)
    began: float = field(default_factory=perf_counter)

    def run(self, cases: Iterable[tuple[str, int]], everybody: Iterable[str] = EVERYBODY) -> None:
        """Measure these cases, with all processors first and then with one."""
        problems = [Problem.of(name, size, self.root) for name, size in cases]
        whole = [[p for p in problems if p.name == name] for name in dict.fromkeys(p.name for p in problems)]
        names = list(everybody)
        for one_cpu in (False, True):
            for turn in range(self.settings.turns):
                for who in names:
                    for together in whole if self.settings.apart else [problems]:
                        self._one(who, self._close(together, who, one_cpu) if turn else together, one_cpu)
                        self.save(self.as_dict())
        self._starts()
        self.save(self.as_dict())

    @property
    def rows(self) -> list[Row]:
        return list(self.found.values())

    def _close(self, problems: list[Problem], who: str, one_cpu: bool) -> list[Problem]:
        """The cases that depend on what this one takes."""
        return [problem for problem in problems if self._is_close(problem, who, one_cpu)]

    def _is_close(self, problem: Problem, who: str, one_cpu: bool) -> bool:
        keys = [(problem.name, problem.size, each, one_cpu) for each in EVERYBODY]
        times = {key[2]: row.call_s for key in keys if (row := self.found.get(key)) and row.call_s is not None}
        others = [time for each, time in times.items() if each not in FIXED]
        return who in times and (who in FIXED or times[who] <= CLOSE * min(others))

    def _one(self, who: str, problems: list[Problem], one_cpu: bool) -> None:
        """All these cases for one library, in as many processes as it needs."""
        if not problems:
            return
        left, began = list(problems), perf_counter()
        mode = "one thread" if one_cpu else "all threads"
        while left and who not in self.missing:
            seconds = min(self.settings.process - (perf_counter() - began), self._seconds_left())
            if seconds <= 0:
                for problem in left:
                    self._row(problem, who, one_cpu, reason="no time left")
                break
            left = self._process(who, left, one_cpu, seconds)
        self.say(f"{who}, {mode}: {perf_counter() - began:.0f} s" if who not in self.missing
                 else f"{who} is left out: {self.missing[who]}")  # fmt: skip

    def _seconds_for(self, problem: Problem) -> float:
        """How long a case may take."""
        growth = problem.size * PER_OPERATION if problem.name in GROWING else 0.0
        return max(self.settings.case, growth)

    def _seconds_left(self) -> float:
        return self.settings.everything - (perf_counter() - self.began)

    def _process(self, who: str, problems: list[Problem], one_cpu: bool, seconds: float) -> list[Problem]:
        """What one process finds; the cases that are left to another one."""
        left = list(problems)
        with Process(self, who, problems, one_cpu) as process:
            limit = perf_counter() + seconds
            current: Problem | None = None
            while left or current:
                allowed = self._seconds_for(current) if current else IMPORTS
                line = process.line(min(allowed, limit - perf_counter()))
                if "version" in line:
                    self.versions[who] = line["version"]
                elif "starts" in line:
                    current = problems[line["starts"]]
                    left.remove(current)
                elif "case" in line and current:
                    self._take(current, who, one_cpu, line)
                    current = None
                elif "ended" in line:
                    out_of_time = perf_counter() >= limit
                    if current is None and not out_of_time:
                        self.missing.setdefault(who, line["ended"])
                        return []
                    if current is None:
                        return left
                    self._row(current, who, one_cpu, reason="no time left" if out_of_time else line["ended"])
                    return left if out_of_time else self._without_longer(left, current, who, one_cpu, line["ended"])
        return left

    def _without_longer(
        self, left: list[Problem], failed: Problem, who: str, one_cpu: bool, reason: str
    ) -> list[Problem]:
        """The cases but for longer programs of the kind that has just failed."""
        if failed.name not in GROWING:
            return left
        for problem in left:
            if problem.name == failed.name:
                self._row(problem, who, one_cpu, reason=f"{reason} at {failed.size:,}")
        return [problem for problem in left if problem.name != failed.name]

    def _take(self, problem: Problem, who: str, one_cpu: bool, line: dict[str, Any]) -> None:
        """A row of what a process has said."""
        if "declined" in line or "failed" in line:
            self._row(problem, who, one_cpu, reason=line.get("declined") or line["failed"])
            return
        difference = problem.difference() if who != LIMIT else ""
        if difference:
            self._row(problem, who, one_cpu, reason=WRONG + difference)
            return
        batches = tuple(each / 1e9 for each in line["batches"])
        value = min(line["value"]) / 1e9 if "value" in line else None
        self._row(problem, who, one_cpu, first_s=line["first"] / 1e9, call_s=min(batches),
                  batches_s=batches, value_s=value, cpus=line["cpus"], memory=line["memory"])  # fmt: skip

    def _row(self, problem: Problem, who: str, one_cpu: bool, **facts: Any) -> None:
        row = Row(problem.name, problem.size, who, one_cpu, **facts)
        earlier = self.found.get(row.key)
        self.found[row.key] = earlier.after(row) if earlier else row

    def _starts(self) -> None:
        """Whole processes: Python and NumPy alone, and with the value and gradients of the neuron, kept on disk."""
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "GRADC_CACHE": str(self.root / "starts")}
        for what, code in STARTS.items():
            times = []
            for _ in range(4):
                start = perf_counter()
                subprocess.run([sys.executable, "-c", code], check=True, env=environment, cwd=self.root)
                times.append(perf_counter() - start)
            self.starts_s[what] = statistics.median(times[1:])

    def as_dict(self) -> dict[str, Any]:
        """Times in seconds."""
        return {
            "machine": surroundings() | {"engine": default_engine()}, "quick": not self.settings.apart,
            "versions": self.versions, "missing": self.missing, "starts_s": self.starts_s,
            "rows": [asdict(row) for row in self.rows],
        }  # fmt: skip


STARTS = {
    "Python and NumPy alone": "import numpy",
    "`import gradc`, value and gradients of the neuron": f"""
import gradc, numpy
f = gradc.compile({CASES["neuron"].workload.text!r})
f.value_and_grad(*(numpy.ones(1000) for name in f.inputs))
""",
}


class Process:
    """The process of a library, its lines as they come, and its end with the block."""

    def __init__(self, race: Race, who: str, problems: list[Problem], one_cpu: bool):
        settings = race.settings
        python = race.python if who in LIBRARIES else sys.executable
        caches = race.root / "caches" / who.replace(" ", "-")
        caches.mkdir(parents=True, exist_ok=True, mode=0o700)
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **dict.fromkeys(CACHES, str(caches))}
        environment |= ONE_THREAD if one_cpu else {}
        environment.pop("OPENBLAS_CORETYPE", None)
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [python, "-m", "bench.race.process"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
            text=True, cwd=ROOT, env=environment,
        )  # fmt: skip
        request = {
            "who": who, "one_cpu": one_cpu, "cases": [problem.asked() for problem in problems],
            "rounds": settings.rounds, "shortest": settings.shortest, "budget": settings.budget,
        }  # fmt: skip
        self.lines: queue.Queue[str | None] = queue.Queue()
        self.reader = threading.Thread(target=self._read, args=(json.dumps(request),), daemon=True)
        self.reader.start()

    def _read(self, request: str) -> None:
        assert self.process.stdin and self.process.stdout
        with contextlib.suppress(BrokenPipeError), self.process.stdin as stdin:
            stdin.write(request)
        with self.process.stdout as stdout:
            for line in stdout:
                self.lines.put(line)
        self.lines.put(None)

    def line(self, seconds: float) -> dict[str, Any]:
        """The next line; `{"ended": why}` where there is none after so many seconds."""
        try:
            line = self.lines.get(timeout=max(0.0, seconds))
        except queue.Empty:
            return {"ended": f"no answer after {seconds:.0f} s"}
        if line is not None:
            return json.loads(line)
        code = self.process.wait()
        self.errors.seek(0)
        words = self.errors.read().strip().splitlines()
        last = words[-1] if words and code > 0 else f"its process ended with code {code}"
        return {"ended": last[:120]}

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *raised: object) -> None:
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.errors.close()
