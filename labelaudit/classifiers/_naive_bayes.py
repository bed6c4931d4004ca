"""Multinomial naive Bayes that chooses its smoothing and temperature itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from labelaudit.classifiers._products import add_product
from labelaudit.classifiers._softmax import softmax

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

__all__ = ["TemperedNaiveBayes"]

_SMOOTHINGS = (0.003, 0.01, 0.03, 0.1, 0.3)
_TEMPERATURES, _DOUBLINGS = (0.25, 0.35), 2  # 0.25 .. 1.4: doubling a temperature squares what is a power already
_NOISE = 0.05
_ROWS = 1000  # on which smoothing and temperature are chosen: the choice is among a few values


class _Counts(NamedTuple):
    """What naive Bayes knows of the training rows.

    Attributes
    ----------
    sums : (d, k) float32
        Sums of the features of each class.
    totals : (k,) float32
        Sums over all features.
    members : (k,) float32
        Rows of each class.
    """

    sums: NDArray[np.float32]
    totals: NDArray[np.float32]
    members: NDArray[np.float32]

    @property
    def log_prior(self) -> NDArray[np.float32]:
        """(k,) log shares of the classes."""
        shares: NDArray[np.float32] = np.log(self.members / self.members.sum())
        return shares


class TemperedNaiveBayes:
    """Multinomial naive Bayes on TF-IDF, made fit for finding wrong labels.

    A linear classifier fitted by counting (Rennie et al., 2003, for TF-IDF weights): it takes a tenth of the time of
    a linear support vector machine, and one wrong label moves its weights only by its share, where a discriminative
    model may bend to it. Its weakness, probabilities near 0 and 1, is mended by a temperature: ``softmax(t · log
    p)``.

    Additive smoothing and temperature are those with the largest leave-one-out likelihood on the training rows, which
    naive Bayes has in closed form: each row's own share is taken out of the counts of its class. A twentieth of each
    probability is spread over all classes in that likelihood, so that the wrong labels among the training rows do not
    make the model flat.

    Attributes
    ----------
    classes_ : (k,) int
        Classes seen in training, sorted.
    weights_ : (d, k) float32
        Log probabilities of the features in each class, times the temperature.
    bias_ : (k,) float32
        Log shares of the classes, times the temperature.
    smoothing_, temperature_ : float
        The chosen values.
    """

    classes_: NDArray[np.int64]
    weights_: NDArray[np.float32]
    bias_: NDArray[np.float32]
    smoothing_: float
    temperature_: float

    def fit(self, X: csr_array, y: NDArray[np.integer]) -> Self:
        """Count and choose.

        Parameters
        ----------
        X : (m, d) float32 CSR array
            Non-negative features.
        y : (m,) int
            Class indices.
        """
        self.classes_, codes = np.unique(y, return_inverse=True)
        counts = _count(X, codes)
        # Evenly spaced rows are as good as random ones, and need no seed.
        rows = np.arange(len(codes))[:: -(-len(codes) // _ROWS)]
        self.smoothing_, self.temperature_ = _best(X[rows], codes[rows], counts)
        self.weights_ = _log_shares(counts.sums, counts, self.smoothing_, out=counts.sums)
        self.weights_ *= np.float32(self.temperature_)
        self.bias_ = counts.log_prior * np.float32(self.temperature_)
        return self

    def predict_proba(self, X: csr_array) -> NDArray[np.float32]:
        """Return (b, k) probabilities of the classes in `classes_`."""
        return softmax(X @ self.weights_ + self.bias_)


def _count(X: csr_array, codes: NDArray[np.intp]) -> _Counts:
    from scipy.sparse import coo_array

    members = np.bincount(codes).astype(np.float32)
    per_value = np.repeat(codes.astype(X.indices.dtype), np.diff(X.indptr))
    # Values at the same place are added up.
    sums = coo_array((X.data, (X.indices, per_value)), shape=(X.shape[1], len(members))).toarray()
    return _Counts(sums, sums.sum(axis=0), members)


def _log_shares(
    sums: NDArray[np.float32], counts: _Counts, smoothing: float, out: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the log probabilities of the features whose rows of `counts.sums` are `sums`, in each class."""
    np.add(sums, np.float32(smoothing), out=out)
    np.log(out, out=out)
    out -= np.log(counts.totals + np.float32(smoothing * max(len(counts.sums), 1)))
    return out


