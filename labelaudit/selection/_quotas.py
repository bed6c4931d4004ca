"""How many places each class gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["class_quotas"]

_WORTH_A_PLACE = 0.5
"""Expected errors from which a class is sure of a place: it then more probably has one than not."""


def class_quotas(score: NDArray[np.float64], classes: NDArray[np.integer[Any]], size: int) -> dict[int, int]:
    """Divide `size` places among the classes by the square root of their expected errors.

    The root is between equal places, which waste the time of annotators on clean classes, and proportional ones, by
    which a rare class is never seen. A class with at least half an expected error gets at least one place as far as
    there are places, and no class gets more than it has candidates.

    Parameters
    ----------
    score : (m,) float
        Probability of an error of each candidate, 0..1.
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
    >>> class_quotas(np.full(10, 0.9), np.array([0] * 9 + [1]), 4)
    {0: 3, 1: 1}
    """
    names, index = np.unique(classes, return_inverse=True)
    available = np.bincount(index, minlength=len(names))
    expected = np.bincount(index, weights=score, minlength=len(names))
    quotas = np.zeros(len(names), dtype=np.int64)
    size = min(size, len(score))
    sure = np.flatnonzero(expected >= _WORTH_A_PLACE)
    quotas[sure[np.argsort(-expected[sure], kind="stable")][:size]] = 1
    weights = np.sqrt(np.maximum(expected, 1e-12))
    for _ in range(size - int(quotas.sum())):
        # Highest averages (Sainte-Laguë): no rounding paradox.
        quotas[np.argmax(np.where(quotas < available, weights / (quotas + 0.5), -1.0))] += 1
    return dict(zip(names.tolist(), quotas.tolist(), strict=True))
