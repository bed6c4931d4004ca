"""Simulated data sets with known label errors, and probabilities of models that were really fitted to the wrong labels.

Drawing probabilities from a formula would grant a score whatever the formula assumes. Here instead

1. items are points of a Gaussian mixture with confusable groups of classes (`_latent`);
2. people label what they perceive, wrongly at a chosen rate, in one of seven ways (`NOISES`);
3. models see another, poorer view of the same items (`VIEWS`), are fitted to the given labels on folds and predict the
   held-out part (`benchmarks.simulated_models`), so that they partly learn the noise as real ones do;
4. their probabilities may be made over- or under-confident by a temperature.

``python -m benchmarks.simulation --count 500 --seed 0 --folder DIR`` writes them to a folder, one ``.npz`` each.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.simulated_models import MODELS, cross_validated

__all__ = [
    "NOISES",
    "VIEWS",
    "Settings",
    "Simulated",
    "draw_settings",
    "load",
    "sample_columns",
    "simulate",
    "simulate_to",
    "struck",
]

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What one simulated data set is like."""

    index: int
    seed: int
    noise: str
    rate: float
    n: int
    n_classes: int
    imbalance: float  # log-scale spread of class sizes; 0 is balanced
    separation: float  # distance between class centres in units of the spread within a class
    view: str
    view_noise: float  # how much of what people see the model does not
    n_features: int
    model: str
    temperature: float  # < 1 over-confident, > 1 under-confident


@dataclass(frozen=True, eq=False, kw_only=True)
class Simulated:
    """One data set: given labels (n,), out-of-sample pred_probs (n, K), true labels (n,), embeddings (n, d)."""

    settings: Settings
    labels: NDArray[np.int32]
    pred_probs: NDArray[np.float32]
    truth: NDArray[np.int32]
    embeddings: NDArray[np.float32]

    @property
    def is_error(self) -> NDArray[np.bool_]:
        """Whether the given label is wrong, (n,)."""
        return self.labels != self.truth


@dataclass(frozen=True, eq=False)
class _World:
    """Items as people perceive them: latent points (n, D), true classes (n,), their log posteriors (n, K)."""

    points: Array
    truth: NDArray[np.int32]
    log_posterior: Array
    similarity: Array
    rate: float


def draw_settings(index: int, seed: int = 0) -> Settings:
    """Return the settings of data set `index`: noise families take turns, everything else is drawn."""
    rng = np.random.default_rng([seed, index, 1])
    noise = list(NOISES)[index % len(NOISES)]
    rate = float(np.exp(rng.uniform(np.log(0.005), np.log(0.40))))
    n_classes = int(np.round(np.exp(rng.uniform(np.log(2), np.log(100.5)))))
    least = max(1000, int(60 / rate), 15 * n_classes)  # average precision over a handful of errors is a lottery
    return Settings(
        index=index,
        seed=seed,
        noise=noise,
        rate=rate,
        n=int(np.clip(least * np.exp(rng.uniform(0, 1.5)), 1000, 12_000)),
        n_classes=n_classes,
        imbalance=float(rng.choice([0.0, 0.0, 0.5, 1.0])),
        separation=float(rng.uniform(4.0, 11.0)),
        view=str(rng.choice(list(VIEWS))),
        view_noise=float(np.exp(rng.uniform(np.log(0.1), np.log(3.0)))),
        n_features=int(rng.integers(12, 65)),
        model=str(rng.choice(list(MODELS))),
        temperature=float(rng.choice([1.0, 1.0, np.exp(rng.uniform(-1.0, 1.0))])),
    )


def simulate(settings: Settings) -> Simulated:
    """Return the data set described by `settings`; the same settings give the same data."""
    rng = np.random.default_rng([settings.seed, settings.index, 2])
    world = _latent(settings, rng)
    labels = _with_errors(world, settings, rng)
    features = VIEWS[settings.view](world.points, settings, rng)
    pred_probs = cross_validated(MODELS[settings.model], features, labels, settings.n_classes, rng)
    pred_probs = _tempered(pred_probs, settings.temperature)
    return Simulated(
        settings=settings,
        labels=labels,
        pred_probs=pred_probs.astype(np.float32),
        truth=world.truth,
        embeddings=features.astype(np.float32),
    )


