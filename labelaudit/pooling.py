"""Weights of several models in one pool."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labelaudit.kernels.row_statistics import PROBABILITY_FLOOR

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["equal_weights", "mixture_weights"]


def equal_weights(n_members: int) -> NDArray[np.float64]:
    """Return (M,) equal weights: right for repeats of one model, which differ by chance only."""
    return np.full(n_members, 1.0 / n_members)


def mixture_weights(
    p_given: NDArray[np.floating], *, tolerance: float = 1e-6, max_iterations: int = 1000
) -> NDArray[np.float64]:
    """Return the weights under which the pool explains the given labels best.

    Expectation-maximisation of ``Σ_i log Σ_m w_m p_m(y_i)`` (Dempster, Laird, Rubin 1977), which is concave in `w`, so
    the start does not matter. A mean with equal weights is worse than the best model alone where models differ in
    strength; this is not.

    Parameters
    ----------
    p_given : (M, n) float
        Each member's probability of the given label, labelled rows only. Values below 1e-6 count as 1e-6, so that one
        row that a member holds impossible does not decide about that member.
    tolerance : float
        Stop when no weight changes by more.
    max_iterations : int
        Stop after so many steps; the weights then are those reached.

    Returns
    -------
    (M,) float64
        Weights, at least 0, summing to 1.

    Examples
    --------
    >>> mixture_weights(np.array([[0.9, 0.8, 0.9], [0.4, 0.5, 0.1]])).round(3).tolist()
    [1.0, 0.0]
    """
    n_members, n = p_given.shape
    weights = equal_weights(n_members)
    if n_members == 1 or n == 0:
        return weights
    likelihood = np.maximum(p_given.astype(np.float64), PROBABILITY_FLOOR)
    for _ in range(max_iterations):
        # Sums in a fixed order (no BLAS), so that the weights do not depend on its number of threads.
        mixture = np.zeros(n)
        for weight, member in zip(weights, likelihood, strict=True):
            mixture += weight * member
        updated = weights * np.array([np.mean(member / mixture) for member in likelihood])
        updated /= updated.sum()
        moved = float(np.abs(updated - weights).max())
        weights = updated
        if moved <= tolerance:
            break
    return weights
