"""The mixture of experts, and the queue that follows it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from labelaudit.errors import UsageError
from labelaudit.learning.evidence import Evidence, evidence_of
from labelaudit.learning.experts import Expert, FittedExpert, experts_for
from labelaudit.learning.logistic import log_likelihood

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["Rescored", "batch_ends", "rescore"]

BATCH = 25
"""Decisions between two re-scorings."""
_GROWTH = 0.05
_START_WEIGHT = 0.6  # of the expert that only shifts and tilts; the others share the rest
_SHARE = 0.05
"""Share of the weight that goes back to the prior after each batch, so that no expert is ever ruled out: the best one
at the head of the queue need not be the best further down (fixed share: Herbster and Warmuth 1998)."""
_OVERLOOKED = (0.0, 0.02, 0.05)
"""Shares of errors that reviewers may overlook; the one that explains their verdicts best is taken."""
_SUREST = 6.9  # log-odds of .999
_ROWS_AT_ONCE = 1 << 17


def batch_ends(n_reviewed: int) -> tuple[int, ...]:
    """Return after which decisions the queue is re-scored: each 25, and each 5 % once that is more.

    Examples
    --------
    >>> batch_ends(80)
    (25, 50, 75, 80)
    """
    ends: list[int] = []
    done = 0
    while done < n_reviewed:
        done = min(n_reviewed, done + max(BATCH, int(_GROWTH * done)))
        ends.append(done)
    return tuple(ends)


@dataclass(frozen=True, eq=False, kw_only=True)
class Rescored:
    """What decisions have taught about all `n` items of an audit.

    Attributes
    ----------
    evidence : Evidence
        Features of the items; the same before and after every decision.
    experts : tuple of Expert
        The models that are averaged.
    fitted : tuple of FittedExpert
        The same with coefficients; empty before the first decision.
    reviewed : (m,) intp
        Rows that were decided on, in order.
    is_error : (m,) bool
        Whether the given label was judged wrong.
    weights : mapping of str to float
        Posterior weight of each expert; they sum to 1.
    overlooked : float
        Share of the errors that the reviewers seem to overlook.
    """

    evidence: Evidence
    experts: tuple[Expert, ...]
    fitted: tuple[FittedExpert, ...]
    reviewed: NDArray[np.intp]
    is_error: NDArray[np.bool_]
    weights: Mapping[str, float]
    overlooked: float = 0.0

    @classmethod
    def start(
        cls,
        suspicion: ArrayLike,
        scores: Mapping[str, ArrayLike],
        *,
        given: ArrayLike,
        suggested: ArrayLike,
        columns: Mapping[str, ArrayLike] | None = None,
        pred_probs: ArrayLike | None = None,
    ) -> Rescored:
        """Return the state before the first decision; parameters as in :func:`rescore`."""
        evidence = evidence_of(
            suspicion, scores, given=given, suggested=suggested, columns=columns, pred_probs=pred_probs
        )
        experts = experts_for(evidence)
        nothing = np.empty(0, dtype=np.intp)
        return cls(
            evidence=evidence,
            experts=experts,
            fitted=(),
            reviewed=nothing,
            is_error=nothing.astype(bool),
            weights=_prior_weights(experts),
        )

    def after(self, items: ArrayLike, is_error: ArrayLike) -> Rescored:
        """Return the state after one more batch of decisions.

        Each expert is first weighted by how well it foretold the batch, and only then fitted again with it: an expert
        that merely memorises gains nothing.

        Parameters
        ----------
        items : (b,) int
            Rows decided on, none of them before.
        is_error : (b,) bool
            Whether the given label was judged wrong.

        Raises
        ------
        UsageError
            If rows and verdicts do not match, or a row is out of range or was decided on before.
        """
        rows, verdicts = self._checked(items, is_error)
        assessable = np.isfinite(self.evidence.suspicion[rows])
        weights = self._reweighted(rows[assessable], verdicts[assessable])
        reviewed, known = np.append(self.reviewed, rows), np.append(self.is_error, verdicts)
        usable = np.isfinite(self.evidence.suspicion[reviewed])
        overlooked = self._share_overlooked(reviewed[usable], known[usable])
        fitted = tuple(
            expert.fit(self.evidence, reviewed[usable], known[usable], overlooked) for expert in self.experts
        )
        return replace(self, fitted=fitted, reviewed=reviewed, is_error=known, weights=weights, overlooked=overlooked)

    @cached_property
    def p(self) -> NDArray[np.float64]:
        """Probability that the given label is wrong, (n,); NaN where an item cannot be assessed.

        Decided items keep the probability that the models give them, so that surprising verdicts can be found.
        """
        p = self.evidence.suspicion.copy()
        if self.fitted:
            for start in range(0, len(p), _ROWS_AT_ONCE):
                rows = np.arange(start, min(start + _ROWS_AT_ONCE, len(p)))
                p[rows] = np.where(np.isfinite(p[rows]), self._average(rows), np.nan)
        p.flags.writeable = False
        return p

    @cached_property
    def open(self) -> NDArray[np.intp]:
        """Rows without a decision that can be assessed, in ascending order."""
        is_open = np.isfinite(self.evidence.suspicion)
        is_open[self.reviewed] = False
        return np.flatnonzero(is_open)

    @property
    def expected_remaining(self) -> float:
        """Expected number of errors among the open items; a model's figure, not an interval."""
        return float(self.p[self.open].sum())

    def queue(self, ids: ArrayLike | None = None) -> NDArray[np.intp]:
        """Return the open rows, most suspicious first; ties by starting suspicion, then by `ids` (n,)."""
        rows = self.open
        last = rows if ids is None else np.asarray(ids)[rows]
        return rows[np.lexsort((last, -self.evidence.suspicion[rows], -self.p[rows]))]

    def _average(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        total = np.zeros(len(rows))
        for expert, fitted in zip(self.experts, self.fitted, strict=True):
            total += self.weights[expert.name] * fitted.p(rows)
        return total

    def _reweighted(self, rows: NDArray[np.intp], verdicts: NDArray[np.bool_]) -> Mapping[str, float]:
        if not self.fitted:  # all experts still say the same
            return self.weights
        logs = {}
        for expert, fitted in zip(self.experts, self.fitted, strict=True):
            # Nobody is sure enough for a single slip of the reviewer to rule an expert out.
            log_odds = np.clip(fitted.log_odds(rows), -_SUREST, _SUREST)
            foretold = log_likelihood(log_odds, verdicts, self.overlooked)
            logs[expert.name] = np.log(self.weights[expert.name]) + foretold
        top = max(logs.values())
        raw = {name: float(np.exp(value - top)) for name, value in logs.items()}
        total = sum(raw.values())
        prior = _prior_weights(self.experts)
        return {name: (1.0 - _SHARE) * value / total + _SHARE * prior[name] for name, value in raw.items()}

    def _share_overlooked(self, rows: NDArray[np.intp], verdicts: NDArray[np.bool_]) -> float:
        """Return that of `_OVERLOOKED` with which the first expert explains the verdicts best."""
        start = self.experts[0]
        return max(_OVERLOOKED, key=lambda share: start.fit(self.evidence, rows, verdicts, share).log_density)

    def _checked(self, items: ArrayLike, is_error: ArrayLike) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        rows, verdicts = np.asarray(items, dtype=np.intp), np.asarray(is_error, dtype=bool)
        if rows.ndim != 1 or rows.shape != verdicts.shape:
            raise UsageError(
                f"There are {rows.size} reviewed items but {verdicts.size} verdicts.", "Give one verdict for each item."
            )
        if rows.size and (rows.min() < 0 or rows.max() >= len(self.evidence)):
            raise UsageError(
                f"Reviewed rows run from {rows.min()} to {rows.max()}, but there are {len(self.evidence)} items.",
                "Give rows of this audit.",
            )
        seen, counts = np.unique(np.append(self.reviewed, rows), return_counts=True)
        if (counts > 1).any():
            raise UsageError(
                f"Row {seen[counts > 1][0]} was reviewed more than once.",
                "Give one verdict for each item: the one that stands.",
            )
        return rows, verdicts


def _prior_weights(experts: tuple[Expert, ...]) -> dict[str, float]:
    shares = {expert.name: expert.share for expert in experts[1:]}
    total = sum(shares.values())
    others = {name: (1.0 - _START_WEIGHT) * share / total for name, share in shares.items()}
    return {experts[0].name: _START_WEIGHT} | others


def rescore(
    suspicion: ArrayLike,
    scores: Mapping[str, ArrayLike],
    *,
    given: ArrayLike,
    suggested: ArrayLike,
    reviewed: ArrayLike,
    is_error: ArrayLike,
    columns: Mapping[str, ArrayLike] | None = None,
    pred_probs: ArrayLike | None = None,
    batches: Sequence[int] | None = None,
) -> Rescored:
    """Learn from ordered decisions, and re-score every item.

    The result is a pure function of its arguments: the decisions are replayed batch by batch.

    Parameters
    ----------
    suspicion : (n,) float
        Starting probability that the given label is wrong, 0..1; NaN where an item cannot be assessed.
    scores : mapping of str to (n,) float
        Other scores on any scale; NaN counts as average. Their order does not matter.
    given, suggested : (n,) int
        Class index of the given and of the suggested label.
    reviewed : (m,) int
        Rows decided on, in the order of the decisions, each once.
    is_error : (m,) bool
        Whether the given label was judged wrong.
    columns : mapping of str to (n,) array, optional
        Table columns; numbers are cut into eighths, everything else is taken as categories.
    pred_probs : (n, K) float, optional
        Out-of-sample probabilities: verdicts then also bear on items that look alike to the model.
    batches : sequence of int, optional
        After how many decisions the models were fitted anew, ascending; default :func:`batch_ends`.

    Returns
    -------
    Rescored

    Raises
    ------
    UsageError
        If lengths differ, a suspicion lies outside 0..1, a row is out of range or given twice.

    Notes
    -----
    A Bayesian mixture of logistic models with the logit of the suspicion as offset, weighted by the probability that
    each gave to every batch before it saw it (prequential weights: A. P. Dawid 1984, Statistical theory: the
    prequential approach, J. R. Stat. Soc. A 147).
    """
    state = Rescored.start(suspicion, scores, given=given, suggested=suggested, columns=columns, pred_probs=pred_probs)
    rows, verdicts = np.asarray(reviewed, dtype=np.intp), np.asarray(is_error, dtype=bool)
    ends = batch_ends(len(rows)) if batches is None else tuple(batches)
    if len(rows) != len(verdicts) or sorted({0, *ends}) != [0, *ends] or (ends or (0,))[-1] != len(rows):
        raise UsageError(
            f"{len(rows)} reviewed items, {len(verdicts)} verdicts and batches that end at {list(ends)} do not fit.",
            "Give one verdict for each item, and ascending ends of which the last is the number of decisions.",
        )
    for start, end in zip((0, *ends), ends, strict=False):
        state = state.after(rows[start:end], verdicts[start:end])
    return state
