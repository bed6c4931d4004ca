"""Row statistics of arrays, for tests of what is made of them."""

from __future__ import annotations

import numpy as np

from labelaudit.kernels import RowStatistics
from labelaudit.kernels.reference import reduce_rows


def rows_of(labels, pred_probs) -> RowStatistics:
    """Reduce the rows by the readable reference, with a threshold of one half for each class."""
    pred_probs = np.asarray(pred_probs, dtype=np.float64)
    return reduce_rows(np.asarray(labels, dtype=np.int32), pred_probs, np.full(pred_probs.shape[1], 0.5))
