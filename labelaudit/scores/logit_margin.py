"""Logit margin."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from labelaudit.kernels import terms
from labelaudit.kernels.row_statistics import PROBABILITY_FLOOR
from labelaudit.scores import Evidence, Score

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PLUGIN"]

_LIMIT = -math.log(PROBABILITY_FLOOR)


def logit_margin(evidence: Evidence) -> NDArray[np.floating]:
    """Return ``max_{j≠y} log p_j − log p_y`` of probabilities kept at or above 1e-6."""
    given, other = (np.maximum(p, PROBABILITY_FLOOR) for p in (evidence.rows.p_given, evidence.rows.p_other))
    return terms.log(other / given)


PLUGIN = Score(
    name="logit_margin",
    axis="suspicion",
    summary="Log-odds of the best other class against the given label.",
    source="Difference of logits; Pleiss et al. 2020, Area Under the Margin, NeurIPS (its margin at one epoch, turned)",
    bounds=(-_LIMIT, _LIMIT),
    function=logit_margin,
)
