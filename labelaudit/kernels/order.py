"""Sorting a million rows without waiting for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["stable_argsort"]

_WORTH_IT = 20_000


def stable_argsort(values: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return what ``np.argsort(values, kind="stable")`` returns, several times faster on many rows.

    NumPy sorts integers with vector instructions but has no such stable argsort. So the leading bits of each value, in
    an order-keeping form, and its row number are packed in one integer and sorted together. Where the bits that gave
    way to the row number mattered, an ordinary stable sort puts right the few places that are still in doubt.

    Parameters
    ----------
    values : (n,) float64
        NaN sorts last.

    Returns
    -------
    (n,) intp

    Examples
    --------
    >>> stable_argsort(np.array([0.5, 0.1, np.nan, 0.1])).tolist()
    [1, 3, 0, 2]
    """
    if len(values) < _WORTH_IT:
        return np.argsort(values, kind="stable")
    values = values + 0.0  # one bit pattern for each of zero and, in the next line, NaN
    values[np.isnan(values)] = np.nan
    bits = values.view(np.int64)
    # Order of floats as unsigned integers: flip all bits of negative ones, the sign of the others.
    keys = (bits ^ ((bits >> 63) | np.int64(-(2**63)))).view(np.uint64)
    row_bits = np.uint64((1 << (len(values) - 1).bit_length()) - 1)
    keys &= ~row_bits
    keys |= np.arange(len(values), dtype=np.uint64)
    keys.sort()
    order = (keys & row_bits).view(np.int64).astype(np.intp, copy=False)
    follows = np.zeros(len(keys) + 1, dtype=bool)  # whether the leading bits equal those of the place before
    follows[1:-1] = (keys[1:] ^ keys[:-1]) <= row_bits
    unsure = np.flatnonzero(follows[:-1] | follows[1:])
    found = values[order[unsure]]
    if (found[:-1] > found[1:]).any():
        order[unsure] = order[unsure][np.argsort(found, kind="stable")]
    return order
