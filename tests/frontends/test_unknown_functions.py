"""What is said of a function that does not exist: names of other libraries, and slips of the fingers."""

from pathlib import Path

import pytest

import gradc
from gradc.construct.functions import FUNCTIONS
from gradc.frontends.elsewhere import CALLED, INSTEAD, WRITTEN
from gradc.frontends.text import TextProgram
from gradc.language.source import Source

WORDS = (Path(__file__).parent / "functions_elsewhere.txt").read_text().splitlines()
ELSEWHERE = sorted({name for line in WORDS if not line.startswith("#") for name in line.split()} - set(FUNCTIONS))


def advice(name: str) -> str:
    """The help for a call of an unknown function."""
    with pytest.raises(gradc.Error) as error:
        TextProgram(Source(f"{name}(x, y)"))
    assert error.value.code == "G0302" and error.value.span.text == name
    return error.value.help


def test_names_of_other_libraries(golden):
    """No function is taken for another one: `hints.txt` says what each gets that gets anything."""
    assert len(ELSEWHERE) > 500
    told = {name: advice(name) for name in ELSEWHERE}
    lines = [f"{name:<36}{said}" for name, said in told.items() if said != "define it first: `def name(t) = ...`"]
    golden("hints.txt", "\n".join(lines))
    guesses = {name: said for name, said in told.items() if said.startswith("did you mean")}
    assert {name.replace("_", "") for name in guesses} == {said[14:-2].replace("_", "") for said in guesses.values()}


@pytest.mark.parametrize(("typed", "meant"), [
    ("sni", "sin"), ("exo", None), ("epx", "exp"), ("Exp", "exp"), ("sqaure", "square"), ("sqrtt", "sqrt"),
    ("squareroot", None), ("sigmod", "sigmoid"), ("sigmiod", "sigmoid"), ("simgoid", "sigmoid"), ("sigmoi", "sigmoid"),
    ("sofmax", "softmax"), ("softplsu", "softplus"), ("LeakyReLU", "leaky_relu"), ("leakyrelu", "leaky_relu"),
    ("logsoftmax", "log_softmax"), ("log_sum_exp", "logsumexp"), ("logsumxep", "logsumexp"), ("artan", "arctan"),
    ("rleu", "relu"), ("maxmum", "maximum"), ("concatentate", "concatenate"), ("tranpose", "transpose"),
    ("crossentropy", None), ("softmax_crossentropy", "softmax_cross_entropy"), ("means", None), ("hypott", "hypot"),
    ("log3", None), ("exp3", None), ("a" * 100, None), ("erfinverse", None), ("sinn", "sin"), ("lgo", "log"),
    ("___", None), ("f", None),
])  # fmt: skip
def test_slips(typed, meant):
    assert advice(typed) == (f"did you mean `{meant}`?" if meant else "define it first: `def name(t) = ...`")


def test_the_programs_own_functions_are_meant_too():
    with pytest.raises(gradc.Error, match=r"did you mean `discount`\?"):
        TextProgram(Source("def discount(t) = exp(-t); discuont(x)"))


def test_what_is_said_instead_is_right():
    assert not set(INSTEAD) & set(FUNCTIONS)
    assert set(CALLED) <= {row.name for row in FUNCTIONS.values()}
    assert len({*INSTEAD.values()}) >= len(CALLED) + len(WRITTEN) and all(map(str.isidentifier, INSTEAD))


@pytest.mark.parametrize("program", WRITTEN)
def test_what_is_to_be_written_is_a_program(program):
    TextProgram(Source(program))
