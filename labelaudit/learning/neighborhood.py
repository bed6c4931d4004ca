"""What the verdicts on reviewed items say about items that look the same to the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["MOST_PROBABILITIES", "Neighborhood", "places_of"]

MOST_PROBABILITIES = 1 << 27
"""Items times classes, half a GB of them, above which the queue learns without neighbourhoods."""

_LEAST_P = 1e-4  # differences between probabilities below this are the model's rounding
_MOST_LANDMARKS = 200
_OTHER_LABEL = 0.3  # how alike two items are that differ in nothing but the given label
_JITTER = 1e-3
_ROWS_AT_ONCE = 4096  # whose likenesses stay in the cache


def places_of(pred_probs: ArrayLike, weight: NDArray[np.float64]) -> NDArray[np.float32] | None:
    """Return each item's place in the space of class probabilities, (n, K); None if they are too many.

    Centred log-ratios (Aitchison 1986, The Statistical Analysis of Compositional Data), moved and scaled so that the
    weighted mean square distance from their centre is 1: the suspects set the scale.

    Parameters
    ----------
    pred_probs : (n, K) float
        Rows of NaN are put in the centre.
    weight : (n,) float
        Non-negative, summing to 1.
    """
    p = np.asarray(pred_probs)
    if p.size > MOST_PROBABILITIES:
        return None
    known = np.isfinite(p).all(axis=1)
    logs = np.log(np.clip(np.where(known[:, None], p, 1.0), _LEAST_P, 1.0))
    places: NDArray[np.float32] = logs.astype(np.float32)
    places -= places.mean(axis=1, keepdims=True)
    weight = np.where(known, weight, 0.0)
    total = max(float(weight.sum()), 1e-300)
    places -= (weight @ places / total).astype(np.float32)
    places[~known] = 0.0
    spread = float(np.sqrt(weight @ np.square(places).sum(axis=1, dtype=np.float64) / total))
    places /= np.float32(max(spread, 1e-6))
    return places


@dataclass(frozen=True, eq=False)
class Neighborhood:
    """A smooth function on places and given labels: a Gaussian process with the reviewed items as inducing points.

    Two items are alike by ``exp(−|x − x'|² / 2)``, times `_OTHER_LABEL` where their given labels differ. Over the `m`
    landmarks the function is ``k(x) R w`` with ``R R' = K⁻¹``, so that independent coefficients ``w`` give a process
    with the variance of a coefficient (subset of regressors: Quiñonero-Candela and Rasmussen 2005, J. Mach. Learn. Res.
    6). Far from everything that was reviewed it is 0, and an item keeps its suspicion.

    Attributes
    ----------
    places : (n, K) float32
    given : (n,) int
    landmarks : (m,) intp
        Rows of reviewed items: all, or 200 spread evenly over the order of review.
    root : (m, m) float
    """

    places: NDArray[np.float32]
    given: NDArray[np.int64]
    landmarks: NDArray[np.intp]
    root: NDArray[np.float64]

    @classmethod
    def around(cls, places: NDArray[np.float32], given: NDArray[np.int64], reviewed: NDArray[np.intp]) -> Neighborhood:
        """Return the neighbourhood of the rows `reviewed`."""
        from scipy.linalg import solve_triangular

        chosen = np.unique(np.linspace(0, len(reviewed) - 1, min(len(reviewed), _MOST_LANDMARKS)).astype(np.intp))
        landmarks = reviewed[chosen]
        likeness = _likeness(places, given, landmarks, landmarks) + _JITTER * np.eye(len(landmarks))
        root = solve_triangular(np.linalg.cholesky(likeness), np.eye(len(landmarks)), lower=True).T
        return cls(places, given, landmarks, root)

    def features(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the columns that the coefficients belong to, (len(rows), m)."""
        features: NDArray[np.float64] = _likeness(self.places, self.given, rows, self.landmarks) @ self.root
        return features

    def log_odds(self, rows: NDArray[np.intp], coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return ``features(rows) @ coefficients`` without building the features."""
        values = (self.root @ coefficients).astype(np.float32)
        log_odds = np.empty(len(rows))
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            log_odds[part] = _likeness(self.places, self.given, rows[part], self.landmarks) @ values
        return log_odds


def _likeness(
    places: NDArray[np.float32], given: NDArray[np.int64], rows: NDArray[np.intp], others: NDArray[np.intp]
) -> NDArray[np.float32]:
    left, right = places[rows], places[others]
    gap = left @ right.T
    gap -= 0.5 * np.square(left).sum(axis=1)[:, None]
    gap -= 0.5 * np.square(right).sum(axis=1)
    likeness: NDArray[np.float32] = np.exp(np.minimum(gap, 0.0, out=gap), out=gap)
    likeness *= np.where(given[rows, None] == given[others], np.float32(1.0), np.float32(_OTHER_LABEL))
    return likeness
