"""gradc turns mathematics into compiled gradients."""

__version__ = "0.1.0"
