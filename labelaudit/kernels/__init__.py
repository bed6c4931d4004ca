"""The row reduction: each chunk of probabilities is read once and leaves a handful of numbers for each row.

There are two kernels: NumPy for small data, where there is nothing to wait for, and a compiled one for large data. Both
do the same float operations in the same order and give the same bits, so the choice is one of time alone. See
``docs/decisions`` for the figures behind it. What is only looked up or counted has its own pair of modules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from labelaudit.kernels.member_statistics import LogPool, MemberStatistics
from labelaudit.kernels.row_statistics import RowStatistics

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from labelaudit.kernels.lookups import ConfusionTables, MarginPlan, Span

__all__ = [
    "COMPILED_FROM",
    "Kernel",
    "LogPool",
    "Lookups",
    "MemberStatistics",
    "RowStatistics",
    "is_compiled",
    "kernel_for",
    "lookups_for",
]

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


def is_compiled(n_values: int) -> bool:
    """Tell whether data of so many probabilities in all (rows × classes × sources) is for compiled code.

    Only that gains from threads: NumPy's steps on blocks that fit the cache are so short that threads spend longer
    waiting for the interpreter's lock than at work.
    """
    return n_values >= COMPILED_FROM


def kernel_for(n_values: int) -> Kernel:
    """Return the kernel for data of so many probabilities in all (rows × classes × sources)."""
    if not is_compiled(n_values):
        from labelaudit.kernels import blocked

        return blocked
    from labelaudit.kernels import compiled

    return compiled


class Lookups(Protocol):
    """What a module of lookups provides; see :mod:`labelaudit.kernels.lookups`."""

    def take_given(
        self, out: NDArray[np.floating], labels: NDArray[np.int32], pred_probs: NDArray[np.floating]
    ) -> None:
        """Write each row's probability of its given label."""

    def add_confidence(self, sums: NDArray[np.int64], labels: NDArray[np.int32], p_given: NDArray[np.floating]) -> None:
        """Add rows to the count and the confidence of their given class."""

    def count_pairs(self, cells: NDArray[np.int64], first: NDArray[np.int32], second: NDArray[np.int32]) -> None:
        """Count pairs of classes."""

    def count_ratios(self, counts: NDArray[np.int64], rows: RowStatistics) -> None:
        """Count rows by their label and by the ratio of their two best classes."""

    def take_ratios(
        self, rows: RowStatistics, agreeing: Span, contradicted: Span
    ) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Return these ratios of some bins, of rows that are labelled with the best class and of others."""

    def count_sure(self, counts: NDArray[np.int64], rows: RowStatistics, bounds: NDArray[np.floating]) -> None:
        """Count rows by how sure the model is."""

    def count_reaching(self, counts: NDArray[np.int64], rows: RowStatistics, bounds: NDArray[np.float64]) -> None:
        """Count rows by whether their label is the most likely class, and by whether that reaches a bound."""

    def count_confusions(self, tables: ConfusionTables, rows: RowStatistics, up_to: float) -> None:
        """Count given and expected classes by the predicted one."""

    def mark_contradicted(self, out: NDArray[np.bool_], rows: RowStatistics) -> None:
        """Tell where the given label is neither predicted nor close to what is."""

    def mark_off_diagonal(self, out: NDArray[np.bool_], rows: RowStatistics) -> None:
        """Tell where another class is confident and the label contradicted."""

    def mark_hashed(
        self, out: NDArray[np.bool_], p_top: NDArray[np.floating], p_second: NDArray[np.floating], bound: np.uint64
    ) -> None:
        """Tell which rows have a hash up to a bound."""

    def take_margins(
        self,
        out: NDArray[np.floating],
        rows: slice,
        labels: NDArray[np.int32],
        pred_probs: NDArray[np.floating],
        plan: MarginPlan,
    ) -> None:
        """Write the margins of the rows of a chunk."""


def lookups_for(n_values: int) -> Lookups:
    """Return the lookups for data of so many probabilities in all, compiled where the kernel is."""
    if not is_compiled(n_values):
        from labelaudit.kernels import lookups

        return lookups
    from labelaudit.kernels import compiled_lookups

    return compiled_lookups
