"""Planted errors: where they are put, where they are found, and what is expected of the queue then."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import labelaudit as la
from benchmarks.simulation import draw_settings, simulate
from labelaudit.config import AuditConfig
from labelaudit.errors import ConfigError, UsageError
from labelaudit.flag_line import worth_flagging
from labelaudit.health import Health
from labelaudit.pipeline import _n_rounds
from labelaudit.planting import CALIBRATED, LEAST_ITEMS, TOO_WEAK, _flag_line, calibrate_by_planting, plant, survey
from labelaudit.planting.curve import chances, density
from labelaudit.planting.lapses import own_errors, rate_left
from labelaudit.reporting import REPORT_FORMATS, make_report
from labelaudit.scoring import score


def blobs(n=1500, n_classes=4, rate=0.08, seed=0):
    """Return ids, features, given labels and whether they are wrong; classes overlap a little."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_classes, n).astype(np.int32)
    features = (rng.normal(size=(n_classes, 6)) * 2)[truth] + rng.normal(size=(n, 6))
    labels = np.where(rng.random(n) < rate, (truth + rng.integers(1, n_classes, n)) % n_classes, truth)
    return np.array([f"i{i:05d}" for i in range(n)], dtype=object), features, labels.astype(np.int32), labels != truth


def dataset(ids, features, labels):
    names = tuple(f"class {k}" for k in range(labels.max() + 1))
    return la.Dataset.from_arrays(labels, embeddings=features, ids=ids, classes=names)


@pytest.fixture(scope="module")
def simulated():
    """A data set with symmetric noise, its scores, and what is needed to rank it again."""
    drawn = simulate(
        replace(draw_settings(0, 5), n=3000, n_classes=6, rate=0.1, separation=9.0, model="linear_discriminant")
    )
    scores = score(drawn.labels, drawn.pred_probs)
    ids = np.array([f"i{i:05d}" for i in range(len(drawn.labels))], dtype=object)
    return drawn, scores, ids


def calibrated(simulated, order=None, **options):
    drawn, _, ids = simulated
    order = np.arange(len(ids)) if order is None else order
    labels, pred_probs, ids = drawn.labels[order], drawn.pred_probs[order], ids[order]
    scores = score(labels, pred_probs)
    return calibrate_by_planting(
        scores.ranking, scores.rows, lambda z, _: score(z, pred_probs).ranking, ids=ids, **{"rounds": 4, **options}
    )


def test_counts_and_precision_come_close_where_noise_is_as_planted(simulated):
    drawn, scores, _ = simulated
    result = calibrated(simulated)
    n_errors = drawn.is_error.sum()
    assert result.range_kind == CALIBRATED
    assert abs(result.expected_errors - n_errors) < 0.25 * n_errors
    assert abs(result.expected_errors - n_errors) < abs(scores.ranking.expected_errors - n_errors)
    low, high = result.expected_errors_range
    assert low < n_errors < high
    for depth in (50, 150, 300, 600):
        queue = result.order[:depth]
        assert result.suspicion[queue].mean() == pytest.approx(drawn.is_error[queue].mean(), abs=0.12)


def test_only_suspicion_changes_and_it_follows_the_queue(simulated):
    before, after = simulated[1].ranking, calibrated(simulated)
    assert np.array_equal(before.order_score, after.order_score)
    assert np.array_equal(before.ambiguity, after.ambiguity)
    queue, score_in_order = after.suspicion[after.order], after.order_score[after.order]
    falls = np.diff(score_in_order) < 0
    assert (np.diff(queue)[falls] < 0).all()
    assert (np.diff(queue)[~falls] == 0).all()
    assert ((queue > 0) & (queue < 1)).all()
    assert np.array_equal(after.is_suspect, after.suspicion > worth_flagging(queue))
    assert after.expected_errors == pytest.approx(after.suspicion.sum())


def test_rows_may_come_in_any_order(simulated):
    order = np.random.default_rng(1).permutation(len(simulated[2]))
    assert np.array_equal(calibrated(simulated).suspicion[order], calibrated(simulated, order).suspicion)


@pytest.mark.slow
def test_the_seed_decides(simulated):
    assert np.array_equal(calibrated(simulated, seed=3).suspicion, calibrated(simulated, seed=3).suspicion)
    assert not np.array_equal(calibrated(simulated, seed=3).suspicion, calibrated(simulated, seed=4).suspicion)


