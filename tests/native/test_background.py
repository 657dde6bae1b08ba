"""The threads that compile parts of a kernel while the others are written."""

import threading

import pytest

from gradc.native.background import Background

COUNTS = pytest.mark.parametrize("threads", [1, 2, 4])


def begun():
    return [thread for thread in threading.enumerate() if thread.name == "gradc"]


@COUNTS
def test_results_are_in_order(threads):
    with Background(lambda x: x * x, threads) as background:
        for k in range(100):
            background.give(k)
            assert len(begun()) < threads
        assert background.results() == [k * k for k in range(100)]
        assert not begun()


@COUNTS
def test_nothing_begins_a_thread_that_has_nothing_to_do(threads):
    with Background(str, threads) as background:
        assert background.results() == []
        assert not begun()


@COUNTS
def test_faults_reach_the_caller(threads):
    with Background(lambda x: 1 // x, threads) as background:
        for k in (1, 0, 1):
            background.give(k)
        with pytest.raises(ZeroDivisionError):
            background.results()


def test_a_fault_elsewhere_ends_the_threads():
    worked_on = []
    going_on = threading.Event()

    def work(thing):
        worked_on.append(thing)
        going_on.wait()

    with pytest.raises(KeyError), Background(work, 2) as background:
        for k in range(10):
            background.give(k)
        threading.Timer(0.05, going_on.set).start()
        raise KeyError
    assert not begun()
    assert len(worked_on) <= 1


def test_an_interpreter_that_ends_has_no_more_threads(monkeypatch):
    def start(self):
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", start)
    with Background(str, 2) as background:
        background.give(1)
        assert background.results() == ["1"]
