"""What small patches of pictures look like, as a dictionary learned from the pictures at hand.

The method of Coates, Ng and Lee ("An analysis of single-layer networks in unsupervised feature learning", AISTATS
2011): patches are normalised and whitened, k-means finds the usual ones, and a picture is described by how near its
patches come to each of them, summed over its quadrants. No label is seen.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PatchDictionary"]

_PATCH = 6  # pixels a side
_STRIDE = 2  # pixels between patches; 1 takes four times as long and gains little
_ATOMS = 256
_GRID = 2  # quadrants: where in the picture something is
_LEARNED_FROM = 30_000  # patches
_ROUNDS = 10  # of k-means; the sums over patches hardly change after them
_CONTRAST = np.float32(10 / 255**2)  # added to the variance: what is nearly flat is not blown up to noise
_RIDGE = 0.1  # added to the eigenvalues: directions with next to no variance are not blown up either
_AT_ONCE = 16  # pictures whose patches are compared at once: 3 MB


@dataclass(frozen=True, eq=False)
class PatchDictionary:
    """Usual patches of a set of pictures.

    Attributes
    ----------
    mean : (p,) float32
        Mean of the normalised patches; `p` is 108, the values of 6 × 6 pixels in three channels.
    whitening : (p, p) float32
        Makes the normalised patches' values uncorrelated, with a variance of at most 1.
    atoms : (k, p) float32
        Centres of the whitened patches; `k` is 256.
    """

    mean: NDArray[np.float32]
    whitening: NDArray[np.float32]
    atoms: NDArray[np.float32]

    @classmethod
    def learn(cls, pixels: NDArray[np.float32]) -> Self:
        """Learn from (m, h, w, 3) pictures in 0..1, at least one, with at least 6 pixels a side."""
        patches = _normalized(_drawn(pixels))
        mean = patches.mean(axis=0)
        covariance = np.cov(patches, rowvar=False, dtype=np.float64)
        values, axes = np.linalg.eigh(covariance)
        whitening = ((axes / np.sqrt(np.maximum(values, 0) + _RIDGE)) @ axes.T).astype(np.float32)
        return cls(mean, whitening, _centers((patches - mean) @ whitening))

    def describe(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (b, 4 k) float32: roots of how much of each usual patch each quadrant of a picture holds.

        A patch counts for an atom by how much nearer it is to it than to the average atom (the "triangle" activation),
        so for about half of them not at all. The root keeps a texture that fills a quadrant from outweighing all else,
        as it does for histograms (Arandjelović and Zisserman, "Three things everyone should know to improve object
        retrieval", CVPR 2012). Dividing by the number of atoms makes the vector of a quadrant about as long as that
        of its gradient histograms, which matters to nearest neighbours.

        Parameters
        ----------
        pixels : (b, h, w, 3) float32
            0..1, of the size that was learned from.
        """
        found = np.empty((len(pixels), _GRID * _GRID * len(self.atoms)), dtype=np.float32)
        for start in range(0, len(pixels), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            found[part] = self._pooled(pixels[part])
        return found

    def _pooled(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        windows = _windows(pixels)[:, ::_STRIDE, ::_STRIDE]
        b, rows, columns = windows.shape[:3]
        nearness = self._nearness(windows.reshape(b * rows * columns, -1)).reshape(b, rows, columns, -1)
        down, right = (np.arange(_GRID) * size // _GRID for size in (rows, columns))
        sums = np.add.reduceat(np.add.reduceat(nearness, down, axis=1), right, axis=2)
        pooled: NDArray[np.float32] = np.sqrt(sums / np.float32(len(self.atoms))).reshape(b, -1)
        return pooled

    def _nearness(self, patches: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (m, k): by how much each atom is nearer than the average one, at least 0."""
        white = (_normalized(patches) - self.mean) @ self.whitening
        distances = white @ self.atoms.T
        distances *= -2
        distances += (self.atoms**2).sum(axis=1)
        distances += (white**2).sum(axis=1, keepdims=True)
        np.sqrt(np.maximum(distances, 0, out=distances), out=distances)
        np.subtract(distances.mean(axis=1, keepdims=True), distances, out=distances)
        return np.maximum(distances, 0, out=distances)


def _windows(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a view (b, h - 5, w - 5, 3, 6, 6) of all patches."""
    return np.lib.stride_tricks.sliding_window_view(pixels, (_PATCH, _PATCH), axis=(1, 2))


def _drawn(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (m, 108) patches drawn at random places, equally many of each picture."""
    windows = _windows(pixels)
    each = -(-_LEARNED_FROM // len(pixels))
    random = np.random.default_rng(0)
    down, right = (random.integers(size, size=(len(pixels), each)) for size in windows.shape[1:3])
    return windows[np.arange(len(pixels))[:, None], down, right].reshape(len(pixels) * each, -1)


def _normalized(patches: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the patches with mean 0 and, unless they are nearly flat, variance 1."""
    centered = patches - patches.mean(axis=1, keepdims=True)
    normalized: NDArray[np.float32] = centered / np.sqrt((centered**2).mean(axis=1, keepdims=True) + _CONTRAST)
    return normalized


def _centers(patches: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (k, p) centres by k-means from patches drawn at random, on one thread: sums of several differ."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    drawn = np.random.default_rng(1).choice(len(patches), _ATOMS, replace=False)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # flat pictures have fewer different patches than centres
        found = KMeans(_ATOMS, init=patches[drawn], n_init=1, max_iter=_ROUNDS, tol=0.0).fit(patches)
    centers: NDArray[np.float32] = found.cluster_centers_
    return centers