def test_rounds_are_told(simulated):
    told = []
    calibrated(simulated, rounds=2, on_round=lambda done, total: told.append((done, total)))
    assert told == [(0, 2), (1, 2), (2, 2)]


def test_few_items_are_left_as_they_are():
    _, features, labels, _ = blobs(n=LEAST_ITEMS - 1)
    pred_probs = np.full((len(labels), 4), 0.25)
    scores = score(labels, pred_probs)
    ids = np.array([str(i) for i in range(len(labels))], dtype=object)
    assert calibrate_by_planting(scores.ranking, scores.rows, None, ids=ids, features=features) is scores.ranking


def test_planted_labels_are_wrong_and_as_many_as_wanted(simulated):
    _, scores, ids = simulated
    order = np.argsort(ids)
    found = survey(scores.rows, order)
    labels = plant(found, order, 0.1, np.random.default_rng(0))
    changed = labels != scores.rows.given
    assert changed.sum() == int(0.1 * len(ids))
    assert labels.min() >= 0
    assert labels.max() < scores.rows.n_classes


def test_rows_that_are_not_assessed_are_never_struck(simulated):
    drawn, _, ids = simulated
    labels = drawn.labels.copy()
    labels[::3] = -1
    rows = score(labels, drawn.pred_probs).rows
    planted = plant(survey(rows, np.argsort(ids)), np.argsort(ids), 0.5, np.random.default_rng(0))
    assert (planted[::3] == -1).all()


def test_planted_errors_name_the_class_that_sure_contradictions_name():
    rng = np.random.default_rng(0)
    n = 4000
    top = rng.integers(0, 5, n)
    labels = top.copy()
    wrong = (top == 0) & (rng.random(n) < 0.3)
    labels[wrong] = 3  # class 0 is always taken for class 3
    pred_probs = np.full((n, 5), 0.02)
    pred_probs[np.arange(n), top] = 0.92
    rows = score(labels, pred_probs).rows
    found = survey(rows, np.arange(n))
    planted = plant(found, np.arange(n), 0.3, rng)
    of_zero = (labels == 0) & (planted != 0)
    assert (planted[of_zero] == 3).mean() > 0.9


@pytest.mark.slow
def test_regions_with_worse_labels_are_told_apart_and_others_are_not():
    rng = np.random.default_rng(0)
    n = 12_000
    group = rng.random(n) < 0.5
    top = rng.integers(0, 2, n)
    wrong = rng.random(n) < np.where(group, 0.15, 0.02)
    p = rng.uniform(0.8, 0.99, n)
    pred_probs = np.stack([np.where(top == 0, p, 1 - p), np.where(top == 1, p, 1 - p)], axis=1)
    rows = score(np.where(wrong, 1 - top, top), pred_probs).rows
    noise = rng.normal(size=(n, 3))
    found = survey(rows, np.arange(n), np.c_[group, noise])
    assert found.rate[group].mean() == pytest.approx(0.15, abs=0.03)
    assert found.rate[~group].mean() == pytest.approx(0.02, abs=0.01)
    blind = survey(rows, np.arange(n), noise)
    assert blind.rate.std() < found.rate.std() / 4


# --- whose fault a contradiction is ---


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def contradictions_of(own, rate, rng):
    """Return which labels contradict a model that errs with chances `own`, if labels are wrong at `rate`."""
    return rng.random(len(own)) < rate + (1 - rate) * own


@pytest.mark.parametrize("rate", [0.005, 0.02, 0.1, 0.25])
@pytest.mark.parametrize("reach", [1.2, 3.0])
def test_what_a_weak_model_gets_wrong_is_not_held_against_the_labels(rate, reach):
    rng = np.random.default_rng(1)
    margin = rng.exponential(reach, 20_000)
    own = sigmoid(0.3 - 1.3 * margin)  # wrong in up to a third of all cases
    found = own_errors(margin, None, contradictions_of(own, rate, rng))
    assert found.rate == pytest.approx(rate, rel=0.35, abs=0.004)
    assert found.chance == pytest.approx(own, abs=0.05)
    assert (np.diff(found.chance[np.argsort(margin)]) <= 1e-12).all()


