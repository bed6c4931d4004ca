"""Strategies that choose items from a ranked pool: pure array functions, one file each.

Each file has a constant ``PLUGIN``, a :class:`Strategy`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labelaudit.registry import Registry

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["HORIZON", "STRATEGIES", "Choice", "Pool", "Present", "Strategy", "horizon"]


HORIZON = 1.25
"""How far a batch departs from the plain order, in batches.

An item that is preferred for its class, for its content, or because people may differ on it, comes from the plain top
or from the quarter of a batch behind it, where labels are nearly as often wrong as at the end of the top. That is so
whatever the scores say of themselves; a price in expected errors alone would trust scores that are too sure.
"""


def horizon(size: int) -> int:
    """Return how many items, in plain order, a batch of `size` items may choose from."""
    return math.ceil(HORIZON * size)


@dataclass(frozen=True, eq=False, kw_only=True)
class Present:
    """Items that are in the batch already.

    Attributes
    ----------
    vectors : (p, d) float32, optional
        Their embeddings, of unit length.
    content : (p,) int, optional
        As in :class:`Pool`.
    """

    vectors: NDArray[np.float32] | None = None
    content: NDArray[np.integer[Any]] | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Pool:
    """The candidates of one choice, best first.

    Attributes
    ----------
    score : (m,) float64
        0..1, descending; what is to be found.
    classes : (m,) int
        Given class of each, −1 where unlabelled.
    vectors : (m, d) float32, optional
        Embeddings of unit length; None where there are none.
    typical_distance : float
        Median Euclidean distance between an item of the data and its nearest neighbour, on the same scale as
        `vectors`; 0 without them.
    content : (m,) int, optional
        Equal where the content is the very same; default: nothing is.
    present : Present
        What other parts have put into the batch already, which the choice need not repeat.
    """

    score: NDArray[np.float64]
    classes: NDArray[np.integer[Any]]
    vectors: NDArray[np.float32] | None = None
    typical_distance: float = 0.0
    content: NDArray[np.integer[Any]] | None = None
    present: Present = Present()

    def __len__(self) -> int:
        return len(self.score)


@dataclass(frozen=True, eq=False)
class Choice:
    """What was chosen from a pool.

    Attributes
    ----------
    rows : (k,) intp
        Rows of the pool, in the order in which they are to be looked at; fewer than asked for if the pool is poor.
    inclusion : (k,) float64
        Probability with which the strategy chooses the item, over all seeds; NaN where it is not known.
    """

    rows: NDArray[np.intp]
    inclusion: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Strategy:
    """A way to choose.

    Parameters
    ----------
    name : str
        Name of the plugin, with hyphens.
    summary : str
        How it chooses, in one line.
    choose : callable
        ``choose(pool, size, rng) -> Choice``.
    needs_vectors : bool
        Whether it is of no use without embeddings.
    """

    name: str
    summary: str
    choose: Callable[[Pool, int, np.random.Generator], Choice]
    needs_vectors: bool = False


STRATEGIES: Registry[Strategy] = Registry("strategy", "labelaudit.selection", Strategy, dashed=True)
