"""What a schedule tells of a value is the user's own text, or an expression in gradc's language that fits on a line."""

import pytest

import gradc
from gradc.schedule.phrases import WIDTH, Phrases
from tests.arrays.tensor_fuzz import programs

PHRASES = {
    "x: f64[n]; m = mean(1/(1+exp(-x))); sum(tanh(1/(1+exp(-x)) - m))": "1/(1+exp(-x))",
    "x: f64[n]; h = exp(sin(x)); sum((h - mean(h))**2 * h)": "h",
    "x: f64[n]; logsumexp(x)": "where(x == max(x), 1, exp(x - max(x)))",
    "x: f64[n]; h = sin(x); g = exp(h[1:]*h[:-1]); sum(g[1:]*g[:-1])": "pad(g[1:]) + pad(g[:-1])",
}


@pytest.mark.parametrize("text", PHRASES)
def test_saved_values(text):
    shown = gradc.compile(text).stages._compilation.stage_text("schedule")
    assert f"saved: {PHRASES[text]}," in shown


def test_phrases_are_short_and_their_parts_known():
    for text in programs(3, 20, 3):
        compilation = gradc.compile(text).stages._compilation
        for node in (*compilation.schedule.stored, *compilation.schedule.recomputed):
            for phrases in (compilation.phrases, Phrases()):
                assert 0 < len(phrases.of(node)) <= WIDTH
                assert phrases.of(node) != "..."
