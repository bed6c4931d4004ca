"""A small convolutional network for images; needs torch, the extra `cnn`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np

from labelaudit.classifiers import Classifier

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SIDE = 32  # pixels
_BATCH = 128  # images of a step
_STEPS = 1200  # at least, within the limits for epochs
_EPOCHS = (10, 100)
_CELL = 4  # pixels
_COMPARED = 2000  # images, at most, that tell whether mirror images are alike
_ALIKE = 0.9  # mirror images recognised for each original recognised
_PENALTY = 0.1  # for the weights of standardised features, per image


class ConvolutionalClassifier:
    """A residual network of nine layers, trained from scratch on images of 32 × 32 pixels.

    It goes through the images as often as gives 1,200 steps of 128 images, but 10 times at least and 100 at most. Each
    time they are shifted a little. They are also mirrored where :func:`mirrors_are_alike` says that this keeps the
    class.

    Parameters
    ----------
    seed : int
        Of the initial weights, the order of images, and their shifts.
    epochs : int, optional
        How often to go through the images, if not as said above.

    Attributes
    ----------
    classes_ : (k,) int
        Classes seen in training, sorted.
    """

    def __init__(self, *, seed: int, epochs: int | None = None) -> None:
        self.seed = seed
        self.epochs = epochs

    def fit(self, X: NDArray[np.uint8], y: NDArray[np.integer]) -> Self:
        """Fit to (m, 3072) pixels, 0 .. 255, and (m,) class indices; at least two classes."""
        from labelaudit.classifiers._residual_network import train

        self.classes_, codes = np.unique(y, return_inverse=True)
        images = _as_images(X)
        batch = min(_BATCH, len(images))
        enough = -(-_STEPS // (len(images) // batch))
        self._fitted = train(
            images,
            codes.astype(np.int64),
            n_classes=len(self.classes_),
            batch=batch,
            epochs=self.epochs or int(np.clip(enough, *_EPOCHS)),
            mirror=mirrors_are_alike(images, codes, seed=self.seed),
            seed=self.seed,
        )
        return self

    def predict_proba(self, X: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return (b, k) probabilities of the classes in `classes_`."""
        return self._fitted.predict(_as_images(X))


def mirrors_are_alike(images: NDArray[np.uint8], codes: NDArray[np.integer], *, seed: int) -> bool:
    """Tell whether an image that is mirrored, left to right, still shows its class.

    A quick model learns from half of the images, as they are, and then looks at the other half; both halves take turns.
    If mirroring kept the class, it would recognise mirror images as often as originals: of those it recognises in one
    view only, as many in either. Digits and letters it recognises less. They are not alike where less than nine
    mirror images are recognised for ten originals, and fewer by two standard deviations.

    Parameters
    ----------
    images : (m, 32, 32, 3) uint8
        Images, of which 2,000 are drawn if there are more.
    codes : (m,) int
        Their classes, 0 or more.
    seed : int
        Of the halves.
    """
    drawn = np.random.default_rng((seed, 1)).permutation(len(images))[:_COMPARED]
    halves = np.array_split(drawn, 2)
    right = np.hstack([_recognized(images, codes, *turn) for turn in (halves, halves[::-1])])
    originals, mirrored = right.sum(axis=1)
    chance = 2 * np.sqrt((right[0] != right[1]).sum())
    return bool(originals - mirrored <= max((1 - _ALIKE) * originals, chance))


def _recognized(
    images: NDArray[np.uint8], codes: NDArray[np.integer], learned: NDArray[np.intp], seen: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """Return (2, m) whether the images seen are recognised as they are, and mirrored."""
    features = _outlines(images[learned])
    center, spread = features.mean(axis=0), features.std(axis=0) + 1e-3
    known = (features - center) / spread
    targets = np.eye(codes.max() + 1, dtype=np.float32)[codes[learned]]
    # Least squares with a penalty: a closed form, where logistic regression takes seconds.
    gram = known.T @ known + len(known) * _PENALTY * np.eye(known.shape[1], dtype=np.float32)
    weights = np.linalg.solve(gram, known.T @ (targets - targets.mean(axis=0)))
    views = ((_outlines(view) - center) / spread for view in (images[seen], images[seen, :, ::-1]))
    return np.stack([(view @ weights + targets.mean(axis=0)).argmax(axis=1) == codes[seen] for view in views])


def _outlines(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return (m, 384) features: the structure tensor and the mean colour of each cell of 4 × 4 pixels.

    The tensor holds the means of the products of both derivatives of the gray value, here as roots with their sign:
    it tells an upright line from a lying one, and one that rises from one that falls.
    """
    pixels = images.astype(np.float32) / np.float32(255)
    gray = pixels.mean(axis=3)
    down, right = np.gradient(gray, axis=(1, 2))
    tensor = _cells(np.stack([down**2, right**2, down * right], axis=3))
    roots = np.sign(tensor) * np.sqrt(np.abs(tensor))
    return np.hstack([part.reshape(len(images), -1) for part in (roots, _cells(pixels))])


def _cells(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the (m, 8, 8, c) means over cells of (m, 32, 32, c)."""
    cells = _SIDE // _CELL
    means: NDArray[np.float32] = maps.reshape(len(maps), cells, _CELL, cells, _CELL, -1).mean(axis=(2, 4))
    return means


def _as_images(X: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(X).reshape(-1, _SIDE, _SIDE, 3)


PLUGIN = Classifier(
    modality="image",
    encoder="pixels",
    summary="a small residual network, trained on the images at hand",
    build=ConvolutionalClassifier,
    cost=1e-6,
    neighbors="image",  # pixels themselves say little of what is near
    extra=("torch", "cnn"),
)
