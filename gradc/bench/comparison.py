"""The contest: answers compared, then first calls and memory, then later calls in turn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradc.bench.competitors import Call, Competitor, chosen, describe
from gradc.bench.probe import Unmeasured, probe
from gradc.bench.report import Entry, Report, surroundings
from gradc.bench.timing import QUICK, THOROUGH, Settings, control, in_turn, others_busy
from gradc.bench.workload import Answer, Inputs, Workload, checked_size, draw
from gradc.function import compile as compile_program
from gradc.language.source import Source
from gradc.program import Program
from gradc.show.progress import Progress

RELATIVE_TOLERANCE = {8: 1e-9, 4: 1e-3}
"""How far an answer may be from the reference, by bytes of an element, ..."""
CANCELLATION = {8: 1e-12, 4: 1e-5}
"""... plus this much of the largest element: what is left of a difference of large numbers has fewer digits."""

MAX_TITLE = 70
"""How much of a program's text names it."""


def measure(
    program: str | Program,
    size: int | None = None,
    against: Iterable[str] = (),
    wrt: str | Iterable[str] | None = None,
    progress: Progress | None = None,
    *,
    values: Mapping[str, Any] | None = None,
    quick: bool = False,
) -> Report:
    """Measure value and all gradients of a program: every engine of gradc against the competitors named in `against`
    (by default all that take any program). `numpy` stands for `numpy-tape`: nobody wrote this program by hand.

    size: elements of each array; None for plain numbers where the program takes them. Inputs are drawn at random,
    except those given in `values`. Raises `gradc.Error` for a wrong program, size, competitor or input.
    """
    named = tuple("numpy-tape" if name == "numpy" else name for name in against)
    competitors = [c for c in chosen(named) if c.takes_any_program]
    function = compile_program(program, wrt=wrt, engine="interpreter")
    title = Source(function.text).whole.excerpt(MAX_TITLE)
    workload = Workload(title, program, None if wrt is None else function.wrt)
    inputs = draw(workload, checked_size(size), values)
    return compare(workload, inputs, competitors, QUICK if quick else THOROUGH, progress, size=size)


def compare(
    workload: Workload,
    inputs: Inputs,
    competitors: Iterable[Competitor],
    settings: Settings = THOROUGH,
    progress: Progress | None = None,
    *,
    size: int | None = None,
) -> Report:
    """Measure one workload on the given inputs."""
    return _Contest(workload, inputs, list(competitors), settings, progress or _ignore, size).run()


def _ignore(done: int, total: int | None, what: str) -> None:
    pass


