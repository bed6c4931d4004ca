"""Pools of several models: weights that are learned, and how undecided the pool is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from labelaudit.pooling import log_pool_weights, mixture_weights
from labelaudit.scoring import score


def softmax(logits):
    p = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)


def entropy(p):
    return -(p * np.log(np.maximum(p, 1e-12))).sum(axis=-1)


def heard(seed, noise, n=2000, n_classes=6, wrong=0.0):
    """Items on which people disagree more or less, one person's label of each, and models that hear through noise."""
    rng = np.random.default_rng(seed)
    shares = rng.gamma(0.1, size=(n, n_classes)) + 1e-6
    shares[np.arange(n), rng.integers(n_classes, size=n)] += rng.gamma(2.0, size=n)
    people = shares / shares.sum(axis=1, keepdims=True)
    logits = np.log(np.maximum(people, 1e-4))
    models = [softmax(logits + level * rng.normal(size=people.shape)).astype(np.float32) for level in noise]
    labels = np.argmax(np.log(people) + rng.gumbel(size=people.shape), axis=1)
    spoilt = rng.random(n) < wrong
    labels[spoilt] = rng.integers(n_classes, size=spoilt.sum())
    return people, models, labels.astype(np.int32)


def weights_of(models, labels):
    found = np.array(models)
    return log_pool_weights(found, labels, mixture_weights(found[:, np.arange(len(labels)), labels]))


@pytest.mark.parametrize("noise", [(0.5, 3.0), (1.0, 1.0), (1.5, 2.0, 4.0)])
@pytest.mark.parametrize("wrong", [0.0, 0.2])
def test_ambiguity_of_a_pool_gains_by_every_model(noise, wrong):
    people, models, labels = heard(3, noise, wrong=wrong)
    pooled = spearmanr(score(labels, models).ambiguity, entropy(people))[0]
    alone = max(spearmanr(score(labels, model).ambiguity, entropy(people))[0] for model in models)
    mean = spearmanr(np.mean([entropy(model) for model in models], axis=0), entropy(people))[0]
    assert pooled > alone
    assert pooled > mean


def test_a_model_that_knows_nothing_has_no_weight():
    rng = np.random.default_rng(0)
    _, (model,), labels = heard(0, [0.5])
    guess = softmax(rng.normal(size=model.shape))
    flat = np.full(model.shape, 1.0 / model.shape[1])
    assert weights_of([model, guess], labels)[1] < 0.05
    _, people_said = weights_of([flat, model], labels)
    assert people_said > 0.5


def test_copies_of_a_model_weigh_together_what_one_weighs():
    _, (model,), labels = heard(1, [0.7])
    alone = log_pool_weights(model[None], labels, np.ones(1))
    twice = weights_of([model, model], labels)
    assert twice[0] == pytest.approx(twice[1], abs=1e-3)
    assert twice.sum() == pytest.approx(alone[0], rel=0.02)


def test_models_that_are_too_sure_get_less_weight():
    _, (model,), labels = heard(2, [0.7])
    fair = log_pool_weights(model[None], labels, np.ones(1))[0]
    sure = log_pool_weights(softmax(2.0 * np.log(np.maximum(model, 1e-12)))[None], labels, np.ones(1))[0]
    # Not half, as the floor takes some of what is too sure away.
    assert 0.4 * fair < sure < 0.65 * fair


def test_random_labels_hardly_change_the_weights():
    _, models, clean = heard(4, (0.8, 1.5), n=5000)
    _, _, spoilt = heard(4, (0.8, 1.5), n=5000, wrong=0.3)
    np.testing.assert_allclose(weights_of(models, spoilt), weights_of(models, clean), atol=0.12)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(2, 60), n_classes=st.integers(2, 5), n_models=st.integers(2, 4))
def test_any_pool_has_ambiguity_and_order_bears_on_nothing(seed, n, n_classes, n_models):
    rng = np.random.default_rng(seed)
    models = list(rng.dirichlet(np.full(n_classes, rng.choice([0.05, 1.0])), size=(n_models, n)))
    labels = rng.integers(-1, n_classes, n).astype(np.int32)
    labels[:2] = [0, 1]
    found = score(labels, models).ambiguity
    assert np.isfinite(found).all()
    assert ((found >= 0) & (found < 1)).all()
    rows, classes = rng.permutation(n), rng.permutation(n_classes)
    np.testing.assert_allclose(score(labels[rows], [m[rows] for m in models]).ambiguity, found[rows], atol=1e-3)
    renamed = np.where(labels >= 0, np.argsort(classes)[labels], -1).astype(np.int32)
    np.testing.assert_allclose(score(renamed, [m[:, classes] for m in models]).ambiguity, found, atol=1e-3)


def test_entropies_are_those_of_the_formula_whatever_the_chunks(monkeypatch):
    _, models, labels = heard(5, (0.5, 2.0), n=700)
    whole = score(labels, models)
    weights = weights_of(models, labels)
    logs = np.tensordot(weights, np.log(np.maximum(models, 1e-6, dtype=np.float64)), axes=1)
    assert whole.members is not None
    np.testing.assert_allclose(whole.members.log_pool.entropy, entropy(softmax(logs)), atol=2e-5)
    p = softmax(logs)
    others = p.copy()
    others[np.arange(700), labels] = 0.0
    best = others.max(axis=1)
    p[np.arange(700), others.argmax(axis=1)] = 0.0
    np.testing.assert_allclose(whole.members.log_pool.other_share, best / (best + p.max(axis=1)), atol=2e-5)
    monkeypatch.setattr("labelaudit.chunks._CHUNK_BYTES", 6 * 4 * 37)
    chunked = score(labels, models).members.log_pool
    for name in ("entropy", "other_share"):
        np.testing.assert_array_equal(getattr(chunked, name), getattr(whole.members.log_pool, name))


def test_repeats_of_one_model_are_no_pool_of_models():
    _, models, labels = heard(6, (0.5, 0.5), n=300)
    found = score(labels, models, members="repeats")
    assert found.members.log_pool is None
    np.testing.assert_allclose(found.members.expected, np.mean([entropy(m) for m in models], axis=0), atol=1e-5)


def test_many_classes_are_learned_from_few_rows(monkeypatch):
    monkeypatch.setattr("labelaudit.sampling._VALUES", 2 * 6 * 150)
    _, models, labels = heard(7, (0.5, 2.0), n=3000)
    few = score(labels, models).ambiguity
    monkeypatch.undo()
    assert spearmanr(few, score(labels, models).ambiguity)[0] > 0.98
