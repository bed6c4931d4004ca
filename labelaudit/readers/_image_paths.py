"""Paths of images named by a data file: inside its folder, there, and images."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from labelaudit.errors import ReadError
from labelaudit.images import UNPACKED, check_image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.progress import ProgressCallback

__all__ = ["ImagePaths", "data_folder", "resolve_inside", "unpack_folder"]

_STEP = 256


def data_folder(data: Path) -> Path:
    """Return the folder that image paths are relative to."""
    return data if data.is_dir() else data.parent


def unpack_folder(data: Path, chosen: str | None) -> Path:
    """Return the folder for the images that a data file or folder holds: the `chosen` one, else one beside the data."""
    if chosen is not None:
        return Path(chosen)
    absolute = Path(os.path.abspath(data))  # noqa: PTH100 - links are kept: those of a download cache lead elsewhere
    return absolute.with_name((absolute.name if data.is_dir() else absolute.stem) + UNPACKED)


@dataclass(frozen=True, eq=False)
class ImagePaths:
    """Paths in a column of a data file, resolved and checked.

    Attributes
    ----------
    data : Path
        The data file, or the folder that stands for it; paths are relative to its folder.
    column : str or None
        Name of the column, for messages; None where the images are those of a folder.
    locate : callable
        Words for a position, for messages.
    check : bool
        Whether to look at the head of every image; else only at its path.
    """

    data: Path
    column: str | None
    locate: Callable[[int], str]
    check: bool = True

    def checked(self, names: NDArray[np.object_], tell: ProgressCallback) -> NDArray[np.object_]:
        """Return the absolute paths, without symbolic links, of the (n,) `names`.

        Raises
        ------
        ReadError
            Naming file, column and row, if a path is missing or leads out of the folder, or a file is no image.
        """
        paths = np.empty(len(names), dtype=object)
        for i, name in enumerate(names):
            paths[i] = self.path(i, name)
            if i % _STEP == 0:
                tell(i, len(names), "Checking images")
        tell(len(names), len(names), "Checking images")
        return paths

    def path(self, i: int, name: str | None) -> str:
        """Return the checked path of the image that row `i` names."""
        if not name or not name.strip():
            raise self.error(i, "the image path is missing.", "Fill it in, or remove the row.")
        path = resolve_inside(self._folder, name, self._known)
        if path is None:
            raise self.error(
                i,
                f"the image path {name!r} leads out of the folder {self._folder}.",
                "Copy the image into the folder; links may not leave it."
                if self.column is None
                else "Name images relative to the data file, in its folder or below.",
            )
        try:
            if self.check:
                check_image(path)
        except ReadError as error:
            raise self.error(i, error.problem, error.fix) from error
        return path

    def error(self, i: int, problem: str, fix: str | None) -> ReadError:
        """Return an error that names file, column and row."""
        place = self.data if self.column is None else f"Column {self.column!r} of {self.data}"
        return ReadError(f"{place}, {self.locate(i)}: {problem}", fix)

    @cached_property
    def _folder(self) -> str:
        return os.path.realpath(data_folder(self.data))

    @cached_property
    def _known(self) -> dict[str, str]:
        return {}


def resolve_inside(folder: str, name: str, known: dict[str, str]) -> str | None:
    """Return the real path of `name` under `folder`, or None if it lies outside.

    Parameters
    ----------
    folder : str
        Real path of the data folder.
    name : str
        Path relative to it, or absolute.
    known : dict
        Real paths of folders that were met before: a million images share few folders, and resolving each path from the
        root would cost ten system calls apiece.
    """
    head, tail = os.path.split(os.path.join(folder, name))  # noqa: PTH118 - Path would cost more than the check
    if tail in {"", ".", ".."} or "\0" in name:
        return None
    real = known.get(head)
    if real is None:
        real = known[head] = os.path.realpath(head)
    path = f"{real}{os.sep}{tail}"
    try:
        if stat.S_ISLNK(os.lstat(path).st_mode):
            path = os.path.realpath(path)
    except OSError:
        pass  # missing or unreadable: the check of the image says so
    return path if path.startswith(folder.rstrip(os.sep) + os.sep) else None
