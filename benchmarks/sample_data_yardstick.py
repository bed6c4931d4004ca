"""How hard the sample data is for plain scikit-learn, five folds, without labelaudit; a Markdown table.

    python benchmarks/sample_data_yardstick.py

Accuracy is against the truth after training on correct labels, average precision that of `1 - p(given label)` after
training on the given ones.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

SAMPLE_DATA = Path(__file__).resolve().parent.parent / "sample_data"
FOLDS = StratifiedKFold(5, shuffle=True, random_state=0)


def tickets(_: pd.DataFrame) -> tuple[str, BaseEstimator, Any]:
    """Return words for the model, the model, and its features."""
    texts = pd.read_csv(SAMPLE_DATA / "tickets.csv", dtype=str)["text"].to_numpy(object)
    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(C=10, max_iter=1000))
    return "TF-IDF of words and word pairs, logistic regression (`C=10`)", model, texts


def digits(truth: pd.DataFrame) -> tuple[str, BaseEstimator, Any]:
    """Return words for the model, the model, and its features."""
    pixels = [np.asarray(Image.open(SAMPLE_DATA / "digits" / file)).ravel() for file in truth["file"]]
    return "raw pixels, logistic regression", LogisticRegression(max_iter=1000), np.stack(pixels) / 255


def machines(_: pd.DataFrame) -> tuple[str, BaseEstimator, Any]:
    """Return words for the model, the model, and its features."""
    table = pd.read_csv(SAMPLE_DATA / "machines.csv").drop(columns=["id", "inspector", "fault"])
    words = table.select_dtypes(exclude="number").columns
    table = table.astype(dict.fromkeys(words, "category"))
    return "histogram gradient boosting", HistGradientBoostingClassifier(random_state=0), table


def measure(model: BaseEstimator, features: Any, truth: pd.DataFrame) -> tuple[float, float]:
    """Return accuracy on correct labels and average precision of the errors among the given ones."""
    true, given = (truth[f"{kind}_label"].to_numpy(str) for kind in ("true", "given"))
    accuracy = np.mean(cross_val_predict(model, features, true, cv=FOLDS) == true)
    pred_probs = cross_val_predict(model, features, given, cv=FOLDS, method="predict_proba")
    of_given = pred_probs[np.arange(len(given)), np.searchsorted(np.unique(given), given)]
    return float(accuracy), float(average_precision_score(truth["is_error"] == "1", 1 - of_given))


def main() -> None:
    """Print the table."""
    print("| Set | Model | Accuracy | Average precision |\n|---|---|---|---|")
    for make in (tickets, digits, machines):
        truth = pd.read_csv(SAMPLE_DATA / f"{make.__name__}_truth.csv", dtype=str, keep_default_na=False)
        words, model, features = make(truth)
        accuracy, precision = measure(model, features, truth)
        print(f"| {make.__name__} | {words} | {accuracy:.2f} | {precision:.2f} |")


if __name__ == "__main__":
    main()
