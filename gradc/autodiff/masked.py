"""Arithmetic on cotangents and tangents with a mask: where there is a path, and where there is none.

Where nothing arrives a number zero would not do: a later partial may be infinite there, and zero times infinity is
NaN. So a cotangent carries its mask through products, sums and every linear op, and a part of an array stays what it
is: its scatter comes last. That is how the untaken side of `where`, the smaller side of `max`
and the elements that a slice leaves out cannot reach a gradient. Nor do the elements of a direction that are zero:
what does not move contributes nothing, whatever its slope.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf, nan
from typing import Any, NamedTuple

from gradc.ir.graph import Node, broadcast, build, cast, constant, iota, make, size_node
from gradc.ir.ops import MOVES, OPS, SCATTERS
from gradc.ir.sizes import Shape, Size, derive, shrink
from gradc.ir.types import Type
from gradc.language.record import dataclass


@dataclass(frozen=True)
class Scatter:
    """A part of an array of zeros: a `pad`, `put` or `put_along`, to be applied to what goes there."""

    op: str
    attrs: tuple[Any, ...]
    others: tuple[Node, ...]

    def of(self, node: Node) -> Node:
        return build(self.op, (node, *self.others), self.attrs)

    def gather(self, node: Node) -> Node:
        """The elements of an array that the part takes up."""
        transpose = OPS[self.op].transpose
        assert transpose is not None
        op, attrs = transpose(node.type, self.attrs)
        return build(op, (node, *self.others), attrs)

    def arrives(self, condition: Node | None, shape: Shape) -> Node | None:
        """Where in the whole something arrives, given where in the part, of this shape; None for everywhere."""
        if self.op != "pad":
            there = self.of(_indicator(condition, shape))
            return make("ne", there, constant(0.0, there.type))
        return inside(*self.attrs) if condition is None else self.of(condition)


class Masked(NamedTuple):
    """A cotangent or a tangent that arrives where `mask` holds (None: everywhere).

    The value means something where `guard` holds; where only the mask fails, it is zero already. With a scatter,
    value, mask and guard are those of the part. `left_out` tells whether it is the program that leaves something out,
    and not only a direction: what the program leaves out may be infinite.
    """

    value: Node
    mask: Node | None = None
    guard: Node | None = None
    scatter: Scatter | None = None
    left_out: bool = False
    steep: Node | None = None
    """Of what comes from the root of a smooth function: where it is infinite because the root's slope is, and for no
    other reason, so that a partial derivative of zero absorbs it."""

    @property
    def node(self) -> Node:
        """As a node: nothing, which is zero, where it does not arrive."""
        node = _masked(self.guard, self.value)
        return node if self.scatter is None else self.scatter.of(node)

    @property
    def filled(self) -> Node:
        """As a node with the number zero where it does not arrive: what adds nothing to a sum."""
        value = _filled(self.guard, self.value)
        return value if self.scatter is None else self.scatter.of(value)

    @property
    def whole(self) -> Masked:
        """The same without a scatter."""
        if self.scatter is None:
            return self
        return Masked(self.filled, self.scatter.arrives(self.mask, self.value.shape), left_out=True)


def direction(seed: Node) -> Masked:
    """What a caller gives as a cotangent or a tangent, or a linear function of that: its zeros contribute nothing."""
    return Masked(seed) if seed.op == "const" else Masked(seed, is_nonzero(seed))


def is_nonzero(node: Node) -> Node:
    return make("ne", node, constant(0.0, node.type))


def times(given: Masked, local: Node) -> Masked:
    """A cotangent or tangent multiplied by a partial derivative."""
    if given.mask is None and given.scatter is None and local.op != "mask" and local.type == given.value.type:
        return given._replace(value=_product(given, local))
    shape = given.value.shape if given.scatter is None else given.scatter.attrs[1]

    def met(node: Node) -> Node:
        """What meets it of a value, which may have fewer axes; a part meets a part."""
        whole = broadcast(node, shape)
        return whole if given.scatter is None else given.scatter.gather(whole)

    d = met(local.args[0]) if local.op == "mask" else None
    p = met(cast(local.args[1] if local.op == "mask" else local, given.value.type.dtype))
    condition = _both(given.mask, d)
    guard = _both(given.guard, d) if _is_finite_number(p) else condition
    left_out = given.left_out or d is not None
    return Masked(_product(given, p), condition, guard, given.scatter, left_out, given.steep)


def fading(given: Masked, local: Node) -> Masked:
    """The same for a slope that vanishes faster than whatever comes next grows: beyond its zeros there is nothing."""
    given = given.whole
    found = times(given, local)
    return found._replace(mask=_both(found.mask, is_nonzero(local)))


def _product(given: Masked, p: Node) -> Node:
    if given.steep is None or p.op == "const":
        return _scaled(given.value, p)
    p = make("where", given.steep, p, constant(nan, p.type))
    return make("absorb", p, given.value)


def _is_finite_number(p: Node) -> bool:
    """Whether zero times this is zero: a number, or one over a number."""
    if p.op == "div" and p.args[0].op == p.args[1].op == "const":
        return 0 < abs(p.args[1].value) < inf
    return p.op == "const" and abs(p.value) < inf


def _both(c: Node | None, d: Node | None) -> Node | None:
    if c is None or d is None or c is d:
        return d if c is None else c
    return make("and", c, d)


def _scaled(x: Node, p: Node) -> Node:
    """The product of two nodes, as few ops as it takes."""
    if p.op == "const" and abs(p.value) == 1.0:
        return x if p.value == 1.0 else make("neg", x)
    if x.op == "const" and x.value == 1.0:
        return p
    if p.op == "neg":
        return make("neg", _scaled(x, p.args[0]))
    if p.op == "div" and p.args[0].op == "const" and p.args[0].value in (1.0, -1.0):
        quotient = make("div", x, p.args[1])
        return quotient if p.args[0].value == 1.0 else make("neg", quotient)
    return make("mul", x, p)


def plus(left: Masked, right: Masked) -> Masked:
    """The sum of two cotangents, or of two tangents."""
    if left.steep is not None or right.steep is not None:
        left, right = left.whole, right.whole
        steep = make("and", *(is_finite(x.filled) if x.steep is None else x.steep for x in (left, right)))
        return plus(left._replace(steep=None), right._replace(steep=None))._replace(steep=steep)
    if left.scatter != right.scatter:
        left, right = left.whole, right.whole
    scatter, left_out = left.scatter, left.left_out or right.left_out
    (c, x), (d, y) = (left.mask, left.value), (right.mask, right.value)
    if c is None or d is None:
        return Masked(make("add", _masked(left.guard, x), _masked(right.guard, y)), scatter=scatter, left_out=left_out)
    if c is d and left.guard is right.guard:
        return Masked(make("add", x, y), c, left.guard, scatter, left_out)
    if _opposite(c, d) and left.guard is c and right.guard is d:
        return Masked(make("where", c, x, y), scatter=scatter, left_out=left_out)
    total = make("add", _filled(left.guard, x), _filled(right.guard, y))
    return Masked(total, make("or", c, d), scatter=scatter, left_out=left_out)


def is_finite(node: Node) -> Node:
    """The condition that values are finite."""
    return make("eq", make("sub", node, node), constant(0.0, node.type))


def _opposite(c: Node, d: Node) -> bool:
    return (c.op == "not" and c.args[0] is d) or (d.op == "not" and d.args[0] is c)


def _masked(guard: Node | None, value: Node) -> Node:
    return value if guard is None else make("mask", guard, value)


def _filled(guard: Node | None, value: Node) -> Node:
    return value if guard is None else make("where", guard, value, constant(0.0, value.type))


def _indicator(condition: Node | None, shape: Shape) -> Node:
    """One where a condition holds (None: everywhere), zero elsewhere."""
    one = constant(1.0, Type("f64", shape))
    return one if condition is None else _filled(condition, one)


# ---------------------------------------------------------------- linear ops


def apply_linear(op: str, given: Masked, attrs: tuple[Any, ...], others: tuple[Node, ...] = ()) -> Masked:
    """A linear op applied to a cotangent or a tangent; `others` are further arguments, such as indices."""
    if op in SCATTERS:
        return _scattered(given, Scatter(op, attrs, others))
    if op == "slice" and given.scatter is not None and given.scatter.op == "pad" and given.scatter.attrs[0] == attrs[0]:
        return given._replace(scatter=None)
    if given.steep is not None:
        found = apply_linear(op, given._replace(steep=None), attrs, others)
        if op in MOVES:
            return found._replace(steep=build(op, (given.steep, *others), attrs))
        if op == "sum":
            return found._replace(steep=make("all", given.steep, attrs=attrs))
        return found._replace(steep=_everywhere(given.steep, found.value.shape))
    given = given.whole
    c, left_out = given.mask, given.left_out
    if OPS[op].adds and c is is_nonzero(given.value):
        return direction(make(op, given.value, attrs=attrs))
    if op == "sum":
        return Masked(make("sum", given.filled, attrs=attrs), c and make("any", c, attrs=attrs), left_out=left_out)
    if op == "cumsum":
        return Masked(make("cumsum", given.filled, attrs=attrs), c and _cumulated(c, attrs), left_out=left_out)
    if op == "cast":
        return given._replace(value=build(op, (given.value,), attrs))
    value, condition, guard = (node and build(op, (node, *others), attrs) for node in (given.value, c, given.guard))
    assert value is not None
    return Masked(value, condition, guard, left_out=left_out)


def joined(node: Node, given: Sequence[Masked | None]) -> Masked:
    """The tangent of a join, given those of its arguments; None for one that does not move."""
    parts = [(arg, None if x is None else x.whole) for arg, x in zip(node.args, given)]
    value = _beside(node, [constant(0.0, arg.type) if x is None else x.filled for arg, x in parts])
    left_out = any(x is not None and x.left_out for _, x in parts)
    if all(x is None or x.mask is is_nonzero(x.value) for _, x in parts):
        return direction(value)._replace(left_out=left_out)
    mask = steep = None
    if any(x is None or x.mask is not None for _, x in parts):
        mask = _beside(
            node, [_condition(x is not None, arg) if x is None or x.mask is None else x.mask for arg, x in parts]
        )
    if any(x is not None and x.steep is not None for _, x in parts):
        zeros = [constant(0.0, arg.type) if x is None else x.filled for arg, x in parts]
        roots = [None if x is None else x.steep for _, x in parts]
        steep = _beside(node, [is_finite(zero) if one is None else one for zero, one in zip(zeros, roots)])
    return Masked(value, mask, None, None, left_out, steep)


def _beside(node: Node, args: Sequence[Node]) -> Node:
    return build(node.op, tuple(args), node.attrs)


def _condition(holds: bool, like: Node) -> Node:
    return constant(holds, like.type.with_dtype("bool"))


def recurred(a: Node, given: Masked, attrs: tuple[Any, ...]) -> Masked:
    """A recurrence with these factors, which is linear in what it adds."""
    given = given.whole
    c = given.mask
    return Masked(make("recur", a, given.filled, attrs=attrs), c and _cumulated(c, attrs), left_out=given.left_out)


def _everywhere(condition: Node, shape: Shape) -> Node:
    """Whether a condition holds for all elements, in another shape."""
    if condition.shape:
        condition = make("all", condition, attrs=(tuple(range(condition.type.rank)),))
    return broadcast(condition, shape)


def _scattered(given: Masked, scatter: Scatter) -> Masked:
    """A cotangent as a part of a larger array; slices of slices are one."""
    inner = given.scatter
    if inner is not None and inner.op == scatter.op == "pad":
        parts = tuple(_composed(*pair) for pair in zip(inner.attrs[0], scatter.attrs[0]))
        return given._replace(scatter=Scatter("pad", (parts, scatter.attrs[1]), ()))
    return given.whole._replace(scatter=scatter)


Part = tuple[Size, int, Size]
"""First index, step and length of the elements that a slice takes of an axis."""


def _composed(inner: Part, outer: Part) -> Part:
    first = derive("+", derive("*", inner[0], outer[1]), outer[0])
    return first, inner[1] * outer[1], inner[2]


def _cumulated(condition: Node, attrs: tuple[Any, ...]) -> Node:
    """Where a running sum has met an element that a condition holds for."""
    count = make("cumsum", _indicator(condition, condition.shape), attrs=attrs)
    return make("gt", count, constant(0.0, count.type))


def contract(given: Masked, other: Node, attrs: tuple[Any, ...], position: int) -> Masked:
    """A contraction of a cotangent, at a position, with a value. Where the program leaves it out a term adds nothing,
    even where the value is infinite: that is what a contraction means by a mask."""
    given = given.whole
    if given.steep is not None and attrs[2] == tuple(sorted({*attrs[0], *attrs[1]})):
        return times(*_aligned(given, other, attrs[position], attrs[1 - position], attrs[2]))
    side = _masked(given.guard or given.mask, given.value) if given.left_out else given.filled
    value = make("contract", *((side, other) if position == 0 else (other, side)), attrs=attrs)
    if given.mask is is_nonzero(given.value):
        return direction(value)
    arrives = given.mask and _projected(given.mask, attrs[position], attrs[2], value.shape)
    return Masked(value, arrives, left_out=given.left_out)


def _aligned(
    given: Masked, other: Node, own: tuple[int, ...], its: tuple[int, ...], labels: tuple[int, ...]
) -> tuple[Masked, Node]:
    """Both sides of a contraction that sums nothing, repeated to the shape of its result."""
    sizes = dict(zip(own + its, given.value.shape + other.shape))
    shape = tuple(sizes[label] for label in labels)

    def spread(node: Node, own: tuple[int, ...]) -> Node:
        order = sorted(range(len(own)), key=own.__getitem__)
        node = node if order == list(range(len(own))) else make("transpose", node, attrs=(tuple(order),))
        return broadcast(node, shape, tuple(labels.index(label) for label in sorted(own)))

    value, mask, guard, steep = (
        part and spread(part, own) for part in (given.value, given.mask, given.guard, given.steep)
    )
    assert value is not None
    return Masked(value, mask, guard, None, given.left_out, steep), spread(other, its)


def _projected(condition: Node, own: tuple[int, ...], labels: tuple[int, ...], shape: Shape) -> Node:
    """Where a contraction gets a term, given where one side has one."""
    summed = tuple(axis for axis, label in enumerate(own) if label not in labels)
    condition = make("any", condition, attrs=(summed,)) if summed else condition
    kept = tuple(label for label in own if label in labels)
    places = [labels.index(label) for label in kept]
    order = sorted(range(len(places)), key=places.__getitem__)
    if order != list(range(len(order))):
        condition = make("transpose", condition, attrs=(tuple(order),))
    return broadcast(condition, shape, tuple(sorted(places)))


def inside(parts: tuple[Part, ...], shape: Shape) -> Node | None:
    """Which elements of an array a slice takes; None for all of them."""
    found = None
    for axis, (part, size) in enumerate(zip(parts, shape)):
        position = iota(shape, axis)
        for condition in _bounds(position, part, size):
            found = _both(found, condition)
    return found


def _bounds(position: Node, part: Part, size: Size) -> Iterator[Node]:
    """The conditions under which a position is one of a part."""
    first, step, length = part
    if abs(step) == 1 and length == size:
        return

    def at(index: Size) -> Node:
        return broadcast(size_node(index, "i64"), position.shape)

    if step < 0:  # the same elements from the lowest on
        first, step = derive("+", first, derive("*", derive("-", length, 1), step)), -step
    if first != 0:
        yield make("ge", position, at(first))
    if not (step == 1 and isinstance(first, int) and length == shrink(size, first)):
        yield make("lt", position, at(derive("+", first, derive("*", length, step))))
    if step > 1:
        remainder = make("mod", make("sub", position, at(first)), at(step))
        yield make("eq", remainder, at(0))
