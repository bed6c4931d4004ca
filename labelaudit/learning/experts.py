"""The experts: logistic models that start at the suspicion and may move away from it in different directions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from labelaudit.learning.logistic import posterior_mode, sigmoid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.learning.evidence import Evidence

__all__ = ["Expert", "FittedExpert", "experts_for"]

# Below and above 0. Few errors where many were expected speak against the suspicion of everything further down; many
# errors at the head of the queue say little about its tail: they are a reason to steepen suspicion, not to raise it.
_SHIFT_SD = (2.0, 0.25)
_SLOPE_SD = (0.5, 1.0)
_SCORE_SD = 0.3
_SCORES_AT_FULL_SD = 5
_LABEL_SD = 0.5
_COLUMN_SD = 0.3
_MOST_LEVELS = 100
_LEAST_REVIEWS = 2


@dataclass(frozen=True)
class Expert:
    """Which evidence a model may use besides a shift and a slope of the starting log-odds."""

    name: str
    scores: bool = False
    labels: bool = False
    columns: bool = False

    def fit(self, evidence: Evidence, reviewed: NDArray[np.intp], is_error: NDArray[np.bool_]) -> FittedExpert:
        """Fit to the verdicts `is_error` (m,) on the rows `reviewed` (m,)."""
        effects = self._effects(evidence, reviewed)
        below, above = _prior(evidence.scores.shape[1] if self.scores else 0, effects)
        outcome = is_error.astype(np.float64)
        fitted = FittedExpert(evidence, self.scores, effects, np.zeros(len(below)))
        design = fitted.design(reviewed)
        coefficients = posterior_mode(design, evidence.log_odds[reviewed], outcome, sd_below=below, sd_above=above)
        return replace(fitted, coefficients=coefficients)

    def _effects(self, evidence: Evidence, reviewed: NDArray[np.intp]) -> tuple[_Effect, ...]:
        sources = [(codes, _LABEL_SD) for codes in evidence.labels if self.labels]
        sources += [(codes, _COLUMN_SD) for codes in evidence.columns if self.columns]
        effects = [_Effect.of(codes, reviewed, sd) for codes, sd in sources]
        return tuple(effect for effect in effects if len(effect.levels))


@dataclass(frozen=True, eq=False)
class _Effect:
    """A random effect: one coefficient for each level of a column of codes (n,) that was reviewed often enough."""

    codes: NDArray[np.int64]
    levels: NDArray[np.int64]
    sd: float

    @classmethod
    def of(cls, codes: NDArray[np.int64], reviewed: NDArray[np.intp], sd: float) -> _Effect:
        levels, counts = np.unique(codes[reviewed], return_counts=True)
        often = np.argsort(-counts, kind="stable")[:_MOST_LEVELS]
        return cls(codes, np.sort(levels[often[counts[often] >= _LEAST_REVIEWS]]), sd)

    def positions(self, rows: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the index of each row's level, ``len(levels)`` where it has no coefficient."""
        codes = self.codes[rows]
        found = np.minimum(np.searchsorted(self.levels, codes), len(self.levels) - 1)
        return np.where(self.levels[found] == codes, found, len(self.levels))


def _prior(n_scores: int, effects: tuple[_Effect, ...]) -> NDArray[np.float64]:
    """Return the prior standard deviations of all coefficients below and above 0, (2, d)."""
    # Twenty scores together may not move an item farther than five.
    score_sd = _SCORE_SD * min(1.0, _SCORES_AT_FULL_SD / max(n_scores, 1)) ** 0.5
    rest = [score_sd] * n_scores + [effect.sd for effect in effects for _ in effect.levels]
    below, above = zip(_SHIFT_SD, _SLOPE_SD, *((sd, sd) for sd in rest), strict=True)
    return np.array([below, above])


@dataclass(frozen=True, eq=False)
class FittedExpert:
    """An expert with coefficients; gives probabilities for any rows.

    Attributes
    ----------
    coefficients : (d,) float
        Shift, slope, then scores, then the levels of all effects.
    """

    evidence: Evidence
    uses_scores: bool
    effects: tuple[_Effect, ...]
    coefficients: NDArray[np.float64]

    def p(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the probability that the given label is wrong for `rows`."""
        return sigmoid(self.log_odds(rows))

    def log_odds(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the log-odds that the given label is wrong for `rows`."""
        dense = self._dense(rows)
        n_dense = dense.shape[1]
        log_odds = self.evidence.log_odds[rows] + dense @ self.coefficients[:n_dense]
        start = n_dense
        for effect in self.effects:
            values = np.append(self.coefficients[start : start + len(effect.levels)], 0.0)
            log_odds += values[effect.positions(rows)]
            start += len(effect.levels)
        return log_odds

    def design(self, rows: NDArray[np.intp]) -> object:
        """Return the design matrix of `rows`: dense, or sparse where there are effects."""
        dense = self._dense(rows)
        if not self.effects:
            return dense
        from scipy import sparse

        blocks = [sparse.csr_array(dense)]
        for effect in self.effects:
            positions = effect.positions(rows)
            hit = np.flatnonzero(positions < len(effect.levels))
            ones = (np.ones(len(hit)), (hit, positions[hit]))
            blocks.append(sparse.csr_array(ones, shape=(len(rows), len(effect.levels))))
        return sparse.hstack(blocks, format="csr")

    def _dense(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        base = self.evidence.base[rows]
        return np.concatenate([base, self.evidence.scores[rows]], axis=1) if self.uses_scores else base


def experts_for(evidence: Evidence) -> tuple[Expert, ...]:
    """Return the experts for which there is evidence; the first only shifts and tilts the start."""
    experts = [Expert("start")]
    has_scores = evidence.scores.shape[1] > 0
    if has_scores:
        experts.append(Expert("scores", scores=True))
    experts.append(Expert("labels", labels=True))
    if has_scores:
        experts.append(Expert("scores and labels", scores=True, labels=True))
    if evidence.columns:
        experts.append(Expert("columns", columns=True))
        experts.append(Expert("scores, labels and columns", scores=True, labels=True, columns=True))
    return tuple(experts)
