"""Normalized margin, turned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labelaudit.scores import Evidence, Score

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["PLUGIN"]


def normalized_margin(evidence: Evidence) -> NDArray[np.floating]:
    """Return ``(1 − p_y + max_{j≠y} p_j) / 2``: one minus cleanlab's ``normalized_margin``."""
    rows = evidence.rows
    return (1.0 - rows.p_given + rows.p_other) / 2.0


PLUGIN = Score(
    name="normalized_margin",
    axis="suspicion",
    summary="Best other class against the given label, on a scale from 0 to 1.",
    source="Kuan, Mueller 2022, Model-agnostic label quality scoring, ICML DataPerf",
    bounds=(0.0, 1.0),
    function=normalized_margin,
)
