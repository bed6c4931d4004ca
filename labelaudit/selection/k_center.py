"""k-center: each next item is the one farthest from all chosen ones (Sener and Savarese 2018, after Gonzalez 1985)."""

from __future__ import annotations

import numpy as np

from labelaudit.selection import Choice, Pool, Strategy
from labelaudit.selection._distances import Distances

__all__ = ["PLUGIN"]


def _choose(pool: Pool, size: int, rng: np.random.Generator) -> Choice:  # noqa: ARG001 -- it leaves nothing to chance
    assert pool.vectors is not None
    distances = Distances(pool.vectors)
    farthest = np.full(len(pool), np.inf)
    chosen: list[int] = []
    best = 0
    while len(chosen) < min(size, len(pool)):
        chosen.append(best)
        np.minimum(farthest, distances.squared_to(pool.vectors[best]), out=farthest)
        farthest[best] = -np.inf
        best = int(np.argmax(farthest))
    rows = np.array(chosen, dtype=np.intp)
    return Choice(rows, np.ones(len(rows)))


PLUGIN = Strategy(
    name="k-center", summary="covers the content of the candidates evenly", choose=_choose, needs_vectors=True
)
