"""Where everything in the picture of a program stands: gates, inputs, wires and labels, in pixels.

Each column has room for labels before its gates and, where values are used more than once, behind them: there wires
run level and alone. Between the columns is a channel, where wires change their height and may cross.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from gradc.show.gates import Argument, Gate, Gates, TracedStep
from gradc.show.labels import NOTHING, Label, label, text_width
from gradc.show.layout import LANE, Footprint, Layout, layered
from gradc.show.table import abbreviated

MARGIN, TITLE_HEIGHT = 26.0, 46.0
SYMBOL_SIZE, NAME_SIZE, LABEL_SIZE, TITLE_SIZE = 14.0, 14.0, 12.0, 14.0
GATE_HEIGHT = 36.0
GAP = 6.0
"""Between a wire and the label on either side of it."""
APART = 9.0
"""Between the labels of neighbouring wires, or anything else in a column, at least half of it on each side."""
TITLE_LINE = 19.0
CHANNEL = (34.0, 190.0)
"""The narrowest channel and the widest."""
SLOPE = 0.42
"""How wide a channel is for each pixel that its wires climb."""

Point = tuple[float, float]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""

ROUND_APART = 9.0
"""Between the ways of states from the end of a step to its beginning."""

NEXT = "next "
"""Before the names of states where they leave a step."""

RESULT = ""
"""The invisible vertex that the result flows to. No gate and no input is called so."""


@dataclass(frozen=True)
class Mark:
    """Value and gradient of a wire: `x` is their middle, `y` the wire's height."""

    x: float
    y: float
    value: Label
    gradient: Label
    source: str
    target: str
    port: int
    """The number of the argument; -1 for all the wires that leave a value together."""
    about: str = ""

    @property
    def boxes(self) -> list[Box]:
        """What value and gradient cover."""
        found = []
        for shown, below in ((self.value, False), (self.gradient, True)):
            if shown is not NOTHING:
                half, tall = shown.width(LABEL_SIZE) / 2, shown.height(LABEL_SIZE)
                top = self.y + GAP if below else self.y - GAP - tall
                found.append((self.x - half, top, self.x + half, top + tall))
        return found


@dataclass(frozen=True)
class Piece:
    """Part of the wires that leave one value: level pieces, and bends between two points."""

    source: str
    start: Point
    end: Point


@dataclass(frozen=True)
class Drawing:
    """A picture: `gates` and `inputs` by name, with the boxes they fill."""

    width: float
    height: float
    title: str
    gates: dict[str, tuple[Gate, Box]]
    inputs: dict[str, Box]
    pieces: tuple[Piece, ...]
    forks: tuple[Point, ...]
    marks: tuple[Mark, ...]
    end: Point | None
    """Where the wire of the result ends; None in a step of a loop."""
    rounds: tuple[Round, ...] = ()
    """The ways of states from the end of a step to the beginning of the next one."""
    nexts: dict[str, Box] = field(default_factory=dict)
    """What states are called where they leave a step."""


@dataclass(frozen=True)
class Round:
    """The way of a state, from a point on the right to one on the left, far below everything else."""

    start: Point
    end: Point
    below: float
    sides: tuple[float, float]
    """Where it goes down on the right, and up on the left."""


@dataclass(frozen=True)
class _Wire:
    source: str
    target: str
    port: int
    value: Label
    gradient: Label
    about: str = ""

    @property
    def width(self) -> float:
        return max(self.value.width(LABEL_SIZE), self.gradient.width(LABEL_SIZE))


def drawing(trace: Gates, title: str) -> Drawing:
    """Places for everything that the picture of a trace shows."""
    return _Draughtsman(trace).drawn(title)


