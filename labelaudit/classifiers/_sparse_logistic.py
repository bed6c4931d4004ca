"""Multinomial logistic regression on sparse rows by a few passes of stochastic gradient descent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np

from labelaudit.classifiers._products import add_product, add_transposed_product

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

__all__ = ["SparseLogistic"]

_DECAY = np.float32(0.1)  # of the squared weights, halved: C = 10 in scikit-learn's terms
_WORK = 8e7  # stored values × classes that all passes may see: well under a second
_PASSES = (2, 10)
_BATCH = (16, 512)
_MIN_STEPS = 8  # a pass, as far as there are rows


class SparseLogistic:
    """Multinomial logistic regression with L2 penalty, fitted roughly but in a fraction of the time.

    Plain stochastic gradient descent whose steps fall linearly to zero (Bottou, 2012). It stops long before the
    optimum, which here is no loss: the last stretch towards it fits the wrong labels. The intercepts are the log shares
    of the classes and are not learned.

    A batch is as large as costs no step length, and no constant of it depends on the data at hand. A row of length 1
    alone has a curvature of at most ½ in its own direction; what b rows share, their mean x̄, adds up to at most
    ``b · |x̄|² · π`` with π the share of the largest class, because the mean of ``diag(p) − p pᵀ`` has no eigenvalue
    above the mean probability of a class. So ``b`` is about ``1 / (|x̄|² π)``, and the step one over both together.

    Parameters
    ----------
    seed : int
        Decides which rows share a batch.

    Attributes
    ----------
    weights_ : (d, k) float32
        Weights of the features for each of the sorted classes seen in training.
    bias_ : (k,) float32
        Log shares of the classes.
    """

    weights_: NDArray[np.float32]
    bias_: NDArray[np.float32]

    def __init__(self, *, seed: int) -> None:
        self._seed = seed

    def fit(self, X: csr_array, y: NDArray[np.integer]) -> Self:
        """Fit to rows of about length 1.

        Parameters
        ----------
        X : (m, d) float32 CSR array
            Features.
        y : (m,) int
            Class indices.
        """
        _, codes, members = np.unique(y, return_inverse=True, return_counts=True)
        n, n_classes = len(codes), len(members)
        self.bias_ = np.log(members / n).astype(np.float32)
        shared = _squared_mean(X) * float(members.max()) / n
        n_batches = _n_batches(n, shared)
        step = 1 / (0.5 + shared * n / n_batches)
        # Equal batches in each pass: taking rows anew each time would cost as much as the arithmetic.
        order = np.random.default_rng(self._seed).permutation(n)
        batches = _Batches(X[order], codes[order], n_batches, n_classes)
        n_steps = n_batches * int(np.clip(_WORK / max(X.nnz * n_classes, 1), *_PASSES))
        # The weights are `scale * raw`: so the penalty shrinks one number in each step instead of all weights.
        raw, scale = np.zeros((X.shape[1], n_classes), dtype=np.float32), np.float32(1)
        for i in range(n_steps):
            rows = batches.rows(i % n_batches)
            now = np.float32(step * (1 - i / n_steps))
            residuals = batches.residuals(rows, raw, scale, self.bias_)
            scale *= 1 - now * _DECAY * np.float32(len(residuals) / n)
            residuals *= now / scale
            batches.move(raw, rows, residuals)
        raw *= scale
        self.weights_ = raw
        return self


class _Batches:
    """Rows in the order in which they are learned from, cut into batches of equal size, give or take a row.

    All steps write into the same arrays: on threads each new array of this size would cost more than the arithmetic,
    because new pages are what threads on one memory wait for.
    """

    def __init__(self, X: csr_array, codes: NDArray[np.intp], n_batches: int, n_classes: int) -> None:
        self._X, self._codes = X, codes
        largest, n_larger = -(-len(codes) // n_batches), len(codes) % n_batches or n_batches
        sizes = np.where(np.arange(n_batches) < n_larger, largest, largest - 1)
        self._starts = np.concatenate([[0], np.cumsum(sizes)]).tolist()
        self._residuals = np.empty((largest, n_classes), dtype=np.float32)
        self._of_rows = np.empty((largest, 1), dtype=np.float32)
        self._places = np.arange(largest)

    def rows(self, batch: int) -> slice:
        """Return the rows of a batch."""
        return slice(self._starts[batch], self._starts[batch + 1])

    def residuals(
        self, rows: slice, raw: NDArray[np.float32], scale: np.float32, bias: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return (b, k) label indicators minus probabilities; the next call overwrites them."""
        n = rows.stop - rows.start
        residuals, of_rows = self._residuals[:n], self._of_rows[:n]
        residuals.fill(0)
        add_product(residuals, self._X, raw, rows)
        residuals *= scale
        residuals += bias
        residuals -= residuals.max(axis=1, keepdims=True, out=of_rows)
        np.exp(residuals, out=residuals)
        residuals /= np.negative(residuals.sum(axis=1, keepdims=True, out=of_rows), out=of_rows)
        residuals[self._places[:n], self._codes[rows]] += 1
        return residuals

    def move(self, raw: NDArray[np.float32], rows: slice, residuals: NDArray[np.float32]) -> None:
        """Add the rows, weighted by (b, k) residuals, to the (d, k) weights."""
        add_transposed_product(raw, self._X, residuals, rows)


def _squared_mean(X: csr_array) -> float:
    mean = X.sum(axis=0, dtype=np.float64) / X.shape[0]
    return float((mean**2).sum())


def _n_batches(n: int, shared: float) -> int:
    smallest, largest = _BATCH
    size = min(max(smallest, 1 / max(shared, 1 / largest)), largest)
    return min(max(-(-n // int(size)), _MIN_STEPS), n)
