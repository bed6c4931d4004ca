"""The nearest items of a class, for comparison side by side."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Nearest"]

_SEARCHED = 5_000  # members of a class that are searched; of a larger class an even sample, so that a card stays fast
_KEPT = 64  # classes whose vectors are kept, at most about 160 MB


@dataclass(frozen=True, eq=False)
class Nearest:
    """Search among the members of one class.

    Attributes
    ----------
    embeddings : (n, d) array or None
        Vectors; may be a memory map.
    neighbors : (n, k) int array or None
        Nearest items of each item, −1 where there are fewer; asked first.
    labels : (n,) int
        Given class of each item, −1 where there is none.
    """

    embeddings: Any
    neighbors: Any
    labels: NDArray[np.integer]

    def of_class(self, row: int, code: int, count: int) -> list[int]:
        """Return up to `count` items of class `code` that are nearest to the item `row`, nearest first."""
        found: list[int] = []
        if self.neighbors is not None:
            near = np.asarray(self.neighbors[row])
            near = near[near >= 0]
            found = [int(other) for other in near[self.labels[near] == code][:count]]
        if len(found) < count and self.embeddings is not None:
            taken = {row, *found}
            more = self._search(row, code, count + len(taken))
            found += [other for other in more if other not in taken][: count - len(found)]
        return found

    def typical(self, code: int, count: int) -> list[int]:
        """Return up to `count` members of a class that are nearest to its centre."""
        if self.embeddings is None:
            return []
        rows, vectors = self._members(code)
        if len(rows) == 0:
            return []
        return [int(rows[place]) for place in np.argsort(-(vectors @ vectors.mean(axis=0)), kind="stable")[:count]]

    def _search(self, row: int, code: int, count: int) -> list[int]:
        rows, vectors = self._members(code)
        if len(rows) == 0:
            return []
        closeness = vectors @ _unit(np.asarray(self.embeddings[row : row + 1], dtype=np.float32))[0]
        return [int(rows[place]) for place in np.argsort(-closeness, kind="stable")[:count]]

    def _members(self, code: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        if code not in self._blocks:
            rows = np.flatnonzero(self.labels == code)
            rows = rows[:: max(1, -(-len(rows) // _SEARCHED))]
            if len(self._blocks) >= _KEPT:
                self._blocks.pop(next(iter(self._blocks)), None)
            self._blocks[code] = (rows, _unit(np.asarray(self.embeddings[rows], dtype=np.float32)))
        return self._blocks[code]

    @cached_property
    def _blocks(self) -> dict[int, tuple[NDArray[np.intp], NDArray[np.float32]]]:
        return {}


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    usable = np.isfinite(lengths) & (lengths > 0)
    return np.where(usable, vectors / np.where(usable, lengths, 1.0), 0.0).astype(np.float32)
