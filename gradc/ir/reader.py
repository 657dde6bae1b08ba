"""Graphs read back from the text that `text.py` prints."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NoReturn

from gradc.ir.graph import Check, Graph, IndexCheck, Node, constant, input_node, make, to_bits
from gradc.ir.ops import OPS
from gradc.ir.sizes import CALLED, Derived, Size
from gradc.ir.step import LoopStep
from gradc.ir.types import DTYPES, Type
from gradc.ir.verify import problem
from gradc.language.diagnostics import Error
from gradc.language.source import Source, Span
from gradc.language.spelling import closest

TOKEN = re.compile(
    r"""\s*(?:(?P<comment>\#.*)
      | (?P<number>[0-9]+(?:\.[0-9]*)?(?:e[+-]?[0-9]+)?)
      | (?P<name>[A-Za-z_][A-Za-z_0-9]*)
      | (?P<string>"(?:[^"\\]|\\.)*")
      | (?P<sign>//|==|>=|[][(),;:=+*-])
      | (?P<end>$))""",
    re.VERBOSE | re.ASCII,
)
MAX_NESTING = 40
"""Attributes and sizes nested deeper than this are refused."""
MAX_DIGITS = 400
"""Numbers with more characters are refused."""
WORDS = {"inf": float("inf"), "nan": float("nan"), "True": True, "False": False}


@dataclass(frozen=True, slots=True)
class Lexeme:
    kind: str
    text: str
    span: Span


def read_graph(text: str) -> Graph:
    """The graph of a text that `print_graph` wrote, node for node the same objects.

    The text is not trusted: whatever is no well-formed graph raises `gradc.Error`, with the place marked.
    """
    return _GraphReader(Source(text, "graph")).read()


@dataclass
class _Inside:
    """A step while it is read, and what is known outside of it."""

    name: str
    size: Size
    backwards: bool
    outer: dict[str, Node]
    outer_steps: dict[str, LoopStep]
    inputs: dict[str, list[Node]] = field(default_factory=lambda: {"state": [], "row": [], "captured": []})
    next: dict[str, Node] = field(default_factory=dict)
    emitted: list[Node] = field(default_factory=list)


@dataclass
class _GraphReader:
    source: Source
    steps: dict[str, LoopStep] = field(default_factory=dict)
    inside: list[_Inside] = field(default_factory=list)
    nodes: dict[str, Node] = field(default_factory=dict)
    inputs: list[Node] = field(default_factory=list)
    outputs: dict[str, Node] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    index_checks: list[IndexCheck] = field(default_factory=list)

    def read(self) -> Graph:
        start = 0
        for line in self.source.text.split("\n"):
            reader = LineReader(self.source, list(tokens(self.source, start, start + len(line))))
            if reader.here.kind != "end":
                self._statement(reader)
            start += len(line) + 1
        if self.inside:
            end = Span(self.source, len(self.source.text), len(self.source.text))
            raise Error("G0105", f"`{self.inside[-1].name}` has no end", end, help="end a step with a line `end`")
        if not self.outputs:
            raise Error("G0105", "the graph has no output", help="end it with a line such as `output value = t0`")
        return Graph(tuple(self.inputs), tuple(self.outputs.items()), tuple(self.checks), tuple(self.index_checks))

    def _statement(self, line: LineReader) -> None:
        keywords: dict[str, Callable[[LineReader], None]] = {
            "input": self._input, "output": self._output, "check": self._check,
            "indices": self._indices,
            "labels": partial(self._indices, from_end=False),
        }  # fmt: skip
        if self.inside:
            words = ("state", "row", "captured", "next", "emit")
            keywords = {word: partial(self._of_step, word) for word in words} | {"end": self._end}
        first = line.here
        if first.text in keywords and (len(line.tokens) < 2 or line.tokens[1].text != "="):
            line.advance()
            keywords[first.text](line)
        else:
            self._define(line)
        line.expect_end()

    def _input(self, line: LineReader) -> None:
        name = line.name("the name of an input")
        self._unused(name)
        line.expect(":")
        node = input_node(name.text, line.type())
        self.nodes[name.text] = node
        self.inputs.append(node)

    def _output(self, line: LineReader) -> None:
        name = line.name("the name of an output")
        if name.text in self.outputs:
            raise Error("G0305", f"output `{name.text}` is defined twice", name.span)
        line.expect("=")
        self.outputs[name.text] = line.operand(self.nodes)

    def _check(self, line: LineReader) -> None:
        left = line.size()
        relation = line.here
        if relation.text not in ("==", ">="):
            line.fail("`==` or `>=` is wanted here")
        line.advance()
        right = line.size()
        line.expect(":")
        self.checks.append(Check(left, relation.text, right, line.string("a message")))

    def _indices(self, line: LineReader, from_end: bool = True) -> None:
        node = line.operand(self.nodes)
        line.expect(":")
        size = line.size()
        if node.type.dtype != "i64":
            raise Error("G0202", f"indices are i64, not {node.type.dtype}", line.before.span)
        text = node.name if node.op == "input" else line.string("its text") if line.accept(":") else ""
        self.index_checks.append(IndexCheck(node, size, text, from_end))

    def _define(self, line: LineReader) -> None:
        name = line.name("`input`, `check`, `output` or the name of a node")
        self._unused(name)
        line.expect("=")
        if line.accept_word("step"):
            line.expect_word("over")
            size = line.size()
            self.inside.append(_Inside(name.text, size, line.accept_word("backwards"), self.nodes, self.steps))
            self.nodes, self.steps = {}, {}
        else:
            self.nodes[name.text] = self._node(line)

    def _of_step(self, word: str, line: LineReader) -> None:
        """A line that says what a step reads or makes."""
        inside = self.inside[-1]
        if word == "emit":
            inside.emitted.append(line.operand(self.nodes))
            return
        name = line.name("the name of an input of the step")
        if word == "next":
            if name.text not in [state.name for state in inside.inputs["state"]] or name.text in inside.next:
                raise Error("G0301", f"`{name.text}` is no state that has no new value yet", name.span)
            line.expect("=")
            inside.next[name.text] = line.operand(self.nodes)
            return
        self._unused(name)
        line.expect(":")
        self.nodes[name.text] = node = input_node(name.text, line.type())
        inside.inputs[word].append(node)

    def _end(self, line: LineReader) -> None:
        inside = self.inside.pop()
        states = inside.inputs["state"]
        missing = [state.name for state in states if state.name not in inside.next]
        if missing:
            raise Error("G0105", f"the state `{missing[0]}` gets no new value", line.before.span)
        self.nodes, self.steps = inside.outer, inside.outer_steps
        self.steps[inside.name] = LoopStep(
            tuple(states), tuple(inside.inputs["row"]), tuple(inside.inputs["captured"]),
            tuple(inside.next[state.name] for state in states), tuple(inside.emitted), inside.size, inside.backwards,
        )  # fmt: skip

    def _unused(self, name: Lexeme) -> None:
        if name.text in self.nodes or name.text in self.steps:
            raise Error("G0305", f"`{name.text}` is defined twice", name.span)

    def _node(self, line: LineReader) -> Node:
        op = line.name("the name of an op")
        if op.text not in OPS or op.text == "input":
            near = closest(op.text, OPS.keys() - {"input"})
            raise Error(
                "G0302", f"there is no op `{op.text}`", op.span, help=f"did you mean `{near}`?" if near else None
            )
        row = OPS[op.text]
        args: list[Node] = []
        attrs: list[Any] = []
        line.expect("(")
        if row.kind != "source":
            args = line.several(lambda: line.operand(self.nodes), (";", ")"))
        if row.kind == "source" or line.here.text == ";":
            if row.kind != "source":
                line.advance()
            attrs = [line.numbers()] if op.text == "table" else line.several(line.attribute, (")",))
        if row.kind == "loop" and attrs:
            attrs[0] = self.steps.get(attrs[0], attrs[0])
        line.expect(")")
        line.expect(":")
        start = line.here
        type = line.type()
        if row.kind == "source":
            attrs.append(type)
        if op.text == "table":
            attrs[0] = tuple(to_bits(number, type.dtype) for number in attrs[0])
        span = op.span.to(line.before.span)
        wrong = problem(op.text, tuple(args), tuple(attrs), self.checks)
        if wrong:
            raise Error("G0202", wrong, span)
        node = make(op.text, *args, attrs=tuple(attrs))
        if node.type != type:
            raise Error("G0202", f"this node is {node.type}, not {type}", start.span.to(line.before.span))
        return node


def tokens(source: Source, start: int, stop: int, pattern: re.Pattern[str] = TOKEN) -> Iterator[Lexeme]:
    """The tokens of one line, and its end."""
    at = start
    while True:
        match = pattern.match(source.text, at, stop)
        if match is None:
            at += len(source.text[at:stop]) - len(source.text[at:stop].lstrip())
            raise Error("G0101", "unexpected character", Span(source, at, at + 1))
        kind = match.lastgroup
        assert kind is not None
        if kind in ("comment", "end"):
            yield Lexeme("end", "", Span(source, match.start(kind), match.start(kind)))
            return
        yield Lexeme(kind, match[kind], Span(source, match.start(kind), match.end(kind)))
        at = match.end()


class LineReader:
    """Reads the parts of one line, from the left."""

    def __init__(self, source: Source, tokens: list[Lexeme]):
        self.source = source
        self.tokens = tokens
        self.at = 0
        self.depth = 0

    @property
    def here(self) -> Lexeme:
        return self.tokens[self.at]

    @property
    def before(self) -> Lexeme:
        return self.tokens[self.at - 1]

    def fail(self, message: str) -> NoReturn:
        raise Error("G0102", message, self.here.span)

    def advance(self) -> Lexeme:
        token = self.here
        self.at = min(self.at + 1, len(self.tokens) - 1)
        return token

    def accept(self, text: str) -> bool:
        found = self.here.kind == "sign" and self.here.text == text
        if found:
            self.advance()
        return found

    def expect(self, text: str) -> None:
        if not self.accept(text):
            self.fail(f"`{text}` is wanted here")

    def accept_word(self, text: str) -> bool:
        found = self.here.kind == "name" and self.here.text == text
        if found:
            self.advance()
        return found

    def expect_word(self, text: str) -> None:
        if not self.accept_word(text):
            self.fail(f"expected `{text}`")

    def one_of(self, *words: str) -> str:
        if self.here.text not in words:
            self.fail("expected " + " or ".join(f"`{word}`" for word in words))
        return self.advance().text

    def expect_end(self) -> None:
        if self.here.kind != "end":
            self.fail("the line should end here")

    def name(self, what: str) -> Lexeme:
        if self.here.kind != "name":
            self.fail(f"{what} is wanted here")
        return self.advance()

    def string(self, what: str) -> str:
        token = self.here
        if token.kind != "string":
            self.fail(f"{what} in double quotes is wanted here")
        self.advance()
        return re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], token.text[1:-1])

    def several(self, read: Callable[[], Any], closing: tuple[str, ...]) -> list[Any]:
        """What stands between commas, up to a closing sign, which is not read."""
        items: list[Any] = []
        if self.here.text not in closing:
            items.append(read())
            while self.accept(","):
                items.append(read())
        return items

    def nested(self, read: Callable[[], Any]) -> Any:
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise Error("G0502", f"sizes and attributes nest deeper than {MAX_NESTING}", self.here.span)
        value = read()
        self.depth -= 1
        return value

    # ------------------------------------------------------------ nodes and numbers

    def operand(self, nodes: Mapping[str, Node]) -> Node:
        token = self.here
        if token.kind == "name" and token.text in nodes:
            return nodes[self.advance().text]
        if token.kind == "name" and token.text not in WORDS:
            near = closest(token.text, nodes)
            help = f"did you mean `{near}`?" if near else None
            raise Error("G0301", f"`{token.text}` is not defined above", token.span, help=help)
        value = self.number()
        type = self.type() if self.accept(":") else Type("f64")
        span = token.span.to(self.before.span)
        if type.dtype == "bool" and not isinstance(value, bool):
            raise Error("G0202", "a bool is True or False", span)
        if type.dtype == "i64" and not (_is_whole(value) and -(2**63) <= value < 2**63):
            raise Error("G0202", "this is no 64-bit integer", span)
        if type.is_float and isinstance(value, bool):
            raise Error("G0202", f"this is no {type.dtype}", span)
        return constant(value, type)

    def number(self) -> float | int | bool:
        negative = self.accept("-")
        token = self.here
        if token.kind == "name" and token.text in WORDS:
            value: float | int | bool = WORDS[token.text]
        elif token.kind != "number":
            self.fail("a number or the name of a node is wanted here")
        elif len(token.text) > MAX_DIGITS:
            raise Error("G0106", f"numbers have at most {MAX_DIGITS} characters", token.span)
        else:
            value = int(token.text) if token.text.isdigit() else float(token.text)
            if _is_whole(value) and abs(value) >= 10**308:
                value = float(token.text)
        self.advance()
        return -value if negative else value

    def numbers(self) -> tuple[float | int | bool, ...]:
        """Numbers in brackets."""
        self.expect("[")
        found = tuple(self.several(self.number, ("]",)))
        self.expect("]")
        return found

    # ------------------------------------------------------------ types, sizes, attributes

    def type(self) -> Type:
        dtype = self.name("an element type")
        if dtype.text not in DTYPES:
            help = "the element types are " + ", ".join(DTYPES)
            raise Error("G0202", f"unknown element type `{dtype.text}`", dtype.span, help=help)
        if not self.accept("["):
            return Type(dtype.text)
        sizes = self.several(self._extent, ("]",))
        self.expect("]")
        return Type(dtype.text, tuple(sizes))

    def _extent(self) -> Size:
        start = self.here
        size = self.size()
        if isinstance(size, int) and size < 0:
            raise Error("G0202", "a size is not negative", start.span.to(self.before.span))
        return size

    def attribute(self) -> Any:
        if self.here.text in ("True", "False"):
            return self.advance().text == "True"
        if not self.accept("["):
            return self.size()
        items = self.nested(lambda: self.several(self.attribute, ("]",)))
        self.expect("]")
        return tuple(items)

    def size(self) -> Size:
        """Whole numbers and names, joined by `+ - * //`, `max`, `min` and `root`."""
        left = self._product()
        while self.here.text in ("+", "-"):
            left = self._derived(self.advance(), left, self._product())
        return left

    def _product(self) -> Size:
        left = self._factor()
        while self.here.text in ("*", "//"):
            left = self._derived(self.advance(), left, self._factor())
        return left

    def _factor(self) -> Size:
        token = self.here
        if self.accept("("):
            size = self.nested(self.size)
            self.expect(")")
            return size
        if token.kind == "name":
            self.advance()
            if token.text in CALLED and self.accept("("):
                left = self.nested(self.size)
                self.expect(",")
                right = self.nested(self.size)
                self.expect(")")
                return self._derived(token, left, right)
            return token.text
        value = self.number()
        if not _is_whole(value):
            raise Error("G0202", "a size is a whole number", token.span)
        return int(value)

    @staticmethod
    def _derived(op: Lexeme, left: Size, right: Size) -> Size:
        if isinstance(left, int) and isinstance(right, int):
            raise Error("G0202", "a size of numbers alone is written as one number", op.span)
        return Derived(op.text, left, right)


def _is_whole(value: float | int | bool) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
