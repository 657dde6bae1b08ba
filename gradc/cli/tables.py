"""Arrays in files, as points name them: `rows.csv`, `data.csv:time`, `data.csv:[x, y]`, `weights.npz:w`, `matrix.npy`.

A table is text of one row a line: .csv with commas or semicolons, .tsv with tabs, .txt with blanks between the cells. A
first row without numbers, or a last comment in front of the numbers, names the columns; they also have numbers, from 1.
"""

from __future__ import annotations

import csv
import re
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gradc.language.diagnostics import Error
from gradc.language.source import Source, Span
from gradc.language.spelling import closest

EXTENSIONS = (".npy", ".npz", ".csv", ".tsv", ".txt")
FILE = re.compile(r"(?P<path>.*?(?:\.npy|\.npz|\.csv|\.tsv|\.txt))(?:(?P<colon>\s*:)(?P<columns>.*))?", re.I | re.S)
COLUMN = re.compile(r'\s*(?:"(?P<quoted>(?:[^"]|"")*)"|(?P<plain>[^",\[\]]*))\s*', re.S)
DECIMAL = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
NUMBER = re.compile(rf"[+-]?(?:{DECIMAL}|inf|infinity|nan)", re.ASCII | re.I)
INTEGER = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+", re.ASCII)
SEPARATORS = {".tsv": "\t", ".txt": None}
MAX_NAMED = 12
"""How many columns a message names."""


def names_file(text: str) -> bool:
    """Whether a value is the name of a file rather than a number: it begins with `@`, or has an extension of ours."""
    return text.startswith("@") or FILE.fullmatch(text) is not None


@dataclass(frozen=True)
class Columns:
    """Which columns of a table are wanted, each with the place where it is named; all of them if none is."""

    named: tuple[tuple[str, Span], ...] = ()
    in_brackets: bool = False


def read_array(span: Span) -> np.ndarray:
    """The array that a span names, with or without an `@` in front."""
    start = span.start + span.text.startswith("@")
    named = Span(span.source, start, span.stop)
    if not named.text:
        raise Error("G0702", "expected the name of a file after `@`", span)
    parts = FILE.fullmatch(named.text)
    if parts is None:
        help = f"the extensions are {', '.join(EXTENSIONS)}"
        raise Error("G0702", f"{Path(named.text).name} has no extension that says how to read it", span, help=help)
    path = Path(parts["path"])
    columns = _columns(Span(span.source, start + parts.start("columns"), span.stop)) if parts["colon"] else Columns()
    try:
        if path.suffix.lower() == ".npy":
            return _npy(path, span, columns)
        return _npz(path, span, columns) if path.suffix.lower() == ".npz" else _table(path, span, columns)
    except OSError as error:
        raise Error("G0701", f"{path} cannot be read: {error.strerror or error}", span) from None


def _columns(span: Span) -> Columns:
    """The columns that a text names: one, or a list of them in brackets."""
    text = span.text
    if not text.lstrip().startswith("["):
        return Columns((_column(span),))
    at, end = text.index("[") + 1, text.rindex("]")
    if text[end + 1 :].strip():
        here = Span(span.source, span.start + end + 1, span.stop)
        raise Error("G0702", "unexpected text after the list of columns", here)
    found = []
    while at <= end:
        piece = COLUMN.match(text, at, end)
        stop = piece.end() if piece else at
        found.append(_column(Span(span.source, span.start + at, span.start + stop)))
        if stop < end and text[stop] != ",":
            here = Span(span.source, span.start + stop, span.start + stop + 1)
            raise Error("G0702", "expected a comma between the names of columns", here)
        at = stop + 1
    return Columns(tuple(found), in_brackets=True)


def _column(span: Span) -> tuple[str, Span]:
    piece = COLUMN.fullmatch(span.text)
    name = "" if piece is None else (piece["plain"] or "").strip() or (piece["quoted"] or "").replace('""', '"')
    if not name:
        help = 'as in t=data.csv:time, t=data.csv:2, X=data.csv:[x, y] or t=data.csv:"time, s"'
        raise Error("G0702", "expected the name of a column", span, help=help)
    return name, span


# ---------------------------------------------------------------- NumPy's files


def _npy(path: Path, span: Span, columns: Columns) -> np.ndarray:
    if columns.named:
        raise Error("G0702", "an .npy file has no columns", span, help="an .npz file has arrays with names")
    return _loaded(path, span)


