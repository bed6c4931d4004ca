"""Cluster round-robin: clusters of content take turns, each giving its highest score."""

from __future__ import annotations

import numpy as np

from labelaudit.selection import Choice, Pool, Strategy

__all__ = ["PLUGIN"]


def _choose(pool: Pool, size: int, rng: np.random.Generator) -> Choice:
    from sklearn.cluster import KMeans

    assert pool.vectors is not None
    size = min(size, len(pool))
    wanted = min(max(2, round(np.sqrt(size))), len(np.unique(pool.vectors, axis=0)))
    seed = int(rng.integers(2**31))
    cluster = KMeans(wanted, n_init=3, random_state=seed).fit_predict(pool.vectors)
    # The pool is in order of score, so the place of an item within its cluster is its turn.
    turn = np.empty(len(pool), dtype=np.int64)
    for k in range(wanted):
        members = np.flatnonzero(cluster == k)
        turn[members] = np.arange(len(members))
    rows = np.lexsort((np.arange(len(pool)), turn))[:size].astype(np.intp)
    return Choice(rows, np.full(size, np.nan))


PLUGIN = Strategy(
    name="cluster-round-robin",
    summary="clusters of content take turns, each giving its highest score",
    choose=_choose,
    needs_vectors=True,
)
