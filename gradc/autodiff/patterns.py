"""Which elements of an array depend on which elements of some inputs: found on the graph, for given sizes.

The pattern of a node is a sparse matrix with a row for each of its elements, in C order, and a column for each element
of the inputs. An op adds the rows of what an element is made from. Values decide nothing, except integers that say
which elements are read: a factor that happens to be zero stays in the pattern.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from gradc.ir import interpret
from gradc.ir.graph import Node, topological
from gradc.ir.ops import OPS, SCATTERS
from gradc.ir.sizes import evaluate

MAX_ENTRIES = 2**27
"""The most entries of a pattern, or of what leads to it."""


class TooLarge(Exception):
    """A pattern with more entries than `MAX_ENTRIES`."""


def index_nodes(results: Iterable[Node]) -> list[Node]:
    """The arrays of integers that say which elements are read: they decide the pattern, besides the sizes."""
    order = topological(results)
    return list(dict.fromkeys(node.args[1] for node in order if node.row.kind == "gather"))


def pattern(
    results: Sequence[Node], inputs: Sequence[Node], sizes: Mapping[str, int], indices: Mapping[Node, np.ndarray]
) -> Any:
    """The pattern of the results, one below the other, for the inputs, side by side; in CSR format, rows in order.

    indices: what `index_nodes` hold.
    """
    return _Patterns(inputs, sizes, indices).of(results)


class _Patterns:
    def __init__(self, inputs: Sequence[Node], sizes: Mapping[str, int], indices: Mapping[Node, np.ndarray]):
        from scipy import sparse

        self.sparse, self.sizes, self.indices = sparse, sizes, indices
        counts = [self.count(node) for node in inputs]
        self.columns = sum(counts)
        self.found: dict[Node, Any] = {}
        self.sums: dict[tuple[int, int], Any] = {}
        first = 0
        for node, count in zip(inputs, counts):
            self.found[node] = self.matrix(np.arange(count), first + np.arange(count), (count, self.columns))
            first += count

    def of(self, results: Sequence[Node]) -> Any:
        for node in topological(results):
            if node not in self.found and node.type.is_float:
                given = {k: self.found[arg] for k, arg in enumerate(node.args) if arg in self.found}
                if given:
                    made = self.through(node, given)
                    if made.nnz > MAX_ENTRIES:
                        raise TooLarge
                    self.found[node] = made
        parts = [self.found.get(node, self.nothing(node)) for node in results]
        whole = self.sparse.csr_array(self.sparse.vstack(parts, format="csr")) if len(parts) > 1 else parts[0]
        whole.sort_indices()
        return whole

    def through(self, node: Node, given: Mapping[int, Any]) -> Any:
        """The pattern of a node from those of its arguments that have one."""
        kind = node.row.kind
        if kind == "elementwise":
            return self.together(given.values())
        if kind == "reduction":
            return self.reduced(node, given[0])
        if kind == "contraction":
            return self.together(self.contracted(node, side, each) for side, each in given.items())
        if node.row.access == "call" and len(node.attrs) == 2 and isinstance(node.attrs[1], bool):
            return self.running(node, self.together(given.values()))
        if node.row.access == "parts":
            return self.joined(node, given)
        if node.op in SCATTERS:
            assert node.row.transpose is not None
            op, attrs = node.row.transpose(node.args[0].type, node.attrs)
            rows = self.moved(op, attrs, node, np.arange(self.count(node)).reshape(self.shape(node)))
            return self.added(rows, given[0], self.count(node))
        if node.row.keeps_elements or node.op == "cast":
            x = node.args[0]
            return given[0][self.moved(node.op, node.attrs, node, np.arange(self.count(x)).reshape(self.shape(x)))]
        return self.anything(node, given.values())

    def together(self, patterns: Iterable[Any]) -> Any:
        """The union of patterns."""
        whole: Any = None
        for each in patterns:
            if whole is None or whole is each:
                whole = each
                continue
            key = id(whole), id(each)
            known = self.sums.get(key)
            if known is None:
                known = self.sums[key] = self.filled(whole + each), whole, each
            whole = known[0]
        return whole

    def reduced(self, node: Node, given: Any) -> Any:
        x, (axes,) = node.args[0], node.attrs
        shape = self.shape(x)
        kept = [1 if axis in axes else size for axis, size in enumerate(shape)]
        rows = np.broadcast_to(np.arange(self.count(node)).reshape(kept), shape)
        return self.added(rows.ravel(), given, self.count(node))

    def contracted(self, node: Node, side: int, given: Any) -> Any:
        """What comes from one side of a product."""
        own, result = node.attrs[side], node.attrs[2]
        sizes = {**dict(zip(node.attrs[0], self.shape(node.args[0]))),
                 **dict(zip(node.attrs[1], self.shape(node.args[1])))}  # fmt: skip
        labels = list(dict.fromkeys((*result, *own)))
        grid = [sizes[label] for label in labels]
        if np.prod(grid, dtype=float) > MAX_ENTRIES:
            raise TooLarge
        rows, columns = (self.positions(labels, grid, of, sizes) for of in (result, own))
        steps = self.matrix(rows, columns, (self.count(node), self.count(node.args[side])))
        return self.filled(steps @ given)

    @staticmethod
    def positions(labels: list[int], grid: list[int], of: tuple[int, ...], sizes: Mapping[int, int]) -> np.ndarray:
        """For each point of a grid, the position in an array with some of its axes."""
        found: Any = np.zeros([1] * len(grid), np.int64)
        step = 1
        for label in reversed(of):
            axis = labels.index(label)
            found = found + step * np.arange(grid[axis]).reshape([-1 if k == axis else 1 for k in range(len(grid))])
            step *= sizes[label]
        return np.broadcast_to(found, grid).ravel()

    def joined(self, node: Node, given: Mapping[int, Any]) -> Any:
        """What comes from the arguments of a join, each in its part of the array."""
        axis, starts = node.attrs
        count = self.count(node)
        places = np.moveaxis(np.arange(count).reshape(self.shape(node)), axis, 0)
        parts = []
        for k, pattern in given.items():
            start, size = evaluate(starts[k], self.sizes), self.shape(node.args[k])[axis]
            rows = np.moveaxis(places[start : start + size], 0, axis).ravel()
            parts.append(self.added(rows, pattern, count))
        return self.together(parts)

    def running(self, node: Node, given: Any) -> Any:
        """What comes of the elements before each one along an axis, and of itself."""
        axis, backwards = node.attrs
        shape = self.shape(node)
        size = shape[axis]
        if self.count(node) * (size + 1) / 2 > MAX_ENTRIES:
            raise TooLarge
        places = np.moveaxis(np.arange(self.count(node)).reshape(shape), axis, 0)
        late, early = np.tril_indices(size)
        rows, columns = (places[::-1] if backwards else places)[late], (places[::-1] if backwards else places)[early]
        return self.filled(self.matrix(rows.ravel(), columns.ravel(), (self.count(node),) * 2) @ given)

    def anything(self, node: Node, patterns: Iterable[Any]) -> Any:
        """The pattern of an op of which nothing is known: every element may depend on all of its arguments."""
        used = np.unique(np.concatenate([each.indices for each in patterns]))
        count = self.count(node)
        if count * used.size > MAX_ENTRIES:
            raise TooLarge
        indptr = used.size * np.arange(count + 1)
        indices = np.tile(used, count)
        return self.sparse.csr_array((np.ones(indices.size, np.int32), indices, indptr), shape=(count, self.columns))

    # ------------------------------------------------------------ matrices

    def moved(self, op: str, attrs: tuple[Any, ...], node: Node, places: np.ndarray) -> np.ndarray:
        """Positions moved by an op, in the order in which they end up."""
        function = interpret.reference(OPS[op].numpy)
        attrs = () if op == "cast" else tuple(interpret.concrete(attr, self.sizes) for attr in attrs)
        if op == "cast":
            return places.ravel()
        index = tuple(self.indices[arg] for arg in node.args[1:])
        return np.asarray(function(places, *index, *attrs)).ravel()

    def added(self, rows: np.ndarray, given: Any, count: int) -> Any:
        """The rows of a pattern added up into others."""
        return self.filled(self.matrix(rows, np.arange(rows.size), (count, rows.size)) @ given)

    def matrix(self, rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> Any:
        return self.sparse.csr_array((np.ones(rows.size, np.int32), (rows, columns)), shape=shape)

    def filled(self, matrix: Any) -> Any:
        """The same with ones."""
        matrix = self.sparse.csr_array(matrix)
        matrix.data[:] = 1
        return matrix

    def nothing(self, node: Node) -> Any:
        return self.sparse.csr_array((self.count(node), self.columns), dtype=np.int32)

    def shape(self, node: Node) -> tuple[int, ...]:
        return tuple(evaluate(size, self.sizes) for size in node.shape)

    def count(self, node: Node) -> int:
        return int(np.prod(self.shape(node), dtype=np.int64))
