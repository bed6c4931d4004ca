"""Ambiguity: its scale, what may change it, and how it fits what people really said."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from labelaudit.ambiguity import AMBIGUOUS_ABOVE, ambiguity, ambiguous_flags
from labelaudit.kernels.member_statistics import MemberStatistics
from tests.rows import rows_of


def any_labels(pred_probs):
    """Rows with some labels, which ambiguity does not look at."""
    return rows_of(np.zeros(len(pred_probs)), pred_probs)


def dirichlet(n: int, n_classes: int, seed: int, sharpness: float = 0.3) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.full(n_classes, sharpness), n)


@pytest.mark.parametrize("n_classes", [2, 3, 10, 500])
def test_certain_is_0_a_coin_between_two_one_half_and_all_even_one_less_one_kth(n_classes):
    probs = np.zeros((3, n_classes))
    probs[0, 0] = 1.0
    probs[1, :2] = 0.5
    probs[2] = 1.0 / n_classes
    np.testing.assert_allclose(ambiguity(any_labels(probs)), [0.0, 0.5, 1 - 1 / n_classes], atol=1e-12)


def test_two_people_to_one_is_where_items_are_called_ambiguous():
    assert ambiguity(any_labels([[2 / 3, 1 / 3, 0.0]]))[0] == pytest.approx(AMBIGUOUS_ABOVE)


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000))
def test_neither_labels_nor_class_names_nor_order_change_it(seed):
    rng = np.random.default_rng(seed)
    probs, labels = dirichlet(50, 6, seed), rng.integers(-1, 6, 50)
    plain = ambiguity(rows_of(labels, probs))
    np.testing.assert_array_equal(ambiguity(rows_of(rng.permutation(labels), probs)), plain)
    np.testing.assert_allclose(ambiguity(any_labels(probs[:, rng.permutation(6)])), plain)
    order = rng.permutation(50)
    np.testing.assert_allclose(ambiguity(any_labels(probs[order])), plain[order])
    assert ((plain >= 0) & (plain < 1)).all()


def test_the_members_ignorance_is_taken_away():
    rows = any_labels([[0.5, 0.5], [0.5, 0.5]])
    # The first pool disagrees (each member is certain), the second is undecided one by one.
    members = MemberStatistics(
        total=np.log([2.0, 2.0]),
        expected=np.array([0.0, np.log(2.0)]),
        mutual_information=np.array([np.log(2.0), 0.0]),
        weights=np.array([0.5, 0.5]),
    )
    np.testing.assert_allclose(ambiguity(rows, members=members), [0.0, 0.5])


def simulated(seed: int, informative: bool):
    """Items between two of five classes; the label is one person's answer; the model sees the share only dimly."""
    rng = np.random.default_rng(seed)
    n, n_classes = 4000, 5
    pair = np.array([rng.permutation(n_classes)[:2] for _ in range(n)])
    share = 1.0 - 0.5 * rng.beta(0.5, 1.5, n)
    people = np.zeros((n, n_classes))
    np.put_along_axis(people, pair, np.column_stack([share, 1 - share]), axis=1)
    dimmed = np.clip(1 - (1 - share) * np.exp(rng.normal(size=n)), 0.5, 0.999)
    model = np.full((n, n_classes), 0.01)
    np.put_along_axis(model, pair, np.column_stack([dimmed, 1 - dimmed]), axis=1)
    model /= model.sum(axis=1, keepdims=True)
    labels = np.where(rng.random(n) < share, pair[:, 0], pair[:, 1])
    near = rng.binomial(10, share if informative else rng.permutation(share)) / 10
    entropy = -sum(np.where(p > 0, p * np.log(np.where(p > 0, p, 1)), 0) for p in (near, 1 - near))
    return rows_of(labels, model), SimpleNamespace(label_entropy=entropy), people


@pytest.mark.parametrize("seed", range(3))
def test_neighbours_that_know_help_and_neighbours_that_do_not_are_ignored(seed):
    rows, near, people = simulated(seed, informative=True)
    truth = -np.sum(people * np.log(np.where(people > 0, people, 1)), axis=1)
    alone, helped = ambiguity(rows), ambiguity(rows, neighbors=near)
    assert spearmanr(helped, truth)[0] > spearmanr(alone, truth)[0] + 0.02
    rows, near, people = simulated(seed, informative=False)
    alone, ignored = ambiguity(rows), ambiguity(rows, neighbors=near)
    assert spearmanr(alone, ignored)[0] > 0.98


def test_items_without_neighbours_and_useless_neighbours_keep_the_entropy():
    rows = any_labels(dirichlet(40, 3, 0))
    for entropy in (np.full(40, np.nan), np.zeros(40), np.full(40, 0.7)):
        np.testing.assert_allclose(
            ambiguity(rows, neighbors=SimpleNamespace(label_entropy=entropy)), ambiguity(rows), rtol=1e-12
        )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n_disagreeing", [0, 1, 3])
def test_the_order_of_rows_changes_nothing_however_little_there_is_to_learn(seed, n_disagreeing):
    rng = np.random.default_rng(seed)
    probs, entropy = dirichlet(1000, 2, seed), rng.choice([0.0, 0.3, 0.6], 1000)
    labels = probs.argmax(axis=1)
    labels[:n_disagreeing] = 1 - labels[:n_disagreeing]
    order = rng.permutation(1000)
    found = ambiguity(rows_of(labels, probs), neighbors=SimpleNamespace(label_entropy=entropy))
    again = ambiguity(rows_of(labels[order], probs[order]), neighbors=SimpleNamespace(label_entropy=entropy[order]))
    np.testing.assert_allclose(again, found[order], rtol=1e-12)


def test_probabilities_that_separate_perfectly_do_no_harm():
    probs = np.repeat([[1.0, 0.0], [0.5, 0.5]], 50, axis=0)
    labels = np.repeat([0, 1], 50)
    found = ambiguity(rows_of(labels, probs), neighbors=SimpleNamespace(label_entropy=np.repeat([0.0, 0.69], 50)))
    assert np.isfinite(found).all()
    assert (found[:50] == 0).all()
    assert (found[50:] > 0.4).all()


def test_flags_are_few_even_where_the_model_is_unsure_everywhere():
    unsure = ambiguity(any_labels(dirichlet(1000, 10, 1, sharpness=5.0)))
    assert (unsure > AMBIGUOUS_ABOVE).all()
    flags = ambiguous_flags(unsure)
    assert flags.sum() == 100
    assert unsure[flags].min() > unsure[~flags].max()
    assert not ambiguous_flags(np.full(1000, 0.9)).any()  # nothing stands out
    assert not ambiguous_flags(np.zeros(1000)).any()
    sure = np.zeros(1000)
    sure[:7] = 0.6
    assert ambiguous_flags(sure).sum() == 7
    assert ambiguous_flags(np.zeros(0)).shape == (0,)


def test_it_follows_the_disagreement_of_real_people(shared_data):
    folder = shared_data / "cifar10-test"
    people = np.load(folder / "human_counts.npy").astype(float)
    people /= people.sum(axis=1, keepdims=True)
    entropy = -np.sum(people * np.log(np.where(people > 0, people, 1)), axis=1)
    found = ambiguity(any_labels(np.load(folder / "pred_probs.npy")))
    assert spearmanr(found, entropy)[0] > 0.37
    flagged = ambiguous_flags(found)
    split = people.max(axis=1) < 0.8
    assert split[flagged].mean() > 3 * split.mean()
