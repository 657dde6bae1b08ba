"""Primitives of elementary functions that Python has no operator for. Generated modules carry them, and tell Numba
which instruction each one is."""

import struct

import numpy as np


def _fma(x, y, z):
    """x * y + z, rounded once."""
    try:
        a, b = x.as_integer_ratio()
        c, d = y.as_integer_ratio()
        e, f = z.as_integer_ratio()
        exact = a * c * f + e * b * d
        if exact:
            return np.float64(exact / (b * d * f))
    except (OverflowError, ValueError):  # infinite, or no number
        if np.isfinite(x) and np.isfinite(y) and not np.isfinite(z):
            return np.float64(z)
    return np.float64(x) * y + z


def _bits(x):
    """The bits of a number as an integer."""
    return struct.unpack("q", struct.pack("d", x))[0]


def _from_bits(bits):
    """The number that has these bits."""
    return np.float64(struct.unpack("d", struct.pack("Q", bits & 0xFFFFFFFFFFFFFFFF))[0])
