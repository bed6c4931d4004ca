"""Vectors and the distance between them, read in blocks so that they may stay on disk."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from labelaudit.errors import DataError, UnknownNameError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["METRICS", "Metric", "Reordered", "VectorSpace", "open_space"]

Metric = Literal["cosine", "euclidean"]
METRICS: tuple[Metric, ...] = ("cosine", "euclidean")

_BLOCK_BYTES = 8_000_000
_DIGITS = 6


@dataclass(frozen=True, eq=False)
class Reordered:
    """The rows of an array in another order, read where they are."""

    source: Any
    order: NDArray[np.intp]

    @property
    def shape(self) -> tuple[int, ...]:
        """``(n, d)``."""
        return (len(self.order), *self.source.shape[1:])

    @property
    def dtype(self) -> Any:
        """That of the array."""
        return self.source.dtype

    def __getitem__(self, rows: slice | NDArray[np.integer], /) -> Any:
        return self.source[self.order[rows]]


@dataclass(frozen=True, eq=False)
class VectorSpace:
    """The usable rows of `n` vectors under a metric.

    Both metrics become one: vectors scaled to unit length have the cosine distance ``1 − x·y = |x − y|² / 2``, so
    nearest by Euclidean distance is nearest by angle. Euclidean vectors are moved to their mean and scaled by one
    factor for all, which changes no order. Moving keeps float32 products exact enough where columns have a large
    offset; for the same reason products of unit vectors are taken around their mean.

    Attributes
    ----------
    source : (n, d) array
        Vectors as given.
    metric : {"cosine", "euclidean"}
        What distances mean.
    center : (d,) float64
        Subtracted from every row.
    scale : (n,) float64
        Factor of every row; 0 where the row has no place in the space.
    middle : (d,) float64
        Where the scaled rows lie, nearly.
    unit : float
        Factor that takes distances between scaled rows back to distances between given rows.
    """

    source: Any
    metric: Metric
    center: NDArray[np.float64]
    scale: NDArray[np.float64]
    middle: NDArray[np.float64]
    unit: float

    @property
    def usable(self) -> NDArray[np.bool_]:
        """(n,) bool: False for rows with NaN or infinities, and for zero vectors under the cosine metric."""
        return self.scale > 0

    def __len__(self) -> int:
        return len(self.scale)

    def block(self, rows: slice | NDArray[np.integer]) -> NDArray[np.float64]:
        """Return the centred and scaled rows; unusable ones are zero."""
        scale = self.scale[rows]
        block = np.array(self.source[rows], dtype=np.float64)
        if self.center.any():
            block -= self.center
        if not scale.all():
            block[scale == 0] = 0.0
        block *= scale[..., None]
        return block

    def around_middle(self, rows: slice | NDArray[np.integer]) -> NDArray[np.float32]:
        """Return the scaled rows as seen from the middle, for products; unusable ones are zero."""
        block = self.block(rows)
        if self.middle.any():
            block -= self.middle
            block[self.scale[rows] == 0] = 0.0
        return block.astype(np.float32)

    def distances(self, rows: slice, others: NDArray[np.int32]) -> NDArray[np.float64]:
        """Return the distance of each row to each of its `others`, (b, c), as scaled and without cancellation.

        The order of the sum over columns depends on nothing but `d`, so the same two vectors always have the same
        distance.
        """
        mine = self.block(rows)
        squared = np.empty(others.shape)
        step = max(1, _BLOCK_BYTES // max(8, 8 * others.shape[1] * mine.shape[1]))
        for start in range(0, len(mine), step):
            part = slice(start, start + step)
            difference = self.block(others[part]) - mine[part, None, :]
            squared[part] = np.einsum("ijd,ijd->ij", difference, difference)
        return squared / 2.0 if self.metric == "cosine" else np.sqrt(squared)


def open_space(vectors: Any, metric: str) -> VectorSpace:
    """Check vectors and find what centres and scales them, in two passes.

    Parameters
    ----------
    vectors : (n, d) array of numbers
        May be a memory map; never copied as a whole.
    metric : {"cosine", "euclidean"}
        How distance is measured.

    Raises
    ------
    UnknownNameError
        If there is no such metric.
    DataError
        If `vectors` is not a two-dimensional array of numbers.
    """
    if metric not in METRICS:
        raise UnknownNameError.among("metric", metric, METRICS)
    source = vectors if hasattr(vectors, "shape") and hasattr(vectors, "dtype") else np.asarray(vectors)
    if len(source.shape) != 2 or np.dtype(source.dtype).kind not in "fiub":
        raise DataError(
            f"The vectors have the shape {tuple(source.shape)} and the type {source.dtype}.",
            "Give one row of numbers for each item: a dense array (n, d).",
        )
    n_columns = source.shape[1]
    if metric == "cosine":
        center = np.zeros(n_columns)
        space = VectorSpace(source, "cosine", center, _inverse(_norms(source, center)), center, 1.0)
        return replace(space, middle=_middle(space))
    center = _center(source)
    norms = _norms(source, center)
    largest = float(np.nanmax(norms, initial=0.0))
    largest = 2.0 ** math.ceil(math.log2(largest)) if largest > 0 else 1.0  # a power of two scales without rounding
    scale, middle = np.where(np.isnan(norms), 0.0, 1.0 / largest), np.zeros(n_columns)
    return VectorSpace(source, "euclidean", center, scale, middle, largest)


def _middle(space: VectorSpace) -> NDArray[np.float64]:
    """Return the mean of the usable rows, rounded, as the last bits of sums differ with the order of the rows."""
    total = np.zeros(space.source.shape[1])
    for rows in _slices(space.source):
        total += space.block(rows).sum(axis=0)
    return np.round(total / max(int(np.count_nonzero(space.usable)), 1), _DIGITS)


def _inverse(norms: NDArray[np.float64]) -> NDArray[np.float64]:
    directed = norms > 0  # False for NaN too
    inverse: NDArray[np.float64] = np.where(directed, 1.0 / np.where(directed, norms, 1.0), 0.0)
    return inverse


def _center(source: Any) -> NDArray[np.float64]:
    """Return each column's mean, rounded to a power of two that is about its spread.

    The rounding keeps whole numbers whole, and their float32 products exact: equally far items of counts or one-hot
    columns then are ties, not a lottery of rounding errors.
    """
    n_columns = source.shape[1]
    origin: NDArray[np.float64] | None = None
    total, squares, count = np.zeros(n_columns), np.zeros(n_columns), 0
    for rows in _slices(source):
        block = np.asarray(source[rows], dtype=np.float64)
        block = block[np.isfinite(block).all(axis=1)]
        if len(block) and origin is None:
            origin = block[0].copy()  # sums of squares around some row do not cancel as those around 0 do
        if origin is not None:
            block -= origin
            total += block.sum(axis=0)
            squares += np.square(block).sum(axis=0)
            count += len(block)
    if origin is None:
        return np.zeros(n_columns)
    shift = total / count
    spread = np.sqrt(np.maximum(squares / count - shift**2, 0.0))
    grid = np.where(spread > 0, np.exp2(np.ceil(np.log2(np.where(spread > 0, 2.0 * spread, 1.0)))), 0.0)
    mean = origin + shift
    return np.where(grid > 0, np.rint(mean / np.where(grid > 0, grid, 1.0)) * grid, mean)


def _norms(source: Any, center: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (n,) Euclidean lengths around `center`; NaN where a row is not finite."""
    norms = np.empty(source.shape[0])
    for rows in _slices(source):
        block = np.asarray(source[rows], dtype=np.float64) - center
        block[~np.isfinite(block).all(axis=1)] = np.nan
        # Squares of very large or very small numbers would leave the range of float64.
        largest = np.abs(block).max(axis=1, initial=0.0)
        safe = np.where(largest > 0, largest, 1.0)
        norms[rows] = safe * np.sqrt(((block / safe[:, None]) ** 2).sum(axis=1))
    return norms


def _slices(source: Any) -> list[slice]:
    n, n_columns = source.shape
    step = max(1, _BLOCK_BYTES // (8 * max(1, n_columns)))
    return [slice(start, min(start + step, n)) for start in range(0, n, step)]
