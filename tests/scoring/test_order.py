"""The fast order is the stable order downwards, on any number of threads, with ties by id."""

from __future__ import annotations

import numpy as np
import pytest

from labelaudit.kernels import order
from labelaudit.kernels.order import order_downwards


@pytest.fixture(params=["normal", "ties", "close", "special", "far", "near"])
def scores(request):
    def make(n: int) -> np.ndarray:
        rng = np.random.default_rng(n)
        if request.param == "ties":
            return rng.normal(size=n).round(1)
        if request.param == "close":  # differ in bits that give way to the row number
            return 1 + rng.integers(0, 50, n) * np.finfo(float).eps
        if request.param == "special":
            return rng.choice([0.0, -0.0, np.nan, -np.nan, np.inf, 1.5, -1.5], n)
        if request.param == "far":  # the span of all is above the greatest number
            return (rng.random(n) - 0.5) * 3e308
        if request.param == "near":  # no number is great enough to spread their span over bins
            return rng.choice([0.0, 5e-324, 1e-310, -1e-310], n)
        return rng.normal(size=n)

    return make


def upwards(scores):
    """What an ordinary sort is to sort by."""
    turned = -scores
    return np.where(np.isnan(turned), np.inf, turned)


@pytest.mark.parametrize("n", [0, 1, 2, 100, 70_001])
@pytest.mark.parametrize("threads", [1, 2, 3, 4])
@pytest.mark.parametrize("compiled", [True, False])
def test_is_the_stable_order_on_any_number_of_threads(n, threads, compiled, scores, monkeypatch):
    monkeypatch.setattr(order, "_WORTH_A_THREAD", 50)
    monkeypatch.setattr("labelaudit.threads._ROWS", 20_000)
    values = scores(n)
    found = order_downwards(values, compiled=compiled, threads=threads)
    np.testing.assert_array_equal(found, np.argsort(upwards(values), kind="stable"))


@pytest.mark.parametrize("n", [0, 1, 2, 5000])
@pytest.mark.parametrize("compiled", [True, False])
def test_ids_order_what_ties(n, compiled, scores, monkeypatch):
    monkeypatch.setattr("labelaudit.threads._ROWS", 64)
    values = scores(n)
    ids = np.array([f"{i:05d}" for i in np.random.default_rng(1).permutation(n)], dtype=object)
    np.testing.assert_array_equal(order_downwards(values, ids, compiled=compiled), np.lexsort((ids, upwards(values))))
