"""Logistic regression on standardised dense features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["StandardizedLogistic"]


class StandardizedLogistic:
    """Multinomial logistic regression whose regularisation fits any number and scale of features.

    Each feature is centred and scaled to unit variance, and all are divided by √d, so a typical item has length 1 and
    the inverse regularisation ``C = 1`` means: before any data, its log odds have a standard deviation of 1. That is
    stronger than what suits clean labels, on purpose: a model that can fit every label fits the wrong ones too.
    L-BFGS of scikit-learn, in float32.

    Parameters
    ----------
    seed : int
        Passed on; L-BFGS uses no randomness.

    Attributes
    ----------
    classes_ : (k,) int
        Classes seen in training, sorted.
    """

    def __init__(self, *, seed: int) -> None:
        from sklearn.linear_model import LogisticRegression

        self._model = LogisticRegression(C=1.0, max_iter=300, random_state=seed)

    @property
    def classes_(self) -> Any:
        """Classes in the order of the columns of `predict_proba`."""
        return self._model.classes_

    def fit(self, X: NDArray[np.floating], y: NDArray[np.integer]) -> Self:
        """Fit to (m, d) features and (m,) class indices; at least two classes."""
        X = np.asarray(X)
        self._center = X.mean(axis=0, dtype=np.float64).astype(np.float32)
        spread = X.std(axis=0, dtype=np.float64)
        # Constant columns say nothing; what is left of them is rounding.
        varies = spread > 1e-6 * np.maximum(np.abs(self._center), 1e-6)
        scale = np.sqrt(max(int(varies.sum()), 1)) * np.where(varies, spread, np.inf)
        self._scale = (1 / scale).astype(np.float32)
        self._model.fit(self._standardized(X), y)
        return self

    def predict_proba(self, X: NDArray[np.floating]) -> Any:
        """Return (b, k) probabilities of the classes in `classes_`."""
        return self._model.predict_proba(self._standardized(np.asarray(X)))

    def _standardized(self, X: NDArray[np.floating]) -> NDArray[np.float32]:
        standardized: NDArray[np.float32] = (X.astype(np.float32) - self._center) * self._scale
        return standardized
