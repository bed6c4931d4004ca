"""A folder of images with one folder for each class."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from labelaudit.config import ReadOptions
from labelaudit.errors import ReadError
from labelaudit.images import UNPACKED, is_image_name
from labelaudit.labels import parse_written_labels
from labelaudit.progress import ProgressCallback
from labelaudit.readers import Reader
from labelaudit.readers._assemble import LabelColumn, assemble
from labelaudit.readers._image_paths import ImagePaths

if TYPE_CHECKING:
    from labelaudit.domain import Dataset


def matches(path: Path) -> int:
    """Recognise a folder that has a folder with an image in it."""
    return int(path.is_dir() and any(next(_images(folder), None) is not None for folder in _folders(path)))


def read(path: Path, options: ReadOptions, tell: ProgressCallback) -> Dataset:
    """Read images in folders named after their class; images beside these folders are unlabelled.

    Items are in the order of class folder and file name. Other files and deeper folders are left alone.

    Raises
    ------
    ReadError
        If there is no image, or class folders hold folders (``train/cats/...``): which level is the class is in doubt.
    """
    if not path.is_dir():
        raise ReadError(f"{path} is no folder.", "Give a folder with one folder of images for each class.")
    names = image_names(path)
    labels = [os.path.dirname(name) or None for name in names]  # noqa: PTH120 - names, not files
    classes = {*labels}
    empty = [folder for folder in _folders(path) if folder.name not in classes]
    _refuse_deeper(path, empty, some=any(labels))
    loose = labels.count(None)
    notes = [f"{loose} images outside any class folder are unlabelled."] if loose else []
    if empty:
        notes.append(f"Folders without images are left alone: {', '.join(folder.name for folder in empty)}.")
    if others := _others(path, classes):
        named = others[0] if len(others) == 1 else f"{len(others):,} files, such as {others[0]}"
        notes.append(f"Left alone in class folders, as not named like an image that can be read: {named}.")

    def locate(position: int) -> str:
        return names[position]

    values = np.empty(len(names), dtype=object)
    values[:] = names
    where = f"The class folders of {path}"
    return assemble(
        path=path,
        reader="images",
        options=asdict(options),
        label=LabelColumn(values=parse_written_labels(labels, where=where, locate=locate), where=where, locate=locate),
        images=ImagePaths(path, None, locate, options.check_images).checked(values, tell),
        rows=np.arange(1, len(names) + 1, dtype=np.int64),
        notes=notes,
    )


def image_names(path: Path) -> list[str]:
    """Return the images below `path`, relative to it, as they are numbered: class folders by name, then loose ones."""
    folders = [(f"{folder.name}/", folder) for folder in _folders(path)]
    return [
        prefix + name
        for prefix, folder in [*folders, ("", path)]
        for name in sorted(entry.name for entry in _images(folder))
    ]


def _folders(path: Path) -> list[Path]:
    return sorted(
        entry
        for entry in path.iterdir()
        if entry.is_dir() and not entry.name.startswith(".") and not entry.name.endswith(UNPACKED)
    )


def _images(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        yield from (e for e in entries if is_image_name(e.name) and not e.name.startswith(".") and not e.is_dir())


def _others(path: Path, classes: set[str | None]) -> list[str]:
    """Return the files in class folders that are not named like an image, of a kind not read perhaps (``.heic``)."""
    folders = [folder for folder in _folders(path) if folder.name in classes]
    return sorted(
        f"{folder.name}/{file.name}"
        for folder in folders
        for file in folder.iterdir()
        if not file.name.startswith(".") and not is_image_name(file.name) and not file.is_dir()
    )


def _refuse_deeper(path: Path, empty: list[Path], *, some: bool) -> None:
    deeper = [folder for folder in empty if any(next(_images(inner), None) is not None for inner in _folders(folder))]
    if deeper:
        listed = ", ".join(str(folder) for folder in deeper[:5])
        raise ReadError(
            f"{path} holds folders of folders: {listed}.",
            f"Give the folder whose folders are the classes: {deeper[0]}.",
        )
    if not some:
        raise ReadError(f"{path} has no folder with an image in it.", "Put the images of each class in one folder.")


PLUGIN = Reader(name="images", summary="a folder of images with one folder for each class", matches=matches, read=read)
