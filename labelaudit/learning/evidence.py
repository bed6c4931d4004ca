"""What an audit knows of its items, in the form in which the learning queue uses it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.errors import UsageError
from labelaudit.learning.neighborhood import places_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

__all__ = ["Evidence", "evidence_of"]

_LEAST_SPREAD = 0.05
"""A score that differs from the suspicion by less than this share of its spread adds nothing and is left out."""
_COLUMN_BINS = 8


@dataclass(frozen=True, eq=False, kw_only=True)
class Evidence:
    """Fixed features of `n` items; nothing here depends on a decision.

    Attributes
    ----------
    suspicion : (n,) float
        Starting probability that the given label is wrong; NaN where an item cannot be assessed.
    log_odds : (n,) float
        Its logit, 0 where it is NaN.
    base : (n, 2) float
        A constant, and the logit standardised by suspicion.
    scores : (n, s) float
        Other scores, standardised by suspicion, without what the logit explains of them.
    labels : tuple of (n,) int
        Codes of the given label, the suggested one, and the pair of both.
    columns : mapping of str to (n,) int
        Codes of table columns; numbers in eighths.
    places : (n, K) float32 or None
        Where the items lie in the space of class probabilities.
    """

    suspicion: NDArray[np.float64]
    log_odds: NDArray[np.float64]
    base: NDArray[np.float64]
    scores: NDArray[np.float64]
    labels: tuple[NDArray[np.int64], ...]
    columns: Mapping[str, NDArray[np.int64]]
    places: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.suspicion)


def evidence_of(
    suspicion: ArrayLike,
    scores: Mapping[str, ArrayLike],
    *,
    given: ArrayLike,
    suggested: ArrayLike,
    columns: Mapping[str, ArrayLike] | None = None,
    pred_probs: ArrayLike | None = None,
) -> Evidence:
    """Bring what an audit holds into the form of :class:`Evidence`; see :func:`labelaudit.learning.rescore`."""
    start = np.asarray(suspicion, dtype=np.float64)
    n = len(start)
    labels = [np.asarray(values, dtype=np.int64) for values in (given, suggested)]
    lengths = {"given": len(labels[0]), "suggested": len(labels[1])}
    lengths |= {f"score {name!r}": len(np.asarray(values)) for name, values in scores.items()}
    lengths |= {f"column {name!r}": len(np.asarray(values)) for name, values in (columns or {}).items()}
    lengths |= {} if pred_probs is None else {"pred_probs": len(np.asarray(pred_probs))}
    for name, length in lengths.items():
        if length != n:
            raise UsageError(f"There are {n} suspicions but {length} values of {name}.", "Give one for each item.")
    known = np.isfinite(start)
    if ((start[known] < 0) | (start[known] > 1)).any():
        raise UsageError("A suspicion lies outside 0..1.", "Give probabilities, NaN where an item is not assessable.")
    clipped = np.clip(np.where(known, start, 0.5), 1e-7, 1.0 - 1e-7)
    log_odds = np.log(clipped) - np.log1p(-clipped)
    weight = np.where(known, clipped, 0.0)
    weight /= max(float(weight.sum()), 1e-300)
    standard = _standardised(log_odds, weight)
    return Evidence(
        suspicion=start,
        log_odds=log_odds,
        base=np.column_stack([np.ones(n), np.clip(standard, -6.0, 6.0)]),
        scores=_residuals(scores, standard, weight),
        labels=_label_codes(*labels),
        columns={name: _codes(values) for name, values in (columns or {}).items()},
        places=None if pred_probs is None else places_of(pred_probs, weight),
    )


def _standardised(values: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centre and scale by the weighted mean and spread: the suspects set the scale, not the many unsuspicious items."""
    centred = values - weight @ values
    return np.asarray(centred / max(float(np.sqrt(weight @ centred**2)), 1e-9))


def _residuals(
    scores: Mapping[str, ArrayLike], standard: NDArray[np.float64], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    kept = []
    for values in scores.values():
        score = np.asarray(values, dtype=np.float64)
        known = np.isfinite(score) & (weight > 0)
        score = _standardised(np.where(known, score, np.average(score[known]) if known.any() else 0.0), weight)
        rest = score - (weight @ (score * standard)) * standard
        spread = float(np.sqrt(weight @ rest**2))
        if spread >= _LEAST_SPREAD:
            kept.append(np.clip(rest / spread, -4.0, 4.0))
    return np.column_stack(kept) if kept else np.empty((len(standard), 0))


def _label_codes(given: NDArray[np.int64], suggested: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    n_classes = int(max(given.max(initial=0), suggested.max(initial=0))) + 1
    # With two classes the suggested label and the pair say the same as the given label.
    return (given,) if n_classes <= 2 else (given, suggested, given * n_classes + suggested)


def _codes(values: ArrayLike) -> NDArray[np.int64]:
    column: NDArray[Any] = np.asarray(values)
    if column.dtype.kind not in "fiu":
        column = column.astype(str)  # a column of objects may hold what cannot be compared, such as None
        return np.asarray(np.unique(column, return_inverse=True)[1], dtype=np.int64).reshape(-1)
    known = np.isfinite(column)
    if not known.any():
        return np.zeros(len(column), dtype=np.int64)
    edges = np.unique(np.quantile(column[known], np.arange(1, _COLUMN_BINS) / _COLUMN_BINS))
    return np.where(known, np.searchsorted(edges, column, side="right"), -1).astype(np.int64)
