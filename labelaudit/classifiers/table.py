"""The default for tables: gradient boosting of small trees over histograms."""

from __future__ import annotations

from typing import Any

from labelaudit.classifiers import Classifier


def build(*, seed: int) -> Any:
    """Return an unfitted classifier.

    Trees have 15 leaves, half of scikit-learn's default: a small leaf is where a wrong label gets a rule of its own.
    There is no early stopping, because it needs at least two members of each class.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_leaf_nodes=15, early_stopping=False, categorical_features="from_dtype", random_state=seed
    )


PLUGIN = Classifier(
    modality="table",
    encoder="table",
    summary="histogram gradient boosting of small trees; numbers, categories and missing values as they are",
    build=build,
    cost=1e-5,
)
