"""The terms of suspicion that are arithmetic on one row: one formula each, for arrays and for compiled code.

The functions take arrays, with :func:`log`, or single numbers inside :mod:`labelaudit.kernels.compiled_terms`, with the
compiled logarithm. In float32 both give the same bits; hence the constants in that precision. numba looks at the time
of that file alone: who changes a formula here must touch it too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.kernels import arithmetic

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["doubt", "log", "ratio", "tail"]

_ZERO, _ONE = np.float32(0), np.float32(1)
_TINY = np.float32(
    1e-30
)  # float32 probabilities reach 1e-38; a higher floor ties the most blatant errors of sharp models
_DOUBT_FLOOR = np.float32(0.3)


def log(x: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the natural logarithm of positive numbers: of float32 as compiled code takes it, of float64 NumPy's."""
    logarithm: NDArray[np.floating] = arithmetic.log(x) if x.dtype == np.float32 else np.log(x)
    return logarithm


def ratio(above: Any, below: Any) -> Any:
    """Return how many times more probable one class is than another, also where probabilities are 0."""
    return np.maximum(above, _TINY) / np.maximum(below, _TINY)


def tail(p_given: Any, p_other: Any, share: Any, log: Any) -> Any:
    """Return what the log-odds gain where a share of the remaining classes' probability counts as the other class's."""
    # Not log1p: it takes several times as long, and what it adds in accuracy near 0 is lost in the sum of the terms.
    return log(_ONE + share * np.maximum(_ONE - p_given - p_other, _ZERO) / np.maximum(p_other, _TINY))


def doubt(p_given: Any, entropy: Any, largest_entropy: Any, log: Any) -> Any:
    """Return the logarithm of the entropy as a share of the largest one, plus a floor; 0 for impossible labels.

    A label that gets nothing, as from the votes of a small forest, is less unlikely the less sure the votes are. What
    doubt would add is lacking in its margin, and the two are left to cancel.
    """
    return log(entropy / largest_entropy + _DOUBT_FLOOR) * (p_given > _TINY)
