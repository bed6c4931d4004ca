"""Confidence-weighted entropy, turned."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from labelaudit.kernels.row_statistics import PROBABILITY_FLOOR
from labelaudit.scores import Evidence, Score

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PLUGIN"]

_CERTAIN = 1e-6


def confidence_weighted_entropy(evidence: Evidence) -> NDArray[np.floating]:
    """Return ``1 − log(1 + x) / x`` with ``x = H / (log K · p_y)``: one minus cleanlab's score of this name.

    Below ``x = 1e-6`` (a row without any entropy) cleanlab's formula falls from 1 to 0, which calls the surest labels
    the worst. Here such a row has suspicion 0 if the one class it names is the given label, else 1.
    """
    rows = evidence.rows
    x = rows.entropy / math.log(rows.n_classes)
    x /= np.maximum(rows.p_given, PROBABILITY_FLOOR)
    # log(1 + x) / x = log(u) / (u − 1) with u = 1 + x rounded (Kahan): as exact as log1p, which has no vectors.
    u = np.maximum(x, _CERTAIN)
    u += 1.0
    weighted: NDArray[np.floating] = np.log(u)
    u -= 1.0
    weighted /= u
    np.subtract(1.0, weighted, out=weighted)
    certain = np.flatnonzero(x < _CERTAIN)
    weighted[certain] = rows.top[certain] != rows.given[certain]
    return np.clip(weighted, 0.0, 1.0, out=weighted)


PLUGIN = Score(
    name="confidence_weighted_entropy",
    axis="suspicion",
    summary="Entropy divided by the probability of the given label, on a scale from 0 to 1.",
    source="Kuan, Mueller 2022, Model-agnostic label quality scoring, ICML DataPerf",
    bounds=(0.0, 1.0),
    function=confidence_weighted_entropy,
)
