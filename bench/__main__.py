"""`python -m bench`: every workload at every size, gradc beside its competitors; with `--against all`, the race."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import click

from bench.workloads import CASES, SCALAR, Case
from gradc.bench import Report, chosen, compare
from gradc.bench.competitors import Competitor
from gradc.bench.report import duration
from gradc.bench.show import print_report
from gradc.bench.timing import QUICK, THOROUGH, Settings
from gradc.language.diagnostics import Error
from gradc.show.encode import json_text
from gradc.show.progress import progress_bar
from gradc.show.table import table

WRONG = 3
"""The exit code when an engine of gradc gave a wrong answer, or none."""

STEPS = 1000
"""How finely the progress bar divides a workload."""


def size_of(text: str) -> int:
    """A size as written: `scalar`, `1000`, `30_000`."""
    if text == "scalar":
        return SCALAR
    try:
        size = int(text)
    except ValueError:
        size = 0
    if size < 1:
        raise click.BadParameter(f"{text!r} is no size: give a whole number from 1, or scalar", param_hint="--size")
    return size


def selected(workloads: tuple[str, ...], sizes: tuple[str, ...]) -> list[tuple[Case, int]]:
    """The cases to measure; a size asked for is taken even if it is not among the case's own."""
    cases = [CASES[name] for name in workloads] if workloads else list(CASES.values())
    wanted = tuple(map(size_of, sizes))
    return [
        (case, size)
        for case in cases
        for size in wanted or case.sizes
        if size != SCALAR or SCALAR in case.sizes
    ]  # fmt: skip


def check_writable(file: str | None) -> None:
    """Refuse a file that cannot be written before anything is measured for it."""
    if file is None:
        return
    path = Path(file)
    is_new = not path.exists()
    try:
        path.open("a", encoding="utf-8").close()
    except OSError as error:
        raise click.UsageError(f"{file} cannot be written: {error.strerror}") from None
    if is_new:
        path.unlink()


def what_was_found(file: Any) -> dict[str, Any]:
    """The numbers of an earlier race."""
    try:
        found = json.load(file)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not {"machine", "rows"} <= found.keys():
        raise click.UsageError(f"{file.name} has no numbers of a race: give a file that --json has written")
    return found


def summary(reports: list[Report]) -> list[str]:
    """One line for each report: gradc's best engine beside the best peer, and their ratio."""
    rows = []
    for report in reports:
        ours, peer = report.best_of_ours, report.best_peer
        ratio = report.speed(ours) if ours else None
        rows.append(
            [
                report.title,
                f"{duration(ours.later.median)} {ours.name}" if ours and ours.later else "none",
                f"{duration(peer.later.median)} {peer.name}" if peer and peer.later else "none",
                "" if ratio is None else f"{ratio:.2g}" if ratio < 10 else f"{ratio:.0f}",
            ]
        )
    return table(["workload", "gradc", "best peer", "times as fast"], rows, left=1)


def measure_all(cases: list[tuple[Case, int]], competitors: list[Competitor], settings: Settings) -> list[Report]:
    """A report for each case, printed as soon as it is there."""
    reports = []
    with progress_bar(sys.stderr) as draw:
        for k, (case, size) in enumerate(cases):

            def progress(done: int, total: int, what: str, k: int = k, name: str = case.name, size: int = size) -> None:
                if draw is not None:
                    extent = f"{size:,}" if size else "scalar"
                    draw(k * STEPS + done * STEPS // total, len(cases) * STEPS, f"{name} {extent}, {what}")

            report = compare(case.at(size), case.inputs(size), competitors, settings, progress, size=size or None)
            print_report(report, sys.stdout)
            sys.stdout.flush()
            reports.append(report)
    return reports


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--workload", "workloads", multiple=True, type=click.Choice(list(CASES)), help="Only this one. Repeatable."
)
@click.option("--size", "sizes", multiple=True, metavar="N", help="Only this many elements; or `scalar`. Repeatable.")
@click.option(
    "--against",
    default="",
    metavar="NAMES",
    help="Competitors, as in numpy,naive; all of these by default. `all`: other libraries too, the race.",
)
@click.option("--quick", is_flag=True, help="Fewer and shorter batches; the race takes half an hour.")
@click.option("--json", "file", metavar="FILE", type=click.Path(dir_okay=False), help="Write all numbers to a file.")
@click.option("--python", metavar="FILE", help="Race: an interpreter that has the libraries, instead of making one.")
@click.option("--read", metavar="FILE", type=click.File(), help="Race: measure nothing, show what --json has written.")
@click.option("--update", is_flag=True, help="Race: write docs/benchmarks.md and its chart.")
def main(
    workloads: tuple[str, ...], sizes: tuple[str, ...], against: str, quick: bool, file: str | None,
    python: str | None, read: Any, update: bool,
) -> None:  # fmt: skip
    """Measure value and gradients of the workloads: first call, later calls, memory.

    `--against all` is the race: gradc beside autograd, JAX, PyTorch, PyTensor, CasADi, Dr.Jit, numexpr, SymPy and code
    written by hand, each in a process of its own, with all threads and with one. It makes their environment in the
    user's cache folder, prints a table of ratios, and writes the numbers (race.json, or --json) and a chart beside it.

    Exit code 3 if an engine of gradc gave a wrong answer, or none.
    """
    if against == "all" or read is not None:
        race(workloads, sizes, quick, file, python, read, update)
        return
    if python is not None or update:
        raise click.UsageError("--python and --update go with --against all")
    try:
        competitors = chosen(name.strip() for name in against.split(",") if name.strip())
    except Error as error:
        raise click.UsageError(str(error)) from None
    cases = selected(workloads, sizes)
    if not cases:
        raise click.UsageError("none of these workloads takes these sizes")
    check_writable(file)
    reports = measure_all(cases, competitors, QUICK if quick else THOROUGH)
    click.echo("\n".join(summary(reports)))
    if file is not None:
        facts: dict[str, Any] = {
            "settings": "quick" if quick else "thorough",
            "reports": [r.as_dict() for r in reports],
        }
        Path(file).write_text(json_text(facts) + "\n", encoding="utf-8")
    faults = [f"{report.title}: {fault}" for report in reports for fault in report.faults]
    for fault in faults:
        click.echo(fault, err=True)
    if faults:
        sys.exit(WRONG)


def race(
    workloads: tuple[str, ...], sizes: tuple[str, ...], quick: bool, file: str | None, python: str | None, read: Any,
    update: bool,
) -> None:  # fmt: skip
    """gradc beside everybody, or what was found earlier."""
    from bench.race.command import run, show
    from bench.race.measure import in_order

    numbers = Path(file or "race.json")
    if read is not None:
        found = what_was_found(read)
        picture = Path(read.name).with_suffix(".svg")
    else:
        if python is not None and shutil.which(python) is None:
            raise click.UsageError(
                f"{python} is no program that can be run: --python is a Python that has the libraries"
            )
        check_writable(str(numbers))
        names = workloads or [name for name, case in CASES.items() if case.race]
        found = run(in_order(names, [*map(size_of, sizes)]), numbers, python, quick)
        picture = numbers.with_suffix(".svg")
    faults = show(found, picture, update)
    for fault in faults:
        click.echo(fault, err=True)
    if faults:
        sys.exit(WRONG)


if __name__ == "__main__":
    main(prog_name="python -m bench")
