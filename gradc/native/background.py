"""Threads that work on what is handed to them, while the thread that does so goes on.

LLVM compiles the parts of a long program in them, for which it needs no Python, as Python writes the next ones.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Generic, TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")


class Background(Generic[Given, Made]):
    """Applies a function to things, in so many threads, the caller's among them, which joins in when it asks for the
    results. Threads begin as things are given, and have ended when the `with` block is left, however that happens."""

    def __init__(self, function: Callable[[Given], Made], threads: int):
        self.function = function
        self.most = threads - 1
        self._given: SimpleQueue[tuple[int, Given]] = SimpleQueue()
        self._made: dict[int, Made] = {}
        self._count = 0
        self._faults: list[BaseException] = []
        self._threads: list[Thread] = []

    def __enter__(self) -> Background[Given, Made]:
        return self

    def __exit__(self, *raised: object) -> None:
        if raised[0] is not None:
            self._drop()
        self._end()

    def give(self, thing: Given) -> None:
        """Have it worked on."""
        self._given.put((self._count, thing))
        self._count += 1
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        if len(self._threads) < self.most:
            thread = Thread(target=self._work, name="gradc", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the interpreter is about to end
                return
            self._threads.append(thread)

    def results(self) -> list[Made]:
        """What became of all things, in their order; raises what the function raised."""
        self._work()
        self._end()
        if self._faults:
            raise self._faults[0]
        return [self._made[k] for k in range(self._count)]

    def _work(self) -> None:
        """Work on what is there."""
        try:
            while True:
                place, thing = self._given.get_nowait()
                self._made[place] = self.function(thing)
        except Empty:
            pass
        except BaseException as fault:
            self._faults.append(fault)
            self._drop()

    def _drop(self) -> None:
        """Forget what is not begun."""
        try:
            while True:
                self._given.get_nowait()
        except Empty:
            pass

    def _end(self) -> None:
        for thread in self._threads:
            thread.join()
        self._threads = []
