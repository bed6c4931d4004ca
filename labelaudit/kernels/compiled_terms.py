"""The terms of suspicion and their sum in one compiled pass over float32: the bits of NumPy, without its temporaries.

The formulas are those of :mod:`labelaudit.kernels.terms`. Importing this module imports numba, so it is imported where
there is enough data to be worth it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from labelaudit.kernels import terms
from labelaudit.kernels.compiled import log
from labelaudit.kernels.compiling import compiled, inlined, read_only

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.kernels.row_statistics import RowStatistics

__all__ = ["Columns", "Constants", "write_suspicion", "write_terms"]

_f4 = np.float32
_ROWS = 2048  # whose numbers stay in the cache from one term to the next
_LOG2_E, _LN2_HIGH, _LN2_LOW = 1.0 / math.log(2.0), float.fromhex("0x1.62e42fee00000p-1"), 1.9082149292705877e-10
_INTEGER = 1.5 * 2.0**52  # a float64 beyond it has no room for fractions, and ends in the integer
_T2, _T3, _T4, _T5, _T6, _T7, _T8, _T9, _T10, _T11, _T12 = (1.0 / math.factorial(k) for k in range(2, 13))
_ratio, _tail, _doubt = inlined(terms.ratio), inlined(terms.tail), inlined(terms.doubt)


class Columns(NamedTuple):
    """What is written of `n` rows, each (n,): the sum of the terms and the terms; (0,) where there is no such term."""

    score: NDArray[np.float64]
    margin: NDArray[np.float32]
    tail: NDArray[np.float32]
    doubt: NDArray[np.float32]
    confusion: NDArray[np.float32]
    recalibration: NDArray[np.float32]

    def take(self, rows: slice) -> Columns:
        """Return views of some rows."""
        return Columns(self.score[rows], *(term[rows] for term in self[1:]))


class Constants(NamedTuple):
    """What was learned: see :class:`labelaudit.suspicion.Weighing`.

    Attributes
    ----------
    spread_share, doubt, largest_entropy : float32
        What the remaining classes count, what doubt counts, and the entropy of knowing nothing.
    confusion : (K, K) float32
        The term of each pair of best other and given class; (0, 0) if there is none.
    cuts : (c,) float64
        What the sums of the terms that tell how many labels are wrong are compared with.
    """

    spread_share: np.float32
    doubt: np.float32
    largest_entropy: np.float32
    confusion: NDArray[np.float32]
    cuts: NDArray[np.float64]


def write_terms(
    out: Columns, rows: RowStatistics, said: RowStatistics | None, constants: Constants
) -> NDArray[np.int64]:
    """Write the terms of rows and their sum.

    Parameters
    ----------
    out : Columns
        Overwritten.
    rows : RowStatistics
        Of `n` labelled items, in float32.
    said : RowStatistics, optional
        Where `rows` are of corrected probabilities: of what the model says. Their margin is that of `out`, and the
        difference is what recalibration adds.
    constants : Constants
        What was learned.

    Returns
    -------
    (c,) int64
        How many sums exceed each cut before doubt is added.
    """
    own = rows if said is None else said
    used = (rows.given, rows.other, rows.p_given, rows.p_other, rows.entropy, own.p_given, own.p_other)
    above = np.zeros(len(constants.cuts), dtype=np.int64)
    _write_terms(*out, *(read_only(array) for array in used), *constants, above)
    return above


def write_suspicion(
    out: NDArray[np.float64], score: NDArray[np.float64], slope: float, cut: float, if_all: float
) -> tuple[float, float]:
    """Write the probability that follows from each score: ``1 / (1 + odds)``, ``odds = exp(slope · (cut − score))``.

    Returns
    -------
    float, float
        Their sum, and the sum of ``1 / (1 + if_all · odds)``.
    """
    expected, highest = _write_suspicion(out, read_only(score), slope, cut, if_all)
    return float(expected), float(highest)


@inlined
def _add(margin, tail, confusion, doubt, weight, cuts, above, score):
    """Add up the terms of some rows."""
    for i in range(len(score)):
        score[i] = np.float64(margin[i]) + np.float64(tail[i])
    for i in range(len(confusion)):
        score[i] += np.float64(confusion[i])
    for c in range(len(cuts)):
        for i in range(len(score)):
            above[c] += np.int64(score[i] > cuts[c])
    for i in range(len(score)):
        doubt[i] = weight * doubt[i]
        score[i] += np.float64(doubt[i])


@compiled
def _write_terms(
    score, margin, tail, doubt, confusion, recalibration,
    given, other, p_given, p_other, entropy, own_given, own_other,
    spread_share, doubt_weight, largest_entropy, table, cuts, above,
):  # fmt: skip
    for start in range(0, len(score), _ROWS):
        end = min(start + _ROWS, len(score))
        for i in range(start, end):
            margin[i] = log(_ratio(p_other[i], p_given[i]))
        for i in range(start, end):
            tail[i] = _tail(p_given[i], p_other[i], spread_share, log)
        for i in range(start, end):
            doubt[i] = _doubt(p_given[i], entropy[i], largest_entropy, log)
        for i in range(start, min(end, len(confusion))):
            confusion[i] = table[other[i], given[i]]
        part = slice(start, end)
        _add(margin[part], tail[part], confusion[part], doubt[part], doubt_weight, cuts, above, score[part])
        for i in range(start, min(end, len(recalibration))):
            recalibration[i] = margin[i]
        for i in range(start, min(end, len(recalibration))):
            margin[i] = log(_ratio(own_other[i], own_given[i]))
        for i in range(start, min(end, len(recalibration))):
            recalibration[i] -= margin[i]


@inlined
def _exp(x):
    """Return ``exp x`` for ``|x| <= 700`` in float64: a power of two times a Taylor polynomial, exact to 3e-16."""
    shifted = x * _LOG2_E + _INTEGER
    n = shifted - _INTEGER
    r = (x - n * _LN2_HIGH) - n * _LN2_LOW
    y = (((((_T12 * r + _T11) * r + _T10) * r + _T9) * r + _T8) * r + _T7) * r + _T6
    y = (((((y * r + _T5) * r + _T4) * r + _T3) * r + _T2) * r + 1.0) * r + 1.0
    return np.int64(np.float64(y).view(np.int64) + (np.float64(shifted).view(np.int64) << 52)).view(np.float64)


@compiled
def _write_suspicion(out, score, slope, cut, if_all):
    expected, highest = 0.0, 0.0
    others = np.empty(_ROWS)
    for start in range(0, len(out), _ROWS):
        part, scores = out[start : start + _ROWS], score[start : start + _ROWS]
        for i in range(len(part)):
            x = slope * (cut - scores[i])
            x = x if x > -700.0 else -700.0
            part[i] = _exp(x if x < 700.0 else 700.0)
        for i in range(len(part)):
            others[i] = 1.0 / (1.0 + if_all * part[i])
            part[i] = 1.0 / (1.0 + part[i])
        for i in range(len(part)):
            expected += part[i]
            highest += others[i]
    return expected, highest
