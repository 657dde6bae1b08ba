"""Pictures: well-formed SVG that holds every gate, value and gradient, with nothing on top of anything else."""

import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from pictured import PROGRAMS, random_program

import gradc
from gradc.show.drawing import drawing
from gradc.show.labels import SHADES, heat_map, label, short
from gradc.show.layout import Footprint, _spread, layered
from gradc.show.picture import MAX_GATES, draw, title

DOCS = Path(__file__).parents[2] / "docs"
SVG = "{http://www.w3.org/2000/svg}"
RANDOM = {f"random {seed}": random_program(seed, 4 + seed) for seed in range(24)}
ALL = {**PROGRAMS, **RANDOM}
BOXES = {"loop": 1, "loops": 2, "backwards": 1, "iteration": 1, "shift": 1}
VIEWS = [
    *((name, "") for name in ALL),
    *((name, "unfolded") for name in PROGRAMS),
    *((name, f"box {k}") for name, count in BOXES.items() for k in range(count)),
]
"""Every program as its reader knows it, and those that hold functions with their ops, too; what is inside loops."""


def traced(name):
    text, at = ALL[name]
    return gradc.trace(text, **at)


@pytest.fixture(scope="module", params=VIEWS, ids=lambda view: " ".join(view).strip())
def view(request):
    """A trace, and where everything stands in its picture."""
    name, what = request.param
    trace = traced(name).unfolded() if what else traced(name)
    if what.startswith("box"):
        trace = trace.all_steps()[int(what.split()[1])]
    trace = replace(trace, is_open=False)
    return trace, drawing(trace, trace.text[:80])


def overlap(a, b):
    return min(a[2], b[2]) - max(a[0], b[0]) > 0 and min(a[3], b[3]) - max(a[1], b[1]) > 0


def points(piece, count=40):
    """Points along a level piece or a bend."""
    (x, y), (u, v) = piece.start, piece.end
    for k in range(count + 1):
        t = k / count
        middle = (x + u) / 2
        across = (1 - t) ** 3 * x + 3 * (1 - t) * t * middle + t**3 * u
        yield across, y + (v - y) * (3 * t**2 - 2 * t**3)


def test_every_gate_value_and_gradient_is_there(view):
    trace, picture = view
    root = ElementTree.fromstring(draw(trace))
    texts = {kind: [] for kind in ("symbol", "input", "value", "gradient")}
    for element in root.iter(f"{SVG}text"):
        texts.setdefault(element.get("class"), []).append(element.text)
    assert texts["symbol"] == [gate.gate for gate in trace]
    ends = [(state.value, state.gradient) for state in getattr(trace, "states", ())]
    assert sorted(texts["input"]) == sorted([*set(picture.inputs), *picture.nexts])
    assert len(picture.nexts) == len(ends) and len(picture.rounds) == len(ends)
    ends = ends or [(trace.value, trace.upstream)]
    assert set(trace.inputs) <= set(texts["input"])
    arguments = [argument for gate in trace for argument in gate.arguments]
    forks = {mark.source: mark for mark in picture.marks if mark.port < 0}
    assert set(forks) == {name for name, parts in trace.parts().items() if len(parts) > 1}
    values = [label(a.value).text for a in arguments] + [label(value).text for value, _ in ends]
    gradients = [a.product for a in arguments] + [gradient for _, gradient in ends]
    products = [label(p).text for p in gradients if p is not None]
    sums = [mark.gradient.text for mark in forks.values() if mark.gradient.text]
    assert sorted(texts["value"]) == sorted(values + [mark.value.text for mark in forks.values()])
    assert sorted(texts["gradient"]) == sorted(products + sums)


def test_nothing_overlaps_and_nothing_leaves_the_picture(view):
    _, picture = view
    solid = [box for _, box in picture.gates.values()] + list(picture.inputs.values())
    boxes = solid + [box for mark in picture.marks for box in mark.boxes]
    for k, box in enumerate(boxes):
        assert box[0] >= 0 and box[1] >= 0 and box[2] <= picture.width and box[3] <= picture.height
        assert not any(overlap(box, other) for other in boxes[:k])


def test_no_wire_runs_through_a_label_or_a_gate(view):
    _, picture = view
    labels = [box for mark in picture.marks for box in mark.boxes]
    solid = [(left + 1, top, right - 1, bottom) for _, (left, top, right, bottom) in picture.gates.values()]
    for piece in picture.pieces:
        for x, y in points(piece):
            assert not any(left < x < right and top < y < bottom for left, top, right, bottom in labels + solid)


def test_every_label_is_nearest_to_its_own_wire(view):
    _, picture = view
    level = [piece for piece in picture.pieces if piece.start[1] == piece.end[1]]
    for mark in picture.marks:
        own = [p for p in level if p.source == mark.source and abs(p.start[1] - mark.y) < 1e-6]
        assert any(p.start[0] - 1e-6 <= mark.x <= p.end[0] + 1e-6 for p in own)
        for left, top, right, bottom in mark.boxes:
            ours = min(abs(top - mark.y), abs(bottom - mark.y))
            for piece in picture.pieces:
                for x, y in points(piece, 12):
                    if left <= x <= right and abs(y - mark.y) > 1e-6:
                        assert min(abs(top - y), abs(bottom - y)) > ours