def _npz(path: Path, span: Span, columns: Columns) -> np.ndarray:
    with _loaded(path, span) as arrays:
        names = tuple(arrays.files)
        if columns.in_brackets or (not columns.named and len(names) != 1):
            help = f"name one of them, as in {path.name}:{names[0]}; {_list(names)}" if names else None
            raise Error("G0702", f"{path} gives one array at a time, and holds {len(names)}", span, help=help)
        name, place = columns.named[0] if columns.named else (names[0], span)
        if name not in names:
            raise _unknown("array", name, names, path, place)
        try:
            return arrays[name]
        except (ValueError, EOFError, zipfile.BadZipFile) as error:
            raise _no_array(path, error, span) from None


def _loaded(path: Path, span: Span) -> Any:
    try:
        return np.load(path, allow_pickle=False)
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise _no_array(path, error, span) from None


def _no_array(path: Path, error: Exception, span: Span) -> Error:
    reason = (str(error).splitlines() or ["it is empty"])[0]
    return Error("G0702", f"{path} does not hold an array of numbers: {reason}", span)


# ---------------------------------------------------------------- tables of text


@dataclass(frozen=True)
class CellRow:
    """The cells of a row, and the line on which it ends."""

    line: int
    cells: list[str]


@dataclass(frozen=True)
class CellTable:
    """A file of rows, as it was read."""

    source: Source
    separator: str | None
    header: tuple[str, ...]
    rows: list[CellRow]

    @property
    def width(self) -> int:
        return len(self.header) or len(self.rows[0].cells)

    def title(self, column: int) -> str:
        """What a message calls a column."""
        return f"column `{self.header[column]}`" if self.header else f"column {column + 1}"

    def cell(self, row: CellRow, column: int) -> Span:
        """Where a cell stands in the file."""
        line = self.source.line(row.line)
        start = self.source.line_starts[row.line - 1]
        bounds = _cell_bounds(line, self.separator)
        low, high = bounds[column] if column < len(bounds) else (0, len(line))
        return Span(self.source, start + low, start + max(high, low + 1))


