"""Rows that stand for all others where something is learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labelaudit.kernels import is_compiled, lookups_for
from labelaudit.kernels.lookups import row_hashes
from labelaudit.threads import map_blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.kernels import RowStatistics
    from labelaudit.walk import Walk

__all__ = ["gathered", "sampled_rows"]

_SAMPLE = 10_000  # rows, if that is not more values than:
_VALUES = 2**22  # 32 MB in float64


def sampled_rows(rows: RowStatistics, values_of_a_row: int = 1, *, threads: int | None = None) -> NDArray[np.intp]:
    """Return which rows are learned from: all that can be assessed, or some by a hash of their probabilities.

    Neither the order of rows nor of classes bears on the choice, nor the label. Rows whose two highest probabilities
    are equal are chosen together, so there may be more than asked for. Where these are many, as of a model that answers
    with 0 and 1 only, every second, third ... row is taken in an order in which classes and labels keep their shares.

    Parameters
    ----------
    rows : RowStatistics
        Of `n` items.
    values_of_a_row : int
        Numbers that are held of each, which bound how many there may be.
    threads : int, optional
        Default: one for each core. Never changes the result.

    Returns
    -------
    (m,) intp
        Ascending; of more rows about 10,000, less where these would take more than 32 MB, and less than twice as many
        in any case.
    """
    n, most = len(rows), max(1, min(_SAMPLE, _VALUES // values_of_a_row))
    index = _hashed_below(rows, 2.0 * most / max(n, 1), threads)
    if len(index) < most:  # few can be assessed, or many are equal
        index = _hashed_below(rows, 1.0, threads)
    if len(index) <= most:
        return index
    keys = row_hashes(rows.p_top[index], rows.p_second[index])
    within = keys <= np.partition(keys, most - 1)[most - 1]
    return _thinned(rows, index[within], keys[within], most)


def _thinned(rows: RowStatistics, chosen: NDArray[np.intp], keys: NDArray[np.uint64], most: int) -> NDArray[np.intp]:
    """Return so evenly spread a part of the rows chosen that they are fewer than twice as many as asked for."""
    step = len(chosen) // most
    if step < 2:
        return chosen
    # What is equal in all of these is one row many times, as far as models that answer with 0 and 1 go.
    alike = (rows.given[chosen], rows.top[chosen], rows.p_given[chosen], keys)
    return np.sort(chosen[np.lexsort(alike)[::step]])


def _hashed_below(rows: RowStatistics, share: float, threads: int | None) -> NDArray[np.intp]:
    """Return which rows can be assessed and have a hash in the lower `share` of all hashes."""
    bound = np.uint64(min(share, 1.0) * (2.0**64 - 2.0**11))  # the greatest float64 that fits
    lookups = lookups_for(len(rows) * rows.n_classes)

    def found(part: slice) -> NDArray[np.intp]:
        chosen = np.ones(part.stop - part.start, dtype=bool)
        if share < 1.0:
            lookups.mark_hashed(chosen, rows.p_top[part], rows.p_second[part], bound)
        where = np.flatnonzero(chosen) + part.start
        known: NDArray[np.intp] = where[(rows.given[where] >= 0) & np.isfinite(rows.p_given[where])]
        return known

    return np.concatenate(list(map_blocks(found, len(rows), threads)))


def gathered(walk: Walk, index: NDArray[np.intp]) -> NDArray[np.floating]:
    """Return each source's probabilities of some rows.

    Parameters
    ----------
    walk : Walk
        Over `M` sources.
    index : (m,) intp
        Rows, ascending.

    Returns
    -------
    (M, m, K) float
        In the precision of the walk.
    """
    found = np.empty((len(walk.sources), len(index), walk.n_classes), dtype=walk.dtype)

    def gather(part: slice) -> None:
        first, last = np.searchsorted(index, [part.start, part.stop])
        if last > first:
            for m, chunk in enumerate(walk.read(part)):
                found[m, first:last] = chunk[index[first:last] - part.start]

    walk.each(gather, on_threads=is_compiled(walk.n_values))
    return found
