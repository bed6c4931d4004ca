"""Embeddings laid on a plane, to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["plane"]

_FITTED = 20_000


def plane(embeddings: Any) -> NDArray[np.float32]:
    """Return (n, 2) coordinates on the first two principal components.

    Components are found on at most 20,000 evenly spaced rows; the larger loadings of each point to the positive side,
    so the same data always gives the same picture. Rows that are not finite are put at the origin.

    Parameters
    ----------
    embeddings : (n, d) array
        May be a memory map.
    """
    n, width = embeddings.shape
    step = max(1, -(-n // _FITTED))
    sample = _finite(np.asarray(embeddings[::step], dtype=np.float64))
    center = sample.mean(axis=0)
    _, axes = np.linalg.eigh((sample - center).T @ (sample - center))
    axes = axes[:, ::-1][:, :2]
    if width == 1:
        axes = np.hstack([axes, np.zeros((1, 1))])
    axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), np.arange(2)] < 0, -1.0, 1.0)
    placed = np.empty((n, 2), dtype=np.float32)
    for start in range(0, n, _FITTED):
        block = np.asarray(embeddings[start : start + _FITTED], dtype=np.float64)
        placed[start : start + _FITTED] = (np.where(np.isfinite(block), block, center) - center) @ axes
    return placed


def _finite(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    usable = np.isfinite(rows).all(axis=1)
    return rows[usable] if usable.any() else np.zeros((1, rows.shape[1]))
