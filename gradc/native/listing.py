"""Kernels as their readers see them: LLVM's language, or the processor's, with the program's own names in comments."""

from __future__ import annotations

import re

from gradc.language.diagnostics import Error
from gradc.native import target
from gradc.native.frame import Field
from gradc.native.kernel import Machine


def llvm_text(machine: Machine) -> str:
    """The kernel as it is handed to LLVM."""
    return f"{_head(machine, ';')}{machine.kernel}\n"


def assembly_text(machine: Machine) -> str:
    """The kernel's instructions for this processor. Raises `Error` G0604 where LLVM knows no such processor."""
    if not target.is_possible():
        raise Error("G0604", "LLVM has no instructions for this machine", help="print the stage llvm, or python")
    name, _ = target.host()
    loops = "".join(f"# {line.strip(' ;')}\n" for line in machine.kernel.splitlines() if LOOP in line)
    names = _names_in_blocks(machine.kernel)
    lines = []
    functions = ["kernel", *SHARED.findall(machine.kernel)]
    for line in "".join(target.assembly(machine.text, functions)).splitlines():
        lines.append(line)
        block = BLOCK_LABEL.search(line)
        if block and block[1] in names:
            lines.append(f"# computes {', '.join(names.pop(block[1]))}")
    return "\n".join([f"{_head(machine, '#')}# processor: {name}\n{loops}{lines[0]}", *lines[1:], ""])


SHARED = re.compile(r"^define i64 @(loop\d+)\(", re.MULTILINE)
"""How the function for the chunks of a loop begins."""
LOOP = "; the loop for"
"""What the comment of a loop begins with."""
BLOCK_LABEL = re.compile(r"# %([\w.]+)$")
"""How LLVM's assembly refers to a block of the kernel."""


def _names_in_blocks(kernel: str) -> dict[str, list[str]]:
    """What the program calls the values that each block computes or stores."""
    found: dict[str, dict[str, None]] = {}
    block = "entry"
    for line in kernel.splitlines():
        if line.endswith(":"):
            block = line[:-1]
        elif line.startswith("  ; ") and LOOP not in line:
            found.setdefault(block, {})[line[4:]] = None
    return {block: list(names) for block, names in found.items()}


def _head(machine: Machine, comment: str) -> str:
    """What the slots of the frame hold."""
    frame = machine.frame
    lines = [f"byte {8 * field.slot} of the frame: {_held(field, 'input')}" for field in frame.inputs]
    lines += [f"byte {8 * field.slot} of the frame: {_held(field, 'output')}" for field in frame.outputs]
    return "".join(f"{comment} {line}\n" for line in lines)


def _held(field: Field, what: str) -> str:
    if not field.rank:
        return f"{what} {field.name}, {field.dtype}"
    sizes = f", and its {field.rank} size{'s' * (field.rank > 1)}" if what == "input" else ""
    return f"the address of {what} {field.name}, {field.dtype}{sizes}"
