"""Information density."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from labelaudit.scores import Evidence, Score

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["PLUGIN"]


def information_density(evidence: Evidence) -> NDArray[np.floating]:
    """Return entropy times density of the item among its neighbours."""
    neighbors = evidence.neighbors
    assert neighbors is not None
    return evidence.rows.entropy * neighbors.density


PLUGIN = Score(
    name="information_density",
    axis="ambiguity",
    summary="Entropy where items are dense: uncertain, and typical of many.",
    source="Settles, Craven 2008, An Analysis of Active Learning Strategies, EMNLP",
    bounds=(0.0, math.inf),
    needs=("neighbors",),
    function=information_density,
)