@pytest.mark.slow
def test_neighbours_tell_own_errors_where_margins_do_not():
    rng = np.random.default_rng(2)
    n = 4000
    own = rng.random(n) < 0.4
    support = np.clip(np.where(own, 0.3, 0.8) + rng.normal(0, 0.1, n), 0, 1).round(1)
    margin, contradicts = rng.exponential(0.5, n), own | (rng.random(n) < 0.03)
    blind, seeing = own_errors(margin, None, contradicts), own_errors(margin, support, contradicts)
    assert seeing.rate == pytest.approx(0.03, abs=0.02)
    assert blind.rate > 2 * seeing.rate
    unknown = own_errors(margin, np.full(n, np.nan), contradicts)
    assert unknown.chance == pytest.approx(blind.chance, abs=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("power", [1, 2, 4])
@pytest.mark.parametrize("rate", [0.01, 0.08])
def test_a_model_that_knows_of_the_noise_cannot_grow_surer_but_ranks_say_how_much_is_left(power, rate):
    place = (np.arange(20_000) + 0.5) / 20_000
    own = 0.5 * place**power
    left = [rate_left(place, contradictions_of(own, rate, np.random.default_rng(seed))) for seed in range(8)]
    assert np.mean(left) == pytest.approx(rate, abs=0.01)
    assert np.abs(np.array(left) - rate).max() < 0.03


@pytest.mark.slow
@settings(max_examples=40)
@given(st.integers(1, 400), st.integers(0, 2**31), st.sampled_from(["none", "all", "some"]), st.booleans())
def test_rates_are_shares_whatever_the_model(n, seed, how, constant):
    rng = np.random.default_rng(seed)
    margin = np.full(n, 0.7) if constant else rng.exponential(1.0, n)
    contradicts = {"none": np.zeros(n, bool), "all": np.ones(n, bool), "some": rng.random(n) < 0.5}[how]
    found = own_errors(margin, rng.random(n), contradicts)
    left = rate_left(np.arange(n) / n, contradicts)
    assert 0 < found.rate < 1
    assert 0 < left < 1
    assert ((found.chance >= 0) & (found.chance <= 1)).all()


def test_regions_where_only_the_model_is_weak_are_not_called_noisy():
    rng = np.random.default_rng(4)
    n = 12_000
    group = rng.random(n) < 0.5
    margin = rng.exponential(np.where(group, 1.0, 4.0))
    p = sigmoid(margin)  # of two classes
    top = rng.integers(0, 2, n)
    contradicts = contradictions_of(sigmoid(-margin), 0.03, rng)
    pred_probs = np.stack([np.where(top == 0, p, 1 - p), np.where(top == 1, p, 1 - p)], axis=1)
    rows = score(np.where(contradicts, 1 - top, top), pred_probs).rows
    found = survey(rows, np.arange(n), np.c_[group, rng.normal(size=(n, 2))])
    assert found.expected_rate == pytest.approx(0.03, abs=0.015)
    assert found.rate[group].mean() < 3 * found.rate[~group].mean()
    assert contradicts[group].mean() > 2 * contradicts[~group].mean()


@settings(max_examples=50)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=200), st.floats(0.001, 0.6), st.integers(LEAST_ITEMS, 3000))
def test_chances_never_rise_and_stay_near_the_rate(depths, rate, n):
    result = chances(np.array(depths), rate, n)
    assert (np.diff(result) <= 1e-12).all()
    assert ((result >= 0) & (result <= 1)).all()
    assert result.mean() <= rate * 1.3 + 0.02


def test_the_first_places_of_a_short_queue_are_told_from_the_rest():
    depths = np.r_[np.full(180, 0.02), np.linspace(0.1, 1.0, 20)]
    found = density(depths, 60)
    assert found[0] > 4.0  # with a first bin of twenty places it could not exceed three
    assert found[12:].mean() < 0.5


def test_errors_found_anywhere_alike_tell_nothing():
    even = (np.arange(5000) + 0.5) / 5000
    assert density(even, 2000) == pytest.approx(1.0, abs=0.05)


# --- whole audits ---


