"""From the types of arguments to compilations of a program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gradc.compiler import Compilation
from gradc.ir.types import Type
from gradc.program import Program
from gradc.runtime import arguments
from gradc.runtime.arguments import Arguments


@dataclass(frozen=True)
class Specialiser:
    """A program and how it is to be compiled, without the types of its inputs."""

    program: Program
    wrt: tuple[str, ...]
    fast_math: bool = False

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.program.signature.inputs

    def prepare(self, values: Sequence[Any]) -> Arguments:
        """Arguments in the order of the inputs, ready for a kernel, and their types."""
        return arguments.prepare(self.program.signature, values)

    def compilation(self, transform: str, types: Sequence[Type]) -> Compilation:
        """The value or a derivative for these types of the inputs, in order."""
        types_by_name = dict(zip(self.inputs, types))
        return Compilation(self.program, types_by_name, self.wrt, transform=transform, fast_math=self.fast_math)

    def default_types(self) -> tuple[Type, ...]:
        """The types that declarations and the program suggest; chosen inputs are the parameters of a fit."""
        chosen = self.wrt if len(self.wrt) < len(self.inputs) else ()
        return arguments.default_types(self.program.signature, chosen)
