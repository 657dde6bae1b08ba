"""The command line."""

from gradc.cli.commands import main

__all__ = ["main"]
