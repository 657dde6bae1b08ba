"""A program as a circuit of gates, each with its value, its local gradients and what flows back through it, in the
manner of Stanford's CS231n."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
from gradc.show.table import abbreviated, table


@dataclass(frozen=True, repr=False)
class Trace(Gates):
    """A program at one point, gate by gate in forward order: `for gate in trace`, `print(trace)`, `trace.svg()`.

    A function, an index and a long sum are one gate each; `trace.unfolded()` has the ops inside.
    """

    program: Program | None = None
    wrt: tuple[str, ...] | None = None
    """The inputs that gradients are for; None for all of floats."""

    def __str__(self) -> str:
        lines = table(HEADINGS, self.rows(), left=3, gap_before="argument")
        forks = self.forks()
        notes = ["", f"note: {self.note}"] if self.note else []
        return "\n".join([*lines, *[""] * bool(lines), *forks, *[""] * bool(forks), *self.results(), *notes])

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

    def rows(self) -> Iterator[tuple[str, ...]]:
        """The cells of the table: one row for each argument that a gradient goes to, at least one for each gate."""
        for gate in self.gates:
            shape = "x".join(map(str, gate.shape))
            value, upstream = abbreviated(gate.value), abbreviated(gate.upstream)
            head: tuple[str, ...] = (f"[{gate.number}]", gate.gate, gate.text, shape, value, upstream)
            for argument in gate.arguments or (None,):
                if argument is None:
                    yield (*head, "", "", "")
                else:
                    local = argument.returns or abbreviated(argument.local)
                    yield (*head, argument.name, local, abbreviated(argument.product))
                head = ("",) * len(head)

    def forks(self) -> list[str]:
        """Where a value goes to several places: the gradients that come back from each, and their sum."""
        lines = []
        for name, uses in self.uses().items():
            parts = [(gate.number, argument.product) for gate, argument in uses if argument.product is not None]
            if len(parts) > 1:
                shown = [f"{abbreviated(product)} from [{number}]" for number, product in parts[:MAX_PARTS]]
                if len(parts) > MAX_PARTS:
                    shown.append(f"{len(parts) - MAX_PARTS:,} more")
                lines.append((name, f"{abbreviated(self.gradient_of(name))} = {' + '.join(shown)}"))
        width = max((len(name) for name, _ in lines), default=0)
        return [f"fork {name:<{width}}  {sum}" for name, sum in lines]

    def results(self) -> list[str]:
        """The value and the gradients, one a line."""
        rows = [("value", abbreviated(self.value)), *((f"d/d{n}", abbreviated(g)) for n, g in self._named_grads())]
        width = max(len(name) for name, _ in rows)
        return [f"{name:<{width}}  {value}" for name, value in rows]

    def _named_grads(self) -> list[tuple[str, Any]]:
        return list(zip(names_of(self.grads), self.grads, strict=True))

    def as_dict(self) -> dict[str, Any]:
        """Everything, for JSON: arrays are NumPy arrays still."""
        return {
            "program": self.text,
            "inputs": self.inputs,
            "value": self.value,
            "gradients": dict(self._named_grads()),
            "note": self.note or None,
            "gates": [
                {
                    "number": gate.number,
                    "gate": gate.gate,
                    "text": gate.text,
                    "value": gate.value,
                    "upstream": gate.upstream,
                    "arguments": [vars(argument) for argument in gate.arguments],
                }
                for gate in self.gates
            ],
        }


MAX_PARTS = 6
"""More gradients of one fork are counted."""
HEADINGS = ("", "gate", "text", "shape", "value", "upstream", "argument", "local", "product")


def trace(program: str | Program, /, **values: Any) -> Trace:
    """Every gate of a program as written, before any rewriting: value, local gradients, upstream gradient.

    program: text in gradc's language.
    values: one number or array for each input; they broadcast as in NumPy.

    The upstream gradient of the result is one; for a result that is an array, ones. Raises `gradc.Error` for
    whatever is wrong with the program or the values.

    >>> t = trace("(x + y) * z", x=-2.0, y=5.0, z=-4.0)
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
