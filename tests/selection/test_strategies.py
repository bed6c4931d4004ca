"""Every strategy keeps the same promises; each keeps its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelaudit.selection import STRATEGIES, Pool, Present, horizon
from labelaudit.selection._quotas import FIRST_PLACES, PRICE, class_quotas

NAMES = STRATEGIES.names()


def make_pool(m=120, *, n_classes=4, seed=0, copies=0):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(m, 8)).astype(np.float32)
    for k in range(copies):
        vectors[k] = vectors[0]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    score = np.sort(rng.random(m))[::-1].copy()
    return Pool(score=score, classes=rng.integers(0, n_classes, m), vectors=vectors, typical_distance=0.5)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [1, 7, 60, 500])
def test_every_strategy_chooses_distinct_rows_and_no_more_than_asked_for(name, size):
    pool = make_pool()
    choice = STRATEGIES.get(name).choose(pool, size, np.random.default_rng(1))
    assert len(set(choice.rows.tolist())) == len(choice.rows) <= min(size, len(pool))
    assert choice.rows.min() >= 0
    assert choice.inclusion.shape == choice.rows.shape
    known = choice.inclusion[~np.isnan(choice.inclusion)]
    assert ((known > 0) & (known <= 1)).all()


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_choice(name):
    one, two = (STRATEGIES.get(name).choose(make_pool(), 20, np.random.default_rng(3)) for _ in range(2))
    assert one.rows.tolist() == two.rows.tolist()


def test_spread_takes_one_of_many_copies():
    chosen = STRATEGIES.get("spread").choose(make_pool(copies=40), 40, np.random.default_rng(0)).rows
    assert (chosen < 40).sum() == 1


@pytest.mark.parametrize("name", ["spread", "k-center"])
def test_items_of_nearly_the_same_direction_are_no_copies(name):
    pool = make_pool(copies=40)
    tilted = np.eye(9)[8:] + 1e-4 * np.pad(pool.vectors, ((0, 0), (0, 1)))
    tilted = (tilted / np.linalg.norm(tilted, axis=1, keepdims=True)).astype(np.float32)
    pool = replace(pool, vectors=tilted, typical_distance=0.5e-4)
    chosen = STRATEGIES.get(name).choose(pool, 60, np.random.default_rng(0)).rows
    assert (chosen < 40).sum() == 1
    assert len(chosen) == 60


def test_spread_takes_nothing_that_repeats_another_part_of_the_batch():
    pool = make_pool(copies=40)
    beside = replace(pool, present=Present(vectors=pool.vectors[:1]))
    chosen = STRATEGIES.get("spread").choose(beside, 40, np.random.default_rng(0)).rows
    assert (chosen >= 40).all()


def test_spread_takes_the_same_content_once_also_without_vectors():
    pool = make_pool()
    content = np.arange(len(pool)) // 3
    bare = Pool(score=pool.score, classes=pool.classes, content=content, present=Present(content=np.array([0])))
    rows = STRATEGIES.get("spread").choose(bare, 30, np.random.default_rng(0)).rows
    assert len(set(content[rows].tolist())) == 30
    assert 0 not in content[rows]


def test_spread_without_vectors_goes_by_score_within_classes():
    pool = make_pool()
    bare = Pool(score=pool.score, classes=pool.classes)
    rows = STRATEGIES.get("spread").choose(bare, 30, np.random.default_rng(0)).rows
    for label in range(4):
        mine = rows[pool.classes[rows] == label]
        assert mine.tolist() == np.flatnonzero(pool.classes == label)[: len(mine)].tolist()


def test_power_sampling_includes_as_often_as_it_says():
    pool = Pool(score=np.linspace(1.0, 0.3, 40), classes=np.zeros(40, dtype=int))  # nobody is left out by chance
    counts = np.zeros(40)
    said = np.zeros(40)
    power = STRATEGIES.get("power")
    for seed in range(1_000):
        choice = power.choose(pool, 10, np.random.default_rng(seed))
        assert len(choice.rows) == 10
        counts[choice.rows] += 1
        said[choice.rows] = choice.inclusion
    assert said.sum() == pytest.approx(10)
    assert np.abs(counts / 1_000 - said).max() < 0.05


def test_k_center_covers_more_than_the_top_does():
    pool = make_pool(300)
    distance = {}
    for name in ("k-center", "top"):
        rows = STRATEGIES.get(name).choose(pool, 30, np.random.default_rng(0)).rows
        distance[name] = (2 - 2 * pool.vectors @ pool.vectors[rows].T).min(axis=1).max()
    assert distance["k-center"] < distance["top"]


@settings(max_examples=60)
@given(
    counts=st.lists(st.integers(1, 60), min_size=1, max_size=12),
    size=st.integers(1, 200),
    seed=st.integers(0, 99),
)
def test_quotas_fill_the_batch_at_a_bounded_price_and_no_class_beyond_its_candidates(counts, size, seed):
    rng = np.random.default_rng(seed)
    classes = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    score = np.sort(rng.random(len(classes)))[::-1]
    quotas = class_quotas(score, classes, size)
    assert sum(quotas.values()) == min(size, len(classes))
    assert all(0 <= quotas[k] <= count for k, count in enumerate(counts))
    best = {k: score[classes == k][: quotas[k]] for k in quotas}
    top = score[:size].sum()
    assert sum(part.sum() for part in best.values()) >= (1 - PRICE) * top - 1e-9


def test_a_rare_class_gets_a_place_from_far_behind():
    score, classes = np.linspace(0.99, 0.6, 2000), np.zeros(2000, dtype=int)
    classes[[1500, 1900]] = 1, 2
    assert class_quotas(score, classes, 200) == {0: 198, 1: 1, 2: 1}


def test_classes_that_the_top_leaves_out_get_a_tenth_of_the_places_at_most():
    """A batch of a few items cannot serve every class: it is the plain top."""
    score = np.linspace(0.99, 0.98, 300)
    classes = np.repeat(np.arange(30), 10)
    for size in (5, 9, 50, 100):
        gained = sum(
            quota > (classes[:size] == k).sum() == 0 for k, quota in class_quotas(score, classes, size).items()
        )
        assert gained == int(FIRST_PLACES * size)


def test_beyond_their_first_places_classes_get_only_what_is_near():
    """Where a score is wrong about a whole class, its places would be spent on what is no error at all."""
    score, classes = np.linspace(0.95, 0.9, 1000), np.repeat([0, 1], [210, 790])
    assert class_quotas(score, classes, 200)[1] == horizon(200) - 210
    assert class_quotas(np.full(1000, 0.9), classes, 200)[1] > 100  # equal scores are equally near


@settings(max_examples=60)
@given(size=st.integers(1, 60), n_classes=st.integers(1, 12), copies=st.integers(0, 40), seed=st.integers(0, 99))
def test_spread_takes_nothing_from_behind_the_horizon_but_the_first_of_a_class(size, n_classes, copies, seed):
    pool = make_pool(300, n_classes=n_classes, seed=seed, copies=copies)
    rows = STRATEGIES.get("spread").choose(pool, size, np.random.default_rng(0)).rows
    repeated = max(0, copies - 1)
    behind = [row for row in rows.tolist() if row >= horizon(size) + repeated]
    assert all((pool.classes[:row] != pool.classes[row]).all() for row in behind)
    assert len(behind) <= FIRST_PLACES * size


def test_quotas_are_between_equal_and_proportional():
    classes = np.repeat([0, 1], [900, 100])
    quotas = class_quotas(np.full(1000, 0.9), classes, 100)
    assert quotas == {0: 75, 1: 25}
