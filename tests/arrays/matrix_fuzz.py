"""Random programs over matrices: products, axes, softmax, gathers, broadcasts, all of which Python can read too."""

import random
import re
from collections.abc import Iterator

import numpy as np
from array_programs import Example

SIZES = ((3, 2, 4), (2, 2, 2), (3, 1, 2), (1, 3, 2), (1, 1, 1), (4, 3, 1))
"""The sizes n, m, k of the inputs: A is n by m, B is m by k, C is n by k, u has n, v has m, w has k elements."""
ELEMENTWISE = (
    "sin({})", "tanh({})", "({})**2", "exp(-({})**2)", "log(1 + exp({}))", "(1 / (2 + ({})**2))", "abs({})",
    "max({}, 0.3)",
    "where({} > 0.2, {}, 0.5)", "-({})", "sqrt(1 + ({})**2)",
)  # fmt: skip
PAIRS = ("({} + {})", "({} - {})", "({} * {})", "(({}) / (2 + ({})**2))", "max({}, {})", "where({} < 0.5, {}, 1)")
REDUCTIONS = ("sum", "mean", "max", "min", "logsumexp", "norm", "var", "std", "prod")
INPUTS = {"nm": ["A"], "mk": ["B"], "nk": ["C"], "n": ["u"], "m": ["v"], "k": ["w"], "": ["s"]}
SHAPES = ("nm", "mk", "nk", "n", "m", "k", "", "mn", "km", "kn", "mm", "nn", "kk")


