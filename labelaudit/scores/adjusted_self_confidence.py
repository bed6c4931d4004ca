"""Self-confidence adjusted for imbalance, turned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labelaudit.scores import Evidence, Score

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["PLUGIN"]


def adjusted_self_confidence(evidence: Evidence) -> NDArray[np.floating]:
    """Return ``1 − q_y`` with ``q = (p − t + max t) / Σ``: one minus cleanlab's score with ``adjust_pred_probs``."""
    return 1.0 - evidence.rows.adjusted_given


PLUGIN = Score(
    name="adjusted_self_confidence",
    axis="suspicion",
    summary="Self-confidence after taking off each class's confidence threshold.",
    source="Kuan, Mueller 2022, Model-agnostic label quality scoring, ICML DataPerf",
    bounds=(0.0, 1.0),
    function=adjusted_self_confidence,
)
