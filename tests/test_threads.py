"""Work on threads gives what work in one go gives, in order, and lets errors through."""

from __future__ import annotations

import numpy as np
import pytest

from labelaudit.threads import available_cores, in_blocks, on_threads


@pytest.mark.parametrize("n", [0, 1, 65_536, 65_537, 200_000])
@pytest.mark.parametrize("threads", [None, 1, 3])
def test_blocks_join_to_the_whole(n, threads):
    x = np.random.default_rng(n).random(n)
    np.testing.assert_array_equal(in_blocks(lambda rows: np.log1p(x[rows]), n, threads), np.log1p(x))


@pytest.mark.parametrize("threads", [1, 4])
def test_results_come_in_the_order_of_the_items(threads):
    assert list(on_threads(lambda item: item**2, range(50), threads)) == [item**2 for item in range(50)]


def test_the_first_error_in_the_order_of_the_items_comes_through():
    def fail_late(item: int) -> None:
        if item >= 3:
            raise ValueError(item)

    with pytest.raises(ValueError, match=r"^3$"):
        list(on_threads(fail_late, range(9), 4))


def test_there_is_a_core():
    assert available_cores() >= 1
