from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelaudit.errors import ConfigError, LabelsError
from labelaudit.folds import assign_folds


@st.composite
def items(draw):
    """Labels, content and groups, with copies, rare classes and unlabelled items; at least four units."""
    n = draw(st.integers(6, 60))
    labels = np.array(draw(st.lists(st.integers(-1, 4), min_size=n, max_size=n)), dtype=np.int32)
    contents = draw(st.lists(st.integers(0, 2 * n), min_size=n, max_size=n))
    contents[:4] = [-1, -2, -3, -4]
    groups = draw(st.lists(st.integers(0, n), min_size=n, max_size=n))
    groups[:4] = [-1, -2, -3, -4]
    return labels, np.array([f"{c}" for c in contents], object), np.array([f"g{g}" for g in groups], object)


@given(items(), st.integers(2, 3), st.booleans(), st.integers(0, 2**70), st.randoms())
def test_permuting_rows_permutes_folds_and_renaming_classes_changes_nothing(case, n_folds, grouped, seed, random):
    labels, keys, groups = case
    if not grouped:
        groups = None
    folds = assign_folds(labels, keys, n_folds=n_folds, seed=seed, groups=groups)
    order = np.array(random.sample(range(len(labels)), len(labels)))
    permuted = assign_folds(
        labels[order], keys[order], n_folds=n_folds, seed=seed, groups=None if groups is None else groups[order]
    )
    np.testing.assert_array_equal(permuted, folds[order])
    renamed = np.array(random.sample(range(5), 5))[labels].astype(np.int32)
    renamed[labels < 0] = -1
    np.testing.assert_array_equal(assign_folds(renamed, keys, n_folds=n_folds, seed=seed, groups=groups), folds)


@given(items(), st.integers(2, 4))
def test_copies_and_groups_stay_together(case, n_folds):
    labels, keys, groups = case
    folds = assign_folds(labels, keys, n_folds=n_folds, seed=0)
    assert set(folds) <= set(range(n_folds))
    for key in set(keys):
        assert len(set(folds[keys == key])) == 1
    folds = assign_folds(labels, keys, n_folds=n_folds, seed=0, groups=groups)
    for column in (keys, groups):
        for value in set(column):
            assert len(set(folds[column == value])) == 1


@given(st.lists(st.integers(0, 5), min_size=10, max_size=200), st.integers(2, 10), st.integers(0, 9))
def test_distinct_items_are_spread_evenly_over_folds_in_each_class_and_in_all(labels, n_folds, seed):
    labels = np.array(labels)
    keys = np.array([f"k{i}" for i in range(len(labels))], dtype=object)
    folds = assign_folds(labels, keys, n_folds=n_folds, seed=seed)
    for label in set(labels):
        counts = np.bincount(folds[labels == label], minlength=n_folds)
        assert counts.max() - counts.min() <= 1
    totals = np.bincount(folds, minlength=n_folds)
    assert totals.max() - totals.min() <= 1


def test_groups_of_many_items_are_stratified():
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 60, 2000)
    labels = (rng.random(2000) < np.where(groups < 20, 0.9, 0.1)).astype(int)
    keys = np.array([f"k{i}" for i in range(2000)], dtype=object)
    folds = assign_folds(labels, keys, n_folds=5, seed=0, groups=groups.astype(str).astype(object))
    rates = np.array([labels[folds == fold].mean() for fold in range(5)])
    assert np.abs(rates - labels.mean()).max() < 0.03
    assert np.abs(np.bincount(folds) - 400).max() < 30


def test_another_seed_gives_other_folds():
    labels = np.zeros(100, dtype=int)
    keys = np.array([f"k{i}" for i in range(100)], dtype=object)
    first, second = (assign_folds(labels, keys, n_folds=5, seed=seed) for seed in (0, 1))
    assert 0.05 < (first == second).mean() < 0.5


@pytest.mark.parametrize(
    ("keys", "groups", "error", "message"),
    [
        ("xxyy", None, ConfigError, "2 distinct items for 3 folds"),
        ("xxyz", "aabb", ConfigError, "2 separate groups for 3 folds"),
        ("xxyy", "aaaa", LabelsError, "All 4 items are in one group"),
        ("xxxx", None, LabelsError, "All 4 items have the same content"),
    ],
)
def test_too_few_units_are_an_error_that_says_how_many_there_are(keys, groups, error, message):
    named = None if groups is None else np.array(list(groups), object)
    with pytest.raises(error, match=message):
        assign_folds(np.zeros(4, int), np.array(list(keys), object), n_folds=3, seed=0, groups=named)
