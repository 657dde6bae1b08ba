"""Memory of large results: blocks that serve again are arrays like any other, whoever releases them, and when."""

import ctypes
import gc
import itertools
import resource
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import gradc
from gradc.native import entry, memory
from gradc.native.link import pointer
from gradc.native.target import is_possible

pytestmark = pytest.mark.skipif(
    not (is_possible() and entry.is_possible()), reason="LLVM does not know this machine, or the entry not this Python"
)

SIZES = (8_000, 8_192, 8_193, 16_384, 100_000, 1_000_000)
"""Elements of arrays on both sides of the least block, of a step of blocks and of a huge page."""


@pytest.fixture(scope="module")
def scaled():
    """`scaled(size, a)`: an array of so many times a, from the pool."""
    f = gradc.compile("x: f64[n]; x * a")
    rows = {}

    def call(size, a):
        if size not in rows:
            rows[size] = np.ones(size)
            f(rows[size], a)
        return f(rows[size], a)

    return call


handler_of = np._core.multiarray.get_handler_name


@pytest.mark.parametrize("size", SIZES)
def test_results_are_ordinary_arrays(scaled, size):
    made = scaled(size, 3.0)
    assert handler_of(made) == "gradc"
    assert made.ctypes.data % 64 == 0
    assert made.flags.owndata and made.flags.writeable and made.base is None
    made += 1.0
    np.testing.assert_array_equal(made, np.full(size, 4.0))
    assert np.sort(made)[-1] == 4.0 and made.copy().sum() == 4.0 * size


def test_small_results_do_not_come_from_the_pool():
    f = gradc.compile("x: f64[n]; x * a")
    f(np.ones(10), 2.0)
    assert handler_of(f(np.ones(10), 2.0)) == handler_of(np.ones(10))


def test_other_arrays_keep_their_handler(scaled):
    before = handler_of()
    scaled(50_000, 1.0)
    assert handler_of() == before
    with pytest.raises(gradc.Error):
        gradc.compile("x: f64[n]; y: f64[n]; x * y")(np.ones(50_000), np.ones(50_001))
    assert handler_of() == before == handler_of(np.empty(100_000))


@pytest.mark.parametrize("size", SIZES)
def test_blocks_grow_and_shrink(scaled, size):
    """`resize` asks for the memory again: less, more, and none."""
    made = scaled(size, 3.0)
    for other in (size // 2, 2 * size, 3 * size, 1, 0, size):
        kept = min(other, made.size)
        expected = made[:kept].copy()
        made.resize(other, refcheck=False)
        np.testing.assert_array_equal(made[:kept], expected)
        assert not made[kept:].any()
        made[...] = np.arange(other)
    assert made.sum() == size * (size - 1) / 2


@pytest.mark.parametrize("order", [*itertools.permutations(range(4))])
def test_blocks_are_released_in_any_order(scaled, order):
    made = [scaled(size, float(k)) for k, size in enumerate((20_000, 20_000, 40_000, 20_000), 1)]
    for k in order:
        made[k] = None
        others = [array for array in made if array is not None]
        assert all((array == array[0]).all() and array[0] > 0 for array in others)
        again = scaled(20_000, -1.0)
        assert (again == -1.0).all() and not any(np.shares_memory(again, array) for array in others)
        assert all(array[0] > 0 and (array == array[0]).all() for array in others)


def test_released_blocks_serve_again(scaled):
    first = scaled(300_000, 1.0)
    place = first.ctypes.data
    del first
    assert scaled(300_000, 2.0).ctypes.data == place


def test_random_histories(scaled, ran_cases):
    """Arrays that come, change and go in any order never touch each other."""
    random = np.random.default_rng(0)
    held = {}
    steps = 2000
    ran_cases(steps)
    for step in range(steps):
        k = int(random.integers(48))
        if k in held and random.random() < 0.6:
            array, value = held.pop(k)
            assert (array == value).all()
            if random.random() < 0.3:
                array.resize(int(random.integers(1, 60_000)), refcheck=False)
                array[...] = value = -float(step)
                held[k] = array, value
        else:
            value = float(step + 1)
            held[k] = scaled(int(random.choice([8_192, 8_200, 16_384, 20_000, 65_536])), value), value
    assert all((array == value).all() for array, value in held.values())


def test_the_pool_is_bounded(scaled):
    """Many blocks released at once: what is kept is no more than the pool may have."""

    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize()

    size = 2_000_000
    before = resident()
    made = [scaled(size, float(k)) for k in range(40)]
    assert resident() - before > 30 * 8 * size
    del made
    gc.collect()
    assert resident() - before < memory.POOL + 4 * 8 * size


def test_tracemalloc_sees_them(scaled):
    scaled(1_000_000, 1.0)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        made = scaled(1_000_000, 1.0)
        assert abs(tracemalloc.get_traced_memory()[0] - before - made.nbytes) < 10_000
        del made
        assert abs(tracemalloc.get_traced_memory()[0] - before) < 10_000
    finally:
        tracemalloc.stop()


def set_handler(capsule):
    """`PyDataMem_SetHandler` of NumPy: the handler of new arrays; returns the one before."""
    place = entry.NUMPY_FUNCTIONS["PyDataMem_SetHandler"]
    table = (ctypes.c_void_p * (place + 1)).from_address(pointer(np._core._multiarray_umath._ARRAY_API))
    return ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object)(table[place])(capsule)


