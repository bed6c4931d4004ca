"""A small residual network and its training; the only file that imports torch, when a fit begins."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FittedNetwork", "train"]

_SIDE = 32  # pixels
_WIDTH = 16  # channels of the first layer; each pooling doubles them, or nearly
_SHIFT = 4  # pixels
_LOOKED_AT = (-3, 0, 3)  # shifts averaged at prediction: with the variance of those in training
_RATE, _DECAY = 0.4, 5e-4
_MOMENTUM = (0.95, 0.85)  # where the rate is lowest and where it is highest
_WARM_UP = 0.25  # of all steps
_TEMPERED = 0.125  # of the last layer's outputs, so that the first steps are not sure of anything
_AT_ONCE = 250  # images predicted at a time


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedNetwork:
    """A trained network with what its images are standardised by.

    Attributes
    ----------
    network : torch.nn.Module
        In evaluation mode.
    center, scale : (3,) float32 tensor
        Mean, and one over the standard deviation, of each channel of the training images.
    mirrored : bool
        Whether it has learned from mirror images too.
    """

    network: Any
    center: Any
    scale: Any
    mirrored: bool

    def predict(self, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return (b, k) probabilities of (b, 32, 32, 3) images: means over what it was taught to see as the same."""
        with _one_thread(), torch.inference_mode():
            return np.mean([self._predict(view) for view in self._views(images)], axis=0)  # type: ignore[no-any-return]

    def _views(self, images: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
        places = np.arange(_SIDE)
        for down, right in product(_LOOKED_AT, repeat=2):
            shifted = images[:, _reflected(places + down)[:, None], _reflected(places + right)]
            yield shifted
            if self.mirrored:
                yield shifted[:, :, ::-1]

    def _predict(self, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        parts = [
            self.network(_standardized(images[start : start + _AT_ONCE], self.center, self.scale)).double().softmax(1)
            for start in range(0, len(images), _AT_ONCE)
        ]
        probabilities: NDArray[np.float64] = torch.cat(parts).numpy()
        return probabilities


def train(
    images: NDArray[np.uint8],
    codes: NDArray[np.int64],
    *,
    n_classes: int,
    batch: int,
    epochs: int,
    mirror: bool,
    seed: int,
) -> FittedNetwork:
    """Train a network on labelled images.

    Nesterov's momentum with one cycle of the learning rate (Smith, "A disciplined approach to neural network
    hyper-parameters", 2018): both change along half waves, the rate up to 0.4 in the first quarter of the steps and
    down to 0 in the rest. Each image is shifted by up to 4 pixels each time it is seen, with its border reflected.

    Parameters
    ----------
    images : (m, 32, 32, 3) uint8
        Red, green and blue.
    codes : (m,) int64
        Class of each, 0 .. n_classes − 1.
    n_classes : int
        Number of classes.
    batch : int
        Images of a step, at most `m`. What does not fill a batch waits for the next epoch, which has another order.
    epochs : int
        How often the images are gone through.
    mirror : bool
        Whether half of the images, drawn anew each time, are mirrored.
    seed : int
        All randomness comes from it; torch's own generators are left alone.
    """
    rng = np.random.default_rng(seed)
    center, scale = map(torch.from_numpy, _channels(images))
    targets = torch.from_numpy(codes)
    with _one_thread():
        network = _network(n_classes, rng).to(memory_format=torch.channels_last)
        descent = torch.optim.SGD(network.parameters(), lr=_RATE, momentum=0.9, nesterov=True, weight_decay=_DECAY)
        per_epoch = len(images) // batch
        network.train()
        for epoch in range(epochs):
            order = rng.permutation(len(images))
            for place in range(per_epoch):
                _set_cycle(descent, (epoch * per_epoch + place + 0.5) / (epochs * per_epoch))
                drawn = order[place * batch : (place + 1) * batch]
                inputs = _standardized(_moved(images, drawn, mirror=mirror, rng=rng), center, scale)
                descent.zero_grad()
                nn.functional.cross_entropy(network(inputs), targets[drawn]).backward()
                descent.step()
        network.eval()
    return FittedNetwork(network=network, center=center, scale=scale, mirrored=mirror)


class _Residual(nn.Module):  # type: ignore[misc]  # torch is not followed by the type checker
    """Two convolutions whose result is added to what they were given (He et al., CVPR 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.change = nn.Sequential(_convolution(channels, channels), _convolution(channels, channels))

    def forward(self, x: Any) -> Any:
        """Return the sum."""
        return x + self.change(x)


class _Largest(nn.Module):  # type: ignore[misc]  # as above
    """The largest value of each channel over all places, tempered."""

    def forward(self, x: Any) -> Any:
        """Return (b, channels)."""
        return x.amax(dim=(2, 3)) * _TEMPERED


def _convolution(inputs: int, outputs: int) -> Any:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


def _network(n_classes: int, rng: np.random.Generator) -> Any:
    """Return the nine layers of Page's entry to Stanford's DAWNBench (2018), at a quarter of their width."""
    with torch.device("meta"):  # nothing is drawn from torch's generator
        network = nn.Sequential(
            _convolution(3, _WIDTH),
            _convolution(_WIDTH, 2 * _WIDTH),
            nn.MaxPool2d(2),
            _Residual(2 * _WIDTH),
            _convolution(2 * _WIDTH, 4 * _WIDTH),
            nn.MaxPool2d(2),
            _convolution(4 * _WIDTH, 8 * _WIDTH),
            nn.MaxPool2d(2),
            _Residual(8 * _WIDTH),
            _Largest(),
            nn.Linear(8 * _WIDTH, n_classes, bias=False),
        )
    network = network.to_empty(device="cpu")
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.reset_parameters()
        elif isinstance(layer, nn.Conv2d | nn.Linear):
            bound = layer.weight[0].numel() ** -0.5  # torch's own default
            drawn = rng.uniform(-bound, bound, tuple(layer.weight.shape)).astype(np.float32)
            layer.weight.data.copy_(torch.from_numpy(drawn))
    return network


def _channels(images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return (3,) means and (3,) inverse standard deviations of all pixels; flat channels are not blown up."""
    values = np.arange(256, dtype=np.float64)
    counts = np.stack([np.bincount(images[..., channel].ravel(), minlength=256) for channel in range(3)])
    shares = counts / counts.sum(axis=1, keepdims=True)
    means = shares @ values
    spreads = np.sqrt(np.maximum(shares @ values**2 - means**2, 1.0))
    return means.astype(np.float32), (1 / spreads).astype(np.float32)


def _moved(
    images: NDArray[np.uint8], drawn: NDArray[np.intp], *, mirror: bool, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return copies of the images drawn, each shifted by its own number of pixels, and half of them mirrored."""
    places = np.arange(_SIDE)
    down, right = rng.integers(-_SHIFT, _SHIFT + 1, (2, len(drawn), 1))
    rows, columns = (_reflected(places + shift) for shift in (down, right))
    if mirror:
        columns = np.where(rng.random((len(drawn), 1)) < 0.5, columns[:, ::-1], columns)
    return images[drawn[:, None, None], rows[:, :, None], columns[:, None, :]]


def _reflected(places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return places inside the image for those up to 31 pixels outside."""
    last = _SIDE - 1
    inside: NDArray[np.int64] = last - np.abs(last - np.abs(places))
    return inside


def _standardized(images: NDArray[np.uint8], center: Any, scale: Any) -> Any:
    """Return (b, 3, 32, 32) float32; in memory the channels come last, as they do in images."""
    pixels = torch.from_numpy(np.ascontiguousarray(images))
    return ((pixels.float() - center) * scale).permute(0, 3, 1, 2)


def _set_cycle(descent: Any, share: float) -> None:
    """Set the learning rate and the momentum for a place in 0..1 of the training."""
    rising = share / _WARM_UP if share < _WARM_UP else (1 - share) / (1 - _WARM_UP)
    height = (1 - np.cos(np.pi * rising)) / 2
    for group in descent.param_groups:
        group["lr"] = float(_RATE * height)
        group["momentum"] = float(_MOMENTUM[0] + (_MOMENTUM[1] - _MOMENTUM[0]) * height)


class _Fits:
    """How many fits this process is at, and how many threads torch had before the first."""

    count, threads = 0, 0
    lock = threading.Lock()


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Let torch use one thread: how many there are changes the order of sums, and so the result."""
    with _Fits.lock:
        if _Fits.count == 0:
            _Fits.threads = torch.get_num_threads()
        _Fits.count += 1
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _Fits.lock:
            _Fits.count -= 1
            if _Fits.count == 0:
                torch.set_num_threads(_Fits.threads)
