"""The command line: parses arguments, calls the public face, prints.

Only the artefact goes to standard output; everything said about it goes to standard error. Exit codes: 0 fine,
1 the user's expression or data is wrong, 2 wrong usage, 3 a check failed, 70 a fault of ours.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from gradc.cli.shell import CHECK_FAILED, Command, Commands, program_source, write_file
from gradc.cli.streams import colours, echo, say, writing
from gradc.compiler import STAGES, Compilation, schedule_text, watchers
from gradc.frontends.text import TextProgram
from gradc.function import Function
from gradc.ir.types import Type
from gradc.language.diagnostics import CODES, Error
from gradc.runtime.results import Results
from gradc.show.progress import Progress, progress_bar
from gradc.show.themes import THEMES
from gradc.version import __version__

EPILOG = """\b
Exit codes: 0 fine, 1 the program or its data is wrong or cannot be read or
written, 2 wrong usage, 3 a check failed, 70 a fault of gradc's, 130
interrupted, 141 nobody reads the output any more.

\b
NO_COLOR and FORCE_COLOR are respected; `--color` of a command goes before them.

\b
Shell completion: put one of these into your shell's start-up file.
  bash   eval "$(_GRADC_COMPLETE=bash_source gradc)"
  zsh    eval "$(_GRADC_COMPLETE=zsh_source gradc)"
  fish   _GRADC_COMPLETE=fish_source gradc | source
