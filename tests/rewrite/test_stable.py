"""STABLE rules: equal over the reals, and at least as accurate, value and gradient, where floats are hard."""

import itertools
import math

import mpmath
import numpy as np
import pytest
import sympy
from compared import HARD, MILD, ORDINARY, SIZE, WITHIN, Case, draws, graphs
from rule_graphs import FINAL, KERNEL, STABLE, by_text

from gradc.check.oracles import Arithmetic
from gradc.check.reals import REALS
from gradc.check.symbolic import SYMBOLS, number
from gradc.ir.interpret import run

RULES = STABLE + FINAL + KERNEL

# ---------------------------------------------------------------- proofs

NOT_PROVED = {
    "log(gamma(x)) -> where(gamma(x) < 0, nan, lgamma(x))",
    "log1p(q) -> where(q < 1, log1p(min(q, 1)), 2 * log(hypot(sqrt(q), 1)))",
    *(by_text(rule) for rule in RULES if rule.text.startswith("where(square(x) < 1, log1p(min(square(x), 1))")),
    *(
        by_text(rule)
        for rule in RULES
        if any(sign in rule.text for sign in ("lgamma", "arctan2", "> 300", "min(x, 40)"))
    ),
    *(
        by_text(rule)
        for rule in RULES
        if rule.text.startswith(("arccos(1 - x)", "arccosh(x + 1)", "log(erfc(x))", "log(normal_pdf"))
    ),
}
"""SymPy does not know that loggamma is the logarithm of gamma, nor that min(q, 1) is q where q < 1, nor sums of angles:
these are compared at 40 digits only. Beyond 300, cosh is half an exponential to within exp(-600) of itself."""

IRRATIONAL = (
    sympy.log(2), 1 / sympy.log(2), 1 / sympy.log(10), sympy.log(4), sympy.sqrt(2), 1 / sympy.sqrt(2),
    1 / sympy.sqrt(2 * sympy.pi), sympy.log(2 * sympy.pi) / 2,
)  # fmt: skip
MEANT = {float(x): x for x in IRRATIONAL}
"""What a number in a rule stands for."""

WITH_LOGARITHMS = Arithmetic(lambda x: MEANT.get(x, number(x)), SYMBOLS.function, SYMBOLS.reduction)


def symbols_for(name: str, shape: tuple, **assumptions):
    if shape:
        return np.array([sympy.Symbol(f"{name}{k}", **assumptions) for k in range(shape[0])], dtype=object)
    return sympy.Symbol(name, **assumptions)


def is_zero(difference: sympy.Expr) -> bool:
    forms = (
        lambda d: d,
        lambda d: sympy.expand_log(d.rewrite(sympy.exp), force=True),
        lambda d: d.rewrite(sympy.log),
        lambda d: d.rewrite(sympy.erf),
    )
    difference = sympy.piecewise_fold(difference)
    branches = [branch for branch, _ in difference.args] if isinstance(difference, sympy.Piecewise) else [difference]
    return all(
        any(sympy.simplify(sympy.expand_log(form(branch), force=True)) == 0 for form in forms)
        or any(is_one(sympy.exp(times * branch)) for times in (1, *branch.free_symbols))
        for branch in branches
    )


def is_one(value: sympy.Expr) -> bool:
    return sympy.simplify(sympy.simplify(value).rewrite(sympy.exp)) == 1


@pytest.mark.parametrize("rule", [rule for rule in RULES if by_text(rule) not in NOT_PROVED], ids=by_text)
def test_proved_by_sympy(rule):
    """For positive values: both sides are analytic there, so they agree on all of a domain connected with it."""
    inputs, both = graphs(rule, 2)
    conditions = [name for name in inputs if name.startswith("c")]
    for known in itertools.product([[sympy.true, sympy.false], [sympy.false, sympy.false]], repeat=len(conditions)):
        values = {node: symbols_for(name, node.shape, positive=True) for name, node in inputs.items()}
        for name, truth in zip(conditions, known):
            values[inputs[name]] = np.array(truth, dtype=object) if inputs[name].shape else truth[0]
        if "%" in rule.text:
            values |= {node: EVEN_OR_ODD[name] for name, node in inputs.items() if name in EVEN_OR_ODD}
        left, right = (np.atleast_1d(side) for side in WITH_LOGARITHMS.run(both, values, {}))
        assert is_zero(left[0] - right[0])


