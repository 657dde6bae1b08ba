"""Second derivatives of what the STABLE rules lead to, at hard points, beside those of the plain form.

`second_derivatives.txt` has, for each rule, how often either is nearer to the truth by more than a bit, and the mean
errors of both in bits; `pytest -n0 --update` measures anew.
"""

from pathlib import Path

import mpmath
import numpy as np
import pytest
from compared import HARD, MILD, PRECISIONS, SIZE, WITHIN, draws, flat, graphs, same
from rule_graphs import STABLE, by_text

from gradc.autodiff.adjoint import adjoint
from gradc.autodiff.tangent import second_tangent
from gradc.check.reals import REALS
from gradc.ir.graph import input_node
from gradc.ir.interpret import run
from gradc.rewrite.engine import Rewriter
from gradc.rewrite.pipeline import settled
from tests.corpus.bits import bits_of
from tests.stage_rules import first_rules

TABLE = Path(__file__).parent / "second_derivatives.txt"
POINTS = 12
RULES = [rule for rule in STABLE if not any(name.startswith("c") for name in rule.names)]
PAGE = " ".join(Path("docs/numerics.md").read_text().split())
WORSE = 1.0
"""Bits that a rule may lose against the plain form, on average over the points."""
SHARED = (
    "logsumexp(x - max(x)) + max(x)", "exp(x - max(x)) / sum(exp(x - max(x)))", "(x - max(x)) - logsumexp(x - max(x))",
)  # fmt: skip
"""Where one exponential dominates, its slope is one minus the others, exact to some ULP of one."""
SLACK = 0.5
"""Bits that other versions of NumPy's functions may add to a mean."""


class Second:
    """Both sides of a rule: the value, and how the gradient changes along each input."""

    def __init__(self, rule):
        self.inputs, (left, right) = graphs(rule, SIZE)
        wrt = [self.inputs[name] for name in rule.variables if self.inputs[name].type.is_float]
        self.upstream = input_node("upstream", left.type)
        self.seeds = {node: input_node(f"{node.name}_dot", node.type) for node in wrt}
        self.left = [left, *second_tangent(adjoint(left, wrt, self.upstream), self.seeds)]
        (value,) = settled([right], False)
        bars = settled(adjoint(value, wrt, self.upstream), False)
        last = Rewriter(first_rules("derivative"))
        self.right = last.rewrite([value, *second_tangent(bars, self.seeds)])

    def _along(self, point):
        """The values of all inputs, for each direction."""
        values = {self.inputs[name]: value for name, value in point.items()}
        for node in [self.upstream, *self.seeds]:
            values[self.seeds.get(node, node)] = np.array([1.0, -2.0, 0.5]) if node.shape else np.float64(1.0)
        for chosen in self.seeds.values():
            others = {seed: np.zeros(seed.shape)[()] for seed in self.seeds.values() if seed is not chosen}
            yield values | others

    def floats(self, point):
        """All numbers of the left side and of the right one."""
        all_values = list(self._along(point))
        return (flat(x for values in all_values for x in run(side, values, {})) for side in (self.left, self.right))

    def truth(self, point):
        before: list = []
        for digits in PRECISIONS:
            with mpmath.workdps(digits):
                exact = [{node: REALS.exact(x) for node, x in values.items()} for values in self._along(point)]
                true = flat(x for values in exact for x in REALS.run(self.left, values, {}))
                if not mpmath.isfinite(true[0]) or (before and all(map(same, before, true))):
                    break
                before = true
        return true


@np.errstate(all="ignore")
def measured(rule) -> tuple[int, int, float, float]:
    """How often gradc and the plain form are better, and the mean bits of error of both."""
    case, pairs = Second(rule), []
    hard = MILD if "gamma" in rule.text else HARD
    for point in draws(rule, case.inputs, [*hard, *WITHIN] if rule.text.startswith("arccos(1 - x)") else hard, POINTS):
        true = case.truth(point)
        if not mpmath.isfinite(true[0]):
            continue
        for plain, ours, t in zip(*case.floats(point), true):
            if mpmath.isfinite(t) and not 0 < abs(t) < 1e-300:
                pairs.append((bits_of(ours, t), bits_of(plain, t)))
    better, worse = sum(a < b - 1 for a, b in pairs), sum(a > b + 1 for a, b in pairs)
    count = max(len(pairs), 1)
    return better, worse, sum(a for a, _ in pairs) / count, sum(b for _, b in pairs) / count


def known() -> dict[str, tuple[int, int, float, float]]:
    """What the table says of each rule."""
    rows = (line.split(maxsplit=4) for line in TABLE.read_text().splitlines())
    return {rule: (int(better), int(worse), float(ours), float(plain)) for better, worse, ours, plain, rule in rows}


def write(found) -> None:
    rows = [f"{b:3} {w:3} {ours:5.1f} {plain:5.1f}  {rule}\n" for rule, (b, w, ours, plain) in found]
    TABLE.write_text("".join(rows))


@pytest.mark.parametrize("rule", RULES, ids=by_text)
def test_at_least_as_accurate(rule, request, ran_cases):
    name, found = by_text(rule), measured(rule)
    table = known()
    if request.config.getoption("--update"):
        table[name] = found
        write((by_text(rule), table[by_text(rule)]) for rule in RULES if by_text(rule) in table)
    _, worse, ours, plain = found
    assert worse <= table[name][1] + 1
    assert ours <= table[name][2] + SLACK
    assert ours <= plain + WORSE or name.startswith(SHARED)
    ran_cases(POINTS)


def test_table_is_of_these_rules():
    assert list(known()) == [by_text(rule) for rule in RULES]


def test_page_says_how_often_each_form_is_better():
    better, worse, _, _ = map(sum, zip(*known().values()))
    assert (
        f"in {better:,} of them gradc's form is nearer to the truth by more than a bit, in {worse:,} the plain one"
        in PAGE
    )
