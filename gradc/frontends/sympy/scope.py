"""What is known of an expression while it is written: names, inputs, and the sizes of arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy

from gradc.construct.functions import FUNCTIONS
from gradc.frontends.sympy.functions import REFUSED
from gradc.frontends.sympy.indices import Binding, Linear, linear
from gradc.frontends.sympy.names import identifier
from gradc.frontends.sympy.phrases import Demand, Phrase, Plan, constantly, level_of
from gradc.frontends.sympy.walk import Expression, Part, PartList, refused
from gradc.ir.graph import fresh
from gradc.language.diagnostics import Error
from gradc.language.expressions import AND, COMPARE, OR, POWER

_numbers = sympy.core.numbers

EXACT = 2**53
"""Whole numbers up to this one are written as they are."""

MAX_DEPTH = 16
"""How deep lists of expressions may be nested."""


HOW_MANY = (
    "let its index run between whole numbers, or up to the size of an array, as in `Sum(x[i], (i, 0, n - 1))`; "
    "a closed form is `expr.doit()`"
)
"""What to write in place of a sum without a known number of terms."""

TIMES = ("t", "tau", "time")
"""Of a symbol of such a name, an unknown function is an input, as one whose derivative occurs is."""

LETTERS = frozenset("psi phi chi eta xi".split())
"""Names of ours that are letters first: an unknown function of this name is no function of ours."""


@dataclass
class Base:
    """An array that is indexed, with what is known of its sizes."""

    name: str
    shape: list[str | None]
    integer: bool = False
    reach: list[Linear | None] = field(default_factory=list)
    """Along each axis without a size, the last index with a symbol in it."""


class ReaderScope:
    """An expression whose parts are written: their names, the inputs and their sizes."""

    def __init__(self, expr: Any, arguments: Sequence[tuple[str, Expression]] | None):
        self.expr = expr
        self.parts = PartList()
        self.names: dict[int, str] = {}
        """What leaves are called."""
        self.inputs: dict[str, Expression] = {}
        self.sizes: dict[int, str] = {}
        """Symbols that sizes are called by."""
        self.numbers: dict[int, str] = {}
        """Those of them that are arguments too."""
        self.bases: dict[int, Base] = {}
        self.differentiated: set[int] = set()
        """Functions whose derivative occurs."""
        self.indexing: set[int] = set()
        """Symbols that sums run over."""
        self.uses: list[frozenset[int]] = []
        self.whole: set[int] = set()
        """Symbols that stand in an index, outside of sums."""
        self.counted: dict[int, Expression] = {}
        """The sizes that numbers of terms are made of, and where."""
        self.vectors = False
        """Whether a sum goes along arrays, so that everything else has to be a number."""
        self.given = arguments is not None
        for text, symbol in arguments or ():
            self.names[self.parts.add(symbol)] = text

    def _within(self, place: int, scope: Mapping[int, Binding]) -> Demand:
        """A part where indices stand for something: only those that occur in it."""
        return place, tuple(sorted((at, scope[at]) for at in self.uses[place] if at in scope) if scope else ())

    def _refuse(self, expr: Expression, why: str, instead: str) -> Error:
        leaves, _ = flattened(self.expr)
        return refused(expr, leaves[0] if len(leaves) == 1 else expr, why, instead)

    # ------------------------------------------------------------ names, sizes and declarations

    def _find_sizes(self) -> None:
        """The symbols that sums run over, and those that sizes of arrays are called by."""
        parts = self.parts.parts
        self.differentiated = {args[0] for cls, args, _ in parts if cls is sympy.Derivative}
        for cls, args, _ in parts:
            if cls in (sympy.Sum, sympy.Product):
                for limit in args[1:]:
                    symbol, *bounds = parts[limit].args
                    self.indexing.add(symbol)
                    for bound in bounds[-1:]:
                        found = linear(self.parts, bound, {})
                        for at, count in found.terms if found is not None else ():
                            if at not in self.indexing and count == 1:
                                self.sizes.setdefault(at, "")
            elif cls is sympy.MatrixSymbol or (cls is sympy.IndexedBase and len(args) > 1):
                shape = args[1:] if cls is sympy.MatrixSymbol else parts[args[1]].args
                for size in shape:
                    if parts[size].cls in (sympy.Symbol, sympy.Dummy):
                        self.sizes.setdefault(size, "")
        for at in self.indexing & self.sizes.keys():
            del self.sizes[at]
        for at in self.sizes:
            if at in self.names:  # how many of the elements are meant; the array may have more
                self.numbers[at] = self.names[at]
                self.whole.add(at)
                self.sizes[at] = self._name(f"{self.names[at]}_size", parts[at].expr)
                continue
            self.sizes[at] = self._name(str(parts[at].expr.name), parts[at].expr)
        no_indices: frozenset[int] = frozenset()
        for place, (_, args, _) in enumerate(parts):
            below = no_indices
            if self.indexing:
                below = no_indices.union(*[self.uses[arg] for arg in args])
                below |= {place} if place in self.indexing else no_indices
            self.uses.append(below)

    def _name(self, name: str, expr: Expression) -> str:
        taken = {*self.inputs, *self.sizes.values(), *(text.partition("[")[0] for text in self.names.values())}
        found = identifier(name)
        if found in taken and not self.given and (found == name or self._called(found) == name):
            raise self._refuse(
                expr, f"two different symbols are called `{found}`",
                "rename one of them, or give both the same assumptions; `gradc.lambdify` takes them by position",
            )  # fmt: skip
        return fresh(found, taken)

    def _called(self, name: str) -> str:
        """How SymPy calls the symbol with a name."""
        for at, size in self.sizes.items():
            if size == name:
                return str(self.parts[at].expr.name)
        found = self.inputs.get(name)
        return str(getattr(found, "name", name))

    def _input(self, place: int, name: str) -> str:
        """The name of an input."""
        if place not in self.names:
            expr = self.parts[place].expr
            if self.given:
                instead = "add it to the arguments of `lambdify`, or put a number in: `expr.subs(...)`"
                raise self._refuse(expr, "it is not among the arguments", instead)
            self.names[place] = self._name(name, expr)
            self.inputs[self.names[place]] = expr
        return self.names[place]

    def _base(self, place: int, rank: int) -> Base:
        """The array that is indexed."""
        if place not in self.bases:
            cls, args, expr = self.parts[place]
            shape: list[str | None] = [None] * rank
            sizes = args[1:] if cls is sympy.MatrixSymbol else self.parts[args[1]].args if len(args) > 1 else ()
            if sizes:
                shape = [self._size(size, expr) for size in sizes]
            name = str(self.parts[args[0]].expr)
            self.bases[place] = Base(self._input(place, name), shape, reach=[None] * len(shape))
        return self.bases[place]

    def _size(self, place: int, expr: Expression) -> str:
        cls, _, size = self.parts[place]
        if place in self.sizes:
            return self.sizes[place]
        if issubclass(cls, sympy.Integer) and 0 <= size.p < EXACT:
            return str(size.p)
        instead = "give sizes as symbols or whole numbers, as in `MatrixSymbol('A', n, 3)`"
        raise self._refuse(expr, "its size is not a symbol or a number", instead)

    def _declarations(self) -> list[str]:
        lines = []
        fixed = {base.name for base in self.bases.values()}
        taken = {*self.inputs, *self.sizes.values()}
        for base in self.bases.values():
            if not any(base.shape) and not any(base.reach):
                if base.integer and base.name in self.inputs:
                    lines.append(f"{base.name}: i64[{fresh(base.name + '_size', taken)}]")
                continue
            sizes = [size or fresh(f"{base.name}_{axis}", taken) for axis, size in enumerate(self._shape(base))]
            lines.append(f"{base.name}: {'i64' if base.integer else 'f64'}[{', '.join(sizes)}]")
        if self.vectors:
            numbers = [name for name in self.names.values() if name not in fixed and "[" not in name]
            integers = {self.names[place] for place in self.whole if place in self.names}
            for name in dict.fromkeys(numbers):
                if name not in self.sizes.values():
                    lines.append(f"{name}: {'i64' if name in integers else 'f64'}")
        known = {size for base in self.bases.values() for size in self._shape(base)}
        for place, expr in self.counted.items():
            if self.sizes[place] not in known:
                raise self._refuse(expr, f"nothing says how large `{self.sizes[place]}` is", HOW_MANY)
        return lines

    def _shape(self, base: Base) -> list[str]:
        """The sizes of an array that are known."""
        found = [size or "" for size in base.shape]
        for axis, last in enumerate(base.reach):
            if last is not None:
                found[axis] = Linear(0, last.terms).text(self.sizes)
        return found

    def _all(self, args: Iterable[int], scope: Mapping[int, Binding]) -> list[Demand]:
        return [self._within(arg, scope) for arg in args]

    def _not_here(self, part: Part) -> Error:
        name = part.cls.__name__
        if not part.cls.__module__.startswith("sympy."):
            return self._refuse(
                part.expr, f"`{name}` is a class that gradc does not know",
                "replace it by its meaning in SymPy's functions: `expr.replace(...)` or `expr.doit()`",
            )  # fmt: skip
        for cls in part.cls.__mro__:
            if cls.__name__ in REFUSED:
                return self._refuse(part.expr, f"gradc has no `{name}`", REFUSED[cls.__name__])
        instead = "rewrite it in functions that gradc has (docs/sympy.md lists them), as with `expr.rewrite(...)`"
        return self._refuse(part.expr, f"gradc has no `{name}`", instead)

    def _filled(self, part: Part, template: str, found: list[Phrase]) -> Phrase:
        """A template with its arguments in place."""
        listed = {
            "all": lambda: ", ".join([text.text for text in found]),
            "all_and": lambda: " and ".join([text.at(AND + 1) for text in found]),
            "all_or": lambda: " or ".join([text.at(OR + 1) for text in found]),
            "all_xor": lambda: " != ".join([text.at(COMPARE + 1) for text in found[:2]]),
            "all_times": lambda: "*".join([text.at(POWER) for text in found]),
        }
        keyword = template.partition("{all")[2].partition("}")[0]
        words = {"all" + keyword: listed["all" + keyword]()} if "{all" in template else {}
        if template == "{all_xor}" and len(found) > 2:
            raise self._refuse(part.expr, "it has more than two conditions", "write two of them in each `Xor`")
        try:
            return Phrase(template.format(*found, **words), level_of(template, len(found)))
        except IndexError:
            instead = "give it all arguments"
            raise self._refuse(part.expr, f"`{part.cls.__name__}` has {len(found)} arguments here", instead) from None

    def _unknown_function(self, place: int, part: Part, scope: Mapping[int, Binding]) -> Plan:
        name = part.cls.__name__
        ours = FUNCTIONS.get(name)
        if hasattr(part.cls, "_imp_"):
            instead = "write its meaning in SymPy's functions, or trace it: `gradc.compile(python_function)`"
            raise self._refuse(part.expr, "it is computed by Python code, which gradc cannot see", instead)
        if ours is not None and not hasattr(sympy, name) and name not in LETTERS:
            count = len(part.args)
            if ours.required <= count <= len(ours.parameters) or "..." in ours.parameters:
                return self._all(part.args, scope), lambda found: self._filled(part, name + "({all})", found)
        plain = all(self.parts[arg].cls in (sympy.Symbol, sympy.Dummy) for arg in part.args)
        of_time = any(str(self.parts[arg].expr.name) in TIMES for arg in part.args) if plain else False
        if plain and (of_time or place in self.differentiated):
            return (), constantly(Phrase(self._input(place, name)))
        raise self._refuse(
            part.expr, f"`{name}` is a function without a meaning",
            f"put one in, `expr.subs(Function('{name}'), Lambda(x, x**2))`; "
            f"or make it an argument: `lambdify([{name}(x)], ...)`",
        )  # fmt: skip


def flattened(expr: Any, depth: int = 0) -> tuple[list[Expression], Callable[[list[str]], str]]:
    """The expressions in nested lists, and how their texts are put together again."""
    if isinstance(expr, sympy.MatrixBase):
        return [expr.as_immutable()], lambda found: found[0]
    if not isinstance(expr, list | tuple | sympy.Tuple):
        is_number = isinstance(expr, int | float | np.number | np.bool_)
        return [sympy.sympify(expr) if is_number else expr], lambda found: found[0]
    if depth == MAX_DEPTH:
        raise Error("G0901", f"lists are nested more than {MAX_DEPTH} deep", help="an array has fewer axes")
    if not expr:
        raise Error("G0901", "an empty list has no expression", help="give at least one")
    items = [flattened(item, depth + 1) for item in expr]
    leaves = [leaf for inner, _ in items for leaf in inner]

    def layout(found: list[str]) -> str:
        written, at = [], 0
        for inner, put in items:
            written.append(put(found[at : at + len(inner)]))
            at += len(inner)
        return f"[{', '.join(written)}]"

    return leaves, layout
