"""Machine code that all kernels share: made once for each machine and kept on disk.

Where none is there, another thread makes it while Python is busy with the first kernel, which will need it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from gradc.native.cache import store
from gradc.native.target import identity, object_code

_made: dict[str, bytes] = {}
"""Object files by name that were made ahead and are not loaded yet."""
_taken: set[str] = set()
"""The names of those that this process has loaded."""


class SharedCode(NamedTuple):
    """A module that all kernels share: its name, and what writes it in LLVM's language."""

    name: str
    text: Callable[[], str]

    def take(self) -> bytes:
        """The object file."""
        _taken.add(self.name)
        return _made.pop(self.name, None) or self._kept()

    def make_ahead(self) -> None:
        """Have the object file at hand for when it is taken, unless that has happened."""
        if self.name not in _taken and self.name not in _made:
            _made[self.name] = self._kept()

    def _kept(self) -> bytes:
        key = f"{self.name}\n{identity()}"
        data = store.load(key)
        if data is None:
            data = object_code(self.text())
            store.save(key, data)
        return data
