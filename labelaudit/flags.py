"""Flags by the rules of confident learning, equal to cleanlab 2.9 item for item.

labelaudit's own flags come from its ranking; these are for users who compare with, or move from, cleanlab. Where values
tie, the choice is that of numpy's default sort over the same values in the same order, as in cleanlab.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from labelaudit.class_statistics import DENSE_JOINT_CLASSES
from labelaudit.errors import ConfigError, UnknownNameError
from labelaudit.noise_rates import calibrate
from labelaudit.threads import on_threads

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.class_statistics import ClassStatistics
    from labelaudit.kernels import RowStatistics
    from labelaudit.scores import Evidence
    from labelaudit.walk import Walk

__all__ = ["RULES", "Rule", "flag"]

Rule = Literal[
    "prune_by_noise_rate",
    "prune_by_class",
    "both",
    "confident_learning",
    "predicted_neq_given",
    "low_normalized_margin",
    "low_self_confidence",
]
RULES: tuple[Rule, ...] = get_args(Rule)
"""Names of the rules."""

_PIECE = 100_000  # margins computed together: their temporaries stay in the processor's cache
_WORTH_A_THREAD = 5000  # values of one selection from which on threads gain
_SORTED_AT_ONCE = 1000  # values that are sorted as fast as they are searched
_TIE = 1e-6  # a given label this close to the best class counts as predicted


def flag(
    rule: Rule,
    evidence: Evidence,
    *,
    walk: Walk | None,
    min_examples_per_class: int = 1,
    frac_noise: float = 1.0,
) -> NDArray[np.bool_]:
    """Flag labels by a rule of cleanlab's ``find_label_issues(filter_by=rule)``.

    Parameters
    ----------
    rule : str
        One of :data:`RULES`.
    evidence : Evidence
        Row and class statistics of `n` items.
    walk : Walk or None
        Over the probabilities that `evidence` is of. Only ``prune_by_noise_rate`` and ``both`` need it.
    min_examples_per_class : int
        The pruning rules leave at least so many items in each class.
    frac_noise : float
        Part of the estimated errors that the pruning rules flag, 0..1.

    Returns
    -------
    (n,) bool
        Never set for unlabelled items.

    Raises
    ------
    UnknownNameError
        If there is no such rule.
    ConfigError
        If an option is out of range, a pruning rule is asked for with more classes than a dense joint is made for, or
        `walk` is needed and None.
    """
    if rule not in RULES:
        raise UnknownNameError.among("rule", rule, RULES)
    if min_examples_per_class < 0 or not 0 <= frac_noise <= 1:
        raise ConfigError(
            f"min_examples_per_class is {min_examples_per_class} and frac_noise is {frac_noise}.",
            "The first must be at least 0, the second between 0 and 1.",
        )
    rows = evidence.rows
    if rule == "confident_learning":
        return _off_diagonal(rows)
    if rule == "predicted_neq_given":
        return ~_predicted(rows)  # implies that another class is the argmax
    if rule == "low_self_confidence":
        return _lowest(rows.p_given, rows)
    if rule == "low_normalized_margin":
        return _lowest((rows.p_given - rows.p_other + 1) / 2, rows)
    keep = _keep_counts(evidence.statistics, min_examples_per_class, frac_noise)
    least = max(min_examples_per_class, 1)
    flags = np.ones(len(rows), dtype=bool)
    if rule in {"prune_by_class", "both"}:
        flags &= _prune_by_class(rows, keep, least)
    if rule in {"prune_by_noise_rate", "both"}:
        if walk is None:
            raise ConfigError(f"The rule {rule!r} reads the probabilities again.", "Use labelaudit.score on them.")
        weights = np.ones(1) if evidence.members is None else evidence.members.weights
        flags &= _prune_by_noise_rate(rows, keep, least, walk, weights)
    return flags & ~_predicted(rows)


def _predicted(rows: RowStatistics) -> NDArray[np.bool_]:
    """Tell where the given label is predicted, or within 1e-6 of what is; true where there is no label."""
    lifted = rows.p_given + rows.p_given.dtype.type(_TIE)
    tied = (lifted == rows.p_other) & (rows.given < rows.other)
    predicted: NDArray[np.bool_] = (rows.given < 0) | (lifted > rows.p_other) | tied
    return predicted


def _off_diagonal(rows: RowStatistics) -> NDArray[np.bool_]:
    flags: NDArray[np.bool_] = (rows.confident >= 0) & (rows.confident != rows.given) & ~_predicted(rows)
    return flags


def _lowest(quality: NDArray[np.floating], rows: RowStatistics) -> NDArray[np.bool_]:
    """Flag the lowest of a quality, as many as the confident joint has off its diagonal."""
    flags = np.zeros(len(rows), dtype=bool)
    labelled = np.flatnonzero(rows.given >= 0)
    count = int(_off_diagonal(rows).sum())
    flags[labelled[_least(quality[labelled], count)]] = True
    return flags


def _least(values: NDArray[np.floating], count: int) -> NDArray[np.intp]:
    """Return which `count` values a sort puts first; of many values it sorts only where equal ones make it matter."""
    if 0 < count < len(values) and len(values) > _SORTED_AT_ONCE:
        cut = _clear_cut(values, count)
        if not np.isnan(cut):
            return np.flatnonzero(values <= cut)
    return np.argsort(values)[:count]


def _clear_cut(values: NDArray[np.floating], count: int) -> float:
    """Return the greatest of the `count` least values; NaN if others equal it, or there are not so many."""
    if count > len(values):
        return np.nan
    cut = np.partition(values, count - 1)[count - 1]
    return float(cut) if np.count_nonzero(values <= cut) == count else np.nan


def _keep_counts(statistics: ClassStatistics, least: int, frac_noise: float) -> NDArray[np.int64]:
    """Return (K, K): in column `k` how many items of given class `k` are of each true class, after the options.

    The diagonal is what is kept. Where it is raised to `least`, the other entries of the column give the difference in
    equal parts; what `frac_noise` takes off the others goes to the diagonal.
    """
    if statistics.n_classes > DENSE_JOINT_CLASSES:
        raise ConfigError(
            f"Pruning rules need a joint of K² counts, and there are {statistics.n_classes} classes.",
            "Use the rule 'confident_learning' or 'predicted_neq_given'.",
        )
    joint = calibrate(statistics.confident_joint, statistics.counts).T
    diagonal = np.maximum(joint.diagonal(), least)
    noisy_classes = np.maximum(np.count_nonzero(joint, axis=0) - 1.0, 1.0)
    raised = np.maximum(joint - (diagonal - joint.diagonal()) / noisy_classes, 0.0)
    np.fill_diagonal(raised, diagonal)
    reduced = raised * frac_noise
    np.fill_diagonal(reduced, diagonal)
    np.fill_diagonal(reduced, diagonal + (raised - reduced).sum(axis=0))
    counts: NDArray[np.int64] = reduced.astype(np.int64)
    return counts


def _prune_by_class(rows: RowStatistics, keep: NDArray[np.int64], least: int) -> NDArray[np.bool_]:
    """Flag those of each class with the least self-confidence."""
    flags = np.zeros(len(rows), dtype=bool)
    for k, members in _by_class(rows.given, len(keep)):
        count = len(members) - keep[k, k]
        if count >= 1 and len(members) > least:
            flags[members[_least(rows.p_given[members], int(count))]] = True
    return flags


def _by_class(
    given: NDArray[np.int32], n_classes: int, among: NDArray[np.intp] | None = None
) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Yield each class with its rows, ascending; `among` are the rows to choose from, by default all."""
    labels = given if among is None else given[among]
    # numpy sorts 16-bit integers by radix, ten times as fast as wider ones.
    keys = labels.astype(np.int16) if n_classes <= np.iinfo(np.int16).max else labels
    order = np.argsort(keys, kind="stable")
    ends = np.searchsorted(labels[order], np.arange(n_classes + 1))
    members = order if among is None else among[order]
    for k in range(n_classes):
        yield k, members[ends[k] : ends[k + 1]]


