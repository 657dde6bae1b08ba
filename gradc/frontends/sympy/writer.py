"""Graphs as SymPy expressions: an array is written by its elements, a reduction as a sum over an index."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import sympy

from gradc.frontends.sympy.functions import CONSTANTS, EXPRESSIONS, NAMES
from gradc.ir.graph import Graph, Node, as_padded, numbers_of, topological
from gradc.ir.sizes import Derived, Size
from gradc.language.diagnostics import Error

Expression = Any
Indices = tuple[Expression, ...]
Demand = tuple[Node, Indices]
"""An element of an array: the node, and an index for each of its axes."""

Plan = tuple[list[Demand], Callable[[list[Expression]], Any]]
"""What an element needs, and what makes it of that: an expression, or a further plan."""

MAX_EVALUATED = 2_000
"""The most nodes for which SymPy may order and simplify sums and products; larger expressions stay as written."""

MAX_ELEMENTS = 10_000
"""The most elements of an array that are written out one by one."""

MAX_DEMANDS = 1_000_000

MAX_EXTREME = 64
"""The most elements that `max` and its like are written for."""

MAX_BITS = 2_000
"""The longest numerator or denominator; longer ones become floats."""

MAX_DENOMINATOR = 1_000
"""Floats that are the nearest ones to such a fraction are written as it is."""

SHORT = 8
"""Numbers of so many letters are written as decimals."""

INDICES = "ijklpqrs"

OPS = {
    "betainc": lambda a, b, x: sympy.betainc_regularized(a, b, 0, x),
    "betaincc": lambda a, b, x: 1 - sympy.betainc_regularized(a, b, 0, x),
    "betaln": lambda a, b: sympy.log(sympy.beta(a, b)),
    "ceil": sympy.ceiling,
    "erfcinv": sympy.erfcinv,
    "floor": sympy.floor,
    "floordiv": lambda x, y: sympy.floor(x / y),
    "gammainc": lambda a, x: sympy.lowergamma(a, x) / sympy.gamma(a),
    "gammaincc": lambda a, x: sympy.uppergamma(a, x) / sympy.gamma(a),
    "i0": lambda x: sympy.besseli(0, x),
    "i0e": lambda x: sympy.exp(-sympy.Abs(x)) * sympy.besseli(0, x),
    "i1": lambda x: sympy.besseli(1, x),
    "i1e": lambda x: sympy.exp(-sympy.Abs(x)) * sympy.besseli(1, x),
    "ive": lambda v, x: sympy.exp(-sympy.Abs(x)) * sympy.besseli(v, x),
    "j0": lambda x: sympy.besselj(0, x),
    "j1": lambda x: sympy.besselj(1, x),
    "k0": lambda x: sympy.besselk(0, x),
    "k0e": lambda x: sympy.exp(x) * sympy.besselk(0, x),
    "k1": lambda x: sympy.besselk(1, x),
    "k1e": lambda x: sympy.exp(x) * sympy.besselk(1, x),
    "kve": lambda v, x: sympy.exp(x) * sympy.besselk(v, x),
    "mod": sympy.Mod,
    "ndtri": lambda p: sympy.sqrt(2) * sympy.erfinv(2 * p - 1),
    "sqrt": sympy.sqrt,
    "trunc": lambda x: sympy.sign(x) * sympy.floor(sympy.Abs(x)),
    "y0": lambda x: sympy.bessely(0, x),
    "y1": lambda x: sympy.bessely(1, x),
}
"""Ops that are written otherwise than `check` needs them, or that it does not need."""


def expression_of(graph: Graph, symbols: Mapping[str, Any]) -> Expression:
    """The value of a graph in SymPy. `symbols` are those of inputs that have other ones than their names.

    A number is an expression; an array of known sizes a matrix or an `Array`; of other sizes a `MatrixExpr` where it
    is a product or sum of matrices, and otherwise an `ArrayComprehension` of its elements.
    """
    return _Writer(graph, symbols).run()


def latex_of(expr: Expression) -> str:
    """An expression in SymPy's LaTeX, which calls itself for every level."""
    try:
        if isinstance(expr, sympy.tensor.array.ArrayComprehension):
            limits = r",\; ".join(
                rf"{sympy.latex(i)} = {sympy.latex(a)}, \ldots, {sympy.latex(b)}" for i, a, b in expr.limits
            )
            return rf"\left({sympy.latex(expr.function)}\right)_{{{limits}}}"
        return str(sympy.latex(expr))
    except RecursionError:
        raise Error(
            "G0502", "the expression is nested too deeply for SymPy's LaTeX", help="print a part of the program"
        ) from None


