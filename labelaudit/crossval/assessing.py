"""For which items a cross-validation says something about the label, and why not for others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.domain import Dataset

__all__ = ["assess"]


def assess(
    dataset: Dataset, folds: tuple[NDArray[np.int32], ...], groups: NDArray[np.object_] | None
) -> tuple[NDArray[np.bool_], NDArray[np.object_]]:
    """Tell which items have a label whose class their model has seen, in every repeat.

    Parameters
    ----------
    dataset : Dataset
        The items.
    folds : tuple of (n,) int32
        Fold in which each item was held out, one array a repeat.
    groups : (n,) object array of str or None
        Items with the same value were held out together.

    Returns
    -------
    assessable : (n,) bool
        Whether the probability of the given label means anything.
    reasons_not : (n,) object array of str
        Why it does not; empty where it does.
    """
    labels = dataset.labels
    assessable = labels >= 0
    reasons = np.where(assessable, "", "unlabelled").astype(object)
    counts = np.bincount(labels[assessable], minlength=dataset.n_classes)
    for fold in folds:
        n_folds = int(fold.max()) + 1
        held = np.zeros((dataset.n_classes, n_folds), dtype=np.int64)
        np.add.at(held, (labels[labels >= 0], fold[labels >= 0]), 1)
        assessable &= (labels >= 0) & (counts[labels] > held[labels, fold])
    for row in np.flatnonzero(~assessable & (labels >= 0)):
        reasons[row] = _why_not(dataset, int(labels[row]), int(counts[labels[row]]), groups)
    return assessable, reasons


def _why_not(dataset: Dataset, label: int, count: int, groups: NDArray[np.object_] | None) -> str:
    name = dataset.classes[label]
    members = dataset.labels == label
    if count == 1:
        return f"class '{name}' has one member"
    if len(set(dataset.content_hashes[members])) == 1:
        return f"all {count} members of class '{name}' have the same content"
    if groups is not None and len(set(groups[members])) == 1:
        return f"all {count} members of class '{name}' are in one group"
    return (
        f"all {count} members of class '{name}' were held out at once, because they share content or group with others"
    )
