"""The order score: compiled code writes the bits of NumPy, and leaves out the terms that there are not."""

from __future__ import annotations

import numpy as np
import pytest

from labelaudit import ranking
from labelaudit.kernels import RowStatistics, compiled_terms
from labelaudit.order_score import scored
from labelaudit.scoring import score
from labelaudit.suspicion import weigh


def drawn(n_classes: int, dtype: type) -> tuple[RowStatistics, RowStatistics]:
    """Row statistics of probabilities that are corrected, and of the ones that a model says."""
    rng = np.random.default_rng(n_classes)
    said = rng.dirichlet(np.full(n_classes, 0.3), 5000).astype(dtype)
    said[:20] = np.eye(n_classes)[rng.integers(0, n_classes, 20)]  # labels of no probability, rows of no entropy
    labels = rng.integers(0, n_classes, 5000)
    sharper = said**2 / (said**2).sum(axis=1, keepdims=True)
    return score(labels, sharper).rows, score(labels, said).rows


@pytest.mark.parametrize("n_classes", [2, 3, 12])
@pytest.mark.parametrize("is_corrected", [True, False])
def test_compiled_code_gives_the_bits_of_numpy_on_any_number_of_threads(n_classes, is_corrected, monkeypatch):
    rows, said = drawn(n_classes, np.float32)
    weighing = weigh(rows)
    plain = scored(weighing, said if is_corrected else None)
    names = {"margin", "tail", "doubt"} | ({"confusion"} if n_classes > 2 else set())
    assert set(plain.terms) == names | ({"recalibration"} if is_corrected else set())
    monkeypatch.setattr("labelaudit.kernels.COMPILED_FROM", 0)
    monkeypatch.setattr("labelaudit.threads._ROWS", 1000)
    for threads in (1, 3):
        again = scored(weighing, said if is_corrected else None, threads=threads)
        assert list(again.terms) == sorted(again.terms, key=list(plain.terms).index)
        assert again.n_above == plain.n_above
        np.testing.assert_array_equal(again.score, plain.score)
        for name, values in plain.terms.items():
            np.testing.assert_array_equal(again.terms[name], values, err_msg=name)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_terms_add_up_and_the_margin_is_what_the_model_says(dtype):
    rows, said = drawn(5, dtype)
    found = scored(weigh(rows), said)
    np.testing.assert_allclose(sum(found.terms.values()), found.score, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(found.terms["margin"], scored(weigh(said)).terms["margin"])
    assert np.abs(found.terms["recalibration"]).max() > 1.0
    told = sum(values for name, values in found.terms.items() if name != "doubt")
    calibration = weigh(rows).calibration
    assert found.n_above == [
        pytest.approx((told > cut).sum(), abs=1) for cut in (calibration.cut, calibration.cut_if_all)
    ]


def test_compiled_probabilities_are_those_of_numpy_and_fall_with_the_score():
    score = np.sort(np.random.default_rng(0).normal(0.0, 30.0, 5000))[::-1].copy()
    score[:2], score[-2:] = 1e9, -1e9  # beyond what an exponential is taken of
    plain, compiled = np.empty_like(score), np.empty_like(score)
    sums = ranking._write_suspicion(plain, score, 1.3, 2.0, 0.2)
    assert compiled_terms.write_suspicion(compiled, score, 1.3, 2.0, 0.2) == pytest.approx(sums, rel=1e-13)
    np.testing.assert_allclose(compiled, plain, rtol=1e-14)
    assert (np.diff(compiled) <= 0.0).all()
