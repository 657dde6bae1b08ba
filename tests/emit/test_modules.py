"""Generated modules as a reader's tools see them: they compile without a warning, and lint finds nothing."""

import subprocess
import sys
import warnings

from random_programs import random_examples

import gradc
from gradc.runtime import arguments


def modules() -> dict[str, str]:
    """The source for a few dozen random programs, by program."""
    found = {}
    for example in random_examples(5, 60):
        f = gradc.compile(example.text)
        types = arguments.prepare(f.stages.outline, example.values(f.inputs)).types
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
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--output-format=concise", str(tmp_path)]
    report = subprocess.run(ruff, capture_output=True, text=True)
    assert report.returncode == 0, report.stdout + report.stderr


def test_lines_are_short_enough_to_read():
    lengths = [len(line) for source in modules().values() for line in source.splitlines() if "raise ValueError" not in line]
    assert sorted(lengths)[-len(lengths) // 100] <= 100
    assert max(lengths) <= 200


def test_the_same_program_gives_the_same_module():
    """Also in another process, whatever its hash seed: caches and version control depend on it."""
    text = "h = sigmoid(a*x + b); sum((h - y)**2) + logsumexp(x[1:] * x[:-1]) / norm(y)"
    code = f"import gradc; print(gradc.compile({text!r}).source, end='')"
    outputs = {
        subprocess.run([sys.executable, "-c", code], env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."}, capture_output=True).stdout
        for seed in ("0", "1", "77")
    }
    assert outputs == {gradc.compile(text).source.encode()}
