"""Programs over arrays that are also Python: the same text, evaluated with NumPy, is what they should give."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.special


@dataclass(frozen=True)
class Example:
    """A program, and the shapes of its inputs; i and j are integers below the sizes they index."""

    text: str
    shapes: dict[str, tuple[int, ...]]
    indices: dict[str, np.ndarray]

    def __str__(self) -> str:
        shapes = self.shapes | {name: index.tolist() for name, index in self.indices.items()}
        return f"{self.text}  with  {shapes}"

    def values(self, seed: int = 0) -> dict[str, np.ndarray]:
        """Inputs at random, without ties and away from kinks."""
        random = np.random.default_rng(seed)
        sizes = {name: random.uniform(0.2, 1.7, shape) for name, shape in self.shapes.items()}
        return {name: size * random.choice([-1, 1], size.shape) for name, size in sizes.items()} | self.indices


def example(text: str, **inputs) -> Example:
    shapes = {name: value for name, value in inputs.items() if isinstance(value, tuple)}
    return Example(text, shapes, {name: np.array(value) for name, value in inputs.items() if name not in shapes})


def softmax(x, axis=-1):
    return scipy.special.softmax(x, axis=axis)


def norm(x, axis=None, keepdims=False):
    return np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims))


def squeeze(x, axis=None):
    return np.squeeze(x, tuple(axis) if isinstance(axis, list) else axis)


def one_hot(indices, size):
    return np.eye(int(size))[indices]


def softmax_cross_entropy(scores, labels):
    chosen = np.take_along_axis(scipy.special.log_softmax(scores, axis=-1), np.expand_dims(labels, -1), -1)
    return -np.mean(chosen)


def multiclass_hinge(scores, labels, margin=1):
    chosen = np.take_along_axis(scores, np.expand_dims(labels, -1), -1)
    margins = np.maximum(0, scores - chosen + margin)
    np.put_along_axis(margins, np.expand_dims(labels, -1), 0, -1)
    return np.mean(np.sum(margins, axis=-1))


def binary_cross_entropy(logits, targets):
    p = scipy.special.expit(logits)
    return -np.mean(targets * np.log(p) + (1 - targets) * np.log(1 - p))


NUMPY = {
    **{
        name: getattr(np, name)
        for name in """
            sum mean prod var std any all argmax argmin transpose expand_dims take take_along_axis
            concatenate stack outer dot matmul zeros cross kron convolve correlate trapezoid ones full
            zeros_like ones_like full_like eye identity tril triu flip fliplr flipud roll pad cumprod sort
            argsort searchsorted median quantile percentile nanmedian nansum nanprod nanmean nanmax nanmin
            nanvar nanstd interp where exp sqrt log tanh sin abs arange trace diag""".split()
    },
    "max": lambda x, *rest, **options: np.maximum(x, *rest) if rest else np.max(x, **options),
    "min": lambda x, *rest, **options: np.minimum(x, *rest) if rest else np.min(x, **options),
    "logsumexp": scipy.special.logsumexp,
    "log_softmax": lambda x, axis=-1: scipy.special.log_softmax(x, axis=axis),
    "softmax": softmax,
    "norm": norm,
    "squeeze": squeeze,
    "one_hot": one_hot,
    "softmax_cross_entropy": softmax_cross_entropy,
    "multiclass_hinge": multiclass_hinge,
    "binary_cross_entropy": binary_cross_entropy,
    "squared_error": lambda x, y: np.mean((x - y) ** 2),
    "l2": lambda x: np.sum(x * x),
    "hypot": lambda *x: sum(np.square(each) for each in x) ** 0.5,
    "nan": np.nan,
    "count": np.size,
    "cummax": lambda x, axis=0: np.maximum.accumulate(x, axis),
    "cummin": lambda x, axis=0: np.minimum.accumulate(x, axis),
    "logcumsumexp": lambda x, axis=0: np.logaddexp.accumulate(x, axis),
}  # fmt: skip


def with_numpy(text: str, values: dict[str, np.ndarray]) -> np.ndarray:
    """What NumPy gives for the text, as float64."""
    values = values | {name: values[name].astype(np.int64) for name in "ij" if name in values}
    with np.errstate(all="ignore"):
        return np.asarray(eval(text, {"__builtins__": {}} | NUMPY | values), np.float64)


# ---------------------------------------------------------------- the programs

REDUCTIONS = ("sum", "mean", "prod", "max", "min", "logsumexp", "norm", "var", "std")
PICKS = ("argmax", "argmin")
AXES = (
    ((3,), ("0", "-1", "[0]")),
    ((2, 3), ("0", "1", "-1", "-2", "(0, 1)", "(-1, 0)")),
    ((2, 1), ("0", "1", "-1")),
    ((2, 3, 4), ("0", "1", "2", "-2", "(0, 2)", "(2, 1)", "(0, 1, 2)")),
    ((2, 1, 3, 2), ("1", "(0, 3)", "(-1, -2, 0)")),
)


def reductions() -> Iterator[Example]:
    for name in REDUCTIONS:
        yield example(f"{name}(x)", x=())
        for shape, axes in AXES:
            yield example(f"{name}(x)", x=shape)
            yield example(f"{name}(x, keepdims=True) * x", x=shape)
            for number, axis in enumerate(axes):
                axis = axis.replace("[", "(").replace("]", ",)")
                keepdims = ", keepdims=True" if number % 2 else ""
                yield example(f"{name}(x, axis={axis}{keepdims})", x=shape)
                yield example(f"{name}(sin(x), axis={axis}, keepdims=True) * x", x=shape)
    for name in PICKS:
        for shape, axes in AXES:
            for axis in axes:
                if "," not in axis and "[" not in axis:
                    yield example(f"{name}(x, axis={axis}) * sum(x)", x=shape)
                    yield example(f"{name}(x, axis={axis}, keepdims=True) * x", x=shape)
    for name in ("softmax", "log_softmax"):
        for shape, axes in AXES:
            yield example(f"{name}(x)", x=shape) if len(shape) == 1 else example(f"{name}(x, axis=-1)", x=shape)
            for axis in axes:
                axis = axis.replace("[", "(").replace("]", ",)")
                yield example(f"{name}(x, axis={axis}) * x", x=shape)
    for shape, axes in AXES:
        yield example(f"where(any(x > 1, axis={axes[0].strip('[]')}), 2, 3) * sum(x)", x=shape)
        yield example(f"where(all(x > 0, axis={axes[-1].strip('[]')}, keepdims=True), x, 0)", x=shape)
    for ddof in (0, 1):
        yield example(f"var(x, axis=1, ddof={ddof})", x=(3, 4))
        yield example(f"std(x, axis=0, ddof={ddof}, keepdims=True) * x", x=(3, 4))
    for name in ("sum", "prod", "logsumexp", "norm", "mean"):
        yield example(f"{name}(x, axis=1)", x=(0, 3))
        if name in ("sum", "prod", "norm"):
            yield example(f"{name}(x, axis=1)", x=(3, 0))
            yield example(f"{name}(x)", x=(0,))
            yield example(f"{name}(x, axis=0, keepdims=True)", x=(0, 2))


def products() -> Iterator[Example]:
    shapes = (
        ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 4)), ((2, 1), (1, 4)), ((1, 3), (3, 1)), ((1, 1),
        (1, 1)),
        ((1,), (1,)), ((1,), (1, 3)), ((2, 2, 3), (2, 3, 4)), ((2, 2, 3), (3, 4)), ((2, 3), (4, 3, 2)), ((1, 2, 3),
        (4, 3, 2)),
        ((4, 2, 3), (1, 3, 2)), ((3,), (2, 3, 4)), ((2, 4, 3), (3,)), ((2, 1, 2, 3), (3, 3, 2)), ((2, 3, 2, 2),
        (2, 3, 2, 2)),
        ((1, 3, 2, 2), (2, 1, 2, 1)), ((2, 3), (3, 0)), ((0, 3), (3, 2)), ((2, 0), (0, 3)), ((0,), (0,)), ((2, 0),
        (0,)),
    )  # fmt: skip
    for left, right in shapes:
        yield example("x @ y", x=left, y=right)
        yield example("sum(sin(x @ y) * z)", x=left, y=right, z=())
        yield example("matmul(tanh(x), y * y)", x=left, y=right)
    yield example("dot(x, y)", x=(2, 3), y=(3, 4))
    yield example("dot(x, y)", x=(), y=(3, 2))
    yield example("outer(x, y) @ z", x=(3,), y=(4,), z=(4, 2))
    yield example("outer(x, x)", x=(3,))
    yield example("x @ x", x=(3, 3))
    yield example("x @ x @ x @ y", x=(3, 3), y=(3,))
    yield example("x.T @ x", x=(4, 3))
    yield example("x @ x.T", x=(4, 3))
    yield example("x.T @ y.T", x=(4, 3), y=(2, 4))
    yield example("x.T @ (y * x)", x=(3,), y=(3,))
    yield example("sum((x @ y - z)**2)", x=(5, 3), y=(3,), z=(5,))
    yield example("y @ x @ y", x=(3, 3), y=(3,))
    yield example("(x @ y)[:, None] * (x @ y)", x=(3, 3), y=(3,))
    yield example("2 * x @ y - (x @ y) / 3", x=(2, 3), y=(3, 2))
    yield example("(x @ y) @ (z @ w)", x=(2, 3), y=(3, 2), z=(2, 2), w=(2, 4))
    yield example("max(0, x @ y + z) @ w", x=(4, 3), y=(3, 5), z=(5,), w=(5, 2))
    yield example("x[:, 1:] @ y[1:]", x=(3, 4), y=(4,))
    yield example("x[::2] @ y[:, ::-1]", x=(5, 3), y=(3, 4))
    yield example("transpose(x, (0, 2, 1)) @ x", x=(2, 3, 2))
    yield example("transpose(x @ y, (2, 0, 1))", x=(2, 3, 2), y=(2, 4))
    yield example("sum(x @ y)", x=(2, 3), y=(3, 4))
    yield example("sum(x @ y, axis=0)", x=(2, 3), y=(3, 4))
    yield example("mean(x, axis=0) @ y", x=(4, 3), y=(3, 2))
    yield example("softmax(x @ y, axis=1) @ z", x=(2, 3), y=(3, 4), z=(4, 2))
    yield example("softmax(x @ y.T, axis=-1) @ z", x=(2, 3), y=(4, 3), z=(4, 5))


def indices() -> Iterator[Example]:
    for item in (
        "0", "-1", "1:", ":-1", "::2", "::-1", "2:0:-1", "1:1", "None", "...", "..., None", "None, 1:", "5:", "-2:",
    ):  # fmt: skip
        yield example(f"x[{item}]", x=(3,))
    for item in (
        "0", "-1, :", ":, 0", ":, -1", "1:, ::2", "::-1, ::-1", "..., 0", "0, ...", "None", ":, None", ":, None, :",
        "..., None",
        "None, ..., None", "1, 2", "-1, -1", "1:2, 0", "1:1", ":, 3:", "None, 0, None, 1", "...", "0, ..., None, 1",
    ):  # fmt: skip
        yield example(f"x[{item}]", x=(2, 4))
        yield example(f"sin(x)[{item}] * 2", x=(2, 4))
    for item in (
        "0, 1, 2", "..., 1", ":, 1", "1, ..., -1", "::-1, :, 1:3", ":, None, 1", "0", "..., None, :", "1:, ..., 0:1",
    ):  # fmt: skip
        yield example(f"x[{item}]", x=(2, 3, 4))
    yield example("x[0, ..., 1]", x=(2, 3, 2, 2))
    yield example("x[1:] - x[:-1]", x=(4, 2))
    yield example("x[:, 1:] * x[:, :-1]", x=(2, 4))
    yield example("x[None, :] * y[:, None]", x=(3,), y=(2,))
    yield example("sum((x[:, None, :] - y[None, :, :])**2, axis=2)", x=(3, 2), y=(4, 2))
    yield example("x[1][0]", x=(2, 3))
    yield example("x.T[0]", x=(2, 3))
    yield example("x.T", x=())
    yield example("x.T * 2", x=(2, 3, 4))
    yield example("transpose(x)", x=(2, 3))
    yield example("transpose(x, (1, 2, 0)) * 2", x=(2, 3, 4))
    yield example("transpose(x, (-1, 0, 1))", x=(2, 3, 4))
    for axis in ("0", "1", "-1", "-2", "2"):
        yield example(f"expand_dims(x, {axis})", x=(2, 3))
    yield example("squeeze(x)", x=(1, 3, 1))
    yield example("squeeze(x, 0) * 2", x=(1, 3, 1))
    yield example("squeeze(x, (0, -1))", x=(1, 3, 1))
    yield example("squeeze(sum(x, axis=1, keepdims=True), 1)", x=(2, 3))
    for axes in ("(0, 2)", "(0, -1)", "(1, 2)"):
        yield example(f"expand_dims(x, {axes})", x=(2, 3))
    for text in ("x[:1], 0", "x[:, 1:2], 1", "x[-1:], 0", "x[:1, -1:], (0, 1)"):
        yield example(f"squeeze({text}) * 2", x=(2, 3))
    yield example("expand_dims(x, 0)", x=())
    for axis in ("0", "1", "-1", "-2"):
        yield example(f"concatenate([x, y * y, x], axis={axis})", x=(2, 2), y=(2, 2))
        yield example(f"stack([x, y * y, x], axis={axis})", x=(2, 2), y=(2, 2))
    yield example("concatenate([x, y])", x=(2,), y=(3,))
    yield example("concatenate([x, y[1:], x[:0]])", x=(2,), y=(3,))
    yield example("concatenate([x])", x=(2,))
    yield example("concatenate([x, y], axis=1) @ z", x=(3, 2), y=(3, 1), z=(3,))
    yield example("stack([x, y, x * y])", x=(), y=())
    yield example("stack([stack([x, y]), stack([-y, x])]) @ z", x=(), y=(), z=(2,))
    yield example("arange(3) * x", x=(3,))
    yield example("sum(arange(4))* x", x=())


def gathers() -> Iterator[Example]:
    yield example("x[i]", x=(4,), i=[0, 0, 3, -1])
    yield example("x[i] ** 2 * y", x=(4, 3), y=(3,), i=[1, 1, -4, 2])
    yield example("x[i]", x=(4, 2), i=[[0, 1], [1, 1]])
    yield example("x[:, i]", x=(2, 4), i=[3, 0, 3])
    yield example("x[..., i]", x=(2, 3, 4), i=[3, 0, 3])
    yield example("x[:, i, :]", x=(2, 3, 4), i=[[0, 0], [2, -1]])
    yield example("x[i, 1:]", x=(3, 4), i=[2, 2])
    yield example("x[1:, i]", x=(3, 4), i=[2, 2])
    yield example("x[:, i][None]", x=(3, 4), i=[2, 2])
    yield example("x[i, None]", x=(3, 4), i=[2, 2])
    yield example("x[None, i]", x=(3, 4), i=[2, 2])
    yield example("x[::-1][i]", x=(3,), i=[2, 0])
    yield example("x[i][j]", x=(3,), i=[2, 0], j=[1, 1, 0])
    yield example("x[i]", x=(3,), i=[])
    yield example("x[i] + 0 * sum(x)", x=(3, 2), i=1)
    yield example("x[:, i] * 2", x=(3, 2), i=-1)
    yield example("x[arange(3), i]", x=(3, 4), i=[0, -1, 0])
    yield example("sum(log(softmax(x, axis=1))[arange(3), i])", x=(3, 4), i=[0, -1, 0])
    yield example("x[argmax(x)] * 2", x=(4,))
    yield example("x[argmin(y)]", x=(4,), y=(4,))
    yield example("x[argmax(y, axis=1)]", x=(4, 2), y=(3, 4))
    yield example("take(x, i)", x=(4,), i=[0, 0, 3])
    for axis in ("0", "1", "-1"):
        yield example(f"take(sin(x), i, axis={axis}) ** 2", x=(3, 3), i=[[0, 2], [2, -3]])
    yield example("take_along_axis(x, i, 0)", x=(4, 2), i=[[0, 1], [3, 1], [3, -1]])
    yield example("take_along_axis(x, i, -1) ** 2", x=(2, 3), i=[[0, 1], [2, 2]])
    yield example("take_along_axis(x, i, 1)", x=(2, 3), i=[[0], [-1]])
    yield example("take_along_axis(x, i, 1) ** 3", x=(2, 3, 2), i=[[[0, 2]], [[-1, 0]]])
    yield example("one_hot(i, 3) * x", x=(4, 3), i=[0, 2, -1, 1])
    yield example("sum(one_hot(i, 4) * x)", x=(4,), i=2)
    yield example("mean(x[i], axis=0) @ y", x=(5, 3), y=(3, 2), i=[4, 4, 1])
    yield example("mean(x[i], axis=1) @ y", x=(5, 3), y=(3, 2), i=[[4, 4, 1], [0, 1, 4]])
    yield example("x[i, j]", x=(3, 4), i=[0, 2, -1], j=[3, 3, 0])
    yield example("x[i, j] ** 2", x=(3, 4), i=[[0], [2]], j=[3, 3, 0])
    yield example("x[i, j, i]", x=(3, 4, 3), i=[0, 2], j=[[1, -1], [0, 0]])
    yield example("x[i, 1:, j] * y", x=(3, 4, 3), y=(), i=[0, 2, 2], j=[1, -1, 0])
    yield example("x[:, i, j] * y", x=(3, 4, 3), y=(), i=[0, 2, 2], j=[1, -1, 0])
    yield example("x[i, j]", x=(3, 4, 2), i=1, j=[1, -1, 0])
    yield example("sin(x)[i, j][:, None]", x=(3, 3), i=[0, 2], j=[1, 1])
    yield example("x[arange(2), i] * 2", x=(3, 4), i=[3, 0])
    yield example("x[i] @ y[i]", x=(4,), y=(4,), i=[1, 1, 0])
    yield example("x[i] @ y", x=(4, 3), y=(3, 2), i=[1, 1, 0])


LITERALS = (
    "[x, 2, y]", "[[x, y], [y, -1]]", "[x] + y", "[[x], [y]]", "ones(2) * y * [[[x, 1], [y, 2]]]",
    "sum(ones(2) * [x, y] * [1, 2])", "y + x * ones(2) * [1, 3]",
)  # fmt: skip
MADE = (
    "eye(3) * x", "eye(3, k=1) * x[:, None]", "eye(2, 3, -1) * x", "identity(3) * x", "zeros(3) + x", "ones(3) * x",
    "zeros((2, 3)) + x", "ones([2, 1]) * x", "full(3, 2) * x", "full((2, 3), x)", "zeros_like(x) + x",
    "ones_like(x) * x", "full_like(x, x[0])", "[1, 2, 3] * x", "[[1, 2, 3], [4, 5, 6]] * x", "x[[2, 0]]",
    "take(x, [0, -1])", "one_hot([0, 2, 1], 3) * x", "max(x, [0, 1, 2])", "max([x[0], x[1]])", "dot([1, 2, 3], x)",
    "[x, 2 * x, x**2]", "stack([x, [1, 2, 3]]) * x", "concatenate([[1, 2], x**2, [3]])", "x[[[0, -1], [1, 1]]]",
)  # fmt: skip
MODES = ("edge", "wrap", "reflect", "symmetric", "constant")
MOVED = (
    "flip(x)", "flip(x, 0)", "flip(x, axis=-1)", "flip(x, (0, 1))", "fliplr(x)", "flipud(x)", "roll(x, 1)",
    "roll(x, -2, axis=1)", "roll(x, 5, 0)", "roll(x, (1, 1), (0, 1))", "roll(x, 1, (0, 1))", "roll(x, 0)",
    "roll(x, i)", "roll(x, -i, axis=1)", "pad(x, 1)", "pad(x, (1, 2))", "pad(x, ((0, 1), (2, 0)))", "tril(x)",
    "pad(x, 2, constant_values=3)", "pad(x, ((1, 0),), constant_values=7)", "triu(x)", "tril(x, 1)", "triu(x, k=-1)",
    *(f'pad(x, {width}, mode="{mode}")' for width in ("1", "((5, 0), (2, 7))") for mode in MODES),
)  # fmt: skip


def constructions() -> Iterator[Example]:
    for text in LITERALS:
        yield example(text, x=(), y=())
    for text in MADE:
        yield example(text, x=(3,))
    for text in MOVED:
        yield example(
            f"{text} * x[0, 0]", x=(3, 4), **({"i": 5} if text.startswith(("roll(x, i", "roll(x, -i")) else {})
        )
    for text in (
        "flip(x)",
        "roll(x, 7)",
        "roll(x, -1)",
        'pad(x, (2, 3), mode="reflect")',
        'pad(x, 2, mode="symmetric")',
    ):
        yield example(f"{text} * 2", x=(1,))
    yield example("roll(x, 1)", x=(0,))
    yield example("pad(x, 1)", x=(0,))
    yield example("tril(x) @ triu(x)", x=(2, 3, 3))


def ordered() -> Iterator[Example]:
    for name in ("cumprod", "cummax", "cummin", "logcumsumexp", "sort"):
        for shape in ((5,), (1,), (0,)):
            yield example(f"{name}(x, axis=0) * x", x=shape)
        for axis in (0, 1, -1):
            yield example(f"{name}(x, axis={axis}) * x", x=(3, 4))
            yield example(f"sum({name}(sin(x), axis={axis}) * y)", x=(2, 3, 2), y=())
    for text in (
        "sort(x) * y", "sort(x, None)[:3] * y[:, 0]", "x[argsort(x[:, 0])] * y",
        "take_along_axis(y, argsort(x, axis=0), 0)",
        "searchsorted(sort(y[0]), x) * x", 'searchsorted(sort(y[0]), x[0], side="right") * x[0]',
    ):  # fmt: skip
        yield example(text, x=(3, 4), y=(3, 4))
    for options in ("", ", axis=0", ", axis=1", ", axis=(0, 2)", ", axis=(-1, 1), keepdims=True", ", keepdims=True"):
        yield example(f"median(x{options}) * x[0, 0, 0]", x=(3, 4, 2))
        yield example(f"nanmedian(x{options}) * x[0, 0, 0]", x=(3, 4, 2))
        yield example(f"quantile(x, 0.3{options}) * x[0, 0, 0]", x=(3, 4, 2))
        yield example(f"quantile(x, [0.2, 0.7]{options}) * x[0, 0, 0]", x=(3, 4, 2))
    for method in ("linear", "lower", "higher", "nearest", "midpoint"):
        yield example(f'percentile(x, 35, method="{method}") * 2', x=(6,))
    yield example("quantile(x, abs(y) / 2)", x=(7,), y=())
    yield example("quantile(x, abs(y) / 2, axis=1)", x=(2, 7), y=(3,))
    for options in ("", ", left=7", ", right=7, left=-1", ", period=1.3"):
        yield example(f"interp(x, sort(y), z{options})", x=(9,), y=(5,), z=(5,))
    yield example("interp(x, sort(y), z)", x=(), y=(5,), z=(5,))
    yield example("interp(x, y, z) * x", x=(2, 3), y=(1,), z=(1,))


def selections() -> Iterator[Example]:
    for name in ("sum", "mean", "prod", "max", "min", "logsumexp", "norm", "var", "std", "median"):
        yield example(f"{name}(x[x > 0]) * y", x=(5,), y=())
        yield example(f"{name}(x[x > y]**2)", x=(3, 4), y=(4,))
        yield example(f"{name}(x[y > 0], axis=0)", x=(5, 3), y=(5,))
        yield example(f"{name}(x[0, y > -2, :], axis=0)", x=(2, 5, 3), y=(5,))
        yield example(f"{name}(x[..., y < 5] * z, axis=1)", x=(2, 4), y=(4,), z=())
        yield example(f"{name}(x[y < 3], axis=0, keepdims=True)", x=(2, 3, 4), y=(2, 3))
    for name in ("sum", "mean", "prod", "var", "std"):
        yield example(f"{name}(x, where=y > 0) * 2", x=(3, 4), y=(3, 4))
        yield example(f"{name}(x, axis=1, keepdims=True, where=y > -9)", x=(3, 4), y=(4,))
    for name in ("nansum", "nanprod", "nanmean", "nanmax", "nanmin", "nanvar", "nanstd"):
        yield example(f"{name}(x * where(x > y, 1, nan))", x=(2, 3), y=())
        yield example(f"{name}(x, axis=1, keepdims=True) * y", x=(2, 3), y=())
    yield example("sum(x[x > 0] * y[x > 0]) + count(x[x > 0])", x=(5,), y=(5,))
    yield example("quantile(x[x > -1], 0.3)", x=(6,))
    yield example("sum(max(x[x > 0], 1))", x=(6,))
    yield example("sum(exp(-x[x > 0] if y > 0 else x[x > 0]))", x=(6,), y=())
    yield example("sum(x[any(y > 1, axis=1)] * z)", x=(4, 2), y=(4, 3), z=(2,))
    yield example("where(any(x[y > 0] > 1.5), 1, 2) * sum(x) + all(x[y > 0] > 0)", x=(4,), y=(4,))


def vectors() -> Iterator[Example]:
    for left, right in (((3,), (3,)), ((4, 3), (3,)), ((2, 1, 3), (5, 3))):
        yield example("cross(x, y) * 2", x=left, y=right)
    for left, right in (((2, 3), (4, 2)), ((3,), (2,)), ((2, 3), (2,)), ((3,), (2, 2)), ((), (2, 2)), ((), ())):
        yield example("kron(x, y) * x", x=left, y=right) if not left else example("kron(x, y)", x=left, y=right)
    for mode in ("full", "same", "valid"):
        for left, right in (((5,), (3,)), ((3,), (5,)), ((4,), (4,)), ((6,), (1,)), ((2,), (5,)), ((20,), (17,))):
            yield example(f'convolve(x, y, mode="{mode}")', x=left, y=right)
            yield example(f'correlate(x, y, mode="{mode}")', x=left, y=right)
        yield example(f'convolve(x, [1, y, 2], mode="{mode}")', x=(5,), y=())
        yield example(f'convolve([1, y, 2, 4], x, mode="{mode}")', x=(3,), y=())
    for options in ("", ", x", ", dx=0.5", ", x, axis=0"):
        shape = (3,) if "axis" in options else (4,)
        yield example(f"trapezoid(y{options}) + 0 * sum(x)", x=shape, y=(3, 4))
    yield example("cross(x[None, :], [1, y, 2])", x=(3,), y=())
    yield example("trapezoid(y, x, axis=1)", x=(3, 4), y=(3, 4))
    yield example("trapezoid(x) * y", x=(1,), y=())
    yield example("hypot(x, y, z) + hypot(x, 2, y, z)", x=(3,), y=(3,), z=())


def losses() -> Iterator[Example]:
    yield example("softmax_cross_entropy(x, i)", x=(4, 3), i=[0, 2, 2, 1])
    yield example("softmax_cross_entropy(x, i)", x=(3,), i=1)
    yield example("softmax_cross_entropy(x, i)", x=(2, 2, 3), i=[[0, 1], [2, 1]])
    yield example("softmax_cross_entropy(x @ y + z, i)", x=(4, 3), y=(3, 2), z=(2,), i=[0, 1, 1, 0])
    yield example("-mean(log(softmax(x, axis=1))[arange(4), i])", x=(4, 3), i=[0, 2, 2, -1])
    yield example("-log(exp(x[i]) / sum(exp(x)))", x=(4,), i=2)
    yield example("multiclass_hinge(x, i)", x=(4, 3), i=[0, 2, 2, 1])
    yield example("multiclass_hinge(x, i, 0.5)", x=(3,), i=1)
    yield example("multiclass_hinge(x @ y, i, margin=2)", x=(4, 3), y=(3, 5), i=[0, 2, 2, 4])
    yield example("binary_cross_entropy(x @ y, z)", x=(4, 3), y=(3,), z=(4,))
    yield example("squared_error(x @ y, z) + 0.1 * l2(y)", x=(4, 3), y=(3,), z=(4,))
    yield example("sum(min(sum((x[:, None, :] - y[None, :, :])**2, axis=2), axis=1))", x=(5, 2), y=(3, 2))
    yield example("sum(logsumexp(y - 0.5 * sum(((x[:, None, :] - z) * exp(w))**2, axis=2), axis=1))",
                  x=(5, 2), y=(3,), z=(3, 2), w=(3, 2))  # fmt: skip
