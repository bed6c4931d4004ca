"""Embeddings laid on a plane, to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.errors import MissingExtraError, UnknownNameError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PROJECTIONS", "plane", "scattered"]

PROJECTIONS = ("pca", "umap")
"""Ways to lay embeddings on a plane."""

_FITTED = 20_000
_UMAP_NEIGHBORS = 15  # as the package has it
_FEWEST = 4  # of fewer items there are no neighbourhoods


def plane(embeddings: Any, projection: str = "pca", *, seed: int = 0) -> NDArray[np.float32]:
    """Return (n, 2) coordinates of embeddings on a plane.

    Parameters
    ----------
    embeddings : (n, d) array
        May be a memory map.
    projection : str
        ``pca``: the first two principal components. ``umap``: neighbourhoods kept together (McInnes, Healy and Melville
        2018, arXiv:1802.03426), by the package umap-learn; about a minute for 10,000 rows.
    seed : int
        For ``umap``; with one seed the same data always gives the same picture.

    Raises
    ------
    UnknownNameError
        If there is no such projection.
    MissingExtraError
        If ``umap`` is asked for and not installed.
    """
    if projection not in PROJECTIONS:
        raise UnknownNameError.among("projection", projection, PROJECTIONS)
    if projection == "umap":
        return _umap(np.asarray(embeddings, dtype=np.float32), seed)
    return _principal(embeddings)


def scattered(weights: NDArray[np.floating], count: int) -> NDArray[np.intp]:
    """Return up to `count` rows to draw, ascending: a quarter of the heaviest, the others evenly chosen from the rest.

    Parameters
    ----------
    weights : (n,) float
        Not a number counts as the lightest.
    count : int
        At most so many rows.

    Examples
    --------
    >>> scattered(np.array([0.1, 0.9, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]), 4)
    array([0, 1, 3, 5])
    """
    n = len(weights)
    if n <= count:
        return np.arange(n)
    by_weight = np.argsort(-np.nan_to_num(weights, nan=-np.inf), kind="stable")
    heaviest, others = by_weight[: count // 4], np.sort(by_weight[count // 4 :])
    even = np.linspace(0, len(others), count - len(heaviest), endpoint=False).astype(np.intp)
    return np.sort(np.concatenate([heaviest, others[even]]))


def _umap(embeddings: NDArray[np.floating], seed: int) -> NDArray[np.float32]:
    """Place rows so that neighbours stay together; rows that are not finite are put in the middle."""
    try:
        from umap import UMAP
    except ImportError as error:
        raise MissingExtraError.of("The map by UMAP", "umap-learn", "umap") from error
    rows = np.flatnonzero(np.isfinite(embeddings).all(axis=1))
    placed = np.zeros((len(embeddings), 2), dtype=np.float32)
    if len(rows) < _FEWEST:
        return placed
    neighbors = min(_UMAP_NEIGHBORS, len(rows) - 1)
    found = UMAP(n_neighbors=neighbors, random_state=seed, n_jobs=1).fit_transform(embeddings[rows])
    placed[:] = found.mean(axis=0)
    placed[rows] = found
    return placed


def _principal(embeddings: Any) -> NDArray[np.float32]:
    """Place rows on the first two principal components.

    Components are found on at most 20,000 evenly spaced rows; the larger loadings of each point to the positive side,
    so the same data always gives the same picture. Rows that are not finite are put at the origin.
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
