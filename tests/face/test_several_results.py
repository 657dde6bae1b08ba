"""Programs with several results: by name, from one kernel, on every engine; derivatives are those of one of them."""

import pickle

import numba
import numpy as np
import pytest

import gradc

LOSS = "r = X @ w - y; loss = mean(r**2); (loss, max(abs(r)), r)"
rng = np.random.default_rng(0)
GIVEN = {"X": rng.normal(size=(5, 2)), "w": rng.normal(size=2), "y": rng.normal(size=5)}
R = GIVEN["X"] @ GIVEN["w"] - GIVEN["y"]


@pytest.mark.parametrize("engine", ["native", "numba", "interpreter"])
def test_all_results_and_the_gradient_of_one(engine):
    f = gradc.compile(LOSS, wrt="w", engine=engine)
    found = f(**GIVEN)
    assert found._fields == ("loss", "value1", "r") and isinstance(found, gradc.Results)
    assert found.loss == pytest.approx(np.mean(R**2)) and found.value1 == pytest.approx(max(abs(R)))
    assert found["r"] == pytest.approx(R)
    (loss, worst, r), grads = f.value_and_grad(**GIVEN)
    assert (loss, worst) == (found.loss, found.value1) and list(r) == list(found.r)
    plain = gradc.compile("mean((X @ w - y)**2)", wrt="w", engine=engine)
    assert grads.w == pytest.approx(plain.grad(**GIVEN).w)
    assert f.grad(**GIVEN).w == pytest.approx(grads.w)
    assert f.hessian(**GIVEN).w.w == pytest.approx(plain.hessian(**GIVEN).w.w)
    assert f.jvp([1.0], **GIVEN) == pytest.approx(plain.jvp([1.0], **GIVEN))
    f.forward(**GIVEN)
    assert f.backward(2.0).w == pytest.approx(2 * grads.w)


@pytest.mark.parametrize("of", ["s", 1])
def test_another_one_is_differentiated(of):
    f = gradc.compile("s = a * b; (a, s)", of=of)
    assert f.value_and_grad(2.0, 3.0) == ((2.0, 6.0), (3.0, 2.0))
    again = pickle.loads(pickle.dumps(f))
    assert again.grad(2.0, 3.0) == f.grad(2.0, 3.0) and gradc.compile("s = a * b; (a, s)").grad(2.0, 3.0).b == 0


def test_results_have_names_and_survive_pickling():
    found = gradc.compile("(x, x, 2*x, pi)", engine="interpreter")(1.0)
    assert found._asdict() == {"x": 1.0, "value1": 1.0, "value2": 2.0, "value3": np.pi}
    assert pickle.loads(pickle.dumps(found)) == found
    assert repr(found).startswith("Results(x=1.0, value1=1.0")


def test_functions_and_single_results():
    assert gradc.compile("f(x) = {u = x**2; (u, u + 1)}", engine="interpreter")(2.0) == (4.0, 5.0)
    assert gradc.compile("(x,)", engine="interpreter")(2.0)._fields == ("x",)
    assert gradc.compile("(x)", engine="interpreter")(2.0) == 2.0


def test_bound_data_and_out():
    f = gradc.compile(LOSS, wrt="w").bind(X=GIVEN["X"], y=GIVEN["y"])
    w_bar = np.empty(2)
    found, grads = f.value_and_grad(GIVEN["w"], out={"w": w_bar})
    assert grads.w is w_bar and w_bar == pytest.approx(f.grad(GIVEN["w"]).w) and found.loss == f(GIVEN["w"]).loss
    with pytest.raises(gradc.Error) as caught:
        f(GIVEN["w"], out=np.empty(()))
    assert caught.value.code == "G0606"


def test_modules_and_numba_code():
    f = gradc.compile("X: f64[n, m]; w: f64[m]; y: f64[n]; " + LOSS, wrt="w")
    namespace = {"__name__": "written", "__file__": __file__}
    exec(compile(f.source_for(cache=False), "written", "exec"), namespace)
    (loss, worst, r), (w_bar,) = namespace["value_and_grad"](*GIVEN.values())
    assert (loss, worst) == pytest.approx((np.mean(R**2), max(abs(R)))) and r == pytest.approx(R)
    assert len(namespace["value"](*GIVEN.values())) == 3
    assert w_bar == pytest.approx(f.grad(**GIVEN).w)

    @numba.njit
    def caller(X, w, y):
        loss, worst, _ = f(X, w, y)
        (again, _, _), (w_bar,) = f.value_and_grad(X, w, y)
        return loss + again + worst, w_bar

    total, w_bar = caller(*GIVEN.values())
    assert total == pytest.approx(2 * np.mean(R**2) + max(abs(R))) and w_bar == pytest.approx(f.grad(**GIVEN).w)


def test_stages_share_the_work():
    f = gradc.compile("t: f64[n]; e = exp(a * t); loss = sum(e); (loss, max(e))", wrt="a")
    assert str(f.stages["lowered"]).count("= exp(") == 1
    assert str(f.stages["schedule"]).count("loop ") == 1
    found, grads = f.stages["derivative"](t=[0.0, 1.0], a=0.0)
    assert found == (2.0, 1.0) and grads == (1.0,)
    assert f.stages["graph"](t=[0.0, 1.0], a=0.0) == (2.0, 1.0)


def test_traces_and_checks_are_of_the_one_that_is_differentiated():
    assert gradc.trace("(x * y, x + y)", x=2.0, y=3.0).value == 6.0
    assert gradc.compile("(x * y, x + y)").latex() == "x y"


@pytest.mark.parametrize(
    "text, options, code",
    [
        ("(x, y)", {"of": "z"}, "G0604"),
        ("(x, y)", {"of": 2}, "G0604"),
        ("x", {"of": "x"}, "G0604"),
        ("((x, y), y)", {}, "G0205"),
        ("t = (x, y); (t, y)", {}, "G0205"),
        ("(None, x)", {}, "G0108"),
    ],
)
def test_errors(text, options, code):
    with pytest.raises(gradc.Error) as caught:
        gradc.compile(text, engine="interpreter", **options)(2.0, 3.0)
    assert caught.value.code == code and caught.value.help
