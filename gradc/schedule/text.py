"""Schedules and loops as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from gradc.ir.access import Affine
from gradc.ir.graph import topological
from gradc.ir.sizes import Size
from gradc.ir.types import DTYPES
from gradc.schedule.loops import (
    Accumulate,
    AddInto,
    Allocate,
    Apply,
    Carry,
    Cumulate,
    Demand,
    Expression,
    Extent,
    For,
    ForTiles,
    HandOn,
    Kernel,
    Let,
    Load,
    MatrixProduct,
    Number,
    Place,
    Position,
    Reshape,
    Return,
    Side,
    Statement,
    Store,
    StoreLast,
    Total,
    Variable,
)
from gradc.schedule.phrases import Phrases
from gradc.schedule.tasks import Schedule


def schedule_text(plan: Schedule, kernel: Kernel, phrases: Phrases) -> str:
    """What each loop reduces, stores, reads and writes; what is saved, and what is computed again."""
    lines = list(_loops(kernel))
    if not lines:
        count = sum(node.row.kind == "elementwise" for node in topological(plan.graph.results))
        lines.append(f"no loop: {count} operations on scalars")
    for node in plan.saved:
        slot = plan.stored[node]
        where = f"in the storage of {plan.aliases[slot]}" if slot in plan.aliases else "in an array of its own"
        if slot in plan.local:
            where = f"as {kernel.arrays[slot]}, for one iteration"
        lines.append(f"saved: {phrases.of(node)}, {where}")
    for node in plan.stored:
        if node.row.kind == "reduction" and plan.stored[node] not in plan.local:
            lines.append(f"kept: {phrases.of(node)} of {node.type}, for a later loop")
    for node in plan.recomputed:
        lines.append(f"recomputed: {phrases.of(node)}, cheaper than saving it")
    return "\n".join(lines) + "\n"


def _output_names(kernel: Kernel) -> dict[Total, str]:
    """The reductions that are outputs as they are."""
    outputs = (output for s in kernel.statements if isinstance(s, Return) for output in s.values)
    return {value: name for name, value in outputs if isinstance(value, Total)}


def _loops(kernel: Kernel) -> Iterator[str]:
    """The loops and matrix products, those of tiles indented."""
    names = _output_names(kernel)
    number = 0
    stack = [(statement, "") for statement in reversed(kernel.statements)]
    while stack:
        statement, indent = stack.pop()
        match statement:
            case MatrixProduct() | Reshape() | Cumulate():
                yield f"{indent}{'tiles' if indent else 'whole arrays'} {_statement(statement, _Names(kernel))}"
            case ForTiles():
                yield f"tiles of rows over {statement.size}"
                if statement.totals:
                    yield f"  adds up {_totals(statement.totals, names)}"
                stack += [(inner, "  ") for inner in reversed(statement.body)]
            case For():
                number += 1
                yield f"{indent}loop {number} over {statement.size}"
                yield from (f"{indent}  {fact}" for fact in _loop_facts(statement, kernel, names))


def _totals(totals: Iterable[Total], names: dict[Total, str]) -> str:
    """What is reduced: `max, 2 sum`."""
    described = Counter(
        total.op + (f" ({names[total]})" if total in names else f" ({total.slot})" if total.slot else "")
        for total in totals
    )
    return ", ".join(f"{count} {what}" if count > 1 else what for what, count in described.items())


def _loop_facts(loop: For, kernel: Kernel, names: dict[Total, str]) -> Iterator[str]:
    statements = [loop, *_inside(loop)]
    sizes = [str(s.size) for s in statements if isinstance(s, For)]
    if len(sizes) > 1:
        yield f"inner loops over {', '.join(sizes[1:])}"
    totals = [total for s in statements if isinstance(s, For) for total in s.totals]
    if totals:
        yield f"reduces {_totals(totals, names)}"
    reads = _arrays(s.value for s in statements if isinstance(s, Let) and isinstance(s.value, Load))
    writes = _arrays(s for s in statements if isinstance(s, Store))
    adds = _arrays(s for s in statements if isinstance(s, AddInto))
    for verb, arrays in (("reads", reads), ("writes", writes), ("adds into", adds)):
        if arrays:
            moved = sum(DTYPES[kernel.arrays[array].dtype].itemsize for array in arrays)
            yield f"{verb} {', '.join(arrays)}: {moved} bytes an element"


def _arrays(accesses: Iterable) -> list[str]:
    return list(dict.fromkeys(access.array for access in accesses))


def _inside(loop: For) -> Iterator[Statement]:
    stack = list(reversed(loop.body))
    while stack:
        statement = stack.pop()
        yield statement
        if isinstance(statement, For):
            stack += reversed(statement.body)


# ---------------------------------------------------------------- the loop IR


def loops_text(kernel: Kernel) -> str:
    """The statements, one a line."""
    names = _Names(kernel)
    lines = [f"kernel({', '.join(f'{node.name}: {node.type}' for node in kernel.inputs)})"]
    lines += [f"  check {check.left} {check.relation} {check.right}" for check in kernel.checks]
    lines += [f"  check indices {check.text} of {check.size}" for check in kernel.index_checks if not check.is_computed]
    stack: list[tuple[Statement, int]] = [(statement, 1) for statement in reversed(kernel.statements)]
    while stack:
        statement, indent = stack.pop()
        lines.append("  " * indent + _statement(statement, names))
        if isinstance(statement, For | ForTiles):
            stack += [(inner, indent + 1) for inner in reversed(statement.body)]
    return "\n".join(lines) + "\n"


def _statement(statement: Statement, names: _Names) -> str:
    match statement:
        case Let():
            return f"{names.of(statement)} = {names.show(statement.value)}"
        case Allocate():
            return f"allocate {statement.array}: {statement.type}{' of zeros' * statement.zeros}"
        case For():
            opened = _opened(statement.totals, names) + [f"carry {names.of(carry)}" for carry in statement.carries]
            return f"for {names.variable(statement.variable)} in {statement.size}" + _with(opened)
        case ForTiles():
            return f"for tiles of {statement.size}" + _with(_opened(statement.totals, names))
        case Store():
            return f"{names.element(statement.array, statement.index)} = {names.show(statement.value)}"
        case AddInto():
            return f"{names.element(statement.array, statement.index)} += {names.show(statement.value)}"
        case MatrixProduct():
            product = f"{_side(statement.left)} @ {_side(statement.right)}"
            if statement.total is not None:
                return f"{statement.total.slot} += {product}"
            return f"{statement.array}{_tile_of(statement.rows)} = {product}"
        case Reshape():
            return f"{statement.array} = {'a copy of ' * statement.copied}{statement.source} as {statement.type}"
        case Cumulate():
            way = "from the end " if statement.backwards else ""
            return f"{statement.array} = running sums {way}of {statement.source} along axis {statement.axis}"
        case HandOn():
            pairs = zip(statement.carries, statement.values)
            return "hand on " + ", ".join(f"{names.of(carry)} <- {names.show(value)}" for carry, value in pairs)
        case StoreLast():
            return f"{statement.array}[{statement.position}] = {names.of(statement.value)} if it is there"
        case Accumulate():
            at = f"[{names.index(statement.index)}]" if statement.index else ""
            return f"{statement.total.op} {names.of(statement.total)}{at} <- {names.show(statement.value)}"
        case Demand():
            return f"demand {names.show(statement.condition)}: {statement.message}"
        case Return():
            shown = ", ".join(
                f"{name} = {value if isinstance(value, str) else names.show(value)}" for name, value in statement.values
            )
            return f"return {shown}"


def _opened(totals: Iterable[Total], names: _Names) -> list[str]:
    return [f"{total.op} {names.of(total)}" for total in totals]


def _with(opened: list[str]) -> str:
    return f" with {', '.join(opened)}" if opened else ""


def _side(side: Side) -> str:
    return "sparse " * side.absent + side.array + _tile_of(side.rows) + ".T" * side.transposed


def _tile_of(axis: int | None) -> str:
    """The part of an array that belongs to a tile: of its rows, or of its columns."""
    return "" if axis is None else "[tile]" if axis == 0 else "[:, tile]"


class _Names:
    """Numbers for values in order of appearance: %0, %1, ...; loop variables i, j, k, ..."""

    def __init__(self, kernel: Kernel):
        self.kernel = kernel
        self.values: dict[Let | Total | Carry, str] = {}
        self.variables: dict[str, str] = {}

    def of(self, value: Let | Total | Carry) -> str:
        return self.values.setdefault(value, f"%{len(self.values)}")

    def variable(self, variable: str) -> str:
        return self.variables.setdefault(variable, f"i{len(self.variables)}")

    def show(self, value: Expression) -> str:
        match value:
            case Number():
                return repr(value.value)
            case Extent():
                return f"size({value.size})"
            case Position():
                return self._affine(value.at)
            case Variable():
                return value.name
            case Load():
                return self.element(value.array, value.index)
            case Apply():
                return f"{value.op}({', '.join(map(self.show, value.args))})"
        return self.of(value)

    def element(self, array: str, index: Place) -> str:
        return f"{array}[{self.index(index)}]"

    def index(self, index: Place) -> str:
        return ", ".join(map(self._affine, index))

    def _affine(self, at: Affine | Let) -> str:
        if isinstance(at, Let):
            return self.of(at)
        offset: Size = at.offset
        if at.var is None:
            return str(offset)
        scaled = self.variable(at.var) if at.step == 1 else f"{at.step} * {self.variable(at.var)}"
        return scaled if offset == 0 else f"{scaled} + {offset}"
