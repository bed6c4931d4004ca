"""The fast order is the stable order."""

from __future__ import annotations

import numpy as np
import pytest

from labelaudit.kernels import order
from labelaudit.kernels.order import stable_argsort


@pytest.mark.parametrize("n", [0, 1, 100, 30_000, 70_001])
@pytest.mark.parametrize("kind", ["normal", "ties", "close", "special"])
def test_is_the_stable_argsort(n, kind, monkeypatch):
    monkeypatch.setattr(order, "_WORTH_IT", 2)
    rng = np.random.default_rng(n)
    values = rng.normal(size=n)
    if kind == "ties":
        values = values.round(1)
    elif kind == "close":
        values = 1 + rng.integers(0, 50, n) * np.finfo(float).eps  # differ in bits that give way to the row number
    elif kind == "special":
        values = rng.choice([0.0, -0.0, np.nan, -np.nan, np.inf, -np.inf, 1.5, -1.5], n)
    np.testing.assert_array_equal(stable_argsort(values), np.argsort(values, kind="stable"))
