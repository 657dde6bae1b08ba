"""What a trace is made of: gates, and the arguments of gates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from textwrap import indent
from typing import Any

import numpy as np

from gradc.language.source import Span
from gradc.runtime.results import Gradients, names_of
from gradc.show.table import abbreviated, table

MAX_PARTS = 6
"""More gradients of one fork are counted."""
HEADINGS = ("", "gate", "text", "shape", "value", "upstream", "argument", "local", "product")


@dataclass(frozen=True)
class Argument:
    """One argument of a gate: `name` is an input's name or the number of a gate, as in `[3]`.

    `local` is the derivative of the gate for this argument, `product` what the gate hands back to it: upstream
    times local. Where no gradient flows both are None. A gate that moves data, or multiplies matrices, has no local
    derivative worth showing; `returns` says how its gradient comes back: "sum" for a broadcast, "@ x" for a product.
    """

    name: str
    value: Any
    local: Any = None
    product: Any = None
    returns: str = ""


@dataclass(frozen=True)
class Gate:
    """One op of the program: `gate` is its symbol, `text` the program's text for it ("" for casts and broadcasts,
    which nobody writes), `upstream` the gradient of the result for its value, None where none flows.
    `arguments` leaves out constants; the symbol holds them, as in `+1`."""

    number: int
    gate: str
    text: str
    value: Any
    upstream: Any
    arguments: tuple[Argument, ...]
    span: Span | None

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self.value)


@dataclass(frozen=True)
class Gates:
    """A program at one point, gate by gate in forward order."""

    text: str
    """Of the program; of a step of one of its loops nothing."""
    inputs: dict[str, Any]
    gates: tuple[Gate, ...]
    result: str
    """Where the value comes from: the number of a gate, as in `[3]`, the name of an input, or a constant."""
    value: Any
    upstream: Any
    """The gradient that the result is given: ones."""
    grads: Gradients
    note: str = ""
    """What to know where the gates as written overflow or lose everything, and gradc's rewriting does not."""
    steps: tuple[TracedStep, ...] = ()
    """What is inside its loops."""
    is_open: bool = False
    """Whether the table and the picture show that too."""

    def uses(self) -> dict[str, list[tuple[Gate, Argument]]]:
        """The arguments that each input or gate is, by its name."""
        found: dict[str, list[tuple[Gate, Argument]]] = {}
        for gate in self.gates:
            for argument in gate.arguments:
                found.setdefault(argument.name, []).append((gate, argument))
        return found

    def parts(self) -> dict[str, list[tuple[str, Any]]]:
        """The gradients that come back to each input or gate, None for none, and from where."""
        return {name: [(f"[{gate.number}]", each.product) for gate, each in uses] for name, uses in self.uses().items()}

    def gate(self, name: str) -> Gate | None:
        """The gate that a name such as `[3]` stands for; None for an input or a constant."""
        number = name[1:-1]
        return self[int(number)] if name.startswith("[") and number.isdecimal() else None

    def value_of(self, name: str) -> Any:
        """The value of a gate, as in `[3]`, or of an input."""
        gate = self.gate(name)
        return self.inputs.get(name) if gate is None else gate.value

    def gradient_of(self, name: str) -> Any:
        """The gradient for a gate's value, or for an input: the sum of what its users hand back. None for none."""
        gate = self.gate(name)
        if gate is not None:
            return gate.upstream
        return self.grads[name] if name in names_of(self.grads) else None

    def called(self, name: str) -> str:
        """An input by its name, a gate by its number and its text."""
        gate = self.gate(name)
        return name if gate is None else f"{name} {gate.text or gate.gate}"

    def __iter__(self) -> Iterator[Gate]:
        return iter(self.gates)

    def __len__(self) -> int:
        return len(self.gates)

    def __getitem__(self, number: int) -> Gate:
        """The gate with this number; the first is 1."""
        if not 1 <= number <= len(self.gates):
            raise IndexError(f"there are gates 1 to {len(self.gates)}")
        return self.gates[number - 1]

    # ------------------------------------------------------------ as text

    def __str__(self) -> str:
        lines = table(HEADINGS, self.rows(), left=3, gap_before="argument")
        forks = self.forks()
        notes = ["", f"note: {self.note}"] if self.note else []
        inside = [line for step in self.opened() for line in ("", step.title, indent(step.own_text(), "  "))]
        results = [*self.results(), *inside]
        return "\n".join([*lines, *[""] * bool(lines), *forks, *[""] * bool(forks), *results, *notes])

    def own_text(self) -> str:
        """The table without those of its loops."""
        return str(replace(self, is_open=False))

    def opened(self) -> list[TracedStep]:
        """The steps that table and picture show, those of loops in loops behind the outer ones."""
        return self.all_steps() if self.is_open else []

    def all_steps(self) -> list[TracedStep]:
        """What is inside its loops, those of loops in loops behind the outer ones."""
        found = list(self.steps)
        for step in found:  # which grows
            found += step.steps
        return found

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
        for name, all_parts in self.parts().items():
            parts = [(where, product) for where, product in all_parts if product is not None]
            if len(parts) > 1:
                shown = [f"{abbreviated(product)} from {where}" for where, product in parts[:MAX_PARTS]]
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
            **({"steps": [step.as_dict() for step in self.steps]} if self.steps else {}),
        }


@dataclass(frozen=True)
class State:
    """A state of a loop as a step leaves it: `source` is the gate or the input that it comes from, `gradient` what
    comes back to it from what is behind the step."""

    name: str
    source: str
    value: Any
    gradient: Any


@dataclass(frozen=True)
class TracedStep(Gates):
    """What is inside a loop: its last step, gate by gate, with the values that it has. Its inputs are the states as
    they come in, the rows of arrays, and what is the same at every step; gradients are this step's part of theirs.
    """

    number: int = 1
    count: int = 1
    states: tuple[State, ...] = ()
    loops: tuple[str, ...] = ()
    """The gates that are results of the loop."""

    @property
    def title(self) -> str:
        """`step 60 of 60 in [3]: s`."""
        states = ", ".join(state.name for state in self.states)
        return f"step {self.number:,} of {self.count:,} in {' and '.join(self.loops)}: {states}"

    def parts(self) -> dict[str, list[tuple[str, Any]]]:
        """The gradients that come back to each input or gate, from the next step too."""
        found = super().parts()
        for state in self.states:
            found.setdefault(state.source, []).append((f"next {state.name}", state.gradient))
        return found

    def results(self) -> list[str]:
        """The states as they leave, and the gradients, one a line."""
        rows = [
            *((f"next {state.name}", abbreviated(state.value)) for state in self.states),
            *((f"d/d{name}", abbreviated(gradient)) for name, gradient in self._named_grads()),
        ]
        width = max(len(name) for name, _ in rows)
        return [f"{name:<{width}}  {value}" for name, value in rows]

    def as_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        states = [vars(state) for state in self.states]
        about = {"loops": list(self.loops), "step": self.number, "steps": self.count, "states": states}
        return about | {name: value for name, value in super().as_dict().items() if name not in UNKNOWN_OF_STEPS}


UNKNOWN_OF_STEPS = ("program", "value", "note")
"""What programs have and steps have not."""
