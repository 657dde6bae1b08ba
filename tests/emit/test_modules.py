"""Generated modules as a reader's tools see them: they compile without a warning, and lint finds nothing."""

import os
import subprocess
import sys
import warnings
from functools import cache
from pathlib import Path

import pytest
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


CALLS = "import module; print(module.value_and_grad(2.0, 3.0), getattr(module, 'CACHE', None))"


def answer(folder: Path, **environment: str) -> str:
    """What a process says that imports the module in a folder and calls it."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment}
    environment.pop("NUMBA_CACHE_DIR", None)
    done = subprocess.run([sys.executable, "-c", CALLS], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.compiled
def test_a_module_is_cached_where_it_can_be_and_imports_everywhere(tmp_path):
    """Numba refuses to cache a function for which it finds no directory that it may write to."""
    f = gradc.compile("x*y")
    kept, refused, plain = (tmp_path / name for name in ("kept", "refused", "plain"))
    for folder, source in ((kept, f.source), (refused, f.source), (plain, f.source_for(cache=False))):
        folder.mkdir()
        (folder / "module.py").write_text(source)
    assert answer(kept) == "(6.0, (3.0, 2.0)) True"
    assert list((kept / "__pycache__").glob("module.value_and_grad-*.nbi"))
    (refused / "__pycache__").write_text("a file where the directory would be")
    nowhere = {"HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null"}
    assert answer(refused, **nowhere) == "(6.0, (3.0, 2.0)) False"
    assert "np.float64(3.0)" in answer(refused, NUMBA_DISABLE_JIT="1", **nowhere)
    assert answer(plain) == "(6.0, (3.0, 2.0)) None"
    assert os.listdir(plain) == ["module.py"]
    namespace = {}
    exec(f.source, namespace)  # no file at all
    assert namespace["value"](2.0, 3.0) == 6.0 and not namespace["CACHE"]


def test_a_module_says_who_wrote_it_and_for_what():
    source = gradc.compile("k: i64[n]; W: f32[m, d]; sum(W[k], axis=0)").source
    assert f"\nWritten by gradc {gradc.__version__}. Needs numpy and numba;" in source
    assert "\n    k: int64 array of shape (n,)\n    W: float32 array of shape (m, d)\n" in source
    assert "\n    Returns a float32 array of shape (d,).\n" in source
    assert (
        "Returns value, (W_bar,): a float32 array of shape (d,), and gradients of the types of their inputs." in source
    )
    assert "\n    Returns a float64.\n" in gradc.compile("x*y").source
