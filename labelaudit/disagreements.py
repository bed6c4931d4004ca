"""Where labels disagree with the model, from its least sure rows to its surest, and what that says about the labels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from labelaudit.kernels import lookups_for
from labelaudit.kernels.selection import quantiles
from labelaudit.threads import map_blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.kernels import RowStatistics

__all__ = ["Disagreements", "Surety"]

_LEAST_SURE_SHARE, _CONFIDENT_SHARE, _SUREST_SHARE = 0.10, 0.25, 0.10
_GATE_RATIO, _GATE_SPREAD = 0.12, 0.35  # between the ratios of two public sets, and unsure by as much: docs/ranking.md


class Surety(NamedTuple):
    """How sure the model is of its least sure tenth of the rows, of half, and of its surest quarter and tenth.

    Each is the greatest probability of a row; it bounds the share from above up to one half, and from below beyond.
    """

    least_sure: float
    half: float
    confident: float
    surest: float

    @classmethod
    def of(cls, rows: RowStatistics) -> Surety:
        """Find the bounds among the greatest probabilities of all rows."""
        shares = _LEAST_SURE_SHARE, 0.5, 1.0 - _CONFIDENT_SHARE, 1.0 - _SUREST_SHARE
        return cls(*quantiles(rows.p_top, *shares))


@dataclass(frozen=True, kw_only=True)
class Disagreements:
    """How many rows there are, and how many of them have a label that disagrees with the model.

    Attributes
    ----------
    everywhere, least_sure, confident, surest : (int, int)
        Of all rows, of the tenth that the model is least sure of, and of the quarter and the tenth it is surest of.
    """

    everywhere: tuple[int, int]
    least_sure: tuple[int, int]
    confident: tuple[int, int]
    surest: tuple[int, int]

    @classmethod
    def of(cls, rows: RowStatistics, surety: Surety, *, threads: int | None = None) -> Disagreements:
        """Count rows, and of these the ones that are labelled with another class than the most likely one."""
        lookups = lookups_for(len(rows) * rows.n_classes)
        bounds = np.array([surety.least_sure, surety.confident, surety.surest], dtype=rows.p_top.dtype)

        def count(part: slice) -> NDArray[np.int64]:
            counts = np.zeros((4, 2), dtype=np.int64)
            lookups.count_sure(counts, rows.take(part), bounds)
            return counts

        total = np.sum(list(map_blocks(count, len(rows), threads)), axis=0)
        everywhere, least_sure, confident, surest = ((int(n), int(k)) for n, k in total)
        return cls(everywhere=everywhere, least_sure=least_sure, confident=confident, surest=surest)

    @property
    def diffuseness(self) -> float:
        """How sure it is, 0..1, that labels disagree with the model in diffuse rows only.

        The log ratio of the disagreement rate among the most confident quarter to the overall rate has a posterior that
        is close to normal with variance 1 / (disagreements there + 1/2) under Jeffreys' prior (Gelman et al. 2013,
        chapters 2 and 4); it is compared with a threshold that is itself uncertain.
        """
        (n_all, n_disagree), (n_confident, k) = self.everywhere, self.confident
        if n_all == 0:
            return 0.0
        ratio = ((k + 0.5) / (n_confident + 1.0)) / ((n_disagree + 0.5) / (n_all + 1.0))
        z = (math.log(_GATE_RATIO) - math.log(ratio)) / math.sqrt(_GATE_SPREAD**2 + 1.0 / (k + 0.5))
        return 0.5 * (1.0 + math.erf(z / math.sqrt(2.0)))

    @property
    def balance(self) -> float:
        """Share of disagreements less that of agreements, −1..1, where the model is least sure.

        Above 0, labels disagree there more often than not: being unsure is itself a sign of an error. Below 0 they
        follow the model even there: such items are hard, but labelled well. The share is the mean of its Jeffreys
        posterior.
        """
        n_least_sure, k = self.least_sure
        return 2.0 * (k + 0.5) / (n_least_sure + 1.0) - 1.0

    @property
    def least_rate(self) -> float:
        """Half the lower 5 % point of the disagreement rate's Jeffreys posterior in the most confident tenth."""
        from scipy.special import betaincinv

        n_surest, k = self.surest
        return float(betaincinv(k + 0.5, n_surest - k + 0.5, 0.05)) / 2.0 if n_surest else 0.0
