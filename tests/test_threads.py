"""Work on threads gives what work in one go gives, in order, and lets errors through."""

from __future__ import annotations

import numpy as np
import pytest

from labelaudit.threads import available_cores, columns_in_blocks, in_blocks, map_blocks, on_threads, side_by_side


@pytest.mark.parametrize("n", [0, 1, 65_536, 65_537, 200_000])
@pytest.mark.parametrize("threads", [None, 1, 3])
def test_blocks_join_to_the_whole(n, threads):
    x = np.random.default_rng(n).random(n)
    np.testing.assert_array_equal(in_blocks(lambda rows: np.log1p(x[rows]), n, threads), np.log1p(x))


@pytest.mark.parametrize("n", [0, 1, 300_000])
def test_columns_keep_their_names_types_and_order(n):
    x = np.random.default_rng(n).random(n)
    found = columns_in_blocks(lambda rows: [("low", x[rows] < 0.5), ("twice", 2 * x[rows]), ("sign", -x[rows])], n, 3)
    assert list(found) == ["low", "twice", "sign"]
    for name, values in {"low": x < 0.5, "twice": 2 * x, "sign": -x}.items():
        np.testing.assert_array_equal(found[name], values)
        assert found[name].dtype == values.dtype


def test_sums_of_blocks_are_the_same_on_all_numbers_of_threads():
    x = np.random.default_rng(0).random(1_000_000)
    sums = [[float(x[rows].sum()) for rows in map_blocks(lambda rows: rows, len(x), threads)] for threads in (1, 2, 5)]
    assert sums[0] == sums[1] == sums[2]
    assert list(map_blocks(lambda rows: rows, 0)) == [slice(0, 0)]


@pytest.mark.parametrize("n", [10, 1_000_000])
def test_what_runs_side_by_side_gives_its_results_in_order(n):
    assert list(side_by_side(lambda: "a", lambda: "b", lambda: "c", n=n, threads=2)) == ["a", "b", "c"]


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
