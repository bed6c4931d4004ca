"""Counts, confidence thresholds and the confident joint: what all rows together say about each class.

Parts of the data give statistics that :meth:`ClassStatistics.merge` adds up. Confidences are added as integers (fixed
point), so that the sum is the same bit for bit in whatever order and in whatever parts the rows were read.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.kernels import lookups
from labelaudit.kernels.lookups import LIMB_BITS, from_limbs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.kernels import Lookups

__all__ = ["DENSE_JOINT_CLASSES", "ClassStatistics"]

DENSE_JOINT_CLASSES = 20_000
"""Above this number of classes the confident joint is a sparse array."""

_THRESHOLD_FLOOR = 2e-6  # cleanlab's lower bound
_UNREACHABLE = 2.0  # threshold of a class without labels: no probability reaches it


@dataclass(frozen=True, eq=False, kw_only=True)
class ClassStatistics:
    """Statistics of `K` classes over some rows.

    Attributes
    ----------
    counts : (K,) int64
        Labelled rows of each given class.
    confidence : (2, K) int64
        Sum of the probabilities of the given label over the rows of each class, in fixed point: multiples of
        ``2^-31`` and of ``2^-62``.
    joint_cells : (m,) int64
        Cells ``given · K + confident`` of the confident joint that are not zero, ascending.
    joint_counts : (m,) int64
        Their counts.
    n_unlabelled : int
        Rows without a label; they count nowhere else.
    """

    counts: NDArray[np.int64]
    confidence: NDArray[np.int64]
    joint_cells: NDArray[np.int64]
    joint_counts: NDArray[np.int64]
    n_unlabelled: int = 0

    @classmethod
    def of_confidence(
        cls, labels: NDArray[np.int32], p_given: NDArray[np.floating], n_classes: int, using: Lookups = lookups
    ) -> ClassStatistics:
        """Count labels and add up confidences: the first pass, without the joint.

        Parameters
        ----------
        labels : (n,) int32
            Given labels, −1 where unlabelled.
        p_given : (n,) float in 0..1
            Probability of the given label; ignored where unlabelled.
        n_classes : int
            Number of classes `K`.
        using : Lookups, optional
            What adds up. Never changes the result.
        """
        sums = np.zeros((3, n_classes), dtype=np.int64)
        using.add_confidence(sums, labels, p_given)
        empty = np.empty(0, dtype=np.int64)
        return cls(
            counts=sums[0],
            confidence=_carried(sums[1:]),
            joint_cells=empty,
            joint_counts=empty,
            n_unlabelled=len(labels) - int(sums[0].sum()),
        )

    def with_joint(
        self, given: NDArray[np.int32], confident: NDArray[np.int32], using: Lookups = lookups
    ) -> ClassStatistics:
        """Return these statistics with the confident joint counted over rows.

        Parameters
        ----------
        given, confident : (n,) int32
            Given and confident class of each row; rows with −1 in either do not count.
        using : Lookups, optional
            What counts. Never changes the result.
        """
        k = self.n_classes
        if _is_dense(k * k, len(given)):
            dense = np.zeros((k, k), dtype=np.int64)
            using.count_pairs(dense, given, confident)
            joint_cells = np.flatnonzero(dense)
            joint_counts = dense.reshape(-1)[joint_cells]
        else:
            known = (given >= 0) & (confident >= 0)
            pairs = given[known].astype(np.int64) * k + confident[known]
            joint_cells, joint_counts = np.unique(pairs, return_counts=True)
        return ClassStatistics(
            counts=self.counts,
            confidence=self.confidence,
            joint_cells=joint_cells,
            joint_counts=joint_counts,
            n_unlabelled=self.n_unlabelled,
        )

    def merge(self, other: ClassStatistics) -> ClassStatistics:
        """Return the statistics of both parts together; associative and commutative, exactly."""
        cells, counts = _counted(
            np.concatenate([self.joint_cells, other.joint_cells]),
            np.concatenate([self.joint_counts, other.joint_counts]),
            self.n_classes**2,
        )
        return ClassStatistics(
            counts=self.counts + other.counts,
            confidence=_carried(self.confidence + other.confidence),
            joint_cells=cells,
            joint_counts=counts,
            n_unlabelled=self.n_unlabelled + other.n_unlabelled,
        )

    @property
    def n_classes(self) -> int:
        """Number of classes ``K``."""
        return len(self.counts)

    @cached_property
    def thresholds(self) -> NDArray[np.float64]:
        """(K,) float64: mean probability of the given label over the rows of each class, at least 2e-6.

        2 for a class without labels, which no probability reaches (Northcutt et al. 2021, equation 2).
        """
        mean = from_limbs(self.confidence) / np.maximum(self.counts, 1)
        return np.where(self.counts > 0, np.maximum(mean, _THRESHOLD_FLOOR), _UNREACHABLE)

    @cached_property
    def confident_joint(self) -> Any:
        """(K, K) int64: rows with given label `i` that are confidently of class `j`; the diagonal is at least 1.

        An array up to ``DENSE_JOINT_CLASSES`` classes, a ``scipy.sparse.csr_array`` above. Not calibrated: see
        :func:`labelaudit.noise_rates.calibrate`.
        """
        k = self.n_classes
        if k > DENSE_JOINT_CLASSES:
            return self._sparse_joint()
        joint = np.zeros(k * k, dtype=np.int64)
        joint[self.joint_cells] = self.joint_counts
        diagonal = joint[:: k + 1]
        np.maximum(diagonal, 1, out=diagonal)
        return joint.reshape(k, k)

    def _sparse_joint(self) -> Any:
        from scipy.sparse import coo_array

        k = self.n_classes
        diagonal = np.arange(k, dtype=np.int64) * (k + 1)
        missing = np.setdiff1d(diagonal, self.joint_cells, assume_unique=True)
        cells = np.concatenate([self.joint_cells, missing])
        counts = np.concatenate([self.joint_counts, np.ones(len(missing), dtype=np.int64)])
        return coo_array((counts, np.divmod(cells, k)), shape=(k, k)).tocsr()


def _carried(confidence: NDArray[np.int64]) -> NDArray[np.int64]:
    """Move what overflows the low limb to the high one, so that equal sums have equal limbs."""
    carry, low = np.divmod(confidence[1], 2**LIMB_BITS)
    return np.stack([confidence[0] + carry, low])


def _is_dense(n_cells: int, n_counted: int) -> bool:
    """Tell whether a count of every cell is cheaper than sorting what is counted."""
    return n_cells <= 4 * n_counted + 1024


def _counted(
    cells: NDArray[np.int64], counts: NDArray[np.int64], n_cells: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return distinct cells, ascending, and the sum of their counts."""
    if _is_dense(n_cells, len(cells)):
        # It adds in float64: exact, as no data has 2^53 rows.
        dense = np.bincount(cells, counts, minlength=n_cells).astype(np.int64)
        distinct = np.flatnonzero(dense)
        return distinct, dense[distinct]
    distinct, inverse = np.unique(cells, return_inverse=True)
    summed = np.zeros(len(distinct), dtype=np.int64)
    np.add.at(summed, inverse, counts)
    return distinct, summed
