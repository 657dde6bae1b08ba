"""The compiler's data classes behave like the standard library's, though they get their methods late."""

import threading
from dataclasses import FrozenInstanceError, field, replace

import pytest

from gradc.language.record import dataclass


@dataclass(frozen=True)
class Base:
    x: int
    y: float = 2.0


@dataclass(frozen=True)
class Derived(Base):
    z: str = "z"


@dataclass(slots=True)
class Slim:
    x: int


class Counted(Slim):
    def __init__(self, x: int):
        super().__init__(x + 1)


def test_fields_equality_and_order_of_inheritance():
    assert Derived(1, z="q") == Derived(1, 2.0, "q") != Derived(1)
    assert hash(Base(1)) == hash(Base(1, 2.0))
    assert repr(replace(Derived(1), y=3.0)) == "Derived(x=1, y=3.0, z='z')"
    match Base(5):
        case Base(x, y):
            assert (x, y) == (5, 2.0)


def test_frozen_and_slim():
    with pytest.raises(FrozenInstanceError):
        Base(1).x = 2
    with pytest.raises(AttributeError):
        Slim(1).y = 2


def test_the_first_instance_may_be_a_subclass_s():
    assert Counted(1).x == 2


def test_threads_may_make_the_first_instance_at_once():
    """The methods are written by one of them while the others call the class."""
    for _ in range(50):

        @dataclass(frozen=True)
        class Point:
            x: int
            y: list = field(default_factory=list)

        barrier, made = threading.Barrier(4), []

        def make(Point=Point, barrier=barrier, made=made):
            barrier.wait()
            made.append(Point(1))

        workers = [threading.Thread(target=make) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert made == [Point(1, [])] * 4
        assert repr(made[0]).endswith("Point(x=1, y=[])")
