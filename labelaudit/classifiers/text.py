"""The default for texts: naive Bayes on TF-IDF of words and character n-grams."""

from __future__ import annotations

from labelaudit.classifiers import Classifier
from labelaudit.classifiers._naive_bayes import TemperedNaiveBayes


def build(*, seed: int) -> TemperedNaiveBayes:  # noqa: ARG001 - counting needs no randomness
    """Return an unfitted classifier."""
    return TemperedNaiveBayes()


PLUGIN = Classifier(
    modality="text",
    encoder="text",
    summary="tempered naive Bayes on TF-IDF of words, word pairs and character n-grams",
    build=build,
    cost=3e-9,
)
