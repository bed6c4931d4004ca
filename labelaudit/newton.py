"""Newton's method with backtracking: the one way in which logistic regressions are fitted here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Density", "Derivatives", "Mode", "climb"]

_MOST_STEPS = 200  # a dozen as a rule; Fisher scoring is slow where nearly all outcomes are surprises
_SMALLEST_STEP = 1e-6
_CLOSE = 1e-9

Density = Callable[["NDArray[np.float64]"], "tuple[float, NDArray[np.float64]]"]
Derivatives = Callable[
    ["NDArray[np.float64]", "NDArray[np.float64]"], "tuple[NDArray[np.float64], NDArray[np.float64]]"
]


class Mode(NamedTuple):
    """Coefficients (d,) of highest density, and its logarithm up to a constant."""

    coefficients: NDArray[np.float64]
    log_density: float


def climb(start: NDArray[np.float64], density: Density, derivatives: Derivatives) -> Mode:
    """Return the coefficients of highest log density that can be reached uphill from `start`.

    Each step is halved until the density rises by a fair part of what its slope promises (Armijo 1966); full steps
    circle where an offset is confidently wrong for many items, and overshoot where outcomes are nearly separable. Close
    to the mode one full step is taken unseen: it squares the error, and what it gains drowns in rounding.

    Parameters
    ----------
    start : (d,) float
    density : callable
        From coefficients (d,) to their log density and the linear predictor (m,), which is needed again for:
    derivatives : callable
        From coefficients (d,) and linear predictor (m,) to the gradient (d,) of the log density and a positive definite
        (d, d) matrix: its negative Hessian, or that matrix's expectation (Fisher scoring).

    Returns
    -------
    Mode
        Of a concave density, the only one.
    """
    w = np.asarray(start, dtype=np.float64)
    height, linear = density(w)
    for _ in range(_MOST_STEPS):
        gradient, curvature = derivatives(w, linear)
        step = np.asarray(np.linalg.solve(curvature, gradient), dtype=np.float64)
        gain = float(gradient @ step)
        if gain < _CLOSE:
            return Mode(w + step, density(w + step)[0])
        size = 1.0
        higher, linear = density(w + step)
        while higher < height + 1e-4 * size * gain:
            size *= 0.5
            if size <= _SMALLEST_STEP:  # as exact as rounding allows
                return Mode(w, height)
            higher, linear = density(w + size * step)
        w, height = w + size * step, higher
    return Mode(w, height)
