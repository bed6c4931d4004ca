"""Above which suspicion a label is worth a flag."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["worth_flagging"]


def worth_flagging(chances: NDArray[np.float64]) -> float:
    """Return the chance above which flags have the highest expected F1: half of that F1.

    The first `k` places are expected to have an F1 of about ``2 Σₖ s / (k + Σ s)``. A further place raises it as long
    as its own chance exceeds half of it (Lipton, Elkan and Naryanaswamy 2014). That is one half where chances are near
    0 or 1. It is less where little is certain, or where fewer errors are expected than there are: the first places are
    worth a look even if none of them is more likely wrong than right.

    Parameters
    ----------
    chances : (n,) float64
        Chance that the label at each place of the queue is wrong, never rising, 0..1, not all of them 0.

    Returns
    -------
    float
        At most one half, and less than the first chance.
    """
    if len(chances) == 0:
        return 0.5
    expected_f1 = 2.0 * np.cumsum(chances) / (np.arange(1, len(chances) + 1) + chances.sum())
    return float(expected_f1.max()) / 2.0
