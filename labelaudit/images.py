"""Opening images of unknown origin without harm."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelaudit.errors import ReadError

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["IMAGE_SUFFIXES", "MAX_PIXELS", "check_image", "is_image_name", "open_image"]

MAX_PIXELS = 80_000_000
"""Largest accepted width × height: 240 MB once decoded. A small file that claims more is a decompression bomb."""

IMAGE_SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
"""File endings of images, in lower case."""

# Pillow knows many more formats; some start other programs (EPS) or are seldom tested.
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")


def is_image_name(name: str) -> bool:
    """Tell whether a file name ends like an image.

    Examples
    --------
    >>> is_image_name("cats/01.JPG"), is_image_name("labels.csv")
    (True, False)
    """
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES  # noqa: PTH122 - a million names: Path is 10 times slower


def check_image(path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS, where: str = "") -> None:
    """Check what the head of an image file tells, without decoding it.

    Parameters
    ----------
    path : path-like
        Image file.
    max_pixels : int
        Largest accepted width × height.
    where : str
        The row that names the image, for the message, such as ``"labels.csv, row 5 (line 6)"``.

    Raises
    ------
    ReadError
        If the file is missing, empty, no image, or larger than `max_pixels`.
    """
    with _opened(path, max_pixels, where):
        pass


def open_image(path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS, where: str = "") -> Image.Image:
    """Decode an image to 8-bit RGB, turned upright as its EXIF says.

    Only common bitmap formats are decoded. Transparency is laid on white, 16-bit grey is scaled to 8 bits, and of an
    animation the first picture is taken.

    Parameters
    ----------
    path : path-like
        Image file.
    max_pixels : int
        Largest accepted width × height; checked before anything is decoded.
    where : str
        The row that names the image, for the message.

    Returns
    -------
    PIL.Image.Image
        In mode ``RGB``, in memory, its file closed.

    Raises
    ------
    ReadError
        If the file is missing, truncated, no image, or larger than `max_pixels`.
    """
    from PIL import ImageOps

    with _opened(path, max_pixels, where) as image:
        try:
            image.load()
            return _as_rgb(ImageOps.exif_transpose(image))
        except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:
            # Pillow's decoders raise any of these for broken data.
            raise _unreadable(path, where, f"it is truncated or damaged ({error})") from error


def _opened(path: str | os.PathLike[str], max_pixels: int, where: str) -> Any:
    from PIL import Image, UnidentifiedImageError

    too_large = f"it claims more than {max_pixels:,} pixels"
    try:
        image = Image.open(path, formats=_FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _unreadable(path, where, too_large) from error
    except UnidentifiedImageError as error:
        empty = Path(path).stat().st_size == 0
        raise _unreadable(path, where, "it is empty" if empty else "it is no image, or damaged") from error
    except FileNotFoundError as error:
        raise _unreadable(path, where, "there is no such file") from error
    except OSError as error:
        raise _unreadable(path, where, error.strerror or str(error)) from error
    except (SyntaxError, ValueError, EOFError) as error:
        raise _unreadable(path, where, f"its head is damaged ({error})") from error
    if image.width * image.height > max_pixels:
        image.close()
        raise _unreadable(path, where, f"{too_large} ({image.width} × {image.height})")
    return image


def _unreadable(path: str | os.PathLike[str], where: str, reason: str) -> ReadError:
    start = f"{where}: the image" if where else "The image"
    return ReadError(f"{start} {os.fspath(path)} cannot be read: {reason}.", "Replace the file, or remove its row.")


def _as_rgb(image: Image.Image) -> Image.Image:
    from PIL import Image

    if image.mode.startswith("I"):
        import numpy as np

        # Pillow clips 16-bit grey at 255 instead of scaling it.
        return Image.fromarray((np.asarray(image).clip(0, 65535) >> 8).astype(np.uint8)).convert("RGB")
    if "A" in image.getbands() or "transparency" in image.info:
        layers = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layers.size, "white"), layers).convert("RGB")
    return image.convert("RGB")
