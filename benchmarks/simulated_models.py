"""Cheap models that the simulations fit to wrong labels: linear and not, calibrated and not, some memorising.

Each is ``model(train (m, d), labels (m,), test (t, d), n_classes, rng) -> probabilities (t, n_classes)``.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["MODELS", "cross_validated"]

Array = NDArray[np.float64]
Labels = NDArray[np.int32]
Model = Callable[[Array, Labels, Array, int, np.random.Generator], Array]


def cross_validated(
    model: Model, features: Array, labels: Labels, n_classes: int, rng: np.random.Generator, *, n_folds: int = 5
) -> Array:
    """Return out-of-sample probabilities (n, K) from folds that are stratified by the given label."""
    features = (features - features.mean(axis=0)) / np.maximum(features.std(axis=0), 1e-9)
    folds = np.empty(len(labels), dtype=np.int64)
    shuffled = rng.permutation(len(labels))
    by_label = shuffled[np.argsort(labels[shuffled], kind="stable")]
    folds[by_label] = np.arange(len(labels)) % n_folds
    pred_probs = np.empty((len(labels), n_classes))
    for fold in range(n_folds):
        held = folds == fold
        pred_probs[held] = model(features[~held], labels[~held], features[held], n_classes, rng)
    return pred_probs


def _softmax(scores: Array) -> Array:
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))


def _class_moments(train: Array, labels: Labels, n_classes: int) -> tuple[Array, Array, Array]:
    one_hot = np.eye(n_classes)[labels]
    counts = one_hot.sum(axis=0)
    means = one_hot.T @ train / np.maximum(counts, 1)[:, None]
    return counts, means, train - means[labels]


def linear_discriminant(train: Array, labels: Labels, test: Array, n_classes: int, _: np.random.Generator) -> Array:
    """Gaussian classes with one shared covariance, shrunk by a tenth."""
    counts, means, residuals = _class_moments(train, labels, n_classes)
    covariance = residuals.T @ residuals / len(train)
    covariance = 0.9 * covariance + 0.1 * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    weights = np.linalg.solve(covariance, means.T)
    priors = np.log((counts + 0.5) / (len(train) + 0.5 * n_classes))
    return _softmax(test @ weights - 0.5 * (means.T * weights).sum(axis=0) + priors)


def naive_bayes(train: Array, labels: Labels, test: Array, n_classes: int, _: np.random.Generator) -> Array:
    """Gaussian naive Bayes: grossly over-confident, as real ones are."""
    counts, means, residuals = _class_moments(train, labels, n_classes)
    one_hot = np.eye(n_classes)[labels]
    variances = (one_hot.T @ residuals**2 + 5.0) / (counts + 5.0)[:, None]
    scores = np.log((counts + 0.5) / len(train)) - 0.5 * np.log(variances).sum(axis=1)
    inverse = 1.0 / variances
    scores = scores - 0.5 * (test**2 @ inverse.T - 2 * test @ (means * inverse).T + (means**2 * inverse).sum(axis=1))
    return _softmax(scores)


def ridge(train: Array, labels: Labels, test: Array, n_classes: int, rng: np.random.Generator) -> Array:
    """Least squares on one-hot labels, its scores pushed through a softmax of arbitrary sharpness."""
    one_hot = np.eye(n_classes)[labels]
    design = np.c_[train, np.ones(len(train))]
    gram = design.T @ design + np.exp(rng.uniform(0, 5)) * np.eye(design.shape[1])
    scores = np.c_[test, np.ones(len(test))] @ np.linalg.solve(gram, design.T @ one_hot)
    return _softmax(scores * 6.0)


def nearest_neighbors(train: Array, labels: Labels, test: Array, n_classes: int, _: np.random.Generator) -> Array:
    """Votes of the 15 nearest, with a little smoothing: few distinct values, many ties."""
    distance = (test**2).sum(axis=1)[:, None] - 2 * test @ train.T + (train**2).sum(axis=1)
    k = min(15, len(train) - 1)
    nearest = np.argpartition(distance, k, axis=1)[:, :k]
    votes = np.zeros((len(test), n_classes))
    np.add.at(votes, (np.repeat(np.arange(len(test)), k), labels[nearest].ravel()), 1.0)
    prior = (np.bincount(labels, minlength=n_classes) + 1.0) / (len(labels) + n_classes)
    return np.asarray((votes + prior) / (k + 1.0))


def _of_estimator(estimator: Any, train: Array, labels: Labels, test: Array, n_classes: int) -> Array:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # stopping early is part of the simulation
        estimator.fit(train, labels)
    pred_probs = np.zeros((len(test), n_classes))
    pred_probs[:, estimator.classes_] = estimator.predict_proba(test)
    return pred_probs


def logistic(train: Array, labels: Labels, test: Array, n_classes: int, rng: np.random.Generator) -> Array:
    """Multinomial logistic regression, from strongly to hardly regularised."""
    from sklearn.linear_model import LogisticRegression

    penalty = float(np.exp(rng.uniform(np.log(0.003), np.log(3.0))))
    return _of_estimator(LogisticRegression(C=penalty, max_iter=40), train, labels, test, n_classes)


def random_features(train: Array, labels: Labels, test: Array, n_classes: int, rng: np.random.Generator) -> Array:
    """Logistic regression on random Fourier features: a smooth non-linear model."""
    width = 200
    frequencies = rng.normal(0, 0.6 / np.sqrt(train.shape[1]), (train.shape[1], width))
    phases = rng.uniform(0, 2 * np.pi, width)
    lifted = [np.cos(part @ frequencies + phases) * 1.4 for part in (train, test)]
    return logistic(lifted[0], labels, lifted[1], n_classes, rng)


def network(train: Array, labels: Labels, test: Array, n_classes: int, rng: np.random.Generator) -> Array:
    """Neural network of one small hidden layer, trained briefly or until it has memorised much of the noise."""
    from sklearn.neural_network import MLPClassifier

    estimator = MLPClassifier(
        (int(rng.choice([32, 128])),),
        alpha=1e-4,
        learning_rate_init=3e-3,
        max_iter=int(rng.choice([8, 20, 50])),
        random_state=int(rng.integers(2**31)),
    )
    return _of_estimator(estimator, train, labels, test, n_classes)


def trees(train: Array, labels: Labels, test: Array, n_classes: int, rng: np.random.Generator) -> Array:
    """Randomised trees: coarse probabilities with exact zeros."""
    from sklearn.ensemble import ExtraTreesClassifier

    estimator = ExtraTreesClassifier(
        60, min_samples_leaf=int(rng.choice([1, 3, 10])), random_state=int(rng.integers(2**31))
    )
    return _of_estimator(estimator, train, labels, test, n_classes)


MODELS: dict[str, Model] = {
    "linear_discriminant": linear_discriminant,
    "naive_bayes": naive_bayes,
    "ridge": ridge,
    "nearest_neighbors": nearest_neighbors,
    "logistic": logistic,
    "random_features": random_features,
    "network": network,
    "trees": trees,
}
