"""Opening images of unknown origin without harm."""

from __future__ import annotations

import io
import os
import stat
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelaudit.errors import ReadError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

__all__ = [
    "IMAGE_SUFFIXES",
    "MAX_PIXELS",
    "UNPACKED",
    "check_image",
    "image_suffix",
    "is_image_name",
    "looks_like_image",
    "open_image",
]

MAX_PIXELS = 80_000_000
"""Largest accepted width × height: 240 MB once decoded. A small file that claims more is a decompression bomb."""

IMAGE_SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
"""File endings of images, in lower case."""

UNPACKED = ".images"
"""Ending of the folder that images inside a data file are unpacked to; such a folder is no class."""

# Pillow knows many more formats; some start other programs (EPS) or are seldom tested.
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
# MPO is a JPEG with further pictures behind the first, as some cameras write.
_SUFFIX = {"JPEG": ".jpg", "MPO": ".jpg", "TIFF": ".tif", **{kind: f".{kind.lower()}" for kind in ("BMP", "GIF")}}
_SUFFIX |= {kind: f".{kind.lower()}" for kind in ("PNG", "PPM", "WEBP")}
_DEPTHS = (8, 10, 12, 14, 16)  # bits of a pixel that cameras and scanners measure
_ORIENTATION = 0x0112  # tag of EXIF, whose values 2 to 8 are these members of PIL.Image.Transpose
_TURNS = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
# Pillow's decoders raise any of these for broken data.
_BROKEN = (SyntaxError, ValueError, EOFError, TypeError, AttributeError, struct.error)
_STARTS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*", *(b"P%d" % kind for kind in range(1, 7)))


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


def image_suffix(content: bytes, *, max_pixels: int = MAX_PIXELS) -> str:
    """Check what the head of an encoded image tells, and return the file ending of the format that it really has.

    Raises
    ------
    ReadError
        If the bytes are no image, or one larger than `max_pixels`.
    """
    with _opened(io.BytesIO(content), max_pixels, "") as image:
        return _SUFFIX[image.format]


def looks_like_image(content: bytes) -> bool:
    r"""Tell whether bytes begin as one of the accepted formats does.

    Examples
    --------
    >>> looks_like_image(b"\x89PNG\r\n"), looks_like_image(b"RIFF....WAVE")
    (True, False)
    """
    return content.startswith(_STARTS) or (content[:4] == b"RIFF" and content[8:12] == b"WEBP")


def open_image(path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS, where: str = "") -> Image.Image:
    """Decode an image to 8-bit RGB, turned upright as its EXIF says, if that can be read.

    Only common bitmap formats are decoded. Transparency is laid on white, grey of more than 8 bits or in fractions is
    scaled to 8 bits, and of an animation the first picture is taken.

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
    with _opened(path, max_pixels, where) as image:
        try:
            image.load()
            return _as_rgb(_upright(image))
        except (*_BROKEN, MemoryError, OSError) as error:
            raise _unreadable(path, where, f"it is truncated or damaged ({error})") from error


def _upright(image: Image.Image) -> Image.Image:
    # Pillow's own exif_transpose writes the EXIF anew, which fails where any tag of it is damaged.
    turn = _TURNS.get(image.getexif().get(_ORIENTATION))
    return image if turn is None else image.transpose(turn)


def _opened(path: str | os.PathLike[str] | io.BytesIO, max_pixels: int, where: str) -> Any:
    from PIL import Image, UnidentifiedImageError

    too_large = f"it claims more than {max_pixels:,} pixels"
    if _waits(path):
        raise _unreadable(path, where, "it is a pipe or a device")
    try:
        image = Image.open(path, formats=_FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _unreadable(path, where, too_large) from error
    except UnidentifiedImageError as error:
        empty = not path.getbuffer() if isinstance(path, io.BytesIO) else Path(path).stat().st_size == 0
        raise _unreadable(path, where, "it is empty" if empty else "it is no image, or damaged") from error
    except FileNotFoundError as error:
        raise _unreadable(path, where, "there is no such file") from error
    except OSError as error:
        raise _unreadable(path, where, error.strerror or str(error)) from error
    except _BROKEN as error:
        raise _unreadable(path, where, f"its head is damaged ({error})") from error
    if image.width * image.height > max_pixels:
        image.close()
        raise _unreadable(path, where, f"{too_large} ({image.width} × {image.height})")
    return image


def _waits(path: str | os.PathLike[str] | io.BytesIO) -> bool:
    """Tell whether opening `path` could wait for ever, as for somebody to write to a pipe."""
    if isinstance(path, io.BytesIO):
        return False
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - a Path of each of a million costs more than the question
    except (OSError, ValueError):
        return False  # opening it says why
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def _unreadable(path: str | os.PathLike[str] | io.BytesIO, where: str, reason: str) -> ReadError:
    start = f"{where}: the image" if where else "The image"
    if isinstance(path, io.BytesIO):
        return ReadError(f"{start} cannot be read: {reason}.", "Replace the image, or leave the item out.")
    return ReadError(f"{start} {os.fspath(path)} cannot be read: {reason}.", "Replace the file, or leave the item out.")


def _as_rgb(image: Image.Image) -> Image.Image:
    from PIL import Image

    if image.mode.startswith(("I", "F")):
        return Image.fromarray(_eight_bits(image)).convert("RGB")
    if "A" in image.getbands() or "transparency" in image.info:
        layers = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layers.size, "white"), layers).convert("RGB")
    return image.convert("RGB")


def _eight_bits(image: Image.Image) -> NDArray[np.uint8]:
    """Scale deep grey, which Pillow clips at 255 instead, by the fewest bits of a usual camera that hold the image.

    What a microscope or a scanner measures in 12 bits is mostly kept in 16, and would be black if it were taken for 16.
    Fractions are taken for shares of white where none is above 1.
    """
    import numpy as np

    values = np.asarray(image)
    if image.mode == "F":
        values = np.nan_to_num(values, posinf=0.0, neginf=0.0)
        values = values * 255.0 if values.max(initial=0.0) <= 1.0 else values
        values = values.clip(0, 65535).astype(np.uint16)
    depth = next(bits for bits in _DEPTHS if values.max(initial=0) < 2**bits or bits == _DEPTHS[-1])
    scaled: NDArray[np.uint8] = (values.clip(0, 65535) >> (depth - 8)).astype(np.uint8)
    return scaled
