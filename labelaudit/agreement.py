"""Agreement between people: Cohen's kappa and Krippendorff's alpha for categories, with gaps."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["MISSING", "cohen_kappa", "krippendorff_alpha", "opinion_table", "pairwise_kappa"]

MISSING = -1
"""Code of a missing opinion."""


def opinion_table(
    opinions: Iterable[tuple[str, str, Hashable]],
) -> tuple[NDArray[np.int64], tuple[str, ...], tuple[str, ...]]:
    """Arrange opinions as a table of people by items.

    Parameters
    ----------
    opinions : iterable of (person, item, outcome)
        Outcomes of any hashable kind; the last of several by one person on one item counts.

    Returns
    -------
    table : (people, items) int64
        Codes of outcomes, :data:`MISSING` where a person gave none.
    people, items : tuple of str
        Names of rows and columns, sorted.
    """
    given = list(opinions)
    people = tuple(sorted({person for person, _, _ in given}))
    items = tuple(sorted({item for _, item, _ in given}))
    row = {person: i for i, person in enumerate(people)}
    column = {item: j for j, item in enumerate(items)}
    codes: dict[Hashable, int] = {}
    table = np.full((len(people), len(items)), MISSING, dtype=np.int64)
    for person, item, value in given:
        table[row[person], column[item]] = codes.setdefault(value, len(codes))
    return table, people, items


def cohen_kappa(first: ArrayLike, second: ArrayLike) -> float:
    """Return Cohen's kappa of two people over the items that both judged.

    Parameters
    ----------
    first, second : (n,) int array-like
        Codes of categories, :data:`MISSING` for none.

    Returns
    -------
    float
        ``(p_o − p_e) / (1 − p_e)``, at most 1; NaN without a common item or where chance agreement is certain
        (both used one and the same category throughout).

    References
    ----------
    Cohen, J. (1960). A coefficient of agreement for nominal scales.
    """
    a, b = np.asarray(first, dtype=np.int64), np.asarray(second, dtype=np.int64)
    both = (a != MISSING) & (b != MISSING)
    a, b = a[both], b[both]
    if not len(a):
        return float("nan")
    _, codes = np.unique(np.concatenate([a, b]), return_inverse=True)
    size = int(codes.max()) + 1
    chance = float(np.bincount(codes[: len(a)], minlength=size) @ np.bincount(codes[len(a) :], minlength=size))
    chance /= len(a) ** 2
    if chance == 1:
        return float("nan")
    return (float(np.mean(a == b)) - chance) / (1 - chance)


def pairwise_kappa(table: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return each person's mean kappa with the others, weighted by common items, and the number of common items.

    Parameters
    ----------
    table : (people, items) int64
        From :func:`opinion_table`.

    Returns
    -------
    kappa : (people,) float
        NaN for people without a defined kappa.
    common : (people,) int
        Pairs (other person, item) that both judged.
    """
    n = len(table)
    kappas = np.full((n, n), np.nan)
    shared = np.zeros((n, n), dtype=np.int64)
    for i in range(n):
        for j in range(i + 1, n):
            kappas[i, j] = kappas[j, i] = cohen_kappa(table[i], table[j])
            shared[i, j] = shared[j, i] = int(np.sum((table[i] != MISSING) & (table[j] != MISSING)))
    weights = np.where(np.isnan(kappas), 0, shared)
    total = weights.sum(axis=1)
    mean = np.full(n, np.nan)
    np.divide((np.nan_to_num(kappas) * weights).sum(axis=1), total, out=mean, where=total > 0)
    return mean, shared.sum(axis=1)


def krippendorff_alpha(table: ArrayLike) -> float:
    """Return Krippendorff's alpha for categories.

    Parameters
    ----------
    table : (people, items) int array-like
        Codes of categories, :data:`MISSING` for none.

    Returns
    -------
    float
        ``1 − D_o / D_e``; 1 is perfect, 0 chance. NaN if no item was judged twice, or if all judgements on such items
        are one and the same category.

    References
    ----------
    Krippendorff, K. (2011). Computing Krippendorff's Alpha-Reliability, section C (nominal data, any number
    of observers, missing data).
    """
    codes = np.asarray(table, dtype=np.int64)
    present = codes != MISSING
    if not present.any():
        return float("nan")
    _, plain = np.unique(codes[present], return_inverse=True)
    counts = np.zeros((codes.shape[1], int(plain.max()) + 1))
    np.add.at(counts, (np.nonzero(present)[1], plain), 1)
    judged = counts.sum(axis=1)
    counts, judged = counts[judged > 1], judged[judged > 1]
    total = float(judged.sum())
    if not total:
        return float("nan")
    observed = float(((judged**2 - (counts**2).sum(axis=1)) / (judged - 1)).sum()) / total
    expected = (total**2 - float((counts.sum(axis=0) ** 2).sum())) / (total * (total - 1))
    return 1 - observed / expected if expected > 0 else float("nan")
