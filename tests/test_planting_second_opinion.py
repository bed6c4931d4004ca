"""How far neighbours speak against the family that is planted, and what then becomes of the flags."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import make_classification

import labelaudit as la
from labelaudit import planting
from labelaudit.planting.contradictions import Survey
from labelaudit.planting.second_opinion import Backing, between, unexplained

N, N_CONTRADICTED = 100, 20
counts, shares = st.integers(1, 10_000), st.floats(0.0, 1.0)


def seen(votes_weight=1.0):
    """Return a survey of a hundred items, of which the first twenty contradict the model."""
    top = np.zeros(N, dtype=np.int32)
    labels = top.copy()
    labels[:N_CONTRADICTED] = 1
    return Survey(
        labels=labels,
        top=top,
        is_sure=np.zeros(N, dtype=bool),
        rate=np.full(N, 0.02),
        region=np.zeros(N, dtype=np.intp),
        n_classes=3,
        rates=(0.02, 0.02, 0.02),
        votes_weight=votes_weight,
    )


def backed(contradicted):
    """Return votes: of .8 for the first choice and .1 for the second, but for the contradicted items."""
    first = np.full(N, 0.8)
    first[:N_CONTRADICTED] = contradicted
    return Backing(first=first, second=np.full(N, 0.1))


def doubt(contradicted, expected_errors=2.0, votes_weight=1.0):
    return unexplained(seen(votes_weight), backed(contradicted), expected_errors)


def test_neighbours_that_back_every_contradiction_leave_few_planted_errors_no_say():
    assert doubt(0.8) == 1.0


def test_planted_errors_that_explain_as_much_as_neighbours_back_are_not_doubted():
    assert doubt(0.8, expected_errors=N_CONTRADICTED) == 0.0
    assert doubt(0.1) == 0.0  # as little as the second choice: the model's own errors
    assert doubt(0.0) == 0.0


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(0.0, 20.0))
def test_doubt_grows_with_what_neighbours_back_and_falls_with_what_is_expected(one, other, expected):
    less, more = sorted((one, other))
    assert 0.0 <= doubt(less, expected) <= doubt(more, expected) <= 1.0
    assert doubt(more, expected) <= doubt(more, expected / 2.0)


def test_neighbours_that_know_nothing_beyond_the_margin_are_no_witness():
    assert doubt(0.8, votes_weight=0.0) == 0.0
    assert doubt(0.8, votes_weight=-0.3) == 0.0
    assert 0.0 < doubt(0.8, votes_weight=0.1) < doubt(0.8, votes_weight=0.2) < 1.0


def test_only_items_with_votes_count():
    votes = backed(0.8)
    votes.first[:10] = np.nan  # half of the contradicted ones
    assert unexplained(seen(), backed(0.8), 9.5) == 1.0
    assert unexplained(seen(), votes, 9.5) == pytest.approx(0.5)
    votes.first[:N_CONTRADICTED] = np.nan
    assert unexplained(seen(), votes, 2.0) == 0.0  # nothing is contradicted


def test_rows_may_come_in_any_order():
    rng = np.random.default_rng(0)
    first, second, order = rng.random(N), 0.1 * rng.random(N), rng.permutation(N)
    survey = seen()
    permuted = replace(survey, labels=survey.labels[order])
    found = unexplained(survey, Backing(first=first, second=second), 2.0)
    assert found > 0.0
    assert found == unexplained(permuted, Backing(first=first[order], second=second[order]), 2.0)


@given(counts, counts, shares)
def test_the_number_of_flags_lies_between_both(planted, uncalibrated, share):
    low, high = sorted((planted, uncalibrated))
    assert low <= between(planted, uncalibrated, share) <= high
    assert between(planted, uncalibrated, 0.0) == planted
    assert between(planted, uncalibrated, 1.0) == uncalibrated


def test_without_flags_on_one_side_the_mean_is_that_of_one_flag():
    assert between(0, 0, 0.5) == 1
    assert between(16, 0, 0.5) == 4


@pytest.fixture(scope="module")
def clustered():
    """Return embeddings of five classes, labels of which whole neighbourhoods are wrong, and whether they are."""
    points, truth = make_classification(
        600, n_features=12, n_informative=8, n_redundant=0, n_classes=5, n_clusters_per_class=1, class_sep=2.0,
        flip_y=0, random_state=5,
    )  # fmt: skip
    labels = truth.copy()
    rng = np.random.default_rng(0)
    for center in points[rng.choice(len(points), 12, replace=False)]:
        near = np.argsort(((points - center) ** 2).sum(axis=1))[:8]
        labels[near] = (truth[near] + 1) % 5
    return points, labels, labels != truth


def audited(points, labels, **options):
    ids = np.array([f"i{i:04d}" for i in range(len(labels))])
    dataset = la.Dataset.from_arrays(labels, classes=list("abcde"), ids=ids, embeddings=points)
    return la.audit(dataset, la.AuditConfig(**options))


def f1(audit, wrong):
    flagged = audit.items.sort_values("row")["is_suspect"].to_numpy(dtype=bool)
    return 2.0 * (flagged & wrong).sum() / (flagged.sum() + wrong.sum())


def test_where_neighbours_see_more_errors_than_planted_ones_explain_more_are_flagged(clustered, monkeypatch):
    points, labels, wrong = clustered
    audit = audited(points, labels)
    monkeypatch.setattr(planting, "unexplained", lambda *_: 0.0)
    alone = audited(points, labels)
    assert alone.health["expected_errors"] == audit.health["expected_errors"] < 0.6 * wrong.sum()
    assert np.array_equal(alone.items["rank"], audit.items["rank"])
    assert np.array_equal(alone.items["suspicion"], audit.items["suspicion"])
    assert f1(audit, wrong) > f1(alone, wrong) + 0.1
    without = audited(points, labels, calibrate="off")
    assert alone.items["is_suspect"].sum() < audit.items["is_suspect"].sum() <= without.items["is_suspect"].sum()
    queue = audit.items.sort_values("rank")["is_suspect"].to_numpy()
    assert not np.diff(queue.astype(int)).max() > 0  # the first ones, and no others
