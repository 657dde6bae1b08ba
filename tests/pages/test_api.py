"""The page of the API is current, and the examples of docstrings say what happens."""

import doctest
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from api_page import NEIGHBOURS, documented, markdown, members_of, names, page

import gradc

DOCS = Path(__file__).parents[2] / "docs"
MODULES = sorted({getattr(gradc, name).__module__ for name in names()} | {f"gradc.interop.{n}" for n in NEIGHBOURS})


@pytest.mark.compiled
def test_api_page(golden):
    golden(DOCS / "api.md", page())


def test_everything_public_says_what_it_is():
    for name in names():
        value = getattr(gradc, name)
        assert value.__doc__, name
        if isinstance(value, type):
            public = (
                {member for member in dir(value) if not member.startswith("_")} - set(dir(ValueError)) - set(dir(tuple))
            )
            fields = set(getattr(value, "__dataclass_fields__", ()))
            assert public - fields - dict(documented(value)).keys() == set(), name


@pytest.mark.compiled
@pytest.mark.parametrize("name", MODULES)
def test_examples_of_docstrings(name, ran_cases):
    module = import_module(name)
    names = {**vars(module), "gradc": gradc, "np": np}
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    tests = doctest.DocTestFinder().find(module, name, globs=names)
    for test in tests:
        runner.run(test)
    assert runner.failures == 0
    ran_cases(max(runner.tries, 1))


def test_docstrings_become_markdown():
    text = """What it does.

    a, b: numbers,
        or arrays.
    c: another

    >>> 1 + 1
    2

    >>> 2
    2
    """
    listed, example = "- `a, b`: numbers,\n    or arrays.\n- `c`: another", "```python\n>>> 1 + 1\n2\n>>> 2\n2\n```"
    assert markdown(text) == f"What it does.\n\n{listed}\n\n{example}"
    assert [name for name, _ in members_of(import_module("gradc.interop.scipy"))][:1] == ["objective"]
