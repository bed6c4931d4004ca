"""Whether probabilities go with the given labels at all: rows may be mixed up, or a model may know nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.walk import Walk

__all__ = ["association", "chance_agreement"]

_UNIT = 2**32  # columns are summed in whole numbers, so that the size of chunks changes nothing
_NOTHING = 1e-12  # variance for each item: what rounding leaves of equal probabilities


def association(given: NDArray[np.integer], walk: Walk, weights: NDArray[np.float64]) -> float | None:
    """Return by how many standard deviations the probabilities of the given labels are higher than chance has them.

    If labels had nothing to do with the items, each permutation of them would be as likely. The sum of the
    probabilities of the given labels would then have the mean ``Σ_i Σ_k π_k p_ik`` and the variance
    ``Σ_i (Σ_k π_k q_ik² − (Σ_k π_k q_ik)²)``, with the shares π of the classes and ``q_ik = p_ik − mean_i p_ik``
    (Hoeffding, "A combinatorial central limit theorem", Annals of Mathematical Statistics 22, 1951). Unlike agreement,
    it also sees what a model knows whose first choice is always the largest class.

    Parameters
    ----------
    given : (n,) int
        Given classes; below 0 where an item is not assessed.
    walk : Walk
        Over the probabilities, (n, K) each.
    weights : (M,) float
        Weights of the sources.

    Returns
    -------
    float or None
        About standard normal where labels and probabilities are independent. None where fewer than two classes are
        given, so that nothing can be told.
    """
    assessed = given >= 0
    n = int(assessed.sum())
    counts = np.bincount(given[assessed], minlength=walk.n_classes)
    if np.count_nonzero(counts) < 2:
        return None
    shares = counts / n
    own, mean, square = np.zeros((3, walk.n))

    def compare(rows: slice) -> list[int]:
        p = np.asarray(walk.pooled(rows, weights), dtype=np.float64)
        own[rows] = p[np.arange(len(p)), np.maximum(given[rows], 0)]
        mean[rows] = np.einsum("ik,k->i", p, shares)  # unlike BLAS, the same for a row in whatever chunk
        square[rows] = np.einsum("ik,ik,k->i", p, p, shares)
        fixed: list[int] = np.rint(p[assessed[rows]] * _UNIT).astype(np.int64).sum(axis=0).tolist()
        return fixed

    columns = np.array([sum(parts) / _UNIT for parts in zip(*walk.map(compare), strict=True)]) / n
    own, mean, square = own[assessed], mean[assessed], square[assessed]
    of_columns = square.sum() - n * (shares @ columns**2)
    variance = of_columns - ((mean - shares @ columns) ** 2).sum()
    return float((own - mean).sum() / np.sqrt(variance)) if variance > _NOTHING * n else 0.0


def chance_agreement(given: NDArray[np.integer], top: NDArray[np.integer]) -> float:
    """Return how often two labellings of (n,) assessed items, independent of each other, would agree, 0..1.

    The expected agreement of Cohen's kappa (Cohen 1960).
    """
    n_classes = int(max(given.max(), top.max())) + 1
    shares, chosen = (np.bincount(labels, minlength=n_classes) / len(labels) for labels in (given, top))
    return float(shares @ chosen)
