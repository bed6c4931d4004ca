"""Embeddings that the user brings, as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.encoders import Encoder
from labelaudit.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.domain import Dataset

_BLOCK = 65_536  # rows checked at once
_LARGEST = np.finfo(np.float32).max


def encode(dataset: Dataset) -> NDArray[np.floating]:
    """Return `dataset.embeddings` (n, d), checked; a memory map stays on disk.

    Raises
    ------
    DataError
        If they are no (n, d) array of numbers, or hold NaN, infinite values or numbers beyond float32, in which they
        are kept.
    """
    vectors = dataset.embeddings
    assert vectors is not None
    if vectors.ndim != 2 or vectors.dtype.kind not in "fiu":
        raise DataError(
            f"The embeddings have the shape {vectors.shape} and hold {vectors.dtype}.",
            "Give one vector of numbers for each item: an (n, d) array of float32.",
        )
    for start in range(0, len(vectors), _BLOCK):
        within = (np.abs(vectors[start : start + _BLOCK]) <= _LARGEST).all(axis=1)  # NaN is not
        if not within.all():
            row = start + int(within.argmin())
            raise DataError(
                f"The embedding of item {dataset.ids[row]!r} holds NaN, infinite values or numbers beyond 3e38.",
                "Compute it again, scale all embeddings down, or leave the item out.",
            )
    return vectors


def embed(features: Any, *, seed: int) -> NDArray[np.floating]:  # noqa: ARG001 - nothing is drawn
    """Return the vectors themselves."""
    vectors: NDArray[np.floating] = features
    return vectors


PLUGIN = Encoder(modality="embedding", summary="the given vectors", encode=encode, embed=embed)
