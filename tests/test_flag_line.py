"""Above which suspicion labels are flagged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.bench_ranking import f1
from benchmarks.simulation import draw_settings, simulate
from labelaudit.flag_line import Contradictions, middle_line, worth_flagging
from labelaudit.scoring import score
from tests.rows import rows_of

falling = st.lists(st.floats(0.001, 1.0), min_size=1, max_size=60).map(lambda values: np.sort(values)[::-1])


def expected_f1(chances, k):
    return 2.0 * chances[:k].sum() / (k + chances.sum())


@given(falling)
def test_no_other_number_of_flags_has_a_higher_expected_f1(chances):
    flagged = int((chances > worth_flagging(chances)).sum())
    best = max(expected_f1(chances, k) for k in range(1, len(chances) + 1))
    assert expected_f1(chances, flagged) == pytest.approx(best)


@given(falling)
def test_the_first_place_is_always_flagged_and_one_half_always_enough(chances):
    assert worth_flagging(chances) < chances[0]
    assert worth_flagging(chances) <= 0.5


def test_where_all_is_known_the_line_is_one_half():
    assert worth_flagging(np.r_[np.ones(30), np.zeros(70)]) == 0.5


def test_the_same_places_are_flagged_where_all_chances_are_too_low():
    chances = np.r_[np.full(30, 0.9), np.full(70, 0.05)]
    for part in (0.5, 0.2, 0.1):
        assert int((part * chances > worth_flagging(part * chances)).sum()) == 30


def test_without_places_there_is_a_line_all_the_same():
    assert worth_flagging(np.zeros(0)) == 0.5


seen = st.builds(
    Contradictions, n_rows=st.just(60), n_contradicting=st.integers(0, 60), n_confident=st.just(40),
    n_confident_contradicting=st.integers(0, 40),
)  # fmt: skip


@given(st.lists(st.floats(0.001, 1.0), min_size=60, max_size=60, unique=True), seen)
def test_of_three_counts_the_middle_one_is_flagged_and_never_more_than_contradict_the_model(values, seen):
    queue = np.sort(values)[::-1]
    counts = (queue > 0.5).sum(), (queue > worth_flagging(queue)).sum(), seen.expected
    line = middle_line(queue[: seen.n_contradicting + 1], queue.sum(), seen)
    assert (queue > line).sum() == min(np.median(counts), seen.n_contradicting)


def test_the_line_of_a_small_queue():
    queue = np.array([0.9, 0.7, 0.45, 0.42, 0.4, 0.1, 0.0, 0.0, 0.0, 0.0])
    for n_confident_contradicting, flagged in ((0, 2), (1, 2), (2, 4), (4, 5)):
        seen = Contradictions(10, 6, 5, n_confident_contradicting)
        assert (queue > middle_line(queue[:7], queue.sum(), seen)).sum() == flagged
    assert (queue > middle_line(queue[:4], queue.sum(), Contradictions(10, 3, 5, 2))).sum() == 3


def test_labels_of_equal_suspicion_are_flagged_together_or_not_at_all():
    queue = np.array([0.8, 0.8, 0.8, 0.8, 0.2, 0.2])
    assert middle_line(queue[:3], queue.sum(), Contradictions(6, 2, 3, 1)) == 0.8
    assert (queue > middle_line(queue, queue.sum(), Contradictions(6, 5, 3, 1))).sum() == 4


def test_a_row_is_confident_from_the_mean_probability_of_its_class_on():
    pred_probs = np.array([[0.9, 0.1], [0.7, 0.3], [0.8, 0.2], [0.2, 0.8], [0.4, 0.6], [0.1, 0.9]])
    labels = [0, 0, 1, 1, 1, 0]  # thresholds (.9 + .7 + .1) / 3 and (.2 + .8 + .6) / 3
    assert Contradictions.of(rows_of(labels, pred_probs)) == (6, 2, 6, 2)
    pred_probs[2] = [0.55, 0.45]  # below the threshold of class 0, and that of class 1 is now (.45 + .8 + .6) / 3
    seen = Contradictions.of(rows_of(labels, pred_probs))
    assert seen == (6, 2, 4, 1)
    assert seen.expected == 2


@pytest.mark.parametrize("p", [0.9, 1.0, 0.4])
def test_equal_probabilities_are_all_confident(p):
    seen = Contradictions.of(rows_of(np.zeros(7), np.tile([p, (1 - p) / 2, (1 - p) / 2], (7, 1))))
    assert seen.n_confident == 7


def test_without_rows_nothing_is_expected():
    assert Contradictions.of(rows_of([], np.empty((0, 3)))) == (0, 0, 0, 0)
    assert Contradictions(0, 0, 0, 0).expected == 0
    assert middle_line(np.empty(0), 0.0, Contradictions(0, 0, 0, 0)) == 0.5


def test_the_first_places_are_enough_for_the_line_of_highest_expected_f1():
    chances = np.linspace(0.95, 0.01, 200) ** 3
    whole = worth_flagging(chances)
    assert worth_flagging(chances[: (chances > whole).sum() + 1], chances.sum()) == whole


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_neither_threads_nor_compiled_lookups_change_a_count(dtype, monkeypatch):
    rng = np.random.default_rng(0)
    pred_probs = rng.dirichlet(np.full(4, 0.4), 3000).astype(dtype)
    rows = score(rng.integers(0, 4, 3000), pred_probs, normalize=True).rows
    plain = Contradictions.of(rows, threads=1)
    monkeypatch.setattr("labelaudit.threads._ROWS", 1000)
    monkeypatch.setattr("labelaudit.kernels.COMPILED_FROM", 0)
    assert [Contradictions.of(rows, threads=threads) for threads in (1, 3)] == [plain, plain]


def test_more_is_flagged_where_errors_lie_where_the_model_is_unsure():
    simulated = simulate(replace(draw_settings(3, 5), noise="boundary", n=3000, n_classes=5, rate=0.15))
    ranking = score(simulated.labels, simulated.pred_probs, normalize=True).ranking
    f1_of = [f1(simulated.is_error, flags) for flags in (ranking.suspicion > 0.5, ranking.is_suspect)]
    assert f1_of[1] > f1_of[0] + 0.02
