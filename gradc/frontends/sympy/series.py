"""Sums over indices, as sums along the axes of arrays, or term by term."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import sympy

from gradc.frontends.sympy.indices import Axis, Binding, Linear, linear
from gradc.frontends.sympy.phrases import Demand, Phrase, Plan, added, multiplied, raised, signed
from gradc.frontends.sympy.scalars import ScalarReader
from gradc.frontends.sympy.scope import HOW_MANY, Base
from gradc.frontends.sympy.walk import Part
from gradc.language.diagnostics import Error
from gradc.language.expressions import ADD
from gradc.language.unparse import ATOM

_numbers = sympy.core.numbers

MAX_UNROLLED = 64
"""The most terms of a sum over numbers that are written out one by one."""


class SeriesReader(ScalarReader):
    """How sums over indices, and what is indexed, are written."""

    # ------------------------------------------------------------ sums over indices

    def series(self, place: int, part: Part, scope: Mapping[int, Binding]) -> Plan:
        body, limits = part.args[0], part.args[1:]
        is_sum = part.cls is sympy.Sum
        ranges = [self._range(part, limit, scope) for limit in limits]
        counts = [last.plus(first, -1).plus(Linear(1)) for _, first, last in ranges]
        if all(not first.terms and not last.terms for _, first, last in ranges):
            total = 1
            for count in counts:
                total *= count.constant
            if total <= MAX_UNROLLED or any(count.constant <= 0 for count in counts):
                return self._unrolled(part, scope)
        if any(at in self.indexing for _, *ends in ranges for end in ends for at, _ in end.terms):
            return self._unrolled(part, scope)
        return self._along_axes(part, body, ranges, counts, scope, is_sum)

    def _range(self, part: Part, limit: int, scope: Mapping[int, Binding]) -> tuple[int, Linear, Linear]:
        symbol, *bounds = self.parts[limit].args
        found = [linear(self.parts, bound, scope) for bound in bounds]
        if len(found) != 2 or None in found:
            raise self._refuse(part.expr, "gradc cannot tell how many terms it has", HOW_MANY)
        first, last = found
        assert first is not None and last is not None
        return symbol, first, last

    def _unrolled(self, part: Part, scope: Mapping[int, Binding]) -> Plan:
        """Every term written out."""
        scopes: list[dict[int, Binding]] = [dict(scope)]
        for limit in part.args[:0:-1]:
            more: list[dict[int, Binding]] = []
            for outer in scopes:
                symbol, first, last = self._range(part, limit, outer)
                if first.terms or last.terms or last.constant < first.constant - 1:
                    raise self._refuse(part.expr, "gradc cannot tell how many terms it has", HOW_MANY)
                if last.constant - first.constant >= MAX_UNROLLED**2 or len(more) > MAX_UNROLLED**2:
                    raise Error(
                        "G0502", f"a {part.cls.__name__.lower()} has more than {MAX_UNROLLED**2:,} terms to write out",
                        help="let its index run over the elements of an array, as in `Sum(x[i], (i, 0, n - 1))`",
                    )  # fmt: skip
                more += [{**outer, symbol: k} for k in range(first.constant, last.constant + 1)]
            scopes = more
        demands = [self._within(part.args[0], inner) for inner in scopes]
        if part.cls is sympy.Sum:
            return demands, lambda found: added(found) if found else Phrase("0")
        return demands, lambda found: multiplied("", found, [])

    def _along_axes(
        self,
        part: Part,
        body: int,
        ranges: list[tuple[int, Linear, Linear]],
        counts: list[Linear],
        scope: Mapping[int, Binding],
        is_sum: bool,
    ) -> Plan:
        """The terms side by side in an array, and its sum: indices that occur become the last axes, the first limit
        the last one."""
        present = [k for k, (symbol, _, _) in enumerate(ranges) if symbol in self.uses[body]]
        absent = [counts[k] for k in range(len(ranges)) if k not in present]
        for first, last in ((first, last) for _, first, last in ranges):
            for at, _ in (*first.terms, *last.terms):
                if at not in self.sizes:
                    raise self._refuse(part.expr, "gradc cannot tell how many terms it has", HOW_MANY)
                self.counted[at] = part.expr
        inner: dict[int, Binding] = {}
        outer = False
        for symbol, bound in scope.items():
            if isinstance(bound, Axis):
                outer = True
                bound = Axis(bound.place + len(present), bound.first, bound.last)
            inner[symbol] = bound
        for depth, k in enumerate(present):
            symbol, first, last = ranges[k]
            inner[symbol] = Axis(depth, first, last)
        self.vectors = True
        axes = "" if not outer else f", axis={-1 if len(present) == 1 else list(range(-len(present), 0))}"
        names = self.sizes | self.numbers
        ends = [(inner[ranges[k][0]], ranges[k][2]) for k in present]
        inside = [
            f"{self._index_value(axis)} <= {last.text(names)}"
            for axis, last in ends
            if any(at in self.numbers for at, _ in last.terms)
        ]
        asked = {at: None for _, _, last in ranges for at, _ in last.terms if at in self.numbers}
        fits = " and ".join(f"{self.numbers[at]} <= {self.sizes[at]}" for at in asked)

        def build(found: list[Phrase]) -> Phrase:
            (term,) = found
            if inside:
                term = Phrase(f"where({' and '.join(inside)}, {term}, {0 if is_sum else 1})")
            times = [Phrase(count.text(names), ADD if count.terms and count.constant else ATOM) for count in absent]
            if is_sum:
                total = Phrase(f"sum({term}{axes})") if present else term
                total = multiplied("", [*times, total], []) if times else total
            else:
                total = Phrase(f"prod({term}{axes})") if present else term
                for count in times:
                    total = raised(total, count)
            return Phrase(f"where({fits}, {total}, nan)") if fits else total

        return [self._within(body, inner)], build

    def _index_value(self, bound: Binding) -> Phrase:
        """An index as a number, or as the array of its values."""
        if isinstance(bound, int):
            return signed(str(bound))
        text = Phrase(
            f"arange({bound.count.text(self.sizes)}){'[:' + ', None' * bound.place + ']' if bound.place else ''}"
        )
        if bound.first == Linear(0):
            return text
        first = bound.first.text(self.sizes)
        return Phrase(f"{text} + {first}", ADD)

    def indexed(self, place: int, part: Part, scope: Mapping[int, Binding]) -> Plan:
        base_place, *indices = part.args
        base = self.parts[base_place]
        if base.cls in (sympy.IndexedBase, sympy.MatrixSymbol):
            known: Base | None = self._base(base_place, len(indices))
            demands: list[Demand] = []
        else:
            known, demands = None, [self._within(base_place, scope)]
        found = [linear(self.parts, index, scope) for index in indices]
        simple = self._slices(part, known, found, scope)
        if simple is not None:
            return demands, lambda texts: Phrase(simple(known.name if known else texts[0].atom))
        for index in indices:
            self._mark_integers(index)
        rest = self._all(indices, scope)
        self._extend(part, known, found, scope)

        def build(texts: list[Phrase]) -> Phrase:
            name = known.name if known else texts[0].atom
            return Phrase(f"{name}[{', '.join(text.text for text in texts[len(demands) :])}]")

        return demands + rest, build

    def _mark_integers(self, place: int) -> None:
        """Arrays that stand in an index hold integers."""
        stack = [place]
        while stack:
            place = stack.pop()
            cls, args, _ = self.parts[place]
            if cls is sympy.Indexed and self.parts[args[0]].cls is sympy.IndexedBase:
                self._base(args[0], len(args) - 1).integer = True
            elif cls in (sympy.Symbol, sympy.Dummy, sympy.Idx):
                self.whole.add(place)
            elif cls in (sympy.Add, sympy.Mul):
                stack += args

    def _extend(
        self, part: Part, base: Base | None, found: list[Linear | None], scope: Mapping[int, Binding]
    ) -> list[tuple[Linear, Linear] | None]:
        """The first and the last index along each axis; an array without sizes is found to reach so far."""
        ends: list[tuple[Linear, Linear] | None] = []
        for axis, index in enumerate(found):
            if index is None:
                ends.append(None)
                continue
            first = last = index
            for symbol, bound in scope.items():
                if isinstance(bound, Axis) and symbol in dict(index.terms):
                    rising = dict(index.terms)[symbol] > 0
                    first = first.replace(symbol, bound.first if rising else bound.last)
                    last = last.replace(symbol, bound.last if rising else bound.first)
            ends.append((first, last))
            size_terms = last.terms
            if (
                base is not None
                and base.shape[axis] is None
                and size_terms
                and all(at in self.sizes for at, _ in size_terms)
            ):
                if last.constant >= 0 and len(size_terms) == 1:
                    size = self.sizes[size_terms[0][0]]
                    raise self._refuse(
                        part.expr, f"it goes to element {last.text(self.sizes)}, and SymPy counts elements from 0",
                        f"let the index run from 0 to {size} - 1, or give the size: `IndexedBase('x', shape=...)`",
                    )  # fmt: skip
                reach = base.reach[axis]
                if reach is None or reach.constant < last.constant:
                    base.reach[axis] = last
        return ends

    def _slices(
        self, part: Part, base: Base | None, found: list[Linear | None], scope: Mapping[int, Binding]
    ) -> Callable[[str], str] | None:
        """The elements by slices, where every index is fixed or moves along an axis of its own."""
        axes: list[int] = []
        items: list[tuple[int | None, Linear, Linear, int]] = []
        for index in found:
            if index is None:
                return None
            moving = [(at, count) for at, count in index.terms if isinstance(scope.get(at), Axis)]
            if any(at not in self.sizes for at, _ in index.terms if (at, _) not in moving):
                return None
            if not moving:
                items.append((None, index, index, 1))
                continue
            (symbol, count), *more = moving
            bound = scope[symbol]
            assert isinstance(bound, Axis)
            if more or count < 1 or bound.place in axes:
                return None
            if not index.replace(symbol, bound.first).terms and index.replace(symbol, bound.first).constant < 0:
                return None  # counts from the end, as an element does
            axes.append(bound.place)
            items.append((bound.place, index.replace(symbol, bound.first), index.replace(symbol, bound.last), count))
        ends = self._extend(part, base, found, scope)
        assert None not in ends
        order = sorted(axes, reverse=True)
        depth = order[0] if order else -1
        positions = {place: axes.index(place) for place in axes}
        names = self.sizes

        def build(name: str) -> str:
            plain = True
            written = []
            for axis, (place, first, last, step) in enumerate(items):
                if place is None:
                    written.append(first.text(names))
                    plain = False
                    continue
                stop = last.plus(Linear(1))
                size = None
                if base is not None:
                    reach = base.reach[axis]
                    size = base.shape[axis] or (Linear(0, reach.terms).text(names) if reach is not None else None)
                start = "" if first == Linear(0) else first.text(names)
                end = "" if stop.text(names) == size else stop.text(names)
                written.append(f"{start}:{end}" + (f":{step}" if step != 1 else ""))
                plain = plain and written[-1] == ":"
            text = name if plain or not items else f"{name}[{', '.join(written)}]"
            moved = [positions[place] for place in order]
            if moved != sorted(moved):
                text = f"{text}.T" if len(moved) == 2 else f"transpose({text}, {moved})"
            if depth + 1 > len(order):
                news = [":" if place in positions else "None" for place in range(depth, -1, -1)]
                text = f"{text}[{', '.join(news)}]"
            return text

        return build
