"""What all formats share: how items look as plain values, and how values of files are read."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelaudit.errors import OutputError

if TYPE_CHECKING:
    from labelaudit.domain import Batch, BatchItem

__all__ = [
    "BATCH",
    "EVERYTHING",
    "HASH",
    "ID",
    "IMAGE_TYPES",
    "cell_text",
    "content_text",
    "hints",
    "image_bytes",
    "image_name",
    "image_source",
    "is_url",
    "labels_of",
    "milliseconds",
    "names_of_items",
    "seconds_of",
    "tags",
    "text_of",
    "unclear_times",
]

ID, BATCH, HASH = "labelaudit_id", "labelaudit_batch", "labelaudit_hash"
"""Keys that travel with each item. Never ``id`` or ``label``: tools overwrite those."""

EVERYTHING = frozenset(
    {
        "given_label",
        "suggestion",
        "tags",
        "content",
        "several",
        "opinions",
        "annotator",
        "time",
        "seconds",
        "verdict",
        "skip",
        "note",
    }
)

IMAGE_TYPES = {
    ".bmp": "image/bmp",
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".webp": "image/webp",
}
_UNSAFE = re.compile(r"[^A-Za-z0-9]+")
_DECIMAL_COMMA = re.compile(r"^\s*(0(?=,)|\d+(?!,\d{3}\s*$)),(\d+)\s*$")
"""A number with a decimal comma, but not ``1,234``, where the comma may stand between thousands."""


def tags(batch: Batch, item: BatchItem) -> dict[str, str]:
    """Return what must travel with an item."""
    return {ID: item.item_id, BATCH: batch.batch_id, HASH: item.content_hash}


def hints(batch: Batch, item: BatchItem) -> dict[str, Any]:
    """Return what annotators may know of an item; nothing of it if the batch is blind."""
    if batch.blind:
        return {}
    return {
        "given_label": item.given_label,
        "suggested_label": item.suggested_label,
        "suggested_probability": item.suggested_probability,
        "why": item.why,
    }


def cell_text(value: Any) -> str:
    """Return a value of a table as text; nothing for a missing one.

    Examples
    --------
    >>> cell_text(3.0), cell_text(True), cell_text(None)
    ('3.0', 'true', '')
    """
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def content_text(item: BatchItem) -> str:
    """Return an item as text: the text itself, or its table row as a line for each field."""
    if item.text is not None or item.fields is None:
        return item.text or ""
    return "\n".join(f"{name}: {cell_text(value)}" for name, value in item.fields.items())


def is_url(image: str) -> bool:
    """Tell whether an image is named by a URL."""
    return image.startswith(("http://", "https://", "data:"))


def image_source(item: BatchItem) -> str:
    """Return the image of an item as a URL; a file becomes a data URL, which needs no server.

    Raises
    ------
    OutputError
        If the file cannot be read.
    """
    image = item.image or ""
    if is_url(image):
        return image
    kind = IMAGE_TYPES.get(Path(image).suffix.lower(), "application/octet-stream")
    return f"data:{kind};base64,{base64.b64encode(image_bytes(item)).decode('ascii')}"


def image_bytes(item: BatchItem) -> bytes:
    """Return the content of an item's image file.

    Raises
    ------
    OutputError
        If it cannot be read.
    """
    try:
        return Path(item.image or "").read_bytes()
    except OSError as error:
        raise OutputError(
            f"The image {item.image} of the item {item.item_id!r} cannot be read: {error.strerror}.",
            "Restore the file; nothing was written.",
        ) from error


def image_name(item: BatchItem) -> str:
    """Return a file name for an item's image that every file system takes and that stands for the item.

    For tools that keep nothing of an image but its name.
    """
    readable = _UNSAFE.sub("-", item.item_id).strip("-")[:40] or "item"
    digest = hashlib.blake2b(item.item_id.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
    image = (item.image or "").split("?")[0]
    return f"{readable}-{digest}{Path(image).suffix.lower() or '.jpg'}"


def names_of_items(batch: Batch) -> dict[str, str]:
    """Return the id of each item of a batch by every name under which a tool may give it back."""
    named = {name: item.item_id for item in batch.items for name in (image_name(item), Path(image_name(item)).stem)}
    return {**named, **{item.item_id: item.item_id for item in batch.items}}


def milliseconds(value: Any) -> int | None:
    """Return a time as milliseconds since the epoch; None if it is none.

    Taken are ISO 8601 (without a zone: UTC) and seconds since the epoch.

    Examples
    --------
    >>> milliseconds("2026-03-01T12:00:00.250Z"), milliseconds(1772366400), milliseconds("soon")
    (1772366400250, 1772366400000, None)
    """
    if isinstance(value, dt.datetime):
        moment = value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        return round(value * 1000) if abs(value) < 1e11 else None  # NaN is not below it either
    else:
        try:
            moment = dt.datetime.fromisoformat(value)
        except (TypeError, ValueError):
            return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    # Whole milliseconds by integer arithmetic: floats of today's dates are off by one now and then.
    return (moment - dt.datetime.fromtimestamp(0, dt.UTC)) // dt.timedelta(milliseconds=1)


def seconds_of(value: Any) -> float | None:
    """Return a duration in seconds, or None if `value` is none.

    A spreadsheet may have written it with a decimal comma.

    Examples
    --------
    >>> seconds_of("12,5"), seconds_of(6), seconds_of("0,125"), seconds_of("1,234"), seconds_of("-1")
    (12.5, 6.0, 0.125, None, None)
    """
    if isinstance(value, bool) or value is None:
        return None
    try:
        seconds = float(_DECIMAL_COMMA.sub(r"\1.\2", value) if isinstance(value, str) else value)
    except (TypeError, ValueError, OverflowError):
        return None
    return seconds if 0 <= seconds < 1e9 else None


def unclear_times(at: Any, seconds: Any) -> tuple[str, ...]:
    """Name what stands for a time or a duration and is none, such as a date that a spreadsheet wrote its own way.

    Examples
    --------
    >>> unclear_times("01.02.2026", "6")
    ("the time '01.02.2026' (write it as 2026-03-01T12:00:00Z)",)
    """
    found = []
    if at not in (None, "") and milliseconds(at) is None:
        found.append(f"the time {at!r} (write it as 2026-03-01T12:00:00Z)")
    if seconds not in (None, "") and seconds_of(seconds) is None:
        found.append(f"the seconds {seconds!r} (write a number such as 6.5)")
    return tuple(found)


def text_of(value: Any) -> str | None:
    """Return `value` as text, None if it is missing or empty."""
    if value is None or value == "" or isinstance(value, Mapping | list):
        return None
    return str(value)


def labels_of(value: Any) -> tuple[str, ...]:
    """Return labels from what a file has for them: nothing, one, or a list; numbers become their text."""
    if value is None or value == "":
        return ()
    if isinstance(value, str | int | float):
        return (str(value),)
    return tuple(str(label) for label in value if label is not None) if isinstance(value, Iterable) else ()
