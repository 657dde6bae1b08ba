"""Reports as JSON: standard JSON, so that any reader takes it."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np


def json_text(facts: Any) -> str:
    """Arrays become lists, infinities and NaN the texts "inf", "-inf" and "nan", which JSON has no numbers for."""
    return json.dumps(_plain(facts), indent=2, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
