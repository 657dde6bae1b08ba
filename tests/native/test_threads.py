"""Loops in chunks: the same bits with any number of threads, from any thread, after forks, and through interrupts."""

import ctypes
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import gradc
from gradc.ir.sizes import evaluate as evaluate_size
from gradc.loops import evaluate
from gradc.loops.ir import Choose, Define, For, every, read_by
from gradc.loops.order import Orders, touches
from gradc.native import chunks, threads
from gradc.native.engine import NativeKernel, build
from gradc.native.target import is_possible
from tests.arrays import array_programs
from tests.emit.random_programs import random_examples
from tests.native.kernels import compilation, using_threads

pytestmark = pytest.mark.skipif(not is_possible(), reason="LLVM does not know this machine")

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=1000), RANDOM.normal(size=1000)
CUBES = RANDOM.normal(size=(300, 4, 3))
MATRIX, LABELS = RANDOM.normal(size=(300, 5)), RANDOM.integers(0, 5, 300)
PROGRAMS = {
    "elementwise": ("x / (1 + exp(-y * x))", X, Y),
    "sum": ("sum(x * tanh(y))", X, Y),
    "largest": ("x: f64[n]; max(x) + sum(x**2)", X),
    "log of a sum": ("x: f64[n]; logsumexp(x)", X),
    "stencil": ("x: f64[n]; sum(100*(x[1:] - x[:-1]**2)**2 + (1 - x[:-1])**2)", X),
    "two shifts": ("x: f64[n]; sum((x[2:] - 2*x[1:-1] + x[:-2])**2)", X),
    "rows": ("X: f64[n, d]; w: f64[d]; sum(log1p(exp(-X @ w)))", MATRIX, X[:5]),
    "rows of sums": ("X: f64[n, d, h]; w: f64[h]; sum(softmax(sum(X * w, axis=2), axis=1)**2)", CUBES, X[:3]),
    "rows of products": ("X: f64[n, d, h]; sum(tanh(sum(sum(X, axis=2)[:, :, None] * X, axis=1))**2)", CUBES),
    "softmax": ("X: f64[n, d]; y: i64[n]; softmax_cross_entropy(X, y)", MATRIX, LABELS),
    "network": (
        "X: f64[n, d]; W: f64[d, h]; V: f64[h, c]; y: i64[n]; softmax_cross_entropy(max(0, X @ W) @ V, y)",
        MATRIX, RANDOM.normal(size=(5, 4)), RANDOM.normal(size=(4, 5)), LABELS,
    ),
    "heads": (
        """Q: f64[b, h, n, d]; K: f64[b, h, n, d]; V: f64[b, h, n, d]; s: f64[h]
           sum((softmax(s[:, None, None] * Q @ transpose(K, (0, 1, 3, 2)), axis=-1) @ V)**2)""",
        *(RANDOM.normal(size=(2, 3, 9, 5)) for _ in range(3)), X[:3],
    ),
    "a convolution": (
        """X: f64[n, c, l]; W: f64[2, o, c]
           sum(tanh(einsum("ncl,oc->nol", X[:, :, 1:], W[0]) + einsum("ncl,oc->nol", X[:, :, :-1], W[1])))""",
        RANDOM.normal(size=(5, 6, 20)), RANDOM.normal(size=(2, 7, 6)),
    ),
    "gather": ("x: f64[n]; i: i64[m]; sum(x[i]**2)", X[:5], LABELS),
    "running sum": ("x: f64[n]; sum(cumsum(x) * x)", X),
    "a scan that forgets": (
        """X: f64[n]; def step((p, q, r), x) = (q*x, tanh(r), exp(-x))
           (p, q, r) = scan(step, (a, b, a*b), X); sum(p*q + r)""",
        X, 0.3, 0.7,
    ),
    "a fold that forgets": ("X: f64[n]\ndef step(s, x) = sin(a) * x\nfold(step, a, X, reverse=True)", X, 0.7),
    "nan and infinity": ("x: f64[n]; sum(x) + sum(exp(x)) + max(x)", np.array([1e308, np.inf, -np.inf, np.nan] * 100)),
    "float32": ("x: f32[n]; sum(x * exp(x))", X.astype(np.float32)),
    "a condition for all": ("where(any(x > 3), y, x) + where(all(y > 0), 1, x)", X, Y),
}  # fmt: skip


