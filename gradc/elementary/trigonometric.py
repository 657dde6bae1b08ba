"""Trigonometric functions and their inverses."""

TRIGONOMETRIC: dict[str, str] = {}
