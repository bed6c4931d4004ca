"""The contract of every classifier, and naive Bayes against plain arithmetic."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.datasets import load_digits
from sklearn.metrics import average_precision_score
from sklearn.model_selection import StratifiedKFold
from sklearn.naive_bayes import MultinomialNB

from labelaudit.classifiers import CLASSIFIERS, Classifier
from labelaudit.classifiers._logistic import StandardizedLogistic
from labelaudit.classifiers._naive_bayes import (
    _SMOOTHINGS,
    TemperedNaiveBayes,
    _best,
    _count,
    _LeftOut,
    _robust_likelihoods,
)
from labelaudit.encoders import ENCODERS

pytestmark = pytest.mark.usefixtures("one_thread")


NAMES = [pytest.param(name, marks=pytest.mark.slow if name == "cnn" else ()) for name in CLASSIFIERS.names()]


@pytest.fixture(autouse=True)
def few_epochs(monkeypatch):
    """A quarter of what small sets get from the network: enough for what is plain to see."""
    monkeypatch.setattr("labelaudit.classifiers.cnn._EPOCHS", (10, 25))


def problem(kind: str, *, n: int = 150, n_classes: int = 3):
    """Features of the kind an encoder gives, with one column that tells each class."""
    rng = np.random.default_rng(0)
    y = np.arange(n) % n_classes
    X = np.hstack([np.eye(n_classes)[y] + rng.random((n, n_classes)) * 0.8, rng.random((n, 4))]).astype(np.float32)
    if kind == "pixels":  # which side is bright, with noise
        images = rng.integers(0, 120, (n, 32, 32, 3))
        for i, place in enumerate(y):
            images[i, :, 10 * place : 10 * place + 10] += 120
        return images.astype(np.uint8).reshape(n, -1), y
    if kind == "text":
        return sparse.csr_array(X * (X > 0.3)), y
    if kind == "table":
        return pd.DataFrame(X[:, 1:]).add_prefix("x").assign(
            c=pd.Categorical(np.where(X[:, 0] > 0.9, "high", "low"))
        ), y
    return X, y


@pytest.mark.parametrize("name", NAMES)
def test_a_classifier_learns_and_gives_probabilities_of_the_classes_it_saw(name):
    classifier = CLASSIFIERS.get(name)
    assert isinstance(classifier, Classifier)
    for encoder in (classifier.encoder, classifier.neighbors or classifier.encoder):
        assert ENCODERS.get(encoder).modality == classifier.modality
    X, y = problem(classifier.encoder)
    y = np.array([2, 5, 9])[y]
    first, second = (classifier.build(seed=1) for _ in range(2))
    first.fit(X, y)
    second.fit(X, y)
    pred_probs = first.predict_proba(X)
    assert np.asarray(first.classes_).tolist() == [2, 5, 9]
    assert pred_probs.shape == (len(y), 3)
    np.testing.assert_allclose(pred_probs.sum(axis=1), 1, atol=1e-5)
    assert (first.classes_[pred_probs.argmax(axis=1)] == y).mean() > 0.8
    np.testing.assert_array_equal(second.predict_proba(X), pred_probs)


@pytest.mark.parametrize("name", NAMES)
def test_a_class_with_one_member_can_be_fitted(name):
    classifier = CLASSIFIERS.get(name)
    X, y = problem(classifier.encoder)
    y[1:] = y[1:] % 2
    y[0] = 7
    estimator = classifier.build(seed=0)
    estimator.fit(X, y)
    assert np.isfinite(estimator.predict_proba(X)).all()


def test_naive_bayes_is_that_of_scikit_learn_at_the_chosen_smoothing_and_temperature():
    X, y = problem("text")
    model = TemperedNaiveBayes().fit(X, y)
    peer = MultinomialNB(alpha=model.smoothing_).fit(X, y)
    tempered = peer.predict_joint_log_proba(X) * model.temperature_
    expected = np.exp(tempered - np.logaddexp.reduce(tempered, axis=1)[:, None])
    np.testing.assert_allclose(model.predict_proba(X), expected, atol=1e-5)


@pytest.mark.parametrize("smoothing", _SMOOTHINGS)
def test_leaving_a_row_out_in_closed_form_equals_fitting_without_it(smoothing):
    X, y = problem("text", n=30)
    found = _LeftOut(X, y, _count(X, y)).log_probs(smoothing)
    for i in (0, 13, 29):
        without = np.arange(30) != i
        peer = MultinomialNB(alpha=smoothing).fit(X[without], y[without])
        likelihood = peer.feature_log_prob_[y[i]] @ X[[i]].toarray()[0]
        prior = np.log(((y == y[i]).sum() - 1) / 30)
        assert found[i, y[i]] == pytest.approx(likelihood + prior, abs=1e-4)


@pytest.mark.parametrize("sharpness", [0.1, 0.5, 1, 3])
@pytest.mark.parametrize("n", [30, 300])
def test_the_chosen_smoothing_and_temperature_are_the_likeliest_of_all(n, sharpness):
    X, y = problem("text", n=n)
    X.data **= sharpness
    counts = _count(X, y)
    likelihoods = {}
    for smoothing in _SMOOTHINGS:
        log_p = _LeftOut(X, y, counts).log_probs(smoothing)
        log_p -= log_p.max(axis=1, keepdims=True)
        for likelihood, temperature in _robust_likelihoods(log_p, y):
            likelihoods[smoothing, temperature] = likelihood
    assert sorted({temperature for _, temperature in likelihoods}) == pytest.approx([0.25, 0.35, 0.5, 0.7, 1, 1.4])
    assert _best(X, y, counts) == max(likelihoods, key=likelihoods.__getitem__)


def test_likelihoods_are_those_of_tempered_probabilities_mixed_with_noise():
    log_p, codes = np.log(np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4]], np.float32)), np.array([1, 2])
    log_p -= log_p.max(axis=1, keepdims=True)
    for likelihood, temperature in _robust_likelihoods(log_p, codes):
        p = np.exp(log_p.astype(np.float64) * temperature)
        p /= p.sum(axis=1, keepdims=True)
        assert likelihood == pytest.approx(np.log(0.95 * p[[0, 1], codes] + 0.05 / 3).mean(), abs=1e-6)


def test_naive_bayes_gives_rows_without_any_term_the_prior():
    X, y = problem("text")
    X = X.tolil()
    X[:3] = 0
    model = TemperedNaiveBayes().fit(X.tocsr(), y)
    np.testing.assert_allclose(model.predict_proba(X.tocsr()[:3]), 1 / 3, atol=0.01)


def test_the_scale_of_features_does_not_matter_to_logistic_regression():
    X, y = problem("embedding")
    scales = 10.0 ** np.arange(-3, X.shape[1] - 3)
    plain = StandardizedLogistic(seed=0).fit(X, y).predict_proba(X)
    scaled = StandardizedLogistic(seed=0).fit(X * scales + scales, y).predict_proba(X * scales + scales)
    np.testing.assert_allclose(scaled, plain, atol=2e-3)


def test_constant_features_do_not_matter_to_logistic_regression():
    X, y = problem("embedding")
    wider = np.hstack([X, np.full((len(X), 3), 1e6, dtype=np.float32)])
    plain = StandardizedLogistic(seed=0).fit(X, y).predict_proba(X)
    np.testing.assert_allclose(StandardizedLogistic(seed=0).fit(wider, y).predict_proba(wider), plain, atol=1e-4)


def test_logistic_regression_finds_planted_errors_among_digits():
    X, truth = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    wrong = rng.random(len(truth)) < 0.1
    y = np.where(wrong, (truth + rng.integers(1, 10, len(truth))) % 10, truth)
    self_confidence = np.empty(len(y))
    for train, held_out in StratifiedKFold(5, shuffle=True, random_state=0).split(X, y):
        p = StandardizedLogistic(seed=0).fit(X[train], y[train]).predict_proba(X[held_out])
        self_confidence[held_out] = p[np.arange(len(p)), y[held_out]]
    assert average_precision_score(wrong, 1 - self_confidence) > 0.95
