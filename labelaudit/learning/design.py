"""A design matrix of a few dense columns and of one-hot blocks that are kept as one level for each row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Design", "OneHot"]


@dataclass(frozen=True, eq=False)
class OneHot:
    """One column for each of `n_levels` levels; at most one of them is 1 in a row.

    Attributes
    ----------
    place : (m,) intp
        Level of each row, `n_levels` where it has none.
    n_levels : int
        Number of columns.
    """

    place: NDArray[np.intp]
    n_levels: int

    def sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum of `values` (m,) over the rows of each level, (n_levels,)."""
        sums = np.asarray(np.bincount(self.place, values, minlength=self.n_levels + 1), dtype=np.float64)
        return sums[: self.n_levels]

    def column_sums(self, columns: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sums of each of the `columns` (m, p) over the rows of each level, (n_levels, p)."""
        p = columns.shape[1]
        cells = (self.place[:, None] * p + np.arange(p)).ravel()
        sums = np.asarray(np.bincount(cells, columns.ravel(), minlength=(self.n_levels + 1) * p), dtype=np.float64)
        return sums.reshape(-1, p)[:-1]

    def joint_sums(self, other: OneHot, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum of `values` (m,) over the rows of each pair of levels, (n_levels, other.n_levels)."""
        width = other.n_levels + 1
        places, n_pairs = self.place * width + other.place, (self.n_levels + 1) * width
        pairs = np.asarray(np.bincount(places, values, minlength=n_pairs), dtype=np.float64)
        return pairs.reshape(-1, width)[:-1, :-1]


@dataclass(frozen=True, eq=False)
class Design:
    """`m` rows of `d` columns: the dense ones, then those of the blocks.

    Counting by level takes the place of sparse matrix products, which spend most of their time on bookkeeping here.

    Attributes
    ----------
    dense : (m, p) float
    blocks : tuple of OneHot
    """

    dense: NDArray[np.float64]
    blocks: tuple[OneHot, ...] = ()

    def times(self, coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the product with `coefficients` (d,), (m,)."""
        start = self.dense.shape[1]
        product: NDArray[np.float64] = self.dense @ coefficients[:start]
        for block in self.blocks:
            values = np.append(coefficients[start : start + block.n_levels], 0.0)
            product += values[block.place]
            start += block.n_levels
        return product

    def transposed_times(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the product of the transpose with `values` (m,), (d,)."""
        return np.concatenate([self.dense.T @ values, *(block.sums(values) for block in self.blocks)])

    def gram(self, weight: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return ``X' diag(weight) X``, (d, d), for `weight` (m,)."""
        n_dense = self.dense.shape[1]
        ends = np.cumsum([n_dense, *(block.n_levels for block in self.blocks)])
        gram = np.zeros((ends[-1], ends[-1]))
        weighted = self.dense * weight[:, None]
        gram[:n_dense, :n_dense] = weighted.T @ self.dense
        for number, block in enumerate(self.blocks):
            own = slice(ends[number], ends[number + 1])
            gram[own, own] = np.diag(block.sums(weight))
            gram[own, :n_dense] = block.column_sums(weighted)
            for earlier, other in enumerate(self.blocks[:number]):
                gram[own, ends[earlier] : ends[earlier + 1]] = block.joint_sums(other, weight)
        return np.asarray(np.tril(gram) + np.tril(gram, -1).T)
