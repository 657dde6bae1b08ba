"""Pictures: well-formed SVG that holds every gate, value and gradient, with nothing on top of anything else."""

import re
import xml.etree.ElementTree as ElementTree
from itertools import pairwise

import pytest

import gradc
from gradc.show.layout import _spread, layered
from gradc.show.picture import MAX_GATES, short

SVG = "{http://www.w3.org/2000/svg}"
PROGRAMS = {
    "lecture": ("(x+y)*z", {"x": -2, "y": 5, "z": -4}),
    "neuron": ("1/(1+exp(-(w0*x0+w1*x1+w2)))", {"w0": 2, "x0": -1, "w1": -3, "x1": -2, "w2": -3}),
    "shared": ("s = sqrt(v); (1-x)**2 + 100*(y-x**2)**2/s + log(v)", {"x": 1.2, "y": -1.0, "v": 2.0}),
    "arrays": ("sum(100*(x[1:]-x[:-1]**2)**2 + (1-x[:-1])**2)", {"x": [1.0, 2.0, 3.0, 4.0, 5.0]}),
    "where": ("where(a > 2, b, a*a) + max(a, b) + 0.5*a", {"a": 0.3, "b": 0.1}),
    "input": ("x", {"x": 3.0}),
    "constant": ("3", {}),
    "comparison": ("x > y", {"x": 1, "y": 2}),
}


def drawn(name):
    text, at = PROGRAMS[name]
    trace = gradc.trace(text, **at)
    return trace, ElementTree.fromstring(trace.svg())


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_gate_value_and_gradient_is_there(name):
    trace, root = drawn(name)
    texts = {kind: [] for kind in ("symbol", "input", "value", "gradient")}
    for element in root.iter(f"{SVG}text"):
        texts.setdefault(element.get("class"), []).append(element.text)
    assert texts["symbol"] == [gate.gate for gate in trace]
    assert set(trace.inputs) <= set(texts["input"])
    arguments = [argument for gate in trace for argument in gate.arguments]
    assert sorted(texts["value"]) == sorted([short(a.value) for a in arguments] + [short(trace.value)])
    products = [a.product for a in arguments] + [trace.upstream]
    assert sorted(texts["gradient"]) == sorted(short(p) for p in products if p is not None)


def boxes_of(root):
    """The rectangles of gates and labels: left, top, right, bottom."""
    found = []
    for element in root.iter():
        if element.get("class") == "gate":
            x, y, w, h = (float(element.get(key)) for key in ("x", "y", "width", "height"))
            found.append((x, y, x + w, y + h))
        elif element.get("class") in ("value", "gradient"):
            x, y, half = float(element.get("x")), float(element.get("y")), 3 * len(element.text)
            found.append((x - half, y - 9, x + half, y + 1))
    return found


@pytest.mark.parametrize("name", PROGRAMS)
def test_nothing_overlaps_and_nothing_leaves_the_picture(name):
    _, root = drawn(name)
    boxes = boxes_of(root)
    width, height = float(root.get("width")), float(root.get("height"))
    for k, (left, top, right, bottom) in enumerate(boxes):
        assert left >= 0 and top >= 0 and right <= width and bottom <= height
        for other in boxes[:k]:
            assert left >= other[2] or other[0] >= right or top >= other[3] or other[1] >= bottom


@pytest.mark.parametrize("name", PROGRAMS)
def test_values_stand_above_gradients_and_edges_go_right(name):
    _, root = drawn(name)
    labels = [element for element in root if element.get("class") in ("value", "gradient")]
    for above, below in pairwise(labels):
        if (above.get("class"), below.get("class")) == ("value", "gradient"):
            assert float(above.get("y")) < float(below.get("y"))
    for edge in root.iter(f"{SVG}path"):
        across = [float(x) for x in re.findall(r"(?:M|H|[ C](?=[-0-9.]+ [-0-9.]+))(-?[0-9.]+)", edge.get("d"))]
        assert across[0] < across[-1]


def test_the_picture_of_the_lecture(golden):
    golden("lecture.svg", gradc.trace("(x+y)*z", x=-2, y=5, z=-4).svg())


def test_text_of_the_user_cannot_become_markup():
    text = 'x * 2  # <script>alert("1")</script> & ]]> \u202e \ufffe'
    root = ElementTree.fromstring(gradc.trace(text, x=1.0).svg())
    assert not list(root.iter(f"{SVG}script"))
    title = root.find(f"{SVG}title").text
    assert "<script>" in title and "\ufffe" not in title and "\u202e" not in title


def test_it_stands_alone():
    svg = gradc.trace("x*y", x=1, y=2).svg()
    assert "href" not in svg and "url(" not in svg and "import" not in svg


def test_too_many_gates_are_refused():
    assert gradc.trace("-" * MAX_GATES + "x", x=1.0).svg()
    with pytest.raises(gradc.Error) as caught:
        gradc.trace("-" * (MAX_GATES + 1) + "x", x=1.0).svg()
    assert caught.value.code == "G0503"
    assert "table" in caught.value.help


def test_shapes_stand_for_large_arrays():
    assert short(0.36787944) == "0.368"
    assert short(-12.0) == "-12"
    assert short(gradc.trace("x*1", x=[1.0, 2.5]).value) == "[1, 2.5]"
    assert short(gradc.trace("x*1", x=[[1.0] * 4] * 3).value) == "[3, 4] array"
    assert short(None) == ""


# ---------------------------------------------------------------- layout


def test_columns_follow_the_longest_path_and_inputs_stand_beside_their_user():
    edges = [("a", "f"), ("f", "g"), ("b", "g"), ("a", "g"), ("g", "h")]
    layout = layered(["a", "b", "f", "g", "h"], edges)
    assert layout.column == {"a": 0, "b": 1, "f": 1, "g": 2, "h": 3}
    assert [len(path) for path in layout.paths] == [2, 2, 2, 3, 2]


def test_vertices_of_one_column_are_a_row_apart():
    edges = [(f"x{k}", f"g{k % 3}") for k in range(9)] + [(f"g{k}", "out") for k in range(3)]
    layout = layered([*dict.fromkeys(source for source, _ in edges), "out"], edges)
    for column in range(3):
        heights = sorted(layout.height[v] for v, at in layout.column.items() if at == column)
        assert all(b - a >= 1 - 1e-9 for a, b in pairwise(heights))


def test_a_tree_is_drawn_without_crossings():
    edges = [("a", "p"), ("b", "p"), ("c", "q"), ("d", "q"), ("p", "r"), ("q", "r")]
    heights = layered(["a", "b", "p", "c", "d", "q", "r"], edges).height
    assert heights["a"] < heights["b"] < heights["c"] < heights["d"]
    assert heights["p"] < heights["q"]


def test_chains_run_level():
    edges = [("x", "f"), ("f", "g"), ("g", "h")]
    assert len(set(layered(["x", "f", "g", "h"], edges).height.values())) == 1


@pytest.mark.parametrize(
    ("wanted", "placed"),
    [
        ([], []),
        ([3.0], [3.0]),
        ([0.0, 5.0], [0.0, 5.0]),
        ([2.0, 2.0], [1.5, 2.5]),
        ([1.0, 1.0, 1.0, 9.0], [0.0, 1.0, 2.0, 9.0]),
    ],
)
def test_positions_are_spread_by_least_squares(wanted, placed):
    assert _spread(wanted) == pytest.approx(placed)