def test_numpy_itself_may_use_the_handler(scaled):
    """NumPy asks for zeros too: blocks that served before are cleared. Arrays of both handlers go in any order."""
    scaled(100_000, 7.0)
    _, _, capsule, _ = memory._kept[-1]
    before = set_handler(capsule)
    try:
        zeros, empty, grown = np.zeros(100_000), np.zeros((0, 3)), np.arange(100_000.0)
    finally:
        set_handler(before)
    others = np.zeros(100_000), np.arange(100_000.0)
    assert [handler_of(array) for array in (zeros, empty, grown)] == ["gradc"] * 3 != [handler_of(a) for a in others]
    assert not zeros.any() and empty.size == 0
    for array in (grown, others[1]):
        array.resize(300_000, refcheck=False)
        assert array[:100_000].sum() == 100_000 * 99_999 / 2 and not array[100_000:].any()
    del zeros, others
    assert (scaled(100_000, 2.0) == 2.0).all()


HUGE = {
    "x: f64[n]; y: f64[m]; z: f64[k]; reshape(x, (n, 1, 1)) * reshape(y, (m, 1)) * z": [(2**22,)] * 3,
    "x: f64[n]; y: f64[m]; reshape(x, (n, 1)) * y": [(2**22,)] * 2,
    "x: f64[n]; y: f64[m]; sum(cumsum(reshape(x, (n, 1)) * y, axis=0)[-1])": [(2**22,)] * 2,
    "x: f64[n]; y: f64[m]; z: f64[k]; w: f64[l]; v: f64[j]; reshape(x, (n, 1, 1, 1, 1)) * reshape(y, (m, 1, 1, 1)) * "
    "reshape(z, (k, 1, 1)) * reshape(w, (l, 1)) * v": [(2**13,)] * 5,
}


@pytest.mark.parametrize("text", HUGE)
def test_sizes_beyond_all_memory_are_refused(text):
    """2**44 elements, and 2**66, whose number of bytes is 0 in 64 bits; on the long way and on the short one."""
    f = gradc.compile(text)
    small = [np.ones(2) for _ in HUGE[text]]
    huge = [np.ones(shape) for shape in HUGE[text]]
    expected = np.asarray(f(*small))
    for _ in range(2):
        with pytest.raises(gradc.Error, match="G0503") as raised:
            f(*huge)
        assert "memory" in str(raised.value)
        np.testing.assert_array_equal(f(*small), expected)


SWITCH = Path("/sys/kernel/mm/transparent_hugepage/enabled")


@pytest.mark.skipif(
    not (SWITCH.exists() and "[never]" not in SWITCH.read_text()), reason="the system has no huge pages to give"
)
def test_large_scratch_is_in_huge_pages():
    """Every call maps it anew: by huge pages, and not by ordinary ones, where NumPy gets such pages too."""
    f = gradc.compile("x: f64[n]; c = cumsum(x); sum(c * c[-1])")
    x = np.full(5_000_000, 1e-6)
    for _ in range(2):
        f.value_and_grad(x)
    few = x.nbytes / memory.PAGE / 4
    if faults(lambda: np.ones_like(x)) > few:
        pytest.skip("the system has no huge pages left")
    assert faults(lambda: f.value_and_grad(x)) < few


def faults(call):
    """How many pages are mapped meanwhile."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    call()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
