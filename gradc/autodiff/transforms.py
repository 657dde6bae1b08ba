"""What can be compiled of a program: its value, or one of its derivatives."""

from __future__ import annotations

from collections.abc import Callable

from gradc.autodiff import matrices, taylor
from gradc.autodiff.adjoint import adjoint
from gradc.autodiff.families import Settle, many, many_size
from gradc.autodiff.matrices import MatrixBlock
from gradc.autodiff.tangent import second_tangent, tangent
from gradc.ir.graph import Graph, Node, constant, fresh, input_node
from gradc.language.record import dataclass


@dataclass(frozen=True)
class Transform:
    """A program seen as a function to compile: the value, or one of its derivatives.

    `build` takes the rewritten graph, the inputs to differentiate, and what rewrites a gradient of which a derivative
    is taken again; it gives the inputs it adds to the call and the outputs of the kernel.
    """

    name: str
    doc: str
    build: Callable[[Graph, tuple[Node, ...], Settle], tuple[tuple[Node, ...], tuple[tuple[str, Node], ...]]]
    blocks: Callable[[Graph, tuple[Node, ...], Settle], list[MatrixBlock]] | None = None
    """Those of the matrix that it gives too, behind the other outputs."""


def _value(graph: Graph, wrt: tuple[Node, ...], settle: Settle):
    return (), graph.outputs


def _value_and_grad(graph: Graph, wrt: tuple[Node, ...], settle: Settle):
    value = graph["value"]
    return (), (("value", value), *_named_bars(wrt, adjoint(value, wrt, constant(1.0, value.type))))


def _values_and_grad(graph: Graph, wrt: tuple[Node, ...], settle: Settle):
    value = graph["value"]
    return (), (*graph.outputs, *_named_bars(wrt, adjoint(value, wrt, constant(1.0, value.type))))


def _vjp(graph: Graph, wrt: tuple[Node, ...], settle: Settle):
    value = graph["value"]
    upstream = input_node(fresh("upstream", graph.input_names), value.type)
    return (upstream,), _named_bars(wrt, adjoint(value, wrt, upstream))


def _jvp(graph: Graph, wrt: tuple[Node, ...], settle: Settle):
    seeds = _tangent_inputs(graph, wrt)
    (value_dot,) = tangent(graph.results, seeds)
    return tuple(seeds.values()), (("value_dot", value_dot),)


def _hvp(graph: Graph, wrt: tuple[Node, ...], settle: Settle):
    value = graph["value"]
    bars = settle(adjoint(value, wrt, constant(1.0, value.type)))
    seeds = _tangent_inputs(graph, wrt)
    dots = second_tangent(bars, seeds)
    return tuple(seeds.values()), tuple((f"{node.name}_bar_dot", dot) for node, dot in zip(wrt, dots))


def _vjps(graph: Graph, wrt: tuple[Node, ...], settle: Settle):
    (upstream,), bars = _vjp(graph, wrt, settle)
    added, made = _for_many(graph, (upstream,), bars, settle)
    return added, graph.outputs + made


def _jvps(graph: Graph, wrt: tuple[Node, ...], settle: Settle):
    seeds, dots = _jvp(graph, wrt, settle)
    added, made = _for_many(graph, seeds, dots, settle)
    return added, graph.outputs + made


def _hvps(graph: Graph, wrt: tuple[Node, ...], settle: Settle):
    seeds, dots = _hvp(graph, wrt, settle)
    added, made = _for_many(graph, seeds, dots, settle)
    return added, _value_and_grad(graph, wrt, settle)[1] + made


def _for_many(graph: Graph, seeds: tuple[Node, ...], outputs: tuple[tuple[str, Node], ...], settle: Settle):
    """Outputs for many seeds at once, which come with one more axis."""
    size = many_size(graph)
    added = {
        seed: input_node(fresh(f"{seed.name}s", graph.input_names), seed.type.with_shape((size, *seed.shape)))
        for seed in seeds
    }
    made = many(added, [node for _, node in outputs], size, settle)
    return tuple(added.values()), tuple((f"{name}s", node) for (name, _), node in zip(outputs, made))


