"""Work on threads gives what work in one go gives, in order, and lets errors through."""

from __future__ import annotations

import os
import threading
import time
import weakref

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
    assert side_by_side(lambda: "a", lambda: 2, n=n, threads=2) == ("a", 2)


@pytest.mark.parametrize("threads", [1, 4])
def test_results_come_in_the_order_of_the_items(threads):
    assert list(on_threads(lambda item: item**2, range(50), threads)) == [item**2 for item in range(50)]


def test_the_first_error_in_the_order_of_the_items_comes_through():
    def fail_late(item: int) -> None:
        if item >= 3:
            raise ValueError(item)

    with pytest.raises(ValueError, match=r"^3$"):
        list(on_threads(fail_late, range(9), 4))


def test_calls_within_calls_come_to_an_end_and_share_the_helpers():
    def inner(item: int) -> int:
        return sum(on_threads(lambda part: part * item, range(20), 4))

    before = threading.active_count()
    for _ in range(20):
        assert list(on_threads(inner, range(12), 4)) == [190 * item for item in range(12)]
    assert threading.active_count() <= max(before, 4)


def test_nothing_is_begun_after_a_failure_and_helpers_stay_fit_for_work():
    begun = []

    def fail_at_once(item: int) -> None:
        begun.append(item)
        raise RuntimeError(item)

    for _ in range(5):
        with pytest.raises(RuntimeError):
            list(on_threads(fail_at_once, range(1000), 3))
    assert len(begun) <= 15
    assert list(on_threads(abs, range(9), 3)) == list(range(9))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_has_helpers_of_its_own():
    list(on_threads(abs, range(9), 3))
    child = os.fork()
    if child == 0:
        os._exit(0 if list(on_threads(abs, range(9), 3)) == list(range(9)) else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_what_is_done_is_not_kept_in_memory():
    array = np.zeros(1000)
    gone = weakref.ref(array)
    list(on_threads(lambda item, array=array: float(array[item]), range(9), 3))
    del array
    for _ in range(100):
        if gone() is None:
            break
        time.sleep(0.01)  # until an idle helper has seen that there is nothing left to do
    assert gone() is None


def test_there_is_a_core():
    assert available_cores() >= 1
