"""What encoders of images share: pixels of one size, and principal components of what was made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.domain import Dataset

__all__ = ["BATCH", "SIDE", "pixels_of", "principal_components"]

SIDE = 32  # pixels; enough for shape, and what small pictures have
BATCH = 256  # images in work at once: about 20 MB
_EMBEDDING_SIZE = 128


def pixels_of(dataset: Dataset, items: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Return (m, 32, 32, 3) pixels of the images of some items.

    Raises
    ------
    ReadError
        If an image cannot be decoded.
    """
    assert dataset.images is not None
    # In a folder of images the path says all; in a file that lists them, the row is what the user can look up.
    listed = dataset.origin if dataset.origin is not None and dataset.origin.reader != "images" else None
    return np.stack(
        [_decoded(dataset.images[i], f"{listed.path}, row {dataset.rows[i]}" if listed else "") for i in items]
    )


def _decoded(path: str, where: str) -> NDArray[np.uint8]:
    from PIL import Image

    from labelaudit.images import open_image

    with open_image(path, where=where) as image:
        return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def principal_components(features: NDArray[np.float32], *, seed: int) -> NDArray[np.float32]:
    """Return (n, 128) float32 principal components; fewer where there are fewer images or features."""
    from sklearn.utils.extmath import randomized_svd

    size = min(_EMBEDDING_SIZE, *features.shape)
    left, scales, _ = randomized_svd(features - features.mean(axis=0), size, n_iter=2, random_state=seed)
    vectors: NDArray[np.float32] = (left * scales).astype(np.float32)
    return vectors
