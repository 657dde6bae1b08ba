"""Large programs are parsed without recursion, or refused by a named limit."""

import sys
import time
import tracemalloc

import pytest

from gradc.language.diagnostics import Error
from gradc.language.lexer import MAX_TEXT
from gradc.language.parser import parse
from gradc.language.source import Source
from gradc.language.unparse import unparse

DEEP = {
    "brackets": lambda n: "(" * n + "x" + ")" * n,
    "minus signs": lambda n: "-" * n + "x",
    "calls": lambda n: "sin(" * n + "x" + ")" * n,
    "powers": lambda n: "x**" * n + "x",
    "nested conditions": lambda n: "a if b else (" * n + "c" + ")" * n,
    "sum": lambda n: " + ".join(["x"] * n),
}
LONG = {
    "lists": lambda n: "f(" + "[" * n + "x" + "]" * n + ")",
    "negations": lambda n: "not " * n + "x",
    "keyword arguments": lambda n: "f(a=" * n + "x" + ")" * n,
    "indices": lambda n: "x[" * n + "i" + "]" * n,
    "subscripts": lambda n: "x" + "[0]" * n,
    "transposes": lambda n: "x" + ".T" * n,
    "conditions": lambda n: "a if b else " * n + "c",
    "conditions in conditions": lambda n: "a if (" * n + "b" + ") else c" * n,
    "nested differences": lambda n: "x-(" * n + "y" + ")" * n,
    "comparisons": lambda n: "<".join(["x"] * n),
    "arguments": lambda n: "f(" + ",".join(["x"] * n) + ")",
    "statements": lambda n: "q = x\n" * n + "q",
    "functions": lambda n: "def f(x) = x\n" * n + "q",
    "declarations": lambda n: ",".join(["x"] * n) + ": f64[n]; x",
    "empty statements": lambda n: ";\n" * n + "x",
    "remarks": lambda n: "#\n" * n + "x",
}


@pytest.fixture
def small_stack():
    depth = sys.getrecursionlimit()
    sys.setrecursionlimit(250)
    yield
    sys.setrecursionlimit(depth)


@pytest.mark.parametrize("build", DEEP.values(), ids=DEEP)
def test_depth_is_no_obstacle(build, small_stack):
    parse(Source(build(100_000)))


@pytest.mark.parametrize("build", [*DEEP.values(), *LONG.values()], ids=[*DEEP, *LONG])
def test_what_is_deep_or_long_is_printed_and_read_back(build, small_stack):
    text = unparse(parse(Source(build(10_000))))
    assert unparse(parse(Source(text))) == text


UNITS = [
    "(",
    ")",
    "[",
    "-",
    "x",
    "1",
    ".",
    "x+",
    "sin(",
    "x;",
    "x\n",
    "\n",
    " ",
    ";",
    "#",
    "\0",
    "²",
    "'",
    "if ",
    "9**",
    "x ",
    "1e",
    "_",
    "\ud800",
    "x=",
    "x:",
    "x,",
    "=",
    "else ",
    "def ",
    "\\",
    "1_",
    "x.",
    "0x",
    "!",
    "x[",
]


AMOUNTS = [(unit, size) for unit in UNITS for size in (2**15, 10 * 2**20)]
AMOUNTS += [(unit, MAX_TEXT) for unit in ("x+", "\n", "1")]


@pytest.mark.parametrize(("unit", "size"), AMOUNTS, ids=ascii)
def test_any_amount_of_anything_ends_soon(unit, size):
    text = (unit * (size // len(unit) + 1))[:size]
    start = time.perf_counter()
    try:
        parse(Source(text))
    except Error as error:
        assert len(str(error)) < 1000
        assert error.code == "G0501" or size <= MAX_TEXT
    else:
        assert size <= MAX_TEXT
    assert time.perf_counter() - start < 20


def test_a_refusal_needs_little_memory():
    text = "(" * (10 * 2**20)
    tracemalloc.start()
    with pytest.raises(Error):
        parse(Source(text))
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()
