"""The pages that are written from data are current, and the data is true."""

import re
from pathlib import Path

import numpy as np
import pytest
from special_points import KINKS

import gradc
from gradc.ir.ops import ROWS
from tests.stage_texts import stage_texts

DOCS = Path(__file__).parents[2] / "docs"

NUMERICS = """# Numerics

What gradc gives where a derivative needs a convention, and where floating point needs care. The table is written from
the rows that the tests check (`pytest --update` rewrites it).

{table}

## NaN in data

A NaN in an array makes every reduction over it NaN, a loss among them, whose gradient in the other rows is what it would
be without the NaN; `argmax` and `argmin` give the position of the first NaN. What chooses by a condition (`relu`, `max`,
`min`, `clip`, `multiclass_hinge`) passes the NaN on: its value is NaN, and its derivative there is the
identity's, 1, as that of `2*x + 1` is 2. So a gradient without NaN does not mean that the data have none; the value
tells. `where` and `if` take the second side, for no comparison with NaN holds but `!=`.

## What is not taken

The side of `where` or `if` that is not taken, the smaller side of `max` and what a slice or a gather leaves out have no
influence on a gradient, even where they are NaN or infinite, and whatever lies between: products of matrices, running
sums, gathers, reshapes. `sum(where(m > 0, (X @ w - y)**2, 0))` is right where a row of X that m leaves out is NaN. In a
product with a cotangent that is masked, an exact zero of that cotangent counts as left out.

## Integers

Indices and what is computed from them are 64-bit integers that wrap around. As in NumPy, a quotient or a remainder by 0
is 0, and the smallest integer divided by -1 is itself.

## Accuracy

Programs are rewritten so that common formulas neither overflow nor cancel, however they are spelled (`gradc compile
EXPR --emit rewritten` shows which rules fired): constants of a sum are gathered where that is exact, the logarithm of
products and sums of exponentials is taken term by term, and so is the root of a sum of squares. Each rule is proved
over the reals and compared with mpmath at hard points, value and gradient.

Quotients whose limit at 0 or infinity is finite while both sides are not (`(exp(x) - 1)/x`, `log(1 + x)/x`,
`x/sqrt(1 + x**2)`) have right values, but near the limit their gradient is a difference of nearly equal numbers.

Known gaps: where one exponential of a log-sum-exp or a softmax dominates all others, a gradient that is a difference of
nearly equal numbers keeps an error of a few ULP of the largest gradient, which may be all of a much smaller one; and
`logsumexp` of numbers whose result is near zero has about 15 ULP. The tests name these rules, and fail when a gap closes.

Sums add blocks of 128 terms and carry the rounding error of the running total from block to block, so that their error
does not grow with the number of blocks; the order is fixed, so the bits are the same each time. A sum in float32 is
accumulated in float64, along an axis too, and so are running sums.

NaN and infinity are never swallowed by a rule of the EXACT set; STABLE rules agree wherever the program as written is
defined. `fast_math=True` adds rules that are false for infinities, NaN and signed zeros.
"""  # noqa: E501

OPS = """# The op table

Every op, its arguments, and its partial derivative for each of them, as written in `gradc/ir/ops.py` (this page is
written from there by `pytest --update`). `out` is the result; `mask(c, v)` is v where c holds and no path elsewhere; a
dash marks an argument without derivative. Ops that only move data are linear: their derivative is the transposed op.

{table}
"""


def cell(text: object) -> str:
    return "`" + " ".join(str(text).split()).replace("|", "\\|") + "`"


def test_numerics_page(golden):
    rows = ["| program | at | value | gradients | |", "|---|---|---|---|---|"]
    rows += [
        f"| {cell(p)} | {', '.join(map(str, at))} | {value} | {', '.join(map(str, grads))} | {words} |"
        for p, at, value, grads, words in KINKS
    ]
    golden(DOCS / "numerics.md", NUMERICS.format(table="\n".join(rows)))


def test_ops_page(golden):
    rows = ["| op | arguments | partial derivatives |", "|---|---|---|"]
    for row in ROWS:
        if row.kind == "source":
            continue
        if row.transpose is not None or row.kind == "contraction":
            partials = "linear"
        else:
            partials = ", ".join("—" if partial is None else cell(partial) for partial in row.partials)
        rows.append(f"| {cell(row.name)} | {cell(', '.join(row.params))} | {partials} |")
    golden(DOCS / "ops.md", OPS.format(table="\n".join(rows)))


FOLLOWED = "X: f64[n, d]; w: f64[d]; y: f64[n]; mean(log1p(exp(-y*(X@w))))"
"""The program that docs/design.md follows through the compiler."""
STAGE_BLOCK = re.compile(r"^```text (?P<stage>\w+)\n.*?^```$", re.MULTILINE | re.DOTALL)


def test_design_page_shows_every_stage(golden):
    """A block that begins with "```text graph" holds the graph of that program, and so on."""
    texts = stage_texts(gradc.compile(FOLLOWED, wrt="w").stages)
    shown = []

    def block(found: re.Match) -> str:
        shown.append(found["stage"])
        return f"```text {found['stage']}\n{texts[found['stage']]}```"

    page = (DOCS / "design.md").read_text(encoding="utf-8")
    golden(DOCS / "design.md", STAGE_BLOCK.sub(block, page))
    assert shown == list(texts)


@pytest.mark.parametrize(
    "program, at, value, grads, words", KINKS, ids=lambda part: part if isinstance(part, str) else ""
)
def test_kinks_and_special_points(program, at, value, grads, words):
    with np.errstate(all="ignore"):
        found, bars = gradc.compile(program, engine="interpreter").value_and_grad(*at)
    np.testing.assert_allclose([found, *bars], [value, *grads], rtol=1e-14)