def test_an_audit_is_calibrated_where_it_fits_the_model_itself():
    ids, features, labels, is_error = blobs(n=4000)
    told = []
    audit = la.audit(dataset(ids, features, labels), progress=lambda *step: told.append(step[2]))
    plain = la.audit(dataset(ids, features, labels), AuditConfig(calibrate="off"))
    health = audit.health
    assert "Planting errors" in told
    assert health["range_kind"] == CALIBRATED
    assert plain.health["range_kind"] == "plausible range"
    assert plain.health["expected_precision"] == ()
    assert Health.from_dict(health).caution == ""
    assert list(audit.items.index) == list(plain.items.index)
    assert abs(health["expected_errors"] - is_error.sum()) < 0.35 * is_error.sum()
    wrong = pd.Series(is_error, index=ids).loc[audit.items.index]
    first = next(part for part in health["expected_precision"] if part["depth"] == 100)
    assert first["precision"] == pytest.approx(wrong.head(100).mean(), abs=0.15)


@pytest.mark.parametrize(
    ("n", "refitted", "n_rounds"), [(60, False, 34), (1000, False, 10), (60_000, False, 1), (60, True, 10)]
)
def test_few_items_are_planted_more_often_until_there_are_enough_errors(n, refitted, n_rounds):
    share = 0.03 if refitted else 0.1
    assert _n_rounds(share * n, refitted=refitted) == n_rounds


def audits_of_few_items(calibrate):
    """Return the audits of eight sets of 60 to 180 items, and how many labels are wrong in each."""
    drawn = [blobs(n=n, rate=0.1, seed=seed) for n in (60, 100, 140, 180) for seed in (0, 1)]
    audits = [la.audit(dataset(*parts[:3]), AuditConfig(calibrate=calibrate, workers=1)) for parts in drawn]
    return audits, [int(parts[3].sum()) for parts in drawn]


@pytest.mark.slow
def test_fewer_than_two_hundred_items_are_calibrated_too_and_counts_come_closer():
    (plain, n_wrong), (planted, _) = audits_of_few_items("off"), audits_of_few_items("auto")
    off = [
        np.mean([abs(np.log(audit.health["expected_errors"] / n)) for audit, n in zip(audits, n_wrong, strict=True)])
        for audits in (plain, planted)
    ]
    assert off[1] < off[0]
    for audit, n in zip(planted, n_wrong, strict=True):
        low, high = audit.health["expected_errors_range"]
        assert audit.health["planted"]
        assert low <= n <= high
        assert low <= audit.health["expected_errors"] <= high


@pytest.fixture(scope="module")
def weakly_modelled():
    """An audit by a model that sees a little of what tells the classes apart, and the number of errors."""
    rng = np.random.default_rng(0)
    n, n_classes, rate = 3000, 6, 0.02
    truth = rng.integers(0, n_classes, n)
    features = rng.normal(size=(n_classes, 8))[truth] * 0.8 + rng.normal(size=(n, 8))
    labels = np.where(rng.random(n) < rate, (truth + rng.integers(1, n_classes, n)) % n_classes, truth)
    ids = np.array([f"i{i:05d}" for i in range(n)], dtype=object)
    return la.audit(dataset(ids, features, labels.astype(np.int32))), int((labels != truth).sum())


def test_a_weak_model_does_not_take_its_own_mistakes_for_wrong_labels(weakly_modelled):
    audit, n_errors = weakly_modelled
    health = Health.from_dict(audit.health)
    low, high = health.expected_errors_range
    assert health.agreement < 0.75
    assert health.expected_errors < 4 * n_errors
    assert health.expected_errors < (1 - health.agreement) * len(audit.items) / 4
    assert low < n_errors < high


def test_a_weak_model_does_not_flag_what_is_mostly_right(weakly_modelled):
    health = Health.from_dict(weakly_modelled[0].health)
    assert 0 < health.suspects < 0.5 * (1 - health.agreement) * health.assessed
    assert health.suspect_errors >= 0.1 * health.suspects


def test_in_any_doubt_one_in_ten_of_the_flags_of_a_weak_model_is_expected_to_be_wrong():
    queue = np.r_[0.6, 0.5, 0.2, np.linspace(0.1, 0.0, 997)]

    def flagged(n_uncalibrated, **model):
        return queue[queue > _flag_line(queue, n_uncalibrated, 1.0, **model)]

    assert len(flagged(500, is_model_weak=False)) == 500
    few = flagged(500, is_model_weak=True)
    assert 3 < len(few) < 200
    assert 0.1 <= few.mean() < 0.101
    assert len(flagged(20, is_model_weak=True)) == 20  # no more than without calibration
    certain = np.full(50, 0.09)
    assert not (certain > _flag_line(certain, 40, 1.0, is_model_weak=True)).any()


