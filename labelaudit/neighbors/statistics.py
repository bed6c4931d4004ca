"""What an item's neighbours say about its label, its place and its copies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.errors import LabelsError
from labelaudit.neighbors.copies import duplicate_groups, near_duplicate_distance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.neighbors.search import Neighbors

__all__ = ["NeighborStatistics", "class_fraction", "neighbor_statistics"]

_BLOCK = 16_384
_COMPARED = 64_000_000  # pairs of votes held at a time


@dataclass(frozen=True, eq=False, kw_only=True)
class NeighborStatistics:
    """Statistics of the neighbours of `n` items. Only labelled neighbours vote, each with one vote.

    Attributes
    ----------
    given_fraction : (n,) float64
        Share of the voting neighbours with the item's given label; NaN without a given label or without votes.
    other : (n,) int32
        Class other than the given one with most votes (ties: the nearest neighbour's), −1 if nobody votes for another.
    other_fraction : (n,) float64
        Its share; NaN without votes.
    top : (n,) int32
        Class with most votes (ties: the nearest neighbour's), −1 without votes.
    top_fraction : (n,) float64
        Its share; NaN without votes.
    label_entropy : (n,) float64
        Entropy of the votes in nats; NaN without votes.
    n_votes : (n,) int32
        Number of labelled neighbours.
    outlier : (n,) float64
        How far the item is from its neighbours against what is usual in the data, 0..1: the standard normal
        distribution function of a robust z-score (median and MAD) of the logarithm of the mean distance. 0.5 is
        usual, 0.999 three robust standard deviations out; NaN without neighbours.
    density : (n,) float64
        ``exp(−mean distance / median of the mean distances)``, 0..1; higher is denser; NaN without neighbours.
    duplicate_group : (n,) int32
        Number of the group of exact copies and near-duplicates the item is in, −1 if it is in none.
    conflict : (n,) bool
        Whether that group holds different labels.
    conflict_label : (n,) int32
        Most frequent label in the group other than the given one (ties: the lower class), −1 if there is none.
    """

    given_fraction: NDArray[np.float64]
    other: NDArray[np.int32]
    other_fraction: NDArray[np.float64]
    top: NDArray[np.int32]
    top_fraction: NDArray[np.float64]
    label_entropy: NDArray[np.float64]
    n_votes: NDArray[np.int32]
    outlier: NDArray[np.float64]
    density: NDArray[np.float64]
    duplicate_group: NDArray[np.int32]
    conflict: NDArray[np.bool_]
    conflict_label: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.given_fraction)

    def take(self, index: slice | NDArray[np.intp] | NDArray[np.bool_]) -> NeighborStatistics:
        """Return the statistics of the rows selected by `index` (views for slices)."""
        return NeighborStatistics(**{field.name: getattr(self, field.name)[index] for field in fields(self)})


def neighbor_statistics(
    neighbors: Neighbors,
    labels: NDArray[np.int32],
    n_classes: int,
    *,
    judged: NDArray[np.int32] | None = None,
    duplicates_within: float | None = None,
) -> NeighborStatistics:
    """Compute what the neighbours of each item say.

    Parameters
    ----------
    neighbors : Neighbors
        From :func:`find_neighbors`.
    labels : (n,) int32
        Given labels, −1 where unlabelled.
    n_classes : int
        Number of classes ``K``.
    judged : (n,) int32, optional
        Labels that the votes are held against, where these are not the labels that vote.
    duplicates_within : float, optional
        Distance below which two items are near-duplicates. Default: 0.13 times the median distance to a nearest
        neighbour that is no exact copy. Exact copies always are duplicates.

    Returns
    -------
    NeighborStatistics

    Raises
    ------
    LabelsError
        If there is not one label for each item, or a label is no class.
    """
    labels = _checked(labels, len(neighbors), n_classes)
    given = labels if judged is None else _checked(judged, len(neighbors), n_classes)
    within = near_duplicate_distance(neighbors) if duplicates_within is None else duplicates_within
    groups = duplicate_groups(neighbors, within=within)
    conflict, conflict_label = _conflicts(groups, labels, n_classes)
    mean = _mean_distance(neighbors)
    votes = {name: np.concatenate(parts) for name, parts in _gathered(neighbors, labels, given).items()}
    return NeighborStatistics(
        **votes,
        outlier=_outlier(mean),
        density=np.exp(-mean / _median_or_one(mean)),
        duplicate_group=groups,
        conflict=conflict,
        conflict_label=conflict_label,
    )


def class_fraction(neighbors: Neighbors, labels: NDArray[np.int32], wanted: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return the share of voting neighbours labelled `wanted`, (n,); NaN without votes or where `wanted` is −1."""
    fraction = np.empty(len(neighbors))
    for rows in _slices(len(neighbors), neighbors.k):
        voted = _votes(neighbors, labels, rows)
        n_votes = (voted >= 0).sum(axis=1)
        defined = (n_votes > 0) & (wanted[rows] >= 0)
        fraction[rows] = (voted == wanted[rows, None]).sum(axis=1) / np.where(defined, n_votes, np.nan)
    return fraction


def _checked(labels: NDArray[np.int32], n: int, n_classes: int) -> NDArray[np.int32]:
    labels = np.asarray(labels)
    if labels.shape != (n,):
        raise LabelsError(
            f"There are labels of shape {labels.shape} for {n} vectors.", "Give one label for each vector."
        )
    outside = np.flatnonzero((labels < -1) | (labels >= n_classes))
    if len(outside):
        raise LabelsError(
            f"The label in row {outside[0]} is {labels[outside[0]]}.",
            f"Labels must be class indices from 0 to {n_classes - 1}, or -1 for unlabelled.",
        )
    return labels.astype(np.int32, copy=False)


def _slices(n: int, k: int) -> Iterator[slice]:
    step = max(1, min(_BLOCK, _COMPARED // max(k, 1) ** 2))
    return (slice(start, min(start + step, n)) for start in range(0, n, step))


def _votes(neighbors: Neighbors, labels: NDArray[np.int32], rows: slice) -> NDArray[np.int32]:
    """Return the labels of the neighbours, nearest first, −1 where there is none (b, k)."""
    indices = neighbors.indices[rows]
    return np.where(indices >= 0, labels[indices], np.int32(-1))


def _gathered(
    neighbors: Neighbors, labels: NDArray[np.int32], given: NDArray[np.int32]
) -> dict[str, list[NDArray[Any]]]:
    names = (
        "given_fraction",
        "other",
        "other_fraction",
        "top",
        "top_fraction",
        "label_entropy",
        "n_votes",
    )
    parts: dict[str, list[NDArray[Any]]] = {name: [] for name in names}
    # At least one block, so that no items give empty arrays rather than none.
    for rows in list(_slices(len(neighbors), neighbors.k)) or [slice(0, 0)]:
        voted = _votes(neighbors, labels, rows)
        for name, values in _vote_statistics(voted, given[rows]).items():
            parts[name].append(values)
    return parts


def _vote_statistics(voted: NDArray[np.int32], given: NDArray[np.int32]) -> dict[str, NDArray[Any]]:
    valid = voted >= 0
    # How many votes the class of each neighbour has: (b, k) instead of (b, K) counts, whatever the number of classes.
    support = (voted[:, :, None] == voted[:, None, :]).sum(axis=2) * valid
    n_votes = valid.sum(axis=1)
    none = n_votes == 0
    total = np.where(none, np.nan, n_votes)
    top, top_count = _most_supported(voted, support)
    other, other_count = _most_supported(voted, np.where(voted == given[:, None], 0, support))
    # Σ over classes of p log p equals Σ over neighbours of (log p) / votes.
    share = np.where(valid, support, 1) / np.where(none, 1, n_votes)[:, None]
    entropy = -np.sum(np.log(share), axis=1, where=valid) / total
    return {
        "given_fraction": np.where(given >= 0, (voted == given[:, None]).sum(axis=1) / total, np.nan),
        "other": other,
        "other_fraction": other_count / total,
        "top": top,
        "top_fraction": top_count / total,
        "label_entropy": np.maximum(entropy, 0.0),
        "n_votes": n_votes.astype(np.int32),
    }


def _most_supported(
    voted: NDArray[np.int32], support: NDArray[np.integer]
) -> tuple[NDArray[np.int32], NDArray[np.integer]]:
    best = support.argmax(axis=1)[:, None]  # the first of equals is the nearest
    count = np.take_along_axis(support, best, axis=1)[:, 0]
    winner = np.take_along_axis(voted, best, axis=1)[:, 0]
    return np.where(count > 0, winner, -1).astype(np.int32), count


def _conflicts(
    groups: NDArray[np.int32], labels: NDArray[np.int32], n_classes: int
) -> tuple[NDArray[np.bool_], NDArray[np.int32]]:
    conflict, rival = np.zeros(len(groups), dtype=bool), np.full(len(groups), -1, dtype=np.int32)
    member = np.flatnonzero((groups >= 0) & (labels >= 0))
    if len(member) == 0:
        return conflict, rival
    pairs, counts = np.unique(groups[member].astype(np.int64) * n_classes + labels[member], return_counts=True)
    group, label = pairs // n_classes, (pairs % n_classes).astype(np.int32)
    order = np.lexsort((label, -counts, group))  # most frequent label of each group first
    group, label = group[order], label[order]
    n_groups = int(groups.max()) + 1
    first = np.searchsorted(group, np.arange(n_groups))
    several = np.bincount(group, minlength=n_groups) > 1
    leader = label[np.minimum(first, len(label) - 1)]
    second = label[np.minimum(first + 1, len(label) - 1)]
    grouped = groups >= 0
    conflict[grouped] = several[groups[grouped]]
    torn = np.flatnonzero(conflict)
    rival[torn] = np.where(leader[groups[torn]] == labels[torn], second[groups[torn]], leader[groups[torn]])
    return conflict, rival


def _mean_distance(neighbors: Neighbors) -> NDArray[np.float64]:
    present = neighbors.indices >= 0
    count = present.sum(axis=1)
    total = np.sum(neighbors.distances, axis=1, where=present, dtype=np.float64)
    mean: NDArray[np.float64] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return mean


def _median_or_one(values: NDArray[np.float64]) -> float:
    positive = values[values > 0]  # False for NaN
    return float(np.median(positive)) if len(positive) else 1.0


def _outlier(mean: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.special import ndtr

    positive = mean > 0
    logs = np.log(mean, where=positive, out=np.full(len(mean), np.nan))
    if not positive.any():
        return np.where(np.isnan(mean), np.nan, 0.5)
    middle = np.median(logs[positive])
    spread = 1.4826 * np.median(np.abs(logs[positive] - middle))
    z = (logs - middle) / spread if spread > 0 else np.sign(logs - middle) * 0.0
    outlier: NDArray[np.float64] = ndtr(z)
    return np.where(mean == 0, 0.0, outlier)  # all neighbours are copies: as dense as can be