class Writer:
    """Writes expressions of a wanted shape, a word over the sizes n, m and k."""

    def __init__(self, seed: int):
        self.choose = random.Random(seed)

    def write(self, shape: str, depth: int) -> str:
        choose = self.choose
        forms = [self.elementwise, self.pair, self.spread]
        if depth <= 0 and shape in INPUTS and choose.random() < 0.9:
            return choose.choice(INPUTS[shape])
        if depth <= -2:
            return self.leaf(shape)
        if len(shape) == 2:
            forms += [self.product, self.product, self.transposed, self.softmax]
            forms += [self.outer, self.gathered, self.sliced, self.wide]
        elif len(shape) == 1:
            forms += [self.reduced, self.reduced, self.product, self.row, self.softmax, self.gathered, self.picked]
        else:
            forms += [self.total, self.reduced, self.product, self.element]
        return choose.choice(forms)(shape, depth - 1)

    def leaf(self, shape: str) -> str:
        if shape in INPUTS:
            return INPUTS[shape][0]
        if shape[::-1] in INPUTS:
            return INPUTS[shape[::-1]][0] + ".T"
        rows, columns = (INPUTS[size][0] for size in shape)
        return f"outer({rows}, {columns})"

    def elementwise(self, shape, depth):
        return self.choose.choice(ELEMENTWISE).replace("{}", self.write(shape, depth))

    def pair(self, shape, depth):
        pattern = self.choose.choice(PAIRS)
        return pattern.format(*(self.write(shape, depth) for _ in range(pattern.count("{}"))))

    def spread(self, shape, depth):
        """A pair whose second side broadcasts."""
        pattern = self.choose.choice(PAIRS[:3])
        if len(shape) == 2:
            column, row = self.write(shape[0], depth), self.write(shape[1], depth)
            others = f"({column})[:, None]", f"({row})", f"({row})[None, :]", f"expand_dims({column}, 1)"
            other = self.choose.choice(others)
        else:
            other = self.write("", depth)
        return pattern.format(self.write(shape, depth), other)

    def product(self, shape, depth):
        inner = self.choose.choice("nmk")
        left, right = (shape[0] + inner, inner + shape[1]) if len(shape) == 2 else (inner, inner + shape)
        if len(shape) == 1 and self.choose.random() < 0.5:
            left, right = shape + inner, inner
        return f"({self.write(left, depth)} @ {self.write(right, depth)})"

    def transposed(self, shape, depth):
        return f"({self.write(shape[::-1], depth)}).T"

    def softmax(self, shape, depth):
        axis = self.choose.choice(range(-len(shape), len(shape)))
        return f"{self.choose.choice(('softmax', 'log_softmax'))}({self.write(shape, depth)}, axis={axis})"

    def outer(self, shape, depth):
        return f"outer({self.write(shape[0], depth)}, {self.write(shape[1], depth)})"

    def gathered(self, shape, depth):
        chosen = f"{shape[0]}_index"
        if self.choose.random() < 0.3:
            return f"take({self.write(shape, depth)}, {chosen}, axis=0)"
        return f"({self.write(shape, depth)})[{chosen}]"

    def picked(self, shape, depth):
        """One element of each row."""
        inner = self.choose.choice("nmk")
        rows = self.write(shape + inner, depth)
        return f"({rows})[arange({shape}_size), argmax({self.write(shape + inner, depth)}, axis=1)]"

    def sliced(self, shape, depth):
        return f"({self.write(shape, depth)})[{self.choose.choice(('::-1', ':, ::-1', '...', '::-1, ::-1', ':, :'))}]"

    def wide(self, shape, depth):
        """Arrays side by side, of which a part is taken."""
        axis = self.choose.choice((0, 1))
        both = f"concatenate([{self.write(shape, depth)}, {self.write(shape, depth)}], axis={axis})"
        part = "[-1:]" if axis == 0 else "[:, 1:][:, :1]"
        return f"({both}{part} * ({self.write(shape, depth)}))"

    def reduced(self, shape, depth):
        other = self.choose.choice("nmk")
        axis = self.choose.choice((0, 1, -1, -2)) if shape else -1
        name = self.choose.choice(REDUCTIONS)
        whole = shape + other if axis in (1, -1) else other + shape
        text = self.write(whole, depth)
        if self.choose.random() < 0.2:
            return f"squeeze({name}({text}, axis={axis}, keepdims=True), {axis})"
        return f"{name}({text}, axis={axis})"

    def row(self, shape, depth):
        other = self.choose.choice("nmk")
        if self.choose.random() < 0.5:
            return f"({self.write(other + shape, depth)})[{self.choose.choice((0, -1))}]"
        return f"({self.write(shape + other, depth)})[:, {self.choose.choice((0, -1))}]"

    def total(self, shape, depth):
        name = self.choose.choice(REDUCTIONS)
        return f"{name}({self.write(self.choose.choice(SHAPES[:6]), depth)})"

    def element(self, shape, depth):
        return f"({self.write(self.choose.choice('nmk'), depth)})[{self.choose.choice((0, -1))}]"


DECLARED = "A: f64[n, m]; B: f64[m, k]; C: f64[n, k]; u: f64[n]; v: f64[m]; w: f64[k]; s: f64"


def matrix_programs(seed: int, count: int) -> Iterator[tuple[str, Example]]:
    """Programs, and what Python is to make of them; half of them declare their inputs, with named sizes."""
    writer = Writer(seed)
    for number in range(count):
        n, m, k = sizes = SIZES[number % len(SIZES)]
        text = writer.write(writer.choose.choice(("", "", "n", "nk", "mm")), writer.choose.randint(2, 4))
        shapes = {"A": (n, m), "B": (m, k), "C": (n, k), "u": (n,), "v": (m,), "w": (k,), "s": ()}
        shapes = {name: shape for name, shape in shapes.items() if re.search(rf"\b{name}\b", text)}
        indices = {}
        for name, size in zip("nmk", sizes):
            text = text.replace(f"{name}_size", str(size))
            if f"{name}_index" in text:
                indices[f"{name}_index"] = np.array([writer.choose.randrange(-size, size) for _ in range(size)])
        program = text
        if number % 2:
            program = "; ".join(d for d in DECLARED.split("; ") if d[0] in shapes) + "; " * bool(shapes) + text
        yield program, Example(text, shapes, indices)
