"""The pages that are written from data are current, and the data is true."""

import linecache
import re
import shlex
from pathlib import Path
from textwrap import fill

import numpy as np
import pytest
from click.testing import CliRunner
from special_points import KINKS

import gradc
from gradc.cli import main
from gradc.ir.ops import ROWS
from gradc.language.diagnostics import CODES
from gradc.language.explanations import EXPLANATIONS, GROUPS
from tests.elementary.bounds import ROWS as ROWS_OF_FUNCTIONS
from tests.stage_texts import stage_texts

DOCS = Path(__file__).parents[2] / "docs"

NUMERICS = """# Numerics

What gradc gives where a derivative needs a convention, and where floating point needs care. The table is written from
the rows that the tests check (`pytest --update` rewrites it).

{table}

## Second derivatives at a kink

Where `abs`, `sign`, `hypot` or `norm` is 0, a second derivative is the mean of what it is just ahead and just behind along
the direction. It is right where the program is smooth: `norm(x)**2`, `cos(hypot(x, y))`, `(1 + r)*exp(-r)`,
`log(1 + exp(-abs(x))) + max(x, 0)` at 0. Where the slope jumps it is that of the pieces: 0 for `abs(x)`, 1 for
`exp(-abs(x))`, and 0 for `x*abs(x)`, which has 2 on one side and -2 on the other. At the tip of a cone, where the gradient
takes every direction (`norm(x)`, `exp(-hypot(x, y))`), it is NaN along any direction that moves the tip. That the slope
vanishes has to come out as an exact 0; where rounding leaves something of it, the answer is NaN too.

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

What does not move has no influence either: the zeros of a direction (in `jvp`, `hvp` and the columns of a Hessian) and of
an upstream gradient (in `vjp` and the rows of a Jacobian) contribute nothing, whatever slope they meet. `sqrt(x) + y**2`
at (0, 3) has the derivative 6 along (0, 1), and the Hessian of `sum(x**1.5)` is infinite at the one place where x is 0.

## Zero times infinity

Zero times an infinite slope is nothing in three cases: where nothing moves (above); where the zero is a factor that
depends on none of the inputs of what is steep (`x*sqrt(y)` at (0, 0)); and where a square root, or `arccos`, `arcsin`
and `arccosh` at their ends, is taken of something smooth whose slope is zero, which then has a kink and norm's
convention (`sqrt(d @ A @ d)` at d = 0, the haversine of equal points, `arccos(dot(u, u))`). The slopes of `erf`, `erfc`, `normal_cdf`,
`normal_pdf` and of `exp` of negated squares absorb whatever comes next where they underflow, so that prices at expiry
and intervals without a bound have all their derivatives. Any other zero stands for a limit that nobody computes, and
the product is NaN: `sqrt(x)*cbrt(x)` at 0, `arctan2` at the origin.

## Integers

Indices and what is computed from them are 64-bit integers that wrap around. As in NumPy, a quotient or a remainder by 0
is 0, and the smallest integer divided by -1 is itself.

## Accuracy

Programs are rewritten so that common formulas neither overflow nor cancel, however they are spelled (`gradc compile
EXPR --emit rewritten` shows which rules fired): constants of a sum are gathered where that is exact, the logarithm of
products and sums of exponentials is taken term by term, and so is the root of a sum of squares. A rule about a
difference serves it negated, exchanged, with a factor, with the argument of an odd function negated, and inside a longer
sum; a rule about a function over its argument serves every quotient with that function in it. Each rule is proved over
the reals and compared with mpmath at hard points, value and gradient.

`tests/corpus` has formulas as people write them, in families, each at points over the whole range where it is used.
These are the mean errors in bits (the logarithm to base 2 of how many floats lie between the answer and the truth, 53
or more for an answer with no right digit), after a slash those of the formula as written:

{bits}

A Hessian's gradient is rewritten before the second derivative is taken of it. So measured at the hard points of each
rule (`tests/rewrite/second_derivatives.txt`), the second derivatives are off by 1.6 bits on average, those of the formulas
as written by 10.1; in 2,215 of them gradc's form is nearer to the truth by more than a bit, in 290 the plain one: mostly
exponentials of a sum or difference that is itself rounded, such as `exp(x)/exp(y)`, by a few bits.

The gradients of a log-sum-exp or a softmax are shares of one number: where one exponential dominates all others, each of
them is exact to 24 ULP of the largest, and `logsumexp` whose result is near zero to 24 ULP of its largest gradient.

## Sums

The order of a sum is fixed. Terms come in blocks of 128. In a block, 32 lanes add every 32nd term: lane k the terms
k, k+32, k+64 and k+96. The lanes are added in a tree, k and k+16, then k and k+8, down to one. In a block of up to
16 terms the first eight are added one after the other, and so are the rest. The total of the blocks so far takes the
next one, its rounding error by Knuth's formula goes into a second number, and that is added at the end.

A machine with 2 doubles to the vector does this with 16 vectors of lanes, one with 8 with 4: the bits of a sum depend
neither on the width of vectors, nor on how arrays lie in memory, nor on the process or the call. Where the terms of
many sums come in turn, as in `sum(X, axis=0)`, each block is added one term after the other; the rest is the same.

With u = 2**-53, a sum s of n terms x is off by at most u |s| + 9 u sum(|x|), or u |s| + 128 u sum(|x|) in the turns
of `axis=0`, for n up to 2**33: the number of terms does not appear. The Numba engine and exported modules let LLVM
choose the order in a block, which has the second bound and bits of its own; the interpreter adds as NumPy does. A sum
in float32 is accumulated in float64, along an axis too, and so are running sums.

A sum that a program writes out, `a + b + c + ...`, is added from the left as it is written, unless it has many terms
that differ only in numbers, inputs or elements: from 16 terms on these become one sum over arrays, in the order above
and with its bounds, added where the first of them stood.

`max`, `min`, `any` and `all` are exact in any order, and `prod` has lanes as sums have. Products of matrices add
term after term, each rounded once (`fma`), 256 terms at a time; those with one row, or with
fewer than 4 columns, are the BLAS library's, which decides on an order of its own.

## Elementary functions

The native engine computes them from texts of gradc's own (`gradc/elementary`), the same for vectors and numbers and
with the same bits on every machine; where loops of emitted Python can use them, they do. The greatest errors, in
units in the last place of the exact result, that the tests allow at 100,000 points of each of several ranges and at
published worst cases:

{functions}

These hold for every argument, beyond 1e6 in `sin`, `cos` and `tan` too. NaN, infinities, signed zeros and subnormal
numbers give what IEEE 754 and C99 (annex F) ask for. What has no row here is made of these and has a few ULP;
`gamma`, `lgamma` and `digamma` have at most 16, and that much again for every ULP that one ULP of the argument makes.
Bessel functions, incomplete gamma and beta functions, `beta`, `betaln` and `binom` are SciPy's, to 12 digits or more.
In float32 all are computed in float64 and rounded once. The interpreter has NumPy's and SciPy's functions.

## Functions that vanish together

`sin(x)/x`, `(exp(y*x) - 1)/x`, `x/tanh(x)`, `(1 - cos(x))/x**2`, `(x - sin(x))/x**3`, `1/tanh(x) - 1/x`,
`log(1 - x)/log(1 + x)` and their like keep their digits near the point where both sides vanish, in value, gradient and
Hessian, and have their limits there, where the formula as written is 0/0. It is known of `expm1`, `log1p`, `sin`,
`tan`, `sinh`, `tanh`, `arctan`, `arcsinh`, `erf` and `log(cosh(x))` over their argument or over a part of it, with any
factors beside them, in any order, and of most of them without the first term of their series. A quotient in which
something else is NaN stays NaN. Left as they are: `arcsin(x)/x`, `arctanh(x)/x`, most series without their second term
(`(sin(x) - x + x**3/6)/x**5`), one function that overflows over another (`sinh(y*x)/sinh(x)`), and sums of functions in
whose quotient the first terms cancel (`(cosh(x) - cos(x))/x**2` has all digits, its gradient not).

## Matrices

- A singular matrix in `solve`, `inv` or `solve_triangular`, and one that is not positive definite in `cholesky`, is an
  error (G0609) that names the matrix, and in a stack says which one it is. `logdet` is -inf for a singular matrix and
  NaN where the determinant is negative; `slogdet` has both cases. Matrices that are only nearly singular have answers
  with errors as large as their condition number says.
- NaN and infinity are no error: `cholesky`, `eigh`, `svd` and what is made of them are NaN everywhere for a matrix in
  which they read one, the others of a stack keep their answers, and all else is arithmetic, which hands NaN on.
- `det` of a singular matrix is 0, and its gradient is the matrix of cofactors, which need not be 0; the second
  derivatives are right there too.
- `cholesky`, `eigh`, `eigvalsh` and everything with `assume_a="pos"` read the lower triangle only, as NumPy does: the
  gradient is 0 above the diagonal. `solve_triangular` reads its triangle.
- Where eigenvalues are equal, within rounding of the largest one, their own vectors may turn into each other, and have no
  derivatives. A function that does not depend on them has: `sum(f(eigvalsh(A)))` has its gradient and Hessian,
  `V @ diag(f(w)) @ V.T`, however it is written, its gradient (divided differences of f, which become its slope),
  `V[:, :k] @ V[:, :k].T` too where the k vectors span whole spaces of equal eigenvalues. Other derivatives that need
  those of the vectors, second derivatives of `V @ diag(f(w)) @ V.T` among them, are NaN at such a matrix, and never a
  number that lacks a term.
- The same holds of equal singular values: `norm(A, "nuc")` and `sum(f(svdvals(A)))` have gradients there, second
  derivatives and those of U and Vh are NaN.
- `pinv` and `lstsq` count singular values below 1e-15 of the largest as zero, and their derivatives take the rank to be
  the same nearby. `qr` needs independent columns, and of a
  matrix with more columns than rows the first ones, as many as there are rows.
- `expm` scales, takes a Pade approximant of degree 13 and squares (Higham 2005), always with 16 squares, of which a select
  takes as many as the norm asks for; its derivatives are those of these steps. A matrix with a 1-norm above 350,000 has
  NaN for its exponential.
- `inv(A) @ b` is solved, without the inverse; `log(det(A))` is `logdet(A)`, which does not overflow.

## Rules

NaN and infinity are never swallowed by a rule of the EXACT set; STABLE rules agree wherever the program as written is
defined. `fast_math=True` adds rules that are false for infinities, NaN and signed zeros. Kernels take a factor that
all terms of a product of matrices share out of its sum: where it is infinite, they give infinity even where the terms,
one by one, are infinities of both signs, whose sum is NaN.
"""  # noqa: E501

