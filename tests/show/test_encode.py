"""JSON that any reader takes: arrays as lists, infinities and NaN as texts."""

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gradc.show.encode import json_text


def test_numbers_that_json_has_not():
    facts = {
        "a": np.array([1.0, np.inf]),
        "b": float("nan"),
        "c": np.float32(-np.inf),
        "d": (1, True, None),
        3: np.int64(4),
    }
    assert json.loads(json_text(facts)) == {"a": [1.0, "inf"], "b": "nan", "c": "-inf", "d": [1, True, None], "3": 4}


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_keep_their_bits(number):
    assert json.loads(json_text({"x": number}))["x"] == number
