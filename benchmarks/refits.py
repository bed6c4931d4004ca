"""Wrong labels planted in real data, with the model fitted again to each: what an audit would have in hand.

::

    python -m benchmarks.refits --data ../shared/data --folder refits [--cells digits cifar]

Fifteen cells (real features, a model, much or little to learn from), five ways of being wrong, five rates: 375 audits
of which the truth is known, but for errors that the published labels have themselves. Cells are halved so that a rule
can be chosen on one half and confirmed on the other (`CHOSEN_ON`). The weak cells are weak on purpose: few columns, few
items, or a model that is sure where it should not be.
"""

from __future__ import annotations

import argparse
import copy
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import labelaudit as la
from benchmarks.simulation import sample_columns, struck
from labelaudit.classifiers import CLASSIFIERS
from labelaudit.config import AuditConfig
from labelaudit.encoders import ENCODERS
from labelaudit.neighbors import Neighbors, find_neighbors

__all__ = ["CHOSEN_ON", "WEAK", "Cell", "Refit", "load"]

RATES = (0.005, 0.02, 0.05, 0.1, 0.2)
CHOSEN_ON = {"banking", "digits-weak", "digits", "cifar-small", "machines", "adult-small", "adult-weak", "tickets"}
WEAK = {"banking-weak", "digits-weak", "digits-nb", "cifar", "cifar-small", "cifar-nb", "machines-weak", "adult-weak"}
SAMPLES = Path(__file__).resolve().parent.parent / "sample_data"


@dataclass(frozen=True, eq=False)
class Clean:
    """Features as the model takes them, vectors (n, d) for neighbours, labels (n,) taken as true, and their number."""

    features: Any
    vectors: NDArray[np.floating]
    labels: NDArray[np.int_]
    n_classes: int

    def take(self, n: int, seed: int) -> Clean:
        """Return `n` random rows."""
        rows = np.sort(np.random.default_rng(seed).permutation(len(self.labels))[:n])
        return Clean(_rows(self.features, rows), self.vectors[rows], self.labels[rows], self.n_classes)

    def seeing(self, columns: Any) -> Clean:
        """Return the same items with only these features."""
        features = (
            self.features.iloc[:, columns] if isinstance(self.features, pd.DataFrame) else self.features[:, columns]
        )
        return Clean(features, self.vectors, self.labels, self.n_classes)


@dataclass(frozen=True, eq=False)
class Refit:
    """One audit: given labels (n,), out-of-sample pred_probs (n, K)."""

    noise: str
    rate: float
    labels: NDArray[np.int32]
    pred_probs: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Cell:
    """All audits of the same items."""

    name: str
    truth: NDArray[np.int_]
    vectors: NDArray[np.float32]
    refits: list[Refit]

    def neighbors(self) -> Neighbors:
        """Return the items' nearest neighbours, as an audit finds them."""
        config = AuditConfig()
        return find_neighbors(self.vectors, k=config.neighbors, memory=config.memory)


# --- items ---


def _texts(file: Path, truth: Path | None = None) -> Clean:
    dataset = la.read(file)
    features = ENCODERS.get("text").encode(dataset).tocsr()
    labels = dataset.labels if truth is None else _true(dataset, truth)
    vectors = np.asarray(ENCODERS.get("text").embed(features, seed=0))
    return Clean(features, vectors, np.asarray(labels), dataset.n_classes)


def _table(file: Path, label: str, truth: Path) -> Clean:
    dataset = la.read(file, label=label)
    features = ENCODERS.get("table").encode(dataset)
    vectors = np.asarray(ENCODERS.get("table").embed(features, seed=0))
    return Clean(features, vectors, _true(dataset, truth), dataset.n_classes)


def _true(dataset: la.Dataset, file: Path) -> NDArray[np.int_]:
    names = pd.read_csv(file, dtype={"id": str}).set_index("id").loc[dataset.ids, "true_label"]
    return np.array([dataset.classes.index(name) for name in names])


def _digits() -> Clean:
    from sklearn.datasets import load_digits

    features, labels = load_digits(return_X_y=True)
    features = features.astype(np.float32)
    return Clean(features, features, labels, 10)


def _cifar(data: Path, n: int, size: int = 200) -> Clean:
    """Return principal components of image features; the label is what most of 51 people say."""
    from sklearn.decomposition import PCA

    dataset = la.read(data / "cifar10-test" / "labels.csv")
    rows = np.sort(np.random.default_rng(0).permutation(len(dataset))[:n])
    labels = np.load(data / "cifar10-test" / "human_counts.npy").argmax(axis=1)
    components = PCA(size, random_state=0).fit_transform(ENCODERS.get("image").encode(dataset)[rows])
    features = components.astype(np.float32)
    return Clean(features, features[:, :64], labels[rows], 10)


# --- models ---

Model = Callable[[], Any]


def _naive_bayes() -> Any:
    from sklearn.naive_bayes import GaussianNB

    return GaussianNB()