@pytest.fixture
def small_chunks(monkeypatch):
    """Chunks of as few iterations as there may be in one."""
    monkeypatch.setattr(chunks, "GRAIN", 1)


@pytest.mark.parametrize("name", PROGRAMS)
def test_bits_do_not_depend_on_threads(name, small_chunks, ran_cases):
    text, *arguments = PROGRAMS[name]
    loops = compilation(text, *arguments).loops
    assert chunks.cut(loops).chunks
    made = NativeKernel(build(loops)).loaded
    with using_threads(1):
        expected = [np.array(output) for output in made(*arguments)]
    usual = [np.array(output) for output in evaluate.run(loops, arguments)]
    for one, other in zip(usual, expected, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-5 if "32" in name else 1e-12, atol=1e-12)
    ran_cases(20)
    for count in (2, 3, 5, 2):
        with using_threads(count):
            for _ in range(5):
                for one, other in zip(expected, made(*arguments), strict=True):
                    np.testing.assert_array_equal(one, other)


def assert_chunks_share_nothing(loops, made, loop, text):
    """Every array in whose elements iterations meet is made anew in a chunk, or the chunk has a part of its own; the
    first chunk has the array itself."""
    chosen = [s for s in made.body if isinstance(s, Choose)]
    assert all(s.number == made.variable for s in chosen), text
    inside = [touch for s in every(made.body) if s not in chosen for touch in touches(s, read_by(s))]
    anew = {array for array, how, _ in inside if how == "made"}
    met = [array for arrays in Orders(loops).shared(loop) for array in arrays]
    assert not {array for array, _, _ in inside if array in met} - anew, text


def test_programs_in_chunks_mean_the_same(small_chunks, ran_cases):
    """The loop IR with chunks, and without, of programs of all kinds; machine code by three threads."""
    examples = [*random_examples(11, 40)]
    found = [(example.text, example.values(gradc.compile(example.text).inputs)) for example in examples]
    kinds = (
        array_programs.losses,
        array_programs.ordered,
        array_programs.reductions,
        array_programs.gathers,
        array_programs.products,
    )
    others = [example for kind in kinds for example in list(kind())[::25]]
    found += [(e.text, [e.values()[name] for name in gradc.compile(e.text).inputs]) for e in others]
    done = 0
    for text, values in found:
        try:
            loops = compilation(text, *values).loops
            calls = gradc.compile(text, engine="interpreter")._calls
            arrays = calls.prepare(values).arrays
            expected = evaluate.run(loops, arrays)
        except (gradc.Error, ValueError, IndexError, NameError):
            continue
        cut = chunks.cut(loops)
        for made, loop in cut.chunks.items():
            assert_chunks_share_nothing(loops, made, loop, text)
        got = evaluate.run(cut.kernel, arrays)
        with using_threads(3):
            compiled = NativeKernel(build(loops)).loaded(*arrays)
        for one, other, native in zip(expected, got, compiled, strict=True):
            np.testing.assert_allclose(other, one, rtol=1e-12, atol=1e-13, err_msg=text)
            np.testing.assert_allclose(native, one, rtol=1e-9, atol=1e-11, err_msg=text)
        done += 1
    assert done > len(found) // 2
    ran_cases(done)


def chunks_of(text: str, *arguments: np.ndarray, inside: bool) -> int:
    """How many chunks the longest loop with products has for these arguments, at the top or inside of another."""
    kernel = chunks.cut(compilation(text, *arguments, transform="value").loops).kernel
    top = [s for s in kernel.body if isinstance(s, For)]
    within = [s for loop in top for s in every(loop.body)] if inside else kernel.body
    sizes = {name: n for node, x in zip(kernel.inputs, arguments) for name, n in zip(node.shape, x.shape)}
    sizes |= {s.name: s.value for s in kernel.body if isinstance(s, Define) and isinstance(s.value, int)}
    for statement in within:
        if isinstance(statement, Define) and re.match("per|chunks", statement.name):
            sizes[statement.name] = evaluate_size(statement.value, sizes)
    return max(count for name, count in sizes.items() if name.startswith("chunks"))