def test_wires_go_right_and_meet_their_gate_apart(view):
    _, picture = view
    assert all(piece.start[0] < piece.end[0] for piece in picture.pieces)
    by_gate = {}
    for mark in picture.marks:
        if mark.port >= 0:
            by_gate.setdefault(mark.target, []).append(mark.y)
    for heights in by_gate.values():
        assert all(lower - upper >= 17 for upper, lower in pairwise(heights))


def test_gradients_that_meet_at_a_fork_add_up(view):
    trace, _ = view
    for name, all_parts in trace.parts().items():
        parts = [np.asarray(product) for _, product in all_parts if product is not None]
        if parts and (trace.gate(name) or name in trace.inputs):
            np.testing.assert_allclose(sum(parts), trace.gradient_of(name), rtol=1e-12, atol=1e-12)


def test_three_wires_of_one_value_can_be_told_apart():
    picture = drawing(traced("cube"), "")
    wires = [mark for mark in picture.marks if mark.source == "x" and mark.port >= 0]
    assert [(mark.target, mark.port) for mark in wires] == [("[1]", 0), ("[1]", 1), ("[2]", 1)]
    assert [mark.gradient.text for mark in wires] == ["4", "4", "4"]
    (fork,) = [mark for mark in picture.marks if mark.port < 0]
    assert (fork.value.text, fork.gradient.text) == ("2", "Σ 12")


def test_large_programs_are_drawn(ran_cases):
    for gates in (100, 300, 900):
        text, at = random_program(5, gates)
        trace = gradc.trace(text, **at)
        picture = drawing(trace, "")
        assert len(picture.gates) == len(trace) > gates / 2
    ran_cases(3)


def test_an_open_box_is_drawn_below_its_program():
    trace = traced("loops").unfolded()
    root = ElementTree.fromstring(trace.svg())
    boxes = [each for each in root.iter(f"{SVG}rect") if each.get("class") == "box"]
    titles = [each.text for each in root.iter(f"{SVG}text") if each.get("class") == "title"]
    assert len(boxes) == 2 and [title.split(" in ")[0] for title in titles[-2:]] == ["step 4 of 4", "step 2 of 2"]
    symbols = [each.text for each in root.iter(f"{SVG}text") if each.get("class") == "symbol"]
    assert symbols == [gate.gate for part in (trace, *trace.all_steps()) for gate in part]
    assert traced("loops").svg().count('class="box"') == 0


IN_THE_DOCS = ("lecture", "neuron", "fork", "cube", "two layers", "loop", "black-scholes")


@pytest.mark.parametrize("name", IN_THE_DOCS)
def test_pictures_of_the_pages_are_current(name, golden):
    file = f"{name.replace(' ', '-')}.svg"
    golden(DOCS / "pictures" / file, (traced(name).unfolded() if name == "loop" else traced(name)).svg())
    pages = (DOCS.parent / "README.md").read_text() + (DOCS / "pictures.md").read_text()
    assert f"pictures/{file})" in pages


def test_text_of_the_user_cannot_become_markup():
    text = 'x * 2  # <script>alert("1")</script> & ]]> \u202e \ufffe'
    root = ElementTree.fromstring(gradc.trace(text, x=1.0).svg())
    assert not list(root.iter(f"{SVG}script"))
    found = root.find(f"{SVG}title").text
    assert "<script>" in found and "\ufffe" not in found and "\u202e" not in found


def test_titles_keep_statements_whole():
    assert title("x*y") == "x*y"
    assert title("a = x*y;  b = a\n\na + b") == "a = x*y; b = a; a + b"
    assert title(f"a = {'x+' * 40}x; b = {'y+' * 40}y; a*b").split("\n") == [
        f"a = {'x+' * 40}x",
        f"b = {'y+' * 40}y; a*b",
    ]
    assert len(title("x + " * 1000 + "x")) <= 100 and " ... " in title("x + " * 1000 + "x")
    assert len(title("x + " * 30 + "x")) <= 100


def test_it_stands_alone():
    svg = gradc.trace("x*y", x=1, y=2).svg()
    assert "href" not in svg and "url(" not in svg and "import" not in svg


def test_themes():
    trace = gradc.trace("x*y", x=1, y=2)
    auto, light, dark = (trace.svg(theme=theme) for theme in ("auto", "light", "dark"))
    assert "@media (prefers-color-scheme: dark)" in auto
    assert "@media" not in light + dark and "#ffffff" in light and "#ffffff" not in dark
    with pytest.raises(gradc.Error) as caught:
        trace.svg(theme="blue")
    assert "auto, light, dark" in str(caught.value)


