"""Encoders: content to features. They see no label, so one pass over all rows serves all folds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from labelaudit.registry import Registry

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from labelaudit.domain import Dataset

__all__ = ["ENCODERS", "Embed", "Encoder"]


class Embed(Protocol):
    """What turns features into vectors."""

    def __call__(self, features: Any, *, seed: int) -> NDArray[np.floating]:
        """Return ``(n, d)`` vectors; their randomness, if any, comes from `seed`."""


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """A plugin that turns content into features.

    Attributes
    ----------
    modality : str
        Kind of content: ``text``, ``image``, ``table`` or ``embedding``.
    summary : str
        What the features are, in a few words.
    encode : callable
        ``encode(dataset) -> features`` with one row an item: an ``(n, d)`` array, a ``scipy.sparse`` CSR array or a
        DataFrame. It uses neither labels nor ids.
    embed : callable
        ``embed(features, seed=...)`` turns these features into ``(n, d)`` floating vectors for nearest neighbours.
    at_once : int, optional
        How many items are encoded at a time, where their features do not depend on the other items, or only by what
        `learn` found; None where `encode` is to see all. Parts bound the memory, let the progress be told, and are
        encoded on several threads.
    learn : callable, optional
        ``learn(dataset) -> encode``, called once with all items where they are encoded in parts; ``encode`` then
        encodes each part. It uses neither labels nor ids.
    """

    modality: str
    summary: str
    encode: Callable[[Dataset], Any]
    embed: Embed
    at_once: int | None = None
    learn: Callable[[Dataset], Callable[[Dataset], Any]] | None = None


ENCODERS: Registry[Encoder] = Registry("encoder", "labelaudit.encoders", Encoder)
"""Encoders by name; the default for a modality has its name."""
