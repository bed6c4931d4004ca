"""Disagreement of the nearest neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labelaudit.scores import Evidence, Score

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PLUGIN"]


def neighbor_disagreement(evidence: Evidence) -> NDArray[np.floating]:
    """Return one minus the share of neighbours that have the given label."""
    neighbors = evidence.neighbors
    assert neighbors is not None
    return np.where(evidence.rows.given >= 0, 1.0 - neighbors.given_fraction, np.nan)


PLUGIN = Score(
    name="neighbor_disagreement",
    axis="suspicion",
    summary="Share of the nearest neighbours that have another label.",
    source="Wilson 1972, edited nearest neighbour rule",
    bounds=(0.0, 1.0),
    needs=("neighbors",),
    function=neighbor_disagreement,
)
