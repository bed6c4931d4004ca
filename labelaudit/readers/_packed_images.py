"""Images inside a data file: unpacked once to a folder, because models, reviewers and annotators want files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from labelaudit.atomic import atomic_file
from labelaudit.errors import OutputError, ReadError
from labelaudit.images import image_suffix, is_image_name, looks_like_image

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from labelaudit.progress import ProgressCallback
    from labelaudit.readers._image_paths import ImagePaths

__all__ = ["PackedImages", "may_hold_images", "unpack_images"]

_ROWS = 64  # taken out of Arrow at a time: few, because each may have megabytes
_SAMPLE = 32  # values looked at to tell images from other bytes


def may_hold_images(kind: pa.DataType) -> bool:
    """Tell whether a type is bytes, alone or as Hugging Face stores images and sounds (``{bytes, path}``)."""
    from pyarrow import types

    if not types.is_struct(kind):
        return _is_binary(kind)
    inner = {kind.field(i).name: kind.field(i).type for i in range(kind.num_fields)}
    if inner.keys() != {"bytes", "path"}:
        return False
    content, path = inner["bytes"], inner["path"]
    is_path = types.is_string(path) or types.is_large_string(path) or types.is_null(path)
    return is_path and (_is_binary(content) or bool(types.is_null(content)))


def _is_binary(kind: pa.DataType) -> bool:
    from pyarrow import types

    return bool(types.is_binary(kind) or types.is_large_binary(kind))


@dataclass(frozen=True, eq=False)
class PackedImages:
    """A column of encoded images.

    Attributes
    ----------
    blocks : callable
        Gives the values as Arrow arrays, one after the other: the column may be larger than memory.
    """

    blocks: Callable[[], Iterator[pa.Array]]

    def cells(self) -> Iterator[tuple[bytes | None, str | None]]:
        """Yield the bytes of each cell, and the path that stands beside them or in their place."""
        for block in self.blocks():
            for start in range(0, len(block), _ROWS):
                for value in block.slice(start, _ROWS).to_pylist():
                    yield (value["bytes"], value["path"]) if isinstance(value, dict) else (value, None)

    def look_like_images(self) -> bool:
        """Tell whether most of the first values that are there are images or name some."""
        found = []
        for content, path in islice(self.cells(), _SAMPLE):
            if content is not None:
                found.append(looks_like_image(content))
            elif path is not None:
                found.append(is_image_name(path))
        return bool(found) and 2 * sum(found) > len(found)


def unpack_images(
    images: PackedImages, n: int, folder: Path, paths: ImagePaths, tell: ProgressCallback
) -> tuple[NDArray[np.object_], int]:
    """Write the images of a column to `folder`, those that are not there yet, and return where they are.

    A file is named after the hash of its content and the format that it really has; the stored name never matters. A
    cell without bytes names a file of the data folder, as a list of images does.

    Parameters
    ----------
    images : PackedImages
        The column.
    n : int
        Number of rows.
    folder : Path
        Where to; it is created if its parent is there.
    paths : ImagePaths
        Resolves paths, and knows file, column and row for messages.
    tell : callable
        Called with steps done, steps in all and what is being done.

    Returns
    -------
    images : (n,) object array of str
        Absolute paths without symbolic links.
    n_unpacked : int
        How many of them are in `folder`.

    Raises
    ------
    ReadError
        If a cell is empty, no image, or has too many pixels.
    OutputError
        If the folder cannot be written.
    """
    found = np.empty(n, dtype=object)
    unpacked = _Folder(folder, paths.data)
    inside = 0
    for i, (content, name) in enumerate(images.cells()):
        if content is None and not name:
            raise paths.error(i, "the image is missing.", "Fill it in, or remove the row.")
        if content is None:
            found[i] = _beside(i, name, paths)
        else:
            try:
                found[i] = unpacked.place_of(content)
            except ReadError as error:
                raise paths.error(i, error.problem, error.fix) from error
            inside += 1
        if i % _ROWS == 0:
            tell(i, n, "Unpacking images")
    tell(n, n, "Unpacking images")
    return found, inside


def _beside(i: int, name: str | None, paths: ImagePaths) -> str:
    try:
        return paths.path(i, name and name.strip())
    except ReadError as error:
        # Hugging Face stores only paths where a dataset was made from files and never saved with them.
        fix = "The data names this image without holding it: put it there, or save the data with its images inside"
        fix += " (datasets does with save_to_disk)."
        raise ReadError(error.problem, fix) from error


class _Folder:
    """A folder of images named after their content; a name that is there already is used if the content is the same."""

    def __init__(self, folder: Path, data: Path) -> None:
        self._folder, self._data = folder, data
        self._real = os.path.realpath(folder)
        self._there: dict[str, str] = {}
        self._checked: set[str] = set()
        if folder.is_dir():
            with os.scandir(folder) as entries:
                names = (entry.name for entry in entries if entry.is_file(follow_symlinks=False))
                self._there = {os.path.splitext(name)[0]: name for name in names if is_image_name(name)}  # noqa: PTH122

    def place_of(self, content: bytes) -> str:
        """Return the absolute path of a file with this content, written if it is not there."""
        digest = hashlib.blake2b(content, digest_size=16).hexdigest()
        name = self._there.get(digest)
        if name is None or not self._holds(digest, name, content):
            name = self._there[digest] = digest + image_suffix(content)
            self._write(name, content)
        self._checked.add(digest)
        return os.path.join(self._real, name)  # noqa: PTH118 - a million paths

    def _holds(self, digest: str, name: str, content: bytes) -> bool:
        return digest in self._checked or Path(self._real, name).read_bytes() == content

    def _write(self, name: str, content: bytes) -> None:
        target = Path(self._real, name)
        try:
            Path(self._real).mkdir(exist_ok=True)
            if target.is_symlink():  # nothing is written through a link that somebody put here
                target.unlink()
            with atomic_file(target, durable=False) as temporary:
                temporary.write_bytes(content)
        except (OSError, OutputError) as error:
            cause = error if isinstance(error, OSError) else error.__cause__
            raise OutputError(
                f"The images in {self._data} cannot be unpacked to {self._folder}:"
                f" {getattr(cause, 'strerror', None) or cause}.",
                "Free some space, or name a folder that can be written to with --unpack-to.",
            ) from error