OPS = """# The op table

Every op, its arguments, and its partial derivative for each of them, as written in `gradc/ir/ops.py` (this page is
written from there by `pytest --update`). `out` is the result; `mask(c, v)` is v where c holds and no path elsewhere; a
dash marks an argument without derivative. Ops that only move data are linear: their derivative is the transposed op. An
op on matrices says what the tangent `dot` of an argument contributes to that of the result.

{table}
"""


def cell(text: object) -> str:
    return "`" + " ".join(str(text).split()).replace("|", "\\|") + "`"


def functions_table() -> str:
    """The elementary functions by their bounds."""
    bounds = sorted({bound for bound, _ in ROWS_OF_FUNCTIONS.values()})
    lines = ["| ULP | functions |", "|---|---|"]
    for bound in bounds:
        names = [cell(name) for name, (own, _) in ROWS_OF_FUNCTIONS.items() if own == bound]
        lines.append(f"| {bound} | {', '.join(names)} |")
    return "\n".join(lines)


def bits_table() -> str:
    """The mean errors of each family of the corpus."""
    lines = ["| formulas | value | gradient | second derivatives |", "|---|---|---|---|"]
    for line in (Path(__file__).parents[1] / "corpus" / "bits_of_error.txt").read_text().splitlines():
        name, *numbers = line.rsplit(maxsplit=6)
        pairs = [f"{ours} / {plain}" for ours, plain in zip(numbers[::2], numbers[1::2])]
        lines.append(f"| {name.strip()} | {' | '.join(pairs)} |")
    return "\n".join(lines)


