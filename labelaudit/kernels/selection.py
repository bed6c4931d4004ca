"""Values at given places of the sorted order, without sorting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["quantiles", "sorted_at"]


def quantiles(values: NDArray[np.floating], *shares: float) -> list[float]:
    """Return the values below which ascending shares of all lie; some of them, so that comparisons are exact.

    Examples
    --------
    >>> quantiles(np.array([0.4, 0.1, 0.3, 0.2]), 0.25, 0.75)
    [0.2, 0.4]
    """
    if len(values) == 0:
        return [0.0] * len(shares)
    return sorted_at(values.copy(), *(min(len(values) - 1, int(share * len(values))) for share in shares))


def sorted_at(values: NDArray[np.floating], *places: int) -> list[float]:
    """Return the values that a sort puts at ascending places; moves the values."""
    start, found = 0, []
    for place in places:
        values[start:].partition(place - start)  # what belongs further down is there already
        found.append(float(values[place]))
        start = place
    return found
