"""The NIST nonlinear regression problems, fitted from both starting points with derivatives from gradc."""

import numpy as np
import numpy_walker as walker
import pytest
from nist_problems import problems
from scipy.optimize import least_squares

import gradc

PROBLEMS = problems()
DIGITS = 5e-11
"""Half a unit in the last of the 11 certified digits, relative."""


def jacobian(problem, b):
    return np.stack(list(problem.residuals.jacobian(**problem.at(b))), axis=1)


def newton_step(problem, b):
    """The step to where the gradient of the residual sum of squares vanishes, from its gradient and Hessian."""
    inputs = problem.at(b)
    g = np.array(problem.objective.grad(**inputs))
    h = np.array([list(line) for line in problem.objective.hessian(**inputs)])
    scale = 1 / np.sqrt(np.diag(h))
    return -scale * np.linalg.lstsq(h * np.outer(scale, scale), scale * g, rcond=None)[0]


def fit(problem, start):
    """Levenberg-Marquardt within a trust region, then Newton's method while it improves."""
    with np.errstate(over="ignore"):
        b = least_squares(
            lambda b: problem.residuals(**problem.at(b)), start, jac=lambda b: jacobian(problem, b),
            x_scale="jac", ftol=1e-15, xtol=1e-15, gtol=1e-15, max_nfev=3000,
        ).x  # fmt: skip
    last = np.inf
    for _ in range(5):
        step = newton_step(problem, b)
        size = np.max(np.abs(step / b))
        if not size < min(last, 1e-2):
            break
        b, last = b + step, size
    return b


def distance(problem, b):
    return np.max(np.abs(b / problem.certified - 1))


def test_there_are_27_problems():
    assert len(PROBLEMS) == 27
    for problem in PROBLEMS.values():
        assert set(problem.residuals.inputs) == {*problem.parameters, *problem.data}


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_residual_sum_of_squares_at_the_certified_point(name):
    """As certified, but for what rounding the certified parameters to 11 digits adds."""
    problem = PROBLEMS[name]
    value = problem.objective(**problem.at(problem.certified))
    slack = np.sum((np.abs(jacobian(problem, problem.certified)) @ np.abs(DIGITS * problem.certified)) ** 2)
    assert abs(value - problem.sum_of_squares) <= 2 * DIGITS * problem.sum_of_squares + 2 * slack


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_gradient_at_the_certified_point(name):
    """As a complex step gives it, and zero: Newton's method stays where it is."""
    problem = PROBLEMS[name]
    inputs = problem.at(problem.certified)
    grads = problem.objective.grad(**inputs)
    residuals, columns = problem.residuals(**inputs), jacobian(problem, problem.certified)
    magnitude = 2 * np.abs(residuals) @ np.abs(columns)
    rounding = 1e-14 * np.abs(columns).T @ (1 + np.max(np.abs(problem.data["y"])) * np.ones_like(residuals))
    program = f"{problem.response} - ({problem.model})"
    for k, name in enumerate(problem.parameters):
        step = {**inputs, name: complex(inputs[name], 1e-100)}
        expected = np.sum(2 * residuals * walker.evaluate(program, **step).imag / 1e-100)
        assert abs(grads[name] - expected) <= 1e-10 * magnitude[k] + rounding[k]
    assert np.max(np.abs(newton_step(problem, problem.certified) / problem.certified)) < 5e-10


def test_fits_reach_the_certified_parameters_from_both_starts(capsys):
    """To six digits, and the residual sum of squares is then the certified one as far as float64 can tell."""
    reached, report = [], []
    for problem in PROBLEMS.values():
        fitted = [fit(problem, start) for start in problem.starts]
        errors = [distance(problem, b) for b in fitted]
        reached += [problem.name] if max(errors) < 5e-7 else []
        report.append(f"{problem.name:9s} {errors[0]:8.1e} {errors[1]:8.1e}")
        for b, error in zip(fitted, errors, strict=True):
            if error < 5e-7:
                y = problem.data["y"]
                noise = 4e-16 * np.max(np.abs(y)) * np.sqrt(len(y) * problem.sum_of_squares)
                difference = abs(problem.objective(**problem.at(b)) - problem.sum_of_squares)
                assert difference <= 1e-9 * problem.sum_of_squares + 10 * noise
    with capsys.disabled():
        print(f"\n{len(reached)} of {len(PROBLEMS)} NIST problems fitted to 6 digits from both starts")
    assert len(reached) >= 25, "\n".join(report)


@pytest.mark.parametrize("name", ["Nelson", "Roszman1", "Thurber"])
@pytest.mark.parametrize("engine", ["interpreter", pytest.param("numba", marks=pytest.mark.compiled)])
def test_engines_agree_at_the_certified_point(name, engine):
    problem = PROBLEMS[name]
    inputs = problem.at(problem.certified)
    other = gradc.compile(problem.objective.text, wrt=problem.parameters, engine=engine)
    value, grads = problem.objective.value_and_grad(**inputs)
    value2, grads2 = other.value_and_grad(**inputs)
    assert value2 == pytest.approx(value, rel=1e-12)
    columns = np.abs(problem.residuals(**inputs)) @ np.abs(jacobian(problem, problem.certified))
    assert np.all(np.abs(np.array(grads2) - np.array(grads)) <= 1e-12 * columns)
