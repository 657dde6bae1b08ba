"""Random programs whose statements share arrays: every derivative of a kernel against the interpreter, and bit for bit
against the evaluated loops, and against a kernel in which no saved value shares storage with an output. Native kernels
against the interpreter, and bit for bit against each other: vectors of every width, and tiles of two rows."""

import copy

import numpy as np
import pytest

import gradc
from gradc.compiler import Compilation
from gradc.loops import evaluate
from gradc.loops.ir import Define, Kernel
from gradc.native.engine import NativeKernel, build
from gradc.runtime import kernel
from gradc.runtime.kernel import ENGINES
from tests.arrays.tensor_fuzz import SIZES, programs
from tests.emit.plain import engine, unshared
from tests.native.kernels import WIDTHS

DERIVED = ("value", "value_and_grad", "vjp", "jvp", "hvp")
LARGEST = 1e6
"""Where numbers are larger, or not finite, engines may differ by more than rounding."""

TILE = 2
"""The rows of a tile and the terms of a block here: arrays are small, and the seams are what can be wrong."""


class TooLarge(Exception):
    """The result of a program is no test."""


def with_small_tiles(loops: Kernel) -> Kernel:
    """The same loops, whose tiles and blocks have `TILE` rows and terms."""
    small = [Define(s.name, TILE) if isinstance(s, Define) and isinstance(s.value, int) else s for s in loops.body]
    return Kernel(loops.inputs, small, loops.arrays)


def compared(compilation: Compilation) -> kernel.Run:
    """An engine that gives the interpreter's results, after comparing the kernel's with them."""
    reference, plain = kernel.interpreter(compilation), engine(compilation, TILE)
    loops = with_small_tiles(compilation.loops)
    alone = None
    if compilation.schedule.aliases:
        apart = copy.copy(compilation)
        for stage in ("nest", "loops", "function", "python"):
            vars(apart).pop(stage, None)
        alone = unshared(apart, TILE)

    def run(arrays, sizes):
        expected = moderate(reference(arrays, sizes))
        found = [np.asarray(part) for part in plain(arrays, sizes)]
        assert_close(found, expected)
        for got, meant in zip(found, evaluate.run(loops, arrays), strict=True):
            np.testing.assert_array_equal(got, meant, err_msg="emitted Python, and the loops that it prints")
        if alone is not None:
            for got, other in zip(found, alone(arrays, sizes), strict=True):
                np.testing.assert_array_equal(got, other, err_msg="storage shared, and not")
        return expected

    return run


def compared_natively(compilation: Compilation) -> kernel.Run:
    """The same for native kernels of every width of vectors, whose bits are equal, and for one with small tiles."""
    reference = kernel.interpreter(compilation)
    kernels = [NativeKernel(build(compilation.loops, width)) for width in WIDTHS]
    tiled = NativeKernel(build(with_small_tiles(compilation.loops), 4))

    def run(arrays, sizes):
        expected = moderate(reference(arrays, sizes))
        first, *others = ([np.asarray(part) for part in made(arrays, sizes)] for made in kernels)
        assert_close(first, expected)
        assert_close([np.asarray(part) for part in tiled(arrays, sizes)], expected)
        for width, found in zip(WIDTHS[1:], others, strict=True):
            for got, wanted in zip(found, first, strict=True):
                np.testing.assert_array_equal(got, wanted, err_msg=f"{width} doubles to the vector")
        return expected

    return run


def moderate(outputs) -> list[np.ndarray]:
    found = [np.asarray(part) for part in outputs]
    if not all(np.max(np.abs(part), initial=0) < LARGEST for part in found):
        raise TooLarge
    return found


def assert_close(found, expected) -> None:
    for wanted, got in zip(expected, found, strict=True):
        tolerance = 1e-7 * (1 + np.max(np.abs(wanted), initial=0))
        np.testing.assert_allclose(got, wanted, rtol=0, atol=tolerance, strict=True)


@pytest.fixture(autouse=True, scope="module")
def comparing_engines():
    ENGINES["compared"], ENGINES["compared natively"] = compared, compared_natively
    yield
    del ENGINES["compared"], ENGINES["compared natively"]