"""

MAX_LISTED_KERNELS = 20
"""How many kernels `gradc cache` lists; `--json` has all."""


# ---------------------------------------------------------------- options


def combined(*options: Callable) -> Callable:
    """Several options as one decorator, in the order in which help shows them."""

    def decorate(function: Callable) -> Callable:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def once(*names: str, **options: Any) -> Callable:
    """An option whose second value would silently replace the first."""

    def single(ctx: click.Context, option: click.Parameter, values: tuple[Any, ...]) -> Any:
        if len(values) > 1:
            raise click.UsageError(f"{option.opts[0]} is given {len(values)} times; it takes one value", ctx)
        return values[0] if values else None

    return click.option(*names, multiple=True, callback=single, **options)


program_options = combined(
    click.argument("expression", metavar="EXPR", required=False),
    once("-f", "file", metavar="FILE", help="Read the program from a file instead."),
    once("--inputs", metavar="NAMES", help="The order of the inputs, as in t,a,b."),
)
at_option = click.option(
    "--at",
    multiple=True,
    metavar="POINT",
    help="Values of the inputs: x=-2,y=5 or t=[1,2,3], or files: t=data.npy, X=data.csv, t=data.csv:time (a column by "
    "its name or number), X=data.csv:[x,y] (several). Repeatable.",
)
memory_option = once(
    "--memory",
    metavar="AMOUNT",
    help="What gradients of loops may take for what they keep of the steps, as in 64MiB; by default 256MiB.",
)
wrt_option = once("--wrt", metavar="NAMES", help="Differentiate for these inputs only, as in x,y.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def output_option(help: str) -> Callable:
    return once("-o", "output", metavar="FILE", help=help)


def program_of(expression: str | None, file: str | None, inputs: str | None = None) -> TextProgram:
    program = TextProgram(program_source(expression, file))
    return program if inputs is None else program.in_order(inputs)


def point(at: Sequence[str], inputs: Iterable[str] = ()) -> dict[str, Any]:
    """The values of all `--at`; all of `inputs` must be among them."""
    from gradc.cli.point import read_point

    values = read_point(at)
    missing = [name for name in inputs if name not in values]
    if missing:
        from gradc.runtime.arguments import MAX_LISTED, listed

        names = listed([f"`{name}`" for name in missing])
        values_due = ",".join(f"{name}=..." for name in missing[:MAX_LISTED])
        help = f"add --at {values_due}" + " and so on" * (len(missing) > MAX_LISTED)
        raise Error("G0601", f"{names} {'has' if len(missing) == 1 else 'have'} no value", help=help)
    return values


def drawn_point(function: Function) -> dict[str, Any]:
    """Values that nobody gave, which are said on standard error."""
    from gradc.check.points import drawn
    from gradc.show.table import abbreviated

    say_guess(function)
    values = drawn(function)
    if values:
        say("drawn: " + ", ".join(f"{name}={abbreviated(value)}" for name, value in values.items()))
    return values


def say_guess(function: Function) -> None:
    """One line on standard error with the types of inputs that nobody declared, unless all are numbers."""
    if not function.guess.is_plain:
        say(f"guessed: {function.guess}; declare them to be sure")


# ---------------------------------------------------------------- what goes out


def deliver(text: str, output: str | None) -> None:
    """The artefact: to the file, or to standard output."""
    if output in (None, "-"):
        echo(text)
    else:
        write_file(output, text if text.endswith("\n") else text + "\n")
        say(f"wrote {output}")


def json_of(facts: dict[str, Any]) -> str:
    from gradc.show.encode import json_text

    return json_text(facts)


def waiting(what: str = "") -> AbstractContextManager[Progress | None]:
    """On a terminal, a sign of life for what takes longer than a second."""
    return progress_bar(sys.stderr, what, colours(sys.stderr))


@contextmanager
def stages_shown(progress: Progress | None) -> Iterator[None]:
    """Have the stages of the compiler named as they are made."""

    def watch(compilation: Compilation, stage: str, made: object) -> None:
        if progress is not None:
            progress(0, None, f"compiling: {stage} done")

    watchers.append(watch)
    try:
        yield
    finally:
        watchers.remove(watch)


def value_lines(value: Any, wrt: Sequence[str], grads: Iterable[Any]) -> str:
    """The value and the gradients, in full precision, one a line."""
    from gradc.show.table import abbreviated, table

    found = value._asdict() if isinstance(value, Results) else {"value": value}
    rows = [*found.items(), *((f"d/d{name}", grad) for name, grad in zip(wrt, grads, strict=True))]
    return "\n".join(table(("", ""), [(name, abbreviated(number, precise=True)) for name, number in rows], left=2)[1:])


# ---------------------------------------------------------------- commands


@click.group(
    cls=Commands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, "-V", "--version", prog_name="gradc")
def main() -> None:
    """gradc turns mathematics into compiled gradients.

    EXPR is a program such as "(x+y)*z" or "sum((y - a*exp(-b*t))**2)"; it may start with a minus. A lone - reads
    it from standard input.
    """


@main.command("compile", cls=Command)
@program_options
@output_option("Write to a file (.py for a module) instead of standard output.")
@click.option(
    "--emit",
    type=click.Choice(list(STAGES)),
    default="python",
    show_default=True,
    help="The stage to print; llvm and asm are the kernel for this machine.",
)
@click.option("--no-cache", is_flag=True, help="The module does not have Numba keep its machine code on disk.")
@wrt_option
@memory_option
@at_option
@json_option
def compile_command(
    expression: str | None,
    file: str | None,
    inputs: str | None,
    output: str | None,
    emit: str,
    no_cache: bool,
    wrt: str | None,
    memory: str | None,
    at: tuple[str, ...],
    as_json: bool,
) -> None:
    """Print the module with the value and the gradients, or another stage.

    With --at the stage is made for arguments of that kind, and value and gradients there go to standard error.

    gradc compile "1/(1+exp(-(w0*x0+w1*x1+w2)))" -o neuron.py
    """
    if output is not None and emit == "python" and not as_json and Path(output).suffix not in ("", ".py"):
        raise click.UsageError(f"a module is written to a .py file, not to {output}")
    if no_cache and emit != "python":
        raise click.UsageError(f"--no-cache is for modules, and {emit} is none")
    program = program_of(expression, file, inputs)
    with waiting("compiling") as progress, stages_shown(progress):
        function = Function(program, wrt=wrt, memory=memory)
        facts: dict[str, Any] = {"program": function.text, "inputs": function.inputs, "wrt": function.wrt}
        facts["stage"] = emit
        values = point(at, function.inputs) if at else None
        types = types_of(function, values) if values is not None else None
        if emit == "python":
            facts["text"] = function.source_for(types, cache=not no_cache)
        else:
            stages = function.stages if types is None else function.stages_for(types)
            facts["text"] = stages.stage_text(emit)
            if emit == "schedule" and values is not None and isinstance(stages, Compilation):
                facts["text"] = schedule_text(stages, sizes_of(stages, values))
        if values is not None:
            value, grads = function.value_and_grad(**values)
            facts |= {"value": value, "gradients": dict(zip(function.wrt, grads, strict=True))}
    if values is None:
        say_guess(function)
    deliver(json_of(facts) if as_json else facts["text"], output)
    if at and not as_json:
        say(value_lines(value, function.wrt, grads))


def sizes_of(stages: Compilation, values: dict[str, Any]) -> dict[str, int]:
    """The sizes of arguments, by name."""
    shapes = ((stages.types[name].shape, getattr(value, "shape", ())) for name, value in values.items())
    return {size: length for sizes, shape in shapes for size, length in zip(sizes, shape) if isinstance(size, str)}


def types_of(function: Function, values: dict[str, Any]) -> Sequence[Type]:
    """The types of arguments like these."""
    from gradc.runtime import arguments

    return arguments.prepare(function.program.signature, arguments.bind(function.inputs, (), values)).types


@main.command("eval", cls=Command)
@program_options
@at_option
@wrt_option
@memory_option
@json_option
def eval_command(
    expression: str | None,
    file: str | None,
    inputs: str | None,
    at: tuple[str, ...],
    wrt: str | None,
    memory: str | None,
    as_json: bool,
) -> None:
    """Value and gradients at a point; nothing is compiled.

    gradc eval "(x+y)*z" --at x=-2,y=5,z=-4
    """
    program = program_of(expression, file, inputs)
    with waiting("evaluating"):
        function = Function(program, wrt=wrt, engine="interpreter", memory=memory)
        value, grads = function.value_and_grad(**point(at, function.inputs))
    if as_json:
        gradients = dict(zip(function.wrt, grads, strict=True))
        echo(json_of({"program": function.text, "value": value, "gradients": gradients}))
    else:
        echo(value_lines(value, function.wrt, grads))


@main.command("trace", cls=Command)
@program_options
@at_option
@output_option("Write a file: .svg, .png or .pdf the picture, .html picture and table, .txt the table, .dot, .json.")
@click.option("--theme", type=click.Choice(THEMES), default="auto", help="The picture's colours; auto: the reader's.")
@click.option("--unfold", is_flag=True, help="Show the ops inside functions, indices and long sums.")
@json_option
def trace_command(
    expression: str | None,
    file: str | None,
    inputs: str | None,
    at: tuple[str, ...],
    output: str | None,
    theme: str,
    unfold: bool,
    as_json: bool,
) -> None:
    """Every gate: its value, its local gradients, and what flows back.

    gradc trace "(x+y)*z" --at x=-2,y=5,z=-4 -o graph.svg
    """
    from gradc.show.formats import encoded, suffix_of
    from gradc.show.trace import trace_at

    suffix = suffix_of(output) if output is not None and names_format(output) else ""
    if as_json and suffix not in ("", ".json"):
        raise click.UsageError(f"JSON is written to a .json file, not to {output}")
    function = Function(program_of(expression, file, inputs), engine="interpreter")
    with waiting("tracing"):
        values = point(at, function.inputs) if at else drawn_point(function)
        traced = trace_at(function.program, values, unfold=unfold)
    if suffix and output is not None:
        write_file(output, encoded(traced, suffix, theme))
        say(f"wrote {output}")
    elif as_json:
        deliver(json_of(traced.as_dict()), output)
    elif output in (None, "-") and (sys.stdout.isatty() or colours(sys.stdout)):
        from gradc.show.terminal import print_trace

        with writing():
            print_trace(traced, sys.stdout, colours(sys.stdout))
    else:
        deliver(str(traced), output)


def names_format(output: str) -> bool:
    """Whether the name of an output says how to write: it is neither standard output nor a device or a pipe."""
    if output == "-" or output.startswith("/dev/"):
        return False
    return Path(output).is_file() or not Path(output).exists()


@main.command("check", cls=Command)
@program_options
@at_option
@wrt_option
@click.option("--all", "show_all", is_flag=True, help="Print every comparison, and the whole point.")
@json_option
def check_command(
    expression: str | None,
    file: str | None,
    inputs: str | None,
    at: tuple[str, ...],
    wrt: str | None,
    show_all: bool,
    as_json: bool,
) -> None:
    """Compare the gradient with SymPy, mpmath and finite differences.

    Prints the worst comparison for each input. Without --at the points are drawn at random. Exit code 3 if any of
    them disagrees.

    gradc check "x*exp(-y)" --at x=2,y=0.5
    """
    from gradc.check.check import check

    program = program_of(expression, file, inputs)
    if not at:
        say_guess(Function(program, wrt=wrt))
    with waiting("checking") as progress:
        report = check(program, point(at) if at else None, wrt, progress)
    echo(json_of(report.as_dict()) if as_json else report.details if show_all else str(report))
    if not report.passed:
        click.get_current_context().exit(CHECK_FAILED)


@main.command("bench", cls=Command)
@program_options
@click.option("--size", type=click.IntRange(min=1), metavar="N", help="Elements of each array; numbers by default.")
@click.option(
    "--against", default="", metavar="NAMES",
    help="Competitors: numpy-tape (a tape of NumPy arrays), naive (a tape of single numbers); both by default.",
)  # fmt: skip
@click.option("--quick", is_flag=True, help="Measure less often.")
@wrt_option
@at_option
@json_option
def bench_command(
    expression: str | None,
    file: str | None,
    inputs: str | None,
    size: int | None,
    against: str,
    quick: bool,
    wrt: str | None,
    at: tuple[str, ...],
    as_json: bool,
) -> None:
    """Value and gradients side by side with other ways to compute them.

    Answers are compared before anything is timed; exit code 3 if one of gradc's differs.

    gradc bench "sum((y - a*exp(-b*t))**2)" --size 100000 --against numpy-tape
    """
    from gradc.bench import measure
    from gradc.bench.show import print_report

    program = program_of(expression, file, inputs)
    names = [name.strip() for name in against.split(",") if name.strip()]
    if not at:
        say_guess(Function(program, wrt=wrt))
    with waiting() as progress:
        report = measure(program, size, names, wrt, progress, values=point(at) or None, quick=quick)
    if as_json:
        echo(json_of(report.as_dict()))
    else:
        with writing():
            print_report(report, sys.stdout, colours(sys.stdout))
    if report.faults:
        say("\n".join(report.faults))
        click.get_current_context().exit(CHECK_FAILED)


@main.command("explain", cls=Command)
@click.argument("code", required=False, shell_complete=lambda ctx, param, typed: codes_that_begin(typed))
@json_option
def explain_command(code: str | None, as_json: bool) -> None:
    """What an error code means, with an example that makes it; without CODE, all of them in a line each.

    gradc explain G0103
    """
    from gradc.language.explanations import EXPLANATIONS

    titles = {known: CODES[known] for known in EXPLANATIONS}
    if code is None:
        echo(json_of(titles) if as_json else "\n".join(f"{known}  {title}" for known, title in titles.items()))
        return
    number = re.search(r"[0-9]{3}\Z", code.rstrip("] "))
    asked = f"G0{number[0]}" if number else ""
    if asked not in titles:
        raise Error("G0702", f"there is no error code {cut(code)!r}", help="`gradc explain` lists all of them")
    explanation = EXPLANATIONS[asked]
    facts = {"code": asked, "title": titles[asked], **asdict(explanation)}
    echo(json_of(facts) if as_json else explanation.as_text(asked))


def codes_that_begin(typed: str) -> list[CompletionItem]:
    """What a shell may complete to an error code."""
    return [CompletionItem(code, help=title) for code, title in CODES.items() if code.startswith(typed.upper())]


@main.command("info", cls=Command)
@json_option
def info_command(as_json: bool) -> None:
    """Versions, processor, vector width, threads, the engine, and where kernels are kept."""
    from gradc.runtime.machine import facts
    from gradc.show.table import table

    found = facts()
    if as_json:
        echo(json_of(found))
    else:
        shown = {name: "unknown" if value is None else str(value) for name, value in found.items()}
        shown["engine"], shown["cache"] = engine_text(found["engine"]), cache_text(found["cache"])
        echo("\n".join(table(("", ""), [(name.replace("_", " "), text) for name, text in shown.items()], left=2)[1:]))


def engine_text(found: dict[str, Any]) -> str:
    """The engine that answers by default, for what it compiles, or why it is not the native one."""
    if found["why_not_native"]:
        return f"{found['name']}: {found['why_not_native']}"
    lanes = f"{found['vector_doubles']} double{'s' * (found['vector_doubles'] != 1)} to the vector"
    return f"{found['name']} (LLVM {found['llvm']}, {found['processor']}, {lanes})"


def cache_text(found: dict[str, Any]) -> str:
    """Where kernels are kept and how many they are, or why they are not."""
    from gradc.show.table import size_text

    if found["why_not_read"]:
        return f"none: {found['why_not_read']}"
    kernels = f"{found['kernels']:,} kernel{'s' * (found['kernels'] != 1)}"
    text = f"{found['place']}: {kernels}, {size_text(found['bytes'])} of {size_text(found['limit'])}"
    return f"{text}; nothing is added: {found['why_not_written']}" if found["why_not_written"] else text


@main.command("cache", cls=Command)
@click.argument("action", type=click.Choice(["clear"]), required=False)
@json_option
def cache_command(action: str | None, as_json: bool) -> None:
    """List the compiled kernels on disk, the last used first; `gradc cache clear` removes them all.

    The environment variable GRADC_CACHE names another directory for them, or none: GRADC_CACHE=off.
    """
    from gradc.native.cache import store
    from gradc.runtime.machine import cached
    from gradc.show.table import size_text

    found = cached()
    if action == "clear":
        if found["why_not_read"]:
            raise Error("G0701", f"there is no cache to clear: {found['why_not_read']}")
        kernels, size = store.clear()
        if as_json:
            echo(json_of({"place": found["place"], "removed": kernels, "bytes": size}))
        else:
            echo(f"removed {kernels:,} kernel{'s' * (kernels != 1)}, {size_text(size)}, from {found['place']}")
        return
    entries = store.entries()
    if as_json:
        listed = [{"file": e.path, "bytes": e.bytes, "used": e.used, "key": e.key} for e in entries]
        echo(json_of(found | {"entries": listed}))
        return
    rows = [(day(entry.used), size_text(entry.bytes), cut(entry.key)) for entry in entries[:MAX_LISTED_KERNELS]]
    lines = [f"{used}  {size:>9}  {key}".rstrip() for used, size, key in rows]
    if len(entries) > len(rows):
        lines.append(f"... and {len(entries) - len(rows):,} more")
    echo("\n".join([cache_text(found), *lines]))


def day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")


def cut(text: str) -> str:
    """A text on one line of 80 characters."""
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    line = " ".join(line.split())
    return line if len(line) <= 80 else line[:77] + "..."