def _hessian_blocks(graph: Graph, wrt: tuple[Node, ...], settle: Settle):
    value = graph["value"]
    bars = settle(adjoint(value, wrt, constant(1.0, value.type)))
    return matrices.hessian(graph, wrt, bars, settle)


def _gauss_newton(graph: Graph, wrt: tuple[Node, ...], settle: Settle):
    value = graph["value"]
    return (), (("value", value), *_named_bars(wrt, adjoint(value, wrt, value)))


def _diagonal(graph: Graph, wrt: tuple[Node, ...], settle: Settle):
    value = graph["value"]
    bars = settle(adjoint(value, wrt, constant(1.0, value.type)))
    found = matrices.diagonal(graph, wrt, bars, settle)
    second = tuple((f"{node.name}_bar_dot", each) for node, each in zip(wrt, found))
    return (), (*_value_and_grad(graph, wrt, settle)[1], *second)


def _named_bars(wrt: tuple[Node, ...], bars: list[Node]) -> tuple[tuple[str, Node], ...]:
    return tuple((f"{node.name}_bar", bar) for node, bar in zip(wrt, bars))


def _tangent_inputs(graph: Graph, wrt: tuple[Node, ...]) -> dict[Node, Node]:
    return {node: input_node(fresh(f"{node.name}_dot", graph.input_names), node.type) for node in wrt}


TRANSFORMS = {
    transform.name: transform
    for transform in (
        Transform("value", "the value", _value),
        Transform("value_and_grad", "the value and the gradients", _value_and_grad),
        Transform("values", "all results", _value),
        Transform("values_and_grad", "all results, and the gradients of one", _values_and_grad),
        Transform("vjp", "the vector-Jacobian product", _vjp),
        Transform("jvp", "the Jacobian-vector product", _jvp),
        Transform("hvp", "the Hessian-vector product", _hvp),
        Transform("vjps", "the value and vector-Jacobian products for many vectors", _vjps),
        Transform("jvps", "the value and Jacobian-vector products for many vectors", _jvps),
        Transform("hvps", "the value, the gradients and Hessian-vector products for many vectors", _hvps),
        Transform("jacobian_forward", "the value and the Jacobian, by tangents", _value, matrices.forward),
        Transform("jacobian_backward", "the value and the Jacobian, by cotangents", _value, matrices.backward),
        Transform("gauss_newton", "the value, J.T @ value and J.T @ J", _gauss_newton, matrices.gauss_newton),
        Transform("diagonal", "the value, the gradients and the diagonal of the Hessian", _diagonal),
        Transform("hessian", "the value, the gradients and the Hessian", _value_and_grad, _hessian_blocks),
    )
}
"""What can be compiled of a program, by name."""

WHOLE = "whole_"
"""What precedes the name of a transform of a matrix whose blocks come with their zeros, and on both sides."""

DERIVATIVES = "derivatives"
"""What the transforms are called that give derivatives up to an order, which follows."""


def transform_named(name: str) -> Transform:
    """A transform by its name."""
    if name.startswith(WHOLE):
        return _whole(TRANSFORMS[name.removeprefix(WHOLE)])
    if not name.startswith(DERIVATIVES):
        return TRANSFORMS[name]
    order = int(name.removeprefix(DERIVATIVES))

    def build(graph: Graph, wrt: tuple[Node, ...], settle: Settle):
        dots = taylor.derivatives(graph["value"], wrt[0], order)
        return (), (("value", graph["value"]), *((f"value_dot{k}", dot) for k, dot in enumerate(dots, 1)))

    return Transform(name, f"the value and its derivatives up to order {order}", build)


def whole(name: str) -> str:
    """The transform that gives a matrix whole."""
    return WHOLE + name


def _whole(compact: Transform) -> Transform:
    """The same with all elements of all blocks."""

    def build(graph: Graph, wrt: tuple[Node, ...], settle: Settle):
        assert compact.blocks is not None
        extra, outputs = compact.build(graph, wrt, settle)
        blocks = compact.blocks(graph, wrt, settle)
        if compact.name.startswith("jacobian"):
            made = matrices.whole_row(blocks, graph["value"].shape, wrt)
        else:
            made = matrices.whole_square(blocks, wrt)
        return extra, (*outputs, *made)

    return Transform(whole(compact.name), f"{compact.doc}, whole", build)
