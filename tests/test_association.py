"""Whether probabilities go with labels: informed, ignorant, mixed up, and of a class that is always the likeliest."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

import labelaudit as la
from labelaudit.association import association, chance_agreement
from labelaudit.health import Health
from labelaudit.walk import Walk


def drawn(seed, n=400, n_classes=4, *, sureness=2.0):
    """Labels, and probabilities that know something of them."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(n_classes, size=n, p=rng.dirichlet(np.full(n_classes, 5.0))).astype(np.int32)
    logits = rng.normal(size=(n, n_classes)) + sureness * np.eye(n_classes)[labels]
    p = np.exp(logits)
    return labels, p / p.sum(axis=1, keepdims=True)


def measured(labels, *sources, **options):
    weights = np.full(len(sources), 1.0 / len(sources))
    return association(labels, Walk.over(sources, len(labels), **options), weights)


def test_it_is_the_excess_over_permuted_labels_in_their_standard_deviations():
    labels, p = drawn(0)
    rng = np.random.default_rng(1)
    rows = np.arange(len(labels))
    by_chance = [p[rows, rng.permutation(labels)].sum() for _ in range(4000)]
    expected = (p[rows, labels].sum() - np.mean(by_chance)) / np.std(by_chance)
    assert measured(labels, p) == pytest.approx(expected, rel=0.05)


def test_rows_in_another_order_are_seen_and_rarely_anything_else():
    found = []
    for seed in range(300):
        labels, p = drawn(seed, n=60, sureness=1.0)
        assert measured(labels, p) > NormalDist().inv_cdf(0.99)
        found.append(measured(labels, np.random.default_rng(seed).permutation(p)))
    assert np.mean(found) == pytest.approx(0.0, abs=0.2)
    assert np.std(found) == pytest.approx(1.0, abs=0.15)


def test_a_model_whose_first_choice_never_changes_may_know_much():
    rng = np.random.default_rng(3)
    labels = (rng.random(2000) < 0.02).astype(np.int32)
    rare = np.clip(0.02 + 0.05 * labels + 0.01 * rng.normal(size=2000), 0.001, 0.4)
    p = np.column_stack([1.0 - rare, rare])
    assert (p.argmax(axis=1) == 0).all()
    assert measured(labels, p) > 10


def test_the_columns_of_another_order_of_classes_count_against():
    labels, p = drawn(4)
    assert measured(labels, p[:, ::-1]) < 0


@pytest.mark.parametrize("n_classes", [2, 5])
def test_equal_probabilities_know_nothing(n_classes):
    labels = np.arange(60, dtype=np.int32) % n_classes
    assert measured(labels, np.full((60, n_classes), 1.0 / n_classes)) == pytest.approx(0.0, abs=1e-6)


def test_with_one_class_or_none_nothing_can_be_told():
    _, p = drawn(5)
    assert measured(np.zeros(len(p), dtype=np.int32), p) is None
    assert measured(np.full(len(p), -1, dtype=np.int32), p) is None


def test_neither_chunks_nor_threads_change_it():
    labels, p = drawn(6, n=70_000)
    labels[::7] = -1
    whole = measured(labels, p, p[:, ::-1].copy(), threads=1, memory="2GB")
    assert measured(labels, p, p[:, ::-1].copy(), threads=3, memory="1MB") == whole


def test_agreement_by_chance_is_that_of_independent_labellings():
    given, top = np.array([0, 0, 0, 1]), np.array([0, 1, 1, 1])
    assert chance_agreement(given, top) == pytest.approx(0.75 * 0.25 + 0.25 * 0.75)


def test_an_audit_of_rows_in_another_order_says_so_and_promises_nothing():
    labels, p = drawn(7, sureness=3.0)
    classes = tuple("abcd")
    rng = np.random.default_rng(8)
    fine = la.audit(la.Dataset.from_arrays(labels, classes=classes, pred_probs=[p]))
    assert "do not go with these labels" not in Health.from_dict(fine.health).caution
    vectors = rng.normal(size=(4, 8))[labels] + 0.5 * rng.normal(size=(len(labels), 8))
    for inputs in ({"pred_probs": [rng.permutation(p)]}, {"embeddings": rng.permutation(vectors)}):
        mixed = Health.from_dict(la.audit(la.Dataset.from_arrays(labels, classes=classes, **inputs)).health)
        assert "rows of vectors (--embeddings) or probabilities (--pred-probs) in another order" in mixed.caution
        assert "a mere guess" in mixed.range_in_words
        assert mixed.expected_precision_line == ""