def test_numerics_page(golden):
    rows = ["| program | at | value | gradients | |", "|---|---|---|---|---|"]
    rows += [
        f"| {cell(p)} | {', '.join(map(str, at))} | {value} | {', '.join(map(str, grads))} | {words} |"
        for p, at, value, grads, words in KINKS
    ]
    golden(DOCS / "numerics.md", NUMERICS.format(table="\n".join(rows), functions=functions_table(), bits=bits_table()))


def test_ops_page(golden):
    rows = ["| op | arguments | partial derivatives |", "|---|---|---|"]
    for row in ROWS:
        if row.kind == "source":
            continue
        if row.transpose is not None or row.kind == "contraction" or row.is_variadic:
            partials = "linear"
        elif row.kind == "matrix":
            partials = ", ".join(
                cell(text) if text else "linear" if transposed else "—"
                for text, transposed in zip(row.tangents, row.transposes)
            )
        elif row.kind == "scan":
            partials = (
                "recurrences (`gradc/autodiff/recurrence.py`)" if row.adds else ", ".join("—" for _ in row.params)
            )
        else:
            partials = ", ".join("—" if partial is None else cell(partial) for partial in row.partials)
        rows.append(f"| {cell(row.name)} | {cell(', '.join(row.params) + ', ...' * row.is_variadic)} | {partials} |")
    golden(DOCS / "ops.md", OPS.format(table="\n".join(rows)))


