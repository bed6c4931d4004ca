"""Whole audits of data that nobody tuned on: sets that come with scikit-learn, with errors put into their labels.

::

    python -m benchmarks.bench_bundled                     # 96 audits, some minutes
    python -m benchmarks.bench_bundled --only digits --rates .1

Nothing was ever chosen on these sets, and nothing should be. Errors are of four families at 5, 10 and 20 %. What is
compared sees the probabilities that the audit obtained by cross-validation.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import datasets

import labelaudit as la
from benchmarks.bench_ranking import CLEANLAB, average_precision, cleanlab_flags, f1
from labelaudit.config import AuditConfig

Array = NDArray[Any]


def _diabetes() -> tuple[Array, Array]:
    points, progression = datasets.load_diabetes(return_X_y=True)
    return points, np.searchsorted(np.quantile(progression, [1 / 3, 2 / 3]), progression)


def _drawn(n: int, n_classes: int, **options: Any) -> tuple[Array, Array]:
    points, classes = datasets.make_classification(
        n, n_features=20, n_informative=8, n_classes=n_classes, n_clusters_per_class=1, flip_y=0, **options
    )
    return points, classes


SETS: dict[str, Callable[[], tuple[Array, Array]]] = {
    "iris": lambda: datasets.load_iris(return_X_y=True),
    "wine": lambda: datasets.load_wine(return_X_y=True),
    "breast cancer": lambda: datasets.load_breast_cancer(return_X_y=True),
    "diabetes, thirds": _diabetes,
    "digits": lambda: datasets.load_digits(return_X_y=True),
    "drawn, 5 small": lambda: _drawn(300, 5, class_sep=2.0, random_state=5),
    "drawn, 5 skewed": lambda: _drawn(2000, 5, weights=[0.7, 0.15, 0.1, 0.03, 0.02], random_state=3),
    "drawn, 20 classes": lambda: _drawn(1200, 20, class_sep=2.0, random_state=5),
}
EMBEDDED = {"digits", "drawn, 20 classes"}  # the others are audited as tables
KINDS = ("symmetric", "by class", "hard", "clustered")
RATES = (0.05, 0.1, 0.2)


def with_errors(points: Array, truth: Array, kind: str, rate: float, seed: int) -> Array:
    """Return labels (n,) of which a share is wrong.

    *symmetric*: any item, any other class; *by class*: to the nearest class, from some classes more than from others;
    *hard*: to the nearest class, the nearer the likelier; *clustered*: to the nearest class, whole neighbourhoods.
    """
    rng = np.random.default_rng([seed, round(1000 * rate), KINDS.index(kind)])
    rows, n_classes = np.arange(len(truth)), int(truth.max()) + 1
    scaled = (points - points.mean(axis=0)) / np.maximum(points.std(axis=0), 1e-9)
    centers = np.stack([scaled[truth == k].mean(axis=0) for k in range(n_classes)])
    distances = ((scaled[:, None] - centers) ** 2).sum(axis=2)
    own = distances[rows, truth].copy()
    distances[rows, truth] = np.inf
    target, closeness = distances.argmin(axis=1), own - distances.min(axis=1)
    weights = np.ones(len(truth))
    if kind == "symmetric":
        target = (truth + rng.integers(1, n_classes, len(truth))) % n_classes
    elif kind == "by class":
        weights = rng.gamma(1.0, size=n_classes)[truth]
    elif kind == "hard":
        weights = np.exp(2.0 * closeness / closeness.std())
    else:
        weights = np.full(len(truth), 1e-9)
        while (weights == 1.0).mean() < rate:
            center = scaled[rng.integers(len(truth))]
            weights[np.argsort(((scaled - center) ** 2).sum(axis=1))[: max(3, len(truth) // 100)]] = 1.0
    wrong = np.argsort(-(np.log(weights) + rng.gumbel(size=len(truth))))[: max(2, round(rate * len(truth)))]
    labels = truth.copy()
    labels[wrong] = target[wrong]
    return labels


def measured(task: tuple[str, str, float, int]) -> dict[str, object]:
    """Audit one set and return a row of the table."""
    name, kind, rate, seed = task
    points, truth = SETS[name]()
    labels = with_errors(points, truth, kind, rate, seed)
    ids = np.array([f"i{number:05d}" for number in np.random.default_rng(seed).permutation(len(truth))])
    names = tuple(f"class {k:02d}" for k in range(truth.max() + 1))
    table = pd.DataFrame(points).add_prefix("x")
    content: dict[str, Any] = {"embeddings": points} if name in EMBEDDED else {"features": table}
    dataset = la.Dataset.from_arrays(labels, classes=names, ids=ids, **content)
    audit = la.audit(dataset, AuditConfig(workers=1, seed=seed))
    items = audit.items.sort_values("row")
    wrong = labels != truth
    pred_probs = audit.arrays["pred_probs"]
    plain = la.score(labels, pred_probs, normalize=True, embeddings=audit.arrays.get("embeddings"))
    found = {score: average_precision(wrong, plain[score]) for score in CLEANLAB}
    flagged = items["is_suspect"].to_numpy(dtype=bool)
    return {
        "set": name,
        "errors": kind,
        "rate": rate,
        "labelaudit": average_precision(wrong, -items["rank"].to_numpy(dtype=float)),
        "best of five": max(found.values()),
        "self_confidence": found["self_confidence"],
        "logit margin": average_precision(wrong, plain["logit_margin"]),
        "F1": f1(wrong, flagged),
        "F1 uncalibrated": f1(wrong, plain.is_suspect),
        "F1 cleanlab": f1(wrong, cleanlab_flags(labels, pred_probs)),
        "none flagged": not flagged.any(),
        "expected / true": audit.health["expected_errors"] / wrong.sum(),
    }


def show(table: pd.DataFrame, by: list[str]) -> None:
    """Print means by group."""
    table = table.assign(**{"share − .01": table["labelaudit"] >= table["best of five"] - 0.01})
    groups = table.groupby(by, sort=False)
    columns = [name for name in table.columns if name not in {"set", "errors", "rate", "all", "expected / true"}]
    means = groups[columns].mean()
    means["expected / true"] = groups["expected / true"].median()
    means.insert(0, "audits", groups.size())
    print("\n" + means.round(3).to_string())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=list(SETS), action="append", help="a set; repeat for several")
    parser.add_argument("--rates", type=float, nargs="+", default=RATES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    tasks = list(itertools.product(options.only or SETS, KINDS, options.rates, [options.seed]))
    with ProcessPoolExecutor(options.workers) as pool:
        table = pd.DataFrame(list(pool.map(measured, tasks))).assign(all="all")
    for by in (["set"], ["errors"], ["rate"], ["all"]):
        show(table, by)


if __name__ == "__main__":
    main()
