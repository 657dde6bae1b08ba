"""The caller's own arrays for results: what `out=` names, checked before anything is written."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradc.ir.types import shape_text
from gradc.language.diagnostics import Error
from gradc.language.spelling import closest
from gradc.runtime.arguments import has_shape, in_order
from gradc.runtime.results import Gradients, names_of

MAX_WORK: Any = 100_000
"""How long NumPy may look for an element that two arrays share; arrays for which that does not do count as shared."""


def gradient_targets(out: Any, wrt: tuple[str, ...]) -> list[Any]:
    """What `out` names for each gradient, None where it names nothing."""
    if isinstance(out, Gradients):
        out = dict(zip(names_of(out), out))
    if isinstance(out, Mapping):
        for name in out:
            if name not in wrt:
                near = closest(str(name), wrt)
                help = f"did you mean `{near}`?" if near else in_order(wrt)
                raise Error("G0606", f"out names `{name}`, for which there is no gradient", help=help)
        return [out.get(name) for name in wrt]
    if isinstance(out, np.ndarray) and len(wrt) == 1:
        return [out]
    if not isinstance(out, (tuple, list)):
        what = "one array" if isinstance(out, np.ndarray) else type(out).__name__
        raise Error(
            "G0606", f"out takes arrays for {len(wrt)} gradients, not {what}",
            help="a sequence or a mapping by name, with None for what is to be left out",
        )  # fmt: skip
    if len(out) != len(wrt):
        raise Error("G0606", f"out takes arrays for {len(wrt)} gradients, {len(out)} given", help=in_order(wrt))
    return list(out)


def value_and_gradient_targets(out: Any, wrt: tuple[str, ...]) -> list[Any]:
    """The same with the value's first. `out` holds gradients, or is a pair of the value's array and gradients."""
    is_pair = type(out) is tuple and len(out) == 2 and (len(wrt) == 1 or isinstance(out[1], (Mapping, tuple, list)))
    if not is_pair:
        return [None, *gradient_targets(out, wrt)]
    value, gradients = out
    return [value, *gradient_targets({} if gradients is None else gradients, wrt)]


def write(outputs: Sequence[Any], targets: Sequence[Any], names: Sequence[str]) -> list[Any]:
    """Copy results into the arrays meant for them, all or none; where there is none, the result is returned itself.

    Arrays have the result's shape and element type and any layout; they may be arguments of the call too. Raises
    `Error` G0606 for others, for read-only ones, and for arrays with common elements.
    """
    given = [k for k, target in enumerate(targets) if target is not None]
    for k in given:
        _check(f"out for {names[k]}", targets[k], outputs[k])
    if len(given) > 1:
        _check_apart([(names[k], targets[k]) for k in given])
    results = list(outputs)
    for k in given:
        np.copyto(targets[k], outputs[k])
        results[k] = targets[k]
    return results


def _check(subject: str, target: Any, output: Any) -> None:
    masked = sys.modules.get("numpy.ma")  # loaded by whoever made one
    if not isinstance(target, np.ndarray) or isinstance(target, getattr(masked, "MaskedArray", ())):
        help = f"pass a NumPy array, such as np.empty({np.shape(output)})"
        raise Error("G0606", f"{subject} is of type {type(target).__name__}", help=help)
    wanted = output if isinstance(output, (np.ndarray, np.generic)) else np.asarray(output)
    if target.shape != wanted.shape:
        shape = f"shape {shape_text(wanted.shape)}" if wanted.ndim else "no axes: make it with np.empty(())"
        raise Error("G0606", f"{subject} {_has_shape(target)}", help=f"the result has {shape}")
    if target.dtype != wanted.dtype:
        raise Error("G0606", f"{subject} holds {target.dtype}", help=f"the result is {wanted.dtype}")
    if not target.flags.writeable:
        raise Error("G0606", f"{subject} is read-only")
    if _overlaps_itself(target):
        raise Error("G0606", f"{subject} has several elements in one place", help="pass a copy of it")


def _has_shape(array: np.ndarray) -> str:
    return has_shape(array) if array.ndim else "has no axes"


def _overlaps_itself(array: np.ndarray) -> bool:
    """Whether elements may share memory: from the smallest step up, each has to be beyond what lies inside it."""
    if array.flags.forc or array.size == 0:
        return False
    reach = array.itemsize
    for step, size in sorted((abs(step), size) for step, size in zip(array.strides, array.shape) if size != 1):
        if step < reach:
            return True
        reach += step * (size - 1)
    return False


def _check_apart(arrays: Sequence[tuple[str, np.ndarray]]) -> None:
    """Raise `Error` where two arrays have an element in common."""
    bounds = [(*_bounds(array), name, array) for name, array in arrays if array.size]
    before: list[tuple[int, int, str, np.ndarray]] = []
    for low, high, name, array in sorted(bounds, key=lambda bound: bound[0]):
        before = [other for other in before if other[1] > low]
        for _, _, other_name, other in before:
            if _share(array, other):
                both = " and for ".join(sorted([name, other_name]))
                raise Error("G0606", f"out has arrays with common elements: for {both}", help="pass a copy of one")
        before.append((low, high, name, array))


def _bounds(array: np.ndarray) -> tuple[int, int]:
    """Where an array begins and ends."""
    if not array.flags.forc:
        return np.lib.array_utils.byte_bounds(array)
    start = array.__array_interface__["data"][0]
    return start, start + array.nbytes


def _share(array: np.ndarray, other: np.ndarray) -> bool:
    try:
        return np.shares_memory(array, other, max_work=MAX_WORK)
    except np.exceptions.TooHardError:
        return True
