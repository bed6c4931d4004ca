"""Images as their pixels, for classifiers that find their own features."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labelaudit.encoders import Encoder
from labelaudit.encoders._images import BATCH, pixels_of, principal_components

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.domain import Dataset


def encode(dataset: Dataset) -> NDArray[np.uint8]:
    """Return (n, 3072) pixels of `dataset.images`, scaled to 32 × 32: row by row, each as red, green and blue.

    Raises
    ------
    ReadError
        If an image cannot be decoded.
    """
    return pixels_of(dataset, np.arange(len(dataset))).reshape(len(dataset), -1)


def embed(features: NDArray[np.uint8], *, seed: int) -> NDArray[np.float32]:
    """Return (n, 128) float32 principal components of the brightness; fewer where there are fewer images."""
    return principal_components(features.astype(np.float32) / np.float32(255), seed=seed)


PLUGIN = Encoder(modality="image", summary="pixels at 32 × 32", encode=encode, embed=embed, at_once=BATCH)
