"""What was measured, as ratios: for a terminal, and as the Markdown of docs/benchmarks.md."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from bench.race.here import HERE
from bench.race.measure import EVERYBODY, FIXED, LIMIT, US, Row
from bench.workloads import SCALAR
from gradc.bench.report import duration

COMPILING = ("JAX", "torch.compile", "PyTensor", "CasADi", "Dr.Jit", "symjit", "Numba by hand")
"""Who compiles each program on its own, so that its first call takes longer than a later one. gcc takes them all at
once, with the first one."""
PAPER = ("neuron", "gelu", "black-scholes", "exponential-fit", "rosenbrock", "log-sum-exp", "logistic-regression",
         "softmax-net", "svm")  # fmt: skip
"""The nine programs at three sizes of which the mean is told."""
SHORT = {"NumPy by hand": "NumPy", "Numba by hand": "Numba", "C by hand": "C"}
"""Names over the columns, which are narrow."""


class Results:
    """Rows by program, size, and whether one processor computed."""

    def __init__(self, found: dict[str, Any]):
        self.found = found
        self.rows = [Row(**row) for row in found["rows"]]
        self.at = {(row.workload, row.size, row.who, row.one_cpu): row for row in self.rows}
        self.cases = list(dict.fromkeys((row.workload, row.size) for row in self.rows))
        names = list(dict.fromkeys(name for name, _ in self.cases))
        self.cases.sort(key=lambda case: (names.index(case[0]), case[1]))
        present = {row.who for row in self.rows if row.call_s is not None}
        self.peers = [who for who in EVERYBODY if who in present and who not in FIXED]

    def seconds(self, case: tuple[str, int], who: str, one_cpu: bool) -> float | None:
        """How long a later call takes."""
        row = self.at.get((*case, who, one_cpu))
        return row.call_s if row else None

    def ratio(self, case: tuple[str, int], who: str, one_cpu: bool) -> float | None:
        """How many times as long as gradc."""
        ours, theirs = self.seconds(case, US, one_cpu), self.seconds(case, who, one_cpu)
        return theirs / ours if ours and theirs else None

    def best(self, case: tuple[str, int], one_cpu: bool) -> tuple[float, str] | None:
        """The ratio of the fastest peer, and which it is."""
        found = [(ratio, who) for who in self.peers if (ratio := self.ratio(case, who, one_cpu)) is not None]
        return min(found, default=None)

    def lost(self, one_cpu: bool) -> list[tuple[tuple[str, int], float, str]]:
        """The cases in which a peer is faster."""
        found = [(case, self.best(case, one_cpu)) for case in self.cases]
        return [(case, *best) for case, best in found if best and best[0] < 1.0]

    def first(self, case: tuple[str, int]) -> tuple[float, float, str] | None:
        """gradc's first call, and that of the quickest who compiles, where the case was the first of its program."""
        sizes = [size for name, size in self.cases if name == case[0]]
        ours = self.at.get((*case, US, False))
        if case[1] != sizes[0] or ours is None or ours.first_s is None:
            return None
        theirs = [(row.first_s, who) for who in COMPILING
                  if (row := self.at.get((*case, who, False))) and row.first_s is not None]  # fmt: skip
        return (ours.first_s, *min(theirs)) if theirs else (ours.first_s, 0.0, "")

    @property
    def faults(self) -> list[str]:
        """Where gradc has no answer, or a wrong one."""
        return [f"{title((row.workload, row.size))}: {row.reason}" for row in self.rows if row.who == US and row.reason]


def title(case: tuple[str, int]) -> str:
    name, size = case
    return f"{name}, numbers" if size == SCALAR else f"{name} {size:,}"


def times(ratio: float | None) -> str:
    """A ratio to three digits or fewer; nothing for None."""
    if ratio is None:
        return ""
    return f"{ratio:.2f}" if ratio < 1.995 else f"{ratio:.1f}" if ratio < 9.95 else f"{ratio:,.0f}"


def memory(bytes: int | None) -> str:
    return "" if bytes is None else f"{bytes / 2**20:.1f} MiB"


def mean_text(results: Results, one_cpu: bool) -> str:
    """The geometric mean over the nine programs at three sizes, and on how many rows gradc is the fastest."""
    best = [found[0] for case in results.cases
            if case[0] in PAPER and case[1] != SCALAR and (found := results.best(case, one_cpu))]  # fmt: skip
    if not best:
        return ""
    won = sum(ratio >= 1.0 for ratio in best)
    mean = statistics.geometric_mean(best)
    return f"gradc is the fastest on {won} of {len(best)} rows of the nine programs; geometric mean {mean:.2f}"


# ---------------------------------------------------------------- a terminal


