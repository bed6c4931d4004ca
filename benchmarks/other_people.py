"""Ways of labelling items wrongly, by models of people that are none of those which are audited."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.other_sets import Items
from benchmarks.refits import cross_validated
from benchmarks.simulation import sample_columns, struck

__all__ = ["NOISES", "People", "labelled"]

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class People:
    """Two models of people that saw the true labels: what each believes of items it was not shown, (n, K).

    Where people were asked, `careful` is what they said.
    """

    items: Items
    careful: Array
    hasty: Array | None

    @classmethod
    def of(cls, items: Items) -> People:
        """Fit them to the true labels; where items have no features, only what people said is left."""
        from sklearn.ensemble import ExtraTreesClassifier
        from sklearn.tree import DecisionTreeClassifier

        rng, k = np.random.default_rng(7), items.n_classes
        if items.features is None:
            return cls(items, _softened(_shares(np.asarray(items.said))), None)
        trees = cross_validated(
            lambda: ExtraTreesClassifier(60, min_samples_leaf=2, random_state=0), items.features, items.truth, k, rng
        )
        careful = trees if items.said is None else _shares(items.said)
        few = np.sort(rng.permutation(items.features.shape[1])[: max(3, items.features.shape[1] // 3)])
        tree = DecisionTreeClassifier(min_samples_leaf=5, max_leaf_nodes=4 * k, random_state=0)
        hasty = cross_validated(lambda: tree, items.features[:, few], items.truth, k, rng)
        return cls(items, _softened(careful), _softened(hasty))

    @property
    def noises(self) -> tuple[str, ...]:
        """Ways of being wrong for which there is what they need."""
        lacking = {"crowd"} if self.items.said is None else set()
        if self.items.features is None:
            lacking |= {"annotator", "copies"}
        return tuple(noise for noise in NOISES if noise not in lacking)


def _shares(counts: Array) -> Array:
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))


def _softened(belief: Array) -> Array:
    return np.asarray(0.98 * belief.astype(np.float64) + 0.02 / belief.shape[1])


def _others(belief: Array, truth: Array) -> Array:
    others = belief.copy()
    others[np.arange(len(truth)), truth] = 0.0
    return others


Wrong = tuple[Array, Array]  # relative chance of being struck, and the wrong label


def _symmetric(seen: People, rng: np.random.Generator) -> Wrong:
    truth, k = seen.items.truth, seen.items.n_classes
    return np.ones(len(truth)), (truth + rng.integers(1, k, len(truth))) % k


def _confusions(seen: People, rng: np.random.Generator) -> Wrong:
    """Take classes for each other as often as careful people do, whatever the item."""
    truth, k = seen.items.truth, seen.items.n_classes
    table = np.zeros((k, k))
    np.add.at(table, truth, _others(seen.careful, truth))
    table /= np.maximum(np.bincount(truth, minlength=k), 1)[:, None]
    return table.sum(axis=1)[truth], sample_columns(table[truth], rng)


def _annotator(seen: People, _: np.random.Generator) -> Wrong:
    """Let a hasty annotator, who knows little, do some of the work: wrong where rules of thumb are."""
    truth, hasty = seen.items.truth, np.asarray(seen.hasty)
    wrong = _others(hasty, truth).argmax(axis=1)
    return np.where(hasty.argmax(axis=1) != truth, 1.0, 0.01), wrong


def _margins(seen: People, _: np.random.Generator) -> Wrong:
    """Err the more often, the less careful people prefer the true class."""
    truth, others = seen.items.truth, _others(seen.careful, seen.items.truth)
    margin = seen.careful[np.arange(len(truth)), truth] - others.max(axis=1)
    return np.exp(-4.0 * margin), others.argmax(axis=1)


def _swamped(seen: People, rng: np.random.Generator) -> Wrong:
    """Leave what the form has filled in: one class for all."""
    preset = int(rng.integers(seen.items.n_classes))
    return (seen.items.truth != preset).astype(float), np.full(len(seen.items.truth), preset)


def _copies(seen: People, rng: np.random.Generator) -> Wrong:
    """Give groups of up to four that are nearly the same one wrong label: most of a group, or all of it."""
    from sklearn.neighbors import NearestNeighbors

    truth, points = seen.items.truth, np.asarray(seen.items.features)
    points = (points - points.mean(axis=0)) / np.maximum(points.std(axis=0), 1e-9)
    near = NearestNeighbors(n_neighbors=4).fit(points).kneighbors(points, return_distance=False)
    chance, wrong = np.full(len(truth), 1e-6), (truth + 1) % seen.items.n_classes
    for center in rng.permutation(len(truth))[: round(0.09 * len(truth))]:
        group = near[center][truth[near[center]] == truth[center]]
        chance[group], wrong[group] = 1.0, _others(seen.careful, truth)[center].argmax()
    return chance, wrong


def _crowd(seen: People, rng: np.random.Generator) -> Wrong:
    """Take what one of the people said, rightly or not."""
    said = _others(_shares(np.asarray(seen.items.said)), seen.items.truth)
    chance = said.sum(axis=1)
    said[chance == 0] = 1.0
    return chance, sample_columns(_others(said, seen.items.truth), rng)


NOISES = {
    "symmetric": _symmetric,
    "confusions": _confusions,
    "annotator": _annotator,
    "margins": _margins,
    "swamped": _swamped,
    "copies": _copies,
    "crowd": _crowd,
}


def labelled(seen: People, noise: str, bounds: tuple[float, float], rng: np.random.Generator) -> Array:
    """Return labels (n,), some of them wrong: a share drawn between two bounds, but at least 30."""
    truth = seen.items.truth
    rate = max(float(np.exp(rng.uniform(*np.log(bounds)))), 30 / len(truth))  # fewer errors are a lottery
    chance, wrong = NOISES[noise](seen, rng)
    most = 0.8 * float((chance > 0).mean())
    return np.where(struck(chance, min(rate, most), rng), wrong, truth).astype(np.int32)
