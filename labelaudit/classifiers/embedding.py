"""The default for embeddings: logistic regression on standardised vectors."""

from __future__ import annotations

from labelaudit.classifiers import Classifier
from labelaudit.classifiers._logistic import StandardizedLogistic

PLUGIN = Classifier(
    modality="embedding",
    encoder="embedding",
    summary="logistic regression on standardised vectors",
    build=StandardizedLogistic,
    cost=2e-8,
)
