"""Scores: one file each, each arithmetic on what the passes over the data keep of a row.

To add a score, add a file with a constant ``PLUGIN = Score(...)``. In all scores a higher value means "look at this
first". A score is never infinite. It is NaN where what it needs is not known of an item: a label for scores of
suspicion, neighbours for scores that ask them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, Protocol

from labelaudit.ambiguity import NeighborEntropy
from labelaudit.registry import Registry
from labelaudit.suspicion import NeighborVotes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from labelaudit.class_statistics import ClassStatistics
    from labelaudit.kernels.member_statistics import MemberStatistics
    from labelaudit.kernels.row_statistics import RowStatistics

__all__ = ["SCORES", "Evidence", "NeighborEvidence", "Score"]


class NeighborEvidence(NeighborVotes, NeighborEntropy, Protocol):
    """What scores know of an item's nearest neighbours; all arrays are (n,)."""

    @property
    def outlier(self) -> NDArray[np.floating]:
        """How far the item is from its neighbours, 0..1; NaN where unknown."""

    @property
    def density(self) -> NDArray[np.floating]:
        """How close the item is to its neighbours, 0..1; NaN where unknown."""

    def take(self, index: slice | NDArray[np.bool_]) -> NeighborEvidence:
        """Return the statistics of the items selected by `index`."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Evidence:
    """All that is known of `n` items.

    Attributes
    ----------
    rows : RowStatistics
        From the (pooled) probabilities.
    statistics : ClassStatistics
        Over all rows.
    members : MemberStatistics, optional
        Present where there are several models or repeats.
    neighbors : NeighborEvidence, optional
        Present where there are embeddings.
    """

    rows: RowStatistics
    statistics: ClassStatistics
    members: MemberStatistics | None = None
    neighbors: NeighborEvidence | None = None

    def take(self, index: slice | NDArray[np.bool_]) -> Evidence:
        """Return the evidence of the items selected by `index` (views for slices)."""
        return replace(
            self,
            rows=self.rows.take(index),
            members=None if self.members is None else self.members.take(index),
            neighbors=None if self.neighbors is None else self.neighbors.take(index),
        )


@dataclass(frozen=True, kw_only=True)
class Score:
    """One way to say which items to look at first.

    Attributes
    ----------
    name : str
        Name of the score and of its file.
    axis : {"suspicion", "ambiguity"}
        Whether it says that the given label is wrong, or that people would disagree on the item.
    summary : str
        One line for lists.
    source : str
        Where the formula comes from.
    needs : tuple of str
        Fields of :class:`Evidence` that must be present.
    bounds : (float, float)
        Least and greatest value, for any number of classes.
    function : callable
        ``function(evidence) -> (n,) float``, higher is "look at this first". It is given the items in blocks, so what
        it returns of an item may depend on that item and on ``evidence.statistics`` alone.
    """

    name: str
    axis: Literal["suspicion", "ambiguity"]
    summary: str
    source: str
    bounds: tuple[float, float]
    function: Callable[[Evidence], NDArray[np.floating]]
    needs: tuple[Literal["rows", "members", "neighbors"], ...] = ("rows",)

    def applies_to(self, evidence: Evidence) -> bool:
        """Tell whether all that this score needs is present."""
        return all(getattr(evidence, need) is not None for need in self.needs)


SCORES: Registry[Score] = Registry("score", "labelaudit.scores", Score)
"""All scores by name."""
