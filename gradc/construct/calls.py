"""The arguments of a call, as the builders of functions ask for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gradc.construct.builder import GraphBuilder
from gradc.construct.closures import Applicable
from gradc.construct.joined import Listed, array
from gradc.construct.selected import Selected, no_selection
from gradc.construct.site import Site
from gradc.construct.static import static_integer
from gradc.ir.graph import Node
from gradc.ir.types import shape_text
from gradc.language.diagnostics import Error
from gradc.language.source import Span

OF_VALUES = {"sum": "x + y", "mean": "(x + y) / 2", "prod": "x * y", "norm": "hypot(x, y)", "median": "median([x, y])"}
"""Reductions that people also ask for several values, and what to write for two."""

AXIS = "write it as in `axis=0` or `axis=(0, 1)`"


class CallArguments:
    """The arguments of a call of the function `name`: `given` by parameter, `args` by position, and where each was
    written. An argument is a node, or a tuple of nodes, a text, a flag or None."""

    def __init__(
        self,
        builder: GraphBuilder,
        name: str,
        parameters: tuple[str, ...],
        args: tuple[Any, ...],
        keywords: Mapping[str, Any],
        site: Site,
    ):
        self.builder, self.name, self.site = builder, name, site
        self.parameters, self.args, self.keywords = parameters, args, keywords
        self.given = {**dict(zip(parameters, args)), **keywords}

    @property
    def written(self) -> str:
        """The function's name as it was written."""
        return self.site.name or self.name

    @property
    def x(self) -> Node:
        return self.array("x")

    @property
    def y(self) -> Node:
        return self.array("y")

    def array(self, parameter: str) -> Node:
        """An argument that has to be a number or an array."""
        value = self.given[parameter]
        if isinstance(value, Listed):
            return array(self.builder, value)
        if isinstance(value, Selected):
            raise no_selection(self.span(parameter))
        if not isinstance(value, Node):
            raise Error("G0202", f"`{self.written}` takes numbers or arrays", self.span(parameter))
        return value

    def function(self, parameter: str) -> Applicable:
        """An argument that names a `def` (see `Builtin.functions`)."""
        value = self.given[parameter]
        assert isinstance(value, Applicable)  # whoever resolved the names has seen that it is one
        return value

    def span(self, parameter: str) -> Span | None:
        """Where an argument was written; of one left out, the whole call."""
        if parameter in self.keywords:
            return self.site.part(len(self.args) + list(self.keywords).index(parameter))
        if parameter in self.given:
            return self.site.part(self.parameters.index(parameter))
        return self.site.span

    def integer(self, parameter: str) -> int:
        return static_integer(self.given[parameter], self.span(parameter), f"`{parameter}`")

    def flag(self, parameter: str) -> bool:
        value = self.given.get(parameter, False)
        if not isinstance(value, bool):
            raise Error(
                "G0204", f"`{parameter}` must be True or False", self.span(parameter),
                help=f"write `{parameter}=True`, or leave it out",
            )  # fmt: skip
        return value

    def axis_of(self, x: Node, default: int | None = None) -> int:
        """The one axis that is named; without one, the default, or the only one there is."""
        rank = x.type.rank
        axes = self.axes(rank)
        if axes is not None and len(axes) == 1:
            return axes[0]
        if axes is None and rank and (default is not None or rank == 1):
            return (default or 0) % rank
        if not rank:
            raise Error(
                "G0202", f"`{self.written}` takes an array", self.span(self.parameters[0]), label=f"this is {x.type}"
            )
        raise Error(
            "G0204", f"`{self.written}` goes along one axis: it needs `axis`", self.site.span, label=f"this is {x.type}"
        )

    def axes(self, rank: int, parameter: str = "axis") -> tuple[int, ...] | None:
        """The axes asked for, from zero on, ascending unless they are `axes`, an order; None where none were named."""
        value = self.given.get(parameter)
        if value is None:
            return None
        parts = value if isinstance(value, tuple) else (value,)
        span = self.span(parameter)
        if self.name in OF_VALUES and len(self.args) > 1 and not all(map(_is_constant, parts)):
            raise Error(
                "G0204", f"`{self.written}` takes one array and then the axis, not several values", span,
                help=f"write `{OF_VALUES[self.name]}`; an axis is a number, as in `{self.written}(x, axis=0)`",
            )  # fmt: skip
        numbers = [static_integer(part, span, f"`{parameter}`", AXIS) for part in parts]
        for number in numbers:
            if not -rank <= number < rank:
                shape = shape_text(self.array(self.parameters[0]).shape) if rank else "a scalar"
                raise Error(
                    "G0204", f"axis {number} is out of range for {shape}", span,
                    help=f"valid axes are {-rank} to {rank - 1}" if rank else "leave it out",
                )  # fmt: skip
        axes = tuple(number % rank for number in numbers)
        if len(set(axes)) < len(axes):
            raise Error("G0204", f"`{parameter}` names an axis twice", span)
        return axes if parameter == "axes" else tuple(sorted(axes))


def _is_constant(part: Any) -> bool:
    return isinstance(part, Node) and part.is_constant
