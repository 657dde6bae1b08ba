"""Arithmetic on cotangents and tangents that remembers where there is no path.

`gate(c, v)` says that v arrives where c holds and that nothing arrives elsewhere. A number zero would not do:
a later partial may be infinite there, and zero times infinity is NaN. So gates stay outermost: a product,
a sum or a movement of gated values is again a gated value. That is how the untaken side of `where`, and the
smaller side of `max`, cannot reach a gradient.
"""

from __future__ import annotations

from gradc.ir.graph import Node, broadcast, build, cast, constant, make


def split(node: Node) -> tuple[Node | None, Node]:
    """The condition under which a value arrives (None: always), and the value."""
    return node.args if node.op == "gate" else (None, node)  # type: ignore[return-value]


def gated(condition: Node | None, value: Node) -> Node:
    return value if condition is None else make("gate", condition, value)


def times(flow: Node, local: Node) -> Node:
    """A cotangent or tangent multiplied by a partial derivative."""
    local = cast(broadcast(local, flow.shape), flow.type.dtype)
    (c, x), (d, p) = split(flow), split(local)
    condition = c if d is None or c is d else d if c is None else make("and", c, d)
    return gated(condition, _product(x, p))


def _product(x: Node, p: Node) -> Node:
    if p.op == "const" and p.value in (1.0, -1.0):
        return x if p.value == 1.0 else make("neg", x)
    if x.op == "const" and x.value == 1.0:
        return p
    if p.op == "neg":
        return make("neg", _product(x, p.args[0]))
    if p.op == "div" and p.args[0].op == "const" and p.args[0].value in (1.0, -1.0):
        quotient = make("div", x, p.args[1])
        return quotient if p.args[0].value == 1.0 else make("neg", quotient)
    return make("mul", x, p)


def plus(left: Node, right: Node) -> Node:
    """The sum of two cotangents, or of two tangents."""
    (c, x), (d, y) = split(left), split(right)
    if c is None or d is None:
        return make("add", left, right)
    if c is d:
        return gated(c, make("add", x, y))
    if _opposite(c, d):
        return make("where", c, x, y)
    zero = constant(0.0, x.type)
    return gated(make("or", c, d), make("add", make("where", c, x, zero), make("where", d, y, zero)))


def _opposite(c: Node, d: Node) -> bool:
    return (c.op == "not" and c.args[0] is d) or (d.op == "not" and d.args[0] is c)


def moved(op: str, flow: Node, attrs: tuple, others: tuple[Node, ...] = ()) -> Node:
    """A linear op applied to a cotangent or a tangent; `others` are further arguments, such as indices."""
    c, x = split(flow)
    if others or op == "cumsum":
        return build(op, (_filled(flow), *others), attrs)
    if c is None:
        return build(op, (x,), attrs)
    if op == "cast":
        return gated(c, build(op, (x,), attrs))
    if op == "sum":
        return gated(make("any", c, attrs=attrs), make("sum", make("where", c, x, constant(0.0, x.type)), attrs=attrs))
    return gated(build(op, (c,), attrs), build(op, (x,), attrs))


def product(left: Node, right: Node, labels: tuple) -> Node:
    """A contraction of a cotangent or a tangent with a value. Where there is no path, zero is what adds nothing."""
    return make("contract", *(_filled(side) for side in (left, right)), attrs=labels)


def _filled(flow: Node) -> Node:
    c, x = split(flow)
    return x if c is None else make("where", c, x, constant(0.0, x.type))
