"""Standalone modules: the value and the gradients of a program, for readers who have numpy and numba only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gradc.compiler import Compilation
from gradc.emit import python as emit
from gradc.emit.module import module
from gradc.emit.python import MAX_LINE
from gradc.ir.ops import OPS
from gradc.ir.own import SYMBOL
from gradc.ir.types import DTYPES, Type
from gradc.language.diagnostics import Error
from gradc.loops.support import SCIPY
from gradc.version import __version__

EXPORTED = ("value", "value_and_grad")
DTYPE_NAMES = {"f64": "float64", "f32": "float32", "i64": "int64", "bool": "bool"}


def python_module(compilations: Mapping[str, Compilation], *, cache: bool = True) -> str:
    """The module with a function for each compilation, by name, all for the same input types. With `cache`, Numba keeps
    its machine code on disk where it can."""
    functions = {name: _converting(compilation) for name, compilation in compilations.items()}
    docs = {name: _doc(compilations[name], function) for name, function in functions.items()}
    text = next(iter(compilations.values())).program.text.strip()
    head = text if "\n" in text or len(text) > 80 else f"{text}, and its gradients."
    calls = set().union(*(function.calls for function in functions.values()))
    for call in sorted(calls):
        if call.startswith(SYMBOL):
            raise Error(
                "G0502", f"a module cannot carry `{OPS[call.removeprefix(SYMBOL)].symbol}`, which is a Numba function",
                help="write it as text, as in `gradc.op(\"f(x) = ...\")`, for modules that stand alone",
            )  # fmt: skip
    needed = "numpy, numba and scipy" if calls & SCIPY.keys() else "numpy and numba"
    guess = next(iter(compilations.values())).guess
    if not guess.is_plain:
        head += f"\n\nguessed: {guess}; declare them to be sure"
    head += f"\n\nWritten by gradc {__version__}. Needs {needed}; without numba's compiler it runs as plain Python."
    return module(functions.values(), head, docs, cache=cache)


CONVERSIONS = {"f64": "np.float64({})", "f32": "np.float32({})", "i64": "_whole({})", "bool": "bool({})"}
"""From a number to a scalar of a type."""


def _converting(compilation: Compilation) -> emit.EmittedFunction:
    """The function for callers who have numbers of other types than those it computes with, as `gradc.Function` takes
    them too."""
    function = compilation.function
    parameters = list(zip(compilation.loops.inputs, function.parameters))
    scalars = [(name, CONVERSIONS[node.type.dtype].format(name)) for node, name in parameters if not node.shape]
    lines: list[str] = []
    at = 0
    while at < len(scalars):
        count = 1
        while at + count < len(scalars) and len(_assigned(scalars[at : at + count + 1])) <= MAX_LINE:
            count += 1
        lines.append(_assigned(scalars[at : at + count]))
        at += count
    for node, name in parameters:
        if node.shape and node.type.dtype == "i64":
            lines.append(f"    {name} = _whole_numbers({name})")
        elif node.shape:
            lines.append(f"    {name} = np.asarray({name}, np.{DTYPES[node.type.dtype].name})")
    calls = {call for call in ("_whole", "_whole_numbers") if any(f"{call}(" in line for line in lines)}
    origins = {line + len(lines): node for line, node in function.origins.items()}
    return emit.EmittedFunction(
        function.name, function.parameters, lines + function.lines, function.calls | calls, function.tables, origins
    )


def _assigned(converted: Sequence[tuple[str, str]]) -> str:
    """A line that gives names their converted values."""
    names, values = zip(*converted)
    return f"    {', '.join(names)} = {', '.join(values)}"


def _doc(compilation: Compilation, function: emit.EmittedFunction) -> list[str]:
    """The docstring of a function: arguments, what is returned, what is raised."""
    nodes = compilation.loops.inputs
    outputs = compilation.lowered.outputs
    count = len(compilation.graph.outputs)
    gradients = compilation.function_name == "value_and_grad"
    lines = ["The value and its gradients." if gradients else "The value.", ""]
    if count > 1:
        lines[0] = "All results and the gradients of one." if gradients else "All results."
    by_type: dict[Type, list[str]] = {}
    for node, parameter in zip(nodes, function.parameters):
        by_type.setdefault(node.type, []).append(parameter)
    lines += [f"{', '.join(names)}: {_described(type)}" for type, names in by_type.items()]
    value = f"a {_described(outputs[0][1].type)}"
    if count > 1:
        names = compilation.program.signature.results
        value = ", ".join(f"{name}: {_described(node.type)}" for name, (_, node) in zip(names, outputs))
        value = f"({value})"
    if not gradients:
        lines.append(f"Returns {value}.")
    else:
        bars = ", ".join(name for name, _ in outputs[count:])
        single = "," if len(outputs) == count + 1 else ""
        what = "value" if count == 1 else "results"
        lines.append(f"Returns {what}, ({bars}{single}): {value}, and gradients of the types of their inputs.")
    if any(line.strip().startswith("raise ValueError") for line in function.lines):
        lines.append("Raises ValueError if the sizes of the arrays do not fit together.")
    return lines


def _described(type: Type) -> str:
    if not type.shape:
        return DTYPE_NAMES[type.dtype]
    return f"{DTYPE_NAMES[type.dtype]} array of shape ({', '.join(map(str, type.shape))}{',' * (type.rank == 1)})"
