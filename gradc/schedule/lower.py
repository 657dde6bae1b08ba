"""Lowering: ops that are no primitives of the kernels, written in terms of others."""

from __future__ import annotations

from collections.abc import Iterable

from gradc.frontends.template import instantiate
from gradc.ir.graph import Node, build, topological
from gradc.language.source import Span


def lower(results: Iterable[Node], spans: dict[Node, Span] | None = None) -> list[Node]:
    """The results with every op that has a `lowered` text replaced by it."""
    results = tuple(results)
    spans = {} if spans is None else spans
    new: dict[Node, Node] = {}
    for node in topological(results):
        args = tuple(new[arg] for arg in node.args)
        if node.row.lowered:
            bindings = dict(zip(node.row.params, args))
            if node.row.kind == "reduction":
                rank = args[0].type.rank
                lowered = instantiate(node.row.lowered, bindings, dtype=node.type.dtype, axes=node.attrs[0], rank=rank)
            else:
                lowered = instantiate(node.row.lowered, bindings, dtype=node.type.dtype)
            (new[node],) = lower((lowered,), spans)
        else:
            new[node] = node if args == node.args else build(node.op, args, node.attrs)
        if node in spans:
            spans.setdefault(new[node], spans[node])
    return [new[node] for node in results]
