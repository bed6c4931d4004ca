"""Both kernels hold to the readable reference, for every shape and dtype."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelaudit.kernels import (
    COMPILED_FROM,
    RowStatistics,
    arithmetic,
    blocked,
    compiled,
    compiling,
    kernel_for,
    reference,
)

KERNELS = [pytest.param(blocked, id="blocked"), pytest.param(compiled, id="compiled")]
ARRAYS = [field.name for field in fields(RowStatistics) if field.name != "n_classes"]
EXACT = {"given", "other", "top", "second", "confident"}
TOLERANCE = {"entropy": 4e-6}  # float32 has 6e-8, and the logarithm of 1000 classes is 7


def reduce(kernel, labels, pred_probs, thresholds):
    out = RowStatistics.allocate(len(labels), pred_probs.shape[1], pred_probs.dtype)
    assert kernel.reduce_chunk(out, labels, pred_probs, thresholds, 1e-3) == -1
    return out


def assert_close(found, expected):
    for name in ARRAYS:
        ours, theirs = getattr(found, name), getattr(expected, name)
        if name in EXACT:
            np.testing.assert_array_equal(ours, theirs, err_msg=name)
        else:
            np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=TOLERANCE.get(name, 3e-7), err_msg=name)


def assert_same_bits(found, expected):
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_classes", [2, 3, 10, 33, 1000])
def test_kernel_agrees_with_reference(kernel, dtype, n_classes, make_set):
    labels, pred_probs = make_set(n_classes, n=300, n_classes=n_classes, dtype=dtype)
    labels[5:9] = -1
    thresholds = np.random.default_rng(0).uniform(0.01, 1.2 / n_classes + 0.3, n_classes)
    assert_close(reduce(kernel, labels, pred_probs, thresholds), reference.reduce_rows(labels, pred_probs, thresholds))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_classes", [2, 3, 10, 33, 70, 1000])
def test_both_kernels_give_the_same_bits(dtype, n_classes, make_set):
    labels, pred_probs = make_set(n_classes, n=333, n_classes=n_classes, dtype=dtype)
    labels[5:9] = -1
    pred_probs[20:25] = np.eye(n_classes)[0]
    thresholds = np.random.default_rng(0).uniform(0.01, 1.2 / n_classes + 0.3, n_classes)
    one, other = (reduce(kernel, labels, pred_probs, thresholds) for kernel in (blocked, compiled))
    assert_same_bits(one, other)
    entropies = np.empty((2, 333), dtype)
    assert blocked.row_entropy(entropies[0], pred_probs, 1e-3) == compiled.row_entropy(entropies[1], pred_probs, 1e-3)
    np.testing.assert_array_equal(entropies[0], one.entropy)
    np.testing.assert_array_equal(entropies[1], one.entropy)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_doubted_row_does_not_keep_the_others_from_being_reduced(kernel, make_set):
    labels, pred_probs = make_set(5, n=50_000, n_classes=3, dtype=np.float32)
    thresholds = np.full(3, 0.5)
    expected = reduce(kernel, labels, pred_probs, thresholds)
    pred_probs[7] = [0.5, 0.4, 0.2]
    found = RowStatistics.allocate(50_000, 3, np.float32)
    assert kernel.reduce_chunk(found, labels, pred_probs, thresholds, 1e-3) == 7
    others = np.arange(50_000) != 7
    assert_same_bits(found.take(others), expected.take(others))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_logarithm_holds_to_the_stated_errors(dtype):
    p = np.concatenate([np.geomspace(1e-37, 1, 300_000), np.linspace(1e-6, 1, 300_000)]).astype(dtype)
    exact = np.log(p.astype(np.float64))
    error = np.abs(arithmetic.log(p) - exact)
    assert (error <= (1.2e-7 if dtype is np.float32 else 1.7e-7) * np.abs(exact)).all()
    assert (error * p).max() <= 4e-8


@pytest.mark.parametrize("kernel", KERNELS)
def test_ties_zeros_and_ones(kernel):
    pred_probs = np.array(
        [[1, 0, 0], [0, 0, 1], [0.5, 0.5, 0], [0, 0.5, 0.5], [1 / 3, 1 / 3, 1 / 3], [-0.0, 1, 0]], dtype=np.float64
    )
    labels = np.array([0, 0, 1, 0, 2, 1], dtype=np.int32)
    found = reduce(kernel, labels, pred_probs, np.array([0.5, 2.0, 0.5]))
    assert found.top.tolist() == [0, 2, 0, 1, 0, 1]
    # −0.0 in the last row is rounding noise, whose rank among zeros is left open.
    assert found.second[:-1].tolist() == [1, 0, 1, 2, 1]
    assert found.other[:-1].tolist() == [1, 2, 0, 1, 0]
    assert found.confident.tolist() == [0, 2, 0, 2, -1, -1]
    np.testing.assert_allclose(found.entropy, [0, 0, np.log(2), np.log(2), np.log(3), 0], atol=1e-6)
    assert all(np.isfinite(getattr(found, name)).all() for name in ARRAYS)


@pytest.mark.parametrize("kernel", KERNELS)
def test_threshold_decides_to_the_last_bit(kernel):
    least = np.float64(0.7) - 1e-6
    at = np.float32(least) if np.float32(least) >= least else np.nextafter(np.float32(least), np.float32(1))
    below = np.nextafter(at, np.float32(0))
    pred_probs = np.array([[at, 1 - at], [below, 1 - below]], dtype=np.float32)
    found = reduce(kernel, np.zeros(2, dtype=np.int32), pred_probs, np.array([0.7, 2.0]))
    assert found.confident.tolist() == [0, -1]


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("bad", [np.nan, -np.nan, np.inf, -np.inf, -0.1, 1.5, 0.4])
def test_doubtful_rows_are_found(kernel, bad, make_set):
    labels, pred_probs = make_set(1, n=50, n_classes=4, dtype=np.float32)
    pred_probs[17] = [bad, 0.5, 0.25, 0.25]
    out = RowStatistics.allocate(50, 4, np.float32)
    assert kernel.reduce_chunk(out, labels, pred_probs, np.full(4, 0.5), 1e-3) == 17
    assert kernel.row_entropy(np.empty(50, np.float32), pred_probs, 1e-3) == 17


@pytest.mark.parametrize("kernel", KERNELS)
def test_entropy_alone_is_that_of_the_reduction(kernel, make_set):
    labels, pred_probs = make_set(3, n=400, n_classes=7)
    entropy = np.empty(400)
    assert kernel.row_entropy(entropy, pred_probs, 1e-3) == -1
    np.testing.assert_allclose(entropy, reduce(kernel, labels, pred_probs, np.full(7, 0.5)).entropy, atol=1e-6)


@pytest.mark.parametrize("kernel", KERNELS)
@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), cut=st.integers(1, 59))
def test_rows_do_not_see_each_other(kernel, seed, cut, make_set):
    labels, pred_probs = make_set(seed, n=60, n_classes=5, dtype=np.float32)
    thresholds = np.full(5, 0.4)
    whole = reduce(kernel, labels, pred_probs, thresholds)
    for part in (slice(0, cut), slice(cut, 60)):
        assert_same_bits(reduce(kernel, labels[part], pred_probs[part], thresholds), whole.take(part))


def test_size_alone_chooses_the_kernel():
    assert kernel_for(COMPILED_FROM - 1) is blocked
    assert kernel_for(COMPILED_FROM) is compiled


def test_without_a_folder_for_the_cache_it_compiles_all_the_same(monkeypatch):
    def refuse(self):
        raise RuntimeError("cannot cache function: no locator available")

    monkeypatch.setattr("numba.core.dispatcher.Dispatcher.enable_caching", refuse)
    assert compiling.compiled(lambda x: x + 1)(2) == 3
