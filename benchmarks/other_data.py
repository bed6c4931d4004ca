"""Data that nothing was chosen on: other sets, other people's errors, other models, each fitted to the wrong labels.

::

    python -m benchmarks.other_data --folder cells [--data ../shared/data] [--only digits rings]

Every set is labelled wrongly in four to seven ways, by a model of people that is none of those which are audited, at a
low and at a high rate; three of ten models are cross-validated on each, in turn. Sets are halved (`CHOSEN_ON`), so that
a rule can be chosen on one half and confirmed on the other. Without a folder of real data, the sets that come with
scikit-learn are left.
"""

from __future__ import annotations

import argparse
import itertools
import warnings
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.other_people import NOISES, People, labelled
from benchmarks.other_sets import BUNDLED, REAL, Items
from benchmarks.refits import cross_validated

__all__ = ["CHOSEN_ON", "Cell", "load"]

Array = NDArray[Any]

CHOSEN_ON = {
    "digits", "rare digits", "photos", "income", "drawn, 30 classes", "drawn, 2 skewed", "rings", "cifar10n, clean",
}  # fmt: skip
N_MODELS = 3
RATES = (0.01, 0.05), (0.05, 0.3)  # each drawn between two bounds


@dataclass(frozen=True, eq=False)
class Cell:
    """One data set, labelled wrongly in one way, with out-of-sample probabilities (n, K) of one model."""

    set: str
    noise: str
    model: str
    truth: Array
    labels: Array
    pred_probs: Array
    features: Array | None


# --- models ---


def _scaled(estimator: Any) -> Any:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), estimator)


def _models() -> dict[str, Callable[[int], Any]]:
    """Return models by name, each built for a number of classes."""
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.neural_network import MLPClassifier
    from sklearn.svm import SVC

    def network(width: int, epochs: int) -> Any:
        return _scaled(MLPClassifier((width,), alpha=0.0, max_iter=epochs, learning_rate_init=2e-3, random_state=0))

    return {
        "naive Bayes": lambda _: _scaled(GaussianNB(var_smoothing=1e-3)),
        "15 neighbours": lambda _: _scaled(KNeighborsClassifier(15)),
        "forest": lambda _: RandomForestClassifier(100, random_state=0),
        "boosting": lambda k: HistGradientBoostingClassifier(max_iter=50 if k < 20 else 12, random_state=0),
        "SVM, Platt": lambda _: _scaled(CalibratedClassifierCV(SVC(), cv=3, ensemble=False)),
        "network, over-trained": lambda _: network(128, 60),
        "network, under-trained": lambda _: network(64, 4),
        "logistic, weak penalty": lambda _: _scaled(LogisticRegression(C=30.0, max_iter=100)),
        "logistic, strong penalty": lambda _: _scaled(LogisticRegression(C=0.003, max_iter=100)),
        "quadratic discriminant": lambda _: _scaled(QuadraticDiscriminantAnalysis(solver="eigen", shrinkage=0.2)),
    }


# --- cells ---


def _name(*parts: str) -> str:
    return "-".join("".join(c if c.isalnum() else "_" for c in part) for part in parts)


def make(name: str, noise: str, step: int, seen: People, folder: Path) -> None:
    """Write the cells of one set that is labelled wrongly in one way."""
    items, number = seen.items, list(NOISES).index(noise)
    seed = [zlib.crc32(name.encode()), number, step]
    labels = labelled(seen, noise, RATES[step], np.random.default_rng(seed))
    for model in items.given or _turn(seed):
        file = folder / f"{_name(name, noise, str(step), model)}.npz"
        if file.exists():
            continue
        pred_probs = items.given[model] if items.given else _fitted(model, items, labels, seed)
        partial = file.with_name(f"partial-{file.name}")
        np.savez(partial, labels=labels, pred_probs=pred_probs, of=[name, noise, model])
        partial.rename(file)


def _turn(seed: list[int]) -> list[str]:
    """Return the models whose turn it is."""
    name, number, step = seed
    first = (len(RATES) * number + step) * N_MODELS + name
    return [list(_models())[(first + i) % len(_models())] for i in range(N_MODELS)]


def _fitted(model: str, items: Items, labels: Array, seed: list[int]) -> Array:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # stopping early is what some of these models are about
        return cross_validated(
            lambda: _models()[model](items.n_classes),
            items.features,
            labels,
            items.n_classes,
            np.random.default_rng(seed),
        )


def load(folder: Path) -> Iterator[Cell]:
    """Yield the cells in a folder that this program filled, set by set."""
    for items_file in sorted(folder.glob("items-*.npz")):
        with np.load(items_file) as content:
            truth, name = content["truth"], str(content["name"])
            features = content["features"] if content["features"].size else None
        for file in sorted(folder.glob(f"{_name(name)}-*.npz")):
            with np.load(file) as content:
                _, noise, model = (str(part) for part in content["of"])
                yield Cell(name, noise, model, truth, content["labels"], content["pred_probs"], features)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--data", type=Path, help="folder of the real data sets")
    parser.add_argument("--only", nargs="+", help="sets")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    known = BUNDLED | (REAL if options.data else {})
    people = {name: People.of(known[name](options.data)) for name in options.only or known}
    for name, seen in people.items():
        features = np.empty(0) if seen.items.features is None else seen.items.features
        np.savez(options.folder / f"items-{_name(name)}.npz", truth=seen.items.truth, features=features, name=name)
    for noise, step, name in itertools.product(NOISES, range(len(RATES)), people):
        if noise in people[name].noises:
            make(name, noise, step, people[name], options.folder)


if __name__ == "__main__":
    main()
