"""One thread that works on what is handed to it, while the thread that does so goes on.

LLVM compiles the parts of a long program in it, for which it needs no Python, as Python writes the next ones.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Generic, TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")


class Background(Generic[Given, Made]):
    """Applies a function to things one after the other. The thread begins with the first one, and has ended when the
    `with` block is left, however that happens."""

    def __init__(self, function: Callable[[Given], Made]):
        self.function = function
        self._given: SimpleQueue[Given | None] = SimpleQueue()
        self._made: list[Made] = []
        self._fault: BaseException | None = None
        self._thread: Thread | None = None

    def __enter__(self) -> Background[Given, Made]:
        return self

    def __exit__(self, *raised: object) -> None:
        if self._thread is not None:
            if raised[0] is not None:
                self._drop()
            self._finish()

    def give(self, thing: Given) -> None:
        """Have it worked on."""
        if self._thread is None:
            thread = Thread(target=self._work, name="gradc", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the interpreter is about to end
                self._made.append(self.function(thing))
                return
            self._thread = thread
        self._given.put(thing)

    def results(self) -> list[Made]:
        """What became of all things, in their order; raises what the function raised."""
        self._finish()
        if self._fault is not None:
            raise self._fault
        return self._made

    def _work(self) -> None:
        try:
            while (thing := self._given.get()) is not None:
                self._made.append(self.function(thing))
        except BaseException as fault:
            self._fault = fault

    def _drop(self) -> None:
        """Forget what is not begun."""
        while not self._given.empty():
            try:
                self._given.get_nowait()
            except Empty:  # the thread has just taken it
                break

    def _finish(self) -> None:
        if self._thread is not None:
            self._given.put(None)
            self._thread.join()
            self._thread = None
