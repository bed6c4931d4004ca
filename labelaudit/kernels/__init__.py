"""The row reduction: each chunk of probabilities is read once and leaves a handful of numbers for each row.

There are two kernels: NumPy for small data, where there is nothing to wait for, and a compiled one for large data. Both
do the same float operations in the same order and give the same bits, so the choice is one of time alone. See
``docs/decisions`` for the figures behind it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from labelaudit.kernels.member_statistics import MemberStatistics
from labelaudit.kernels.row_statistics import RowStatistics

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["COMPILED_FROM", "Kernel", "MemberStatistics", "RowStatistics", "kernel_for"]

COMPILED_FROM = 5_000_000
"""Number of probabilities from which on the compiled kernel is worth loading numba."""


class Kernel(Protocol):
    """What a kernel module provides; see :mod:`labelaudit.kernels.blocked`."""

    def reduce_chunk(
        self,
        out: RowStatistics,
        labels: NDArray[np.int32],
        pred_probs: NDArray[np.floating],
        thresholds: NDArray[np.float64],
        tolerance: float,
    ) -> int:
        """Reduce a chunk into `out`; return the first doubtful row or −1."""

    def row_entropy(self, out: NDArray[np.floating], pred_probs: NDArray[np.floating], tolerance: float) -> int:
        """Write the entropy of each row; return the first doubtful row or −1."""


def kernel_for(n_values: int) -> Kernel:
    """Return the kernel for data of so many probabilities in all (rows × classes × sources)."""
    if n_values < COMPILED_FROM:
        from labelaudit.kernels import blocked

        return blocked
    from labelaudit.kernels import compiled

    return compiled
