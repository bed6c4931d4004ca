"""What one pass over the probabilities keeps of each row.

A score is arithmetic on these numbers; nothing after the kernel sees the ``(n, K)`` matrix again.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit import large_pages

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import DTypeLike, NDArray

__all__ = ["CONFIDENT_SLACK", "PROBABILITY_FLOOR", "RowStatistics"]

PROBABILITY_FLOOR = 1e-6
"""Least probability that a logarithm is taken of."""

CONFIDENT_SLACK = 1e-6
"""How far below its threshold a probability still counts as confident (cleanlab's tolerance)."""

_CLASS_INDICES = frozenset({"given", "other", "top", "second", "confident"})
_NEEDS_LABEL = ("p_given", "p_other", "adjusted_given", "adjusted_other")


@dataclass(frozen=True, eq=False, kw_only=True)
class RowStatistics:
    """Row statistics of `n` items under one (pooled) source of predicted probabilities.

    Ties go to the lower class index. For unlabelled rows (``given == -1``) every quantity that needs the given label is
    NaN (−1 for class indices).

    Attributes
    ----------
    given : (n,) int32
        Given label, −1 where unlabelled.
    p_given : (n,) float
        Probability of the given label.
    other : (n,) int32
        Best class other than the given one.
    p_other : (n,) float
        Its probability.
    top, second : (n,) int32
        Most and second most likely class, whatever the label.
    p_top, p_second : (n,) float
        Their probabilities.
    entropy : (n,) float
        ``−Σ p log p`` in nats, with ``0 log 0 = 0``.
    confident : (n,) int32
        Confident class by cleanlab's rule: the class that reaches its threshold (within 1e-6) where there is just one,
        the overall argmax where there are several, else −1.
    adjusted_given, adjusted_other : (n,) float
        Threshold-adjusted probability ``(p − t + max t) / Σ`` of the given class, and the largest of the other classes.
    """

    given: NDArray[np.int32]
    p_given: NDArray[np.floating]
    other: NDArray[np.int32]
    p_other: NDArray[np.floating]
    top: NDArray[np.int32]
    second: NDArray[np.int32]
    p_top: NDArray[np.floating]
    p_second: NDArray[np.floating]
    entropy: NDArray[np.floating]
    confident: NDArray[np.int32]
    adjusted_given: NDArray[np.floating]
    adjusted_other: NDArray[np.floating]
    n_classes: int

    def __len__(self) -> int:
        return len(self.given)

    @classmethod
    def allocate(
        cls, n: int, n_classes: int, dtype: DTypeLike, *, without: Collection[str] = frozenset()
    ) -> RowStatistics:
        """Return uninitialised statistics of `n` rows, with `dtype` for all that is no class index.

        All of one type lie in one piece of memory. What is named in `without` is NaN or −1, read-only, and takes no
        memory.
        """
        names = [f.name for f in fields(cls) if f.name != "n_classes" and f.name not in without]
        indices = [name for name in names if name in _CLASS_INDICES]
        numbers = [name for name in names if name not in _CLASS_INDICES]
        arrays: dict[str, NDArray[Any]] = {}
        arrays |= zip(indices, large_pages.empty((len(indices), n), np.int32), strict=True)
        arrays |= zip(numbers, large_pages.empty((len(numbers), n), dtype), strict=True)
        for name in without:
            nothing = np.array(-1, np.int32) if name in _CLASS_INDICES else np.array(np.nan, dtype)
            arrays[name] = np.broadcast_to(nothing, (n,))
        return cls(**arrays, n_classes=n_classes)

    def set_given(self, labels: NDArray[np.int32]) -> None:
        """Set the given labels; where there is none (−1), what needs one becomes NaN or −1."""
        self.given[:] = labels
        unlabelled = self.given < 0
        if unlabelled.any():
            self.other[unlabelled] = -1
            for name in _NEEDS_LABEL:
                getattr(self, name)[unlabelled] = np.nan

    def take(self, index: slice | NDArray[np.intp] | NDArray[np.bool_]) -> RowStatistics:
        """Return the statistics of the rows selected by `index` (views for slices)."""
        arrays = {f.name: getattr(self, f.name)[index] for f in fields(self) if f.name != "n_classes"}
        return RowStatistics(**arrays, n_classes=self.n_classes)
