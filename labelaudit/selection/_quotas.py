"""How many places each class gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.selection import horizon

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FIRST_PLACES", "PRICE", "class_quotas"]

_WORTH_A_PLACE = 0.5
"""Expected errors from which a class is sure of a place: it then more probably has one than not."""

PRICE = 0.025
"""Share of the errors expected in the plain top that the places of classes may cost."""

FIRST_PLACES = 0.1
"""Share of the batch that may go to classes which the plain top would leave out.

Such places are given from however far behind. A batch of a few items cannot serve many classes, and does not try to.
"""


def class_quotas(score: NDArray[np.float64], classes: NDArray[np.integer[Any]], size: int) -> dict[int, int]:
    """Divide `size` places among the classes by the square root of their expected errors.

    The root is between equal places, which waste the time of annotators on clean classes, and proportional ones, by
    which a rare class is never seen. A class with at least half an expected error gets at least one place.

    Where errors sit in few classes, the root alone would spend much of a batch on the clean ones. So places move from
    the plain top one by one: the first of a class before all others, but no more than `FIRST_PLACES`; others only to
    items before the horizon; and none after `PRICE` of the errors expected in the top is given up.

    Parameters
    ----------
    score : (m,) float
        Probability of an error of each candidate, 0..1, descending.
    classes : (m,) int
        Class of each candidate.
    size : int
        Places in all.

    Returns
    -------
    dict of int to int
        Places of each class; they add up to ``min(size, m)``.

    Examples
    --------
    >>> class_quotas(np.linspace(0.9, 0.8, 40), np.array([0] * 36 + [1] * 4), 10)
    {0: 9, 1: 1}
    """
    names, index = np.unique(classes, return_inverse=True)
    size = min(size, len(score))
    expected = np.bincount(index, weights=score).astype(np.float64)
    wanted = _by_root(expected, np.bincount(index), size)
    quotas = np.bincount(index[:size], minlength=len(names))
    turn = _turns(index)
    in_top = np.arange(len(score)) < size
    # The best that is left out comes in first, the worst of the top goes first; classes that had no place before all.
    is_wanted = ~in_top & (turn < wanted[index])
    first = np.flatnonzero(is_wanted & (turn == 0))[: int(FIRST_PLACES * size)]
    near = score >= score[min(horizon(size), len(score)) - 1]
    coming = np.concatenate([first, np.flatnonzero(is_wanted & (turn > 0) & near)])
    going = np.flatnonzero(in_top & (turn >= wanted[index]))[::-1][: len(coming)]
    price = np.cumsum(score[going] - score[coming])
    moved = int(np.searchsorted(price, PRICE * float(score[:size].sum()), side="right"))
    np.add.at(quotas, index[coming[:moved]], 1)
    np.subtract.at(quotas, index[going[:moved]], 1)
    return dict(zip(names.tolist(), quotas.tolist(), strict=True))


def _by_root(expected: NDArray[np.float64], available: NDArray[np.intp], size: int) -> NDArray[np.int64]:
    quotas = np.zeros(len(expected), dtype=np.int64)
    sure = np.flatnonzero(expected >= _WORTH_A_PLACE)
    quotas[sure[np.argsort(-expected[sure], kind="stable")][:size]] = 1
    weights = np.sqrt(np.maximum(expected, 1e-12))
    for _ in range(size - int(quotas.sum())):
        # Highest averages (Sainte-Laguë): no rounding paradox.
        quotas[np.argmax(np.where(quotas < available, weights / (quotas + 0.5), -1.0))] += 1
    return quotas


def _turns(index: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return how many candidates of the same class stand before each."""
    order = np.argsort(index, kind="stable")
    starts = np.searchsorted(index[order], index[order])
    turns = np.empty(len(index), dtype=np.intp)
    turns[order] = np.arange(len(index)) - starts
    return turns
