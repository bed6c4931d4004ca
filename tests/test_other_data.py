"""The data of the benchmark that nothing was chosen on: as many errors as asked for, where each family puts them."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import other_data
from benchmarks.bench_other_data import measured
from benchmarks.other_people import NOISES, People, labelled
from benchmarks.other_sets import BUNDLED, Items

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def seen() -> People:
    """Digits, what a crowd says of them, and two models of people."""
    items = BUNDLED["digits"](None)
    said = np.random.default_rng(0).multinomial(50, np.eye(10)[items.truth] * 0.8 + 0.02)
    return People.of(Items(items.features, items.truth, said))


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("bounds", other_data.RATES)
def test_a_share_between_the_bounds_is_wrong_and_the_same_each_time(seen, noise, bounds):
    labels, again = (labelled(seen, noise, bounds, np.random.default_rng(4)) for _ in range(2))
    wrong = (labels != seen.items.truth).mean()
    assert max(bounds[0], 30 / len(labels)) * 0.7 < wrong < bounds[1] * 1.3
    assert np.array_equal(labels, again)
    assert set(np.unique(labels)) <= set(range(10))


def test_each_way_of_erring_strikes_where_it_says(seen):
    truth = seen.items.truth
    wrong_labels = {}
    for noise in NOISES:
        labels = labelled(seen, noise, (0.05, 0.051), np.random.default_rng(5))
        wrong_labels[noise] = labels, labels != truth
    labels, wrong = wrong_labels["swamped"]
    assert len(np.unique(labels[wrong])) == 1
    _, wrong = wrong_labels["annotator"]
    assert (seen.hasty.argmax(axis=1) != truth)[wrong].mean() > 0.8
    labels, wrong = wrong_labels["crowd"]
    assert (seen.items.said[wrong, labels[wrong]] > 0).all()


def test_ways_that_lack_what_they_need_are_left_out():
    items = BUNDLED["breast cancer"](None)
    assert People.of(items).noises == tuple(noise for noise in NOISES if noise != "crowd")
    said = np.eye(2)[items.truth] + 0.1
    assert set(People.of(Items(None, items.truth, said)).noises) == set(NOISES) - {"annotator", "copies"}


def test_cells_are_made_once_and_measured(tmp_path, monkeypatch):
    items = BUNDLED["breast cancer"](None)
    np.savez(tmp_path / "items-breast_cancer.npz", truth=items.truth, features=items.features, name="breast cancer")
    monkeypatch.setattr(other_data, "_turn", lambda _: ["naive Bayes", "logistic, strong penalty"])
    seen = People.of(items)
    for _ in range(2):
        other_data.make("breast cancer", "symmetric", 1, seen, tmp_path)
    cells = list(other_data.load(tmp_path))
    assert [cell.model for cell in cells] == ["logistic, strong penalty", "naive Bayes"]
    for cell in cells:
        assert cell.pred_probs.sum(axis=1) == pytest.approx(np.ones(len(cell.truth)), abs=1e-5)
        row = measured(cell, None)
        assert row["best of five"] >= row["self_confidence"] > 0.5
        assert 0.5 < row["AP"] <= 1.0
        assert "AP, neighbours" not in row
