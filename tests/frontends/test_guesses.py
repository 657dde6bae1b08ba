"""Types of inputs that nobody declared, guessed from how programs use them, and one guess for all who need it."""

import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import gradc
from gradc.bench.workload import Workload, draw
from gradc.check.points import drawn
from gradc.construct.functions import EACH, FUNCTIONS, ROWS

FILE = Path(__file__).with_name("guesses.txt")
HEAD = [line for line in FILE.read_text().splitlines() if line.startswith("#")]
PROGRAMS = [line for line in FILE.read_text().splitlines() if line.strip() and line[0] not in "# "]


@cache
def compiled(line: str) -> gradc.Function:
    """The program of a line; behind `##` what it is differentiated for."""
    text, _, wrt = line.partition(" ## ")
    return gradc.compile(text, wrt=wrt or None, engine="interpreter")


def guess(line: str) -> str:
    f = compiled(line)
    return ", ".join(f"{name}: {type}" for name, type in f.types.items()) + f" -> {f.stages.graph.results[0].type}"


def test_guesses(golden):
    """The file holds the programs: add one without the line below it, and `pytest --update` writes that."""
    golden("guesses.txt", "\n".join([*HEAD, *(f"{line}\n    {guess(line)}" for line in PROGRAMS)]))


@pytest.mark.parametrize("line", PROGRAMS)
def test_all_who_guess_agree(line):
    f = compiled(line)
    ranks = {name: (type.rank, type.dtype) for name, type in f.types.items()}
    point = drawn(f)
    workload = Workload("", f.program, f.wrt if " ## " in line else None)
    for values in (point, draw(workload, None if f.guess.is_plain else 12)):
        arrays = {name: np.asarray(value) for name, value in values.items()}
        assert {name: (x.ndim, "i64" if x.dtype.kind == "i" else "f64") for name, x in arrays.items()} == ranks
    value, grads = f.value_and_grad(**point)
    assert np.shape(value) == np.shape(f(**point)) and len(grads) == len(f.wrt)
    assert f"guessed: {f.guess};" in " ".join(f.source.split()) or f.guess.is_plain


def test_every_function_that_takes_arrays_has_a_program():
    used = set(re.findall(r"\w+(?=\()", " ".join(PROGRAMS)))
    assert {row.name for row in ROWS if row.ranks != EACH and not row.text} <= used
    assert {row.name for row in ROWS if "cross_entropy" in row.name or "hinge" in row.name} <= used


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.ranks == EACH and row.name not in ("Piecewise", "polygamma")]
)
def test_what_is_used_with_scalars_only_stays_scalar(row):
    arguments = ", ".join(f"x{k}" for k in range(max(row.required, 1)))
    assert compiled(f"{row.name}({arguments}) + a").guess.is_plain or row.name in (
        "binary_cross_entropy",
        "squared_error",
        "l2",
    )


@pytest.mark.parametrize("row", FUNCTIONS.values(), ids=list(FUNCTIONS))
def test_facts_about_axes_speak_of_parameters(row):
    for several in (False, True):
        axes = row.axes(several)
        assert set(axes.needs) <= {*row.parameters}
        assert all(re.fullmatch(r"[0-9]|\*|m|=[0-9]?", word) for word in axes.needs.values())


@pytest.mark.parametrize(("text", "message"), [
    ("sin(x) @ 3", "x: f64[n]"), ("trace(x) + a * x[0, 0, 0]", "x: f64[n, m, k], a: f64"),
    ("x + concatenate([x, x[None]])", "x: f64["), ("matmul(x, 2)", "x: f64[n]"),
])  # fmt: skip
def test_a_guess_that_fails_says_that_it_was_one(text, message):
    f = gradc.compile(text)
    for use in (lambda: f.source, lambda: drawn(f), lambda: f.stages.graph):
        with pytest.raises(gradc.Error) as wrong:
            use()
        assert "types were guessed from use" in wrong.value.help and message in wrong.value.help
        assert "declare them, as in `" in wrong.value.help


def test_what_is_declared_is_not_guessed():
    f = gradc.compile("X: f64[n, d]; y: f64[n]; mean(X @ w - y)")
    assert str(f.guess) == "w: f64[m]" or str(f.guess) == "w: f64[d]"
    assert "X: " not in f.source.split("guessed")[1].split(";")[0]
    assert "guessed" not in gradc.compile("X: f64[n, d]; w: f64[d]; mean(X @ w)").source


def test_arguments_win():
    f = gradc.compile("W @ x", engine="interpreter")
    assert f(np.ones((2, 3)), np.ones((3, 4))).shape == (2, 4) and f([1.0, 2.0], [3.0, 4.0]) == 11.0
