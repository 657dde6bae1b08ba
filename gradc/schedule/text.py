"""Schedules as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from gradc.ir.graph import topological
from gradc.ir.sizes import Size, renamed
from gradc.ir.types import DTYPES, Type
from gradc.loops.ir import Accumulator, Combine, Let, Load, Reshape, Return, Routine, Store
from gradc.schedule.costs import Cost, costs, described, kept
from gradc.schedule.nest import MatrixProduct, Nest, Over, OverTiles, Reduction, Repeat, RunningSums, Scan, Side, Step
from gradc.schedule.phrases import Phrases
from gradc.schedule.tasks import Schedule
from gradc.schedule.tiles import ROWS, TILE_ROWS


def schedule_text(
    plan: Schedule, nest: Nest, phrases: Phrases, sizes: Mapping[str, int] | None = None,
    segments: Mapping[Size, str] | None = None,
) -> str:  # fmt: skip
    """What each loop reduces, stores, reads and writes, and what that costs; what is saved, and what is computed again.
    Costs are formulas, or numbers where the sizes are known. `segments` has names for sizes."""
    named = segments or {}
    found = dict(costs(nest, {*plan.local}))
    texts = {step: described(cost if sizes else cost.named(named), sizes) for step, cost in found.items()}
    lines = [f"{name} = {_formula(size, named)}" for size, name in named.items()]
    lines += _loops(_named(nest, named), {step: f"costs {text}" for step, text in texts.items() if text}, named)
    if len(found) > 1:
        total = sum(found.values(), Cost())
        lines.append(f"in all: {described(total if sizes else total.named(named), sizes)}")
    for what, types in _temporary(plan).items():
        amount = kept(types)
        shown = str(amount.named(named)) if sizes is None else f"{amount.at({TILE_ROWS: ROWS, **sizes}):,}"
        lines.append(f"memory: {shown} bytes {what}")
    if not lines:
        count = sum(node.row.kind == "elementwise" for node in topological(plan.graph.results))
        lines.append(f"no loop: {count} operations on scalars")
    for node in plan.saved:
        slot = plan.stored[node]
        where = f"in the storage of {plan.aliases[slot]}" if slot in plan.aliases else "in an array of its own"
        if slot in plan.local:
            where = f"as {plan.local[slot].type(node.type)}, for one iteration"
        lines.append(f"saved: {phrases.of(node)}, {where}")
    for node in plan.stored:
        if node.row.kind == "reduction" and plan.stored[node] not in plan.local:
            lines.append(f"kept: {phrases.of(node)} of {node.type}, for a later loop")
    for node in plan.recomputed:
        lines.append(f"recomputed: {phrases.of(node)}, cheaper than saving it")
    return "\n".join(lines) + "\n"


def _temporary(plan: Schedule) -> dict[str, list[Type]]:
    """The types of the arrays beside inputs and results, by how long they live."""
    outputs = {name for name, _ in plan.graph.outputs}
    found: dict[str, list[Type]] = {}
    for slot, node in plan.slots.items():
        if slot in plan.local:
            found.setdefault("for an iteration", []).append(plan.local[slot].type(node.type))
        elif slot not in outputs and slot not in plan.aliases and node.op != "reshape":
            found.setdefault("in whole arrays", []).append(node.type)
    return found


def _formula(size: Size, named: Mapping[Size, str]) -> Size:
    """A formula in terms of others that have names."""
    return renamed(size, {other: name for other, name in named.items() if other != size})


def _named(nest: Nest, named: Mapping[Size, str]) -> Nest:
    """The nest with names for formulas in the shapes of its arrays."""
    arrays = {name: type.with_shape(tuple(renamed(s, named) for s in type.shape)) for name, type in nest.arrays.items()}
    return replace(nest, arrays=arrays)


def _output_names(nest: Nest) -> dict[Accumulator, str]:
    """The reductions that are outputs as they are."""
    outputs = (output for s in nest.body if isinstance(s, Return) for output in s.values)
    return {value: name for name, value in outputs if isinstance(value, Accumulator)}


def _loops(nest: Nest, costs: Mapping[Step, str], segments: Mapping[Size, str]) -> Iterator[str]:
    """The loops and matrix products, those of tiles indented, and what the outer ones cost."""
    names = _output_names(nest)
    number = 0

    def cost(step: Step) -> list[str]:
        return [f"  {costs[step]}"] if step in costs else []

    stack: list[tuple[Step, str]] = [(statement, "") for statement in reversed(nest.body)]
    while stack:
        statement, indent = stack.pop()
        match statement:
            case MatrixProduct() | Reshape() | RunningSums() | Scan() | Routine():
                yield f"{indent}{'tiles' if indent else 'whole arrays'} {_of_whole(statement, nest)}"
                yield from cost(statement)
            case Repeat():
                number += 1
                size = renamed(statement.step.size, segments)
                yield f"{indent}loop {number} over {size}, step by step{_way(statement)}"
                yield from (f"{indent}  {fact}" for fact in _facts_of_steps(statement, nest))
                yield from cost(statement)
                own = {node.name: node.type for node in statement.step.inputs}
                nest = replace(nest, arrays=nest.arrays | own)
                stack += [(inner, f"{indent}  ") for inner in reversed(statement.body)]
            case OverTiles():
                yield f"tiles of rows over {renamed(statement.size, segments)}"
                if statement.reductions:
                    yield f"  adds up {_reduced(statement.reductions, names)}"
                yield from cost(statement)
                stack += [(inner, "  ") for inner in reversed(statement.body)]
            case Over():
                number += 1
                yield f"{indent}loop {number} over {_size(statement, indent, segments)}"
                yield from (f"{indent}  {fact}" for fact in _loop_facts(statement, nest, names, indent, segments))
                yield from cost(statement)


def _way(repeat: Repeat) -> str:
    if repeat.ends is not None:
        return f" until {repeat.ends.name} holds"
    return " from the last to the first" + " that is taken" * bool(repeat.taken) if repeat.step.backwards else ""


def _facts_of_steps(repeat: Repeat, nest: Nest) -> Iterator[str]:
    """What a loop over steps carries from one to the next, reads row by row, and keeps of every step."""
    step, targets = repeat.step, repeat.targets
    registers = [state.name for state in step.states if not state.shape]
    arrays = [f"{state.name} of {state.type}" for state in step.states if state.shape]
    if registers:
        yield f"carries {', '.join(registers)} in registers"
    if arrays:
        yield f"carries {', '.join(arrays)}"
    rows = repeat.sources[len(step.states) : len(step.states) + len(step.rows)]
    if rows:
        yield f"reads the rows of {', '.join(map(str, rows))}"
    kept = [target for place, target in targets.items() if place >= len(step.states)]
    if kept:
        moved = sum(DTYPES[nest.arrays[str(target)].dtype].itemsize for target in kept)
        yield f"keeps {', '.join(map(str, kept))}: {moved} bytes an element"


def _reduced(reductions: Iterable[Reduction], names: dict[Accumulator, str]) -> str:
    """What is reduced: `max, 2 sum`."""
    described = Counter(
        reduction.op
        + (
            f" ({names[reduction.accumulator]})"
            if reduction.accumulator in names
            else f" ({reduction.slot})" * bool(reduction.slot)
        )
        for reduction in reductions
    )
    return ", ".join(f"{count} {what}" if count > 1 else what for what, count in described.items())


def _loop_facts(
    loop: Over, nest: Nest, names: dict[Accumulator, str], indent: str, segments: Mapping[Size, str]
) -> Iterator[str]:
    statements = [loop, *_inside(loop)]
    sizes = [_size(s, indent, segments) for s in statements if isinstance(s, Over)]
    if len(sizes) > 1:
        yield f"inner loops over {', '.join(sizes[1:])}"
    reductions = [reduction for s in statements if isinstance(s, Over) for reduction in s.reductions]
    if reductions:
        yield f"reduces {_reduced(reductions, names)}"
    for product in (s for s in statements if isinstance(s, MatrixProduct)):
        yield f"multiplies {_of_whole(product, nest)}"
    reads = _arrays(s.value for s in statements if isinstance(s, Let) and isinstance(s.value, Load))
    writes = _arrays(s for s in statements if isinstance(s, Store))
    adds = _arrays(s.target for s in statements if isinstance(s, Combine))
    for verb, arrays in (("reads", reads), ("writes", writes), ("adds into", adds)):
        if arrays:
            moved = sum(DTYPES[nest.arrays[array].dtype].itemsize for array in arrays)
            yield f"{verb} {', '.join(arrays)}: {moved} bytes an element"


def _arrays(accesses: Iterable) -> list[str]:
    return list(dict.fromkeys(access.array for access in accesses))


def _inside(loop: Over) -> Iterator[Step]:
    stack = list(reversed(loop.body))
    while stack:
        statement = stack.pop()
        yield statement
        if isinstance(statement, Over):
            stack += reversed(statement.body)


def _size(loop: Over, indent: str, segments: Mapping[Size, str]) -> str:
    """The size of a loop; inside tiles, what only a tile has is that of its rows."""
    return "tile.rows" if indent and loop.is_over_rows else str(renamed(loop.size, segments))


def _of_whole(step: MatrixProduct | Reshape | RunningSums | Scan | Routine, nest: Nest) -> str:
    """What is done to whole arrays, or to tiles of them."""
    match step:
        case MatrixProduct():
            product = f"{_side(step.left)} @ {_side(step.right)}"
            if step.batch:
                product += f", a batch over {', '.join(map(str, step.batch))}"
            if step.reduction is not None:
                return f"{step.array} += {product}"
            return f"{step.array}{_tile_of(step.rows)} = {product}"
        case Reshape():
            return f"{step.array} = {'a copy of ' * step.copied}{step.source} as {nest.arrays[step.array]}"
        case Routine():
            return f"{step.array} = {step.op} of {', '.join(step.sources)}"
        case Scan():
            return f"{step.array} = {step.op} of {', '.join(step.sources)}, {', '.join(map(str, step.attrs))}"
    way = "from the end " if step.backwards else ""
    return f"{step.array} = running sums {way}of {step.source} along axis {step.axis}"


def _side(side: Side) -> str:
    return "sparse " * side.absent + side.array + _tile_of(side.rows) + ".T" * side.transposed


def _tile_of(axis: int | None) -> str:
    """The part of an array that belongs to a tile: of its rows, or of its columns."""
    return "" if axis is None else "[tile]" if axis == 0 else "[:, tile]"