class _Draughtsman:
    def __init__(self, trace: Gates):
        self.gates = {f"[{gate.number}]": gate for gate in trace}
        self.ends = {wire.target: wire for wire in _results(trace)}
        self.wires = [*self._wires(trace.gates), *self.ends.values()]
        self.arriving: dict[str, list[_Wire]] = {}
        self.leaving: dict[str, list[_Wire]] = {}
        for wire in self.wires:
            self.arriving.setdefault(wire.target, []).append(wire)
            self.leaving.setdefault(wire.source, []).append(wire)
        self.inputs = [name for name in self.leaving if name not in self.gates]
        self.trunks = {name: _trunk(trace, wires) for name, wires in self.leaving.items() if len(wires) > 1}
        vertices = [*self.inputs, *self.gates, *self.ends]
        self.extents = {name: self._extent(name) for name in vertices}
        self.widths = {name: self._width(name) for name in vertices}
        edges = [(wire.source, wire.target, wire.port) for wire in self.wires]
        states = {_shown(name) for name in self.ends if name != RESULT}
        self.layout: Layout = layered(vertices, edges, self.extents, states & set(self.inputs))
        self.columns = max(self.layout.column.values()) + 1

    def _wires(self, gates: Sequence[Gate]) -> Iterator[_Wire]:
        for gate in gates:
            for port, argument in enumerate(gate.arguments):
                shown = label(argument.value), label(argument.product)
                yield _Wire(argument.name, f"[{gate.number}]", port, *shown, _about(argument, gate))

    # ------------------------------------------------------------ sizes

    def _extent(self, name: str) -> Footprint:
        ports = _ports(self.arriving.get(name, ()))
        half = self._half_height(name)
        above = below = half + APART * 0.75
        for at, wire in zip(ports, self.arriving.get(name, ())):
            above = max(above, -at + _above(wire) + APART / 2)
            below = max(below, at + _below(wire) + APART / 2)
        if name in self.trunks:
            above = max(above, _above(self.trunks[name]) + APART / 2)
            below = max(below, _below(self.trunks[name]) + APART / 2)
        return Footprint(above, below, ports)

    def _half_height(self, name: str) -> float:
        if name not in self.gates:
            return NAME_SIZE / 2 + 3 if name != RESULT else 0.0
        ports = _ports(self.arriving.get(name, ()))
        return (ports[-1] - ports[0] if ports else 0.0) / 2 + GATE_HEIGHT / 2

    def _width(self, name: str) -> float:
        if name in self.gates:
            return max(GATE_HEIGHT, text_width(self.gates[name].gate, SYMBOL_SIZE) + 22)
        return text_width(_shown(name), NAME_SIZE) + 12 if name != RESULT else 0.0

    # ------------------------------------------------------------ places

    def drawn(self, title: str) -> Drawing:
        lines = title.split("\n")
        top = TITLE_HEIGHT + TITLE_LINE * (len(lines) - 1) + 12
        self.height = {key: at + top for key, at in self.layout.height.items()}
        self._place_columns()
        pieces, forks = self._routes()
        boxes = {name: self._box(name) for name in self.widths}
        end = (self.left[-1], self.height[RESULT]) if RESULT in self.ends else None
        marks = tuple(self._marks(boxes, end))
        lowest = [box[3] for box in boxes.values()] + [box[3] for mark in marks for box in mark.boxes]
        lanes = [self.height[key] + LANE.below for key in self.height if isinstance(key, tuple)]
        rounds = tuple(self._rounds(boxes, max(lowest + lanes)))
        right = end[0] if end is not None else max(box[2] for box in boxes.values())
        return Drawing(
            max(right + MARGIN, 2 * MARGIN + max(text_width(line, TITLE_SIZE) for line in lines)),
            max([*lowest, *lanes, *(each.below for each in rounds)]) + MARGIN,
            title,
            {name: (gate, boxes[name]) for name, gate in self.gates.items()},
            {name: boxes[name] for name in self.inputs},
            tuple(pieces),
            tuple(forks),
            marks,
            end,
            rounds,
            {_shown(name): boxes[name] for name in self.ends if name != RESULT},
        )

    def _rounds(self, boxes: dict[str, Box], lowest: float) -> Iterator[Round]:
        """The ways of states back to where the next step begins, one below the other."""
        pairs = [(name, _shown(name)) for name in self.ends if name != RESULT and _shown(name) in self.inputs]
        apart = min(ROUND_APART, (MARGIN - 8) / max(len(pairs), 1))
        right, left = (pick(box[side] for box in boxes.values()) for pick, side in ((max, 2), (min, 0)))
        for k, (name, state) in enumerate(pairs):
            (_, top, end, bottom), (begin, over, _, under) = boxes[name], boxes[state]
            sides = right + 4 + k * apart, left - 4 - k * apart
            yield Round((end, (top + bottom) / 2), (begin, (over + under) / 2), lowest + 12 + k * ROUND_APART, sides)

    def _place_columns(self) -> None:
        """`left` and `right` of each column, where its channels end, and the `middle` of its gates."""
        before, wide, behind = ([0.0] * self.columns for _ in range(3))
        for name, k in self.layout.column.items():
            wide[k] = max(wide[k], self.widths[name])
        for name, k in self.layout.column.items():
            spare = (wide[k] - self.widths[name]) / 2
            for wire in self.arriving.get(name, ()):
                before[k] = max(before[k], wire.width + 12 - spare)
            if name in self.trunks:
                behind[k] = max(behind[k], self.trunks[name].width + 14 - spare)
        channels = self._channels()
        self.left, self.middle, self.right = [], [], []
        at = MARGIN
        for k in range(self.columns):
            self.left.append(at)
            self.middle.append(at + before[k] + wide[k] / 2)
            self.right.append(at + before[k] + wide[k] + behind[k])
            at = self.right[-1] + (channels[k] if k + 1 < self.columns else 0.0)
        if RESULT in self.ends:
            self.left[-1] = self.middle[-1]

    def _channels(self) -> list[float]:
        """How wide each channel is: by what its wires climb."""
        climbs = [0.0] * self.columns
        for source, k, targets in self._spans():
            for _, at in targets:
                climbs[k] = max(climbs[k], abs(at - self._height_at(source, k)))
        narrow, widest = CHANNEL
        return [min(max(narrow, SLOPE * climb + 16), widest) if climb > 0.5 else 16.0 for climb in climbs]

    def _height_at(self, source: str, column: int) -> float:
        """How high the wire of a value lies where it leaves a column."""
        own = self.layout.column[source]
        return self.height[source if column == own else (source, column)]

    def _spans(self) -> Iterator[tuple[str, int, list[tuple[str, float]]]]:
        """For each channel that the wires of a value cross: where they go, and how high that is."""
        for source, wires in self.leaving.items():
            by_column: dict[int, list[tuple[str, float]]] = {}
            for wire in wires:
                at = self.height[wire.target] + self.extents[wire.target].ports[wire.port]
                by_column.setdefault(self.layout.column[wire.target], []).append((wire.target, at))
            last = max(by_column)
            for k in range(self.layout.column[source], last):
                onward = [("", self.height[source, k + 1])] if k + 1 < last else []
                yield source, k, by_column.get(k + 1, []) + onward

    def _box(self, name: str) -> Box:
        x, y = self.middle[self.layout.column[name]], self.height[name]
        half, tall = self.widths[name] / 2, self._half_height(name)
        return x - half, y - tall, x + half, y + tall

    def _routes(self) -> tuple[list[Piece], list[Point]]:
        pieces, forks = [], []
        for source, k, targets in self._spans():
            y = self._height_at(source, k)
            own = self.layout.column[source] == k
            start = self._box(source)[2] if own else self.left[k]
            pieces.append(Piece(source, (start, y), (self.right[k], y)))
            if len(targets) > 1:
                forks.append((self.right[k], y))
            for target, at in targets:
                pieces.append(Piece(source, (self.right[k], y), (self.left[k + 1], at)))
                if target or self.layout.column.get(RESULT) == k + 1:
                    pieces.append(Piece(source, (self.left[k + 1], at), (self._box(target)[0], at)))
        return [piece for piece in pieces if piece.end[0] - piece.start[0] > 1e-6], forks

    # ------------------------------------------------------------ labels

    def _marks(self, boxes: dict[str, Box], end: Point | None) -> Iterator[Mark]:
        for wire in self.wires:
            y = self.height[wire.target] + self.extents[wire.target].ports[wire.port]
            x = (end[0] if end is not None and wire.target == RESULT else boxes[wire.target][0]) - 6 - wire.width / 2
            yield Mark(x, y, wire.value, wire.gradient, wire.source, wire.target, wire.port, wire.about)
        for name, trunk in self.trunks.items():
            x = boxes[name][2] + 5 + trunk.width / 2
            yield Mark(x, self.height[name], trunk.value, trunk.gradient, name, "", -1, trunk.about)


