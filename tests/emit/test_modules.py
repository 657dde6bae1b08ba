"""Generated modules as a reader's tools see them: they compile without a warning, and lint finds nothing."""

import subprocess
import sys
import warnings
from functools import cache

from random_programs import random_examples

import gradc
from gradc.runtime import arguments


@cache
def modules() -> dict[str, str]:
    """The source for a few dozen random programs, by program."""
    found = {}
    for example in random_examples(5, 60):
        f = gradc.compile(example.text)
        types = arguments.prepare(f.program.signature, example.values(f.inputs)).types
        try:
            found[example.text] = f.source_for(types)
        except gradc.Error as error:
            assert error.code == "G0204", example
    return found


def test_modules_compile_and_lint(tmp_path):
    sources = modules()
    assert len(sources) > 50
    for number, source in enumerate(sources.values()):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            compile(source, "<module>", "exec")
        (tmp_path / f"module{number}.py").write_text(source, encoding="utf-8")
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--output-format=concise"]
    ruff += ["--ignore=FURB136", str(tmp_path)]  # it would replace `0.0 if t < 0.0 else t`, which keeps NaN, by max
    report = subprocess.run(ruff, capture_output=True, text=True)
    assert report.returncode == 0, report.stdout + report.stderr


def test_lines_are_short_enough_to_read():
    code = [line for text, source in modules().items() for line in source.splitlines() if text not in line]
    lengths = sorted(map(len, code))
    assert lengths[-len(lengths) // 100] <= 110
    assert lengths[-1] <= 140


def test_the_same_program_gives_the_same_module():
    """Also in another process, whatever its hash seed: caches and version control depend on it."""
    path = f"import sys; sys.path[:0] = {sys.path!r}"
    command = [sys.executable, "-c", f"{path}; import test_modules; print('\\n'.join(test_modules.modules().values()))"]
    other = subprocess.run(command, env={"PYTHONHASHSEED": "1"}, capture_output=True, text=True, check=True)
    here = "\n".join(modules().values())
    assert other.stdout.splitlines() == [*here.splitlines(), ""]