def test_few_dear_iterations_are_cut():
    """Not only by blocks; and heads inside of the one sequence that there is."""
    text = "Q: f64[b, h, n, d]; K: f64[b, h, n, d]; sum(exp(Q @ transpose(K, (0, 1, 3, 2))))"
    assert chunks_of(text, *np.ones((2, 8, 1, 64, 32)), inside=False) == 8
    assert chunks_of(text, *np.ones((2, 1, 8, 64, 32)), inside=False) == 1
    assert chunks_of(text, *np.ones((2, 1, 8, 64, 32)), inside=True) == 8
    assert chunks_of(text, *np.ones((2, 1, 8, 4, 3)), inside=True) == 1


def test_short_loops_are_not_cut():
    fixed = compilation("x: f64[100]; sum(exp(x))", X[:100]).loops
    assert not chunks.cut(fixed).chunks
    running = compilation("x: f64[n]; cumsum(x)", X, transform="value").loops
    assert not chunks.cut(running).chunks


def test_an_error_in_a_chunk(small_chunks):
    loops = compilation("x: f64[n]; i: i64[m]; j: i64[k]; sum(x[2*i - i]) + sum(x[j])", X, LABELS, LABELS).loops
    made = NativeKernel(build(loops)).loaded
    wrong = np.array([0, 1, 2, 99] * 50)
    for count in (1, 3):
        with using_threads(count):
            for arguments in ((X[:5], wrong, LABELS), (X[:5], LABELS, wrong)):
                with pytest.raises(IndexError, match="out of range"):
                    made(*arguments)
            made(X[:5], LABELS, LABELS)


LARGE = np.linspace(-3, 3, 300_000)
TEXT = "x: f64[n]; sum(exp(-x**2) * sin(x))"


@pytest.fixture(scope="module")
def large():
    f = gradc.compile(TEXT)
    with using_threads(1):
        value, grads = f.value_and_grad(LARGE)
    return f, value, grads.x


def test_many_python_threads(large):
    f, value, slope = large
    with using_threads(3), ThreadPoolExecutor(6) as pool:
        for got, grads in pool.map(lambda _: f.value_and_grad(LARGE), range(60)):
            assert got == value
            np.testing.assert_array_equal(grads.x, slope)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_children_have_threads_of_their_own(large):
    f, value, _ = large
    with using_threads(3):
        f(LARGE)
        running = True

        def call() -> None:
            while running:
                f(LARGE)

        caller = threading.Thread(target=call)
        caller.start()
        try:
            for _ in range(5):
                child = os.fork()
                if not child:
                    os._exit(0 if f(LARGE) == value else 3)
                assert os.waitpid(child, 0)[1] == 0
        finally:
            running = False
            caller.join()


def square_sum(count: int) -> float:
    gradc.set_threads(2)
    return gradc.compile(TEXT)(LARGE[:count])


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_worker_processes(method, large):
    _, value, _ = large
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert set(pool.map(square_sum, [LARGE.size] * 4)) == {value}


def test_an_interrupt_stops_all_threads():
    f = gradc.compile("x: f64[n]; y: f64[m]; sum(exp(sin(x[:, None] * y)))", wrt="x")
    x, y = np.linspace(0, 1, 20_000), np.linspace(0, 1, 100_000)
    f.value_and_grad(x[:10], y[:10])
    sent = []

    def interrupt() -> None:
        time.sleep(0.3)
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    with using_threads(2):
        usual = signal.signal(signal.SIGINT, signal.default_int_handler)  # several test processes ignore it
        try:
            sender = threading.Thread(target=interrupt)
            sender.start()
            with pytest.raises(KeyboardInterrupt):
                f.value_and_grad(x, y)
            assert time.monotonic() - sent[0] < 5
            sender.join()
        finally:
            signal.signal(signal.SIGINT, usual)
        value, _ = f.value_and_grad(x[:2000], y[:2000])
    with using_threads(1):
        assert f(x[:2000], y[:2000]) == value


