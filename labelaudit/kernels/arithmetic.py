"""The logarithm as both kernels take it: the same bits from NumPy and from compiled code, on any processor.

The library of every platform, and every set of vector instructions within NumPy, has its own last bits. These are
polynomials in plain float32 additions and multiplications, which IEEE 754 fixes to the last bit. The coefficients are
minimax fits. Errors of the logarithm, measured over 1e-37 to 1: 1.2e-7 relative (1.7e-7 from float64) and 4e-8 in
``p log p``.

numba looks at the time of ``compiled.py`` alone: who changes a constant here or in ``row_statistics.py`` must touch
that file too.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from labelaudit.kernels.row_statistics import CONFIDENT_SLACK, PROBABILITY_FLOOR

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

__all__ = ["COLUMNS", "Limits", "log", "sums_over_classes"]

COLUMNS = 32
"""Columns that are added up in the precision of the data before the sum goes on to float64."""

_f4 = np.float32

# log(1 + m) = m + m² · (−½ + Σ c_k m^k), k from 1, for √½ ≤ 1 + m < √2; and 2^f = Σ c_k f^k for |f| ≤ ½.
LOG_COEFFICIENTS = tuple(
    _f4(c) for c in (-0.5, 0.33334008, -0.25001743, 0.19960077, -0.16564679, 0.14928947, -0.14366545, 0.087902635)
)
EXP2_COEFFICIENTS = tuple(_f4(c) for c in (1.0000001, 0.69314694, 0.24022120, 0.055507131, 0.0096755410, 0.0013276492))
SQRT_HALF_BITS, ONE_BITS = np.int32(0x3F3504F3), np.int32(0x3F800000)
LN2 = _f4(math.log(2))
INTEGER = _f4(1.5 * 2**23)  # a number this large plus a small one is rounded to an integer, in its last bits
TINY = _f4(1e-37)  # log 0 must be finite to be multiplied by 0
_ROUNDING = 1e-9  # of a row's sum: better to doubt a good row, which is looked at again, than to miss a bad one


class Limits(NamedTuple):
    """What all rows are compared with; `T` is the precision of the probabilities.

    Attributes
    ----------
    least : (K,) T
        Least confident probability of each class.
    shift : (K,) T
        ``max t − t`` for the threshold `t` of each class.
    shift_sum : float
        Sum of `shift`.
    low, high : T
        Least and greatest number that may be a probability.
    tolerance : float
        How far from 1 the sum of a row may be.
    """

    least: NDArray[np.floating]
    shift: NDArray[np.floating]
    shift_sum: np.float64
    low: np.floating
    high: np.floating
    tolerance: float

    @classmethod
    def of(cls, thresholds: NDArray[np.float64], dtype: np.dtype[np.floating], tolerance: float) -> Limits:
        """Return the limits that follow from thresholds, (K,), for probabilities in `dtype` and for row sums."""
        shift = thresholds.max() - thresholds
        return cls(
            least=_rounded_up(thresholds - CONFIDENT_SLACK, dtype),
            shift=shift.astype(dtype),
            shift_sum=shift.sum(),
            low=dtype.type(-PROBABILITY_FLOOR),
            high=dtype.type(1 + PROBABILITY_FLOOR),
            tolerance=tolerance - _ROUNDING,
        )


def _rounded_up(values: NDArray[np.float64], dtype: np.dtype[np.floating]) -> NDArray[np.floating]:
    """Return the least number of `dtype` not below each value, so that comparing in `dtype` decides as float64 does."""
    rounded = values.astype(dtype)
    return np.where(rounded < values, np.nextafter(rounded, dtype.type(np.inf)), rounded).astype(dtype)


def log(x: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the natural logarithm of positive numbers, at least 1e-37, in float32.

    What is left of a float64 next to 1 is taken before it is rounded: the entropy of a sure row is all there.

    Examples
    --------
    >>> log(np.array([1.0, 0.5, 1e-6], dtype=np.float32)).tolist()
    [0.0, -0.6931471824645996, -13.815510749816895]
    >>> log(np.array([1.0 - 2.0**-30])).tolist() == [-(2.0**-30)]
    True
    """
    exponent = (x.astype(np.float32, copy=False).view(np.int32) - SQRT_HALF_BITS) >> 23
    scale = (ONE_BITS - (exponent << 23)).view(np.float32)  # 2^-exponent
    m = (x * scale - x.dtype.type(1)).astype(np.float32, copy=False)
    y = _polynomial(LOG_COEFFICIENTS, m)
    y *= m * m
    y += m
    y += exponent.astype(np.float32) * LN2
    return y


def sums_over_classes(by_class: NDArray[np.floating], dtype: DTypeLike | None = None) -> NDArray[np.floating]:
    """Return the sums of the columns of a (K, b) array, (b,), each with the same bits whatever `b` is."""
    if by_class.shape[1] == 1:  # NumPy adds up a single column pairwise, several side by side
        return sums_over_classes(np.repeat(by_class, 2, axis=1), dtype)[:1]
    sums: NDArray[np.floating] = by_class.sum(axis=0, dtype=dtype)
    return sums


def _polynomial(coefficients: tuple[np.float32, ...], x: NDArray[np.float32]) -> NDArray[np.float32]:
    y = coefficients[-1] * x
    for c in coefficients[-2:0:-1]:
        y += c
        y *= x
    y += coefficients[0]
    return y
