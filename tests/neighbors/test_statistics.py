"""What neighbours say: votes, outliers, copies."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelaudit.errors import LabelsError
from labelaudit.neighbors import Neighbors, class_fraction, find_neighbors, neighbor_statistics

N_CLASSES = 4


def random_neighbors(seed: int, n: int = 60, k: int = 5) -> tuple[Neighbors, np.ndarray]:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(n, 3))
    vectors[rng.random(n) < 0.1] = np.nan
    copies = rng.random(n) < 0.2
    vectors[copies] = vectors[rng.integers(n, size=copies.sum())]
    return find_neighbors(vectors, k=k, metric="euclidean"), rng.integers(-1, N_CLASSES, n).astype(np.int32)


def counted(neighbors: Neighbors, labels: np.ndarray) -> np.ndarray:
    """(n, K) votes, counted one by one."""
    counts = np.zeros((len(neighbors), N_CLASSES), dtype=int)
    for row, others in enumerate(neighbors.indices):
        for other in others:
            if other >= 0 and labels[other] >= 0:
                counts[row, labels[other]] += 1
    return counts


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000))
def test_votes_are_those_counted_one_by_one(seed):
    neighbors, labels = random_neighbors(seed)
    found, counts = neighbor_statistics(neighbors, labels, N_CLASSES), counted(neighbors, labels)
    total = counts.sum(axis=1)
    share = counts / np.where(total, total, np.nan)[:, None]
    rows = np.arange(len(labels))
    np.testing.assert_array_equal(found.n_votes, total)
    np.testing.assert_allclose(found.given_fraction, np.where(labels >= 0, share[rows, labels], np.nan))
    np.testing.assert_allclose(found.top_fraction, share.max(axis=1))
    others = np.where(labels[:, None] == np.arange(N_CLASSES), -1, counts)
    np.testing.assert_allclose(found.other_fraction, others.max(axis=1) / np.where(total, total, np.nan))
    voted = total > 0
    np.testing.assert_array_equal(counts[rows, found.top][voted], counts.max(axis=1)[voted])
    np.testing.assert_array_equal(found.top[~voted], -1)
    assert (found.other[voted] != labels[voted])[found.other[voted] >= 0].all()
    entropy = -np.sum(share * np.log(np.where(share > 0, share, 1.0)), axis=1)
    np.testing.assert_allclose(found.label_entropy, entropy, atol=1e-12)
    np.testing.assert_allclose(class_fraction(neighbors, labels, found.top), found.top_fraction)


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000))
def test_renaming_the_classes_renames_the_answers(seed):
    neighbors, labels = random_neighbors(seed)
    renamed = np.random.default_rng(seed).permutation(N_CLASSES).astype(np.int32)
    plain = neighbor_statistics(neighbors, labels, N_CLASSES)
    other = neighbor_statistics(neighbors, np.where(labels >= 0, renamed[labels], -1), N_CLASSES)
    for name in (
        "given_fraction",
        "top_fraction",
        "other_fraction",
        "label_entropy",
        "outlier",
        "density",
    ):
        np.testing.assert_allclose(getattr(other, name), getattr(plain, name))
    for name in ("top", "other"):
        code = getattr(plain, name)
        np.testing.assert_array_equal(getattr(other, name), np.where(code >= 0, renamed[code], -1))
    np.testing.assert_array_equal(other.conflict, plain.conflict)


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000))
def test_permuting_the_items_permutes_the_statistics(seed):
    rng = np.random.default_rng(seed)
    vectors, labels = rng.normal(size=(80, 4)), rng.integers(0, N_CLASSES, 80).astype(np.int32)
    vectors[40:50] = vectors[:10]
    order = rng.permutation(80)
    plain = neighbor_statistics(find_neighbors(vectors, k=5), labels, N_CLASSES)
    # Copies are equally far from everything: ties between them must not follow the order of the rows.
    found = find_neighbors(vectors[order], k=5, order=np.argsort(order))
    permuted = neighbor_statistics(found, labels[order], N_CLASSES)
    for name in ("given_fraction", "outlier", "density", "conflict", "conflict_label"):
        np.testing.assert_allclose(getattr(permuted, name), getattr(plain, name)[order], rtol=1e-5)
    pairs = plain.duplicate_group[order]
    np.testing.assert_array_equal(
        permuted.duplicate_group[:, None] == permuted.duplicate_group, pairs[:, None] == pairs
    )


def test_many_neighbours_are_compared_in_parts(monkeypatch):
    neighbors, labels = random_neighbors(3, k=20)
    whole = neighbor_statistics(neighbors, labels, N_CLASSES)
    monkeypatch.setattr("labelaudit.neighbors.statistics._COMPARED", 7 * 20**2)
    parts = neighbor_statistics(neighbors, labels, N_CLASSES)
    for field in fields(whole):
        np.testing.assert_array_equal(getattr(parts, field.name), getattr(whole, field.name))


def test_an_item_has_no_vote_on_its_own_label():
    rng = np.random.default_rng(0)
    neighbors = find_neighbors(rng.normal(size=(50, 3)), k=49, metric="euclidean")
    labels = np.zeros(50, dtype=np.int32)
    labels[7] = 1
    found = neighbor_statistics(neighbors, labels, 2)
    assert found.given_fraction[7] == 0.0
    assert found.n_votes[7] == 49


def test_copies_are_grouped_in_order_of_appearance_and_conflicts_called_out():
    vectors = np.random.default_rng(0).normal(size=(40, 6))
    vectors[[3, 8, 30]] = vectors[1]
    vectors[20] = vectors[10] * (1 + 1e-6)  # a near copy
    labels = np.zeros(40, dtype=np.int32)
    labels[[8, 30]] = 2
    labels[1] = -1
    found = neighbor_statistics(find_neighbors(vectors, k=3, metric="euclidean"), labels, 3)
    groups = {1: 0, 3: 0, 8: 0, 30: 0, 10: 1, 20: 1}
    np.testing.assert_array_equal(found.duplicate_group, [groups.get(row, -1) for row in range(40)])
    np.testing.assert_array_equal(np.flatnonzero(found.conflict), [1, 3, 8, 30])
    assert found.conflict_label[[3, 8, 30, 10]].tolist() == [2, 0, 0, -1]


def test_a_data_set_given_twice_is_all_duplicates_and_nothing_else():
    vectors = np.random.default_rng(0).normal(size=(100, 6))
    found = neighbor_statistics(find_neighbors(np.vstack([vectors, vectors])), np.zeros(200, dtype=np.int32), 2)
    np.testing.assert_array_equal(found.duplicate_group, np.tile(np.arange(100), 2))


def test_near_duplicates_follow_the_given_distance():
    vectors = np.array([[0.0, 0.0], [0.1, 0.0], [0.2, 0.0], [5.0, 0.0], [5.5, 0.0], [20.0, 0.0]])
    neighbors = find_neighbors(vectors, k=2, metric="euclidean")
    labels = np.zeros(6, dtype=np.int32)
    grouped = neighbor_statistics(neighbors, labels, 2, duplicates_within=0.15).duplicate_group
    np.testing.assert_array_equal(grouped, [0, 0, 0, -1, -1, -1])  # linked in steps
    np.testing.assert_array_equal(neighbor_statistics(neighbors, labels, 2, duplicates_within=0).duplicate_group, -1)


def test_planted_outliers_stand_out_and_copies_lie_densest():
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(500, 8))
    vectors[:5] += 30 * rng.normal(size=(5, 8))
    vectors[100:112] = vectors[100]
    found = neighbor_statistics(find_neighbors(vectors, metric="euclidean"), np.zeros(500, dtype=np.int32), 2)
    assert (found.outlier[:5] > 0.999).all()
    assert np.median(found.outlier[200:]) == pytest.approx(0.5, abs=0.05)
    assert (found.outlier[100:112] == 0).all()
    assert (found.density[100:112] == 1).all()
    assert found.density[:5].max() < found.density[200:].min()


def test_items_without_neighbours_say_nothing():
    found = neighbor_statistics(find_neighbors([[1.0, 0.0], [0.0, 0.0], [np.nan, 1.0]]), np.array([0, 1, 0]), 2)
    for name in (
        "given_fraction",
        "other_fraction",
        "top_fraction",
        "label_entropy",
        "outlier",
        "density",
    ):
        assert np.isnan(getattr(found, name)).all()
    assert (found.top == -1).all()
    assert not found.conflict.any()


@pytest.mark.parametrize("labels", [[0, 1], [0, 1, 5], [0, -2, 1]])
def test_labels_that_do_not_fit_are_refused(labels):
    with pytest.raises(LabelsError, match=r"one label for each|class indices from 0 to 1"):
        neighbor_statistics(find_neighbors(np.eye(3)), np.array(labels), 2)


def test_planted_errors_have_few_neighbours_of_their_label():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 5, 1500).astype(np.int32)
    vectors = rng.normal(size=(5, 16))[truth] * 2 + rng.normal(size=(1500, 16))
    wrong = rng.random(1500) < 0.1
    labels = np.where(wrong, (truth + 1) % 5, truth).astype(np.int32)
    found = neighbor_statistics(find_neighbors(vectors), labels, 5)
    assert np.nanmean(found.given_fraction[wrong]) < 0.2 < 0.8 < np.nanmean(found.given_fraction[~wrong])
    assert (found.other[wrong] == truth[wrong]).mean() > 0.9