class _Writer:
    def __init__(self, graph: Graph, symbols: Mapping[str, Any]):
        self.graph = graph
        self.symbols = symbols
        self.uses: Counter[Node] = Counter()
        """How often a node is an argument."""
        self.heights: dict[Node, int] = {}
        """How many sums are nested in a node."""
        self.depth = 0
        taken = {name for node in graph.inputs for name in (node.name, *map(str, node.shape))}
        self.letters = [letter for letter in INDICES if letter not in taken]
        self.large = False

    def run(self) -> Expression:
        (result,) = as_padded([self.graph["value"]])
        order = topological((result,))
        self.large = len(order) > MAX_EVALUATED
        for node in order:
            self.uses.update(node.args)
            below = max((self.heights[arg] for arg in node.args), default=0)
            self.heights[node] = below + (len(_summed(node)) if node.op != "cumsum" else 1)
        self.depth = self.heights[result] + result.type.rank
        if not result.shape:
            return self.elements([(result, ())])[0]
        sizes = [size_of(size) for size in result.shape]
        whole = [int(size) for size in sizes if isinstance(size, sympy.Integer)]
        has_matrices = any(isinstance(symbol, sympy.MatrixSymbol) for symbol in self.symbols.values())
        is_known = len(whole) == len(sizes) and math.prod(whole) <= MAX_ELEMENTS
        if len(sizes) == 2 and (has_matrices or not is_known):
            matrix = self.matrix(result)
            if matrix is not None:
                return matrix
        if is_known:
            found = self.elements([(result, tuple(map(sympy.Integer, place))) for place in _places(whole)])
            if len(sizes) == 2:
                return sympy.ImmutableMatrix(*whole, found)
            return sympy.ImmutableDenseNDimArray(found, tuple(whole))
        indices = tuple(self.index(self.depth - 1 - axis) for axis in range(len(sizes)))
        (element,) = self.elements([(result, indices)])
        limits = [(index, 0, size - 1) for index, size in zip(indices, sizes)]
        return sympy.tensor.array.ArrayComprehension(element, *limits)

    def index(self, height: int) -> Expression:
        """The index of a sum over others of this height; the outermost one has the first letter."""
        k = self.depth - 1 - height
        return sympy.Symbol(self.letters[k] if k < len(self.letters) else f"i_{k}", integer=True)

    # ------------------------------------------------------------ whole matrices

    def matrix(self, result: Node) -> Expression | None:
        """A matrix as a `MatrixExpr`; None where it is more than products, sums and transposes."""
        found: dict[Node, Expression] = {}
        for node in topological((result,)):
            args: list[Any] = [found.get(arg) for arg in node.args]
            made: Expression | None = None
            if node.op == "input" and node.type.rank in (0, 2):
                made = self.symbols.get(node.name) or (
                    sympy.MatrixSymbol(node.name, *map(size_of, node.shape)) if node.shape else sympy.Symbol(node.name)
                )
            elif node.op == "const":
                made = number(node.value)
            elif node.op == "broadcast" and not node.args[0].shape:
                made = args[0]
            elif None in args:
                return None
            elif node.op == "transpose":
                made = args[0].T
            elif node.op == "contract" and node.attrs == ((0, 1), (1, 2), (0, 2)):
                made = args[0] * args[1]
            elif node.op == "mul" and not (args[0].is_Matrix and args[1].is_Matrix):
                made = args[0] * args[1]
            elif node.op == "mul":
                made = sympy.hadamard_product(*args)
            elif node.op in ("add", "sub") and args[0].is_Matrix and args[1].is_Matrix:
                made = args[0] + args[1] if node.op == "add" else args[0] - args[1]
            elif node.op == "neg":
                made = -args[0]
            elif node.op == "div" and not args[1].is_Matrix:
                made = args[0] / args[1]
            if made is None:
                return None
            found[node] = made
        return found[result] if found[result].is_Matrix else None

    # ------------------------------------------------------------ elements

    def elements(self, wanted: list[Demand]) -> list[Expression]:
        """Elements of arrays, and numbers, as expressions; whatever they share is made once."""
        made: dict[Demand, Expression] = {}
        opened: set[Demand] = set()
        stack: list[tuple[Demand, Plan | None]] = []
        stack += [(demand, None) for demand in wanted]
        while stack:
            demand, plan = stack.pop()
            if demand in made:
                continue
            if plan is None:
                if demand in opened:
                    continue
                opened.add(demand)
                if len(opened) > MAX_DEMANDS:
                    raise Error(
                        "G0502", f"the SymPy expression would have more than {MAX_DEMANDS:,} parts",
                        help="ask for that of a part of the program",
                    )  # fmt: skip
                plan = self.plan(*demand)
            needs, build = plan
            if any(need not in made for need in needs):
                stack.append((demand, plan))
                stack += [(need, None) for need in needs if need not in made]
                opened.difference_update(need for need in needs if need not in made)
                continue
            with np.errstate(all="ignore"):
                found = build([made[need] for need in needs])
            if isinstance(found, tuple):  # what is needed next was not known before
                stack.append((demand, found))
                continue
            made[demand] = found = shortened(found)
            hash(found)  # SymPy's own way goes down to the leaves; with every part's known, it is one step
        return [made[demand] for demand in wanted]

    def plan(self, node: Node, at: Indices) -> Plan:
        maker = MAKERS.get(node.op)
        if maker is not None:
            return maker(self, node, at)
        if node.row.kind == "elementwise":
            return self.elementwise(node, at)
        raise none(node)

    def elementwise(self, node: Node, at: Indices) -> Plan:
        op = node.op
        if op in ("add", "sub", "neg", "mul", "div"):
            return self.chain(node, at)
        function = OPS.get(op) or EXPRESSIONS.get(op) or getattr(sympy, NAMES.get(op, op), None)
        if function is None or op in ("round",):
            raise none(node)
        needs = [(arg, at) for arg in node.args]

        def build(found: list[Expression]) -> Expression:
            if op == "power":
                return self.power(*found)
            conditions = [truth(x) for x in found[: node.row.conditions]]
            args = [*conditions, *found[node.row.conditions :]]
            if self.large and op in NAMES and len(args) == 1:
                return sympy.Basic.__new__(function, *args)
            if any(isinstance(x, sympy.Rational) and abs(x.p) > 1000 for x in args) and op in NAMES:
                return function(*args, evaluate=False)
            return function(*args)

        return needs, build

    def power(self, base: Expression, exponent: Expression) -> Expression:
        if isinstance(exponent, sympy.Float):
            exponent = fraction(float(exponent)) or exponent
        if isinstance(base, sympy.Number) and isinstance(exponent, sympy.Number) and abs(exponent) > 64:
            return number(float(np.float64(base) ** np.float64(exponent)))
        if not self.large:
            return base**exponent
        made = sympy.Basic.__new__(sympy.Pow, base, exponent)
        made.is_commutative = True
        return made

    def chain(self, node: Node, at: Indices) -> Plan:
        """Sums of sums, or products of products, that nobody else uses, as one sum or product."""
        sums = ("add", "sub", "neg")
        kind = sums if node.op in sums else ("mul", "div")
        leaves: list[tuple[Node, bool]] = []
        stack = [(node, False)]
        while stack:
            part, inverse = stack.pop()
            if part.op in kind and (part is node or self.uses[part] < 2):
                args = list(part.args)
                turned = [inverse, inverse != (part.op in ("sub", "div"))] if len(args) == 2 else [not inverse]
                stack += list(zip(args, turned))[::-1]
            else:
                leaves.append((part, inverse))
        is_sum = kind is sums

        def build(found: list[Expression]) -> Expression:
            if is_sum:
                terms = [self.product([-1, x]) if inverse else x for x, (_, inverse) in zip(found, leaves)]
                return self.sum(terms)
            factors = [self.power(x, sympy.S.NegativeOne) if inverse else x for x, (_, inverse) in zip(found, leaves)]
            return self.product(factors)

        return [(leaf, at) for leaf, _ in leaves], build

    def sum(self, terms: Sequence[Expression]) -> Expression:
        if not self.large:
            return sympy.Add(*terms)
        return sympy.Add._from_args(list(terms), is_commutative=True)

    def product(self, factors: Sequence[Any]) -> Expression:
        factors = [sympy.Integer(factor) if factor == -1 else factor for factor in factors]
        if not self.large:
            return sympy.Mul(*factors)
        return sympy.Mul._from_args(factors, is_commutative=True)

    # ------------------------------------------------------------ leaves

    def input(self, node: Node, at: Indices) -> Plan:
        symbol = self.symbols.get(node.name)
        if not at:
            return [], lambda found: symbol if symbol is not None else sympy.Symbol(node.name)
        if isinstance(symbol, list | tuple | sympy.Tuple | sympy.MatrixBase | sympy.NDimArray):
            if all(isinstance(index, sympy.Integer) for index in at):
                return [], lambda found: element(symbol, [int(index) for index in at])
            symbol = None
        if isinstance(symbol, sympy.MatrixSymbol):
            return [], lambda found: symbol[at]
        if not isinstance(symbol, sympy.IndexedBase):
            symbol = sympy.IndexedBase(node.name, shape=tuple(map(size_of, node.shape)))
        return [], lambda found: symbol[at]

    def constant(self, node: Node, at: Indices) -> Plan:
        return [], lambda found: number(node.value)

    def size(self, node: Node, at: Indices) -> Plan:
        return [], lambda found: size_of(node.attrs[0])

    def iota(self, node: Node, at: Indices) -> Plan:
        return [], lambda found: at[node.attrs[0]]

    def table(self, node: Node, at: Indices) -> Plan:
        places = product(*map(range, node.shape))  # type: ignore[arg-type]
        cases = [
            (number(value), sympy.And(*[sympy.Eq(k, place) for k, place in zip(at, index)]))
            for index, value in zip(places, numbers_of(node))
        ]
        return [], lambda found: sympy.Piecewise(*cases)

    # ------------------------------------------------------------ movement

    def cast(self, node: Node, at: Indices) -> Plan:
        def build(found: list[Expression]) -> Expression:
            (x,) = found
            return sympy.Piecewise((1, x), (0, True)) if node.args[0].type.dtype == "bool" else x

        return [(node.args[0], at)], build

    def moved(self, node: Node, at: Indices) -> Plan:
        attrs, rank = node.attrs, node.args[0].type.rank
        if node.op == "broadcast":
            inner = tuple(at[dim] for dim in attrs[1])
        elif node.op == "transpose":
            inner = tuple(at[attrs[0].index(axis)] for axis in range(rank))
        elif node.op == "squeeze":
            given = iter(at)
            inner = tuple(sympy.S.Zero if axis in attrs[0] else next(given) for axis in range(rank))
        else:  # a slice
            inner = tuple(size_of(first) + step * index for index, (first, step, _) in zip(at, attrs[0]))
        return [(node.args[0], inner)], lambda found: found[0]

    def pad(self, node: Node, at: Indices) -> Plan:
        """The element, where there is one; zero elsewhere."""
        inner, conditions = [], []
        for index, (first, step, length) in zip(at, node.attrs[0]):
            place = sympy.Integer(1) * (index - size_of(first)) / step
            conditions += [sympy.Ge(place, 0), sympy.Le(place, size_of(length) - 1)]
            if step != 1:
                conditions.append(sympy.Eq(place, sympy.floor(place)))
            inner.append(place)
        inside = sympy.And(*conditions)
        if inside is sympy.false:
            return [], lambda found: sympy.S.Zero

        def build(found: list[Expression]) -> Expression:
            return found[0] if inside is sympy.true else sympy.Piecewise((found[0], inside), (0, True))

        return [(node.args[0], tuple(inner))], build

    def reshape(self, node: Node, at: Indices) -> Plan:
        source = [size_of(size) for size in node.args[0].shape]
        flat: Expression = sympy.S.Zero
        for index, size in zip(at, map(size_of, node.shape)):
            flat = flat * size + index
        inner: list[Expression] = []
        for axis in range(len(source) - 1, -1, -1):
            inner.append(sympy.Mod(flat, source[axis]) if axis else flat)
            flat = sympy.floor(flat / source[axis])
        return [(node.args[0], tuple(inner[::-1]))], lambda found: found[0]

    def cumsum(self, node: Node, at: Indices) -> Plan:
        axis, backwards = node.attrs
        index = self.index(self.heights[node] - 1)
        last = size_of(node.shape[axis]) - 1
        limits = (index, at[axis], last) if backwards else (index, 0, at[axis])
        inner = (*at[:axis], index, *at[axis + 1 :])
        return [(node.args[0], inner)], lambda found: sympy.Sum(found[0], limits)

    # ------------------------------------------------------------ reductions and products

    def reduced(self, node: Node, at: Indices) -> Plan:
        (x,) = node.args
        axes = node.attrs[0]
        given = iter(at)
        if node.op in EXTREMES:
            sizes = [x.shape[axis] for axis in axes]
            whole = [size for size in sizes if isinstance(size, int)]
            if len(whole) < len(sizes) or not 0 < math.prod(whole) <= MAX_EXTREME:
                raise none(node)
            needs = []
            kept = [None if axis in axes else next(given) for axis in range(x.type.rank)]
            for place in _places(whole):
                at_place = iter(place)
                needs.append((x, tuple(sympy.Integer(next(at_place)) if k is None else k for k in kept)))
            return needs, lambda found: EXTREMES[node.op](*found)
        indices = self.indices(node, len(axes))
        at_index = iter(indices)
        inner = tuple(next(at_index) if axis in axes else next(given) for axis in range(x.type.rank))
        limits = [(index, 0, size_of(x.shape[axis]) - 1) for index, axis in zip(indices, axes)]
        return [(x, inner)], lambda found: SERIES[node.op](found[0], limits[::-1])

    def indices(self, node: Node, count: int) -> list[Expression]:
        return [self.index(self.heights[node] - count + k) for k in range(count)]

    def contract(self, node: Node, at: Indices) -> Plan:
        x_labels, y_labels, labels = node.attrs
        x, y = node.args
        known = dict(zip(labels, at))
        sizes = dict(zip(y_labels, y.shape)) | dict(zip(x_labels, x.shape))
        summed = _summed(node)
        known |= dict(zip(summed, self.indices(node, len(summed))))
        limits = [(known[label], 0, size_of(sizes[label]) - 1) for label in summed]
        needs = [(x, tuple(known[label] for label in x_labels)), (y, tuple(known[label] for label in y_labels))]

        def build(found: list[Expression]) -> Expression:
            product = self.product(found)
            return sympy.Sum(product, *limits) if limits else product

        return needs, build

    def taken(self, node: Node, at: Indices) -> Plan:
        """An element at an index that another array holds."""
        x, index = node.args
        (axis,) = node.attrs
        if node.op == "take":
            count = index.type.rank
            before, chosen, behind = at[:axis], at[axis : axis + count], at[axis + count :]
        else:
            before, chosen, behind = at[:axis], at, at[axis + 1 :]
        return [(index, chosen)], lambda found: ([(x, (*before, found[0], *behind))], lambda value: value[0])


