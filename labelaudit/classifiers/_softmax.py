"""Probabilities of log-linear models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["softmax"]


def softmax(log_p: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (b, k) probabilities from unnormalised log probabilities; float32 stays float32."""
    p: NDArray[np.float32] = np.exp(log_p - log_p.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return p
