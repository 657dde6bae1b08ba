"""Losses over labels: whole numbers from 0 on, one for each row of scores."""

from __future__ import annotations

from gradc.construct.builder import GraphBuilder, as_integers
from gradc.construct.calls import CallArguments
from gradc.construct.describe import operands
from gradc.construct.indexing import checked
from gradc.construct.joined import Listed, whole
from gradc.construct.reductions import along
from gradc.ir.graph import Node, broadcast, constant, make, squeeze
from gradc.language.diagnostics import Error


def softmax_cross_entropy(call: CallArguments) -> Node:
    """The mean over the rows of `logsumexp(s) - s_y`."""
    scores, chosen = _chosen(call)
    builder = call.builder
    total = builder.reduce("logsumexp", scores, (scores.type.rank - 1,))
    return _mean(builder, builder.elementwise("sub", total, chosen))


def multiclass_hinge(call: CallArguments) -> Node:
    """The mean over the rows of the sum of `max(0, s_j - s_y + margin)` over the classes j that are not y."""
    scores, chosen = _chosen(call)
    builder, zero = call.builder, constant(0.0)
    margin = call.array("margin") if "margin" in call.given else constant(1.0)
    last = (scores.type.rank - 1,)
    apart = builder.elementwise("sub", scores, along(chosen, scores, last))
    hinges = builder.extreme("maximum", zero, builder.elementwise("add", apart, margin, span=call.site.span))
    own = builder.extreme("maximum", zero, margin)
    return _mean(builder, builder.elementwise("sub", builder.reduce("sum", hinges, last), own))


def _mean(builder: GraphBuilder, x: Node) -> Node:
    return builder.elementwise("div", builder.reduce("sum", x), builder.reduce("count", x))


def _chosen(call: CallArguments) -> tuple[Node, Node]:
    """The scores, and of each row that of its label."""
    builder = call.builder
    (scores,) = builder.numbers((call.array("scores"),))
    given = call.given["labels"]
    labels = whole(builder, given) if isinstance(given, Listed) else call.array("labels")
    if labels.is_constant:
        labels = as_integers(labels) or labels
    rank = scores.type.rank
    if rank == 0:
        raise Error("G0202", f"`{call.written}` takes arrays of scores", call.span("scores"), label="this is a number")
    if labels.type.rank != rank - 1:
        help = "labels have the shape of the scores without their last axis"
        if labels.type.rank == rank:
            help = f"one-hot labels are turned into numbers by `argmax({_named(call)}, axis={rank - 1})`"
            if labels.shape[-1] == 1:
                help = f"`squeeze({_named(call)}, {rank - 1})` is without the last axis"
        raise Error(
            "G0201", f"`{call.written}` takes one label for each row of scores", call.span("labels"),
            label=operands((labels, scores)), help=help,
        )  # fmt: skip
    for own, size in zip(labels.shape, scores.shape):
        builder.equal_sizes(own, size, (scores, labels), call.span("labels"))
    wide = broadcast(labels, (*labels.shape, 1), tuple(range(rank - 1)))
    index = checked(builder, wide, scores.shape[-1], call.span("labels"), from_end=False)
    return scores, squeeze(make("take_along", scores, index, attrs=(rank - 1,)), (rank - 1,))


def _named(call: CallArguments) -> str:
    span = call.span("labels")
    return span.text if span is not None and len(span.text) <= 20 else "y"
