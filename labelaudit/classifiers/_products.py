"""Products of sparse rows and dense arrays that are added to what is there.

SciPy offers them only as ``X @ dense``, which makes a new array each time. The loops behind that add to a given one;
these functions are the one place that calls them, after checks of what the loops take on trust.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import _sparsetools

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

__all__ = ["add_product", "add_transposed_product"]

_ALL = slice(None)


def add_product(
    out: NDArray[np.float32], X: csr_array, dense: NDArray[np.float32], rows: slice = _ALL
) -> NDArray[np.float32]:
    """Add ``X[rows] @ dense`` to `out`, in place.

    Parameters
    ----------
    out : (b, k) float32, C-contiguous
        What is added to.
    X : (n, d) float32 CSR array
        Sparse rows.
    dense : (d, k) float32, C-contiguous
        The other factor.
    rows : slice
        The b consecutive rows of `X` to take, without a copy of them.

    Returns
    -------
    (b, k) float32
        `out`.
    """
    first, past, _ = rows.indices(X.shape[0])
    _check((past - first, X.shape[1]), X, out, dense)
    _sparsetools.csr_matvecs(
        past - first,
        X.shape[1],
        dense.shape[1],
        X.indptr[first : past + 1],
        X.indices,
        X.data,
        dense.reshape(-1),
        out.reshape(-1),
    )
    return out


def add_transposed_product(
    out: NDArray[np.float32], X: csr_array, dense: NDArray[np.float32], rows: slice = _ALL
) -> NDArray[np.float32]:
    """Add ``X[rows].T @ dense`` to `out`, in place: (d, k) from (b, k); see :func:`add_product`."""
    first, past, _ = rows.indices(X.shape[0])
    _check((past - first, X.shape[1]), X, dense, out)
    # The columns of the transposed array are the rows of X.
    _sparsetools.csc_matvecs(
        X.shape[1],
        past - first,
        dense.shape[1],
        X.indptr[first : past + 1],
        X.indices,
        X.data,
        dense.reshape(-1),
        out.reshape(-1),
    )
    return out


def _check(shape: tuple[int, int], X: csr_array, by_row: NDArray[np.float32], by_column: NDArray[np.float32]) -> None:
    """Refuse what the loops, which check nothing, would read or write beyond the end of an array, or in a copy."""
    if (len(by_row), len(by_column)) != shape or by_row.shape[1] != by_column.shape[1]:
        raise ValueError(f"{by_row.shape} and {by_column.shape} do not fit to sparse rows of the shape {shape}.")
    if not (by_row.flags.c_contiguous and by_column.flags.c_contiguous):
        raise ValueError("Dense arrays must be C-contiguous.")
    if not X.data.dtype == by_row.dtype == by_column.dtype:
        raise ValueError(f"All must be of one type: {X.data.dtype}, {by_row.dtype} and {by_column.dtype} are not.")
