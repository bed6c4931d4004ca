"""The default for images: logistic regression on histograms of oriented gradients, colours and usual patches."""

from __future__ import annotations

from labelaudit.classifiers import Classifier
from labelaudit.classifiers._logistic import StandardizedLogistic

PLUGIN = Classifier(
    modality="image",
    encoder="image",
    summary="logistic regression on gradients, colours and usual patches",
    build=StandardizedLogistic,
    cost=2e-8,
)
