"""The row reduction in NumPy, in blocks that stay in the processor's cache."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from labelaudit.kernels.reference import reduce_rows
from labelaudit.kernels.row_statistics import RowStatistics

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["reduce_chunk", "row_entropy"]

_BLOCK_VALUES = 32_768


def reduce_chunk(
    out: RowStatistics,
    labels: NDArray[np.int32],
    pred_probs: NDArray[np.floating],
    thresholds: NDArray[np.float64],
) -> None:
    """Reduce a chunk of probabilities into `out`.

    Parameters
    ----------
    out : RowStatistics
        Statistics of ``b`` rows, overwritten.
    labels : (b,) int32
        Given labels, −1 where unlabelled.
    pred_probs : (b, K) float32 or float64
        Probabilities.
    thresholds : (K,) float64
        Confidence threshold of each class.
    """
    n, n_classes = pred_probs.shape
    step = max(1, _BLOCK_VALUES // n_classes)
    for start in range(0, n, step):
        rows = slice(start, start + step)
        reduced = reduce_rows(labels[rows], pred_probs[rows], thresholds)
        target = out.take(rows)
        for field in fields(RowStatistics):
            if field.name != "n_classes":
                getattr(target, field.name)[:] = getattr(reduced, field.name)


def row_entropy(pred_probs: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return (b,) entropy of each row in nats."""
    entropy: NDArray[np.floating] = -np.sum(pred_probs * np.log(np.where(pred_probs > 0, pred_probs, 1.0)), axis=1)
    return entropy
