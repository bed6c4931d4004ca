"""Weights of several models in one pool.

A *linear* pool, ``Σ_m w_m p_m``, judges labels: one model that knows a class is enough to hold it likely. A
*logarithmic* pool, ``p ∝ Π_m p_m^{w_m}``, says how undecided an item is: evidence of several models adds up, and what
a weak model always spreads over all classes cancels out instead of being added to what the strong one knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labelaudit.kernels.row_statistics import PROBABILITY_FLOOR
from labelaudit.newton import climb

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["equal_weights", "log_pool_weights", "mixture_weights"]

_SPREAD = 1.0  # prior standard deviation of a weight in the logarithmic pool around that in the linear one
_RANDOM_LABELS = (-3.0, 1.5)  # prior mean and standard deviation of the log-odds of their share: 0.3 to 48 %
_DIGITS = 4  # weights are rounded, because sums differ in their last bits with the order of classes


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


def log_pool_weights(
    pred_probs: NDArray[np.floating], labels: NDArray[np.int32], prior: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the weights under which the logarithmic pool foresees the given labels best.

    The logarithmic opinion pool is ``p(k) ∝ Π_m p_m(k)^{w_m}`` (Genest and Zidek 1986). Its weights need not sum to 1:
    models that err independently are surer together than each alone, and models that are too sure less. Labels are
    taken for answers of single people, ``(1 − ε) p(y) + ε / K``, of which an unknown share ε is random, so that wrong
    labels do not make the pool less sure than it should be. Weights and ε maximise this likelihood and a weak prior, by
    Newton's method with the outer product of gradients for curvature (Berndt, Hall, Hall and Hausman 1974). Models that
    would get a negative weight are left out one by one.

    Parameters
    ----------
    pred_probs : (M, m, K) float
        Each member's probabilities of `m` labelled rows. Values below 1e-6 count as 1e-6.
    labels : (m,) int32
        Given labels, 0..K−1.
    prior : (M,) float64
        Weights around which those sought are expected: of :func:`mixture_weights`.

    Returns
    -------
    (M,) float64
        At least 0, rounded to four digits.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.normal(size=(500, 3))
    >>> heard = np.exp([truth + rng.normal(size=(500, 3)), rng.normal(size=(500, 3))])
    >>> labels = np.argmax(truth + rng.gumbel(size=(500, 3)), axis=1).astype(np.int32)
    >>> log_pool_weights(heard / heard.sum(axis=2, keepdims=True), labels, np.array([0.5, 0.5])).round(1).tolist()
    [0.5, 0.1]
    """
    logs = np.log(np.maximum(pred_probs, PROBABILITY_FLOOR, dtype=np.float64))
    weights = np.zeros(len(pred_probs))
    kept = np.arange(len(pred_probs))
    while len(kept):
        found = _log_pool_mode(logs[kept], labels, prior[kept])
        if (found >= 0).all():
            weights[kept] = np.round(found, _DIGITS)
            break
        kept = np.delete(kept, found.argmin())
    return weights if weights.any() else prior.astype(np.float64)


def _log_pool_mode(
    logs: NDArray[np.float64], labels: NDArray[np.int32], prior: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the most likely weights, negative ones included."""
    m, n_classes = logs.shape[1:]
    of_label = logs[:, np.arange(m), labels]
    center = np.append(prior, _RANDOM_LABELS[0])
    precision = np.append(np.full(len(prior), _SPREAD**-2), _RANDOM_LABELS[1] ** -2)

    def chances(x: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        pooled = np.tensordot(x[:-1], logs, axes=1)
        pooled -= pooled.max(axis=1, keepdims=True)
        np.exp(pooled, out=pooled)
        pooled /= pooled.sum(axis=1, keepdims=True)
        return pooled, 0.5 * (1.0 + float(np.tanh(0.5 * x[-1])))

    def density(x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        pooled, random = chances(x)
        likelihood = (1.0 - random) * pooled[np.arange(m), labels] + random / n_classes
        return float(np.log(likelihood).sum() - 0.5 * precision @ (x - center) ** 2), pooled

    def derivatives(
        x: NDArray[np.float64], pooled: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        random = chances(x)[1]
        p = pooled[np.arange(m), labels]
        likelihood = (1.0 - random) * p + random / n_classes
        slopes = np.empty((len(x), m))
        slopes[:-1] = (1.0 - random) * p / likelihood * (of_label - np.einsum("ik,mik->mi", pooled, logs))
        slopes[-1] = random * (1.0 - random) * (1.0 / n_classes - p) / likelihood
        return slopes.sum(axis=1) - precision * (x - center), slopes @ slopes.T + np.diag(precision)

    found: NDArray[np.float64] = climb(center, density, derivatives).coefficients[:-1]
    return found
