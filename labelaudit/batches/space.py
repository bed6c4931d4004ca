"""Where items stand among each other: their embeddings, by row of an audit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Space"]

_SAMPLED = 5_000
"""Items whose distance to their nearest neighbour gives the typical one."""


@dataclass(frozen=True, eq=False)
class Space:
    """Embeddings by row of ``audit.items``, and the typical distance between neighbours; 0 where it is not known."""

    vectors: Any | None
    positions: NDArray[np.intp]
    typical: float = 0.0

    @classmethod
    def of(cls, vectors: Any | None, neighbors: Any | None, positions: NDArray[np.intp]) -> Space:
        """Measure the typical distance on a sample; `vectors` and `neighbors` are in the order of the data."""
        if vectors is None:
            return cls(None, positions)
        if neighbors is None or not len(neighbors):
            return cls(vectors, positions)
        step = max(1, len(neighbors) // _SAMPLED)
        rows = np.arange(0, len(neighbors), step)
        near = np.asarray(neighbors[rows, 0])
        rows, near = rows[near >= 0], near[near >= 0]
        gaps = np.linalg.norm(_unit(vectors[rows]) - _unit(vectors[near]), axis=1)
        # Exact copies say nothing about how far neighbours usually are.
        apart = gaps[gaps > 1e-6]
        return cls(vectors, positions, float(np.median(apart)) if len(apart) else 0.0)

    def of_rows(self, rows: NDArray[np.intp]) -> NDArray[np.float32] | None:
        """Return the embeddings of `rows`, of unit length."""
        return None if self.vectors is None else _unit(self.vectors[self.positions[rows]])


def _unit(vectors: Any) -> NDArray[np.float32]:
    array = np.nan_to_num(np.asarray(vectors, dtype=np.float32))
    norms = np.linalg.norm(array, axis=1, keepdims=True)
    unit: NDArray[np.float32] = array / np.maximum(norms, np.float32(1e-12))
    return unit
