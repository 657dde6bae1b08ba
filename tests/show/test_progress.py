"""Bars of progress: on terminals, after a second, and gone at the end."""

import io
import time

import pytest

from gradc.show import progress
from gradc.show.progress import progress_bar


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    return Terminal()


def wait_for(text, stream):
    until = time.monotonic() + 20
    while text not in stream.getvalue():
        assert time.monotonic() < until, stream.getvalue()
        time.sleep(0.01)


def test_what_takes_long_says_how_far_it_is(terminal, monkeypatch):
    monkeypatch.setattr(progress, "DELAY", 0.01)
    with progress_bar(terminal, "thinking", colour=False) as report:
        wait_for("thinking", terminal)
        report(3, 4, "nearly there")
        wait_for(" 75%", terminal)
        wait_for("nearly there", terminal)
    assert terminal.getvalue().endswith("\x1b[2K")  # the line is empty again
    assert "\x1b[3" not in terminal.getvalue()


def test_what_is_quick_says_nothing(terminal):
    with progress_bar(terminal, "thinking") as report:
        report(1, 2, "half of it")
    assert terminal.getvalue() == ""


def test_nothing_is_drawn_where_nobody_watches(terminal, monkeypatch):
    with progress_bar(io.StringIO(), "thinking") as report:
        assert report is None
    monkeypatch.setenv("TERM", "dumb")
    with progress_bar(terminal, "thinking") as report:
        assert report is None
    assert terminal.getvalue() == ""
