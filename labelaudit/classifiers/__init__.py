"""Classifiers: what learns from features and predicts the held-out items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from labelaudit.registry import Registry

__all__ = ["CLASSIFIERS", "Build", "Classifier", "Estimator"]


class Estimator(Protocol):
    """Anything with `fit` and `predict_proba`, as in scikit-learn."""

    def fit(self, X: Any, y: Any, /) -> Any:
        """Learn from ``(m, d)`` features and ``(m,)`` class indices."""

    def predict_proba(self, X: Any, /) -> Any:
        """Return ``(b, k)`` probabilities, one column for each of the sorted classes seen by `fit`."""


class Build(Protocol):
    """What makes an estimator."""

    def __call__(self, *, seed: int) -> Estimator:
        """Return an unfitted estimator whose randomness, if any, comes from `seed`."""


@dataclass(frozen=True, kw_only=True)
class Classifier:
    """A plugin that makes estimators for one kind of content.

    Attributes
    ----------
    modality : str
        Kind of content it needs: ``text``, ``image``, ``table`` or ``embedding``.
    encoder : str
        Name of the encoder whose features it learns from.
    neighbors : str, optional
        Name of the encoder whose vectors serve nearest neighbours, if not the same.
    extra : tuple of str, optional
        Package that it needs, and the extra of labelaudit that installs it.
    summary : str
        What it is, in a few words.
    build : callable
        ``build(seed=...)`` gives an unfitted estimator. Called once for each fold.
    cost : float
        Rough seconds that a fit takes for each stored value of the features and each class. It only decides whether the
        fits are worth processes of their own: starting one takes longer than a small fit.
    """

    modality: str
    encoder: str
    summary: str
    build: Build
    cost: float
    neighbors: str | None = None
    extra: tuple[str, str] | None = None


CLASSIFIERS: Registry[Classifier] = Registry("classifier", "labelaudit.classifiers", Classifier)
"""Classifiers by name; the default for a modality has its name."""
