"""What every front end provides: a program, as the rest of gradc knows it.

Text is one front end (`frontends/text.py`). Another one writes a class with the members of `Program`, which builds
its graph with `construct/`, and adds a line to `frontends/programs.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import Any, Protocol, runtime_checkable

from gradc.ir.graph import Graph, Node
from gradc.ir.types import Type
from gradc.language.diagnostics import Error
from gradc.language.record import dataclass
from gradc.language.source import Span

MAX_SHOWN = 20
"""How many types a guess shows."""


@dataclass(frozen=True)
class Ranks:
    """How many axes inputs seem to have, none where nothing is said: `likely`, and `needed` of those that the program
    would make no sense without. In `sum((y - a*t)**2)` one of the three has to be an array, and all of them may be."""

    likely: Mapping[str, int] = field(default_factory=dict)
    needed: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Signature:
    """What a program says of its inputs before the types of arguments are known.

    `inputs` are in order; `declared` are the types that the program fixes, and `sizes` the names of sizes in them.
    Of the other inputs, `integers` are those that indices are made of; `ranks` is asked for how many axes they seem to
    have when no values are there to tell.
    """

    inputs: tuple[str, ...]
    declared: Mapping[str, Type] = field(default_factory=dict)
    sizes: tuple[str, ...] = ()
    integers: frozenset[str] = frozenset()
    ranks: Callable[[], Ranks] = Ranks
    results: tuple[str, ...] = ()
    """What the results are called, of a program that ends with a tuple of several."""
    of: int = 0
    """Which of them derivatives are of."""

    def is_float(self, name: str) -> bool:
        """Whether an input holds floats, and so has a gradient."""
        return self.declared[name].is_float if name in self.declared else name not in self.integers

    def invented_sizes(self, types: Mapping[str, Type]) -> frozenset[str]:
        """The names of sizes in types that the program did not choose: they may be renamed."""
        named = {size for type in types.values() for size in type.shape if isinstance(size, str)}
        return frozenset(named.difference(self.sizes))


@dataclass(frozen=True)
class Guess:
    """The types of undeclared inputs, guessed from how a program uses them."""

    types: Mapping[str, Type] = field(default_factory=dict)

    @property
    def is_plain(self) -> bool:
        """Whether they are numbers, all of them, which goes without saying."""
        return all(type == Type("f64") for type in self.types.values())

    def __str__(self) -> str:
        """`W: f64[n, m], x: f64[m]`, cut short where there are many."""
        shown = [f"{name}: {type}" for name, type in list(self.types.items())[:MAX_SHOWN]]
        rest = len(self.types) - len(shown)
        return ", ".join(shown) + (f", ... ({rest:,} more)" if rest else "")

    def explain(self, error: Error) -> Error:
        """An error of a program with these types: where it is about types, it says that they were guessed."""
        is_about_types = error.label or error.code == "G0203" or error.message.startswith("axis ")
        if not self.types or not is_about_types:
            return error
        name, type = max(self.types.items(), key=lambda item: item[1].rank)
        example = f"{name}: {type if type.rank else 'f64[n]'}"
        said = f"types were guessed from use ({self}): declare them, as in `{example}; ...`"
        help = f"{error.help}; {said}" if error.help else said
        return Error(error.code, error.message, error.span, label=error.label, help=help)


@dataclass(frozen=True)
class Elaborated:
    """The graph of a program for one set of input types; where each node was written, and what the program calls it."""

    graph: Graph
    """Its inputs are those of the signature, in order; its output is `value`. Of several results all are outputs, in
    order, that which derivatives are of as `value`, the others under their names."""
    spans: Mapping[Node, Span] = field(default_factory=dict)
    names: Mapping[Node, str] = field(default_factory=dict)


@runtime_checkable
class Program(Protocol):
    """A program of any front end. It can be pickled."""

    @property
    def text(self) -> str:
        """The program as its author would recognise it: in messages, docstrings and generated modules."""

    @property
    def syntax(self) -> str:
        """How the front end understood it: the first of the stages."""

    @property
    def signature(self) -> Signature:
        """Its inputs."""

    def elaborate(self, types: Mapping[str, Type]) -> Elaborated:
        """Its graph where each input has the given type, or the one that the program declares.

        Sizes that `signature.invented_sizes` names may be found equal to others. Raises `Error` for whatever the
        program gets wrong.
        """


@runtime_checkable
class OwnFunction(Protocol):
    """A function of a user's own, as a program needs it: what it is called there, and its row."""

    name: str

    @property
    def builtin(self) -> Any: ...


@runtime_checkable
class FromFunction(Protocol):
    """What a program that is a Python function has besides: parameters with defaults, which may be inputs or not."""

    def with_inputs(self, names: Iterable[str]) -> Program:
        """The same where parameters with defaults are inputs too, if they are among these names."""
