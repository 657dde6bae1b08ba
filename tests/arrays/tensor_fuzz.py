"""Random programs over arrays of several axes whose statements share values: what schedules are tried on."""

import random
from collections.abc import Iterator

SIZES = {"n": 3, "m": 2, "k": 4, "p": 5}
UNARY = ("tanh({})", "sin({})", "sigmoid({})", "softplus({})", "exp(-({})**2)", "erf({})", "silu({})", "max({}, 0)",
         "sqrt(1 + ({})**2)", "-({})", "({})**2", "where({} > 0, {}, 0.1*({}))", "abs({})")  # fmt: skip
REDUCTIONS = ("sum", "sum", "mean", "max", "logsumexp", "norm", "prod", "min")


class Program:
    """Statements over arrays with named sizes. A shape is a word: one letter for each axis."""

    def __init__(self, seed: int, rank: int):
        self.choose = random.Random(seed)
        self.rank = rank
        self.inputs: dict[str, str] = {}
        self.values: list[tuple[str, str]] = []
        self.statements: list[str] = []
        self.letters = "nmkp"[: self.choose.randint(2, 4)]

    def text(self, statements: int) -> str:
        for _ in range(statements):
            shape = self.shape()
            self.name(self.expression(shape, self.choose.randint(1, 3)), shape)
        names = self.choose.sample(self.values, min(len(self.values), self.choose.randint(1, 3)))
        result = " + ".join(f"sum({name})" if self.choose.random() < 0.7 else f"sum({name}**2)" for name, _ in names)
        if self.choose.random() < 0.2:
            shape = self.choose.choice("nmk"[: len(self.letters)])
            result = self.expression(shape, 2)
        declared = [f"{name}: {'i64' if name[0] == 'i' else 'f64'}[{', '.join(shape)}]"
                    for name, shape in self.inputs.items()]  # fmt: skip
        return "; ".join([*declared, *self.statements, result])

    def name(self, expression: str, shape: str) -> str:
        name = f"h{len(self.values)}"
        self.statements.append(f"{name} = {expression}")
        self.values.append((name, shape))
        return name

    def shape(self) -> str:
        rank = self.choose.choice((1, 2, 2, 2, self.rank))
        return "".join(self.choose.choice(self.letters) for _ in range(rank))

    def value(self, shape: str) -> str:
        """A value of a shape: one that there is already, or an input."""
        found = [name for name, known in self.values if known == shape]
        if found and self.choose.random() < 0.7:
            return self.choose.choice(found)
        if len(shape) == 2 and self.choose.random() < 0.3:
            found = [name for name, known in self.values if known == shape[::-1]]
            if found:
                return self.choose.choice(found) + ".T"
        return self.given("X", shape)

    def given(self, stem: str, shape: str) -> str:
        known = [name for name, own in self.inputs.items() if own == shape and name[0] == stem]
        if known and (self.choose.random() < 0.6 or len(known) > 2):
            return self.choose.choice(known)
        name = f"{stem}{len(self.inputs)}"
        self.inputs[name] = shape
        return name

    def expression(self, shape: str, depth: int) -> str:
        if depth <= 0:
            return self.value(shape)
        forms = [self.unary, self.unary, self.binary, self.binary, self.scaled]
        if shape:
            forms += [self.reduced, self.normalised, self.gathered, self.sliced, self.cut_from_reshaped]
        if len(shape) == 2:
            forms += [self.product, self.product, self.product, self.transposed, self.normalised_product]
            forms += [self.gathered_product]
        if len(shape) == 1:
            forms += [self.vector_product]
        if len(shape) > 2:
            forms += [self.stack_product, self.stack_product, self.permuted]
        if len(shape) == 1:
            forms += [self.stencil]
        if self.rank > 2:
            forms += [self.einsum, self.einsum_to_scalar, self.concatenated, self.reshaped, self.accumulated]
        return self.choose.choice(forms)(shape, depth - 1)

    def unary(self, shape, depth):
        return self.choose.choice(UNARY).replace("{}", self.expression(shape, depth))

    def binary(self, shape, depth):
        return f"({self.expression(shape, depth)} {self.choose.choice('+-**')} {self.expression(shape, depth - 1)})"

    def scaled(self, shape, depth):
        """A pair whose second side has fewer axes, or is a number for all."""
        if not shape or self.choose.random() < 0.2:
            return f"({self.expression(shape, depth)} * sum({self.expression(self.shape(), depth - 1)}))"
        return f"({self.expression(shape, depth)} {self.choose.choice('+*')} {self.expression(shape[1:], depth - 1)})"

    def reduced(self, shape, depth):
        axis = self.choose.randrange(len(shape) + 1)
        whole = shape[:axis] + self.choose.choice(self.letters) + shape[axis:]
        if len(whole) > max(self.rank, 2):
            return self.unary(shape, depth)
        return f"{self.choose.choice(REDUCTIONS)}({self.expression(whole, depth)}, axis={axis})"

    def normalised(self, shape, depth):
        axis = self.choose.randrange(len(shape))
        inner = self.expression(shape, depth)
        name = self.choose.choice(("softmax", "log_softmax", "norm", "sum", "max"))
        if "softmax" in name:
            return f"{name}({inner}, axis={axis})"
        value = self.value(shape)
        return f"({value} * {name}({inner}, axis={axis}, keepdims=True))"

    def gathered(self, shape, depth):
        axis = self.choose.randrange(len(shape))
        index = self.given("i", shape[axis])
        return f"take({self.expression(shape, depth)}, {index} % {SIZES[shape[axis]]}, axis={axis})"

    def named_product(self, shape, depth):
        """A product of matrices that other statements may read too."""
        return self.name(self.product(shape, depth), shape)

    def normalised_product(self, shape, depth):
        """A product by what is found along its rows or columns."""
        product = self.named_product(shape, depth)
        axis = self.choose.randrange(2)
        form = self.choose.choice((
            "softmax({h}, axis={a})", "log_softmax({h}, axis={a})", "({h} * norm({h}, axis={a}, keepdims=True))",
            "({h} / (1 + norm({h}, axis={a}, keepdims=True)))", "({h} - max({h}, axis={a}, keepdims=True))",
            "({h} - logsumexp({h}, axis={a}, keepdims=True))", "({h} / sqrt(1 + sum({h}**2, axis={a}, keepdims=True)))",
            "({h} - mean({h}, axis={a}, keepdims=True))",
        ))  # fmt: skip
        return self.name(form.format(h=product, a=axis), shape)

    def gathered_product(self, shape, depth):
        """Rows or columns of a product that arrays of indices pick, beside the product itself."""
        product = self.named_product(shape, depth)
        axis = self.choose.randrange(2)
        index = f"{self.given('i', shape[axis])} % {SIZES[shape[axis]]}"
        picked = f"take({product}, {index}, axis={axis})"
        if self.choose.random() < 0.3:
            picked = f"take_along_axis({product}, {self.given('i', shape)} % {SIZES[shape[axis]]}, axis={axis})"
        return picked if self.choose.random() < 0.4 else f"({picked} * {self.value(shape)} + {product})"

    def cut_from_reshaped(self, shape, depth):
        """A slice of a reshaped concatenation."""
        if self.choose.random() < 0.5:
            return self.unary(shape, depth)
        count = 1
        for letter in shape:
            count *= SIZES[letter]
        flat = f"reshape(concatenate([{self.expression(shape, depth)}, {self.value(shape)}], axis=0), -1)"
        first = self.choose.randint(0, count)
        cut = self.choose.choice((f"[{first}:{first + count}]", f"[{first}:{first + count}][::-1]", "[::2]", "[1::2]"))
        sizes = ", ".join(str(SIZES[letter]) for letter in shape)
        return f"({self.value(shape)} * reshape({flat}{cut}, ({sizes},)))"

    def sliced(self, shape, depth):
        kept = self.choose.choice(("[::-1]", "[1:]", "[:1]", "[:-1]"))
        inner = self.expression(shape, depth)
        if kept == "[::-1]":
            return f"({inner})[::-1]"
        return f"({inner} * sum(({self.value(shape)}){kept}))"

    def stencil(self, shape, depth):
        """Differences of neighbours along an axis that the result does not have."""
        other = self.choose.choice(self.letters)
        name = self.name(self.expression(other, depth - 1), other)
        reduced = self.choose.choice(("sum", "max", "logsumexp", "norm"))
        return f"{reduced}(({name}[1:] - {name}[:-1])[:, None] * {self.value(shape)}, axis=0)"

    def product(self, shape, depth):
        inner = self.choose.choice(self.letters)
        left, right = shape[0] + inner, inner + shape[1]
        return f"({self.expression(left, depth)} @ {self.expression(right, depth - 1)})"

    def vector_product(self, shape, depth):
        inner = self.choose.choice(self.letters)
        return f"({self.expression(shape + inner, depth)} @ {self.expression(inner, depth - 1)})"

    def stack_product(self, shape, depth):
        inner = self.choose.choice(self.letters)
        left, right = shape[:-1] + inner, inner + shape[-1]
        if self.choose.random() < 0.5:
            right = shape[:-2] + right
        return f"({self.expression(left, depth)} @ {self.expression(right, depth - 1)})"

    def transposed(self, shape, depth):
        return f"({self.expression(shape[::-1], depth)}).T"

    def permuted(self, shape, depth):
        order = self.choose.sample(range(len(shape)), len(shape))
        whole = "".join(shape[order.index(axis)] for axis in range(len(shape)))
        return f"transpose({self.expression(whole, depth)}, ({', '.join(map(str, order))}))"

    def einsum(self, shape, depth):
        """Letters of the axes are `a, b, ...`; one of two or three arrays may have an axis summed alone."""
        sizes = {letter: size for letter, size in zip("abcd", shape)}
        sizes |= {letter: self.choose.choice(self.letters) for letter in "ef"[: self.choose.randint(0, 2)]}
        left = {letter for letter in sizes if self.choose.random() < 0.6}
        right = (set(sizes) - left) | {letter for letter in sizes if self.choose.random() < 0.4}
        words = []
        for side in (left, right):
            word = [letter for letter in sizes if letter in side][:4]
            self.choose.shuffle(word)
            words.append("".join(word))
        written = set("".join(words))
        if not set("abcd"[: len(shape)]) <= written or not all(words):
            return self.unary(shape, depth)
        sides = [self.expression("".join(sizes[letter] for letter in word), depth - 1) for word in words]
        return f'einsum("{words[0]},{words[1]}->{"abcd"[: len(shape)]}", {sides[0]}, {sides[1]})'

    def einsum_to_scalar(self, shape, depth):
        """A number made of two or three arrays, inside what may be reduced."""
        words = [self.choose.choice(("a", "b", "ab", "ba", "abc", "cb"))
                 for _ in range(self.choose.randint(2, 3))]  # fmt: skip
        sizes = {letter: self.choose.choice(self.letters) for letter in "abc"}
        sides = [self.expression("".join(sizes[letter] for letter in word), min(depth - 1, 1)) for word in words]
        return f'({self.expression(shape, depth)} * einsum("{",".join(words)}->", {", ".join(sides)}))'

    def concatenated(self, shape, depth):
        if not shape:
            return self.unary(shape, depth)
        inner = self.expression(shape, depth)
        both = f"concatenate([{inner}, {self.value(shape)}], axis=0)"
        return f"(({self.value(shape)}) * sum({both}, axis=0))"

    def reshaped(self, shape, depth):
        if len(shape) < 2:
            return self.unary(shape, depth)
        sizes = ", ".join(str(SIZES[letter]) for letter in shape)
        return f"({self.value(shape)} * reshape(reshape({self.expression(shape, depth)}, -1)[::-1], ({sizes})))"

    def accumulated(self, shape, depth):
        if not shape:
            return self.unary(shape, depth)
        return f"cumsum({self.expression(shape, depth)}, axis={self.choose.randrange(len(shape))})"


def programs(seed: int, count: int, rank: int) -> Iterator[str]:
    """Programs over arrays of at most about this many axes."""
    for number in range(count):
        program = Program(seed * 1_000_003 + number, rank)
        yield program.text(program.choose.randint(1, 3))
