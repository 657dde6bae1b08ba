"""`python -m bench.peers --python FILE`: gradc beside other libraries, each in a process of its own.

FILE is the interpreter of an environment in which the peers are installed (JAX, PyTorch, PyTensor, Dr.Jit, CasADi,
autograd, as many as there are); gradc runs in the one that runs this. What is measured becomes docs/benchmarks.md.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import click
import numpy as np

from bench.growth import MODELS
from bench.peer_process import OF_NUMBERS, PEERS
from bench.workloads import CASES, SCALAR
from gradc.bench import Workload
from gradc.bench.comparison import disagreement
from gradc.bench.report import duration, surroundings
from gradc.bench.workload import Answer, Inputs, draw
from gradc.runtime.machine import default_engine
from gradc.show.progress import progress_bar

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- measured by `python -m bench.peers --update` -->\n", "<!-- end of what is measured -->\n"

WORKLOADS = ("neuron", "gelu", "black-scholes", "exponential-fit", "log-sum-exp", "rosenbrock", "sum-of-squares")
SIZES = (1_000, 30_000, 2_000_000)
FIRST = ("neuron", "black-scholes", "exponential-fit", "network", "LSTM step", "attention")
"""The programs whose first value and gradients are measured."""
FIRST_SIZE = {name: 32 for name in MODELS} | {name: 1_000 for name in CASES}

OURS = ("gradc", "gradc, Numba engine")
NO_PEERS = (*OURS, "copying", "gradc, by name")
TIMEOUT = 900
SLOW = 2.0
"""Seconds of a first call that is measured once."""
WRONG = 3
"""The exit code when gradc gave a wrong answer, or none."""
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA", "VECLIB_MAXIMUM", "NUMEXPR")}


CACHES = ("HOME", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR", "GRADC_CACHE")
"""What tells libraries where to keep what they have compiled."""


@dataclass(frozen=True)
class Settings:
    """Batches, nanoseconds that a batch lasts at least and all of them at most, and new processes."""

    rounds: int
    shortest: int
    budget: int
    processes: int


THOROUGH = Settings(9, 5_000_000, 1_000_000_000, 11)
QUICK = Settings(3, 500_000, 100_000_000, 2)


@dataclass(frozen=True)
class Row:
    """What a peer took for one program at one size; no times, and a reason, where it gave no answer or a wrong one."""

    workload: str
    size: int
    peer: str
    one_cpu: bool
    first_s: float | None = None
    median_s: float | None = None
    batches_s: tuple[float, ...] = ()
    cpus: float | None = None
    """How many processors a call kept busy."""
    threads: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Problem:
    """A program with inputs of several sizes, in one folder each, as files that every process reads."""

    workload: Workload
    inputs: dict[int, Inputs]
    folders: dict[int, Path]

    @staticmethod
    def of(name: str, sizes: Iterable[int], root: Path) -> Problem:
        if name in CASES:
            workload = CASES[name].workload
            inputs = {size: CASES[name].inputs(size) for size in sizes}
        else:
            text, wrt = MODELS[name]
            workload = Workload(name, text, tuple(wrt.split()) if wrt else None)
            inputs = {size: draw(workload, size) for size in sizes}
        folders = {size: root / name.replace(" ", "-") / str(size) for size in inputs}
        for size, folder in folders.items():
            folder.mkdir(parents=True, exist_ok=True)
            for key, value in inputs[size].items():
                np.save(folder / f"{key}.npy", np.asarray(value))
        return Problem(workload, inputs, folders)

    def request(self, settings: Settings | None) -> dict[str, Any]:
        names = list(next(iter(self.inputs.values())))
        wrt = self.workload.wrt or tuple(names)
        return {
            "workload": self.workload.name, "text": self.workload.text, "inputs": names,
            "wrt": [names.index(name) for name in wrt], "folders": [str(folder) for folder in self.folders.values()],
            "rounds": settings.rounds if settings else 0, "shortest": settings.shortest if settings else 0,
            "budget": settings.budget if settings else 0,
        }  # fmt: skip


class Measurement:
    """All rows, the versions of the peers, and what could not be measured."""

    def __init__(self, python: str, settings: Settings, root: Path):
        self.python, self.settings, self.root = python, settings, root
        self.rows: list[Row] = []
        self.versions: dict[str, str] = {}
        self.missing: dict[str, str] = {}
        """Why a peer is not among the rows."""
        self.failed: list[Row] = []
        """First calls that gave no answer, or a wrong one."""
        self.facts: dict[str, Any] = {}
        """Other times, in seconds."""

    # ------------------------------------------------------------ one process

    def _lines(self, peer: str, request: dict[str, Any], environment: dict[str, str]) -> Iterator[dict[str, Any]]:
        """What the process of a peer has to say; its last words where it fails."""
        python = sys.executable if peer.startswith("gradc") else self.python
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
        environment.pop("OPENBLAS_CORETYPE", None)
        command = [python, "-m", "bench.peer_process"]
        try:
            done = subprocess.run(
                command, input=json.dumps(request), capture_output=True, text=True, cwd=ROOT, env=environment,
                timeout=TIMEOUT,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            yield {"failed": f"no answer after {TIMEOUT} s"}
            return
        except OSError as error:
            raise click.UsageError(f"{python} cannot be run: {error.strerror}") from None
        yield from map(json.loads, done.stdout.splitlines())
        if done.returncode:
            last = done.stderr.strip().splitlines() or [f"ended with code {done.returncode}"]
            yield {"failed": last[-1][:120]}

    def run(
        self, problem: Problem, peer: str, one_cpu: bool, numbers: bool = False, later: bool = True, **environment: str
    ) -> list[Row]:
        """A row for each size."""
        if peer in self.missing:
            return []
        request = {"peer": peer, "one_cpu": one_cpu, "numbers": numbers}
        request |= problem.request(self.settings if later else None)
        sizes = {str(folder): size for size, folder in problem.folders.items()}
        rows, left = [], list(sizes.values())
        for line in self._lines(peer, request, (ONE_THREAD if one_cpu else {}) | environment):
            if "version" in line:
                self.versions[peer] = line["version"]
            elif "folder" in line:
                left.remove(size := sizes[line["folder"]])
                rows.append(self._row(problem, size, peer, one_cpu, line))
            elif "declined" in line:
                left = []
            elif peer not in self.versions:
                self.missing[peer] = line["failed"]
                return []
            else:
                name = problem.workload.name
                rows += [Row(name, size, peer, one_cpu, reason=line["failed"]) for size in left]
        return rows

    def _row(self, problem: Problem, size: int, peer: str, one_cpu: bool, line: dict[str, Any]) -> Row:
        name = problem.workload.name
        difference = self._difference(problem, size, peer)
        if difference:
            return Row(name, size, peer, one_cpu, reason=f"wrong: {difference}")
        batches = tuple(each / 1e9 for each in line.get("batches", ()))
        median = statistics.median(batches) if batches else None
        first = line["first"] / 1e9
        return Row(name, size, peer, one_cpu, first, median, batches, line.get("cpus"), line.get("threads", ""))

    def _difference(self, problem: Problem, size: int, peer: str) -> str:
        """Where the answer of a peer differs from gradc's; nothing for gradc's first one, which is kept."""
        folder = problem.folders[size]
        if peer == "copying":
            return ""
        if not (folder / "gradc.npz").exists():
            (folder / "answer.npz").rename(folder / "gradc.npz")
            return "" if peer == "gradc" else "there is no answer of gradc's"
        return disagreement(
            _answer(folder / "answer.npz"), _answer(folder / "gradc.npz"), problem.workload, problem.inputs[size]
        )

    # ------------------------------------------------------------ what is measured

    def later_calls(self, names: Sequence[str], sizes: Sequence[int], progress: Any) -> None:
        """Value and all gradients of arrays, once with all processors and once with one."""
        total = len(names) * len(PEERS) * 2
        for k, name in enumerate(names):
            problem = Problem.of(name, sizes, self.root)
            for j, peer in enumerate(PEERS):
                for one_cpu in (False, True):
                    progress((k * len(PEERS) + j) * 2 + one_cpu, total, f"{name}: {peer}")
                    self.rows += self.run(problem, peer, one_cpu)

    def calls_with_numbers(self) -> None:
        """Six Python floats."""
        problem = Problem.of("neuron", [SCALAR], self.root)
        for peer in OF_NUMBERS:
            self.rows += self.run(problem, peer, True, numbers=True)

    def first_calls(self, progress: Any) -> None:
        """From the text to the first answer, the library imported: with nothing cached, and gradc's from disk too."""
        found: dict[str, dict[str, float]] = {}
        for k, name in enumerate(FIRST):
            problem = Problem.of(name, [FIRST_SIZE[name]], self.root)
            of_peers = found[name] = {}
            for peer in PEERS:
                progress(k, len(FIRST), f"{name}: first call of {peer}")
                for form in ("", ", from disk") if peer == "gradc" else ("",) if peer != "copying" else ():
                    times = self._first_times(problem, peer, bool(form))
                    if times:
                        of_peers[peer + form] = statistics.median(times)
        self.facts["first"] = found

    def _first_times(self, problem: Problem, peer: str, is_kept: bool) -> list[float]:
        """One for each process; a call that takes seconds is not repeated."""
        times: list[float] = []
        while len(times) < (self.settings.processes if peer == "gradc" else min(3, self.settings.processes)):
            time = self._first_call(problem, peer, is_kept)
            if time is None:
                break
            times.append(time)
            if time > SLOW:
                break
        return times

    def _first_call(self, problem: Problem, peer: str, is_kept: bool) -> float | None:
        with tempfile.TemporaryDirectory(dir=self.root) as empty:
            kept = self.root / "kernels"
            place = str(kept) if is_kept else empty
            if is_kept and not (kept / problem.workload.name).exists():
                kept.mkdir(mode=0o700, exist_ok=True)
                (kept / problem.workload.name).touch()
                self.run(problem, peer, False, later=False, GRADC_CACHE=place)
            nothing = dict.fromkeys(CACHES, empty)
            rows = self.run(problem, peer, False, later=False, **nothing | {"GRADC_CACHE": place})
        self.failed += [row for row in rows if row.reason]
        return rows[0].first_s if rows else None

    def starts(self) -> None:
        """Whole processes: Python and NumPy alone, and with the value and gradients of the neuron, kept on disk."""
        with tempfile.TemporaryDirectory(dir=self.root) as kept:
            environment = {**os.environ, "PYTHONPATH": str(ROOT), "GRADC_CACHE": kept}
            for what, code in STARTS.items():
                times = []
                for _ in range(self.settings.processes + 1):
                    start = perf_counter()
                    subprocess.run([sys.executable, "-c", code], check=True, env=environment, cwd=self.root)
                    times.append(perf_counter() - start)
                self.facts.setdefault("start", {})[what] = statistics.median(times[1:])

    def as_dict(self) -> dict[str, Any]:
        """Times in seconds."""
        machine = surroundings() | {"engine": default_engine()}
        return {
            "machine": machine, "versions": self.versions, "missing": self.missing, "facts": self.facts,
            "failed": [asdict(row) for row in self.failed],
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


def _answer(file: Path) -> Answer:
    with np.load(file) as found:
        value, *grads = [found[f"arr_{k}"] for k in range(len(found.files))]
    return value, tuple(grads)


# ---------------------------------------------------------------- tables


def markdown(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table and the empty line behind it."""
    lines = [headings, ["---"] * len(headings), *rows]
    return [f"| {' | '.join(cells)} |".replace("|  |", "| |") for cells in lines] + [""]


class Tables:
    """The text of the page between its marks."""

    def __init__(self, found: dict[str, Any]):
        self.found = found
        self.rows = [Row(**row) for row in found["rows"]]
        self.failed = [Row(**row) for row in found["failed"]]
        self.at = {(row.workload, row.size, row.peer, row.one_cpu): row for row in self.rows if row.size != SCALAR}
        self.workloads = list(dict.fromkeys(row.workload for row in self.at.values()))
        self.sizes = sorted({row.size for row in self.at.values()})

    def text(self) -> str:
        parts = [self._machine(), *self._summary(), *self._numbers(), *self._first(), *self._starts()]
        for name in self.workloads:
            parts += self._workload(name)
        return "\n".join([*parts, *self._reasons()]).rstrip("\n") + "\n"

    def _machine(self) -> str:
        machine, engine = self.found["machine"], self.found["machine"]["engine"]
        compiler = (
            f"LLVM {engine['llvm']} for {engine['processor']} with {engine['vector_doubles']} doubles to the vector"
            if engine["name"] == "native"
            else "the Numba engine answers for the native one here"
        )
        names = dict.fromkeys(f"{peer} {version}" for peer, version in self.found["versions"].items()
                              if peer not in NO_PEERS and not peer.startswith("CasADi, o"))  # fmt: skip
        peers = ", ".join(names).replace("CasADi, buffer call", "CasADi")
        return (
            f"{machine['cpu']}, {machine['cpus']} processors, {machine['system']}; {machine['python']}, "
            f"NumPy {machine['numpy']}, Numba {machine['numba']}, gradc {machine['gradc']}: {compiler}. {peers}.\n"
        )

    def _median(self, name: str, size: int, peer: str, one_cpu: bool) -> float | None:
        row = self.at.get((name, size, peer, one_cpu))
        return row.median_s if row else None

    def _best_peer(self, name: str, size: int, one_cpu: bool) -> tuple[float, str] | None:
        """The time of the fastest peer, and which it is."""
        peers = [peer for peer in PEERS if peer not in NO_PEERS]
        found = [(time, peer) for peer in peers if (time := self._median(name, size, peer, one_cpu)) is not None]
        return min(found, default=None)

    def _summary(self) -> list[str]:
        lines: list[str] = []
        if not self.workloads:
            return lines
        for one_cpu, title in ((True, "Everybody on one processor"), (False, "Peers on all processors")):
            rows = []
            for name in self.workloads:
                cells = [name]
                for size in self.sizes:
                    best, ours = self._best_peer(name, size, one_cpu), self._median(name, size, "gradc", one_cpu)
                    cells.append(f"{ratio(best[0], ours)} {best[1]}" if best and ours else "")
                rows.append(cells)
            lines += [f"{title}: how many times as fast gradc is as the fastest peer, and which that is", ""]
            lines += markdown([title, *(f"{size:,}" for size in self.sizes)], rows)
        rows = []
        for name in self.workloads:
            cells = [name]
            for size in self.sizes:
                old, ours = (self._median(name, size, peer, True) for peer in reversed(OURS))
                copied = self._median(name, size, "copying", True)
                cells.append(ratio(old, ours) + (f"; {ratio(ours, copied)} copies" if copied and ours else ""))
            rows.append(cells)
        lines += ["How many times as fast as gradc's Numba engine, on one processor; and how many times as long as "
                  "NumPy copies the bytes that are read and written", ""]  # fmt: skip
        return lines + markdown(["gradc", *(f"{size:,}" for size in self.sizes)], rows)

    def _numbers(self) -> list[str]:
        rows = [[row.peer, duration(1e9 * row.median_s)] for row in self.rows if row.size == SCALAR and row.median_s]
        return markdown(["value and gradients of six Python floats", "a call"], rows) if rows else []

    def _first(self) -> list[str]:
        found = self.found["facts"].get("first", {})
        peers = list(dict.fromkeys(peer for times in found.values() for peer in times))
        rows = [[p, *(duration(1e9 * t[p]) if p in t else "" for t in found.values())] for p in peers]
        return markdown(["first value and gradients", *found], rows) if rows else []

    def _starts(self) -> list[str]:
        found = self.found["facts"].get("start", {})
        rows = [[what, duration(1e9 * time)] for what, time in found.items()]
        return markdown(["a new process, its end included", "time"], rows) if rows else []

    def _workload(self, name: str) -> list[str]:
        peers = [
            p for p in PEERS if any((name, size, p, one) in self.at for size in self.sizes for one in (True, False))
        ]
        rows = []
        for peer in peers:
            cells = [peer]
            for one_cpu in (True, False):
                cells += [self._cell(name, size, peer, one_cpu) for size in self.sizes]
            cpus = [row.cpus for size in self.sizes if (row := self.at.get((name, size, peer, False))) and row.cpus]
            rows.append([*cells, f"{max(cpus):.1f}" if cpus else ""])
        sizes = [f"{size:,}" for size in self.sizes]
        headings = [name, *(f"{size}, one processor" for size in sizes), *(f"{size}, all" for size in sizes), "busy"]
        return markdown(headings, rows)

    def _cell(self, name: str, size: int, peer: str, one_cpu: bool) -> str:
        row = self.at.get((name, size, peer, one_cpu))
        if row is None:
            return ""
        return row.reason.partition(":")[0] if row.median_s is None else duration(1e9 * row.median_s)

    def _reasons(self) -> list[str]:
        lines = [f"- {peer} is left out: {reason}" for peer, reason in self.found["missing"].items()]
        told = dict.fromkeys(
            f"- {row.peer}, {row.workload}: {row.reason}" for row in (*self.rows, *self.failed) if row.reason
        )
        return [*lines, *told]


def ratio(slow: float | None, fast: float | None) -> str:
    if not slow or not fast:
        return ""
    times = slow / fast
    return f"{times:.2f}" if times < 1.995 else f"{times:.1f}" if times < 9.95 else f"{times:.0f}"


def updated(page: str, text: str) -> str:
    """The page with another text between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + "\n" + text + "\n" + END + after


# ---------------------------------------------------------------- the command


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--python", metavar="FILE", default=sys.executable, help="The interpreter that has the peers.")
@click.option("--workload", "workloads", multiple=True, type=click.Choice(WORKLOADS), help="Only this. Repeatable.")
@click.option("--size", "sizes", multiple=True, type=click.IntRange(min=2), help="Only this size. Repeatable.")
@click.option("--quick", is_flag=True, help="Fewer and shorter batches, fewer processes.")
@click.option("--json", "file", metavar="FILE", type=click.Path(dir_okay=False), help="Write all numbers to a file.")
@click.option("--read", metavar="FILE", type=click.File(), help="Measure nothing: show what --json has written.")
@click.option("--update", is_flag=True, help="Put the tables into docs/benchmarks.md.")
def main(
    python: str, workloads: tuple[str, ...], sizes: tuple[int, ...], quick: bool, file: str | None, read: Any,
    update: bool,
) -> None:  # fmt: skip
    """Measure value and gradients, gradc beside other libraries; print tables in Markdown.

    A choice of workloads or sizes leaves out calls with numbers, first calls and start-up. Exit code 3 if gradc gave a
    wrong answer, or none.
    """
    found = json.load(read) if read else measured(python, workloads, sizes, QUICK if quick else THOROUGH)
    text = Tables(found).text()
    click.echo(text)
    if file is not None:
        Path(file).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if update:
        PAGE.write_text(updated(PAGE.read_text(encoding="utf-8"), text), encoding="utf-8")
    if any(row["reason"] for row in (*found["rows"], *found["failed"]) if row["peer"].startswith("gradc")):
        sys.exit(WRONG)


def measured(python: str, workloads: Sequence[str], sizes: Sequence[int], settings: Settings) -> dict[str, Any]:
    """Everything; with a choice of workloads or sizes, only the later calls of those."""
    with tempfile.TemporaryDirectory() as folder, progress_bar(sys.stderr) as draw_bar:
        progress = draw_bar or (lambda done, total, what: None)
        measurement = Measurement(python, settings, Path(folder))
        measurement.later_calls(workloads or WORKLOADS, sizes or SIZES, progress)
        if not workloads and not sizes:
            measurement.calls_with_numbers()
            measurement.first_calls(progress)
            measurement.starts()
        return measurement.as_dict()


if __name__ == "__main__":
    main(prog_name="python -m bench.peers")
