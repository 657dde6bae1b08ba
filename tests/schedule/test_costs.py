"""What a schedule says that a program costs."""

import pytest

import gradc
from gradc.compiler import schedule_text
from gradc.ir.sizes import derive
from gradc.schedule.costs import Amount, Cost, costs, guessed

PROGRAMS = {
    "x: f64[n]; y: f64[n]; sum(x * y)": ("0", "16*n", "16*n"),
    "X: f64[n, d]; W: f64[d, k]; X @ W": ("d*k*n", "", ""),
    "X: f64[n, 64]; W: f64[64, 32]; sum(tanh(X @ W)**2)": ("6144*n", "512*n + 16384", "512*n + 16384"),
    "A: f64[b, n, m]; B: f64[b, m, p]; sum(tanh(A @ B))": ("3*b*m*n*p", "8*b*m*n + 8*b*m*p", "8*b*m*n + 8*b*m*p"),
    "x: f64[n]; i: i64[m]; sum(x[i]**2)": ("0", "24*m", "8*m"),
}
"""Multiplications in products, bytes read and written, by value and gradients."""


def cost(text: str) -> Cost:
    stages = gradc.compile(text).stages
    return sum((found for _, found in costs(stages.nest, {*stages.schedule.local})), Cost())


@pytest.mark.parametrize("text", PROGRAMS)
def test_what_is_multiplied_and_moved(text):
    found = cost(text)
    multiplications, read, written = PROGRAMS[text]
    assert str(found.multiplications) == multiplications
    assert not read or (str(found.bytes_read), str(found.bytes_written)) == (read, written)


def test_dear_functions_cost_more():
    cheap, dear = (cost(f"x: f64[n]; sum({text})").work.at({"n": 100}) for text in ("x * x", "exp(x)"))
    assert dear > 1.5 * cheap


def test_amounts():
    amount = Amount.of(("n", 8, derive("*", "d", "n")), 2) + Amount.of((3,)) + Amount.of(("n",)) + Amount.of(("n",))
    assert str(amount) == "16*d*n*n + 2*n + 3"
    assert amount.at({"d": 2, "n": 3}) == 16 * 18 + 6 + 3
    assert str(Amount()) == "0"
    assert guessed(Amount.of(("n",))) > guessed(Amount.of((64,)))


def test_numbers_where_sizes_are_known():
    stages = gradc.compile("X: f64[n, d]; w: f64[d]; s = X @ w; sum(exp(s - mean(s)))").stages
    formula, numbers = schedule_text(stages), schedule_text(stages, {"n": 1000, "d": 50})
    assert "memory: 16*n bytes in whole arrays" in formula
    assert "memory: 16,000 bytes in whole arrays" in numbers
    assert "8*d*n + 8*d bytes read" in formula
    assert "400,400 bytes read" in numbers
