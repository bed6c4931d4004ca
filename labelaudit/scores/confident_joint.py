"""Membership of the confident joint's off-diagonal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labelaudit.scores import Evidence, Score

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PLUGIN"]


def confident_joint(evidence: Evidence) -> NDArray[np.floating]:
    """Return 1 for a confident class that is not the given one, 0 for all other labelled rows."""
    rows = evidence.rows
    values: NDArray[np.floating] = ((rows.confident >= 0) & (rows.confident != rows.given)).astype(np.float64)
    values[rows.given < 0] = np.nan
    return values


PLUGIN = Score(
    name="confident_joint",
    axis="suspicion",
    summary="1 where the item is counted off the diagonal of the confident joint, else 0.",
    source="Northcutt, Jiang, Chuang 2021, Confident Learning, JAIR 70",
    bounds=(0.0, 1.0),
    function=confident_joint,
)
