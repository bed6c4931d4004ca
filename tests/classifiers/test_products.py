"""Products that are added in place equal those of SciPy, and never reach beyond an array."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from labelaudit.classifiers._products import add_product, add_transposed_product


def sparse_rows(n: int, d: int, seed: int) -> sparse.csr_array:
    rng = np.random.default_rng(seed)
    return sparse.csr_array(rng.poisson(0.5, (n, d)).astype(np.float32))


@given(
    n=st.integers(0, 9),
    d=st.integers(0, 9),
    k=st.integers(1, 4),
    rows=st.tuples(st.integers(0, 9), st.integers(0, 9)),
    seed=st.integers(0, 99),
)
def test_they_add_what_scipy_gives(n, d, k, rows, seed):
    X, rng = sparse_rows(n, d, seed), np.random.default_rng(seed)
    rows = slice(min(*rows, n), min(max(rows), n))
    by_row = rng.integers(0, 9, (rows.stop - rows.start, k)).astype(np.float32)
    by_column = rng.integers(0, 9, (d, k)).astype(np.float32)
    np.testing.assert_array_equal(add_product(by_row.copy(), X, by_column, rows), by_row + X[rows] @ by_column)
    np.testing.assert_array_equal(
        add_transposed_product(by_column.copy(), X, by_row, rows), by_column + X[rows].T @ by_row
    )


def test_they_write_into_the_given_array():
    X, out = sparse_rows(5, 3, 0), np.zeros((5, 2), np.float32)
    assert add_product(out, X, np.ones((3, 2), np.float32)) is out
    np.testing.assert_array_equal(out[:, 0], X.sum(axis=1))


@pytest.mark.parametrize(
    ("out", "dense"),
    [
        (np.zeros((4, 2), np.float32), np.ones((3, 2), np.float32)),
        (np.zeros((5, 2), np.float32), np.ones((2, 2), np.float32)),
        (np.zeros((5, 2), np.float32), np.ones((3, 1), np.float32)),
        (np.zeros((2, 5), np.float32).T, np.ones((3, 2), np.float32)),
        (np.zeros((5, 2), np.float32), np.ones((3, 4), np.float32)[:, ::2]),
        (np.zeros((5, 2), np.float64), np.ones((3, 2), np.float32)),
    ],
    ids=["few rows", "few columns", "other width", "turned result", "strided factor", "other type"],
)
def test_arrays_that_the_loops_would_overrun_are_refused(out, dense):
    with pytest.raises(ValueError):
        add_product(out, sparse_rows(5, 3, 0), dense)
