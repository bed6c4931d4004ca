"""Power sampling: at random, with probabilities in proportion to a power of the score.

Systematic sampling (Madow 1949, *Annals of Mathematical Statistics* 20, 333-354) from a shuffled pool: the
inclusion probabilities are exactly what they are said to be, so what annotators find can be weighted to an unbiased
estimate over the pool.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labelaudit.selection import Choice, Pool, Strategy

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PLUGIN"]

_POWER = 2.0
_LEAST = 1e-3
"""No score counts for less, so that every item of the pool has a chance."""


def _choose(pool: Pool, size: int, rng: np.random.Generator) -> Choice:
    inclusion = _inclusion(np.maximum(pool.score, _LEAST) ** _POWER, min(size, len(pool)))
    order = rng.permutation(len(pool))
    bounds = np.concatenate([[0.0], np.cumsum(inclusion[order])])
    bounds[-1] = round(bounds[-1])  # the sum is a whole number but for rounding
    ticks = rng.random() + np.arange(int(bounds[-1]))
    rows = np.unique(order[np.searchsorted(bounds, ticks, side="right") - 1]).astype(np.intp)
    return Choice(rows, inclusion[rows])


def _inclusion(weight: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Return probabilities in proportion to `weight` that sum to `size`, none above 1."""
    certain = np.zeros(len(weight), dtype=bool)
    while True:
        left = size - int(certain.sum())
        scaled = np.where(certain, 1.0, weight * (left / max(float(weight[~certain].sum()), 1e-300)))
        beyond = (scaled >= 1.0) & ~certain
        if not beyond.any():
            return np.minimum(scaled, 1.0)
        certain |= beyond


PLUGIN = Strategy(
    name="power",
    summary="at random by the square of the score, with exact inclusion probabilities",
    choose=_choose,
)
