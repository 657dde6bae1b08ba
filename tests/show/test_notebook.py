"""What notebooks show, and what traces are written as."""

import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter

import gradc
from gradc.check.check import check
from gradc.show.formats import FORMATS, encoded, suffix_of
from gradc.show.graphviz import dot
from gradc.show.labels import short
from gradc.show.picture import MAX_GATES

AT = {"x": 2.0, "y": 3.0}
TEXT = "x*y + sin(x)  # <b>&"


def shown(thing):
    """The bundle that a notebook keeps."""
    data, _ = DisplayFormatter().format(thing)
    return data


def svg_of(bundle):
    return ElementTree.fromstring(bundle["image/svg+xml"])


def test_a_trace_is_a_picture_and_a_table():
    trace = gradc.compile(TEXT).trace(**AT)
    bundle = shown(trace)
    assert bundle["text/plain"] == "<trace of 3 gates: value 6.9093>"
    assert len(list(svg_of(bundle).iter("{http://www.w3.org/2000/svg}rect"))) == 4
    html = bundle["text/html"]
    assert "<svg" in html and "<table>" in html and "fork x" in html
    assert "<b>" not in html


def test_a_trace_too_large_for_a_picture_is_a_table():
    bundle = shown(gradc.trace("-" * (MAX_GATES + 1) + "x", x=1.0))
    assert "image/svg+xml" not in bundle and "<svg" not in bundle["text/html"]
    assert "more rows" in bundle["text/html"] and len(bundle["text/html"]) < 300_000


def test_a_function_is_its_graph_without_values():
    bundle = shown(gradc.compile("s: f64[n, c]; y: i64[n]; softmax_cross_entropy(s, y) + 2*sum(s**2)  # <b>"))
    texts = [element.text for element in svg_of(bundle).iter("{http://www.w3.org/2000/svg}text")]
    assert {"softmax_cross_entropy", "x**2", "sum", "*2", "+", "s", "y"} <= set(texts)
    assert "nan" not in "".join(texts) and "None" not in "".join(texts)
    assert bundle["text/plain"].startswith("<gradc function of s, y")
    assert r"e^{" in shown(gradc.compile("exp(-x)/y"))["text/latex"]
    assert "derivatives for: s" in bundle["text/html"] and "<b>" not in bundle["text/html"]


def test_functions_without_a_picture_are_their_text():
    assert "x*x" in shown(gradc.compile("x*x").bind(x=2.0))["text/html"]
    large = shown(gradc.compile("-" * (MAX_GATES + 1) + "x"))
    assert "image/svg+xml" not in large and "<pre>---" in large["text/html"]


def test_gradients_are_a_table():
    bundle = shown(gradc.compile("x_1*y").grad(x_1=2.0, y=3.0))
    assert bundle["text/plain"] == "Gradients(x_1=3.0, y=2.0)"
    assert "<th>d/dx_1</th><td>3.0</td>" in bundle["text/html"]
    assert r"\mathtt{x\_1}} &= 3.0" in bundle["text/latex"]
    arrays = shown(gradc.compile("sum(x*x)").grad(np.arange(1000.0)))
    assert "text/latex" not in arrays and "..." in arrays["text/html"]


def test_a_check_report_is_a_table():
    report = check("x*y", {"x": 1.0, "y": 2.0})
    bundle = shown(report)
    assert bundle["text/plain"] == str(report)
    assert "<th>compared with</th>" in bundle["text/html"] and "agree</p>" in bundle["text/html"]


# ---------------------------------------------------------------- files


def test_every_format_is_what_it_says(tmp_path):
    trace = gradc.compile(TEXT).trace(**AT)
    starts = {
        ".svg": b"<svg ", ".png": b"\x89PNG\r\n", ".pdf": b"%PDF-", ".dot": b"digraph ",
        ".html": b"<!DOCTYPE html>", ".txt": b"     gate", ".json": b"{",
    }  # fmt: skip
    assert starts.keys() == FORMATS.keys()
    for suffix, start in starts.items():
        file = tmp_path / f"graph{suffix.upper()}"
        trace.save(file)
        assert file.read_bytes().startswith(start)
    assert json.loads((tmp_path / "graph.JSON").read_text())["value"] == trace.value
    assert str(trace) in (tmp_path / "graph.TXT").read_text()


@pytest.mark.parametrize("name", ["graph.jpg", "graph", "graph.svg.gz", "graph.", ".svgz"])
def test_other_suffixes_are_refused(tmp_path, name):
    with pytest.raises(gradc.Error) as caught:
        gradc.trace("x", x=1.0).save(tmp_path / name)
    assert caught.value.code == "G0604" and ".svg, .png, .pdf, .dot, .html, .txt" in caught.value.help
    assert not (tmp_path / name).exists()


def test_a_missing_renderer_is_named_before_any_work(monkeypatch):
    monkeypatch.setattr("gradc.show.render.find_spec", lambda name: None)
    for name in ("graph.png", "graph.pdf"):
        with pytest.raises(gradc.Error) as caught:
            suffix_of(name)
        assert "typst" in str(caught.value) and 'pip install "gradc[pictures]"' in caught.value.help
    assert suffix_of("graph.svg") == ".svg"


def test_pictures_of_dots_need_no_fonts_and_have_the_colours_of_their_theme(tmp_path):
    """The packages that draw bring a font; the corner of a picture has the colour of its paper."""
    pixels = {}
    for theme in ("auto", "light", "dark"):
        code = (
            "import sys, gradc; gradc.trace('x*y', x=2.0, y=3.0).save(sys.argv[1], theme=sys.argv[2])"
        )  # fmt: skip
        file = tmp_path / f"{theme}.png"
        subprocess.run(
            [sys.executable, "-c", code, str(file), theme], check=True, env={"FONTCONFIG_FILE": "/dev/null", "PATH": ""}
        )
        pixels[theme] = file.read_bytes()
    assert pixels["auto"] == pixels["light"] != pixels["dark"]
    assert all(len(data) > 5000 for data in pixels.values())


def test_large_pictures_have_fewer_dots():
    data = encoded(gradc.trace(" + ".join(f"sin({k}*x)" for k in range(300)), x=1.0), ".png")
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    assert width * height <= 31e6


def test_graphs_for_graphviz():
    trace = gradc.trace('x*y + sin(x)  # "quoted" \\ <b>', x=2.0, y=3.0)
    text = dot(trace)
    assert text.startswith("digraph program {") and text.count(" -> ") == 6
    assert '\\"quoted\\" \\\\ <b>' in text
    for gate in trace:
        for argument in gate.arguments:
            assert f'"{argument.name}" -> "[{gate.number}]"' in text
            assert f">{short(argument.value)}</font>" in text
    assert dot(gradc.trace("x", x=1.0)).count(" -> ") == 1
