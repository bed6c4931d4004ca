"""Counting errors from random checks: honest whatever the suspicion is worth, and whoever slips."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from labelaudit.errors import UsageError
from labelaudit.residual import RandomCheck, draw_check, estimate_errors, second_looks


def population(n: int, rate: float, quality: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return suspicion (n,) and truth (n,); `quality` 0 makes suspicion worthless."""
    is_error = rng.random(n) < rate
    log_odds = rng.normal(-2.0, 1.5, n) + quality * is_error
    return 1 / (1 + np.exp(-log_odds)), is_error


def looked_at(
    truth: np.ndarray, slips: float, rng: np.random.Generator, *, twice: bool
) -> tuple[np.ndarray, np.ndarray]:
    called = (truth ^ (rng.random(len(truth)) < slips)).astype(int)
    looks = np.ones(len(truth), dtype=int)
    if twice:
        again = second_looks(called.astype(bool), seed=int(rng.integers(1 << 30)))
        called[again] += (truth ^ (rng.random(len(truth)) < slips))[again]
        looks[again] += 1
    return called, looks


def coverage(
    rate: float, quality: float, *, slips: float, twice: bool, runs: int, n: int = 4000
) -> tuple[float, float]:
    """Return the share of intervals that hold the truth, and the mean of estimate / truth."""
    covered, ratios = [], []
    for run in range(runs):
        rng = np.random.default_rng([run, int(rate * 1000), int(quality)])
        suspicion, is_error = population(n, rate, quality, rng)
        check = draw_check(suspicion, 200, seed=run)
        estimate = estimate_errors(check, *looked_at(is_error[check.items], slips, rng, twice=twice), seed=run)
        covered.append(estimate.interval[0] <= is_error.sum() <= estimate.interval[1])
        ratios.append(estimate.errors / is_error.sum())
    return float(np.mean(covered)), float(np.mean(ratios))


@pytest.mark.slow
@pytest.mark.parametrize("quality", [0.0, 4.0])
@pytest.mark.parametrize("rate", [0.01, 0.05, 0.1, 0.3])
def test_intervals_cover_whatever_suspicion_is_worth(rate: float, quality: float) -> None:
    covered, ratio = coverage(rate, quality, slips=0.0, twice=False, runs=100)
    assert covered >= 0.93
    assert ratio == pytest.approx(1.0, abs=0.15)


@pytest.mark.slow
@pytest.mark.parametrize("rate", [0.02, 0.1])
def test_second_looks_take_out_the_slips_of_a_reviewer(rate: float) -> None:
    covered, ratio = coverage(rate, 4.0, slips=0.05, twice=True, runs=40)
    assert covered >= 0.90  # 0.93 less one miss in 40 runs
    assert ratio < 1.35
    # What one look would have said: the reason for the second.
    naive, inflated = coverage(rate, 4.0, slips=0.05, twice=False, runs=40)
    assert naive < 0.7
    assert inflated > 1.25


def test_a_full_check_leaves_no_doubt() -> None:
    suspicion, is_error = population(150, 0.1, 2.0, np.random.default_rng(0))
    check = draw_check(suspicion, 1000)
    assert sorted(check.items) == list(range(150))
    estimate = estimate_errors(check, is_error[check.items], found=3)
    assert estimate.interval == (is_error.sum(), is_error.sum())
    assert estimate.remaining_interval == (is_error.sum() - 3, is_error.sum() - 3)


def test_no_error_found_is_not_no_error() -> None:
    check = draw_check(np.full(10_000, 0.01), 100)
    estimate = estimate_errors(check, np.zeros(100, dtype=bool))
    assert estimate.interval[0] == 0
    assert 150 < estimate.interval[1] < 500  # the rule of three gives 300
    assert estimate.remaining_interval == estimate.interval


def test_one_stratum_agrees_with_the_classical_intervals() -> None:
    from scipy.stats import beta

    check = RandomCheck(items=np.arange(200), stratum=np.zeros(200, dtype=int), sizes=np.array([1_000_000]))
    called = np.arange(200) < 18
    low, high = np.array(estimate_errors(check, called).interval) / 1e6
    assert low == pytest.approx(beta.ppf(0.025, 18, 183), rel=0.03)  # Clopper and Pearson
    assert high == pytest.approx(beta.ppf(0.975, 18.5, 182.5), rel=0.03)  # Jeffreys