def _prune_by_noise_rate(
    rows: RowStatistics, keep: NDArray[np.int64], least: int, walk: Walk, weights: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Flag, for each pair of given and true class, those with the greatest margin ``p_true − p_given``.

    Only rows whose given label is behind another class have a margin above 0, and they are few. Pairs that ask for no
    more than these are settled from them alone, the others from all rows. Margins are read in groups of pairs that fit
    half the memory budget: one pass over the data for each group.
    """
    flags = np.zeros(len(rows), dtype=bool)
    wanted = keep.copy()  # (true, given): how many to flag; 0 once they are
    np.fill_diagonal(wanted, 0)
    wanted[:, np.bincount(rows.given[rows.given >= 0], minlength=len(keep)) <= least] = 0
    behind = np.flatnonzero(rows.p_given < rows.p_other)
    for among in (behind, None):
        for group in _groups(rows.given, wanted, among, walk.memory // 2 // walk.dtype.itemsize):
            # In a function of its own, so that the margins of one group are gone before the next group's are read.
            _flag_group(
                flags, group, wanted, _read_margins(group, rows.given, walk, weights), walk, is_all=among is None
            )
    return flags


def _flag_group(
    flags: NDArray[np.bool_],
    group: _Group,
    wanted: NDArray[np.int64],
    margins: dict[int, NDArray[np.floating]],
    walk: Walk,
    *,
    is_all: bool,
) -> None:
    """Flag what `wanted` asks for, and strike it off; where not all rows are here, only what they settle by themselves.

    That is what has margins above 0, which no other row has, and does not tie.
    """

    def flag_class(part: tuple[int, NDArray[np.intp], NDArray[np.intp]]) -> None:
        k, members, others = part
        for j, margin in zip(others, -margins[k].T, strict=True):
            count = int(wanted[j, k])
            if is_all or _clear_cut(margin, count) < 0.0:
                flags[members[_least(margin, count)]] = True  # rows and pairs of one class: no other thread's
                wanted[j, k] = 0

    # Short selections are mostly the interpreter's work, for which threads would only wait for each other.
    n_values, n_selections = sum(margins[k].size for k, _, _ in group), sum(len(others) for _, _, others in group)
    threads = walk.threads if n_values >= _WORTH_A_THREAD * n_selections else 1
    for _ in on_threads(flag_class, group, threads):
        pass


_Group = list[tuple[int, "NDArray[np.intp]", "NDArray[np.intp]"]]


def _groups(
    given: NDArray[np.int32], wanted: NDArray[np.int64], among: NDArray[np.intp] | None, budget: int
) -> Iterator[_Group]:
    """Yield groups of (given class, its rows, true classes to prune) with about `budget` margins each.

    A class that is split has one part in each group.
    """
    group: _Group = []
    size = 0
    if not wanted.any():
        return
    for k, members in _by_class(given, len(wanted), among):
        others = np.flatnonzero(wanted[:, k])
        step = max(1, budget // max(len(members), 1))
        for start in range(0, len(others) if len(members) else 0, step):
            part = others[start : start + step]
            if group and size + len(part) * len(members) > budget:
                yield group
                group, size = [], 0
            group.append((k, members, part))
            size += len(part) * len(members)
    if group:
        yield group


def _read_margins(
    group: _Group, given: NDArray[np.int32], walk: Walk, weights: NDArray[np.float64]
) -> dict[int, NDArray[np.floating]]:
    """Return, for each given class of a group, the margins (rows, true classes) of its rows."""
    # All margins lie in one array, by class, then row; so a chunk is served by a few array operations, whatever K.
    width = np.zeros(walk.n_classes, dtype=np.intp)  # true classes of a given class
    first = np.zeros(walk.n_classes, dtype=np.intp)  # where they begin in `columns`
    place = np.full(len(given), -1)  # where a row's margins begin, −1 where none are wanted
    columns = np.concatenate([others for _, _, others in group])
    end = taken = 0
    for k, members, others in group:
        width[k], first[k] = len(others), taken
        place[members] = end + np.arange(len(members)) * len(others)
        taken += len(others)
        end += len(members) * len(others)
    margins = np.empty(end, dtype=walk.dtype)
    step = max(1, _PIECE // int(width.max()))

    def read(chunk_rows: slice) -> None:
        chunk = walk.pooled(chunk_rows, weights)
        labels, places = given[chunk_rows], place[chunk_rows]
        wanted = np.flatnonzero(places >= 0)
        for start in range(0, len(wanted), step):
            rows = wanted[start : start + step]
            widths = width[labels[rows]]
            within = np.arange(widths.sum()) - np.repeat(np.cumsum(widths) - widths, widths)
            others = columns[np.repeat(first[labels[rows]], widths) + within]
            p_given = np.repeat(chunk[rows, labels[rows]], widths)
            margins[np.repeat(places[rows], widths) + within] = chunk[np.repeat(rows, widths), others] - p_given

    walk.each(read)
    starts = {k: int(place[members[0]]) for k, members, _ in group}
    return {
        k: margins[starts[k] : starts[k] + len(members) * len(others)].reshape(len(members), len(others))
        for k, members, others in group
    }
