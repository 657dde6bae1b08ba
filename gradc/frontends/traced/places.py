"""Where in the user's file an operation stands, and the name that its result gets there."""

from __future__ import annotations

import dis
import linecache
import os
import sys
from functools import lru_cache
from types import CodeType, FrameType, TracebackType

from gradc.language.source import Source, Span

LIBRARIES = ("gradc", "numpy", "scipy", "autograd", "jax")
"""Packages whose frames are not the user's: what they call is placed where they were called."""

STANDARD = os.path.dirname(os.__file__) + os.sep
"""Where Python's own modules are: what calls them is the place, too."""
INSTALLED = tuple(os.path.join(STANDARD, name) for name in ("site-packages", "dist-packages"))

STORES = ("STORE_FAST", "STORE_NAME", "STORE_DEREF", "STORE_GLOBAL")


@lru_cache(maxsize=10_000)
def _is_library(file: str) -> bool:
    for name in LIBRARIES:
        module = sys.modules.get(name)
        root = os.path.dirname(getattr(module, "__file__", None) or "")
        if root and file.startswith(root + os.sep):
            return True
    if file.startswith(STANDARD) and not file.startswith(INSTALLED):
        return True
    return file.startswith("<__array_function__")


def user_frame(runner: CodeType) -> FrameType | None:
    """The innermost frame of the user's code below the one that runs `runner`; else the outermost one below it."""
    frame: FrameType | None = sys._getframe(1)
    last = None
    while frame is not None and frame.f_code is not runner:
        if not _is_library(frame.f_code.co_filename):
            return frame
        last, frame = frame, frame.f_back
    return last


class Places:
    """Spans in the files of the functions that are being traced."""

    def __init__(self, runner: CodeType):
        self.runner = runner
        self.sources: dict[str, Source] = {}
        self.codes: dict[CodeType, _Instructions] = {}

    def here(self) -> tuple[Span, str]:
        """The place of what the user's code is doing, and the local name that the result is assigned to, or ""."""
        frame = user_frame(self.runner)
        assert frame is not None
        code = self._code(frame.f_code)
        return code.span(frame.f_lasti), code.stored(frame.f_lasti)

    def raised(self, traceback: TracebackType | None) -> Span | None:
        """The place in the user's code that an error came from."""
        found, below = None, False
        while traceback is not None:
            code = traceback.tb_frame.f_code
            if below and (found is None or not _is_library(code.co_filename)):
                found = code, traceback.tb_lasti
            below = below or code is self.runner
            traceback = traceback.tb_next
        return self.at(*found) if found is not None else None

    def operation(self) -> str:
        """What the user's code is doing, as the name of a bytecode."""
        frame = user_frame(self.runner)
        return self._code(frame.f_code).operation(frame.f_lasti) if frame is not None else ""

    def at(self, code: CodeType, offset: int) -> Span:
        """The place of an instruction."""
        return self._code(code).span(offset)

    def whole(self, code: CodeType) -> Span:
        """The first line of a function."""
        return self._code(code).line(code.co_firstlineno)

    def _code(self, code: CodeType) -> _Instructions:
        found = self.codes.get(code)
        if found is None:
            source = self.sources.get(code.co_filename)
            if source is None:
                source = self.sources[code.co_filename] = source_of(code)
            found = self.codes[code] = _Instructions(code, source)
        return found


UNKNOWN = "whose text is missing"
"""What stands in the place of lines where there is no file; without a word that help would be about."""


def is_unknown(line: str) -> bool:
    return line.startswith("in ") and line.endswith(UNKNOWN)


def source_of(code: CodeType) -> Source:
    """The text of the file of a function; where there is none, as for code from `exec`, blank lines with its name."""
    text = "".join(linecache.getlines(code.co_filename))
    return Source(text, shown_name(code.co_filename)) if text else _without_text(code)


def _without_text(code: CodeType) -> Source:
    last = max((line for *_, line in code.co_lines() if line), default=code.co_firstlineno)
    return Source(f"in {code.co_qualname}, {UNKNOWN}\n" * last, shown_name(code.co_filename))


def shown_name(file: str) -> str:
    """A file's name for messages: from the working directory on, where it lies below it."""
    if file.startswith("<"):
        return file.strip("<>")
    try:
        near = os.path.relpath(file)
    except (ValueError, OSError):
        return file
    return file if near.startswith("..") else near


class _Instructions:
    """What is known of the instructions of a function."""

    def __init__(self, code: CodeType, source: Source):
        self.code, self.source = code, source
        self.positions = list(code.co_positions())
        self.spans: dict[int, Span] = {}
        self.operations: dict[int, str] = {}
        self.names: dict[int, str] = {}
        previous = None
        for instruction in dis.get_instructions(code):
            self.operations[instruction.offset] = instruction.opname
            if previous is not None and instruction.opname in STORES:
                self.names[previous] = str(instruction.argval)
            elif previous is not None and instruction.opname.startswith("STORE_FAST"):  # two in one
                argval = instruction.argval
                self.names[previous] = str(argval[0] if isinstance(argval, tuple) else argval)
            previous = instruction.offset

    def operation(self, offset: int) -> str:
        return self.operations.get(offset, "")

    def stored(self, offset: int) -> str:
        return self.names.get(offset, "")

    def span(self, offset: int) -> Span:
        found = self.spans.get(offset)
        if found is None:
            found = self.spans[offset] = self._span(offset)
        return found

    def _span(self, offset: int) -> Span:
        first, last, start, stop = self.positions[offset // 2]
        if first is None:
            return self.line(self.code.co_firstlineno)
        if last is None or start is None or stop is None or self._is_unknown(first):
            return self.line(first)
        return Span(self.source, self._offset(first, start), self._offset(last, stop))

    def _is_unknown(self, line: int) -> bool:
        return is_unknown(self.source.line(line))

    def _offset(self, line: int, column: int) -> int:
        """The offset of a column that Python counts in bytes."""
        lines = self.source.line_starts
        if line > len(lines):
            return len(self.source.text)
        text = self.source.line(line)
        if not text.isascii():
            column = len(text.encode()[:column].decode(errors="ignore"))
        return lines[line - 1] + min(column, len(text))

    def line(self, number: int) -> Span:
        """A whole line, without what it is indented by."""
        number = min(max(number, 1), len(self.source.line_starts))
        text = self.source.line(number)
        start = self.source.line_starts[number - 1] + len(text) - len(text.lstrip())
        return Span(self.source, start, max(start + len(text.strip()), start))
