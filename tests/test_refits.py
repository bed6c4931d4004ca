"""The refits behind the figures of docs/planting.md: as many errors as wanted, and where each family puts them."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import refits


@pytest.fixture(scope="module")
def seen():
    """Items of four classes in a row, with the belief of people who see them through fog."""
    rng = np.random.default_rng(0)
    n, n_classes = 6000, 4
    truth = rng.integers(0, n_classes, n)
    place = truth + rng.normal(0, 0.35, n)
    belief = np.exp(-((place[:, None] - np.arange(n_classes)) ** 2) / 0.25)
    belief = 0.98 * belief / belief.sum(axis=1, keepdims=True) + 0.02 / n_classes
    vectors = np.c_[place, rng.normal(size=(n, 3))]
    return refits._Labelling(refits.Clean(vectors, vectors, truth, n_classes), belief)


@pytest.mark.parametrize("noise", refits.NOISES)
@pytest.mark.parametrize("rate", [0.02, 0.2])
def test_as_many_labels_are_wrong_as_wanted(seen, noise, rate):
    labels = refits._corrupted(seen, noise, rate, np.random.default_rng(1))
    assert (labels != seen.truth).mean() == pytest.approx(rate, rel=0.2)
    assert set(np.unique(labels)) <= set(range(4))


def test_hard_items_are_struck_by_people_and_at_boundaries_and_any_item_by_chance(seen):
    hard = seen.p_true() < np.quantile(seen.p_true(), 0.2)
    share = {}
    for noise in ("uniform", "human", "boundary"):
        wrong = refits._corrupted(seen, noise, 0.05, np.random.default_rng(2)) != seen.truth
        share[noise] = wrong[hard].sum() / wrong.sum()
    assert share["uniform"] == pytest.approx(0.2, abs=0.06)
    assert share["uniform"] < 0.4 < share["human"] < share["boundary"]


def test_cells_come_back_as_they_were_saved(tmp_path):
    kinds = [(noise, rate) for noise in refits.NOISES for rate in refits.RATES]
    rng = np.random.default_rng(3)
    drawn = [
        refits.Refit(*kind, rng.integers(0, 3, 5).astype(np.int32), rng.random((5, 3)).astype(np.float32))
        for kind in kinds
    ]
    cell = refits.Cell("digits", np.arange(5) % 3, rng.random((5, 2)).astype(np.float32), drawn)
    refits.save(cell, tmp_path / "digits.npz")
    (again,) = refits.load(tmp_path)
    assert again.name == "digits"
    for old, new in zip(cell.refits, again.refits, strict=True):
        assert (old.noise, old.rate) == (new.noise, new.rate)
        assert np.array_equal(old.labels, new.labels)
        assert np.array_equal(old.pred_probs, new.pred_probs)
