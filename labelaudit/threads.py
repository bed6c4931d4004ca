"""Work on threads: NumPy and the compiled kernels let go of the interpreter, so no processes are needed.

How many threads there are never changes a result.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["available_cores", "in_blocks", "on_threads"]

_BLOCK_ROWS = 65_536  # temporaries of so many values stay in the cache; smaller blocks cost more turns between threads

_T = TypeVar("_T")
_Item = TypeVar("_Item")


def available_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def on_threads(function: Callable[[_Item], _T], items: Iterable[_Item], threads: int) -> Iterator[_T]:
    """Apply `function` to all items on threads; results, and the first error, come in the order of the items."""
    items = list(items)
    if min(threads, len(items)) <= 1:  # starting a thread takes longer than many a small item
        yield from map(function, items)
        return
    with ThreadPoolExecutor(min(threads, len(items))) as executor:
        yield from executor.map(function, items)


def in_blocks(
    function: Callable[[slice], NDArray[np.float64]], n: int, threads: int | None = None
) -> NDArray[np.float64]:
    """Compute an array block by block, as arithmetic on one item at a time allows.

    Parameters
    ----------
    function : callable
        Takes a slice of rows and returns their values; row by row, so that the blocks change nothing.
    n : int
        Number of rows.
    threads : int, optional
        Default: one for each core this process may use.

    Returns
    -------
    (n,) float64

    Examples
    --------
    >>> x = np.arange(4.0)
    >>> in_blocks(lambda rows: 2.0 * x[rows], 4).tolist()
    [0.0, 2.0, 4.0, 6.0]
    """
    out = np.empty(n)

    def fill(rows: slice) -> None:
        out[rows] = function(rows)

    blocks = [slice(start, start + _BLOCK_ROWS) for start in range(0, n, _BLOCK_ROWS)]
    for _ in on_threads(fill, blocks, 1 if len(blocks) == 1 else threads or available_cores()):
        pass
    return out
