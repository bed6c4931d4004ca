"""From where planted errors are found to what is expected at each place of the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["chances", "density", "fitted_in"]

_DEPTH_BINS = 60
_FIRST_BIN, _WIDEST_FIRST_BIN = 20, 0.1  # in places of the queue; as a share of it, which counts below 200 places


def chances(
    depths: NDArray[np.float64], rate: float, n: int, weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Return the chance that the label at each of `n` places of the queue is wrong, never rising, 0..1.

    Parameters
    ----------
    depths : (m,) float64
        Share of the queue that lies before each planted error, 0..1.
    rate : float
        Expected share of wrong labels, 0..1.
    n : int
        Places of the queue.
    weights : (m,) float64, optional
        How much each planted error counts; default: all alike.
    """
    return fitted_in(density(depths, n, weights), rate)


def fitted_in(density: NDArray[np.float64], rate: float) -> NDArray[np.float64]:
    """Return chances in proportion to a density of mean 1 that average to about `rate`, at most 1.

    Where planted errors are denser than the queue has room for, the true ones are not quite like them. What does not
    fit is left out in one estimate and spread over the rest in the other; the mean of both is taken.
    """
    left_out = np.minimum(1.0, rate * density)
    spread = np.minimum(1.0, _filling(density, rate) * density)
    return (left_out + spread) / 2.0


def density(depths: NDArray[np.float64], n: int, weights: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """Return the density of planted errors at `n` places of the queue: never rising, 1 if they lie anywhere alike.

    A histogram on bins of equal ratio, made to decrease by isotonic regression (Barlow et al. 1972).
    """
    from scipy.optimize import isotonic_regression

    edges = np.unique(np.r_[0.0, np.geomspace(min(_WIDEST_FIRST_BIN, _FIRST_BIN / n), 1.0, _DEPTH_BINS)])
    widths = np.diff(edges)
    total = len(depths) if weights is None else weights.sum()
    raw = np.histogram(np.minimum(depths, 1.0), edges, weights=weights)[0] / (total * widths)
    falling = isotonic_regression(raw, weights=widths, increasing=False).x
    places = (np.arange(n) + 0.5) / n
    smooth: NDArray[np.float64] = np.interp(places, (edges[1:] + edges[:-1]) / 2.0, np.maximum(falling, 1e-6))
    return smooth


def _filling(density: NDArray[np.float64], rate: float) -> float:
    """Return the factor with which the capped densities average to `rate`, by bisection."""
    low, high = rate, rate
    while np.minimum(1.0, high * density).mean() < rate:
        low, high = high, 2.0 * high
    for _ in range(50):
        middle = (low + high) / 2.0
        low, high = (middle, high) if np.minimum(1.0, middle * density).mean() < rate else (low, middle)
    return high
