"""Logistic regression around a starting point: an offset, and a Gaussian prior on how far to move away from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.learning.design import Design

__all__ = ["Mode", "log_likelihood", "posterior_mode", "sigmoid"]

_MOST_STEPS = 200  # Newton's method takes a dozen; Fisher scoring is slow where nearly all verdicts are surprises
_SMALLEST_STEP = 1e-6


class Mode(NamedTuple):
    """Coefficients (d,) of highest posterior density, and its logarithm up to a constant of the prior."""

    coefficients: NDArray[np.float64]
    log_density: float


def sigmoid(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``1 / (1 + exp(−x))`` without overflow."""
    half: NDArray[np.float64] = 0.5 * (1.0 + np.tanh(0.5 * log_odds))
    return half


def log_likelihood(log_odds: NDArray[np.float64], is_error: NDArray[Any], overlooked: float = 0.0) -> float:
    """Return the log probability of verdicts by people who overlook a share of the errors that they are shown.

    Parameters
    ----------
    log_odds : (m,) float
        That the item is an error.
    is_error : (m,) float or bool
        Verdicts, 0 or 1.
    overlooked : float
        0..1.
    """
    called_wrong = np.asarray(is_error) > 0.5
    if overlooked == 0.0:
        return -float(np.logaddexp(0.0, np.where(called_wrong, -log_odds, log_odds)).sum())
    # Not the logarithm of a sigmoid, which has no digits left where it is near 0.
    wrong = np.log1p(-overlooked) - np.logaddexp(0.0, -log_odds)
    right = np.log1p(-(1.0 - overlooked) * sigmoid(log_odds))
    return float(np.where(called_wrong, wrong, right).sum())


def posterior_mode(
    design: Design,
    offset: NDArray[np.float64],
    outcome: NDArray[np.float64],
    *,
    sd_below: NDArray[np.float64],
    sd_above: NDArray[np.float64],
    overlooked: float = 0.0,
) -> Mode:
    """Return the coefficients ``w`` of ``logit p = offset + design @ w`` with the highest posterior density.

    The prior of each coefficient is a two-piece normal: standard deviation `sd_below` under 0, `sd_above` over it.
    If nothing is overlooked, the negative log posterior is convex with a continuous gradient, so Newton's method with
    backtracking reaches its only minimum from anywhere. Without backtracking it circles when the offset is confidently
    wrong for many items. Otherwise an item is called wrong with probability ``(1 − overlooked) p`` (a contaminated
    logistic model as in Copas 1988, J. R. Stat. Soc. B 50), and there can be several minima: one of them takes every
    surprise for an oversight. Therefore Fisher scoring starts where nothing is overlooked.

    Parameters
    ----------
    design : Design
        (m, d), one row per outcome.
    offset : (m,) float
        Log-odds at the starting point.
    outcome : (m,) float
        0 or 1.
    sd_below, sd_above : (d,) float
        Standard deviations of the prior below and above 0.
    overlooked : float
        Share of the 1s that were recorded as 0, 0..1.

    Returns
    -------
    Mode
    """
    precisions = np.stack([sd_below, sd_above]) ** -2.0
    mode = _climbed(np.zeros(len(sd_below)), design, (offset, outcome), precisions, 0.0)
    return mode if overlooked == 0.0 else _climbed(mode.coefficients, design, (offset, outcome), precisions, overlooked)


def _climbed(
    w: NDArray[np.float64],
    design: Design,
    data: tuple[NDArray[np.float64], NDArray[np.float64]],
    precisions: NDArray[np.float64],
    overlooked: float,
) -> Mode:
    """Return the mode reached from `w`; `data` are offset and outcome, `precisions` (2, d) below and above 0."""
    offset, outcome = data

    def precision(w: NDArray[np.float64]) -> NDArray[np.float64]:
        chosen: NDArray[np.float64] = np.where(w > 0.0, precisions[1], precisions[0])
        return chosen

    def density(log_odds: NDArray[np.float64], w: NDArray[np.float64]) -> float:
        return log_likelihood(log_odds, outcome, overlooked) - 0.5 * float((precision(w) * w**2).sum())

    log_odds = offset + design.times(w)
    best = density(log_odds, w)
    for _ in range(_MOST_STEPS):
        residual, weight = _score_and_information(log_odds, outcome, overlooked)
        slope = design.transposed_times(residual) - precision(w) * w
        curvature = design.gram(weight)
        curvature[np.diag_indices_from(curvature)] += precision(w)
        step = np.asarray(np.linalg.solve(curvature, slope), dtype=np.float64)
        gain = float(slope @ step)
        if gain < 1e-9:
            break
        along = design.times(step)
        size = 1.0
        while size > _SMALLEST_STEP and density(log_odds + size * along, w + size * step) < best + 1e-4 * size * gain:
            size *= 0.5
        if size <= _SMALLEST_STEP:  # as exact as rounding allows
            break
        w = w + size * step
        log_odds = log_odds + size * along
        best = density(log_odds, w)
    return Mode(w, best)


def _score_and_information(
    log_odds: NDArray[np.float64], outcome: NDArray[np.float64], overlooked: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the derivative of each outcome's log probability by its log-odds, and its expected square."""
    p = sigmoid(log_odds)
    called_wrong = (1.0 - overlooked) * p
    # (1 − p) / (1 − called_wrong) is 1 where nothing is overlooked; the floor is for p = 1 in floating point.
    share = np.maximum(1.0 - p, 1e-300) / np.maximum(1.0 - called_wrong, 1e-300)
    return (outcome - called_wrong) * share, called_wrong * (1.0 - p) * share
