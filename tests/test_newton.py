"""The one solver of all logistic fits: the mode, wherever it starts, and where plain Newton steps would fail."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit

from labelaudit.newton import climb


def logistic(design, offset, outcome, precision):
    """Return log density and derivatives of a logistic regression with normal priors around 0."""

    def density(w):
        linear = offset + design @ w
        return float((outcome * linear - np.logaddexp(0.0, linear)).sum() - 0.5 * precision * w @ w), linear

    def derivatives(w, linear):
        p = expit(linear)
        curvature = (design * (p * (1.0 - p))[:, None]).T @ design + precision * np.eye(len(w))
        return design.T @ (outcome - p) - precision * w, curvature

    return density, derivatives


def test_of_a_parabola_one_step_reaches_the_top():
    top, curvature = np.array([3.0, -1.0]), np.array([[2.0, 0.5], [0.5, 1.0]])
    calls = []

    def density(w):
        calls.append(w)
        return float(-0.5 * (w - top) @ curvature @ (w - top)), w

    mode = climb(np.zeros(2), density, lambda w, _: (curvature @ (top - w), curvature))
    np.testing.assert_allclose(mode.coefficients, top, atol=1e-12)
    assert mode.log_density == pytest.approx(0.0, abs=1e-12)
    assert len(calls) <= 3


@pytest.mark.parametrize("seed", range(8))
def test_finds_what_a_general_optimiser_finds(seed):
    rng = np.random.default_rng(seed)
    design = rng.normal(size=(200, 4)) * np.exp(rng.normal(size=4))
    outcome = (rng.random(200) < 0.3).astype(float)
    density, derivatives = logistic(design, rng.normal(0, 3, 200), outcome, 0.5)
    mode = climb(rng.normal(size=4), density, derivatives)
    peer = minimize(lambda w: -density(w)[0], np.zeros(4), method="BFGS", options={"gtol": 1e-8})
    np.testing.assert_allclose(mode.coefficients, peer.x, atol=1e-5)
    assert mode.log_density >= -peer.fun - 1e-9
    gradient, _ = derivatives(mode.coefficients, density(mode.coefficients)[1])
    np.testing.assert_allclose(gradient, 0.0, atol=1e-6)


def test_converges_where_full_steps_circle():
    outcome = np.zeros(60)
    density, derivatives = logistic(np.ones((60, 1)), np.full(60, 8.0), outcome, 0.01)
    start = np.zeros(1)
    gradient, curvature = derivatives(start, density(start)[1])
    full_step = np.linalg.solve(curvature, gradient)
    assert density(full_step)[0] < density(start)[0]  # thrown far past the top
    mode = climb(np.zeros(1), density, derivatives)
    assert abs(float(derivatives(mode.coefficients, density(mode.coefficients)[1])[0][0])) < 1e-6


def test_separable_outcomes_stop_at_the_prior():
    margin = np.linspace(-2.0, 2.0, 41)
    density, derivatives = logistic(margin[:, None], np.zeros(41), (margin > 0).astype(float), 1e-4)
    mode = climb(np.zeros(1), density, derivatives)
    assert np.isfinite(mode.coefficients).all()
    assert abs(float(derivatives(mode.coefficients, density(mode.coefficients)[1])[0][0])) < 1e-6
