"""How far the items of a pool are from one vector."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Distances"]


class Distances:
    """Distances by one product each, ``|x|² + |y|² − 2 x·y`` around the mean.

    The mean is taken off because float32 has no digits left for the gaps between vectors of nearly the same direction.

    Parameters
    ----------
    vectors : (m, d) float32
        The items.
    """

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        self._middle = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
        self._moved = vectors - self._middle
        self._squares = np.einsum("id,id->i", self._moved, self._moved)

    def squared_to(self, vector: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Return the squared Euclidean distance of each item to `vector` (d,), (m,)."""
        moved = vector - self._middle
        squared = self._squares + moved @ moved - 2.0 * (self._moved @ moved)
        clipped: NDArray[np.float64] = np.maximum(squared, 0.0, dtype=np.float64)
        return clipped
