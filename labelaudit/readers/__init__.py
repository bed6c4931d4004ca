"""Readers turn a file or folder into a :class:`~labelaudit.domain.Dataset`.

Each reader is one file in this folder with a constant ``PLUGIN``, a :class:`Reader`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelaudit.config import ReadOptions
from labelaudit.errors import ReadError, UnknownNameError, UsageError, did_you_mean
from labelaudit.progress import ProgressCallback, silent
from labelaudit.readers._again import found_again
from labelaudit.registry import Registry

if TYPE_CHECKING:
    from labelaudit.domain import Dataset, Origin

__all__ = ["READERS", "Reader", "found_again", "image_folders", "read", "read_again"]


@dataclass(frozen=True, kw_only=True)
class Reader:
    """A way to read labelled data.

    Parameters
    ----------
    name : str
        Name of the plugin, the same as its file's.
    summary : str
        What it reads, in one line.
    matches : callable
        ``matches(path) -> int``: 0 if the path (which exists) is not for this reader, 1 if it may be, 2 if it surely
        is. Looks at names only.
    read : callable
        ``read(path, options, tell) -> Dataset`` with an :class:`~labelaudit.domain.Origin` whose options are resolved,
        so that reading again with them gives the same dataset. ``tell`` is told of work that may take long.
    """

    name: str
    summary: str
    matches: Callable[[Path], int]
    read: Callable[[Path, ReadOptions, ProgressCallback], Dataset]


_MEND = {
    **dict.fromkeys((".xlsx", ".xls", ".ods"), "Save the sheet as CSV (UTF-8)."),
    **dict.fromkeys((".zip", ".tar", ".tgz", ".7z"), "Unpack the archive first."),
}

READERS: Registry[Reader] = Registry("reader", "labelaudit.readers", Reader)


def read(
    path: str | os.PathLike[str],
    options: ReadOptions | None = None,
    *,
    progress: ProgressCallback | None = None,
    **changes: Any,
) -> Dataset:
    """Read labelled data from a file or folder.

    What is not given is recognised where it is unmistakable: the reader by the file, the columns by usual names and by
    their values. What was recognised stands in ``dataset.origin.options``, in words in ``dataset.origin.notes``.

    Parameters
    ----------
    path : path-like
        CSV or TSV (also ``.gz``), JSONL or a JSON array, Parquet or a folder of its shards, a folder of images with one
        folder a class, a Hugging Face dataset saved on disk, NumPy labels (``.npy``), or a folder with ``labels.npy``.
    options : ReadOptions, optional
        How to read.
    progress : callable, optional
        Called with steps done, steps in all and what is being done, where it may take long: images are looked at one by
        one.
    **changes
        Fields of :class:`~labelaudit.config.ReadOptions` that replace those of `options`: ``label``, ``text``,
        ``image``, ``id``, ``features``, ``drop``, ``group``, ``embeddings``, ``pred_probs``, ``classes``, ``encoding``,
        ``delimiter``, ``unpack_to``, ``check_images``, ``normalize``, ``reader``. Where several values
        fit, one string is as good as a list.

    Returns
    -------
    Dataset

    Raises
    ------
    UsageError
        If `path` is no path.
    ReadError
        If the file is missing, broken, or cannot be told to be labelled data.
    LabelsError
        If its labels cannot be audited.
    ProbabilityError
        If given probabilities do not fit.
    UnknownNameError
        If an option or a column does not exist.
    OutputError
        If images that the file holds cannot be unpacked.
    """
    try:
        source = Path(path)
    except TypeError as error:
        raise UsageError(
            f"read() takes the path of a file or folder, and this is a {type(path).__name__}.",
            "What is in memory becomes a dataset with labelaudit.Dataset.from_arrays.",
        ) from error
    chosen = replace(options or ReadOptions(), **_plain(changes))
    try:
        if not source.exists():
            raise _missing(source)
        reader = READERS.get(chosen.reader) if chosen.reader else _recognised(source)
        return reader.read(source, chosen, progress or silent)
    except OSError as error:
        # No permission, a name too long, a disk that fails: whichever reader met it.
        raise ReadError(
            f"{error.filename or source} cannot be read: {error.strerror or error}.",
            "Check the path and its permissions.",
        ) from error


def read_again(origin: Origin, audit_folder: str | None) -> Dataset:
    """Read the data of an audit once more, with the columns and options that it was read with.

    Images are not looked at: one that is broken by now must not hide all others.

    Parameters
    ----------
    origin : Origin
        Of the audit.
    audit_folder : str or None
        Folder of the audit, from which data is found where the command runs in another folder than before.

    Returns
    -------
    Dataset
        Whether it is still the same data, its fingerprint tells; its origin has paths that hold here and now.

    Raises
    ------
    ReadError
        If the data is not there, and all errors of :func:`read`.
    """
    found = found_again(origin, audit_folder)
    return read(found.path, replace(ReadOptions.from_dict(found.options), check_images=False))


def image_folders(origin: Origin) -> tuple[Path, Path]:
    """Return the resolved folders in which the images of a dataset may lie: that of the data, and the unpacked one."""
    from labelaudit.readers import _image_paths as paths

    unpacked = paths.unpack_folder(Path(origin.path), origin.options.get("unpack_to"))
    return paths.data_folder(Path(origin.path)).resolve(), unpacked.resolve()


def _plain(changes: dict[str, Any]) -> dict[str, Any]:
    kinds = {option.name: option.type for option in fields(ReadOptions)}
    plain: dict[str, Any] = {}
    for name, value in changes.items():
        if name not in kinds:
            raise UnknownNameError.among("read option", name, kinds)
        if str(kinds[name]).startswith("tuple"):
            several = value if isinstance(value, list | tuple) else () if value is None else (value,)
            plain[name] = tuple(os.fspath(part) if isinstance(part, os.PathLike) else part for part in several)
        else:
            plain[name] = os.fspath(value) if isinstance(value, os.PathLike) else value
    return plain


def _recognised(path: Path) -> Reader:
    ranked = sorted(((reader.matches(path), reader) for _, reader in READERS), key=lambda pair: -pair[0])
    certainty, reader = ranked[0]
    if certainty > 0:
        return reader
    kinds = "; ".join(reader.summary for _, reader in READERS)
    kind = "folder" if path.is_dir() else "file"
    fix = _MEND.get(path.suffix.lower(), "Choose a reader with --reader.")
    raise ReadError(f"{path} is no {kind} that any reader knows.", f"{fix} Known: {kinds}.")


def _missing(path: Path) -> ReadError:
    if not path.parent.is_dir():
        return ReadError(f"There is no folder {path.parent}.", "Check the path.")
    if path.is_symlink():
        return ReadError(f"{path} is a link to {path.readlink()}, which is not there.", "Mend the link.")
    siblings = [entry.name for entry in path.parent.iterdir()]
    return ReadError(f"There is no file or folder {path}.", f"{did_you_mean(path.name, siblings)}Check the path.")
