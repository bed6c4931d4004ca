"""Corrections that the given labels teach: what is learned, and what must not bear on it."""

from __future__ import annotations

import numpy as np
import pytest

import labelaudit as la
from labelaudit import recalibration, sampling
from labelaudit.kernels import RowStatistics, blocked, compiled_correction
from labelaudit.recalibration import MOST_CLASSES, Correction
from labelaudit.scoring import score


def _sharp(n: int = 4000, n_classes: int = 5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and the probabilities they were drawn by."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0.0, 1.5, (n, n_classes))
    pred_probs = np.exp(logits)
    pred_probs /= pred_probs.sum(axis=1, keepdims=True)
    labels = (pred_probs.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return np.minimum(labels, n_classes - 1).astype(np.int32), pred_probs


def _log_likelihood(labels: np.ndarray, pred_probs: np.ndarray) -> float:
    return float(np.log(pred_probs[np.arange(len(labels)), labels]).mean())


def _learned(labels: np.ndarray, pred_probs: np.ndarray) -> Correction:
    return Correction.learned(pred_probs, labels, np.ones(len(labels)))


def test_a_calibrated_model_is_left_nearly_as_it_is() -> None:
    labels, pred_probs = _sharp()
    corrected = _learned(labels, pred_probs).applied_to(pred_probs)
    assert np.abs(corrected - pred_probs).max() < 0.05
    assert np.allclose(corrected.sum(axis=1), 1.0)


@pytest.mark.parametrize("order", ["C", "F"])
def test_given_probabilities_are_read_and_never_written_to(order: str) -> None:
    labels, pred_probs = _sharp(300)
    given = np.array(pred_probs, order=order)
    given.flags.writeable = False  # as those of a data frame are
    suspicion = score(labels, given).suspicion
    assert np.array_equal(given, pred_probs)
    assert np.array_equal(suspicion, score(labels, pred_probs.copy()).suspicion)


@pytest.mark.parametrize("flaw", ["too unsure", "mixes classes up", "dislikes a class"])
def test_flaws_of_the_model_are_mended_out_of_sample(flaw: str) -> None:
    labels, pred_probs = _sharp(8000)
    if flaw == "too unsure":
        flawed = pred_probs**0.3
    elif flaw == "mixes classes up":
        flawed = pred_probs.copy()
        flawed[:, :2] = flawed[:, :2] @ np.array([[0.2, 0.8], [0.8, 0.2]])
    else:
        flawed = pred_probs * np.array([0.1, 1.0, 1.0, 1.0, 1.0])
    flawed /= flawed.sum(axis=1, keepdims=True)
    correction = _learned(labels[:4000], flawed[:4000])
    before = _log_likelihood(labels[4000:], flawed[4000:])
    after = _log_likelihood(labels[4000:], correction.applied_to(flawed[4000:]))
    true = _log_likelihood(labels[4000:], pred_probs[4000:])
    assert before < after <= true
    assert after - before > 0.3 * (true - before)


def test_weights_say_which_labels_are_believed() -> None:
    labels, pred_probs = _sharp()
    wrong = np.arange(4000) % 4 == 0
    noisy = np.where(wrong, (labels + 1) % 5, labels).astype(np.int32)
    believing = Correction.learned(pred_probs, noisy, np.ones(4000))
    doubting = Correction.learned(pred_probs, noisy, np.where(wrong, 0.0, 1.0))
    change = [np.abs(one.applied_to(pred_probs) - pred_probs).mean() for one in (believing, doubting)]
    assert change[1] < change[0] / 3


def test_impossible_stays_impossible_and_precision_is_kept() -> None:
    labels, pred_probs = _sharp(500)
    pred_probs[:50, 1], labels[labels == 1] = 0.0, 2
    pred_probs = (pred_probs / pred_probs.sum(axis=1, keepdims=True)).astype(np.float32)
    corrected = _learned(labels, pred_probs).applied_to(pred_probs)
    assert corrected.dtype == np.float32
    assert (corrected[:50, 1] == 0.0).all()
    assert np.isfinite(corrected).all()


def test_the_order_of_rows_and_of_classes_and_the_chunks_bear_on_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "_SAMPLE", 600)
    labels, pred_probs = _sharp(2000)
    pred_probs = pred_probs.astype(np.float32) ** 0.5
    pred_probs /= pred_probs.sum(axis=1, keepdims=True)
    plain = score(labels, pred_probs).recalibrated
    shuffled = np.random.default_rng(1).permutation(2000)
    assert np.array_equal(score(labels[shuffled], pred_probs[shuffled]).recalibrated.p_given, plain.p_given[shuffled])
    assert np.array_equal(score(labels, pred_probs, memory="100KB", threads=3).recalibrated.p_given, plain.p_given)
    renamed = np.array([3, 0, 4, 1, 2])
    other = score(renamed[labels], pred_probs[:, np.argsort(renamed)]).recalibrated
    assert np.allclose(other.p_given, plain.p_given, atol=1e-6)
    assert not np.array_equal(plain.p_given, score(labels, pred_probs).rows.p_given)


def test_the_sample_is_as_large_as_asked_for_and_blind_to_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "_SAMPLE", 600)
    labels, pred_probs = _sharp(2000)
    chosen = sampling.sampled_rows(score(labels, pred_probs).rows)
    assert len(chosen) == 600
    assert np.array_equal(chosen, sampling.sampled_rows(score((labels + 1) % 5, pred_probs).rows))


