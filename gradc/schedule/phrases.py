"""Values told in the words of the program."""

from __future__ import annotations

from gradc.ir.graph import Node


def phrase(node: Node) -> str:
    """A value by its op and arguments: `mul of x, exp`."""
    return f"{node.op} of {', '.join(arg.name if arg.op == 'input' else arg.op for arg in node.args)}"
