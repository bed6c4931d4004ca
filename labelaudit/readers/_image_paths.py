"""Paths of images named by a data file: inside its folder, there, and images."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from labelaudit.errors import ReadError
from labelaudit.images import check_image

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["checked_images", "resolve_inside"]


def checked_images(
    names: NDArray[np.object_], data: Path, column: str, locate: Callable[[int], str]
) -> NDArray[np.object_]:
    """Resolve the image paths of a column and check the head of each image.

    Parameters
    ----------
    names : (n,) object array of str or None
        Paths relative to the folder of the data file.
    data : Path
        The data file, or the folder that stands for it.
    column : str
        Name of the column, for messages.
    locate : callable
        Words for a position, for messages.

    Returns
    -------
    (n,) object array of str
        Absolute paths without symbolic links.

    Raises
    ------
    ReadError
        Naming file, column and row, if a path is missing or leads out of the folder, or a file is no image.
    """
    folder = os.path.realpath(data if data.is_dir() else data.parent)
    where = f"Column {column!r} of {data}"
    folders: dict[str, str] = {}
    paths = np.empty(len(names), dtype=object)
    for i, name in enumerate(names):
        if not name or not name.strip():
            raise ReadError(f"{where}, {locate(i)}: the image path is missing.", "Fill it in, or remove the row.")
        path = resolve_inside(folder, name.strip(), folders)
        if path is None:
            raise ReadError(
                f"{where}, {locate(i)}: the image path {name!r} leads out of the folder {data.parent}.",
                "Name images relative to the data file, in its folder or below.",
            )
        try:
            check_image(path)
        except ReadError as error:
            raise ReadError(f"{where}, {locate(i)}: {error.problem}", error.fix) from error
        paths[i] = path
    return paths


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
