"""The house rules: imports go down, lint and types are clean, start-up is light, the pages say what happens."""

import ast
import doctest
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import typed_user

import gradc
from gradc.runtime.kernel import RUNNABLE
from gradc.runtime.stages import Runnable

ROOT = Path(__file__).parents[2]
ORDER = ["language", "ir", "frontends", "autodiff", "rewrite", "loops", "schedule", "emit", "compiler", "export", "runtime",
         "function", "check", "show", "bench", "cli"]  # fmt: skip
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def room(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "gradc" else None


def test_imports_only_go_down():
    wrong = []
    for path in sorted((ROOT / "gradc").rglob("*.py")):
        here = room(".".join(path.relative_to(ROOT).with_suffix("").parts))
        for node in ast.parse(path.read_text()).body:  # imports inside functions are made late on purpose
            if isinstance(node, ast.ImportFrom) and here in ORDER:
                there = room(node.module or "")
                if there in ORDER and ORDER.index(there) > ORDER.index(here):
                    wrong.append(f"{path.relative_to(ROOT)} imports {node.module}")
    assert not wrong


def test_lint_finds_nothing():
    assert found_by("ruff", "check", "--no-cache", "--output-format=concise", "gradc", "bench", "tests") == ""


def test_format_is_ruff_s():
    assert found_by("ruff", "format", "--no-cache", "--check", "--diff", ".") == ""


def test_types_find_nothing():
    """Neither in the package nor, strictly, in a user's file."""
    assert found_by("mypy") == ""


def test_a_user_s_file_does_what_its_types_say():
    f = typed_user.compiled("sum(x * y)")
    assert typed_user.calls(f, np.array([1.0, 2.0, 3.0]), 2.0) == [12.0, 12.0, 6.0, 6.0, 18.0, 3.0]
    assert typed_user.described(f)[0] == f.text
    svg, arguments = typed_user.lecture()
    assert svg.startswith("<svg") and arguments == 4
    assert typed_user.message("x +") and typed_user.message("x * y") == gradc.__version__
    assert set(get_args(Runnable)) == set(RUNNABLE)
    assert (ROOT / "gradc" / "py.typed").exists()


def found_by(*command: str) -> str:
    """What a tool complains about; nothing if it is content."""
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True)
    return done.stdout + done.stderr if done.returncode else ""


def test_start_up_needs_no_compiler():
    code = "import sys, gradc, gradc.cli; print([m for m in ('numba', 'sympy', 'scipy', 'mpmath') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.compiled
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_examples(page):
    text = re.sub(r"^```.*$", "", page.read_text(), flags=re.MULTILINE)
    example = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    assert doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example).failed == 0


CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [block for page in PAGES for block in CONSOLE.findall(page.read_text())]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.split("\n")[0])
def test_console_examples(block):
    command, _, shown = block.partition("\n")
    words = shlex.split(command.removeprefix("$ "))
    assert words[0] == "gradc"
    env = os.environ | {"NO_COLOR": "1"}
    done = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, env=env)
    said, expected = (text.strip().splitlines() for text in (done.stdout + done.stderr, shown))
    assert [line.rstrip() for line in said] == [line.rstrip() for line in expected]