@pytest.mark.parametrize("n_classes", [2, 3, MOST_CLASSES + 1])
def test_any_number_of_classes(n_classes: int) -> None:
    labels, pred_probs = _sharp(300, n_classes)
    scores = score(labels, pred_probs)
    assert (scores.recalibrated is scores.rows) == (n_classes > MOST_CLASSES)
    assert np.isfinite(scores.suspicion).all()


def test_nothing_is_learned_from_nothing() -> None:
    pred_probs = np.full((3, 2), 0.5)
    for labels in ([-1, -1, -1], [0, 0, -1]):
        scores = la.score(labels, pred_probs)
        assert scores.recalibrated is scores.rows


def test_what_recalibration_adds_is_a_term_of_its_own() -> None:
    labels, pred_probs = _sharp()
    ranking = score(labels, pred_probs**0.3 / (pred_probs**0.3).sum(axis=1, keepdims=True)).ranking
    assert np.abs(ranking.terms["recalibration"]).max() > 0.1
    assert np.allclose(sum(ranking.terms.values()), ranking.order_score)


@pytest.mark.parametrize(("n", "n_classes"), [(200, 3), (64, 10), (1, 2), (130, 90)])
def test_compiled_code_corrects_as_numpy_does_and_row_by_row(n: int, n_classes: int) -> None:
    rng = np.random.default_rng(n)
    pred_probs = rng.dirichlet(np.full(n_classes, 0.2), n).astype(np.float32)
    pred_probs[0] = np.eye(n_classes)[0]  # what is impossible stays so
    correction = Correction(rng.normal(0.0, 0.5, (n_classes + 1, n_classes)).round(6))
    correction.coefficients[0, 0] = 100.0  # beyond the bound
    labels = rng.integers(-1, n_classes, n).astype(np.int32)
    plain, whole = (RowStatistics.allocate(n, n_classes, np.float32) for _ in range(2))
    blocked.reduce_chunk(plain, labels, correction.applied_to(pred_probs), np.full(n_classes, 2.0), 1.0)
    constants = correction.coefficients, recalibration._FLOOR, recalibration._LARGEST_LOG_ODDS
    compiled_correction.reduce_corrected(whole, labels, pred_probs, *constants)
    for name in ("p_given", "p_other", "p_top", "p_second", "entropy"):
        np.testing.assert_allclose(getattr(whole, name), getattr(plain, name), rtol=1e-4, atol=1e-6)
    clear = plain.p_top - plain.p_second > 1e-5
    np.testing.assert_array_equal(whole.top[clear], plain.top[clear])
    np.testing.assert_array_equal(whole.other[labels < 0], -1)
    for rows in np.array_split(np.arange(n), 3):
        part = RowStatistics.allocate(len(rows), n_classes, np.float32)
        compiled_correction.reduce_corrected(part, labels[rows], pred_probs[rows], *constants)
        for name in recalibration._KEPT:
            np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[rows])


@pytest.mark.parametrize(("n_classes", "n"), [(2, 1), (3, 64), (10, 1000)])
def test_compiled_code_shares_weights_as_numpy_does(n_classes: int, n: int) -> None:
    rng = np.random.default_rng(n)
    logs, weights = rng.normal(0.0, 30.0, (n_classes, n)), rng.random(n)  # some shares are next to nothing
    plain, compiled = logs.copy(), logs.copy()
    recalibration._share(plain, weights)
    compiled_correction.share(compiled, weights)
    np.testing.assert_allclose(plain.sum(axis=0), weights)
    np.testing.assert_allclose(compiled, plain, rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize("n_classes", [2, 10])
def test_compiled_code_learns_what_numpy_learns(n_classes: int) -> None:
    labels, pred_probs = _sharp(3000, n_classes)
    flawed, weights = pred_probs**0.5 / (pred_probs**0.5).sum(axis=1, keepdims=True), np.ones(3000)
    plain, compiled = (Correction.learned(flawed, labels, weights, compiled=c).coefficients for c in (False, True))
    assert np.abs(plain).max() > 0.1
    np.testing.assert_allclose(compiled, plain, atol=2e-6)


def test_compiled_code_is_used_for_large_data(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, pred_probs = _sharp(n_classes=6)
    pred_probs = pred_probs.astype(np.float32)
    plain = score(labels, pred_probs).suspicion
    monkeypatch.setattr("labelaudit.kernels.COMPILED_FROM", 0)
    found = [
        score(labels, pred_probs, threads=threads, memory=memory) for threads, memory in ((1, "512MB"), (3, "1MB"))
    ]
    np.testing.assert_allclose(found[0].suspicion, plain, atol=1e-4)
    np.testing.assert_array_equal(found[0].suspicion, found[1].suspicion)
