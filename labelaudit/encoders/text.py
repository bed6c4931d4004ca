"""Texts as TF-IDF of words, word pairs and character n-grams."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from labelaudit.encoders import Encoder
from labelaudit.encoders._ngrams import Terms, count_terms
from labelaudit.threads import on_threads

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from labelaudit.domain import Dataset

_CHARS = 4  # long enough for stems, short enough to survive a typo
_MIN_TEXTS = 2  # a term of one text cannot tell anything about another
_MAX_TERMS = 100_000  # of each kind; bounds the weights of a linear model
_EMBEDDING_SIZE = 160  # found by a rough search; hold as much as the 128 best
_GRAM_ROWS = 16_384
_ROUNDING = 1e-12  # of the largest squared length: a millionth of the length, where float32 ends


def encode(dataset: Dataset) -> csr_array:
    """Return (n, d) float32 TF-IDF of `dataset.text`.

    Term frequencies are sublinear, ``1 + log tf``; the inverse document frequency is smooth, ``1 + log((1 + n) / (1 +
    df))`` (both as in scikit-learn). Words and character n-grams are scaled to length 1 each before they stand side
    by side, so neither outweighs the other. Document frequencies use all rows: they hold no label, so no fold leaks.
    """
    from scipy import sparse

    assert dataset.text is not None
    n = len(dataset.text)
    words, characters = count_terms(dataset.text, chars=_CHARS)
    blocks = list(on_threads(partial(_tf_idf, n=n), (words, characters), 2))
    return sparse.csr_array(sparse.hstack(blocks, format="csr", dtype=np.float32))


def _tf_idf(terms: Terms, n: int) -> csr_array:
    import pandas as pd
    from scipy import sparse

    column, vocabulary = pd.factorize(terms.term, sort=True)
    texts_with = np.bincount(column, minlength=len(vocabulary))
    chosen = _most_frequent(texts_with)
    place = np.full(len(vocabulary), -1, dtype=np.int32)
    place[chosen] = np.arange(len(chosen), dtype=np.int32)
    kept = place[column] >= 0
    idf = (1 + np.log((1 + n) / (1 + texts_with[chosen]))).astype(np.float32)
    row, term = terms.row[kept], place[column[kept]]
    weight = (1 + np.log(terms.times[kept])) * idf[term]
    weight /= np.sqrt(2 * np.bincount(row, weights=weight**2, minlength=n))[row]
    # Terms come sorted by text and by hash, which is the order of the columns: nothing is left to sort.
    starts = np.zeros(n + 1, dtype=np.int32 if len(row) <= np.iinfo(np.int32).max else np.int64)
    np.cumsum(np.bincount(row, minlength=n), out=starts[1:])
    return sparse.csr_array((weight.astype(np.float32), term, starts), shape=(n, len(chosen)))


def _most_frequent(texts_with: NDArray[np.intp]) -> NDArray[np.intp]:
    chosen = np.flatnonzero(texts_with >= _MIN_TEXTS)
    if len(chosen) > _MAX_TERMS:
        # Stable, so terms of equal frequency are taken in the order of their hash.
        chosen = np.sort(chosen[np.argsort(-texts_with[chosen], kind="stable")[:_MAX_TERMS]])
    return chosen


def embed(features: csr_array, *, seed: int) -> NDArray[np.float32]:
    """Return (n, 160) float32 coordinates in the space that the items fill most (latent semantic analysis).

    The space is found by a randomised search with one power iteration (Halko et al., 2011), which begins with a count
    sketch (Clarkson and Woodruff, 2013): each term goes to one of 160 columns, with a random sign. So the first product
    costs no more than to read the features. The axes are orthonormal but not sorted by weight, which neighbours do not
    need. Fewer columns where there are fewer items or terms, or where items repeat each other.
    """
    n, d = features.shape
    size = min(_EMBEDDING_SIZE, n, d)
    if size == 0 or features.nnz == 0:
        return np.zeros((n, 1), dtype=np.float32)
    vectors: NDArray[np.float32] = features @ _orthonormal(features.T @ _count_sketch(features, size, seed))
    return vectors


def _count_sketch(features: csr_array, size: int, seed: int) -> NDArray[np.float32]:
    """Return (n, size) sums of the columns that fall together by chance, with random signs."""
    from scipy import sparse

    d = features.shape[1]
    rng = np.random.default_rng(seed)
    signs = rng.choice(np.array([-1, 1], dtype=np.float32), d)
    column = rng.integers(size, size=d, dtype=np.int32)
    sums: NDArray[np.float32] = (features @ sparse.csr_array((signs, column, np.arange(d + 1)), (d, size))).toarray()
    return sums


def _orthonormal(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return an orthonormal basis of the columns, in a quarter of the time of a QR decomposition.

    Products of the columns are added up in float64, because they square what is small.
    """
    gram = np.zeros((vectors.shape[1], vectors.shape[1]))
    for start in range(0, len(vectors), _GRAM_ROWS):
        block = vectors[start : start + _GRAM_ROWS].astype(np.float64)
        gram += block.T @ block
    values, axes = np.linalg.eigh(gram)
    there = values > _ROUNDING * values[-1]
    basis: NDArray[np.float32] = vectors @ (axes[:, there] / np.sqrt(values[there])).astype(np.float32)
    return basis


PLUGIN = Encoder(
    modality="text", summary="TF-IDF of words, word pairs and character n-grams", encode=encode, embed=embed
)
