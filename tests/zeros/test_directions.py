"""What does not move contributes nothing: zeros of a direction meet infinite slopes; the rest is as without them."""

import numpy as np
import pytest

import gradc

STEEP = ("sqrt({})", "{}**0.3", "cbrt({})", "arcsin(1 - {})", "arccosh(1 + {})", "{}**1.5", "sqrt({}*{})**3", "log({})",
         "1/{}", "digamma({})", "exp(1000 + {})", "sqrt({})*log({})",
         "tan({})/{}**2", "norm(stack([{}, {}**2]))")  # fmt: skip
"""Functions whose first or second derivative is infinite at 0, or which are infinite there themselves."""

LINKS = (
    "{} + y**2",
    "y*sin(y) - 3*{}",
    "where(y > 0, {} + exp(y), y)",
    "max({}, 0) + y**3",
    "y*y + ({})*0.5 - y",
)


@pytest.mark.parametrize("engine", ["interpreter", "native"])
@pytest.mark.parametrize("link", LINKS)
def test_an_input_that_stays_where_it_is(link, engine):
    steep = STEEP if engine == "interpreter" else STEEP[:: len(LINKS)]
    for text in steep:
        program = link.format(text.replace("{}", "x"))
        both, alone = (gradc.compile(program, wrt=wrt, engine=engine) for wrt in ("x y", "y"))
        point = {"x": 0.0, "y": 0.7}
        np.testing.assert_equal(both.jvp((0.0, 2.0), **point), alone.jvp((2.0,), **point), program)
        np.testing.assert_equal(both.hvp((0.0, 2.0), **point).y, alone.hvp((2.0,), **point).y, program)
        assert both.hvp((0.0, 2.0), **point).x == 0, program


FINITE = ("sqrt({})", "{}**0.3", "cbrt({})", "arcsin(1 - {})", "arccosh(1 + {})", "{}**1.5")
"""Those that are finite at 0."""

ARRAYS = (
    "sum({})", "sum({}*a)", "dot({}, a)", "sum(({})**2)", "mean(({})[1:]*({})[:-1])", "sum(A @ {})",
    "sum(cumsum({})*a)", "sum(take({}, i))", "norm(1 + {})", "prod(1 + {})", "logsumexp({})",
    "sum(outer({}, a))", "max({}) + sum({})",
    "sum((({})[:, None] + A)**2)", "sum(A @ sin({}))", 'einsum("i,ij,j->", {}, A, a)', "sum(concatenate([{}, a])**3)",
)  # fmt: skip


@pytest.mark.parametrize("engine", ["interpreter", "native"])
@pytest.mark.parametrize("array", ARRAYS)
def test_elements_that_stay_where_they_are(array, engine):
    """The elements that move have the derivatives of a program in which the others are numbers."""
    random = np.random.default_rng(1)
    values = {"a": random.uniform(0.5, 1.5, 4), "A": random.uniform(0.5, 1.5, (4, 4)), "i": np.array([0, 1, 1, 3])}
    declared = "x: f64[4]; z: f64[3]; a: f64[4]; A: f64[4, 4]; i: i64[k]; "
    for steep in FINITE if engine == "interpreter" else FINITE[:1]:
        text = array.format(*[steep.replace("{}", "x")] * array.count("{}"))
        fixed = array.format(*[steep.replace("{}", "concatenate([a[:1]*0, z])")] * array.count("{}"))
        f, g = (
            gradc.compile(declared + program, wrt=wrt, engine=engine) for program, wrt in ((text, "x"), (fixed, "z"))
        )
        z, v = np.array([0.4, 1.2, 0.7]), np.array([0.3, -1.0, 2.0])
        given = values | {"x": np.array([0.0, *z]), "z": z}
        one, other = ({name: given[name] for name in h.inputs} for h in (f, g))
        along = np.array([0.0, *v])
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(f.jvp((along,), **one), g.jvp((v,), **other), rtol=1e-12, err_msg=text)
            found, wanted = f.hvp((along,), **one).x, g.hvp((v,), **other).z
        np.testing.assert_allclose(found[1:], wanted, rtol=1e-11, atol=1e-13, err_msg=text)


@pytest.mark.parametrize("engine", ["interpreter", "native"])
@pytest.mark.parametrize("steep", STEEP)
def test_results_that_nobody_asks_for(steep, engine):
    """Zeros of an upstream gradient, and with them the rows of a Jacobian."""
    f = gradc.compile(f"x: f64[n]; {steep.replace('{}', 'x')}", engine=engine)
    if "norm" in steep:
        return
    x = np.array([0.0, 0.5, 0.25])
    (slope,) = gradc.compile(f.text, engine=engine).grad(x)
    (found,) = f.vjp(np.array([0.0, 1.0, 2.0]), x)
    np.testing.assert_allclose(found, [0, slope[1], 2 * slope[2]], rtol=1e-14)
    np.testing.assert_allclose(f.jacobian(x).x, np.where(np.eye(3) == 1, np.diag(slope), 0), rtol=1e-13)


def test_the_examples_of_the_issue():
    for engine in ("interpreter", "native"):
        f = gradc.compile("sqrt(x) + y**2", engine=engine)
        assert f.jvp((0.0, 1.0), 0.0, 3.0) == 6
        hessian = gradc.compile("x: f64[n]; sum(x**1.5)", engine=engine).hessian(np.array([0.0, 1.0, 4.0])).x.x
        np.testing.assert_array_equal(hessian, [[np.inf, 0, 0], [0, 0.75, 0], [0, 0, 0.375]])
        assert gradc.compile("x**k", engine=engine).hessian(-2.0, 3.0).x.x == -12


@pytest.mark.parametrize("engine", ["interpreter", "native"])
@pytest.mark.parametrize(
    "text",
    ["sum(sqrt(A @ x)) + y**2", "cbrt(sum(x)) + y**2", "sum(sqrt(cumsum(x))) + y**2", "sum((x @ A @ x)**0.3) + y**2",
     "sum(sqrt(x[::-1] - x[:1])) + y**2", "sum(cbrt(sin(x) @ A)) + y**2", "sum(sqrt(stack([x, x]))) + y*y"],
)  # fmt: skip
def test_what_is_made_of_what_does_not_move(text, engine):
    f = gradc.compile(f"x: f64[n]; A: f64[n, n]; {text}", wrt="x A y", engine=engine)
    given = {"x": np.zeros(3), "A": np.eye(3), "y": 3.0}
    args, still = [given[name] for name in f.inputs], {"x": np.zeros(3), "A": np.zeros((3, 3)), "y": 2.0}
    assert f.jvp(still, *args) == 12
    assert f.hvp(still, *args).y == 4