ERRORS = """# Errors

A mistake in a program or in the arguments of a call raises `gradc.Error`, which is a `ValueError` with a code, a
message, the place in the program's text, and help; `str(error)` draws them, and on the command line `--json` gives them
as data.

```python
>>> import gradc
>>> try:
...     gradc.compile("x * (y + z")
... except gradc.Error as error:
...     print(error.code, error.message, error.span, error.help, sep=" | ")
G0103 | this `(` is never closed | expression:4-5 | add the missing `)`
```

`gradc explain G0103` says on a terminal what stands here: what a code means, an example that makes it, and what to
write instead. (The page is written from what that command knows by `pytest --update`; the tests run every example.)
{sections}"""


def happens(example: str) -> tuple[str, str]:
    """What an example of an explanation does: the code of the error that it makes, or nothing, and the error's text."""
    if example.startswith("gradc "):
        done = CliRunner().invoke(main, shlex.split(example)[1:], prog_name="gradc")
        found = re.match(r"error\[(G\d{4})\]", done.stderr)
        assert done.exit_code == bool(found), done.stderr
        return (found[1], done.stderr) if found else ("", "")
    try:
        linecache.cache["example.py"] = len(example), None, example.splitlines(True), "example.py"
        exec(compile(example, "example.py", "exec"), {"gradc": gradc, "np": np})
    except gradc.Error as error:
        return error.code, str(error)
    return "", ""


def test_errors_page(golden, tmp_path, monkeypatch):
    """Every code is explained, and every example makes its code."""
    monkeypatch.chdir(tmp_path)
    sections, group = [], ""
    for code, explanation in EXPLANATIONS.items():
        if code[:3] != group:
            group = code[:3]
            sections.append(f"\n## {GROUPS[group]}\n")
        made, message = happens(explanation.wrong)
        assert (made, happens(explanation.right)[0]) == (code, ""), message
        shell = explanation.wrong.startswith("gradc ")
        language, prompt = ("text", "$ ") if shell else ("python", "")
        sections.append(f"### {code}: {CODES[code]}\n\n{fill(explanation.words, 120)}\n")
        if shell:
            sections.append(f"```text\n$ {explanation.wrong}\n{message.rstrip()}\n```\n")
        else:
            sections.append(f"```python\n{explanation.wrong}\n```\n\n```text\n{message.rstrip()}\n```\n")
        sections.append(f"Write instead:\n\n```{language}\n{prompt}{explanation.right}\n```\n")
    golden(DOCS / "errors.md", ERRORS.format(sections="\n".join(sections)))


def test_every_code_of_the_source_is_explained():
    tables = ("diagnostics.py", "explanations.py")
    files = [path for path in (DOCS.parent / "gradc").rglob("*.py") if path.name not in tables]
    sources = [path.read_text(encoding="utf-8") for path in files]
    raised = {code for text in sources for code in re.findall(r"""["'](G\d{4})["']""", text)}
    assert raised == EXPLANATIONS.keys() <= CODES.keys()


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


def test_design_page_names_every_file_of_the_native_engine():
    page = (DOCS / "design.md").read_text(encoding="utf-8")
    section = page.partition("## The native engine")[2].partition("\n## ")[0]
    files = {file.name for file in (DOCS.parent / "gradc" / "native").glob("*.py")} - {"__init__.py"}
    assert files == set(re.findall(r"`(\w+\.py)`", section.partition("\n\n**")[0]))


@pytest.mark.parametrize(
    "program, at, value, grads, words", KINKS, ids=lambda part: part if isinstance(part, str) else ""
)
def test_kinks_and_special_points(program, at, value, grads, words):
    with np.errstate(all="ignore"):
        found, bars = gradc.compile(program, engine="interpreter").value_and_grad(*at)
    np.testing.assert_allclose([found, *bars], [value, *grads], rtol=1e-14)
