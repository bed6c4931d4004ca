"""The errors that the benchmark on scikit-learn's own sets puts into labels."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.bench_bundled import EMBEDDED, KINDS, SETS, measured, with_errors


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_asked_share_is_wrong_and_the_same_each_time(name, kind):
    points, truth = SETS[name]()
    labels = with_errors(points, truth, kind, 0.1, seed=3)
    assert (labels != truth).sum() == round(0.1 * len(truth))
    assert set(np.unique(labels)) <= set(np.unique(truth))
    assert np.array_equal(labels, with_errors(points, truth, kind, 0.1, seed=3))
    assert not np.array_equal(labels, with_errors(points, truth, kind, 0.1, seed=4))


def test_hard_items_are_hit_where_another_class_is_near():
    points, truth = SETS["wine"]()
    wrong = with_errors(points, truth, "hard", 0.1, seed=0) != truth
    scaled = (points - points.mean(axis=0)) / points.std(axis=0)
    centers = np.stack([scaled[truth == k].mean(axis=0) for k in range(3)])
    distances = np.sort(np.linalg.norm(scaled[:, None] - centers, axis=2), axis=1)
    nearness = distances[:, 1] - distances[:, 0]
    assert nearness[wrong].mean() < 0.7 * nearness[~wrong].mean()


@pytest.mark.slow
def test_a_row_of_the_table_is_measured():
    assert set(SETS) >= EMBEDDED
    row = measured(("wine", "symmetric", 0.1, 0))
    assert row["labelaudit"] > 0.8
    assert row["best of five"] >= row["self_confidence"] > 0.5
    assert 0.5 < row["F1"] <= 1.0
