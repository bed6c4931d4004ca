"""Folds of a cross-validation: stratified, leak-free, and independent of the order of rows and classes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from labelaudit.errors import ConfigError, LabelsError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["assign_folds"]


def assign_folds(
    labels: NDArray[np.integer],
    keys: NDArray[np.object_],
    *,
    n_folds: int,
    seed: int,
    groups: NDArray[np.object_] | None = None,
) -> NDArray[np.int32]:
    """Assign each item to the fold in which it is held out.

    Items with equal content, and items of one group, are a *unit* that stays together. Units of several items go
    first, largest first, each to the fold that has least of its classes; then single items fill up each class, so
    every class is spread as evenly as the units allow. Among equals the order is that of a hash of seed and content:
    permuting rows permutes the folds, and renaming or reordering classes changes nothing.

    Parameters
    ----------
    labels : (n,) int
        Class indices, −1 where unlabelled. Unlabelled items get a fold too, so that a model predicts them that has
        seen none of their copies.
    keys : (n,) object array of str
        Content of each item, as hashes.
    n_folds : int
        Number of folds, at least 2.
    seed : int
        Another seed gives other folds.
    groups : (n,) object array of str, optional
        Items with the same value stay together.

    Returns
    -------
    (n,) int32
        Folds 0 .. n_folds − 1.

    Raises
    ------
    ConfigError
        If there are fewer units than folds.
    LabelsError
        If there is only one unit.
    """
    unit = _units(keys, groups)
    n_units = int(unit.max(initial=-1)) + 1
    if n_units < n_folds:
        what = "distinct items" if groups is None else "separate groups"
        if n_units > 1:
            raise ConfigError(
                f"There are {n_units} {what} for {n_folds} folds.", f"Use at most {n_units} folds (--folds)."
            )
        same = "have the same content" if groups is None else "are in one group, or copies of each other"
        raise LabelsError(
            f"All {len(keys)} items {same}, so none can be judged by a model that has not seen it.",
            "Check the columns that are learned from (--text, --image, --features) and --fold-group.",
        )
    hashes = _seeded(keys, seed)
    # Unlabelled items are spread like one more class.
    classes = np.unique(labels, return_inverse=True)[1]
    filled = np.zeros((int(classes.max(initial=0)) + 1, n_folds), dtype=np.int64)
    folds = np.full(len(labels), -1, dtype=np.int32)
    _place_large_units(folds, filled, unit, classes, hashes)
    _fill_up(folds, filled, classes, hashes)
    return folds


def _units(keys: NDArray[np.object_], groups: NDArray[np.object_] | None) -> NDArray[np.intp]:
    """Return for each item the number of its unit: connected components of items that share content or group."""
    content: NDArray[np.intp] = np.unique(keys.astype(str), return_inverse=True)[1]
    if groups is None or len(keys) == 0:
        return content
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    group = np.unique(groups.astype(str), return_inverse=True)[1]
    # A graph with a node for each content and each group, and an edge for each item between its two.
    n_contents = int(content.max()) + 1
    n_nodes = n_contents + int(group.max()) + 1
    edges = coo_array((np.ones(len(keys), dtype=bool), (content, n_contents + group)), shape=(n_nodes, n_nodes))
    component = connected_components(edges, directed=False)[1]
    unit: NDArray[np.intp] = np.unique(component[content], return_inverse=True)[1]
    return unit


def _seeded(keys: NDArray[np.object_], seed: int) -> NDArray[np.uint64]:
    """Hash content and seed to numbers whose order is the order of dealing."""
    salt = hashlib.blake2b(str(seed).encode(), digest_size=16).digest()
    digests = (hashlib.blake2b(key.encode(), digest_size=8, key=salt).digest() for key in keys)
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def _place_large_units(
    folds: NDArray[np.int32],
    filled: NDArray[np.int64],
    unit: NDArray[np.intp],
    classes: NDArray[np.intp],
    hashes: NDArray[np.uint64],
) -> None:
    """Give the items of each unit of several the fold that has least of the unit's classes."""
    sizes = np.bincount(unit)
    large = np.flatnonzero(sizes > 1)
    if len(large) == 0:
        return
    first_hash = np.full(len(sizes), np.iinfo(np.uint64).max, dtype=np.uint64)
    np.minimum.at(first_hash, unit, hashes)
    members = np.split(np.argsort(unit, kind="stable"), np.cumsum(sizes)[:-1])
    class_sizes = np.bincount(classes, minlength=len(filled))
    for index in large[np.lexsort((first_hash[large], -sizes[large]))]:
        present, counts = np.unique(classes[members[index]], return_counts=True)
        # Rounded, because the order of classes changes the last digit of the sum.
        crowding = np.round((filled[present] * (counts / class_sizes[present])[:, None]).sum(axis=0), 9)
        fold = int(np.lexsort((filled.sum(axis=0), crowding))[0])
        folds[members[index]] = fold
        filled[present, fold] += counts


def _fill_up(
    folds: NDArray[np.int32], filled: NDArray[np.int64], classes: NDArray[np.intp], hashes: NDArray[np.uint64]
) -> None:
    """Deal single items, class by class, always to the fold that has least of the class, then least in all."""
    single = np.flatnonzero(folds < 0)
    if len(single) == 0:
        return
    single = single[np.lexsort((hashes[single], classes[single]))]
    by_class = np.split(single, np.flatnonzero(np.diff(classes[single])) + 1)
    # The class with the smallest hash goes first: an order that does not know the classes' numbers.
    for items in sorted(by_class, key=lambda items: int(hashes[items[0]])):
        held = filled[classes[items[0]]]
        n_folds = len(held)
        rounds = len(items) // n_folds + int(held.max() - held.min()) + 1
        level = (held[:, None] + np.arange(rounds)).ravel()
        in_all = np.repeat(filled.sum(axis=0), rounds)
        dealt = np.lexsort((in_all, level))[: len(items)] // rounds
        folds[items] = dealt
        held += np.bincount(dealt, minlength=n_folds)