def _summed(node: Node) -> tuple[Any, ...]:
    """The axes or labels that a node sums over."""
    if node.op == "contract":
        x_labels, y_labels, labels = node.attrs
        return tuple(dict.fromkeys(label for label in (*x_labels, *y_labels) if label not in labels))
    return node.attrs[0] if node.row.kind == "reduction" and node.op not in EXTREMES else ()


EXTREMES: dict[str, Callable[..., Expression]] = {
    "all": lambda *xs: sympy.And(*map(truth, xs)),
    "any": lambda *xs: sympy.Or(*map(truth, xs)),
    "max": sympy.Max,
    "min": sympy.Min,
}

SERIES: dict[str, Callable[[Expression, list], Expression]] = {
    "logsumexp": lambda body, limits: sympy.log(sympy.Sum(sympy.exp(body), *limits)),
    "norm": lambda body, limits: sympy.sqrt(sympy.Sum(body**2, *limits)),
    "prod": lambda body, limits: sympy.Product(body, *limits),
    "sum": lambda body, limits: sympy.Sum(body, *limits),
}

MAKERS: dict[str, Callable[[_Writer, Node, Indices], Plan]] = {
    **dict.fromkeys((*EXTREMES, *SERIES), _Writer.reduced),
    **dict.fromkeys(("broadcast", "transpose", "squeeze", "slice"), _Writer.moved),
    **dict.fromkeys(("take", "take_along"), _Writer.taken),
    "cast": _Writer.cast,
    "const": _Writer.constant,
    "contract": _Writer.contract,
    "cumsum": _Writer.cumsum,
    "input": _Writer.input,
    "iota": _Writer.iota,
    "pad": _Writer.pad,
    "reshape": _Writer.reshape,
    "size": _Writer.size,
    "table": _Writer.table,
}


