"""How far something is that takes longer than a second: a bar on a terminal, nothing elsewhere."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock, Timer
from typing import IO, Any

Progress = Callable[[int, "int | None", str], None]
"""Told after each step: steps done, steps in all if that is known, what is being done."""

DELAY = 1.0
"""After how many seconds the bar appears."""


@contextmanager
def progress_bar(stream: IO[str], what: str = "", colour: bool = True) -> Iterator[Progress | None]:
    """A `Progress` that draws a bar with the seconds so far; None where the stream is no terminal."""
    if not stream.isatty() or os.environ.get("TERM") == "dumb":
        yield None
        return
    bar = DelayedBar(stream, what, colour)
    try:
        yield bar.update
    finally:
        bar.stop()


class DelayedBar:
    """A bar that appears after a second, and leaves nothing behind."""

    def __init__(self, stream: IO[str], what: str, colour: bool):
        self.stream, self.colour = stream, colour
        self.state: tuple[int, int | None, str] = (0, None, what)
        self.lock, self.stopped = Lock(), False
        self.drawn: Any = None
        self.timer = Timer(DELAY, self._appear)
        self.timer.daemon = True
        self.timer.start()

    def update(self, done: int, total: int | None, what: str) -> None:
        """Draw a new state."""
        with self.lock:
            self.state = done, total, what
            self._draw()

    def stop(self) -> None:
        """Remove the bar, or see to it that it never appears."""
        self.timer.cancel()
        with self.lock:
            self.stopped = True
            if self.drawn is not None:
                self.drawn.stop()

    def _appear(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        texts = TextColumn("{task.fields[share]}"), TextColumn("{task.description}")
        console = Console(file=self.stream, no_color=not self.colour)
        with self.lock:
            if not self.stopped:
                columns = BarColumn(), texts[0], TimeElapsedColumn(), texts[1]
                self.drawn = Progress(*columns, console=console, transient=True)
                self.drawn.add_task("", total=None, share="")
                self.drawn.start()
                self._draw()

    def _draw(self) -> None:
        if self.drawn is not None:
            done, total, what = self.state
            share = "" if total is None else f"{100 * done // max(total, 1):3}%"
            (task,) = self.drawn.task_ids
            self.drawn.update(task, completed=done, total=total, description=what, share=share)
