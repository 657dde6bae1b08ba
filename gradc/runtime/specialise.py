"""From the types of arguments to compilations of a program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradc.compiler import Compilation, Reach
from gradc.ir.memory import MEMORY
from gradc.ir.sizes import Size
from gradc.ir.types import Type
from gradc.language.diagnostics import Error, out_of_memory
from gradc.language.record import dataclass
from gradc.program import Guess, Program
from gradc.runtime import arguments
from gradc.runtime.arguments import Arguments


@dataclass(frozen=True)
class Specialiser:
    """A program and how it is to be compiled, without the types of its inputs."""

    program: Program
    wrt: tuple[str, ...]
    fast_math: bool = False
    memory: int | None = None
    """The bytes that loops of one length may keep of their steps, where the caller says it."""

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.program.signature.inputs

    def prepare(self, values: Sequence[Any]) -> Arguments:
        """Arguments in the order of the inputs, ready for a kernel, and their types."""
        try:
            return arguments.prepare(self.program.signature, values)
        except MemoryError:  # as for arrays whose elements are all one, made by `np.broadcast_to`
            raise out_of_memory() from None

    def all_results(self, transform: str) -> str:
        """The transform that gives all results too, of a program with several; otherwise the same one."""
        return transform.replace("value", "values") if self.program.signature.results else transform

    def compilation(
        self, transform: str, types: Sequence[Type], guess: Guess | None = None, reach: Reach | None = None
    ) -> Compilation:
        """The value or a derivative for these types of the inputs, in order; `guess` has those that nobody chose.

        reach: for how many steps loops are made; by default for as many as it may be, where the caller says what memory
            they may take.
        """
        return Compilation(
            self.program,
            dict(zip(self.inputs, types)),
            self.wrt,
            transform=transform,
            fast_math=self.fast_math,
            memory=MEMORY if self.memory is None else self.memory,
            reach=reach or ("whole" if self.memory is None else "segments"),
            guess=guess,
        )

    def source(self, types: Sequence[Type], guess: Guess | None = None, *, cache: bool = True) -> str:
        """The Python module for these types of the inputs, in order; `guess` has those that nobody chose.

        cache: whether Numba keeps the module's machine code on disk.
        """
        from gradc.export import EXPORTED, python_module

        made = {name: self.compilation(self.all_results(name), types, guess) for name in EXPORTED}
        return python_module(made, cache=cache)

    def default_types(self) -> tuple[Type, ...]:
        """The types that declarations and the program suggest; chosen inputs are the parameters of a fit.

        Sizes that the program shows equal have one name, unless the program makes no sense with these types.
        """
        signature = self.program.signature
        types = arguments.default_types(signature, self.wrt if len(self.wrt) < len(self.inputs) else ())
        if all(type.rank == 0 for type in types):
            return types
        try:
            graph = self.program.elaborate(dict(zip(self.inputs, types))).graph
        except Error:
            return types
        fresh = arguments.size_names(signature)
        named: dict[str, Size] = {}
        for size in (size for node in graph.inputs for size in node.shape if isinstance(size, str)):
            if size not in named:
                named[size] = size if size in signature.sizes else next(fresh)
        return tuple(node.type.with_sizes(named) for node in graph.inputs)

    def guess(self, types: Sequence[Type]) -> Guess:
        """Those of the default types that are not declared."""
        declared = self.program.signature.declared
        return Guess({name: type for name, type in zip(self.inputs, types) if name not in declared})