def _trees() -> Any:
    from sklearn.ensemble import ExtraTreesClassifier

    return ExtraTreesClassifier(100, min_samples_leaf=3, random_state=0)


def _built_in(name: str) -> Model:
    return lambda: CLASSIFIERS.get(name).build(seed=0)


def cross_validated(
    model: Model, features: Any, labels: NDArray[np.int_], n_classes: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return out-of-sample probabilities (n, K) of five folds, stratified by the given label."""
    shuffled = rng.permutation(len(labels))
    fold = np.empty(len(labels), dtype=np.int64)
    fold[shuffled[np.argsort(labels[shuffled], kind="stable")]] = np.arange(len(labels)) % 5
    pred_probs = np.zeros((len(labels), n_classes), dtype=np.float64)
    for held in range(5):
        fitted = copy.deepcopy(model()).fit(_rows(features, fold != held), labels[fold != held])
        pred_probs[np.ix_(fold == held, fitted.classes_)] = fitted.predict_proba(_rows(features, fold == held))
    pred_probs += 1e-12
    return (pred_probs / pred_probs.sum(axis=1, keepdims=True)).astype(np.float32)


def _rows(features: Any, rows: NDArray[Any]) -> Any:
    return features.iloc[rows] if isinstance(features, pd.DataFrame) else features[rows]


@dataclass(frozen=True)
class Plan:
    """A cell: what the model sees, the model; what people see, and a model of people."""

    items: Clean
    model: Model
    seen: Any
    people: Model


def plan(name: str, data: Path) -> Plan:
    """Return the plan of a cell."""
    kind, _, strength = name.partition("-")
    if kind == "banking":
        all_items = _texts(data / "banking77" / "original.csv")
        clean = all_items.take(
            {"": 6000, "small": 1500, "weak": 5000}[strength], {"": 0, "small": 1, "weak": 2}[strength]
        )
        frequent = np.argsort(-np.asarray((clean.features > 0).sum(axis=0)).ravel())[:120]
        shown = clean.seeing(frequent) if strength == "weak" else clean
        return Plan(shown, _built_in("text"), clean.features, _built_in("text"))
    if kind == "tickets":
        clean = _texts(SAMPLES / "tickets.csv", SAMPLES / "tickets_truth.csv")
        return Plan(clean, _built_in("text"), clean.features, _built_in("text"))
    if kind in ("adult", "machines"):
        if kind == "adult":
            clean = _table(data / "adult" / "noisy.csv", "income", data / "adult" / "noisy_truth.csv")
            clean = clean.take({"": 8000, "small": 1000, "weak": 5000}[strength], 1)
        else:
            clean = _table(SAMPLES / "machines.csv", "fault", SAMPLES / "machines_truth.csv")
        columns = [0, 1, 11] if kind == "adult" else [2, 3, 4, 5]
        shown = clean.seeing(columns) if strength == "weak" else clean
        return Plan(shown, _built_in("table"), clean.features, _built_in("table"))
    if kind == "digits":
        clean = _digits()
        if not strength:
            return Plan(clean, _built_in("embedding"), clean.features, _built_in("embedding"))
        shown = clean.seeing([20, 29, 42, 36, 10, 52]) if strength == "weak" else clean
        return Plan(shown, _built_in("embedding") if strength == "weak" else _naive_bayes, clean.features, _trees)
    clean = _cifar(data, 1200 if strength == "small" else 4000, 50 if strength == "nb" else 200)
    return Plan(
        clean, _naive_bayes if strength == "nb" else _built_in("embedding"), clean.features, _built_in("embedding")
    )


# --- ways of being wrong ---


@dataclass(frozen=True, eq=False)
class _Labelling:
    """Items with their true labels (n,), and how sure people are of each class, (n, K)."""

    clean: Clean
    belief: NDArray[np.float64]

    @property
    def truth(self) -> NDArray[np.int_]:
        return self.clean.labels

    def others(self) -> NDArray[np.float64]:
        """Return the belief in wrong classes."""
        others = self.belief.copy()
        others[np.arange(len(others)), self.truth] = 0.0
        return others

    def p_true(self) -> NDArray[np.float64]:
        """Return the belief in the true class."""
        return self.belief[np.arange(len(self.belief)), self.truth]

    def confusions(self) -> NDArray[np.float64]:
        """Return how often people take each class for each other one, (K, K)."""
        n_classes = self.clean.n_classes
        table = np.zeros((n_classes, n_classes))
        np.add.at(table, self.truth, self.belief)
        table = table / np.maximum(np.bincount(self.truth, minlength=n_classes), 1)[:, None] + 1e-3
        np.fill_diagonal(table, 0.0)
        return table

    def any_other(self, rng: np.random.Generator) -> NDArray[np.int_]:
        """Return a wrong class at random."""
        return (self.truth + rng.integers(1, self.clean.n_classes, len(self.truth))) % self.clean.n_classes


Wrong = tuple[NDArray[np.float64], NDArray[np.int_]]  # relative chance of being struck, and the wrong label


def _uniform(seen: _Labelling, rng: np.random.Generator) -> Wrong:
    return np.ones(len(seen.truth)), seen.any_other(rng)


def _by_class(seen: _Labelling, rng: np.random.Generator) -> Wrong:
    """Each class at a rate of its own, mostly taken for few others."""
    n_classes = seen.clean.n_classes
    rates = rng.gamma(1.0, size=n_classes) + 0.1
    table = seen.confusions() * rng.gamma(0.4, size=(n_classes, n_classes)) + 1e-9
    np.fill_diagonal(table, 0.0)
    return rates[seen.truth], sample_columns(table[seen.truth], rng)


def _by_region(seen: _Labelling, rng: np.random.Generator) -> Wrong:
    """Rates that change smoothly over the data."""
    vectors = seen.clean.vectors
    scaled = (vectors - vectors.mean(axis=0)) / np.maximum(vectors.std(axis=0), 1e-9)
    along = scaled @ rng.normal(size=scaled.shape[1]) / np.sqrt(scaled.shape[1])
    chance = np.exp(1.5 * np.sin(1.5 * along + rng.uniform(0, 6)))
    any_other = seen.any_other(rng)
    alike = rng.random(len(any_other)) < 0.5
    return chance, np.where(alike, any_other, sample_columns(seen.confusions()[seen.truth], rng))


def _human(seen: _Labelling, rng: np.random.Generator) -> Wrong:
    """Three of ten errors are careless clicks, the others similar classes on hard items."""
    hard, careless = 1.0 - seen.p_true(), 0.3
    chance = careless + (1.0 - careless) * hard / hard.mean()
    clicked = rng.random(len(chance)) < careless / chance
    likely = sample_columns(seen.others() ** 0.7, rng)
    return chance, np.where(clicked, seen.any_other(rng), likely)


def _boundary(seen: _Labelling, _: np.random.Generator) -> Wrong:
    """Only items between two classes, given the other one."""
    others = seen.others()
    margin = np.log(seen.p_true()) - np.log(others.max(axis=1))
    return np.exp(-2.0 * margin / np.median(np.abs(margin))), others.argmax(axis=1)


NOISES = {"uniform": _uniform, "class": _by_class, "region": _by_region, "human": _human, "boundary": _boundary}


def _corrupted(seen: _Labelling, noise: str, rate: float, rng: np.random.Generator) -> NDArray[np.int32]:
    chance, wrong = NOISES[noise](seen, rng)
    is_struck = struck(chance, rate, rng)
    is_struck[rng.integers(len(is_struck))] |= not is_struck.any()
    return np.where(is_struck, wrong, seen.truth).astype(np.int32)


# --- audits ---


def make(name: str, data: Path) -> Cell:
    """Plant, fit, and gather."""
    planned = plan(name, data)
    clean = planned.items
    believed = cross_validated(planned.people, planned.seen, clean.labels, clean.n_classes, np.random.default_rng(5))
    seen = _Labelling(clean, 0.98 * believed.astype(np.float64) + 0.02 / clean.n_classes)
    refits = []
    for number, noise in enumerate(NOISES):
        for step, rate in enumerate(RATES):
            rng = np.random.default_rng([zlib.crc32(name.encode()), number, step])
            labels = _corrupted(seen, noise, rate, rng)
            pred_probs = cross_validated(planned.model, clean.features, labels, clean.n_classes, rng)
            refits.append(Refit(noise, rate, labels, pred_probs))
    return Cell(name, clean.labels, np.asarray(clean.vectors, dtype=np.float32), refits)


def save(cell: Cell, file: Path) -> None:
    """Write a cell."""
    labels, pred_probs = ([getattr(refit, part) for refit in cell.refits] for part in ("labels", "pred_probs"))
    partial = file.with_suffix(".partial.npz")
    np.savez(partial, truth=cell.truth, vectors=cell.vectors, labels=labels, pred_probs=pred_probs)
    partial.rename(file)


def load(folder: Path) -> Iterator[Cell]:
    """Yield the cells in a folder that this program wrote."""
    kinds = [(noise, rate) for noise in NOISES for rate in RATES]
    for file in sorted(folder.glob("*.npz")):
        with np.load(file) as content:
            drawn = zip(kinds, content["labels"], content["pred_probs"], strict=True)
            refits = [Refit(*kind, labels, pred_probs) for kind, labels, pred_probs in drawn]
            yield Cell(file.stem, content["truth"], content["vectors"], refits)


def main() -> None:
    parser = argparse.ArgumentParser(description="Plant wrong labels in real data and fit again.")
    parser.add_argument("--data", type=Path, required=True, help="folder of the real data sets")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--cells", nargs="+", default=sorted(CHOSEN_ON | WEAK | {"adult", "banking-small"}))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for name in options.cells:
        file = options.folder / f"{name}.npz"
        if not file.exists():
            save(make(name, options.data), file)


if __name__ == "__main__":
    main()
