"""Disagreement of a pool's members."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from labelaudit.scores import Evidence, Score

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["PLUGIN"]


def member_disagreement(evidence: Evidence) -> NDArray[np.floating]:
    """Return ``H(Σ w_m p_m) − Σ_m w_m H(p_m)``, total less expected entropy, in nats."""
    members = evidence.members
    assert members is not None
    return members.mutual_information


PLUGIN = Score(
    name="member_disagreement",
    axis="ambiguity",
    summary="Mutual information between the class and the member of a pool: what models dispute.",
    source="Houlsby et al. 2011, Bayesian Active Learning by Disagreement; Depeweg et al. 2018",
    bounds=(0.0, math.inf),
    needs=("members",),
    function=member_disagreement,
)
