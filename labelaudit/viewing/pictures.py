"""Images as a browser may have them: decoded, bounded and encoded anew, so that no byte of a file reaches it."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path

from labelaudit.errors import ReadError
from labelaudit.images import open_image

__all__ = ["Picture", "picture", "within"]

_SHARP_SIDE = 160  # up to this many pixels a side an image is kept pixel by pixel (PNG)
_QUALITY = 88


@dataclass(frozen=True)
class Picture:
    """A re-encoded image: a data URI, and the width and height in pixels of the image it was made of."""

    src: str
    width: int
    height: int


def within(path: str, folders: tuple[Path, ...]) -> Path:
    """Return the resolved path of an image if it lies in one of the folders.

    Raises
    ------
    ReadError
        If it does not, by ``..``, by a symbolic link, or otherwise.
    """
    resolved = Path(path).resolve()
    if not any(resolved.is_relative_to(folder) for folder in folders):
        raise ReadError(
            f"The image {path} lies outside the folder of the data.",
            "Copy it into the folder: links and paths that lead out are not followed.",
        )
    return resolved


def picture(path: str | Path, *, side: int) -> Picture:
    """Decode an image and encode it again, at most `side` pixels wide and high.

    Raises
    ------
    ReadError
        If it cannot be decoded, or has too many pixels.
    """
    with open_image(path) as image:
        width, height = image.size
        if max(width, height) > side:
            image.thumbnail((side, side))
        stream = io.BytesIO()
        if max(image.size) <= _SHARP_SIDE:
            image.save(stream, "PNG")
            kind = "png"
        else:
            image.save(stream, "JPEG", quality=_QUALITY)
            kind = "jpeg"
    encoded = base64.b64encode(stream.getvalue()).decode("ascii")
    return Picture(f"data:image/{kind};base64,{encoded}", width, height)
