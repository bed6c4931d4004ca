"""The terms of suspicion, one by one, on rows made so that the right answer is known."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from labelaudit.ranking import rank
from labelaudit.suspicion import _of_margins, weigh
from tests.rows import rows_of


def terms_of(rows, votes=None):
    return dict(weigh(rows, votes).terms(slice(None)))


def drawn(seed: int, *, n: int = 4000, n_classes: int = 4, power: float = 1.0):
    """Labels drawn from their probabilities, which then are raised to a power: over-confident above 1."""
    rng = np.random.default_rng(seed)
    exact = rng.dirichlet(np.full(n_classes, 0.4), n)
    labels = (np.cumsum(exact, axis=1) < rng.random((n, 1))).sum(axis=1)
    said = np.maximum(exact, 1e-6) ** power
    return labels, said / said.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0, 5.0])
def test_the_slope_is_the_one_that_calibrates_the_margin(power):
    weighing = weigh(rows_of(*drawn(0, power=power)))
    assert weighing.calibration.slope == pytest.approx(1 / power, rel=0.1)


def test_the_margin_is_exact_far_below_the_floor_of_other_logarithms():
    pred_probs = np.array([[1e-20, 1 - 1e-20], [1e-12, 1 - 1e-12], [0.4, 0.6]])
    terms = terms_of(rows_of([0, 0, 0], pred_probs))
    np.testing.assert_allclose(terms["margin"], np.log(pred_probs[:, 1] / pred_probs[:, 0]))


def test_two_classes_have_no_confusion_term_and_no_tail():
    labels, pred_probs = drawn(1, n_classes=2)
    terms = terms_of(rows_of(labels, pred_probs))
    assert set(terms) == {"margin", "tail", "doubt"}
    np.testing.assert_allclose(terms["tail"], 0.0, atol=1e-9)


def test_a_pair_that_the_model_mixes_up_both_ways_is_less_suspect_than_one_it_never_mixes_up():
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 4, 3000)
    pred_probs = np.full((3000, 4), 0.04)
    pred_probs[np.arange(3000), truth] = 0.88
    unsure = (truth < 2) & (rng.random(3000) < 0.6)  # classes 0 and 1 look alike
    pred_probs[unsure] = [0.46, 0.45, 0.05, 0.04]
    labels = truth.copy()
    labels[:20] = np.where(truth[:20] < 2, 1 - truth[:20], labels[:20])  # disagrees within the pair
    labels[20:40] = np.where(truth[20:40] < 2, 3, labels[20:40])  # disagrees outside
    rows = rows_of(labels, pred_probs)
    confusion = terms_of(rows)["confusion"]
    within = (rows.given < 2) & (rows.other < 2)
    outside = (rows.given == 3) & (rows.other < 2)
    assert confusion[within].max() < confusion[outside].min()


@pytest.mark.parametrize(("n_disagree", "sign"), [(0, -1), (70, -1), (150, 0), (230, 1), (300, 1)])
def test_being_unsure_tells_against_labels_if_they_disagree_where_the_model_is_least_sure(n_disagree, sign):
    top = np.arange(2000) % 4
    pred_probs = np.full((2000, 4), 0.01)
    pred_probs[np.arange(2000), top] = 0.97
    pred_probs[:300] = 0.2  # more than a tenth, all tied
    pred_probs[np.arange(300), top[:300]] = 0.4
    labels = np.where(np.arange(2000) < n_disagree, (top + 1) % 4, top)
    doubt = terms_of(rows_of(labels, pred_probs))["doubt"]
    assert np.sign(np.round(doubt[0] - doubt[-1], 9)) == sign
    unsure, sure = -(pred_probs[[0, -1]] * np.log(pred_probs[[0, -1]])).sum(axis=1) / np.log(4)
    balance = 2 * (n_disagree + 0.5) / 301 - 1
    expected = 3 * balance * np.log((unsure + 0.3) / (sure + 0.3))
    assert doubt[0] - doubt[-1] == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_doubt_leaves_labels_without_any_probability_in_the_order_of_the_best_other_class():
    rng = np.random.default_rng(8)
    votes = rng.multinomial(10, [0.4, 0.3, 0.2, 0.1], 500)
    labels = np.argsort(rng.random((500, 4)), axis=1)[:, 0]
    rows = rows_of(labels, votes / 10)
    terms = terms_of(rows)
    impossible = rows.p_given == 0
    assert 0 < impossible.sum() < 500
    np.testing.assert_array_equal(terms["doubt"][impossible], 0.0)
    assert (terms["doubt"][~impossible] != 0.0).all()


def test_doubt_says_nothing_of_no_rows_and_stays_finite_without_any():
    assert len(terms_of(rows_of([], np.empty((0, 3))))["doubt"]) == 0
    certain = terms_of(rows_of([0, 1, 0], np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])))["doubt"]
    assert np.isfinite(certain).all()
    assert np.ptp(certain) == 0.0


def test_votes_count_as_much_as_they_foresee_labels():
    rng = np.random.default_rng(3)
    labels, pred_probs = drawn(3, power=0.3)
    rows = rows_of(labels, pred_probs)

    def votes(knowing: float):
        for_given = rng.binomial(10, np.where(rng.random(4000) < knowing, 0.9, 0.5), 4000) / 10
        return SimpleNamespace(
            given_fraction=for_given, other=rows.other, other_fraction=1 - for_given, n_votes=np.full(4000, 10)
        )

    knowing, ignorant = (terms_of(rows, votes(share))["neighbors"] for share in (0.9, 0.0))
    assert np.abs(knowing).max() > 1.0
    assert np.abs(ignorant).max() < 0.3


def test_neighbours_are_heard_where_the_model_is_over_confident_beyond_measure():
    rng = np.random.default_rng(6)
    labels, pred_probs = drawn(6, power=40.0)
    rows = rows_of(labels, pred_probs)
    for_given = rng.binomial(10, np.where(rng.random(4000) < 0.9, 0.9, 0.5), 4000) / 10
    votes = SimpleNamespace(
        given_fraction=for_given, other=rows.other, other_fraction=1 - for_given, n_votes=np.full(4000, 10)
    )
    terms = terms_of(rows, votes)
    assert weigh(rows, votes).calibration.slope < 0.3
    assert np.abs(terms["neighbors"]).max() > 1.0


def test_where_neighbours_say_all_that_the_model_says_sure_labels_stay_unsuspicious():
    labels = np.repeat([0, 1], 60)
    given = labels.copy()
    given[[3, 17, 65, 80, 99]] ^= 1  # five wrong ones, contradicted by a sure model and by most of their neighbours
    sure = np.random.default_rng(9).uniform(0.98, 0.999, 120)
    rows = rows_of(given, np.where(labels[:, None] == [0, 1], sure[:, None], 1 - sure[:, None]))
    for_given = np.where(given == labels, 1.0, 0.3)
    votes = SimpleNamespace(
        given_fraction=for_given,
        other=rows.other,
        other_fraction=1 - for_given,
        n_votes=np.full(120, 10),
        label_entropy=np.zeros(120),
    )
    alone, told = (rank(rows, neighbors=heard) for heard in (None, votes))
    assert told.is_suspect.sum() == 5
    assert told.expected_errors < 1.5 * alone.expected_errors < 20


def test_votes_for_further_classes_count_less_than_votes_for_the_best_other_class():
    labels, pred_probs = drawn(7, n=3000)
    rows = rows_of(labels, pred_probs)
    given_fraction = np.where(rows.top == rows.given, 0.8, 0.2)
    third = (np.maximum(rows.other, rows.given) + 1) % 4
    third = np.where((third == rows.other) | (third == rows.given), (third + 1) % 4, third)
    third = np.where((third == rows.other) | (third == rows.given), (third + 1) % 4, third)
    heard = {
        name: terms_of(
            rows,
            SimpleNamespace(
                given_fraction=given_fraction,
                other=np.where(np.arange(3000) == 0, favoured, rows.other),
                other_fraction=np.where(np.arange(3000) == 0, 0.8, 1 - given_fraction),
                n_votes=np.full(3000, 10),
            ),
        )["neighbors"][0]
        for name, favoured in (("other", rows.other[0]), ("third", third[0]))
    }
    assert heard["other"] > heard["third"]


def test_items_without_votes_get_no_evidence_from_neighbours():
    labels, pred_probs = drawn(4, n=300)
    rows = rows_of(labels, pred_probs)
    nobody = SimpleNamespace(
        given_fraction=np.full(300, np.nan),
        other=np.full(300, -1),
        other_fraction=np.full(300, np.nan),
        n_votes=np.zeros(300, dtype=np.int32),
    )
    np.testing.assert_array_equal(terms_of(rows, nobody)["neighbors"], 0.0)


def test_the_cut_falls_to_zero_where_disagreeing_rows_are_as_sure_as_agreeing_ones():
    truth = np.arange(1000) % 5
    sure = np.full((1000, 5), 0.01)
    sure[np.arange(1000), truth] = 0.96
    labels = np.where(np.arange(1000) < 50, (truth + 1) % 5, truth)
    assert weigh(rows_of(labels, sure)).calibration.cut == pytest.approx(0.0, abs=1e-9)
    unsure = sure.copy()
    unsure[:50] = 0.2
    unsure[np.arange(50), truth[:50]] += 1e-3
    calibration = weigh(rows_of(labels, unsure)).calibration
    assert calibration.cut == pytest.approx(0.7 * np.log(96), rel=0.01)  # .7 of the usual log ratio of the top two
    assert calibration.cut_if_all == 0.0


def test_the_least_rate_is_below_that_of_the_surest_rows():
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 5, 20_000)
    pred_probs = np.full((20_000, 5), 0.01)
    pred_probs[np.arange(20_000), truth] = 0.96
    labels = np.where(rng.random(20_000) < 0.06, (truth + 1) % 5, truth)
    assert weigh(rows_of(labels, pred_probs)).calibration.least_rate == pytest.approx(0.03, rel=0.1)


@pytest.mark.parametrize("power", [0.3, 1.0, 6.0])  # the last leaves half of the ratios below all bins
@pytest.mark.parametrize("n", [1, 2, 4001])
def test_median_margins_are_exact(power, n):
    rows = rows_of(*drawn(2, n=n, power=power))
    margin, agrees = np.log(rows.p_top / rows.p_second), rows.top == rows.given
    learned = _of_margins(rows, None, None)
    for found, chosen in ((learned.agreeing, agrees), (learned.disagreeing, ~agrees)):
        assert found == pytest.approx(np.median(margin[chosen]) if chosen.any() else 0.0)
