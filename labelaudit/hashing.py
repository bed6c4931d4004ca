"""Hashes of content: what makes an item the same item."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.errors import ReadError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.domain import Dataset

__all__ = ["content_hashes", "derived_ids"]

_ID_DIGITS = 16  # 64 bits: a chance collision among 10 million items has a probability of 3e-6


def content_hashes(dataset: Dataset) -> NDArray[np.object_]:
    """Return (n,) str, 32 hexadecimal digits of BLAKE2b over each item's content.

    The content is the raw one where there is some (text, image bytes, table row); embeddings and probabilities count
    only for items that have nothing else. Labels, ids and groups do not count.
    """
    parts = [_text_bytes(dataset), _image_bytes(dataset), _table_bytes(dataset)]
    present = [part for part in parts if part is not None]
    if not present:
        present = (
            [_array_bytes(dataset.embeddings)]
            if dataset.embeddings is not None
            else [_array_bytes(p) for p in dataset.pred_probs]
        )
    if not present:
        present = [(str(row).encode() for row in dataset.rows)]
    hashes = np.empty(len(dataset), dtype=object)
    for i, pieces in enumerate(zip(*present, strict=True)):
        digest = hashlib.blake2b(digest_size=16)
        for piece in pieces:
            digest.update(len(piece).to_bytes(8, "little"))
            digest.update(piece)
        hashes[i] = digest.hexdigest()
    return hashes


def derived_ids(dataset: Dataset) -> NDArray[np.object_]:
    """Return (n,) unique ids derived from content.

    Items of equal content get the suffixes ``-2``, ``-3``, ... in the order of their labels and groups, so that shuffling
    the rows changes no id of distinguishable items.
    """
    hashes = np.array([digest[:_ID_DIGITS] for digest in dataset.content_hashes], dtype=object)
    places: dict[str, list[int]] = {}
    for i, digest in enumerate(hashes):
        places.setdefault(digest, []).append(i)
    for digest, same in places.items():
        if len(same) > 1:
            same.sort(key=lambda i: (int(dataset.labels[i]), *(str(values[i]) for values in dataset.groups.values())))
            for count, i in enumerate(same[1:], start=2):
                hashes[i] = f"{digest}-{count}"
    return hashes


def _text_bytes(dataset: Dataset) -> Iterator[bytes] | None:
    if dataset.text is None:
        return None
    return (text.encode("utf-8", "surrogatepass") for text in dataset.text)


def _image_bytes(dataset: Dataset) -> Iterator[bytes] | None:
    if dataset.images is None:
        return None
    return (_read_bytes(path) for path in dataset.images)


def _read_bytes(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ReadError(
            f"The image {path} cannot be read: {error.strerror}.", "Restore the file or remove its row."
        ) from error


def _table_bytes(dataset: Dataset) -> Iterator[bytes] | None:
    if dataset.features is None:
        return None
    columns = [dataset.features[name].tolist() for name in dataset.features.columns]
    return (
        repr([_canonical(value) for value in row]).encode("utf-8", "surrogatepass")
        for row in zip(*columns, strict=True)
    )


def _canonical(value: Any) -> Any:
    """Give equal values of different storage types the same form: 3 and 3.0, None and NaN."""
    if value is None or type(value).__name__ == "NAType" or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, bool | int | float) else str(value)


def _array_bytes(array: Any) -> Iterator[bytes]:
    step = 65536
    for start in range(0, array.shape[0], step):
        block = np.ascontiguousarray(np.asarray(array[start : start + step]), dtype="<f4")
        yield from (row.tobytes() for row in block)
