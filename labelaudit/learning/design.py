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
        weighted = self.dense * weight[:, None]
        rows = [[weighted.T @ self.dense, *(self._crossed(weighted, block) for block in self.blocks)]]
        for place, block in enumerate(self.blocks):
            left = [rows[i][place + 1].T for i in range(place + 1)]
            right = [block.joint_sums(other, weight) for other in self.blocks[place + 1 :]]
            rows.append([*left, np.diag(block.sums(weight)), *right])
        return np.block(rows)

    @staticmethod
    def _crossed(weighted: NDArray[np.float64], block: OneHot) -> NDArray[np.float64]:
        return np.stack([block.sums(column) for column in weighted.T])
