"""Least confidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labelaudit.scores import Evidence, Score

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["PLUGIN"]


def least_confidence(evidence: Evidence) -> NDArray[np.floating]:
    """Return ``u = 1 − p_1``, where ``p_1`` is the greatest probability of the row."""
    return 1.0 - evidence.rows.p_top


PLUGIN = Score(
    name="least_confidence",
    axis="ambiguity",
    summary="One minus the probability of the most likely class.",
    source="Settles 2009, Active Learning Literature Survey",
    bounds=(0.0, 1.0),
    function=least_confidence,
)
