"""Triage: what a flagged item most probably is, and so what to do with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.kernels.member_statistics import MemberStatistics
    from labelaudit.kernels.row_statistics import RowStatistics

__all__ = ["KINDS", "NeighborPlace", "Triage", "triage"]

KINDS: tuple[str, ...] = ("wrong_label", "ambiguous", "several_labels", "outlier", "duplicate_conflict")
"""What a flagged item can be, in the order of the columns of `Triage.probability`."""

_SURE = 0.99  # no estimate is taken for more certain than this
_UNLIKELY = 1e-6  # nor for less probable than this, which still keeps the order of what is unlikely
_SEEN = 0.995  # a conflict among copies is an observation, not an estimate: it wins against any of those
_OUTLIER_FROM = 0.99  # `outlier` above which an item begins to count as one: the upper hundredth of the robust normal
_PAIR_FROM = 0.8  # joint probability of two classes above which the rest begins to be negligible


class NeighborPlace(Protocol):
    """What triage needs of :class:`labelaudit.neighbors.NeighborStatistics`."""

    @property
    def outlier(self) -> NDArray[np.floating]:
        """(n,) how far out the item is, 0..1."""

    @property
    def conflict(self) -> NDArray[np.bool_]:
        """(n,) whether copies of the item have another label."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Triage:
    """The probability of each kind, given that something is the matter with the item.

    Attributes
    ----------
    probability : (n, 5) float64
        Columns as `KINDS`; rows sum to 1.
    causes : (n, 5) float64
        Probability of each cause on its own, 0..1, from which `probability` follows; that of ambiguity is split
        between ``ambiguous`` and ``several_labels``.
    """

    probability: NDArray[np.float64]
    causes: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.probability)

    @property
    def kind(self) -> NDArray[np.object_]:
        """(n,) str: the most probable kind; ties go to the earlier in `KINDS`."""
        names: NDArray[np.object_] = np.array(KINDS, dtype=object)[self.probability.argmax(axis=1)]
        return names


def triage(
    rows: RowStatistics,
    suspicion: NDArray[np.floating],
    ambiguity: NDArray[np.floating],
    *,
    neighbors: NeighborPlace | None = None,
    members: MemberStatistics | None = None,
) -> Triage:
    """Name what each item most probably is.

    Each kind is a cause with a probability ``q`` of its own:

    - wrong label: the suspicion, less the share of its odds that the strongest rival of the best other class has
      against it. That speaks for ambiguity: an item between three classes has a given label that is wrong more often
      than not, but no other label that is right;
    - ambiguous: the ambiguity and that share, less what goes to
    - several labels: where two classes, one of them the given, hold nearly all probability and in even parts (and
      members agree on that), the evidence is for both rather than undecided. With two classes this cannot be told
      apart, and the share is 0;
    - outlier: the upper tail of the distances to neighbours;
    - duplicate conflict: observed.

    Given that exactly one of independent causes is at work, its probability is ``P(k) = o_k / Σ_j o_j`` with the odds
    ``o = q / (1 − q)``, since every term has the same factor ``Π_j (1 − q_j)``. Shares are taken of the
    odds: half of what is all but certain still outweighs what is likely.

    Parameters
    ----------
    rows : RowStatistics
        Row statistics of `n` items.
    suspicion, ambiguity : (n,) float
        0..1; a NaN suspicion (unlabelled) counts as 0.
    neighbors : NeighborStatistics, optional
        Without it nothing is an outlier or in conflict with a copy.
    members : MemberStatistics, optional
        Of several models or repeats.

    Returns
    -------
    Triage
    """
    causes = np.zeros((len(rows), len(KINDS)))
    causes[:, 0] = np.nan_to_num(suspicion)
    causes[:, 3] = 0.0 if neighbors is None else _outlying(neighbors.outlier)
    causes[:, 4] = 0.0 if neighbors is None else neighbors.conflict
    odds = _odds(causes)
    no_class = (1.0 - _standing_out(rows, members)) * odds[:, 0]
    undecided = _odds(np.maximum(ambiguity, _UNLIKELY)) + no_class
    share = _several_share(rows, members)
    odds[:, 0] -= no_class
    odds[:, 1] = (1.0 - share) * undecided
    odds[:, 2] = share * undecided
    odds[:, 4] = np.where(causes[:, 4] > 0, _SEEN / (1.0 - _SEEN), 0.0)
    causes[:, 1], causes[:, 2] = (1.0 - share) * ambiguity, share * ambiguity
    return Triage(probability=odds / odds.sum(axis=1, keepdims=True), causes=causes)


def _odds(q: NDArray[np.float64]) -> NDArray[np.float64]:
    # What was seen with probability 0 (no neighbours, say) is no cause at all.
    bounded = np.where(q > 0, np.clip(q, _UNLIKELY, _SURE), 0.0)
    odds: NDArray[np.float64] = bounded / (1.0 - bounded)
    return odds


def _standing_out(rows: RowStatistics, members: MemberStatistics | None) -> NDArray[np.float64]:
    """Return the probability of the best other class against its strongest rival, the given class included.

    Of several models in the pool from which their ambiguity is taken.
    """
    if members is not None and members.log_pool is not None:
        return np.nan_to_num(np.asarray(members.log_pool.other_share, dtype=np.float64))
    p_other = np.asarray(rows.p_other, dtype=np.float64)
    rival = np.where(rows.other == rows.top, rows.p_second, rows.p_top)
    share: NDArray[np.float64] = p_other / np.maximum(p_other + rival, 1e-12)
    return np.nan_to_num(share)


def _outlying(outlier: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return 0 up to the upper hundredth of what is usual, rising to 1 at the end of the tail."""
    beyond: NDArray[np.float64] = (np.nan_to_num(outlier) - _OUTLIER_FROM) / (1.0 - _OUTLIER_FROM)
    return np.clip(beyond, 0.0, 1.0)


def _several_share(rows: RowStatistics, members: MemberStatistics | None) -> NDArray[np.float64]:
    """Return the share of an item's ambiguity that speaks for two labels that both fit."""
    if rows.n_classes < 3:
        return np.zeros(len(rows))
    p_top, p_second = np.asarray(rows.p_top, dtype=np.float64), np.asarray(rows.p_second, dtype=np.float64)
    alone = np.clip((p_top + p_second - _PAIR_FROM) / (1.0 - _PAIR_FROM), 0.0, 1.0)
    even = p_second / np.maximum(p_top, 1e-12)
    fits = (rows.given == rows.top) | (rows.given == rows.second) | (rows.given < 0)
    share: NDArray[np.float64] = np.where(fits, alone * even, 0.0)
    if members is not None:
        total = np.maximum(np.asarray(members.total, dtype=np.float64), 1e-12)
        share *= np.clip(np.asarray(members.expected, dtype=np.float64) / total, 0.0, 1.0)
    return share
