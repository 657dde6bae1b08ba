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
    (tmp_path / "a.tsv").write_text("1\t2\n3\t4.5\n")
    np.savez(tmp_path / "a.npz", array)
    for ending in ("npy", "npz", "csv", "tsv", "txt"):
        for before in ("@", ""):
            np.testing.assert_array_equal(read_point([f"X={before}{tmp_path}/a.{ending}, y=1"])["X"], array)


DECAY = 'time,"value, measured", k \r\n0,3.5,1\r\n\r\n0.5,2,0\r\n1,1.25,2\r\n'


@pytest.mark.parametrize(
    ("text", "columns", "value"),
    [
        (DECAY, ":time", [0, 0.5, 1]),
        (DECAY, ":2", [3.5, 2, 1.25]),
        (DECAY, ':"value, measured"', [3.5, 2, 1.25]),
        (DECAY, ":[k, time]", [[1, 0], [0, 0.5], [2, 1]]),
        (DECAY, ':["value, measured"]', [[3.5], [2], [1.25]]),
        (DECAY, ":[1,3]", [[0, 1], [0.5, 0], [1, 2]]),
        (DECAY, "", [[0, 3.5, 1], [0.5, 2, 0], [1, 1.25, 2]]),
        ("\ufefft;y\n1;2.5\n3;4\n", ":y", [2.5, 4]),
        ("y\n1\n2\n", "", [1, 2]),
        ("1,2\n3,4\n", ":2", [2, 4]),
        ("# t, y\n1,2\n3,4\n", ":y", [2, 4]),
        ("# about this file\nt,y\n1,2 # a remark\n3,4\n", ":y", [2, 4]),
        ("station,a,b\nX-1,1,2\nX-2,3,nan\n", ":b", [2, np.nan]),
        ("2019,2020\n1,2\n", ":2020", [2]),
        ('a,b\n"1",-2e3\n', ":[a,b]", [[1, -2000]]),
        ("a,b,\n1,2,\n", ":b", [2]),
    ],
)
def test_columns_of_tables(text, columns, value, tmp_path):
    (tmp_path / "data.csv").write_text(text, newline="")
    read = read_point([f"t={tmp_path}/data.csv{columns}, q=1"])
    np.testing.assert_array_equal(read["t"], value, strict=False)
    assert (np.shape(read["t"]), read["q"]) == (np.shape(value), 1)


def test_columns_of_other_files(tmp_path):
    (tmp_path / "a.txt").write_text("# t y\n1 2\n3 4\n")
    (tmp_path / "b.txt").write_text("t    y\n1    2\n")
    (tmp_path / "c.tsv").write_text("t of it\ty\n1\t2\n")
    np.savez(tmp_path / "d.npz", t=[1.0, 2.0], y=[[3]])
    files = (
        "p=a.txt:y", "q=b.txt:t", "r=c.tsv:t of it", "s=d.npz:y", "T=d.npz:t",
    )  # fmt: skip
    read = read_point([text.replace("=", f"={tmp_path}/") for text in files])
    assert {name: value.tolist() for name, value in read.items()} == {
        "p": [2, 4], "q": [1], "r": [1], "s": [[3]], "T": [1.0, 2.0],
    }  # fmt: skip


def test_whole_columns_may_be_indices(tmp_path):
    (tmp_path / "k.csv").write_text("k,x\n0,1\n2,1.5\n")
    read = read_point([f"k={tmp_path}/k.csv:k, x={tmp_path}/k.csv:x"])
    assert (read["k"].dtype, read["x"].dtype) == (np.int64, np.float64)


