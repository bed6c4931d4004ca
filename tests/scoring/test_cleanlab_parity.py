"""Everything that cleanlab 2.9 has comes out the same: thresholds, joints, rates, flags, scores."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from cleanlab.count import (
    compute_confident_joint,
    estimate_latent,
    get_confident_thresholds,
)
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores

from labelaudit.errors import ConfigError, UnknownNameError
from labelaudit.flags import RULES
from labelaudit.noise_rates import calibrate, estimate_noise_rates
from labelaudit.scoring import score

SEEDS = range(200)
MODELS = [
    (folder, model)
    for folder in ("cifar10n-aggregate", "roman-numeral")
    for model in ("resnet18", "efficientnet_b1", "swin_base")
]


def variant(make_set, seed):
    return make_set(seed, ties=seed % 3 == 0, dtype=np.float32 if seed % 4 == 1 else np.float64)


def cleanlab_flags(labels, pred_probs, rule, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # options that a rule does not use, classes too small to prune
        return find_label_issues(labels, pred_probs, filter_by=rule, n_jobs=1, **options)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_flags_on_generated_sets(make_set, seed):
    labels, pred_probs = variant(make_set, seed)
    scores = score(labels, pred_probs, threads=1)
    rng = np.random.default_rng(seed)
    odd = {"min_examples_per_class": int(rng.integers(0, 9)), "frac_noise": float(rng.uniform(0.3, 1))}
    for options in ({}, odd):
        for rule in RULES:
            expected = cleanlab_flags(labels, pred_probs, rule, **options)
            np.testing.assert_array_equal(scores.flags(rule, **options), expected, err_msg=f"{rule} {options}")


@pytest.mark.parametrize("seed", range(0, 200, 20))
def test_statistics_on_generated_sets(make_set, seed):
    labels, pred_probs = variant(make_set, seed)
    statistics = score(labels, pred_probs, threads=1).statistics
    np.testing.assert_allclose(statistics.thresholds, get_confident_thresholds(labels, pred_probs), atol=2e-7)
    joint = compute_confident_joint(labels, pred_probs, calibrate=False)
    np.testing.assert_array_equal(statistics.confident_joint, joint)
    calibrated = compute_confident_joint(labels, pred_probs)
    np.testing.assert_array_equal(calibrate(statistics.confident_joint, statistics.counts), calibrated)
    for consistent in (False, True):
        rates = estimate_noise_rates(calibrated, statistics.counts, consistent=consistent)
        expected = estimate_latent(calibrated, labels, converge_latent_estimates=consistent)
        found = (rates.prior, rates.noise_matrix, rates.inverse_noise_matrix)
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def assert_scores_equal(labels, pred_probs):
    scores = score(labels, pred_probs, threads=1)
    for name in ("self_confidence", "normalized_margin", "confidence_weighted_entropy"):
        quality = get_label_quality_scores(labels, pred_probs, method=name)
        comparable = np.ones(len(labels), dtype=bool)
        if name == "confidence_weighted_entropy":
            comparable = ~certain_of_the_given(scores)
        np.testing.assert_allclose(scores[name][comparable], 1 - quality[comparable], atol=1e-6, err_msg=name)
        if name != "confidence_weighted_entropy":
            quality = get_label_quality_scores(labels, pred_probs, method=name, adjust_pred_probs=True)
            np.testing.assert_allclose(scores[f"adjusted_{name}"], 1 - quality, atol=1e-6)


def certain_of_the_given(scores):
    """Rows without entropy, which cleanlab's formula gives the worst quality although the label is certain."""
    rows = scores.rows
    return rows.entropy / np.log(rows.n_classes) / np.maximum(rows.p_given, 1e-6) < 1e-6


@pytest.mark.parametrize("seed", range(0, 200, 20))
def test_scores_on_generated_sets(make_set, seed):
    assert_scores_equal(*variant(make_set, seed))


def test_a_certain_label_is_not_the_worst():
    labels, pred_probs = np.array([0, 1]), np.array([[1.0, 0.0], [1.0, 0.0]])
    assert get_label_quality_scores(labels, pred_probs, method="confidence_weighted_entropy").tolist() == [0, 0]
    assert score(labels, pred_probs)["confidence_weighted_entropy"].tolist() == [0, 1]


@pytest.mark.slow
@pytest.mark.parametrize(("folder", "model"), MODELS)
def test_real_sets(shared_data, folder, model):
    labels = np.load(shared_data / folder / "labels.npy")
    pred_probs = np.load(shared_data / folder / f"{model}.npy")
    scores = score(labels, pred_probs)
    for rule in RULES:
        np.testing.assert_array_equal(scores.flags(rule), cleanlab_flags(labels, pred_probs, rule), err_msg=rule)
    joint = compute_confident_joint(labels, pred_probs, calibrate=False)
    np.testing.assert_array_equal(scores.statistics.confident_joint, joint)
    np.testing.assert_allclose(scores.statistics.thresholds, get_confident_thresholds(labels, pred_probs), atol=2e-7)
    assert_scores_equal(labels, pred_probs)


def test_flags_with_a_small_budget_are_the_same(make_set):
    labels, pred_probs = make_set(11, n=900, n_classes=12)
    plenty, scarce = score(labels, pred_probs), score(labels, pred_probs, memory="4KB", threads=3)
    for rule in RULES:
        np.testing.assert_array_equal(plenty.flags(rule), scarce.flags(rule), err_msg=rule)


def test_unlabelled_rows_are_never_flagged_and_change_nothing(make_set):
    labels, pred_probs = make_set(21, n=600, n_classes=6)
    holes = labels.copy()
    holes[100:200] = -1
    known = holes >= 0
    scores, without = score(holes, pred_probs), score(labels[known], pred_probs[known])
    for rule in RULES:
        assert not scores.flags(rule)[~known].any()
        np.testing.assert_array_equal(scores.flags(rule)[known], without.flags(rule), err_msg=rule)


def test_wrong_options_of_flags_are_named(make_set):
    scores = score(*make_set(1))
    with pytest.raises(UnknownNameError, match="Did you mean 'prune_by_class'"):
        scores.flags("prune_by_clas")
    with pytest.raises(ConfigError, match="frac_noise is 2"):
        scores.flags("both", frac_noise=2)
