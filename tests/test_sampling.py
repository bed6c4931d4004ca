"""Rows that are learned from where very many are alike: models that answer with 0 and 1 only."""

from __future__ import annotations

import numpy as np
import pytest

from labelaudit import sampling
from labelaudit.scoring import score


def _votes(n=3000, n_classes=4, members=2, seed=0):
    """Labels, of which some are missing, and models that name one class of each item."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(n_classes, size=n).astype(np.int32)
    named = [np.where(rng.random(n) < 0.2, rng.integers(n_classes, size=n), labels) for _ in range(members)]
    labels[rng.random(n) < 0.1] = -1
    return labels, [np.eye(n_classes)[classes] for classes in named]


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(sampling, "_SAMPLE", 200)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("members", [1, 2, 3])
def test_rows_that_are_all_alike_are_thinned_and_keep_their_shares(members):
    labels, sources = _votes(members=members)
    rows = score(labels, sources).rows
    chosen = sampling.sampled_rows(rows)
    assert (np.diff(chosen) > 0).all()
    assert 200 <= len(chosen) < 400
    assert (labels[chosen] >= 0).all()
    alike = np.flatnonzero((labels >= 0) & np.isin(rows.p_top, rows.p_top[chosen]))
    right = (rows.p_given == rows.p_top)[alike].mean()
    assert (rows.p_given == rows.p_top)[chosen].mean() == pytest.approx(right, abs=0.02)
    shares = np.bincount(labels[alike], minlength=4) / len(alike)
    assert np.bincount(labels[chosen], minlength=4) / len(chosen) == pytest.approx(shares, abs=0.03)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("members", [1, 2])
def test_the_order_of_rows_that_are_all_alike_bears_on_nothing(members):
    labels, sources = _votes(members=members)
    plain = score(labels, sources)
    order = np.random.default_rng(1).permutation(len(labels))
    shuffled = score(labels[order], [source[order] for source in sources])
    assert np.array_equal(shuffled.suspicion, plain.suspicion[order], equal_nan=True)
    assert np.array_equal(shuffled.ambiguity, plain.ambiguity[order], equal_nan=True)
    parts = score(labels, sources, memory="100KB", threads=3)
    assert np.array_equal(parts.suspicion, plain.suspicion, equal_nan=True)
