"""Images as gradient histograms, colours and usual patches: no weights to download, only array operations."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from labelaudit.encoders import Encoder
from labelaudit.encoders._images import BATCH, SIDE, pixels_of, principal_components
from labelaudit.encoders._patches import PatchDictionary

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.domain import Dataset

_CELL = 4  # pixels
_BINS = 9  # of gradient direction over 180°
_LEARNED_FROM = 500  # images whose patches are learned; each is decoded once more
_COLOR_GRID = 8  # blocks a side whose mean colour is kept


def encode(dataset: Dataset) -> NDArray[np.float32]:
    """Return (n, 2980) float32 features of `dataset.images`; see :func:`learn`."""
    return learn(dataset)(dataset)


def learn(dataset: Dataset) -> Callable[[Dataset], NDArray[np.float32]]:
    """Learn the usual patches of `dataset.images`, of 500 of them if there are more, and return what encodes images.

    Images are scaled to 32 × 32 pixels. Shape: histograms of oriented gradients (Dalal and Triggs, 2005) in cells of
    4 × 4 pixels and 9 directions, normalised over overlapping blocks of 2 × 2 cells by clipped L2 norm (1764 numbers).
    Colour: mean of each channel in a grid of 8 × 8 (192 numbers). Texture: how much of 256 usual patches of 6 × 6
    pixels each quadrant holds (1024 numbers; :class:`PatchDictionary`).

    Returns
    -------
    callable
        From a dataset with `b` images to (b, 2980) float32.

    Raises
    ------
    ReadError
        If an image cannot be decoded; so does the callable.
    """
    n = len(dataset)
    drawn = np.sort(np.random.default_rng(0).permutation(n)[:_LEARNED_FROM])
    return partial(_encoded, PatchDictionary.learn(_pixels(dataset, drawn)))


def _encoded(patches: PatchDictionary, dataset: Dataset) -> NDArray[np.float32]:
    pixels = _pixels(dataset, np.arange(len(dataset)))
    return np.hstack([_gradients(pixels), _colors(pixels), patches.describe(pixels)])


def _pixels(dataset: Dataset, items: NDArray[np.integer]) -> NDArray[np.float32]:
    """Return (m, 32, 32, 3) pixels in 0..1 of the images of some items."""
    return pixels_of(dataset, items).astype(np.float32) / np.float32(255)


def _gradients(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (b, 1764) block-normalised gradient histograms of (b, 32, 32, 3) pixels in 0..1."""
    gray = np.sqrt(pixels).mean(axis=3)  # square root: gradients in the dark count as much as in the light
    down, right = np.zeros_like(gray), np.zeros_like(gray)
    down[:, 1:-1] = gray[:, 2:] - gray[:, :-2]
    right[:, :, 1:-1] = gray[:, :, 2:] - gray[:, :, :-2]
    strength = np.hypot(down, right)
    position = np.arctan2(down, right) % np.pi * (_BINS / np.pi)
    low = np.floor(position)
    share = (position - low).astype(np.float32)
    cells = SIDE // _CELL
    histogram = np.zeros((len(pixels), cells, cells, _BINS), dtype=np.float32)
    for direction in range(_BINS):
        # Each gradient is shared between its two nearest directions; 180° is 0°.
        weight = strength * ((low % _BINS == direction) * (1 - share) + ((low + 1) % _BINS == direction) * share)
        histogram[..., direction] = weight.reshape(len(pixels), cells, _CELL, cells, _CELL).sum(axis=(2, 4))
    corners = [histogram[:, i : cells - 1 + i, j : cells - 1 + j] for i in (0, 1) for j in (0, 1)]
    blocks = _scaled(np.minimum(_scaled(np.concatenate(corners, axis=3)), 0.2))
    return blocks.reshape(len(pixels), -1)


def _scaled(blocks: NDArray[np.float32]) -> NDArray[np.float32]:
    # The constant keeps flat areas, whose gradients are noise of the file format, near zero.
    length = np.sqrt((blocks**2).sum(axis=3, keepdims=True) + np.float32(1e-2))
    scaled: NDArray[np.float32] = blocks / length
    return scaled


def _colors(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (b, 192) mean colours of the squares of an 8 × 8 grid."""
    side = SIDE // _COLOR_GRID
    squares = pixels.reshape(len(pixels), _COLOR_GRID, side, _COLOR_GRID, side, 3)
    means: NDArray[np.float32] = squares.mean(axis=(2, 4)).reshape(len(pixels), -1)
    return means


PLUGIN = Encoder(
    modality="image",
    summary="histograms of oriented gradients, colours and usual patches",
    encode=encode,
    learn=learn,
    embed=principal_components,
    at_once=BATCH,
)
