"""Standalone modules: the value and the gradients of a program, for readers who have numpy and numba only."""

from __future__ import annotations

from collections.abc import Mapping

from gradc.compiler import Compilation
from gradc.emit import python as emit
from gradc.emit.module import module
from gradc.ir.types import Type

EXPORTED = ("value", "value_and_grad")
DTYPE_NAMES = {"f64": "float64", "f32": "float32", "i64": "int64", "bool": "bool"}


def python_module(compilations: Mapping[str, Compilation], *, cache: bool = True) -> str:
    """The module with a function for each compilation, by name, all for the same input types."""
    functions = {name: compilation.function for name, compilation in compilations.items()}
    docs = {name: _doc(compilations[name], function) for name, function in functions.items()}
    text = next(iter(compilations.values())).program.source.text.strip()
    head = text if "\n" in text or len(text) > 80 else f"{text}, and its gradients."
    head += "\n\nWritten by gradc. Needs numpy and numba; without numba's compiler it runs as plain Python."
    return module(functions.values(), head, docs, cache=cache)


def _doc(compilation: Compilation, function: emit.Function) -> list[str]:
    """The docstring of a function: arguments, what is returned, what is raised."""
    nodes = compilation.loops.inputs
    lines = ["The value and its gradients." if compilation.derived.name == "value_and_grad" else "The value.", ""]
    by_type: dict[Type, list[str]] = {}
    for node, parameter in zip(nodes, function.parameters):
        by_type.setdefault(node.type, []).append(parameter)
    lines += [f"{', '.join(names)}: {_described(type)}" for type, names in by_type.items()]
    if compilation.derived.name == "value_and_grad":
        bars = ", ".join(name for name, _ in compilation.lowered.outputs[1:])
        single = "," if len(compilation.lowered.outputs) == 2 else ""
        lines.append(f"Returns value, ({bars}{single}); each gradient is shaped like its input.")
    if any(line.strip().startswith("raise ValueError") for line in function.lines):
        lines.append("Raises ValueError if the sizes of the arrays do not fit together.")
    return lines


def _described(type: Type) -> str:
    if not type.shape:
        return DTYPE_NAMES[type.dtype]
    return f"{DTYPE_NAMES[type.dtype]} array of shape ({', '.join(map(str, type.shape))}{',' * (type.rank == 1)})"
