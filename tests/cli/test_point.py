"""Points as people type them: read by our own code, and every mistake marked."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradc.cli.point import read_point
from gradc.language.diagnostics import Error


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("x=1", {"x": 1}),
        ("x=-2,y=5,z=-4", {"x": -2, "y": 5, "z": -4}),
        (" x = 1.5e-3 , y = +.5 ", {"x": 1.5e-3, "y": 0.5}),
        ("x=inf,y=-inf", {"x": np.inf, "y": -np.inf}),
        ("x=pi/4", {"x": np.pi / 4}),
        ("x=max(1, 2) + 1,y=(3)", {"x": 3.0, "y": 3.0}),
        ("x=1,", {"x": 1}),
        ("x=12345678901234567890", {"x": 12345678901234567890.0}),
        ("class=1,lambda=2,_=3", {"class": 1, "lambda": 2, "_": 3}),
    ],
)
def test_numbers(text, values):
    read = read_point([text])
    assert read == values
    assert [type(value) in (int, float) for value in read.values()] == [True] * len(values)


def test_whole_numbers_stay_whole():
    assert type(read_point(["k=3"])["k"]) is int
    assert read_point(["k=[1, 2]"])["k"].dtype == np.int64


def test_nan():
    assert np.isnan(read_point(["x=nan"])["x"])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[1,2,3]", [1, 2, 3]),
        ("[ 1 , 2.5 ]", [1.0, 2.5]),
        ("[[1,2],[3,4]]", [[1, 2], [3, 4]]),
        ("[[[1]]]", [[[1]]]),
        ("[]", []),
        ("[1,2,]", [1, 2]),
        ("[-inf, nan]", [-np.inf, np.nan]),
        ("[pi/2, max(1, 2), -(3)]", [np.pi / 2, 2.0, -3.0]),
    ],
)
def test_lists(text, value):
    read = read_point([f"x=0,t={text},y=1"])
    np.testing.assert_array_equal(read["t"], value)
    assert isinstance(read["t"], np.ndarray)
    assert (read["x"], read["y"]) == (0, 1)


def test_several_texts_add_up():
    assert read_point(["x=1", "y=2,z=3"]) == {"x": 1, "y": 2, "z": 3}


def test_a_long_list_takes_linear_time():
    read = read_point(["t=[" + ",".join(["0.5"] * 200_000) + "]"])
    assert read["t"].shape == (200_000,)


def test_files(tmp_path):
    array = np.array([[1.0, 2.0], [3.0, 4.5]])
    np.save(tmp_path / "a.npy", array)
    (tmp_path / "a.csv").write_text("# two columns\n1,2\n3,4.5\n")
    (tmp_path / "a.txt").write_text("1 2\n3 4.5\n")
    for ending in ("npy", "csv", "txt"):
        np.testing.assert_array_equal(read_point([f"X=@{tmp_path}/a.{ending}, y=1"])["X"], array)


def test_bad_files(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    (tmp_path / "words.csv").write_text("a,b\n1,2\n")
    (tmp_path / "ragged.txt").write_text("1 2\n3\n")
    (tmp_path / "empty.npy").write_bytes(b"")
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "what.xyz").write_text("1")
    for name in ("objects.npy", "words.csv", "ragged.txt", "empty.npy", "empty.csv", "bytes.txt", "what.xyz"):
        with pytest.raises(Error) as caught:
            read_point([f"x=@{tmp_path}/{name}"])
        assert caught.value.code == "G0702", name
        assert name in caught.value.message
    for name in ("none.npy", "none/none.csv"):
        with pytest.raises(Error) as caught:
            read_point([f"x=@{tmp_path}/{name}"])
        assert caught.value.code == "G0701"


BAD = [
    "", "x", "x=", "=1", "x=1,x=2", "x=1,,y=2", "1=x", "x y=1", "x.y=1", "x=[1,2", "x=1]", "x=(1]", "x=[1 2]",
    "x=[1,,2]", "x=[1,[2]]", "x=[a]", "x=[1,2]3", "x=[", "x=]", "x=[1+1]", "x=y", "x=1+y", "x=__import__('os')",
    "x='a'", "x=2y", "x=1;y=2", "x==1", "x=[" * 3, "x=" + "[" * 40 + "]" * 40, "x=@", "x=@data", "x=1 y=2",
    "x=0x10", "x=1_000", "x=[1_000]", "é=1", "x=１", "x=sum([1,2])", "x=1/0+z", "x=\0", "x=[1,\n2", "x=1e999999",
    "x=" + "9" * 500,
]  # fmt: skip


def test_every_message(golden):
    drawn = []
    for text in BAD:
        try:
            outcome = f"{read_point([text])}"
        except Error as error:
            outcome = str(error)
        drawn.append(f"{text if len(text) < 100 else text[:40] + ' ...'!r}\n{outcome}\n")
    golden("points.txt", "\n".join(drawn))


@given(st.text(alphabet="xy=,[]()@.-+e19 pi", max_size=30))
def test_any_text_is_a_point_or_an_error_of_ours(text):
    try:
        read_point([text])
    except Error as error:
        assert error.code in ("G0701", "G0702")
        assert error.span is not None
