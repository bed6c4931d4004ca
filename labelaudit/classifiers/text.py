"""The default for texts: naive Bayes and logistic regression in one linear model, on words and character n-grams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np

from labelaudit.classifiers import Classifier
from labelaudit.classifiers._naive_bayes import TemperedNaiveBayes
from labelaudit.classifiers._softmax import softmax
from labelaudit.classifiers._sparse_logistic import SparseLogistic

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

_COUNTED = np.float32(0.5)  # weight of naive Bayes beside 1 for logistic regression


class CountedAndLearned:
    """Log-linear pool of naive Bayes, which counts, and logistic regression, which learns.

    The two are wrong in different places (Ng and Jordan, 2002): counting needs few examples and hardly bends to a
    wrong label, but takes words that always come together for independent evidence; learning weighs such words
    jointly, but may fit a wrong label. Both are linear in the features, so their pool is one linear model::

        log p(class | x) = log share(class) + x · (½ naive Bayes weights + logistic weights) + constant

    Naive Bayes counts half because it is at its own best temperature already, and the log shares of the classes count
    once. Between .3 and .7 the weight makes little difference; with ½ the mean confidence stays below the accuracy.

    Parameters
    ----------
    seed : int
        Decides which rows share a batch in logistic regression.

    Attributes
    ----------
    classes_ : (k,) int
        Classes seen in training, sorted.
    """

    classes_: NDArray[np.int64]

    def __init__(self, *, seed: int) -> None:
        self._seed = seed

    def fit(self, X: csr_array, y: NDArray[np.integer]) -> Self:
        """Fit both to (m, d) float32 non-negative features, rows of about length 1, and (m,) class indices."""
        counted = TemperedNaiveBayes().fit(X, y)
        learned = SparseLogistic(seed=self._seed).fit(X, y)
        self.classes_ = counted.classes_
        self._weights = counted.weights_
        self._weights *= _COUNTED
        self._weights += learned.weights_
        self._bias = learned.bias_
        return self

    def predict_proba(self, X: csr_array) -> NDArray[np.float32]:
        """Return (b, k) probabilities of the classes in `classes_`."""
        return softmax(X @ self._weights + self._bias)


PLUGIN = Classifier(
    modality="text",
    encoder="text",
    summary="naive Bayes and logistic regression pooled, on TF-IDF of words, word pairs and character n-grams",
    build=CountedAndLearned,
    cost=3e-9,
)
