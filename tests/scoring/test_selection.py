"""Values at places of the sorted order are those of a sort."""

from __future__ import annotations

import numpy as np
import pytest

from labelaudit.kernels.selection import quantiles, sorted_at


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [3, 10_000])
@pytest.mark.parametrize("digits", [2, 20])
def test_is_what_a_sort_puts_there(n, digits, dtype):
    values = np.random.default_rng(0).random(n).astype(dtype).round(digits)
    places = [0, n // 3, n // 2, n // 2, n - 1]
    assert sorted_at(values.copy(), *places) == np.sort(values)[places].tolist()


def test_quantiles_are_values_and_leave_the_others_where_they_are():
    values = np.array([0.4, 0.1, 0.3, 0.2])
    assert quantiles(values, 0.0, 0.5, 1.0) == [0.1, 0.3, 0.4]
    assert values.tolist() == [0.4, 0.1, 0.3, 0.2]
    assert quantiles(values[:0], 0.1, 0.9) == [0.0, 0.0]
