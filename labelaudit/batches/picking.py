"""Choosing rows of an audit: the parts of a batch, each by the strategy from its own candidates."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.batches.options import QUEUES
from labelaudit.batches.space import Space
from labelaudit.errors import UnknownNameError, UsageError
from labelaudit.selection import STRATEGIES, Pool, Present, horizon

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from labelaudit.batches.options import BatchOptions

__all__ = ["Chosen", "pick"]

_AHEAD = 10
"""Candidates that a strategy looks at, for each item that it is to choose."""

_UNDECIDED = 1 / 3
"""Least ambiguity of an item that is taken as an ambiguous one: one and a half classes to choose from, in effect."""

_ORDERS = {queue: "ambiguity" if queue == "ambiguous" else "suspicion" for queue in QUEUES}
"""Scores by which the queues of a review are ordered."""

_NO_SCORES = frozenset({"row", "rank", "ambiguity_rank"})
"""Numbers of ``audit.items`` that say nothing of an item, or are lowest where there is most to find."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Chosen:
    """Items of an audit that were chosen.

    Attributes
    ----------
    places : (k,) intp
        Rows of ``audit.items``.
    part : (k,) tuple of str
        ``suspects``, ``ambiguous``, ``gold``, ``random`` or the name of the score or queue that was asked for.
    inclusion : (k,) float64
        Inclusion probability of each; NaN where it is not known.
    displaced_errors : float
        Expected errors that the batch holds less because of its random share.
    """

    places: NDArray[np.intp]
    part: tuple[str, ...]
    inclusion: NDArray[np.float64]
    displaced_errors: float = 0.0


def pick(
    items: pd.DataFrame,
    options: BatchOptions,
    *,
    classes: Sequence[str],
    vectors: Any | None = None,
    neighbors: Any | None = None,
    positions: NDArray[np.intp] | None = None,
    decided: Collection[str] = (),
    gold: Collection[str] = (),
    only: Collection[str] | None = None,
) -> Chosen:
    """Choose rows of ``audit.items``; see :func:`choose`.

    Parameters
    ----------
    items : DataFrame
        As :attr:`labelaudit.audit_folder.Audit.items`.
    options : BatchOptions
        How to choose.
    classes : sequence of str
        Class names.
    vectors : (n, d) array, optional
        Embeddings, in the order of the data.
    neighbors : (n, k) int array, optional
        Neighbours, in the order of the data.
    positions : (n,) intp, optional
        Position in the data of each row of `items`; default: the same order.
    decided, gold, only
        As in :func:`choose`.
    """
    strategy = STRATEGIES.get(options.strategy)
    if strategy.needs_vectors and vectors is None:
        raise UsageError(
            f"The strategy {strategy.name!r} needs embeddings, and this audit has none.",
            "Choose another --strategy, such as spread or top.",
        )
    space = Space.of(vectors, neighbors, np.arange(len(items)) if positions is None else positions)
    fits = _fitting(items, options, classes)
    if only is not None and not len(only):
        raise UsageError(f"No item is in the queue {options.queue!r}.", "Choose another --queue, or leave it out.")
    if only is not None:
        fits &= items.index.isin(list(only))
    is_gold = fits & items.index.isin(list(gold))
    is_open = fits & ~is_gold & ~items.index.isin(list(decided))
    return _Picker(items, options, classes=classes, space=space, is_open=is_open).pick(is_gold)


