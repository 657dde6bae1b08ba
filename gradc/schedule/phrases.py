"""Values in words: the user's own text where there is some, otherwise an expression in gradc's language, cut short."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

from gradc.ir.graph import MAKERS, Node
from gradc.ir.ops import others
from gradc.ir.sizes import Size, derive
from gradc.language.parser import parse_expression
from gradc.language.source import Source, Span
from gradc.language.syntax import Binary, Call, Comparison, Expression, Index, Literal, Name, Slice, Transpose, Unary
from gradc.language.unparse import unparse

WIDTH = 60
"""The most characters of a phrase."""

MAX_OPS = 30
"""How many ops are tried for a place in a phrase."""

MAX_QUOTE = 30
"""The most characters of the user's text as a part of a phrase."""

LEFT_OUT = "..."

Way = tuple[int, ...]
"""The positions of arguments on the way from a value to a part of it."""

NOWHERE = Source("").whole


class Phrases:
    """What to call the values of a program. `spans` are the places in the text that they come from, `names` what the
    program calls them; outputs have names too."""

    def __init__(
        self,
        spans: Mapping[Node, Span] | None = None,
        names: Mapping[Node, str] | None = None,
        outputs: Iterable[tuple[str, Node]] = (),
    ):
        self.spans = spans or {}
        self.names = {node: name for name, node in outputs} | {**(names or {})}

    def of(self, node: Node) -> str:
        """A value on one line: `1/(1+exp(-z))`. Without a text of the user's it is written op by op, outer ones first,
        as far as there is room."""
        if node in self.names:
            return self.names[node]
        if node in self.spans:
            return self.spans[node].excerpt(WIDTH)
        shown: set[Way] = {()}
        text = unparse(self._written(node, (), shown))
        waiting = deque[tuple[Node, Way]]((arg, (k,)) for k, arg in enumerate(node.args))
        for _ in range(MAX_OPS):
            if not waiting:
                break
            part, way = waiting.popleft()
            longer = unparse(self._written(node, (), shown | {way}))
            if len(longer) <= WIDTH:
                text, shown = longer, shown | {way}
                waiting.extend((arg, (*way, k)) for k, arg in enumerate(part.args))
        return Source(text).whole.excerpt(WIDTH)

    def _part(self, node: Node, way: Way, shown: set[Way]) -> Expression:
        """A part of a phrase: what the program has a name or a short text for is told by that."""
        if node in self.names:
            return _name(self.names[node])
        if node in self.spans and node.args and way in shown:
            text = self.spans[node].text
            if len(text) <= MAX_QUOTE and "\n" not in text:
                return parse_expression(text)
        return self._written(node, way, shown)

    def _written(self, node: Node, way: Way, shown: set[Way]) -> Expression:
        """A value as an expression; of an op that is not shown only that there is something."""
        if node.op == "input":
            return _name(node.name)
        if node.op == "const":
            return _name(f"{node.value}".removesuffix(".0")) if node.value >= 0 else Literal(NOWHERE, node.value)
        if node.op == "table":
            return _name("a table")
        if node.op == "size":
            return _name(str(node.attrs[0]))
        if node.op == "iota":
            return _call("arange", _name(str(node.shape[node.attrs[0]])))
        if way not in shown:
            return _name(LEFT_OUT)
        args = [self._part(arg, (*way, k), shown) for k, arg in enumerate(node.args)]
        if node.op in MAKERS:
            return args[0]
        if node.op == "transpose" and node.attrs[0] == (1, 0):
            return Transpose(NOWHERE, args[0])
        if node.op == "slice":
            parts = zip(node.attrs[0], node.args[0].shape)
            return Index(NOWHERE, args[0], tuple(_part(part, size) for part, size in parts))
        if node.op == "take" and node.attrs[0] == 0:
            return Index(NOWHERE, args[0], (args[1],))
        if node.op == "contract":
            return _product(node, args)
        sign = node.row.sign
        if sign and len(args) == 1:
            return Unary(NOWHERE, sign, args[0])
        if sign and node.type.dtype == "bool" and node.args[0].type.dtype != "bool":
            return Comparison(NOWHERE, tuple(args), (sign,))
        if sign:
            return Binary(NOWHERE, sign, args[0], args[1])
        keywords = {}
        if node.row.kind == "reduction" and others(node.args[0].type.rank, node.attrs[0]):
            keywords["axis"] = ", ".join(map(str, node.attrs[0]))
        return _call(_function(node), *args, **keywords)


def _function(node: Node) -> str:
    """The function of the language that an op is."""
    return node.row.symbol if node.row.symbol.isidentifier() else node.op


def _name(text: str) -> Name:
    return Name(NOWHERE, text)


def _call(function: str, *args: Expression, **keywords: str) -> Call:
    named = tuple((_name(key), _name(value)) for key, value in keywords.items())
    return Call(NOWHERE, function, NOWHERE, args, named)


def _part(part: tuple[Size, int, Size], size: Size) -> Slice:
    """`first:stop:step`, without what goes without saying."""
    first, step, length = part
    stop = derive("+", first, derive("*", length, step)) if step > 0 else None
    return Slice(
        NOWHERE,
        None if first == 0 else _name(str(first)),
        None if stop is None or stop == size else _name(str(stop)),
        None if step == 1 else _name(str(step)),
    )


def _product(node: Node, args: list[Expression]) -> Expression:
    """A product of matrices, with the sides in order and turned."""
    x_labels, y_labels, labels = node.attrs
    if len(x_labels) != 2 or len(y_labels) != 2 or len(labels) != 2:
        return _call("einsum", *args)
    sides = list(zip((x_labels, y_labels), args))
    if labels[0] not in x_labels:
        sides.reverse()
    turned = [sides[0][0][0] != labels[0], sides[1][0][1] != labels[1]]
    left, right = (Transpose(NOWHERE, side) if turn else side for turn, (_, side) in zip(turned, sides))
    return Binary(NOWHERE, "@", left, right)
