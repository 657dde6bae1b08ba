"""How a kernel gets its arguments and hands out its results: one array of 64-bit slots."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from gradc.ir.types import Type
from gradc.loops.ir import Allocate, Kernel, Product, Reshape, Return, Statement, View


class Status(IntEnum):
    """What a kernel returns; from 1 on it is the number of the error that it raises."""

    FINE = 0
    OUT_OF_MEMORY = -1
    INTERRUPTED = -2


@dataclass(frozen=True)
class Field:
    """An input or an output. A scalar has one slot with its value, an array a slot with its address; arrays that come
    in have a slot for the size of each axis behind it."""

    name: str
    dtype: str
    rank: int
    slot: int


@dataclass(frozen=True)
class Frame:
    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...]
    size: int
    """Slots in all."""

    @property
    def dims(self) -> int:
        """How many sizes the output arrays have together."""
        return sum(field.rank for field in self.outputs)


def frame_of(kernel: Kernel) -> Frame:
    """The frame of a kernel: its inputs, then its outputs."""
    slot = 0
    inputs = []
    for node in kernel.inputs:
        inputs.append(Field(node.name, node.type.dtype, node.type.rank, slot))
        slot += 1 + node.type.rank
    outputs = []
    last = kernel.body[-1]
    assert isinstance(last, Return)
    for name, value in last.values:
        type = kernel.arrays[value] if isinstance(value, str) else Type(value.dtype)
        outputs.append(Field(name, type.dtype, type.rank, slot))
        slot += 1
    return Frame(tuple(inputs), tuple(outputs), slot)


def direct_outputs(kernel: Kernel, frame: Frame) -> dict[str, Field]:
    """Output arrays that are made where the caller wants them. The others are copied at the end."""
    made: dict[str, Statement] = {}
    for statement in kernel.body:
        match statement:
            case Allocate() | Reshape():
                made[statement.array] = statement
            case Product(target=View(parts=parts)) if all(part is None for part in parts):
                made.setdefault(statement.target.array, statement)
    last = kernel.body[-1]
    assert isinstance(last, Return)
    found: dict[str, Field] = {}
    for field, (_, value) in zip(frame.outputs, last.values):
        if not isinstance(value, str):
            continue
        array = value
        while array not in found:
            maker = made.get(array)
            if maker is None:
                break
            found[array] = field
            if not isinstance(maker, Reshape) or maker.copied:
                break
            array = maker.source
    return found
