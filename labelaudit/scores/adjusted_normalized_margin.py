"""Normalized margin adjusted for imbalance, turned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labelaudit.scores import Evidence, Score

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["PLUGIN"]


def adjusted_normalized_margin(evidence: Evidence) -> NDArray[np.floating]:
    """Return ``(1 − q_y + max_{j≠y} q_j) / 2`` with ``q = (p − t + max t) / Σ``, as cleanlab adjusts for imbalance."""
    rows = evidence.rows
    return (1.0 - rows.adjusted_given + rows.adjusted_other) / 2.0


PLUGIN = Score(
    name="adjusted_normalized_margin",
    axis="suspicion",
    summary="Normalized margin after taking off each class's confidence threshold.",
    source="Kuan, Mueller 2022, Model-agnostic label quality scoring, ICML DataPerf",
    bounds=(0.0, 1.0),
    function=adjusted_normalized_margin,
)
