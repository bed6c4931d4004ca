"""Entropy."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from labelaudit.scores import Evidence, Score

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["PLUGIN"]


def entropy(evidence: Evidence) -> NDArray[np.floating]:
    """Return ``−Σ p log p``.

    ``Σ p log p``, as uncertainty sampling is at times presented, is the negative entropy: its sign is turned here, so
    that a higher value is more uncertain. The greatest value is ``log K``.
    """
    return evidence.rows.entropy


PLUGIN = Score(
    name="entropy",
    axis="ambiguity",
    summary="Entropy of the predicted probabilities in nats.",
    source="Shannon 1948; Settles 2009, Active Learning Literature Survey",
    bounds=(0.0, math.inf),
    function=entropy,
)