@pytest.mark.parametrize(
    "text, arguments",
    [
        ("x: f64[n]; y: f64[m]; sum(exp(sin(x[:, None] * y)))", (np.ones(5_000), np.ones(25_000))),
        ("step(s) = sin(s); x: f64; n: i64; iterate(step, x, n)", (1.0, 40_000_000)),
    ],
    ids=["many elements", "many steps"],
)
def test_other_threads_run_meanwhile(text, arguments):
    """At the first call of a function too, and where the arguments do not tell how long it takes."""
    f = gradc.compile(text)
    seen, running = [], True

    def look() -> None:
        while running:
            seen.append(time.monotonic())
            time.sleep(0.005)

    looking = threading.Thread(target=look)
    looking.start()
    start = time.monotonic()
    try:
        f(*arguments)
    finally:
        running = False
        looking.join()
    assert max(np.diff(seen)) < (time.monotonic() - start) / 2


# ---------------------------------------------------------------- how many threads


def counted(**environment: str) -> str:
    code = "import gradc; print(gradc.get_threads())"
    usual = {name: value for name, value in os.environ.items() if name not in threads.VARIABLES}
    return subprocess.run(
        [sys.executable, "-c", code], env=usual | environment, capture_output=True, text=True, check=True
    ).stdout.strip()  # fmt: skip


def test_the_environment_says_how_many():
    assert counted(GRADC_NUM_THREADS="3", OMP_NUM_THREADS="5") == "3"
    assert counted(OMP_NUM_THREADS="5,2") == "5"
    assert counted(GRADC_NUM_THREADS="many") == counted() == str(threads.usable_cpus())


@pytest.mark.parametrize("limit", ["cpu.max", "slice/cpu.max", "slice/job/cpu.max"])
def test_a_share_of_one_processor_is_one_thread(limit, tmp_path, monkeypatch):
    (tmp_path / "slice/job").mkdir(parents=True)
    (tmp_path / "own").write_text("0::/slice/job\n")
    monkeypatch.setattr(threads, "LIMITS", tmp_path)
    monkeypatch.setattr(threads, "GROUPS", tmp_path / "own")
    assert threads.share_of_time() is None
    for text, count in (("100000 100000", 1), ("150000 100000", 2), ("max 100000", None), ("20000 100000", 1)):
        (tmp_path / limit).write_text(text)
        assert threads.share_of_time() == count


def test_a_share_of_time_in_groups_of_version_1(tmp_path, monkeypatch):
    job = tmp_path / "cpu" / "job"
    job.mkdir(parents=True)
    (tmp_path / "own").write_text("12:pids:/other\n4:cpu,cpuacct:/job\n")
    monkeypatch.setattr(threads, "LIMITS", tmp_path)
    monkeypatch.setattr(threads, "GROUPS", tmp_path / "own")
    (job / "cpu.cfs_period_us").write_text("100000\n")
    for quota, count in (("-1\n", None), ("50000\n", 1), ("300000\n", 3)):
        (job / "cpu.cfs_quota_us").write_text(quota)
        assert threads.share_of_time() == count


def test_set_threads():
    try:
        gradc.set_threads(7)
        assert gradc.get_threads() == 7
        with pytest.raises(ValueError, match="at least 1 thread, not 0"):
            gradc.set_threads(0)
        with pytest.raises(TypeError, match="a whole number, not 'two'"):
            gradc.set_threads("two")
        assert gradc.get_threads() == 7
        gradc.set_threads(2**63)
        assert ctypes.c_int64.from_address(threads.code().address("threads")).value > 7
    finally:
        gradc.set_threads(None)
    assert gradc.get_threads() == threads.usual()
