"""The experts: logistic models that start at the suspicion and may move away from it in different directions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from labelaudit.learning.design import Design, OneHot
from labelaudit.learning.logistic import posterior_mode, sigmoid
from labelaudit.learning.neighborhood import Neighborhood

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.learning.evidence import Evidence

__all__ = ["Expert", "FittedExpert", "experts_for"]

# Below and above 0. Few errors where many were expected speak against the suspicion of everything further down; many
# errors at the head of the queue say little about its tail: they are a reason to steepen suspicion, not to raise it.
_SHIFT_SD = (2.0, 0.25)
_SLOPE_SD = (0.5, 1.0)
# Prior standard deviations of effects on log-odds; docs/learning.md has what was tried.
_SCORE_SD = 0.3
_SCORES_AT_FULL_SD = 5
_LABEL_SD = 0.5
_COLUMN_SD = 0.3
_ONLY_COLUMN_SD = 0.5
_COLUMNS_SHARE = 2.0
"""Prior weight of all experts with a single column together, where any other expert has 1."""
_NEIGHBORHOOD_SD = 1.5
_MOST_LEVELS = 100
_LEAST_REVIEWS = 2


@dataclass(frozen=True)
class Expert:
    """Which evidence a model may use besides a shift and a slope of the starting log-odds.

    Attributes
    ----------
    name : str
        Unlike that of any other expert.
    share : float
        Prior weight in proportion to those of the other experts that do more than shift and tilt the start.
    scores, labels, neighborhood : bool
        Whether it uses them.
    columns : tuple of str
        Columns of the table that it uses.
    column_sd : float
        Prior standard deviation of the effects of their levels.
    """

    name: str
    share: float = 1.0
    scores: bool = False
    labels: bool = False
    columns: tuple[str, ...] = ()
    column_sd: float = _COLUMN_SD
    neighborhood: bool = False

    def fit(
        self, evidence: Evidence, reviewed: NDArray[np.intp], is_error: NDArray[np.bool_], overlooked: float = 0.0
    ) -> FittedExpert:
        """Fit to the verdicts `is_error` (m,) on the rows `reviewed` (m,) of people who overlook a share of errors."""
        effects = self._effects(evidence, reviewed)
        near = self._neighborhood(evidence, reviewed)
        n_near = 0 if near is None else len(near.landmarks)
        below, above = _prior(evidence.scores.shape[1] if self.scores else 0, n_near, effects)
        fitted = FittedExpert(evidence, self.scores, near, effects, np.zeros(len(below)))
        mode = posterior_mode(
            fitted.design(reviewed),
            evidence.log_odds[reviewed],
            is_error.astype(np.float64),
            sd_below=below,
            sd_above=above,
            overlooked=overlooked,
        )
        return replace(fitted, coefficients=mode.coefficients, log_density=mode.log_density)

    def _neighborhood(self, evidence: Evidence, reviewed: NDArray[np.intp]) -> Neighborhood | None:
        if not self.neighborhood or evidence.places is None or len(reviewed) == 0:
            return None
        return Neighborhood.around(evidence.places, evidence.labels[0], reviewed)

    def _effects(self, evidence: Evidence, reviewed: NDArray[np.intp]) -> tuple[_Effect, ...]:
        sources = [(codes, _LABEL_SD) for codes in evidence.labels if self.labels]
        sources += [(evidence.columns[name], self.column_sd) for name in self.columns]
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

    def of_rows(self, rows: NDArray[np.intp]) -> OneHot:
        """Return the level of each row, none where it has no coefficient."""
        codes = self.codes[rows]
        found = np.minimum(np.searchsorted(self.levels, codes), len(self.levels) - 1)
        return OneHot(np.where(self.levels[found] == codes, found, len(self.levels)), len(self.levels))


def _prior(n_scores: int, n_near: int, effects: tuple[_Effect, ...]) -> NDArray[np.float64]:
    """Return the prior standard deviations of all coefficients below and above 0, (2, d)."""
    # Twenty scores together may not move an item farther than five.
    score_sd = _SCORE_SD * min(1.0, _SCORES_AT_FULL_SD / max(n_scores, 1)) ** 0.5
    rest = [score_sd] * n_scores + [_NEIGHBORHOOD_SD] * n_near
    rest += [effect.sd for effect in effects for _ in effect.levels]
    below, above = zip(_SHIFT_SD, _SLOPE_SD, *((sd, sd) for sd in rest), strict=True)
    return np.array([below, above])


@dataclass(frozen=True, eq=False)
class FittedExpert:
    """An expert with coefficients; gives probabilities for any rows.

    Attributes
    ----------
    coefficients : (d,) float
        Shift, slope, then scores, landmarks, and the levels of all effects.
    log_density : float
        Of the posterior at the coefficients.
    """

    evidence: Evidence
    uses_scores: bool
    near: Neighborhood | None
    effects: tuple[_Effect, ...]
    coefficients: NDArray[np.float64]
    log_density: float = 0.0

    def p(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the probability that the given label is wrong for `rows`."""
        return sigmoid(self.log_odds(rows))

    def log_odds(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the log-odds that the given label is wrong for `rows`."""
        plain = self._plain(rows)
        if self.near is None:
            return self.evidence.log_odds[rows] + self._design(plain, rows).times(self.coefficients)
        first, n_near = plain.shape[1], len(self.near.landmarks)
        of_landmarks = self.coefficients[first : first + n_near]
        others = np.concatenate([self.coefficients[:first], self.coefficients[first + n_near :]])
        moved = self._design(plain, rows).times(others) + self.near.log_odds(rows, of_landmarks)
        return self.evidence.log_odds[rows] + moved

    def design(self, rows: NDArray[np.intp]) -> Design:
        """Return the design matrix of `rows`."""
        plain = self._plain(rows)
        if self.near is not None:
            plain = np.concatenate([plain, self.near.features(rows)], axis=1)
        return self._design(plain, rows)

    def _design(self, dense: NDArray[np.float64], rows: NDArray[np.intp]) -> Design:
        return Design(dense, tuple(effect.of_rows(rows) for effect in self.effects))

    def _plain(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
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
        experts += _single_columns(tuple(evidence.columns))
        experts.append(Expert("scores, labels and columns", scores=True, labels=True, columns=tuple(evidence.columns)))
    if evidence.places is not None:
        experts.append(Expert("neighborhood", neighborhood=True))
    return tuple(experts)


def _single_columns(names: tuple[str, ...]) -> list[Expert]:
    """Return an expert for each column: often one matters, such as who labelled, among many that do not."""
    share = _COLUMNS_SHARE / len(names)
    return [Expert(f"column {name!r}", share=share, columns=(name,), column_sd=_ONLY_COLUMN_SD) for name in names]