def test_rules_of_style_reach_nothing_but_the_picture():
    """Pictures stand in pages, beside other pictures."""
    for theme in ("auto", "light", "dark"):
        root = ElementTree.fromstring(gradc.trace("x", x=1.0).svg(theme=theme))
        assert root.get("class") == f"gradc-{theme}"
        sheet = root.find(f"{SVG}style").text
        selectors = [rule.split("{")[-1] if "@" in rule else rule for rule in sheet.replace("@media", "}@").split("}")]
        named = [line.rsplit("{", 1)[0] for line in sheet.splitlines() if line.rstrip().endswith("}") and "." in line]
        assert len(named) > 10 and selectors
        assert all(f".gradc-{theme} " in part for line in named for part in line.split(","))


def test_too_many_gates_are_refused():
    assert gradc.trace("-" * MAX_GATES + "x", x=1.0).svg()
    with pytest.raises(gradc.Error) as caught:
        gradc.trace("-" * (MAX_GATES + 1) + "x", x=1.0).svg()
    assert caught.value.code == "G0503"
    assert "table" in caught.value.help


# ---------------------------------------------------------------- labels


def test_arrays_are_never_taken_for_numbers():
    assert short(0.36787944) == "0.368"
    assert short(-12.0) == "-12"
    assert short(True) == "True"
    assert short(np.array([1.0, 2.5])) == "[1, 2.5]"
    assert short(np.ones((3, 4))) == "3×4"
    assert short(np.ones(5)) == "5 values"
    assert short(None) == ""
    assert label(np.zeros((0, 3))).text == "empty 0×3" and label(np.zeros((0, 3))).heat is None
    wide = label(np.array([-1.23456e-5, 1.23456e-5, 0.1]))
    assert wide.text == "3 values" and wide.heat is not None


def test_heat_maps():
    rows = heat_map(np.array([[0.0, 1.0, -1.0], [0.5, np.nan, 1e-9]])).rows
    assert rows == ((0, SHADES, -SHADES), (SHADES // 2, None, 1))
    assert heat_map(np.array([np.inf, -np.inf, 3.0])).rows == ((SHADES, -SHADES, SHADES),)
    assert heat_map(np.zeros(4)).rows == ((0, 0, 0, 0),)
    assert heat_map(np.array([True, False])).rows == ((SHADES, 0),)
    large = heat_map(np.arange(1e6).reshape(1000, 1000))
    assert len(large.rows) <= 6 and len(large.rows[0]) <= 10
    assert large.rows[-1][-1] == SHADES


# ---------------------------------------------------------------- layout

ROW = Footprint(0.5, 0.5, (0.0,))


def laid(vertices, edges):
    """A layout of vertices that all are one high, whose wires arrive at one place."""
    return layered(vertices, [(a, b, 0) for a, b in edges], dict.fromkeys(vertices, ROW))


def test_vertices_stand_right_before_their_first_user():
    layout = laid(["a", "b", "f", "g", "h"], [("a", "f"), ("f", "g"), ("b", "g"), ("a", "g"), ("g", "h")])
    assert layout.column == {"a": 0, "b": 1, "f": 1, "g": 2, "h": 3}
    assert ("a", 1) in layout.height


def test_vertices_of_one_column_are_a_row_apart():
    edges = [(f"x{k}", f"g{k % 3}") for k in range(9)] + [(f"g{k}", "out") for k in range(3)]
    layout = laid([*dict.fromkeys(source for source, _ in edges), "out"], edges)
    for column in range(3):
        heights = sorted(layout.height[v] for v, at in layout.column.items() if at == column)
        assert all(b - a >= 1 - 1e-9 for a, b in pairwise(heights))


def test_a_tree_is_drawn_without_crossings():
    edges = [("a", "p"), ("b", "p"), ("c", "q"), ("d", "q"), ("p", "r"), ("q", "r")]
    heights = laid(["a", "b", "p", "c", "d", "q", "r"], edges).height
    assert heights["a"] < heights["b"] < heights["c"] < heights["d"]
    assert heights["p"] < heights["q"]


def test_chains_run_level():
    assert len(set(laid(["x", "f", "g", "h"], [("x", "f"), ("f", "g"), ("g", "h")]).height.values())) == 1


def test_wires_that_leave_one_value_share_a_lane():
    users = [f"g{k}" for k in range(5)]
    edges = [("x", g) for g in users] + list(pairwise(users))
    layout = laid(["x", *users], edges)
    assert sorted(key for key in layout.height if isinstance(key, tuple)) == [("x", k) for k in range(1, 5)]


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
    assert _spread([(at, 1.0) for at in wanted], [float(k) for k in range(len(wanted))]) == pytest.approx(placed)


def test_heavier_wishes_count_for_more():
    assert _spread([(2.0, 3.0), (2.0, 1.0)], [0.0, 1.0]) == pytest.approx([1.75, 2.75])
