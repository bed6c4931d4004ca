"""Margin of the two most likely classes, turned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labelaudit.scores import Evidence, Score

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["PLUGIN"]


def top_two_margin(evidence: Evidence) -> NDArray[np.floating]:
    """Return ``m = p_2 − p_1`` of the two greatest probabilities, so that a higher value is more uncertain."""
    return evidence.rows.p_second - evidence.rows.p_top


PLUGIN = Score(
    name="top_two_margin",
    axis="ambiguity",
    summary="Second most likely class against the most likely one; near 0 where the two are close.",
    source="Settles 2009, Active Learning Literature Survey",
    bounds=(-1.0, 0.0),
    function=top_two_margin,
)
