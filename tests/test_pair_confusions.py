"""Which pairs of classes a model mixes up: against a plain reference, and where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from labelaudit.pair_confusions import Confusions, PairConfusion
from tests.rows import rows_of


def drawn(seed: int, n: int, n_classes: int, *, power: float = 1.0):
    """Labels drawn from their probabilities, which then are raised to a power: over-confident above 1."""
    rng = np.random.default_rng(seed)
    exact = rng.dirichlet(np.linspace(0.1, 0.6, n_classes), n)
    labels = (np.cumsum(exact, axis=1) < rng.random((n, 1))).sum(axis=1)
    said = np.maximum(exact, 1e-6) ** power
    return np.minimum(labels, n_classes - 1), said / said.sum(axis=1, keepdims=True)


def excess_by_tables(rows, unsure):
    """Compute the comparison with the model's own probabilities from full tables."""
    n_classes = rows.n_classes
    frequency = (np.bincount(rows.given, minlength=n_classes) + 1) / (len(rows) + n_classes)
    seen, foreseen = np.zeros((n_classes, n_classes)), np.zeros((n_classes, n_classes))
    for i in np.flatnonzero(unsure):
        top, second = rows.top[i], rows.second[i]
        seen[top, rows.given[i]] += rows.given[i] != top
        foreseen[top, second] += rows.p_second[i]
        rest = max(1.0 - rows.p_top[i] - rows.p_second[i], 0.0)
        foreseen[top] += rest * frequency / (1 - frequency[top])
    seen, foreseen = (table + table.T / 3 for table in (seen, foreseen))
    return np.clip(np.log((seen + 20 / 3) / (foreseen + 20 / 3)), -3, 3)[rows.other, rows.given]


def learned(rows, unsure_up_to, *, weight):
    return PairConfusion.learned(Confusions.of(rows, unsure_up_to), weight=weight, dtype=rows.p_given.dtype)


@pytest.mark.parametrize(("n", "n_classes"), [(2000, 4), (60, 40), (500, 30)])
def test_the_comparison_with_the_models_own_probabilities_is_that_of_full_tables(n, n_classes):
    rows = rows_of(*drawn(0, n, n_classes, power=2.0))
    half = float(np.median(rows.p_top))
    term = learned(rows, half, weight=0.0)(rows)
    np.testing.assert_allclose(term, -0.3 * excess_by_tables(rows, rows.p_top <= half), atol=1e-5)


def test_a_model_that_knows_what_it_confuses_needs_no_correction_and_an_over_confident_one_does():
    sound, over_confident = (rows_of(*drawn(1, 20_000, 5, power=power)) for power in (1.0, 6.0))
    terms = [learned(r, float(np.median(r.p_top)), weight=0.0)(r) for r in (sound, over_confident)]
    assert np.abs(terms[0]).max() < 0.1  # not 0: all but the two best classes are expected by class frequency
    assert np.median(terms[1]) < -0.15


def test_a_data_set_without_disagreement_has_finite_terms():
    pred_probs = np.tile([0.6, 0.3, 0.1], (20, 1))
    rows = rows_of(np.zeros(20), pred_probs)
    assert np.isfinite(learned(rows, 1.0, weight=0.4)(rows)).all()