BAD_TABLES = {
    "an empty cell": ("t,y\n0,1\n0.5,\n", ":y"),
    "no number": ("t,y\n0,1\n0.5,about 2\n", ":y"),
    "another column may be anything": ("t,y\n0,1\nx,2\n", ":[t,y]"),
    "a decimal comma": ("t;y\n0;1,5\n", ":y"),
    "a short row": ("t,y\n0,1\n0.5\n", ":y"),
    "a cell in quotes": ('t,y\n"1,000",1\n', ":t"),
    "a cell without names": ("1,2\n3,x\n", ""),
    "no such column": ("time,y\n0,1\n", ":tme"),
    "none like it": ("time,y\n0,1\n", ":weight"),
    "no names at all": ("0,1\n", ":t"),
    "a number too large": ("t,y\n0,1\n", ":3"),
    "the same name twice": ("t,t\n0,1\n", ":t"),
    "only a header": ("t,y\n", ":t"),
    "a quote that never ends": ('t,y\n0,"1\n', ":t"),
    "no name": ("t,y\n0,1\n", ":"),
    "a list that is none": ("t,y\n0,1\n", ":[t y]"),
    "text behind a list": ("t,y\n0,1\n", ":[t]y"),
}


def test_every_message_about_tables(golden, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    drawn = []
    for title, (text, columns) in BAD_TABLES.items():
        (tmp_path / "data.csv").write_text(text)
        with pytest.raises(Error) as caught:
            read_point([f"t=data.csv{columns}"])
        drawn.append(f"{title}\n{caught.value}\n")
    np.savez(tmp_path / "data.npz", t=[1.0], y=[2.0])
    np.save(tmp_path / "data.npy", [1.0])
    for text in ("t=data.npz", "t=data.npz:z", "t=data.npz:[t,y]", "t=data.npy:t"):
        with pytest.raises(Error) as caught:
            read_point([text])
        drawn.append(f"{text}\n{caught.value}\n")
    golden("tables.txt", "\n".join(drawn))


def test_a_long_table_takes_linear_time(tmp_path):
    (tmp_path / "long.csv").write_text("t,y\n" + "0.5,1\n" * 200_000)
    assert read_point([f"t={tmp_path}/long.csv:t"])["t"].shape == (200_000,)


def test_bad_files(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    (tmp_path / "words.csv").write_text("a,b\n1,c\n")
    (tmp_path / "ragged.txt").write_text("1 2\n3\n")
    (tmp_path / "empty.npy").write_bytes(b"")
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "what.xyz").write_text("1")
    (tmp_path / "broken.npz").write_bytes(b"PK")
    np.savez(tmp_path / "objects.npz", np.array([{}], dtype=object), allow_pickle=True)
    for name in (
        "broken.npz",
        "objects.npz",
        "objects.npy",
        "words.csv",
        "ragged.txt",
        "empty.npy",
        "empty.csv",
        "bytes.txt",
        "what.xyz",
    ):
        with pytest.raises(Error) as caught:
            read_point([f"x=@{tmp_path}/{name}"])
        assert caught.value.code == "G0702", name
        assert name in str(caught.value)
    for name in ("none.npy", "none/none.csv"):
        with pytest.raises(Error) as caught:
            read_point([f"x=@{tmp_path}/{name}"])
        assert caught.value.code == "G0701"


BAD = [
    "", "x", "x=", "=1", "x=1,x=2", "x=1,,y=2", "1=x", "x y=1", "x.y=1", "x=[1,2", "x=1]", "x=(1]", "x=[1 2]",
    "x=[1,,2]", "x=[1,[2]]", "x=[a]", "x=[1,2]3", "x=[", "x=]", "x=[1+1]", "x=y", "x=1+y", "x=__import__('os')",
    "x='a'", "x=2y", "x=1;y=2", "x==1", "x=[" * 3, "x=" + "[" * 40 + "]" * 40, "x=@", "x=@data", "x=1 y=2",
    "x=0x10", "x=1_000", "x=[1_000]", "é=1", "x=１", "x=sum([1,2])", "x=1/0+z", "x=\0", "x=[1,\n2", "x=1e999999",
    "x=" + "9" * 500, "x=prices.xlsx", "x=/tmp/prices", "x=../prices.parquet:time",
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