# ---------------------------------------------------------------- numbers, sizes and places


def number(value: float) -> Expression:
    """A number as its author may have written it, which is the same float again."""
    if isinstance(value, bool):
        return sympy.true if value else sympy.false
    if value != value:
        return sympy.nan
    if value in (math.inf, -math.inf):
        return sympy.oo if value > 0 else -sympy.oo
    if float(value).is_integer() and abs(value) <= 2**53:
        return sympy.Integer(int(value))
    for name, constant in {"Pi": math.pi, **CONSTANTS}.items():
        if abs(value) == constant:
            named = getattr(sympy.S, name)
            return named if value > 0 else -named
    if len(repr(value)) <= SHORT:
        return sympy.Float(value)
    return fraction(value) or sympy.Float(value)


def fraction(value: float) -> Expression | None:
    """A fraction of small numbers to which the float is the nearest."""
    if not 1e-3 <= abs(value) <= 1e3:
        return None
    near = Fraction(value).limit_denominator(MAX_DENOMINATOR)
    return sympy.Rational(near.numerator, near.denominator) if float(near) == value else None


def shortened(expr: Expression) -> Expression:
    """A number whose digits have grown beyond use, as a float."""
    if isinstance(expr, sympy.Rational) and max(expr.p.bit_length(), expr.q.bit_length()) > MAX_BITS:
        try:
            return sympy.Float(expr.p / expr.q)
        except OverflowError:
            return sympy.oo if expr > 0 else -sympy.oo
    return expr


