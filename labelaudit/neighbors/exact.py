"""Exact nearest neighbours by matrix products, tile by tile."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from labelaudit.threads import available_cores

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.neighbors.space import VectorSpace

__all__ = ["exact_candidates", "threads_within"]

_TILE_ROWS, _TILE_COLUMNS = 1024, 4096  # large enough for the speed of one big product, small enough for 40 MB a thread
_ALIGN = 64  # a multiple of every register tile, so that no edge kernel adds in another order


def exact_candidates(
    space: VectorSpace, rows: NDArray[np.intp], k: int, *, memory: int, threads: int | None
) -> NDArray[np.int32]:
    """Return the `k` nearest usable rows of each of `rows`, by float32 products.

    The tiles have one shape whatever the budget and the number of threads, and are padded rather than cut: each
    product then is the same sum in the same order, and the result is the same bit for bit. Ties go to the lower row.

    Parameters
    ----------
    space : VectorSpace
        The vectors.
    rows : (q,) intp
        Rows to find neighbours of, ascending.
    k : int
        How many; at most the number of usable rows.
    memory : int
        Budget in bytes; it bounds the number of threads.
    threads : int, optional
        Threads at most; default: as many as the process may use.

    Returns
    -------
    (q, k) int32
        Row indices, nearest first; −1 where there are fewer.
    """
    if k == 0 or len(rows) == 0:
        return np.empty((len(rows), k), dtype=np.int32)
    from threadpoolctl import threadpool_limits

    half_norms = _half_norms(space)
    height, width = _tile_size(len(rows), _TILE_ROWS), _tile_size(len(space), _TILE_COLUMNS)
    tiles = [rows[start : start + height] for start in range(0, len(rows), height)]
    n_threads = threads_within(_tile_bytes(height, width, space.source.shape[1]), memory=memory, threads=threads)
    # One thread for each product: the library's own threads would fight with these, and may split a sum.
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(n_threads) as pool:
        found = list(pool.map(lambda tile: _nearest(space, half_norms, tile, k, (height, width)), tiles))
    return np.concatenate(found)


def threads_within(bytes_each: int, *, memory: int, threads: int | None) -> int:
    """Return how many threads of `bytes_each` fit the budget: at least 1, at most `threads` or the usable cores."""
    return max(1, min(threads or available_cores(), memory // bytes_each))


def _tile_size(n: int, largest: int) -> int:
    return min(largest, -(-n // _ALIGN) * _ALIGN)


def _tile_bytes(height: int, width: int, n_columns: int) -> int:
    return 9 * height * width + 24 * (height + width) * n_columns


def _half_norms(space: VectorSpace) -> NDArray[np.float32]:
    """Return ``|y|² / 2`` of each row, infinite where it is unusable, so that no one has it as a neighbour."""
    half = np.empty(len(space), dtype=np.float32)
    for start in range(0, len(space), _TILE_COLUMNS):
        rows = slice(start, start + _TILE_COLUMNS)
        block = space.around_middle(rows).astype(np.float64)
        half[rows] = np.einsum("id,id->i", block, block) / 2.0
    half[~space.usable] = np.inf
    return half


def _nearest(
    space: VectorSpace, half_norms: NDArray[np.float32], rows: NDArray[np.intp], k: int, tile: tuple[int, int]
) -> NDArray[np.int32]:
    height, width = tile
    queries = _padded(space.around_middle(rows), height)
    closeness = np.empty((height, width), dtype=np.float32)
    nearest = np.full((len(rows), k), -1, dtype=np.int32)
    gaps = np.full((len(rows), k), np.inf, dtype=np.float32)
    for start in range(0, len(space), width):
        stop = min(start + width, len(space))
        np.matmul(queries, _padded(space.around_middle(slice(start, stop)), width).T, out=closeness)
        # |x − y|² / 2 up to |x|² / 2, which is the same for the whole row.
        gap = closeness[: len(rows), : stop - start]
        np.subtract(half_norms[start:stop], gap, out=gap)
        within = np.flatnonzero((rows >= start) & (rows < stop))
        gap[within, rows[within] - start] = np.inf  # no item is its own neighbour
        nearest, gaps = _merged(gap, start, nearest, gaps)
    nearest[~space.usable[rows]] = -1
    return nearest


def _padded(block: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    padded = np.zeros((length, block.shape[1]), dtype=np.float32)
    padded[: len(block)] = block
    return padded


def _merged(
    gap: NDArray[np.float32], first: int, nearest: NDArray[np.int32], gaps: NDArray[np.float32]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Merge a tile into the `k` nearest so far; both sorted by gap, then by row."""
    n_rows, k = nearest.shape
    closer = gap < gaps[:, -1:]  # a tie loses: what is there already has a lower row
    if np.count_nonzero(closer) > 4 * k * n_rows and gap.shape[1] > k:
        closer &= gap <= np.partition(gap, k - 1, axis=1)[:, k - 1 : k]
    row, column = np.divmod(np.flatnonzero(closer), gap.shape[1])  # several times faster than a two-dimensional nonzero
    if len(row) == 0:
        return nearest, gaps
    # Later tiles bring something nearer for few rows: only these are sorted again.
    touched, group = np.unique(row, return_inverse=True)
    groups = np.concatenate([np.repeat(np.arange(len(touched)), k), group])
    all_gaps = np.concatenate([gaps[touched].ravel(), gap[row, column]])
    indices = np.concatenate([nearest[touched].ravel(), (column + first).astype(np.int32)])
    order = np.lexsort((indices, all_gaps, groups))
    starts = np.concatenate([[0], np.cumsum(np.bincount(groups))[:-1]])
    best = order[starts[:, None] + np.arange(k)]
    nearest[touched], gaps[touched] = indices[best], all_gaps[best]
    return nearest, gaps
