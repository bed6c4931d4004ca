"""Flags by the rules of confident learning, equal to cleanlab 2.9 item for item.

labelaudit's own flags come from its ranking; these are for users who compare with, or move from, cleanlab. Where values
tie, the choice is that of numpy's default sort over the same values in the same order, as in cleanlab.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from labelaudit import large_pages
from labelaudit.class_statistics import DENSE_JOINT_CLASSES
from labelaudit.errors import ConfigError, UnknownNameError
from labelaudit.kernels import is_compiled, lookups_for
from labelaudit.kernels.lookups import MarginPlan
from labelaudit.noise_rates import calibrate
from labelaudit.threads import map_blocks, on_threads

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

_WORTH_A_THREAD = 50_000  # values of one selection from which on threads gain
_SORTED_AT_ONCE = 1000  # values that are sorted as fast as they are searched


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
    threads = None if walk is None else walk.threads
    if rule == "predicted_neq_given":
        return _contradicted(rows, threads)  # implies that another class is the argmax
    if rule in {"confident_learning", "low_normalized_margin", "low_self_confidence"}:
        off_diagonal = _off_diagonal(rows, threads)
        if rule == "confident_learning":
            return off_diagonal
        quality = rows.p_given if rule == "low_self_confidence" else (rows.p_given - rows.p_other + 1) / 2
        return _lowest(quality, rows, int(off_diagonal.sum()))
    keep = _keep_counts(evidence.statistics, min_examples_per_class, frac_noise)
    least = max(min_examples_per_class, 1)
    flags = _contradicted(rows, threads)
    if rule in {"prune_by_class", "both"}:
        flags &= _prune_by_class(rows, keep, least)
    if rule in {"prune_by_noise_rate", "both"}:
        if walk is None:
            raise ConfigError(f"The rule {rule!r} reads the probabilities again.", "Use labelaudit.score on them.")
        weights = np.ones(1) if evidence.members is None else evidence.members.weights
        spared = evidence.statistics.counts <= least
        flags &= _prune_by_noise_rate(rows, keep, spared, walk, weights)
    return flags


def _contradicted(rows: RowStatistics, threads: int | None) -> NDArray[np.bool_]:
    """Tell where the given label is neither predicted nor within 1e-6 of what is; never where there is no label."""
    return _marked(lookups_for(len(rows) * rows.n_classes).mark_contradicted, rows, threads)


def _off_diagonal(rows: RowStatistics, threads: int | None) -> NDArray[np.bool_]:
    """Tell where another class than the given label is confident, and the label is contradicted."""
    return _marked(lookups_for(len(rows) * rows.n_classes).mark_off_diagonal, rows, threads)


def _marked(
    mark: Callable[[NDArray[np.bool_], RowStatistics], None], rows: RowStatistics, threads: int | None
) -> NDArray[np.bool_]:
    marks: NDArray[np.bool_] = large_pages.empty(len(rows), bool)
    for _ in map_blocks(lambda part: mark(marks[part], rows.take(part)), len(rows), threads):
        pass
    return marks


def _lowest(quality: NDArray[np.floating], rows: RowStatistics, count: int) -> NDArray[np.bool_]:
    """Flag the `count` lowest of a quality."""
    flags = np.zeros(len(rows), dtype=bool)
    labelled = np.flatnonzero(rows.given >= 0)
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
    rows: RowStatistics,
    keep: NDArray[np.int64],
    spared: NDArray[np.bool_],
    walk: Walk,
    weights: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Flag, for each pair of given and true class, those with the greatest margin ``p_true − p_given``.

    Only rows whose given label is behind another class have a margin above 0, and they are few. Pairs that ask for no
    more than these are settled from them alone, the others from all rows. Margins are read in groups of pairs that fit
    half the memory budget: one pass over the data for each group. No class of `spared` is pruned.
    """
    flags = np.zeros(len(rows), dtype=bool)
    wanted = keep.copy()  # (true, given): how many to flag; 0 once they are
    np.fill_diagonal(wanted, 0)
    wanted[:, spared] = 0
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

    That is what has turned margins below 0, which no other row has, and does not tie.
    """

    def flag_class(part: tuple[int, NDArray[np.intp], NDArray[np.intp]]) -> None:
        k, members, others = part
        for j, margin in zip(others, margins[k], strict=True):
            count = int(wanted[j, k])
            cut = _clear_cut(margin, count)
            if not (is_all or cut < 0.0):
                continue
            # Rows and pairs of one class: no other thread's.
            flags[members[np.argsort(margin)[:count] if np.isnan(cut) else np.flatnonzero(margin <= cut)]] = True
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
    """Return, for each given class of a group, the turned margins ``p_given − p_true``: (true classes, rows).

    The lowest are what is pruned. All lie in one array, so a chunk is served by one call, whatever `K`.
    """
    n_classes = walk.n_classes
    first, width, stride = (np.zeros(n_classes, dtype=np.int64) for _ in range(3))
    place = large_pages.empty(len(given), np.int64)
    place.fill(-1)
    starts = {}
    end = taken = 0
    for k, members, others in group:
        first[k], width[k], stride[k], starts[k] = taken, len(others), len(members), end
        place[members] = end + np.arange(len(members))
        taken += len(others)
        end += len(members) * len(others)
    columns = np.concatenate([others for _, _, others in group])
    plan = MarginPlan(place, columns, first, width, stride)
    margins = large_pages.empty(end, walk.dtype)
    lookups = lookups_for(walk.n_values)

    def read(rows: slice) -> None:
        lookups.take_margins(margins, rows, given[rows], walk.pooled(rows, weights), plan)

    walk.each(read, on_threads=is_compiled(walk.n_values))
    return {
        k: margins[starts[k] : starts[k] + len(members) * len(others)].reshape(len(others), len(members))
        for k, members, others in group
    }
