"""Arrays on disk: memory-mapped, never unpickled, checked before use."""

from __future__ import annotations

from pathlib import Path
from tokenize import TokenError
from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.arrays import are_all_alike
from labelaudit.errors import DataError, MissingExtraError, ProbabilityError, ReadError
from labelaudit.probabilities import NormalizedProbs, check_shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from labelaudit.domain import ProbSource

__all__ = ["open_embeddings", "open_npy", "open_pred_probs", "source_path"]

_BLOCK_BYTES = 32_000_000
_LARGEST = 1e15  # of an embedding
# What numpy.load raises for broken files; the head of one is parsed like Python source.
_BROKEN = (OSError, ValueError, EOFError, SyntaxError, TokenError, TypeError, OverflowError)


def source_path(name: str, beside: Path) -> Path:
    """Return the path of a file named by an option: as it stands, else beside the data."""
    path = Path(name)
    neighbour = (beside if beside.is_dir() else beside.parent) / path
    return neighbour if not path.exists() and neighbour.exists() else path


def open_npy(path: Path, what: str, error: type[DataError] = ReadError) -> NDArray[Any]:
    """Map an array from a ``.npy`` file.

    Parameters
    ----------
    path : Path
        File written by :func:`numpy.save`.
    what : str
        What it holds, for messages: ``"labels"``, ``"embeddings"``, ``"pred_probs"``.
    error : type
        Class of the error to raise.

    Raises
    ------
    DataError
        Of the class `error`, if the file is missing, damaged, or holds Python objects.
    """
    if path.is_dir() or not path.exists():
        kind = "is a folder" if path.is_dir() else "does not exist"
        raise error(f"The file of {what}, {path}, {kind}.", "Give the path of a .npy file.")
    try:
        loaded = np.load(path, mmap_mode="r", allow_pickle=False)
    except _BROKEN as problem:
        raise _unreadable(path, what, error, problem) from problem
    if isinstance(loaded, np.ndarray):
        return loaded
    loaded.close()
    raise error(
        f"{what} '{path.name}' is an archive of several arrays.", "Save the one array by itself with numpy.save."
    )


def _unreadable(path: Path, what: str, error: type[DataError], problem: Exception) -> DataError:
    if "allow_pickle" in str(problem) or "Python objects in dtype" in str(problem) or "pickle" in str(problem):
        return error(
            f"{what} '{path.name}' holds Python objects or is no .npy file; objects are never unpickled.",
            "Save numbers or strings: numpy.save(path, numpy.asarray(values, dtype=...)).",
        )
    return error(
        f"{what} '{path.name}' cannot be read: {problem}.", "The file is truncated or damaged; write or copy it again."
    )


def open_embeddings(path: Path, n: int) -> tuple[NDArray[np.floating], list[str]]:
    """Map embeddings ``(n, d)`` and check every number.

    Returns
    -------
    embeddings : (n, d) array
    notes : list of str
        What is odd about them, in words.

    Raises
    ------
    ReadError
        If the shape or type is wrong, a row holds NaN or infinity, or all rows are the same.
    """
    array, what = open_npy(path, "embeddings"), f"embeddings '{path.name}'"
    if array.ndim != 2 or array.shape[1] == 0 or array.dtype.kind not in "fiu":
        raise ReadError(
            f"{what} has the shape {array.shape} and the type {array.dtype}.", "Give an (n, d) array of numbers."
        )
    if len(array) != n:
        raise ReadError(f"{what} has {len(array)} rows but there are {n} items.", "Give one row for each item.")
    if array.dtype.kind != "f":
        array = array.astype(np.float32)
    step = max(1, _BLOCK_BYTES // (array.shape[1] * array.dtype.itemsize))
    empty: list[int] = []
    for start in range(0, n, step):
        with np.errstate(over="ignore"):
            # Squares are added up: beyond the root of the largest number distances are infinite.
            fits = (np.abs(array[start : start + step]) < _LARGEST).all(axis=1)
        if not fits.all():
            row = start + int(fits.argmin()) + 1
            large = np.isfinite(array[row - 1]).all()
            found = f"a number beyond {_LARGEST:.0e}" if large else "a NaN or an infinite number"
            raise ReadError(f"{what}, row {row}: there is {found}.", "Embed this item again.")
        empty += (start + np.flatnonzero(~array[start : start + step].any(axis=1))).tolist()
    if are_all_alike(array):
        raise ReadError(
            f"{what}: all {n} rows are the same vector, so they tell no item from another.",
            "Embed the items again, or leave --embeddings out.",
        )
    return array, _of_empty(empty, what)


def _of_empty(rows: list[int], what: str) -> list[str]:
    """Say which embeddings have no direction, and so no neighbours."""
    if not rows:
        return []
    return [
        f"{len(rows)} rows of {what} are all zero, the first of them row {rows[0] + 1}: these items have no neighbours."
        " Embed them again unless they are empty."
    ]


def open_pred_probs(paths: Sequence[Path], *, n: int | None = None, normalize: bool = False) -> tuple[ProbSource, ...]:
    """Open sources of probabilities and check their shapes; contents are checked where they are read in blocks.

    Parameters
    ----------
    paths : sequence of Path
        ``.npy`` or ``.parquet`` files or ``.zarr`` folders, one a model.
    n : int, optional
        Expected number of rows.
    normalize : bool
        Scale rows to sum 1 when they are read.

    Raises
    ------
    ProbabilityError
        If a file cannot be opened, or a shape is wrong or differs from the first source's.
    """
    sources: list[ProbSource] = []
    for path in paths:
        name = f"pred_probs '{path.name}'"
        source = _open_source(path)
        n_classes = sources[0].shape[1] if sources else None
        check_shape(source, n, n_classes, name=name)
        sources.append(NormalizedProbs(source, name) if normalize else source)
    return tuple(sources)


def _open_source(path: Path) -> ProbSource:
    if path.suffix.lower() == ".zarr":
        return _open_zarr(path)
    if path.suffix.lower() != ".parquet":
        return open_npy(path, "pred_probs", ProbabilityError)
    if not path.is_file():
        raise ProbabilityError(f"The file of pred_probs, {path}, does not exist.", "Give the path of a file.")
    from labelaudit.chunks import ParquetProbs

    return ParquetProbs(path)


def _open_zarr(path: Path) -> ProbSource:
    if not path.exists():
        raise ProbabilityError(f"The zarr array of pred_probs, {path}, does not exist.", "Give the path of its folder.")
    try:
        import zarr
    except ImportError as error:
        raise MissingExtraError.of("Reading zarr arrays", "zarr", "zarr") from error
    try:
        source: ProbSource = zarr.open_array(str(path), mode="r")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ProbabilityError(
            f"pred_probs '{path.name}' is no readable zarr array: {error}.",
            "Give the folder of one array; in a group, that of the array within.",
        ) from error
    return source
