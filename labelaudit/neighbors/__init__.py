"""Nearest neighbours in embedding space, and what they say about labels.

The vectors never saw a label of the item itself: an item has no vote on its own label. Exact and near copies of it do
vote with theirs, and are reported as duplicate groups.
"""

from labelaudit.neighbors.copies import NEAR_DUPLICATE
from labelaudit.neighbors.search import EXACT_UP_TO, Neighbors, find_neighbors
from labelaudit.neighbors.statistics import NeighborStatistics, class_fraction, neighbor_statistics

__all__ = [
    "EXACT_UP_TO",
    "NEAR_DUPLICATE",
    "NeighborStatistics",
    "Neighbors",
    "class_fraction",
    "find_neighbors",
    "neighbor_statistics",
]
