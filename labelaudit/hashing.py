"""Hashes of content: what makes an item the same item."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.errors import ReadError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from labelaudit.domain import Dataset

__all__ = ["content_hashes", "derived_ids", "json_checksum"]

_ID_DIGITS = 16  # 64 bits: a chance collision among 10 million items has a probability of 3e-6
_MISSING = b"\xff" * 8  # in the place of a length that no cell has
_BLOCK = 65536  # rows of an array that are made contiguous at a time


def content_hashes(dataset: Dataset) -> NDArray[np.object_]:
    """Return (n,) str, 32 hexadecimal digits of BLAKE2b over each item's content.

    The content is the raw one where there is some (text, image bytes, table row); embeddings and probabilities count
    only for items that have nothing else. Labels, ids and groups do not count. A table row is the same whatever the
    order of the columns and the storage type of a number (3, 3.0 and "3").

    Raises
    ------
    ReadError
        If an image cannot be read.
    """
    parts = [_text_bytes(dataset), _image_bytes(dataset), _table_bytes(dataset)]
    present = [part for part in parts if part is not None]
    if not present:
        present = (
            [_array_bytes(dataset.embeddings)]
            if dataset.embeddings is not None
            else [_array_bytes(source) for source in dataset.pred_probs]
        )
    if not present:
        present = [(str(row).encode() for row in dataset.rows)]
    hashes = np.empty(len(dataset), dtype=object)
    hashes[:] = [hashlib.blake2b(content, digest_size=16).hexdigest() for content in _joined(present)]
    return hashes


def derived_ids(dataset: Dataset) -> NDArray[np.object_]:
    """Return (n,) unique ids derived from content.

    Items of equal content get the suffixes ``-2``, ``-3``, ... in the order of their labels and groups, so that
    shuffling the rows changes no id of distinguishable items.
    """
    hashes = np.empty(len(dataset), dtype=object)
    hashes[:] = [digest[:_ID_DIGITS] for digest in dataset.content_hashes]
    if len(set(hashes)) == len(hashes):
        return hashes
    places: dict[str, list[int]] = {}
    for i, digest in enumerate(hashes):
        places.setdefault(digest, []).append(i)
    names = (*dataset.classes, "")  # −1, unlabelled, is the last

    def order(i: int) -> tuple[str, ...]:
        return (names[dataset.labels[i]], *(str(values[i]) for values in dataset.groups.values()))

    for digest, same in places.items():
        for count, i in enumerate(sorted(same, key=order)[1:], start=2):
            hashes[i] = f"{digest}-{count}"
    return hashes


def json_checksum(values: dict[str, Any]) -> str:
    """Return the SHA-256 of an object of JSON, whatever its spaces, its escapes and the order of its names.

    Examples
    --------
    >>> json_checksum({"a": (1, 2), "b": None}) == json_checksum({"b": None, "a": [1, 2]})
    True
    """
    plain = json.loads(json.dumps(values))  # names that are numbers are sorted as the strings that they become
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode("ascii")).hexdigest()


def _joined(parts: list[Iterator[bytes]]) -> Iterable[bytes]:
    if len(parts) == 1:
        return parts[0]
    # The length before each part keeps ("ab", "c") apart from ("a", "bc").
    return (b"".join(map(_framed, pieces)) for pieces in zip(*parts, strict=True))


def _framed(content: bytes) -> bytes:
    return len(content).to_bytes(8, "little") + content


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
            f"The image {path} cannot be read: {error.strerror}.", "Restore the file, or leave the item out."
        ) from error


def _table_bytes(dataset: Dataset) -> Iterator[bytes] | None:
    if dataset.features is None:
        return None
    names = sorted(dataset.features.columns, key=str)
    columns = [_cell_bytes(dataset.features[name]) for name in names]
    return map(b"".join, zip(*columns, strict=True))


def _cell_bytes(column: pd.Series[Any]) -> list[bytes]:
    """Return the framed bytes of each cell; each distinct value is turned into bytes only once."""
    codes, distinct = column.factorize(use_na_sentinel=True)
    table = np.empty(len(distinct) + 1, dtype=object)
    table[:-1] = [_framed(_canonical(value).encode("utf-8", "surrogatepass")) for value in distinct.tolist()]
    table[-1] = _MISSING  # its code is −1
    cells: list[bytes] = table[codes].tolist()
    return cells


def _canonical(value: Any) -> str:
    """Give equal values of different storage types the same form: 3 and 3.0, so that an added row changes no other."""
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return str(int(value))
    return str(value)


def _array_bytes(array: Any) -> Iterator[bytes]:
    for start in range(0, array.shape[0], _BLOCK):
        with np.errstate(over="ignore"):  # numbers beyond float32 are equal to the hash, no matter for a warning
            block = np.ascontiguousarray(np.asarray(array[start : start + _BLOCK]), dtype="<f4")
        yield from (row.tobytes() for row in block)
