"""What users write, with types: mypy in strict mode accepts it and knows what there is to know (`pyproject.toml`)."""

from collections.abc import Callable
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import gradc


def compiled(text: str) -> gradc.Function:
    return gradc.compile(text, wrt=["x", "y"], engine="interpreter", fast_math=False)


def calls(f: gradc.Function, x: NDArray[np.float64], y: float) -> list[float]:
    value, grads = f.value_and_grad(x, y=y)
    assert_type(grads, gradc.Gradients)
    assert_type(f.grad(x, y), gradc.Gradients)
    assert_type(f.vjp(1.0, x, y), gradc.Gradients)
    assert_type(f.hvp({"x": x, "y": 1.0}, x, y), gradc.Gradients)
    assert_type(f.jacobian(x, y), gradc.Gradients)
    assert_type(f.value_and_grad(x, y, out=[np.empty(3), None])[1], gradc.Gradients)
    assert_type(f.bind(x=x), gradc.BoundFunction)
    assert_type(f.bind(x=x).bind(y=y).grad(), gradc.Gradients)
    assert_type(grads._fields, tuple[str, ...])
    assert_type(grads._asdict(), dict[str, Any])
    assert_type(grads._replace(y=1.0), gradc.Gradients)
    x_bar: NDArray[np.float64] = grads.x
    y_bar: float = grads["y"]
    assert_type(grads[:1], tuple[Any, ...])
    again: float = f.forward(x, y)
    assert_type(f.backward(upstream=2.0), gradc.Gradients)
    slope: float = f.jvp((x, 1.0), x, y)
    mixed: NDArray[np.float64] = f.hessian(x, y)["x"].y
    return [value, again, float(np.sum(x_bar)), y_bar, slope, float(np.sum(mixed))]


def described(f: gradc.Function) -> list[str]:
    assert_type(f.inputs, tuple[str, ...])
    assert_type(f.wrt, tuple[str, ...])
    stages = {name: stage.text for name, stage in f.stages.items()}
    print(f.stages["derivative"](1.0, 2.0))
    return [f.text, f.source, f.engine, *stages.values()]


def inside_numba(f: gradc.Function) -> Callable[..., tuple[float, tuple[float, ...]]]:
    assert_type(f.kernel.grad, Callable[..., tuple[Any, ...]])
    assert_type(f.kernel.jvp, Callable[..., Any])
    return f.kernel.value_and_grad


def lecture() -> tuple[str, int]:
    trace = gradc.trace("(x+y)*z", x=-2, y=5, z=-4)
    assert_type(trace, gradc.Trace)
    assert_type(trace.grads, gradc.Gradients)
    assert_type(trace[1].gate, str)
    return trace.svg(), sum(len(gate.arguments) for gate in trace)


def message(text: str) -> str:
    try:
        compiled(text)
    except gradc.Error as error:
        assert_type(error.code, str)
        assert_type(error.message, str)
        assert_type(error.help, str | None)
        return error.message if error.span is None else error.span.draw()
    return gradc.__version__
