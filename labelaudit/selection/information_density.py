"""Information density: the score times the mean similarity to all candidates (Settles and Craven 2008).

What is both suspicious and typical comes first; outliers, whose answer helps nobody else, come late.
"""

from __future__ import annotations

import numpy as np

from labelaudit.selection import Choice, Pool, Strategy

__all__ = ["PLUGIN"]


def _choose(pool: Pool, size: int, rng: np.random.Generator) -> Choice:  # noqa: ARG001 -- it leaves nothing to chance
    assert pool.vectors is not None
    # The mean of cosines is the cosine with the mean vector.
    similarity = pool.vectors.astype(np.float64) @ pool.vectors.mean(axis=0, dtype=np.float64)
    value = pool.score * (1.0 + similarity) / 2.0
    rows = np.argsort(-value, kind="stable")[: min(size, len(pool))].astype(np.intp)
    return Choice(rows, np.ones(len(rows)))


PLUGIN = Strategy(
    name="information-density",
    summary="the score times the mean similarity to all candidates: typical items first",
    choose=_choose,
    needs_vectors=True,
)