EVEN_OR_ODD = {"k": sympy.Integer(3), "n": sympy.Integer(-2)}
"""Numbers for the rules that ask whether one is even, which SymPy cannot tell of a symbol."""


@pytest.mark.parametrize("rule", RULES, ids=by_text)
def test_equal_at_forty_digits(rule, ran_cases):
    """Wherever the left side is defined, so is the right one, and it is the same number."""
    inputs, both = graphs(rule, SIZE)
    defined = 0
    with mpmath.workdps(60):
        for point in draws(rule, inputs, ORDINARY, 60):
            values = {inputs[name]: REALS.exact(value) for name, value in point.items()}
            for left, right in zip(*map(np.atleast_1d, REALS.run(both, values, {}))):
                if mpmath.isfinite(left):
                    defined += 1
                    assert abs(left - right) <= 1e-15 * (abs(left) + mpmath.mpf(10) ** -40), (point, left, right)
    assert defined >= 3
    ran_cases(defined)


# ---------------------------------------------------------------- accuracy

FEW_ULP, FEW_TIMES = 6, 4
POINTS = 40
NEARLY_OVERFLOWS = 1e290
"""A result as large as this may be reached through a factor that is infinite, such as exp(711) times 1e-4."""


def error(got: float, true) -> float:
    """The distance from the truth, zero for underflow and overflow."""
    if math.isnan(got):
        return math.inf
    rounded = float(true)
    if math.isinf(got) or math.isinf(rounded):
        overflowed_early = math.isinf(got) and got * rounded > 0 and abs(rounded) > NEARLY_OVERFLOWS
        return 0.0 if got == rounded or overflowed_early else math.inf
    distance = abs(mpmath.mpf(got) - true)
    return distance if distance > 2.3e-308 else 0.0


SHARED = {
    "log(sum(e)) ": 24, "exp(x - max(x)) / sum(exp(x - max(x)))": 24, "exp(x) / sum(exp(x))": 24,
    "sum(exp(x) * y) / sum(exp(x))": 24, "x - logsumexp(x)": 24, "log(prod(e))": 60,
}  # fmt: skip
"""Rules about arrays whose gradients sum up to zero, or to the upstream gradient: where one exponential dominates, each
is exact to so many ULP of the largest one. So is a logarithm near zero, to ULP of the gradients' size."""


COMPARED = [rule for rule in RULES if not any(name.startswith("c") for name in rule.names)]


@pytest.mark.parametrize("rule", COMPARED, ids=by_text)
def test_at_least_as_accurate(rule, ran_cases):
    case = Case(rule)
    shared_ulp = next((ulp for text, ulp in SHARED.items() if rule.text.startswith(text)), 0)
    wrong, compared = [], 0
    hard = MILD if "gamma" in rule.text else HARD
    for point in draws(rule, case.inputs, [*hard, *WITHIN] if rule.text.startswith("arccos(1 - x)") else hard, POINTS):
        left, right = case.floats(point)
        true, digits = case.truth(point)
        if not mpmath.isfinite(true[0]):
            continue
        largest = max((abs(t) for t in true if mpmath.isfinite(t)), default=0)
        moved = None  # computed only where an answer is off by more than some ULP
        with mpmath.workdps(60):
            for k, (was, got, t) in enumerate(zip(left, right, true)):
                if not mpmath.isfinite(t):
                    continue
                compared += 1
                some_ulp = max(FEW_ULP * abs(t), shared_ulp * largest) * mpmath.mpf(2) ** -53
                if error(got, t) <= max(error(was, t), some_ulp):
                    continue
                moved = moved or case.moved(point, true, digits)
                if not error(got, t) <= some_ulp + FEW_TIMES * moved[k]:
                    wrong.append(f"{point} number {k}: {got!r}, not {mpmath.nstr(t, 17)}; the left side gives {was!r}")
    ran_cases(compared)
    assert not wrong, "\n" + "\n".join(wrong[:4])
    assert compared > 10


@pytest.mark.parametrize("rule", STABLE, ids=by_text)
def test_nan_is_not_swallowed(rule):
    if by_text(rule) == "power(x, 0) -> 1":
        return  # as IEEE says of pow
    inputs, both = graphs(rule, SIZE)
    for name in rule.variables:
        values = {node: np.full(node.shape, 0.7)[()] for node in inputs.values()}
        values[inputs[name]] = np.full(inputs[name].shape, np.nan)[()]
        left, right = run(both, values, {})
        assert np.all(np.isnan(right) | ~np.isnan(left)), (name, left, right)