def _latent(settings: Settings, rng: np.random.Generator) -> _World:
    """Draw points of a mixture: groups of similar classes, one to three clusters a class, some items far from all."""
    n, n_classes = settings.n, settings.n_classes
    width = int(np.clip(2 + np.log2(n_classes) * 2, 4, 14))
    n_groups = max(1, int(np.ceil(n_classes / rng.integers(2, 6))))
    groups = rng.integers(0, n_groups, n_classes)
    spread = settings.separation / np.sqrt(2 * width)
    centers = rng.normal(0, spread, (n_groups, width))[groups] * 1.2 + rng.normal(0, spread, (n_classes, width)) * 0.8
    shares = np.exp(settings.imbalance * rng.normal(size=n_classes))
    truth = rng.choice(n_classes, n, p=shares / shares.sum()).astype(np.int32)
    n_clusters = int(rng.integers(1, 4))
    offsets = rng.normal(0, 0.35 * spread, (n_classes, n_clusters, width))
    cluster = rng.integers(0, n_clusters, n)
    hardness = np.exp(0.35 * rng.normal(size=(n, 1)))  # heavy tails: every real set has odd items
    points = centers[truth] + offsets[truth, cluster] + hardness * rng.normal(size=(n, width))
    distance = ((points[:, None, :] - centers[None]) ** 2).sum(axis=2)
    log_posterior = -0.5 * distance + np.log(shares)
    log_posterior -= np.logaddexp.reduce(log_posterior, axis=1, keepdims=True)
    truth = log_posterior.argmax(axis=1).astype(np.int32)  # what careful people agree on, not the cluster it came from
    similarity = -((centers[:, None] - centers[None]) ** 2).sum(axis=2)
    return _World(points, truth, log_posterior, similarity, settings.rate)


# --- how people err: each returns, for every item, a relative chance of a wrong label and the wrong label itself ---


def _symmetric(world: _World, rng: np.random.Generator) -> tuple[Array, NDArray[np.int_]]:
    n, n_classes = world.log_posterior.shape
    return np.ones(n), (world.truth + rng.integers(1, n_classes, n)) % n_classes


def _class_conditional(world: _World, rng: np.random.Generator) -> tuple[Array, NDArray[np.int_]]:
    """Each class has its own rate and a few classes it is taken for."""
    n_classes = world.log_posterior.shape[1]
    confusion = rng.gamma(0.3, size=(n_classes, n_classes)) + 1e-9
    np.fill_diagonal(confusion, 0.0)
    rates = rng.gamma(1.0, size=n_classes) + 0.02
    return rates[world.truth], sample_columns(confusion[world.truth], rng)


def _instance_dependent(world: _World, rng: np.random.Generator) -> tuple[Array, NDArray[np.int_]]:
    """Chance and wrong class are functions of the item (part-dependent noise, after Xia et al. 2020)."""
    n, n_classes = world.log_posterior.shape
    points = world.points / world.points.std(axis=0)
    chance = np.exp(1.5 * np.sin(points @ rng.normal(0, 0.7, points.shape[1]) + rng.uniform(0, 6)))
    scores = 1.5 * points @ rng.normal(0, 1 / np.sqrt(points.shape[1]), (points.shape[1], n_classes))
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    weights[np.arange(n), world.truth] = 0.0
    return chance, sample_columns(weights, rng)


