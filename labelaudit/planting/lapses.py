"""How much of the contradictions between labels and a model is the model's own fault.

Both curves have the form of a psychometric function with a lapse rate (Wichmann and Hill 2001): what the model gets
wrong falls as it grows surer, and what is left however sure it is are wrong labels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["OwnErrors", "own_errors", "rate_left"]

# Priors are normal: (mean, standard deviation). The logit of the share of wrong labels has its median at 4.7 %, and two
# thirds of it between 1 % and 18 %; public test sets have .2 to 10 % (Northcutt et al. 2021).
_LOGIT_RATE = (-3.0, 1.5)
_MARGIN_PRIORS = (_LOGIT_RATE, (0.5, 1.5), (float(np.log(2.0)), 1.0), (0.5, 0.5))
_DEPTH_PRIORS = (_LOGIT_RATE, (0.0, 2.0), (float(np.log(1.5)), 0.7))
_STARTS = (-3.0, -1.5, -5.0)  # logits of the rate; the likelihood may have two modes
_MARGIN_BINS, _DEPTH_BINS, _ROWS_OF_BIN = 40, 50, 40
_CURVED_SHARE = 0.7  # the least sure rows say nothing about the surest
_VOTE_PRIOR = 0.05


@dataclass(frozen=True, eq=False, kw_only=True)
class OwnErrors:
    """What a model gets wrong, judged by how contradictions rarefy as it grows surer.

    Attributes
    ----------
    rate : float
        Share of contradictions that is left where the model is as sure as can be, 0..1.
    chance : (n,) float64
        Estimated chance that the model's first choice is wrong, 0..1, falling with `sureness`.
    sureness : (n,) float64
        Log-odds of the model's first choice: its margin, and the neighbours' votes as far as they foresee
        contradictions.
    votes_weight : float
        How far that is: what a unit of the log-odds of their votes adds to `sureness`; 0 without votes.
    """

    rate: float
    chance: NDArray[np.float64]
    sureness: NDArray[np.float64]
    votes_weight: float


def own_errors(
    margin: NDArray[np.float64], support: NDArray[np.float64] | None, contradicts: NDArray[np.bool_]
) -> OwnErrors:
    """Fit ``P(label contradicts the model) = ε + (1 − ε) sigmoid(a − b · margin − w · votes)``.

    The posterior mode under weak normal priors of ``logit ε``, ``a``, ``log b`` (per median margin) and ``w``.

    Parameters
    ----------
    margin : (n,) float64
        ``log p₁ − log p₂``, at least 0.
    support : (n,) float64, optional
        Share of the neighbours with the label that the model chooses first, 0..1; NaN without votes.
    contradicts : (n,) bool
        Whether the given label is another one.

    Returns
    -------
    OwnErrors
    """
    votes = np.zeros(len(margin))
    if support is not None:
        votes = np.nan_to_num(np.log((support + _VOTE_PRIOR) / (1.0 - support + _VOTE_PRIOR)))
    scale = max(float(np.median(margin)), 1e-6)
    bin_of_margin = _equal_bins(margin, _MARGIN_BINS)
    level = np.unique(votes, return_inverse=True)[1]
    cell = np.unique(bin_of_margin * (level.max() + 1) + level, return_inverse=True)[1]
    cells = _Cells.of(cell, contradicts)
    steps, backing = cells.mean(margin) / scale, cells.mean(votes)

    def model(theta: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        steepness = np.exp(theta[2])
        chance = _sigmoid(theta[1] - steepness * steps - theta[3] * backing)
        slope = chance * (1.0 - chance)
        return chance, slope * np.array([np.ones(len(steps)), -steepness * steps, -backing])

    fitted = _mode(cells, model, _MARGIN_PRIORS)
    sureness = np.exp(fitted[2]) * margin / scale + fitted[3] * votes
    return OwnErrors(
        rate=float(_sigmoid(fitted[0])),
        chance=_sigmoid(fitted[1] - sureness),
        sureness=sureness,
        votes_weight=0.0 if support is None else float(fitted[3]),
    )


def rate_left(place: NDArray[np.float64], contradicts: NDArray[np.bool_]) -> float:
    """Fit ``P(label contradicts the model) = ε + (1 − ε) c uᵞ`` and return ε.

    ``u`` is the share of rows that are surer, on the surest 70 %. Unlike a margin it knows where the model cannot grow
    surer, as where it has learned that labels are wrong.

    Parameters
    ----------
    place : (n,) float64
        Share of the rows that are surer, 0..1.
    contradicts : (n,) bool
        Whether the given label is not the model's first choice.
    """
    used = place <= _CURVED_SHARE
    depth, contradicts = place[used] / _CURVED_SHARE, contradicts[used]
    cells = _Cells.of(_equal_bins(depth, _DEPTH_BINS), contradicts)
    log_depth = np.log(np.maximum(cells.mean(depth), 1.0 / len(place)))

    def model(theta: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        power, most = np.exp(theta[2]), _sigmoid(theta[1])
        chance = most * np.exp(power * log_depth)
        return chance, chance * np.array([np.full(len(chance), 1.0 - most), power * log_depth])

    return float(_sigmoid(_mode(cells, model, _DEPTH_PRIORS)[0]))


@dataclass(frozen=True, eq=False)
class _Cells:
    """Rows counted in cells of nearly equal sureness; all (m,).

    Attributes
    ----------
    of_row : (n,) intp
        Cell of each row.
    n, n_contradict : float64
        Rows, and contradictions among them.
    """

    of_row: NDArray[np.intp]
    n: NDArray[np.float64]
    n_contradict: NDArray[np.float64]

    @classmethod
    def of(cls, cell: NDArray[np.intp], contradicts: NDArray[np.bool_]) -> _Cells:
        return cls(cell, np.bincount(cell).astype(np.float64), np.bincount(cell, contradicts).astype(np.float64))

    def mean(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        means: NDArray[np.float64] = np.bincount(self.of_row, values) / self.n
        return means


_Model = Callable[["NDArray[np.float64]"], "tuple[NDArray[np.float64], NDArray[np.float64]]"]
"""From parameters, the first of which it leaves alone, to the chance of an own error in each cell (m,), and its
derivatives by the other parameters (p − 1, m)."""


def _mode(cells: _Cells, model: _Model, priors: tuple[tuple[float, float], ...]) -> NDArray[np.float64]:
    """Return the parameters of highest posterior density; the first is the logit of ε."""
    from scipy.optimize import minimize

    mean, deviation = np.array(priors).T

    def loss(theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        rate = _sigmoid(theta[0])
        chance, by_theta = model(theta)
        p = np.clip(rate + (1.0 - rate) * chance, 1e-9, 1.0 - 1e-9)
        by_p = (cells.n - cells.n_contradict) / (1.0 - p) - cells.n_contradict / p
        likelihood = cells.n_contradict * np.log(p) + (cells.n - cells.n_contradict) * np.log1p(-p)
        off = (theta - mean) / deviation
        by_rate = (by_p * (1.0 - chance)).sum() * rate * (1.0 - rate)
        gradient = np.r_[by_rate, (by_p * (1.0 - rate) * by_theta).sum(axis=1)] + off / deviation
        return float(0.5 * (off**2).sum() - likelihood.sum()), gradient

    starts = (np.r_[logit, mean[1:]] for logit in _STARTS)
    found = [minimize(loss, start, jac=True, method="L-BFGS-B") for start in starts]
    best: NDArray[np.float64] = min(found, key=lambda result: float(result.fun)).x
    return best


def _equal_bins(values: NDArray[np.float64], most: int) -> NDArray[np.intp]:
    """Return the bin of each row: at most `most` bins of equal size, as the rows allow; equal values share one."""
    n_bins = int(np.clip(len(values) // _ROWS_OF_BIN, 8, most))
    edges = np.sort(values)[np.arange(1, n_bins) * len(values) // n_bins]
    return np.unique(np.searchsorted(edges, values, side="right"), return_inverse=True)[1]


def _sigmoid(x: NDArray[np.float64] | float) -> NDArray[np.float64]:
    result: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-np.clip(x, -500.0, 500.0)))
    return result
