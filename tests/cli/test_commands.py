"""Every command: what goes to standard output, what to standard error, and the exit code."""

import json
import math
import os
import re
import shlex
import stat
from dataclasses import replace
from email.message import Message

import click
import numpy as np
import pytest
from click.testing import CliRunner

import gradc
from gradc.bench.timing import QUICK
from gradc.cli import commands, shell
from gradc.compiler import STAGES
from gradc.language.diagnostics import CODES
from gradc.language.explanations import EXPLANATIONS
from gradc.native import target
from gradc.native.cache import store

NEURON = "1/(1+exp(-(w0*x0+w1*x1+w2)))"
NEURON_AT = "w0=2,x0=-1,w1=-3,x1=-2,w2=-3"


def run(*args, input=None):
    result = CliRunner().invoke(commands.main, list(args), input=input, prog_name="gradc")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def ok(*args, input=None):
    result = run(*args, input=input)
    assert result.exit_code == 0, result.stderr
    return result


# ---------------------------------------------------------------- eval


def test_eval():
    result = ok("eval", "(x+y)*z", "--at", "x=-2,y=5,z=-4")
    assert result.stdout == "value  -12.0\nd/dx   -4.0\nd/dy   -4.0\nd/dz   3.0\n"
    assert result.stderr == ""


def test_eval_json():
    facts = json.loads(ok("eval", "x/y", "--at", "x=1", "--at", "y=[0,4]", "--wrt", "x", "--json").stdout)
    assert facts == {"program": "x/y", "value": ["inf", 0.25], "gradients": {"x": "inf"}}


def test_eval_of_arrays_from_files(tmp_path):
    (tmp_path / "t.csv").write_text("1\n2\n3\n")
    assert ok("eval", "sum(t**2)", "--at", f"t=@{tmp_path}/t.csv").stdout == "value  14.0\nd/dt   [2.0, 4.0, 6.0]\n"


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("-x**2", -9.0), ("-x", -3.0), ("- x", -3.0), ("-(x)", -3.0), ("-log(x) + x", 3 - math.log(3)), ("---x", -3.0),
        ("-1*x", -3.0), ("--x*x", 9.0), ("-o*0 - x", None), ("-f", None), ("-h*x", None),
    ],
)  # fmt: skip
def test_expressions_that_start_with_a_minus(expression, value):
    if value is not None:
        assert json.loads(ok("eval", expression, "--at", "x=3", "--json").stdout)["value"] == value
    elif expression != "-f":
        assert "has no value" in run("eval", expression, "--at", "x=3").stderr


def test_spans_count_from_the_first_character_of_the_expression():
    result = run("eval", "-x +* 2", "--at", "x=1")
    assert "--> expression:1:4\n" in result.stderr
    assert "1 | -x +* 2\n" in result.stderr


def test_two_dashes_end_the_options():
    assert ok("eval", "--at", "x=3", "--", "--x").stdout == "value  3.0\nd/dx   1.0\n"


