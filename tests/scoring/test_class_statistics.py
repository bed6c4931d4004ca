"""Statistics add up exactly, in whatever parts and order."""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelaudit import class_statistics
from labelaudit.class_statistics import ClassStatistics

ARRAYS = ("counts", "confidence", "joint_cells", "joint_counts", "thresholds")


def statistics_of(labels, p_given, confident, n_classes):
    return ClassStatistics.of_confidence(labels, p_given, n_classes).with_joint(labels, confident)


def assert_identical(one, other):
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert one.n_unlabelled == other.n_unlabelled


def rows(seed, n=200, n_classes=4):
    rng = np.random.default_rng(seed)
    labels = rng.integers(-1, n_classes, n).astype(np.int32)
    confident = rng.integers(-1, n_classes, n).astype(np.int32)
    return labels, rng.random(n) ** 8, confident, n_classes


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), cuts=st.lists(st.integers(0, 200), max_size=6), shuffle=st.booleans())
def test_merge_does_not_depend_on_parts_or_order(seed, cuts, shuffle):
    labels, p_given, confident, n_classes = rows(seed)
    ends = [0, *sorted(cuts), 200]
    parts = [statistics_of(labels[a:b], p_given[a:b], confident[a:b], n_classes) for a, b in itertools.pairwise(ends)]
    if shuffle:
        np.random.default_rng(seed).shuffle(parts)
    assert_identical(functools.reduce(ClassStatistics.merge, parts), statistics_of(*rows(seed)))


@settings(max_examples=20)
@given(seeds=st.tuples(*[st.integers(0, 1000)] * 3))
def test_merge_is_associative(seeds):
    a, b, c = (statistics_of(*rows(seed)) for seed in seeds)
    assert_identical(a.merge(b).merge(c), a.merge(b.merge(c)))


def test_thresholds_are_exact_means():
    labels, p_given, confident, n_classes = rows(3, n=5000)
    thresholds = statistics_of(labels, p_given, confident, n_classes).thresholds
    for k in range(n_classes):
        assert thresholds[k] == pytest.approx(p_given[labels == k].mean(), abs=1e-15)


def test_threshold_of_a_class_without_labels_and_of_one_never_predicted():
    statistics = ClassStatistics.of_confidence(np.array([0, 0, 1], np.int32), np.array([0.5, 1.0, 0.0]), 3)
    assert statistics.thresholds.tolist() == [0.75, 2e-6, 2.0]


def test_full_probability_is_counted_exactly():
    n = 3_000_000  # more than one bincount takes at a time
    statistics = ClassStatistics.of_confidence(np.zeros(n, np.int32), np.ones(n, np.float32), 2)
    assert statistics.thresholds[0] == 1.0


def test_joint_keeps_one_on_the_diagonal():
    given_, confident = np.array([0, 0, 1], np.int32), np.array([1, 1, -1], np.int32)
    joint = statistics_of(given_, np.full(3, 0.5), confident, 3).confident_joint
    assert joint.tolist() == [[1, 2, 0], [0, 1, 0], [0, 0, 1]]


def test_sparse_joint_is_the_dense_one(monkeypatch):
    dense = statistics_of(*rows(5)).confident_joint
    monkeypatch.setattr(class_statistics, "DENSE_JOINT_CLASSES", 3)
    np.testing.assert_array_equal(statistics_of(*rows(5)).confident_joint.toarray(), dense)


def test_joint_of_very_many_classes_takes_little_memory():
    k = 200_000
    labels = np.array([0, k - 1, 7], np.int32)
    joint = statistics_of(labels, np.full(3, 0.5), np.array([5, 5, -1], np.int32), k).confident_joint
    assert joint.shape == (k, k)
    assert joint.nnz == k + 2
    assert joint[k - 1, 5] == 1
