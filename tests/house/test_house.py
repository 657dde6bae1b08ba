"""The house rules: imports go down, lint and types are clean, start-up is light, the pages say what happens."""

import ast
import doctest
import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import typed_user

import gradc
from gradc.runtime.kernel import RUNNABLE
from gradc.runtime.stages import Runnable

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "gradc"
ORDER = ["version", "language", "elementary", "ir", "program", "construct", "autodiff", "rewrite", "frontends",
         "loops", "schedule", "emit", "native", "compiler", "export", "runtime", "show", "function", "own", "interop",
         "check", "bench", "cli", "__main__"]  # fmt: skip
"""Every package and every module beside them, the lowest first; only `gradc/__init__.py` stands above."""
ELSEWHERE = ("examples.md", "api.md")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def named(path: Path) -> str:
    """The dotted name of a module of the package."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {named(path): ast.parse(path.read_text()) for path in sorted(PACKAGE.rglob("*.py"))}


def imported(tree: ast.Module) -> set[str]:
    """The modules of the package that one imports anywhere: late, or for the sake of types only, too."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                names.add(whole if whole in MODULES else node.module)
            assert not node.module.startswith("gradc") or node.module in MODULES, node.module
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names & MODULES.keys()


IMPORTS = {name: imported(tree) for name, tree in MODULES.items()}


def test_every_module_has_its_place():
    assert {name.split(".")[1] for name in MODULES if name != "gradc"} == set(ORDER)


def test_imports_only_go_down():
    def height(module: str) -> int:
        return len(ORDER) if module == "gradc" else ORDER.index(module.split(".")[1])

    assert [f"{a} imports {b}" for a in IMPORTS for b in IMPORTS[a] if height(b) > height(a)] == []


def test_imports_go_in_no_circle():
    left = IMPORTS
    while free := {name for name, found in left.items() if not found & left.keys()}:
        left = {name: found for name, found in left.items() if name not in free}
    assert left == {}  # what is left imports in a circle, or stands above one


def test_functions_in_llvm_s_language_say_what_they_are():
    """Each file begins with a comment, and is read by its name."""
    files = sorted((PACKAGE / "native").glob("*.ll"))
    code = "".join(path.read_text() for path in (PACKAGE / "native").glob("*.py"))
    read = set(re.findall(r'\bsource\(\s*"(\w+)"', code))
    assert files and [file.name for file in files if not file.read_text().startswith("; ")] == []
    assert {file.stem for file in files} == read


def test_no_two_classes_have_one_name():
    names = Counter(node.name for tree in MODULES.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    assert {name for name, times in names.items() if times > 1 and not name.startswith("_")} == set()


def test_no_two_test_files_have_one_name():
    """Pytest would import the first one for both."""
    counts = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, count in counts.items() if count > 1] == []


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


def test_every_module_can_be_imported():
    """Also those that are imported late: mypy does not tell a module that has moved from one without types."""
    for path in sorted((ROOT / "gradc").rglob("*.py")):
        if path.name != "__main__.py":
            import_module(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))


def test_start_up_needs_no_compiler():
    code = "import sys, gradc, gradc.cli; print([m for m in ('numba', 'sympy', 'scipy', 'mpmath') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.compiled
@pytest.mark.parametrize("page", [page for page in PAGES if page.name not in ELSEWHERE], ids=lambda page: page.name)
def test_python_examples(page, ran_cases):
    """Those of docs/examples.md are run section by section in tests/real, those of docstrings in tests/pages."""
    text = re.sub(r"^```.*$", "", page.read_text(), flags=re.MULTILINE)
    example = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    found = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example)
    assert found.failed == 0
    ran_cases(max(found.attempted, 1))


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
