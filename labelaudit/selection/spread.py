"""The default: greedy spread. The next item is the one with the highest score, less what the chosen ones already say.

An item as near to a chosen one as two copies are is left out, also if that one came into the batch by another part;
between that and the distance at which neighbours usually stand, its score is discounted in proportion: what is nearer
than a neighbour usually is repeats it. Classes get places by the square root of their expected errors, as far as that
is cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.selection import Choice, Pool, Strategy, horizon
from labelaudit.selection._distances import Distances
from labelaudit.selection._quotas import class_quotas

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PLUGIN"]

_COPY = 0.13
"""Share of the typical distance below which two items are near-duplicates (that of the neighbour search)."""


def _choose(pool: Pool, size: int, rng: np.random.Generator) -> Choice:  # noqa: ARG001 -- it leaves nothing to chance
    quotas = class_quotas(pool.score, pool.classes, size)
    names, firsts, index = np.unique(pool.classes, return_index=True, return_inverse=True)
    places = np.array([quotas[name] for name in names.tolist()])
    is_first = np.isin(np.arange(len(pool)), firsts)
    novelty = _Novelty(pool)
    is_open = np.ones(len(pool), dtype=bool)
    chosen: list[int] = []
    while len(chosen) < min(size, len(pool)):
        is_new = is_open & (novelty.share > 0)
        is_near = _is_near(pool, is_new | ~is_open, size)
        # Where no class with places left has anything new to say, its places go to the others.
        candidates = is_new & (places[index] > 0) & (is_near | is_first)
        for others in (is_near, True):
            candidates = candidates if candidates.any() else is_new & others
        if not candidates.any():
            break
        best = int(np.argmax(np.where(candidates, pool.score * novelty.share, -1.0)))
        chosen.append(best)
        is_open[best] = False
        places[index[best]] -= 1
        novelty.take(best)
    rows = np.array(chosen, dtype=np.intp)
    return Choice(rows, np.ones(len(rows)))


def _is_near(pool: Pool, counts: NDArray[np.bool_], size: int) -> NDArray[np.bool_]:
    """Tell which rows come before the horizon, where only those count that `counts` names; ties are equally near."""
    ahead = np.cumsum(counts)
    last = min(int(np.searchsorted(ahead, horizon(size))), len(pool) - 1)
    near: NDArray[np.bool_] = pool.score >= pool.score[last]
    return near


class _Novelty:
    """What each item of a pool adds to the batch: 0 for copies, rising to 1 at the typical distance from all of it."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._distances = None if pool.vectors is None or pool.typical_distance <= 0 else Distances(pool.vectors)
        self.share: NDArray[np.float64] = np.ones(len(pool))
        if pool.present.vectors is not None:
            for vector in pool.present.vectors:
                self._keep_off(vector)
        if pool.present.content is not None and pool.content is not None:
            self.share[np.isin(pool.content, pool.present.content)] = 0.0

    def take(self, row: int) -> None:
        """Count the item in `row` among the batch."""
        if self._pool.vectors is not None:
            self._keep_off(self._pool.vectors[row])
        if self._pool.content is not None:
            self.share[self._pool.content == self._pool.content[row]] = 0.0

    def _keep_off(self, vector: NDArray[np.floating[Any]]) -> None:
        if self._distances is None:
            return
        nearness = np.sqrt(self._distances.squared_to(vector)) / self._pool.typical_distance
        np.minimum(self.share, np.where(nearness < _COPY, 0.0, np.minimum(nearness, 1.0)), out=self.share)


PLUGIN = Strategy(
    name="spread",
    summary="highest score first, no near-duplicates, spread over content, places by class (the default)",
    choose=_choose,
)
