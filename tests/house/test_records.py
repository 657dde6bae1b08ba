"""The compiler's data classes behave like the standard library's, though they get their methods late."""

from dataclasses import FrozenInstanceError, replace

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
