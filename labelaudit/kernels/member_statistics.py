"""How far several models, or several repeats of one, disagree on each row."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["LogPool", "MemberStatistics"]


@dataclass(frozen=True, eq=False, kw_only=True)
class LogPool:
    """What the logarithmic pool of several models says (:func:`labelaudit.pooling.log_pool_weights`).

    Attributes
    ----------
    entropy : (n,) float
        In nats.
    other_share : (n,) float
        Probability of the best class other than the given label (of all classes where there is none), as a share of
        that and of the strongest of the rest, 0..1: one half where these two are even.
    """

    entropy: NDArray[np.floating]
    other_share: NDArray[np.floating]

    def take(self, index: slice | NDArray[np.intp] | NDArray[np.bool_]) -> LogPool:
        """Return what it says of the rows selected by `index` (views for slices)."""
        return LogPool(entropy=self.entropy[index], other_share=self.other_share[index])


@dataclass(frozen=True, eq=False, kw_only=True)
class MemberStatistics:
    """The total uncertainty of a pool of `M` members, split in two (Depeweg et al. 2018).

    Attributes
    ----------
    total : (n,) float
        Entropy of the pooled probabilities in nats: ``H(Σ_m w_m p_m)``.
    expected : (n,) float
        Weighted mean of the members' entropies, ``Σ_m w_m H(p_m)``: the disagreement that stays, which is ambiguity.
    mutual_information : (n,) float
        ``total − expected``, at least 0: what the members do not know together.
    weights : (M,) float64
        Weights of the members, summing to 1.
    log_pool : LogPool or None
        Of models; repeats of one model, which know the same, have none.
    """

    total: NDArray[np.floating]
    expected: NDArray[np.floating]
    mutual_information: NDArray[np.floating]
    weights: NDArray[np.float64]
    log_pool: LogPool | None = None

    def __len__(self) -> int:
        return len(self.total)

    def take(self, index: slice | NDArray[np.intp] | NDArray[np.bool_]) -> MemberStatistics:
        """Return the statistics of the rows selected by `index` (views for slices)."""
        arrays = {f.name: getattr(self, f.name)[index] for f in fields(self) if f.name not in {"weights", "log_pool"}}
        log_pool = None if self.log_pool is None else self.log_pool.take(index)
        return MemberStatistics(**arrays, weights=self.weights, log_pool=log_pool)