def test_the_kind_of_range_is_said_in_words() -> None:
    check = draw_check(np.linspace(0, 1, 500), 60)
    once = estimate_errors(check, np.zeros(60, dtype=int))
    assert (
        once.range_kind
        == "95% confidence interval from 60 random checks, each looked at once and every verdict taken as right"
    )
    assert once.slip_rates is None
    assert estimate_errors(check, np.zeros(60, dtype=int), level=0.995).range_kind.startswith("99.5% confidence")
    twice = estimate_errors(check, np.zeros(60, dtype=int), np.r_[np.full(20, 2), np.ones(30, int), np.zeros(10, int)])
    assert "from 50 random checks, 20 of them looked at more than once" in twice.range_kind
    assert twice.slip_rates is not None
    assert 0 < twice.slip_rates[0] < 0.05


def test_a_wider_level_gives_a_wider_interval() -> None:
    check = draw_check(np.linspace(0, 1, 500), 60)
    called = np.arange(60) % 7 == 0
    narrow, wide = (estimate_errors(check, called, level=level).interval for level in (0.8, 0.99))
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


@settings(max_examples=40)
@given(st.integers(1, 400), st.integers(1, 300), st.integers(0, 100))
def test_a_draw_is_within_the_population_and_unique(n: int, size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    suspicion = np.where(rng.random(n) < 0.1, np.nan, rng.random(n) ** 4)
    eligible = rng.random(n) < 0.8
    able = int((eligible & np.isfinite(suspicion)).sum())
    assume(able)
    check = draw_check(suspicion, size, eligible=eligible, seed=seed)
    assert len(check) == len(set(check.items)) == min(size, able)
    assert eligible[check.items].all()
    assert check.sizes.sum() == able
    assert (np.bincount(check.stratum, minlength=len(check.sizes)) <= check.sizes).all()


def test_a_draw_does_not_depend_on_the_order_of_rows() -> None:
    rng = np.random.default_rng(0)
    suspicion, ids = rng.random(300) ** 3, np.array([f"item {row}" for row in range(300)])
    shuffled = rng.permutation(300)
    one = draw_check(suspicion, 40, ids=ids, seed=4)
    other = draw_check(suspicion[shuffled], 40, ids=ids[shuffled], seed=4)
    np.testing.assert_array_equal(ids[one.items], ids[shuffled][other.items])


def test_every_item_of_a_stratum_has_the_same_chance() -> None:
    suspicion = np.linspace(0.0, 1.0, 60)
    assert len(draw_check(suspicion, 20).sizes) == 1
    drawn = np.bincount(np.concatenate([draw_check(suspicion, 20, seed=s).items for s in range(600)]), minlength=60)
    assert drawn.min() > 150  # 200 expected, standard deviation 11.5
    assert drawn.max() < 250


def test_second_looks_take_all_errors_and_some_others() -> None:
    called = np.arange(200) < 30
    again = second_looks(called)
    assert set(range(30)) <= set(again)
    assert len(again) == 60
    assert len(second_looks(np.zeros(200, dtype=bool))) == 10
    assert len(second_looks(np.ones(5, dtype=bool))) == 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros(3),), "The check has 20 items, but there are 3 verdicts"),
        ((np.full(20, 2),), "called wrong 2 times in 1 looks"),
        ((np.zeros(20), np.zeros(20)), "no confidence interval"),
    ],
)
def test_wrong_verdicts_are_named(arguments: tuple[Any, ...], message: str) -> None:
    check = draw_check(np.linspace(0, 1, 100), 20)
    with pytest.raises(UsageError, match=message):
        estimate_errors(check, *arguments)


def test_an_impossible_draw_or_level_is_named() -> None:
    with pytest.raises(UsageError, match="random check of 0 items"):
        draw_check(np.zeros(5), 0)
    with pytest.raises(UsageError, match="from 0 assessable"):
        draw_check(np.full(5, np.nan), 2)
    check = draw_check(np.zeros(5), 2)
    with pytest.raises(UsageError, match=r"level is 95"):
        estimate_errors(check, np.zeros(2), level=95)
