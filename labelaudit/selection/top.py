"""The highest scores and nothing else."""

from __future__ import annotations

import numpy as np

from labelaudit.selection import Choice, Pool, Strategy

__all__ = ["PLUGIN"]


def _choose(pool: Pool, size: int, rng: np.random.Generator) -> Choice:  # noqa: ARG001 -- it leaves nothing to chance
    rows = np.arange(min(size, len(pool)), dtype=np.intp)
    return Choice(rows, np.ones(len(rows)))


PLUGIN = Strategy(name="top", summary="the highest scores and nothing else", choose=_choose)