def _boundary(world: _World, rng: np.random.Generator) -> tuple[Array, NDArray[np.int_]]:
    """Items near a boundary are given the class on its other side."""
    n = len(world.truth)
    others = world.log_posterior.copy()
    others[np.arange(n), world.truth] = -np.inf
    target = others.argmax(axis=1)
    margin = world.log_posterior[np.arange(n), world.truth] - others.max(axis=1)
    scale = max(float(np.median(np.abs(margin))), 1e-6)
    return np.exp(-rng.uniform(1.0, 4.0) * margin / scale), target


def _clustered(world: _World, rng: np.random.Generator) -> tuple[Array, NDArray[np.int_]]:
    """Whole neighbourhoods carry one wrong label (a misread guideline), with a little noise elsewhere."""
    n, n_classes = world.log_posterior.shape
    chance, target = np.full(n, 0.02), (world.truth + rng.integers(1, n_classes, n)) % n_classes
    for _ in range(int(rng.integers(2, 4 + n_classes))):
        center = int(rng.integers(n))
        wrong = int((world.truth[center] + rng.integers(1, n_classes)) % n_classes)
        near = np.argsort(((world.points - world.points[center]) ** 2).sum(axis=1))[
            : int(rng.integers(10, 10 + n // 50))
        ]
        near = near[world.truth[near] != wrong]
        chance[near], target[near] = 1.0, wrong
    return chance, target


def _human(world: _World, rng: np.random.Generator) -> tuple[Array, NDArray[np.int_]]:
    """Systematic confusions of similar classes on hard items, personal biases, and careless uniform clicks."""
    n, n_classes = world.log_posterior.shape
    careless = rng.uniform(0.05, 0.5)
    p_true = np.exp(rng.uniform(0.15, 0.5) * world.log_posterior[np.arange(n), world.truth])
    hard = (1.0 - p_true) / max(float((1.0 - p_true).mean()), 1e-9)
    scale = np.abs(world.similarity[world.similarity < 0]).mean() / rng.uniform(3.0, 8.0)
    bias = np.exp(world.similarity / scale) * rng.gamma(0.7, size=(n_classes, n_classes)) + 1e-12
    weights = np.exp(rng.uniform(0.1, 0.4) * world.log_posterior) * bias[world.truth]
    weights[np.arange(n), world.truth] = 0.0
    target = sample_columns(weights, rng)
    clicked = rng.random(n) < careless / (careless + (1 - careless) * hard)
    uniform = (world.truth + rng.integers(1, n_classes, n)) % n_classes
    return careless + (1 - careless) * hard, np.where(clicked, uniform, target)


def _out_of_scope(world: _World, rng: np.random.Generator) -> tuple[Array, NDArray[np.int_]]:
    """Items that belong to no class (another language, a cut-off scan) were given some label all the same.

    The strays are moved away from all classes, in place, and their true class becomes −1: any label is wrong.
    """
    n, n_classes = world.log_posterior.shape
    target = (world.truth + rng.integers(1, n_classes, n)) % n_classes
    strays = rng.random(n) < 0.8 * world.rate
    away = rng.normal(size=world.points.shape) * world.points.std(axis=0) * rng.uniform(0.3, 1.2)
    world.points[strays] = world.points.mean(axis=0) + away[strays]
    world.truth[strays] = -1
    return np.where(strays, 1e6, 1.0), target


NOISES: dict[str, Callable[[_World, np.random.Generator], tuple[Array, NDArray[np.int_]]]] = {
    "symmetric": _symmetric,
    "class-conditional": _class_conditional,
    "instance-dependent": _instance_dependent,
    "boundary": _boundary,
    "clustered": _clustered,
    "human-like": _human,
    "out-of-scope": _out_of_scope,
}


def _with_errors(world: _World, settings: Settings, rng: np.random.Generator) -> NDArray[np.int32]:
    chance, target = NOISES[settings.noise](world, rng)
    wrong = struck(chance, settings.rate, rng)
    return np.where(wrong | (world.truth < 0), target, world.truth).astype(np.int32)


def struck(chance: Array, rate: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Draw which items are struck, (n,): a share `rate`, in proportion to `chance` (n,) up to a probability of .9."""
    low, high = 0.0, 1e9
    for _ in range(80):  # the factor at which the capped chances average to the rate
        middle = (low + high) / 2 if high < 1e8 else max(1e-3, 2 * low)
        low, high = (middle, high) if np.minimum(middle * chance, 0.9).mean() < rate else (low, middle)
    return np.asarray(rng.random(len(chance)) < np.minimum(high * chance, 0.9))


def sample_columns(weights: Array, rng: np.random.Generator) -> NDArray[np.int_]:
    """Draw one column index per row with chances proportional to `weights` (n, K)."""
    cumulative = np.cumsum(weights, axis=1)
    return (cumulative < (rng.random(len(weights)) * cumulative[:, -1])[:, None]).sum(axis=1)


# --- what models see ---


def _linear_view(points: Array, settings: Settings, rng: np.random.Generator) -> Array:
    mixing = rng.normal(size=(points.shape[1], settings.n_features)) / np.sqrt(points.shape[1])
    return points @ mixing + settings.view_noise * rng.normal(size=(len(points), settings.n_features))


def _warped_view(points: Array, settings: Settings, rng: np.random.Generator) -> Array:
    seen = _linear_view(points, settings, rng)
    hidden = np.tanh(seen / seen.std(axis=0)) @ rng.normal(size=(settings.n_features, settings.n_features))
    return np.maximum(hidden / np.sqrt(settings.n_features), 0.0)


def _count_view(points: Array, settings: Settings, rng: np.random.Generator) -> Array:
    """Word counts: short texts whose words depend on the item, weighted as in TF-IDF."""
    n_words = 6 * settings.n_features
    topics = points @ rng.normal(0, 0.45, (points.shape[1], n_words)) + rng.normal(0, 1.0, n_words)
    chances = np.exp(topics - topics.max(axis=1, keepdims=True))
    length = np.clip(60.0 / settings.view_noise, 15, 300)
    counts = rng.poisson(length * chances / chances.sum(axis=1, keepdims=True))
    weighted = np.log1p(counts) * np.log((1 + len(points)) / (1 + (counts > 0).sum(axis=0)))
    return np.asarray(weighted / np.maximum(np.linalg.norm(weighted, axis=1, keepdims=True), 1e-9))


VIEWS: dict[str, Callable[[Array, Settings, np.random.Generator], Array]] = {
    "linear": _linear_view,
    "warped": _warped_view,
    "counts": _count_view,
}


def _tempered(pred_probs: Array, temperature: float) -> Array:
    logits = np.log(np.clip(pred_probs, 1e-12, 1.0)) / temperature
    logits -= logits.max(axis=1, keepdims=True)
    tempered = np.exp(logits)
    return np.asarray(tempered / tempered.sum(axis=1, keepdims=True))


def simulate_to(folder: Path, indices: Iterator[int] | range, seed: int = 0) -> None:
    """Write the data sets `indices` to `folder` as ``<seed>-<index>.npz``, leaving out those that are there."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in indices:
        file = folder / f"{seed}-{index:04d}.npz"
        if not file.exists():
            simulated = simulate(draw_settings(index, seed))
            arrays = {name: getattr(simulated, name) for name in ("labels", "pred_probs", "truth", "embeddings")}
            partial = file.with_suffix(".partial.npz")
            np.savez(partial, **arrays)
            partial.rename(file)


def load(folder: Path, index: int, seed: int = 0) -> Simulated:
    """Return data set `index` from a folder that :func:`simulate_to` filled."""
    with np.load(folder / f"{seed}-{index:04d}.npz") as content:
        arrays: dict[str, Any] = {name: content[name] for name in content.files}
    return Simulated(settings=draw_settings(index, seed), **arrays)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write simulated data sets.")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--step", type=int, default=1, help="take every step-th, to share the work among processes")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    simulate_to(options.folder, range(options.start, options.count, options.step), options.seed)


if __name__ == "__main__":
    main()