def truth(expr: Expression) -> Expression:
    """A condition."""
    return expr if isinstance(expr, sympy.logic.boolalg.Boolean) and not expr.is_symbol else sympy.Ne(expr, 0)


def size_of(size: Size) -> Expression:
    """A size. Those of slices are what they are where the slice fits: `n - 1` for `max(n - 1, 0)`."""
    if isinstance(size, int):
        return sympy.Integer(size)
    if isinstance(size, str):
        return sympy.Symbol(size, integer=True, positive=True)
    assert isinstance(size, Derived)
    left, right = size_of(size.left), size_of(size.right)  # at most a hundred terms
    if size.op in ("max", "min"):
        known = [side for side in (left, right) if isinstance(side, sympy.Integer)]
        if len(known) == 1:
            other = right if known[0] is left else left
            return other if size.op == "max" else known[0]
        return (sympy.Max if size.op == "max" else sympy.Min)(left, right)
    if size.op == "//":
        return sympy.floor(left / right)
    return {"+": left + right, "-": left - right, "*": left * right}[size.op]


def element(group: Any, place: list[int]) -> Expression:
    """An element of lists, or of a matrix."""
    if isinstance(group, sympy.MatrixBase):
        return group[tuple(place)] if len(place) == 2 else group[place[0]]
    if isinstance(group, sympy.NDimArray):
        return group[tuple(place)]
    for index in place:
        group = list(group)[index]
    return group


def _places(sizes: list[int]) -> list[tuple[int, ...]]:
    found: list[tuple[int, ...]] = [()]
    for size in sizes:
        found = [(*place, k) for place in found for k in range(size)]
    return found


def none(node: Node) -> Error:
    what = node.op if node.row.kind != "elementwise" else f"{node.op}(...)"
    return Error(
        "G0902", f"SymPy has no expression for `{what}`",
        help="ask for that of a part of the program; `f.text`, `f.source` and `f.stages` say it in gradc's words",
    )  # fmt: skip
