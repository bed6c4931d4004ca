"""Self-confidence, turned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labelaudit.scores import Evidence, Score

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["PLUGIN"]


def self_confidence(evidence: Evidence) -> NDArray[np.floating]:
    """Return ``1 − p_y``: one minus cleanlab's ``self_confidence``."""
    return 1.0 - evidence.rows.p_given


PLUGIN = Score(
    name="self_confidence",
    axis="suspicion",
    summary="One minus the probability of the given label.",
    source="Kuan, Mueller 2022, Model-agnostic label quality scoring, ICML DataPerf",
    bounds=(0.0, 1.0),
    function=self_confidence,
)
