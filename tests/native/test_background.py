"""The thread that compiles parts of a kernel while the others are written."""

import threading

import pytest

from gradc.native.background import Background


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "gradc"]


def test_results_are_in_order():
    with Background(lambda x: x * x) as background:
        for k in range(100):
            background.give(k)
        assert background.results() == [k * k for k in range(100)]
        assert not threads()


def test_nothing_begins_a_thread_that_has_nothing_to_do():
    with Background(str) as background:
        assert background.results() == []
        assert not threads()


def test_faults_reach_the_caller():
    with Background(lambda x: 1 // x) as background:
        background.give(0)
        background.give(1)
        with pytest.raises(ZeroDivisionError):
            background.results()


def test_a_fault_elsewhere_ends_the_thread():
    begun = []
    going_on = threading.Event()

    def work(thing):
        begun.append(thing)
        going_on.wait()

    with pytest.raises(KeyError), Background(work) as background:
        for k in range(10):
            background.give(k)
        threading.Timer(0.05, going_on.set).start()
        raise KeyError
    assert not threads()
    assert len(begun) <= 1


def test_an_interpreter_that_ends_has_no_more_threads(monkeypatch):
    def start(self):
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", start)
    with Background(str) as background:
        background.give(1)
        assert background.results() == ["1"]
