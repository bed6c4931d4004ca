"""The default: greedy spread. The next item is the one with the highest score, less what the chosen ones already say.

An item as near to a chosen one as two copies are is left out; between that and the distance at which neighbours usually
stand, its score is discounted in proportion: what is nearer than a neighbour usually is repeats it. Classes get places
by the square root of their expected errors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labelaudit.selection import Choice, Pool, Strategy
from labelaudit.selection._quotas import class_quotas

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PLUGIN"]

_COPY = 0.13
"""Share of the typical distance below which two items are near-duplicates (that of the neighbour search)."""


def _choose(pool: Pool, size: int, rng: np.random.Generator) -> Choice:  # noqa: ARG001 -- it leaves nothing to chance
    quotas = class_quotas(pool.score, pool.classes, size)
    names, index = np.unique(pool.classes, return_inverse=True)
    places = np.array([quotas[name] for name in names.tolist()])
    novelty, is_open = np.ones(len(pool)), np.ones(len(pool), dtype=bool)
    chosen: list[int] = []
    while len(chosen) < min(size, len(pool)):
        value = np.where(is_open & (novelty > 0), pool.score * novelty, -1.0)
        with_places = np.where(places[index] > 0, value, -1.0)
        # Where no class with places left has anything new to say, its places go to the others.
        best = int(np.argmax(with_places if with_places.max() >= 0 else value))
        if value[best] < 0:
            break
        chosen.append(best)
        is_open[best] = False
        places[index[best]] -= 1
        if pool.vectors is not None and pool.typical_distance > 0:
            np.minimum(novelty, _novelty(pool.vectors, best, pool.typical_distance), out=novelty)
    rows = np.array(chosen, dtype=np.intp)
    return Choice(rows, np.ones(len(rows)))


def _novelty(vectors: NDArray[np.float32], row: int, typical: float) -> NDArray[np.float64]:
    """Return what each item adds to one that is chosen: 0 for copies, rising to 1 at the typical distance."""
    squared = np.maximum(2.0 - 2.0 * (vectors @ vectors[row]).astype(np.float64), 0.0)
    share = np.sqrt(squared) / typical
    return np.where(share < _COPY, 0.0, np.minimum(share, 1.0))


PLUGIN = Strategy(
    name="spread",
    summary="highest score first, no near-duplicates, spread over content, places by class (the default)",
    choose=_choose,
)
