"""How far several models, or several repeats of one, disagree on each row."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["MemberStatistics"]


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
    log_pool : (n,) float or None
        Of models: the entropy in nats of their logarithmic pool (:func:`labelaudit.pooling.log_pool_weights`). Repeats
        of one model, which know the same, have none.
    """

    total: NDArray[np.floating]
    expected: NDArray[np.floating]
    mutual_information: NDArray[np.floating]
    weights: NDArray[np.float64]
    log_pool: NDArray[np.floating] | None = None

    def __len__(self) -> int:
        return len(self.total)

    def take(self, index: slice | NDArray[np.intp] | NDArray[np.bool_]) -> MemberStatistics:
        """Return the statistics of the rows selected by `index` (views for slices)."""
        arrays = {f.name: getattr(self, f.name)[index] for f in fields(self) if f.name not in {"weights", "log_pool"}}
        log_pool = None if self.log_pool is None else self.log_pool[index]
        return MemberStatistics(**arrays, weights=self.weights, log_pool=log_pool)
