"""The simulated data sets that the ranking is judged on."""

from __future__ import annotations

import dataclasses
import importlib

import numpy as np
import pytest

from tests.conftest import ROOT


@pytest.fixture
def simulation(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    return importlib.import_module("benchmarks.simulation")


def small(simulation, index: int, **changes):
    return dataclasses.replace(
        simulation.draw_settings(index), n=800, n_classes=5, rate=0.1, model="linear_discriminant", **changes
    )


@pytest.mark.parametrize("index", range(7))
def test_each_kind_of_noise_comes_at_its_rate_and_can_be_found(simulation, index):
    settings = small(simulation, index, view="linear", view_noise=0.2, separation=8.0, temperature=1.0, n_features=20)
    simulated = simulation.simulate(settings)
    assert settings.noise == list(simulation.NOISES)[index]
    assert simulated.is_error.mean() == pytest.approx(0.1, abs=0.04)
    np.testing.assert_allclose(simulated.pred_probs.sum(axis=1), 1.0, atol=1e-4)
    assert ((simulated.labels >= 0) & (simulated.labels < 5)).all()
    p_given = simulated.pred_probs[np.arange(800), simulated.labels]
    assert p_given[simulated.is_error].mean() < p_given[~simulated.is_error].mean() - 0.1


def test_the_same_seed_gives_the_same_set_and_another_seed_another(simulation):
    first, again = (simulation.simulate(small(simulation, 3)) for _ in range(2))
    np.testing.assert_array_equal(first.pred_probs, again.pred_probs)
    np.testing.assert_array_equal(first.labels, again.labels)
    assert simulation.draw_settings(3, seed=1) != simulation.draw_settings(3, seed=0)


def test_a_model_is_blind_to_the_labels_it_predicts(simulation):
    """Held-out rows: a model that memorises everything must not know labels that are pure chance."""
    rng = np.random.default_rng(0)
    models = importlib.import_module("benchmarks.simulated_models")
    labels = rng.integers(0, 4, 400).astype(np.int32)
    pred_probs = models.cross_validated(models.trees, rng.normal(size=(400, 5)), labels, 4, rng)
    assert (pred_probs.argmax(axis=1) == labels).mean() < 0.35
