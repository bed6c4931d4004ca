"""Images for tools that know them by file name only."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelaudit.errors import ReadError
from labelaudit.formats._items import image_bytes, image_name, is_url
from labelaudit.half_characters import without_halves

if TYPE_CHECKING:
    from labelaudit.domain import Batch

__all__ = ["copy_images", "not_copyable", "parsed"]


def copy_images(batch: Batch, folder: Path) -> None:
    """Copy the images of a batch to `folder`, under names that stand for their items.

    Raises
    ------
    OutputError
        If an image cannot be read.
    """
    folder.mkdir(parents=True)
    for item in batch.items:
        (folder / image_name(item)).write_bytes(image_bytes(item))


def not_copyable(batch: Batch) -> Iterator[str]:
    """Yield the items whose image is elsewhere."""
    for item in batch.items:
        if item.image is not None and is_url(item.image):
            yield f"the image of {item.item_id!r} is a URL, but this tool needs the file"


def parsed(path: Path, name: str, content: bytes, format: str, keys: set[str]) -> Mapping[str, Any]:
    """Parse a JSON document and require some keys of it."""
    try:
        text = content.decode("utf-8-sig")
        document = without_halves(json.loads(text), text)
    except json.JSONDecodeError as error:
        raise ReadError(
            f"{path}: {name}, line {error.lineno}, column {error.colno}: broken JSON: {error.msg}.", "Export it again."
        ) from error
    except (ValueError, RecursionError) as error:
        raise ReadError(f"{path}: {name} is no JSON in UTF-8 ({error}).", "Export it again.") from error
    if not isinstance(document, dict) or not keys <= set(document):
        listed = ", ".join(sorted(keys))
        raise ReadError(
            f"{path}: {name} is no document of {format}: the keys {listed} are not all there.",
            "Check that it is the right export.",
        )
    return document
