"""A program as a circuit of gates, each with its value, its local gradients and what flows back through it, in the
manner of Stanford's CS231n."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from gradc.compiler import Compilation
from gradc.frontends.programs import program_of
from gradc.ir.interpret import run
from gradc.language.parser import collector_paused
from gradc.program import Program
from gradc.runtime import arguments
from gradc.runtime.results import gradients, names_of, to_python
from gradc.runtime.specialise import Specialiser
from gradc.show.gates import Gates
from gradc.show.table import abbreviated


@dataclass(frozen=True, repr=False)
class Trace(Gates):
    """A program at one point, gate by gate in forward order: `for gate in trace`, `print(trace)`, `trace.svg()`.

    A function, an index and a long sum are one gate each; `trace.unfolded()` has the ops inside.
    """

    program: Program | None = None
    wrt: tuple[str, ...] | None = None
    """The inputs that gradients are for; None for all of floats."""

    def __repr__(self) -> str:
        return f"<trace of {len(self)} gate{'s' * (len(self) != 1)}: value {abbreviated(self.value)}>"

    def unfolded(self) -> Trace:
        """The trace of all ops: of those inside functions, and of the conversions that nobody writes."""
        return self if self.program is None else trace_at(self.program, self.inputs, self.wrt, unfold=True)

    def svg(self, *, theme: str = "auto") -> str:
        """The computational graph as a self-contained SVG: values above the wires, gradients below.

        theme: "light", "dark", or "auto" for that of the reader.

        Raises `gradc.Error` G0503 if the program has more gates than a picture can hold.
        """
        from gradc.show.picture import draw

        return draw(self, theme)

    def save(self, file: str | PathLike[str], *, theme: str = "auto") -> None:
        """Write the trace to a file, as its suffix says: .svg .png .pdf .dot .html .txt .json.

        theme: as for `svg`; PNG, PDF and DOT are light unless it is "dark".

        Raises `gradc.Error` G0604 for another suffix, and where PNG and PDF lack the package that makes them:
        `pip install "gradc[pictures]"`.
        """
        from gradc.show.formats import encoded, suffix_of

        Path(file).write_bytes(encoded(self, suffix_of(str(file)), theme))

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        """What notebooks show: the picture and the table."""
        from gradc.show.page import fragment
        from gradc.show.picture import MAX_GATES

        bundle = {"text/plain": repr(self), "text/html": fragment(self)}
        return bundle | ({"image/svg+xml": self.svg()} if len(self) <= MAX_GATES else {})


def trace(program: str | Program, /, **values: Any) -> Trace:
    """Every gate of a program as written, before any rewriting: value, local gradients, upstream gradient.

    program: text in gradc's language.
    values: one number or array for each input; they broadcast as in NumPy.

    The upstream gradient of the result is one; for a result that is an array, ones. Raises `gradc.Error` for
    whatever is wrong with the program or the values.

    >>> t = gradc.trace("(x + y) * z", x=-2.0, y=5.0, z=-4.0)
    >>> [(gate.gate, gate.value, gate.upstream) for gate in t]
    [('+', 3.0, -4.0), ('*', -12.0, 1.0)]
    """
    return trace_at(program_of(program), values)


def trace_at(
    program: Program, values: Mapping[str, Any], wrt: tuple[str, ...] | None = None, *, unfold: bool = False
) -> Trace:
    """`trace`, the values in a mapping, for some inputs; of all ops on demand."""
    from gradc.show.tracer import Tracer

    signature = program.signature
    prepared = arguments.prepare(signature, arguments.bind(signature.inputs, (), values))
    floats = tuple(name for name, type in zip(signature.inputs, prepared.types) if type.is_float)
    compilation = Specialiser(program, floats if wrt is None else wrt).compilation("value_and_grad", prepared.types)
    graph = compilation.graph
    known = dict(zip(graph.inputs, prepared.arrays))
    with collector_paused():
        tracer = Tracer(graph, compilation.wrt_nodes, compilation.spans)
        traced = Trace(**vars(tracer.run(program.text, known, prepared.sizes(graph), unfold)))
        return replace(traced, program=program, wrt=wrt, note=_note(traced, compilation, prepared))


def _note(traced: Trace, compilation: Compilation, prepared: arguments.Arguments) -> str:
    """Says what gradc computes instead, where the gates as written give infinities or NaN."""
    if all(np.isfinite(number).all() for number in (traced.value, *traced.grads)):
        return ""
    graph = compilation.derivative
    known = dict(zip(graph.inputs, prepared.arrays, strict=True))
    value, *grads = (to_python(number) for number in run(graph.results, known, prepared.sizes(graph)))
    found = Trace(traced.text, {}, (), "", value, None, gradients(names_of(traced.grads), grads))
    if found.results() == traced.results():
        return ""
    instead = ", ".join(" ".join(line.split()) for line in found.results())
    return f"these are the gates as written; gradc.compile rewrites them and gives {instead}"