def print_ratios(results: Results, file: Any) -> None:
    """How many times as long as gradc everybody takes, with all threads and with one; rich draws it."""
    from rich.console import Console
    from rich.table import Table

    console = Console(file=file, highlight=False)
    if not console.is_terminal:
        console = Console(file=file, highlight=False, width=200)
    for one_cpu, threads in ((False, "all threads"), (True, "one thread")):
        drawn = Table(title=f"How many times as long as gradc: {threads}", title_justify="left", pad_edge=False)
        drawn.add_column("program", no_wrap=True)
        for heading in ("gradc", *(SHORT.get(who, who) for who in results.peers), LIMIT):
            drawn.add_column(heading, justify="right")
        for case in results.cases:
            best = results.best(case, one_cpu)
            cells = [title(case), _time(results, case, one_cpu)]
            for who in (*results.peers, LIMIT):
                text = times(results.ratio(case, who, one_cpu)) or "-"
                if best and who == best[1]:
                    text = f"[bold {'red' if best[0] < 1.0 else 'green'}]{text}[/]"
                cells.append(text)
            drawn.add_row(*cells)
        console.print(drawn)
        console.print(mean_text(results, one_cpu) + "\n")
    for line in reasons(results):
        console.print(line, markup=False)


def _time(results: Results, case: tuple[str, int], one_cpu: bool) -> str:
    seconds = results.seconds(case, US, one_cpu)
    return "-" if seconds is None else duration(1e9 * seconds)


def reasons(results: Results) -> list[str]:
    """Why somebody has no time, once for each program and reason."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in results.rows:
        if row.reason and row.who in (US, *results.peers):
            names = found.setdefault((row.who, row.reason), [])
            if row.workload not in names:
                names.append(row.workload)
    lines = [f"- {who} is left out: {reason}" for who, reason in results.found["missing"].items()]
    return lines + [f"- {who}: {reason} ({', '.join(names)})" for (who, reason), names in found.items()]


# ---------------------------------------------------------------- Markdown


def markdown(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table and the empty line behind it."""
    lines = [headings, ["---"] * len(headings), *rows]
    return [f"| {' | '.join(cells)} |".replace("|  |", "| |").replace("|  |", "| |") for cells in lines] + [""]


def page(results: Results) -> str:
    """What stands between the marks of docs/benchmarks.md."""
    parts = [_machine(results.found), "![Times of other libraries over gradc's](pictures/benchmarks.svg)", ""]
    for one_cpu, threads in ((False, "All threads"), (True, "One thread")):
        text = mean_text(results, one_cpu)
        parts += [f"{threads}: {text}.", ""] if text else []
        lost = results.lost(one_cpu)
        if lost:
            parts += [f"{threads}: the rows that gradc loses", ""]
            parts += markdown(["program", "the fastest", "its time over gradc's"],
                              [[title(case), who, times(ratio)] for case, ratio, who in lost])  # fmt: skip
    for one_cpu, threads in ((False, "All threads"), (True, "One thread")):
        parts += [f"{threads}: how many times as long as gradc everybody takes", ""]
        parts += markdown(
            ["program", "gradc", *(SHORT.get(who, who) for who in results.peers), LIMIT],
            [[title(case), _time(results, case, one_cpu).replace("-", ""),
              *(times(results.ratio(case, who, one_cpu)) for who in (*results.peers, LIMIT))]
             for case in results.cases],
        )  # fmt: skip
    parts += ["gradc alone: all threads unless it says one", ""]
    parts += markdown(
        ["program", "a call", "of the value alone", "gradient over value", "over the roofline", "all threads over one",
         "first call", "from disk", "quickest first call of others that compile", "memory beyond results"],
        [_alone(results, case) for case in results.cases],
    )  # fmt: skip
    starts = results.found["starts_s"]
    parts += markdown(["a new process, its end included", "time"], [[k, duration(1e9 * s)] for k, s in starts.items()])
    return "\n".join([*parts, *reasons(results)]).rstrip("\n") + "\n"


def _alone(results: Results, case: tuple[str, int]) -> list[str]:
    ours, one = (results.at.get((*case, US, one_cpu)) for one_cpu in (False, True))
    if ours is None or ours.call_s is None:
        return [title(case), ours.reason if ours else "", *[""] * 8]
    limit, first = results.seconds(case, LIMIT, False), results.first(case)
    return [
        title(case),
        duration(1e9 * ours.call_s),
        duration(1e9 * ours.value_s) if ours.value_s else "",
        times(ours.call_s / ours.value_s) if ours.value_s else "",
        times(ours.call_s / limit) if limit else "",
        times(one.call_s / ours.call_s) if one and one.call_s else "",
        duration(1e9 * first[0]) if first else "",
        duration(1e9 * one.first_s) if first and one and one.first_s else "",
        f"{duration(1e9 * first[1])} {first[2]}" if first and first[2] else "",
        memory(ours.memory),
    ]


def _machine(found: dict[str, Any]) -> str:
    machine, engine = found["machine"], found["machine"]["engine"]
    compiler = (
        f"LLVM {engine['llvm']} for {engine['processor']} with {engine['vector_doubles']} doubles to the vector"
        if engine["name"] == "native"
        else "the Numba engine answers for the native one here"
    )
    peers = ", ".join(f"{who} {version}" for who, version in found["versions"].items() if who not in HERE)
    quick = " Measured with `--quick`." if found["quick"] else ""
    return (
        f"{machine['cpu']}, {machine['cpus']} processors, {machine['system']}; {machine['python']}, "
        f"NumPy {machine['numpy']}, Numba {machine['numba']}, gradc {machine['gradc']}: {compiler}. {peers}.{quick}\n"
    )
