"""Where the inputs and outputs of a kernel lie in its frame."""

from __future__ import annotations

from gradc.ir.types import Type
from gradc.loops.ir import Allocate, Kernel, Product, Reshape, Return, Statement, View
from gradc.native.frame import Field, Frame


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
