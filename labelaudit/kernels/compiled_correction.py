"""Corrected probabilities compiled: without the GIL and without temporaries of the size of a chunk.

What :meth:`labelaudit.recalibration.Correction.applied_to` does in NumPy, in float32: results differ from it in the
last bits, and never with the size of chunks or the number of threads. Rows lie side by side in the lanes of the
vectors, as in :mod:`labelaudit.kernels.compiled`, whose logarithm is used: who changes that must touch this file too,
because numba's cache looks at the time of this file alone.

Importing this module imports numba, so it is imported where there is enough data to be worth it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from labelaudit.kernels import arithmetic
from labelaudit.kernels.compiled import log
from labelaudit.kernels.compiling import compiled, inlined, read_only

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["correct"]

_f4 = np.float32
_i4 = np.int32
_LANES = 64
_LOG2_E = _f4(1.0 / math.log(2))
_P0, _P1, _P2, _P3, _P4, _P5 = arithmetic.POWER_COEFFICIENTS
_INTEGER = arithmetic.INTEGER


def correct(
    pred_probs: NDArray[np.float32], coefficients: NDArray[np.float64], floor: float, largest: float
) -> NDArray[np.float32]:
    """Return corrected probabilities.

    Parameters
    ----------
    pred_probs : (b, K) float32
        Probabilities.
    coefficients : (K + 1, K) float64
        Of log-probabilities and, last, of 1.
    floor : float
        Least probability that a logarithm is taken of.
    largest : float
        Bound of what is added to a log-probability, either way; below 80.

    Returns
    -------
    (b, K) float32
    """
    out = np.empty_like(pred_probs, order="C")
    block = read_only(np.ascontiguousarray(pred_probs))
    _correct(block, read_only(coefficients.astype(np.float32)), _f4(floor), _f4(largest), out)
    return out


@inlined
def _exp(x):
    """Return ``exp x`` for ``|x| < 80`` in float32, as :func:`labelaudit.kernels.arithmetic.power` takes a power."""
    y = x * _LOG2_E
    rounded = y + _INTEGER
    f = y - (rounded - _INTEGER)
    z = ((((_P5 * f + _P4) * f + _P3) * f + _P2) * f + _P1) * f + _P0
    return _i4(_f4(z).view(_i4) + _i4(_f4(rounded).view(_i4) << _i4(23))).view(_f4)


@inlined
def _take_logs(tile, floor, logs):
    for e in range(len(tile)):
        logs[e] = log(tile[e] if tile[e] > floor else floor)


@inlined
def _add_logs(j, coefficients, logs, added):
    """Add up what goes to the log-probability of a class, in each lane."""
    for lane in range(_LANES):
        added[lane] = coefficients[-1, j]
    for c in range(len(logs)):
        weight = coefficients[c, j]
        for lane in range(_LANES):
            added[lane] += weight * logs[c, lane]


@inlined
def _scale(tile, added, largest, corrected, total):
    for lane in range(_LANES):
        x = added[lane]
        x = -largest if x < -largest else x
        x = largest if x > largest else x
        corrected[lane] = tile[lane] * _exp(x)
    for lane in range(_LANES):
        total[lane] += corrected[lane]


@compiled
def _correct(p, coefficients, floor, largest, out):
    n, n_classes = p.shape
    tile = np.ones((n_classes, _LANES), _f4)
    logs, corrected = np.empty((n_classes, _LANES), _f4), np.empty((n_classes, _LANES), _f4)
    added, total = np.empty(_LANES, _f4), np.empty(_LANES, np.float64)
    for start in range(0, n, _LANES):
        n_rows = min(_LANES, n - start)
        for lane in range(n_rows):
            for c in range(n_classes):
                tile[c, lane] = p[start + lane, c]
        _take_logs(tile.reshape(-1), floor, logs.reshape(-1))
        total[:] = 0
        for j in range(n_classes):
            _add_logs(j, coefficients, logs, added)
            _scale(tile[j], added, largest, corrected[j], total)
        for lane in range(n_rows):
            scale = _f4(max(total[lane], 1e-30))
            for c in range(n_classes):
                out[start + lane, c] = corrected[c, lane] / scale
