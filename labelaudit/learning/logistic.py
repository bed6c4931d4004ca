"""Logistic regression around a starting point: an offset, and a Gaussian prior on how far to move away from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.newton import Mode, climb

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.learning.design import Design
    from labelaudit.newton import Density, Derivatives

__all__ = ["log_likelihood", "posterior_mode", "sigmoid"]


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
    backtracking reaches its only minimum from anywhere. Otherwise an item is called wrong with probability
    ``(1 − overlooked) p`` (a contaminated logistic model as in Copas 1988, J. R. Stat. Soc. B 50), and there can be
    several minima: one of them takes every surprise for an oversight. Therefore Fisher scoring starts where nothing is
    overlooked.

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
    data = (offset, outcome)
    mode = climb(np.zeros(len(sd_below)), *_posterior(design, data, precisions, 0.0))
    return mode if overlooked == 0.0 else climb(mode.coefficients, *_posterior(design, data, precisions, overlooked))


def _posterior(
    design: Design,
    data: tuple[NDArray[np.float64], NDArray[np.float64]],
    precisions: NDArray[np.float64],
    overlooked: float,
) -> tuple[Density, Derivatives]:
    """Return density and derivatives; `data` are offset and outcome, `precisions` (2, d) below and above 0."""
    offset, outcome = data

    def precision(w: NDArray[np.float64]) -> NDArray[np.float64]:
        chosen: NDArray[np.float64] = np.where(w > 0.0, precisions[1], precisions[0])
        return chosen

    def density(w: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        log_odds = offset + design.times(w)
        return log_likelihood(log_odds, outcome, overlooked) - 0.5 * float(precision(w) @ w**2), log_odds

    def derivatives(
        w: NDArray[np.float64], log_odds: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        residual, weight = _score_and_information(log_odds, outcome, overlooked)
        curvature = design.gram(weight)
        curvature[np.diag_indices_from(curvature)] += precision(w)
        return design.transposed_times(residual) - precision(w) * w, curvature

    return density, derivatives


def _score_and_information(
    log_odds: NDArray[np.float64], outcome: NDArray[np.float64], overlooked: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the derivative of each outcome's log probability by its log-odds, and its expected square."""
    p = sigmoid(log_odds)
    called_wrong = (1.0 - overlooked) * p
    # (1 − p) / (1 − called_wrong) is 1 where nothing is overlooked; the floor is for p = 1 in floating point.
    share = np.maximum(1.0 - p, 1e-300) / np.maximum(1.0 - called_wrong, 1e-300)
    return (outcome - called_wrong) * share, called_wrong * (1.0 - p) * share