class _Picker:
    """Chooses one part after another, none twice."""

    def __init__(
        self, items: pd.DataFrame, options: BatchOptions, *, classes: Sequence[str], space: Space, is_open: Any
    ) -> None:
        self._items, self._options, self._space = items, options, space
        self._strategy = STRATEGIES.get(options.strategy)
        self._is_open = is_open.copy()
        self._rng = np.random.default_rng(options.seed)
        index = {name: k for k, name in enumerate(classes)}
        self._classes = np.array([index.get(name, -1) for name in items["given_label"]], dtype=np.int64)
        self._suspicion = _numbers(items["suspicion"])
        self._is_suspect = items["is_suspect"].to_numpy(dtype=bool)
        self._content = items["content_hash"].factorize()[0]
        self._parts: list[tuple[NDArray[np.intp], str, NDArray[np.float64]]] = []

    def pick(self, is_gold: NDArray[np.bool_]) -> Chosen:
        """Choose all parts, each from what the ones before have left."""
        options = self._options
        n_random = round(options.size * options.random)
        displaced = self._displaced(n_random)
        self._take_random(n_random)
        left = options.size - n_random
        score = options.by or _ORDERS.get(options.queue or "")
        if score is None:
            self._take_queues(left, is_gold)
        else:
            self._take(options.by or options.queue or score, _column(self._items, score), left, flagged=None)
        return self._woven(displaced)

    def _take_queues(self, size: int, is_gold: NDArray[np.bool_]) -> None:
        options = self._options
        total = options.suspects + options.ambiguous + options.gold
        if total == 0 or size == 0:
            return
        n_gold = min(round(size * options.gold / total), int(is_gold.sum()))
        self._take_gold(is_gold, n_gold)
        # Before the suspects: an item that is both is in either way, and so costs no suspect its place.
        n_ambiguous = self._take_ambiguous(round(size * options.ambiguous / total))
        n_suspects = size - n_gold - n_ambiguous if options.suspects else 0
        self._take("suspects", self._suspicion, n_suspects, flagged=self._is_suspect)

    def _take_ambiguous(self, size: int) -> int:
        """Take the items where an opinion is worth most: people may differ, and the label may be wrong.

        Both must hold: what is merely hard, and labelled as most would label it, stays as it is whatever the answer. So
        the order is suspicion times ambiguity, among what comes by suspicion before the horizon of the batch; among
        all items where no places of suspects are at stake.
        """
        candidates = self._ranked(self._suspicion, self._is_suspect)
        if self._options.suspects:
            candidates = candidates[: horizon(self._options.size)]
        ambiguity = _numbers(self._items["ambiguity"])
        candidates = candidates[ambiguity[candidates] >= _UNDECIDED]
        worth = np.full(len(self._items), np.nan)
        worth[candidates] = self._suspicion[candidates] * ambiguity[candidates]
        worth[worth <= 0] = np.nan
        return self._take("ambiguous", worth, size, flagged=None)

    def _ranked(self, score: NDArray[np.float64], flagged: NDArray[np.bool_] | None) -> NDArray[np.intp]:
        """Return open rows by `score`, highest first; flagged ones come before all others."""
        rows = np.flatnonzero(self._is_open & ~np.isnan(score))
        later = np.zeros(len(rows), dtype=bool) if flagged is None else ~flagged[rows]
        ranked: NDArray[np.intp] = rows[np.lexsort((rows, -score[rows], later))]
        return ranked

    def _take(self, part: str, score: NDArray[np.float64], size: int, flagged: NDArray[np.bool_] | None) -> int:
        """Let the strategy choose among the best candidates; return how many it found."""
        rows = self._ranked(score, flagged)[: size * _AHEAD]
        if not len(rows):
            return 0
        pool = Pool(
            # A strategy reads the order of its pool; an unflagged item never outranks a flagged one.
            score=np.minimum.accumulate(_unit_interval(score[rows])),
            classes=self._classes[rows],
            vectors=self._space.of_rows(rows),
            typical_distance=self._space.typical,
            content=self._content[rows],
            present=self._present(),
        )
        choice = self._strategy.choose(pool, size, self._rng)
        self._add(rows[choice.rows], part, choice.inclusion)
        return len(choice.rows)

    def _present(self) -> Present:
        rows = np.concatenate([rows for rows, _, _ in self._parts] or [np.empty(0, dtype=np.intp)])
        return Present(vectors=self._space.of_rows(rows), content=self._content[rows])

    def _take_random(self, size: int) -> None:
        rows = np.flatnonzero(self._is_open)
        if size and len(rows):
            drawn = self._rng.choice(rows, size=min(size, len(rows)), replace=False)
            self._add(drawn, "random", np.full(len(drawn), len(drawn) / len(rows)))

    def _take_gold(self, is_gold: NDArray[np.bool_], size: int) -> None:
        rows = np.flatnonzero(is_gold)
        if size:
            drawn = self._rng.choice(rows, size=size, replace=False)
            self._add(drawn, "gold", np.full(size, size / len(rows)))

    def _add(self, rows: NDArray[np.intp], part: str, inclusion: NDArray[np.float64]) -> None:
        self._parts.append((rows, part, inclusion))
        self._is_open[rows] = False

    def _displaced(self, n_random: int) -> float:
        """Return how many errors fewer a batch is expected to hold if `n_random` of its places go to chance."""
        suspicion = np.sort(np.nan_to_num(self._suspicion[self._is_open]))[::-1]
        if not n_random or not len(suspicion):
            return 0.0
        last = suspicion[max(0, self._options.size - n_random) : self._options.size]
        return max(0.0, float(last.sum() - len(last) * suspicion.mean()))

    def _woven(self, displaced: float) -> Chosen:
        """Spread the parts evenly over the batch, so that whoever stops early has seen some of each."""
        parts = [part for part in self._parts if len(part[0])]
        if not parts:
            raise UsageError("No item is left to choose.", "Everything that fits is decided or out in another batch.")
        when = np.concatenate([(np.arange(len(rows)) + 0.5) / len(rows) for rows, _, _ in parts])
        order = np.argsort(when, kind="stable")
        names = [name for rows, name, _ in parts for _ in rows]
        return Chosen(
            places=np.concatenate([rows for rows, _, _ in parts])[order],
            part=tuple(names[k] for k in order),
            inclusion=np.concatenate([inclusion for _, _, inclusion in parts])[order],
            displaced_errors=displaced,
        )


def _fitting(items: pd.DataFrame, options: BatchOptions, classes: Sequence[str]) -> NDArray[np.bool_]:
    """Return which rows meet all filters of the options."""
    fits = np.ones(len(items), dtype=bool)
    for column, wanted in (("given_label", options.given), ("suggested_label", options.suggested)):
        unknown = next((name for name in wanted if name not in classes), None)
        if unknown is not None:
            raise UnknownNameError.among("class", unknown, classes)
        if wanted:
            fits &= items[column].isin(list(wanted)).to_numpy(dtype=bool)
    for name, value in options.groups:
        column = f"group:{name}"
        if column not in items.columns:
            known = [each.removeprefix("group:") for each in items.columns if each.startswith("group:")]
            raise UnknownNameError.among("group", name, known)
        has_value = (items[column] == value).to_numpy(dtype=bool)
        if not has_value.any():
            raise UnknownNameError.among(f"value of {name}", value, sorted(items[column].dropna().astype(str).unique()))
        fits &= has_value
    return fits


def _column(items: pd.DataFrame, name: str) -> NDArray[np.float64]:
    numeric = [column for column in items.columns if items[column].dtype.kind in "fiu" and column not in _NO_SCORES]
    if name not in numeric:
        raise UnknownNameError.among("score", name, numeric)
    return _numbers(items[name])


def _numbers(column: pd.Series[Any]) -> NDArray[np.float64]:
    return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))


def _unit_interval(score: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return scores of any range as 0..1; those that are probabilities already stay as they are."""
    low, high = float(score.min()), float(score.max())
    if low >= 0 and high <= 1:
        return score
    return (score - low) / (high - low) if high > low else np.ones_like(score)