def arguments_of(function: gradc.Function, seed: int = 0) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    arrays = []
    for name in function.inputs:
        shape = tuple(size if isinstance(size, int) else SIZES[size] for size in function.stages.types[name].shape)
        floats = random.uniform(0.2, 1.2, shape) * random.choice([-1, 1], shape)
        arrays.append(floats if name in function.wrt else random.integers(0, 7, shape))
    return arrays


def results(function: gradc.Function, derived: str, arrays: list[np.ndarray]) -> list[np.ndarray]:
    along = [np.cos(array + k) for k, array in enumerate(arrays) if function.inputs[k] in function.wrt]
    with np.errstate(all="ignore"):
        if derived == "value":
            found = [function(*arrays)]
        elif derived == "value_and_grad":
            value, grads = function.value_and_grad(*arrays)
            found = [value, *grads]
        elif derived == "vjp":
            found = list(function.vjp(0.7, *arrays))
        elif derived == "jvp":
            found = [function.jvp(tuple(along), *arrays)]
        else:
            found = list(function.hvp(tuple(along), *arrays))
    return [np.asarray(part) for part in found]


def check(text: str, engine: str = "compared", chosen: tuple[str, ...] = DERIVED) -> bool:
    """Compare derivatives; whether all of them were small enough for that."""
    function = gradc.compile(text, engine=engine)
    arrays = arguments_of(function)
    for derived in chosen:
        try:
            results(function, derived, arrays)
        except TooLarge:
            return False
        except AssertionError as error:
            raise AssertionError(f"{derived}: {error}") from None
    return True


def check_all(tried: list[str], *how) -> None:
    failures = []
    for text in tried:
        try:
            check(text, *how)
        except Exception as error:
            failures.append(f"{text}\n{type(error).__name__}: {error}")
    assert not failures, f"{len(failures)} fail, for instance\n{min(failures, key=len)}"


@pytest.mark.parametrize("rank", [2, 3])
@pytest.mark.parametrize("seed", range(10))
def test_random_programs(seed, rank, ran_cases):
    tried = list(programs(seed, 25, rank))
    ran_cases(len(tried))
    check_all(tried)


@pytest.mark.compiled
@pytest.mark.parametrize("derived", DERIVED)
@pytest.mark.parametrize("rank", [2, 3])
def test_random_programs_natively(rank, derived, ran_cases):
    """Other programs for each derivative: five kernels a program take a while."""
    tried = list(programs(100 + DERIVED.index(derived), 5, rank))
    ran_cases(len(tried))
    check_all(tried, "compared natively", (derived,))


KNOWN = (
    "X: f64[n,m]; W: f64[m,k]; V: f64[m,k]; sum((tanh(X) @ silu(W)) * sum(softplus(V), axis=0))",
    "A: f64[k,k]; B: f64[k,k]; E: f64[k,n]; M: f64[m,m]; Q: f64[k,m]; "
    "sum((A @ softmax(B, axis=1)) * sum(erf(E).T, axis=0)) + sum(sigmoid(M) * sum(exp(Q), axis=0))",
    "Z: f64[n,k]; H: f64[k,m]; V: f64[m,m]; sum(softmax(Z, axis=0) @ (H @ sin(V)))",
    'x: f64[n]; einsum("a,b->", x, x)',
    "A: f64[n,m,p]; B: f64[p,k]; C: f64[k,n,m]; D: f64[m,p]; sum((A @ B) @ transpose(C @ D, (1, 0, 2)))",
    "X: f64[n,n]; Y: f64[n,n]; h = X @ Y.T; sum(sin(h[1:])) + sum(h.T[:1]**2)",
    "w: f64[n]; z: f64[m]; h = w[1:] - w[:-1]; sum((h[:, None] * z)**2)",
    "w: f64[n]; h = w[1:] - w[:-1]; max(stack([h, h], 1))",
    "w: f64[n]; z: f64[m]; h = w[1:] - w[:-1]; logsumexp(outer(h, z))",
    "X: f64[n,k]; W: f64[k,k]; i: i64[n]; h = X @ W; g = h * norm(h, axis=1, keepdims=True); "
    "sum(g**2) + sum(g[i % 3]**2)",
)  # fmt: skip
"""Programs that once had a wrong gradient, or none."""


@pytest.mark.parametrize("text", KNOWN)
def test_known(text):
    check(text)
    check(text, "compared natively", ("value_and_grad",))
