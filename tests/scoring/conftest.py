"""Data with traps: skewed confidence, ties, rare classes, models of different strength."""

from __future__ import annotations

import numpy as np
import pytest


def noisy_set(seed, *, n=None, n_classes=None, dtype=np.float64, ties=False):
    """Labels with 15 % errors and probabilities whose confidence differs by class.

    Dirichlet probabilities would hide the traps of confident learning: here a class may be predicted with little
    confidence, so that the sole confident class is not the argmax.
    """
    rng = np.random.default_rng(seed)
    n_classes = n_classes or int(rng.integers(2, 15))
    n = n or int(rng.integers(20, 1500))
    true = rng.choice(n_classes, n, p=rng.dirichlet(np.full(n_classes, 2.0)))
    logits = rng.normal(size=(n, n_classes)) + 0.7 * rng.normal(size=n_classes)
    logits[np.arange(n), true] += rng.gamma(2, 1.5, n_classes)[true]
    pred_probs = np.exp(logits * rng.uniform(0.5, 3))
    pred_probs /= pred_probs.sum(axis=1, keepdims=True)
    if ties:
        pred_probs = np.round(pred_probs, 1) + 1e-9
        pred_probs /= pred_probs.sum(axis=1, keepdims=True)
    labels = true.copy()
    wrong = rng.random(n) < 0.15
    labels[wrong] = rng.integers(0, n_classes, wrong.sum())
    labels[:2] = [0, 1]  # cleanlab refuses a single class
    return labels.astype(np.int32), pred_probs.astype(dtype)


@pytest.fixture(scope="session")
def make_set():
    return noisy_set