def _best(X: csr_array, codes: NDArray[np.intp], counts: _Counts) -> tuple[float, float]:
    """Return the smoothing and the temperature under which the rows are likeliest."""
    sample = _LeftOut(X, codes, counts)
    found: dict[int, tuple[float, float]] = {}

    def likelihood(place: int) -> float:
        if place not in found:
            log_p = sample.log_probs(_SMOOTHINGS[place])
            log_p -= log_p.max(axis=1, keepdims=True)
            found[place] = max(_robust_likelihoods(log_p, codes))
        return found[place][0]

    # One peak: uphill from the middle meets it without trying all.
    place = len(_SMOOTHINGS) // 2
    for step in (-1, 1):
        while 0 <= place + step < len(_SMOOTHINGS) and likelihood(place + step) > likelihood(place):
            place += step
    return _SMOOTHINGS[place], found[place][1]


class _LeftOut:
    """Rows whose own share is taken out of the counts of their class.

    Parameters
    ----------
    X : (r, d) float32 CSR array
        Training rows.
    codes : (r,) int
        Their classes 0 .. k − 1.
    counts : _Counts
        Of all training rows.
    """

    def __init__(self, X: csr_array, codes: NDArray[np.intp], counts: _Counts) -> None:
        from scipy.sparse import csr_array

        self._codes, self._counts = codes, counts
        self._rows = np.arange(len(codes))
        self._row = np.repeat(self._rows, np.diff(X.indptr))
        # Only features that these rows have: logarithms of all would cost more than everything else.
        used, column = _numbered(X.indices, X.shape[1])
        self._sums = counts.sums[used]
        self._X = csr_array((X.data, column, X.indptr), shape=(X.shape[0], len(used)))
        self._share = np.maximum(self._sums[column, codes[self._row]] - X.data, 0)
        self._length = np.bincount(self._row, weights=X.data, minlength=X.shape[0])
        self._mass = np.maximum(counts.totals[codes] - self._length, 0)
        # A class with this member alone has nothing left: it gets the share of a thousandth of a member.
        self._prior = np.log(np.maximum(counts.members[codes] - 1, 1e-3) / counts.members.sum())
        # One array for the logarithms and one for the result of every smoothing.
        self._weights = np.empty_like(self._sums)
        self._log_p = np.empty((len(codes), len(counts.members)), dtype=np.float32)

    def log_probs(self, smoothing: float) -> NDArray[np.float32]:
        """Return (r, k) unnormalised log probabilities; that of the own class as if the row had not been counted.

        The next call overwrites them.
        """
        log_p = self._log_p
        log_p[:] = self._counts.log_prior
        add_product(log_p, self._X, _log_shares(self._sums, self._counts, smoothing, out=self._weights))
        own = np.bincount(self._row, weights=self._X.data * np.log(self._share + smoothing), minlength=len(self._codes))
        # Not in place: where no row has any term, bincount gives integers.
        own = own + self._prior - self._length * np.log(self._mass + smoothing * max(len(self._counts.sums), 1))
        log_p[self._rows, self._codes] = own
        return log_p


def _numbered(columns: NDArray[np.integer], n_columns: int) -> tuple[NDArray[np.intp], NDArray[np.integer]]:
    """Return the distinct columns, sorted, and for each value its place among them."""
    is_used = np.zeros(n_columns, dtype=bool)
    is_used[columns] = True
    place = np.cumsum(is_used, dtype=columns.dtype) - 1
    return np.flatnonzero(is_used), place[columns]


def _robust_likelihoods(log_p: NDArray[np.float32], codes: NDArray[np.intp]) -> Iterator[tuple[float, float]]:
    """Yield the mean log likelihood at each temperature, and the temperature; the largest of a row must be 0."""
    p, rows = np.empty_like(log_p), np.arange(len(codes))
    for lowest in _TEMPERATURES:
        np.exp(np.multiply(log_p, np.float32(lowest), out=p), out=p)
        for doubling in range(_DOUBLINGS + 1):
            if doubling:
                np.square(p, out=p)
            p_given = p[rows, codes].astype(np.float64) / p.sum(axis=1)
            yield float(np.log((1 - _NOISE) * p_given + _NOISE / p.shape[1]).mean()), lowest * 2**doubling
