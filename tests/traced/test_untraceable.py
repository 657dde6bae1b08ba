"""What cannot be traced is an error that shows the line of the user's file; the messages are in untraceable.txt."""

from pathlib import Path

import numpy as np
import pytest
import untraceable

import gradc

HERE = Path(__file__).parent
X, S = np.array([0.5, 1.0, 2.0]), 0.7


def error(f, *args, **kwargs):
    with pytest.raises(gradc.Error) as caught:
        f(*args, **kwargs)
    return caught.value


def message(function):
    return error(gradc.compile(function, engine="interpreter"), X, S)


def test_messages(golden, monkeypatch):
    monkeypatch.chdir(HERE.parents[1])
    functions = [each for name, each in vars(untraceable).items() if callable(each) and name != "inner"]
    golden("untraceable.txt", "\n\n".join(str(message(each)) for each in functions))


def test_without_a_file():
    scope = {"np": np}
    exec("def f(x):\n    y = 2 * x\n    if y > 0:\n        return x\n    return y", scope)
    found = error(gradc.compile(scope["f"]), 1.0)
    assert found.code == "G0801" and found.span.position[0] == 3
    assert "np.where" in str(found) and "`not`" not in str(found)


def test_errors_of_the_function_itself_are_its_own():
    class Unfit(Exception):
        pass

    def f(x):
        if x.ndim != 2:
            raise Unfit("x has to be a matrix")
        return x

    with pytest.raises(Unfit) as caught:
        gradc.compile(f)(1.0)
    assert any("traced" in note for note in caught.value.__notes__)


@pytest.mark.parametrize("given", [int, print, iter([]), object()])
def test_what_is_no_function_to_trace(given):
    error(lambda: gradc.compile(given)(1.0))


def test_arguments_of_the_call():
    f = gradc.compile(lambda x, y=1.0: x * y, engine="interpreter")
    for args, kwargs in (((), {}), ((1.0, 2.0, 3.0), {}), ((1.0,), {"z": 1.0}), ((1.0,), {"x": 1.0})):
        assert error(f, *args, **kwargs).code == "G0601"
    assert error(f, {1, 2}).code == error(f, 1 + 2j).code == "G0602"
    recursive = []
    recursive.append(recursive)
    assert error(f, recursive).code == "G0502"