def _results(trace: Gates) -> Iterator[_Wire]:
    """The wire of the result; of a step of a loop those of the states as they leave it."""
    if not isinstance(trace, TracedStep):
        yield _Wire(trace.result, RESULT, 0, label(trace.value), label(trace.upstream), "the result")
        return
    for state in trace.states:
        about = f"{state.name} for the next step: {abbreviated(state.value)}"
        yield _Wire(state.source, NEXT + state.name, 0, label(state.value), label(state.gradient), about)


def _shown(name: str) -> str:
    return name.removeprefix(NEXT)


def _trunk(trace: Gates, wires: Sequence[_Wire]) -> _Wire:
    """What stands where a value leaves for several gates: the value, and the sum of the gradients that come back."""
    name, parts = wires[0].source, [wire.gradient.text for wire in wires if wire.gradient is not NOTHING]
    total = trace.gradient_of(name)
    shown = NOTHING if total is None or not parts else label(total)
    about = f"{trace.called(name)}: {abbreviated(trace.value_of(name))}"
    if shown is not NOTHING:
        shown = replace(shown, text=f"Σ {shown.text}")
        about += f"; the gradients of its {len(parts)} uses add up to {abbreviated(total)}"
    return _Wire(name, "", -1, wires[0].value, shown, about)


def _about(argument: Argument, gate: Gate) -> str:
    """What a wire tells the reader who points at it."""
    about = f"{argument.name} to [{gate.number}]: {abbreviated(argument.value)}"
    return about if argument.product is None else f"{about}; gradient {abbreviated(argument.product)}"


def _above(wire: _Wire) -> float:
    return GAP + wire.value.height(LABEL_SIZE)


def _below(wire: _Wire) -> float:
    return GAP + wire.gradient.height(LABEL_SIZE) if wire.gradient is not NOTHING else GAP


def _ports(wires: Sequence[_Wire]) -> tuple[float, ...]:
    """Where the wires meet their gate, above and below its middle: as far apart as their labels need."""
    if not wires:
        return ()
    down = [0.0]
    for upper, lower in pairwise(wires):
        down.append(down[-1] + max(_below(upper) + APART + _above(lower), 2 * LANE.below))
    return tuple(at - down[-1] / 2 for at in down)
