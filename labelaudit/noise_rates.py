"""What the confident joint says about label noise: calibrated joint, noise rates and the prior of the true classes.

Northcutt, Jiang, Chuang 2021, *Confident Learning*, sections 3.1 and 4; constants and order of operations follow
cleanlab 2.9, so that counts agree to the last item. Row `i` of a joint is the given class, column `j` the true one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["NoiseRates", "calibrate", "estimate_noise_rates", "round_keeping_sum"]

_TINY = 1e-100  # keeps empty rows and columns from dividing by zero
_LEAST_PRIOR = 1e-6
_GREATEST_RATE = 0.9999


@dataclass(frozen=True, eq=False, kw_only=True)
class NoiseRates:
    """Class-conditional label noise.

    Attributes
    ----------
    prior : (K,) float64
        ``p(true = j)``.
    noise_matrix : (K, K) float64
        ``p(given = i | true = j)``; columns sum to 1.
    inverse_noise_matrix : (K, K) float64
        ``p(true = i | given = j)``; columns sum to 1.
    """

    prior: NDArray[np.float64]
    noise_matrix: NDArray[np.float64]
    inverse_noise_matrix: NDArray[np.float64]


def calibrate(confident_joint: NDArray[np.integer], counts: NDArray[np.integer]) -> NDArray[np.int64]:
    """Scale a confident joint to the number of rows that each class really has.

    Parameters
    ----------
    confident_joint : (K, K) int
        Confident counts; see :attr:`labelaudit.class_statistics.ClassStatistics.confident_joint`.
    counts : (K,) int
        Rows of each given class.

    Returns
    -------
    (K, K) int64
        Estimated rows of given class `i` and true class `j`; row `i` sums to ``counts[i]``.

    Examples
    --------
    >>> calibrate(np.array([[8, 2], [1, 4]]), np.array([20, 10])).tolist()
    [[16, 4], [2, 8]]
    """
    # Column-major, because cleanlab's joint is: the order of the sum decides the last bit, and that decides ties below.
    joint = np.asfortranarray(confident_joint)
    scaled = (joint.T / np.clip(joint.sum(axis=1), _TINY, None) * counts).T
    scaled = scaled / np.clip(scaled.sum(), _TINY, None) * counts.sum()
    return round_keeping_sum(scaled)


def round_keeping_sum(rows: NDArray[np.floating]) -> NDArray[np.int64]:
    """Round each row to integers that sum to the rounded sum of the row.

    What plain rounding leaves over is given to the entries with the greatest remainder, or taken from those with the
    least. Which of equal remainders comes first is left to numpy's default sort, as in cleanlab: it is always the same
    on one kind of processor, but numpy has another sort for each set of vector instructions. A stable order would be
    the same everywhere, and would differ from cleanlab's by one in most joints of ten classes.

    Examples
    --------
    >>> round_keeping_sum(np.array([[0.3, 0.4, 1.3]])).tolist()
    [[0, 1, 1]]
    """
    rounded = np.round(rows)
    missing = np.round(rows.sum(axis=1)) - rounded.sum(axis=1)
    for i in np.flatnonzero(missing):
        _settle(rounded[i], rows[i], int(missing[i]))
    return rounded.astype(np.int64)


def _settle(rounded: NDArray[np.floating], exact: NDArray[np.floating], missing: int) -> None:
    step = 1 if missing > 0 else -1
    while missing:
        # Not a stable sort: see the docstring of round_keeping_sum.
        order = np.argsort(exact - rounded)[::-step][: abs(missing)]
        rounded[order] += step
        missing -= step * len(order)


def estimate_noise_rates(
    joint: NDArray[np.integer], counts: NDArray[np.integer], *, consistent: bool = False
) -> NoiseRates:
    """Estimate noise rates and prior from a (calibrated) joint.

    Parameters
    ----------
    joint : (K, K) int
        Counts of given and true class.
    counts : (K,) int
        Rows of each given class.
    consistent : bool
        Make the three estimates agree with Bayes' rule by computing each from the others a few times, as cleanlab does
        with ``converge_latent_estimates``.

    Returns
    -------
    NoiseRates
    """
    given_prior = counts / counts.sum()
    noise = joint / np.clip(joint.sum(axis=0).astype(np.float64), _TINY, None)
    inverse = joint.T / np.clip(joint.sum(axis=1).astype(np.float64), _TINY, None)
    prior = _true_prior(given_prior, noise, inverse)
    noise, inverse = _clip_rates(noise), _clip_rates(inverse)
    if consistent:
        for _ in range(3):
            for _ in range(5):
                inverse = _clip_rates((noise * prior).T / np.clip(given_prior, _TINY, None))
                prior = _true_prior(given_prior, noise, inverse)
            noise = _clip_rates((inverse * given_prior).T / np.clip(prior, _TINY, None))
        prior = _normalised(np.clip(prior, 1e-5, 1.0))
        noise, inverse = _clip_rates(noise), _clip_rates(inverse)
    return NoiseRates(prior=prior, noise_matrix=noise, inverse_noise_matrix=inverse)


def _true_prior(
    given_prior: NDArray[np.float64], noise: NDArray[np.float64], inverse: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return ``p(true)`` from the diagonals, which are the best known entries: ``p(t|g) p(g) / p(g|t)`` at g = t."""
    prior = inverse.diagonal() / np.clip(noise.diagonal(), _TINY, None) * given_prior
    return _normalised(np.clip(prior, _LEAST_PRIOR, 1.0))


def _clip_rates(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keep rates off the diagonal below 1 and let columns sum to 1."""
    clipped = np.clip(matrix, 0.0, _GREATEST_RATE)
    np.fill_diagonal(clipped, matrix.diagonal())
    scaled: NDArray[np.float64] = clipped / np.clip(clipped.sum(axis=0), _TINY, None)
    return scaled


def _normalised(p: NDArray[np.float64]) -> NDArray[np.float64]:
    scaled: NDArray[np.float64] = p / np.clip(p.sum(), _TINY, None)
    return scaled