@pytest.mark.parametrize("name", ["terminal", "html", "markdown", "json"])
def test_reports_name_a_weak_model_whose_suspicion_is_not_calibrated(weakly_modelled, name):
    items = weakly_modelled[0].items.sort_values("row")
    embeddings = weakly_modelled[0].arrays["embeddings"]
    codes = items["given_label"].str.removeprefix("class ").to_numpy().astype(np.int32)
    audit = la.audit(dataset(items.index.to_numpy(), embeddings, codes), AuditConfig(calibrate="off"))
    health = Health.from_dict(audit.health)
    assert f"agrees with only {health.agreement:.0%} of the labels, and suspicion is not calibrated" in health.caution
    assert "--calibrate auto" in health.caution
    words = " ".join(REPORT_FORMATS.get(name).render(make_report(audit, top=3)).replace("│", "").split())
    assert "its own mistakes look like wrong labels" in words


@pytest.mark.parametrize("name", ["terminal", "markdown"])
def test_reports_say_that_a_model_is_too_weak_to_tell(weakly_modelled, name):
    health = Health.from_dict(weakly_modelled[0].health)
    assert health.range_kind == TOO_WEAK
    assert f"agrees with only {health.agreement:.0%} of the labels" in health.caution
    assert "random check (labelaudit check)" in health.caution
    words = " ".join(REPORT_FORMATS.get(name).render(make_report(weakly_modelled[0], top=3)).split())
    assert "A random check (labelaudit check) tells" in words.replace("│", "")


def test_given_probabilities_stay_a_plausible_range():
    _, _, labels, _ = blobs(n=400)
    pred_probs = np.full((400, 4), 0.1)
    pred_probs[np.arange(400), labels] = 0.7
    given = la.Dataset.from_arrays(labels, pred_probs=[pred_probs])
    assert la.audit(given).health["range_kind"] == "plausible range"
    with pytest.raises(UsageError, match="nothing to fit again"):
        la.audit(given, AuditConfig(calibrate="on"))


def test_another_word_is_refused():
    with pytest.raises(ConfigError, match="'auto', 'on' or 'off'"):
        AuditConfig(calibrate="always")


@pytest.mark.slow
def test_fitting_again_counts_as_well_and_resumes(tmp_path):
    ids, features, labels, is_error = blobs()
    data, config = dataset(ids, features, labels), AuditConfig(calibrate="on")
    first = la.audit(data, config, checkpoint=tmp_path / "folds")
    kept = sorted((tmp_path / "folds").glob("planted-*/fold-*.npz"))
    assert len(kept) == config.folds * 3
    written = [path.stat().st_mtime_ns for path in kept]
    again = la.audit(data, config, checkpoint=tmp_path / "folds", resume=True)
    assert [path.stat().st_mtime_ns for path in kept] == written
    pd.testing.assert_frame_equal(first.items, again.items)
    assert abs(first.health["expected_errors"] - is_error.sum()) < 0.35 * is_error.sum()


def test_reports_say_what_to_expect_of_the_first_suspects():
    ids, features, labels, _ = blobs()
    audit = la.audit(dataset(ids, features, labels))
    health = Health.from_dict(audit.health)
    about = round(next(part.precision for part in health.expected_precision if part.depth == 100) * 100)
    assert health.expected_precision_line.startswith(f"Of the first 100 about {about}, ")
    assert "easy and hard items alike" in health.planting_line


@pytest.mark.slow
@pytest.mark.parametrize("name", ["banking77", "adult"])
def test_precision_on_real_data_is_as_expected(shared_data, name):
    options = {"label": "income"} if name == "adult" else {}
    audit = la.audit(la.read(shared_data / name / "noisy.csv", **options))
    truth = pd.read_csv(shared_data / name / "noisy_truth.csv", dtype={"id": str}).set_index("id")["is_error"]
    wrong = truth.loc[audit.items.sort_values("rank").index].to_numpy()
    for part in audit.health["expected_precision"]:
        if part["depth"] in (100, 500, 1000):
            assert part["precision"] == pytest.approx(wrong[: part["depth"]].mean(), abs=0.07)
    low, high = audit.health["expected_errors_range"]
    assert low < wrong.sum() < high
