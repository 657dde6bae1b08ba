"""`python -m bench --against all`: measure, print the ratios, write the numbers, the chart and docs/benchmarks.md."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from bench.race import environment
from bench.race.chart import chart
from bench.race.measure import EVERYBODY, QUICK, ROOT, THOROUGH, Race
from bench.race.tables import Results, page, print_ratios

PAGE = ROOT / "docs" / "benchmarks.md"
PICTURE = ROOT / "docs" / "pictures" / "benchmarks.svg"
BEGIN, END = "<!-- written by `python -m bench --against all --update` -->\n", "<!-- end of what is measured -->\n"


def run(
    cases: Sequence[tuple[str, int]], file: Path, python: str | None = None, quick: bool = False,
    everybody: Sequence[str] = EVERYBODY,
) -> dict[str, Any]:  # fmt: skip
    """Everybody's times for these cases; `file` has what is found so far."""
    began = perf_counter()

    def say(text: str) -> None:
        seconds = int(perf_counter() - began)
        print(f"[{seconds // 60:3}:{seconds % 60:02}] {text}", file=sys.stderr, flush=True)

    def save(found: dict[str, Any]) -> None:
        file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")

    missing: dict[str, str] = {}
    if python is None:
        python, missing = environment.prepared(say)
    with tempfile.TemporaryDirectory() as folder:
        race = Race(python, QUICK if quick else THOROUGH, Path(folder), missing, say, save)
        race.run(cases, everybody)
        return race.as_dict()


def show(found: dict[str, Any], picture: Path, update: bool) -> list[str]:
    """Print the table and write the chart, and the page with `update`. What is wrong with gradc's own answers."""
    results = Results(found)
    picture.write_text(chart(results), encoding="utf-8")
    if update:
        PICTURE.write_text(chart(results), encoding="utf-8")
        PAGE.write_text(updated(PAGE.read_text(encoding="utf-8"), page(results)), encoding="utf-8")
    print_ratios(results, sys.stdout)
    return results.faults


def updated(text: str, measured: str) -> str:
    """The page with another text between its marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + "\n" + measured + "\n" + END + after
