"""Triage names planted kinds, and its probabilities follow from the stated model."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from labelaudit.ambiguity import ambiguity
from labelaudit.kernels.member_statistics import LogPool, MemberStatistics
from labelaudit.neighbors import find_neighbors, neighbor_statistics
from labelaudit.triage import KINDS, triage
from tests.rows import rows_of

N_CLASSES = 6


def near(n, outlier=0.5, conflict=False):
    return SimpleNamespace(outlier=np.full(n, outlier), conflict=np.full(n, conflict))


def one(suspicion, doubt, probs=(0.8, 0.1, 0.1), label=0, **evidence):
    return triage(rows_of([label], [probs]), np.array([suspicion]), np.array([doubt]), **evidence)


def test_probabilities_are_odds_of_the_causes():
    found = one(0.8, 0.2, (0.04, 0.9, 0.06))
    stands_out = 0.9 / (0.9 + 0.06)  # the other class against its strongest rival
    odds = np.array([4.0 * stands_out, 0.25 + 4.0 * (1 - stands_out)])
    np.testing.assert_allclose(found.probability[0, :2], odds / odds.sum())
    np.testing.assert_allclose(found.causes[0, :2], [0.8, 0.2])
    np.testing.assert_array_equal(found.probability[0, 2:], 0.0)
    assert found.kind.tolist() == ["wrong_label"]


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (one(0.95, 0.3, (0.05, 0.85, 0.1)), "wrong_label"),
        (one(0.95, 0.7, (0.05, 0.35, *[0.06] * 10)), "wrong_label"),
        (one(0.3, 0.6, (0.4, 0.3, 0.3)), "ambiguous"),
        (one(0.45, 0.5, (0.52, 0.48, 0.0)), "several_labels"),
        (one(0.45, 0.5, (0.52, 0.48, 0.0), label=2), "ambiguous"),  # the given label is none of the two
        (one(0.45, 0.5, (0.52, 0.48)), "ambiguous"),  # with two classes nobody can tell
        (one(0.6, 0.5, neighbors=near(1, outlier=0.9999)), "outlier"),
        (one(0.9, 0.5, (0.1, 0.7, 0.2), neighbors=near(1, outlier=0.98)), "wrong_label"),
        (one(0.9999, 0.5, neighbors=near(1, outlier=1.0, conflict=True)), "duplicate_conflict"),
        (one(np.nan, 0.5, label=-1), "ambiguous"),
        (one(0.0, 0.0), "ambiguous"),  # nothing speaks for anything
    ],
)
def test_the_clear_cases(found, kind):
    assert found.kind[0] == kind
    assert found.probability.sum() == pytest.approx(1.0)
    assert np.isfinite(found.probability).all()


def test_members_that_contradict_each_other_do_not_speak_for_several_labels():
    probs = (0.52, 0.48, 0.0)
    apart = MemberStatistics(
        total=np.array([0.69]), expected=np.array([0.07]), mutual_information=np.array([0.62]), weights=np.ones(1)
    )
    assert one(0.45, 0.5, probs).kind[0] == "several_labels"
    assert one(0.45, 0.5, probs, members=apart).kind[0] == "ambiguous"


def test_several_models_are_asked_in_their_logarithmic_pool_what_rivals_the_other_class():
    def said(share: float) -> float:
        pool = LogPool(entropy=np.array([0.5]), other_share=np.array([share]))
        members = MemberStatistics(
            total=np.array([0.6]),
            expected=np.array([0.5]),
            mutual_information=np.array([0.1]),
            weights=np.ones(2) / 2,
            log_pool=pool,
        )
        return float(one(0.6, 0.4, (0.3, 0.4, 0.3), members=members).probability[0, 0])

    assert said(0.95) > said(0.7) > said(0.5)
    np.testing.assert_allclose(said(4 / 7), one(0.6, 0.4, (0.3, 0.4, 0.3)).probability[0, 0])


def test_more_suspicion_never_makes_a_wrong_label_less_likely():
    rows = rows_of(np.zeros(50), np.tile([0.5, 0.3, 0.2], (50, 1)))
    found = triage(rows, np.linspace(0, 1, 50), np.full(50, 0.4), neighbors=near(50, 0.995))
    assert (np.diff(found.probability[:, 0]) >= 0).all()
    found = triage(rows, np.full(50, 0.4), np.linspace(0, 1, 50))
    assert (np.diff(found.probability[:, 1]) >= 0).all()


def test_what_is_surely_wrong_is_a_wrong_label_unless_no_class_stands_out():
    assert one(0.99, 0.6, (0.02, 0.6, 0.38)).kind[0] == "wrong_label"
    assert one(0.99, 0.6, (0.04, 0.48, 0.48)).kind[0] == "ambiguous"


@pytest.mark.parametrize("seed", range(3))
def test_planted_kinds_are_mostly_named_right(seed):
    """Embeddings around class centres, and a model that sees each item's answers through noise."""
    rng = np.random.default_rng(seed)
    n, n_planted = 2000, 60
    truth = rng.integers(0, N_CLASSES, n)
    vectors = 3 * rng.normal(size=(N_CLASSES, 16))[truth] + rng.normal(size=(n, 16))
    labels, answers = truth.copy(), np.eye(N_CLASSES)[truth]
    planted = {}
    chosen = rng.permutation(n)[: n_planted * 4].reshape(4, n_planted)
    planted["wrong_label"] = chosen[0]
    labels[chosen[0]] = (truth[chosen[0]] + rng.integers(1, N_CLASSES, n_planted)) % N_CLASSES
    planted["ambiguous"] = chosen[1]
    for row in chosen[1]:
        others = (truth[row] + rng.permutation(N_CLASSES - 1)[:2] + 1) % N_CLASSES
        answers[row] = 0
        answers[row, [truth[row], *others]] = rng.dirichlet([8, 8, 8])
    planted["several_labels"] = chosen[2]
    for row in chosen[2]:
        answers[row] = 0
        share = rng.uniform(0.45, 0.55)
        answers[row, [truth[row], (truth[row] + 1) % N_CLASSES]] = share, 1 - share
    planted["outlier"] = chosen[3]
    vectors[chosen[3]] = 25 * rng.normal(size=(n_planted, 16))
    answers[chosen[3]] = rng.dirichlet(np.full(N_CLASSES, 0.5), n_planted)  # a model knows nothing out there
    copies = vectors[:n_planted] + 1e-4 * rng.normal(size=(n_planted, 16))
    vectors, answers = np.vstack([vectors, copies]), np.vstack([answers, answers[:n_planted]])
    labels = np.append(labels, (labels[:n_planted] + 1) % N_CLASSES).astype(np.int32)
    planted["duplicate_conflict"] = np.arange(n, n + n_planted)

    logits = np.log(answers + 0.005) + 0.15 * rng.normal(size=answers.shape)
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    rows = rows_of(labels, probs)
    statistics = neighbor_statistics(find_neighbors(vectors, metric="euclidean"), labels, N_CLASSES)
    found = triage(rows, 1.0 - rows.p_given, ambiguity(rows), neighbors=statistics)
    untouched = ~statistics.conflict  # a planted item may be copied as well
    assert set(planted) == set(KINDS)
    for kind, items in planted.items():
        judged = items if kind == "duplicate_conflict" else items[untouched[items]]
        assert (found.kind[judged] == kind).mean() > 0.7, kind