@dataclass
class _Contest:
    workload: Workload
    inputs: Inputs
    competitors: list[Competitor]
    settings: Settings
    progress: Progress
    size: int | None
    done: int = 0
    total: int = 0

    def run(self) -> Report:
        self.entries = {c.name: Entry(c.name, c.is_ours) for c in self.competitors}
        self.total = len(self.competitors) * (2 + self.settings.rounds)
        with np.errstate(all="ignore"):
            calls = self._agreeing()
            if self.settings.isolate:
                self._probe(calls)
            calls = {name: call for name, call in calls.items() if self.entries[name].status == "ok"}
            before = control(self.inputs, self.settings)
            with others_busy() as others:
                self._time(calls)
            after = control(self.inputs, self.settings)
        return Report(
            workload=self.workload,
            size=self.size,
            shapes={name: np.shape(value) for name, value in self.inputs.items()},
            entries=tuple(self.entries.values()),
            reference=self.reference,
            control=(before, after),
            machine=surroundings() | {"others_busy": others()},
        )

    def _advance(self, what: str) -> None:
        self.progress(self.done, self.total, what)
        self.done += 1

    def _time(self, calls: dict[str, Call]) -> None:
        self.total = self.done + len(calls) * self.settings.rounds
        for name, timed in in_turn(calls, self.settings, lambda name: self._advance(f"{name}: later calls")).items():
            self.entries[name].later = timed
        self.progress(self.total, self.total, "done")

    # ------------------------------------------------------------ answers

    def _agreeing(self) -> dict[str, Call]:
        """The competitors whose answer is that of the reference; the others are told why not."""
        calls: dict[str, Call] = {}
        answers: dict[str, Answer] = {}
        for competitor in self._reference_first():
            self._advance(f"{competitor.name}: comparing the answer")
            entry = self.entries[competitor.name]
            reason = competitor.refuses(self.workload, self.inputs)
            if reason:
                entry.status, entry.reason = "skipped", reason
                continue
            try:
                call = competitor.prepare(self.workload, self.inputs)
                answer = call()
            except Exception as error:
                entry.status, entry.reason = "failed", describe(error)
                continue
            if not answers:
                self.reference = competitor.name
                answers[competitor.name] = answer
            difference = disagreement(answer, next(iter(answers.values())), self.workload, self.inputs)
            if difference:
                entry.status, entry.reason = "wrong", f"{difference}, unlike {self.reference}"
            else:
                calls[competitor.name] = call
        return {c.name: calls[c.name] for c in self.competitors if c.name in calls}

    reference = ""
    """The competitor whose answer the others are held against: one that is not gradc where the program was written
    by hand, else gradc's first engine that runs."""

    def _reference_first(self) -> list[Competitor]:
        by_hand = [c for c in self.competitors if c.name == "numpy" and self.workload.by_hand is not None]
        interpreter = [c for c in self.competitors if c.is_ours and "interpreter" in c.name]
        return list(dict.fromkeys([*by_hand, *interpreter, *self.competitors]))

    # ------------------------------------------------------------ first call and memory

    def _probe(self, calls: dict[str, Call]) -> None:
        for competitor in self.competitors:
            self._advance(f"{competitor.name}: first call")
            if competitor.name in calls:
                entry = self.entries[competitor.name]
                try:
                    found = probe(competitor, self.workload, self.inputs)
                except Unmeasured as error:
                    entry.status, entry.reason = "failed", str(error)
                else:
                    entry.import_ns, entry.first_ns = found["import_ns"], found["first_ns"]
                    entry.peak_bytes, entry.memory_method = found["peak_bytes"], found["memory_method"]


def disagreement(answer: Answer, reference: Answer, workload: Workload, inputs: Inputs) -> str:
    """Where an answer differs from the reference, in a few words; nothing if it does not."""
    value, grads = answer
    right_value, right_grads = reference
    if len(grads) != len(right_grads):
        return f"{len(grads)} gradients instead of {len(right_grads)}"
    names = workload.wrt if workload.wrt is not None else _float_inputs(workload)
    pairs = [("value", value, right_value), *((f"d/d{n}", g, r) for n, g, r in zip(names, grads, right_grads))]
    for name, mine, right in pairs:
        difference = _difference(np.asarray(mine), np.asarray(right))
        if difference:
            return f"{name}{difference}"
    return ""


def _float_inputs(workload: Workload) -> tuple[str, ...]:
    return compile_program(workload.program, engine="interpreter").wrt


def _difference(mine: np.ndarray, right: np.ndarray) -> str:
    if mine.shape != right.shape:
        return f" has shape {mine.shape} instead of {right.shape}"
    bytes = min(mine.itemsize, right.itemsize) if mine.dtype.kind == "f" else right.itemsize
    finite = np.isfinite(right)
    largest = float(np.max(np.abs(right), where=finite, initial=0.0))
    near = np.isclose(mine, right, rtol=RELATIVE_TOLERANCE[bytes], atol=CANCELLATION[bytes] * largest, equal_nan=True)
    if np.all(near):
        return ""
    first = np.unravel_index(int(np.argmin(near)), near.shape)
    place = "" if mine.ndim == 0 else f"[{', '.join(map(str, first))}]"
    return f"{place} is {mine[first]:.12g} instead of {right[first]:.12g}"
