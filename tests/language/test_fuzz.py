"""Whatever the bytes: a tree or one of our errors."""

from hypothesis import given, settings
from hypothesis import strategies as st
from trees import programs

from gradc.language.diagnostics import Error
from gradc.language.parser import parse
from gradc.language.source import Source
from gradc.language.unparse import unparse

WORDS = """( ) [ ] , : ; = == != < <= + - * / // % ** ^ @ . ... .T and or not if else def True False None x y f64 n
1 2.5 1e 1e5 0x1 1_ _ np .exp __class__ lambda for in return is && || ! & | ~ ' " # \\ { } $ ? ` := => -> += <>
² ₁ × − ≤ π ∑ “ ” α а ｅ 日 \ud800 \u200b \U0001f600""".split()
WORDS += ["\n", "\t", "\r", "\0", "\f", "\u00a0", "\u2028"]


def check(text):
    """A tree that can be printed and read back, or an error that can be shown."""
    source = Source(text)
    try:
        program = parse(source)
    except Error as error:
        place = error.span
        assert place is None or 0 <= place.start <= place.stop <= len(text)
        assert error.help
        assert not error.message[0].isupper() or not error.message[0].isascii() or error.message.startswith("U+")
        assert "\n" not in error.message and "\n" not in error.help
        assert max(map(len, str(error).split("\n"))) < 250
        assert error.as_dict()["code"] == error.code
        return
    again = unparse(program)
    assert unparse(parse(Source(again))) == again


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_random_bytes(data):
    check(data.decode("latin-1"))


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.characters(), max_size=40))
def test_random_text(text):
    check(text)


@settings(max_examples=600, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=14), st.sampled_from(["", " "]))
def test_random_words(words, between):
    check(between.join(words))


@settings(max_examples=300, deadline=None)
@given(programs.map(unparse), st.data())
def test_damaged_programs(text, data):
    start = data.draw(st.integers(0, len(text)))
    stop = data.draw(st.integers(start, min(len(text), start + 8)))
    middle = data.draw(st.sampled_from(["", *WORDS]))
    check(text[:start] + middle + text[stop:])


@settings(max_examples=200, deadline=None)
@given(programs.map(unparse), st.data())
def test_half_a_program(text, data):
    check(text[: data.draw(st.integers(0, len(text)))])
