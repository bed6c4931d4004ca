"""Exact copies and near-duplicates among items."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.neighbors.search import Neighbors
    from labelaudit.neighbors.space import VectorSpace

__all__ = ["NEAR_DUPLICATE", "duplicate_groups", "first_copies", "near_duplicate_distance"]

NEAR_DUPLICATE = 0.13
"""Items nearer than this share of the median distance to a nearest neighbour are near-duplicates (cleanlab's
Datalab)."""

_BLOCK = 16_384


def first_copies(space: VectorSpace) -> NDArray[np.int32]:
    """Return the lowest row with exactly the same vector as each row, (n,) int32; −1 for unusable rows.

    Rows are compared as given, not as scaled: ``−0.0`` equals ``0.0``, and a multiple of a vector is no copy of it.
    """
    usable = np.flatnonzero(space.usable)
    codes = _hashes(space)[usable]
    order = np.argsort(codes, kind="stable")  # stable: the first of a run of equal codes is the lowest row
    sorted_codes = codes[order]
    begins = np.concatenate([[True], sorted_codes[1:] != sorted_codes[:-1]])[: len(order)]
    first = usable[order[np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))]]
    copies = np.full(len(space), -1, dtype=np.int32)
    copies[usable[order]] = first
    return copies


def _hashes(space: VectorSpace) -> NDArray[np.uint64]:
    """Return 64 bits of each row's values.

    Each column's bits are multiplied by an odd random number of its own, mixed and summed modulo 2⁶⁴: two different
    rows agree with a probability of about 2⁻⁶⁴, so among a million rows a false copy has a chance of one in 10⁷.
    """
    n, n_columns = space.source.shape
    factors = np.random.default_rng(0).integers(0, 2**63, n_columns, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    codes = np.empty(n, dtype=np.uint64)
    for start in range(0, n, _BLOCK):
        rows = slice(start, start + _BLOCK)
        bits = (np.asarray(space.source[rows], dtype=np.float64) + 0.0).view(np.uint64)
        mixed = (bits ^ (bits >> np.uint64(32))) * factors
        mixed ^= mixed >> np.uint64(29)
        codes[rows] = (mixed * factors[::-1]).sum(axis=1, dtype=np.uint64)
    return codes


def near_duplicate_distance(neighbors: Neighbors) -> float:
    """Return the distance below which two items are near-duplicates.

    It is `NEAR_DUPLICATE` times the median distance to the nearest item that is no exact copy, so that it fits any
    metric and scale, and a data set in which every item occurs twice does not make it zero.
    """
    positive = np.where(neighbors.distances > 0, neighbors.distances, np.inf).min(axis=1, initial=np.inf)
    positive = positive[np.isfinite(positive)]
    return NEAR_DUPLICATE * float(np.median(positive)) if len(positive) else 0.0


def duplicate_groups(neighbors: Neighbors, *, within: float) -> NDArray[np.int32]:
    """Group exact copies, and near-duplicates that are linked by steps shorter than `within`.

    Returns
    -------
    (n,) int32
        Number of the group, counted by first appearance; −1 for items that have no duplicate.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    n = len(neighbors)
    row, place = np.nonzero(neighbors.distances < within)
    copies = np.flatnonzero(neighbors.copy_of >= 0)
    ends = np.concatenate([neighbors.indices[row, place], neighbors.copy_of[copies]])
    starts = np.concatenate([row, copies])
    links = coo_matrix((np.ones(len(starts), dtype=np.int8), (starts, ends)), shape=(n, n))
    _, component = connected_components(links, directed=False)
    sizes = np.bincount(component, minlength=1)
    grouped = np.flatnonzero(sizes[component] > 1)
    _, first, inverse = np.unique(component[grouped], return_index=True, return_inverse=True)
    groups = np.full(n, -1, dtype=np.int32)
    groups[grouped] = np.argsort(np.argsort(first))[inverse]
    return groups