def test_values_of_options_may_start_with_a_minus(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ok("trace", "x", "--at", "x=1", "-o", "-odd.txt")
    assert os.listdir() == ["-odd.txt"]


def test_program_from_standard_input():
    assert ok("eval", "-", "--at", "x=3", input="y = x**2;\r\ny + 1\n").stdout.startswith("value  10.0\n")
    result = run("eval", "-", "--at", "x=3", input="y = x**\n")
    assert "--> standard input:" in result.stderr


def test_program_from_a_file(tmp_path):
    file = tmp_path / "program.txt"
    file.write_text("# a comment\nq = x + y\nq * z\n")
    assert ok("eval", "-f", str(file), "--at", "x=-2,y=5,z=-4").stdout.startswith("value  -12.0\n")
    file.write_text("q = x +\n")
    assert f"--> {file}:1:" in run("eval", "-f", str(file)).stderr


# ---------------------------------------------------------------- trace


def test_trace_prints_the_table():
    result = ok("trace", NEURON, "--at", NEURON_AT)
    at = {"w0": 2, "x0": -1, "w1": -3, "x1": -2, "w2": -3}
    assert result.stdout == f"{gradc.trace(NEURON, **at)}\n"
    assert "\x1b" not in result.stdout


def test_trace_writes_pictures_tables_and_json(tmp_path):
    for name, start in (("g.svg", "<svg"), ("g.json", "{"), ("g.txt", "     gate")):
        result = ok("trace", "(x+y)*z", "--at", "x=-2,y=5,z=-4", "-o", str(tmp_path / name))
        assert result.stdout == ""
        assert result.stderr == f"wrote {tmp_path / name}\n"
        assert (tmp_path / name).read_text().startswith(start)


def test_trace_json():
    facts = json.loads(ok("trace", "(x+y)*z", "--at", "x=-2,y=5,z=-4", "--json").stdout)
    assert [gate["upstream"] for gate in facts["gates"]] == [-4.0, 1.0]
    assert facts["gradients"] == {"x": -4.0, "y": -4.0, "z": 3.0}


# ---------------------------------------------------------------- compile


def test_compile_prints_a_module_and_nothing_else():
    result = ok("compile", NEURON)
    assert result.stdout == gradc.compile(NEURON).source
    assert result.stderr == ""


@pytest.mark.parametrize("stage", STAGES)
def test_compile_prints_every_stage(stage):
    result = ok("compile", NEURON, "--emit", stage)
    function = gradc.compile(NEURON)
    assert result.stdout == (function.source if stage == "python" else function.stages.stage_text(stage))
    assert result.stdout.endswith("\n")
    assert json.loads(ok("compile", NEURON, "--emit", stage, "--json").stdout)["text"] == result.stdout


def test_compile_at_a_point_says_value_and_gradients_on_standard_error():
    result = ok("compile", "(x+y)*z", "--at", "x=-2,y=5,z=-4")
    assert result.stdout == gradc.compile("(x+y)*z").source
    assert result.stderr == "value  -12.0\nd/dx   -4.0\nd/dy   -4.0\nd/dz   3.0\n"


def test_compile_at_arrays_makes_the_module_for_arrays():
    facts = json.loads(ok("compile", "a*x", "--at", "x=[1,2],a=3", "--json").stdout)
    assert "for i in range" in facts["text"]
    assert (facts["value"], facts["gradients"]) == ([3.0, 6.0], {"a": 3.0, "x": [3.0, 3.0]})
    assert "input x : f64[n]" in ok("compile", "a*x", "--at", "x=[1,2],a=3", "--emit", "graph").stdout


def test_compile_wrt():
    assert "def value_and_grad" in ok("compile", "x*y", "--wrt", "y").stdout
    assert "x_bar" not in ok("compile", "x*y", "--wrt", "y").stdout


def test_compile_to_a_file(tmp_path):
    file = tmp_path / "neuron.py"
    result = ok("compile", NEURON, "-o", str(file))
    assert result.stdout == ""
    assert file.read_text() == gradc.compile(NEURON).source
    assert os.listdir(tmp_path) == ["neuron.py"]


def test_modules_with_and_without_a_cache(tmp_path):
    assert "cache" not in ok("compile", NEURON, "--no-cache").stdout
    assert "cache=CACHE" in ok("compile", NEURON).stdout
    assert "cache" not in ok("compile", "x*y", "--at", "x=[1,2],y=3", "--no-cache").stdout
    assert run("compile", "x", "--no-cache", "--emit", "graph").exit_code == 2


# ---------------------------------------------------------------- check


def test_check_compares_every_input_with_every_oracle():
    lines = ok("check", "x*exp(-y)", "--at", "x=2,y=0.5").stdout.splitlines()
    assert lines[0] == "at x = 2, y = 0.5" and len(lines) == 4
    assert lines[-1] == "2 derivatives: forward mode, mpmath, finite differences and sympy agree"
    result = ok("check", "x*exp(-y)", "--at", "x=2,y=0.5", "--all")
    for oracle in ("forward mode", "mpmath", "finite differences", "sympy"):
        assert result.stdout.count(oracle) == 3


def test_check_of_many_points_says_little():
    times = ",".join(str(k / 100) for k in range(401))
    lines = ok("check", "a*exp(-b*t) + c", "--at", f"t=[{times}]", "--at", "a=2,b=1.3,c=0.5").stdout.splitlines()
    assert lines[0] == "at t = 401 numbers from 0 to 4, a = 2, b = 1.3, c = 0.5"
    assert len(lines) == 6 and lines[-1].startswith("404 derivatives:")


def test_check_draws_a_point_where_none_is_given():
    facts = json.loads(ok("check", "sum(log(x)*y)", "--wrt", "y", "--json").stdout)
    assert facts["passed"] is True
    assert set(facts["point"]) == {"x", "y"}
    assert {row["input"] for row in facts["comparisons"]} == {"y"}


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_gradient_that_differs_is_exit_code_3(monkeypatch, form):
    def zeros(f, bound, found):
        return {name: lambda weights: 0.0 for name in found}

    monkeypatch.setattr("gradc.check.check._forward", zeros)
    result = run("check", "x*y", "--at", "x=2,y=3", *form)
    assert result.exit_code == 3
    assert ("DIFFERS" in result.stdout) == (not form)
    assert not form or json.loads(result.stdout)["passed"] is False


# ---------------------------------------------------------------- bench


@pytest.mark.compiled
def test_bench_json():
    program = ("bench", "sum((y - a*exp(-b*t))**2)", "--size", "100", "--wrt", "a,b", "--quick")
    facts = json.loads(ok(*program, "--against", "numpy", "--json").stdout)
    assert facts["wrt"] == ["a", "b"]
    assert facts["shapes"]["t"] == [100]
    assert {"gradc-numba", "gradc-interpreter", "numpy-tape"} <= {entry["name"] for entry in facts["competitors"]}


def test_a_wrong_answer_of_ours_is_a_failed_check(monkeypatch):
    class Report:
        faults = ("gradc-numba: another value",)

        def as_dict(self):
            return {"competitors": []}

    monkeypatch.setattr("gradc.bench.measure", lambda *args, **keywords: Report())
    result = run("bench", "x*y", "--json")
    assert result.exit_code == 3
    assert json.loads(result.stdout) == {"competitors": []}
    assert result.stderr == "gradc-numba: another value\n"


def test_bench_refuses_unknown_competitors():
    result = run("bench", "x*y", "--against", "nunpy")
    assert result.exit_code == 1
    assert "nunpy" in result.stderr


# ---------------------------------------------------------------- files


def test_a_new_file_has_the_usual_permissions_and_an_old_one_keeps_its_own(tmp_path):
    umask = os.umask(0o027)
    try:
        shell.write_file(str(tmp_path / "new"), "text\n")
    finally:
        os.umask(umask)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
    (tmp_path / "new").chmod(0o755)
    shell.write_file(str(tmp_path / "new"), "other\n")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o755


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    file = tmp_path / "kept.py"
    file.write_text("old\n")

    def fail(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(gradc.Error) as caught:
        shell.write_file(str(file), "new\n")
    assert caught.value.code == "G0701"
    assert "No space left on device" in caught.value.message
    assert file.read_text() == "old\n"
    assert os.listdir(tmp_path) == ["kept.py"]


def test_links_are_followed(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "target")
    shell.write_file(str(tmp_path / "link"), "text\n")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "text\n"


def test_devices_are_written_as_they_are():
    shell.write_file(os.devnull, "text\n")
    assert not os.path.isfile(os.devnull)


@pytest.mark.parametrize("path", ["{tmp}/none/f.py", "{tmp}", "{tmp}/\0.py", "{tmp}/" + "n" * 300])
def test_paths_that_cannot_be_written(path, tmp_path):
    with pytest.raises(gradc.Error) as caught:
        shell.write_file(path.format(tmp=tmp_path), "text\n")
    assert caught.value.code == "G0701"
    assert os.listdir(tmp_path) == []


# ---------------------------------------------------------------- what goes wrong

WRONG = {
    "a syntax error": ("eval", "x +* 2"),
    "... as JSON": ("eval", "x +* 2", "--json"),
    "no values": ("eval", "(x+y)*z", "--at", "x=1"),
    "no values at all": ("eval", "x"),
    "many without a value": ("eval", "+".join(f"x{k}" for k in range(5000))),
    "an unknown input": ("eval", "x", "--at", "x=1,q=2"),
    "garbage in a point": ("eval", "x", "--at", "x=[1,"),
    "shapes": ("eval", "x*y", "--at", "x=[1,2],y=[1,2,3]"),
    "wrt": ("compile", "x*y", "--wrt", "z"),
    "a file that is not there": ("eval", "-f", "/nowhere/program.txt"),
    "a path that cannot be written": ("compile", "x", "-o", "/nowhere/x.py"),
    "a picture too large": ("trace", "-" * 1001 + "x", "--at", "x=1", "-o", "big.svg"),
    "usage: no program": ("eval",),
    "usage: a program and a file": ("eval", "x", "-f", "y"),
    "usage: an option given twice": ("eval", "x*y", "--at", "x=1,y=2", "--wrt", "x", "--wrt", "y"),
    "usage: another language": ("compile", "x", "-o", "x.c"),
}


def test_every_message(golden):
    parts = []
    for title, args in WRONG.items():
        result = run(*args)
        shown = " ".join(arg if len(arg) < 40 else arg[:20] + "..." for arg in args)
        parts.append(f"== {title}: gradc {shown}\nexit code {result.exit_code}\n{result.output}")
        assert result.exit_code == (2 if title.startswith("usage") else 1)
        assert (result.stdout != "") == ("--json" in args)
    golden("messages.txt", "\n".join(parts))


@pytest.mark.parametrize(
    "args",
    [
        ("eval", "x", "y"),
        ("eval", "x", "--sise", "3"),
        ("evaluate", "x"),
        ("compile", "x", "--emit", "pyton"),
        ("--sise",),
    ],
)
def test_wrong_usage(args):
    result = run(*args)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("Usage: gradc")


def test_text_that_is_not_utf8(tmp_path):
    (tmp_path / "latin").write_bytes(b"x + \xe9")
    result = run("eval", "-f", str(tmp_path / "latin"))
    assert result.exit_code == 1
    assert "is not UTF-8 text: byte 4 is 0xe9" in result.stderr


def test_our_own_faults_are_one_line(monkeypatch):
    def fail(*args):
        raise ZeroDivisionError("a fault\nof two lines")

    monkeypatch.setattr(commands, "program_source", fail)
    monkeypatch.delenv("GRADC_DEBUG", raising=False)
    result = run("eval", "x")
    assert result.exit_code == 70
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert "ZeroDivisionError: a fault of two lines" in result.stderr
    assert "report it" in result.stderr
    monkeypatch.setenv("GRADC_DEBUG", "1")
    assert isinstance(CliRunner().invoke(commands.main, ["eval", "x"]).exception, ZeroDivisionError)


@pytest.mark.parametrize(("raised", "code"), [(KeyboardInterrupt(), 130), (MemoryError(), 1)])
def test_interrupts_and_exhausted_memory(monkeypatch, raised, code):
    def fail(*args):
        raise raised

    monkeypatch.setattr(commands, "program_source", fail)
    result = run("eval", "x")
    assert result.exit_code == code
    assert "Traceback" not in result.output


def test_our_own_faults_name_the_address_of_the_package(monkeypatch):
    def said(*lines):
        package = Message()
        for line in lines:
            package["Project-URL"] = line
        monkeypatch.setattr("importlib.metadata.metadata", lambda name: package)
        return run("eval", "x").stderr

    monkeypatch.setattr(commands, "program_source", lambda *args: 1 / 0)
    monkeypatch.delenv("GRADC_DEBUG", raising=False)
    assert "; please report it with the command you typed" in said()
    home, issues = "Homepage, https://example.org", "Issues, https://example.org/issues"
    assert "; please report it at https://example.org with the command" in said(home)
    assert "; please report it at https://example.org/issues with the command" in said(home, issues)


# ---------------------------------------------------------------- colours


def test_diagnostics_are_coloured_where_they_are_wanted(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    plain = run("eval", "x * (y").stderr
    coloured = run("eval", "x * (y", "--color", "always").stderr
    assert click.unstyle(coloured) == plain != coloured
    assert coloured.startswith("\x1b[31m\x1b[1merror[G0103]\x1b[0m")
    assert run("eval", "x * (y", "--color", "auto").stderr == plain
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert run("eval", "x * (y").stderr == coloured
    assert run("eval", "x * (y", "--color", "never").stderr == plain
    monkeypatch.setenv("NO_COLOR", "1")
    assert run("eval", "x * (y").stderr == plain
    assert run("eval", "x * (y", "--color", "always").stderr == coloured


def test_a_trace_in_colour():
    plain = ok("trace", "(x+y)*z", "--at", "x=-2,y=5,z=-4", "--color", "never").stdout
    coloured = ok("trace", "(x+y)*z", "--at", "x=-2,y=5,z=-4", "--color", "always").stdout
    assert "\x1b[32m" in coloured and "\x1b" not in plain
    assert click.unstyle(coloured).splitlines()[-4:] == plain.splitlines()[-4:]


# ---------------------------------------------------------------- explain


def test_explain():
    titles = {code: CODES[code] for code in EXPLANATIONS}
    assert ok("explain").stdout == "".join(f"{code}  {title}\n" for code, title in titles.items())
    assert json.loads(ok("explain", "--json").stdout) == titles
    text = ok("explain", "G0103").stdout
    assert text.startswith("G0103: unbalanced bracket\n")
    for spelled in ("g0103", "103", "error[G0103]", "0103"):
        assert ok("explain", spelled).stdout == text
    assert json.loads(ok("explain", "G0103", "--json").stdout)["title"] == "unbalanced bracket"
    for unknown in ("G0199", "bracket", ""):
        assert run("explain", unknown).exit_code == 1


# ---------------------------------------------------------------- help

HELPED = {name: command for name, command in commands.main.commands.items()}
EXAMPLES = [
    shlex.split(line)[1:]
    for command in (commands.main, *HELPED.values())
    for line in map(str.strip, (command.help or "").splitlines())
    if line.startswith("gradc ") and ". " not in line and not line.endswith(".")
]
FORMS = [
    "compile -f program.txt -o module.py --wrt x --at x=1,y=2 --no-cache --color never",
    "compile x*y --emit graph --json",
    "compile x*y -o - --memory 64MiB -h",
    "eval -f program.txt --at x=1,y=2 --wrt x --memory 1GB --json --color auto",
    "eval sum((y-a*exp(-t))**2) --at t=data.csv:time,y=data.csv:2 --at a=1",
    "eval sum(X@w) --at X=data.csv:[time,y],w=[1,2]",
    "eval sum(x) --at x=data.npy",
    "trace -f program.txt --at x=1,y=2 -o graph.svg --color never",
    "trace x*y --at x=1,y=2 --json",
    "check -f program.txt --at x=1,y=2 --wrt x --json --color never",
    "check x*y --all",
    "bench -f program.txt --size 3 --against numpy --quick --wrt x --at y=2 --json --color never",
    "bench x*y --against naive --quick --json",
    "explain --json --color never",
    "info --json --color never",
    "cache --json --color never",
    "cache clear",
    "compile y*x --inputs x,y",
    "eval y*x --inputs x,y --at x=1,y=2",
    "trace y*x --inputs x,y --at x=1,y=2 --unfold --theme dark -o graph.svg",
    "check y*x --inputs x,y --at x=1,y=2",
    "bench y*x --inputs x,y --quick --against naive",
]
"""Every option of every command, in the forms that help shows."""


def test_help_has_an_example_of_what_needs_one():
    assert {example[0] for example in EXAMPLES} >= {"compile", "eval", "trace", "check", "bench", "explain"}


@pytest.mark.compiled
@pytest.mark.parametrize("words", [*EXAMPLES, *map(str.split, FORMS)], ids=" ".join)
def test_what_help_shows_works(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GRADC_CACHE", str(tmp_path / "kernels"))
    (tmp_path / "program.txt").write_text("x*y")
    (tmp_path / "data.csv").write_text("time,y\n0,2\n1,1\n")
    np.save(tmp_path / "data.npy", [1.0, 2.0])
    if words[0] == "bench":
        monkeypatch.setattr("gradc.bench.comparison.QUICK", replace(QUICK, isolate=False))
        words = list(dict.fromkeys([*words, "--quick"]))
    result = ok(*words)
    if "--json" in words:
        json.loads(result.stdout)
    if words[0] == "bench" and "--json" in words:
        statuses = {entry["name"]: entry["status"] for entry in json.loads(result.stdout)["competitors"]}
        assert set(statuses.values()) == {"ok"}, statuses


def test_every_option_is_tried():
    for name, command in HELPED.items():
        tried = {word for form in FORMS if form.split()[0] == name for word in form.split()}
        known = {option for param in command.params if isinstance(param, click.Option) for option in param.opts}
        assert known - {"--help", "-h"} <= tried, name
    for words in (["--help"], ["-h"], *([name, "--help"] for name in HELPED)):
        assert ok(*words).stdout.startswith("Usage: gradc")


def test_version():
    assert ok("--version").stdout == ok("-V").stdout == f"gradc, version {gradc.__version__}\n"


def test_help_names_every_exit_code():
    text = ok("--help").stdout
    for code in (0, 1, 2, shell.CHECK_FAILED, shell.FAULT, shell.INTERRUPTED, shell.BROKEN_PIPE):
        assert re.search(rf"\b{code}\b", text), code


# ---------------------------------------------------------------- info


def test_info():
    facts = json.loads(ok("info", "--json").stdout)
    assert facts["gradc"] == gradc.__version__
    assert {"python", "numpy", "numba", "llvmlite", "cpu", "vector_bits", "threads", "engine", "cache"} <= set(facts)
    assert facts["threads"] >= 1
    assert facts["vector_bits"] in (None, 128, 256, 512)
    lines = ok("info").stdout.splitlines()
    assert lines[0].split() == ["gradc", gradc.__version__]
    assert len(lines) == len(facts)


def test_info_names_the_engine_that_answers(monkeypatch):
    def shown() -> tuple[dict, str]:
        (line,) = [line for line in ok("info").stdout.splitlines() if line.startswith("engine ")]
        return json.loads(ok("info", "--json").stdout)["engine"], line.removeprefix("engine").strip()

    monkeypatch.setattr(target, "why_not", lambda: "")
    monkeypatch.setattr(target, "vector_doubles", lambda: 4)
    facts, line = shown()
    assert (facts["name"], facts["vector_doubles"], facts["why_not_native"]) == ("native", 4, None)
    assert line == f"native (LLVM {facts['llvm']}, {target.host()[0]}, 4 doubles to the vector)"
    monkeypatch.setattr(target, "why_not", lambda: "LLVM does not know this machine")
    facts, line = shown()
    assert facts == {"name": "numba", "why_not_native": "LLVM does not know this machine"}
    assert line == "numba: LLVM does not know this machine"


def test_why_there_is_no_native_engine(monkeypatch):
    ask = target.why_not.__wrapped__
    monkeypatch.setattr(target, "target_machine", lambda: 1 / 0)
    assert ask() == "LLVM does not know this machine"
    monkeypatch.setattr(target, "binding", None)
    assert ask() == "llvmlite is not installed"


def test_cache(tmp_path, monkeypatch):
    place = tmp_path / "kernels"
    monkeypatch.setenv("GRADC_CACHE", str(place))
    assert ok("cache").stdout == f"{place}: 0 kernels, 0 bytes of 256 MiB\n" and not place.exists()
    for k in range(25):
        store.save(f"sum(x**{k})\n\x1b[31m" + "and more " * 20, bytes(2_000))
    first, *lines = ok("cache").stdout.splitlines()
    assert first == f"{place}: 25 kernels, 54.9 KiB of 256 MiB"
    assert len(lines) == 21 and lines[-1] == "... and 5 more"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d    2.2 KiB  sum\(x\*\*\d+\) \[31mand more .*\.\.\.", lines[0])
    facts = json.loads(ok("cache", "--json").stdout)
    assert facts["kernels"] == len(facts["entries"]) == 25
    assert facts["bytes"] == sum(entry["bytes"] for entry in facts["entries"])
    assert {entry["key"].splitlines()[0] for entry in facts["entries"]} == {f"sum(x**{k})" for k in range(25)}
    assert ok("info").stdout.splitlines()[-1] == f"cache        {first}"
    assert json.loads(ok("info", "--json").stdout)["cache"]["kernels"] == 25
    assert ok("cache", "clear").stdout == f"removed 25 kernels, 54.9 KiB, from {place}\n"
    assert json.loads(ok("cache", "clear", "--json").stdout) == {"place": str(place), "removed": 0, "bytes": 0}
    assert ok("cache").stdout == f"{place}: 0 kernels, 0 bytes of 256 MiB\n"
    assert run("cache", "empty").exit_code == 2
    assert "GRADC_CACHE=off" in ok("cache", "--help").stdout


def test_a_cache_that_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADC_CACHE", "off")
    assert ok("cache").stdout == "none: GRADC_CACHE is off\n"
    assert ok("info").stdout.splitlines()[-1] == "cache        none: GRADC_CACHE is off"
    refused = run("cache", "clear")
    assert refused.exit_code == 1 and "there is no cache to clear: GRADC_CACHE is off" in refused.stderr
    (tmp_path / "kernels").write_text("")
    monkeypatch.setenv("GRADC_CACHE", str(tmp_path / "kernels"))
    assert ok("cache").stdout == f"none: {tmp_path}/kernels is no directory\n"


def test_help_names_every_command_and_option():
    text = ok("--help").stdout
    for command in commands.main.commands:
        assert command in text
        shown = ok(command, "--help").stdout
        for param in commands.main.commands[command].params:
            assert all(option in shown for option in param.opts if option.startswith("-"))
    assert "_GRADC_COMPLETE=bash_source" in text
    assert ok("--version").stdout == f"gradc, version {gradc.__version__}\n"
