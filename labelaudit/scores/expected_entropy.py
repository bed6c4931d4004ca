"""Expected entropy of a pool's members."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from labelaudit.scores import Evidence, Score

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["PLUGIN"]


def expected_entropy(evidence: Evidence) -> NDArray[np.floating]:
    """Return ``Σ_m w_m H(p_m)`` in nats."""
    members = evidence.members
    assert members is not None
    return members.expected


PLUGIN = Score(
    name="expected_entropy",
    axis="ambiguity",
    summary="Mean entropy of the members of a pool: disagreement that more models would not settle.",
    source="Depeweg et al. 2018, Decomposition of Uncertainty, ICML",
    bounds=(0.0, math.inf),
    needs=("members",),
    function=expected_entropy,
)
