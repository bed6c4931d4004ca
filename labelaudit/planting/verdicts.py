"""What people have decided already: no candidates for an error any more, but evidence on those that are left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from labelaudit.planting.curve import density, fitted_in

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.ranking import Ranking
    from labelaudit.verdicts import Judgement

__all__ = ["Verdicts", "left_undecided", "verdicts_of", "without_decided"]

# How far true errors may differ from planted ones: standard deviations of the logarithms of their number, below and
# above 0, and of the power of their density. In 375 refits the logarithm of the number was .63 off in the mean, which
# is .8 for a normal distribution. But people look where errors are likely for reasons of their own, too: that more are
# found there than expected says little about the rest, as in labelaudit.learning.
_FEWER_SD, _MORE_SD, _TILT_SD = 0.8, 0.25, 0.5
_LEVELS, _TILTS = np.linspace(-2.4, 2.4, 17), np.linspace(-1.5, 1.5, 11)
_REFINED = np.linspace(-0.2, 0.2, 5)
_SLIP = 0.02  # nobody is so sure that a reviewer's slip could not explain a verdict
_HIGHEST_RATE = 0.9
_PLACES = 500  # at which curves are compared
_LEAST_BIN, _BINS = 20, 30
_LEAST_LEFT = 1e-6  # no place is quite out of reach


@dataclass(frozen=True, eq=False, kw_only=True)
class Verdicts:
    """What people have decided about `n` items; all (n,).

    Attributes
    ----------
    labels : int32
        The labels that were judged, and where nothing was, those that the items have; −1 where not assessed.
    is_decided : bool
        Whether somebody has decided: such an item is no candidate for an error any more.
    is_told : bool
        Whether that says if the label that was judged was right.
    is_error : bool
        Whether it was wrong.
    """

    labels: NDArray[np.int32]
    is_decided: NDArray[np.bool_]
    is_told: NDArray[np.bool_]
    is_error: NDArray[np.bool_]

    def take(self, rows: NDArray[np.intp]) -> Verdicts:
        """Return the verdicts on the rows `rows`."""
        parts = (getattr(self, field.name)[rows] for field in fields(self))
        return Verdicts(**dict(zip((field.name for field in fields(self)), parts, strict=True)))


def verdicts_of(
    judged: Mapping[str, Judgement], ids: NDArray[np.object_], classes: Sequence[str], labels: NDArray[np.int32]
) -> Verdicts:
    """Bring judgements by item id into the order of the items; those of unknown items are left out.

    Parameters
    ----------
    judged : mapping of str to Judgement
        What people decided.
    ids : (n,) array of str
        Item ids.
    classes : sequence of str
        Class names.
    labels : (n,) int32
        The labels that the items have now, −1 where not assessed.
    """
    code_of = {name: code for code, name in enumerate(classes)}
    found = Verdicts(
        labels=labels.copy(), **{name: np.zeros(len(ids), dtype=bool) for name in ("is_decided", "is_told", "is_error")}
    )
    for row, item_id in enumerate(ids.tolist()):
        judgement = judged.get(item_id)
        if judgement is None or labels[row] < 0:
            continue
        code = code_of.get(judgement.label or "", -1)
        found.is_decided[row] = True
        if code >= 0 and judgement.was_wrong is not None:
            found.is_told[row], found.is_error[row], found.labels[row] = True, judgement.was_wrong, code
    return found


def left_undecided(depths: NDArray[np.float64], queue: Verdicts, rate: float) -> tuple[float, NDArray[np.float64]]:
    """Return how many labels are wrong among the items that nobody has decided on, and how to weigh planted errors.

    The queue is that of all items with the labels that were judged. A planted error is left if its place is undecided,
    as likely as places around it are (a mark and recapture; Seber 1982), and counts by how much likelier the verdicts
    make true errors at its depth than planted ones.

    Parameters
    ----------
    depths : (m,) float64
        Share of the queue that lies before each planted error, 0..1.
    queue : Verdicts
        In the order of the queue, (n,).
    rate : float
        Share of wrong labels that was expected before any verdict, 0..1.

    Returns
    -------
    rate : float
        Expected share of wrong labels among the undecided, 0..0.9.
    weights : (m,) float64
        Of the planted errors.
    """
    n = len(queue.is_decided)
    planted = density(depths, n)
    level, tilt = _most_likely(planted, queue, rate)
    place = np.minimum((depths * n).astype(np.intp), n - 1)
    alike = planted[place] ** (tilt - 1.0)
    left = alike * np.maximum(1.0 - _share_decided(queue.is_decided)[place], _LEAST_LEFT)
    n_left = level * rate * n * left.sum() / alike.sum()
    return min(n_left / max(n - int(queue.is_decided.sum()), 1), _HIGHEST_RATE), left


def _most_likely(planted: NDArray[np.float64], queue: Verdicts, rate: float) -> tuple[float, float]:
    """Return the factor on the number of errors, and the power of their density, that the verdicts make most likely.

    The mode of the posterior of both logarithms, on a grid that is refined once. Verdicts may come from wherever people
    looked, since where they looked was decided by what is known here (missing at random; Rubin 1976).
    """
    n = len(planted)
    grid = np.unique(((np.arange(min(n, _PLACES)) + 0.5) * n / min(n, _PLACES)).astype(np.intp))
    told = np.flatnonzero(queue.is_told)
    is_error = queue.is_error[told]

    def density(level: float, tilt: float) -> float:
        tilted = planted[grid] ** np.exp(tilt)
        expected = min(rate * float(np.exp(level)), _HIGHEST_RATE)
        p = np.clip(np.interp(told, grid, fitted_in(tilted / tilted.mean(), expected)), _SLIP, 1.0 - _SLIP)
        likelihood = np.log(p[is_error]).sum() + np.log1p(-p[~is_error]).sum()
        level_sd = _MORE_SD if level > 0.0 else _FEWER_SD
        return float(likelihood - 0.5 * ((level / level_sd) ** 2 + (tilt / _TILT_SD) ** 2))

    best = max(product(_LEVELS, _TILTS), key=lambda point: density(*point))
    around = product(*(value + _REFINED for value in best))
    level, tilt = np.exp(max(around, key=lambda point: density(*point)))
    return float(level), float(tilt)


def _share_decided(is_decided: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return which share of the items around each place is decided, (n,), 0..1: means of bins of equal ratio."""
    n = len(is_decided)
    edges = np.unique(np.r_[0, np.geomspace(min(_LEAST_BIN, n), n, _BINS).astype(np.intp)])
    sizes = np.diff(edges)
    shares = np.add.reduceat(is_decided.astype(np.float64), edges[:-1]) / sizes
    return np.repeat(shares, sizes)


def without_decided(ranking: Ranking, is_decided: NDArray[np.bool_]) -> Ranking:
    """Return the ranking with decided items as no candidates: after all others in the queue, of suspicion 0.

    Expected errors are those among the undecided. The low end of the range falls in proportion, the high end by what
    was expected of the decided.
    """
    assessed = np.isfinite(ranking.order_score)
    suspicion = np.where(is_decided & assessed, 0.0, ranking.suspicion)
    expected, before = float(np.nansum(suspicion)), ranking.expected_errors
    low, high = ranking.expected_errors_range
    return replace(
        ranking,
        order=ranking.order[np.argsort((is_decided + 2 * ~assessed)[ranking.order], kind="stable")],
        suspicion=suspicion,
        is_suspect=ranking.is_suspect & ~is_decided,
        expected_errors=expected,
        expected_errors_range=(low * expected / max(before, 1e-300), max(expected, high - (before - expected))),
    )