def _table(path: Path, span: Span, columns: Columns) -> np.ndarray:
    """The chosen columns of a file, or all of them: a vector for one column, a matrix for several."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise Error(
            "G0702", f"{path} is not UTF-8 text: byte {error.start} is {data[error.start]:#04x}", span
        ) from None
    table = _read(Source(text, str(path)), path, span, [name for name, _ in columns.named])
    places = [_place(table, name, path, where) for name, where in columns.named] or list(range(table.width))
    numbers = [_numbers(table, place) for place in places]
    whole = all(isinstance(number, int) for column in numbers for number in column)
    array = np.array(numbers, np.int64 if whole else np.float64).T
    if not columns.named and not table.header:
        return array.squeeze()
    return array[:, 0] if len(places) == 1 and not columns.in_brackets else array


def _read(source: Source, path: Path, span: Span, wanted: Sequence[str]) -> CellTable:
    """The rows of a text, and the names of its columns where it has any."""
    lines = source.text.split("\n")
    first = next((line for line in lines if line.strip() and not line.lstrip().startswith("#")), "")
    separator = SEPARATORS.get(path.suffix.lower(), ";" if _count(first, ";") >= max(1, _count(first, ",")) else ",")
    uncommented = ["" if line.lstrip().startswith("#") else line for line in lines]
    rows = []
    if separator is None:
        rows = [CellRow(number, cells) for number, line in enumerate(uncommented, 1) if (cells := line.split())]
    else:
        reader = csv.reader(
            (line + "\n" for line in uncommented), delimiter=separator, skipinitialspace=True, strict=True
        )
        try:
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    rows.append(CellRow(reader.line_num, [cell.strip() for cell in cells]))
        except csv.Error as error:
            raise Error("G0702", f"{path}, line {reader.line_num}, cannot be read: {error}", span) from None
    header: tuple[str, ...] = ()
    if rows and _names_columns(rows[0].cells, wanted):
        header, rows = tuple(rows[0].cells), rows[1:]
    elif rows:
        header = _commented_names(lines[: rows[0].line - 1], separator, len(rows[0].cells))
    if not rows:
        raise Error("G0702", f"{path} holds no numbers", span)
    return CellTable(source, separator, header, rows)


def _names_columns(cells: list[str], wanted: Sequence[str]) -> bool:
    """Whether the first row is one of names: it has no numbers, or it has the wanted names, which are no positions."""
    if not any(map(_is_number, cells)):
        return True
    positions = {str(place) for place in range(1, len(cells) + 1)}
    return bool(wanted) and set(wanted) <= set(cells) and not set(wanted) <= positions


def _commented_names(lines: list[str], separator: str | None, width: int) -> tuple[str, ...]:
    """The names of the columns in the last comment in front of the numbers, as `numpy.savetxt` writes them."""
    comments = [line.strip().lstrip("#") for line in lines if line.lstrip().startswith("#")]
    if not comments:
        return ()
    last = comments[-1]
    cells = last.split() if separator is None else next(csv.reader([last], delimiter=separator), [])
    names = tuple(cell.strip() for cell in cells)
    return names if len(names) == width and not any(map(_is_number, names)) and all(names) else ()


def _place(table: CellTable, name: str, path: Path, where: Span) -> int:
    """The place of a column by its name, or by its number, from 1."""
    same = [place for place, title in enumerate(table.header) if title == name]
    if len(same) > 1:
        help = f"name one by its number: {' or '.join(str(place + 1) for place in same)}"
        raise Error("G0702", f"{path} has {len(same)} columns called `{name}`", where, help=help)
    if same:
        return same[0]
    if name.isascii() and name.isdigit() and 1 <= int(name) <= table.width:
        return int(name) - 1
    if table.header:
        raise _unknown("column", name, table.header, path, where)
    help = f"its columns have no names, but numbers from 1 to {table.width}"
    raise Error("G0702", f"{path} has no column `{name}`", where, help=help)


def _unknown(what: str, name: str, names: tuple[str, ...], path: Path, where: Span) -> Error:
    near = closest(name, names)
    help = f"did you mean `{near}`?" if near else _list(names)
    return Error("G0702", f"{path} has no {what} `{name}`", where, help=help)


def _list(names: Iterable[str]) -> str:
    shown = [f"`{name}`" for name in names]
    return f"it has {', '.join(shown[:MAX_NAMED])}{', ...' * (len(shown) > MAX_NAMED)}"


def _numbers(table: CellTable, column: int) -> list[int] | list[float]:
    """The numbers of a column: integers where all of them are, so that they can be indices."""
    try:
        texts = [row.cells[column] for row in table.rows]
        if all(map(INTEGER.fullmatch, texts)):
            return [int(text) for text in texts]
        if all(map(NUMBER.fullmatch, texts)):
            return [float(text) for text in texts]
    except IndexError:
        pass
    return [_checked(table, row, column) for row in table.rows]


def _checked(table: CellTable, row: CellRow, column: int) -> float:
    """The number in a cell, which may have a comment behind it."""
    if len(row.cells) <= column:
        cells = "1 cell" if len(row.cells) == 1 else f"{len(row.cells)} cells"
        span, help = table.cell(row, len(row.cells)), f"it ends before {table.title(column)}"
        raise Error("G0702", f"line {row.line} has {cells}, the first one {table.width}", span, help=help)
    text = row.cells[column].partition("#")[0].strip()
    if NUMBER.fullmatch(text):
        return float(text)
    help = "write nan where a number is unknown, or leave the row out"
    if DECIMAL_COMMA.fullmatch(text):
        help = "numbers have a decimal point, and nothing between thousands"
    message = f"`{text}` is not a number" if text else "a cell is empty"
    raise Error("G0702", message, table.cell(row, column), label=table.title(column), help=help)


def _is_number(text: str) -> bool:
    return NUMBER.fullmatch(text) is not None


def _count(line: str, separator: str) -> int:
    """How often a separator stands outside of quotes."""
    return sum(piece.count(separator) for piece in line.split('"')[::2])


def _cell_bounds(line: str, separator: str | None) -> list[tuple[int, int]]:
    """Where the cells of a line begin and end."""
    if separator is None:
        return [match.span() for match in re.finditer(r"\S+", line)]
    ends, quoted = [], False
    for place, character in enumerate(line):
        quoted ^= character == '"'
        if character == separator and not quoted:
            ends.append(place)
    starts = [0, *(end + 1 for end in ends)]
    bounds = []
    for low, high in zip(starts, [*ends, len(line)]):
        cell = line[low:high]
        indent = len(cell) - len(cell.lstrip())
        bounds.append((low + indent, low + max(indent, len(cell.rstrip()))))
    return bounds
