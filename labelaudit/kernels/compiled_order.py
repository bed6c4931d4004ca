"""Dividing sort keys by what they sort by, compiled: each part then sorts on a thread of its own, within the cache.

Importing this module imports numba, so it is imported where there is enough data to be worth it.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from labelaudit import large_pages
from labelaudit.kernels.compiling import compiled, inlined, read_only
from labelaudit.threads import map_blocks, on_threads

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["divided_keys"]

_BINS = 256
_LOOKED_AT = 1024  # scores that bins are laid out by
_NARROWEST = 1e-300  # span of these: the number of bins in a unit must not overflow, as nothing checks where keys go
_PARTS = 32  # that bins are put together to: few calls to sort, and each stays in the cache


def divided_keys(
    scores: NDArray[np.float64], row_bits: np.int64, threads: int
) -> tuple[NDArray[np.int64], list[slice]]:
    """Return the keys of :func:`labelaudit.kernels.order.order_downwards`, divided into parts.

    Scores fall into bins of equal width, from the greatest downwards. Bins bear on the time that it takes to sort and
    on nothing else, so they are laid out by a few of the scores.

    Parameters
    ----------
    scores : (n,) float64
        What is sorted by, downwards, NaN last.
    row_bits : int64
        Trailing bits that give way to the number of the row.
    threads : int
        How many work.

    Returns
    -------
    (n,) int64
        Keys; those of one part are nowhere above those of the next, as far as scores go.
    list of slice
        The parts.
    """
    n = len(scores)
    highest, lowest = _span(scores)
    if not _NARROWEST < highest - lowest < np.inf:
        highest, lowest = 0.0, -1.0  # anything will do: there is nothing to tell from

    def count(rows: slice) -> tuple[slice, NDArray[np.int64]]:
        counts = np.zeros(_BINS, np.int64)
        _count(read_only(scores[rows]), highest, lowest, counts)
        return rows, counts

    blocks, counts = zip(*map_blocks(count, n, threads), strict=True)
    in_blocks = np.stack(counts)
    ends = np.cumsum(in_blocks.sum(axis=0))
    nexts = np.append(0, ends[:-1]) + np.cumsum(in_blocks, axis=0) - in_blocks
    keys = large_pages.empty(n, np.int64)

    def place(block: tuple[slice, NDArray[np.int64]]) -> None:
        rows, places = block
        _place(read_only(scores[rows]), highest, lowest, rows.start, row_bits, places, keys)

    for _ in on_threads(place, zip(blocks, nexts, strict=True), threads):
        pass
    cuts = ends[np.searchsorted(ends, np.linspace(0, n, _PARTS + 1)[1:])]
    return keys, [slice(first, last) for first, last in pairwise(np.unique(np.append(0, cuts)).tolist())]


def _span(scores: NDArray[np.float64]) -> tuple[float, float]:
    """Return the greatest and the least of a few finite scores."""
    few = scores[:: max(1, len(scores) // _LOOKED_AT)]
    few = few[np.isfinite(few)]
    return (float(few.max()), float(few.min())) if len(few) else (0.0, 0.0)


@inlined
def _bin(score, highest, lowest, scale):
    """Return which bin a score falls into, the last one for NaN."""
    if score >= highest:
        return np.int64(0)
    return np.int64((highest - score) * scale) if score > lowest else np.int64(_BINS - 1)


@compiled
def _count(scores, highest, lowest, counts):
    scale = (_BINS - 1) / (highest - lowest)
    for i in range(len(scores)):
        counts[_bin(scores[i], highest, lowest, scale)] += 1


@compiled
def _place(scores, highest, lowest, start, row_bits, places, keys):
    """Write the key of each row to the next place of its bin; the key is that of NumPy."""
    scale = (_BINS - 1) / (highest - lowest)
    for i in range(len(scores)):
        turned = 0.0 - scores[i]
        bits = np.float64(turned if turned < np.inf else np.inf).view(np.int64)
        bits ^= (bits >> 63) & np.int64(0x7FFFFFFFFFFFFFFF)
        chosen = _bin(scores[i], highest, lowest, scale)
        keys[places[chosen]] = (bits & ~row_bits) | np.int64(start + i)
        places[chosen] += 1
