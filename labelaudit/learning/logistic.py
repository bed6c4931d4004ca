"""Logistic regression around a starting point: an offset, and a Gaussian prior on how far to move away from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["posterior_mode", "sigmoid"]

_MOST_STEPS = 50
_SMALLEST_STEP = 1e-6


def sigmoid(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``1 / (1 + exp(−x))`` without overflow."""
    half: NDArray[np.float64] = 0.5 * (1.0 + np.tanh(0.5 * log_odds))
    return half


def posterior_mode(
    design: Any,
    offset: NDArray[np.float64],
    outcome: NDArray[np.float64],
    *,
    sd_below: NDArray[np.float64],
    sd_above: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the coefficients ``w`` of ``logit p = offset + design @ w`` with the highest posterior density.

    The prior of each coefficient is a two-piece normal: standard deviation `sd_below` under 0, `sd_above` over it.
    The negative log posterior is convex with a continuous gradient, so Newton's method with backtracking reaches its
    only minimum from anywhere. Without backtracking it circles when the offset is confidently wrong for many items.

    Parameters
    ----------
    design : (m, d) sparse or dense matrix
        One row per outcome.
    offset : (m,) float
        Log-odds at the starting point.
    outcome : (m,) float
        0 or 1.
    sd_below, sd_above : (d,) float
        Standard deviations of the prior below and above 0.

    Returns
    -------
    (d,) float
    """

    def precision(w: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(w > 0.0, sd_above, sd_below) ** -2.0

    def loss(log_odds: NDArray[np.float64], w: NDArray[np.float64]) -> float:
        fit = np.logaddexp(0.0, log_odds).sum() - outcome @ log_odds
        return float(fit + 0.5 * (precision(w) * w**2).sum())

    w = np.zeros(len(sd_below))
    log_odds = offset
    best = loss(log_odds, w)
    for _ in range(_MOST_STEPS):
        p = sigmoid(log_odds)
        slope = design.T @ (outcome - p) - precision(w) * w
        step = np.linalg.solve(_curvature(design, p * (1.0 - p), precision(w)), slope)
        gain = float(slope @ step)
        if gain < 1e-9:
            break
        along = design @ step
        size = 1.0
        while size > _SMALLEST_STEP and loss(log_odds + size * along, w + size * step) > best - 1e-4 * size * gain:
            size *= 0.5
        if size <= _SMALLEST_STEP:  # as exact as rounding allows
            break
        w = w + size * step
        log_odds = log_odds + size * along
        best = loss(log_odds, w)
    return w


def _curvature(design: Any, weight: NDArray[np.float64], precision: NDArray[np.float64]) -> NDArray[np.float64]:
    if isinstance(design, np.ndarray):
        curvature = design.T @ (design * weight[:, None])
    else:
        curvature = (design.T @ design.multiply(weight[:, None]).tocsr()).toarray()
    curvature[np.diag_indices_from(curvature)] += precision
    return np.asarray(curvature)
