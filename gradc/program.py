"""What every front end provides: a program, as the rest of gradc knows it.

Text is one front end (`frontends/text.py`). Another one writes a class with the members of `Program`, which builds
its graph with `construct/`, and adds a line to `frontends/programs.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from gradc.ir.graph import Graph, Node
from gradc.ir.types import Type
from gradc.language.source import Span


@dataclass(frozen=True)
class Signature:
    """What a program says of its inputs before the types of arguments are known.

    `inputs` are in order; `declared` are the types that the program fixes, and `sizes` the names of sizes in them.
    Of the other inputs, `arrays` are those that are reduced or indexed somewhere, and `integers` those that indices
    are made of.
    """

    inputs: tuple[str, ...]
    declared: Mapping[str, Type] = field(default_factory=dict)
    sizes: tuple[str, ...] = ()
    arrays: frozenset[str] = frozenset()
    integers: frozenset[str] = frozenset()

    def is_float(self, name: str) -> bool:
        """Whether an input holds floats, and so has a gradient."""
        return self.declared[name].is_float if name in self.declared else name not in self.integers

    def invented_sizes(self, types: Mapping[str, Type]) -> frozenset[str]:
        """The names of sizes in types that the program did not choose: they may be renamed."""
        named = {size for type in types.values() for size in type.shape if isinstance(size, str)}
        return frozenset(named.difference(self.sizes))


@dataclass(frozen=True)
class Elaborated:
    """The graph of a program for one set of input types; where each node was written, and what the program calls it."""

    graph: Graph
    """Its inputs are those of the signature, in order; its output is `value`."""
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
