"""Time and ranking quality of the default cross-validation, beside scikit-learn's in the same run.

Run it as ``python benchmarks/bench_crossval.py ../shared/data [--rounds 7] [--only banking77]``. The two take turns
(ABAB), so that whatever else the machine does meets both; ratios are given of the least times and of the medians.
Average precision is of the planted or verified errors.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline

from labelaudit.config import AuditConfig
from labelaudit.crossval import cross_validate
from labelaudit.domain import Dataset

if TYPE_CHECKING:
    from numpy.typing import NDArray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder of the real data sets")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=("banking77", "adult", "cifar10-test"), action="append")
    arguments = parser.parse_args()
    for name, load in (("banking77", banking77), ("adult", adult), ("cifar10-test", cifar10_test)):
        if arguments.only is None or name in arguments.only:
            compare(name, *load(arguments.data), rounds=arguments.rounds if name == "banking77" else 1)


def compare(name: str, dataset: Dataset, is_error: NDArray[np.bool_], *, rounds: int) -> None:
    """Print time, average precision of three scores, and for text the same for scikit-learn's pipeline."""
    contestants: dict[str, Callable[[], NDArray[np.floating]]] = {
        "labelaudit": lambda: cross_validate(dataset, AuditConfig()).pred_probs[0],
        "labelaudit, no neighbours": lambda: cross_validate(dataset, AuditConfig(neighbors=0)).pred_probs[0],
    }
    if dataset.text is not None:
        contestants["scikit-learn"] = lambda: peer(dataset)
    seconds: dict[str, list[float]] = {contestant: [] for contestant in contestants}
    pred_probs = {}
    for _ in range(rounds):
        for contestant, run in contestants.items():
            started = time.perf_counter()
            pred_probs[contestant] = run()
            seconds[contestant].append(time.perf_counter() - started)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{name}: {len(dataset)} items, {dataset.n_classes} classes, {is_error.sum()} errors; peak {memory:.0f} MB")
    for contestant, times in seconds.items():
        found = ", ".join(
            f"{score} {average_precision_score(is_error, values):.3f}"
            for score, values in scores(pred_probs[contestant], dataset.labels).items()
        )
        print(f"  {contestant:26s} {min(times):6.2f} s (all: {', '.join(f'{t:.2f}' for t in times)})  AP {found}")
    if "scikit-learn" in seconds:
        for contestant in list(contestants)[:2]:
            least, middle = (
                statistic(seconds["scikit-learn"]) / statistic(seconds[contestant]) for statistic in (min, median)
            )
            print(f"  scikit-learn takes {least:.1f} times as long as {contestant}, by medians {middle:.1f} times")


def peer(dataset: Dataset) -> NDArray[np.floating]:
    """Return what scikit-learn gives with its own tools on all cores."""
    model = make_pipeline(TfidfVectorizer(), LogisticRegression(max_iter=1000))
    return cross_val_predict(model, dataset.text, dataset.labels, cv=5, method="predict_proba", n_jobs=-1)


def scores(pred_probs: NDArray[np.floating], labels: NDArray[np.integer]) -> dict[str, NDArray[np.floating]]:
    """Return three scores, higher where the label is more suspect."""
    rows = np.arange(len(labels))
    p = pred_probs.astype(np.float64)
    given = p[rows, labels]
    p[rows, labels] = -1
    other = p.max(axis=1)
    margin = np.log(np.clip(other, 1e-6, 1)) - np.log(np.clip(given, 1e-6, 1))
    return {"self-confidence": 1 - given, "normalized margin": other - given, "logit margin": margin}


def banking77(data: Path) -> tuple[Dataset, NDArray[np.bool_]]:
    table = pd.read_csv(data / "banking77/noisy.csv")
    dataset = Dataset.from_arrays(table.label.tolist(), text=table.text.to_numpy(object), ids=table.id.to_numpy())
    return dataset, pd.read_csv(data / "banking77/noisy_truth.csv").is_error.to_numpy()


def adult(data: Path) -> tuple[Dataset, NDArray[np.bool_]]:
    table = pd.read_csv(data / "adult/noisy.csv")
    features = table.drop(columns=["id", "income"])
    dataset = Dataset.from_arrays(table.income.tolist(), features=features, ids=table.id.to_numpy())
    return dataset, pd.read_csv(data / "adult/noisy_truth.csv").is_error.to_numpy()


def cifar10_test(data: Path) -> tuple[Dataset, NDArray[np.bool_]]:
    folder = data / "cifar10-test"
    table = pd.read_csv(folder / "labels.csv", dtype=str)
    classes = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    dataset = Dataset.from_arrays(table.label.tolist(), classes=classes, ids=table.id.to_numpy())
    images = np.array([str(folder / path) for path in table.image], dtype=object)
    return replace(dataset, images=images), np.load(folder / "human_counts.npy").argmax(axis=1) != dataset.labels


if __name__ == "__main__":
    main()
