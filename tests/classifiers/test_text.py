"""The default for texts: its two parts, their pool, and what it finds among the sample tickets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import StratifiedKFold

from labelaudit.classifiers import _sparse_logistic
from labelaudit.classifiers._naive_bayes import TemperedNaiveBayes
from labelaudit.classifiers._softmax import softmax
from labelaudit.classifiers._sparse_logistic import SparseLogistic
from labelaudit.classifiers.text import CountedAndLearned
from labelaudit.domain import Dataset
from labelaudit.encoders import ENCODERS

pytestmark = pytest.mark.usefixtures("one_thread")

SAMPLE_DATA = Path(__file__).resolve().parents[2] / "sample_data"


def topics(n: int = 300, n_classes: int = 3, *, seed: int = 0):
    """Sparse rows of length 1, whose classes differ in how often each of 40 terms occurs."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % n_classes
    counts = rng.poisson(rng.gamma(0.3, 1, (n_classes, 40))[y]) + (np.arange(40) == 0)
    return sparse.csr_array((counts / np.linalg.norm(counts, axis=1, keepdims=True)).astype(np.float32)), y


def probabilities(model: SparseLogistic, X) -> np.ndarray:
    return softmax(X @ model.weights_ + model.bias_)


def test_with_many_passes_it_is_the_logistic_regression_of_scikit_learn(monkeypatch):
    monkeypatch.setattr(_sparse_logistic, "_PASSES", (300, 300))
    X, y = topics()
    peer = LogisticRegression(C=10, fit_intercept=False, max_iter=1000).fit(X, y)
    np.testing.assert_allclose(probabilities(SparseLogistic(seed=0).fit(X, y), X), peer.predict_proba(X), atol=0.01)


def test_with_its_few_passes_it_predicts_like_the_optimum():
    X, y = topics(600)
    X_new, y_new = X[300:], y[300:]
    peer = LogisticRegression(C=10, max_iter=1000).fit(X[:300], y[:300])
    p = probabilities(SparseLogistic(seed=0).fit(X[:300], y[:300]), X_new)
    assert (p.argmax(axis=1) == y_new).mean() >= peer.score(X_new, y_new) - 0.02


def test_which_rows_share_a_batch_hardly_matters():
    X, y = topics()
    by_class = np.argsort(y, kind="stable")
    plain = probabilities(SparseLogistic(seed=0).fit(X, y), X)
    np.testing.assert_allclose(probabilities(SparseLogistic(seed=1).fit(X, y), X), plain, atol=0.05)
    np.testing.assert_allclose(probabilities(SparseLogistic(seed=0).fit(X[by_class], y[by_class]), X), plain, atol=0.05)


@pytest.mark.parametrize("n", [3, 40, 3000])
def test_rows_that_share_everything_do_not_make_the_steps_too_long(n):
    X = sparse.csr_array(np.tile(np.array([[0.6, 0.8]], np.float32), (n, 1)))
    y = (np.arange(n) % 3 == 0).astype(int)
    p = probabilities(SparseLogistic(seed=0).fit(X, y), X)
    np.testing.assert_allclose(p[:, 1], y.mean(), atol=0.02)


def test_the_pool_adds_half_of_naive_bayes_to_logistic_regression():
    X, y = topics()
    y = np.array([1, 4, 6])[y]
    counted, learned = TemperedNaiveBayes().fit(X, y), SparseLogistic(seed=5).fit(X, y)
    log_p = np.log(CountedAndLearned(seed=5).fit(X, y).predict_proba(X).astype(np.float64))
    expected = learned.bias_ + X @ (counted.weights_.astype(np.float64) / 2 + learned.weights_)
    np.testing.assert_allclose(
        log_p - log_p.mean(axis=1, keepdims=True), expected - expected.mean(axis=1, keepdims=True), atol=1e-3
    )


@pytest.mark.parametrize("n_features", [0, 2])
def test_rows_without_any_term_get_the_shares_of_the_classes(n_features):
    X = sparse.csr_array((40, n_features), dtype=np.float32)
    y = np.repeat([3, 8], [30, 10])
    model = CountedAndLearned(seed=0).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X[:5]), np.tile([0.75, 0.25], (5, 1)), atol=1e-5)


def test_reordering_the_classes_reorders_the_columns():
    X, y = topics()
    plain = CountedAndLearned(seed=0).fit(X, y).predict_proba(X)
    turned = CountedAndLearned(seed=0).fit(X, (y + 1) % 3).predict_proba(X)
    np.testing.assert_allclose(turned[:, [1, 2, 0]], plain, atol=1e-4)


def test_the_pool_ranks_the_errors_of_the_tickets_better_than_either_part():
    tickets = pd.read_csv(SAMPLE_DATA / "tickets.csv")
    is_error = pd.read_csv(SAMPLE_DATA / "tickets_truth.csv").is_error.to_numpy(bool)
    dataset = Dataset.from_arrays(tickets.label.tolist(), text=tickets.text.to_numpy(object), ids=tickets.id.to_numpy())
    X, y = ENCODERS.get("text").encode(dataset), dataset.labels
    margin = {part: np.empty(len(y)) for part in ("counted", "learned", "pool")}
    for train, held_out in StratifiedKFold(5, shuffle=True, random_state=0).split(X, y):
        learned = SparseLogistic(seed=0).fit(X[train], y[train])
        predicted = {
            "counted": TemperedNaiveBayes().fit(X[train], y[train]).predict_proba(X[held_out]),
            "learned": probabilities(learned, X[held_out]),
            "pool": CountedAndLearned(seed=0).fit(X[train], y[train]).predict_proba(X[held_out]),
        }
        for part, p in predicted.items():
            log_p, rows = np.log(np.maximum(p, 1e-6)), np.arange(len(held_out))
            given = log_p[rows, y[held_out]].copy()
            log_p[rows, y[held_out]] = -np.inf
            margin[part][held_out] = log_p.max(axis=1) - given
    found = {part: average_precision_score(is_error, values) for part, values in margin.items()}
    assert found["pool"] > max(found["counted"], found["learned"])
    assert found["pool"] > 0.84
