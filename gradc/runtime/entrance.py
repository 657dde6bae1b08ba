"""Calls of public functions that go straight to a native kernel, without Python code on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from gradc.ir.held import LEAF, ONE, Parts, tuple_of
from gradc.native import entry
from gradc.native.engine import NativeKernel
from gradc.native.parts import Arrangement

Argument = tuple[str | None, Parts]
"""The name of an argument, None for one that goes by position only, and its parts."""

RESULTS: dict[str, Callable[[Parts], Parts]] = {
    "value": lambda gradients: ONE,
    "value_and_grad": lambda gradients: (tuple_of(2), *ONE, *gradients),
    "grad": lambda gradients: gradients,
    "vjp": lambda gradients: gradients,
    "jvp": lambda gradients: ONE,
    "hvp": lambda gradients: gradients,
    "jacobian": lambda gradients: gradients,
    "value_and_jacobian": lambda gradients: (tuple_of(2), *ONE, *gradients),
    "hessian": lambda gradients: _square(gradients),
    "value_grad_and_hessian": lambda gradients: (tuple_of(3), *ONE, *gradients, *_square(gradients)),
    "gauss_newton": lambda gradients: (tuple_of(3), *ONE, *gradients, *_square(gradients)),
}
"""What public functions return, by what gradients are made of."""


def _square(gradients: Parts) -> Parts:
    """Gradients of gradients: a matrix by pairs of inputs."""
    return [part for each in gradients for part in (gradients if each.kind == LEAF else [each])]


class Entrance:
    """What leads from the arguments of public functions to kernels."""

    def __init__(
        self,
        tables: dict[str, entry.Tables],
        arguments: Sequence[Argument],
        inputs: Sequence[str | None],
        gradients: Parts,
    ):
        """`inputs` are the kernel's, one for each number and array in the arguments; those that it does not have are
        None. `gradients` are what they are given as."""
        self._tables = tables
        self._arguments, self._inputs, self._gradients = tuple(arguments), tuple(inputs), gradients
        self._known: set[Any] = set()

    def lead(
        self,
        name: str,
        kernel: NativeKernel,
        data: Mapping[str, Any],
        sizes: Mapping[str, Sequence[int]] = MappingProxyType({}),
        *,
        first: Parts = (),
        seeds: Sequence[str] = (),
    ) -> None:
        """Lead calls of a public function to a kernel. `first` are the parts of an argument before the others, which
        holds the `seeds`."""
        tables = self._tables.setdefault(name, entry.Tables())
        known = name, id(kernel), tuple(first), tuple([(key, tuple(size)) for key, size in sizes.items()])
        if known in self._known or ((first or sizes) and tables.is_full):
            return
        self._known.add(known)
        arguments = ((None, first), *self._arguments) if first else self._arguments
        result = RESULTS[name](self._gradients)
        tables.add(kernel.table(Arrangement(arguments, (*seeds, *self._inputs), result), data, sizes))


def of_inputs(tables: dict[str, entry.Tables], inputs: Sequence[str], gradients: type, count: int) -> Entrance:
    """The entrance of a function whose arguments are the inputs; `gradients` is the type of so many of them."""
    parts: Parts = (tuple_of(count, gradients), *ONE * count)
    return Entrance(tables, [(name, ONE) for name in inputs], inputs, parts)
